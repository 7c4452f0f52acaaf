-- Room abs without a network: what triggers queue, what handlers make of replies (samples/k2), the guard of the
-- exclusion push, arguments and rights of the wrappers. No dispatcher runs here.
CREATE DATABASE regress_k2bridge_abs;
\c regress_k2bridge_abs
SET client_min_messages = warning;
\set SHOW_CONTEXT never
CREATE EXTENSION k2bridge;
CREATE ROLE regress_abs_owner;
CREATE ROLE regress_abs_operator;
CREATE ROLE regress_abs_writer;
SELECT k2bridge.allow_setup('regress_abs_owner');
CREATE SCHEMA regress AUTHORIZATION regress_abs_owner;
SET ROLE regress_abs_owner;
\set VERBOSITY terse
SELECT k2bridge.setup();
\set VERBOSITY default
SELECT name, method, url_option, body_kind, reply_family, delivery, verify, coalesces FROM k2bridge.endpoint
 WHERE name LIKE 'abs.%' ORDER BY priority DESC, name;
-- What the bank tunes survives another setup().
UPDATE k2bridge.endpoint SET enabled = false, priority = 7, timeout = '3s', give_up_after = '1 day', handler = 'own.handler'
 WHERE name = 'abs.get_pdf';
\set VERBOSITY terse
SELECT k2bridge.setup();
\set VERBOSITY default
SELECT enabled, priority, timeout, give_up_after, handler, builder FROM k2bridge.endpoint WHERE name = 'abs.get_pdf';
UPDATE k2bridge.endpoint SET enabled = true, priority = 25, timeout = NULL, give_up_after = NULL, handler = 'abs.scan_done'
 WHERE name = 'abs.get_pdf';

-- Every function, table and column of the room has a comment; nothing is for PUBLIC.
SELECT p.proname FROM pg_proc p WHERE p.pronamespace = 'abs'::regnamespace AND obj_description(p.oid, 'pg_proc') IS NULL;
SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
 WHERE c.relnamespace = 'abs'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
   AND (col_description(c.oid, a.attnum) IS NULL OR obj_description(c.oid, 'pg_class') IS NULL);
SELECT p.proname FROM pg_proc p WHERE p.pronamespace = 'abs'::regnamespace AND has_function_privilege('public', p.oid, 'EXECUTE');

CREATE VIEW regress.queued AS
    SELECT endpoint, server, subject, args, state, wish, due_at > now() + interval '6 days' AS in_a_week FROM k2bridge.outbox;
CREATE FUNCTION regress.settle(wanted text, outcome text, reply jsonb, content bytea DEFAULT NULL, file_name text DEFAULT NULL,
                              answered timestamptz DEFAULT clock_timestamp(), error_text text DEFAULT NULL,
                              error_code text DEFAULT NULL) RETURNS void
    LANGUAGE plpgsql AS $$
-- What the dispatcher does with the oldest call of a subject: gives the outcome to the endpoint's handler, then deletes
-- the row and keeps it in k2bridge.call.
DECLARE
    q k2bridge.outbox;
    handler text;
BEGIN
    SELECT o.* INTO STRICT q FROM k2bridge.outbox o WHERE o.subject = wanted ORDER BY o.id LIMIT 1;
    SELECT e.handler INTO handler FROM k2bridge.endpoint e WHERE e.name = q.endpoint;
    EXECUTE format('SELECT %s($1)', handler)
      USING ROW(q.id, q.endpoint, q.server, q.subject, q.args, outcome, q.attempts, 200, error_code, error_text, reply, NULL,
                NULL, q.correlation, q.created_at, q.created_by, answered, NULL, content, NULL, file_name)::k2bridge.call_row;
    DELETE FROM k2bridge.outbox o WHERE o.id = q.id;
    INSERT INTO k2bridge.call (id, endpoint, server, subject, args, outcome, attempts, correlation, created_at, created_by,
                               finished_at, delivery)
    VALUES (q.id, q.endpoint, q.server, q.subject, q.args, outcome, q.attempts, q.correlation, q.created_at, q.created_by,
            answered, 'at_least_once');
END
$$;
CREATE FUNCTION regress.answer(endpoint text, args jsonb, outcome text, reply jsonb, answered timestamptz DEFAULT clock_timestamp())
    RETURNS void LANGUAGE plpgsql AS $$
