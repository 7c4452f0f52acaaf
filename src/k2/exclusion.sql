-- Exclusions (bans): services I8 and I9, what is excluded, and the lock between a ban and a new payment request.
--
-- Two kinds of ban: on one loan (k2.loan_exclude, by IIN and number of the ДБЗ) and on the general list (k2.exclusion,
-- by IIN). Both hold from the commit that switches them on: whoever creates or recalls a payment request calls
-- k2.lock_exclusions(iin) first and asks afterwards.

CREATE FUNCTION k2.lock_exclusions(iin text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM FROM k2.client c WHERE c.iin = $1 FOR SHARE;
    IF NOT FOUND THEN
        INSERT INTO k2.client (iin) VALUES ($1) ON CONFLICT DO NOTHING;
        PERFORM FROM k2.client c WHERE c.iin = $1 FOR SHARE;
    END IF;
END
$$;
COMMENT ON FUNCTION k2.lock_exclusions(text) IS
'Keeps the exclusions of a client as they are until the end of the transaction. Waits for a change under way; above READ COMMITTED a change since the snapshot is a serialization failure. Call it before asking k2.is_excluded.';

CREATE FUNCTION k2.changing_exclusions(iin text, name text) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO k2.client AS c (iin, name, exclusions_changed_at) VALUES ($1, $2, clock_timestamp())
        ON CONFLICT (iin) DO UPDATE SET exclusions_changed_at = excluded.exclusions_changed_at
$$;
COMMENT ON FUNCTION k2.changing_exclusions(text, text) IS
'The other side of k2.lock_exclusions: waits for whoever holds the client''s exclusions, then makes the others wait.';

CREATE FUNCTION k2.in_force(is_active boolean, finish_dt date) RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT $1 AND coalesce($2 >= k2.today(), true)
$$;
COMMENT ON FUNCTION k2.in_force(boolean, date) IS 'Whether a ban of the general list holds today; it does so on its last day.';

CREATE FUNCTION k2.is_excluded_as_owner(loan_id bigint, bank text, iban text) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT FROM k2.loan_exclude e
                    WHERE e.is_on AND e.iin = l.iinbin AND e.dbz_num = l.dbz_contract_number)
        OR EXISTS (SELECT FROM k2.exclusion x
                    WHERE x.iin = l.iinbin AND k2.in_force(x.is_active, x.finish_dt)
                      AND (x.for_extreq OR (x.for_bank AND x.bank = $2) OR (x.for_iban AND x.iban = $3)))
      FROM k2.loan l WHERE l.id = $1
$$;
COMMENT ON FUNCTION k2.is_excluded_as_owner(bigint, text, text) IS 'Behind the door k2.is_excluded.';
CREATE FUNCTION k2.is_excluded(loan_id bigint, bank text DEFAULT NULL, iban text DEFAULT NULL) RETURNS boolean
    LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2.is_excluded(bigint, text, text) IS
'Whether a ban in force covers the loan, its client, the bank (BIC) or the account (IBAN), so that no payment request may be created. Null for an unknown loan.';

CREATE FUNCTION k2.is_recall_excluded(loan_id bigint) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT FROM k2.exclusion x
                    WHERE x.iin = l.iinbin AND x.for_refuse AND k2.in_force(x.is_active, x.finish_dt))
      FROM k2.loan l WHERE l.id = $1
$$;
COMMENT ON FUNCTION k2.is_recall_excluded(bigint) IS
'Whether a ban in force (for_refuse) forbids to recall payment requests of the loan''s client; for functions that run as the owner.';

-- A request that cannot be recalled must not undo the ban, hence the exception block per request.
CREATE FUNCTION k2.recall_of_loan(iin text, dbz_num text) RETURNS TABLE (code text, problem text)
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    request record;
    state text;
BEGIN
    FOR request IN
        SELECT r.code, r.loan_id, s.title, s.can_recall
          FROM k2.extreq r JOIN k2.loan l ON l.id = r.loan_id JOIN k2.extreq_stat s ON s.id = r.stat_id
         WHERE l.iinbin = $1 AND l.dbz_contract_number = $2 AND s.actual ORDER BY r.code
    LOOP
        code := request.code;
        problem := NULL;
        IF NOT request.can_recall THEN
            problem := format('статус «%s»', request.title);
        ELSIF k2.is_recall_excluded(request.loan_id) THEN
            problem := 'действует запрет отзыва';
        ELSE
            BEGIN
                PERFORM k2.recall_extreq_as_owner(request.code, '07');
            EXCEPTION WHEN OTHERS THEN
                GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, problem = MESSAGE_TEXT;
                IF NOT (k2.concerns_item(state) OR state = '55000') THEN
                    RAISE;
                END IF;
            END;
        END IF;
        IF problem IS NOT NULL THEN
            RETURN NEXT;
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION k2.recall_of_loan(text, text) IS
'Recalls the outgoing payment requests of a loan that are alive (reason 07); returns those that could not be recalled, and why.';

