-- Calls that only the queue sends, since they make, move or cost something. They return the id in k2bridge.outbox;
-- k2bridge.wait(id) is the next statement.

CREATE FUNCTION autoclient.queue(endpoint text, args jsonb, subject text, server name) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted name := autoclient.default_server(server);
BEGIN
    PERFORM autoclient.check_charset(wanted, k2bridge.wire_args(args));
    RETURN k2bridge.enqueue(endpoint, args, subject, wanted);
END
$$;
COMMENT ON FUNCTION autoclient.queue(text, jsonb, text, name) IS 'Queues a call after checking that the server''s charset can carry it.';

CREATE FUNCTION autoclient.file(content bytea, name text, content_type text) RETURNS jsonb
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF coalesce(length(content), 0) = 0 THEN
        RAISE EXCEPTION 'file must not be null or empty' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN jsonb_build_object('content', translate(encode(content, 'base64'), E'\n', ''), 'file_name', k2bridge.need_argument('name', name),
                              'content_type', content_type);
END
$$;
COMMENT ON FUNCTION autoclient.file(bytea, text, text) IS 'A file as an argument of a multipart call.';

CREATE FUNCTION autoclient.positive(name text, value numeric) RETURNS numeric
    LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF value > 0 AND value = round(value, 2) THEN
        RETURN value;
    END IF;
    RAISE EXCEPTION '% must be above 0 with at most 2 decimals', name USING ERRCODE = 'invalid_parameter_value';
END
$$;
COMMENT ON FUNCTION autoclient.positive(text, numeric) IS 'An amount given as argument; raises 22023.';

CREATE FUNCTION autoclient.subject_of(server name, ref text) RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce((SELECT 'payment:' || p.id FROM autoclient.payment p WHERE p.server = $1 AND p.payment_ref = $2), 'payment_ref:' || $2)
$$;
COMMENT ON FUNCTION autoclient.subject_of(name, text) IS 'Subject of the calls about a draft, that of its creation where it was made here.';

CREATE FUNCTION autoclient.upload_subject(okpo text, name text) RETURNS text
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$ SELECT format('edoc_upload:%s:%s', $1, $2) $$;
COMMENT ON FUNCTION autoclient.upload_subject(text, text) IS
'Subject of the uploads of one file name: they go one at a time, so that one document of the journal cannot prove two of them.';

