-- The rows of the statements.
CREATE TABLE IF NOT EXISTS autoclient.transaction (
    server                       name NOT NULL,
    acc                          text NOT NULL,
    trantype                     text NOT NULL CHECK (trantype IN ('D', 'C')),
    ref                          text NOT NULL,
    refn                         text NOT NULL,
    aut_my_crf                   text,
    aut_my_mfo                   text,
    aut_my_acc                   text,
    aut_my_nam                   text,
    aut_my_mfo_name              text,
    aut_my_mfo_city              text,
    aut_cntr_crf                 text,
    aut_cntr_mfo                 text,
    aut_cntr_acc                 text,
    aut_cntr_nam                 text,
    aut_cntr_mfo_name            text,
    aut_cntr_mfo_city            text,
    ccy                          text,
    fl_real                      text,
    pr_pr                        text,
    doc_typ                      text,
    num_doc                      text,
    dat_kl                       date,
    dat_od                       date NOT NULL,
    osnd                         text,
    sum                          numeric(20,2) NOT NULL,
    sum_e                        numeric(20,2),
    tim_p                        text,
    at                           timestamptz,
    id                           text,
    dlr                          text,
    technical_transaction_id     text,
    uetr                         text,
    ultmt                        text,
    payer_ultmt_nceo             text,
    payer_ultmt_document         text,
    payer_ultmt_name             text,
    payer_ultmt_country_code     text,
    recipient_ultmt_nceo         text,
    recipient_ultmt_document     text,
    recipient_ultmt_name         text,
    recipient_ultmt_country_code text,
    struct_code                  text,
    struct_type                  text,
    struct_category              text,
    is_final                     boolean NOT NULL DEFAULT false,
    vanished                     boolean NOT NULL DEFAULT false,
    walk                         bigint,
    first_seen                   timestamptz NOT NULL DEFAULT clock_timestamp(),
    raw                          jsonb,
    PRIMARY KEY (server, acc, trantype, ref, refn)
);
CREATE INDEX IF NOT EXISTS transaction_day ON autoclient.transaction (server, acc, dat_od);
CREATE INDEX IF NOT EXISTS transaction_dat_od ON autoclient.transaction USING brin (dat_od);
CREATE INDEX IF NOT EXISTS transaction_counterparty ON autoclient.transaction (aut_cntr_crf, dat_od);
-- Search inside purposes, where the database has pg_trgm.
DO $trigram$
DECLARE
    place name := (SELECT n.nspname FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
                    WHERE e.extname = 'pg_trgm');
BEGIN
    IF place IS NOT NULL THEN
        EXECUTE format('CREATE INDEX IF NOT EXISTS transaction_purpose ON autoclient.transaction USING gin (osnd %I.gin_trgm_ops)', place);
    END IF;
