-- Direct calls of the other services: ask the bank now, mirror what it said, return it.

CREATE TYPE autoclient.payment_document_row AS (
    payment_ref         text,
    document_number     text,
    payment_amount      numeric(20,2),
    payment_ccy         text,
    payment_status      text,
    payer_account       text,
    recipient_account   text,
    recipient_nceo      text,
    payment_naming      text,
    payment_destination text,
    signed_level_1      boolean,
    signed_level_2      boolean,
    raw                 jsonb
);
COMMENT ON TYPE autoclient.payment_document_row IS 'A payment as the bank shows it (payment/get).';

CREATE FUNCTION autoclient.get_payment(ref text, server name DEFAULT NULL) RETURNS autoclient.payment_document_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.get_payment(text, name) IS
'Asks for a payment by its reference; raw is the whole document, whose listed fields are what is signed.';
CREATE FUNCTION autoclient.get_payment_as_owner(ref text, server name) RETURNS autoclient.payment_document_row
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT ROW(d.doc ->> 'payment_ref', d.doc ->> 'document_number', (d.doc ->> 'payment_amount')::numeric, d.doc ->> 'payment_ccy', d.doc ->> 'payment_status',
               d.doc ->> 'payer_account', d.doc ->> 'recipient_account', d.doc ->> 'recipient_nceo', d.doc ->> 'payment_naming', d.doc ->> 'payment_destination',
               (d.doc #>> '{level_sign,1_sign_level}')::boolean, (d.doc #>> '{level_sign,2_sign_level}')::boolean, d.doc)::autoclient.payment_document_row
      FROM (SELECT (k2bridge.invoke('autoclient.payment_get', jsonb_build_object('ref', k2bridge.need_argument('ref', $1)), autoclient.default_server($2))).reply AS doc) d
$$;
COMMENT ON FUNCTION autoclient.get_payment_as_owner(text, name) IS 'Behind autoclient.get_payment.';

CREATE FUNCTION autoclient.edoc_journal(journal text, filter jsonb, server name DEFAULT NULL) RETURNS SETOF autoclient.document_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.edoc_journal(text, jsonb, name) IS
'Asks for a journal of electronic documents (inbox, outbox, in-process, all, to-pay) from filter.dateBegin to filter.dateEnd (YYYY-MM-DD), page after page unless the filter has a limit; other keys of the filter as documented.';
CREATE FUNCTION autoclient.edoc_journal_as_owner(journal text, filter jsonb, server name) RETURNS SETOF autoclient.document_row
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted name := autoclient.default_server($3);
    page jsonb := jsonb_build_object('limit', '500') || $2;
    shown integer := coalesce(($2 ->> 'offset')::integer, 0);
    answer jsonb;
BEGIN
    IF $1 IS NULL OR $1 NOT IN ('inbox', 'outbox', 'in-process', 'all', 'to-pay') THEN
        RAISE EXCEPTION 'unknown journal "%"', coalesce($1, '') USING ERRCODE = 'invalid_parameter_value', HINT = 'Known are inbox, outbox, in-process, all and to-pay.';
    END IF;
    PERFORM k2bridge.need_argument('filter.dateBegin', $2 ->> 'dateBegin'), k2bridge.need_argument('filter.dateEnd', $2 ->> 'dateEnd');
    LOOP
        answer := (k2bridge.invoke('autoclient.edoc_journal_' || replace($1, '-', '_'), page || jsonb_build_object('offset', shown::text), wanted)).reply;
        RETURN QUERY SELECT d.* FROM autoclient.documents_of(wanted, $1, answer) d;
        shown := shown + jsonb_array_length(k2bridge.list_field(answer, 'documents'));
        EXIT WHEN $2 ? 'limit' OR answer -> 'documents' = '[]' OR shown >= coalesce((answer ->> 'total')::integer, 0);
    END LOOP;
END
$$;
COMMENT ON FUNCTION autoclient.edoc_journal_as_owner(text, jsonb, name) IS 'Behind autoclient.edoc_journal.';

CREATE FUNCTION autoclient.edoc_xml(id text, okpo text, server name DEFAULT NULL) RETURNS bytea
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.edoc_xml(text, text, name) IS
'Downloads the XML of an electronic document.';
CREATE FUNCTION autoclient.edoc_xml_as_owner(id text, okpo text, server name) RETURNS bytea
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT (k2bridge.invoke('autoclient.edoc_xml', jsonb_build_object('id', k2bridge.need_argument('id', $1), 'okpo', k2bridge.need_argument('okpo', $2)), autoclient.default_server($3))).content
$$;
COMMENT ON FUNCTION autoclient.edoc_xml_as_owner(text, text, name) IS 'Behind autoclient.edoc_xml.';

CREATE FUNCTION autoclient.edoc_pdf(id text, okpo text, server name DEFAULT NULL) RETURNS bytea
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.edoc_pdf(text, text, name) IS
'Downloads the PDF of an electronic document.';
CREATE FUNCTION autoclient.edoc_pdf_as_owner(id text, okpo text, server name) RETURNS bytea
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT (k2bridge.invoke('autoclient.edoc_pdf', jsonb_build_object('id', k2bridge.need_argument('id', $1), 'okpo', k2bridge.need_argument('okpo', $2)), autoclient.default_server($3))).content
$$;
COMMENT ON FUNCTION autoclient.edoc_pdf_as_owner(text, text, name) IS 'Behind autoclient.edoc_pdf.';

CREATE FUNCTION autoclient.edoc_p7s(id text, okpo text, server name DEFAULT NULL) RETURNS bytea
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.edoc_p7s(text, text, name) IS
'Downloads the signed file (.p7s) of an electronic document.';
CREATE FUNCTION autoclient.edoc_p7s_as_owner(id text, okpo text, server name) RETURNS bytea
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT (k2bridge.invoke('autoclient.edoc_p7s', jsonb_build_object('id', k2bridge.need_argument('id', $1), 'okpo', k2bridge.need_argument('okpo', $2)), autoclient.default_server($3))).content
$$;
COMMENT ON FUNCTION autoclient.edoc_p7s_as_owner(text, text, name) IS 'Behind autoclient.edoc_p7s.';

CREATE FUNCTION autoclient.edoc_base64(id text, okpo text, server name DEFAULT NULL) RETURNS TABLE (file_name text, content bytea)
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.edoc_base64(text, text, name) IS
'Downloads an electronic document in the form in which it is signed.';
CREATE FUNCTION autoclient.edoc_base64_as_owner(id text, okpo text, server name) RETURNS TABLE (file_name text, content bytea)
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT d.reply ->> 'fileName', decode(d.reply ->> 'originalDoc', 'base64')
      FROM (SELECT (k2bridge.invoke('autoclient.edoc_base64', jsonb_build_object('id', k2bridge.need_argument('id', $1), 'okpo', k2bridge.need_argument('okpo', $2)), autoclient.default_server($3))).reply) d
$$;
COMMENT ON FUNCTION autoclient.edoc_base64_as_owner(text, text, name) IS 'Behind autoclient.edoc_base64.';

CREATE FUNCTION autoclient.edoc_sign_info(id text, okpo text, server name DEFAULT NULL) RETURNS jsonb
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.edoc_sign_info(text, text, name) IS
'Asks who has signed an electronic document.';
CREATE FUNCTION autoclient.edoc_sign_info_as_owner(id text, okpo text, server name) RETURNS jsonb
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT (k2bridge.invoke('autoclient.edoc_sign_info', jsonb_build_object('id', k2bridge.need_argument('id', $1), 'okpo', k2bridge.need_argument('okpo', $2)), autoclient.default_server($3))).reply
$$;
COMMENT ON FUNCTION autoclient.edoc_sign_info_as_owner(text, text, name) IS 'Behind autoclient.edoc_sign_info.';

CREATE FUNCTION autoclient.salary_groups(server name DEFAULT NULL) RETURNS TABLE (type text, name text, rko numeric)
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.salary_groups(name) IS
'The groups of the salary project; rko is the fee in percent.';
CREATE FUNCTION autoclient.salary_groups_as_owner(server name) RETURNS TABLE (type text, name text, rko numeric)
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT i.item ->> 'type', i.item ->> 'name', (i.item ->> 'rko')::numeric
      FROM autoclient.items((k2bridge.invoke('autoclient.salary_groups', '{}', autoclient.default_server($1))).reply) i
$$;
COMMENT ON FUNCTION autoclient.salary_groups_as_owner(name) IS 'Behind autoclient.salary_groups.';

CREATE FUNCTION autoclient.all_pages(endpoint text, args jsonb, server name) RETURNS SETOF jsonb
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    page integer := 0;
    former jsonb;
    answer k2bridge.call_row;
BEGIN
    LOOP
        answer := k2bridge.invoke(endpoint, jsonb_strip_nulls(args) || jsonb_build_object('page', page, 'page-size', 100), server);
        EXIT WHEN jsonb_typeof(answer.reply) <> 'array' OR answer.reply = '[]';
        IF answer.reply = former THEN
            RAISE EXCEPTION 'page % of the list repeats the page before it', page USING ERRCODE = 'invalid_parameter_value',
                DETAIL = 'The bank seems to ignore the page number.';
        END IF;
        RETURN NEXT answer.reply;
        EXIT WHEN jsonb_array_length(answer.reply) < 100;
        former := answer.reply;
        page := page + 1;
    END LOOP;
END
$$;
COMMENT ON FUNCTION autoclient.all_pages(text, jsonb, name) IS 'All pages of a list of the salary project, until a short or empty one (section 8.2).';

CREATE FUNCTION autoclient.salary_receivers(grp text DEFAULT 'ALL', filter text DEFAULT NULL, server name DEFAULT NULL) RETURNS SETOF autoclient.receiver_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.salary_receivers(text, text, name) IS
'Asks for the receivers of a group (ALL: of every group), mirrors and returns them; filter is a part of the name, at least 3 characters.';
CREATE FUNCTION autoclient.salary_receivers_as_owner(grp text, filter text, server name) RETURNS SETOF autoclient.receiver_row
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT r.*
      FROM autoclient.default_server($3) w (server)
     CROSS JOIN LATERAL autoclient.all_pages('autoclient.salary_receivers', jsonb_build_object('group', k2bridge.need_argument('grp', $1), 'filter', $2), w.server) p (page)
     CROSS JOIN LATERAL autoclient.receivers_of(w.server, p.page) r
$$;
COMMENT ON FUNCTION autoclient.salary_receivers_as_owner(text, text, name) IS 'Behind autoclient.salary_receivers.';

CREATE FUNCTION autoclient.salary_packets(status text DEFAULT NULL, from_date date DEFAULT NULL, to_date date DEFAULT NULL, server name DEFAULT NULL) RETURNS SETOF autoclient.packet_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.salary_packets(text, date, date, name) IS
'Asks for the registers with a status (V prepared, A awaiting signature, F processed, R rejected); dates are needed for F, R and no status, the last one exclusive.';
CREATE FUNCTION autoclient.salary_packets_as_owner(status text, from_date date, to_date date, server name) RETURNS SETOF autoclient.packet_row
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted name := autoclient.default_server($4);
BEGIN
    IF ($1 IS NULL OR $1 IN ('F', 'R')) AND ($2 IS NULL OR $3 IS NULL) THEN
        RAISE EXCEPTION 'from_date and to_date must be given for this status' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Only the registers of status V and A are listed without dates.';
    END IF;
    RETURN QUERY
        SELECT r.* FROM autoclient.all_pages('autoclient.salary_packets', jsonb_build_object('status', $1, 'from', $2, 'to', $3), wanted) p (page)
         CROSS JOIN LATERAL autoclient.packets_of(wanted, p.page) r;
END
$$;
COMMENT ON FUNCTION autoclient.salary_packets_as_owner(text, date, date, name) IS 'Behind autoclient.salary_packets.';

CREATE FUNCTION autoclient.maspay_header(ref text, server name DEFAULT NULL) RETURNS autoclient.packet_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.maspay_header(text, name) IS
'Asks for the header of a register, mirrors and returns it.';
CREATE FUNCTION autoclient.maspay_header_as_owner(ref text, server name) RETURNS autoclient.packet_row
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT r FROM autoclient.default_server($2) w (server)
     CROSS JOIN LATERAL autoclient.packets_of(w.server, (k2bridge.invoke('autoclient.maspay_header', jsonb_build_object('ref', k2bridge.need_argument('ref', $1)), w.server)).reply) r
$$;
COMMENT ON FUNCTION autoclient.maspay_header_as_owner(text, name) IS 'Behind autoclient.maspay_header.';

CREATE FUNCTION autoclient.maspay_content(ref text, server name DEFAULT NULL) RETURNS SETOF autoclient.salary_line_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.maspay_content(text, name) IS
'Asks for the lines of a register, mirrors and returns them.';
CREATE FUNCTION autoclient.maspay_content_as_owner(ref text, server name) RETURNS SETOF autoclient.salary_line_row
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT r.*
      FROM autoclient.default_server($2) w (server)
     CROSS JOIN LATERAL autoclient.all_pages('autoclient.maspay_content', jsonb_build_object('ref', k2bridge.need_argument('ref', $1)), w.server) p (page)
     CROSS JOIN LATERAL autoclient.lines_of(w.server, $1, p.page) r
$$;
COMMENT ON FUNCTION autoclient.maspay_content_as_owner(text, name) IS 'Behind autoclient.maspay_content.';

CREATE FUNCTION autoclient.paysheets_journal(server name DEFAULT NULL) RETURNS TABLE (upload_time timestamp, project_reference text, project_name text, report_ym text, file_type text, status text)
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.paysheets_journal(name) IS
'The journal of pay-sheets.';
CREATE FUNCTION autoclient.paysheets_journal_as_owner(server name) RETURNS TABLE (upload_time timestamp, project_reference text, project_name text, report_ym text, file_type text, status text)
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT (i.item ->> 'uploadTime')::timestamp, i.item #>> '{project,reference}', i.item #>> '{project,name}', i.item ->> 'reportYm', i.item ->> 'fileType', i.item ->> 'status'
      FROM autoclient.items((k2bridge.invoke('autoclient.paysheets_journal', '{}', autoclient.default_server($1))).reply) i
$$;
COMMENT ON FUNCTION autoclient.paysheets_journal_as_owner(name) IS 'Behind autoclient.paysheets_journal.';

CREATE FUNCTION autoclient.corpcards(filter jsonb DEFAULT '{}', server name DEFAULT NULL) RETURNS SETOF autoclient.card_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.corpcards(jsonb, name) IS
'Asks for the corporate cards that the filter (panState, corpType, cardNumber …) lets through, packet after packet, mirrors and returns them.';
CREATE FUNCTION autoclient.corpcards_as_owner(filter jsonb, server name) RETURNS SETOF autoclient.card_row
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted name := autoclient.default_server($2);
    packet integer := coalesce(($1 ->> 'packNum')::integer, 1);
    former jsonb;
    answer jsonb;
BEGIN
    LOOP
        answer := (k2bridge.invoke('autoclient.corpcards', coalesce($1, '{}') || jsonb_build_object('numOfEntr', 100, 'packNum', packet), wanted)).reply;
        EXIT WHEN answer = former;
        RETURN QUERY SELECT r.* FROM autoclient.cards_of(wanted, answer) r;
        -- As many cards shown as there are: nothing follows (section 10.1).
        EXIT WHEN coalesce(jsonb_path_query_array(answer, '$.Data.JurData[*].CorpData[*] ? (@.cardsShown < @.cardsAmount)') = '[]', true) OR $1 ? 'packNum';
        former := answer;
        packet := packet + 1;
    END LOOP;
END
$$;
COMMENT ON FUNCTION autoclient.corpcards_as_owner(jsonb, name) IS 'Behind autoclient.corpcards.';

CREATE FUNCTION autoclient.corp_statements(corporation jsonb, date_start date, date_end date, server name DEFAULT NULL) RETURNS SETOF autoclient.card_statement_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.corp_statements(jsonb, date, date, name) IS
'Asks for the statement of a corporation (corporation is {id, code, type} of autoclient.corpcards), mirrors and returns it.';
CREATE FUNCTION autoclient.corp_statements_as_owner(corporation jsonb, date_start date, date_end date, server name) RETURNS SETOF autoclient.card_statement_row
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT r.*
      FROM autoclient.default_server($4) w (server)
     CROSS JOIN LATERAL autoclient.card_rows_of(w.server, (k2bridge.invoke('autoclient.corp_statements',
               jsonb_build_object('corporation', $1, 'dateStart', to_char($2, 'DD.MM.YYYY'), 'dateEnd', to_char($3, 'DD.MM.YYYY')), w.server)).reply) r
$$;
COMMENT ON FUNCTION autoclient.corp_statements_as_owner(jsonb, date, date, name) IS 'Behind autoclient.corp_statements.';

CREATE FUNCTION autoclient.card_statements(corporation jsonb, card text, date_start date, date_end date, server name DEFAULT NULL) RETURNS SETOF autoclient.card_statement_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.card_statements(jsonb, text, date, date, name) IS
'Asks for the statement of a corporate card (corporation is {id, code, type} of autoclient.corpcards), mirrors and returns it.';
CREATE FUNCTION autoclient.card_statements_as_owner(corporation jsonb, card text, date_start date, date_end date, server name) RETURNS SETOF autoclient.card_statement_row
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT r.*
      FROM autoclient.default_server($5) w (server)
     CROSS JOIN LATERAL autoclient.card_rows_of(w.server, (k2bridge.invoke('autoclient.card_statements',
               jsonb_build_object('corporation', $1, 'clientCard', k2bridge.need_argument('card', $2), 'dateStart', to_char($3, 'DD.MM.YYYY'), 'dateEnd', to_char($4, 'DD.MM.YYYY')), w.server)).reply) r
$$;
COMMENT ON FUNCTION autoclient.card_statements_as_owner(jsonb, text, date, date, name) IS 'Behind autoclient.card_statements.';

CREATE FUNCTION autoclient.receipts(transactions jsonb, per_page integer DEFAULT 4, server name DEFAULT NULL) RETURNS bytea
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.receipts(jsonb, integer, name) IS
'One PDF with the receipts of at most 45 rows of statements, each {account, reference, refn}.';
CREATE FUNCTION autoclient.receipts_as_owner(transactions jsonb, per_page integer, server name) RETURNS bytea
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF jsonb_typeof($1) IS DISTINCT FROM 'array' OR jsonb_array_length($1) NOT BETWEEN 1 AND 45 THEN
        RAISE EXCEPTION 'transactions must be an array of 1 to 45 objects' USING ERRCODE = 'invalid_parameter_value';
    ELSIF EXISTS (SELECT FROM jsonb_array_elements($1) AS e (item) WHERE NOT coalesce(e.item ?& '{account,reference,refn}'::text[], false)) THEN
        RAISE EXCEPTION 'each of transactions needs account, reference and refn' USING ERRCODE = 'invalid_parameter_value';
    ELSIF coalesce($2, 0) NOT BETWEEN 1 AND 4 THEN
        RAISE EXCEPTION 'per_page must be between 1 and 4' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN (k2bridge.invoke('autoclient.receipts', jsonb_build_object('transactions', $1, 'perPage', $2), autoclient.default_server($3))).content;
END
$$;
COMMENT ON FUNCTION autoclient.receipts_as_owner(jsonb, integer, name) IS 'Behind autoclient.receipts.';

CREATE FUNCTION autoclient.acquiring(account text, date_from date, date_to date, server name DEFAULT NULL) RETURNS SETOF autoclient.acquiring_row_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.acquiring(text, date, date, name) IS
'Asks for the acquiring statement of an account, day after day and page after page, mirrors and returns it.';
CREATE FUNCTION autoclient.acquiring_as_owner(account text, date_from date, date_to date, server name) RETURNS SETOF autoclient.acquiring_row_row
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted name := autoclient.default_server($4);
    day date := $2;
    page integer;
    answer jsonb;
BEGIN
    PERFORM k2bridge.need_argument('account', $1), autoclient.day_range($2, $3);
    WHILE day <= $3 LOOP
        page := 1;
        LOOP
            answer := (k2bridge.invoke('autoclient.acquiring', jsonb_build_object('account', $1, 'dateFrom', day, 'dateTo', day, 'page', page, 'numberRecords', 100), wanted)).reply;
            RETURN QUERY SELECT r.* FROM autoclient.acquiring_of(wanted, $1, day, (page - 1) * 100, answer) r;
            EXIT WHEN answer -> 'existNextPage' IS DISTINCT FROM 'true';
            page := page + 1;
        END LOOP;
        day := day + 1;
    END LOOP;
END
$$;
COMMENT ON FUNCTION autoclient.acquiring_as_owner(text, date, date, name) IS 'Behind autoclient.acquiring.';
