
-- The month-end check, and what needs a person. Open is what may still bring money: an outgoing ПТ in a status that
-- k2.extreq_stat calls actual, an incoming one that the bank has registered, accepted or put into its card index.
CREATE OR REPLACE VIEW k2.discrepancy AS
WITH open_extreq AS (
    SELECT e.code, e.loan_id, e.bank_code, e.extacc_code, e.cur, e.amount, e.paid_amount, e.created_at, l.debt, l.iinbin
      FROM k2.extreq e
      JOIN k2.extreq_stat s ON s.id = e.stat_id AND s.actual
      JOIN k2.loan l ON l.id = e.loan_id
), open_req AS (
    SELECT r.refer, r.amount, r.cur, coalesce(r.accept_dt, k2.local_date(r.created_at)) AS since
      FROM k2.req r WHERE r.status IN ('registered', 'accepted', 'in_card_index')
), known AS (
    SELECT r.refer, NULL::bigint AS loan_id, r.amount, r.cur FROM k2.req r
    UNION ALL
    SELECT e.code, e.loan_id, e.amount, e.cur FROM k2.extreq e
)
SELECT 'above_debt' AS kind, o.code AS refer, o.loan_id, o.amount, o.paid_amount, o.debt, NULL::numeric(20,2) AS abs_amount,
       format('claims %s, the debt is %s', o.amount - o.paid_amount, o.debt) AS text
  FROM open_extreq o WHERE o.debt > 0 AND o.amount - o.paid_amount > o.debt
UNION ALL
SELECT 'no_debt', o.code, o.loan_id, o.amount, o.paid_amount, o.debt, NULL, 'open although there is no debt'
  FROM open_extreq o WHERE o.debt <= 0
UNION ALL
SELECT 'banned', o.code, o.loan_id, o.amount, o.paid_amount, o.debt, NULL, 'open under an active exclusion of IIN ' || o.iinbin
  FROM open_extreq o WHERE k2.is_excluded(o.loan_id, o.bank_code, o.extacc_code)
UNION ALL
SELECT 'older_than_year', o.code, o.loan_id, o.amount, o.paid_amount, o.debt, NULL,
       'open since ' || to_char(k2.local_date(o.created_at), 'YYYY-MM-DD')
  FROM open_extreq o WHERE k2.local_date(o.created_at) < k2.today() - interval '1 year'
UNION ALL
SELECT 'older_than_year', o.refer, NULL, o.amount, NULL, NULL, NULL, 'open since ' || to_char(o.since, 'YYYY-MM-DD')
  FROM open_req o WHERE o.since < k2.today() - interval '1 year'
UNION ALL
SELECT 'paid_differs', e.code, e.loan_id, e.amount, e.paid_amount, NULL, NULL,
       format('paid_amount is %s, its payments add up to %s', e.paid_amount, coalesce(p.paid, 0.00))
  FROM k2.extreq e
  LEFT JOIN (SELECT p.refer, sum(p.amount) AS paid FROM k2.extreq_pay p WHERE p.reversed_at IS NULL GROUP BY p.refer) p
    ON p.refer = e.code
 WHERE e.paid_amount <> coalesce(p.paid, 0)
UNION ALL
SELECT 'not_in_abs', o.refer, NULL, o.amount, NULL, NULL, NULL, 'open here, not in the list of the ABS'
  FROM open_req o WHERE NOT EXISTS (SELECT FROM abs.payment_request a WHERE a.refer = o.refer)
UNION ALL
SELECT 'only_in_abs', a.refer, NULL, NULL, NULL, NULL, a.amount, 'in the list of the ABS, not here'
  FROM abs.payment_request a WHERE NOT EXISTS (SELECT FROM known k WHERE k.refer = a.refer)
