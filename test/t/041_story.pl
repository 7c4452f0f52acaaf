# One story: the correlation of an inbound request, a transaction or a run of the schedule reaches the bank as
# X-Correlation-Id with every call that follows from it, and k2bridge.trace tells by it, and by every reference of a
# payment, what happened.
use strict;
use warnings;
use utf8;

use lib 't', 'test/t';
use Encode qw(encode_utf8);
use HTTP::Tiny;
use K2bridge;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Statements;
use Test::More;

my $bank = start_bank();
my $node = new_node('story', 'k2bridge.databases' => 'bank');
my $port = PostgreSQL::Test::Cluster::get_free_port();
add_database($node, 'bank');
$node->safe_psql('bank', $bank->servers('abs'));
$node->safe_psql('postgres', "ALTER DATABASE bank SET k2bridge.listen_port = $port");
$node->reload;
wait_for_workers($node, 'bank', 1, 'the workers run');
wait_for_sql($node, 'bank', "SELECT count(*) > 0 FROM k2bridge.workers() WHERE kind = 'listener' AND state ~ '^listening'", 'a listener serves')
  or diag $node->safe_psql('bank', 'SELECT kind, state, last_error FROM k2bridge.workers()');

sub sql { return $node->safe_psql('bank', encode_utf8($_[0])) }
sub faults { return $bank->post('/_/faults', { rules => [@_] }) }

# Numbers of requests at the bank by their X-Correlation-Id.
my $seen = 0;
sub heard
{
	my ($path) = @_;
	my %heard;
	$heard{ $_->{headers}{'x-correlation-id'} // 'none' }++ for @{ $bank->get("/_/log?path=$path&since=$seen&limit=100000")->{entries} };
	return \%heard;
}

# From here on heard() tells what is new.
sub forget
{
	my $entries = $bank->get("/_/log?since=$seen&limit=100000")->{entries};
	$seen = $entries->[-1]{seq} if @$entries;
	return;
}

sub wait_sent
{
	my ($correlation, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return wait_for_sql($node, 'bank', "SELECT count(*) FROM k2bridge.outbox WHERE correlation = '$correlation' AND due_at < now() + interval '1 h'", $name, 0);
}

# What trace tells of a key, without what differs from run to run.
sub told
{
	my ($key) = @_;
	return sql("SELECT string_agg(concat_ws(' ', direction, regexp_replace(what, ' \\S+\$', ''), outcome), ', ' ORDER BY n) FROM (
		SELECT row_number() OVER () AS n, t.* FROM k2bridge.trace('$key') t) t");
}

my $loan = '[{"request_id": 1, "system": "way4", "contract_number": "KD41", "dbz_contract_number": "KD41", "dbz_dt": "2020-02-29", "iinbin": "000000000410",
	"fullname": "Примеров Пример", "iban": "KZ82722TEST000000001", "cur": "KZT", "debt": 1000, "overdue_days": 91}]';
my $req = q{INSERT INTO k2.req (refer, accept_dt, doc_num, doc_at, iinbin, acc_fullname, ben_fullname, ben_bin, ben_iban, ben_kbe, amount, cur, knp,
	dbz_num, dbz_dt, purpose, head, account) SELECT r, '2021-01-05', '16', '2021-01-04', '000000000410', 'a', 'b', '971240001315',
	'KZ12722R00000000000', '14', 86429.87, 'KZT', '423', 'R1', '2014-02-08', 'p', 'h', 'a' FROM unnest('{%s}'::text[]) r};

subtest 'an inbound request' => sub {
	sql(q{CREATE ROLE eko; SELECT k2bridge.grant_access('eko', 'service')});
	my $token = sql(q{SELECT k2bridge.add_api_client('eko', 'eko')});
	my $answer = HTTP::Tiny->new->post("http://127.0.0.1:$port/restapi/services/run/k2loan_from_eko",
		{ headers => { authorization => "Bearer $token", 'content-type' => 'application/json', 'x-correlation-id' => '00000000-0000-4000-8000-000000000000' },
			content => encode_utf8($loan) });
	is($answer->{status}, 200, 'a loan comes in') or diag $answer->{content};
	my $story = $answer->{headers}{'x-correlation-id'};
	wait_sent($story, 'its calls are sent');
	is_deeply(heard('/'), { $story => 5 }, 'all five calls reach the bank with the correlation of the reply, and nothing else');
	like(told($story), qr/^in k2loan_from_eko 200\/0, change k2.loan insert, /, 'trace begins with the request');
	is(sql("SELECT count(*) FILTER (WHERE direction = 'out') || ' ' || count(*) FILTER (WHERE direction = 'reply' AND outcome = 'ok') FROM k2bridge.trace('$story')"), '5 5', 'and tells its calls and replies');
	is(sql("SELECT count(DISTINCT id) FROM k2bridge.trace('KD41') WHERE direction = 'out'"), 5, 'the same by contract');
	is(sql("SELECT count(DISTINCT id) FROM k2bridge.trace('000000000410') WHERE direction = 'out'"), 5, 'and by IIN');
	is(sql("SELECT who FROM k2bridge.trace('$story') WHERE direction = 'in'"), 'eko', 'with who sent it');
	is(sql("SELECT DISTINCT actor || ' ' || client FROM k2bridge.audit WHERE correlation = '$story' AND object = 'k2.loan'"), 'eko eko', 'the author of the row is the API client');
};

