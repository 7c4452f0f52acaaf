-- What became of calls whose outcome is unknown, where the bank can be asked: documents by the journal of all of them,
-- registers and their lines by the lists of the salary project, pay-sheets by their journal (wire/autoclient.md sections
-- 6.1, 8 and 9). Found settles the call; anything else leaves it to a person, with what was found. Payments are verified
-- in payment.sql. Only a page that was read to its end proves that something is absent.

CREATE FUNCTION autoclient.bank_time(server name, at timestamptz) RETURNS timestamp
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT ($2 + coalesce((SELECT d.clock_skew FROM autoclient.server_day d WHERE d.server = $1), interval '0')) AT TIME ZONE autoclient.zone($1)
$$;
COMMENT ON FUNCTION autoclient.bank_time(name, timestamptz) IS 'What the bank''s clock on the wall showed at a moment of ours.';

CREATE FUNCTION autoclient.sent_time(server name, call_id bigint) RETURNS timestamp
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT autoclient.bank_time($1, coalesce(o.sent_at, o.created_at)) FROM k2bridge.outbox o WHERE o.id = $2
$$;
COMMENT ON FUNCTION autoclient.sent_time(name, bigint) IS 'When a call in the queue was sent, by the bank''s clock on the wall.';

CREATE FUNCTION autoclient.ask_about(call k2bridge.call_row, endpoint text, args jsonb) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT k2bridge.enqueue_verification(call, $2, $3 || jsonb_build_object('about', jsonb_build_object('call_id', call.id, 'found', '[]'::jsonb)))
$$;
COMMENT ON FUNCTION autoclient.ask_about(k2bridge.call_row, text, jsonb) IS
'Queues the read that verifies an uncertain call; its handler begins with autoclient.asked_about.';

CREATE TYPE autoclient.asked_call AS (
    id       bigint,
    endpoint text,
    server   name,
    subject  text,
    args     jsonb,
    sent_at  timestamptz,
    since    timestamp
);
COMMENT ON TYPE autoclient.asked_call IS
'An uncertain call that a read asks about; what it may have made is not older than since, by the bank''s clock on the wall.';

