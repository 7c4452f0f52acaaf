# Log, counters, overrides, shapes, credentials, reset. Sourced by selftest.sh.
start_bank --bearer first-token --basic user:secret
is "401 without credentials" 401 "$(status "$base/abs/get_cli?iinbin=000000000010")"
is "401 with a wrong token" 401 "$(status -H 'Authorization: Bearer x' "$base/abs/get_cli?iinbin=000000000010")"
is "bearer" 200 "$(status -H 'Authorization: Bearer first-token' "$base/abs/get_cli?iinbin=000000000010")"
is "basic" 200 "$(status -u user:secret "$base/abs/get_cli?iinbin=000000000010")"
is "401 is not processed" '[["",false,401],["",false,401],["bearer",true,200],["basic",true,200]]' \
    "$(query log '[.entries[] | [.credential, .processed, .status]]')"
is "secrets are masked" '[null,"Bearer ***","Bearer ***","Basic ***"]' "$(query log '[.entries[].headers.authorization]')"
control credentials '{"credentials":[{"name":"other","bearer":"second-token"}]}'
is "credentials can be changed" 401 "$(status -H 'Authorization: Bearer first-token' "$base/abs/get_cli?iinbin=000000000010")"
is "the new one counts" 200 "$(status -H 'Authorization: Bearer second-token' "$base/abs/get_cli?iinbin=000000000010")"
control credentials '{"credentials":[]}'
is "services can be opened" 200 "$(status "$base/abs/get_cli?iinbin=000000000010")"
control reset ''
is "reset restores credentials" 401 "$(status "$base/abs/get_cli?iinbin=000000000010")"
stop_bank credentials

start_bank
curl -s -m 20 -o /dev/null -H "$json" -H 'X-Correlation-Id: abc' -H 'Token: secret' -d '{"contract_number":"KD1"}' "$base/way4/get_loan_debt" \
    --next -s -m 20 -o /dev/null "$base/abs/get_cli?iinbin=000000000010"
get '/abs/get_cli?iinbin=00000' >/dev/null
is "log" '[[1,"POST","/way4/get_loan_debt","","{\"contract_number\":\"KD1\"}",true,200],[2,"GET","/abs/get_cli","iinbin=000000000010","",true,200],[3,"GET","/abs/get_cli","iinbin=00000","",false,400]]' \
    "$(query log '[.entries[] | [.seq, .method, .path, .query, .body, .processed, .status]]')"
is "header names in lower case" abc "$(query log '.entries[0].headers["x-correlation-id"]')"
is "other secrets are masked" '***' "$(query log '.entries[0].headers.token')"
is "keep-alive is visible" '[true,false,[1,2,1]]' \
    "$(query log '[.entries[0].connection == .entries[1].connection, .entries[1].connection == .entries[2].connection, [.entries[].nth]]')"
is "log since" '[3]' "$(query 'log?since=2' '[.entries[].seq]')"
is "log by path" '[2,3]' "$(query 'log?path=/abs' '[.entries[].seq]')"
is "log by text" '[1]' "$(query 'log?contains=KD1' '[.entries[].seq]')"
is "log with a limit" '[1]' "$(query 'log?limit=1' '[.entries[].seq]')"
is "count" '{"received":2,"processed":1,"answered":2}' "$(query 'count?path=/abs' .)"
is "a body that is not UTF-8" /w== "$(printf '\xff' | curl -s -m 20 -o /dev/null -H "$json" --data-binary @- "$base/abs/reg_pt"
    query 'log?since=3' '.entries[0].body_base64')"
is "control requests are not logged" 4 "$(query log .last)"

control data '{"clients":{"000000000010":{"fullname":"Примеров","residfl":2},"000000000020":null},
 "accounts":{"000000000010":[]},"debts":{"KD1":99999999999999.99,"colvir:2:1001":0.10,"KD2":null},
 "statements":{"colvir:1:2":[{"amount":86429.87}]},"scans":{"000000000010":"none","000000000007":{"kind":"pdf","name":"скан.pdf","bytes":100000}}}'
