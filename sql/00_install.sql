-- Install, setup, drop and install again: nothing is lost, everything is commented, nothing is for PUBLIC.
\getenv srcdir PG_ABS_SRCDIR
\set roles :srcdir '/sql/include/roles.psql'
\set without_extension true
\i :roles

-- A schema that a stranger owns is refused.
CREATE SCHEMA k2 AUTHORIZATION regress_k2_clerk;
CREATE EXTENSION k2bridge;
DROP SCHEMA k2;

CREATE EXTENSION k2bridge;
-- The schemas do not belong to the extension.
SELECT count(*) FROM pg_depend
 WHERE refobjid = (SELECT oid FROM pg_extension WHERE extname = 'k2bridge') AND classid = 'pg_namespace'::regclass;
-- Services say what is missing.
SELECT k2.k2loan_from_eko('[]');

-- Only who was allowed may own the tables.
SET ROLE regress_k2_clerk;
SELECT k2bridge.setup();
RESET ROLE;
SELECT k2bridge.allow_setup('regress_k2_owner');
SET ROLE regress_k2_owner;
SELECT k2bridge.setup(print_only => true) ~ 'CREATE TABLE IF NOT EXISTS k2\.loan ' AS ddl, to_regclass('k2.loan') AS loan;
SELECT k2bridge.setup();

-- Twice gives the same.
CREATE TEMP VIEW shape AS
    SELECT c.oid::regclass::text AS relation, c.relkind::text, c.relowner::regrole::text,
           (SELECT string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || ' ' || a.attnotnull, ', ' ORDER BY a.attnum)
              FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0) AS columns,
           (SELECT string_agg(pg_get_constraintdef(k.oid), ', ' ORDER BY k.conname) FROM pg_constraint k WHERE k.conrelid = c.oid)
               AS constraints,
           (SELECT string_agg(pg_get_triggerdef(t.oid), ', ' ORDER BY t.tgname) FROM pg_trigger t
             WHERE t.tgrelid = c.oid AND NOT t.tgisinternal) AS triggers,
           CASE WHEN c.relkind = 'r' THEN (xpath('/row/c/text()', query_to_xml('SELECT count(*) AS c FROM ' || c.oid::regclass,
                                                                                 false, true, '')))[1]::text END AS rows
      FROM pg_class c WHERE c.relnamespace = ANY ('{k2bridge,k2,abs,autoclient}'::regnamespace[]) AND c.relkind <> 'S';
CREATE TEMP TABLE once AS SELECT * FROM shape;
SELECT k2bridge.setup();
(TABLE once EXCEPT TABLE shape) UNION ALL (TABLE shape EXCEPT TABLE once);
SELECT count(*) > 30 AS many, bool_and(relowner = 'regress_k2_owner') AS owned FROM once WHERE relkind = 'r';
RESET ROLE;
SELECT k2bridge.setup();

-- Every function, type, table, view and column has a comment.
SELECT 'function ' || p.oid::regprocedure AS uncommented
  FROM pg_proc p WHERE p.pronamespace = ANY ('{k2bridge,k2,abs,autoclient}'::regnamespace[])
   AND obj_description(p.oid, 'pg_proc') IS NULL
UNION ALL
SELECT 'relation ' || c.oid::regclass FROM pg_class c
 WHERE c.relnamespace = ANY ('{k2bridge,k2,abs,autoclient}'::regnamespace[]) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
   AND NOT c.relispartition AND obj_description(c.oid, 'pg_class') IS NULL
UNION ALL
SELECT 'column ' || c.oid::regclass || '.' || a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
 WHERE c.relnamespace = ANY ('{k2bridge,k2,abs,autoclient}'::regnamespace[]) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
   AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped AND col_description(c.oid, a.attnum) IS NULL
