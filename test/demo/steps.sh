# The steps of demo.sh, sourced: each shows one part of the main job and checks what it promises.

build() {
    say "building k2bridge and the stand-in bank in a copy of the tree"
    copy_tree "$work/tree"
    run_as_user make -C "$work/tree" -j"$(nproc)" >"$work/log/build.log" 2>&1 ||
        { tail -n 20 "$work/log/build.log" >&2; return 1; }
    run_as_user make -C "$work/tree/test/sandbox" -j"$(nproc)" >"$work/log/sandbox-build.log" 2>&1 ||
        { tail -n 20 "$work/log/sandbox-build.log" >&2; return 1; }
    bin=$(pg_config --bindir)
}

start_bank() {
    local token
    token=$(openssl rand -hex 16)
    (umask 077 && echo "$token" >"$work/abs.token")
    [ "$(id -u)" != 0 ] || chown "$user" "$work/abs.token"
    run_as_user bash -c "'$work/tree/test/sandbox/k2sandbox' --port-file '$work/bank.port' --pid-file '$work/bank.pid' \
        --bearer $token >'$work/log/bank.log' 2>&1 &"
    local deadline=$((SECONDS + 30))
    until [ -s "$work/bank.port" ]; do
        [ $SECONDS -lt $deadline ] || { cat "$work/log/bank.log" >&2; return 1; }
        sleep 0.1
    done
    bank_port=$(cat "$work/bank.port")
    bank_set data '{"debts": {"KD0000000001": 86429.87, "colvir:2:1001": 99999999999999.99}}'
    say "the stand-in bank answers on port $bank_port"
}

start_database() {
    local address=http://127.0.0.1:$bank_port
    run_as_user bash "$work/tree/test/cluster.sh" start "$work/cluster" k2bridge.databases=bank >"$work/log/cluster.log" 2>&1 ||
        { cat "$work/log/cluster.log" >&2; return 1; }
    database=postgres as_admin -c "CREATE ROLE k2_owner LOGIN" -c "CREATE DATABASE bank OWNER k2_owner"
    as_admin -o /dev/null -v token_file="$work/abs.token" -v get_cli="$address/abs/get_cli" \
        -v get_acc="$address/abs/get_acc" -v get_acc_stmt_dt="$address/abs/get_acc_stmt_dt" \
        -v get_pdf="$address/abs/get_pdf" -v reg_pt="$address/abs/reg_pt" -v refuse_pt="$address/abs/refuse_pt" \
        -v return_pt="$address/abs/return_pt" -v colvir="$address/colvir/get_loan_debt" \
        -v way4="$address/way4/get_loan_debt" -v get_all_pt="$address/abs/get_all_pt" \
        -v eko="$address/eko/post_all_loan_exclude" -f "$root/test/demo/install.sql"
    say "database \"bank\" is up, its tables belong to role k2_owner, who is no superuser"
    await "launcher, dispatcher and scheduler run" 20 3 as_admin_value \
        "SELECT count(DISTINCT backend_type) FROM pg_stat_activity
          WHERE backend_type IN ('k2bridge launcher', 'k2bridge dispatcher', 'k2bridge scheduler')"
}

