-- Direct calls: ask the ABS now, store what it said, return it. A refusal raises KB001 with the bank's text, a
-- transport failure KB002; a server given as last argument takes the place of the one that has the address.

CREATE FUNCTION abs.get_cli(iinbin text, server name DEFAULT NULL) RETURNS abs.client_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION abs.get_cli(text, name) IS 'Asks the ABS who a client is (O1), stores and returns it.';

CREATE FUNCTION abs.get_cli_as_owner(iinbin text, server name) RETURNS abs.client_row
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    stored abs.client_row;
BEGIN
    PERFORM k2bridge.invoke('abs.get_cli', jsonb_build_object('iinbin', abs.need_iinbin($1)), $2);
    SELECT c.iinbin, c.fullname, c.sectecon, c.residfl, c.fetched_at INTO stored FROM abs.client c WHERE c.iinbin = $1;
    RETURN stored;
END
$$;
COMMENT ON FUNCTION abs.get_cli_as_owner(text, name) IS 'Behind abs.get_cli.';

CREATE FUNCTION abs.get_acc(iinbin text, server name DEFAULT NULL) RETURNS SETOF abs.account_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION abs.get_acc(text, name) IS
'Asks the ABS for the accounts of a client (O2), stores and returns those it lists; accounts no longer listed get gone_at.';

CREATE FUNCTION abs.get_acc_as_owner(iinbin text, server name) RETURNS SETOF abs.account_row
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM k2bridge.invoke('abs.get_acc', jsonb_build_object('iinbin', abs.need_iinbin($1)), $2);
    RETURN QUERY
        SELECT a.iban, a.iinbin, a.account_name, a.ps, a.system, a.cur, a.gone_at
          FROM abs.account a WHERE a.iinbin = $1 AND a.gone_at IS NULL ORDER BY a.iban;
END
$$;
COMMENT ON FUNCTION abs.get_acc_as_owner(text, name) IS 'Behind abs.get_acc.';

CREATE FUNCTION abs.loan_call(wanted_loan bigint, wanted_part text)
    RETURNS TABLE (loan_id bigint, part text, endpoint text, args jsonb, subject text, server name, missing text)
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    needed record;
BEGIN
    SELECT c.* INTO needed FROM abs.loan_calls(ARRAY[$1], ARRAY[$2]) c;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'loan % does not exist', coalesce($1::text, 'null') USING ERRCODE = 'no_data_found',
            HINT = 'loan_id is the column id of k2.loan.';
    ELSIF needed.missing IS NOT NULL THEN
        RAISE EXCEPTION 'loan % lacks % for endpoint %', $1, needed.missing, needed.endpoint
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'Fill the columns in k2.loan; a system must be in k2.system.';
    END IF;
    RETURN QUERY SELECT needed.loan_id, needed.part, needed.endpoint, needed.args, needed.subject, needed.server, needed.missing;
END
$$;
COMMENT ON FUNCTION abs.loan_call(bigint, text) IS 'The call that a part of one loan''s dossier needs; raises when it cannot be made.';

CREATE FUNCTION abs.get_acc_stmt_dt(loan_id bigint, dt date, server name DEFAULT NULL) RETURNS SETOF abs.statement_line_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION abs.get_acc_stmt_dt(bigint, date, name) IS
'Asks the ABS for the statement of a loan for a date (O3), stores and returns its lines.';

CREATE FUNCTION abs.get_acc_stmt_dt_as_owner(loan_id bigint, dt date, server name) RETURNS SETOF abs.statement_line_row
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    needed record;
BEGIN
    PERFORM k2bridge.need_argument('dt', $2::text);
    SELECT c.* INTO needed FROM abs.loan_call($1, 'statement') c;
    PERFORM k2bridge.invoke(needed.endpoint, needed.args || jsonb_build_object('dt', $2), coalesce($3, needed.server));
    RETURN QUERY
        SELECT s.loan_id, s.dt, s.purpose, s.amount, s.cur, s.dc, s.out_bal
          FROM abs.statement_line s WHERE s.loan_id = $1 AND s.dt = $2 ORDER BY s.line;
