# A day in operation, as the person on duty lives it: with the rights of an operator, everything is found in
# k2bridge.problems, mended by pasting what its column remedy says, and told afterwards by k2bridge.trace.
#
# The hour of the outage passes by moving the clock of the record, not by waiting.
use strict;
use warnings;
use utf8;

use lib 't', 'test/t';
use Encode qw(decode_utf8 encode_utf8);
use File::Temp qw(tempdir);
use K2bridge;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $bank = start_bank();
my $node = new_node('day', 'k2bridge.databases' => 'bank');
my $token = tempdir(CLEANUP => 1) . '/token';
add_database($node, 'bank');

sub sql { return decode_utf8($node->safe_psql('bank', encode_utf8($_[0]))) }
sub faults { return $bank->post('/_/faults', { rules => [@_] }) }
sub received { return $bank->get("/_/count?path=$_[0]")->{received} }
sub bank_wants { return $bank->post('/_/credentials', { credentials => [ { name => 'k2bridge', bearer => $_[0] } ] }) }

sub write_token
{
	unlink $token;
	append_to_file($token, "$_[0]\n");
	chmod 0600, $token;
	return;
}

# A statement of the person on duty.
sub duty { return sql("SET ROLE duty; $_[0]") }

sub wait_for
{
	my ($query, $name, $expected) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return wait_for_sql($node, 'bank', encode_utf8($query), $name, encode_utf8($expected));
}

sub kinds { return q{SELECT coalesce(string_agg(DISTINCT kind, ' '), 'none') FROM k2bridge.problems} }

# Nothing is wrong before and after; `$kind` shows with a text, and the remedy is pasted as it stands.
sub found
{
	my ($kind, $text) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	wait_for(kinds(), "problems: $kind", $kind) or diag sql('SELECT kind, text FROM k2bridge.problems');
	return like(duty('SELECT text FROM k2bridge.problems LIMIT 1'), $text, 'in words that say what is wrong');
}

sub paste
{
	my $remedy = duty('SELECT remedy FROM k2bridge.problems LIMIT 1');
	my ($status, $out, $err) = $node->psql('bank', "SET ROLE duty;\n" . encode_utf8($remedy), on_error_stop => 1);
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($status, 0, "pasted by the operator: $remedy") or diag $err;
	return decode_utf8($out);
}

sub all_is_well
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return wait_for(kinds(), 'problems: none any more', 'none');
}