END
$trigram$;
ALTER TABLE autoclient.transaction SET (autovacuum_vacuum_scale_factor = 0.05, fillfactor = 90);
COMMENT ON TABLE autoclient.transaction IS 'Rows of the statements. The key is what the bank keeps; ID, TECHNICAL_TRANSACTION_ID and even the value date may change until the day is final.';
COMMENT ON COLUMN autoclient.transaction.server IS 'foreign server';
COMMENT ON COLUMN autoclient.transaction.acc IS 'own account';
COMMENT ON COLUMN autoclient.transaction.trantype IS 'D debit, C credit';
COMMENT ON COLUMN autoclient.transaction.ref IS 'reference of the posting';
COMMENT ON COLUMN autoclient.transaction.refn IS 'number within the posting';
COMMENT ON COLUMN autoclient.transaction.aut_my_crf IS 'own side: EDRPOU or tax number';
COMMENT ON COLUMN autoclient.transaction.aut_my_mfo IS 'own side: bank code';
COMMENT ON COLUMN autoclient.transaction.aut_my_acc IS 'own side: account';
COMMENT ON COLUMN autoclient.transaction.aut_my_nam IS 'own side: name';
COMMENT ON COLUMN autoclient.transaction.aut_my_mfo_name IS 'own side: name of the bank';
COMMENT ON COLUMN autoclient.transaction.aut_my_mfo_city IS 'own side: city of the bank';
COMMENT ON COLUMN autoclient.transaction.aut_cntr_crf IS 'counterparty: EDRPOU or tax number';
COMMENT ON COLUMN autoclient.transaction.aut_cntr_mfo IS 'counterparty: bank code';
COMMENT ON COLUMN autoclient.transaction.aut_cntr_acc IS 'counterparty: account';
COMMENT ON COLUMN autoclient.transaction.aut_cntr_nam IS 'counterparty: name';
COMMENT ON COLUMN autoclient.transaction.aut_cntr_mfo_name IS 'counterparty: name of the bank';
COMMENT ON COLUMN autoclient.transaction.aut_cntr_mfo_city IS 'counterparty: city of the bank';
COMMENT ON COLUMN autoclient.transaction.ccy IS 'currency, letters';
COMMENT ON COLUMN autoclient.transaction.fl_real IS 'r real, i informational';
COMMENT ON COLUMN autoclient.transaction.pr_pr IS 'p being posted, t reversed, r posted, n rejected';
COMMENT ON COLUMN autoclient.transaction.doc_typ IS 'type of the document';
COMMENT ON COLUMN autoclient.transaction.num_doc IS 'number of the document';
COMMENT ON COLUMN autoclient.transaction.dat_kl IS 'date of the client';
COMMENT ON COLUMN autoclient.transaction.dat_od IS 'value date, the day of the statement';
COMMENT ON COLUMN autoclient.transaction.osnd IS 'purpose of the payment';
COMMENT ON COLUMN autoclient.transaction.sum IS 'amount in the currency of the account, not signed';
COMMENT ON COLUMN autoclient.transaction.sum_e IS 'amount in UAH';
COMMENT ON COLUMN autoclient.transaction.tim_p IS 'time of posting, HH:MM';
COMMENT ON COLUMN autoclient.transaction.at IS 'value date and time of posting (wire DATE_TIME_DAT_OD_TIM_P), the servers time zone';
COMMENT ON COLUMN autoclient.transaction.id IS 'number of the row; changes when the day becomes final';
COMMENT ON COLUMN autoclient.transaction.dlr IS 'reference of the payment in the service that made it';
COMMENT ON COLUMN autoclient.transaction.technical_transaction_id IS 'technical number; changes when the day becomes final';
COMMENT ON COLUMN autoclient.transaction.uetr IS 'transaction UUID';
COMMENT ON COLUMN autoclient.transaction.ultmt IS 'how fully the ultimate parties are given';
COMMENT ON COLUMN autoclient.transaction.payer_ultmt_nceo IS 'ultimate payer: code';
COMMENT ON COLUMN autoclient.transaction.payer_ultmt_document IS 'ultimate payer: document';
COMMENT ON COLUMN autoclient.transaction.payer_ultmt_name IS 'ultimate payer: name';
COMMENT ON COLUMN autoclient.transaction.payer_ultmt_country_code IS 'ultimate payer: country';
COMMENT ON COLUMN autoclient.transaction.recipient_ultmt_nceo IS 'ultimate recipient: code';
COMMENT ON COLUMN autoclient.transaction.recipient_ultmt_document IS 'ultimate recipient: document';
COMMENT ON COLUMN autoclient.transaction.recipient_ultmt_name IS 'ultimate recipient: name';
COMMENT ON COLUMN autoclient.transaction.recipient_ultmt_country_code IS 'ultimate recipient: country';
COMMENT ON COLUMN autoclient.transaction.struct_code IS 'tax: kind of payment';
COMMENT ON COLUMN autoclient.transaction.struct_type IS 'tax: budget classification';
COMMENT ON COLUMN autoclient.transaction.struct_category IS 'tax: notice';
COMMENT ON COLUMN autoclient.transaction.is_final IS 'the statement of its day is final';
COMMENT ON COLUMN autoclient.transaction.vanished IS 'the final statement of its day does not have it';
COMMENT ON COLUMN autoclient.transaction.walk IS 'number of the last fetching of final days that had it';
COMMENT ON COLUMN autoclient.transaction.first_seen IS 'when the bank first showed it';
COMMENT ON COLUMN autoclient.transaction.raw IS 'wire fields without a column';

CREATE SEQUENCE IF NOT EXISTS autoclient.walk_seq;
COMMENT ON SEQUENCE autoclient.walk_seq IS 'Numbers of the fetchings of final days.';
