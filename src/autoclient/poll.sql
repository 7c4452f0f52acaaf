-- The rounds of polling: settings, then balances of all accounts, then per account the interim statement and the days
-- that have become final. Every page is a queued call whose handler stores the rows and queues the next page in one
-- transaction, so that a crash between any two pages neither loses nor repeats a row (design section 7).
--
-- Subjects: autoclient:<server> the round, autoclient:<server>:<acc>:interim and …:final what is fetched of an account.
--
-- COLLATE "default" where a server goes along with an account: an argument of type name would otherwise give all text in
-- the function collation "C", and no index on accounts could be used (src/README.md).

CREATE FUNCTION autoclient.under_way(subject text, but bigint) RETURNS bigint
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT min(o.id) FROM k2bridge.outbox o WHERE o.subject = $1 AND o.id IS DISTINCT FROM $2
$$;
COMMENT ON FUNCTION autoclient.under_way(text, bigint) IS 'The unfinished call of a subject, other than the given one.';

CREATE FUNCTION autoclient.start_round(server name) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO autoclient.company (server) VALUES ($1) ON CONFLICT DO NOTHING;
    PERFORM pg_advisory_xact_lock(hashtext('autoclient:' || $1));
    RETURN coalesce(autoclient.under_way('autoclient:' || $1, NULL),
                    k2bridge.enqueue('autoclient.settings', '{"about": {"round": true}}', 'autoclient:' || $1, $1));
END
$$;
COMMENT ON FUNCTION autoclient.start_round(name) IS 'Queues a round of polling, unless one is under way.';

CREATE FUNCTION autoclient.poll_as_owner(server name) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    companies name[] := ARRAY(SELECT c.server FROM autoclient.company c ORDER BY c.server);
    queued bigint;
BEGIN
    IF $1 IS NOT NULL OR cardinality(companies) = 0 THEN
        RETURN autoclient.start_round(autoclient.default_server($1));
    END IF;
    SELECT max(autoclient.start_round(autoclient.default_server(c))) INTO queued FROM unnest(companies) c;
    RETURN queued;
