# The two charsets of Autoclient: what windows-1251 lacks is refused here, wherever in the arguments it stands and whatever
# the body, the field named by its path, nothing queued or sent; what both have arrives the same in JSON, forms, texts and
# file names of multipart bodies.
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
my $node = new_node('charset', 'k2bridge.databases' => 'bank');
add_database($node, 'bank');
wait_for_workers($node, 'bank', 1, 'dispatcher and scheduler run');
add_company($node, 'bank', $bank, 'c1', 'token-1', charset => 'cp1251');

sub sql { return $node->safe_psql('bank', encode_utf8($_[0])) }
sub received { return $bank->get('/_/count?path=/')->{received} }
sub refused { return decode_utf8(error_of($node, 'bank', encode_utf8($_[0]))) }

sub is_delivered
{
	my ($call, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $id = sql("SELECT autoclient.$call");
	return wait_for_sql($node, 'bank', "SELECT concat_ws(' ', outcome, error_text) FROM k2bridge.call WHERE id = $id", $name, 'ok');
}

my $usd = $bank->get('/_/ac/bank')->{accounts}[2]{acc};
my $month = '"dateBegin": "2026-02-01", "dateEnd": "2026-03-02"';
my $xml = q{convert_to('<?xml version="1.0"?><A>1</A>', 'UTF8')};
my $pdf = q{convert_to('%PDF-1.4 test', 'UTF8')};

sub receiver { return qq('{"pan": "4149000000001111", "group": "SALARY", "tabn": "777", "fio": ["$_[0]", "$_[1]", "Тестович"]}') }

sub swift
{
	my ($name) = @_;
	return qq('{"recipient": {"account": "DE00", "name": "$name", "country": "DE", "town": "BERLIN"}, "recipientBank": {"bic": "TESTDEFF", "bictype": "SWT"},
		"payment": {"amount": 100.10, "chrg": "SHAR", "reason": "invoice 1", "currency": "USD", "numdoc": 1572, "valuedate": "2026-03-02", "chrgamt": null},
		"payer": {"account": "$usd", "name": "TEST"}}');
}

subtest 'a character that windows-1251 lacks' => sub {
	my $before = received();
	my $calls = sql('SELECT count(*) FROM k2bridge.outbox');
	my @cases = (
		[ 'an element of an array', 'salary_update_receiver(' . receiver('Тестова', 'Ŧ') . ')', 'fio[1]', 'Ŧ' ],
		[ 'a field of an object', 'create_swift_payment(' . swift('MÜLLER ☃') . ')', 'recipient.name', 'Ü' ],
		[ 'a key', q{salary_update_receiver('{"group": "SALARY", "tabn": "777", "☃": "1"}')}, '☃', '☃' ],
		[ 'outside the basic plane', 'create_swift_payment(' . swift('A 🏦') . ')', 'recipient.name', '🏦' ],
		[ 'the name of a file', "edoc_upload($xml, 'žurnal.xml', '31451288')", 'file.file_name', 'ž' ],
		[ 'a text beside a file', "edoc_upload_pdf($pdf, 'a.pdf', '31451288', '34554355', 'ТОВ ☃')", 'recipientName', '☃' ],
		[ 'a value of a form', "edoc_upload_pdf_b64($pdf, 'ž.pdf', '31451288', '34554355')", 'uploadedFileName', 'ž' ],
		[ 'the name of the second file', "paysheets_upload('12A08000132', '202602', $pdf, 'a.xls', $xml, 'ž.xls')", 'catalog.file_name', 'ž' ],
		[ 'the name of a report', "eo_create($xml, 'ž.xml', '31451288')", 'file.file_name', 'ž' ],
		[ 'a name of a register', q{maspay_create('SALARY', true, 'Ŧ')}, 'packetName', 'Ŧ' ],
		[ 'a comment', q{maspay_add('PKT1', 'rcv-1-1', 1, '☃')}, 'comment', '☃' ]);
	is(refused("SELECT autoclient.$_->[1]"), qq(22023: field "$_->[2]" has a character that windows-1251 lacks: "$_->[3]"), $_->[0]) for @cases;
	is(refused(qq{SELECT autoclient.edoc_journal('all', '{$month, "docType": ["2800", "☃"]}')}),
		'22023: endpoint "autoclient.edoc_journal_all": field "docType[1]" has a character that windows-1251 lacks: "☃"', 'a direct call');
	is(refused(q{SELECT autoclient.receipts('[{"account": "1", "reference": "2", "refn": "1"}, {"account": "1", "reference": "☃", "refn": "1"}]')}),
		'22023: endpoint "autoclient.receipts": field "transactions[1].reference" has a character that windows-1251 lacks: "☃"', 'an object in an array');
	is(sql('SELECT count(*) FROM k2bridge.outbox'), $calls, 'nothing is queued');
	is(received(), $before, 'nothing is sent');

	# Queued past the functions, it is held before it is sent.
	my $id = sql(q{SELECT k2bridge.enqueue('autoclient.salary_update_receiver', '{"fio": ["☃"]}', server => 'c1')});
	wait_for_sql($node, 'bank', "SELECT last_error LIKE '%field \"fio[0]\" has a character that windows-1251 lacks%' FROM k2bridge.outbox WHERE id = $id", 'a call queued by hand says the same');
	sql("SELECT k2bridge.cancel($id)");
	is(received(), $before, 'and is not sent');
};

for my $charset ('cp1251', 'utf8')
{
	subtest "what both have, in $charset" => sub {
		sql("ALTER SERVER c1 OPTIONS (SET charset '$charset')");
		my $named = sub { return sql(qq{SELECT doc_name || ' ' || coalesce(raw ->> 'OKPO_RECIPIENT_NAME', '') FROM autoclient.edoc_journal('all', '{$month}') WHERE doc_name ~ '$_[0]'}) };
		is_delivered('salary_update_receiver(' . receiver("Їжакевич $charset", 'Ґанна') . ')', 'JSON');
		is(sql("SELECT fio FROM autoclient.salary_receivers('SALARY', '" . uc('ї') . "жакевич')"), encode_utf8("Їжакевич $charset Ґанна Тестович"), 'its nested texts arrive');
		is_delivered("edoc_upload_pdf(convert_to('%PDF-1.4 multipart $charset', 'UTF8'), 'рахунок «$charset».pdf', '31451288', '34554355', 'ТОВ Ґудзик')", 'multipart');
		is($named->("рахунок «$charset»"), encode_utf8("рахунок «$charset».pdf ТОВ Ґудзик"), 'its file name and texts arrive');
		is_delivered("edoc_upload_pdf_b64(convert_to('%PDF-1.4 form $charset', 'UTF8'), 'форма № 1 $charset.pdf', '31451288', '34554355', 'ТОВ Їжак')", 'form');
		is($named->("форма № 1 $charset"), encode_utf8("форма № 1 $charset.pdf ТОВ Їжак"), 'its texts arrive');
		my ($log) = grep { $_->{path} =~ /upload-pdf$/ } reverse @{ $bank->get('/_/log?path=/api/proxy/edoc/loader/upload-pdf')->{entries} };
		like($log->{headers}{'content-type'}, qr/^multipart\/form-data; boundary=\S+; charset=$charset$/, 'the type of multipart bodies names the charset');
	};
}

subtest 'utf8 carries everything' => sub {
	is_delivered("edoc_upload($xml, 'žurnal ☃.xml', '31451288')", 'a name that windows-1251 lacks');
	my ($document) = grep { $_->{name} =~ /urnal/ } @{ $bank->get('/_/ac/edoc')->{documents} };
	is($document->{name}, 'žurnal ☃.xml', 'arrives');
};

$node->stop;
done_testing();
