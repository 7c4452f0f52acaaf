# The eleven calls to the ABS against the sandbox bank: what travels, what lands in tables, what happens when an answer
# is lost, late, refused or printed as in the document.
use strict;
use warnings;
use utf8;

use lib 't', 'test/t';
use Digest::MD5 qw(md5_hex);
use Encode qw(encode_utf8);
use HTTP::Tiny;
use JSON::PP ();
use K2bridge;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $bank = start_bank();
my $node = new_node('abs', 'k2bridge.databases' => 'bank');
add_database($node, 'bank');
$node->safe_psql('bank', $bank->servers('abs'));
wait_for_workers($node, 'bank', 1, 'dispatcher and scheduler run');

sub sql { return $node->safe_psql('bank', $_[0]) }
sub bank_set { return $bank->post("/_/$_[0]", encode_utf8($_[1])) }
sub refused { return error_of($node, 'bank', $_[0]) }

sub debt_of { return sql("SELECT debt FROM k2.loan WHERE contract_number = '$_[0]'") }

sub log_of
{
	my ($path) = @_;
	return @{ $bank->get("/_/log?path=$path&limit=10000")->{entries} };
}

sub registered { return $bank->get("/_/registry?refer=$_[0]")->{items}[0] }

# Stores a payment request, and does something more in the same transaction.
sub new_req
{
	my ($refer, $then, %more) = @_;
	my %field = (refer => $refer, accept_dt => '2021-01-05', doc_num => '16', doc_at => '2021-01-04', iinbin => '000000000010',
		acc_fullname => 'Тестовый тест', ben_fullname => 'АО "KASPI BANK"', ben_bin => '971240001315',
		ben_iban => 'KZ12722R00000000000', ben_kbe => '14', amount => '86429.87', cur => 'KZT', knp => '423',
		dbz_num => 'R0000-001', dbz_dt => '2014-02-08', purpose => 'Погашение', head => 'Руководителев', account => 'Бухгалтер', %more);
	utf8::encode($_) for values %field;
	sql('BEGIN; INSERT INTO k2.req (' . join(', ', sort keys %field) . ') VALUES ('
		  . join(', ', map { "'$field{$_}'" } sort keys %field) . '); ' . ($then // '') . '; COMMIT');
	return;
}

sub wait_status
{
	my ($refer, $status) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return wait_for_sql($node, 'bank', "SELECT status FROM k2.req WHERE refer = '$refer'", "$refer is $status", $status);
}

my %loan;

subtest 'the dossier of new loans' => sub {
	bank_set('data', '{"debts": {"KD1": 86429.87, "colvir:555:666": 99999999999999.99}}');
	sql(q{SELECT k2.k2loan_from_eko('[
		{"request_id": 1, "iban": "KZ68601TEST000000001", "cur": "KZT", "debt": 1, "fullname": "A", "contract_number": "KD1",
		 "dbz_contract_number": "DBZ1", "dbz_dt": "2014-02-08", "iinbin": "000000000010", "overdue_days": 9, "system": "way4"},
		{"request_id": 2, "cur": "KZT", "debt": 1, "fullname": "B", "contract_number": "CV2", "dbz_contract_number": "DBZ2",
		 "dbz_dt": "2015-03-09", "dep_id": 555, "id": 666, "dea_dord": "2015-01-01", "dea_dep_id": 777, "dea_id": 888, "dea_code": 999,
		 "iinbin": "000000000113", "overdue_days": 9, "system": "colvir"},
		{"request_id": 3, "iban": "KZ68601TEST000000007", "cur": "KZT", "debt": 1, "fullname": "C", "contract_number": "KD3",
		 "dbz_contract_number": "DBZ3", "dbz_dt": "2016-04-10", "iinbin": "000000000007", "overdue_days": 9, "system": "way4"}]')});
	wait_for_sql($node, 'bank', 'SELECT count(*) = 3 FROM k2.loan_dossier WHERE ready', 'all three are ready');
	$loan{$_} = sql("SELECT id FROM k2.loan WHERE contract_number = '$_'") for 'KD1', 'CV2', 'KD3';
	my %asked;
	$asked{ $_->{path} }++ for log_of('/');
	is_deeply(\%asked, { '/abs/get_cli' => 3, '/abs/get_acc' => 3, '/abs/get_acc_stmt_dt' => 3, '/abs/get_pdf' => 3,
			'/way4/get_loan_debt' => 2, '/colvir/get_loan_debt' => 1 }, 'five calls each');
	is(sql(q{SELECT string_agg(debt::text, ' ' ORDER BY debt) FROM k2.loan WHERE contract_number <> 'KD3'}), '86429.87 99999999999999.99', 'debts are exact');
	is((log_of('/colvir'))[0]{body}, '{"id": 666, "dep_id": 555}', 'O8 asks by the key of the contract');
	is(sql("SELECT string_agg(part || ' ' || outcome, ', ' ORDER BY part) FROM abs.loan_answer WHERE loan_id = $loan{KD3}"),
		'accounts ok, client ok, debt ok, scan none, statement none', 'no scan and no disbursement line are answers');
	is(sql(q{SELECT string_agg(subject, ' ' ORDER BY subject) FROM k2bridge.outbox WHERE due_at > now() + interval '6 days'}),
		"loan:$loan{KD3}:scan:again loan:$loan{KD3}:statement:again", 'asked again in a week');
	is(sql('SELECT count(DISTINCT loan_id) FROM abs.statement_line'), 2, 'statement lines of the others are stored');
	my $http = HTTP::Tiny->new;
	for my $loan ([ 'DBZ1', '2014-02-08', '000000000010', 'application/pdf' ], [ 'DBZ2', '2015-03-09', '000000000113', 'image/tiff' ])
	{
		my ($num, $date, $iinbin, $mime) = @$loan;
		my $scan = $http->get($bank->url . "/abs/get_pdf?dbz_num=$num&dbz_dt=$date&iinbin=$iinbin")->{content};
		is(sql("SELECT f.name, f.mime, md5(f.content) FROM abs.scan s JOIN k2.file f ON f.id = s.file_id WHERE s.dbz_num = '$num'"),
			encode_utf8("Договор_$num." . ($mime =~ /pdf/ ? "pdf" : "tif")) . "|$mime|" . md5_hex($scan), "the scan of $num is stored byte for byte, $mime");
	}
	my $client = JSON::PP::decode_json($http->get($bank->url . '/abs/get_cli?iinbin=000000000010')->{content});
	is(sql(q{SELECT fullname || ' ' || sectecon || residfl FROM abs.client WHERE iinbin = '000000000010'}),
		encode_utf8("$client->{fullname} $client->{sectecon}$client->{residfl}"), 'the client is stored');
};

subtest 'direct reads' => sub {
	$bank->post('/_/reset');
	is(sql(q{SELECT iinbin FROM abs.get_cli('000000000020')}), '000000000020', 'get_cli');
	like(refused(q{SELECT abs.get_cli('000000000008')}), qr/^KB001: /, 'an unknown client is a refusal');
	is(sql(q{SELECT count(*) FROM abs.get_cli('000000000020', 'abs')}), 1, 'the server may be named');
	my $listed = sql(q{SELECT count(*) FROM abs.get_acc('000000000020')});
	cmp_ok($listed, '>', 0, 'get_acc');
	bank_set('data', '{"accounts": {"000000000020": []}}');
	is(sql(q{SELECT count(*) FROM abs.get_acc('000000000020')}), 0, 'accounts that are gone are not returned');
	is(sql(q{SELECT count(*) FROM abs.account WHERE iinbin = '000000000020' AND gone_at IS NOT NULL}), $listed, 'but kept and marked');
	bank_set('data', '{"statements": {"KZ68601TEST000000001": [{"purpose": "Выдача", "amount": 0.10, "cur": "KZT", "DC": "D", "out_bal": 99999999999999.99}]}}');
	is(sql(q{SELECT amount, cur, dc, out_bal FROM abs.get_acc_stmt_dt(}. $loan{KD1} . q{, '2014-02-08')}), '0.10|KZT|D|99999999999999.99', 'get_acc_stmt_dt');
	is(sql(q{SELECT name || ' ' || mime FROM abs.get_pdf('DBZ9', '2020-01-01', '000000000125')}),
		encode_utf8('Договор_DBZ9.tif image/tiff'), 'get_pdf');
	is(sql(q{SELECT abs.get_pdf('DBZ9', '2020-01-01', '000000000007') IS NULL}), 't', 'get_pdf is null where there is no scan');
	for my $shape ('json', 'printed')
	{
		bank_set('data', qq({"shapes": {"debt": "$shape"}, "debts": {"colvir:2:1001": 0.10, "KD1": 99999999999999.99, "KD2": null}}));
		is(sql('SELECT abs.colvir_get_loan_debt(2, 1001)'), '0.10', "colvir_get_loan_debt, $shape");
		is(sql(q{SELECT abs.way4_get_loan_debt('KD1')}), '99999999999999.99', "way4_get_loan_debt, $shape");
	}
	is(debt_of('KD1'), '99999999999999.99', 'a key that names one loan refreshes it');
	like(refused(q{SELECT abs.way4_get_loan_debt('KD2')}), qr/^KB001: /, 'an unknown contract is a refusal');
	bank_set('data', '{"debts": {"KD1": 86429.87, "colvir:555:666": 7}}');
	is(sql("SELECT abs.refresh_debt($loan{KD1}), abs.refresh_debt($loan{CV2})"), '86429.87|7.00', 'refresh_debt asks the system of the loan');
	is(sql("SELECT source FROM k2.loan_debt WHERE loan_id = $loan{CV2} ORDER BY at DESC LIMIT 1"), 'abs.colvir_get_loan_debt', 'the history says who');
	sql(q{UPDATE k2.loan SET synced_at = now() - interval '2 days'});
	is(sql('SELECT abs.refresh_all_debts()'), 3, 'all debts are asked for');
	wait_for_sql($node, 'bank', 'SELECT count(*) = 3 FROM k2.loan WHERE synced_at > now() - interval \'1 hour\'', 'and come in');
	my $was = debt_of('KD1');
	bank_set('faults', '{"rules": [{"kind": "garbage", "path": "/way4"}]}');
	like(refused("SELECT abs.refresh_debt($loan{KD1})"), qr/^KB002: /, 'garbage is a transport failure');
	is(debt_of('KD1'), $was, 'and changes nothing');
};

subtest 'the list of payment requests' => sub {
	$bank->post('/_/reset');
	for my $n (1 .. 7)
	{
		my %pt = (refer => "L$n", accept_dt => '2021-05-02', doc_num => "$n", doc_at => '2021-05-01', iinbin => '000000000020',
			acc_fullname => 'Тест', ben_fullname => 'Банк', ben_bin => '000040000019', ben_iban => 'KZ82722TEST000000001',
			ben_kbe => '14', cur => 'KZT', knp => '423', dbz_num => 'D', dbz_dt => '2020-01-01', purpose => 'p', head => 'h', account => 'a');
		my $text = JSON::PP->new->utf8->encode(\%pt);
		$text =~ s/\}$/,"amount":86429.8$n}/;
		$bank->post('/_/registry', $text);
	}
	for my $shape ('canonical', 'marker', 'array', 'printed')
	{
		bank_set('data', qq({"shapes": {"get_all_pt": "$shape"}}));
		sql('TRUNCATE abs.payment_request');
		is(sql(q{SELECT string_agg(refer || ' ' || amount, ' ') FROM abs.get_all_pt(2, 3, iinbin => '000000000020')}),
			'L4 86429.84 L5 86429.85 L6 86429.86', "a page, $shape");
		my $before = log_of('/abs/get_all_pt');
		is(sql(q{SELECT count(*) FROM abs.all_pt(ben_bin => '000040000019', doc_at1 => '2021-05-01', doc_at2 => '2021-05-01', perpage => 3)}),
			7, "all pages, $shape");
		is(log_of('/abs/get_all_pt') - $before, 3, 'three of them');
		is(sql('SELECT count(*) FROM abs.payment_request'), 7, 'and all are stored');
	}
	is((log_of('/abs/get_all_pt'))[0]{body}, '{"page": 2, "iinbin": "000000000020", "perpage": "3"}', 'filters that are null are left out');
	is(sql(q{SELECT count(*) FROM abs.all_pt(iinbin => '000000000090')}), 0, 'nothing is an answer');
	$bank->post('/_/registry', JSON::PP::encode_json({ refer => "L$_", doc_at => sql('SELECT k2.today() - 3') })) for 1 .. 5;
	sql('TRUNCATE abs.payment_request');
	my $first = sql('SELECT abs.reconcile(perpage => 2)');
	cmp_ok($first, '>', 0, 'the reconciliation is queued');
	wait_for_sql($node, 'bank', "SELECT count(*) = 3 FROM k2bridge.call WHERE subject = 'abs:reconcile' AND outcome = 'ok'", 'it walks three pages');
	is(sql(q{SELECT string_agg(refer, ' ' ORDER BY refer) FROM abs.payment_request}), 'L1 L2 L3 L4 L5', 'of the last 14 days');
};

subtest 'registration, recall and return' => sub {
	$bank->post('/_/reset');
	new_req('P1', undef, amount => '99999999999999.99');
	new_req('P2', undef, amount => '0.10');
	wait_status($_, 'registered') for 'P1', 'P2';
	is(registered('P1')->{amount_text}, '99999999999999.99', 'a large amount arrives exact');
	is(registered('P2')->{amount_text}, '0.10', 'a small one too');
	is(scalar keys %{ JSON::PP->new->decode((log_of('/abs/reg_pt'))[0]{body}) }, 18, 'the 18 fields travel');
	my $id = sql(q{SELECT abs.refuse_pt('P1', '01')});
	is(sql("SELECT outcome FROM k2bridge.wait($id)"), 'ok', 'the recall is answered');
	wait_status('P1', 'recalled');
	sql(q{SELECT abs.return_pt('P2', '99')});
	wait_status('P2', 'returned');
	is(registered('P2')->{reason_code}, '99', 'with its reason');
	bank_set('faults', '{"rules": [{"kind": "refusal", "path": "/abs/refuse_pt", "error_code": 5, "error_text": "Уже исполнено", "count": 1},
		{"kind": "refusal", "path": "/abs/reg_pt", "error_code": 7, "error_text": "Клиент не найден", "count": 1}]}');
	new_req('P3');
	wait_status('P3', 'refused');
	is(sql(q{SELECT note FROM k2.req WHERE refer = 'P3'}), encode_utf8('Клиент не найден'), 'the bank\'s text is kept');
	sql(q{SELECT abs.reg_pt('P3')});
	wait_status('P3', 'registered');
	sql(q{SELECT abs.refuse_pt('P3', '01')});
	wait_for_sql($node, 'bank', q{SELECT status || ' ' || note FROM k2.req WHERE refer = 'P3'}, 'a refused recall puts the former status back',
		encode_utf8('registered Уже исполнено'));
};

subtest 'a recall meets a registration' => sub {
	$bank->post('/_/reset');
	new_req('Q0', q{UPDATE k2bridge.outbox SET due_at = now() + interval '1 hour' WHERE subject = 'req:Q0'});
	is(sql(q{SELECT abs.refuse_pt('Q0', '01') IS NULL}), 't', 'nothing is to be recalled');
	is(sql(q{SELECT status FROM k2.req WHERE refer = 'Q0'}), 'recalled', 'a registration that is still queued is recalled with it');
	new_req('Q1', q{UPDATE k2.req SET status = 'returning', reason_code = '99' WHERE refer = 'Q1'});
	is(sql(q{SELECT status FROM k2.req WHERE refer = 'Q1'}), 'returned', 'or returned, also in one transaction');
	wait_for_sql($node, 'bank', q{SELECT string_agg(endpoint || ' ' || outcome, ', ') FROM k2bridge.call WHERE subject IN ('req:Q0', 'req:Q1')},
		'the registrations end as cancelled', 'abs.reg_pt cancelled, abs.reg_pt cancelled');
	is(scalar(log_of('/abs')), 0, 'the bank hears nothing');

	bank_set('faults', '{"rules": [{"kind": "latency", "path": "/abs/reg_pt", "ms": 1500, "count": 1},
		{"kind": "refusal", "path": "/abs/reg_pt", "ms": 1500, "error_code": 7, "error_text": "Нет", "count": 1}]}');
	for my $refer ('Q2', 'Q3')
	{
		new_req($refer);
		wait_for_sql($node, 'bank', "SELECT state FROM k2bridge.outbox WHERE subject = 'req:$refer'", "$refer is under way", 'sending');
		isnt(sql("SELECT abs.refuse_pt('$refer', '01')"), '', 'its recall is queued');
		wait_status($refer, 'recalled');
	}
	is(join(' ', map { $_->{path} } log_of('/abs/re')), '/abs/reg_pt /abs/refuse_pt /abs/reg_pt',
		'a recall follows its registration, and is not sent for one that the bank refused');
	wait_for_sql($node, 'bank', q{SELECT outcome FROM k2bridge.call WHERE subject = 'req:Q3' AND endpoint = 'abs.refuse_pt'},
		'the useless recall ends as cancelled', 'cancelled');
	is(registered('Q2')->{state}, 'recalled', 'the bank has recalled the other');
};

