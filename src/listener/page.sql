-- The status page for people on duty, made of views and small tables. Who may not read k2bridge.call sees no references, texts or
-- subjects: they may name persons.

CREATE FUNCTION k2bridge.page_sees_all() RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT has_table_privilege(k2bridge.caller(), 'k2bridge.call', 'SELECT')
$$;
COMMENT ON FUNCTION k2bridge.page_sees_all() IS 'Whether the reader of the page may see references and texts of calls; an observer may not.';

CREATE FUNCTION k2bridge.page_traces() RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT to_regprocedure('k2bridge.trace(text)') IS NOT NULL
       AND has_function_privilege(k2bridge.caller(), to_regprocedure('k2bridge.trace(text)')::oid, 'EXECUTE')
$$;
COMMENT ON FUNCTION k2bridge.page_traces() IS 'Whether k2bridge.trace exists and the reader of the page may call it.';

CREATE FUNCTION k2bridge.page_problem_groups(sees_all boolean, OUT kind text, OUT place text, OUT subject text, OUT problem text, OUT calls bigint, OUT since timestamptz,
                                             OUT remedies text[]) RETURNS SETOF record
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT p.kind, s.place, CASE WHEN count(*) = 1 THEN min(CASE WHEN o.open THEN p.subject END) END, s.problem, count(*), max(p.since), (array_agg(p.remedy ORDER BY p.since DESC, p.id DESC))[1:3]
      FROM (SELECT q.* FROM k2bridge.problems q LIMIT 1000) p
     CROSS JOIN LATERAL (SELECT sees_all OR p.kind ~ '^(server_|unknown_|worker$|schedule$|not_activated$|no_server$|ambiguous_server$)') o (open)
     CROSS JOIN LATERAL (SELECT nullif(concat_ws(' · ', p.server, p.endpoint, CASE p.kind WHEN 'rejected_item' THEN p.subject END), ''),
                                CASE WHEN o.open THEN coalesce(p.text, '') END) s (place, problem)
     GROUP BY p.kind, s.place, s.problem
$$;
COMMENT ON FUNCTION k2bridge.page_problem_groups(boolean) IS
'k2bridge.problems, alike ones together with the remedies of the latest three; problem is null where the reader of the page may not see it.';

CREATE FUNCTION k2bridge.page_problems(sees_all boolean) RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH groups AS MATERIALIZED (SELECT g.*, g.kind IN ('call_held', 'rejected_item', 'server_open') AS mild FROM k2bridge.page_problem_groups(sees_all) g),
         shown AS (SELECT g.* FROM groups g ORDER BY g.mild, g.since DESC NULLS LAST LIMIT 15)
    SELECT k2bridge.page_section('Problems', (SELECT CASE WHEN sum(g.calls) >= 1000 THEN '1000 or more' ELSE sum(g.calls)::text END
                                                     || CASE WHEN count(*) > 15 THEN ', the first 15 kinds' ELSE '' END FROM groups g),
        coalesce((SELECT '<ul>' || string_agg(format(
            E'<li class="problem%s"><p class="where">%s%s<span>%s</span></p>%s%s%s</li>\n',
            CASE WHEN s.mild THEN ' warn' ELSE '' END,
            k2bridge.html(upper(left(s.kind, 1)) || replace(substr(s.kind, 2), '_', ' ')), CASE WHEN s.calls > 1 THEN format(' × %s', s.calls) ELSE '' END,
            k2bridge.html(concat_ws(' · ', s.place, nullif(s.subject, s.place), nullif(k2bridge.page_age(s.since), '') || ' ago')),
            CASE WHEN s.problem IS NULL THEN '<p class="quiet">What was said may name persons; access reader shows it.</p>'
                 WHEN s.problem = '' THEN '' ELSE format('<p>%s</p>', k2bridge.html(s.problem)) END,
            (SELECT string_agg(format('<pre>%s</pre>', k2bridge.html(r.remedy, 4000)), '' ORDER BY r.nr) FROM unnest(s.remedies) WITH ORDINALITY r (remedy, nr)),
            CASE WHEN s.calls > cardinality(s.remedies) THEN format('<p class="quiet">and %s more in k2bridge.problems</p>', s.calls - cardinality(s.remedies)) ELSE '' END),
            '' ORDER BY s.mild, s.since DESC NULLS LAST) || '</ul>' FROM shown s),
            '<p class="quiet">Nothing needs a person.</p>'))
