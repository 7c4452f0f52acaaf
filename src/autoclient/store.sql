-- Storing what the statement calls bring: one statement per page. Final rows are never overwritten by interim ones,
-- and a row of a day that was fetched as final without it counts as vanished (wire/autoclient.md section 2.3).

CREATE FUNCTION autoclient.account_named(server name, wire text) RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce((SELECT a.acc FROM autoclient.account a
                      WHERE a.server = $1 AND (a.acc = $2 OR length($2) = 14 AND right(a.acc, 14) = $2)
                      ORDER BY a.acc = $2 DESC, a.acc LIMIT 1), $2)
$$;
COMMENT ON FUNCTION autoclient.account_named(name, text) IS 'The known account that a number means; the bank also writes the last 14 digits of an IBAN.';

CREATE FUNCTION autoclient.store_transactions(server name, acc text, items jsonb, final_until date, walk bigint) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, DMY' AS $$
#variable_conflict use_column
DECLARE
    zone text := autoclient.zone($1);
    linking boolean := EXISTS (SELECT FROM k2.extreq);
    walked date := (SELECT a.walked_through FROM autoclient.account a WHERE a.server = $1 AND a.acc = $2);
    changed bigint;
BEGIN
    WITH page AS MATERIALIZED (
        SELECT DISTINCT ON (coalesce($2, autoclient.account_named($1, r."AUT_MY_ACC")), r."TRANTYPE", r."REF", r."REFN")
               coalesce($2, autoclient.account_named($1, r."AUT_MY_ACC")) AS own_acc, e.item, r.*
          FROM jsonb_array_elements($3) WITH ORDINALITY AS e (item, position)
         CROSS JOIN LATERAL jsonb_to_record(e.item) AS r (
               "TRANTYPE" text, "REF" text, "REFN" text, "AUT_MY_CRF" text, "AUT_MY_MFO" text, "AUT_MY_ACC" text,
               "AUT_MY_NAM" text, "AUT_MY_MFO_NAME" text, "AUT_MY_MFO_CITY" text, "AUT_CNTR_CRF" text,
               "AUT_CNTR_MFO" text, "AUT_CNTR_ACC" text, "AUT_CNTR_NAM" text, "AUT_CNTR_MFO_NAME" text,
               "AUT_CNTR_MFO_CITY" text, "CCY" text, "FL_REAL" text, "PR_PR" text, "DOC_TYP" text, "NUM_DOC" text,
               "DAT_KL" text, "DAT_OD" date, "OSND" text, "SUM" numeric, "SUM_E" numeric, "TIM_P" text,
               "DATE_TIME_DAT_OD_TIM_P" text, "ID" text, "DLR" text, "TECHNICAL_TRANSACTION_ID" text,
               "UETR" text, "ULTMT" text, "PAYER_ULTMT_NCEO" text, "PAYER_ULTMT_DOCUMENT" text,
               "PAYER_ULTMT_NAME" text, "PAYER_ULTMT_COUNTRY_CODE" text, "RECIPIENT_ULTMT_NCEO" text,
               "RECIPIENT_ULTMT_DOCUMENT" text, "RECIPIENT_ULTMT_NAME" text, "RECIPIENT_ULTMT_COUNTRY_CODE" text,
               "STRUCT_CODE" text, "STRUCT_TYPE" text, "STRUCT_CATEGORY" text)
         ORDER BY 1, r."TRANTYPE", r."REF", r."REFN", e.position DESC
    ), stored AS (
        INSERT INTO autoclient.transaction AS known (
                server, acc, trantype, ref, refn, aut_my_crf, aut_my_mfo, aut_my_acc, aut_my_nam, aut_my_mfo_name,
                aut_my_mfo_city, aut_cntr_crf, aut_cntr_mfo, aut_cntr_acc, aut_cntr_nam, aut_cntr_mfo_name,
                aut_cntr_mfo_city, ccy, fl_real, pr_pr, doc_typ, num_doc, dat_kl, dat_od, osnd, sum, sum_e, tim_p, at,
                id, dlr, technical_transaction_id, uetr, ultmt, payer_ultmt_nceo, payer_ultmt_document,
                payer_ultmt_name, payer_ultmt_country_code, recipient_ultmt_nceo, recipient_ultmt_document,
                recipient_ultmt_name, recipient_ultmt_country_code, struct_code, struct_type, struct_category,
                is_final, walk, raw,
                vanished)
        SELECT $1, r.own_acc, r."TRANTYPE", r."REF", r."REFN",
               r."AUT_MY_CRF", r."AUT_MY_MFO", r."AUT_MY_ACC", r."AUT_MY_NAM", r."AUT_MY_MFO_NAME",
               r."AUT_MY_MFO_CITY", r."AUT_CNTR_CRF", r."AUT_CNTR_MFO", r."AUT_CNTR_ACC", r."AUT_CNTR_NAM",
               r."AUT_CNTR_MFO_NAME", r."AUT_CNTR_MFO_CITY", r."CCY", r."FL_REAL", r."PR_PR", r."DOC_TYP",
               r."NUM_DOC", nullif(r."DAT_KL", '')::date, r."DAT_OD", r."OSND", CASE WHEN r."SUM" = round(r."SUM", 2) THEN r."SUM" ELSE autoclient.inexact('SUM', r."SUM"::text) END,
               CASE WHEN r."SUM_E" IS NULL OR r."SUM_E" = round(r."SUM_E", 2) THEN r."SUM_E" ELSE autoclient.inexact('SUM_E', r."SUM_E"::text) END, r."TIM_P", nullif(r."DATE_TIME_DAT_OD_TIM_P", '')::timestamp AT TIME ZONE zone, r."ID",
               r."DLR", r."TECHNICAL_TRANSACTION_ID", r."UETR", r."ULTMT", r."PAYER_ULTMT_NCEO",
               r."PAYER_ULTMT_DOCUMENT", r."PAYER_ULTMT_NAME", r."PAYER_ULTMT_COUNTRY_CODE", r."RECIPIENT_ULTMT_NCEO",
               r."RECIPIENT_ULTMT_DOCUMENT", r."RECIPIENT_ULTMT_NAME", r."RECIPIENT_ULTMT_COUNTRY_CODE",
               r."STRUCT_CODE", r."STRUCT_TYPE", r."STRUCT_CATEGORY",
               coalesce(r."DAT_OD" <= $4, false), $5, nullif(r.item - '{TRANTYPE,REF,REFN,AUT_MY_CRF,AUT_MY_MFO,AUT_MY_ACC,AUT_MY_NAM,AUT_MY_MFO_NAME,AUT_MY_MFO_CITY,AUT_CNTR_CRF,AUT_CNTR_MFO,AUT_CNTR_ACC,AUT_CNTR_NAM,AUT_CNTR_MFO_NAME,AUT_CNTR_MFO_CITY,CCY,FL_REAL,PR_PR,DOC_TYP,NUM_DOC,DAT_KL,DAT_OD,OSND,SUM,SUM_E,TIM_P,ID,DLR,TECHNICAL_TRANSACTION_ID,UETR,ULTMT,PAYER_ULTMT_NCEO,PAYER_ULTMT_DOCUMENT,PAYER_ULTMT_NAME,PAYER_ULTMT_COUNTRY_CODE,RECIPIENT_ULTMT_NCEO,RECIPIENT_ULTMT_DOCUMENT,RECIPIENT_ULTMT_NAME,RECIPIENT_ULTMT_COUNTRY_CODE,STRUCT_CODE,STRUCT_TYPE,STRUCT_CATEGORY,DATE_TIME_DAT_OD_TIM_P}'::text[], '{}'),
               coalesce(r."DAT_OD" > $4, true) AND coalesce(r."DAT_OD" <= CASE WHEN $2 IS NOT NULL THEN walked
                    ELSE (SELECT a.walked_through FROM autoclient.account a WHERE a.server = $1 AND a.acc = r.own_acc) END, false)
          FROM page r
            ON CONFLICT (server, acc, trantype, ref, refn) DO UPDATE SET
           aut_my_crf = excluded.aut_my_crf, aut_my_mfo = excluded.aut_my_mfo, aut_my_acc = excluded.aut_my_acc,
           aut_my_nam = excluded.aut_my_nam, aut_my_mfo_name = excluded.aut_my_mfo_name,
           aut_my_mfo_city = excluded.aut_my_mfo_city, aut_cntr_crf = excluded.aut_cntr_crf,
           aut_cntr_mfo = excluded.aut_cntr_mfo, aut_cntr_acc = excluded.aut_cntr_acc,
           aut_cntr_nam = excluded.aut_cntr_nam, aut_cntr_mfo_name = excluded.aut_cntr_mfo_name,
           aut_cntr_mfo_city = excluded.aut_cntr_mfo_city, ccy = excluded.ccy, fl_real = excluded.fl_real,
           pr_pr = excluded.pr_pr, doc_typ = excluded.doc_typ, num_doc = excluded.num_doc, dat_kl = excluded.dat_kl,
           dat_od = excluded.dat_od, osnd = excluded.osnd, sum = excluded.sum, sum_e = excluded.sum_e,
           tim_p = excluded.tim_p, at = excluded.at, id = excluded.id, dlr = excluded.dlr,
           technical_transaction_id = excluded.technical_transaction_id, uetr = excluded.uetr, ultmt = excluded.ultmt,
           payer_ultmt_nceo = excluded.payer_ultmt_nceo, payer_ultmt_document = excluded.payer_ultmt_document,
           payer_ultmt_name = excluded.payer_ultmt_name, payer_ultmt_country_code = excluded.payer_ultmt_country_code,
           recipient_ultmt_nceo = excluded.recipient_ultmt_nceo,
           recipient_ultmt_document = excluded.recipient_ultmt_document,
           recipient_ultmt_name = excluded.recipient_ultmt_name,
           recipient_ultmt_country_code = excluded.recipient_ultmt_country_code, struct_code = excluded.struct_code,
           struct_type = excluded.struct_type, struct_category = excluded.struct_category,
           is_final = excluded.is_final, vanished = excluded.vanished, walk = coalesce(excluded.walk, known.walk),
           raw = excluded.raw
         WHERE (excluded.is_final OR NOT known.is_final)
           AND (excluded.walk IS NOT NULL OR known.is_final <> excluded.is_final OR known.vanished <> excluded.vanished OR (
           known.aut_my_crf, known.aut_my_mfo, known.aut_my_acc, known.aut_my_nam, known.aut_my_mfo_name,
           known.aut_my_mfo_city, known.aut_cntr_crf, known.aut_cntr_mfo, known.aut_cntr_acc, known.aut_cntr_nam,
           known.aut_cntr_mfo_name, known.aut_cntr_mfo_city, known.ccy, known.fl_real, known.pr_pr, known.doc_typ,
           known.num_doc, known.dat_kl, known.dat_od, known.osnd, known.sum, known.sum_e, known.tim_p, known.at,
           known.id, known.dlr, known.technical_transaction_id, known.uetr, known.ultmt, known.payer_ultmt_nceo,
           known.payer_ultmt_document, known.payer_ultmt_name, known.payer_ultmt_country_code,
           known.recipient_ultmt_nceo, known.recipient_ultmt_document, known.recipient_ultmt_name,
           known.recipient_ultmt_country_code, known.struct_code, known.struct_type, known.struct_category, known.raw)
           IS DISTINCT FROM (
           excluded.aut_my_crf, excluded.aut_my_mfo, excluded.aut_my_acc, excluded.aut_my_nam,
           excluded.aut_my_mfo_name, excluded.aut_my_mfo_city, excluded.aut_cntr_crf, excluded.aut_cntr_mfo,
           excluded.aut_cntr_acc, excluded.aut_cntr_nam, excluded.aut_cntr_mfo_name, excluded.aut_cntr_mfo_city,
           excluded.ccy, excluded.fl_real, excluded.pr_pr, excluded.doc_typ, excluded.num_doc, excluded.dat_kl,
           excluded.dat_od, excluded.osnd, excluded.sum, excluded.sum_e, excluded.tim_p, excluded.at, excluded.id,
           excluded.dlr, excluded.technical_transaction_id, excluded.uetr, excluded.ultmt, excluded.payer_ultmt_nceo,
           excluded.payer_ultmt_document, excluded.payer_ultmt_name, excluded.payer_ultmt_country_code,
           excluded.recipient_ultmt_nceo, excluded.recipient_ultmt_document, excluded.recipient_ultmt_name,
           excluded.recipient_ultmt_country_code, excluded.struct_code, excluded.struct_type,
           excluded.struct_category, excluded.raw))
        RETURNING known.acc, known.trantype, known.ref, known.refn, known.osnd, known.dlr
    ), named AS (
        INSERT INTO autoclient.extreq_link (server, acc, trantype, ref, refn, code)
        SELECT DISTINCT $1, s.acc, s.trantype, s.ref, s.refn, x.code
          FROM stored s
         CROSS JOIN LATERAL regexp_matches(s.osnd, '\m[A-Z0-9]{10,35}\M', 'g') AS w (word)
          JOIN k2.extreq x ON x.code = w.word[1]
         WHERE linking
            ON CONFLICT DO NOTHING
    ), paid AS (
        UPDATE autoclient.payment p
           SET state = 'booked', acc = s.acc, trantype = s.trantype, ref = s.ref, refn = s.refn
          FROM stored s
         WHERE s.dlr IS NOT NULL AND s.trantype = 'D' AND p.server = $1 AND p.payment_pack_ref = s.dlr
           AND (p.acc, p.trantype, p.ref, p.refn) IS DISTINCT FROM (s.acc, s.trantype, s.ref, s.refn)
    )
    SELECT count(*) INTO changed FROM stored;
    RETURN changed;
