-- Outgoing ПТ: creating and recalling them, service I4, and what I5 and I6 do to them (wire document, I4, A7).

CREATE TYPE k2.extreq_row AS (
    id            bigint,
    code          text,
    loan_id       bigint,
    bank_code     text,
    extacc_code   text,
    cur           text,
    amount        numeric(20,2),
    paid_amount   numeric(20,2),
    loan_debt     numeric(20,2),
    knp           text,
    purpose       text,
    stat_id       integer,
    reason_code   text,
    reg_id        bigint,
    transitacc_id integer,
    sys_uuid      uuid,
    created_at    timestamptz,
    created_by    name,
    updated_at    timestamptz,
    updated_by    name
);
COMMENT ON TYPE k2.extreq_row IS 'An outgoing ПТ as functions return it: the columns of k2.extreq.';

CREATE FUNCTION k2.create_extreq(loan_id bigint, bank_code text, extacc_code text, amount numeric DEFAULT NULL) RETURNS k2.extreq_row
    LANGUAGE c AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2.create_extreq(bigint, text, text, numeric) IS
'Creates an outgoing ПТ to an account in another bank, for the current debt when no amount is given. Refused while an exclusion covers it, and when the debt is older than k2bridge.max_debt_age.';

CREATE FUNCTION k2.create_extreq_as_owner(loan_id bigint, bank_code text, extacc_code text, amount numeric) RETURNS k2.extreq_row
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    created k2.extreq_row;
BEGIN
    IF scale(trim_scale($4)) > 2 THEN
        RAISE EXCEPTION 'amount has more than 2 decimals' USING ERRCODE = '22023';
    END IF;
    INSERT INTO k2.extreq (loan_id, bank_code, extacc_code, amount) VALUES ($1, $2, $3, $4)
    RETURNING id, code, loan_id, bank_code, extacc_code, cur, amount, paid_amount, loan_debt, knp, purpose, stat_id,
              reason_code, reg_id, transitacc_id, sys_uuid, created_at, created_by, updated_at, updated_by INTO created;
    RETURN created;
END
$$;
COMMENT ON FUNCTION k2.create_extreq_as_owner(bigint, text, text, numeric) IS 'Behind k2.create_extreq.';

CREATE FUNCTION k2.recall_extreq(code text, reason_code text) RETURNS void
    LANGUAGE c AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2.recall_extreq(text, text) IS
'Recalls an outgoing ПТ whose status allows it, unless an exclusion forbids recalls (for_refuse).';