$$;
COMMENT ON FUNCTION k2bridge.page_problems(boolean) IS 'Section: what needs a person, with the SQL to paste.';

CREATE FUNCTION k2bridge.page_queue() RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH labels (labels) AS (VALUES ('{Endpoint,#Waiting,#Parked,#Sending,#Answered,#Uncertain,#Failed,@Oldest}'::text[])),
         counted AS (SELECT q.endpoint, min(q.oldest) AS oldest, jsonb_object_agg(q.state, q.calls) AS calls FROM k2bridge.metric_queue() q GROUP BY q.endpoint)
    SELECT k2bridge.page_section('Queue', 'outbound calls that are not finished', k2bridge.page_table(l.labels,
        (SELECT string_agg(k2bridge.page_row(l.labels, ARRAY[k2bridge.html(c.endpoint), c.calls ->> 'queued', c.calls ->> 'parked', c.calls ->> 'sending',
                    c.calls ->> 'answered', k2bridge.page_chip('warn', c.calls ->> 'uncertain'), k2bridge.page_chip('bad', c.calls ->> 'failed'),
                    k2bridge.page_age(c.oldest)]), '' ORDER BY c.oldest) FROM counted c), 'Nothing waits.'))
      FROM labels l
$$;
COMMENT ON FUNCTION k2bridge.page_queue() IS 'Section: what waits in k2bridge.outbox, per endpoint.';

CREATE FUNCTION k2bridge.page_calls(sees_all boolean, traces boolean) RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH labels (labels) AS (SELECT '{@Ended,Endpoint,Server}'::text[] || CASE WHEN sees_all THEN '{~Subject}' ELSE '{}' END::text[] || '{Outcome,#HTTP,#Took}'
                                    || CASE WHEN sees_all THEN '{~Said}' ELSE '{}' END::text[] || CASE WHEN traces THEN '{Story}' ELSE '{}' END::text[]),
         recent AS (SELECT c.* FROM k2bridge.call c WHERE c.finished_at > now() - interval '7 days' ORDER BY c.id DESC LIMIT 200),
         latest AS (SELECT r.* FROM recent r ORDER BY r.finished_at DESC, r.id DESC LIMIT 15)
    SELECT k2bridge.page_section('Last calls', 'to the core systems', '<div class="long">' || k2bridge.page_table(l.labels,
        (SELECT string_agg(k2bridge.page_row(l.labels, ARRAY[k2bridge.page_time(c.finished_at), k2bridge.html(c.endpoint), k2bridge.html(c.server)]
                    || CASE WHEN sees_all THEN ARRAY[k2bridge.html(c.subject)] ELSE '{}' END
                    || ARRAY[k2bridge.page_chip(CASE c.outcome WHEN 'ok' THEN 'ok' WHEN 'refused' THEN 'warn' WHEN 'failed' THEN 'bad' ELSE 'plain' END, c.outcome),
                             coalesce(c.http_status::text, ''), coalesce(round(extract(epoch FROM c.duration) * 1000) || ' ms', '')]
                    || CASE WHEN sees_all THEN ARRAY[k2bridge.html(concat_ws(' ', c.error_code, c.error_text))] ELSE '{}' END
                    || CASE WHEN traces THEN ARRAY[coalesce(format('<a href="/?trace=%s">trace</a>', c.correlation), '')] ELSE '{}' END),
                    '' ORDER BY c.finished_at DESC, c.id DESC) FROM latest c), 'No call ended in the last 7 days.') || '</div>')
      FROM labels l
$$;
COMMENT ON FUNCTION k2bridge.page_calls(boolean, boolean) IS 'Section: the calls that ended last.';

