-- Audit: every change of business and configuration tables has an author, what it changed, and the story it belongs to.
\getenv srcdir PG_ABS_SRCDIR
\set roles :srcdir '/sql/include/roles.psql'
\i :roles
SET ROLE regress_k2_owner;
\pset format unaligned
\pset tuples_only on
CREATE TEMP TABLE before AS SELECT coalesce(max(id), 0) AS id FROM k2bridge.audit;
CREATE TEMP VIEW seen AS
    SELECT object, action, actor = session_user OR actor LIKE 'regress%' AS known_actor, correlation IS NOT NULL AS story, a.old, a.new, a.key, a.id
      FROM k2bridge.audit a, before b WHERE a.id > b.id;

-- Which tables: everything of the bank's that is neither a history itself nor a copy of what a bank answered.
SELECT c.oid::regclass FROM pg_class c
 WHERE c.relnamespace = ANY ('{k2bridge,k2,abs}'::regnamespace[]) AND c.relkind = 'r' AND NOT c.relispartition
   AND (SELECT count(*) FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname ~ '^audited_(insert|update|delete|truncate)$') <> 4
 ORDER BY c.oid::regclass::text COLLATE "C";

-- One statement, many rows: a row each, one correlation, updates by their changed columns, stamps left out.
BEGIN;
INSERT INTO k2.bank (bic, name) SELECT 'T50AKZK' || n, 'Банк ' || n FROM generate_series(1, 1200) n;
UPDATE k2.bank SET name = name || '!' WHERE bic IN ('T50AKZK1', 'T50AKZK2');
UPDATE k2.bank SET name = name WHERE bic LIKE 'T50%';
UPDATE k2.bank SET bic = 'T50AKZK1A' WHERE bic = 'T50AKZK1';
DELETE FROM k2.bank WHERE bic LIKE 'T50%';
SELECT object, action, count(*), count(DISTINCT key) AS keys, bool_and(known_actor AND story) AS known FROM seen GROUP BY 1, 2 ORDER BY min(id);
SELECT key, old, new FROM seen WHERE action = 'update' ORDER BY id;
SELECT count(DISTINCT a.correlation) FROM k2bridge.audit a JOIN seen USING (id);
ROLLBACK;

-- Bytes and secrets are told by their size.
BEGIN;
INSERT INTO k2.file (name, mime, content) VALUES ('scan.pdf', 'application/pdf', '\x255044462d');
SELECT object, new ->> 'content' AS content, new ->> 'name' AS name FROM seen;
SELECT length(k2bridge.add_api_client('T50', 'regress_k2_owner')) > 20 AS token;
SELECT object, action, new ->> 'secret_hash' AS hash FROM seen WHERE object = 'k2bridge.api_client' ORDER BY id;
ROLLBACK;

-- What a push changes every day has its own history; a debt that a person types has an author.
BEGIN;
INSERT INTO k2.loan (system, contract_number, dbz_contract_number, dbz_dt, iinbin, fullname, cur, debt, overdue_days)
VALUES ('way4', 'T50-1', 'T50/1', '2021-01-01', '000000000050', 'Тестов Тест', 'KZT', 10, 1);
UPDATE k2.loan SET debt = 11, overdue_days = 2 WHERE contract_number = 'T50-1';
UPDATE k2.loan SET fullname = 'Тестов Тест Тестович' WHERE contract_number = 'T50-1';
SELECT object, action, old FROM seen WHERE object = 'k2.loan' ORDER BY id;
SELECT d.debt, d.source, d.created_by, d.correlation = k2bridge.correlation() AS story
  FROM k2.loan_debt d JOIN k2.loan l ON l.id = d.loan_id WHERE l.contract_number = 'T50-1' ORDER BY d.at;
ROLLBACK;

-- Configuration, TRUNCATE; setup() again changes nothing and says nothing.
BEGIN;
UPDATE k2bridge.endpoint SET priority = priority WHERE name = 'abs.get_cli';
UPDATE k2bridge.endpoint SET priority = 31 WHERE name = 'abs.get_cli';
UPDATE k2bridge.schedule SET last_outcome = 'ok', last_run = now();
UPDATE k2bridge.schedule SET enabled = false WHERE name = 'abs.reconcile';
TRUNCATE k2.rzap CASCADE;
SELECT object, key, action, old, new FROM seen ORDER BY id;
ROLLBACK;
SET client_min_messages = warning;
SELECT k2bridge.setup() IS NULL;
SELECT count(*) FROM seen;

-- Servers and mappings are seen to change at the next check, secrets masked.
RESET ROLE;
BEGIN;
CREATE SERVER t50 TYPE 'abs' FOREIGN DATA WRAPPER k2bridge OPTIONS (abs_get_cli_url 'https://bank.example/cli');
SET LOCAL client_min_messages = error;
CREATE USER MAPPING FOR PUBLIC SERVER t50 OPTIONS (token 'first-secret');
SELECT k2bridge.note_servers();
ALTER USER MAPPING FOR PUBLIC SERVER t50 OPTIONS (SET token 'second-secret');
SELECT k2bridge.note_servers();
ALTER SERVER t50 OPTIONS (ADD timeout '5000');
SELECT k2bridge.note_servers();
SELECT k2bridge.note_servers();
DROP SERVER t50 CASCADE;
SELECT k2bridge.note_servers();
SELECT object, key, action, old, new FROM seen WHERE key LIKE 't50%' ORDER BY id;
SELECT count(*) FROM k2bridge.audit a WHERE a::text LIKE '%secret%' AND key LIKE 't50%';
ROLLBACK;
SET ROLE regress_k2_owner;

-- Insert-only, and not to be forged.
UPDATE k2bridge.audit SET actor = 'somebody';
DELETE FROM k2bridge.audit;
TRUNCATE k2bridge.audit;
RESET ROLE;
SET ROLE regress_k2_clerk;
SELECT k2bridge.record_audit('x', 'y', 'z', NULL, NULL, NULL);
INSERT INTO k2bridge.audit (actor, object, action) VALUES ('somebody', 'x', 'y');
CREATE TEMP TABLE mine (id integer);
CREATE TRIGGER mine AFTER INSERT ON mine FOR EACH STATEMENT EXECUTE FUNCTION k2bridge.audit_changes();
RESET ROLE;
-- Attached wrongly it says so.
CREATE TEMP TABLE wrongly (id integer);
CREATE TRIGGER wrongly AFTER INSERT ON wrongly FOR EACH ROW EXECUTE FUNCTION k2bridge.audit_changes('id');
INSERT INTO wrongly VALUES (1);
SELECT k2bridge.audit_table('wrongly', 'ident');
INSERT INTO wrongly VALUES (1);