-- What a direct call does with its outcome.
DECLARE
    handler text;
BEGIN
    SELECT e.handler INTO handler FROM k2bridge.endpoint e WHERE e.name = answer.endpoint;
    EXECUTE format('SELECT %s($1)', handler)
      USING ROW(NULL, endpoint, NULL, NULL, args, outcome, 1, 200, NULL, NULL, reply, NULL, NULL, NULL, now(), current_user,
                answered, NULL, NULL, NULL, NULL)::k2bridge.call_row;
END
$$;

-- A new loan asks for its dossier, set-based; what cannot be asked is noted.
INSERT INTO k2.system (code, kind, server, debt_key) VALUES ('ow', 'way4', 'abs_ow', 'iban');
INSERT INTO k2.loan (id, system, contract_number, dbz_contract_number, dbz_dt, iinbin, fullname, iban, cur, debt, overdue_days,
                     abs_dep_id, abs_id, dea_dord, dea_dep_id, dea_id, dea_code, debt_source)
VALUES (1, 'way4', 'KD0000000001', 'KD0000000001', '2014-02-08', '000000000000', 'Тестовый Тест Тестович',
        'KZ000000000000000000', 'KZT', 86429.87, 90, NULL, NULL, '2021-01-01', NULL, NULL, NULL, 'k2loan_from_eko'),
       (2, 'colvir', 'CV1', 'CV1', '2020-01-01', '000000000010', 'Тест', NULL, 'KZT', 0.10, 5, 555, 666, NULL, 777, 888, '999',
        'k2loan_from_eko'),
       (3, 'ow', 'OW1', 'OW1', NULL, '000000000020', 'Тест', 'KZ68601TEST000000001', 'KZT', 1, 5, NULL, NULL, NULL, NULL, NULL,
        NULL, 'k2loan_from_eko'),
       (4, 'colvir', 'CV2', 'CV2', '2020-01-01', '000000000030', 'Тест', NULL, 'KZT', 1, 5, NULL, NULL, NULL, NULL, NULL, NULL,
        'k2loan_from_eko'),
       (5, 'unknown', 'U1', 'U1', '2020-01-01', '000000000030', 'Тест', NULL, 'KZT', 1, 5, NULL, NULL, NULL, NULL, NULL, NULL,
        'k2loan_from_eko');
SELECT endpoint, server, subject, args FROM regress.queued ORDER BY subject;
SELECT loan_id, part, outcome, error_text FROM abs.loan_answer ORDER BY loan_id, part;
-- The bank is not told what only the handler needs.
SELECT k2bridge.wire_args(args) FROM regress.queued WHERE subject = 'loan:1:client';
-- A key that arrives later asks for what hangs on it, another change for nothing.
DELETE FROM k2bridge.outbox WHERE subject ~ '^loan:[2-5]:';
UPDATE k2.loan SET debt = debt + 1, overdue_days = 6 WHERE id > 1;
UPDATE k2.loan SET dbz_dt = '2019-05-05' WHERE id = 3;
UPDATE k2.loan SET abs_dep_id = 1, abs_id = 2 WHERE id = 4;
UPDATE k2.loan SET iinbin = '000000000090' WHERE id = 5;
-- A system that becomes known too.
INSERT INTO k2.system (code, kind) VALUES ('unknown', 'way4');
SELECT loan_id, part, outcome, error_text FROM abs.loan_answer ORDER BY loan_id, part;
SELECT endpoint, server, subject, args FROM regress.queued WHERE subject ~ '^loan:[2-5]:' ORDER BY subject;
DELETE FROM k2bridge.outbox WHERE subject ~ '^loan:[2-5]:';

-- O1
SELECT regress.settle('loan:1:client', 'ok', '{"error_text":"", "error_code":0, "iinbin":"000000000000",
    "fullname":"Тестовый Тест Тестович", "sectecon":9, "residfl":1}');
