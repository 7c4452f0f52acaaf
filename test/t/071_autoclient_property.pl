# Random banks, faults, kills and days: in the end the tables hold exactly what the bank says is true, and the bank has
# exactly one draft per payment. K2BRIDGE_BANKS says how many banks (default 5), K2BRIDGE_SEED repeats a run.
use strict;
use warnings;

use lib 't', 'test/t';
use K2bridge;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Statements;
use Test::More;

my $banks = $ENV{K2BRIDGE_BANKS} || 5;
my $seed = $ENV{K2BRIDGE_SEED} || time;
srand $seed;
note "seed $seed";

my $bank = start_bank('--seed', $seed % 100000);
my $node = new_node('property', 'k2bridge.databases' => 'bank');
add_database($node, 'bank');
wait_for_workers($node, 'bank', 1, 'dispatcher and scheduler run');

sub sql { return $node->safe_psql('bank', $_[0]) }
sub flag { return rand() < 0.5 ? JSON::PP::true() : JSON::PP::false() }
sub pick { return $_[ int rand @_ ] }

my @faults = (
	sub { return { kind => 'status', status => pick(500, 502, 503, 504), path => '/api/statements', count => 1 + int rand 2 } },
	sub { return { kind => 'reset_after', path => '/api/', count => 1 } },
	sub { return { kind => 'reset_before', path => '/api/', count => 1 } },
	sub { return { kind => 'truncate', path => '/api/statements', count => 1 } },
	sub { return { kind => 'status', status => 200, path => '/api/statements', count => 1 } },
	sub { return { kind => 'latency', ms => 30, jitter_ms => 200, probability => 0.3, path => '/api/statements' } });

# A crash of the dispatcher takes the server down and up again.
sub kill_something
{
	my $pid = worker_pid($node, 'bank', 'dispatcher') || 0;
	if (rand() < 0.5 || !$pid)
	{
		$node->stop('immediate');
		$node->start;
	}
	else
	{
		kill 'KILL', $pid;
	}
	return $node->poll_query_until('bank', qq{SELECT count(*) = 1 FROM pg_stat_activity
		WHERE datname = 'bank' AND backend_type = 'k2bridge dispatcher' AND pid <> $pid});
}

sub new_payment
{
	my ($server, $number) = @_;
	my $acc = sql("SELECT acc FROM autoclient.account WHERE server = '$server' AND currency = 'UAH' ORDER BY acc LIMIT 1");
	return if $acc eq '';
	sql(qq{INSERT INTO autoclient.payment (server, client_ref, request) VALUES ('$server', '$server-$number', '{"document_number": "$number",
		"payer_account": "$acc", "recipient_account": "UA143052990000026008050000001", "recipient_nceo": "34554355", "payment_naming": "TEST",
		"payment_amount": "$number.25", "payment_destination": "payment $number", "payment_ccy": "UAH"}')});
	return;
}

# What a person does with payments whose outcome nobody knows: tries once more, which the bank takes for a duplicate.
sub settle_payments
{
	my ($server) = @_;
	my $done = "SELECT count(*) = 0 FROM autoclient.payment WHERE server = '$server' AND state IN ('queued', 'uncertain')";
	for (1 .. 5)
	{
		$node->poll_query_until('bank', "SELECT count(*) = 0 FROM k2bridge.outbox WHERE server = '$server' AND state IN ('queued', 'sending')");
		return 1 if sql($done) eq 't';
		# A call may end between being found and being retried.
		$node->psql('bank', "SELECT k2bridge.retry(id, confirm => true) FROM k2bridge.outbox WHERE server = '$server' AND state = 'uncertain'");
	}
	return sql($done) eq 't';
}

# A bank that leaves days without movement out of its balances does not name an account on which nothing moved lately.
sub name_accounts
{
	my ($server) = @_;
	sql("INSERT INTO autoclient.account (server, acc, start_date) VALUES ('$server', '$_->{acc}', '$_->{opened}') ON CONFLICT DO NOTHING")
		for @{ $bank->get('/_/ac/bank')->{accounts} };
	return;
}

sub run_bank
{
	my ($number) = @_;
	my $server = "bank$number";
	my $history = 5 + int rand 40;
	my $quiet = flag();
	$bank->post('/_/ac/bank', { seed => int rand 1000000, history_days => $history, rows_per_day => int rand 12, lastday_is_final => flag(),
			quiet_day_rows => $quiet, oddities => JSON::PP::true(), leftover => pick('auto', 'filled', 'null', 'absent'),
			companies => [ { accounts => [ ('UAH', pick('UAH', 'USD'), 'UAH')[ 0 .. int rand 3 ] ] } ] });
	add_company($node, 'bank', $bank, $server, 'token-1', charset => pick('utf8', 'cp1251'));
	sql("UPDATE autoclient.company SET page_size = " . pick(5, 20, 100) . ", window_days = " . pick(3, 10, 31) . " WHERE server = '$server'");
	my $payments = 0;
	for my $step (1 .. 4 + int rand 4)
	{
		$bank->post('/_/faults', { rules => [ map { pick(@faults)->() } 0 .. int rand 3 ] });
		sql("SELECT autoclient.poll('$server')");
		new_payment($server, 100 + ++$payments) if rand() < 0.6;
		kill_something() if rand() < 0.3;
		$bank->post('/_/ac/advance', { days => 1 + int rand 2 }) if rand() < 0.6;
	}
	$bank->post('/_/faults', { rules => [] });
	# What ended early by a day change between two pages begins anew in the next round.
	$node->psql('bank', "SELECT k2bridge.retry(id) FROM k2bridge.outbox WHERE server = '$server' AND state = 'queued' AND due_at > now()");
	ok(settle_payments($server), "$server: every payment has an outcome");
	$node->poll_query_until('bank', "SELECT count(*) = 0 FROM k2bridge.outbox WHERE server = '$server'");
	sql("SELECT autoclient.poll('$server')");
	$node->poll_query_until('bank', "SELECT count(*) = 0 FROM k2bridge.outbox WHERE server = '$server'");
	name_accounts($server) unless $quiet;
	settled($node, 'bank', $server, $server);
	same_as_bank($node, 'bank', $bank, $server, $bank->get('/_/ac/bank')->{companies}[0]{id}, $server, !$quiet);
	is(sql("SELECT string_agg(day || ' ' || problem, ', ') FROM autoclient.statement_check WHERE server = '$server' AND problem <> 'vanished'"), '', "$server: everything adds up");
	is($bank->get('/_/ac/payments')->{created}, sql("SELECT count(*) FROM autoclient.payment WHERE server = '$server' AND state IN ('created', 'booked')"),
		"$server: as many drafts as payments");
	sql("DROP SERVER $server CASCADE; DELETE FROM autoclient.company WHERE server = '$server'");
	return;
}

subtest "bank $_" => sub { run_bank($_) } for 1 .. $banks;

$node->stop;
done_testing();
