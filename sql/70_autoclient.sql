-- Room autoclient without a network: endpoints and delivery, storing pages (samples of the document), finality, what
-- vanishes, the checks of a statement, rules of payments, what the queue gets. No dispatcher runs here.
CREATE DATABASE regress_k2bridge_autoclient;
\c regress_k2bridge_autoclient
SET client_min_messages = warning;
\set SHOW_CONTEXT never
\set VERBOSITY terse
CREATE EXTENSION k2bridge;
SELECT k2bridge.setup();
\set VERBOSITY default
CREATE SERVER c1 TYPE 'autoclient' FOREIGN DATA WRAPPER k2bridge OPTIONS (base_url 'https://acp.example');

SELECT name, method, path, body_kind, reply_family, delivery, verify FROM k2bridge.endpoint WHERE server_type = 'autoclient'
 ORDER BY priority DESC, name;
-- Every function, table and column of the room has a comment; nothing is for PUBLIC.
SELECT p.proname FROM pg_proc p WHERE p.pronamespace = 'autoclient'::regnamespace AND obj_description(p.oid, 'pg_proc') IS NULL;
SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
 WHERE c.relnamespace = 'autoclient'::regnamespace AND c.relkind IN ('r', 'v') AND a.attnum > 0 AND NOT a.attisdropped
   AND (col_description(c.oid, a.attnum) IS NULL OR obj_description(c.oid, 'pg_class') IS NULL);
SELECT p.proname FROM pg_proc p WHERE p.pronamespace = 'autoclient'::regnamespace AND has_function_privilege('public', p.oid, 'EXECUTE');

-- A row as the document prints it, with a field nobody knows, and its account by the last 14 digits.
CREATE FUNCTION pg_temp.row_of(more jsonb) RETURNS jsonb LANGUAGE sql AS $$
    SELECT '{"AUT_MY_ACC": "26184050001514", "AUT_CNTR_MFO": null, "CCY": "UAH", "FL_REAL": "r", "PR_PR": "r", "NUM_DOC": "K0108B1WKX",
             "DAT_KL": "", "DAT_OD": "07.01.2020", "OSND": "Нарахування вiдсоткiв", "SUM": "0.01", "SUM_E": "0.01", "REF": "DNCHK0108B1WKX",
             "REFN": "P", "TIM_P": "02:58", "DATE_TIME_DAT_OD_TIM_P": "07.01.2020 02:58:00", "ID": "557091731", "TRANTYPE": "C",
             "DLR": null, "NEW_FIELD": "kept"}'::jsonb || more
$$;
INSERT INTO autoclient.company (server, start_date) VALUES ('c1', '2020-01-01');
INSERT INTO autoclient.account (server, acc, start_date) VALUES ('c1', 'UA943052990000026184050001514', '2020-01-01');
SELECT autoclient.store_transactions('c1', NULL, json_build_array(pg_temp.row_of('{}')), NULL, NULL);
SELECT acc, ref, refn, sum, dat_od, dat_kl, at AT TIME ZONE 'UTC' AS utc, is_final, vanished, raw FROM autoclient.transaction;
-- The same again changes nothing; a transfer between own accounts is two rows; the last of a page counts.
SELECT autoclient.store_transactions('c1', NULL, json_build_array(pg_temp.row_of('{}')), NULL, NULL);
SELECT autoclient.store_transactions('c1', NULL, json_build_array(pg_temp.row_of('{"TRANTYPE": "D"}'), pg_temp.row_of('{"TRANTYPE": "D", "SUM": "7.00"}')), NULL, NULL);
-- Final: another id, another value date; interim data never come back over it.
SELECT autoclient.store_transactions('c1', NULL, json_build_array(pg_temp.row_of('{"ID": "DNCHK0108B1WKXP07012020025800", "DAT_OD": "08.01.2020"}')), '2020-01-08', 1);
SELECT autoclient.store_transactions('c1', NULL, json_build_array(pg_temp.row_of('{"SUM": "9.99"}')), NULL, NULL);
SELECT trantype, sum, dat_od, id, is_final FROM autoclient.transaction ORDER BY trantype;
-- Where no row is expected to be here one may be: the whole page is merged then.
BEGIN;
SELECT autoclient.store_transactions('c1', NULL, json_build_array(pg_temp.row_of('{"REF": "FIRST", "DAT_OD": "08.01.2020"}'),
    pg_temp.row_of('{"SUM": "0.02", "DAT_OD": "08.01.2020"}')), '2020-01-08', 2, true);
