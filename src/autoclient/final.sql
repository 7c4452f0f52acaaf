-- Final days: an account's days are fetched window after window, from its start to the last day whose statement is
-- final. A backfill is the same with an earlier start. final_through advances only over days that add up.

CREATE FUNCTION autoclient.oldest_day(server name) RETURNS date
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce((SELECT d.today FROM autoclient.server_day d WHERE d.server = $1),
                    (clock_timestamp() AT TIME ZONE autoclient.zone($1))::date) - 1095
$$;
COMMENT ON FUNCTION autoclient.oldest_day(name) IS 'The first day the bank still tells (wire/autoclient.md section 2.5).';

CREATE FUNCTION autoclient.next_window(server name, acc text, but bigint) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    a autoclient.account;
    c autoclient.company;
    final_day date := (SELECT d.date_final_statement FROM autoclient.server_day d WHERE d.server = $1 AND d.waiting_since IS NULL);
    subject text := format('autoclient:%s:%s:final', $1, $2);
    from_day date;
    to_day date;
    fresh boolean;
BEGIN
    SELECT k.* INTO a FROM autoclient.account k WHERE k.server = $1 AND k.acc = $2 FOR NO KEY UPDATE;
    SELECT k.* INTO c FROM autoclient.company k WHERE k.server = $1;
    IF final_day IS NULL OR NOT a.poll OR c.backfill_paused OR autoclient.under_way(subject, but) IS NOT NULL THEN
        RETURN NULL;
    END IF;
    from_day := greatest(coalesce(a.walked_through + 1, a.start_date), autoclient.oldest_day($1));
    -- What does not add up is asked again, in case the bank has mended it.
    IF from_day > final_day AND coalesce(a.final_through, a.start_date - 1) < a.walked_through
       AND coalesce(a.rechecked_at, '-infinity') < clock_timestamp() - interval '1 hour' THEN
        from_day := coalesce(a.final_through + 1, a.start_date);
        UPDATE autoclient.account k SET rechecked_at = clock_timestamp() WHERE k.server = $1 AND k.acc = $2;
    END IF;
    IF from_day > final_day THEN
        UPDATE autoclient.account k SET backfill_since = NULL, backfill_from = NULL
         WHERE k.server = $1 AND k.acc = $2 AND k.backfill_since IS NOT NULL;
        RETURN NULL;
    END IF;
    to_day := least(final_day, from_day + c.window_days - 1, CASE WHEN a.resume_from > from_day THEN a.resume_from - 1 END);
    IF a.backfill_since IS NULL AND to_day < final_day THEN
        UPDATE autoclient.account k SET backfill_since = clock_timestamp(), backfill_from = from_day
         WHERE k.server = $1 AND k.acc = $2;
    END IF;
    fresh := NOT EXISTS (SELECT FROM autoclient.transaction t WHERE t.server = $1 AND t.acc = $2 AND t.dat_od BETWEEN from_day AND to_day);
    RETURN k2bridge.enqueue('autoclient.transactions', jsonb_build_object('acc', $2,
               'startDate', autoclient.wire_date(from_day), 'endDate', autoclient.wire_date(to_day), 'limit', c.page_size,
               'about', jsonb_build_object('acc', $2, 'walk', nextval('autoclient.walk_seq'), 'from', from_day, 'to', to_day, 'fresh', fresh)),
               subject, $1);
END
$$;
COMMENT ON FUNCTION autoclient.next_window(name, text, bigint) IS
'Queues the first page of the next window of final days of an account; null when there is none, it is under way (apart from the given call) or paused.';

CREATE FUNCTION autoclient.finish_window(server name, about jsonb, but bigint) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    wanted text := about ->> 'acc';
    from_day date := (about ->> 'from')::date;
    to_day date := (about ->> 'to')::date;
    own_walk bigint := (about ->> 'walk')::bigint;
BEGIN
    UPDATE autoclient.transaction t SET vanished = true
     WHERE t.server = $1 AND t.acc = wanted AND t.dat_od BETWEEN from_day AND to_day
       AND NOT t.vanished AND t.walk IS DISTINCT FROM own_walk;
    -- A bank that sends no balances of days without movement takes an interim one back by silence.
    DELETE FROM autoclient.balance b
     WHERE b.server = $1 AND b.acc = wanted AND b.day BETWEEN from_day AND to_day AND NOT b.is_final;
    UPDATE autoclient.account a
       SET walked_through = greatest(a.walked_through, to_day), last_error = NULL
     WHERE a.server = $1 AND a.acc = wanted;
    PERFORM autoclient.rejoin($1, wanted);
    PERFORM autoclient.advance($1, wanted);
    PERFORM autoclient.next_window($1, wanted, $3);
