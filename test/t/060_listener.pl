# The listener: every service over HTTP against the documented payloads, every status, every form of login, files,
# archive, settings taken up while it runs.
use strict;
use warnings;
use utf8;

use lib 't', 'test/t';
use Encode qw(decode_utf8 encode_utf8);
use HTTP::Tiny;
use JSON::PP ();
use K2bridge;
use MIME::Base64 qw(encode_base64);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $json = JSON::PP->new->canonical->utf8;
my $node = new_node('listener', 'k2bridge.databases' => 'bank,other', 'k2bridge.max_request_size' => '1MB');
my $port = PostgreSQL::Test::Cluster::get_free_port();
my $url = "http://127.0.0.1:$port";
my $http = HTTP::Tiny->new(timeout => 30);
add_database($node, 'bank');
sub sql { return $node->safe_psql('bank', encode_utf8($_[0])) }

sub sample
{
	my ($name) = @_;
	for my $directory ('test/demo', '../demo')
	{
		return slurp_file("$directory/$name.json") if -e "$directory/$name.json";
	}
	die "no sample $name";
}

sub request
{
	my ($method, $path, $token, $body, %headers) = @_;
	$headers{authorization} = "Bearer $token" if defined $token;
	$body = encode_utf8($body) if defined $body && utf8::is_utf8($body);
	$headers{'content-type'} //= 'application/json' if defined $body;
	return $http->request($method, $url . $path, { headers => \%headers, defined $body ? (content => $body) : () });
}

