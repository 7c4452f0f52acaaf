-- Metrics in Prometheus' text format, as views of the counters in shared memory and of the small tables. No history is read.

CREATE FUNCTION k2bridge.counters(OUT kind text, OUT name text, OUT code text, OUT value bigint, OUT minute timestamptz)
    RETURNS SETOF record
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_counters';
COMMENT ON FUNCTION k2bridge.counters() IS
'What the processes of this database counted since the server started: request (service, HTTP status), answer (service, error_code), duration (service, bucket in seconds or us), inbound (per minute of the last hour), call (endpoint, outcome), lost.';

CREATE FUNCTION k2bridge.metric_families(OUT nr integer, OUT family text, OUT type text, OUT help text) RETURNS SETOF record
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    VALUES
    (1, 'k2bridge_info', 'gauge', 'Version of the extension; always 1.'),
    (2, 'k2bridge_http_requests_total', 'counter', 'HTTP requests answered, by service or path and HTTP status; (none): no such thing.'),
    (3, 'k2bridge_service_answers_total', 'counter', 'Business answers of services by their error_code.'),
    (4, 'k2bridge_http_request_duration_seconds', 'histogram', 'From the complete request to its reply.'),
    (5, 'k2bridge_queue_calls', 'gauge', 'Outbound calls that are not finished, by endpoint and state; above 100000 the queued ones are estimated from a sample.'),
    (6, 'k2bridge_queue_oldest_age_seconds', 'gauge', 'Age of the oldest unfinished call of an endpoint; 0: none waits.'),
    (7, 'k2bridge_calls_total', 'counter', 'Finished outbound calls by endpoint and outcome.'),
    (8, 'k2bridge_workers', 'gauge', 'Background workers by kind and state: running, waiting, failing, missing.'),
    (9, 'k2bridge_server_state', 'gauge', '1 for the state a server is in: ready, open (does not answer), stopped, paused.'),
    (10, 'k2bridge_rejected_items', 'gauge', 'Refused items of inbound batches that nobody has settled yet.'),
    (11, 'k2bridge_schedule_failed', 'gauge', '1: the last run of a periodic job failed.'),
    (12, 'k2bridge_schedule_last_run_timestamp_seconds', 'gauge', 'When a periodic job last began; 0: never.'),
    (13, 'k2bridge_counts_lost_total', 'counter', 'Counts that found no place in shared memory, in all databases of the server.')
$$;
COMMENT ON FUNCTION k2bridge.metric_families() IS 'The metrics of k2bridge.metrics(): order, name, type, help.';

