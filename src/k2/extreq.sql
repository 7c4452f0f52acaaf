-- Outgoing ПТ: references, purpose, the rules of k2.extreq and its events.
--
-- A new ПТ gets its reference at once and is registered. Nothing but payments executes it; recalled, returned and
-- refused are final. The ids of the statuses are those of k2.extreq_stat.

CREATE FUNCTION k2.extreq_kinds() RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT '{ENTERED,REGISTERED,SENT,PC1,PC3,RECALLED,RETURNED,PAPER,REFUSED,EXECUTED}'::text[]
$$;
COMMENT ON FUNCTION k2.extreq_kinds() IS 'Short names of the statuses 2001 to 2010 of k2.extreq_stat, in that order; also kinds of events.';

CREATE FUNCTION k2.extreq_stat_id(kind text) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT 2000 + array_position(k2.extreq_kinds(), $1)
$$;
COMMENT ON FUNCTION k2.extreq_stat_id(text) IS 'Id in k2.extreq_stat of a status by its short name.';

CREATE FUNCTION k2.extreq_kind(stat_id integer) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce((k2.extreq_kinds())[$1 - 2000], 'STATUS')
$$;
COMMENT ON FUNCTION k2.extreq_kind(integer) IS 'Short name of a status; STATUS for one of the bank''s own.';

CREATE FUNCTION k2.extreq_ended(stat_id integer) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT k2.extreq_kind($1) IN ('RECALLED', 'RETURNED', 'REFUSED')
$$;
COMMENT ON FUNCTION k2.extreq_ended(integer) IS 'Whether an outgoing ПТ in this status is over without being paid.';

-- References.

CREATE FUNCTION k2.extreq_prefix_numbered() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    sequence text := format('extreq_refer_%s_seq', lower(NEW.prefix));
BEGIN
    IF NEW.sequence IS NULL THEN
        EXECUTE format('CREATE SEQUENCE IF NOT EXISTS k2.%I', sequence);
        NEW.sequence := format('k2.%I', sequence)::regclass;
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION k2.extreq_prefix_numbered() IS 'Trigger: a new prefix of references gets a sequence of its own.';

CREATE FUNCTION k2.next_refer(prefix text DEFAULT NULL) RETURNS text
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    chosen record;
    number text;
    refer text;
BEGIN
    SELECT p.prefix, p.sequence, p.length INTO chosen
      FROM k2.extreq_prefix p WHERE CASE WHEN $1 IS NULL THEN p.is_default ELSE p.prefix = $1 END;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no % prefix of references', coalesce('"' || $1 || '"', 'default')
            USING ERRCODE = '22023', HINT = 'The prefixes are in k2.extreq_prefix.';
    END IF;
    LOOP
        number := nextval(chosen.sequence);
        refer := chosen.prefix || repeat('0', chosen.length - char_length(chosen.prefix) - char_length(number)) || number;
        EXIT WHEN NOT EXISTS (SELECT FROM k2.extreq e WHERE e.code = refer);
    END LOOP;
    RETURN refer;
END
$$;
COMMENT ON FUNCTION k2.next_refer(text) IS
'The next reference of an outgoing ПТ, e.g. PTP0000000000001; numbers that migrated ПТ already carry are passed over.';

CREATE FUNCTION k2.advance_references(step bigint) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT setval(p.sequence, nextval(p.sequence) + $1) FROM k2.extreq_prefix p ORDER BY p.prefix
$$;
COMMENT ON FUNCTION k2.advance_references(bigint) IS
'Moves all running numbers forward, so that references given out before a promotion or a restore are not given out again.';

