-- The dossier of a loan: client (O1), accounts (O2), statement (O3), scan (O4), debt (O8 or O9).
-- Which call a part needs, what its answer was, and asking again for what the bank does not have yet. PL/pgSQL throughout:
-- it keeps its plans, a handler runs once per call.

CREATE FUNCTION abs.loan_calls(loans bigint[], parts text[])
    RETURNS TABLE (loan_id bigint, part text, endpoint text, args jsonb, subject text, server name, missing text)
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT l.id, w.part,
           CASE w.part
               WHEN 'client' THEN 'abs.get_cli'
               WHEN 'accounts' THEN 'abs.get_acc'
               WHEN 'statement' THEN 'abs.get_acc_stmt_dt'
               WHEN 'scan' THEN 'abs.get_pdf'
               WHEN 'debt' THEN CASE s.kind WHEN 'colvir' THEN 'abs.colvir_get_loan_debt' ELSE 'abs.way4_get_loan_debt' END
           END,
           CASE w.part
               WHEN 'statement' THEN
                   CASE s.kind
                       WHEN 'colvir' THEN
                           jsonb_strip_nulls(jsonb_build_object(
                               'dep_id', l.abs_dep_id, 'id', l.abs_id, 'dea_dep_id', l.dea_dep_id, 'dea_id', l.dea_id,
                               'dea_code', l.dea_code, 'dt', l.dbz_dt, 'about', jsonb_build_object('loan_id', l.id)))
                       ELSE jsonb_build_object('iban', l.iban, 'dt', l.dbz_dt, 'about', jsonb_build_object('loan_id', l.id))
                   END
               WHEN 'scan' THEN
                   jsonb_strip_nulls(jsonb_build_object(
                       'dbz_num', l.dbz_contract_number, 'dbz_dt', l.dbz_dt, 'iinbin', l.iinbin, 'dea_dt', l.dea_dord,
                       'about', jsonb_build_object('loan_id', l.id)))
               WHEN 'debt' THEN
                   CASE s.kind
                       WHEN 'colvir' THEN
                           jsonb_build_object('dep_id', l.abs_dep_id, 'id', l.abs_id, 'about', jsonb_build_object('loan_id', l.id))
                       ELSE
                           jsonb_build_object('contract_number', CASE s.debt_key WHEN 'iban' THEN l.iban ELSE l.contract_number END,
                                              'about', jsonb_build_object('loan_id', l.id))
                   END
               ELSE jsonb_build_object('iinbin', l.iinbin, 'about', jsonb_build_object('loan_id', l.id))
           END,
           'loan:' || l.id || ':' || w.part,
           s.server,
           nullif(concat_ws(', ',
               CASE WHEN w.part IN ('statement', 'debt') AND s.kind IS NULL THEN 'system' END,
               CASE WHEN w.part IN ('statement', 'scan') AND l.dbz_dt IS NULL THEN 'dbz_dt' END,
               CASE WHEN w.part IN ('statement', 'debt') AND s.kind = 'colvir' AND l.abs_dep_id IS NULL THEN 'abs_dep_id' END,
               CASE WHEN w.part IN ('statement', 'debt') AND s.kind = 'colvir' AND l.abs_id IS NULL THEN 'abs_id' END,
               CASE WHEN (w.part = 'statement' OR w.part = 'debt' AND s.debt_key = 'iban') AND s.kind = 'way4' AND l.iban IS NULL
                    THEN 'iban' END), '')
      FROM ROWS FROM (unnest(loans), unnest(parts)) WITH ORDINALITY AS w (loan_id, part, position)
      JOIN k2.loan l ON l.id = w.loan_id
      LEFT JOIN k2.system s ON s.code = l.system
     ORDER BY w.position;
END
$$;
COMMENT ON FUNCTION abs.loan_calls(bigint[], text[]) IS
'The call that each part of each loan''s dossier needs (the arrays run in parallel), or the fields that are missing for it.';

