-- Storing what the statement calls bring: which account a page is of, its rows (rows.sql) with what links them, its balances.

CREATE FUNCTION autoclient.account_named(server name, wire text) RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce((SELECT a.acc FROM autoclient.account a
                      WHERE a.server = $1 AND (a.acc = $2 OR length($2) = 14 AND right(a.acc, 14) = $2)
                      ORDER BY a.acc = $2 DESC, a.acc LIMIT 1), $2)
$$;
COMMENT ON FUNCTION autoclient.account_named(name, text) IS 'The known account that a number means; the bank also writes the last 14 digits of an IBAN.';

CREATE FUNCTION autoclient.page_of(reply json, list text, OUT rest jsonb, OUT items json)
    LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'k2bridge_page_of';
COMMENT ON FUNCTION autoclient.page_of(json, text) IS
'A reply in two: the array of that name as text, and the rest; raises naming the field when it is no array.';

CREATE FUNCTION autoclient.link_requests(server name, acc text, changed autoclient.stored_row[]) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM k2.extreq) THEN
        RETURN;
    END IF;
    INSERT INTO autoclient.extreq_link (server, acc, trantype, ref, refn, code)
    SELECT DISTINCT $1, $2, s.trantype, s.ref, s.refn, x.code
      FROM unnest(changed) s
     CROSS JOIN LATERAL regexp_matches(s.osnd, '\m[A-Z0-9]{10,35}\M', 'g') AS w (word)
      JOIN k2.extreq x ON x.code = w.word[1]
        ON CONFLICT DO NOTHING;
END
$$;
COMMENT ON FUNCTION autoclient.link_requests(name, text, autoclient.stored_row[]) IS
'Links rows to the outgoing payment requests that their purpose names.';

CREATE FUNCTION autoclient.link_payments(server name, acc text, changed autoclient.stored_row[]) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    IF NOT EXISTS (SELECT FROM autoclient.payment) THEN
        RETURN;
    END IF;
    UPDATE autoclient.payment p
       SET state = 'booked', acc = $2, trantype = s.trantype, ref = s.ref, refn = s.refn
      FROM unnest(changed) s
     WHERE s.dlr IS NOT NULL AND s.trantype = 'D' AND p.server = $1 AND p.payment_pack_ref = s.dlr
       AND (p.acc, p.trantype, p.ref, p.refn) IS DISTINCT FROM ($2, s.trantype, s.ref, s.refn);
END
$$;
COMMENT ON FUNCTION autoclient.link_payments(name, text, autoclient.stored_row[]) IS
'Links debits to the payments that made them, whose pack reference the bank gives as DLR.';

CREATE FUNCTION autoclient.store_account(server name, acc text, items json, final_until date, walk bigint, fresh boolean) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    walked date := (SELECT a.walked_through FROM autoclient.account a WHERE a.server = $1 AND a.acc = $2);
    changed autoclient.stored_row[];
BEGIN
    IF fresh THEN
        changed := autoclient.insert_rows($1, $2, $3, $4, walked, $5);
    END IF;
    IF changed IS NULL THEN
        changed := autoclient.merge_rows($1, $2, $3, $4, walked, $5);
    END IF;
    PERFORM autoclient.link_requests($1, $2, changed);
    PERFORM autoclient.link_payments($1, $2, changed);
    RETURN cardinality(changed);
END
$$;
COMMENT ON FUNCTION autoclient.store_account(name, text, json, date, bigint, boolean) IS
'Stores rows of one account, of which those up to the given day are final, and links them to payments and payment requests; fresh: none of them is expected to be here. Returns how many are new or have changed.';

CREATE FUNCTION autoclient.store_transactions(server name, acc text, items json, final_until date, walk bigint, fresh boolean DEFAULT false) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF $2 IS NOT NULL THEN
        RETURN autoclient.store_account($1, $2, $3, $4, $5, $6);
    END IF;
    RETURN (SELECT coalesce(sum(autoclient.store_account($1, o.acc, o.items, $4, $5, $6)), 0)
              FROM (SELECT autoclient.account_named($1, e.item ->> 'AUT_MY_ACC') AS acc, json_agg(e.item ORDER BY e.place) AS items
                      FROM json_array_elements($3) WITH ORDINALITY AS e (item, place) GROUP BY 1 ORDER BY 1) o);
