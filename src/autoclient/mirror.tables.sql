-- Mirrors of the lists that the bank keeps. Keys are the bank's; raw is the object as it came.
CREATE TABLE IF NOT EXISTS autoclient.document (
    server         name NOT NULL,
    id             text NOT NULL,
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
    raw            jsonb NOT NULL,
    seen_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (server, id)
);
COMMENT ON TABLE autoclient.document IS 'Electronic documents (edoc journals).';
COMMENT ON COLUMN autoclient.document.server IS 'foreign server';
COMMENT ON COLUMN autoclient.document.id IS 'number at the bank (wire ID)';
COMMENT ON COLUMN autoclient.document.journal IS 'journal that last listed it';
COMMENT ON COLUMN autoclient.document.doc_date IS 'date in the document';
COMMENT ON COLUMN autoclient.document.doc_number IS 'number';
COMMENT ON COLUMN autoclient.document.doc_name IS 'name of the file';
COMMENT ON COLUMN autoclient.document.doc_type IS 'code of the type';
COMMENT ON COLUMN autoclient.document.status IS 'code of the status';
COMMENT ON COLUMN autoclient.document.status_name IS 'its name';
COMMENT ON COLUMN autoclient.document.amount IS 'amount';
COMMENT ON COLUMN autoclient.document.okpo_sender IS 'code of the sender';
COMMENT ON COLUMN autoclient.document.okpo_recipient IS 'code of the recipient';
COMMENT ON COLUMN autoclient.document.raw IS 'the object as the bank sent it';
COMMENT ON COLUMN autoclient.document.seen_at IS 'when the bank last listed it';

CREATE TABLE IF NOT EXISTS autoclient.salary_receiver (
    server  name NOT NULL,
    id      text NOT NULL,
    grp     text,
    pan     text,
    fio     text,
    inn     text,
    tabn    text,
    raw     jsonb NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (server, id)
);
COMMENT ON TABLE autoclient.salary_receiver IS 'Receivers of the salary project.';
COMMENT ON COLUMN autoclient.salary_receiver.server IS 'foreign server';
COMMENT ON COLUMN autoclient.salary_receiver.id IS 'number at the bank';
COMMENT ON COLUMN autoclient.salary_receiver.grp IS 'group';
COMMENT ON COLUMN autoclient.salary_receiver.pan IS 'masked card';
COMMENT ON COLUMN autoclient.salary_receiver.fio IS 'name';
COMMENT ON COLUMN autoclient.salary_receiver.inn IS 'tax number';
COMMENT ON COLUMN autoclient.salary_receiver.tabn IS 'personnel number';
COMMENT ON COLUMN autoclient.salary_receiver.raw IS 'the object as the bank sent it';
COMMENT ON COLUMN autoclient.salary_receiver.seen_at IS 'when the bank last listed it';

CREATE TABLE IF NOT EXISTS autoclient.salary_packet (
    server        name NOT NULL,
    reference     text NOT NULL,
    grp           text,
    system        text,
    status        text,
    substatus     text,
    name          text,
    error_text    text,
    record_count  integer,
    record_amount numeric(20,2),
    revision      bigint,
    raw           jsonb NOT NULL,
    seen_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (server, reference)
);
COMMENT ON TABLE autoclient.salary_packet IS 'Registers of the salary project.';
COMMENT ON COLUMN autoclient.salary_packet.server IS 'foreign server';
COMMENT ON COLUMN autoclient.salary_packet.reference IS 'reference';
COMMENT ON COLUMN autoclient.salary_packet.grp IS 'group';
COMMENT ON COLUMN autoclient.salary_packet.system IS 'reqpay or maspay';
COMMENT ON COLUMN autoclient.salary_packet.status IS 'status';
COMMENT ON COLUMN autoclient.salary_packet.substatus IS 'second letter of the status';
COMMENT ON COLUMN autoclient.salary_packet.name IS 'name of the packet';
COMMENT ON COLUMN autoclient.salary_packet.error_text IS 'error';
COMMENT ON COLUMN autoclient.salary_packet.record_count IS 'lines';
COMMENT ON COLUMN autoclient.salary_packet.record_amount IS 'sum';
COMMENT ON COLUMN autoclient.salary_packet.revision IS 'grows with each change';
COMMENT ON COLUMN autoclient.salary_packet.raw IS 'the object as the bank sent it';
COMMENT ON COLUMN autoclient.salary_packet.seen_at IS 'when the bank last listed it';

