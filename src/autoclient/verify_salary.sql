-- Verification of the calls of the salary project and of pay-sheets; what all verifications share is in verify.sql. What
-- another call or an earlier list is known to have made is no proof: only what is new can be what the uncertain call did.

CREATE FUNCTION autoclient.verify_register(call k2bridge.call_row) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE call.endpoint
        WHEN 'autoclient.maspay_create' THEN autoclient.ask_about(call, 'autoclient.verify_packets', '{"status": "V", "page": 0, "page-size": 100}')
        WHEN 'autoclient.maspay_validate' THEN autoclient.ask_about(call, 'autoclient.verify_header', jsonb_build_object('ref', call.args -> 'ref'))
        ELSE autoclient.ask_about(call, 'autoclient.verify_content', jsonb_build_object('ref', call.args -> 'packet', 'page', 0, 'page-size', 100)) END
$$;
COMMENT ON FUNCTION autoclient.verify_register(k2bridge.call_row) IS
'Verification of the maspay calls: creation by the list of editable registers, lines by the register''s content, validation by its header.';

CREATE FUNCTION autoclient.iso_day(value text) RETURNS date
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$ SELECT substring(value FROM '^\d{4}-\d\d-\d\d')::date $$;
COMMENT ON FUNCTION autoclient.iso_day(text) IS 'The day of a time YYYY-MM-DD…, null for another form: the document leaves that of createdAt open.';

CREATE FUNCTION autoclient.packets_verified(call k2bridge.call_row) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    asked autoclient.asked_call;
    found jsonb;
BEGIN
    asked := autoclient.asked_about(call);
    IF asked.id IS NULL THEN
        RETURN;
    END IF;
    SELECT call.args #> '{about,found}' || coalesce(jsonb_agg(i.item), '[]') INTO found
      FROM autoclient.items(call.reply) i
     WHERE i.item ->> 'system' = 'maspay' AND coalesce(i.item ->> 'packetName', '') = coalesce(asked.args ->> 'packetName', '')
       AND autoclient.iso_day(i.item ->> 'createdAt') >= asked.since::date
       AND NOT EXISTS (SELECT FROM k2bridge.call c WHERE c.subject = asked.subject AND c.reply ->> 'reference' = i.item ->> 'reference')
       AND NOT EXISTS (SELECT FROM autoclient.salary_packet p
                        WHERE p.server = asked.server AND p.reference = i.item ->> 'reference' AND p.seen_at < asked.sent_at);
    IF jsonb_array_length(call.reply) >= (call.args ->> 'page-size')::integer THEN
        PERFORM autoclient.next_verified_page(call, jsonb_build_object('page', (call.args ->> 'page')::integer + 1), found);
        RETURN;
    END IF;
    PERFORM k2bridge.settle_uncertain(asked.id, jsonb_array_length(found) = 1, jsonb_build_object(
                'searched', CASE jsonb_array_length(found) WHEN 0 THEN 'absent' WHEN 1 THEN 'found' ELSE 'found several' END, 'registers', found),
                found -> 0 || jsonb_build_object('group', asked.args -> 'group'));
END
$$;
COMMENT ON FUNCTION autoclient.packets_verified(k2bridge.call_row) IS
'Handler of autoclient.verify_packets: an uncertain creation is settled by the one new register of that name.';

CREATE FUNCTION autoclient.is_line_of(line jsonb, receiver autoclient.receiver_row, args jsonb) RETURNS boolean
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT (line ->> 'amount')::numeric = (args ->> 'amount')::numeric AND coalesce(line ->> 'comment', '') = coalesce(args ->> 'comment', '')
       AND coalesce(line ->> 'tabNo' = receiver.tabn, true) AND coalesce(line ->> 'inn' = receiver.inn, true)
       AND coalesce(autoclient.masked_card(line ->> 'cardNumber') = autoclient.masked_card(receiver.pan), true)
       AND coalesce(receiver.tabn, receiver.inn, receiver.pan) IS NOT NULL
$$;
COMMENT ON FUNCTION autoclient.is_line_of(jsonb, autoclient.receiver_row, jsonb) IS
'Whether a line of a register pays that receiver the amount of the call, with its comment.';

CREATE FUNCTION autoclient.new_lines(asked autoclient.asked_call, lines jsonb) RETURNS jsonb
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(jsonb_agg(i.item), '[]')
      FROM autoclient.salary_receiver r
     CROSS JOIN LATERAL autoclient.items(lines) i
     WHERE r.server = asked.server AND r.id = asked.args ->> 'receiver'
       AND autoclient.is_line_of(i.item, (r.server, r.id, r.grp, r.pan, r.fio, r.inn, r.tabn, r.raw)::autoclient.receiver_row, asked.args)
       AND NOT EXISTS (SELECT FROM k2bridge.call c WHERE c.subject = asked.subject AND c.reply ->> 'ref' = i.item ->> 'ref')
       AND NOT EXISTS (SELECT FROM autoclient.salary_line l
                        WHERE l.server = asked.server AND l.packet = asked.args ->> 'packet' AND l.ref = i.item ->> 'ref'
                          AND l.seen_at < asked.sent_at)
