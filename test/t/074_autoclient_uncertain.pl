# Calls of Autoclient whose answer was lost: what the bank can be asked about is settled by what it says, with the reply
# that the handler needs; what did not arrive stays uncertain, is shown with a remedy and is sent again only by a person;
# what cannot be asked about waits for one. Nothing reaches the bank twice by itself.
use strict;
use warnings;
use utf8;

use lib 't', 'test/t';
use Encode qw(encode_utf8);
use K2bridge;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Problems;
use Statements;
use Test::More;

my $bank = start_bank();
my $node = new_node('uncertain', 'k2bridge.databases' => 'bank');
add_database($node, 'bank');
wait_for_workers($node, 'bank', 1, 'dispatcher and scheduler run');
add_company($node, 'bank', $bank, 'c1', 'token-1');

sub sql { return $node->safe_psql('bank', encode_utf8($_[0])) }
sub faults { return $bank->post('/_/faults', { rules => [@_] }) }

# The bank's clock stands elsewhere than ours; a round of polling finds out where.
sql('SELECT autoclient.settings()');

my $okpo = '31451288';
my $uah = $bank->get('/_/ac/bank')->{accounts}[0]{acc};
my $month = qq('{"dateBegin": "2026-02-01", "dateEnd": "2026-03-02"}');
my %count;

sub bytes { return "convert_to('$_[0]', 'UTF8')" }

# A call that is answered.
sub done
{
	my ($call) = @_;
	my $id = sql("SELECT autoclient.$call");
	$node->poll_query_until('bank', encode_utf8("SELECT count(*) = 1 FROM k2bridge.call WHERE id = $id"));
	return sql("SELECT outcome || ' ' || coalesce(reply, '{}') FROM k2bridge.call WHERE id = $id") =~ s/^ok //r;
}

# A call whose answer is lost, before or after the bank acted on it.
sub lost
{
	my ($when, $path, $call) = @_;
	$count{$path} = $bank->get("/_/count?path=$path")->{received};
	faults({ kind => "reset_$when", path => $path, count => 1 });
	my $id = sql("SELECT autoclient.$call");
	return ($id, $path);
}

# The bank has it: the call ends as ok and was sent once.
sub is_found
{
	my ($name, $id, $path) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	wait_for_sql($node, 'bank', "SELECT concat_ws(' ', outcome, error_text) FROM k2bridge.call WHERE id = $id", "$name: found", 'ok found at the bank')
	  or diag(sql("SELECT state, last_error, found FROM k2bridge.outbox WHERE id = $id"));
	is($bank->get("/_/count?path=$path")->{received} - $count{$path}, 1, "$name: sent once");
	return sql("SELECT reply FROM k2bridge.call WHERE id = $id");
}

# It stays uncertain with what was found; the remedy is pasted.
sub is_left
{
	my ($name, $searched, $id, $path) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	wait_for_sql($node, 'bank', "SELECT state || ' ' || coalesce(found ->> 'searched', found ->> 'asked', '-') FROM k2bridge.outbox WHERE id = $id AND verified > 0 OR id = $id AND state = 'uncertain' AND verify_at IS NULL",
		"$name: $searched", "uncertain $searched");
	is($bank->get("/_/count?path=$path")->{received} - $count{$path}, 1, "$name: not sent again");
	my $remedy = sql("SELECT remedy FROM k2bridge.problems WHERE id = $id AND kind = 'call_uncertain'");
	pasted($node, $name, $remedy);
	wait_for_sql($node, 'bank', "SELECT outcome FROM k2bridge.call WHERE id = $id", "$name: the problem is gone", 'ok')
	  or diag(sql("SELECT outcome, error_text FROM k2bridge.call WHERE id = $id"));
	is(sql("SELECT count(*) FROM k2bridge.problems WHERE id = $id"), 0, "$name: from the view");
	return $remedy;
}

sub is_retried { like(is_left(@_), qr/^SELECT k2bridge.retry\(\d+, confirm => true\);$/, "$_[0]: sent again by a person") }
sub is_resolved { like(is_left(@_), qr/^SELECT k2bridge.resolve/, "$_[0]: settled by a person") }

