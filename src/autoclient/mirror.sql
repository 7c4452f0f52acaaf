-- Reading the lists that the bank keeps: each item as a typed row (the …_of functions), the handlers that store them.

CREATE TYPE autoclient.document_row AS (
    server         name,
    id             text,
    journal        text,
    doc_date       date,
    doc_number     text,
    doc_name       text,
    doc_type       text,
    status         integer,
    status_name    text,
    amount         numeric(20,2),
    okpo_sender    text,
    okpo_recipient text,
    raw            jsonb
);
COMMENT ON TYPE autoclient.document_row IS 'An electronic document, as its table has it.';

CREATE TYPE autoclient.receiver_row AS (
    server name,
    id     text,
    grp    text,
    pan    text,
    fio    text,
    inn    text,
    tabn   text,
    raw    jsonb
);
COMMENT ON TYPE autoclient.receiver_row IS 'A receiver of the salary project, as its table has it.';

CREATE TYPE autoclient.packet_row AS (
    server        name,
    reference     text,
    grp           text,
    system        text,
    status        text,
    substatus     text,
    name          text,
    error_text    text,
    record_count  integer,
    record_amount numeric(20,2),
    revision      bigint,
    raw           jsonb
);
COMMENT ON TYPE autoclient.packet_row IS 'A register of the salary project, as its table has it.';

CREATE TYPE autoclient.salary_line_row AS (
    server      name,
    packet      text,
    ref         text,
    fio         text,
    inn         text,
    card_number text,
    comment     text,
    amount      numeric(20,2),
    status      text,
    error_code  text,
    tab_no      text,
    raw         jsonb
);
COMMENT ON TYPE autoclient.salary_line_row IS 'A line of a register, as its table has it.';

CREATE TYPE autoclient.card_row AS (
    server        name,
    pan_number    text,
    corp_code     text,
    corp_type     text,
    client_id_jur text,
    iban          text,
    holder        text,
    state         text,
    balance       numeric(20,2),
    raw           jsonb
);
COMMENT ON TYPE autoclient.card_row IS 'A corporate card, as its table has it.';

CREATE TYPE autoclient.card_statement_row AS (
    server            name,
    card              text,
    id_front          text,
    tran_ref          text,
    trandc            text,
    amount            numeric(20,2),
    currency          text,
    original_amount   numeric(20,2),
    original_currency text,
    descr             text,
    posted            date,
    raw               jsonb
);
COMMENT ON TYPE autoclient.card_statement_row IS 'A row of the statement of a corporate card, as its table has it.';

CREATE TYPE autoclient.acquiring_row_row AS (
    server   name,
    account  text,
    day      date,
    line     integer,
    terminal text,
    at       timestamptz,
    posted   date,
    pan      text,
    rrn      text,
    currency text,
    tran_amt numeric(20,2),
    acq_amt  numeric(20,2),
    ret_amt  numeric(20,2),
    raw      jsonb
);
COMMENT ON TYPE autoclient.acquiring_row_row IS 'A row of the acquiring statement, as its table has it.';

CREATE FUNCTION autoclient.items(list jsonb) RETURNS TABLE (item jsonb, place bigint)
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT e.item, e.position
      FROM jsonb_array_elements(CASE WHEN jsonb_typeof(list) = 'array' THEN list ELSE '[]' END) WITH ORDINALITY AS e (item, position)
     WHERE e.item <> '{}'
$$;
COMMENT ON FUNCTION autoclient.items(jsonb) IS 'The objects of a list that may be absent.';

CREATE FUNCTION autoclient.documents_of(server name, journal text, reply jsonb) RETURNS SETOF autoclient.document_row
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, DMY' AS $$
    SELECT $1, i.item ->> 'ID', $2, (nullif(i.item ->> 'DOC_DATE', ''))::date, i.item ->> 'DOC_NUMBER', i.item ->> 'DOC_NAME', i.item ->> 'DOC_TYPE',
           (i.item ->> 'STATUS')::integer, i.item ->> 'STATUS_NAME', autoclient.amount((i.item ->> 'AMOUNT')::numeric, 'AMOUNT'), i.item ->> 'OKPO_SENDER', i.item ->> 'OKPO_RECIPIENT', i.item
      FROM autoclient.items($3 -> 'documents') i ORDER BY i.place
