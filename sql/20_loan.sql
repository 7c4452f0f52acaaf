-- Loans: services k2loan_from_eko (I1) and k2loan_sync_debt (I3), history of debts, identifiers, today, replay, dossier.
\getenv srcdir PG_ABS_SRCDIR
\set roles :srcdir '/sql/include/roles.psql'
\i :roles
SET ROLE regress_k2_owner;
CREATE TEMP VIEW t20 AS SELECT * FROM k2.loan WHERE contract_number ~ '^T20';
CREATE FUNCTION pg_temp.loan(contract text, changes jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('request_id', 1111, 'iban', 'KZ000000000000000000', 'cur', 'KZT', 'debt', 2000000,
        'fullname', 'Тестовый Тест Тестович', 'contract_number', contract, 'dbz_contract_number', 'T20/1', 'dbz_dt', '2014-02-08',
        'iinbin', '000000000000', 'overdue_days', 90, 'system', 'way4') || changes
$$;

-- The documented payload and reply.
SELECT k2.k2loan_from_eko('[ { "request_id": 1111, "iban": "KZ000000000000000000", "cur": "KZT", "debt": 2000000,
    "fullname": "Тестовый Тест Тестович", "contract_number": "T20-KD0000000001",
    "dbz_contract_number": "KD0000000001", "dbz_dt": "2014-02-08", "dep_id": 555, "id": 666,
    "problemfl": 1, "segment": "01", "dea_dord": "2021-01-01", "dea_dep_id": 777, "dea_id": 888,
    "dea_code": 999, "iinbin": "000000000000", "overdue_days": 90, "system": "way4" } ]');
\pset expanded on
SELECT system, contract_number, dbz_contract_number, dbz_dt, iinbin, fullname, iban, cur, debt, overdue_days, problemfl, segment,
       abs_dep_id, abs_id, dea_dord, dea_dep_id, dea_id, dea_code, request_id, debt_source, extra,
       received_at > now() - interval '1 hour' AS received, synced_at > now() - interval '1 hour' AS synced FROM t20;
\pset expanded off
SELECT name FROM k2.client WHERE iin = '000000000000';

-- The documented failure: 13 outside, 15 inside, request_id echoed; the good item is stored.
SELECT k2.k2loan_from_eko(jsonb_build_array(pg_temp.loan('T20-2'),
    pg_temp.loan('T20-3', '{"iinbin": "00000000000", "request_id": 111}'),
    pg_temp.loan('T20-4', '{"iinbin": "0000000000000", "request_id": 1112}')));
SELECT contract_number FROM t20 ORDER BY 1;
SELECT service, position, item ->> 'contract_number' AS contract, error_code, error_text, settled_at
  FROM k2bridge.rejected_item WHERE item ->> 'contract_number' IN ('T20-3', 'T20-4') ORDER BY position;

-- {"items": [...]}, numeric strings, dotted dates with and without time, keys that have no column.
SELECT k2.k2loan_from_eko(jsonb_build_object('items', jsonb_build_array(
    pg_temp.loan('T20-5', '{"debt": "86429.87", "dbz_dt": "2014.02.08", "overdue_days": "7", "dea_code": "A-1", "request_id": "5"}'),
    pg_temp.loan('T20-6', '{"debt": 0.10, "dbz_dt": "08.02.2014", "dea_dord": "2021-01-01 00:00:00", "own": {"a": [1, 2.50]}, "note": null}'),
    pg_temp.loan('T20-7', '{"debt": "99999999999999.99", "dbz_dt": "2014-02-08T23:59:59.999+06:00", "system": "crs", "iban": null}'),
    pg_temp.loan('T20-8', '{"debt": 1e3, "dbz_dt": "2016-02-29 10:00Z", "system": "colvir", "iban": ""}'))));
SELECT contract_number, debt, dbz_dt, dea_dord, overdue_days, dea_code, request_id, system, iban, extra FROM t20
 WHERE contract_number IN ('T20-5', 'T20-6', 'T20-7', 'T20-8') ORDER BY 1;

