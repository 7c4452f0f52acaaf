# The Autoclient half over time: rows that change, days, maintenance, accounts, added rows. Sourced by selftest.sh.
start_bank
# bank CONFIGURATION: a new bank, one company with the token token-1
bank() { control ac/bank "{\"companies\":[{\"accounts\":[\"UAH\",\"UAH\"]}],\"tokens\":[{\"token\":\"token-1\",\"name\":\"one\"}]$1}"; }
# seen FILE: adds what the interim statement shows now, a line per row
seen() {
    ac_rows transactions/interim limit=100 | jq -c '[([.AUT_MY_ACC, .TRANTYPE, .REF, .REFN] | join(" ")), .PR_PR, .DAT_OD, .ID, .SUM]' >>"$1"
}

bank ',"rows_per_day":14,"history_days":4,"time":"23:59"'
: >"$work/seen"
for _ in 1 2 3 4 5 6 7 8; do
    seen "$work/seen"
    control ac/advance ''
done
truth '' '[.rows[] | select(.is_final) | [([.acc, .trantype, .ref, .refn] | join(" ")), .pr_pr, (.dat_od | split("-") | reverse | join(".")), .id, .sum]]' >"$work/final"
truth '' '[.gone[] | [.acc, .trantype, .ref, .refn] | join(" ")]' >"$work/gone"
# compared PROGRAM: jq over {seen: key -> first appearance, last: key -> last one, final: key -> final row, gone: [key]}
compared() {
    jq -nc --slurpfile seen "$work/seen" --slurpfile final "$work/final" --slurpfile gone "$work/gone" \
        "{seen: (\$seen | reverse | map({key: .[0], value: .}) | from_entries), last: (\$seen | map({key: .[0], value: .}) | from_entries),
          final: (\$final[0] | map({key: .[0], value: .}) | from_entries), gone: \$gone[0]} | $1"
}
both='[.seen | keys[]] - ([.seen | keys[]] - [.final | keys[]])'
is "ids change when a day becomes final" true "$(compared ". as \$all | [$both | .[] | \$all.seen[.][3] != \$all.final[.][3]] | all and length > 50")"
is "final ids are REF, REFN and time" true "$(truth '' '[.rows[] | select(.is_final) | .id == .ref + .refn + (.dat_od | split("-") | reverse | join("")) + (.time | gsub(":"; ""))] | all')"
is "amounts never change" true "$(compared ". as \$all | [$both | .[] | \$all.seen[.][4] == \$all.final[.][4]] | all")"
is "value dates change for some" true "$(compared ". as \$all | [$both | .[] | select(\$all.seen[.][2] != \$all.final[.][2])] | length > 0")"
is "some are reversed" true "$(compared ". as \$all | [$both | .[] | select(\$all.seen[.][1] == \"r\" and \$all.final[.][1] == \"t\")] | length > 0")"
is "some are being posted first" true "$(compared ". as \$all | [$both | .[] | select(\$all.seen[.][1] == \"p\" and \$all.final[.][1] == \"r\")] | length > 0")"
is "some vanish, and the truth says so" true "$(compared '([.seen | keys[]] - [.final | keys[]]) as $lost | (.gone | length > 0) and (.gone - $lost == [])')"
is "some are without ID" true "$(compared '[.seen[] | select(.[3] == null)] | length > 0')"
is "some appear late" true "$(compared '(.final | length) > ([.seen | keys[]] - ([.seen | keys[]] - [.final | keys[]]) | length)')"
is "own transfers have both sides" true "$(truth '' '[.rows | group_by([.ref, .refn])[] | select(length == 2)] | length > 0 and all(.[]; (map(.trantype) | sort) == ["C", "D"] and .[0].acc != .[1].acc and .[0].sum == .[1].sum)')"
is "every day still adds up" 0 "$(truth '' '[.balances | group_by(.acc)[] | [.[:-1], .[1:]] | transpose[] | select(.[0].balance_out != .[1].balance_in)] | length')"
is "one bank repeats" "$(bank ',"seed":5'; truth '' . | md5sum)" "$(bank ',"seed":5'; truth '' . | md5sum)"
is "another seed is another bank" differs "$([ "$(bank ',"seed":5'; truth '' . | md5sum)" = "$(bank ',"seed":6'; truth '' . | md5sum)" ] || echo differs)"

bank ',"oddities":false,"vary":false,"rows_per_day":10,"history_days":9,"today":"2026-03-30","time":"12:00","holidays":["2026-03-31","2026-04-01"]'
is "exactly so many rows" 180 "$(truth 'to=2026-03-29' '[.rows[] | select(.dat_od >= "2026-03-20")] | length')"
is "today shows only what has happened" 5 "$(ac "/api/statements/transactions?acc=$my&startDate=30-03-2026" | jq '.transactions | length')"
control ac/clock '{"time":"23:59"}'
is "and the rest later" 10 "$(ac "/api/statements/transactions?acc=$my&startDate=30-03-2026" | jq '.transactions | length')"
is "no posting in the hour that does not exist" 0 "$(truth 'from=2026-03-29&to=2026-03-29' '[.rows[] | select(.time[0:2] == "03")] | length')"
# day: today, lastday, final day, day of the server's clock
day() { ac /api/statements/settings | jq -r '.settings | [.today, .lastday, .date_final_statement, .server_date_time] | map(.[0:5]) | join(" ")'; }
is "before the holidays" '30.03 29.03 28.03 30.03' "$(day)"
control ac/advance '{"days":2}'
is "on a holiday the day before stays open" '30.03 29.03 28.03 01.04' "$(day)"
control ac/advance '{"days":1,"time":"09:00"}'
is "after the holidays" '02.04 30.03 29.03 02.04' "$(day)"
is "days without operational day" '["31.03.2026 00:00:00","01.04.2026 00:00:00"]' "$(ac /api/statements/settings | jq -c .settings.dates_without_oper_day)"
is "no balances on holidays" '["30.03","02.04"]' "$(ac "/api/statements/balance?acc=$my&startDate=30-03-2026" | jq -c '[.balances[].dpd[0:5]]')"
bank ',"lastday_is_final":true'
is "the other habit: lastday is final" '02.03 01.03 01.03 02.03' "$(day)"
is "then interim shows final rows too" '[true,false]' "$(ac /api/statements/balance/interim | jq -c '[.balances[0:2][].is_final_bal]')"

bank ',"rows_per_day":9,"vary":false'
follow=$(ac '/api/statements/transactions/interim?limit=2' | jq -r .next_page_id)
control ac/advance '{"after_calls":1}'
is "a page before the change of day" true "$(ac "/api/statements/transactions/interim?limit=2&followId=$follow" | jq '.transactions | length == 2')"
is "the next call finds another day" '400 400 followId is not found' "$(ac_error "/api/statements/transactions/interim?limit=2&followId=$follow")"
for leftover in filled:string null:null absent:absent; do
    bank ",\"leftover\":\"${leftover%%:*}\""
    is "next_page_id of a last page: ${leftover%%:*}" "[false,\"${leftover##*:}\"]" \
        "$(ac '/api/statements/transactions/final?limit=500' | jq -c '[.exist_next_page, (if has("next_page_id") then (.next_page_id | type) else "absent" end)]')"
done

control ac/clock '{"phase":"NOP"}'
is "maintenance" '503 503 Service temporarily unavailable' "$(ac_error /api/statements/balance/final)"
is "settings tell why" NOP "$(ac /api/statements/settings | jq -r .settings.phase)"
is "other calls go on" 200 "$(ac /api/proxy/currency/ -o /dev/null -w '%{http_code}')"
control ac/clock '{"calls":"fail_all"}'
is "or not" '503 503 Service temporarily unavailable' "$(ac_error /api/proxy/currency/)"
control ac/clock '{"phase":"WRK","work_balance":true,"calls":"fail"}'
is "end-of-day jobs" 'Y 503' "$(ac /api/statements/settings | jq -r .settings.work_balance) $(ac /api/statements/balance/final -o /dev/null -w '%{http_code}')"
control ac/clock '{"calls":"work"}'
is "a bank that goes on" 200 "$(ac /api/statements/balance/final -o /dev/null -w '%{http_code}')"

bank ''
new=$(curl -s -d '{"currency":"EUR"}' "$base/_/ac/accounts" | jq -r .acc)
is "an account opened today" '["EUR","UAH","UAH"]' "$(ac /api/statements/balance/interim | jq -c '[.balances | group_by(.acc)[] | .[0].currency] | sort')"
control ac/accounts "{\"acc\":\"$new\",\"close\":true}"
control ac/advance ''
is "a closed one is listed no more" 2 "$(ac /api/statements/balance/interim | jq '[.balances[].acc] | unique | length')"
is "but can be asked for" '02.03.2026 00:00:00' "$(ac "/api/statements/balance?acc=$new&startDate=02-03-2026" | jq -r '.balances[0].date_close_acc')"

before=$(truth "acc=$my" '.balances[-1].balance_out | sub("[.]"; "") | tonumber')
row=$(curl -s -d "{\"acc\":\"$my\",\"amount\":\"0.10\",\"trantype\":\"D\",\"purpose\":\"Платіж PTP1 \\\"№ 1\\\"\",\"dlr\":\"abc=\"}" "$base/_/ac/rows")
is "an added row" '["0.10","Платіж PTP1 \"№ 1\"","abc=","D","r"]' \
    "$(ac_rows transactions/interim "acc=$my&limit=100" | jq -sc --argjson row "$row" '.[] | select(.REF == $row.ref) | [.SUM, .OSND, .DLR, .TRANTYPE, .PR_PR]')"
is "it counts" $((before - 10)) "$(truth "acc=$my" '.balances[-1].balance_out | sub("[.]"; "") | tonumber')"
control ac/rows "{\"id\":$(jq .id <<<"$row"),\"state\":\"t\"}"
is "reversed it counts no more" "$before" "$(truth "acc=$my" '.balances[-1].balance_out | sub("[.]"; "") | tonumber')"
control ac/rows "{\"id\":$(jq .id <<<"$row"),\"remove\":true}"
is "removed it is gone" "[\"$(jq -r .ref <<<"$row")\"]" "$(truth "acc=$my" '[.gone[].ref]')"
is "no row in the future" 400 "$(status -d "{\"acc\":\"$my\",\"amount\":\"1\",\"day\":\"2030-01-01\"}" "$base/_/ac/rows")"
is "unknown members are refused" 400 "$(status -d '{"day":1}' "$base/_/ac/advance")"
stop_bank "Autoclient days"