CREATE FUNCTION autoclient.sign_payment(ref text, sign text, server name DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.sign_payment(text, text, name) IS
'Queues adding a signature (base64 CAdES over the answer of get_payment) to a draft; returns the id of the call.';
CREATE FUNCTION autoclient.sign_payment_as_owner(ref text, sign text, server name) RETURNS bigint
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT autoclient.queue('autoclient.payment_add_sign', jsonb_strip_nulls(jsonb_build_object('ref', k2bridge.need_argument('ref', $1), 'sign', k2bridge.need_argument('sign', $2))), autoclient.subject_of(autoclient.default_server($3), $1), $3)
$$;
COMMENT ON FUNCTION autoclient.sign_payment_as_owner(text, text, name) IS 'Behind autoclient.sign_payment.';

CREATE FUNCTION autoclient.delete_payment(ref text, server name DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.delete_payment(text, name) IS
'Queues the deletion of a draft that is not signed; returns the id of the call.';
CREATE FUNCTION autoclient.delete_payment_as_owner(ref text, server name) RETURNS bigint
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT autoclient.queue('autoclient.payment_delete', jsonb_strip_nulls(jsonb_build_object('ref', k2bridge.need_argument('ref', $1))), autoclient.subject_of(autoclient.default_server($2), $1), $2)
$$;
COMMENT ON FUNCTION autoclient.delete_payment_as_owner(text, name) IS 'Behind autoclient.delete_payment.';

CREATE FUNCTION autoclient.create_swift_payment(payment jsonb, server name DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.create_swift_payment(jsonb, name) IS
'Queues a SWIFT payment; returns the id of the call. Its outcome is settled by a person when it is unclear.';
CREATE FUNCTION autoclient.create_swift_payment_as_owner(payment jsonb, server name) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT coalesce($1 ?& '{recipient,payment,payer,recipientBank}'::text[], false) THEN
        RAISE EXCEPTION 'payment lacks %', (SELECT string_agg(n, ', ') FROM unnest('{recipient,payment,payer,recipientBank}'::text[]) n WHERE NOT coalesce($1 ? n, false))
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Its parts are those of the Autoclient document, section 4.2.';
    END IF;
    RETURN autoclient.queue('autoclient.swift_create', $1, NULL, $2);
END
$$;
COMMENT ON FUNCTION autoclient.create_swift_payment_as_owner(jsonb, name) IS 'Behind autoclient.create_swift_payment.';

CREATE FUNCTION autoclient.create_cpi_payment(payment jsonb, server name DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.create_cpi_payment(jsonb, name) IS
'Queues a internal currency payment; returns the id of the call. Its outcome is settled by a person when it is unclear.';
CREATE FUNCTION autoclient.create_cpi_payment_as_owner(payment jsonb, server name) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT coalesce($1 ?& '{payment,payer,recipient}'::text[], false) THEN
        RAISE EXCEPTION 'payment lacks %', (SELECT string_agg(n, ', ') FROM unnest('{payment,payer,recipient}'::text[]) n WHERE NOT coalesce($1 ? n, false))
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Its parts are those of the Autoclient document, section 4.2.';
    END IF;
    RETURN autoclient.queue('autoclient.cpi_create', $1, NULL, $2);
END
$$;
COMMENT ON FUNCTION autoclient.create_cpi_payment_as_owner(jsonb, name) IS 'Behind autoclient.create_cpi_payment.';

CREATE FUNCTION autoclient.edoc_upload(file bytea, name text, okpo text, temp_link_days integer DEFAULT NULL, server name DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.edoc_upload(bytea, text, text, integer, name) IS
'Queues the upload of an unsigned XML document; returns the id of the call.';
CREATE FUNCTION autoclient.edoc_upload_as_owner(file bytea, name text, okpo text, temp_link_days integer, server name) RETURNS bigint
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT autoclient.queue('autoclient.edoc_upload', jsonb_strip_nulls(jsonb_build_object('file', autoclient.file($1, $2, 'application/xml'), 'okpo', k2bridge.need_argument('okpo', $3), 'tempLinkForDays', $4)), autoclient.upload_subject($3, $2), $5)
$$;
COMMENT ON FUNCTION autoclient.edoc_upload_as_owner(bytea, text, text, integer, name) IS 'Behind autoclient.edoc_upload.';

CREATE FUNCTION autoclient.edoc_upload_signed_xml(file bytea, name text, okpo text, temp_link_days integer DEFAULT NULL, server name DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.edoc_upload_signed_xml(bytea, text, text, integer, name) IS
'Queues the upload of a signed XML document, which is sent at once; goes to the server option docs_url where there is one. Returns the id of the call.';
CREATE FUNCTION autoclient.edoc_upload_signed_xml_as_owner(file bytea, name text, okpo text, temp_link_days integer, server name) RETURNS bigint
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT autoclient.queue('autoclient.edoc_upload_signed_xml' || CASE WHEN autoclient.server_option(w.server, 'docs_url') IS NULL THEN '' ELSE '_docs' END,
               jsonb_strip_nulls(jsonb_build_object('file', autoclient.file($1, $2, 'application/xml'), 'okpo', k2bridge.need_argument('okpo', $3), 'tempLinkForDays', $4)),
               autoclient.upload_subject($3, $2), w.server)
      FROM autoclient.default_server($5) w (server)
$$;
COMMENT ON FUNCTION autoclient.edoc_upload_signed_xml_as_owner(bytea, text, text, integer, name) IS 'Behind autoclient.edoc_upload_signed_xml.';

CREATE FUNCTION autoclient.edoc_upload_pdf(file bytea, name text, okpo text, recipient_okpo text, recipient_name text DEFAULT NULL, document_date date DEFAULT NULL, amount numeric DEFAULT NULL, document_num text DEFAULT NULL, temp_link_days integer DEFAULT NULL, server name DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.edoc_upload_pdf(bytea, text, text, text, text, date, numeric, text, integer, name) IS
'Queues the upload of an unsigned PDF document; returns the id of the call.';
CREATE FUNCTION autoclient.edoc_upload_pdf_as_owner(file bytea, name text, okpo text, recipient_okpo text, recipient_name text, document_date date, amount numeric, document_num text, temp_link_days integer, server name) RETURNS bigint
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT autoclient.queue('autoclient.edoc_upload_pdf', jsonb_strip_nulls(jsonb_build_object('file', autoclient.file($1, $2, 'application/pdf'), 'okpo', k2bridge.need_argument('okpo', $3), 'recipientOkpo', k2bridge.need_argument('recipient_okpo', $4), 'recipientName', $5, 'documentDate', to_char($6, 'YYYY-MM-DD'), 'amount', $7, 'documentNum', $8, 'tempLinkForDays', $9)), autoclient.upload_subject($3, $2), $10)
$$;
COMMENT ON FUNCTION autoclient.edoc_upload_pdf_as_owner(bytea, text, text, text, text, date, numeric, text, integer, name) IS 'Behind autoclient.edoc_upload_pdf.';

CREATE FUNCTION autoclient.edoc_upload_pdf_b64(file bytea, name text, okpo text, recipient_okpo text, recipient_name text DEFAULT NULL, document_date date DEFAULT NULL, amount numeric DEFAULT NULL, document_num text DEFAULT NULL, temp_link_days integer DEFAULT NULL, server name DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.edoc_upload_pdf_b64(bytea, text, text, text, text, date, numeric, text, integer, name) IS
'Queues the upload of an unsigned PDF document as base64 in a form; returns the id of the call.';
CREATE FUNCTION autoclient.edoc_upload_pdf_b64_as_owner(file bytea, name text, okpo text, recipient_okpo text, recipient_name text, document_date date, amount numeric, document_num text, temp_link_days integer, server name) RETURNS bigint
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT autoclient.queue('autoclient.edoc_upload_pdf_b64', jsonb_strip_nulls(jsonb_build_object('uploadedFileB64', autoclient.file($1, $2, NULL) -> 'content', 'uploadedFileName', k2bridge.need_argument('name', $2), 'okpo', k2bridge.need_argument('okpo', $3), 'recipientOkpo', k2bridge.need_argument('recipient_okpo', $4), 'recipientName', $5, 'documentDate', to_char($6, 'YYYY-MM-DD'), 'amount', $7, 'documentNum', $8, 'tempLinkForDays', $9)), autoclient.upload_subject($3, $2), $10)
$$;
COMMENT ON FUNCTION autoclient.edoc_upload_pdf_b64_as_owner(bytea, text, text, text, text, date, numeric, text, integer, name) IS 'Behind autoclient.edoc_upload_pdf_b64.';

CREATE FUNCTION autoclient.edoc_upload_signed_b64(file bytea, okpo text, id text, temp_link_days integer DEFAULT NULL, server name DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.edoc_upload_signed_b64(bytea, text, text, integer, name) IS
'Queues adding a signature to a document of the journal, which is then sent; returns the id of the call.';
CREATE FUNCTION autoclient.edoc_upload_signed_b64_as_owner(file bytea, okpo text, id text, temp_link_days integer, server name) RETURNS bigint
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT autoclient.queue('autoclient.edoc_upload_signed_b64', jsonb_strip_nulls(jsonb_build_object('file', autoclient.file($1, 'signed', NULL) -> 'content', 'okpo', k2bridge.need_argument('okpo', $2), 'id', k2bridge.need_argument('id', $3), 'tempLinkForDays', $4)), 'edoc:' || $3, $5)
$$;
COMMENT ON FUNCTION autoclient.edoc_upload_signed_b64_as_owner(bytea, text, text, integer, name) IS 'Behind autoclient.edoc_upload_signed_b64.';

CREATE FUNCTION autoclient.edoc_send_for_preview(id text, okpo text, server name DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.edoc_send_for_preview(text, text, name) IS
'Queues sending an unsigned document to the counterparty; returns the id of the call.';
CREATE FUNCTION autoclient.edoc_send_for_preview_as_owner(id text, okpo text, server name) RETURNS bigint
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT autoclient.queue('autoclient.edoc_send_for_preview', jsonb_strip_nulls(jsonb_build_object('id', k2bridge.need_argument('id', $1), 'okpo', k2bridge.need_argument('okpo', $2))), 'edoc:' || $1, $3)
$$;
COMMENT ON FUNCTION autoclient.edoc_send_for_preview_as_owner(text, text, name) IS 'Behind autoclient.edoc_send_for_preview.';

CREATE FUNCTION autoclient.edoc_delete(id text, okpo text, server name DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.edoc_delete(text, text, name) IS
'Queues the deletion of a document; returns the id of the call.';
CREATE FUNCTION autoclient.edoc_delete_as_owner(id text, okpo text, server name) RETURNS bigint
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT autoclient.queue('autoclient.edoc_delete', jsonb_strip_nulls(jsonb_build_object('id', k2bridge.need_argument('id', $1), 'okpo', k2bridge.need_argument('okpo', $2))), 'edoc:' || $1, $3)
$$;
COMMENT ON FUNCTION autoclient.edoc_delete_as_owner(text, text, name) IS 'Behind autoclient.edoc_delete.';

CREATE FUNCTION autoclient.edoc_create_payment(id text, okpo text, payer_account text, server name DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.edoc_create_payment(text, text, text, name) IS
'Queues the making of a payment from an invoice; returns the id of the call.';
CREATE FUNCTION autoclient.edoc_create_payment_as_owner(id text, okpo text, payer_account text, server name) RETURNS bigint
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT autoclient.queue('autoclient.edoc_create_payment', jsonb_strip_nulls(jsonb_build_object('id', k2bridge.need_argument('id', $1), 'okpo', k2bridge.need_argument('okpo', $2), 'payerAccount', k2bridge.need_argument('payer_account', $3))), 'edoc:' || $1, $4)
$$;
COMMENT ON FUNCTION autoclient.edoc_create_payment_as_owner(text, text, text, name) IS 'Behind autoclient.edoc_create_payment.';

CREATE FUNCTION autoclient.duplicate_rule(duplicate text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF coalesce($1, 'error') NOT IN ('error', 'remove') THEN
        RAISE EXCEPTION 'duplicate must be error or remove' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN $1;
END
$$;
COMMENT ON FUNCTION autoclient.duplicate_rule(text) IS 'What a report does to an earlier one of its name; raises 22023.';

CREATE FUNCTION autoclient.eo_create(file bytea, name text, okpo text, duplicate text DEFAULT 'error', server name DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.eo_create(bytea, text, text, text, name) IS
'Queues the upload of a report (XML or ZIP) for electronic reporting; duplicate is error or remove. Returns the id of the call.';
CREATE FUNCTION autoclient.eo_create_as_owner(file bytea, name text, okpo text, duplicate text, server name) RETURNS bigint
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT autoclient.queue('autoclient.eo_create', jsonb_strip_nulls(jsonb_build_object('file', autoclient.file($1, $2, 'application/xml'), 'okpo', k2bridge.need_argument('okpo', $3), 'duplicate', autoclient.duplicate_rule($4))), NULL, $5)
$$;
COMMENT ON FUNCTION autoclient.eo_create_as_owner(bytea, text, text, text, name) IS 'Behind autoclient.eo_create.';

CREATE FUNCTION autoclient.eo_create_b64(file bytea, name text, okpo text, duplicate text DEFAULT 'error', server name DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.eo_create_b64(bytea, text, text, text, name) IS
'Queues the upload of a report as base64 in a form; duplicate is error or remove. Returns the id of the call.';
CREATE FUNCTION autoclient.eo_create_b64_as_owner(file bytea, name text, okpo text, duplicate text, server name) RETURNS bigint
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT autoclient.queue('autoclient.eo_create_b64', jsonb_strip_nulls(jsonb_build_object('uploadedFileB64', autoclient.file($1, $2, NULL) -> 'content', 'uploadedFileName', k2bridge.need_argument('name', $2), 'okpo', k2bridge.need_argument('okpo', $3), 'duplicate', autoclient.duplicate_rule($4))), NULL, $5)
$$;
COMMENT ON FUNCTION autoclient.eo_create_b64_as_owner(bytea, text, text, text, name) IS 'Behind autoclient.eo_create_b64.';

CREATE FUNCTION autoclient.salary_update_receiver(receiver jsonb, server name DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.salary_update_receiver(jsonb, name) IS
'Queues adding or changing a receiver of the salary project (pan, grp as group, tabn, inn, fio); returns the id of the call.';
CREATE FUNCTION autoclient.salary_update_receiver_as_owner(receiver jsonb, server name) RETURNS bigint
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT autoclient.queue('autoclient.salary_update_receiver', $1, concat_ws(':', 'salary_receiver',
                            k2bridge.need_argument('group of the receiver', $1 ->> 'group'), k2bridge.need_argument('tabn of the receiver', $1 ->> 'tabn')), $2)
$$;
COMMENT ON FUNCTION autoclient.salary_update_receiver_as_owner(jsonb, name) IS 'Behind autoclient.salary_update_receiver.';

CREATE FUNCTION autoclient.maspay_add(ref text, receiver text, amount numeric, comment text DEFAULT '', server name DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.maspay_add(text, text, numeric, text, name) IS
'Queues adding a line to a register; returns the id of the call.';
CREATE FUNCTION autoclient.maspay_add_as_owner(ref text, receiver text, amount numeric, comment text, server name) RETURNS bigint
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT autoclient.queue('autoclient.maspay_add', jsonb_strip_nulls(jsonb_build_object('packet', k2bridge.need_argument('ref', $1), 'receiver', k2bridge.need_argument('receiver', $2), 'amount', autoclient.positive('amount', $3), 'comment', $4)), 'maspay:' || $1, $5)
$$;
COMMENT ON FUNCTION autoclient.maspay_add_as_owner(text, text, numeric, text, name) IS 'Behind autoclient.maspay_add.';

CREATE FUNCTION autoclient.maspay_remove(ref text, line text, server name DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.maspay_remove(text, text, name) IS
'Queues removing a line from a register; returns the id of the call.';
CREATE FUNCTION autoclient.maspay_remove_as_owner(ref text, line text, server name) RETURNS bigint
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT autoclient.queue('autoclient.maspay_remove', jsonb_strip_nulls(jsonb_build_object('packet', k2bridge.need_argument('ref', $1), 'ref', k2bridge.need_argument('line', $2))), 'maspay:' || $1, $3)
$$;
COMMENT ON FUNCTION autoclient.maspay_remove_as_owner(text, text, name) IS 'Behind autoclient.maspay_remove.';

CREATE FUNCTION autoclient.maspay_validate(ref text, server name DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.maspay_validate(text, name) IS
'Queues the validation of a register; returns the id of the call.';
CREATE FUNCTION autoclient.maspay_validate_as_owner(ref text, server name) RETURNS bigint
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT autoclient.queue('autoclient.maspay_validate', jsonb_strip_nulls(jsonb_build_object('ref', k2bridge.need_argument('ref', $1))), 'maspay:' || $1, $2)
$$;
COMMENT ON FUNCTION autoclient.maspay_validate_as_owner(text, name) IS 'Behind autoclient.maspay_validate.';

CREATE FUNCTION autoclient.maspay_create(grp text, salary boolean, name text DEFAULT NULL, server name DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.maspay_create(text, boolean, text, name) IS
'Queues the making of a register for a group; returns the id of the call.';
CREATE FUNCTION autoclient.maspay_create_as_owner(grp text, salary boolean, name text, server name) RETURNS bigint
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT autoclient.queue('autoclient.maspay_create', jsonb_strip_nulls(jsonb_build_object('group', k2bridge.need_argument('grp', $1), 'salary', coalesce($2, true), 'packetName', $3)), format('maspay_create:%s:%s', autoclient.default_server($4), $3), $4)
$$;
COMMENT ON FUNCTION autoclient.maspay_create_as_owner(text, boolean, text, name) IS 'Behind autoclient.maspay_create.';

CREATE FUNCTION autoclient.paysheets_upload(project text, yearmonth text, paysheet bytea, paysheet_name text, catalog bytea, catalog_name text, server name DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.paysheets_upload(text, text, bytea, text, bytea, text, name) IS
'Queues the upload of pay-sheets and their catalogue; saving them follows in the same subject when the upload succeeded. Returns the id of the first call.';
CREATE FUNCTION autoclient.paysheets_upload_as_owner(project text, yearmonth text, paysheet bytea, paysheet_name text, catalog bytea, catalog_name text, server name) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF $2 !~ '^\d{4}(0[1-9]|1[0-2])$' THEN
        RAISE EXCEPTION 'yearmonth must be YYYYMM' USING ERRCODE = 'invalid_parameter_value', HINT = 'For June 2021 write 202106.';
    END IF;
    RETURN autoclient.queue('autoclient.paysheets_upload', jsonb_build_object('projectReference', k2bridge.need_argument('project', $1), 'yearmonth', $2,
               'paysheet', autoclient.file($3, $4, 'application/vnd.ms-excel'), 'catalog', autoclient.file($5, $6, 'application/vnd.ms-excel')),
               'paysheets:' || $1, $7);
END
$$;
COMMENT ON FUNCTION autoclient.paysheets_upload_as_owner(text, text, bytea, text, bytea, text, name) IS 'Behind autoclient.paysheets_upload.';

CREATE FUNCTION autoclient.check_counterparty(edrpou text, server name DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.check_counterparty(text, name) IS
'Queues the check of a counterparty, which the bank counts; the answer is kept in autoclient.counterparty. Returns the id of the call.';
CREATE FUNCTION autoclient.check_counterparty_as_owner(edrpou text, server name) RETURNS bigint
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT autoclient.queue('autoclient.check_counterparty', jsonb_strip_nulls(jsonb_build_object('edrpou', k2bridge.need_argument('edrpou', $1))), 'counterparty:' || $1, $2)
$$;
COMMENT ON FUNCTION autoclient.check_counterparty_as_owner(text, name) IS 'Behind autoclient.check_counterparty.';

CREATE FUNCTION autoclient.paysheets_uploaded(call k2bridge.call_row) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT k2bridge.enqueue('autoclient.paysheets_save', jsonb_build_object('about', jsonb_build_object(
                                'projectReference', call.args -> 'projectReference', 'yearmonth', call.args -> 'yearmonth')), call.subject, call.server)
     WHERE call.outcome = 'ok'
$$;
COMMENT ON FUNCTION autoclient.paysheets_uploaded(k2bridge.call_row) IS 'Handler of paysheets/upload-file: saving follows at once (wire/autoclient.md section 9).';
