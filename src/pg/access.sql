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
