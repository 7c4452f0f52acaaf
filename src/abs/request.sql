-- Incoming payment requests (ПТ): registration (O5), recall (O6) and return (O7) in the bank's system.
--
-- All calls of one ПТ have the subject req:<refer>, so that a recall never overtakes its registration. A registration
-- that was never sent is cancelled together with the recall. When it may be under way, the recall is queued behind it,
-- and the registration's handler cancels the recall if it turns out that the bank has nothing to recall.

CREATE FUNCTION abs.reg_pt_calls(refers text[]) RETURNS TABLE (refer text, args jsonb)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT r.refer, jsonb_strip_nulls(jsonb_build_object(
               'refer', r.refer, 'accept_dt', r.accept_dt, 'doc_num', r.doc_num, 'doc_at', r.doc_at, 'iinbin', r.iinbin,
               'acc_fullname', r.acc_fullname, 'ben_fullname', r.ben_fullname, 'ben_bin', r.ben_bin,
               'ben_iban', r.ben_iban, 'ben_kbe', r.ben_kbe, 'amount', r.amount, 'cur', r.cur, 'knp', r.knp,
               'dbz_num', r.dbz_num, 'dbz_dt', r.dbz_dt, 'purpose', r.purpose, 'head', r.head, 'account', r.account))
      FROM unnest(refers) WITH ORDINALITY AS w (refer, position)
      JOIN k2.req r ON r.refer = w.refer
     ORDER BY w.position
$$;
COMMENT ON FUNCTION abs.reg_pt_calls(text[]) IS 'The body of O5 for each payment request; absent fields are left out.';

CREATE FUNCTION abs.req_inserted() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM k2bridge.enqueue_all(array_agg('abs.reg_pt'::text), array_agg(c.args), array_agg('req:' || c.refer),
                                 array_agg(NULL::name))
       FROM abs.reg_pt_calls((SELECT array_agg(n.refer ORDER BY n.refer) FROM new_rows n WHERE n.status = 'new')) c;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION abs.req_inserted() IS 'Trigger of k2.req: queues the registration (O5) of new payment requests.';

CREATE FUNCTION abs.never_sent(refers text[]) RETURNS text[]
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT array_agg(w.refer)
      FROM unnest(refers) AS w (refer)
     CROSS JOIN LATERAL (SELECT c.outcome, c.attempts FROM k2bridge.call c
                          WHERE c.subject = 'req:' || w.refer AND c.endpoint = 'abs.reg_pt'
                          ORDER BY c.id DESC LIMIT 1) last
     WHERE last.outcome IN ('cancelled', 'skipped') AND last.attempts = 0
       AND NOT EXISTS (SELECT FROM k2bridge.outbox o WHERE o.subject = 'req:' || w.refer AND o.endpoint = 'abs.reg_pt')
$$;
COMMENT ON FUNCTION abs.never_sent(text[]) IS 'Those payment requests whose registration ended without having been sent.';

CREATE FUNCTION abs.cancel_unsent(refers text[]) RETURNS text[]
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    cancelled text[];
BEGIN
    -- A row that somebody holds may be on its way: then the recall follows it.
    WITH waiting AS MATERIALIZED (
        SELECT o.id, w.refer
          FROM unnest(refers) AS w (refer)
          JOIN k2bridge.outbox o ON o.subject = 'req:' || w.refer
         WHERE o.endpoint = 'abs.reg_pt' AND o.state = 'queued' AND o.attempts = 0 AND o.resent_from IS NULL
           AND o.wish IS NULL
         ORDER BY o.id
           FOR UPDATE OF o SKIP LOCKED
    ), wished AS MATERIALIZED (
        SELECT w.refer, k2bridge.cancel(w.id, 'recalled or returned before it was sent') FROM waiting w
    )
    SELECT array_agg(w.refer) INTO cancelled FROM wished w;
    RETURN cancelled;
END
$$;
COMMENT ON FUNCTION abs.cancel_unsent(text[]) IS
'Cancels the registrations that were never sent and returns their references. The dispatcher honours a wish of a row it has not claimed, and claims only rows that nobody holds.';

CREATE FUNCTION abs.req_withdrawn() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    begun text[];
    unsent text[];