CREATE TABLE IF NOT EXISTS autoclient.salary_line (
    server      name NOT NULL,
    packet      text NOT NULL,
    ref         text NOT NULL,
    fio         text,
    inn         text,
    card_number text,
    comment     text,
    amount      numeric(20,2),
    status      text,
    error_code  text,
    tab_no      text,
    raw         jsonb NOT NULL,
    seen_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (server, packet, ref)
);
COMMENT ON TABLE autoclient.salary_line IS 'Lines of the registers of the salary project.';
COMMENT ON COLUMN autoclient.salary_line.server IS 'foreign server';
COMMENT ON COLUMN autoclient.salary_line.packet IS 'autoclient.salary_packet.reference';
COMMENT ON COLUMN autoclient.salary_line.ref IS 'reference of the line';
COMMENT ON COLUMN autoclient.salary_line.fio IS 'name';
COMMENT ON COLUMN autoclient.salary_line.inn IS 'tax number';
COMMENT ON COLUMN autoclient.salary_line.card_number IS 'masked card';
COMMENT ON COLUMN autoclient.salary_line.comment IS 'comment';
COMMENT ON COLUMN autoclient.salary_line.amount IS 'amount';
COMMENT ON COLUMN autoclient.salary_line.status IS 'status';
COMMENT ON COLUMN autoclient.salary_line.error_code IS 'error';
COMMENT ON COLUMN autoclient.salary_line.tab_no IS 'personnel number';
COMMENT ON COLUMN autoclient.salary_line.raw IS 'the object as the bank sent it';
COMMENT ON COLUMN autoclient.salary_line.seen_at IS 'when the bank last listed it';

CREATE TABLE IF NOT EXISTS autoclient.corp_card (
    server        name NOT NULL,
    pan_number    text NOT NULL,
    corp_code     text,
    corp_type     text,
    client_id_jur text,
    iban          text,
    holder        text,
    state         text,
    balance       numeric(20,2),
    raw           jsonb NOT NULL,
    seen_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (server, pan_number)
);
COMMENT ON TABLE autoclient.corp_card IS 'Corporate cards.';
COMMENT ON COLUMN autoclient.corp_card.server IS 'foreign server';
COMMENT ON COLUMN autoclient.corp_card.pan_number IS 'masked card with its token (wire PanNumber), the clientCard of statements';
COMMENT ON COLUMN autoclient.corp_card.corp_code IS 'code of the corporation';
COMMENT ON COLUMN autoclient.corp_card.corp_type IS 'FUEL, ACCKEY, CORP or UNDEF';
COMMENT ON COLUMN autoclient.corp_card.client_id_jur IS 'number of the company';
COMMENT ON COLUMN autoclient.corp_card.iban IS 'account';
COMMENT ON COLUMN autoclient.corp_card.holder IS 'name of the holder';
COMMENT ON COLUMN autoclient.corp_card.state IS 'o open, c closed';
COMMENT ON COLUMN autoclient.corp_card.balance IS 'balance';
COMMENT ON COLUMN autoclient.corp_card.raw IS 'the object as the bank sent it';
COMMENT ON COLUMN autoclient.corp_card.seen_at IS 'when the bank last listed it';