loans() {
    title "1. ЕКО pushes overdue loans (k2loan_from_eko); the dossier of each is completed by five calls to the ABS"
    expect_json "the documented payload is answered as documented" "$(payload ok.reply)" \
        "$(service k2loan_from_eko "$(payload k2loan_from_eko.request)")"
    expect_json "a payload with two bad IINs names both, and stores the good loan" \
        "$(payload k2loan_from_eko.reply-bad-iin)" "$(service k2loan_from_eko "$(payload k2loan_from_eko.request-bad-iin)")"
    expect_json "a Colvir loan is taken too" "$(payload ok.reply)" \
        "$(service k2loan_from_eko "$(payload colvir_loan.request)")"
    expect "two loans are stored, the bad items are not" 2 "$(value 'SELECT count(*) FROM k2.loan')"
    expect "the refused items are kept for a replay" 2 "$(value 'SELECT count(*) FROM k2bridge.rejected_item')"
    await "both dossiers are complete" 30 2 value "SELECT count(*) FROM k2.loan_dossier WHERE ready"
    expect "the bank was asked five things about each loan" \
        '{"/abs/get_acc":2,"/abs/get_acc_stmt_dt":2,"/abs/get_cli":2,"/abs/get_pdf":2,"/colvir/get_loan_debt":1,"/way4/get_loan_debt":1}' \
        "$(at_bank 'log?limit=1000' '[.entries[].path] | group_by(.) | map({(.[0]): length}) | add')"
    # The second push named its own debt, so what O9 answered to the first one may stand behind it.
    expect "asked directly, the ABS names the debt of today" 86429.87 \
        "$(value "SELECT abs.refresh_debt(id) FROM k2.loan WHERE system = 'way4'")"
    expect "debts are kept to the last tiyn" "86429.87 99999999999999.99" \
        "$(value "SELECT string_agg(debt::text, ' ' ORDER BY debt) FROM k2.loan")"
    show "Loans:" "SELECT system, contract_number, fullname, debt, cur, overdue_days FROM k2.loan ORDER BY id"
    show "What the ABS said about them:" \
        "SELECT l.contract_number, c.fullname, format('%s%s', c.residfl, c.sectecon) AS kod, a.iban, s.purpose, s.amount,
                f.name AS scan, length(f.content) AS bytes
           FROM k2.loan l JOIN abs.client c USING (iinbin) JOIN abs.statement_line s ON s.loan_id = l.id
           LEFT JOIN LATERAL (SELECT iban FROM abs.account WHERE iinbin = l.iinbin ORDER BY iban LIMIT 1) a ON true
           LEFT JOIN abs.scan d ON (d.dbz_num, d.dbz_dt, d.iinbin) = (l.dbz_contract_number, l.dbz_dt, l.iinbin)
           LEFT JOIN k2.file f ON f.id = d.file_id ORDER BY l.id"
}