SELECT iinbin, fullname, sectecon, residfl, fetched_at IS NOT NULL AS fetched FROM abs.client;
SELECT regress.answer('abs.get_cli', '{"iinbin": "000000000000"}', 'ok', '{"error_code": 0, "fullname": "Older"}', '2020-01-01');
SELECT fullname FROM abs.client;
SELECT regress.answer('abs.get_cli', '{"iinbin": "000000000000"}', 'ok', '{"error_code": 0, "iinbin": "000000000000"}');
SELECT regress.answer('abs.get_cli', '{"iinbin": "000000000000"}', 'ok', '{"iinbin": "000000000010", "fullname": "Other"}');
SELECT regress.answer('abs.get_cli', '{"iinbin": "000000000000"}', 'ok', '{"fullname": "Тест", "sectecon": "nine"}');

-- O2: accounts no longer listed are marked, listed again they are back.
SELECT regress.settle('loan:1:accounts', 'ok', '{"error_text":"", "error_code":0, "ibans":[
    {"iban":"KZ000000000000000000", "accountName":"Наименование счета, обычно ФИО", "ps":"2204191", "system":"way4", "cur":"KZT"},
    {"iban":"KZ82722TEST000000001", "accountName":"Second", "ps":2204191, "system":"colvir", "cur":"USD"}, {}]}');
SELECT regress.answer('abs.get_acc', '{"iinbin": "000000000000"}', 'ok', '{"ibans": [{"iban": "KZ82722TEST000000001", "cur": "EUR"}]}');
SELECT iban, iinbin, account_name, ps, system, cur, gone_at IS NOT NULL AS gone FROM abs.account ORDER BY iban;
SELECT regress.answer('abs.get_acc', '{"iinbin": "000000000000"}', 'ok', '{"ibans": []}');
SELECT regress.answer('abs.get_acc', '{"iinbin": "000000000000"}', 'ok', '{"ibans": [{"iban": "KZ000000000000000000"}]}', '2020-01-01');
SELECT iban, gone_at IS NOT NULL AS gone FROM abs.account ORDER BY iban;
SELECT regress.answer('abs.get_acc', '{"iinbin": "000000000000"}', 'ok', '{"ibans": [{"iban": "KZ000000000000000000"}]}');
SELECT iban, gone_at IS NOT NULL AS gone FROM abs.account ORDER BY iban;
SELECT regress.answer('abs.get_acc', '{"iinbin": "000000000000"}', 'ok', '{"ibans": [{"cur": "KZT"}]}');
SELECT regress.answer('abs.get_acc', '{"iinbin": "000000000000"}', 'ok', '{"error_code": 0}');

-- O3: no line is an answer, asked again in a week, four times.
SELECT regress.settle('loan:1:statement', 'ok', '{"error_code": 0, "stmt": []}');
SELECT part, outcome, asked, answered_at IS NOT NULL AS answered FROM abs.loan_answer WHERE loan_id = 1 AND part = 'statement';
SELECT subject, args, in_a_week FROM regress.queued WHERE subject LIKE 'loan:1:statement%';
SELECT regress.settle('loan:1:statement:again', 'ok', '{"stmt": [{}]}') FROM generate_series(1, 4);
SELECT outcome, asked FROM abs.loan_answer WHERE loan_id = 1 AND part = 'statement';
SELECT count(*) FROM regress.queued WHERE subject LIKE 'loan:1:statement%';
SELECT regress.answer('abs.get_acc_stmt_dt', '{"dt": "2014-02-08", "about": {"loan_id": 1}}', 'ok', '{"error_text":"", "error_code":0,
    "stmt":[{"purpose":"Предоставление кредита по договору", "amount":900000, "cur":"KZT", "DC":"D", "out_bal":900000},
            {"purpose":"exact", "amount":"99999999999999.99", "cur":"KZT", "DC":"c", "out_bal":-0.10}]}');
SELECT loan_id, dt, line, purpose, amount, cur, dc, out_bal FROM abs.statement_line ORDER BY line;
SELECT regress.answer('abs.get_acc_stmt_dt', '{"dt": "2014-02-08", "about": {"loan_id": 1}}', 'ok', '{"stmt": []}', '2020-01-01');
SELECT count(*) FROM abs.statement_line;
SELECT outcome FROM abs.loan_answer WHERE loan_id = 1 AND part = 'statement';
SELECT regress.answer('abs.get_acc_stmt_dt', '{"dt": "2014-02-08", "about": {"loan_id": 1}}', 'ok', '{"stmt": [{"DC": "D"}]}');
SELECT regress.answer('abs.get_acc_stmt_dt', '{"dt": "2014-02-08", "about": {"loan_id": 1}}', 'ok', '{"stmt": [{"amount": 0.105}]}');
SELECT regress.answer('abs.get_acc_stmt_dt', '{"dt": "2014-02-08", "about": {"loan_id": 1}}', 'ok', '{"stmt": [{"amount": "1e5"}]}');

