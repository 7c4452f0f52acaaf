
-- One row per endpoint.
CREATE OR REPLACE VIEW k2bridge.queue AS
SELECT e.name AS endpoint, e.delivery, e.priority, e.enabled,
       coalesce(q.queued, 0) AS queued, coalesce(q.due, 0) AS due, coalesce(q.parked, 0) AS parked,
       coalesce(q.sending, 0) AS sending, coalesce(q.answered, 0) AS answered,
       coalesce(q.uncertain, 0) AS uncertain, coalesce(q.failed, 0) AS failed, q.oldest,
       (SELECT max(c.finished_at) FROM k2bridge.call c WHERE c.endpoint = e.name AND c.outcome = 'ok') AS last_ok,
       CASE WHEN pg_catalog.has_table_privilege('k2bridge.outbox', 'SELECT') THEN q.last_error END AS last_error
  FROM k2bridge.endpoint e
  LEFT JOIN (SELECT o.endpoint,
                    count(*) FILTER (WHERE o.state = 'queued') AS queued,
                    count(*) FILTER (WHERE o.state = 'queued' AND NOT o.parked AND o.due_at <= now()) AS due,
                    count(*) FILTER (WHERE o.parked) AS parked,
                    count(*) FILTER (WHERE o.state = 'sending') AS sending,
                    count(*) FILTER (WHERE o.state = 'answered') AS answered,
                    count(*) FILTER (WHERE o.state = 'uncertain') AS uncertain,
                    count(*) FILTER (WHERE o.state = 'failed') AS failed,
                    min(o.created_at) AS oldest,
                    (array_agg(o.last_error ORDER BY o.id DESC) FILTER (WHERE o.last_error IS NOT NULL))[1] AS last_error
               FROM k2bridge.outbox o GROUP BY o.endpoint) q ON q.endpoint = e.name;
COMMENT ON VIEW k2bridge.queue IS 'One row per endpoint: how many calls are in which state, the oldest of them, the last success and the last error.';
COMMENT ON COLUMN k2bridge.queue.endpoint IS 'k2bridge.endpoint.name';
COMMENT ON COLUMN k2bridge.queue.delivery IS 'delivery policy';
COMMENT ON COLUMN k2bridge.queue.priority IS 'higher is sent first';
COMMENT ON COLUMN k2bridge.queue.enabled IS 'false: calls end as skipped';
COMMENT ON COLUMN k2bridge.queue.queued IS 'waiting to be sent, parked ones included';
COMMENT ON COLUMN k2bridge.queue.due IS 'may be sent now';
COMMENT ON COLUMN k2bridge.queue.parked IS 'wait for an earlier call of their subject';
COMMENT ON COLUMN k2bridge.queue.sending IS 'at_most_once calls under way';
COMMENT ON COLUMN k2bridge.queue.answered IS 'the bank answered, the handler failed';
COMMENT ON COLUMN k2bridge.queue.uncertain IS 'outcome unknown';
COMMENT ON COLUMN k2bridge.queue.failed IS 'need a person';
COMMENT ON COLUMN k2bridge.queue.oldest IS 'when the oldest of them was queued';
COMMENT ON COLUMN k2bridge.queue.last_ok IS 'end of the last successful call';
COMMENT ON COLUMN k2bridge.queue.last_error IS 'last error of a call that has not ended; for those who may read the calls, since it may name a client';

-- Everything that needs a person, with the SQL to paste: never out of what a bank said. OFFSET 0 keeps servers_for from being asked once per row of the queue.
CREATE OR REPLACE VIEW k2bridge.problems AS
SELECT o.id, 'call_' || o.state AS kind, o.server, o.endpoint, o.subject, coalesce(o.sent_at, o.created_at) AS since,
       concat_ws('; found: ', o.last_error, o.found::text) AS text,
       CASE o.state
           WHEN 'uncertain' THEN
               CASE WHEN o.found ->> 'searched' = 'absent' THEN format('SELECT k2bridge.retry(%s, confirm => true);', o.id)
                    ELSE format('SELECT k2bridge.resolve(%s, ''ok'', ''how the outcome is known'');', o.id) END
           ELSE format('SELECT k2bridge.retry(%s);', o.id) END AS remedy
  FROM k2bridge.outbox o
 WHERE o.state IN ('failed', 'uncertain') OR (o.state = 'answered' AND o.due_at = 'infinity')
