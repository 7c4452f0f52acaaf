-- Direct calls of the statement half: ask the bank now, page by page, store what it said, return it. A refusal raises
-- KB001 with the bank's text.

CREATE FUNCTION autoclient.fetch(endpoint text, args jsonb, list text, server name) RETURNS jsonb
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    asked jsonb := jsonb_strip_nulls(args) || '{"about": {"direct": true}}';
    answer k2bridge.call_row;
    pages jsonb[] := '{}';
    page text;
BEGIN
    LOOP
        answer := k2bridge.invoke(endpoint, asked, autoclient.default_server(server));
        pages := pages || k2bridge.list_field(answer.reply, list);
        page := autoclient.next_page(answer.reply);
        EXIT WHEN page IS NULL;
        IF page = asked ->> 'followId' THEN
            RAISE EXCEPTION 'the bank names page "%" as the one after itself', left(page, 60) USING ERRCODE = 'invalid_parameter_value';
        END IF;
        asked := asked || jsonb_build_object('followId', page);
    END LOOP;
    RETURN (SELECT coalesce(jsonb_agg(i.item ORDER BY p.position, i.position), '[]')
              FROM unnest(pages) WITH ORDINALITY AS p (items, position)
             CROSS JOIN LATERAL jsonb_array_elements(p.items) WITH ORDINALITY AS i (item, position));
END
$$;
COMMENT ON FUNCTION autoclient.fetch(text, jsonb, text, name) IS 'All pages of a statement call, asked for now and stored by its handler; returns their items.';

CREATE FUNCTION autoclient.day_range(start_date date, end_date date) RETURNS jsonb
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF start_date IS NULL OR end_date < start_date THEN
        RAISE EXCEPTION '% must be given and not after end_date', 'start_date' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'end_date may be left out.';
    END IF;
    RETURN jsonb_strip_nulls(jsonb_build_object('startDate', autoclient.wire_date(start_date), 'endDate', autoclient.wire_date(end_date)));
END
$$;
COMMENT ON FUNCTION autoclient.day_range(date, date) IS 'startDate and endDate of a statement call; raises when they are the wrong way round.';

CREATE FUNCTION autoclient.stored_balances(server name, acc text, items jsonb) RETURNS SETOF autoclient.balance_row
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, DMY' AS $$
    SELECT b.server, b.acc, b.day, b.currency, b.balance_in, b.balance_out, b.turnover_debt, b.turnover_cred, b.balance_in_eq,
           b.balance_out_eq, b.turnover_debt_eq, b.turnover_cred_eq, b.is_final, b.raw
      FROM (SELECT DISTINCT coalesce($2, e.item ->> 'acc') AS acc, (e.item ->> 'dpd')::timestamp::date AS day FROM jsonb_array_elements($3) AS e (item)) i
      JOIN autoclient.balance b ON b.server = $1 AND b.acc = i.acc AND b.day = i.day
     ORDER BY b.acc, b.day
$$;
COMMENT ON FUNCTION autoclient.stored_balances(name, text, jsonb) IS 'The stored balances that the items of a reply name.';

CREATE FUNCTION autoclient.stored_transactions(server name, acc text, items jsonb) RETURNS SETOF autoclient.transaction_row
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT t.server, t.acc, t.trantype, t.ref, t.refn, t.aut_my_crf, t.aut_my_mfo, t.aut_my_acc, t.aut_my_nam,
           t.aut_my_mfo_name, t.aut_my_mfo_city, t.aut_cntr_crf, t.aut_cntr_mfo, t.aut_cntr_acc, t.aut_cntr_nam,
           t.aut_cntr_mfo_name, t.aut_cntr_mfo_city, t.ccy, t.fl_real, t.pr_pr, t.doc_typ, t.num_doc, t.dat_kl,
           t.dat_od, t.osnd, t.sum, t.sum_e, t.tim_p, t.at, t.id, t.dlr, t.technical_transaction_id, t.uetr, t.ultmt,
           t.payer_ultmt_nceo, t.payer_ultmt_document, t.payer_ultmt_name, t.payer_ultmt_country_code,
           t.recipient_ultmt_nceo, t.recipient_ultmt_document, t.recipient_ultmt_name, t.recipient_ultmt_country_code,
           t.struct_code, t.struct_type, t.struct_category, t.is_final, t.vanished, t.first_seen, t.raw
      FROM (SELECT DISTINCT coalesce($2, autoclient.account_named($1, e.item ->> 'AUT_MY_ACC')) AS acc, e.item ->> 'TRANTYPE' AS trantype,
                   e.item ->> 'REF' AS ref, e.item ->> 'REFN' AS refn
              FROM jsonb_array_elements($3) AS e (item)) i
      JOIN autoclient.transaction t ON t.server = $1 AND t.acc = i.acc AND t.trantype = i.trantype AND t.ref = i.ref AND t.refn = i.refn
     ORDER BY t.acc, t.dat_od, t.at, t.ref, t.refn
