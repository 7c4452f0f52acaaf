-- Incoming payment requests: states, services I5 and I6, recall and return, what the handlers of O5, O6, O7 report.
\getenv srcdir PG_ABS_SRCDIR
\set roles :srcdir '/sql/include/roles.psql'
\i :roles
SET ROLE regress_k2_owner;
-- The documented request of O5, as a row.
CREATE FUNCTION pg_temp.request(refer text, status text DEFAULT 'new', reason text DEFAULT NULL) RETURNS void LANGUAGE sql AS $$
    INSERT INTO k2.req (refer, accept_dt, doc_num, doc_at, iinbin, acc_fullname, ben_fullname, ben_bin, ben_iban, ben_kbe,
                        amount, cur, knp, dbz_num, dbz_dt, purpose, head, account, status, reason_code)
    VALUES ($1, '2021-01-05', '16', '2021-01-04', '000000000000', 'Тестовый тест тестович', 'АО "KASPI BANK"', '971240001315',
            'KZ12722R00000000000', '14', 86429.87, 'KZT', '423', 'R0000-001', '2014-02-08', 'Безакцептное погашение',
            'Руководителев Руководитель', 'Главный Бухгалер Петрович', $2, $3)
$$;
CREATE FUNCTION pg_temp.state(refer text) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', r.status, 'was ' || r.former_status, 'reason ' || r.reason_code, 'note: ' || r.note)
      FROM k2.req r WHERE r.refer = $1
$$;
CREATE FUNCTION pg_temp.events(refer text) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(concat_ws(' ', e.kind, e.reason_code, '(' || e.note || ')'), ', ' ORDER BY e.id)
      FROM k2.req_event e WHERE e.refer = $1
$$;
SELECT pg_temp.request('T32-1');
SELECT status, amount, created_by = current_user AS created_by, updated_by = current_user AS updated_by FROM k2.req WHERE refer = 'T32-1';

-- The whole way.
SELECT k2.req_registered('T32-1', true);
SELECT k2.req_registered('T32-1', true);
SET ROLE regress_k2_service;
SELECT k2.k2req_status_from_eko('{ "reference": "T32-1", "status_code": "PC1" }') = '{"error_text":"","error_code":0}' AS pc1;
SELECT k2.k2req_status_from_eko('{ "reference": "T32-1", "status_code": "PC3" }') AS pc3,
       k2.k2req_status_from_eko('{ "reference": "T32-1", "status_code": "PC3" }') AS again,
       k2.k2req_status_from_eko('{ "reference": "T32-1", "status_code": "PC1" }') AS late,
       k2.k2req_status_from_eko('{ "reference": "T32-1", "status_code": "EXECUTED" }') AS executed,
       k2.k2req_status_from_eko('{ "reference": "T32-1", "status_code": "EXECUTED" }') AS again;
SELECT k2.k2req_status_from_eko('{ "reference": "T32-1", "status_code": "PC1" }');
SELECT k2.k2req_return_from_eko('{ "reference": "T32-1", "reason_code": "01" }');
SET ROLE regress_k2_owner;
SELECT pg_temp.state('T32-1'), pg_temp.events('T32-1');
SELECT DISTINCT e.source FROM k2.req_event e WHERE e.refer = 'T32-1' AND e.kind = 'PC1';

-- Refused by the bank; registered after all.
SELECT pg_temp.request('T32-2');
SELECT k2.req_registered('T32-2', false, 'Клиент не найден');
SELECT pg_temp.state('T32-2'), k2.k2req_status_from_eko('{ "reference": "T32-2", "status_code": "PC1" }') AS pc1,
       k2.k2req_return_from_eko('{ "reference": "T32-2", "reason_code": "01" }') AS returned;
SELECT k2.recall_req('T32-2', '01');
SELECT k2.req_registered('T32-2', true);
SELECT pg_temp.state('T32-2'), pg_temp.events('T32-2');

-- Recall: asked, refused, asked again, done; reported once more.
SELECT k2.recall_req('T32-2', '02');
SELECT k2.recall_req('T32-2', '02');
SELECT pg_temp.state('T32-2');
SELECT k2.k2req_status_from_eko('{ "reference": "T32-2", "status_code": "PC3" }');
SELECT pg_temp.state('T32-2');
SELECT k2.req_recalled('T32-2', false, 'Отзыв невозможен');
SELECT pg_temp.state('T32-2');
SELECT k2.recall_req('T32-2', '02');
SELECT k2.req_recalled('T32-2', true);
SELECT k2.req_recalled('T32-2', true);
SELECT pg_temp.state('T32-2'), pg_temp.events('T32-2');
SELECT k2.k2req_status_from_eko('{ "reference": "T32-2", "status_code": "PC3" }') AS pc3,
       k2.k2req_return_from_eko('{ "reference": "T32-2", "reason_code": "01" }') AS returned;
-- Money may come although it was recalled: kept, answered 0, a problem.
SELECT k2.k2req_status_from_eko('{ "reference": "T32-2", "status_code": "EXECUTED" }') AS executed,
       k2.k2req_status_from_eko('{ "reference": "T32-2", "status_code": "EXECUTED" }') AS again;
SELECT pg_temp.state('T32-2'), pg_temp.events('T32-2');
SELECT kind, refer, text FROM k2.problem WHERE refer = 'T32-2';
SELECT k2.return_req('T32-2', '99');

