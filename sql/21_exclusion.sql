-- Exclusions: services k2loan_exclude_on_by_iin_dbznum (I8) and k2loan_exclude_off_by_iin_dbznum (I9), the general list,
-- what they forbid, the recall of payment requests, plain DML.
\getenv srcdir PG_ABS_SRCDIR
\set roles :srcdir '/sql/include/roles.psql'
\i :roles
SET ROLE regress_k2_owner;
INSERT INTO k2.loan (system, contract_number, dbz_contract_number, dbz_dt, iinbin, fullname, iban, cur, debt, overdue_days)
SELECT 'way4', 'T21-' || n, 'T21/' || n, '2021-01-01', '000000000030', 'Тестовый Тест', 'KZ000000000000000000', 'KZT', 86429.87, 90
  FROM generate_series(1, 3) n;
SELECT id AS one FROM k2.loan WHERE contract_number = 'T21-1' \gset
SELECT id AS two FROM k2.loan WHERE contract_number = 'T21-2' \gset
SELECT id AS three FROM k2.loan WHERE contract_number = 'T21-3' \gset
CREATE FUNCTION pg_temp.ban(changes jsonb) RETURNS jsonb LANGUAGE sql AS $$
    SELECT k2.k2loan_exclude_on_by_iin_dbznum('{"iin": "000000000030", "dbz_num": "T21/1", "return_extreq": false, "fio": "Тестовый Тест Тестович",
        "title": "текст причины, примечание"}'::jsonb || changes)
