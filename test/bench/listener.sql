-- Loans with one outgoing ПТ each, and the role both sides act as, for the listener benchmark.
CREATE ROLE k2_http LOGIN;
SELECT k2bridge.grant_access('k2_http', 'service');
SET k2bridge.enqueue = off;
INSERT INTO k2.loan (system, contract_number, dbz_contract_number, dbz_dt, iinbin, fullname, cur, debt, overdue_days)
SELECT 'way4', 'L' || i, 'D' || i, '2021-01-01', lpad(i::text, 12, '0'), 'Примеров Пример ' || i, 'KZT', 9000000000, 90
  FROM generate_series(1, 1000) i;
INSERT INTO k2.extreq (loan_id, bank_code, extacc_code, code, amount)
SELECT l.id, 'KPSTKZKA', 'KZ62563TEST000000001', 'R-' || (l.id - min(l.id) OVER ()), 9000000000 FROM k2.loan l;
ANALYZE;