SELECT autoclient.store_transactions('c1', NULL, json_build_array(pg_temp.row_of('{"REF": "SECOND", "DAT_OD": "08.01.2020"}')), '2020-01-08', 2, true);
SELECT trantype, ref, sum, dat_od, is_final, vanished, walk FROM autoclient.transaction ORDER BY ref, trantype;
ROLLBACK;
-- What no numeric(20,2) holds, no date is or lacks its key is an error, not a guess.
SELECT autoclient.store_transactions('c1', NULL, json_build_array(pg_temp.row_of('{"SUM": "1.001"}')), NULL, NULL);
SELECT autoclient.store_transactions('c1', NULL, json_build_array(pg_temp.row_of('{"DAT_OD": "31.02.2020"}')), NULL, NULL);
SELECT autoclient.store_transactions('c1', NULL, json_build_array(pg_temp.row_of('{"REF": null}')), NULL, NULL);
-- The field and the row are named, and of its page nothing is stored.
CREATE FUNCTION pg_temp.refusal(page json) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM autoclient.store_transactions('c1', 'UA943052990000026184050001514', page, NULL, NULL);
    RETURN 'stored';
EXCEPTION WHEN invalid_parameter_value THEN
    RETURN SQLERRM;
END $$;
SELECT count(*) FROM autoclient.transaction;
SELECT v.more, pg_temp.refusal(json_build_array(pg_temp.row_of('{"REF": "GOOD"}'), pg_temp.row_of(v.more)))
  FROM (VALUES (jsonb '{"DAT_KL": "32.01.2020"}'), ('{"DAT_KL": 20200101}'), ('{"DATE_TIME_DAT_OD_TIM_P": "07.01.2020 25:00:00"}'),
    ('{"DATE_TIME_DAT_OD_TIM_P": "07.01.2020 02:58 "}'), ('{"DATE_TIME_DAT_OD_TIM_P": true}'), ('{"DAT_OD": ""}'), ('{"DAT_OD": "infinity"}'),
    ('{"SUM": null}'), ('{"SUM": "NaN"}'), ('{"SUM": "1e18"}'), ('{"SUM": "1e999"}'), ('{"SUM": "1 000.00"}'), ('{"SUM_E": 0.001}'), ('{"SUM_E": {"a": [1]}}')) v (more);
SELECT pg_temp.refusal('[1]'), pg_temp.refusal('{}'), pg_temp.refusal('[]');
SELECT count(*) FROM autoclient.transaction;
-- What is written otherwise and means the same; of a name or a row that comes twice the last counts.
SELECT autoclient.store_transactions('c1', 'UA943052990000026184050001514', $page$[
    {"TRANTYPE": "C", "REF": "SPELL", "REFN": "1", "DAT_OD": "2020-01-07", "SUM": 9.99},
    {"TRANTYPE": "C", "REF": "SPELL", "REFN": 1, "DAT_OD": "07.01.2020 00:00:00", "SUM": "7", "SUM": 1.2e2, "SUM_E": "", "DAT_KL": "",
     "AUT_CNTR_NAM": "\u0422\u041e\u0412 \"A\\B\"\n\t\/", "OSND": "\"", "ID": 5, "UETR": {"a":[1,"}"]}, "ULTMT": true, "DLR": "",
     "DATE_TIME_DAT_OD_TIM_P": "07.01.2020T02:58:30.25", "x \u0031": [1, {"y": "]"}], "z": null} ]$page$, NULL, NULL);