CREATE FUNCTION k2bridge.metric_labels(VARIADIC pairs text[]) RETURNS text
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT '{' || string_agg(pairs[n] || '="' || replace(replace(replace(pairs[n + 1], '\', '\\'), '"', '\"'), E'\n', '\n') || '"', ',' ORDER BY n) || '}'
      FROM generate_series(1, cardinality(pairs), 2) n
$$;
COMMENT ON FUNCTION k2bridge.metric_labels(text[]) IS 'Labels of a sample from names and values in turn, escaped as the text format wants it.';

CREATE FUNCTION k2bridge.metric_durations(OUT suffix text, OUT labels text, OUT value numeric, OUT nr integer) RETURNS SETOF record
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH counted AS MATERIALIZED (SELECT c.name, c.code, c.value FROM k2bridge.counters() c WHERE c.kind = 'duration'),
         bound (le, nr) AS (SELECT * FROM unnest('{0.001,0.0025,0.005,0.01,0.025,0.05,0.1,0.25,0.5,1,2.5,5,10,+Inf}'::text[]) WITH ORDINALITY),
         bucket AS (SELECT n.name, b.le, b.nr, sum(coalesce(c.value, 0)) OVER (PARTITION BY n.name ORDER BY b.nr) AS value
                      FROM (SELECT DISTINCT d.name FROM counted d) n CROSS JOIN bound b
                      LEFT JOIN counted c ON c.name = n.name AND c.code = b.le)
    SELECT '_bucket', k2bridge.metric_labels('service', b.name, 'le', b.le), b.value, b.nr::integer FROM bucket b
    UNION ALL
    SELECT '_sum', k2bridge.metric_labels('service', c.name), round(c.value / 1000000.0, 6), 15 FROM counted c WHERE c.code = 'us'
    UNION ALL
    SELECT '_count', k2bridge.metric_labels('service', b.name), b.value, 16 FROM bucket b WHERE b.le = '+Inf'
$$;
COMMENT ON FUNCTION k2bridge.metric_durations() IS 'Samples of the latency histogram: cumulative buckets, sum and count per service.';

CREATE FUNCTION k2bridge.metric_queue(OUT endpoint text, OUT state text, OUT calls bigint, OUT oldest timestamptz) RETURNS SETOF record
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    most constant bigint := 100000;
    pages constant bigint := 4000;
    percent real := 100;
BEGIN
    RETURN QUERY SELECT o.endpoint, o.state, count(*), min(o.created_at) FROM k2bridge.outbox o WHERE o.state <> 'queued' GROUP BY 1, 2;
    IF (SELECT count(*) > most FROM (SELECT FROM k2bridge.outbox o WHERE o.state = 'queued' LIMIT most + 1) q) THEN
        percent := least(100, 100.0 * pages * current_setting('block_size')::integer / pg_relation_size('k2bridge.outbox'));
    END IF;
    RETURN QUERY SELECT o.endpoint, CASE WHEN o.parked THEN 'parked' ELSE 'queued' END, round(count(*) * 100 / percent::numeric)::bigint, min(o.created_at)
      FROM k2bridge.outbox o TABLESAMPLE SYSTEM (percent) WHERE o.state = 'queued' GROUP BY 1, 2;
END
$$;
COMMENT ON FUNCTION k2bridge.metric_queue() IS
'Unfinished calls by endpoint and state; parked are queued ones that wait for an earlier call of their subject. Exact, but above 100,000 what is queued is estimated from a sample, so that looking costs the same whatever waits.';

CREATE FUNCTION k2bridge.metric_samples(OUT family text, OUT suffix text, OUT labels text, OUT value numeric, OUT nr integer) RETURNS SETOF record
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH counted AS MATERIALIZED (SELECT c.* FROM k2bridge.counters() c),
         queued AS MATERIALIZED (SELECT q.* FROM k2bridge.metric_queue() q),
         worker AS (SELECT w.kind, CASE WHEN w.pid IS NULL THEN 'missing' WHEN w.last_error IS NOT NULL THEN 'failing'
                                        WHEN w.state IN ('waiting', 'starting') THEN 'waiting' ELSE 'running' END AS state
                      FROM k2bridge.workers() w)
    SELECT 'k2bridge_info', '', k2bridge.metric_labels('version', k2bridge.version()), 1::numeric, 0
    UNION ALL
    SELECT 'k2bridge_http_requests_total', '', k2bridge.metric_labels('service', c.name, 'code', c.code), c.value, 0
      FROM counted c WHERE c.kind = 'request'
    UNION ALL
    SELECT 'k2bridge_service_answers_total', '', k2bridge.metric_labels('service', c.name, 'error_code', c.code), c.value, 0
      FROM counted c WHERE c.kind = 'answer'
    UNION ALL
    SELECT 'k2bridge_http_request_duration_seconds', d.suffix, d.labels, d.value, d.nr FROM k2bridge.metric_durations() d
    UNION ALL
    SELECT 'k2bridge_queue_calls', '', k2bridge.metric_labels('endpoint', e.name, 'state', s.state), coalesce(q.calls, 0), 0
      FROM k2bridge.endpoint e CROSS JOIN unnest('{queued,parked,sending,answered,uncertain,failed}'::text[]) s (state)
      LEFT JOIN queued q ON q.endpoint = e.name AND q.state = s.state
    UNION ALL
    SELECT 'k2bridge_queue_oldest_age_seconds', '', k2bridge.metric_labels('endpoint', e.name),
           coalesce(round(extract(epoch FROM clock_timestamp() - min(q.oldest)), 3), 0), 0
      FROM k2bridge.endpoint e LEFT JOIN queued q ON q.endpoint = e.name GROUP BY e.name
    UNION ALL
    SELECT 'k2bridge_calls_total', '', k2bridge.metric_labels('endpoint', c.name, 'outcome', c.code), c.value, 0
      FROM counted c WHERE c.kind = 'call'
    UNION ALL
    SELECT 'k2bridge_workers', '', k2bridge.metric_labels('kind', k.kind, 'state', s.state), count(w.kind), 0
      FROM unnest('{launcher,dispatcher,scheduler,listener}'::text[]) k (kind)
     CROSS JOIN unnest('{running,waiting,failing,missing}'::text[]) s (state)
      LEFT JOIN worker w ON w.kind = k.kind AND w.state = s.state GROUP BY k.kind, s.state
    UNION ALL
    SELECT 'k2bridge_server_state', '', k2bridge.metric_labels('server', v.name, 'state', s.state), (v.state = s.state)::integer, 0
      FROM k2bridge.status v CROSS JOIN unnest('{ready,open,stopped,paused}'::text[]) s (state) WHERE v.kind = 'server'
    UNION ALL
    SELECT 'k2bridge_rejected_items', '', '', count(*), 0 FROM k2bridge.rejected_item r WHERE r.settled_at IS NULL
    UNION ALL
    SELECT 'k2bridge_schedule_failed', '', k2bridge.metric_labels('job', s.name),
           (s.last_outcome IS NOT NULL AND s.last_outcome NOT IN ('ok', 'running'))::integer, 0 FROM k2bridge.schedule s
    UNION ALL
    SELECT 'k2bridge_schedule_last_run_timestamp_seconds', '', k2bridge.metric_labels('job', s.name),
           coalesce(round(extract(epoch FROM s.last_run), 3), 0), 0 FROM k2bridge.schedule s
    UNION ALL
    SELECT 'k2bridge_counts_lost_total', '', '', c.value, 0 FROM counted c WHERE c.kind = 'lost'
$$;
COMMENT ON FUNCTION k2bridge.metric_samples() IS 'Every sample of k2bridge.metrics() as a row.';

CREATE FUNCTION k2bridge.metrics_as_owner() RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT string_agg(format(E'# HELP %1$s %2$s\n# TYPE %1$s %3$s\n', f.family, f.help, f.type) || s.lines, '' ORDER BY f.nr)
      FROM k2bridge.metric_families() f
      JOIN (SELECT m.family, string_agg(format(E'%s%s%s %s\n', m.family, m.suffix, m.labels, m.value), ''
                                        ORDER BY substring(m.labels FROM '^\{[a-z]+="(?:[^"\\]|\\.)*"'), m.nr, m.labels) AS lines
              FROM k2bridge.metric_samples() m GROUP BY m.family) s USING (family)
$$;
COMMENT ON FUNCTION k2bridge.metrics_as_owner() IS 'Behind the door k2bridge.metrics.';

CREATE FUNCTION k2bridge.metrics() RETURNS text
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2bridge.metrics() IS 'The metrics of this database in Prometheus'' text format, as /metrics of the listener shows them.';
