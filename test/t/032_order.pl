# The order of calls: one subject at a time and in order whatever happens to its head, subjects in parallel, priorities,
# late commits, and the push of the exclusion list, which settles many rows by one call.
use strict;
use warnings;

use lib 't', 'test/t';
use K2bridge;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $bank = start_bank();
my $node = new_node('order', 'k2bridge.databases' => 'bank');
add_database($node, 'bank');
$node->safe_psql('bank', $bank->servers('abs', max_connections => 8));
wait_for_workers($node, 'bank', 1, 'dispatcher and scheduler run');

sub sql { return $node->safe_psql('bank', $_[0]) }
sub faults { return $bank->post('/_/faults', { rules => [@_] }) }

# Queues reads of the given clients in one subject; returns the ids.
sub enqueue
{
	my ($subject, @iinbins) = @_;
	return split /\n/, sql("SELECT k2bridge.enqueue('abs.get_cli', pg_catalog.jsonb_build_object('iinbin', n), '$subject')
		FROM pg_catalog.unnest('{" . join(',', @iinbins) . "}'::text[]) n");
}

# Which clients the bank was asked for, in the order of arrival.
sub asked
{
	my ($since) = @_;
	return join ' ', map { $_->{query} =~ /iinbin=0*(\d+)/ } @{ $bank->get("/_/log?path=/abs/get_cli&since=$since&limit=10000")->{entries} };
}

sub position
{
	my $entries = $bank->get('/_/log?limit=100000')->{entries};
	return @$entries ? $entries->[-1]{seq} : 0;
}

sub iinbin { return sprintf '%012d', $_[0] * 10 }

sub wait_empty
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return wait_for_sql($node, 'bank', "SELECT count(*) = 0 FROM k2bridge.outbox WHERE subject LIKE '$_[0]'", "nothing of $_[0] is left")
	  || diag sql("SELECT id, state, parked, attempts, due_at - now(), last_error, wish FROM k2bridge.outbox WHERE subject LIKE '$_[0]'");
}

