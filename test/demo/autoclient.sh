# The chapter of demo.sh about PrivatBank's Autoclient, sourced: a company is set up in one call, a year of history is
# fetched, a day passes, a payment is made and found again in the statement.

progress_line() {
    value "SELECT coalesce(string_agg(format('%s %s of %s days', right(what, 4), done, total), ', ' ORDER BY what), 'done')
             FROM k2bridge.progress WHERE what LIKE 'backfill%'"
}

show_progress() {
    local line former= deadline=$((SECONDS + 180))
    until [ "$(value "SELECT count(*) = 3 AND bool_and(a.final_through = d.date_final_statement)
                        FROM autoclient.account a JOIN autoclient.server_day d USING (server)")" = t ]; do
        [ $SECONDS -lt $deadline ] || broken "the history is not there yet: $(progress_line)"
        line=$(progress_line)
        [ "$line" = "$former" ] || printf '  k2bridge.progress: %s\n' "$line"
        former=$line
        sleep 0.5
    done
    checks=$((checks + 1))
    printf '  ok: a year of three accounts is fetched, final and adds up\n'
}

# The statement of the company at the bank and here: rows and sums of what was booked.
same_sums() {
    expect "rows, debits and credits are those of the bank, to the hundredth" \
        "$(bank "ac/totals" | jq -r '[(.accounts | map(.rows) | add)] + [.accounts | sort_by(.acc)[] | .debit, .credit] | map(tostring) | join(" ")')" \
        "$(value "SELECT concat_ws(' ', sum(n), string_agg(concat_ws(' ', debit, credit), ' ' ORDER BY acc))
                    FROM (SELECT acc, count(*) AS n, coalesce(sum(sum) FILTER (WHERE trantype = 'D'), 0) AS debit,
                                 coalesce(sum(sum) FILTER (WHERE trantype = 'C'), 0) AS credit
                            FROM autoclient.transaction WHERE NOT vanished AND pr_pr = 'r' AND fl_real = 'r' GROUP BY acc) t")"
}

poll_now() {
    sql -o /dev/null -c "SELECT autoclient.poll('privat')"
    await "$1" 60 0 value "SELECT count(*) FROM k2bridge.outbox WHERE endpoint LIKE 'autoclient.%'"
}

autoclient() {
    local payer ref
    title "7. Autoclient: a company with three accounts, a year of statements, a new day, a payment"
    bank_set ac/bank '{"history_days": 365, "rows_per_day": 8, "oddities": false,
        "companies": [{"accounts": ["UAH", "UAH", "USD"]}], "tokens": [{"token": "demo-token", "name": "demo"}]}'
    (umask 077 && echo demo-token >"$work/privat.token")
    [ "$(id -u)" != 0 ] || chown "$user" "$work/privat.token"
    as_admin -o /dev/null -c "SELECT autoclient.add_company('privat', '$work/privat.token', start_date => '2025-01-01',
        base_url => 'http://127.0.0.1:$bank_port')"
    show_progress
    same_sums
    poll_now "the accounts are polled"
    bank_set ac/advance '{"days": 1, "time": "09:30"}'
    poll_now "a day later they are polled again"
    same_sums
    payer=$(value "SELECT acc FROM autoclient.account WHERE currency = 'UAH' ORDER BY acc LIMIT 1")
    sql <<END
INSERT INTO autoclient.payment (client_ref, request) VALUES ('invoice-17', jsonb_build_object(
    'document_number', '17', 'payer_account', '$payer', 'recipient_account', 'UA143052990000026008050000001',
    'recipient_nceo', '34554355', 'payment_naming', 'ТОВ ПОСТАЧАЛЬНИК', 'payment_amount', '100.10',
    'payment_destination', 'За послуги, рахунок 17', 'payment_ccy', 'UAH'));
END
    await "an INSERT makes a draft at the bank" 20 created value "SELECT state FROM autoclient.payment WHERE client_ref = 'invoice-17'"
    ref=$(value "SELECT payment_ref FROM autoclient.payment WHERE client_ref = 'invoice-17'")
    bank_set ac/pay "{\"ref\": \"$ref\"}"
    poll_now "signed in the cabinet and polled"
    show "The payment and its row in the statement:" \
        "SELECT p.client_ref, p.state, p.amount, t.acc, t.dat_od, t.sum, t.osnd FROM autoclient.payment p
           JOIN autoclient.transaction t USING (server, acc, trantype, ref, refn)"
    expect "found again in the statement" booked "$(value "SELECT state FROM autoclient.payment WHERE client_ref = 'invoice-17'")"
    expect "autoclient.statement_check is empty" 0 "$(value 'SELECT count(*) FROM autoclient.statement_check')"
}