-- Return: asked by us, refused, done; done by the bank itself.
SELECT pg_temp.request('T32-3', 'in_card_index');
SELECT k2.return_req('T32-3', '99');
SELECT k2.req_returned('T32-3', false, 'Уже исполняется');
SELECT k2.return_req('T32-3', '99');
SELECT k2.req_returned('T32-3', true);
SELECT pg_temp.state('T32-3'), pg_temp.events('T32-3');
SELECT pg_temp.request('T32-4', 'registered');
SET ROLE regress_k2_service;
SELECT k2.k2req_return_from_eko('{ "reference": "T32-4", "reason_code": "01" }') AS returned,
       k2.k2req_refuse_from_eko('{ "reference": "T32-4", "reason_code": "01" }') AS again;
SET ROLE regress_k2_owner;
SELECT pg_temp.state('T32-4'), pg_temp.events('T32-4');

-- An inbound status overtakes what we asked for; the late outcome of the call changes nothing.
SELECT pg_temp.request('T32-5', 'accepted');
SELECT k2.recall_req('T32-5', '01');
SELECT k2.k2req_status_from_eko('{ "reference": "T32-5", "status_code": "EXECUTED" }');
SELECT k2.req_recalled('T32-5', true);
SELECT k2.req_recalled('T32-5', true);
SELECT pg_temp.state('T32-5'), pg_temp.events('T32-5');
SELECT pg_temp.request('T32-6', 'accepted');
SELECT k2.return_req('T32-6', '99');
SELECT k2.k2req_return_from_eko('{ "reference": "T32-6", "reason_code": "03" }');
SELECT k2.req_returned('T32-6', true);
SELECT pg_temp.state('T32-6'), pg_temp.events('T32-6');
-- A report about a request whose registration has not been answered: the bank has it.
SELECT pg_temp.request('T32-7');
UPDATE k2bridge.outbox SET state = 'uncertain' WHERE subject = 'req:T32-7' AND endpoint = 'abs.reg_pt';
SELECT k2.k2req_status_from_eko('{ "reference": "T32-7", "status_code": "PC1" }');
SELECT state, wish, found FROM k2bridge.outbox WHERE subject = 'req:T32-7';
SELECT k2.req_registered('T32-7', true);
SELECT k2.req_registered('T32-7', false, 'поздно');
SELECT pg_temp.state('T32-7'), pg_temp.events('T32-7');
-- The registration is answered while the recall waits behind it.
SELECT pg_temp.request('T32-8', 'recalling', '01');
SELECT pg_temp.state('T32-8');
UPDATE k2.req SET former_status = 'new' WHERE refer = 'T32-8';
SELECT k2.req_registered('T32-8', true);
SELECT pg_temp.state('T32-8'), pg_temp.events('T32-8');

-- What services refuse.
SET ROLE regress_k2_service;
SELECT p AS payload, k2.k2req_status_from_eko(p) FROM unnest(ARRAY['{}', '[]', 'null', '{"reference": "T32-1"}',
    '{"reference": "T32-1", "status_code": "PC2"}', '{"reference": "T32-1", "status_code": {}}',
    '{"reference": "T32-NONE", "status_code": "PC1"}', '{"reference": 32, "status_code": "PC1"}']::jsonb[]) p;
SELECT p AS payload, k2.k2req_return_from_eko(p) FROM unnest(ARRAY['{}', '[]', '{"reference": "T32-1"}',
    '{"reference": "T32-1", "reason_code": "77"}', '{"reference": "T32-NONE", "reason_code": "01"}']::jsonb[]) p;
SELECT k2.recall_req('T32-1', '01');
SELECT count(*) FROM k2.req;

-- What functions and DML refuse; DML of a role with table rights only.
SET ROLE regress_k2_owner;
SELECT k2.recall_req('T32-NONE', '01');
SELECT k2.recall_req('T32-7', '77');
SELECT k2.return_req('T32-7', NULL);
SET ROLE regress_k2_clerk;
INSERT INTO k2.req (refer, iinbin, amount, cur, created_by) VALUES ('T32-9', '000000000000', 0.10, 'KZT', 'vasil')
RETURNING status, created_by, updated_by;
INSERT INTO k2.req (refer, iinbin, amount, cur) VALUES ('T32-9', '000000000000', 1, 'KZT');
INSERT INTO k2.req (refer, iinbin, amount, cur) VALUES ('T32-10', '12345', 1, 'KZT');
INSERT INTO k2.req (refer, iinbin, amount, cur, status) VALUES ('T32-10', '000000000000', 1, 'KZT', 'lost');
UPDATE k2.req SET status = 'recalled' WHERE refer = 'T32-9';
UPDATE k2.req SET status = 'recalling' WHERE refer = 'T32-9';
UPDATE k2.req SET status = 'recalling', reason_code = '77' WHERE refer = 'T32-9';
UPDATE k2.req SET refer = 'T32-99' WHERE refer = 'T32-9';
UPDATE k2.req SET status = 'registered', amount = 99999999999999.99, head = 'Другой' WHERE refer = 'T32-9' RETURNING status, amount;
UPDATE k2.req SET status = 'new' WHERE refer = 'T32-9';
UPDATE k2.req SET status = 'returning', reason_code = '99' WHERE refer = 'T32-9' RETURNING status, former_status;
UPDATE k2.req SET status = 'recalling', reason_code = '01' WHERE refer = 'T32-9';
UPDATE k2.req SET status = 'registered' WHERE refer = 'T32-9' RETURNING status, former_status, reason_code;
SET ROLE regress_k2_owner;
SELECT pg_temp.events('T32-9');
SELECT DISTINCT source, correlation IS NOT NULL AS correlation FROM k2.req_event WHERE refer = 'T32-9';
SELECT key, action, old, new FROM k2bridge.audit WHERE object = 'k2.req' AND key = 'T32-2' AND action <> 'insert' ORDER BY id;
RESET ROLE;