END
$$;
COMMENT ON FUNCTION autoclient.poll_as_owner(name) IS 'Behind autoclient.poll.';
CREATE FUNCTION autoclient.poll(server name DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.poll(name) IS
'Queues one round of polling of a company (null: of every company) and returns the id of its first call, or of the round under way.';

-- Settings.

CREATE FUNCTION autoclient.store_settings(server name, settings jsonb, at timestamptz) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, DMY' AS $$
#variable_conflict use_column
DECLARE
    clock timestamptz := (settings ->> 'server_date_time')::timestamp AT TIME ZONE autoclient.zone($1);
    ready boolean := k2bridge.need_argument('settings.phase', settings ->> 'phase') = 'WRK'
                     AND coalesce(settings ->> 'work_balance', 'N') = 'N';
BEGIN
    INSERT INTO autoclient.server_day AS known (server, phase, work_balance, today, lastday, date_final_statement,
        dates_without_oper_day, server_date_time, clock_skew, asked_at, waiting_since)
    VALUES ($1, settings ->> 'phase', settings ->> 'work_balance', (settings ->> 'today')::timestamp::date,
            (settings ->> 'lastday')::timestamp::date, (settings ->> 'date_final_statement')::timestamp::date,
            ARRAY(SELECT d::timestamp::date FROM jsonb_array_elements_text(coalesce(settings -> 'dates_without_oper_day', '[]')) d ORDER BY 1),
            clock, clock - at, at, CASE WHEN NOT ready THEN at END)
        ON CONFLICT (server) DO UPDATE
       SET phase = excluded.phase, work_balance = excluded.work_balance, today = excluded.today, lastday = excluded.lastday,
           date_final_statement = excluded.date_final_statement, dates_without_oper_day = excluded.dates_without_oper_day,
           server_date_time = excluded.server_date_time, clock_skew = excluded.clock_skew, asked_at = excluded.asked_at,
           waiting_since = CASE WHEN NOT ready THEN coalesce(known.waiting_since, excluded.asked_at) END, last_error = NULL
     WHERE known.asked_at <= excluded.asked_at;
    UPDATE autoclient.company c SET start_date = d.lastday
      FROM autoclient.server_day d WHERE c.server = $1 AND d.server = $1 AND c.start_date IS NULL;
END
$$;
COMMENT ON FUNCTION autoclient.store_settings(name, jsonb, timestamptz) IS
'Stores the bank''s day. A company without start_date begins with the operational day before the first one seen.';

CREATE FUNCTION autoclient.settings_done(call k2bridge.call_row) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF call.outcome <> 'ok' THEN
        PERFORM autoclient.note_round_error(call);
        RETURN;
    END IF;
    PERFORM autoclient.store_settings(call.server, call.reply -> 'settings', coalesce(call.finished_at, clock_timestamp()));
    IF call.args #> '{about,round}' = 'true'
       AND EXISTS (SELECT FROM autoclient.server_day d WHERE d.server = call.server AND d.waiting_since IS NULL) THEN
        PERFORM k2bridge.enqueue('autoclient.balances_interim', '{"limit": 100, "about": {"round": true}}', call.subject, call.server);
    END IF;
END
$$;
COMMENT ON FUNCTION autoclient.settings_done(k2bridge.call_row) IS
'Handler of autoclient.settings: stores the bank''s day; in a round goes on only with phase WRK and work_balance N.';

CREATE FUNCTION autoclient.note_round_error(call k2bridge.call_row) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO autoclient.server_day (server, asked_at, last_error)
    SELECT call.server, clock_timestamp(), concat_ws(': ', call.endpoint, call.outcome, call.error_code, call.error_text)
     WHERE call.args #> '{about,round}' = 'true'
        ON CONFLICT (server) DO UPDATE SET last_error = excluded.last_error
$$;
COMMENT ON FUNCTION autoclient.note_round_error(k2bridge.call_row) IS 'Notes why a round of polling ended before it reached the accounts.';

-- Balances.

CREATE FUNCTION autoclient.balances_done(call k2bridge.call_row, reply json) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    about jsonb := coalesce(call.args -> 'about', '{}');
    items json;
BEGIN
    IF call.outcome <> 'ok' THEN
        PERFORM autoclient.note_round_error(call);
        PERFORM autoclient.note_account_error(call);
        RETURN;
    END IF;
    SELECT p.rest, p.items INTO call.reply, items FROM autoclient.page_of(reply, 'balances') p;
    IF about ? 'round' THEN
        PERFORM autoclient.discover(call.server, items::jsonb, c.start_date) FROM autoclient.company c WHERE c.server = call.server;
    END IF;
    PERFORM autoclient.store_balances(call.server COLLATE "default", coalesce(about ->> 'acc', autoclient.account_named(call.server, call.args ->> 'acc')), items, (about ->> 'to')::date);
    IF about ? 'direct' OR autoclient.queue_next_page(call) THEN
        RETURN;
    ELSIF about ? 'round' THEN
        PERFORM autoclient.start_accounts(call.server);
    ELSIF about ? 'walk' THEN
        PERFORM autoclient.finish_window(call.server COLLATE "default", about, call.id);
    END IF;
END
$$;
COMMENT ON FUNCTION autoclient.balances_done(k2bridge.call_row, json) IS
'Handler of the balance calls: stores the page; after the last one a round goes on to the accounts, and a window of final days is closed.';

CREATE FUNCTION autoclient.start_accounts(server name) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE autoclient.server_day d SET round_done_at = clock_timestamp() WHERE d.server = $1;
    PERFORM autoclient.start_interim(a.server, a.acc COLLATE "default"), autoclient.next_window(a.server, a.acc COLLATE "default", NULL)
       FROM autoclient.account a WHERE a.server = $1 AND a.poll ORDER BY a.acc;
END
$$;
COMMENT ON FUNCTION autoclient.start_accounts(name) IS 'Starts what is to be fetched of each polled account, where it is not under way.';

-- Interim rows.

CREATE FUNCTION autoclient.start_interim(server name, acc text) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    day autoclient.server_day;
    subject text := format('autoclient:%s:%s:interim', $1, $2);
    about jsonb := jsonb_build_object('acc', $2);
BEGIN
    SELECT d.* INTO day FROM autoclient.server_day d WHERE d.server = $1;
    IF autoclient.under_way(subject, NULL) IS NOT NULL THEN
        RETURN NULL;
    END IF;
    -- During the change of day some days may be neither final nor within the interim window.
    IF day.date_final_statement + 1 < day.lastday THEN
        RETURN k2bridge.enqueue('autoclient.transactions', jsonb_build_object('acc', $2,
                   'startDate', autoclient.wire_date(day.date_final_statement + 1), 'endDate', autoclient.wire_date(day.today),
                   'limit', 100, 'about', about || '{"interim": true}'), subject, $1);
    END IF;
    RETURN k2bridge.enqueue('autoclient.transactions_interim',
               jsonb_build_object('acc', $2, 'limit', 100, 'about', about || '{"interim": true}'), subject, $1);
END
$$;
COMMENT ON FUNCTION autoclient.start_interim(name, text) IS 'Queues the first page of an account''s rows that are not final, unless that is under way.';

CREATE FUNCTION autoclient.note_account_error(call k2bridge.call_row) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    UPDATE autoclient.account a
       SET last_error = concat_ws(': ', call.endpoint, call.outcome, call.error_code, call.error_text)
     WHERE a.server = call.server AND a.acc = call.args #>> '{about,acc}'
$$;
COMMENT ON FUNCTION autoclient.note_account_error(k2bridge.call_row) IS 'Notes why the fetching of an account ended; the next round begins it anew.';

CREATE FUNCTION autoclient.transactions_done(call k2bridge.call_row, reply json) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    about jsonb := coalesce(call.args -> 'about', '{}');
    items json;
    final_until date;
BEGIN
    IF call.outcome <> 'ok' THEN
        PERFORM autoclient.note_account_error(call);
        RETURN;
    END IF;
    final_until := CASE WHEN about ? 'walk' THEN (about ->> 'to')::date
                        WHEN call.endpoint = 'autoclient.transactions_final' THEN 'infinity'
                        WHEN call.endpoint = 'autoclient.transactions' AND NOT about ? 'interim'
                        THEN (SELECT d.date_final_statement FROM autoclient.server_day d WHERE d.server = call.server) END;
    SELECT p.rest, p.items INTO call.reply, items FROM autoclient.page_of(reply, 'transactions') p;
    PERFORM autoclient.store_transactions(call.server COLLATE "default", coalesce(about ->> 'acc', autoclient.account_named(call.server, call.args ->> 'acc')),
                items, final_until, (about ->> 'walk')::bigint, about -> 'fresh' = 'true');
    IF EXISTS (SELECT FROM autoclient.payment p WHERE p.server = call.server AND p.state = 'uncertain') THEN
        PERFORM autoclient.match_uncertain(call.server);
    END IF;
    IF about ? 'direct' OR autoclient.queue_next_page(call) THEN
        RETURN;
    ELSIF about ? 'interim' THEN
        UPDATE autoclient.account a SET last_poll = clock_timestamp(), last_error = NULL
         WHERE a.server = call.server AND a.acc = about ->> 'acc';
    ELSIF about ? 'walk' THEN
        PERFORM k2bridge.enqueue('autoclient.balances', call.args - 'followId', call.subject, call.server);
    END IF;
END
$$;
COMMENT ON FUNCTION autoclient.transactions_done(k2bridge.call_row, json) IS
'Handler of the statement calls: stores the page and queues the next one; after the last page of a window of final days its balances follow.';
