-- Where calls may leave this machine.
CREATE TABLE IF NOT EXISTS k2bridge.activation (
    singleton         boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    system_identifier bigint NOT NULL,
    database_oid      oid NOT NULL,
    hosts             text[] NOT NULL CHECK (cardinality(hosts) > 0),
    at                timestamptz NOT NULL DEFAULT now(),
    by                name NOT NULL
);
COMMENT ON TABLE k2bridge.activation IS 'The cluster, database and machines that may send calls to other machines (k2bridge.activate); a copy of the database elsewhere differs and may not.';
COMMENT ON COLUMN k2bridge.activation.singleton IS 'one row';
COMMENT ON COLUMN k2bridge.activation.system_identifier IS 'of the cluster, as pg_control_system() shows it';
COMMENT ON COLUMN k2bridge.activation.database_oid IS 'OID of the database';
COMMENT ON COLUMN k2bridge.activation.hosts IS 'host names in lower case, the standby''s among them if it may take over';
COMMENT ON COLUMN k2bridge.activation.at IS 'when it was activated';
COMMENT ON COLUMN k2bridge.activation.by IS 'who activated it';
