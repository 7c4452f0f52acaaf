# Roles: what each access of k2bridge.grant_access may read and run, printed as a matrix and compared with what is
# promised (in the table at the end: observer O, reader R, auditor A, operator W, payer P, signer S, service X); and
# attempts to get more: forged authors, calls that move money by the back door, settings and roles that leak from item
# to item, objects of the caller in front of ours, schedules, the catalogues of calls and services.
use strict;
use warnings;

use lib 't', 'test/t';
use K2bridge;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my @accesses = qw(observer reader auditor operator payer signer service);
my $bank = start_bank();
my $node = new_node('roles', 'k2bridge.databases' => 'bank');
$node->safe_psql('postgres', 'CREATE DATABASE bank');
$node->safe_psql('bank', q{CREATE EXTENSION k2bridge; CREATE ROLE keeper; SELECT k2bridge.allow_setup('keeper');
	GRANT CREATE ON SCHEMA public TO keeper; SET ROLE keeper; SELECT k2bridge.setup()});
$node->safe_psql('bank', $bank->servers('abs') . '; GRANT USAGE ON FOREIGN SERVER abs TO keeper');
$node->safe_psql('bank', "CREATE ROLE $_; SET ROLE keeper; SELECT k2bridge.grant_access('$_', '$_')") for @accesses;
wait_for_workers($node, 'bank', 1, 'the workers run');

sub sql { return $node->safe_psql('bank', $_[0]) }

# SQLSTATE and message of a statement of a role, or what it answered.
sub attempt
{
	my ($role, $statement) = @_;
	my ($status, $out, $err) = $node->psql('bank', "\\set VERBOSITY verbose\nSET ROLE $role;\n$statement");
	return $err =~ /ERROR:  (.*)/ ? $1 : "no error: $out";
}

# Object → letters of the accesses that may read (tables, views) or run (functions) it.
sub granted
{
	my %letters = (observer => 'O', reader => 'R', auditor => 'A', operator => 'W', payer => 'P', signer => 'S', service => 'X');
	my %matrix;
	for my $access (@accesses)
	{
		my $objects = sql(qq{SELECT string_agg(DISTINCT object, ' ') FROM (
			SELECT c.oid::regclass::text FROM pg_class c
			 WHERE c.relnamespace = ANY ('{k2bridge,k2,abs,autoclient}'::regnamespace[]) AND c.relkind IN ('r', 'p', 'v', 'S') AND NOT c.relispartition
			   AND (CASE WHEN c.relkind = 'S' THEN has_sequence_privilege('$access', c.oid, 'USAGE, SELECT, UPDATE')
			             ELSE has_table_privilege('$access', c.oid, 'SELECT') OR has_any_column_privilege('$access', c.oid, 'SELECT') END)
			UNION SELECT n.nspname || '.' || p.proname || '()' FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
			 WHERE n.nspname IN ('k2bridge', 'k2', 'abs', 'autoclient') AND has_function_privilege('$access', p.oid, 'EXECUTE')
			) o (object)});
		$matrix{$_} .= $letters{$access} for split ' ', $objects;
	}
	return \%matrix;
}

