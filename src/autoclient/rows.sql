-- The rows of a statement into their table: one statement per page. Final rows are never overwritten by interim ones, and a
-- row of a day that was fetched as final without it counts as vanished (wire/autoclient.md section 2.3). The columns stand in
-- both statements, rather than built into dynamic SQL, which every page would have planned anew.

CREATE TYPE autoclient.stored_row AS (
    trantype text,
    ref      text,
    refn     text,
    osnd     text,
    dlr      text
);
COMMENT ON TYPE autoclient.stored_row IS 'A row of an account''s statement that is new or has changed: its key and what links it.';

CREATE FUNCTION autoclient.read_transactions(items json, zone text)
    RETURNS TABLE (trantype text, ref text, refn text, aut_my_crf text, aut_my_mfo text, aut_my_acc text, aut_my_nam text,
                   aut_my_mfo_name text, aut_my_mfo_city text, aut_cntr_crf text, aut_cntr_mfo text, aut_cntr_acc text,
                   aut_cntr_nam text, aut_cntr_mfo_name text, aut_cntr_mfo_city text, ccy text, fl_real text, pr_pr text,
                   doc_typ text, num_doc text, dat_kl date, dat_od date, osnd text, sum numeric, sum_e numeric, tim_p text,
                   at timestamptz, id text, dlr text, technical_transaction_id text, uetr text, ultmt text,
                   payer_ultmt_nceo text, payer_ultmt_document text, payer_ultmt_name text, payer_ultmt_country_code text,
                   recipient_ultmt_nceo text, recipient_ultmt_document text, recipient_ultmt_name text,
                   recipient_ultmt_country_code text, struct_code text, struct_type text, struct_category text, raw jsonb)
    LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'k2bridge_read_transactions';
COMMENT ON FUNCTION autoclient.read_transactions(json, text) IS
'The rows of one account in a page of its statement, each once, in the order of their key; wall times are those of the zone. A value that a column would not hold raises 22023 naming the field and the row.';

CREATE FUNCTION autoclient.insert_rows(server name, acc text, items json, final_until date, walked date, walk bigint) RETURNS autoclient.stored_row[]
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    changed autoclient.stored_row[];
BEGIN
    WITH stored AS (
        INSERT INTO autoclient.transaction (
               server, acc, is_final, vanished, walk, trantype, ref, refn,
               aut_my_crf, aut_my_mfo, aut_my_acc, aut_my_nam, aut_my_mfo_name, aut_my_mfo_city, aut_cntr_crf, aut_cntr_mfo,
               aut_cntr_acc, aut_cntr_nam, aut_cntr_mfo_name, aut_cntr_mfo_city, ccy, fl_real, pr_pr, doc_typ, num_doc,
               dat_kl, dat_od, osnd, sum, sum_e, tim_p, at, id, dlr, technical_transaction_id, uetr, ultmt, payer_ultmt_nceo,
               payer_ultmt_document, payer_ultmt_name, payer_ultmt_country_code, recipient_ultmt_nceo,
               recipient_ultmt_document, recipient_ultmt_name, recipient_ultmt_country_code, struct_code, struct_type,
               struct_category, raw)
        SELECT $1, $2, coalesce(r.dat_od <= final_until, false), coalesce(r.dat_od > final_until, true) AND coalesce(r.dat_od <= walked, false), walk, r.*
          FROM autoclient.read_transactions(items, autoclient.zone($1)) r
        RETURNING trantype, ref, refn, osnd, dlr
    )
    SELECT coalesce(array_agg(ROW (s.trantype, s.ref, s.refn, s.osnd, s.dlr)::autoclient.stored_row), '{}') INTO changed FROM stored s;
    RETURN changed;
EXCEPTION WHEN unique_violation THEN
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION autoclient.insert_rows(name, text, json, date, date, bigint) IS
'Stores rows of one account of which none is expected to be here, without looking for each; null when one is, and then nothing is stored.';

