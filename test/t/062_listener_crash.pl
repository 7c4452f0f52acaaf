# A listener killed in the middle of payments from several connections: what was acknowledged is in the tables, once.
use strict;
use warnings;

use lib 't', 'test/t';
use HTTP::Tiny;
use K2bridge;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my ($senders, $payments) = (8, 625);
my $node = new_node('crash', 'k2bridge.databases' => 'bank');
my $token = add_payees($node, 'bank', $senders);
my $port = PostgreSQL::Test::Cluster::get_free_port();
$node->safe_psql('postgres', "ALTER DATABASE bank SET k2bridge.listen_port = $port");
$node->poll_query_until('bank', q{SELECT count(*) = 2 FROM k2bridge.workers() WHERE kind = 'listener' AND state LIKE 'listening%'});

# Each sends its payments one after the other, and writes down the answers.
my $directory = PostgreSQL::Test::Utils::tempdir();
my $failed = in_parallel($senders, sub {
		my ($sender) = @_;
		open my $out, '>', "$directory/$sender" or die $!;
		my $http = HTTP::Tiny->new(timeout => 10);
		print $out "$_ ", pay($http, sub { return "http://127.0.0.1:$port" }, $token, $sender, $_), "\n"
		  for map { $sender * 100000 + $_ } 1 .. $payments;
		close $out or die $!;
	});

# Two kills, each while payments arrive.
for my $share (5, 2)
{
	$node->poll_query_until('bank', 'SELECT count(*) > ' . int($senders * $payments / $share) . ' FROM k2.extreq_pay');
	my ($victim) = split /\n/, $node->safe_psql('bank', q{SELECT pid FROM k2bridge.workers() WHERE kind = 'listener'});
	ok(kill('KILL', $victim), 'a listener is killed');
	$node->poll_query_until('postgres', 'SELECT true');
}
is($failed->(), 0, 'all senders came to their end');

my %acknowledged;
for my $sender (1 .. $senders)
{
	/^(\d+) (\d+)$/ and $acknowledged{$1} = $2 for split /\n/, slurp_file("$directory/$sender");
}
is(scalar(keys %acknowledged), $senders * $payments, 'every payment was acknowledged at last');
# 9, in errors[]: it had been stored, its acknowledgement was lost, and the repetition is told so.
is(scalar(grep { $_ != 0 && $_ != 9 } values %acknowledged), 0, 'as stored now or before');
is($node->safe_psql('bank', 'SELECT count(*), count(DISTINCT trn_id), sum(amount) FROM k2.extreq_pay'),
	join('|', $senders * $payments, $senders * $payments, $senders * $payments / 10 . '.00'), 'each is in the tables exactly once');
is($node->safe_psql('bank', 'SELECT bool_and(paid_amount = ' . $payments / 10 . ") FROM k2.extreq WHERE code LIKE 'T-%'"), 't',
	'and in the sums');
is($node->safe_psql('bank', q{SELECT count(*) FROM k2bridge.inbox WHERE http_status = 200 AND reply ->> 'error_code' = '0'}),
	$senders * $payments, 'and in the archive, once as a success');

done_testing();
