-- What a person on duty does with calls. These functions write a wish and wake the dispatcher; only the dispatcher moves
-- and deletes rows. Each leaves a row in k2bridge.audit.

CREATE FUNCTION k2bridge.wake_dispatcher() RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_wake_dispatcher';
COMMENT ON FUNCTION k2bridge.wake_dispatcher() IS 'Wakes the dispatcher of this database when the transaction commits.';

CREATE FUNCTION k2bridge.wish(row_id bigint, allowed text[], wanted text, remark text, given jsonb) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    pending k2bridge.outbox;
BEGIN
    SELECT * INTO pending FROM k2bridge.outbox o WHERE o.id = row_id FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'call % is not in the queue', row_id USING ERRCODE = '02000',
            HINT = format('SELECT outcome, error_text FROM k2bridge.call WHERE id = %s; tells how it ended. k2bridge.resend(%s, note) sends it again.', row_id, row_id);
    ELSIF wanted <> 'cancel' AND NOT k2bridge.may_move(pending.endpoint, k2bridge.caller()) THEN
        RAISE EXCEPTION 'role "%" may not send or settle calls to %', k2bridge.caller(), pending.endpoint
            USING ERRCODE = 'insufficient_privilege', HINT = 'That takes EXECUTE on the function that queues them (k2bridge.grant_access).';
    ELSIF pending.state <> ALL (allowed) THEN
        RAISE EXCEPTION 'call % is %', row_id, pending.state USING ERRCODE = 'object_not_in_prerequisite_state',
            DETAIL = format('This is possible for calls that are %s.', array_to_string(allowed, ', ')),
            HINT = CASE pending.state
                       WHEN 'uncertain' THEN format('Find out what the bank did, then k2bridge.resolve(%s, outcome, note) or k2bridge.retry(%s, confirm => true).', row_id, row_id)
                       WHEN 'sending' THEN 'Wait for the outcome.'
                       ELSE format('SELECT * FROM k2bridge.outbox WHERE id = %s; tells more.', row_id) END;
    ELSIF pending.wish IS NOT NULL AND pending.wish <> wanted THEN
        RAISE EXCEPTION 'call % has a wish already: %, by %', row_id, pending.wish, pending.wish_by
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'The dispatcher does it as soon as it runs.';
    END IF;
    UPDATE k2bridge.outbox o
       SET wish = wanted, wish_by = k2bridge.caller(), wish_note = remark, wish_reply = given
     WHERE o.id = row_id;
    PERFORM k2bridge.record_audit('k2bridge.outbox', row_id::text, wanted, to_jsonb(pending) - 'args' - 'reply' - 'content', NULL, remark);
    PERFORM k2bridge.wake_dispatcher();
END
$$;
COMMENT ON FUNCTION k2bridge.wish(bigint, text[], text, text, jsonb) IS
'Notes what a person wants of a queued call, when its state allows that.';

CREATE FUNCTION k2bridge.retry_as_owner(id bigint, confirm boolean) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    pending k2bridge.outbox;
BEGIN
    SELECT * INTO pending FROM k2bridge.outbox o WHERE o.id = retry_as_owner.id;
    IF pending.state = 'uncertain' AND NOT confirm THEN
        RAISE EXCEPTION 'call % to % may have been processed by the bank', pending.id, pending.endpoint USING ERRCODE = 'KB003',
            DETAIL = coalesce('Verification found: ' || pending.found::text, format('Verification found nothing so far (asked %s times). %s', pending.verified, pending.last_error)),
            HINT = format('SELECT k2bridge.retry(%s, confirm => true); sends it a second time. k2bridge.resolve(%s, ''ok'', note) settles it without sending.', pending.id, pending.id);
    END IF;
    PERFORM k2bridge.wish(retry_as_owner.id, ARRAY['failed', 'answered', 'queued', 'uncertain'], 'retry', NULL, NULL);
END
$$;
CREATE FUNCTION k2bridge.retry(id bigint, confirm boolean DEFAULT false) RETURNS void
    LANGUAGE c AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2bridge.retry(bigint, boolean) IS
'Sends a failed call again at once; runs the handler of an answered one again and sends nothing; an uncertain one needs confirm => true.';
COMMENT ON FUNCTION k2bridge.retry_as_owner(bigint, boolean) IS 'Does the work of k2bridge.retry.';

CREATE FUNCTION k2bridge.retry_as_owner(endpoint text, server name) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    one bigint;
    total bigint := 0;
BEGIN
    FOR one IN SELECT o.id FROM k2bridge.outbox o
                WHERE (retry_as_owner.endpoint IS NULL OR o.endpoint = retry_as_owner.endpoint)
                  AND (retry_as_owner.server IS NULL OR o.server = retry_as_owner.server)
                  AND o.state IN ('failed', 'answered') AND o.wish IS NULL
                ORDER BY o.id FOR UPDATE LOOP
        PERFORM k2bridge.wish(one, ARRAY['failed', 'answered'], 'retry', NULL, NULL);
        total := total + 1;
    END LOOP;
    RETURN total;