-- What senders of the first revision left out may be left out.
SELECT k2.k2loan_from_eko(jsonb_build_array(pg_temp.loan('T20-9') - '{request_id,dbz_dt}'::text[]));
-- A later push updates; what it leaves out stays.
SELECT k2.k2loan_from_eko(jsonb_build_array(pg_temp.loan('T20-9', '{"dbz_dt": "2020-01-01", "segment": "07", "dep_id": 5, "own": 1}')));
SELECT k2.k2loan_from_eko(jsonb_build_array(pg_temp.loan('T20-9', '{"debt": 3, "fullname": "Иванов Иван", "iinbin": "000000000113"}') - 'dbz_dt'));
SELECT dbz_dt, segment, abs_dep_id, debt, fullname, iinbin, extra FROM t20 WHERE contract_number = 'T20-9';
SELECT d.debt, d.source FROM k2.loan_debt d JOIN t20 l ON l.id = d.loan_id WHERE l.contract_number = 'T20-9' ORDER BY d.at;
SELECT name FROM k2.client WHERE iin = '000000000113';
SELECT action, old ->> 'fullname' AS old, new ->> 'fullname' AS new, actor FROM k2bridge.audit
 WHERE object = 'k2.loan' AND key = (SELECT id::text FROM t20 WHERE contract_number = 'T20-9') AND old ->> 'fullname' <> new ->> 'fullname';

-- The same contract in two systems is two loans; a key named twice counts once, the last item wins.
SELECT k2.k2loan_from_eko(jsonb_build_array(pg_temp.loan('T20-A', '{"debt": 1}'), pg_temp.loan('T20-A', '{"debt": 2, "system": "colvir"}'),
    pg_temp.loan('T20-A', '{"debt": 3}'), pg_temp.loan('T20-A', '{"debt": -4}')));
SELECT system, debt FROM t20 WHERE contract_number = 'T20-A' ORDER BY system;

-- Every fault of an item, one each; the answer names the field, and the position where there is no request_id.
SELECT e.value ->> 'request_id' AS position, e.value ->> 'error_code' AS code, e.value ->> 'error_text' AS text
  FROM jsonb_array_elements(k2.k2loan_from_eko(jsonb_build_array(
    '{}'::jsonb, '1'::jsonb, '"text"'::jsonb, 'null'::jsonb, '[1]'::jsonb,
    pg_temp.loan('T20-B') - 'iinbin' - 'request_id',
    pg_temp.loan('T20-B', '{"iinbin": ""}') - 'request_id',
    pg_temp.loan('T20-B', '{"iinbin": "00000000000О"}') - 'request_id',
    pg_temp.loan('T20-B', '{"iinbin": true}') - 'request_id',
    pg_temp.loan('T20-B', '{"iinbin": 12}') - 'request_id',
    pg_temp.loan('T20-B') - 'request_id' - 'cur', pg_temp.loan('T20-B') - 'request_id' - 'debt',
    pg_temp.loan('T20-B') - 'request_id' - 'fullname', pg_temp.loan('T20-B') - 'request_id' - 'contract_number',
    pg_temp.loan('T20-B') - 'request_id' - 'dbz_contract_number', pg_temp.loan('T20-B') - 'request_id' - 'overdue_days',
    pg_temp.loan('T20-B') - 'request_id' - 'system', pg_temp.loan('T20-B') - 'request_id' - 'iban',
    pg_temp.loan('T20-B', '{"cur": ""}') - 'request_id', pg_temp.loan('T20-B', '{"cur": {}}') - 'request_id',
    pg_temp.loan('T20-B', '{"debt": -0.01}') - 'request_id', pg_temp.loan('T20-B', '{"debt": 0.001}') - 'request_id',
    pg_temp.loan('T20-B', '{"debt": "1,5"}') - 'request_id', pg_temp.loan('T20-B', '{"debt": "NaN"}') - 'request_id',
    pg_temp.loan('T20-B', '{"debt": "1e3"}') - 'request_id', pg_temp.loan('T20-B', '{"debt": 1e18}') - 'request_id',
    pg_temp.loan('T20-B', '{"debt": "."}') - 'request_id', pg_temp.loan('T20-B', '{"debt": true}') - 'request_id',
    pg_temp.loan('T20-B', '{"overdue_days": 1.5}') - 'request_id', pg_temp.loan('T20-B', '{"overdue_days": 2147483648}') - 'request_id',
    pg_temp.loan('T20-B', '{"id": 9223372036854775808}') - 'request_id', pg_temp.loan('T20-B', '{"dep_id": "x"}') - 'request_id',
    pg_temp.loan('T20-B', '{"dbz_dt": "2021-02-29"}') - 'request_id', pg_temp.loan('T20-B', '{"dbz_dt": "2021-13-01"}') - 'request_id',
    pg_temp.loan('T20-B', '{"dbz_dt": "2021-02.01"}') - 'request_id', pg_temp.loan('T20-B', '{"dbz_dt": "01-02-2021"}') - 'request_id',
    pg_temp.loan('T20-B', '{"dbz_dt": "2021-02-01 25:00"}') - 'request_id', pg_temp.loan('T20-B', '{"dbz_dt": "2021-02-01x"}') - 'request_id',
    pg_temp.loan('T20-B', '{"dea_dord": 20210101}') - 'request_id', pg_temp.loan('T20-B', '{"dbz_dt": "tomorrow"}') - 'request_id',
    pg_temp.loan('T20-B', '{"segment": "123456789012345678901"}') - 'request_id',
    pg_temp.loan('T20-B', '{"request_id": "x"}'))) -> 'errors') e;
