# Faults below HTTP: resets, closed connections, torn, slow and endless replies; nothing blocks others.
# Sourced by selftest.sh. curl's exit codes: 18 partial, 28 timeout, 52 empty reply, 56 reset.
start_bank --threads 1
cli='/abs/get_cli?iinbin=000000000000'

faults '{"kind":"reset_before","path":"/abs/reg_pt"}'
is "reset before" 56 "$(code -H "$json" -d "$(pt PTP1 1)" "$base/abs/reg_pt")"
is "nothing was processed" '[0,[1]]' "$(query registry '[.count, [.unregistered[].arrived.reg_pt]]')"
faults '{"kind":"reset_after","path":"/abs/reg_pt"}'
is "reset after" 56 "$(code -H "$json" -d "$(pt PTP2 1)" "$base/abs/reg_pt")"
is "it was processed" '["PTP2"]' "$(query registry '[.items[].refer]')"
faults '{"kind":"close_before","path":"/abs/reg_pt"}'
is "close before" 52 "$(code -H "$json" -d "$(pt PTP3 1)" "$base/abs/reg_pt")"
faults '{"kind":"close_after","path":"/abs/reg_pt","ms":20}'
is "close after" 52 "$(code -H "$json" -d "$(pt PTP4 1)" "$base/abs/reg_pt")"
is "only that was processed" '["PTP2","PTP4"]' "$(query registry '[.items[].refer]')"
is "the log says what happened" '[["reset_before",false,0],["reset_after",true,0],["close_before",false,0],["close_after",true,0]]' \
    "$(query log '[.entries[] | [.fault, .processed, .status]]')"

# curl itself repeats a request when a kept-alive connection is closed unanswered: the bank sees it twice
control reset ''
faults '{"kind":"close_after","path":"/abs/reg_pt","reused":true}'
curl -s -m 20 -o /dev/null "$base$cli" --next -s -m 20 -o "$work/body" -H "$json" -d "$(pt PTP5 1)" "$base/abs/reg_pt"
is "a kept-alive connection closed unanswered" '[2,1]' \
    "$(query registry '.items[0] | [.arrived.reg_pt, .processed.reg_pt]')"
is "on the second request of its connection" '[1,2,1]' "$(query log '[.entries[].nth]')"

faults '{"kind":"truncate"}'
is "truncated" 18 "$(code "$base$cli")"
like "half of it" '{"error_text":""*' "$(cat "$work/body")"
faults '{"kind":"truncate","bytes":5}'
is "truncated after 5 bytes" '18 {"err' "$(code "$base$cli") $(cat "$work/body")"
faults '{"kind":"garbage"}'
is "garbage is no HTTP" 1 "$(code "$base$cli")"
faults '{"kind":"garbage","body":"HTTP/1.1 abc\r\n\r\n"}'
like "own garbage" '[1-9]*' "$(code "$base$cli")"
faults '{"kind":"drip","interval_ms":1,"bytes":40}'
is "dripping reply is complete" 0 "$(get "$cli" | jq .error_code)"
is "torn replies are processed" '["truncate","truncate","garbage","garbage","drip"]' \
    "$(query 'log?path=/abs/get_cli&since=2' '[.entries[] | select(.processed and .fault != "").fault]')"

limit=1
faults '{"kind":"endless_body","interval_ms":10}'
is "endless body" 28 "$(code "$base$cli")"
like "it began" '{"error_text":"xxx*' "$(head -c 100 "$work/body")"
faults '{"kind":"endless_body","interval_ms":10,"bytes":1}'
is "endless body byte by byte" 28 "$(code "$base$cli")"
is "few bytes" true "$(wc -c <"$work/body" | jq '. < 1000')"
faults '{"kind":"endless_body","interval_ms":0}'
is "a flood without end" 20000000 "$(curl -s -m 60 "$base$cli" | head -c 20000000 | wc -c)"
faults '{"kind":"endless_headers","interval_ms":10}'
is "endless headers" 28 "$(code "$base$cli")"
faults '{"kind":"hang"}'
is "hang" 28 "$(code "$base$cli")"
faults '{"kind":"drip","interval_ms":1000,"bytes":1}'
is "slow drip" 28 "$(code "$base$cli")"
unset limit

# two hundred at once, served by one thread
control reset ''
faults '{"kind":"hang"}'
curl -s -Z --no-progress-meter --parallel-immediate --parallel-max 200 -o /dev/null "$base$cli&n=[1-200]" &
flood=$!
until_is "two hundred hang at once" 200 query count .received
is "none is answered, others are served" 0 "$(query count .answered)"
kill $flood
wait $flood 2>/dev/null
faults '{"kind":"latency","ms":100}'
is "two hundred delayed" 200 \
    "$(curl -s -Z --no-progress-meter --parallel-immediate --parallel-max 200 -m 60 -w '%{http_code}\n' -o /dev/null "$base/way4/get_loan_debt?n=[1-200]" | grep -c 405)"
is "two hundred delayed echoes" 200 \
    "$(curl -s -Z --no-progress-meter --parallel-immediate --parallel-max 200 -m 60 -d x -w '%{http_code}\n' -o /dev/null "$base/bench/echo?delay_ms=100&n=[1-200]" | grep -c 200)"
faults '{"kind":"latency","path":"/abs/reg_pt","ms":1500}'
status -H "$json" -d "$(pt PTP7 7)" "$base/abs/reg_pt" >"$work/late" &
late=$!
until_is "a request waits" 1 query 'count?path=/abs/reg_pt' .received
control reset ''
wait $late
is "what waits over a reset is dropped" '503 0 0' "$(cat "$work/late") $(query registry .count) $(query log '.entries | length')"
faults '{"kind":"hang","every":3},{"kind":"drip","every":2,"interval_ms":5000},{"kind":"endless_body"}'
curl -s -Z --no-progress-meter --parallel-immediate --parallel-max 20 -o /dev/null "$base$cli&n=[1-20]" &
flood=$!
until_is "some hang" 20 query 'count?path=/abs' .received
stop_bank "while connections hang"
wait $flood 2>/dev/null
