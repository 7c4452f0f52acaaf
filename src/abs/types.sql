-- Rows that the functions of schema abs return: what the core banking systems answered, as it was stored.

CREATE TYPE abs.client_row AS (
    iinbin     text,
    fullname   text,
    sectecon   integer,
    residfl    integer,
    fetched_at timestamptz
);
COMMENT ON TYPE abs.client_row IS 'A client as the ABS knows it (O1), see table abs.client.';

CREATE TYPE abs.account_row AS (
    iban         text,
    iinbin       text,
    account_name text,
    ps           text,
    system       text,
    cur          text,
    gone_at      timestamptz
);
COMMENT ON TYPE abs.account_row IS 'An account of a client (O2), see table abs.account.';

CREATE TYPE abs.statement_line_row AS (
    loan_id bigint,
    dt      date,
    purpose text,
    amount  numeric(20,2),
    cur     text,
    dc      text,
    out_bal numeric(20,2)
);
COMMENT ON TYPE abs.statement_line_row IS 'A line of the statement of a loan for a date (O3), see table abs.statement_line.';

CREATE TYPE abs.payment_request_row AS (
    refer        text,
    accept_dt    date,
    doc_num      text,
    doc_at       date,
    iinbin       text,
    acc_fullname text,
    ben_fullname text,
    ben_bin      text,
    ben_iban     text,
    ben_kbe      text,
    amount       numeric(20,2),
    cur          text,
    knp          text,
    dbz_num      text,
    dbz_dt       date,
    purpose      text,
    head         text,
    account      text,
    seen_at      timestamptz
);
COMMENT ON TYPE abs.payment_request_row IS 'A payment request in the list of the ABS (O10), see table abs.payment_request.';

CREATE TYPE abs.scan_row AS (
    dbz_num    text,
    dbz_dt     date,
    iinbin     text,
    file_id    bigint,
    digest     bytea,
    fetched_at timestamptz
);
COMMENT ON TYPE abs.scan_row IS 'What the bank said about the scan of a loan agreement (O4), see table abs.scan.';
