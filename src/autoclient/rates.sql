-- Exchange rates (wire/autoclient.md section 4).

CREATE FUNCTION autoclient.rates_of(reply jsonb, zone text) RETURNS TABLE (currency text, side text, at timestamptz, rate numeric, rate_delta numeric, nbu_rate numeric)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, DMY' AS $$
    SELECT c.key, s.key, (s.value ->> 'date')::timestamp AT TIME ZONE zone, (s.value ->> 'rate')::numeric,
           (s.value ->> 'rate_delta')::numeric, (s.value ->> 'nbuRate')::numeric
      FROM jsonb_each(reply) c CROSS JOIN LATERAL jsonb_each(CASE WHEN jsonb_typeof(c.value) = 'object' THEN c.value ELSE '{}' END) s
     WHERE s.key IN ('B', 'S')
    UNION ALL
    -- The history's real shape, which its document does not show.
    SELECT h.item ->> 'currencyCode', v.side, (h.item ->> 'date')::timestamp AT TIME ZONE zone, v.rate, v.delta, (h.item ->> 'nbuRate')::numeric
      FROM jsonb_array_elements(CASE WHEN jsonb_typeof(reply #> '{data,history}') = 'array' THEN reply #> '{data,history}' ELSE '[]' END) AS h (item)
     CROSS JOIN LATERAL (VALUES ('B', (h.item ->> 'rate_b')::numeric, (h.item ->> 'rate_b_delta')::numeric),
                                ('S', (h.item ->> 'rate_s')::numeric, (h.item ->> 'rate_s_delta')::numeric)) AS v (side, rate, delta)
     WHERE v.rate IS NOT NULL
$$;
COMMENT ON FUNCTION autoclient.rates_of(jsonb, text) IS 'The rates in a reply of currency or currency/history, both shapes.';

CREATE FUNCTION autoclient.rates_done(call k2bridge.call_row) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    IF call.outcome = 'ok' THEN
        INSERT INTO autoclient.rate (server, currency, side, at, rate, rate_delta, nbu_rate)
        SELECT DISTINCT ON (r.currency, r.side, r.at) call.server, r.currency, r.side, r.at, r.rate, r.rate_delta, r.nbu_rate
          FROM autoclient.rates_of(call.reply, autoclient.zone(call.server)) r
         ORDER BY r.currency, r.side, r.at
            ON CONFLICT (server, currency, side, at) DO UPDATE
           SET rate = excluded.rate, rate_delta = excluded.rate_delta, nbu_rate = excluded.nbu_rate;
    END IF;
END
$$;
COMMENT ON FUNCTION autoclient.rates_done(k2bridge.call_row) IS 'Handler of the rate calls: stores the rates.';

CREATE FUNCTION autoclient.currency_rates(server name DEFAULT NULL) RETURNS SETOF autoclient.rate_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.currency_rates(name) IS
'Asks for the current rates of the bank, stores and returns them.';
CREATE FUNCTION autoclient.currency_rates_as_owner(server name) RETURNS SETOF autoclient.rate_row
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT w.server, r.*
      FROM autoclient.default_server($1) w (server)
     CROSS JOIN LATERAL autoclient.rates_of((k2bridge.invoke('autoclient.currency_rates', '{}', w.server)).reply, autoclient.zone(w.server)) r
     ORDER BY r.currency, r.side
$$;
COMMENT ON FUNCTION autoclient.currency_rates_as_owner(name) IS 'Behind autoclient.currency_rates.';

CREATE FUNCTION autoclient.currency_history(start_date date, end_date date, server name DEFAULT NULL) RETURNS SETOF autoclient.rate_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.currency_history(date, date, name) IS
'Asks for the rates of a span of days, in windows of 15, stores and returns them.';
CREATE FUNCTION autoclient.currency_history_as_owner(start_date date, end_date date, server name) RETURNS SETOF autoclient.rate_row
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted name := autoclient.default_server($3);
    from_day date := $1;
BEGIN
    PERFORM autoclient.day_range($1, coalesce($2, $1 - 1));
    WHILE from_day <= $2 LOOP
        RETURN QUERY
            SELECT wanted, r.*
              FROM autoclient.rates_of((k2bridge.invoke('autoclient.currency_history', autoclient.day_range(from_day, least($2, from_day + 14)), wanted)).reply,
                                       autoclient.zone(wanted)) r
             ORDER BY r.at, r.currency, r.side;
        from_day := from_day + 15;
    END LOOP;
END
$$;
COMMENT ON FUNCTION autoclient.currency_history_as_owner(date, date, name) IS 'Behind autoclient.currency_history.';