CREATE FUNCTION autoclient.asked_about(call k2bridge.call_row) RETURNS autoclient.asked_call
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted bigint := (call.args #>> '{about,call_id}')::bigint;
    asked autoclient.asked_call;
BEGIN
    IF call.outcome <> 'ok' THEN
        PERFORM k2bridge.note_unverified(wanted, call);
    ELSE
        SELECT o.id, o.endpoint, o.server, o.subject, o.args, o.sent_at, autoclient.sent_time(o.server, o.id) - interval '5 minutes'
          INTO asked
          FROM k2bridge.outbox o WHERE o.id = wanted AND o.state = 'uncertain' AND o.wish IS NULL;
    END IF;
    RETURN asked;
END
$$;
COMMENT ON FUNCTION autoclient.asked_about(k2bridge.call_row) IS
'The call that a read asks about; null when the read brought no answer, which is noted, or that call is no longer uncertain.';

CREATE FUNCTION autoclient.next_verified_page(call k2bridge.call_row, page jsonb, found jsonb) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT k2bridge.enqueue(call.endpoint, call.args || $2 || jsonb_build_object('about', call.args -> 'about' || jsonb_build_object('found', $3)),
                            call.subject, call.server)
$$;
COMMENT ON FUNCTION autoclient.next_verified_page(k2bridge.call_row, jsonb, jsonb) IS
'Queues the next page of a verification; what was found so far travels in "about".';

-- Electronic documents.

CREATE FUNCTION autoclient.verify_document(call k2bridge.call_row) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT autoclient.ask_about(call, 'autoclient.verify_journal', jsonb_build_object(
               'dateBegin', CASE WHEN call.args ? 'id' THEN coalesce(k.created, t.sent::date - 1095) ELSE (t.sent - interval '5 minutes')::date END,
               'dateEnd', autoclient.bank_time(call.server, clock_timestamp())::date + 1, 'limit', '500', 'offset', '0'))
      FROM autoclient.sent_time(call.server, call.id) t (sent)
      LEFT JOIN (SELECT left(d.raw ->> 'CREATE_DATE', 10)::date AS created FROM autoclient.document d
                  WHERE d.server = call.server AND d.id = call.args ->> 'id') k ON true
$$;
COMMENT ON FUNCTION autoclient.verify_document(k2bridge.call_row) IS
'Verification of the calls about electronic documents: asks for the journal of all documents since the document was made, or the call was sent.';

CREATE FUNCTION autoclient.is_upload(item jsonb, args jsonb, since timestamp) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(item ->> 'ORIGINAL_DOC_NAME', item ->> 'DOC_NAME') = coalesce(args #>> '{file,file_name}', args ->> 'uploadedFileName')
       AND item ->> 'OKPO_SENDER' = args ->> 'okpo' AND (item ->> 'CREATE_DATE')::timestamp >= since
$$;
COMMENT ON FUNCTION autoclient.is_upload(jsonb, jsonb, timestamp) IS
'Whether a document of a journal may be what an upload with these arguments has made: same file name and sender, made since.';

CREATE FUNCTION autoclient.document_verdict(endpoint text, args jsonb, listed_before boolean, found jsonb) RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE
        WHEN jsonb_array_length(found) > 1 THEN 'found several'
        WHEN endpoint = 'autoclient.edoc_delete' THEN
            CASE WHEN i.item ->> 'STATUS' = '16' OR i.item IS NULL AND listed_before THEN 'found'
                 WHEN i.item IS NULL THEN 'absent, but no journal fetched before had it' ELSE 'found undeleted' END
        WHEN i.item IS NULL THEN 'absent'
        WHEN endpoint = 'autoclient.edoc_upload_signed_b64' THEN CASE WHEN i.item ->> 'STATUS' <> '3' THEN 'found' ELSE 'found unsigned' END
        WHEN endpoint = 'autoclient.edoc_send_for_preview' THEN CASE WHEN i.item ->> 'STATUS' IN ('14', '15') THEN 'found' ELSE 'found in another stage' END
        -- Whoever paid it, the document looks the same.
        WHEN endpoint = 'autoclient.edoc_create_payment' THEN 'found, see ADDITION_STATUS'
        WHEN (args ->> 'recipientOkpo' <> i.item ->> 'OKPO_RECIPIENT') IS TRUE OR ((args ->> 'amount')::numeric <> (i.item ->> 'AMOUNT')::numeric) IS TRUE
             OR (args ->> 'documentNum' <> i.item ->> 'DOC_NUMBER') IS TRUE THEN 'found different'
        ELSE 'found' END
      FROM (SELECT found -> 0 AS item) i
$$;
COMMENT ON FUNCTION autoclient.document_verdict(text, jsonb, boolean, jsonb) IS
'What the documents found in the journal say about an uncertain call; "found" proves that it was processed.';

CREATE FUNCTION autoclient.journal_verified(call k2bridge.call_row) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    asked autoclient.asked_call;
    found jsonb;
    shown bigint;
    verdict text;
BEGIN
    asked := autoclient.asked_about(call);
    IF asked.id IS NULL THEN
        RETURN;
    END IF;
    SELECT call.args #> '{about,found}' || coalesce(jsonb_agg(i.item), '[]') INTO found
      FROM autoclient.items(k2bridge.list_field(call.reply, 'documents')) i
     WHERE CASE WHEN asked.args ? 'id' THEN i.item ->> 'ID' = asked.args ->> 'id'
                ELSE autoclient.is_upload(i.item, asked.args, asked.since)
                     AND NOT EXISTS (SELECT FROM k2bridge.call c WHERE c.subject = asked.subject AND c.reply ->> 'id' = i.item ->> 'ID')
                     AND NOT EXISTS (SELECT FROM autoclient.document d
                                      WHERE d.server = asked.server AND d.id = i.item ->> 'ID' AND d.seen_at < asked.sent_at) END;
    shown := (call.args ->> 'offset')::integer + jsonb_array_length(call.reply -> 'documents');
    IF call.reply -> 'documents' <> '[]' AND shown < coalesce((call.reply ->> 'total')::bigint, shown + 1) THEN
        PERFORM autoclient.next_verified_page(call, jsonb_build_object('offset', shown::text), found);
        RETURN;
    END IF;
    verdict := autoclient.document_verdict(asked.endpoint, asked.args,
                   EXISTS (SELECT FROM autoclient.document d WHERE d.server = asked.server AND d.id = asked.args ->> 'id'), found);
    PERFORM k2bridge.settle_uncertain(asked.id, verdict = 'found', jsonb_build_object('searched', verdict, 'documents', found),
                                      CASE WHEN found -> 0 IS NOT NULL THEN jsonb_build_object('id', found #>> '{0,ID}') END);
END
$$;
COMMENT ON FUNCTION autoclient.journal_verified(k2bridge.call_row) IS
'Handler of autoclient.verify_journal: searches the journal to its end, then settles the uncertain call or keeps what was found.';
