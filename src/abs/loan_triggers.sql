-- Triggers of k2.loan and k2.system: a new loan asks for its whole dossier, a changed key for the parts that hang on it,
-- a system that becomes known for what could not be asked before.

CREATE FUNCTION abs.loan_inserted() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM abs.queue_loan_calls(array_agg(n.id ORDER BY n.id, p.position), array_agg(p.part ORDER BY n.id, p.position))
       FROM new_rows n
      CROSS JOIN unnest('{debt,client,accounts,statement,scan}'::text[]) WITH ORDINALITY AS p (part, position);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION abs.loan_inserted() IS 'Trigger of k2.loan: queues O1 to O4 and O8 or O9 for new loans.';

CREATE FUNCTION abs.ask_now(loans bigint[], parts text[]) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM abs.loan_answer a USING unnest(loans, parts) AS w (loan_id, part)
     WHERE a.loan_id = w.loan_id AND a.part = w.part AND a.outcome = 'missing' AND a.answered_at IS NULL;
    PERFORM abs.queue_loan_calls(loans, parts);
END
$$;
COMMENT ON FUNCTION abs.ask_now(bigint[], text[]) IS
'Asks for parts of dossiers that may have waited for what their loans lacked.';

-- The plan of a join of transition tables is kept from its first call, when they may hold one row; a nested loop would
-- be quadratic later. The queue, on the other hand, is searched by its index.
CREATE FUNCTION abs.loan_updated() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_nestloop = off SET jit = off AS $$
DECLARE
    loans bigint[];
    parts text[];
BEGIN
    SELECT array_agg(n.id ORDER BY n.id, p.part), array_agg(p.part ORDER BY n.id, p.part) INTO loans, parts
      FROM new_rows n
      JOIN old_rows o ON o.id = n.id
     CROSS JOIN LATERAL (VALUES
               ('client', n.iinbin <> o.iinbin),
               ('accounts', n.iinbin <> o.iinbin),
               ('scan', (n.dbz_contract_number, n.dbz_dt, n.iinbin, n.dea_dord)
                        IS DISTINCT FROM (o.dbz_contract_number, o.dbz_dt, o.iinbin, o.dea_dord)),
               ('statement', (n.dbz_dt, n.iban, n.abs_dep_id, n.abs_id, n.dea_dep_id, n.dea_id, n.dea_code)
                             IS DISTINCT FROM (o.dbz_dt, o.iban, o.abs_dep_id, o.abs_id, o.dea_dep_id, o.dea_id, o.dea_code)),
               ('debt', (n.system, n.contract_number, n.iban, n.abs_dep_id, n.abs_id)
                        IS DISTINCT FROM (o.system, o.contract_number, o.iban, o.abs_dep_id, o.abs_id))) p (part, changed)
     WHERE p.changed;
    IF loans IS NOT NULL THEN
        PERFORM set_config('enable_nestloop', 'on', true);
        PERFORM k2bridge.cancel(q.id, 'the loan has changed')
           FROM (SELECT o.id
                   FROM unnest(loans, parts) AS w (loan_id, part)
                   JOIN k2bridge.outbox o ON o.subject = 'loan:' || w.loan_id || ':' || w.part || ':again'
                  WHERE o.state = 'queued' AND o.wish IS NULL
                    FOR UPDATE OF o SKIP LOCKED) q;
        PERFORM abs.ask_now(loans, parts);
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION abs.loan_updated() IS
'Trigger of k2.loan: asks again for the parts of the dossier whose key has changed, e.g. because an older sender left it out at first.';

CREATE FUNCTION abs.system_known() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM abs.ask_now(array_agg(a.loan_id ORDER BY a.loan_id, a.part), array_agg(a.part ORDER BY a.loan_id, a.part))
       FROM new_rows n
       JOIN k2.loan l ON l.system = n.code
       JOIN abs.loan_answer a ON a.loan_id = l.id AND a.outcome = 'missing';
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION abs.system_known() IS 'Trigger of k2.system: asks for the parts of dossiers that waited for the system''s row.';