-- O4: no scan, then one; the same bytes are stored once, other bytes as another file.
SELECT regress.settle('loan:1:scan', 'ok', NULL);
SELECT dbz_num, dbz_dt, iinbin, file_id IS NULL AS none FROM abs.scan;
SELECT outcome, asked FROM abs.loan_answer WHERE loan_id = 1 AND part = 'scan';
SELECT k2bridge.enqueue('abs.get_pdf', '{"dbz_num": "KD0000000001", "dbz_dt": "2014-02-08", "iinbin": "000000000000", "about": {"loan_id": 1}}', 'scan') > 0
  FROM generate_series(1, 3);
SELECT regress.settle('scan', 'ok', NULL, '%PDF-1.4 one', 'Договор займа.pdf');
SELECT regress.settle('scan', 'ok', NULL, '%PDF-1.4 one', 'Договор займа.pdf');
SELECT f.name, f.mime, f.content = s.content AS same FROM k2.file f, (VALUES ('%PDF-1.4 one'::bytea)) s (content);
SELECT outcome, asked, call_id IS NOT NULL AS by_queue FROM abs.loan_answer WHERE loan_id = 1 AND part = 'scan';
SELECT regress.settle('scan', 'ok', NULL, '\x49492a0008000000', '');
SELECT f.name, f.mime, f.id = s.file_id AS latest FROM k2.file f, abs.scan s ORDER BY f.id;

-- O8, O9: exact, forward only, by key where the call is not for a loan.
SELECT regress.settle('loan:1:debt', 'ok', '{"error_text":"", "error_code":0, "debt":100000}');
SELECT debt, debt_source, synced_at IS NOT NULL AS synced FROM k2.loan WHERE id = 1;
SELECT regress.answer('abs.colvir_get_loan_debt', '{"dep_id": 555, "id": 666}', 'ok', '{"error_code": 0, "debt": "99999999999999.99"}');
SELECT regress.answer('abs.way4_get_loan_debt', '{"contract_number": "KZ68601TEST000000001"}', 'ok', '{"debt": 0.10}');
SELECT regress.answer('abs.way4_get_loan_debt', '{"contract_number": "KD0000000001"}', 'ok', '{"debt": 1}', '2020-01-01');
SELECT regress.answer('abs.way4_get_loan_debt', '{"contract_number": "KD0000000001"}', 'ok', '{"debt": null}');
SELECT regress.answer('abs.way4_get_loan_debt', '{"contract_number": "KD0000000001"}', 'refused', '{"error_code": 5}');
SELECT id, debt, debt_source FROM k2.loan WHERE id < 4 ORDER BY id;
SELECT loan_id, part, outcome, answered_at IS NOT NULL AS answered FROM abs.loan_answer WHERE part = 'debt' ORDER BY loan_id;
SELECT loan_id, debt, source FROM k2.loan_debt WHERE loan_id = 1 ORDER BY at;

-- Every loan that was not synced today is asked for, once.
UPDATE k2.loan SET synced_at = k2.today()::timestamp AT TIME ZONE 'Asia/Almaty' - interval '1 second' WHERE id IN (1, 2);
UPDATE k2.loan SET synced_at = k2.today()::timestamp AT TIME ZONE 'Asia/Almaty' WHERE id > 2;
SELECT abs.refresh_all_debts();
SELECT abs.refresh_all_debts();
SELECT endpoint, subject FROM regress.queued WHERE subject LIKE '%:debt' ORDER BY subject;

SELECT loan_id, client, accounts, statement, scan, debt, missing, ready FROM k2.loan_dossier ORDER BY loan_id;

