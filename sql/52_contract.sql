-- The public contract: tables with their columns, functions with the names, types and defaults of their arguments and what
-- they return, views, settings. More may be added; nothing of this may be renamed or dropped.
\getenv srcdir PG_ABS_SRCDIR
\set roles :srcdir '/sql/include/roles.psql'
\i :roles
\pset format unaligned
\pset tuples_only on
-- Columns that are missing.
SELECT w.relation, c.name
  FROM (VALUES
    ('k2bridge.endpoint', 'name server_type method url_option path body_kind reply_family delivery priority handler builder verify timeout give_up_after keep_reply enabled'),
    ('k2bridge.outbox', 'id endpoint server subject args state parked attempts due_at created_at created_by correlation http_status reply last_error'),
    ('k2bridge.call', 'id endpoint server subject args outcome attempts http_status error_code error_text reply sent_as resent_from correlation created_at finished_at duration'),
    ('k2bridge.inbox', 'id service client remote_addr received_at duration body payload http_status reply correlation'),
    ('k2bridge.rejected_item', 'id inbox_id service position item error_code error_text settled_at'),
    ('k2bridge.audit', 'id at actor client correlation object key action old new note'),
    ('k2bridge.service', 'name function enabled timeout alone'),
    ('k2bridge.api_client', 'name role services allowed_from enabled'),
    ('k2bridge.schedule', 'name command every at run_as enabled last_run last_outcome next_run'),
    ('k2bridge.queue', 'endpoint queued due sending answered uncertain failed oldest last_ok last_error'),
    ('k2bridge.problems', 'id kind server endpoint subject since text remedy'),
    ('k2bridge.progress', 'done total rate eta'),
    ('k2bridge.status', 'kind state'),
    ('k2bridge.call_row', 'id endpoint server subject args outcome attempts http_status error_code error_text reply sent_as resent_from correlation created_at finished_at duration'),
    ('k2bridge.trace_row', 'at direction who what outcome detail id'),
    ('k2.system', 'code kind server debt_key'),
    ('k2.loan', 'id system contract_number dbz_contract_number dbz_dt iinbin fullname iban cur debt overdue_days problemfl segment abs_dep_id abs_id dea_dord dea_dep_id dea_id dea_code request_id received_at synced_at extra'),
    ('k2.loan_debt', 'loan_id at debt source'),
    ('k2.client', 'id iin name'),
    ('k2.ext_account', 'id code name bank_code client_id'),
    ('k2.extreq', 'id code loan_id bank_code extacc_code cur amount paid_amount loan_debt knp purpose stat_id reg_id transitacc_id sys_uuid created_at created_by updated_at updated_by'),
    ('k2.extreq_event', 'id refer kind reason_code at source correlation'),
    ('k2.req_event', 'id refer kind reason_code at source correlation'),
    ('k2.extreq_pay', 'trn_id request_id refer cur amount incoming_amount received_at reversed_at'),
    ('k2.req', 'refer accept_dt doc_num doc_at iinbin acc_fullname ben_fullname ben_bin ben_iban ben_kbe amount cur knp dbz_num dbz_dt purpose head account status reason_code'),
    ('k2.loan_exclude', 'iin dbz_num is_on fio title return_extreq'),
    ('k2.loan_exclude_hist', 'id iin dbz_num code author at title'),
    ('k2.exclusion', 'id iin bank iban for_bank for_extreq for_iban for_refuse finish_dt is_active'),
    ('k2.rzap', 'refer sender_bank'),
    ('k2.rzap_item', 'refer iin dbz_num dbz_dt file_id'),
    ('k2.file', 'id code name mime content'),
    ('k2.bank', 'bic name bin header_paper'),
    ('k2.extreq_stat', 'id title actual can_edit can_recall'),
    ('k2.discrepancy', 'kind refer'),
    ('k2.active_exclusion', 'iin'),
    ('k2.loan_dossier', 'contract_number ready'),
    ('abs.client', 'iinbin fullname sectecon residfl fetched_at'),
    ('abs.account', 'iban iinbin account_name ps system cur gone_at'),
    ('abs.statement_line', 'loan_id dt purpose amount cur dc out_bal'),
    ('abs.payment_request', 'refer amount seen_at'),
    ('autoclient.account', 'server acc name currency poll start_date final_through discovered_at last_poll last_error'),
    ('autoclient.balance', 'server acc day currency balance_in balance_out turnover_debt turnover_cred is_final raw'),
    ('autoclient.transaction', 'server acc trantype ref refn sum sum_e dat_od dat_kl at is_final vanished first_seen raw'),
    ('autoclient.rate', 'server currency side at rate rate_delta nbu_rate'),
    ('autoclient.payment', 'id server client_ref request state payment_ref payment_pack_ref error_code error_text'),
    ('autoclient.statement_check', 'server acc day problem')) AS w (relation, columns)
 CROSS JOIN unnest(string_to_array(w.columns, ' ')) AS c (name)
 WHERE NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = to_regclass(w.relation) AND a.attname = c.name AND NOT a.attisdropped);