UNION ALL
SELECT o.id, 'call_held', o.server, o.endpoint, o.subject, o.created_at, o.last_error,
       coalesce(CASE WHEN o.attempts = 0 AND o.http_status IS NULL THEN substring(o.last_error FROM '\((SELECT [^;]+;)\)$') END, format('SELECT k2bridge.cancel(%s);', o.id))
  FROM k2bridge.outbox o
 WHERE o.state = 'queued' AND o.last_error IS NOT NULL AND (o.attempts = 0 OR o.attempts >= 5)
   AND NOT EXISTS (SELECT FROM k2bridge.server_state s
                    WHERE s.server = o.server OR (o.server IS NULL AND s.server = ANY (k2bridge.servers_for(o.endpoint))))
UNION ALL
SELECT NULL, 'server_' || s.state, s.server, NULL, s.host, s.since, s.reason,
       format('SELECT * FROM k2bridge.check_server(%L);', s.server)
  FROM k2bridge.server_state s
 WHERE (s.state = 'stopped' OR s.since < now() - interval '1 min')
   AND EXISTS (SELECT FROM pg_catalog.pg_foreign_server f WHERE f.srvname = s.server)
UNION ALL
SELECT NULL, 'not_activated', NULL, NULL, NULL, q.since, format('%s calls wait: %s', q.waiting, c.detail), c.remedy
  FROM k2bridge.check_tables() c
  JOIN (SELECT count(*) AS waiting, min(o.created_at) AS since FROM k2bridge.outbox o WHERE o.state = 'queued') q ON q.waiting > 0
 WHERE c.item = 'activation' AND NOT c.ok
   AND EXISTS (SELECT FROM pg_catalog.pg_foreign_server s
                 JOIN pg_catalog.pg_foreign_data_wrapper w ON w.oid = s.srvfdw AND w.fdwname = 'k2bridge'
                 CROSS JOIN unnest(s.srvoptions) o
                WHERE o ~ '^[a-z0-9_]*(url|debt|from_abs|to_eko)=' AND o !~ '=(https?://)?(localhost|127\.|\[::1\])')
UNION ALL
SELECT NULL, CASE WHEN cardinality(k2bridge.servers_for(w.endpoint)) = 0 THEN 'no_server' ELSE 'ambiguous_server' END,
       NULL, w.endpoint, NULL, w.since,
       CASE WHEN cardinality(k2bridge.servers_for(w.endpoint)) = 0
            THEN format('%s calls wait: no server has option %s', w.waiting, coalesce(e.url_option, 'base_url'))
            ELSE format('%s calls wait: servers %s all have option %s', w.waiting,
                        array_to_string(k2bridge.servers_for(w.endpoint), ', '), coalesce(e.url_option, 'base_url')) END,
       CASE WHEN cardinality(k2bridge.servers_for(w.endpoint)) = 0
            THEN format('CREATE SERVER %s TYPE %L FOREIGN DATA WRAPPER k2bridge OPTIONS (%I ''https://bank.example/'');', e.server_type, e.server_type, coalesce(e.url_option, 'base_url'))
            ELSE format('UPDATE k2bridge.outbox SET server = %1$L WHERE server IS NULL AND endpoint = %2$L; SELECT k2bridge.wake_dispatcher(); UPDATE k2.system SET server = %1$L WHERE server IS NULL;',
                        (k2bridge.servers_for(w.endpoint))[1], w.endpoint) END
  FROM (SELECT o.endpoint, count(*) AS waiting, min(o.created_at) AS since
          FROM k2bridge.outbox o WHERE o.state = 'queued' AND o.server IS NULL GROUP BY o.endpoint OFFSET 0) w
  JOIN k2bridge.endpoint e ON e.name = w.endpoint
 WHERE cardinality(k2bridge.servers_for(w.endpoint)) <> 1
UNION ALL
SELECT NULL, 'unknown_server', w.server, w.endpoint, NULL, w.since,
       format('%s calls wait for server "%s", which cannot take them', w.waiting, w.server),
       format('SELECT k2bridge.cancel(id, ''server is gone'') FROM k2bridge.outbox WHERE server = %L AND endpoint = %L;', w.server, w.endpoint)
  FROM (SELECT o.endpoint, o.server, count(*) AS waiting, min(o.created_at) AS since
          FROM k2bridge.outbox o WHERE o.state = 'queued' AND o.server IS NOT NULL GROUP BY o.endpoint, o.server OFFSET 0) w
 WHERE w.server <> ALL (k2bridge.servers_for(w.endpoint))
UNION ALL
SELECT NULL, 'unknown_endpoint', NULL, w.endpoint, NULL, w.since, format('%s calls wait for an endpoint that does not exist', w.waiting),
       format('SELECT k2bridge.cancel(id, ''endpoint is gone'') FROM k2bridge.outbox WHERE endpoint = %L;', w.endpoint)
  FROM (SELECT o.endpoint, count(*) AS waiting, min(o.created_at) AS since
          FROM k2bridge.outbox o GROUP BY o.endpoint) w
 WHERE NOT EXISTS (SELECT FROM k2bridge.endpoint e WHERE e.name = w.endpoint)