outgoing() {
    local code reply
    title "2. An outgoing ПТ: created on the fresh debt, paid in two parts; a payment is never taken twice"
    code=$(value "SELECT code FROM k2.create_extreq((SELECT id FROM k2.loan WHERE system = 'way4'), 'KPSTKZKA', 'KZ62563TEST000000001')")
    expect "its amount is the debt" 86429.87 "$(value "SELECT amount FROM k2.extreq WHERE code = :'code'" -v code="$code")"
    reply=$(service k2extreq_pay_from_eko "{\"items\":[
        {\"request_id\":1,\"trn_id\":501,\"refer\":\"$code\",\"cur\":\"KZT\",\"amount\":86429.77,\"incoming_amount\":90000},
        {\"request_id\":2,\"trn_id\":502,\"refer\":\"$code\",\"cur\":\"KZT\",\"amount\":\"0.10\"}]}")
    expect_json "both payments are taken" "$(payload ok.reply)" "$reply"
    expect "the ПТ is executed" "86429.87 Исполнен" "$(value "SELECT e.paid_amount || ' ' || s.title
        FROM k2.extreq e JOIN k2.extreq_stat s ON s.id = e.stat_id WHERE e.code = :'code'" -v code="$code")"
    sql -c "INSERT INTO k2.extreq (code, loan_id, bank_code, extacc_code, cur, amount)
            SELECT 'PTPJ200000000037', id, 'CASPKZKA', 'KZ82722TEST000000001', 'KZT', 5000000.00 FROM k2.loan WHERE system = 'colvir'"
    expect_json "the documented payments are taken" "$(payload ok.reply)" \
        "$(service k2extreq_pay_from_eko "$(payload k2extreq_pay_from_eko.request)")"
    expect_json "the first of them once more is refused as documented" "$(payload k2extreq_pay_from_eko.reply-duplicate)" \
        "$(service k2extreq_pay_from_eko "$(payload k2extreq_pay_from_eko.request | jq '{items: [.items[0]]}')")"
    expect "and paid is what was paid" 5000000.00 "$(value "SELECT paid_amount FROM k2.extreq WHERE code = 'PTPJ200000000037'")"
    reply=$(service k2extreq_by_dbz '{"contract_number":"KD0000000001","dbz_dt":"2014-02-08"}')
    expect "k2extreq_by_dbz gives amounts as text" '["86429.87","86429.87"]' \
        "$(jq -c '[.items[0].amount, .items[0].paid_amount]' <<<"$reply")"
    show "Outgoing ПТ:" "SELECT e.code, e.bank_code, e.amount, e.paid_amount, s.title AS status FROM k2.extreq e
                          JOIN k2.extreq_stat s ON s.id = e.stat_id ORDER BY e.id"
}

# insert_req REFER AMOUNT: an incoming ПТ with the fields of the documented request
insert_req() {
    sql -v pt="$(payload abs_reg_pt.request)" -v refer="$1" -v amount="$2" <<'END'
INSERT INTO k2.req (refer, amount, accept_dt, doc_num, doc_at, iinbin, acc_fullname, ben_fullname, ben_bin, ben_iban,
                    ben_kbe, cur, knp, dbz_num, dbz_dt, purpose, head, account)
SELECT :'refer', :'amount', accept_dt, doc_num, doc_at, iinbin, acc_fullname, ben_fullname, ben_bin, ben_iban,
       ben_kbe, cur, knp, dbz_num, dbz_dt, purpose, head, account
  FROM jsonb_to_record(:'pt') AS r(accept_dt date, doc_num text, doc_at date, iinbin text, acc_fullname text,
       ben_fullname text, ben_bin text, ben_iban text, ben_kbe text, cur text, knp text, dbz_num text, dbz_dt date,
       purpose text, head text, account text);
END
}

status_of() { value "SELECT status FROM k2.req WHERE refer = :'refer'" -v refer="$1"; }
status_from_eko() { service k2req_status_from_eko "{\"reference\":\"$1\",\"status_code\":\"$2\"}"; }

incoming() {
    local code
    title "3. Incoming ПТ of other banks: registered in the ABS, accepted, put into the card index, executed; recalled; returned"
    insert_req PTP0000000000001 2000000
    insert_req PTP00000000001 86429.87
    insert_req PTP0000000000003 0.10
    await "three ПТ are registered" 30 3 value "SELECT count(*) FROM k2.req WHERE status = 'registered'"
    expect "the bank received the amounts to the last tiyn" "86429.87 0.10" \
        "$(at_bank 'registry?refer=PTP00000000001' '.items[0].amount_text') $(at_bank 'registry?refer=PTP0000000000003' '.items[0].amount_text')"
    expect "the bank received the documented ПТ as documented" "$(payload abs_reg_pt.request | jq -cS .)" \
        "$(at_bank 'log?path=/abs/reg_pt&contains=PTP0000000000001' '.entries[0].body | fromjson' | jq -cS .)"
    expect_json "the documented PC1 is taken" "$(payload ok.reply)" "$(service k2req_status_from_eko "$(payload k2req_status_from_eko.request)")"
    expect "accepted" accepted "$(status_of PTP00000000001)"
    for code in PC3:in_card_index EXECUTED:executed; do
        expect_json "${code%:*} is taken" "$(payload ok.reply)" "$(status_from_eko PTP00000000001 "${code%:*}")"
        expect "${code#*:}" "${code#*:}" "$(status_of PTP00000000001)"
    done
    sql -o /dev/null -c "SELECT k2.recall_req('PTP0000000000001', '01')"
    await "a recalled ПТ is recalled once the bank agreed" 20 recalled status_of PTP0000000000001
    expect "the bank received the documented recall" "$(payload abs_refuse_pt.request | jq -cS .)" \
        "$(at_bank 'log?path=/abs/refuse_pt' '.entries[0].body | fromjson' | jq -cS .)"
    sql -c "UPDATE k2.req SET status = 'returning', reason_code = '99' WHERE refer = 'PTP0000000000003'"
    await "a plain UPDATE returns a ПТ just the same" 20 returned status_of PTP0000000000003
    show "Incoming ПТ:" "SELECT refer, ben_fullname, amount, cur, status, reason_code FROM k2.req ORDER BY created_at"
    show "What happened to them:" "SELECT refer, string_agg(kind, ' → ' ORDER BY id) AS events FROM k2.req_event GROUP BY refer ORDER BY min(id)"
}

dispatcher_pid() { as_admin_value "SELECT pid FROM pg_stat_activity WHERE backend_type = 'k2bridge dispatcher' AND datname = 'bank'"; }
as_admin_value() { as_admin -Atc "$1"; }

due="SELECT count(*) FROM k2bridge.outbox WHERE due_at < now() + interval '1 hour'"

crash() {
    local i pid
    title "4. The dispatcher is killed with -9 while calls are under way: nothing is lost, nothing is registered twice"
    bank_set faults '{"rules":[{"name":"slow","kind":"latency","ms":1500,"process":"arrival","path":"/abs"}]}'
    for i in $(seq 10 29); do insert_req "PTPDEMO00000000$i" "$i.0$((i % 10))"; done
    service k2loan_from_eko "$(jq -c '[range(10) as $i | .[0] + {contract_number: "KD10\($i)", dbz_contract_number: "KD10\($i)",
        iban: "KZ49998TEST00000000\($i)", request_id: $i}]' <<<"$(payload k2loan_from_eko.request)")" >/dev/null
    # All four connections of the server are taken, so nothing is between the database and the bank.
    await "the bank has four calls, ПТ among them, and has not answered yet" 30 true at_bank 'count?path=/abs' '.received - .answered >= 4'
    pid=$(dispatcher_pid)
    kill -9 "$pid"
    printf '  killed dispatcher %s; waiting for what it left behind\n' "$pid"
    bank_set faults '{"rules":[]}'
    await "a new dispatcher is at work" 30 true new_dispatcher "$pid"
    await "every ПТ is registered" 120 20 value "SELECT count(*) FROM k2.req WHERE refer LIKE 'PTPDEMO%' AND status = 'registered'"
    # One loan has no disbursement line in the ABS: that is an answer, and a call for next week.
    await "nothing due is left in the queue" 120 0 value "$due"
    expect "no ПТ reached the bank twice" '[20,1]' "$(at_bank registry '[.items[] | select(.refer | startswith("PTPDEMO")) | .arrived.reg_pt] | [length, max]')"
    expect "all dossiers are complete" 0 "$(value 'SELECT count(*) FROM k2.loan_dossier WHERE NOT ready')"
    printf '  registrations cut off unanswered, about which the bank was asked (O10): %s\n' \
        "$(value "SELECT count(DISTINCT args #>> '{about,call_id}') FROM k2bridge.call WHERE endpoint = 'abs.verify_pt'")"
    show "How the registrations ended:" "SELECT outcome, count(*), sum(attempts) AS attempts FROM k2bridge.call WHERE endpoint = 'abs.reg_pt' GROUP BY outcome"
}

new_dispatcher() {
    local pid
    pid=$(dispatcher_pid)
    [ -n "$pid" ] && [ "$pid" != "$1" ] && echo true
}

exclusions() {
    local error
    title "5. Exclusions: one on a loan blocks a ПТ, the general list goes to ЕКО in full"
    expect_json "the documented exclusion is switched on" "$(payload ok.reply)" \
        "$(service k2loan_exclude_on_by_iin_dbznum "$(payload k2loan_exclude_on_by_iin_dbznum.request)")"
    if error=$(sql -v SHOW_CONTEXT=never -c "SELECT k2.create_extreq((SELECT id FROM k2.loan WHERE contract_number = 'KD0000000001'), 'KPSTKZKA', 'KZ62563TEST000000001')" 2>&1); then
        broken "a ПТ was created although the loan is excluded"
    fi
    printf '%s\n' "$error" | sed 's/^/  refused: /'
    expect "no ПТ was created" 2 "$(value 'SELECT count(*) FROM k2.extreq')"
    expect_json "switching off one that is not there is answered as documented" "$(payload k2loan_exclude_off_by_iin_dbznum.reply-not-found)" \
        "$(service k2loan_exclude_off_by_iin_dbznum "$(payload k2loan_exclude_off_by_iin_dbznum.request)")"
    expect_json "switched off again" "$(payload ok.reply)" \
        "$(service k2loan_exclude_off_by_iin_dbznum "$(payload k2loan_exclude_on_by_iin_dbznum.request | jq '{iin, dbz_num}')")"
    show "History of the exclusion:" "SELECT iin, dbz_num, code, author, title FROM k2.loan_exclude_hist ORDER BY id"
    sql -v list="$(payload post_all_loan_exclude_to_eko.request)" <<'END'
INSERT INTO k2.exclusion (id, iin, bank, iban, for_bank, for_extreq, for_iban, for_refuse, finish_dt, is_active)
SELECT id, iin, bank, iban, for_bank = '1', for_extreq = '1', for_iban = '1', for_refuse = '1', finish_dt, is_active = '1'
  FROM jsonb_to_recordset(:'list'::jsonb -> 'items') AS r(id bigint, iin text, bank text, iban text, for_bank text,
       for_extreq text, for_iban text, for_refuse text, finish_dt date, is_active text);
END
    await "the first push of all waits for a person" 20 1 value "SELECT count(*) FROM k2bridge.problems WHERE endpoint = 'abs.post_all_loan_exclude_to_eko'"
    expect "nothing was sent yet" 0 "$(at_bank exclusions .arrived)"
    sql -o /dev/null -c "SELECT abs.push_exclusions(confirm => true)"
    await "ЕКО has the list" 20 5 at_bank exclusions '.items | length'
    expect "exactly the documented one" "$(payload post_all_loan_exclude_to_eko.request | jq -cS '.items | sort_by(.id)')" \
        "$(at_bank exclusions '.items | sort_by(.id)' | jq -cS .)"
    sql -c "INSERT INTO k2.exclusion (iin, for_extreq) VALUES ('000000000000', true)"
    await "a new ban reaches ЕКО by itself" 20 6 at_bank exclusions '.items | length'
}

story() {
    title "8. What the tables and the call history say now"
    expect "nothing due is left in the queue" 0 "$(value "$due")"
    expect "nothing needs a person but the refused items" rejected_item "$(value 'SELECT DISTINCT kind FROM k2bridge.problems')"
    show "Refused items, each with what to do once its cause is mended (k2bridge.problems):" \
        "SELECT kind, subject, text, remedy FROM k2bridge.problems"
    show "Workers and servers (k2bridge.status):" "TABLE k2bridge.status"
    show "Calls by endpoint (k2bridge.call):" \
        "SELECT endpoint, outcome, count(*), round(avg(extract(epoch FROM duration)) * 1000, 1) AS avg_ms
           FROM k2bridge.call GROUP BY endpoint, outcome ORDER BY endpoint, outcome"
    show "The last calls:" \
        "SELECT id, endpoint, subject, outcome, http_status AS http, attempts AS tries, to_char(finished_at, 'HH24:MI:SS.MS') AS at
           FROM k2bridge.call ORDER BY finished_at DESC LIMIT 12"
}

how_to_connect() {
    trap - EXIT
    printf '\nStill running. Connect as the owner of the tables:\n\n  %s/psql -h %s -p %s -U k2_owner bank\n\n' \
        "$bin" "$work/cluster/run" "$(cat "$work/cluster/port")"
    printf 'Ask the bank what it received:\n\n  BANK=http://127.0.0.1:%s\n  curl -s $BANK/_/registry | jq .\n\n' "$bank_port"
    printf 'Post a payload as ЕКО does:\n\n  curl -H @%s/eko.header -d '"'"'{"refer": "none"}'"'"' -H "Content-Type: application/json" http://127.0.0.1:%s/restapi/services/run/k2inforeq_rzap_by_refer\n\n' \
        "$work" "$listener_port"
    printf 'Log in to the status page as duty with the token in %s/duty.header.\n\n' "$work"
    printf 'The tour in README.md goes on from here. Stop it and remove everything:\n\n  bash %s/test/demo.sh --stop %s\n' "$root" "$work"
}

what_next() {
    printf '\nNext: bash test/demo.sh --keep leaves it all running; README.md has a ten-minute tour to paste into psql.\n'
}
