-- Partitions of the call history, and what goes when it is old.

CREATE FUNCTION k2bridge.expiry(setting text) RETURNS timestamptz
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN current_setting(setting) = '0' THEN '-infinity' ELSE now() - current_setting(setting)::interval END
$$;
COMMENT ON FUNCTION k2bridge.expiry(text) IS
'What is older than this may go, as the setting (k2bridge.retention or k2bridge.retention_reads) says; -infinity when nothing may.';

CREATE FUNCTION k2bridge.call_partitions(OUT name name, OUT day date) RETURNS SETOF record
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT c.relname, to_date(right(c.relname, 8), 'YYYYMMDD')
      FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
     WHERE i.inhparent = 'k2bridge.call'::regclass AND c.relname ~ '^call_\d{8}$'
$$;
COMMENT ON FUNCTION k2bridge.call_partitions() IS 'The daily partitions of k2bridge.call; days are UTC days, so that no setting moves them.';

CREATE FUNCTION k2bridge.make_partitions(ahead integer DEFAULT 7) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    wanted date;
    partition name;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('k2bridge.make_partitions'));
    IF EXISTS (SELECT FROM k2bridge.call_default) THEN
        -- No row may arrive in the default partition between its rows' move and the attachment.
        LOCK TABLE k2bridge.call_default IN ACCESS EXCLUSIVE MODE;
    END IF;
    FOR wanted IN
        SELECT d.finished_at::date FROM k2bridge.call_default d
        UNION SELECT current_date + n FROM generate_series(0, ahead) n
        EXCEPT SELECT p.day FROM k2bridge.call_partitions() p
        ORDER BY 1
    LOOP
        partition := to_char(wanted, '"call_"YYYYMMDD');
        -- ATTACH lets readers and writers of the other partitions go on, CREATE TABLE … PARTITION OF does not.
        EXECUTE format('CREATE TABLE k2bridge.%I (LIKE k2bridge.call_default INCLUDING ALL)', partition);
        EXECUTE format('WITH moved AS (DELETE FROM k2bridge.call_default
                            WHERE finished_at >= %2$L AND finished_at < %3$L RETURNING *)
                        INSERT INTO k2bridge.%1$I SELECT * FROM moved', partition,
                       wanted::timestamptz, (wanted + 1)::timestamptz);
        EXECUTE format('ALTER TABLE k2bridge.call ATTACH PARTITION k2bridge.%I FOR VALUES FROM (%L) TO (%L)', partition,
                       wanted::timestamptz, (wanted + 1)::timestamptz);
    END LOOP;
END
$$;
COMMENT ON FUNCTION k2bridge.make_partitions(integer) IS
'Makes the daily partitions of k2bridge.call from today to so many days ahead, and those of rows that fell into the default partition.';

CREATE FUNCTION k2bridge.expire_calls() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    partition record;
    swept constant text := 'reads removed';
    keeps boolean;
    reads_until constant timestamptz := k2bridge.expiry('k2bridge.retention_reads');
    money_until constant timestamptz := k2bridge.expiry('k2bridge.retention');
    leaving name[] := '{}';
BEGIN
    FOR partition IN
        SELECT p.name, (p.day + 1)::timestamptz AS until, obj_description(format('k2bridge.%I', p.name)::regclass) AS note
          FROM k2bridge.call_partitions() p ORDER BY p.day
    LOOP
        IF partition.until <= least(reads_until, money_until) THEN
            leaving := leaving || partition.name;
        ELSIF partition.until <= reads_until AND partition.note IS DISTINCT FROM swept THEN
            EXECUTE format('SELECT EXISTS (SELECT FROM k2bridge.%I WHERE delivery <> ''at_least_once'')', partition.name)
               INTO keeps;
            IF keeps THEN
                EXECUTE format('DELETE FROM k2bridge.%I WHERE delivery = ''at_least_once''', partition.name);
                EXECUTE format('COMMENT ON TABLE k2bridge.%I IS %L', partition.name, swept);
            ELSE
                leaving := leaving || partition.name;
            END IF;
        ELSIF partition.until <= money_until THEN
            EXECUTE format('DELETE FROM k2bridge.%I WHERE delivery <> ''at_least_once''', partition.name);
        END IF;
    END LOOP;
    -- Last, because it locks the whole history for the rest of the transaction.
    FOR partition IN SELECT unnest(leaving) AS name LOOP
        EXECUTE format('DROP TABLE k2bridge.%I', partition.name);
    END LOOP;
END
$$;
COMMENT ON FUNCTION k2bridge.expire_calls() IS
'Removes finished calls by age: reads by k2bridge.retention_reads, at_most_once calls by k2bridge.retention; a partition with nothing left is dropped.';

CREATE FUNCTION k2bridge.maintain() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM k2bridge.inbox WHERE received_at < k2bridge.expiry('k2bridge.retention');
    DELETE FROM k2bridge.rejected_item
     WHERE settled_at IS NOT NULL AND rejected_at < k2bridge.expiry('k2bridge.retention');
    DELETE FROM k2bridge.audit WHERE at < k2bridge.expiry('k2bridge.retention');
    PERFORM k2bridge.make_partitions();
    PERFORM k2bridge.expire_calls();
END
$$;
COMMENT ON FUNCTION k2bridge.maintain() IS
'Makes partitions of k2bridge.call ahead and removes what k2bridge.retention and k2bridge.retention_reads let go; run daily by the schedule.';
