# Bytes to the listener and back, for what no HTTP client would send.
package Wire;

use strict;
use warnings;

use Exporter 'import';
use IO::Select;
use IO::Socket::INET;
use Time::HiRes qw(time);

our @EXPORT = qw(connection_to reply_of);

sub connection_to
{
	my ($port) = @_;
	my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) or die "no connection: $!";
	$socket->autoflush(1);
	return $socket;
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
