# Every service over HTTP with the documented payload: the reply is the documented one, to the letter, and what the
# payload says is in the tables, with the system user as author.
use strict;
use warnings;
use utf8;

use lib 't', 'test/t';
use Encode qw(encode_utf8);
use HTTP::Tiny;
use JSON::PP ();
use K2bridge;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $json = JSON::PP->new->canonical->utf8;
my $node = new_node('replies', 'k2bridge.databases' => 'bank');
my $port = PostgreSQL::Test::Cluster::get_free_port();
my $http = HTTP::Tiny->new(timeout => 30);
add_database($node, 'bank');
sub sql { return $node->safe_psql('bank', encode_utf8($_[0])) }

sub sample
{
	my ($name) = @_;
	my ($file) = grep { -e } map { "$_/demo/$name.json" } 'test', '..' or die "no sample $name";
	return $json->decode(slurp_file($file));
}

sql(q{CREATE ROLE k2_http; SELECT k2bridge.grant_access('k2_http', 'service')});
my $token = sql(q{SELECT k2bridge.add_api_client('eko', 'k2_http')});
$node->safe_psql('postgres', "ALTER DATABASE bank SET k2bridge.listen_port = $port");
$node->poll_query_until('bank', q{SELECT count(*) = 2 FROM k2bridge.workers() WHERE kind = 'listener' AND state LIKE 'listening%'});