END
$$;
CREATE FUNCTION k2bridge.retry(endpoint text, server name) RETURNS bigint
    LANGUAGE c AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2bridge.retry(text, name) IS
'Retries all failed and answered calls of an endpoint and a server (null: any); returns how many. Uncertain ones are left alone.';
COMMENT ON FUNCTION k2bridge.retry_as_owner(text, name) IS 'Does the work of k2bridge.retry.';

CREATE FUNCTION k2bridge.cancel_as_owner(id bigint, note text) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT k2bridge.wish($1, ARRAY['queued', 'failed', 'answered'], 'cancel', $2, NULL)
$$;
CREATE FUNCTION k2bridge.cancel(id bigint, note text DEFAULT NULL) RETURNS void
    LANGUAGE c AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2bridge.cancel(bigint, text) IS
'Takes a call that is not under way out of the queue; it ends as cancelled.';
COMMENT ON FUNCTION k2bridge.cancel_as_owner(bigint, text) IS 'Does the work of k2bridge.cancel.';

CREATE FUNCTION k2bridge.resolve_as_owner(id bigint, outcome text, note text, reply jsonb) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF outcome IS NULL OR outcome NOT IN ('ok', 'refused', 'failed') THEN
        RAISE EXCEPTION 'outcome must be ok, refused or failed' USING ERRCODE = 'invalid_parameter_value';
    ELSIF nullif(btrim(note), '') IS NULL THEN
        RAISE EXCEPTION 'note must say how the outcome is known' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM k2bridge.wish(id, ARRAY['uncertain', 'failed', 'answered'], outcome, note, reply);
END
$$;
CREATE FUNCTION k2bridge.resolve(id bigint, outcome text, note text, reply jsonb DEFAULT NULL) RETURNS void
    LANGUAGE c AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2bridge.resolve(bigint, text, text, jsonb) IS
'Settles an uncertain, failed or answered call by what a person knows: ok, refused or failed. The handler runs with that outcome and reply.';
COMMENT ON FUNCTION k2bridge.resolve_as_owner(bigint, text, text, jsonb) IS 'Does the work of k2bridge.resolve.';

CREATE FUNCTION k2bridge.resend_as_owner(call_id bigint, note text) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    former k2bridge.call;
    made bigint;
BEGIN
    SELECT * INTO former FROM k2bridge.call c WHERE c.id = call_id ORDER BY c.finished_at DESC LIMIT 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'call % has not finished or does not exist', call_id USING ERRCODE = '02000';
    ELSIF nullif(btrim(note), '') IS NULL THEN
        RAISE EXCEPTION 'note must say why call % is sent again', call_id USING ERRCODE = 'invalid_parameter_value';
    ELSIF NOT k2bridge.may_move(former.endpoint, k2bridge.caller()) THEN
        RAISE EXCEPTION 'role "%" may not send or settle calls to %', k2bridge.caller(), former.endpoint
            USING ERRCODE = 'insufficient_privilege', HINT = 'That takes EXECUTE on the function that queues them (k2bridge.grant_access).';
    END IF;
    made := k2bridge.enqueue(former.endpoint, former.args, former.subject, former.server);
    UPDATE k2bridge.outbox o SET resent_from = call_id WHERE o.id = made;
    PERFORM k2bridge.record_audit('k2bridge.call', call_id::text, 'resend', NULL, jsonb_build_object('id', made), note);
    RETURN made;
END
$$;
CREATE FUNCTION k2bridge.resend(call_id bigint, note text) RETURNS bigint
    LANGUAGE c AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2bridge.resend(bigint, text) IS
'Queues a finished call again with the same arguments and returns the new id; call.resent_from links them.';
COMMENT ON FUNCTION k2bridge.resend_as_owner(bigint, text) IS 'Does the work of k2bridge.resend.';

