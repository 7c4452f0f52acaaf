# A backfill is paused, after the window under way or after the page under way, survives restarts, and goes on without a
# gap or a page asked twice; k2bridge.progress tells how far it is.
use strict;
use warnings;

use lib 't', 'test/t';
use K2bridge;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Statements;
use Test::More;

my $bank = start_bank();
my $node = new_node('backfill', 'k2bridge.databases' => 'bank');
add_database($node, 'bank');
wait_for_workers($node, 'bank', 1, 'dispatcher and scheduler run');

my $pages = '/api/statements/transactions';
my $final = "subject LIKE 'autoclient:c1:%:final'";
sub sql { return $node->safe_psql('bank', $_[0]) }

# What was asked of the statement of days, the interim one apart: start, page.
sub asked
{
	return map { join ' ', $_->{query} =~ /startDate=([0-9-]+)/, $_->{query} =~ /followId=([^&]+)/ }
	  grep { $_->{path} eq $pages } @{ $bank->get("/_/log?path=$pages")->{entries} };
}

# A new bank with one account, its first page asked for; pages are slow enough to be paused between.
sub begin
{
	$bank->post('/_/reset');
	$bank->post('/_/ac/bank', { history_days => 60, rows_per_day => 12, vary => JSON::PP::false(), companies => [ { accounts => ['UAH'] } ], tokens => [ { token => 'token-1' } ] });
	$bank->post('/_/faults', { rules => [ { kind => 'latency', ms => 100, path => $pages } ] });
	add_company($node, 'bank', $bank, 'c1', 'token-1', start_date => '2026-01-01');
	sql(q{UPDATE autoclient.company SET page_size = 25, window_days = 7; SELECT autoclient.poll('c1')});
	return;
}

# Another round is over, so that whatever was to be asked has been asked.
sub another_round
{
	my ($name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $last = sql('SELECT last_poll FROM autoclient.account');
	sql(q{SELECT autoclient.poll('c1')});
	return wait_for_sql($node, 'bank', "SELECT last_poll IS NOT NULL AND last_poll::text <> '$last' FROM autoclient.account", "$name: interim rows are polled");
}

sub is_complete
{
	my ($name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$bank->post('/_/faults', { rules => [] });
	$node->poll_query_until('bank', "SELECT final_through = date_final_statement FROM autoclient.account JOIN autoclient.server_day USING (server)");
	my %times;
	$times{$_}++ for asked();
	settled($node, 'bank', 'c1', $name);
	same_as_bank($node, 'bank', $bank, 'c1', $bank->get('/_/ac/bank')->{companies}[0]{id}, $name);
	is(join(', ', grep { $times{$_} > 1 } sort keys %times), '', "$name: no page was asked for twice");
	cmp_ok(scalar(keys %times), '>', 20, "$name: and there were many");
	is(sql('SELECT count(*) FROM k2bridge.progress'), 0, "$name: nothing is under way");
	is(sql('TABLE autoclient.statement_check'), '', "$name: it adds up");
	sql('DROP SERVER c1 CASCADE; DELETE FROM autoclient.company; TRUNCATE autoclient.server_day, autoclient.account, autoclient.balance, autoclient.transaction CASCADE');
	return;
}

subtest 'paused between windows' => sub {
	begin();
	wait_for_sql($node, 'bank', q{SELECT count(*) = 1 FROM autoclient.account WHERE walked_through >= '2026-01-07'}, 'the first window is in');
	sql(q{SELECT autoclient.pause_backfill('c1')});
	wait_for_sql($node, 'bank', "SELECT count(*) = 0 FROM k2bridge.outbox WHERE $final", 'the window under way is the last one');
	my $through = sql('SELECT walked_through FROM autoclient.account');
	my $before = asked();
	cmp_ok(sql('SELECT date_final_statement - walked_through FROM autoclient.account JOIN autoclient.server_day USING (server)'), '>', 7, 'much is left');
	is(sql('SELECT what || done || total FROM k2bridge.progress'),
		sql(q{SELECT 'backfill ' || acc || (walked_through - '2026-01-01'::date + 1) || (date_final_statement - '2026-01-01'::date + 1) FROM autoclient.account JOIN autoclient.server_day USING (server)}),
		'progress counts its days');
	is(sql(q{SELECT rate > 0 AND eta BETWEEN interval '0.1 s' AND interval '1 hour' FROM k2bridge.progress}), 't', 'and tells rate and time left');
	another_round('while paused');
	is(asked(), $before, 'a round begins no window');
	$node->restart;
	wait_for_workers($node, 'bank', 1, 'after a restart');
	another_round('after a restart');
	is(asked(), $before, 'it is still paused');
	is(sql('SELECT walked_through FROM autoclient.account'), $through, 'and where it was');
	sql(q{SELECT autoclient.pause_backfill('c1', false)});
	wait_for_sql($node, 'bank', "SELECT walked_through > '$through' FROM autoclient.account", 'resumed');
	is(sql(q{SELECT string_agg(action, ', ' ORDER BY id) FROM k2bridge.audit WHERE action LIKE '%backfill'}), 'pause backfill, resume backfill', 'both are in the audit');
	is_complete('resumed');
};

subtest 'paused between pages' => sub {
	begin();
	wait_for_sql($node, 'bank', "SELECT count(*) > 0 FROM k2bridge.outbox WHERE $final AND args ? 'followId'", 'a page within a window is due');
	sql(q{SELECT k2bridge.pause('c1', 'autoclient.transactions', note => 'month end')});
	# The page under way brings the next one, which is held.
	another_round('while paused');
	wait_for_sql($node, 'bank', "SELECT count(*) FROM k2bridge.outbox WHERE $final", 'one page is held', 1);
	my $before = asked();
	another_round('again');
	is(asked(), $before, 'no page is asked for');
	my $held = sql("SELECT args FROM k2bridge.outbox WHERE $final");
	my $rows = sql('SELECT count(*) FROM autoclient.transaction WHERE is_final');
	$node->stop('immediate');
	$node->start;
	wait_for_workers($node, 'bank', 1, 'after a crash');
	another_round('after a crash');
	is(asked(), $before, 'it is still paused');
	is(sql("SELECT args FROM k2bridge.outbox WHERE $final"), $held, 'at the same page');
	is(sql('SELECT count(*) FROM autoclient.transaction WHERE is_final'), $rows, 'with the same rows');
	is(sql(q{SELECT k2bridge.resume('c1', 'autoclient.transactions')}), 't', 'resumed');
	is_complete('resumed');
};

$node->stop;
done_testing();
