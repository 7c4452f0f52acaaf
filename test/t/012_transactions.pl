# The transaction frame of the workers, seen through replies that the dispatcher settles in one batch: each handler
# fails alone, deferred constraints are checked with the item that broke them, nothing of an item leaks into the next.
use strict;
use warnings;

use lib 't', 'test/t';
use K2bridge;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('frame', 'k2bridge.databases' => 'bank');
my $bank = start_bank();
$node->safe_psql('postgres', 'CREATE ROLE keeper; CREATE DATABASE bank');
$node->safe_psql('bank', q{CREATE EXTENSION k2bridge; SELECT k2bridge.allow_setup('keeper');
	GRANT CREATE ON SCHEMA public TO keeper; SET ROLE keeper; SELECT k2bridge.setup()});
wait_for_workers($node, 'bank', 1, 'workers');

# The handler files one entry and then, in a second statement, its two lines; the deferred trigger counts them.
$node->safe_psql('bank', q{SET ROLE keeper;
	CREATE TABLE entry (call bigint PRIMARY KEY, who name DEFAULT current_user, zone text, own_timeout text);
	CREATE TABLE line (call bigint);
	CREATE FUNCTION two_lines() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		IF (SELECT count(*) FROM public.line l WHERE l.call = NEW.call) <> 2 THEN
			RAISE EXCEPTION 'entry % of % needs two lines', NEW.call, current_user;
		END IF;
		RETURN NULL;
	END $$;
	CREATE CONSTRAINT TRIGGER two_lines AFTER INSERT ON entry INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION two_lines();
	CREATE FUNCTION handle(call k2bridge.call_row) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
		INSERT INTO public.entry (call, zone, own_timeout)
			VALUES (call.id, current_setting('TimeZone'), current_setting('statement_timeout'));
		PERFORM set_config('TimeZone', 'Asia/Tokyo', false), set_config('statement_timeout', '1', false);
		IF call.args->>'do' = 'raise' THEN
			RAISE EXCEPTION 'the handler refuses';
		ELSIF call.args->>'do' = 'climb' THEN
			PERFORM set_config('role', 'postgres', false);
		END IF;
		INSERT INTO public.line SELECT call.id FROM generate_series(1, CASE call.args->>'do' WHEN 'one line' THEN 1 ELSE 2 END);
	END $$;
	INSERT INTO k2bridge.endpoint (name, server_type, method, url_option, body_kind, reply_family, handler)
		VALUES ('test.echo', 'abs', 'POST', 'colvir_get_loan_debt', 'json', 'none', 'public.handle')});
$node->safe_psql('bank', $bank->servers('abs', colvir_get_loan_debt => $bank->url . '/bench/echo'));

# All due at once, so that their replies share batches; every fifth one fails in another way.
my @kinds = ('fine', 'raise', 'one line', 'climb', 'fine');
$node->safe_psql('bank', "SELECT k2bridge.pause(); SELECT k2bridge.enqueue('test.echo', jsonb_build_object('do',
	('{" . join(',', map { qq{"$_"} } @kinds) . "}'::text[])[1 + n % 5])) FROM generate_series(0, 199) n;
	SELECT k2bridge.resume()");
wait_for_sql($node, 'bank', "SELECT count(*) = 0 FROM k2bridge.outbox WHERE state <> 'answered'", 'every call was sent once');

is($node->safe_psql('bank', "SELECT count(*), count(*) FILTER (WHERE outcome = 'ok'), count(DISTINCT args->>'do')
	FROM k2bridge.call"), '80|80|1', 'the good ones are settled');
is($node->safe_psql('bank', 'SELECT count(*), count(DISTINCT e.call) FROM entry e JOIN line l USING (call)'), '160|80',
	'with what their handlers wrote, nothing is left of the others');
is($node->safe_psql('bank', "SELECT DISTINCT regexp_replace(last_error, '\\d+', 'N') FROM k2bridge.outbox WHERE args->>'do' = 'one line'"),
	'entry N of keeper needs two lines', 'a deferred constraint fails its own item, as the owner of the tables');
is($node->safe_psql('bank', "SELECT count(*) FROM k2bridge.outbox WHERE args->>'do' = 'raise' AND last_error LIKE '%the handler refuses%'"),
	40, 'a handler that raises too');
is($node->safe_psql('bank', "SELECT count(*) FROM k2bridge.outbox WHERE args->>'do' = 'climb' AND last_error LIKE '%cannot set parameter \"role\"%'"),
	40, 'SET ROLE is refused');
is($node->safe_psql('bank', "SELECT count(DISTINCT zone), max(zone) <> 'Asia/Tokyo', string_agg(DISTINCT own_timeout, ' ') FROM entry"),
	'1|t|10s', 'settings changed by one handler do not reach the next');
is($node->safe_psql('bank', 'SELECT DISTINCT who FROM entry'), 'keeper', 'handlers run as the owner of the tables');

$node->stop;
done_testing();
