-- Calls that only the queue sends: registration, recall and return of a payment request, push of the exclusions.
-- They return the id in k2bridge.outbox; k2bridge.wait(id) is the next statement.

CREATE FUNCTION abs.reg_pt(refer text, server name DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION abs.reg_pt(text, name) IS
'Queues the registration of a payment request of k2.req in the ABS (O5) and returns its id, or the id of the one that is queued already.';

CREATE FUNCTION abs.locked_status(wanted_refer text) RETURNS text
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    current_status text;
BEGIN
    SELECT r.status INTO current_status FROM k2.req r WHERE r.refer = wanted_refer FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'payment request "%" does not exist', coalesce(wanted_refer, '') USING ERRCODE = 'no_data_found',
            HINT = 'refer is the key of k2.req.';
    END IF;
    RETURN current_status;
END
$$;
COMMENT ON FUNCTION abs.locked_status(text) IS 'Status of an incoming payment request, its row locked; raises when it does not exist.';

CREATE FUNCTION abs.queued_call(subject text, endpoint text) RETURNS bigint
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT max(o.id) FROM k2bridge.outbox o
     WHERE o.subject = $1 AND o.endpoint = $2 AND o.wish IS DISTINCT FROM 'cancel'
$$;
COMMENT ON FUNCTION abs.queued_call(text, text) IS 'The unfinished call of an endpoint for a subject, null when there is none.';

CREATE FUNCTION abs.reg_pt_as_owner(refer text, server name) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    status text := abs.locked_status($1);
    queued bigint := abs.queued_call('req:' || $1, 'abs.reg_pt');
BEGIN
    IF queued IS NOT NULL THEN
        RETURN queued;
    ELSIF status NOT IN ('new', 'refused') THEN
        RAISE EXCEPTION 'payment request "%" is % already', $1, status USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Only a new or refused payment request can be registered.';
    END IF;
    RETURN (SELECT k2bridge.enqueue('abs.reg_pt', c.args, 'req:' || c.refer, $2) FROM abs.reg_pt_calls(ARRAY[$1]) c);
END
$$;
COMMENT ON FUNCTION abs.reg_pt_as_owner(text, name) IS 'Behind abs.reg_pt.';

CREATE FUNCTION abs.withdraw(refer text, reason_code text, endpoint text, pending text, server name) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    status text := abs.locked_status($1);
    subject text := 'req:' || $1;
    queued bigint;
BEGIN
    IF status <> pending THEN
        PERFORM CASE pending WHEN 'recalling' THEN k2.recall_req_as_owner($1, $2) ELSE k2.return_req_as_owner($1, $2) END;
        RETURN abs.queued_call(subject, $3);
    END IF;
    PERFORM k2.check_reason($2);
    queued := abs.queued_call(subject, $3);
    RETURN coalesce(queued, k2bridge.enqueue($3, jsonb_build_object('refer', $1, 'reason_code', $2), subject, $5));
END
$$;
COMMENT ON FUNCTION abs.withdraw(text, text, text, text, name) IS
'Recalls or returns a payment request and gives the id of the call that its trigger queued; queues one when it is pending without a call.';

CREATE FUNCTION abs.refuse_pt(refer text, reason_code text, server name DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION abs.refuse_pt(text, text, name) IS
'Recalls an incoming payment request and returns the id of the queued call (O6); null when its registration was never sent, so that nothing is to be recalled.';

CREATE FUNCTION abs.refuse_pt_as_owner(refer text, reason_code text, server name) RETURNS bigint
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT abs.withdraw($1, $2, 'abs.refuse_pt', 'recalling', $3)
$$;
COMMENT ON FUNCTION abs.refuse_pt_as_owner(text, text, name) IS 'Behind abs.refuse_pt.';

CREATE FUNCTION abs.return_pt(refer text, reason_code text, server name DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION abs.return_pt(text, text, name) IS
'Returns an incoming payment request and returns the id of the queued call (O7); null when its registration was never sent, so that nothing is to be told.';

CREATE FUNCTION abs.return_pt_as_owner(refer text, reason_code text, server name) RETURNS bigint
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT abs.withdraw($1, $2, 'abs.return_pt', 'returning', $3)
$$;
COMMENT ON FUNCTION abs.return_pt_as_owner(text, text, name) IS 'Behind abs.return_pt.';

CREATE FUNCTION abs.push_exclusions(confirm boolean DEFAULT false, server name DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION abs.push_exclusions(boolean, name) IS
'Queues a push of the whole exclusion list (O11) and returns its id, or the id of the one that waits. confirm => true lets a list go that the guard holds back: the first ever, an empty or a much shorter one.';

CREATE FUNCTION abs.push_exclusions_as_owner(confirm boolean, server name) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    waiting bigint;
    rows bigint;
BEGIN
    -- One that is not due yet builds its body later, so that another would only wait behind it.
    SELECT o.id INTO waiting FROM k2bridge.outbox o
     WHERE o.subject = 'exclusions' AND o.endpoint = 'abs.post_all_loan_exclude_to_eko' AND o.state = 'queued'
       AND o.due_at > clock_timestamp() AND o.wish IS NULL AND ($2 IS NULL OR o.server = $2)
     ORDER BY o.id LIMIT 1
       FOR UPDATE SKIP LOCKED;
    IF $1 THEN
        SELECT count(*) INTO rows FROM k2.exclusion;
        UPDATE abs.exclusion_push p
           SET confirmed_count = rows, confirmed_at = clock_timestamp(), confirmed_by = k2bridge.caller();
        PERFORM k2bridge.record_audit('abs.exclusion_push', NULL, 'confirm', NULL, jsonb_build_object('rows', rows), NULL);
        PERFORM k2bridge.retry(waiting) WHERE waiting IS NOT NULL;
    END IF;
    RETURN coalesce(waiting, k2bridge.enqueue('abs.post_all_loan_exclude_to_eko', '{}', 'exclusions', $2));
END
$$;
COMMENT ON FUNCTION abs.push_exclusions_as_owner(boolean, name) IS 'Behind abs.push_exclusions.';
