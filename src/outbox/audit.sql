-- Audit: insert-only record of who changed what. Operations record themselves (record_audit), tables by a trigger
-- (audit_changes, attached by audit_table), servers and user mappings by comparison (note_servers).

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

CREATE FUNCTION k2bridge.audit_changes() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'k2bridge_audit_changes';
COMMENT ON FUNCTION k2bridge.audit_changes() IS
'Trigger: one row of k2bridge.audit per changed row, of an update the columns that changed. Attached by k2bridge.audit_table.';

CREATE FUNCTION k2bridge.audit_table(audited regclass, key text, ignored text DEFAULT '') RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    one record;
BEGIN
    FOR one IN VALUES ('insert', 'REFERENCING NEW TABLE AS new_rows'), ('update', 'REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows'),
                      ('delete', 'REFERENCING OLD TABLE AS old_rows'), ('truncate', '') LOOP
        EXECUTE format('CREATE OR REPLACE TRIGGER %I AFTER %s ON %s %s FOR EACH STATEMENT
                            EXECUTE FUNCTION k2bridge.owner_trigger(''k2bridge.audit_changes'', %L, %L)',
                       'audited_' || one.column1, one.column1, audited, one.column2, key, ignored);
    END LOOP;
END
$$;
COMMENT ON FUNCTION k2bridge.audit_table(regclass, text, text) IS
'Has every change of a table recorded in k2bridge.audit. key and ignored are lists of columns, separated by commas: what names a row, and what may change unrecorded.';
