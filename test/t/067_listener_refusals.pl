# Every refusal, whoever finds the flaw, is one JSON reply of the documented form, and the connection closes: what is no
# HTTP, what breaks its rules, what is too slow, who comes when there is no room; over TLS as well as without.
use strict;
use warnings;

use lib 't', 'test/t';
use Cwd qw(abs_path);
use IO::Socket::INET;
use IPC::Run ();
use JSON::PP ();
use K2bridge;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Socket qw(SHUT_WR);
use Test::More;
use Time::HiRes qw(sleep);
use Wire;

my $node = new_node('refusals', 'k2bridge.databases' => 'bank', 'k2bridge.request_timeout' => '5s');
my $token = add_echo($node, 'bank');
my $port = PostgreSQL::Test::Cluster::get_free_port();
my $directory = abs_path(PostgreSQL::Test::Utils::tempdir());
sub set { return $node->safe_psql('postgres', join(';', map { "ALTER DATABASE bank SET k2bridge.$_" } @_)) }
sub listening { return $node->poll_query_until('bank', q{SELECT count(*) = 1 FROM k2bridge.workers() WHERE kind = 'listener' AND state LIKE 'listening%' AND last_error IS NULL}) }

# The ways to send bytes: each returns all that came back before the connection closed.
sub in_clear { return exchange($port, $_[0]) }

sub half_closed
{
	my ($bytes) = @_;
	my $socket = connection_to($port);
	local $SIG{PIPE} = 'IGNORE';
	print $socket $bytes;
	shutdown $socket, SHUT_WR;
	return reply_of($socket);
}

sub over_tls
{
	my ($bytes) = @_;
	my ($out, $err) = ('', '');
	open my $file, '>', "$directory/bytes" or die $!;
	print $file $bytes;
	close $file;
	IPC::Run::run([ 'openssl', 's_client', '-quiet', '-connect', "127.0.0.1:$port" ], '<', "$directory/bytes", '>', \$out, '2>', \$err,
		IPC::Run::timeout(60));
	return $out;
}

