
-- Which functions the world may call over HTTP, and who the world is.
CREATE TABLE IF NOT EXISTS k2bridge.service (
    name     text PRIMARY KEY CHECK (name ~ '^[A-Za-z0-9_.-]{1,100}$'),
    function text NOT NULL,
    enabled  boolean NOT NULL DEFAULT true,
    timeout  interval NOT NULL DEFAULT '5s' CHECK (timeout > '0'),
    alone    boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE k2bridge.service IS 'Services by their name in the URL; nothing else can be called from outside.';
COMMENT ON COLUMN k2bridge.service.name IS 'name in the URL';
COMMENT ON COLUMN k2bridge.service.function IS 'schema-qualified function(payload jsonb) returning jsonb';
COMMENT ON COLUMN k2bridge.service.enabled IS 'false: answered as unknown';
COMMENT ON COLUMN k2bridge.service.timeout IS 'statement_timeout of one request';
COMMENT ON COLUMN k2bridge.service.alone IS 'never shares a transaction with other requests';
INSERT INTO k2bridge.service (name, function) VALUES
    ('k2loan_from_eko', 'k2.k2loan_from_eko'),
    ('k2extreq_pay_from_eko', 'k2.k2extreq_pay_from_eko'),
    ('k2loan_sync_debt', 'k2.k2loan_sync_debt'),
    ('k2extreq_by_dbz', 'k2.k2extreq_by_dbz'),
    ('k2req_status_from_eko', 'k2.k2req_status_from_eko'),
    ('k2req_return_from_eko', 'k2.k2req_return_from_eko'),
    ('k2req_refuse_from_eko', 'k2.k2req_refuse_from_eko'),
    ('k2inforeq_rzap_by_refer', 'k2.k2inforeq_rzap_by_refer'),
    ('k2loan_exclude_on_by_iin_dbznum', 'k2.k2loan_exclude_on_by_iin_dbznum'),
    ('k2loan_exclude_off_by_iin_dbznum', 'k2.k2loan_exclude_off_by_iin_dbznum')
ON CONFLICT (name) DO NOTHING;

CREATE TABLE IF NOT EXISTS k2bridge.api_client (
    name         name PRIMARY KEY,
    role         name NOT NULL,
    services     text[],
    allowed_from cidr[],
    enabled      boolean NOT NULL DEFAULT true,
    secret_hash  bytea NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE k2bridge.api_client IS 'Who may call services over HTTP, and as which role.';
COMMENT ON COLUMN k2bridge.api_client.name IS 'login of basic authentication, shown in inbox and audit';
COMMENT ON COLUMN k2bridge.api_client.role IS 'role its requests run as';
COMMENT ON COLUMN k2bridge.api_client.services IS 'services it may call; null: all';
COMMENT ON COLUMN k2bridge.api_client.allowed_from IS 'networks it may call from; null: any';
COMMENT ON COLUMN k2bridge.api_client.enabled IS 'false: its token is refused';
COMMENT ON COLUMN k2bridge.api_client.secret_hash IS 'SHA-256 of its token';
COMMENT ON COLUMN k2bridge.api_client.created_at IS 'when it was added';
