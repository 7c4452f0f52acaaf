# Every problem that Autoclient can cause is made, its remedy is pasted into psql as it stands, and the problem is gone;
# where a person has to decide or to mend something first, the remedy shows what about.
use strict;
use warnings;
use utf8;

use lib 't', 'test/t';
use Encode qw(encode_utf8);
use K2bridge;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Problems;
use Statements;
use Test::More;

my $bank = start_bank();
my $node = new_node('problems', 'k2bridge.databases' => 'bank');
add_database($node, 'bank');
wait_for_workers($node, 'bank', 1, 'dispatcher and scheduler run');
add_company($node, 'bank', $bank, 'c1', 'token-1');

sub sql { return $node->safe_psql('bank', encode_utf8($_[0])) }
sub faults { return $bank->post('/_/faults', { rules => [@_] }) }
sub refusal { return { kind => 'refusal', path => $_[0], count => $_[1] // 1, service_code => 'TEST', error_text => $_[2] // 'refused by a test' } }
sub paste { local $Test::Builder::Level = $Test::Builder::Level + 1; return paste_remedy($node, @_) }
sub mended { local $Test::Builder::Level = $Test::Builder::Level + 1; return is_mended($node, @_) }

subtest 'a bank that is not ready' => sub {
	settled($node, 'bank', 'c1', 'at first');
	is(sql('TABLE k2bridge.problems'), '', 'no problem');
	$bank->post('/_/ac/clock', { phase => 'NOP' });
	sql(q{SELECT autoclient.poll('c1')});
	wait_for_sql($node, 'bank', 'SELECT waiting_since IS NOT NULL FROM autoclient.server_day', 'is waited for');
	sql(q{UPDATE autoclient.server_day SET waiting_since = now() - interval '7 hours'});
	like(paste('bank_not_ready'), qr/NOP/, 'shows what the bank says');
	$bank->post('/_/ac/clock', { phase => 'WRK' });
	sql(q{SELECT autoclient.poll('c1')});
	mended('bank_not_ready');
	settled($node, 'bank', 'c1', 'and polls');
};

subtest 'rounds that end early' => sub {
	faults(refusal('/api/statements/balance/interim'));
	sql(q{SELECT autoclient.poll('c1')});
	paste('poll_error');
	mended('poll_error');
	settled($node, 'bank', 'c1', 'then');
	faults(refusal('/api/statements/transactions/interim', 2));
	sql(q{SELECT autoclient.poll('c1')});
	paste('statement_error');
	mended('statement_error');
	settled($node, 'bank', 'c1', 'afterwards');
};

subtest 'group mode' => sub {
	add_company($node, 'bank', $bank, 'g1', 'group-token');
	sql(q{SELECT autoclient.poll('g1')});
	wait_for_sql($node, 'bank', q{SELECT count(*) FROM k2bridge.problems WHERE server = 'g1'}, 'a round without an id is refused', 1);
	sql(q{CREATE ROLE looking; SELECT k2bridge.grant_access('looking', 'reader')});
	is(sql(q{SET ROLE looking; SELECT kind FROM k2bridge.problems WHERE server = 'g1'}), 'poll_error', 'whoever may read problems sees it');
	my @choices = split /\n/, paste('poll_error', q{server = 'g1'});
	is(scalar @choices, 2, 'the companies of the group are listed');
	pasted($node, 'the choice', $choices[1] =~ s/^[^|]*\|//r);
	mended('poll_error');
	settled($node, 'bank', 'g1', 'the company chosen');
	same_as_bank($node, 'bank', $bank, 'g1', '44000002', 'the company chosen');
	sql(q{DROP SERVER g1 CASCADE; DELETE FROM autoclient.company WHERE server = 'g1'});

	add_company($node, 'bank', $bank, 'g2', 'token-2', group_id => '44000002');
	sql(q{SELECT autoclient.poll('g2')});
	paste('poll_error', q{server = 'g2'});
	mended('poll_error');
	settled($node, 'bank', 'g2', 'without the id');
	sql(q{DROP SERVER g2 CASCADE; DELETE FROM autoclient.company WHERE server = 'g2'});

	for my $place ('header', 'query')
	{
		my ($server, $other) = ("in_$place", $place eq 'query' ? 'header' : 'query');
		$bank->post('/_/ac/bank', { group_id => $place });
		add_company($node, 'bank', $bank, $server, 'group-token', group_id => '44000001', $place eq 'query' ? (group_id_in => $other) : ());
		sql("SELECT autoclient.poll('$server')");
		paste('poll_error', "server = '$server'");
		mended('poll_error');
		settled($node, 'bank', $server, "the id in the $place");
		sql("DROP SERVER $server CASCADE; DELETE FROM autoclient.company WHERE server = '$server'");
	}
	is(sql(q{SELECT count(*) FROM autoclient.problem WHERE server <> 'c1'}), 0, 'a server that was dropped is no problem');
	$bank->post('/_/ac/bank', {});
};

subtest 'a day that does not add up' => sub {
	my ($acc, $day) = split /\|/, sql(q{SELECT acc, max(dat_od) FROM autoclient.transaction WHERE server = 'c1' AND is_final AND NOT vanished AND autoclient.is_booked(pr_pr, fl_real) GROUP BY acc ORDER BY acc LIMIT 1});
	my $rows = sql("SELECT count(*) FROM autoclient.transaction WHERE server = 'c1' AND acc = '$acc'");
	sql("DELETE FROM autoclient.transaction WHERE server = 'c1' AND acc = '$acc' AND dat_od = '$day' AND NOT vanished AND autoclient.is_booked(pr_pr, fl_real);
		UPDATE autoclient.account SET final_through = '$day'::date - 1, rechecked_at = now() WHERE server = 'c1' AND acc = '$acc'");
	like(paste('statement_check'), qr/^c1\|$acc\|$day\|turnover_/m, 'shows the day');
	mended('statement_check');
	is(sql("SELECT count(*) FROM autoclient.transaction WHERE server = 'c1' AND acc = '$acc'"), $rows, 'what was lost is fetched again');
};

subtest 'calls' => sub {
	faults({ kind => 'status', status => 400, path => '/api/statements/settings' });
	sql(q{SELECT autoclient.poll('c1')});
	wait_for_sql($node, 'bank', q{SELECT count(*) FROM k2bridge.problems WHERE kind = 'call_failed'}, 'a page of HTML is a failure', 1);
	faults();
	paste('call_failed');
	mended('call_failed');

	sql(q{ALTER TABLE autoclient.transaction ADD CONSTRAINT own CHECK (dat_od < '2000-01-01') NOT VALID});
	sql(q{SELECT autoclient.poll('c1')});
	wait_for_sql($node, 'bank', q{SELECT count(*) > 0 FROM k2bridge.problems WHERE kind = 'call_answered'}, 'a handler fails on the constraint of a user');
	sql('ALTER TABLE autoclient.transaction DROP CONSTRAINT own');
	paste('call_answered') while sql(q{SELECT count(*) FROM k2bridge.problems WHERE kind = 'call_answered'}) > 0 && sql('SELECT count(*) FROM k2bridge.outbox WHERE wish IS NULL') > 0;
	mended('call_answered');
	settled($node, 'bank', 'c1', 'afterwards');

	sql(q{ALTER SERVER c1 OPTIONS (ADD charset 'cp1251')});
	sql(q{SELECT k2bridge.enqueue('autoclient.salary_update_receiver', '{"fio": ["☃"]}', server => 'c1')});
	wait_for_sql($node, 'bank', q{SELECT text LIKE '%windows-1251 lacks%' FROM k2bridge.problems WHERE kind = 'call_failed'}, 'what cannot be written says why');
	sql(q{ALTER SERVER c1 OPTIONS (SET charset 'utf8')});
	paste('call_failed');
	mended('call_failed');

	faults({ kind => 'reset_before', path => '/api/proxy/eo', count => 1 });
	sql(q{SELECT autoclient.eo_create('<b/>'::bytea, 'r.xml', '31451288')});
	paste('call_uncertain');
	mended('call_uncertain');
};

subtest 'servers' => sub {
	$bank->post('/_/ac/tokens', { name => 'company 1', enabled => JSON::PP::false() });
	sql(q{SELECT autoclient.poll('c1')});
	like(paste('server_stopped'), qr/connect/, 'shows what can be reached');
	$bank->post('/_/ac/tokens', { name => 'company 1', enabled => JSON::PP::true() });
	sql(q{ALTER SERVER c1 OPTIONS (ADD timeout '20000')});
	mended('server_stopped');
	faults({ kind => 'status', status => 503, path => '/api' });
	sql(q{SELECT autoclient.poll('c1')});
	wait_for_sql($node, 'bank', q{SELECT count(*) > 0 FROM k2bridge.server_state WHERE state = 'open'}, 'the bank is down');
	sql(q{UPDATE k2bridge.server_state SET since = now() - interval '2 min'});
	paste('server_open');
	faults();
	mended('server_open');
	settled($node, 'bank', 'c1', 'it goes on');
};

my $own = sql(q{SELECT string_agg(DISTINCT coalesce(m[1], m[2]), ' ') FROM regexp_matches(pg_get_viewdef('autoclient.problem'::regclass), '''([a-z_]+)''::text AS kind|SELECT ''([a-z_]+)''', 'g') m});
is_deeply([ grep { !was_pasted($_) } split ' ', $own ], [], 'every kind of autoclient.problem was pasted');
is(sql('TABLE k2bridge.problems'), '', 'nothing is left');

$node->stop;
done_testing();
