-- Who runs.

CREATE FUNCTION k2bridge.workers(OUT kind text, OUT name text, OUT pid integer, OUT state text, OUT since timestamptz,
                                 OUT last_error text, OUT last_error_at timestamptz, OUT hint text) RETURNS SETOF record
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_workers';
COMMENT ON FUNCTION k2bridge.workers() IS
'The launcher and the workers of this database as they registered themselves, and what keeps them from running.';

CREATE FUNCTION k2bridge.database_listed() RETURNS boolean
    LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'k2bridge_database_listed';
COMMENT ON FUNCTION k2bridge.database_listed() IS 'Whether k2bridge.databases names this database.';