sub answers
{
	my ($answer, $status, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($answer->{status}, $status, $name) or diag($answer->{content});
	like($answer->{headers}{'x-correlation-id'} // '', qr/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, "$name: correlation");
	my $document = eval { $json->decode($answer->{content}) };
	ok(ref $document eq 'HASH', "$name: JSON") or diag($answer->{content});
	return $document // {};
}

sub refused
{
	my ($answer, $status, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $document = answers($answer, $status, $name);
	is($document->{error_code}, $status, "$name: code");
	is($document->{correlation}, $answer->{headers}{'x-correlation-id'}, "$name: correlation in the body");
	return $document;
}

sub service { my ($name, $token, $body) = @_; return request('POST', "/restapi/services/run/$name", $token, $body) }

sub wait_for_health
{
	my ($status, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $end = time + 60;
	my $answer;
	do { $answer = $http->get("$url/healthz"); select undef, undef, undef, 0.1 if $answer->{status} != $status }
	  until $answer->{status} == $status || time > $end;
	return is($answer->{status}, $status, $name);
}

# Clients, and who may make them.
sql(q{CREATE ROLE k2_http; CREATE ROLE scans; CREATE ROLE nobody;
	SELECT k2bridge.grant_access('k2_http', 'service'); SELECT k2bridge.grant_access('scans', 'operator');});
my $token = sql(q{SELECT k2bridge.add_api_client('eko', 'k2_http')});
like($token, qr/^[0-9a-f]{64}$/, 'a token has 256 bits');
is(sql(q{SELECT count(*) FROM k2bridge.api_client c WHERE c.secret_hash = sha256(convert_to('} . $token . q{', 'UTF8'))}), '1',
	'only its digest is stored');
is(sql(qq{SELECT count(*) FROM k2bridge.audit a WHERE a::text LIKE '%$token%'}), '0', 'the audit does not tell it');
sub sqlstate
{
	my ($statement) = @_;
	my ($status, $out, $err) = $node->psql('bank', "\\set VERBOSITY verbose\n$statement");
	return $err =~ /ERROR:  (\w{5})/ ? $1 : 'none';
}
is(sqlstate(q{SELECT k2bridge.add_api_client('root', 'postgres')}), '22023', 'no client acts as a superuser');
is(sqlstate(q{SELECT k2bridge.add_api_client('a:b', 'k2_http')}), '22023', 'no colon in a login');
is(sqlstate(q{SELECT k2bridge.add_api_client('a', 'k2_http', '{none}')}), '42704', 'no unknown service');
is(sqlstate(q{SELECT k2bridge.add_api_client('a', 'absent')}), '42704', 'no unknown role');
is(sqlstate(q{SELECT k2bridge.add_api_client('eko', 'k2_http')}), '23505', 'no name twice');
is(sqlstate(q{CREATE ROLE clerk; GRANT EXECUTE ON FUNCTION k2bridge.add_api_client TO clerk; GRANT USAGE ON SCHEMA k2bridge TO clerk;
	SET ROLE clerk; SELECT k2bridge.add_api_client('a', 'k2_http')}), '42501', 'nobody gives away a role he is no member of');

# Starts by ALTER DATABASE alone.
is(sql(q{SELECT count(*) FROM k2bridge.workers() WHERE kind = 'listener'}), '0', 'no listener without a port');
$node->safe_psql('postgres', "ALTER DATABASE bank SET k2bridge.listen_port = $port");
wait_for_health(200, 'listens without a reload');
wait_for_sql($node, 'bank', q{SELECT count(*) = 2 FROM k2bridge.status WHERE kind = 'listener' AND state = 'listening on port } . $port . q{'},
	'two listeners share the port');

# The services.
is($json->encode(answers(service('k2loan_from_eko', $token, sample('k2loan_from_eko.request')), 200, 'loans')),
	$json->encode($json->decode(sample('ok.reply'))), 'loans: reply as documented');
is(sql('SELECT count(*) > 0 FROM k2.loan'), 't', 'loans are stored');
is_deeply(answers(service('k2loan_from_eko', $token, sample('k2loan_from_eko.request-bad-iin')), 200, 'bad IIN'),
	$json->decode(sample('k2loan_from_eko.reply-bad-iin')), 'bad IIN: reply as documented');
is(sql(q{SELECT count(*) > 0 AND bool_and(i.service = r.service) FROM k2bridge.rejected_item r JOIN k2bridge.inbox i ON i.id = r.inbox_id}),
	't', 'refused items know their request');
is(answers(request('POST', '/restapi/services/k2loan_from_eko', $token, sample('k2loan_from_eko.request')), 200, 'older path')->{error_code},
	0, 'the path without /run works');
for my $call (
	[ 'k2extreq_pay_from_eko', sample('k2extreq_pay_from_eko.request') ],
	[ 'k2loan_sync_debt', sample('k2loan_sync_debt.request') ],
	[ 'k2extreq_by_dbz', '{"dbz_num": "none", "dbz_dt": "2020-01-01"}' ],
	[ 'k2req_status_from_eko', sample('k2req_status_from_eko.request') ],
	[ 'k2req_return_from_eko', '{"reference": "none", "reason_code": "1"}' ],
	[ 'k2req_refuse_from_eko', '{"reference": "none", "reason_code": "1"}' ],
	[ 'k2inforeq_rzap_by_refer', '{"refer": "none"}' ],
	[ 'k2loan_exclude_on_by_iin_dbznum', sample('k2loan_exclude_on_by_iin_dbznum.request') ],
	[ 'k2loan_exclude_off_by_iin_dbznum', sample('k2loan_exclude_off_by_iin_dbznum.request') ])
{
	my ($name, $body) = @$call;
	my $answer = service($name, $token, $body);
	my $document = answers($answer, 200, $name);
	is_deeply($document, $json->decode(sql("SELECT reply FROM k2bridge.inbox WHERE correlation = '$answer->{headers}{'x-correlation-id'}'")),
		"$name: the archive holds the reply");
	is(sql("SELECT convert_from(body, 'UTF8')::jsonb = payload AND client = 'eko' AND remote_addr = '127.0.0.1' AND http_status = 200
		AND duration >= '0' AND length(body) = " . length($body) . " FROM k2bridge.inbox WHERE correlation = '$answer->{headers}{'x-correlation-id'}'"),
		't', "$name: and the request");
}

# A service of the DBA's own; who acts; failures of a function.
sql(q{CREATE FUNCTION public.echo(payload jsonb) RETURNS jsonb LANGUAGE sql AS $$
		SELECT jsonb_build_object('role', current_user, 'client', k2bridge.client(), 'correlation', k2bridge.correlation(), 'got', payload) $$;
	GRANT EXECUTE ON FUNCTION k2bridge.client(), k2bridge.correlation() TO k2_http;
	CREATE FUNCTION public.broken(payload jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'внутри %', payload; END $$;
	CREATE FUNCTION public.slow(payload jsonb) RETURNS jsonb LANGUAGE sql AS $$ SELECT to_jsonb(pg_sleep(60)::text) $$;
	CREATE FUNCTION public.secret(payload jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT payload';
	CREATE FUNCTION public.escape(payload jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN RESET ROLE; RETURN to_jsonb(current_user); END $$;
	CREATE FUNCTION public.text_only(payload text) RETURNS jsonb LANGUAGE sql AS 'SELECT to_jsonb(payload)';
	REVOKE EXECUTE ON FUNCTION public.secret FROM PUBLIC;
	INSERT INTO k2bridge.service (name, function, timeout) VALUES ('echo', 'public.echo', '5s'), ('broken', 'public.broken', '5s'),
		('slow', 'public.slow', '200ms'), ('secret', 'public.secret', '5s'), ('escape', 'public.escape', '5s'),
		('missing', 'public.text_only', '5s');});
my $answer = service('echo', $token, '{"сумма": 86429.87, "большое": 99999999999999.99}');
my $echo = answers($answer, 200, 'own service, found at once');
is($echo->{role}, 'k2_http', 'runs as the role of the client');
is($echo->{client}, 'eko', 'knows the client');
is($echo->{correlation}, $answer->{headers}{'x-correlation-id'}, 'knows its correlation');
like(decode_utf8($answer->{content}), qr/86429\.87.*99999999999999\.99|99999999999999\.99.*86429\.87/, 'amounts are exact');
my $document = refused(service('broken', $token, '{}'), 500, 'a function that raises');
like($document->{error_text}, qr/$document->{correlation}/, 'the correlation is told, not the error');
unlike($document->{error_text}, qr/внутри/, 'the error stays inside');
refused(service('escape', $token, '{}'), 403, 'RESET ROLE inside a service');
refused(service('missing', $token, '{}'), 500, 'a function of the wrong type');
my $slow = service('slow', $token, '{}');
refused($slow, 503, 'a service that takes too long');
is($slow->{headers}{'retry-after'}, 5, 'says when to come again');
refused(service('secret', $token, '{}'), 403, 'a function the role may not execute');
refused(service('none', $token, '{}'), 404, 'an unknown service');
sql(q{UPDATE k2bridge.service SET enabled = false WHERE name = 'echo'});
wait_until(sub { service('echo', $token, '{}')->{status} == 404 }, 'a disabled service is unknown');
sql(q{UPDATE k2bridge.service SET enabled = true WHERE name = 'echo'});

sub wait_until
{
	my ($condition, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $end = time + 60;
	my $met;
	select undef, undef, undef, 0.1 until ($met = $condition->()) || time > $end;
	return ok($met, $name);
}

# Statuses of the door.
refused(request('GET', '/nowhere', $token), 404, 'an unknown path');
my $get = request('GET', '/restapi/services/run/echo', $token);
refused($get, 405, 'GET of a service');
is($get->{headers}{allow}, 'POST', 'says which method');
refused(service('echo', $token, '{"a": '), 400, 'no JSON');
refused(service('echo', $token, ''), 400, 'an empty body');
refused(service('echo', $token, "{\"a\": \"\xff\"}"), 400, 'no UTF-8');
refused(service('echo', $token, '{"a": "\u0000"}'), 400, 'a null character');
refused(service('echo', $token, "{}\0"), 400, 'a null byte');
is(answers(service('k2loan_from_eko', $token, '17'), 400, 'the wrong shape')->{error_code}, 400, 'the service says so');
is(answers(service('echo', $token, "\xEF\xBB\xBF{}"), 200, 'a byte order mark')->{client}, 'eko', 'is skipped');
refused(request('POST', '/restapi/services/run/echo', $token, '<a/>', 'content-type' => 'text/xml'), 415, 'XML');
refused(request('POST', '/restapi/services/run/echo', $token, '{}', 'content-type' => 'application/json; charset=windows-1251'), 415,
	'another charset');
refused(request('POST', '/restapi/services/run/echo', $token, '{}', 'content-encoding' => 'gzip'), 415, 'a packed body');
is(request('POST', '/restapi/services/run/echo', $token, '{}', 'content-type' => 'application/json; charset="UTF-8"')->{status}, 200,
	'UTF-8 may be said');
is(sql(q{SELECT count(*) FROM k2bridge.inbox WHERE http_status = 400 AND payload IS NULL AND body = '\x7b2261223a20'}), '1',
	'what is no JSON is archived as it came');

# Logins.
my $basic = sub { return { authorization => 'Basic ' . encode_base64("$_[0]:$_[1]", '') } };
is(request('POST', '/restapi/services/run/echo', undef, '{}', %{ $basic->('eko', $token) })->{status}, 200, 'basic authentication');
for my $wrong (
	[ 'none', {} ],
	[ 'another token', { authorization => 'Bearer ' . '0' x 64 } ],
	[ 'a token cut short', { authorization => 'Bearer ' . substr($token, 0, 63) } ],
	[ 'an empty token', { authorization => 'Bearer ' } ],
	[ 'another login', $basic->('other', $token) ],
	[ 'another password', $basic->('eko', 'x') ],
	[ 'no pair', { authorization => 'Basic ' . encode_base64('eko', '') } ],
	[ 'no base64', { authorization => 'Basic ***' } ],
	[ 'another scheme', { authorization => "Digest $token" } ])
{
	my ($name, $headers) = @$wrong;
	my $failed = request('POST', '/restapi/services/run/echo', undef, '{}', %$headers);
	refused($failed, 401, "login by $name");
	like($failed->{headers}{'www-authenticate'} // '', qr/Bearer.*Basic/, "login by $name: the ways in are named");
}
is(sql(q{SELECT count(*) FROM k2bridge.inbox WHERE client IS NULL}), '0', 'what comes without login is not archived');
my $some = sql(q{SELECT k2bridge.add_api_client('some', 'k2_http', '{k2loan_sync_debt}')});
refused(service('echo', $some, '{}'), 403, 'a service not allowed to the client');
is(service('k2loan_sync_debt', $some, '[]')->{status}, 200, 'one that is');
my $far = sql(q{SELECT k2bridge.add_api_client('far', 'k2_http', NULL, '{10.1.0.0/16}')});
refused(service('echo', $far, '{}'), 403, 'from another network');
$node->safe_psql('postgres', q{ALTER DATABASE bank SET k2bridge.trusted_proxies = '127.0.0.0/8'});
my $behind = sub { return request('POST', '/restapi/services/run/echo', $far, '{}', 'x-forwarded-for' => $_[0]) };
wait_until(sub { $behind->('10.1.2.3')->{status} == 200 }, 'behind a trusted proxy the address before it counts');
refused($behind->('10.1.2.3, 10.2.0.1'), 403, 'only the last one');
refused($behind->('nonsense'), 403, 'and what is no address is nobody');
is(sql(q{SELECT host(remote_addr) FROM k2bridge.inbox WHERE client = 'far' ORDER BY id DESC LIMIT 1}), '10.1.2.3', 'the archive has it');
$node->safe_psql('postgres', q{ALTER DATABASE bank RESET k2bridge.trusted_proxies});
wait_until(sub { $behind->('10.1.2.3')->{status} == 403 }, 'taken back, it counts no more');
sql(q{UPDATE k2bridge.api_client SET enabled = false WHERE name = 'some'});
wait_until(sub { service('k2loan_sync_debt', $some, '[]')->{status} == 401 }, 'a disabled client is nobody');
sql(q{ALTER ROLE nobody SUPERUSER; INSERT INTO k2bridge.api_client (name, role, secret_hash) VALUES ('root', 'nobody', sha256('root'))});
refused(service('echo', 'root', '{}'), 403, 'a role that became a superuser');

# Requests that are ready together.
sql(q{CREATE TABLE public.booked (id int PRIMARY KEY, xid xid8 DEFAULT pg_current_xact_id());
	CREATE FUNCTION public.book(payload jsonb) RETURNS jsonb LANGUAGE sql SECURITY DEFINER AS $$
		INSERT INTO public.booked (id) VALUES ((payload ->> 'id')::int) RETURNING to_jsonb(id) $$;
	INSERT INTO k2bridge.service (name, function) VALUES ('book', 'public.book');});
is(service('book', $token, '{"id": 1}')->{status}, 200, 'a service that writes');
refused(service('book', $token, '{"id": 1}'), 500, 'and fails the second time');
is(sql('SELECT count(*) FROM public.booked'), '1', 'nothing of a failed request stays');

# Files.
my $name = 'Договор № 1 "копия".pdf';
my $scan = "%PDF-1.4\n" . join('', map { chr($_ % 251) } 1 .. 1000000);
my $code = sql(qq{INSERT INTO k2.file (name, mime, content) SELECT '$name', 'application/pdf', decode('${\unpack('H*', $scan)}', 'hex') RETURNING code});
my $sent = request('GET', "/restapi/getfile?code=$code&attachment=true", $token);
is($sent->{status}, 200, 'a file');
ok($sent->{content} eq $scan, 'byte for byte');
is($sent->{headers}{'content-type'}, 'application/pdf', 'its type');
is($sent->{headers}{'content-disposition'},
	q{attachment; filename="_______ _ 1 _______.pdf"; filename*=UTF-8''%D0%94%D0%BE%D0%B3%D0%BE%D0%B2%D0%BE%D1%80%20%E2%84%96%201%20%22%D0%BA%D0%BE%D0%BF%D0%B8%D1%8F%22.pdf},
	'its name');
like($sent->{headers}{'last-modified'}, qr/^\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT$/, 'its age');
is($sent->{headers}{etag}, '"' . sql("SELECT md5(id::text) FROM k2.file WHERE code = '$code'") . '"', 'its tag');
is(request('GET', "/restapi/getfile?code=$code", $token, undef, 'if-none-match' => $sent->{headers}{etag})->{status}, 304, 'known already');
like(request('GET', "/restapi/getfile?code=$code&inline=true", $token)->{headers}{'content-disposition'}, qr/^inline; /, 'inline');
like(request('GET', "/restapi/getfile?code=$code&inline=true&attachment=true", $token)->{headers}{'content-disposition'}, qr/^attachment; /,
	'attachment wins');
my $encoded = request('GET', "/restapi/getfile?code=$code&base64=true", $token);
ok($encoded->{content} eq encode_base64($scan, ''), 'base64');
is($encoded->{headers}{'content-type'}, 'application/pdf', 'base64: the type stays');
refused(request('GET', '/restapi/getfile', $token), 400, 'no code');
refused(request('GET', '/restapi/getfile?code=CUST-none', $token), 404, 'an unknown code');
refused(request('GET', "/restapi/getfile?code=$code"), 401, 'no file without login');
refused(request('POST', "/restapi/getfile?code=$code", $token, '{}'), 405, 'files are read by GET');
my $poor = sql(q{SELECT k2bridge.add_api_client('poor', 'clerk')});
refused(request('GET', "/restapi/getfile?code=$code", $poor), 403, 'no file without the right');

my $clerk = sql(q{SELECT k2bridge.add_api_client('scans', 'scans')});
sql(q{INSERT INTO k2.rzap (refer, sender_bank) VALUES ('R1', 'KCJBKZKX');
	INSERT INTO k2.rzap_item (refer, iin, dbz_num, dbz_dt) VALUES ('R1', '000000000010', 'D1', '2020-01-01')});
sub form
{
	my (%field) = @_;
	my $body = '';
	for my $key (sort keys %field)
	{
		my $more = $key eq 'file' ? qq{; filename="scan.pdf"\r\nContent-Type: application/pdf} : '';
		$body .= qq{--edge\r\nContent-Disposition: form-data; name="$key"$more\r\n\r\n$field{$key}\r\n};
	}
	return "$body--edge--\r\n";
}
my %multipart = ('content-type' => 'multipart/form-data; boundary=edge');
my %scan = (refer => 'R1', iin => '000000000010', dbz_num => 'D1', file => "%PDF-1.4\r\n\0\xff");
my $stored = answers(request('POST', '/restapi/upload', $clerk, form(%scan), %multipart), 200, 'an upload');
is($stored->{error_code}, 0, 'is taken');
is(sql(q{SELECT f.code || ' ' || encode(f.content, 'hex') || ' ' || f.mime FROM k2.rzap_item i JOIN k2.file f ON f.id = i.file_id}),
	"$stored->{code} 255044462d312e340d0a00ff application/pdf", 'and attached, byte for byte');
is(answers(request('POST', '/restapi/upload', $clerk, form(%scan, refer => 'none'), %multipart), 200, 'for an unknown RZAP')->{error_code}, 404,
	'not found');
is(answers(request('POST', '/restapi/upload', $clerk, form(%scan, iin => ''), %multipart), 200, 'a field too few')->{error_code}, 422, 'named');
refused(request('POST', '/restapi/upload', $clerk, 'nonsense', %multipart), 400, 'no form');
refused(request('POST', '/restapi/upload', $clerk, '{}'), 415, 'no multipart');
refused(request('POST', '/restapi/upload', $token, form(%scan), %multipart), 403, 'an upload needs the right');

# Trouble in the database, and settings taken up.
sql(q{UPDATE k2bridge.schema_version SET version = '0.0'});
wait_for_health(503, 'not ready while the tables are of another version');
refused(service('echo', $token, '{}'), 503, 'and nothing is served');
sql('SELECT k2bridge.setup()');
wait_for_health(200, 'ready again');
$node->safe_psql('bank', 'CREATE EXTENSION IF NOT EXISTS plpgsql');
add_database($node, 'other');
$node->safe_psql('postgres', "ALTER DATABASE other SET k2bridge.listen_port = $port");
wait_for_sql($node, 'other', q{SELECT bool_or(last_error LIKE 'port % is taken by the listener of another database')
	FROM k2bridge.status WHERE kind = 'listener'}, 'two databases on one port are refused clearly');
is(answers(service('echo', $token, '{}'), 200, 'the first one')->{client}, 'eko', 'goes on');
my $second = PostgreSQL::Test::Cluster::get_free_port();
$node->safe_psql('postgres', "ALTER DATABASE other SET k2bridge.listen_port = $second");
wait_until(sub { $http->get("http://127.0.0.1:$second/healthz")->{status} == 200 }, 'with a port of its own it listens');
wait_for_sql($node, 'other', q{SELECT bool_and(last_error IS NULL) FROM k2bridge.status WHERE kind = 'listener'}, 'and is well again');
$node->safe_psql('postgres', 'ALTER DATABASE other SET k2bridge.listen_port = 0');
wait_until(sub { $http->get("http://127.0.0.1:$second/healthz")->{status} == 599 }, 'port 0 stops it');
$node->safe_psql('postgres', 'ALTER DATABASE bank SET k2bridge.listeners = 3');
wait_for_sql($node, 'bank', q{SELECT count(*) = 3 FROM k2bridge.workers() WHERE kind = 'listener' AND state LIKE 'listening%'}, 'one more listener');
$node->safe_psql('postgres', 'ALTER DATABASE bank SET k2bridge.listeners = 1');
wait_for_sql($node, 'bank', q{SELECT count(*) = 1 FROM k2bridge.workers() WHERE kind = 'listener'}, 'two less');
is(service('echo', $token, '{}')->{status}, 200, 'still answers');
$node->restart;
wait_for_health(200, 'listens after a restart');
is(service('echo', $token, '{}')->{status}, 200, 'tokens survive it');

done_testing();
