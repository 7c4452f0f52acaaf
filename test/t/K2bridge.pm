# What the TAP tests of k2bridge share: a server with the extension, its databases and workers, the stand-in bank.
#
# Where the extension is not installed in the server under test (pg_config in PATH), the built tree is installed into a
# temporary stage and the server is pointed there. Waiting is always polling a condition with a deadline.
package K2bridge;

use strict;
use warnings;

use Cwd qw(abs_path);
use Exporter qw(import);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use HTTP::Tiny;
use IPC::Run ();
use JSON::PP ();
use Time::HiRes qw(sleep time);

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(new_node add_database add_payees pay in_parallel sanitized worker_pid wait_for_workers wait_for_sql error_of
  wait_for_log log_since start_bank);

my $root = abs_path(dirname(__FILE__) . '/../..');
my $deadline = $ENV{PG_TEST_TIMEOUT_DEFAULT} || 60;
my @banks;

# What the tests print goes to a file too, and from PostgreSQL 17 on a name that is not in ASCII would be fatal there.
{
	no warnings 'redefine';
	my $print = \&PostgreSQL::Test::SimpleTee::PRINT;
	*PostgreSQL::Test::SimpleTee::PRINT = sub {
		my ($self, @texts) = @_;
		/[^\x00-\xff]/ && utf8::encode($_) for @texts;
		return $print->($self, @texts);
	};
}

# A psql that the server turns away, since it is restarting, may be gone before it is handed the query, of which IPC::Run
# dies. Whoever polls means to ask again.
{
	no warnings 'redefine';
	my $poll = \&PostgreSQL::Test::Cluster::poll_query_until;
	*PostgreSQL::Test::Cluster::poll_query_until = sub {
		my @arguments = @_;
		my $end = time + $deadline;
		while (1)
		{
			my $answer = eval { $poll->(@arguments) };
			return $answer unless $@;
			die $@ if $@ !~ /Broken pipe/ || time > $end;
		}
	};
}

# Settings that make the server find a staged installation; none where the extension is installed.
sub staged_settings
{
	our $staged;
	return $staged if defined $staged;
	chomp(my $share = `pg_config --sharedir`);
	chomp(my $libraries = `pg_config --pkglibdir`);
	return $staged = '' if -e "$share/extension/k2bridge.control";
	my $stage = tempdir('k2bridge_stage_XXXX', TMPDIR => 1, CLEANUP => 1);
	system_or_bail('make', '-s', '-C', $root, 'install', "DESTDIR=$stage");
	my $found = `pg_config --version` =~ /(\d+)/ && $1 >= 18 ? "extension_control_path = '$stage$share:\$system'" : "extension_destdir = '$stage'";
	return $staged = "$found\ndynamic_library_path = '$stage$libraries:\$libdir'\n";
}

# A server that preloads k2bridge; more settings as NAME => VALUE, `start => 0` leaves it stopped.
sub new_node
{
	my ($name, %settings) = @_;
	my $start = delete $settings{start} // 1;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init(allows_streaming => delete $settings{streaming} // 0, extra => ['-E', 'UTF8', '--locale=C.UTF-8']);
	%settings = (
		shared_preload_libraries => 'k2bridge',
		max_worker_processes => 32,
		max_connections => 50,
		restart_after_crash => 'on',
		log_statement => 'none',
		# With wal_level minimal PostgreSQL itself forgets, in a crash, how far a sequence came that the same
		# transaction created and used.
		wal_level => 'replica',
		%settings);
	$node->append_conf('postgresql.conf',
		staged_settings() . join('', map { "$_ = '$settings{$_}'\n" } sort keys %settings));
	$node->start if $start;
	return $node;
}

# A database with the extension and its tables.
sub add_database
{
	my ($node, $database) = @_;
	$node->safe_psql('postgres', qq{CREATE DATABASE "$database"});
	$node->safe_psql($database, 'CREATE EXTENSION k2bridge; SELECT k2bridge.setup()');
	return;
}

