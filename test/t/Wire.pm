# Bytes to the listener and back, for what no HTTP client would send; the service that they are meant for.
package Wire;

use strict;
use warnings;

use Exporter 'import';
use IO::Select;
use IO::Socket::INET;
use K2bridge;
use Time::HiRes qw(time);

our @EXPORT = qw(add_echo $path head_for connection_to exchange reply_of);
our $path = '/restapi/services/run/echo';

# A database with a service that says what it was told; returns the token of its client.
sub add_echo
{
	my ($node, $database) = @_;
	add_database($node, $database);
	$node->safe_psql($database, q{CREATE ROLE k2_http; GRANT USAGE ON SCHEMA k2bridge TO k2_http;
		CREATE FUNCTION public.echo(payload jsonb) RETURNS jsonb LANGUAGE sql AS $$ SELECT jsonb_build_object('got', payload) $$;
		INSERT INTO k2bridge.service (name, function) VALUES ('echo', 'public.echo');});
	return $node->safe_psql($database, q{SELECT k2bridge.add_api_client('eko', 'k2_http')});
}

# The head of a request to it, which more lines may follow.
sub head_for
{
	my ($token, @lines) = @_;
	return "POST $path HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer $token\r\n" . join('', map { "$_\r\n" } @lines);
}

sub connection_to
{
	my ($port) = @_;
	my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) or die "no connection: $!";
	$socket->autoflush(1);
	return $socket;
}

# What a new connection gets for these bytes.
sub exchange
{
	my ($port, $bytes, $enough) = @_;
	my $socket = connection_to($port);
	local $SIG{PIPE} = 'IGNORE';
	print $socket $bytes;
	return reply_of($socket, $enough);
}

# What comes back until the other side closes, or matches; nothing when it does neither.
sub reply_of
{
	my ($socket, $enough) = @_;
	my ($reply, $end) = ('', time + 60);
	my $select = IO::Select->new($socket);
	while (time < $end)
	{
		next unless $select->can_read(0.2);
		my $got = sysread $socket, my $bytes, 65536;
		return $reply unless $got;
		$reply .= $bytes;
		return $reply if defined $enough && $reply =~ $enough;
	}
	return;
}

1;