CREATE FUNCTION abs.queue_loan_calls(loans bigint[], parts text[]) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    queued bigint[];
BEGIN
    WITH needed AS MATERIALIZED (
        SELECT c.* FROM abs.loan_calls(loans, parts) c
    ), unasked AS (
        INSERT INTO abs.loan_answer AS known (loan_id, part, outcome, error_text, at)
        SELECT n.loan_id, n.part, 'missing', n.missing, clock_timestamp()
          FROM needed n
         WHERE n.missing IS NOT NULL AND current_setting('k2bridge.enqueue')::boolean
         ORDER BY n.loan_id, n.part
            ON CONFLICT (loan_id, part) DO UPDATE
           SET outcome = excluded.outcome, error_code = NULL, error_text = excluded.error_text, at = excluded.at
    )
    SELECT k2bridge.enqueue_all(array_agg(n.endpoint), array_agg(n.args), array_agg(n.subject), array_agg(n.server))
      INTO queued
      FROM needed n WHERE n.missing IS NULL;
    RETURN coalesce(cardinality(queued), 0);
END
$$;
COMMENT ON FUNCTION abs.queue_loan_calls(bigint[], text[]) IS
'Queues the calls for parts of loans'' dossiers (the arrays run in parallel), notes in abs.loan_answer what cannot be asked, returns how many were queued.';

CREATE FUNCTION abs.loans_of(call k2bridge.call_row) RETURNS bigint[]
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN (SELECT coalesce(array_agg(k.id ORDER BY k.id), '{}')
          FROM (SELECT l.id FROM k2.loan l WHERE l.id = (call.args #>> '{about,loan_id}')::bigint
                 UNION ALL
                SELECT l.id FROM k2.loan l WHERE l.iinbin = call.args ->> 'iinbin' AND call.args #>> '{about,loan_id}' IS NULL) k);
END
$$;
COMMENT ON FUNCTION abs.loans_of(k2bridge.call_row) IS 'The loan that a call was made for, or all loans of the client it asked about.';

CREATE FUNCTION abs.note_answer(call k2bridge.call_row, answered_part text, loans bigint[], nothing boolean) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO abs.loan_answer AS known (loan_id, part, outcome, error_code, error_text, asked, call_id, at, answered_at)
    SELECT w.loan_id, answered_part, a.outcome, call.error_code, call.error_text,
           CASE WHEN a.outcome = 'none' AND call.subject IS NOT NULL THEN 1 ELSE 0 END, call.id, a.at,
           CASE WHEN a.outcome IN ('ok', 'none') THEN a.at END
      FROM unnest(loans) AS w (loan_id),
           (SELECT CASE WHEN call.outcome = 'ok' AND nothing THEN 'none' ELSE call.outcome END,
                   abs.answered_at(call)) AS a (outcome, at)
     ORDER BY w.loan_id
        ON CONFLICT (loan_id, part) DO UPDATE
       SET outcome = excluded.outcome, error_code = excluded.error_code, error_text = excluded.error_text,
           asked = CASE WHEN excluded.outcome = 'ok' THEN 0
                        WHEN known.call_id = excluded.call_id THEN known.asked
                        ELSE known.asked + excluded.asked END,
           call_id = excluded.call_id, at = excluded.at, answered_at = coalesce(excluded.answered_at, known.answered_at)
     WHERE known.at <= excluded.at;
END
$$;
COMMENT ON FUNCTION abs.note_answer(k2bridge.call_row, text, bigint[], boolean) IS
'Notes for loans what a call for a part of their dossier said; nothing = the bank answered that it has none.';

CREATE FUNCTION abs.ask_again(call k2bridge.call_row, answered_part text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM k2bridge.enqueue(c.endpoint, c.args, c.subject || ':again', c.server, abs.answered_at(call) + interval '7 days')
      FROM abs.loan_answer a
     CROSS JOIN abs.loan_calls(ARRAY[a.loan_id], ARRAY[a.part]) c
     WHERE call.subject IS NOT NULL AND a.loan_id = (call.args #>> '{about,loan_id}')::bigint AND a.part = answered_part
       AND a.call_id = call.id AND a.outcome = 'none' AND a.asked <= 4 AND c.missing IS NULL
       AND NOT EXISTS (SELECT FROM k2bridge.outbox o WHERE o.subject = c.subject || ':again' AND o.id <> call.id);
END
$$;
COMMENT ON FUNCTION abs.ask_again(k2bridge.call_row, text) IS
'Queues the question again in a week when the bank has no scan or no disbursement line yet, four times; direct calls do not count. Its subject is its own, or it would hold back other calls of the loan for a week.';