$$;
COMMENT ON FUNCTION autoclient.documents_of(name, text, jsonb) IS 'Electronic documents in a journal (wire/autoclient.md section 6.1).';

CREATE FUNCTION autoclient.receivers_of(server name, reply jsonb) RETURNS SETOF autoclient.receiver_row
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, DMY' AS $$
    SELECT $1, i.item ->> 'id', i.item ->> 'group', i.item ->> 'pan',
           CASE jsonb_typeof(i.item -> 'fio') WHEN 'array' THEN (SELECT string_agg(w, ' ' ORDER BY p) FROM jsonb_array_elements_text(i.item -> 'fio') WITH ORDINALITY AS f (w, p))
                ELSE i.item ->> 'fio' END,
           i.item ->> 'inn', i.item ->> 'tabn', i.item
      FROM autoclient.items($2) i ORDER BY i.place
$$;
COMMENT ON FUNCTION autoclient.receivers_of(name, jsonb) IS 'Receivers in a list (section 8.2).';

CREATE FUNCTION autoclient.packets_of(server name, reply jsonb) RETURNS SETOF autoclient.packet_row
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, DMY' AS $$
    SELECT $1, i.item ->> 'reference', i.item ->> 'group', i.item ->> 'system', i.item ->> 'status', i.item ->> 'substatus', i.item ->> 'packetName', i.item ->> 'errText',
           (i.item ->> 'recordCount')::integer, autoclient.amount((i.item ->> 'recordAmount')::numeric, 'recordAmount'), (i.item ->> 'revision')::bigint, i.item
      FROM autoclient.items(CASE jsonb_typeof($2) WHEN 'object' THEN jsonb_build_array($2) ELSE $2 END) i ORDER BY i.place
$$;
COMMENT ON FUNCTION autoclient.packets_of(name, jsonb) IS 'Registers in a list, or the one of a header (sections 8.4 and 8.5).';

CREATE FUNCTION autoclient.lines_of(server name, packet text, reply jsonb) RETURNS SETOF autoclient.salary_line_row
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, DMY' AS $$
    SELECT $1, $2, i.item ->> 'ref', i.item ->> 'fio', i.item ->> 'inn', i.item ->> 'cardNumber', i.item ->> 'comment', autoclient.amount((i.item ->> 'amount')::numeric, 'amount'), i.item ->> 'status',
           i.item ->> 'errorCode', i.item ->> 'tabNo', i.item
      FROM autoclient.items($3) i ORDER BY i.place
$$;
COMMENT ON FUNCTION autoclient.lines_of(name, text, jsonb) IS 'Lines of a register (section 8.5).';