-- Incoming payment requests: the body of O5 as documented.
RESET ROLE;
GRANT USAGE ON SCHEMA k2, abs TO regress_abs_operator, regress_abs_writer;
GRANT INSERT, UPDATE, SELECT ON k2.req TO regress_abs_writer;
GRANT INSERT ON k2.exclusion TO regress_abs_writer;
SET ROLE regress_abs_writer;
INSERT INTO k2.req (refer, accept_dt, doc_num, doc_at, iinbin, acc_fullname, ben_fullname, ben_bin, ben_iban, ben_kbe, amount, cur,
                    knp, dbz_num, dbz_dt, purpose, head, account)
VALUES ('PTP0000000000001', '2021-01-05', '16', '2021-01-04', '000000000000', 'Тестовый тест тестович', 'АО "KASPI BANK"',
        '971240001315', 'KZ12722R00000000000', '14', 2000000, 'KZT', '423', 'R0000-001', '2014-02-08', 'Безакцептное погашение',
        'Руководителев', 'Главный Бухгалер Петрович');
INSERT INTO k2.req (refer, iinbin, amount, cur, status)
SELECT 'R' || n, '000000000010', amount, 'KZT', status
  FROM (VALUES (1, 86429.87, 'new'), (2, 0.10, 'new'), (3, 99999999999999.99, 'new'), (4, 1, 'new'), (5, 1, 'new'), (6, 1, 'new'),
               (7, 1, 'new'), (8, 1, 'registered'), (9, 1, 'accepted'), (10, 1, 'new')) AS r (n, amount, status);
SET ROLE regress_abs_owner;
SELECT jsonb_pretty(args) FROM regress.queued WHERE subject = 'req:PTP0000000000001';
SELECT endpoint, subject, args FROM regress.queued WHERE subject LIKE 'req:R%' ORDER BY length(subject), subject;
SELECT DISTINCT created_by FROM k2bridge.outbox WHERE subject LIKE 'req:%';
SELECT regress.settle('req:PTP0000000000001', 'ok', '{"error_text":"", "error_code":0}');
SELECT regress.settle('req:R1', 'refused', '{"error_code": 7}', error_text => 'Клиент не найден', error_code => '7');
SELECT regress.settle('req:R2', 'skipped', NULL);
SELECT refer, status, note FROM k2.req WHERE refer IN ('PTP0000000000001', 'R1', 'R2') ORDER BY refer;

-- Recall and return. Never sent: both are cancelled, nothing is queued.
SET ROLE regress_abs_writer;
UPDATE k2.req SET status = 'recalling', reason_code = '01' WHERE refer IN ('PTP0000000000001', 'R2', 'R3', 'R9');
SET ROLE regress_abs_owner;
SELECT refer, status, reason_code FROM k2.req WHERE refer IN ('PTP0000000000001', 'R2', 'R3', 'R9') ORDER BY refer;
SELECT endpoint, subject, args ->> 'reason_code' AS reason, wish FROM regress.queued
 WHERE subject IN ('req:PTP0000000000001', 'req:R2', 'req:R3', 'req:R9') ORDER BY subject;
-- Under way, or perhaps sent before: the recall follows, and ends with a registration that the bank does not have.
UPDATE k2bridge.outbox SET state = 'sending' WHERE subject IN ('req:R4', 'req:R6');
UPDATE k2bridge.outbox SET attempts = 1 WHERE subject IN ('req:R5', 'req:R10');
UPDATE k2.req SET status = 'recalling', reason_code = '01' WHERE refer IN ('R4', 'R5', 'R10');
UPDATE k2.req SET status = 'returning', reason_code = '99' WHERE refer = 'R6';
SELECT endpoint, subject, state, wish FROM regress.queued WHERE subject IN ('req:R4', 'req:R5', 'req:R6', 'req:R10')
 ORDER BY subject, endpoint DESC;
SELECT regress.settle('req:R4', 'ok', '{"error_code": 0}');
SELECT regress.settle('req:R5', 'refused', '{"error_code": 7}', error_text => 'Клиент не найден');
SELECT regress.settle('req:R6', 'failed', NULL);
SELECT regress.settle('req:R10', 'cancelled', NULL);
SELECT refer, status, former_status, note FROM k2.req WHERE refer IN ('R4', 'R5', 'R6', 'R10') ORDER BY refer;
SELECT endpoint, subject, wish FROM regress.queued WHERE subject IN ('req:R4', 'req:R5', 'req:R6', 'req:R10') ORDER BY subject;
-- The bank's answer makes it final or puts the former status back; repeats are harmless.
SELECT regress.settle('req:R4', 'refused', '{"error_code": 3}', error_text => 'Уже исполнено');
SELECT regress.settle('req:R9', 'ok', '{"error_code": 0}');
SELECT abs.refuse_pt_done(ROW(1, 'abs.refuse_pt', NULL, 'req:R9', '{"refer": "R9", "reason_code": "01"}', 'refused', 1, 200, '3', 'No',
    NULL, NULL, NULL, NULL, now(), 'x', now(), NULL, NULL, NULL, NULL)::k2bridge.call_row);