SELECT count(*) FROM t20 WHERE contract_number = 'T20-B';
SELECT k2.k2loan_from_eko(jsonb_build_array(pg_temp.loan('T20-B', '{"segment": "01", "cur": null}'))) - 'errors';

-- No batch at all.
SELECT k2.k2loan_from_eko('[]'), k2.k2loan_from_eko('{"items": []}');
SELECT k2.k2loan_from_eko('{}'), k2.k2loan_from_eko('{"items": {}}'), k2.k2loan_from_eko('1'), k2.k2loan_from_eko(NULL);

-- Any range of positions may be asked for.
SELECT a.first, a.last, (SELECT string_agg(r.position::text, ' ') FROM k2.read_debts('[1, 2, 3]', a.first, a.last) r) AS positions
  FROM (VALUES (NULL, NULL), (2, NULL), (NULL, 2), (-7, 2147483647), (3, 2), (3, -2147483648), (2147483647, 5)) a (first, last);

-- Of a repeated contract the last good item counts; a Way4 one without account is not good.
SELECT k2.k2loan_from_eko(jsonb_build_array(pg_temp.loan('T20-TWICE', '{"debt": 1, "request_id": 1}'),
    pg_temp.loan('T20-TWICE', '{"debt": 2, "request_id": 2, "iban": null}'))) -> 'errors';
SELECT debt, iban FROM t20 WHERE contract_number = 'T20-TWICE';
-- What no index can hold spoils its own item only, also where the index is the user's own.
CREATE INDEX t20_fullname ON k2.loan (fullname);
SELECT k2.k2loan_from_eko(jsonb_build_array(pg_temp.loan('T20-LONG-' || repeat('я', 247), '{"request_id": 1}'),
    pg_temp.loan('T20-LONG', '{"request_id": 2}') || jsonb_build_object('dbz_contract_number', repeat('я', 256)),
    pg_temp.loan('T20-LONG', '{"request_id": 3}') || jsonb_build_object('system', repeat('я', 51)),
    pg_temp.loan('T20-LONG-' || repeat('я', 246), jsonb_build_object('system', repeat('я', 50), 'dbz_contract_number', repeat('я', 255))),
    pg_temp.loan('T20-LONG', '{"request_id": 5}') || jsonb_build_object('fullname',
        (SELECT string_agg(md5(n::text), '') FROM generate_series(1, 100) n)))) -> 'errors' AS errors \gset
SELECT e ->> 'request_id' AS request_id, e ->> 'error_code' AS code, left(e ->> 'error_text', 60) AS text FROM jsonb_array_elements(:'errors') e;
SELECT char_length(contract_number) AS length FROM t20 WHERE contract_number ~ '^T20-LONG';
DROP INDEX k2.t20_fullname;

-- Check digits only where asked for.
RESET ROLE;
SET k2bridge.check_iin = on;
SET k2bridge.check_iban = on;
SET ROLE regress_k2_owner;
SELECT k2.k2loan_from_eko(jsonb_build_array(pg_temp.loan('T20-C', '{"iinbin": "000000000001", "request_id": 1}'),
    pg_temp.loan('T20-C', '{"iinbin": "000000000101", "request_id": 2}'),
    pg_temp.loan('T20-C', '{"iinbin": "000000000101", "iban": "KZ68601TEST000000001"}'))) -> 'errors';