# The reply of a service, which must have this shape: answered NAME PAYLOAD EXPECTED WHAT
sub answered
{
	my ($service, $payload, $expected, $what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $answer = $http->post("http://127.0.0.1:$port/restapi/services/run/$service", { content => $json->encode($payload),
			headers => { authorization => "Bearer $token", 'content-type' => 'application/json' } });
	is($answer->{status}, 200, "$service, $what: status");
	is($answer->{headers}{'content-type'}, 'application/json; charset=utf-8', "$service, $what: type");
	return is_deeply(eval { $json->decode($answer->{content}) }, $expected, "$service, $what: the documented reply")
	  || diag($answer->{content});
}

my $ok = sample('ok.reply');

# I4: the row of the document, made by hand.
sql(q{UPDATE k2.bank SET id = id + 1000 WHERE id = 18;
	UPDATE k2.bank SET id = 18, name = 'АО "Рога и копыта"',
		header_paper = E'Председателю Правления <br />\nАО «Рога И копыта»  <br />\nгосподину Гансу Христиану Андерсону' WHERE bic = 'KPSTKZKA';
	INSERT INTO k2.app_user (id, login, name, footer_text) VALUES (15, 'vasil', 'Сидоров В.С.',
		E'исп: ведущий менеджер УДВ ДКР РБ Иванов И.И. <br />\r\nсот тел: 8 777 777 77 77 \r\n');
	INSERT INTO k2.reg (id) VALUES (454);
	UPDATE k2.transit_account SET id = 1005 WHERE id = 5;
	INSERT INTO k2.transit_account (id, code, cur) VALUES (5, 'KZ009980000000000000', 'KZT');
	INSERT INTO k2.client (id, iin, name) VALUES (1639, '000000000000', 'ФИО Клиента')
		ON CONFLICT (iin) DO UPDATE SET id = excluded.id, name = excluded.name;
	INSERT INTO k2.loan (id, system, contract_number, dbz_contract_number, dbz_dt, iinbin, fullname, cur, debt, overdue_days)
	VALUES (20562, 'way4', 'T30-D', 'RBEZ20-700/XX-000XXX', '2020-01-01', '000000000000', 'ФИО Клиента', 'KZT', 86429.87, 90);
	INSERT INTO k2.ext_account (id, code, bank_code, name)
	VALUES (6460, 'KZ000000000000000000', 'KPSTKZKA', 'Наименование счета клиента');
	INSERT INTO k2.extreq (id, code, loan_id, bank_code, extacc_code, amount, stat_id, reg_id, transitacc_id, sys_uuid, created_at, created_by)
	VALUES (18183, 'PTPJMIG0000003817', 20562, 'KPSTKZKA', 'KZ000000000000000000', 10001, 2008, 454, 5,
		'b9faab90-75a9-4f6b-ad05-eb9b72bc8d37', '2021-10-20 12:21:24.240319+00', 'vasil');
	INSERT INTO k2.extreq_pay (trn_id, refer, cur, amount) VALUES (30111, 'PTPJMIG0000003817', 'KZT', 111);
	ALTER TABLE k2.extreq DISABLE TRIGGER rules;
	UPDATE k2.extreq SET updated_at = '2021-10-20 12:23:14.244243+00', updated_by = 'vasil' WHERE id = 18183;
	ALTER TABLE k2.extreq ENABLE TRIGGER rules});
my $documented = sample('k2extreq_by_dbz.reply');
# The document calls user 15 by two names; here he has one.
$documented->{items}[0]{'updated_by$'} = $documented->{items}[0]{'created_by$'};
answered('k2extreq_by_dbz', { contract_number => 'RBEZ20-700/XX-000XXX', dbz_dt => '2020-01-01' }, $documented, 'the documented ПТ');
answered('k2extreq_by_dbz', { contract_number => 'none', dbz_dt => '2020-01-01' }, { %$ok, items => [] }, 'an unknown loan');

answered('k2loan_from_eko', sample('k2loan_from_eko.request'), $ok, 'the documented loan');
is(sql(q{SELECT debt || ' ' || fullname FROM k2.loan WHERE contract_number = 'KD0000000001'}), encode_utf8('2000000.00 Тестовый Тест Тестович'), 'I1: it is stored');
answered('k2loan_from_eko', sample('k2loan_from_eko.request-bad-iin'), sample('k2loan_from_eko.reply-bad-iin'), 'two bad IIN');
is(sql(q{SELECT string_agg(r.error_code || ' ' || r.error_text || ' ' || (i.client IS NOT NULL), ',') FROM k2bridge.rejected_item r
	JOIN k2bridge.inbox i ON i.id = r.inbox_id AND i.correlation = r.correlation}),
	encode_utf8('15 Неверная длина ИИН true,15 Неверная длина ИИН true'), 'I1: both are kept with the request they came in');

sql(q{INSERT INTO k2.extreq (code, loan_id, bank_code, extacc_code, cur, amount)
	SELECT 'PTPJ200000000037', id, 'CASPKZKA', 'KZ82722TEST000000001', 'KZT', 5000000 FROM k2.loan WHERE contract_number = 'KD0000000001'});
answered('k2extreq_pay_from_eko', sample('k2extreq_pay_from_eko.request'), $ok, 'two payments');
is(sql(q{SELECT paid_amount FROM k2.extreq WHERE code = 'PTPJ200000000037'}), '5000000.00', 'I2: both count');
is(sql(q{SELECT updated_by FROM k2.extreq WHERE code = 'PTPJ200000000037'}), 'system', 'I2: the system user changed the ПТ');
my $payments = sample('k2extreq_pay_from_eko.request');
answered('k2extreq_pay_from_eko', { items => [ $payments->{items}[0] ] }, sample('k2extreq_pay_from_eko.reply-duplicate'), 'one of them again');
is(sql(q{SELECT count(*) FROM k2.extreq_pay WHERE refer = 'PTPJ200000000037'}), '2', 'I2: it is taken once');

answered('k2loan_sync_debt', sample('k2loan_sync_debt.request'), $ok, 'the documented debt');
is(sql(q{SELECT debt || ' ' || debt_source FROM k2.loan WHERE contract_number = 'KD0000000001'}), '2000000.00 k2loan_sync_debt', 'I3: it is stored');

sql(q{SET k2bridge.enqueue = off;
	INSERT INTO k2.req (refer, accept_dt, doc_num, doc_at, iinbin, acc_fullname, ben_fullname, ben_bin, ben_iban, ben_kbe, amount, cur,
		knp, dbz_num, dbz_dt, purpose, head, account, status)
	SELECT r, '2021-01-05', '16', '2021-01-04', '000000000000', 'Тестовый Тест Тестович', 'АО "KASPI BANK"', '971240001315',
		'KZ12722R00000000000', '14', 86429.87, 'KZT', '423', 'R0000-001', '2014-02-08', 'Погашение', 'Руководитель', 'Бухгалтер', 'registered'
	  FROM unnest('{PTP00000000001,PTP00000000002}'::text[]) r});
answered('k2req_status_from_eko', sample('k2req_status_from_eko.request'), $ok, 'the documented PC1');
is(sql(q{SELECT status FROM k2.req WHERE refer = 'PTP00000000001'}), 'accepted', 'I5: accepted');
answered('k2req_status_from_eko', { reference => 'PTP00000000001', status_code => $_ }, $ok, $_) for 'PC3', 'EXECUTED';
is(sql(q{SELECT status FROM k2.req WHERE refer = 'PTP00000000001'}), 'executed', 'I5: executed');
is(sql(q{SELECT string_agg(kind || ' ' || source, ', ' ORDER BY id) FROM k2.req_event WHERE refer = 'PTP00000000001' AND kind NOT IN ('NEW', 'REGISTERED')}),
	'PC1 eko, PC3 eko, EXECUTED eko', 'I5: the events name the client');
answered('k2req_return_from_eko', { %{ sample('k2req_return_from_eko.request') }, reference => 'PTP00000000002' }, $ok, 'a return');
is(sql(q{SELECT status || ' ' || reason_code FROM k2.req WHERE refer = 'PTP00000000002'}), 'returned 01', 'I6: returned');
answered('k2req_refuse_from_eko', { reference => 'PTP00000000002', reason_code => '01' }, $ok, 'again, under its former name');

sql(q{INSERT INTO k2.rzap (refer) VALUES ('HSBKRX0000000003');
	INSERT INTO k2.rzap_item (refer, iin, dbz_num, dbz_dt) SELECT 'HSBKRX0000000003', '00000000000' || n, '000000000' || n, '2020-02-21'
	  FROM generate_series(5, 7) n;
	INSERT INTO k2.file (id, code, name, mime, content)
	VALUES (8896, 'CUST-7f1a0aea-d9b3-472d-a204-7de31e0fd9db', 'ДБЗ.pdf', 'application/pdf', '%PDF-1.4');
	UPDATE k2.rzap_item SET file_id = 8896 WHERE iin = '000000000005'});
$node->safe_psql('postgres', q{ALTER DATABASE bank SET k2bridge.public_url = 'http://127.0.0.1'});
# Each listener takes it up within a second; by then a new connection to either has it.
my $rzap = sample('k2inforeq_rzap_by_refer.request');
my $in_a_row = 0;
for (1 .. 600)
{
	my $answer = HTTP::Tiny->new(timeout => 30)->post("http://127.0.0.1:$port/restapi/services/run/k2inforeq_rzap_by_refer",
		{ content => $json->encode($rzap), headers => { authorization => "Bearer $token", 'content-type' => 'application/json' } });
	$in_a_row = index($answer->{content}, '"http://127.0.0.1/') >= 0 ? $in_a_row + 1 : 0;
	last if $in_a_row == 12;
	select undef, undef, undef, 0.05;
}
answered('k2inforeq_rzap_by_refer', $rzap, sample('k2inforeq_rzap_by_refer.reply'), 'the documented RZAP');
my ($path) = sample('k2inforeq_rzap_by_refer.reply')->{items}[0]{url} =~ m{^http://[^/]*(/.*)};
is($http->get("http://127.0.0.1:$port$path", { headers => { authorization => "Bearer $token" } })->{content}, '%PDF-1.4', 'I7: its url leads to the scan');

answered('k2loan_exclude_on_by_iin_dbznum', sample('k2loan_exclude_on_by_iin_dbznum.request'), $ok, 'the documented exclusion');
my $off = sample('k2loan_exclude_off_by_iin_dbznum.request');
answered('k2loan_exclude_off_by_iin_dbznum', $off, sample('k2loan_exclude_off_by_iin_dbznum.reply-not-found'), 'one that is not there');
my $on = sample('k2loan_exclude_on_by_iin_dbznum.request');
answered('k2loan_exclude_off_by_iin_dbznum', { iin => $on->{iin}, dbz_num => $on->{dbz_num} }, $ok, 'switched off again');
answered('k2loan_exclude_on_by_iin_dbznum', { %$on, iin => '1' }, sample('k2loan_exclude_on_by_iin_dbznum.reply-bad-iin'), 'a bad IIN');
is(sql(q{SELECT string_agg(code || ' ' || author, ', ' ORDER BY id) FROM k2.loan_exclude_hist}), 'TURN_ON system user, TURN_OFF system user',
	'I8, I9: the author is the system user');

# A ПТ recalled by I8 was changed by the system user; who reads it by I4 sees him, with the id of the dictionary.
sql(q{INSERT INTO k2.extreq (code, loan_id, bank_code, extacc_code, amount, stat_id)
	SELECT 'PTPRECALL', id, 'CASPKZKA', 'KZ82722TEST000000001', 10, (SELECT s.id FROM k2.extreq_stat s WHERE s.can_recall ORDER BY s.id LIMIT 1)
	  FROM k2.loan WHERE dbz_contract_number = 'KD0000000001'});
answered('k2loan_exclude_on_by_iin_dbznum', { %$on, return_extreq => JSON::PP::true }, $ok, 'with a recall');
is(sql(q{SELECT e.updated_by || ' ' || u.name FROM k2.extreq e JOIN k2.app_user u ON u.login = e.updated_by WHERE e.code = 'PTPRECALL'}),
	'system system user', 'I8: the recalled ПТ was changed by the system user');
my $listed = $http->post("http://127.0.0.1:$port/restapi/services/run/k2extreq_by_dbz", { content => '{"contract_number": "KD0000000001", "dbz_dt": "2014-02-08"}',
		headers => { authorization => "Bearer $token", 'content-type' => 'application/json' } });
my ($recalled) = grep { $_->{code} eq 'PTPRECALL' } @{ $json->decode($listed->{content})->{items} };
is_deeply([ @$recalled{ 'updated_by', 'updated_by$', 'updated_by$login' } ], [ '1', 'system user', 'system' ], 'I4: and says so');
is(sql(q{SELECT count(*) FROM k2bridge.audit WHERE client = 'eko' AND actor <> 'k2_http'}), '0', 'the audit names the role beside the client');
is(sql(q{SELECT count(*) FROM k2bridge.inbox i WHERE i.http_status <> 200 OR i.client IS DISTINCT FROM 'eko'}), '0', 'all of it is archived');

done_testing();
