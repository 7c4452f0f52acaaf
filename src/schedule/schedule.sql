-- What the scheduler and the table k2bridge.schedule need.

CREATE FUNCTION k2bridge.next_run(every interval, at time, former timestamptz, since timestamptz) RETURNS timestamptz
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    zone   text := current_setting('k2bridge.timezone');
    begun  boolean := coalesce(isfinite(former), false);
    anchor timestamp := CASE WHEN begun THEN former ELSE since END AT TIME ZONE zone;
    target timestamp := since AT TIME ZONE zone;
    steps  bigint;
BEGIN
    IF at IS NOT NULL THEN
        anchor := anchor::date + at;
        IF NOT begun AND anchor > target THEN
            RETURN anchor AT TIME ZONE zone;
        END IF;
    ELSIF NOT begun THEN
        RETURN since;
    END IF;
    -- The number of steps is estimated, because a month has no fixed length, then put right.
    steps := greatest(1, floor(extract(epoch FROM target - anchor) / extract(epoch FROM every))::bigint);
    WHILE steps > 1 AND anchor + (steps - 1) * every > target LOOP
        steps := steps - 1;
    END LOOP;
    WHILE anchor + steps * every <= target LOOP
        steps := steps + 1;
    END LOOP;
    RETURN (anchor + steps * every) AT TIME ZONE zone;
END
$$;
COMMENT ON FUNCTION k2bridge.next_run(interval, time, timestamptz, timestamptz) IS
'First moment after "since" on the grid of a schedule row: former + n * every, or from the local time "at" in k2bridge.timezone. Missed runs are not made up for.';

CREATE FUNCTION k2bridge.schedule_changed() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    writer name := k2bridge.caller();
    allowed boolean;
BEGIN
    NEW.run_as := coalesce(NEW.run_as, writer);
    SELECT bool_and(pg_has_role(w.role, r.oid, 'MEMBER') AND (NOT r.rolsuper OR s.rolsuper)) INTO allowed
      FROM (VALUES (writer), (current_user)) w (role)
      JOIN pg_roles s ON s.rolname = w.role, pg_roles r
     WHERE r.rolname = NEW.run_as;
    IF allowed IS NULL THEN
        RAISE EXCEPTION 'role "%" does not exist', NEW.run_as USING ERRCODE = 'undefined_object';
    ELSIF NOT allowed THEN
        RAISE EXCEPTION 'the schedule may not run commands as role "%"', NEW.run_as
            USING ERRCODE = 'insufficient_privilege',
                  HINT = format('Choose a role that both "%s" and the owner of the table, "%s", are members of.', writer, current_user);
    END IF;
    IF TG_OP = 'INSERT' THEN
        NEW.next_run := coalesce(NEW.next_run, k2bridge.next_run(NEW.every, NEW.at, NULL, clock_timestamp()));
    ELSIF NEW.next_run IS NULL
          OR (NEW.next_run = OLD.next_run AND (NEW.every, NEW.at) IS DISTINCT FROM (OLD.every, OLD.at)) THEN
        NEW.next_run := CASE WHEN NEW.at IS NULL AND OLD.last_run IS NOT NULL
            THEN greatest(OLD.last_run + NEW.every, clock_timestamp())
            ELSE k2bridge.next_run(NEW.every, NEW.at, NULL, clock_timestamp()) END;
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION k2bridge.schedule_changed() IS
'Trigger: checks run_as and fills run_as and next_run of a schedule row.';

CREATE FUNCTION k2bridge.wake_scheduler() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'k2bridge_wake_scheduler';
COMMENT ON FUNCTION k2bridge.wake_scheduler() IS 'Trigger: the scheduler looks at its table again when the transaction commits.';

CREATE FUNCTION k2bridge.wake_launcher() RETURNS void
    LANGUAGE c AS 'MODULE_PATHNAME', 'k2bridge_wake_launcher';
COMMENT ON FUNCTION k2bridge.wake_launcher() IS
'The launcher looks again, when the transaction commits, whether this database has something to do.';