sub wait_asked
{
	my ($since, $pattern, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $end = time + 60;
	select(undef, undef, undef, 0.05) until asked($since) =~ $pattern || time > $end;
	return like(asked($since), $pattern, $name);
}

subtest 'one subject in order, subjects in parallel' => sub {
	my $since = position();
	faults({ kind => 'latency', ms => 30, jitter_ms => 60 });
	sql("SELECT k2bridge.enqueue('abs.get_cli', pg_catalog.jsonb_build_object('iinbin', lpad((n * 10)::text, 12, '0')), 'chain:' || n % 4)
		FROM pg_catalog.generate_series(1, 80) n");
	wait_empty('chain:%');
	my %seen;
	push @{ $seen{ $_ / 10 % 4 } }, $_ / 10 for split / /, asked($since);
	for my $chain (0 .. 3)
	{
		is("@{ $seen{$chain} }", join(' ', grep { $_ % 4 == $chain } 1 .. 80), "chain $chain arrives in order");
	}
	my $order = join ' ', map { $_ / 10 % 4 } split / /, asked($since);
	unlike($order, qr/^(\d)(?: \1){19}/, 'the chains do not wait for each other');
	faults();
};

subtest 'higher priority first' => sub {
	my $since = position();
	sql(q{SELECT k2bridge.pause('abs')});
	sql("SELECT k2bridge.enqueue('abs.get_cli', '{\"iinbin\": \"000000000010\"}') FROM pg_catalog.generate_series(1, 20)");
	sql("SELECT k2bridge.enqueue('abs.way4_get_loan_debt', '{\"contract_number\": \"KD1\"}') FROM pg_catalog.generate_series(1, 20)");
	sql(q{ALTER SERVER abs OPTIONS (SET max_connections '1'); SELECT k2bridge.resume('abs')});
	wait_for_sql($node, 'bank', 'SELECT count(*) = 0 FROM k2bridge.outbox', 'all are sent');
	my $paths = join '', map { $_->{path} =~ /way4/ ? 'w' : 'c' } @{ $bank->get("/_/log?since=$since")->{entries} };
	is($paths, 'w' x 20 . 'c' x 20, 'debts before dossiers, although they were queued later');
	sql(q{ALTER SERVER abs OPTIONS (SET max_connections '8')});
};

# Reads are claimed ahead of the connections that are free; what moves money must not stand behind those.
subtest 'money passes a backlog of reads' => sub {
	my $since = position();
	faults({ kind => 'latency', ms => 50 });
	sql(q{ALTER SERVER abs OPTIONS (SET max_connections '2')});
	sql("SELECT k2bridge.enqueue('abs.get_cli', '{\"iinbin\": \"000000000010\"}') FROM pg_catalog.generate_series(1, 400)");
	wait_asked($since, qr/(10 ?){10}/, 'reads are under way');
	my $money = sql(q{SELECT k2bridge.enqueue('abs.refuse_pt', '{"refer": "M1", "reason_code": "01"}', 'req:M1')});
	wait_for_sql($node, 'bank', "SELECT outcome FROM k2bridge.call WHERE id = $money", 'the bank answers', 'refused');
	cmp_ok(sql('SELECT count(*) FROM k2bridge.outbox'), '>', 50, 'while reads still wait');
	faults();
	sql(q{ALTER SERVER abs OPTIONS (SET max_connections '8')});
	wait_for_sql($node, 'bank', 'SELECT count(*) = 0 FROM k2bridge.outbox', 'they are sent afterwards');
};

# A head in every state, two successors and a stranger.
subtest 'a failed head blocks its subject until a person acts' => sub {
	for my $remedy ('retry', 'cancel', 'resolve')
	{
		my $since = position();
		faults({ kind => 'status', status => 400, contains => iinbin(1) });
		my ($head) = enqueue("head:$remedy", map { iinbin($_) } 1 .. 3);
		wait_for_sql($node, 'bank', "SELECT state FROM k2bridge.outbox WHERE id = $head", "the head failed ($remedy)", 'failed');
		enqueue("other:$remedy", iinbin(9));
		wait_empty("other:$remedy");
		wait_for_sql($node, 'bank', "SELECT count(*) = 2 FROM k2bridge.outbox WHERE subject = 'head:$remedy' AND parked", 'its successors are parked');
		is(asked($since), '10 90', 'only the stranger was sent');
		faults();
		sql("SELECT k2bridge.$remedy($head" . { retry => '', cancel => ", 'not needed'", resolve => ", 'refused', 'by telephone'" }->{$remedy} . ')');
		wait_empty("head:$remedy");
		is(asked($since), { retry => '10 90 10 20 30' }->{$remedy} // '10 90 20 30', "$remedy frees it, in order");
	}
};

subtest 'a refused head frees its subject' => sub {
	my $since = position();
	my ($head) = enqueue('refused', '000000000018', iinbin(2));
	wait_empty('refused');
	is(asked($since), '18 20', 'in order');
	is(sql("SELECT outcome FROM k2bridge.call WHERE id = $head"), 'refused', 'the head is refused');
};

subtest 'cancelling in the middle does not let successors overtake the head' => sub {
	my $since = position();
	faults({ kind => 'status', status => 400, contains => iinbin(1) });
	my ($head, $middle) = enqueue('middle', map { iinbin($_) } 1 .. 4);
	wait_for_sql($node, 'bank', "SELECT count(*) = 3 FROM k2bridge.outbox WHERE subject = 'middle' AND parked", 'the head failed, three wait');
	sql("SELECT k2bridge.cancel($middle)");
	wait_for_sql($node, 'bank', "SELECT outcome FROM k2bridge.call WHERE id = $middle", 'the second is cancelled', 'cancelled');
	enqueue('elsewhere', iinbin(9));
	wait_empty('elsewhere');
	is(asked($since), '10 90', 'the third is not sent before the head');
	faults();
	sql("SELECT k2bridge.retry($head)");
	wait_empty('middle');
	is(asked($since), '10 90 10 30 40', 'but after it');
};

# Two transactions whose ids are in the other order than their commits.
sub late_commit
{
	my ($subject, $late, $early) = @_;
	my $session = $node->background_psql('bank');
	$session->query_safe("BEGIN; SELECT k2bridge.enqueue('abs.get_cli', '{\"iinbin\": \"$late\"}', '$subject')");
	my ($id) = enqueue($subject, $early);
	return ($session, $id);
}

subtest 'a row that is committed late' => sub {
	my $since = position();
	faults({ kind => 'status', status => 500, contains => iinbin(2), ms => 1000, count => 1 });
	my ($session) = late_commit('late', iinbin(1), iinbin(2));
	wait_asked($since, qr/^20$/, 'what is committed is sent');
	$session->query_safe('COMMIT');
	wait_for_sql($node, 'bank', "SELECT count(*) = 1 FROM k2bridge.outbox WHERE subject = 'late' AND parked", 'the late one waits');
	$session->quit;
	wait_empty('late');
	is(asked($since), '20 10 20', 'and is sent before the next attempt of the other');

	$since = position();
	faults({ kind => 'status', status => 400, contains => iinbin(2), ms => 1000, count => 1 });
	($session, my $head) = late_commit('later', iinbin(1), iinbin(2));
	wait_asked($since, qr/^20$/, 'what is committed is sent');
	$session->query_safe('COMMIT');
	$session->quit;
	wait_for_sql($node, 'bank', "SELECT state FROM k2bridge.outbox WHERE id = $head", 'and fails', 'failed');
	sql("SELECT k2bridge.resolve($head, 'refused', 'by telephone')");
	wait_empty('later');
	is(asked($since), '20 10', 'the late one is sent when a person has settled the other');
	faults();
};

subtest 'a recall before its registration was sent' => sub {
	my $since = position();
	sql(q{SELECT k2bridge.pause(endpoint => 'abs.reg_pt')});
	sql(q{INSERT INTO k2.req (refer, accept_dt, doc_num, doc_at, iinbin, acc_fullname, ben_fullname, ben_bin, ben_iban, ben_kbe, amount,
		cur, knp, dbz_num, dbz_dt, purpose, head, account) VALUES ('R1', '2021-01-05', '16', '2021-01-04', '000000000010', 'a', 'b',
		'971240001315', 'KZ12722R00000000000', '14', 86429.87, 'KZT', '423', 'R0000-001', '2014-02-08', 'p', 'h', 'a')});
	sql(q{SELECT k2.recall_req('R1', '01')});
	sql(q{SELECT k2bridge.resume(endpoint => 'abs.reg_pt')});
	wait_empty('req:R1');
	is(sql(q{SELECT string_agg(endpoint || ' ' || outcome, ', ') FROM k2bridge.call WHERE subject = 'req:R1'}), 'abs.reg_pt cancelled', 'cancels it');
	is(position(), $since, 'and nothing is sent');
};

subtest 'the exclusion list' => sub {
	sql(q{INSERT INTO k2.exclusion (iin, for_extreq) SELECT lpad(n::text, 12, '0'), true FROM pg_catalog.generate_series(1, 40) n});
	wait_for_sql($node, 'bank', q{SELECT count(*) FROM k2bridge.problems WHERE endpoint = 'abs.post_all_loan_exclude_to_eko'}, 'the first push waits for a person', 1);
	sql('SELECT abs.push_exclusions(confirm => true)');
	wait_empty('exclusions');
	faults({ kind => 'latency', path => '/eko', ms => 20, jitter_ms => 100 }, { kind => 'reset_after', path => '/eko', probability => 0.1 });
	my $pushed = $bank->get('/_/exclusions')->{arrived};
	my $script = PostgreSQL::Test::Utils::tempdir() . '/change.sql';
	append_to_file($script, "\\set id random(1, 40)\nUPDATE k2.exclusion SET iban = left(md5(random()::text), 20) WHERE id = :id;\n");
	$node->command_ok([ 'pgbench', '-n', '-c', '4', '-t', '100', '-f', $script, '-h', $node->host, '-p', $node->port, 'bank' ], '400 changes by four sessions');
	wait_empty('exclusions');
	is(join(' ', map { $_->{iban} } sort { $a->{id} <=> $b->{id} } @{ $bank->get('/_/exclusions')->{items} }),
		sql(q{SELECT string_agg(iban, ' ' ORDER BY id) FROM k2.exclusion}), 'the bank has the last of every row');
	is(sql(q{SELECT count(*) FROM k2bridge.call WHERE subject = 'exclusions' AND outcome = 'ok' AND endpoint = 'abs.post_all_loan_exclude_to_eko'}), 401, 'every row of the queue is settled');
	cmp_ok($bank->get('/_/exclusions')->{arrived} - $pushed, '<', 200, 'by fewer calls');
	is(sql(q{SELECT count(*) FROM k2bridge.call c WHERE sent_as IS NOT NULL AND NOT EXISTS (SELECT FROM k2bridge.call l WHERE l.id = c.sent_as AND l.sent_as IS NULL)}), 0,
		'and each names the one that was sent');
	faults();
	sql('UPDATE k2.exclusion SET is_active = false');
	wait_empty('exclusions');
	is($bank->get('/_/exclusions')->{rows}, 40, 'a list of the same length needs nobody, whatever it says');
};

$node->stop;
done_testing();
