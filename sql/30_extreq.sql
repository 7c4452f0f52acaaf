-- Outgoing payment requests: creating and recalling them, by function, by DML and by service.
\getenv srcdir PG_ABS_SRCDIR
\set roles :srcdir '/sql/include/roles.psql'
\i :roles
SET ROLE regress_k2_owner;
INSERT INTO k2.loan (id, system, contract_number, dbz_contract_number, dbz_dt, iinbin, fullname, cur, debt, overdue_days)
VALUES (300001, 'way4', 'T30-1', 'T30/1', '2021-01-01', '000000000010', 'Тестов Тест', 'KZT', 86429.87, 90)
RETURNING id AS loan \gset

-- Amount, reference, purpose, status and author are filled in.
SELECT code ~ '^PTP[0-9]{13}$' AS code, bank_code, extacc_code, cur, amount, paid_amount, loan_debt, knp, purpose, stat_id,
       sys_uuid IS NOT NULL AS uuid, created_by = current_user AS author, loan_id = :loan AS loan
  FROM k2.create_extreq(:loan, 'KPSTKZKA', 'KZ49998TEST000000001');
SELECT amount FROM k2.create_extreq(:loan, 'KPSTKZKA', 'KZ49998TEST000000001', 0.10);
SELECT amount FROM k2.create_extreq(:loan, 'KPSTKZKA', 'KZ49998TEST000000001', 99999999999999.99);
SELECT count(DISTINCT code), count(*) FROM k2.extreq WHERE loan_id = :loan;
SELECT kind, amount, source = current_user AS source, correlation IS NOT NULL AS correlation
  FROM k2.extreq_event WHERE refer IN (SELECT code FROM k2.extreq WHERE loan_id = :loan) ORDER BY id;
SELECT a.code, a.bank_code, a.name, c.iin FROM k2.ext_account a JOIN k2.client c ON c.id = a.client_id
 WHERE a.code = 'KZ49998TEST000000001';

-- What is refused.
SELECT k2.create_extreq(-1, 'KPSTKZKA', 'KZ49998TEST000000001');
SELECT k2.create_extreq(:loan, 'KPSTKZKA', 'KZ49998TEST000000001', 0.001);
SELECT k2.create_extreq(:loan, 'KPSTKZKA', 'KZ49998TEST000000001', 0);
SELECT k2.create_extreq(:loan, NULL, 'KZ49998TEST000000001');
BEGIN;
UPDATE k2.loan SET debt = -0.01 WHERE id = :loan;
SELECT k2.create_extreq(:loan, 'KPSTKZKA', 'KZ49998TEST000000001');
ROLLBACK;
BEGIN;
UPDATE k2.loan SET synced_at = now() - interval '25 hours' WHERE id = :loan;
\set VERBOSITY default
\set SHOW_CONTEXT never
DO $$
DECLARE
    state text; message text; hint text; loan bigint := (SELECT id FROM k2.loan WHERE contract_number = 'T30-1');
BEGIN
    PERFORM k2.create_extreq(loan, 'KPSTKZKA', 'KZ49998TEST000000001');
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
    RAISE WARNING '% %', state, replace(message || ' / ' || hint, loan::text, 'N');
END
$$;
\set VERBOSITY terse
ROLLBACK;
BEGIN;
UPDATE k2.loan SET synced_at = now() - interval '25 hours' WHERE id = :loan;
RESET ROLE;
SET LOCAL k2bridge.max_debt_age = '26h';
SELECT amount FROM k2.create_extreq(:loan, 'KPSTKZKA', 'KZ49998TEST000000001');
ROLLBACK;
SET ROLE regress_k2_owner;

