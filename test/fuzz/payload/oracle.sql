-- What the fuzzer of the payloads believes, written anew from the wire document: which values are good, which items of a
-- batch must be taken or refused, what the tables hold afterwards. Loaded into the fuzzer's database, schema fuzz.
--
-- Before a call fuzz.before() notes the state; afterwards fuzz.broken(service, payload, reply, note) returns the promises
-- that were broken, none as a rule. The fuzzer rolls back after each payload.

CREATE SCHEMA fuzz;

CREATE TABLE fuzz.field (service text, key text, kind text, required boolean, most integer, PRIMARY KEY (service, key));
INSERT INTO fuzz.field VALUES
    ('k2loan_from_eko', 'iinbin', 'iin', true, NULL), ('k2loan_from_eko', 'request_id', 'int8', false, NULL),
    ('k2loan_from_eko', 'iban', 'text', false, NULL), ('k2loan_from_eko', 'cur', 'text', true, NULL),
    ('k2loan_from_eko', 'debt', 'amount', true, NULL), ('k2loan_from_eko', 'fullname', 'text', true, NULL),
    ('k2loan_from_eko', 'contract_number', 'text', true, 255),
    ('k2loan_from_eko', 'dbz_contract_number', 'text', true, 255), ('k2loan_from_eko', 'dbz_dt', 'date', false, NULL),
    ('k2loan_from_eko', 'dep_id', 'int8', false, NULL), ('k2loan_from_eko', 'id', 'int8', false, NULL),
    ('k2loan_from_eko', 'problemfl', 'int4', false, NULL), ('k2loan_from_eko', 'segment', 'text', false, 20),
    ('k2loan_from_eko', 'dea_dord', 'date', false, NULL), ('k2loan_from_eko', 'dea_dep_id', 'int8', false, NULL),
    ('k2loan_from_eko', 'dea_id', 'int8', false, NULL), ('k2loan_from_eko', 'dea_code', 'text', false, NULL),
    ('k2loan_from_eko', 'overdue_days', 'int4', true, NULL), ('k2loan_from_eko', 'system', 'text', true, 50),
    ('k2loan_sync_debt', 'request_id', 'int8', false, NULL), ('k2loan_sync_debt', 'debt', 'balance', true, NULL),
    ('k2loan_sync_debt', 'contract_number', 'text', true, NULL),
    ('k2extreq_pay_from_eko', 'request_id', 'int8', false, NULL), ('k2extreq_pay_from_eko', 'trn_id', 'int8', true, NULL),
    ('k2extreq_pay_from_eko', 'refer', 'text', true, NULL), ('k2extreq_pay_from_eko', 'cur', 'text', true, NULL),
    ('k2extreq_pay_from_eko', 'amount', 'amount', true, NULL),
    ('k2extreq_pay_from_eko', 'incoming_amount', 'amount', false, NULL),
    ('k2extreq_by_dbz', 'contract_number', 'text', true, NULL), ('k2extreq_by_dbz', 'dbz_dt', 'date', true, NULL);