END
$$;
COMMENT ON FUNCTION autoclient.store_transactions(name, text, json, date, bigint, boolean) IS
'Stores a page of the statement of an account (null: of several); rows up to the given day are final; fresh: none is expected to be here. Returns how many are new or have changed.';

CREATE FUNCTION autoclient.read_balances(items json, zone text)
    RETURNS TABLE (acc text, day date, currency text, is_final boolean, balance_in numeric, balance_out numeric,
                   turnover_debt numeric, turnover_cred numeric, balance_in_eq numeric, balance_out_eq numeric,
                   turnover_debt_eq numeric, turnover_cred_eq numeric, raw jsonb)
    LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'k2bridge_read_balances';
COMMENT ON FUNCTION autoclient.read_balances(json, text) IS
'The balances in a page, each day of an account once. A value that a column would not hold raises 22023 naming the field and the row.';

CREATE FUNCTION autoclient.store_balances(server name, acc text, items json, final_until date) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    changed bigint;
BEGIN
    INSERT INTO autoclient.balance AS known (server, acc, day, currency, is_final, balance_in, balance_out, turnover_debt,
        turnover_cred, balance_in_eq, balance_out_eq, turnover_debt_eq, turnover_cred_eq, raw)
    SELECT DISTINCT ON (coalesce($2, r.acc), r.day)
           $1, coalesce($2, r.acc), r.day, r.currency, coalesce(r.is_final, false) OR coalesce(r.day <= $4, false), r.balance_in,
           r.balance_out, r.turnover_debt, r.turnover_cred, r.balance_in_eq, r.balance_out_eq, r.turnover_debt_eq,
           r.turnover_cred_eq, r.raw
      FROM autoclient.read_balances($3, autoclient.zone($1)) r
     ORDER BY coalesce($2, r.acc), r.day, r.acc DESC
        ON CONFLICT (server, acc, day) DO UPDATE
       SET currency = excluded.currency, balance_in = excluded.balance_in, balance_out = excluded.balance_out,
           turnover_debt = excluded.turnover_debt, turnover_cred = excluded.turnover_cred, balance_in_eq = excluded.balance_in_eq,
           balance_out_eq = excluded.balance_out_eq, turnover_debt_eq = excluded.turnover_debt_eq,
           turnover_cred_eq = excluded.turnover_cred_eq, is_final = excluded.is_final, raw = excluded.raw,
           seen_at = excluded.seen_at
     WHERE excluded.is_final OR NOT known.is_final;
    GET DIAGNOSTICS changed = ROW_COUNT;
    RETURN changed;
END
$$;
COMMENT ON FUNCTION autoclient.store_balances(name, text, json, date) IS
'Stores a page of balances; days up to the given one are final, and those that the bank calls so.';

CREATE FUNCTION autoclient.discover(server name, items jsonb, since date) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, DMY' AS $$
#variable_conflict use_column
BEGIN
    INSERT INTO autoclient.account AS known (server, acc, name, currency, state, start_date)
    SELECT DISTINCT ON (e.item ->> 'acc') $1, e.item ->> 'acc', e.item ->> 'nameACC', e.item ->> 'currency', e.item ->> 'state',
           greatest($3, nullif(e.item ->> 'date_open_acc_reg', '')::timestamp::date)
      FROM jsonb_array_elements($2) WITH ORDINALITY AS e (item, position)
     ORDER BY e.item ->> 'acc', e.position DESC
        ON CONFLICT (server, acc) DO UPDATE
       SET name = excluded.name, currency = excluded.currency, state = excluded.state
     WHERE (known.name, known.currency, known.state) IS DISTINCT FROM (excluded.name, excluded.currency, excluded.state);
END
$$;
COMMENT ON FUNCTION autoclient.discover(name, jsonb, date) IS 'Notes the accounts that a page of balances names; history begins at the given day or when the account was opened.';
