-- Servers, an endpoint and helpers for the dispatch benchmark. Variable: bank, the sandbox's address.
\set fast :bank '/bench/echo'
\set slow :bank '/bench/echo?delay_ms=100'
\set mixed :bank '/bench/echo?slow_every=100&slow_ms=3000'
CREATE SERVER fast TYPE 'http' FOREIGN DATA WRAPPER k2bridge OPTIONS (bench_url :'fast');
CREATE SERVER slow TYPE 'http' FOREIGN DATA WRAPPER k2bridge OPTIONS (bench_url :'slow');
CREATE SERVER mixed TYPE 'http' FOREIGN DATA WRAPPER k2bridge OPTIONS (bench_url :'mixed');
INSERT INTO k2bridge.endpoint (name, server_type, method, url_option, body_kind, reply_family)
VALUES ('bench.echo', 'http', 'POST', 'bench_url', 'json', 'abs');

CREATE SCHEMA bench;

-- Queues calls with a body of about 2 KB. shape: 'none' no subject, 'one' all of one subject, 'many' one subject each.
CREATE FUNCTION bench.queue(calls integer, server name, shape text, bytes integer DEFAULT 2000) RETURNS void
    LANGUAGE sql AS $$
    SELECT k2bridge.enqueue_all(array_agg('bench.echo'::text), array_agg(jsonb_build_object('padding', repeat('x', bytes))),
               array_agg(CASE shape WHEN 'one' THEN 'bench' WHEN 'many' THEN 'bench:' || gen_random_uuid() END),
               array_agg(server))
      FROM generate_series(1, calls)
$$;

-- Keeps `level` calls queued until `done` calls have been queued in all.
CREATE PROCEDURE bench.feed(level integer, total integer, server name, shape text) LANGUAGE plpgsql AS $$
DECLARE
    fed integer := 0;
    missing integer;
BEGIN
    WHILE fed < total LOOP
        SELECT level - count(*) INTO missing FROM k2bridge.outbox;
        IF missing > 0 THEN
            PERFORM bench.queue(missing, server, shape);
            fed := fed + missing;
        END IF;
        COMMIT;
        PERFORM pg_sleep(0.002);
    END LOOP;
END
$$;

CREATE TABLE bench.latency (ms double precision NOT NULL);

-- One call after another on an idle queue: from the commit until another snapshot sees the outcome.
CREATE PROCEDURE bench.measure_latency(calls integer) LANGUAGE plpgsql AS $$
DECLARE
    call bigint;
    committed timestamptz;
BEGIN
    FOR i IN 1..calls LOOP
        call := k2bridge.enqueue('bench.echo', jsonb_build_object('padding', repeat('x', 2000)), NULL, 'fast');
        COMMIT;
        committed := clock_timestamp();
        WHILE NOT EXISTS (SELECT FROM k2bridge.call c WHERE c.id = call) LOOP
            PERFORM pg_sleep(0.0002);
        END LOOP;
        INSERT INTO bench.latency VALUES (extract(epoch FROM clock_timestamp() - committed) * 1000);
        COMMIT;
        PERFORM pg_sleep(0.05);
    END LOOP;
END
$$;