SELECT iban FROM t20 WHERE contract_number = 'T20-C';
RESET ROLE;
RESET k2bridge.check_iin;
RESET k2bridge.check_iban;
SET ROLE regress_k2_owner;
SELECT v, k2.iin_valid(v) FROM unnest('{000000000010,000000000101,000040000019,000000000001,000000002810,00000000001,00000000010x}'::text[]) v;
SELECT v, k2.iban_valid(v) FROM unnest('{KZ68601TEST000000001,KZ82722TEST000000001,GB82WEST12345698765432,KZ000000000000000000,kz68601TEST000000001,KZ68601TEST00000000,""}'::text[]) v;
SELECT k2.iin_valid(NULL), k2.iban_valid(NULL);

-- Debts: number or string, the documented reply, history only of changes, negative ones are stored.
SELECT k2.k2loan_sync_debt('[ { "debt": 2000000, "contract_number": "T20-KD0000000001" } ]');
SELECT k2.k2loan_sync_debt('{"items": [{"debt": "86429.87", "contract_number": "T20-2"}, {"debt": 0, "contract_number": "T20-5"},
    {"debt": 1, "contract_number": "T20-6"}, {"debt": -0.10, "contract_number": "T20-6"}]}');
SELECT contract_number, debt, debt_source FROM t20 WHERE contract_number IN ('T20-2', 'T20-5', 'T20-6') ORDER BY 1;
SELECT d.debt, d.source FROM k2.loan_debt d JOIN t20 l ON l.id = d.loan_id WHERE l.contract_number = 'T20-KD0000000001' ORDER BY d.at;
SELECT k2.k2loan_sync_debt('[{"debt": 5, "contract_number": "T20-2"}, {"debt": 1, "contract_number": "T20-none"},
    {"debt": 1, "contract_number": "T20-A"}, {}, {"contract_number": "T20-2"}, {"debt": 0.001, "contract_number": "T20-2"},
    {"debt": 1, "request_id": 77}]');
SELECT debt FROM t20 WHERE contract_number = 'T20-2';
SELECT k2.k2loan_sync_debt('"x"');

-- A rule of the bank's own: the item at fault is refused, the others are stored, in either half.
ALTER TABLE k2.loan ADD CONSTRAINT t20_rule CHECK (contract_number <> 'T20-D05' AND contract_number <> 'T20-D13');
SELECT k2.k2loan_from_eko((SELECT jsonb_agg(pg_temp.loan('T20-D' || lpad(g::text, 2, '0'), jsonb_build_object('request_id', g)) ORDER BY g)
    FROM generate_series(1, 16) g));
SELECT count(*) FROM t20 WHERE contract_number ~ '^T20-D';
ALTER TABLE k2.loan DROP CONSTRAINT t20_rule;
CREATE FUNCTION pg_temp.own_rule() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.debt = 666 THEN
        RAISE EXCEPTION 'not that much';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER t20_own BEFORE UPDATE ON k2.loan FOR EACH ROW EXECUTE FUNCTION pg_temp.own_rule();
SELECT k2.k2loan_sync_debt('[{"debt": 1, "contract_number": "T20-D01"}, {"debt": 666, "contract_number": "T20-D02"}, {"debt": 3, "contract_number": "T20-D03"}]');
SELECT contract_number, debt FROM t20 WHERE contract_number IN ('T20-D01', 'T20-D02', 'T20-D03') ORDER BY 1;
DROP TRIGGER t20_own ON k2.loan;

-- Replay: again refused (kept once, with its new text), mended, settled.
SELECT id AS refused FROM k2bridge.rejected_item WHERE item ->> 'contract_number' = 'T20-D05' \gset
SELECT id AS still FROM k2bridge.rejected_item WHERE item ->> 'contract_number' = 'T20-none' \gset
SELECT k2bridge.replay(:still);
SELECT count(*), min(error_text), max(settled_at) FROM k2bridge.rejected_item WHERE item ->> 'contract_number' = 'T20-none';
SELECT k2bridge.replay(:refused);
SELECT settled_at IS NOT NULL AS settled FROM k2bridge.rejected_item WHERE id = :refused;
SELECT count(*) FROM t20 WHERE contract_number = 'T20-D05';
DO $$
BEGIN
    PERFORM k2bridge.replay(min(id)) FROM k2bridge.rejected_item WHERE item ->> 'contract_number' = 'T20-D05';
EXCEPTION WHEN object_not_in_prerequisite_state THEN
    RAISE WARNING 'a settled item is not run again';
END
$$;
SELECT k2bridge.replay(-1);
SELECT count(*) FROM k2bridge.audit WHERE object = 'k2bridge.rejected_item' AND key IN (:'refused', :'still');

