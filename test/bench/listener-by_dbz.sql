-- The ПТ of one of 1,000 loans, as pgbench asks for it.
\set loan random(1, 1000)
SELECT k2.k2extreq_by_dbz(format('{"contract_number": "D%s", "dbz_dt": "2021-01-01"}', :loan::int)::jsonb);