SELECT abs.reg_pt_done(ROW(1, 'abs.reg_pt', NULL, 'req:R9', '{"refer": "R9"}', 'ok', 1, 200, NULL, NULL,
    NULL, NULL, NULL, NULL, now(), 'x', now(), NULL, NULL, NULL, NULL)::k2bridge.call_row);
SELECT refer, status, note FROM k2.req WHERE refer IN ('R4', 'R9') ORDER BY refer;

-- Verification of an uncertain registration: page after page, same amount and currency.
CREATE FUNCTION regress.verify(wanted text) RETURNS SETOF text LANGUAGE sql AS $$
-- What the dispatcher does with an uncertain call. Shows what is asked of the bank.
    SELECT abs.verify_reg_pt(ROW(o.id, o.endpoint, o.server, o.subject, o.args || '{"doc_at": "2021-01-04"}', NULL, 1, NULL, NULL, NULL,
                                 NULL, NULL, NULL, o.correlation, o.created_at, o.created_by, NULL, NULL, NULL, NULL, NULL)::k2bridge.call_row)
      FROM k2bridge.outbox o WHERE o.subject = wanted;
    SELECT endpoint || ' ' || (args - 'about')::text FROM regress.queued WHERE subject LIKE 'verify:%'
$$;
CREATE FUNCTION regress.verified(outcome text, said jsonb) RETURNS SETOF text LANGUAGE sql AS $$
-- The answer to a verification. Shows what is asked next, and what is known of the uncertain call.
    SELECT regress.settle(o.subject, outcome, said, error_text => CASE WHEN outcome <> 'ok' THEN 'Недоступно' END)
      FROM k2bridge.outbox o WHERE o.subject LIKE 'verify:%';
    SELECT endpoint || ' ' || (args - 'about')::text FROM regress.queued WHERE subject LIKE 'verify:%'
    UNION ALL
    SELECT concat_ws(' ', state, wish, found) FROM k2bridge.outbox WHERE subject = 'req:R7'
$$;
UPDATE k2bridge.outbox SET state = 'uncertain' WHERE subject = 'req:R7';
SELECT regress.verify('req:R7');
SELECT regress.verify('req:R7');
SELECT regress.verified('ok', jsonb_build_object('all_count', 26, 'items',
           (SELECT jsonb_agg(jsonb_build_object('refer', 'X' || n, 'amount', n, 'cur', 'KZT')) FROM generate_series(1, 25) n)));
SELECT regress.verified('ok', '{"all_count": null, "items": [{"refer": "R7", "amount": "1.01", "cur": "KZT"}]}');
SELECT regress.verify('req:R7');
SELECT regress.verified('ok', '{"items": [{"refer": "R7", "amount": 1, "cur": "USD"}]}');
SELECT regress.verify('req:R7');
SELECT regress.verified('ok', '{"items": []}');
SELECT regress.verify('req:R7');
SELECT regress.verified('refused', '{"error_code": 1}');
SELECT regress.verify('req:R7');
SELECT regress.verified('ok', '{"items": [{"refer": "R8", "amount": 1}, {"refer": "R7", "amount": "1.0", "cur": "KZT"}]}');

-- O10
SELECT regress.answer('abs.get_all_pt', '{"page": 1, "perpage": "2"}', 'ok', '{"error_code":0, "error_text":"", "all_count":1000, "items":[
    {"refer":"PTP0000000000001","accept_dt":"2021.01.05","doc_num":"16","doc_at":"04.01.2021","iinbin":"000000000000",
     "acc_fullname":"Тестовый тест тестович","ben_fullname":"АО \"KASPI BANK\"","ben_bin":"971240001315","ben_iban":"KZ12722R00000000000",
     "ben_kbe":"14","amount":2000000,"cur":"KZT","knp":"423","dbz_num":"R0000-001","dbz_dt":"2014-02-08 00:00:00",
     "purpose":"Безакцептное погашение","head":"Руководителев","account":"Главный Бухгалер Петрович"}, {},
    {"refer":"PTP2","amount":1}, {"refer":"PTP2","amount":"86429.87"}]}');
