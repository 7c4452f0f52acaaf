# The statements and payments of Autoclient against the stand-in bank: a company is backfilled, polled and carried over
# days; what is wrong is named; a payment is made once and found again.
use strict;
use warnings;
use utf8;

use lib 't', 'test/t';
use Encode qw(decode_utf8 encode_utf8);
use File::Temp qw(tempdir);
use K2bridge;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Statements;
use Test::More;

my $bank = start_bank();
my $node = new_node('autoclient', 'k2bridge.databases' => 'bank');
add_database($node, 'bank');
wait_for_workers($node, 'bank', 1, 'dispatcher and scheduler run');

sub sql { return $node->safe_psql('bank', encode_utf8($_[0])) }
sub faults { return $bank->post('/_/faults', { rules => [@_] }) }
sub refused { return decode_utf8(error_of($node, 'bank', encode_utf8($_[0]))) }

sub payment
{
	my (%more) = @_;
	my $acc = sql(q{SELECT acc FROM autoclient.account WHERE server = 'c1' AND currency = 'UAH' ORDER BY acc LIMIT 1});
	my %field = (document_number => '17', payer_account => $acc, recipient_account => 'UA143052990000026008050000001', recipient_nceo => '34554355',
		payment_naming => 'ТОВ ПОСТАЧАЛЬНИК', payment_amount => '100.10', payment_destination => 'За послуги, рахунок 17', payment_ccy => 'UAH', %more);
	return 'jsonb_build_object(' . join(', ', map { "'$_', '$field{$_}'" } grep { defined $field{$_} } sort keys %field) . ')';
}

sub wait_payment
{
	my ($client_ref, $state) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return wait_for_sql($node, 'bank', "SELECT state FROM autoclient.payment WHERE client_ref = '$client_ref'", "payment $client_ref is $state", $state);
}

subtest 'one call sets a company up' => sub {
	$bank->post('/_/ac/bank', { history_days => 60, companies => [ { accounts => [ 'UAH', 'UAH', 'USD' ] } ] });
	my $directory = tempdir(CLEANUP => 1);
	append_to_file("$directory/token", "token-1\n");
	chmod 0600, "$directory/token";
	my $url = $bank->url;
	like(refused("SELECT autoclient.poll()"), qr/^22023: 0 servers of type autoclient/, 'without a server there is nothing to poll');
	sql("SELECT autoclient.add_company('c1', '$directory/token', NULL, '2025-12-20', base_url => '$url')");
	is(sql(q{SELECT every FROM k2bridge.schedule WHERE name = 'autoclient.poll:c1'}), '00:05:00', 'its rounds are in the schedule');
	wait_for_sql($node, 'bank', q{SELECT count(*) = 3 FROM autoclient.account JOIN autoclient.server_day USING (server)
		WHERE final_through = date_final_statement AND last_poll IS NOT NULL}, 'three accounts are found and fetched');
	settled($node, 'bank', 'c1', 'first round');
	same_as_bank($node, 'bank', $bank, 'c1', $bank->get('/_/ac/bank')->{companies}[0]{id}, 'backfill');
	is(sql('TABLE autoclient.statement_check'), '', 'it adds up');
	is(sql('TABLE k2bridge.problems'), '', 'nobody is needed');
	is(sql(q{SELECT count(*) FROM autoclient.account WHERE start_date < '2025-12-20'}), 0, 'history begins where it was asked for');
	is(sql(q{SELECT DISTINCT extract(hour FROM at AT TIME ZONE 'Europe/Kyiv') = left(tim_p, 2)::int FROM autoclient.transaction}), 't', 'times are those of Kyiv');
};

my $company = $bank->get('/_/ac/bank')->{companies}[0]{id};

