# Upgrade: a library newer than the functions and tables is noticed and said; ALTER EXTENSION UPDATE and setup() bring
# everything to what a fresh install has, object by object, rows and own additions kept; a dump of the former version
# restored under this one likewise. The former version is made here, from this one's script: it lacks functions, an
# index and triggers, and has an older body and comment of others.
use strict;
use warnings;

use lib 't', 'test/t';
use K2bridge;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('upgrade', 'k2bridge.databases' => 'bank, restored');
my ($stage) = K2bridge::staged_settings() =~ /extension_destdir = '([^']*)'/;
chomp(my $share = `pg_config --sharedir`);
my $directory = ($stage // '') . "$share/extension";
my ($version) = slurp_file("$directory/k2bridge.control") =~ /default_version = '([^']+)'/;
my @made = map { "$directory/$_" } 'k2bridge--0.1.sql', "k2bridge--0.1--$version.sql";
END { my $status = $?; unlink @made if @made; $? = $status }

# The script of the former version, and the one that leads from it to this one.
sub write_scripts
{
	my $now = slurp_file("$directory/k2bridge--$version.sql");
	my $former = $now;
	$former =~ s/SELECT '\Q$version\E'::pg_catalog\.text/SELECT '0.1'::pg_catalog.text/ or die;
	$former =~ s/VALUES \('\Q$version\E'\)/VALUES ('0.1')/ or die;
	$former =~ s/CREATE FUNCTION k2bridge\.trace\(key text\).*?;\n//s or die;
	$former =~ s/COMMENT ON FUNCTION k2bridge\.trace\(text\).*?;\n//s or die;
	$former =~ s/CREATE INDEX IF NOT EXISTS req_dbz_num .*?;\n// or die;
	$former =~ s/SELECT k2bridge\.audit_table\(.*?;\n//s or die;
	$former =~ s/(COMMENT ON FUNCTION k2\.success\(\) IS ')/${1}Formerly: / or die;
	$former =~ s/'Bans on single loans/'Formerly bans on single loans/ or die;
	append_to_file($made[0], $former);
	my $update = $now;
	$update =~ s/^CREATE (FUNCTION|PROCEDURE) /CREATE OR REPLACE $1 /mg;
	$update =~ s/^CREATE TYPE .*?;\n//msg;
	$update =~ s/^CREATE FOREIGN DATA WRAPPER .*?;\n//mg;
	append_to_file($made[1], $update);
	return;
}

# Everything that can differ, one line each.
my $objects = q{
	SELECT concat_ws(' | ', 'function', p.oid::regprocedure, p.prosrc, p.probin, p.proconfig, p.provolatile, p.proisstrict,
	                 pg_get_function_arguments(p.oid), pg_get_function_result(p.oid), obj_description(p.oid, 'pg_proc'),
	                 (SELECT string_agg(x::text, ',' ORDER BY x::text) FROM unnest(p.proacl) x)) AS line
	  FROM pg_proc p WHERE p.pronamespace = ANY ('{k2bridge,k2,abs,autoclient}'::regnamespace[])
	UNION ALL SELECT concat_ws(' | ', 'relation', c.oid::regclass, c.relkind, c.relowner::regrole, c.reloptions, obj_description(c.oid, 'pg_class'),
	                 CASE WHEN c.relkind = 'v' THEN pg_get_viewdef(c.oid) WHEN c.relkind IN ('i', 'I') THEN pg_get_indexdef(c.oid) END)
	  FROM pg_class c WHERE c.relnamespace = ANY ('{k2bridge,k2,abs,autoclient}'::regnamespace[])
	UNION ALL SELECT concat_ws(' | ', 'column', c.oid::regclass, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
	                 a.attidentity, pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, a.attnum))
	  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
	  LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
	 WHERE c.relnamespace = ANY ('{k2bridge,k2,abs,autoclient}'::regnamespace[]) AND c.relkind IN ('r', 'p', 'v', 'c')
	UNION ALL SELECT concat_ws(' | ', 'constraint', k.conrelid::regclass, k.conname, pg_get_constraintdef(k.oid))
	  FROM pg_constraint k WHERE k.connamespace = ANY ('{k2bridge,k2,abs,autoclient}'::regnamespace[])
	UNION ALL SELECT concat_ws(' | ', 'trigger', pg_get_triggerdef(t.oid), t.tgenabled)
	  FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
	 WHERE c.relnamespace = ANY ('{k2bridge,k2,abs,autoclient}'::regnamespace[]) AND NOT t.tgisinternal
	UNION ALL SELECT concat_ws(' | ', 'type', t.typname, t.typnamespace::regnamespace, obj_description(t.oid, 'pg_type'))
	  FROM pg_type t WHERE t.typnamespace = ANY ('{k2bridge,k2,abs,autoclient}'::regnamespace[]) AND t.typtype = 'c'
	UNION ALL SELECT concat_ws(' | ', 'member', pg_describe_object(d.classid, d.objid, 0)) FROM pg_depend d
	  JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'k2bridge' WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
	UNION ALL SELECT concat_ws(' | ', 'endpoint', e) FROM k2bridge.endpoint e
	UNION ALL SELECT concat_ws(' | ', 'service', s) FROM k2bridge.service s
	UNION ALL SELECT concat_ws(' | ', 'version', v.version, k2bridge.version()) FROM k2bridge.schema_version v};

sub lines { return { map { $_ => 1 } split /\x1e/, $node->safe_psql($_[0], "SELECT string_agg(line, chr(30)) FROM ($objects) o") } }

sub same_as_fresh
{
	my ($database, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($fresh, $found) = (lines('fresh'), lines($database));
	cmp_ok(scalar keys %$found, '>', 1000, "$name: " . scalar(keys %$found) . ' objects and columns');
	is_deeply([ sort grep { !$found->{$_} } keys %$fresh ], [], 'nothing is missing');
	return is_deeply([ sort grep { !$fresh->{$_} && !/own_/ } keys %$found ], [], 'nothing is left over or different');
}

sub refused
{
	my ($database, $statement) = @_;
	my ($status, $out, $err) = $node->psql($database, "\\set VERBOSITY verbose\n$statement");
	return $err;
}

my $loan = q{[{"request_id": 1, "system": "way4", "contract_number": "KD1", "dbz_contract_number": "KD1", "dbz_dt": "2014-02-08", "iinbin": "000000000010",
	"fullname": "Тестовый Тест", "iban": "KZ82722TEST000000001", "cur": "KZT", "debt": 1000, "overdue_days": 9}]};

write_scripts();
$node->safe_psql('postgres', qq{CREATE ROLE keeper; CREATE DATABASE bank; CREATE DATABASE fresh});
$node->safe_psql('fresh', "CREATE EXTENSION k2bridge; SELECT k2bridge.allow_setup('keeper'); SET ROLE keeper; SELECT k2bridge.setup()");
$node->safe_psql('bank', "CREATE EXTENSION k2bridge VERSION '0.1'; SELECT k2bridge.allow_setup('keeper'); SET ROLE keeper; SELECT k2bridge.setup()");

subtest 'a library newer than functions and tables' => sub {
	is($node->safe_psql('bank', 'SELECT version FROM k2bridge.schema_version'), '0.1', 'the former version is installed and set up');
	like(refused('bank', "SET ROLE keeper; SELECT k2.k2loan_from_eko('$loan')"), qr/55000: .*version 0\.1.*k2bridge\.setup\(\)/s, 'services refuse, with what to do');
	is($node->safe_psql('bank', "SELECT ok, detail, remedy FROM k2bridge.check() WHERE item = 'library version'"),
		"f|library $version, functions 0.1|ALTER EXTENSION k2bridge UPDATE; SELECT k2bridge.setup(); and a restart if the library was preloaded before", 'check() says so');
	$node->safe_psql('bank', q{SET ROLE keeper; INSERT INTO k2.loan (system, contract_number, dbz_contract_number, dbz_dt, iinbin, fullname, cur, debt, overdue_days)
		VALUES ('way4', 'OLD', 'OLD', '2014-02-08', '000000000011', 'Прежний Клиент', 'KZT', 5, 1);
		ALTER TABLE k2.loan ADD COLUMN own_column text DEFAULT 'kept'; CREATE INDEX own_index ON k2.loan (segment);
		UPDATE k2bridge.endpoint SET priority = 77 WHERE name = 'abs.get_cli'});
};

my $dump = $node->basedir . '/former.dump';
$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, $node->connstr('bank') ], 'pg_dump of the former version');

