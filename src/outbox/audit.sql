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

CREATE FUNCTION k2bridge.record_withheld(actor name, story uuid) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO k2bridge.audit (actor, client, correlation, object, key, action, note)
    SELECT $1, k2bridge.client(), $2, 'k2bridge.enqueue', $2::text, 'off', 'calls of this transaction are not queued'
     WHERE NOT EXISTS (SELECT FROM k2bridge.audit a WHERE a.object = 'k2bridge.enqueue' AND a.key = $2::text)
$$;
COMMENT ON FUNCTION k2bridge.record_withheld(name, uuid) IS
'Audits once per transaction that calls were not queued because k2bridge.enqueue is off.';

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

-- PostgreSQL does not tell who changes a server or a user mapping, so they are compared with what was seen last.

CREATE FUNCTION k2bridge.masked_options(options text[]) RETURNS jsonb
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT jsonb_object_agg(o.option_name, CASE WHEN o.option_name IN ('token', 'password', 'bearer') THEN '***'
                                                ELSE regexp_replace(o.option_value, '//[^/@]*@', '//***@') END)
      FROM pg_options_to_table($1) o
$$;
COMMENT ON FUNCTION k2bridge.masked_options(text[]) IS 'Options of a server or user mapping as an object, secrets masked.';

CREATE FUNCTION k2bridge.note_servers() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    one record;
    salted uuid;
BEGIN
    FOR one IN
        SELECT coalesce(n.object, s.object) AS object, coalesce(n.key, s.key) AS key, n.object IS NOT NULL AS lives,
               s.object IS NOT NULL AS known, n.options, s.options AS former, s.salt, s.digest
          FROM (SELECT 'server' AS object, f.srvname::text AS key, f.srvoptions AS options
                  FROM pg_foreign_server f JOIN pg_foreign_data_wrapper w ON w.oid = f.srvfdw AND w.fdwname = 'k2bridge'
                UNION ALL
                SELECT 'user mapping', m.srvname || ' ' || m.usename, m.umoptions
                  FROM pg_user_mappings m JOIN pg_foreign_server f ON f.oid = m.srvid
                  JOIN pg_foreign_data_wrapper w ON w.oid = f.srvfdw AND w.fdwname = 'k2bridge') n
          FULL JOIN k2bridge.server_seen s ON s.object = n.object AND s.key = n.key
         ORDER BY 1, 2
    LOOP
        IF NOT one.lives THEN
            DELETE FROM k2bridge.server_seen s WHERE s.object = one.object AND s.key = one.key;
            PERFORM k2bridge.record_audit(one.object, one.key, 'drop', one.former, NULL, 'seen by a check');
        ELSIF NOT one.known OR one.digest <> sha256(convert_to(one.salt || coalesce(one.options::text, ''), 'UTF8')) THEN
            salted := gen_random_uuid();
            INSERT INTO k2bridge.server_seen AS s (object, key, options, salt, digest)
            VALUES (one.object, one.key, k2bridge.masked_options(one.options), salted,
                    sha256(convert_to(salted || coalesce(one.options::text, ''), 'UTF8')))
                ON CONFLICT (object, key) DO UPDATE
               SET options = excluded.options, salt = excluded.salt, digest = excluded.digest, at = excluded.at;
            PERFORM k2bridge.record_audit(one.object, one.key, CASE WHEN one.known THEN 'alter' ELSE 'create' END, one.former,
                                          k2bridge.masked_options(one.options), 'seen by a check');
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION k2bridge.note_servers() IS
'Records in k2bridge.audit which servers and user mappings were created, altered or dropped since the last time, secrets masked; run by the schedule. Options of a mapping are compared as far as the owner of the tables may see them.';