-- Bans: on the loan, on all outgoing requests of the client, on a bank, on an account; ended and inactive ones do not count.
CREATE FUNCTION pg_temp.try(bank text, iban text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM k2.create_extreq((SELECT id FROM k2.loan WHERE contract_number = 'T30-1'), bank, iban);
    RETURN 'created';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ' ' || regexp_replace(SQLERRM, 'loan [0-9]+', 'loan N');
END
$$;
BEGIN;
INSERT INTO k2.loan_exclude (iin, dbz_num, fio) VALUES ('000000000010', 'T30/1', 'Тестов Тест');
SELECT pg_temp.try('KPSTKZKA', 'KZ49998TEST000000001');
UPDATE k2.loan_exclude SET is_on = false WHERE iin = '000000000010';
SELECT pg_temp.try('KPSTKZKA', 'KZ49998TEST000000001');
INSERT INTO k2.exclusion (iin, for_bank, bank, finish_dt) VALUES ('000000000010', true, 'KINCKZKA', k2.today());
SELECT pg_temp.try('KPSTKZKA', 'KZ49998TEST000000001'), pg_temp.try('KINCKZKA', 'KZ49998TEST000000001');
UPDATE k2.exclusion SET finish_dt = k2.today() - 1 WHERE iin = '000000000010';
SELECT pg_temp.try('KINCKZKA', 'KZ49998TEST000000001');
INSERT INTO k2.exclusion (iin, for_iban, iban) VALUES ('000000000010', true, 'KZ49998TEST000000001');
SELECT pg_temp.try('KPSTKZKA', 'KZ49998TEST000000001'), pg_temp.try('KPSTKZKA', 'KZ67821TEST000000001');
UPDATE k2.exclusion SET is_active = false WHERE iin = '000000000010';
INSERT INTO k2.exclusion (iin, for_extreq) VALUES ('000000000010', true);
SELECT pg_temp.try('KPSTKZKA', 'KZ67821TEST000000001');
-- Over already: history may be loaded under a ban.
INSERT INTO k2.extreq (loan_id, bank_code, extacc_code, amount, code, stat_id, created_by, created_at)
VALUES (:loan, 'KPSTKZKA', 'KZ49998TEST000000001', 5, 'T30-HIST', 2006, 'vasil', '2020-01-01')
RETURNING code, stat_id, created_by, updated_by, created_at = '2020-01-01' AS at;
ROLLBACK;

-- Plain DML of a role that has nothing but table rights: same rules, same events, and no forged author.
SET ROLE regress_k2_clerk;
INSERT INTO k2.extreq (loan_id, bank_code, extacc_code, code, created_by, updated_by)
VALUES (:loan, 'KPSTKZKA', 'KZ49998TEST000000001', 'T30-DML', 'vasil', 'vasil')
RETURNING code, amount, paid_amount, stat_id, created_by, updated_by;
INSERT INTO k2.extreq (loan_id, bank_code, extacc_code) VALUES (-1, 'KPSTKZKA', 'KZ49998TEST000000001');
UPDATE k2.extreq SET purpose = 'другое', paid_amount = 7 WHERE code = 'T30-DML' RETURNING purpose, paid_amount, updated_by;
UPDATE k2.extreq SET amount = 1 WHERE code = 'T30-DML';
UPDATE k2.extreq SET code = 'T30-X' WHERE code = 'T30-DML';
UPDATE k2.extreq SET stat_id = 2010 WHERE code = 'T30-DML';
UPDATE k2.extreq SET stat_id = 2006, reason_code = '01' WHERE code = 'T30-DML';
UPDATE k2.extreq SET stat_id = 2003 WHERE code = 'T30-DML' RETURNING stat_id;
UPDATE k2.extreq SET stat_id = 2008 WHERE code = 'T30-DML' RETURNING stat_id;
UPDATE k2.extreq SET stat_id = 2006 WHERE code = 'T30-DML';
UPDATE k2.extreq SET stat_id = 2006, reason_code = '01' WHERE code = 'T30-DML' RETURNING stat_id;
UPDATE k2.extreq SET stat_id = 2002 WHERE code = 'T30-DML';
SELECT kind, reason_code, note, source FROM k2.extreq_event WHERE refer = 'T30-DML' ORDER BY id;
SELECT k2.create_extreq(:loan, 'KPSTKZKA', 'KZ49998TEST000000001');
SET ROLE regress_k2_owner;

-- What is being entered may still be changed, and meets the rules again.
INSERT INTO k2.extreq (loan_id, bank_code, extacc_code, code, stat_id)
VALUES (:loan, 'KPSTKZKA', 'KZ49998TEST000000001', 'T30-NEW', 2001);
UPDATE k2.extreq SET amount = 100, bank_code = 'KINCKZKA' WHERE code = 'T30-NEW' RETURNING amount, bank_code;
BEGIN;
INSERT INTO k2.exclusion (iin, for_bank, bank) VALUES ('000000000010', true, 'TSESKZKA');
UPDATE k2.extreq SET bank_code = 'TSESKZKA' WHERE code = 'T30-NEW';
ROLLBACK;

-- Recall.
SELECT k2.recall_extreq('T30-NONE', '01');
SELECT k2.recall_extreq('T30-NEW', '01');
UPDATE k2.extreq SET stat_id = 2005 WHERE code = 'T30-NEW';
SELECT k2.recall_extreq('T30-NEW', '77');
SELECT k2.recall_extreq('T30-NEW', NULL);
BEGIN;
INSERT INTO k2.exclusion (iin, for_refuse) VALUES ('000000000010', true);
SELECT k2.recall_extreq('T30-NEW', '01');
ROLLBACK;
SELECT k2.recall_extreq('T30-NEW', '01');
SELECT k2.recall_extreq('T30-NEW', '01');
SELECT e.stat_id, s.title, e.reason_code FROM k2.extreq e JOIN k2.extreq_stat s ON s.id = e.stat_id WHERE e.code = 'T30-NEW';
SELECT kind, reason_code, note FROM k2.extreq_event WHERE refer = 'T30-NEW' ORDER BY id;
SELECT actor = current_user AS actor, action, new FROM k2bridge.audit WHERE object = 'k2.extreq' AND key = 'T30-NEW' AND action <> 'insert' ORDER BY id;

-- PC1, PC3 and a return reach outgoing requests too, forward only; money, not a status, executes them.
INSERT INTO k2.extreq (loan_id, bank_code, extacc_code, code)
VALUES (:loan, 'KPSTKZKA', 'KZ49998TEST000000001', 'T30-PC'), (:loan, 'KPSTKZKA', 'KZ49998TEST000000001', 'T30-RET');
SELECT k2.k2req_status_from_eko('{"reference": "T30-PC", "status_code": "PC1"}'), stat_id FROM k2.extreq WHERE code = 'T30-PC';
SELECT k2.k2req_status_from_eko('{"reference": "T30-PC", "status_code": "PC3"}') ->> 'error_code' AS pc3,
       k2.k2req_status_from_eko('{"reference": "T30-PC", "status_code": "PC1"}') ->> 'error_code' AS pc1,
       k2.k2req_status_from_eko('{"reference": "T30-PC", "status_code": "EXECUTED"}') ->> 'error_code' AS executed,
       k2.k2req_status_from_eko('{"reference": "T30-PC", "status_code": "EXECUTED"}') ->> 'error_code' AS again;
SELECT stat_id FROM k2.extreq WHERE code = 'T30-PC';
SELECT k2.k2req_return_from_eko('{"reference": "T30-RET", "reason_code": "03"}') AS returned,
       k2.k2req_return_from_eko('{"reference": "T30-RET", "reason_code": "03"}') AS again,
       k2.k2req_status_from_eko('{"reference": "T30-RET", "status_code": "PC1"}') AS late;
SELECT k2.k2req_return_from_eko('{"reference": "T30-NEW", "reason_code": "03"}');
SELECT refer, kind, reason_code, note FROM k2.extreq_event WHERE refer IN ('T30-PC', 'T30-RET') ORDER BY refer, id;

-- References: a prefix of one's own, numbers that are taken, a jump after a promotion.
INSERT INTO k2.extreq_prefix (prefix) VALUES ('T30X') RETURNING sequence;
SELECT k2.next_refer('T30X');
INSERT INTO k2.extreq (loan_id, bank_code, extacc_code, code) VALUES (:loan, 'KPSTKZKA', 'KZ49998TEST000000001', 'T30X000000000002');
SELECT k2.next_refer('T30X');
SELECT k2.advance_references(10000);
SELECT k2.next_refer('T30X');
SELECT k2.next_refer('NONE');
RESET ROLE;
