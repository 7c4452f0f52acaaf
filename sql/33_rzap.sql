-- RZAP: scans arrive line by line, service I7 shows both states.
\getenv srcdir PG_ABS_SRCDIR
\set roles :srcdir '/sql/include/roles.psql'
\i :roles
SET ROLE regress_k2_owner;
INSERT INTO k2.rzap (refer, sender_bank) VALUES ('HSBKRX0000000003', 'HSBKKZKX'), ('HSBKRX0000000009', 'HSBKKZKX');
INSERT INTO k2.rzap_item (refer, iin, dbz_num, dbz_dt) VALUES
    ('HSBKRX0000000003', '000000000005', '0000000005', '2020-02-21'),
    ('HSBKRX0000000003', '000000000006', '0000000006', '2020-02-21'),
    ('HSBKRX0000000003', '000000000007', '0000000007', '2020-02-21');
BEGIN;
INSERT INTO k2.file (id, code, name, mime, content)
VALUES (8896, 'CUST-7f1a0aea-d9b3-472d-a204-7de31e0fd9db', 'scan.pdf', 'application/pdf', '%PDF-1.4');
UPDATE k2.rzap_item SET file_id = 8896 WHERE iin = '000000000005';
SET ROLE regress_k2_service;
SELECT zone, set_config('timezone', zone, true) = zone AS set, k2.k2inforeq_rzap_by_refer('{"refer": "HSBKRX0000000003"}') = $$
{ "error_code": 0, "error_text": "", "items": [
  { "dbz_dt": "2020-02-21 00:00:00", "dbz_num": "0000000005", "file_id": "8896", "iin": "000000000005",
    "url": "http://127.0.0.1/restapi/getfile?code=CUST-7f1a0aea-d9b3-472d-a204-7de31e0fd9db&attachment=true" },
  { "dbz_dt": "2020-02-21 00:00:00", "dbz_num": "0000000006", "iin": "000000000006" },
  { "dbz_dt": "2020-02-21 00:00:00", "dbz_num": "0000000007", "iin": "000000000007" } ] }$$ AS as_documented
  FROM unnest('{UTC,Asia/Almaty,America/New_York}'::text[]) zone;
RESET ROLE;
SET LOCAL k2bridge.listen_port = 8088;
SELECT k2.file_url('CUST-x');
SET LOCAL k2bridge.public_url = 'https://k2.bank.kz/';
SELECT k2.file_url('CUST-x');
ROLLBACK;

SET ROLE regress_k2_owner;
SELECT code ~ '^CUST-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' AS code, name, mime, content
  FROM k2.attach_file('HSBKRX0000000003', '000000000006', '0000000006', 'договор.pdf', NULL, '%PDF-1.7');
SELECT mime FROM k2.attach_file('HSBKRX0000000003', '000000000006', '0000000006', 'договор.tif', NULL, '\x49492a0008000000', '2020-02-21');
SELECT mime FROM k2.attach_file('HSBKRX0000000003', '000000000007', '0000000007', 'скан', 'image/jpeg', '\xffd8');
SELECT k2.mime_of('\x4d4d002a'), k2.mime_of('\x'), k2.mime_of('text');
SELECT i.iin, f.name, i.file_id = f.id AS attached FROM k2.rzap_item i LEFT JOIN k2.file f ON f.id = i.file_id
 WHERE i.refer = 'HSBKRX0000000003' ORDER BY i.id;
SELECT item ->> 'iin' AS iin, item ? 'file_id' AS file_id, item ? 'url' AS url
  FROM jsonb_array_elements(k2.k2inforeq_rzap_by_refer('{"refer": "HSBKRX0000000003"}') -> 'items') item;

-- Two contracts of one number: the date tells them apart.
INSERT INTO k2.rzap_item (refer, iin, dbz_num, dbz_dt) VALUES ('HSBKRX0000000003', '000000000007', '0000000007', '2021-02-21');
SELECT k2.attach_file('HSBKRX0000000003', '000000000007', '0000000007', 'x', NULL, 'x');
SELECT name FROM k2.attach_file('HSBKRX0000000003', '000000000007', '0000000007', 'x', NULL, 'x', '2021-02-21');
SELECT k2.attach_file('HSBKRX0000000003', '000000000008', '0000000007', 'x', NULL, 'x');
SELECT k2.attach_file('NONE', '000000000007', '0000000007', 'x', NULL, 'x');
SELECT k2.attach_file('HSBKRX0000000003', '000000000007', '0000000007', '', NULL, 'x');
SELECT k2.attach_file('HSBKRX0000000003', '000000000007', '0000000007', 'x', NULL, NULL);

SET ROLE regress_k2_service;
SELECT p AS payload, k2.k2inforeq_rzap_by_refer(p) FROM unnest(ARRAY['{"refer": "HSBKRX0000000009"}', '{"refer": "NONE"}', '{}', '[]',
    'null', '{"refer": ""}', '{"refer": ["x"]}']::jsonb[]) p;
SELECT k2.attach_file('HSBKRX0000000003', '000000000006', '0000000006', 'x', NULL, 'x');
SET ROLE regress_k2_clerk;
INSERT INTO k2.rzap_item (refer, iin, dbz_num, dbz_dt) VALUES ('NONE', '000000000005', '1', '2020-02-21');
INSERT INTO k2.rzap_item (refer, iin, dbz_num, dbz_dt) VALUES ('HSBKRX0000000009', '5', '1', '2020-02-21');
RESET ROLE;
