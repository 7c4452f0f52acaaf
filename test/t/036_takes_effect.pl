# What a person changes takes effect with its commit, however busy the dispatcher is: a pause, a disabled endpoint, another
# path, mode record, an answer given by hand.
use strict;
use warnings;

use lib 't', 'test/t';
use K2bridge;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $bank = start_bank();
my $node = new_node('effect', 'k2bridge.databases' => 'bank');
add_database($node, 'bank');
$node->safe_psql('bank', $bank->servers('abs'));
$node->safe_psql('bank', "CREATE SERVER bus TYPE 'http' FOREIGN DATA WRAPPER k2bridge OPTIONS (base_url '" . $bank->url . "');
	INSERT INTO k2bridge.endpoint (name, server_type, method, path, body_kind, reply_family, delivery)
	VALUES ('own.event', 'http', 'POST', '/bench/echo', 'json', 'abs', 'at_least_once'),
	       ('own.pay', 'http', 'POST', '/bench/echo', 'json', 'abs', 'at_most_once')");
wait_for_workers($node, 'bank', 1, 'the workers run');

sub sql { return $node->safe_psql('bank', $_[0]) }
sub echoes { return $bank->get('/_/count?path=/bench/echo')->{received} }
sub refused { return error_of($node, 'bank', $_[0]) }

sub enqueue { return sql("SELECT k2bridge.enqueue('$_[0]', '{\"n\": 0.10}'" . ($_[1] ? ", '$_[1]'" : '') . ')') }
sub waited { return sql("SELECT outcome FROM k2bridge.wait($_[0])") }

subtest 'cancel of a direct call' => sub {
	$bank->post('/_/faults', { rules => [ { kind => 'hang', path => '/abs/get_cli' } ] });
	my $start = time;
	like(refused("SET statement_timeout = '300ms'; SELECT abs.get_cli('000000000010')"), qr/^57014/, 'statement_timeout ends it');
	cmp_ok(time - $start, '<', 15, 'long before the timeout of the call');
	$bank->post('/_/faults', { rules => [ { kind => 'refusal', path => '/abs/get_cli', error_code => 7, error_text => 'no' } ] });
	like(refused("SELECT abs.get_cli('000000000010')"), qr/^KB001: no/, 'a refusal is KB001 with the text of the bank');
	$bank->post('/_/faults', { rules => [ { kind => 'garbage', path => '/abs/get_cli' } ] });
	like(refused("SELECT abs.get_cli('000000000010')"), qr/^KB002/, 'no usable reply is KB002');
	$bank->post('/_/faults', { rules => [] });
};

subtest 'hold and release' => sub {
	for my $held ("server => 'bus'", "endpoint => 'own.event'", "server => 'bus', endpoint => 'own.event'", '') {
		sql("SELECT k2bridge.pause($held" . ($held ? ', ' : '') . "note => 'test')");
		my $before = echoes();
		my $id = enqueue('own.event');
		is(sql("SELECT outcome FROM k2bridge.wait($id, '300ms')"), 'queued', "held: ($held)");
		is(echoes(), $before, 'nothing is sent');
		is(sql("SELECT k2bridge.resume($held)"), 't', 'released');
		is(waited($id), 'ok', 'and sent');
	}
	sql("SELECT k2bridge.pause(endpoint => 'own.event', until => now() + interval '1 s')");
	is(waited(enqueue('own.event')), 'ok', 'a pause with an end ends');
	like(refused("SELECT k2bridge.pause(endpoint => 'own.none')"), qr/^22023/, 'an unknown endpoint cannot be held');
	for my $round (1 .. 10) {
		enqueue('own.event') for 1 .. 3;
		sql("UPDATE k2bridge.endpoint SET enabled = false WHERE name IN ('own.event', 'own.pay')");
		my @off = map { enqueue($_) } 'own.event', 'own.pay';
		is(waited($_), 'skipped', "a disabled endpoint skips at once, $round") for @off;
		sql("UPDATE k2bridge.endpoint SET enabled = true WHERE name IN ('own.event', 'own.pay')");
		my @on = map { enqueue($_) } 'own.event', 'own.pay';
		is(waited($_), 'ok', "and sends at once when it is enabled again, $round") for @on;
	}
	my $before = echoes();
	sql("ALTER SERVER bus OPTIONS (ADD mode 'record')");
	is(waited(enqueue('own.pay')), 'recorded', 'a server in mode record records');
	is(echoes(), $before, 'and nothing was sent');
	sql("ALTER SERVER bus OPTIONS (DROP mode)");
};

subtest 'failed, uncertain, refused' => sub {
	sql("UPDATE k2bridge.endpoint SET path = '/nowhere', give_up_after = '1 ms' WHERE name = 'own.event'");
	sql("UPDATE k2bridge.endpoint SET path = '/abs/refuse_pt' WHERE name = 'own.pay'");
	$bank->post('/_/faults', { rules => [ { kind => 'close_after', path => '/abs/refuse_pt', process => 'never' } ] });
	my $uncertain = enqueue('own.pay', 's:1');
	wait_for_sql($node, 'bank', "SELECT state = 'uncertain' FROM k2bridge.outbox WHERE id = $uncertain", 'an unanswered payment is uncertain');
	my $behind = enqueue('own.pay', 's:1');
	like(refused("SELECT k2bridge.retry($uncertain)"), qr/^KB003/, 'retry needs confirm');
	like(refused("SELECT k2bridge.cancel($uncertain)"), qr/^55000/, 'cancel is refused');
	like(refused("SELECT k2bridge.resolve($uncertain, 'ok', ' ')"), qr/^22023/, 'resolve needs a note');
	like(refused("SELECT k2bridge.resolve($uncertain, 'perhaps', 'x')"), qr/^22023/, 'and a known outcome');
	is(sql("SELECT kind FROM k2bridge.problems WHERE id = $uncertain"), 'call_uncertain', 'problems shows it');
	is(sql("SELECT parked FROM k2bridge.outbox WHERE id = $behind"), 't', 'the next of its subject waits');
	$bank->post('/_/faults', { rules => [] });
	sql("UPDATE k2bridge.endpoint SET path = '/bench/echo' WHERE name = 'own.pay'");
	sql("SELECT k2bridge.resolve($uncertain, 'ok', 'seen in the journal of the bank', '{\"seen\": 1}')");
	is(waited($uncertain), 'ok', 'resolve settles it');
	is(sql("SELECT reply->>'seen', error_text FROM k2bridge.call WHERE id = $uncertain"), '1|seen in the journal of the bank', 'with reply and note');
	is(waited($behind), 'ok', 'and the next one goes');
	is(sql("SELECT action FROM k2bridge.audit WHERE object = 'k2bridge.outbox' AND key = '$uncertain'"), 'ok', 'the audit has it');
	sql("UPDATE k2bridge.endpoint SET path = '/bench/echo', give_up_after = NULL WHERE name = 'own.event'");
	my $again = sql("SELECT k2bridge.resend($uncertain, 'the bank asked for it')");
	is(waited($again), 'ok', 'resend sends a finished call again');
	is(sql("SELECT resent_from FROM k2bridge.call WHERE id = $again"), $uncertain, 'and links them');
	like(refused('SELECT k2bridge.retry(999999)'), qr/^02000/, 'retry of what is not queued');
	sql("SELECT k2bridge.pause()");
	my $cancelled = enqueue('own.pay');
	sql("SELECT k2bridge.cancel($cancelled, 'not wanted')");
	is(waited($cancelled), 'cancelled', 'cancel works while all is held');
	sql('SELECT k2bridge.resume()');
};

subtest 'loading history queues nothing' => sub {
	my $before = sql('SELECT count(*) FROM k2bridge.call');
	sql("BEGIN; SET LOCAL k2bridge.enqueue = off; INSERT INTO k2.loan (system, contract_number, dbz_contract_number, iinbin, fullname, cur, debt, overdue_days)
		VALUES ('way4', 'H1', 'H1', '000000000010', 'Test', 'KZT', 1, 90); COMMIT");
	is(sql('SELECT count(*) FROM k2bridge.outbox'), 0, 'no call was queued');
	is(sql('SELECT count(*) FROM k2bridge.call'), $before, 'none was sent');
};

done_testing();