$$;
COMMENT ON FUNCTION autoclient.stored_transactions(name, text, jsonb) IS 'The stored rows that the items of a reply name.';

CREATE FUNCTION autoclient.settings(server name DEFAULT NULL) RETURNS autoclient.settings_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.settings(name) IS
'Asks for the bank''s day: phase, operational days, last final day.';
CREATE FUNCTION autoclient.settings_as_owner(server name) RETURNS autoclient.settings_row
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted name := autoclient.default_server($1);
    stored autoclient.settings_row;
BEGIN
    PERFORM k2bridge.invoke('autoclient.settings', '{}', wanted);
    SELECT d.server, d.phase, d.work_balance, d.today, d.lastday, d.date_final_statement, d.dates_without_oper_day, d.server_date_time, d.clock_skew
      INTO stored FROM autoclient.server_day d WHERE d.server = wanted;
    RETURN stored;
END
$$;
COMMENT ON FUNCTION autoclient.settings_as_owner(name) IS 'Behind autoclient.settings.';

CREATE FUNCTION autoclient.balances(acc text DEFAULT NULL, start_date date DEFAULT NULL, end_date date DEFAULT NULL, server name DEFAULT NULL) RETURNS SETOF autoclient.balance_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.balances(text, date, date, name) IS
'Asks for the balances of an account (null: of all active ones) from a day to a day, stores and returns them.';
CREATE FUNCTION autoclient.balances_as_owner(acc text, start_date date, end_date date, server name) RETURNS SETOF autoclient.balance_row
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted name := autoclient.default_server($4);
    items jsonb := autoclient.fetch('autoclient.balances', jsonb_build_object('acc', $1, 'limit', 100) || autoclient.day_range($2, $3), 'balances', wanted);
BEGIN
    RETURN QUERY SELECT s.* FROM autoclient.stored_balances(wanted, autoclient.account_named(wanted, $1), items) s;
END
$$;
COMMENT ON FUNCTION autoclient.balances_as_owner(text, date, date, name) IS 'Behind autoclient.balances.';

CREATE FUNCTION autoclient.balances_interim(acc text DEFAULT NULL, server name DEFAULT NULL) RETURNS SETOF autoclient.balance_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.balances_interim(text, name) IS
'Asks for the balances from the operational day before to the current one, stores and returns them.';
CREATE FUNCTION autoclient.balances_interim_as_owner(acc text, server name) RETURNS SETOF autoclient.balance_row
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted name := autoclient.default_server($2);
    items jsonb := autoclient.fetch('autoclient.balances_interim', jsonb_build_object('acc', $1, 'limit', 100), 'balances', wanted);
BEGIN
    RETURN QUERY SELECT s.* FROM autoclient.stored_balances(wanted, autoclient.account_named(wanted, $1), items) s;
END
$$;
COMMENT ON FUNCTION autoclient.balances_interim_as_owner(text, name) IS 'Behind autoclient.balances_interim.';