CREATE FUNCTION k2bridge.page_jobs() RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH labels (labels) AS (VALUES ('{Job,@Every,@Last run,~Outcome,@Next run}'::text[]))
    SELECT k2bridge.page_section('Polls and jobs', 'k2bridge.schedule', k2bridge.page_table(l.labels,
        (SELECT string_agg(k2bridge.page_row(l.labels, ARRAY[k2bridge.html(s.name), k2bridge.html(regexp_replace(s.every::text, ':00$', '')), k2bridge.page_time(s.last_run),
                    CASE WHEN NOT s.enabled THEN k2bridge.page_chip('plain', 'disabled') WHEN s.last_outcome IS NULL THEN k2bridge.page_chip('plain', 'not yet run')
                         WHEN s.last_outcome IN ('ok', 'running') THEN k2bridge.page_chip('ok', s.last_outcome)
                         ELSE k2bridge.page_chip('bad', 'failed') || ' ' || k2bridge.html(s.last_outcome) END,
                    CASE WHEN s.enabled THEN k2bridge.page_time(s.next_run) ELSE '' END]), '' ORDER BY s.name) FROM k2bridge.schedule s), 'None.'))
      FROM labels l
$$;
COMMENT ON FUNCTION k2bridge.page_jobs() IS 'Section: periodic jobs, the polls among them.';

CREATE FUNCTION k2bridge.page_polls(sees_all boolean) RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH labels (labels) AS (SELECT '{@Company,Bank,@Asked,@Round ended,#Accounts,@Final through}'::text[] || CASE WHEN sees_all THEN '{~Trouble}' ELSE '{#Troubles}' END::text[])
    SELECT k2bridge.page_section('Statements', 'polled from Autoclient', k2bridge.page_table(l.labels,
        string_agg(k2bridge.page_row(l.labels, ARRAY[k2bridge.html(c.server),
            CASE WHEN d.server IS NULL THEN k2bridge.page_chip('plain', 'not yet asked') WHEN d.phase = 'WRK' AND d.work_balance = 'N' THEN k2bridge.page_chip('ok', 'open')
                 ELSE k2bridge.page_chip('warn', 'waiting for the bank') END,
            k2bridge.page_time(d.asked_at), k2bridge.page_time(d.round_done_at), a.accounts::text, coalesce(a.final_through::text, ''),
            CASE WHEN sees_all THEN k2bridge.html(coalesce(d.last_error, a.last_error)) ELSE nullif(a.troubles + (d.last_error IS NOT NULL)::integer, 0)::text END]), ''
            ORDER BY c.server), ''))
      FROM autoclient.company c
      LEFT JOIN autoclient.server_day d ON d.server = c.server
     CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE b.poll) AS accounts, min(b.final_through) FILTER (WHERE b.poll) AS final_through,
                                count(b.last_error) AS troubles, min(b.last_error) AS last_error
                           FROM autoclient.account b WHERE b.server = c.server) a
     CROSS JOIN labels l
     GROUP BY l.labels
$$;
COMMENT ON FUNCTION k2bridge.page_polls(boolean) IS 'Section: how the statements of the companies are polled, when there are any.';

CREATE FUNCTION k2bridge.page_progress() RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH labels (labels) AS (VALUES ('{What,Server,#Done,#Total,#Per second,#Left}'::text[]))
    SELECT k2bridge.page_section('Under way', 'backfills and large backlogs', k2bridge.page_table(l.labels, r.rows, ''))
      FROM labels l, LATERAL (SELECT string_agg(k2bridge.page_row(l.labels, ARRAY[k2bridge.html(p.what), k2bridge.html(p.server), coalesce(p.done::text, ''),
                                         coalesce(p.total::text, ''), coalesce(round(p.rate, 1)::text, ''), coalesce(date_trunc('second', p.eta)::text, '')]), '') AS rows
                                FROM k2bridge.progress p) r WHERE r.rows IS NOT NULL
$$;
COMMENT ON FUNCTION k2bridge.page_progress() IS 'Section: k2bridge.progress, when there is any.';