END
$$;
COMMENT ON FUNCTION autoclient.finish_window(name, jsonb, bigint) IS
'Closes a window of final days: flags what its statement no longer has, advances final_through, goes on with the next window.';

CREATE FUNCTION autoclient.rejoin(server name, acc text) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    UPDATE autoclient.account a
       SET walked_through = greatest(a.walked_through, a.resume_through), resume_from = NULL, resume_through = NULL
     WHERE a.server = $1 AND a.acc = $2 AND a.walked_through >= a.resume_from - 1
$$;
COMMENT ON FUNCTION autoclient.rejoin(name, text) IS 'A backfill that has reached the history that was here before goes on behind it.';

CREATE FUNCTION autoclient.advance(server name, acc text) RETURNS date
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    UPDATE autoclient.account a
       SET final_through = (SELECT coalesce(min(p.day) - 1, a.walked_through)
                              FROM autoclient.check_days(a.server, a.acc COLLATE "default", coalesce(a.final_through + 1, a.start_date), a.walked_through) p
                             WHERE p.problem <> 'vanished')
     WHERE a.server = $1 AND a.acc = $2
    RETURNING a.final_through
$$;
COMMENT ON FUNCTION autoclient.advance(name, text) IS
'Moves final_through over the fetched days that add up; a row that vanished does not stop it, since the sums are right without it.';

CREATE FUNCTION autoclient.backfill_as_owner(acc text, start_date date, server name) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    wanted name := autoclient.default_server($3);
    a autoclient.account;
BEGIN
    SELECT k.* INTO a FROM autoclient.account k WHERE k.server = wanted AND k.acc = autoclient.account_named(wanted, $1) FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'account "%" of server "%" is not known', $1, wanted USING ERRCODE = 'no_data_found',
            HINT = format('SELECT autoclient.poll(%L); asks the bank for the accounts.', wanted);
    ELSIF $2 < autoclient.oldest_day(wanted) THEN
        RAISE EXCEPTION 'start_date % is too long ago', $2 USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'The bank tells at most 1095 days.', HINT = format('Begin with %s or later.', autoclient.oldest_day(wanted));
    END IF;
    IF $2 < a.start_date THEN
        UPDATE autoclient.account k
           SET start_date = $2, final_through = NULL, walked_through = NULL, backfill_since = NULL, backfill_from = NULL,
               resume_from = CASE WHEN a.walked_through >= a.start_date THEN coalesce(least(a.resume_from, a.start_date), a.start_date) END,
               resume_through = CASE WHEN a.walked_through >= a.start_date THEN greatest(a.resume_through, a.walked_through) END
         WHERE k.server = a.server AND k.acc = a.acc;
    END IF;
    RETURN autoclient.next_window(a.server, a.acc COLLATE "default", NULL);
END
$$;
COMMENT ON FUNCTION autoclient.backfill_as_owner(text, date, name) IS 'Behind autoclient.backfill.';
CREATE FUNCTION autoclient.backfill(acc text, start_date date, server name DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.backfill(text, date, name) IS
'Starts or resumes fetching an account''s history from a day on, window after window (k2bridge.progress shows it); returns the id of the call, null when nothing is to be fetched or it is under way.';

CREATE FUNCTION autoclient.pause_backfill_as_owner(server name, paused boolean) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    wanted name := autoclient.default_server($1);
BEGIN
    UPDATE autoclient.company c SET backfill_paused = $2 WHERE c.server = wanted;
    PERFORM k2bridge.record_audit('autoclient.company', wanted::text, CASE WHEN $2 THEN 'pause backfill' ELSE 'resume backfill' END, NULL, NULL, NULL);
    IF NOT $2 THEN
        PERFORM autoclient.next_window(a.server, a.acc COLLATE "default", NULL) FROM autoclient.account a WHERE a.server = wanted AND a.poll;
    END IF;
END
$$;
COMMENT ON FUNCTION autoclient.pause_backfill_as_owner(name, boolean) IS 'Behind autoclient.pause_backfill.';
CREATE FUNCTION autoclient.pause_backfill(server name DEFAULT NULL, paused boolean DEFAULT true) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.pause_backfill(name, boolean) IS
'Holds the fetching of final days of a company after the window under way; paused => false goes on where it stopped. Interim rows go on being polled.';
