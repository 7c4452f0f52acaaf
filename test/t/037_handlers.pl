# What a bank's own code and forgotten sessions can do: handlers that raise, deferred constraints, locks left behind in a
# psql, handlers that change settings. Neighbours go on, nothing is sent twice.
use strict;
use warnings;

use lib 't', 'test/t';
use K2bridge;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $bank = start_bank();
my $node = new_node('handlers', 'k2bridge.databases' => 'bank');
add_database($node, 'bank');
$node->safe_psql('bank', $bank->servers('abs'));
wait_for_workers($node, 'bank', 1, 'dispatcher and scheduler run');

sub sql { return $node->safe_psql('bank', $_[0]) }
sub received { return $bank->get('/_/count?path=/abs')->{received} }
sub client { return sprintf '%011d0', $_[0] }

sub enqueue
{
	my ($client, $subject) = @_;
	return sql("SELECT k2bridge.enqueue('abs.get_cli', '{\"iinbin\": \"" . client($client) . "\"}', " . ($subject ? "'$subject'" : 'NULL') . ')');
}

sub wait_state
{
	my ($id, $state, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return wait_for_sql($node, 'bank', "SELECT state FROM k2bridge.outbox WHERE id = $id UNION ALL SELECT outcome FROM k2bridge.call WHERE id = $id", $name, $state);
}

sql(q{CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not this client' USING DETAIL = NEW.iinbin; END $$;
	CREATE TRIGGER own AFTER INSERT OR UPDATE ON abs.client FOR EACH ROW WHEN (NEW.iinbin IN ('000000000010', '000000000020')) EXECUTE FUNCTION public.refuse()});

subtest 'a trigger of the bank raises' => sub {
	my $before = received();
	sql("SELECT k2bridge.pause('abs')");
	my ($bad, @good) = map { enqueue($_) } 1, 3 .. 12;
	my $next = enqueue(13, 'same');
	sql("SELECT k2bridge.resume('abs')");
	wait_state($bad, 'answered', 'its call is answered');
	wait_for_sql($node, 'bank', "SELECT count(*) = 11 FROM k2bridge.call WHERE outcome = 'ok'", 'its neighbours are settled');
	is(sql("SELECT last_error || ' ' || (reply ->> 'iinbin') FROM k2bridge.outbox WHERE id = $bad"), 'not this client (000000000010) 000000000010', 'with error and reply');
	is(sql("SELECT kind FROM k2bridge.problems WHERE id = $bad"), 'call_answered', 'problems shows it');
	is(received() - $before, 12, 'each was sent once');
	sql("SELECT k2bridge.retry($bad)");
	wait_for_sql($node, 'bank', "SELECT wish IS NULL FROM k2bridge.outbox WHERE id = $bad", 'a retry runs the handler again');
	is(sql("SELECT state FROM k2bridge.outbox WHERE id = $bad"), 'answered', 'which raises again');
	sql('ALTER TABLE abs.client DISABLE TRIGGER own');
	sql("SELECT k2bridge.retry($bad)");
	wait_state($bad, 'ok', 'a retry after the cause is gone ends it');
	is(sql("SELECT count(*) FROM abs.client WHERE iinbin = '000000000010'"), 1, 'the data is stored');
	is(received() - $before, 12, 'nothing was sent again');
	sql('ALTER TABLE abs.client ENABLE TRIGGER own');
};

subtest 'an answered call frees its subject' => sub {
	my ($bad, $good) = (enqueue(1, 'pair'), enqueue(14, 'pair'));
	wait_state($good, 'ok', 'the next of the subject is sent');
	is(sql("SELECT state FROM k2bridge.outbox WHERE id = $bad"), 'answered', 'while the first waits for a person');
	sql("SELECT k2bridge.resolve($bad, 'refused', 'the client does not exist')");
	wait_state($bad, 'refused', 'who may settle it otherwise');
};

subtest 'a deferred constraint of the bank' => sub {
	sql(q{CREATE CONSTRAINT TRIGGER own_deferred AFTER INSERT ON abs.client DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
		WHEN (NEW.iinbin = '000000000150') EXECUTE FUNCTION public.refuse();
		SELECT k2bridge.pause('abs')});
	my ($bad, @good) = map { enqueue($_) } 15 .. 20;
	sql("SELECT k2bridge.resume('abs')");
	wait_state($bad, 'answered', 'fails the call that broke it');
	wait_state($_, 'ok', 'not its neighbour') for @good;
};

subtest 'a lock on a business row is left in a psql' => sub {
	my $before = received();
	my $psql = $node->background_psql('bank');
	$psql->query_safe("BEGIN; SELECT FROM abs.client WHERE iinbin = '000000000030' FOR UPDATE");
	my $held = enqueue(3);
	wait_state($held, 'answered', 'the call whose handler needs it waits, answered');
	wait_state(enqueue(21), 'ok', 'others go on');
	like(sql("SELECT last_error FROM k2bridge.outbox WHERE id = $held"), qr/lock timeout/, 'the reason is shown');
	is(sql("SELECT due_at < now() + interval '1 hour' FROM k2bridge.outbox WHERE id = $held"), 't', 'the handler is tried again by itself');
	$psql->query_safe('ROLLBACK');
	$psql->quit;
	wait_state($held, 'ok', 'and the call ends when the lock is gone');
	is(received() - $before, 2, 'sent once');
};

subtest 'a lock on a row of the queue is left in a psql' => sub {
	sql(q{ALTER SERVER abs OPTIONS (ADD max_connections '1'); SELECT k2bridge.pause('abs')});
	my $before = received();
	my $held = enqueue(22);
	my $money = sql(q{SELECT k2bridge.enqueue('abs.refuse_pt', '{"refer": "X1", "reason_code": "01"}', 'req:X1')});
	my $other = sql(q{SELECT k2bridge.enqueue('abs.refuse_pt', '{"refer": "X2", "reason_code": "01"}', 'req:X2')});
	my $psql = $node->background_psql('bank');
	$psql->query_safe("BEGIN; SELECT FROM k2bridge.outbox WHERE id IN ($held, $money) FOR UPDATE");
	# A fresh dispatcher is cautious: one call at a time.
	my $pid = worker_pid($node, 'bank', 'dispatcher');
	sql("SELECT pg_terminate_backend($pid)");
	wait_for_sql($node, 'postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'k2bridge dispatcher' AND pid <> $pid", 'another dispatcher starts');
	sql("SELECT k2bridge.resume('abs')");
	wait_state($other, 'refused', 'money behind it is sent');
	wait_state(enqueue(23), 'ok', 'and a read');
	is(sql("SELECT state FROM k2bridge.outbox WHERE id = $money"), 'queued', 'the locked one is not sent');
	$psql->query_safe('ROLLBACK');
	$psql->quit;
	wait_state($money, 'refused', 'until the lock is gone');
	wait_state($held, 'ok', 'the locked read too');
	is($bank->get('/_/registry')->{unregistered}[0]{arrived}{refuse_pt}, 1, 'sent once');
	sql(q{ALTER SERVER abs OPTIONS (DROP max_connections)});
};

subtest 'a handler leaves nothing behind' => sub {
	sql(q{CREATE TABLE public.seen (id bigserial, what text);
		CREATE FUNCTION public.messy(call k2bridge.call_row) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
			INSERT INTO public.seen (what) SELECT concat_ws(' ', current_user, session_user, current_setting('search_path'), current_setting('work_mem'), current_setting('lock_timeout'), current_setting('timezone'));
			EXECUTE 'SET search_path = public'; EXECUTE 'SET work_mem = 77777'; EXECUTE 'SET timezone = ''Pacific/Auckland'''; EXECUTE 'SET lock_timeout = 0';
		END $$;
		UPDATE k2bridge.endpoint SET handler = 'public.messy' WHERE name = 'abs.get_cli'; SELECT k2bridge.pause('abs')});
	my @ids = map { enqueue($_) } 30 .. 39;
	sql("SELECT k2bridge.resume('abs')");
	wait_state($_, 'ok', 'a messy handler is done') for @ids;
	is(sql('SELECT count(DISTINCT what) FROM public.seen'), 1, 'every one starts with the same role and settings') or diag sql('SELECT * FROM public.seen');
	unlike(sql('SELECT min(what) FROM public.seen'), qr/77777|Auckland/, 'which are not those of another');
	sql(q{CREATE OR REPLACE FUNCTION public.messy(call k2bridge.call_row) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'RESET ROLE'; INSERT INTO public.seen (what) VALUES ('superuser'); END $$});
	wait_state(enqueue(40), 'answered', 'RESET ROLE is refused');
	is(sql("SELECT count(*) FROM public.seen WHERE what = 'superuser'"), 0, 'and did nothing');
	sql(q{CREATE OR REPLACE FUNCTION public.messy(call k2bridge.call_row) RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(600); END $$});
	my ($slow, $next) = (enqueue(41), sql(q{SELECT k2bridge.enqueue('abs.get_acc', '{"iinbin": "000000000410"}')}));
	wait_state($slow, 'answered', 'a handler that does not end is cancelled by statement_timeout');
	wait_state($next, 'ok', 'and others go on');
	sql("UPDATE k2bridge.endpoint SET handler = 'public.missing' WHERE name = 'abs.get_cli'");
	my $missing = enqueue(42);
	wait_state($missing, 'answered', 'a handler that does not exist leaves the reply');
	like(sql("SELECT last_error FROM k2bridge.outbox WHERE id = $missing"), qr/public\.missing/, 'and is named');
	sql("UPDATE k2bridge.endpoint SET handler = 'abs.client_done' WHERE name = 'abs.get_cli'");
	is(sql("SELECT k2bridge.retry('abs.get_cli', NULL) > 0"), 't', 'all are retried together');
	wait_for_sql($node, 'bank', "SELECT string_agg(id::text, ' ') FROM k2bridge.outbox WHERE last_error NOT LIKE 'not this client%'", 'and end, by the handler as it is now', '');
};

$node->stop;
done_testing();
