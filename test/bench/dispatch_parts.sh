# The parts of the dispatch benchmark, sourced by dispatch: each prints one table.

CALLS=${CALLS:-20000}
ROUNDS=${ROUNDS:-3}
CONNECTIONS=${CONNECTIONS:-16}
DEEPEST=${DEEPEST:-1000000}
MEMORY_CALLS=${MEMORY_CALLS:-100000}
body=2000 # bytes of padding in every request

connections() { sql -c "ALTER SERVER $1 OPTIONS ($(value "SELECT CASE WHEN srvoptions::text LIKE '%max_connections%' THEN 'SET' ELSE 'ADD' END
    FROM pg_foreign_server WHERE srvname = '$1'") max_connections '$2')"; }

# Nothing queued, nothing in the history, a new dispatcher that holds everything.
fresh() {
    sql -o /dev/null -c 'SELECT k2bridge.resume()' -c 'SELECT k2bridge.pause()'
    serve ''
    await 60 holds "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'k2bridge dispatcher')"
    sql -c 'TRUNCATE k2bridge.outbox, k2bridge.call'
    serve bank
    await 60 has_dispatcher
}
serve() { sql -o /dev/null -c "ALTER SYSTEM SET k2bridge.databases = '$1'" -c 'SELECT pg_reload_conf()'; }

answered() { curl -s "$bank/_/count?path=/bench" | sed -n 's/.*"answered": *\([0-9]*\).*/\1/p'; }
forget_bank() { curl -s -o /dev/null -X POST "$bank/_/reset"; }
drained() { holds "SELECT NOT EXISTS (SELECT FROM k2bridge.outbox)"; }

# Queues calls while all is held, lets them go, waits for the last. Sets: rate (calls/s until the last outcome was
# stored), cost (dispatcher's CPU, µs per call), bad (calls that did not end ok).
dispatch_all() {
    local server=$1 calls=$2 begun cpu pid
    fresh
    forget_bank
    sql -o /dev/null -c "SELECT bench.queue($calls, '$server', 'none', $body)" -c CHECKPOINT
    pid=$(dispatcher)
    cpu=$(cpu_of "$pid")
    begun=$(value "SELECT clock_timestamp() FROM k2bridge.resume()")
    await 300 drained
    cost=$(compute "($(cpu_of "$pid") - $cpu) / $calls" .1f)
    rate=$(value "SELECT round(count(*) / extract(epoch FROM max(finished_at) - '$begun')) FROM k2bridge.call")
    bad=$(value "SELECT $calls - count(*) FROM k2bridge.call WHERE outcome = 'ok'")
}

bare() { "$here/build/bare" "$bank$1" "$2" "$3" "$body"; }

# As pg_net's users do it: all calls in one transaction, the answers appear in its own table.
pg_net_all() {
    local calls=$1 begun
    sql -c 'TRUNCATE net._http_response, net.http_request_queue'
    begun=$(value 'SELECT clock_timestamp()')
    sql -o /dev/null -c "SELECT count(net.http_post('$bank/bench/echo', jsonb_build_object('padding', repeat('x', $body)))) FROM generate_series(1, $calls)"
    await 300 holds "SELECT count(*) = $calls FROM net._http_response"
    value "SELECT round(count(*) / extract(epoch FROM max(created) - '$begun')) FROM net._http_response WHERE status_code = 200"
}

part_throughput() {
    local bare_rates=() bare_costs=() rates=() costs=() lost=0 line round batch
    connections fast "$CONNECTIONS"
    for ((round = 0; round < ROUNDS; ++round)); do
        read -ra line < <(bare /bench/echo "$CONNECTIONS" "$CALLS")
        bare_rates+=("${line[0]}"); bare_costs+=("${line[1]}")
        dispatch_all fast "$CALLS"
        rates+=("$rate"); costs+=("$cost"); lost=$((lost + bad))
    done
    local ours reference
    ours=$(median "${rates[@]}"); reference=$(median "${bare_rates[@]}")
    heading "throughput: $CALLS queued POSTs of 2 KB, $CONNECTIONS connections, median of $ROUNDS" side 'calls/s' 'CPU µs/call' ratio
    row 'bare libcurl multi' "$reference" "$(median "${bare_costs[@]}")" 1
    row 'k2bridge' "$ours" "$(median "${costs[@]}")" "$(compute "$ours / $reference")"
    printf '  target ≥ 0.5 of bare: %s; calls that did not end ok: %s\n' "$(verdict "$ours / $reference" '>=' 0.5)" "$lost"
    [ -n "${PG_NET:-}" ] || { printf '  pg_net: not measured (PG_NET is not set)\n'; return; }
    for batch in ${PG_NET_BATCHES:-200 1000}; do
        sql -c "ALTER SYSTEM SET pg_net.batch_size = $batch" -c 'SELECT pg_reload_conf()' -c 'SELECT net.worker_restart()' -o /dev/null
        await 10 holds "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type LIKE '%pg_net%')"
        local theirs
        theirs=$(pg_net_all "$CALLS")
        row "pg_net, batch_size $batch" "$theirs" - "$(compute "$ours / $theirs") ×"
    done
    printf '  target ≥ 1.5 × pg_net\n'
}