subtest 'days change, rows move, vanish and come late' => sub {
	for my $day (1 .. 6)
	{
		$bank->post('/_/ac/advance', { days => 1, time => '10:00' });
		settled($node, 'bank', 'c1', "day $day");
		same_as_bank($node, 'bank', $bank, 'c1', $company, "day $day");
	}
	is(sql(q{SELECT count(*) FROM autoclient.statement_check WHERE problem <> 'vanished'}), 0, 'all days add up');
	is(sql(q{SELECT count(*) FROM autoclient.statement_check c WHERE NOT EXISTS (SELECT FROM autoclient.transaction t WHERE t.acc = c.acc AND t.dat_od = c.day AND t.vanished)}),
		0, 'what vanished is flagged, not deleted');
};

subtest 'an account opened yesterday is discovered' => sub {
	my $opened = $bank->post('/_/ac/accounts', { currency => 'UAH', rows_per_day => 3 })->{acc};
	settled($node, 'bank', 'c1', 'new account');

	$bank->post('/_/ac/advance', { days => 3 });
	settled($node, 'bank', 'c1', 'three days later');
	same_as_bank($node, 'bank', $bank, 'c1', $company, 'with the new account');
};

subtest 'a bank that is not ready is waited for' => sub {
	$bank->post('/_/ac/clock', { phase => 'NOP', work_balance => JSON::PP::true(), calls => 'fail' });
	sql(q{SELECT autoclient.poll('c1')});
	wait_for_sql($node, 'bank', q{SELECT waiting_since IS NOT NULL FROM autoclient.server_day WHERE server = 'c1'}, 'noted');
	is(sql(q{SELECT count(*) FROM k2bridge.outbox}), 0, 'nothing else is asked');
	is(sql(q{SELECT count(*) FROM autoclient.problem}), 0, 'no problem yet');
	sql(q{UPDATE autoclient.server_day SET waiting_since = now() - interval '7 hours'});
	is(sql(q{SELECT kind FROM k2bridge.problems}), 'bank_not_ready', 'after six hours it is one');
	$bank->post('/_/ac/clock', { phase => 'WRK', work_balance => JSON::PP::false() });
	settled($node, 'bank', 'c1', 'afterwards');
	is(sql(q{SELECT waiting_since FROM autoclient.server_day WHERE server = 'c1'}), '', 'ready again');
};

subtest 'what does not add up is named' => sub {
	my $acc = sql(q{SELECT acc FROM autoclient.account ORDER BY acc LIMIT 1});
	my $day = sql("SELECT min(dat_od) FROM autoclient.transaction WHERE acc = '$acc' AND trantype = 'D' AND pr_pr = 'r' AND fl_real = 'r' AND is_final");
	my $checks = sub { return sql("BEGIN; $_[0]; SELECT string_agg(day || ' ' || problem, ', ' ORDER BY day, problem) FROM autoclient.statement_check WHERE acc = '$acc' AND problem <> 'vanished'; ROLLBACK") };
	my $row = "ctid = (SELECT ctid FROM autoclient.transaction WHERE acc = '$acc' AND dat_od = '$day' AND trantype = 'D' AND pr_pr = 'r' AND fl_real = 'r' LIMIT 1)";
	is($checks->("DELETE FROM autoclient.transaction WHERE $row"), "$day turnover_debt", 'turnover_debt');
	is($checks->("UPDATE autoclient.transaction SET sum = sum + 0.01 WHERE $row"), "$day turnover_debt", 'one hundredth');
	is($checks->("UPDATE autoclient.transaction SET trantype = 'C' WHERE $row"), "$day turnover_cred, $day turnover_debt", 'turnover_cred');
	is($checks->("UPDATE autoclient.transaction SET is_final = false WHERE $row"), "$day not_final", 'not_final');
	is($checks->("DELETE FROM autoclient.balance WHERE acc = '$acc' AND day = '$day'"), "$day missing_balance", 'missing_balance');
	like($checks->("UPDATE autoclient.balance SET balance_out = balance_out + 1 WHERE acc = '$acc' AND day = '$day'"),
		qr/^$day arithmetic, \S+ continuity$/, 'arithmetic and continuity');
};