UNION ALL
SELECT NULL, 'worker', NULL, NULL, NULL, coalesce(s.last_error_at, s.since, now()), concat_ws(': ', s.kind || ' ' || s.state, s.last_error, s.hint),
       CASE WHEN s.kind = 'dispatcher' AND s.pid IS NULL AND NOT k2bridge.database_listed()
            THEN format('ALTER SYSTEM SET k2bridge.databases = %L; SELECT pg_catalog.pg_reload_conf();',
                        concat_ws(', ', nullif(current_setting('k2bridge.databases', true), ''),
                                  CASE WHEN current_database() ~ '^[a-z0-9_]+$' THEN current_database()::text
                                       ELSE '"' || replace(current_database(), '"', '""') || '"' END))
            ELSE 'SELECT * FROM k2bridge.check();' END
  FROM k2bridge.status s
 WHERE s.kind <> 'server' AND (s.last_error IS NOT NULL OR s.pid IS NULL)
UNION ALL
SELECT NULL, 'schedule', NULL, NULL, s.name, s.last_run, s.last_outcome,
       format('UPDATE k2bridge.schedule SET next_run = now() WHERE name = %L;', s.name)
  FROM k2bridge.schedule s WHERE s.enabled AND s.last_outcome <> 'ok'
UNION ALL
SELECT r.id, 'rejected_item', NULL, NULL, r.service, r.rejected_at, format('%s %s', r.error_code, r.error_text),
       format('SELECT k2bridge.replay(%s);', r.id)
  FROM k2bridge.rejected_item r WHERE r.settled_at IS NULL
UNION ALL
SELECT NULL, p.kind, NULL, NULL, p.refer, p.since, p.text, p.remedy FROM k2.problem p
UNION ALL
SELECT NULL, p.kind, p.server, NULL, p.subject, p.since, p.text, p.remedy FROM autoclient.problem p;
COMMENT ON VIEW k2bridge.problems IS 'Everything that needs a person; remedy is the SQL to paste.';
COMMENT ON COLUMN k2bridge.problems.id IS 'of the call or the refused item';
COMMENT ON COLUMN k2bridge.problems.kind IS 'call_failed, call_uncertain, call_answered, call_held, server_stopped, server_open, not_activated, no_server, ambiguous_server, unknown_server, unknown_endpoint, worker, schedule, rejected_item, or a kind of k2.problem or autoclient.problem';
COMMENT ON COLUMN k2bridge.problems.server IS 'foreign server';
COMMENT ON COLUMN k2bridge.problems.endpoint IS 'k2bridge.endpoint.name';
COMMENT ON COLUMN k2bridge.problems.subject IS 'subject of the call, reference, service or name concerned';
COMMENT ON COLUMN k2bridge.problems.since IS 'when it began';
COMMENT ON COLUMN k2bridge.problems.text IS 'what is wrong, in the bank''s words where there are any';
COMMENT ON COLUMN k2bridge.problems.remedy IS 'SQL that mends it or shows more';

-- What is long under way.
CREATE OR REPLACE VIEW k2bridge.progress AS
SELECT o.server, o.endpoint AS what, NULL::bigint AS done, count(*) AS total, NULL::numeric AS rate, NULL::interval AS eta
  FROM k2bridge.outbox o WHERE o.state = 'queued' GROUP BY o.server, o.endpoint HAVING count(*) > 1000
UNION ALL
SELECT p.server, p.what, p.done, p.total, r.rate, (p.total - p.done) / nullif(r.rate, 0) * interval '1 second'
  FROM autoclient.progress p
 CROSS JOIN LATERAL (SELECT round(p.done / nullif(extract(epoch FROM clock_timestamp() - p.since), 0), 3) AS rate) r;
COMMENT ON VIEW k2bridge.progress IS 'Large backlogs of the queue; running polls and backfills.';
COMMENT ON COLUMN k2bridge.progress.server IS 'foreign server';
COMMENT ON COLUMN k2bridge.progress.what IS 'endpoint, poll or backfill';
COMMENT ON COLUMN k2bridge.progress.done IS 'finished so far';
COMMENT ON COLUMN k2bridge.progress.total IS 'to be done';
COMMENT ON COLUMN k2bridge.progress.rate IS 'per second';
COMMENT ON COLUMN k2bridge.progress.eta IS 'time left';