part_latency() {
    local line ours
    connections fast "$CONNECTIONS"
    fresh
    sql -o /dev/null -c 'SELECT k2bridge.resume()' -c 'TRUNCATE bench.latency'
    sql -c 'CALL bench.measure_latency(20)' -c 'TRUNCATE bench.latency' -c 'CALL bench.measure_latency(200)'
    ours=$(value "SELECT round(percentile_cont(0.5) WITHIN GROUP (ORDER BY ms)::numeric, 2) || ' ' ||
        round(percentile_cont(0.99) WITHIN GROUP (ORDER BY ms)::numeric, 2) FROM bench.latency")
    read -ra line < <(bare /bench/echo 1 200)
    heading 'latency: commit to stored answer, idle queue, 200 calls' side 'median ms' 'p99 ms'
    row 'bare round trip' "${line[2]}" "${line[3]}"
    # shellcheck disable=SC2086
    row 'k2bridge' $ours
    printf '  target median ≤ 5 ms: %s; p99 ≤ 20 ms: %s\n' "$(verdict "${ours% *}" '<=' 5)" "$(verdict "${ours#* }" '<=' 20)"
}

part_slow() {
    local connections
    heading 'slow: a server that needs 100 ms' connections 'possible/s' 'calls/s' ratio 'CPU µs/call' target
    for connections in 4 16 64 200; do
        connections slow "$connections"
        dispatch_all slow $((connections * 50))
        row "$connections" $((connections * 10)) "$rate" "$(compute "$rate / $connections / 10")" "$cost" \
            "$(verdict "$rate / $connections / 10" '>=' 0.9)"
    done
}

part_mixed() {
    local line calls=$((CALLS / 2)) connections=50
    connections mixed "$connections"
    forget_bank
    read -ra line < <(bare '/bench/echo?slow_every=100&slow_ms=3000' "$connections" "$calls")
    dispatch_all mixed "$calls"
    heading "mixed: 1 % of $calls calls take 3 s, $connections connections" side 'calls/s' ratio
    row 'bare libcurl multi' "${line[0]}" 1
    row 'k2bridge' "$rate" "$(compute "$rate / ${line[0]}")"
}

# depth SHAPE ROWS: CPU and wall time of the dispatcher per call while so many rows are queued, over 2,000 calls.
# Sets: cost, wall (µs per call).
depth() {
    local shape=$1 rows=$2 pid from until cpu begun
    fresh
    forget_bank
    [ "$rows" -gt 10 ] || { sql -c "CALL bench.feed($rows, 4000, 'fast', '$shape')" & local feeder=$!; }
    while [ "$rows" -gt 10 ] && [ "$(value "SELECT count(*) FROM k2bridge.outbox")" -lt "$rows" ]; do
        sql -o /dev/null -c "SELECT bench.queue(least($rows, 50000), 'fast', '$shape', 100)"
    done
    pid=$(dispatcher)
    sql -o /dev/null -c 'SELECT k2bridge.resume()'
    await 60 answered_at_least 500
    from=$(answered) cpu=$(cpu_of "$pid") begun=$(now)
    await 120 answered_at_least $((from + 2000))
    until=$(answered)
    cost=$(compute "($(cpu_of "$pid") - $cpu) / ($until - $from)" .0f)
    wall=$(compute "($(now) - $begun) * 1000000 / ($until - $from)" .0f)
    [ "$rows" -gt 10 ] || wait "$feeder"
}
answered_at_least() { [ "$(answered)" -ge "$1" ]; }

part_depth() {
    local shape rows snapshot first
    connections fast 4
    heading 'depth: per call while so many rows are queued' 'rows, subjects' 'CPU µs' 'wall µs' 'CPU vs. 10 rows' target
    for snapshot in '' ', old snapshot'; do
        [ -z "$snapshot" ] || hold_snapshot
        for shape in one many; do
            for rows in 10 10000 "$DEEPEST"; do
                depth $shape "$rows"
                [ "$rows" != 10 ] || first=$cost
                row "$rows, $shape$snapshot" "$cost" "$wall" "$(compute "$cost / $first")" "$(verdict "$cost / $first" '<=' 1.2)"
            done
        done
    done
    kill "$holder"
}

hold_snapshot() {
    sql -o /dev/null -c 'BEGIN ISOLATION LEVEL REPEATABLE READ' -c 'SELECT 1' -c 'SELECT pg_sleep(100000)' &
    holder=$!
}

part_memory() {
    local pid first=0 last=0 sent
    connections fast "$CONNECTIONS"
    fresh
    pid=$(dispatcher)
    sql -o /dev/null -c 'SELECT k2bridge.resume()'
    heading "memory: the dispatcher's own memory over $MEMORY_CALLS calls" 'after calls' 'kB' 'vs. 10,000'
    for ((sent = 10000; sent <= MEMORY_CALLS; sent += 10000)); do
        sql -o /dev/null -c "SELECT bench.queue(10000, 'fast', CASE WHEN $sent % 20000 = 0 THEN 'many' ELSE 'none' END, $body)"
        await 120 drained
        last=$(memory_of "$pid")
        [ "$first" != 0 ] || first=$last
        ((sent != 10000 && sent < MEMORY_CALLS && sent % 100000 != 0)) || row $sent "$last" "$(compute "$last / $first")"
    done
    printf '  target flat (≤ 1.2): %s\n' "$(verdict "$last / $first" '<=' 1.2)"
}
