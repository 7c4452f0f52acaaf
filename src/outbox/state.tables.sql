
-- What the dispatcher knows of the servers, for people and for its next start.
CREATE TABLE IF NOT EXISTS k2bridge.server_state (
    server name NOT NULL,
    host   text NOT NULL,
    state  text NOT NULL CHECK (state IN ('open', 'stopped')),
    reason text NOT NULL,
    since  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (server, host)
);
COMMENT ON TABLE k2bridge.server_state IS 'Servers that do not answer (open) or were stopped (credentials, certificate, address); empty when all is well.';
COMMENT ON COLUMN k2bridge.server_state.server IS 'foreign server';
COMMENT ON COLUMN k2bridge.server_state.host IS 'host of its address';
COMMENT ON COLUMN k2bridge.server_state.state IS 'open or stopped';
COMMENT ON COLUMN k2bridge.server_state.since IS 'when that began';
COMMENT ON COLUMN k2bridge.server_state.reason IS 'what the bank or the network said';

CREATE TABLE IF NOT EXISTS k2bridge.address (
    server    name NOT NULL,
    endpoint  text NOT NULL,
    url       text NOT NULL,
    worked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (server, endpoint, url)
);
COMMENT ON TABLE k2bridge.address IS 'Addresses that answered well once: a 404 there speaks of the request, not of a mistyped address.';
COMMENT ON COLUMN k2bridge.address.endpoint IS 'k2bridge.endpoint.name';
COMMENT ON COLUMN k2bridge.address.server IS 'foreign server';
COMMENT ON COLUMN k2bridge.address.url IS 'address without query';
COMMENT ON COLUMN k2bridge.address.worked_at IS 'when it first answered well';

CREATE TABLE IF NOT EXISTS k2bridge.lineage (
    singleton         boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    system_identifier text NOT NULL,
    timeline          text NOT NULL,
    database          oid NOT NULL,
    at                timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE k2bridge.lineage IS 'Cluster and timeline in which a dispatcher last ran; another one means promotion, recovery or copy.';
COMMENT ON COLUMN k2bridge.lineage.singleton IS 'one row';
COMMENT ON COLUMN k2bridge.lineage.system_identifier IS 'of the cluster';
COMMENT ON COLUMN k2bridge.lineage.timeline IS 'timeline of the cluster';
COMMENT ON COLUMN k2bridge.lineage.database IS 'OID of the database';
COMMENT ON COLUMN k2bridge.lineage.at IS 'when a dispatcher last noted it';