subtest 'ALTER EXTENSION UPDATE, then setup()' => sub {
	$node->safe_psql('bank', 'ALTER EXTENSION k2bridge UPDATE');
	like(refused('bank', "SET ROLE keeper; SELECT k2.k2loan_from_eko('$loan')"), qr/55000: .*k2bridge\.setup\(\)/s, 'between the two services refuse still');
	is($node->safe_psql('bank', "SELECT ok, remedy FROM k2bridge.check() WHERE item = 'tables'"), 'f|SELECT k2bridge.setup();', 'check() names the step');
	$node->safe_psql('bank', 'SET ROLE keeper; SELECT k2bridge.setup()');
	is($node->safe_psql('bank', "SELECT priority FROM k2bridge.endpoint WHERE name = 'abs.get_cli'"), 77, 'what the bank tuned is kept');
	is($node->safe_psql('bank', "SELECT debt, own_column FROM k2.loan WHERE contract_number = 'OLD'"), '5.00|kept', 'rows and own columns too');
	$node->safe_psql('bank', "UPDATE k2bridge.endpoint SET priority = 30 WHERE name = 'abs.get_cli'");
	same_as_fresh('bank', 'updated');
	is($node->safe_psql('bank', "SET ROLE keeper; SELECT k2.k2loan_from_eko('$loan') ->> 'error_code'"), 0, 'services serve');
	is($node->safe_psql('bank', "SET ROLE keeper; SELECT count(*) > 0 FROM k2bridge.trace('KD1')"), 't', 'the owner may use what is new');
	wait_for_workers($node, 'bank', 1, 'the workers run');
	wait_for_sql($node, 'bank', "SELECT count(*) FROM k2bridge.workers() WHERE kind = 'dispatcher' AND last_error IS NULL", 'without complaint', 1);
};

subtest 'a dump of the former version restored under this one' => sub {
	$node->safe_psql('postgres', 'CREATE DATABASE restored');
	$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('restored'), $dump ], 'pg_restore');
	is($node->safe_psql('restored', 'SELECT k2bridge.version(), version FROM k2bridge.schema_version'), "$version|0.1", 'new functions, former tables');
	like(refused('restored', "SET ROLE keeper; SELECT k2.k2loan_from_eko('$loan')"), qr/55000: .*k2bridge\.setup\(\)/s, 'services refuse');
	$node->safe_psql('restored', "SELECT k2bridge.allow_setup('keeper'); SET ROLE keeper; SELECT k2bridge.setup()");
	$node->safe_psql('restored', "UPDATE k2bridge.endpoint SET priority = 30 WHERE name = 'abs.get_cli'");
	same_as_fresh('restored', 'restored');
	is($node->safe_psql('restored', "SELECT debt, own_column FROM k2.loan WHERE contract_number = 'OLD'"), '5.00|kept', 'rows and own columns are there');
};

$node->stop;
done_testing();
