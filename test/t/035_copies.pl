# Copies of the database: after a promotion or a recovery to an earlier moment nothing moves money twice, a restored dump
# keeps what users added and sends nothing, a template copy and a physical one elsewhere call nobody.
use strict;
use warnings;

use lib 't', 'test/t';
use Cwd qw(abs_path);
use K2bridge;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $insert_req = <<'SQL';
INSERT INTO k2.req (refer, accept_dt, doc_num, doc_at, iinbin, acc_fullname, ben_fullname, ben_bin, ben_iban, ben_kbe, amount,
                    cur, knp, dbz_num, dbz_dt, purpose, head, account, status)
SELECT 'PTPCOPY' || n, '2021-01-05', '16', '2021-01-04', '000000000000', 'Тестовый Тест Тестович', 'АО "KASPI BANK"', '971240001315',
       'KZ12722R00000000000', '14', 86429.87, 'KZT', '423', 'R0000-001', '2014-02-08', 'Погашение', 'Руководитель', 'Бухгалтер', 'new'
  FROM generate_series(%d, %d) n
SQL

my $loan = '[{"request_id": 1, "system": "way4", "contract_number": "KD%s", "dbz_contract_number": "KD%s", "dbz_dt": "2014-02-08",'
  . ' "iinbin": "000000000010", "fullname": "Тестовый Тест", "iban": "KZ82722TEST000000001", "cur": "KZT", "debt": 86429.87, "overdue_days": 9}]';

my $bank = start_bank();
my $node = new_node('origin', 'k2bridge.databases' => 'bank, restored, copy', streaming => 1, start => 0);
my $archive = abs_path($node->archive_dir);
$node->append_conf('postgresql.conf', qq(archive_mode = on\narchive_command = 'cp "%p" "$archive/%f"'));
$node->start;
add_database($node, 'bank');
$node->safe_psql('bank', $bank->servers('abs'));
wait_for_workers($node, 'bank', 1, 'the workers run');

subtest 'a restored dump keeps everything and sends nothing by itself' => sub {
	$node->safe_psql('bank', 'ALTER TABLE k2.loan ADD COLUMN branch text; CREATE INDEX loan_branch ON k2.loan (branch)');
	$node->safe_psql('bank', "SELECT k2bridge.pause('abs'); SELECT k2.k2loan_from_eko('" . sprintf($loan, 1, 1) . "')");
	$node->safe_psql('bank', sprintf($insert_req, 1, 1));
	$node->safe_psql('bank', "UPDATE k2.loan SET branch = 'A'; UPDATE k2bridge.endpoint SET priority = 77 WHERE name = 'abs.get_cli'");
	my $queued = $node->safe_psql('bank', 'SELECT count(*) FROM k2bridge.outbox');
	my $dump = $node->basedir . '/bank.dump';
	$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, $node->connstr('bank') ], 'pg_dump');
	$node->safe_psql('postgres', 'CREATE DATABASE restored');
	$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('restored'), $dump ], 'pg_restore into a served name');

	is($node->safe_psql('restored', 'SELECT branch, debt FROM k2.loan'), 'A|86429.87', 'rows and the own column');
	is($node->safe_psql('restored', "SELECT to_regclass('k2.loan_branch') IS NOT NULL"), 't', 'the own index');
	# Where the worker was quick it asks already what became of the call that moves money.
	is($node->safe_psql('restored', "SELECT count(*) FROM k2bridge.outbox WHERE endpoint <> 'abs.verify_pt'"), $queued, 'no trigger queued anything while restoring');
	wait_for_workers($node, 'restored', 1, 'the restored database gets workers');
	wait_for_sql($node, 'restored', "SELECT count(*) = 1 FROM k2bridge.outbox WHERE state = 'uncertain' AND endpoint = 'abs.reg_pt'",
		'what moves money and was queued before the copy is held back');
	is($bank->get('/_/count?path=/abs')->{received}, 0, 'the bank received nothing');
	$node->safe_psql('restored', 'SELECT k2bridge.setup()');
	is($node->safe_psql('restored', "SELECT priority FROM k2bridge.endpoint WHERE name = 'abs.get_cli'"), '77',
		'setup() leaves alone what the bank tuned');
	is($node->safe_psql('restored', 'SELECT branch FROM k2.loan'), 'A', 'and the rows');
	$node->safe_psql('bank', 'SELECT k2bridge.resume(\'abs\')');
	wait_for_sql($node, 'bank', 'SELECT count(*) = 0 FROM k2bridge.outbox WHERE due_at <= now()', 'the original goes on');
	is($bank->get('/_/registry?refer=PTPCOPY1')->{items}[0]{arrived}{reg_pt}, 1, 'its registration reached the bank once');
	$node->safe_psql('restored', 'SELECT 1');
	$node->safe_psql('postgres', 'DROP DATABASE restored WITH (FORCE)');
};

