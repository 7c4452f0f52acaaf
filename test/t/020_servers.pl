# Servers and secrets where SQL alone cannot look: the server log, sockets that stay silent, TLS, copies of a database.
use strict;
use warnings;

use lib 't', 'test/t';
use Cwd qw(abs_path);
use IO::Select;
use IO::Socket::INET;
use IPC::Run ();
use K2bridge;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('servers', log_min_error_statement => 'warning', log_min_messages => 'warning');
add_database($node, 'bank');

sub check_server
{
	my ($server, $item) = @_;
	return $node->safe_psql('bank',
		"SELECT ok, detail, remedy FROM k2bridge.check_server('$server') WHERE item LIKE '$item%'");
}

subtest 'secrets and the server log' => sub {
	my $position = -s $node->logfile;
	$node->safe_psql('bank', "CREATE SERVER trial TYPE 'http' FOREIGN DATA WRAPPER k2bridge OPTIONS (base_url 'https://bank.example')");
	my %refused = (
		"CREATE USER MAPPING FOR PUBLIC SERVER trial OPTIONS (token 's3cret one')" => 'a blank in a token',
		"CREATE USER MAPPING FOR PUBLIC SERVER trial OPTIONS (tokn 's3cret-two')" => 'a mistyped name',
		"CREATE USER MAPPING FOR PUBLIC SERVER trial OPTIONS (token 's3cret-three', bearer 's3cret-four')" => 'two secrets',
		"CREATE USER MAPPING FOR PUBLIC SERVER trial OPTIONS (password 's3cret-five')" => 'a password without user',
		"DO \$\$ BEGIN EXECUTE 'CREATE USER MAPPING FOR PUBLIC SERVER trial OPTIONS (token ''s3cret six'')'; END \$\$" =>
		  'a blank in a token, from a function',
		"ALTER SERVER trial OPTIONS (SET base_url 'https://user:s3cret-seven\@bank.example')" => 'a password in an address');
	for my $statement (sort keys %refused)
	{
		my ($status) = $node->psql('bank', $statement);
		is($status, 3, "refused: $refused{$statement}");
	}
	$node->safe_psql('bank', "CREATE USER MAPPING FOR PUBLIC SERVER trial OPTIONS (token 's3cret-eight')");
	my $log = log_since($node, $position);
	my $told = () = $log =~ /(?:ERROR:  .*(?:option|secret|password))|WARNING:  the secret in option/g;
	cmp_ok($told, '>=', 7, 'the log tells every refusal and the warning');
	unlike($log, qr/s3cret/, 'and none of the secrets');

	my ($status, $shown, $told_psql) = $node->psql('bank',
		"INSERT INTO k2bridge.endpoint (name, server_type, method, path) VALUES ('own.read', 'http', 'GET', '/read');
		SELECT k2bridge.preview('own.read', '{}'); SELECT * FROM k2bridge.check_server('trial')");
	is($status, 0, 'preview and check_server run');
	like($shown, qr/^token: \*\*\*$/m, 'the preview masks the token');
	unlike($shown . $told_psql, qr/s3cret/, 'neither shows it');
};

subtest 'check_server connects and sends nothing' => sub {
	my $listener = IO::Socket::INET->new(Listen => 8, LocalAddr => '127.0.0.1', Proto => 'tcp') or BAIL_OUT("no socket: $!");
	my $port = $listener->sockport;
	$node->safe_psql('bank', "CREATE SERVER plain TYPE 'http' FOREIGN DATA WRAPPER k2bridge OPTIONS (base_url 'http://127.0.0.1:$port')");
	is(check_server('plain', 'connect'), 't|connected|', 'a listening port is connected');
	ok(IO::Select->new($listener)->can_read(10), 'the listener saw the connection');
	my $connection = $listener->accept;
	is(sysread($connection, my $bytes, 1), 0, 'which was closed without a byte');

	# The listener accepts in its backlog and never answers the handshake.
	$node->safe_psql('bank', "CREATE SERVER silent TYPE 'http' FOREIGN DATA WRAPPER k2bridge OPTIONS (base_url 'https://127.0.0.1:$port', connect_timeout '10min')");
	my ($status, $out, $err) = $node->psql('bank', "SET statement_timeout = '300ms'; SELECT * FROM k2bridge.check_server('silent')");
	is($status, 3, 'a silent TLS handshake is ended');
	like($err, qr/canceling statement due to statement timeout/, 'by statement_timeout');
	is($node->safe_psql('bank', "ALTER SERVER silent OPTIONS (SET connect_timeout '200'); SELECT remedy FROM k2bridge.check_server('silent') WHERE item LIKE 'connect%'"),
		'check the address and port, the firewall, and whether option proxy is needed', 'or by connect_timeout, with a remedy');
};

subtest 'TLS' => sub {
	my $directory = abs_path(PostgreSQL::Test::Utils::tempdir());
	my $openssl = `sh -c 'command -v openssl'`;
	plan skip_all => 'openssl is not installed' if $openssl eq '';
	IPC::Run::run([ 'openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=bank',
			'-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', "$directory/key.pem", '-out', "$directory/cert.pem" ],
		'>', '/dev/null', '2>&1') or BAIL_OUT('openssl made no certificate');
	my $port = PostgreSQL::Test::Cluster::get_free_port();
	my ($in, $out) = ('', '');
	my $bank = IPC::Run::start([ 'openssl', 's_server', '-accept', "127.0.0.1:$port", '-cert', "$directory/cert.pem", '-key', "$directory/key.pem", '-quiet' ],
		'<', \$in, '>', \$out, '2>&1');
	$node->safe_psql('bank', "CREATE SERVER tls TYPE 'http' FOREIGN DATA WRAPPER k2bridge OPTIONS (base_url 'https://127.0.0.1:$port')");
	ok($node->poll_query_until('bank', "SELECT detail NOT LIKE '%refused' FROM k2bridge.check_server('tls') WHERE item LIKE 'connect%'"),
		'the TLS server listens');
	like(check_server('tls', 'connect'), qr/^f\|certificate not accepted .*option ca_file/, 'an unknown authority is not accepted');
	$node->safe_psql('bank', "ALTER SERVER tls OPTIONS (ADD ca_file '$directory/cert.pem')");
	is(check_server('tls', 'connect'), 't|connected, certificate accepted|', 'a named one is');
	$node->safe_psql('bank', "ALTER SERVER tls OPTIONS (DROP ca_file, ADD verify_tls 'false')");
	is(check_server('tls', 'connect'), 't|connected, certificate not verified|', 'or whatever, where verify_tls is false');
	$bank->signal('KILL');
	$bank->finish;
};

subtest 'a copy is not activated' => sub {
	my $activation = "SELECT ok, detail FROM k2bridge.check() WHERE item = 'activation'";
	$node->safe_psql('bank', 'SELECT k2bridge.activate()');
	like($node->safe_psql('bank', $activation), qr/^t\|/, 'the database itself is');
	$node->safe_psql('postgres', 'CREATE DATABASE copied TEMPLATE bank');
	my $copy = 'f|activated for another cluster or database, of which this is a copy';
	is($node->safe_psql('copied', $activation), $copy, 'not its copy in the same cluster');
	my $other = new_node('other');
	$other->safe_psql('postgres', 'CREATE DATABASE bank');
	command_ok([ 'sh', '-c', 'pg_dump -d "$0" | psql -qX -v ON_ERROR_STOP=1 -d "$1"', $node->connstr('bank'), $other->connstr('bank') ],
		'dump and restore into another cluster');
	is($other->safe_psql('bank', $activation), $copy, 'nor one restored elsewhere');
	is($other->safe_psql('bank', "SELECT string_agg(srvname, ' ' ORDER BY srvname) FROM pg_foreign_server"),
		'plain silent tls trial', 'where the servers came along');
	my ($status, $out, $err) = $other->psql('bank', "SELECT detail FROM k2bridge.check_server('trial') WHERE item LIKE 'connect%'");
	is($out, 'calls to "bank.example" of server "trial" are not activated here', 'and none of them is connected');
};

done_testing();
