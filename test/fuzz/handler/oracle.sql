-- What the fuzzer of the handlers believes, read out of the replies anew: after a handler has taken a reply the tables hold
-- each of its objects once, with its exact amounts, and nothing else has changed. Loaded into the fuzzer's database, schema
-- fuzz; fuzz.broken returns the promises that were broken, none as a rule.

CREATE SCHEMA fuzz;

-- As the dispatcher does: a handler that takes the text of the reply gets it instead of the jsonb.
CREATE FUNCTION fuzz.handle(endpoint text, args jsonb, reply json) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    handler text := (SELECT e.handler FROM k2bridge.endpoint e WHERE e.name = $1);
    takes_text boolean := to_regprocedure(handler || '(k2bridge.call_row, json)') IS NOT NULL;
BEGIN
    EXECUTE format(CASE WHEN takes_text THEN 'SELECT %s($1, $2)' ELSE 'SELECT %s($1)' END, handler)
      USING ROW(999, endpoint, 'fuzz', 'fuzz', args, 'ok', 1, 200, NULL, NULL, CASE WHEN NOT takes_text THEN reply::jsonb END, NULL, NULL,
                gen_random_uuid(), now(), 'postgres', now(), interval '1 second', NULL, NULL, NULL)::k2bridge.call_row, reply;
END
$$;

-- Objects of a list, those that say nothing left away.
CREATE FUNCTION fuzz.objects(list jsonb) RETURNS TABLE (item jsonb, place bigint) LANGUAGE sql IMMUTABLE AS $$
    SELECT e.item, e.place FROM jsonb_array_elements(CASE jsonb_typeof(list) WHEN 'array' THEN list ELSE '[]' END) WITH ORDINALITY AS e (item, place)
     WHERE jsonb_typeof(e.item) = 'object' AND e.item <> '{}'
$$;

