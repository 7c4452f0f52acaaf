# Everything that is not as documented is refused and does nothing. Sourced by selftest.sh.
control reset ''

for path in /abs/get_cli /abs/get_acc /abs/get_acc_stmt_dt /abs/get_pdf; do
    is "405 on POST $path" 405 "$(status -H "$json" -d '{}' "$base$path")"
    is "400 without parameters $path" 400 "$(status "$base$path")"
done
for path in /abs/reg_pt /abs/refuse_pt /abs/return_pt /abs/get_all_pt /colvir/get_loan_debt /way4/get_loan_debt \
    /eko/post_all_loan_exclude; do
    is "405 on GET $path" 405 "$(status "$base$path")"
    is "415 without a type $path" 415 "$(status -H 'Content-Type:' -d '{}' "$base$path")"
    is "415 of a form $path" 415 "$(status -d 'a=b' "$base$path")"
    is "415 of another charset $path" 415 "$(status -H "$json; charset=windows-1251" -d '{}' "$base$path")"
    is "400 of no JSON $path" 400 "$(status -H "$json" -d '{' "$base$path")"
    is "400 of an array $path" 400 "$(status -H "$json" -d '[]' "$base$path")"
    is "400 of nothing $path" 400 "$(status -H "$json" -d '{}' "$base$path")"
    is "400 of a query $path" 400 "$(status -H "$json" -d '{}' "$base$path?a=b")"
done
like "405 names the method" '*Allow: POST*' "$(curl -s -D - -o /dev/null "$base/abs/reg_pt")"
is "404 of an unknown service" 404 "$(status "$base/abs/nothing")"
is "charset=utf-8 is fine" 200 "$(status -H "$json; charset=UTF-8" -d '{"contract_number":"KD1"}' "$base/way4/get_loan_debt")"
is "a GET has no body" 400 "$(status -X GET -d x "$base/abs/get_cli?iinbin=000000000010")"

# refused NAME PATH TEXT: GET answers 400 with a text that names the fault
refused() { is "$1" "400 $3" "$(get "$2" | jq -r '"\(.error_code) \(.error_text)"')"; }
refused "unknown parameter" '/abs/get_cli?iinbin=000000000010&x=1' 'x: неизвестный параметр'
refused "repeated parameter" '/abs/get_cli?iinbin=000000000010&iinbin=000000000010' 'iinbin: параметр повторяется'
refused "empty parameter" '/abs/get_cli?iinbin=' 'iinbin: пустое значение'
refused "short IIN" '/abs/get_acc?iinbin=123' 'iinbin: нужны 12 цифр'
refused "IIN with letters" '/abs/get_acc?iinbin=00000000001x' 'iinbin: нужны 12 цифр'
refused "missing dt" '/abs/get_acc_stmt_dt?iban=KZ1' 'dt: нет обязательного параметра'
refused "dotted date" '/abs/get_acc_stmt_dt?iban=KZ1&dt=2020.01.01' 'dt: нужна дата ГГГГ-ММ-ДД'
refused "impossible date" '/abs/get_acc_stmt_dt?iban=KZ1&dt=2021-02-29' 'dt: нужна дата ГГГГ-ММ-ДД'
refused "iban beside dep_id" '/abs/get_acc_stmt_dt?iban=KZ1&dep_id=1&dt=2020-01-01' 'dep_id: не передаётся вместе с iban'
refused "no key" '/abs/get_acc_stmt_dt?dt=2020-01-01' 'dep_id: нужен iban или dep_id и id'
refused "id is no number" '/abs/get_acc_stmt_dt?dep_id=1&id=x&dt=2020-01-01' 'id: нужно целое число'
refused "no dbz_num" '/abs/get_pdf?dbz_dt=2020-01-01&iinbin=000000000010' 'dbz_num: нет обязательного параметра'
refused "bad dea_dt" '/abs/get_pdf?dbz_num=1&dbz_dt=2020-01-01&iinbin=000000000010&dea_dt=x' 'dea_dt: нужна дата ГГГГ-ММ-ДД'

# wrong NAME PATH BODY TEXT: POST answers 400 with a text that names the fault
wrong() { is "$1" "400 $4" "$(post "$2" "$3" | jq -r '"\(.error_code) \(.error_text)"')"; }
good=$(pt PTPX 10.50)
for field in refer accept_dt doc_num doc_at iinbin acc_fullname ben_fullname ben_bin ben_iban ben_kbe amount cur knp \
    dbz_num dbz_dt purpose head account; do
    wrong "O5 without $field" /abs/reg_pt "$(jq -c "del(.$field)" <<<"$good")" "$field: нет обязательного поля"
    like "O5 with $field null" "400 $field:*" \
        "$(post /abs/reg_pt "$(jq -c ".$field=null" <<<"$good")" | jq -r '"\(.error_code) \(.error_text)"')"
