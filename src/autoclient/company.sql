-- A company in one call.

CREATE FUNCTION autoclient.register_company(server name, start_date date DEFAULT NULL, every interval DEFAULT '5 minutes') RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.register_company(name, date, interval) IS
'Has a server polled: company, line in k2bridge.schedule, first round. Returns the id of its first call.';
CREATE FUNCTION autoclient.register_company_as_owner(server name, start_date date, every interval) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    wanted name := autoclient.default_server($1);
    job text := 'autoclient.poll:' || wanted;
BEGIN
    IF $2 < autoclient.oldest_day(wanted) THEN
        RAISE EXCEPTION 'start_date % is too long ago', $2 USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'The bank tells at most 1095 days.', HINT = format('Begin with %s or later.', autoclient.oldest_day(wanted));
    END IF;
    INSERT INTO autoclient.company AS known (server, start_date) VALUES (wanted, $2)
        ON CONFLICT (server) DO UPDATE SET start_date = coalesce(excluded.start_date, known.start_date);
    INSERT INTO k2bridge.schedule (name, command, every, run_as)
    VALUES (job, format('SELECT autoclient.poll(%L)', wanted), $3, current_user)
        ON CONFLICT (name) DO UPDATE SET every = excluded.every, enabled = true;
    RETURN autoclient.start_round(wanted);
END
$$;
COMMENT ON FUNCTION autoclient.register_company_as_owner(name, date, interval) IS 'Behind autoclient.register_company.';

CREATE FUNCTION autoclient.add_company(server name, token_file text, group_id text DEFAULT NULL, start_date date DEFAULT NULL,
                                       base_url text DEFAULT 'https://acp.privatbank.ua', charset text DEFAULT 'utf8') RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_foreign_server s WHERE s.srvname = $1) THEN
        EXECUTE format('CREATE SERVER %I TYPE ''autoclient'' FOREIGN DATA WRAPPER k2bridge OPTIONS (base_url %L, charset %L%s)', $1, $5, $6,
                       CASE WHEN $3 IS NOT NULL THEN format(', group_id %L', $3) ELSE '' END);
    END IF;
    EXECUTE format('CREATE USER MAPPING IF NOT EXISTS FOR PUBLIC SERVER %I OPTIONS (token_file %L)', $1, k2bridge.need_argument('token_file', $2));
    RETURN autoclient.register_company($1, $4);
END
$$;
COMMENT ON FUNCTION autoclient.add_company(name, text, text, date, text, text) IS
'Sets a company up in one call: server, credentials, line in k2bridge.schedule and a first round, which finds its accounts. An existing server is left as it is. Needs the right to make servers and to name files.';
