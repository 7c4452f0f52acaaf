# The table of delivery: each fault of the bank under both policies, what stops a server or opens a circuit, and that the
# next calls are none the worse.
use strict;
use warnings;

use lib 't', 'test/t';
use Cwd qw(abs_path);
use K2bridge;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $bank = start_bank();
my $node = new_node('delivery', 'k2bridge.databases' => 'bank', 'k2bridge.max_reply_size' => '1MB');
add_database($node, 'bank');
$node->safe_psql('bank', $bank->servers('abs', timeout => 1000, max_connections => 16));
# Registrations are not verified here, so that their state stays as the policy left it.
$node->safe_psql('bank', q{UPDATE k2bridge.endpoint SET verify = NULL});
wait_for_workers($node, 'bank', 1, 'dispatcher and scheduler run');

my $number = 0;
sub sql { return $node->safe_psql('bank', $_[0]) }
sub faults { return $bank->post('/_/faults', { rules => [@_] }) }
sub client { return sprintf '%011d0', ++$number }

sub state_of
{
	my ($id) = @_;
	return "SELECT CASE WHEN state = 'queued' AND last_error IS NOT NULL THEN 'again' ELSE state END FROM k2bridge.outbox WHERE id = $id
		UNION ALL SELECT outcome FROM k2bridge.call WHERE id = $id";
}

