-- What the core banking systems answered. Rows come from the handlers of the abs.* endpoints.

CREATE TABLE IF NOT EXISTS abs.client (
    iinbin     text PRIMARY KEY,
    fullname   text,
    sectecon   integer,
    residfl    integer,
    fetched_at timestamptz NOT NULL
);
COMMENT ON TABLE abs.client IS 'Clients as the ABS knows them (O1).';
COMMENT ON COLUMN abs.client.iinbin IS 'IIN or BIN';
COMMENT ON COLUMN abs.client.fullname IS 'name of the person or company';
COMMENT ON COLUMN abs.client.sectecon IS 'code of the economic sector, 9 = households';
COMMENT ON COLUMN abs.client.residfl IS 'residency, 1 = resident';
COMMENT ON COLUMN abs.client.fetched_at IS 'when the ABS said so';

CREATE TABLE IF NOT EXISTS abs.account (
    iban         text PRIMARY KEY,
    iinbin       text NOT NULL,
    account_name text,
    ps           text,
    system       text,
    cur          text,
    fetched_at   timestamptz NOT NULL,
    gone_at      timestamptz
);
CREATE INDEX IF NOT EXISTS account_iinbin ON abs.account (iinbin);
COMMENT ON TABLE abs.account IS 'Accounts of clients (O2).';
COMMENT ON COLUMN abs.account.iban IS 'number of the account';
COMMENT ON COLUMN abs.account.iinbin IS 'IIN or BIN of the holder';
COMMENT ON COLUMN abs.account.account_name IS 'title, usually the holder''s name (wire accountName)';
COMMENT ON COLUMN abs.account.ps IS 'general-ledger account';
COMMENT ON COLUMN abs.account.system IS 'core system that keeps it';
COMMENT ON COLUMN abs.account.cur IS 'currency';
COMMENT ON COLUMN abs.account.fetched_at IS 'when the ABS last said something about it';
COMMENT ON COLUMN abs.account.gone_at IS 'when the ABS first no longer listed it';

CREATE TABLE IF NOT EXISTS abs.statement_line (
    loan_id    bigint NOT NULL REFERENCES k2.loan (id) ON DELETE CASCADE,
    dt         date NOT NULL,
    line       integer NOT NULL,
    purpose    text,
    amount     numeric(20,2) NOT NULL,
    cur        text,
    dc         text CHECK (dc IN ('D', 'C')),
    out_bal    numeric(20,2),
    fetched_at timestamptz NOT NULL,
    PRIMARY KEY (loan_id, dt, line)
);
COMMENT ON TABLE abs.statement_line IS 'Statement of a loan for a date: the line of the disbursement (O3).';
COMMENT ON COLUMN abs.statement_line.loan_id IS 'k2.loan.id';
COMMENT ON COLUMN abs.statement_line.dt IS 'date asked for';
COMMENT ON COLUMN abs.statement_line.line IS 'position in the reply, from 1';
COMMENT ON COLUMN abs.statement_line.purpose IS 'purpose of the payment';
COMMENT ON COLUMN abs.statement_line.amount IS 'amount of the line';
COMMENT ON COLUMN abs.statement_line.cur IS 'currency';
COMMENT ON COLUMN abs.statement_line.dc IS 'D debit, C credit (wire DC)';
COMMENT ON COLUMN abs.statement_line.out_bal IS 'balance after the line';
COMMENT ON COLUMN abs.statement_line.fetched_at IS 'when the ABS said so';

CREATE TABLE IF NOT EXISTS abs.scan (
    dbz_num    text NOT NULL,
    dbz_dt     date NOT NULL,
    iinbin     text NOT NULL,
    file_id    bigint REFERENCES k2.file (id) ON DELETE SET NULL,
    digest     bytea,
    fetched_at timestamptz NOT NULL,
    PRIMARY KEY (dbz_num, dbz_dt, iinbin)
);
CREATE INDEX IF NOT EXISTS scan_file_id ON abs.scan (file_id);
COMMENT ON TABLE abs.scan IS 'Scans of loan agreements (O4), the file itself in k2.file.';
COMMENT ON COLUMN abs.scan.dbz_num IS 'number of the agreement';
COMMENT ON COLUMN abs.scan.dbz_dt IS 'date of the agreement';
COMMENT ON COLUMN abs.scan.iinbin IS 'IIN or BIN of the client';
COMMENT ON COLUMN abs.scan.file_id IS 'k2.file.id; null: the bank has no scan';
COMMENT ON COLUMN abs.scan.digest IS 'SHA-256 of the content, so that the same scan is stored once';
COMMENT ON COLUMN abs.scan.fetched_at IS 'when the ABS said so';

