# The eleven services answer as k2.md section 3 says. Sourced by selftest.sh.
start_bank

is "O1 sample" '{"error_text":"","error_code":0,"iinbin":"000000000000","fullname":"Тестовый Тест Тестович","sectecon":9,"residfl":1}' \
    "$(get '/abs/get_cli?iinbin=000000000000')"
is "O1 repeats" "$(get '/abs/get_cli?iinbin=000000000010')" "$(get '/abs/get_cli?iinbin=000000000010')"
is "O1 unknown client" 404 "$(get '/abs/get_cli?iinbin=000000000008' | jq .error_code)"
is "O1 BIN is a company" 7 "$(get '/abs/get_cli?iinbin=000040000019' | jq .sectecon)"
is "O2 sample" '["KZ000000000000000000","2204191","way4","KZT"]' \
    "$(get '/abs/get_acc?iinbin=000000000000' | jq -c '.ibans[0] | [.iban, .ps, .system, .cur]')"
is "O2 no accounts" '[]' "$(get '/abs/get_acc?iinbin=000000000008' | jq -c .ibans)"
like "O2 accounts carry a name" '*Тест Тестович' "$(get '/abs/get_acc?iinbin=000000000010' | jq -r '.ibans[0].accountName')"
iban=$(get '/abs/get_acc?iinbin=000000000020' | jq -r '.ibans[0].iban')
# mod 97 of the rearranged IBAN, letters as 10..35 (k2.md 8.4)
digits=$(printf '%s%s' "${iban:4}" "${iban:0:4}" | while read -rn1 c; do
    [ -n "$c" ] && case $c in [0-9]) printf '%s' "$c" ;; *) printf '%d' $(($(printf '%d' "'$c") - 55)) ;; esac; done)
rest=0
while read -rn1 d; do [ -n "$d" ] && rest=$(((rest * 10 + d) % 97)); done <<<"$digits"
is "O2 IBAN $iban has valid check digits" 1 $rest
is "O3 colvir sample" '[{"purpose":"Предоставление кредита по договору","amount":900000,"cur":"KZT","DC":"D","out_bal":900000}]' \
    "$(get '/abs/get_acc_stmt_dt?dep_id=555&id=666&dea_dep_id=777&dea_id=888&dea_code=999&dt=2020-01-01' | jq -c .stmt)"
is "O3 way4" 1 "$(get '/abs/get_acc_stmt_dt?iban=KZ000000000000000000&dt=2020-01-01' | jq '.stmt | length')"
is "O3 no line" '[]' "$(get '/abs/get_acc_stmt_dt?dep_id=1&id=7&dt=2020-01-01' | jq -c .stmt)"

scan='dbz_num=RBEZ20-700/XX&dbz_dt=2020-01-01'
curl -s -D "$work/head" -o "$work/scan" "$base/abs/get_pdf?$scan&iinbin=000000000000&dea_dt=2020-01-01"
is "O4 PDF magic" '%PDF-' "$(head -c 5 "$work/scan")"
is "O4 PDF end" '%%EOF' "$(tail -n 1 "$work/scan")"
start=$(tail -n 2 "$work/scan" | head -n 1)
is "O4 PDF points at its table" xref "$(tail -c +$((start + 1)) "$work/scan" | head -n 1)"
like "O4 content type" '*Content-Type: application/pdf*' "$(cat "$work/head")"
like "O4 raw UTF-8 file name" '*filename="Договор_RBEZ20-700_XX.pdf"*' "$(cat "$work/head")"
is "O4 little endian TIFF" 49492a0008 \
    "$(get "/abs/get_pdf?$scan&iinbin=000000000003" | head -c 4 | od -An -tx1 | tr -d ' \n')08"
is "O4 big endian TIFF" 4d4d002a00000010 \
    "$(get "/abs/get_pdf?$scan&iinbin=000000000005" | head -c 8 | od -An -tx1 | tr -d ' \n')"
is "O4 no scan" 404 "$(status "$base/abs/get_pdf?$scan&iinbin=000000000007")"

