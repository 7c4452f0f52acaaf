\echo Use "CREATE EXTENSION k2bridge" to load this file. \quit

-- Bodies name tables that k2bridge.setup() creates later.
SET LOCAL check_function_bodies = off;

-- The four schemas do not belong to the extension: DROP EXTENSION CASCADE takes functions and triggers, never a row.
-- A schema that a stranger made is refused, or its owner would own the place where the functions live.
DO $schemas$
DECLARE
    wanted pg_catalog.name;
    holder pg_catalog.regrole;
BEGIN
    FOREACH wanted IN ARRAY '{k2bridge,k2,abs,autoclient}'::pg_catalog.name[] LOOP
        SELECT n.nspowner INTO holder FROM pg_catalog.pg_namespace n WHERE n.nspname = wanted;
        IF NOT FOUND THEN
            EXECUTE pg_catalog.format('CREATE SCHEMA %I', wanted);
            EXECUTE pg_catalog.format('ALTER EXTENSION k2bridge DROP SCHEMA %I', wanted);
        ELSIF holder <> current_user::pg_catalog.regrole
              AND NOT (SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.oid = holder) THEN
            RAISE EXCEPTION 'schema "%" exists and belongs to %', wanted, holder
                USING ERRCODE = 'duplicate_schema',
                      HINT = pg_catalog.format('Rename it, or hand it over: ALTER SCHEMA %I OWNER TO %I;', wanted, current_user);
        END IF;
    END LOOP;
END
$schemas$;

COMMENT ON SCHEMA k2bridge IS 'k2bridge: endpoints, queue, history, operations';
COMMENT ON SCHEMA k2 IS 'k2bridge: loans, payment requests, payments, exclusions';
COMMENT ON SCHEMA abs IS 'k2bridge: calls to the core banking systems and what they answered';
COMMENT ON SCHEMA autoclient IS 'k2bridge: PrivatBank Autoclient';

-- k2bridge.setup(): the user's tables, from the text that make assembled.

CREATE FUNCTION k2bridge.allow_setup(owner name) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    room name;
BEGIN
    FOREACH room IN ARRAY '{k2bridge,k2,abs,autoclient}'::name[] LOOP
        EXECUTE format('GRANT USAGE, CREATE ON SCHEMA %I TO %I WITH GRANT OPTION', room, owner);
        EXECUTE format('GRANT EXECUTE ON ALL ROUTINES IN SCHEMA %I TO %I WITH GRANT OPTION', room, owner);
    END LOOP;
    EXECUTE format('GRANT USAGE ON FOREIGN DATA WRAPPER k2bridge TO %I', owner);
END
$$;
COMMENT ON FUNCTION k2bridge.allow_setup(name) IS
'Lets a role that is no superuser own the tables: grants it the schemas, their functions and the foreign-data wrapper. Then that role runs k2bridge.setup().';

CREATE FUNCTION k2bridge.setup(print_only boolean DEFAULT false) RETURNS text
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $$
DECLARE
    former_role text := current_setting('role');
    holder name;
    room text;
BEGIN
    IF print_only THEN
        RETURN (SELECT string_agg(s.ddl, '' ORDER BY s.part) FROM k2bridge.setup_script() s);
    END IF;
    -- One setup at a time: CREATE ... IF NOT EXISTS is not proof against a second session.
    PERFORM pg_advisory_xact_lock(hashtext('k2bridge.setup'));
    SELECT r.rolname INTO holder
      FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner
     WHERE c.oid = to_regclass('k2bridge.outbox');
    IF holder <> current_user THEN
        IF NOT pg_has_role(holder, 'MEMBER') THEN
            RAISE EXCEPTION 'the tables of k2bridge belong to role "%"', holder
                USING ERRCODE = 'insufficient_privilege', HINT = format('SET ROLE %I first.', holder);
        END IF;
        PERFORM set_config('role', holder, true);
    END IF;
    FOR room IN SELECT s.ddl FROM k2bridge.setup_script() s ORDER BY s.part LOOP
        EXECUTE room;
    END LOOP;
    PERFORM set_config('role', former_role, true);
    PERFORM k2bridge.announce_setup();
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION k2bridge.setup(boolean) IS
'Creates or brings up to date every table, view, trigger and dictionary row as objects of the caller; idempotent. print_only returns the DDL instead.';

CREATE FUNCTION k2bridge.announce_setup() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET client_min_messages = notice AS $$
BEGIN
    PERFORM k2bridge.wake_launcher();
    IF NOT k2bridge.database_listed() THEN
        RAISE NOTICE 'no worker serves database "%"', current_database()
            USING HINT = format('Set shared_preload_libraries = ''k2bridge'' and k2bridge.databases = ''%s'' in postgresql.conf, then restart.',
                                concat_ws(',', nullif(current_setting('k2bridge.databases'), ''),
                                          CASE WHEN current_database() ~ '^[\w-]+$' THEN current_database()::text
                                               ELSE '"' || replace(current_database(), '"', '""') || '"' END));
    END IF;
END
$$;
COMMENT ON FUNCTION k2bridge.announce_setup() IS 'Wakes the launcher; NOTICE with the line to add when no worker serves this database.';
-- Who acts: doors to the owner's rights, the caller, the API client, the correlation.

CREATE FUNCTION k2bridge.owner_trigger() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'k2bridge_owner_trigger';
COMMENT ON FUNCTION k2bridge.owner_trigger() IS
'Trigger: runs the extension''s trigger function named by the first argument with the rights of the table''s owner.';

CREATE FUNCTION k2bridge.caller() RETURNS name
    LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'k2bridge_caller';
COMMENT ON FUNCTION k2bridge.caller() IS
'The role that acts: the current user before any function of k2bridge switched to the owner of the tables.';

CREATE FUNCTION k2bridge.client() RETURNS name
    LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'k2bridge_client';
COMMENT ON FUNCTION k2bridge.client() IS
'The API client whose request is being served, null outside the listener.';

CREATE FUNCTION k2bridge.correlation() RETURNS uuid
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_correlation';
COMMENT ON FUNCTION k2bridge.correlation() IS
'The correlation of what happens now: one per inbound request or top-level transaction.';
-- Rights of the roles of a bank, in the words of its organisation chart.

CREATE FUNCTION k2bridge.autoclient_reads() RETURNS text[]
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT '{settings,balances,balances_interim,balances_final,transactions,transactions_interim,transactions_final,clients_in_group,currency_rates,currency_history,get_payment,edoc_journal,edoc_xml,edoc_base64,edoc_pdf,edoc_sign_info,edoc_p7s,salary_groups,salary_receivers,salary_packets,maspay_header,maspay_content,paysheets_journal,corpcards,corp_statements,card_statements,receipts,acquiring,check_counterparty}'::text[]
$$;
COMMENT ON FUNCTION k2bridge.autoclient_reads() IS 'The functions of schema autoclient that only ask.';

CREATE FUNCTION k2bridge.may_move(endpoint text, role name) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT pg_has_role(role, current_user, 'MEMBER')
        OR NOT EXISTS (SELECT FROM k2bridge.endpoint e WHERE e.name = $1 AND e.delivery = 'at_most_once')
        OR coalesce((SELECT bool_or(has_function_privilege(role, p.oid, 'EXECUTE'))
                       FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
                      WHERE n.nspname IN ('abs', 'autoclient') AND n.nspname || '.' || p.proname = coalesce(
                            (SELECT m.function FROM (VALUES ('autoclient.payment_create', 'autoclient.create_payment'),
                                                            ('autoclient.payment_create_pred', 'autoclient.create_payment'),
                                                            ('autoclient.payment_add_sign', 'autoclient.sign_payment'),
                                                            ('autoclient.payment_delete', 'autoclient.delete_payment'),
                                                            ('autoclient.swift_create', 'autoclient.create_swift_payment'),
                                                            ('autoclient.cpi_create', 'autoclient.create_cpi_payment'),
                                                            ('autoclient.edoc_upload_signed_xml_docs', 'autoclient.edoc_upload_signed_xml'),
                                                            ('autoclient.paysheets_save', 'autoclient.paysheets_upload')) AS m (endpoint, function)
                              WHERE m.endpoint = $1), $1)),
                    $1 !~ '^(abs|autoclient)\.')
$$;
COMMENT ON FUNCTION k2bridge.may_move(text, name) IS
'Whether a role may have an at_most_once call of an endpoint sent: it may execute the function that queues such calls. A bank''s own endpoints have none and are open to whoever may enqueue. For functions that run as the owner.';

CREATE FUNCTION k2bridge.grant_access(role name, access text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    schemas text[];
    readable text[];
    callable text[];
    one text;
BEGIN
    CASE access
        WHEN 'observer' THEN
            schemas := '{k2bridge}';
            readable := '{k2bridge.status,k2bridge.queue,k2bridge.progress,k2bridge.endpoint,k2bridge.paused,k2bridge.server_state,k2bridge.schedule}';
            callable := '{check,check_machine,check_tables,machine,database_listed,version,status_page,metrics,openapi}';
        WHEN 'auditor' THEN
            PERFORM k2bridge.grant_access(role, 'observer');
            readable := '{k2bridge.audit}';
        WHEN 'reader' THEN
            PERFORM k2bridge.grant_access(role, 'observer');
            schemas := '{k2bridge,k2,abs,autoclient}';
            readable := ARRAY(SELECT format('%I.%I', n.nspname, c.relname)
                                FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                               WHERE n.nspname = ANY (schemas) AND c.relkind IN ('r', 'p', 'v')
                                 AND NOT (n.nspname = 'k2bridge' AND c.relname IN ('audit', 'api_client', 'server_seen')));
            callable := '{trace}';
        WHEN 'operator' THEN
            PERFORM k2bridge.grant_access(role, 'reader');
            callable := array_cat('{retry,cancel,resolve,resend,pause,resume,wait,deliver,invoke,enqueue,preview,check_server,replay,create_extreq,recall_extreq,recall_req,return_req,reverse_pay,attach_file,get_file,read_file,is_excluded,iin_valid,iban_valid,today,get_cli,get_acc,get_acc_stmt_dt,get_pdf,colvir_get_loan_debt,way4_get_loan_debt,refresh_debt,get_all_pt,all_pt,reg_pt,refuse_pt,return_pt,push_exclusions,poll,backfill,pause_backfill}',
                                  k2bridge.autoclient_reads());
        WHEN 'payer' THEN
            PERFORM k2bridge.grant_access(role, 'reader');
            callable := array_cat('{retry,cancel,resolve,resend,wait,deliver,enqueue,preview,create_payment,delete_payment,create_swift_payment,create_cpi_payment,salary_update_receiver,maspay_add,maspay_remove,maspay_validate,maspay_create,paysheets_upload,edoc_upload,edoc_upload_signed_xml,edoc_upload_pdf,edoc_upload_pdf_b64,edoc_upload_signed_b64,edoc_send_for_preview,edoc_create_payment,edoc_delete,eo_create,eo_create_b64}',
                                  k2bridge.autoclient_reads());
        WHEN 'signer' THEN
            PERFORM k2bridge.grant_access(role, 'reader');
            callable := array_cat('{sign_payment,retry,resolve,resend,wait,preview}', k2bridge.autoclient_reads());
        WHEN 'service' THEN
            schemas := '{k2bridge,k2}';
            callable := '{k2loan_from_eko,k2extreq_pay_from_eko,k2loan_sync_debt,k2extreq_by_dbz,k2req_status_from_eko,k2req_return_from_eko,k2req_refuse_from_eko,k2inforeq_rzap_by_refer,k2loan_exclude_on_by_iin_dbznum,k2loan_exclude_off_by_iin_dbznum,get_file,read_file,openapi}';
        ELSE
            RAISE EXCEPTION 'unknown access "%"', access USING ERRCODE = 'invalid_parameter_value',
                HINT = 'Known are observer, reader, auditor, operator, payer, signer and service.';
    END CASE;
    FOREACH one IN ARRAY coalesce(schemas, '{}') LOOP
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', one, role);
    END LOOP;
    FOREACH one IN ARRAY coalesce(readable, '{}') LOOP
        EXECUTE format('GRANT SELECT ON %s TO %I', one, role);
    END LOOP;
    -- The functions that readable views call are called with the reader's own rights.
    FOR one IN SELECT p.oid::regprocedure::text FROM pg_proc p
                WHERE p.pronamespace = ANY ('{k2bridge,k2,abs,autoclient}'::regnamespace[])
                  AND (p.proname = ANY (callable)
                       OR EXISTS (SELECT FROM pg_depend d JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
                                   WHERE d.refclassid = 'pg_proc'::regclass AND d.refobjid = p.oid
                                     AND r.ev_class = ANY (readable::regclass[]))) LOOP
        EXECUTE format('GRANT EXECUTE ON ROUTINE %s TO %I', one, role);
    END LOOP;
    PERFORM k2bridge.record_audit('role', role::text, 'grant_access', NULL, to_jsonb(access), NULL);
END
$$;
COMMENT ON FUNCTION k2bridge.grant_access(name, text) IS
'Grants a role what an observer, reader, auditor, operator, payer, signer or service needs, and nothing more. Run it as the owner of the tables or a superuser, again after an update.';
-- The row of a call as functions return it and handlers receive it.

CREATE TYPE k2bridge.call_row AS (
    id           bigint,
    endpoint     text,
    server       name,
    subject      text,
    args         jsonb,
    outcome      text,
    attempts     integer,
    http_status  integer,
    error_code   text,
    error_text   text,
    reply        jsonb,
    sent_as      bigint,
    resent_from  bigint,
    correlation  uuid,
    created_at   timestamptz,
    created_by   name,
    finished_at  timestamptz,
    duration     interval,
    content      bytea,
    content_type text,
    file_name    text
);
COMMENT ON TYPE k2bridge.call_row IS
'A finished call: columns of k2bridge.call, plus content, content_type and file_name of a binary reply, which only the handler sees.';
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
-- Putting calls into the queue.

CREATE FUNCTION k2bridge.enqueue(endpoint text, args jsonb, subject text DEFAULT NULL, server name DEFAULT NULL,
                                 due_at timestamptz DEFAULT now()) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_enqueue';
COMMENT ON FUNCTION k2bridge.enqueue(text, jsonb, text, name, timestamptz) IS
'Queues a call within the current transaction and returns its id; calls of one subject are sent in order. Null while k2bridge.enqueue is off.';

CREATE FUNCTION k2bridge.enqueue_all(endpoints text[], args jsonb[], subjects text[], servers name[],
                                     due_at timestamptz DEFAULT now()) RETURNS bigint[]
    LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'k2bridge_enqueue_all';
COMMENT ON FUNCTION k2bridge.enqueue_all(text[], jsonb[], text[], name[], timestamptz) IS
'Queues many calls in one statement; the arrays run in parallel. Returns the ids in the same order.';

CREATE FUNCTION k2bridge.call_counted() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'k2bridge_call_counted';
COMMENT ON FUNCTION k2bridge.call_counted() IS 'Trigger: counts finished calls by endpoint and outcome for k2bridge.metrics().';
-- What the scheduler and the table k2bridge.schedule need.

CREATE FUNCTION k2bridge.next_run(every interval, at time, former timestamptz, since timestamptz) RETURNS timestamptz
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    zone   text := current_setting('k2bridge.timezone');
    begun  boolean := coalesce(isfinite(former), false);
    anchor timestamp := CASE WHEN begun THEN former ELSE since END AT TIME ZONE zone;
    target timestamp := since AT TIME ZONE zone;
    steps  bigint;
BEGIN
    IF at IS NOT NULL THEN
        anchor := anchor::date + at;
        IF NOT begun AND anchor > target THEN
            RETURN anchor AT TIME ZONE zone;
        END IF;
    ELSIF NOT begun THEN
        RETURN since;
    END IF;
    -- The number of steps is estimated, because a month has no fixed length, then put right.
    steps := greatest(1, floor(extract(epoch FROM target - anchor) / extract(epoch FROM every))::bigint);
    WHILE steps > 1 AND anchor + (steps - 1) * every > target LOOP
        steps := steps - 1;
    END LOOP;
    WHILE anchor + steps * every <= target LOOP
        steps := steps + 1;
    END LOOP;
    RETURN (anchor + steps * every) AT TIME ZONE zone;
END
$$;
COMMENT ON FUNCTION k2bridge.next_run(interval, time, timestamptz, timestamptz) IS
'First moment after "since" on the grid of a schedule row: former + n * every, or from the local time "at" in k2bridge.timezone. Missed runs are not made up for.';

CREATE FUNCTION k2bridge.schedule_changed() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    writer name := k2bridge.caller();
    allowed boolean;
BEGIN
    NEW.run_as := coalesce(NEW.run_as, writer);
    SELECT bool_and(pg_has_role(w.role, r.oid, 'MEMBER') AND (NOT r.rolsuper OR s.rolsuper)) INTO allowed
      FROM (VALUES (writer), (current_user)) w (role)
      JOIN pg_roles s ON s.rolname = w.role, pg_roles r
     WHERE r.rolname = NEW.run_as;
    IF allowed IS NULL THEN
        RAISE EXCEPTION 'role "%" does not exist', NEW.run_as USING ERRCODE = 'undefined_object';
    ELSIF NOT allowed THEN
        RAISE EXCEPTION 'the schedule may not run commands as role "%"', NEW.run_as
            USING ERRCODE = 'insufficient_privilege',
                  HINT = format('Choose a role that both "%s" and the owner of the table, "%s", are members of.', writer, current_user);
    END IF;
    IF TG_OP = 'INSERT' THEN
        NEW.next_run := coalesce(NEW.next_run, k2bridge.next_run(NEW.every, NEW.at, NULL, clock_timestamp()));
    ELSIF NEW.next_run IS NULL
          OR (NEW.next_run = OLD.next_run AND (NEW.every, NEW.at) IS DISTINCT FROM (OLD.every, OLD.at)) THEN
        NEW.next_run := CASE WHEN NEW.at IS NULL AND OLD.last_run IS NOT NULL
            THEN greatest(OLD.last_run + NEW.every, clock_timestamp())
            ELSE k2bridge.next_run(NEW.every, NEW.at, NULL, clock_timestamp()) END;
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION k2bridge.schedule_changed() IS
'Trigger: checks run_as and fills run_as and next_run of a schedule row.';

CREATE FUNCTION k2bridge.wake_scheduler() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'k2bridge_wake_scheduler';
COMMENT ON FUNCTION k2bridge.wake_scheduler() IS 'Trigger: the scheduler looks at its table again when the transaction commits.';

CREATE FUNCTION k2bridge.wake_launcher() RETURNS void
    LANGUAGE c AS 'MODULE_PATHNAME', 'k2bridge_wake_launcher';
COMMENT ON FUNCTION k2bridge.wake_launcher() IS
'The launcher looks again, when the transaction commits, whether this database has something to do.';
-- Partitions of the call history, and what goes when it is old.

CREATE FUNCTION k2bridge.expiry(setting text) RETURNS timestamptz
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN current_setting(setting) = '0' THEN '-infinity' ELSE now() - current_setting(setting)::interval END
$$;
COMMENT ON FUNCTION k2bridge.expiry(text) IS
'What is older than this may go, as the setting (k2bridge.retention or k2bridge.retention_reads) says; -infinity when nothing may.';

CREATE FUNCTION k2bridge.call_partitions(OUT name name, OUT day date) RETURNS SETOF record
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT c.relname, to_date(right(c.relname, 8), 'YYYYMMDD')
      FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
     WHERE i.inhparent = 'k2bridge.call'::regclass AND c.relname ~ '^call_\d{8}$'
$$;
COMMENT ON FUNCTION k2bridge.call_partitions() IS 'The daily partitions of k2bridge.call; days are UTC days, so that no setting moves them.';

CREATE FUNCTION k2bridge.make_partitions(ahead integer DEFAULT 7) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    wanted date;
    partition name;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('k2bridge.make_partitions'));
    IF EXISTS (SELECT FROM k2bridge.call_default) THEN
        -- No row may arrive in the default partition between its rows' move and the attachment.
        LOCK TABLE k2bridge.call_default IN ACCESS EXCLUSIVE MODE;
    END IF;
    FOR wanted IN
        SELECT d.finished_at::date FROM k2bridge.call_default d
        UNION SELECT current_date + n FROM generate_series(0, ahead) n
        EXCEPT SELECT p.day FROM k2bridge.call_partitions() p
        ORDER BY 1
    LOOP
        partition := to_char(wanted, '"call_"YYYYMMDD');
        -- ATTACH lets readers and writers of the other partitions go on, CREATE TABLE … PARTITION OF does not.
        EXECUTE format('CREATE TABLE k2bridge.%I (LIKE k2bridge.call_default INCLUDING ALL)', partition);
        EXECUTE format('WITH moved AS (DELETE FROM k2bridge.call_default
                            WHERE finished_at >= %2$L AND finished_at < %3$L RETURNING *)
                        INSERT INTO k2bridge.%1$I SELECT * FROM moved', partition,
                       wanted::timestamptz, (wanted + 1)::timestamptz);
        EXECUTE format('ALTER TABLE k2bridge.call ATTACH PARTITION k2bridge.%I FOR VALUES FROM (%L) TO (%L)', partition,
                       wanted::timestamptz, (wanted + 1)::timestamptz);
    END LOOP;
END
$$;
COMMENT ON FUNCTION k2bridge.make_partitions(integer) IS
'Makes the daily partitions of k2bridge.call from today to so many days ahead, and those of rows that fell into the default partition.';

CREATE FUNCTION k2bridge.expire_calls() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    partition record;
    swept constant text := 'reads removed';
    keeps boolean;
    reads_until constant timestamptz := k2bridge.expiry('k2bridge.retention_reads');
    money_until constant timestamptz := k2bridge.expiry('k2bridge.retention');
    leaving name[] := '{}';
BEGIN
    FOR partition IN
        SELECT p.name, (p.day + 1)::timestamptz AS until, obj_description(format('k2bridge.%I', p.name)::regclass) AS note
          FROM k2bridge.call_partitions() p ORDER BY p.day
    LOOP
        IF partition.until <= least(reads_until, money_until) THEN
            leaving := leaving || partition.name;
        ELSIF partition.until <= reads_until AND partition.note IS DISTINCT FROM swept THEN
            EXECUTE format('SELECT EXISTS (SELECT FROM k2bridge.%I WHERE delivery <> ''at_least_once'')', partition.name)
               INTO keeps;
            IF keeps THEN
                EXECUTE format('DELETE FROM k2bridge.%I WHERE delivery = ''at_least_once''', partition.name);
                EXECUTE format('COMMENT ON TABLE k2bridge.%I IS %L', partition.name, swept);
            ELSE
                leaving := leaving || partition.name;
            END IF;
        ELSIF partition.until <= money_until THEN
            EXECUTE format('DELETE FROM k2bridge.%I WHERE delivery <> ''at_least_once''', partition.name);
        END IF;
    END LOOP;
    -- Last, because it locks the whole history for the rest of the transaction.
    FOR partition IN SELECT unnest(leaving) AS name LOOP
        EXECUTE format('DROP TABLE k2bridge.%I', partition.name);
    END LOOP;
END
$$;
COMMENT ON FUNCTION k2bridge.expire_calls() IS
'Removes finished calls by age: reads by k2bridge.retention_reads, at_most_once calls by k2bridge.retention; a partition with nothing left is dropped.';

CREATE FUNCTION k2bridge.maintain() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM k2bridge.inbox WHERE received_at < k2bridge.expiry('k2bridge.retention');
    DELETE FROM k2bridge.rejected_item
     WHERE settled_at IS NOT NULL AND rejected_at < k2bridge.expiry('k2bridge.retention');
    DELETE FROM k2bridge.audit WHERE at < k2bridge.expiry('k2bridge.retention');
    PERFORM k2bridge.make_partitions();
    PERFORM k2bridge.expire_calls();
END
$$;
COMMENT ON FUNCTION k2bridge.maintain() IS
'Makes partitions of k2bridge.call ahead and removes what k2bridge.retention and k2bridge.retention_reads let go; run daily by the schedule.';
-- Who runs.

CREATE FUNCTION k2bridge.workers(OUT kind text, OUT name text, OUT pid integer, OUT state text, OUT since timestamptz,
                                 OUT last_error text, OUT last_error_at timestamptz, OUT hint text) RETURNS SETOF record
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_workers';
COMMENT ON FUNCTION k2bridge.workers() IS
'The launcher and the workers of this database as they registered themselves, and what keeps them from running.';

CREATE FUNCTION k2bridge.database_listed() RETURNS boolean
    LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'k2bridge_database_listed';
COMMENT ON FUNCTION k2bridge.database_listed() IS 'Whether k2bridge.databases names this database.';
-- Servers and credentials as a foreign-data wrapper, activation, preview, and the checks before it works.

CREATE FUNCTION k2bridge.validate_options(options text[], catalog oid) RETURNS void
    LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'k2bridge_validate_options';
COMMENT ON FUNCTION k2bridge.validate_options(text[], oid) IS
'Validator of the foreign-data wrapper k2bridge: checks the options of servers and user mappings.';

CREATE FOREIGN DATA WRAPPER k2bridge NO HANDLER VALIDATOR k2bridge.validate_options;
COMMENT ON FOREIGN DATA WRAPPER k2bridge IS
'Servers that k2bridge calls: TYPE abs, autoclient or http, with addresses and limits as options and secrets in user mappings.';

CREATE FUNCTION k2bridge.machine(OUT library_version text, OUT preloaded boolean, OUT lz4 boolean,
                                 OUT system_identifier bigint, OUT database_oid oid, OUT host text)
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_machine';
COMMENT ON FUNCTION k2bridge.machine() IS
'What this server process knows: version of the loaded library, whether it is preloaded, and which cluster, database and machine this is.';

-- Activation.

CREATE FUNCTION k2bridge.activate_as_owner(hosts text[]) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    here   record;
    wanted text[];
    former jsonb;
    made   jsonb;
BEGIN
    IF NOT pg_has_role(k2bridge.caller(), current_user, 'MEMBER') THEN
        RAISE EXCEPTION 'only the owner of the tables of k2bridge may activate it' USING ERRCODE = 'insufficient_privilege';
    END IF;
    SELECT * INTO here FROM k2bridge.machine();
    IF EXISTS (SELECT FROM unnest(hosts) h WHERE trim(h) IS NULL OR trim(h) = '') OR cardinality(hosts) = 0 THEN
        RAISE EXCEPTION 'hosts must hold host names'
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = format('Leave the argument away for this host, or name it: ARRAY[%L].', here.host);
    END IF;
    wanted := (SELECT array_agg(DISTINCT lower(trim(h)) ORDER BY lower(trim(h)))
                 FROM unnest(coalesce(hosts, ARRAY[here.host])) h);
    SELECT to_jsonb(a) INTO former FROM k2bridge.activation a;
    INSERT INTO k2bridge.activation AS a (system_identifier, database_oid, hosts, by)
    VALUES (here.system_identifier, here.database_oid, wanted, k2bridge.caller())
        ON CONFLICT (singleton) DO UPDATE
       SET system_identifier = excluded.system_identifier, database_oid = excluded.database_oid,
           hosts = excluded.hosts, at = excluded.at, by = excluded.by
    RETURNING to_jsonb(a) INTO made;
    PERFORM k2bridge.record_audit('k2bridge.activation', NULL, 'activate', former, made, NULL);
    IF NOT lower(here.host) = ANY (wanted) THEN
        RAISE WARNING 'this host, %, is not among the activated ones', here.host;
    END IF;
END
$$;
COMMENT ON FUNCTION k2bridge.activate_as_owner(text[]) IS 'Work of k2bridge.activate.';

CREATE FUNCTION k2bridge.activate(hosts text[] DEFAULT NULL) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2bridge.activate(text[]) IS
'Allows this cluster and database to send calls to other machines while it runs on one of the hosts (null: this host). For the owner of the tables.';

CREATE FUNCTION k2bridge.deactivate_as_owner() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    former jsonb;
BEGIN
    IF NOT pg_has_role(k2bridge.caller(), current_user, 'MEMBER') THEN
        RAISE EXCEPTION 'only the owner of the tables of k2bridge may deactivate it' USING ERRCODE = 'insufficient_privilege';
    END IF;
    DELETE FROM k2bridge.activation a RETURNING to_jsonb(a) INTO former;
    IF FOUND THEN
        PERFORM k2bridge.record_audit('k2bridge.activation', NULL, 'deactivate', former, NULL, NULL);
    END IF;
END
$$;
COMMENT ON FUNCTION k2bridge.deactivate_as_owner() IS 'Work of k2bridge.deactivate.';

CREATE FUNCTION k2bridge.deactivate() RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2bridge.deactivate() IS
'Takes back k2bridge.activate(): only loopback addresses are called from now on, other calls wait. For the owner of the tables.';

-- Preview.

CREATE FUNCTION k2bridge.preview_as_owner(endpoint text, args jsonb, server name) RETURNS text
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_preview';
COMMENT ON FUNCTION k2bridge.preview_as_owner(text, jsonb, name) IS 'Work of k2bridge.preview.';

CREATE FUNCTION k2bridge.preview(endpoint text, args jsonb, server name DEFAULT NULL) RETURNS text
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2bridge.preview(text, jsonb, name) IS
'The request that the call would send, secrets masked. Sends and stores nothing.';

-- One server.

CREATE FUNCTION k2bridge.check_server_as_owner(server name)
    RETURNS TABLE (item text, ok boolean, detail text, remedy text)
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_check_server';
COMMENT ON FUNCTION k2bridge.check_server_as_owner(name) IS 'Work of k2bridge.check_server.';

CREATE FUNCTION k2bridge.check_server(server name) RETURNS TABLE (item text, ok boolean, detail text, remedy text)
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2bridge.check_server(name) IS
'What is wrong with a server: options against its type, files, then resolve, connect and TLS for each of its addresses. Sends no request.';

-- Everything.

CREATE FUNCTION k2bridge.check_machine() RETURNS TABLE (item text, ok boolean, detail text, remedy text)
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    here      record;
    databases text[] := array_remove(regexp_split_to_array(trim(current_setting('k2bridge.databases', true)), '\s*,\s*'), '');
    served    boolean := k2bridge.database_listed();
    port      integer := current_setting('k2bridge.listen_port')::integer;
    needed    integer := 2 + coalesce(cardinality(databases), 0)
                             * (2 + CASE WHEN port > 0 THEN current_setting('k2bridge.listeners')::integer ELSE 0 END);
    slots     integer := current_setting('max_worker_processes')::integer;
BEGIN
    SELECT * INTO here FROM k2bridge.machine();
    RETURN QUERY VALUES
        ('preload', here.preloaded,
         CASE WHEN here.preloaded THEN 'k2bridge is preloaded' ELSE 'k2bridge is not preloaded: no worker runs' END,
         CASE WHEN NOT here.preloaded THEN 'shared_preload_libraries = ''k2bridge'' in postgresql.conf, then restart' END),
        ('databases', served,
         format(CASE WHEN served THEN 'database %s is served' ELSE 'no worker serves database %s' END, current_database()),
         CASE WHEN NOT served THEN format('k2bridge.databases = ''%s'' in postgresql.conf, then SELECT pg_reload_conf();',
                                          array_to_string(databases || current_database()::text, ',')) END),
        ('library version', here.library_version = k2bridge.version(),
         format('library %s, functions %s', here.library_version, k2bridge.version()),
         CASE WHEN here.library_version <> k2bridge.version()
              THEN 'ALTER EXTENSION k2bridge UPDATE; SELECT k2bridge.setup(); and a restart if the library was preloaded before' END),
        ('worker slots', slots >= needed,
         format('max_worker_processes is %s, k2bridge needs up to %s', slots, needed - 1),
         CASE WHEN slots < needed THEN format('max_worker_processes = %s in postgresql.conf, then restart', needed + 6) END),
        ('lz4', here.lz4, CASE WHEN here.lz4 THEN 'supported' ELSE 'PostgreSQL was built without lz4' END,
         CASE WHEN NOT here.lz4 THEN 'use a PostgreSQL built --with-lz4' END);
    RETURN QUERY
    SELECT w.kind, w.pid IS NOT NULL AND w.last_error IS NULL, concat_ws(': ', w.state, w.last_error), w.hint
      FROM k2bridge.workers() w;
    IF port > 0 AND NOT EXISTS (SELECT FROM k2bridge.workers() w WHERE w.kind = 'listener') THEN
        RETURN QUERY VALUES ('listener', false, format('not running, although k2bridge.listen_port is %s', port),
                             'see the workers above, then the server log: the port may be taken');
    END IF;
END
$$;
COMMENT ON FUNCTION k2bridge.check_machine() IS 'The part of k2bridge.check that needs no tables: preloading, settings, workers.';

CREATE FUNCTION k2bridge.check_tables_as_owner() RETURNS TABLE (item text, ok boolean, detail text, remedy text)
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found_version text := (SELECT v.version FROM k2bridge.schema_version v);
    here          record;
    allowed       k2bridge.activation;
    here_allowed  boolean;
BEGIN
    SELECT * INTO here FROM k2bridge.machine();
    SELECT * INTO allowed FROM k2bridge.activation;
    here_allowed := allowed.singleton IS NOT NULL AND allowed.system_identifier = here.system_identifier
                    AND allowed.database_oid = here.database_oid AND lower(here.host) = ANY (allowed.hosts);
    RETURN QUERY VALUES
        ('tables', found_version = k2bridge.version(),
         format('tables of version %s, functions of version %s', found_version, k2bridge.version()),
         CASE WHEN found_version IS DISTINCT FROM k2bridge.version() THEN 'SELECT k2bridge.setup();' END),
        ('activation', here_allowed,
         CASE WHEN here_allowed THEN format('calls may leave %s', here.host)
              WHEN allowed.singleton IS NULL THEN 'not activated: only loopback addresses are called'
              WHEN allowed.system_identifier <> here.system_identifier OR allowed.database_oid <> here.database_oid
              THEN 'activated for another cluster or database, of which this is a copy'
              ELSE format('activated for %s, and this is %s', array_to_string(allowed.hosts, ', '), here.host) END,
         CASE WHEN NOT here_allowed THEN 'SELECT k2bridge.activate();' END);
    -- A bank without Autoclient is complete; endpoints of the other types are called by triggers or made by the bank.
    RETURN QUERY
    WITH servers AS (
        SELECT s.srvtype, array_agg(o.option_name) FILTER (WHERE o.option_name IS NOT NULL) AS options
          FROM pg_foreign_server s
          JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw AND w.fdwname = 'k2bridge'
          LEFT JOIN LATERAL pg_options_to_table(s.srvoptions) o ON true
         GROUP BY s.srvtype
    ), wanted AS (
        SELECT e.server_type, coalesce(e.url_option, 'base_url') AS option, string_agg(e.name, ', ' ORDER BY e.name) AS endpoints
          FROM k2bridge.endpoint e
         WHERE e.enabled
         GROUP BY 1, 2
    ), lacking AS (
        SELECT n.server_type, bool_and(s.srvtype IS NULL) AS none,
               string_agg(n.option, ', ' ORDER BY n.option) FILTER (WHERE NOT n.option = ANY (coalesce(s.options, '{}'))) AS options
          FROM wanted n LEFT JOIN servers s ON s.srvtype = n.server_type
         GROUP BY n.server_type
    )
    SELECT format('servers of type %s', l.server_type), l.options IS NULL OR (l.none AND l.server_type = 'autoclient'),
           CASE WHEN l.options IS NULL THEN 'every enabled endpoint has its address'
                WHEN l.none AND l.server_type = 'autoclient' THEN 'none: not used'
                WHEN l.none THEN 'there is none'
                ELSE format('no server has: %s', l.options) END,
           CASE WHEN l.options IS NULL OR (l.none AND l.server_type = 'autoclient') THEN NULL
                WHEN l.none THEN format('CREATE SERVER ... TYPE %L FOREIGN DATA WRAPPER k2bridge OPTIONS (...);', l.server_type)
                ELSE 'ALTER SERVER ... OPTIONS (ADD ...); or UPDATE k2bridge.endpoint SET enabled = false ...' END
      FROM lacking l
     ORDER BY l.server_type;
END
$$;
COMMENT ON FUNCTION k2bridge.check_tables_as_owner() IS 'Work of k2bridge.check_tables.';

CREATE FUNCTION k2bridge.check_tables() RETURNS TABLE (item text, ok boolean, detail text, remedy text)
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2bridge.check_tables() IS 'The part of k2bridge.check that reads the tables: version, activation, servers.';

CREATE FUNCTION k2bridge.check() RETURNS TABLE (item text, ok boolean, detail text, remedy text)
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT * FROM k2bridge.check_machine();
    IF to_regclass('k2bridge.outbox') IS NULL OR to_regclass('k2bridge.activation') IS NULL THEN
        RETURN QUERY VALUES ('tables', false, 'they do not exist or are of an older version', 'SELECT k2bridge.setup();');
    ELSE
        RETURN QUERY SELECT * FROM k2bridge.check_tables();
    END IF;
END
$$;
COMMENT ON FUNCTION k2bridge.check() IS 'What is missing before k2bridge works: one row per thing looked at, with the remedy where it is not ok.';
-- What a person on duty does with calls. These functions write a wish and wake the dispatcher; only the dispatcher moves
-- and deletes rows. Each leaves a row in k2bridge.audit.

CREATE FUNCTION k2bridge.wake_dispatcher() RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_wake_dispatcher';
COMMENT ON FUNCTION k2bridge.wake_dispatcher() IS 'Wakes the dispatcher of this database when the transaction commits.';

CREATE FUNCTION k2bridge.wish(row_id bigint, allowed text[], wanted text, remark text, given jsonb) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    pending k2bridge.outbox;
BEGIN
    SELECT * INTO pending FROM k2bridge.outbox o WHERE o.id = row_id FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'call % is not in the queue', row_id USING ERRCODE = '02000',
            HINT = format('SELECT outcome, error_text FROM k2bridge.call WHERE id = %s; tells how it ended. k2bridge.resend(%s, note) sends it again.', row_id, row_id);
    ELSIF wanted <> 'cancel' AND NOT k2bridge.may_move(pending.endpoint, k2bridge.caller()) THEN
        RAISE EXCEPTION 'role "%" may not send or settle calls to %', k2bridge.caller(), pending.endpoint
            USING ERRCODE = 'insufficient_privilege', HINT = 'That takes EXECUTE on the function that queues them (k2bridge.grant_access).';
    ELSIF pending.state <> ALL (allowed) THEN
        RAISE EXCEPTION 'call % is %', row_id, pending.state USING ERRCODE = 'object_not_in_prerequisite_state',
            DETAIL = format('This is possible for calls that are %s.', array_to_string(allowed, ', ')),
            HINT = CASE pending.state
                       WHEN 'uncertain' THEN format('Find out what the bank did, then k2bridge.resolve(%s, outcome, note) or k2bridge.retry(%s, confirm => true).', row_id, row_id)
                       WHEN 'sending' THEN 'Wait for the outcome.'
                       ELSE format('SELECT * FROM k2bridge.outbox WHERE id = %s; tells more.', row_id) END;
    ELSIF pending.wish IS NOT NULL AND pending.wish <> wanted THEN
        RAISE EXCEPTION 'call % has a wish already: %, by %', row_id, pending.wish, pending.wish_by
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'The dispatcher does it as soon as it runs.';
    END IF;
    UPDATE k2bridge.outbox o
       SET wish = wanted, wish_by = k2bridge.caller(), wish_note = remark, wish_reply = given
     WHERE o.id = row_id;
    PERFORM k2bridge.record_audit('k2bridge.outbox', row_id::text, wanted, to_jsonb(pending) - 'args' - 'reply' - 'content', NULL, remark);
    PERFORM k2bridge.wake_dispatcher();
END
$$;
COMMENT ON FUNCTION k2bridge.wish(bigint, text[], text, text, jsonb) IS
'Notes what a person wants of a queued call, when its state allows that.';

CREATE FUNCTION k2bridge.retry_as_owner(id bigint, confirm boolean) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    pending k2bridge.outbox;
BEGIN
    SELECT * INTO pending FROM k2bridge.outbox o WHERE o.id = retry_as_owner.id;
    IF pending.state = 'uncertain' AND NOT confirm THEN
        RAISE EXCEPTION 'call % to % may have been processed by the bank', pending.id, pending.endpoint USING ERRCODE = 'KB003',
            DETAIL = coalesce('Verification found: ' || pending.found::text, format('Verification found nothing so far (asked %s times). %s', pending.verified, pending.last_error)),
            HINT = format('SELECT k2bridge.retry(%s, confirm => true); sends it a second time. k2bridge.resolve(%s, ''ok'', note) settles it without sending.', pending.id, pending.id);
    END IF;
    PERFORM k2bridge.wish(retry_as_owner.id, ARRAY['failed', 'answered', 'queued', 'uncertain'], 'retry', NULL, NULL);
END
$$;
CREATE FUNCTION k2bridge.retry(id bigint, confirm boolean DEFAULT false) RETURNS void
    LANGUAGE c AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2bridge.retry(bigint, boolean) IS
'Sends a failed call again at once; runs the handler of an answered one again and sends nothing; an uncertain one needs confirm => true.';
COMMENT ON FUNCTION k2bridge.retry_as_owner(bigint, boolean) IS 'Does the work of k2bridge.retry.';

CREATE FUNCTION k2bridge.retry_as_owner(endpoint text, server name) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    one bigint;
    total bigint := 0;
BEGIN
    FOR one IN SELECT o.id FROM k2bridge.outbox o
                WHERE (retry_as_owner.endpoint IS NULL OR o.endpoint = retry_as_owner.endpoint)
                  AND (retry_as_owner.server IS NULL OR o.server = retry_as_owner.server)
                  AND o.state IN ('failed', 'answered') AND o.wish IS NULL
                ORDER BY o.id FOR UPDATE LOOP
        PERFORM k2bridge.wish(one, ARRAY['failed', 'answered'], 'retry', NULL, NULL);
        total := total + 1;
    END LOOP;
    RETURN total;
END
$$;
CREATE FUNCTION k2bridge.retry(endpoint text, server name) RETURNS bigint
    LANGUAGE c AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2bridge.retry(text, name) IS
'Retries all failed and answered calls of an endpoint and a server (null: any); returns how many. Uncertain ones are left alone.';
COMMENT ON FUNCTION k2bridge.retry_as_owner(text, name) IS 'Does the work of k2bridge.retry.';

CREATE FUNCTION k2bridge.cancel_as_owner(id bigint, note text) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT k2bridge.wish($1, ARRAY['queued', 'failed', 'answered'], 'cancel', $2, NULL)
$$;
CREATE FUNCTION k2bridge.cancel(id bigint, note text DEFAULT NULL) RETURNS void
    LANGUAGE c AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2bridge.cancel(bigint, text) IS
'Takes a call that is not under way out of the queue; it ends as cancelled.';
COMMENT ON FUNCTION k2bridge.cancel_as_owner(bigint, text) IS 'Does the work of k2bridge.cancel.';

CREATE FUNCTION k2bridge.resolve_as_owner(id bigint, outcome text, note text, reply jsonb) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF outcome IS NULL OR outcome NOT IN ('ok', 'refused', 'failed') THEN
        RAISE EXCEPTION 'outcome must be ok, refused or failed' USING ERRCODE = 'invalid_parameter_value';
    ELSIF nullif(btrim(note), '') IS NULL THEN
        RAISE EXCEPTION 'note must say how the outcome is known' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM k2bridge.wish(id, ARRAY['uncertain', 'failed', 'answered'], outcome, note, reply);
END
$$;
CREATE FUNCTION k2bridge.resolve(id bigint, outcome text, note text, reply jsonb DEFAULT NULL) RETURNS void
    LANGUAGE c AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2bridge.resolve(bigint, text, text, jsonb) IS
'Settles an uncertain, failed or answered call by what a person knows: ok, refused or failed. The handler runs with that outcome and reply.';
COMMENT ON FUNCTION k2bridge.resolve_as_owner(bigint, text, text, jsonb) IS 'Does the work of k2bridge.resolve.';

CREATE FUNCTION k2bridge.resend_as_owner(call_id bigint, note text) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    former k2bridge.call;
    made bigint;
BEGIN
    SELECT * INTO former FROM k2bridge.call c WHERE c.id = call_id ORDER BY c.finished_at DESC LIMIT 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'call % has not finished or does not exist', call_id USING ERRCODE = '02000';
    ELSIF nullif(btrim(note), '') IS NULL THEN
        RAISE EXCEPTION 'note must say why call % is sent again', call_id USING ERRCODE = 'invalid_parameter_value';
    ELSIF NOT k2bridge.may_move(former.endpoint, k2bridge.caller()) THEN
        RAISE EXCEPTION 'role "%" may not send or settle calls to %', k2bridge.caller(), former.endpoint
            USING ERRCODE = 'insufficient_privilege', HINT = 'That takes EXECUTE on the function that queues them (k2bridge.grant_access).';
    END IF;
    made := k2bridge.enqueue(former.endpoint, former.args, former.subject, former.server);
    UPDATE k2bridge.outbox o SET resent_from = call_id WHERE o.id = made;
    PERFORM k2bridge.record_audit('k2bridge.call', call_id::text, 'resend', NULL, jsonb_build_object('id', made), note);
    RETURN made;
END
$$;
CREATE FUNCTION k2bridge.resend(call_id bigint, note text) RETURNS bigint
    LANGUAGE c AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2bridge.resend(bigint, text) IS
'Queues a finished call again with the same arguments and returns the new id; call.resent_from links them.';
COMMENT ON FUNCTION k2bridge.resend_as_owner(bigint, text) IS 'Does the work of k2bridge.resend.';

CREATE FUNCTION k2bridge.pause_as_owner(server name, endpoint text, until timestamptz, note text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF endpoint IS NOT NULL AND NOT EXISTS (SELECT FROM k2bridge.endpoint e WHERE e.name = pause_as_owner.endpoint) THEN
        RAISE EXCEPTION 'endpoint "%" does not exist', endpoint USING ERRCODE = 'invalid_parameter_value',
            HINT = 'SELECT name FROM k2bridge.endpoint lists the endpoints.';
    ELSIF server IS NOT NULL AND NOT EXISTS (SELECT FROM pg_foreign_server s WHERE s.srvname = pause_as_owner.server) THEN
        RAISE EXCEPTION 'server "%" does not exist', server USING ERRCODE = 'undefined_object';
    END IF;
    INSERT INTO k2bridge.paused AS p (server, endpoint, until, note, by) VALUES (server, endpoint, until, note, k2bridge.caller())
        ON CONFLICT ((coalesce(p.server, '')), (coalesce(p.endpoint, ''))) DO UPDATE
        SET until = excluded.until, note = excluded.note, by = excluded.by, at = now();
    PERFORM k2bridge.record_audit('k2bridge.paused', concat_ws(' ', server, endpoint), 'pause', NULL, jsonb_build_object('until', until), note);
    PERFORM k2bridge.wake_dispatcher();
END
$$;
CREATE FUNCTION k2bridge.pause(server name DEFAULT NULL, endpoint text DEFAULT NULL, until timestamptz DEFAULT NULL,
                               note text DEFAULT NULL) RETURNS void
    LANGUAGE c AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2bridge.pause(name, text, timestamptz, text) IS
'Holds a server, an endpoint, or both together (neither: everything): calls queue, nothing is sent, until k2bridge.resume or the given time.';
COMMENT ON FUNCTION k2bridge.pause_as_owner(name, text, timestamptz, text) IS 'Does the work of k2bridge.pause.';

CREATE FUNCTION k2bridge.resume_as_owner(server name, endpoint text, note text) RETURNS boolean
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    lifted boolean;
BEGIN
    DELETE FROM k2bridge.paused p
     WHERE p.server IS NOT DISTINCT FROM resume_as_owner.server AND p.endpoint IS NOT DISTINCT FROM resume_as_owner.endpoint;
    lifted := FOUND;
    PERFORM k2bridge.record_audit('k2bridge.paused', concat_ws(' ', server, endpoint), 'resume', NULL, NULL, note);
    PERFORM k2bridge.wake_dispatcher();
    RETURN lifted;
END
$$;
CREATE FUNCTION k2bridge.resume(server name DEFAULT NULL, endpoint text DEFAULT NULL, note text DEFAULT NULL) RETURNS boolean
    LANGUAGE c AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2bridge.resume(name, text, text) IS
'Lifts what k2bridge.pause with the same server and endpoint holds; false when nothing was held.';
COMMENT ON FUNCTION k2bridge.resume_as_owner(name, text, text) IS 'Does the work of k2bridge.resume.';

CREATE FUNCTION k2bridge.settle_uncertain(id bigint, found boolean, evidence jsonb) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE k2bridge.outbox o
       SET found = evidence,
           wish = CASE WHEN $2 THEN 'ok' ELSE o.wish END,
           wish_by = CASE WHEN $2 THEN k2bridge.caller() ELSE o.wish_by END,
           wish_note = CASE WHEN $2 THEN 'found at the bank' ELSE o.wish_note END
     WHERE o.id = settle_uncertain.id AND o.state = 'uncertain' AND o.wish IS NULL;
    PERFORM k2bridge.wake_dispatcher();
END
$$;
COMMENT ON FUNCTION k2bridge.settle_uncertain(bigint, boolean, jsonb) IS
'For verify handlers: the bank has the call (it ends as ok), or has it not or differently (it stays uncertain, with the evidence in outbox.found).';

CREATE FUNCTION k2bridge.settle_uncertain_subject(subject text, endpoint text, evidence jsonb) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM k2bridge.settle_uncertain(o.id, true, evidence)
       FROM k2bridge.outbox o
      WHERE o.subject = settle_uncertain_subject.subject AND o.endpoint = settle_uncertain_subject.endpoint
        AND o.state = 'uncertain';
END
$$;
COMMENT ON FUNCTION k2bridge.settle_uncertain_subject(text, text, jsonb) IS
'Ends as ok the uncertain calls of a subject and endpoint, because something inbound proves that the bank has them.';
-- Calling now, and waiting for what was queued.

CREATE FUNCTION k2bridge.invoke_as_owner(endpoint text, args jsonb, server name) RETURNS k2bridge.call_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_invoke';
CREATE FUNCTION k2bridge.invoke(endpoint text, args jsonb, server name DEFAULT NULL) RETURNS k2bridge.call_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2bridge.invoke(text, jsonb, name) IS
'Calls an at_least_once endpoint now, in this backend, and applies its handler. Raises KB001 when the bank refuses, KB002 when there is no usable reply, KB004 when outbound calls are not activated here.';
COMMENT ON FUNCTION k2bridge.invoke_as_owner(text, jsonb, name) IS 'Does the work of k2bridge.invoke.';

CREATE FUNCTION k2bridge.wait_as_owner(id bigint, timeout interval) RETURNS k2bridge.call_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_wait';
CREATE FUNCTION k2bridge.wait(id bigint, timeout interval DEFAULT '30s') RETURNS k2bridge.call_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2bridge.wait(bigint, interval) IS
'Waits for a call committed earlier and returns it; a call that has not ended in time, or waits for a person, comes with its state (queued, sending, answered, uncertain, failed) as outcome. 25001 in the transaction that queued it, 55000 without a dispatcher, 02000 for an unknown id.';
COMMENT ON FUNCTION k2bridge.wait_as_owner(bigint, interval) IS 'Does the work of k2bridge.wait.';

-- No SET clause: a procedure with one could not commit.
CREATE PROCEDURE k2bridge.deliver(endpoint text, args jsonb, subject text DEFAULT NULL, server name DEFAULT NULL,
                                  INOUT id bigint DEFAULT NULL)
    LANGUAGE plpgsql AS $$
BEGIN
    id := k2bridge.enqueue(endpoint, args, subject, server);
    COMMIT;
    PERFORM k2bridge.wait(id);
END
$$;
COMMENT ON PROCEDURE k2bridge.deliver(text, jsonb, text, name, bigint) IS
'Queues a call, commits, and waits for its end (30 s); returns its id, to be looked up in k2bridge.call.';
-- What the views of the person on duty need to know of servers.

CREATE FUNCTION k2bridge.servers_for(endpoint text) RETURNS name[]
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(array_agg(s.srvname ORDER BY s.srvname), '{}')
      FROM k2bridge.endpoint e
      JOIN pg_foreign_data_wrapper w ON w.fdwname = 'k2bridge'
      JOIN pg_foreign_server s ON s.srvfdw = w.oid AND s.srvtype = e.server_type
     WHERE e.name = $1
       AND EXISTS (SELECT FROM unnest(s.srvoptions) o
                    WHERE o LIKE replace(coalesce(e.url_option, 'base_url'), '_', '\_') || '=%')
$$;
COMMENT ON FUNCTION k2bridge.servers_for(text) IS
'The servers that have what an endpoint needs; calls that name no server are sent when there is exactly one.';
-- What a К2 service answers (wire document, sections 1 and 4). Codes of our own, for what the document leaves open:
-- 400 malformed payload, 404 object not found, 409 conflict with the current state, 422 missing or invalid field.
-- Texts are Russian like the document's and name the field or reference.

CREATE FUNCTION k2.success() RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT '{"error_text": "", "error_code": 0}'::jsonb
$$;
COMMENT ON FUNCTION k2.success() IS 'The reply of a service that did what it was asked.';

CREATE FUNCTION k2.refusal(error_code integer, error_text text) RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT jsonb_build_object('error_code', $1, 'error_text', $2)
$$;
COMMENT ON FUNCTION k2.refusal(integer, text) IS 'The reply of a service that refuses.';

CREATE TYPE k2.refused_item AS (
    "position" integer,
    request_id jsonb,
    item       jsonb,
    error_code integer,
    error_text text
);
COMMENT ON TYPE k2.refused_item IS
'One refused item of a batch: position in the payload from 1, the request_id it carried (null when none), the item as received, code and text.';

CREATE FUNCTION k2.refuse_items(service text, error_code integer, error_text text, refused k2.refused_item[]) RETURNS jsonb
    LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
    WITH kept AS (
        INSERT INTO k2bridge.rejected_item (service, "position", item, error_code, error_text, correlation)
        SELECT $1, r."position", r.item, r.error_code, r.error_text, k2bridge.correlation()
          FROM unnest($4) r ORDER BY r."position"
    )
    SELECT jsonb_build_object('error_code', $2, 'error_text', $3, 'errors',
               (SELECT jsonb_agg(jsonb_build_object('error_code', r.error_code, 'error_text', r.error_text,
                                                    'request_id', coalesce(r.request_id, to_jsonb(r."position")))
                                 ORDER BY r."position")
                  FROM unnest($4) r))
$$;
COMMENT ON FUNCTION k2.refuse_items(text, integer, text, k2.refused_item[]) IS
'The reply of a batch service some of whose items failed; keeps each of them in k2bridge.rejected_item.';

CREATE FUNCTION k2.missing_text(payload jsonb, fields text[]) RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE
        WHEN jsonb_typeof($1) IS DISTINCT FROM 'object' THEN k2.refusal(400, 'Ожидается объект JSON')
        ELSE (SELECT k2.refusal(422, CASE WHEN coalesce($1 ->> f.name, '') = '' THEN 'Не заполнено поле ' || f.name
                                          ELSE 'Неверное значение поля ' || f.name END)
                FROM unnest($2) WITH ORDINALITY AS f (name, position)
               WHERE coalesce($1 ->> f.name, '') = '' OR jsonb_typeof($1 -> f.name) NOT IN ('string', 'number')
               ORDER BY f.position LIMIT 1)
    END
$$;
COMMENT ON FUNCTION k2.missing_text(jsonb, text[]) IS
'The refusal of a payload that is no object (400) or lacks one of the named texts (422); null when all are there.';
-- Batches: items stand alone, good ones are stored, bad ones answered and kept (design section 5).
--
-- A service names its store function, f(payload jsonb, first integer, last integer) returns setof k2.item_fault: one
-- statement that reads the items at those positions (src/k2/payload.hpp), stores the good ones set-based and returns
-- the bad ones. It is called once for the whole payload; only when the database refuses some row is the range halved
-- until the item at fault stands alone.

CREATE TYPE k2.item_fault AS ("position" integer, error_code integer, error_text text);
COMMENT ON TYPE k2.item_fault IS 'Why the item of a batch at that position (from 1) was refused.';

CREATE FUNCTION k2.batch_items(payload jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN jsonb_typeof($1) = 'array' THEN $1
                WHEN jsonb_typeof($1) = 'object' AND jsonb_typeof($1 -> 'items') = 'array' THEN $1 -> 'items' END
$$;
COMMENT ON FUNCTION k2.batch_items(jsonb) IS 'The items of a batch, a bare array or {"items": [...]}; null when it is neither.';

CREATE FUNCTION k2.concerns_item(sqlstate text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT left($1, 2) IN ('21', '22', '23', '27', '44', '54', 'P0') OR $1 = '42501'
$$;
COMMENT ON FUNCTION k2.concerns_item(text) IS
'Whether an error with that SQLSTATE is the fault of the row at hand (data, size, constraint, trigger) and not of the moment (deadlock, lock, cancel, resources).';

CREATE FUNCTION k2.store_batch(store text, payload jsonb, first integer, last integer) RETURNS SETOF k2.item_fault
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    faults k2.item_fault[];
    state text;
    message text;
    middle integer := first + (last - first) / 2;
BEGIN
    BEGIN
        EXECUTE format('SELECT array_agg(f ORDER BY f."position") FROM %s($1, $2, $3) f', store)
           INTO faults USING payload, first, last;
        RETURN QUERY SELECT f.* FROM unnest(faults) f;
        RETURN;
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
        IF NOT k2.concerns_item(state) THEN
            RAISE;
        END IF;
    END;
    IF first >= last THEN
        RETURN NEXT ROW(first, 422, 'Запись отклонена базой данных: ' || message)::k2.item_fault;
        RETURN;
    END IF;
    -- The earlier half first: of a key named in both halves the last item counts.
    RETURN QUERY SELECT f.* FROM k2.store_batch(store, payload, first, middle) f;
    RETURN QUERY SELECT f.* FROM k2.store_batch(store, payload, middle + 1, last) f;
END
$$;
COMMENT ON FUNCTION k2.store_batch(text, jsonb, integer, integer) IS
'Runs a store function over a range of items; when the database refuses a row, halves the range until the culprit stands alone.';

-- Without JIT: the planner cannot know how short a payload is, and compiling takes longer than storing it.
CREATE FUNCTION k2.run_batch(service text, store text, payload jsonb, error_code integer DEFAULT NULL,
                             error_text text DEFAULT NULL) RETURNS jsonb
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET jit = off AS $$
DECLARE
    items jsonb := k2.batch_items(payload);
    refused k2.refused_item[];
BEGIN
    IF items IS NULL THEN
        RETURN k2.refusal(400, 'Ожидается массив или объект с массивом items');
    END IF;
    SELECT array_agg(ROW(f."position", nullif(i.item -> 'request_id', 'null'), i.item, f.error_code,
                         f.error_text)::k2.refused_item ORDER BY f."position")
      INTO refused
      FROM k2.store_batch(store, items, 1, jsonb_array_length(items)) f
      CROSS JOIN LATERAL (SELECT items -> (f."position" - 1)) i (item);
    IF refused IS NULL THEN
        RETURN k2.success();
    END IF;
    RETURN k2.refuse_items(service, coalesce(error_code, refused[1].error_code),
                           coalesce(error_text, refused[1].error_text), refused);
END
$$;
COMMENT ON FUNCTION k2.run_batch(text, text, jsonb, integer, text) IS
'The body of a batch service: stores the items by the store function named, keeps and answers the refused ones. Code and text of the whole default to those of the first refused item.';
-- Loans: what k2loan_from_eko (I1) and k2loan_sync_debt (I3) bring, history of debts, today, identifiers.

CREATE FUNCTION k2.today() RETURNS date
    LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT (now() AT TIME ZONE current_setting('k2bridge.timezone'))::date
$$;
COMMENT ON FUNCTION k2.today() IS 'Today in k2bridge.timezone.';

CREATE FUNCTION k2.iin_valid(iin text) RETURNS boolean
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'k2bridge_iin_valid';
COMMENT ON FUNCTION k2.iin_valid(text) IS 'Whether an IIN or BIN has 12 digits and the right check digit.';

CREATE FUNCTION k2.iban_valid(iban text) RETURNS boolean
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'k2bridge_iban_valid';
COMMENT ON FUNCTION k2.iban_valid(text) IS 'Whether an IBAN is well formed and passes mod 97.';

CREATE FUNCTION k2.read_loans(payload jsonb, first integer DEFAULT NULL, last integer DEFAULT NULL,
                              iban_systems text[] DEFAULT NULL)
    RETURNS TABLE ("position" integer, error_code integer, error_text text, extra jsonb,
                   iinbin text, request_id bigint, iban text, cur text, debt numeric, fullname text, contract_number text,
                   dbz_contract_number text, dbz_dt date, dep_id bigint, id bigint, problemfl bigint, segment text,
                   dea_dord date, dea_dep_id bigint, dea_id bigint, dea_code text, overdue_days bigint, system text)
    LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'k2bridge_read_loans';
COMMENT ON FUNCTION k2.read_loans(jsonb, integer, integer, text[]) IS
'The items of a k2loan_from_eko payload as rows: good ones in the order of their key, the last one where a key is repeated, then bad ones with code and text. Loans of iban_systems must have an iban.';

CREATE FUNCTION k2.read_debts(payload jsonb, first integer DEFAULT NULL, last integer DEFAULT NULL)
    RETURNS TABLE ("position" integer, error_code integer, error_text text, extra jsonb,
                   request_id bigint, debt numeric, contract_number text)
    LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'k2bridge_read_debts';
COMMENT ON FUNCTION k2.read_debts(jsonb, integer, integer) IS
'The items of a k2loan_sync_debt payload as rows, as k2.read_loans does.';

-- A field that a later push leaves out keeps its value: older senders do not know all of them.
CREATE FUNCTION k2.store_loans(payload jsonb, first integer, last integer) RETURNS SETOF k2.item_fault
    LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
    WITH item AS MATERIALIZED (
        SELECT r.* FROM k2.read_loans($1, $2, $3, ARRAY(SELECT s.code FROM k2.system s WHERE s.kind = 'way4')) r
    ), stored AS (
        INSERT INTO k2.loan AS l (system, contract_number, dbz_contract_number, dbz_dt, iinbin, fullname, iban, cur, debt,
                                  overdue_days, problemfl, segment, abs_dep_id, abs_id, dea_dord, dea_dep_id, dea_id,
                                  dea_code, request_id, debt_source, extra)
        SELECT i.system, i.contract_number, i.dbz_contract_number, i.dbz_dt, i.iinbin, i.fullname, i.iban, i.cur, i.debt,
               i.overdue_days::integer, i.problemfl::integer, i.segment, i.dep_id, i.id, i.dea_dord, i.dea_dep_id, i.dea_id,
               i.dea_code, i.request_id, 'k2loan_from_eko', i.extra
          FROM item i WHERE i.error_code IS NULL
        ON CONFLICT ON CONSTRAINT loan_contract_number_system_key DO UPDATE
           SET dbz_contract_number = excluded.dbz_contract_number,
               dbz_dt = coalesce(excluded.dbz_dt, l.dbz_dt),
               iinbin = excluded.iinbin,
               fullname = excluded.fullname,
               iban = coalesce(excluded.iban, l.iban),
               cur = excluded.cur,
               debt = excluded.debt,
               overdue_days = excluded.overdue_days,
               problemfl = coalesce(excluded.problemfl, l.problemfl),
               segment = coalesce(excluded.segment, l.segment),
               abs_dep_id = coalesce(excluded.abs_dep_id, l.abs_dep_id),
               abs_id = coalesce(excluded.abs_id, l.abs_id),
               dea_dord = coalesce(excluded.dea_dord, l.dea_dord),
               dea_dep_id = coalesce(excluded.dea_dep_id, l.dea_dep_id),
               dea_id = coalesce(excluded.dea_id, l.dea_id),
               dea_code = coalesce(excluded.dea_code, l.dea_code),
               request_id = excluded.request_id,
               received_at = excluded.received_at,
               synced_at = excluded.synced_at,
               debt_source = excluded.debt_source,
               extra = excluded.extra
    )
    SELECT i."position", i.error_code, i.error_text FROM item i WHERE i.error_code IS NOT NULL
$$;
COMMENT ON FUNCTION k2.store_loans(jsonb, integer, integer) IS 'Stores the loans of a k2loan_from_eko payload; returns the refused items.';

-- The rows are locked in the order in which k2.store_loans writes them.
CREATE FUNCTION k2.store_debts(payload jsonb, first integer, last integer) RETURNS SETOF k2.item_fault
    LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
    WITH item AS MATERIALIZED (
        SELECT r.* FROM k2.read_debts($1, $2, $3) r
    ), held AS MATERIALIZED (
        SELECT l.id, l.contract_number FROM k2.loan l
         WHERE l.contract_number = ANY (ARRAY(SELECT i.contract_number FROM item i WHERE i.error_code IS NULL))
         ORDER BY l.contract_number COLLATE "C", l.system COLLATE "C" FOR NO KEY UPDATE
    ), found AS MATERIALIZED (
        SELECT i."position", i.contract_number, i.debt, count(h.id) AS systems, min(h.id) AS loan_id
          FROM item i LEFT JOIN held h ON h.contract_number = i.contract_number
         WHERE i.error_code IS NULL GROUP BY 1, 2, 3
    ), stored AS (
        UPDATE k2.loan l SET debt = f.debt, synced_at = clock_timestamp(), debt_source = 'k2loan_sync_debt'
          FROM found f WHERE l.id = f.loan_id AND f.systems = 1
    )
    SELECT i."position", i.error_code, i.error_text FROM item i WHERE i.error_code IS NOT NULL
    UNION ALL
    SELECT f."position", CASE f.systems WHEN 0 THEN 404 ELSE 409 END,
           format(CASE f.systems WHEN 0 THEN 'Не найден кредит с номером договора %s'
                                 ELSE 'Договор %s найден в нескольких системах' END, f.contract_number)
      FROM found f WHERE f.systems <> 1
$$;
COMMENT ON FUNCTION k2.store_debts(jsonb, integer, integer) IS 'Stores the debts of a k2loan_sync_debt payload; returns the refused items.';

CREATE FUNCTION k2.k2loan_from_eko_as_owner(payload jsonb) RETURNS jsonb
    LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
    SELECT k2.run_batch('k2loan_from_eko', 'k2.store_loans', $1, 13)
$$;
COMMENT ON FUNCTION k2.k2loan_from_eko_as_owner(jsonb) IS 'Behind the door k2.k2loan_from_eko.';
CREATE FUNCTION k2.k2loan_from_eko(payload jsonb) RETURNS jsonb
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2.k2loan_from_eko(jsonb) IS
'Service I1: takes in overdue loans, an array or {"items": [...]}. A repeated contract is updated; refused items are answered in errors[].';

CREATE FUNCTION k2.k2loan_sync_debt_as_owner(payload jsonb) RETURNS jsonb
    LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
    SELECT k2.run_batch('k2loan_sync_debt', 'k2.store_debts', $1)
$$;
COMMENT ON FUNCTION k2.k2loan_sync_debt_as_owner(jsonb) IS 'Behind the door k2.k2loan_sync_debt.';
CREATE FUNCTION k2.k2loan_sync_debt(payload jsonb) RETURNS jsonb
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2.k2loan_sync_debt(jsonb) IS
'Service I3: takes current debts by contract_number, an array or {"items": [...]}. A contract known in several systems is answered 409.';

-- Triggers of k2.loan.

CREATE FUNCTION k2.loan_debt_typed() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    NEW.synced_at := clock_timestamp();
    NEW.debt_source := 'manual';
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION k2.loan_debt_typed() IS 'Trigger: a debt that a person changes is a debt confirmed now.';

CREATE FUNCTION k2.loan_inserted() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO k2.loan_debt (loan_id, debt, source, created_by, correlation)
    SELECT n.id, n.debt, n.debt_source, k2bridge.caller(), k2bridge.correlation() FROM inserted n;
    INSERT INTO k2.client AS c (iin, name)
    SELECT DISTINCT ON (n.iinbin COLLATE "C") n.iinbin, n.fullname FROM inserted n ORDER BY n.iinbin COLLATE "C", n.id DESC
        ON CONFLICT (iin) DO UPDATE SET name = excluded.name WHERE c.name IS DISTINCT FROM excluded.name;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION k2.loan_inserted() IS 'Trigger: a new loan begins the history of its debt and has a client.';

-- The plan of a join of transition tables is kept from its first call, when they may hold one row; a nested loop would
-- be quadratic later. Compiling such a plan would take longer than running it.
CREATE FUNCTION k2.loan_updated() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_nestloop = off SET jit = off AS $$
BEGIN
    INSERT INTO k2.loan_debt (loan_id, debt, source, created_by, correlation)
    SELECT n.id, n.debt, n.debt_source, k2bridge.caller(), k2bridge.correlation()
      FROM updated n JOIN former o ON o.id = n.id WHERE n.debt <> o.debt;
    INSERT INTO k2.client AS c (iin, name)
    SELECT DISTINCT ON (n.iinbin COLLATE "C") n.iinbin, n.fullname
      FROM updated n JOIN former o ON o.id = n.id
     WHERE (n.iinbin, n.fullname) IS DISTINCT FROM (o.iinbin, o.fullname)
     ORDER BY n.iinbin COLLATE "C", n.id DESC
        ON CONFLICT (iin) DO UPDATE SET name = excluded.name WHERE c.name IS DISTINCT FROM excluded.name;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION k2.loan_updated() IS
'Trigger: keeps the history of debts and the client''s name.';
-- Exclusions (bans): services I8 and I9, what is excluded, and the lock between a ban and a new payment request.
--
-- Two kinds of ban: on one loan (k2.loan_exclude, by IIN and number of the ДБЗ) and on the general list (k2.exclusion,
-- by IIN). Both hold from the commit that switches them on: whoever creates or recalls a payment request calls
-- k2.lock_exclusions(iin) first and asks afterwards.

CREATE FUNCTION k2.lock_exclusions(iin text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM FROM k2.client c WHERE c.iin = $1 FOR SHARE;
    IF NOT FOUND THEN
        INSERT INTO k2.client (iin) VALUES ($1) ON CONFLICT DO NOTHING;
        PERFORM FROM k2.client c WHERE c.iin = $1 FOR SHARE;
    END IF;
END
$$;
COMMENT ON FUNCTION k2.lock_exclusions(text) IS
'Keeps the exclusions of a client as they are until the end of the transaction. Waits for a change under way; above READ COMMITTED a change since the snapshot is a serialization failure. Call it before asking k2.is_excluded.';

CREATE FUNCTION k2.changing_exclusions(iin text, name text) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO k2.client AS c (iin, name, exclusions_changed_at) VALUES ($1, $2, clock_timestamp())
        ON CONFLICT (iin) DO UPDATE SET exclusions_changed_at = excluded.exclusions_changed_at
$$;
COMMENT ON FUNCTION k2.changing_exclusions(text, text) IS
'The other side of k2.lock_exclusions: waits for whoever holds the client''s exclusions, then makes the others wait.';

CREATE FUNCTION k2.in_force(is_active boolean, finish_dt date) RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT $1 AND coalesce($2 >= k2.today(), true)
$$;
COMMENT ON FUNCTION k2.in_force(boolean, date) IS 'Whether a ban of the general list holds today; it does so on its last day.';

CREATE FUNCTION k2.is_excluded_as_owner(loan_id bigint, bank text, iban text) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT FROM k2.loan_exclude e
                    WHERE e.is_on AND e.iin = l.iinbin AND e.dbz_num = l.dbz_contract_number)
        OR EXISTS (SELECT FROM k2.exclusion x
                    WHERE x.iin = l.iinbin AND k2.in_force(x.is_active, x.finish_dt)
                      AND (x.for_extreq OR (x.for_bank AND x.bank = $2) OR (x.for_iban AND x.iban = $3)))
      FROM k2.loan l WHERE l.id = $1
$$;
COMMENT ON FUNCTION k2.is_excluded_as_owner(bigint, text, text) IS 'Behind the door k2.is_excluded.';
CREATE FUNCTION k2.is_excluded(loan_id bigint, bank text DEFAULT NULL, iban text DEFAULT NULL) RETURNS boolean
    LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2.is_excluded(bigint, text, text) IS
'Whether a ban in force covers the loan, its client, the bank (BIC) or the account (IBAN), so that no payment request may be created. Null for an unknown loan.';

CREATE FUNCTION k2.is_recall_excluded(loan_id bigint) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT FROM k2.exclusion x
                    WHERE x.iin = l.iinbin AND x.for_refuse AND k2.in_force(x.is_active, x.finish_dt))
      FROM k2.loan l WHERE l.id = $1
$$;
COMMENT ON FUNCTION k2.is_recall_excluded(bigint) IS
'Whether a ban in force (for_refuse) forbids to recall payment requests of the loan''s client; for functions that run as the owner.';

-- A request that cannot be recalled must not undo the ban, hence the exception block per request.
CREATE FUNCTION k2.recall_of_loan(iin text, dbz_num text) RETURNS TABLE (code text, problem text)
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    request record;
    state text;
BEGIN
    FOR request IN
        SELECT r.code, r.loan_id, s.title, s.can_recall
          FROM k2.extreq r JOIN k2.loan l ON l.id = r.loan_id JOIN k2.extreq_stat s ON s.id = r.stat_id
         WHERE l.iinbin = $1 AND l.dbz_contract_number = $2 AND s.actual ORDER BY r.code
    LOOP
        code := request.code;
        problem := NULL;
        IF NOT request.can_recall THEN
            problem := format('статус «%s»', request.title);
        ELSIF k2.is_recall_excluded(request.loan_id) THEN
            problem := 'действует запрет отзыва';
        ELSE
            BEGIN
                PERFORM k2.recall_extreq_as_owner(request.code, '07');
            EXCEPTION WHEN OTHERS THEN
                GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, problem = MESSAGE_TEXT;
                IF NOT (k2.concerns_item(state) OR state = '55000') THEN
                    RAISE;
                END IF;
            END;
        END IF;
        IF problem IS NOT NULL THEN
            RETURN NEXT;
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION k2.recall_of_loan(text, text) IS
'Recalls the outgoing payment requests of a loan that are alive (reason 07); returns those that could not be recalled, and why.';

-- Services.

CREATE FUNCTION k2.exclude_on_fault(payload jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE
        WHEN jsonb_typeof($1) = 'object' AND char_length($1 ->> 'iin') <> 12
            THEN k2.refusal(503, 'Длина ИИН должна составлять 12 символов')
        WHEN k2.missing_text($1, '{iin,dbz_num}') IS NOT NULL THEN k2.missing_text($1, '{iin,dbz_num}')
        WHEN $1 ->> 'iin' !~ '^[0-9]{12}$' THEN k2.refusal(422, 'Поле iin: ИИН должен состоять из цифр')
        WHEN char_length($1 ->> 'dbz_num') > 255 THEN k2.refusal(422, 'Поле dbz_num: не более 255 символов')
        WHEN $1 ->> 'return_extreq' IS NULL THEN k2.refusal(422, 'Не заполнено поле return_extreq')
        WHEN $1 ->> 'return_extreq' NOT IN ('true', 'false')
            THEN k2.refusal(422, 'Поле return_extreq: ожидается true или false')
        WHEN k2.missing_text($1, '{fio}') IS NOT NULL THEN k2.missing_text($1, '{fio}')
        WHEN jsonb_typeof($1 -> 'title') NOT IN ('string', 'null') THEN k2.refusal(422, 'Поле title: ожидается строка')
        WHEN char_length($1 ->> 'title') > 500 THEN k2.refusal(422, 'Поле title: не более 500 символов')
        WHEN current_setting('k2bridge.check_iin')::boolean AND NOT k2.iin_valid($1 ->> 'iin')
            THEN k2.refusal(422, 'Поле iin: неверный контрольный разряд ИИН')
    END
$$;
COMMENT ON FUNCTION k2.exclude_on_fault(jsonb) IS 'The refusal of a faulty k2loan_exclude_on_by_iin_dbznum payload, null when there is no fault.';

CREATE FUNCTION k2.k2loan_exclude_on_by_iin_dbznum_as_owner(payload jsonb) RETURNS jsonb
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    fault jsonb := k2.exclude_on_fault(payload);
    remaining text;
BEGIN
    IF fault IS NOT NULL THEN
        RETURN fault;
    END IF;
    INSERT INTO k2.loan_exclude AS e (iin, dbz_num, is_on, fio, title, return_extreq)
    VALUES (payload ->> 'iin', payload ->> 'dbz_num', true, payload ->> 'fio', nullif(payload ->> 'title', ''),
            (payload ->> 'return_extreq')::boolean)
        ON CONFLICT (iin, dbz_num) DO UPDATE
           SET is_on = true, fio = excluded.fio, title = excluded.title, return_extreq = excluded.return_extreq;
    IF (payload ->> 'return_extreq')::boolean THEN
        -- The trigger has recalled what can be recalled; this names the rest.
        SELECT string_agg(format('%s (%s)', r.code, r.problem), ', ' ORDER BY r.code)
          INTO remaining FROM k2.recall_of_loan(payload ->> 'iin', payload ->> 'dbz_num') r;
    END IF;
    IF remaining IS NOT NULL THEN
        RETURN k2.refusal(409, 'Запрет включен, но не отозваны платежные требования: ' || remaining);
    END IF;
    RETURN k2.success();
END
$$;
COMMENT ON FUNCTION k2.k2loan_exclude_on_by_iin_dbznum_as_owner(jsonb) IS 'Behind the door k2.k2loan_exclude_on_by_iin_dbznum.';
CREATE FUNCTION k2.k2loan_exclude_on_by_iin_dbznum(payload jsonb) RETURNS jsonb
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2.k2loan_exclude_on_by_iin_dbznum(jsonb) IS
'Service I8: bans a loan; with return_extreq recalls its outgoing payment requests. The ban holds in any case; what could not be recalled is answered 409. Payload: {"iin", "dbz_num", "return_extreq", "fio", "title"}, title may be left out.';

CREATE FUNCTION k2.k2loan_exclude_off_by_iin_dbznum_as_owner(payload jsonb) RETURNS jsonb
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    fault jsonb := k2.missing_text(payload, '{iin,dbz_num}');
BEGIN
    IF fault IS NOT NULL THEN
        RETURN fault;
    END IF;
    UPDATE k2.loan_exclude e SET is_on = false
     WHERE e.iin = payload ->> 'iin' AND e.dbz_num = payload ->> 'dbz_num' AND e.is_on;
    RETURN CASE WHEN FOUND THEN k2.success() ELSE k2.refusal(404, 'Не найдены исключения по заданным критериям') END;
END
$$;
COMMENT ON FUNCTION k2.k2loan_exclude_off_by_iin_dbznum_as_owner(jsonb) IS 'Behind the door k2.k2loan_exclude_off_by_iin_dbznum.';
CREATE FUNCTION k2.k2loan_exclude_off_by_iin_dbznum(payload jsonb) RETURNS jsonb
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2.k2loan_exclude_off_by_iin_dbznum(jsonb) IS
'Service I9: lifts the ban on a loan; 404 when none is on. It revives no payment request. Payload: {"iin", "dbz_num"}.';

-- Triggers.

CREATE FUNCTION k2.loan_exclude_changed() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    author text := CASE WHEN k2bridge.client() IS NULL THEN k2bridge.caller()::text ELSE 'system user' END;
    moved boolean := TG_OP = 'UPDATE' AND (OLD.iin, OLD.dbz_num) IS DISTINCT FROM (NEW.iin, NEW.dbz_num);
    request record;
BEGIN
    IF TG_OP <> 'INSERT' AND OLD.is_on AND (TG_OP = 'DELETE' OR moved OR NOT NEW.is_on) THEN
        PERFORM k2.changing_exclusions(OLD.iin, OLD.fio);
        INSERT INTO k2.loan_exclude_hist (iin, dbz_num, code, author, title)
        VALUES (OLD.iin, OLD.dbz_num, 'TURN_OFF', author, CASE WHEN TG_OP = 'UPDATE' THEN NEW.title ELSE OLD.title END);
    END IF;
    IF TG_OP <> 'DELETE' AND NEW.is_on AND NEW.return_extreq THEN
        -- Before the client, in the order in which a recall by itself locks.
        PERFORM FROM k2.extreq r JOIN k2.loan l ON l.id = r.loan_id JOIN k2.extreq_stat s ON s.id = r.stat_id
          WHERE l.iinbin = NEW.iin AND l.dbz_contract_number = NEW.dbz_num AND s.actual
          ORDER BY r.code FOR NO KEY UPDATE OF r;
    END IF;
    IF TG_OP <> 'DELETE' AND NEW.is_on AND (TG_OP = 'INSERT' OR moved OR NOT OLD.is_on) THEN
        PERFORM k2.changing_exclusions(NEW.iin, NEW.fio);
        INSERT INTO k2.loan_exclude_hist (iin, dbz_num, code, author, title)
        VALUES (NEW.iin, NEW.dbz_num, 'TURN_ON', author, NEW.title);
    END IF;
    IF TG_OP <> 'DELETE' AND NEW.is_on AND NEW.return_extreq THEN
        FOR request IN SELECT r.code, r.problem FROM k2.recall_of_loan(NEW.iin, NEW.dbz_num) r LOOP
            RAISE NOTICE 'payment request "%" was not recalled: %', request.code, request.problem;
        END LOOP;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION k2.loan_exclude_changed() IS
'Trigger: history of a ban on a loan; with return_extreq the recall of the loan''s payment requests.';

CREATE FUNCTION k2.exclusion_changed() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.iin <> NEW.iin THEN
        PERFORM k2.changing_exclusions(OLD.iin, NULL);
    END IF;
    PERFORM k2.changing_exclusions(NEW.iin, NULL);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION k2.exclusion_changed() IS 'Trigger: a change of the general list waits for payment requests under way, and they for it.';

CREATE FUNCTION k2.exclusion_refuse_delete() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'rows of k2.exclusion are switched off, not deleted'
        USING ERRCODE = 'object_not_in_prerequisite_state',
              HINT = 'UPDATE k2.exclusion SET is_active = false WHERE id = ...;';
END
$$;
COMMENT ON FUNCTION k2.exclusion_refuse_delete() IS
'Trigger: refuses DELETE and TRUNCATE of the general list, since the bank replaces its list by ours.';
-- Refused items of batches, run again once their cause is mended.

CREATE FUNCTION k2bridge.replay_as_owner(id bigint) RETURNS jsonb
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    refused record;
    before bigint;
    reply jsonb;
BEGIN
    SELECT r.service, r.item, r.settled_at INTO refused FROM k2bridge.rejected_item r WHERE r.id = $1 FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'rejected item % does not exist', $1 USING ERRCODE = 'no_data_found';
    ELSIF refused.settled_at IS NOT NULL THEN
        RAISE EXCEPTION 'rejected item % was settled at %', $1, refused.settled_at
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    SELECT coalesce(max(r.id), 0) INTO before FROM k2bridge.rejected_item r;
    EXECUTE format('SELECT k2.%I($1)', refused.service) INTO reply USING jsonb_build_array(refused.item);
    IF reply -> 'error_code' = '0' THEN
        UPDATE k2bridge.rejected_item r SET settled_at = clock_timestamp() WHERE r.id = $1;
    ELSE
        -- The service kept the item once more; what it says now belongs to the row that is there already.
        DELETE FROM k2bridge.rejected_item r
         WHERE r.id > before AND r.service = refused.service AND r.item = refused.item
           AND r.correlation = k2bridge.correlation();
        UPDATE k2bridge.rejected_item r
           SET error_code = (coalesce(reply #> '{errors,0}', reply) ->> 'error_code')::integer,
               error_text = coalesce(reply #> '{errors,0}', reply) ->> 'error_text'
         WHERE r.id = $1;
    END IF;
    PERFORM k2bridge.record_audit('k2bridge.rejected_item', $1::text, 'replay', refused.item, reply, NULL);
    RETURN reply;
END
$$;
COMMENT ON FUNCTION k2bridge.replay_as_owner(bigint) IS 'Behind the door k2bridge.replay.';

CREATE FUNCTION k2bridge.replay(id bigint) RETURNS jsonb
    LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2bridge.replay(bigint) IS
'Runs a refused item of a batch again, by its service. Success settles it; otherwise it keeps the new code and text. Returns the reply.';
-- Incoming ПТ: the rules of k2.req, its events, and what the handlers of O5, O6, O7 report.
--
-- Statuses only move forward. new → registered → accepted → in_card_index → executed, skipping allowed; recalling and
-- returning remember the former status and end in recalled and returned, or go back to it when the bank refuses.

CREATE FUNCTION k2.changed_columns(old jsonb, new jsonb, ignored text[]) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT string_agg(n.key, ', ' ORDER BY n.key)
      FROM jsonb_each($2) n
     WHERE n.key <> ALL ($3) AND n.value IS DISTINCT FROM $1 -> n.key
$$;
COMMENT ON FUNCTION k2.changed_columns(jsonb, jsonb, text[]) IS
'Names of the columns in which two versions of a row differ, null when they do not; ignored ones do not count.';

CREATE FUNCTION k2.event_source() RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(k2bridge.client(), k2bridge.caller())::text
$$;
COMMENT ON FUNCTION k2.event_source() IS 'Who made an event: the API client, or the role that acts.';

CREATE FUNCTION k2.acting_user() RETURNS name
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN k2bridge.client() IS NULL THEN k2bridge.caller() ELSE 'system' END
$$;
COMMENT ON FUNCTION k2.acting_user() IS 'Login (k2.app_user) for created_by and updated_by: the role that acts; over HTTP the system user.';

CREATE FUNCTION k2.may_backdate() RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT pg_has_role(k2bridge.caller(), current_user, 'MEMBER')
$$;
COMMENT ON FUNCTION k2.may_backdate() IS
'Whether who acts may write created_by and the like himself (loading history): only who can be the owner of the tables. For triggers.';

CREATE FUNCTION k2.req_rank(status text) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT array_position('{new,registered,accepted,in_card_index,executed}', $1)
$$;
COMMENT ON FUNCTION k2.req_rank(text) IS 'How far a status of an incoming ПТ is on the way to execution; null off that way.';

CREATE FUNCTION k2.req_may_move(status text, wanted text, former_status text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(CASE
        WHEN $1 IN ('recalling', 'returning')
            THEN $2 IN ('executed', 'returned') OR $2 = $3 OR ($1 = 'recalling' AND $2 = 'recalled')
        WHEN $1 IN ('new', 'registered', 'accepted', 'in_card_index')
            THEN k2.req_rank($2) > k2.req_rank($1) OR $2 IN ('recalling', 'returning', 'returned')
                 OR ($1 = 'new' AND $2 = 'refused')
        WHEN $1 = 'refused' THEN $2 IN ('registered', 'executed')
    END, false)
$$;
COMMENT ON FUNCTION k2.req_may_move(text, text, text) IS 'Whether an incoming ПТ may go from one status to another.';

CREATE FUNCTION k2.req_event_kind(status text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE $1 WHEN 'accepted' THEN 'PC1' WHEN 'in_card_index' THEN 'PC3' ELSE upper($1) END
$$;
COMMENT ON FUNCTION k2.req_event_kind(text) IS 'Kind of the event that a status leaves behind.';

CREATE FUNCTION k2.req_move_check(refer text, status text, wanted text, former_status text, reason_code text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT k2.req_may_move(status, wanted, former_status) THEN
        RAISE EXCEPTION 'payment request "%" cannot go from % to %', refer, status, wanted USING ERRCODE = '55000';
    ELSIF wanted IN ('recalling', 'returning') AND reason_code IS NULL THEN
        RAISE EXCEPTION 'payment request "%" needs a reason_code to be recalled or returned', refer
            USING ERRCODE = '23502', HINT = 'SELECT * FROM k2.return_reason lists the reasons.';
    END IF;
END
$$;
COMMENT ON FUNCTION k2.req_move_check(text, text, text, text, text) IS 'Raises when an incoming ПТ may not change its status so.';

CREATE FUNCTION k2.req_rules() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    actor name := k2.acting_user();
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := CASE WHEN k2.may_backdate() THEN coalesce(NEW.created_by, actor) ELSE actor END;
        NEW.updated_by := CASE WHEN k2.may_backdate() THEN coalesce(NEW.updated_by, NEW.created_by) ELSE actor END;
        NEW.former_status := CASE WHEN NEW.status IN ('recalling', 'returning')
                                  THEN coalesce(NEW.former_status, 'registered') END;
        RETURN NEW;
    END IF;
    IF NEW.refer <> OLD.refer THEN
        RAISE EXCEPTION 'the reference of payment request "%" cannot change', OLD.refer USING ERRCODE = '55000';
    END IF;
    IF NEW.status <> OLD.status THEN
        PERFORM k2.req_move_check(NEW.refer, OLD.status, NEW.status, OLD.former_status, NEW.reason_code);
        NEW.former_status := CASE WHEN NEW.status IN ('recalling', 'returning') THEN OLD.status END;
        NEW.reason_code := CASE WHEN NEW.status IN ('recalling', 'recalled', 'returning', 'returned') THEN NEW.reason_code END;
        NEW.note := nullif(NEW.note, OLD.note);
    END IF;
    NEW.updated_at := clock_timestamp();
    NEW.updated_by := actor;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION k2.req_rules() IS 'Row trigger of k2.req: who and when, and which status may follow which.';

CREATE FUNCTION k2.req_record_insert() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO k2.req_event (refer, kind, reason_code, source, correlation, note)
    SELECT n.refer, k2.req_event_kind(n.status), n.reason_code, k2.event_source(), k2bridge.correlation(), n.note
      FROM new_rows n ORDER BY n.refer;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION k2.req_record_insert() IS 'Statement trigger of k2.req: the first event of every new ПТ.';

-- The plan of a join of transition tables is kept from its first call, when they may hold one row; a nested loop would
-- be quadratic later. JIT is off, since a forbidden nested loop that cannot be avoided costs so much that it would be
-- compiled.
CREATE FUNCTION k2.req_record_update() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_nestloop = off SET jit = off AS $$
BEGIN
    INSERT INTO k2.req_event (refer, kind, reason_code, source, correlation, note)
    SELECT n.refer, e.kind, e.reason_code, k2.event_source(), k2bridge.correlation(), e.note
      FROM new_rows n
      JOIN old_rows o USING (refer)
     CROSS JOIN LATERAL (
        SELECT 1, CASE WHEN n.status <> o.former_status OR o.former_status IS NULL THEN k2.req_event_kind(n.status)
                       WHEN o.status = 'recalling' THEN 'RECALL_REFUSED'
                       ELSE 'RETURN_REFUSED' END, n.reason_code, n.note
         WHERE n.status <> o.status
        UNION ALL
        SELECT 2, k2.req_event_kind(n.former_status), NULL, n.note
         WHERE n.status = o.status AND n.former_status <> o.former_status
        UNION ALL
        SELECT 3, 'CHANGED', NULL, c.columns
          FROM k2.changed_columns(to_jsonb(o), to_jsonb(n),
                   '{status,former_status,reason_code,note,updated_at,updated_by}') AS c (columns)
         WHERE c.columns IS NOT NULL) AS e (position, kind, reason_code, note)
     ORDER BY n.refer, e.position;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION k2.req_record_update() IS 'Statement trigger of k2.req: one event per change.';

CREATE FUNCTION k2.req_record_once(refer text, kind text, note text) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO k2.req_event (refer, kind, source, correlation, note)
    SELECT $1, $2, k2.event_source(), k2bridge.correlation(), $3
     WHERE NOT EXISTS (SELECT FROM k2.req_event e WHERE e.refer = $1 AND e.kind = $2)
$$;
COMMENT ON FUNCTION k2.req_record_once(text, text, text) IS
'Keeps something that came too late to change the status of an incoming ПТ, unless an event of the kind is there already.';

-- What the handlers of O5, O6 and O7 report. They may do so twice, and after an inbound status went past them.

CREATE FUNCTION k2.req_registered(refer text, ok boolean, error_text text DEFAULT NULL) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    reached text := CASE WHEN ok THEN 'registered' ELSE 'refused' END;
    current record;
BEGIN
    SELECT r.status, r.former_status INTO current FROM k2.req r WHERE r.refer = $1 FOR NO KEY UPDATE;
    IF current.status = 'new' OR (current.status = 'refused' AND ok) THEN
        UPDATE k2.req r SET status = reached, note = error_text WHERE r.refer = $1;
    ELSIF current.former_status = 'new' OR (current.former_status = 'refused' AND ok) THEN
        UPDATE k2.req r SET former_status = reached, note = error_text WHERE r.refer = $1;
    END IF;
END
$$;
COMMENT ON FUNCTION k2.req_registered(text, boolean, text) IS
'O5 ended: the ПТ is registered, or refused with the bank''s text. Without effect once it is further.';

CREATE FUNCTION k2.req_left(refer text, leaving text, ok boolean, error_text text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    gone text := CASE leaving WHEN 'recalling' THEN 'recalled' ELSE 'returned' END;
    current record;
BEGIN
    SELECT r.status, r.former_status INTO current FROM k2.req r WHERE r.refer = $1 FOR NO KEY UPDATE;
    IF current.status = leaving THEN
        UPDATE k2.req r SET status = CASE WHEN ok THEN gone ELSE r.former_status END, note = error_text
         WHERE r.refer = $1;
    ELSIF ok AND current.status <> gone THEN
        PERFORM k2.req_record_once($1, upper(gone), 'without effect, the request is ' || current.status);
    END IF;
END
$$;
COMMENT ON FUNCTION k2.req_left(text, text, boolean, text) IS 'Behind k2.req_recalled and k2.req_returned.';

CREATE FUNCTION k2.req_recalled(refer text, ok boolean, error_text text DEFAULT NULL) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$ SELECT k2.req_left($1, 'recalling', $2, $3) $$;
COMMENT ON FUNCTION k2.req_recalled(text, boolean, text) IS
'O6 ended, or was cancelled together with the registration (ok): the ПТ is recalled, or its former status is back.';

CREATE FUNCTION k2.req_returned(refer text, ok boolean, error_text text DEFAULT NULL) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$ SELECT k2.req_left($1, 'returning', $2, $3) $$;
COMMENT ON FUNCTION k2.req_returned(text, boolean, text) IS
'O7 ended: the ПТ is returned, or its former status is back.';
-- Services I5 and I6, recall and return of incoming ПТ by a person.
--
-- I5 and I6 look among incoming ПТ first, then among outgoing ones (wire document, A7). Whatever they report about an
-- incoming ПТ proves that the bank has it, so an uncertain registration is settled by them.

CREATE FUNCTION k2.req_title(status text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE $1 WHEN 'executed' THEN 'уже исполнено' WHEN 'refused' THEN 'не принято банком'
                   WHEN 'recalled' THEN 'уже отозвано' WHEN 'returned' THEN 'уже возвращено' END
$$;
COMMENT ON FUNCTION k2.req_title(text) IS 'A terminal status of an incoming ПТ, as refusals of services name it; null for the others.';

CREATE FUNCTION k2.settle_req(refer text, endpoints text[], service text, payload jsonb) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT k2bridge.settle_uncertain_subject('req:' || $1, e.endpoint,
                                             jsonb_build_object('service', $3, 'payload', $4))
      FROM unnest($2) WITH ORDINALITY AS e (endpoint, position) ORDER BY e.position
$$;
COMMENT ON FUNCTION k2.settle_req(text, text[], text, jsonb) IS
'Settles uncertain calls about an incoming ПТ with an inbound payload as evidence.';

CREATE FUNCTION k2.req_take_status(refer text, wanted text) RETURNS jsonb
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    current record;
BEGIN
    SELECT r.status, r.former_status INTO current FROM k2.req r WHERE r.refer = $1 FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    ELSIF wanted = 'executed' AND current.status IN ('recalled', 'returned') THEN
        PERFORM k2.req_record_once($1, 'EXECUTED', 'without effect, the request is ' || current.status);
    ELSIF current.status <> wanted AND k2.req_may_move(current.status, wanted, NULL) THEN
        UPDATE k2.req r SET status = wanted WHERE r.refer = $1;
    ELSIF k2.req_rank(wanted) > k2.req_rank(current.former_status) THEN
        UPDATE k2.req r SET former_status = wanted WHERE r.refer = $1;
    ELSIF current.status <> wanted AND k2.req_title(current.status) IS NOT NULL THEN
        RETURN k2.refusal(409, format('Платежное требование %s %s', $1, k2.req_title(current.status)));
    END IF;
    RETURN k2.success();
END
$$;
COMMENT ON FUNCTION k2.req_take_status(text, text) IS
'I5 for an incoming ПТ: the reply, null when there is no such ПТ. Repeats and late arrivals are harmless.';

CREATE FUNCTION k2.req_take_return(refer text, reason_code text) RETURNS jsonb
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    current text;
BEGIN
    SELECT r.status INTO current FROM k2.req r WHERE r.refer = $1 FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    ELSIF current = 'returned' THEN
        RETURN k2.success();
    ELSIF k2.req_title(current) IS NOT NULL THEN
        RETURN k2.refusal(409, format('Платежное требование %s %s', $1, k2.req_title(current)));
    END IF;
    UPDATE k2.req r SET status = 'returned', reason_code = $2 WHERE r.refer = $1;
    RETURN k2.success();
END
$$;
COMMENT ON FUNCTION k2.req_take_return(text, text) IS 'I6 for an incoming ПТ: the reply, null when there is no such ПТ.';

CREATE FUNCTION k2.k2req_status_from_eko(payload jsonb) RETURNS jsonb
    LANGUAGE c AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2.k2req_status_from_eko(jsonb) IS
'Service I5: status of an incoming ПТ (PC1, PC3, EXECUTED). Payload: {"reference": …, "status_code": …}.';

CREATE FUNCTION k2.k2req_status_from_eko_as_owner(payload jsonb) RETURNS jsonb
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    answer jsonb := k2.missing_text(payload, '{reference,status_code}');
    refer text := payload ->> 'reference';
    wanted text := CASE payload ->> 'status_code' WHEN 'PC1' THEN 'accepted' WHEN 'PC3' THEN 'in_card_index'
                                                  WHEN 'EXECUTED' THEN 'executed' END;
BEGIN
    IF answer IS NOT NULL THEN
        RETURN answer;
    ELSIF wanted IS NULL THEN
        RETURN k2.refusal(422, format('Неверное значение поля status_code: %s', payload ->> 'status_code'));
    END IF;
    answer := k2.req_take_status(refer, wanted);
    IF answer = k2.success() THEN
        PERFORM k2.settle_req(refer, CASE wanted WHEN 'executed' THEN '{abs.reg_pt,abs.refuse_pt,abs.return_pt}'
                                                 ELSE '{abs.reg_pt}' END::text[], 'k2req_status_from_eko', payload);
    END IF;
    RETURN coalesce(answer, k2.extreq_take_status(refer, payload ->> 'status_code'), k2.unknown_request(refer));
END
$$;
COMMENT ON FUNCTION k2.k2req_status_from_eko_as_owner(jsonb) IS 'Behind k2.k2req_status_from_eko.';

CREATE FUNCTION k2.k2req_return_from_eko(payload jsonb) RETURNS jsonb
    LANGUAGE c AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2.k2req_return_from_eko(jsonb) IS
'Service I6: return of an incoming ПТ by the bank. Payload: {"reference": …, "reason_code": …}.';

CREATE FUNCTION k2.k2req_return_from_eko_as_owner(payload jsonb) RETURNS jsonb
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    answer jsonb := k2.missing_text(payload, '{reference,reason_code}');
    refer text := payload ->> 'reference';
    reason text := payload ->> 'reason_code';
BEGIN
    IF answer IS NOT NULL THEN
        RETURN answer;
    ELSIF NOT EXISTS (SELECT FROM k2.return_reason r WHERE r.code = reason) THEN
        RETURN k2.refusal(422, format('Неверное значение поля reason_code: %s', reason));
    END IF;
    answer := k2.req_take_return(refer, reason);
    IF answer = k2.success() THEN
        PERFORM k2.settle_req(refer, '{abs.reg_pt,abs.refuse_pt,abs.return_pt}', 'k2req_return_from_eko', payload);
    END IF;
    RETURN coalesce(answer, k2.extreq_take_return(refer, reason), k2.unknown_request(refer));
END
$$;
COMMENT ON FUNCTION k2.k2req_return_from_eko_as_owner(jsonb) IS 'Behind k2.k2req_return_from_eko.';

CREATE FUNCTION k2.k2req_refuse_from_eko(payload jsonb) RETURNS jsonb
    LANGUAGE c AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2.k2req_refuse_from_eko(jsonb) IS 'Former name of service I6, k2.k2req_return_from_eko.';

CREATE FUNCTION k2.k2req_refuse_from_eko_as_owner(payload jsonb) RETURNS jsonb
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$ SELECT k2.k2req_return_from_eko_as_owner($1) $$;
COMMENT ON FUNCTION k2.k2req_refuse_from_eko_as_owner(jsonb) IS 'Behind k2.k2req_refuse_from_eko.';

CREATE FUNCTION k2.unknown_request(refer text) RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT k2.refusal(404, format('Платежное требование %s не найдено', $1))
$$;
COMMENT ON FUNCTION k2.unknown_request(text) IS 'The refusal that names an unknown reference.';

CREATE FUNCTION k2.check_reason(reason_code text) RETURNS void
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF reason_code IS NULL OR NOT EXISTS (SELECT FROM k2.return_reason r WHERE r.code = $1) THEN
        RAISE EXCEPTION 'reason_code "%" does not exist', coalesce(reason_code, '')
            USING ERRCODE = '22023', HINT = 'SELECT * FROM k2.return_reason lists the reasons.';
    END IF;
END
$$;
COMMENT ON FUNCTION k2.check_reason(text) IS 'Raises when a reason of recall or return is not in k2.return_reason.';

CREATE FUNCTION k2.leave_req(refer text, wanted text, reason_code text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    former text;
BEGIN
    PERFORM k2.check_reason(reason_code);
    SELECT r.status INTO former FROM k2.req r WHERE r.refer = $1 FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'payment request "%" does not exist', refer USING ERRCODE = 'no_data_found';
    ELSIF former = wanted THEN
        RETURN;
    END IF;
    UPDATE k2.req r SET status = wanted, reason_code = $3 WHERE r.refer = $1;
    PERFORM k2bridge.record_audit('k2.req', refer, wanted, jsonb_build_object('status', former),
                                  jsonb_build_object('status', wanted, 'reason_code', reason_code), NULL);
END
$$;
COMMENT ON FUNCTION k2.leave_req(text, text, text) IS 'Behind k2.recall_req and k2.return_req; asking again while the bank is being asked changes nothing.';

CREATE FUNCTION k2.recall_req(refer text, reason_code text) RETURNS void
    LANGUAGE c AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2.recall_req(text, text) IS
'Recalls an incoming ПТ that its creditor withdrew: status recalling, the bank is asked (O6) and its reply makes it recalled or puts the former status back.';

CREATE FUNCTION k2.recall_req_as_owner(refer text, reason_code text) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$ SELECT k2.leave_req($1, 'recalling', $2) $$;
COMMENT ON FUNCTION k2.recall_req_as_owner(text, text) IS 'Behind k2.recall_req.';

CREATE FUNCTION k2.return_req(refer text, reason_code text) RETURNS void
    LANGUAGE c AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2.return_req(text, text) IS
'Returns an incoming ПТ to its creditor: status returning, the bank is asked (O7) and its reply makes it returned or puts the former status back.';

CREATE FUNCTION k2.return_req_as_owner(refer text, reason_code text) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$ SELECT k2.leave_req($1, 'returning', $2) $$;
COMMENT ON FUNCTION k2.return_req_as_owner(text, text) IS 'Behind k2.return_req.';
-- RZAP and files: service I7 and the function that attaches a scan to a line of an RZAP (wire document, I7, D23).

CREATE TYPE k2.file_row AS (
    id         bigint,
    code       text,
    name       text,
    mime       text,
    content    bytea,
    created_at timestamptz
);
COMMENT ON TYPE k2.file_row IS 'A file as functions return it: the columns of k2.file.';

CREATE FUNCTION k2.mime_of(content bytea) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN substr($1, 1, 4) = '\x25504446' THEN 'application/pdf'
                WHEN substr($1, 1, 4) IN ('\x49492a00', '\x4d4d002a') THEN 'image/tiff'
                ELSE 'application/octet-stream' END
$$;
COMMENT ON FUNCTION k2.mime_of(bytea) IS 'Content-Type of a scan by its first bytes: PDF, TIFF or unknown.';

CREATE FUNCTION k2.public_url() RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT rtrim(coalesce(nullif(current_setting('k2bridge.public_url'), ''),
                          'http://127.0.0.1' || coalesce(':' || nullif(current_setting('k2bridge.listen_port'), '0'), '')), '/')
$$;
COMMENT ON FUNCTION k2.public_url() IS
'Start of the file addresses given to others: k2bridge.public_url, or this machine and the port of the listener.';

CREATE FUNCTION k2.file_url(code text) RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT k2.public_url() || '/restapi/getfile?code=' || $1 || '&attachment=true'
$$;
COMMENT ON FUNCTION k2.file_url(text) IS 'Address under which a file is downloaded.';

CREATE FUNCTION k2.k2inforeq_rzap_by_refer(payload jsonb) RETURNS jsonb
    LANGUAGE c AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2.k2inforeq_rzap_by_refer(jsonb) IS
'Service I7: the lines of an RZAP and, where they arrived, the scans. Payload: {"refer": …}.';

CREATE FUNCTION k2.k2inforeq_rzap_by_refer_as_owner(payload jsonb) RETURNS jsonb
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    problem jsonb := k2.missing_text(payload, '{refer}');
    wanted text := payload ->> 'refer';
BEGIN
    IF problem IS NOT NULL THEN
        RETURN problem;
    END IF;
    IF NOT EXISTS (SELECT FROM k2.rzap r WHERE r.refer = wanted) THEN
        RETURN k2.refusal(404, format('RZAP %s не найден', wanted));
    END IF;
    RETURN k2.success() || jsonb_build_object('items', coalesce(
        (SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
                    'dbz_dt', to_char(i.dbz_dt, 'YYYY-MM-DD HH24:MI:SS'),
                    'dbz_num', i.dbz_num,
                    'iin', i.iin,
                    'file_id', f.id::text,
                    'url', k2.file_url(f.code))) ORDER BY i.id)
           FROM k2.rzap_item i LEFT JOIN k2.file f ON f.id = i.file_id
          WHERE i.refer = wanted), '[]'));
END
$$;
COMMENT ON FUNCTION k2.k2inforeq_rzap_by_refer_as_owner(jsonb) IS 'Behind k2.k2inforeq_rzap_by_refer.';

CREATE FUNCTION k2.attach_file(refer text, iin text, dbz_num text, name text, mime text, content bytea,
                               dbz_dt date DEFAULT NULL) RETURNS k2.file_row
    LANGUAGE c AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2.attach_file(text, text, text, text, text, bytea, date) IS
'Stores a scan and attaches it to the line of an RZAP; a later scan of the same line takes its place. A null mime is found from the bytes.';

CREATE FUNCTION k2.attach_file_as_owner(refer text, iin text, dbz_num text, name text, mime text, content bytea, dbz_dt date)
    RETURNS k2.file_row
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    lines bigint[];
    stored k2.file_row;
BEGIN
    IF content IS NULL OR coalesce(name, '') = '' THEN
        RAISE EXCEPTION 'name and content of a file must be given' USING ERRCODE = '22023';
    END IF;
    SELECT array_agg(i.id) INTO lines
      FROM k2.rzap_item i
     WHERE i.refer = $1 AND i.iin = $2 AND i.dbz_num = $3 AND ($7 IS NULL OR i.dbz_dt = $7);
    IF lines IS NULL THEN
        RAISE EXCEPTION 'RZAP "%" has no line for IIN % and contract "%"', $1, $2, $3
            USING ERRCODE = 'no_data_found', HINT = 'The lines are in k2.rzap_item.';
    ELSIF cardinality(lines) > 1 THEN
        RAISE EXCEPTION 'RZAP "%" has % lines for IIN % and contract "%"', $1, cardinality(lines), $2, $3
            USING ERRCODE = 'cardinality_violation', HINT = 'Name the date of the contract as dbz_dt.';
    END IF;
    INSERT INTO k2.file (name, mime, content) VALUES ($4, coalesce($5, k2.mime_of($6)), $6)
        RETURNING id, code, name, mime, content, created_at INTO stored;
    UPDATE k2.rzap_item i SET file_id = stored.id WHERE i.id = lines[1];
    RETURN stored;
END
$$;
COMMENT ON FUNCTION k2.attach_file_as_owner(text, text, text, text, text, bytea, date) IS 'Behind k2.attach_file.';
-- API clients of the listener, and the files it serves.

CREATE FUNCTION k2bridge.random_token() RETURNS text
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_random_token';
COMMENT ON FUNCTION k2bridge.random_token() IS '256 random bits as hexadecimal digits.';

CREATE FUNCTION k2bridge.add_api_client_as_owner(name text, role name, services text[], allowed_from cidr[]) RETURNS text
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted_role pg_roles;
    unknown text;
    token text := k2bridge.random_token();
BEGIN
    IF coalesce(name, '') = '' OR position(':' in name) > 0 OR octet_length(name) > 63 THEN
        RAISE EXCEPTION 'invalid name of an API client' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'It is the login of basic authentication: at most 63 bytes, without a colon.';
    END IF;
    SELECT * INTO wanted_role FROM pg_roles r WHERE r.rolname = role;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'role "%" does not exist', role USING ERRCODE = 'undefined_object';
    ELSIF wanted_role.rolsuper THEN
        RAISE EXCEPTION 'role "%" of an API client must not be a superuser', role USING ERRCODE = 'invalid_parameter_value',
            HINT = format('Create a role for it and run: SELECT k2bridge.grant_access(%L, ''service'');', name);
    ELSIF NOT pg_has_role(k2bridge.caller(), wanted_role.oid, 'MEMBER') THEN
        RAISE EXCEPTION 'role "%" is not a member of role "%"', k2bridge.caller(), role USING ERRCODE = 'insufficient_privilege';
    END IF;
    SELECT s.name INTO unknown FROM unnest(services) s (name)
     WHERE NOT EXISTS (SELECT FROM k2bridge.service k WHERE k.name = s.name) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'service "%" does not exist', unknown USING ERRCODE = 'undefined_object',
            HINT = 'The services are in k2bridge.service.';
    END IF;
    INSERT INTO k2bridge.api_client (name, role, services, allowed_from, secret_hash)
    VALUES ($1, $2, $3, $4, sha256(convert_to(token, 'UTF8')));
    PERFORM k2bridge.record_audit('k2bridge.api_client', $1, 'add', NULL,
        jsonb_build_object('role', $2, 'services', to_jsonb($3), 'allowed_from', to_jsonb($4::text[])), NULL);
    RETURN token;
END
$$;
COMMENT ON FUNCTION k2bridge.add_api_client_as_owner(text, name, text[], cidr[]) IS 'Behind the door k2bridge.add_api_client.';

CREATE FUNCTION k2bridge.add_api_client(name text, role name, services text[] DEFAULT NULL, allowed_from cidr[] DEFAULT NULL)
    RETURNS text
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2bridge.add_api_client(text, name, text[], cidr[]) IS
'Lets a client call services over HTTP (null: all, from anywhere) as a role that the caller is a member of. Returns its token, which is shown this once.';

CREATE TYPE k2.file_head_row AS (
    id         bigint,
    code       text,
    name       text,
    mime       text,
    size       bigint,
    created_at timestamptz
);
COMMENT ON TYPE k2.file_head_row IS 'A file without its content.';

CREATE FUNCTION k2.get_file_as_owner(code text) RETURNS k2.file_head_row
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT ROW(f.id, f.code, f.name, f.mime, octet_length(f.content), f.created_at)::k2.file_head_row
      FROM k2.file f WHERE f.code = $1
$$;
COMMENT ON FUNCTION k2.get_file_as_owner(text) IS 'Behind the door k2.get_file.';

CREATE FUNCTION k2.get_file(code text) RETURNS k2.file_head_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2.get_file(text) IS 'What is known of a file besides its content; null when there is none of that code.';

CREATE FUNCTION k2.read_file_as_owner(id bigint, start bigint, size integer) RETURNS bytea
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT substring(f.content FROM $2::integer + 1 FOR $3) FROM k2.file f WHERE f.id = $1
$$;
COMMENT ON FUNCTION k2.read_file_as_owner(bigint, bigint, integer) IS 'Behind the door k2.read_file.';

CREATE FUNCTION k2.read_file(id bigint, start bigint, size integer) RETURNS bytea
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2.read_file(bigint, bigint, integer) IS 'A piece of a file, from a position counted from 0.';
-- Metrics in Prometheus' text format, as views of the counters in shared memory and of the small tables. No history is read.

CREATE FUNCTION k2bridge.counters(OUT kind text, OUT name text, OUT code text, OUT value bigint, OUT minute timestamptz)
    RETURNS SETOF record
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_counters';
COMMENT ON FUNCTION k2bridge.counters() IS
'What the processes of this database counted since the server started: request (service, HTTP status), answer (service, error_code), duration (service, bucket in seconds or us), inbound (per minute of the last hour), call (endpoint, outcome), lost.';

CREATE FUNCTION k2bridge.metric_families(OUT nr integer, OUT family text, OUT type text, OUT help text) RETURNS SETOF record
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    VALUES
    (1, 'k2bridge_info', 'gauge', 'Version of the extension; always 1.'),
    (2, 'k2bridge_http_requests_total', 'counter', 'HTTP requests answered, by service or path and HTTP status; (none): no such thing.'),
    (3, 'k2bridge_service_answers_total', 'counter', 'Business answers of services by their error_code.'),
    (4, 'k2bridge_http_request_duration_seconds', 'histogram', 'From the complete request to its reply.'),
    (5, 'k2bridge_queue_calls', 'gauge', 'Outbound calls that are not finished, by endpoint and state; above 100000 the queued ones are estimated from a sample.'),
    (6, 'k2bridge_queue_oldest_age_seconds', 'gauge', 'Age of the oldest unfinished call of an endpoint; 0: none waits.'),
    (7, 'k2bridge_calls_total', 'counter', 'Finished outbound calls by endpoint and outcome.'),
    (8, 'k2bridge_workers', 'gauge', 'Background workers by kind and state: running, waiting, failing, missing.'),
    (9, 'k2bridge_server_state', 'gauge', '1 for the state a server is in: ready, open (does not answer), stopped, paused.'),
    (10, 'k2bridge_rejected_items', 'gauge', 'Refused items of inbound batches that nobody has settled yet.'),
    (11, 'k2bridge_schedule_failed', 'gauge', '1: the last run of a periodic job failed.'),
    (12, 'k2bridge_schedule_last_run_timestamp_seconds', 'gauge', 'When a periodic job last began; 0: never.'),
    (13, 'k2bridge_counts_lost_total', 'counter', 'Counts that found no place in shared memory, in all databases of the server.')
$$;
COMMENT ON FUNCTION k2bridge.metric_families() IS 'The metrics of k2bridge.metrics(): order, name, type, help.';

CREATE FUNCTION k2bridge.metric_labels(VARIADIC pairs text[]) RETURNS text
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT '{' || string_agg(pairs[n] || '="' || replace(replace(replace(pairs[n + 1], '\', '\\'), '"', '\"'), E'\n', '\n') || '"', ',' ORDER BY n) || '}'
      FROM generate_series(1, cardinality(pairs), 2) n
$$;
COMMENT ON FUNCTION k2bridge.metric_labels(text[]) IS 'Labels of a sample from names and values in turn, escaped as the text format wants it.';

CREATE FUNCTION k2bridge.metric_durations(OUT suffix text, OUT labels text, OUT value numeric, OUT nr integer) RETURNS SETOF record
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH counted AS MATERIALIZED (SELECT c.name, c.code, c.value FROM k2bridge.counters() c WHERE c.kind = 'duration'),
         bound (le, nr) AS (SELECT * FROM unnest('{0.001,0.0025,0.005,0.01,0.025,0.05,0.1,0.25,0.5,1,2.5,5,10,+Inf}'::text[]) WITH ORDINALITY),
         bucket AS (SELECT n.name, b.le, b.nr, sum(coalesce(c.value, 0)) OVER (PARTITION BY n.name ORDER BY b.nr) AS value
                      FROM (SELECT DISTINCT d.name FROM counted d) n CROSS JOIN bound b
                      LEFT JOIN counted c ON c.name = n.name AND c.code = b.le)
    SELECT '_bucket', k2bridge.metric_labels('service', b.name, 'le', b.le), b.value, b.nr::integer FROM bucket b
    UNION ALL
    SELECT '_sum', k2bridge.metric_labels('service', c.name), round(c.value / 1000000.0, 6), 15 FROM counted c WHERE c.code = 'us'
    UNION ALL
    SELECT '_count', k2bridge.metric_labels('service', b.name), b.value, 16 FROM bucket b WHERE b.le = '+Inf'
$$;
COMMENT ON FUNCTION k2bridge.metric_durations() IS 'Samples of the latency histogram: cumulative buckets, sum and count per service.';

CREATE FUNCTION k2bridge.metric_queue(OUT endpoint text, OUT state text, OUT calls bigint, OUT oldest timestamptz) RETURNS SETOF record
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    most constant bigint := 100000;
    pages constant bigint := 4000;
    percent real := 100;
BEGIN
    RETURN QUERY SELECT o.endpoint, o.state, count(*), min(o.created_at) FROM k2bridge.outbox o WHERE o.state <> 'queued' GROUP BY 1, 2;
    IF (SELECT count(*) > most FROM (SELECT FROM k2bridge.outbox o WHERE o.state = 'queued' LIMIT most + 1) q) THEN
        percent := least(100, 100.0 * pages * current_setting('block_size')::integer / pg_relation_size('k2bridge.outbox'));
    END IF;
    RETURN QUERY SELECT o.endpoint, CASE WHEN o.parked THEN 'parked' ELSE 'queued' END, round(count(*) * 100 / percent::numeric)::bigint, min(o.created_at)
      FROM k2bridge.outbox o TABLESAMPLE SYSTEM (percent) WHERE o.state = 'queued' GROUP BY 1, 2;
END
$$;
COMMENT ON FUNCTION k2bridge.metric_queue() IS
'Unfinished calls by endpoint and state; parked are queued ones that wait for an earlier call of their subject. Exact, but above 100,000 what is queued is estimated from a sample, so that looking costs the same whatever waits.';

CREATE FUNCTION k2bridge.metric_samples(OUT family text, OUT suffix text, OUT labels text, OUT value numeric, OUT nr integer) RETURNS SETOF record
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH counted AS MATERIALIZED (SELECT c.* FROM k2bridge.counters() c),
         queued AS MATERIALIZED (SELECT q.* FROM k2bridge.metric_queue() q),
         worker AS (SELECT w.kind, CASE WHEN w.pid IS NULL THEN 'missing' WHEN w.last_error IS NOT NULL THEN 'failing'
                                        WHEN w.state IN ('waiting', 'starting') THEN 'waiting' ELSE 'running' END AS state
                      FROM k2bridge.workers() w)
    SELECT 'k2bridge_info', '', k2bridge.metric_labels('version', k2bridge.version()), 1::numeric, 0
    UNION ALL
    SELECT 'k2bridge_http_requests_total', '', k2bridge.metric_labels('service', c.name, 'code', c.code), c.value, 0
      FROM counted c WHERE c.kind = 'request'
    UNION ALL
    SELECT 'k2bridge_service_answers_total', '', k2bridge.metric_labels('service', c.name, 'error_code', c.code), c.value, 0
      FROM counted c WHERE c.kind = 'answer'
    UNION ALL
    SELECT 'k2bridge_http_request_duration_seconds', d.suffix, d.labels, d.value, d.nr FROM k2bridge.metric_durations() d
    UNION ALL
    SELECT 'k2bridge_queue_calls', '', k2bridge.metric_labels('endpoint', e.name, 'state', s.state), coalesce(q.calls, 0), 0
      FROM k2bridge.endpoint e CROSS JOIN unnest('{queued,parked,sending,answered,uncertain,failed}'::text[]) s (state)
      LEFT JOIN queued q ON q.endpoint = e.name AND q.state = s.state
    UNION ALL
    SELECT 'k2bridge_queue_oldest_age_seconds', '', k2bridge.metric_labels('endpoint', e.name),
           coalesce(round(extract(epoch FROM clock_timestamp() - min(q.oldest)), 3), 0), 0
      FROM k2bridge.endpoint e LEFT JOIN queued q ON q.endpoint = e.name GROUP BY e.name
    UNION ALL
    SELECT 'k2bridge_calls_total', '', k2bridge.metric_labels('endpoint', c.name, 'outcome', c.code), c.value, 0
      FROM counted c WHERE c.kind = 'call'
    UNION ALL
    SELECT 'k2bridge_workers', '', k2bridge.metric_labels('kind', k.kind, 'state', s.state), count(w.kind), 0
      FROM unnest('{launcher,dispatcher,scheduler,listener}'::text[]) k (kind)
     CROSS JOIN unnest('{running,waiting,failing,missing}'::text[]) s (state)
      LEFT JOIN worker w ON w.kind = k.kind AND w.state = s.state GROUP BY k.kind, s.state
    UNION ALL
    SELECT 'k2bridge_server_state', '', k2bridge.metric_labels('server', v.name, 'state', s.state), (v.state = s.state)::integer, 0
      FROM k2bridge.status v CROSS JOIN unnest('{ready,open,stopped,paused}'::text[]) s (state) WHERE v.kind = 'server'
    UNION ALL
    SELECT 'k2bridge_rejected_items', '', '', count(*), 0 FROM k2bridge.rejected_item r WHERE r.settled_at IS NULL
    UNION ALL
    SELECT 'k2bridge_schedule_failed', '', k2bridge.metric_labels('job', s.name),
           (s.last_outcome IS NOT NULL AND s.last_outcome NOT IN ('ok', 'running'))::integer, 0 FROM k2bridge.schedule s
    UNION ALL
    SELECT 'k2bridge_schedule_last_run_timestamp_seconds', '', k2bridge.metric_labels('job', s.name),
           coalesce(round(extract(epoch FROM s.last_run), 3), 0), 0 FROM k2bridge.schedule s
    UNION ALL
    SELECT 'k2bridge_counts_lost_total', '', '', c.value, 0 FROM counted c WHERE c.kind = 'lost'
$$;
COMMENT ON FUNCTION k2bridge.metric_samples() IS 'Every sample of k2bridge.metrics() as a row.';

CREATE FUNCTION k2bridge.metrics_as_owner() RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT string_agg(format(E'# HELP %1$s %2$s\n# TYPE %1$s %3$s\n', f.family, f.help, f.type) || s.lines, '' ORDER BY f.nr)
      FROM k2bridge.metric_families() f
      JOIN (SELECT m.family, string_agg(format(E'%s%s%s %s\n', m.family, m.suffix, m.labels, m.value), ''
                                        ORDER BY substring(m.labels FROM '^\{[a-z]+="(?:[^"\\]|\\.)*"'), m.nr, m.labels) AS lines
              FROM k2bridge.metric_samples() m GROUP BY m.family) s USING (family)
$$;
COMMENT ON FUNCTION k2bridge.metrics_as_owner() IS 'Behind the door k2bridge.metrics.';

CREATE FUNCTION k2bridge.metrics() RETURNS text
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2bridge.metrics() IS 'The metrics of this database in Prometheus'' text format, as /metrics of the listener shows them.';
-- The description of the services in OpenAPI 3, from the service table and the comments of its functions.

CREATE FUNCTION k2bridge.openapi_responses(done text) RETURNS jsonb
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT jsonb_build_object('200', jsonb_build_object('description', done,
               'headers', jsonb_build_object('X-Correlation-Id', jsonb_build_object('$ref', '#/components/headers/Correlation')),
               'content', jsonb_build_object('application/json', jsonb_build_object('schema', jsonb_build_object('$ref', '#/components/schemas/Answer')))))
        || jsonb_object_agg(status, jsonb_build_object('$ref', '#/components/responses/Refusal'))
      FROM unnest('{400,401,403,404,405,408,413,414,415,431,500,503}'::text[]) status
$$;
COMMENT ON FUNCTION k2bridge.openapi_responses(text) IS 'The responses of a service: the answer of the business, and the refusals of the listener.';

CREATE FUNCTION k2bridge.openapi_services(client name) RETURNS jsonb
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(jsonb_object_agg('/restapi/services/run/' || s.name, jsonb_build_object('post', jsonb_build_object(
               'operationId', s.name,
               'tags', jsonb_build_array('services'),
               'summary', coalesce(substring(d.comment FROM '^[^\n]*?[.](?=\s|$)'), split_part(d.comment, E'\n', 1), s.name),
               'description', concat_ws(E'\n\n', d.comment, format('Function %s; a request may take %s.', s.function, s.timeout)),
               'requestBody', jsonb_build_object('required', true, 'content', jsonb_build_object('application/json', jsonb_build_object('schema',
                   jsonb_build_object('$ref', '#/components/schemas/Payload')))),
               'responses', k2bridge.openapi_responses('The answer of the service: error_code 0, or why not.')))), '{}')
      FROM k2bridge.service s
      LEFT JOIN k2bridge.api_client c ON c.name = $1
     CROSS JOIN LATERAL (SELECT obj_description(p.oid, 'pg_proc')
                           FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
                          WHERE (lower(s.function) = n.nspname || '.' || p.proname OR s.function = format('%I.%I', n.nspname, p.proname))
                            AND p.proargtypes = ARRAY['jsonb'::regtype::oid]::oidvector
                            AND p.prorettype = 'jsonb'::regtype AND NOT p.proretset) d (comment)
     WHERE s.enabled AND (c.services IS NULL OR s.name = ANY (c.services))
$$;
COMMENT ON FUNCTION k2bridge.openapi_services(name) IS
'The paths of the services that an API client may call (null: of all); what names no function is left out.';

CREATE FUNCTION k2bridge.openapi_files() RETURNS jsonb
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT jsonb_build_object(
        '/restapi/getfile', jsonb_build_object('get', jsonb_build_object('operationId', 'getfile', 'tags', '["files"]'::jsonb,
            'summary', 'A stored file, usually the scan of a contract',
            'parameters', '[{"name": "code", "in": "query", "required": true, "schema": {"type": "string"}, "description": "CUST-<uuid>"},
                {"name": "inline", "in": "query", "schema": {"type": "boolean"}, "description": "to be shown, not saved"},
                {"name": "attachment", "in": "query", "schema": {"type": "boolean"}, "description": "to be saved; wins over inline"},
                {"name": "base64", "in": "query", "schema": {"type": "boolean"}, "description": "the content in base64"}]'::jsonb,
            'responses', k2bridge.openapi_responses('') || '{"200": {"description": "The content of the file.",
                "headers": {"ETag": {"schema": {"type": "string"}}, "Last-Modified": {"schema": {"type": "string"}},
                            "Content-Disposition": {"schema": {"type": "string"}}},
                "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}},
                "304": {"description": "If-None-Match names what is still there."}}'::jsonb)),
        '/restapi/upload', jsonb_build_object('post', jsonb_build_object('operationId', 'upload', 'tags', '["files"]'::jsonb,
            'summary', 'Attaches a scan to a line of an RZAP',
            'requestBody', '{"required": true, "content": {"multipart/form-data": {"schema": {"type": "object",
                "required": ["file", "refer", "iin", "dbz_num"], "properties": {"file": {"type": "string", "format": "binary"},
                "refer": {"type": "string"}, "iin": {"type": "string"}, "dbz_num": {"type": "string"},
                "dbz_dt": {"type": "string", "format": "date"}}}}}}'::jsonb,
            'responses', k2bridge.openapi_responses('error_code 0 with the code of the file, or why not.'))))
$$;
COMMENT ON FUNCTION k2bridge.openapi_files() IS 'The paths for files.';

CREATE FUNCTION k2bridge.openapi_as_owner() RETURNS jsonb
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT jsonb_build_object(
        'openapi', '3.0.3',
        'info', jsonb_build_object('title', 'k2bridge: ' || current_database(), 'version', k2bridge.version(),
            'description', 'Services of the debt-collection register К2. Every reply carries X-Correlation-Id.'),
        'servers', jsonb_build_array(jsonb_build_object('url', '/')),
        'security', '[{"bearer": []}, {"basic": []}]'::jsonb,
        'tags', '[{"name": "services", "description": "From the table k2bridge.service"}, {"name": "files"}]'::jsonb,
        'paths', k2bridge.openapi_services(k2bridge.client()) || k2bridge.openapi_files(),
        'components', '{
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}, "basic": {"type": "http", "scheme": "basic"}},
            "headers": {"Correlation": {"description": "the story that the request belongs to", "schema": {"type": "string", "format": "uuid"}}},
            "schemas": {
                "Payload": {"description": "An object; batch services take an array of items or an object with the key items.",
                    "oneOf": [{"type": "object"}, {"type": "array", "items": {"type": "object"}}]},
                "Answer": {"description": "Most answers are an object with error_code and error_text; a refused batch lists its items in errors.",
                    "type": "object", "additionalProperties": true,
                    "properties": {"error_code": {"type": "integer"}, "error_text": {"type": "string"},
                                   "errors": {"type": "array", "items": {"type": "object"}}}},
                "Refusal": {"type": "object", "required": ["error_code", "error_text", "correlation"],
                    "properties": {"error_code": {"type": "integer"}, "error_text": {"type": "string"},
                                   "correlation": {"type": "string", "format": "uuid"}}}},
            "responses": {"Refusal": {"description": "The listener refuses the request; error_code is the HTTP status.",
                "headers": {"X-Correlation-Id": {"$ref": "#/components/headers/Correlation"}},
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Refusal"}}}}}}'::jsonb)
$$;
COMMENT ON FUNCTION k2bridge.openapi_as_owner() IS 'Behind the door k2bridge.openapi.';

CREATE FUNCTION k2bridge.openapi() RETURNS jsonb
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2bridge.openapi() IS
'The services over HTTP in OpenAPI 3, from k2bridge.service and the comments of its functions; an API client sees those it may call.';
-- The style of the status page: one sheet for desk, phone, dark rooms and paper. The listener allows this text by its digest and
-- no other, so attributes of style do not work.

CREATE FUNCTION k2bridge.page_style() RETURNS text
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
SELECT '
:root { color-scheme: light dark; --ground: #f3f5f8; --card: #fff; --text: #18212c; --quiet: #5a6675; --line: #dfe4ea;
  --accent: #0b6b63; --ok: #2b9a70; --refused: #d99a1c; --failed: #cf4545; --code: #f1f4f7; --onbad: #7c1d1d; --badbg: #fdeeee;
  --okbg: #e6f5ee; --onok: #14563c; --warnbg: #fff5df; --onwarn: #6b4a05; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #10151c; --card: #19212b; --text: #e7ecf2; --quiet: #9aa7b7; --line: #2b3643; --accent: #5cc9bd; --ok: #3fb587;
    --refused: #e0ab3d; --failed: #e66b6b; --code: #121920; --onbad: #ffc9c9; --badbg: #3a1d20; --okbg: #15352a; --onok: #a9e5cb;
    --warnbg: #3a2e12; --onwarn: #f3d58b; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text); font: 15px/1.45 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
  font-variant-numeric: tabular-nums; }
header, main, footer { max-width: 1240px; margin: 0 auto; padding: 0 20px; }
main { padding-top: 14px; }
header { display: flex; flex-wrap: wrap; align-items: center; gap: 8px 20px; padding-top: 20px; padding-bottom: 4px; }
h1 { font-size: 22px; margin: 0; letter-spacing: -.01em; }
h1 span { color: var(--quiet); font-weight: 400; }
h2 { font-size: 16px; margin: 0 0 12px; }
h2 small { color: var(--quiet); font-weight: 400; font-size: 13px; margin-left: 8px; }
.now { color: var(--quiet); margin: 0; font-size: 13px; }
.verdict { margin: 0; padding: 3px 12px; border-radius: 999px; font-weight: 600; font-size: 14px; }
.verdict.ok, .ok-chip { background: var(--okbg); color: var(--onok); }
.verdict.bad, .bad-chip { background: var(--badbg); color: var(--onbad); }
.warn-chip { background: var(--warnbg); color: var(--onwarn); }
.chip { display: inline-block; padding: 0 8px; border-radius: 999px; font-size: 13px; font-weight: 600; white-space: nowrap; }
.plain-chip { background: var(--code); color: var(--quiet); }
form { display: flex; gap: 8px; margin-left: auto; }
input { font: inherit; width: 23em; max-width: 100%; padding: 6px 10px; border: 1px solid var(--line); border-radius: 8px;
  background: var(--card); color: var(--text); }
button { font: inherit; font-weight: 600; padding: 6px 14px; border: 0; border-radius: 8px; background: var(--accent); color: var(--card); }
input:focus-visible, button:focus-visible, a:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.tiles { display: grid; grid-template-columns: repeat(4, 1fr); gap: 14px; margin: 0 0 14px; }
.tile, section { background: var(--card); border: 1px solid var(--line); border-radius: 12px; }
.tile { padding: 12px 16px; }
.tile b { display: block; font-size: 26px; line-height: 1.25; letter-spacing: -.02em; }
.tile p { margin: 0; color: var(--quiet); font-size: 13px; }
.tile .name { color: var(--text); font-weight: 600; }
.tile.alarm b { color: var(--failed); }
section { padding: 16px 18px; margin: 0 0 14px; overflow: hidden; }
.quiet { color: var(--quiet); }
.pair { display: grid; grid-template-columns: 11fr 9fr; gap: 14px; }
ul { list-style: none; margin: 0; padding: 0; }
.problem { border-left: 4px solid var(--failed); padding: 2px 0 2px 14px; margin-bottom: 16px; }
.problem:last-child { margin-bottom: 0; }
.problem.warn { border-color: var(--refused); }
.problem p { margin: 0 0 4px; overflow-wrap: anywhere; }
.problem .where { font-weight: 600; }
.problem pre + .quiet { margin-top: 6px; }
.problem .where span { color: var(--quiet); font-weight: 400; margin-left: 8px; font-size: 13px; }
code, pre { font: 13px/1.5 ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
pre { margin: 4px 0 0; padding: 7px 11px; background: var(--code); border-radius: 8px; white-space: pre-wrap; overflow-wrap: anywhere;
  user-select: all; }
table { width: 100%; border-collapse: collapse; font-size: 14px; }
th { text-align: left; font-weight: 600; font-size: 12px; color: var(--quiet); padding: 0 14px 6px 0; white-space: nowrap; }
td { padding: 6px 14px 6px 0; border-top: 1px solid var(--line); vertical-align: top; overflow-wrap: break-word; unicode-bidi: isolate; }
td.w { overflow-wrap: anywhere; min-width: 14em; }
.pair td.w { min-width: 0; }
summary { cursor: pointer; }
details[open] summary { color: var(--quiet); margin-bottom: 4px; }
td.n, th.n { text-align: right; white-space: nowrap; }
td.t { white-space: nowrap; }
a { color: var(--accent); }
svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--quiet); font-size: 12px; }
svg line { stroke: var(--line); }
.bar-ok { fill: var(--ok); } .bar-refused { fill: var(--refused); } .bar-failed { fill: var(--failed); } .bar-none { fill: transparent; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 8px 0 0; font-size: 13px; color: var(--quiet); }
.legend svg { display: inline-block; width: 10px; height: 10px; margin-right: 6px; }
footer { color: var(--quiet); font-size: 13px; padding-bottom: 28px; }
footer a { margin-right: 14px; }
@media (max-width: 900px) { .tiles { grid-template-columns: 1fr 1fr; } .pair { grid-template-columns: 1fr; gap: 0; } form { margin-left: 0; flex: 1 1 100%; } input { flex: 1; width: auto; min-width: 0; } }
@media (max-width: 640px) {
  header, main, footer { padding-left: 12px; padding-right: 12px; }
  .tiles { gap: 10px; } .tile b { font-size: 22px; } section { padding: 14px; }
  .plot { overflow-x: auto; direction: rtl; } .plot svg { width: 210%; max-width: none; direction: ltr; } svg text { font-size: 16px; }
  thead { display: none; } table, tbody, tr, td { display: block; }
  tr { border-top: 1px solid var(--line); padding: 8px 0; } tbody tr:first-child { border-top: 0; padding-top: 0; }
  td, td.n { border: 0; padding: 2px 0 2px 42%; text-align: left; position: relative; min-height: 1.45em; white-space: normal; overflow-wrap: anywhere; }
  td::before { content: attr(data-label); position: absolute; left: 0; width: 40%; color: var(--quiet); font-size: 13px; }
  td.w { min-width: 0; } td:empty { display: none; } .long tbody tr:nth-child(n+7) { display: none; } }
@media print { form { display: none; } body { background: #fff; } section, .tile { break-inside: avoid; } }
'
$$;
COMMENT ON FUNCTION k2bridge.page_style() IS 'The style sheet of the status page.';
-- What the status page is put together from: escaped text, ages, tables, the plot of inbound traffic. Every value from a table
-- passes k2bridge.html; what is called a cell or a row is HTML already.

CREATE FUNCTION k2bridge.html(value text, most integer DEFAULT 400) RETURNS text
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(replace(replace(replace(replace(replace(
        CASE WHEN length(value) > most THEN left(value, most) || '…' ELSE value END,
        '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), '"', '&quot;'), '''', '&#39;'), '')
$$;
COMMENT ON FUNCTION k2bridge.html(text, integer) IS 'A value as text of an HTML element or attribute, cut after so many characters; empty for null.';

CREATE FUNCTION k2bridge.page_detail(value text) RETURNS text
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN value IN ('', '{}') THEN '' WHEN length(value) <= 160 THEN k2bridge.html(value)
                ELSE format('<details><summary>%s</summary>%s</details>', k2bridge.html(value, 120), k2bridge.html(value, 20000)) END
$$;
COMMENT ON FUNCTION k2bridge.page_detail(text) IS 'A long value behind its beginning, to be opened.';

CREATE FUNCTION k2bridge.page_age(moment timestamptz) RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN s IS NULL THEN '' WHEN abs(s) < 90 THEN round(s) || ' s' WHEN abs(s) < 5400 THEN round(s / 60) || ' min'
                WHEN abs(s) < 129600 THEN round(s / 3600) || ' h' ELSE round(s / 86400) || ' days' END
      FROM (SELECT CASE WHEN isfinite(moment) THEN extract(epoch FROM now() - moment) END) a (s)
$$;
COMMENT ON FUNCTION k2bridge.page_age(timestamptz) IS 'How long ago, in the unit that suits it; empty for never and for ever.';

CREATE FUNCTION k2bridge.page_time(moment timestamptz) RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN isfinite(moment) THEN to_char(t.local, CASE WHEN t.local::date = (now() AT TIME ZONE z.name)::date THEN 'HH24:MI:SS'
                                          WHEN abs(extract(epoch FROM now() - moment)) < 15552000 THEN 'DD Mon HH24:MI' ELSE 'YYYY-MM-DD' END) ELSE '' END
      FROM current_setting('k2bridge.timezone') z (name), LATERAL (SELECT moment AT TIME ZONE z.name) t (local)
$$;
COMMENT ON FUNCTION k2bridge.page_time(timestamptz) IS 'A moment in k2bridge.timezone, as short as it is clear; empty for never and for ever.';

CREATE FUNCTION k2bridge.page_chip(class text, value text) RETURNS text
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN value IS NULL THEN '' ELSE format('<span class="chip %s-chip">%s</span>', class, k2bridge.html(value)) END
$$;
COMMENT ON FUNCTION k2bridge.page_chip(text, text) IS 'A coloured word, nothing for null: class ok, warn, bad or plain.';

CREATE FUNCTION k2bridge.page_row(labels text[], cells text[]) RETURNS text
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT '<tr>' || string_agg(format('<td%s data-label="%s">%s</td>', CASE left(l.label, 1) WHEN '#' THEN ' class="n"' WHEN '@' THEN ' class="t"' WHEN '~' THEN ' class="w"' ELSE '' END,
                                       ltrim(l.label, '#@~'), cells[l.nr]), '' ORDER BY l.nr) || E'</tr>\n'
      FROM unnest(labels) WITH ORDINALITY l (label, nr)
$$;
COMMENT ON FUNCTION k2bridge.page_row(text[], text[]) IS 'A table row; a label that begins with # heads numbers, with @ what is never broken, with ~ free text.';

CREATE FUNCTION k2bridge.page_table(labels text[], rows text, empty text) RETURNS text
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN rows IS NULL THEN format('<p class="quiet">%s</p>', k2bridge.html(empty))
                ELSE '<table><thead><tr>'
                     || (SELECT string_agg(format('<th%s>%s</th>', CASE left(l.label, 1) WHEN '#' THEN ' class="n"' ELSE '' END, ltrim(l.label, '#@~')), '' ORDER BY l.nr)
                           FROM unnest(labels) WITH ORDINALITY l (label, nr))
                     || E'</tr></thead><tbody>\n' || rows || '</tbody></table>' END
$$;
COMMENT ON FUNCTION k2bridge.page_table(text[], text, text) IS 'A table of such rows, or the words for none.';

CREATE FUNCTION k2bridge.page_section(title text, note text, content text) RETURNS text
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT format(E'<section><h2>%s%s</h2>\n%s</section>\n', k2bridge.html(title), coalesce(format('<small>%s</small>', k2bridge.html(note)), ''), content)
$$;
COMMENT ON FUNCTION k2bridge.page_section(text, text, text) IS 'A section of the page with its heading and a note.';

CREATE FUNCTION k2bridge.inbound_minutes(OUT nr integer, OUT minute timestamptz, OUT ok bigint, OUT refused bigint, OUT failed bigint) RETURNS SETOF record
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT n, m.minute, coalesce(sum(c.value) FILTER (WHERE c.code = 'ok'), 0)::bigint, coalesce(sum(c.value) FILTER (WHERE c.code = 'refused'), 0)::bigint,
           coalesce(sum(c.value) FILTER (WHERE c.code = 'failed'), 0)::bigint
      FROM generate_series(0, 59) n
     CROSS JOIN LATERAL (SELECT date_trunc('minute', now(), 'UTC') - (59 - n) * interval '1 min') m (minute)
      LEFT JOIN k2bridge.counters() c ON c.kind = 'inbound' AND c.minute = m.minute
     GROUP BY n, m.minute ORDER BY n
$$;
COMMENT ON FUNCTION k2bridge.inbound_minutes() IS
'Inbound requests of the last hour by minute: ok, refused (by the listener or the business), failed; counted in shared memory since the server started.';

CREATE FUNCTION k2bridge.page_plot_top(most bigint) RETURNS bigint
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT min(digit * (10::numeric ^ power))::bigint FROM unnest('{2,4,6,8,10}'::integer[]) digit, generate_series(0, 17) power
     WHERE digit * (10::numeric ^ power) >= greatest(most, 4)
$$;
COMMENT ON FUNCTION k2bridge.page_plot_top(bigint) IS 'A round number not below the highest bar.';

CREATE FUNCTION k2bridge.page_bars(zone text, top bigint) RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT string_agg(format('<g><title>%s: %s ok, %s refused, %s failed</title><rect class="bar-none" x="%5$s" y="10" width="15" height="160"/>%6$s</g>',
                             to_char(m.minute AT TIME ZONE zone, 'HH24:MI'), m.ok, m.refused, m.failed, 10 + m.nr * 15.5, p.parts), E'\n' ORDER BY m.nr)
      FROM k2bridge.inbound_minutes() m
     CROSS JOIN LATERAL (SELECT coalesce(string_agg(format('<rect class="bar-%s" x="%s" y="%s" width="13" height="%s"/>', v.class, 11 + m.nr * 15.5,
                                                           round(170 - 160.0 * v.upto / top, 2), round(160.0 * v.value / top, 2)), ''), '') AS parts
                           FROM (VALUES ('ok', m.ok, m.ok), ('refused', m.refused, m.ok + m.refused), ('failed', m.failed, m.ok + m.refused + m.failed)) v (class, value, upto)
                          WHERE v.value > 0) p
$$;
COMMENT ON FUNCTION k2bridge.page_bars(text, bigint) IS 'The bars of the plot, each with a tooltip.';

CREATE FUNCTION k2bridge.page_traffic() RETURNS text
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    zone constant text := current_setting('k2bridge.timezone');
    top bigint;
    grid text;
    hours text;
    total record;
BEGIN
    SELECT k2bridge.page_plot_top(max(m.ok + m.refused + m.failed)) AS top, sum(m.ok) AS ok, sum(m.refused) AS refused, sum(m.failed) AS failed
      INTO total FROM k2bridge.inbound_minutes() m;
    top := total.top;
    SELECT string_agg(format('<line x1="10" x2="940" y1="%1$s" y2="%1$s"/><text x="948" y="%2$s">%3$s</text>',
                             170 - 160 * part / 2, 174 - 160 * part / 2, top * part / 2), '') INTO grid FROM generate_series(0, 2) part;
    SELECT string_agg(format('<text x="%s" y="194" text-anchor="middle">%s</text>', 17.5 + m.nr * 15.5,
                             to_char(m.minute AT TIME ZONE zone, 'HH24:MI')), '') INTO hours
      FROM k2bridge.inbound_minutes() m
     WHERE extract(minute FROM m.minute AT TIME ZONE zone)::integer % 15 = 0 AND m.nr BETWEEN 2 AND 57;
    RETURN format(E'<div class="plot"><svg viewBox="0 0 1000 200" role="img" aria-label="%s requests ok, %s refused, %s failed in the last hour">%s%s\n%s</svg></div>\n',
                  total.ok, total.refused, total.failed, grid, coalesce(hours, ''), k2bridge.page_bars(zone, top))
           || (SELECT '<p class="legend">' || string_agg(format('<span><svg viewBox="0 0 10 10" aria-hidden="true"><rect class="bar-%s" width="10" height="10" rx="2"/></svg>%s %s</span>',
                                                               l.class, l.value, l.words), '' ORDER BY l.nr) || '</p>'
                 FROM (VALUES (1, 'ok', total.ok, 'answered'), (2, 'refused', total.refused, 'refused'), (3, 'failed', total.failed, 'failed')) l (nr, class, value, words));
END
$$;
COMMENT ON FUNCTION k2bridge.page_traffic() IS 'Inbound requests of the last hour as SVG, a bar per minute.';
-- The status page for people on duty, made of views and small tables. Who may not read k2bridge.call sees no references, texts or
-- subjects: they may name persons.

CREATE FUNCTION k2bridge.page_sees_all() RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT has_table_privilege(k2bridge.caller(), 'k2bridge.call', 'SELECT')
$$;
COMMENT ON FUNCTION k2bridge.page_sees_all() IS 'Whether the reader of the page may see references and texts of calls; an observer may not.';

CREATE FUNCTION k2bridge.page_traces() RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT to_regprocedure('k2bridge.trace(text)') IS NOT NULL
       AND has_function_privilege(k2bridge.caller(), to_regprocedure('k2bridge.trace(text)')::oid, 'EXECUTE')
$$;
COMMENT ON FUNCTION k2bridge.page_traces() IS 'Whether k2bridge.trace exists and the reader of the page may call it.';

CREATE FUNCTION k2bridge.page_problem_groups(sees_all boolean, OUT kind text, OUT place text, OUT subject text, OUT problem text, OUT calls bigint, OUT since timestamptz,
                                             OUT remedies text[]) RETURNS SETOF record
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT p.kind, s.place, CASE WHEN count(*) = 1 THEN min(CASE WHEN o.open THEN p.subject END) END, s.problem, count(*), max(p.since), (array_agg(p.remedy ORDER BY p.since DESC, p.id DESC))[1:3]
      FROM (SELECT q.* FROM k2bridge.problems q LIMIT 1000) p
     CROSS JOIN LATERAL (SELECT sees_all OR p.kind ~ '^(server_|unknown_|worker$|schedule$|not_activated$|no_server$|ambiguous_server$)') o (open)
     CROSS JOIN LATERAL (SELECT nullif(concat_ws(' · ', p.server, p.endpoint, CASE p.kind WHEN 'rejected_item' THEN p.subject END), ''),
                                CASE WHEN o.open THEN coalesce(p.text, '') END) s (place, problem)
     GROUP BY p.kind, s.place, s.problem
$$;
COMMENT ON FUNCTION k2bridge.page_problem_groups(boolean) IS
'k2bridge.problems, alike ones together with the remedies of the latest three; problem is null where the reader of the page may not see it.';

CREATE FUNCTION k2bridge.page_problems(sees_all boolean) RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH groups AS MATERIALIZED (SELECT g.*, g.kind IN ('call_held', 'rejected_item', 'server_open') AS mild FROM k2bridge.page_problem_groups(sees_all) g),
         shown AS (SELECT g.* FROM groups g ORDER BY g.mild, g.since DESC NULLS LAST LIMIT 15)
    SELECT k2bridge.page_section('Problems', (SELECT CASE WHEN sum(g.calls) >= 1000 THEN '1000 or more' ELSE sum(g.calls)::text END
                                                     || CASE WHEN count(*) > 15 THEN ', the first 15 kinds' ELSE '' END FROM groups g),
        coalesce((SELECT '<ul>' || string_agg(format(
            E'<li class="problem%s"><p class="where">%s%s<span>%s</span></p>%s%s%s</li>\n',
            CASE WHEN s.mild THEN ' warn' ELSE '' END,
            k2bridge.html(upper(left(s.kind, 1)) || replace(substr(s.kind, 2), '_', ' ')), CASE WHEN s.calls > 1 THEN format(' × %s', s.calls) ELSE '' END,
            k2bridge.html(concat_ws(' · ', s.place, nullif(s.subject, s.place), nullif(k2bridge.page_age(s.since), '') || ' ago')),
            CASE WHEN s.problem IS NULL THEN '<p class="quiet">What was said may name persons; access reader shows it.</p>'
                 WHEN s.problem = '' THEN '' ELSE format('<p>%s</p>', k2bridge.html(s.problem)) END,
            (SELECT string_agg(format('<pre>%s</pre>', k2bridge.html(r.remedy, 4000)), '' ORDER BY r.nr) FROM unnest(s.remedies) WITH ORDINALITY r (remedy, nr)),
            CASE WHEN s.calls > cardinality(s.remedies) THEN format('<p class="quiet">and %s more in k2bridge.problems</p>', s.calls - cardinality(s.remedies)) ELSE '' END),
            '' ORDER BY s.mild, s.since DESC NULLS LAST) || '</ul>' FROM shown s),
            '<p class="quiet">Nothing needs a person.</p>'))
$$;
COMMENT ON FUNCTION k2bridge.page_problems(boolean) IS 'Section: what needs a person, with the SQL to paste.';

CREATE FUNCTION k2bridge.page_queue() RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH labels (labels) AS (VALUES ('{Endpoint,#Waiting,#Parked,#Sending,#Answered,#Uncertain,#Failed,@Oldest}'::text[])),
         counted AS (SELECT q.endpoint, min(q.oldest) AS oldest, jsonb_object_agg(q.state, q.calls) AS calls FROM k2bridge.metric_queue() q GROUP BY q.endpoint)
    SELECT k2bridge.page_section('Queue', 'outbound calls that are not finished', k2bridge.page_table(l.labels,
        (SELECT string_agg(k2bridge.page_row(l.labels, ARRAY[k2bridge.html(c.endpoint), c.calls ->> 'queued', c.calls ->> 'parked', c.calls ->> 'sending',
                    c.calls ->> 'answered', k2bridge.page_chip('warn', c.calls ->> 'uncertain'), k2bridge.page_chip('bad', c.calls ->> 'failed'),
                    k2bridge.page_age(c.oldest)]), '' ORDER BY c.oldest) FROM counted c), 'Nothing waits.'))
      FROM labels l
$$;
COMMENT ON FUNCTION k2bridge.page_queue() IS 'Section: what waits in k2bridge.outbox, per endpoint.';

CREATE FUNCTION k2bridge.page_calls(sees_all boolean, traces boolean) RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH labels (labels) AS (SELECT '{@Ended,Endpoint,Server}'::text[] || CASE WHEN sees_all THEN '{~Subject}' ELSE '{}' END::text[] || '{Outcome,#HTTP,#Took}'
                                    || CASE WHEN sees_all THEN '{~Said}' ELSE '{}' END::text[] || CASE WHEN traces THEN '{Story}' ELSE '{}' END::text[]),
         recent AS (SELECT c.* FROM k2bridge.call c WHERE c.finished_at > now() - interval '7 days' ORDER BY c.id DESC LIMIT 200),
         latest AS (SELECT r.* FROM recent r ORDER BY r.finished_at DESC, r.id DESC LIMIT 15)
    SELECT k2bridge.page_section('Last calls', 'to the core systems', '<div class="long">' || k2bridge.page_table(l.labels,
        (SELECT string_agg(k2bridge.page_row(l.labels, ARRAY[k2bridge.page_time(c.finished_at), k2bridge.html(c.endpoint), k2bridge.html(c.server)]
                    || CASE WHEN sees_all THEN ARRAY[k2bridge.html(c.subject)] ELSE '{}' END
                    || ARRAY[k2bridge.page_chip(CASE c.outcome WHEN 'ok' THEN 'ok' WHEN 'refused' THEN 'warn' WHEN 'failed' THEN 'bad' ELSE 'plain' END, c.outcome),
                             coalesce(c.http_status::text, ''), coalesce(round(extract(epoch FROM c.duration) * 1000) || ' ms', '')]
                    || CASE WHEN sees_all THEN ARRAY[k2bridge.html(concat_ws(' ', c.error_code, c.error_text))] ELSE '{}' END
                    || CASE WHEN traces THEN ARRAY[coalesce(format('<a href="/?trace=%s">trace</a>', c.correlation), '')] ELSE '{}' END),
                    '' ORDER BY c.finished_at DESC, c.id DESC) FROM latest c), 'No call ended in the last 7 days.') || '</div>')
      FROM labels l
$$;
COMMENT ON FUNCTION k2bridge.page_calls(boolean, boolean) IS 'Section: the calls that ended last.';

CREATE FUNCTION k2bridge.page_jobs() RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH labels (labels) AS (VALUES ('{Job,@Every,@Last run,~Outcome,@Next run}'::text[]))
    SELECT k2bridge.page_section('Polls and jobs', 'k2bridge.schedule', k2bridge.page_table(l.labels,
        (SELECT string_agg(k2bridge.page_row(l.labels, ARRAY[k2bridge.html(s.name), k2bridge.html(regexp_replace(s.every::text, ':00$', '')), k2bridge.page_time(s.last_run),
                    CASE WHEN NOT s.enabled THEN k2bridge.page_chip('plain', 'disabled') WHEN s.last_outcome IS NULL THEN k2bridge.page_chip('plain', 'not yet run')
                         WHEN s.last_outcome IN ('ok', 'running') THEN k2bridge.page_chip('ok', s.last_outcome)
                         ELSE k2bridge.page_chip('bad', 'failed') || ' ' || k2bridge.html(s.last_outcome) END,
                    CASE WHEN s.enabled THEN k2bridge.page_time(s.next_run) ELSE '' END]), '' ORDER BY s.name) FROM k2bridge.schedule s), 'None.'))
      FROM labels l
$$;
COMMENT ON FUNCTION k2bridge.page_jobs() IS 'Section: periodic jobs, the polls among them.';

CREATE FUNCTION k2bridge.page_polls(sees_all boolean) RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH labels (labels) AS (SELECT '{@Company,Bank,@Asked,@Round ended,#Accounts,@Final through}'::text[] || CASE WHEN sees_all THEN '{~Trouble}' ELSE '{#Troubles}' END::text[])
    SELECT k2bridge.page_section('Statements', 'polled from Autoclient', k2bridge.page_table(l.labels,
        string_agg(k2bridge.page_row(l.labels, ARRAY[k2bridge.html(c.server),
            CASE WHEN d.server IS NULL THEN k2bridge.page_chip('plain', 'not yet asked') WHEN d.phase = 'WRK' AND d.work_balance = 'N' THEN k2bridge.page_chip('ok', 'open')
                 ELSE k2bridge.page_chip('warn', 'waiting for the bank') END,
            k2bridge.page_time(d.asked_at), k2bridge.page_time(d.round_done_at), a.accounts::text, coalesce(a.final_through::text, ''),
            CASE WHEN sees_all THEN k2bridge.html(coalesce(d.last_error, a.last_error)) ELSE nullif(a.troubles + (d.last_error IS NOT NULL)::integer, 0)::text END]), ''
            ORDER BY c.server), ''))
      FROM autoclient.company c
      LEFT JOIN autoclient.server_day d ON d.server = c.server
     CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE b.poll) AS accounts, min(b.final_through) FILTER (WHERE b.poll) AS final_through,
                                count(b.last_error) AS troubles, min(b.last_error) AS last_error
                           FROM autoclient.account b WHERE b.server = c.server) a
     CROSS JOIN labels l
     GROUP BY l.labels
$$;
COMMENT ON FUNCTION k2bridge.page_polls(boolean) IS 'Section: how the statements of the companies are polled, when there are any.';

CREATE FUNCTION k2bridge.page_progress() RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH labels (labels) AS (VALUES ('{What,Server,#Done,#Total,#Per second,#Left}'::text[]))
    SELECT k2bridge.page_section('Under way', 'backfills and large backlogs', k2bridge.page_table(l.labels, r.rows, ''))
      FROM labels l, LATERAL (SELECT string_agg(k2bridge.page_row(l.labels, ARRAY[k2bridge.html(p.what), k2bridge.html(p.server), coalesce(p.done::text, ''),
                                         coalesce(p.total::text, ''), coalesce(round(p.rate, 1)::text, ''), coalesce(date_trunc('second', p.eta)::text, '')]), '') AS rows
                                FROM k2bridge.progress p) r WHERE r.rows IS NOT NULL
$$;
COMMENT ON FUNCTION k2bridge.page_progress() IS 'Section: k2bridge.progress, when there is any.';

CREATE FUNCTION k2bridge.page_workers() RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH labels (labels) AS (VALUES ('{@What,State,@Since,~Trouble}'::text[]))
    SELECT k2bridge.page_section('Workers and servers', NULL, k2bridge.page_table(l.labels,
        (SELECT string_agg(k2bridge.page_row(l.labels, ARRAY[k2bridge.html(CASE s.kind WHEN 'server' THEN 'server ' || s.name ELSE s.kind END),
                    k2bridge.page_chip(CASE WHEN s.state = 'paused' THEN 'plain' WHEN s.state IN ('stopped', 'not running') OR (s.kind <> 'server' AND s.last_error IS NOT NULL) THEN 'bad'
                                            WHEN s.state IN ('open', 'waiting', 'starting') THEN 'warn' ELSE 'ok' END, s.state),
                    k2bridge.page_age(s.since), k2bridge.html(concat_ws(' · ', s.last_error, s.hint))]), ''
                    ORDER BY s.kind = 'server', array_position('{launcher,dispatcher,scheduler,listener}', s.kind), s.pid, s.name) FROM k2bridge.status s), 'None.'))
      FROM labels l
$$;
COMMENT ON FUNCTION k2bridge.page_workers() IS 'Section: k2bridge.status.';

CREATE FUNCTION k2bridge.page_trace(key text) RETURNS text
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    labels constant text[] := '{@At,Direction,Who,What,Outcome,~Detail,#Id}';
    rows text;
    found bigint;
BEGIN
    BEGIN
        -- The function may not exist; then nobody comes here.
        EXECUTE 'SELECT string_agg(k2bridge.page_row($2, ARRAY[coalesce(to_char(t.at AT TIME ZONE current_setting(''k2bridge.timezone''), ''YYYY-MM-DD HH24:MI:SS''), ''''),
                     k2bridge.html(t.direction::text), k2bridge.html(t.who::text), k2bridge.html(t.what::text), k2bridge.html(t.outcome::text), coalesce(k2bridge.page_detail(t.detail::text), ''''),
                     k2bridge.html(t.id::text)]), '''' ORDER BY t.nr), count(*)
                   FROM (SELECT s.*, row_number() OVER () AS nr FROM k2bridge.trace($1) s LIMIT 500) t'
           INTO rows, found USING key, labels;
    EXCEPTION WHEN OTHERS THEN
        RETURN k2bridge.page_section('Story', key, format('<p>%s</p>', k2bridge.html(SQLERRM)));
    END;
    RETURN k2bridge.page_section('Story', key, k2bridge.page_table(labels, rows, 'Nothing is known of it.') || CASE WHEN found = 500
        THEN '<p class="quiet">The first 500 events; k2bridge.trace tells them all.</p>' ELSE '' END);
END
$$;
COMMENT ON FUNCTION k2bridge.page_trace(text) IS 'Section: what k2bridge.trace tells of a key.';

CREATE FUNCTION k2bridge.page_tiles() RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH queue AS (SELECT coalesce(sum(q.calls) FILTER (WHERE q.state IN ('queued', 'parked', 'sending', 'answered')), 0) AS waiting,
                          coalesce(sum(q.calls) FILTER (WHERE q.state = 'uncertain'), 0) AS uncertain, coalesce(sum(q.calls) FILTER (WHERE q.state = 'failed'), 0) AS failed,
                          min(q.oldest) FILTER (WHERE q.state NOT IN ('uncertain', 'failed')) AS oldest
                     FROM k2bridge.metric_queue() q),
         inbound AS (SELECT sum(m.ok + m.refused + m.failed) AS requests, sum(m.refused) AS refused, sum(m.failed) AS failed FROM k2bridge.inbound_minutes() m),
         worker AS (SELECT count(*) FILTER (WHERE w.pid IS NOT NULL AND w.last_error IS NULL) AS well, count(*) AS wanted FROM k2bridge.workers() w),
         tile AS (
             SELECT 1 AS nr, 'Waiting calls' AS name, q.waiting::text AS value, coalesce('oldest ' || k2bridge.page_age(q.oldest), 'nothing waits') AS note, false AS alarm FROM queue q
             UNION ALL SELECT 2, 'Need a person', (q.uncertain + q.failed)::text, format('%s uncertain, %s failed', q.uncertain, q.failed), q.uncertain + q.failed > 0 FROM queue q
             UNION ALL SELECT 3, 'Inbound, last hour', i.requests::text, format('%s refused, %s failed', i.refused, i.failed), i.failed > 0 FROM inbound i
             UNION ALL SELECT 4, 'Workers', format('%s of %s', w.well, w.wanted), CASE WHEN w.well = w.wanted THEN 'all run' ELSE 'see below' END, w.well < w.wanted FROM worker w)
    SELECT '<div class="tiles">' || string_agg(format('<div class="tile%s"><p class="name">%s</p><b>%s</b><p>%s</p></div>',
               CASE WHEN t.alarm THEN ' alarm' ELSE '' END, t.name, t.value, t.note), E'\n' ORDER BY t.nr) || E'</div>\n'
      FROM tile t
$$;
COMMENT ON FUNCTION k2bridge.page_tiles() IS 'The four numbers at the top of the page.';

CREATE FUNCTION k2bridge.page_header(well boolean, traces boolean, key text) RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT format(E'<header><h1>k2bridge <span>%s</span></h1>%s<p class="now">%s %s</p>\n%s</header>\n',
                  k2bridge.html(current_database()),
                  CASE WHEN well THEN '<p class="verdict ok">all is well</p>' ELSE '<p class="verdict bad">needs attention</p>' END,
                  to_char(now() AT TIME ZONE z.name, 'DD Mon YYYY HH24:MI:SS'), k2bridge.html(z.name),
                  CASE WHEN traces THEN format('<form method="post" action="/"><input name="trace" value="%s" aria-label="what to trace" '
                                               'placeholder="ПТ, contract, IIN, payment, correlation" maxlength="200" required><button>Trace</button></form>', k2bridge.html(key))
                       ELSE '' END)
      FROM current_setting('k2bridge.timezone') z (name)
$$;
COMMENT ON FUNCTION k2bridge.page_header(boolean, boolean, text) IS 'Name, verdict, clock and the box for a trace.';

CREATE FUNCTION k2bridge.status_page_as_owner(trace text) RETURNS text
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    sees_all constant boolean := k2bridge.page_sees_all();
    traces constant boolean := k2bridge.page_traces();
    traced constant boolean := traces AND trace IS NOT NULL;
    problems constant text := k2bridge.page_problems(sees_all);
BEGIN
    RETURN concat(E'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>k2bridge</title>\n',
        '<meta name="viewport" content="width=device-width, initial-scale=1">', CASE WHEN NOT traced THEN '<meta http-equiv="refresh" content="60">' END,
        '<link rel="icon" href="data:,"><style>', k2bridge.page_style(), E'</style></head>\n<body>\n',
        k2bridge.page_header(position('<li class="problem' IN problems) = 0, traces, trace), '<main>',
        CASE WHEN traced THEN k2bridge.page_trace(trace) END,
        k2bridge.page_tiles(),
        problems,
        k2bridge.page_section('Inbound traffic', 'requests per minute, last hour', k2bridge.page_traffic()),
        k2bridge.page_progress(),
        k2bridge.page_polls(sees_all),
        k2bridge.page_queue(),
        k2bridge.page_calls(sees_all, traces),
        '<div class="pair">', k2bridge.page_jobs(), k2bridge.page_workers(), '</div></main>',
        format('<footer><a href="/metrics">metrics</a><a href="/openapi.json">services</a><a href="/healthz">health</a> k2bridge %s for %s, read again every minute%s</footer>',
               k2bridge.version(), k2bridge.html(coalesce(k2bridge.client(), k2bridge.caller())),
               CASE WHEN sees_all THEN '' ELSE '; what may name persons is left out' END),
        E'\n</body></html>\n');
END
$$;
COMMENT ON FUNCTION k2bridge.status_page_as_owner(text) IS 'Behind the door k2bridge.status_page.';

CREATE FUNCTION k2bridge.status_page(trace text DEFAULT NULL) RETURNS text
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2bridge.status_page(text) IS
'The status page for people on duty in HTML, as / of the listener shows it; with a key, also the story that k2bridge.trace tells.';
-- Outgoing ПТ: references, purpose, the rules of k2.extreq and its events.
--
-- A new ПТ gets its reference at once and is registered. Nothing but payments executes it; recalled, returned and
-- refused are final. The ids of the statuses are those of k2.extreq_stat.

CREATE FUNCTION k2.extreq_kinds() RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT '{ENTERED,REGISTERED,SENT,PC1,PC3,RECALLED,RETURNED,PAPER,REFUSED,EXECUTED}'::text[]
$$;
COMMENT ON FUNCTION k2.extreq_kinds() IS 'Short names of the statuses 2001 to 2010 of k2.extreq_stat, in that order; also kinds of events.';

CREATE FUNCTION k2.extreq_stat_id(kind text) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT 2000 + array_position(k2.extreq_kinds(), $1)
$$;
COMMENT ON FUNCTION k2.extreq_stat_id(text) IS 'Id in k2.extreq_stat of a status by its short name.';

CREATE FUNCTION k2.extreq_kind(stat_id integer) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce((k2.extreq_kinds())[$1 - 2000], 'STATUS')
$$;
COMMENT ON FUNCTION k2.extreq_kind(integer) IS 'Short name of a status; STATUS for one of the bank''s own.';

CREATE FUNCTION k2.extreq_ended(stat_id integer) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT k2.extreq_kind($1) IN ('RECALLED', 'RETURNED', 'REFUSED')
$$;
COMMENT ON FUNCTION k2.extreq_ended(integer) IS 'Whether an outgoing ПТ in this status is over without being paid.';

-- References.

CREATE FUNCTION k2.extreq_prefix_numbered() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    sequence text := format('extreq_refer_%s_seq', lower(NEW.prefix));
BEGIN
    IF NEW.sequence IS NULL THEN
        EXECUTE format('CREATE SEQUENCE IF NOT EXISTS k2.%I', sequence);
        NEW.sequence := format('k2.%I', sequence)::regclass;
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION k2.extreq_prefix_numbered() IS 'Trigger: a new prefix of references gets a sequence of its own.';

CREATE FUNCTION k2.next_refer(prefix text DEFAULT NULL) RETURNS text
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    chosen record;
    number text;
    refer text;
BEGIN
    SELECT p.prefix, p.sequence, p.length INTO chosen
      FROM k2.extreq_prefix p WHERE CASE WHEN $1 IS NULL THEN p.is_default ELSE p.prefix = $1 END;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no % prefix of references', coalesce('"' || $1 || '"', 'default')
            USING ERRCODE = '22023', HINT = 'The prefixes are in k2.extreq_prefix.';
    END IF;
    LOOP
        number := nextval(chosen.sequence);
        refer := chosen.prefix || repeat('0', chosen.length - char_length(chosen.prefix) - char_length(number)) || number;
        EXIT WHEN NOT EXISTS (SELECT FROM k2.extreq e WHERE e.code = refer);
    END LOOP;
    RETURN refer;
END
$$;
COMMENT ON FUNCTION k2.next_refer(text) IS
'The next reference of an outgoing ПТ, e.g. PTP0000000000001; numbers that migrated ПТ already carry are passed over.';

CREATE FUNCTION k2.advance_references(step bigint) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT setval(p.sequence, nextval(p.sequence) + $1) FROM k2.extreq_prefix p ORDER BY p.prefix
$$;
COMMENT ON FUNCTION k2.advance_references(bigint) IS
'Moves all running numbers forward, so that references given out before a promotion or a restore are not given out again.';

CREATE FUNCTION k2.extreq_purpose(fullname text, dbz_num text, dbz_dt date, iin text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT format('Погашение задолженности по ПТ %s по Договору банковского займа № %s%s, ИИН %s в соответствии со ст.32 '
                  'Закона РК № 11-VI от 26.07.2016 г.  "О платежах и платежных системах"',
                  $1, $2, ' от ' || to_char($3, 'DD.MM.YYYY'), $4)
$$;
COMMENT ON FUNCTION k2.extreq_purpose(text, text, date, text) IS 'Purpose of the payment as documented (wire document, I4).';

-- What a ПТ must meet to be issued.

CREATE FUNCTION k2.check_issue(loan_id bigint, iin text, synced_at timestamptz, bank_code text, extacc_code text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM k2.lock_exclusions(iin);
    IF k2.is_excluded(loan_id, bank_code, extacc_code) THEN
        RAISE EXCEPTION 'an active exclusion forbids payment requests for loan % to account % in bank %', loan_id, extacc_code, bank_code
            USING ERRCODE = '55000',
                  HINT = format('SELECT * FROM k2.active_exclusion WHERE iin = %L shows it.', iin);
    ELSIF synced_at IS NULL OR synced_at < clock_timestamp() - current_setting('k2bridge.max_debt_age')::interval THEN
        RAISE EXCEPTION 'the debt of loan % is too old to be claimed', loan_id
            USING ERRCODE = '55000',
                  DETAIL = format('It was last confirmed at %s; k2bridge.max_debt_age is %s.', coalesce(synced_at::text, 'no time'),
                                  current_setting('k2bridge.max_debt_age')),
                  HINT = format('SELECT abs.refresh_debt(%s);', loan_id);
    END IF;
END
$$;
COMMENT ON FUNCTION k2.check_issue(bigint, text, timestamptz, text, text) IS
'Raises when an exclusion covers a ПТ to be issued, or the debt was not confirmed for longer than k2bridge.max_debt_age.';

CREATE FUNCTION k2.extreq_filled() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    actor name := k2.acting_user();
    loan record;
BEGIN
    SELECT l.id, l.iinbin, l.fullname, l.dbz_contract_number, l.dbz_dt, l.cur, l.debt, l.synced_at INTO loan
      FROM k2.loan l WHERE l.id = NEW.loan_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'loan % does not exist', NEW.loan_id USING ERRCODE = 'foreign_key_violation';
    END IF;
    NEW.stat_id := coalesce(NEW.stat_id, k2.extreq_stat_id('REGISTERED'));
    -- What is over already is history being loaded; everything else is a claim and has to meet the rules.
    IF NOT k2.extreq_ended(NEW.stat_id) AND NEW.stat_id <> k2.extreq_stat_id('EXECUTED') THEN
        PERFORM k2.check_issue(loan.id, loan.iinbin, loan.synced_at, NEW.bank_code, NEW.extacc_code);
        IF NEW.amount IS NULL AND loan.debt <= 0 THEN
            RAISE EXCEPTION 'loan % has no debt to claim', loan.id USING ERRCODE = '55000';
        END IF;
    END IF;
    NEW.amount := coalesce(NEW.amount, loan.debt);
    NEW.code := coalesce(NEW.code, k2.next_refer());
    NEW.cur := coalesce(NEW.cur, loan.cur);
    NEW.loan_debt := coalesce(NEW.loan_debt, loan.debt);
    NEW.knp := coalesce(NEW.knp, '423');
    NEW.purpose := coalesce(NEW.purpose,
                            k2.extreq_purpose(loan.fullname, loan.dbz_contract_number, loan.dbz_dt, loan.iinbin));
    NEW.transitacc_id := coalesce(NEW.transitacc_id,
                                  (SELECT min(t.id) FROM k2.transit_account t WHERE coalesce(t.cur, NEW.cur) = NEW.cur HAVING count(*) = 1));
    NEW.paid_amount := 0;
    NEW.created_by := CASE WHEN k2.may_backdate() THEN coalesce(NEW.created_by, actor) ELSE actor END;
    NEW.updated_by := CASE WHEN k2.may_backdate() THEN coalesce(NEW.updated_by, NEW.created_by) ELSE actor END;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION k2.extreq_filled() IS 'Row trigger of k2.extreq: what a new ПТ must meet, and the columns that were not given.';

CREATE FUNCTION k2.check_recall(code text, stat_id integer, loan_id bigint, reason_code text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    stat record;
    iin text := (SELECT l.iinbin FROM k2.loan l WHERE l.id = $3);
BEGIN
    SELECT s.title, s.can_recall INTO stat FROM k2.extreq_stat s WHERE s.id = $2;
    PERFORM k2.lock_exclusions(iin);
    IF NOT stat.can_recall THEN
        RAISE EXCEPTION 'payment request "%" cannot be recalled in status "%"', code, stat.title
            USING ERRCODE = '55000', HINT = 'SELECT title FROM k2.extreq_stat WHERE can_recall lists the statuses in which it can.';
    ELSIF reason_code IS NULL THEN
        RAISE EXCEPTION 'payment request "%" needs a reason_code to be recalled', code
            USING ERRCODE = '23502', HINT = 'SELECT * FROM k2.return_reason lists the reasons.';
    ELSIF k2.is_recall_excluded(loan_id) THEN
        RAISE EXCEPTION 'an active exclusion forbids the recall of payment request "%"', code
            USING ERRCODE = '55000',
                  HINT = format('SELECT * FROM k2.active_exclusion WHERE iin = %L shows it.', iin);
    END IF;
END
$$;
COMMENT ON FUNCTION k2.check_recall(text, integer, bigint, text) IS
'Raises when an outgoing ПТ may not be recalled: by its status, without a reason, or under an exclusion with for_refuse.';
-- Outgoing ПТ: what may change, when payments execute them, and the events that every change leaves.

CREATE FUNCTION k2.check_extreq_edit(code text, stat_id integer) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    stat record;
BEGIN
    SELECT s.title, s.can_edit INTO stat FROM k2.extreq_stat s WHERE s.id = $2;
    IF NOT stat.can_edit THEN
        RAISE EXCEPTION 'payment request "%" cannot be changed in status "%"', code, stat.title
            USING ERRCODE = '55000', HINT = 'Recall it and create another one.';
    END IF;
END
$$;
COMMENT ON FUNCTION k2.check_extreq_edit(text, integer) IS
'Raises when loan, bank, account, currency and amount of an outgoing ПТ may no longer change.';

CREATE FUNCTION k2.check_extreq_move(code text, stat_id integer, wanted integer, is_paid boolean) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    executed integer := k2.extreq_stat_id('EXECUTED');
BEGIN
    IF k2.extreq_ended(stat_id) OR (stat_id = executed AND is_paid) THEN
        RAISE EXCEPTION 'payment request "%" cannot leave status "%"', code,
                        (SELECT s.title FROM k2.extreq_stat s WHERE s.id = $2) USING ERRCODE = '55000';
    ELSIF wanted = executed AND NOT is_paid THEN
        RAISE EXCEPTION 'payment request "%" is not paid', code
            USING ERRCODE = '55000', HINT = 'Payments execute a payment request: insert them into k2.extreq_pay.';
    END IF;
END
$$;
COMMENT ON FUNCTION k2.check_extreq_move(text, integer, integer, boolean) IS
'Raises when an outgoing ПТ may not change its status so; recalls have a check of their own.';

CREATE FUNCTION k2.extreq_rules() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    executed integer := k2.extreq_stat_id('EXECUTED');
    is_paid boolean;
BEGIN
    IF NEW.code <> OLD.code THEN
        RAISE EXCEPTION 'the reference of payment request "%" cannot change', OLD.code USING ERRCODE = '55000';
    ELSIF (NEW.loan_id, NEW.bank_code, NEW.extacc_code, NEW.cur, NEW.amount)
          IS DISTINCT FROM (OLD.loan_id, OLD.bank_code, OLD.extacc_code, OLD.cur, OLD.amount) THEN
        PERFORM k2.check_extreq_edit(OLD.code, OLD.stat_id);
        PERFORM k2.check_issue(l.id, l.iinbin, l.synced_at, NEW.bank_code, NEW.extacc_code)
           FROM k2.loan l WHERE l.id = NEW.loan_id;
    END IF;
    IF NEW.paid_amount <> OLD.paid_amount THEN
        NEW.paid_amount := k2.sum_of_payments(NEW.code);
    END IF;
    is_paid := NEW.paid_amount >= NEW.amount;
    IF NEW.stat_id <> OLD.stat_id THEN
        PERFORM k2.check_extreq_move(OLD.code, OLD.stat_id, NEW.stat_id, is_paid);
        IF NEW.stat_id = k2.extreq_stat_id('RECALLED') THEN
            PERFORM k2.check_recall(OLD.code, OLD.stat_id, NEW.loan_id, NEW.reason_code);
        END IF;
        NEW.former_stat_id := CASE WHEN NEW.stat_id = executed THEN OLD.stat_id END;
    ELSIF is_paid AND NEW.stat_id <> executed AND NOT k2.extreq_ended(NEW.stat_id) THEN
        NEW.former_stat_id := NEW.stat_id;
        NEW.stat_id := executed;
    ELSIF NEW.stat_id = executed AND NOT is_paid AND NEW.paid_amount < OLD.paid_amount THEN
        NEW.stat_id := coalesce(NEW.former_stat_id, k2.extreq_stat_id('REGISTERED'));
        NEW.former_stat_id := NULL;
    END IF;
    NEW.updated_at := clock_timestamp();
    NEW.updated_by := k2.acting_user();
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION k2.extreq_rules() IS
'Row trigger of k2.extreq: what may change, which status may follow which; payments execute it, a reversal takes that back.';

CREATE FUNCTION k2.extreq_record_insert() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO k2.ext_account (code, bank_code, name, client_id)
    SELECT DISTINCT ON (n.extacc_code, n.bank_code) n.extacc_code, n.bank_code, l.fullname, c.id
      FROM new_rows n JOIN k2.loan l ON l.id = n.loan_id LEFT JOIN k2.client c ON c.iin = l.iinbin
     ORDER BY n.extacc_code, n.bank_code
        ON CONFLICT (code, bank_code) DO NOTHING;
    INSERT INTO k2.extreq_event (refer, kind, reason_code, source, correlation, amount)
    SELECT n.code, k2.extreq_kind(n.stat_id), n.reason_code, k2.event_source(), k2bridge.correlation(), n.amount
      FROM new_rows n ORDER BY n.id;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION k2.extreq_record_insert() IS
'Statement trigger of k2.extreq: the first event of every new ПТ; an account in another bank not seen before is kept.';

-- The plan of a join of transition tables is kept from its first call, when they may hold one row; a nested loop would
-- be quadratic later. JIT is off, since a forbidden nested loop that cannot be avoided costs so much that it would be
-- compiled.
CREATE FUNCTION k2.extreq_record_update() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_nestloop = off SET jit = off AS $$
DECLARE
    executed integer := k2.extreq_stat_id('EXECUTED');
BEGIN
    INSERT INTO k2.extreq_event (refer, kind, reason_code, source, correlation, note)
    SELECT n.code, e.kind, e.reason_code, k2.event_source(), k2bridge.correlation(), e.note
      FROM new_rows n
      JOIN old_rows o USING (id)
     CROSS JOIN LATERAL (
        SELECT 1, CASE o.stat_id WHEN executed THEN 'UNEXECUTED' ELSE k2.extreq_kind(n.stat_id) END,
               CASE WHEN k2.extreq_ended(n.stat_id) THEN n.reason_code END, NULL
         WHERE n.stat_id <> o.stat_id
        UNION ALL
        SELECT 2, 'CHANGED', NULL, c.columns
          FROM k2.changed_columns(to_jsonb(o), to_jsonb(n),
                   '{stat_id,former_stat_id,reason_code,paid_amount,updated_at,updated_by}') AS c (columns)
         WHERE c.columns IS NOT NULL) AS e (position, kind, reason_code, note)
     ORDER BY n.id, e.position;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION k2.extreq_record_update() IS 'Statement trigger of k2.extreq: one event per change; payments leave their own.';
-- Outgoing ПТ: creating and recalling them, service I4, and what I5 and I6 do to them (wire document, I4, A7).

CREATE TYPE k2.extreq_row AS (
    id            bigint,
    code          text,
    loan_id       bigint,
    bank_code     text,
    extacc_code   text,
    cur           text,
    amount        numeric(20,2),
    paid_amount   numeric(20,2),
    loan_debt     numeric(20,2),
    knp           text,
    purpose       text,
    stat_id       integer,
    reason_code   text,
    reg_id        bigint,
    transitacc_id integer,
    sys_uuid      uuid,
    created_at    timestamptz,
    created_by    name,
    updated_at    timestamptz,
    updated_by    name
);
COMMENT ON TYPE k2.extreq_row IS 'An outgoing ПТ as functions return it: the columns of k2.extreq.';

CREATE FUNCTION k2.create_extreq(loan_id bigint, bank_code text, extacc_code text, amount numeric DEFAULT NULL) RETURNS k2.extreq_row
    LANGUAGE c AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2.create_extreq(bigint, text, text, numeric) IS
'Creates an outgoing ПТ to an account in another bank, for the current debt when no amount is given. Refused while an exclusion covers it, and when the debt is older than k2bridge.max_debt_age.';

CREATE FUNCTION k2.create_extreq_as_owner(loan_id bigint, bank_code text, extacc_code text, amount numeric) RETURNS k2.extreq_row
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    created k2.extreq_row;
BEGIN
    IF scale(trim_scale($4)) > 2 THEN
        RAISE EXCEPTION 'amount has more than 2 decimals' USING ERRCODE = '22023';
    END IF;
    INSERT INTO k2.extreq (loan_id, bank_code, extacc_code, amount) VALUES ($1, $2, $3, $4)
    RETURNING id, code, loan_id, bank_code, extacc_code, cur, amount, paid_amount, loan_debt, knp, purpose, stat_id,
              reason_code, reg_id, transitacc_id, sys_uuid, created_at, created_by, updated_at, updated_by INTO created;
    RETURN created;
END
$$;
COMMENT ON FUNCTION k2.create_extreq_as_owner(bigint, text, text, numeric) IS 'Behind k2.create_extreq.';

CREATE FUNCTION k2.recall_extreq(code text, reason_code text) RETURNS void
    LANGUAGE c AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2.recall_extreq(text, text) IS
'Recalls an outgoing ПТ whose status allows it, unless an exclusion forbids recalls (for_refuse).';

CREATE FUNCTION k2.recall_extreq_as_owner(code text, reason_code text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    former integer;
    recalled integer := k2.extreq_stat_id('RECALLED');
BEGIN
    PERFORM k2.check_reason(reason_code);
    SELECT e.stat_id INTO former FROM k2.extreq e WHERE e.code = $1 FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'payment request "%" does not exist', code USING ERRCODE = 'no_data_found';
    ELSIF former = recalled THEN
        PERFORM k2.check_recall(e.code, e.stat_id, e.loan_id, $2) FROM k2.extreq e WHERE e.code = $1;
    END IF;
    UPDATE k2.extreq e SET stat_id = recalled, reason_code = $2 WHERE e.code = $1;
    PERFORM k2bridge.record_audit('k2.extreq', code, 'recall', jsonb_build_object('stat_id', former),
                                  jsonb_build_object('stat_id', recalled, 'reason_code', reason_code), NULL);
END
$$;
COMMENT ON FUNCTION k2.recall_extreq_as_owner(text, text) IS 'Behind k2.recall_extreq.';

CREATE FUNCTION k2.iso_time(at timestamptz) RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp SET intervalstyle = postgres AS $$
    SELECT to_char(t.local, 'YYYY-MM-DD"T"HH24:MI:SS.US') || CASE WHEN t.shift < '0' THEN '-' ELSE '+' END
           || to_char(greatest(t.shift, -t.shift), 'HH24:MI')
      FROM (SELECT $1 AT TIME ZONE current_setting('k2bridge.timezone') AS local,
                   ($1 AT TIME ZONE current_setting('k2bridge.timezone')) - ($1 AT TIME ZONE 'UTC') AS shift) t
$$;
COMMENT ON FUNCTION k2.iso_time(timestamptz) IS 'ISO 8601 with microseconds and the offset of k2bridge.timezone.';

CREATE FUNCTION k2.local_date(at timestamptz) RETURNS date
    LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT ($1 AT TIME ZONE current_setting('k2bridge.timezone'))::date
$$;
COMMENT ON FUNCTION k2.local_date(timestamptz) IS 'The day in k2bridge.timezone.';

CREATE FUNCTION k2.read_dbz(payload jsonb, first integer DEFAULT NULL, last integer DEFAULT NULL)
    RETURNS TABLE ("position" integer, error_code integer, error_text text, extra jsonb, contract_number text, dbz_dt date)
    LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'k2bridge_read_dbz';
COMMENT ON FUNCTION k2.read_dbz(jsonb, integer, integer) IS
'Requests of service I4, each naming a ДБЗ, as rows: good ones first, then bad ones with code and text.';

CREATE FUNCTION k2.k2extreq_by_dbz(payload jsonb) RETURNS jsonb
    LANGUAGE c AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2.k2extreq_by_dbz(jsonb) IS
'Service I4: outgoing ПТ by number and date of the ДБЗ, every value a string. Payload: {"contract_number": …, "dbz_dt": …}.';

CREATE FUNCTION k2.k2extreq_by_dbz_as_owner(payload jsonb) RETURNS jsonb
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    asked record;
BEGIN
    IF jsonb_typeof(payload) IS DISTINCT FROM 'object' THEN
        RETURN k2.refusal(400, 'Ожидается объект JSON');
    END IF;
    SELECT r.* INTO asked FROM k2.read_dbz(jsonb_build_array(payload)) r;
    IF asked.error_code IS NOT NULL THEN
        RETURN k2.refusal(asked.error_code, asked.error_text);
    END IF;
    RETURN k2.success() || jsonb_build_object('items', coalesce(
        (SELECT jsonb_agg(k2.extreq_item(e.id) ORDER BY e.id)
           FROM k2.loan l JOIN k2.extreq e ON e.loan_id = l.id
          WHERE l.dbz_contract_number = asked.contract_number AND l.dbz_dt = asked.dbz_dt), '[]'));
END
$$;
COMMENT ON FUNCTION k2.k2extreq_by_dbz_as_owner(jsonb) IS 'Behind k2.k2extreq_by_dbz.';

CREATE FUNCTION k2.extreq_item(id bigint) RETURNS jsonb
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT jsonb_strip_nulls(to_jsonb(i)) FROM (
        SELECT e.amount::text AS "amount", e.bank_code AS "bank_code", b.id::text AS "bank_id", b.name AS "bank_id$",
               b.header_paper AS "bank_id$header_paper", c.id::text AS "cli_id", c.name AS "cli_id$", l.iinbin AS "cli_iin",
               e.code AS "code", k2.iso_time(e.created_at) AS "created_at",
               to_char(k2.local_date(e.created_at), 'DD.MM.YYYY') AS "created_at_fmt", a.id::text AS "created_by",
               coalesce(a.name, e.created_by) AS "created_by$", a.footer_text AS "created_by$footer_text",
               e.created_by AS "created_by$login", m.id::text AS "cur_id", e.cur AS "cur_id$",
               e.extacc_code AS "extacc_code", x.id::text AS "extacc_id", x.name AS "extacc_id$", e.id::text AS "id",
               k.id::text AS "knp_id", e.knp AS "knp_id$code", e.knp || '.' || k.title AS "knp_id$",
               e.loan_debt::text AS "loan_debt", to_char(l.dbz_dt, 'DD.MM.YYYY') AS "loan_doc_at_fmt",
               l.id::text AS "loan_id", l.dbz_contract_number AS "loan_id$dbz_num", l.fullname AS "loan_id$title",
               e.paid_amount::text AS "paid_amount", e.purpose AS "purpose", e.reg_id::text AS "reg_id",
               coalesce(r.title, r.id::text) AS "reg_id$", e.stat_id::text AS "stat_id", s.title AS "stat_id$",
               e.sys_uuid::text AS "sys$uuid", e.transitacc_id::text AS "transitacc_id", t.code AS "transitacc_id$",
               k2.iso_time(e.updated_at) AS "updated_at", u.id::text AS "updated_by",
               coalesce(u.name, e.updated_by) AS "updated_by$", u.footer_text AS "updated_by$footer_text",
               e.updated_by AS "updated_by$login"
          FROM k2.extreq e
          JOIN k2.loan l ON l.id = e.loan_id
          JOIN k2.extreq_stat s ON s.id = e.stat_id
          LEFT JOIN k2.bank b ON b.bic = e.bank_code
          LEFT JOIN k2.client c ON c.iin = l.iinbin
          LEFT JOIN k2.currency m ON m.code = e.cur
          LEFT JOIN k2.ext_account x ON x.code = e.extacc_code AND x.bank_code = e.bank_code
          LEFT JOIN k2.knp k ON k.code = e.knp
          LEFT JOIN k2.reg r ON r.id = e.reg_id
          LEFT JOIN k2.transit_account t ON t.id = e.transitacc_id
          LEFT JOIN k2.app_user a ON a.login = e.created_by
          LEFT JOIN k2.app_user u ON u.login = e.updated_by
         WHERE e.id = $1) i
$$;
COMMENT ON FUNCTION k2.extreq_item(bigint) IS 'An outgoing ПТ as service I4 shows it; keys without a value are left out.';

-- I5 and I6 for outgoing ПТ: the other bank reports PC1, PC3 or a return. Null when there is no such ПТ.

CREATE FUNCTION k2.extreq_refused(code text, title text) RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT k2.refusal(409, format('Платежное требование %s в статусе «%s»', $1, $2))
$$;
COMMENT ON FUNCTION k2.extreq_refused(text, text) IS 'The refusal of a report about an outgoing ПТ that is over.';

CREATE FUNCTION k2.extreq_take_status(code text, status_code text) RETURNS jsonb
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    current record;
BEGIN
    SELECT k2.extreq_kind(e.stat_id) AS kind, s.title INTO current
      FROM k2.extreq e JOIN k2.extreq_stat s ON s.id = e.stat_id WHERE e.code = $1 FOR NO KEY UPDATE OF e;
    IF NOT FOUND THEN
        RETURN NULL;
    ELSIF status_code = 'EXECUTED' THEN
        -- Money executes an outgoing ПТ; what the bank says about it is kept.
        INSERT INTO k2.extreq_event (refer, kind, source, correlation, note)
        SELECT $1, 'EXECUTED', k2.event_source(), k2bridge.correlation(), 'reported, payments decide'
         WHERE NOT EXISTS (SELECT FROM k2.extreq_event v WHERE v.refer = $1 AND v.kind = 'EXECUTED');
    ELSIF current.kind IN ('RECALLED', 'RETURNED', 'REFUSED', 'EXECUTED') THEN
        RETURN k2.extreq_refused(code, current.title);
    ELSIF current.kind <> status_code AND current.kind <> 'PC3' THEN
        UPDATE k2.extreq e SET stat_id = k2.extreq_stat_id(status_code) WHERE e.code = $1;
    END IF;
    RETURN k2.success();
END
$$;
COMMENT ON FUNCTION k2.extreq_take_status(text, text) IS 'I5 for an outgoing ПТ: PC1 and PC3 set its status, forward only.';

CREATE FUNCTION k2.extreq_take_return(code text, reason_code text) RETURNS jsonb
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    current record;
BEGIN
    SELECT k2.extreq_kind(e.stat_id) AS kind, s.title INTO current
      FROM k2.extreq e JOIN k2.extreq_stat s ON s.id = e.stat_id WHERE e.code = $1 FOR NO KEY UPDATE OF e;
    IF NOT FOUND THEN
        RETURN NULL;
    ELSIF current.kind IN ('RECALLED', 'REFUSED', 'EXECUTED') THEN
        RETURN k2.extreq_refused(code, current.title);
    ELSIF current.kind <> 'RETURNED' THEN
        UPDATE k2.extreq e SET stat_id = k2.extreq_stat_id('RETURNED'), reason_code = $2 WHERE e.code = $1;
    END IF;
    RETURN k2.success();
END
$$;
COMMENT ON FUNCTION k2.extreq_take_return(text, text) IS 'I6 for an outgoing ПТ.';
-- Payments on outgoing ПТ: service I2, reversal, and paid_amount as their sum (wire document, I2 and section 4).
--
-- Payments are facts: refused only when the transaction is known already, the reference is not, or the currency is
-- another one. Whoever writes payments holds the rows of their ПТ in the order of the references.

CREATE FUNCTION k2.sum_of_payments(refer text) RETURNS numeric
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(sum(p.amount), 0) FROM k2.extreq_pay p WHERE p.refer = $1 AND p.reversed_at IS NULL
$$;
COMMENT ON FUNCTION k2.sum_of_payments(text) IS 'What was paid on an outgoing ПТ: its payments that are not reversed.';

-- The sums are taken by a statement of their own, after the locks: it sees what other senders committed meanwhile.
CREATE FUNCTION k2.recount_payments(refers text[]) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM FROM k2.extreq e WHERE e.code = ANY (refers) ORDER BY e.code COLLATE "C" FOR NO KEY UPDATE;
    UPDATE k2.extreq e SET paid_amount = s.paid
      FROM (SELECT r.refer, coalesce(sum(p.amount) FILTER (WHERE p.reversed_at IS NULL), 0) AS paid
              FROM (SELECT DISTINCT unnest(refers)) AS r (refer)
              LEFT JOIN k2.extreq_pay p ON p.refer = r.refer
             GROUP BY r.refer) s
     WHERE e.code = s.refer AND e.paid_amount <> s.paid;
END
$$;
COMMENT ON FUNCTION k2.recount_payments(text[]) IS 'Makes paid_amount of these ПТ the sum of their payments again.';

CREATE FUNCTION k2.payments_inserted() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    foreign_one record;
BEGIN
    SELECT n.trn_id, n.cur, e.code, e.cur AS wanted INTO foreign_one
      FROM new_rows n JOIN k2.extreq e ON e.code = n.refer WHERE n.cur <> e.cur LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'payment % is in %, payment request "%" in %', foreign_one.trn_id, foreign_one.cur,
                        foreign_one.code, foreign_one.wanted USING ERRCODE = '23514';
    END IF;
    INSERT INTO k2.extreq_event (refer, kind, source, correlation, amount, note)
    SELECT n.refer, 'PAID', k2.event_source(), k2bridge.correlation(), n.amount, 'payment ' || n.trn_id
      FROM new_rows n ORDER BY n.trn_id;
    PERFORM k2.recount_payments(ARRAY(SELECT n.refer FROM new_rows n));
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION k2.payments_inserted() IS 'Statement trigger of k2.extreq_pay: currency, events, sums.';

-- The plan of a join of transition tables is kept from its first call, when they may hold one row; a nested loop would
-- be quadratic later. JIT is off, since a forbidden nested loop that cannot be avoided costs so much that it would be
-- compiled. The ПТ, on the other hand, are found by their index.
CREATE FUNCTION k2.payments_updated() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_nestloop = off SET jit = off AS $$
BEGIN
    INSERT INTO k2.extreq_event (refer, kind, source, correlation, amount, note)
    SELECT v.refer, v.kind, k2.event_source(), k2bridge.correlation(), v.amount, v.note
      FROM (SELECT o.refer, CASE WHEN n.trn_id = o.trn_id AND n.reversed_at IS NOT NULL THEN 'REVERSED' ELSE 'UNPAID' END,
                   o.amount, concat_ws(': ', 'payment ' || o.trn_id, n.reversed_note), o.trn_id, 1
              FROM old_rows o LEFT JOIN new_rows n ON n.trn_id = o.trn_id
             WHERE o.reversed_at IS NULL
               AND (n.trn_id IS NULL OR n.reversed_at IS NOT NULL OR (n.refer, n.amount) <> (o.refer, o.amount))
            UNION ALL
            SELECT n.refer, 'PAID', n.amount, 'payment ' || n.trn_id, n.trn_id, 2
              FROM new_rows n LEFT JOIN old_rows o ON o.trn_id = n.trn_id
             WHERE n.reversed_at IS NULL
               AND (o.trn_id IS NULL OR o.reversed_at IS NOT NULL OR (n.refer, n.amount) <> (o.refer, o.amount))
           ) AS v (refer, kind, amount, note, trn_id, position)
     ORDER BY v.trn_id, v.position;
    PERFORM set_config('enable_nestloop', 'on', true);
    IF EXISTS (SELECT FROM new_rows n JOIN k2.extreq e ON e.code = n.refer WHERE n.cur <> e.cur) THEN
        RAISE EXCEPTION 'a payment must be in the currency of its payment request' USING ERRCODE = '23514';
    END IF;
    PERFORM k2.recount_payments(ARRAY(SELECT n.refer FROM new_rows n UNION SELECT o.refer FROM old_rows o));
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION k2.payments_updated() IS 'Statement trigger of k2.extreq_pay: a changed payment is taken back and counted anew.';

CREATE FUNCTION k2.payments_deleted() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO k2.extreq_event (refer, kind, source, correlation, amount, note)
    SELECT o.refer, 'UNPAID', k2.event_source(), k2bridge.correlation(), o.amount, 'payment ' || o.trn_id
      FROM old_rows o WHERE o.reversed_at IS NULL ORDER BY o.trn_id;
    PERFORM k2.recount_payments(ARRAY(SELECT o.refer FROM old_rows o));
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION k2.payments_deleted() IS 'Statement trigger of k2.extreq_pay: events and sums of removed payments.';

CREATE FUNCTION k2.payments_truncated() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE k2.extreq SET paid_amount = 0 WHERE paid_amount <> 0;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION k2.payments_truncated() IS 'Trigger: without payments nothing is paid.';

-- Service I2.

CREATE FUNCTION k2.read_payments(payload jsonb, first integer DEFAULT NULL, last integer DEFAULT NULL)
    RETURNS TABLE ("position" integer, error_code integer, error_text text, extra jsonb,
                   request_id bigint, trn_id bigint, refer text, cur text, amount numeric, incoming_amount numeric)
    LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'k2bridge_read_payments';
COMMENT ON FUNCTION k2.read_payments(jsonb, integer, integer) IS
'The items of a k2extreq_pay_from_eko payload as rows: good ones by trn_id and position, then bad ones with code and text.';

-- The ПТ are held before the first payment is inserted: two senders that share both a transaction and a ПТ would
-- otherwise wait for each other.
CREATE FUNCTION k2.store_payments(payload jsonb, first integer, last integer) RETURNS SETOF k2.item_fault
    LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
    WITH item AS MATERIALIZED (
        SELECT r.* FROM k2.read_payments($1, $2, $3) r
    ), held AS MATERIALIZED (
        SELECT e.code, e.cur FROM k2.extreq e
         WHERE e.code = ANY (ARRAY(SELECT i.refer FROM item i WHERE i.error_code IS NULL))
         ORDER BY e.code COLLATE "C" FOR NO KEY UPDATE
    ), known AS MATERIALIZED (
        SELECT i.*, h.code IS NULL AS is_unknown, h.cur <> i.cur AS is_foreign, h.cur AS wanted,
               row_number() OVER (PARTITION BY i.trn_id, h.cur = i.cur ORDER BY i."position") > 1 AS is_repeated
          FROM item i LEFT JOIN held h ON h.code = i.refer
         WHERE i.error_code IS NULL
    ), stored AS (
        INSERT INTO k2.extreq_pay AS p (trn_id, request_id, refer, cur, amount, incoming_amount, extra)
        SELECT k.trn_id, k.request_id, k.refer, k.cur, k.amount, k.incoming_amount, k.extra
          FROM known k WHERE NOT k.is_unknown AND NOT k.is_foreign AND NOT k.is_repeated
         ORDER BY k.trn_id
        ON CONFLICT (trn_id) DO NOTHING
        RETURNING p.trn_id
    )
    SELECT i."position", i.error_code, i.error_text FROM item i WHERE i.error_code IS NOT NULL
    UNION ALL
    SELECT k."position",
           CASE WHEN k.is_unknown THEN 404 WHEN k.is_foreign THEN 409 ELSE 9 END,
           CASE WHEN k.is_unknown THEN format('Платежное требование %s не найдено', k.refer)
                WHEN k.is_foreign THEN format('Валюта %s не совпадает с валютой %s платежного требования %s', k.cur, k.wanted, k.refer)
                ELSE 'pq: duplicate key value violates unique constraint "k2extreq_pay_trn_id_uindex"' END
      FROM known k LEFT JOIN stored s ON s.trn_id = k.trn_id
     WHERE k.is_unknown OR k.is_foreign OR k.is_repeated OR s.trn_id IS NULL
$$;
COMMENT ON FUNCTION k2.store_payments(jsonb, integer, integer) IS
'Stores the payments of a k2extreq_pay_from_eko payload; returns the refused items.';

CREATE FUNCTION k2.k2extreq_pay_from_eko_as_owner(payload jsonb) RETURNS jsonb
    LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
    SELECT k2.run_batch('k2extreq_pay_from_eko', 'k2.store_payments', $1, 1, 'Обнаружены ошибки при приеме платежей')
$$;
COMMENT ON FUNCTION k2.k2extreq_pay_from_eko_as_owner(jsonb) IS 'Behind k2.k2extreq_pay_from_eko.';

CREATE FUNCTION k2.k2extreq_pay_from_eko(payload jsonb) RETURNS jsonb
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2.k2extreq_pay_from_eko(jsonb) IS
'Service I2: payments received on outgoing ПТ, {"items": [...]} or an array. Refused items are answered in errors[], the others are stored.';

-- Reversal.

CREATE FUNCTION k2.reverse_pay(trn_id bigint, note text) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2.reverse_pay(bigint, text) IS
'Marks a payment as reversed: it no longer counts, and a ПТ that it executed gets its former status back.';

CREATE FUNCTION k2.reverse_pay_as_owner(trn_id bigint, note text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    payment record;
BEGIN
    SELECT p.refer, p.amount, p.reversed_at INTO payment FROM k2.extreq_pay p WHERE p.trn_id = $1;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'payment % does not exist', trn_id USING ERRCODE = 'no_data_found';
    END IF;
    -- The ПТ before the payment, as all writers of payments do.
    PERFORM FROM k2.extreq e WHERE e.code = payment.refer FOR NO KEY UPDATE;
    UPDATE k2.extreq_pay p SET reversed_at = clock_timestamp(), reversed_by = k2.acting_user(), reversed_note = note
     WHERE p.trn_id = $1 AND p.reversed_at IS NULL;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'payment % is already reversed', trn_id USING ERRCODE = '55000';
    END IF;
    PERFORM k2bridge.record_audit('k2.extreq_pay', trn_id::text, 'reverse', NULL,
                                  jsonb_build_object('refer', payment.refer, 'amount', payment.amount), note);
END
$$;
COMMENT ON FUNCTION k2.reverse_pay_as_owner(bigint, text) IS 'Behind k2.reverse_pay.';
-- k2bridge.trace(key): the whole story of a ПТ, a contract, an IIN, a payment or a correlation, in order.
--
-- A key is first resolved to a scope: the objects it names and the correlations in which they changed. Then each source
-- is read by its index, never by the size of the history. A request that concerned ten thousand loans shows the one
-- asked for. PL/pgSQL and generic plans: planning for every partition anew would take longer than reading.

CREATE TYPE k2bridge.trace_row AS (
    at        timestamptz,
    direction text,
    who       text,
    what      text,
    outcome   text,
    detail    text,
    id        bigint
);
COMMENT ON TYPE k2bridge.trace_row IS
'A moment of a story. direction: in (a request came), change (a row), status (an event), person (an operation), out (a call was queued), reply (it ended); detail is JSON.';

CREATE TYPE k2bridge.trace_scope AS (
    story   uuid,
    names   text[],
    about   text[],
    iins    text[],
    loans   bigint[],
    refers  text[],
    codes   text[],
    stories uuid[]
);
COMMENT ON TYPE k2bridge.trace_scope IS
'What a trace is about: a correlation alone, or the names in payloads and in arguments of calls, IINs, loans, incoming and outgoing ПТ, and the correlations of their changes.';

CREATE FUNCTION k2bridge.trace_find(key text) RETURNS k2bridge.trace_scope
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    scope k2bridge.trace_scope;
BEGIN
    IF key ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN
        scope.story := key::uuid;
        scope.stories := ARRAY[scope.story];
        RETURN scope;
    END IF;
    scope.iins := ARRAY(SELECT key WHERE key ~ '^[0-9]{12}$');
    scope.loans := ARRAY(SELECT l.id FROM k2.loan l
                          WHERE l.contract_number = key OR l.dbz_contract_number = key OR l.iinbin = ANY (scope.iins));
    scope.refers := ARRAY(SELECT r.refer FROM k2.req r
                           WHERE r.refer = key OR r.dbz_num = key OR r.iinbin = ANY (scope.iins)
                          UNION SELECT r.refer FROM k2.loan l JOIN k2.req r ON r.dbz_num = l.dbz_contract_number AND r.iinbin = l.iinbin
                                 WHERE l.id = ANY (scope.loans));
    scope.codes := ARRAY(SELECT e.code FROM k2.extreq e WHERE e.code = key OR e.loan_id = ANY (scope.loans));
    IF key ~ '^[0-9]{1,18}$' AND scope.loans = '{}' AND scope.refers = '{}' AND scope.codes = '{}' THEN
        scope.codes := ARRAY(SELECT p.refer FROM k2.extreq_pay p WHERE p.trn_id = key::bigint);
    END IF;
    scope.names := ARRAY(SELECT key UNION SELECT unnest(scope.refers || scope.codes)
                         UNION SELECT l.contract_number FROM k2.loan l WHERE l.id = ANY (scope.loans));
    scope.about := ARRAY(SELECT unnest(ARRAY[l.id::text, l.contract_number, l.dbz_contract_number])
                           FROM k2.loan l WHERE l.id = ANY (scope.loans));
    scope.stories := ARRAY(
        SELECT v.correlation FROM k2.req_event v WHERE v.refer = ANY (scope.refers)
        UNION SELECT v.correlation FROM k2.extreq_event v WHERE v.refer = ANY (scope.codes)
        UNION SELECT d.correlation FROM k2.loan_debt d WHERE d.loan_id = ANY (scope.loans)
        UNION SELECT a.correlation FROM k2bridge.trace_objects(scope) o JOIN k2bridge.audit a ON a.object = o.object AND a.key = o.key);
    RETURN scope;
END
$$;
COMMENT ON FUNCTION k2bridge.trace_find(text) IS 'What k2bridge.trace is asked about.';

CREATE FUNCTION k2bridge.trace_objects(scope k2bridge.trace_scope) RETURNS TABLE (object text, key text)
    LANGUAGE sql STABLE ROWS 10 SET search_path = pg_catalog, pg_temp AS $$
    SELECT 'k2.loan', unnest((scope).loans)::text
    UNION ALL SELECT 'k2.req', unnest((scope).refers)
    UNION ALL SELECT 'k2.extreq', unnest((scope).codes)
    UNION ALL SELECT 'k2.extreq_pay', p.trn_id::text FROM k2.extreq_pay p WHERE p.refer = ANY ((scope).codes)
    UNION ALL SELECT 'k2.client', c.id::text FROM k2.client c WHERE c.iin = ANY ((scope).iins)
    UNION ALL SELECT 'k2.exclusion', x.id::text FROM k2.exclusion x WHERE x.iin = ANY ((scope).iins)
    UNION ALL SELECT 'k2.loan_exclude', e.iin || ' ' || e.dbz_num FROM k2.loan_exclude e WHERE e.iin = ANY ((scope).iins)
    UNION SELECT 'k2.loan_exclude', l.iinbin || ' ' || l.dbz_contract_number FROM k2.loan l WHERE l.id = ANY ((scope).loans)
    UNION ALL SELECT 'k2.rzap', r.refer FROM k2.rzap r WHERE r.refer = ANY ((scope).names)
$$;
COMMENT ON FUNCTION k2bridge.trace_objects(k2bridge.trace_scope) IS 'The rows of a scope as k2bridge.audit names them.';

CREATE FUNCTION k2bridge.trace_subjects(scope k2bridge.trace_scope) RETURNS text[]
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT ARRAY(SELECT 'req:' || unnest((scope).refers)
                 UNION ALL SELECT 'extreq:' || unnest((scope).codes)
                 UNION ALL SELECT 'loan:' || l.id || ':' || p.part || w.wait
                             FROM unnest((scope).loans) AS l (id)
                            CROSS JOIN unnest('{client,accounts,statement,scan,debt}'::text[]) AS p (part)
                            CROSS JOIN unnest('{"",:again}'::text[]) AS w (wait))
$$;
COMMENT ON FUNCTION k2bridge.trace_subjects(k2bridge.trace_scope) IS 'The subjects of the calls about a scope; a bank''s own calls about outgoing ПТ join in with extreq:<code>.';

CREATE FUNCTION k2bridge.trace_statuses(scope k2bridge.trace_scope) RETURNS SETOF k2bridge.trace_row
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT v.at, 'status', v.source, 'k2.req ' || v.refer, v.kind,
           jsonb_strip_nulls(jsonb_build_object('reason_code', v.reason_code, 'note', v.note))::text, v.id
      FROM (SELECT e.* FROM k2.req_event e WHERE e.refer = ANY (scope.refers)
            UNION ALL SELECT e.* FROM k2.req_event e WHERE e.correlation = scope.story) v
    UNION ALL
    SELECT v.at, 'status', v.source, 'k2.extreq ' || v.refer, v.kind,
           jsonb_strip_nulls(jsonb_build_object('reason_code', v.reason_code, 'amount', v.amount, 'note', v.note))::text, v.id
      FROM (SELECT e.* FROM k2.extreq_event e WHERE e.refer = ANY (scope.codes)
            UNION ALL SELECT e.* FROM k2.extreq_event e WHERE e.correlation = scope.story) v
    UNION ALL
    SELECT d.at, 'status', d.created_by::text, 'k2.loan ' || d.loan_id, 'DEBT',
           jsonb_build_object('debt', d.debt, 'source', d.source)::text, d.loan_id
      FROM (SELECT e.* FROM k2.loan_debt e WHERE e.loan_id = ANY (scope.loans)
            UNION ALL SELECT e.* FROM k2.loan_debt e WHERE e.correlation = scope.story) d
    UNION ALL
    SELECT h.at, 'status', h.author, 'k2.loan_exclude ' || h.iin || ' ' || h.dbz_num, h.code,
           jsonb_strip_nulls(jsonb_build_object('title', h.title))::text, h.id
      FROM (SELECT l.iinbin, l.dbz_contract_number FROM k2.loan l WHERE l.id = ANY (scope.loans)
            UNION SELECT e.iin, e.dbz_num FROM k2.loan_exclude e WHERE e.iin = ANY (scope.iins)) AS w (iin, dbz_num)
      JOIN k2.loan_exclude_hist h ON h.iin = w.iin AND h.dbz_num = w.dbz_num;
END
$$;
COMMENT ON FUNCTION k2bridge.trace_statuses(k2bridge.trace_scope) IS 'Part of k2bridge.trace: events, debts, bans.';

-- One branch per index, since an OR would read every partition from end to end, and only those that may find something.
CREATE FUNCTION k2bridge.trace_finished(scope k2bridge.trace_scope, subjects text[])
    RETURNS TABLE (id bigint, finished_at timestamptz, delivery text)
    LANGUAGE plpgsql STABLE ROWS 20 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted text[] := subjects;
    verifying text[];
    arguments jsonb[] := k2bridge.trace_arguments(scope);
BEGIN
    IF scope.story IS NOT NULL THEN
        RETURN QUERY SELECT c.id, c.finished_at, c.delivery FROM k2bridge.call c WHERE c.correlation = scope.story;
        RETURN;
    END IF;
    -- What verified a call is part of its story.
    WHILE wanted <> '{}' LOOP
        verifying := '{}';
        FOR id, finished_at, delivery IN
            SELECT c.id, c.finished_at, c.delivery FROM k2bridge.call c WHERE c.subject = ANY (wanted) LOOP
            RETURN NEXT;
            IF delivery = 'at_most_once' THEN
                verifying := verifying || ('verify:' || id);
            END IF;
        END LOOP;
        wanted := verifying;
    END LOOP;
    RETURN QUERY SELECT c.id, c.finished_at, c.delivery FROM k2bridge.call c
                  WHERE c.subject IS NULL AND c.args ->> 'iinbin' IS NOT NULL AND c.args ->> 'iinbin' = ANY (scope.iins);
    RETURN QUERY SELECT c.id, c.finished_at, c.delivery FROM k2bridge.call c
                  WHERE c.subject IS NULL AND c.args @> ANY (arguments)
                    AND coalesce(c.args #>> '{about,loan_id}', c.args ->> 'contract_number', c.args ->> 'dbz_num') IS NOT NULL
                    AND coalesce(c.args #>> '{about,loan_id}', c.args ->> 'contract_number', c.args ->> 'dbz_num') = ANY (scope.about);
    IF scope.iins <> '{}' AND scope.stories <> '{}' THEN
        RETURN QUERY SELECT c.id, c.finished_at, c.delivery
                       FROM k2bridge.call c WHERE c.correlation = ANY (scope.stories) AND c.subject = 'exclusions';
    END IF;
END
$$;
COMMENT ON FUNCTION k2bridge.trace_finished(k2bridge.trace_scope, text[]) IS 'The finished calls of a scope: by subject, the pushes of its exclusions, and direct calls by their arguments.';

-- Calls are told twice, when they were queued and when they ended: that is the order in which things happened.
CREATE FUNCTION k2bridge.trace_calls(scope k2bridge.trace_scope, subjects text[]) RETURNS SETOF k2bridge.trace_row
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    WITH known AS MATERIALIZED (
        SELECT c.id, c.endpoint, c.server, c.subject, c.args, c.created_at, c.created_by, c.resent_from, c.finished_at AS ended_at,
               c.outcome, jsonb_build_object('http_status', c.http_status, 'error_code', c.error_code, 'error_text', c.error_text,
                                             'reply', c.reply, 'attempts', c.attempts, 'duration', c.duration, 'sent_as', c.sent_as) AS ending
          FROM (SELECT DISTINCT e.id, e.finished_at FROM k2bridge.trace_finished(scope, subjects) e) f
          JOIN k2bridge.call c ON c.id = f.id AND c.finished_at = f.finished_at
        UNION ALL
        SELECT o.id, o.endpoint, o.server, o.subject, o.args, o.created_at, o.created_by, o.resent_from,
               CASE WHEN o.state <> 'queued' OR o.last_error IS NOT NULL THEN coalesce(o.sent_at, o.created_at) END, o.state,
               jsonb_build_object('http_status', o.http_status, 'error_code', o.error_code, 'error_text', o.last_error,
                                  'reply', o.reply, 'attempts', o.attempts, 'found', o.found)
          FROM k2bridge.outbox o WHERE o.subject = ANY (subjects)
        UNION ALL
        SELECT o.id, o.endpoint, o.server, o.subject, o.args, o.created_at, o.created_by, o.resent_from, NULL, o.state, NULL
          FROM k2bridge.outbox o WHERE scope.story IS NOT NULL AND o.correlation = scope.story
    )
    SELECT k.created_at, 'out', k.created_by::text, k.endpoint, 'queued',
           jsonb_strip_nulls(jsonb_build_object('server', k.server, 'subject', k.subject, 'args', k.args,
                                                'resent_from', k.resent_from))::text, k.id
      FROM known k
    UNION ALL
    SELECT k.ended_at, 'reply', k.server::text, k.endpoint, k.outcome, jsonb_strip_nulls(k.ending)::text, k.id
      FROM known k WHERE k.ended_at IS NOT NULL;
END
$$;
COMMENT ON FUNCTION k2bridge.trace_calls(k2bridge.trace_scope, text[]) IS 'Part of k2bridge.trace: calls, finished or not, and their replies.';

CREATE FUNCTION k2bridge.trace_arguments(scope k2bridge.trace_scope) RETURNS jsonb[]
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT ARRAY(SELECT jsonb_build_object('about', jsonb_build_object('loan_id', l.id)) FROM unnest((scope).loans) AS l (id)
                 UNION SELECT jsonb_build_object('contract_number', l.contract_number) FROM k2.loan l WHERE l.id = ANY ((scope).loans)
                 UNION SELECT jsonb_build_object('dbz_num', l.dbz_contract_number) FROM k2.loan l WHERE l.id = ANY ((scope).loans))
$$;
COMMENT ON FUNCTION k2bridge.trace_arguments(k2bridge.trace_scope) IS 'What the arguments of direct calls about a scope contain.';

CREATE FUNCTION k2bridge.trace_changes(scope k2bridge.trace_scope, calls bigint[]) RETURNS SETOF k2bridge.trace_row
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT a.at, CASE WHEN a.action IN ('insert', 'update', 'delete', 'truncate') THEN 'change' ELSE 'person' END,
           coalesce(a.client, a.actor)::text, concat_ws(' ', a.object, a.key), a.action,
           jsonb_strip_nulls(jsonb_build_object('old', a.old, 'new', a.new, 'note', a.note))::text, a.id
      FROM (SELECT b.* FROM k2bridge.trace_objects(scope) o
              JOIN k2bridge.audit b ON b.object = o.object AND b.key = o.key
             WHERE scope.story IS NULL
            UNION ALL
            SELECT b.* FROM unnest(calls) AS c (id)
             CROSS JOIN unnest('{k2bridge.outbox,k2bridge.call}'::text[]) AS o (name)
              JOIN k2bridge.audit b ON b.object = o.name AND b.key = c.id::text
             WHERE scope.story IS NULL OR b.correlation <> scope.story
            UNION ALL
            SELECT b.* FROM k2bridge.audit b WHERE b.correlation = scope.story) a;
END
$$;
COMMENT ON FUNCTION k2bridge.trace_changes(k2bridge.trace_scope, bigint[]) IS 'Part of k2bridge.trace: rows changed, and what persons did.';

CREATE FUNCTION k2bridge.trace_payload(payload jsonb, body bytea, names text[]) RETURNS jsonb
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN payload IS NULL THEN to_jsonb(format('%s bytes, see k2bridge.inbox', octet_length(body)))
                WHEN names IS NULL OR coalesce(jsonb_array_length(k2.batch_items(payload)), 0) <= 1 THEN payload
                ELSE (SELECT jsonb_agg(i.item) FROM jsonb_array_elements(k2.batch_items(payload)) AS i (item)
                       WHERE EXISTS (SELECT FROM jsonb_each_text(CASE jsonb_typeof(i.item) WHEN 'object' THEN i.item ELSE '{}' END) f
                                      WHERE f.value = ANY (names))) END
$$;
COMMENT ON FUNCTION k2bridge.trace_payload(jsonb, bytea, text[]) IS 'Of a batch only the items that hold one of the names.';

CREATE FUNCTION k2bridge.trace_inbound(scope k2bridge.trace_scope) RETURNS SETOF k2bridge.trace_row
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT i.received_at, 'in', i.client::text, i.service, concat_ws('/', i.http_status, i.reply ->> 'error_code'),
           jsonb_build_object('payload', k2bridge.trace_payload(i.payload, i.body, scope.names || scope.iins),
                              'reply', i.reply, 'from', i.remote_addr, 'correlation', i.correlation)::text, i.id
      FROM (SELECT n.* FROM k2bridge.inbox n WHERE n.correlation = ANY (scope.stories)
            UNION ALL
            SELECT n.* FROM k2bridge.inbox n
             WHERE left(coalesce(n.payload ->> 'reference', n.payload ->> 'refer', n.payload ->> 'iin', n.payload ->> 'dbz_num'), 64)
                   = ANY (scope.names)
               AND coalesce(n.payload ->> 'reference', n.payload ->> 'refer', n.payload ->> 'iin', n.payload ->> 'dbz_num') IS NOT NULL
               AND n.correlation <> ALL (scope.stories)) i;
    RETURN QUERY
    SELECT r.rejected_at, 'in', NULL, r.service, 'refused ' || r.error_code,
           jsonb_build_object('item', r.item, 'error_text', r.error_text, 'settled_at', r.settled_at)::text, r.id
      FROM (SELECT j.* FROM unnest(scope.names) AS n (name)
             CROSS JOIN unnest('{refer,contract_number,dbz_contract_number,iinbin,iin}'::text[]) AS f (name)
              JOIN k2bridge.rejected_item j ON j.item @> jsonb_build_object(f.name, n.name)
            UNION
            SELECT j.* FROM k2bridge.rejected_item j WHERE j.correlation = scope.story) r;
END
$$;
COMMENT ON FUNCTION k2bridge.trace_inbound(k2bridge.trace_scope) IS 'Part of k2bridge.trace: requests that came in, and refused items of batches.';

CREATE FUNCTION k2bridge.trace_as_owner(key text) RETURNS SETOF k2bridge.trace_row
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
    SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET max_parallel_workers_per_gather = 0 SET jit = off AS $$
DECLARE
    scope k2bridge.trace_scope := k2bridge.trace_find(trim(key));
    subjects text[] := k2bridge.trace_subjects(scope);
    calls bigint[];
    found k2bridge.trace_row[];
BEGIN
    IF trim(key) = '' THEN
        RETURN;
    END IF;
    subjects := subjects || ARRAY(SELECT 'verify:' || o.id FROM k2bridge.outbox o WHERE o.subject = ANY (subjects));
    SELECT array_agg(c), array_agg(DISTINCT (c).id) INTO found, calls FROM k2bridge.trace_calls(scope, subjects) c;
    RETURN QUERY
    SELECT t.* FROM (
        SELECT f.* FROM unnest(found) f
        UNION ALL SELECT i.* FROM k2bridge.trace_inbound(scope) i
        UNION ALL SELECT s.* FROM k2bridge.trace_statuses(scope) s
        UNION ALL SELECT c.* FROM k2bridge.trace_changes(scope, calls) c) t
     ORDER BY t.at, array_position('{in,change,person,status,out,reply}', t.direction), t.id;
END
$$;
COMMENT ON FUNCTION k2bridge.trace_as_owner(text) IS 'Behind the door k2bridge.trace.';

CREATE FUNCTION k2bridge.trace(key text) RETURNS SETOF k2bridge.trace_row
    LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2bridge.trace(text) IS
'The whole story of a ПТ, a contract, an IIN, a payment or a correlation in order: what came in, rows changed, statuses, calls, replies, what persons did. detail is JSON.';
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
-- Reading the fields of a reply: amounts exact, dates in the forms of wire/k2.md section 5 (D7, D22), a missing or
-- malformed field named in the error. An error leaves the call `answered`, with its reply kept.

CREATE FUNCTION abs.field(item jsonb, field text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF item ->> field IS NULL THEN
        RAISE EXCEPTION 'field "%" is missing in the reply', field USING ERRCODE = 'null_value_not_allowed',
            DETAIL = format('The item is: %s', left(coalesce(item::text, 'null'), 200));
    END IF;
    RETURN item ->> field;
END
$$;
COMMENT ON FUNCTION abs.field(jsonb, text) IS 'The text of a required field of a reply; raises 22004 naming the field.';

CREATE FUNCTION abs.list_field(item jsonb, field text) RETURNS jsonb
    LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM abs.field(item, field);
    IF jsonb_typeof(item -> field) <> 'array' THEN
        RAISE EXCEPTION 'field "%" of the reply is no array', field USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- Empty objects stand for "more of the same" in the bank's documents (D6).
    RETURN (SELECT coalesce(jsonb_agg(e.item ORDER BY e.position), '[]')
              FROM jsonb_array_elements(item -> field) WITH ORDINALITY AS e (item, position) WHERE e.item <> '{}');
END
$$;
COMMENT ON FUNCTION abs.list_field(jsonb, text) IS 'A required array of a reply without empty objects; raises naming the field.';

CREATE FUNCTION abs.amount_field(item jsonb, field text) RETURNS numeric
    LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    written text := abs.field(item, field);
BEGIN
    IF written !~ '^\s*[-+]?\d+(\.\d+)?\s*$' OR scale(trim_scale(written::numeric)) > 2 OR abs(written::numeric) >= 1e18 THEN
        RAISE EXCEPTION 'field "%" of the reply is no amount: "%"', field, left(written, 50)
            USING ERRCODE = 'invalid_parameter_value', DETAIL = 'An amount has at most 18 digits before and 2 after the point.';
    END IF;
    RETURN written::numeric(20,2);
END
$$;
COMMENT ON FUNCTION abs.amount_field(jsonb, text) IS 'A required amount of a reply, number or numeric string, exact; raises naming the field.';

CREATE FUNCTION abs.integer_field(item jsonb, field text) RETURNS integer
    LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF item ->> field !~ '^\s*[-+]?\d{1,9}\s*$' THEN
        RAISE EXCEPTION 'field "%" of the reply is no whole number: "%"', field, left(item ->> field, 50)
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN (item ->> field)::integer;
END
$$;
COMMENT ON FUNCTION abs.integer_field(jsonb, text) IS 'A whole number of a reply, null when absent; raises naming the field.';

CREATE FUNCTION abs.date_field(item jsonb, field text) RETURNS date
    LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    written text := item ->> field;
    part text[];
    month date;
    day integer;
BEGIN
    IF written IS NULL OR btrim(written) = '' THEN
        RETURN NULL;
    END IF;
    part := regexp_match(written, '^\s*(\d{4})[-.](0[1-9]|1[0-2])[-.](\d\d)(?:[T ].*)?$');
    IF part IS NULL THEN
        part := regexp_match(written, '^\s*(\d\d)\.(0[1-9]|1[0-2])\.(\d{4})(?:[T ].*)?$');
        part := ARRAY[part[3], part[2], part[1]];
    END IF;
    IF part[1] > '0000' THEN
        month := make_date(part[1]::integer, part[2]::integer, 1);
        day := part[3]::integer;
    END IF;
    -- Without an exception block, which would be a subtransaction for each date.
    IF day IS NULL OR day < 1 OR month + (day - 1) >= month + interval '1 month' THEN
        RAISE EXCEPTION 'field "%" of the reply is no date: "%"', field, left(written, 50)
            USING ERRCODE = 'invalid_datetime_format', HINT = 'Dates are YYYY-MM-DD, YYYY.MM.DD or DD.MM.YYYY.';
    END IF;
    RETURN month + (day - 1);
END
$$;
COMMENT ON FUNCTION abs.date_field(jsonb, text) IS 'A date of a reply, ISO or dotted, an optional time cut off, null when absent; raises naming the field.';
-- What all calls of this room share. In the queue, args are the fields of the wire plus "about": what the handler
-- must know and the bank must not be told ({"iinbin": "…", "about": {"loan_id": 17}}).

CREATE FUNCTION abs.wire_args(args jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$ SELECT args - 'about' $$;
COMMENT ON FUNCTION abs.wire_args(jsonb) IS 'Builder: the arguments that travel, without "about".';

CREATE FUNCTION abs.answered_at(call k2bridge.call_row) RETURNS timestamptz
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN coalesce(call.finished_at, clock_timestamp());
END
$$;
COMMENT ON FUNCTION abs.answered_at(k2bridge.call_row) IS
'When a call was answered. Handlers never overwrite what was answered later with what was answered earlier.';

CREATE FUNCTION abs.need_argument(name text, value text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF value IS NULL OR btrim(value) = '' THEN
        RAISE EXCEPTION '% must not be null or empty', name USING ERRCODE = 'invalid_parameter_value',
            HINT = format('Give the argument %s a value.', name);
    END IF;
    RETURN value;
END
$$;
COMMENT ON FUNCTION abs.need_argument(text, text) IS 'The value of a required argument; raises 22023 naming it.';

CREATE FUNCTION abs.need_iinbin(value text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF value IS NULL OR value !~ '^\d{12}$' THEN
        RAISE EXCEPTION 'iinbin must have 12 digits' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Give the IIN of a person or the BIN of a company.';
    END IF;
    RETURN value;
END
$$;
COMMENT ON FUNCTION abs.need_iinbin(text) IS 'The IIN or BIN given as argument; raises 22023.';
-- The dossier of a loan: client (O1), accounts (O2), statement (O3), scan (O4), debt (O8 or O9).
-- Which call a part needs, what its answer was, and asking again for what the bank does not have yet. PL/pgSQL throughout:
-- it keeps its plans, a handler runs once per call.

CREATE FUNCTION abs.loan_calls(loans bigint[], parts text[])
    RETURNS TABLE (loan_id bigint, part text, endpoint text, args jsonb, subject text, server name, missing text)
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT l.id, w.part,
           CASE w.part
               WHEN 'client' THEN 'abs.get_cli'
               WHEN 'accounts' THEN 'abs.get_acc'
               WHEN 'statement' THEN 'abs.get_acc_stmt_dt'
               WHEN 'scan' THEN 'abs.get_pdf'
               WHEN 'debt' THEN CASE s.kind WHEN 'colvir' THEN 'abs.colvir_get_loan_debt' ELSE 'abs.way4_get_loan_debt' END
           END,
           CASE w.part
               WHEN 'statement' THEN
                   CASE s.kind
                       WHEN 'colvir' THEN
                           jsonb_strip_nulls(jsonb_build_object(
                               'dep_id', l.abs_dep_id, 'id', l.abs_id, 'dea_dep_id', l.dea_dep_id, 'dea_id', l.dea_id,
                               'dea_code', l.dea_code, 'dt', l.dbz_dt, 'about', jsonb_build_object('loan_id', l.id)))
                       ELSE jsonb_build_object('iban', l.iban, 'dt', l.dbz_dt, 'about', jsonb_build_object('loan_id', l.id))
                   END
               WHEN 'scan' THEN
                   jsonb_strip_nulls(jsonb_build_object(
                       'dbz_num', l.dbz_contract_number, 'dbz_dt', l.dbz_dt, 'iinbin', l.iinbin, 'dea_dt', l.dea_dord,
                       'about', jsonb_build_object('loan_id', l.id)))
               WHEN 'debt' THEN
                   CASE s.kind
                       WHEN 'colvir' THEN
                           jsonb_build_object('dep_id', l.abs_dep_id, 'id', l.abs_id, 'about', jsonb_build_object('loan_id', l.id))
                       ELSE
                           jsonb_build_object('contract_number', CASE s.debt_key WHEN 'iban' THEN l.iban ELSE l.contract_number END,
                                              'about', jsonb_build_object('loan_id', l.id))
                   END
               ELSE jsonb_build_object('iinbin', l.iinbin, 'about', jsonb_build_object('loan_id', l.id))
           END,
           'loan:' || l.id || ':' || w.part,
           s.server,
           nullif(concat_ws(', ',
               CASE WHEN w.part IN ('statement', 'debt') AND s.kind IS NULL THEN 'system' END,
               CASE WHEN w.part IN ('statement', 'scan') AND l.dbz_dt IS NULL THEN 'dbz_dt' END,
               CASE WHEN w.part IN ('statement', 'debt') AND s.kind = 'colvir' AND l.abs_dep_id IS NULL THEN 'abs_dep_id' END,
               CASE WHEN w.part IN ('statement', 'debt') AND s.kind = 'colvir' AND l.abs_id IS NULL THEN 'abs_id' END,
               CASE WHEN (w.part = 'statement' OR w.part = 'debt' AND s.debt_key = 'iban') AND s.kind = 'way4' AND l.iban IS NULL
                    THEN 'iban' END), '')
      FROM ROWS FROM (unnest(loans), unnest(parts)) WITH ORDINALITY AS w (loan_id, part, position)
      JOIN k2.loan l ON l.id = w.loan_id
      LEFT JOIN k2.system s ON s.code = l.system
     ORDER BY w.position;
END
$$;
COMMENT ON FUNCTION abs.loan_calls(bigint[], text[]) IS
'The call that each part of each loan''s dossier needs (the arrays run in parallel), or the fields that are missing for it.';

CREATE FUNCTION abs.queue_loan_calls(loans bigint[], parts text[]) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    queued bigint[];
BEGIN
    WITH needed AS MATERIALIZED (
        SELECT c.* FROM abs.loan_calls(loans, parts) c
    ), unasked AS (
        INSERT INTO abs.loan_answer AS known (loan_id, part, outcome, error_text, at)
        SELECT n.loan_id, n.part, 'missing', n.missing, clock_timestamp()
          FROM needed n
         WHERE n.missing IS NOT NULL AND current_setting('k2bridge.enqueue')::boolean
         ORDER BY n.loan_id, n.part
            ON CONFLICT (loan_id, part) DO UPDATE
           SET outcome = excluded.outcome, error_code = NULL, error_text = excluded.error_text, at = excluded.at
    )
    SELECT k2bridge.enqueue_all(array_agg(n.endpoint), array_agg(n.args), array_agg(n.subject), array_agg(n.server))
      INTO queued
      FROM needed n WHERE n.missing IS NULL;
    RETURN coalesce(cardinality(queued), 0);
END
$$;
COMMENT ON FUNCTION abs.queue_loan_calls(bigint[], text[]) IS
'Queues the calls for parts of loans'' dossiers (the arrays run in parallel), notes in abs.loan_answer what cannot be asked, returns how many were queued.';

CREATE FUNCTION abs.loans_of(call k2bridge.call_row) RETURNS bigint[]
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN (SELECT coalesce(array_agg(k.id ORDER BY k.id), '{}')
          FROM (SELECT l.id FROM k2.loan l WHERE l.id = (call.args #>> '{about,loan_id}')::bigint
                 UNION ALL
                SELECT l.id FROM k2.loan l WHERE l.iinbin = call.args ->> 'iinbin' AND call.args #>> '{about,loan_id}' IS NULL) k);
END
$$;
COMMENT ON FUNCTION abs.loans_of(k2bridge.call_row) IS 'The loan that a call was made for, or all loans of the client it asked about.';

CREATE FUNCTION abs.note_answer(call k2bridge.call_row, answered_part text, loans bigint[], nothing boolean) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO abs.loan_answer AS known (loan_id, part, outcome, error_code, error_text, asked, call_id, at, answered_at)
    SELECT w.loan_id, answered_part, a.outcome, call.error_code, call.error_text,
           CASE WHEN a.outcome = 'none' AND call.subject IS NOT NULL THEN 1 ELSE 0 END, call.id, a.at,
           CASE WHEN a.outcome IN ('ok', 'none') THEN a.at END
      FROM unnest(loans) AS w (loan_id),
           (SELECT CASE WHEN call.outcome = 'ok' AND nothing THEN 'none' ELSE call.outcome END,
                   abs.answered_at(call)) AS a (outcome, at)
     ORDER BY w.loan_id
        ON CONFLICT (loan_id, part) DO UPDATE
       SET outcome = excluded.outcome, error_code = excluded.error_code, error_text = excluded.error_text,
           asked = CASE WHEN excluded.outcome = 'ok' THEN 0
                        WHEN known.call_id = excluded.call_id THEN known.asked
                        ELSE known.asked + excluded.asked END,
           call_id = excluded.call_id, at = excluded.at, answered_at = coalesce(excluded.answered_at, known.answered_at)
     WHERE known.at <= excluded.at;
END
$$;
COMMENT ON FUNCTION abs.note_answer(k2bridge.call_row, text, bigint[], boolean) IS
'Notes for loans what a call for a part of their dossier said; nothing = the bank answered that it has none.';

CREATE FUNCTION abs.ask_again(call k2bridge.call_row, answered_part text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM k2bridge.enqueue(c.endpoint, c.args, c.subject || ':again', c.server, abs.answered_at(call) + interval '7 days')
      FROM abs.loan_answer a
     CROSS JOIN abs.loan_calls(ARRAY[a.loan_id], ARRAY[a.part]) c
     WHERE call.subject IS NOT NULL AND a.loan_id = (call.args #>> '{about,loan_id}')::bigint AND a.part = answered_part
       AND a.call_id = call.id AND a.outcome = 'none' AND a.asked <= 4 AND c.missing IS NULL
       AND NOT EXISTS (SELECT FROM k2bridge.outbox o WHERE o.subject = c.subject || ':again' AND o.id <> call.id);
END
$$;
COMMENT ON FUNCTION abs.ask_again(k2bridge.call_row, text) IS
'Queues the question again in a week when the bank has no scan or no disbursement line yet, four times; direct calls do not count. Its subject is its own, or it would hold back other calls of the loan for a week.';
-- Handlers of the calls that only read about clients and loans: O1 to O4, O8, O9.

CREATE FUNCTION abs.client_done(call k2bridge.call_row) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF call.outcome = 'ok' THEN
        IF call.reply ->> 'iinbin' <> call.args ->> 'iinbin' THEN
            RAISE EXCEPTION 'field "iinbin" of the reply names another client' USING ERRCODE = 'invalid_parameter_value';
        END IF;
        INSERT INTO abs.client AS known (iinbin, fullname, sectecon, residfl, fetched_at)
        VALUES (call.args ->> 'iinbin', abs.field(call.reply, 'fullname'), abs.integer_field(call.reply, 'sectecon'),
                abs.integer_field(call.reply, 'residfl'), abs.answered_at(call))
            ON CONFLICT (iinbin) DO UPDATE
           SET fullname = excluded.fullname, sectecon = excluded.sectecon, residfl = excluded.residfl,
               fetched_at = excluded.fetched_at
         WHERE known.fetched_at <= excluded.fetched_at;
    END IF;
    PERFORM abs.note_answer(call, 'client', abs.loans_of(call), false);
END
$$;
COMMENT ON FUNCTION abs.client_done(k2bridge.call_row) IS 'Handler of abs.get_cli (O1): stores the client.';

CREATE FUNCTION abs.accounts_done(call k2bridge.call_row) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    holder text := call.args ->> 'iinbin';
    at timestamptz := abs.answered_at(call);
    listed text[];
BEGIN
    IF call.outcome = 'ok' THEN
        WITH said AS (
            SELECT DISTINCT ON (abs.field(e.item, 'iban')) abs.field(e.item, 'iban') AS iban, e.item
              FROM jsonb_array_elements(abs.list_field(call.reply, 'ibans')) WITH ORDINALITY AS e (item, position)
             ORDER BY 1, e.position DESC
        ), stored AS (
            INSERT INTO abs.account AS known (iban, iinbin, account_name, ps, system, cur, fetched_at)
            SELECT s.iban, holder, s.item ->> 'accountName', s.item ->> 'ps', s.item ->> 'system', s.item ->> 'cur', at
              FROM said s
             ORDER BY s.iban
                ON CONFLICT (iban) DO UPDATE
               SET iinbin = excluded.iinbin, account_name = excluded.account_name, ps = excluded.ps,
                   system = excluded.system, cur = excluded.cur, fetched_at = excluded.fetched_at, gone_at = NULL
             WHERE known.fetched_at <= excluded.fetched_at
        )
        SELECT coalesce(array_agg(s.iban), '{}') INTO listed FROM said s;
        UPDATE abs.account a SET gone_at = at, fetched_at = at
         WHERE a.iinbin = holder AND a.gone_at IS NULL AND a.fetched_at <= at AND a.iban <> ALL (listed);
    END IF;
    PERFORM abs.note_answer(call, 'accounts', abs.loans_of(call), false);
END
$$;
COMMENT ON FUNCTION abs.accounts_done(k2bridge.call_row) IS
'Handler of abs.get_acc (O2): stores the accounts and marks those the ABS no longer lists.';

CREATE FUNCTION abs.statement_done(call k2bridge.call_row) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    loan bigint;
    disbursed date;
    day date := abs.date_field(call.args, 'dt');
    at timestamptz := abs.answered_at(call);
    lines jsonb := '[]';
BEGIN
    -- The lock of the loan's row makes two answers for one loan follow each other.
    SELECT l.id, l.dbz_dt INTO loan, disbursed FROM k2.loan l
     WHERE l.id = (call.args #>> '{about,loan_id}')::bigint FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    IF call.outcome = 'ok' THEN
        lines := abs.list_field(call.reply, 'stmt');
        IF NOT EXISTS (SELECT FROM abs.statement_line s WHERE s.loan_id = loan AND s.dt = day AND s.fetched_at > at) THEN
            DELETE FROM abs.statement_line s WHERE s.loan_id = loan AND s.dt = day;
            INSERT INTO abs.statement_line (loan_id, dt, line, purpose, amount, cur, dc, out_bal, fetched_at)
            SELECT loan, day, e.position, e.item ->> 'purpose', abs.amount_field(e.item, 'amount'), e.item ->> 'cur',
                   upper(e.item ->> 'DC'),
                   CASE WHEN e.item ->> 'out_bal' IS NOT NULL THEN abs.amount_field(e.item, 'out_bal') END, at
              FROM jsonb_array_elements(lines) WITH ORDINALITY AS e (item, position);
        END IF;
    END IF;
    -- A statement of another day says nothing about the disbursement.
    IF day = disbursed THEN
        PERFORM abs.note_answer(call, 'statement', ARRAY[loan], jsonb_array_length(lines) = 0);
        PERFORM abs.ask_again(call, 'statement');
    END IF;
END
$$;
COMMENT ON FUNCTION abs.statement_done(k2bridge.call_row) IS
'Handler of abs.get_acc_stmt_dt (O3): stores the lines of the day; no line is an answer, asked again weekly, four times.';

CREATE FUNCTION abs.scan_done(call k2bridge.call_row) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    num text := call.args ->> 'dbz_num';
    day date := abs.date_field(call.args, 'dbz_dt');
    holder text := call.args ->> 'iinbin';
    at timestamptz := abs.answered_at(call);
    known abs.scan_row;
    stored bigint;
BEGIN
    IF call.outcome = 'ok' THEN
        INSERT INTO abs.scan (dbz_num, dbz_dt, iinbin, fetched_at) VALUES (num, day, holder, '-infinity')
            ON CONFLICT DO NOTHING;
        SELECT s.dbz_num, s.dbz_dt, s.iinbin, s.file_id, s.digest, s.fetched_at INTO known
          FROM abs.scan s WHERE s.dbz_num = num AND s.dbz_dt = day AND s.iinbin = holder FOR UPDATE;
        IF call.content IS NOT NULL AND known.digest IS NOT DISTINCT FROM sha256(call.content) AND known.file_id IS NOT NULL THEN
            stored := known.file_id;
        ELSIF call.content IS NOT NULL AND known.fetched_at <= at THEN
            INSERT INTO k2.file (name, mime, content)
            VALUES (abs.scan_name(call.file_name, num, call.content), k2.mime_of(call.content), call.content)
            RETURNING id INTO stored;
        END IF;
        UPDATE abs.scan s
           SET file_id = stored, digest = sha256(call.content), fetched_at = at
         WHERE s.dbz_num = num AND s.dbz_dt = day AND s.iinbin = holder AND s.fetched_at <= at;
    END IF;
    PERFORM abs.note_answer(call, 'scan', abs.loans_of_scan(call), call.content IS NULL);
    PERFORM abs.ask_again(call, 'scan');
END
$$;
COMMENT ON FUNCTION abs.scan_done(k2bridge.call_row) IS
'Handler of abs.get_pdf (O4): stores the scan in k2.file; no scan is an answer, asked again weekly, four times.';

CREATE FUNCTION abs.loans_of_scan(call k2bridge.call_row) RETURNS bigint[]
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN (SELECT coalesce(array_agg(l.id ORDER BY l.id), '{}')
          FROM k2.loan l
         WHERE l.dbz_contract_number = call.args ->> 'dbz_num' AND l.dbz_dt = abs.date_field(call.args, 'dbz_dt')
           AND l.iinbin = call.args ->> 'iinbin');
END
$$;
COMMENT ON FUNCTION abs.loans_of_scan(k2bridge.call_row) IS 'The loans whose agreement a scan shows.';

CREATE FUNCTION abs.scan_name(given text, dbz_num text, content bytea) RETURNS text
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(nullif(btrim(given), ''),
                    dbz_num || CASE k2.mime_of(content) WHEN 'application/pdf' THEN '.pdf' WHEN 'image/tiff' THEN '.tif' ELSE '' END)
$$;
COMMENT ON FUNCTION abs.scan_name(text, text, bytea) IS 'Name of a scan: the bank''s, else the number of the agreement.';

CREATE FUNCTION abs.loans_of_debt(call k2bridge.call_row) RETURNS bigint[]
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN (SELECT CASE
            WHEN call.args -> 'about' ? 'loan_id' THEN
                (SELECT array_agg(l.id) FROM k2.loan l WHERE l.id = (call.args #>> '{about,loan_id}')::bigint)
            WHEN call.endpoint = 'abs.colvir_get_loan_debt' THEN
                (SELECT array_agg(l.id) FROM k2.loan l JOIN k2.system s ON s.code = l.system
                  WHERE s.kind = 'colvir' AND l.abs_dep_id = (call.args ->> 'dep_id')::bigint
                    AND l.abs_id = (call.args ->> 'id')::bigint)
            ELSE
                (SELECT array_agg(k.id)
                   FROM (SELECT l.id FROM k2.loan l JOIN k2.system s ON s.code = l.system
                          WHERE s.kind = 'way4' AND s.debt_key = 'contract_number'
                            AND l.contract_number = call.args ->> 'contract_number'
                         UNION ALL
                         SELECT l.id FROM k2.loan l JOIN k2.system s ON s.code = l.system
                          WHERE s.kind = 'way4' AND s.debt_key = 'iban' AND l.iban = call.args ->> 'contract_number') k)
        END);
END
$$;
COMMENT ON FUNCTION abs.loans_of_debt(k2bridge.call_row) IS 'The loans that the key of a debt call names.';

CREATE FUNCTION abs.debt_done(call k2bridge.call_row) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    loans bigint[] := abs.loans_of_debt(call);
    at timestamptz := abs.answered_at(call);
    owed numeric(20,2);
BEGIN
    IF call.outcome = 'ok' THEN
        owed := abs.amount_field(call.reply, 'debt');
        -- A key that several loans share says nothing about any one of them.
        IF cardinality(loans) = 1 THEN
            UPDATE k2.loan l SET debt = owed, synced_at = at, debt_source = call.endpoint
             WHERE l.id = loans[1] AND (l.synced_at IS NULL OR l.synced_at <= at);
        END IF;
    END IF;
    IF cardinality(loans) = 1 THEN
        PERFORM abs.note_answer(call, 'debt', loans, false);
    END IF;
END
$$;
COMMENT ON FUNCTION abs.debt_done(k2bridge.call_row) IS 'Handler of O8 and O9: the current debt of the loan.';
-- Triggers of k2.loan and k2.system: a new loan asks for its whole dossier, a changed key for the parts that hang on it,
-- a system that becomes known for what could not be asked before.

CREATE FUNCTION abs.loan_inserted() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM abs.queue_loan_calls(array_agg(n.id ORDER BY n.id, p.position), array_agg(p.part ORDER BY n.id, p.position))
       FROM new_rows n
      CROSS JOIN unnest('{debt,client,accounts,statement,scan}'::text[]) WITH ORDINALITY AS p (part, position);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION abs.loan_inserted() IS 'Trigger of k2.loan: queues O1 to O4 and O8 or O9 for new loans.';

CREATE FUNCTION abs.ask_now(loans bigint[], parts text[]) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM abs.loan_answer a USING unnest(loans, parts) AS w (loan_id, part)
     WHERE a.loan_id = w.loan_id AND a.part = w.part AND a.outcome = 'missing' AND a.answered_at IS NULL;
    PERFORM abs.queue_loan_calls(loans, parts);
END
$$;
COMMENT ON FUNCTION abs.ask_now(bigint[], text[]) IS
'Asks for parts of dossiers that may have waited for what their loans lacked.';

-- The plan of a join of transition tables is kept from its first call, when they may hold one row; a nested loop would
-- be quadratic later. The queue, on the other hand, is searched by its index.
CREATE FUNCTION abs.loan_updated() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_nestloop = off SET jit = off AS $$
DECLARE
    loans bigint[];
    parts text[];
BEGIN
    SELECT array_agg(n.id ORDER BY n.id, p.part), array_agg(p.part ORDER BY n.id, p.part) INTO loans, parts
      FROM new_rows n
      JOIN old_rows o ON o.id = n.id
     CROSS JOIN LATERAL (VALUES
               ('client', n.iinbin <> o.iinbin),
               ('accounts', n.iinbin <> o.iinbin),
               ('scan', (n.dbz_contract_number, n.dbz_dt, n.iinbin, n.dea_dord)
                        IS DISTINCT FROM (o.dbz_contract_number, o.dbz_dt, o.iinbin, o.dea_dord)),
               ('statement', (n.dbz_dt, n.iban, n.abs_dep_id, n.abs_id, n.dea_dep_id, n.dea_id, n.dea_code)
                             IS DISTINCT FROM (o.dbz_dt, o.iban, o.abs_dep_id, o.abs_id, o.dea_dep_id, o.dea_id, o.dea_code)),
               ('debt', (n.system, n.contract_number, n.iban, n.abs_dep_id, n.abs_id)
                        IS DISTINCT FROM (o.system, o.contract_number, o.iban, o.abs_dep_id, o.abs_id))) p (part, changed)
     WHERE p.changed;
    IF loans IS NOT NULL THEN
        PERFORM set_config('enable_nestloop', 'on', true);
        PERFORM k2bridge.cancel(q.id, 'the loan has changed')
           FROM (SELECT o.id
                   FROM unnest(loans, parts) AS w (loan_id, part)
                   JOIN k2bridge.outbox o ON o.subject = 'loan:' || w.loan_id || ':' || w.part || ':again'
                  WHERE o.state = 'queued' AND o.wish IS NULL
                    FOR UPDATE OF o SKIP LOCKED) q;
        PERFORM abs.ask_now(loans, parts);
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION abs.loan_updated() IS
'Trigger of k2.loan: asks again for the parts of the dossier whose key has changed, e.g. because an older sender left it out at first.';

CREATE FUNCTION abs.system_known() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM abs.ask_now(array_agg(a.loan_id ORDER BY a.loan_id, a.part), array_agg(a.part ORDER BY a.loan_id, a.part))
       FROM new_rows n
       JOIN k2.loan l ON l.system = n.code
       JOIN abs.loan_answer a ON a.loan_id = l.id AND a.outcome = 'missing';
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION abs.system_known() IS 'Trigger of k2.system: asks for the parts of dossiers that waited for the system''s row.';
-- Incoming payment requests (ПТ): registration (O5), recall (O6) and return (O7) in the bank's system.
--
-- All calls of one ПТ have the subject req:<refer>, so that a recall never overtakes its registration. A registration
-- that was never sent is cancelled together with the recall. When it may be under way, the recall is queued behind it,
-- and the registration's handler cancels the recall if it turns out that the bank has nothing to recall.

CREATE FUNCTION abs.reg_pt_calls(refers text[]) RETURNS TABLE (refer text, args jsonb)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT r.refer, jsonb_strip_nulls(jsonb_build_object(
               'refer', r.refer, 'accept_dt', r.accept_dt, 'doc_num', r.doc_num, 'doc_at', r.doc_at, 'iinbin', r.iinbin,
               'acc_fullname', r.acc_fullname, 'ben_fullname', r.ben_fullname, 'ben_bin', r.ben_bin,
               'ben_iban', r.ben_iban, 'ben_kbe', r.ben_kbe, 'amount', r.amount, 'cur', r.cur, 'knp', r.knp,
               'dbz_num', r.dbz_num, 'dbz_dt', r.dbz_dt, 'purpose', r.purpose, 'head', r.head, 'account', r.account))
      FROM unnest(refers) WITH ORDINALITY AS w (refer, position)
      JOIN k2.req r ON r.refer = w.refer
     ORDER BY w.position
$$;
COMMENT ON FUNCTION abs.reg_pt_calls(text[]) IS 'The body of O5 for each payment request; absent fields are left out.';

CREATE FUNCTION abs.req_inserted() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM k2bridge.enqueue_all(array_agg('abs.reg_pt'::text), array_agg(c.args), array_agg('req:' || c.refer),
                                 array_agg(NULL::name))
       FROM abs.reg_pt_calls((SELECT array_agg(n.refer ORDER BY n.refer) FROM new_rows n WHERE n.status = 'new')) c;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION abs.req_inserted() IS 'Trigger of k2.req: queues the registration (O5) of new payment requests.';

CREATE FUNCTION abs.never_sent(refers text[]) RETURNS text[]
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT array_agg(w.refer)
      FROM unnest(refers) AS w (refer)
     CROSS JOIN LATERAL (SELECT c.outcome, c.attempts FROM k2bridge.call c
                          WHERE c.subject = 'req:' || w.refer AND c.endpoint = 'abs.reg_pt'
                          ORDER BY c.id DESC LIMIT 1) last
     WHERE last.outcome IN ('cancelled', 'skipped') AND last.attempts = 0
       AND NOT EXISTS (SELECT FROM k2bridge.outbox o WHERE o.subject = 'req:' || w.refer AND o.endpoint = 'abs.reg_pt')
$$;
COMMENT ON FUNCTION abs.never_sent(text[]) IS 'Those payment requests whose registration ended without having been sent.';

CREATE FUNCTION abs.cancel_unsent(refers text[]) RETURNS text[]
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    cancelled text[];
BEGIN
    -- A row that somebody holds may be on its way: then the recall follows it.
    WITH waiting AS MATERIALIZED (
        SELECT o.id, w.refer
          FROM unnest(refers) AS w (refer)
          JOIN k2bridge.outbox o ON o.subject = 'req:' || w.refer
         WHERE o.endpoint = 'abs.reg_pt' AND o.state = 'queued' AND o.attempts = 0 AND o.resent_from IS NULL
           AND o.wish IS NULL
         ORDER BY o.id
           FOR UPDATE OF o SKIP LOCKED
    ), wished AS MATERIALIZED (
        SELECT w.refer, k2bridge.cancel(w.id, 'recalled or returned before it was sent') FROM waiting w
    )
    SELECT array_agg(w.refer) INTO cancelled FROM wished w;
    RETURN cancelled;
END
$$;
COMMENT ON FUNCTION abs.cancel_unsent(text[]) IS
'Cancels the registrations that were never sent and returns their references. The dispatcher honours a wish of a row it has not claimed, and claims only rows that nobody holds.';

CREATE FUNCTION abs.req_withdrawn() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    begun text[];
    unsent text[];
BEGIN
    SELECT array_agg(n.refer ORDER BY n.refer) INTO begun
      FROM new_rows n JOIN old_rows o ON o.refer = n.refer
     WHERE n.status IN ('recalling', 'returning') AND o.status = 'new';
    IF begun IS NOT NULL THEN
        unsent := abs.never_sent(begun) || abs.cancel_unsent(begun);
        UPDATE k2.req r
           SET status = CASE r.status WHEN 'recalling' THEN 'recalled' ELSE 'returned' END, note = NULL
         WHERE r.refer = ANY (unsent) AND r.status IN ('recalling', 'returning');
    END IF;
    PERFORM k2bridge.enqueue_all(
                array_agg(CASE n.status WHEN 'recalling' THEN 'abs.refuse_pt' ELSE 'abs.return_pt' END ORDER BY n.refer),
                array_agg(jsonb_build_object('refer', n.refer, 'reason_code', n.reason_code) ORDER BY n.refer),
                array_agg('req:' || n.refer ORDER BY n.refer), array_agg(NULL::name))
       FROM new_rows n JOIN old_rows o ON o.refer = n.refer
      WHERE n.status IN ('recalling', 'returning') AND n.status <> o.status
        AND n.refer <> ALL (coalesce(unsent, '{}'));
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION abs.req_withdrawn() IS
'Trigger of k2.req: queues the recall (O6) or return (O7), or finishes it at once when the registration was never sent.';

CREATE FUNCTION abs.drop_withdrawal(wanted_refer text, why text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM k2bridge.cancel(q.id, why)
       FROM (SELECT o.id
               FROM k2bridge.outbox o
              WHERE o.subject = 'req:' || wanted_refer AND o.endpoint IN ('abs.refuse_pt', 'abs.return_pt')
                AND o.state = 'queued' AND o.wish IS NULL
                FOR UPDATE) q;
    PERFORM CASE r.status WHEN 'recalling' THEN k2.req_recalled(r.refer, true, why) ELSE k2.req_returned(r.refer, true, why) END
       FROM k2.req r WHERE r.refer = wanted_refer AND r.status IN ('recalling', 'returning');
END
$$;
COMMENT ON FUNCTION abs.drop_withdrawal(text, text) IS
'Finishes a recall or return of a payment request that the bank does not have: cancels the call that waits behind the registration.';

CREATE FUNCTION abs.reg_pt_done(call k2bridge.call_row) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted text := call.args ->> 'refer';
    former text;
BEGIN
    -- This lock orders the outcome against a recall that is being queued at the same time.
    SELECT r.former_status INTO former FROM k2.req r WHERE r.refer = wanted FOR NO KEY UPDATE;
    IF call.outcome IN ('ok', 'refused') THEN
        PERFORM k2.req_registered(wanted, call.outcome = 'ok', call.error_text);
    END IF;
    IF former = 'new' AND (call.outcome IN ('refused', 'failed', 'skipped')
                           OR call.outcome = 'cancelled' AND call.attempts = 0) THEN
        PERFORM abs.drop_withdrawal(wanted, concat_ws(': ', 'the bank has not registered it', call.error_text));
    END IF;
END
$$;
COMMENT ON FUNCTION abs.reg_pt_done(k2bridge.call_row) IS
'Handler of abs.reg_pt (O5): new becomes registered or refused; a recall that waits behind a registration that the bank does not have ends with it.';

CREATE FUNCTION abs.refuse_pt_done(call k2bridge.call_row) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT k2.req_recalled(call.args ->> 'refer', call.outcome = 'ok', call.error_text)
$$;
COMMENT ON FUNCTION abs.refuse_pt_done(k2bridge.call_row) IS
'Handler of abs.refuse_pt (O6): recalled when the bank said yes, else the former status is back.';

CREATE FUNCTION abs.return_pt_done(call k2bridge.call_row) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT k2.req_returned(call.args ->> 'refer', call.outcome = 'ok', call.error_text)
$$;
COMMENT ON FUNCTION abs.return_pt_done(k2bridge.call_row) IS
'Handler of abs.return_pt (O7): returned when the bank said yes, else the former status is back.';
-- The list of payment requests in the ABS (O10): storing a page, walking the pages. A walk ends at an empty or short
-- page, never by all_count, whose meaning is unclear (wire/k2.md D31); a bank that repeats a page ends it with an error.

CREATE FUNCTION abs.store_payment_requests(items jsonb, at timestamptz) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    INSERT INTO abs.payment_request AS known (refer, accept_dt, doc_num, doc_at, iinbin, acc_fullname, ben_fullname, ben_bin,
        ben_iban, ben_kbe, amount, cur, knp, dbz_num, dbz_dt, purpose, head, account, seen_at)
    SELECT i.refer, abs.date_field(i.item, 'accept_dt'), i.item ->> 'doc_num', abs.date_field(i.item, 'doc_at'),
           i.item ->> 'iinbin', i.item ->> 'acc_fullname', i.item ->> 'ben_fullname', i.item ->> 'ben_bin',
           i.item ->> 'ben_iban', i.item ->> 'ben_kbe', abs.amount_field(i.item, 'amount'), i.item ->> 'cur',
           i.item ->> 'knp', i.item ->> 'dbz_num', abs.date_field(i.item, 'dbz_dt'), i.item ->> 'purpose',
           i.item ->> 'head', i.item ->> 'account', at
      FROM (SELECT DISTINCT ON (abs.field(e.item, 'refer')) abs.field(e.item, 'refer') AS refer, e.item
              FROM jsonb_array_elements(items) WITH ORDINALITY AS e (item, position)
             ORDER BY 1, e.position DESC) i
     ORDER BY i.refer
        ON CONFLICT (refer) DO UPDATE
       SET accept_dt = excluded.accept_dt, doc_num = excluded.doc_num, doc_at = excluded.doc_at, iinbin = excluded.iinbin,
           acc_fullname = excluded.acc_fullname, ben_fullname = excluded.ben_fullname, ben_bin = excluded.ben_bin,
           ben_iban = excluded.ben_iban, ben_kbe = excluded.ben_kbe, amount = excluded.amount, cur = excluded.cur,
           knp = excluded.knp, dbz_num = excluded.dbz_num, dbz_dt = excluded.dbz_dt, purpose = excluded.purpose,
           head = excluded.head, account = excluded.account, seen_at = excluded.seen_at
     WHERE known.seen_at <= excluded.seen_at;
END
$$;
COMMENT ON FUNCTION abs.store_payment_requests(jsonb, timestamptz) IS 'Stores the items of a page; of a refer listed twice the last counts.';

CREATE FUNCTION abs.page_is_full(call k2bridge.call_row) RETURNS boolean
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT jsonb_array_length(abs.list_field(call.reply, 'items')) >= (call.args ->> 'perpage')::integer
$$;
COMMENT ON FUNCTION abs.page_is_full(k2bridge.call_row) IS 'Whether a page of O10 has as many items as were asked for, so that another may follow.';

CREATE FUNCTION abs.refers_of(items jsonb) RETURNS text
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT md5(string_agg(e.item ->> 'refer', E'\n' ORDER BY e.position))
      FROM jsonb_array_elements(items) WITH ORDINALITY AS e (item, position)
$$;
COMMENT ON FUNCTION abs.refers_of(jsonb) IS 'What a page lists, short enough to compare it with the next one.';

CREATE FUNCTION abs.queue_next_page(call k2bridge.call_row, items jsonb) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    page integer := (call.args ->> 'page')::integer;
    listed text := abs.refers_of(items);
BEGIN
    IF listed = call.args #>> '{about,listed}' THEN
        RAISE EXCEPTION 'page % of the list repeats the page before it', page USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'The bank seems to ignore the page number.';
    END IF;
    RETURN k2bridge.enqueue(call.endpoint, jsonb_set(call.args, '{page}', to_jsonb(page + 1))
                                           || jsonb_build_object('about', call.args -> 'about' || jsonb_build_object('listed', listed)),
                            call.subject, call.server);
END
$$;
COMMENT ON FUNCTION abs.queue_next_page(k2bridge.call_row, jsonb) IS 'Queues the page of O10 that follows a full one.';

CREATE FUNCTION abs.list_done(call k2bridge.call_row) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    items jsonb;
BEGIN
    IF call.outcome <> 'ok' THEN
        RETURN;
    END IF;
    items := abs.list_field(call.reply, 'items');
    PERFORM abs.store_payment_requests(items, abs.answered_at(call));
    IF call.args -> 'about' ? 'walk' AND abs.page_is_full(call) THEN
        PERFORM abs.queue_next_page(call, items);
    END IF;
END
$$;
COMMENT ON FUNCTION abs.list_done(k2bridge.call_row) IS
'Handler of abs.get_all_pt (O10): stores the page and, in a walk, queues the next one.';
-- What became of a registration whose outcome is unknown: the list of the ABS (O10) is searched for the same refer,
-- amount and currency, page after page of the document's date and debtor.

CREATE FUNCTION abs.verify_reg_pt(call k2bridge.call_row) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT k2bridge.enqueue('abs.verify_pt',
               jsonb_strip_nulls(jsonb_build_object(
                   'page', 1, 'perpage', '25', 'iinbin', call.args -> 'iinbin', 'doc_at1', call.args -> 'doc_at',
                   'doc_at2', call.args -> 'doc_at',
                   'about', jsonb_build_object('call_id', call.id, 'refer', call.args -> 'refer',
                                               'amount', call.args -> 'amount', 'cur', call.args -> 'cur'))),
               'verify:' || call.id, call.server)
     WHERE NOT EXISTS (SELECT FROM k2bridge.outbox o WHERE o.subject = 'verify:' || call.id)
$$;
COMMENT ON FUNCTION abs.verify_reg_pt(k2bridge.call_row) IS
'Verification of abs.reg_pt: queues the search for the payment request in the list of the ABS, unless it is under way.';

CREATE FUNCTION abs.verify_pt_done(call k2bridge.call_row) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    about jsonb := call.args -> 'about';
    asked bigint := (call.args #>> '{about,call_id}')::bigint;
    items jsonb;
    found jsonb;
    same boolean;
BEGIN
    IF call.outcome <> 'ok' THEN
        PERFORM k2bridge.settle_uncertain(asked, false, jsonb_strip_nulls(jsonb_build_object(
            'searched', call.outcome, 'error_code', call.error_code, 'error_text', call.error_text)));
        RETURN;
    END IF;
    items := abs.list_field(call.reply, 'items');
    SELECT i.item INTO found FROM jsonb_array_elements(items) AS i (item) WHERE i.item -> 'refer' = about -> 'refer' LIMIT 1;
    IF found IS NOT NULL THEN
        same := abs.amount_field(found, 'amount') = abs.amount_field(about, 'amount')
                AND found ->> 'cur' IS NOT DISTINCT FROM about ->> 'cur';
        PERFORM k2bridge.settle_uncertain(asked, same, jsonb_build_object(
            'searched', CASE WHEN same THEN 'found' ELSE 'found different' END, 'item', found));
    ELSIF abs.page_is_full(call) THEN
        PERFORM abs.queue_next_page(call, items);
    ELSE
        PERFORM k2bridge.settle_uncertain(asked, false, jsonb_build_object('searched', 'absent', 'pages', call.args -> 'page'));
    END IF;
END
$$;
COMMENT ON FUNCTION abs.verify_pt_done(k2bridge.call_row) IS
'Handler of abs.verify_pt: settles the uncertain registration when the bank lists the same payment request, else keeps what was found.';
-- The push of the general exclusion list to ЕКО (O11), which replaces the bank's whole list, and its guard: the first
-- push ever, an empty list and one shorter than the last accepted by more than 10 % and 20 rows wait for a person.

CREATE FUNCTION abs.exclusions_changed() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM new_rows) THEN
        PERFORM k2bridge.enqueue('abs.post_all_loan_exclude_to_eko', '{}', 'exclusions');
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION abs.exclusions_changed() IS
'Trigger of k2.exclusion: queues a full push. Pushes that wait together are sent as one.';

CREATE FUNCTION abs.push_is_safe(rows bigint, baseline bigint) RETURNS boolean
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN baseline IS NULL THEN false
                WHEN rows = 0 THEN baseline = 0
                ELSE NOT (baseline - rows > 20 AND (baseline - rows) * 10 > baseline) END
$$;
COMMENT ON FUNCTION abs.push_is_safe(bigint, bigint) IS
'Whether a list of so many rows may follow the one last accepted or confirmed (null: there was none).';

CREATE FUNCTION abs.exclusion_list(args jsonb) RETURNS jsonb
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    body jsonb;
    rows bigint;
    baseline bigint;
BEGIN
    SELECT jsonb_build_object('items', coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
               'id', e.id::text, 'iin', e.iin, 'bank', e.bank, 'iban', e.iban,
               'for_bank', e.for_bank::integer::text, 'for_extreq', e.for_extreq::integer::text,
               'for_iban', e.for_iban::integer::text, 'for_refuse', e.for_refuse::integer::text,
               'finish_dt', e.finish_dt, 'is_active', e.is_active::integer::text)) ORDER BY e.id), '[]')), count(*)
      INTO body, rows
      FROM k2.exclusion e;
    SELECT coalesce(p.confirmed_count, p.accepted_count) INTO baseline FROM abs.exclusion_push p;
    IF NOT abs.push_is_safe(rows, baseline) THEN
        RAISE EXCEPTION 'the push of the exclusion list waits for confirmation' USING ERRCODE = 'KB005',
            DETAIL = format(CASE WHEN baseline IS NULL THEN 'The list has %s rows and is the first one.'
                                 ELSE 'The list has %s rows, the last accepted or confirmed one had %s.' END, rows, baseline),
            HINT = 'SELECT abs.push_exclusions(confirm => true);';
    END IF;
    RETURN body;
END
$$;
COMMENT ON FUNCTION abs.exclusion_list(jsonb) IS
'Builder of O11: the whole list as it is when it is sent. Raises KB005, which holds the push, until abs.push_exclusions(confirm => true) where the guard asks for it.';

CREATE FUNCTION abs.exclusions_done(call k2bridge.call_row) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    rows bigint;
BEGIN
    IF call.outcome <> 'ok' THEN
        RETURN;
    END IF;
    -- Rows are never deleted, so that the list that was sent was hardly shorter than this one. Should the list have
    -- shrunk beyond the guard since, the former length stays the measure for the next push.
    SELECT count(*) INTO rows FROM k2.exclusion;
    UPDATE abs.exclusion_push p
       SET accepted_count = CASE WHEN abs.push_is_safe(rows, coalesce(p.confirmed_count, p.accepted_count)) THEN rows
                                 ELSE coalesce(p.confirmed_count, p.accepted_count) END,
           accepted_at = abs.answered_at(call), confirmed_count = NULL;
END
$$;
COMMENT ON FUNCTION abs.exclusions_done(k2bridge.call_row) IS 'Handler of O11: remembers how long the accepted list was.';
-- Direct calls: ask the ABS now, store what it said, return it. A refusal raises KB001 with the bank's text, a
-- transport failure KB002; a server given as last argument takes the place of the one that has the address.

CREATE FUNCTION abs.get_cli(iinbin text, server name DEFAULT NULL) RETURNS abs.client_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION abs.get_cli(text, name) IS 'Asks the ABS who a client is (O1), stores and returns it.';

CREATE FUNCTION abs.get_cli_as_owner(iinbin text, server name) RETURNS abs.client_row
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    stored abs.client_row;
BEGIN
    PERFORM k2bridge.invoke('abs.get_cli', jsonb_build_object('iinbin', abs.need_iinbin($1)), $2);
    SELECT c.iinbin, c.fullname, c.sectecon, c.residfl, c.fetched_at INTO stored FROM abs.client c WHERE c.iinbin = $1;
    RETURN stored;
END
$$;
COMMENT ON FUNCTION abs.get_cli_as_owner(text, name) IS 'Behind abs.get_cli.';

CREATE FUNCTION abs.get_acc(iinbin text, server name DEFAULT NULL) RETURNS SETOF abs.account_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION abs.get_acc(text, name) IS
'Asks the ABS for the accounts of a client (O2), stores and returns those it lists; accounts no longer listed get gone_at.';

CREATE FUNCTION abs.get_acc_as_owner(iinbin text, server name) RETURNS SETOF abs.account_row
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM k2bridge.invoke('abs.get_acc', jsonb_build_object('iinbin', abs.need_iinbin($1)), $2);
    RETURN QUERY
        SELECT a.iban, a.iinbin, a.account_name, a.ps, a.system, a.cur, a.gone_at
          FROM abs.account a WHERE a.iinbin = $1 AND a.gone_at IS NULL ORDER BY a.iban;
END
$$;
COMMENT ON FUNCTION abs.get_acc_as_owner(text, name) IS 'Behind abs.get_acc.';

CREATE FUNCTION abs.loan_call(wanted_loan bigint, wanted_part text)
    RETURNS TABLE (loan_id bigint, part text, endpoint text, args jsonb, subject text, server name, missing text)
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    needed record;
BEGIN
    SELECT c.* INTO needed FROM abs.loan_calls(ARRAY[$1], ARRAY[$2]) c;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'loan % does not exist', coalesce($1::text, 'null') USING ERRCODE = 'no_data_found',
            HINT = 'loan_id is the column id of k2.loan.';
    ELSIF needed.missing IS NOT NULL THEN
        RAISE EXCEPTION 'loan % lacks % for endpoint %', $1, needed.missing, needed.endpoint
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'Fill the columns in k2.loan; a system must be in k2.system.';
    END IF;
    RETURN QUERY SELECT needed.loan_id, needed.part, needed.endpoint, needed.args, needed.subject, needed.server, needed.missing;
END
$$;
COMMENT ON FUNCTION abs.loan_call(bigint, text) IS 'The call that a part of one loan''s dossier needs; raises when it cannot be made.';

CREATE FUNCTION abs.get_acc_stmt_dt(loan_id bigint, dt date, server name DEFAULT NULL) RETURNS SETOF abs.statement_line_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION abs.get_acc_stmt_dt(bigint, date, name) IS
'Asks the ABS for the statement of a loan for a date (O3), stores and returns its lines.';

CREATE FUNCTION abs.get_acc_stmt_dt_as_owner(loan_id bigint, dt date, server name) RETURNS SETOF abs.statement_line_row
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    needed record;
BEGIN
    PERFORM abs.need_argument('dt', $2::text);
    SELECT c.* INTO needed FROM abs.loan_call($1, 'statement') c;
    PERFORM k2bridge.invoke(needed.endpoint, needed.args || jsonb_build_object('dt', $2), coalesce($3, needed.server));
    RETURN QUERY
        SELECT s.loan_id, s.dt, s.purpose, s.amount, s.cur, s.dc, s.out_bal
          FROM abs.statement_line s WHERE s.loan_id = $1 AND s.dt = $2 ORDER BY s.line;
END
$$;
COMMENT ON FUNCTION abs.get_acc_stmt_dt_as_owner(bigint, date, name) IS 'Behind abs.get_acc_stmt_dt.';

CREATE FUNCTION abs.get_pdf(dbz_num text, dbz_dt date, iinbin text, dea_dt date DEFAULT NULL, server name DEFAULT NULL)
    RETURNS k2.file_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION abs.get_pdf(text, date, text, date, name) IS
'Asks the ABS for the scan of a loan agreement (O4), stores it in k2.file and returns it; null where the bank has none.';

CREATE FUNCTION abs.get_pdf_as_owner(dbz_num text, dbz_dt date, iinbin text, dea_dt date, server name) RETURNS k2.file_row
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    stored k2.file_row;
BEGIN
    PERFORM k2bridge.invoke('abs.get_pdf', jsonb_strip_nulls(jsonb_build_object(
                'dbz_num', abs.need_argument('dbz_num', $1), 'dbz_dt', abs.need_argument('dbz_dt', to_jsonb($2) #>> '{}'),
                'iinbin', abs.need_iinbin($3), 'dea_dt', $4)), $5);
    SELECT f.id, f.code, f.name, f.mime, f.content, f.created_at INTO stored
      FROM abs.scan s JOIN k2.file f ON f.id = s.file_id
     WHERE s.dbz_num = $1 AND s.dbz_dt = $2 AND s.iinbin = $3;
    RETURN CASE WHEN stored.id IS NOT NULL THEN stored END;
END
$$;
COMMENT ON FUNCTION abs.get_pdf_as_owner(text, date, text, date, name) IS 'Behind abs.get_pdf.';

CREATE FUNCTION abs.colvir_get_loan_debt(dep_id bigint, id bigint, server name DEFAULT NULL) RETURNS numeric
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION abs.colvir_get_loan_debt(bigint, bigint, name) IS
'Asks Colvir for the current debt of a contract (O8), stores it where the key names one loan, returns it.';

CREATE FUNCTION abs.colvir_get_loan_debt_as_owner(dep_id bigint, id bigint, server name) RETURNS numeric
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT abs.amount_field(
               (k2bridge.invoke('abs.colvir_get_loan_debt',
                                jsonb_build_object('dep_id', abs.need_argument('dep_id', $1::text)::bigint,
                                                   'id', abs.need_argument('id', $2::text)::bigint), $3)).reply, 'debt')
$$;
COMMENT ON FUNCTION abs.colvir_get_loan_debt_as_owner(bigint, bigint, name) IS 'Behind abs.colvir_get_loan_debt.';

CREATE FUNCTION abs.way4_get_loan_debt(contract_number text, server name DEFAULT NULL) RETURNS numeric
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION abs.way4_get_loan_debt(text, name) IS
'Asks Way4 for the current debt of a contract (O9), stores it where the key names one loan, returns it.';

CREATE FUNCTION abs.way4_get_loan_debt_as_owner(contract_number text, server name) RETURNS numeric
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT abs.amount_field(
               (k2bridge.invoke('abs.way4_get_loan_debt',
                                jsonb_build_object('contract_number', abs.need_argument('contract_number', $1)), $2)).reply, 'debt')
$$;
COMMENT ON FUNCTION abs.way4_get_loan_debt_as_owner(text, name) IS 'Behind abs.way4_get_loan_debt.';

CREATE FUNCTION abs.refresh_debt(loan_id bigint, server name DEFAULT NULL) RETURNS numeric
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION abs.refresh_debt(bigint, name) IS
'Asks the core system of a loan for its current debt (O8 or O9, by k2.system), stores and returns it.';

CREATE FUNCTION abs.refresh_debt_as_owner(loan_id bigint, server name) RETURNS numeric
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT abs.amount_field((k2bridge.invoke(c.endpoint, c.args, coalesce($2, c.server))).reply, 'debt')
      FROM abs.loan_call($1, 'debt') c
$$;
COMMENT ON FUNCTION abs.refresh_debt_as_owner(bigint, name) IS 'Behind abs.refresh_debt.';
-- Direct calls for the list of payment requests in the ABS (O10), and the functions that the schedule runs.

CREATE FUNCTION abs.list_args(page integer, perpage integer, ben_bin text, doc_at1 date, doc_at2 date, iinbin text) RETURNS jsonb
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF coalesce(page, 0) < 1 THEN
        RAISE EXCEPTION 'page must be 1 or more' USING ERRCODE = 'invalid_parameter_value', HINT = 'Pages are counted from 1.';
    ELSIF coalesce(perpage, 0) NOT BETWEEN 1 AND 10000 THEN
        RAISE EXCEPTION 'perpage must be between 1 and 10000' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'perpage is the number of rows of a page.';
    END IF;
    RETURN jsonb_strip_nulls(jsonb_build_object('page', page, 'perpage', perpage::text, 'ben_bin', ben_bin,
                                                'doc_at1', doc_at1, 'doc_at2', doc_at2, 'iinbin', iinbin));
END
$$;
COMMENT ON FUNCTION abs.list_args(integer, integer, text, date, date, text) IS
'The body of O10: page a number and perpage a string, as documented; filters that are null are left out.';

CREATE FUNCTION abs.listed(items jsonb) RETURNS SETOF abs.payment_request_row
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT p.refer, p.accept_dt, p.doc_num, p.doc_at, p.iinbin, p.acc_fullname, p.ben_fullname, p.ben_bin, p.ben_iban,
           p.ben_kbe, p.amount, p.cur, p.knp, p.dbz_num, p.dbz_dt, p.purpose, p.head, p.account, p.seen_at
      FROM (SELECT e.item ->> 'refer' AS refer, min(e.position) AS position
              FROM jsonb_array_elements(items) WITH ORDINALITY AS e (item, position) GROUP BY 1) i
      JOIN abs.payment_request p ON p.refer = i.refer
     ORDER BY i.position
$$;
COMMENT ON FUNCTION abs.listed(jsonb) IS 'The stored rows of a page, in its order.';

CREATE FUNCTION abs.get_all_pt(page integer DEFAULT 1, perpage integer DEFAULT 25, ben_bin text DEFAULT NULL,
                               doc_at1 date DEFAULT NULL, doc_at2 date DEFAULT NULL, iinbin text DEFAULT NULL,
                               server name DEFAULT NULL) RETURNS SETOF abs.payment_request_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION abs.get_all_pt(integer, integer, text, date, date, text, name) IS
'One page of the list of payment requests in the ABS (O10), stored and returned.';

CREATE FUNCTION abs.get_all_pt_as_owner(page integer, perpage integer, ben_bin text, doc_at1 date, doc_at2 date, iinbin text,
                                        server name) RETURNS SETOF abs.payment_request_row
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    answer k2bridge.call_row;
BEGIN
    answer := k2bridge.invoke('abs.get_all_pt', abs.list_args($1, $2, $3, $4, $5, $6), $7);
    RETURN QUERY SELECT l.* FROM abs.listed(abs.list_field(answer.reply, 'items')) l;
END
$$;
COMMENT ON FUNCTION abs.get_all_pt_as_owner(integer, integer, text, date, date, text, name) IS 'Behind abs.get_all_pt.';

CREATE FUNCTION abs.all_pt(ben_bin text DEFAULT NULL, doc_at1 date DEFAULT NULL, doc_at2 date DEFAULT NULL,
                           iinbin text DEFAULT NULL, perpage integer DEFAULT 25, server name DEFAULT NULL)
    RETURNS SETOF abs.payment_request_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION abs.all_pt(text, date, date, text, integer, name) IS
'All pages of the list of payment requests in the ABS (O10), until an empty or short one, stored and returned.';

CREATE FUNCTION abs.all_pt_as_owner(ben_bin text, doc_at1 date, doc_at2 date, iinbin text, perpage integer, server name)
    RETURNS SETOF abs.payment_request_row
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    answer k2bridge.call_row;
    args jsonb := abs.list_args(1, $5, $1, $2, $3, $4);
    page integer := 1;
    items jsonb;
    former text;
BEGIN
    LOOP
        answer := k2bridge.invoke('abs.get_all_pt', args || jsonb_build_object('page', page), $6);
        items := abs.list_field(answer.reply, 'items');
        IF abs.refers_of(items) = former THEN
            RAISE EXCEPTION 'page % of the list repeats the page before it', page USING ERRCODE = 'invalid_parameter_value',
                DETAIL = 'The bank seems to ignore the page number.';
        END IF;
        RETURN QUERY SELECT l.* FROM abs.listed(items) l;
        EXIT WHEN jsonb_array_length(items) < $5;
        former := abs.refers_of(items);
        page := page + 1;
    END LOOP;
END
$$;
COMMENT ON FUNCTION abs.all_pt_as_owner(text, date, date, text, integer, name) IS 'Behind abs.all_pt.';

CREATE FUNCTION abs.reconcile(days integer DEFAULT 14, perpage integer DEFAULT 25, server name DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION abs.reconcile(integer, integer, name) IS
'Queues a walk through the ABS''s list of the payment requests of the last days into abs.payment_request; returns the id of its first call, or of the one under way.';

CREATE FUNCTION abs.reconcile_as_owner(days integer, perpage integer, server name) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    walk text := concat_ws(':', 'abs:reconcile', $3);
    under_way bigint;
BEGIN
    IF coalesce($1, -1) NOT BETWEEN 0 AND 3660 THEN
        RAISE EXCEPTION 'days must be between 0 and 3660' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'days counts back from today, by the date of the document.';
    END IF;
    SELECT min(o.id) INTO under_way FROM k2bridge.outbox o WHERE o.subject = walk;
    RETURN coalesce(under_way,
                    k2bridge.enqueue('abs.get_all_pt',
                                     abs.list_args(1, $2, NULL, k2.today() - $1, k2.today(), NULL) || '{"about": {"walk": true}}',
                                     walk, $3));
END
$$;
COMMENT ON FUNCTION abs.reconcile_as_owner(integer, integer, name) IS 'Behind abs.reconcile.';

CREATE FUNCTION abs.refresh_all_debts() RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION abs.refresh_all_debts() IS
'Queues O8 or O9 for every loan whose debt was not confirmed today and is not being asked for; returns how many.';

CREATE FUNCTION abs.refresh_all_debts_as_owner() RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    midnight timestamptz := k2.today()::timestamp AT TIME ZONE current_setting('k2bridge.timezone');
    batch bigint[];
    last bigint := 0;
    queued bigint := 0;
BEGIN
    LOOP
        SELECT array_agg(n.id) INTO batch
          FROM (SELECT l.id FROM k2.loan l
                 WHERE l.id > last AND (l.synced_at IS NULL OR l.synced_at < midnight)
                   AND NOT EXISTS (SELECT FROM k2bridge.outbox o WHERE o.subject = 'loan:' || l.id || ':debt')
                 ORDER BY l.id LIMIT 10000) n;
        EXIT WHEN batch IS NULL;
        queued := queued + abs.queue_loan_calls(batch, array_fill('debt'::text, ARRAY[cardinality(batch)]));
        last := batch[cardinality(batch)];
    END LOOP;
    RETURN queued;
END
$$;
COMMENT ON FUNCTION abs.refresh_all_debts_as_owner() IS 'Behind abs.refresh_all_debts.';
-- Calls that only the queue sends: registration, recall and return of a payment request, push of the exclusions.
-- They return the id in k2bridge.outbox; k2bridge.wait(id) is the next statement.

CREATE FUNCTION abs.reg_pt(refer text, server name DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION abs.reg_pt(text, name) IS
'Queues the registration of a payment request of k2.req in the ABS (O5) and returns its id, or the id of the one that is queued already.';

CREATE FUNCTION abs.locked_status(wanted_refer text) RETURNS text
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    current_status text;
BEGIN
    SELECT r.status INTO current_status FROM k2.req r WHERE r.refer = wanted_refer FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'payment request "%" does not exist', coalesce(wanted_refer, '') USING ERRCODE = 'no_data_found',
            HINT = 'refer is the key of k2.req.';
    END IF;
    RETURN current_status;
END
$$;
COMMENT ON FUNCTION abs.locked_status(text) IS 'Status of an incoming payment request, its row locked; raises when it does not exist.';

CREATE FUNCTION abs.queued_call(subject text, endpoint text) RETURNS bigint
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT max(o.id) FROM k2bridge.outbox o
     WHERE o.subject = $1 AND o.endpoint = $2 AND o.wish IS DISTINCT FROM 'cancel'
$$;
COMMENT ON FUNCTION abs.queued_call(text, text) IS 'The unfinished call of an endpoint for a subject, null when there is none.';

CREATE FUNCTION abs.reg_pt_as_owner(refer text, server name) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    status text := abs.locked_status($1);
    queued bigint := abs.queued_call('req:' || $1, 'abs.reg_pt');
BEGIN
    IF queued IS NOT NULL THEN
        RETURN queued;
    ELSIF status NOT IN ('new', 'refused') THEN
        RAISE EXCEPTION 'payment request "%" is % already', $1, status USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Only a new or refused payment request can be registered.';
    END IF;
    RETURN (SELECT k2bridge.enqueue('abs.reg_pt', c.args, 'req:' || c.refer, $2) FROM abs.reg_pt_calls(ARRAY[$1]) c);
END
$$;
COMMENT ON FUNCTION abs.reg_pt_as_owner(text, name) IS 'Behind abs.reg_pt.';

CREATE FUNCTION abs.withdraw(refer text, reason_code text, endpoint text, pending text, server name) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    status text := abs.locked_status($1);
    subject text := 'req:' || $1;
    queued bigint;
BEGIN
    IF status <> pending THEN
        PERFORM CASE pending WHEN 'recalling' THEN k2.recall_req_as_owner($1, $2) ELSE k2.return_req_as_owner($1, $2) END;
        RETURN abs.queued_call(subject, $3);
    END IF;
    PERFORM k2.check_reason($2);
    queued := abs.queued_call(subject, $3);
    RETURN coalesce(queued, k2bridge.enqueue($3, jsonb_build_object('refer', $1, 'reason_code', $2), subject, $5));
END
$$;
COMMENT ON FUNCTION abs.withdraw(text, text, text, text, name) IS
'Recalls or returns a payment request and gives the id of the call that its trigger queued; queues one when it is pending without a call.';

CREATE FUNCTION abs.refuse_pt(refer text, reason_code text, server name DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION abs.refuse_pt(text, text, name) IS
'Recalls an incoming payment request and returns the id of the queued call (O6); null when its registration was never sent, so that nothing is to be recalled.';

CREATE FUNCTION abs.refuse_pt_as_owner(refer text, reason_code text, server name) RETURNS bigint
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT abs.withdraw($1, $2, 'abs.refuse_pt', 'recalling', $3)
$$;
COMMENT ON FUNCTION abs.refuse_pt_as_owner(text, text, name) IS 'Behind abs.refuse_pt.';

CREATE FUNCTION abs.return_pt(refer text, reason_code text, server name DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION abs.return_pt(text, text, name) IS
'Returns an incoming payment request and returns the id of the queued call (O7); null when its registration was never sent, so that nothing is to be told.';

CREATE FUNCTION abs.return_pt_as_owner(refer text, reason_code text, server name) RETURNS bigint
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT abs.withdraw($1, $2, 'abs.return_pt', 'returning', $3)
$$;
COMMENT ON FUNCTION abs.return_pt_as_owner(text, text, name) IS 'Behind abs.return_pt.';

CREATE FUNCTION abs.push_exclusions(confirm boolean DEFAULT false, server name DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION abs.push_exclusions(boolean, name) IS
'Queues a push of the whole exclusion list (O11) and returns its id, or the id of the one that waits. confirm => true lets a list go that the guard holds back: the first ever, an empty or a much shorter one.';

CREATE FUNCTION abs.push_exclusions_as_owner(confirm boolean, server name) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    waiting bigint;
    rows bigint;
BEGIN
    -- One that is not due yet builds its body later, so that another would only wait behind it.
    SELECT o.id INTO waiting FROM k2bridge.outbox o
     WHERE o.subject = 'exclusions' AND o.endpoint = 'abs.post_all_loan_exclude_to_eko' AND o.state = 'queued'
       AND o.due_at > clock_timestamp() AND o.wish IS NULL AND ($2 IS NULL OR o.server = $2)
     ORDER BY o.id LIMIT 1
       FOR UPDATE SKIP LOCKED;
    IF $1 THEN
        SELECT count(*) INTO rows FROM k2.exclusion;
        UPDATE abs.exclusion_push p
           SET confirmed_count = rows, confirmed_at = clock_timestamp(), confirmed_by = k2bridge.caller();
        PERFORM k2bridge.record_audit('abs.exclusion_push', NULL, 'confirm', NULL, jsonb_build_object('rows', rows), NULL);
        PERFORM k2bridge.retry(waiting) WHERE waiting IS NOT NULL;
    END IF;
    RETURN coalesce(waiting, k2bridge.enqueue('abs.post_all_loan_exclude_to_eko', '{}', 'exclusions', $2));
END
$$;
COMMENT ON FUNCTION abs.push_exclusions_as_owner(boolean, name) IS 'Behind abs.push_exclusions.';
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
-- What all calls of this room share. In the queue, args are the fields of the wire plus "about": what the handler must
-- know and the bank must not be told. Dates travel as DD-MM-YYYY and come back dotted (wire/autoclient.md section 1.6).

CREATE FUNCTION autoclient.wire_args(args jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$ SELECT args - 'about' $$;
COMMENT ON FUNCTION autoclient.wire_args(jsonb) IS 'Builder: the arguments that travel, without "about".';

CREATE FUNCTION autoclient.wire_date(day date) RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$ SELECT to_char(day, 'DD-MM-YYYY') $$;
COMMENT ON FUNCTION autoclient.wire_date(date) IS 'A date as the statement and rate calls want it.';

CREATE FUNCTION autoclient.server_option(server name, option text) RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT o.option_value
      FROM pg_foreign_server s
      JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw AND w.fdwname = 'k2bridge'
     CROSS JOIN LATERAL pg_options_to_table(s.srvoptions) o
     WHERE s.srvname = $1 AND o.option_name = $2
$$;
COMMENT ON FUNCTION autoclient.server_option(name, text) IS 'An option of a server, null when it is not set.';

CREATE FUNCTION autoclient.zone(server name) RETURNS text
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    own text := autoclient.server_option($1, 'timezone');
BEGIN
    IF own IS NOT NULL THEN
        RETURN own;
    END IF;
    -- Looking into pg_timezone_names would read every file of the time zone database.
    PERFORM now() AT TIME ZONE 'Europe/Kyiv';
    RETURN 'Europe/Kyiv';
EXCEPTION WHEN invalid_parameter_value THEN
    RETURN 'Europe/Kiev';
END
$$;
COMMENT ON FUNCTION autoclient.zone(name) IS 'Time zone of the bank''s wall times: the server''s option, else Kyiv.';

CREATE FUNCTION autoclient.default_server(server name) RETURNS name
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found name[] := k2bridge.servers_for('autoclient.settings');
BEGIN
    IF $1 IS NOT NULL THEN
        IF $1 <> ALL (found) THEN
            RAISE EXCEPTION 'server "%" is not of type autoclient or has no base_url', $1 USING ERRCODE = 'undefined_object',
                HINT = format('SELECT autoclient.add_company(%L, ''/path/of/the.token'');', $1);
        END IF;
        RETURN $1;
    ELSIF cardinality(found) = 1 THEN
        RETURN found[1];
    END IF;
    RAISE EXCEPTION '% servers of type autoclient have a base_url', cardinality(found) USING ERRCODE = 'invalid_parameter_value',
        HINT = CASE WHEN cardinality(found) = 0 THEN 'SELECT autoclient.add_company(server, token_file);'
                    ELSE format('Pass one of %s as argument "server".', array_to_string(found, ', ')) END;
END
$$;
COMMENT ON FUNCTION autoclient.default_server(name) IS 'The server named, or the only one there is; raises naming the choice.';

CREATE FUNCTION autoclient.inexact(field text, value text) RETURNS numeric
    LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'field "%" of the reply is no amount: "%"', field, left(value, 50) USING ERRCODE = 'invalid_parameter_value',
        DETAIL = 'An amount has at most 18 digits before and 2 after the point.';
END
$$;
COMMENT ON FUNCTION autoclient.inexact(text, text) IS 'Raises: an amount that numeric(20,2) would not hold exactly.';

CREATE FUNCTION autoclient.need(name text, value text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF value IS NULL OR btrim(value) = '' THEN
        RAISE EXCEPTION '% must not be null or empty', name USING ERRCODE = 'invalid_parameter_value',
            HINT = format('Give the argument %s a value.', name);
    END IF;
    RETURN value;
END
$$;
COMMENT ON FUNCTION autoclient.need(text, text) IS 'The value of a required argument; raises 22023 naming it.';

CREATE FUNCTION autoclient.list_of(reply jsonb, field text) RETURNS jsonb
    LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF jsonb_typeof(reply -> field) IS DISTINCT FROM 'array' THEN
        RAISE EXCEPTION 'field "%" of the reply is no array', field USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN reply -> field;
END
$$;
COMMENT ON FUNCTION autoclient.list_of(jsonb, text) IS 'A required array of a reply; raises naming the field.';

CREATE FUNCTION autoclient.next_page(reply jsonb) RETURNS text
    LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- exist_next_page decides, nothing else: on a last page next_page_id may be left over (section 2.4).
    IF reply -> 'exist_next_page' IS DISTINCT FROM 'true' THEN
        RETURN NULL;
    ELSIF coalesce(reply ->> 'next_page_id', '') = '' THEN
        RAISE EXCEPTION 'the reply says that another page exists but not which' USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'exist_next_page is true, next_page_id is empty.';
    END IF;
    RETURN reply ->> 'next_page_id';
END
$$;
COMMENT ON FUNCTION autoclient.next_page(jsonb) IS 'What to ask for next, null on the last page.';

CREATE FUNCTION autoclient.queue_next_page(call k2bridge.call_row) RETURNS boolean
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    page text := autoclient.next_page(call.reply);
BEGIN
    IF page IS NULL THEN
        RETURN false;
    ELSIF page = call.args ->> 'followId' THEN
        RAISE EXCEPTION 'the bank names page "%" as the one after itself', left(page, 60) USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM k2bridge.enqueue(call.endpoint, call.args || jsonb_build_object('followId', page), call.subject, call.server);
    RETURN true;
END
$$;
COMMENT ON FUNCTION autoclient.queue_next_page(k2bridge.call_row) IS
'Queues the page that follows, in the transaction that stores the one at hand; false on the last page.';
-- Storing what the statement calls bring: one statement per page. Final rows are never overwritten by interim ones,
-- and a row of a day that was fetched as final without it counts as vanished (wire/autoclient.md section 2.3).

CREATE FUNCTION autoclient.account_named(server name, wire text) RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce((SELECT a.acc FROM autoclient.account a
                      WHERE a.server = $1 AND (a.acc = $2 OR length($2) = 14 AND right(a.acc, 14) = $2)
                      ORDER BY a.acc = $2 DESC, a.acc LIMIT 1), $2)
$$;
COMMENT ON FUNCTION autoclient.account_named(name, text) IS 'The known account that a number means; the bank also writes the last 14 digits of an IBAN.';

CREATE FUNCTION autoclient.store_transactions(server name, acc text, items jsonb, final_until date, walk bigint) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, DMY' AS $$
#variable_conflict use_column
DECLARE
    zone text := autoclient.zone($1);
    linking boolean := EXISTS (SELECT FROM k2.extreq);
    walked date := (SELECT a.walked_through FROM autoclient.account a WHERE a.server = $1 AND a.acc = $2);
    changed bigint;
BEGIN
    WITH page AS MATERIALIZED (
        SELECT DISTINCT ON (coalesce($2, autoclient.account_named($1, r."AUT_MY_ACC")), r."TRANTYPE", r."REF", r."REFN")
               coalesce($2, autoclient.account_named($1, r."AUT_MY_ACC")) AS own_acc, e.item, r.*
          FROM jsonb_array_elements($3) WITH ORDINALITY AS e (item, position)
         CROSS JOIN LATERAL jsonb_to_record(e.item) AS r (
               "TRANTYPE" text, "REF" text, "REFN" text, "AUT_MY_CRF" text, "AUT_MY_MFO" text, "AUT_MY_ACC" text,
               "AUT_MY_NAM" text, "AUT_MY_MFO_NAME" text, "AUT_MY_MFO_CITY" text, "AUT_CNTR_CRF" text,
               "AUT_CNTR_MFO" text, "AUT_CNTR_ACC" text, "AUT_CNTR_NAM" text, "AUT_CNTR_MFO_NAME" text,
               "AUT_CNTR_MFO_CITY" text, "CCY" text, "FL_REAL" text, "PR_PR" text, "DOC_TYP" text, "NUM_DOC" text,
               "DAT_KL" text, "DAT_OD" date, "OSND" text, "SUM" numeric, "SUM_E" numeric, "TIM_P" text,
               "DATE_TIME_DAT_OD_TIM_P" text, "ID" text, "DLR" text, "TECHNICAL_TRANSACTION_ID" text,
               "UETR" text, "ULTMT" text, "PAYER_ULTMT_NCEO" text, "PAYER_ULTMT_DOCUMENT" text,
               "PAYER_ULTMT_NAME" text, "PAYER_ULTMT_COUNTRY_CODE" text, "RECIPIENT_ULTMT_NCEO" text,
               "RECIPIENT_ULTMT_DOCUMENT" text, "RECIPIENT_ULTMT_NAME" text, "RECIPIENT_ULTMT_COUNTRY_CODE" text,
               "STRUCT_CODE" text, "STRUCT_TYPE" text, "STRUCT_CATEGORY" text)
         ORDER BY 1, r."TRANTYPE", r."REF", r."REFN", e.position DESC
    ), stored AS (
        INSERT INTO autoclient.transaction AS known (
                server, acc, trantype, ref, refn, aut_my_crf, aut_my_mfo, aut_my_acc, aut_my_nam, aut_my_mfo_name,
                aut_my_mfo_city, aut_cntr_crf, aut_cntr_mfo, aut_cntr_acc, aut_cntr_nam, aut_cntr_mfo_name,
                aut_cntr_mfo_city, ccy, fl_real, pr_pr, doc_typ, num_doc, dat_kl, dat_od, osnd, sum, sum_e, tim_p, at,
                id, dlr, technical_transaction_id, uetr, ultmt, payer_ultmt_nceo, payer_ultmt_document,
                payer_ultmt_name, payer_ultmt_country_code, recipient_ultmt_nceo, recipient_ultmt_document,
                recipient_ultmt_name, recipient_ultmt_country_code, struct_code, struct_type, struct_category,
                is_final, walk, raw,
                vanished)
        SELECT $1, r.own_acc, r."TRANTYPE", r."REF", r."REFN",
               r."AUT_MY_CRF", r."AUT_MY_MFO", r."AUT_MY_ACC", r."AUT_MY_NAM", r."AUT_MY_MFO_NAME",
               r."AUT_MY_MFO_CITY", r."AUT_CNTR_CRF", r."AUT_CNTR_MFO", r."AUT_CNTR_ACC", r."AUT_CNTR_NAM",
               r."AUT_CNTR_MFO_NAME", r."AUT_CNTR_MFO_CITY", r."CCY", r."FL_REAL", r."PR_PR", r."DOC_TYP",
               r."NUM_DOC", nullif(r."DAT_KL", '')::date, r."DAT_OD", r."OSND", CASE WHEN r."SUM" = round(r."SUM", 2) THEN r."SUM" ELSE autoclient.inexact('SUM', r."SUM"::text) END,
               CASE WHEN r."SUM_E" IS NULL OR r."SUM_E" = round(r."SUM_E", 2) THEN r."SUM_E" ELSE autoclient.inexact('SUM_E', r."SUM_E"::text) END, r."TIM_P", nullif(r."DATE_TIME_DAT_OD_TIM_P", '')::timestamp AT TIME ZONE zone, r."ID",
               r."DLR", r."TECHNICAL_TRANSACTION_ID", r."UETR", r."ULTMT", r."PAYER_ULTMT_NCEO",
               r."PAYER_ULTMT_DOCUMENT", r."PAYER_ULTMT_NAME", r."PAYER_ULTMT_COUNTRY_CODE", r."RECIPIENT_ULTMT_NCEO",
               r."RECIPIENT_ULTMT_DOCUMENT", r."RECIPIENT_ULTMT_NAME", r."RECIPIENT_ULTMT_COUNTRY_CODE",
               r."STRUCT_CODE", r."STRUCT_TYPE", r."STRUCT_CATEGORY",
               coalesce(r."DAT_OD" <= $4, false), $5, nullif(r.item - '{TRANTYPE,REF,REFN,AUT_MY_CRF,AUT_MY_MFO,AUT_MY_ACC,AUT_MY_NAM,AUT_MY_MFO_NAME,AUT_MY_MFO_CITY,AUT_CNTR_CRF,AUT_CNTR_MFO,AUT_CNTR_ACC,AUT_CNTR_NAM,AUT_CNTR_MFO_NAME,AUT_CNTR_MFO_CITY,CCY,FL_REAL,PR_PR,DOC_TYP,NUM_DOC,DAT_KL,DAT_OD,OSND,SUM,SUM_E,TIM_P,ID,DLR,TECHNICAL_TRANSACTION_ID,UETR,ULTMT,PAYER_ULTMT_NCEO,PAYER_ULTMT_DOCUMENT,PAYER_ULTMT_NAME,PAYER_ULTMT_COUNTRY_CODE,RECIPIENT_ULTMT_NCEO,RECIPIENT_ULTMT_DOCUMENT,RECIPIENT_ULTMT_NAME,RECIPIENT_ULTMT_COUNTRY_CODE,STRUCT_CODE,STRUCT_TYPE,STRUCT_CATEGORY,DATE_TIME_DAT_OD_TIM_P}'::text[], '{}'),
               coalesce(r."DAT_OD" > $4, true) AND coalesce(r."DAT_OD" <= CASE WHEN $2 IS NOT NULL THEN walked
                    ELSE (SELECT a.walked_through FROM autoclient.account a WHERE a.server = $1 AND a.acc = r.own_acc) END, false)
          FROM page r
            ON CONFLICT (server, acc, trantype, ref, refn) DO UPDATE SET
           aut_my_crf = excluded.aut_my_crf, aut_my_mfo = excluded.aut_my_mfo, aut_my_acc = excluded.aut_my_acc,
           aut_my_nam = excluded.aut_my_nam, aut_my_mfo_name = excluded.aut_my_mfo_name,
           aut_my_mfo_city = excluded.aut_my_mfo_city, aut_cntr_crf = excluded.aut_cntr_crf,
           aut_cntr_mfo = excluded.aut_cntr_mfo, aut_cntr_acc = excluded.aut_cntr_acc,
           aut_cntr_nam = excluded.aut_cntr_nam, aut_cntr_mfo_name = excluded.aut_cntr_mfo_name,
           aut_cntr_mfo_city = excluded.aut_cntr_mfo_city, ccy = excluded.ccy, fl_real = excluded.fl_real,
           pr_pr = excluded.pr_pr, doc_typ = excluded.doc_typ, num_doc = excluded.num_doc, dat_kl = excluded.dat_kl,
           dat_od = excluded.dat_od, osnd = excluded.osnd, sum = excluded.sum, sum_e = excluded.sum_e,
           tim_p = excluded.tim_p, at = excluded.at, id = excluded.id, dlr = excluded.dlr,
           technical_transaction_id = excluded.technical_transaction_id, uetr = excluded.uetr, ultmt = excluded.ultmt,
           payer_ultmt_nceo = excluded.payer_ultmt_nceo, payer_ultmt_document = excluded.payer_ultmt_document,
           payer_ultmt_name = excluded.payer_ultmt_name, payer_ultmt_country_code = excluded.payer_ultmt_country_code,
           recipient_ultmt_nceo = excluded.recipient_ultmt_nceo,
           recipient_ultmt_document = excluded.recipient_ultmt_document,
           recipient_ultmt_name = excluded.recipient_ultmt_name,
           recipient_ultmt_country_code = excluded.recipient_ultmt_country_code, struct_code = excluded.struct_code,
           struct_type = excluded.struct_type, struct_category = excluded.struct_category,
           is_final = excluded.is_final, vanished = excluded.vanished, walk = coalesce(excluded.walk, known.walk),
           raw = excluded.raw
         WHERE (excluded.is_final OR NOT known.is_final)
           AND (excluded.walk IS NOT NULL OR known.is_final <> excluded.is_final OR known.vanished <> excluded.vanished OR (
           known.aut_my_crf, known.aut_my_mfo, known.aut_my_acc, known.aut_my_nam, known.aut_my_mfo_name,
           known.aut_my_mfo_city, known.aut_cntr_crf, known.aut_cntr_mfo, known.aut_cntr_acc, known.aut_cntr_nam,
           known.aut_cntr_mfo_name, known.aut_cntr_mfo_city, known.ccy, known.fl_real, known.pr_pr, known.doc_typ,
           known.num_doc, known.dat_kl, known.dat_od, known.osnd, known.sum, known.sum_e, known.tim_p, known.at,
           known.id, known.dlr, known.technical_transaction_id, known.uetr, known.ultmt, known.payer_ultmt_nceo,
           known.payer_ultmt_document, known.payer_ultmt_name, known.payer_ultmt_country_code,
           known.recipient_ultmt_nceo, known.recipient_ultmt_document, known.recipient_ultmt_name,
           known.recipient_ultmt_country_code, known.struct_code, known.struct_type, known.struct_category, known.raw)
           IS DISTINCT FROM (
           excluded.aut_my_crf, excluded.aut_my_mfo, excluded.aut_my_acc, excluded.aut_my_nam,
           excluded.aut_my_mfo_name, excluded.aut_my_mfo_city, excluded.aut_cntr_crf, excluded.aut_cntr_mfo,
           excluded.aut_cntr_acc, excluded.aut_cntr_nam, excluded.aut_cntr_mfo_name, excluded.aut_cntr_mfo_city,
           excluded.ccy, excluded.fl_real, excluded.pr_pr, excluded.doc_typ, excluded.num_doc, excluded.dat_kl,
           excluded.dat_od, excluded.osnd, excluded.sum, excluded.sum_e, excluded.tim_p, excluded.at, excluded.id,
           excluded.dlr, excluded.technical_transaction_id, excluded.uetr, excluded.ultmt, excluded.payer_ultmt_nceo,
           excluded.payer_ultmt_document, excluded.payer_ultmt_name, excluded.payer_ultmt_country_code,
           excluded.recipient_ultmt_nceo, excluded.recipient_ultmt_document, excluded.recipient_ultmt_name,
           excluded.recipient_ultmt_country_code, excluded.struct_code, excluded.struct_type,
           excluded.struct_category, excluded.raw))
        RETURNING known.acc, known.trantype, known.ref, known.refn, known.osnd, known.dlr
    ), named AS (
        INSERT INTO autoclient.extreq_link (server, acc, trantype, ref, refn, code)
        SELECT DISTINCT $1, s.acc, s.trantype, s.ref, s.refn, x.code
          FROM stored s
         CROSS JOIN LATERAL regexp_matches(s.osnd, '\m[A-Z0-9]{10,35}\M', 'g') AS w (word)
          JOIN k2.extreq x ON x.code = w.word[1]
         WHERE linking
            ON CONFLICT DO NOTHING
    ), paid AS (
        UPDATE autoclient.payment p
           SET state = 'booked', acc = s.acc, trantype = s.trantype, ref = s.ref, refn = s.refn
          FROM stored s
         WHERE s.dlr IS NOT NULL AND s.trantype = 'D' AND p.server = $1 AND p.payment_pack_ref = s.dlr
           AND (p.acc, p.trantype, p.ref, p.refn) IS DISTINCT FROM (s.acc, s.trantype, s.ref, s.refn)
    )
    SELECT count(*) INTO changed FROM stored;
    RETURN changed;
END
$$;
COMMENT ON FUNCTION autoclient.store_transactions(name, text, jsonb, date, bigint) IS
'Stores a page of a statement; rows up to the given day are final. Links rows to payments by DLR and to payment requests named in the purpose. Returns how many rows changed.';

CREATE FUNCTION autoclient.store_balances(server name, acc text, items jsonb, final_until date) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, DMY' AS $$
#variable_conflict use_column
DECLARE
    changed bigint;
BEGIN
    INSERT INTO autoclient.balance AS known (server, acc, day, currency, balance_in, balance_out, turnover_debt, turnover_cred,
        balance_in_eq, balance_out_eq, turnover_debt_eq, turnover_cred_eq, is_final, raw)
    SELECT DISTINCT ON (coalesce($2, r.acc), r.dpd::date) $1, coalesce($2, r.acc), r.dpd::date, r.currency,
           autoclient.amount(r."balanceIn", 'balanceIn'), autoclient.amount(r."balanceOut", 'balanceOut'),
           autoclient.amount(r."turnoverDebt", 'turnoverDebt'), autoclient.amount(r."turnoverCred", 'turnoverCred'),
           autoclient.amount(r."balanceInEq", 'balanceInEq'), autoclient.amount(r."balanceOutEq", 'balanceOutEq'),
           autoclient.amount(r."turnoverDebtEq", 'turnoverDebtEq'), autoclient.amount(r."turnoverCredEq", 'turnoverCredEq'),
           coalesce(r.is_final_bal, false) OR coalesce(r.dpd::date <= $4, false),
           nullif(e.item - '{acc,currency,dpd,is_final_bal,balanceIn,balanceOut,turnoverDebt,turnoverCred,balanceInEq,balanceOutEq,turnoverDebtEq,turnoverCredEq}'::text[], '{}')
      FROM jsonb_array_elements($3) WITH ORDINALITY AS e (item, position)
     CROSS JOIN LATERAL jsonb_to_record(e.item) AS r (acc text, currency text, dpd timestamp, is_final_bal boolean,
               "balanceIn" numeric, "balanceOut" numeric, "turnoverDebt" numeric, "turnoverCred" numeric, "balanceInEq" numeric,
               "balanceOutEq" numeric, "turnoverDebtEq" numeric, "turnoverCredEq" numeric)
     ORDER BY coalesce($2, r.acc), r.dpd::date, e.position DESC
        ON CONFLICT (server, acc, day) DO UPDATE
       SET currency = excluded.currency, balance_in = excluded.balance_in, balance_out = excluded.balance_out,
           turnover_debt = excluded.turnover_debt, turnover_cred = excluded.turnover_cred, balance_in_eq = excluded.balance_in_eq,
           balance_out_eq = excluded.balance_out_eq, turnover_debt_eq = excluded.turnover_debt_eq,
           turnover_cred_eq = excluded.turnover_cred_eq, is_final = excluded.is_final, raw = excluded.raw,
           seen_at = excluded.seen_at
     WHERE excluded.is_final OR NOT known.is_final;
    GET DIAGNOSTICS changed = ROW_COUNT;
    RETURN changed;
END
$$;
COMMENT ON FUNCTION autoclient.store_balances(name, text, jsonb, date) IS
'Stores a page of balances; days up to the given one are final, and those that the bank calls so.';

CREATE FUNCTION autoclient.amount(value numeric, field text) RETURNS numeric
    LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF value <> round(value, 2) OR abs(value) >= 1e18 THEN
        PERFORM autoclient.inexact(field, value::text);
    END IF;
    RETURN value;
END
$$;
COMMENT ON FUNCTION autoclient.amount(numeric, text) IS 'An amount that numeric(20,2) holds exactly; raises naming the field.';

CREATE FUNCTION autoclient.discover(server name, items jsonb, since date) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, DMY' AS $$
#variable_conflict use_column
BEGIN
    INSERT INTO autoclient.account AS known (server, acc, name, currency, state, start_date)
    SELECT DISTINCT ON (e.item ->> 'acc') $1, e.item ->> 'acc', e.item ->> 'nameACC', e.item ->> 'currency', e.item ->> 'state',
           greatest($3, nullif(e.item ->> 'date_open_acc_reg', '')::timestamp::date)
      FROM jsonb_array_elements($2) WITH ORDINALITY AS e (item, position)
     ORDER BY e.item ->> 'acc', e.position DESC
        ON CONFLICT (server, acc) DO UPDATE
       SET name = excluded.name, currency = excluded.currency, state = excluded.state
     WHERE (known.name, known.currency, known.state) IS DISTINCT FROM (excluded.name, excluded.currency, excluded.state);
END
$$;
COMMENT ON FUNCTION autoclient.discover(name, jsonb, date) IS 'Notes the accounts that a page of balances names; history begins at the given day or when the account was opened.';
-- The rounds of polling: settings, then balances of all accounts, then per account the interim statement and the days
-- that have become final. Every page is a queued call whose handler stores the rows and queues the next page in one
-- transaction, so that a crash between any two pages neither loses nor repeats a row (design section 7).
--
-- Subjects: autoclient:<server> the round, autoclient:<server>:<acc>:interim and …:final what is fetched of an account.

CREATE FUNCTION autoclient.under_way(subject text, but bigint) RETURNS bigint
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT min(o.id) FROM k2bridge.outbox o WHERE o.subject = $1 AND o.id IS DISTINCT FROM $2
$$;
COMMENT ON FUNCTION autoclient.under_way(text, bigint) IS 'The unfinished call of a subject, other than the given one.';

CREATE FUNCTION autoclient.start_round(server name) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO autoclient.company (server) VALUES ($1) ON CONFLICT DO NOTHING;
    PERFORM pg_advisory_xact_lock(hashtext('autoclient:' || $1));
    RETURN coalesce(autoclient.under_way('autoclient:' || $1, NULL),
                    k2bridge.enqueue('autoclient.settings', '{"about": {"round": true}}', 'autoclient:' || $1, $1));
END
$$;
COMMENT ON FUNCTION autoclient.start_round(name) IS 'Queues a round of polling, unless one is under way.';

CREATE FUNCTION autoclient.poll_as_owner(server name) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    companies name[] := ARRAY(SELECT c.server FROM autoclient.company c ORDER BY c.server);
    queued bigint;
BEGIN
    IF $1 IS NOT NULL OR cardinality(companies) = 0 THEN
        RETURN autoclient.start_round(autoclient.default_server($1));
    END IF;
    SELECT max(autoclient.start_round(autoclient.default_server(c))) INTO queued FROM unnest(companies) c;
    RETURN queued;
END
$$;
COMMENT ON FUNCTION autoclient.poll_as_owner(name) IS 'Behind autoclient.poll.';
CREATE FUNCTION autoclient.poll(server name DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.poll(name) IS
'Queues one round of polling of a company (null: of every company) and returns the id of its first call, or of the round under way.';

-- Settings.

CREATE FUNCTION autoclient.store_settings(server name, settings jsonb, at timestamptz) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, DMY' AS $$
#variable_conflict use_column
DECLARE
    clock timestamptz := (settings ->> 'server_date_time')::timestamp AT TIME ZONE autoclient.zone($1);
    ready boolean := autoclient.need('settings.phase', settings ->> 'phase') = 'WRK'
                     AND coalesce(settings ->> 'work_balance', 'N') = 'N';
BEGIN
    INSERT INTO autoclient.server_day AS known (server, phase, work_balance, today, lastday, date_final_statement,
        dates_without_oper_day, server_date_time, clock_skew, asked_at, waiting_since)
    VALUES ($1, settings ->> 'phase', settings ->> 'work_balance', (settings ->> 'today')::timestamp::date,
            (settings ->> 'lastday')::timestamp::date, (settings ->> 'date_final_statement')::timestamp::date,
            ARRAY(SELECT d::timestamp::date FROM jsonb_array_elements_text(coalesce(settings -> 'dates_without_oper_day', '[]')) d ORDER BY 1),
            clock, clock - at, at, CASE WHEN NOT ready THEN at END)
        ON CONFLICT (server) DO UPDATE
       SET phase = excluded.phase, work_balance = excluded.work_balance, today = excluded.today, lastday = excluded.lastday,
           date_final_statement = excluded.date_final_statement, dates_without_oper_day = excluded.dates_without_oper_day,
           server_date_time = excluded.server_date_time, clock_skew = excluded.clock_skew, asked_at = excluded.asked_at,
           waiting_since = CASE WHEN NOT ready THEN coalesce(known.waiting_since, excluded.asked_at) END, last_error = NULL
     WHERE known.asked_at <= excluded.asked_at;
    UPDATE autoclient.company c SET start_date = d.lastday
      FROM autoclient.server_day d WHERE c.server = $1 AND d.server = $1 AND c.start_date IS NULL;
END
$$;
COMMENT ON FUNCTION autoclient.store_settings(name, jsonb, timestamptz) IS
'Stores the bank''s day. A company without start_date begins with the operational day before the first one seen.';

CREATE FUNCTION autoclient.settings_done(call k2bridge.call_row) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF call.outcome <> 'ok' THEN
        PERFORM autoclient.note_round_error(call);
        RETURN;
    END IF;
    PERFORM autoclient.store_settings(call.server, call.reply -> 'settings', coalesce(call.finished_at, clock_timestamp()));
    IF call.args #> '{about,round}' = 'true'
       AND EXISTS (SELECT FROM autoclient.server_day d WHERE d.server = call.server AND d.waiting_since IS NULL) THEN
        PERFORM k2bridge.enqueue('autoclient.balances_interim', '{"limit": 100, "about": {"round": true}}', call.subject, call.server);
    END IF;
END
$$;
COMMENT ON FUNCTION autoclient.settings_done(k2bridge.call_row) IS
'Handler of autoclient.settings: stores the bank''s day; in a round goes on only with phase WRK and work_balance N.';

CREATE FUNCTION autoclient.note_round_error(call k2bridge.call_row) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO autoclient.server_day (server, asked_at, last_error)
    SELECT call.server, clock_timestamp(), concat_ws(': ', call.endpoint, call.outcome, call.error_code, call.error_text)
     WHERE call.args #> '{about,round}' = 'true'
        ON CONFLICT (server) DO UPDATE SET last_error = excluded.last_error
$$;
COMMENT ON FUNCTION autoclient.note_round_error(k2bridge.call_row) IS 'Notes why a round of polling ended before it reached the accounts.';

-- Balances.

CREATE FUNCTION autoclient.balances_done(call k2bridge.call_row) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    about jsonb := coalesce(call.args -> 'about', '{}');
    items jsonb;
BEGIN
    IF call.outcome <> 'ok' THEN
        PERFORM autoclient.note_round_error(call);
        PERFORM autoclient.note_account_error(call);
        RETURN;
    END IF;
    items := autoclient.list_of(call.reply, 'balances');
    IF about ? 'round' THEN
        PERFORM autoclient.discover(call.server, items, c.start_date) FROM autoclient.company c WHERE c.server = call.server;
    END IF;
    PERFORM autoclient.store_balances(call.server, coalesce(about ->> 'acc', autoclient.account_named(call.server, call.args ->> 'acc')), items, (about ->> 'to')::date);
    IF about ? 'direct' OR autoclient.queue_next_page(call) THEN
        RETURN;
    ELSIF about ? 'round' THEN
        PERFORM autoclient.start_accounts(call.server);
    ELSIF about ? 'walk' THEN
        PERFORM autoclient.finish_window(call.server, about, call.id);
    END IF;
END
$$;
COMMENT ON FUNCTION autoclient.balances_done(k2bridge.call_row) IS
'Handler of the balance calls: stores the page; after the last one a round goes on to the accounts, and a window of final days is closed.';

CREATE FUNCTION autoclient.start_accounts(server name) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE autoclient.server_day d SET round_done_at = clock_timestamp() WHERE d.server = $1;
    PERFORM autoclient.start_interim(a.server, a.acc), autoclient.next_window(a.server, a.acc, NULL)
       FROM autoclient.account a WHERE a.server = $1 AND a.poll ORDER BY a.acc;
END
$$;
COMMENT ON FUNCTION autoclient.start_accounts(name) IS 'Starts what is to be fetched of each polled account, where it is not under way.';

-- Interim rows.

CREATE FUNCTION autoclient.start_interim(server name, acc text) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    day autoclient.server_day;
    subject text := format('autoclient:%s:%s:interim', $1, $2);
    about jsonb := jsonb_build_object('acc', $2);
BEGIN
    SELECT d.* INTO day FROM autoclient.server_day d WHERE d.server = $1;
    IF autoclient.under_way(subject, NULL) IS NOT NULL THEN
        RETURN NULL;
    END IF;
    -- During the change of day some days may be neither final nor within the interim window.
    IF day.date_final_statement + 1 < day.lastday THEN
        RETURN k2bridge.enqueue('autoclient.transactions', jsonb_build_object('acc', $2,
                   'startDate', autoclient.wire_date(day.date_final_statement + 1), 'endDate', autoclient.wire_date(day.today),
                   'limit', 100, 'about', about || '{"interim": true}'), subject, $1);
    END IF;
    RETURN k2bridge.enqueue('autoclient.transactions_interim',
               jsonb_build_object('acc', $2, 'limit', 100, 'about', about || '{"interim": true}'), subject, $1);
END
$$;
COMMENT ON FUNCTION autoclient.start_interim(name, text) IS 'Queues the first page of an account''s rows that are not final, unless that is under way.';

CREATE FUNCTION autoclient.note_account_error(call k2bridge.call_row) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    UPDATE autoclient.account a
       SET last_error = concat_ws(': ', call.endpoint, call.outcome, call.error_code, call.error_text)
     WHERE a.server = call.server AND a.acc = call.args #>> '{about,acc}'
$$;
COMMENT ON FUNCTION autoclient.note_account_error(k2bridge.call_row) IS 'Notes why the fetching of an account ended; the next round begins it anew.';

CREATE FUNCTION autoclient.transactions_done(call k2bridge.call_row) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    about jsonb := coalesce(call.args -> 'about', '{}');
    final_until date;
BEGIN
    IF call.outcome <> 'ok' THEN
        PERFORM autoclient.note_account_error(call);
        RETURN;
    END IF;
    final_until := CASE WHEN about ? 'walk' THEN (about ->> 'to')::date
                        WHEN call.endpoint = 'autoclient.transactions_final' THEN 'infinity'
                        WHEN call.endpoint = 'autoclient.transactions' AND NOT about ? 'interim'
                        THEN (SELECT d.date_final_statement FROM autoclient.server_day d WHERE d.server = call.server) END;
    PERFORM autoclient.store_transactions(call.server, coalesce(about ->> 'acc', autoclient.account_named(call.server, call.args ->> 'acc')),
                autoclient.list_of(call.reply, 'transactions'), final_until, (about ->> 'walk')::bigint);
    IF EXISTS (SELECT FROM autoclient.payment p WHERE p.server = call.server AND p.state = 'uncertain') THEN
        PERFORM autoclient.match_uncertain(call.server);
    END IF;
    IF about ? 'direct' OR autoclient.queue_next_page(call) THEN
        RETURN;
    ELSIF about ? 'interim' THEN
        UPDATE autoclient.account a SET last_poll = clock_timestamp(), last_error = NULL
         WHERE a.server = call.server AND a.acc = about ->> 'acc';
    ELSIF about ? 'walk' THEN
        PERFORM k2bridge.enqueue('autoclient.balances', call.args - 'followId', call.subject, call.server);
    END IF;
END
$$;
COMMENT ON FUNCTION autoclient.transactions_done(k2bridge.call_row) IS
'Handler of the statement calls: stores the page and queues the next one; after the last page of a window of final days its balances follow.';
-- Final days: an account's days are fetched window after window, from its start to the last day whose statement is
-- final. A backfill is the same with an earlier start. final_through advances only over days that add up.

CREATE FUNCTION autoclient.oldest_day(server name) RETURNS date
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce((SELECT d.today FROM autoclient.server_day d WHERE d.server = $1),
                    (clock_timestamp() AT TIME ZONE autoclient.zone($1))::date) - 1095
$$;
COMMENT ON FUNCTION autoclient.oldest_day(name) IS 'The first day the bank still tells (wire/autoclient.md section 2.5).';

CREATE FUNCTION autoclient.next_window(server name, acc text, but bigint) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    a autoclient.account;
    c autoclient.company;
    final_day date := (SELECT d.date_final_statement FROM autoclient.server_day d WHERE d.server = $1 AND d.waiting_since IS NULL);
    subject text := format('autoclient:%s:%s:final', $1, $2);
    from_day date;
    to_day date;
BEGIN
    SELECT k.* INTO a FROM autoclient.account k WHERE k.server = $1 AND k.acc = $2 FOR NO KEY UPDATE;
    SELECT k.* INTO c FROM autoclient.company k WHERE k.server = $1;
    IF final_day IS NULL OR NOT a.poll OR c.backfill_paused OR autoclient.under_way(subject, but) IS NOT NULL THEN
        RETURN NULL;
    END IF;
    from_day := greatest(coalesce(a.walked_through + 1, a.start_date), autoclient.oldest_day($1));
    -- What does not add up is asked again, in case the bank has mended it.
    IF from_day > final_day AND coalesce(a.final_through, a.start_date - 1) < a.walked_through
       AND coalesce(a.rechecked_at, '-infinity') < clock_timestamp() - interval '1 hour' THEN
        from_day := coalesce(a.final_through + 1, a.start_date);
        UPDATE autoclient.account k SET rechecked_at = clock_timestamp() WHERE k.server = $1 AND k.acc = $2;
    END IF;
    IF from_day > final_day THEN
        UPDATE autoclient.account k SET backfill_since = NULL, backfill_from = NULL
         WHERE k.server = $1 AND k.acc = $2 AND k.backfill_since IS NOT NULL;
        RETURN NULL;
    END IF;
    to_day := least(final_day, from_day + c.window_days - 1, CASE WHEN a.resume_from > from_day THEN a.resume_from - 1 END);
    IF a.backfill_since IS NULL AND to_day < final_day THEN
        UPDATE autoclient.account k SET backfill_since = clock_timestamp(), backfill_from = from_day
         WHERE k.server = $1 AND k.acc = $2;
    END IF;
    RETURN k2bridge.enqueue('autoclient.transactions', jsonb_build_object('acc', $2,
               'startDate', autoclient.wire_date(from_day), 'endDate', autoclient.wire_date(to_day), 'limit', c.page_size,
               'about', jsonb_build_object('acc', $2, 'walk', nextval('autoclient.walk_seq'), 'from', from_day, 'to', to_day)),
               subject, $1);
END
$$;
COMMENT ON FUNCTION autoclient.next_window(name, text, bigint) IS
'Queues the first page of the next window of final days of an account; null when there is none, it is under way (apart from the given call) or paused.';

CREATE FUNCTION autoclient.finish_window(server name, about jsonb, but bigint) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    wanted text := about ->> 'acc';
    from_day date := (about ->> 'from')::date;
    to_day date := (about ->> 'to')::date;
BEGIN
    UPDATE autoclient.transaction t SET vanished = true
     WHERE t.server = $1 AND t.acc = wanted AND t.dat_od BETWEEN from_day AND to_day
       AND NOT t.vanished AND t.walk IS DISTINCT FROM (about ->> 'walk')::bigint;
    -- A bank that sends no balances of days without movement takes an interim one back by silence.
    DELETE FROM autoclient.balance b
     WHERE b.server = $1 AND b.acc = wanted AND b.day BETWEEN from_day AND to_day AND NOT b.is_final;
    UPDATE autoclient.account a
       SET walked_through = greatest(a.walked_through, to_day), last_error = NULL
     WHERE a.server = $1 AND a.acc = wanted;
    PERFORM autoclient.rejoin($1, wanted);
    PERFORM autoclient.advance($1, wanted);
    PERFORM autoclient.next_window($1, wanted, $3);
END
$$;
COMMENT ON FUNCTION autoclient.finish_window(name, jsonb, bigint) IS
'Closes a window of final days: flags what its statement no longer has, advances final_through, goes on with the next window.';

CREATE FUNCTION autoclient.rejoin(server name, acc text) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    UPDATE autoclient.account a
       SET walked_through = greatest(a.walked_through, a.resume_through), resume_from = NULL, resume_through = NULL
     WHERE a.server = $1 AND a.acc = $2 AND a.walked_through >= a.resume_from - 1
$$;
COMMENT ON FUNCTION autoclient.rejoin(name, text) IS 'A backfill that has reached the history that was here before goes on behind it.';

CREATE FUNCTION autoclient.advance(server name, acc text) RETURNS date
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    UPDATE autoclient.account a
       SET final_through = (SELECT coalesce(min(p.day) - 1, a.walked_through)
                              FROM autoclient.check_days(a.server, a.acc, coalesce(a.final_through + 1, a.start_date), a.walked_through) p
                             WHERE p.problem <> 'vanished')
     WHERE a.server = $1 AND a.acc = $2
    RETURNING a.final_through
$$;
COMMENT ON FUNCTION autoclient.advance(name, text) IS
'Moves final_through over the fetched days that add up; a row that vanished does not stop it, since the sums are right without it.';

CREATE FUNCTION autoclient.backfill_as_owner(acc text, start_date date, server name) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    wanted name := autoclient.default_server($3);
    a autoclient.account;
BEGIN
    SELECT k.* INTO a FROM autoclient.account k WHERE k.server = wanted AND k.acc = autoclient.account_named(wanted, $1) FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'account "%" of server "%" is not known', $1, wanted USING ERRCODE = 'no_data_found',
            HINT = format('SELECT autoclient.poll(%L); asks the bank for the accounts.', wanted);
    ELSIF $2 < autoclient.oldest_day(wanted) THEN
        RAISE EXCEPTION 'start_date % is too long ago', $2 USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'The bank tells at most 1095 days.', HINT = format('Begin with %s or later.', autoclient.oldest_day(wanted));
    END IF;
    IF $2 < a.start_date THEN
        UPDATE autoclient.account k
           SET start_date = $2, final_through = NULL, walked_through = NULL, backfill_since = NULL, backfill_from = NULL,
               resume_from = CASE WHEN a.walked_through >= a.start_date THEN coalesce(least(a.resume_from, a.start_date), a.start_date) END,
               resume_through = CASE WHEN a.walked_through >= a.start_date THEN greatest(a.resume_through, a.walked_through) END
         WHERE k.server = a.server AND k.acc = a.acc;
    END IF;
    RETURN autoclient.next_window(a.server, a.acc, NULL);
END
$$;
COMMENT ON FUNCTION autoclient.backfill_as_owner(text, date, name) IS 'Behind autoclient.backfill.';
CREATE FUNCTION autoclient.backfill(acc text, start_date date, server name DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.backfill(text, date, name) IS
'Starts or resumes fetching an account''s history from a day on, window after window (k2bridge.progress shows it); returns the id of the call, null when nothing is to be fetched or it is under way.';

CREATE FUNCTION autoclient.pause_backfill_as_owner(server name, paused boolean) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    wanted name := autoclient.default_server($1);
BEGIN
    UPDATE autoclient.company c SET backfill_paused = $2 WHERE c.server = wanted;
    PERFORM k2bridge.record_audit('autoclient.company', wanted::text, CASE WHEN $2 THEN 'pause backfill' ELSE 'resume backfill' END, NULL, NULL, NULL);
    IF NOT $2 THEN
        PERFORM autoclient.next_window(a.server, a.acc, NULL) FROM autoclient.account a WHERE a.server = wanted AND a.poll;
    END IF;
END
$$;
COMMENT ON FUNCTION autoclient.pause_backfill_as_owner(name, boolean) IS 'Behind autoclient.pause_backfill.';
CREATE FUNCTION autoclient.pause_backfill(server name DEFAULT NULL, paused boolean DEFAULT true) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.pause_backfill(name, boolean) IS
'Holds the fetching of final days of a company after the window under way; paused => false goes on where it stopped. Interim rows go on being polled.';
-- Do the statements add up? The checks of design section 7, per account and day.

CREATE FUNCTION autoclient.is_booked(pr_pr text, fl_real text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$ SELECT pr_pr = 'r' AND fl_real = 'r' $$;
COMMENT ON FUNCTION autoclient.is_booked(text, text) IS
'Whether a row moved money and so counts in the turnover of its day; a bank that counts otherwise replaces this function.';

CREATE FUNCTION autoclient.check_days(server name, acc text, from_day date, to_day date) RETURNS TABLE (day date, problem text)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH booked AS MATERIALIZED (
        SELECT t.dat_od AS day,
               coalesce(sum(t.sum) FILTER (WHERE t.trantype = 'D' AND t.live AND t.booked), 0) AS debt,
               coalesce(sum(t.sum) FILTER (WHERE t.trantype = 'C' AND t.live AND t.booked), 0) AS cred,
               count(*) FILTER (WHERE t.live AND t.booked) AS moves,
               bool_or(t.live AND NOT t.is_final) AS open, bool_or(NOT t.live) AS vanished
          FROM (SELECT x.dat_od, x.trantype, x.sum, x.is_final, NOT x.vanished AS live, autoclient.is_booked(x.pr_pr, x.fl_real) AS booked
                  FROM autoclient.transaction x WHERE x.server = $1 AND x.acc = $2 AND x.dat_od BETWEEN $3 AND $4) t
         GROUP BY t.dat_od
    ), known AS MATERIALIZED (
        SELECT b.*, lag(b.balance_out) OVER (ORDER BY b.day) AS former_out
          FROM autoclient.balance b
         WHERE b.server = $1 AND b.acc = $2
           AND b.day BETWEEN coalesce((SELECT max(e.day) FROM autoclient.balance e WHERE e.server = $1 AND e.acc = $2 AND e.day < $3), $3) AND $4
    ), quiet AS MATERIALIZED (
        -- Whether this bank sends balances of days without movement, which its document leaves open.
        SELECT EXISTS (SELECT FROM autoclient.balance b
                        WHERE b.server = $1 AND b.acc = $2 AND b.is_final AND b.turnover_debt = 0 AND b.turnover_cred = 0
                          AND NOT EXISTS (SELECT FROM autoclient.transaction t
                                           WHERE t.server = $1 AND t.acc = $2 AND t.dat_od = b.day)) AS told
    ), days AS (
        SELECT d.day::date AS day
          FROM generate_series($3::timestamp, $4::timestamp, interval '1 day') d (day)
    )
    SELECT d.day, p.problem
      FROM days d
      LEFT JOIN booked m ON m.day = d.day
      LEFT JOIN known b ON b.day = d.day
      LEFT JOIN LATERAL (SELECT n.balance_in FROM autoclient.balance n
                          WHERE b.day IS NULL AND n.server = $1 AND n.acc = $2 AND n.day > d.day ORDER BY n.day LIMIT 1) later ON true
      LEFT JOIN LATERAL (SELECT n.balance_out FROM autoclient.balance n
                          WHERE b.day IS NULL AND n.server = $1 AND n.acc = $2 AND n.day < d.day ORDER BY n.day DESC LIMIT 1) earlier ON true
     CROSS JOIN quiet q
     CROSS JOIN LATERAL (VALUES
        ('turnover_debt', b.turnover_debt <> coalesce(m.debt, 0)),
        ('turnover_cred', b.turnover_cred <> coalesce(m.cred, 0)),
        ('arithmetic', b.balance_in + b.turnover_cred - b.turnover_debt <> b.balance_out),
        ('continuity', b.balance_in <> b.former_out),
        ('missing_balance', b.day IS NULL
            AND (m.moves > 0 OR earlier.balance_out <> later.balance_in
                 OR q.told AND NOT EXISTS (SELECT FROM autoclient.server_day s WHERE s.server = $1 AND d.day = ANY (s.dates_without_oper_day)))),
        ('not_final', coalesce(m.open, false) OR NOT coalesce(b.is_final, true)),
        ('vanished', coalesce(m.vanished, false))) AS p (problem, wrong)
     WHERE p.wrong
     ORDER BY d.day, p.problem
$$;
COMMENT ON FUNCTION autoclient.check_days(name, text, date, date) IS
'What does not add up in the days of an account: turnover_debt, turnover_cred, arithmetic, continuity, missing_balance, not_final, vanished.';
-- A company in one call.

CREATE FUNCTION autoclient.register_company(server name, start_date date DEFAULT NULL, every interval DEFAULT '5 minutes') RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.register_company(name, date, interval) IS
'Has a server polled: company, line in k2bridge.schedule, first round. Returns the id of its first call.';
CREATE FUNCTION autoclient.register_company_as_owner(server name, start_date date, every interval) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    wanted name := autoclient.default_server($1);
    job text := 'autoclient.poll:' || wanted;
BEGIN
    IF $2 < autoclient.oldest_day(wanted) THEN
        RAISE EXCEPTION 'start_date % is too long ago', $2 USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'The bank tells at most 1095 days.', HINT = format('Begin with %s or later.', autoclient.oldest_day(wanted));
    END IF;
    INSERT INTO autoclient.company AS known (server, start_date) VALUES (wanted, $2)
        ON CONFLICT (server) DO UPDATE SET start_date = coalesce(excluded.start_date, known.start_date);
    INSERT INTO k2bridge.schedule (name, command, every, run_as)
    VALUES (job, format('SELECT autoclient.poll(%L)', wanted), $3, current_user)
        ON CONFLICT (name) DO UPDATE SET every = excluded.every, enabled = true;
    RETURN autoclient.start_round(wanted);
END
$$;
COMMENT ON FUNCTION autoclient.register_company_as_owner(name, date, interval) IS 'Behind autoclient.register_company.';

CREATE FUNCTION autoclient.add_company(server name, token_file text, group_id text DEFAULT NULL, start_date date DEFAULT NULL,
                                       base_url text DEFAULT 'https://acp.privatbank.ua', charset text DEFAULT 'utf8') RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_foreign_server s WHERE s.srvname = $1) THEN
        EXECUTE format('CREATE SERVER %I TYPE ''autoclient'' FOREIGN DATA WRAPPER k2bridge OPTIONS (base_url %L, charset %L%s)', $1, $5, $6,
                       CASE WHEN $3 IS NOT NULL THEN format(', group_id %L', $3) ELSE '' END);
    END IF;
    EXECUTE format('CREATE USER MAPPING IF NOT EXISTS FOR PUBLIC SERVER %I OPTIONS (token_file %L)', $1, autoclient.need('token_file', $2));
    RETURN autoclient.register_company($1, $4);
END
$$;
COMMENT ON FUNCTION autoclient.add_company(name, text, text, date, text, text) IS
'Sets a company up in one call: server, credentials, line in k2bridge.schedule and a first round, which finds its accounts. An existing server is left as it is. Needs the right to make servers and to name files.';
-- Direct calls of the statement half: ask the bank now, page by page, store what it said, return it. A refusal raises
-- KB001 with the bank's text.

CREATE FUNCTION autoclient.fetch(endpoint text, args jsonb, list text, server name) RETURNS jsonb
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    asked jsonb := jsonb_strip_nulls(args) || '{"about": {"direct": true}}';
    answer k2bridge.call_row;
    pages jsonb[] := '{}';
    page text;
BEGIN
    LOOP
        answer := k2bridge.invoke(endpoint, asked, autoclient.default_server(server));
        pages := pages || autoclient.list_of(answer.reply, list);
        page := autoclient.next_page(answer.reply);
        EXIT WHEN page IS NULL;
        IF page = asked ->> 'followId' THEN
            RAISE EXCEPTION 'the bank names page "%" as the one after itself', left(page, 60) USING ERRCODE = 'invalid_parameter_value';
        END IF;
        asked := asked || jsonb_build_object('followId', page);
    END LOOP;
    RETURN (SELECT coalesce(jsonb_agg(i.item ORDER BY p.position, i.position), '[]')
              FROM unnest(pages) WITH ORDINALITY AS p (items, position)
             CROSS JOIN LATERAL jsonb_array_elements(p.items) WITH ORDINALITY AS i (item, position));
END
$$;
COMMENT ON FUNCTION autoclient.fetch(text, jsonb, text, name) IS 'All pages of a statement call, asked for now and stored by its handler; returns their items.';

CREATE FUNCTION autoclient.day_range(start_date date, end_date date) RETURNS jsonb
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF start_date IS NULL OR end_date < start_date THEN
        RAISE EXCEPTION '% must be given and not after end_date', 'start_date' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'end_date may be left out.';
    END IF;
    RETURN jsonb_strip_nulls(jsonb_build_object('startDate', autoclient.wire_date(start_date), 'endDate', autoclient.wire_date(end_date)));
END
$$;
COMMENT ON FUNCTION autoclient.day_range(date, date) IS 'startDate and endDate of a statement call; raises when they are the wrong way round.';

CREATE FUNCTION autoclient.stored_balances(server name, acc text, items jsonb) RETURNS SETOF autoclient.balance_row
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, DMY' AS $$
    SELECT b.server, b.acc, b.day, b.currency, b.balance_in, b.balance_out, b.turnover_debt, b.turnover_cred, b.balance_in_eq,
           b.balance_out_eq, b.turnover_debt_eq, b.turnover_cred_eq, b.is_final, b.raw
      FROM (SELECT DISTINCT coalesce($2, e.item ->> 'acc') AS acc, (e.item ->> 'dpd')::timestamp::date AS day FROM jsonb_array_elements($3) AS e (item)) i
      JOIN autoclient.balance b ON b.server = $1 AND b.acc = i.acc AND b.day = i.day
     ORDER BY b.acc, b.day
$$;
COMMENT ON FUNCTION autoclient.stored_balances(name, text, jsonb) IS 'The stored balances that the items of a reply name.';

CREATE FUNCTION autoclient.stored_transactions(server name, acc text, items jsonb) RETURNS SETOF autoclient.transaction_row
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT t.server, t.acc, t.trantype, t.ref, t.refn, t.aut_my_crf, t.aut_my_mfo, t.aut_my_acc, t.aut_my_nam,
           t.aut_my_mfo_name, t.aut_my_mfo_city, t.aut_cntr_crf, t.aut_cntr_mfo, t.aut_cntr_acc, t.aut_cntr_nam,
           t.aut_cntr_mfo_name, t.aut_cntr_mfo_city, t.ccy, t.fl_real, t.pr_pr, t.doc_typ, t.num_doc, t.dat_kl,
           t.dat_od, t.osnd, t.sum, t.sum_e, t.tim_p, t.at, t.id, t.dlr, t.technical_transaction_id, t.uetr, t.ultmt,
           t.payer_ultmt_nceo, t.payer_ultmt_document, t.payer_ultmt_name, t.payer_ultmt_country_code,
           t.recipient_ultmt_nceo, t.recipient_ultmt_document, t.recipient_ultmt_name, t.recipient_ultmt_country_code,
           t.struct_code, t.struct_type, t.struct_category, t.is_final, t.vanished, t.first_seen, t.raw
      FROM (SELECT DISTINCT coalesce($2, autoclient.account_named($1, e.item ->> 'AUT_MY_ACC')) AS acc, e.item ->> 'TRANTYPE' AS trantype,
                   e.item ->> 'REF' AS ref, e.item ->> 'REFN' AS refn
              FROM jsonb_array_elements($3) AS e (item)) i
      JOIN autoclient.transaction t ON t.server = $1 AND t.acc = i.acc AND t.trantype = i.trantype AND t.ref = i.ref AND t.refn = i.refn
     ORDER BY t.acc, t.dat_od, t.at, t.ref, t.refn
$$;
COMMENT ON FUNCTION autoclient.stored_transactions(name, text, jsonb) IS 'The stored rows that the items of a reply name.';

CREATE FUNCTION autoclient.settings(server name DEFAULT NULL) RETURNS autoclient.settings_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.settings(name) IS
'Asks for the bank''s day: phase, operational days, last final day.';
CREATE FUNCTION autoclient.settings_as_owner(server name) RETURNS autoclient.settings_row
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted name := autoclient.default_server($1);
    stored autoclient.settings_row;
BEGIN
    PERFORM k2bridge.invoke('autoclient.settings', '{}', wanted);
    SELECT d.server, d.phase, d.work_balance, d.today, d.lastday, d.date_final_statement, d.dates_without_oper_day, d.server_date_time, d.clock_skew
      INTO stored FROM autoclient.server_day d WHERE d.server = wanted;
    RETURN stored;
END
$$;
COMMENT ON FUNCTION autoclient.settings_as_owner(name) IS 'Behind autoclient.settings.';

CREATE FUNCTION autoclient.balances(acc text DEFAULT NULL, start_date date DEFAULT NULL, end_date date DEFAULT NULL, server name DEFAULT NULL) RETURNS SETOF autoclient.balance_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.balances(text, date, date, name) IS
'Asks for the balances of an account (null: of all active ones) from a day to a day, stores and returns them.';
CREATE FUNCTION autoclient.balances_as_owner(acc text, start_date date, end_date date, server name) RETURNS SETOF autoclient.balance_row
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted name := autoclient.default_server($4);
    items jsonb := autoclient.fetch('autoclient.balances', jsonb_build_object('acc', $1, 'limit', 100) || autoclient.day_range($2, $3), 'balances', wanted);
BEGIN
    RETURN QUERY SELECT s.* FROM autoclient.stored_balances(wanted, autoclient.account_named(wanted, $1), items) s;
END
$$;
COMMENT ON FUNCTION autoclient.balances_as_owner(text, date, date, name) IS 'Behind autoclient.balances.';

CREATE FUNCTION autoclient.balances_interim(acc text DEFAULT NULL, server name DEFAULT NULL) RETURNS SETOF autoclient.balance_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.balances_interim(text, name) IS
'Asks for the balances from the operational day before to the current one, stores and returns them.';
CREATE FUNCTION autoclient.balances_interim_as_owner(acc text, server name) RETURNS SETOF autoclient.balance_row
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted name := autoclient.default_server($2);
    items jsonb := autoclient.fetch('autoclient.balances_interim', jsonb_build_object('acc', $1, 'limit', 100), 'balances', wanted);
BEGIN
    RETURN QUERY SELECT s.* FROM autoclient.stored_balances(wanted, autoclient.account_named(wanted, $1), items) s;
END
$$;
COMMENT ON FUNCTION autoclient.balances_interim_as_owner(text, name) IS 'Behind autoclient.balances_interim.';

CREATE FUNCTION autoclient.balances_final(acc text DEFAULT NULL, server name DEFAULT NULL) RETURNS SETOF autoclient.balance_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.balances_final(text, name) IS
'Asks for the balances of the last final day, stores and returns them.';
CREATE FUNCTION autoclient.balances_final_as_owner(acc text, server name) RETURNS SETOF autoclient.balance_row
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted name := autoclient.default_server($2);
    items jsonb := autoclient.fetch('autoclient.balances_final', jsonb_build_object('acc', $1, 'limit', 100), 'balances', wanted);
BEGIN
    RETURN QUERY SELECT s.* FROM autoclient.stored_balances(wanted, autoclient.account_named(wanted, $1), items) s;
END
$$;
COMMENT ON FUNCTION autoclient.balances_final_as_owner(text, name) IS 'Behind autoclient.balances_final.';

CREATE FUNCTION autoclient.transactions(acc text DEFAULT NULL, start_date date DEFAULT NULL, end_date date DEFAULT NULL, server name DEFAULT NULL) RETURNS SETOF autoclient.transaction_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.transactions(text, date, date, name) IS
'Asks for the rows of the statement of an account (null: of all active ones) from a day to a day, stores and returns them.';
CREATE FUNCTION autoclient.transactions_as_owner(acc text, start_date date, end_date date, server name) RETURNS SETOF autoclient.transaction_row
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted name := autoclient.default_server($4);
    items jsonb := autoclient.fetch('autoclient.transactions', jsonb_build_object('acc', $1, 'limit', 100) || autoclient.day_range($2, $3), 'transactions', wanted);
BEGIN
    RETURN QUERY SELECT s.* FROM autoclient.stored_transactions(wanted, autoclient.account_named(wanted, $1), items) s;
END
$$;
COMMENT ON FUNCTION autoclient.transactions_as_owner(text, date, date, name) IS 'Behind autoclient.transactions.';

CREATE FUNCTION autoclient.transactions_interim(acc text DEFAULT NULL, server name DEFAULT NULL) RETURNS SETOF autoclient.transaction_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.transactions_interim(text, name) IS
'Asks for the rows of the statement from the operational day before to the current one, stores and returns them.';
CREATE FUNCTION autoclient.transactions_interim_as_owner(acc text, server name) RETURNS SETOF autoclient.transaction_row
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted name := autoclient.default_server($2);
    items jsonb := autoclient.fetch('autoclient.transactions_interim', jsonb_build_object('acc', $1, 'limit', 100), 'transactions', wanted);
BEGIN
    RETURN QUERY SELECT s.* FROM autoclient.stored_transactions(wanted, autoclient.account_named(wanted, $1), items) s;
END
$$;
COMMENT ON FUNCTION autoclient.transactions_interim_as_owner(text, name) IS 'Behind autoclient.transactions_interim.';

CREATE FUNCTION autoclient.transactions_final(acc text DEFAULT NULL, server name DEFAULT NULL) RETURNS SETOF autoclient.transaction_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.transactions_final(text, name) IS
'Asks for the rows of the statement of the last final day, stores and returns them.';
CREATE FUNCTION autoclient.transactions_final_as_owner(acc text, server name) RETURNS SETOF autoclient.transaction_row
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted name := autoclient.default_server($2);
    items jsonb := autoclient.fetch('autoclient.transactions_final', jsonb_build_object('acc', $1, 'limit', 100), 'transactions', wanted);
BEGIN
    RETURN QUERY SELECT s.* FROM autoclient.stored_transactions(wanted, autoclient.account_named(wanted, $1), items) s;
END
$$;
COMMENT ON FUNCTION autoclient.transactions_final_as_owner(text, name) IS 'Behind autoclient.transactions_final.';

CREATE FUNCTION autoclient.clients_in_group(server name DEFAULT NULL) RETURNS SETOF text
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.clients_in_group(name) IS
'The companies of the group whose token the server has (group mode).';
CREATE FUNCTION autoclient.clients_in_group_as_owner(server name) RETURNS SETOF text
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT jsonb_array_elements_text((k2bridge.invoke('autoclient.clients_in_group', '{}', autoclient.default_server($1))).reply -> 'clients_in_group')
$$;
COMMENT ON FUNCTION autoclient.clients_in_group_as_owner(name) IS 'Behind autoclient.clients_in_group.';
-- Exchange rates (wire/autoclient.md section 4).

CREATE FUNCTION autoclient.rates_of(reply jsonb, zone text) RETURNS TABLE (currency text, side text, at timestamptz, rate numeric, rate_delta numeric, nbu_rate numeric)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, DMY' AS $$
    SELECT c.key, s.key, (s.value ->> 'date')::timestamp AT TIME ZONE zone, (s.value ->> 'rate')::numeric,
           (s.value ->> 'rate_delta')::numeric, (s.value ->> 'nbuRate')::numeric
      FROM jsonb_each(reply) c CROSS JOIN LATERAL jsonb_each(CASE WHEN jsonb_typeof(c.value) = 'object' THEN c.value ELSE '{}' END) s
     WHERE s.key IN ('B', 'S')
    UNION ALL
    -- The history's real shape, which its document does not show.
    SELECT h.item ->> 'currencyCode', v.side, (h.item ->> 'date')::timestamp AT TIME ZONE zone, v.rate, v.delta, (h.item ->> 'nbuRate')::numeric
      FROM jsonb_array_elements(CASE WHEN jsonb_typeof(reply #> '{data,history}') = 'array' THEN reply #> '{data,history}' ELSE '[]' END) AS h (item)
     CROSS JOIN LATERAL (VALUES ('B', (h.item ->> 'rate_b')::numeric, (h.item ->> 'rate_b_delta')::numeric),
                                ('S', (h.item ->> 'rate_s')::numeric, (h.item ->> 'rate_s_delta')::numeric)) AS v (side, rate, delta)
     WHERE v.rate IS NOT NULL
$$;
COMMENT ON FUNCTION autoclient.rates_of(jsonb, text) IS 'The rates in a reply of currency or currency/history, both shapes.';

CREATE FUNCTION autoclient.rates_done(call k2bridge.call_row) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    IF call.outcome = 'ok' THEN
        INSERT INTO autoclient.rate (server, currency, side, at, rate, rate_delta, nbu_rate)
        SELECT DISTINCT ON (r.currency, r.side, r.at) call.server, r.currency, r.side, r.at, r.rate, r.rate_delta, r.nbu_rate
          FROM autoclient.rates_of(call.reply, autoclient.zone(call.server)) r
         ORDER BY r.currency, r.side, r.at
            ON CONFLICT (server, currency, side, at) DO UPDATE
           SET rate = excluded.rate, rate_delta = excluded.rate_delta, nbu_rate = excluded.nbu_rate;
    END IF;
END
$$;
COMMENT ON FUNCTION autoclient.rates_done(k2bridge.call_row) IS 'Handler of the rate calls: stores the rates.';

CREATE FUNCTION autoclient.currency_rates(server name DEFAULT NULL) RETURNS SETOF autoclient.rate_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.currency_rates(name) IS
'Asks for the current rates of the bank, stores and returns them.';
CREATE FUNCTION autoclient.currency_rates_as_owner(server name) RETURNS SETOF autoclient.rate_row
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT w.server, r.*
      FROM autoclient.default_server($1) w (server)
     CROSS JOIN LATERAL autoclient.rates_of((k2bridge.invoke('autoclient.currency_rates', '{}', w.server)).reply, autoclient.zone(w.server)) r
     ORDER BY r.currency, r.side
$$;
COMMENT ON FUNCTION autoclient.currency_rates_as_owner(name) IS 'Behind autoclient.currency_rates.';

CREATE FUNCTION autoclient.currency_history(start_date date, end_date date, server name DEFAULT NULL) RETURNS SETOF autoclient.rate_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.currency_history(date, date, name) IS
'Asks for the rates of a span of days, in windows of 15, stores and returns them.';
CREATE FUNCTION autoclient.currency_history_as_owner(start_date date, end_date date, server name) RETURNS SETOF autoclient.rate_row
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted name := autoclient.default_server($3);
    from_day date := $1;
BEGIN
    PERFORM autoclient.day_range($1, coalesce($2, $1 - 1));
    WHILE from_day <= $2 LOOP
        RETURN QUERY
            SELECT wanted, r.*
              FROM autoclient.rates_of((k2bridge.invoke('autoclient.currency_history', autoclient.day_range(from_day, least($2, from_day + 14)), wanted)).reply,
                                       autoclient.zone(wanted)) r
             ORDER BY r.at, r.currency, r.side;
        from_day := from_day + 15;
    END LOOP;
END
$$;
COMMENT ON FUNCTION autoclient.currency_history_as_owner(date, date, name) IS 'Behind autoclient.currency_history.';
-- Payments: the documented rules of the fields are checked here, so that the error names the field before anything is
-- sent (wire/autoclient.md section 5). INSERT into autoclient.payment queues the call; a draft is made at most once.

CREATE FUNCTION autoclient.wrong_field(field text, reason text) RETURNS void
    LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'field "%" of the payment %', field, reason USING ERRCODE = 'invalid_parameter_value',
        HINT = 'The fields and their rules are those of payment/create of the Autoclient document.';
END
$$;
COMMENT ON FUNCTION autoclient.wrong_field(text, text) IS 'Raises 22023: what is wrong with a field of a payment.';

CREATE FUNCTION autoclient.field_rules() RETURNS TABLE (field text, pattern text, meaning text)
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    VALUES ('document_number', '^\S.*$', 'must not be empty'),
           ('payer_account', '^(UA\d{27}|\d{5,14})$', 'must be an IBAN (UA and 27 digits) or an account of up to 14 digits'),
           ('recipient_account', '^(UA\d{27}|\d{5,14})$', 'must be an IBAN (UA and 27 digits) or an account of up to 14 digits'),
           ('recipient_card', '^\d{16}$', 'must have 16 digits'),
           ('recipient_nceo', '^\d{8,10}$', 'must have 8 to 10 digits'),
           ('payment_naming', '^\S.*$', 'must not be empty'),
           ('payment_amount', '^\d{1,15}(\.\d{1,2})?$', 'must be an amount such as 0.01'),
           ('payment_destination', '^.{5}', 'must have 5 to 420 characters'),
           ('recipient_document_number', '^.+$', 'must not be empty'),
           ('recipient_document_series', '^.+$', 'must not be empty'),
           ('recipient_document_id_number', '^\d{9}$', 'must have 9 digits'),
           ('document_type', '^\S+$', 'must not be empty'),
           ('payment_date', '^\d\d\.\d\d\.\d{4}$', 'must be a date DD.MM.YYYY'),
           ('payment_accept_date', '^\d\d\.\d\d\.\d{4}$', 'must be a date DD.MM.YYYY'),
           ('payment_cb_ref', '^.*$', ''), ('copy_from_ref', '^.*$', ''), ('attach', '^.*$', ''), ('signer_msg', '^.*$', ''),
           ('odb_msg', '^.*$', ''), ('recipient_ifi_text', '^.*$', ''),
           ('recipient_ifi', '^\d{6}$', 'must have 6 digits'),
           ('payment_ccy', '^[A-Z]{3}$', 'must have 3 letters'),
           ('payer_ultmt_nceo', '^[0-9]{8,10}$', 'must have 8 to 10 digits'),
           ('recipient_ultmt_nceo', '^[0-9]{8,10}$', 'must have 8 to 10 digits'),
           ('payer_ultmt_document_series', '^[А-Яа-яёЁЇїІіЄєҐґ]{1,2}$', 'must have 1 or 2 cyrillic letters'),
           ('recipient_ultmt_document_series', '^[А-Яа-яёЁЇїІіЄєҐґ]{1,2}$', 'must have 1 or 2 cyrillic letters'),
           ('payer_ultmt_document_number', '^[0-9]{6}$', 'must have 6 digits'),
           ('recipient_ultmt_document_number', '^[0-9]{6}$', 'must have 6 digits'),
           ('payer_ultmt_document_id_number', '^[0-9]{9}$', 'must have 9 digits'),
           ('recipient_ultmt_document_id_number', '^[0-9]{9}$', 'must have 9 digits'),
           ('payer_ultmt_name', '^.{3,70}$', 'must have 3 to 70 characters'),
           ('recipient_ultmt_name', '^.{3,70}$', 'must have 3 to 70 characters'),
           ('struct_code', '^.{1,3}$', 'must have 1 to 3 characters'),
           ('struct_category', '^.{1,140}$', 'must have 1 to 140 characters'),
           ('struct_type', '^(22080000|22080200|22080300)$', 'must be 22080000, 22080200 or 22080300')
$$;
COMMENT ON FUNCTION autoclient.field_rules() IS 'Every field of a payment with the pattern of its documented rule.';

CREATE FUNCTION autoclient.luhn_valid(card text) RETURNS boolean
    LANGUAGE sql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
    SELECT sum(CASE WHEN (length(card) - d.position) % 2 = 0 THEN d.digit::integer
                    ELSE d.digit::integer * 2 / 10 + d.digit::integer * 2 % 10 END) % 10 = 0
      FROM regexp_split_to_table(card, '') WITH ORDINALITY AS d (digit, position)
$$;
COMMENT ON FUNCTION autoclient.luhn_valid(text) IS 'Whether the check digit of a card number is right.';

CREATE FUNCTION autoclient.check_payment(payment jsonb) RETURNS jsonb
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, DMY' AS $$
DECLARE
    made jsonb;
    wrong record;
    missing text;
BEGIN
    IF jsonb_typeof(payment) IS DISTINCT FROM 'object' THEN
        RAISE EXCEPTION 'payment must be a JSON object' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT jsonb_object_agg(f.key, f.value) INTO made FROM jsonb_each_text(payment) f WHERE f.value IS NOT NULL;
    FOREACH missing IN ARRAY '{document_number,payer_account,recipient_nceo,payment_naming,payment_amount,payment_destination}'::text[] LOOP
        IF made ->> missing IS NULL THEN
            PERFORM autoclient.wrong_field(missing, 'is missing');
        END IF;
    END LOOP;
    SELECT f.key, r.meaning INTO wrong
      FROM jsonb_each_text(made) f
      LEFT JOIN autoclient.field_rules() r ON r.field = f.key
     WHERE r.field IS NULL OR f.value !~ r.pattern OR jsonb_typeof(payment -> f.key) NOT IN ('string', 'number')
     ORDER BY f.key LIMIT 1;
    IF FOUND THEN
        PERFORM autoclient.wrong_field(wrong.key, CASE WHEN wrong.meaning IS NULL THEN 'is none that the bank knows'
                                                       ELSE coalesce(nullif(wrong.meaning, ''), 'must be a text') END);
    END IF;
    PERFORM autoclient.check_payment_parties(made), autoclient.check_payment_values(made);
    RETURN made;
END
$$;
COMMENT ON FUNCTION autoclient.check_payment(jsonb) IS
'The payment as the bank wants it, all values texts; raises 22023 naming the first field that breaks a documented rule.';

CREATE FUNCTION autoclient.check_payment_parties(payment jsonb) RETURNS void
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF payment ? 'recipient_account' AND payment ? 'recipient_card' THEN
        PERFORM autoclient.wrong_field('recipient_card', 'must not be given together with recipient_account');
    ELSIF NOT payment ? 'recipient_account' AND NOT payment ? 'recipient_card' THEN
        PERFORM autoclient.wrong_field('recipient_account', 'is missing, and so is recipient_card');
    ELSIF NOT coalesce(autoclient.luhn_valid(payment ->> 'recipient_card'), true) THEN
        PERFORM autoclient.wrong_field('recipient_card', 'has a wrong check digit');
    ELSIF payment ->> 'recipient_nceo' = '0000000000' AND NOT payment ? 'recipient_document_id_number'
          AND NOT payment ?& '{recipient_document_number,recipient_document_series}'::text[] THEN
        PERFORM autoclient.wrong_field('recipient_document_number',
                                       'is missing: a recipient without a code has a passport (number and series, or id number)');
    END IF;
END
$$;
COMMENT ON FUNCTION autoclient.check_payment_parties(jsonb) IS 'Rules of a payment about its recipient: card or account, code or passport.';

CREATE FUNCTION autoclient.check_payment_values(payment jsonb) RETURNS void
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, DMY' AS $$
DECLARE
    field text;
    tax boolean := payment ->> 'recipient_ifi' = '899998' OR payment ->> 'recipient_account' ~ '^UA\d\d899998';
BEGIN
    IF (payment ->> 'payment_amount')::numeric <= 0 THEN
        PERFORM autoclient.wrong_field('payment_amount', 'must be above 0');
    ELSIF length(payment ->> 'payment_destination') > 420 THEN
        PERFORM autoclient.wrong_field('payment_destination', 'must have 5 to 420 characters');
    ELSIF tax AND length(payment ->> 'payment_destination') > 140 THEN
        PERFORM autoclient.wrong_field('payment_destination', 'must have at most 140 characters when the recipient''s bank is 899998');
    END IF;
    FOREACH field IN ARRAY '{payment_date,payment_accept_date}'::text[] LOOP
        IF to_char(to_date(payment ->> field, 'DD.MM.YYYY'), 'DD.MM.YYYY') <> payment ->> field THEN
            PERFORM autoclient.wrong_field(field, 'is no date of the calendar');
        END IF;
    END LOOP;
EXCEPTION WHEN datetime_field_overflow OR invalid_datetime_format THEN
    PERFORM autoclient.wrong_field(field, 'is no date of the calendar');
END
$$;
COMMENT ON FUNCTION autoclient.check_payment_values(jsonb) IS 'Rules of a payment about amount, purpose and dates.';

CREATE FUNCTION autoclient.check_charset(server name, args jsonb) RETURNS void
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    field record;
    character text;
BEGIN
    IF coalesce(lower(autoclient.server_option($1, 'charset')), 'utf8') NOT IN ('cp1251', 'windows-1251') THEN
        RETURN;
    END IF;
    FOR field IN SELECT f.key, f.value FROM jsonb_each_text($2) f LOOP
        FOR character IN SELECT DISTINCT c FROM regexp_split_to_table(field.value, '') c WHERE c > E'\x7f' LOOP
            BEGIN
                PERFORM convert_to(character, 'WIN1251');
            EXCEPTION WHEN untranslatable_character THEN
                RAISE EXCEPTION 'field "%" has a character that windows-1251 lacks: "%"', field.key, character
                    USING ERRCODE = 'invalid_parameter_value',
                          HINT = format('Replace it, or ALTER SERVER %I OPTIONS (SET charset ''utf8'').', $1);
            END;
        END LOOP;
    END LOOP;
END
$$;
COMMENT ON FUNCTION autoclient.check_charset(name, jsonb) IS
'Raises 22023 naming the field whose text the charset of the server cannot carry, before anything is queued.';

-- The table.

CREATE FUNCTION autoclient.payment_checked() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.server := autoclient.default_server(NEW.server);
        NEW.request := autoclient.check_payment(NEW.request);
        PERFORM autoclient.check_charset(NEW.server, NEW.request);
        NEW.amount := (NEW.request ->> 'payment_amount')::numeric;
        NEW.created_by := k2bridge.caller();
    ELSIF (NEW.request, NEW.server, NEW.amount, NEW.forecast) IS DISTINCT FROM (OLD.request, OLD.server, OLD.amount, OLD.forecast) THEN
        RAISE EXCEPTION 'payment % cannot be changed', OLD.id USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Delete the draft with autoclient.delete_payment and make a new payment.';
    END IF;
    NEW.updated_at := CASE WHEN TG_OP = 'UPDATE' AND NEW.state = OLD.state THEN OLD.updated_at ELSE clock_timestamp() END;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION autoclient.payment_checked() IS 'Trigger of autoclient.payment: checks the fields of a new payment; what was asked for never changes.';

CREATE FUNCTION autoclient.payments_inserted() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    WITH wanted AS MATERIALIZED (
        SELECT n.*, row_number() OVER (ORDER BY n.id) AS position FROM new_rows n WHERE n.state = 'queued'
    ), queued AS MATERIALIZED (
        SELECT q.id, q.position
          FROM (SELECT array_agg('autoclient.payment_create' || CASE WHEN w.forecast THEN '_pred' ELSE '' END ORDER BY w.position) AS endpoints,
                       array_agg(w.request || jsonb_build_object('about', jsonb_build_object('payment', w.id)) ORDER BY w.position) AS args,
                       array_agg('payment:' || w.id ORDER BY w.position) AS subjects, array_agg(w.server ORDER BY w.position) AS servers
                  FROM wanted w HAVING count(*) > 0) c
         CROSS JOIN LATERAL unnest(k2bridge.enqueue_all(c.endpoints, c.args, c.subjects, c.servers)) WITH ORDINALITY AS q (id, position)
    )
    UPDATE autoclient.payment p SET call_id = q.id FROM queued q JOIN wanted w ON w.position = q.position WHERE p.id = w.id;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION autoclient.payments_inserted() IS
'Trigger of autoclient.payment: queues the calls that create the drafts. Rows inserted in another state than queued are history.';

CREATE FUNCTION autoclient.create_payment(payment jsonb, forecast boolean DEFAULT false, client_ref text DEFAULT NULL, server name DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.create_payment(jsonb, boolean, text, name) IS
'Checks a payment, queues its creation and returns its id in autoclient.payment. The same client_ref with the same payment returns the same id.';
CREATE FUNCTION autoclient.create_payment_as_owner(payment jsonb, forecast boolean, client_ref text, server name) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    made bigint;
    known autoclient.payment;
BEGIN
    INSERT INTO autoclient.payment (server, client_ref, request, forecast) VALUES ($4, $3, $1, coalesce($2, false))
        ON CONFLICT (client_ref) DO NOTHING RETURNING id INTO made;
    IF made IS NULL THEN
        SELECT p.* INTO known FROM autoclient.payment p WHERE p.client_ref = $3;
        IF known.request <> autoclient.check_payment($1) THEN
            RAISE EXCEPTION 'client_ref "%" belongs to another payment', $3 USING ERRCODE = 'unique_violation',
                DETAIL = format('It is payment %s.', known.id);
        END IF;
        made := known.id;
    END IF;
    RETURN made;
END
$$;
COMMENT ON FUNCTION autoclient.create_payment_as_owner(jsonb, boolean, text, name) IS 'Behind autoclient.create_payment.';

-- What the bank says.

CREATE FUNCTION autoclient.payment_created(call k2bridge.call_row) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    p autoclient.payment;
    known boolean;
BEGIN
    SELECT k.* INTO p FROM autoclient.payment k WHERE k.id = (call.args #>> '{about,payment}')::bigint FOR UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    -- A deliberate second attempt that the bank calls a duplicate proves that the first one arrived (section 5.2).
    known := call.outcome = 'refused' AND call.error_code IN ('PMTMDL016', 'PMTMDL116') AND (p.state = 'uncertain' OR call.attempts > 1);
    UPDATE autoclient.payment k
       SET state = CASE WHEN k.ref IS NOT NULL THEN 'booked' WHEN call.outcome = 'ok' OR known THEN 'created'
                        WHEN call.outcome = 'refused' THEN 'refused' ELSE 'failed' END,
           payment_ref = coalesce(call.reply ->> 'payment_ref', k.payment_ref),
           payment_pack_ref = coalesce(call.reply ->> 'payment_pack_ref', k.payment_pack_ref),
           document = coalesce(call.reply -> 'payment_data', k.document),
           error_code = CASE WHEN call.outcome <> 'ok' THEN coalesce(call.error_code, call.outcome) END,
           error_text = CASE WHEN known THEN 'the bank had it already: ' || call.error_text WHEN call.outcome <> 'ok' THEN call.error_text END
     WHERE k.id = p.id;
END
$$;
COMMENT ON FUNCTION autoclient.payment_created(k2bridge.call_row) IS
'Handler of payment/create and create_pred: notes the references of the draft, or why there is none.';

CREATE FUNCTION autoclient.verify_payment(call k2bridge.call_row) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE autoclient.payment p SET state = 'uncertain' WHERE p.id = (call.args #>> '{about,payment}')::bigint AND p.state = 'queued';
    PERFORM autoclient.match_uncertain(call.server);
    PERFORM k2bridge.settle_uncertain(call.id, false, jsonb_build_object('searched', 'statement', 'result', 'absent'))
      FROM autoclient.payment p WHERE p.id = (call.args #>> '{about,payment}')::bigint AND p.ref IS NULL;
END
$$;
COMMENT ON FUNCTION autoclient.verify_payment(k2bridge.call_row) IS
'Verification of a payment: the bank lists no drafts, so the statements here are searched; each page that arrives later is searched too.';

CREATE FUNCTION autoclient.match_uncertain(server name) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    found record;
BEGIN
    FOR found IN
        SELECT DISTINCT ON (p.id) p.id, p.call_id, t.acc, t.trantype, t.ref, t.refn, t.dlr
          FROM autoclient.payment p
          JOIN autoclient.transaction t
            ON t.server = p.server AND t.trantype = 'D' AND t.sum = p.amount AND t.num_doc = p.request ->> 'document_number'
           AND t.first_seen >= p.created_at AND t.dlr IS NOT NULL
           AND (right(t.aut_cntr_acc, 14) = right(p.request ->> 'recipient_account', 14) OR NOT p.request ? 'recipient_account')
           AND right(t.acc, 14) = right(p.request ->> 'payer_account', 14)
         WHERE p.server = $1 AND p.state = 'uncertain'
           AND NOT EXISTS (SELECT FROM autoclient.payment o WHERE o.server = p.server AND o.payment_pack_ref = t.dlr)
         ORDER BY p.id, t.dat_od, t.ref
    LOOP
        UPDATE autoclient.payment p
           SET state = 'booked', payment_pack_ref = found.dlr, acc = found.acc, trantype = found.trantype, ref = found.ref, refn = found.refn
         WHERE p.id = found.id;
        PERFORM k2bridge.settle_uncertain(found.call_id, true,
                    jsonb_build_object('searched', 'statement', 'ref', found.ref, 'refn', found.refn, 'dlr', found.dlr));
    END LOOP;
END
$$;
COMMENT ON FUNCTION autoclient.match_uncertain(name) IS
'Settles uncertain payments that a statement shows: same document number, amount and accounts, with a DLR that no other payment has.';

CREATE FUNCTION autoclient.payment_got(call k2bridge.call_row) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    asked bigint := (call.args #>> '{about,verify}')::bigint;
BEGIN
    IF call.outcome = 'ok' THEN
        UPDATE autoclient.payment p SET document = call.reply
         WHERE p.server = call.server AND p.payment_ref = call.args ->> 'ref';
    END IF;
    IF asked IS NOT NULL THEN
        PERFORM k2bridge.settle_uncertain(asked, call.outcome = 'refused',
                    jsonb_strip_nulls(jsonb_build_object('asked', call.outcome, 'status', call.reply -> 'payment_status', 'text', call.error_text)));
    END IF;
END
$$;
COMMENT ON FUNCTION autoclient.payment_got(k2bridge.call_row) IS
'Handler of payment/get: keeps the document; asked after an uncertain deletion, a draft that the bank no longer knows is deleted.';

CREATE FUNCTION autoclient.verify_payment_delete(call k2bridge.call_row) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT k2bridge.enqueue('autoclient.payment_get', jsonb_build_object('ref', call.args -> 'ref', 'about', jsonb_build_object('verify', call.id)),
                            'verify:' || call.id, call.server)
     WHERE NOT EXISTS (SELECT FROM k2bridge.outbox o WHERE o.subject = 'verify:' || call.id)
$$;
COMMENT ON FUNCTION autoclient.verify_payment_delete(k2bridge.call_row) IS 'Verification of payment/delete: asks for the draft.';

CREATE FUNCTION autoclient.payment_deleted(call k2bridge.call_row) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    UPDATE autoclient.payment p SET state = 'deleted'
     WHERE call.outcome = 'ok' AND p.server = call.server AND p.payment_ref = call.args ->> 'ref' AND p.state = 'created'
$$;
COMMENT ON FUNCTION autoclient.payment_deleted(k2bridge.call_row) IS 'Handler of payment/delete.';

CREATE FUNCTION autoclient.payment_signed(call k2bridge.call_row) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    UPDATE autoclient.payment p
       SET state = CASE WHEN p.state = 'created' THEN 'signed' ELSE p.state END, document = coalesce(call.reply, p.document)
     WHERE call.outcome = 'ok' AND p.server = call.server AND p.payment_ref = call.args ->> 'ref'
$$;
COMMENT ON FUNCTION autoclient.payment_signed(k2bridge.call_row) IS 'Handler of payment/add-sign: keeps the document with its levels of signature.';
-- Reading the lists that the bank keeps: each item as a typed row (the …_of functions), the handlers that store them.

CREATE TYPE autoclient.document_row AS (
    server         name,
    id             text,
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
    raw            jsonb
);
COMMENT ON TYPE autoclient.document_row IS 'An electronic document, as its table has it.';

CREATE TYPE autoclient.receiver_row AS (
    server name,
    id     text,
    grp    text,
    pan    text,
    fio    text,
    inn    text,
    tabn   text,
    raw    jsonb
);
COMMENT ON TYPE autoclient.receiver_row IS 'A receiver of the salary project, as its table has it.';

CREATE TYPE autoclient.packet_row AS (
    server        name,
    reference     text,
    grp           text,
    system        text,
    status        text,
    substatus     text,
    name          text,
    error_text    text,
    record_count  integer,
    record_amount numeric(20,2),
    revision      bigint,
    raw           jsonb
);
COMMENT ON TYPE autoclient.packet_row IS 'A register of the salary project, as its table has it.';

CREATE TYPE autoclient.salary_line_row AS (
    server      name,
    packet      text,
    ref         text,
    fio         text,
    inn         text,
    card_number text,
    comment     text,
    amount      numeric(20,2),
    status      text,
    error_code  text,
    tab_no      text,
    raw         jsonb
);
COMMENT ON TYPE autoclient.salary_line_row IS 'A line of a register, as its table has it.';

CREATE TYPE autoclient.card_row AS (
    server        name,
    pan_number    text,
    corp_code     text,
    corp_type     text,
    client_id_jur text,
    iban          text,
    holder        text,
    state         text,
    balance       numeric(20,2),
    raw           jsonb
);
COMMENT ON TYPE autoclient.card_row IS 'A corporate card, as its table has it.';

CREATE TYPE autoclient.card_statement_row AS (
    server            name,
    card              text,
    id_front          text,
    tran_ref          text,
    trandc            text,
    amount            numeric(20,2),
    currency          text,
    original_amount   numeric(20,2),
    original_currency text,
    descr             text,
    posted            date,
    raw               jsonb
);
COMMENT ON TYPE autoclient.card_statement_row IS 'A row of the statement of a corporate card, as its table has it.';

CREATE TYPE autoclient.acquiring_row_row AS (
    server   name,
    account  text,
    day      date,
    line     integer,
    terminal text,
    at       timestamptz,
    posted   date,
    pan      text,
    rrn      text,
    currency text,
    tran_amt numeric(20,2),
    acq_amt  numeric(20,2),
    ret_amt  numeric(20,2),
    raw      jsonb
);
COMMENT ON TYPE autoclient.acquiring_row_row IS 'A row of the acquiring statement, as its table has it.';

CREATE FUNCTION autoclient.items(list jsonb) RETURNS TABLE (item jsonb, place bigint)
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT e.item, e.position
      FROM jsonb_array_elements(CASE WHEN jsonb_typeof(list) = 'array' THEN list ELSE '[]' END) WITH ORDINALITY AS e (item, position)
     WHERE e.item <> '{}'
$$;
COMMENT ON FUNCTION autoclient.items(jsonb) IS 'The objects of a list that may be absent.';

CREATE FUNCTION autoclient.documents_of(server name, journal text, reply jsonb) RETURNS SETOF autoclient.document_row
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, DMY' AS $$
    SELECT $1, i.item ->> 'ID', $2, (nullif(i.item ->> 'DOC_DATE', ''))::date, i.item ->> 'DOC_NUMBER', i.item ->> 'DOC_NAME', i.item ->> 'DOC_TYPE',
           (i.item ->> 'STATUS')::integer, i.item ->> 'STATUS_NAME', autoclient.amount((i.item ->> 'AMOUNT')::numeric, 'AMOUNT'), i.item ->> 'OKPO_SENDER', i.item ->> 'OKPO_RECIPIENT', i.item
      FROM autoclient.items($3 -> 'documents') i ORDER BY i.place
$$;
COMMENT ON FUNCTION autoclient.documents_of(name, text, jsonb) IS 'Electronic documents in a journal (wire/autoclient.md section 6.1).';

CREATE FUNCTION autoclient.receivers_of(server name, reply jsonb) RETURNS SETOF autoclient.receiver_row
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, DMY' AS $$
    SELECT $1, i.item ->> 'id', i.item ->> 'group', i.item ->> 'pan',
           CASE jsonb_typeof(i.item -> 'fio') WHEN 'array' THEN (SELECT string_agg(w, ' ' ORDER BY p) FROM jsonb_array_elements_text(i.item -> 'fio') WITH ORDINALITY AS f (w, p))
                ELSE i.item ->> 'fio' END,
           i.item ->> 'inn', i.item ->> 'tabn', i.item
      FROM autoclient.items($2) i ORDER BY i.place
$$;
COMMENT ON FUNCTION autoclient.receivers_of(name, jsonb) IS 'Receivers in a list (section 8.2).';

CREATE FUNCTION autoclient.packets_of(server name, reply jsonb) RETURNS SETOF autoclient.packet_row
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, DMY' AS $$
    SELECT $1, i.item ->> 'reference', i.item ->> 'group', i.item ->> 'system', i.item ->> 'status', i.item ->> 'substatus', i.item ->> 'packetName', i.item ->> 'errText',
           (i.item ->> 'recordCount')::integer, autoclient.amount((i.item ->> 'recordAmount')::numeric, 'recordAmount'), (i.item ->> 'revision')::bigint, i.item
      FROM autoclient.items(CASE jsonb_typeof($2) WHEN 'object' THEN jsonb_build_array($2) ELSE $2 END) i ORDER BY i.place
$$;
COMMENT ON FUNCTION autoclient.packets_of(name, jsonb) IS 'Registers in a list, or the one of a header (sections 8.4 and 8.5).';

CREATE FUNCTION autoclient.lines_of(server name, packet text, reply jsonb) RETURNS SETOF autoclient.salary_line_row
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, DMY' AS $$
    SELECT $1, $2, i.item ->> 'ref', i.item ->> 'fio', i.item ->> 'inn', i.item ->> 'cardNumber', i.item ->> 'comment', autoclient.amount((i.item ->> 'amount')::numeric, 'amount'), i.item ->> 'status',
           i.item ->> 'errorCode', i.item ->> 'tabNo', i.item
      FROM autoclient.items($3) i ORDER BY i.place
$$;
COMMENT ON FUNCTION autoclient.lines_of(name, text, jsonb) IS 'Lines of a register (section 8.5).';

CREATE FUNCTION autoclient.cards_of(server name, reply jsonb) RETURNS SETOF autoclient.card_row
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, DMY' AS $$
    SELECT $1, p.item ->> 'PanNumber', c.item ->> 'CorpCode', c.item ->> 'corpType', j.value ->> 'ClientIdJur', p.item ->> 'iban', p.item ->> 'FioFiz',
           p.item ->> 'PanStateS', autoclient.amount((p.item ->> 'Balance')::numeric, 'Balance'), p.item
      FROM (SELECT $2 #> '{Data,JurData}' AS data) d
     CROSS JOIN LATERAL (SELECT e.item AS value FROM autoclient.items(CASE jsonb_typeof(d.data) WHEN 'array' THEN d.data ELSE jsonb_build_array(d.data) END) e) j
     CROSS JOIN LATERAL autoclient.items(j.value -> 'CorpData') c
     CROSS JOIN LATERAL autoclient.items(c.item -> 'PanData') p
$$;
COMMENT ON FUNCTION autoclient.cards_of(name, jsonb) IS 'Corporate cards in a list (section 10.1).';

CREATE FUNCTION autoclient.card_rows_of(server name, reply jsonb) RETURNS SETOF autoclient.card_statement_row
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, DMY' AS $$
    SELECT $1, i.item #>> '{account,card}', i.item ->> 'idFront', i.item ->> 'tranRef', i.item ->> 'trandc', autoclient.amount((i.item ->> 'amountAmt')::numeric, 'amountAmt'), i.item ->> 'amountCcy',
           autoclient.amount((i.item ->> 'originalAmt')::numeric, 'originalAmt'), i.item ->> 'originalCcy', i.item ->> 'descr', nullif(i.item ->> 'posted', '')::date, i.item
      FROM autoclient.items(coalesce($2 #> '{CorpStatement,statements}', $2 #> '{CardStatement,statements}', $2 -> 'statements')) i ORDER BY i.place
$$;
COMMENT ON FUNCTION autoclient.card_rows_of(name, jsonb) IS 'Rows of card statements (sections 10.2 and 10.3).';

CREATE FUNCTION autoclient.acquiring_of(server name, account text, day date, since integer, reply jsonb) RETURNS SETOF autoclient.acquiring_row_row
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, DMY' AS $$
    SELECT $1, $2, $3, ($4 + i.place)::integer, i.item ->> 'Ident_Ter', (i.item ->> 'Date')::timestamp AT TIME ZONE autoclient.zone($1), (i.item ->> 'TranPost')::date,
           i.item ->> 'Pan', i.item ->> 'Extr_Rrn', i.item ->> 'Curr', autoclient.amount((i.item ->> 'Tran_Amt')::numeric, 'Tran_Amt'), autoclient.amount((i.item ->> 'Acq_Amt')::numeric, 'Acq_Amt'), autoclient.amount((i.item ->> 'Ret_Amt')::numeric, 'Ret_Amt'), i.item
      FROM autoclient.items($5 -> 'dataCollections') i ORDER BY i.place
$$;
COMMENT ON FUNCTION autoclient.acquiring_of(name, text, date, integer, jsonb) IS 'Rows of the acquiring statement (section 12).';

CREATE FUNCTION autoclient.journal_done(call k2bridge.call_row) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    IF call.outcome <> 'ok' THEN
        RETURN;
    END IF;
    INSERT INTO autoclient.document (server, id, journal, doc_date, doc_number, doc_name, doc_type, status, status_name, amount, okpo_sender, okpo_recipient, raw)
    SELECT DISTINCT ON (r.server, r.id) r.server, r.id, r.journal, r.doc_date, r.doc_number, r.doc_name, r.doc_type, r.status, r.status_name, r.amount, r.okpo_sender, r.okpo_recipient, r.raw
      FROM autoclient.documents_of(call.server, replace(substr(call.endpoint, length('autoclient.edoc_journal_') + 1), '_', '-'), call.reply) r
     WHERE r.server IS NOT NULL AND r.id IS NOT NULL
     ORDER BY r.server, r.id
        ON CONFLICT (server, id) DO UPDATE
       SET journal = excluded.journal, doc_date = excluded.doc_date, doc_number = excluded.doc_number, doc_name = excluded.doc_name, doc_type = excluded.doc_type, status = excluded.status, status_name = excluded.status_name, amount = excluded.amount, okpo_sender = excluded.okpo_sender, okpo_recipient = excluded.okpo_recipient, raw = excluded.raw, seen_at = excluded.seen_at;
END
$$;
COMMENT ON FUNCTION autoclient.journal_done(k2bridge.call_row) IS 'Handler of the journals: mirrors the documents.';

CREATE FUNCTION autoclient.receivers_done(call k2bridge.call_row) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    IF call.outcome <> 'ok' THEN
        RETURN;
    END IF;
    INSERT INTO autoclient.salary_receiver (server, id, grp, pan, fio, inn, tabn, raw)
    SELECT DISTINCT ON (r.server, r.id) r.server, r.id, r.grp, r.pan, r.fio, r.inn, r.tabn, r.raw
      FROM autoclient.receivers_of(call.server, call.reply) r
     WHERE r.server IS NOT NULL AND r.id IS NOT NULL
     ORDER BY r.server, r.id
        ON CONFLICT (server, id) DO UPDATE
       SET grp = excluded.grp, pan = excluded.pan, fio = excluded.fio, inn = excluded.inn, tabn = excluded.tabn, raw = excluded.raw, seen_at = excluded.seen_at;
END
$$;
COMMENT ON FUNCTION autoclient.receivers_done(k2bridge.call_row) IS 'Handler of mp/list-receivers: mirrors the receivers.';

CREATE FUNCTION autoclient.packets_done(call k2bridge.call_row) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    IF call.outcome <> 'ok' THEN
        RETURN;
    END IF;
    INSERT INTO autoclient.salary_packet (server, reference, grp, system, status, substatus, name, error_text, record_count, record_amount, revision, raw)
    SELECT DISTINCT ON (r.server, r.reference) r.server, r.reference, r.grp, r.system, r.status, r.substatus, r.name, r.error_text, r.record_count, r.record_amount, r.revision, r.raw
      FROM autoclient.packets_of(call.server, call.reply) r
     WHERE r.server IS NOT NULL AND r.reference IS NOT NULL
     ORDER BY r.server, r.reference
        ON CONFLICT (server, reference) DO UPDATE
       SET grp = excluded.grp, system = excluded.system, status = excluded.status, substatus = excluded.substatus, name = excluded.name, error_text = excluded.error_text, record_count = excluded.record_count, record_amount = excluded.record_amount, revision = excluded.revision, raw = excluded.raw, seen_at = excluded.seen_at;
END
$$;
COMMENT ON FUNCTION autoclient.packets_done(k2bridge.call_row) IS 'Handler of packets/list: mirrors the registers.';

CREATE FUNCTION autoclient.packet_done(call k2bridge.call_row) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    IF call.outcome <> 'ok' THEN
        RETURN;
    END IF;
    INSERT INTO autoclient.salary_packet (server, reference, grp, system, status, substatus, name, error_text, record_count, record_amount, revision, raw)
    SELECT DISTINCT ON (r.server, r.reference) r.server, r.reference, r.grp, r.system, r.status, r.substatus, r.name, r.error_text, r.record_count, r.record_amount, r.revision, r.raw
      FROM autoclient.packets_of(call.server, call.reply) r
     WHERE r.server IS NOT NULL AND r.reference IS NOT NULL
     ORDER BY r.server, r.reference
        ON CONFLICT (server, reference) DO UPDATE
       SET grp = excluded.grp, system = excluded.system, status = excluded.status, substatus = excluded.substatus, name = excluded.name, error_text = excluded.error_text, record_count = excluded.record_count, record_amount = excluded.record_amount, revision = excluded.revision, raw = excluded.raw, seen_at = excluded.seen_at;
END
$$;
COMMENT ON FUNCTION autoclient.packet_done(k2bridge.call_row) IS 'Handler of maspay header, validate and create: mirrors the register.';

CREATE FUNCTION autoclient.content_done(call k2bridge.call_row) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    IF call.outcome <> 'ok' THEN
        RETURN;
    END IF;
    INSERT INTO autoclient.salary_line (server, packet, ref, fio, inn, card_number, comment, amount, status, error_code, tab_no, raw)
    SELECT DISTINCT ON (r.server, r.packet, r.ref) r.server, r.packet, r.ref, r.fio, r.inn, r.card_number, r.comment, r.amount, r.status, r.error_code, r.tab_no, r.raw
      FROM autoclient.lines_of(call.server, call.args ->> 'ref', call.reply) r
     WHERE r.server IS NOT NULL AND r.packet IS NOT NULL AND r.ref IS NOT NULL
     ORDER BY r.server, r.packet, r.ref
        ON CONFLICT (server, packet, ref) DO UPDATE
       SET fio = excluded.fio, inn = excluded.inn, card_number = excluded.card_number, comment = excluded.comment, amount = excluded.amount, status = excluded.status, error_code = excluded.error_code, tab_no = excluded.tab_no, raw = excluded.raw, seen_at = excluded.seen_at;
END
$$;
COMMENT ON FUNCTION autoclient.content_done(k2bridge.call_row) IS 'Handler of maspay content: mirrors the lines.';

CREATE FUNCTION autoclient.cards_done(call k2bridge.call_row) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    IF call.outcome <> 'ok' THEN
        RETURN;
    END IF;
    INSERT INTO autoclient.corp_card (server, pan_number, corp_code, corp_type, client_id_jur, iban, holder, state, balance, raw)
    SELECT DISTINCT ON (r.server, r.pan_number) r.server, r.pan_number, r.corp_code, r.corp_type, r.client_id_jur, r.iban, r.holder, r.state, r.balance, r.raw
      FROM autoclient.cards_of(call.server, call.reply) r
     WHERE r.server IS NOT NULL AND r.pan_number IS NOT NULL
     ORDER BY r.server, r.pan_number
        ON CONFLICT (server, pan_number) DO UPDATE
       SET corp_code = excluded.corp_code, corp_type = excluded.corp_type, client_id_jur = excluded.client_id_jur, iban = excluded.iban, holder = excluded.holder, state = excluded.state, balance = excluded.balance, raw = excluded.raw, seen_at = excluded.seen_at;
END
$$;
COMMENT ON FUNCTION autoclient.cards_done(k2bridge.call_row) IS 'Handler of cards/list: mirrors the cards.';

CREATE FUNCTION autoclient.card_statements_done(call k2bridge.call_row) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    IF call.outcome <> 'ok' THEN
        RETURN;
    END IF;
    INSERT INTO autoclient.card_statement (server, card, id_front, tran_ref, trandc, amount, currency, original_amount, original_currency, descr, posted, raw)
    SELECT DISTINCT ON (r.server, r.card, r.id_front) r.server, r.card, r.id_front, r.tran_ref, r.trandc, r.amount, r.currency, r.original_amount, r.original_currency, r.descr, r.posted, r.raw
      FROM autoclient.card_rows_of(call.server, call.reply) r
     WHERE r.server IS NOT NULL AND r.card IS NOT NULL AND r.id_front IS NOT NULL
     ORDER BY r.server, r.card, r.id_front
        ON CONFLICT (server, card, id_front) DO UPDATE
       SET tran_ref = excluded.tran_ref, trandc = excluded.trandc, amount = excluded.amount, currency = excluded.currency, original_amount = excluded.original_amount, original_currency = excluded.original_currency, descr = excluded.descr, posted = excluded.posted, raw = excluded.raw, seen_at = excluded.seen_at;
END
$$;
COMMENT ON FUNCTION autoclient.card_statements_done(k2bridge.call_row) IS 'Handler of the card statements: mirrors the rows.';

CREATE FUNCTION autoclient.acquiring_done(call k2bridge.call_row) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    IF call.outcome <> 'ok' THEN
        RETURN;
    END IF;
    INSERT INTO autoclient.acquiring_row (server, account, day, line, terminal, at, posted, pan, rrn, currency, tran_amt, acq_amt, ret_amt, raw)
    SELECT DISTINCT ON (r.server, r.account, r.day, r.line) r.server, r.account, r.day, r.line, r.terminal, r.at, r.posted, r.pan, r.rrn, r.currency, r.tran_amt, r.acq_amt, r.ret_amt, r.raw
      FROM autoclient.acquiring_of(call.server, call.args ->> 'account', (call.args ->> 'dateFrom')::date, (((call.args ->> 'page')::integer - 1) * (call.args ->> 'numberRecords')::integer), call.reply) r
     WHERE r.server IS NOT NULL AND r.account IS NOT NULL AND r.day IS NOT NULL AND r.line IS NOT NULL
     ORDER BY r.server, r.account, r.day, r.line
        ON CONFLICT (server, account, day, line) DO UPDATE
       SET terminal = excluded.terminal, at = excluded.at, posted = excluded.posted, pan = excluded.pan, rrn = excluded.rrn, currency = excluded.currency, tran_amt = excluded.tran_amt, acq_amt = excluded.acq_amt, ret_amt = excluded.ret_amt, raw = excluded.raw, seen_at = excluded.seen_at;
END
$$;
COMMENT ON FUNCTION autoclient.acquiring_done(k2bridge.call_row) IS 'Handler of equiring/statements: mirrors the rows.';

CREATE FUNCTION autoclient.receiver_updated(call k2bridge.call_row) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO autoclient.salary_receiver (server, id, grp, pan, inn, tabn, raw)
    SELECT call.server, call.reply ->> 'id', call.args ->> 'group', call.args ->> 'pan', call.args ->> 'inn', call.args ->> 'tabn', autoclient.wire_args(call.args)
     WHERE call.outcome = 'ok' AND call.reply ->> 'id' IS NOT NULL
        ON CONFLICT (server, id) DO UPDATE
       SET grp = excluded.grp, pan = excluded.pan, inn = coalesce(excluded.inn, salary_receiver.inn), tabn = excluded.tabn, seen_at = excluded.seen_at
$$;
COMMENT ON FUNCTION autoclient.receiver_updated(k2bridge.call_row) IS 'Handler of mp/update-receiver: mirrors the receiver where the bank told its number.';

CREATE FUNCTION autoclient.line_removed(call k2bridge.call_row) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    DELETE FROM autoclient.salary_line l
     WHERE call.outcome = 'ok' AND l.server = call.server AND l.packet = call.args ->> 'packet' AND l.ref = call.args ->> 'ref'
$$;
COMMENT ON FUNCTION autoclient.line_removed(k2bridge.call_row) IS 'Handler of maspay remove: the mirror loses the line too.';

CREATE FUNCTION autoclient.counterparty_done(call k2bridge.call_row) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO autoclient.counterparty (server, edrpou, found, dossier, warnings)
    SELECT call.server, call.args ->> 'edrpou', call.reply #>> '{dossier,found}' = '1', call.reply -> 'dossier', call.reply -> 'warnings'
     WHERE call.outcome = 'ok' AND call.reply IS NOT NULL
        ON CONFLICT (server, edrpou) DO UPDATE
       SET found = excluded.found, dossier = excluded.dossier, warnings = excluded.warnings, seen_at = excluded.seen_at
$$;
COMMENT ON FUNCTION autoclient.counterparty_done(k2bridge.call_row) IS 'Handler of ubki/check: keeps the answer.';
-- Calls that only the queue sends, since they make, move or cost something. They return the id in k2bridge.outbox;
-- k2bridge.wait(id) is the next statement.

CREATE FUNCTION autoclient.queue(endpoint text, args jsonb, subject text, server name) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted name := autoclient.default_server(server);
BEGIN
    PERFORM autoclient.check_charset(wanted, autoclient.wire_args(args));
    RETURN k2bridge.enqueue(endpoint, args, subject, wanted);
END
$$;
COMMENT ON FUNCTION autoclient.queue(text, jsonb, text, name) IS 'Queues a call after checking that the server''s charset can carry it.';

CREATE FUNCTION autoclient.file(content bytea, name text, content_type text) RETURNS jsonb
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF coalesce(length(content), 0) = 0 THEN
        RAISE EXCEPTION 'file must not be null or empty' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN jsonb_build_object('content', translate(encode(content, 'base64'), E'\n', ''), 'file_name', autoclient.need('name', name),
                              'content_type', content_type);
END
$$;
COMMENT ON FUNCTION autoclient.file(bytea, text, text) IS 'A file as an argument of a multipart call.';

CREATE FUNCTION autoclient.positive(name text, value numeric) RETURNS numeric
    LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF value > 0 AND value = round(value, 2) THEN
        RETURN value;
    END IF;
    RAISE EXCEPTION '% must be above 0 with at most 2 decimals', name USING ERRCODE = 'invalid_parameter_value';
END
$$;
COMMENT ON FUNCTION autoclient.positive(text, numeric) IS 'An amount given as argument; raises 22023.';

CREATE FUNCTION autoclient.subject_of(server name, ref text) RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce((SELECT 'payment:' || p.id FROM autoclient.payment p WHERE p.server = $1 AND p.payment_ref = $2), 'payment_ref:' || $2)
$$;
COMMENT ON FUNCTION autoclient.subject_of(name, text) IS 'Subject of the calls about a draft, that of its creation where it was made here.';

CREATE FUNCTION autoclient.sign_payment(ref text, sign text, server name DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.sign_payment(text, text, name) IS
'Queues adding a signature (base64 CAdES over the answer of get_payment) to a draft; returns the id of the call.';
CREATE FUNCTION autoclient.sign_payment_as_owner(ref text, sign text, server name) RETURNS bigint
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT autoclient.queue('autoclient.payment_add_sign', jsonb_strip_nulls(jsonb_build_object('ref', autoclient.need('ref', $1), 'sign', autoclient.need('sign', $2))), autoclient.subject_of(autoclient.default_server($3), $1), $3)
$$;
COMMENT ON FUNCTION autoclient.sign_payment_as_owner(text, text, name) IS 'Behind autoclient.sign_payment.';

CREATE FUNCTION autoclient.delete_payment(ref text, server name DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.delete_payment(text, name) IS
'Queues the deletion of a draft that is not signed; returns the id of the call.';
CREATE FUNCTION autoclient.delete_payment_as_owner(ref text, server name) RETURNS bigint
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT autoclient.queue('autoclient.payment_delete', jsonb_strip_nulls(jsonb_build_object('ref', autoclient.need('ref', $1))), autoclient.subject_of(autoclient.default_server($2), $1), $2)
$$;
COMMENT ON FUNCTION autoclient.delete_payment_as_owner(text, name) IS 'Behind autoclient.delete_payment.';

CREATE FUNCTION autoclient.create_swift_payment(payment jsonb, server name DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.create_swift_payment(jsonb, name) IS
'Queues a SWIFT payment; returns the id of the call. Its outcome is settled by a person when it is unclear.';
CREATE FUNCTION autoclient.create_swift_payment_as_owner(payment jsonb, server name) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT coalesce($1 ?& '{recipient,payment,payer,recipientBank}'::text[], false) THEN
        RAISE EXCEPTION 'payment lacks %', (SELECT string_agg(n, ', ') FROM unnest('{recipient,payment,payer,recipientBank}'::text[]) n WHERE NOT coalesce($1 ? n, false))
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Its parts are those of the Autoclient document, section 4.2.';
    END IF;
    RETURN autoclient.queue('autoclient.swift_create', $1, NULL, $2);
END
$$;
COMMENT ON FUNCTION autoclient.create_swift_payment_as_owner(jsonb, name) IS 'Behind autoclient.create_swift_payment.';

CREATE FUNCTION autoclient.create_cpi_payment(payment jsonb, server name DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.create_cpi_payment(jsonb, name) IS
'Queues a internal currency payment; returns the id of the call. Its outcome is settled by a person when it is unclear.';
CREATE FUNCTION autoclient.create_cpi_payment_as_owner(payment jsonb, server name) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT coalesce($1 ?& '{payment,payer,recipient}'::text[], false) THEN
        RAISE EXCEPTION 'payment lacks %', (SELECT string_agg(n, ', ') FROM unnest('{payment,payer,recipient}'::text[]) n WHERE NOT coalesce($1 ? n, false))
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Its parts are those of the Autoclient document, section 4.2.';
    END IF;
    RETURN autoclient.queue('autoclient.cpi_create', $1, NULL, $2);
END
$$;
COMMENT ON FUNCTION autoclient.create_cpi_payment_as_owner(jsonb, name) IS 'Behind autoclient.create_cpi_payment.';

CREATE FUNCTION autoclient.edoc_upload(file bytea, name text, okpo text, temp_link_days integer DEFAULT NULL, server name DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.edoc_upload(bytea, text, text, integer, name) IS
'Queues the upload of an unsigned XML document; returns the id of the call.';
CREATE FUNCTION autoclient.edoc_upload_as_owner(file bytea, name text, okpo text, temp_link_days integer, server name) RETURNS bigint
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT autoclient.queue('autoclient.edoc_upload', jsonb_strip_nulls(jsonb_build_object('file', autoclient.file($1, $2, 'application/xml'), 'okpo', autoclient.need('okpo', $3), 'tempLinkForDays', $4)), NULL, $5)
$$;
COMMENT ON FUNCTION autoclient.edoc_upload_as_owner(bytea, text, text, integer, name) IS 'Behind autoclient.edoc_upload.';

CREATE FUNCTION autoclient.edoc_upload_signed_xml(file bytea, name text, okpo text, temp_link_days integer DEFAULT NULL, server name DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.edoc_upload_signed_xml(bytea, text, text, integer, name) IS
'Queues the upload of a signed XML document, which is sent at once; goes to the server option docs_url where there is one. Returns the id of the call.';
CREATE FUNCTION autoclient.edoc_upload_signed_xml_as_owner(file bytea, name text, okpo text, temp_link_days integer, server name) RETURNS bigint
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT autoclient.queue('autoclient.edoc_upload_signed_xml' || CASE WHEN autoclient.server_option(w.server, 'docs_url') IS NULL THEN '' ELSE '_docs' END,
               jsonb_strip_nulls(jsonb_build_object('file', autoclient.file($1, $2, 'application/xml'), 'okpo', autoclient.need('okpo', $3), 'tempLinkForDays', $4)),
               NULL, w.server)
      FROM autoclient.default_server($5) w (server)
$$;
COMMENT ON FUNCTION autoclient.edoc_upload_signed_xml_as_owner(bytea, text, text, integer, name) IS 'Behind autoclient.edoc_upload_signed_xml.';

CREATE FUNCTION autoclient.edoc_upload_pdf(file bytea, name text, okpo text, recipient_okpo text, recipient_name text DEFAULT NULL, document_date date DEFAULT NULL, amount numeric DEFAULT NULL, document_num text DEFAULT NULL, temp_link_days integer DEFAULT NULL, server name DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.edoc_upload_pdf(bytea, text, text, text, text, date, numeric, text, integer, name) IS
'Queues the upload of an unsigned PDF document; returns the id of the call.';
CREATE FUNCTION autoclient.edoc_upload_pdf_as_owner(file bytea, name text, okpo text, recipient_okpo text, recipient_name text, document_date date, amount numeric, document_num text, temp_link_days integer, server name) RETURNS bigint
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT autoclient.queue('autoclient.edoc_upload_pdf', jsonb_strip_nulls(jsonb_build_object('file', autoclient.file($1, $2, 'application/pdf'), 'okpo', autoclient.need('okpo', $3), 'recipientOkpo', autoclient.need('recipient_okpo', $4), 'recipientName', $5, 'documentDate', to_char($6, 'YYYY-MM-DD'), 'amount', $7, 'documentNum', $8, 'tempLinkForDays', $9)), NULL, $10)
$$;
COMMENT ON FUNCTION autoclient.edoc_upload_pdf_as_owner(bytea, text, text, text, text, date, numeric, text, integer, name) IS 'Behind autoclient.edoc_upload_pdf.';

CREATE FUNCTION autoclient.edoc_upload_pdf_b64(file bytea, name text, okpo text, recipient_okpo text, recipient_name text DEFAULT NULL, document_date date DEFAULT NULL, amount numeric DEFAULT NULL, document_num text DEFAULT NULL, temp_link_days integer DEFAULT NULL, server name DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.edoc_upload_pdf_b64(bytea, text, text, text, text, date, numeric, text, integer, name) IS
'Queues the upload of an unsigned PDF document as base64 in a form; returns the id of the call.';
CREATE FUNCTION autoclient.edoc_upload_pdf_b64_as_owner(file bytea, name text, okpo text, recipient_okpo text, recipient_name text, document_date date, amount numeric, document_num text, temp_link_days integer, server name) RETURNS bigint
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT autoclient.queue('autoclient.edoc_upload_pdf_b64', jsonb_strip_nulls(jsonb_build_object('uploadedFileB64', autoclient.file($1, $2, NULL) -> 'content', 'uploadedFileName', autoclient.need('name', $2), 'okpo', autoclient.need('okpo', $3), 'recipientOkpo', autoclient.need('recipient_okpo', $4), 'recipientName', $5, 'documentDate', to_char($6, 'YYYY-MM-DD'), 'amount', $7, 'documentNum', $8, 'tempLinkForDays', $9)), NULL, $10)
$$;
COMMENT ON FUNCTION autoclient.edoc_upload_pdf_b64_as_owner(bytea, text, text, text, text, date, numeric, text, integer, name) IS 'Behind autoclient.edoc_upload_pdf_b64.';

CREATE FUNCTION autoclient.edoc_upload_signed_b64(file bytea, okpo text, id text, temp_link_days integer DEFAULT NULL, server name DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.edoc_upload_signed_b64(bytea, text, text, integer, name) IS
'Queues adding a signature to a document of the journal, which is then sent; returns the id of the call.';
CREATE FUNCTION autoclient.edoc_upload_signed_b64_as_owner(file bytea, okpo text, id text, temp_link_days integer, server name) RETURNS bigint
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT autoclient.queue('autoclient.edoc_upload_signed_b64', jsonb_strip_nulls(jsonb_build_object('file', autoclient.file($1, 'signed', NULL) -> 'content', 'okpo', autoclient.need('okpo', $2), 'id', autoclient.need('id', $3), 'tempLinkForDays', $4)), 'edoc:' || $3, $5)
$$;
COMMENT ON FUNCTION autoclient.edoc_upload_signed_b64_as_owner(bytea, text, text, integer, name) IS 'Behind autoclient.edoc_upload_signed_b64.';

CREATE FUNCTION autoclient.edoc_send_for_preview(id text, okpo text, server name DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.edoc_send_for_preview(text, text, name) IS
'Queues sending an unsigned document to the counterparty; returns the id of the call.';
CREATE FUNCTION autoclient.edoc_send_for_preview_as_owner(id text, okpo text, server name) RETURNS bigint
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT autoclient.queue('autoclient.edoc_send_for_preview', jsonb_strip_nulls(jsonb_build_object('id', autoclient.need('id', $1), 'okpo', autoclient.need('okpo', $2))), 'edoc:' || $1, $3)
$$;
COMMENT ON FUNCTION autoclient.edoc_send_for_preview_as_owner(text, text, name) IS 'Behind autoclient.edoc_send_for_preview.';

CREATE FUNCTION autoclient.edoc_delete(id text, okpo text, server name DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.edoc_delete(text, text, name) IS
'Queues the deletion of a document; returns the id of the call.';
CREATE FUNCTION autoclient.edoc_delete_as_owner(id text, okpo text, server name) RETURNS bigint
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT autoclient.queue('autoclient.edoc_delete', jsonb_strip_nulls(jsonb_build_object('id', autoclient.need('id', $1), 'okpo', autoclient.need('okpo', $2))), 'edoc:' || $1, $3)
$$;
COMMENT ON FUNCTION autoclient.edoc_delete_as_owner(text, text, name) IS 'Behind autoclient.edoc_delete.';

CREATE FUNCTION autoclient.edoc_create_payment(id text, okpo text, payer_account text, server name DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.edoc_create_payment(text, text, text, name) IS
'Queues the making of a payment from an invoice; returns the id of the call.';
CREATE FUNCTION autoclient.edoc_create_payment_as_owner(id text, okpo text, payer_account text, server name) RETURNS bigint
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT autoclient.queue('autoclient.edoc_create_payment', jsonb_strip_nulls(jsonb_build_object('id', autoclient.need('id', $1), 'okpo', autoclient.need('okpo', $2), 'payerAccount', autoclient.need('payer_account', $3))), 'edoc:' || $1, $4)
$$;
COMMENT ON FUNCTION autoclient.edoc_create_payment_as_owner(text, text, text, name) IS 'Behind autoclient.edoc_create_payment.';

CREATE FUNCTION autoclient.eo_create(file bytea, name text, okpo text, duplicate text DEFAULT 'error', server name DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.eo_create(bytea, text, text, text, name) IS
'Queues the upload of a report (XML or ZIP) for electronic reporting; duplicate is error or remove. Returns the id of the call.';
CREATE FUNCTION autoclient.eo_create_as_owner(file bytea, name text, okpo text, duplicate text, server name) RETURNS bigint
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT autoclient.queue('autoclient.eo_create', jsonb_strip_nulls(jsonb_build_object('file', autoclient.file($1, $2, 'application/xml'), 'okpo', autoclient.need('okpo', $3), 'duplicate', $4)), NULL, $5)
$$;
COMMENT ON FUNCTION autoclient.eo_create_as_owner(bytea, text, text, text, name) IS 'Behind autoclient.eo_create.';

CREATE FUNCTION autoclient.eo_create_b64(file bytea, name text, okpo text, duplicate text DEFAULT 'error', server name DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.eo_create_b64(bytea, text, text, text, name) IS
'Queues the upload of a report as base64 in a form; duplicate is error or remove. Returns the id of the call.';
CREATE FUNCTION autoclient.eo_create_b64_as_owner(file bytea, name text, okpo text, duplicate text, server name) RETURNS bigint
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT autoclient.queue('autoclient.eo_create_b64', jsonb_strip_nulls(jsonb_build_object('uploadedFileB64', autoclient.file($1, $2, NULL) -> 'content', 'uploadedFileName', autoclient.need('name', $2), 'okpo', autoclient.need('okpo', $3), 'duplicate', $4)), NULL, $5)
$$;
COMMENT ON FUNCTION autoclient.eo_create_b64_as_owner(bytea, text, text, text, name) IS 'Behind autoclient.eo_create_b64.';

CREATE FUNCTION autoclient.salary_update_receiver(receiver jsonb, server name DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.salary_update_receiver(jsonb, name) IS
'Queues adding or changing a receiver of the salary project (pan, grp as group, tabn, inn, fio); returns the id of the call.';
CREATE FUNCTION autoclient.salary_update_receiver_as_owner(receiver jsonb, server name) RETURNS bigint
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT autoclient.queue('autoclient.salary_update_receiver', $1, concat_ws(':', 'salary_receiver',
                            autoclient.need('group of the receiver', $1 ->> 'group'), autoclient.need('tabn of the receiver', $1 ->> 'tabn')), $2)
$$;
COMMENT ON FUNCTION autoclient.salary_update_receiver_as_owner(jsonb, name) IS 'Behind autoclient.salary_update_receiver.';

CREATE FUNCTION autoclient.maspay_add(ref text, receiver text, amount numeric, comment text DEFAULT '', server name DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.maspay_add(text, text, numeric, text, name) IS
'Queues adding a line to a register; returns the id of the call.';
CREATE FUNCTION autoclient.maspay_add_as_owner(ref text, receiver text, amount numeric, comment text, server name) RETURNS bigint
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT autoclient.queue('autoclient.maspay_add', jsonb_strip_nulls(jsonb_build_object('packet', autoclient.need('ref', $1), 'receiver', autoclient.need('receiver', $2), 'amount', autoclient.positive('amount', $3), 'comment', $4)), 'maspay:' || $1, $5)
$$;
COMMENT ON FUNCTION autoclient.maspay_add_as_owner(text, text, numeric, text, name) IS 'Behind autoclient.maspay_add.';

CREATE FUNCTION autoclient.maspay_remove(ref text, line text, server name DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.maspay_remove(text, text, name) IS
'Queues removing a line from a register; returns the id of the call.';
CREATE FUNCTION autoclient.maspay_remove_as_owner(ref text, line text, server name) RETURNS bigint
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT autoclient.queue('autoclient.maspay_remove', jsonb_strip_nulls(jsonb_build_object('packet', autoclient.need('ref', $1), 'ref', autoclient.need('line', $2))), 'maspay:' || $1, $3)
$$;
COMMENT ON FUNCTION autoclient.maspay_remove_as_owner(text, text, name) IS 'Behind autoclient.maspay_remove.';

CREATE FUNCTION autoclient.maspay_validate(ref text, server name DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.maspay_validate(text, name) IS
'Queues the validation of a register; returns the id of the call.';
CREATE FUNCTION autoclient.maspay_validate_as_owner(ref text, server name) RETURNS bigint
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT autoclient.queue('autoclient.maspay_validate', jsonb_strip_nulls(jsonb_build_object('ref', autoclient.need('ref', $1))), 'maspay:' || $1, $2)
$$;
COMMENT ON FUNCTION autoclient.maspay_validate_as_owner(text, name) IS 'Behind autoclient.maspay_validate.';

CREATE FUNCTION autoclient.maspay_create(grp text, salary boolean, name text DEFAULT NULL, server name DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.maspay_create(text, boolean, text, name) IS
'Queues the making of a register for a group; returns the id of the call.';
CREATE FUNCTION autoclient.maspay_create_as_owner(grp text, salary boolean, name text, server name) RETURNS bigint
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT autoclient.queue('autoclient.maspay_create', jsonb_strip_nulls(jsonb_build_object('group', autoclient.need('grp', $1), 'salary', coalesce($2, true), 'packetName', $3)), NULL, $4)
$$;
COMMENT ON FUNCTION autoclient.maspay_create_as_owner(text, boolean, text, name) IS 'Behind autoclient.maspay_create.';

CREATE FUNCTION autoclient.paysheets_upload(project text, yearmonth text, paysheet bytea, paysheet_name text, catalog bytea, catalog_name text, server name DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.paysheets_upload(text, text, bytea, text, bytea, text, name) IS
'Queues the upload of pay-sheets and their catalogue; saving them follows in the same subject when the upload succeeded. Returns the id of the first call.';
CREATE FUNCTION autoclient.paysheets_upload_as_owner(project text, yearmonth text, paysheet bytea, paysheet_name text, catalog bytea, catalog_name text, server name) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF $2 !~ '^\d{4}(0[1-9]|1[0-2])$' THEN
        RAISE EXCEPTION 'yearmonth must be YYYYMM' USING ERRCODE = 'invalid_parameter_value', HINT = 'For June 2021 write 202106.';
    END IF;
    RETURN autoclient.queue('autoclient.paysheets_upload', jsonb_build_object('projectReference', autoclient.need('project', $1), 'yearmonth', $2,
               'paysheet', autoclient.file($3, $4, 'application/vnd.ms-excel'), 'catalog', autoclient.file($5, $6, 'application/vnd.ms-excel')),
               'paysheets:' || $1, $7);
END
$$;
COMMENT ON FUNCTION autoclient.paysheets_upload_as_owner(text, text, bytea, text, bytea, text, name) IS 'Behind autoclient.paysheets_upload.';

CREATE FUNCTION autoclient.check_counterparty(edrpou text, server name DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.check_counterparty(text, name) IS
'Queues the check of a counterparty, which the bank counts; the answer is kept in autoclient.counterparty. Returns the id of the call.';
CREATE FUNCTION autoclient.check_counterparty_as_owner(edrpou text, server name) RETURNS bigint
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT autoclient.queue('autoclient.check_counterparty', jsonb_strip_nulls(jsonb_build_object('edrpou', autoclient.need('edrpou', $1))), 'counterparty:' || $1, $2)
$$;
COMMENT ON FUNCTION autoclient.check_counterparty_as_owner(text, name) IS 'Behind autoclient.check_counterparty.';

CREATE FUNCTION autoclient.paysheets_uploaded(call k2bridge.call_row) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT k2bridge.enqueue('autoclient.paysheets_save', '{}', call.subject, call.server) WHERE call.outcome = 'ok'
$$;
COMMENT ON FUNCTION autoclient.paysheets_uploaded(k2bridge.call_row) IS 'Handler of paysheets/upload-file: saving follows at once (wire/autoclient.md section 9).';
-- Direct calls of the other services: ask the bank now, mirror what it said, return it.

CREATE TYPE autoclient.payment_document_row AS (
    payment_ref         text,
    document_number     text,
    payment_amount      numeric(20,2),
    payment_ccy         text,
    payment_status      text,
    payer_account       text,
    recipient_account   text,
    recipient_nceo      text,
    payment_naming      text,
    payment_destination text,
    signed_level_1      boolean,
    signed_level_2      boolean,
    raw                 jsonb
);
COMMENT ON TYPE autoclient.payment_document_row IS 'A payment as the bank shows it (payment/get).';

CREATE FUNCTION autoclient.get_payment(ref text, server name DEFAULT NULL) RETURNS autoclient.payment_document_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.get_payment(text, name) IS
'Asks for a payment by its reference; raw is the whole document, whose listed fields are what is signed.';
CREATE FUNCTION autoclient.get_payment_as_owner(ref text, server name) RETURNS autoclient.payment_document_row
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT ROW(d.doc ->> 'payment_ref', d.doc ->> 'document_number', (d.doc ->> 'payment_amount')::numeric, d.doc ->> 'payment_ccy', d.doc ->> 'payment_status',
               d.doc ->> 'payer_account', d.doc ->> 'recipient_account', d.doc ->> 'recipient_nceo', d.doc ->> 'payment_naming', d.doc ->> 'payment_destination',
               (d.doc #>> '{level_sign,1_sign_level}')::boolean, (d.doc #>> '{level_sign,2_sign_level}')::boolean, d.doc)::autoclient.payment_document_row
      FROM (SELECT (k2bridge.invoke('autoclient.payment_get', jsonb_build_object('ref', autoclient.need('ref', $1)), autoclient.default_server($2))).reply AS doc) d
$$;
COMMENT ON FUNCTION autoclient.get_payment_as_owner(text, name) IS 'Behind autoclient.get_payment.';

CREATE FUNCTION autoclient.edoc_journal(journal text, filter jsonb, server name DEFAULT NULL) RETURNS SETOF autoclient.document_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.edoc_journal(text, jsonb, name) IS
'Asks for a journal of electronic documents (inbox, outbox, in-process, all, to-pay) from filter.dateBegin to filter.dateEnd (YYYY-MM-DD); other keys of the filter as documented.';
CREATE FUNCTION autoclient.edoc_journal_as_owner(journal text, filter jsonb, server name) RETURNS SETOF autoclient.document_row
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted name := autoclient.default_server($3);
BEGIN
    IF $1 IS NULL OR $1 NOT IN ('inbox', 'outbox', 'in-process', 'all', 'to-pay') THEN
        RAISE EXCEPTION 'unknown journal "%"', coalesce($1, '') USING ERRCODE = 'invalid_parameter_value', HINT = 'Known are inbox, outbox, in-process, all and to-pay.';
    END IF;
    PERFORM autoclient.need('filter.dateBegin', $2 ->> 'dateBegin'), autoclient.need('filter.dateEnd', $2 ->> 'dateEnd');
    RETURN QUERY SELECT d.* FROM autoclient.documents_of(wanted, $1, (k2bridge.invoke('autoclient.edoc_journal_' || replace($1, '-', '_'), $2, wanted)).reply) d;
END
$$;
COMMENT ON FUNCTION autoclient.edoc_journal_as_owner(text, jsonb, name) IS 'Behind autoclient.edoc_journal.';

CREATE FUNCTION autoclient.edoc_xml(id text, okpo text, server name DEFAULT NULL) RETURNS bytea
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.edoc_xml(text, text, name) IS
'Downloads the XML of an electronic document.';
CREATE FUNCTION autoclient.edoc_xml_as_owner(id text, okpo text, server name) RETURNS bytea
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT (k2bridge.invoke('autoclient.edoc_xml', jsonb_build_object('id', autoclient.need('id', $1), 'okpo', autoclient.need('okpo', $2)), autoclient.default_server($3))).content
$$;
COMMENT ON FUNCTION autoclient.edoc_xml_as_owner(text, text, name) IS 'Behind autoclient.edoc_xml.';

CREATE FUNCTION autoclient.edoc_pdf(id text, okpo text, server name DEFAULT NULL) RETURNS bytea
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.edoc_pdf(text, text, name) IS
'Downloads the PDF of an electronic document.';
CREATE FUNCTION autoclient.edoc_pdf_as_owner(id text, okpo text, server name) RETURNS bytea
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT (k2bridge.invoke('autoclient.edoc_pdf', jsonb_build_object('id', autoclient.need('id', $1), 'okpo', autoclient.need('okpo', $2)), autoclient.default_server($3))).content
$$;
COMMENT ON FUNCTION autoclient.edoc_pdf_as_owner(text, text, name) IS 'Behind autoclient.edoc_pdf.';

CREATE FUNCTION autoclient.edoc_p7s(id text, okpo text, server name DEFAULT NULL) RETURNS bytea
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.edoc_p7s(text, text, name) IS
'Downloads the signed file (.p7s) of an electronic document.';
CREATE FUNCTION autoclient.edoc_p7s_as_owner(id text, okpo text, server name) RETURNS bytea
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT (k2bridge.invoke('autoclient.edoc_p7s', jsonb_build_object('id', autoclient.need('id', $1), 'okpo', autoclient.need('okpo', $2)), autoclient.default_server($3))).content
$$;
COMMENT ON FUNCTION autoclient.edoc_p7s_as_owner(text, text, name) IS 'Behind autoclient.edoc_p7s.';

CREATE FUNCTION autoclient.edoc_base64(id text, okpo text, server name DEFAULT NULL) RETURNS TABLE (file_name text, content bytea)
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.edoc_base64(text, text, name) IS
'Downloads an electronic document in the form in which it is signed.';
CREATE FUNCTION autoclient.edoc_base64_as_owner(id text, okpo text, server name) RETURNS TABLE (file_name text, content bytea)
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT d.reply ->> 'fileName', decode(d.reply ->> 'originalDoc', 'base64')
      FROM (SELECT (k2bridge.invoke('autoclient.edoc_base64', jsonb_build_object('id', autoclient.need('id', $1), 'okpo', autoclient.need('okpo', $2)), autoclient.default_server($3))).reply) d
$$;
COMMENT ON FUNCTION autoclient.edoc_base64_as_owner(text, text, name) IS 'Behind autoclient.edoc_base64.';

CREATE FUNCTION autoclient.edoc_sign_info(id text, okpo text, server name DEFAULT NULL) RETURNS jsonb
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.edoc_sign_info(text, text, name) IS
'Asks who has signed an electronic document.';
CREATE FUNCTION autoclient.edoc_sign_info_as_owner(id text, okpo text, server name) RETURNS jsonb
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT (k2bridge.invoke('autoclient.edoc_sign_info', jsonb_build_object('id', autoclient.need('id', $1), 'okpo', autoclient.need('okpo', $2)), autoclient.default_server($3))).reply
$$;
COMMENT ON FUNCTION autoclient.edoc_sign_info_as_owner(text, text, name) IS 'Behind autoclient.edoc_sign_info.';

CREATE FUNCTION autoclient.salary_groups(server name DEFAULT NULL) RETURNS TABLE (type text, name text, rko numeric)
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.salary_groups(name) IS
'The groups of the salary project; rko is the fee in percent.';
CREATE FUNCTION autoclient.salary_groups_as_owner(server name) RETURNS TABLE (type text, name text, rko numeric)
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT i.item ->> 'type', i.item ->> 'name', (i.item ->> 'rko')::numeric
      FROM autoclient.items((k2bridge.invoke('autoclient.salary_groups', '{}', autoclient.default_server($1))).reply) i
$$;
COMMENT ON FUNCTION autoclient.salary_groups_as_owner(name) IS 'Behind autoclient.salary_groups.';

CREATE FUNCTION autoclient.all_pages(endpoint text, args jsonb, server name) RETURNS SETOF jsonb
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    page integer := 0;
    former jsonb;
    answer k2bridge.call_row;
BEGIN
    LOOP
        answer := k2bridge.invoke(endpoint, jsonb_strip_nulls(args) || jsonb_build_object('page', page, 'page-size', 100), server);
        EXIT WHEN jsonb_typeof(answer.reply) <> 'array' OR answer.reply = '[]';
        IF answer.reply = former THEN
            RAISE EXCEPTION 'page % of the list repeats the page before it', page USING ERRCODE = 'invalid_parameter_value',
                DETAIL = 'The bank seems to ignore the page number.';
        END IF;
        RETURN NEXT answer.reply;
        EXIT WHEN jsonb_array_length(answer.reply) < 100;
        former := answer.reply;
        page := page + 1;
    END LOOP;
END
$$;
COMMENT ON FUNCTION autoclient.all_pages(text, jsonb, name) IS 'All pages of a list of the salary project, until a short or empty one (section 8.2).';

CREATE FUNCTION autoclient.salary_receivers(grp text DEFAULT 'ALL', filter text DEFAULT NULL, server name DEFAULT NULL) RETURNS SETOF autoclient.receiver_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.salary_receivers(text, text, name) IS
'Asks for the receivers of a group (ALL: of every group), mirrors and returns them; filter is a part of the name, at least 3 characters.';
CREATE FUNCTION autoclient.salary_receivers_as_owner(grp text, filter text, server name) RETURNS SETOF autoclient.receiver_row
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT r.*
      FROM autoclient.default_server($3) w (server)
     CROSS JOIN LATERAL autoclient.all_pages('autoclient.salary_receivers', jsonb_build_object('group', autoclient.need('grp', $1), 'filter', $2), w.server) p (page)
     CROSS JOIN LATERAL autoclient.receivers_of(w.server, p.page) r
$$;
COMMENT ON FUNCTION autoclient.salary_receivers_as_owner(text, text, name) IS 'Behind autoclient.salary_receivers.';

CREATE FUNCTION autoclient.salary_packets(status text DEFAULT NULL, from_date date DEFAULT NULL, to_date date DEFAULT NULL, server name DEFAULT NULL) RETURNS SETOF autoclient.packet_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.salary_packets(text, date, date, name) IS
'Asks for the registers with a status (V prepared, A awaiting signature, F processed, R rejected); dates are needed for F, R and no status, the last one exclusive.';
CREATE FUNCTION autoclient.salary_packets_as_owner(status text, from_date date, to_date date, server name) RETURNS SETOF autoclient.packet_row
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted name := autoclient.default_server($4);
BEGIN
    IF ($1 IS NULL OR $1 IN ('F', 'R')) AND ($2 IS NULL OR $3 IS NULL) THEN
        RAISE EXCEPTION 'from_date and to_date must be given for this status' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Only the registers of status V and A are listed without dates.';
    END IF;
    RETURN QUERY
        SELECT r.* FROM autoclient.all_pages('autoclient.salary_packets', jsonb_build_object('status', $1, 'from', $2, 'to', $3), wanted) p (page)
         CROSS JOIN LATERAL autoclient.packets_of(wanted, p.page) r;
END
$$;
COMMENT ON FUNCTION autoclient.salary_packets_as_owner(text, date, date, name) IS 'Behind autoclient.salary_packets.';

CREATE FUNCTION autoclient.maspay_header(ref text, server name DEFAULT NULL) RETURNS autoclient.packet_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.maspay_header(text, name) IS
'Asks for the header of a register, mirrors and returns it.';
CREATE FUNCTION autoclient.maspay_header_as_owner(ref text, server name) RETURNS autoclient.packet_row
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT r FROM autoclient.default_server($2) w (server)
     CROSS JOIN LATERAL autoclient.packets_of(w.server, (k2bridge.invoke('autoclient.maspay_header', jsonb_build_object('ref', autoclient.need('ref', $1)), w.server)).reply) r
$$;
COMMENT ON FUNCTION autoclient.maspay_header_as_owner(text, name) IS 'Behind autoclient.maspay_header.';

CREATE FUNCTION autoclient.maspay_content(ref text, server name DEFAULT NULL) RETURNS SETOF autoclient.salary_line_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.maspay_content(text, name) IS
'Asks for the lines of a register, mirrors and returns them.';
CREATE FUNCTION autoclient.maspay_content_as_owner(ref text, server name) RETURNS SETOF autoclient.salary_line_row
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT r.*
      FROM autoclient.default_server($2) w (server)
     CROSS JOIN LATERAL autoclient.all_pages('autoclient.maspay_content', jsonb_build_object('ref', autoclient.need('ref', $1)), w.server) p (page)
     CROSS JOIN LATERAL autoclient.lines_of(w.server, $1, p.page) r
$$;
COMMENT ON FUNCTION autoclient.maspay_content_as_owner(text, name) IS 'Behind autoclient.maspay_content.';

CREATE FUNCTION autoclient.paysheets_journal(server name DEFAULT NULL) RETURNS TABLE (upload_time timestamp, project_reference text, project_name text, report_ym text, file_type text, status text)
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.paysheets_journal(name) IS
'The journal of pay-sheets.';
CREATE FUNCTION autoclient.paysheets_journal_as_owner(server name) RETURNS TABLE (upload_time timestamp, project_reference text, project_name text, report_ym text, file_type text, status text)
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT (i.item ->> 'uploadTime')::timestamp, i.item #>> '{project,reference}', i.item #>> '{project,name}', i.item ->> 'reportYm', i.item ->> 'fileType', i.item ->> 'status'
      FROM autoclient.items((k2bridge.invoke('autoclient.paysheets_journal', '{}', autoclient.default_server($1))).reply) i
$$;
COMMENT ON FUNCTION autoclient.paysheets_journal_as_owner(name) IS 'Behind autoclient.paysheets_journal.';

CREATE FUNCTION autoclient.corpcards(filter jsonb DEFAULT '{}', server name DEFAULT NULL) RETURNS SETOF autoclient.card_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.corpcards(jsonb, name) IS
'Asks for the corporate cards that the filter (panState, corpType, cardNumber …) lets through, packet after packet, mirrors and returns them.';
CREATE FUNCTION autoclient.corpcards_as_owner(filter jsonb, server name) RETURNS SETOF autoclient.card_row
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted name := autoclient.default_server($2);
    packet integer := coalesce(($1 ->> 'packNum')::integer, 1);
    former jsonb;
    answer jsonb;
BEGIN
    LOOP
        answer := (k2bridge.invoke('autoclient.corpcards', coalesce($1, '{}') || jsonb_build_object('numOfEntr', 100, 'packNum', packet), wanted)).reply;
        EXIT WHEN answer = former;
        RETURN QUERY SELECT r.* FROM autoclient.cards_of(wanted, answer) r;
        -- As many cards shown as there are: nothing follows (section 10.1).
        EXIT WHEN coalesce(jsonb_path_query_array(answer, '$.Data.JurData[*].CorpData[*] ? (@.cardsShown < @.cardsAmount)') = '[]', true) OR $1 ? 'packNum';
        former := answer;
        packet := packet + 1;
    END LOOP;
END
$$;
COMMENT ON FUNCTION autoclient.corpcards_as_owner(jsonb, name) IS 'Behind autoclient.corpcards.';

CREATE FUNCTION autoclient.corp_statements(corporation jsonb, date_start date, date_end date, server name DEFAULT NULL) RETURNS SETOF autoclient.card_statement_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.corp_statements(jsonb, date, date, name) IS
'Asks for the statement of a corporation (corporation is {id, code, type} of autoclient.corpcards), mirrors and returns it.';
CREATE FUNCTION autoclient.corp_statements_as_owner(corporation jsonb, date_start date, date_end date, server name) RETURNS SETOF autoclient.card_statement_row
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT r.*
      FROM autoclient.default_server($4) w (server)
     CROSS JOIN LATERAL autoclient.card_rows_of(w.server, (k2bridge.invoke('autoclient.corp_statements',
               jsonb_build_object('corporation', $1, 'dateStart', to_char($2, 'DD.MM.YYYY'), 'dateEnd', to_char($3, 'DD.MM.YYYY')), w.server)).reply) r
$$;
COMMENT ON FUNCTION autoclient.corp_statements_as_owner(jsonb, date, date, name) IS 'Behind autoclient.corp_statements.';

CREATE FUNCTION autoclient.card_statements(corporation jsonb, card text, date_start date, date_end date, server name DEFAULT NULL) RETURNS SETOF autoclient.card_statement_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.card_statements(jsonb, text, date, date, name) IS
'Asks for the statement of a corporate card (corporation is {id, code, type} of autoclient.corpcards), mirrors and returns it.';
CREATE FUNCTION autoclient.card_statements_as_owner(corporation jsonb, card text, date_start date, date_end date, server name) RETURNS SETOF autoclient.card_statement_row
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT r.*
      FROM autoclient.default_server($5) w (server)
     CROSS JOIN LATERAL autoclient.card_rows_of(w.server, (k2bridge.invoke('autoclient.card_statements',
               jsonb_build_object('corporation', $1, 'clientCard', autoclient.need('card', $2), 'dateStart', to_char($3, 'DD.MM.YYYY'), 'dateEnd', to_char($4, 'DD.MM.YYYY')), w.server)).reply) r
$$;
COMMENT ON FUNCTION autoclient.card_statements_as_owner(jsonb, text, date, date, name) IS 'Behind autoclient.card_statements.';

CREATE FUNCTION autoclient.receipts(transactions jsonb, per_page integer DEFAULT 4, server name DEFAULT NULL) RETURNS bytea
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.receipts(jsonb, integer, name) IS
'One PDF with the receipts of at most 45 rows of statements, each {account, reference, refn}.';
CREATE FUNCTION autoclient.receipts_as_owner(transactions jsonb, per_page integer, server name) RETURNS bytea
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF jsonb_typeof($1) IS DISTINCT FROM 'array' OR jsonb_array_length($1) NOT BETWEEN 1 AND 45 THEN
        RAISE EXCEPTION 'transactions must be an array of 1 to 45 objects' USING ERRCODE = 'invalid_parameter_value';
    ELSIF EXISTS (SELECT FROM jsonb_array_elements($1) AS e (item) WHERE NOT coalesce(e.item ?& '{account,reference,refn}'::text[], false)) THEN
        RAISE EXCEPTION 'each of transactions needs account, reference and refn' USING ERRCODE = 'invalid_parameter_value';
    ELSIF coalesce($2, 0) NOT BETWEEN 1 AND 4 THEN
        RAISE EXCEPTION 'per_page must be between 1 and 4' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN (k2bridge.invoke('autoclient.receipts', jsonb_build_object('transactions', $1, 'perPage', $2), autoclient.default_server($3))).content;
END
$$;
COMMENT ON FUNCTION autoclient.receipts_as_owner(jsonb, integer, name) IS 'Behind autoclient.receipts.';

CREATE FUNCTION autoclient.acquiring(account text, date_from date, date_to date, server name DEFAULT NULL) RETURNS SETOF autoclient.acquiring_row_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.acquiring(text, date, date, name) IS
'Asks for the acquiring statement of an account, day after day and page after page, mirrors and returns it.';
CREATE FUNCTION autoclient.acquiring_as_owner(account text, date_from date, date_to date, server name) RETURNS SETOF autoclient.acquiring_row_row
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted name := autoclient.default_server($4);
    day date := $2;
    page integer;
    answer jsonb;
BEGIN
    PERFORM autoclient.need('account', $1), autoclient.day_range($2, $3);
    WHILE day <= $3 LOOP
        page := 1;
        LOOP
            answer := (k2bridge.invoke('autoclient.acquiring', jsonb_build_object('account', $1, 'dateFrom', day, 'dateTo', day, 'page', page, 'numberRecords', 100), wanted)).reply;
            RETURN QUERY SELECT r.* FROM autoclient.acquiring_of(wanted, $1, day, (page - 1) * 100, answer) r;
            EXIT WHEN answer -> 'existNextPage' IS DISTINCT FROM 'true';
            page := page + 1;
        END LOOP;
        day := day + 1;
    END LOOP;
END
$$;
COMMENT ON FUNCTION autoclient.acquiring_as_owner(text, date, date, name) IS 'Behind autoclient.acquiring.';
CREATE FUNCTION k2bridge.setup_script(OUT part integer, OUT ddl text) RETURNS SETOF record
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $setup_script$ VALUES
(1, $setup_tables$

-- Which version these tables are of, compared by workers and doors with the library's.
CREATE TABLE IF NOT EXISTS k2bridge.schema_version (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    version   text NOT NULL,
    at        timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE k2bridge.schema_version IS 'Version of the code for which k2bridge.setup() last ran.';
COMMENT ON COLUMN k2bridge.schema_version.singleton IS 'one row';
COMMENT ON COLUMN k2bridge.schema_version.version IS 'version of the extension';
COMMENT ON COLUMN k2bridge.schema_version.at IS 'when setup() first ran for it';
INSERT INTO k2bridge.schema_version (version) VALUES ('1.0')
    ON CONFLICT (singleton) DO UPDATE SET version = excluded.version, at = now()
    WHERE schema_version.version <> excluded.version;
$setup_tables$),
(2, $setup_tables$

-- Endpoint catalogue: one row per remote call.
CREATE TABLE IF NOT EXISTS k2bridge.endpoint (
    name          text PRIMARY KEY CHECK (name ~ '^[a-z0-9_]+\.[a-z0-9_]+$'),
    server_type   text NOT NULL CHECK (server_type IN ('abs', 'autoclient', 'http')),
    method        text NOT NULL CHECK (method IN ('GET', 'POST', 'PUT', 'PATCH', 'DELETE')),
    url_option    text,
    path          text,
    body_kind     text NOT NULL DEFAULT 'none' CHECK (body_kind IN ('none', 'json', 'form', 'multipart')),
    reply_family  text NOT NULL DEFAULT 'json',
    delivery      text NOT NULL DEFAULT 'at_least_once' CHECK (delivery IN ('at_least_once', 'at_most_once')),
    priority      integer NOT NULL DEFAULT 50 CHECK (priority BETWEEN 0 AND 100),
    handler       text,
    builder       text,
    verify        text,
    timeout       interval CHECK (timeout > '0'),
    give_up_after interval CHECK (give_up_after > '0'),
    keep_reply    text NOT NULL DEFAULT 'not_ok' CHECK (keep_reply IN ('always', 'not_ok', 'never')),
    coalesces     boolean NOT NULL DEFAULT false,
    enabled       boolean NOT NULL DEFAULT true,
    CHECK (num_nonnulls(url_option, path) = 1),
    CHECK (NOT coalesces OR delivery = 'at_least_once')
);
COMMENT ON TABLE k2bridge.endpoint IS 'One row per remote call. A bank adds its own; k2bridge.setup() never touches enabled, priority, timeout, give_up_after, handler of existing rows.';
COMMENT ON COLUMN k2bridge.endpoint.name IS 'room.call, e.g. abs.get_cli';
COMMENT ON COLUMN k2bridge.endpoint.server_type IS 'TYPE of the foreign servers it may use';
COMMENT ON COLUMN k2bridge.endpoint.method IS 'HTTP method';
COMMENT ON COLUMN k2bridge.endpoint.url_option IS 'server option that holds the whole address';
COMMENT ON COLUMN k2bridge.endpoint.path IS 'path under the server option base_url; {name} is replaced by the argument of that name';
COMMENT ON COLUMN k2bridge.endpoint.body_kind IS 'none: arguments travel as query string';
COMMENT ON COLUMN k2bridge.endpoint.reply_family IS 'how a reply is read: abs, abs_list, abs_debt, abs_file, json, none, …';
COMMENT ON COLUMN k2bridge.endpoint.delivery IS 'at_least_once: sent again after an unclear outcome; at_most_once: never';
COMMENT ON COLUMN k2bridge.endpoint.priority IS 'higher is sent first';
COMMENT ON COLUMN k2bridge.endpoint.handler IS 'function(k2bridge.call_row) that turns the outcome into data, in the transaction that records it';
COMMENT ON COLUMN k2bridge.endpoint.builder IS 'function(args jsonb) returning the request arguments at send time; null: args as queued';
COMMENT ON COLUMN k2bridge.endpoint.verify IS 'function(k2bridge.call_row) that asks the bank what became of an uncertain call';
COMMENT ON COLUMN k2bridge.endpoint.timeout IS 'of one attempt; null: the server''s';
COMMENT ON COLUMN k2bridge.endpoint.give_up_after IS 'age after which an at_least_once call fails; null: never';
COMMENT ON COLUMN k2bridge.endpoint.keep_reply IS 'whether k2bridge.call keeps the reply; at_most_once calls always do';
COMMENT ON COLUMN k2bridge.endpoint.coalesces IS 'all due rows of one server and subject are settled by one call, whose body is built at send time';
COMMENT ON COLUMN k2bridge.endpoint.enabled IS 'false: calls end as skipped';

-- What a person holds back: rows queue, nothing is sent.
CREATE TABLE IF NOT EXISTS k2bridge.paused (
    id       bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    server   name,
    endpoint text,
    until    timestamptz,
    note     text,
    by       name NOT NULL,
    at       timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX IF NOT EXISTS paused_what ON k2bridge.paused ((coalesce(server, '')), (coalesce(endpoint, '')));
COMMENT ON TABLE k2bridge.paused IS 'Servers and endpoints on hold (k2bridge.pause, k2bridge.resume).';
COMMENT ON COLUMN k2bridge.paused.id IS 'number of the hold';
COMMENT ON COLUMN k2bridge.paused.server IS 'null: every server';
COMMENT ON COLUMN k2bridge.paused.endpoint IS 'null: every endpoint';
COMMENT ON COLUMN k2bridge.paused.until IS 'when it ends by itself; null: never';
COMMENT ON COLUMN k2bridge.paused.note IS 'why';
COMMENT ON COLUMN k2bridge.paused.by IS 'role that asked for it';
COMMENT ON COLUMN k2bridge.paused.at IS 'when';
$setup_tables$),
(3, $setup_tables$
-- Where calls may leave this machine.
CREATE TABLE IF NOT EXISTS k2bridge.activation (
    singleton         boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    system_identifier bigint NOT NULL,
    database_oid      oid NOT NULL,
    hosts             text[] NOT NULL CHECK (cardinality(hosts) > 0),
    at                timestamptz NOT NULL DEFAULT now(),
    by                name NOT NULL
);
COMMENT ON TABLE k2bridge.activation IS 'The cluster, database and machines that may send calls to other machines (k2bridge.activate); a copy of the database elsewhere differs and may not.';
COMMENT ON COLUMN k2bridge.activation.singleton IS 'one row';
COMMENT ON COLUMN k2bridge.activation.system_identifier IS 'of the cluster, as pg_control_system() shows it';
COMMENT ON COLUMN k2bridge.activation.database_oid IS 'OID of the database';
COMMENT ON COLUMN k2bridge.activation.hosts IS 'host names in lower case, the standby''s among them if it may take over';
COMMENT ON COLUMN k2bridge.activation.at IS 'when it was activated';
COMMENT ON COLUMN k2bridge.activation.by IS 'who activated it';

-- Servers and user mappings as the last check saw them.
CREATE TABLE IF NOT EXISTS k2bridge.server_seen (
    object  text NOT NULL CHECK (object IN ('server', 'user mapping')),
    key     text NOT NULL,
    options jsonb,
    salt    uuid NOT NULL,
    digest  bytea NOT NULL,
    at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (object, key)
);
COMMENT ON TABLE k2bridge.server_seen IS 'Servers and user mappings as k2bridge.note_servers last saw them; for the owner only.';
COMMENT ON COLUMN k2bridge.server_seen.object IS 'server or user mapping';
COMMENT ON COLUMN k2bridge.server_seen.key IS 'server, and the user of a mapping';
COMMENT ON COLUMN k2bridge.server_seen.options IS 'options, secrets masked';
COMMENT ON COLUMN k2bridge.server_seen.salt IS 'of the digest';
COMMENT ON COLUMN k2bridge.server_seen.digest IS 'SHA-256 of salt and options, so that a changed secret is noticed and none is kept';
COMMENT ON COLUMN k2bridge.server_seen.at IS 'when it was seen to change';
$setup_tables$),
(4, $setup_tables$

-- The queue of outbound calls.
CREATE TABLE IF NOT EXISTS k2bridge.outbox (
    id           bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    endpoint     text NOT NULL,
    server       name,
    subject      text,
    args         jsonb NOT NULL DEFAULT '{}',
    state        text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'sending', 'answered', 'uncertain', 'failed')),
    parked       boolean NOT NULL DEFAULT false,
    attempts     integer NOT NULL DEFAULT 0,
    crashes      integer NOT NULL DEFAULT 0,
    due_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_by   name NOT NULL,
    correlation  uuid NOT NULL,
    sent_at      timestamptz,
    http_status  integer,
    error_code   text,
    reply        jsonb,
    content      bytea,
    content_type text,
    file_name    text,
    last_error   text,
    verify_at    timestamptz,
    verified     integer NOT NULL DEFAULT 0,
    found        jsonb,
    resent_from  bigint,
    wish         text CHECK (wish IN ('cancel', 'retry', 'ok', 'refused', 'failed')),
    wish_by      name,
    wish_note    text,
    wish_reply   jsonb
);
CREATE INDEX IF NOT EXISTS outbox_due ON k2bridge.outbox (endpoint, (coalesce(server, '')), due_at, id)
    WHERE state = 'queued' AND NOT parked;
CREATE INDEX IF NOT EXISTS outbox_subject ON k2bridge.outbox (subject, id) WHERE subject IS NOT NULL;
CREATE INDEX IF NOT EXISTS outbox_held ON k2bridge.outbox (state, id) WHERE state <> 'queued';
CREATE INDEX IF NOT EXISTS outbox_wish ON k2bridge.outbox (id) WHERE wish IS NOT NULL;
ALTER TABLE k2bridge.outbox SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.5,
                                 fillfactor = 80);
COMMENT ON TABLE k2bridge.outbox IS 'Outbound calls that are not finished; only k2bridge.enqueue inserts, only the dispatcher parks and deletes.';
COMMENT ON COLUMN k2bridge.outbox.endpoint IS 'k2bridge.endpoint.name';
COMMENT ON COLUMN k2bridge.outbox.server IS 'foreign server; null: the one that has what the endpoint needs, looked up when sending';
COMMENT ON COLUMN k2bridge.outbox.subject IS 'calls of one subject are sent one at a time, in the order of id';
COMMENT ON COLUMN k2bridge.outbox.args IS 'arguments of the call';
COMMENT ON COLUMN k2bridge.outbox.state IS 'queued; sending (at_most_once, under way); answered (reply kept, its handler failed); uncertain (outcome unknown); failed';
COMMENT ON COLUMN k2bridge.outbox.parked IS 'waits for an earlier call of its subject';
COMMENT ON COLUMN k2bridge.outbox.attempts IS 'how often it was sent; attempts during an outage of the server do not count';
COMMENT ON COLUMN k2bridge.outbox.crashes IS 'how often the dispatcher ended while it was under way';
COMMENT ON COLUMN k2bridge.outbox.due_at IS 'not sent before';
COMMENT ON COLUMN k2bridge.outbox.created_by IS 'role that queued it; its user mapping is used';
COMMENT ON COLUMN k2bridge.outbox.correlation IS 'the story it belongs to, sent as X-Correlation-Id';
COMMENT ON COLUMN k2bridge.outbox.sent_at IS 'when the last attempt of an at_most_once call began';
COMMENT ON COLUMN k2bridge.outbox.reply IS 'reply that waits for its handler (answered), or what an unclear outcome brought';
COMMENT ON COLUMN k2bridge.outbox.last_error IS 'why it is not finished';
COMMENT ON COLUMN k2bridge.outbox.verify_at IS 'when the bank is asked next what became of an uncertain call';
COMMENT ON COLUMN k2bridge.outbox.verified IS 'how often the bank was asked';
COMMENT ON COLUMN k2bridge.outbox.found IS 'what the bank knows of an uncertain call';
COMMENT ON COLUMN k2bridge.outbox.resent_from IS 'the call that a person sent again';
COMMENT ON COLUMN k2bridge.outbox.wish IS 'what a person asked for; the dispatcher does it';
COMMENT ON COLUMN k2bridge.outbox.id IS 'number of the call, kept in k2bridge.call';
COMMENT ON COLUMN k2bridge.outbox.created_at IS 'when it was queued';
COMMENT ON COLUMN k2bridge.outbox.http_status IS 'HTTP status of the last reply';
COMMENT ON COLUMN k2bridge.outbox.error_code IS 'the bank''s own code in the last reply';
COMMENT ON COLUMN k2bridge.outbox.content IS 'binary reply that waits for its handler';
COMMENT ON COLUMN k2bridge.outbox.content_type IS 'type of the binary reply';
COMMENT ON COLUMN k2bridge.outbox.file_name IS 'name of the binary reply';
COMMENT ON COLUMN k2bridge.outbox.wish_by IS 'role that asked';
COMMENT ON COLUMN k2bridge.outbox.wish_note IS 'why';
COMMENT ON COLUMN k2bridge.outbox.wish_reply IS 'reply that the handler gets when the wish is ok';

-- Finished calls, a partition per day.
CREATE TABLE IF NOT EXISTS k2bridge.call (
    id          bigint NOT NULL,
    endpoint    text NOT NULL,
    server      name,
    subject     text,
    args        jsonb,
    outcome     text NOT NULL CHECK (outcome IN ('ok', 'refused', 'failed', 'cancelled', 'skipped', 'recorded')),
    attempts    integer NOT NULL,
    http_status integer,
    error_code  text,
    error_text  text,
    reply       jsonb,
    sent_as     bigint,
    resent_from bigint,
    correlation uuid,
    created_at  timestamptz NOT NULL,
    created_by  name NOT NULL,
    finished_at timestamptz NOT NULL,
    duration    interval,
    delivery    text NOT NULL,
    PRIMARY KEY (id, finished_at)
) PARTITION BY RANGE (finished_at);
CREATE TABLE IF NOT EXISTS k2bridge.call_default PARTITION OF k2bridge.call DEFAULT;
CREATE INDEX IF NOT EXISTS call_subject ON k2bridge.call (subject, id) WHERE subject IS NOT NULL;
CREATE INDEX IF NOT EXISTS call_correlation ON k2bridge.call (correlation, subject);
CREATE INDEX IF NOT EXISTS call_iinbin ON k2bridge.call ((args ->> 'iinbin'))
    WHERE subject IS NULL AND args ->> 'iinbin' IS NOT NULL;
CREATE INDEX IF NOT EXISTS call_about ON k2bridge.call
    ((coalesce(args #>> '{about,loan_id}', args ->> 'contract_number', args ->> 'dbz_num')))
    WHERE subject IS NULL AND coalesce(args #>> '{about,loan_id}', args ->> 'contract_number', args ->> 'dbz_num') IS NOT NULL;
COMMENT ON TABLE k2bridge.call IS 'Every finished outbound call, by day of its end.';
COMMENT ON COLUMN k2bridge.call.id IS 'id it had in k2bridge.outbox';
COMMENT ON COLUMN k2bridge.call.outcome IS 'ok; refused (the bank said no); failed; cancelled; skipped (endpoint disabled); recorded (server in mode record)';
COMMENT ON COLUMN k2bridge.call.error_code IS 'the bank''s own code';
COMMENT ON COLUMN k2bridge.call.error_text IS 'the bank''s own text, or what went wrong';
COMMENT ON COLUMN k2bridge.call.reply IS 'kept as endpoint.keep_reply says';
COMMENT ON COLUMN k2bridge.call.sent_as IS 'the call whose sending settled this one (coalescing)';
COMMENT ON COLUMN k2bridge.call.resent_from IS 'the call that this one repeats';
COMMENT ON COLUMN k2bridge.call.duration IS 'of the last attempt';
COMMENT ON COLUMN k2bridge.call.delivery IS 'delivery policy of the endpoint when it ended';
COMMENT ON COLUMN k2bridge.call.endpoint IS 'k2bridge.endpoint.name';
COMMENT ON COLUMN k2bridge.call.server IS 'foreign server it went to';
COMMENT ON COLUMN k2bridge.call.subject IS 'calls of one subject were sent in order';
COMMENT ON COLUMN k2bridge.call.args IS 'arguments of the call';
COMMENT ON COLUMN k2bridge.call.attempts IS 'how often it was sent';
COMMENT ON COLUMN k2bridge.call.http_status IS 'HTTP status of the last reply';
COMMENT ON COLUMN k2bridge.call.correlation IS 'the story it belongs to';
COMMENT ON COLUMN k2bridge.call.created_at IS 'when it was queued';
COMMENT ON COLUMN k2bridge.call.created_by IS 'role that queued it';
COMMENT ON COLUMN k2bridge.call.finished_at IS 'when it ended';
CREATE OR REPLACE TRIGGER counted AFTER INSERT ON k2bridge.call
    FOR EACH ROW EXECUTE FUNCTION k2bridge.call_counted();
$setup_tables$),
(5, $setup_tables$

-- Inbound payloads, refused items, audit.
CREATE TABLE IF NOT EXISTS k2bridge.inbox (
    id          bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    service     text NOT NULL,
    client      name,
    remote_addr inet,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    duration    interval,
    body        bytea COMPRESSION lz4,
    payload     jsonb,
    http_status integer,
    reply       jsonb,
    correlation uuid NOT NULL
);
CREATE INDEX IF NOT EXISTS inbox_correlation ON k2bridge.inbox (correlation);
CREATE INDEX IF NOT EXISTS inbox_about ON k2bridge.inbox
    (left(coalesce(payload ->> 'reference', payload ->> 'refer', payload ->> 'iin', payload ->> 'dbz_num'), 64))
    WHERE coalesce(payload ->> 'reference', payload ->> 'refer', payload ->> 'iin', payload ->> 'dbz_num') IS NOT NULL;
CREATE INDEX IF NOT EXISTS inbox_received_at ON k2bridge.inbox USING brin (received_at);
COMMENT ON TABLE k2bridge.inbox IS 'Every authenticated inbound payload as it came, with the reply it got.';
COMMENT ON COLUMN k2bridge.inbox.id IS 'number of the request';
COMMENT ON COLUMN k2bridge.inbox.service IS 'name in the URL';
COMMENT ON COLUMN k2bridge.inbox.client IS 'API client';
COMMENT ON COLUMN k2bridge.inbox.remote_addr IS 'address it came from';
COMMENT ON COLUMN k2bridge.inbox.received_at IS 'when it was complete';
COMMENT ON COLUMN k2bridge.inbox.duration IS 'until the reply';
COMMENT ON COLUMN k2bridge.inbox.body IS 'payload, byte for byte';
COMMENT ON COLUMN k2bridge.inbox.payload IS 'payload as jsonb when it is small enough';
COMMENT ON COLUMN k2bridge.inbox.http_status IS 'HTTP status of the reply';
COMMENT ON COLUMN k2bridge.inbox.reply IS 'reply';
COMMENT ON COLUMN k2bridge.inbox.correlation IS 'the story that began with it';

CREATE TABLE IF NOT EXISTS k2bridge.rejected_item (
    id         bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    inbox_id   bigint,
    service    text NOT NULL,
    position   integer NOT NULL,
    item       jsonb NOT NULL,
    error_code integer NOT NULL,
    error_text text NOT NULL,
    correlation uuid,
    rejected_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    settled_at timestamptz
);
CREATE INDEX IF NOT EXISTS rejected_item_open ON k2bridge.rejected_item (id) WHERE settled_at IS NULL;
CREATE INDEX IF NOT EXISTS rejected_item_correlation ON k2bridge.rejected_item (correlation);
CREATE INDEX IF NOT EXISTS rejected_item_item ON k2bridge.rejected_item USING gin (item jsonb_path_ops);
COMMENT ON TABLE k2bridge.rejected_item IS 'Every refused item of a batch; k2bridge.replay(id) runs it again.';
COMMENT ON COLUMN k2bridge.rejected_item.position IS 'position in the payload, from 1';
COMMENT ON COLUMN k2bridge.rejected_item.settled_at IS 'when a replay succeeded or a person dismissed it';
COMMENT ON COLUMN k2bridge.rejected_item.id IS 'number for k2bridge.replay';
COMMENT ON COLUMN k2bridge.rejected_item.inbox_id IS 'request it came with, null outside the listener';
COMMENT ON COLUMN k2bridge.rejected_item.service IS 'service that refused it';
COMMENT ON COLUMN k2bridge.rejected_item.item IS 'the item as received';
COMMENT ON COLUMN k2bridge.rejected_item.error_code IS 'code answered';
COMMENT ON COLUMN k2bridge.rejected_item.error_text IS 'text answered';
COMMENT ON COLUMN k2bridge.rejected_item.correlation IS 'the story it belongs to';
COMMENT ON COLUMN k2bridge.rejected_item.rejected_at IS 'when';

CREATE TABLE IF NOT EXISTS k2bridge.audit (
    id          bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor       name NOT NULL,
    client      name,
    correlation uuid,
    object      text NOT NULL,
    key         text,
    action      text NOT NULL,
    old         jsonb,
    new         jsonb,
    note        text
);
CREATE INDEX IF NOT EXISTS audit_correlation ON k2bridge.audit (correlation);
CREATE INDEX IF NOT EXISTS audit_key ON k2bridge.audit (object, key);
COMMENT ON TABLE k2bridge.audit IS 'Who changed what, insert-only.';
COMMENT ON COLUMN k2bridge.audit.id IS 'in order of time';
COMMENT ON COLUMN k2bridge.audit.at IS 'when';
COMMENT ON COLUMN k2bridge.audit.actor IS 'role that acted';
COMMENT ON COLUMN k2bridge.audit.client IS 'API client, null outside the listener';
COMMENT ON COLUMN k2bridge.audit.correlation IS 'the story it belongs to';
COMMENT ON COLUMN k2bridge.audit.object IS 'table or function';
COMMENT ON COLUMN k2bridge.audit.key IS 'key of the row, argument of the function';
COMMENT ON COLUMN k2bridge.audit.action IS 'what was done';
COMMENT ON COLUMN k2bridge.audit.old IS 'row before';
COMMENT ON COLUMN k2bridge.audit.new IS 'row after, or what was asked for';
COMMENT ON COLUMN k2bridge.audit.note IS 'why';
CREATE OR REPLACE TRIGGER insert_only BEFORE UPDATE OR DELETE ON k2bridge.audit
    FOR EACH ROW EXECUTE FUNCTION k2bridge.audit_refuse();
CREATE OR REPLACE TRIGGER no_truncate BEFORE TRUNCATE ON k2bridge.audit
    FOR EACH STATEMENT EXECUTE FUNCTION k2bridge.audit_refuse();
$setup_tables$),
(6, $setup_tables$

-- What the dispatcher knows of the servers, for people and for its next start.
CREATE TABLE IF NOT EXISTS k2bridge.server_state (
    server name NOT NULL,
    host   text NOT NULL,
    state  text NOT NULL CHECK (state IN ('open', 'stopped')),
    reason text NOT NULL,
    since  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (server, host)
);
COMMENT ON TABLE k2bridge.server_state IS 'Servers that do not answer (open) or were stopped (credentials, certificate, address); empty when all is well.';
COMMENT ON COLUMN k2bridge.server_state.server IS 'foreign server';
COMMENT ON COLUMN k2bridge.server_state.host IS 'host of its address';
COMMENT ON COLUMN k2bridge.server_state.state IS 'open or stopped';
COMMENT ON COLUMN k2bridge.server_state.since IS 'when that began';
COMMENT ON COLUMN k2bridge.server_state.reason IS 'what the bank or the network said';

CREATE TABLE IF NOT EXISTS k2bridge.address (
    server    name NOT NULL,
    endpoint  text NOT NULL,
    url       text NOT NULL,
    worked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (server, endpoint, url)
);
COMMENT ON TABLE k2bridge.address IS 'Addresses that answered well once: a 404 there speaks of the request, not of a mistyped address.';
COMMENT ON COLUMN k2bridge.address.endpoint IS 'k2bridge.endpoint.name';
COMMENT ON COLUMN k2bridge.address.server IS 'foreign server';
COMMENT ON COLUMN k2bridge.address.url IS 'address without query';
COMMENT ON COLUMN k2bridge.address.worked_at IS 'when it first answered well';

CREATE TABLE IF NOT EXISTS k2bridge.lineage (
    singleton         boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    system_identifier text NOT NULL,
    timeline          text NOT NULL,
    database          oid NOT NULL,
    at                timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE k2bridge.lineage IS 'Cluster and timeline in which a dispatcher last ran; another one means promotion, recovery or copy.';
COMMENT ON COLUMN k2bridge.lineage.singleton IS 'one row';
COMMENT ON COLUMN k2bridge.lineage.system_identifier IS 'of the cluster';
COMMENT ON COLUMN k2bridge.lineage.timeline IS 'timeline of the cluster';
COMMENT ON COLUMN k2bridge.lineage.database IS 'OID of the database';
COMMENT ON COLUMN k2bridge.lineage.at IS 'when a dispatcher last noted it';
$setup_tables$),
(7, $setup_tables$

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
$setup_tables$),
(8, $setup_tables$

-- Commands that the scheduler runs.
CREATE TABLE IF NOT EXISTS k2bridge.schedule (
    name              text PRIMARY KEY,
    command           text NOT NULL CHECK (command ~ '\S'),
    every             interval NOT NULL CHECK (every BETWEEN '1 second' AND '10 years'),
    at                time,
    run_as            name NOT NULL,
    enabled           boolean NOT NULL DEFAULT true,
    statement_timeout interval CHECK (statement_timeout >= '0'),
    last_run          timestamptz,
    last_outcome      text,
    last_duration     interval,
    next_run          timestamptz NOT NULL
);
COMMENT ON TABLE k2bridge.schedule IS 'Commands that the scheduler runs, one after the other, each in a transaction of its own. Written by the owner of the tables only.';
COMMENT ON COLUMN k2bridge.schedule.name IS 'what it is called in k2bridge.status, problems and the log';
COMMENT ON COLUMN k2bridge.schedule.command IS 'SQL, schema-qualified (search_path is empty); no transaction control';
COMMENT ON COLUMN k2bridge.schedule.every IS 'interval between runs; missed runs are not made up for';
COMMENT ON COLUMN k2bridge.schedule.at IS 'time of day in k2bridge.timezone from which the interval counts; null: counts from the former run';
COMMENT ON COLUMN k2bridge.schedule.run_as IS 'role that runs it; the writer and the owner of the table must be members, and a superuser only where both are';
COMMENT ON COLUMN k2bridge.schedule.enabled IS 'false: never runs';
COMMENT ON COLUMN k2bridge.schedule.statement_timeout IS 'null: k2bridge.statement_timeout; 0: none';
COMMENT ON COLUMN k2bridge.schedule.last_run IS 'when it last began';
COMMENT ON COLUMN k2bridge.schedule.last_outcome IS '"ok", "running", or SQLSTATE and text of the error';
COMMENT ON COLUMN k2bridge.schedule.last_duration IS 'how long the last run took';
COMMENT ON COLUMN k2bridge.schedule.next_run IS 'when it runs next; set it to now() to run it at once';
CREATE OR REPLACE TRIGGER changed BEFORE INSERT OR UPDATE OF command, every, at, run_as ON k2bridge.schedule
    FOR EACH ROW EXECUTE FUNCTION k2bridge.owner_trigger('k2bridge.schedule_changed');
CREATE OR REPLACE TRIGGER wake AFTER INSERT OR UPDATE OR DELETE ON k2bridge.schedule
    FOR EACH STATEMENT EXECUTE FUNCTION k2bridge.owner_trigger('k2bridge.wake_scheduler');

INSERT INTO k2bridge.schedule (name, command, every, at, statement_timeout) VALUES
    ('abs.refresh_all_debts', 'SELECT abs.refresh_all_debts()', '6 hours', '05:00', '10 minutes'),
    ('abs.reconcile', 'SELECT abs.reconcile()', '1 day', '07:00', NULL),
    ('abs.push_exclusions', 'SELECT abs.push_exclusions()', '1 day', '08:00', NULL),
    ('k2bridge.note_servers', 'SELECT k2bridge.note_servers()', '5 minutes', '00:01', NULL),
    ('k2bridge.maintain', 'SELECT k2bridge.maintain()', '1 day', '03:00', '0')
ON CONFLICT (name) DO NOTHING;
$setup_tables$),
(9, $setup_tables$

-- The first daily partitions; the schedule makes the next ones.
SELECT k2bridge.make_partitions();
$setup_tables$),
(10, $setup_tables$

-- One row per worker and per server.
CREATE OR REPLACE VIEW k2bridge.status AS
SELECT w.kind, w.name, w.pid, w.state, w.since, w.last_error, w.last_error_at, w.hint
  FROM k2bridge.workers() w
UNION ALL
SELECT 'server', s.srvname::text, NULL,
       CASE WHEN p.at IS NOT NULL THEN 'paused' ELSE coalesce(t.state, 'ready') END,
       coalesce(p.at, t.since), t.reason, t.since,
       CASE WHEN p.at IS NOT NULL THEN concat_ws(': ', format('paused by %s', p.by), p.note) END
  FROM pg_catalog.pg_foreign_server s
  JOIN pg_catalog.pg_foreign_data_wrapper f ON f.oid = s.srvfdw AND f.fdwname = 'k2bridge'
  LEFT JOIN LATERAL (SELECT h.server, h.at, h.by, h.note FROM k2bridge.paused h
                      WHERE h.endpoint IS NULL AND (h.server IS NULL OR h.server = s.srvname)
                        AND (h.until IS NULL OR h.until > now())
                      ORDER BY h.server NULLS LAST LIMIT 1) p ON true
  LEFT JOIN LATERAL (SELECT x.state, x.since, x.reason FROM k2bridge.server_state x
                      WHERE x.server = s.srvname ORDER BY x.state = 'stopped' DESC, x.since LIMIT 1) t ON true;
COMMENT ON VIEW k2bridge.status IS 'One row per worker and server: what it does, since when, its last error and what to do about it.';
COMMENT ON COLUMN k2bridge.status.kind IS 'launcher, dispatcher, scheduler, listener or server';
COMMENT ON COLUMN k2bridge.status.name IS 'database of the worker, or name of the server';
COMMENT ON COLUMN k2bridge.status.pid IS 'process, null when none runs';
COMMENT ON COLUMN k2bridge.status.state IS 'running, waiting, pausing after an error, not running; servers: ready, open (does not answer), stopped, paused';
COMMENT ON COLUMN k2bridge.status.since IS 'start of the process, or of the state of the server';
COMMENT ON COLUMN k2bridge.status.last_error IS 'empty when all is well';
COMMENT ON COLUMN k2bridge.status.last_error_at IS 'when last_error first happened';
COMMENT ON COLUMN k2bridge.status.hint IS 'what to do';
$setup_tables$),
(11, $setup_tables$

-- Dictionaries of К2 (wire/k2.md section 7): seeded once, then the bank's. Titles are wire texts.
CREATE TABLE IF NOT EXISTS k2.system (
    code     text PRIMARY KEY,
    kind     text NOT NULL CHECK (kind IN ('colvir', 'way4')),
    server   name,
    debt_key text NOT NULL DEFAULT 'contract_number' CHECK (debt_key IN ('contract_number', 'iban'))
);
COMMENT ON TABLE k2.system IS 'What a loan''s system code means; a code without a row is stored with the loan and shown in k2.loan_dossier.';
COMMENT ON COLUMN k2.system.code IS 'system as the bank sends it';
COMMENT ON COLUMN k2.system.kind IS 'colvir: asked by dep_id and id; way4: asked by debt_key';
COMMENT ON COLUMN k2.system.server IS 'foreign server of its calls; null: the one that has the option needed';
COMMENT ON COLUMN k2.system.debt_key IS 'which column of the loan travels as contract_number when Way4 is asked for a debt';
INSERT INTO k2.system (code, kind) VALUES ('colvir', 'colvir'), ('way4', 'way4') ON CONFLICT DO NOTHING;

CREATE TABLE IF NOT EXISTS k2.currency (
    id    integer GENERATED BY DEFAULT AS IDENTITY (START WITH 100) UNIQUE,
    code  text PRIMARY KEY CHECK (code ~ '^[A-Z]{3}$'),
    title text
);
COMMENT ON TABLE k2.currency IS 'Currencies; a loan may name one that is not here.';
COMMENT ON COLUMN k2.currency.id IS 'cur_id of k2extreq_by_dbz';
COMMENT ON COLUMN k2.currency.code IS 'ISO 4217 letters';
COMMENT ON COLUMN k2.currency.title IS 'name for people';
INSERT INTO k2.currency (id, code, title) VALUES
    (1, 'KZT', 'Тенге'), (2, 'USD', 'Доллар США'), (3, 'EUR', 'Евро'), (4, 'RUB', 'Российский рубль') ON CONFLICT DO NOTHING;

CREATE TABLE IF NOT EXISTS k2.bank (
    id           integer GENERATED BY DEFAULT AS IDENTITY (START WITH 1000) UNIQUE,
    bic          text PRIMARY KEY,
    name         text,
    bin          text CHECK (bin ~ '^[0-9]{12}$'),
    header_paper text,
    iban_code    text CHECK (iban_code ~ '^[0-9]{3}$')
);
COMMENT ON TABLE k2.bank IS 'Banks that payment requests go to.';
COMMENT ON COLUMN k2.bank.id IS 'bank_id of k2extreq_by_dbz';
COMMENT ON COLUMN k2.bank.bic IS 'BIC, 8 characters (ISO 9362)';
COMMENT ON COLUMN k2.bank.name IS 'name, where known';
COMMENT ON COLUMN k2.bank.bin IS 'BIN';
COMMENT ON COLUMN k2.bank.header_paper IS 'salutation to the head of the bank on the paper form, HTML';
COMMENT ON COLUMN k2.bank.iban_code IS 'characters 5 to 7 of its IBANs';
INSERT INTO k2.bank (id, bic, name, iban_code) VALUES
    (1, 'HSBKKZKX', 'Народный Банк', '601'), (2, 'CASPKZKA', 'Kaspi Bank', '722'), (3, 'KINCKZKA', 'Bank RBK', '821'),
    (4, 'KPSTKZKA', 'Казпочта', '563'), (5, 'TSESKZKA', 'First Heartland Jusan Bank', '998'),
    (6, 'IRTYKZKA', 'ForteBank', '965'), (7, 'NURSKZKX', 'Нурбанк', '849'),
    (8, 'KCJBKZKX', NULL, '856'), (9, 'EURIKZKA', NULL, '948'), (10, 'ATYNKZKA', NULL, '949'), (11, 'HCSKKZKA', NULL, '972'),
    (12, 'INLMKZKA', NULL, '886'), (13, 'BRKEKZKA', NULL, '914'), (14, 'KSNVKZKA', NULL, '551'), (15, 'SHBKKZKA', NULL, '435'),
    (16, 'VTBAKZKZ', NULL, '432'), (17, 'ZAJSKZ22', NULL, '896'), (18, 'HLALKZKZ', NULL, '246'), (19, 'ICBKKZKX', NULL, '930'),
    (20, 'BKCHKZKA', NULL, '913'), (21, 'CITIKZKA', NULL, '832'), (22, 'KZIBKZKA', NULL, '885'), (23, 'DVKAKZKA', NULL, '907'),
    (24, 'EABRKZKA', NULL, '700'), (25, 'NBRKKZKX', NULL, '125'), (26, 'KKMFKZ2A', NULL, '070'), (27, 'GCVPKZ2A', NULL, '009')
    ON CONFLICT DO NOTHING;

CREATE TABLE IF NOT EXISTS k2.return_reason (
    code  text PRIMARY KEY,
    title text NOT NULL
);
COMMENT ON TABLE k2.return_reason IS 'Reasons of recall and return of payment requests, one dictionary for all services (wire/k2.md section 7.2).';
COMMENT ON COLUMN k2.return_reason.code IS 'reason_code';
COMMENT ON COLUMN k2.return_reason.title IS 'as documented';
INSERT INTO k2.return_reason (code, title) VALUES
    ('01', 'Закрытие счета'),
    ('01_1', 'Закрытие счета бенефициара (получателя)'),
    ('02', 'Погашение другим инкассовым распоряжением'),
    ('03', 'Неверные реквизиты отправителя денег'),
    ('04', 'Несоответствие ЕКНП'),
    ('05', 'Несоответствие КБК'),
    ('06', 'погашение'),
    ('07', 'другая причина'),
    ('08', 'Несоответствие КОд'),
    ('09', 'Несоответствие КБе'),
    ('10', 'Возврат электронного ИР на основании отзыва поступившего на бумажном носителе'),
    ('11', 'Возврат по спецсчету'),
    ('12', 'В связи с ликвидацией/банкротством'),
    ('88', 'В связи с решением суда'),
    ('95', 'Неверный ключ счета банка бенефициара'),
    ('96', 'Введено ошибочно дважды'),
    ('97', 'Возвращено банком бенефициара'),
    ('98', 'Отказ в оплате, недостаточно средств на карте'),
    ('99', 'По истечению срока')
    ON CONFLICT DO NOTHING;

-- 2008 is documented; the other ids are this extension's own and stable.
CREATE TABLE IF NOT EXISTS k2.extreq_stat (
    id         integer PRIMARY KEY,
    title      text NOT NULL UNIQUE,
    actual     boolean NOT NULL,
    can_edit   boolean NOT NULL,
    can_recall boolean NOT NULL
);
COMMENT ON TABLE k2.extreq_stat IS 'Statuses of an outgoing payment request (wire/k2.md section 7.1), and the own status «Исполнен».';
COMMENT ON COLUMN k2.extreq_stat.id IS 'stat_id';
COMMENT ON COLUMN k2.extreq_stat.title IS 'as documented';
COMMENT ON COLUMN k2.extreq_stat.actual IS 'the request is alive in the other bank or on its way there';
COMMENT ON COLUMN k2.extreq_stat.can_edit IS 'may still be changed';
COMMENT ON COLUMN k2.extreq_stat.can_recall IS 'may be recalled';
INSERT INTO k2.extreq_stat (id, title, actual, can_edit, can_recall) VALUES
    (2001, 'Введен', false, true, false),
    (2002, 'Зарегистрирован', true, false, false),
    (2003, 'Отправлен', true, false, false),
    (2004, 'Принята банком', true, false, false),
    (2005, 'Принята в картотеку банка', true, false, true),
    (2006, 'Отозван', false, false, false),
    (2007, 'Возвращен', false, false, false),
    (2008, 'Сформирован на бумажном носителе', true, false, true),
    (2009, 'Отказан', false, false, false),
    (2010, 'Исполнен', false, false, false)
    ON CONFLICT DO NOTHING;

CREATE TABLE IF NOT EXISTS k2.req_stat (
    id             integer PRIMARY KEY,
    title          text NOT NULL UNIQUE,
    can_edit       boolean NOT NULL,
    can_recall     boolean NOT NULL,
    mt_return_code text NOT NULL,
    status         text UNIQUE
);
COMMENT ON TABLE k2.req_stat IS 'Statuses of an incoming payment request as people know them (wire/k2.md section 7.1).';
COMMENT ON COLUMN k2.req_stat.id IS 'own stable number';
COMMENT ON COLUMN k2.req_stat.title IS 'as documented';
COMMENT ON COLUMN k2.req_stat.can_edit IS 'may still be changed';
COMMENT ON COLUMN k2.req_stat.can_recall IS 'may be recalled';
COMMENT ON COLUMN k2.req_stat.mt_return_code IS 'code of the MT message that answers a recall in this status';
COMMENT ON COLUMN k2.req_stat.status IS 'k2.req.status with this title';
INSERT INTO k2.req_stat (id, title, can_edit, can_recall, mt_return_code, status) VALUES
    (1, 'Введен', true, false, '05', 'new'),
    (2, 'Импортирован', false, false, '05', NULL),
    (3, 'На ручной обработке', true, false, '05', NULL),
    (4, 'На доработке', true, false, '05', NULL),
    (5, 'не принято/неправильные реквизиты', false, false, '05', 'refused'),
    (6, 'Принято к исполнению', false, false, '08', 'accepted'),
    (7, 'Принята картотека', false, true, '08', 'in_card_index'),
    (8, 'Приостановлена пользователем', false, true, '08', NULL),
    (9, 'Исполнено', false, false, '07', 'executed'),
    (10, 'Возвращено банком', false, false, '06', 'returned'),
    (11, 'Отозвано', false, false, '06', 'recalled')
    ON CONFLICT DO NOTHING;

CREATE TABLE IF NOT EXISTS k2.knp (
    id    integer GENERATED BY DEFAULT AS IDENTITY (START WITH 1000) UNIQUE,
    code  text PRIMARY KEY CHECK (code ~ '^[0-9]{3}$'),
    title text NOT NULL
);
COMMENT ON TABLE k2.knp IS 'Payment-purpose codes (КНП).';
COMMENT ON COLUMN k2.knp.id IS 'knp_id of k2extreq_by_dbz';
COMMENT ON COLUMN k2.knp.code IS 'three digits';
COMMENT ON COLUMN k2.knp.title IS 'name, without the code';
INSERT INTO k2.knp (id, code, title) VALUES (290, '423', 'Погашение долгосрочных займов (более одного года)')
    ON CONFLICT DO NOTHING;

CREATE TABLE IF NOT EXISTS k2.app_user (
    id          integer GENERATED BY DEFAULT AS IDENTITY (START WITH 100) PRIMARY KEY,
    login       text NOT NULL UNIQUE,
    name        text NOT NULL,
    footer_text text
);
COMMENT ON TABLE k2.app_user IS 'People who work with К2; login is the database role. One fixed row stands for the system.';
COMMENT ON COLUMN k2.app_user.id IS 'created_by, updated_by of k2extreq_by_dbz';
COMMENT ON COLUMN k2.app_user.login IS 'login, equal to the database role';
COMMENT ON COLUMN k2.app_user.name IS 'name for people';
COMMENT ON COLUMN k2.app_user.footer_text IS 'signature block of the paper form, HTML';
INSERT INTO k2.app_user (id, login, name) VALUES (1, 'system', 'system user') ON CONFLICT DO NOTHING;

CREATE TABLE IF NOT EXISTS k2.reg (
    id         bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    title      text,
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE k2.reg IS 'Registries: outgoing payment requests grouped for paper or dispatch.';
COMMENT ON COLUMN k2.reg.id IS 'reg_id';
COMMENT ON COLUMN k2.reg.title IS 'name; null: the number';
COMMENT ON COLUMN k2.reg.created_at IS 'when it was opened';

CREATE TABLE IF NOT EXISTS k2.transit_account (
    id   integer GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    code text NOT NULL UNIQUE,
    cur  text
);
COMMENT ON TABLE k2.transit_account IS 'Our accounts to which other banks send what they collect.';
COMMENT ON COLUMN k2.transit_account.id IS 'transitacc_id';
COMMENT ON COLUMN k2.transit_account.code IS 'IBAN';
COMMENT ON COLUMN k2.transit_account.cur IS 'currency';
$setup_tables$),
(12, $setup_tables$

-- Clients, loans, history of debts, accounts in other banks.
CREATE TABLE IF NOT EXISTS k2.client (
    id                    bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    iin                   text NOT NULL UNIQUE CHECK (iin ~ '^[0-9]{12}$'),
    name                  text,
    exclusions_changed_at timestamptz
);
COMMENT ON TABLE k2.client IS 'Borrowers: one row per IIN or BIN of a loan or an exclusion, kept by triggers.';
COMMENT ON COLUMN k2.client.id IS 'cli_id of k2extreq_by_dbz';
COMMENT ON COLUMN k2.client.iin IS 'IIN or BIN';
COMMENT ON COLUMN k2.client.name IS 'name as last pushed; null while only an exclusion names the client';
COMMENT ON COLUMN k2.client.exclusions_changed_at IS 'written by every change of an exclusion of this client, so that it conflicts with k2.lock_exclusions()';

CREATE TABLE IF NOT EXISTS k2.ext_account (
    id        bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    code      text NOT NULL,
    name      text,
    bank_code text NOT NULL,
    client_id bigint REFERENCES k2.client,
    UNIQUE (code, bank_code)
);
CREATE INDEX IF NOT EXISTS ext_account_client ON k2.ext_account (client_id);
COMMENT ON TABLE k2.ext_account IS 'Accounts of borrowers in other banks.';
COMMENT ON COLUMN k2.ext_account.id IS 'extacc_id of k2extreq_by_dbz';
COMMENT ON COLUMN k2.ext_account.code IS 'IBAN';
COMMENT ON COLUMN k2.ext_account.name IS 'title of the account';
COMMENT ON COLUMN k2.ext_account.bank_code IS 'BIC of the bank';
COMMENT ON COLUMN k2.ext_account.client_id IS 'its holder';

CREATE TABLE IF NOT EXISTS k2.loan (
    id                  bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    system              text NOT NULL CHECK (system <> ''),
    contract_number     text NOT NULL CHECK (contract_number <> ''),
    dbz_contract_number text NOT NULL CHECK (dbz_contract_number <> ''),
    dbz_dt              date,
    iinbin              text NOT NULL CONSTRAINT loan_iinbin_check CHECK (iinbin ~ '^[0-9]{12}$'),
    fullname            text NOT NULL,
    iban                text,
    cur                 text NOT NULL,
    debt                numeric(20,2) NOT NULL,
    overdue_days        integer NOT NULL,
    problemfl           integer,
    segment             text CHECK (char_length(segment) <= 20),
    abs_dep_id          bigint,
    abs_id              bigint,
    dea_dord            date,
    dea_dep_id          bigint,
    dea_id              bigint,
    dea_code            text,
    request_id          bigint,
    received_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    synced_at           timestamptz DEFAULT clock_timestamp(),
    debt_source         text NOT NULL DEFAULT 'manual',
    extra               jsonb,
    -- In this order, so that the key also serves a search by contract_number alone.
    CONSTRAINT loan_contract_number_system_key UNIQUE (contract_number, system)
) WITH (fillfactor = 85);
CREATE INDEX IF NOT EXISTS loan_dbz ON k2.loan (dbz_contract_number, dbz_dt);
CREATE INDEX IF NOT EXISTS loan_iinbin ON k2.loan (iinbin, dbz_contract_number);
COMMENT ON TABLE k2.loan IS 'Overdue loans as the core systems pushed them; key (system, contract_number).';
COMMENT ON COLUMN k2.loan.id IS 'loan_id';
COMMENT ON COLUMN k2.loan.system IS 'code of the core system, see k2.system';
COMMENT ON COLUMN k2.loan.contract_number IS 'number of the contract in the core system';
COMMENT ON COLUMN k2.loan.dbz_contract_number IS 'number of the loan agreement (ДБЗ); finds payment requests and exclusions';
COMMENT ON COLUMN k2.loan.dbz_dt IS 'date of the loan agreement (ДБЗ)';
COMMENT ON COLUMN k2.loan.iinbin IS 'IIN or BIN of the borrower, 12 digits';
COMMENT ON COLUMN k2.loan.fullname IS 'name of the borrower';
COMMENT ON COLUMN k2.loan.iban IS 'the client''s account tied to the loan';
COMMENT ON COLUMN k2.loan.cur IS 'currency, ISO 4217 letters';
COMMENT ON COLUMN k2.loan.debt IS 'current debt; a negative one counts as 0';
COMMENT ON COLUMN k2.loan.overdue_days IS 'days overdue';
COMMENT ON COLUMN k2.loan.problemfl IS 'problem-loan flag';
COMMENT ON COLUMN k2.loan.segment IS 'business segment';
COMMENT ON COLUMN k2.loan.abs_dep_id IS 'wire dep_id: Colvir DEP_ID of the contract';
COMMENT ON COLUMN k2.loan.abs_id IS 'wire id: Colvir ID of the contract';
COMMENT ON COLUMN k2.loan.dea_dord IS 'date of the credit line';
COMMENT ON COLUMN k2.loan.dea_dep_id IS 'DEP_ID of the credit line';
COMMENT ON COLUMN k2.loan.dea_id IS 'ID of the credit line';
COMMENT ON COLUMN k2.loan.dea_code IS 'code of the credit line';
COMMENT ON COLUMN k2.loan.request_id IS 'sender''s number of the last push';
COMMENT ON COLUMN k2.loan.received_at IS 'last push by k2loan_from_eko';
COMMENT ON COLUMN k2.loan.synced_at IS 'when the debt was last confirmed';
COMMENT ON COLUMN k2.loan.debt_source IS 'who named the debt: a service, an endpoint, manual';
COMMENT ON COLUMN k2.loan.extra IS 'keys of the last push that have no column';

CREATE TABLE IF NOT EXISTS k2.loan_debt (
    loan_id bigint NOT NULL REFERENCES k2.loan ON DELETE CASCADE,
    at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    debt    numeric(20,2) NOT NULL,
    source  text NOT NULL,
    created_by  name,
    correlation uuid
);
CREATE INDEX IF NOT EXISTS loan_debt_loan_id ON k2.loan_debt (loan_id, at);
CREATE INDEX IF NOT EXISTS loan_debt_correlation ON k2.loan_debt (correlation);
COMMENT ON TABLE k2.loan_debt IS 'History of debts: a row for the first debt of a loan and for every change, kept by triggers.';
COMMENT ON COLUMN k2.loan_debt.loan_id IS 'k2.loan.id';
COMMENT ON COLUMN k2.loan_debt.at IS 'when it was learned';
COMMENT ON COLUMN k2.loan_debt.debt IS 'the debt from then on';
COMMENT ON COLUMN k2.loan_debt.source IS 'what named it: service, call, or manual';
COMMENT ON COLUMN k2.loan_debt.created_by IS 'role that acted';
COMMENT ON COLUMN k2.loan_debt.correlation IS 'the story it belongs to';

CREATE OR REPLACE TRIGGER debt_typed BEFORE UPDATE ON k2.loan
    FOR EACH ROW WHEN (OLD.debt IS DISTINCT FROM NEW.debt AND OLD.synced_at IS NOT DISTINCT FROM NEW.synced_at)
    EXECUTE FUNCTION k2bridge.owner_trigger('k2.loan_debt_typed');
CREATE OR REPLACE TRIGGER inserted AFTER INSERT ON k2.loan REFERENCING NEW TABLE AS inserted
    FOR EACH STATEMENT EXECUTE FUNCTION k2bridge.owner_trigger('k2.loan_inserted');
CREATE OR REPLACE TRIGGER updated AFTER UPDATE ON k2.loan REFERENCING OLD TABLE AS former NEW TABLE AS updated
    FOR EACH STATEMENT EXECUTE FUNCTION k2bridge.owner_trigger('k2.loan_updated');
$setup_tables$),
(13, $setup_tables$

-- Exclusions (bans): by loan, and the general list.
CREATE TABLE IF NOT EXISTS k2.loan_exclude (
    iin           text NOT NULL CHECK (iin ~ '^[0-9]{12}$'),
    dbz_num       text NOT NULL CHECK (dbz_num <> ''),
    is_on         boolean NOT NULL DEFAULT true,
    fio           text NOT NULL,
    title         text CHECK (char_length(title) <= 500),
    return_extreq boolean NOT NULL DEFAULT false,
    PRIMARY KEY (iin, dbz_num)
);
COMMENT ON TABLE k2.loan_exclude IS 'Bans on single loans; a loan may be banned before it is received.';
COMMENT ON COLUMN k2.loan_exclude.iin IS 'IIN of the client';
COMMENT ON COLUMN k2.loan_exclude.dbz_num IS 'number of the loan agreement (ДБЗ)';
COMMENT ON COLUMN k2.loan_exclude.is_on IS 'the ban holds';
COMMENT ON COLUMN k2.loan_exclude.fio IS 'name of the client';
COMMENT ON COLUMN k2.loan_exclude.title IS 'reason, note';
COMMENT ON COLUMN k2.loan_exclude.return_extreq IS 'switching it on recalls the outgoing payment requests of the loan';

CREATE TABLE IF NOT EXISTS k2.loan_exclude_hist (
    id      bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    iin     text NOT NULL,
    dbz_num text NOT NULL,
    code    text NOT NULL CHECK (code IN ('TURN_ON', 'TURN_OFF')),
    author  text NOT NULL,
    at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    title   text
);
CREATE INDEX IF NOT EXISTS loan_exclude_hist_loan ON k2.loan_exclude_hist (iin, dbz_num, id);
COMMENT ON TABLE k2.loan_exclude_hist IS 'Who switched a ban on a loan on and off.';
COMMENT ON COLUMN k2.loan_exclude_hist.id IS 'in order of time';
COMMENT ON COLUMN k2.loan_exclude_hist.iin IS 'IIN of the client';
COMMENT ON COLUMN k2.loan_exclude_hist.dbz_num IS 'number of the loan agreement (ДБЗ)';
COMMENT ON COLUMN k2.loan_exclude_hist.code IS 'TURN_ON or TURN_OFF';
COMMENT ON COLUMN k2.loan_exclude_hist.author IS '"system user" for an API client, else the role';
COMMENT ON COLUMN k2.loan_exclude_hist.at IS 'when';
COMMENT ON COLUMN k2.loan_exclude_hist.title IS 'reason given with it';

CREATE TABLE IF NOT EXISTS k2.exclusion (
    id         bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    iin        text NOT NULL CHECK (iin ~ '^[0-9]{12}$'),
    bank       text,
    iban       text,
    for_bank   boolean NOT NULL DEFAULT false,
    for_extreq boolean NOT NULL DEFAULT false,
    for_iban   boolean NOT NULL DEFAULT false,
    for_refuse boolean NOT NULL DEFAULT false,
    finish_dt  date,
    is_active  boolean NOT NULL DEFAULT true
);
CREATE INDEX IF NOT EXISTS exclusion_iin ON k2.exclusion (iin);
COMMENT ON TABLE k2.exclusion IS 'The general list of bans, pushed in full to ЕКО after every change. Rows are switched off, never deleted. The flags stand side by side: each one set is a ban of its own.';
COMMENT ON COLUMN k2.exclusion.id IS 'number of the ban';
COMMENT ON COLUMN k2.exclusion.iin IS 'IIN of the client it is about';
COMMENT ON COLUMN k2.exclusion.bank IS 'BIC of the bank meant by for_bank';
COMMENT ON COLUMN k2.exclusion.iban IS 'account meant by for_iban';
COMMENT ON COLUMN k2.exclusion.for_bank IS 'no payment request to the bank named';
COMMENT ON COLUMN k2.exclusion.for_extreq IS 'no outgoing payment request at all';
COMMENT ON COLUMN k2.exclusion.for_iban IS 'no payment request on the account named';
COMMENT ON COLUMN k2.exclusion.for_refuse IS 'no recall of payment requests';
COMMENT ON COLUMN k2.exclusion.finish_dt IS 'last day it holds; null: no end';
COMMENT ON COLUMN k2.exclusion.is_active IS 'false: switched off';

CREATE OR REPLACE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE ON k2.loan_exclude
    FOR EACH ROW EXECUTE FUNCTION k2bridge.owner_trigger('k2.loan_exclude_changed');
CREATE OR REPLACE TRIGGER changed AFTER INSERT OR UPDATE ON k2.exclusion
    FOR EACH ROW EXECUTE FUNCTION k2bridge.owner_trigger('k2.exclusion_changed');
CREATE OR REPLACE TRIGGER no_delete BEFORE DELETE OR TRUNCATE ON k2.exclusion
    FOR EACH STATEMENT EXECUTE FUNCTION k2bridge.owner_trigger('k2.exclusion_refuse_delete');

CREATE OR REPLACE VIEW k2.active_exclusion AS
    SELECT 'loan'::text AS kind, NULL::bigint AS id, e.iin, e.dbz_num, NULL::text AS bank, NULL::text AS iban, false AS for_bank,
           true AS for_extreq, false AS for_iban, false AS for_refuse, NULL::date AS finish_dt, e.fio, e.title
      FROM k2.loan_exclude e WHERE e.is_on
    UNION ALL
    SELECT 'general', x.id, x.iin, NULL, x.bank, x.iban, x.for_bank, x.for_extreq, x.for_iban, x.for_refuse, x.finish_dt,
           c.name, NULL
      FROM k2.exclusion x LEFT JOIN k2.client c ON c.iin = x.iin
     WHERE x.is_active AND (x.finish_dt IS NULL OR x.finish_dt >= k2.today());
COMMENT ON VIEW k2.active_exclusion IS 'Every ban in force today: on single loans and on the general list.';
COMMENT ON COLUMN k2.active_exclusion.kind IS 'loan (k2.loan_exclude) or general (k2.exclusion)';
COMMENT ON COLUMN k2.active_exclusion.id IS 'k2.exclusion.id';
COMMENT ON COLUMN k2.active_exclusion.iin IS 'IIN of the client';
COMMENT ON COLUMN k2.active_exclusion.dbz_num IS 'number of the loan agreement of a ban on a loan';
COMMENT ON COLUMN k2.active_exclusion.bank IS 'BIC meant by for_bank';
COMMENT ON COLUMN k2.active_exclusion.iban IS 'account meant by for_iban';
COMMENT ON COLUMN k2.active_exclusion.for_bank IS 'no payment request to the bank named';
COMMENT ON COLUMN k2.active_exclusion.for_extreq IS 'no outgoing payment request at all; of the loan, if it is a ban on a loan';
COMMENT ON COLUMN k2.active_exclusion.for_iban IS 'no payment request on the account named';
COMMENT ON COLUMN k2.active_exclusion.for_refuse IS 'no recall of payment requests';
COMMENT ON COLUMN k2.active_exclusion.finish_dt IS 'last day; null: no end';
COMMENT ON COLUMN k2.active_exclusion.fio IS 'name of the client';
COMMENT ON COLUMN k2.active_exclusion.title IS 'reason, note';
$setup_tables$),
(14, $setup_tables$

-- Files (scans of contracts) and the RZAP, the registers of loans that arrive with requests.
CREATE TABLE IF NOT EXISTS k2.file (
    id         bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    code       text NOT NULL DEFAULT 'CUST-' || gen_random_uuid() UNIQUE,
    name       text NOT NULL,
    mime       text NOT NULL,
    content    bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
-- Scans are compressed already; so pieces of them can be read without the rest.
ALTER TABLE k2.file ALTER content SET STORAGE EXTERNAL;
COMMENT ON TABLE k2.file IS 'Scans and other files, served by GET /restapi/getfile?code=….';
COMMENT ON COLUMN k2.file.id IS 'file_id of service I7';
COMMENT ON COLUMN k2.file.code IS '<directory>-<uuid>; whoever knows it may ask the listener for the file';
COMMENT ON COLUMN k2.file.name IS 'name under which it is offered for download';
COMMENT ON COLUMN k2.file.mime IS 'Content-Type';
COMMENT ON COLUMN k2.file.content IS 'the bytes';
COMMENT ON COLUMN k2.file.created_at IS 'when it was stored';

CREATE TABLE IF NOT EXISTS k2.rzap (
    refer       text PRIMARY KEY CHECK (refer <> ''),
    sender_bank text,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE k2.rzap IS 'RZAP: registers to a request, each listing loans whose scans arrive one by one.';
COMMENT ON COLUMN k2.rzap.refer IS 'reference of the RZAP';
COMMENT ON COLUMN k2.rzap.sender_bank IS 'BIC of the bank that sent it';
COMMENT ON COLUMN k2.rzap.received_at IS 'when it was stored';

CREATE TABLE IF NOT EXISTS k2.rzap_item (
    id      bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    refer   text NOT NULL REFERENCES k2.rzap ON DELETE CASCADE,
    iin     text NOT NULL CHECK (iin ~ '^[0-9]{12}$'),
    dbz_num text NOT NULL CHECK (dbz_num <> ''),
    dbz_dt  date NOT NULL,
    file_id bigint REFERENCES k2.file,
    UNIQUE (refer, iin, dbz_num, dbz_dt)
);
CREATE INDEX IF NOT EXISTS rzap_item_file_id ON k2.rzap_item (file_id) WHERE file_id IS NOT NULL;
COMMENT ON TABLE k2.rzap_item IS 'Lines of an RZAP, one per loan; they may concern different clients.';
COMMENT ON COLUMN k2.rzap_item.id IS 'order of the lines';
COMMENT ON COLUMN k2.rzap_item.refer IS 'the RZAP';
COMMENT ON COLUMN k2.rzap_item.iin IS 'IIN or BIN of the borrower';
COMMENT ON COLUMN k2.rzap_item.dbz_num IS 'number of the ДБЗ';
COMMENT ON COLUMN k2.rzap_item.dbz_dt IS 'date of the ДБЗ';
COMMENT ON COLUMN k2.rzap_item.file_id IS 'the scan; null until it arrives';
$setup_tables$),
(15, $setup_tables$

-- Incoming ПТ: requests of other banks against our clients, to be registered in the bank's system (O5).
CREATE TABLE IF NOT EXISTS k2.req (
    refer         text PRIMARY KEY CHECK (refer <> ''),
    accept_dt     date,
    doc_num       text,
    doc_at        date,
    iinbin        text NOT NULL CHECK (iinbin ~ '^[0-9]{12}$'),
    acc_fullname  text,
    ben_fullname  text,
    ben_bin       text,
    ben_iban      text,
    ben_kbe       text,
    amount        numeric(20,2) NOT NULL CHECK (amount >= 0),
    cur           text NOT NULL CHECK (cur <> ''),
    knp           text,
    dbz_num       text,
    dbz_dt        date,
    purpose       text,
    head          text,
    account       text,
    status        text NOT NULL DEFAULT 'new'
                  CHECK (status IN ('new', 'registered', 'accepted', 'in_card_index', 'executed', 'refused',
                                    'recalling', 'recalled', 'returning', 'returned')),
    reason_code   text REFERENCES k2.return_reason,
    former_status text CHECK (former_status IN ('new', 'registered', 'accepted', 'in_card_index', 'refused')),
    note          text,
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_by    name,
    updated_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_by    name,
    CHECK ((former_status IS NOT NULL) = (status IN ('recalling', 'returning'))),
    CHECK (reason_code IS NOT NULL OR status NOT IN ('recalling', 'returning'))
);
CREATE INDEX IF NOT EXISTS req_iinbin ON k2.req (iinbin);
CREATE INDEX IF NOT EXISTS req_dbz_num ON k2.req (dbz_num);
CREATE INDEX IF NOT EXISTS req_open ON k2.req (refer) WHERE status IN ('registered', 'accepted', 'in_card_index');
COMMENT ON TABLE k2.req IS
'Incoming ПТ. A row inserted with status new is registered in the bank''s system; setting recalling or returning asks the bank to recall or return it. Rows inserted in another status are history.';
COMMENT ON COLUMN k2.req.refer IS 'unique reference of the ПТ';
COMMENT ON COLUMN k2.req.accept_dt IS 'date it was received';
COMMENT ON COLUMN k2.req.doc_num IS 'number of the document';
COMMENT ON COLUMN k2.req.doc_at IS 'date of the document';
COMMENT ON COLUMN k2.req.iinbin IS 'IIN or BIN of the debtor, our client';
COMMENT ON COLUMN k2.req.acc_fullname IS 'title of the debtor''s account';
COMMENT ON COLUMN k2.req.ben_fullname IS 'beneficiary, the creditor bank';
COMMENT ON COLUMN k2.req.ben_bin IS 'BIN of the beneficiary';
COMMENT ON COLUMN k2.req.ben_iban IS 'account of the beneficiary';
COMMENT ON COLUMN k2.req.ben_kbe IS 'КБе, beneficiary code';
COMMENT ON COLUMN k2.req.amount IS 'amount of the ПТ';
COMMENT ON COLUMN k2.req.cur IS 'currency code';
COMMENT ON COLUMN k2.req.knp IS 'КНП, code of the payment''s purpose';
COMMENT ON COLUMN k2.req.dbz_num IS 'number of the ДБЗ';
COMMENT ON COLUMN k2.req.dbz_dt IS 'date of the ДБЗ';
COMMENT ON COLUMN k2.req.purpose IS 'purpose of the payment';
COMMENT ON COLUMN k2.req.head IS 'name of the creditor''s head';
COMMENT ON COLUMN k2.req.account IS 'name of the creditor''s chief accountant';
COMMENT ON COLUMN k2.req.status IS 'only moves forward; a refused recall or return puts former_status back';
COMMENT ON COLUMN k2.req.reason_code IS 'why it was recalled or returned';
COMMENT ON COLUMN k2.req.former_status IS 'while recalling or returning: the status to go back to when the bank refuses';
COMMENT ON COLUMN k2.req.note IS 'what the bank said when the status last changed';
COMMENT ON COLUMN k2.req.created_at IS 'when it was stored';
COMMENT ON COLUMN k2.req.created_by IS 'role that stored it';
COMMENT ON COLUMN k2.req.updated_at IS 'last change';
COMMENT ON COLUMN k2.req.updated_by IS 'role of the last change';

CREATE TABLE IF NOT EXISTS k2.req_event (
    id          bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    refer       text NOT NULL,
    kind        text NOT NULL,
    reason_code text,
    at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    source      text,
    correlation uuid,
    note        text
);
CREATE INDEX IF NOT EXISTS req_event_refer ON k2.req_event (refer, id);
CREATE INDEX IF NOT EXISTS req_event_correlation ON k2.req_event (correlation);
COMMENT ON TABLE k2.req_event IS 'Everything that happened to incoming ПТ, one row per change.';
COMMENT ON COLUMN k2.req_event.id IS 'order of the events';
COMMENT ON COLUMN k2.req_event.refer IS 'the ПТ';
COMMENT ON COLUMN k2.req_event.kind IS
'NEW, REGISTERED, PC1, PC3, EXECUTED, REFUSED, RECALLING, RECALLED, RETURNING, RETURNED; RECALL_REFUSED, RETURN_REFUSED: the former status is back; CHANGED: other columns';
COMMENT ON COLUMN k2.req_event.reason_code IS 'reason of a recall or return';
COMMENT ON COLUMN k2.req_event.at IS 'when';
COMMENT ON COLUMN k2.req_event.source IS 'API client, or the role that acted';
COMMENT ON COLUMN k2.req_event.correlation IS 'the story it belongs to';
COMMENT ON COLUMN k2.req_event.note IS 'what the bank said, or which columns changed';

CREATE OR REPLACE TRIGGER rules BEFORE INSERT OR UPDATE ON k2.req
    FOR EACH ROW EXECUTE FUNCTION k2bridge.owner_trigger('k2.req_rules');
CREATE OR REPLACE TRIGGER inserted AFTER INSERT ON k2.req REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION k2bridge.owner_trigger('k2.req_record_insert');
CREATE OR REPLACE TRIGGER updated AFTER UPDATE ON k2.req REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION k2bridge.owner_trigger('k2.req_record_update');
$setup_tables$),
(16, $setup_tables$

-- Outgoing ПТ: our requests to other banks, and where their references come from.
CREATE SEQUENCE IF NOT EXISTS k2.extreq_refer_ptp_seq;
COMMENT ON SEQUENCE k2.extreq_refer_ptp_seq IS 'Running number of the references PTP….';

CREATE TABLE IF NOT EXISTS k2.extreq_prefix (
    prefix     text PRIMARY KEY CHECK (prefix ~ '^[A-Z0-9]{1,8}$'),
    sequence   regclass NOT NULL,
    length     integer NOT NULL DEFAULT 16 CHECK (length BETWEEN 10 AND 35),
    is_default boolean NOT NULL DEFAULT false
);
CREATE UNIQUE INDEX IF NOT EXISTS extreq_prefix_default ON k2.extreq_prefix (is_default) WHERE is_default;
COMMENT ON TABLE k2.extreq_prefix IS 'Prefixes of references of outgoing ПТ, each with a running number; a row inserted without sequence gets a new one.';
COMMENT ON COLUMN k2.extreq_prefix.prefix IS 'how the references begin';
COMMENT ON COLUMN k2.extreq_prefix.sequence IS 'running number';
COMMENT ON COLUMN k2.extreq_prefix.length IS 'characters of a whole reference, zeros between prefix and number';
COMMENT ON COLUMN k2.extreq_prefix.is_default IS 'the prefix that new ПТ get';
CREATE OR REPLACE TRIGGER numbered BEFORE INSERT ON k2.extreq_prefix
    FOR EACH ROW EXECUTE FUNCTION k2bridge.owner_trigger('k2.extreq_prefix_numbered');
INSERT INTO k2.extreq_prefix (prefix, sequence, is_default)
    SELECT 'PTP', 'k2.extreq_refer_ptp_seq', NOT EXISTS (SELECT FROM k2.extreq_prefix p WHERE p.is_default)
    ON CONFLICT DO NOTHING;

CREATE TABLE IF NOT EXISTS k2.extreq (
    id             bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    code           text NOT NULL UNIQUE CHECK (code <> ''),
    loan_id        bigint NOT NULL CONSTRAINT k2extreq_loan_id_k2loan_fk REFERENCES k2.loan,
    bank_code      text NOT NULL CHECK (bank_code <> ''),
    extacc_code    text NOT NULL CHECK (extacc_code <> ''),
    cur            text NOT NULL CHECK (cur <> ''),
    amount         numeric(20,2) NOT NULL CHECK (amount > 0),
    paid_amount    numeric(20,2) NOT NULL DEFAULT 0,
    loan_debt      numeric(20,2) NOT NULL,
    knp            text NOT NULL,
    purpose        text NOT NULL,
    stat_id        integer NOT NULL REFERENCES k2.extreq_stat,
    former_stat_id integer REFERENCES k2.extreq_stat,
    reason_code    text REFERENCES k2.return_reason,
    reg_id         bigint REFERENCES k2.reg,
    transitacc_id  integer REFERENCES k2.transit_account,
    sys_uuid       uuid NOT NULL DEFAULT gen_random_uuid(),
    created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_by     name NOT NULL,
    updated_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_by     name NOT NULL
) WITH (fillfactor = 85);
CREATE INDEX IF NOT EXISTS extreq_loan_id ON k2.extreq (loan_id);
COMMENT ON TABLE k2.extreq IS
'Outgoing ПТ. loan_id, bank_code and extacc_code are enough to insert one; the rest is filled in. Refused while an exclusion covers it or the debt is old.';
COMMENT ON COLUMN k2.extreq.id IS 'id of service I4';
COMMENT ON COLUMN k2.extreq.code IS 'reference, from k2.extreq_prefix when not given';
COMMENT ON COLUMN k2.extreq.loan_id IS 'the loan whose debt is claimed';
COMMENT ON COLUMN k2.extreq.bank_code IS 'BIC of the bank it goes to';
COMMENT ON COLUMN k2.extreq.extacc_code IS 'the client''s account (IBAN) in that bank';
COMMENT ON COLUMN k2.extreq.cur IS 'currency, the loan''s when not given';
COMMENT ON COLUMN k2.extreq.amount IS 'amount claimed, the current debt when not given';
COMMENT ON COLUMN k2.extreq.paid_amount IS 'sum of the payments that are not reversed, kept by triggers';
COMMENT ON COLUMN k2.extreq.loan_debt IS 'debt of the loan when it was created';
COMMENT ON COLUMN k2.extreq.knp IS 'КНП, code of the payment''s purpose';
COMMENT ON COLUMN k2.extreq.purpose IS 'purpose of the payment, from the template when not given';
COMMENT ON COLUMN k2.extreq.stat_id IS 'status, see k2.extreq_stat; registered when not given';
COMMENT ON COLUMN k2.extreq.former_stat_id IS 'status before execution, put back when a payment is reversed';
COMMENT ON COLUMN k2.extreq.reason_code IS 'why it was recalled or returned';
COMMENT ON COLUMN k2.extreq.reg_id IS 'registry it belongs to';
COMMENT ON COLUMN k2.extreq.transitacc_id IS 'our account that receives the money; the only one of the currency when not given';
COMMENT ON COLUMN k2.extreq.sys_uuid IS 'sys$uuid of service I4';
COMMENT ON COLUMN k2.extreq.created_at IS 'when it was created';
COMMENT ON COLUMN k2.extreq.created_by IS 'role that created it, see k2.app_user';
COMMENT ON COLUMN k2.extreq.updated_at IS 'last change';
COMMENT ON COLUMN k2.extreq.updated_by IS 'role of the last change';

CREATE TABLE IF NOT EXISTS k2.extreq_event (
    id          bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    refer       text NOT NULL,
    kind        text NOT NULL,
    reason_code text,
    at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    source      text,
    correlation uuid,
    amount      numeric(20,2),
    note        text
);
CREATE INDEX IF NOT EXISTS extreq_event_refer ON k2.extreq_event (refer, id);
CREATE INDEX IF NOT EXISTS extreq_event_correlation ON k2.extreq_event (correlation);
COMMENT ON TABLE k2.extreq_event IS 'Everything that happened to outgoing ПТ, one row per change.';
COMMENT ON COLUMN k2.extreq_event.id IS 'order of the events';
COMMENT ON COLUMN k2.extreq_event.refer IS 'the ПТ';
COMMENT ON COLUMN k2.extreq_event.kind IS
'ENTERED, REGISTERED, SENT, PC1, PC3, PAPER, EXECUTED, RECALLED, RETURNED, REFUSED, STATUS (one of the bank''s own): the status it got; UNEXECUTED; PAID, REVERSED, UNPAID (payment removed); CHANGED: other columns';
COMMENT ON COLUMN k2.extreq_event.reason_code IS 'reason of a recall or return';
COMMENT ON COLUMN k2.extreq_event.at IS 'when';
COMMENT ON COLUMN k2.extreq_event.source IS 'API client, or the role that acted';
COMMENT ON COLUMN k2.extreq_event.correlation IS 'the story it belongs to';
COMMENT ON COLUMN k2.extreq_event.amount IS 'amount claimed or paid';
COMMENT ON COLUMN k2.extreq_event.note IS 'which payment, which columns, or why';

CREATE OR REPLACE TRIGGER filled BEFORE INSERT ON k2.extreq
    FOR EACH ROW EXECUTE FUNCTION k2bridge.owner_trigger('k2.extreq_filled');
CREATE OR REPLACE TRIGGER rules BEFORE UPDATE ON k2.extreq
    FOR EACH ROW EXECUTE FUNCTION k2bridge.owner_trigger('k2.extreq_rules');
CREATE OR REPLACE TRIGGER inserted AFTER INSERT ON k2.extreq REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION k2bridge.owner_trigger('k2.extreq_record_insert');
CREATE OR REPLACE TRIGGER updated AFTER UPDATE ON k2.extreq REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION k2bridge.owner_trigger('k2.extreq_record_update');
$setup_tables$),
(17, $setup_tables$

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
$setup_tables$),
(18, $setup_tables$
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
$setup_tables$),
(19, $setup_tables$

-- What is missing before a loan's dossier is complete (abs.loan_answer has the last answer for each part).
CREATE OR REPLACE VIEW k2.loan_dossier AS
    SELECT l.id AS loan_id, l.system, l.contract_number, l.dbz_contract_number, l.dbz_dt, l.iinbin, l.fullname,
           s.kind AS system_kind, p.client, p.accounts, p.statement, p.scan, p.debt, p.missing, p.why,
           cardinality(p.missing) = 0 AS ready
      FROM k2.loan l
      LEFT JOIN k2.system s ON s.code = l.system
     CROSS JOIN LATERAL (
        SELECT max(d.state) FILTER (WHERE d.part = 'client') AS client,
               max(d.state) FILTER (WHERE d.part = 'accounts') AS accounts,
               max(d.state) FILTER (WHERE d.part = 'statement') AS statement,
               max(d.state) FILTER (WHERE d.part = 'scan') AS scan,
               max(d.state) FILTER (WHERE d.part = 'debt') AS debt,
               coalesce(array_agg(d.part ORDER BY d.position) FILTER (WHERE d.answered_at IS NULL), '{}') AS missing,
               string_agg(d.part || ': ' || d.error_text, '; ' ORDER BY d.position) FILTER (WHERE d.error_text <> '') AS why
          FROM (SELECT w.part, w.position, a.answered_at, a.error_text, coalesce(a.outcome, 'waiting') AS state
                  FROM unnest('{client,accounts,statement,scan,debt}'::text[]) WITH ORDINALITY w (part, position)
                  LEFT JOIN abs.loan_answer a ON a.loan_id = l.id AND a.part = w.part) d) p;
COMMENT ON VIEW k2.loan_dossier IS 'What is known of each loan and what is missing before its dossier is complete.';
COMMENT ON COLUMN k2.loan_dossier.loan_id IS 'k2.loan.id';
COMMENT ON COLUMN k2.loan_dossier.system IS 'code of the core system';
COMMENT ON COLUMN k2.loan_dossier.contract_number IS 'number of the contract in the core system';
COMMENT ON COLUMN k2.loan_dossier.dbz_contract_number IS 'number of the loan agreement (ДБЗ)';
COMMENT ON COLUMN k2.loan_dossier.dbz_dt IS 'date of the loan agreement';
COMMENT ON COLUMN k2.loan_dossier.iinbin IS 'IIN or BIN of the borrower';
COMMENT ON COLUMN k2.loan_dossier.fullname IS 'name of the borrower';
COMMENT ON COLUMN k2.loan_dossier.system_kind IS 'colvir or way4; null: k2.system does not know the code, so its core system cannot be asked';
COMMENT ON COLUMN k2.loan_dossier.client IS 'O1: waiting, missing (the loan lacks what the call needs), or the outcome of the last call';
COMMENT ON COLUMN k2.loan_dossier.accounts IS 'O2, likewise';
COMMENT ON COLUMN k2.loan_dossier.statement IS 'O3, likewise; none: the bank has no disbursement line, which is an answer';
COMMENT ON COLUMN k2.loan_dossier.scan IS 'O4, likewise; none: the bank has no scan, which is an answer';
COMMENT ON COLUMN k2.loan_dossier.debt IS 'O8 or O9, likewise';
COMMENT ON COLUMN k2.loan_dossier.missing IS 'parts without an answer so far';
COMMENT ON COLUMN k2.loan_dossier.why IS 'what the last calls said, or which fields the loan lacks';
COMMENT ON COLUMN k2.loan_dossier.ready IS 'every part has been answered';
$setup_tables$),
(20, $setup_tables$
-- The calls to the core banking systems, O1 to O11 of wire/k2.md, and the read that verifies a registration.
-- What a bank tunes (enabled, priority, timeout, give_up_after, handler) is set once and never touched again.
INSERT INTO k2bridge.endpoint (name, server_type, method, url_option, body_kind, reply_family, delivery, priority,
                               handler, builder, verify, keep_reply, coalesces)
VALUES
    ('abs.get_cli', 'abs', 'GET', 'abs_get_cli_url', 'none', 'abs', 'at_least_once', 30,
     'abs.client_done', 'abs.wire_args', NULL, 'not_ok', false),
    ('abs.get_acc', 'abs', 'GET', 'abs_get_acc_url', 'none', 'abs', 'at_least_once', 30,
     'abs.accounts_done', 'abs.wire_args', NULL, 'not_ok', false),
    ('abs.get_acc_stmt_dt', 'abs', 'GET', 'abs_get_acc_stmt_dt_url', 'none', 'abs', 'at_least_once', 30,
     'abs.statement_done', 'abs.wire_args', NULL, 'not_ok', false),
    ('abs.get_pdf', 'abs', 'GET', 'abs_get_pdf_url', 'none', 'abs_file', 'at_least_once', 25,
     'abs.scan_done', 'abs.wire_args', NULL, 'not_ok', false),
    ('abs.reg_pt', 'abs', 'POST', 'abs_reg_pt_url', 'json', 'abs', 'at_most_once', 90,
     'abs.reg_pt_done', NULL, 'abs.verify_reg_pt', 'always', false),
    ('abs.refuse_pt', 'abs', 'POST', 'abs_refuse_pt_url', 'json', 'abs', 'at_most_once', 90,
     'abs.refuse_pt_done', NULL, NULL, 'always', false),
    ('abs.return_pt', 'abs', 'POST', 'abs_return_pt_url', 'json', 'abs', 'at_most_once', 90,
     'abs.return_pt_done', NULL, NULL, 'always', false),
    ('abs.verify_pt', 'abs', 'POST', 'get_all_pt_from_abs', 'json', 'abs_list', 'at_least_once', 95,
     'abs.verify_pt_done', 'abs.wire_args', NULL, 'not_ok', false),
    ('abs.colvir_get_loan_debt', 'abs', 'POST', 'colvir_get_loan_debt', 'json', 'abs_debt', 'at_least_once', 60,
     'abs.debt_done', 'abs.wire_args', NULL, 'not_ok', false),
    ('abs.way4_get_loan_debt', 'abs', 'POST', 'way4_get_loan_debt', 'json', 'abs_debt', 'at_least_once', 60,
     'abs.debt_done', 'abs.wire_args', NULL, 'not_ok', false),
    ('abs.get_all_pt', 'abs', 'POST', 'get_all_pt_from_abs', 'json', 'abs_list', 'at_least_once', 40,
     'abs.list_done', 'abs.wire_args', NULL, 'not_ok', false),
    ('abs.post_all_loan_exclude_to_eko', 'abs', 'POST', 'post_all_loan_exclude_to_eko', 'json', 'abs', 'at_least_once', 70,
     'abs.exclusions_done', 'abs.exclusion_list', NULL, 'not_ok', true)
ON CONFLICT (name) DO UPDATE
   SET server_type = excluded.server_type, method = excluded.method, url_option = excluded.url_option,
       path = excluded.path, body_kind = excluded.body_kind, reply_family = excluded.reply_family,
       delivery = excluded.delivery, builder = excluded.builder, verify = excluded.verify,
       coalesces = excluded.coalesces;
$setup_tables$),
(21, $setup_tables$
-- Triggers that queue calls. Within one event triggers fire by name: these after those that record what happened.
CREATE OR REPLACE TRIGGER queue_dossier AFTER INSERT ON k2.loan REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION k2bridge.owner_trigger('abs.loan_inserted');
CREATE OR REPLACE TRIGGER queue_dossier_again AFTER UPDATE ON k2.loan REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION k2bridge.owner_trigger('abs.loan_updated');
CREATE OR REPLACE TRIGGER queue_dossiers AFTER INSERT ON k2.system REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION k2bridge.owner_trigger('abs.system_known');
CREATE OR REPLACE TRIGGER queue_registration AFTER INSERT ON k2.req REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION k2bridge.owner_trigger('abs.req_inserted');
CREATE OR REPLACE TRIGGER withdraw AFTER UPDATE ON k2.req REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION k2bridge.owner_trigger('abs.req_withdrawn');
CREATE OR REPLACE TRIGGER queue_push_of_new AFTER INSERT ON k2.exclusion REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION k2bridge.owner_trigger('abs.exclusions_changed');
CREATE OR REPLACE TRIGGER queue_push_of_changed AFTER UPDATE ON k2.exclusion REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION k2bridge.owner_trigger('abs.exclusions_changed');
$setup_tables$),
(22, $setup_tables$

-- The month-end check, and what needs a person. Open is what may still bring money: an outgoing ПТ in a status that
-- k2.extreq_stat calls actual, an incoming one that the bank has registered, accepted or put into its card index.
CREATE OR REPLACE VIEW k2.discrepancy AS
WITH open_extreq AS (
    SELECT e.code, e.loan_id, e.bank_code, e.extacc_code, e.cur, e.amount, e.paid_amount, e.created_at, l.debt, l.iinbin
      FROM k2.extreq e
      JOIN k2.extreq_stat s ON s.id = e.stat_id AND s.actual
      JOIN k2.loan l ON l.id = e.loan_id
), open_req AS (
    SELECT r.refer, r.amount, r.cur, coalesce(r.accept_dt, k2.local_date(r.created_at)) AS since
      FROM k2.req r WHERE r.status IN ('registered', 'accepted', 'in_card_index')
), known AS (
    SELECT r.refer, NULL::bigint AS loan_id, r.amount, r.cur FROM k2.req r
    UNION ALL
    SELECT e.code, e.loan_id, e.amount, e.cur FROM k2.extreq e
)
SELECT 'above_debt' AS kind, o.code AS refer, o.loan_id, o.amount, o.paid_amount, o.debt, NULL::numeric(20,2) AS abs_amount,
       format('claims %s, the debt is %s', o.amount - o.paid_amount, o.debt) AS text
  FROM open_extreq o WHERE o.debt > 0 AND o.amount - o.paid_amount > o.debt
UNION ALL
SELECT 'no_debt', o.code, o.loan_id, o.amount, o.paid_amount, o.debt, NULL, 'open although there is no debt'
  FROM open_extreq o WHERE o.debt <= 0
UNION ALL
SELECT 'banned', o.code, o.loan_id, o.amount, o.paid_amount, o.debt, NULL, 'open under an active exclusion of IIN ' || o.iinbin
  FROM open_extreq o WHERE k2.is_excluded(o.loan_id, o.bank_code, o.extacc_code)
UNION ALL
SELECT 'older_than_year', o.code, o.loan_id, o.amount, o.paid_amount, o.debt, NULL,
       'open since ' || to_char(k2.local_date(o.created_at), 'YYYY-MM-DD')
  FROM open_extreq o WHERE k2.local_date(o.created_at) < k2.today() - interval '1 year'
UNION ALL
SELECT 'older_than_year', o.refer, NULL, o.amount, NULL, NULL, NULL, 'open since ' || to_char(o.since, 'YYYY-MM-DD')
  FROM open_req o WHERE o.since < k2.today() - interval '1 year'
UNION ALL
SELECT 'paid_differs', e.code, e.loan_id, e.amount, e.paid_amount, NULL, NULL,
       format('paid_amount is %s, its payments add up to %s', e.paid_amount, coalesce(p.paid, 0.00))
  FROM k2.extreq e
  LEFT JOIN (SELECT p.refer, sum(p.amount) AS paid FROM k2.extreq_pay p WHERE p.reversed_at IS NULL GROUP BY p.refer) p
    ON p.refer = e.code
 WHERE e.paid_amount <> coalesce(p.paid, 0)
UNION ALL
SELECT 'not_in_abs', o.refer, NULL, o.amount, NULL, NULL, NULL, 'open here, not in the list of the ABS'
  FROM open_req o WHERE NOT EXISTS (SELECT FROM abs.payment_request a WHERE a.refer = o.refer)
UNION ALL
SELECT 'only_in_abs', a.refer, NULL, NULL, NULL, NULL, a.amount, 'in the list of the ABS, not here'
  FROM abs.payment_request a WHERE NOT EXISTS (SELECT FROM known k WHERE k.refer = a.refer)
UNION ALL
SELECT 'amount_differs', k.refer, k.loan_id, k.amount, NULL, NULL, a.amount,
       format('%s %s here, %s %s in the ABS', k.amount, k.cur, a.amount, a.cur)
  FROM known k JOIN abs.payment_request a ON a.refer = k.refer
 WHERE a.amount <> k.amount OR a.cur <> k.cur;
COMMENT ON VIEW k2.discrepancy IS 'The month-end check: ПТ that do not agree with debts, bans, payments or the list of the ABS (read it first: abs.all_pt).';
COMMENT ON COLUMN k2.discrepancy.kind IS
'above_debt, no_debt, banned, older_than_year: open ПТ; paid_differs; not_in_abs, only_in_abs, amount_differs: against abs.payment_request';
COMMENT ON COLUMN k2.discrepancy.refer IS 'reference of the ПТ';
COMMENT ON COLUMN k2.discrepancy.loan_id IS 'loan of an outgoing ПТ';
COMMENT ON COLUMN k2.discrepancy.amount IS 'amount of the ПТ here';
COMMENT ON COLUMN k2.discrepancy.paid_amount IS 'what was paid on it';
COMMENT ON COLUMN k2.discrepancy.debt IS 'current debt of the loan';
COMMENT ON COLUMN k2.discrepancy.abs_amount IS 'amount of the ПТ in the ABS';
COMMENT ON COLUMN k2.discrepancy.text IS 'what does not agree';

CREATE OR REPLACE VIEW k2.problem AS
SELECT 'overpaid' AS kind, e.code AS refer, e.updated_at AS since,
       format('%s was paid on %s', e.paid_amount, e.amount) AS text,
       format('SELECT * FROM k2.extreq_pay WHERE refer = %L;', e.code) AS remedy
  FROM k2.extreq e WHERE e.paid_amount > e.amount
UNION ALL
SELECT 'paid_after_end', e.code, max(p.received_at), format('%s was paid, but it is "%s"', e.paid_amount, s.title),
       format('SELECT * FROM k2.extreq_pay WHERE refer = %L;', e.code)
  FROM k2.extreq e
  JOIN k2.extreq_stat s ON s.id = e.stat_id
  JOIN k2.extreq_pay p ON p.refer = e.code AND p.reversed_at IS NULL
  JOIN LATERAL (SELECT max(v.at) AS at FROM k2.extreq_event v
                 WHERE v.refer = e.code AND v.kind IN ('RECALLED', 'RETURNED', 'REFUSED')) ended ON p.received_at > ended.at
 WHERE k2.extreq_ended(e.stat_id)
 GROUP BY e.id, s.title
UNION ALL
SELECT 'executed_after_end', r.refer, v.at, format('the bank reported it executed, but it is %s', r.status),
       format('SELECT * FROM k2.req_event WHERE refer = %L ORDER BY id;', r.refer)
  FROM k2.req r JOIN k2.req_event v ON v.refer = r.refer AND v.kind = 'EXECUTED'
 WHERE r.status IN ('recalled', 'returned');
COMMENT ON VIEW k2.problem IS 'What happened to ПТ that a person has to look at; part of k2bridge.problems.';
COMMENT ON COLUMN k2.problem.kind IS 'overpaid; paid_after_end: a payment on a recalled, returned or refused ПТ; executed_after_end: an incoming one reported executed after its recall or return';
COMMENT ON COLUMN k2.problem.refer IS 'reference of the ПТ';
COMMENT ON COLUMN k2.problem.since IS 'when it became so';
COMMENT ON COLUMN k2.problem.text IS 'what happened';
COMMENT ON COLUMN k2.problem.remedy IS 'SQL that shows more';
$setup_tables$),
(23, $setup_tables$
-- What the statement half keeps: companies, the bank's day, accounts, balances, rates.

CREATE TABLE IF NOT EXISTS autoclient.company (
    server          name PRIMARY KEY,
    start_date      date,
    page_size       integer NOT NULL DEFAULT 100 CHECK (page_size BETWEEN 1 AND 500),
    window_days     integer NOT NULL DEFAULT 31 CHECK (window_days BETWEEN 1 AND 366),
    backfill_paused boolean NOT NULL DEFAULT false,
    added_at        timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE autoclient.company IS 'Companies whose statements are polled, one per server (autoclient.add_company, autoclient.poll).';
COMMENT ON COLUMN autoclient.company.server IS 'foreign server of type autoclient';
COMMENT ON COLUMN autoclient.company.start_date IS 'first day of the history that is wanted; null until the first settings arrive, then the operational day before';
COMMENT ON COLUMN autoclient.company.page_size IS 'rows asked for in a page of final data (the bank allows 500); interim pages have at most 100';
COMMENT ON COLUMN autoclient.company.window_days IS 'days asked for at once when final days are fetched';
COMMENT ON COLUMN autoclient.company.backfill_paused IS 'true: no new window of final days is begun';
COMMENT ON COLUMN autoclient.company.added_at IS 'when it was added';

CREATE TABLE IF NOT EXISTS autoclient.server_day (
    server                 name PRIMARY KEY,
    phase                  text,
    work_balance           text,
    today                  date,
    lastday                date,
    date_final_statement   date,
    dates_without_oper_day date[] NOT NULL DEFAULT '{}',
    server_date_time       timestamptz,
    clock_skew             interval,
    asked_at               timestamptz NOT NULL,
    waiting_since          timestamptz,
    last_error             text,
    round_done_at          timestamptz
);
COMMENT ON TABLE autoclient.server_day IS 'What the settings call last said about the banks day.';
COMMENT ON COLUMN autoclient.server_day.server IS 'foreign server';
COMMENT ON COLUMN autoclient.server_day.phase IS 'WRK: the bank works normally; anything else: calls may fail';
COMMENT ON COLUMN autoclient.server_day.work_balance IS 'Y: end-of-day jobs run, do not ask; N: ask';
COMMENT ON COLUMN autoclient.server_day.today IS 'current operational day, upper edge of the interim statement';
COMMENT ON COLUMN autoclient.server_day.lastday IS 'operational day before, lower edge of the interim statement';
COMMENT ON COLUMN autoclient.server_day.date_final_statement IS 'last day, inclusive, whose statement is final';
COMMENT ON COLUMN autoclient.server_day.dates_without_oper_day IS 'days without operational day';
COMMENT ON COLUMN autoclient.server_day.server_date_time IS 'clock of the bank';
COMMENT ON COLUMN autoclient.server_day.clock_skew IS 'clock of the bank minus ours';
COMMENT ON COLUMN autoclient.server_day.asked_at IS 'when the bank said so';
COMMENT ON COLUMN autoclient.server_day.waiting_since IS 'since when the bank is not ready (phase, work_balance); null: it is';
COMMENT ON COLUMN autoclient.server_day.last_error IS 'why the last round ended early';
COMMENT ON COLUMN autoclient.server_day.round_done_at IS 'when a round last got as far as the accounts';

CREATE TABLE IF NOT EXISTS autoclient.account (
    server         name NOT NULL,
    acc            text NOT NULL,
    name           text,
    currency       text,
    state          text,
    poll           boolean NOT NULL DEFAULT true,
    start_date     date NOT NULL,
    final_through  date,
    walked_through date,
    resume_from    date,
    resume_through date,
    backfill_since timestamptz,
    backfill_from  date,
    rechecked_at   timestamptz,
    discovered_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_poll      timestamptz,
    last_error     text,
    PRIMARY KEY (server, acc),
    CHECK (final_through >= start_date - 1),
    CHECK (walked_through >= start_date - 1)
);
COMMENT ON TABLE autoclient.account IS 'Accounts that the bank named, and how far their statement is known.';
COMMENT ON COLUMN autoclient.account.server IS 'foreign server';
COMMENT ON COLUMN autoclient.account.acc IS 'number of the account as the banks balances name it';
COMMENT ON COLUMN autoclient.account.name IS 'title (wire nameACC)';
COMMENT ON COLUMN autoclient.account.currency IS 'letters';
COMMENT ON COLUMN autoclient.account.state IS 'state as the bank writes it';
COMMENT ON COLUMN autoclient.account.poll IS 'false: its statement is not fetched';
COMMENT ON COLUMN autoclient.account.start_date IS 'first day of its history here';
COMMENT ON COLUMN autoclient.account.final_through IS 'all days from start_date to this one are final and add up; null: none yet';
COMMENT ON COLUMN autoclient.account.walked_through IS 'all days to this one were fetched as final, whether they add up or not';
COMMENT ON COLUMN autoclient.account.resume_from IS 'backfill: where the history that was here before begins';
COMMENT ON COLUMN autoclient.account.resume_through IS 'backfill: to where that history is final';
COMMENT ON COLUMN autoclient.account.backfill_since IS 'when the fetching of past days began; null: none under way';
COMMENT ON COLUMN autoclient.account.backfill_from IS 'first day of that fetching';
COMMENT ON COLUMN autoclient.account.rechecked_at IS 'when days that do not add up were last fetched again';
COMMENT ON COLUMN autoclient.account.discovered_at IS 'when the bank first named it';
COMMENT ON COLUMN autoclient.account.last_poll IS 'when its interim statement was last complete';
COMMENT ON COLUMN autoclient.account.last_error IS 'why the last fetching ended early; null: it did not';

CREATE TABLE IF NOT EXISTS autoclient.balance (
    server           name NOT NULL,
    acc              text NOT NULL,
    day              date NOT NULL,
    currency         text,
    balance_in       numeric(20,2) NOT NULL,
    balance_out      numeric(20,2) NOT NULL,
    turnover_debt    numeric(20,2) NOT NULL,
    turnover_cred    numeric(20,2) NOT NULL,
    balance_in_eq    numeric(20,2),
    balance_out_eq   numeric(20,2),
    turnover_debt_eq numeric(20,2),
    turnover_cred_eq numeric(20,2),
    is_final         boolean NOT NULL DEFAULT false,
    raw              jsonb,
    seen_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (server, acc, day)
);
COMMENT ON TABLE autoclient.balance IS 'Balance and turnover of an account on a day. Final rows are never overwritten by interim ones.';
COMMENT ON COLUMN autoclient.balance.server IS 'foreign server';
COMMENT ON COLUMN autoclient.balance.acc IS 'account';
COMMENT ON COLUMN autoclient.balance.day IS 'operational day (wire dpd)';
COMMENT ON COLUMN autoclient.balance.currency IS 'letters';
COMMENT ON COLUMN autoclient.balance.balance_in IS 'opening balance';
COMMENT ON COLUMN autoclient.balance.balance_out IS 'closing balance';
COMMENT ON COLUMN autoclient.balance.turnover_debt IS 'debit turnover';
COMMENT ON COLUMN autoclient.balance.turnover_cred IS 'credit turnover';
COMMENT ON COLUMN autoclient.balance.balance_in_eq IS 'opening balance in UAH';
COMMENT ON COLUMN autoclient.balance.balance_out_eq IS 'closing balance in UAH';
COMMENT ON COLUMN autoclient.balance.turnover_debt_eq IS 'debit turnover in UAH';
COMMENT ON COLUMN autoclient.balance.turnover_cred_eq IS 'credit turnover in UAH';
COMMENT ON COLUMN autoclient.balance.is_final IS 'the bank will not change it any more';
COMMENT ON COLUMN autoclient.balance.raw IS 'wire fields without a column';
COMMENT ON COLUMN autoclient.balance.seen_at IS 'when the bank last said so';

CREATE TABLE IF NOT EXISTS autoclient.rate (
    server     name NOT NULL,
    currency   text NOT NULL,
    side       text NOT NULL CHECK (side IN ('B', 'S')),
    at         timestamptz NOT NULL,
    rate       numeric NOT NULL,
    rate_delta numeric,
    nbu_rate   numeric,
    PRIMARY KEY (server, currency, side, at)
);
COMMENT ON TABLE autoclient.rate IS 'Exchange rates.';
COMMENT ON COLUMN autoclient.rate.server IS 'foreign server';
COMMENT ON COLUMN autoclient.rate.currency IS 'letters';
COMMENT ON COLUMN autoclient.rate.side IS 'B: the bank buys, S: it sells';
COMMENT ON COLUMN autoclient.rate.at IS 'since when it holds';
COMMENT ON COLUMN autoclient.rate.rate IS 'UAH for one unit';
COMMENT ON COLUMN autoclient.rate.rate_delta IS 'change';
COMMENT ON COLUMN autoclient.rate.nbu_rate IS 'rate of the National Bank';
$setup_tables$),
(24, $setup_tables$
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
$setup_tables$),
(25, $setup_tables$
-- Payments made here, and which rows of the statements belong to what.
CREATE TABLE IF NOT EXISTS autoclient.payment (
    id               bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    server           name NOT NULL,
    client_ref       text UNIQUE,
    request          jsonb NOT NULL,
    forecast         boolean NOT NULL DEFAULT false,
    amount           numeric(20,2) NOT NULL,
    state            text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'created', 'refused', 'failed', 'uncertain', 'deleted', 'signed', 'booked')),
    call_id          bigint,
    payment_ref      text,
    payment_pack_ref text,
    error_code       text,
    error_text       text,
    document         jsonb,
    acc              text,
    trantype         text,
    ref              text,
    refn             text,
    created_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_by       name NOT NULL,
    updated_at       timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX IF NOT EXISTS payment_pack_ref ON autoclient.payment (server, payment_pack_ref);
CREATE INDEX IF NOT EXISTS payment_ref ON autoclient.payment (server, payment_ref);
CREATE INDEX IF NOT EXISTS payment_open ON autoclient.payment (server, amount) WHERE state IN ('queued', 'uncertain');
COMMENT ON TABLE autoclient.payment IS 'Payments. INSERT checks the fields and queues the call that creates the draft; no money moves until it is signed.';
COMMENT ON COLUMN autoclient.payment.id IS 'number';
COMMENT ON COLUMN autoclient.payment.server IS 'foreign server; left out: the only one of type autoclient';
COMMENT ON COLUMN autoclient.payment.client_ref IS 'the applications own key: a second payment with it is refused';
COMMENT ON COLUMN autoclient.payment.request IS 'fields of the payment as the bank wants them, all of them texts';
COMMENT ON COLUMN autoclient.payment.forecast IS 'true: made by create_pred, whose forecast the bank checks';
COMMENT ON COLUMN autoclient.payment.amount IS 'payment_amount as a number';
COMMENT ON COLUMN autoclient.payment.state IS 'queued; created: a draft at the bank; refused, failed: it is not; uncertain: nobody knows yet; signed; deleted: the draft is gone; booked: a statement shows it';
COMMENT ON COLUMN autoclient.payment.call_id IS 'the call that creates it, in k2bridge.outbox and k2bridge.call';
COMMENT ON COLUMN autoclient.payment.payment_ref IS 'the banks reference of the draft';
COMMENT ON COLUMN autoclient.payment.payment_pack_ref IS 'its short form, DLR of the row in the statement';
COMMENT ON COLUMN autoclient.payment.error_code IS 'code of a refusal';
COMMENT ON COLUMN autoclient.payment.error_text IS 'text of a refusal';
COMMENT ON COLUMN autoclient.payment.document IS 'the payment as the bank last showed it';
COMMENT ON COLUMN autoclient.payment.acc IS 'own account of the row in the statement';
COMMENT ON COLUMN autoclient.payment.trantype IS 'its TRANTYPE';
COMMENT ON COLUMN autoclient.payment.ref IS 'its REF';
COMMENT ON COLUMN autoclient.payment.refn IS 'its REFN';
COMMENT ON COLUMN autoclient.payment.created_at IS 'when it was asked for';
COMMENT ON COLUMN autoclient.payment.created_by IS 'role that asked';
COMMENT ON COLUMN autoclient.payment.updated_at IS 'when its state last changed';

CREATE TABLE IF NOT EXISTS autoclient.extreq_link (
    server   name NOT NULL,
    acc      text NOT NULL,
    trantype text NOT NULL,
    ref      text NOT NULL,
    refn     text NOT NULL,
    code     text NOT NULL,
    PRIMARY KEY (server, acc, trantype, ref, refn, code),
    FOREIGN KEY (server, acc, trantype, ref, refn) REFERENCES autoclient.transaction ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS extreq_link_code ON autoclient.extreq_link (code);
COMMENT ON TABLE autoclient.extreq_link IS 'Rows of the statements whose purpose names an outgoing payment request.';
COMMENT ON COLUMN autoclient.extreq_link.server IS 'foreign server';
COMMENT ON COLUMN autoclient.extreq_link.acc IS 'own account';
COMMENT ON COLUMN autoclient.extreq_link.trantype IS 'TRANTYPE';
COMMENT ON COLUMN autoclient.extreq_link.ref IS 'REF';
COMMENT ON COLUMN autoclient.extreq_link.refn IS 'REFN';
COMMENT ON COLUMN autoclient.extreq_link.code IS 'k2.extreq.code that the purpose names';

CREATE OR REPLACE TRIGGER checked BEFORE INSERT OR UPDATE ON autoclient.payment
    FOR EACH ROW EXECUTE FUNCTION k2bridge.owner_trigger('autoclient.payment_checked');
CREATE OR REPLACE TRIGGER sent AFTER INSERT ON autoclient.payment REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION k2bridge.owner_trigger('autoclient.payments_inserted');
$setup_tables$),
(26, $setup_tables$
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
$setup_tables$),
(27, $setup_tables$
-- Every call of PrivatBank's Autoclient (wire/autoclient.md sections 2 to 13) with its delivery policy (design section 4).
-- What a bank tunes (enabled, priority, timeout, give_up_after, handler) is set once and never touched again.
INSERT INTO k2bridge.endpoint (name, server_type, method, path, url_option, body_kind, reply_family, delivery, priority,
                               handler, builder, verify, keep_reply)
VALUES
    ('autoclient.settings', 'autoclient', 'GET', '/api/statements/settings', NULL, 'none', 'autoclient_statement', 'at_least_once', 60,
     'autoclient.settings_done', 'autoclient.wire_args', NULL, 'not_ok'),
    ('autoclient.balances', 'autoclient', 'GET', '/api/statements/balance', NULL, 'none', 'autoclient_statement', 'at_least_once', 40,
     'autoclient.balances_done', 'autoclient.wire_args', NULL, 'not_ok'),
    ('autoclient.balances_interim', 'autoclient', 'GET', '/api/statements/balance/interim', NULL, 'none', 'autoclient_statement', 'at_least_once', 55,
     'autoclient.balances_done', 'autoclient.wire_args', NULL, 'not_ok'),
    ('autoclient.balances_final', 'autoclient', 'GET', '/api/statements/balance/final', NULL, 'none', 'autoclient_statement', 'at_least_once', 40,
     'autoclient.balances_done', 'autoclient.wire_args', NULL, 'not_ok'),
    ('autoclient.transactions', 'autoclient', 'GET', '/api/statements/transactions', NULL, 'none', 'autoclient_statement', 'at_least_once', 40,
     'autoclient.transactions_done', 'autoclient.wire_args', NULL, 'not_ok'),
    ('autoclient.transactions_interim', 'autoclient', 'GET', '/api/statements/transactions/interim', NULL, 'none', 'autoclient_statement', 'at_least_once', 50,
     'autoclient.transactions_done', 'autoclient.wire_args', NULL, 'not_ok'),
    ('autoclient.transactions_final', 'autoclient', 'GET', '/api/statements/transactions/final', NULL, 'none', 'autoclient_statement', 'at_least_once', 40,
     'autoclient.transactions_done', 'autoclient.wire_args', NULL, 'not_ok'),
    ('autoclient.clients_in_group', 'autoclient', 'GET', '/api/account/get-clients-ingroup', NULL, 'none', 'autoclient', 'at_least_once', 30,
     NULL, 'autoclient.wire_args', NULL, 'not_ok'),
    ('autoclient.currency_rates', 'autoclient', 'GET', '/api/proxy/currency/', NULL, 'none', 'autoclient', 'at_least_once', 30,
     'autoclient.rates_done', 'autoclient.wire_args', NULL, 'not_ok'),
    ('autoclient.currency_history', 'autoclient', 'GET', '/api/proxy/currency/history', NULL, 'none', 'autoclient', 'at_least_once', 25,
     'autoclient.rates_done', 'autoclient.wire_args', NULL, 'not_ok'),
    ('autoclient.payment_create', 'autoclient', 'POST', '/api/proxy/payment/create', NULL, 'json', 'autoclient', 'at_most_once', 90,
     'autoclient.payment_created', 'autoclient.wire_args', 'autoclient.verify_payment', 'always'),
    ('autoclient.payment_create_pred', 'autoclient', 'POST', '/api/proxy/payment/create_pred', NULL, 'json', 'autoclient', 'at_most_once', 90,
     'autoclient.payment_created', 'autoclient.wire_args', 'autoclient.verify_payment', 'always'),
    ('autoclient.payment_get', 'autoclient', 'GET', '/api/proxy/payment/get', NULL, 'none', 'autoclient', 'at_least_once', 70,
     'autoclient.payment_got', 'autoclient.wire_args', NULL, 'not_ok'),
    ('autoclient.payment_add_sign', 'autoclient', 'POST', '/api/proxy/payment/add-sign?ref={ref}', NULL, 'json', 'autoclient', 'at_most_once', 90,
     'autoclient.payment_signed', 'autoclient.wire_args', NULL, 'always'),
    ('autoclient.payment_delete', 'autoclient', 'POST', '/api/proxy/payment/delete', NULL, 'none', 'autoclient', 'at_most_once', 90,
     'autoclient.payment_deleted', 'autoclient.wire_args', 'autoclient.verify_payment_delete', 'always'),
    ('autoclient.swift_create', 'autoclient', 'POST', '/api/proxy/zed/swift/save_with_forecast', NULL, 'json', 'autoclient', 'at_most_once', 90,
     NULL, 'autoclient.wire_args', NULL, 'always'),
    ('autoclient.cpi_create', 'autoclient', 'POST', '/api/proxy/zed/cpi/save_with_forecast', NULL, 'json', 'autoclient', 'at_most_once', 90,
     NULL, 'autoclient.wire_args', NULL, 'always'),
    ('autoclient.edoc_journal_inbox', 'autoclient', 'POST', '/api/proxy/edoc/journal/inbox', NULL, 'json', 'autoclient', 'at_least_once', 30,
     'autoclient.journal_done', 'autoclient.wire_args', NULL, 'not_ok'),
    ('autoclient.edoc_journal_outbox', 'autoclient', 'POST', '/api/proxy/edoc/journal/outbox', NULL, 'json', 'autoclient', 'at_least_once', 30,
     'autoclient.journal_done', 'autoclient.wire_args', NULL, 'not_ok'),
    ('autoclient.edoc_journal_in_process', 'autoclient', 'POST', '/api/proxy/edoc/journal/in-process', NULL, 'json', 'autoclient', 'at_least_once', 30,
     'autoclient.journal_done', 'autoclient.wire_args', NULL, 'not_ok'),
    ('autoclient.edoc_journal_all', 'autoclient', 'POST', '/api/proxy/edoc/journal/all', NULL, 'json', 'autoclient', 'at_least_once', 30,
     'autoclient.journal_done', 'autoclient.wire_args', NULL, 'not_ok'),
    ('autoclient.edoc_journal_to_pay', 'autoclient', 'POST', '/api/proxy/edoc/journal/to-pay', NULL, 'json', 'autoclient', 'at_least_once', 30,
     'autoclient.journal_done', 'autoclient.wire_args', NULL, 'not_ok'),
    ('autoclient.edoc_upload', 'autoclient', 'POST', '/api/proxy/edoc/loader/upload', NULL, 'multipart', 'autoclient', 'at_most_once', 50,
     NULL, 'autoclient.wire_args', NULL, 'always'),
    ('autoclient.edoc_upload_signed_xml', 'autoclient', 'POST', '/api/proxy/edoc/loader/upload-signed-xml', NULL, 'multipart', 'autoclient', 'at_most_once', 50,
     NULL, 'autoclient.wire_args', NULL, 'always'),
    ('autoclient.edoc_upload_signed_xml_docs', 'autoclient', 'POST', NULL, 'docs_url', 'multipart', 'autoclient', 'at_most_once', 50,
     NULL, 'autoclient.wire_args', NULL, 'always'),
    ('autoclient.edoc_upload_pdf', 'autoclient', 'POST', '/api/proxy/edoc/loader/upload-pdf', NULL, 'multipart', 'autoclient', 'at_most_once', 50,
     NULL, 'autoclient.wire_args', NULL, 'always'),
    ('autoclient.edoc_upload_pdf_b64', 'autoclient', 'POST', '/api/proxy/edoc/loader/upload-pdf-b64', NULL, 'form', 'autoclient', 'at_most_once', 50,
     NULL, 'autoclient.wire_args', NULL, 'always'),
    ('autoclient.edoc_upload_signed_b64', 'autoclient', 'POST', '/api/proxy/edoc/loader/upload-signed-b64', NULL, 'form', 'autoclient', 'at_most_once', 50,
     NULL, 'autoclient.wire_args', NULL, 'always'),
    ('autoclient.edoc_send_for_preview', 'autoclient', 'GET', '/api/proxy/edoc/journal/send-for-preview/{id}', NULL, 'none', 'autoclient', 'at_most_once', 50,
     NULL, 'autoclient.wire_args', NULL, 'always'),
    ('autoclient.edoc_create_payment', 'autoclient', 'POST', '/api/proxy/edoc/create-payment-from-invoice/{id}', NULL, 'none', 'autoclient', 'at_most_once', 80,
     NULL, 'autoclient.wire_args', NULL, 'always'),
    ('autoclient.edoc_delete', 'autoclient', 'GET', '/api/proxy/edoc/journal/delete/{id}', NULL, 'none', 'autoclient', 'at_most_once', 50,
     NULL, 'autoclient.wire_args', NULL, 'always'),
    ('autoclient.edoc_xml', 'autoclient', 'GET', '/api/proxy/edoc/journal/get-xml-document/{id}', NULL, 'none', 'autoclient_file', 'at_least_once', 30,
     NULL, 'autoclient.wire_args', NULL, 'not_ok'),
    ('autoclient.edoc_base64', 'autoclient', 'GET', '/api/proxy/edoc/journal/get-base64/{id}', NULL, 'none', 'autoclient', 'at_least_once', 30,
     NULL, 'autoclient.wire_args', NULL, 'not_ok'),
    ('autoclient.edoc_pdf', 'autoclient', 'GET', '/api/proxy/edoc/journal/get-pdf-document/{id}', NULL, 'none', 'autoclient_file', 'at_least_once', 30,
     NULL, 'autoclient.wire_args', NULL, 'not_ok'),
    ('autoclient.edoc_sign_info', 'autoclient', 'GET', '/api/proxy/edoc/journal/sign-info/{id}', NULL, 'none', 'autoclient', 'at_least_once', 30,
     NULL, 'autoclient.wire_args', NULL, 'not_ok'),
    ('autoclient.edoc_p7s', 'autoclient', 'GET', '/proxy/edoc/journal/get-p7s/{id}', NULL, 'none', 'autoclient_file', 'at_least_once', 30,
     NULL, 'autoclient.wire_args', NULL, 'not_ok'),
    ('autoclient.eo_create', 'autoclient', 'POST', '/api/proxy/eo/documents/create', NULL, 'multipart', 'autoclient', 'at_most_once', 50,
     NULL, 'autoclient.wire_args', NULL, 'always'),
    ('autoclient.eo_create_b64', 'autoclient', 'POST', '/api/proxy/eo/documents/create-b64', NULL, 'form', 'autoclient', 'at_most_once', 50,
     NULL, 'autoclient.wire_args', NULL, 'always'),
    ('autoclient.salary_groups', 'autoclient', 'GET', '/api/pay/mp/list-groups', NULL, 'none', 'autoclient', 'at_least_once', 30,
     NULL, 'autoclient.wire_args', NULL, 'not_ok'),
    ('autoclient.salary_receivers', 'autoclient', 'GET', '/api/pay/mp/list-receivers', NULL, 'none', 'autoclient', 'at_least_once', 30,
     'autoclient.receivers_done', 'autoclient.wire_args', NULL, 'not_ok'),
    ('autoclient.salary_update_receiver', 'autoclient', 'POST', '/api/pay/mp/update-receiver', NULL, 'json', 'autoclient', 'at_most_once', 60,
     'autoclient.receiver_updated', 'autoclient.wire_args', NULL, 'always'),
    ('autoclient.salary_packets', 'autoclient', 'GET', '/api/pay/apay24/packets/list', NULL, 'none', 'autoclient', 'at_least_once', 30,
     'autoclient.packets_done', 'autoclient.wire_args', NULL, 'not_ok'),
    ('autoclient.maspay_header', 'autoclient', 'GET', '/api/pay/maspay/{ref}/header', NULL, 'none', 'autoclient', 'at_least_once', 40,
     'autoclient.packet_done', 'autoclient.wire_args', NULL, 'not_ok'),
    ('autoclient.maspay_content', 'autoclient', 'GET', '/api/pay/maspay/{ref}/content', NULL, 'none', 'autoclient', 'at_least_once', 40,
     'autoclient.content_done', 'autoclient.wire_args', NULL, 'not_ok'),
    ('autoclient.maspay_add', 'autoclient', 'POST', '/api/pay/maspay/{packet}/add', NULL, 'json', 'autoclient', 'at_most_once', 80,
     NULL, 'autoclient.wire_args', NULL, 'always'),
    ('autoclient.maspay_remove', 'autoclient', 'POST', '/api/pay/maspay/{packet}/remove', NULL, 'json', 'autoclient', 'at_most_once', 80,
     'autoclient.line_removed', 'autoclient.wire_args', NULL, 'always'),
    ('autoclient.maspay_validate', 'autoclient', 'POST', '/api/pay/maspay/{ref}/validate', NULL, 'none', 'autoclient', 'at_most_once', 80,
     'autoclient.packet_done', 'autoclient.wire_args', NULL, 'always'),
    ('autoclient.maspay_create', 'autoclient', 'POST', '/api/pay/maspay/create', NULL, 'json', 'autoclient', 'at_most_once', 80,
     'autoclient.packet_done', 'autoclient.wire_args', NULL, 'always'),
    ('autoclient.paysheets_journal', 'autoclient', 'GET', '/api/paysheets/journal', NULL, 'none', 'autoclient', 'at_least_once', 30,
     NULL, 'autoclient.wire_args', NULL, 'not_ok'),
    ('autoclient.paysheets_upload', 'autoclient', 'POST', '/api/paysheets/upload-file?projectReference={projectReference}&yearmonth={yearmonth}', NULL, 'multipart', 'autoclient', 'at_most_once', 50,
     'autoclient.paysheets_uploaded', 'autoclient.wire_args', NULL, 'always'),
    ('autoclient.paysheets_save', 'autoclient', 'POST', '/api/paysheets/save-files', NULL, 'none', 'autoclient', 'at_most_once', 50,
     NULL, 'autoclient.wire_args', NULL, 'always'),
    ('autoclient.corpcards', 'autoclient', 'POST', '/api/corpcards/v2/cards/list', NULL, 'json', 'autoclient', 'at_least_once', 30,
     'autoclient.cards_done', 'autoclient.wire_args', NULL, 'not_ok'),
    ('autoclient.corp_statements', 'autoclient', 'POST', '/api/corpcards/v2/corp/statements?dateStart={dateStart}&dateEnd={dateEnd}', NULL, 'json', 'autoclient', 'at_least_once', 30,
     'autoclient.card_statements_done', 'autoclient.wire_args', NULL, 'not_ok'),
    ('autoclient.card_statements', 'autoclient', 'POST', '/api/corpcards/v2/card/statements?dateStart={dateStart}&dateEnd={dateEnd}', NULL, 'json', 'autoclient', 'at_least_once', 30,
     'autoclient.card_statements_done', 'autoclient.wire_args', NULL, 'not_ok'),
    ('autoclient.receipts', 'autoclient', 'POST', '/api/paysheets/print_receipt', NULL, 'json', 'autoclient_file', 'at_least_once', 30,
     NULL, 'autoclient.wire_args', NULL, 'not_ok'),
    ('autoclient.acquiring', 'autoclient', 'POST', '/api/equiring/statements', NULL, 'json', 'autoclient', 'at_least_once', 30,
     'autoclient.acquiring_done', 'autoclient.wire_args', NULL, 'not_ok'),
    ('autoclient.check_counterparty', 'autoclient', 'POST', '/api/ubki/check', NULL, 'json', 'autoclient', 'at_most_once', 40,
     'autoclient.counterparty_done', 'autoclient.wire_args', NULL, 'always')
ON CONFLICT (name) DO UPDATE
   SET server_type = excluded.server_type, method = excluded.method, url_option = excluded.url_option,
       path = excluded.path, body_kind = excluded.body_kind, reply_family = excluded.reply_family,
       delivery = excluded.delivery, builder = excluded.builder, verify = excluded.verify;
$setup_tables$),
(28, $setup_tables$
-- Views for the accountant and the person on duty.
CREATE OR REPLACE VIEW autoclient.statement_check AS
SELECT a.server, a.acc, p.day, p.problem
  FROM autoclient.account a
  JOIN autoclient.server_day d ON d.server = a.server
 CROSS JOIN LATERAL autoclient.check_days(a.server, a.acc, a.start_date, least(a.walked_through, d.date_final_statement)) p
 WHERE a.poll;
COMMENT ON VIEW autoclient.statement_check IS 'Days that do not add up, among those whose final statement was fetched. Empty is good.';
COMMENT ON COLUMN autoclient.statement_check.server IS 'foreign server';
COMMENT ON COLUMN autoclient.statement_check.acc IS 'account';
COMMENT ON COLUMN autoclient.statement_check.day IS 'operational day';
COMMENT ON COLUMN autoclient.statement_check.problem IS 'turnover_debt, turnover_cred: the rows do not sum up to the turnover; arithmetic: opening + credits - debits is not closing; continuity: the opening is not the closing of the day before; missing_balance; not_final: rows or balance are still interim; vanished: a row that the final statement does not have';

CREATE OR REPLACE VIEW autoclient.unmatched AS
SELECT 'credit' AS kind, t.server, t.acc, t.dat_od AS day, t.sum AS amount, t.ccy, t.ref || '/' || t.refn AS reference, t.osnd AS text
  FROM autoclient.transaction t
 WHERE t.trantype = 'C' AND NOT t.vanished AND autoclient.is_booked(t.pr_pr, t.fl_real)
   AND NOT EXISTS (SELECT FROM autoclient.extreq_link l
                    WHERE l.server = t.server AND l.acc = t.acc AND l.trantype = t.trantype AND l.ref = t.ref AND l.refn = t.refn)
UNION ALL
SELECT 'payment', p.server, p.request ->> 'payer_account', p.created_at::date, p.amount, p.request ->> 'payment_ccy',
       coalesce(p.payment_ref, p.client_ref, p.id::text), p.request ->> 'payment_destination'
  FROM autoclient.payment p WHERE p.ref IS NULL AND p.state IN ('created', 'signed', 'uncertain');
COMMENT ON VIEW autoclient.unmatched IS 'What nobody has found a partner for: money that came without the reference of a payment request, and payments that no statement shows yet.';
COMMENT ON COLUMN autoclient.unmatched.kind IS 'credit: row of a statement; payment: row of autoclient.payment';
COMMENT ON COLUMN autoclient.unmatched.server IS 'foreign server';
COMMENT ON COLUMN autoclient.unmatched.acc IS 'own account';
COMMENT ON COLUMN autoclient.unmatched.day IS 'value date, or day on which the payment was made';
COMMENT ON COLUMN autoclient.unmatched.amount IS 'amount';
COMMENT ON COLUMN autoclient.unmatched.ccy IS 'currency';
COMMENT ON COLUMN autoclient.unmatched.reference IS 'REF/REFN of the row, or reference of the payment';
COMMENT ON COLUMN autoclient.unmatched.text IS 'purpose';

CREATE OR REPLACE VIEW autoclient.problem AS
SELECT 'bank_not_ready' AS kind, d.server, NULL::text AS subject, d.waiting_since AS since,
       format('phase %s, work_balance %s', d.phase, d.work_balance) AS text,
       format('SELECT * FROM autoclient.server_day WHERE server = %L;', d.server) AS remedy
  FROM autoclient.server_day d WHERE d.waiting_since < now() - interval '6 hours'
UNION ALL
SELECT 'poll_error', d.server, NULL, d.asked_at, d.last_error,
       CASE WHEN d.last_error ~* 'id is not be null' AND autoclient.server_option(d.server, 'group_id') IS NOT NULL
            THEN format('ALTER SERVER %I OPTIONS (ADD group_id_in ''header'');', d.server)
            WHEN d.last_error ~* 'id is not be null' THEN format('ALTER SERVER %I OPTIONS (ADD group_id ''...'');', d.server)
            WHEN d.last_error ~* 'id in mode for companies should not be present' THEN format('ALTER SERVER %I OPTIONS (DROP group_id);', d.server)
            ELSE format('SELECT autoclient.poll(%L);', d.server) END
  FROM autoclient.server_day d WHERE d.last_error IS NOT NULL
UNION ALL
SELECT 'statement_error', a.server, a.acc, coalesce(a.last_poll, a.discovered_at), a.last_error, format('SELECT autoclient.poll(%L);', a.server)
  FROM autoclient.account a WHERE a.poll AND a.last_error IS NOT NULL
UNION ALL
SELECT 'statement_check', a.server, a.acc, a.final_through + 1, format('final statement of %s does not add up', coalesce(a.final_through + 1, a.start_date)),
       format('SELECT * FROM autoclient.statement_check WHERE server = %L AND acc = %L;', a.server, a.acc)
  FROM autoclient.account a WHERE a.poll AND coalesce(a.final_through, a.start_date - 1) < a.walked_through
   AND a.resume_from IS NULL;
COMMENT ON VIEW autoclient.problem IS 'What about Autoclient needs a person; part of k2bridge.problems.';
COMMENT ON COLUMN autoclient.problem.kind IS 'bank_not_ready: for more than six hours; poll_error, statement_error: the last round or an account''s statement ended early; statement_check: a day does not add up';
COMMENT ON COLUMN autoclient.problem.server IS 'foreign server';
COMMENT ON COLUMN autoclient.problem.subject IS 'account';
COMMENT ON COLUMN autoclient.problem.since IS 'when it began';
COMMENT ON COLUMN autoclient.problem.text IS 'what is wrong';
COMMENT ON COLUMN autoclient.problem.remedy IS 'SQL that mends it or shows more';

CREATE OR REPLACE VIEW autoclient.progress AS
SELECT a.server, 'backfill ' || a.acc AS what, (coalesce(a.walked_through + 1, a.start_date) - a.backfill_from)::bigint AS done,
       (coalesce(a.resume_from - 1, d.date_final_statement) - a.backfill_from + 1)::bigint AS total, a.backfill_since AS since
  FROM autoclient.account a JOIN autoclient.server_day d ON d.server = a.server
 WHERE a.backfill_since IS NOT NULL AND a.poll
UNION ALL
SELECT d.server, 'poll', count(*) FILTER (WHERE a.last_poll >= d.round_done_at), count(*), d.round_done_at
  FROM autoclient.server_day d JOIN autoclient.account a ON a.server = d.server AND a.poll
 GROUP BY d.server, d.round_done_at HAVING count(*) FILTER (WHERE a.last_poll >= d.round_done_at) < count(*);
COMMENT ON VIEW autoclient.progress IS 'Rounds and backfills under way; part of k2bridge.progress.';
COMMENT ON COLUMN autoclient.progress.server IS 'foreign server';
COMMENT ON COLUMN autoclient.progress.what IS 'poll (counts accounts) or backfill of an account (counts days)';
COMMENT ON COLUMN autoclient.progress.done IS 'finished so far';
COMMENT ON COLUMN autoclient.progress.total IS 'to be done';
COMMENT ON COLUMN autoclient.progress.since IS 'when it began';
$setup_tables$),
(29, $setup_tables$

-- What is audited: business rows and everything that steers the calls. Not what is a history itself (events, debts,
-- calls, inbox), nor copies of what the bank answered. A loan's figures and stamps change with every push and have
-- their own history in k2.loan_debt, with author and correlation.
SELECT k2bridge.audit_table(a.audited::regclass, a.key, a.ignored)
  FROM (VALUES
        ('k2.loan', 'id', 'debt, overdue_days, request_id, received_at, synced_at, debt_source'),
        ('k2.client', 'id', 'exclusions_changed_at'),
        ('k2.ext_account', 'id', ''),
        ('k2.extreq', 'code', 'updated_at, updated_by'),
        ('k2.extreq_pay', 'trn_id', ''),
        ('k2.req', 'refer', 'updated_at, updated_by'),
        ('k2.loan_exclude', 'iin, dbz_num', ''),
        ('k2.exclusion', 'id', ''),
        ('k2.rzap', 'refer', ''),
        ('k2.rzap_item', 'id', ''),
        ('k2.file', 'id', ''),
        ('k2.system', 'code', ''),
        ('k2.currency', 'code', ''),
        ('k2.bank', 'bic', ''),
        ('k2.return_reason', 'code', ''),
        ('k2.extreq_stat', 'id', ''),
        ('k2.req_stat', 'id', ''),
        ('k2.knp', 'code', ''),
        ('k2.app_user', 'id', ''),
        ('k2.reg', 'id', ''),
        ('k2.transit_account', 'code', ''),
        ('k2.extreq_prefix', 'prefix', ''),
        ('autoclient.company', 'server', ''),
        ('autoclient.account', 'server, acc', 'name, currency, state, final_through, walked_through, resume_from, resume_through, '
            'backfill_since, backfill_from, rechecked_at, last_poll, last_error'),
        ('autoclient.payment', 'id', 'document, updated_at'),
        ('k2bridge.endpoint', 'name', ''),
        ('k2bridge.service', 'name', ''),
        ('k2bridge.api_client', 'name', ''),
        ('k2bridge.schedule', 'name', 'last_run, last_outcome, last_duration, next_run'),
        ('k2bridge.paused', 'id', ''),
        ('k2bridge.activation', 'singleton', '')) AS a (audited, key, ignored);
$setup_tables$),
(30, $setup_tables$

-- One row per endpoint.
CREATE OR REPLACE VIEW k2bridge.queue AS
SELECT e.name AS endpoint, e.delivery, e.priority, e.enabled,
       coalesce(q.queued, 0) AS queued, coalesce(q.due, 0) AS due, coalesce(q.parked, 0) AS parked,
       coalesce(q.sending, 0) AS sending, coalesce(q.answered, 0) AS answered,
       coalesce(q.uncertain, 0) AS uncertain, coalesce(q.failed, 0) AS failed, q.oldest,
       (SELECT max(c.finished_at) FROM k2bridge.call c WHERE c.endpoint = e.name AND c.outcome = 'ok') AS last_ok,
       CASE WHEN pg_catalog.has_table_privilege('k2bridge.outbox', 'SELECT') THEN q.last_error END AS last_error
  FROM k2bridge.endpoint e
  LEFT JOIN (SELECT o.endpoint,
                    count(*) FILTER (WHERE o.state = 'queued') AS queued,
                    count(*) FILTER (WHERE o.state = 'queued' AND NOT o.parked AND o.due_at <= now()) AS due,
                    count(*) FILTER (WHERE o.parked) AS parked,
                    count(*) FILTER (WHERE o.state = 'sending') AS sending,
                    count(*) FILTER (WHERE o.state = 'answered') AS answered,
                    count(*) FILTER (WHERE o.state = 'uncertain') AS uncertain,
                    count(*) FILTER (WHERE o.state = 'failed') AS failed,
                    min(o.created_at) AS oldest,
                    (array_agg(o.last_error ORDER BY o.id DESC) FILTER (WHERE o.last_error IS NOT NULL))[1] AS last_error
               FROM k2bridge.outbox o GROUP BY o.endpoint) q ON q.endpoint = e.name;
COMMENT ON VIEW k2bridge.queue IS 'One row per endpoint: how many calls are in which state, the oldest of them, the last success and the last error.';
COMMENT ON COLUMN k2bridge.queue.endpoint IS 'k2bridge.endpoint.name';
COMMENT ON COLUMN k2bridge.queue.delivery IS 'delivery policy';
COMMENT ON COLUMN k2bridge.queue.priority IS 'higher is sent first';
COMMENT ON COLUMN k2bridge.queue.enabled IS 'false: calls end as skipped';
COMMENT ON COLUMN k2bridge.queue.queued IS 'waiting to be sent, parked ones included';
COMMENT ON COLUMN k2bridge.queue.due IS 'may be sent now';
COMMENT ON COLUMN k2bridge.queue.parked IS 'wait for an earlier call of their subject';
COMMENT ON COLUMN k2bridge.queue.sending IS 'at_most_once calls under way';
COMMENT ON COLUMN k2bridge.queue.answered IS 'the bank answered, the handler failed';
COMMENT ON COLUMN k2bridge.queue.uncertain IS 'outcome unknown';
COMMENT ON COLUMN k2bridge.queue.failed IS 'need a person';
COMMENT ON COLUMN k2bridge.queue.oldest IS 'when the oldest of them was queued';
COMMENT ON COLUMN k2bridge.queue.last_ok IS 'end of the last successful call';
COMMENT ON COLUMN k2bridge.queue.last_error IS 'last error of a call that has not ended; for those who may read the calls, since it may name a client';

-- Everything that needs a person, with the SQL to paste: never out of what a bank said. OFFSET 0 keeps servers_for from being asked once per row of the queue.
CREATE OR REPLACE VIEW k2bridge.problems AS
SELECT o.id, 'call_' || o.state AS kind, o.server, o.endpoint, o.subject, coalesce(o.sent_at, o.created_at) AS since,
       concat_ws('; found: ', o.last_error, o.found::text) AS text,
       CASE o.state
           WHEN 'uncertain' THEN format('SELECT k2bridge.resolve(%s, ''ok'', ''how the outcome is known'');', o.id)
           ELSE format('SELECT k2bridge.retry(%s);', o.id) END AS remedy
  FROM k2bridge.outbox o
 WHERE o.state IN ('failed', 'uncertain') OR (o.state = 'answered' AND o.due_at = 'infinity')
UNION ALL
SELECT o.id, 'call_held', o.server, o.endpoint, o.subject, o.created_at, o.last_error,
       coalesce(CASE WHEN o.attempts = 0 AND o.http_status IS NULL THEN substring(o.last_error FROM '\((SELECT [^;]+;)\)$') END, format('SELECT k2bridge.cancel(%s);', o.id))
  FROM k2bridge.outbox o
 WHERE o.state = 'queued' AND o.last_error IS NOT NULL AND (o.attempts = 0 OR o.attempts >= 5)
   AND NOT EXISTS (SELECT FROM k2bridge.server_state s)
UNION ALL
SELECT NULL, 'server_' || s.state, s.server, NULL, s.host, s.since, s.reason,
       format('SELECT * FROM k2bridge.check_server(%L);', s.server)
  FROM k2bridge.server_state s
 WHERE (s.state = 'stopped' OR s.since < now() - interval '1 min')
   AND EXISTS (SELECT FROM pg_catalog.pg_foreign_server f WHERE f.srvname = s.server)
UNION ALL
SELECT NULL, 'not_activated', NULL, NULL, NULL, q.since, format('%s calls wait: %s', q.waiting, c.detail), c.remedy
  FROM k2bridge.check_tables() c
  JOIN (SELECT count(*) AS waiting, min(o.created_at) AS since FROM k2bridge.outbox o WHERE o.state = 'queued') q ON q.waiting > 0
 WHERE c.item = 'activation' AND NOT c.ok
   AND EXISTS (SELECT FROM pg_catalog.pg_foreign_server s
                 JOIN pg_catalog.pg_foreign_data_wrapper w ON w.oid = s.srvfdw AND w.fdwname = 'k2bridge'
                 CROSS JOIN unnest(s.srvoptions) o
                WHERE o ~ '^[a-z0-9_]*(url|debt|from_abs|to_eko)=' AND o !~ '=(https?://)?(localhost|127\.|\[::1\])')
UNION ALL
SELECT NULL, CASE WHEN cardinality(k2bridge.servers_for(w.endpoint)) = 0 THEN 'no_server' ELSE 'ambiguous_server' END,
       NULL, w.endpoint, NULL, w.since,
       CASE WHEN cardinality(k2bridge.servers_for(w.endpoint)) = 0
            THEN format('%s calls wait: no server has option %s', w.waiting, coalesce(e.url_option, 'base_url'))
            ELSE format('%s calls wait: servers %s all have option %s', w.waiting,
                        array_to_string(k2bridge.servers_for(w.endpoint), ', '), coalesce(e.url_option, 'base_url')) END,
       CASE WHEN cardinality(k2bridge.servers_for(w.endpoint)) = 0
            THEN format('CREATE SERVER %s TYPE %L FOREIGN DATA WRAPPER k2bridge OPTIONS (%I ''https://bank.example/'');', e.server_type, e.server_type, coalesce(e.url_option, 'base_url'))
            ELSE format('UPDATE k2bridge.outbox SET server = %1$L WHERE server IS NULL AND endpoint = %2$L; SELECT k2bridge.wake_dispatcher(); UPDATE k2.system SET server = %1$L WHERE server IS NULL;',
                        (k2bridge.servers_for(w.endpoint))[1], w.endpoint) END
  FROM (SELECT o.endpoint, count(*) AS waiting, min(o.created_at) AS since
          FROM k2bridge.outbox o WHERE o.state = 'queued' AND o.server IS NULL GROUP BY o.endpoint OFFSET 0) w
  JOIN k2bridge.endpoint e ON e.name = w.endpoint
 WHERE cardinality(k2bridge.servers_for(w.endpoint)) <> 1
UNION ALL
SELECT NULL, 'unknown_server', w.server, w.endpoint, NULL, w.since,
       format('%s calls wait for server "%s", which cannot take them', w.waiting, w.server),
       format('SELECT k2bridge.cancel(id, ''server is gone'') FROM k2bridge.outbox WHERE server = %L AND endpoint = %L;', w.server, w.endpoint)
  FROM (SELECT o.endpoint, o.server, count(*) AS waiting, min(o.created_at) AS since
          FROM k2bridge.outbox o WHERE o.state = 'queued' AND o.server IS NOT NULL GROUP BY o.endpoint, o.server OFFSET 0) w
 WHERE w.server <> ALL (k2bridge.servers_for(w.endpoint))
UNION ALL
SELECT NULL, 'unknown_endpoint', NULL, w.endpoint, NULL, w.since, format('%s calls wait for an endpoint that does not exist', w.waiting),
       format('SELECT k2bridge.cancel(id, ''endpoint is gone'') FROM k2bridge.outbox WHERE endpoint = %L;', w.endpoint)
  FROM (SELECT o.endpoint, count(*) AS waiting, min(o.created_at) AS since
          FROM k2bridge.outbox o GROUP BY o.endpoint) w
 WHERE NOT EXISTS (SELECT FROM k2bridge.endpoint e WHERE e.name = w.endpoint)
UNION ALL
SELECT NULL, 'worker', NULL, NULL, NULL, coalesce(s.last_error_at, s.since, now()), concat_ws(': ', s.kind || ' ' || s.state, s.last_error, s.hint),
       CASE WHEN s.kind = 'dispatcher' AND s.pid IS NULL AND NOT k2bridge.database_listed()
            THEN format('ALTER SYSTEM SET k2bridge.databases = %L; SELECT pg_catalog.pg_reload_conf();',
                        concat_ws(', ', nullif(current_setting('k2bridge.databases', true), ''),
                                  CASE WHEN current_database() ~ '^[a-z0-9_]+$' THEN current_database()::text
                                       ELSE '"' || replace(current_database(), '"', '""') || '"' END))
            ELSE 'SELECT * FROM k2bridge.check();' END
  FROM k2bridge.status s
 WHERE s.kind <> 'server' AND (s.last_error IS NOT NULL OR s.pid IS NULL)
UNION ALL
SELECT NULL, 'schedule', NULL, NULL, s.name, s.last_run, s.last_outcome,
       format('UPDATE k2bridge.schedule SET next_run = now() WHERE name = %L;', s.name)
  FROM k2bridge.schedule s WHERE s.enabled AND s.last_outcome <> 'ok'
UNION ALL
SELECT r.id, 'rejected_item', NULL, NULL, r.service, r.rejected_at, format('%s %s', r.error_code, r.error_text),
       format('SELECT k2bridge.replay(%s);', r.id)
  FROM k2bridge.rejected_item r WHERE r.settled_at IS NULL
UNION ALL
SELECT NULL, p.kind, NULL, NULL, p.refer, p.since, p.text, p.remedy FROM k2.problem p
UNION ALL
SELECT NULL, p.kind, p.server, NULL, p.subject, p.since, p.text, p.remedy FROM autoclient.problem p;
COMMENT ON VIEW k2bridge.problems IS 'Everything that needs a person; remedy is the SQL to paste.';
COMMENT ON COLUMN k2bridge.problems.id IS 'of the call or the refused item';
COMMENT ON COLUMN k2bridge.problems.kind IS 'call_failed, call_uncertain, call_answered, call_held, server_stopped, server_open, not_activated, no_server, ambiguous_server, unknown_server, unknown_endpoint, worker, schedule, rejected_item, or a kind of k2.problem or autoclient.problem';
COMMENT ON COLUMN k2bridge.problems.server IS 'foreign server';
COMMENT ON COLUMN k2bridge.problems.endpoint IS 'k2bridge.endpoint.name';
COMMENT ON COLUMN k2bridge.problems.subject IS 'subject of the call, reference, service or name concerned';
COMMENT ON COLUMN k2bridge.problems.since IS 'when it began';
COMMENT ON COLUMN k2bridge.problems.text IS 'what is wrong, in the bank''s words where there are any';
COMMENT ON COLUMN k2bridge.problems.remedy IS 'SQL that mends it or shows more';

-- What is long under way.
CREATE OR REPLACE VIEW k2bridge.progress AS
SELECT o.server, o.endpoint AS what, NULL::bigint AS done, count(*) AS total, NULL::numeric AS rate, NULL::interval AS eta
  FROM k2bridge.outbox o WHERE o.state = 'queued' GROUP BY o.server, o.endpoint HAVING count(*) > 1000
UNION ALL
SELECT p.server, p.what, p.done, p.total, r.rate, (p.total - p.done) / nullif(r.rate, 0) * interval '1 second'
  FROM autoclient.progress p
 CROSS JOIN LATERAL (SELECT round(p.done / nullif(extract(epoch FROM clock_timestamp() - p.since), 0), 3) AS rate) r;
COMMENT ON VIEW k2bridge.progress IS 'Large backlogs of the queue; running polls and backfills.';
COMMENT ON COLUMN k2bridge.progress.server IS 'foreign server';
COMMENT ON COLUMN k2bridge.progress.what IS 'endpoint, poll or backfill';
COMMENT ON COLUMN k2bridge.progress.done IS 'finished so far';
COMMENT ON COLUMN k2bridge.progress.total IS 'to be done';
COMMENT ON COLUMN k2bridge.progress.rate IS 'per second';
COMMENT ON COLUMN k2bridge.progress.eta IS 'time left';
$setup_tables$) $setup_script$;
COMMENT ON FUNCTION k2bridge.setup_script() IS 'The DDL that k2bridge.setup() runs, part by part.';

-- The version of the code, compared by workers and doors with the version that setup() recorded.
CREATE FUNCTION k2bridge.version() RETURNS text
    LANGUAGE sql IMMUTABLE AS $$ SELECT '1.0'::pg_catalog.text $$;
COMMENT ON FUNCTION k2bridge.version() IS 'Version of the installed functions.';

-- Nothing is for PUBLIC.
DO $revoke$
DECLARE
    wanted pg_catalog.name;
BEGIN
    FOREACH wanted IN ARRAY '{k2bridge,k2,abs,autoclient}'::pg_catalog.name[] LOOP
        EXECUTE pg_catalog.format('REVOKE ALL ON ALL ROUTINES IN SCHEMA %I FROM PUBLIC', wanted);
    END LOOP;
END
$revoke$;

-- Functions that an update brought, or that came back after DROP EXTENSION, are granted to the owner of the tables.
DO $grant$
DECLARE
    holder pg_catalog.name;
BEGIN
    SELECT r.rolname INTO holder
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_roles r ON r.oid = c.relowner
     WHERE c.oid = pg_catalog.to_regclass('k2bridge.outbox') AND NOT r.rolsuper;
    IF FOUND THEN
        PERFORM k2bridge.allow_setup(holder);
    END IF;
END
$grant$;