SELECT refer, accept_dt, doc_at, dbz_dt, ben_fullname, amount, seen_at IS NOT NULL AS seen FROM abs.payment_request
 WHERE refer LIKE 'PTP%' ORDER BY refer;
SELECT regress.answer('abs.get_all_pt', '{"page": 1, "perpage": "2"}', 'ok', '{"items": [{"amount": 1}]}');
SELECT regress.answer('abs.get_all_pt', '{"page": 1, "perpage": "2"}', 'ok', '{"items": [{"refer": "PTP3", "amount": 1, "doc_at": "4 Jan"}]}');
SELECT regress.answer('abs.get_all_pt', '{"page": 1, "perpage": "2"}', 'ok', '{"items": [{"refer": "PTP3", "amount": 1, "doc_at": "2021-02-30"}]}');
SELECT d, abs.date_field(jsonb_build_object('d', d), 'd') FROM unnest('{2020-02-29,29.02.2020,2020.12.31 23:59:59,2020-01-01T00:00:00Z,""}'::text[]) d;
SELECT abs.date_field(jsonb_build_object('d', '29.02.2021'), 'd');
SELECT abs.date_field(jsonb_build_object('d', '2021-01-00'), 'd');
SELECT abs.date_field(jsonb_build_object('d', '0000-01-01'), 'd');
-- The walk of the last 14 days: page after page until a short one; a bank that repeats a page ends it.
SELECT abs.reconcile(perpage => 2) = abs.reconcile(perpage => 2) AS once;
SELECT subject, args ->> 'page' AS page, args ->> 'perpage' AS perpage, (args ->> 'doc_at1')::date = k2.today() - 14 AS since,
       (args ->> 'doc_at2')::date = k2.today() AS until FROM regress.queued WHERE endpoint = 'abs.get_all_pt';
SELECT regress.settle('abs:reconcile', 'ok', '{"items": [{"refer": "W1", "amount": 1}, {"refer": "W2", "amount": 2}]}');
SELECT args ->> 'page' AS page FROM regress.queued WHERE subject = 'abs:reconcile';
SELECT regress.settle('abs:reconcile', 'ok', '{"items": [{"refer": "W1", "amount": 1}, {"refer": "W2", "amount": 2}]}');
SELECT regress.settle('abs:reconcile', 'ok', '{"items": [{"refer": "W3", "amount": 3}]}');
SELECT count(*) FROM regress.queued WHERE subject = 'abs:reconcile';
SELECT refer FROM abs.payment_request WHERE refer LIKE 'W%' ORDER BY refer;

-- Exclusions: one push per statement, the body as documented, the guard.
SET ROLE regress_abs_writer;
INSERT INTO k2.exclusion (id, iin, bank, iban, for_bank, for_extreq, for_iban, for_refuse, finish_dt, is_active)
VALUES (19, '000000000101', 'KINCKZKA', NULL, true, false, false, false, '2021-10-16', true),
       (20, '000000000000', NULL, NULL, true, true, true, true, '2021-10-08', false),
       (11, '000000000113', NULL, NULL, false, false, false, false, NULL, false),
       (9, '000000000113', NULL, 'KZ123456789012345678', false, false, true, false, '2021-10-30', false);
