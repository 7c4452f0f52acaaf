-- A history for the trace benchmark: loans with ПТ and payments, calls over thirty days, their changes in the audit.
-- Variables: loans, calls.
SET k2bridge.enqueue = off;
INSERT INTO k2.loan (system, contract_number, dbz_contract_number, dbz_dt, iinbin, fullname, iban, cur, debt, overdue_days)
SELECT 'way4', 'T-' || i, 'TD-' || i, '2024-02-29', lpad(i::text, 12, '0'), 'Примеров Пример ' || i, 'KZ68601TEST000000001', 'KZT', 1000, 91
  FROM generate_series(1, :loans) i;
INSERT INTO k2.extreq (loan_id, bank_code, extacc_code, code)
SELECT l.id, 'KPSTKZKA', 'KZ62563TEST000000001', 'TP-' || l.id FROM k2.loan l;
INSERT INTO k2.extreq_pay (trn_id, refer, cur, amount) SELECT e.id, e.code, e.cur, 1 FROM k2.extreq e;
INSERT INTO k2.req (refer, iinbin, amount, cur, status) SELECT 'TR-' || i, lpad(i::text, 12, '0'), 1, 'KZT', 'accepted' FROM generate_series(1, :loans) i;
INSERT INTO k2bridge.call (id, endpoint, server, subject, args, outcome, attempts, http_status, correlation, created_at, created_by,
                           finished_at, duration, delivery)
SELECT 1000000000 + i, 'abs.way4_get_loan_debt', 'abs', 'loan:' || l.id || ':debt', jsonb_build_object('contract_number', l.contract_number,
           'about', jsonb_build_object('loan_id', l.id)), 'ok', 1, 200, gen_random_uuid(), t.at, current_user, t.at, '20 ms', 'at_least_once'
  FROM generate_series(1, :calls) i
  JOIN LATERAL (SELECT now() - (i % 30) * interval '1 day' AS at) t ON true
  JOIN (SELECT row_number() OVER (ORDER BY id) AS n, id, contract_number FROM k2.loan) l ON l.n = i % :loans + 1;
INSERT INTO k2bridge.inbox (service, client, body, payload, http_status, reply, correlation)
SELECT 'k2req_status_from_eko', 'eko', '\x7b7d', jsonb_build_object('reference', 'TR-' || i, 'status_code', 'PC1'), 200, '{"error_code": 0}', gen_random_uuid()
  FROM generate_series(1, :loans) i;
CREATE SERVER company TYPE 'autoclient' FOREIGN DATA WRAPPER k2bridge OPTIONS (base_url 'https://acp.example');
INSERT INTO autoclient.payment (server, client_ref, state, payment_ref, payment_pack_ref, request)
SELECT 'company', 'TI-' || i, 'created', (1120000000000000000 + i)::text, 'PACK/' || i, jsonb_build_object('document_number', i, 'payer_account',
           '26001000000001', 'recipient_account', '26001000000002', 'recipient_nceo', '34554355', 'payment_naming', 'T', 'payment_amount', '1.00',
           'payment_destination', 'invoice ' || i) FROM generate_series(1, :loans) i;
INSERT INTO k2bridge.call (id, endpoint, server, subject, args, outcome, attempts, http_status, correlation, created_at, created_by, finished_at,
                           duration, delivery)
SELECT 3000000000 + p.id, 'autoclient.payment_create', 'company', 'payment:' || p.id, p.request, 'ok', 1, 201, gen_random_uuid(), p.created_at,
       current_user, p.created_at, '20 ms', 'at_most_once' FROM autoclient.payment p;
SELECT k2bridge.make_partitions();
ANALYZE;