CREATE FUNCTION autoclient.cards_of(server name, reply jsonb) RETURNS SETOF autoclient.card_row
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, DMY' AS $$
    SELECT $1, p.item ->> 'PanNumber', c.item ->> 'CorpCode', c.item ->> 'corpType', j.value ->> 'ClientIdJur', p.item ->> 'iban', p.item ->> 'FioFiz',
           p.item ->> 'PanStateS', autoclient.amount((p.item ->> 'Balance')::numeric, 'Balance'), p.item
      FROM (SELECT $2 #> '{Data,JurData}' AS data) d
     CROSS JOIN LATERAL (SELECT e.item AS value FROM autoclient.items(CASE jsonb_typeof(d.data) WHEN 'array' THEN d.data ELSE jsonb_build_array(d.data) END) e) j
     CROSS JOIN LATERAL autoclient.items(j.value -> 'CorpData') c
     CROSS JOIN LATERAL autoclient.items(c.item -> 'PanData') p
$$;
COMMENT ON FUNCTION autoclient.cards_of(name, jsonb) IS 'Corporate cards in a list (section 10.1).';

CREATE FUNCTION autoclient.card_rows_of(server name, reply jsonb) RETURNS SETOF autoclient.card_statement_row
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, DMY' AS $$
    SELECT $1, i.item #>> '{account,card}', i.item ->> 'idFront', i.item ->> 'tranRef', i.item ->> 'trandc', autoclient.amount((i.item ->> 'amountAmt')::numeric, 'amountAmt'), i.item ->> 'amountCcy',
           autoclient.amount((i.item ->> 'originalAmt')::numeric, 'originalAmt'), i.item ->> 'originalCcy', i.item ->> 'descr', nullif(i.item ->> 'posted', '')::date, i.item
      FROM autoclient.items(coalesce($2 #> '{CorpStatement,statements}', $2 #> '{CardStatement,statements}', $2 -> 'statements')) i ORDER BY i.place
$$;
COMMENT ON FUNCTION autoclient.card_rows_of(name, jsonb) IS 'Rows of card statements (sections 10.2 and 10.3).';

CREATE FUNCTION autoclient.acquiring_of(server name, account text, day date, since integer, reply jsonb) RETURNS SETOF autoclient.acquiring_row_row
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, DMY' AS $$
    SELECT $1, $2, $3, ($4 + i.place)::integer, i.item ->> 'Ident_Ter', (i.item ->> 'Date')::timestamp AT TIME ZONE autoclient.zone($1), (i.item ->> 'TranPost')::date,
           i.item ->> 'Pan', i.item ->> 'Extr_Rrn', i.item ->> 'Curr', autoclient.amount((i.item ->> 'Tran_Amt')::numeric, 'Tran_Amt'), autoclient.amount((i.item ->> 'Acq_Amt')::numeric, 'Acq_Amt'), autoclient.amount((i.item ->> 'Ret_Amt')::numeric, 'Ret_Amt'), i.item
      FROM autoclient.items($5 -> 'dataCollections') i ORDER BY i.place
$$;
COMMENT ON FUNCTION autoclient.acquiring_of(name, text, date, integer, jsonb) IS 'Rows of the acquiring statement (section 12).';

CREATE FUNCTION autoclient.journal_done(call k2bridge.call_row) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    IF call.outcome <> 'ok' THEN
        RETURN;
    END IF;
    INSERT INTO autoclient.document (server, id, journal, doc_date, doc_number, doc_name, doc_type, status, status_name,
        amount, okpo_sender, okpo_recipient, raw)
    SELECT DISTINCT ON (r.server, r.id) r.*
      FROM autoclient.documents_of(call.server, replace(substr(call.endpoint, length('autoclient.edoc_journal_') + 1), '_', '-'), call.reply) r
     WHERE r.server IS NOT NULL AND r.id IS NOT NULL
     ORDER BY r.server, r.id
        ON CONFLICT (server, id) DO UPDATE
       SET journal = excluded.journal, doc_date = excluded.doc_date, doc_number = excluded.doc_number,
           doc_name = excluded.doc_name, doc_type = excluded.doc_type, status = excluded.status,
           status_name = excluded.status_name, amount = excluded.amount, okpo_sender = excluded.okpo_sender,
           okpo_recipient = excluded.okpo_recipient, raw = excluded.raw, seen_at = excluded.seen_at;
END
$$;
COMMENT ON FUNCTION autoclient.journal_done(k2bridge.call_row) IS 'Handler of the journals: mirrors the documents.';

CREATE FUNCTION autoclient.receivers_done(call k2bridge.call_row) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    IF call.outcome <> 'ok' THEN
        RETURN;
    END IF;
    INSERT INTO autoclient.salary_receiver (server, id, grp, pan, fio, inn, tabn, raw)
    SELECT DISTINCT ON (r.server, r.id) r.*
      FROM autoclient.receivers_of(call.server, call.reply) r
     WHERE r.server IS NOT NULL AND r.id IS NOT NULL
     ORDER BY r.server, r.id
        ON CONFLICT (server, id) DO UPDATE
       SET grp = excluded.grp, pan = excluded.pan, fio = excluded.fio, inn = excluded.inn, tabn = excluded.tabn,
           raw = excluded.raw, seen_at = excluded.seen_at;
END
$$;
COMMENT ON FUNCTION autoclient.receivers_done(k2bridge.call_row) IS 'Handler of mp/list-receivers: mirrors the receivers.';

CREATE FUNCTION autoclient.packets_done(call k2bridge.call_row) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    IF call.outcome <> 'ok' THEN
        RETURN;
    END IF;
    INSERT INTO autoclient.salary_packet (server, reference, grp, system, status, substatus, name, error_text, record_count,
        record_amount, revision, raw)
    SELECT DISTINCT ON (r.server, r.reference) r.*
      FROM autoclient.packets_of(call.server, call.reply) r
     WHERE r.server IS NOT NULL AND r.reference IS NOT NULL
     ORDER BY r.server, r.reference
        ON CONFLICT (server, reference) DO UPDATE
       SET grp = excluded.grp, system = excluded.system, status = excluded.status, substatus = excluded.substatus,
           name = excluded.name, error_text = excluded.error_text, record_count = excluded.record_count,
           record_amount = excluded.record_amount, revision = excluded.revision, raw = excluded.raw,
           seen_at = excluded.seen_at;
END
$$;
COMMENT ON FUNCTION autoclient.packets_done(k2bridge.call_row) IS 'Handler of packets/list and of maspay header, validate and create: mirrors the registers.';

CREATE FUNCTION autoclient.content_done(call k2bridge.call_row) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    IF call.outcome <> 'ok' THEN
        RETURN;
    END IF;
    INSERT INTO autoclient.salary_line (server, packet, ref, fio, inn, card_number, comment, amount, status, error_code,
        tab_no, raw)
    SELECT DISTINCT ON (r.server, r.packet, r.ref) r.*
      FROM autoclient.lines_of(call.server, call.args ->> 'ref', call.reply) r
     WHERE r.server IS NOT NULL AND r.packet IS NOT NULL AND r.ref IS NOT NULL
     ORDER BY r.server, r.packet, r.ref
        ON CONFLICT (server, packet, ref) DO UPDATE
       SET fio = excluded.fio, inn = excluded.inn, card_number = excluded.card_number, comment = excluded.comment,
           amount = excluded.amount, status = excluded.status, error_code = excluded.error_code, tab_no = excluded.tab_no,
           raw = excluded.raw, seen_at = excluded.seen_at;
END
$$;
COMMENT ON FUNCTION autoclient.content_done(k2bridge.call_row) IS 'Handler of maspay content: mirrors the lines.';

CREATE FUNCTION autoclient.cards_done(call k2bridge.call_row) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    IF call.outcome <> 'ok' THEN
        RETURN;
    END IF;
    INSERT INTO autoclient.corp_card (server, pan_number, corp_code, corp_type, client_id_jur, iban, holder, state, balance,
        raw)
    SELECT DISTINCT ON (r.server, r.pan_number) r.*
      FROM autoclient.cards_of(call.server, call.reply) r
     WHERE r.server IS NOT NULL AND r.pan_number IS NOT NULL
     ORDER BY r.server, r.pan_number
        ON CONFLICT (server, pan_number) DO UPDATE
       SET corp_code = excluded.corp_code, corp_type = excluded.corp_type, client_id_jur = excluded.client_id_jur,
           iban = excluded.iban, holder = excluded.holder, state = excluded.state, balance = excluded.balance,
           raw = excluded.raw, seen_at = excluded.seen_at;
END
$$;
COMMENT ON FUNCTION autoclient.cards_done(k2bridge.call_row) IS 'Handler of cards/list: mirrors the cards.';

CREATE FUNCTION autoclient.card_statements_done(call k2bridge.call_row) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    IF call.outcome <> 'ok' THEN
        RETURN;
    END IF;
    INSERT INTO autoclient.card_statement (server, card, id_front, tran_ref, trandc, amount, currency, original_amount,
        original_currency, descr, posted, raw)
    SELECT DISTINCT ON (r.server, r.card, r.id_front) r.*
      FROM autoclient.card_rows_of(call.server, call.reply) r
     WHERE r.server IS NOT NULL AND r.card IS NOT NULL AND r.id_front IS NOT NULL
     ORDER BY r.server, r.card, r.id_front
        ON CONFLICT (server, card, id_front) DO UPDATE
       SET tran_ref = excluded.tran_ref, trandc = excluded.trandc, amount = excluded.amount, currency = excluded.currency,
           original_amount = excluded.original_amount, original_currency = excluded.original_currency,
           descr = excluded.descr, posted = excluded.posted, raw = excluded.raw, seen_at = excluded.seen_at;
END
$$;
COMMENT ON FUNCTION autoclient.card_statements_done(k2bridge.call_row) IS 'Handler of the card statements: mirrors the rows.';

CREATE FUNCTION autoclient.acquiring_done(call k2bridge.call_row) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    IF call.outcome <> 'ok' THEN
        RETURN;
    END IF;
    INSERT INTO autoclient.acquiring_row (server, account, day, line, terminal, at, posted, pan, rrn, currency, tran_amt,
        acq_amt, ret_amt, raw)
    SELECT DISTINCT ON (r.server, r.account, r.day, r.line) r.*
      FROM autoclient.acquiring_of(call.server, call.args ->> 'account', (call.args ->> 'dateFrom')::date, (((call.args ->> 'page')::integer - 1) * (call.args ->> 'numberRecords')::integer), call.reply) r
     WHERE r.server IS NOT NULL AND r.account IS NOT NULL AND r.day IS NOT NULL AND r.line IS NOT NULL
     ORDER BY r.server, r.account, r.day, r.line
        ON CONFLICT (server, account, day, line) DO UPDATE
       SET terminal = excluded.terminal, at = excluded.at, posted = excluded.posted, pan = excluded.pan, rrn = excluded.rrn,
           currency = excluded.currency, tran_amt = excluded.tran_amt, acq_amt = excluded.acq_amt,
           ret_amt = excluded.ret_amt, raw = excluded.raw, seen_at = excluded.seen_at;
END
$$;
COMMENT ON FUNCTION autoclient.acquiring_done(k2bridge.call_row) IS 'Handler of equiring/statements: mirrors the rows.';

CREATE FUNCTION autoclient.masked_card(card text) RETURNS text
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT left(d.digits, 4) || ' **** **** ' || right(d.digits, 4) FROM (SELECT regexp_replace(card, '\D', '', 'g') AS digits) d
$$;
COMMENT ON FUNCTION autoclient.masked_card(text) IS 'A card number as the bank lists it (wire/autoclient.md section 8.2).';

CREATE FUNCTION autoclient.receiver_updated(call k2bridge.call_row) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO autoclient.salary_receiver (server, id, grp, pan, inn, tabn, raw)
    SELECT call.server, call.reply ->> 'id', call.args ->> 'group', autoclient.masked_card(call.args ->> 'pan'), call.args ->> 'inn',
           call.args ->> 'tabn', k2bridge.wire_args(call.args) - 'pan'
     WHERE call.outcome = 'ok' AND call.reply ->> 'id' IS NOT NULL
        ON CONFLICT (server, id) DO UPDATE
       SET grp = excluded.grp, pan = excluded.pan, inn = coalesce(excluded.inn, salary_receiver.inn), tabn = excluded.tabn,
           seen_at = excluded.seen_at $$;
COMMENT ON FUNCTION autoclient.receiver_updated(k2bridge.call_row) IS 'Handler of mp/update-receiver: mirrors the receiver where the bank told its number, the card masked.';

CREATE FUNCTION autoclient.line_removed(call k2bridge.call_row) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    DELETE FROM autoclient.salary_line l
     WHERE call.outcome = 'ok' AND l.server = call.server AND l.packet = call.args ->> 'packet' AND l.ref = call.args ->> 'ref'
$$;
COMMENT ON FUNCTION autoclient.line_removed(k2bridge.call_row) IS 'Handler of maspay remove: the mirror loses the line too.';

CREATE FUNCTION autoclient.counterparty_done(call k2bridge.call_row) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO autoclient.counterparty (server, edrpou, found, dossier, warnings)
    SELECT call.server, call.args ->> 'edrpou', call.reply #>> '{dossier,found}' = '1', call.reply -> 'dossier', call.reply -> 'warnings'
     WHERE call.outcome = 'ok' AND call.reply IS NOT NULL
        ON CONFLICT (server, edrpou) DO UPDATE
       SET found = excluded.found, dossier = excluded.dossier, warnings = excluded.warnings, seen_at = excluded.seen_at $$;
COMMENT ON FUNCTION autoclient.counterparty_done(k2bridge.call_row) IS 'Handler of ubki/check: keeps the answer.';
