# Upgrade from 1.0: a library newer than functions and tables is noticed and said; ALTER EXTENSION UPDATE and setup() bring
# a used database to what a fresh install has, object by object, every row and own addition kept; a dump of the former
# version restored under this one likewise; both ways of installing this version give the same.
use strict;
use warnings;

use lib 't', 'test/t';
use K2bridge;
use Catalog qw(catalog_of);
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $former = '1.0';
my $fixture = abs_path(dirname(__FILE__) . "/../fixture/used-$former.sql");
my $node = new_node('upgrade', 'k2bridge.databases' => 'watched');
my $version = $node->safe_psql('postgres', "SELECT default_version FROM pg_available_extensions WHERE name = 'k2bridge'");

my $loan = q{[{"request_id": 1, "system": "way4", "contract_number": "KD1", "dbz_contract_number": "KD1", "dbz_dt": "2014-02-08", "iinbin": "000000000010",
	"fullname": "Тестовый Тест", "iban": "KZ82722TEST000000001", "cur": "KZT", "debt": 1000, "overdue_days": 9}]};

sub installed
{
	my ($database, $clause) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	return $node->safe_psql($database, "CREATE EXTENSION k2bridge $clause; SELECT k2bridge.allow_setup('k2_owner'); SET ROLE k2_owner; SELECT k2bridge.setup()");
}

sub refused
{
	my ($database, $statement) = @_;
	my ($status, $out, $err) = $node->psql($database, "\\set VERBOSITY verbose\n$statement");
	return $err;
}

sub service { return "SET ROLE k2_owner; SELECT k2.k2loan_from_eko('$loan') ->> 'error_code'" }

# The tables get what a year of 1.0 left in them, exactly.
sub use_it
{
	my ($database) = @_;
	my $tables = $node->safe_psql($database, q{SELECT string_agg(c.oid::regclass::text, ', ') FROM pg_class c
		WHERE c.relnamespace = ANY ('{k2bridge,k2,abs,autoclient}'::regnamespace[]) AND c.relkind IN ('r', 'p') AND NOT c.relispartition});
	$node->safe_psql($database, "SET session_replication_role = replica; TRUNCATE $tables;\n\\i $fixture");
	return;
}

