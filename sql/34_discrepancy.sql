-- The month-end check: every kind of discrepancy, and that what agrees is not listed.
\getenv srcdir PG_ABS_SRCDIR
\set roles :srcdir '/sql/include/roles.psql'
\i :roles
SET ROLE regress_k2_owner;
BEGIN;
INSERT INTO k2.loan (system, contract_number, dbz_contract_number, dbz_dt, iinbin, fullname, cur, debt, overdue_days) VALUES
    ('way4', 'T34-OK', 'T34/OK', '2021-01-01', '000000000030', 'Тестов Тест', 'KZT', 86429.87, 90),
    ('way4', 'T34-LESS', 'T34/LESS', '2021-01-01', '000000000030', 'Тестов Тест', 'KZT', 100, 90),
    ('way4', 'T34-ZERO', 'T34/ZERO', '2021-01-01', '000000000030', 'Тестов Тест', 'KZT', 100, 90),
    ('way4', 'T34-BAN', 'T34/BAN', '2021-01-01', '000000000090', 'Тестов Тест', 'KZT', 100, 90),
    ('way4', 'T34-OLD', 'T34/OLD', '2021-01-01', '000000000030', 'Тестов Тест', 'KZT', 100, 90),
    ('way4', 'T34-PAID', 'T34/PAID', '2021-01-01', '000000000030', 'Тестов Тест', 'KZT', 100, 90),
    ('way4', 'T34-OVER', 'T34/OVER', '2021-01-01', '000000000030', 'Тестов Тест', 'KZT', 100, 90);
INSERT INTO k2.extreq (loan_id, bank_code, extacc_code, code, created_at)
SELECT l.id, 'KPSTKZKA', 'KZ62563TEST000000001', l.contract_number,
       CASE WHEN l.contract_number = 'T34-OLD' THEN now() - interval '1 year 2 days' ELSE now() END
  FROM k2.loan l WHERE l.contract_number LIKE 'T34-%' ORDER BY l.id;
-- Partly paid, and the debt has fallen as much: in order.
INSERT INTO k2.extreq_pay (trn_id, refer, cur, amount) VALUES (34001, 'T34-OK', 'KZT', 86429.77), (34002, 'T34-PAID', 'KZT', 0.10);
UPDATE k2.loan SET debt = 0.10 WHERE contract_number = 'T34-OK';
UPDATE k2.loan SET debt = 99.99 WHERE contract_number = 'T34-LESS';
UPDATE k2.loan SET debt = 0 WHERE contract_number = 'T34-ZERO';
INSERT INTO k2.exclusion (iin, for_extreq) VALUES ('000000000090', true);
ALTER TABLE k2.extreq_pay DISABLE TRIGGER USER;
UPDATE k2.extreq_pay SET amount = 0.20 WHERE trn_id = 34002;
ALTER TABLE k2.extreq_pay ENABLE TRIGGER USER;
INSERT INTO k2.extreq_pay (trn_id, refer, cur, amount) VALUES (34003, 'T34-OVER', 'KZT', 100.01);
-- Against the list of the ABS.
INSERT INTO k2.req (refer, iinbin, amount, cur, status, accept_dt) VALUES
    ('T34-R-OK', '000000000000', 86429.87, 'KZT', 'in_card_index', k2.today()),
    ('T34-R-HERE', '000000000000', 1, 'KZT', 'registered', k2.today()),
    ('T34-R-GONE', '000000000000', 1, 'KZT', 'executed', k2.today()),
    ('T34-R-DIFF', '000000000000', 1, 'KZT', 'accepted', k2.today()),
    ('T34-R-CUR', '000000000000', 1, 'KZT', 'accepted', k2.today()),
    ('T34-R-OLD', '000000000000', 1, 'KZT', 'in_card_index', k2.today() - 400);
INSERT INTO abs.payment_request (refer, amount, cur, seen_at) VALUES
    ('T34-R-OK', 86429.87, 'KZT', now()), ('T34-R-DIFF', 1.01, 'KZT', now()), ('T34-R-CUR', 1, 'USD', now()),
    ('T34-R-OLD', 1, 'KZT', now()), ('T34-R-THERE', 5, 'KZT', now());
SELECT kind, refer, amount, paid_amount, debt, abs_amount, loan_id IS NOT NULL AS loan,
       regexp_replace(text, '\d{4}-\d\d-\d\d', 'DATE') AS text
  FROM k2.discrepancy WHERE refer LIKE 'T34-%' ORDER BY kind, refer;
SELECT kind, refer, text FROM k2.problem WHERE refer LIKE 'T34-%' ORDER BY kind, refer;
-- The day is that of k2bridge.timezone, whatever the session's is.
SELECT zone, set_config('timezone', zone, true) = zone AS set, count(*)
  FROM unnest('{UTC,Asia/Almaty,America/New_York}'::text[]) zone, k2.discrepancy d WHERE d.refer LIKE 'T34-%' GROUP BY 1, 2 ORDER BY 1;
ROLLBACK;
RESET ROLE;
