# A listener killed in the middle of payments from several connections: what was acknowledged is in the tables, once.
use strict;
use warnings;

use lib 't', 'test/t';
use HTTP::Tiny;
use K2bridge;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my ($senders, $payments) = (8, 625);
my $node = new_node('crash', 'k2bridge.databases' => 'bank');
add_database($node, 'bank');
my $port = PostgreSQL::Test::Cluster::get_free_port();
my $url = "http://127.0.0.1:$port";
$node->safe_psql('bank', q{CREATE ROLE k2_http; SELECT k2bridge.grant_access('k2_http', 'service')});
my $token = $node->safe_psql('bank', q{SELECT k2bridge.add_api_client('eko', 'k2_http')});
my %headers = (authorization => "Bearer $token", 'content-type' => 'application/json');
$node->safe_psql('bank', q{SET k2bridge.enqueue = off;
	INSERT INTO k2.loan (system, contract_number, dbz_contract_number, dbz_dt, iinbin, fullname, cur, debt, overdue_days)
	VALUES ('way4', 'T1', 'T/1', '2021-01-01', '000000000020', 'Test', 'KZT', 5000000, 90);
	INSERT INTO k2.extreq (loan_id, bank_code, extacc_code, code, amount)
	SELECT l.id, 'KPSTKZKA', 'KZ62563TEST000000001', 'T-' || n, 1000000 FROM k2.loan l, generate_series(1, 8) n});
$node->safe_psql('postgres', "ALTER DATABASE bank SET k2bridge.listen_port = $port");
$node->poll_query_until('bank', q{SELECT count(*) = 2 FROM k2bridge.workers() WHERE kind = 'listener' AND state LIKE 'listening%'});

# Sends its payments one after the other, each until it is acknowledged; writes down the first answers of each.
sub send_payments
{
	my ($sender, $file) = @_;
	my $http = HTTP::Tiny->new(timeout => 10);
	open my $out, '>', $file or die $!;
	for my $number (1 .. $payments)
	{
		my $trn = $sender * 100000 + $number;
		my $end = time + 120;
		while (time < $end)
		{
			my $answer = $http->post("$url/restapi/services/run/k2extreq_pay_from_eko", { headers => \%headers,
				content => qq([{"request_id": $trn, "trn_id": $trn, "refer": "T-$sender", "cur": "KZT", "amount": 0.10}]) });
			if ($answer->{status} == 200)
			{
				print $out "$trn ", $answer->{content} =~ /"error_code": (\d+)/, "\n";
				last;
			}
			sleep 0.05;
		}
	}
	close $out;
	return;
}

my $directory = PostgreSQL::Test::Utils::tempdir();
my @children;
for my $sender (1 .. $senders)
{
	my $child = fork // die "fork: $!";
	if ($child == 0)
	{
		eval { send_payments($sender, "$directory/$sender") };
		require POSIX;
		POSIX::_exit($@ ? 1 : 0);
	}
	push @children, $child;
}

# Two kills, each while payments arrive.
for my $share (5, 2)
{
	$node->poll_query_until('bank', 'SELECT count(*) > ' . int($senders * $payments / $share) . ' FROM k2.extreq_pay');
	my ($victim) = split /\n/, $node->safe_psql('bank', q{SELECT pid FROM k2bridge.workers() WHERE kind = 'listener'});
	ok(kill('KILL', $victim), 'a listener is killed');
	$node->poll_query_until('postgres', 'SELECT true');
}
my $failed = 0;
for my $child (@children)
{
	waitpid $child, 0;
	++$failed if $?;
}
is($failed, 0, 'all senders came to their end');

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