UNION ALL
SELECT 'amount_differs', k.refer, k.loan_id, k.amount, NULL, NULL, a.amount,
       format('%s %s here, %s %s in the ABS', k.amount, k.cur, a.amount, a.cur)
  FROM known k JOIN abs.payment_request a ON a.refer = k.refer
 WHERE a.amount <> k.amount OR a.cur <> k.cur;
COMMENT ON VIEW k2.discrepancy IS 'The month-end check: ПТ that do not agree with debts, bans, payments or the list of the ABS (read it first: abs.all_pt).';
COMMENT ON COLUMN k2.discrepancy.kind IS
'above_debt, no_debt, banned, older_than_year: open ПТ; paid_differs; not_in_abs, only_in_abs, amount_differs: against abs.payment_request';
COMMENT ON COLUMN k2.discrepancy.refer IS 'reference of the ПТ';
COMMENT ON COLUMN k2.discrepancy.loan_id IS 'loan of an outgoing ПТ';
COMMENT ON COLUMN k2.discrepancy.amount IS 'amount of the ПТ here';
COMMENT ON COLUMN k2.discrepancy.paid_amount IS 'what was paid on it';
COMMENT ON COLUMN k2.discrepancy.debt IS 'current debt of the loan';
COMMENT ON COLUMN k2.discrepancy.abs_amount IS 'amount of the ПТ in the ABS';
COMMENT ON COLUMN k2.discrepancy.text IS 'what does not agree';

CREATE OR REPLACE VIEW k2.problem AS
SELECT 'overpaid' AS kind, e.code AS refer, e.updated_at AS since,
       format('%s was paid on %s', e.paid_amount, e.amount) AS text,
       format('SELECT * FROM k2.extreq_pay WHERE refer = %L;', e.code) AS remedy
  FROM k2.extreq e WHERE e.paid_amount > e.amount
UNION ALL
SELECT 'paid_after_end', e.code, max(p.received_at), format('%s was paid, but it is "%s"', e.paid_amount, s.title),
       format('SELECT * FROM k2.extreq_pay WHERE refer = %L;', e.code)
  FROM k2.extreq e
  JOIN k2.extreq_stat s ON s.id = e.stat_id
  JOIN k2.extreq_pay p ON p.refer = e.code AND p.reversed_at IS NULL
  JOIN LATERAL (SELECT max(v.at) AS at FROM k2.extreq_event v
                 WHERE v.refer = e.code AND v.kind IN ('RECALLED', 'RETURNED', 'REFUSED')) ended ON p.received_at > ended.at
 WHERE k2.extreq_ended(s.id)
 GROUP BY e.id, s.title
UNION ALL
SELECT 'refused', r.refer, r.updated_at, concat_ws(': ', 'the bank did not register it', r.note), format('SELECT abs.reg_pt(%L);', r.refer)
  FROM k2.req r WHERE r.status = 'refused' AND r.updated_at > now() - interval '7 days'
UNION ALL
SELECT 'executed_after_end', r.refer, v.at, format('the bank reported it executed, but it is %s', r.status),
       format('SELECT * FROM k2.req_event WHERE refer = %L ORDER BY id;', r.refer)
  FROM k2.req r JOIN k2.req_event v ON v.refer = r.refer AND v.kind = 'EXECUTED'
 WHERE r.status IN ('recalled', 'returned');
COMMENT ON VIEW k2.problem IS 'What happened to ПТ that a person has to look at; part of k2bridge.problems.';
COMMENT ON COLUMN k2.problem.kind IS 'overpaid; paid_after_end: a payment on a recalled, returned or refused ПТ; refused: a registration that the bank refused in the last 7 days; executed_after_end: an incoming one reported executed after its recall or return';
COMMENT ON COLUMN k2.problem.refer IS 'reference of the ПТ';
COMMENT ON COLUMN k2.problem.since IS 'when it became so';
COMMENT ON COLUMN k2.problem.text IS 'what happened';
COMMENT ON COLUMN k2.problem.remedy IS 'SQL that shows more; of a refused registration SQL that sends it again';
