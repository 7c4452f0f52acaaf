-- Dictionaries: as documented, kept as the bank changes them, audited where they steer calls.
\getenv srcdir PG_ABS_SRCDIR
\set roles :srcdir '/sql/include/roles.psql'
\i :roles
SET ROLE regress_k2_owner;
SELECT code, title FROM k2.return_reason ORDER BY code COLLATE "C";
SELECT id, title, actual, can_edit, can_recall FROM k2.extreq_stat ORDER BY id;
SELECT id, title, can_edit, can_recall, mt_return_code, status FROM k2.req_stat ORDER BY id;
SELECT code, kind, server, debt_key FROM k2.system ORDER BY code;
SELECT id, code, title FROM k2.knp ORDER BY code;
SELECT id, code FROM k2.currency ORDER BY id;
SELECT login, name FROM k2.app_user WHERE id = 1;
SELECT bic, name, iban_code FROM k2.bank WHERE name IS NOT NULL ORDER BY bic;
SELECT count(*), count(DISTINCT bic), count(DISTINCT iban_code) FROM k2.bank;

-- What the bank changed or added survives setup().
BEGIN;
UPDATE k2.return_reason SET title = 'свое' WHERE code = '07';
INSERT INTO k2.return_reason VALUES ('T22', 'свое');
UPDATE k2.system SET debt_key = 'iban' WHERE code = 'way4';
INSERT INTO k2.system (code, kind) VALUES ('crs', 'colvir');
DELETE FROM k2.knp WHERE code = '423';
INSERT INTO k2.bank (bic, name) VALUES ('TESTKZKA', 'Свой банк') RETURNING id >= 1000 AS own_id;
SELECT k2bridge.setup();
SELECT code, title FROM k2.return_reason WHERE code IN ('07', 'T22') ORDER BY code;
SELECT code, kind, debt_key FROM k2.system ORDER BY code;
SELECT count(*) FROM k2.knp;
SELECT key, action, old ->> 'debt_key' AS old, new ->> 'debt_key' AS new FROM k2bridge.audit
 WHERE object = 'k2.system' AND correlation = k2bridge.correlation() ORDER BY id;
ROLLBACK;

-- Constraints.
INSERT INTO k2.system (code, kind) VALUES ('x', 'oracle');
INSERT INTO k2.knp (code, title) VALUES ('42', 'x');
INSERT INTO k2.currency (code) VALUES ('tenge');
INSERT INTO k2.bank (bic, bin) VALUES ('TESTKZKA', '1');
INSERT INTO k2.bank (bic) VALUES ('KPSTKZKA');