UNION ALL
SELECT 'type ' || t.oid::regtype FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid
 WHERE t.typnamespace = ANY ('{k2bridge,k2,abs,autoclient}'::regnamespace[]) AND t.typtype IN ('c', 'd', 'e')
   AND (c.relkind IS NULL OR c.relkind = 'c') AND obj_description(t.oid, 'pg_type') IS NULL
 ORDER BY 1;

-- Nothing is for PUBLIC, also where a null ACL would mean the default.
SELECT p.oid::regprocedure AS public FROM pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
 WHERE p.pronamespace = ANY ('{k2bridge,k2,abs,autoclient}'::regnamespace[]) AND a.grantee = 0;
SELECT c.oid::regclass AS public FROM pg_class c, aclexplode(c.relacl) a
 WHERE c.relnamespace = ANY ('{k2bridge,k2,abs,autoclient}'::regnamespace[]) AND a.grantee = 0;
SELECT n.nspname AS public FROM pg_namespace n, aclexplode(n.nspacl) a
 WHERE n.nspname IN ('k2bridge', 'k2', 'abs', 'autoclient') AND a.grantee = 0;
SELECT w.fdwname AS public FROM pg_foreign_data_wrapper w, aclexplode(w.fdwacl) a WHERE w.fdwname = 'k2bridge' AND a.grantee = 0;

-- Functions written in SQL pin their search_path, unless they name nothing; none is SECURITY DEFINER.
SELECT p.oid::regprocedure AS unpinned FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
 WHERE p.pronamespace = ANY ('{k2bridge,k2,abs,autoclient}'::regnamespace[])
   AND (p.prosecdef OR (l.lanname IN ('sql', 'plpgsql') AND NOT coalesce(p.proconfig @> '{"search_path=pg_catalog, pg_temp"}', false)))
   AND p.prokind = 'f' AND p.proname NOT IN ('version');

-- The extension goes, the rows stay; it comes back, and so do the rules.
SET ROLE regress_k2_owner;
SELECT k2.k2loan_from_eko('[{"iinbin": "000000000010", "cur": "KZT", "debt": 10.01, "fullname": "Тестовый Тест", "contract_number": "T00-1",
    "dbz_contract_number": "T00/1", "overdue_days": 1, "system": "colvir"}]');
RESET ROLE;
CREATE INDEX own_index ON k2.loan (segment);
ALTER TABLE k2.loan ADD COLUMN own_column text;
DO $$
BEGIN
    DROP EXTENSION k2bridge;
EXCEPTION WHEN dependent_objects_still_exist THEN
    RAISE WARNING 'plain DROP EXTENSION is refused';
END
$$;
DROP EXTENSION k2bridge CASCADE;
SELECT system, contract_number, debt, own_column FROM k2.loan WHERE contract_number = 'T00-1';
SELECT count(*) FROM k2.loan_debt d JOIN k2.loan l ON l.id = d.loan_id WHERE l.contract_number = 'T00-1';
SELECT count(*) FROM pg_trigger WHERE tgrelid = 'k2.loan'::regclass AND NOT tgisinternal;
CREATE EXTENSION k2bridge;
SELECT k2bridge.allow_setup('regress_k2_owner');
SELECT k2bridge.setup();
SELECT c.relowner::regrole FROM pg_class c WHERE c.oid = 'k2.loan'::regclass;
SET ROLE regress_k2_owner;
UPDATE k2.loan SET debt = 10.02 WHERE contract_number = 'T00-1';
SELECT d.debt, d.source FROM k2.loan_debt d JOIN k2.loan l ON l.id = d.loan_id WHERE l.contract_number = 'T00-1' ORDER BY d.at;
(SELECT relation, relkind, triggers FROM once WHERE relation NOT IN ('k2.loan', 'once', 'shape')
 EXCEPT SELECT relation, relkind, triggers FROM shape) ORDER BY 1;
SELECT to_regclass('k2.own_index');
DELETE FROM k2.loan WHERE contract_number = 'T00-1';
RESET ROLE;
DROP INDEX k2.own_index;
ALTER TABLE k2.loan DROP COLUMN own_column;