CREATE FUNCTION fuzz.number_of(v jsonb) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN jsonb_typeof(v) = 'number' THEN (v #>> '{}')::numeric
                WHEN jsonb_typeof(v) = 'string' AND length(v #>> '{}') <= 64 AND v #>> '{}' ~ '^-?[0-9]+([.][0-9]+)?$'
                THEN (v #>> '{}')::numeric END
$$;

CREATE FUNCTION fuzz.date_of(v jsonb) RETURNS date LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    whole text := CASE jsonb_typeof(v) WHEN 'string' THEN v #>> '{}' END;
    part text[] := regexp_match(whole,
        '^(?:([0-9]{4})([-.])([0-9]{2})\2([0-9]{2})|([0-9]{2})\.([0-9]{2})\.([0-9]{4}))(?:[ T](.*))?$');
    clock text[];
BEGIN
    IF part IS NULL THEN
        RETURN NULL;
    ELSIF part[8] IS NOT NULL THEN
        clock := regexp_match(part[8],
            '^([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.[0-9]{1,9})?)?(?:[zZ]|[+-]([0-9]{2})(?::?[0-9]{2})?)?$');
        IF clock IS NULL OR clock[1]::integer > 24 OR clock[2]::integer > 59 OR clock[3]::integer > 60 OR clock[4]::integer > 15 THEN
            RETURN NULL;
        END IF;
    END IF;
    RETURN make_date(coalesce(part[1], part[7])::integer, coalesce(part[3], part[6])::integer, coalesce(part[4], part[5])::integer);
EXCEPTION WHEN datetime_field_overflow THEN
    RETURN NULL;
END
$$;

CREATE FUNCTION fuzz.text_of(v jsonb) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN jsonb_typeof(v) IN ('string', 'number') THEN nullif(v #>> '{}', '') END
$$;

CREATE FUNCTION fuzz.absent(v jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT v IS NULL OR v IN ('null', '""') $$;

CREATE FUNCTION fuzz.fits(v jsonb, kind text, required boolean, most integer) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(CASE
        WHEN fuzz.absent(v) THEN NOT required
        WHEN kind = 'iin' THEN fuzz.text_of(v) ~ '^[0-9]{12}$'
        WHEN kind = 'text' THEN fuzz.text_of(v) IS NOT NULL AND coalesce(char_length(fuzz.text_of(v)) <= most, true)
        WHEN kind = 'date' THEN fuzz.date_of(v) IS NOT NULL
        WHEN kind = 'amount' THEN fuzz.number_of(v) >= 0 AND fuzz.number_of(v) < 1e18 AND scale(trim_scale(fuzz.number_of(v))) <= 2
        WHEN kind = 'balance' THEN abs(fuzz.number_of(v)) < 1e18 AND scale(trim_scale(fuzz.number_of(v))) <= 2
        WHEN kind = 'int4' THEN fuzz.number_of(v) BETWEEN -2147483648 AND 2147483647 AND scale(trim_scale(fuzz.number_of(v))) = 0
        WHEN kind = 'int8' THEN fuzz.number_of(v) BETWEEN -9223372036854775808 AND 9223372036854775807
                                AND scale(trim_scale(fuzz.number_of(v))) = 0
    END, false)
$$;

CREATE FUNCTION fuzz.valid(service text, item jsonb) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT jsonb_typeof(item) = 'object'
       AND (SELECT bool_and(fuzz.fits(item -> f.key, f.kind, f.required, f.most)) FROM fuzz.field f WHERE f.service = $1)
$$;

CREATE FUNCTION fuzz.items(payload jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN jsonb_typeof(payload) = 'array' THEN payload
                WHEN jsonb_typeof(payload) = 'object' AND jsonb_typeof(payload -> 'items') = 'array' THEN payload -> 'items' END
$$;

-- Everything a service may change, one line per row; rows of loans are compared on their own.
CREATE VIEW fuzz.state AS
    SELECT 'req ' || t::text AS line FROM k2.req t UNION ALL SELECT 'extreq ' || t::text FROM k2.extreq t
    UNION ALL SELECT 'pay ' || t::text FROM k2.extreq_pay t UNION ALL SELECT 'loan ' || t::text FROM k2.loan t
    UNION ALL SELECT 'exclude ' || t::text FROM k2.loan_exclude t UNION ALL SELECT 'hist ' || t::text FROM k2.loan_exclude_hist t
    UNION ALL SELECT 'event ' || t::text FROM k2.extreq_event t UNION ALL SELECT 'req event ' || t::text FROM k2.req_event t
    UNION ALL SELECT 'rzap ' || t::text FROM k2.rzap_item t UNION ALL SELECT 'debt ' || t::text FROM k2.loan_debt t
    UNION ALL SELECT 'client ' || t::text FROM k2.client t UNION ALL SELECT 'outbox ' || t.id FROM k2bridge.outbox t;

CREATE TABLE fuzz.former_loan (id bigint, line text);
CREATE TABLE fuzz.former_payment (trn_id bigint);

CREATE FUNCTION fuzz.before() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM fuzz.former_loan;
    DELETE FROM fuzz.former_payment;
    INSERT INTO fuzz.former_loan SELECT l.id, l::text FROM k2.loan l;
    INSERT INTO fuzz.former_payment SELECT p.trn_id FROM k2.extreq_pay p;
    RETURN (SELECT jsonb_build_object('state', (SELECT md5(string_agg(s.line, e'\n' ORDER BY s.line COLLATE "C")) FROM fuzz.state s),
                                      'rejected', (SELECT coalesce(max(r.id), 0) FROM k2bridge.rejected_item r)));
END
$$;

CREATE FUNCTION fuzz.same_state(note jsonb) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT note ->> 'state' = (SELECT md5(string_agg(s.line, e'\n' ORDER BY s.line COLLATE "C")) FROM fuzz.state s)
$$;

-- The form of every reply.
CREATE FUNCTION fuzz.broken_envelope(reply jsonb, is_batch boolean) RETURNS SETOF text LANGUAGE sql STABLE AS $$
    SELECT p.text FROM (VALUES
        (jsonb_typeof(reply) = 'object', 'the reply is an object'),
        (jsonb_typeof(reply -> 'error_code') = 'number' AND reply ->> 'error_code' ~ '^[0-9]+$', 'error_code is an integer'),
        (jsonb_typeof(reply -> 'error_text') = 'string', 'error_text is a text'),
        ((reply ->> 'error_code' = '0') = (reply ->> 'error_text' = ''), 'error_text is empty just when error_code is 0'),
        (reply - '{error_code,error_text,errors,items}'::text[] = '{}', 'there are no other keys'),
        (is_batch OR NOT reply ? 'errors', 'only batches have errors'),
        (NOT reply ? 'items' OR reply ->> 'error_code' = '0', 'only a success has items')
    ) AS p (kept, text) WHERE p.kept IS NOT TRUE
    UNION ALL
    SELECT 'an error of an item has code, text and request_id: ' || left(e::text, 200)
      FROM jsonb_array_elements(CASE jsonb_typeof(reply -> 'errors') WHEN 'array' THEN reply -> 'errors' ELSE '[]' END) e
     WHERE (jsonb_typeof(e -> 'error_code') = 'number' AND e ->> 'error_code' ~ '^[1-9][0-9]*$'
            AND jsonb_typeof(e -> 'error_text') = 'string' AND e ->> 'error_text' <> '' AND e -> 'request_id' <> 'null'
            AND e - '{error_code,error_text,request_id}'::text[] = '{}') IS NOT TRUE
$$;

CREATE TYPE fuzz.judged AS ("position" bigint, item jsonb, valid boolean, refused boolean);

-- Refused items are kept as sent, and answered one by one in the order of the payload.
CREATE FUNCTION fuzz.broken_errors(service text, items jsonb, reply jsonb, note jsonb) RETURNS SETOF text
    LANGUAGE sql STABLE AS $$
    WITH kept AS (
        SELECT r."position", r.item, r.error_code, r.error_text FROM k2bridge.rejected_item r
         WHERE r.id > (note ->> 'rejected')::bigint AND r.service = $1
    )
    SELECT 'rejected item ' || k."position" || ' is not as sent' FROM kept k WHERE k.item IS DISTINCT FROM items -> (k."position" - 1)
    UNION ALL
    SELECT 'rejected item ' || k."position" || ' was kept twice' FROM kept k GROUP BY k."position" HAVING count(*) > 1
    UNION ALL
    SELECT 'errors differ from the items kept' WHERE coalesce(reply -> 'errors', '[]') IS DISTINCT FROM coalesce(
        (SELECT jsonb_agg(jsonb_build_object('error_code', k.error_code, 'error_text', k.error_text, 'request_id',
                                             coalesce(nullif(k.item -> 'request_id', 'null'), to_jsonb(k."position")))
                          ORDER BY k."position") FROM kept k), '[]')
    UNION ALL
    SELECT 'error_code is 0 just when no item was refused' WHERE (reply ->> 'error_code' = '0') <> NOT EXISTS (SELECT FROM kept)
$$;

CREATE FUNCTION fuzz.judge(service text, items jsonb, note jsonb) RETURNS SETOF fuzz.judged LANGUAGE sql STABLE AS $$
    SELECT i."position", i.item, coalesce(fuzz.valid($1, i.item), false),
           EXISTS (SELECT FROM k2bridge.rejected_item r WHERE r.id > (note ->> 'rejected')::bigint AND r.service = $1
                                                          AND r."position" = i."position")
      FROM jsonb_array_elements(items) WITH ORDINALITY AS i (item, "position")
$$;

-- Of a repeated key the last good item counts. A good item is never refused; one that a later one of its key replaces
-- may be judged or not.
CREATE FUNCTION fuzz.broken_loans(items jsonb, note jsonb) RETURNS SETOF text LANGUAGE sql STABLE AS $$
    WITH judged AS MATERIALIZED (
        SELECT j.*, j.item ->> 'system' AS system, j.item ->> 'contract_number' AS contract_number,
               j.valid AND NOT (j.item ->> 'system' = 'way4' AND fuzz.absent(j.item -> 'iban'))
                       AND j.item ->> 'fullname' <> 'refused by a constraint' AS good
          FROM fuzz.judge('k2loan_from_eko', items, note) j
    ), wanted AS MATERIALIZED (
        SELECT DISTINCT ON (j.system, j.contract_number) j.* FROM judged j WHERE j.good
         ORDER BY j.system, j.contract_number, j."position" DESC
    )
    SELECT 'item ' || j."position" || ' was refused though good' FROM judged j WHERE j.good AND j.refused
    UNION ALL
    SELECT 'item ' || j."position" || ' was taken though faulty' FROM judged j
     WHERE NOT j.good AND NOT j.refused AND NOT (j.valid AND EXISTS (SELECT FROM judged k
           WHERE k.valid AND k."position" > j."position" AND k.system = j.system AND k.contract_number = j.contract_number))
    UNION ALL
    SELECT 'item ' || w."position" || CASE WHEN l.id IS NULL THEN ' was neither stored nor refused' ELSE ' was stored with other values' END
      FROM wanted w LEFT JOIN k2.loan l ON l.system = w.system AND l.contract_number = w.contract_number
      LEFT JOIN fuzz.former_loan f ON f.id = l.id
     WHERE (l.debt = fuzz.number_of(w.item -> 'debt') AND l.iinbin = w.item ->> 'iinbin' AND l.fullname = w.item ->> 'fullname'
            AND l.cur = w.item ->> 'cur' AND l.overdue_days = fuzz.number_of(w.item -> 'overdue_days')
            AND l.dbz_contract_number = w.item ->> 'dbz_contract_number'
            AND l.request_id IS NOT DISTINCT FROM fuzz.number_of(w.item -> 'request_id')
            AND (f.id IS NOT NULL AND fuzz.absent(w.item -> 'dbz_dt') OR l.dbz_dt IS NOT DISTINCT FROM fuzz.date_of(w.item -> 'dbz_dt'))
            AND (f.id IS NOT NULL AND fuzz.absent(w.item -> 'iban') OR l.iban IS NOT DISTINCT FROM fuzz.text_of(w.item -> 'iban'))
            AND l.extra IS NOT DISTINCT FROM nullif(w.item - ARRAY(SELECT d.key FROM fuzz.field d WHERE d.service = 'k2loan_from_eko'), '{}')
           ) IS NOT TRUE
    UNION ALL
    SELECT 'loan ' || left(l.contract_number, 50) || ' changed though nobody sent it' FROM k2.loan l
      LEFT JOIN fuzz.former_loan f ON f.id = l.id
     WHERE l::text IS DISTINCT FROM f.line
       AND NOT EXISTS (SELECT FROM judged j WHERE j.good AND j.system = l.system AND j.contract_number = l.contract_number)
    UNION ALL
    SELECT 'loan ' || left(l.contract_number, 50) || ' has no history or no client' FROM k2.loan l
     WHERE NOT EXISTS (SELECT FROM k2.client c WHERE c.iin = l.iinbin)
        OR (SELECT d.debt FROM k2.loan_debt d WHERE d.loan_id = l.id ORDER BY d.at DESC, d.debt = l.debt DESC LIMIT 1) IS DISTINCT FROM l.debt
$$;

CREATE FUNCTION fuzz.broken_debts(items jsonb, note jsonb) RETURNS SETOF text LANGUAGE sql STABLE AS $$
    WITH judged AS MATERIALIZED (
        SELECT j.*, j.item ->> 'contract_number' AS contract_number,
               j.valid AND (SELECT count(*) FROM k2.loan l WHERE l.contract_number = j.item ->> 'contract_number') = 1 AS good
          FROM fuzz.judge('k2loan_sync_debt', items, note) j
    ), wanted AS MATERIALIZED (
        SELECT DISTINCT ON (j.contract_number) j.* FROM judged j WHERE j.good ORDER BY j.contract_number, j."position" DESC
    )
    SELECT 'item ' || j."position" || ' was refused though good' FROM judged j WHERE j.good AND j.refused
    UNION ALL
    SELECT 'item ' || j."position" || ' was taken though faulty' FROM judged j
     WHERE NOT j.good AND NOT j.refused AND NOT (j.valid AND EXISTS (SELECT FROM judged k
           WHERE k.valid AND k."position" > j."position" AND k.contract_number = j.contract_number))
    UNION ALL
    SELECT 'the debt of item ' || w."position" || ' was not stored' FROM wanted w
      JOIN k2.loan l ON l.contract_number = w.contract_number WHERE l.debt <> fuzz.number_of(w.item -> 'debt')
    UNION ALL
    SELECT 'loan ' || left(l.contract_number, 50) || ' changed though nobody sent it' FROM k2.loan l
      LEFT JOIN fuzz.former_loan f ON f.id = l.id
     WHERE l::text IS DISTINCT FROM f.line AND NOT EXISTS (SELECT FROM wanted w WHERE w.contract_number = l.contract_number)
$$;

CREATE FUNCTION fuzz.broken_payments(items jsonb, note jsonb) RETURNS SETOF text LANGUAGE sql STABLE AS $$
    WITH judged AS MATERIALIZED (
        SELECT j.*, fuzz.number_of(j.item -> 'trn_id') AS trn_id, j.item ->> 'refer' AS refer,
               j.valid AND EXISTS (SELECT FROM k2.extreq e WHERE e.code = j.item ->> 'refer' AND e.cur = j.item ->> 'cur')
                       AND NOT EXISTS (SELECT FROM fuzz.former_payment f WHERE f.trn_id = fuzz.number_of(j.item -> 'trn_id'))
                       AND fuzz.number_of(j.item -> 'incoming_amount') IS DISTINCT FROM 13.13 AS fine
          FROM fuzz.judge('k2extreq_pay_from_eko', items, note) j
    ), ranked AS MATERIALIZED (
        SELECT j.*, j.fine AND row_number() OVER (PARTITION BY j.fine, j.trn_id ORDER BY j."position") = 1 AS good,
               -- paid_amount, the sum, has the size of one amount
               sum(fuzz.number_of(j.item -> 'amount')) FILTER (WHERE j.fine) OVER () > 1e18 - 1 AS too_much
          FROM judged j
    )
    SELECT 'item ' || r."position" || CASE WHEN r.good THEN ' was refused though good' ELSE ' was taken though faulty' END
      FROM ranked r WHERE r.good = r.refused AND r.too_much IS NOT TRUE
    UNION ALL
    SELECT 'item ' || r."position" || ' is not stored as sent' FROM ranked r LEFT JOIN k2.extreq_pay p ON p.trn_id = r.trn_id
     WHERE r.good AND NOT r.refused AND (p.refer = r.refer AND p.cur = r.item ->> 'cur' AND p.amount = fuzz.number_of(r.item -> 'amount')
                       AND p.incoming_amount IS NOT DISTINCT FROM fuzz.number_of(r.item -> 'incoming_amount')
                       AND p.request_id IS NOT DISTINCT FROM fuzz.number_of(r.item -> 'request_id')
                       AND (SELECT count(*) FROM k2.extreq_event v WHERE v.kind = 'PAID' AND v.note = 'payment ' || p.trn_id) = 1
                      ) IS NOT TRUE
    UNION ALL
    SELECT 'payment ' || p.trn_id || ' was not sent' FROM k2.extreq_pay p
     WHERE NOT EXISTS (SELECT FROM fuzz.former_payment f WHERE f.trn_id = p.trn_id)
       AND NOT EXISTS (SELECT FROM ranked r WHERE r.fine AND NOT r.refused AND r.trn_id = p.trn_id)
    UNION ALL
    SELECT 'paid_amount of ' || e.code || ' is not the sum of its payments' FROM k2.extreq e
     WHERE e.paid_amount <> (SELECT coalesce(sum(p.amount), 0) FROM k2.extreq_pay p WHERE p.refer = e.code)
$$;

-- Whether a service that takes one object has all it needs.
CREATE FUNCTION fuzz.complete(service text, payload jsonb) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT jsonb_typeof(payload) = 'object' AND coalesce(CASE service
        WHEN 'k2extreq_by_dbz' THEN fuzz.valid(service, payload)
        WHEN 'k2req_status_from_eko' THEN fuzz.text_of(payload -> 'reference') IS NOT NULL
             AND fuzz.text_of(payload -> 'status_code') IN ('PC1', 'PC3', 'EXECUTED')
        WHEN 'k2inforeq_rzap_by_refer' THEN fuzz.text_of(payload -> 'refer') IS NOT NULL
        WHEN 'k2loan_exclude_on_by_iin_dbznum' THEN fuzz.text_of(payload -> 'iin') ~ '^[0-9]{12}$'
             AND char_length(fuzz.text_of(payload -> 'dbz_num')) <= 255 AND fuzz.text_of(payload -> 'fio') IS NOT NULL
             AND payload -> 'return_extreq' IN ('true', 'false', '"true"', '"false"')
             AND coalesce(jsonb_typeof(payload -> 'title'), 'null') IN ('string', 'null')
             AND coalesce(char_length(payload ->> 'title'), 0) <= 500
        WHEN 'k2loan_exclude_off_by_iin_dbznum' THEN fuzz.text_of(payload -> 'iin') IS NOT NULL
             AND fuzz.text_of(payload -> 'dbz_num') IS NOT NULL
        ELSE fuzz.text_of(payload -> 'reference') IS NOT NULL
             AND fuzz.text_of(payload -> 'reason_code') IN (SELECT r.code FROM k2.return_reason r)
    END, false)
$$;

CREATE FUNCTION fuzz.broken_single(service text, payload jsonb, reply jsonb, note jsonb) RETURNS SETOF text LANGUAGE sql STABLE AS $$
    WITH was AS (SELECT (reply ->> 'error_code')::integer AS code, fuzz.complete(service, payload) AS complete)
    SELECT p.text FROM was, LATERAL (VALUES
        (was.code IN (0, 404, 409) = was.complete, 'an incomplete payload is refused, a complete one is not'),
        (was.code = 400 OR jsonb_typeof(payload) IS NOT DISTINCT FROM 'object', 'what is no object is malformed'),
        (was.code = 0 OR was.code = 409 AND service = 'k2loan_exclude_on_by_iin_dbznum' OR fuzz.same_state(note),
         'a refusal changes nothing'),
        (service NOT IN ('k2extreq_by_dbz', 'k2inforeq_rzap_by_refer') OR fuzz.same_state(note), 'reading changes nothing'),
        (service NOT IN ('k2extreq_by_dbz', 'k2inforeq_rzap_by_refer') OR was.code <> 0 OR
         NOT EXISTS (SELECT FROM jsonb_path_query(reply, '$.items[*].*') v WHERE jsonb_typeof(v) <> 'string'),
         'every value is a string'),
        (service <> 'k2loan_exclude_on_by_iin_dbznum' OR was.code NOT IN (0, 409) OR
         EXISTS (SELECT FROM k2.loan_exclude e WHERE e.iin = payload ->> 'iin' AND e.dbz_num = payload ->> 'dbz_num' AND e.is_on
                    AND e.fio = payload ->> 'fio' AND e.title IS NOT DISTINCT FROM nullif(payload ->> 'title', '')), 'the ban is on'),
        (service <> 'k2loan_exclude_off_by_iin_dbznum' OR
         NOT EXISTS (SELECT FROM k2.loan_exclude e WHERE e.iin = payload ->> 'iin' AND e.dbz_num = payload ->> 'dbz_num' AND e.is_on),
         'the ban is off')
    ) AS p (kept, text) WHERE p.kept IS NOT TRUE
$$;

CREATE FUNCTION fuzz.is_batch(service text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT service IN ('k2loan_from_eko', 'k2loan_sync_debt', 'k2extreq_pay_from_eko')
$$;

CREATE FUNCTION fuzz.broken(service text, payload jsonb, reply jsonb, note jsonb) RETURNS SETOF text
    LANGUAGE plpgsql AS $$
DECLARE
    items jsonb := fuzz.items(payload);
BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;
    RETURN QUERY SELECT fuzz.broken_envelope(reply, fuzz.is_batch(service));
    IF NOT fuzz.is_batch(service) THEN
        RETURN QUERY SELECT fuzz.broken_single(service, payload, reply, note);
    ELSIF items IS NULL THEN
        IF reply ->> 'error_code' <> '400' OR NOT fuzz.same_state(note) THEN
            RETURN NEXT 'what is no batch is malformed and changes nothing';
        END IF;
    ELSE
        RETURN QUERY SELECT fuzz.broken_errors(service, items, reply, note);
        RETURN QUERY EXECUTE format('SELECT fuzz.%I($1, $2)', CASE service WHEN 'k2loan_from_eko' THEN 'broken_loans'
            WHEN 'k2loan_sync_debt' THEN 'broken_debts' ELSE 'broken_payments' END) USING items, note;
    END IF;
END
$$;

-- A reader by itself, over any range: positions within it, each once, good items first; with all items returned none is
-- left out.
CREATE FUNCTION fuzz.broken_reader(reader text, payload jsonb, first integer, last integer) RETURNS SETOF text
    LANGUAGE plpgsql AS $$
DECLARE
    size bigint := coalesce(jsonb_array_length(fuzz.items(payload)), 0);
    low bigint := greatest(coalesce(first, 1), 1);
    high bigint := least(coalesce(last, size), size);
    seen record;
BEGIN
    EXECUTE format('SELECT count(*) AS rows, count(DISTINCT r."position") AS positions, min(r."position") AS low,
                           max(r."position") AS high, bool_and(r.error_code IS NULL = (r.error_text IS NULL)) AS paired,
                           coalesce(max(r.n) FILTER (WHERE r.error_code IS NULL) < min(r.n) FILTER (WHERE r.error_code > 0), true) AS sorted
                      FROM (SELECT *, row_number() OVER () AS n FROM %s($1, $2, $3)) r', reader)
       INTO seen USING payload, first, last;
    RETURN QUERY SELECT reader || ': ' || p.text FROM (VALUES
        (seen.rows = seen.positions, 'each position once'),
        (seen.rows = 0 OR seen.low >= low AND seen.high <= high, 'positions within the range'),
        (seen.rows = 0 OR seen.paired, 'code and text together'),
        (seen.sorted, 'good items first'),
        (seen.rows > 0 OR high < low, 'items are not lost'),
        (seen.rows = greatest(high - low + 1, 0) OR reader IN ('k2.read_loans', 'k2.read_debts'), 'all items are returned')
    ) AS p (kept, text) WHERE p.kept IS NOT TRUE;
END
$$;