subtest 'uploads' => sub {
	my $loader = '/api/proxy/edoc/loader';
	my @uploads = (
		[ 'upload', sub { "edoc_upload(" . bytes("<a>$_[0]</a>") . ", '$_[0].xml', '$okpo')" } ],
		[ 'upload-signed-xml', sub { "edoc_upload_signed_xml(" . bytes("<s>$_[0]</s>") . ", '$_[0].xml', '$okpo')" } ],
		[ 'upload-pdf', sub { "edoc_upload_pdf(" . bytes("%PDF-1.4 $_[0]") . ", '$_[0].pdf', '$okpo', '34554355', amount => 10.50)" } ],
		[ 'upload-pdf-b64', sub { "edoc_upload_pdf_b64(" . bytes("%PDF-1.4 b $_[0]") . ", 'рахунок $_[0].pdf', '$okpo', '34554355')" } ]);
	for (@uploads)
	{
		my ($path, $call) = @$_;
		my $reply = JSON::PP::decode_json(is_found($path, lost('after', "$loader/$path", $call->("after-$path"))));
		my ($made) = grep { $_->{name} =~ /after-$path\./ } @{ $bank->get('/_/ac/edoc')->{documents} };
		is($reply->{id}, $made->{id}, "$path: the reply tells its number");
		is_retried($path, 'absent', lost('before', "$loader/$path", $call->("before-$path")));
	}
	my %seen;
	$seen{ $_->{name} }++ for grep { $_->{name} =~ /after|before/ } @{ $bank->get('/_/ac/edoc')->{documents} };
	is_deeply([ sort values %seen ], [ (1) x 8 ], 'each was stored once');
	# Of the same name and day, but known from before.
	done("edoc_upload(" . bytes('<a>twice</a>') . ", 'twice.xml', '$okpo')");
	is_retried('a name that is there already', 'absent', lost('before', "$loader/upload", "edoc_upload(" . bytes('<a>other</a>') . ", 'twice.xml', '$okpo')"));
	done("edoc_upload_pdf(" . bytes('%PDF-1.4 x') . ", 'x.pdf', '$okpo', '34554355')");
	sql("DELETE FROM k2bridge.call WHERE subject = 'edoc_upload:$okpo:x.pdf'");
	is_resolved('a document of that name to somebody else', 'found different', lost('before', "$loader/upload-pdf", "edoc_upload_pdf(" . bytes('%PDF-1.4 y') . ", 'x.pdf', '$okpo', '34554356')"));
	# A journal of several pages is searched to its end.
	upload_many($bank, 'token-1', $okpo);
	is_found('one of many', lost('after', "$loader/upload", "edoc_upload(" . bytes('<a>many</a>') . ", 'many.xml', '$okpo')"));
	is_retried('none of many', 'absent', lost('before', "$loader/upload", "edoc_upload(" . bytes('<a>none</a>') . ", 'none.xml', '$okpo')"));
	is(scalar(grep { $_->{body} =~ /"offset": "500"/ } @{ $bank->get('/_/log?path=/api/proxy/edoc/journal/all')->{entries} }), 2, 'page after page');
	my ($first) = lost('before', "$loader/upload", "edoc_upload(" . bytes('<a>first</a>') . ", 'order.xml', '$okpo')");
	my $second = sql("SELECT autoclient.edoc_upload(" . bytes('<a>second</a>') . ", 'order.xml', '$okpo')");
	wait_for_sql($node, 'bank', "SELECT found ->> 'searched' FROM k2bridge.outbox WHERE id = $first", 'the first of two of a name is uncertain', 'absent');
	is(sql("SELECT state || ' ' || parked FROM k2bridge.outbox WHERE id = $second"), 'queued true', 'the second one waits for it');
	sql("SELECT k2bridge.retry($first, confirm => true)");
	wait_for_sql($node, 'bank', "SELECT string_agg(outcome, ' ') FROM k2bridge.call WHERE id IN ($first, $second)", 'then both go', 'ok ok');
};

