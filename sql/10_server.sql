-- Servers, user mappings, activation, previews and checks: every option, every error; secrets never shown.
SELECT current_database() AS regression_home \gset
CREATE DATABASE regress_k2bridge_server;
\c regress_k2bridge_server
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION k2bridge;
CREATE ROLE regress_server_owner NOSUPERUSER;
CREATE ROLE regress_server_user NOSUPERUSER;
SELECT k2bridge.allow_setup('regress_server_owner');
GRANT CREATE ON DATABASE :DBNAME TO regress_server_owner;
SET ROLE regress_server_owner;
\set VERBOSITY terse
SELECT k2bridge.setup();
\set VERBOSITY default

-- Every server option, with a good value.
RESET ROLE;
CREATE SERVER whole TYPE 'abs' FOREIGN DATA WRAPPER k2bridge OPTIONS (
    abs_get_cli_url 'abs.example/cli', abs_get_acc_url 'https://abs.example/acc?', abs_get_acc_stmt_dt_url 'https://abs.example/stmt',
    abs_get_pdf_url 'https://abs.example/pdf', abs_reg_pt_url 'https://abs.example/reg', abs_refuse_pt_url 'https://abs.example/refuse',
    abs_return_pt_url 'https://abs.example/return', colvir_get_loan_debt 'https://abs.example/colvir',
    way4_get_loan_debt 'https://abs.example:8443/way4', get_all_pt_from_abs '[::1]:8080/all', post_all_loan_exclude_to_eko 'https://abs.example/eko',
    base_url 'https://abs.example/', my_bus_url 'http://127.0.0.1:9/bus', charset 'utf8', user_agent 'bank/1', token_header 'X-Api-Key',
    connect_timeout '500', timeout '30s', max_connections '7', rate_limit '2.5', ca_file '/ca.pem', cert_file '/cert.pem', key_file '/key.pem',
    verify_tls 'on', tls_min '1.3', allow_http 'no', proxy 'socks5h://proxy.example:1080', timezone 'Asia/Almaty', send_window '22:30-06:00',
    mode 'record');
DROP SERVER whole;
CREATE SERVER whole TYPE 'autoclient' FOREIGN DATA WRAPPER k2bridge OPTIONS (
    base_url 'https://acp.example', docs_url 'acp.example/docs', group_id '44', app_id 'a-1', charset 'cp1251', tls_min '1.2', mode 'live',
    verify_tls 'false', rate_limit '0', send_window '00:00-24:00');
DROP SERVER whole;

-- Names that do not exist.
CREATE SERVER bad FOREIGN DATA WRAPPER k2bridge OPTIONS (abs_get_cli_ulr 'x');
CREATE SERVER bad FOREIGN DATA WRAPPER k2bridge OPTIONS (conect_timeout '1');
CREATE SERVER bad FOREIGN DATA WRAPPER k2bridge OPTIONS (zzzzzzzzzz '1');
CREATE SERVER bad FOREIGN DATA WRAPPER k2bridge OPTIONS (token 's3cret-value');
CREATE SERVER bad FOREIGN DATA WRAPPER k2bridge OPTIONS ("My_url" 'https://abs.example');
ALTER FOREIGN DATA WRAPPER k2bridge OPTIONS (ADD timeout '1');

