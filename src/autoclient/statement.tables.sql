-- What the statement half keeps: companies, the bank's day, accounts, balances, rates.

CREATE TABLE IF NOT EXISTS autoclient.company (
    server          name PRIMARY KEY,
    start_date      date,
    page_size       integer NOT NULL DEFAULT 100 CHECK (page_size BETWEEN 1 AND 500),
    window_days     integer NOT NULL DEFAULT 31 CHECK (window_days BETWEEN 1 AND 366),
    backfill_paused boolean NOT NULL DEFAULT false,
    added_at        timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE autoclient.company IS 'Companies whose statements are polled, one per server (autoclient.add_company, autoclient.poll).';
COMMENT ON COLUMN autoclient.company.server IS 'foreign server of type autoclient';
COMMENT ON COLUMN autoclient.company.start_date IS 'first day of the history that is wanted; null until the first settings arrive, then the operational day before';
COMMENT ON COLUMN autoclient.company.page_size IS 'rows asked for in a page of final data (the bank allows 500); interim pages have at most 100';
COMMENT ON COLUMN autoclient.company.window_days IS 'days asked for at once when final days are fetched';
COMMENT ON COLUMN autoclient.company.backfill_paused IS 'true: no new window of final days is begun';
COMMENT ON COLUMN autoclient.company.added_at IS 'when it was added';

CREATE TABLE IF NOT EXISTS autoclient.server_day (
    server                 name PRIMARY KEY,
    phase                  text,
    work_balance           text,
    today                  date,
    lastday                date,
    date_final_statement   date,
    dates_without_oper_day date[] NOT NULL DEFAULT '{}',
    server_date_time       timestamptz,
    clock_skew             interval,
    asked_at               timestamptz NOT NULL,
    waiting_since          timestamptz,
    last_error             text,
    round_done_at          timestamptz
);
COMMENT ON TABLE autoclient.server_day IS 'What the settings call last said about the banks day.';
COMMENT ON COLUMN autoclient.server_day.server IS 'foreign server';
COMMENT ON COLUMN autoclient.server_day.phase IS 'WRK: the bank works normally; anything else: calls may fail';
COMMENT ON COLUMN autoclient.server_day.work_balance IS 'Y: end-of-day jobs run, do not ask; N: ask';
COMMENT ON COLUMN autoclient.server_day.today IS 'current operational day, upper edge of the interim statement';
COMMENT ON COLUMN autoclient.server_day.lastday IS 'operational day before, lower edge of the interim statement';
COMMENT ON COLUMN autoclient.server_day.date_final_statement IS 'last day, inclusive, whose statement is final';
COMMENT ON COLUMN autoclient.server_day.dates_without_oper_day IS 'days without operational day';
COMMENT ON COLUMN autoclient.server_day.server_date_time IS 'clock of the bank';
COMMENT ON COLUMN autoclient.server_day.clock_skew IS 'clock of the bank minus ours';
COMMENT ON COLUMN autoclient.server_day.asked_at IS 'when the bank said so';
COMMENT ON COLUMN autoclient.server_day.waiting_since IS 'since when the bank is not ready (phase, work_balance); null: it is';
COMMENT ON COLUMN autoclient.server_day.last_error IS 'why the last round ended early';
COMMENT ON COLUMN autoclient.server_day.round_done_at IS 'when a round last got as far as the accounts';

CREATE TABLE IF NOT EXISTS autoclient.account (
    server         name NOT NULL,
    acc            text NOT NULL,
    name           text,
    currency       text,
    state          text,
    poll           boolean NOT NULL DEFAULT true,
    start_date     date NOT NULL,
    final_through  date,
    walked_through date,
    resume_from    date,
    resume_through date,
    backfill_since timestamptz,
    backfill_from  date,
    rechecked_at   timestamptz,
    discovered_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_poll      timestamptz,
    last_error     text,
    PRIMARY KEY (server, acc),
    CHECK (final_through >= start_date - 1),
    CHECK (walked_through >= start_date - 1)
);
COMMENT ON TABLE autoclient.account IS 'Accounts that the bank named, and how far their statement is known.';
COMMENT ON COLUMN autoclient.account.server IS 'foreign server';
COMMENT ON COLUMN autoclient.account.acc IS 'number of the account as the banks balances name it';
COMMENT ON COLUMN autoclient.account.name IS 'title (wire nameACC)';
COMMENT ON COLUMN autoclient.account.currency IS 'letters';
COMMENT ON COLUMN autoclient.account.state IS 'state as the bank writes it';
COMMENT ON COLUMN autoclient.account.poll IS 'false: its statement is not fetched';
COMMENT ON COLUMN autoclient.account.start_date IS 'first day of its history here';
COMMENT ON COLUMN autoclient.account.final_through IS 'all days from start_date to this one are final and add up; null: none yet';
COMMENT ON COLUMN autoclient.account.walked_through IS 'all days to this one were fetched as final, whether they add up or not';
COMMENT ON COLUMN autoclient.account.resume_from IS 'backfill: where the history that was here before begins';
COMMENT ON COLUMN autoclient.account.resume_through IS 'backfill: to where that history is final';
COMMENT ON COLUMN autoclient.account.backfill_since IS 'when the fetching of past days began; null: none under way';
COMMENT ON COLUMN autoclient.account.backfill_from IS 'first day of that fetching';
COMMENT ON COLUMN autoclient.account.rechecked_at IS 'when days that do not add up were last fetched again';
COMMENT ON COLUMN autoclient.account.discovered_at IS 'when the bank first named it';
COMMENT ON COLUMN autoclient.account.last_poll IS 'when its interim statement was last complete';
COMMENT ON COLUMN autoclient.account.last_error IS 'why the last fetching ended early; null: it did not';

CREATE TABLE IF NOT EXISTS autoclient.balance (
    server           name NOT NULL,
    acc              text NOT NULL,
    day              date NOT NULL,
    currency         text,
    balance_in       numeric(20,2) NOT NULL,
    balance_out      numeric(20,2) NOT NULL,
    turnover_debt    numeric(20,2) NOT NULL,
    turnover_cred    numeric(20,2) NOT NULL,
    balance_in_eq    numeric(20,2),
    balance_out_eq   numeric(20,2),
    turnover_debt_eq numeric(20,2),
    turnover_cred_eq numeric(20,2),
    is_final         boolean NOT NULL DEFAULT false,
    raw              jsonb,
    seen_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (server, acc, day)
);
COMMENT ON TABLE autoclient.balance IS 'Balance and turnover of an account on a day. Final rows are never overwritten by interim ones.';
COMMENT ON COLUMN autoclient.balance.server IS 'foreign server';
COMMENT ON COLUMN autoclient.balance.acc IS 'account';
COMMENT ON COLUMN autoclient.balance.day IS 'operational day (wire dpd)';
COMMENT ON COLUMN autoclient.balance.currency IS 'letters';
COMMENT ON COLUMN autoclient.balance.balance_in IS 'opening balance';
COMMENT ON COLUMN autoclient.balance.balance_out IS 'closing balance';
COMMENT ON COLUMN autoclient.balance.turnover_debt IS 'debit turnover';
COMMENT ON COLUMN autoclient.balance.turnover_cred IS 'credit turnover';
COMMENT ON COLUMN autoclient.balance.balance_in_eq IS 'opening balance in UAH';
COMMENT ON COLUMN autoclient.balance.balance_out_eq IS 'closing balance in UAH';
COMMENT ON COLUMN autoclient.balance.turnover_debt_eq IS 'debit turnover in UAH';
COMMENT ON COLUMN autoclient.balance.turnover_cred_eq IS 'credit turnover in UAH';
COMMENT ON COLUMN autoclient.balance.is_final IS 'the bank will not change it any more';
COMMENT ON COLUMN autoclient.balance.raw IS 'wire fields without a column';
COMMENT ON COLUMN autoclient.balance.seen_at IS 'when the bank last said so';

CREATE TABLE IF NOT EXISTS autoclient.rate (
    server     name NOT NULL,
    currency   text NOT NULL,
    side       text NOT NULL CHECK (side IN ('B', 'S')),
    at         timestamptz NOT NULL,
    rate       numeric NOT NULL,
    rate_delta numeric,
    nbu_rate   numeric,
    PRIMARY KEY (server, currency, side, at)
);
COMMENT ON TABLE autoclient.rate IS 'Exchange rates.';
COMMENT ON COLUMN autoclient.rate.server IS 'foreign server';
COMMENT ON COLUMN autoclient.rate.currency IS 'letters';
COMMENT ON COLUMN autoclient.rate.side IS 'B: the bank buys, S: it sells';
COMMENT ON COLUMN autoclient.rate.at IS 'since when it holds';
COMMENT ON COLUMN autoclient.rate.rate IS 'UAH for one unit';
COMMENT ON COLUMN autoclient.rate.rate_delta IS 'change';
COMMENT ON COLUMN autoclient.rate.nbu_rate IS 'rate of the National Bank';
