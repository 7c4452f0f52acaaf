# Faults that are whole HTTP replies, and how rules are chosen. Sourced by selftest.sh.
start_bank
cli='/abs/get_cli?iinbin=000000000000'

faults '{"kind":"status","status":503,"retry_after":7,"path":"/abs","count":2}'
is "status twice, then served" '503 503 200' "$(status "$base$cli") $(status "$base$cli") $(status "$base$cli")"
is "other paths are served" 200 "$(status -H "$json" -d '{"contract_number":"1"}' "$base/way4/get_loan_debt")"
is "the log names the fault" '[["status",false,503],["status",false,503],["",true,200]]' \
    "$(query 'log?path=/abs' '[.entries[] | [.fault, .processed, .status]]')"
is "rules count" '[3,2]' "$(query faults '.rules[0] | [.matched, .applied]')"
faults '{"kind":"status","status":429,"retry_after":7}'
like "Retry-After and HTML" '*Retry-After: 7*<html>*' "$(curl -si -m 20 "$base$cli")"
faults '{"kind":"status","status":502,"body":"{}","content_type":"text/plain","headers":{"X-Own":"1"}}'
like "own body, type, header" 'HTTP/1.1 502*Content-Type: text/plain*X-Own: 1*{}' "$(curl -si -m 20 "$base$cli")"
faults '{"kind":"status","status":401}'
like "401 asks" '*WWW-Authenticate: Bearer*' "$(curl -si -m 20 "$base$cli")"
faults '{"kind":"status","status":500,"process":"arrival","path":"/abs/reg_pt"}'
is "500 after processing" 500 "$(status -H "$json" -d "$(pt PTPS 1)" "$base/abs/reg_pt")"
is "it was processed" 1 "$(query 'registry?refer=PTPS' '.items | length')"
faults '{"kind":"refusal","error_code":13,"error_text":"Нет"}'
is "refusal" '{"error_text":"Нет","error_code":13}' "$(get "$cli")"
faults '{"kind":"redirect","location":"http://127.0.0.1:1/x"}'
is "redirect" '302 http://127.0.0.1:1/x' "$(curl -s -m 20 -o /dev/null -w '%{http_code} %{redirect_url}' "$base$cli")"
faults '{"kind":"latency","ms":50,"jitter_ms":50}'
is "latency" "Тестовый Тест Тестович" "$(get "$cli" | jq -r .fullname)"
faults '{"kind":"pass","process":"never","path":"/abs/reg_pt"}'
is "a bank that lies" '{"error_text":"","error_code":0}' "$(post /abs/reg_pt "$(pt PTPL 1)")"
is "it did nothing" '[0,[1]]' "$(query 'registry?refer=PTPL' '[(.items | length), [.unregistered[].arrived.reg_pt]]')"

faults '{"kind":"huge","megabytes":3}'
is "huge is valid JSON of 3 MB" '[3145728,0]' "$(get "$cli" | tee >(wc -c >"$work/size") | jq -c .error_code >"$work/code"
    until [ -s "$work/size" ]; do sleep 0.05; done; jq -sc . "$work/size" "$work/code")"
faults '{"kind":"huge","megabytes":2,"chunked":true}'
is "huge and chunked" 2097152 "$(get "$cli" | wc -c)"
like "no Content-Length then" '*Transfer-Encoding: chunked*' "$(curl -s -m 20 -D - -o /dev/null "$base$cli")"

name1251=$(printf 'Тестовый' | iconv -t windows-1251 | od -An -tx1 | tr -d ' \n')
for label in right:'application/json; charset=windows-1251' none:application/json wrong:'application/json; charset=utf-8'; do
    faults "{\"kind\":\"charset\",\"label\":\"${label%%:*}\"}"
    is "charset label ${label%%:*}" "${label#*:}" "$(curl -s -m 20 -o "$work/body" -w '%{content_type}' "$base$cli")"
    like "charset bytes ${label%%:*}" "*$name1251*" "$(od -An -tx1 "$work/body" | tr -d ' \n')"
done
# bad WHAT FIELD HEX: the reply holds these bytes
bad() {
    faults "{\"kind\":\"bad_text\",\"what\":\"$1\",\"field\":\"$2\"}"
    like "bad text $1" "*$3*" "$(get "$cli" | od -An -v -tx1 | tr -d ' \n')"
}
bad nul fullname 22615c7530303030622
bad raw_nul fullname 22610062222
bad raw_nul extra 22657874726122
bad invalid_utf8 error_text 2261c328ff7a22
bad lone_surrogate error_text 22615c75643830306222
bad byte_order_mark error_text efbbbf7b22
faults '{"kind":"bad_text","what":"duplicate_key"}'
is "duplicate key" 2 "$(get "$cli" | grep -o '"error_code"' | wc -l)"

faults '{"kind":"refusal","error_code":1,"count":1},{"kind":"refusal","error_code":2,"skip":1,"every":2},{"kind":"refusal","error_code":3,"contains":"000000000000"}'
is "order, count, skip, every, contains" '1 3 3 2 3' "$(for _ in 1 2 3 4 5; do get "$cli" | jq .error_code; done | xargs)"
faults '{"kind":"pass","contains":"000000000000"},{"kind":"refusal"}'
is "pass shields" '0 1' "$(get "$cli" | jq .error_code) $(get '/abs/get_cli?iinbin=000000000010' | jq .error_code)"
faults '{"kind":"refusal","method":"POST"}'
is "by method" 0 "$(get "$cli" | jq .error_code)"
# draws SEED: which of 40 requests a rule of probability one half hit
draws() {
    control faults "{\"seed\":$1,\"rules\":[{\"kind\":\"refusal\",\"probability\":0.5}]}"
    curl -s -m 20 "$base$cli&n=[1-40]" | jq -c .error_code | tr -d '\n'
}
one=$(draws 1)
is "a seed repeats" "$one" "$(draws 1)"
is "another seed differs" differs "$([ "$one" = "$(draws 2)" ] || echo differs)"
like "about half are hit" '??' "$(tr -cd 1 <<<"$(sed 's/400/0/g' <<<"$one")" | wc -c)"
for rule in '{}' '{"kind":"nonsense"}' '{"kind":"latency","msec":5}' '{"kind":"latency","ms":"5"}' '{"kind":"redirect"}' \
    '{"kind":"status","status":99}' '{"kind":"latency","probability":2}' '{"kind":"latency","every":0}' '{"kind":"hang","process":"maybe"}'; do
    is "refused: $rule" 400 "$(status -d "{\"rules\":[$rule]}" "$base/_/faults")"
done
is "a refused list changes nothing" refusal "$(query faults '.rules[0].rule.kind')"
control faults '{"add":[{"kind":"latency"}]}'
is "rules can be added" 2 "$(query faults '.rules | length')"
control faults '{"rules":[]}'
is "and cleared" 0 "$(get "$cli" | jq .error_code)"
stop_bank faults
