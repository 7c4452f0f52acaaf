# The schedule: when rows run, as whom, what becomes of errors, who may write it; the upkeep of the call history.
use strict;
use warnings;

use lib 't', 'test/t';
use K2bridge;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('schedule', 'k2bridge.databases' => 'bank');

# The tables belong to a role that is no superuser.
$node->safe_psql('postgres', 'CREATE ROLE keeper; CREATE ROLE clerk; CREATE ROLE stranger; GRANT clerk TO keeper;
	CREATE DATABASE bank');
$node->safe_psql('bank', q{CREATE EXTENSION k2bridge; SELECT k2bridge.allow_setup('keeper');
	SET ROLE keeper; SELECT k2bridge.setup(); RESET ROLE;
	CREATE TABLE seen (id serial, what text, who name DEFAULT current_user, at timestamptz DEFAULT clock_timestamp());
	CREATE FUNCTION note(what text) RETURNS void LANGUAGE sql AS 'INSERT INTO public.seen (what) VALUES ($1)';
	GRANT ALL ON ALL TABLES IN SCHEMA public TO keeper, clerk; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO keeper, clerk;
	GRANT CREATE ON SCHEMA public TO keeper});
wait_for_workers($node, 'bank', 1, 'dispatcher and scheduler serve tables of an ordinary role');

# Writes a schedule row as the owner of the tables; the values are SQL expressions.
sub schedule
{
	my ($name, $command, %more) = @_;
	my %row = (every => "'1 day'", %more);
	return $node->psql('bank', "SET ROLE keeper; INSERT INTO k2bridge.schedule (name, command, "
		  . join(', ', sort keys %row) . ") VALUES ('$name', \$sql\$$command\$sql\$, "
		  . join(', ', map { $row{$_} } sort keys %row) . ')');
}

sub wait_for_outcome
{
	my ($name, $outcome, $what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return wait_for_sql($node, 'bank', "SELECT last_outcome FROM k2bridge.schedule WHERE name = '$name'", $what, $outcome);
}

sub seen
{
	my ($what) = @_;
	return $node->safe_psql('bank', "SELECT string_agg(who, ' ' ORDER BY id) FROM seen WHERE what = '$what'");
}

subtest 'default rows' => sub {
	is($node->safe_psql('bank', "SELECT string_agg(name || ' ' || run_as, ', ' ORDER BY name) FROM k2bridge.schedule
			WHERE enabled AND next_run > now()"),
		'abs.push_exclusions keeper, abs.reconcile keeper, abs.refresh_all_debts keeper, k2bridge.maintain keeper, k2bridge.note_servers keeper',
		'debts, reconciliation, exclusions, upkeep and a look at the servers, run as the owner of the tables');
};

subtest 'as whom' => sub {
	schedule('own', "SELECT public.note('own')");
	wait_for_outcome('own', 'ok', 'a new row runs at once');
	is(seen('own'), 'keeper', 'as the one who wrote it');
	schedule('clerk', "SELECT public.note('clerk')", run_as => "'clerk'");
	wait_for_outcome('clerk', 'ok', 'run_as another role');
	is(seen('clerk'), 'clerk', 'is obeyed');
	for my $role ('postgres', 'stranger')
	{
		my ($result, $out, $err) = schedule("as $role", 'SELECT 1', run_as => "'$role'");
		like($err, qr/may not run commands as role "$role"/, "run_as $role is refused when written");
		is($node->psql('bank', "INSERT INTO k2bridge.schedule (name, command, every, run_as)
				VALUES ('by a superuser', 'SELECT 1', '1 day', '$role')"), 3, '… also to a superuser');
		$node->safe_psql('bank', "SET ROLE keeper; ALTER TABLE k2bridge.schedule DISABLE TRIGGER changed;
			INSERT INTO k2bridge.schedule (name, command, every, run_as, next_run)
			VALUES ('as $role', 'SELECT public.note(''stolen'')', '1 day', '$role', now());
			ALTER TABLE k2bridge.schedule ENABLE TRIGGER changed");
		wait_for_outcome("as $role", qq{42501: the schedule may not run commands as role "$role"},
			'and when run, whatever the table says');
	}
	is(seen('stolen'), '', 'nothing ran');
	schedule('climb', "SELECT pg_catalog.set_config('role', 'postgres', false)", run_as => "'clerk'");
	wait_for_outcome('climb', '42501: cannot set parameter "role" within security-definer function', 'SET ROLE is refused');
	my ($result, $out, $err) = $node->psql('bank', "SET ROLE clerk; UPDATE k2bridge.schedule SET enabled = false");
	like($err, qr/permission denied/, 'only the owner writes the table');
};

subtest 'nothing runs as superuser at commit' => sub {
	$node->safe_psql('bank', q{SET ROLE keeper;
		CREATE TABLE later (x integer);
		CREATE FUNCTION later() RETURNS trigger LANGUAGE plpgsql AS
			'BEGIN PERFORM public.note(''deferred''); RETURN NULL; END';
		CREATE CONSTRAINT TRIGGER later AFTER INSERT ON later INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION later()});
	schedule('deferred', 'INSERT INTO public.later VALUES (1)');
	wait_for_outcome('deferred', 'ok', 'a command with a deferred trigger runs');
	is(seen('deferred'), 'keeper', 'and the trigger runs as run_as');
};

subtest 'errors' => sub {
	my $position = -s $node->logfile;
	schedule('wrong', 'SELECT 1/0', every => "'1 second'");
	wait_for_outcome('wrong', '22012: division by zero', 'the outcome is the error text');
	wait_for_sql($node, 'bank', "SELECT last_run > (SELECT min(at) FROM k2bridge.audit WHERE key = 'wrong') + interval '2 seconds'
		FROM k2bridge.schedule WHERE name = 'wrong'", 'it runs again');
	my $said = () = log_since($node, $position) =~ /division by zero/g;
	is($said, 1, 'the log has it once');
	schedule('slow', 'SELECT pg_catalog.pg_sleep(600)', statement_timeout => "'200 ms'");
	wait_for_outcome('slow', '57014: canceling statement due to statement timeout', 'statement_timeout of the row');
	schedule('atomic', 'COMMIT');
	wait_for_outcome('atomic', '0A000: the schedule cannot run this command: SPI_ERROR_TRANSACTION', 'no transaction control');
	schedule('leaves things', 'SET datestyle = german; SET statement_timeout = 1; CREATE TEMP TABLE t (x integer); SELECT pg_catalog.pg_advisory_lock(4711)');
	wait_for_outcome('leaves things', 'ok', 'a command may leave a temporary table and an advisory lock');
	is($node->safe_psql('bank', "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711"), 0,
		'which are cleared away');
	schedule('finds things', "SELECT public.note(pg_catalog.current_setting('statement_timeout') || coalesce(pg_catalog.to_regclass('pg_temp.t')::text, ' clean'))");
	wait_for_outcome('finds things', 'ok', 'the next command');
	is(seen('10s clean'), 'keeper', 'finds nothing of it');
};

subtest 'when' => sub {
	schedule('late', "SELECT public.note('late')", every => "'1 hour'", next_run => "now() - interval '30 days 20 minutes'");
	wait_for_outcome('late', 'ok', 'a row whose time passed long ago runs');
	is($node->safe_psql('bank', "SELECT last_run < next_run AND next_run < now() + interval '40 minutes'
		AND next_run > now() + interval '39 minutes' FROM k2bridge.schedule WHERE name = 'late'"), 't',
		'next_run stays on its grid and skips what was missed');
	is(seen('late'), 'keeper', 'it ran once');
	schedule('off', "SELECT public.note('off')", enabled => 'false');
	schedule('at', "SELECT public.note('at')", at => "((now() AT TIME ZONE 'Asia/Almaty') - interval '2 hours')::time(0)");
	is($node->safe_psql('bank', "SELECT (next_run AT TIME ZONE 'Asia/Almaty')::time = at AND next_run > now()
		AND next_run < now() + interval '1 day' FROM k2bridge.schedule WHERE name = 'at'"), 't', 'a time of day is one of k2bridge.timezone');
	$node->safe_psql('bank', "SET ROLE keeper; UPDATE k2bridge.schedule SET next_run = now() WHERE name = 'at'");
	wait_for_outcome('at', 'ok', 'next_run = now() runs it');
	$node->safe_psql('bank', "SET ROLE keeper; UPDATE k2bridge.schedule SET enabled = true WHERE name = 'off'");
	wait_for_outcome('off', 'ok', 'switching it on wakes the scheduler');
	is($node->safe_psql('bank', q{SET timezone = 'America/New_York';
		SELECT bool_and(k2bridge.next_run(e, a, f, s) = n) FROM (VALUES
		('1 month'::interval, NULL::time, '2025-01-31 10:00+05'::timestamptz, '2025-07-01 00:00+05'::timestamptz, '2025-07-31 10:00+05'::timestamptz),
		('1 day', '03:00', '2025-03-01 03:00+05', '2025-03-01 03:00+05', '2025-03-02 03:00+05'),
		('6 hours', '05:00', '2025-03-01 23:00+05', '2025-03-01 23:00:01+05', '2025-03-02 05:00+05'),
		('7 days', '05:00', '2025-03-01 05:00+05', '2025-03-20 05:00+05', '2025-03-22 05:00+05'),
		('1 second', NULL, '2024-03-01 05:00+05', '2025-03-20 05:00:00.5+05', '2025-03-20 05:00:01+05')) v (e, a, f, s, n)}),
		't', 'k2bridge.next_run() of months, days, hours and seconds');
};

subtest 'a forgotten transaction stops only its own row' => sub {
	schedule('held', "SELECT public.note('held')");
	wait_for_outcome('held', 'ok', 'a row');
	my $session = $node->background_psql('bank');
	$session->query_safe("BEGIN; SELECT FROM k2bridge.schedule WHERE name = 'held' FOR UPDATE");
	schedule('free', "SELECT public.note('free')");
	wait_for_outcome('free', 'ok', 'another row runs while the first is locked');
	$session->quit;
};

subtest 'a command that takes the server down' => sub {
	schedule('crash', "SELECT pg_catalog.pg_sleep(600)", statement_timeout => "'0'");
	wait_for_outcome('crash', 'running', 'while it runs');
	kill 'KILL', worker_pid($node, 'bank', 'scheduler');
	wait_for_outcome('crash', 'interrupted: the server or the scheduler stopped', 'is not run again at once');
	wait_for_workers($node, 'bank', 1, 'all are back');
};

subtest 'upkeep' => sub {
	is($node->safe_psql('bank', "SELECT count(*) FROM k2bridge.call_partitions() WHERE day >= current_date"), 8,
		'a week of partitions is there');
	$node->safe_psql('bank', q{INSERT INTO k2bridge.call (id, endpoint, outcome, attempts, created_at, created_by, finished_at, delivery)
		SELECT n, 'test.call', 'ok', 1, now(), 'keeper', now() - days * interval '1 day', delivery
		FROM (VALUES (1, 1, 'at_least_once'), (2, 40, 'at_least_once'), (3, 50, 'at_least_once'), (4, 50, 'at_most_once'),
		             (5, 400, 'at_most_once')) v (n, days, delivery);
		INSERT INTO k2bridge.audit (at, actor, object, action) VALUES (now() - interval '400 days', 'keeper', 'test', 'insert');
		INSERT INTO k2bridge.inbox (service, received_at, correlation) VALUES ('test', now() - interval '400 days', gen_random_uuid())});
	my $run = "SET ROLE keeper; UPDATE k2bridge.schedule SET next_run = now(), last_outcome = NULL WHERE name = 'k2bridge.maintain'";
	my $left = "SELECT string_agg(id::text, ' ' ORDER BY id) FROM k2bridge.call WHERE endpoint = 'test.call'";
	$node->safe_psql('bank', $run);
	wait_for_outcome('k2bridge.maintain', 'ok', 'k2bridge.maintain() runs');
	is($node->safe_psql('bank', $left), '1 4 5', 'old reads went, at_most_once calls stay');
	is($node->safe_psql('bank', 'SELECT count(*) FROM k2bridge.call_default'), 0, 'no row is left in the default partition');
	is($node->safe_psql('bank', "SELECT count(*) FROM k2bridge.call_partitions() WHERE day < current_date - 1"), 2,
		'and no empty partition of former days');
	is($node->psql('bank', "SET ROLE keeper; DELETE FROM k2bridge.audit"), 3, 'the audit cannot be deleted from');
	is($node->safe_psql('bank', "SELECT count(*) FROM k2bridge.inbox WHERE service = 'test'"), 1, 'by default the inbox is kept for ever');
	$node->safe_psql('postgres', "ALTER SYSTEM SET k2bridge.retention = '365d'");
	$node->reload;
	wait_for_sql($node, 'bank', "SHOW k2bridge.retention", 'with a retention', '365d');
	$node->safe_psql('bank', $run);
	wait_for_outcome('k2bridge.maintain', 'ok', 'k2bridge.maintain() runs again');
	is($node->safe_psql('bank', $left), '1 4', 'an old at_most_once call goes');
	is($node->safe_psql('bank', "SELECT count(*) FROM k2bridge.audit WHERE object = 'test'"), 0, 'so does the audit');
	is($node->safe_psql('bank', "SELECT count(*) FROM k2bridge.inbox WHERE service = 'test'"), 0, 'and the inbox');
};

$node->stop;
done_testing();