CREATE FUNCTION k2bridge.page_workers() RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH labels (labels) AS (VALUES ('{@What,State,@Since,~Trouble}'::text[]))
    SELECT k2bridge.page_section('Workers and servers', NULL, k2bridge.page_table(l.labels,
        (SELECT string_agg(k2bridge.page_row(l.labels, ARRAY[k2bridge.html(CASE s.kind WHEN 'server' THEN 'server ' || s.name ELSE s.kind END),
                    k2bridge.page_chip(CASE WHEN s.state = 'paused' THEN 'plain' WHEN s.state IN ('stopped', 'not running') OR (s.kind <> 'server' AND s.last_error IS NOT NULL) THEN 'bad'
                                            WHEN s.state IN ('open', 'waiting', 'starting') THEN 'warn' ELSE 'ok' END, s.state),
                    k2bridge.page_age(s.since), k2bridge.html(concat_ws(' · ', s.last_error, s.hint))]), ''
                    ORDER BY s.kind = 'server', array_position('{launcher,dispatcher,scheduler,listener}', s.kind), s.pid, s.name) FROM k2bridge.status s), 'None.'))
      FROM labels l
$$;
COMMENT ON FUNCTION k2bridge.page_workers() IS 'Section: k2bridge.status.';

CREATE FUNCTION k2bridge.page_trace(key text) RETURNS text
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    labels constant text[] := '{@At,Direction,Who,What,Outcome,~Detail,#Id}';
    rows text;
    found bigint;