CREATE TABLE IF NOT EXISTS autoclient.card_statement (
    server            name NOT NULL,
    card              text NOT NULL,
    id_front          text NOT NULL,
    tran_ref          text,
    trandc            text,
    amount            numeric(20,2),
    currency          text,
    original_amount   numeric(20,2),
    original_currency text,
    descr             text,
    posted            date,
    raw               jsonb NOT NULL,
    seen_at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (server, card, id_front)
);
COMMENT ON TABLE autoclient.card_statement IS 'Rows of the statements of corporate cards.';
COMMENT ON COLUMN autoclient.card_statement.server IS 'foreign server';
COMMENT ON COLUMN autoclient.card_statement.card IS 'masked card';
COMMENT ON COLUMN autoclient.card_statement.id_front IS 'number of the row (wire idFront)';
COMMENT ON COLUMN autoclient.card_statement.tran_ref IS 'reference';
COMMENT ON COLUMN autoclient.card_statement.trandc IS 'DB or CR';
COMMENT ON COLUMN autoclient.card_statement.amount IS 'amount in the currency of the card, signed';
COMMENT ON COLUMN autoclient.card_statement.currency IS 'its currency';
COMMENT ON COLUMN autoclient.card_statement.original_amount IS 'amount of the operation';
COMMENT ON COLUMN autoclient.card_statement.original_currency IS 'its currency';
COMMENT ON COLUMN autoclient.card_statement.descr IS 'description';
COMMENT ON COLUMN autoclient.card_statement.posted IS 'day of posting';
COMMENT ON COLUMN autoclient.card_statement.raw IS 'the object as the bank sent it';
COMMENT ON COLUMN autoclient.card_statement.seen_at IS 'when the bank last listed it';

CREATE TABLE IF NOT EXISTS autoclient.acquiring_row (
    server   name NOT NULL,
    account  text NOT NULL,
    day      date NOT NULL,
    line     integer NOT NULL,
    terminal text,
    at       timestamptz,
    posted   date,
    pan      text,
    rrn      text,
    currency text,
    tran_amt numeric(20,2),
    acq_amt  numeric(20,2),
    ret_amt  numeric(20,2),
    raw      jsonb NOT NULL,
    seen_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (server, account, day, line)
);
COMMENT ON TABLE autoclient.acquiring_row IS 'Rows of the acquiring statement.';
COMMENT ON COLUMN autoclient.acquiring_row.server IS 'foreign server';
COMMENT ON COLUMN autoclient.acquiring_row.account IS 'account asked for';
COMMENT ON COLUMN autoclient.acquiring_row.day IS 'day asked for';
COMMENT ON COLUMN autoclient.acquiring_row.line IS 'position in that days statement, from 1';
COMMENT ON COLUMN autoclient.acquiring_row.terminal IS 'terminal';
COMMENT ON COLUMN autoclient.acquiring_row.at IS 'when the card was used';
COMMENT ON COLUMN autoclient.acquiring_row.posted IS 'day of posting';
COMMENT ON COLUMN autoclient.acquiring_row.pan IS 'masked card';
COMMENT ON COLUMN autoclient.acquiring_row.rrn IS 'retrieval reference number';
COMMENT ON COLUMN autoclient.acquiring_row.currency IS 'numeric code';
COMMENT ON COLUMN autoclient.acquiring_row.tran_amt IS 'amount, signed';
COMMENT ON COLUMN autoclient.acquiring_row.acq_amt IS 'fee of the bank';
COMMENT ON COLUMN autoclient.acquiring_row.ret_amt IS 'amount for the shop';
COMMENT ON COLUMN autoclient.acquiring_row.raw IS 'the object as the bank sent it';
COMMENT ON COLUMN autoclient.acquiring_row.seen_at IS 'when the bank last listed it';

CREATE TABLE IF NOT EXISTS autoclient.counterparty (
    server   name NOT NULL,
    edrpou   text NOT NULL,
    found    boolean,
    dossier  jsonb,
    warnings jsonb,
    seen_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (server, edrpou)
);
COMMENT ON TABLE autoclient.counterparty IS 'Answers of the counterparty check.';
COMMENT ON COLUMN autoclient.counterparty.server IS 'foreign server';
COMMENT ON COLUMN autoclient.counterparty.edrpou IS 'code asked for';
COMMENT ON COLUMN autoclient.counterparty.found IS 'the register has it';
COMMENT ON COLUMN autoclient.counterparty.dossier IS 'entry of the register';
COMMENT ON COLUMN autoclient.counterparty.warnings IS 'warnings';
COMMENT ON COLUMN autoclient.counterparty.seen_at IS 'when the bank last listed it';