-- Values that cannot be. None of them is repeated in an error.
CREATE FUNCTION pg_temp.attempt(command text) RETURNS TABLE (state text, message text, hint text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE command;
    RAISE EXCEPTION 'accepted' USING ERRCODE = '00XXX'; -- takes it back
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS message := MESSAGE_TEXT, hint := PG_EXCEPTION_HINT;
    RETURN QUERY SELECT SQLSTATE, message, nullif(hint, '');
END
$$;
SELECT v.name, v.value, a.state, a.message
  FROM (VALUES
    ('base_url', 'ftp://abs.example'), ('base_url', 'https://user:s3cret@abs.example'), ('base_url', ''), ('base_url', 'https://'),
    ('base_url', 'https://abs example'), ('base_url', 'https://abs.example:99999'), ('base_url', 'https://abs.example/#part'),
    ('base_url', E'https://abs.example/\r\nX-Evil: 1'), ('base_url', 'https:abs.example'),
    ('my_bus_url', 'file:///etc/passwd'), ('colvir_get_loan_debt', 'javascript:alert(1)'),
    ('timeout', '0'), ('timeout', '-1'), ('timeout', 'soon'), ('timeout', '25h'), ('timeout', '5 parsecs'), ('timeout', '2d'),
    ('connect_timeout', '99999999999999'),
    ('max_connections', '0'), ('max_connections', '257'), ('max_connections', '4.0'), ('max_connections', ''),
    ('rate_limit', '-1'), ('rate_limit', 'nan'), ('rate_limit', '1e9'), ('rate_limit', 'fast'), ('rate_limit', '100000.5'),
    ('verify_tls', 'maybe'), ('allow_http', ''), ('tls_min', '1.1'), ('tls_min', 'TLSv1.2'),
    ('ca_file', 'ca.pem'), ('ca_file', ''), ('key_file', '/key.pem'),
    ('proxy', ''), ('proxy', 'ftp://proxy'), ('proxy', 'http://proxy/path'), ('proxy', 'http://user:s3cret@proxy'),
    ('timezone', 'Mars/Olympus'), ('send_window', '6-22'), ('send_window', '06:00-06:00'), ('send_window', '25:00-26:00'),
    ('send_window', '24:00-06:00'), ('send_window', '06:60-22:00'), ('send_window', '00:00-00:00'),
    ('mode', 'test'), ('charset', 'koi8-r'), ('user_agent', ''), ('user_agent', 'банк'), ('user_agent', E'a\nb'),
    ('token_header', 'Content-Length'), ('token_header', 'a b'), ('token_header', ''), ('group_id', E'1\t2')
  ) v (name, value),
  LATERAL pg_temp.attempt(format('CREATE SERVER bad TYPE ''http'' FOREIGN DATA WRAPPER k2bridge OPTIONS (%I %L)', v.name, v.value)) a;

-- User mappings.
CREATE SERVER abs TYPE 'abs' FOREIGN DATA WRAPPER k2bridge OPTIONS (base_url 'https://abs.example');
SELECT v.options, a.state, a.message, a.hint
  FROM (VALUES
    ($$token ''$$), ($$token 'two words'$$), ($$bearer E'a\nb'$$), ($$bearer 'токен'$$), ($$"user" 'clerk'$$), ($$password 's3cret'$$),
    ($$"user" 'a:b', password 's3cret'$$), ($$"user" '', password 's3cret'$$), ($$"user" 'clerk', password E's3\x01cret'$$),
    ($$token 's3cret', bearer 's3cret'$$), ($$token 's3cret', token_file '/x'$$),
    ($$"user" 'clerk', password 's3cret', password_file '/x'$$), ($$token_file 'relative'$$), ($$tokn 's3cret'$$),
    ($$base_url 'https://abs.example'$$)
  ) v (options),
  LATERAL pg_temp.attempt(format('CREATE USER MAPPING FOR regress_server_user SERVER abs OPTIONS (%s)', v.options)) a;
SELECT * FROM pg_temp.attempt(format('CREATE USER MAPPING FOR regress_server_user SERVER abs OPTIONS (bearer %L)', repeat('x', 8193)));
-- Inline secrets work and warn, without showing the secret.
CREATE USER MAPPING FOR regress_server_user SERVER abs OPTIONS (token 's3cret-1');
ALTER USER MAPPING FOR regress_server_user SERVER abs OPTIONS (DROP token, ADD bearer 's3cret-2');
ALTER USER MAPPING FOR regress_server_user SERVER abs OPTIONS (DROP bearer, ADD "user" 'clerk', ADD password 's3cret-3');
DROP USER MAPPING FOR regress_server_user SERVER abs;
DROP SERVER abs;

-- A role that is no superuser may make servers, but name no files of the server machine.
SET ROLE regress_server_owner;
CREATE SERVER abs TYPE 'abs' FOREIGN DATA WRAPPER k2bridge OPTIONS (
    abs_get_cli_url 'abs.example/cli?', abs_reg_pt_url 'https://abs.example:8443/reg', abs_get_acc_url 'http://127.0.0.1:9/acc');
ALTER SERVER abs OPTIONS (ADD ca_file '/ca.pem');
ALTER SERVER abs OPTIONS (ADD cert_file '/cert.pem', ADD key_file '/key.pem');
ALTER SERVER abs OPTIONS (ADD proxy 'proxy.example:3128');
ALTER SERVER abs OPTIONS (ADD verify_tls 'off');
ALTER SERVER abs OPTIONS (ADD verify_tls 'on');
CREATE USER MAPPING FOR regress_server_owner SERVER abs OPTIONS (token_file '/etc/k2bridge/token');
RESET ROLE;
GRANT pg_read_server_files TO regress_server_owner;
SET ROLE regress_server_owner;
ALTER SERVER abs OPTIONS (ADD ca_file '/ca.pem');
ALTER SERVER abs OPTIONS (DROP ca_file, DROP verify_tls);
RESET ROLE;
REVOKE pg_read_server_files FROM regress_server_owner;
SELECT * FROM pg_temp.attempt('CREATE FOREIGN TABLE pg_temp.remote (a int) SERVER abs OPTIONS (timeout ''1'')');

-- Previews. The correlation differs from run to run.
CREATE FUNCTION pg_temp.shown(endpoint text, args jsonb, server name DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
    SELECT regexp_replace(k2bridge.preview($1, $2, $3), '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}', '<correlation>')
$$;
SET ROLE regress_server_owner;
\pset format unaligned
\pset tuples_only on
INSERT INTO k2bridge.endpoint (name, server_type, method, url_option, path, body_kind, delivery) VALUES
    ('own.query', 'http', 'GET', 'query_url', NULL, 'none', 'at_least_once'),
    ('own.path', 'http', 'GET', NULL, 'clients/{iin}/loans/{num}', 'none', 'at_least_once'),
    ('own.json', 'http', 'POST', NULL, '/json', 'json', 'at_most_once'),
    ('own.json_path', 'http', 'PUT', NULL, '/json/{id}', 'json', 'at_least_once'),
    ('own.form', 'http', 'POST', NULL, '/form', 'form', 'at_least_once'),
    ('own.files', 'http', 'POST', NULL, '/files', 'multipart', 'at_least_once'),
    ('own.empty', 'http', 'DELETE', NULL, '/{id}', 'none', 'at_least_once'),
    ('own.wrong', 'http', 'GET', NULL, '/wrong', 'json', 'at_least_once'),
    ('own.patch', 'http', 'PATCH', NULL, '/patch', 'json', 'at_least_once');
CREATE SERVER own TYPE 'http' FOREIGN DATA WRAPPER k2bridge OPTIONS (base_url 'https://own.example/api/', query_url 'own.example/q?v=1');
CREATE USER MAPPING FOR PUBLIC SERVER own OPTIONS (bearer 's3cret-public');
CREATE USER MAPPING FOR regress_server_user SERVER own OPTIONS ("user" 'clerk', password 's3cret-user');
SELECT pg_temp.shown('abs.reg_pt', '{"refer": "PTP0000000000001", "amount": 86429.87, "doc_at": "2021-01-04"}');
SELECT pg_temp.shown('own.query', '{"t": "a b&c=д", "n": 99999999999999.990, "b": true, "none": null}');
SELECT pg_temp.shown('own.path', '{"iin": "000000000000", "num": "R/1 №2", "page": 2}');
SELECT pg_temp.shown('own.json', '{"amount": 0.10, "big": 12345678901234567890.12, "deep": {"a": [1, null]}}');
SELECT pg_temp.shown('own.json', '[1, 2.50]');
SELECT pg_temp.shown('own.json_path', '{"id": 7, "x": 1.00}');
SELECT pg_temp.shown('own.form', '{"a": "x y", "b": 1.50, "c": null}');
SELECT pg_temp.shown('own.form', '{}');
SELECT pg_temp.shown('own.empty', '{"id": 7}');
SELECT regexp_replace(pg_temp.shown('own.files', '{"note": "see file", "file": {"content": "JVBERi0=", "file_name": "скан.pdf", "content_type": "application/pdf"}}'),
                      'boundary=\S+|^--\S+', '<boundary>', 'gn');
ALTER SERVER own OPTIONS (ADD charset 'cp1251', ADD user_agent 'bank/1');
SELECT pg_temp.shown('own.json', '{"name": "Тест"}');
RESET ROLE;
GRANT USAGE ON SCHEMA k2bridge TO regress_server_user;
GRANT EXECUTE ON FUNCTION k2bridge.preview(text, jsonb, name), k2bridge.check_server(name), k2bridge.activate(text[]),
    k2bridge.deactivate() TO regress_server_user;
SET ROLE regress_server_user;
SELECT pg_temp.shown('own.empty', '{"id": 8}', 'own');
RESET ROLE;
CREATE USER MAPPING FOR regress_server_owner SERVER own OPTIONS (token 's3cret-owner');
ALTER SERVER own OPTIONS (ADD token_header 'X-Api-Key');
SET ROLE regress_server_owner;
SELECT pg_temp.shown('own.query', '{"t": "s3cret-owner"}');
CREATE SERVER company TYPE 'autoclient' FOREIGN DATA WRAPPER k2bridge OPTIONS (base_url 'https://acp.example', group_id '44', app_id 'a-1');
INSERT INTO k2bridge.endpoint (name, server_type, method, path) VALUES ('auto.read', 'autoclient', 'GET', '/api/x');
SELECT pg_temp.shown('auto.read', '{"acc": "UA1"}');
ALTER SERVER company OPTIONS (DROP group_id, DROP app_id, ADD charset 'cp1251');
SELECT pg_temp.shown('auto.read', '{}', 'company');
\pset format aligned
\pset tuples_only off

-- What cannot be built.
SELECT v.endpoint, v.args, a.state, a.message, a.hint
  FROM (VALUES
    ('own.none', '{}', NULL), ('own.query', '{"a": {"b": 1}}', NULL), ('own.query', '{"a": [1]}', NULL), ('own.query', '[1]', NULL),
    ('own.path', '{"iin": "1"}', NULL), ('own.path', '{"iin": "..", "num": 1}', NULL), ('own.path', '{"iin": null, "num": 1}', NULL),
    ('own.path', '{"iin": "", "num": 1}', NULL),
    ('own.form', '{"a": {}}', NULL), ('own.files', '{"a": {"content": 1}}', NULL), ('own.files', '{"a": {"content": "?"}}', NULL),
    ('own.wrong', '{}', NULL), ('own.patch', '{}', NULL), ('own.json', '{"emoji": "☃"}', NULL),
    ('own.query', '{}', 'company'), ('own.query', '{}', 'nowhere'), ('abs.get_pdf', '{}', 'abs'), ('abs.get_pdf', '{}', NULL),
    ('abs.get_cli', NULL, NULL)
  ) v (endpoint, args, server),
  LATERAL pg_temp.attempt(format('SELECT k2bridge.preview(%L, %L, %L)', v.endpoint, v.args, v.server)) a;
CREATE SERVER abs2 TYPE 'abs' FOREIGN DATA WRAPPER k2bridge OPTIONS (abs_reg_pt_url 'https://abs2.example/reg');
SELECT k2bridge.preview('abs.reg_pt', '{}');
DROP SERVER abs2;
SELECT k2bridge.preview('abs.reg_pt', '{}') LIKE 'POST https://abs.example:8443/reg HTTP/1.1%' AS found_again;

-- Options that are fine in themselves, but not for the type of the server.
ALTER SERVER own OPTIONS (ADD group_id '44');
SELECT k2bridge.preview('own.empty', '{"id": 1}');
ALTER SERVER own OPTIONS (DROP group_id);
CREATE SERVER typeless FOREIGN DATA WRAPPER k2bridge OPTIONS (base_url 'https://own.example');
SELECT k2bridge.preview('own.empty', '{"id": 1}', 'typeless');
DROP SERVER typeless;
RESET ROLE;
CREATE FOREIGN DATA WRAPPER stranger;
CREATE SERVER stranger FOREIGN DATA WRAPPER stranger;
SELECT k2bridge.preview('own.empty', '{"id": 1}', 'stranger');
DROP FOREIGN DATA WRAPPER stranger CASCADE;

-- Builders: run as the owner, must be a function of the right shape that the owner may execute.
SET ROLE regress_server_owner;
CREATE SCHEMA own_code;
CREATE FUNCTION own_code.build(args jsonb) RETURNS jsonb LANGUAGE sql AS $$ SELECT jsonb_build_object('who', current_user, 'sum', (args ->> 'a')::numeric + 0.10) $$;
CREATE FUNCTION own_code.nothing(args jsonb) RETURNS jsonb LANGUAGE sql AS $$ SELECT NULL::jsonb $$;
CREATE FUNCTION own_code.texts(args jsonb) RETURNS text LANGUAGE sql AS $$ SELECT 'x' $$;
CREATE FUNCTION own_code.raises(args jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no such loan' USING ERRCODE = 'P0002'; END $$;
ALTER SERVER own OPTIONS (DROP charset);
UPDATE k2bridge.endpoint SET builder = 'own_code.build' WHERE name = 'own.json';
SELECT right(k2bridge.preview('own.json', '{"a": 1.00}'), 36) AS body;
RESET ROLE;
CREATE FUNCTION own_code.foreign_build(args jsonb) RETURNS jsonb LANGUAGE sql SECURITY DEFINER AS $$ SELECT '{}'::jsonb $$;
REVOKE EXECUTE ON FUNCTION own_code.foreign_build(jsonb) FROM PUBLIC;
SET ROLE regress_server_owner;
DO $$
DECLARE
    wrong text;
BEGIN
    FOREACH wrong IN ARRAY '{own_code.nothing,own_code.texts,own_code.raises,own_code.missing,build,own_code.foreign_build}'::text[] LOOP
        UPDATE k2bridge.endpoint SET builder = wrong WHERE name = 'own.json';
        BEGIN
            PERFORM k2bridge.preview('own.json', '{}');
            RAISE WARNING '%: accepted', wrong;
        EXCEPTION WHEN OTHERS THEN
            RAISE WARNING '%: % %', wrong, SQLSTATE, SQLERRM;
        END;
    END LOOP;
END
$$;
UPDATE k2bridge.endpoint SET builder = NULL WHERE name = 'own.json';

-- Activation: for the owner of the tables, for these hosts, audited.
SELECT activated, hosts FROM (SELECT count(*) AS activated, min(a.hosts::text) AS hosts FROM k2bridge.activation a) x;
SELECT item, ok, detail, remedy FROM k2bridge.check() WHERE item = 'activation';
-- Hints and the warning name this host, which differs from machine to machine.
SELECT state, message, hint LIKE 'Leave the argument away for this host, or name it: ARRAY[''_%''].' AS hint
  FROM unnest('{"ARRAY[]::text[]","ARRAY[''bank1'', NULL]","ARRAY['' '']"}'::text[]) hosts,
       LATERAL pg_temp.attempt('SELECT k2bridge.activate(' || hosts || ')');
SET client_min_messages = error;
SELECT k2bridge.activate(ARRAY['Other.Example', 'OTHER.example']);
SET client_min_messages = warning;
SELECT a.hosts, a.by, a.database_oid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()) AS this_database,
       a.system_identifier = (SELECT c.system_identifier FROM pg_control_system() c) AS this_cluster
  FROM k2bridge.activation a;
SELECT item, ok, detail LIKE 'activated for other.example, and this is %' AS told FROM k2bridge.check() WHERE item = 'activation';
SELECT k2bridge.activate();
SELECT item, ok, detail LIKE 'calls may leave %' AS told FROM k2bridge.check() WHERE item = 'activation';
UPDATE k2bridge.activation SET system_identifier = system_identifier + 1;
SELECT item, ok, detail FROM k2bridge.check() WHERE item = 'activation';
SET ROLE regress_server_user;
SELECT k2bridge.activate();
SELECT k2bridge.deactivate();
SET ROLE regress_server_owner;
SELECT k2bridge.deactivate();
SELECT k2bridge.deactivate();
SELECT action, actor, old IS NOT NULL AS had, new ->> 'hosts' = '["other.example"]' AS other FROM k2bridge.audit WHERE object = 'k2bridge.activation' ORDER BY id;

-- check_server: options, files, then a closed port and addresses that may not be reached.
SELECT * FROM k2bridge.check_server('abs');
SELECT * FROM k2bridge.check_server('nowhere');
SELECT * FROM k2bridge.check_server(NULL);
ALTER SERVER own OPTIONS (SET base_url 'https://127.0.0.1:9', SET query_url 'http://localhost:9/q', ADD qery_url 'http://127.0.0.1:9', ADD mode 'record');
SELECT * FROM k2bridge.check_server('own');
-- The send window around, after and before now, in the time zone of the server, over midnight or not.
CREATE FUNCTION pg_temp.in_window(zone text, from_now interval, to_now interval) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    here timestamp := date_trunc('minute', now() AT TIME ZONE zone);
    told text;
BEGIN
    EXECUTE format('ALTER SERVER own OPTIONS (ADD send_window %L, ADD timezone %L)',
                   to_char(here + from_now, 'HH24:MI-') || to_char(here + to_now, 'HH24:MI'), zone);
    SELECT replace(c.detail, to_char((here + from_now + CASE WHEN from_now <= '-1 min' THEN interval '1 day' ELSE '0' END)
                                     AT TIME ZONE zone, 'YYYY-MM-DD HH24:MI:SS'), '<expected>')
      INTO told FROM k2bridge.check_server('own') c WHERE c.item = 'send_window';
    ALTER SERVER own OPTIONS (DROP send_window, DROP timezone);
    RETURN regexp_replace(told, '<expected>.*', '<expected>');
END
$$;
SELECT z.zone, w.from_now, w.to_now, pg_temp.in_window(z.zone, w.from_now::interval, w.to_now::interval)
  FROM (VALUES ('Asia/Almaty'), ('UTC'), ('Asia/Kathmandu')) z (zone),
       (VALUES ('-6 hours', '6 hours'), ('6 hours', '12 hours'), ('-12 hours', '-6 hours'), ('2 hours', '22 hours'), ('-1 hour', '20 hours')) w (from_now, to_now);
ALTER SERVER own OPTIONS (DROP qery_url, ADD group_id '1');
SELECT * FROM k2bridge.check_server('own');
ALTER SERVER own OPTIONS (DROP group_id);
RESET ROLE;
ALTER SERVER own OPTIONS (ADD ca_file '/nonexistent/ca.pem');
ALTER USER MAPPING FOR regress_server_user SERVER own OPTIONS (DROP password, ADD password_file '/nonexistent/password');
SET ROLE regress_server_user;
SELECT * FROM k2bridge.check_server('own') WHERE NOT ok AND item NOT LIKE 'connect http%';
SELECT k2bridge.preview('own.empty', '{"id": 1}', 'own');
RESET ROLE;

-- Secret files are read again when they change; what is no secret is refused without being shown.
SELECT current_setting('data_directory') || '/k2_secret' AS secret_file \gset
CREATE FUNCTION pg_temp.write_secret(content text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('COPY (SELECT unnest(string_to_array(%L, E''\n''))) TO %L', content, current_setting('data_directory') || '/k2_secret');
END
$$;
SELECT pg_temp.write_secret('clerks-word');
ALTER USER MAPPING FOR regress_server_user SERVER own OPTIONS (SET password_file :'secret_file');
SET ROLE regress_server_user;
SELECT item, ok, detail FROM k2bridge.check_server('own') WHERE item = 'credentials';
SELECT k2bridge.preview('own.query', '{"t": "the-word-is-clerks-word-then"}') LIKE '%t=the-word-is-***-then%' AS first_secret;
RESET ROLE;
SELECT pg_temp.write_secret('another-word');
SET ROLE regress_server_user;
SELECT k2bridge.preview('own.query', '{"t": "clerks-word-or-another-word"}') LIKE '%t=clerks-word-or-***%' AS second_secret;
RESET ROLE;
SELECT pg_temp.write_secret(E'two\nlines');
SET ROLE regress_server_user;
SELECT k2bridge.preview('own.empty', '{"id": 1}', 'own');
RESET ROLE;
SELECT pg_temp.write_secret('');
SET ROLE regress_server_user;
SELECT k2bridge.preview('own.empty', '{"id": 1}', 'own');
RESET ROLE;
ALTER USER MAPPING FOR regress_server_user SERVER own OPTIONS (SET password_file '/tmp');
SET ROLE regress_server_user;
SELECT k2bridge.preview('own.empty', '{"id": 1}', 'own');
RESET ROLE;
ALTER USER MAPPING FOR regress_server_user SERVER own OPTIONS (DROP "user", DROP password_file, ADD token_file :'secret_file');
SELECT pg_temp.write_secret('two words');
SET ROLE regress_server_user;
SELECT k2bridge.preview('own.empty', '{"id": 1}', 'own');
RESET ROLE;

-- Nothing of it is for PUBLIC.
SELECT count(*) AS granted FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) g
 WHERE n.nspname = 'k2bridge' AND g.grantee = 0;

COPY (SELECT) TO PROGRAM 'cat >/dev/null; rm -f k2_secret';
\c :regression_home
DROP DATABASE regress_k2bridge_server;
DROP ROLE regress_server_owner, regress_server_user;
