# Nothing is lost and no money moves twice: the dispatcher is killed with -9 and the server crashes at random moments while
# a mixture of all calls is under way and the bank misbehaves in every way it can.
#
# K2_CRASH_CALLS (2000) is the number of calls, K2_SEED (random, printed) the seed of the faults and moments.
use strict;
use warnings;

use lib 't', 'test/t';
use K2bridge;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $calls = $ENV{K2_CRASH_CALLS} || 2000;
my $seed = $ENV{K2_SEED} || int(rand(1_000_000));
note "K2_CRASH_CALLS=$calls K2_SEED=$seed";
srand($seed);

my $bank = start_bank();
my $node = new_node('crash', 'k2bridge.databases' => 'bank', fsync => 'on');
add_database($node, 'bank');
$node->safe_psql('bank', $bank->servers('abs', max_connections => 4, timeout => 1500));
wait_for_workers($node, 'bank', 1, 'dispatcher and scheduler run');

sub sql { return $node->safe_psql('bank', $_[0]) }

# The queue as it was filled: chains of reads, each chain one subject, and payment requests that are registered.
my $reqs = int($calls / 5);
my $reads = $calls - $reqs;
sql('CREATE TABLE public.wanted (id bigint PRIMARY KEY, subject text, key text)');
my $prepare = "INSERT INTO public.wanted SELECT k2bridge.enqueue(c.endpoint, c.args, c.subject), c.subject, c.key FROM (
	SELECT 'chain:' || n / 8 AS subject, n, e.endpoint, e.args, e.key FROM pg_catalog.generate_series(0, $reads - 1) n
	CROSS JOIN LATERAL (VALUES
		(0, 'abs.get_cli', jsonb_build_object('iinbin', lpad(n || '0', 12, '0')), 'iinbin=' || lpad(n || '0', 12, '0')),
		(1, 'abs.way4_get_loan_debt', jsonb_build_object('contract_number', 'KD' || n), '\"KD' || n || '\"'),
		(2, 'abs.colvir_get_loan_debt', jsonb_build_object('dep_id', 7, 'id', n), '\"id\": ' || n || ','),
		(3, 'abs.get_acc', jsonb_build_object('iinbin', lpad(n || '0', 12, '0')), 'iinbin=' || lpad(n || '0', 12, '0')),
		(4, 'abs.get_acc_stmt_dt', jsonb_build_object('dt', '2020-01-01', 'dep_id', 9, 'id', n || '0'), '&id=' || n || '0&'),
		(5, 'abs.get_pdf', jsonb_build_object('dbz_num', 'D' || n, 'dbz_dt', '2020-01-01', 'iinbin', '000000000010'), 'dbz_num=D' || n || '&'),
		(6, 'abs.get_all_pt', jsonb_build_object('page', n + 1, 'perpage', '25'), '\"page\": ' || n + 1 || ','),
		(7, 'abs.get_cli', jsonb_build_object('iinbin', lpad(n || '1', 12, '0')), 'iinbin=' || lpad(n || '1', 12, '0'))
	) AS e (turn, endpoint, args, key) WHERE e.turn = n % 8 ORDER BY n) c";
sql("BEGIN; SELECT k2bridge.pause('abs'); $prepare; COMMIT");
sql("INSERT INTO k2.req (refer, accept_dt, doc_num, doc_at, iinbin, acc_fullname, ben_fullname, ben_bin, ben_iban, ben_kbe, amount, cur, knp,
	dbz_num, dbz_dt, purpose, head, account) SELECT 'P' || lpad(n::text, 6, '0'), '2021-01-05', '16', '2021-01-04', lpad(n || '0', 12, '0'), 'a', 'b',
	'971240001315', 'KZ12722R00000000000', '14', 86429.87 + n, 'KZT', '423', 'R' || n, '2014-02-08', 'p', 'h', 'a' FROM pg_catalog.generate_series(1, $reqs) n");
sql(q{INSERT INTO k2.exclusion (iin, for_extreq) SELECT lpad(n::text, 12, '0'), true FROM pg_catalog.generate_series(1, 30) n;
	SELECT abs.push_exclusions(confirm => true)});
is(sql("SELECT count(*) FROM k2bridge.outbox WHERE endpoint <> 'abs.post_all_loan_exclude_to_eko'"), $calls, "$calls calls are queued");

# About one request in four meets a fault, whatever it is; some that move money are surely processed and unanswered.
my @kinds = ((map { { kind => 'reset_after', path => "/abs/$_", skip => 3, count => 3, probability => 1 } } 'reg_pt', 'refuse_pt', 'return_pt'),
	{ kind => 'latency', ms => 20, jitter_ms => 300, probability => 0.1 }, { kind => 'status', status => 503 },
	{ kind => 'status', status => 503, retry_after => 1, probability => 0.005 }, { kind => 'status', status => 500 },
	{ kind => 'status', status => 429, retry_after => 1, probability => 0.005 }, { kind => 'reset_before' }, { kind => 'reset_after' },
	{ kind => 'reset_after', ms => 300 }, { kind => 'close_before' }, { kind => 'close_after' }, { kind => 'close_after', reused => JSON::PP::true() },
	{ kind => 'truncate' }, { kind => 'garbage' }, { kind => 'charset', label => 'wrong' }, { kind => 'charset', label => 'none' },
	{ kind => 'charset', label => 'right' }, { kind => 'hang', probability => 0.003 });