# Exactly one reply, of this status and form: refused REPLY STATUS NAME
sub refused
{
	my ($reply, $status, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return fail("$name: the connection stays open") unless defined $reply;
	my ($head, $body) = split /\r\n\r\n/, $reply, 2;
	my ($line, @lines) = split /\r\n/, $head // '';
	my %headers = map { /^([^:]+): (.*)/ ? (lc $1 => $2) : () } @lines;
	my $document = eval { JSON::PP::decode_json($body // '') } // {};
	my $good = ($line // '') =~ m{^HTTP/1\.1 $status \S} && scalar(() = $reply =~ m{HTTP/1\.\d }g) == 1
	  && ($headers{'content-type'} // '') eq 'application/json; charset=utf-8' && ($headers{connection} // '') eq 'close'
	  && ($headers{'content-length'} // '') eq length($body // '') && ($document->{error_code} // '') eq $status
	  && length($document->{error_text} // '') && ($headers{'x-correlation-id'} // '') =~ /^[0-9a-f-]{36}$/
	  && $headers{'x-correlation-id'} eq ($document->{correlation} // '');
	return ok($good, "$name: $status") || diag("got: " . substr($reply, 0, 2000));
}

sub head { return head_for($token, @_) }
my $chunked = head('Content-Type: application/json', 'Transfer-Encoding: chunked') . "\r\n";
my @flaws = (
	[ 'no request at all', 400, "garbage\r\n\r\n" ],
	[ 'a line that begins with a blank', 400, " GET / HTTP/1.1\r\nHost: a\r\n\r\n" ],
	[ 'bytes', 400, "\x01\xff\xfe garbage \r\n\r\n" ],
	[ 'no version', 400, "GET /healthz\r\n\r\n" ],
	[ 'another protocol', 400, "GET / RTSP/1.0\r\n\r\n" ],
	[ 'a version to come', 505, "GET / HTTP/9.9\r\nHost: a\r\n\r\n" ],
	[ 'a version gone by', 505, "GET / HTTP/0.9\r\nHost: a\r\n\r\n" ],
	[ 'a header without colon', 400, head('nonsense') . "\r\n" ],
	[ 'a blank before the colon', 400, head('Content-Length : 2') . "\r\n{}" ],
	[ 'no host', 400, "POST $path HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}" ],
	[ 'a length that is no number', 400, head('Content-Length: two') . "\r\n{}" ],
	[ 'a length with a sign', 400, head('Content-Length: +2') . "\r\n{}" ],
	[ 'an encoding nobody knows', 400, head('Transfer-Encoding: gzip, chunked') . "\r\n{}" ],
	[ 'a chunk whose size is no number', 400, "${chunked}zz\r\n{}\r\n0\r\n\r\n" ],
	[ 'a chunk that does not end', 400, "${chunked}2\r\n{}{}\r\n0\r\n\r\n" ],
	[ 'a chunk beyond all numbers', 413, "${chunked}FFFFFFFFFFFFFFFFF\r\n{}\r\n" ],
	[ 'a trailer without colon', 400, "${chunked}2\r\n{}\r\n0\r\nnonsense\r\n\r\n" ],
	[ 'a URL beyond all measure', 414, 'GET /' . 'a' x 200000 . " HTTP/1.1\r\nHost: a\r\n\r\n" ],
	[ 'a header beyond all measure', 431, head('X-Long: ' . 'a' x 200000) . "\r\n" ],
	[ 'headers beyond all measure', 431, head(map { "X-$_: a" } 1 .. 20000) . "\r\n" ]);
my $good = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
my $well = qr/\AHTTP\/1\.1 200 OK\r\n.*?\r\n\r\n\{"status": "ready"\}/s;

# What follows the reply to a good request.
sub after_good
{
	my ($reply, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	ok(defined $reply && $reply =~ s/$well//, "$name: the good one before it is answered") or diag($reply // 'open');
	return $reply;
}

sub count_of
{
	my ($code) = @_;
	return $node->safe_psql('bank', "SELECT coalesce(sum(value), 0) FROM k2bridge.counters() WHERE kind = 'request' AND code = '$code'");
}

set('listeners = 1', "listen_port = $port");
listening();
# To newer versions of libmicrohttpd it is no length at all.
my $endless = head('Content-Length: 99999999999999999999') . "\r\n{}";
push @flaws, [ 'a length beyond all numbers', (in_clear($endless) // '') =~ m{^HTTP/1\.1 413 } ? 413 : 400, $endless ];
for my $flaw (@flaws)
{
	my ($name, $status, $bytes) = @$flaw;
	my $before = count_of($status);
	refused(in_clear($bytes), $status, $name);
	is(count_of($status), $before + 1, "$name: is counted once");
	refused(after_good(in_clear($good . $bytes), $name), $status, "$name, behind a good one");
	my $socket = connection_to($port);
	print $socket $good;
	like(reply_of($socket, $well) // 'nothing', $well, "$name: a connection is kept");
	local $SIG{PIPE} = 'IGNORE';
	print $socket $bytes;
	refused(reply_of($socket), $status, "$name, later");
	refused(half_closed($bytes), $status, "$name, by one who says no more");
}

# What came before the flaw.
for (1 .. 5)
{
	refused(half_closed(head('Content-Length: 10') . "\r\n{"), 400, 'a body that ends too early');
	refused(half_closed("GET / HT"), 400, 'a line that ends too early');
}
refused(in_clear("POST $path HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), 401, 'the first of two flaws');
is(half_closed(''), '', 'who says nothing is told nothing');
is(after_good(half_closed($good), 'one request'), '', 'who has his reply is told no more');
my $echo = head('Content-Type: application/json', 'Content-Length: 2') . "\r\n{}";
is(() = half_closed($echo x 3) =~ m{HTTP/1\.1 200 }g, 3, 'and gets all of them');
is(after_good(in_clear($good =~ s/\r\n\r\n/\r\nConnection: close\r\n\r\n/r), 'the last request'), '', 'neither who asked to close');
is(() = in_clear($good =~ s/1\.1/1.0/r) =~ m{HTTP/1\.\d }g, 1, 'nor an older client');
my $kept = $good =~ s/1\.1/1.0/r =~ s/\r\n\r\n/\r\nConnection: keep-alive\r\n\r\n/r;
refused(after_good(in_clear("${kept}GET / HTTP/9.9\r\n\r\n"), 'an older client'), 505, 'an older client that keeps its connection');
refused(reply_of(connection_to($port)), 408, 'a connection that says nothing');
my $drip = connection_to($port);
print $drip 'GET ';
refused(reply_of($drip), 408, 'half a line');
my $late = connection_to($port);
print $late $chunked . "2\r\n";
refused(reply_of($late), 408, 'a body that does not come');

# Who still sends when he is refused can read why.
{
	my $sender = connection_to($port);
	local $SIG{PIPE} = 'IGNORE';
	print $sender head('Content-Length: 100000000') . "\r\n";
	like(reply_of($sender, qr/\}\z/) // 'nothing', qr{^HTTP/1\.1 413 }, 'a body announced too long');
	my $sent = 0;
	$sent += syswrite($sender, ' ' x 65536) // last for 1 .. 20;
	is($sent, 20 * 65536, 'what he still sends is taken');
}

# No room: 256 connections of one address.
my @many = map { connection_to($port) } 1 .. 256;
print { $many[255] } $good;
like(reply_of($many[255], $well) // 'nothing', $well, 'the last that there is room for');
my $before = count_of(503);
my $turned_away = in_clear('');
refused($turned_away, 503, 'one more of the same address');
like($turned_away, qr/^Retry-After: \d+\r$/m, 'is told when to come again');
refused(in_clear($good), 503, 'and one who asks');
is(count_of(503), $before + 2, 'both are counted');
my $bind = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, LocalAddr => '127.0.0.2');
print $bind $good;
like(reply_of($bind, $well) // 'nothing', $well, 'another address is served');
close $_ for @many;
my $answer = '';
for (1 .. 100)
{
	last if ($answer = in_clear($good =~ s/\r\n\r\n/\r\nConnection: close\r\n\r\n/r)) =~ $well;
	sleep 0.1;
}
like($answer, $well, 'once they have gone there is room');

# In all: a process with few descriptors to spare holds as many as it can.
set('listen_port = 0');
$node->poll_query_until('bank', q{SELECT count(*) = 0 FROM k2bridge.workers() WHERE kind = 'listener'});
my ($postmaster) = slurp_file($node->data_dir . '/postmaster.pid') =~ /^(\d+)/;
system_or_bail('prlimit', "--pid=$postmaster", '--nofile=400:400');
set("listen_port = $port");
listening();
@many = ();
my $full;
for (1 .. 200)
{
	push @many, my $socket = connection_to($port);
	print $socket $good;
	$full = reply_of($socket, qr/\}\z/) // last;
	last if $full !~ $well;
}
cmp_ok(scalar(@many), '>', 20, 'some find room');
cmp_ok(scalar(@many), '<', 200, 'not all');
refused($full, 503, 'the first for whom there is none');
close $_ for @many;

# TLS.
system_or_bail('sh', '-c', "cd '$directory' && openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout key -out crt 2>/dev/null");
set("tls_cert_file = '$directory/crt'", "tls_key_file = '$directory/key'");
for (1 .. 100)
{
	last if over_tls($good =~ s/\r\n\r\n/\r\nConnection: close\r\n\r\n/r) =~ $well;
	sleep 0.1;
}
for my $flaw (@flaws)
{
	my ($name, $status, $bytes) = @$flaw;
	refused(over_tls($bytes), $status, "$name, over TLS");
	refused(after_good(over_tls($good . $bytes), "$name, over TLS"), $status, "$name, over TLS behind a good one");
}
refused(over_tls(''), 408, 'a connection that says nothing, over TLS');
refused(over_tls($chunked . "2\r\n"), 408, 'a body that does not come, over TLS');
@many = map { connection_to($port) } 0 .. @many;
my $no_room = over_tls($good);
refused($no_room, 503, 'no room, over TLS');
close $_ for @many;

is($node->safe_psql('bank', q{SELECT count(*) FROM k2bridge.workers() WHERE kind = 'listener' AND last_error IS NULL}), '1', 'the listener is well');
unlike(log_since($node, 0), qr/server process|exited with exit code|terminated by signal|$token|Error processing request/,
	'no process fell, no secret and no word of the library in the log');

done_testing();
