# Every kind of k2bridge.problems is made, its remedy is pasted into psql as it stands, and the problem is gone; where a
# person has to decide first, the remedy shows what about.
use strict;
use warnings;

use lib 't', 'test/t';
use K2bridge;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Problems;
use Test::More;

my $bank = start_bank();
my $node = new_node('problems', 'k2bridge.databases' => 'bank');
add_database($node, 'bank');
add_database($node, 'unserved');
wait_for_workers($node, 'bank', 1, 'the workers run');

sub sql { return $node->safe_psql('bank', $_[0]) }
sub faults { return $bank->post('/_/faults', { rules => [@_] }) }
sub paste { local $Test::Builder::Level = $Test::Builder::Level + 1; return paste_remedy($node, @_) }
sub mended { local $Test::Builder::Level = $Test::Builder::Level + 1; return is_mended($node, @_) }

my $read = q{'abs.get_cli', '{"iinbin": "000000000010"}'};

subtest 'servers' => sub {
	sql("SELECT k2bridge.enqueue($read)");
	paste('no_server');
	mended('no_server');
	paste('not_activated');
	mended('not_activated');
	sql('SELECT k2bridge.deactivate(); DROP SERVER abs');
	sql($bank->servers('first'));
	mended('no_server');
	sql($bank->servers('second'));
	sql("SELECT k2bridge.enqueue($read)");
	paste('ambiguous_server');
	mended('ambiguous_server');
	sql("UPDATE k2.system SET server = NULL; SELECT k2bridge.pause(); SELECT k2bridge.enqueue($read, server => 'second'); DROP SERVER second");
	paste('unknown_server');
	mended('unknown_server');
	sql('SELECT k2bridge.resume()');
	sql("INSERT INTO k2bridge.endpoint (name, server_type, method, url_option) VALUES ('own.gone', 'abs', 'GET', 'abs_get_cli_url');
		SELECT k2bridge.pause(); SELECT k2bridge.enqueue('own.gone', '{}'); DELETE FROM k2bridge.endpoint WHERE name = 'own.gone'; SELECT k2bridge.resume()");
	paste('unknown_endpoint');
	mended('unknown_endpoint');
	faults({ kind => 'status', status => 401, path => '/abs/get_cli' });
	sql("SELECT k2bridge.enqueue($read)");
	like(paste('server_stopped'), qr/connect/, 'and shows what can be reached');
	faults();
	sql("ALTER SERVER first OPTIONS (ADD timeout '5000')");
	mended('server_stopped');
	faults({ kind => 'status', status => 503, path => '/abs' });
	sql("SELECT k2bridge.enqueue($read)");
	wait_for_sql($node, 'bank', "SELECT count(*) > 0 FROM k2bridge.server_state WHERE state = 'open'", 'the bank is down');
	sql("UPDATE k2bridge.server_state SET since = now() - interval '2 min';
		INSERT INTO k2bridge.server_state (server, host, state, reason, since) VALUES ('abs', 'http://127.0.0.1:1', 'open', 'test', now() - interval '1 hour')");
	is(sql("SELECT count(*) FROM k2bridge.problems WHERE server = 'abs'"), 0, 'a server that was dropped is no problem');
	sql("DELETE FROM k2bridge.server_state WHERE server = 'abs'");
	paste('server_open');
	faults();
	mended('server_open');
};

subtest 'calls' => sub {
	faults({ kind => 'status', status => 400, path => '/abs/get_cli' });
	sql("SELECT k2bridge.enqueue($read)");
	wait_for_sql($node, 'bank', "SELECT count(*) FROM k2bridge.problems WHERE kind = 'call_failed'", 'a call fails', 1);
	faults();
	paste('call_failed');
	mended('call_failed');
	faults({ kind => 'reset_after', path => '/abs/refuse_pt' });
	sql(q{SELECT k2bridge.enqueue('abs.refuse_pt', '{"refer": "X", "reason_code": "01"}', 'req:X')});
	wait_for_sql($node, 'bank', "SELECT count(*) FROM k2bridge.problems WHERE kind = 'call_uncertain'", 'a call is uncertain', 1);
	faults();
	paste('call_uncertain');
	mended('call_uncertain');
	sql("ALTER TABLE abs.client ADD CONSTRAINT own CHECK (fullname = 'nobody') NOT VALID");
	sql("SELECT k2bridge.enqueue($read)");
	wait_for_sql($node, 'bank', "SELECT count(*) FROM k2bridge.problems WHERE kind = 'call_answered'", 'a handler fails on the constraint of a user', 1);
	sql('ALTER TABLE abs.client DROP CONSTRAINT own');
	paste('call_answered');
	mended('call_answered');
	my $url = $bank->url;
	sql("CREATE SERVER other TYPE 'http' FOREIGN DATA WRAPPER k2bridge OPTIONS (base_url '$url');
		INSERT INTO k2bridge.server_state (server, host, state, reason) VALUES ('other', '$url', 'stopped', 'test')");
	sql("INSERT INTO k2.exclusion (iin, for_extreq) VALUES ('000000000077', true)");
	paste('call_held');
	mended('call_held');
	sql(q{DELETE FROM k2bridge.server_state WHERE server = 'other'; DROP SERVER other});
	wait_for_sql($node, 'bank', "SELECT outcome FROM k2bridge.call WHERE subject = 'exclusions'", 'the list was pushed', 'ok');
};

subtest 'workers, schedule, refused items' => sub {
	paste('worker', undef, 'unserved');
	wait_for_workers($node, 'unserved', 1, 'the database is served now');
	is($node->safe_psql('unserved', "SELECT count(*) FROM k2bridge.problems WHERE kind = 'worker' AND remedy LIKE 'ALTER%'"), 0, 'and said so');
	is(worker_pid($node, 'bank', 'dispatcher') ne '', 1, 'the other one still is');
	sql("INSERT INTO k2bridge.schedule (name, command, every) VALUES ('breaks', 'SELECT count(*) FROM public.later', '1 day'); UPDATE k2bridge.schedule SET next_run = now() WHERE name = 'breaks'");
	wait_for_sql($node, 'bank', "SELECT count(*) FROM k2bridge.problems WHERE kind = 'schedule'", 'a command fails', 1);
	sql('CREATE TABLE public.later (id integer)');
	paste('schedule');
	mended('schedule');
	sql(q{SELECT k2.k2extreq_pay_from_eko('[{"request_id": 1, "trn_id": 39, "refer": "T39", "cur": "KZT", "amount": 150}]')});
	sql(q{SET k2bridge.enqueue = off; INSERT INTO k2.loan (id, system, contract_number, dbz_contract_number, iinbin, fullname, cur, debt, overdue_days)
		VALUES (39, 'way4', 'T39', 'T39', '000000000039', 'Тестов Тест', 'KZT', 1000, 1);
		INSERT INTO k2.extreq (loan_id, bank_code, extacc_code, code, amount, stat_id) VALUES (39, 'KPSTKZKA', 'KZ62563TEST000000001', 'T39', 100, 2008),
		(39, 'KPSTKZKA', 'KZ62563TEST000000001', 'T39-END', 100, 2008)});
	paste('rejected_item');
	mended('rejected_item');
};

subtest 'what a person has to look at' => sub {
	like(paste('overpaid'), qr/150\.00/, 'shows the payments');
	sql("SELECT k2.recall_extreq('T39-END', '01')");
	sql(q{SELECT k2.k2extreq_pay_from_eko('[{"request_id": 1, "trn_id": 40, "refer": "T39-END", "cur": "KZT", "amount": 1}]')});
	like(paste('paid_after_end'), qr/T39-END/, 'shows the payment');
	sql("SELECT k2.reverse_pay(t, 'mistaken') FROM unnest('{39,40}'::bigint[]) t");
	mended($_) for qw(overpaid paid_after_end);
	faults({ kind => 'refusal', error_code => 12, error_text => 'account is closed', path => '/abs/reg_pt', count => 1 });
	sql(q{INSERT INTO k2.req (refer, accept_dt, doc_num, doc_at, iinbin, acc_fullname, ben_fullname, ben_bin, ben_iban, ben_kbe, amount, cur, knp, dbz_num,
		dbz_dt, purpose, head, account) VALUES ('T39-NO', '2021-01-05', '16', '2021-01-04', '000000000010', 'a', 'b', '971240001315', 'KZ12722R00000000000',
		'14', 86429.87, 'KZT', '423', 'R1', '2014-02-08', 'p', 'h', 'a')});
	wait_for_sql($node, 'bank', q{SELECT text FROM k2bridge.problems WHERE kind = 'refused'}, 'a refused registration, in the words of the bank', 'the bank did not register it: account is closed');
	paste('refused');
	mended('refused');
	is(sql(q{SELECT status FROM k2.req WHERE refer = 'T39-NO'}), 'registered', 'it is registered, once the bank takes it');
	sql(q{INSERT INTO k2.req (refer, iinbin, amount, cur, status) VALUES ('T39-IN', '000000000039', 1, 'KZT', 'recalled');
		SELECT k2.k2req_status_from_eko('{"reference": "T39-IN", "status_code": "EXECUTED"}')});
	like(paste('executed_after_end'), qr/EXECUTED/, 'shows the events');
};

# Every kind that the view's comment names was pasted.
my $comment = sql("SELECT col_description('k2bridge.problems'::regclass, 2)");
my @kinds = grep { !/^(or|a|kind|of)$/ } split /[ ,]+/, $comment =~ s/, or a kind.*//r;
is_deeply([ grep { !was_pasted($_) } @kinds ], [], 'every kind was pasted');
my $own = sql(q{SELECT string_agg(DISTINCT m[1], ' ') FROM regexp_matches(pg_get_viewdef('k2.problem'::regclass), '''([a-z_]+)''::text AS kind|SELECT ''([a-z_]+)''', 'g') m});
is_deeply([ grep { !was_pasted($_) } split ' ', $own ], [], 'those of k2.problem as well');

$node->stop;
done_testing();
