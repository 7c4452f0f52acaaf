-- k2bridge.setup(): the user's tables, from the text that make assembled.

CREATE FUNCTION k2bridge.allow_setup(owner name) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    room name;
BEGIN
    FOREACH room IN ARRAY '{k2bridge,k2,abs,autoclient}'::name[] LOOP
        EXECUTE format('GRANT USAGE, CREATE ON SCHEMA %I TO %I WITH GRANT OPTION', room, owner);
        EXECUTE format('GRANT EXECUTE ON ALL ROUTINES IN SCHEMA %I TO %I WITH GRANT OPTION', room, owner);
    END LOOP;
    EXECUTE format('GRANT USAGE ON FOREIGN DATA WRAPPER k2bridge TO %I', owner);
END
$$;
COMMENT ON FUNCTION k2bridge.allow_setup(name) IS
'Lets a role that is no superuser own the tables: grants it the schemas, their functions and the foreign-data wrapper. Then that role runs k2bridge.setup().';

CREATE FUNCTION k2bridge.setup(print_only boolean DEFAULT false) RETURNS text
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $$
DECLARE
    former_role text := current_setting('role');
    holder name;
    room text;
BEGIN
    IF print_only THEN
        RETURN (SELECT string_agg(s.ddl, '' ORDER BY s.part) FROM k2bridge.setup_script() s);
    END IF;
    -- One setup at a time: CREATE ... IF NOT EXISTS is not proof against a second session.
    PERFORM pg_advisory_xact_lock(hashtext('k2bridge.setup'));
    SELECT r.rolname INTO holder
      FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner
     WHERE c.oid = to_regclass('k2bridge.outbox');
    IF holder <> current_user THEN
        IF NOT pg_has_role(holder, 'MEMBER') THEN
            RAISE EXCEPTION 'the tables of k2bridge belong to role "%"', holder
                USING ERRCODE = 'insufficient_privilege', HINT = format('SET ROLE %I first.', holder);
        END IF;
        PERFORM set_config('role', holder, true);
    END IF;
    FOR room IN SELECT s.ddl FROM k2bridge.setup_script() s ORDER BY s.part LOOP
        EXECUTE room;
    END LOOP;
    PERFORM set_config('role', former_role, true);
    PERFORM k2bridge.announce_setup();
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION k2bridge.setup(boolean) IS
'Creates or brings up to date every table, view, trigger and dictionary row as objects of the caller; idempotent. print_only returns the DDL instead.';

CREATE FUNCTION k2bridge.announce_setup() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET client_min_messages = notice AS $$
BEGIN
    PERFORM k2bridge.wake_launcher();
    IF NOT k2bridge.database_listed() THEN
        RAISE NOTICE 'no worker serves database "%"', current_database()
            USING HINT = format('Set shared_preload_libraries = ''k2bridge'' and k2bridge.databases = ''%s'' in postgresql.conf, then restart.',
                                concat_ws(',', nullif(current_setting('k2bridge.databases'), ''),
                                          CASE WHEN current_database() ~ '^[\w-]+$' THEN current_database()::text
                                               ELSE '"' || replace(current_database(), '"', '""') || '"' END));
    END IF;
END
$$;
COMMENT ON FUNCTION k2bridge.announce_setup() IS 'Wakes the launcher; NOTICE with the line to add when no worker serves this database.';