BEGIN
    BEGIN
        -- The function may not exist; then nobody comes here.
        EXECUTE 'SELECT string_agg(k2bridge.page_row($2, ARRAY[coalesce(to_char(t.at AT TIME ZONE current_setting(''k2bridge.timezone''), ''YYYY-MM-DD HH24:MI:SS''), ''''),
                     k2bridge.html(t.direction::text), k2bridge.html(t.who::text), k2bridge.html(t.what::text), k2bridge.html(t.outcome::text), coalesce(k2bridge.page_detail(t.detail::text), ''''),
                     k2bridge.html(t.id::text)]), '''' ORDER BY t.nr), count(*)
                   FROM (SELECT s.*, row_number() OVER () AS nr FROM k2bridge.trace($1) s LIMIT 500) t'
           INTO rows, found USING key, labels;
    EXCEPTION WHEN OTHERS THEN
        RETURN k2bridge.page_section('Story', key, format('<p>%s</p>', k2bridge.html(SQLERRM)));
    END;
    RETURN k2bridge.page_section('Story', key, k2bridge.page_table(labels, rows, 'Nothing is known of it.') || CASE WHEN found = 500
        THEN '<p class="quiet">The first 500 events; k2bridge.trace tells them all.</p>' ELSE '' END);
END
$$;
COMMENT ON FUNCTION k2bridge.page_trace(text) IS 'Section: what k2bridge.trace tells of a key.';

CREATE FUNCTION k2bridge.page_tiles() RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH queue AS (SELECT coalesce(sum(q.calls) FILTER (WHERE q.state IN ('queued', 'parked', 'sending', 'answered')), 0) AS waiting,
                          coalesce(sum(q.calls) FILTER (WHERE q.state = 'uncertain'), 0) AS uncertain, coalesce(sum(q.calls) FILTER (WHERE q.state = 'failed'), 0) AS failed,
                          min(q.oldest) FILTER (WHERE q.state NOT IN ('uncertain', 'failed')) AS oldest
                     FROM k2bridge.metric_queue() q),
         inbound AS (SELECT sum(m.ok + m.refused + m.failed) AS requests, sum(m.refused) AS refused, sum(m.failed) AS failed FROM k2bridge.inbound_minutes() m),
         worker AS (SELECT count(*) FILTER (WHERE w.pid IS NOT NULL AND w.last_error IS NULL) AS well, count(*) AS wanted FROM k2bridge.workers() w),
         tile AS (
             SELECT 1 AS nr, 'Waiting calls' AS name, q.waiting::text AS value, coalesce('oldest ' || k2bridge.page_age(q.oldest), 'nothing waits') AS note, false AS alarm FROM queue q
             UNION ALL SELECT 2, 'Need a person', (q.uncertain + q.failed)::text, format('%s uncertain, %s failed', q.uncertain, q.failed), q.uncertain + q.failed > 0 FROM queue q
             UNION ALL SELECT 3, 'Inbound, last hour', i.requests::text, format('%s refused, %s failed', i.refused, i.failed), i.failed > 0 FROM inbound i
             UNION ALL SELECT 4, 'Workers', format('%s of %s', w.well, w.wanted), CASE WHEN w.well = w.wanted THEN 'all run' ELSE 'see below' END, w.well < w.wanted FROM worker w)
    SELECT '<div class="tiles">' || string_agg(format('<div class="tile%s"><p class="name">%s</p><b>%s</b><p>%s</p></div>',
               CASE WHEN t.alarm THEN ' alarm' ELSE '' END, t.name, t.value, t.note), E'\n' ORDER BY t.nr) || E'</div>\n'
      FROM tile t
$$;
COMMENT ON FUNCTION k2bridge.page_tiles() IS 'The four numbers at the top of the page.';

CREATE FUNCTION k2bridge.page_header(well boolean, traces boolean, key text) RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT format(E'<header><h1>k2bridge <span>%s</span></h1>%s<p class="now">%s %s</p>\n%s</header>\n',
                  k2bridge.html(current_database()),
                  CASE WHEN well THEN '<p class="verdict ok">all is well</p>' ELSE '<p class="verdict bad">needs attention</p>' END,
                  to_char(now() AT TIME ZONE z.name, 'DD Mon YYYY HH24:MI:SS'), k2bridge.html(z.name),
                  CASE WHEN traces THEN format('<form method="post" action="/"><input name="trace" value="%s" aria-label="what to trace" '
                                               'placeholder="ПТ, contract, IIN, payment, correlation" maxlength="200" required><button>Trace</button></form>', k2bridge.html(key))
                       ELSE '' END)
      FROM current_setting('k2bridge.timezone') z (name)
$$;
COMMENT ON FUNCTION k2bridge.page_header(boolean, boolean, text) IS 'Name, verdict, clock and the box for a trace.';

CREATE FUNCTION k2bridge.status_page_as_owner(trace text) RETURNS text
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    sees_all constant boolean := k2bridge.page_sees_all();
    traces constant boolean := k2bridge.page_traces();
    traced constant boolean := traces AND trace IS NOT NULL;
    problems constant text := k2bridge.page_problems(sees_all);
BEGIN
    RETURN concat(E'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>k2bridge</title>\n',
        '<meta name="viewport" content="width=device-width, initial-scale=1">', CASE WHEN NOT traced THEN '<meta http-equiv="refresh" content="60">' END,
        '<link rel="icon" href="data:,"><style>', k2bridge.page_style(), E'</style></head>\n<body>\n',
        k2bridge.page_header(position('<li class="problem' IN problems) = 0, traces, trace), '<main>',
        CASE WHEN traced THEN k2bridge.page_trace(trace) END,
        k2bridge.page_tiles(),
        problems,
        k2bridge.page_section('Inbound traffic', 'requests per minute, last hour', k2bridge.page_traffic()),
        k2bridge.page_progress(),
        k2bridge.page_polls(sees_all),
        k2bridge.page_queue(),
        k2bridge.page_calls(sees_all, traces),
        '<div class="pair">', k2bridge.page_jobs(), k2bridge.page_workers(), '</div></main>',
        format('<footer><a href="/metrics">metrics</a><a href="/openapi.json">services</a><a href="/healthz">health</a> k2bridge %s for %s, read again every minute%s</footer>',
               k2bridge.version(), k2bridge.html(coalesce(k2bridge.client(), k2bridge.caller())),
               CASE WHEN sees_all THEN '' ELSE '; what may name persons is left out' END),
        E'\n</body></html>\n');
END
$$;
COMMENT ON FUNCTION k2bridge.status_page_as_owner(text) IS 'Behind the door k2bridge.status_page.';

CREATE FUNCTION k2bridge.status_page(trace text DEFAULT NULL) RETURNS text
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2bridge.status_page(text) IS
'The status page for people on duty in HTML, as / of the listener shows it; with a key, also the story that k2bridge.trace tells.';
