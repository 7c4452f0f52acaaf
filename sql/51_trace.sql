-- k2bridge.trace: the story of a ПТ, contract, IIN, payment or correlation, in order, and of nothing else.
\getenv srcdir PG_ABS_SRCDIR
\set roles :srcdir '/sql/include/roles.psql'
\i :roles
SET ROLE regress_k2_owner;
\pset format unaligned
\pset tuples_only on
SELECT k2.k2loan_from_eko('[{"request_id": 1, "system": "way4", "contract_number": "T51-1", "dbz_contract_number": "T51/1", "dbz_dt": "2020-02-29",
    "iinbin": "000000000051", "fullname": "Примеров Пример", "iban": "KZ82722TEST000000051", "cur": "KZT", "debt": 1000, "overdue_days": 91},
    {"request_id": 2, "system": "way4", "contract_number": "T51-2", "dbz_contract_number": "T51/2", "dbz_dt": "2020-02-29",
    "iinbin": "000000000052", "fullname": "Другов Другой", "iban": "KZ82722TEST000000052", "cur": "KZT", "debt": 1000, "overdue_days": 91},
    {"request_id": 3, "system": "way4", "contract_number": "T51-1X", "iinbin": "000000000051"}]') ->> 'error_code' AS some_refused;
SELECT id AS loan FROM k2.loan WHERE contract_number = 'T51-1' \gset
INSERT INTO k2.extreq (loan_id, bank_code, extacc_code, code) VALUES (:loan, 'KPSTKZKA', 'KZ62563TEST000000001', 'T51-PT');
SELECT k2.k2extreq_pay_from_eko('{"items": [{"request_id": 1, "trn_id": 5100001, "refer": "T51-PT", "cur": "KZT", "amount": 5},
    {"request_id": 2, "trn_id": 5100002, "refer": "T51-UNKNOWN", "cur": "KZT", "amount": 5}]}') ->> 'error_code' AS one_refused;
UPDATE k2.loan SET debt = 999.50 WHERE id = :loan;
INSERT INTO k2.req (refer, iinbin, amount, cur, dbz_num, status) VALUES ('T51-IN', '000000000051', 7, 'KZT', 'T51/1', 'new');
SELECT k2.recall_req('T51-IN', '01');
SELECT k2bridge.cancel(id, 'not wanted') FROM k2bridge.outbox WHERE subject = 'loan:' || :loan || ':scan';
INSERT INTO k2.loan_exclude (iin, dbz_num, fio, title) VALUES ('000000000051', 'T51/1', 'Примеров Пример', 'запрет');

-- Identifiers of rows and calls differ from run to run; what they are about does not.
CREATE FUNCTION pg_temp.told(key text) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT concat_ws(' | ', t.direction, replace(regexp_replace(t.what, '(k2.client|k2bridge.outbox) \d+', '\1 N'), 'k2.loan ' || l.id, 'k2.loan N'), t.outcome)
      FROM k2bridge.trace(key) WITH ORDINALITY AS t (at, direction, who, what, outcome, detail, id, position)
      LEFT JOIN k2.loan l ON l.contract_number = 'T51-1'
     ORDER BY t.position
$$;
SELECT pg_temp.told('T51-PT');
SELECT '--';
SELECT pg_temp.told('5100001') EXCEPT SELECT pg_temp.told('T51-PT');
SELECT pg_temp.told('T51-IN');
SELECT '--';
SELECT pg_temp.told('T51-1');
SELECT '--';
SELECT pg_temp.told('000000000051') EXCEPT ALL SELECT pg_temp.told('T51/1');
SELECT '-- nothing of the other loan that came with it';
SELECT count(*) FROM k2bridge.trace('T51-1') WHERE detail LIKE '%T51-2%' OR detail LIKE '%Другов%';
SELECT '-- a refused item, unknown to every table';
SELECT direction, what, outcome, detail::jsonb #>> '{item,trn_id}' FROM k2bridge.trace('T51-UNKNOWN');
SELECT '-- by correlation: all that the push did, for both loans';
SELECT direction, count(*) FROM k2bridge.trace((SELECT correlation::text FROM k2bridge.audit WHERE object = 'k2.loan' AND key = :'loan' AND action = 'insert'))
 GROUP BY 1 ORDER BY 1;
SELECT '-- ordered, and every detail is JSON';
SELECT bool_and(t.at >= t.former), count(*) = count(t.detail::jsonb)
  FROM (SELECT at, detail, lag(at, 1, at) OVER (ORDER BY position) AS former
          FROM k2bridge.trace('000000000051') WITH ORDINALITY AS t (at, direction, who, what, outcome, detail, id, position)) t;
SELECT count(*) FROM k2bridge.trace('nothing of the kind');
SELECT count(*) FROM k2bridge.trace('');
SELECT count(*) FROM k2bridge.trace(NULL);

-- One correlation per transaction, inherited by what the transaction changes and queues.
SELECT count(DISTINCT c) FROM (
    SELECT correlation FROM k2.extreq_event WHERE refer = 'T51-PT' AND kind = 'REGISTERED'
    UNION ALL SELECT correlation FROM k2bridge.audit WHERE object = 'k2.extreq' AND key = 'T51-PT' AND action = 'insert') s (c);
SELECT count(DISTINCT c) FROM (
    SELECT correlation FROM k2bridge.outbox WHERE subject LIKE 'loan:' || :loan || ':%'
    UNION ALL SELECT d.correlation FROM k2.loan_debt d WHERE d.loan_id = :loan AND d.source = 'k2loan_from_eko'
    UNION ALL SELECT correlation FROM k2bridge.rejected_item WHERE item ->> 'contract_number' = 'T51-1X') s (c);
SELECT k2bridge.correlation() = k2bridge.correlation();
BEGIN;
SELECT k2bridge.correlation() AS first \gset
SAVEPOINT s;
ROLLBACK TO s;
SELECT k2bridge.correlation() = :'first' AS kept;
COMMIT;
SELECT k2bridge.correlation() <> :'first' AS another;

-- What the person on duty looks at reads no day of the history from end to end.
CREATE FUNCTION pg_temp.plan_of(query text) RETURNS SETOF text LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    RETURN QUERY EXECUTE 'EXPLAIN (COSTS OFF) ' || query;
END $$;
SELECT count(*) FILTER (WHERE l ~ 'Seq Scan on call_') AS read_whole, count(*) > 0 AS planned
  FROM unnest('{k2bridge.queue,k2bridge.problems}'::text[]) v, pg_temp.plan_of('TABLE ' || v) l;

-- Personal data: only for who may read it.
RESET ROLE;
SET ROLE regress_k2_clerk;
SELECT count(*) FROM k2bridge.trace('T51-1');
RESET ROLE;
SET ROLE regress_k2_owner;
DELETE FROM k2.extreq_pay WHERE trn_id = 5100001;
DELETE FROM k2.extreq WHERE code = 'T51-PT';
DELETE FROM k2.req WHERE refer = 'T51-IN';
DELETE FROM k2.loan_exclude WHERE dbz_num = 'T51/1';
DELETE FROM k2.loan WHERE contract_number LIKE 'T51-%';
DELETE FROM k2bridge.rejected_item WHERE item::text LIKE '%T51-%';
