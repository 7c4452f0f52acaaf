-- Payloads (as text, as they travel) and the rows for COPY, for the ingest benchmark. Variables: rounds, items.
-- Every round has loans of its own: half of them for the service (contracts S…), half for COPY (contracts C…).
CREATE SCHEMA bench;

CREATE FUNCTION bench.loan(side text, round integer, item integer, OUT contract text, OUT agreement text, OUT iin text,
                           OUT fullname text, OUT iban text, OUT request integer) LANGUAGE sql IMMUTABLE AS $$
    SELECT format('%s-%s-%s', side, round, lpad(item::text, 7, '0')), format('DBZ-%s-%s-%s', side, round, item),
           lpad((round * 100000 + item)::text, 12, CASE side WHEN 'S' THEN '1' ELSE '2' END), 'Примеров Пример ' || item,
           'KZ68601TEST' || lpad(item::text, 9, '0'), item
$$;

CREATE UNLOGGED TABLE bench.payload (round integer PRIMARY KEY, payload text NOT NULL);
INSERT INTO bench.payload
SELECT r, jsonb_agg(jsonb_build_object('iinbin', l.iin, 'request_id', l.request, 'iban', l.iban, 'cur', 'KZT',
           'debt', 1000.25 + i, 'fullname', l.fullname, 'contract_number', l.contract, 'dbz_contract_number', l.agreement,
           'dbz_dt', '2024-02-29', 'dep_id', 555, 'id', r * 1000000 + i, 'problemfl', 1, 'segment', 'РБ',
           'dea_dord', '2024-02-28', 'dea_dep_id', 555, 'dea_id', i, 'dea_code', 'D' || i, 'overdue_days', 91,
           'system', CASE WHEN i % 2 = 0 THEN 'way4' ELSE 'colvir' END) ORDER BY i)::text
  FROM generate_series(1, :rounds) r CROSS JOIN generate_series(1, :items) i CROSS JOIN LATERAL bench.loan('S', r, i) l
 GROUP BY r;

-- The same rows, as COPY takes them.
CREATE FUNCTION bench.rows(round integer, items integer)
    RETURNS TABLE (system text, contract_number text, dbz_contract_number text, dbz_dt date, iinbin text, fullname text, iban text,
                   cur text, debt numeric, overdue_days integer, problemfl integer, segment text, abs_dep_id bigint, abs_id bigint,
                   dea_dord date, dea_dep_id bigint, dea_id bigint, dea_code text, request_id bigint, debt_source text)
    LANGUAGE sql AS $$
    SELECT CASE WHEN i % 2 = 0 THEN 'way4' ELSE 'colvir' END, l.contract, l.agreement, date '2024-02-29', l.iin, l.fullname, l.iban,
           'KZT', 1000.25 + i, 91, 1, 'РБ', 555, round * 1000000 + i, date '2024-02-28', 555, i, 'D' || i, l.request, 'copy'
      FROM generate_series(1, items) i CROSS JOIN LATERAL bench.loan('C', round, i) l
$$;
