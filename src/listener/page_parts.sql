-- What the status page is put together from: escaped text, ages, tables, the plot of inbound traffic. Every value from a table
-- passes k2bridge.html; what is called a cell or a row is HTML already.

CREATE FUNCTION k2bridge.html(value text, most integer DEFAULT 400) RETURNS text
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(replace(replace(replace(replace(replace(
        CASE WHEN length(value) > most THEN left(value, most) || '…' ELSE value END,
        '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), '"', '&quot;'), '''', '&#39;'), '')
$$;
COMMENT ON FUNCTION k2bridge.html(text, integer) IS 'A value as text of an HTML element or attribute, cut after so many characters; empty for null.';

CREATE FUNCTION k2bridge.page_detail(value text) RETURNS text
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN value IN ('', '{}') THEN '' WHEN length(value) <= 160 THEN k2bridge.html(value)
                ELSE format('<details><summary>%s</summary>%s</details>', k2bridge.html(value, 120), k2bridge.html(value, 20000)) END
$$;
COMMENT ON FUNCTION k2bridge.page_detail(text) IS 'A long value behind its beginning, to be opened.';

CREATE FUNCTION k2bridge.page_age(moment timestamptz) RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN s IS NULL THEN '' WHEN abs(s) < 90 THEN round(s) || ' s' WHEN abs(s) < 5400 THEN round(s / 60) || ' min'
                WHEN abs(s) < 129600 THEN round(s / 3600) || ' h' ELSE round(s / 86400) || ' days' END
      FROM (SELECT CASE WHEN isfinite(moment) THEN extract(epoch FROM now() - moment) END) a (s)
$$;
COMMENT ON FUNCTION k2bridge.page_age(timestamptz) IS 'How long ago, in the unit that suits it; empty for never and for ever.';

CREATE FUNCTION k2bridge.page_time(moment timestamptz) RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN isfinite(moment) THEN to_char(t.local, CASE WHEN t.local::date = (now() AT TIME ZONE z.name)::date THEN 'HH24:MI:SS'
                                          WHEN abs(extract(epoch FROM now() - moment)) < 15552000 THEN 'DD Mon HH24:MI' ELSE 'YYYY-MM-DD' END) ELSE '' END
      FROM current_setting('k2bridge.timezone') z (name), LATERAL (SELECT moment AT TIME ZONE z.name) t (local)
$$;
COMMENT ON FUNCTION k2bridge.page_time(timestamptz) IS 'A moment in k2bridge.timezone, as short as it is clear; empty for never and for ever.';

CREATE FUNCTION k2bridge.page_chip(class text, value text) RETURNS text
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN value IS NULL THEN '' ELSE format('<span class="chip %s-chip">%s</span>', class, k2bridge.html(value)) END
$$;
COMMENT ON FUNCTION k2bridge.page_chip(text, text) IS 'A coloured word, nothing for null: class ok, warn, bad or plain.';

CREATE FUNCTION k2bridge.page_row(labels text[], cells text[]) RETURNS text
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT '<tr>' || string_agg(format('<td%s data-label="%s">%s</td>', CASE left(l.label, 1) WHEN '#' THEN ' class="n"' WHEN '@' THEN ' class="t"' WHEN '~' THEN ' class="w"' ELSE '' END,
                                       ltrim(l.label, '#@~'), cells[l.nr]), '' ORDER BY l.nr) || E'</tr>\n'
      FROM unnest(labels) WITH ORDINALITY l (label, nr)
$$;
COMMENT ON FUNCTION k2bridge.page_row(text[], text[]) IS 'A table row; a label that begins with # heads numbers, with @ what is never broken, with ~ free text.';

CREATE FUNCTION k2bridge.page_table(labels text[], rows text, empty text) RETURNS text
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN rows IS NULL THEN format('<p class="quiet">%s</p>', k2bridge.html(empty))
                ELSE '<table><thead><tr>'
                     || (SELECT string_agg(format('<th%s>%s</th>', CASE left(l.label, 1) WHEN '#' THEN ' class="n"' ELSE '' END, ltrim(l.label, '#@~')), '' ORDER BY l.nr)
                           FROM unnest(labels) WITH ORDINALITY l (label, nr))
                     || E'</tr></thead><tbody>\n' || rows || '</tbody></table>' END
$$;
COMMENT ON FUNCTION k2bridge.page_table(text[], text, text) IS 'A table of such rows, or the words for none.';

CREATE FUNCTION k2bridge.page_section(title text, note text, content text) RETURNS text
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT format(E'<section><h2>%s%s</h2>\n%s</section>\n', k2bridge.html(title), coalesce(format('<small>%s</small>', k2bridge.html(note)), ''), content)
$$;
COMMENT ON FUNCTION k2bridge.page_section(text, text, text) IS 'A section of the page with its heading and a note.';

CREATE FUNCTION k2bridge.inbound_minutes(OUT nr integer, OUT minute timestamptz, OUT ok bigint, OUT refused bigint, OUT failed bigint) RETURNS SETOF record
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT n, m.minute, coalesce(sum(c.value) FILTER (WHERE c.code = 'ok'), 0)::bigint, coalesce(sum(c.value) FILTER (WHERE c.code = 'refused'), 0)::bigint,
           coalesce(sum(c.value) FILTER (WHERE c.code = 'failed'), 0)::bigint
      FROM generate_series(0, 59) n
     CROSS JOIN LATERAL (SELECT date_trunc('minute', now(), 'UTC') - (59 - n) * interval '1 min') m (minute)
      LEFT JOIN k2bridge.counters() c ON c.kind = 'inbound' AND c.minute = m.minute
     GROUP BY n, m.minute ORDER BY n
$$;
COMMENT ON FUNCTION k2bridge.inbound_minutes() IS
'Inbound requests of the last hour by minute: ok, refused (by the listener or the business), failed; counted in shared memory since the server started.';

CREATE FUNCTION k2bridge.page_plot_top(most bigint) RETURNS bigint
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT min(digit * (10::numeric ^ power))::bigint FROM unnest('{2,4,6,8,10}'::integer[]) digit, generate_series(0, 17) power
     WHERE digit * (10::numeric ^ power) >= greatest(most, 4)
$$;
COMMENT ON FUNCTION k2bridge.page_plot_top(bigint) IS 'A round number not below the highest bar.';

CREATE FUNCTION k2bridge.page_bars(zone text, top bigint) RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT string_agg(format('<g><title>%s: %s ok, %s refused, %s failed</title><rect class="bar-none" x="%5$s" y="10" width="15" height="160"/>%6$s</g>',
                             to_char(m.minute AT TIME ZONE zone, 'HH24:MI'), m.ok, m.refused, m.failed, 10 + m.nr * 15.5, p.parts), E'\n' ORDER BY m.nr)
      FROM k2bridge.inbound_minutes() m
     CROSS JOIN LATERAL (SELECT coalesce(string_agg(format('<rect class="bar-%s" x="%s" y="%s" width="13" height="%s"/>', v.class, 11 + m.nr * 15.5,
                                                           round(170 - 160.0 * v.upto / top, 2), round(160.0 * v.value / top, 2)), ''), '') AS parts
                           FROM (VALUES ('ok', m.ok, m.ok), ('refused', m.refused, m.ok + m.refused), ('failed', m.failed, m.ok + m.refused + m.failed)) v (class, value, upto)
                          WHERE v.value > 0) p
$$;
COMMENT ON FUNCTION k2bridge.page_bars(text, bigint) IS 'The bars of the plot, each with a tooltip.';

CREATE FUNCTION k2bridge.page_traffic() RETURNS text
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    zone constant text := current_setting('k2bridge.timezone');
    top bigint;
    grid text;
    hours text;
    total record;
BEGIN
    SELECT k2bridge.page_plot_top(max(m.ok + m.refused + m.failed)) AS top, sum(m.ok) AS ok, sum(m.refused) AS refused, sum(m.failed) AS failed
      INTO total FROM k2bridge.inbound_minutes() m;
    top := total.top;
    SELECT string_agg(format('<line x1="10" x2="940" y1="%1$s" y2="%1$s"/><text x="948" y="%2$s">%3$s</text>',
                             170 - 160 * part / 2, 174 - 160 * part / 2, top * part / 2), '') INTO grid FROM generate_series(0, 2) part;
    SELECT string_agg(format('<text x="%s" y="194" text-anchor="middle">%s</text>', 17.5 + m.nr * 15.5,
                             to_char(m.minute AT TIME ZONE zone, 'HH24:MI')), '') INTO hours
      FROM k2bridge.inbound_minutes() m
     WHERE extract(minute FROM m.minute AT TIME ZONE zone)::integer % 15 = 0 AND m.nr BETWEEN 2 AND 57;
    RETURN format(E'<div class="plot"><svg viewBox="0 0 1000 200" role="img" aria-label="%s requests ok, %s refused, %s failed in the last hour">%s%s\n%s</svg></div>\n',
                  total.ok, total.refused, total.failed, grid, coalesce(hours, ''), k2bridge.page_bars(zone, top))
           || (SELECT '<p class="legend">' || string_agg(format('<span><svg viewBox="0 0 10 10" aria-hidden="true"><rect class="bar-%s" width="10" height="10" rx="2"/></svg>%s %s</span>',
                                                               l.class, l.value, l.words), '' ORDER BY l.nr) || '</p>'
                 FROM (VALUES (1, 'ok', total.ok, 'answered'), (2, 'refused', total.refused, 'refused'), (3, 'failed', total.failed, 'failed')) l (nr, class, value, words));
END
$$;
COMMENT ON FUNCTION k2bridge.page_traffic() IS 'Inbound requests of the last hour as SVG, a bar per minute.';
