-- One payment of a number of its own on one of 1,000 ПТ, as pgbench sends it. Variable: first.
\set first :first + 1
\set trn :client_id * 1000000 + :first
\set refer random(0, 999)
SELECT k2.k2extreq_pay_from_eko(format('[{"request_id": %1$s, "trn_id": %1$s, "refer": "R-%2$s", "cur": "KZT", "amount": 0.10}]', :trn::bigint, :refer::int)::jsonb);
