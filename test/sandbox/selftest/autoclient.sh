# The Autoclient half: gate, settings, balances, transactions and their pages. Sourced by selftest.sh.
ac_token=token-1
ac_type='application/json;charset=utf8'

# ac PATH [CURL-ARGUMENTS...]: a call with the mandatory headers
ac() {
    local path=$1
    shift
    curl -s -m 20 -H "token: $ac_token" -H "Content-Type: $ac_type" "$@" "$base$path"
}
# ac_error PATH [CURL-ARGUMENTS...]: HTTP status, code, message and service code of a refusal
ac_error() {
    local path=$1
    shift
    ac "$path" -o "$work/ac" -w '%{http_code} ' "$@"
    jq -r '"\(.code) \(.message)\(if .serviceCode then " \(.serviceCode)" else "" end)"' "$work/ac"
}
# ac_rows KIND QUERY: the rows of all pages of /api/statements/KIND, as a stream
ac_rows() {
    local follow='' list=${1%%/*}
    [ "$list" = transactions ] || list=balances
    while :; do
        ac "/api/statements/$1?$2&followId=$follow" >"$work/page"
        jq -c ".$list[]" "$work/page"
        [ "$(jq .exist_next_page "$work/page")" = true ] || break
        follow=$(jq -r .next_page_id "$work/page")
    done
}
# truth QUERY FILTER: what the bank holds
truth() { curl -s -m 60 "$base/_/ac/truth?$1" | jq -rc "$2"; }

start_bank
is "settings" '["SUCCESS","settings","WRK","02.03.2026 00:00:00","01.03.2026 00:00:00","N","28.02.2026 00:00:00","02.03.2026 12:03:51"]' \
    "$(ac /api/statements/settings | jq -c '[.status, .type, (.settings | .phase, .today, .lastday, .work_balance, .date_final_statement, .server_date_time)]')"
is "HEAD as a health probe" 200 "$(status -I -H 'token: token-1' -H "Content-Type: $ac_type" "$base/api/statements/settings")"
is "400 without User-Agent" '400 400 Header user-agent is absent' "$(ac_error /api/statements/settings -H User-Agent:)"
is "400 without a token" '400 400 Header token is absent' "$(ac_token='' ac_error /api/statements/settings)"
is "400 without Content-Type" '400 400 Header content-type is absent' "$(ac_type='' ac_error /api/statements/settings)"
is "400 of another charset" '400 400 Unsupported charset: koi8-u' "$(ac_type='application/json;charset=koi8-u' ac_error /api/statements/settings)"
is "401 with a wrong token" '401 401 Unauthorized' "$(ac_token=wrong ac_error /api/statements/settings)"
is "404 of an unknown path" '404 404 No such resource: /api/nothing' "$(ac_error /api/nothing)"
is "405 of another method" '405 405 Method not allowed: POST' "$(ac_error /api/statements/settings -X POST)"
is "the log names the token, not its text" '[["company 1","***"],["","***"]]' \
    "$(query 'log?path=/api' '[.entries[] | [.credential, .headers.token]] | [first(.[] | select(.[0] != "")), first(.[] | select(.[0] == "" and .[1]))]')"

my=UA123052990000026000074412859
like "charset of the reply: none is cp1251" "*$(printf 'Програмiсти' | iconv -t windows-1251 | od -An -tx1 | tr -d ' \n')*" \
    "$(ac_type=application/json ac "/api/statements/balance/interim?acc=$my" | od -An -v -tx1 | tr -d ' \n')"
is "cp1251 and utf8 say the same" "$(ac "/api/statements/transactions/final?acc=$my&limit=100")" \
    "$(ac_type='application/json;charset=cp1251' ac "/api/statements/transactions/final?acc=$my&limit=100" | iconv -f windows-1251)"

# refused NAME QUERY TEXT
refused() { is "$1" "$3" "$(ac_error "/api/statements/$2")"; }
refused "startDate is mandatory" transactions '400 400 startDate is absent'
refused "ISO dates are refused" 'transactions?startDate=2026-02-01' '400 400 startDate must be DD-MM-YYYY'
refused "dotted dates are refused" 'balance?startDate=01.02.2026' '400 400 startDate must be DD-MM-YYYY'
refused "no such day" 'balance?startDate=30-02-2026' '400 400 startDate must be DD-MM-YYYY'
refused "days in the wrong order" 'balance?startDate=02-02-2026&endDate=01-02-2026' '400 400 endDate is before startDate'
refused "too long ago" 'transactions?startDate=01-03-2023' '416 416 startDate is more than 1095 days ago'
refused "limit of a range" 'transactions?startDate=01-02-2026&limit=501' '400 400 limit must be from 1 to 500'
refused "limit of interim" 'transactions/interim?limit=101' '400 400 limit must be from 1 to 100'
refused "limit 0" 'balance/final?limit=0' '400 400 limit must be from 1 to 500'
refused "unknown parameter" 'transactions/interim?account=1' '400 400 Unknown parameter account'
refused "foreign account" 'transactions/interim?acc=UA283052990000026000074412862' '400 400 Account is not found: UA283052990000026000074412862'
refused "unknown followId" 'transactions/interim?followId=1_online' '400 400 followId is not found'
is "an endDate in the future is accepted" 200 "$(ac '/api/statements/balance?startDate=01-03-2026&endDate=31-12-2030' -o /dev/null -w '%{http_code}')"
is "the old account number" "$my" "$(ac '/api/statements/balance/final?acc=26000074412859' | jq -r '.balances[].acc')"
is "20 rows by default" 20 "$(ac '/api/statements/transactions?startDate=21-01-2026' | jq '.transactions | length')"

ac_rows transactions 'startDate=21-01-2026&limit=37' | jq -sc 'map([.AUT_MY_ACC, .TRANTYPE, .REF, .REFN, .SUM, .SUM_E, .DAT_OD, .PR_PR, .FL_REAL])' >"$work/pages"
truth company=44000001 '[.rows[] | [.acc, .trantype, .ref, .refn, .sum, .sum_e, (.dat_od | split("-") | reverse | join(".")), .pr_pr, .fl_real]]' >"$work/truth"
is "pages give all rows once" "$(md5sum <"$work/truth")" "$(md5sum <"$work/pages")"
is "there are many" true "$(jq 'length > 500' "$work/pages")"
ac_rows transactions 'startDate=21-01-2026&limit=37' | md5sum >"$work/unwritten"
is "rows are written in advance" '{"ok":true}' "$(curl -s -m 20 -X POST "$base/_/ac/write")"
is "and are the same" "$(cat "$work/unwritten")" "$(ac_rows transactions 'startDate=21-01-2026&limit=37' | md5sum)"
curl -s -m 20 -o /dev/null -d '{"time":"12:03:51"}' "$base/_/ac/clock"
is "and when they are forgotten" "$(cat "$work/unwritten")" "$(ac_rows transactions 'startDate=21-01-2026&limit=37' | md5sum)"
is "keys are unique" 0 "$(jq 'length - (map(.[0:4]) | unique | length)' "$work/pages")"
ac_rows balance 'startDate=21-01-2026&limit=7' | jq -sc 'map([.acc, .dpd[0:10], .balanceIn, .balanceOut, .turnoverDebt, .turnoverCred, .is_final_bal])' >"$work/pages"
truth company=44000001 '[.balances[] | [.acc, (.day | split("-") | reverse | join(".")), .balance_in, .balance_out, .turnover_debt, .turnover_cred, .is_final]]' >"$work/truth"
is "balances page too" "$(md5sum <"$work/truth")" "$(md5sum <"$work/pages")"
# whole hundredths, so that jq's numbers are exact
is "every day adds up" 0 "$(truth '' '[.balances[] | map_values(if type == "string" and test("^[0-9]+[.][0-9]{2}$") then (sub("[.]"; "") | tonumber) else . end)
    | select(.balance_in + .turnover_cred - .turnover_debt != .balance_out)] | length')"
is "a day begins as the day before ended" 0 "$(truth '' '[.balances | group_by(.acc)[] | [.[:-1], .[1:]] | transpose[] | select(.[0].balance_out != .[1].balance_in)] | length')"
is "turnovers are the sums of the rows" 0 "$(truth '' '(.rows | map(select(.pr_pr == "r" and .fl_real == "r")) | group_by([.acc, .dat_od, .trantype])
    | map({key: (.[0] | "\(.acc) \(.dat_od) \(.trantype)"), value: (map(.sum | sub("[.]"; "") | tonumber) | add)}) | from_entries) as $sum
    | [.balances[] | select((.turnover_debt | sub("[.]"; "") | tonumber) != ($sum["\(.acc) \(.day) D"] // 0)
        or (.turnover_cred | sub("[.]"; "") | tonumber) != ($sum["\(.acc) \(.day) C"] // 0))] | length')"
stop_bank "Autoclient statements"
