# A large backlog of one subject holds up nobody: calls of others that stand behind it in the queue are sent while it
# waits, and itself it goes on.
use strict;
use warnings;

use lib 't', 'test/t';
use K2bridge;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $bank = start_bank();
my $node = new_node('backlog', 'k2bridge.databases' => 'bank');
add_database($node, 'bank');
$node->safe_psql('bank', $bank->servers('abs'));
wait_for_workers($node, 'bank', 1, 'dispatcher and scheduler run');

$node->safe_psql('bank', q{
	SELECT k2bridge.pause();
	SELECT k2bridge.enqueue('abs.get_cli', '{"iinbin": "000000000010"}', 'crowd') FROM pg_catalog.generate_series(1, 20000);
	SELECT k2bridge.enqueue('abs.get_cli', '{"iinbin": "000000000020"}', 'behind');
	SELECT k2bridge.resume()});

wait_for_sql($node, 'bank', q{SELECT EXISTS (SELECT FROM k2bridge.call WHERE subject = 'behind' AND outcome = 'ok')},
	'a call behind 20,000 of another subject is sent');
is($node->safe_psql('bank', q{SELECT count(*) > 10000 FROM k2bridge.outbox WHERE subject = 'crowd'}), 't',
	'although most of those still wait');
wait_for_sql($node, 'bank', q{SELECT count(*) > 20 FROM k2bridge.call WHERE subject = 'crowd' AND outcome = 'ok'},
	'which goes on too');
is($node->safe_psql('bank', q{SELECT bool_and(id > before) FROM
	(SELECT id, lag(id, 1, 0::bigint) OVER (ORDER BY finished_at) AS before FROM k2bridge.call WHERE subject = 'crowd') c}), 't',
	'in order');

$node->stop;
done_testing();