SELECT refn, sum, sum_e, dat_od, dat_kl, aut_cntr_nam, osnd, id, uetr, ultmt, dlr, at AT TIME ZONE 'UTC' AS utc, raw
  FROM autoclient.transaction WHERE ref = 'SPELL';
-- The clock changes of Kyiv.
SELECT autoclient.store_transactions('c1', NULL, json_build_array(
    pg_temp.row_of('{"REF": "WINTER", "DATE_TIME_DAT_OD_TIM_P": "25.10.2020 05:00:00"}'),
    pg_temp.row_of('{"REF": "SUMMER", "DATE_TIME_DAT_OD_TIM_P": "29.03.2020 05:00:00"}')), NULL, NULL);
SELECT ref, at AT TIME ZONE 'UTC' AS utc FROM autoclient.transaction WHERE ref IN ('WINTER', 'SUMMER') ORDER BY ref;
TRUNCATE autoclient.transaction CASCADE;

-- Three days of a statement and what the checks say of them.
INSERT INTO autoclient.server_day (server, phase, today, lastday, date_final_statement, dates_without_oper_day, asked_at)
VALUES ('c1', 'WRK', '2020-01-05', '2020-01-04', '2020-01-03', '{2020-01-02}', now());
SELECT autoclient.store_balances('c1', 'UA943052990000026184050001514', '[
    {"acc": "x", "dpd": "01.01.2020 00:00:00", "balanceIn": "0.00", "balanceOut": "5.00", "turnoverDebt": "0.00", "turnoverCred": "5.00", "is_final_bal": true},
    {"acc": "x", "dpd": "03.01.2020 00:00:00", "balanceIn": "5.00", "balanceOut": "3.00", "turnoverDebt": "2.00", "turnoverCred": "0.00", "is_final_bal": true}]', NULL);
SELECT autoclient.store_transactions('c1', NULL, json_build_array(
    pg_temp.row_of('{"REF": "A", "SUM": "5.00", "DAT_OD": "01.01.2020"}'), pg_temp.row_of('{"REF": "B", "SUM": "2.00", "TRANTYPE": "D", "DAT_OD": "03.01.2020"}'),
    pg_temp.row_of('{"REF": "C", "SUM": "1.00", "DAT_OD": "03.01.2020", "PR_PR": "t"}')), '2020-01-03', 1);
SELECT autoclient.store_balances('c1', NULL, '[{"acc": "x", "dpd": "32.01.2020 00:00:00"}]', NULL);
SELECT autoclient.store_balances('c1', NULL, '[{"acc": "x", "dpd": "01.01.2020", "is_final_bal": "perhaps"}]', NULL);
SELECT autoclient.store_balances('c1', NULL, '[{"acc": "x", "dpd": "01.01.2020", "balanceIn": "0.001"}]', NULL);
UPDATE autoclient.account SET walked_through = '2020-01-03';
SELECT autoclient.advance('c1', 'UA943052990000026184050001514');
TABLE autoclient.statement_check;
-- An interim row of a day that was fetched as final without it has vanished.
SELECT autoclient.store_transactions('c1', NULL, json_build_array(pg_temp.row_of('{"REF": "LATE", "DAT_OD": "03.01.2020"}')), NULL, NULL);
SELECT day, problem FROM autoclient.statement_check;
UPDATE autoclient.balance SET balance_out = 6 WHERE day = '2020-01-01';
DELETE FROM autoclient.transaction WHERE ref = 'B';
SELECT day, problem FROM autoclient.statement_check;
SELECT kind, subject, text FROM autoclient.problem;

-- Payments: what breaks a rule is named, what is right is queued with its fields and nothing else.
CREATE FUNCTION pg_temp.payment(more jsonb) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_strip_nulls('{"document_number": "17", "payer_account": "26006055314061", "recipient_account": "29001828900110", "recipient_nceo": "14360570",
             "payment_naming": "ПАО", "payment_amount": "0.01", "payment_destination": "test create"}'::jsonb || more)
$$;
CREATE FUNCTION pg_temp.attempt(payment jsonb) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM autoclient.check_payment(payment);
    RETURN 'fine';
