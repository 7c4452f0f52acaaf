-- Handlers of the calls that only read about clients and loans: O1 to O4, O8, O9.

CREATE FUNCTION abs.client_done(call k2bridge.call_row) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF call.outcome = 'ok' THEN
        IF call.reply ->> 'iinbin' <> call.args ->> 'iinbin' THEN
            RAISE EXCEPTION 'field "iinbin" of the reply names another client' USING ERRCODE = 'invalid_parameter_value';
        END IF;
        INSERT INTO abs.client AS known (iinbin, fullname, sectecon, residfl, fetched_at)
        VALUES (call.args ->> 'iinbin', abs.field(call.reply, 'fullname'), abs.integer_field(call.reply, 'sectecon'),
                abs.integer_field(call.reply, 'residfl'), abs.answered_at(call))
            ON CONFLICT (iinbin) DO UPDATE
           SET fullname = excluded.fullname, sectecon = excluded.sectecon, residfl = excluded.residfl,
               fetched_at = excluded.fetched_at
         WHERE known.fetched_at <= excluded.fetched_at;
    END IF;
    PERFORM abs.note_answer(call, 'client', abs.loans_of(call), false);
END
$$;
COMMENT ON FUNCTION abs.client_done(k2bridge.call_row) IS 'Handler of abs.get_cli (O1): stores the client.';

CREATE FUNCTION abs.accounts_done(call k2bridge.call_row) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    holder text := call.args ->> 'iinbin';
    at timestamptz := abs.answered_at(call);
    listed text[];
BEGIN
    IF call.outcome = 'ok' THEN
        WITH said AS (
            SELECT DISTINCT ON (abs.field(e.item, 'iban')) abs.field(e.item, 'iban') AS iban, e.item
              FROM jsonb_array_elements(abs.list_field(call.reply, 'ibans')) WITH ORDINALITY AS e (item, position)
             ORDER BY 1, e.position DESC
        ), stored AS (
            INSERT INTO abs.account AS known (iban, iinbin, account_name, ps, system, cur, fetched_at)
            SELECT s.iban, holder, s.item ->> 'accountName', s.item ->> 'ps', s.item ->> 'system', s.item ->> 'cur', at
              FROM said s
             ORDER BY s.iban
                ON CONFLICT (iban) DO UPDATE
               SET iinbin = excluded.iinbin, account_name = excluded.account_name, ps = excluded.ps,
                   system = excluded.system, cur = excluded.cur, fetched_at = excluded.fetched_at, gone_at = NULL
             WHERE known.fetched_at <= excluded.fetched_at
        )
        SELECT coalesce(array_agg(s.iban), '{}') INTO listed FROM said s;
        UPDATE abs.account a SET gone_at = at, fetched_at = at
         WHERE a.iinbin = holder AND a.gone_at IS NULL AND a.fetched_at <= at AND a.iban <> ALL (listed);
    END IF;
    PERFORM abs.note_answer(call, 'accounts', abs.loans_of(call), false);
END
$$;
COMMENT ON FUNCTION abs.accounts_done(k2bridge.call_row) IS
'Handler of abs.get_acc (O2): stores the accounts and marks those the ABS no longer lists.';

CREATE FUNCTION abs.statement_done(call k2bridge.call_row) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    loan bigint;
    disbursed date;
    day date := abs.date_field(call.args, 'dt');
    at timestamptz := abs.answered_at(call);
    lines jsonb := '[]';