CREATE FUNCTION k2.extreq_purpose(fullname text, dbz_num text, dbz_dt date, iin text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT format('Погашение задолженности по ПТ %s по Договору банковского займа № %s%s, ИИН %s в соответствии со ст.32 '
                  'Закона РК № 11-VI от 26.07.2016 г.  "О платежах и платежных системах"',
                  $1, $2, ' от ' || to_char($3, 'DD.MM.YYYY'), $4)
$$;
COMMENT ON FUNCTION k2.extreq_purpose(text, text, date, text) IS 'Purpose of the payment as documented (wire document, I4).';

-- What a ПТ must meet to be issued.

CREATE FUNCTION k2.check_issue(loan_id bigint, iin text, synced_at timestamptz, bank_code text, extacc_code text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM k2.lock_exclusions(iin);
    IF k2.is_excluded(loan_id, bank_code, extacc_code) THEN
        RAISE EXCEPTION 'an active exclusion forbids payment requests for loan % to account % in bank %', loan_id, extacc_code, bank_code
            USING ERRCODE = '55000',
                  HINT = format('SELECT * FROM k2.active_exclusion WHERE iin = %L shows it.', iin);
    ELSIF synced_at IS NULL OR synced_at < clock_timestamp() - current_setting('k2bridge.max_debt_age')::interval THEN
        RAISE EXCEPTION 'the debt of loan % is too old to be claimed', loan_id
            USING ERRCODE = '55000',
                  DETAIL = format('It was last confirmed at %s; k2bridge.max_debt_age is %s.', coalesce(synced_at::text, 'no time'),
                                  current_setting('k2bridge.max_debt_age')),
                  HINT = format('SELECT abs.refresh_debt(%s);', loan_id);
    END IF;
END
$$;
COMMENT ON FUNCTION k2.check_issue(bigint, text, timestamptz, text, text) IS
'Raises when an exclusion covers a ПТ to be issued, or the debt was not confirmed for longer than k2bridge.max_debt_age.';

CREATE FUNCTION k2.extreq_filled() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    actor name := k2.acting_user();
    loan record;
BEGIN
    SELECT l.id, l.iinbin, l.fullname, l.dbz_contract_number, l.dbz_dt, l.cur, l.debt, l.synced_at INTO loan
      FROM k2.loan l WHERE l.id = NEW.loan_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'loan % does not exist', NEW.loan_id USING ERRCODE = 'foreign_key_violation';
    END IF;
    NEW.stat_id := coalesce(NEW.stat_id, k2.extreq_stat_id('REGISTERED'));
    -- What is over already is history being loaded; everything else is a claim and has to meet the rules.
    IF NOT k2.extreq_ended(NEW.stat_id) AND NEW.stat_id <> k2.extreq_stat_id('EXECUTED') THEN
        PERFORM k2.check_issue(loan.id, loan.iinbin, loan.synced_at, NEW.bank_code, NEW.extacc_code);
        IF NEW.amount IS NULL AND loan.debt <= 0 THEN
            RAISE EXCEPTION 'loan % has no debt to claim', loan.id USING ERRCODE = '55000';
        END IF;
    END IF;
    NEW.amount := coalesce(NEW.amount, loan.debt);
    NEW.code := coalesce(NEW.code, k2.next_refer());
    NEW.cur := coalesce(NEW.cur, loan.cur);
    NEW.loan_debt := coalesce(NEW.loan_debt, loan.debt);
    NEW.knp := coalesce(NEW.knp, '423');
    NEW.purpose := coalesce(NEW.purpose,
                            k2.extreq_purpose(loan.fullname, loan.dbz_contract_number, loan.dbz_dt, loan.iinbin));
    NEW.transitacc_id := coalesce(NEW.transitacc_id,
                                  (SELECT min(t.id) FROM k2.transit_account t WHERE coalesce(t.cur, NEW.cur) = NEW.cur HAVING count(*) = 1));
    NEW.paid_amount := 0;
    NEW.created_by := CASE WHEN k2.may_backdate() THEN coalesce(NEW.created_by, actor) ELSE actor END;
    NEW.updated_by := CASE WHEN k2.may_backdate() THEN coalesce(NEW.updated_by, NEW.created_by) ELSE actor END;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION k2.extreq_filled() IS 'Row trigger of k2.extreq: what a new ПТ must meet, and the columns that were not given.';

CREATE FUNCTION k2.check_recall(code text, stat_id integer, loan_id bigint, reason_code text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    stat record;
    iin text := (SELECT l.iinbin FROM k2.loan l WHERE l.id = $3);
BEGIN
    SELECT s.title, s.can_recall INTO stat FROM k2.extreq_stat s WHERE s.id = $2;
    PERFORM k2.lock_exclusions(iin);
    IF NOT stat.can_recall THEN
        RAISE EXCEPTION 'payment request "%" cannot be recalled in status "%"', code, stat.title
            USING ERRCODE = '55000', HINT = 'SELECT title FROM k2.extreq_stat WHERE can_recall lists the statuses in which it can.';
    ELSIF reason_code IS NULL THEN
        RAISE EXCEPTION 'payment request "%" needs a reason_code to be recalled', code
            USING ERRCODE = '23502', HINT = 'SELECT * FROM k2.return_reason lists the reasons.';
    ELSIF k2.is_recall_excluded(loan_id) THEN
        RAISE EXCEPTION 'an active exclusion forbids the recall of payment request "%"', code
            USING ERRCODE = '55000',
                  HINT = format('SELECT * FROM k2.active_exclusion WHERE iin = %L shows it.', iin);
    END IF;
END
$$;
COMMENT ON FUNCTION k2.check_recall(text, integer, bigint, text) IS
'Raises when an outgoing ПТ may not be recalled: by its status, without a reason, or under an exclusion with for_refuse.';
