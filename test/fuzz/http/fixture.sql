-- What the HTTP fuzzer meets: the services, one that answers anything, a file, an RZAP to attach scans to, and a client
-- that may use all of it. Synthetic data only.
CREATE EXTENSION k2bridge;
SELECT k2bridge.setup();
CREATE ROLE fuzz_http;
SELECT k2bridge.grant_access('fuzz_http', 'service');
SELECT k2bridge.grant_access('fuzz_http', 'operator');
CREATE FUNCTION public.echo(payload jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT payload';
INSERT INTO k2bridge.service (name, function) VALUES ('echo', 'public.echo');
-- Instrumented code is slow, and a payload may have thousands of items.
UPDATE k2bridge.service SET timeout = '120s';
INSERT INTO k2.file (code, name, mime, content)
VALUES ('CUST-fuzz', 'Договор "1".pdf', 'application/pdf', convert_to(repeat('scan', 300000), 'UTF8'));
INSERT INTO k2.rzap (refer) VALUES ('HSBKRX0000000003');
INSERT INTO k2.rzap_item (refer, iin, dbz_num, dbz_dt) VALUES ('HSBKRX0000000003', '000000000010', 'KD0000000001', '2021-01-01');
