# The workers: start, list of databases, signals, crash, DROP, RENAME and TEMPLATE of their database, DROP EXTENSION,
# versions, missing slots, standby and promotion.
use strict;
use warnings;

use lib 't', 'test/t';
use K2bridge;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('primary', streaming => 1, 'k2bridge.databases' => 'bank');
my @kinds = qw(dispatcher scheduler);

# What the workers (log lines without an application name) complained about beyond what a person did to them.
sub complaints
{
	my ($position) = @_;
	return join "\n", grep { /\] (WARNING|ERROR|FATAL|PANIC):/ && !/due to administrator command/ }
	  split /\n/, log_since($node, $position);
}

sub log_position { return -s $node->logfile }

subtest 'start' => sub {
	wait_for_sql($node, 'postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'k2bridge launcher'",
		'the launcher runs before there is a database to serve');
	$node->safe_psql('postgres', 'CREATE DATABASE bank');
	my $position = log_position();
	$node->safe_psql('bank', 'CREATE EXTENSION k2bridge');
	wait_for_workers($node, 'bank', 0, 'an extension without tables has no workers');
	$node->safe_psql('bank', 'SELECT k2bridge.setup()');
	wait_for_workers($node, 'bank', 1, 'setup() in a listed database starts dispatcher and scheduler');
	wait_for_sql($node, 'bank', "SELECT string_agg(kind || coalesce(' ' || name, ''), ', ' ORDER BY kind)
		FROM k2bridge.status WHERE state = 'running' AND pid IS NOT NULL AND since IS NOT NULL AND last_error IS NULL",
		'k2bridge.status shows them', 'dispatcher bank, launcher, scheduler bank');
	is(complaints($position), '', 'nothing is complained about');
};

subtest 'list of databases' => sub {
	my $dispatcher = worker_pid($node, 'bank', 'dispatcher');
	add_database($node, 'Second');
	is($node->safe_psql('Second', 'SELECT hint FROM k2bridge.status WHERE last_error IS NOT NULL'),
		'Add "Second" to k2bridge.databases and reload.', 'status says what an unlisted database lacks');
	my $position = log_position();
	$node->safe_psql('postgres', q{ALTER SYSTEM SET k2bridge.databases = 'bank', 'Second', 'missing'});
	like($node->safe_psql('postgres', 'SHOW k2bridge.databases'), qr/^bank$/, 'the list changes with a reload only');
	$node->reload;
	wait_for_workers($node, 'Second', 1, 'a database added to the list is served after a reload');
	wait_for_sql($node, 'bank', "SELECT last_error FROM k2bridge.status WHERE kind = 'launcher'",
		'a listed database that does not exist is named', 'database "missing" does not exist');
	$node->safe_psql('postgres', 'ALTER SYSTEM RESET k2bridge.databases');
	$node->reload;
	wait_for_workers($node, 'Second', 0, 'a database taken off the list is left');
	wait_for_sql($node, 'bank', "SELECT last_error IS NULL FROM k2bridge.status WHERE kind = 'launcher'",
		'and the launcher is content again');
	is(worker_pid($node, 'bank', 'dispatcher'), $dispatcher, 'the other database kept its workers');
	is(complaints($position), '', 'nothing is complained about');
};

