# Functions that take a server beside a text find their rows by the whole key: an argument of type name gives all text in a
# function collation "C", under which no index on text columns can be used, unless its caller says otherwise.
use strict;
use warnings;

use lib 't', 'test/t';
use K2bridge;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('plans', 'k2bridge.databases' => '');
add_database($node, 'bank');
$node->safe_psql('bank', q{
	SET k2bridge.enqueue = off;
	CREATE SERVER abs TYPE 'abs' FOREIGN DATA WRAPPER k2bridge OPTIONS (base_url 'http://127.0.0.1:1');
	CREATE SERVER c1 TYPE 'autoclient' FOREIGN DATA WRAPPER k2bridge OPTIONS (base_url 'http://127.0.0.1:1');
	INSERT INTO k2.req (refer, accept_dt, doc_num, doc_at, iinbin, acc_fullname, ben_fullname, ben_bin, ben_iban, amount, cur, purpose)
	VALUES ('P1', '2021-01-05', '16', '2021-01-04', '000000000010', 'Test', 'Bank', '971240001315', 'KZ12722R00000000000', 86429.87, 'KZT', 'Test');
	INSERT INTO autoclient.company (server, start_date) VALUES ('c1', '2026-01-01');
	INSERT INTO autoclient.server_day (server, asked_at, phase, work_balance, today, lastday, date_final_statement)
	VALUES ('c1', now(), 'WRK', 'N', '2026-03-02', '2026-03-01', '2026-03-01');
	INSERT INTO autoclient.account (server, acc, start_date, walked_through) VALUES ('c1', 'UA943052990000026184050001514', '2026-01-01', '2026-01-10')});

# The plans of a query and of all it runs inside, sequential scans avoided where there is another way.
sub plans_of
{
	my ($query) = @_;
	my ($out, $plans);
	$node->psql('bank', qq{LOAD 'auto_explain'; SET auto_explain.log_min_duration = 0; SET auto_explain.log_nested_statements = on;
		SET enable_seqscan = off; SET client_min_messages = log; $query}, stdout => \$out, stderr => \$plans);
	return $plans;
}

sub uses_keys
{
	my ($name, $query, %keys) = @_;
	my $plans = plans_of($query);
	my @conditions = $plans =~ /Index Cond: (.*)/g;
	for my $key (sort keys %keys)
	{
		cmp_ok(scalar(grep { /\b$key = / } @conditions), '>=', $keys{$key}, "$name: rows are found by $key");
		is(join("\n", grep { /\b$key = (?:\$|')/ } $plans =~ /Filter: (.*)/g), '', "$name: $key is never looked for in rows read");
	}
	return;
}

uses_keys('withdrawing a payment request', q{SELECT abs.return_pt('P1', '01', 'abs')}, refer => 1, subject => 1);
uses_keys('the check of statements', 'SELECT * FROM autoclient.statement_check', acc => 4);
uses_keys('closing a window of final days', q{SELECT autoclient.balances_done(jsonb_populate_record(NULL::k2bridge.call_row,
	'{"id": 1, "endpoint": "autoclient.balances", "server": "c1", "outcome": "ok", "subject": "autoclient:c1:UA943052990000026184050001514:final",
	  "args": {"acc": "UA943052990000026184050001514", "about": {"acc": "UA943052990000026184050001514", "walk": 1, "from": "2026-01-11", "to": "2026-01-20"}}}'),
	'{"balances": []}')}, acc => 8, subject => 1);

$node->safe_psql('bank', 'CREATE SCHEMA words; CREATE EXTENSION pg_trgm SCHEMA words; SELECT k2bridge.setup()');
for ([ 'a counterparty', transaction_counterparty => q{aut_cntr_crf = '34554355'} ], [ 'a word of a purpose', transaction_purpose => q{osnd ILIKE '%invoice 17%'} ])
{
	my ($name, $index, $condition) = @$_;
	like(plans_of("SELECT * FROM autoclient.transaction WHERE $condition"), qr/\b$index\b/, "$name is looked for in its index");
}

done_testing();