sub wait_state
{
	my ($id, $state, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return wait_for_sql($node, 'bank', state_of($id), $name, $state);
}

sub read_call { my ($client, $server) = @_; return sql("SELECT k2bridge.enqueue('abs.get_cli', '{\"iinbin\": \"$client\"}', server => '" . ($server // 'abs') . "')") }
sub money_call { return sql("SELECT k2bridge.enqueue('abs.refuse_pt', '{\"refer\": \"$_[0]\", \"reason_code\": \"01\"}', 'req:$_[0]')") }
sub arrivals { return scalar @{ $bank->get("/_/log?path=/abs&contains=$_[0]&limit=100000")->{entries} } }

sub wait_healthy
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return wait_for_sql($node, 'bank', 'SELECT count(*) = 0 FROM k2bridge.outbox WHERE state = \'queued\'', 'all is well afterwards');
}

# Registered requests that O6 may recall.
sub registered
{
	my ($refer) = @_;
	$bank->post('/_/registry', { refer => $refer, accept_dt => '2021-05-02', doc_num => '1', doc_at => '2021-05-01', iinbin => '000000000020',
		acc_fullname => 'T', ben_fullname => 'B', ben_bin => '000040000019', ben_iban => 'KZ82722TEST000000001', ben_kbe => '14', cur => 'KZT',
		knp => '423', dbz_num => 'D', dbz_dt => '2020-01-01', purpose => 'p', head => 'h', account => 'a', amount => 1 });
	return;
}

# Both addresses have worked, so that a 404 speaks of the call.
registered('W1');
read_call(client());
money_call('W1');
wait_healthy();

# Fault, state of a read after its first attempt, state of a call that moves money, and whether that one is sent again.
my @table = (
	[ 'a refusal', { kind => 'refusal', error_code => 5, error_text => 'No' }, 'refused', 'refused' ],
	[ 'a refusal in a 503', { kind => 'refusal', error_code => 5, error_text => 'No', status => 503 }, 'refused', 'refused' ],
	[ 'status 400', { kind => 'status', status => 400 }, 'failed', 'failed' ],
	[ 'status 404 on an address that worked', { kind => 'status', status => 404 }, 'failed', 'failed' ],
	[ 'status 408', { kind => 'status', status => 408 }, 'again', 'uncertain' ],
	[ 'status 429', { kind => 'status', status => 429, retry_after => 1 }, 'again', 'again' ],
	[ 'status 500', { kind => 'status', status => 500 }, 'again', 'uncertain' ],
	[ 'status 503', { kind => 'status', status => 503 }, 'again', 'uncertain' ],
	[ 'HTML in a 200', { kind => 'status', status => 200 }, 'again', 'uncertain' ],
	[ 'a redirect', { kind => 'redirect', location => '/abs/get_acc?iinbin=000000000999' }, 'failed', 'failed' ],
	[ 'a reset before processing', { kind => 'reset_before' }, 'again', 'uncertain' ],
	[ 'a reset after processing', { kind => 'reset_after' }, 'again', 'uncertain' ],
	[ 'a close after processing', { kind => 'close_after' }, 'again', 'uncertain' ],
	[ 'silence', { kind => 'hang' }, 'again', 'uncertain' ],
	[ 'a truncated reply', { kind => 'truncate' }, 'again', 'uncertain' ],
	[ 'garbage', { kind => 'garbage' }, 'again', 'uncertain' ],
	[ 'a reply above the limit', { kind => 'huge', megabytes => 3 }, 'failed', 'uncertain' ],
	[ 'a reply above the limit in chunks', { kind => 'huge', megabytes => 3, chunked => JSON::PP::true() }, 'failed', 'uncertain' ],
	[ 'an endless reply', { kind => 'endless_body', interval_ms => 0, bytes => 10000 }, 'failed', 'uncertain' ],
	[ 'an endless header', { kind => 'endless_headers', interval_ms => 0, bytes => 1000 }, 'failed', 'uncertain' ],
	[ 'NUL in a text', { kind => 'bad_text', what => 'nul' }, 'again', 'uncertain' ],
	[ 'invalid UTF-8', { kind => 'bad_text', what => 'invalid_utf8' }, 'again', 'uncertain' ]);

subtest 'each fault under both policies' => sub {
	for my $row (@table)
	{
		my ($name, $fault, $read, $money) = @$row;
		my ($client, $refer) = (client(), "F$number");
		registered($refer);
		# The read goes on failing until it was looked at; a call that moves money meets the fault once.
		faults({ %$fault, path => '/abs/get_cli', contains => $client }, { %$fault, path => '/abs/refuse_pt', contains => "\"$refer\"", count => 1 });
		my ($first, $second) = (read_call($client), money_call($refer));
		wait_state($first, $read, "$name: a read is $read");
		wait_state($second, $money eq 'again' ? 'ok' : $money, "$name: money is $money");
		faults();
		is(arrivals("%22$refer%22"), $money eq 'again' ? 2 : 1, 'and was sent ' . ($money eq 'again' ? 'again' : 'once'));
		wait_state($first, 'ok', 'the read ends') if $read eq 'again';
		sql("SELECT k2bridge.retry($first)") if $read eq 'failed';
		wait_healthy();
	}
	is(arrivals('000000000999'), 0, 'no redirect was followed');
};

subtest 'Retry-After is honoured' => sub {
	my $client = client();
	faults({ kind => 'status', status => 503, retry_after => 2, contains => $client, count => 1 });
	my $id = read_call($client);
	wait_state($id, 'ok', 'the call ends');
	my @times = map { $_->{time} } @{ $bank->get("/_/log?contains=$client")->{entries} };
	is(scalar @times, 2, 'at the second attempt');
	is(sql("SELECT '$times[1]'::timestamptz - '$times[0]'::timestamptz >= '1.9 s'"), 't', 'not before the bank asked for it');
	is(sql("SELECT attempts FROM k2bridge.call WHERE id = $id"), 1, 'the attempt during the outage does not count');
};

subtest 'give_up_after' => sub {
	sql(q{UPDATE k2bridge.endpoint SET give_up_after = '2 s' WHERE name = 'abs.get_acc'});
	faults({ kind => 'status', status => 500, path => '/abs/get_acc' });
	my $id = sql(q{SELECT k2bridge.enqueue('abs.get_acc', '{"iinbin": "000000000010"}')});
	wait_state($id, 'failed', 'a call that is too old fails');
	sql("UPDATE k2bridge.endpoint SET give_up_after = NULL WHERE name = 'abs.get_acc'");
	faults();
	sql("SELECT k2bridge.retry($id)");
	wait_state($id, 'ok', 'and may be retried');
};

subtest 'an unreachable bank' => sub {
	my $port = PostgreSQL::Test::Cluster::get_free_port();
	my $url = $bank->url;
	sql("ALTER SERVER abs OPTIONS (SET abs_get_cli_url 'http://127.0.0.1:$port/abs/get_cli')");
	my @ids = map { read_call(client()) } 1 .. 30;
	wait_for_sql($node, 'bank', "SELECT state FROM k2bridge.server_state WHERE server = 'abs'", 'opens the circuit', 'open');
	is(sql('SELECT count(*) FROM k2bridge.outbox WHERE state = \'queued\' AND attempts > 0'), 0, 'attempts during an outage do not count');
	sql("ALTER SERVER abs OPTIONS (SET abs_get_cli_url '$url/abs/get_cli')");
	wait_healthy();
	is(sql('SELECT count(*) FROM k2bridge.call WHERE outcome = \'ok\' AND attempts = 1 AND id >= ' . $ids[0]), 30, 'the queue drains by itself');
	wait_for_sql($node, 'bank', "SELECT count(*) = 0 FROM k2bridge.server_state WHERE host NOT LIKE '%:$port'", 'and the bank is well');
};

subtest 'credentials' => sub {
	my $file = abs_path(PostgreSQL::Test::Utils::tempdir()) . '/token';
	append_to_file($file, "old-token\n");
	chmod 0600, $file;
	$bank->post('/_/credentials', { credentials => [ { name => 'new', bearer => 'new-token' } ] });
	sql("CREATE USER MAPPING FOR PUBLIC SERVER abs OPTIONS (bearer_file '$file')");
	my ($read, $money) = (read_call(client()), money_call('F1'));
	wait_for_sql($node, 'bank', "SELECT state FROM k2bridge.server_state WHERE server = 'abs' AND state = 'stopped'", 'a 401 stops the server', 'stopped');
	isnt(sql("SELECT text FROM k2bridge.problems WHERE kind = 'server_stopped'"), '', 'problems shows what the bank said');
	is(sql("SELECT string_agg(state, ' ') FROM k2bridge.outbox WHERE id IN ($read, $money)"), 'queued queued', 'the calls stay queued');
	my $other = read_call(client());
	# Calls that were made ready with the former secret must not be what tries the new one.
	my $url = $bank->url;
	sql("CREATE SERVER narrow TYPE 'abs' FOREIGN DATA WRAPPER k2bridge OPTIONS (abs_get_cli_url '$url/abs/get_cli', max_connections '1');
		CREATE USER MAPPING FOR PUBLIC SERVER narrow OPTIONS (bearer_file '$file')");
	my @crowd = split /\n/, sql(q{SELECT k2bridge.enqueue('abs.get_cli', jsonb_build_object('iinbin', lpad(n::text, 12, '0')), server => 'narrow') FROM generate_series(1000, 9000, 1000) n});
	wait_for_sql($node, 'bank', "SELECT count(*) FROM k2bridge.server_state WHERE server = 'narrow' AND state = 'stopped'", 'another server with the same secret is stopped', 1);
	unlink $file;
	append_to_file($file, "new-token\n");
	chmod 0600, $file;
	wait_state($read, 'ok', 'it goes on by itself when the secret file changes');
	wait_state($other, 'ok', 'with what came meanwhile');
	wait_for_sql($node, 'bank', 'SELECT count(*) FROM k2bridge.call WHERE outcome = \'ok\' AND id IN (' . join(',', @crowd) . ')', 'and so do those that were ready', scalar @crowd);
	wait_for_sql($node, 'bank', "SELECT count(*) FROM k2bridge.outbox WHERE id = $money AND state = 'queued'", 'money too', 0);
	is(sql("SELECT count(*) FROM k2bridge.server_state WHERE state = 'stopped'"), 0, 'and nothing is stopped any more');
	$bank->post('/_/credentials', { credentials => [] });
	sql('DROP USER MAPPING FOR PUBLIC SERVER abs; DROP SERVER narrow CASCADE');
};

subtest 'an address that never worked' => sub {
	my $url = $bank->url;
	sql("CREATE SERVER typo TYPE 'abs' FOREIGN DATA WRAPPER k2bridge OPTIONS (abs_get_cli_url '$url/abs/get_client')");
	faults({ kind => 'status', status => 404, path => '/abs/get_client' });
	my $id = read_call(client(), 'typo');
	wait_for_sql($node, 'bank', "SELECT state FROM k2bridge.server_state WHERE server = 'typo'", 'a 404 stops the server', 'stopped');
	is(sql("SELECT state FROM k2bridge.outbox WHERE id = $id"), 'queued', 'not the call');
	wait_state(read_call(client()), 'ok', 'another server on that host goes on');
	sql("ALTER SERVER typo OPTIONS (SET abs_get_cli_url '$url/abs/get_cli')");
	wait_state($id, 'ok', 'which ends once the address is mended');
	sql("ALTER SERVER typo OPTIONS (SET abs_get_cli_url '$url/abs/get_clients')");
	read_call(client(), 'typo');
	wait_for_sql($node, 'bank', "SELECT count(*) FROM k2bridge.server_state WHERE server = 'typo'", 'another wrong address stops it again', 1);
	sql(q{ALTER SERVER typo OPTIONS (ADD group_id 'not for this type'); SELECT k2bridge.cancel(id, 'test') FROM k2bridge.outbox WHERE server = 'typo'});
	wait_state(read_call(client()), 'ok', 'a server that cannot even be read holds up no other');
	sql('DROP SERVER typo');
	wait_for_sql($node, 'bank', "SELECT count(*) FROM k2bridge.server_state WHERE server = 'typo'", 'and nothing is left of its state when it is dropped', 0);
};

$node->stop;
done_testing();
