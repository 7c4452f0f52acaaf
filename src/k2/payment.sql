-- Payments on outgoing ПТ: service I2, reversal, and paid_amount as their sum (wire document, I2 and section 4).
--
-- Payments are facts: refused only when the transaction is known already, the reference is not, or the currency is
-- another one. Whoever writes payments holds the rows of their ПТ in the order of the references.

CREATE FUNCTION k2.sum_of_payments(refer text) RETURNS numeric
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(sum(p.amount), 0) FROM k2.extreq_pay p WHERE p.refer = $1 AND p.reversed_at IS NULL
$$;
COMMENT ON FUNCTION k2.sum_of_payments(text) IS 'What was paid on an outgoing ПТ: its payments that are not reversed.';

-- The sums are taken by a statement of their own, after the locks: it sees what other senders committed meanwhile.
CREATE FUNCTION k2.recount_payments(refers text[]) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM FROM k2.extreq e WHERE e.code = ANY (refers) ORDER BY e.code COLLATE "C" FOR NO KEY UPDATE;
    UPDATE k2.extreq e SET paid_amount = s.paid
      FROM (SELECT r.refer, coalesce(sum(p.amount) FILTER (WHERE p.reversed_at IS NULL), 0) AS paid
              FROM (SELECT DISTINCT unnest(refers)) AS r (refer)
              LEFT JOIN k2.extreq_pay p ON p.refer = r.refer
             GROUP BY r.refer) s
     WHERE e.code = s.refer AND e.paid_amount <> s.paid;
END
$$;
COMMENT ON FUNCTION k2.recount_payments(text[]) IS 'Makes paid_amount of these ПТ the sum of their payments again.';

CREATE FUNCTION k2.payments_inserted() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    foreign_one record;
BEGIN
    SELECT n.trn_id, n.cur, e.code, e.cur AS wanted INTO foreign_one
      FROM new_rows n JOIN k2.extreq e ON e.code = n.refer WHERE n.cur <> e.cur LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'payment % is in %, payment request "%" in %', foreign_one.trn_id, foreign_one.cur,
                        foreign_one.code, foreign_one.wanted USING ERRCODE = '23514';
    END IF;
    INSERT INTO k2.extreq_event (refer, kind, source, correlation, amount, note)
    SELECT n.refer, 'PAID', k2.event_source(), k2bridge.correlation(), n.amount, 'payment ' || n.trn_id
      FROM new_rows n ORDER BY n.trn_id;
    PERFORM k2.recount_payments(ARRAY(SELECT n.refer FROM new_rows n));
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION k2.payments_inserted() IS 'Statement trigger of k2.extreq_pay: currency, events, sums.';

-- The plan of a join of transition tables is kept from its first call, when they may hold one row; a nested loop would
-- be quadratic later. JIT is off, since a forbidden nested loop that cannot be avoided costs so much that it would be
-- compiled. The ПТ, on the other hand, are found by their index.
CREATE FUNCTION k2.payments_updated() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_nestloop = off SET jit = off AS $$
BEGIN
    INSERT INTO k2.extreq_event (refer, kind, source, correlation, amount, note)
    SELECT v.refer, v.kind, k2.event_source(), k2bridge.correlation(), v.amount, v.note
      FROM (SELECT o.refer, CASE WHEN n.trn_id = o.trn_id AND n.reversed_at IS NOT NULL THEN 'REVERSED' ELSE 'UNPAID' END,
                   o.amount, concat_ws(': ', 'payment ' || o.trn_id, n.reversed_note), o.trn_id, 1
              FROM old_rows o LEFT JOIN new_rows n ON n.trn_id = o.trn_id
             WHERE o.reversed_at IS NULL
               AND (n.trn_id IS NULL OR n.reversed_at IS NOT NULL OR (n.refer, n.amount) <> (o.refer, o.amount))
            UNION ALL
            SELECT n.refer, 'PAID', n.amount, 'payment ' || n.trn_id, n.trn_id, 2
              FROM new_rows n LEFT JOIN old_rows o ON o.trn_id = n.trn_id
             WHERE n.reversed_at IS NULL
               AND (o.trn_id IS NULL OR o.reversed_at IS NOT NULL OR (n.refer, n.amount) <> (o.refer, o.amount))
           ) AS v (refer, kind, amount, note, trn_id, position)
     ORDER BY v.trn_id, v.position;
    PERFORM set_config('enable_nestloop', 'on', true);
    IF EXISTS (SELECT FROM new_rows n JOIN k2.extreq e ON e.code = n.refer WHERE n.cur <> e.cur) THEN
        RAISE EXCEPTION 'a payment must be in the currency of its payment request' USING ERRCODE = '23514';
    END IF;
    PERFORM k2.recount_payments(ARRAY(SELECT n.refer FROM new_rows n UNION SELECT o.refer FROM old_rows o));
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION k2.payments_updated() IS 'Statement trigger of k2.extreq_pay: a changed payment is taken back and counted anew.';

CREATE FUNCTION k2.payments_deleted() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO k2.extreq_event (refer, kind, source, correlation, amount, note)
    SELECT o.refer, 'UNPAID', k2.event_source(), k2bridge.correlation(), o.amount, 'payment ' || o.trn_id
      FROM old_rows o WHERE o.reversed_at IS NULL ORDER BY o.trn_id;
    PERFORM k2.recount_payments(ARRAY(SELECT o.refer FROM old_rows o));
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION k2.payments_deleted() IS 'Statement trigger of k2.extreq_pay: events and sums of removed payments.';

