# Attacks on the listener and what becomes of them, row by row; and a good request beside each of them.
use strict;
use warnings;

use lib 't', 'test/t';
use IO::Select;
use IO::Socket::INET;
use HTTP::Tiny;
use K2bridge;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);
use Wire;

my $node = new_node('attacks', 'k2bridge.databases' => 'bank', 'k2bridge.max_request_size' => '256kB',
	'k2bridge.request_timeout' => '2s');
my $token = add_echo($node, 'bank');
my $port = PostgreSQL::Test::Cluster::get_free_port();
$node->safe_psql('postgres', "ALTER DATABASE bank SET k2bridge.listeners = 1; ALTER DATABASE bank SET k2bridge.listen_port = $port");
$node->poll_query_until('bank', q{SELECT count(*) = 1 FROM k2bridge.workers() WHERE kind = 'listener' AND state LIKE 'listening%'});
my $http = HTTP::Tiny->new(timeout => 30);
sub raw { return exchange($port, @_) }
sub head { return head_for($token, @_) }

sub good
{
	my ($name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $answer = $http->post("http://127.0.0.1:$port$path",
		{ content => '{"a": 1}', headers => { authorization => "Bearer $token", 'content-type' => 'application/json' } });
	return is($answer->{status}, 200, $name);
}

sub refused
{
	my ($reply, $status, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	like($reply, qr{^HTTP/1\.1 $status }, $name);
	return like($reply, qr/"error_code": $status\b.*"correlation": "[0-9a-f-]{36}"/, "$name: JSON");
}

my $close = 'Connection: close';
my $json = 'Content-Type: application/json';
good('a good request');

# Sizes.
refused(raw("GET /" . 'a' x 40000 . " HTTP/1.1\r\nHost: a\r\n$close\r\n\r\n"), 414, 'a long URL');
refused(raw(head($close, $json, 'X-Long: ' . 'a' x 40000, 'Content-Length: 2') . "\r\n{}"), 431, 'a long header');
refused(raw(head($close, $json, map({ "X-$_: " . 'a' x 100 } 1 .. 300), 'Content-Length: 2') . "\r\n{}"), 431, 'many headers');
refused(raw(head('X-Long: ' . 'a' x 200000) . "\r\n"), 431, 'a header beyond all measure');
refused(raw(head($json, 'Content-Length: 300000') . "\r\n"), 413, 'a body announced too long');
refused(raw(head($json, 'Transfer-Encoding: chunked') . "\r\n" . ("10000\r\n" . 'a' x 65536 . "\r\n") x 5 . "0\r\n\r\n"), 413,
	'a body that grows too long');

# Two readings of one request.
refused(raw(head($json, 'Content-Length: 2', 'Content-Length: 3') . "\r\n{}x"), 400, 'two lengths');
refused(raw(head($json, 'Content-Length: 2', 'Content-Length: 2') . "\r\n{}"), 400, 'the same length twice');
refused(raw(head($json, 'Content-Length: 2', 'Transfer-Encoding: chunked') . "\r\n2\r\n{}\r\n0\r\n\r\n"), 400, 'length and chunked');
refused(raw(head($json, 'Content-Length: 2', 'Host: b', $close) . "\r\n{}"), 400, 'two hosts');
refused(raw(head($json, 'Authorization: Bearer x', 'Content-Length: 2') . "\r\n{}"), 400, 'two logins');
refused(raw("POST $path HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}"), 400, 'no host');
refused(raw("POST $path HTTP/1.1\r\nHost: a\r\nContent-Length : 2\r\n\r\n{}"), 400, 'a space before the colon');
refused(raw(head($json, 'Transfer-Encoding: chunked', 'Transfer-Encoding: chunked') . "\r\n0\r\n\r\n"), 400, 'chunked twice');
refused(raw(head($json, 'Content-Length: +2') . "\r\n{}"), 400, 'a length with a sign');
refused(raw(head($json, 'Transfer-Encoding: gzip, chunked') . "\r\n0\r\n\r\n"), 400, 'another encoding');
my $smuggled = raw(head($json, 'Content-Length: 2', 'Transfer-Encoding: chunked') . "\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
is(() = $smuggled =~ m{HTTP/1\.1 \d}g, 1, 'nothing behind such a request is answered');
good('a good request after those');

# What must work.
like(raw(head($json, $close, 'Transfer-Encoding: chunked') . "\r\n3\r\n{\"a\r\n5\r\n\": 1}\r\n0\r\n\r\n"), qr/200 OK.*"a": 1/s, 'a chunked body');
my @pipelined = raw((head($json, 'Content-Length: 8') . "\r\n{\"a\": 1}") x 2 . head($json, $close, 'Content-Length: 8') . "\r\n{\"a\": 3}")
  =~ /"a": (\d)/g;
is("@pipelined", '1 1 3', 'pipelined requests are answered in order');
my $waiting = connection_to($port);
print $waiting head($json, $close, 'Content-Length: 8', 'Expect: 100-continue') . "\r\n";
like(reply_of($waiting, qr/\r\n\r\n/), qr{^HTTP/1\.1 100 Continue}, 'who expects 100 gets it');
print $waiting '{"a": 4}';
like(reply_of($waiting), qr/200 OK.*"a": 4/s, 'and the answer');
like(raw("POST $path HTTP/1.1\r\nHost: a\r\n$json\r\nContent-Length: 100000\r\nExpect: 100-continue\r\n\r\n"), qr{^HTTP/1\.1 401 },
	'without login nobody is asked for the body');

# Slow and idle ones.
my @slow = map { my $socket = connection_to($port); print $socket "POST $path HTTP/1.1\r\nHost: a\r\n"; $socket } 1 .. 100;
my ($rounds, $answered, $end) = (0, 0, time + 60);
my %open = map { $_ => $_ } @slow;
{
	local $SIG{PIPE} = 'IGNORE';
	while (%open && time < $end)
	{
		good('a fast one beside 100 slow ones') if ++$rounds <= 10;
		for my $socket (values %open)
		{
			if (IO::Select->new($socket)->can_read(0))
			{
				++$answered if reply_of($socket) =~ m{^HTTP/1\.1 408 };
				delete $open{$socket};
				next;
			}
			syswrite $socket, "X-Drip: 1\r\n";
		}
		sleep 0.2;
	}
}
is(scalar(keys %open), 0, 'who drips one header line after the other is cut');
cmp_ok($answered, '>', 50, 'most of them could read why');
my $half = connection_to($port);
print $half head($json, 'Content-Length: 100') . "\r\n{";
refused(reply_of($half), 408, 'a body that does not come');
my $silent = connection_to($port);
refused(reply_of($silent), 408, 'a connection that says nothing');

# Bodies in memory: eight of the largest size, whoever sends them.
$node->append_conf('postgresql.conf', "k2bridge.request_timeout = '30s'");
$node->reload;
sub starved
{
	my @senders = map { my $socket = connection_to($port); print $socket head($json, 'Content-Length: 262144') . "\r\n" . ' ' x 262000; $socket } 1 .. 8;
	my $reply = raw(head($json, $close, 'Content-Length: 200000') . "\r\n" . ' ' x 200000, qr/"correlation"/);
	close $_ for @senders;
	return $reply;
}
my $starved = '';
for (1 .. 50)
{
	last if ($starved = starved()) =~ m{^HTTP/1\.1 503 };
	sleep 0.1;
}
refused($starved, 503, 'a body beyond the memory for all of them');
like($starved, qr/^Retry-After: \d+\r$/m, 'which is told when to come again');
my $again;
for (1 .. 100)
{
	last if ($again = raw(head($json, $close, 'Content-Length: 8') . "\r\n{\"a\": 1}")) =~ m{^HTTP/1\.1 200 };
	sleep 0.1;
}
like($again, qr{^HTTP/1\.1 200 }, 'once they are gone there is room');

$node->append_conf('postgresql.conf', "k2bridge.request_timeout = '2s'");
$node->reload;

# Requests of one connection.
my $pipe = connection_to($port);
my $writer = fork // die "fork: $!";
if ($writer == 0)
{
	local $SIG{PIPE} = 'IGNORE';
	print $pipe "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n" x 10050;
	require POSIX;
	POSIX::_exit(0);
}
my $replies = reply_of($pipe);
waitpid $writer, 0;
is(() = $replies =~ m{HTTP/1\.1 200 }g, 10000, 'a connection has its number of requests');
like(substr($replies, -600), qr/^Connection: close\r$/m, 'and its last reply says so');

# Connections of one address.
my @many = map { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) } 1 .. 300;
$node->poll_query_until('bank', q{SELECT count(*) = 1 FROM k2bridge.workers() WHERE kind = 'listener' AND state LIKE 'listening%'});
refused(reply_of($many[299]), 503, 'more connections than an address may have');
close $_ for grep { $_ } @many;
my $recovered = 0;
for (1 .. 100)
{
	last if $recovered = $http->get("http://127.0.0.1:$port/healthz")->{status} == 200;
	sleep 0.1;
}
ok($recovered, 'and the next is served again');

# Who leaves early, and garbage.
for my $text (head($json, 'Content-Length: 8') . "\r\n{\"a\": 1}", head($json, 'Content-Length: 8') . "\r\n{", "\x16\x03\x01\x02\x00\x01\x00")
{
	my $socket = connection_to($port);
	print $socket $text;
	close $socket;
}
refused(raw("\x01\xff\xfe garbage \r\n\r\n"), 400, 'garbage');
refused(raw("GET http://[ HTTP/9.9\r\n\r\n"), 505, 'another protocol');
for my $target ("$path/../../x", "$path%00", "//", "/restapi/services/run/%27;drop", "/restapi/services/run/pg_catalog.pg_sleep", "$path/")
{
	like(raw("POST $target HTTP/1.1\r\nHost: a\r\n$close\r\nAuthorization: Bearer $token\r\n$json\r\nContent-Length: 2\r\n\r\n{}"),
		qr{^HTTP/1\.1 (404|400) }, "no such thing as $target");
}
like(raw("POST $path HTTP/1.1\r\nHost: a\r\nX-Correlation-Id: a\r\n$close\r\nAuthorization: Bearer $token\r\n$json\r\nContent-Length: 2\r\n\r\n{}"),
	qr/^X-Correlation-Id: [0-9a-f-]{36}\r$/m, 'a correlation is ours alone');
for my $target ('/restapi/services/run/%F0%28', '/restapi/getfile?code=%FF', '/?trace=%C0%80', '/restapi/getfile?%FF=1')
{
	my $method = $target =~ /run/ ? 'POST' : 'GET';
	refused(raw("$method $target HTTP/1.1\r\nHost: a\r\n$close\r\nAuthorization: Bearer $token\r\n$json\r\nContent-Length: 0\r\n\r\n"), 400, "no text: $target");
}
my $deep = '[' x 100000;
like(raw(head($json, $close, 'Content-Length: 100000') . "\r\n$deep"), qr{^HTTP/1\.1 400 }, 'nesting without end');
good('a good request after all of them');
is($node->safe_psql('bank', q{SELECT count(*) FROM k2bridge.workers() WHERE kind = 'listener' AND last_error IS NULL}), '1', 'the listener is well');
unlike(log_since($node, 0), qr/server process|exited with exit code|terminated by signal|$token/, 'no process fell, no secret in the log');

done_testing();