subtest 'calls about a document' => sub {
	my $upload = sub { return JSON::PP::decode_json(done("edoc_upload(" . bytes("<d>$_[0]</d>") . ", '$_[0].xml', '$okpo')"))->{id} };
	my $delete = '/api/proxy/edoc/journal/delete';
	my ($gone, $kept, $unknown, $signed, $unsigned, $shown, $hidden) = map { $upload->("about-$_") } 1 .. 7;
	sql("SELECT autoclient.edoc_journal('all', $month)");
	is_found('delete', lost('after', $delete, "edoc_delete('$gone', '$okpo')"));
	is_resolved('delete', 'found undeleted', lost('before', $delete, "edoc_delete('$kept', '$okpo')"));
	sql("DELETE FROM autoclient.document WHERE id = '$unknown'");
	is_resolved('delete of one that no journal showed', 'absent, but no journal fetched before had it', lost('after', $delete, "edoc_delete('$unknown', '$okpo')"));
	my $sign = '/api/proxy/edoc/loader/upload-signed-b64';
	is(JSON::PP::decode_json(is_found('signature', lost('after', $sign, "edoc_upload_signed_b64(" . bytes('sig') . ", '$okpo', '$signed')")))->{id}, $signed, 'with its number');
	is_resolved('signature', 'found unsigned', lost('before', $sign, "edoc_upload_signed_b64(" . bytes('sig') . ", '$okpo', '$unsigned')"));
	my $preview = '/api/proxy/edoc/journal/send-for-preview';
	is_found('preview', lost('after', $preview, "edoc_send_for_preview('$shown', '$okpo')"));
	is_resolved('preview', 'found in another stage', lost('before', $preview, "edoc_send_for_preview('$hidden', '$okpo')"));
	my $invoice = sql(qq{SELECT min(id) FROM autoclient.edoc_journal('to-pay', $month)});
	my ($id, $path) = lost('after', '/api/proxy/edoc/create-payment-from-invoice', "edoc_create_payment('$invoice', '$okpo', '$uah')");
	wait_for_sql($node, 'bank', "SELECT found #>> '{documents,0,ADDITION_STATUS}' FROM k2bridge.outbox WHERE id = $id", 'the stage of a paid invoice is shown', 'PAYMENT_WAS_CREATED');
	is_resolved('an invoice', 'found, see ADDITION_STATUS', $id, $path);
};

subtest 'salary project' => sub {
	my $maspay = '/api/pay/maspay';
	sql('SELECT autoclient.salary_receivers()');
	my $reply = JSON::PP::decode_json(is_found('register', lost('after', "$maspay/create", q{maspay_create('SALARY', true, 'Аванс')})));
	my $packet = $reply->{reference};
	is(sql("SELECT name || ' ' || grp FROM autoclient.salary_packet WHERE reference = '$packet'"), encode_utf8('Аванс SALARY'), 'mirrored as if it had been answered');
	is_retried('register', 'absent', lost('before', "$maspay/create", q{maspay_create('SALARY', true, 'Премія')}));
	is_retried('a second register of that name', 'absent', lost('before', "$maspay/create", q{maspay_create('SALARY', true, 'Аванс')}));
	is(join(' ', sort map { $_->{header}{packetName} } grep { $_->{header}{status} eq 'N' } @{ $bank->get('/_/ac/salary')->{packets} }), 'Аванс Аванс Премія', 'as many registers as were asked for');

	my $line = JSON::PP::decode_json(is_found('line', lost('after', "$maspay/$packet/add", "maspay_add('$packet', 'rcv-1-1', 100.10, 'аванс')")))->{ref};
	is(sql("SELECT ref || ' ' || amount FROM autoclient.maspay_content('$packet')"), "$line 100.10", 'the line is the one of the reply');
	is_retried('the same line again', 'absent', lost('before', "$maspay/$packet/add", "maspay_add('$packet', 'rcv-1-1', 100.10, 'аванс')"));
	is_retried('the line of another receiver', 'absent', lost('before', "$maspay/$packet/add", "maspay_add('$packet', 'rcv-1-2', 100.10, 'аванс')"));
	is(sql("SELECT string_agg(amount::text, ' ') FROM autoclient.maspay_content('$packet')"), '100.10 100.10 100.10', 'three lines were wanted');
	sql("DELETE FROM autoclient.salary_receiver WHERE id = 'rcv-1-3'");
	is_resolved('a receiver that was never listed', 'the receiver is not known here, fetch autoclient.salary_receivers()', lost('after', "$maspay/$packet/add", "maspay_add('$packet', 'rcv-1-3', 7, 'x')"));
	is_found('removal', lost('after', "$maspay/$packet/remove", "maspay_remove('$packet', '$line')"));
	is(sql("SELECT count(*) FROM autoclient.salary_line WHERE ref = '$line'"), 0, 'gone from the mirror');
	my $other = sql("SELECT ref FROM autoclient.maspay_content('$packet') WHERE ref <> '$line' LIMIT 1");
	is_resolved('removal', 'found unremoved', lost('before', "$maspay/$packet/remove", "maspay_remove('$packet', '$other')"));
	is_found('validation', lost('after', "$maspay/$packet/validate", "maspay_validate('$packet')"));
	is_found('a line of a validated register', lost('after', "$maspay/$packet/add", "maspay_add('$packet', 'rcv-1-4', 5, 'x')"));
	is_resolved('validation', 'header', lost('before', "$maspay/$packet/validate", "maspay_validate('$packet')"));
	is_resolved('a receiver', '-', lost('after', '/api/pay/mp/update-receiver', q{salary_update_receiver('{"pan": "4149000000001111", "group": "SALARY", "tabn": "777"}')}));
};

