\echo Use "ALTER EXTENSION k2bridge UPDATE" to load this file. \quit

-- Notes which routines there are before anything is replaced; finish.sql drops those that are still as they were. A
-- replaced routine is a new row of the catalogue, so its ctid tells.
DO $begin$
BEGIN
    PERFORM pg_catalog.set_config('k2bridge_update.routines', coalesce(
        (SELECT pg_catalog.string_agg(p.oid::pg_catalog.text || p.ctid::pg_catalog.text, ' ')
           FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_proc p ON p.oid = d.objid
           JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid AND e.extname = 'k2bridge'
          WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.deptype = 'e'
            AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass), ''), true);
END
$begin$;

