-- Payments on outgoing requests: service I2, DML, sums, execution, reversal.
\getenv srcdir PG_ABS_SRCDIR
\set roles :srcdir '/sql/include/roles.psql'
\i :roles
SET ROLE regress_k2_owner;
INSERT INTO k2.loan (system, contract_number, dbz_contract_number, dbz_dt, iinbin, fullname, cur, debt, overdue_days)
VALUES ('way4', 'T31-1', 'T31/1', '2021-01-01', '000000000020', 'Тестов Тест', 'KZT', 5000000, 90) RETURNING id AS loan \gset
INSERT INTO k2.extreq (loan_id, bank_code, extacc_code, code, amount) VALUES
    (:loan, 'KPSTKZKA', 'KZ62563TEST000000001', 'PTPJ200000000037', 5000000),
    (:loan, 'KPSTKZKA', 'KZ62563TEST000000001', 'T31-EXACT', 86429.87),
    (:loan, 'KPSTKZKA', 'KZ62563TEST000000001', 'T31-HUGE', 99999999999999.99);
CREATE VIEW pg_temp.paid AS SELECT e.code, e.amount, e.paid_amount, s.title
  FROM k2.extreq e JOIN k2.extreq_stat s ON s.id = e.stat_id JOIN k2.loan l ON l.id = e.loan_id
 WHERE l.contract_number = 'T31-1' ORDER BY e.id;

-- The documented payload; then the documented failure.
SET ROLE regress_k2_service;
SELECT k2.k2extreq_pay_from_eko($${ "items": [
  { "request_id": 1111, "trn_id": 11111111, "refer": "PTPJ200000000037", "cur": "KZT", "amount": 2000000, "incoming_amount": 3000000 },
  { "request_id": 1112, "trn_id": 11111112, "refer": "PTPJ200000000037", "cur": "KZT", "amount": 3000000, "incoming_amount": 3000000 } ] }$$);
SELECT k2.k2extreq_pay_from_eko($${ "items": [
  { "request_id": 1111, "trn_id": 11111111, "refer": "PTPJ200000000037", "cur": "KZT", "amount": 2000000, "incoming_amount": 3000000 } ] }$$)
  = $${ "error_code": 1, "error_text": "Обнаружены ошибки при приеме платежей", "errors": [ { "error_code": 9,
        "error_text": "pq: duplicate key value violates unique constraint \"k2extreq_pay_trn_id_uindex\"", "request_id": 1111 } ] }$$
  AS as_documented;
SELECT count(*) FROM k2.extreq_pay;
SET ROLE regress_k2_owner;
SELECT * FROM pg_temp.paid;
SELECT trn_id, request_id, refer, cur, amount, incoming_amount FROM k2.extreq_pay WHERE refer = 'PTPJ200000000037' ORDER BY trn_id;

-- Good items are stored, bad ones answered, each by its own fault; a transaction named twice counts once.
SELECT jsonb_pretty(k2.k2extreq_pay_from_eko($$[
  { "request_id": 1, "trn_id": 31001, "refer": "T31-EXACT", "cur": "KZT", "amount": 0.10, "note": "лишнее" },
  { "request_id": 2, "trn_id": 31001, "refer": "T31-EXACT", "cur": "KZT", "amount": 0.10 },
  { "request_id": 3, "trn_id": 31003, "refer": "T31-NONE", "cur": "KZT", "amount": 1 },
  { "request_id": 4, "trn_id": 31004, "refer": "T31-EXACT", "cur": "USD", "amount": 1 },
  { "request_id": 5, "trn_id": 31005, "refer": "T31-EXACT", "cur": "KZT" },
  { "trn_id": 31006, "refer": "T31-EXACT", "cur": "KZT", "amount": "1.234" },
  { "request_id": 7, "trn_id": 31007, "refer": "T31-EXACT", "cur": "KZT", "amount": -1 },
  { "request_id": 8, "trn_id": "x", "refer": "T31-EXACT", "cur": "KZT", "amount": 1 },
  { "request_id": 9, "refer": "T31-EXACT", "cur": "KZT", "amount": 1 },
  { "request_id": 10, "trn_id": 31010, "cur": "KZT", "amount": 1 },
  {}, 12, null,
  { "request_id": 14, "trn_id": "31014", "refer": "T31-EXACT", "cur": "KZT", "amount": "86429.77" },
  { "request_id": 15, "trn_id": 31015, "refer": "T31-HUGE", "cur": "KZT", "amount": 99999999999999.99 },
  { "request_id": 16, "trn_id": 31016, "refer": "T31-EXACT", "cur": "KZT", "amount": 0.10, "incoming_amount": "много" } ]$$));
SELECT trn_id, request_id, refer, amount, incoming_amount, extra FROM k2.extreq_pay WHERE trn_id BETWEEN 31001 AND 31099 ORDER BY trn_id;
SELECT * FROM pg_temp.paid;
SELECT position, item ->> 'trn_id' AS trn_id, error_code, settled_at FROM k2bridge.rejected_item
 WHERE service = 'k2extreq_pay_from_eko' AND correlation = (SELECT correlation FROM k2bridge.rejected_item
                                                             WHERE item ->> 'trn_id' = '31003') ORDER BY position;
