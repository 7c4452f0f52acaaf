-- Rights of the roles of a bank, in the words of its organisation chart.

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
            callable := '{check,version,status_page,metrics,openapi}';
        WHEN 'auditor' THEN
            PERFORM k2bridge.grant_access(role, 'observer');
            readable := '{k2bridge.audit}';
        WHEN 'reader' THEN
            PERFORM k2bridge.grant_access(role, 'observer');
            schemas := '{k2bridge,k2,abs,autoclient}';
            readable := ARRAY(SELECT format('%I.%I', n.nspname, c.relname)
                                FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                               WHERE n.nspname = ANY (schemas) AND c.relkind IN ('r', 'p', 'v')
                                 AND NOT (n.nspname = 'k2bridge' AND c.relname IN ('audit', 'api_client')));
        WHEN 'operator' THEN
            PERFORM k2bridge.grant_access(role, 'reader');
            callable := '{retry,cancel,resolve,resend,pause,resume,wait,deliver,invoke,enqueue,preview,check_server,replay,create_extreq,recall_extreq,recall_req,return_req,reverse_pay,attach_file,get_file,read_file,is_excluded,iin_valid,iban_valid,today,get_cli,get_acc,get_acc_stmt_dt,get_pdf,colvir_get_loan_debt,way4_get_loan_debt,refresh_debt,get_all_pt,all_pt,reg_pt,refuse_pt,return_pt,push_exclusions}';
        WHEN 'service' THEN
            schemas := '{k2bridge,k2}';
            callable := '{k2loan_from_eko,k2extreq_pay_from_eko,k2loan_sync_debt,k2extreq_by_dbz,k2req_status_from_eko,k2req_return_from_eko,k2req_refuse_from_eko,k2inforeq_rzap_by_refer,k2loan_exclude_on_by_iin_dbznum,k2loan_exclude_off_by_iin_dbznum,get_file,read_file,openapi}';
        WHEN 'payer', 'signer' THEN
            RAISE EXCEPTION 'access % comes with the Autoclient payments', access USING ERRCODE = 'feature_not_supported';
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
'Grants a role what an observer, reader, auditor, operator or service needs, and nothing more. Run it as the owner of the tables or a superuser, again after an update.';