CREATE FUNCTION k2.payments_truncated() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE k2.extreq SET paid_amount = 0 WHERE paid_amount <> 0;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION k2.payments_truncated() IS 'Trigger: without payments nothing is paid.';

-- Service I2.

CREATE FUNCTION k2.read_payments(payload jsonb, first integer DEFAULT NULL, last integer DEFAULT NULL)
    RETURNS TABLE ("position" integer, error_code integer, error_text text, extra jsonb,
                   request_id bigint, trn_id bigint, refer text, cur text, amount numeric, incoming_amount numeric)
    LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'k2bridge_read_payments';
COMMENT ON FUNCTION k2.read_payments(jsonb, integer, integer) IS
'The items of a k2extreq_pay_from_eko payload as rows: good ones by trn_id and position, then bad ones with code and text.';

-- The ПТ are held before the first payment is inserted: two senders that share both a transaction and a ПТ would
-- otherwise wait for each other.
CREATE FUNCTION k2.store_payments(payload jsonb, first integer, last integer) RETURNS SETOF k2.item_fault
    LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
    WITH item AS MATERIALIZED (
        SELECT r.* FROM k2.read_payments($1, $2, $3) r
    ), held AS MATERIALIZED (
        SELECT e.code, e.cur FROM k2.extreq e
         WHERE e.code = ANY (ARRAY(SELECT i.refer FROM item i WHERE i.error_code IS NULL))
         ORDER BY e.code COLLATE "C" FOR NO KEY UPDATE
    ), known AS MATERIALIZED (
        SELECT i.*, h.code IS NULL AS is_unknown, h.cur <> i.cur AS is_foreign, h.cur AS wanted,
               row_number() OVER (PARTITION BY i.trn_id, h.cur = i.cur ORDER BY i."position") > 1 AS is_repeated
          FROM item i LEFT JOIN held h ON h.code = i.refer
         WHERE i.error_code IS NULL
    ), stored AS (
        INSERT INTO k2.extreq_pay AS p (trn_id, request_id, refer, cur, amount, incoming_amount, extra)
        SELECT k.trn_id, k.request_id, k.refer, k.cur, k.amount, k.incoming_amount, k.extra
          FROM known k WHERE NOT k.is_unknown AND NOT k.is_foreign AND NOT k.is_repeated
         ORDER BY k.trn_id
        ON CONFLICT (trn_id) DO NOTHING
        RETURNING p.trn_id
    )
    SELECT i."position", i.error_code, i.error_text FROM item i WHERE i.error_code IS NOT NULL
    UNION ALL
    SELECT k."position",
           CASE WHEN k.is_unknown THEN 404 WHEN k.is_foreign THEN 409 ELSE 9 END,
           CASE WHEN k.is_unknown THEN format('Платежное требование %s не найдено', k.refer)
                WHEN k.is_foreign THEN format('Валюта %s не совпадает с валютой %s платежного требования %s', k.cur, k.wanted, k.refer)
                ELSE 'pq: duplicate key value violates unique constraint "k2extreq_pay_trn_id_uindex"' END
      FROM known k LEFT JOIN stored s ON s.trn_id = k.trn_id
     WHERE k.is_unknown OR k.is_foreign OR k.is_repeated OR s.trn_id IS NULL
$$;
COMMENT ON FUNCTION k2.store_payments(jsonb, integer, integer) IS
'Stores the payments of a k2extreq_pay_from_eko payload; returns the refused items.';

CREATE FUNCTION k2.k2extreq_pay_from_eko_as_owner(payload jsonb) RETURNS jsonb
    LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
    SELECT k2.run_batch('k2extreq_pay_from_eko', 'k2.store_payments', $1, 1, 'Обнаружены ошибки при приеме платежей')
$$;
COMMENT ON FUNCTION k2.k2extreq_pay_from_eko_as_owner(jsonb) IS 'Behind k2.k2extreq_pay_from_eko.';

CREATE FUNCTION k2.k2extreq_pay_from_eko(payload jsonb) RETURNS jsonb
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2.k2extreq_pay_from_eko(jsonb) IS
'Service I2: payments received on outgoing ПТ, {"items": [...]} or an array. Refused items are answered in errors[], the others are stored.';

-- Reversal.

CREATE FUNCTION k2.reverse_pay(trn_id bigint, note text) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2.reverse_pay(bigint, text) IS
'Marks a payment as reversed: it no longer counts, and a ПТ that it executed gets its former status back.';

CREATE FUNCTION k2.reverse_pay_as_owner(trn_id bigint, note text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    payment record;
BEGIN
    SELECT p.refer, p.amount, p.reversed_at INTO payment FROM k2.extreq_pay p WHERE p.trn_id = $1;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'payment % does not exist', trn_id USING ERRCODE = 'no_data_found';
    END IF;
    -- The ПТ before the payment, as all writers of payments do.
    PERFORM FROM k2.extreq e WHERE e.code = payment.refer FOR NO KEY UPDATE;
    UPDATE k2.extreq_pay p SET reversed_at = clock_timestamp(), reversed_by = k2.acting_user(), reversed_note = note
     WHERE p.trn_id = $1 AND p.reversed_at IS NULL;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'payment % is already reversed', trn_id USING ERRCODE = '55000';
    END IF;
    PERFORM k2bridge.record_audit('k2.extreq_pay', trn_id::text, 'reverse', NULL,
                                  jsonb_build_object('refer', payment.refer, 'amount', payment.amount), note);
END
$$;
COMMENT ON FUNCTION k2.reverse_pay_as_owner(bigint, text) IS 'Behind k2.reverse_pay.';