SET ROLE regress_abs_owner;
UPDATE k2.exclusion SET is_active = false WHERE id = 12345;
SELECT endpoint, subject, args FROM regress.queued WHERE subject = 'exclusions';
SELECT abs.exclusion_list('{}');
SELECT abs.push_exclusions(confirm => true) > 0 AS queued;
SELECT accepted_count, confirmed_count, confirmed_by FROM abs.exclusion_push;
SELECT jsonb_pretty(abs.exclusion_list('{}'));
SELECT regress.settle('exclusions', 'refused', '{"error_code": 1}');
SELECT accepted_count, confirmed_count FROM abs.exclusion_push;
SELECT regress.settle('exclusions', 'ok', '{"error_code": 0}');
SELECT accepted_count, confirmed_count FROM abs.exclusion_push;
SELECT rows, baseline, abs.push_is_safe(rows, baseline)
  FROM (VALUES (5, NULL), (0, NULL), (0, 10), (0, 0), (5, 0), (180, 200), (179, 200), (80, 100), (79, 100), (1979, 2000), (1800, 2000),
               (1799, 2000), (1, 21), (1, 22)) AS v (rows, baseline);
UPDATE abs.exclusion_push SET accepted_count = 100;
SELECT abs.exclusion_list('{}');
-- A list that shrank after it was sent does not lower the measure.
SELECT abs.push_exclusions() > 0 AS queued;
-- One that waits for its time is used, and a confirmation lets it go.
UPDATE k2bridge.outbox SET due_at = now() + interval '1 minute' WHERE subject = 'exclusions';
SELECT abs.push_exclusions() = id AS the_waiting_one FROM k2bridge.outbox WHERE subject = 'exclusions';
SELECT regress.settle('exclusions', 'ok', '{"error_code": 0}');
SELECT accepted_count, confirmed_count FROM abs.exclusion_push;

-- Arguments.
SELECT abs.get_cli('12');
SELECT abs.get_acc(NULL);
SELECT abs.get_pdf('', '2020-01-01', '000000000000');
SELECT abs.get_pdf('KD1', NULL, '000000000000');
SELECT abs.get_acc_stmt_dt(1, NULL);
SELECT abs.get_acc_stmt_dt(999, '2020-01-01');
DELETE FROM k2.system WHERE code = 'unknown';
SELECT abs.refresh_debt(5);
SELECT abs.colvir_get_loan_debt(1, NULL);
SELECT abs.way4_get_loan_debt('');
SELECT abs.get_all_pt(page => 0);
SELECT abs.all_pt(perpage => 0);
SELECT abs.reconcile(-1);
SELECT abs.reg_pt('nobody');
SELECT abs.reg_pt('R8');
SELECT abs.reg_pt('R7') = id AS queued_already FROM k2bridge.outbox WHERE subject = 'req:R7';
SELECT abs.refuse_pt('nobody', '01');
SELECT abs.refuse_pt('R8', 'no such reason');

-- Rights: EXECUTE on a wrapper is enough, and nothing else is.
SELECT abs.reg_pt('R1') > 0 AS again;
SET ROLE regress_abs_operator;
SELECT abs.refuse_pt('R8', '01');
SELECT count(*) FROM k2.req;
RESET ROLE;
GRANT EXECUTE ON FUNCTION abs.refuse_pt(text, text, name), abs.return_pt(text, text, name), abs.push_exclusions(boolean, name),
    abs.get_cli(text, name) TO regress_abs_operator;
SET ROLE regress_abs_operator;
SELECT abs.refuse_pt('R8', '01') = abs.refuse_pt('R8', '01') AS once;
SELECT abs.push_exclusions(confirm => true) > 0 AS queued;
SELECT abs.get_cli('no');
SELECT abs.refuse_pt_as_owner('R8', '01', NULL);
SET ROLE regress_abs_owner;
SELECT endpoint, args, created_by FROM k2bridge.outbox WHERE subject = 'req:R8';
SELECT confirmed_by FROM abs.exclusion_push;
SELECT actor, object, action, new FROM k2bridge.audit WHERE object = 'abs.exclusion_push' ORDER BY id;

-- Loading history queues nothing.
RESET ROLE;
SET k2bridge.enqueue = off;
SELECT count(*) AS before FROM k2bridge.outbox \gset
INSERT INTO k2.req (refer, iinbin, amount, cur) VALUES ('H1', '000000000010', 1, 'KZT');
INSERT INTO k2.exclusion (iin) VALUES ('000000000010');
UPDATE k2.req SET status = 'recalling', reason_code = '01' WHERE refer = 'H1';
SELECT count(*) - :before AS queued FROM k2bridge.outbox;

\c contrib_regression
DROP DATABASE regress_k2bridge_abs;
DROP ROLE regress_abs_owner, regress_abs_operator, regress_abs_writer;
