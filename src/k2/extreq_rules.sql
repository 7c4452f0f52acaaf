-- Outgoing ПТ: what may change, when payments execute them, and the events that every change leaves.

CREATE FUNCTION k2.check_extreq_edit(code text, stat_id integer) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    stat record;
BEGIN
    SELECT s.title, s.can_edit INTO stat FROM k2.extreq_stat s WHERE s.id = $2;
    IF NOT stat.can_edit THEN
        RAISE EXCEPTION 'payment request "%" cannot be changed in status "%"', code, stat.title
            USING ERRCODE = '55000', HINT = 'Recall it and create another one.';
    END IF;
END
$$;
COMMENT ON FUNCTION k2.check_extreq_edit(text, integer) IS
'Raises when loan, bank, account, currency and amount of an outgoing ПТ may no longer change.';

CREATE FUNCTION k2.check_extreq_move(code text, stat_id integer, wanted integer, is_paid boolean) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    executed integer := k2.extreq_stat_id('EXECUTED');
BEGIN
    IF k2.extreq_ended(stat_id) OR (stat_id = executed AND is_paid) THEN
        RAISE EXCEPTION 'payment request "%" cannot leave status "%"', code,
                        (SELECT s.title FROM k2.extreq_stat s WHERE s.id = $2) USING ERRCODE = '55000';
    ELSIF wanted = executed AND NOT is_paid THEN
        RAISE EXCEPTION 'payment request "%" is not paid', code
            USING ERRCODE = '55000', HINT = 'Payments execute a payment request: insert them into k2.extreq_pay.';
    END IF;
END
$$;
COMMENT ON FUNCTION k2.check_extreq_move(text, integer, integer, boolean) IS
'Raises when an outgoing ПТ may not change its status so; recalls have a check of their own.';

CREATE FUNCTION k2.extreq_rules() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    executed integer := k2.extreq_stat_id('EXECUTED');
    is_paid boolean;
BEGIN
    IF NEW.code <> OLD.code THEN
        RAISE EXCEPTION 'the reference of payment request "%" cannot change', OLD.code USING ERRCODE = '55000';
    ELSIF (NEW.loan_id, NEW.bank_code, NEW.extacc_code, NEW.cur, NEW.amount)
          IS DISTINCT FROM (OLD.loan_id, OLD.bank_code, OLD.extacc_code, OLD.cur, OLD.amount) THEN
        PERFORM k2.check_extreq_edit(OLD.code, OLD.stat_id);
        PERFORM k2.check_issue(l.id, l.iinbin, l.synced_at, NEW.bank_code, NEW.extacc_code)
           FROM k2.loan l WHERE l.id = NEW.loan_id;
    END IF;
    IF NEW.paid_amount <> OLD.paid_amount THEN
        NEW.paid_amount := k2.sum_of_payments(NEW.code);
    END IF;
    is_paid := NEW.paid_amount >= NEW.amount;
    IF NEW.stat_id <> OLD.stat_id THEN
        PERFORM k2.check_extreq_move(OLD.code, OLD.stat_id, NEW.stat_id, is_paid);
        IF NEW.stat_id = k2.extreq_stat_id('RECALLED') THEN
            PERFORM k2.check_recall(OLD.code, OLD.stat_id, NEW.loan_id, NEW.reason_code);
        END IF;
        NEW.former_stat_id := CASE WHEN NEW.stat_id = executed THEN OLD.stat_id END;
    ELSIF is_paid AND NEW.stat_id <> executed AND NOT k2.extreq_ended(NEW.stat_id) THEN
        NEW.former_stat_id := NEW.stat_id;
        NEW.stat_id := executed;
    ELSIF NEW.stat_id = executed AND NOT is_paid AND NEW.paid_amount < OLD.paid_amount THEN
        NEW.stat_id := coalesce(NEW.former_stat_id, k2.extreq_stat_id('REGISTERED'));
        NEW.former_stat_id := NULL;
    END IF;
    NEW.updated_at := clock_timestamp();
    NEW.updated_by := k2.acting_user();
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION k2.extreq_rules() IS
'Row trigger of k2.extreq: what may change, which status may follow which; payments execute it, a reversal takes that back.';

CREATE FUNCTION k2.extreq_record_insert() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO k2.ext_account (code, bank_code, name, client_id)
    SELECT DISTINCT ON (n.extacc_code, n.bank_code) n.extacc_code, n.bank_code, l.fullname, c.id
      FROM new_rows n JOIN k2.loan l ON l.id = n.loan_id LEFT JOIN k2.client c ON c.iin = l.iinbin
     ORDER BY n.extacc_code, n.bank_code
        ON CONFLICT (code, bank_code) DO NOTHING;
    INSERT INTO k2.extreq_event (refer, kind, reason_code, source, correlation, amount)
    SELECT n.code, k2.extreq_kind(n.stat_id), n.reason_code, k2.event_source(), k2bridge.correlation(), n.amount
      FROM new_rows n ORDER BY n.id;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION k2.extreq_record_insert() IS
'Statement trigger of k2.extreq: the first event of every new ПТ; an account in another bank not seen before is kept.';

-- The plan of a join of transition tables is kept from its first call, when they may hold one row; a nested loop would
-- be quadratic later. JIT is off, since a forbidden nested loop that cannot be avoided costs so much that it would be
-- compiled.
CREATE FUNCTION k2.extreq_record_update() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_nestloop = off SET jit = off AS $$
DECLARE
    executed integer := k2.extreq_stat_id('EXECUTED');
BEGIN
    INSERT INTO k2.extreq_event (refer, kind, reason_code, source, correlation, note)
    SELECT n.code, e.kind, e.reason_code, k2.event_source(), k2bridge.correlation(), e.note
      FROM new_rows n
      JOIN old_rows o USING (id)
     CROSS JOIN LATERAL (
        SELECT 1, CASE o.stat_id WHEN executed THEN 'UNEXECUTED' ELSE k2.extreq_kind(n.stat_id) END,
               CASE WHEN k2.extreq_ended(n.stat_id) THEN n.reason_code END, NULL
         WHERE n.stat_id <> o.stat_id
        UNION ALL
        SELECT 2, 'CHANGED', NULL, c.columns
          FROM k2.changed_columns(to_jsonb(o), to_jsonb(n),
                   '{stat_id,former_stat_id,reason_code,paid_amount,updated_at,updated_by}') AS c (columns)
         WHERE c.columns IS NOT NULL) AS e (position, kind, reason_code, note)
     ORDER BY n.id, e.position;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION k2.extreq_record_update() IS 'Statement trigger of k2.extreq: one event per change; payments leave their own.';