subtest 'direct reads' => sub {
	my $acc = sql(q{SELECT acc FROM autoclient.account ORDER BY acc LIMIT 1});
	is(sql(q{SELECT phase || ' ' || work_balance FROM autoclient.settings()}), 'WRK N', 'settings');
	my ($today, $final) = split /\|/, sql(q{SELECT today, date_final_statement FROM autoclient.server_day});
	my $count = sub { return sql("SELECT count(*) FROM autoclient.transaction WHERE NOT vanished AND $_[0]") };
	is(sql("SELECT count(*) FROM autoclient.transactions('$acc', '2026-02-01', '2026-02-10')"), $count->("acc = '$acc' AND dat_od BETWEEN '2026-02-01' AND '2026-02-10'"), 'transactions of an account');
	is(sql("SELECT count(*) FROM autoclient.transactions(NULL, '2026-02-01', '2026-02-10')"), $count->(q{dat_od BETWEEN '2026-02-01' AND '2026-02-10'}), 'transactions of all');
	is(sql("SELECT count(*) FROM autoclient.transactions_final(right('$acc', 14))"), $count->("acc = '$acc' AND dat_od = '$final'"), 'transactions_final, by the old number');
	is(sql("SELECT count(*) FROM autoclient.transactions_interim('$acc')"), $count->("acc = '$acc' AND dat_od > '$final'"), 'transactions_interim');
	is(sql("SELECT count(*) FROM autoclient.balances('$acc', '2026-02-01', '2026-02-10')"), 10, 'balances');
	is(sql("SELECT count(*) FROM autoclient.balances_final()"), 4, 'balances_final');
	cmp_ok(sql("SELECT count(*) FROM autoclient.balances_interim('$acc')"), '>', 0, 'balances_interim');
	same_as_bank($node, 'bank', $bank, 'c1', $company, 'after direct reads');
	like(refused(q{SELECT autoclient.transactions('UA999', '2026-02-01')}), qr/^KB001: Account is not found/, 'an unknown account is a refusal');
	like(refused(q{SELECT autoclient.transactions(NULL, '2026-02-01', '2026-01-01')}), qr/^22023: start_date/, 'a span the wrong way round');
};

subtest 'a payment is checked before anything is sent' => sub {
	my $before = $bank->get('/_/count?path=/api/proxy/payment')->{received};
	my @wrong = ([ 'document_number', undef ], [ 'payment_amount', '0' ], [ 'payment_amount', '1.001' ], [ 'payer_account', 'x' ], [ 'recipient_nceo', '123' ],
		[ 'payment_destination', 'abcd' ], [ 'payment_destination', 'x' x 421 ], [ 'recipient_card', '4149437864381116' ], [ 'payment_date', '31.02.2026' ],
		[ 'struct_type', '1' ], [ 'payer_ultmt_nceo', '1' ], [ 'surprise', '1' ], [ 'payment_naming', '' ]);
	like(refused('SELECT autoclient.create_payment(' . payment($_->[0] => $_->[1]) . ')'), qr/^22023: field "$_->[0]" of the payment/, "$_->[0] " . substr($_->[1] // 'missing', 0, 12))
	  for @wrong;
	like(refused('SELECT autoclient.create_payment(' . payment(recipient_account => undef) . ')'), qr/"recipient_account" of the payment is missing/, 'neither account nor card');
	like(refused('SELECT autoclient.create_payment(' . payment(recipient_nceo => '0000000000') . ')'), qr/"recipient_document_number"/, 'a recipient without code needs a passport');
	like(refused('INSERT INTO autoclient.payment (request) VALUES (' . payment(payment_amount => 'ten') . ')'), qr/"payment_amount"/, 'INSERT checks the same');
	is($bank->get('/_/count?path=/api/proxy/payment')->{received}, $before, 'nothing was sent');
};

subtest 'a payment is made, found in the statement, and made once' => sub {
	sql('BEGIN; INSERT INTO autoclient.payment (client_ref, request) VALUES (\'p1\', ' . payment() . '); COMMIT');
	wait_payment('p1', 'created');
	my ($id, $ref, $pack) = split /\|/, sql(q{SELECT id, payment_ref, payment_pack_ref FROM autoclient.payment WHERE client_ref = 'p1'});
	is(sql('SELECT autoclient.create_payment(' . payment() . q{, client_ref => 'p1')}), $id, 'the same client_ref is the same payment');
	like(refused('SELECT autoclient.create_payment(' . payment(payment_amount => '5.00') . q{, client_ref => 'p1')}), qr/^23505: client_ref "p1"/, 'and no other one');
	is(sql("SELECT payment_status || ' ' || payment_amount FROM autoclient.get_payment('$ref')"), 'new 100.10', 'get_payment');
	like(refused(q{UPDATE autoclient.payment SET amount = 1 WHERE client_ref = 'p1'}), qr/^55000/, 'what was asked for never changes');
	$bank->post('/_/ac/pay', { ref => $ref });
	settled($node, 'bank', 'c1', 'paid');
	is(sql(q{SELECT state FROM autoclient.payment WHERE client_ref = 'p1'}), 'booked', 'the statement shows it');
	is(sql("SELECT t.sum FROM autoclient.payment p JOIN autoclient.transaction t USING (server, acc, trantype, ref, refn) WHERE p.id = $id AND t.dlr = '$pack'"), '100.10', 'linked by DLR');
	sql('SELECT autoclient.create_payment(' . payment(document_number => '17') . q{, client_ref => 'p2')});
	wait_payment('p2', 'refused');
	like(sql(q{SELECT error_code FROM autoclient.payment WHERE client_ref = 'p2'}), qr/^PMTMDL(016|116)$/, 'a duplicate is refused with its code');
};