-- Amounts are numeric(20,2), whatever the table.
SELECT a.attrelid::regclass, a.attname, format_type(a.atttypid, a.atttypmod)
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
 WHERE c.relnamespace IN ('k2'::regnamespace, 'abs'::regnamespace, 'autoclient'::regnamespace) AND c.relkind = 'r' AND a.attnum > 0
   AND a.attname IN ('amount', 'paid_amount', 'incoming_amount', 'debt', 'loan_debt', 'sum', 'sum_e', 'balance_in', 'balance_out', 'turnover_debt', 'turnover_cred', 'out_bal')
   AND format_type(a.atttypid, a.atttypmod) <> 'numeric(20,2)';

-- The functions of people on duty and of applications, as they are called.
SELECT p.proname || '(' || pg_get_function_arguments(p.oid) || ')' || coalesce(' → ' || pg_get_function_result(p.oid), '')
  FROM pg_proc p
 WHERE p.pronamespace = 'k2bridge'::regnamespace
   AND p.proname = ANY ('{setup,activate,check,enqueue,invoke,wait,deliver,preview,retry,cancel,resolve,resend,pause,resume,check_server,trace,
                          add_api_client,grant_access,replay}'::text[])
 ORDER BY p.proname COLLATE "C", p.pronargs;
SELECT p.proname || '(' || pg_get_function_arguments(p.oid) || ') → ' || pg_get_function_result(p.oid)
  FROM pg_proc p
 WHERE p.pronamespace = 'k2'::regnamespace
   AND p.proname = ANY ('{create_extreq,recall_extreq,recall_req,return_req,reverse_pay,attach_file,is_excluded,iin_valid,iban_valid,today}'::text[])
 ORDER BY p.proname COLLATE "C";

-- Settings: where they may be set, and what holds without them.
SELECT name, context, boot_val, unit FROM pg_settings WHERE name LIKE 'k2bridge.%' ORDER BY name COLLATE "C";

-- What setup(print_only => true) prints makes what setup() makes.
\set shapes 'SELECT c.oid::regclass::text AS relation, c.relkind, CASE WHEN c.relkind = ''v'' THEN pg_get_viewdef(c.oid) WHEN c.relkind IN (''i'', ''I'') THEN pg_get_indexdef(c.oid) END AS body, (SELECT string_agg(concat_ws('' '', a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull), '', '' ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0) AS columns, (SELECT string_agg(pg_get_triggerdef(t.oid), '', '' ORDER BY t.tgname) FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal) AS triggers, (SELECT string_agg(pg_get_constraintdef(k.oid), '', '' ORDER BY k.conname) FROM pg_constraint k WHERE k.conrelid = c.oid) AS rules, obj_description(c.oid, ''pg_class'') AS comment FROM pg_class c WHERE c.relnamespace = ANY (''{k2bridge,k2,abs,autoclient}''::regnamespace[]) AND c.relkind IN (''r'', ''p'', ''v'', ''i'', ''I'', ''S'')'
CREATE DATABASE regress_k2bridge_called;
CREATE DATABASE regress_k2bridge_printed;
\c regress_k2bridge_called
SET client_min_messages = warning;
CREATE EXTENSION k2bridge;
SELECT k2bridge.setup();
SELECT count(*) > 200 AS many, md5(string_agg(m::text, ',' ORDER BY m.relation COLLATE "C", m.relkind)) AS called FROM (:shapes) m \gset
SELECT md5(string_agg(e::text, ',' ORDER BY e.name)) AS endpoints FROM k2bridge.endpoint e \gset
\c regress_k2bridge_printed
SET client_min_messages = warning;
CREATE EXTENSION k2bridge;
SELECT k2bridge.setup(print_only => true) AS ddl \gset
SELECT to_regclass('k2.loan') IS NULL AS nothing_made;
\o /dev/null
:ddl
\o
SELECT :'many' AS many, md5(string_agg(m::text, ',' ORDER BY m.relation COLLATE "C", m.relkind)) = :'called' AS same_objects FROM (:shapes) m;
SELECT md5(string_agg(e::text, ',' ORDER BY e.name)) = :'endpoints' AS same_endpoints FROM k2bridge.endpoint e;
SELECT k2bridge.setup() IS NULL AS repeatable, (SELECT version FROM k2bridge.schema_version) = k2bridge.version() AS noted;
\c postgres
DROP DATABASE regress_k2bridge_called WITH (FORCE);
DROP DATABASE regress_k2bridge_printed WITH (FORCE);