CREATE FUNCTION fuzz.number_of(v jsonb) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$ SELECT (v #>> '{}')::numeric $$;

CREATE TABLE fuzz.former (what text, total bigint);
CREATE VIEW fuzz.state AS
    SELECT 'account' AS what, count(*) AS total FROM autoclient.account UNION ALL SELECT 'balance', count(*) FROM autoclient.balance
    UNION ALL SELECT 'transaction', count(*) FROM autoclient.transaction UNION ALL SELECT 'rate', count(*) FROM autoclient.rate
    UNION ALL SELECT 'document', count(*) FROM autoclient.document UNION ALL SELECT 'salary_receiver', count(*) FROM autoclient.salary_receiver
    UNION ALL SELECT 'salary_packet', count(*) FROM autoclient.salary_packet UNION ALL SELECT 'salary_line', count(*) FROM autoclient.salary_line
    UNION ALL SELECT 'corp_card', count(*) FROM autoclient.corp_card UNION ALL SELECT 'card_statement', count(*) FROM autoclient.card_statement
    UNION ALL SELECT 'acquiring_row', count(*) FROM autoclient.acquiring_row UNION ALL SELECT 'counterparty', count(*) FROM autoclient.counterparty
    UNION ALL SELECT 'payment', count(*) FROM autoclient.payment;

CREATE FUNCTION fuzz.before() RETURNS void LANGUAGE sql AS $$
    DELETE FROM fuzz.former;
    INSERT INTO fuzz.former SELECT s.what, s.total FROM fuzz.state s;
$$;

-- The table that an endpoint's reply goes to; others stay as they are.
CREATE FUNCTION fuzz.target(endpoint text) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN endpoint ~ '^balances' THEN '{balance,account}' WHEN endpoint ~ '^transactions' THEN '{transaction}'
                WHEN endpoint ~ '^currency' THEN '{rate}' WHEN endpoint ~ '^edoc_journal' THEN '{document}'
                WHEN endpoint IN ('salary_receivers', 'salary_update_receiver') THEN '{salary_receiver}'
                WHEN endpoint IN ('salary_packets', 'maspay_header') THEN '{salary_packet}' WHEN endpoint = 'maspay_content' THEN '{salary_line}'
                WHEN endpoint = 'corpcards' THEN '{corp_card}' WHEN endpoint = 'corp_statements' THEN '{card_statement}'
                WHEN endpoint = 'acquiring' THEN '{acquiring_row}' WHEN endpoint = 'check_counterparty' THEN '{counterparty}' ELSE '{}' END::text[]
$$;

CREATE FUNCTION fuzz.broken_transactions(args jsonb, reply jsonb) RETURNS SETOF text LANGUAGE sql STABLE AS $$
    WITH wanted AS MATERIALIZED (
        SELECT DISTINCT ON (k.acc, i.item ->> 'TRANTYPE', i.item ->> 'REF', i.item ->> 'REFN') k.acc, i.item
          FROM jsonb_array_elements(reply -> 'transactions') WITH ORDINALITY AS i (item, place)
         CROSS JOIN LATERAL (SELECT coalesce(args #>> '{about,acc}', autoclient.account_named('fuzz', i.item ->> 'AUT_MY_ACC')) AS acc) k
         ORDER BY k.acc, i.item ->> 'TRANTYPE', i.item ->> 'REF', i.item ->> 'REFN', i.place DESC
    )
    SELECT format('row %s is %s instead of %s', w.item ->> 'REF', t.sum, w.item -> 'SUM')
      FROM wanted w LEFT JOIN autoclient.transaction t
        ON t.server = 'fuzz' AND t.acc = w.acc AND t.trantype = w.item ->> 'TRANTYPE' AND t.ref = w.item ->> 'REF' AND t.refn = w.item ->> 'REFN'
     WHERE (t.sum IS NOT DISTINCT FROM fuzz.number_of(w.item -> 'SUM') AND t.sum_e IS NOT DISTINCT FROM fuzz.number_of(w.item -> 'SUM_E') AND t.ref IS NOT NULL
            AND t.osnd IS NOT DISTINCT FROM w.item ->> 'OSND') IS NOT TRUE
    UNION ALL
    SELECT format('%s rows instead of %s', count(*), (SELECT count(*) FROM wanted)) FROM autoclient.transaction HAVING count(*) <> (SELECT count(*) FROM wanted)
$$;

CREATE FUNCTION fuzz.broken_list(endpoint text, args jsonb, reply jsonb) RETURNS SETOF text LANGUAGE sql STABLE AS $$
    SELECT format('document %s is %s instead of %s', i.item ->> 'ID', d.amount, i.item -> 'AMOUNT')
      FROM fuzz.objects(reply -> 'documents') i LEFT JOIN autoclient.document d ON d.id = i.item ->> 'ID'
     WHERE endpoint ~ '^edoc_journal' AND i.item ->> 'ID' IS NOT NULL AND (SELECT count(*) FROM fuzz.objects(reply -> 'documents') o WHERE o.item ->> 'ID' = i.item ->> 'ID') = 1
       AND (d.id IS NULL OR d.amount IS DISTINCT FROM fuzz.number_of(i.item -> 'AMOUNT'))
    UNION ALL
    SELECT format('line %s is %s instead of %s', i.item ->> 'ref', l.amount, i.item -> 'amount')
      FROM fuzz.objects(reply) i LEFT JOIN autoclient.salary_line l ON l.ref = i.item ->> 'ref' AND l.packet = args ->> 'ref'
     WHERE endpoint = 'maspay_content' AND i.item ->> 'ref' IS NOT NULL AND (SELECT count(*) FROM fuzz.objects(reply) o WHERE o.item ->> 'ref' = i.item ->> 'ref') = 1
       AND (l.ref IS NULL OR l.amount IS DISTINCT FROM fuzz.number_of(i.item -> 'amount'))
    UNION ALL
    SELECT format('line %s of acquiring is %s instead of %s', i.place, a.tran_amt, i.item -> 'Tran_Amt')
      FROM fuzz.objects(reply -> 'dataCollections') i LEFT JOIN autoclient.acquiring_row a ON a.line = i.place
     WHERE endpoint = 'acquiring' AND (a.line IS NULL OR a.tran_amt IS DISTINCT FROM fuzz.number_of(i.item -> 'Tran_Amt'))
    UNION ALL
    SELECT format('balance of %s is %s instead of %s', i.item ->> 'dpd', b.balance_out, i.item -> 'balanceOut')
      FROM fuzz.objects(reply -> 'balances') i
      JOIN autoclient.balance b ON b.acc = i.item ->> 'acc' AND b.day = to_date(i.item ->> 'dpd', 'DD.MM.YYYY')
     WHERE endpoint ~ '^balances' AND i.item ->> 'dpd' ~ '^\d\d\.\d\d\.\d{4} 00:00:00$' AND b.balance_out IS DISTINCT FROM fuzz.number_of(i.item -> 'balanceOut')
       AND (SELECT count(*) FROM fuzz.objects(reply -> 'balances') o WHERE o.item ->> 'acc' = i.item ->> 'acc' AND left(o.item ->> 'dpd', 10) = left(i.item ->> 'dpd', 10)) = 1
$$;

-- A call that was settled as done was found: its object stands in the reply.
CREATE FUNCTION fuzz.broken_verification(args jsonb, reply jsonb) RETURNS SETOF text LANGUAGE sql STABLE AS $$
    SELECT 'call ' || o.id || ' was settled by ' || o.found::text
      FROM k2bridge.outbox o
     WHERE o.id = (args #>> '{about,call_id}')::bigint AND o.wish = 'ok' AND NOT CASE o.id
           WHEN 1 THEN jsonb_path_exists(reply, '$.documents[*] ? (@.ORIGINAL_DOC_NAME == "rahunok_1.pdf" || @.DOC_NAME == "rahunok_1.pdf")')
           WHEN 2 THEN NOT EXISTS (SELECT FROM fuzz.objects(reply -> 'documents') i WHERE i.item ->> 'ID' = '7000000000' AND i.item ->> 'STATUS' IS DISTINCT FROM '16')
           WHEN 3 THEN jsonb_path_exists(reply, '$[*] ? (@.packetName == "Аванс № 1" && @.system == "maspay")')
           WHEN 4 THEN EXISTS (SELECT FROM fuzz.objects(reply) i WHERE i.item ->> 'comment' = 'аванс' AND fuzz.number_of(i.item -> 'amount') = 1250.50)
           WHEN 5 THEN NOT EXISTS (SELECT FROM fuzz.objects(reply) i WHERE i.item ->> 'ref' = 'ln-1')
           WHEN 6 THEN reply ->> 'status' IN ('P', 'W')
           ELSE EXISTS (SELECT FROM fuzz.objects(reply) i WHERE i.item #>> '{project,reference}' = '12A08000132' AND i.item ->> 'reportYm' = '202602') END
$$;

CREATE FUNCTION fuzz.broken(endpoint text, args jsonb, reply jsonb) RETURNS SETOF text LANGUAGE sql STABLE AS $$
    SELECT 'table ' || s.what || ' changed, though the reply is not about it'
      FROM fuzz.state s JOIN fuzz.former f USING (what) WHERE s.total <> f.total AND s.what <> ALL (fuzz.target(endpoint))
    UNION ALL SELECT fuzz.broken_transactions(args, reply) WHERE endpoint ~ '^transactions'
    UNION ALL SELECT fuzz.broken_list(endpoint, args, reply)
    UNION ALL SELECT fuzz.broken_verification(args, reply) WHERE endpoint ~ '^verify'
$$;