sub faults_on { return $bank->post('/_/faults', { seed => $seed + 0, rules => [ map { { probability => 0.015, %$_ } } @kinds ] }) }

sub left { return sql('SELECT count(*) FROM k2bridge.outbox') }

# Until so many more calls have left the queue, or it moves no more by itself.
sub wait_progress
{
	my ($number) = @_;
	my $base = sql('SELECT count(*) FROM k2bridge.call');
	my $end = time + 20;
	select(undef, undef, undef, 0.02) until time > $end || sql("SELECT (SELECT count(*) FROM k2bridge.call) >= $base + $number
		OR NOT EXISTS (SELECT FROM k2bridge.outbox WHERE state IN ('queued', 'sending'))") eq 't';
	return;
}

# Registered requests are recalled or returned while everything else goes on.
sub withdraw
{
	my $some = int($reqs / 8);
	sql("SELECT CASE WHEN right(r.refer, 1)::integer % 2 = 0 THEN abs.refuse_pt(r.refer, '01') ELSE abs.return_pt(r.refer, '99') END
		FROM (SELECT refer FROM k2.req WHERE status = 'registered' ORDER BY refer LIMIT $some) r");
	sql('UPDATE k2.exclusion SET iban = \'KZ\' || id WHERE id = ' . (1 + int(rand(30))));
	return;
}

faults_on();
sql("SELECT k2bridge.resume('abs')");
for my $round (1 .. 8)
{
	wait_progress(1 + int(rand($calls / 10)));
	withdraw();
	my $pid = worker_pid($node, 'bank', 'dispatcher') || 0;
	if ($round % 3 == 0)
	{
		note "round $round: immediate shutdown, " . left() . ' calls left';
		$node->stop('immediate');
		$node->start;
	}
	else
	{
		note "round $round: kill -9 of the dispatcher, " . left() . ' calls left';
		kill 'KILL', $pid if $pid;
	}
	$node->poll_query_until('postgres', "SELECT count(*) > 0 FROM pg_stat_activity WHERE backend_type = 'k2bridge dispatcher' AND pid <> $pid")
	  or BAIL_OUT('the dispatcher does not come back');
}
wait_progress($calls / 10);
$bank->post('/_/faults', { rules => [] });
wait_for_sql($node, 'bank', q{SELECT count(*) = 0 FROM k2bridge.outbox o JOIN k2bridge.endpoint e ON e.name = o.endpoint
	WHERE e.delivery = 'at_least_once' OR o.state IN ('queued', 'sending')}, 'the bank is well again: nothing waits but what is uncertain')
  or diag sql(q{SELECT endpoint, state, parked, attempts, crashes, last_error, count(*) FROM k2bridge.outbox GROUP BY 1, 2, 3, 4, 5, 6 LIMIT 20});
# A request that the bank processed after the search for it: the search of five minutes later comes now.
sql(q{UPDATE k2bridge.outbox SET verify_at = now() WHERE state = 'uncertain' AND endpoint = 'abs.reg_pt'; SELECT k2bridge.wake_dispatcher()});
wait_for_sql($node, 'bank', q{SELECT count(*) = 0 FROM k2bridge.outbox WHERE verify_at <= now() OR endpoint = 'abs.verify_pt' OR wish IS NOT NULL}, 'verified once more');

is(sql(q{SELECT count(*) FROM (SELECT w.id FROM public.wanted w LEFT JOIN k2bridge.call c USING (id) GROUP BY 1 HAVING count(c.id) <> 1) x}), 0,
	'every read is finished exactly once');
is(sql(q{SELECT string_agg(DISTINCT c.outcome, ' ') FROM k2bridge.call c WHERE c.delivery = 'at_least_once'
	AND NOT (c.outcome = 'refused' AND c.error_code = '404')}), 'ok', 'and ok');
is(sql(q{SELECT count(*) FROM k2bridge.outbox o JOIN k2bridge.call c USING (id)}), 0, 'nothing is both queued and finished');
is(sql(q{SELECT count(*) FROM k2.req r WHERE NOT EXISTS (SELECT FROM k2bridge.call c WHERE c.subject = 'req:' || r.refer AND c.endpoint = 'abs.reg_pt')
	AND NOT EXISTS (SELECT FROM k2bridge.outbox o WHERE o.subject = 'req:' || r.refer AND o.endpoint = 'abs.reg_pt')}), 0, 'no registration is lost');

my $registry = $bank->get('/_/registry');
my @known = (@{ $registry->{items} }, @{ $registry->{unregistered} });
my (%heard, %twice);
for my $entry (grep { $_->{method} eq 'POST' } map { @{ $bank->get("/_/log?path=/abs/$_&limit=100000")->{entries} } } 'reg_pt', 'refuse_pt', 'return_pt')
{
	my ($refer) = $entry->{body} =~ /"refer": ?"(\w+)"/ or next;
	push @{ $heard{"$entry->{path} $refer"} }, ($entry->{fault} // 'served') . " $entry->{status}";
}
# 429 says that nothing was taken; it is the only reply after which money is sent again.
for my $call (keys %heard)
{
	$twice{$call} = $heard{$call} if (grep { !/ 429$/ } @{ $heard{$call} }) > 1;
}
is_deeply(\%twice, {}, 'no call that moves money reached the bank twice, but for those it answered with 429') or diag explain \%twice;
my %fate;
$fate{ join ', ', @{ $heard{$_} } }++ for grep { /reg_pt/ } keys %heard;
note "registrations: $_: $fate{$_}" for sort keys %fate;
note sql(q{SELECT string_agg(t || ': ' || n, ', ') FROM (SELECT coalesce(error_text, '-') t, count(*) n FROM k2bridge.call WHERE endpoint = 'abs.reg_pt' GROUP BY 1) x});

my %state = map { split /\|/ } split /\n/, sql(q{SELECT endpoint || ' ' || substr(subject, 5), state || ' ' || coalesce(found ->> 'searched', '') FROM k2bridge.outbox
	WHERE state = 'uncertain' UNION ALL SELECT endpoint || ' ' || substr(subject, 5), outcome FROM k2bridge.call WHERE endpoint IN ('abs.reg_pt', 'abs.refuse_pt', 'abs.return_pt')});
my (%wrong, %count);
for my $item (@known)
{
	for my $kind (grep { $item->{arrived}{$_} } keys %{ $item->{arrived} })
	{
		my $state = $state{"abs.$kind $item->{refer}"} // 'nowhere';
		$count{"$kind $state"}++;
		my $good = $item->{processed}{$kind} ? ($kind eq 'reg_pt' ? $state eq 'ok' : $state =~ /^(ok|uncertain )$/)
		  : $kind eq 'reg_pt' ? $state eq 'uncertain absent' : $state =~ /^uncertain /;
		$wrong{"$kind $item->{refer}"} = $state . ($item->{processed}{$kind} ? ', processed' : '') unless $good;
	}
}
note join ', ', map { "$_: $count{$_}" } sort keys %count;
is_deeply(\%wrong, {}, 'what the bank processed is ok or waits for a status; what it did not is uncertain, registrations with what was searched');
cmp_ok(sql(q{SELECT count(*) FROM k2bridge.call WHERE endpoint = 'abs.reg_pt' AND error_text = 'found at the bank'}), '>', 0, 'some registrations were settled by the search');

# The order of arrival at the bank against the order of the queue, subject by subject.
my %rank = map { my ($id, $subject, $key) = split /\|/; ($key => [ $subject, $id ]) } split /\n/, sql('SELECT id, subject, key FROM public.wanted');
my (%last, @overtaken, $arrivals);
for my $entry (@{ $bank->get('/_/log?limit=100000')->{entries} })
{
	my $text = ($entry->{query} ? "$entry->{query}&" : '') . ($entry->{body} // '');
	my ($key) = $text =~ /(iinbin=\d+)&$/ ? $1 : $text =~ /("KD\d+"|"id": \d+,|"page": \d+,|dbz_num=D\d+&|&id=\d+&)/ or next;
	my $known = $rank{$key} or next;
	my ($subject, $id) = @$known;
	$arrivals++;
	push @overtaken, "$subject $id after $last{$subject}" if $id < ($last{$subject} // 0);
	$last{$subject} = $id;
}
cmp_ok($arrivals // 0, '>=', $reads * 0.9, 'the arrivals are recognised');
is("@overtaken", '', 'the order of every subject held');

# O6, O7 and what was never found wait for a status of the bank or a person.
my $waiting = sql(q{SELECT count(*) FROM k2bridge.outbox WHERE endpoint IN ('abs.refuse_pt', 'abs.return_pt')});
sql(q{SELECT k2.k2req_return_from_eko(jsonb_build_object('reference', substr(o.subject, 5), 'reason_code', '99')) FROM k2bridge.outbox o WHERE o.endpoint = 'abs.return_pt' AND o.state = 'uncertain'});
wait_for_sql($node, 'bank', q{SELECT count(*) = 0 FROM k2bridge.outbox WHERE endpoint = 'abs.return_pt'}, 'a return is settled by service I6');
sql(q{SELECT k2bridge.resolve(id, 'ok', 'the bank confirmed it by letter') FROM k2bridge.outbox WHERE state = 'uncertain'});
wait_for_sql($node, 'bank', 'SELECT count(*) = 0 FROM k2bridge.outbox', 'and a person settles the others');
note "$waiting recalls and returns had waited";

$node->stop;
done_testing();