END
$$;
COMMENT ON FUNCTION abs.get_acc_stmt_dt_as_owner(bigint, date, name) IS 'Behind abs.get_acc_stmt_dt.';

CREATE FUNCTION abs.get_pdf(dbz_num text, dbz_dt date, iinbin text, dea_dt date DEFAULT NULL, server name DEFAULT NULL)
    RETURNS k2.file_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION abs.get_pdf(text, date, text, date, name) IS
'Asks the ABS for the scan of a loan agreement (O4), stores it in k2.file and returns it; null where the bank has none.';

CREATE FUNCTION abs.get_pdf_as_owner(dbz_num text, dbz_dt date, iinbin text, dea_dt date, server name) RETURNS k2.file_row
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    stored k2.file_row;
BEGIN
    PERFORM k2bridge.invoke('abs.get_pdf', jsonb_strip_nulls(jsonb_build_object(
                'dbz_num', k2bridge.need_argument('dbz_num', $1), 'dbz_dt', k2bridge.need_argument('dbz_dt', to_jsonb($2) #>> '{}'),
                'iinbin', abs.need_iinbin($3), 'dea_dt', $4)), $5);
    SELECT f.id, f.code, f.name, f.mime, f.content, f.created_at INTO stored
      FROM abs.scan s JOIN k2.file f ON f.id = s.file_id
     WHERE s.dbz_num = $1 AND s.dbz_dt = $2 AND s.iinbin = $3;
    RETURN CASE WHEN stored.id IS NOT NULL THEN stored END;
END
$$;
COMMENT ON FUNCTION abs.get_pdf_as_owner(text, date, text, date, name) IS 'Behind abs.get_pdf.';

CREATE FUNCTION abs.colvir_get_loan_debt(dep_id bigint, id bigint, server name DEFAULT NULL) RETURNS numeric
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION abs.colvir_get_loan_debt(bigint, bigint, name) IS
'Asks Colvir for the current debt of a contract (O8), stores it where the key names one loan, returns it.';

CREATE FUNCTION abs.colvir_get_loan_debt_as_owner(dep_id bigint, id bigint, server name) RETURNS numeric
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT abs.amount_field(
               (k2bridge.invoke('abs.colvir_get_loan_debt',
                                jsonb_build_object('dep_id', k2bridge.need_argument('dep_id', $1::text)::bigint,
                                                   'id', k2bridge.need_argument('id', $2::text)::bigint), $3)).reply, 'debt')
$$;
COMMENT ON FUNCTION abs.colvir_get_loan_debt_as_owner(bigint, bigint, name) IS 'Behind abs.colvir_get_loan_debt.';

CREATE FUNCTION abs.way4_get_loan_debt(contract_number text, server name DEFAULT NULL) RETURNS numeric
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION abs.way4_get_loan_debt(text, name) IS
'Asks Way4 for the current debt of a contract (O9), stores it where the key names one loan, returns it.';

CREATE FUNCTION abs.way4_get_loan_debt_as_owner(contract_number text, server name) RETURNS numeric
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT abs.amount_field(
               (k2bridge.invoke('abs.way4_get_loan_debt',
                                jsonb_build_object('contract_number', k2bridge.need_argument('contract_number', $1)), $2)).reply, 'debt')
$$;
COMMENT ON FUNCTION abs.way4_get_loan_debt_as_owner(text, name) IS 'Behind abs.way4_get_loan_debt.';

CREATE FUNCTION abs.refresh_debt(loan_id bigint, server name DEFAULT NULL) RETURNS numeric
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION abs.refresh_debt(bigint, name) IS
'Asks the core system of a loan for its current debt (O8 or O9, by k2.system), stores and returns it.';

CREATE FUNCTION abs.refresh_debt_as_owner(loan_id bigint, server name) RETURNS numeric
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT abs.amount_field((k2bridge.invoke(c.endpoint, c.args, coalesce($2, c.server))).reply, 'debt')
      FROM abs.loan_call($1, 'debt') c
$$;
COMMENT ON FUNCTION abs.refresh_debt_as_owner(bigint, name) IS 'Behind abs.refresh_debt.';