subtest 'cancel and terminate' => sub {
	my $position = log_position();
	my %before = map { $_ => worker_pid($node, 'bank', $_) } @kinds;
	for my $round (1 .. 5)
	{
		$node->safe_psql('postgres', "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE backend_type LIKE 'k2bridge %'");
	}
	$node->safe_psql('bank', 'CREATE TABLE seen (what text, at timestamptz DEFAULT now())');
	$node->safe_psql('bank', "INSERT INTO k2bridge.schedule (name, command, every)
		VALUES ('after cancel', 'INSERT INTO public.seen (what) VALUES (''after cancel'')', '1 day')");
	wait_for_sql($node, 'bank', "SELECT count(*) = 1 FROM seen WHERE what = 'after cancel'", 'a cancelled scheduler still works');
	is(worker_pid($node, 'bank', $_), $before{$_}, "an idle $_ survives pg_cancel_backend") for @kinds;
	for my $kind (@kinds)
	{
		$node->safe_psql('postgres', "SELECT pg_terminate_backend($before{$kind})");
		wait_for_sql($node, 'postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE datname = 'bank'
			AND backend_type = 'k2bridge $kind' AND pid <> $before{$kind}", "a terminated $kind is started again");
	}
	my $launcher = $node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE backend_type = 'k2bridge launcher'");
	my %after = map { $_ => worker_pid($node, 'bank', $_) } @kinds;
	$node->safe_psql('postgres', "SELECT pg_terminate_backend($launcher)");
	wait_for_sql($node, 'postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'k2bridge launcher'
		AND pid <> $launcher", 'a terminated launcher is started again');
	is(worker_pid($node, 'bank', $_), $after{$_}, "the $_ lives on without its launcher") for @kinds;
	$node->safe_psql('postgres', "SELECT pg_terminate_backend($after{scheduler})");
	wait_for_sql($node, 'postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE datname = 'bank'
		AND backend_type = 'k2bridge scheduler' AND pid <> $after{scheduler}", 'the new launcher knows the workers it found');
	is(worker_pid($node, 'bank', 'dispatcher'), $after{dispatcher}, 'and started no second dispatcher');
};

subtest 'kill -9' => sub {
	for my $kind (@kinds, 'launcher')
	{
		my $before = $node->safe_psql('postgres',
			"SELECT string_agg(pid::text, ',') FROM pg_stat_activity WHERE backend_type LIKE 'k2bridge %'");
		my $pid = $node->safe_psql('postgres', "SELECT min(pid) FROM pg_stat_activity WHERE backend_type = 'k2bridge $kind'");
		kill 'KILL', $pid;
		wait_for_sql($node, 'bank', "SELECT count(*) = 3 FROM pg_stat_activity WHERE backend_type LIKE 'k2bridge %'
			AND pid NOT IN ($before)", "all processes are back after kill -9 of the $kind");
	}
	wait_for_workers($node, 'bank', 1, 'one of each kind');
};

subtest 'settings of the database' => sub {
	my $scheduler = worker_pid($node, 'bank', 'scheduler');
	$node->safe_psql('bank', q{ALTER DATABASE bank SET k2bridge.timezone = 'America/New_York';
		ALTER DATABASE bank SET search_path = public; ALTER DATABASE bank SET default_transaction_read_only = on});
	my $look = q{SET default_transaction_read_only = off; UPDATE k2bridge.schedule SET command =
		'INSERT INTO public.seen (what) SELECT concat_ws('' '', pg_catalog.current_setting(''k2bridge.timezone''),
		 ''path='' || pg_catalog.current_setting(''search_path''))', every = '1 second', next_run = now() WHERE name = 'after cancel'};
	$node->safe_psql('bank', $look);
	wait_for_sql($node, 'bank', "SELECT EXISTS (SELECT FROM seen WHERE what = 'America/New_York path=')",
		'a running worker takes up what ALTER DATABASE SET changed, except what is pinned');
	$node->safe_psql('postgres', 'ALTER DATABASE bank RESET ALL');
	wait_for_sql($node, 'bank', "SELECT EXISTS (SELECT FROM seen WHERE what = 'Asia/Almaty path=')", 'and what RESET removed');
	is(worker_pid($node, 'bank', 'scheduler'), $scheduler, 'by the same process');
	$node->safe_psql('bank', "DELETE FROM k2bridge.schedule WHERE name = 'after cancel'");
};

subtest 'the database is renamed, copied, dropped' => sub {
	my $position = log_position();
	$node->safe_psql('postgres', 'ALTER DATABASE bank RENAME TO bank2');
	wait_for_workers($node, 'bank2', 0, 'RENAME passes, the new name is not served');
	$node->safe_psql('postgres', 'ALTER DATABASE bank2 RENAME TO bank');
	wait_for_workers($node, 'bank', 1, 'the old name is served again');
	$node->safe_psql('postgres', 'CREATE DATABASE copy TEMPLATE bank');
	wait_for_workers($node, 'bank', 1, 'after CREATE DATABASE … TEMPLATE they come back');
	wait_for_workers($node, 'copy', 0, 'the copy is not served');
	$node->safe_psql('postgres', 'DROP DATABASE bank');
	is($node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type ~ 'dispatcher|scheduler'"),
		0, 'DROP DATABASE passes');
	$node->safe_psql('postgres', 'ALTER DATABASE copy RENAME TO bank');
	wait_for_workers($node, 'bank', 1, 'a copy under the listed name is served');
	is(complaints($position), '', 'nothing is complained about');
};

subtest 'the extension is dropped' => sub {
	my $position = log_position();
	my ($result, $out, $err) = $node->psql('bank', 'DROP EXTENSION k2bridge');
	isnt($result, 0, 'plain DROP EXTENSION is refused');
	my $rows = $node->safe_psql('bank', 'SELECT count(*) FROM k2bridge.schedule');
	$node->safe_psql('bank', 'DROP EXTENSION k2bridge CASCADE');
	wait_for_workers($node, 'bank', 0, 'the workers leave after DROP EXTENSION CASCADE');
	$node->safe_psql('bank', 'CREATE EXTENSION k2bridge; SELECT k2bridge.setup()');
	wait_for_workers($node, 'bank', 1, 'CREATE EXTENSION and setup() bring them back');
	is($node->safe_psql('bank', 'SELECT count(*) FROM k2bridge.schedule'), $rows, 'no row was lost');
	$node->safe_psql('bank', 'DROP EXTENSION k2bridge CASCADE; CREATE EXTENSION k2bridge; SELECT k2bridge.setup()');
	wait_for_workers($node, 'bank', 1, 'all three in one session');
	is(complaints($position), '', 'nothing is complained about');
};

subtest 'tables of another version' => sub {
	$node->safe_psql('bank', "UPDATE k2bridge.schema_version SET version = '0.1'");
	wait_for_sql($node, 'bank', "SELECT count(*) = 2 FROM k2bridge.status WHERE state = 'waiting'
		AND last_error LIKE 'the tables are of version 0.1, %' AND hint = 'Run: SELECT k2bridge.setup();'", 'stop the workers');
	$node->safe_psql('bank', "INSERT INTO k2bridge.schedule (name, command, every)
		VALUES ('too early', 'SELECT 1', '1 day')");
	$node->safe_psql('bank', "SELECT k2bridge.setup()");
	wait_for_sql($node, 'bank', "SELECT count(*) = 2 FROM k2bridge.status WHERE state = 'running'
		AND kind <> 'launcher' AND last_error IS NULL", 'setup() lets them go on');
	wait_for_sql($node, 'bank', "SELECT s.last_run > v.at FROM k2bridge.schedule s, k2bridge.schema_version v
		WHERE s.name = 'too early'", 'what was due meanwhile ran afterwards');
};

subtest 'standby and promotion' => sub {
	$node->backup('base');
	my $standby = PostgreSQL::Test::Cluster->new('standby');
	$standby->init_from_backup($node, 'base', has_streaming => 1);
	$standby->start;
	$node->wait_for_catchup($standby);
	is($standby->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'k2bridge %'"),
		0, 'nothing runs on a standby');
	like($standby->safe_psql('bank', "SELECT hint FROM k2bridge.status WHERE kind = 'launcher'"), qr/after promotion/,
		'status says so');
	$standby->promote;
	wait_for_workers($standby, 'bank', 1, 'after promotion they start by themselves');
	$standby->stop;
};

$node->stop;

subtest 'worker slots are exhausted' => sub {
	my $full = new_node('full', max_worker_processes => 2, 'k2bridge.databases' => 'bank', max_logical_replication_workers => 0);
	add_database($full, 'bank');
	wait_for_sql($full, 'bank', "SELECT hint = 'Increase max_worker_processes.' FROM k2bridge.status
		WHERE kind = 'launcher' AND last_error LIKE 'no free background worker slot%'", 'status names the setting');
	wait_for_sql($full, 'bank', "SELECT now() > since + interval '4 seconds' FROM k2bridge.status WHERE kind = 'launcher'",
		'after several attempts');
	my $said = () = log_since($full, 0) =~ /no free background worker slot/g;
	is($said, 1, 'the log says it once');
	$full->adjust_conf('postgresql.conf', 'max_worker_processes', 8);
	$full->restart;
	wait_for_workers($full, 'bank', 1, 'with more slots they run');
	$full->stop;
};

subtest 'not preloaded' => sub {
	my $bare = new_node('bare', shared_preload_libraries => '');
	add_database($bare, 'bank');
	is($bare->safe_psql('bank', 'SELECT hint FROM k2bridge.status'),
		"Add to postgresql.conf: shared_preload_libraries = 'k2bridge', and restart.", 'status says which line to add');
	$bare->stop;
};

done_testing();