BEGIN
    -- The lock of the loan's row makes two answers for one loan follow each other.
    SELECT l.id, l.dbz_dt INTO loan, disbursed FROM k2.loan l
     WHERE l.id = (call.args #>> '{about,loan_id}')::bigint FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    IF call.outcome = 'ok' THEN
        lines := abs.list_field(call.reply, 'stmt');
        IF NOT EXISTS (SELECT FROM abs.statement_line s WHERE s.loan_id = loan AND s.dt = day AND s.fetched_at > at) THEN
            DELETE FROM abs.statement_line s WHERE s.loan_id = loan AND s.dt = day;
            INSERT INTO abs.statement_line (loan_id, dt, line, purpose, amount, cur, dc, out_bal, fetched_at)
            SELECT loan, day, e.position, e.item ->> 'purpose', abs.amount_field(e.item, 'amount'), e.item ->> 'cur',
                   upper(e.item ->> 'DC'),
                   CASE WHEN e.item ->> 'out_bal' IS NOT NULL THEN abs.amount_field(e.item, 'out_bal') END, at
              FROM jsonb_array_elements(lines) WITH ORDINALITY AS e (item, position);
        END IF;
    END IF;
    -- A statement of another day says nothing about the disbursement.
    IF day = disbursed THEN
        PERFORM abs.note_answer(call, 'statement', ARRAY[loan], jsonb_array_length(lines) = 0);
        PERFORM abs.ask_again(call, 'statement');
    END IF;
END
$$;
COMMENT ON FUNCTION abs.statement_done(k2bridge.call_row) IS
'Handler of abs.get_acc_stmt_dt (O3): stores the lines of the day; no line is an answer, asked again weekly, four times.';

CREATE FUNCTION abs.scan_done(call k2bridge.call_row) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    num text := call.args ->> 'dbz_num';
    day date := abs.date_field(call.args, 'dbz_dt');
    holder text := call.args ->> 'iinbin';
    at timestamptz := abs.answered_at(call);
    known abs.scan_row;
    stored bigint;
BEGIN
    IF call.outcome = 'ok' THEN
        INSERT INTO abs.scan (dbz_num, dbz_dt, iinbin, fetched_at) VALUES (num, day, holder, '-infinity')
            ON CONFLICT DO NOTHING;
        SELECT s.dbz_num, s.dbz_dt, s.iinbin, s.file_id, s.digest, s.fetched_at INTO known
          FROM abs.scan s WHERE s.dbz_num = num AND s.dbz_dt = day AND s.iinbin = holder FOR UPDATE;
        IF call.content IS NOT NULL AND known.digest IS NOT DISTINCT FROM sha256(call.content) AND known.file_id IS NOT NULL THEN
            stored := known.file_id;
        ELSIF call.content IS NOT NULL AND known.fetched_at <= at THEN
            INSERT INTO k2.file (name, mime, content)
            VALUES (abs.scan_name(call.file_name, num, call.content), k2.mime_of(call.content), call.content)
            RETURNING id INTO stored;
        END IF;
        UPDATE abs.scan s
           SET file_id = stored, digest = sha256(call.content), fetched_at = at
         WHERE s.dbz_num = num AND s.dbz_dt = day AND s.iinbin = holder AND s.fetched_at <= at;
    END IF;
    PERFORM abs.note_answer(call, 'scan', abs.loans_of_scan(call), call.content IS NULL);
    PERFORM abs.ask_again(call, 'scan');
END
$$;
COMMENT ON FUNCTION abs.scan_done(k2bridge.call_row) IS
'Handler of abs.get_pdf (O4): stores the scan in k2.file; no scan is an answer, asked again weekly, four times.';

CREATE FUNCTION abs.loans_of_scan(call k2bridge.call_row) RETURNS bigint[]
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN (SELECT coalesce(array_agg(l.id ORDER BY l.id), '{}')
          FROM k2.loan l
         WHERE l.dbz_contract_number = call.args ->> 'dbz_num' AND l.dbz_dt = abs.date_field(call.args, 'dbz_dt')
           AND l.iinbin = call.args ->> 'iinbin');
END
$$;
COMMENT ON FUNCTION abs.loans_of_scan(k2bridge.call_row) IS 'The loans whose agreement a scan shows.';

CREATE FUNCTION abs.scan_name(given text, dbz_num text, content bytea) RETURNS text
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(nullif(btrim(given), ''),
                    dbz_num || CASE k2.mime_of(content) WHEN 'application/pdf' THEN '.pdf' WHEN 'image/tiff' THEN '.tif' ELSE '' END)
$$;
COMMENT ON FUNCTION abs.scan_name(text, text, bytea) IS 'Name of a scan: the bank''s, else the number of the agreement.';

CREATE FUNCTION abs.loans_of_debt(call k2bridge.call_row) RETURNS bigint[]
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN (SELECT CASE
            WHEN call.args -> 'about' ? 'loan_id' THEN
                (SELECT array_agg(l.id) FROM k2.loan l WHERE l.id = (call.args #>> '{about,loan_id}')::bigint)
            WHEN call.endpoint = 'abs.colvir_get_loan_debt' THEN
                (SELECT array_agg(l.id) FROM k2.loan l JOIN k2.system s ON s.code = l.system
                  WHERE s.kind = 'colvir' AND l.abs_dep_id = (call.args ->> 'dep_id')::bigint
                    AND l.abs_id = (call.args ->> 'id')::bigint)
            ELSE
                (SELECT array_agg(k.id)
                   FROM (SELECT l.id FROM k2.loan l JOIN k2.system s ON s.code = l.system
                          WHERE s.kind = 'way4' AND s.debt_key = 'contract_number'
                            AND l.contract_number = call.args ->> 'contract_number'
                         UNION ALL
                         SELECT l.id FROM k2.loan l JOIN k2.system s ON s.code = l.system
                          WHERE s.kind = 'way4' AND s.debt_key = 'iban' AND l.iban = call.args ->> 'contract_number') k)
        END);
END
$$;
COMMENT ON FUNCTION abs.loans_of_debt(k2bridge.call_row) IS 'The loans that the key of a debt call names.';

CREATE FUNCTION abs.debt_done(call k2bridge.call_row) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    loans bigint[] := abs.loans_of_debt(call);
    at timestamptz := abs.answered_at(call);
    owed numeric(20,2);
BEGIN
    IF call.outcome = 'ok' THEN
        owed := abs.amount_field(call.reply, 'debt');
        -- A key that several loans share says nothing about any one of them.
        IF cardinality(loans) = 1 THEN
            UPDATE k2.loan l SET debt = owed, synced_at = at, debt_source = call.endpoint
             WHERE l.id = loans[1] AND (l.synced_at IS NULL OR l.synced_at <= at);
        END IF;
    END IF;
    IF cardinality(loans) = 1 THEN
        PERFORM abs.note_answer(call, 'debt', loans, false);
    END IF;
END
$$;
COMMENT ON FUNCTION abs.debt_done(k2bridge.call_row) IS 'Handler of O8 and O9: the current debt of the loan.';