$$;
CREATE FUNCTION pg_temp.refused(loan bigint, bank text, account text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    state text; message text;
BEGIN
    PERFORM k2.create_extreq(loan, bank, account, 1);
    RETURN 'created';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
    RETURN state || ' ' || replace(message, 'loan ' || loan, 'loan N');
END
$$;

-- On, with the documented reply; on again changes the reason, not the history; off; off again.
SELECT k2.is_excluded(:one);
SELECT pg_temp.ban('{}');
SELECT k2.is_excluded(:one), k2.is_excluded(:two), k2.is_excluded(-1);
SELECT pg_temp.refused(:one, 'KPSTKZKA', 'KZ62563TEST000000001');
SELECT pg_temp.ban('{"title": "другая"}'), pg_temp.ban('{"title": ""}');
SELECT is_on, fio, title, return_extreq FROM k2.loan_exclude WHERE dbz_num = 'T21/1';
SELECT k2.k2loan_exclude_off_by_iin_dbznum('{"iin": "000000000030", "dbz_num": "T21/1"}');
SELECT k2.k2loan_exclude_off_by_iin_dbznum('{"iin": "000000000030", "dbz_num": "T21/1"}');
SELECT k2.k2loan_exclude_off_by_iin_dbznum('{"iin":"000000000000", "dbz_num":"KD0000000000"}');
SELECT k2.is_excluded(:one), pg_temp.refused(:one, 'KPSTKZKA', 'KZ62563TEST000000001');
SELECT pg_temp.ban('{}');
SELECT code, author, title FROM k2.loan_exclude_hist WHERE dbz_num = 'T21/1' ORDER BY id;
SELECT k2.k2loan_exclude_off_by_iin_dbznum('{"iin": "000000000030", "dbz_num": "T21/1"}');

-- A loan that was not received yet may be banned.
SELECT pg_temp.ban('{"iin": "000000000090", "dbz_num": "T21/later"}');
SELECT name FROM k2.client WHERE iin = '000000000090';
INSERT INTO k2.loan (system, contract_number, dbz_contract_number, iinbin, fullname, cur, debt, overdue_days)
VALUES ('colvir', 'T21-later', 'T21/later', '000000000090', 'Поздний Петр', 'KZT', 1, 1);
SELECT k2.is_excluded(id) FROM k2.loan WHERE contract_number = 'T21-later';
SELECT name FROM k2.client WHERE iin = '000000000090';

-- Faults, one each.
SELECT pg_temp.ban('{"iin": "00000000003"}'), pg_temp.ban('{"iin": ""}');
SELECT pg_temp.ban('{"iin": "00000000003x"}'), pg_temp.ban('{"iin": null}');
SELECT pg_temp.ban('{"dbz_num": null}'), pg_temp.ban('{"dbz_num": ""}'), pg_temp.ban('{"dbz_num": {}}');
SELECT pg_temp.ban('{"return_extreq": null}'), pg_temp.ban('{"return_extreq": "maybe"}'), pg_temp.ban('{"return_extreq": 1}');
SELECT pg_temp.ban('{"fio": ""}'), pg_temp.ban('{"title": 5}');
SELECT pg_temp.ban(jsonb_build_object('title', repeat('щ', 501))), pg_temp.ban(jsonb_build_object('title', repeat('щ', 500), 'dbz_num', 'T21/500'));
SELECT pg_temp.ban(jsonb_build_object('dbz_num', 'T21/' || repeat('щ', 252)));
SELECT k2.k2loan_exclude_on_by_iin_dbznum('{"iin": "000000000030", "dbz_num": "T21/3", "return_extreq": "false", "fio": "без причины"}');
SELECT k2.k2loan_exclude_off_by_iin_dbznum('{"iin": "000000000030", "dbz_num": "T21/3"}');
SELECT k2.k2loan_exclude_on_by_iin_dbznum('[]'), k2.k2loan_exclude_on_by_iin_dbznum('{}'), k2.k2loan_exclude_on_by_iin_dbznum(NULL);
SELECT k2.k2loan_exclude_off_by_iin_dbznum('[]'), k2.k2loan_exclude_off_by_iin_dbznum('{"iin": "1"}'), k2.k2loan_exclude_off_by_iin_dbznum(NULL);

-- return_extreq recalls what can be recalled, in the same transaction.
SELECT code AS first FROM k2.create_extreq(:two, 'KPSTKZKA', 'KZ62563TEST000000001', 10) \gset
SELECT code AS second FROM k2.create_extreq(:two, 'KINCKZKA', 'KZ67821TEST000000001', 20) \gset
SELECT code AS third FROM k2.create_extreq(:two, 'CASPKZKA', 'KZ82722TEST000000001', 30) \gset
UPDATE k2.extreq SET stat_id = 2005 WHERE code IN (:'first', :'second');
SELECT replace(pg_temp.ban('{"dbz_num": "T21/2", "return_extreq": true}')::text, :'third', 'THIRD') AS reply;
SELECT e.amount, s.title, e.reason_code FROM k2.extreq e JOIN k2.extreq_stat s ON s.id = e.stat_id WHERE e.loan_id = :two ORDER BY e.amount;
SELECT k2.is_excluded(:two);
UPDATE k2.extreq SET stat_id = 2005 WHERE code = :'third';
SELECT pg_temp.ban('{"dbz_num": "T21/2", "return_extreq": true}');
SELECT s.title FROM k2.extreq e JOIN k2.extreq_stat s ON s.id = e.stat_id WHERE e.code = :'third';
-- Lifting the ban revives nothing.
SELECT k2.k2loan_exclude_off_by_iin_dbznum('{"iin": "000000000030", "dbz_num": "T21/2"}');
SELECT s.title, count(*) FROM k2.extreq e JOIN k2.extreq_stat s ON s.id = e.stat_id WHERE e.loan_id = :two GROUP BY 1;

-- A ban on recalls: the loan is banned all the same, and the answer names what stays.
SELECT code AS fourth FROM k2.create_extreq(:two, 'KPSTKZKA', 'KZ62563TEST000000001', 40) \gset
UPDATE k2.extreq SET stat_id = 2008 WHERE code = :'fourth';
INSERT INTO k2.exclusion (iin, for_refuse) VALUES ('000000000030', true) RETURNING id AS refuse \gset
SELECT k2.is_recall_excluded(:two), k2.is_excluded(:two);
SELECT replace(pg_temp.ban('{"dbz_num": "T21/2", "return_extreq": true}')::text, :'fourth', 'FOURTH') AS reply;
SELECT k2.is_excluded(:two), s.title FROM k2.extreq e JOIN k2.extreq_stat s ON s.id = e.stat_id WHERE e.code = :'fourth';
UPDATE k2.exclusion SET is_active = false WHERE id = :refuse;
SELECT pg_temp.ban('{"dbz_num": "T21/2", "return_extreq": true}');

-- The general list: client, bank, account; last day included; switched off.
INSERT INTO k2.exclusion (iin, for_extreq, finish_dt) VALUES ('000000000030', true, k2.today()) RETURNING id AS general \gset
SELECT k2.is_excluded(:three), pg_temp.refused(:three, 'KPSTKZKA', 'KZ62563TEST000000001');
UPDATE k2.exclusion SET finish_dt = k2.today() - 1 WHERE id = :general;
SELECT k2.is_excluded(:three);
UPDATE k2.exclusion SET finish_dt = NULL, for_extreq = false, for_bank = true, bank = 'KINCKZKA' WHERE id = :general;
SELECT k2.is_excluded(:three), k2.is_excluded(:three, 'KINCKZKA'), k2.is_excluded(:three, 'KPSTKZKA'), k2.is_excluded(:three, 'KINCKZKA', 'KZ67821TEST000000001');
SELECT pg_temp.refused(:three, 'KINCKZKA', 'KZ67821TEST000000001'), pg_temp.refused(:three, 'KPSTKZKA', 'KZ62563TEST000000001');
UPDATE k2.exclusion SET for_bank = false, for_iban = true, iban = 'KZ67821TEST000000001' WHERE id = :general;
SELECT k2.is_excluded(:three, 'KINCKZKA'), k2.is_excluded(:three, NULL, 'KZ67821TEST000000001'), k2.is_excluded(:three, 'KINCKZKA', 'KZ62563TEST000000001');
-- Flags without the bank and account they mean forbid nothing.
UPDATE k2.exclusion SET for_bank = true, bank = NULL, iban = NULL WHERE id = :general;
SELECT k2.is_excluded(:three, 'KINCKZKA', 'KZ67821TEST000000001');
UPDATE k2.exclusion SET for_extreq = true WHERE id = :general;
SELECT kind, iin, dbz_num, for_extreq, for_refuse, finish_dt, fio, title FROM k2.active_exclusion
 WHERE iin IN ('000000000030', '000000000090') AND dbz_num IS DISTINCT FROM 'T21/500' ORDER BY kind, dbz_num;
-- The last day is the bank's, not the session's.
SET TimeZone = 'Pacific/Pago_Pago';
UPDATE k2.exclusion SET finish_dt = k2.today() WHERE id = :general;
SELECT k2.is_excluded(:three);
SET TimeZone = 'Pacific/Kiritimati';
SELECT k2.is_excluded(:three);
RESET TimeZone;

-- Rows of the general list are switched off, never deleted.
DELETE FROM k2.exclusion WHERE id = :general;
TRUNCATE k2.exclusion;
UPDATE k2.exclusion SET is_active = false WHERE id = :general;
SELECT k2.is_excluded(:three);
SELECT action, old ->> 'is_active' AS was, new ->> 'is_active' AS "is", actor FROM k2bridge.audit
 WHERE object = 'k2.exclusion' AND key = :'refuse' ORDER BY id;

-- Plain DML obeys: history, author, recall, constraint.
RESET ROLE;
SET ROLE regress_k2_clerk;
INSERT INTO k2.loan_exclude (iin, dbz_num, fio, title) VALUES ('000000000030', 'T21/5', 'Тестовый Тест', 'руками');
UPDATE k2.loan_exclude SET is_on = false WHERE dbz_num = 'T21/5';
UPDATE k2.loan_exclude SET title = 'еще' WHERE dbz_num = 'T21/5';
UPDATE k2.loan_exclude SET is_on = true, iin = '000000000020' WHERE dbz_num = 'T21/5';
UPDATE k2.loan_exclude SET iin = '000000000030' WHERE dbz_num = 'T21/5';
DELETE FROM k2.loan_exclude WHERE dbz_num = 'T21/5';
SELECT iin, code, author, title FROM k2.loan_exclude_hist WHERE dbz_num = 'T21/5' ORDER BY id;
INSERT INTO k2.loan_exclude (iin, dbz_num, fio, title) VALUES ('000000000030', 'T21/4', 'Тестовый Тест', repeat('x', 501));
INSERT INTO k2.loan_exclude (iin, dbz_num, fio) VALUES ('30', 'T21/4', 'Тестовый Тест');
DELETE FROM k2.exclusion;
RESET ROLE;
SET ROLE regress_k2_owner;
SELECT code AS fifth FROM k2.create_extreq(:three, 'KPSTKZKA', 'KZ62563TEST000000001', 50) \gset
SELECT code AS sixth FROM k2.create_extreq(:three, 'KPSTKZKA', 'KZ62563TEST000000001', 60) \gset
UPDATE k2.extreq SET stat_id = 2005 WHERE code = :'fifth';
SET client_min_messages = warning;
UPDATE k2.loan_exclude SET is_on = true, return_extreq = true WHERE dbz_num = 'T21/3';
SELECT e.amount, s.title FROM k2.extreq e JOIN k2.extreq_stat s ON s.id = e.stat_id WHERE e.code IN (:'fifth', :'sixth') ORDER BY 1;
SELECT count(*) FROM k2bridge.audit WHERE object = 'k2.loan_exclude' AND key = '000000000030 T21/5' AND action = 'delete';

-- The service role needs EXECUTE and nothing else.
RESET ROLE;
SET ROLE regress_k2_service;
SELECT k2.k2loan_exclude_on_by_iin_dbznum('{"iin": "000000000040", "dbz_num": "T21/S", "return_extreq": true, "fio": "Сервис"}');
SELECT k2.k2loan_exclude_off_by_iin_dbznum('{"iin": "000000000040", "dbz_num": "T21/S"}');
SELECT k2.is_excluded(1);
SELECT count(*) FROM k2.loan_exclude;
RESET ROLE;
SELECT code, author FROM k2.loan_exclude_hist WHERE dbz_num = 'T21/S' ORDER BY id;