# Passes when the list is empty, otherwise shows it.
sub none_of
{
	my ($name, @found) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return ok(!@found, $name) || diag(join "\n", map { substr $_, 0, 300 } (sort @found)[ 0 .. ($#found < 19 ? $#found : 19) ]);
}

sub same_as_fresh
{
	my ($database, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($fresh, $found) = (catalog_of($node, 'fresh'), catalog_of($node, $database));
	cmp_ok(scalar keys %$found, '>', 2500, "$name: " . scalar(keys %$found) . ' objects, columns and rows of dictionaries');
	none_of('nothing is missing', grep { !$found->{$_} } keys %$fresh);
	return none_of('nothing is left over or different', grep { !$fresh->{$_} && !/own_|poll:privat/ } keys %$found);
}

# The columns of every table: what rows_of compares after an update that added some.
sub columns_of
{
	my ($database) = @_;
	return { map { split /=/ } split /\n/, $node->safe_psql($database, q{SELECT c.oid::regclass || '=' || string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum)
		FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
		WHERE c.relnamespace = ANY ('{k2bridge,k2,abs,autoclient}'::regnamespace[]) AND c.relkind IN ('r', 'p') AND NOT c.relispartition
		  AND c.relname <> 'schema_version' GROUP BY c.oid}) };
}

sub rows_of
{
	my ($database, $columns) = @_;
	return { map { $_ => [ split /\n/, $node->safe_psql($database, "SELECT to_jsonb(x) FROM (SELECT $columns->{$_} FROM $_) x ORDER BY to_jsonb(x)::text COLLATE \"C\"") ] } keys %$columns };
}

# Only the catalogues of endpoints and services may be rewritten, which the audit tells, and only dictionaries may grow.
sub rows_are_kept
{
	my ($before, $after) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my (@lost, @new);
	for my $table (grep { !/^k2bridge\.(endpoint|service)$/ } sort keys %$before)
	{
		my %former = map { $_ => 1 } @{ $before->{$table} };
		my %still = map { $_ => 1 } @{ $after->{$table} };
		push @lost, map { "$table: $_" } grep { !$still{$_} } keys %former;
		push @new, map { "$table: $_" } grep { !$former{$_} && !/"object": "k2bridge\.(endpoint|service|schedule)"/ } keys %still
		  if $table =~ /^(abs|autoclient)\.|^k2\.(loan|extreq\b|extreq_(event|pay)|req\b|req_event|rzap|file|client|exclusion)|^k2bridge\.(outbox|call|inbox|audit|api_client)$/;
	}
	none_of('no row is lost or changed', @lost);
	return none_of('and none came to them', @new);
}

$node->safe_psql('postgres', 'CREATE ROLE k2_owner');
installed('fresh', '');
installed($_, "VERSION '$former'") for 'bank', 'watched';
use_it('bank');

subtest 'the used database of the former version' => sub {
	is($node->safe_psql('bank', 'SELECT k2bridge.version(), version FROM k2bridge.schema_version'), "$former|$former", 'it is installed and set up');
	is($node->safe_psql('bank', q{SELECT (SELECT count(*) FROM k2.loan) > 5, (SELECT count(*) FROM k2.req) > 20, (SELECT count(*) FROM k2.extreq_pay) > 2,
		(SELECT count(*) FROM autoclient.transaction) > 50, (SELECT count(*) FROM k2bridge.call) > 100}), 't|t|t|t|t', 'with loans, ПТ, payments, statements, history');
	is($node->safe_psql('bank', q{SELECT string_agg(endpoint || ' ' || state, ', ' ORDER BY endpoint, state) FROM k2bridge.outbox}),
		'abs.get_acc_stmt_dt queued, abs.reg_pt queued, abs.reg_pt uncertain, abs.verify_pt queued', 'and a queue');
	$node->safe_psql('bank', q{SET ROLE k2_owner; ALTER TABLE k2.loan ADD COLUMN own_column text DEFAULT 'kept'; CREATE INDEX own_index ON k2.loan (segment);
		UPDATE k2bridge.endpoint SET priority = 77 WHERE name = 'abs.get_cli'});
};

subtest 'a library newer than functions and tables' => sub {
	my $newer = "the functions of k2bridge are of version $former, its library of version $version";
	like(refused('bank', service()), qr/55000: \Q$newer\E.*ALTER EXTENSION k2bridge UPDATE; SELECT k2bridge\.setup\(\)/s, 'services refuse, with what to do');
	is($node->safe_psql('bank', "SELECT ok, detail, remedy FROM k2bridge.check() WHERE item = 'library version'"),
		"f|library $version, functions $former|ALTER EXTENSION k2bridge UPDATE; SELECT k2bridge.setup(); and a restart if the library was preloaded before", 'check() says so');
	wait_for_sql($node, 'watched', "SELECT count(*) = 2 FROM k2bridge.workers() WHERE kind IN ('dispatcher', 'scheduler')
		AND last_error = '$newer' AND hint LIKE '%ALTER EXTENSION k2bridge UPDATE; SELECT k2bridge.setup();%'", 'the workers stand still and say so');
};

my $columns = columns_of('bank');
my $before = rows_of('bank', $columns);
my $dump = $node->basedir . '/former.dump';
$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, $node->connstr('bank') ], 'pg_dump of the former version');

subtest 'ALTER EXTENSION UPDATE, then setup()' => sub {
	$node->safe_psql('bank', 'ALTER EXTENSION k2bridge UPDATE');
	like(refused('bank', service()), qr/55000: .*tables are of version \Q$former\E.*Run: SELECT k2bridge\.setup\(\)/s, 'between the two services refuse still');
	is($node->safe_psql('bank', "SELECT ok, remedy FROM k2bridge.check() WHERE item = 'tables'"), 'f|SELECT k2bridge.setup();', 'check() names the step');
	$node->safe_psql('bank', 'SET ROLE k2_owner; SELECT k2bridge.setup()');
	rows_are_kept($before, rows_of('bank', $columns));
	is($node->safe_psql('bank', "SELECT priority FROM k2bridge.endpoint WHERE name = 'abs.get_cli'"), 77, 'what the bank tuned is kept');
	$node->safe_psql('bank', "UPDATE k2bridge.endpoint SET priority = 30 WHERE name = 'abs.get_cli'");
	same_as_fresh('bank', 'updated');
	is($node->safe_psql('bank', service()), 0, 'services serve');
	is($node->safe_psql('bank', "SET ROLE k2_owner; SELECT count(*) > 0 FROM k2bridge.trace('KD0000000001') WHERE at < '2026-12-01'"), 't', 'the story of before is told');
	$node->safe_psql('bank', 'SET ROLE k2_owner; SELECT k2bridge.setup()');
	same_as_fresh('bank', 'setup() once more');
};

subtest 'a dump of the former version restored under this one' => sub {
	$node->safe_psql('postgres', 'CREATE DATABASE restored');
	# What is granted on a function that this version no longer has finds nothing, and is missed by nobody.
	my ($out, $complaints) = run_command([ 'pg_restore', '-d', $node->connstr('restored'), $dump ]);
	my @errors = $complaints =~ /^pg_restore: error: (.*\n.*)/mg;
	none_of('pg_restore', grep { !/function .* does not exist\nCommand was: (GRANT|REVOKE) .* ON (FUNCTION|PROCEDURE) / } @errors);
	is($node->safe_psql('restored', 'SELECT k2bridge.version(), version FROM k2bridge.schema_version'), "$version|$former", 'new functions, former tables');
	like(refused('restored', service()), qr/55000: .*k2bridge\.setup\(\)/s, 'services refuse');
	$node->safe_psql('restored', "SELECT k2bridge.allow_setup('k2_owner'); SET ROLE k2_owner; SELECT k2bridge.setup()");
	rows_are_kept($before, rows_of('restored', $columns));
	$node->safe_psql('restored', "UPDATE k2bridge.endpoint SET priority = 30 WHERE name = 'abs.get_cli'");
	same_as_fresh('restored', 'restored');
	is($node->safe_psql('restored', service()), 0, 'services serve');
};

subtest 'the workers go on once all is of one version' => sub {
	$node->safe_psql('watched', 'ALTER EXTENSION k2bridge UPDATE; SET ROLE k2_owner; SELECT k2bridge.setup()');
	wait_for_workers($node, 'watched', 1, 'they run');
	wait_for_sql($node, 'watched', "SELECT count(*) = 2 FROM k2bridge.workers() WHERE kind IN ('dispatcher', 'scheduler') AND last_error IS NULL", 'without complaint');
};

subtest 'installing by the steps of the versions' => sub {
	$node->safe_psql('postgres', 'CREATE DATABASE stepwise');
	$node->safe_psql('stepwise', "CREATE EXTENSION k2bridge VERSION '$former'; ALTER EXTENSION k2bridge UPDATE TO '$version'");
	$node->safe_psql('stepwise', "SELECT k2bridge.allow_setup('k2_owner'); SET ROLE k2_owner; SELECT k2bridge.setup()");
	same_as_fresh('stepwise', 'stepwise');
};

$node->stop;
done_testing();