CREATE FUNCTION autoclient.merge_rows(server name, acc text, items json, final_until date, walked date, walk bigint) RETURNS autoclient.stored_row[]
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    changed autoclient.stored_row[];
BEGIN
    WITH stored AS (
        INSERT INTO autoclient.transaction AS known (
               server, acc, is_final, vanished, walk, trantype, ref, refn,
               aut_my_crf, aut_my_mfo, aut_my_acc, aut_my_nam, aut_my_mfo_name, aut_my_mfo_city, aut_cntr_crf, aut_cntr_mfo,
               aut_cntr_acc, aut_cntr_nam, aut_cntr_mfo_name, aut_cntr_mfo_city, ccy, fl_real, pr_pr, doc_typ, num_doc,
               dat_kl, dat_od, osnd, sum, sum_e, tim_p, at, id, dlr, technical_transaction_id, uetr, ultmt, payer_ultmt_nceo,
               payer_ultmt_document, payer_ultmt_name, payer_ultmt_country_code, recipient_ultmt_nceo,
               recipient_ultmt_document, recipient_ultmt_name, recipient_ultmt_country_code, struct_code, struct_type,
               struct_category, raw)
        SELECT $1, $2, coalesce(r.dat_od <= final_until, false), coalesce(r.dat_od > final_until, true) AND coalesce(r.dat_od <= walked, false), walk, r.*
          FROM autoclient.read_transactions(items, autoclient.zone($1)) r
            ON CONFLICT (server, acc, trantype, ref, refn) DO UPDATE
           SET (is_final, vanished, walk,
               aut_my_crf, aut_my_mfo, aut_my_acc, aut_my_nam, aut_my_mfo_name, aut_my_mfo_city, aut_cntr_crf, aut_cntr_mfo,
               aut_cntr_acc, aut_cntr_nam, aut_cntr_mfo_name, aut_cntr_mfo_city, ccy, fl_real, pr_pr, doc_typ, num_doc,
               dat_kl, dat_od, osnd, sum, sum_e, tim_p, at, id, dlr, technical_transaction_id, uetr, ultmt, payer_ultmt_nceo,
               payer_ultmt_document, payer_ultmt_name, payer_ultmt_country_code, recipient_ultmt_nceo,
               recipient_ultmt_document, recipient_ultmt_name, recipient_ultmt_country_code, struct_code, struct_type,
               struct_category, raw)
             = ROW (excluded.is_final, excluded.vanished, coalesce(excluded.walk, known.walk),
               excluded.aut_my_crf, excluded.aut_my_mfo, excluded.aut_my_acc, excluded.aut_my_nam, excluded.aut_my_mfo_name,
               excluded.aut_my_mfo_city, excluded.aut_cntr_crf, excluded.aut_cntr_mfo, excluded.aut_cntr_acc,
               excluded.aut_cntr_nam, excluded.aut_cntr_mfo_name, excluded.aut_cntr_mfo_city, excluded.ccy, excluded.fl_real,
               excluded.pr_pr, excluded.doc_typ, excluded.num_doc, excluded.dat_kl, excluded.dat_od, excluded.osnd,
               excluded.sum, excluded.sum_e, excluded.tim_p, excluded.at, excluded.id, excluded.dlr,
               excluded.technical_transaction_id, excluded.uetr, excluded.ultmt, excluded.payer_ultmt_nceo,
               excluded.payer_ultmt_document, excluded.payer_ultmt_name, excluded.payer_ultmt_country_code,
               excluded.recipient_ultmt_nceo, excluded.recipient_ultmt_document, excluded.recipient_ultmt_name,
               excluded.recipient_ultmt_country_code, excluded.struct_code, excluded.struct_type, excluded.struct_category,
               excluded.raw)
         WHERE (excluded.is_final OR NOT known.is_final)
           AND (excluded.walk IS NOT NULL
                OR (known.is_final, known.vanished,
                    known.aut_my_crf, known.aut_my_mfo, known.aut_my_acc, known.aut_my_nam, known.aut_my_mfo_name,
                    known.aut_my_mfo_city, known.aut_cntr_crf, known.aut_cntr_mfo, known.aut_cntr_acc, known.aut_cntr_nam,
                    known.aut_cntr_mfo_name, known.aut_cntr_mfo_city, known.ccy, known.fl_real, known.pr_pr, known.doc_typ,
                    known.num_doc, known.dat_kl, known.dat_od, known.osnd, known.sum, known.sum_e, known.tim_p, known.at,
                    known.id, known.dlr, known.technical_transaction_id, known.uetr, known.ultmt, known.payer_ultmt_nceo,
                    known.payer_ultmt_document, known.payer_ultmt_name, known.payer_ultmt_country_code,
                    known.recipient_ultmt_nceo, known.recipient_ultmt_document, known.recipient_ultmt_name,
                    known.recipient_ultmt_country_code, known.struct_code, known.struct_type, known.struct_category,
                    known.raw)
                   IS DISTINCT FROM
                   (excluded.is_final, excluded.vanished,
                    excluded.aut_my_crf, excluded.aut_my_mfo, excluded.aut_my_acc, excluded.aut_my_nam,
                    excluded.aut_my_mfo_name, excluded.aut_my_mfo_city, excluded.aut_cntr_crf, excluded.aut_cntr_mfo,
                    excluded.aut_cntr_acc, excluded.aut_cntr_nam, excluded.aut_cntr_mfo_name, excluded.aut_cntr_mfo_city,
                    excluded.ccy, excluded.fl_real, excluded.pr_pr, excluded.doc_typ, excluded.num_doc, excluded.dat_kl,
                    excluded.dat_od, excluded.osnd, excluded.sum, excluded.sum_e, excluded.tim_p, excluded.at, excluded.id,
                    excluded.dlr, excluded.technical_transaction_id, excluded.uetr, excluded.ultmt,
                    excluded.payer_ultmt_nceo, excluded.payer_ultmt_document, excluded.payer_ultmt_name,
                    excluded.payer_ultmt_country_code, excluded.recipient_ultmt_nceo, excluded.recipient_ultmt_document,
                    excluded.recipient_ultmt_name, excluded.recipient_ultmt_country_code, excluded.struct_code,
                    excluded.struct_type, excluded.struct_category, excluded.raw))
        RETURNING known.trantype, known.ref, known.refn, known.osnd, known.dlr
    )
    SELECT coalesce(array_agg(ROW (s.trantype, s.ref, s.refn, s.osnd, s.dlr)::autoclient.stored_row), '{}') INTO changed FROM stored s;
    RETURN changed;
END
$$;
COMMENT ON FUNCTION autoclient.merge_rows(name, text, json, date, date, bigint) IS
'Stores rows of one account, those up to a day as final, which interim ones never overwrite; one of a day fetched as final without it counts as vanished. Returns those that are new or have changed.';