END
$$;
COMMENT ON FUNCTION autoclient.store_transactions(name, text, jsonb, date, bigint) IS
'Stores a page of a statement; rows up to the given day are final. Links rows to payments by DLR and to payment requests named in the purpose. Returns how many rows changed.';

CREATE FUNCTION autoclient.store_balances(server name, acc text, items jsonb, final_until date) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, DMY' AS $$
#variable_conflict use_column
DECLARE
    changed bigint;
BEGIN
    INSERT INTO autoclient.balance AS known (server, acc, day, currency, balance_in, balance_out, turnover_debt, turnover_cred,
        balance_in_eq, balance_out_eq, turnover_debt_eq, turnover_cred_eq, is_final, raw)
    SELECT DISTINCT ON (coalesce($2, r.acc), r.dpd::date) $1, coalesce($2, r.acc), r.dpd::date, r.currency,
           autoclient.amount(r."balanceIn", 'balanceIn'), autoclient.amount(r."balanceOut", 'balanceOut'),
           autoclient.amount(r."turnoverDebt", 'turnoverDebt'), autoclient.amount(r."turnoverCred", 'turnoverCred'),
           autoclient.amount(r."balanceInEq", 'balanceInEq'), autoclient.amount(r."balanceOutEq", 'balanceOutEq'),
           autoclient.amount(r."turnoverDebtEq", 'turnoverDebtEq'), autoclient.amount(r."turnoverCredEq", 'turnoverCredEq'),
           coalesce(r.is_final_bal, false) OR coalesce(r.dpd::date <= $4, false),
           nullif(e.item - '{acc,currency,dpd,is_final_bal,balanceIn,balanceOut,turnoverDebt,turnoverCred,balanceInEq,balanceOutEq,turnoverDebtEq,turnoverCredEq}'::text[], '{}')
      FROM jsonb_array_elements($3) WITH ORDINALITY AS e (item, position)
     CROSS JOIN LATERAL jsonb_to_record(e.item) AS r (acc text, currency text, dpd timestamp, is_final_bal boolean,
               "balanceIn" numeric, "balanceOut" numeric, "turnoverDebt" numeric, "turnoverCred" numeric, "balanceInEq" numeric,
               "balanceOutEq" numeric, "turnoverDebtEq" numeric, "turnoverCredEq" numeric)
     ORDER BY coalesce($2, r.acc), r.dpd::date, e.position DESC
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
COMMENT ON FUNCTION autoclient.store_balances(name, text, jsonb, date) IS
'Stores a page of balances; days up to the given one are final, and those that the bank calls so.';

CREATE FUNCTION autoclient.amount(value numeric, field text) RETURNS numeric
    LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF value <> round(value, 2) OR abs(value) >= 1e18 THEN
        PERFORM autoclient.inexact(field, value::text);
    END IF;
    RETURN value;
END
$$;
COMMENT ON FUNCTION autoclient.amount(numeric, text) IS 'An amount that numeric(20,2) holds exactly; raises naming the field.';

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
