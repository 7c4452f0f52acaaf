-- Servers and credentials as a foreign-data wrapper, activation, preview, and the checks before it works.

CREATE FUNCTION k2bridge.validate_options(options text[], catalog oid) RETURNS void
    LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'k2bridge_validate_options';
COMMENT ON FUNCTION k2bridge.validate_options(text[], oid) IS
'Validator of the foreign-data wrapper k2bridge: checks the options of servers and user mappings.';

CREATE FOREIGN DATA WRAPPER k2bridge NO HANDLER VALIDATOR k2bridge.validate_options;
COMMENT ON FOREIGN DATA WRAPPER k2bridge IS
'Servers that k2bridge calls: TYPE abs, autoclient or http, with addresses and limits as options and secrets in user mappings.';

CREATE FUNCTION k2bridge.machine(OUT library_version text, OUT preloaded boolean, OUT lz4 boolean,
                                 OUT system_identifier bigint, OUT database_oid oid, OUT host text)
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_machine';
COMMENT ON FUNCTION k2bridge.machine() IS
'What this server process knows: version of the loaded library, whether it is preloaded, and which cluster, database and machine this is.';

-- Activation.

CREATE FUNCTION k2bridge.activate_as_owner(hosts text[]) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    here   record;
    wanted text[];
    former jsonb;
    made   jsonb;
BEGIN
    IF NOT pg_has_role(k2bridge.caller(), current_user, 'MEMBER') THEN
        RAISE EXCEPTION 'only the owner of the tables of k2bridge may activate it' USING ERRCODE = 'insufficient_privilege';
    END IF;
    SELECT * INTO here FROM k2bridge.machine();
    IF EXISTS (SELECT FROM unnest(hosts) h WHERE trim(h) IS NULL OR trim(h) = '') OR cardinality(hosts) = 0 THEN
        RAISE EXCEPTION 'hosts must hold host names'
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = format('Leave the argument away for this host, or name it: ARRAY[%L].', here.host);
    END IF;
    wanted := (SELECT array_agg(DISTINCT lower(trim(h)) ORDER BY lower(trim(h)))
                 FROM unnest(coalesce(hosts, ARRAY[here.host])) h);
    SELECT to_jsonb(a) INTO former FROM k2bridge.activation a;
    INSERT INTO k2bridge.activation AS a (system_identifier, database_oid, hosts, by)
    VALUES (here.system_identifier, here.database_oid, wanted, k2bridge.caller())
        ON CONFLICT (singleton) DO UPDATE
       SET system_identifier = excluded.system_identifier, database_oid = excluded.database_oid,
           hosts = excluded.hosts, at = excluded.at, by = excluded.by
    RETURNING to_jsonb(a) INTO made;
    PERFORM k2bridge.record_audit('k2bridge.activation', NULL, 'activate', former, made, NULL);
    IF NOT lower(here.host) = ANY (wanted) THEN
        RAISE WARNING 'this host, %, is not among the activated ones', here.host;
    END IF;
END
$$;
COMMENT ON FUNCTION k2bridge.activate_as_owner(text[]) IS 'Work of k2bridge.activate.';

CREATE FUNCTION k2bridge.activate(hosts text[] DEFAULT NULL) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2bridge.activate(text[]) IS
'Allows this cluster and database to send calls to other machines while it runs on one of the hosts (null: this host). For the owner of the tables.';

CREATE FUNCTION k2bridge.deactivate_as_owner() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    former jsonb;
BEGIN
    IF NOT pg_has_role(k2bridge.caller(), current_user, 'MEMBER') THEN
        RAISE EXCEPTION 'only the owner of the tables of k2bridge may deactivate it' USING ERRCODE = 'insufficient_privilege';
    END IF;
    DELETE FROM k2bridge.activation a RETURNING to_jsonb(a) INTO former;
    IF FOUND THEN
        PERFORM k2bridge.record_audit('k2bridge.activation', NULL, 'deactivate', former, NULL, NULL);
    END IF;
END
$$;
COMMENT ON FUNCTION k2bridge.deactivate_as_owner() IS 'Work of k2bridge.deactivate.';

CREATE FUNCTION k2bridge.deactivate() RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2bridge.deactivate() IS
'Takes back k2bridge.activate(): only loopback addresses are called from now on, other calls wait. For the owner of the tables.';

-- Preview.

