
-- One row per worker and per server.
CREATE OR REPLACE VIEW k2bridge.status AS
SELECT w.kind, w.name, w.pid, w.state, w.since, w.last_error, w.last_error_at, w.hint
  FROM k2bridge.workers() w
UNION ALL
SELECT 'server', s.srvname::text, NULL,
       CASE WHEN p.at IS NOT NULL THEN 'paused' ELSE coalesce(t.state, 'ready') END,
       coalesce(p.at, t.since), t.reason, t.since,
       CASE WHEN p.at IS NOT NULL THEN concat_ws(': ', format('paused by %s', p.by), p.note) END
  FROM pg_catalog.pg_foreign_server s
  JOIN pg_catalog.pg_foreign_data_wrapper f ON f.oid = s.srvfdw AND f.fdwname = 'k2bridge'
  LEFT JOIN LATERAL (SELECT h.server, h.at, h.by, h.note FROM k2bridge.paused h
                      WHERE h.endpoint IS NULL AND (h.server IS NULL OR h.server = s.srvname)
                        AND (h.until IS NULL OR h.until > now())
                      ORDER BY h.server NULLS LAST LIMIT 1) p ON true
  LEFT JOIN LATERAL (SELECT x.state, x.since, x.reason FROM k2bridge.server_state x
                      WHERE x.server = s.srvname ORDER BY x.state = 'stopped' DESC, x.since LIMIT 1) t ON true;
COMMENT ON VIEW k2bridge.status IS 'One row per worker and server: what it does, since when, its last error and what to do about it.';
COMMENT ON COLUMN k2bridge.status.kind IS 'launcher, dispatcher, scheduler, listener or server';
COMMENT ON COLUMN k2bridge.status.name IS 'database of the worker, or name of the server';
COMMENT ON COLUMN k2bridge.status.pid IS 'process, null when none runs';
COMMENT ON COLUMN k2bridge.status.state IS 'running, waiting, pausing after an error, not running; servers: ready, open (does not answer), stopped, paused';
COMMENT ON COLUMN k2bridge.status.since IS 'start of the process, or of the state of the server';
COMMENT ON COLUMN k2bridge.status.last_error IS 'empty when all is well';
COMMENT ON COLUMN k2bridge.status.last_error_at IS 'when last_error first happened';
COMMENT ON COLUMN k2bridge.status.hint IS 'what to do';
