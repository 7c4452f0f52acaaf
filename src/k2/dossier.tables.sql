
-- What is missing before a loan's dossier is complete (abs.loan_answer has the last answer for each part).
CREATE OR REPLACE VIEW k2.loan_dossier AS
    SELECT l.id AS loan_id, l.system, l.contract_number, l.dbz_contract_number, l.dbz_dt, l.iinbin, l.fullname,
           s.kind AS system_kind, p.client, p.accounts, p.statement, p.scan, p.debt, p.missing, p.why,
           cardinality(p.missing) = 0 AS ready
      FROM k2.loan l
      LEFT JOIN k2.system s ON s.code = l.system
     CROSS JOIN LATERAL (
        SELECT max(d.state) FILTER (WHERE d.part = 'client') AS client,
               max(d.state) FILTER (WHERE d.part = 'accounts') AS accounts,
               max(d.state) FILTER (WHERE d.part = 'statement') AS statement,
               max(d.state) FILTER (WHERE d.part = 'scan') AS scan,
               max(d.state) FILTER (WHERE d.part = 'debt') AS debt,
               coalesce(array_agg(d.part ORDER BY d.position) FILTER (WHERE d.answered_at IS NULL), '{}') AS missing,
               string_agg(d.part || ': ' || d.error_text, '; ' ORDER BY d.position) FILTER (WHERE d.error_text <> '') AS why
          FROM (SELECT w.part, w.position, a.answered_at, a.error_text, coalesce(a.outcome, 'waiting') AS state
                  FROM unnest('{client,accounts,statement,scan,debt}'::text[]) WITH ORDINALITY w (part, position)
                  LEFT JOIN abs.loan_answer a ON a.loan_id = l.id AND a.part = w.part) d) p;
COMMENT ON VIEW k2.loan_dossier IS 'What is known of each loan and what is missing before its dossier is complete.';
COMMENT ON COLUMN k2.loan_dossier.loan_id IS 'k2.loan.id';
COMMENT ON COLUMN k2.loan_dossier.system IS 'code of the core system';
COMMENT ON COLUMN k2.loan_dossier.contract_number IS 'number of the contract in the core system';
COMMENT ON COLUMN k2.loan_dossier.dbz_contract_number IS 'number of the loan agreement (ДБЗ)';
COMMENT ON COLUMN k2.loan_dossier.dbz_dt IS 'date of the loan agreement';
COMMENT ON COLUMN k2.loan_dossier.iinbin IS 'IIN or BIN of the borrower';
COMMENT ON COLUMN k2.loan_dossier.fullname IS 'name of the borrower';
COMMENT ON COLUMN k2.loan_dossier.system_kind IS 'colvir or way4; null: k2.system does not know the code, so its core system cannot be asked';
COMMENT ON COLUMN k2.loan_dossier.client IS 'O1: waiting, missing (the loan lacks what the call needs), or the outcome of the last call';
COMMENT ON COLUMN k2.loan_dossier.accounts IS 'O2, likewise';
COMMENT ON COLUMN k2.loan_dossier.statement IS 'O3, likewise; none: the bank has no disbursement line, which is an answer';
COMMENT ON COLUMN k2.loan_dossier.scan IS 'O4, likewise; none: the bank has no scan, which is an answer';
COMMENT ON COLUMN k2.loan_dossier.debt IS 'O8 or O9, likewise';
COMMENT ON COLUMN k2.loan_dossier.missing IS 'parts without an answer so far';
COMMENT ON COLUMN k2.loan_dossier.why IS 'what the last calls said, or which fields the loan lacks';
COMMENT ON COLUMN k2.loan_dossier.ready IS 'every part has been answered';