sub told
{
	my ($key, $pattern, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $story = duty("SELECT string_agg(concat_ws(' ', direction, who, regexp_replace(what, ' \\S+\$', ''), outcome), ', ' ORDER BY n) FROM (
		SELECT row_number() OVER () AS n, t.* FROM k2bridge.trace('$key') t) t");
	return like($story, $pattern, "trace('$key') $name");
}

sub loan
{
	my ($number) = @_;
	return sql(qq{SELECT k2.k2loan_from_eko('[{"request_id": 1, "system": "way4", "contract_number": "$number", "dbz_contract_number": "$number", "dbz_dt": "2020-02-29",
		"iinbin": "000000000420", "fullname": "Примеров Пример", "iban": "KZ82722TEST000000001", "cur": "KZT", "debt": 1000, "overdue_days": 91}]') ->> 'error_code'});
}

sub request
{
	my ($refer) = @_;
	return sql(qq{INSERT INTO k2.req (refer, accept_dt, doc_num, doc_at, iinbin, acc_fullname, ben_fullname, ben_bin, ben_iban, ben_kbe, amount, cur, knp,
		dbz_num, dbz_dt, purpose, head, account) VALUES ('$refer', '2021-01-05', '16', '2021-01-04', '000000000420', 'a', 'b', '971240001315',
		'KZ12722R00000000000', '14', 86429.87, 'KZT', '423', 'R1', '2014-02-08', 'p', 'h', 'a')});
}

subtest 'the evening before' => sub {
	write_token('summer');
	bank_wants('summer');
	sql($bank->servers('abs', timeout => 2000) . "; CREATE USER MAPPING FOR PUBLIC SERVER abs OPTIONS (bearer_file '$token')");
	sql(q{CREATE ROLE duty; SELECT k2bridge.grant_access('duty', 'operator')});
	wait_for_workers($node, 'bank', 1, 'the workers run');
	sql(q{INSERT INTO k2.exclusion (iin, for_extreq) SELECT lpad(n::text, 12, '0'), true FROM generate_series(1, 100) n});
	found('call_held', qr/push of the exclusion list waits/);
	paste();
	wait_for(q{SELECT outcome FROM k2bridge.call WHERE subject = 'exclusions'}, 'the list of exclusions is with the bank', 'ok');
	is(loan('DAY-0'), 0, 'loans come in');
	wait_for(q{SELECT ready FROM k2.loan_dossier WHERE contract_number = 'DAY-0'}, 'and are complete', 't');
	all_is_well();
};

subtest '07:10 the token has expired' => sub {
	bank_wants('autumn');
	is(loan('DAY-1'), 0, 'a loan comes in');
	found('server_stopped', qr/HTTP 401/);
	like(paste(), qr/connect/, 'check_server tells that all but the credential is well');
	is(sql(q{SELECT count(*) FROM k2bridge.outbox WHERE attempts > 0 OR state <> 'queued'}), 0, 'no call has failed');
	write_token('autumn');
	wait_for(q{SELECT ready FROM k2.loan_dossier WHERE contract_number = 'DAY-1'}, 'with the new token in its file all goes on by itself', 't');
	all_is_well();
};

subtest '09:00 the bank is down for an hour' => sub {
	faults({ kind => 'status', status => 503 });
	request('DAYPT1');
	is(loan('DAY-2'), 0, 'loans and ПТ come in all the same');
	wait_for(q{SELECT count(*) > 0 FROM k2bridge.server_state WHERE state = 'open'}, 'the bank does not answer', 't');
	is(sql(q{SELECT status FROM k2.loan l JOIN k2.req r ON r.refer = 'DAYPT1' WHERE l.contract_number = 'DAY-2'}), 'new', 'the ПТ waits') ;
	sql(q{UPDATE k2bridge.server_state SET since = since - interval '1 hour'});
	wait_for(q{SELECT count(*) FROM k2bridge.problems WHERE kind = 'server_open'}, 'problems: server_open', '1');
	like(duty(q{SELECT text FROM k2bridge.problems WHERE kind = 'server_open'}), qr/503/, 'in the words of the bank');
	my $remedy = duty(q{SELECT remedy FROM k2bridge.problems WHERE kind = 'server_open'});
	like(duty($remedy), qr/connect/, 'its remedy shows that the network is well');
	faults();
	wait_for(q{SELECT ready FROM k2.loan_dossier WHERE contract_number = 'DAY-2'}, 'the bank is back, the queue drains by itself', 't');
	wait_for(q{SELECT count(*) FROM k2bridge.problems WHERE kind = 'server_open'}, 'and the server is no problem any more', '0');
};

subtest '10:05 the ПТ of that hour is uncertain' => sub {
	found('call_uncertain', qr/503/);
	my $call = duty('SELECT id FROM k2bridge.problems');
	wait_for(q{SELECT substring(text FROM 'found: .*') FROM k2bridge.problems}, 'the list of the bank was searched, it is not there', 'found: {"pages": 1, "searched": "absent"}');
	my ($status, $out, $err) = $node->psql('bank', "SET ROLE duty; SELECT k2bridge.retry($call)");
	like($err, qr/may have been processed.*confirm => true/s, 'it is not sent again just so');
	is(received('/abs/reg_pt'), 1, 'the bank got it once');
	is(duty('SELECT remedy FROM k2bridge.problems'), "SELECT k2bridge.retry($call, confirm => true);", 'the remedy confirms that');
	paste();
	wait_for(q{SELECT status FROM k2.req WHERE refer = 'DAYPT1'}, 'the bank says it has not got it: sent again with confirmation', 'registered');
	all_is_well();
	told('DAYPT1', qr/out postgres abs.reg_pt queued.*person duty k2bridge.outbox retry.*reply abs abs.reg_pt ok.*status \S+ k2.req REGISTERED/, 'names who sent it again');
};

subtest '11:30 a constraint of our own' => sub {
	sql(q{ALTER TABLE abs.client ADD CONSTRAINT own_sector CHECK (sectecon = '1') NOT VALID});
	my $before = received('/abs/get_cli');
	sql(q{SELECT k2bridge.enqueue('abs.get_cli', '{"iinbin": "000000000020"}', 'client:20')});
	found('call_answered', qr/own_sector/);
	sql('ALTER TABLE abs.client DROP CONSTRAINT own_sector');
	paste();
	wait_for(q{SELECT count(*) FROM abs.client WHERE iinbin = '000000000020'}, 'the kept reply is stored', '1');
	is(received('/abs/get_cli'), $before + 1, 'without asking the bank again');
	all_is_well();
	like(duty(q{SELECT string_agg(concat_ws(' ', t.direction, t.who, t.outcome), ', ') FROM k2bridge.trace((SELECT correlation::text FROM k2bridge.call WHERE subject = 'client:20')) t}),
		qr/out postgres queued.*reply ok/, 'trace by correlation tells it');
	is(duty(q{SELECT count(*) FROM k2bridge.trace((SELECT correlation::text FROM k2bridge.call WHERE subject = 'client:20')) t WHERE direction = 'person' AND who = 'duty' AND outcome = 'retry'}), 1, 'with who retried');
};

subtest '14:00 a return without an answer' => sub {
	faults({ kind => 'reset_after', path => '/abs/return_pt' });
	sql(q{SELECT k2.return_req('DAYPT1', '03')});
	found('call_uncertain', qr/without a reply/);
	faults();
	paste();
	wait_for(q{SELECT status FROM k2.req WHERE refer = 'DAYPT1'}, 'the bank confirms by telephone: returned', 'returned');
	is(received('/abs/return_pt'), 1, 'sent once');
	all_is_well();
	told('DAYPT1', qr/out postgres abs.return_pt queued.*person duty k2bridge.outbox ok.*reply abs.return_pt ok.*status \S+ k2.req RETURNED$/, 'says who settled it');
	is(duty(q{SELECT detail::jsonb ->> 'note' FROM k2bridge.trace('DAYPT1') WHERE direction = 'person' AND outcome = 'ok'}), 'how the outcome is known', 'and how it was known');
};

subtest '15:20 a ПТ is refused' => sub {
	faults({ kind => 'refusal', error_code => 12, error_text => 'Счёт закрыт', path => '/abs/reg_pt', count => 1 });
	request('DAYPT2');
	found('refused', qr/Счёт закрыт/);
	paste();
	wait_for(q{SELECT status FROM k2.req WHERE refer = 'DAYPT2'}, 'the bank has opened the account: registered', 'registered');
	all_is_well();
	told('DAYPT2', qr/reply abs abs.reg_pt refused.*status \S+ k2.req REFUSED.*out duty abs.reg_pt queued.*reply abs abs.reg_pt ok.*k2.req REGISTERED$/, 'has both answers');
};

subtest '17:45 a list that is too short' => sub {
	my $before = received('/eko');
	# Somebody restored the table from an old file, past its triggers.
	sql('SET session_replication_role = replica; DELETE FROM k2.exclusion WHERE id > (SELECT min(id) + 49 FROM k2.exclusion)');
	sql('UPDATE k2.exclusion SET for_refuse = true WHERE id = (SELECT min(id) FROM k2.exclusion)');
	found('call_held', qr/50 rows, the last accepted or confirmed one had 100/);
	is(received('/eko'), $before, 'the bank keeps its list');
	paste();
	all_is_well();
	wait_for(q{SELECT count(*) FROM k2bridge.outbox}, 'nothing waits', '0');
	is($bank->get('/_/exclusions')->{rows}, 50, 'and has the short one now');
	told('000000000001', qr/change \S+ k2.exclusion update.*out \S+ abs.post_all_loan_exclude_to_eko queued.*reply abs abs.post_all_loan_exclude_to_eko ok/, 'of a client on the list tells of the push');
};

is(sql(q{SELECT count(*) FROM k2bridge.call WHERE outcome NOT IN ('ok', 'refused')}), 0, 'at the end of the day every call has its answer');
is(sql(q{SELECT string_agg(action || ' ' || n, ', ' ORDER BY action) FROM (SELECT action, count(*) AS n FROM k2bridge.audit WHERE actor = 'duty' AND object = 'k2bridge.outbox' GROUP BY 1) a}),
	'ok 1, retry 4', 'and the audit has every hand that was laid on one');

$node->stop;
done_testing();
