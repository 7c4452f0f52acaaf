-- Service I4, k2extreq_by_dbz: the documented reply, exactly.
\getenv srcdir PG_ABS_SRCDIR
\set roles :srcdir '/sql/include/roles.psql'
\i :roles
SET ROLE regress_k2_owner;
BEGIN;
DELETE FROM k2.bank WHERE id = 18;
UPDATE k2.bank SET id = 18, name = 'АО "Рога и копыта"',
       header_paper = E'Председателю Правления <br />\nАО «Рога И копыта»  <br />\nгосподину Гансу Христиану Андерсону'
 WHERE bic = 'KPSTKZKA';
INSERT INTO k2.app_user (id, login, name, footer_text)
VALUES (15, 'vasil', 'Сидоров В.С.',
        E'исп: ведущий менеджер УДВ ДКР РБ Иванов И.И. <br />\r\nсот тел: 8 777 777 77 77 \r\n');
INSERT INTO k2.reg (id) VALUES (454);
INSERT INTO k2.transit_account (id, code, cur) VALUES (5, 'KZ009980000000000000', 'KZT');
INSERT INTO k2.client (id, iin, name) VALUES (1639, '000000000000', 'ФИО Клиента')
    ON CONFLICT (iin) DO UPDATE SET id = excluded.id, name = excluded.name;
INSERT INTO k2.loan (id, system, contract_number, dbz_contract_number, dbz_dt, iinbin, fullname, cur, debt, overdue_days)
VALUES (20562, 'way4', 'T30-D', 'RBEZ20-700/XX-000XXX', '2020-01-01', '000000000000', 'ФИО Клиента', 'KZT', 86429.87, 90);
INSERT INTO k2.ext_account (id, code, bank_code, name)
VALUES (6460, 'KZ000000000000000000', 'KPSTKZKA', 'Наименование счета клиента');
INSERT INTO k2.extreq (id, code, loan_id, bank_code, extacc_code, amount, stat_id, reg_id, sys_uuid, created_at, created_by)
VALUES (18183, 'PTPJMIG0000003817', 20562, 'KPSTKZKA', 'KZ000000000000000000', 10001, 2008, 454,
        'b9faab90-75a9-4f6b-ad05-eb9b72bc8d37', '2021-10-20 12:21:24.240319+00', 'vasil');
INSERT INTO k2.extreq_pay (trn_id, refer, cur, amount) VALUES (30111, 'PTPJMIG0000003817', 'KZT', 111);
-- Who changed it and when is the rules' to say; the sample has its own moment.
ALTER TABLE k2.extreq DISABLE TRIGGER rules;
UPDATE k2.extreq SET updated_at = '2021-10-20 12:23:14.244243+00', updated_by = 'vasil' WHERE id = 18183;
ALTER TABLE k2.extreq ENABLE TRIGGER rules;
CREATE TEMP TABLE documented AS SELECT $$
{ "error_code": 0, "error_text": "", "items": [ {
  "amount": "10001.00", "bank_code": "KPSTKZKA", "bank_id": "18", "bank_id$": "АО \"Рога и копыта\"",
  "bank_id$header_paper": "Председателю Правления <br />\nАО «Рога И копыта»  <br />\nгосподину Гансу Христиану Андерсону",
  "cli_id": "1639", "cli_id$": "ФИО Клиента", "cli_iin": "000000000000", "code": "PTPJMIG0000003817",
  "created_at": "2021-10-20T18:21:24.240319+06:00", "created_at_fmt": "20.10.2021",
  "created_by": "15", "created_by$": "Сидоров В.С.",
  "created_by$footer_text": "исп: ведущий менеджер УДВ ДКР РБ Иванов И.И. <br />\r\nсот тел: 8 777 777 77 77 \r\n",
  "created_by$login": "vasil", "cur_id": "1", "cur_id$": "KZT",
  "extacc_code": "KZ000000000000000000", "extacc_id": "6460", "extacc_id$": "Наименование счета клиента",
  "id": "18183", "knp_id": "290", "knp_id$code": "423", "knp_id$": "423.Погашение долгосрочных займов (более одного года)",
  "loan_debt": "86429.87", "loan_doc_at_fmt": "01.01.2020", "loan_id": "20562",
  "loan_id$dbz_num": "RBEZ20-700/XX-000XXX", "loan_id$title": "ФИО Клиента", "paid_amount": "111.00",
  "purpose": "Погашение задолженности по ПТ ФИО Клиента по Договору банковского займа № RBEZ20-700/XX-000XXX от 01.01.2020, ИИН 000000000000 в соответствии со ст.32 Закона РК № 11-VI от 26.07.2016 г.  \"О платежах и платежных системах\"",
  "reg_id": "454", "reg_id$": "454", "stat_id": "2008", "stat_id$": "Сформирован на бумажном носителе",
  "sys$uuid": "b9faab90-75a9-4f6b-ad05-eb9b72bc8d37", "transitacc_id": "5", "transitacc_id$": "KZ009980000000000000",
  "updated_at": "2021-10-20T18:23:14.244243+06:00", "updated_by": "15", "updated_by$": "Сидоров В.С.",
  "updated_by$footer_text": "исп: ведущий менеджер УДВ ДКР РБ Иванов И.И. <br />\r\nсот тел: 8 777 777 77 77 \r\n",
  "updated_by$login": "vasil" } ] }