subtest 'a copy calls no other host' => sub {
	$node->safe_psql('bank', "CREATE SERVER far TYPE 'http' FOREIGN DATA WRAPPER k2bridge OPTIONS (base_url 'https://bank.invalid/');
		INSERT INTO k2bridge.endpoint (name, server_type, method, path, body_kind) VALUES ('own.far', 'http', 'POST', '/x', 'json');
		SELECT k2bridge.activate()");
	$node->safe_psql('postgres', "ALTER SYSTEM SET k2bridge.databases = 'copy'");
	$node->reload;
	wait_for_workers($node, 'bank', 0, 'the workers of the original leave');
	$node->safe_psql('postgres', 'CREATE DATABASE copy TEMPLATE bank');
	wait_for_workers($node, 'copy', 1, 'the copy gets workers');
	$node->safe_psql('copy', "SELECT k2bridge.enqueue('own.far', '{}')");
	wait_for_sql($node, 'copy', "SELECT count(*) = 1 FROM k2bridge.problems WHERE kind = 'not_activated'", 'problems says why calls wait');
	is($node->safe_psql('copy', 'SELECT state, attempts, last_error IS NULL FROM k2bridge.outbox WHERE endpoint = \'own.far\''),
		'queued|0|t', 'the call waits untouched');
	my ($status, $out, $err) = $node->psql('copy', "\\set VERBOSITY verbose\nSELECT k2bridge.invoke('own.far', '{}')");
	like($err, qr/KB004.*HINT:.*activate/s, 'a direct call is refused');
	$node->safe_psql('postgres', 'DROP DATABASE copy WITH (FORCE)');
	$node->safe_psql('postgres', "ALTER SYSTEM SET k2bridge.databases = 'bank'");
	$node->reload;
	wait_for_workers($node, 'bank', 1, 'the original is served again');
};

sub promoted
{
	my ($name, $trust) = @_;
	$node->backup($name);
	my $standby = PostgreSQL::Test::Cluster->new($name);
	$standby->init_from_backup($node, $name, has_streaming => 1);
	$standby->append_conf('postgresql.conf', "k2bridge.trust_promotion = $trust\narchive_mode = off");
	$standby->start;
	$node->wait_for_catchup($standby);
	$standby->promote;
	wait_for_workers($standby, 'bank', 1, "$name: the workers start after promotion");
	return $standby;
}

subtest 'promotion' => sub {
	$node->safe_psql('bank', "SELECT k2bridge.pause('abs')");
	$node->safe_psql('bank', sprintf($insert_req, 2, 3));
	$node->safe_psql('bank', "SELECT k2.k2loan_from_eko('" . sprintf($loan, 2, 2) . "')");
	my $last = $node->safe_psql('bank', 'SELECT last_value FROM k2.extreq_refer_ptp_seq');
	my $standby = promoted('careful', 'off');
	wait_for_sql($standby, 'bank', "SELECT count(*) = 2 FROM k2bridge.outbox WHERE endpoint = 'abs.reg_pt' AND state = 'uncertain'",
		'calls that move money, queued before, wait for a person or the verification');
	is($standby->safe_psql('bank', "SELECT count(*) FROM k2bridge.outbox WHERE endpoint <> 'abs.reg_pt' AND state <> 'queued'"), 0,
		'the others stay queued');
	cmp_ok($standby->safe_psql('bank', 'SELECT last_value FROM k2.extreq_refer_ptp_seq'), '>=', $last + 10000,
		'references given out before are not given out again');
	$standby->stop;
	my $trusting = promoted('trusting', 'on');
	is($trusting->safe_psql('bank', "SELECT count(*) FROM k2bridge.outbox WHERE endpoint = 'abs.reg_pt' AND state = 'queued'"), 2,
		'with k2bridge.trust_promotion they stay queued');
	$trusting->stop;
	is($bank->get('/_/count?path=/abs/reg_pt')->{received}, 1, 'nothing was sent twice');
};

subtest 'recovery to an earlier moment' => sub {
	$node->backup('before');
	$node->safe_psql('bank', sprintf($insert_req, 4, 5));
	my $last = $node->safe_psql('bank', 'SELECT last_value FROM k2.extreq_refer_ptp_seq');
	$node->safe_psql('postgres', "SELECT pg_create_restore_point('queued')");
	# What the recovered database will know nothing of: the bank gets both, and answers.
	$node->safe_psql('bank', "SELECT k2bridge.resume('abs')");
	wait_for_sql($node, 'bank', "SELECT count(*) = 2 FROM k2.req WHERE refer IN ('PTPCOPY4', 'PTPCOPY5') AND status = 'registered'", 'two registrations reach the bank');
	my $segment = $node->safe_psql('postgres', 'SELECT pg_walfile_name(pg_current_wal_lsn())');
	$node->safe_psql('postgres', 'SELECT pg_switch_wal()');
	$node->poll_query_until('postgres', "SELECT last_archived_wal >= '$segment' FROM pg_stat_archiver");
	my $sent = $bank->get('/_/count?path=/abs/reg_pt')->{received};
	my $past = PostgreSQL::Test::Cluster->new('past');
	$past->init_from_backup($node, 'before', has_restoring => 1, standby => 0);
	$past->append_conf('postgresql.conf', qq(restore_command = 'cp "$archive/%f" "%p"'\narchive_mode = off\n) . "recovery_target_timeline = 'current'\nrecovery_target_name = 'queued'\nrecovery_target_action = 'promote'");
	$node->stop;
	$past->start;
	$past->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()');
	wait_for_workers($past, 'bank', 1, 'the recovered database gets workers');
	is($past->safe_psql('bank', q{SELECT string_agg(DISTINCT status, ' ') FROM k2.req WHERE refer IN ('PTPCOPY4', 'PTPCOPY5')}), 'new', 'it knows nothing of the answers');
	wait_for_sql($past, 'bank', q{SELECT count(*) = 2 FROM k2bridge.outbox WHERE subject IN ('req:PTPCOPY4', 'req:PTPCOPY5') AND state = 'uncertain'}, 'its registrations are uncertain');
	cmp_ok($past->safe_psql('bank', 'SELECT last_value FROM k2.extreq_refer_ptp_seq'), '>=', $last + 10000, 'references jump');
	$past->safe_psql('bank', "SELECT k2bridge.resume('abs')");
	$past->safe_psql('bank', q{UPDATE k2bridge.outbox SET verify_at = now() WHERE state = 'uncertain'; SELECT k2bridge.wake_dispatcher()});
	wait_for_sql($past, 'bank', q{SELECT string_agg(DISTINCT status, ' ') FROM k2.req WHERE refer IN ('PTPCOPY4', 'PTPCOPY5')}, 'the list of the bank settles them', 'registered');
	is($bank->get('/_/count?path=/abs/reg_pt')->{received}, $sent, 'and nothing was sent twice');
	$past->stop;
};

subtest 'a physical copy on another machine' => sub {
	$node->start;
	wait_for_workers($node, 'bank', 1, 'the original is back');
	# Another machine is one whose name is not among those that may call.
	$node->safe_psql('bank', q{SET client_min_messages = error; SELECT k2bridge.activate('{original.example}')});
	$node->backup('elsewhere');
	my $copy = PostgreSQL::Test::Cluster->new('elsewhere');
	$copy->init_from_backup($node, 'elsewhere');
	$node->stop;
	$copy->start;
	wait_for_workers($copy, 'bank', 1, 'it gets workers');
	$copy->safe_psql('bank', "SELECT k2bridge.enqueue('own.far', '{}')");
	wait_for_sql($copy, 'bank', "SELECT count(*) = 1 FROM k2bridge.problems WHERE kind = 'not_activated' AND text ~ 'activated for original.example, and this is '", 'and says for whom it is activated');
	is($copy->safe_psql('bank', "SELECT state, attempts FROM k2bridge.outbox WHERE endpoint = 'own.far'"), 'queued|0', 'calls wait untouched');
	my ($status, $out, $err) = $copy->psql('bank', "\\set VERBOSITY verbose\nSELECT k2bridge.invoke('own.far', '{}')");
	like($err, qr/KB004/, 'a direct call is refused');
	$copy->stop;
};

done_testing();
