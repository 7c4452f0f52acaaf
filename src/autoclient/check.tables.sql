-- Views for the accountant and the person on duty.
CREATE OR REPLACE VIEW autoclient.statement_check AS
SELECT a.server, a.acc, p.day, p.problem
  FROM autoclient.account a
  JOIN autoclient.server_day d ON d.server = a.server
 CROSS JOIN LATERAL autoclient.check_days(a.server, a.acc COLLATE "default", a.start_date, least(a.walked_through, d.date_final_statement)) p
 WHERE a.poll;
COMMENT ON VIEW autoclient.statement_check IS 'Days that do not add up, among those whose final statement was fetched. Empty is good.';
COMMENT ON COLUMN autoclient.statement_check.server IS 'foreign server';
COMMENT ON COLUMN autoclient.statement_check.acc IS 'account';
COMMENT ON COLUMN autoclient.statement_check.day IS 'operational day';
COMMENT ON COLUMN autoclient.statement_check.problem IS 'turnover_debt, turnover_cred: the rows do not sum up to the turnover; arithmetic: opening + credits - debits is not closing; continuity: the opening is not the closing of the day before; missing_balance; not_final: rows or balance are still interim; vanished: a row that the final statement does not have';

CREATE OR REPLACE VIEW autoclient.unmatched AS
SELECT 'credit' AS kind, t.server, t.acc, t.dat_od AS day, t.sum AS amount, t.ccy, t.ref || '/' || t.refn AS reference, t.osnd AS text
  FROM autoclient.transaction t
 WHERE t.trantype = 'C' AND NOT t.vanished AND autoclient.is_booked(t.pr_pr, t.fl_real)
   AND NOT EXISTS (SELECT FROM autoclient.extreq_link l
                    WHERE l.server = t.server AND l.acc = t.acc AND l.trantype = t.trantype AND l.ref = t.ref AND l.refn = t.refn)
UNION ALL
SELECT 'payment', p.server, p.request ->> 'payer_account', p.created_at::date, p.amount, p.request ->> 'payment_ccy',
       coalesce(p.payment_ref, p.client_ref, p.id::text), p.request ->> 'payment_destination'
  FROM autoclient.payment p WHERE p.ref IS NULL AND p.state IN ('created', 'signed', 'uncertain');
COMMENT ON VIEW autoclient.unmatched IS 'What nobody has found a partner for: money that came without the reference of a payment request, and payments that no statement shows yet.';
COMMENT ON COLUMN autoclient.unmatched.kind IS 'credit: row of a statement; payment: row of autoclient.payment';
COMMENT ON COLUMN autoclient.unmatched.server IS 'foreign server';
COMMENT ON COLUMN autoclient.unmatched.acc IS 'own account';
COMMENT ON COLUMN autoclient.unmatched.day IS 'value date, or day on which the payment was made';
COMMENT ON COLUMN autoclient.unmatched.amount IS 'amount';
COMMENT ON COLUMN autoclient.unmatched.ccy IS 'currency';
COMMENT ON COLUMN autoclient.unmatched.reference IS 'REF/REFN of the row, or reference of the payment';
COMMENT ON COLUMN autoclient.unmatched.text IS 'purpose';

CREATE OR REPLACE VIEW autoclient.problem AS
SELECT p.* FROM (
SELECT 'bank_not_ready' AS kind, d.server, NULL::text AS subject, d.waiting_since AS since,
       format('phase %s, work_balance %s', d.phase, d.work_balance) AS text,
       format('SELECT * FROM autoclient.server_day WHERE server = %L;', d.server) AS remedy
  FROM autoclient.server_day d WHERE d.waiting_since < now() - interval '6 hours'
UNION ALL
SELECT 'poll_error', d.server, NULL, d.asked_at, d.last_error,
       autoclient.poll_remedy(d.server, d.last_error, autoclient.server_option(d.server, 'group_id'), autoclient.server_option(d.server, 'group_id_in'))
  FROM autoclient.server_day d WHERE d.last_error IS NOT NULL
UNION ALL
SELECT 'statement_error', a.server, a.acc, coalesce(a.last_poll, a.discovered_at), a.last_error, format('SELECT autoclient.poll(%L);', a.server)
  FROM autoclient.account a WHERE a.poll AND a.last_error IS NOT NULL
UNION ALL
SELECT 'statement_check', a.server, a.acc, a.final_through + 1, format('final statement of %s does not add up', coalesce(a.final_through + 1, a.start_date)),
       format('SELECT * FROM autoclient.statement_check WHERE server = %1$L AND acc = %2$L; UPDATE autoclient.account SET rechecked_at = NULL WHERE server = %1$L AND acc = %2$L; SELECT autoclient.poll(%1$L);', a.server, a.acc)
  FROM autoclient.account a WHERE a.poll AND coalesce(a.final_through, a.start_date - 1) < a.walked_through
   AND a.resume_from IS NULL) p
 WHERE EXISTS (SELECT FROM pg_catalog.pg_foreign_server f WHERE f.srvname = p.server);
COMMENT ON VIEW autoclient.problem IS 'What about Autoclient needs a person, of servers that are there; part of k2bridge.problems.';
COMMENT ON COLUMN autoclient.problem.kind IS 'bank_not_ready: for more than six hours; poll_error, statement_error: the last round or an account''s statement ended early; statement_check: a day does not add up';
COMMENT ON COLUMN autoclient.problem.server IS 'foreign server';
COMMENT ON COLUMN autoclient.problem.subject IS 'account';
COMMENT ON COLUMN autoclient.problem.since IS 'when it began';
COMMENT ON COLUMN autoclient.problem.text IS 'what is wrong';
COMMENT ON COLUMN autoclient.problem.remedy IS 'SQL that mends it or shows more';

CREATE OR REPLACE VIEW autoclient.progress AS
SELECT a.server, 'backfill ' || a.acc AS what, (coalesce(a.walked_through + 1, a.start_date) - a.backfill_from)::bigint AS done,
       (coalesce(a.resume_from - 1, d.date_final_statement) - a.backfill_from + 1)::bigint AS total, a.backfill_since AS since
  FROM autoclient.account a JOIN autoclient.server_day d ON d.server = a.server
 WHERE a.backfill_since IS NOT NULL AND a.poll
UNION ALL
SELECT d.server, 'poll', count(*) FILTER (WHERE a.last_poll >= d.round_done_at), count(*), d.round_done_at
  FROM autoclient.server_day d JOIN autoclient.account a ON a.server = d.server AND a.poll
 GROUP BY d.server, d.round_done_at HAVING count(*) FILTER (WHERE a.last_poll >= d.round_done_at) < count(*);
COMMENT ON VIEW autoclient.progress IS 'Rounds and backfills under way; part of k2bridge.progress.';
COMMENT ON COLUMN autoclient.progress.server IS 'foreign server';
COMMENT ON COLUMN autoclient.progress.what IS 'poll (counts accounts) or backfill of an account (counts days)';
COMMENT ON COLUMN autoclient.progress.done IS 'finished so far';
COMMENT ON COLUMN autoclient.progress.total IS 'to be done';
COMMENT ON COLUMN autoclient.progress.since IS 'when it began';