CREATE FUNCTION k2bridge.pause_as_owner(server name, endpoint text, until timestamptz, note text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF endpoint IS NOT NULL AND NOT EXISTS (SELECT FROM k2bridge.endpoint e WHERE e.name = pause_as_owner.endpoint) THEN
        RAISE EXCEPTION 'endpoint "%" does not exist', endpoint USING ERRCODE = 'invalid_parameter_value',
            HINT = 'SELECT name FROM k2bridge.endpoint lists the endpoints.';
    ELSIF server IS NOT NULL AND NOT EXISTS (SELECT FROM pg_foreign_server s WHERE s.srvname = pause_as_owner.server) THEN
        RAISE EXCEPTION 'server "%" does not exist', server USING ERRCODE = 'undefined_object';
    END IF;
    INSERT INTO k2bridge.paused AS p (server, endpoint, until, note, by) VALUES (server, endpoint, until, note, k2bridge.caller())
        ON CONFLICT ((coalesce(p.server, '')), (coalesce(p.endpoint, ''))) DO UPDATE
        SET until = excluded.until, note = excluded.note, by = excluded.by, at = now();
    PERFORM k2bridge.record_audit('k2bridge.paused', concat_ws(' ', server, endpoint), 'pause', NULL, jsonb_build_object('until', until), note);
    PERFORM k2bridge.wake_dispatcher();
END
$$;
CREATE FUNCTION k2bridge.pause(server name DEFAULT NULL, endpoint text DEFAULT NULL, until timestamptz DEFAULT NULL,
                               note text DEFAULT NULL) RETURNS void
    LANGUAGE c AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2bridge.pause(name, text, timestamptz, text) IS
'Holds a server, an endpoint, or both together (neither: everything): calls queue, nothing is sent, until k2bridge.resume or the given time.';
COMMENT ON FUNCTION k2bridge.pause_as_owner(name, text, timestamptz, text) IS 'Does the work of k2bridge.pause.';

CREATE FUNCTION k2bridge.resume_as_owner(server name, endpoint text, note text) RETURNS boolean
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    lifted boolean;
BEGIN
    DELETE FROM k2bridge.paused p
     WHERE p.server IS NOT DISTINCT FROM resume_as_owner.server AND p.endpoint IS NOT DISTINCT FROM resume_as_owner.endpoint;
    lifted := FOUND;
    PERFORM k2bridge.record_audit('k2bridge.paused', concat_ws(' ', server, endpoint), 'resume', NULL, NULL, note);
    PERFORM k2bridge.wake_dispatcher();
    RETURN lifted;
END
$$;
CREATE FUNCTION k2bridge.resume(server name DEFAULT NULL, endpoint text DEFAULT NULL, note text DEFAULT NULL) RETURNS boolean
    LANGUAGE c AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2bridge.resume(name, text, text) IS
'Lifts what k2bridge.pause with the same server and endpoint holds; false when nothing was held.';
COMMENT ON FUNCTION k2bridge.resume_as_owner(name, text, text) IS 'Does the work of k2bridge.resume.';

CREATE FUNCTION k2bridge.settle_uncertain(id bigint, found boolean, evidence jsonb, reply jsonb DEFAULT NULL) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE k2bridge.outbox o
       SET found = evidence,
           wish = CASE WHEN $2 THEN 'ok' ELSE o.wish END,
           wish_by = CASE WHEN $2 THEN k2bridge.caller() ELSE o.wish_by END,
           wish_note = CASE WHEN $2 THEN 'found at the bank' ELSE o.wish_note END,
           wish_reply = CASE WHEN $2 THEN $4 ELSE o.wish_reply END
     WHERE o.id = settle_uncertain.id AND o.state = 'uncertain' AND o.wish IS NULL;
    PERFORM k2bridge.wake_dispatcher();
END
$$;
COMMENT ON FUNCTION k2bridge.settle_uncertain(bigint, boolean, jsonb, jsonb) IS
'For verify handlers: the bank has the call (it ends as ok, with the reply that the handler needs), or has it not or differently (it stays uncertain, with the evidence in outbox.found).';

CREATE FUNCTION k2bridge.enqueue_verification(call k2bridge.call_row, endpoint text, args jsonb) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT k2bridge.enqueue($2, $3, 'verify:' || call.id, call.server)
     WHERE NOT EXISTS (SELECT FROM k2bridge.outbox o WHERE o.subject = 'verify:' || call.id)
$$;
COMMENT ON FUNCTION k2bridge.enqueue_verification(k2bridge.call_row, text, jsonb) IS
'For verify functions: queues the read that asks the bank about an uncertain call, unless it is under way.';

CREATE FUNCTION k2bridge.note_unverified(id bigint, call k2bridge.call_row) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT k2bridge.settle_uncertain($1, false, jsonb_strip_nulls(jsonb_build_object(
               'searched', call.outcome, 'error_code', call.error_code, 'error_text', call.error_text)))
$$;
COMMENT ON FUNCTION k2bridge.note_unverified(bigint, k2bridge.call_row) IS
'For verify handlers: the read about an uncertain call brought no answer, and why; the call stays uncertain.';

CREATE FUNCTION k2bridge.settle_uncertain_subject(subject text, endpoint text, evidence jsonb) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM k2bridge.settle_uncertain(o.id, true, evidence)
       FROM k2bridge.outbox o
      WHERE o.subject = settle_uncertain_subject.subject AND o.endpoint = settle_uncertain_subject.endpoint
        AND o.state = 'uncertain';
END
$$;
COMMENT ON FUNCTION k2bridge.settle_uncertain_subject(text, text, jsonb) IS
'Ends as ok the uncertain calls of a subject and endpoint, because something inbound proves that the bank has them.';