$$::jsonb AS reply;
GRANT SELECT ON documented TO regress_k2_service;
SET ROLE regress_k2_service;
SELECT zone, set_config('timezone', zone, true) = zone AS set,
       k2.k2extreq_by_dbz('{"contract_number": "RBEZ20-700/XX-000XXX", "dbz_dt": "2020-01-01"}') = d.reply AS as_documented
  FROM documented d, unnest('{UTC,Asia/Almaty,America/New_York}'::text[]) zone;
-- Any difference by key.
SELECT n.key, n.value AS got, o.value AS documented
  FROM documented d,
       jsonb_each(k2.k2extreq_by_dbz('{"contract_number": "RBEZ20-700/XX-000XXX", "dbz_dt": "2020-01-01"}') #> '{items,0}') n
  FULL JOIN jsonb_each((SELECT reply #> '{items,0}' FROM documented)) o ON o.key = n.key
 WHERE n.value IS DISTINCT FROM o.value;
-- Dates in the documented forms; another date, another number.
SELECT dt, jsonb_array_length(k2.k2extreq_by_dbz(jsonb_build_object('contract_number', 'RBEZ20-700/XX-000XXX', 'dbz_dt', dt)) -> 'items')
  FROM unnest('{2020-01-01,2020.01.01,01.01.2020,2020-01-01 00:00:00,2020-01-02}'::text[]) dt;
RESET ROLE;
-- The offset is that of k2bridge.timezone at that moment.
SELECT zone, k2.iso_time('2021-10-20 12:21:24.240319+00'), set_config('k2bridge.timezone', zone, true) = zone AS next
  FROM unnest('{UTC,America/New_York,Asia/Kolkata}'::text[]) zone;
SELECT k2.iso_time('2021-10-20 12:21:24.240319+00'), k2.local_date('2021-10-20 19:00+00');
ROLLBACK;

SET ROLE regress_k2_service;
SELECT k2.k2extreq_by_dbz('{"contract_number": "KD0000000001", "dbz_dt": "1999-01-01"}');
SELECT p AS payload, k2.k2extreq_by_dbz(p) FROM unnest(ARRAY['{}', '[]', 'null', '"x"', '{"contract_number": "x"}',
    '{"contract_number": "", "dbz_dt": "2020-01-01"}', '{"contract_number": "x", "dbz_dt": "2020-02-30"}',
    '{"contract_number": ["x"], "dbz_dt": "2020-01-01"}']::jsonb[]) p;
SELECT k2.k2extreq_by_dbz(NULL);
SELECT count(*) FROM k2.extreq;
SELECT k2.recall_extreq('x', '01');
RESET ROLE;
