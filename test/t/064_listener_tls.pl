# TLS of the listener: with and without client certificates, renewed without a restart, refused clearly when it cannot be
# used; IPv6; addresses.
use strict;
use warnings;

use lib 't', 'test/t';
use Cwd qw(abs_path);
use IO::Socket::IP;
use IPC::Run ();
use K2bridge;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $node = new_node('tls', 'k2bridge.databases' => 'bank');
add_database($node, 'bank');
my $port = PostgreSQL::Test::Cluster::get_free_port();
$node->safe_psql('bank', q{CREATE ROLE k2_http;
	CREATE FUNCTION public.echo(payload jsonb) RETURNS jsonb LANGUAGE sql AS $$ SELECT jsonb_build_object('got', payload) $$;
	INSERT INTO k2bridge.service (name, function) VALUES ('echo', 'public.echo');});
my $token = $node->safe_psql('bank', q{SELECT k2bridge.add_api_client('eko', 'k2_http')});

# Certificates, made for this test: two authorities, a server renewed once, a client of each authority.
my $directory = abs_path(PostgreSQL::Test::Utils::tempdir());
sub openssl { system_or_bail('sh', '-c', "cd '$directory' && openssl @_ 2>/dev/null") ; return }
sub authority { return openssl("req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=$_[0] -keyout $_[0].key -out $_[0].crt") }
sub certificate
{
	my ($name, $authority, $extension) = @_;
	openssl("req -newkey rsa:2048 -nodes -subj /CN=$name -keyout $name.key -out $name.csr");
	append_to_file("$directory/$name.ext", $extension // 'basicConstraints=CA:FALSE');
	openssl("x509 -req -in $name.csr -CA $authority.crt -CAkey $authority.key -CAcreateserial -days 2 -extfile $name.ext -out $name.crt");
	return;
}
authority($_) for 'bank', 'stranger';
certificate($_, 'bank', 'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1') for 'first', 'second';
certificate('eko', 'bank');
certificate('intruder', 'stranger');

sub set { return $node->safe_psql('postgres', join(';', map { "ALTER DATABASE bank SET k2bridge.$_" } @_)) }

# curl's exit code and what it printed: status of the reply, then its body.
sub curl
{
	my ($address, @options) = @_;
	my ($out, $err) = ('', '');
	our $bearer;
	IPC::Run::run([ 'curl', '-sS', '-m', '20', '-w', "\n%{http_code}", '-H', "Authorization: Bearer " . ($bearer // $token),
			'-H', 'Content-Type: application/json', '-d', '{"a": 1}', @options, "$address/restapi/services/run/echo" ],
		'<', \undef, '>', \$out, '2>', \$err);
	return ($? >> 8, $out, $err);
}
my $tls = "https://localhost:$port";
my @trusting = ('--cacert', "$directory/bank.crt");

sub answers
{
	my ($name, @arguments) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($status, $out, $err) = curl(@arguments);
	return like($out, qr/"a": 1.*\n200$/s, $name) || diag($err);
}

# Polls until curl's answer matches, as a test.
sub becomes
{
	my ($name, $pattern, @arguments) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $end = time + 60;
	my @answer;
	while (time < $end)
	{
		@answer = curl(@arguments);
		last if "$answer[1]$answer[2]" =~ $pattern;
		sleep 0.2;
	}
	return like("$answer[1]$answer[2]", $pattern, $name);
}
sub status_of_listeners { return $node->safe_psql('bank', q{SELECT string_agg(DISTINCT state || ' ' || coalesce(last_error, ''), ', ') FROM k2bridge.status WHERE kind = 'listener'}) }

set("listen_port = $port", "listen_addresses = 'localhost'", "tls_cert_file = '$directory/first.crt'", "tls_key_file = '$directory/first.key'");
becomes("over TLS", qr{"a": 1}, $tls, @trusting) or BAIL_OUT("no TLS: " . status_of_listeners());
my @strange = curl($tls, '--cacert', "$directory/stranger.crt");
is($strange[0], 60, 'who trusts another authority does not go on');
my @plain = curl("http://localhost:$port");
isnt($plain[0], 0, 'nothing is said without TLS');
my @old = curl($tls, @trusting, '--tls-max', '1.1');
isnt($old[0], 0, 'nor with TLS 1.1');

# Client certificates.
set("tls_ca_file = '$directory/bank.crt'");
becomes('without a client certificate: refused', qr/"error_code": 403.*\n403$/s, $tls, @trusting);
answers('with one', $tls, @trusting, '--cert', "$directory/eko.crt", '--key', "$directory/eko.key");
my @intruder = curl($tls, @trusting, '--cert', "$directory/intruder.crt", '--key', "$directory/intruder.key");
unlike($intruder[1], qr/200$/, 'one of another authority is none');
{
	local our $bearer = 'x';
	my @nobody = curl($tls, @trusting, '--cert', "$directory/eko.crt", '--key', "$directory/eko.key");
	like($nobody[1], qr/\n401$/, 'a certificate does not replace the token');
}
is($node->safe_psql('bank', q{SELECT count(*) FROM k2bridge.inbox WHERE http_status <> 200}), '0', 'who is refused at the door leaves no payload');

# What cannot be used does not end what works.
my $log = -s $node->logfile;
set("tls_cert_file = '$directory/missing.crt'");
wait_for_sql($node, 'bank', q{SELECT bool_and(state LIKE 'listening%' AND last_error LIKE 'could not open file%missing.crt%') FROM k2bridge.status WHERE kind = 'listener'},
	'a missing file is named in the status');
my @client = ('--cert', "$directory/eko.crt", '--key', "$directory/eko.key");
answers('and the former certificate goes on', $tls, @trusting, @client);
set("tls_cert_file = '$directory/eko.key'");
wait_for_sql($node, 'bank', q{SELECT bool_and(state LIKE 'listening%' AND last_error LIKE 'could not start the HTTP server with this certificate%') FROM k2bridge.status WHERE kind = 'listener'},
	'so is what is no certificate');
answers('still', $tls, @trusting, @client);
set("tls_cert_file = '$directory/second.crt'", "tls_key_file = '$directory/second.key'");
wait_for_sql($node, 'bank', q{SELECT bool_and(state LIKE 'listening%' AND last_error IS NULL) FROM k2bridge.status WHERE kind = 'listener'}, 'mended');
my @seen = curl($tls, @trusting, @client, '-v');
like($seen[2], qr/CN=second/, 'the new certificate is shown');
answers('and serves', $tls, @trusting, @client);

# The same file with new content is taken up on reload.
system_or_bail('cp', "$directory/first.crt", "$directory/second.crt");
system_or_bail('cp', "$directory/first.key", "$directory/second.key");
$node->reload;
becomes('a renewed file is taken up on reload', qr/CN=first/, $tls, @trusting, @client, '-v');

# Without TLS again; addresses.
$node->safe_psql('postgres', join ';', map { "ALTER DATABASE bank RESET k2bridge.$_" } qw(tls_cert_file tls_key_file tls_ca_file));
becomes('without TLS again', qr/"a": 1/, "http://127.0.0.1:$port");
my $six = IO::Socket::IP->new(LocalHost => '::1', LocalPort => 0, Listen => 1);
SKIP:
{
	skip 'no IPv6 here', 4 unless $six;
	set("listen_addresses = '127.0.0.1, ::1'");
	becomes('IPv6 beside IPv4', qr/"a": 1/, "http://[::1]:$port");
	answers('and IPv4 still', "http://127.0.0.1:$port");
	is($node->safe_psql('bank', q{SELECT count(*) > 0 FROM k2bridge.inbox WHERE remote_addr = '::1'}), 't', 'the archive knows the address');
	set("listen_addresses = '::1'");
	becomes('only where it is told to listen', qr/refused|Failed to connect|Couldn't connect/i, "http://127.0.0.1:$port");
}
set("listen_addresses = 'nowhere.invalid'");
wait_for_sql($node, 'bank', q{SELECT bool_and(last_error LIKE 'could not resolve listen address "nowhere.invalid"%') FROM k2bridge.status WHERE kind = 'listener'},
	'a name without address is refused');
set("listen_addresses = '*'");
becomes('all addresses', qr/"a": 1/, "http://127.0.0.1:$port");
unlike(log_since($node, $log), qr/PRIVATE KEY|$token/, 'no secret in the log');

done_testing();
