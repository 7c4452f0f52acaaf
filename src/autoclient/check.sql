-- Do the statements add up? The checks of design section 7, per account and day.

CREATE FUNCTION autoclient.is_booked(pr_pr text, fl_real text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$ SELECT pr_pr = 'r' AND fl_real = 'r' $$;
COMMENT ON FUNCTION autoclient.is_booked(text, text) IS
'Whether a row moved money and so counts in the turnover of its day; a bank that counts otherwise replaces this function.';

CREATE FUNCTION autoclient.check_days(server name, acc text, from_day date, to_day date) RETURNS TABLE (day date, problem text)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET enable_sort = off SET jit = off AS $$
    -- Rows alike are added up first, so that the bank's own formula is asked once for each kind and day, not for each row;
    -- by hashing, though statistics that know nothing of the account yet promise a single row, to be sorted for nothing.
    WITH alike AS MATERIALIZED (
        SELECT t.dat_od AS day, t.trantype, t.pr_pr, t.fl_real, t.is_final, NOT t.vanished AS live, sum(t.sum) AS sum, count(*) AS rows
          FROM autoclient.transaction t
         WHERE t.server = $1 AND t.acc = $2 AND t.dat_od BETWEEN $3 AND $4
         GROUP BY t.dat_od, t.trantype, t.pr_pr, t.fl_real, t.is_final, t.vanished
    ), judged AS MATERIALIZED (
        SELECT a.*, a.live AND autoclient.is_booked(a.pr_pr, a.fl_real) AS booked FROM alike a
    ), booked AS MATERIALIZED (
        SELECT j.day, coalesce(sum(j.sum) FILTER (WHERE j.trantype = 'D' AND j.booked), 0) AS debt,
               coalesce(sum(j.sum) FILTER (WHERE j.trantype = 'C' AND j.booked), 0) AS cred,
               coalesce(sum(j.rows) FILTER (WHERE j.booked), 0) AS moves,
               bool_or(j.live AND NOT j.is_final) AS open, bool_or(NOT j.live) AS vanished
          FROM judged j
         GROUP BY j.day
    ), known AS MATERIALIZED (
        SELECT b.*, lag(b.balance_out) OVER (ORDER BY b.day) AS former_out
          FROM autoclient.balance b
         WHERE b.server = $1 AND b.acc = $2
           AND b.day BETWEEN coalesce((SELECT max(e.day) FROM autoclient.balance e WHERE e.server = $1 AND e.acc = $2 AND e.day < $3), $3) AND $4
    ), quiet AS MATERIALIZED (
        -- Whether this bank sends balances of days without movement, which its document leaves open.
        SELECT EXISTS (SELECT FROM autoclient.balance b
                        WHERE b.server = $1 AND b.acc = $2 AND b.is_final AND b.turnover_debt = 0 AND b.turnover_cred = 0
                          AND NOT EXISTS (SELECT FROM autoclient.transaction t
                                           WHERE t.server = $1 AND t.acc = $2 AND t.dat_od = b.day)) AS told
    ), days AS (
        SELECT d.day::date AS day
          FROM generate_series($3::timestamp, $4::timestamp, interval '1 day') d (day)
    )
    SELECT d.day, p.problem
      FROM days d
      LEFT JOIN booked m ON m.day = d.day
      LEFT JOIN known b ON b.day = d.day
      LEFT JOIN LATERAL (SELECT n.balance_in FROM autoclient.balance n
                          WHERE b.day IS NULL AND n.server = $1 AND n.acc = $2 AND n.day > d.day ORDER BY n.day LIMIT 1) later ON true
      LEFT JOIN LATERAL (SELECT n.balance_out FROM autoclient.balance n
                          WHERE b.day IS NULL AND n.server = $1 AND n.acc = $2 AND n.day < d.day ORDER BY n.day DESC LIMIT 1) earlier ON true
     CROSS JOIN quiet q
     CROSS JOIN LATERAL (VALUES
        ('turnover_debt', b.turnover_debt <> coalesce(m.debt, 0)),
        ('turnover_cred', b.turnover_cred <> coalesce(m.cred, 0)),
        ('arithmetic', b.balance_in + b.turnover_cred - b.turnover_debt <> b.balance_out),
        ('continuity', b.balance_in <> b.former_out),
        ('missing_balance', b.day IS NULL
            AND (m.moves > 0 OR earlier.balance_out <> later.balance_in
                 OR q.told AND NOT EXISTS (SELECT FROM autoclient.server_day s WHERE s.server = $1 AND d.day = ANY (s.dates_without_oper_day)))),
        ('not_final', coalesce(m.open, false) OR NOT coalesce(b.is_final, true)),
        ('vanished', coalesce(m.vanished, false))) AS p (problem, wrong)
     WHERE p.wrong
     ORDER BY d.day, p.problem
$$;
COMMENT ON FUNCTION autoclient.check_days(name, text, date, date) IS
'What does not add up in the days of an account: turnover_debt, turnover_cred, arithmetic, continuity, missing_balance, not_final, vanished.';

CREATE FUNCTION autoclient.poll_remedy(server name, error text, company text, place text) RETURNS text
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE
        -- Which company is meant only a person knows: the group's companies, each with the SQL to paste next.
        WHEN e.lacks_id AND $3 IS NULL THEN
            format('SELECT c AS company, format(''ALTER SERVER %%1$I OPTIONS (ADD group_id %%2$L); SELECT autoclient.poll(%%1$L);'', %1$L, c) AS remedy FROM autoclient.clients_in_group(%1$L) c;', $1)
        WHEN e.lacks_id THEN format('ALTER SERVER %1$I OPTIONS (%2$s group_id_in ''both''); SELECT autoclient.poll(%1$L);', $1, CASE WHEN $4 IS NULL THEN 'ADD' ELSE 'SET' END)
        WHEN e.refuses_id AND $3 IS NOT NULL THEN format('ALTER SERVER %1$I OPTIONS (DROP group_id); SELECT autoclient.poll(%1$L);', $1)
        ELSE format('SELECT autoclient.poll(%L);', $1) END
      FROM (SELECT $2 ~* 'id is not be null' AS lacks_id, $2 ~* 'id in mode for companies should not be present' AS refuses_id) e
$$;
COMMENT ON FUNCTION autoclient.poll_remedy(name, text, text, text) IS
'What to paste when a round of polling was refused: the two texts of group mode (wire/autoclient.md section 3) want another group_id or group_id_in of the server, given as company and place.';