-- Services.

CREATE FUNCTION k2.exclude_on_fault(payload jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE
        WHEN jsonb_typeof($1) = 'object' AND char_length($1 ->> 'iin') <> 12
            THEN k2.refusal(503, 'Длина ИИН должна составлять 12 символов')
        WHEN k2.missing_text($1, '{iin,dbz_num}') IS NOT NULL THEN k2.missing_text($1, '{iin,dbz_num}')
        WHEN $1 ->> 'iin' !~ '^[0-9]{12}$' THEN k2.refusal(422, 'Поле iin: ИИН должен состоять из цифр')
        WHEN char_length($1 ->> 'dbz_num') > 255 THEN k2.refusal(422, 'Поле dbz_num: не более 255 символов')
        WHEN $1 ->> 'return_extreq' IS NULL THEN k2.refusal(422, 'Не заполнено поле return_extreq')
        WHEN $1 ->> 'return_extreq' NOT IN ('true', 'false')
            THEN k2.refusal(422, 'Поле return_extreq: ожидается true или false')
        WHEN k2.missing_text($1, '{fio}') IS NOT NULL THEN k2.missing_text($1, '{fio}')
        WHEN jsonb_typeof($1 -> 'title') NOT IN ('string', 'null') THEN k2.refusal(422, 'Поле title: ожидается строка')
        WHEN char_length($1 ->> 'title') > 500 THEN k2.refusal(422, 'Поле title: не более 500 символов')
        WHEN current_setting('k2bridge.check_iin')::boolean AND NOT k2.iin_valid($1 ->> 'iin')
            THEN k2.refusal(422, 'Поле iin: неверный контрольный разряд ИИН')
    END
$$;
COMMENT ON FUNCTION k2.exclude_on_fault(jsonb) IS 'The refusal of a faulty k2loan_exclude_on_by_iin_dbznum payload, null when there is no fault.';

CREATE FUNCTION k2.k2loan_exclude_on_by_iin_dbznum_as_owner(payload jsonb) RETURNS jsonb
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    fault jsonb := k2.exclude_on_fault(payload);
    remaining text;
BEGIN
    IF fault IS NOT NULL THEN
        RETURN fault;
    END IF;
    INSERT INTO k2.loan_exclude AS e (iin, dbz_num, is_on, fio, title, return_extreq)
    VALUES (payload ->> 'iin', payload ->> 'dbz_num', true, payload ->> 'fio', nullif(payload ->> 'title', ''),
            (payload ->> 'return_extreq')::boolean)
        ON CONFLICT (iin, dbz_num) DO UPDATE
           SET is_on = true, fio = excluded.fio, title = excluded.title, return_extreq = excluded.return_extreq;
    IF (payload ->> 'return_extreq')::boolean THEN
        -- The trigger has recalled what can be recalled; this names the rest.
        SELECT string_agg(format('%s (%s)', r.code, r.problem), ', ' ORDER BY r.code)
          INTO remaining FROM k2.recall_of_loan(payload ->> 'iin', payload ->> 'dbz_num') r;
    END IF;
    IF remaining IS NOT NULL THEN
        RETURN k2.refusal(409, 'Запрет включен, но не отозваны платежные требования: ' || remaining);
    END IF;
    RETURN k2.success();
END
$$;
COMMENT ON FUNCTION k2.k2loan_exclude_on_by_iin_dbznum_as_owner(jsonb) IS 'Behind the door k2.k2loan_exclude_on_by_iin_dbznum.';
CREATE FUNCTION k2.k2loan_exclude_on_by_iin_dbznum(payload jsonb) RETURNS jsonb
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2.k2loan_exclude_on_by_iin_dbznum(jsonb) IS
'Service I8: bans a loan; with return_extreq recalls its outgoing payment requests. The ban holds in any case; what could not be recalled is answered 409. Payload: {"iin", "dbz_num", "return_extreq", "fio", "title"}, title may be left out.';

CREATE FUNCTION k2.k2loan_exclude_off_by_iin_dbznum_as_owner(payload jsonb) RETURNS jsonb
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    fault jsonb := k2.missing_text(payload, '{iin,dbz_num}');
BEGIN
    IF fault IS NOT NULL THEN
        RETURN fault;
    END IF;
    UPDATE k2.loan_exclude e SET is_on = false
     WHERE e.iin = payload ->> 'iin' AND e.dbz_num = payload ->> 'dbz_num' AND e.is_on;
    RETURN CASE WHEN FOUND THEN k2.success() ELSE k2.refusal(404, 'Не найдены исключения по заданным критериям') END;
END
$$;
COMMENT ON FUNCTION k2.k2loan_exclude_off_by_iin_dbznum_as_owner(jsonb) IS 'Behind the door k2.k2loan_exclude_off_by_iin_dbznum.';
CREATE FUNCTION k2.k2loan_exclude_off_by_iin_dbznum(payload jsonb) RETURNS jsonb
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2.k2loan_exclude_off_by_iin_dbznum(jsonb) IS
'Service I9: lifts the ban on a loan; 404 when none is on. It revives no payment request. Payload: {"iin", "dbz_num"}.';

-- Triggers.

CREATE FUNCTION k2.loan_exclude_changed() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    author text := CASE WHEN k2bridge.client() IS NULL THEN k2bridge.caller()::text ELSE 'system user' END;
    moved boolean := TG_OP = 'UPDATE' AND (OLD.iin, OLD.dbz_num) IS DISTINCT FROM (NEW.iin, NEW.dbz_num);
    request record;
BEGIN
    IF TG_OP <> 'INSERT' AND OLD.is_on AND (TG_OP = 'DELETE' OR moved OR NOT NEW.is_on) THEN
        PERFORM k2.changing_exclusions(OLD.iin, OLD.fio);
        INSERT INTO k2.loan_exclude_hist (iin, dbz_num, code, author, title)
        VALUES (OLD.iin, OLD.dbz_num, 'TURN_OFF', author, CASE WHEN TG_OP = 'UPDATE' THEN NEW.title ELSE OLD.title END);
    END IF;
    IF TG_OP <> 'DELETE' AND NEW.is_on AND NEW.return_extreq THEN
        -- Before the client, in the order in which a recall by itself locks.
        PERFORM FROM k2.extreq r JOIN k2.loan l ON l.id = r.loan_id JOIN k2.extreq_stat s ON s.id = r.stat_id
          WHERE l.iinbin = NEW.iin AND l.dbz_contract_number = NEW.dbz_num AND s.actual
          ORDER BY r.code FOR NO KEY UPDATE OF r;
    END IF;
    IF TG_OP <> 'DELETE' AND NEW.is_on AND (TG_OP = 'INSERT' OR moved OR NOT OLD.is_on) THEN
        PERFORM k2.changing_exclusions(NEW.iin, NEW.fio);
        INSERT INTO k2.loan_exclude_hist (iin, dbz_num, code, author, title)
        VALUES (NEW.iin, NEW.dbz_num, 'TURN_ON', author, NEW.title);
    END IF;
    IF TG_OP <> 'DELETE' AND NEW.is_on AND NEW.return_extreq THEN
        FOR request IN SELECT r.code, r.problem FROM k2.recall_of_loan(NEW.iin, NEW.dbz_num) r LOOP
            RAISE NOTICE 'payment request "%" was not recalled: %', request.code, request.problem;
        END LOOP;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION k2.loan_exclude_changed() IS
'Trigger: history of a ban on a loan; with return_extreq the recall of the loan''s payment requests.';

CREATE FUNCTION k2.exclusion_changed() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.iin <> NEW.iin THEN
        PERFORM k2.changing_exclusions(OLD.iin, NULL);
    END IF;
    PERFORM k2.changing_exclusions(NEW.iin, NULL);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION k2.exclusion_changed() IS 'Trigger: a change of the general list waits for payment requests under way, and they for it.';

CREATE FUNCTION k2.exclusion_refuse_delete() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'rows of k2.exclusion are switched off, not deleted'
        USING ERRCODE = 'object_not_in_prerequisite_state',
              HINT = 'UPDATE k2.exclusion SET is_active = false WHERE id = ...;';
END
$$;
COMMENT ON FUNCTION k2.exclusion_refuse_delete() IS
'Trigger: refuses DELETE and TRUNCATE of the general list, since the bank replaces its list by ours.';