BEGIN
    SELECT array_agg(n.refer ORDER BY n.refer) INTO begun
      FROM new_rows n JOIN old_rows o ON o.refer = n.refer
     WHERE n.status IN ('recalling', 'returning') AND o.status = 'new';
    IF begun IS NOT NULL THEN
        unsent := abs.never_sent(begun) || abs.cancel_unsent(begun);
        UPDATE k2.req r
           SET status = CASE r.status WHEN 'recalling' THEN 'recalled' ELSE 'returned' END, note = NULL
         WHERE r.refer = ANY (unsent) AND r.status IN ('recalling', 'returning');
    END IF;
    PERFORM k2bridge.enqueue_all(
                array_agg(CASE n.status WHEN 'recalling' THEN 'abs.refuse_pt' ELSE 'abs.return_pt' END ORDER BY n.refer),
                array_agg(jsonb_build_object('refer', n.refer, 'reason_code', n.reason_code) ORDER BY n.refer),
                array_agg('req:' || n.refer ORDER BY n.refer), array_agg(NULL::name))
       FROM new_rows n JOIN old_rows o ON o.refer = n.refer
      WHERE n.status IN ('recalling', 'returning') AND n.status <> o.status
        AND n.refer <> ALL (coalesce(unsent, '{}'));
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION abs.req_withdrawn() IS
'Trigger of k2.req: queues the recall (O6) or return (O7), or finishes it at once when the registration was never sent.';

CREATE FUNCTION abs.drop_withdrawal(wanted_refer text, why text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM k2bridge.cancel(q.id, why)
       FROM (SELECT o.id
               FROM k2bridge.outbox o
              WHERE o.subject = 'req:' || wanted_refer AND o.endpoint IN ('abs.refuse_pt', 'abs.return_pt')
                AND o.state = 'queued' AND o.wish IS NULL
                FOR UPDATE) q;
    PERFORM CASE r.status WHEN 'recalling' THEN k2.req_recalled(r.refer, true, why) ELSE k2.req_returned(r.refer, true, why) END
       FROM k2.req r WHERE r.refer = wanted_refer AND r.status IN ('recalling', 'returning');
END
$$;
COMMENT ON FUNCTION abs.drop_withdrawal(text, text) IS
'Finishes a recall or return of a payment request that the bank does not have: cancels the call that waits behind the registration.';

CREATE FUNCTION abs.reg_pt_done(call k2bridge.call_row) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted text := call.args ->> 'refer';
    former text;
BEGIN
    -- This lock orders the outcome against a recall that is being queued at the same time.
    SELECT r.former_status INTO former FROM k2.req r WHERE r.refer = wanted FOR NO KEY UPDATE;
    IF call.outcome IN ('ok', 'refused') THEN
        PERFORM k2.req_registered(wanted, call.outcome = 'ok', call.error_text);
    END IF;
    IF former = 'new' AND (call.outcome IN ('refused', 'failed', 'skipped')
                           OR call.outcome = 'cancelled' AND call.attempts = 0) THEN
        PERFORM abs.drop_withdrawal(wanted, concat_ws(': ', 'the bank has not registered it', call.error_text));
    END IF;
END
$$;
COMMENT ON FUNCTION abs.reg_pt_done(k2bridge.call_row) IS
'Handler of abs.reg_pt (O5): new becomes registered or refused; a recall that waits behind a registration that the bank does not have ends with it.';

CREATE FUNCTION abs.refuse_pt_done(call k2bridge.call_row) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT k2.req_recalled(call.args ->> 'refer', call.outcome = 'ok', call.error_text)
$$;
COMMENT ON FUNCTION abs.refuse_pt_done(k2bridge.call_row) IS
'Handler of abs.refuse_pt (O6): recalled when the bank said yes, else the former status is back.';

CREATE FUNCTION abs.return_pt_done(call k2bridge.call_row) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT k2.req_returned(call.args ->> 'refer', call.outcome = 'ok', call.error_text)
$$;
COMMENT ON FUNCTION abs.return_pt_done(k2bridge.call_row) IS
'Handler of abs.return_pt (O7): returned when the bank said yes, else the former status is back.';