is "client override" '["Примеров",9,2]' "$(get '/abs/get_cli?iinbin=000000000010' | jq -c '[.fullname, .sectecon, .residfl]')"
is "client made unknown" 404 "$(get '/abs/get_cli?iinbin=000000000020' | jq .error_code)"
is "accounts override" '[]' "$(get '/abs/get_acc?iinbin=000000000010' | jq -c .ibans)"
is "exact debt" '{"error_text":"","error_code":0,"debt":99999999999999.99}' "$(post /way4/get_loan_debt '{"contract_number":"KD1"}')"
is "exact small debt" '{"error_text":"","error_code":0,"debt":0.10}' "$(post /colvir/get_loan_debt '{"dep_id":2,"id":1001}')"
is "contract made unknown" 404 "$(post /way4/get_loan_debt '{"contract_number":"KD2"}' | jq .error_code)"
like "statement override" '*"stmt":\[{"amount":86429.87}\]}' "$(get '/abs/get_acc_stmt_dt?dep_id=1&id=2&dt=2020-01-01')"
is "scan taken away" 404 "$(status "$base/abs/get_pdf?dbz_num=1&dbz_dt=2020-01-01&iinbin=000000000010")"
is "scan given" true "$(curl -s -m 20 -D "$work/head" "$base/abs/get_pdf?dbz_num=1&dbz_dt=2020-01-01&iinbin=000000000007" | wc -c | jq '. > 100000')"
like "scan name" '*filename="скан.pdf"*' "$(cat "$work/head")"
is "an unknown section is refused" 400 "$(status -d '{"client":{}}' "$base/_/data")"

post /abs/reg_pt "$(pt PTP1 1.10)" >/dev/null
page='{"page":1,"perpage":"2","iinbin":"000000000020"}'
control data '{"shapes":{"get_all_pt":"marker"}}'
is "O10 with a marker" '[{"all_count":0}]' "$(post /abs/get_all_pt "$page")"
control data '{"shapes":{"all_count":"unfiltered"}}'
is "O10 count without filter" '[{"all_count":1}]' "$(post /abs/get_all_pt "$page")"
control data '{"shapes":{"get_all_pt":"array"}}'
is "O10 bare array" '["PTP1"]' "$(post /abs/get_all_pt '{"page":1,"perpage":2}' | jq -c '[.[].refer]')"
control data '{"shapes":{"get_all_pt":"printed","debt":"printed"}}'
like "O10 as printed" '\[?"all_count":1,?{"refer":"PTP1",*},?{?},?{?}?]' "$(post /abs/get_all_pt '{"page":1,"perpage":2}')"
like "O8 as printed" '*"error_code": 0?  "debt": 0.10*' "$(post /colvir/get_loan_debt '{"dep_id":2,"id":1001}')"

control registry '{"refer":"PTP1","amount":2.20}'
is "registry changed" 2.20 "$(query registry '.items[0].amount_text')"
control registry '{"refer":"PTP1","listed":false}'
is "ПТ hidden" '[]' "$(post /abs/get_all_pt '{"page":1,"perpage":2}' | tr -d '\n' | sed 's/"all_count":0,{},{}//')"
control registry "$(pt PTP5 5)"
is "an added ПТ did not come by O5" '[0,0]' "$(query 'registry?refer=PTP5' '.items[0] | [.arrived.reg_pt, .processed.reg_pt]')"
is "ПТ added" '["PTP1","PTP5"]' "$(query registry '[.items[].refer]')"
control registry '{"refer":"PTP1","remove":true}'
is "ПТ removed" '["PTP5"]' "$(query registry '[.items[].refer]')"
seq=$(query log .last)
control reset ''
is "reset forgets" "{\"last\":$seq,\"entries\":[]}" "$(query log .)"
is "reset forgets the registry" 0 "$(query registry .count)"
is "reset forgets counts" 0 "$(query count .received)"
is "unknown control request" 404 "$(status "$base/_/nothing")"

is "echo" '{"error_text":"","error_code":0}' "$(curl -s -m 20 --data-binary @/bin/true "$base/bench/echo")"
is "echo with delay" 200 "$(status -d x "$base/bench/echo?delay_ms=5")"
is "echo is counted" 2 "$(query 'count?path=/bench' .received)"
stop_bank control

start_bank --no-log
post /abs/reg_pt "$(pt PTP1 1.10)" >/dev/null
is "no log" '[]' "$(query log .entries)"
is "but counts" 1 "$(query 'count?path=/abs/reg_pt' .processed)"
is "and the registry" 1 "$(query registry .count)"
stop_bank no-log
"$program" --listen 0.0.0.0 2>/dev/null
is "no other address than loopback" 1 $?
"$program" --nonsense 2>/dev/null
is "wrong usage" 2 $?
