-- Incoming ПТ: the rules of k2.req, its events, and what the handlers of O5, O6, O7 report.
--
-- Statuses only move forward. new → registered → accepted → in_card_index → executed, skipping allowed; recalling and
-- returning remember the former status and end in recalled and returned, or go back to it when the bank refuses.

CREATE FUNCTION k2.changed_columns(old jsonb, new jsonb, ignored text[]) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT string_agg(n.key, ', ' ORDER BY n.key)
      FROM jsonb_each($2) n
     WHERE n.key <> ALL ($3) AND n.value IS DISTINCT FROM $1 -> n.key
$$;
COMMENT ON FUNCTION k2.changed_columns(jsonb, jsonb, text[]) IS
'Names of the columns in which two versions of a row differ, null when they do not; ignored ones do not count.';

CREATE FUNCTION k2.event_source() RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(k2bridge.client(), k2bridge.caller())::text
$$;
COMMENT ON FUNCTION k2.event_source() IS 'Who made an event: the API client, or the role that acts.';

CREATE FUNCTION k2.acting_user() RETURNS name
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN k2bridge.client() IS NULL THEN k2bridge.caller() ELSE 'system' END
$$;
COMMENT ON FUNCTION k2.acting_user() IS 'Login (k2.app_user) for created_by and updated_by: the role that acts; over HTTP the system user.';

CREATE FUNCTION k2.may_backdate() RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT pg_has_role(k2bridge.caller(), current_user, 'MEMBER')
$$;
COMMENT ON FUNCTION k2.may_backdate() IS
'Whether who acts may write created_by and the like himself (loading history): only who can be the owner of the tables. For triggers.';

CREATE FUNCTION k2.req_rank(status text) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT array_position('{new,registered,accepted,in_card_index,executed}', $1)
$$;
COMMENT ON FUNCTION k2.req_rank(text) IS 'How far a status of an incoming ПТ is on the way to execution; null off that way.';

