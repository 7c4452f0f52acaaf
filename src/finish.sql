
-- The version of the code, compared by workers and doors with the version that setup() recorded.
CREATE FUNCTION k2bridge.version() RETURNS text
    LANGUAGE sql IMMUTABLE AS $$ SELECT '@EXTVERSION@'::pg_catalog.text $$;
COMMENT ON FUNCTION k2bridge.version() IS 'Version of the installed functions.';

-- An update drops the routines that this version no longer has; begin.sql noted them. A fresh install has noted none.
DO $drop$
DECLARE
    leftover pg_catalog.regprocedure;
BEGIN
    FOR leftover IN
        SELECT p.oid
          FROM pg_catalog.unnest(pg_catalog.string_to_array(pg_catalog.current_setting('k2bridge_update.routines', true), ' ')) former
          JOIN pg_catalog.pg_proc p ON p.oid::pg_catalog.text || p.ctid::pg_catalog.text = former
    LOOP
        EXECUTE pg_catalog.format('DROP ROUTINE %s', leftover);
    END LOOP;
END
$drop$;

-- Nothing is for PUBLIC.
DO $revoke$
DECLARE
    wanted pg_catalog.name;
BEGIN
    FOREACH wanted IN ARRAY '{k2bridge,k2,abs,autoclient}'::pg_catalog.name[] LOOP
        EXECUTE pg_catalog.format('REVOKE ALL ON ALL ROUTINES IN SCHEMA %I FROM PUBLIC', wanted);
    END LOOP;
END
$revoke$;

-- Functions that an update brought, or that came back after DROP EXTENSION, are granted to the owner of the tables.
DO $grant$
DECLARE
    holder pg_catalog.name;
BEGIN
    SELECT r.rolname INTO holder
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_roles r ON r.oid = c.relowner
     WHERE c.oid = pg_catalog.to_regclass('k2bridge.outbox') AND NOT r.rolsuper;
    IF FOUND THEN
        PERFORM k2bridge.allow_setup(holder);
    END IF;
END
$grant$;
