-- Audit: insert-only record of operations.

CREATE FUNCTION k2bridge.audit_refuse() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' AND OLD.at < k2bridge.expiry('k2bridge.retention') THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'k2bridge.audit is insert-only' USING ERRCODE = '42501';
END
$$;
COMMENT ON FUNCTION k2bridge.audit_refuse() IS 'Trigger: refuses UPDATE, TRUNCATE and DELETE of the audit, except of rows older than k2bridge.retention.';

CREATE FUNCTION k2bridge.record_audit(object text, key text, action text, old jsonb, new jsonb, note text) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO k2bridge.audit (actor, client, correlation, object, key, action, old, new, note)
    VALUES (k2bridge.caller(), k2bridge.client(), k2bridge.correlation(), $1, $2, $3, $4, $5, $6)
$$;
COMMENT ON FUNCTION k2bridge.record_audit(text, text, text, jsonb, jsonb, text) IS
'Writes one audit row with the acting role, API client and correlation; for functions that run as the owner.';
