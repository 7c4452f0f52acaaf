-- What the replies of the fuzzer meet: a company that is being polled, rows from before, a payment, and uncertain calls of
-- every kind that a verification settles. Synthetic data only; nothing is sent, since no worker serves the database.
SET client_min_messages = error;
CREATE EXTENSION k2bridge;
SELECT k2bridge.setup();
CREATE SERVER fuzz TYPE 'autoclient' FOREIGN DATA WRAPPER k2bridge OPTIONS (base_url 'http://127.0.0.1:9');
INSERT INTO autoclient.company (server, start_date) VALUES ('fuzz', '2026-02-01');
INSERT INTO autoclient.server_day (server, phase, work_balance, today, lastday, date_final_statement, server_date_time, clock_skew, asked_at)
VALUES ('fuzz', 'WRK', 'N', '2026-03-02', '2026-03-01', '2026-02-28', '2026-03-02 12:00+02', timestamptz '2026-03-02 12:00+02' - now(), now() - interval '1 day');
INSERT INTO autoclient.account (server, acc, currency, start_date) VALUES ('fuzz', 'UA123052990000026000074412859', 'UAH', '2026-02-01');
INSERT INTO autoclient.salary_receiver (server, id, grp, pan, fio, inn, tabn, raw)
VALUES ('fuzz', 'rcv-1-1', 'SALARY', '4149 **** **** 1001', 'Тестовий1 Тест Тестович', '1111111112', '1', '{}');
INSERT INTO autoclient.payment (server, request)
VALUES ('fuzz', '{"document_number": "1", "payer_account": "UA123052990000026000074412859", "recipient_account": "UA143052990000026008050000001",
    "recipient_nceo": "34554355", "payment_naming": "TEST", "payment_amount": "1.00", "payment_destination": "services", "payment_ccy": "UAH"}');
SELECT k2bridge.enqueue(c.endpoint, c.args::jsonb, c.subject, 'fuzz')
  FROM (VALUES (1, 'autoclient.edoc_upload', '{"file": {"content": "PGEvPg==", "file_name": "rahunok_1.pdf"}, "okpo": "34554355"}', 'u'),
               (2, 'autoclient.edoc_delete', '{"id": "7000000000", "okpo": "31451288"}', 'd'),
               (3, 'autoclient.maspay_create', '{"group": "SALARY", "salary": true, "packetName": "Аванс № 1"}', 'c'),
               (4, 'autoclient.maspay_add', '{"packet": "PKT100001", "receiver": "rcv-1-1", "amount": 1250.50, "comment": "аванс"}', 'a'),
               (5, 'autoclient.maspay_remove', '{"packet": "PKT100001", "ref": "ln-1"}', 'r'),
               (6, 'autoclient.maspay_validate', '{"ref": "PKT100001"}', 'v'),
               (7, 'autoclient.paysheets_upload', '{"projectReference": "12A08000132", "yearmonth": "202602"}', 's')) AS c (id, endpoint, args, subject)
 ORDER BY c.id;
DELETE FROM k2bridge.outbox WHERE endpoint = 'autoclient.payment_create';
UPDATE k2bridge.outbox o SET state = 'uncertain', sent_at = now(), id = c.id
  FROM (SELECT n.id AS former, row_number() OVER (ORDER BY n.id) AS id FROM k2bridge.outbox n) c WHERE c.former = o.id AND o.state = 'queued';