subtest 'the matrix' => sub {
	my $found = granted();
	my %promised = map { split ' ' } grep { /\S/ } <DATA>;
	note sprintf '%-55s %s', $_, $found->{$_} for sort keys %$found;
	is_deeply($found, \%promised, 'every role may read and run what is promised, and nothing else');
	is(sql(q{SELECT count(*) FROM pg_class c, unnest('{observer,reader,auditor,operator,payer,signer,service}'::text[]) r
		WHERE c.relnamespace = ANY ('{k2bridge,k2,abs,autoclient}'::regnamespace[]) AND c.relkind IN ('r', 'p', 'v')
		AND (has_table_privilege(r, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER') OR has_any_column_privilege(r, c.oid, 'INSERT, UPDATE'))}), 0,
		'nobody but the owner writes a table');
	is(sql(q{SELECT count(*) FROM unnest('{observer,reader,auditor,operator,payer,signer,service}'::text[]) r,
		unnest('{k2bridge,k2,abs,autoclient}'::text[]) s WHERE has_schema_privilege(r, s, 'CREATE')}), 0, 'nor creates objects in the schemas');
	like(attempt('keeper', "SELECT k2bridge.grant_access('reader', 'king')"), qr/^22023: /, 'an unknown access');
	like(attempt('operator', "SELECT k2bridge.grant_access('operator', 'payer')"), qr/^42501: /, 'nobody grants himself more');
};

subtest 'personal data' => sub {
	sql(q{SET ROLE keeper; SELECT k2.k2loan_from_eko('[{"request_id": 1, "system": "way4", "contract_number": "KD1", "dbz_contract_number": "KD1",
		"dbz_dt": "2014-02-08", "iinbin": "000000000010", "fullname": "Тестовый Тест", "iban": "KZ82722TEST000000001", "cur": "KZT", "debt": 1, "overdue_days": 9}]')});
	for my $what ('SELECT * FROM k2.loan', 'SELECT * FROM k2bridge.call', 'SELECT * FROM k2bridge.outbox', 'SELECT * FROM k2bridge.inbox',
		'SELECT * FROM k2bridge.problems', 'SELECT * FROM k2bridge.rejected_item', "SELECT * FROM k2bridge.trace('KD1')")
	{
		like(attempt($_, $what), qr/^42501: /, "$_: $what") for qw(observer auditor service);
		like(attempt('reader', $what), qr/^no error/, "reader: $what");
	}
	like(attempt($_, 'SELECT count(*) FROM k2bridge.queue, k2bridge.status'), qr/^no error: [1-9]/, "$_ sees the queue") for qw(observer auditor);
	like(attempt($_, 'SELECT count(*) FROM k2bridge.check()'), qr/^no error: [1-9]/, "$_ may check") for qw(observer reader auditor operator payer signer);
	my $id = sql(q{SET ROLE keeper; SELECT k2bridge.enqueue('abs.get_cli', '{"iinbin": "000000000010"}', NULL, NULL, 'infinity')});
	sql("UPDATE k2bridge.outbox SET last_error = 'IIN 000000000010' WHERE id = $id");
	is(attempt('observer', "SELECT count(*) FROM k2bridge.queue WHERE last_error ~ '0010'"), 'no error: 0', 'but not what it says of clients');
	is(attempt('reader', "SELECT count(*) FROM k2bridge.queue WHERE last_error ~ '0010'"), 'no error: 1', 'which a reader sees');
	like(attempt('auditor', 'SELECT count(*) FROM k2bridge.audit'), qr/^no error: [1-9]/, 'the auditor sees the audit');
	like(attempt('reader', 'SELECT count(*) FROM k2bridge.audit'), qr/^42501: /, 'the reader does not');
	like(attempt('reader', 'SELECT secret_hash FROM k2bridge.api_client'), qr/^42501: /, 'nobody sees hashes');
};

subtest 'calls that move money' => sub {
	my $payment = q{'autoclient.payment_create', '{"request": {}}'};
	like(attempt('operator', "SELECT k2bridge.enqueue($payment)"), qr/^42501: .*may not queue calls to autoclient.payment_create/, 'an operator cannot queue a payment by hand');
	like(attempt('operator', "SELECT k2bridge.enqueue_all(ARRAY['autoclient.payment_create'], ARRAY['{}'::jsonb], ARRAY[NULL::text], ARRAY[NULL::name])"), qr/^42501: /, 'nor many');
	like(attempt('operator', "CALL k2bridge.deliver($payment, NULL, NULL, NULL)"), qr/^42501: /, 'nor deliver one');
	like(attempt('operator', "SELECT autoclient.create_payment('{}')"), qr/^42501: /, 'nor create it');
	like(attempt('payer', "SELECT k2bridge.enqueue('autoclient.payment_add_sign', '{}')"), qr/^42501: /, 'a payer cannot sign');
	like(attempt('signer', "SELECT k2bridge.enqueue($payment)"), qr/^42501: /, 'a signer cannot pay');
	like(attempt('payer', "SELECT k2bridge.enqueue('abs.reg_pt', '{\"refer\": \"X\"}', 'req:X')"), qr/^42501: /, 'a payer does not register ПТ');
	my $id = sql("SET ROLE keeper; SELECT k2bridge.enqueue($payment, NULL, NULL, 'infinity')");
	sql("UPDATE k2bridge.outbox SET state = 'failed' WHERE id = $id");
	like(attempt('operator', "SELECT k2bridge.retry($id)"), qr/^42501: /, 'an operator cannot send a failed payment again');
	like(attempt('operator', "SELECT k2bridge.resolve($id, 'ok', 'so I say')"), qr/^42501: /, 'nor call it done');
	like(attempt('signer', "SELECT k2bridge.resolve($id, 'ok', 'so I say')"), qr/^42501: /, 'nor does a signer');
	like(attempt('operator', "SELECT k2bridge.cancel($id, 'stop')"), qr/^no error/, 'he may stop it');
	wait_for_sql($node, 'bank', "SELECT outcome FROM k2bridge.call WHERE id = $id", 'and it ends', 'cancelled');
	like(attempt('operator', "SELECT k2bridge.resend($id, 'again')"), qr/^42501: /, 'but not send what ended');
	like(attempt('operator', "SELECT k2bridge.enqueue('abs.refuse_pt', '{\"refer\": \"X\", \"reason_code\": \"01\"}', 'req:X', NULL, 'infinity')"), qr/^no error: \d+/, 'calls about ПТ are his');
};

subtest 'authors' => sub {
	sql('CREATE ROLE clerk; GRANT USAGE ON SCHEMA k2 TO clerk; GRANT SELECT, INSERT, UPDATE ON k2.req TO clerk');
	like(attempt('clerk', q{INSERT INTO k2.req (refer, iinbin, amount, cur, created_by, updated_by) VALUES ('PTPR1', '000000000010', 1, 'KZT', 'keeper', 'keeper')}), qr/^no error/, 'INSERT is all a clerk needs');
	is(sql(q{SELECT concat_ws(' ', r.created_by, r.updated_by, a.actor, coalesce(o.created_by, c.created_by))
		FROM k2.req r JOIN k2bridge.audit a ON a.object = 'k2.req' AND a.key = r.refer AND a.action = 'insert'
		LEFT JOIN k2bridge.outbox o ON o.subject = 'req:' || r.refer LEFT JOIN k2bridge.call c ON c.subject = 'req:' || r.refer WHERE r.refer = 'PTPR1'}),
		'clerk clerk clerk clerk', 'created_by cannot be forged: row, audit and call have the clerk');
	like(attempt('operator', 'INSERT INTO k2bridge.outbox (endpoint, created_by, correlation) VALUES (\'abs.get_cli\', \'keeper\', gen_random_uuid())'), qr/^42501: /, 'nobody inserts into the outbox');
	like(attempt('operator', q{SELECT k2bridge.record_audit('k2.req', 'PTPR1', 'update', NULL, NULL, NULL)}), qr/^42501: /, 'nor writes the audit');
	for my $table (qw(endpoint service schedule api_client activation paused))
	{
		like(attempt('operator', "DELETE FROM k2bridge.$table"), qr/^42501: /, "an operator does not write $table");
	}
	like(attempt('operator', 'SET k2bridge.enqueue = off; SELECT abs.reg_pt(\'PTPR1\')'), qr/^42501: /, 'nor switches queueing off');
};

subtest 'escalation' => sub {
	sql(q{CREATE ROLE mallory; GRANT reader, operator TO mallory; CREATE SCHEMA evil AUTHORIZATION mallory});
	sql(q{SET ROLE mallory;
		CREATE FUNCTION evil.caught() RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'caught as %', current_user; END $$;
		CREATE FUNCTION evil.btrim(text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.caught(); END $$;
		CREATE FUNCTION evil.now() RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.caught(); END $$;
		CREATE FUNCTION evil.to_jsonb(anyelement) RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.caught(); END $$;
		CREATE FUNCTION evil.eq(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.caught(); END $$;
		CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.eq)});
	my $path = 'SET search_path = evil, pg_catalog; ';
	for my $call (q{k2bridge.pause(endpoint => 'abs.get_pdf', note => 'n')}, q{k2bridge.resume(endpoint => 'abs.get_pdf')}, q{k2bridge.trace('KD1')},
		q{k2.recall_req('PTPR1', '01')}, q{k2bridge.enqueue('abs.get_cli', '{"iinbin": "000000000010"}')})
	{
		unlike(attempt('mallory', "${path}SELECT $call"), qr/caught/, "functions in front of ours are not called: $call");
	}
	sql('GRANT INSERT, SELECT ON k2bridge.schedule TO mallory');
	like(attempt('mallory', q{INSERT INTO k2bridge.schedule (name, command, every, run_as) VALUES ('x', 'SELECT 1', '1 day', 'postgres')}), qr/^42501: /, 'a schedule does not run as a superuser');
	like(attempt('mallory', q{INSERT INTO k2bridge.schedule (name, command, every, run_as) VALUES ('x', 'SELECT 1', '1 day', 'keeper')}), qr/^42501: /, 'nor as the owner');
	sql('REVOKE INSERT, SELECT ON k2bridge.schedule FROM mallory');
	like(attempt('mallory', "CREATE TRIGGER mine AFTER INSERT ON k2.req FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()"), qr/^42501: /, 'nobody hangs a trigger onto our tables');
	like(attempt('mallory', "CREATE TABLE evil.t (id integer); CREATE TRIGGER mine AFTER INSERT ON evil.t FOR EACH ROW EXECUTE FUNCTION k2bridge.owner_trigger('k2bridge.wake_scheduler')"), qr/^42501: /, 'nor ours onto his own');
	like(attempt('mallory', q{SELECT k2.k2loan_from_eko_as_owner('[]')}), qr/^42501: /, 'what is behind a door has no other entrance');
};

subtest 'nothing leaks from item to item' => sub {
	sql(q{SET ROLE keeper; CREATE TABLE public.seen (id bigint, path text, who text, zone text);
		CREATE FUNCTION public.leaky(call k2bridge.call_row) RETURNS void LANGUAGE plpgsql AS $$
		BEGIN
			INSERT INTO public.seen VALUES (call.id, current_setting('search_path'), current_user, current_setting('TimeZone'));
			PERFORM set_config('search_path', 'evil', false), set_config('TimeZone', 'Asia/Tokyo', false), set_config('statement_timeout', '1', false);
		END $$;
		CREATE FUNCTION public.climbing(call k2bridge.call_row) RETURNS void LANGUAGE plpgsql AS $$
		BEGIN
			RESET ROLE;
			INSERT INTO public.seen VALUES (call.id, 'climbed', current_user, '');
		END $$;
		CREATE FUNCTION public.switching(call k2bridge.call_row) RETURNS void LANGUAGE plpgsql AS $$
		BEGIN
			SET SESSION AUTHORIZATION postgres;
			INSERT INTO public.seen VALUES (call.id, 'climbed', current_user, '');
		END $$;
		INSERT INTO k2bridge.endpoint (name, server_type, method, url_option, reply_family, handler) VALUES
			('own.leaky', 'abs', 'GET', 'abs_get_cli_url', 'abs', 'public.leaky'), ('own.climbing', 'abs', 'GET', 'abs_get_cli_url', 'abs', 'public.climbing'),
			('own.switching', 'abs', 'GET', 'abs_get_cli_url', 'abs', 'public.switching')});
	sql(q{SET ROLE keeper; SELECT k2bridge.pause(); SELECT k2bridge.enqueue('own.leaky', '{"iinbin": "000000000010"}') FROM generate_series(1, 20);
		SELECT k2bridge.resume()});
	wait_for_sql($node, 'bank', q{SELECT count(*) FROM k2bridge.call WHERE endpoint = 'own.leaky' AND outcome = 'ok'}, 'twenty handlers that change settings', 20);
	is(sql("SELECT count(DISTINCT (path, who, zone)) || ' ' || min(who) || ' ' || bool_or(path ~ 'evil' OR zone ~ 'Tokyo') FROM public.seen"), '1 keeper false', 'each begins with the same ones, as the owner');
	for my $endpoint (qw(own.climbing own.switching))
	{
		my $id = sql("SET ROLE keeper; SELECT k2bridge.enqueue('$endpoint', '{\"iinbin\": \"000000000010\"}')");
		wait_for_sql($node, 'bank', "SELECT state FROM k2bridge.outbox WHERE id = $id", "$endpoint is refused", 'answered');
	}
	is(sql("SELECT count(*) FROM public.seen WHERE path = 'climbed'"), 0, 'no handler becomes another role');
};

$node->stop;
done_testing();

__DATA__
abs.account                                             RWPS
abs.all_pt()                                            W
abs.client                                              RWPS
abs.colvir_get_loan_debt()                              W
abs.exclusion_push                                      RWPS
abs.get_acc()                                           W
abs.get_acc_stmt_dt()                                   W
abs.get_all_pt()                                        W
abs.get_cli()                                           W
abs.get_pdf()                                           W
abs.loan_answer                                         RWPS
abs.payment_request                                     RWPS
abs.push_exclusions()                                   W
abs.refresh_debt()                                      W
abs.refuse_pt()                                         W
abs.reg_pt()                                            W
abs.return_pt()                                         W
abs.scan                                                RWPS
abs.statement_line                                      RWPS
abs.way4_get_loan_debt()                                W
autoclient.account                                      RWPS
autoclient.acquiring()                                  WPS
autoclient.acquiring_row                                RWPS
autoclient.backfill()                                   W
autoclient.balance                                      RWPS
autoclient.balances()                                   WPS
autoclient.balances_final()                             WPS
autoclient.balances_interim()                           WPS
autoclient.card_statement                               RWPS
autoclient.card_statements()                            WPS
autoclient.check_counterparty()                         WPS
autoclient.check_days()                                 RWPS
autoclient.clients_in_group()                           WPS
autoclient.company                                      RWPS
autoclient.corp_card                                    RWPS
autoclient.corp_statements()                            WPS
autoclient.corpcards()                                  WPS
autoclient.counterparty                                 RWPS
autoclient.create_cpi_payment()                         P
autoclient.create_payment()                             P
autoclient.create_swift_payment()                       P
autoclient.currency_history()                           WPS
autoclient.currency_rates()                             WPS
autoclient.delete_payment()                             P
autoclient.document                                     RWPS
autoclient.edoc_base64()                                WPS
autoclient.edoc_create_payment()                        P
autoclient.edoc_delete()                                P
autoclient.edoc_journal()                               WPS
autoclient.edoc_p7s()                                   WPS
autoclient.edoc_pdf()                                   WPS
autoclient.edoc_send_for_preview()                      P
autoclient.edoc_sign_info()                             WPS
autoclient.edoc_upload()                                P
autoclient.edoc_upload_pdf()                            P
autoclient.edoc_upload_pdf_b64()                        P
autoclient.edoc_upload_signed_b64()                     P
autoclient.edoc_upload_signed_xml()                     P
autoclient.edoc_xml()                                   WPS
autoclient.eo_create()                                  P
autoclient.eo_create_b64()                              P
autoclient.extreq_link                                  RWPS
autoclient.get_payment()                                WPS
autoclient.is_booked()                                  RWPS
autoclient.maspay_add()                                 P
autoclient.maspay_content()                             WPS
autoclient.maspay_create()                              P
autoclient.maspay_header()                              WPS
autoclient.maspay_remove()                              P
autoclient.maspay_validate()                            P
autoclient.pause_backfill()                             W
autoclient.payment                                      RWPS
autoclient.paysheets_journal()                          WPS
autoclient.paysheets_upload()                           P
autoclient.poll()                                       W
autoclient.poll_remedy()                                RWPS
autoclient.problem                                      RWPS
autoclient.progress                                     RWPS
autoclient.rate                                         RWPS
autoclient.receipts()                                   WPS
autoclient.salary_groups()                              WPS
autoclient.salary_line                                  RWPS
autoclient.salary_packet                                RWPS
autoclient.salary_packets()                             WPS
autoclient.salary_receiver                              RWPS
autoclient.salary_receivers()                           WPS
autoclient.salary_update_receiver()                     P
autoclient.server_day                                   RWPS
autoclient.server_option()                              RWPS
autoclient.settings()                                   WPS
autoclient.sign_payment()                               S
autoclient.statement_check                              RWPS
autoclient.transaction                                  RWPS
autoclient.transactions()                               WPS
autoclient.transactions_final()                         WPS
autoclient.transactions_interim()                       WPS
autoclient.unmatched                                    RWPS
k2.active_exclusion                                     RWPS
k2.app_user                                             RWPS
k2.attach_file()                                        W
k2.bank                                                 RWPS
k2.client                                               RWPS
k2.create_extreq()                                      W
k2.currency                                             RWPS
k2.discrepancy                                          RWPS
k2.exclusion                                            RWPS
k2.ext_account                                          RWPS
k2.extreq                                               RWPS
k2.extreq_ended()                                       RWPS
k2.extreq_event                                         RWPS
k2.extreq_pay                                           RWPS
k2.extreq_prefix                                        RWPS
k2.extreq_stat                                          RWPS
k2.file                                                 RWPS
k2.get_file()                                           WX
k2.iban_valid()                                         W
k2.iin_valid()                                          W
k2.is_excluded()                                        RWPS
k2.k2extreq_by_dbz()                                    X
k2.k2extreq_pay_from_eko()                              X
k2.k2inforeq_rzap_by_refer()                            X
k2.k2loan_exclude_off_by_iin_dbznum()                   X
k2.k2loan_exclude_on_by_iin_dbznum()                    X
k2.k2loan_from_eko()                                    X
k2.k2loan_sync_debt()                                   X
k2.k2req_refuse_from_eko()                              X
k2.k2req_return_from_eko()                              X
k2.k2req_status_from_eko()                              X
k2.knp                                                  RWPS
k2.loan                                                 RWPS
k2.loan_debt                                            RWPS
k2.loan_dossier                                         RWPS
k2.loan_exclude                                         RWPS
k2.loan_exclude_hist                                    RWPS
k2.local_date()                                         RWPS
k2.problem                                              RWPS
k2.read_file()                                          WX
k2.recall_extreq()                                      W
k2.recall_req()                                         W
k2.reg                                                  RWPS
k2.req                                                  RWPS
k2.req_event                                            RWPS
k2.req_stat                                             RWPS
k2.return_reason                                        RWPS
k2.return_req()                                         W
k2.reverse_pay()                                        W
k2.rzap                                                 RWPS
k2.rzap_item                                            RWPS
k2.system                                               RWPS
k2.today()                                              RWPS
k2.transit_account                                      RWPS
k2bridge.activation                                     RWPS
k2bridge.address                                        RWPS
k2bridge.audit                                          A
k2bridge.call                                           RWPS
k2bridge.cancel()                                       WP
k2bridge.check()                                        ORAWPS
k2bridge.check_machine()                                ORAWPS
k2bridge.check_server()                                 W
k2bridge.check_tables()                                 ORAWPS
k2bridge.database_listed()                              ORAWPS
k2bridge.deliver()                                      WP
k2bridge.endpoint                                       ORAWPS
k2bridge.enqueue()                                      WP
k2bridge.inbox                                          RWPS
k2bridge.invoke()                                       W
k2bridge.lineage                                        RWPS
k2bridge.machine()                                      ORAWPS
k2bridge.metrics()                                      ORAWPS
k2bridge.openapi()                                      ORAWPSX
k2bridge.outbox                                         RWPS
k2bridge.pause()                                        W
k2bridge.paused                                         ORAWPS
k2bridge.preview()                                      WPS
k2bridge.problems                                       RWPS
k2bridge.progress                                       ORAWPS
k2bridge.queue                                          ORAWPS
k2bridge.rejected_item                                  RWPS
k2bridge.replay()                                       W
k2bridge.resend()                                       WPS
k2bridge.resolve()                                      WPS
k2bridge.resume()                                       W
k2bridge.retry()                                        WPS
k2bridge.schedule                                       ORAWPS
k2bridge.schema_version                                 RWPS
k2bridge.server_state                                   ORAWPS
k2bridge.servers_for()                                  RWPS
k2bridge.service                                        RWPS
k2bridge.status                                         ORAWPS
k2bridge.status_page()                                  ORAWPS
k2bridge.trace()                                        RWPS
k2bridge.version()                                      ORAWPS
k2bridge.wait()                                         WPS
k2bridge.workers()                                      ORAWPS