CREATE FUNCTION k2.recall_extreq_as_owner(code text, reason_code text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    former integer;
    recalled integer := k2.extreq_stat_id('RECALLED');
BEGIN
    PERFORM k2.check_reason(reason_code);
    SELECT e.stat_id INTO former FROM k2.extreq e WHERE e.code = $1 FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'payment request "%" does not exist', code USING ERRCODE = 'no_data_found';
    ELSIF former = recalled THEN
        PERFORM k2.check_recall(e.code, e.stat_id, e.loan_id, $2) FROM k2.extreq e WHERE e.code = $1;
    END IF;
    UPDATE k2.extreq e SET stat_id = recalled, reason_code = $2 WHERE e.code = $1;
    PERFORM k2bridge.record_audit('k2.extreq', code, 'recall', jsonb_build_object('stat_id', former),
                                  jsonb_build_object('stat_id', recalled, 'reason_code', reason_code), NULL);
END
$$;
COMMENT ON FUNCTION k2.recall_extreq_as_owner(text, text) IS 'Behind k2.recall_extreq.';

CREATE FUNCTION k2.iso_time(at timestamptz) RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp SET intervalstyle = postgres AS $$
    SELECT to_char(t.local, 'YYYY-MM-DD"T"HH24:MI:SS.US') || CASE WHEN t.shift < '0' THEN '-' ELSE '+' END
           || to_char(greatest(t.shift, -t.shift), 'HH24:MI')
      FROM (SELECT $1 AT TIME ZONE current_setting('k2bridge.timezone') AS local,
                   ($1 AT TIME ZONE current_setting('k2bridge.timezone')) - ($1 AT TIME ZONE 'UTC') AS shift) t
$$;
COMMENT ON FUNCTION k2.iso_time(timestamptz) IS 'ISO 8601 with microseconds and the offset of k2bridge.timezone.';

CREATE FUNCTION k2.local_date(at timestamptz) RETURNS date
    LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT ($1 AT TIME ZONE current_setting('k2bridge.timezone'))::date
$$;
COMMENT ON FUNCTION k2.local_date(timestamptz) IS 'The day in k2bridge.timezone.';

CREATE FUNCTION k2.read_dbz(payload jsonb, first integer DEFAULT NULL, last integer DEFAULT NULL)
    RETURNS TABLE ("position" integer, error_code integer, error_text text, extra jsonb, contract_number text, dbz_dt date)
    LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'k2bridge_read_dbz';
COMMENT ON FUNCTION k2.read_dbz(jsonb, integer, integer) IS
'Requests of service I4, each naming a ДБЗ, as rows: good ones first, then bad ones with code and text.';

CREATE FUNCTION k2.k2extreq_by_dbz(payload jsonb) RETURNS jsonb
    LANGUAGE c AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2.k2extreq_by_dbz(jsonb) IS
'Service I4: outgoing ПТ by number and date of the ДБЗ, every value a string. Payload: {"contract_number": …, "dbz_dt": …}.';

CREATE FUNCTION k2.k2extreq_by_dbz_as_owner(payload jsonb) RETURNS jsonb
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    asked record;
BEGIN
    IF jsonb_typeof(payload) IS DISTINCT FROM 'object' THEN
        RETURN k2.refusal(400, 'Ожидается объект JSON');
    END IF;
    SELECT r.* INTO asked FROM k2.read_dbz(jsonb_build_array(payload)) r;
    IF asked.error_code IS NOT NULL THEN
        RETURN k2.refusal(asked.error_code, asked.error_text);
    END IF;
    RETURN k2.success() || jsonb_build_object('items', coalesce(
        (SELECT jsonb_agg(k2.extreq_item(e.id) ORDER BY e.id)
           FROM k2.loan l JOIN k2.extreq e ON e.loan_id = l.id
          WHERE l.dbz_contract_number = asked.contract_number AND l.dbz_dt = asked.dbz_dt), '[]'));
END
$$;
COMMENT ON FUNCTION k2.k2extreq_by_dbz_as_owner(jsonb) IS 'Behind k2.k2extreq_by_dbz.';

CREATE FUNCTION k2.extreq_item(id bigint) RETURNS jsonb
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT jsonb_strip_nulls(to_jsonb(i)) FROM (
        SELECT e.amount::text AS "amount", e.bank_code AS "bank_code", b.id::text AS "bank_id", b.name AS "bank_id$",
               b.header_paper AS "bank_id$header_paper", c.id::text AS "cli_id", c.name AS "cli_id$", l.iinbin AS "cli_iin",
               e.code AS "code", k2.iso_time(e.created_at) AS "created_at",
               to_char(k2.local_date(e.created_at), 'DD.MM.YYYY') AS "created_at_fmt", a.id::text AS "created_by",
               coalesce(a.name, e.created_by) AS "created_by$", a.footer_text AS "created_by$footer_text",
               e.created_by AS "created_by$login", m.id::text AS "cur_id", e.cur AS "cur_id$",
               e.extacc_code AS "extacc_code", x.id::text AS "extacc_id", x.name AS "extacc_id$", e.id::text AS "id",
               k.id::text AS "knp_id", e.knp AS "knp_id$code", e.knp || '.' || k.title AS "knp_id$",
               e.loan_debt::text AS "loan_debt", to_char(l.dbz_dt, 'DD.MM.YYYY') AS "loan_doc_at_fmt",
               l.id::text AS "loan_id", l.dbz_contract_number AS "loan_id$dbz_num", l.fullname AS "loan_id$title",
               e.paid_amount::text AS "paid_amount", e.purpose AS "purpose", e.reg_id::text AS "reg_id",
               coalesce(r.title, r.id::text) AS "reg_id$", e.stat_id::text AS "stat_id", s.title AS "stat_id$",
               e.sys_uuid::text AS "sys$uuid", e.transitacc_id::text AS "transitacc_id", t.code AS "transitacc_id$",
               k2.iso_time(e.updated_at) AS "updated_at", u.id::text AS "updated_by",
               coalesce(u.name, e.updated_by) AS "updated_by$", u.footer_text AS "updated_by$footer_text",
               e.updated_by AS "updated_by$login"
          FROM k2.extreq e
          JOIN k2.loan l ON l.id = e.loan_id
          JOIN k2.extreq_stat s ON s.id = e.stat_id
          LEFT JOIN k2.bank b ON b.bic = e.bank_code
          LEFT JOIN k2.client c ON c.iin = l.iinbin
          LEFT JOIN k2.currency m ON m.code = e.cur
          LEFT JOIN k2.ext_account x ON x.code = e.extacc_code AND x.bank_code = e.bank_code
          LEFT JOIN k2.knp k ON k.code = e.knp
          LEFT JOIN k2.reg r ON r.id = e.reg_id
          LEFT JOIN k2.transit_account t ON t.id = e.transitacc_id
          LEFT JOIN k2.app_user a ON a.login = e.created_by
          LEFT JOIN k2.app_user u ON u.login = e.updated_by
         WHERE e.id = $1) i
$$;
COMMENT ON FUNCTION k2.extreq_item(bigint) IS 'An outgoing ПТ as service I4 shows it; keys without a value are left out.';

-- I5 and I6 for outgoing ПТ: the other bank reports PC1, PC3 or a return. Null when there is no such ПТ.

CREATE FUNCTION k2.extreq_refused(code text, title text) RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT k2.refusal(409, format('Платежное требование %s в статусе «%s»', $1, $2))
$$;
COMMENT ON FUNCTION k2.extreq_refused(text, text) IS 'The refusal of a report about an outgoing ПТ that is over.';

CREATE FUNCTION k2.extreq_take_status(code text, status_code text) RETURNS jsonb
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    current record;
BEGIN
    SELECT k2.extreq_kind(e.stat_id) AS kind, s.title INTO current
      FROM k2.extreq e JOIN k2.extreq_stat s ON s.id = e.stat_id WHERE e.code = $1 FOR NO KEY UPDATE OF e;
    IF NOT FOUND THEN
        RETURN NULL;
    ELSIF status_code = 'EXECUTED' THEN
        -- Money executes an outgoing ПТ; what the bank says about it is kept.
        INSERT INTO k2.extreq_event (refer, kind, source, correlation, note)
        SELECT $1, 'EXECUTED', k2.event_source(), k2bridge.correlation(), 'reported, payments decide'
         WHERE NOT EXISTS (SELECT FROM k2.extreq_event v WHERE v.refer = $1 AND v.kind = 'EXECUTED');
    ELSIF current.kind IN ('RECALLED', 'RETURNED', 'REFUSED', 'EXECUTED') THEN
        RETURN k2.extreq_refused(code, current.title);
    ELSIF current.kind <> status_code AND current.kind <> 'PC3' THEN
        UPDATE k2.extreq e SET stat_id = k2.extreq_stat_id(status_code) WHERE e.code = $1;
    END IF;
    RETURN k2.success();
END
$$;
COMMENT ON FUNCTION k2.extreq_take_status(text, text) IS 'I5 for an outgoing ПТ: PC1 and PC3 set its status, forward only.';

CREATE FUNCTION k2.extreq_take_return(code text, reason_code text) RETURNS jsonb
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    current record;
BEGIN
    SELECT k2.extreq_kind(e.stat_id) AS kind, s.title INTO current
      FROM k2.extreq e JOIN k2.extreq_stat s ON s.id = e.stat_id WHERE e.code = $1 FOR NO KEY UPDATE OF e;
    IF NOT FOUND THEN
        RETURN NULL;
    ELSIF current.kind IN ('RECALLED', 'REFUSED', 'EXECUTED') THEN
        RETURN k2.extreq_refused(code, current.title);
    ELSIF current.kind <> 'RETURNED' THEN
        UPDATE k2.extreq e SET stat_id = k2.extreq_stat_id('RETURNED'), reason_code = $2 WHERE e.code = $1;
    END IF;
    RETURN k2.success();
END
$$;
COMMENT ON FUNCTION k2.extreq_take_return(text, text) IS 'I6 for an outgoing ПТ.';