CREATE FUNCTION k2.req_may_move(status text, wanted text, former_status text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(CASE
        WHEN $1 IN ('recalling', 'returning')
            THEN $2 IN ('executed', 'returned') OR $2 = $3 OR ($1 = 'recalling' AND $2 = 'recalled')
        WHEN $1 IN ('new', 'registered', 'accepted', 'in_card_index')
            THEN k2.req_rank($2) > k2.req_rank($1) OR $2 IN ('recalling', 'returning', 'returned')
                 OR ($1 = 'new' AND $2 = 'refused')
        WHEN $1 = 'refused' THEN $2 IN ('registered', 'executed')
    END, false)
$$;
COMMENT ON FUNCTION k2.req_may_move(text, text, text) IS 'Whether an incoming ПТ may go from one status to another.';

CREATE FUNCTION k2.req_event_kind(status text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE $1 WHEN 'accepted' THEN 'PC1' WHEN 'in_card_index' THEN 'PC3' ELSE upper($1) END
$$;
COMMENT ON FUNCTION k2.req_event_kind(text) IS 'Kind of the event that a status leaves behind.';

CREATE FUNCTION k2.req_move_check(refer text, status text, wanted text, former_status text, reason_code text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT k2.req_may_move(status, wanted, former_status) THEN
        RAISE EXCEPTION 'payment request "%" cannot go from % to %', refer, status, wanted USING ERRCODE = '55000';
    ELSIF wanted IN ('recalling', 'returning') AND reason_code IS NULL THEN
        RAISE EXCEPTION 'payment request "%" needs a reason_code to be recalled or returned', refer
            USING ERRCODE = '23502', HINT = 'SELECT * FROM k2.return_reason lists the reasons.';
    END IF;
END
$$;
COMMENT ON FUNCTION k2.req_move_check(text, text, text, text, text) IS 'Raises when an incoming ПТ may not change its status so.';

CREATE FUNCTION k2.req_rules() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    actor name := k2.acting_user();
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := CASE WHEN k2.may_backdate() THEN coalesce(NEW.created_by, actor) ELSE actor END;
        NEW.updated_by := CASE WHEN k2.may_backdate() THEN coalesce(NEW.updated_by, NEW.created_by) ELSE actor END;
        NEW.former_status := CASE WHEN NEW.status IN ('recalling', 'returning')
                                  THEN coalesce(NEW.former_status, 'registered') END;
        RETURN NEW;
    END IF;
    IF NEW.refer <> OLD.refer THEN
        RAISE EXCEPTION 'the reference of payment request "%" cannot change', OLD.refer USING ERRCODE = '55000';
    END IF;
    IF NEW.status <> OLD.status THEN
        PERFORM k2.req_move_check(NEW.refer, OLD.status, NEW.status, OLD.former_status, NEW.reason_code);
        NEW.former_status := CASE WHEN NEW.status IN ('recalling', 'returning') THEN OLD.status END;
        NEW.reason_code := CASE WHEN NEW.status IN ('recalling', 'recalled', 'returning', 'returned') THEN NEW.reason_code END;
        NEW.note := nullif(NEW.note, OLD.note);
    END IF;
    NEW.updated_at := clock_timestamp();
    NEW.updated_by := actor;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION k2.req_rules() IS 'Row trigger of k2.req: who and when, and which status may follow which.';

CREATE FUNCTION k2.req_record_insert() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO k2.req_event (refer, kind, reason_code, source, correlation, note)
    SELECT n.refer, k2.req_event_kind(n.status), n.reason_code, k2.event_source(), k2bridge.correlation(), n.note
      FROM new_rows n ORDER BY n.refer;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION k2.req_record_insert() IS 'Statement trigger of k2.req: the first event of every new ПТ.';

-- The plan of a join of transition tables is kept from its first call, when they may hold one row; a nested loop would
-- be quadratic later. JIT is off, since a forbidden nested loop that cannot be avoided costs so much that it would be
-- compiled.
CREATE FUNCTION k2.req_record_update() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_nestloop = off SET jit = off AS $$
BEGIN
    INSERT INTO k2.req_event (refer, kind, reason_code, source, correlation, note)
    SELECT n.refer, e.kind, e.reason_code, k2.event_source(), k2bridge.correlation(), e.note
      FROM new_rows n
      JOIN old_rows o USING (refer)
     CROSS JOIN LATERAL (
        SELECT 1, CASE WHEN n.status <> o.former_status OR o.former_status IS NULL THEN k2.req_event_kind(n.status)
                       WHEN o.status = 'recalling' THEN 'RECALL_REFUSED'
                       ELSE 'RETURN_REFUSED' END, n.reason_code, n.note
         WHERE n.status <> o.status
        UNION ALL
        SELECT 2, k2.req_event_kind(n.former_status), NULL, n.note
         WHERE n.status = o.status AND n.former_status <> o.former_status
        UNION ALL
        SELECT 3, 'CHANGED', NULL, c.columns
          FROM k2.changed_columns(to_jsonb(o), to_jsonb(n),
                   '{status,former_status,reason_code,note,updated_at,updated_by}') AS c (columns)
         WHERE c.columns IS NOT NULL) AS e (position, kind, reason_code, note)
     ORDER BY n.refer, e.position;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION k2.req_record_update() IS 'Statement trigger of k2.req: one event per change.';

CREATE FUNCTION k2.req_record_once(refer text, kind text, note text) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO k2.req_event (refer, kind, source, correlation, note)
    SELECT $1, $2, k2.event_source(), k2bridge.correlation(), $3
     WHERE NOT EXISTS (SELECT FROM k2.req_event e WHERE e.refer = $1 AND e.kind = $2)
$$;
COMMENT ON FUNCTION k2.req_record_once(text, text, text) IS
'Keeps something that came too late to change the status of an incoming ПТ, unless an event of the kind is there already.';

-- What the handlers of O5, O6 and O7 report. They may do so twice, and after an inbound status went past them.

CREATE FUNCTION k2.req_registered(refer text, ok boolean, error_text text DEFAULT NULL) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    reached text := CASE WHEN ok THEN 'registered' ELSE 'refused' END;
    current record;
BEGIN
    SELECT r.status, r.former_status INTO current FROM k2.req r WHERE r.refer = $1 FOR NO KEY UPDATE;
    IF current.status = 'new' OR (current.status = 'refused' AND ok) THEN
        UPDATE k2.req r SET status = reached, note = error_text WHERE r.refer = $1;
    ELSIF current.former_status = 'new' OR (current.former_status = 'refused' AND ok) THEN
        UPDATE k2.req r SET former_status = reached, note = error_text WHERE r.refer = $1;
    END IF;
END
$$;
COMMENT ON FUNCTION k2.req_registered(text, boolean, text) IS
'O5 ended: the ПТ is registered, or refused with the bank''s text. Without effect once it is further.';

CREATE FUNCTION k2.req_left(refer text, leaving text, ok boolean, error_text text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    gone text := CASE leaving WHEN 'recalling' THEN 'recalled' ELSE 'returned' END;
    current record;
BEGIN
    SELECT r.status, r.former_status INTO current FROM k2.req r WHERE r.refer = $1 FOR NO KEY UPDATE;
    IF current.status = leaving THEN
        UPDATE k2.req r SET status = CASE WHEN ok THEN gone ELSE r.former_status END, note = error_text
         WHERE r.refer = $1;
    ELSIF ok AND current.status <> gone THEN
        PERFORM k2.req_record_once($1, upper(gone), 'without effect, the request is ' || current.status);
    END IF;
END
$$;
COMMENT ON FUNCTION k2.req_left(text, text, boolean, text) IS 'Behind k2.req_recalled and k2.req_returned.';

CREATE FUNCTION k2.req_recalled(refer text, ok boolean, error_text text DEFAULT NULL) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$ SELECT k2.req_left($1, 'recalling', $2, $3) $$;
COMMENT ON FUNCTION k2.req_recalled(text, boolean, text) IS
'O6 ended, or was cancelled together with the registration (ok): the ПТ is recalled, or its former status is back.';

CREATE FUNCTION k2.req_returned(refer text, ok boolean, error_text text DEFAULT NULL) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$ SELECT k2.req_left($1, 'returning', $2, $3) $$;
COMMENT ON FUNCTION k2.req_returned(text, boolean, text) IS
'O7 ended: the ПТ is returned, or its former status is back.';
