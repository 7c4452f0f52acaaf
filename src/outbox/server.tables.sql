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

-- Servers and user mappings as the last check saw them.
CREATE TABLE IF NOT EXISTS k2bridge.server_seen (
    object  text NOT NULL CHECK (object IN ('server', 'user mapping')),
    key     text NOT NULL,
    options jsonb,
    salt    uuid NOT NULL,
    digest  bytea NOT NULL,
    at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (object, key)
);
COMMENT ON TABLE k2bridge.server_seen IS 'Servers and user mappings as k2bridge.note_servers last saw them; for the owner only.';
COMMENT ON COLUMN k2bridge.server_seen.object IS 'server or user mapping';
COMMENT ON COLUMN k2bridge.server_seen.key IS 'server, and the user of a mapping';
COMMENT ON COLUMN k2bridge.server_seen.options IS 'options, secrets masked';
COMMENT ON COLUMN k2bridge.server_seen.salt IS 'of the digest';
COMMENT ON COLUMN k2bridge.server_seen.digest IS 'SHA-256 of salt and options, so that a changed secret is noticed and none is kept';
COMMENT ON COLUMN k2bridge.server_seen.at IS 'when it was seen to change';