CREATE TABLE IF NOT EXISTS abs.loan_answer (
    loan_id    bigint NOT NULL REFERENCES k2.loan (id) ON DELETE CASCADE,
    part       text NOT NULL CHECK (part IN ('client', 'accounts', 'scan', 'statement', 'debt')),
    outcome    text NOT NULL CHECK (outcome IN ('ok', 'none', 'refused', 'failed', 'cancelled', 'skipped', 'recorded', 'missing')),
    error_code text,
    error_text text,
    asked      integer NOT NULL DEFAULT 0,
    call_id    bigint,
    at         timestamptz NOT NULL,
    answered_at timestamptz,
    PRIMARY KEY (loan_id, part)
);
COMMENT ON TABLE abs.loan_answer IS 'What the last call for each part of a loan''s dossier said.';
COMMENT ON COLUMN abs.loan_answer.loan_id IS 'k2.loan.id';
COMMENT ON COLUMN abs.loan_answer.part IS 'client (O1), accounts (O2), statement (O3), scan (O4), debt (O8, O9)';
COMMENT ON COLUMN abs.loan_answer.outcome IS 'ok; none: the bank has none (an answer); missing: not asked, the loan lacks what the call needs; else the outcome of the call';
COMMENT ON COLUMN abs.loan_answer.error_code IS 'the bank''s own code';
COMMENT ON COLUMN abs.loan_answer.error_text IS 'the bank''s own text, or what is missing';
COMMENT ON COLUMN abs.loan_answer.asked IS 'how often the queue asked in a row for what the bank does not have';
COMMENT ON COLUMN abs.loan_answer.call_id IS 'k2bridge.call.id of the answer';
COMMENT ON COLUMN abs.loan_answer.at IS 'when';
COMMENT ON COLUMN abs.loan_answer.answered_at IS 'when the last answer (ok, none) came; null: this part of the dossier is not in';

CREATE TABLE IF NOT EXISTS abs.payment_request (
    refer        text PRIMARY KEY,
    accept_dt    date,
    doc_num      text,
    doc_at       date,
    iinbin       text,
    acc_fullname text,
    ben_fullname text,
    ben_bin      text,
    ben_iban     text,
    ben_kbe      text,
    amount       numeric(20,2) NOT NULL,
    cur          text,
    knp          text,
    dbz_num      text,
    dbz_dt       date,
    purpose      text,
    head         text,
    account      text,
    seen_at      timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS payment_request_doc_at ON abs.payment_request (doc_at);
CREATE INDEX IF NOT EXISTS payment_request_iinbin ON abs.payment_request (iinbin);
COMMENT ON TABLE abs.payment_request IS 'Payment requests in the list of the ABS (O10).';
COMMENT ON COLUMN abs.payment_request.refer IS 'reference of the payment request';
COMMENT ON COLUMN abs.payment_request.accept_dt IS 'date of acceptance';
COMMENT ON COLUMN abs.payment_request.doc_num IS 'number of the document';
COMMENT ON COLUMN abs.payment_request.doc_at IS 'date of the document';
COMMENT ON COLUMN abs.payment_request.iinbin IS 'IIN or BIN of the debtor';
COMMENT ON COLUMN abs.payment_request.acc_fullname IS 'title of the debtor''s account';
COMMENT ON COLUMN abs.payment_request.ben_fullname IS 'beneficiary';
COMMENT ON COLUMN abs.payment_request.ben_bin IS 'BIN of the beneficiary';
COMMENT ON COLUMN abs.payment_request.ben_iban IS 'account of the beneficiary';
COMMENT ON COLUMN abs.payment_request.ben_kbe IS 'code of the beneficiary (KBe)';
COMMENT ON COLUMN abs.payment_request.amount IS 'amount';
COMMENT ON COLUMN abs.payment_request.cur IS 'currency';
COMMENT ON COLUMN abs.payment_request.knp IS 'purpose code (KNP)';
COMMENT ON COLUMN abs.payment_request.dbz_num IS 'number of the loan agreement';
COMMENT ON COLUMN abs.payment_request.dbz_dt IS 'date of the loan agreement';
COMMENT ON COLUMN abs.payment_request.purpose IS 'purpose of the payment';
COMMENT ON COLUMN abs.payment_request.head IS 'head of the beneficiary';
COMMENT ON COLUMN abs.payment_request.account IS 'name of the beneficiary''s chief accountant';
COMMENT ON COLUMN abs.payment_request.seen_at IS 'when the ABS last listed it';

CREATE TABLE IF NOT EXISTS abs.exclusion_push (
    singleton       boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    accepted_count  integer,
    accepted_at     timestamptz,
    confirmed_count integer,
    confirmed_at    timestamptz,
    confirmed_by    name
);
COMMENT ON TABLE abs.exclusion_push IS 'Guard of the push of the exclusion list (O11), which replaces the bank''s whole list.';
COMMENT ON COLUMN abs.exclusion_push.singleton IS 'one row';
COMMENT ON COLUMN abs.exclusion_push.accepted_count IS 'length of the last list that the bank accepted';
COMMENT ON COLUMN abs.exclusion_push.accepted_at IS 'when it did';
COMMENT ON COLUMN abs.exclusion_push.confirmed_count IS 'length that a person confirmed for the next push; cleared when a push is accepted';
COMMENT ON COLUMN abs.exclusion_push.confirmed_at IS 'when the last confirmation was given';
COMMENT ON COLUMN abs.exclusion_push.confirmed_by IS 'who gave it';
INSERT INTO abs.exclusion_push DEFAULT VALUES ON CONFLICT (singleton) DO NOTHING;
