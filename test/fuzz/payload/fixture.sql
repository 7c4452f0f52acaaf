-- What the payloads of the fuzzer meet: loans, payment requests in both directions, bans, an RZAP, and constraints of a
-- user's own that refuse some rows. Synthetic data only.
CREATE EXTENSION k2bridge;
SELECT k2bridge.setup();
CREATE ROLE fuzz_service;
GRANT USAGE ON SCHEMA k2 TO fuzz_service;
SELECT format('GRANT EXECUTE ON FUNCTION k2.%I(jsonb) TO fuzz_service', s.name) FROM k2bridge.service s \gexec

INSERT INTO k2.loan (system, contract_number, dbz_contract_number, dbz_dt, iinbin, fullname, iban, cur, debt, overdue_days)
SELECT s.code, 'FUZZ-LOAN-' || n, 'KD000000000' || n, '2021-01-01', '000000000000', 'Тестовый Тест Тестович', 'KZ68601TEST000000001',
       'KZT', 100000 + n, 90
  FROM generate_series(0, 5) n, unnest(CASE n WHEN 3 THEN '{way4,colvir}' ELSE '{way4}' END::text[]) AS s (code);
INSERT INTO k2.extreq (loan_id, bank_code, extacc_code, code, amount, cur, stat_id)
SELECT (SELECT l.id FROM k2.loan l WHERE l.contract_number = 'FUZZ-LOAN-1'), 'KPSTKZKA', 'KZ62563TEST000000001', c.code, 5000000,
       c.cur, c.stat_id
  FROM (VALUES ('FUZZ-EXTREQ-0', 'KZT', 2005), ('FUZZ-EXTREQ-1', 'KZT', 2003), ('FUZZ-EXTREQ-2', 'USD', 2003),
               ('PTPJ200000000037', 'KZT', 2002)) AS c (code, cur, stat_id);
INSERT INTO k2.extreq_pay (trn_id, refer, cur, amount) VALUES (51, 'FUZZ-EXTREQ-0', 'KZT', 0.10);
INSERT INTO k2.req (refer, iinbin, amount, cur, status) VALUES ('PTP00000000001', '000000000010', 86429.87, 'KZT', 'registered');
INSERT INTO k2.rzap (refer) VALUES ('HSBKRX0000000003');
INSERT INTO k2.rzap_item (refer, iin, dbz_num, dbz_dt) VALUES ('HSBKRX0000000003', '000000000010', 'KD0000000001', '2021-01-01');
INSERT INTO k2.loan_exclude (iin, dbz_num, fio) VALUES ('000000000000', 'KD0000000000', 'Тестовый Тест Тестович');
ALTER TABLE k2.loan ADD CONSTRAINT own_rule CHECK (fullname <> 'refused by a constraint');
ALTER TABLE k2.extreq_pay ADD CONSTRAINT own_rule CHECK (incoming_amount <> 13.13);