subtest 'what became of an unanswered registration' => sub {
	$bank->post('/_/reset');
	bank_set('faults', '{"rules": [{"kind": "reset_after", "path": "/abs/reg_pt", "contains": "\"V1\""},
		{"kind": "reset_before", "path": "/abs/reg_pt", "contains": "\"V2\""}, {"kind": "reset_after", "path": "/abs/reg_pt", "contains": "\"V3\""}]}');
	new_req('V1');
	wait_status('V1', 'registered');
	is(registered('V1')->{arrived}{reg_pt}, 1, 'found at the bank, it was sent once');
	new_req('V2');
	wait_for_sql($node, 'bank', q{SELECT found ->> 'searched' FROM k2bridge.outbox WHERE subject = 'req:V2'}, 'absent: it stays uncertain', 'absent');
	is(sql(q{SELECT state FROM k2bridge.outbox WHERE subject = 'req:V2'}), 'uncertain', 'and is not sent again');
	like(refused(q{SELECT k2bridge.retry(id) FROM k2bridge.outbox WHERE subject = 'req:V2'}), qr/^KB003: /, 'a retry wants to be confirmed');
	new_req('V0');
	wait_status('V0', 'registered');
	my %same = %{ registered('V0') };
	$bank->post('/_/registry', { (map { $_ => $same{$_} } grep { !/^(amount|amount_text|state|reason_code|arrived|processed|listed)$/ } keys %same),
			refer => 'V3', amount => 1 });
	new_req('V3');
	wait_for_sql($node, 'bank', q{SELECT found ->> 'searched' FROM k2bridge.outbox WHERE subject = 'req:V3'}, 'another amount: it stays uncertain',
		'found different');
	is(sql(q{SELECT found #>> '{item,refer}' FROM k2bridge.outbox WHERE subject = 'req:V3'}), 'V3', 'with what was found');
	sql(q{SELECT k2.k2req_status_from_eko('{"reference": "V2", "status_code": "PC1"}')});
	wait_for_sql($node, 'bank', q{SELECT outcome FROM k2bridge.call WHERE subject = 'req:V2'}, 'a status of the bank settles it', 'ok');
	wait_status('V2', 'accepted');
};

subtest 'the exclusion list' => sub {
	$bank->post('/_/reset');
	sql(q{INSERT INTO k2.exclusion (iin, for_extreq) SELECT lpad(n::text, 12, '0'), n % 2 = 0 FROM generate_series(1, 100) n});
	wait_for_sql($node, 'bank', q{SELECT count(*) > 0 FROM k2bridge.outbox WHERE subject = 'exclusions' AND last_error LIKE '%confirm => true%'},
		'the first push waits for a person');
	is(sql(q{SELECT count(*) > 0 FROM k2bridge.problems WHERE subject = 'exclusions'}), 't', 'and shows in problems');
	is($bank->get('/_/exclusions')->{arrived}, 0, 'nothing was sent');
	sql(q{SELECT abs.push_exclusions(confirm => true)});
	wait_for_sql($node, 'bank', 'SELECT accepted_count FROM abs.exclusion_push', 'confirmed, it goes', 100);
	is($bank->get('/_/exclusions')->{rows}, 100, 'the bank has the whole list');
	sql(q{UPDATE k2.exclusion SET is_active = false WHERE id <= 3});
	wait_for_sql($node, 'bank', q{SELECT count(*) = 0 FROM k2bridge.outbox WHERE subject = 'exclusions'}, 'a change needs no confirmation');
	is(scalar(grep { $_->{is_active} eq '0' } @{ $bank->get('/_/exclusions')->{items} }), 3, 'and reaches the bank');
	my $pushed = $bank->get('/_/exclusions')->{pushes};
	sql('BEGIN; ' . join(' ', map { "UPDATE k2.exclusion SET bank = 'KPSTKZKA' WHERE id = $_;" } 1 .. 5) . ' COMMIT');
	wait_for_sql($node, 'bank', q{SELECT count(*) = 0 FROM k2bridge.outbox WHERE subject = 'exclusions'}, 'five changes are pushed');
	is($bank->get('/_/exclusions')->{pushes} - $pushed, 1, 'as one');
	bank_set('faults', '{"rules": [{"kind": "latency", "path": "/eko", "ms": 1500, "process": "arrival", "count": 1}]}');
	my $arrived = $bank->get('/_/exclusions')->{arrived};
	sql(q{UPDATE k2.exclusion SET iban = 'FIRST' WHERE id = 6});
	my $end = time + 60;
	select(undef, undef, undef, 0.05) until $bank->get('/_/exclusions')->{arrived} > $arrived || time > $end;
	sql(q{UPDATE k2.exclusion SET iban = 'SECOND' WHERE id = 7});
	wait_for_sql($node, 'bank', q{SELECT count(*) = 0 FROM k2bridge.outbox WHERE subject = 'exclusions'}, 'a change during a push is pushed too');
	is(join(' ', grep { /FIRST|SECOND/ } map { $_->{iban} // '' } @{ $bank->get('/_/exclusions')->{items} }), 'FIRST SECOND', 'the bank has both');
	sql(q{BEGIN; ALTER TABLE k2.exclusion DISABLE TRIGGER USER; DELETE FROM k2.exclusion WHERE id > 70; ALTER TABLE k2.exclusion ENABLE TRIGGER USER; COMMIT;
		SELECT abs.push_exclusions()});
	wait_for_sql($node, 'bank', q{SELECT count(*) > 0 FROM k2bridge.outbox WHERE subject = 'exclusions' AND last_error LIKE '%confirm => true%'},
		'a list that lost 30 of 100 rows waits');
	is($bank->get('/_/exclusions')->{rows}, 100, 'the bank keeps the list it has');
	sql(q{SELECT abs.push_exclusions(confirm => true)});
	wait_for_sql($node, 'bank', 'SELECT accepted_count FROM abs.exclusion_push', 'confirmed, it goes', 70);
};

$node->stop;
done_testing();