done
wrong "O5 unknown field" /abs/reg_pt "$(jq -c '.x=1' <<<"$good")" 'x: неизвестное поле'
wrong "O5 amount as string" /abs/reg_pt "$(pt PTPX '"10.50"')" 'amount: нужно число'
for amount in 1e3 10.505 -1 1E2; do
    like "O5 amount $amount" '400 amount: нужна неотрицательная сумма*' \
        "$(post /abs/reg_pt "$(pt PTPX $amount)" | jq -r '"\(.error_code) \(.error_text)"')"
done
wrong "O5 number as doc_num" /abs/reg_pt "$(jq -c '.doc_num=16' <<<"$good")" 'doc_num: нужна строка'
wrong "O5 dotted date" /abs/reg_pt "$(jq -c '.doc_at="2021.01.04"' <<<"$good")" 'doc_at: нужна дата ГГГГ-ММ-ДД'
wrong "O5 empty refer" /abs/reg_pt "$(jq -c '.refer=""' <<<"$good")" 'refer: пустая строка'
wrong "O5 currency" /abs/reg_pt "$(jq -c '.cur="kzt"' <<<"$good")" 'cur: нужен код валюты из трёх заглавных букв'
wrong "O6 number as refer" /abs/refuse_pt '{"refer":1,"reason_code":"01"}' 'refer: нужна строка'
wrong "O7 extra field" /abs/return_pt '{"refer":"1","reason_code":"01","x":1}' 'x: неизвестное поле'
wrong "O8 string id" /colvir/get_loan_debt '{"dep_id":2,"id":"1001"}' 'id: нужно целое число'
wrong "O8 fraction" /colvir/get_loan_debt '{"dep_id":2.0,"id":1001}' 'dep_id: нужно целое число'
wrong "O9 empty" /way4/get_loan_debt '{"contract_number":""}' 'contract_number: пустая строка'
wrong "O10 string page" /abs/get_all_pt '{"page":"1","perpage":2}' 'page: нужно число'
wrong "O10 page 0" /abs/get_all_pt '{"page":0,"perpage":2}' 'page: нужно целое число от 1'
wrong "O10 repeated page" /abs/get_all_pt '{"page":1,"page ":1,"perpage":2}' 'page: поле повторяется'
wrong "O10 short BIN" /abs/get_all_pt '{"page":1,"perpage":2,"ben_bin":"1"}' 'ben_bin: нужны 12 цифр'
row='{"id":"1","iin":"000000000101","is_active":"1","for_bank":"0","for_extreq":"0","for_iban":"0","for_refuse":"0"}'
wrong "O11 items missing" /eko/post_all_loan_exclude '{"rows":[]}' 'rows: неизвестное поле'
wrong "O11 items no array" /eko/post_all_loan_exclude '{"items":{}}' 'items: нужен массив'
wrong "O11 boolean flag" /eko/post_all_loan_exclude "{\"items\":[$(jq -c '.for_bank=true' <<<"$row")]}" 'items[0].for_bank: нужна строка'
wrong "O11 flag 2" /eko/post_all_loan_exclude "{\"items\":[$row,$(jq -c '.id="2"|.is_active="2"' <<<"$row")]}" \
    'items[1].is_active: нужна строка "0" или "1"'
wrong "O11 repeated id" /eko/post_all_loan_exclude "{\"items\":[$row,$row]}" 'items[1].id: повторяется'
wrong "O11 numeric id" /eko/post_all_loan_exclude "{\"items\":[$(jq -c '.id=1' <<<"$row")]}" 'items[0].id: нужна строка'
like "duplicate key" '*duplicate object key*' "$(post /way4/get_loan_debt '{"contract_number":"1","contract_number":"2"}')"
is "NUL in a string" 400 "$(status -H "$json" -d '{"contract_number":"a\u0000"}' "$base/way4/get_loan_debt")"
is "invalid UTF-8" 400 "$(printf '{"contract_number":"\xff"}' | status -H "$json" --data-binary @- "$base/way4/get_loan_debt")"
is "nothing was registered" 0 "$(query registry .count)"
is "nothing was pushed" 0 "$(query exclusions .pushes)"
is "refused requests are not processed" '[0,true]' "$(query 'count?path=/abs/reg_pt' '[.processed, .received > 20]')"
stop_bank "services and strictness"