EXCEPTION WHEN invalid_parameter_value THEN
    RETURN SQLERRM;
END $$;
SELECT v.more, pg_temp.attempt(pg_temp.payment(v.more)) FROM (VALUES (jsonb '{}'), ('{"payment_amount": 12.50}'), ('{"payment_amount": "0"}'),
    ('{"payment_amount": "-1"}'), ('{"document_number": null}'), ('{"recipient_account": null}'), ('{"recipient_account": null, "recipient_card": "4149437864381115"}'),
    ('{"recipient_account": null, "recipient_card": "4242424242424242"}'), ('{"recipient_card": "4242424242424242"}'), ('{"recipient_nceo": "0000000000"}'),
    ('{"recipient_nceo": "0000000000", "recipient_document_id_number": "123456789"}'), ('{"recipient_document_id_number": "12345678"}'),
    ('{"payment_destination": "four"}'), ('{"payment_date": "2026-01-01"}'), ('{"payment_date": "30.02.2026"}'), ('{"payment_accept_date": "28.02.2026"}'),
    ('{"struct_code": "1010"}'), ('{"struct_type": "22080000"}'), ('{"payer_ultmt_name": "ab"}'), ('{"payer_ultmt_document_series": "AB"}'),
    ('{"recipient_ifi": "30529"}'), ('{"attach": {"a": 1}}'), ('{"unknown": "1"}')) v (more);
SELECT pg_temp.attempt(pg_temp.payment(jsonb_build_object('recipient_ifi', '899998', 'payment_destination', repeat('x', 141))));
SELECT pg_temp.attempt(pg_temp.payment(jsonb_build_object('payment_destination', repeat('x', 420))));
SELECT pg_temp.attempt(pg_temp.payment(jsonb_build_object('payment_destination', repeat('x', 421))));
SELECT autoclient.create_payment(pg_temp.payment('{"payment_amount": 12.5}'), client_ref => 'a') = autoclient.create_payment(pg_temp.payment('{"payment_amount": 12.5}'), client_ref => 'a') AS same;
INSERT INTO autoclient.payment (request, forecast) VALUES (pg_temp.payment('{}'), true);
SELECT o.endpoint, o.args - 'about', p.state, p.amount, p.server FROM autoclient.payment p JOIN k2bridge.outbox o ON o.id = p.call_id ORDER BY p.id;
ALTER SERVER c1 OPTIONS (ADD charset 'cp1251');
SELECT autoclient.create_payment(pg_temp.payment('{"payment_naming": "снiг ☃"}'));
SELECT autoclient.maspay_add('P1', 'r', 1.00, 'ок ☃');
SELECT substring(k2bridge.preview('autoclient.payment_create', '{"payment_naming": "ПАО", "about": {"payment": 1}}', 'c1') FROM '\n\n(.*)$');

-- What calls look like.
SELECT e.name, split_part(k2bridge.preview(e.name, e.args, 'c1'), E'\n', 1)
  FROM (VALUES ('autoclient.payment_add_sign', '{"ref": "1", "sign": "x"}'::jsonb), ('autoclient.payment_delete', '{"ref": "1"}'),
               ('autoclient.edoc_xml', '{"id": "5", "okpo": "1"}'), ('autoclient.maspay_add', '{"packet": "P/1", "receiver": "r", "amount": 1.00}'),
               ('autoclient.transactions', '{"acc": "1", "startDate": "01-01-2020", "about": {"walk": 1}}')) e (name, args);
SELECT autoclient.oldest_day('c1');
SELECT autoclient.backfill('26184050001514', '2010-01-01');
SELECT autoclient.backfill('1', '2019-12-01');
SELECT autoclient.backfill('26184050001514', '2019-12-01') IS NOT NULL AS queued;
SELECT args - 'about' AS args FROM k2bridge.outbox WHERE endpoint = 'autoclient.transactions';
SELECT start_date, final_through, resume_from, resume_through FROM autoclient.account;
\c postgres
DROP DATABASE regress_k2bridge_autoclient WITH (FORCE);