CREATE FUNCTION autoclient.balances_final(acc text DEFAULT NULL, server name DEFAULT NULL) RETURNS SETOF autoclient.balance_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.balances_final(text, name) IS
'Asks for the balances of the last final day, stores and returns them.';
CREATE FUNCTION autoclient.balances_final_as_owner(acc text, server name) RETURNS SETOF autoclient.balance_row
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted name := autoclient.default_server($2);
    items jsonb := autoclient.fetch('autoclient.balances_final', jsonb_build_object('acc', $1, 'limit', 100), 'balances', wanted);
BEGIN
    RETURN QUERY SELECT s.* FROM autoclient.stored_balances(wanted, autoclient.account_named(wanted, $1), items) s;
END
$$;
COMMENT ON FUNCTION autoclient.balances_final_as_owner(text, name) IS 'Behind autoclient.balances_final.';

CREATE FUNCTION autoclient.transactions(acc text DEFAULT NULL, start_date date DEFAULT NULL, end_date date DEFAULT NULL, server name DEFAULT NULL) RETURNS SETOF autoclient.transaction_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.transactions(text, date, date, name) IS
'Asks for the rows of the statement of an account (null: of all active ones) from a day to a day, stores and returns them.';
CREATE FUNCTION autoclient.transactions_as_owner(acc text, start_date date, end_date date, server name) RETURNS SETOF autoclient.transaction_row
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted name := autoclient.default_server($4);
    items jsonb := autoclient.fetch('autoclient.transactions', jsonb_build_object('acc', $1, 'limit', 100) || autoclient.day_range($2, $3), 'transactions', wanted);
BEGIN
    RETURN QUERY SELECT s.* FROM autoclient.stored_transactions(wanted, autoclient.account_named(wanted, $1), items) s;
END
$$;
COMMENT ON FUNCTION autoclient.transactions_as_owner(text, date, date, name) IS 'Behind autoclient.transactions.';

CREATE FUNCTION autoclient.transactions_interim(acc text DEFAULT NULL, server name DEFAULT NULL) RETURNS SETOF autoclient.transaction_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.transactions_interim(text, name) IS
'Asks for the rows of the statement from the operational day before to the current one, stores and returns them.';
CREATE FUNCTION autoclient.transactions_interim_as_owner(acc text, server name) RETURNS SETOF autoclient.transaction_row
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted name := autoclient.default_server($2);
    items jsonb := autoclient.fetch('autoclient.transactions_interim', jsonb_build_object('acc', $1, 'limit', 100), 'transactions', wanted);
BEGIN
    RETURN QUERY SELECT s.* FROM autoclient.stored_transactions(wanted, autoclient.account_named(wanted, $1), items) s;
END
$$;
COMMENT ON FUNCTION autoclient.transactions_interim_as_owner(text, name) IS 'Behind autoclient.transactions_interim.';

CREATE FUNCTION autoclient.transactions_final(acc text DEFAULT NULL, server name DEFAULT NULL) RETURNS SETOF autoclient.transaction_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.transactions_final(text, name) IS
'Asks for the rows of the statement of the last final day, stores and returns them.';
CREATE FUNCTION autoclient.transactions_final_as_owner(acc text, server name) RETURNS SETOF autoclient.transaction_row
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted name := autoclient.default_server($2);
    items jsonb := autoclient.fetch('autoclient.transactions_final', jsonb_build_object('acc', $1, 'limit', 100), 'transactions', wanted);
BEGIN
    RETURN QUERY SELECT s.* FROM autoclient.stored_transactions(wanted, autoclient.account_named(wanted, $1), items) s;
END
$$;
COMMENT ON FUNCTION autoclient.transactions_final_as_owner(text, name) IS 'Behind autoclient.transactions_final.';

CREATE FUNCTION autoclient.clients_in_group(server name DEFAULT NULL) RETURNS SETOF text
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.clients_in_group(name) IS
'The companies of the group whose token the server has (group mode).';
CREATE FUNCTION autoclient.clients_in_group_as_owner(server name) RETURNS SETOF text
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT jsonb_array_elements_text((k2bridge.invoke('autoclient.clients_in_group', '{}', autoclient.default_server($1))).reply -> 'clients_in_group')
$$;
COMMENT ON FUNCTION autoclient.clients_in_group_as_owner(name) IS 'Behind autoclient.clients_in_group.';
