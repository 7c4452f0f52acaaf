# The listener while things change: settings and restarts under load lose no acknowledged payment and make none twice; a
# big file goes out within flat memory; a standby listens once it is promoted.
use strict;
use warnings;

use lib 't', 'test/t';
use Cwd qw(abs_path);
use HTTP::Tiny;
use K2bridge;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('change', 'k2bridge.databases' => 'bank', streaming => 1);
my $token = add_payees($node, 'bank', 4);
my $port = PostgreSQL::Test::Cluster::get_free_port();
my %headers = (authorization => "Bearer $token", 'content-type' => 'application/json');
sub set { return $node->safe_psql('postgres', "ALTER DATABASE bank SET k2bridge.$_[0]") }
set("listen_port = $port");
sub listening { return wait_for_sql($node, 'bank', "SELECT count(*) = $_[0] FROM k2bridge.workers() WHERE kind = 'listener' AND state = 'listening on port $_[1]'", $_[2]) }
listening(2, $port, 'two listeners');
my $directory = abs_path(PostgreSQL::Test::Utils::tempdir());

# The payments that arrived meanwhile, as a test that some more did.
sub goes_on
{
	my ($name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $so_far = $node->safe_psql('bank', 'SELECT count(*) FROM k2.extreq_pay');
	return wait_for_sql($node, 'bank', "SELECT count(*) > $so_far + 20 FROM k2.extreq_pay", $name);
}

append_to_file("$directory/port", $port);
# Each sends payments until told to stop, and writes down the answers.
my $failed = in_parallel(4, sub {
		my ($sender) = @_;
		open my $out, '>', "$directory/$sender" or die $!;
		my $http = HTTP::Tiny->new(timeout => 10);
		for (my $trn = $sender * 1000000; !-e "$directory/stop"; ++$trn)
		{
			print $out "$trn ", pay($http, sub { return 'http://127.0.0.1:' . slurp_file("$directory/port") }, $token, $sender, $trn), "\n";
		}
		close $out or die $!;
	});
goes_on('payments arrive');
$node->reload;
goes_on('after a reload without changes');
set("trusted_proxies = '10.0.0.0/8'");
goes_on('while a setting of the door is taken up');
set('listeners = 3');
listening(3, $port, 'one listener more');
goes_on('with three');
set('listeners = 1');
wait_for_sql($node, 'bank', q{SELECT count(*) = 1 FROM k2bridge.workers() WHERE kind = 'listener'}, 'two less');
goes_on('with one');
my $moved = PostgreSQL::Test::Cluster::get_free_port();
set("listen_port = $moved");
listening(1, $moved, 'on another port');
open my $place, '>', "$directory/port.new" or die $!;
print $place $moved;
close $place;
rename "$directory/port.new", "$directory/port" or die $!;
goes_on('there');
is(HTTP::Tiny->new(timeout => 5)->get("http://127.0.0.1:$port/healthz")->{status}, 599, 'and no longer on the former');
set('listeners = 2');
$node->restart;
listening(2, $moved, 'after a restart');
goes_on('after a restart');
$node->stop('immediate');
$node->start;
listening(2, $moved, 'after a crash');
goes_on('after a crash');
append_to_file("$directory/stop", '');
is($failed->(), 0, 'all senders came to their end');
my %acknowledged = map { /^(\d+) (\d+)$/ } map { split /\n/, slurp_file("$directory/$_") } 1 .. 4;
is(scalar(grep { $_ != 0 && $_ != 9 } values %acknowledged), 0, 'every payment was acknowledged at last');
is($node->safe_psql('bank', 'SELECT count(*) FROM k2.extreq_pay'), scalar(keys %acknowledged), 'each is in the table exactly once');
is($node->safe_psql('bank', q{SELECT bool_and(e.paid_amount = (SELECT sum(p.amount) FROM k2.extreq_pay p WHERE p.refer = e.code)) FROM k2.extreq e}),
	't', 'and in the sums');
is($node->safe_psql('bank', q{SELECT count(*) FROM k2bridge.inbox WHERE http_status = 200 AND reply ->> 'error_code' = '0'}),
	scalar(keys %acknowledged), 'and in the archive, once as a success');

# Two listeners move together.
my $third = PostgreSQL::Test::Cluster::get_free_port();
for my $place ($third, $moved)
{
	set("listen_port = $place");
	listening(2, $place, 'both listeners move');
}

# A file of 50 MB, read slowly by one and at once by others.
set('listeners = 1');
listening(1, $moved, 'one listener');
wait_for_sql($node, 'bank', q{SELECT count(*) = 1 FROM k2bridge.workers() WHERE kind = 'listener'}, 'alone');
my $code = $node->safe_psql('bank', q{INSERT INTO k2.file (name, mime, content)
	SELECT 'big.pdf', 'application/pdf', convert_to(repeat(string_agg(chr(33 + n % 90), ''), 52429), 'UTF8') FROM generate_series(1, 1000) n RETURNING code});
my $pid = $node->safe_psql('bank', q{SELECT pid FROM k2bridge.workers() WHERE kind = 'listener'});
my $bound = sanitized($pid) ? 32768 : 8192;
sub memory { return slurp_file("/proc/$pid/status") =~ /^RssAnon:\s+(\d+)/m ? $1 : die 'no memory figure' }
sub file_of
{
	my (%options) = @_;
	my ($size, $most) = (0, 0);
	my $answer = HTTP::Tiny->new(timeout => 60)->request('GET', "http://127.0.0.1:$moved/restapi/getfile?code=$code$options{more}",
		{ headers => \%headers, data_callback => sub { $size += length $_[0]; my $now = memory(); $most = $now if $now > $most } });
	is($answer->{status}, 200, "a file of 50 MB$options{more}");
	return ($size, $most);
}
HTTP::Tiny->new->get("http://127.0.0.1:$moved/restapi/getfile?code=$code", { headers => { %headers, range => 'none' } });
my $before = memory();
my ($size, $most) = file_of(more => '');
is($size, 52429000, 'all of it');
cmp_ok($most - $before, '<', $bound, 'within flat memory');
($size, $most) = file_of(more => '&base64=true');
is($size, int((52429000 + 2) / 3) * 4, 'all of it, as base64');
cmp_ok($most - $before, '<', $bound, 'within flat memory');
set('listeners = 2');

# A standby does not listen; promoted, it does.
$node->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'copy', has_streaming => 1);
$standby->start;
$node->safe_psql('bank', q{INSERT INTO k2bridge.audit (actor, object, action) VALUES ('x', 'x', 'x')});
$node->wait_for_catchup($standby);
is($standby->safe_psql('bank', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'k2bridge%'}), '0', 'no worker on a standby');
is(HTTP::Tiny->new->get("http://127.0.0.1:$moved/healthz")->{status}, 200, 'its primary answers');
$node->stop;
is(HTTP::Tiny->new(timeout => 5)->get("http://127.0.0.1:$moved/healthz")->{status}, 599, 'without it nobody does');
$standby->promote;
ok($standby->poll_query_until('bank', "SELECT count(*) = 2 FROM k2bridge.workers() WHERE kind = 'listener' AND state = 'listening on port $moved'"),
	'promoted, it listens');
my $trn = 77;
my $answer = HTTP::Tiny->new->post("http://127.0.0.1:$moved/restapi/services/run/k2extreq_pay_from_eko",
	{ headers => \%headers, content => qq([{"request_id": $trn, "trn_id": $trn, "refer": "T-1", "cur": "KZT", "amount": 1}]) });
like($answer->{content}, qr/"error_code": 0\b/, 'and takes payments with the same token');

done_testing();
