-- Rows that the functions of schema autoclient return.

CREATE TYPE autoclient.settings_row AS (
    server                  name,
    phase                   text,
    work_balance            text,
    today                   date,
    lastday                 date,
    date_final_statement    date,
    dates_without_oper_day  date[],
    server_date_time        timestamptz,
    clock_skew              interval
);
COMMENT ON TYPE autoclient.settings_row IS 'The bank''s day as the settings call tells it, see table autoclient.server_day.';

CREATE TYPE autoclient.balance_row AS (
    server           name,
    acc              text,
    day              date,
    currency         text,
    balance_in       numeric(20,2),
    balance_out      numeric(20,2),
    turnover_debt    numeric(20,2),
    turnover_cred    numeric(20,2),
    balance_in_eq    numeric(20,2),
    balance_out_eq   numeric(20,2),
    turnover_debt_eq numeric(20,2),
    turnover_cred_eq numeric(20,2),
    is_final         boolean,
    raw              jsonb
);
COMMENT ON TYPE autoclient.balance_row IS 'Balance and turnover of an account on a day, see table autoclient.balance.';

CREATE TYPE autoclient.transaction_row AS (
    server                    name,
    acc                       text,
    trantype                  text,
    ref                       text,
    refn                      text,
    aut_my_crf                text,
    aut_my_mfo                text,
    aut_my_acc                text,
    aut_my_nam                text,
    aut_my_mfo_name           text,
    aut_my_mfo_city           text,
    aut_cntr_crf              text,
    aut_cntr_mfo              text,
    aut_cntr_acc              text,
    aut_cntr_nam              text,
    aut_cntr_mfo_name         text,
    aut_cntr_mfo_city         text,
    ccy                       text,
    fl_real                   text,
    pr_pr                     text,
    doc_typ                   text,
    num_doc                   text,
    dat_kl                    date,
    dat_od                    date,
    osnd                      text,
    sum                       numeric(20,2),
    sum_e                     numeric(20,2),
    tim_p                     text,
    at                        timestamptz,
    id                        text,
    dlr                       text,
    technical_transaction_id  text,
    uetr                      text,
    ultmt                     text,
    payer_ultmt_nceo          text,
    payer_ultmt_document      text,
    payer_ultmt_name          text,
    payer_ultmt_country_code  text,
    recipient_ultmt_nceo      text,
    recipient_ultmt_document  text,
    recipient_ultmt_name      text,
    recipient_ultmt_country_code text,
    struct_code               text,
    struct_type               text,
    struct_category           text,
    is_final                  boolean,
    vanished                  boolean,
    first_seen                timestamptz,
    raw                       jsonb
);
COMMENT ON TYPE autoclient.transaction_row IS 'A row of a statement, see table autoclient.transaction.';

CREATE TYPE autoclient.rate_row AS (
    server     name,
    currency   text,
    side       text,
    at         timestamptz,
    rate       numeric,
    rate_delta numeric,
    nbu_rate   numeric
);
COMMENT ON TYPE autoclient.rate_row IS 'An exchange rate, see table autoclient.rate.';