# A database whose services are called over HTTP, with outgoing ПТ T-1 … T-N to be paid; returns the token of its client.
sub add_payees
{
	my ($node, $database, $number) = @_;
	add_database($node, $database);
	$node->safe_psql($database, q{CREATE ROLE k2_http; SELECT k2bridge.grant_access('k2_http', 'service')});
	$node->safe_psql($database, qq{SET k2bridge.enqueue = off;
		INSERT INTO k2.loan (system, contract_number, dbz_contract_number, dbz_dt, iinbin, fullname, cur, debt, overdue_days)
		VALUES ('way4', 'T1', 'T/1', '2021-01-01', '000000000020', 'Test', 'KZT', 5000000, 90);
		INSERT INTO k2.extreq (loan_id, bank_code, extacc_code, code, amount)
		SELECT l.id, 'KPSTKZKA', 'KZ62563TEST000000001', 'T-' || n, 1000000 FROM k2.loan l, generate_series(1, $number) n});
	return $node->safe_psql($database, q{SELECT k2bridge.add_api_client('eko', 'k2_http')});
}

# Posts a payment on T-$payee until it is acknowledged; returns its error_code, or the status of the last answer. $url is a
# function, since the listener may move meanwhile.
sub pay
{
	my ($http, $url, $token, $payee, $trn) = @_;
	my $body = qq([{"request_id": $trn, "trn_id": $trn, "refer": "T-$payee", "cur": "KZT", "amount": 0.10}]);
	my $headers = { authorization => "Bearer $token", 'content-type' => 'application/json' };
	my $end = time + 2 * $deadline;
	while (1)
	{
		my $answer = $http->post($url->() . '/restapi/services/run/k2extreq_pay_from_eko', { headers => $headers, content => $body });
		return $1 if $answer->{status} == 200 && $answer->{content} =~ /"error_code": (\d+)/;
		return $answer->{status} if time > $end;
		sleep 0.05;
	}
}

# Runs the function in that many processes, with the number of each; returns how to wait for them: a function that says how
# many of them failed.
sub in_parallel
{
	my ($count, $function) = @_;
	my @children;
	for my $number (1 .. $count)
	{
		my $child = fork // die "fork: $!";
		if ($child == 0)
		{
			eval { $function->($number) };
			require POSIX;
			POSIX::_exit($@ ? 1 : 0);
		}
		push @children, $child;
	}
	return sub { return scalar grep { waitpid $_, 0; $? } @children };
}

# Whether a process runs under the address sanitizer, which keeps freed memory for a while.
sub sanitized
{
	my ($pid) = @_;
	return slurp_file("/proc/$pid/maps") =~ /libasan/;
}