ok='{"error_text":"","error_code":0}'
is "O5 registers" "$ok" "$(post /abs/reg_pt "$(pt PTP1 86429.87)")"
is "O5 small amount" "$ok" "$(post /abs/reg_pt "$(pt PTP2 0.10)")"
is "O5 large amount" "$ok" "$(post /abs/reg_pt "$(pt PTP3 99999999999999.99)")"
is "O5 beyond 2^63" "$ok" "$(post /abs/reg_pt "$(pt PTP4 123456789012345678901234567890.12)")"
is "O5 repeated refer" 409 "$(post /abs/reg_pt "$(pt PTP1 86429.87)" | jq .error_code)"
is "exact amounts" '["86429.87","0.10","99999999999999.99","123456789012345678901234567890.12"]' \
    "$(query registry '[.items[].amount_text]')"
like "exact amount in O10" '*"amount":99999999999999.99,*' "$(post /abs/get_all_pt '{"page":1,"perpage":"25"}')"
is "18 fields are kept" "$(pt PTP2 1 | jq -Sc 'del(.amount)')" \
    "$(query 'registry?refer=PTP2' '.items[0] | del(.amount,.amount_text,.state,.reason_code,.listed,.arrived,.processed)' | jq -Sc .)"
is "arrivals are counted" '[2,1]' "$(query 'registry?refer=PTP1' '.items[0] | [.arrived.reg_pt, .processed.reg_pt]')"

is "O6 recalls" "$ok" "$(post /abs/refuse_pt '{"refer":"PTP1","reason_code":"01"}')"
is "O6 twice" 409 "$(post /abs/refuse_pt '{"refer":"PTP1","reason_code":"01"}' | jq .error_code)"
is "O7 after O6" 409 "$(post /abs/return_pt '{"refer":"PTP1","reason_code":"99"}' | jq .error_code)"
is "O7 returns" "$ok" "$(post /abs/return_pt '{"refer":"PTP2","reason_code":"99"}')"
is "O6 unknown refer" 404 "$(post /abs/refuse_pt '{"refer":"PTP9","reason_code":"01"}' | jq .error_code)"
is "O6 unknown reason" 422 "$(post /abs/refuse_pt '{"refer":"PTP3","reason_code":"77"}' | jq .error_code)"
is "states" '["recalled","returned","registered","registered"]' "$(query registry '[.items[].state]')"
is "unknown refer is counted" '[{"refer":"PTP9","arrived":1}]' \
    "$(query registry '[.unregistered[] | {refer, arrived: .arrived.refuse_pt}]')"

is "O8 sample" '{"error_text":"","error_code":0,"debt":100000}' "$(post /colvir/get_loan_debt '{"dep_id":2,"id":1001}')"
is "O9 sample" '{"error_text":"","error_code":0,"debt":100000}' \
    "$(post /way4/get_loan_debt '{"contract_number":"KZ000000000000000000"}')"
is "O9 repeats" "$(post /way4/get_loan_debt '{"contract_number":"KD1"}')" "$(post /way4/get_loan_debt '{"contract_number":"KD1"}')"

is "O10 pages" '[4,["PTP3"]]' \
    "$(post /abs/get_all_pt '{"page":3,"perpage":1}' | jq -c '[.all_count, [.items[].refer]]')"
is "O10 past the end" '[4,0]' "$(post /abs/get_all_pt '{"page":9,"perpage":"2"}' | jq -c '[.all_count, (.items | length)]')"
is "O10 key with a blank" 4 "$(post /abs/get_all_pt '{"page ":1,"perpage":"2"}' | jq .all_count)"
is "O10 filters" '[4,0,0,4,0]' "$(for f in '"iinbin":"000000000010"' '"iinbin":"000000000020"' '"ben_bin":"000040000029"' \
    '"doc_at1":"2021-01-04","doc_at2":"2021-01-04"' '"doc_at1":"2021-01-05"'; do
    post /abs/get_all_pt "{\"page\":1,\"perpage\":9,$f}" | jq .all_count; done | jq -sc .)"

list='{"items":[{"id":"19","iin":"000000000101","is_active":"1","for_bank":"1","for_extreq":"0","for_iban":"0","for_refuse":"0","bank":"KINCKZKA","finish_dt":"2021-10-16"}]}'
is "O11 accepts" "$ok" "$(post /eko/post_all_loan_exclude "$list")"
is "O11 accepts an empty list" "$ok" "$(post /eko/post_all_loan_exclude '{"items":[]}')"
is "O11 replaces" '[2,2,0,[]]' "$(query exclusions '[.arrived, .pushes, .rows, .items]')"
post /eko/post_all_loan_exclude "$list" >/dev/null
is "O11 keeps the rows" "$(jq -c .items <<<"$list")" "$(query exclusions .items)"