subtest 'an answer that was lost' => sub {
	faults({ kind => 'reset_after', path => '/api/proxy/payment/create', count => 1 });
	sql('SELECT autoclient.create_payment(' . payment(document_number => '21') . q{, client_ref => 'lost')});
	wait_payment('lost', 'uncertain');
	is(sql(q{SELECT kind FROM autoclient.unmatched WHERE text LIKE 'За%' AND kind = 'payment'}), 'payment', 'shown as unmatched');
	my $call = sql(q{SELECT call_id FROM autoclient.payment WHERE client_ref = 'lost'});
	like(refused("SELECT k2bridge.retry($call)"), qr/^KB003/, 'not sent again without confirmation');
	sql("SELECT k2bridge.retry($call, confirm => true)");
	wait_payment('lost', 'created');
	like(sql(q{SELECT error_text FROM autoclient.payment WHERE client_ref = 'lost'}), qr/^the bank had it already/, 'the duplicate proves that it had arrived');

	faults({ kind => 'reset_after', path => '/api/proxy/payment/create', count => 1 });
	sql('SELECT autoclient.create_payment(' . payment(document_number => '22', payment_amount => '22.22') . q{, client_ref => 'shown')});
	wait_payment('shown', 'uncertain');
	my ($draft) = grep { $_->{fields}{document_number} eq '22' } @{ $bank->get('/_/ac/payments')->{payments} };
	$bank->post('/_/ac/pay', { ref => $draft->{payment_ref} });
	settled($node, 'bank', 'c1', 'with the payment');
	wait_payment('shown', 'booked');
	wait_for_sql($node, 'bank', q{SELECT outcome || ' ' || error_text FROM k2bridge.call WHERE id = (SELECT call_id FROM autoclient.payment WHERE client_ref = 'shown')},
		'the statement settles it', 'ok found at the bank');
	is($bank->get('/_/ac/payments')->{created}, sql(q{SELECT count(*) FROM autoclient.payment WHERE state NOT IN ('refused')}), 'as many drafts as payments');
};