$$;
COMMENT ON FUNCTION autoclient.new_lines(autoclient.asked_call, jsonb) IS
'The lines of a register that an uncertain maspay_add may have made; none when its receiver is not mirrored here.';

CREATE FUNCTION autoclient.content_verified(call k2bridge.call_row) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    asked autoclient.asked_call;
    found jsonb;
    removed boolean;
BEGIN
    asked := autoclient.asked_about(call);
    IF asked.id IS NULL THEN
        RETURN;
    END IF;
    removed := asked.endpoint = 'autoclient.maspay_remove';
    found := call.args #> '{about,found}'
             || CASE WHEN removed THEN jsonb_path_query_array(call.reply, '$[*] ? (@.ref == $ref)', jsonb_build_object('ref', asked.args -> 'ref'))
                     ELSE autoclient.new_lines(asked, call.reply) END;
    IF jsonb_array_length(call.reply) >= (call.args ->> 'page-size')::integer THEN
        PERFORM autoclient.next_verified_page(call, jsonb_build_object('page', (call.args ->> 'page')::integer + 1), found);
    ELSIF removed THEN
        PERFORM k2bridge.settle_uncertain(asked.id, found = '[]', jsonb_build_object(
                    'searched', CASE WHEN found = '[]' THEN 'found removed' ELSE 'found unremoved' END, 'lines', found), '{}');
    ELSE
        PERFORM k2bridge.settle_uncertain(asked.id, jsonb_array_length(found) = 1, jsonb_build_object(
                    'searched', CASE WHEN found <> '[]' THEN CASE jsonb_array_length(found) WHEN 1 THEN 'found' ELSE 'found several' END
                                     WHEN EXISTS (SELECT FROM autoclient.salary_receiver r WHERE r.server = asked.server AND r.id = asked.args ->> 'receiver')
                                     THEN 'absent' ELSE 'the receiver is not known here, fetch autoclient.salary_receivers()' END,
                    'lines', found), jsonb_build_object('ref', found #>> '{0,ref}'));
    END IF;
END
$$;
COMMENT ON FUNCTION autoclient.content_verified(k2bridge.call_row) IS
'Handler of autoclient.verify_content: an uncertain line is settled by the one new line like it, an uncertain removal by the line''s absence.';

CREATE FUNCTION autoclient.header_verified(call k2bridge.call_row) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    asked autoclient.asked_call;
BEGIN
    asked := autoclient.asked_about(call);
    -- P: it runs; W: it has ended well, when another one would be ignored (section 8.5).
    IF asked.id IS NOT NULL THEN
        PERFORM k2bridge.settle_uncertain(asked.id, coalesce(call.reply ->> 'status', '') IN ('P', 'W'),
                    jsonb_build_object('searched', 'header', 'register', call.reply), call.reply);
    END IF;
END
$$;
COMMENT ON FUNCTION autoclient.header_verified(k2bridge.call_row) IS
'Handler of autoclient.verify_header: an uncertain validation is settled by a register that is being or has been validated.';

-- Pay-sheets.

CREATE FUNCTION autoclient.verify_paysheets(call k2bridge.call_row) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$ SELECT autoclient.ask_about(call, 'autoclient.verify_paysheets', '{}') $$;
COMMENT ON FUNCTION autoclient.verify_paysheets(k2bridge.call_row) IS 'Verification of pay-sheets: asks for their journal.';

CREATE FUNCTION autoclient.paysheets_verified(call k2bridge.call_row) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    asked autoclient.asked_call;
    month jsonb;
    found jsonb;
    others boolean;
BEGIN
    asked := autoclient.asked_about(call);
    IF asked.id IS NULL THEN
        RETURN;
    END IF;
    month := coalesce(asked.args -> 'about', asked.args);
    SELECT coalesce(jsonb_agg(i.item), '[]') INTO found
      FROM autoclient.items(call.reply) i
     WHERE i.item #> '{project,reference}' = month -> 'projectReference' AND i.item -> 'reportYm' = month -> 'yearmonth'
       AND autoclient.iso_day(i.item ->> 'uploadTime') >= asked.since::date;
    -- The journal names a day, not a time: pay-sheets that were saved before on that day are no proof.
    others := EXISTS (SELECT FROM k2bridge.call c
                       WHERE c.subject = asked.subject AND c.endpoint = 'autoclient.paysheets_save' AND c.outcome = 'ok'
                         AND c.args #> '{about,yearmonth}' = month -> 'yearmonth' AND autoclient.bank_time(c.server, c.finished_at)::date >= asked.since::date);
    PERFORM k2bridge.settle_uncertain(asked.id, found <> '[]' AND NOT others, jsonb_build_object(
                'searched', CASE WHEN found = '[]' THEN 'absent' WHEN others THEN 'found, but others were saved on that day' ELSE 'found' END,
                'journal', found), '{"status": "success"}');
END
$$;
COMMENT ON FUNCTION autoclient.paysheets_verified(k2bridge.call_row) IS
'Handler of autoclient.verify_paysheets: settled by the journal''s entry for the project and month, made since the call was sent.';
