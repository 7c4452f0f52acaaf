
-- Payments received on outgoing ПТ.
CREATE TABLE IF NOT EXISTS k2.extreq_pay (
    trn_id          bigint CONSTRAINT k2extreq_pay_trn_id_uindex PRIMARY KEY,
    request_id      bigint,
    refer           text NOT NULL REFERENCES k2.extreq (code),
    cur             text NOT NULL,
    amount          numeric(20,2) NOT NULL CHECK (amount >= 0),
    incoming_amount numeric(20,2) CHECK (incoming_amount >= 0),
    received_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    reversed_at     timestamptz,
    reversed_by     name,
    reversed_note   text,
    extra           jsonb
);
CREATE INDEX IF NOT EXISTS extreq_pay_refer ON k2.extreq_pay (refer);
COMMENT ON TABLE k2.extreq_pay IS 'Payments on outgoing ПТ. Facts: a wrong one is reversed, not removed.';
COMMENT ON COLUMN k2.extreq_pay.trn_id IS 'id of the transaction in the ABS';
COMMENT ON COLUMN k2.extreq_pay.request_id IS 'number of the request that reported it';
COMMENT ON COLUMN k2.extreq_pay.refer IS 'the outgoing ПТ';
COMMENT ON COLUMN k2.extreq_pay.cur IS 'currency, that of the ПТ';
COMMENT ON COLUMN k2.extreq_pay.amount IS 'part credited to this ПТ';
COMMENT ON COLUMN k2.extreq_pay.incoming_amount IS 'whole sum that arrived';
COMMENT ON COLUMN k2.extreq_pay.received_at IS 'when it was stored';
COMMENT ON COLUMN k2.extreq_pay.reversed_at IS 'when it was reversed; it no longer counts';
COMMENT ON COLUMN k2.extreq_pay.reversed_by IS 'role that reversed it';
COMMENT ON COLUMN k2.extreq_pay.reversed_note IS 'why';
COMMENT ON COLUMN k2.extreq_pay.extra IS 'keys of the payload without a column';

CREATE OR REPLACE TRIGGER inserted AFTER INSERT ON k2.extreq_pay REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION k2bridge.owner_trigger('k2.payments_inserted');
CREATE OR REPLACE TRIGGER updated AFTER UPDATE ON k2.extreq_pay REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION k2bridge.owner_trigger('k2.payments_updated');
CREATE OR REPLACE TRIGGER deleted AFTER DELETE ON k2.extreq_pay REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION k2bridge.owner_trigger('k2.payments_deleted');
CREATE OR REPLACE TRIGGER truncated AFTER TRUNCATE ON k2.extreq_pay
    FOR EACH STATEMENT EXECUTE FUNCTION k2bridge.owner_trigger('k2.payments_truncated');
