# The journal survives kill -9 and a torn line; its requests are taken over. Sourced by selftest.sh.
journal=$work/journal
start_bank --journal "$journal"
post /abs/reg_pt "$(pt PTP1 86429.87)" >/dev/null
faults '{"kind":"reset_after","contains":"PTP2"},{"kind":"reset_before","contains":"PTP3"}'
post /abs/reg_pt "$(pt PTP2 0.10)" >/dev/null
curl -s -m 20 -H "$json" -H 'Authorization: Bearer secret-token' -d "$(pt PTP3 1)" "$base/abs/reg_pt"
is "a line per request" '[1,2,3]' "$(jq -c .seq "$journal" | jq -sc .)"
is "what was decided" '[["",true],["reset_after",true],["reset_before",false]]' "$(jq -c '[.fault, .processed]' "$journal" | jq -sc .)"
is "bodies as received" "$(pt PTP1 86429.87)" "$(head -n 1 "$journal" | jq -r .body)"
is "no secret" 0 "$(grep -c secret-token "$journal")"
disown "$bank_pid"
kill -KILL "$bank_pid"
while kill -0 "$bank_pid" 2>/dev/null; do sleep 0.05; done
bank_pid=
printf '{"seq":4,"pa' >>"$journal"

start_bank --journal "$journal"
is "registry restored" '[["PTP1","86429.87"],["PTP2","0.10"]]' "$(query registry '[.items[] | [.refer, .amount_text]]')"
is "arrivals restored" '["PTP3"]' "$(query registry '[.unregistered[].refer]')"
is "log restored" '[1,2,3]' "$(query log '[.entries[].seq]')"
is "known refer is known" 409 "$(post /abs/reg_pt "$(pt PTP1 86429.87)" | jq .error_code)"
is "numbers go on" 4 "$(tail -n 1 "$journal" | jq .seq)"
control reset ''
post /abs/reg_pt "$(pt PTP4 4)" >/dev/null
stop_bank journal
start_bank --journal "$journal"
is "a reset is remembered" '["PTP4"]' "$(query registry '[.items[].refer]')"
is "numbers go on after it" '[5]' "$(query log '[.entries[].seq]')"
stop_bank "journal restored"