CREATE FUNCTION k2bridge.preview_as_owner(endpoint text, args jsonb, server name) RETURNS text
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_preview';
COMMENT ON FUNCTION k2bridge.preview_as_owner(text, jsonb, name) IS 'Work of k2bridge.preview.';

CREATE FUNCTION k2bridge.preview(endpoint text, args jsonb, server name DEFAULT NULL) RETURNS text
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2bridge.preview(text, jsonb, name) IS
'The request that the call would send, secrets masked. Sends and stores nothing.';

-- One server.

CREATE FUNCTION k2bridge.check_server_as_owner(server name)
    RETURNS TABLE (item text, ok boolean, detail text, remedy text)
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_check_server';
COMMENT ON FUNCTION k2bridge.check_server_as_owner(name) IS 'Work of k2bridge.check_server.';

CREATE FUNCTION k2bridge.check_server(server name) RETURNS TABLE (item text, ok boolean, detail text, remedy text)
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2bridge.check_server(name) IS
'What is wrong with a server: options against its type, files, then resolve, connect and TLS for each of its addresses. Sends no request.';

-- Everything.

CREATE FUNCTION k2bridge.check_machine() RETURNS TABLE (item text, ok boolean, detail text, remedy text)
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    here      record;
    databases text[] := array_remove(regexp_split_to_array(trim(current_setting('k2bridge.databases', true)), '\s*,\s*'), '');
    served    boolean := k2bridge.database_listed();
    port      integer := current_setting('k2bridge.listen_port')::integer;
    needed    integer := 2 + coalesce(cardinality(databases), 0)
                             * (2 + CASE WHEN port > 0 THEN current_setting('k2bridge.listeners')::integer ELSE 0 END);
    slots     integer := current_setting('max_worker_processes')::integer;
BEGIN
    SELECT * INTO here FROM k2bridge.machine();
    RETURN QUERY VALUES
        ('preload', here.preloaded,
         CASE WHEN here.preloaded THEN 'k2bridge is preloaded' ELSE 'k2bridge is not preloaded: no worker runs' END,
         CASE WHEN NOT here.preloaded THEN 'shared_preload_libraries = ''k2bridge'' in postgresql.conf, then restart' END),
        ('databases', served,
         format(CASE WHEN served THEN 'database %s is served' ELSE 'no worker serves database %s' END, current_database()),
         CASE WHEN NOT served THEN format('k2bridge.databases = ''%s'' in postgresql.conf, then SELECT pg_reload_conf();',
                                          array_to_string(databases || current_database()::text, ',')) END),
        ('library version', here.library_version = k2bridge.version(),
         format('library %s, functions %s', here.library_version, k2bridge.version()),
         CASE WHEN here.library_version <> k2bridge.version()
              THEN 'ALTER EXTENSION k2bridge UPDATE; SELECT k2bridge.setup(); and a restart if the library was preloaded before' END),
        ('worker slots', slots >= needed,
         format('max_worker_processes is %s, k2bridge needs up to %s', slots, needed - 1),
         CASE WHEN slots < needed THEN format('max_worker_processes = %s in postgresql.conf, then restart', needed + 6) END),
        ('lz4', here.lz4, CASE WHEN here.lz4 THEN 'supported' ELSE 'PostgreSQL was built without lz4' END,
         CASE WHEN NOT here.lz4 THEN 'use a PostgreSQL built --with-lz4' END);
    RETURN QUERY
    SELECT w.kind, w.pid IS NOT NULL AND w.last_error IS NULL, concat_ws(': ', w.state, w.last_error), w.hint
      FROM k2bridge.workers() w;
    IF port > 0 AND NOT EXISTS (SELECT FROM k2bridge.workers() w WHERE w.kind = 'listener') THEN
        RETURN QUERY VALUES ('listener', false, format('not running, although k2bridge.listen_port is %s', port),
                             'see the workers above, then the server log: the port may be taken');
    END IF;
END
$$;
COMMENT ON FUNCTION k2bridge.check_machine() IS 'The part of k2bridge.check that needs no tables: preloading, settings, workers.';

CREATE FUNCTION k2bridge.check_tables_as_owner() RETURNS TABLE (item text, ok boolean, detail text, remedy text)
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found_version text := (SELECT v.version FROM k2bridge.schema_version v);
    here          record;
    allowed       k2bridge.activation;
    here_allowed  boolean;