# Polls until the query answers what is expected, as a test.
sub wait_for_sql
{
	my ($node, $database, $sql, $name, $expected) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return ok($node->poll_query_until($database, $sql, $expected // 't'), $name);
}

# SQLSTATE and message of a statement that must fail; bytes in, bytes out.
sub error_of
{
	my ($node, $database, $statement) = @_;
	my ($status, $out, $err) = $node->psql($database, "\\set VERBOSITY verbose\n$statement");
	return $err =~ /ERROR:  (.*)/ ? $1 : "no error: $out";
}

# The process that serves the database, empty when none does.
sub worker_pid
{
	my ($node, $database, $kind) = @_;
	return $node->safe_psql('postgres',
		"SELECT pid FROM pg_stat_activity WHERE datname = '$database' AND backend_type = 'k2bridge $kind'");
}

# Polls until exactly one dispatcher and one scheduler (or, with $count 0, none) serve the database and are ready.
sub wait_for_workers
{
	my ($node, $database, $count, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $ready = wait_for_sql($node, 'postgres', "SELECT count(*) FILTER (WHERE backend_type = 'k2bridge dispatcher') = $count
		AND count(*) FILTER (WHERE backend_type = 'k2bridge scheduler') = $count
		FROM pg_stat_activity WHERE datname = '$database' AND backend_type LIKE 'k2bridge %'", $name);
	return $ready if $count == 0 || !$ready;
	return $node->poll_query_until($database, "SELECT count(*) = 2 FROM k2bridge.workers()
		WHERE kind IN ('dispatcher', 'scheduler') AND state NOT IN ('starting', 'not running')");
}

# The server log from a position on; -s of the file is a position.
sub log_since
{
	my ($node, $position) = @_;
	return slurp_file($node->logfile, $position);
}

sub wait_for_log
{
	my ($node, $position, $pattern, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $end = time + $deadline;
	sleep 0.1 until log_since($node, $position) =~ $pattern || time > $end;
	return like(log_since($node, $position), $pattern, $name);
}

# Starts the stand-in bank; returns an object with url, get(PATH) and post(PATH, DATA) for its control pages, servers()
# for the SQL that makes the foreign server, and stop().
sub start_bank
{
	my (@options) = @_;
	my $directory = tempdir('k2sandbox_XXXX', TMPDIR => 1, CLEANUP => 1);
	my $program = "$root/test/sandbox/k2sandbox";
	system_or_bail('make', '-s', '-C', "$root/test/sandbox") unless -x $program;
	my ($out, $err) = ('', '');
	my $process = IPC::Run::start([ $program, '--port-file', "$directory/port", @options ], '<', \undef, '>', \$out, '2>', \$err);
	my $end = time + $deadline;
	sleep 0.05 until -s "$directory/port" || time > $end || !$process->pumpable;
	-s "$directory/port" or BAIL_OUT("the sandbox bank did not start: $err");
	chomp(my $port = slurp_file("$directory/port"));
	my $bank = bless { process => $process, port => $port, url => "http://127.0.0.1:$port", http => HTTP::Tiny->new },
	  'K2bridge::Bank';
	push @banks, $bank;
	return $bank;
}

END
{
	my $status = $?;
	$_->stop for @banks;
	$? = $status;
}

package K2bridge::Bank;

my %paths = (
	abs_get_cli_url => '/abs/get_cli',
	abs_get_acc_url => '/abs/get_acc',
	abs_get_acc_stmt_dt_url => '/abs/get_acc_stmt_dt',
	abs_get_pdf_url => '/abs/get_pdf',
	abs_reg_pt_url => '/abs/reg_pt',
	abs_refuse_pt_url => '/abs/refuse_pt',
	abs_return_pt_url => '/abs/return_pt',
	colvir_get_loan_debt => '/colvir/get_loan_debt',
	way4_get_loan_debt => '/way4/get_loan_debt',
	get_all_pt_from_abs => '/abs/get_all_pt',
	post_all_loan_exclude_to_eko => '/eko/post_all_loan_exclude');

sub url { return $_[0]{url} }

# CREATE SERVER with every address of the bank; more options as NAME => VALUE.
sub servers
{
	my ($self, $name, %more) = @_;
	my %options = ((map { $_ => $self->{url} . $paths{$_} } keys %paths), %more);
	return "CREATE SERVER $name TYPE 'abs' FOREIGN DATA WRAPPER k2bridge OPTIONS ("
	  . join(', ', map { "$_ '$options{$_}'" } sort keys %options) . ')';
}

sub decoded
{
	my ($what, $answer) = @_;
	die "$what: $answer->{status} $answer->{content}\n" unless $answer->{success};
	return $answer->{content} =~ /^\s*[\[{]/ ? JSON::PP::decode_json($answer->{content}) : $answer->{content};
}

sub get
{
	my ($self, $path) = @_;
	return decoded("GET $path", $self->{http}->get($self->{url} . $path));
}

sub post
{
	my ($self, $path, $data) = @_;
	my $content = ref $data ? JSON::PP::encode_json($data) : $data // '';
	return decoded("POST $path", $self->{http}->post($self->{url} . $path,
			{ content => $content, headers => { 'content-type' => 'application/json' } }));
}

sub stop
{
	my ($self) = @_;
	my $process = delete $self->{process} or return;
	$process->signal('TERM');
	$process->finish;
	return;
}

1;