subtest 'a transaction' => sub {
	forget();
	my $story = (split /\n/, sql('BEGIN; SELECT k2bridge.correlation(); ' . sprintf($req, 'STORY1,STORY2') . '; COMMIT'))[0];
	wait_sent($story, 'two registrations are sent');
	is_deeply(heard('/abs/reg_pt'), { $story => 2 }, 'with the correlation of the transaction');
	my $other = (split /\n/, sql("BEGIN; SELECT k2bridge.correlation(); SELECT k2.recall_req('STORY1', '07'); COMMIT"))[0];
	isnt($other, $story, 'the next transaction is another story');
	wait_sent($other, 'a recall is sent');
	is_deeply(heard('/abs/refuse_pt'), { $other => 1 }, 'with its own correlation');
	is(told('STORY1'), 'change k2.req insert, status k2.req NEW, out abs.reg_pt queued, reply abs.reg_pt ok, change k2.req update, status k2.req REGISTERED, '
		. 'change k2.req update, status k2.req RECALLING, out abs.refuse_pt queued, person k2.req recalling, reply abs.refuse_pt ok, change k2.req update, status k2.req RECALLED', 'trace by reference joins them')
	  or diag told('STORY1');
	my $direct = (split /\n/, sql(q{BEGIN; SELECT k2bridge.correlation(); SELECT iinbin FROM abs.get_cli('000000000410'); COMMIT}))[0];
	is_deeply(heard('/abs/get_cli'), { $direct => 1 }, 'a direct call has the correlation of its transaction');
};

