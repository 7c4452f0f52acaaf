\echo Use "CREATE EXTENSION k2bridge" to load this file. \quit

-- Bodies name tables that k2bridge.setup() creates later.
SET LOCAL check_function_bodies = off;

-- The four schemas do not belong to the extension: DROP EXTENSION CASCADE takes functions and triggers, never a row.
-- A schema that a stranger made is refused, or its owner would own the place where the functions live.
DO $schemas$
DECLARE
    wanted pg_catalog.name;
    holder pg_catalog.regrole;
BEGIN
    FOREACH wanted IN ARRAY '{k2bridge,k2,abs,autoclient}'::pg_catalog.name[] LOOP
        SELECT n.nspowner INTO holder FROM pg_catalog.pg_namespace n WHERE n.nspname = wanted;
        IF NOT FOUND THEN
            EXECUTE pg_catalog.format('CREATE SCHEMA %I', wanted);
            EXECUTE pg_catalog.format('ALTER EXTENSION k2bridge DROP SCHEMA %I', wanted);
        ELSIF holder <> current_user::pg_catalog.regrole
              AND NOT (SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.oid = holder) THEN
            RAISE EXCEPTION 'schema "%" exists and belongs to %', wanted, holder
                USING ERRCODE = 'duplicate_schema',
                      HINT = pg_catalog.format('Rename it, or hand it over: ALTER SCHEMA %I OWNER TO %I;', wanted, current_user);
        END IF;
    END LOOP;
END
$schemas$;

COMMENT ON SCHEMA k2bridge IS 'k2bridge: endpoints, queue, history, operations';
COMMENT ON SCHEMA k2 IS 'k2bridge: loans, payment requests, payments, exclusions';
COMMENT ON SCHEMA abs IS 'k2bridge: calls to the core banking systems and what they answered';
COMMENT ON SCHEMA autoclient IS 'k2bridge: PrivatBank Autoclient';