-- Wrong shapes, empty ones.
SELECT p AS payload, k2.k2extreq_pay_from_eko(p) FROM unnest(ARRAY['{}', '{"items": {}}', 'null', '"x"', '[]', '{"items": []}']::jsonb[]) p;
SELECT k2.k2extreq_pay_from_eko(NULL);

-- Payments are facts: overpaid, after a recall.
SELECT k2.k2extreq_pay_from_eko('[{ "request_id": 1, "trn_id": 31020, "refer": "T31-EXACT", "cur": "KZT", "amount": 0.01 }]');
INSERT INTO k2.extreq (loan_id, bank_code, extacc_code, code, amount, stat_id)
VALUES (:loan, 'KPSTKZKA', 'KZ62563TEST000000001', 'T31-RECALLED', 10, 2005);
SELECT k2.recall_extreq('T31-RECALLED', '01');
SELECT k2.k2extreq_pay_from_eko('[{ "request_id": 1, "trn_id": 31021, "refer": "T31-RECALLED", "cur": "KZT", "amount": 10 }]');
SELECT * FROM pg_temp.paid WHERE code IN ('T31-EXACT', 'T31-RECALLED');
SELECT kind, refer, text, remedy FROM k2.problem WHERE refer LIKE 'T31-%' ORDER BY refer;

-- Reversal takes execution back, a new payment brings it again.
SELECT k2.reverse_pay(31014, 'ошибочный платеж');
SELECT k2.reverse_pay(31014, 'ошибочный платеж');
SELECT k2.reverse_pay(-1, 'нет такого');
SELECT * FROM pg_temp.paid WHERE code = 'T31-EXACT';
SELECT reversed_at IS NOT NULL AS reversed, reversed_by = current_user AS reversed_by, reversed_note FROM k2.extreq_pay WHERE trn_id = 31014;
SELECT key, action, note FROM k2bridge.audit WHERE object = 'k2.extreq_pay' ORDER BY id;
SELECT k2.k2extreq_pay_from_eko('[{ "request_id": 1, "trn_id": 31014, "refer": "T31-EXACT", "cur": "KZT", "amount": 86429.76 }]') ->> 'error_code' AS known_still;
SELECT k2.k2extreq_pay_from_eko('[{ "request_id": 1, "trn_id": 31022, "refer": "T31-EXACT", "cur": "KZT", "amount": 86429.76 }]');
SELECT * FROM pg_temp.paid WHERE code = 'T31-EXACT';
SELECT kind, amount, note FROM k2.extreq_event WHERE refer = 'T31-EXACT' ORDER BY id;

-- Plain DML: the same sums and rules.
SET ROLE regress_k2_clerk;
INSERT INTO k2.extreq_pay (trn_id, refer, cur, amount) VALUES (31030, 'T31-HUGE', 'KZT', 1), (31031, 'T31-RECALLED', 'KZT', 2);
INSERT INTO k2.extreq_pay (trn_id, refer, cur, amount) VALUES (31030, 'T31-HUGE', 'KZT', 1);
INSERT INTO k2.extreq_pay (trn_id, refer, cur, amount) VALUES (31032, 'T31-HUGE', 'USD', 1);
INSERT INTO k2.extreq_pay (trn_id, refer, cur, amount) VALUES (31032, 'T31-NONE', 'KZT', 1);
INSERT INTO k2.extreq_pay (trn_id, refer, cur, amount) VALUES (31032, 'T31-HUGE', 'KZT', -1);
UPDATE k2.extreq_pay SET cur = 'USD' WHERE trn_id = 31030;
UPDATE k2.extreq_pay SET amount = 0.5 WHERE trn_id = 31030;
UPDATE k2.extreq_pay SET refer = 'T31-HUGE' WHERE trn_id = 31031;
DELETE FROM k2.extreq_pay WHERE trn_id = 31015;
SELECT k2.reverse_pay(31030, 'нет прав');
SET ROLE regress_k2_owner;
SELECT * FROM pg_temp.paid;
SELECT refer, kind, amount, note, source FROM k2.extreq_event
 WHERE refer IN ('T31-HUGE', 'T31-RECALLED') AND kind NOT IN ('REGISTERED', 'PC3') ORDER BY id;
BEGIN;
TRUNCATE k2.extreq_pay;
SELECT count(*) FROM k2.extreq WHERE paid_amount <> 0;
ROLLBACK;

-- A constraint of the bank's own refuses one item, not the batch.
ALTER TABLE k2.extreq_pay ADD CONSTRAINT t31_no_13 CHECK (amount <> 13);
SELECT k2.k2extreq_pay_from_eko((SELECT jsonb_agg(jsonb_build_object('request_id', n, 'trn_id', 31100 + n, 'refer', 'T31-HUGE', 'cur', 'KZT', 'amount', n))
                                   FROM generate_series(1, 20) n)) AS reply;
SELECT count(*), sum(amount) FROM k2.extreq_pay WHERE trn_id BETWEEN 31101 AND 31120;
SELECT paid_amount FROM k2.extreq WHERE code = 'T31-HUGE';
ALTER TABLE k2.extreq_pay DROP CONSTRAINT t31_no_13;
RESET ROLE;