subtest 'pay-sheets' => sub {
	my $sheets = sub { return "paysheets_upload('12A08000132', '$_[0]', " . bytes("p$_[0]") . ", 'EMPLOYEES_PAY_20260228_12A08000132.xls', " . bytes('c') . ", 'SPRAVOCHNIK_20260228_12A08000132.xls')" };
	my $saved = sub { return join ' ', map { $_->{month} } @{ $bank->get('/_/ac/paysheets')->{saved} } };
	my (undef, $path) = lost('after', '/api/paysheets/save-files', $sheets->('202602'));
	wait_for_sql($node, 'bank', q{SELECT error_text FROM k2bridge.call WHERE endpoint = 'autoclient.paysheets_save'}, 'saving is found in the journal', 'found at the bank');
	is($saved->(), '202602', 'saved once');
	my ($id) = lost('before', '/api/paysheets/save-files', $sheets->('202602'));
	my $save = q{SELECT found ->> 'searched' FROM k2bridge.outbox WHERE endpoint = 'autoclient.paysheets_save'};
	wait_for_sql($node, 'bank', $save, 'one of the same month and day proves nothing', 'found, but others were saved on that day');
	sql(q{SELECT k2bridge.retry(id, confirm => true) FROM k2bridge.outbox WHERE endpoint = 'autoclient.paysheets_save'});
	wait_for_sql($node, 'bank', q{SELECT count(*) FROM k2bridge.call WHERE endpoint = 'autoclient.paysheets_save' AND outcome = 'ok'}, 'sent again', 2);
	is_retried('upload', 'absent', lost('before', '/api/paysheets/upload-file', $sheets->('202601')));
	wait_for_sql($node, 'bank', q{SELECT count(*) FROM k2bridge.call WHERE endpoint = 'autoclient.paysheets_save' AND outcome = 'ok'}, 'saving followed', 3);
	is($saved->(), '202602 202602 202601', 'each as often as it was asked for');
};

subtest 'what the bank cannot be asked about' => sub {
	my $eo = '/api/proxy/eo/documents/create';
	is_resolved('report', '-', lost('after', $eo, "eo_create('<b/>'::bytea, 'r.xml', '$okpo')"));
	my $usd = $bank->get('/_/ac/bank')->{accounts}[2]{acc};
	is_resolved('currency payment', '-', lost('after', '/api/proxy/zed/cpi', qq{create_cpi_payment('{"payment": {"cusdate": "1772409600", "valuedate": "1772409600", "bankMessage": "bankmessage",
		"numdoc": 7, "currency": "usd", "amount": "100", "purpose": "exchange"}, "payer": {"account": "$usd", "name": "TEST"},
		"recipient": {"name": "TEST", "okpo": "34554355", "bankName": "PB", "account": "UA1"}}')}));
	is_resolved('counterparty', '-', lost('after', '/api/ubki/check', "check_counterparty('00000001')"));
	my $id = sql(qq{SELECT autoclient.create_payment('{"document_number": "30", "payer_account": "$uah", "recipient_account": "UA143052990000026008050000001",
		"recipient_nceo": "34554355", "payment_naming": "TEST", "payment_amount": "1.00", "payment_destination": "services", "payment_ccy": "UAH"}')});
	wait_for_sql($node, 'bank', "SELECT state FROM autoclient.payment WHERE id = $id", 'a draft', 'created');
	my $ref = sql("SELECT payment_ref FROM autoclient.payment WHERE id = $id");
	my ($call, $path) = lost('after', '/api/proxy/payment/add-sign', "sign_payment('$ref', 'MIIB')");
	wait_for_sql($node, 'bank', "SELECT found #>> '{signed,1_sign_level}' FROM k2bridge.outbox WHERE id = $call", 'the levels of a signature are shown', 'true');
	is_resolved('signature', 'ok', $call, $path);
	is(sql("SELECT state FROM autoclient.payment WHERE id = $id"), 'signed', 'the payment follows what the person found');
};

is(sql('SELECT count(*) FROM k2bridge.outbox'), 0, 'nothing is left');
$node->stop;
done_testing();