subtest 'what follows from a call' => sub {
	forget();
	faults({ kind => 'reset_after', path => '/abs/reg_pt', count => 1 });
	my $story = (split /\n/, sql('BEGIN; SELECT k2bridge.correlation(); ' . sprintf($req, 'STORY3') . '; COMMIT'))[0];
	wait_for_sql($node, 'bank', q{SELECT status FROM k2.req WHERE refer = 'STORY3'}, 'an unanswered registration is found at the bank', 'registered');
	is_deeply([ heard('/abs/reg_pt'), heard('/abs/get_all_pt') ], [ { $story => 1 }, { $story => 1 } ], 'the search for it belongs to its story');
	like(told('STORY3'), qr/out abs.verify_pt queued.*reply abs.verify_pt ok.*status k2.req REGISTERED/, 'and trace tells of it');
	is(told($story) =~ s/(out|reply) abs.verify_pt \w+//gr, told('STORY3') =~ s/(out|reply) abs.verify_pt \w+//gr, 'the same by correlation');
};

subtest 'the schedule' => sub {
	forget();
	sql(q{INSERT INTO k2bridge.schedule (name, command, every) VALUES ('asks', $$SELECT k2bridge.enqueue('abs.get_cli', '{"iinbin": "000000000020"}'), k2bridge.enqueue('abs.get_acc', '{"iinbin": "000000000020"}')$$, '1 day')});
	wait_for_sql($node, 'bank', q{SELECT count(*) FROM k2bridge.call WHERE args ->> 'iinbin' = '000000000020'}, 'a command of the schedule queues two calls', 2);
	my $story = sql(q{SELECT DISTINCT correlation FROM k2bridge.call WHERE args ->> 'iinbin' = '000000000020'});
	is_deeply(heard('/abs'), { $story => 2 }, 'a run is one story');
	sql("UPDATE k2bridge.schedule SET next_run = now() WHERE name = 'asks'");
	wait_for_sql($node, 'bank', q{SELECT count(*) FROM k2bridge.call WHERE args ->> 'iinbin' = '000000000020'}, 'it runs again', 4);
	is(scalar keys %{ heard('/abs') }, 2, 'the next run is another');

	forget();
	$bank->post('/_/ac/bank', { history_days => 10, companies => [ { accounts => ['UAH'] } ] });
	add_company($node, 'bank', $bank, 'c1', 'token-1', start_date => '2026-02-20');
	settled($node, 'bank', 'c1', 'a round of polling');
	my $heard = heard('/api');
	is($heard->{none}, undef, 'no call of a poll comes without correlation');
	my %told = map { $_ => sql("SELECT count(*) FROM k2bridge.trace('$_') WHERE direction = 'reply'") } keys %$heard;
	is_deeply(\%told, $heard, 'trace tells of each as many replies as the bank had requests');
	is(scalar keys %$heard, 1, 'settings, balances and statements of a round are one story');
};

subtest 'a payment of Autoclient' => sub {
	sql(q{INSERT INTO k2.loan (system, contract_number, dbz_contract_number, dbz_dt, iinbin, fullname, cur, debt, overdue_days, synced_at)
		VALUES ('other', 'L41', 'L41', '2020-01-01', '000000000010', 'T', 'UAH', 10, 1, now())});
	my $code = sql(q{SELECT code FROM k2.create_extreq((SELECT id FROM k2.loan WHERE contract_number = 'L41'), 'HSBKKZKX', 'KZ68601TEST000000001')});
	my $acc = sql('SELECT acc FROM autoclient.account');
	my $story = (split /\n/, sql("BEGIN; SELECT k2bridge.correlation(); SELECT autoclient.create_payment(jsonb_build_object('document_number', '41', 'payer_account', '$acc',
		'recipient_account', 'UA143052990000026008050000001', 'recipient_nceo', '34554355', 'payment_naming', 'ТОВ ПОСТАЧАЛЬНИК', 'payment_amount', '100.10',
		'payment_destination', 'Refund on $code', 'payment_ccy', 'UAH'), client_ref => 'invoice-41'); COMMIT"))[0];
	wait_for_sql($node, 'bank', q{SELECT state FROM autoclient.payment}, 'a draft is made', 'created');
	is_deeply(heard('/api/proxy/payment/create'), { $story => 1 }, 'with the correlation of the transaction');
	my ($ref, $pack) = split /\|/, sql('SELECT payment_ref, payment_pack_ref FROM autoclient.payment');
	$bank->post('/_/ac/pay', { ref => $ref });
	settled($node, 'bank', 'c1', 'paid');
	wait_for_sql($node, 'bank', q{SELECT state FROM autoclient.payment}, 'the statement books it', 'booked');
	my $own = 'change autoclient.payment insert, out autoclient.payment_create queued, change autoclient.payment update, reply autoclient.payment_create ok, '
	  . 'status autoclient.payment created, status autoclient.transaction booked, status autoclient.payment booked';
	for my $key ('invoice-41', $ref, $pack)
	{
		is(told($key) =~ s/^.*?(?=change autoclient)//r, $own, "trace by $key: call, reply, states, the row that booked it") or diag told($key);
		is(sql("SELECT count(*) FROM k2bridge.trace('$key') WHERE what = 'k2.extreq $code'"), sql("SELECT count(*) FROM k2bridge.trace('$code') WHERE what = 'k2.extreq $code'"), 'and the ПТ that it names');
	}
	is(told($story), $own, 'the same by correlation, with what polls found later') or diag told($story);
	is(sql("SELECT detail::jsonb ->> 'dlr' || ' ' || (detail::jsonb ->> 'sum') || ' ' || (detail::jsonb #>> '{extreq,0}') FROM k2bridge.trace('$ref') WHERE what ~ '^autoclient.transaction'"),
		"$pack 100.10 $code", 'the row with its DLR, amount and ПТ');
	like(told($code), qr/out autoclient.payment_create queued.*status autoclient.transaction booked/, 'trace by the ПТ leads to the payment');
	sql("SELECT autoclient.delete_payment('9999999999999999999')");
	wait_for_sql($node, 'bank', q{SELECT count(*) FROM k2bridge.call WHERE endpoint = 'autoclient.payment_delete'}, 'a draft that was not made here', 1);
	like(told('9999999999999999999'), qr/^out autoclient.payment_delete queued, reply autoclient.payment_delete refused$/, 'its calls are found by its reference');
};

$node->stop;
done_testing();
