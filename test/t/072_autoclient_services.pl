# Every other call of Autoclient against the stand-in bank: group mode, rates, currency payments, electronic documents,
# reports, salary project, pay-sheets, cards, receipts, acquiring, counterparty check; and each family's refusal.
use strict;
use warnings;
use utf8;

use lib 't', 'test/t';
use Encode qw(decode_utf8 encode_utf8);
use K2bridge;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Statements;
use Test::More;

my $bank = start_bank();
my $node = new_node('services', 'k2bridge.databases' => 'bank');
add_database($node, 'bank');
wait_for_workers($node, 'bank', 1, 'dispatcher and scheduler run');
add_company($node, 'bank', $bank, 'c1', 'token-1');

sub sql { return $node->safe_psql('bank', encode_utf8($_[0])) }
sub refused { return decode_utf8(error_of($node, 'bank', encode_utf8($_[0]))) }

# Queues a call and waits for its end: outcome and code, then the reply.
sub delivered
{
	my ($call) = @_;
	my $id = sql("SELECT autoclient.$call");
	$node->poll_query_until('bank', "SELECT count(*) = 0 FROM k2bridge.outbox WHERE id = $id AND (state IN ('queued', 'sending') AND last_error IS NULL)");
	my ($outcome, $reply) = split /\|/, sql("SELECT concat_ws(' ', outcome, error_code, error_text), reply FROM k2bridge.call WHERE id = $id
		UNION ALL SELECT concat_ws(' ', state, last_error), reply FROM k2bridge.outbox WHERE id = $id"), 2;
	return ($outcome, $reply ? JSON::PP::decode_json($reply) : undef);
}

sub outcome_of { return (delivered($_[0]))[0] }

my $bytes = q{convert_to('<?xml version="1.0"?><A>1</A>', 'UTF8')};
my $pdf = q{convert_to('%PDF-1.4 test', 'UTF8')};
my $usd = $bank->get('/_/ac/bank')->{accounts}[2]{acc};
my $uah = $bank->get('/_/ac/bank')->{accounts}[0]{acc};

subtest 'group mode' => sub {
	like(refused('SELECT autoclient.clients_in_group()'), qr/^KB001: The application is not in group mode/, 'a refusal of the gateway');
	add_company($node, 'bank', $bank, 'g1', 'group-token', group_id => '44000001');
	add_company($node, 'bank', $bank, 'g2', 'group-token', group_id => '44000002', group_id_in => 'header');
	add_company($node, 'bank', $bank, 'g3', 'group-token');
	is(sql(q{SELECT string_agg(c, ' ' ORDER BY c) FROM autoclient.clients_in_group('g3') c}), '44000001 44000002', 'the companies of the group');
	settled($node, 'bank', $_, $_) for 'g1', 'g2';
	same_as_bank($node, 'bank', $bank, 'g1', '44000001', 'id in the query');
	same_as_bank($node, 'bank', $bank, 'g2', '44000002', 'id in the header');
	sql(q{SELECT autoclient.poll('g3')});
	wait_for_sql($node, 'bank', q{SELECT kind FROM k2bridge.problems WHERE server = 'g3'}, 'without an id there is a problem', 'poll_error');
	sql("ALTER SERVER c1 OPTIONS (ADD group_id '44000001')");
	like(refused(q{SELECT autoclient.balances_final(server => 'c1')}), qr/^KB001: Id in mode for companies should not be present/, 'an id without group mode');
	sql('ALTER SERVER c1 OPTIONS (DROP group_id); DROP SERVER g1 CASCADE; DROP SERVER g2 CASCADE; DROP SERVER g3 CASCADE');
	add_company($node, 'bank', $bank, 'old', 'old-token-1', app_id => 'app-1');
	is(sql(q{SELECT phase FROM autoclient.settings('old')}), 'WRK', 'the old pair of id and token');
	sql(q{DROP SERVER old CASCADE; DELETE FROM autoclient.company WHERE server <> 'c1'});
};

subtest 'rates' => sub {
	is(sql(q{SELECT string_agg(DISTINCT currency || side, ' ' ORDER BY currency || side) FROM autoclient.currency_rates() WHERE currency IN ('USD', 'EUR')}), 'EURB EURS USDB USDS', 'current rates');
	is(sql(q{SELECT count(DISTINCT at) FROM autoclient.currency_history('2026-01-10', '2026-02-20')}), 42, 'history in windows of 15 days');
	is(sql(q{SELECT count(DISTINCT (at AT TIME ZONE 'Europe/Kyiv')::date) >= 42 FROM autoclient.rate}), 't', 'stored');
};

subtest 'currency payments' => sub {
	my $swift = qq('{"recipient": {"account": "DE00", "name": "TEST GMBH", "country": "DE", "town": "BERLIN"}, "recipientBank": {"bic": "TESTDEFF", "bictype": "SWT"},
		"payment": {"amount": 100.10, "chrg": "SHAR", "reason": "invoice 1", "currency": "USD", "numdoc": 1572, "valuedate": "2026-03-02", "chrgamt": null},
		"payer": {"account": "$usd", "name": "TEST"}, "agreementNumber": "1"}');
	my ($outcome, $reply) = delivered("create_swift_payment($swift)");
	is($outcome, 'ok', 'SWIFT');
	is($reply->{numDoc}, '1572', 'its number');
	like(encode_utf8(JSON::PP->new->encode($bank->get('/_/ac/foreign')->{orders}[0])), qr/100\.10?\b/, 'the exact amount arrived');
	is(outcome_of("create_swift_payment($swift || '{\"payer\": {\"account\": \"$uah\", \"name\": \"T\"}}'::jsonb)"), 'refused PMTMDL034 payer.account: not a currency account', 'a refusal with its code');
	like(refused(q{SELECT autoclient.create_swift_payment('{"payer": {}}')}), qr/^22023: payment lacks payment, recipient, recipientBank|^22023: payment lacks/, 'what is missing is named');
	is(outcome_of(qq{create_cpi_payment('{"payment": {"cusdate": "1772409600", "valuedate": "1772409600", "bankMessage": "bankmessage", "numdoc": 7, "currency": "usd", "amount": "100", "purpose": "exchange"},
		"payer": {"account": "$usd", "name": "TEST"}, "recipient": {"name": "TEST", "okpo": "34554355", "bankName": "PB", "account": "UA1"}}')}), 'ok', 'CPI');
};

subtest 'electronic documents' => sub {
	my $month = '"dateBegin": "2026-02-01", "dateEnd": "2026-03-02"';
	is(sql(qq{SELECT string_agg(n::text, ' ' ORDER BY p) FROM unnest('{inbox,outbox,in-process,all,to-pay}'::text[]) WITH ORDINALITY AS j (name, p)
		CROSS JOIN LATERAL (SELECT count(*) AS n FROM autoclient.edoc_journal(j.name, '{$month}')) c}), '8 5 2 15 5', 'the five journals');
	is(sql('SELECT count(*) FROM autoclient.document WHERE amount IS NOT NULL AND doc_date IS NOT NULL'), 15, 'mirrored');
	like(refused(qq{SELECT autoclient.edoc_journal('all', '{$month, "orderBy": "asac"}')}), qr/^KB001: .*asac.*Incorrect request parameters/, 'the refusal of this family');
	like(refused(q{SELECT autoclient.edoc_journal('all', '{}')}), qr/^22023: filter.dateBegin/, 'dates are needed');
	my ($outcome, $reply) = delivered("edoc_upload($bytes, 'doc.xml', '31451288')");
	is($outcome, 'ok', 'upload');
	my $id = $reply->{id};
	like(outcome_of("edoc_upload($bytes, 'doc.xml', '31451288')"), qr/^refused VE011/, 'a duplicate');
	like(outcome_of("edoc_upload($bytes, 'doc.xml', '1')"), qr/^refused VE003/, 'a foreign code');
	is(sql("SELECT autoclient.edoc_xml('$id', '31451288') = $bytes"), 't', 'XML back, byte for byte');
	is(sql("SELECT content = $bytes FROM autoclient.edoc_base64('$id', '31451288')"), 't', 'base64 back');
	is(sql("SELECT left(convert_from(autoclient.edoc_pdf('$id', '31451288'), 'LATIN1'), 5)"), '%PDF-', 'PDF');
	is(sql("SELECT autoclient.edoc_sign_info('$id', '31451288')"), '{"signatures": []}', 'not signed yet');
	is(outcome_of("edoc_upload_signed_b64($pdf, '31451288', '$id')"), 'ok', 'a signature is added');
	is(sql("SELECT autoclient.edoc_p7s('$id', '31451288') = $pdf"), 't', 'p7s back');
	like(outcome_of("edoc_delete('$id', '31451288')"), qr/^refused VE005/, 'a sent one stays');
	is(outcome_of("edoc_upload_signed_xml($pdf, 'a.xml', '31451288', 0)"), 'ok', 'signed XML');
	my $url = $bank->url;
	sql("ALTER SERVER c1 OPTIONS (ADD docs_url '$url/loader/v2/upload-signed-xml')");
	is(outcome_of("edoc_upload_signed_xml($pdf || 'x'::bytea, 'b.xml', '31451288')"), 'ok', 'signed XML by the other host');
	($outcome, $reply) = delivered("edoc_upload_pdf_b64($pdf || 'other'::bytea, 'рахунок.pdf', '31451288', '34554355', 'ТОВ ПРИКЛАД', amount => 10.50)");
	is($outcome, 'ok', 'PDF as base64');
	is(sql(qq{SELECT doc_name || ' ' || amount FROM autoclient.edoc_journal('in-process', '{$month}') WHERE id = '$reply->{id}'}), encode_utf8('рахунок.pdf 10.50'), 'with name and amount');
	is(outcome_of("edoc_send_for_preview('$reply->{id}', '31451288')"), 'ok', 'sent for preview');
	is(outcome_of("edoc_upload_pdf($pdf || 'third'::bytea, 'third.pdf', '31451288', '34554355', document_date => '2026-03-01')"), 'ok', 'PDF');
	($outcome, $reply) = delivered("edoc_upload('<b/>'::bytea, 'b.xml', '31451288')");
	is(outcome_of("edoc_delete('$reply->{id}', '31451288')"), 'ok', 'deleted');
	my $invoice = sql(qq{SELECT min(id) FROM autoclient.edoc_journal('to-pay', '{$month}')});
	is(outcome_of("edoc_create_payment('$invoice', '31451288', '$uah')"), 'ok', 'an invoice is paid');
	my $known = sql(qq{SELECT count(*) FROM autoclient.edoc_journal('in-process', '{$month}')});
	my $many = upload_many($bank, 'token-1', '31451288');
	is(sql(qq{SELECT count(*) || ' ' || count(DISTINCT id) FROM autoclient.edoc_journal('in-process', '{$month}')}), join(' ', ($known + $many) x 2), 'a long journal, page after page');
	is(sql(qq{SELECT count(*) FROM autoclient.edoc_journal('in-process', '{$month, "limit": "7"}')}), 7, 'or as many as asked for');
};

subtest 'electronic reporting' => sub {
	is(outcome_of("eo_create('<b/>'::bytea, 'r.xml', '31451288')"), 'ok', 'report');
	like(outcome_of("eo_create('<b/>'::bytea, 'r.xml', '31451288')"), qr/^refused error .*r\.xml/, 'the refusal of this family');
	like(refused(q{SELECT autoclient.eo_create('<b/>'::bytea, 'r.xml', '31451288', 'replace')}), qr/^22023: duplicate must be/, 'an unknown way with duplicates');
	is(outcome_of("eo_create_b64('<b/>'::bytea, 'r.xml', '31451288', 'remove')"), 'ok', 'replaced');
};

subtest 'salary project' => sub {
	is(sql('SELECT type || rko FROM autoclient.salary_groups() LIMIT 1'), 'SALARY0.05', 'groups');
	is(sql('SELECT count(*) FROM autoclient.salary_receivers()'), 120, 'receivers, page after page');
	is(sql('SELECT count(*) FROM autoclient.salary_receiver WHERE fio IS NOT NULL'), 120, 'mirrored');
	is(sql(q{SELECT id FROM autoclient.salary_receivers('SALARY', '1111111118')}), 'rcv-1-7', 'filtered');
	is(sql(q{SELECT record_amount || ' ' || status || substatus FROM autoclient.salary_packets('F', '2026-02-01', '2026-03-02') LIMIT 1}), '2230.51 FF', 'registers');
	like(refused(q{SELECT autoclient.salary_packets('F')}), qr/^22023: from_date and to_date/, 'dates are needed');
	is(outcome_of(q{salary_update_receiver('{"pan": "4149000000001111", "group": "SALARY", "tabn": "777", "inn": "1111111111", "fio": ["Тестова", "Т", "Т"]}')}), 'ok', 'a receiver is added');
	is(sql(q{SELECT pan || ' ' || (raw ? 'pan') FROM autoclient.salary_receiver WHERE tabn = '777'}), '4149 **** **** 1111 false', 'mirrored with the card masked');
	my ($outcome, $reply) = delivered(q{maspay_create('SALARY', true, 'Аванс')});
	my $packet = $reply->{reference};
	is(sql("SELECT name || status FROM autoclient.salary_packet WHERE reference = '$packet'"), encode_utf8('АвансN'), 'a register is made and mirrored');
	($outcome, $reply) = delivered("maspay_add('$packet', 'rcv-1-1', 1250.50, 'аванс')");
	is($outcome, 'ok', 'a line');
	is(outcome_of("maspay_add('$packet', 'rcv-1-2', 0.10)"), 'ok', 'another');
	is(sql("SELECT string_agg(amount || status, ' ' ORDER BY amount) FROM autoclient.maspay_content('$packet')"), '0.10N 1250.50N', 'lines with exact amounts');
	is(outcome_of("maspay_remove('$packet', '$reply->{ref}')"), 'ok', 'removed');
	is(sql("SELECT count(*) FROM autoclient.salary_line WHERE packet = '$packet'"), 1, 'from the mirror too');
	is(outcome_of("maspay_validate('$packet')"), 'ok', 'validation');
	is(sql("SELECT status || record_amount FROM autoclient.maspay_header('$packet')"), 'W0.10', 'header');
	like(outcome_of("maspay_add('PKT100001', 'rcv-1-3', 5)"), qr/^refused maspay:L_UNABLE_TO_COMPLETE_OPERATION .*PKT100001/, 'the refusal of this family');
	like(refused(q{SELECT autoclient.maspay_header('PKT9')}), qr/^KB001: maspay:L_ENTITY_NOT_EXISTS/, 'an unknown register');
	like(refused("SELECT autoclient.maspay_add('$packet', 'rcv-1-3', 0)"), qr/^22023: amount/, 'an amount of nothing');
};

subtest 'pay-sheets' => sub {
	my ($outcome) = delivered("paysheets_upload('12A08000132', '202602', $pdf, 'EMPLOYEES_PAY_20260228_12A08000132.xls', $bytes, 'SPRAVOCHNIK_20260228_12A08000132.xls')");
	is($outcome, 'ok', 'uploaded');
	wait_for_sql($node, 'bank', q{SELECT outcome FROM k2bridge.call WHERE endpoint = 'autoclient.paysheets_save'}, 'saved next', 'ok');
	is(sql(q{SELECT count(*) FROM autoclient.paysheets_journal() WHERE report_ym = '202602'}), 2, 'in the journal');
	like(outcome_of("paysheets_upload('12A08000132', '202602', $pdf, 'a.pdf', $bytes, 'b.pdf')"), qr/^refused INVALID_FILE_TYPE/, 'the refusal of this family');
	like(refused("SELECT autoclient.paysheets_upload('12A08000132', '202613', $pdf, 'a.xls', $bytes, 'b.xls')"), qr/^22023: yearmonth/, 'a month that is none');
};

subtest 'cards' => sub {
	is(sql('SELECT count(*) FROM autoclient.corpcards()'), 10, 'cards');
	my ($corp, $card) = split /\|/, sql(q{SELECT jsonb_build_object('id', client_id_jur, 'code', corp_code, 'type', corp_type), pan_number FROM autoclient.corp_card ORDER BY corp_type DESC, pan_number LIMIT 1});
	cmp_ok(sql("SELECT count(*) FROM autoclient.corp_statements('$corp', '2026-02-01', '2026-02-28')"), '>', 50, 'statement of a corporation');
	cmp_ok(sql("SELECT count(*) FROM autoclient.card_statements('$corp', '$card', '2026-02-01', '2026-02-28')"), '>', 5, 'statement of a card');
	cmp_ok(sql('SELECT count(*) FROM autoclient.card_statement WHERE amount IS NOT NULL AND posted IS NOT NULL'), '>', 50, 'mirrored');
	like(refused("SELECT autoclient.card_statements('$corp', '1', '2026-02-01', '2026-02-28')"), qr/^KB001: clientCard is not found/, 'an unknown card');
};

subtest 'receipts, acquiring, counterparties' => sub {
	my $row = sql(qq{SELECT jsonb_build_array(jsonb_build_object('account', acc, 'reference', ref, 'refn', refn)) FROM autoclient.transactions('$uah', '2026-02-20', '2026-02-27') WHERE pr_pr = 'r' LIMIT 1});
	cmp_ok(sql("SELECT count(*) FROM autoclient.balances('$uah', '2026-02-10', '2026-02-12')"), "==", 3, "rows that were not here before are returned too");
	is(sql("SELECT left(convert_from(autoclient.receipts('$row'), 'LATIN1'), 5)"), '%PDF-', 'receipts');
	like(refused(q{SELECT autoclient.receipts('[{"account": "1"}]')}), qr/^22023: each of transactions/, 'fields are needed');
	my $rows = sql("SELECT count(*) FROM autoclient.acquiring('$uah', '2026-02-20', '2026-02-21')");
	cmp_ok($rows, '>', 100, 'acquiring, page after page');
	is(sql('SELECT count(*) FROM autoclient.acquiring_row WHERE tran_amt = acq_amt + ret_amt'), $rows, 'mirrored, exact');
	is(outcome_of("check_counterparty('00000001')"), 'ok', 'counterparty check');
	is(sql(q{SELECT found FROM autoclient.counterparty WHERE edrpou = '00000001'}), 't', 'kept');
};

subtest 'what moves or costs something is never sent by a backend' => sub {
	like(refused(qq{SELECT k2bridge.invoke('$_', '{}', 'c1')}), qr/^(22023|55000|0A000)/, $_)
	  for 'autoclient.payment_create', 'autoclient.maspay_create', 'autoclient.check_counterparty';
};

$node->stop;
done_testing();