subtest 'sign and delete' => sub {
	sql('SELECT autoclient.create_payment(' . payment(document_number => '30') . ", client_ref => 'd1')");
	wait_payment('d1', 'created');
	my $ref = sql(q{SELECT payment_ref FROM autoclient.payment WHERE client_ref = 'd1'});
	is(sql("SELECT autoclient.delete_payment('$ref') IS NOT NULL"), 't', 'queued');
	wait_payment('d1', 'deleted');
	sql('SELECT autoclient.create_payment(' . payment(document_number => '31') . q{, forecast => true, client_ref => 's1')});
	wait_payment('s1', 'created');
	$ref = sql(q{SELECT payment_ref FROM autoclient.payment WHERE client_ref = 's1'});
	sql("SELECT autoclient.sign_payment('$ref', 'MIIB')");
	wait_payment('s1', 'signed');
	is(sql("SELECT signed_level_1 FROM autoclient.get_payment('$ref')"), 't', 'the bank has the signature');
};

subtest 'windows-1251' => sub {
	sql(q{ALTER SERVER c1 OPTIONS (SET charset 'cp1251')});
	my $name = sql(q{SELECT DISTINCT name FROM autoclient.account});
	settled($node, 'bank', 'c1', 'in windows-1251');
	same_as_bank($node, 'bank', $bank, 'c1', $company, 'in windows-1251');
	is(sql(q{SELECT DISTINCT name FROM autoclient.account}), $name, 'names are read the same');
	my $before = sql(q{SELECT count(*) FROM autoclient.payment});
	like(refused('SELECT autoclient.create_payment(' . payment(document_number => '40', payment_destination => 'Оплата ☃ снігу') . ')'),
		qr/^22023: field "payment_destination" has a character that windows-1251 lacks: "☃"/, 'a character that it lacks is named with its field');
	is(sql(q{SELECT count(*) FROM autoclient.payment}), $before, 'nothing is stored or sent');
	sql('SELECT autoclient.create_payment(' . payment(document_number => '41', payment_destination => 'Оплата ґанку та їжі') . q{, client_ref => 'cp')});
	wait_payment('cp', 'created');
	my $ref = sql(q{SELECT payment_ref FROM autoclient.payment WHERE client_ref = 'cp'});
	is(sql("SELECT payment_destination FROM autoclient.get_payment('$ref')"), encode_utf8('Оплата ґанку та їжі'), 'ukrainian letters arrive');
	sql(q{ALTER SERVER c1 OPTIONS (SET charset 'utf8')});
};

subtest 'rows that name a payment request' => sub {
	sql(q{INSERT INTO k2.loan (system, contract_number, dbz_contract_number, dbz_dt, iinbin, fullname, cur, debt, overdue_days, synced_at)
		VALUES ('other', 'L1', 'D1', '2020-01-01', '000000000010', 'T', 'UAH', 10, 1, now())});
	my $code = sql(q{SELECT code FROM k2.create_extreq((SELECT max(id) FROM k2.loan), 'HSBKKZKX', 'KZ68601TEST000000001')});
	my $acc = sql(q{SELECT acc FROM autoclient.account ORDER BY acc LIMIT 1});
	my $ref = $bank->post('/_/ac/rows', { acc => $acc, amount => '10.00', trantype => 'C', purpose => "Repayment $code of debt" })->{ref};
	settled($node, 'bank', 'c1', 'with the repayment');
	is(sql(qq{SELECT code FROM autoclient.extreq_link WHERE ref = '$ref'}), $code, 'linked to the request');
	is(sql(qq{SELECT count(*) FROM autoclient.unmatched WHERE reference LIKE '$ref/%'}), 0, 'no longer unmatched');
};

subtest 'a stopped token' => sub {
	$bank->post('/_/ac/tokens', { name => 'company 1', enabled => JSON::PP::false() });
	sql(q{SELECT autoclient.poll('c1')});
	wait_for_sql($node, 'bank', q{SELECT count(*) = 1 FROM k2bridge.problems WHERE kind = 'server_stopped' AND server = 'c1'}, 'stops the server');
	$bank->post('/_/ac/tokens', { name => 'company 1', enabled => JSON::PP::true() });
	sql(q{ALTER SERVER c1 OPTIONS (ADD timeout '20000')});
	settled($node, 'bank', 'c1', 'it goes on by itself');
};

$node->stop;
done_testing();
