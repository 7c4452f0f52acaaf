-- Services I5 and I6, recall and return of incoming ПТ by a person.
--
-- I5 and I6 look among incoming ПТ first, then among outgoing ones (wire document, A7). Whatever they report about an
-- incoming ПТ proves that the bank has it, so an uncertain registration is settled by them.

CREATE FUNCTION k2.req_title(status text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE $1 WHEN 'executed' THEN 'уже исполнено' WHEN 'refused' THEN 'не принято банком'
                   WHEN 'recalled' THEN 'уже отозвано' WHEN 'returned' THEN 'уже возвращено' END
$$;
COMMENT ON FUNCTION k2.req_title(text) IS 'A terminal status of an incoming ПТ, as refusals of services name it; null for the others.';

CREATE FUNCTION k2.settle_req(refer text, endpoints text[], service text, payload jsonb) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT k2bridge.settle_uncertain_subject('req:' || $1, e.endpoint,
                                             jsonb_build_object('service', $3, 'payload', $4))
      FROM unnest($2) WITH ORDINALITY AS e (endpoint, position) ORDER BY e.position
$$;
COMMENT ON FUNCTION k2.settle_req(text, text[], text, jsonb) IS
'Settles uncertain calls about an incoming ПТ with an inbound payload as evidence.';

CREATE FUNCTION k2.req_take_status(refer text, wanted text) RETURNS jsonb
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    current record;
BEGIN
    SELECT r.status, r.former_status INTO current FROM k2.req r WHERE r.refer = $1 FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    ELSIF wanted = 'executed' AND current.status IN ('recalled', 'returned') THEN
        PERFORM k2.req_record_once($1, 'EXECUTED', 'without effect, the request is ' || current.status);
    ELSIF current.status <> wanted AND k2.req_may_move(current.status, wanted, NULL) THEN
        UPDATE k2.req r SET status = wanted WHERE r.refer = $1;
    ELSIF k2.req_rank(wanted) > k2.req_rank(current.former_status) THEN
        UPDATE k2.req r SET former_status = wanted WHERE r.refer = $1;
    ELSIF current.status <> wanted AND k2.req_title(current.status) IS NOT NULL THEN
        RETURN k2.refusal(409, format('Платежное требование %s %s', $1, k2.req_title(current.status)));
    END IF;
    RETURN k2.success();
END
$$;
COMMENT ON FUNCTION k2.req_take_status(text, text) IS
'I5 for an incoming ПТ: the reply, null when there is no such ПТ. Repeats and late arrivals are harmless.';

CREATE FUNCTION k2.req_take_return(refer text, reason_code text) RETURNS jsonb
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    current text;
BEGIN
    SELECT r.status INTO current FROM k2.req r WHERE r.refer = $1 FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    ELSIF current = 'returned' THEN
        RETURN k2.success();
    ELSIF k2.req_title(current) IS NOT NULL THEN
        RETURN k2.refusal(409, format('Платежное требование %s %s', $1, k2.req_title(current)));
    END IF;
    UPDATE k2.req r SET status = 'returned', reason_code = $2 WHERE r.refer = $1;
    RETURN k2.success();
END
$$;
COMMENT ON FUNCTION k2.req_take_return(text, text) IS 'I6 for an incoming ПТ: the reply, null when there is no such ПТ.';

CREATE FUNCTION k2.k2req_status_from_eko(payload jsonb) RETURNS jsonb
    LANGUAGE c AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2.k2req_status_from_eko(jsonb) IS
'Service I5: status of an incoming ПТ (PC1, PC3, EXECUTED). Payload: {"reference": …, "status_code": …}.';

CREATE FUNCTION k2.k2req_status_from_eko_as_owner(payload jsonb) RETURNS jsonb
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    answer jsonb := k2.missing_text(payload, '{reference,status_code}');
    refer text := payload ->> 'reference';
    wanted text := CASE payload ->> 'status_code' WHEN 'PC1' THEN 'accepted' WHEN 'PC3' THEN 'in_card_index'
                                                  WHEN 'EXECUTED' THEN 'executed' END;
BEGIN
    IF answer IS NOT NULL THEN
        RETURN answer;
    ELSIF wanted IS NULL THEN
        RETURN k2.refusal(422, format('Неверное значение поля status_code: %s', payload ->> 'status_code'));
    END IF;
    answer := k2.req_take_status(refer, wanted);
    IF answer = k2.success() THEN
        PERFORM k2.settle_req(refer, CASE wanted WHEN 'executed' THEN '{abs.reg_pt,abs.refuse_pt,abs.return_pt}'
                                                 ELSE '{abs.reg_pt}' END::text[], 'k2req_status_from_eko', payload);
    END IF;
    RETURN coalesce(answer, k2.extreq_take_status(refer, payload ->> 'status_code'), k2.unknown_request(refer));
END
$$;
COMMENT ON FUNCTION k2.k2req_status_from_eko_as_owner(jsonb) IS 'Behind k2.k2req_status_from_eko.';

CREATE FUNCTION k2.k2req_return_from_eko(payload jsonb) RETURNS jsonb
    LANGUAGE c AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2.k2req_return_from_eko(jsonb) IS
'Service I6: return of an incoming ПТ by the bank. Payload: {"reference": …, "reason_code": …}.';

CREATE FUNCTION k2.k2req_return_from_eko_as_owner(payload jsonb) RETURNS jsonb
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    answer jsonb := k2.missing_text(payload, '{reference,reason_code}');
    refer text := payload ->> 'reference';
    reason text := payload ->> 'reason_code';
BEGIN
    IF answer IS NOT NULL THEN
        RETURN answer;
    ELSIF NOT EXISTS (SELECT FROM k2.return_reason r WHERE r.code = reason) THEN
        RETURN k2.refusal(422, format('Неверное значение поля reason_code: %s', reason));
    END IF;
    answer := k2.req_take_return(refer, reason);
    IF answer = k2.success() THEN
        PERFORM k2.settle_req(refer, '{abs.reg_pt,abs.refuse_pt,abs.return_pt}', 'k2req_return_from_eko', payload);
    END IF;
    RETURN coalesce(answer, k2.extreq_take_return(refer, reason), k2.unknown_request(refer));
END
$$;
COMMENT ON FUNCTION k2.k2req_return_from_eko_as_owner(jsonb) IS 'Behind k2.k2req_return_from_eko.';

CREATE FUNCTION k2.k2req_refuse_from_eko(payload jsonb) RETURNS jsonb
    LANGUAGE c AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2.k2req_refuse_from_eko(jsonb) IS 'Former name of service I6, k2.k2req_return_from_eko.';

CREATE FUNCTION k2.k2req_refuse_from_eko_as_owner(payload jsonb) RETURNS jsonb
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$ SELECT k2.k2req_return_from_eko_as_owner($1) $$;
COMMENT ON FUNCTION k2.k2req_refuse_from_eko_as_owner(jsonb) IS 'Behind k2.k2req_refuse_from_eko.';

CREATE FUNCTION k2.unknown_request(refer text) RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT k2.refusal(404, format('Платежное требование %s не найдено', $1))
$$;
COMMENT ON FUNCTION k2.unknown_request(text) IS 'The refusal that names an unknown reference.';

CREATE FUNCTION k2.check_reason(reason_code text) RETURNS void
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF reason_code IS NULL OR NOT EXISTS (SELECT FROM k2.return_reason r WHERE r.code = $1) THEN
        RAISE EXCEPTION 'reason_code "%" does not exist', coalesce(reason_code, '')
            USING ERRCODE = '22023', HINT = 'SELECT * FROM k2.return_reason lists the reasons.';
    END IF;
END
$$;
COMMENT ON FUNCTION k2.check_reason(text) IS 'Raises when a reason of recall or return is not in k2.return_reason.';

CREATE FUNCTION k2.leave_req(refer text, wanted text, reason_code text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    former text;
BEGIN
    PERFORM k2.check_reason(reason_code);
    SELECT r.status INTO former FROM k2.req r WHERE r.refer = $1 FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'payment request "%" does not exist', refer USING ERRCODE = 'no_data_found';
    ELSIF former = wanted THEN
        RETURN;
    END IF;
    UPDATE k2.req r SET status = wanted, reason_code = $3 WHERE r.refer = $1;
    PERFORM k2bridge.record_audit('k2.req', refer, wanted, jsonb_build_object('status', former),
                                  jsonb_build_object('status', wanted, 'reason_code', reason_code), NULL);
END
$$;
COMMENT ON FUNCTION k2.leave_req(text, text, text) IS 'Behind k2.recall_req and k2.return_req; asking again while the bank is being asked changes nothing.';

CREATE FUNCTION k2.recall_req(refer text, reason_code text) RETURNS void
    LANGUAGE c AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2.recall_req(text, text) IS
'Recalls an incoming ПТ that its creditor withdrew: status recalling, the bank is asked (O6) and its reply makes it recalled or puts the former status back.';

CREATE FUNCTION k2.recall_req_as_owner(refer text, reason_code text) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$ SELECT k2.leave_req($1, 'recalling', $2) $$;
COMMENT ON FUNCTION k2.recall_req_as_owner(text, text) IS 'Behind k2.recall_req.';

CREATE FUNCTION k2.return_req(refer text, reason_code text) RETURNS void
    LANGUAGE c AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2.return_req(text, text) IS
'Returns an incoming ПТ to its creditor: status returning, the bank is asked (O7) and its reply makes it returned or puts the former status back.';

CREATE FUNCTION k2.return_req_as_owner(refer text, reason_code text) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$ SELECT k2.leave_req($1, 'returning', $2) $$;
COMMENT ON FUNCTION k2.return_req_as_owner(text, text) IS 'Behind k2.return_req.';