-- Plain DML obeys the same rules.
INSERT INTO k2.loan (system, contract_number, dbz_contract_number, iinbin, fullname, cur, debt, overdue_days)
VALUES ('way4', 'T20-E', 'T20/E', '000000000125', 'Петров Петр', 'KZT', 0.10, 1);
UPDATE k2.loan SET debt = 0.20, synced_at = '2020-01-01' WHERE contract_number = 'T20-E';
UPDATE k2.loan SET debt = 0.30 WHERE contract_number = 'T20-E';
SELECT d.debt, d.source FROM k2.loan_debt d JOIN t20 l ON l.id = d.loan_id WHERE l.contract_number = 'T20-E' ORDER BY d.at;
SELECT synced_at > now() - interval '1 hour' AS synced FROM t20 WHERE contract_number = 'T20-E';
SELECT name FROM k2.client WHERE iin = '000000000125';
INSERT INTO k2.loan (system, contract_number, dbz_contract_number, iinbin, fullname, cur, debt, overdue_days)
VALUES ('way4', 'T20-F', 'T20/F', '00000000012', 'Петров Петр', 'KZT', 1, 1);
INSERT INTO k2.loan (system, contract_number, dbz_contract_number, iinbin, fullname, cur, debt, overdue_days)
VALUES ('way4', 'T20-E', 'T20/E', '000000000125', 'Петров Петр', 'KZT', 1, 1);
DELETE FROM k2.loan WHERE contract_number = 'T20-E' RETURNING id AS gone \gset
SELECT action, old ->> 'contract_number' AS contract FROM k2bridge.audit WHERE object = 'k2.loan' AND key = :'gone' AND action = 'delete';
SELECT count(*) FROM k2.loan_debt WHERE loan_id = :gone;

-- The dossier says what is missing; an unknown system is shown, not refused.
SELECT system, system_kind, ready, cardinality(missing) AS missing FROM k2.loan_dossier WHERE contract_number = 'T20-7';
SELECT contract_number, client, accounts, statement, scan, debt, missing, ready FROM k2.loan_dossier WHERE contract_number = 'T20-5';

-- Today is the bank's day, whatever the session's time zone.
RESET ROLE;
SET k2bridge.timezone = 'Pacific/Kiritimati';
SELECT k2.today() = (now() AT TIME ZONE 'Pacific/Kiritimati')::date AS kiritimati;
SET k2bridge.timezone = 'Pacific/Pago_Pago';
SELECT k2.today() = (now() AT TIME ZONE 'Pacific/Pago_Pago')::date AS pago_pago;
SET k2bridge.timezone = 'Nowhere/Land';
RESET k2bridge.timezone;
SELECT k2.today() = (now() AT TIME ZONE 'Asia/Almaty')::date AS almaty;

-- A role with DML only, and one that may only call services.
SET ROLE regress_k2_clerk;
INSERT INTO k2.loan (system, contract_number, dbz_contract_number, iinbin, fullname, cur, debt, overdue_days)
VALUES ('way4', 'T20-G', 'T20/G', '000000000020', 'Сидоров Сидор', 'KZT', 1, 1);
UPDATE k2.loan SET debt = 2 WHERE contract_number = 'T20-G';
SELECT count(*) FROM k2.loan_debt d JOIN k2.loan l ON l.id = d.loan_id WHERE l.contract_number = 'T20-G';
SELECT k2.k2loan_from_eko('[]');
SET ROLE regress_k2_service;
SELECT k2.k2loan_from_eko(jsonb_build_array('{"iinbin": "000000000030", "cur": "KZT", "debt": 1, "fullname": "Сервис", "overdue_days": 1,
    "contract_number": "T20-H", "dbz_contract_number": "T20/H", "system": "colvir"}'::jsonb, '{}'::jsonb));
SELECT k2.k2loan_sync_debt('[{"debt": 2, "contract_number": "T20-H"}]');
SELECT k2.k2loan_from_eko_as_owner('[]');
SELECT count(*) FROM k2.loan;
SELECT k2bridge.replay(1);
RESET ROLE;
SELECT l.debt, q.created_by FROM k2.loan l JOIN k2bridge.outbox q ON q.subject ~ ('^loan:' || l.id || ':client') WHERE l.contract_number IN ('T20-G', 'T20-H')
 ORDER BY l.contract_number;
