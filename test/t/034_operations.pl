# What a person on duty does: retry, cancel, resolve, resend, pause, wait, deliver and invoke, and what never reaches the
# bank: rolled back, recorded, skipped, outside the window, switched off.
use strict;
use warnings;

use lib 't', 'test/t';
use K2bridge;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $bank = start_bank();
my $node = new_node('operations', 'k2bridge.databases' => 'bank', max_prepared_transactions => 5);
add_database($node, 'bank');
add_database($node, 'unserved');
$node->safe_psql($_, $bank->servers('abs')) for 'bank', 'unserved';
wait_for_workers($node, 'bank', 1, 'dispatcher and scheduler run');

my $read = q{'abs.get_cli', '{"iinbin": "000000000010"}'};
sub sql { return $node->safe_psql('bank', $_[0]) }
sub faults { return $bank->post('/_/faults', { rules => [@_] }) }
sub received { return $bank->get('/_/count?path=/abs')->{received} }
sub enqueue { return sql("SELECT k2bridge.enqueue($read)") }
sub refused { return error_of($node, $_[1] // 'bank', $_[0]) }

sub wait_state
{
	my ($id, $state, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return wait_for_sql($node, 'bank', "SELECT state FROM k2bridge.outbox WHERE id = $id UNION ALL SELECT outcome FROM k2bridge.call WHERE id = $id", $name, $state);
}

# Once a later call has ended, the dispatcher has looked at the queue.
sub settled
{
	my $id = sql(q{SELECT k2bridge.enqueue('abs.way4_get_loan_debt', '{"contract_number": "KD1"}')});
	return $node->poll_query_until('bank', "SELECT count(*) = 1 FROM k2bridge.call WHERE id = $id");
}

subtest 'retry, cancel, resolve, resend' => sub {
	faults({ kind => 'status', status => 400, path => '/abs/get_cli' });
	my @failed = map { enqueue() } 1 .. 3;
	wait_state($_, 'failed', 'a call fails') for @failed;
	faults();
	sql("SELECT k2bridge.cancel($failed[0], 'not needed')");
	wait_state($failed[0], 'cancelled', 'cancel ends it');
	is(sql("SELECT error_text FROM k2bridge.call WHERE id = $failed[0]"), 'not needed', 'with the note');
	is(sql("SELECT k2bridge.retry('abs.get_cli', NULL)"), 2, 'the others are retried together');
	wait_state($_, 'ok', 'and end') for @failed[ 1, 2 ];
	my $before = received();
	like(refused("SELECT k2bridge.retry($failed[1])"), qr/^02000: /, 'what has ended is not retried');
	my $again = sql("SELECT k2bridge.resend($failed[1], 'asked by the client')");
	wait_state($again, 'ok', 'but may be sent again');
	is(sql("SELECT resent_from FROM k2bridge.call WHERE id = $again"), $failed[1], 'linked to the first');
	is(received() - $before, 1, 'once');

	faults({ kind => 'reset_after', path => '/abs/refuse_pt' });
	my $money = sql(q{SELECT k2bridge.enqueue('abs.refuse_pt', '{"refer": "X", "reason_code": "01"}', 'req:X')});
	wait_state($money, 'uncertain', 'an unanswered recall is uncertain');
	like(refused("SELECT k2bridge.cancel($money)"), qr/^55000: /, 'it cannot be cancelled');
	like(refused("SELECT k2bridge.retry($money)"), qr/^KB003: /, 'nor retried without confirmation');
	like(refused("SELECT k2bridge.resolve($money, 'ok', ' ')"), qr/^22023: /, 'nor resolved without a note');
	sql("SELECT k2bridge.resolve($money, 'ok', 'by telephone', '{\"error_code\": 0}')");
	wait_state($money, 'ok', 'a person resolves it');
	is(sql("SELECT reply FROM k2bridge.call WHERE id = $money"), '{"error_code": 0}', 'with a reply');
	faults();
	faults({ kind => 'status', status => 400, path => '/abs/get_cli' });
	my $told = sql(q{SELECT k2bridge.enqueue('abs.get_cli', '{"iinbin": "000000000340"}')});
	wait_state($told, 'failed', 'a question fails');
	faults();
	$before = received();
	sql(qq{SELECT k2bridge.resolve($told, 'ok', 'read from paper', '{"error_code": 0, "error_text": "", "iinbin": "000000000340", "fullname": "Тестов Тест", "sectecon": 9, "residfl": 1}')});
	wait_state($told, 'ok', 'a person answers it');
	is(sql(q{SELECT fullname FROM abs.client WHERE iinbin = '000000000340'}), 'Тестов Тест', 'the handler runs with what he says');
	is(received(), $before, 'and the bank is not asked');

	like(refused($_->[0]), $_->[1], "refused: $_->[0]") for (
		[ "SELECT k2bridge.resolve($told, 'perhaps', 'n')", qr/^22023: outcome must be ok, refused or failed/ ],
		[ "SELECT k2bridge.resolve($told, NULL, 'n')", qr/^22023: outcome/ ],
		[ "SELECT k2bridge.resolve($told, 'ok', 'n')", qr/^02000: call $told is not in the queue/ ],
		[ 'SELECT k2bridge.cancel(999999999)', qr/^02000: / ],
		[ "SELECT k2bridge.resend(999999999, 'n')", qr/^02000: / ],
		[ "SELECT k2bridge.resend($told, '')", qr/^22023: note must say why/ ],
		[ "SELECT k2bridge.resend($told, NULL)", qr/^22023: note must say why/ ],
		[ 'SELECT k2bridge.replay(999999999)', qr/^P0002: rejected item 999999999 does not exist/ ],
		[ "SELECT k2bridge.pause('nosuch')", qr/^42704: server "nosuch" does not exist/ ],
		[ "SELECT k2bridge.pause(endpoint => 'abs.nosuch')", qr/^22023: endpoint "abs.nosuch" does not exist/ ],
		[ "SELECT k2bridge.enqueue('abs.nosuch', '{}')", qr/^22023: endpoint "abs.nosuch" does not exist/ ],
		[ "SELECT k2bridge.invoke('abs.nosuch', '{}')", qr/^22023: / ],
		[ "SELECT k2bridge.preview('abs.nosuch', '{}')", qr/^22023: / ],
		[ "SELECT k2bridge.enqueue(NULL, '{}')", qr/^22023: endpoint must not be null/ ],
		[ "SELECT k2bridge.enqueue('abs.get_cli', NULL)", qr/^22023: args must not be null/ ],
		[ "SELECT k2bridge.add_api_client('x', 'postgres')", qr/^(42501|22023): / ],
		[ "SELECT * FROM k2bridge.check_server('nosuch')", qr/^42704: server "nosuch" does not exist/ ]);
	is(sql(q{SELECT string_agg(DISTINCT action, ' ' ORDER BY action) FROM k2bridge.audit WHERE object IN ('k2bridge.outbox', 'k2bridge.call')}), 'cancel ok resend retry', 'all is in the audit');
};

subtest 'pause and resume' => sub {
	for my $hold ([ q{'abs'}, 'a server' ], [ q{endpoint => 'abs.get_cli'}, 'an endpoint' ], [ q{'abs', 'abs.get_cli'}, 'both' ], [ '', 'everything' ])
	{
		my ($what, $name) = @$hold;
		sql("SELECT k2bridge.pause($what)");
		my ($before, $id) = (received(), enqueue());
		settled() if $name eq 'an endpoint' || $name eq 'both';
		is(sql("SELECT state FROM k2bridge.outbox WHERE id = $id"), 'queued', "$name is held");
		is(received(), $before, 'nothing is sent');
		is(sql("SELECT k2bridge.resume($what)"), 't', 'resume lifts it');
		wait_state($id, 'ok', 'and the call is sent');
	}
	is(sql("SELECT k2bridge.resume('abs')"), 'f', 'nothing is held any more');
	sql("SELECT k2bridge.pause('abs', until => now() + interval '2 s')");
	my $id = enqueue();
	wait_state($id, 'ok', 'a pause ends by itself');
	is(sql(q{SELECT string_agg(DISTINCT action || ' ' || coalesce(key, ''), ', ' ORDER BY action || ' ' || coalesce(key, '')) FROM k2bridge.audit WHERE object = 'k2bridge.paused' AND action IN ('pause', 'resume')}),
		'pause , pause abs, pause abs abs.get_cli, pause abs.get_cli, resume , resume abs, resume abs abs.get_cli, resume abs.get_cli', 'all is in the audit');
	is(sql("SELECT c.finished_at >= p.until FROM k2bridge.call c, k2bridge.paused p WHERE c.id = $id"), 't', 'not before its time');
};

subtest 'what is not sent' => sub {
	my $before = received();
	sql("BEGIN; SELECT k2bridge.enqueue($read); ROLLBACK");
	sql("UPDATE k2bridge.endpoint SET enabled = false WHERE name = 'abs.get_cli'");
	wait_state(enqueue(), 'skipped', 'a disabled endpoint records skipped');
	sql("UPDATE k2bridge.endpoint SET enabled = true WHERE name = 'abs.get_cli'; ALTER SERVER abs OPTIONS (ADD mode 'record')");
	my $id = enqueue();
	wait_state($id, 'recorded', 'mode record records');
	like(sql("SELECT error_text FROM k2bridge.call WHERE id = $id"), qr{GET .*iinbin=000000000010}, 'the request');
	sql(q{ALTER SERVER abs OPTIONS (DROP mode, ADD timezone 'UTC')});
	my $window = sql(q{SELECT to_char(now() AT TIME ZONE 'UTC' + interval '2 h', 'HH24:MI') || '-' || to_char(now() AT TIME ZONE 'UTC' + interval '3 h', 'HH24:MI')});
	sql("ALTER SERVER abs OPTIONS (ADD send_window '$window')");
	$id = enqueue();
	# Another server, that is always open, shows that the dispatcher has looked.
	sql("CREATE SERVER open TYPE 'abs' FOREIGN DATA WRAPPER k2bridge OPTIONS (abs_get_cli_url '" . $bank->url . "/abs/get_cli')");
	my $other = sql("SELECT k2bridge.enqueue($read, server => 'open')");
	sql("UPDATE k2bridge.outbox SET server = 'abs' WHERE id = $id");
	wait_state($other, 'ok', 'an open server sends');
	is(sql("SELECT state FROM k2bridge.outbox WHERE id = $id"), 'queued', 'outside the window calls wait');
	is(received(), $before + 1, 'the bank got that one alone');
	sql('ALTER SERVER abs OPTIONS (DROP send_window); DROP SERVER open');
	wait_state($id, 'ok', 'until it opens');
};

subtest 'loading history' => sub {
	my $before = received();
	my $withheld = q{SELECT count(*) FROM k2bridge.audit WHERE object = 'k2bridge.enqueue' AND action = 'off'};
	is(sql("SET k2bridge.enqueue = off; SELECT k2bridge.enqueue($read) IS NULL"), 't', 'switched off, nothing is queued');
	is(sql($withheld), 1, 'and the audit says so');
	my $load = q{INSERT INTO k2.loan (system, contract_number, dbz_contract_number, dbz_dt, iinbin, fullname, cur, debt, overdue_days)
		SELECT 'way4', 'H-' || n, 'H-' || n, '2014-02-08', '000000000010', 'Тестов Тест', 'KZT', 1000, 1 FROM generate_series(%d, %d) n};
	my $story = sql('BEGIN; SET LOCAL k2bridge.enqueue = off; ' . sprintf($load, 1, 2) . '; ' . sprintf($load, 3, 3) . '; SELECT k2bridge.correlation(); COMMIT');
	is(sql(q{SELECT count(*) FROM k2.loan l JOIN k2.loan_debt d ON d.loan_id = l.id WHERE l.contract_number LIKE 'H-%'}), 3, 'loans are loaded, with their history');
	is(sql("SELECT count(*) FROM k2bridge.outbox WHERE correlation = '$story'"), 0, 'nothing is queued for them');
	is(sql("SELECT concat_ws(' ', count(*), min(actor), min(note)) FROM k2bridge.audit WHERE correlation = '$story' AND object = 'k2bridge.enqueue'"),
		'1 ' . sql('SELECT current_user') . ' calls of this transaction are not queued', 'one row of the audit tells who loaded without queueing');
	is(sql("SELECT direction FROM k2bridge.trace('$story') WHERE what ~ '^k2bridge.enqueue'"), 'person', 'so does trace');
	is(sql("BEGIN; SAVEPOINT s; SET LOCAL k2bridge.enqueue = off; SELECT k2bridge.enqueue($read) IS NULL; ROLLBACK TO s; SELECT k2bridge.enqueue($read) IS NULL; COMMIT"), "t\nf",
		'the setting ends with its savepoint');
	is(sql($withheld), 2, 'what was rolled back leaves no audit');
	sql(q{CREATE ROLE clerk; GRANT USAGE ON SCHEMA k2bridge, k2 TO clerk; GRANT EXECUTE ON FUNCTION k2bridge.enqueue TO clerk;
		GRANT SELECT, INSERT ON k2.loan TO clerk});
	like(refused("SET ROLE clerk; SET k2bridge.enqueue = off; SELECT k2bridge.enqueue($read)"), qr/^42501: only the owner .* k2bridge.enqueue/, 'a clerk may not switch it off');
	like(refused('SET ROLE clerk; SET k2bridge.enqueue = off; ' . sprintf($load, 9, 9)), qr/^42501: /, 'nor load without calls');
	is(sql(q{SELECT count(*) FROM k2.loan WHERE contract_number = 'H-9'}), 0, 'his row is not there');
	wait_for_sql($node, 'bank', 'SELECT count(*) FROM k2bridge.outbox', 'the one call that was queued is sent', 0);
	is(received() - $before, 1, 'and no other');
};

subtest 'prepared transactions' => sub {
	my $id = sql("BEGIN; SELECT k2bridge.enqueue($read); PREPARE TRANSACTION 'queued'");
	settled();
	is(sql("SELECT count(*) FROM k2bridge.call WHERE id = $id"), 0, 'a prepared call is not sent');
	sql("COMMIT PREPARED 'queued'");
	wait_state($id, 'ok', 'before it is committed');
	$id = sql("BEGIN; SELECT k2bridge.enqueue($read); PREPARE TRANSACTION 'dropped'; ROLLBACK PREPARED 'dropped'");
	settled();
	is(sql("SELECT (SELECT count(*) FROM k2bridge.call WHERE id = $id) + (SELECT count(*) FROM k2bridge.outbox WHERE id = $id)"), 0, 'a rolled back one never');
};

subtest 'wait and deliver' => sub {
	like(refused("BEGIN; SELECT k2bridge.wait(k2bridge.enqueue($read))"), qr/^25001: /, 'not in the transaction that queued it');
	like(refused('SELECT k2bridge.wait(999999999)'), qr/^02000: /, 'not for an unknown call');
	my $id = $node->safe_psql('unserved', "SELECT k2bridge.enqueue($read)");
	like(refused("SELECT k2bridge.wait($id)", 'unserved'), qr/^55000: .*unserved/, 'not without a dispatcher');
	is(sql('SELECT outcome FROM k2bridge.wait(' . enqueue() . ')'), 'ok', 'it returns the end');
	faults({ kind => 'reset_after', path => '/abs/refuse_pt' }, { kind => 'status', status => 400, path => '/abs/get_cli' });
	is(sql('SELECT outcome FROM k2bridge.wait(' . enqueue() . ')'), 'failed', 'or the state that waits for a person');
	my $money = sql(q{SELECT k2bridge.enqueue('abs.refuse_pt', '{"refer": "Y", "reason_code": "01"}')});
	wait_state($money, 'uncertain', 'an uncertain call');
	is(sql("SELECT outcome FROM k2bridge.wait($money, '10 ms')"), 'uncertain', 'or the state at the end of patience');
	faults();
	$id = sql("CALL k2bridge.deliver($read, NULL, NULL, NULL)");
	is(sql("SELECT outcome FROM k2bridge.call WHERE id = $id"), 'ok', 'deliver queues, commits and waits');
	sql(q{SELECT k2bridge.cancel(id) FROM k2bridge.outbox WHERE state = 'failed'});
};

subtest 'invoke' => sub {
	is(sql("SELECT outcome FROM k2bridge.invoke($read)"), 'ok', 'calls now');
	like(refused(q{SELECT k2bridge.invoke('abs.get_cli', '{"iinbin": "000000000008"}')}), qr/^KB001: /, 'a refusal');
	faults({ kind => 'status', status => 503 });
	like(refused("SELECT k2bridge.invoke($read)"), qr/^KB002: /, 'no usable reply');
	like(refused(q{SELECT k2bridge.invoke('abs.refuse_pt', '{"refer": "X", "reason_code": "01"}')}), qr/^22023: /, 'never what moves money');
	sql("CREATE SERVER away TYPE 'abs' FOREIGN DATA WRAPPER k2bridge OPTIONS (abs_get_cli_url 'https://bank.invalid/cli')");
	like(refused("SELECT k2bridge.invoke($read, 'away')"), qr/^KB004: /, 'nor other machines before activate()');
	faults({ kind => 'hang' });
	like(refused("SET statement_timeout = '200ms'; SELECT k2bridge.invoke($read, 'abs')"), qr/^57014: .*statement timeout/, 'statement_timeout ends it');
	faults();
	like(refused("SET statement_timeout = '5s'; SELECT k2bridge.activate(); SELECT k2bridge.invoke($read, 'away')"), qr/^(KB002|57014): /, 'an unknown name brings no reply');
	sql('SELECT k2bridge.deactivate(); DROP SERVER away');
};

subtest 'an endpoint of the bank' => sub {
	sql(q{CREATE TABLE public.shipped (id bigint, outcome text);
		CREATE FUNCTION public.shipped_done(call k2bridge.call_row) RETURNS void LANGUAGE sql AS $$ INSERT INTO public.shipped VALUES (call.id, call.outcome) $$;
		INSERT INTO k2bridge.endpoint (name, server_type, method, path, body_kind, reply_family, handler) VALUES ('bus.ship', 'http', 'POST', '/bench/echo', 'json', 'json', 'public.shipped_done');
		CREATE SERVER bus TYPE 'http' FOREIGN DATA WRAPPER k2bridge OPTIONS (base_url '} . $bank->url . q{')});
	my $id = sql(q{SELECT k2bridge.enqueue('bus.ship', '{"amount": 99999999999999.99}')});
	wait_for_sql($node, 'bank', 'SELECT id || \' \' || outcome FROM public.shipped', 'is a row and a function', "$id ok");
};

$node->stop;
done_testing();
