
-- The version of the code, compared by workers and doors with the version that setup() recorded.
CREATE FUNCTION k2bridge.version() RETURNS text
    LANGUAGE sql IMMUTABLE AS $$ SELECT '@EXTVERSION@'::pg_catalog.text $$;
COMMENT ON FUNCTION k2bridge.version() IS 'Version of the installed functions.';

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