BEGIN
    SELECT * INTO here FROM k2bridge.machine();
    SELECT * INTO allowed FROM k2bridge.activation;
    here_allowed := allowed.singleton IS NOT NULL AND allowed.system_identifier = here.system_identifier
                    AND allowed.database_oid = here.database_oid AND lower(here.host) = ANY (allowed.hosts);
    RETURN QUERY VALUES
        ('tables', found_version = k2bridge.version(),
         format('tables of version %s, functions of version %s', found_version, k2bridge.version()),
         CASE WHEN found_version IS DISTINCT FROM k2bridge.version() THEN 'SELECT k2bridge.setup();' END),
        ('activation', here_allowed,
         CASE WHEN here_allowed THEN format('calls may leave %s', here.host)
              WHEN allowed.singleton IS NULL THEN 'not activated: only loopback addresses are called'
              WHEN allowed.system_identifier <> here.system_identifier OR allowed.database_oid <> here.database_oid
              THEN 'activated for another cluster or database, of which this is a copy'
              ELSE format('activated for %s, and this is %s', array_to_string(allowed.hosts, ', '), here.host) END,
         CASE WHEN NOT here_allowed THEN 'SELECT k2bridge.activate();' END);
    -- A bank without Autoclient is complete; endpoints of the other types are called by triggers or made by the bank.
    RETURN QUERY
    WITH servers AS (
        SELECT s.srvtype, array_agg(o.option_name) FILTER (WHERE o.option_name IS NOT NULL) AS options
          FROM pg_foreign_server s
          JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw AND w.fdwname = 'k2bridge'
          LEFT JOIN LATERAL pg_options_to_table(s.srvoptions) o ON true
         GROUP BY s.srvtype
    ), wanted AS (
        SELECT e.server_type, coalesce(e.url_option, 'base_url') AS option, string_agg(e.name, ', ' ORDER BY e.name) AS endpoints
          FROM k2bridge.endpoint e
         WHERE e.enabled
         GROUP BY 1, 2
    ), lacking AS (
        SELECT n.server_type, bool_and(s.srvtype IS NULL) AS none,
               string_agg(n.option, ', ' ORDER BY n.option) FILTER (WHERE NOT n.option = ANY (coalesce(s.options, '{}'))) AS options
          FROM wanted n LEFT JOIN servers s ON s.srvtype = n.server_type
         GROUP BY n.server_type
    )
    SELECT format('servers of type %s', l.server_type), l.options IS NULL OR (l.none AND l.server_type = 'autoclient'),
           CASE WHEN l.options IS NULL THEN 'every enabled endpoint has its address'
                WHEN l.none AND l.server_type = 'autoclient' THEN 'none: not used'
                WHEN l.none THEN 'there is none'
                ELSE format('no server has: %s', l.options) END,
           CASE WHEN l.options IS NULL OR (l.none AND l.server_type = 'autoclient') THEN NULL
                WHEN l.none THEN format('CREATE SERVER ... TYPE %L FOREIGN DATA WRAPPER k2bridge OPTIONS (...);', l.server_type)
                ELSE 'ALTER SERVER ... OPTIONS (ADD ...); or UPDATE k2bridge.endpoint SET enabled = false ...' END
      FROM lacking l
     ORDER BY l.server_type;
END
$$;
COMMENT ON FUNCTION k2bridge.check_tables_as_owner() IS 'Work of k2bridge.check_tables.';

CREATE FUNCTION k2bridge.check_tables() RETURNS TABLE (item text, ok boolean, detail text, remedy text)
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2bridge.check_tables() IS 'The part of k2bridge.check that reads the tables: version, activation, servers.';

CREATE FUNCTION k2bridge.check() RETURNS TABLE (item text, ok boolean, detail text, remedy text)
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT * FROM k2bridge.check_machine();
    IF to_regclass('k2bridge.outbox') IS NULL OR to_regclass('k2bridge.activation') IS NULL THEN
        RETURN QUERY VALUES ('tables', false, 'they do not exist or are of an older version', 'SELECT k2bridge.setup();');
    ELSE
        RETURN QUERY SELECT * FROM k2bridge.check_tables();
    END IF;
END
$$;
COMMENT ON FUNCTION k2bridge.check() IS 'What is missing before k2bridge works: one row per thing looked at, with the remedy where it is not ok.';
