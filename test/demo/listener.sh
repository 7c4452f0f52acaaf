# The listener of demo.sh, sourced: a port, a client for ЕКО, one for the people on duty, and curl that posts payloads.
#
# Tokens are shown once: they go from the database into files that only the caller reads, never onto a command line.

# A client's token, as the header curl sends.
keep_token() { (umask 077 && printf 'Authorization: Bearer %s\n' "$2" >"$work/$1.header"); }

start_listener() {
    listener_port=$(free_port)
    as_admin -c "ALTER DATABASE bank SET k2bridge.listen_port = $listener_port"
    as_admin -o /dev/null -c "CREATE ROLE k2_http" -c "CREATE ROLE k2_duty" -c "GRANT k2_http, k2_duty TO k2_owner"
    sql -o /dev/null -c "SELECT k2bridge.grant_access('k2_http', 'service')" -c "SELECT k2bridge.grant_access('k2_duty', 'reader')"
    keep_token eko "$(value "SELECT k2bridge.add_api_client('eko', 'k2_http')")"
    keep_token duty "$(value "SELECT k2bridge.add_api_client('duty', 'k2_duty')")"
    await "two listeners share the port, taken up without a restart" 20 2 as_admin_value \
        "SELECT count(*) FROM k2bridge.workers() WHERE kind = 'listener' AND state = 'listening on port $listener_port'"
    say "the listener answers on port $listener_port"
}

# Posts a payload to a service as ЕКО does and prints the reply: service NAME PAYLOAD
service() {
    curl -sS -m 30 --fail-with-body -H "@$work/eko.header" -H 'Content-Type: application/json' --data-binary @- \
        "http://127.0.0.1:$listener_port/restapi/services/run/$1" <<<"$2"
}

# The HTTP status of a request that is to be refused: refused_with PATH CURL-OPTION …
refused_with() { curl -sS -m 30 -o /dev/null -w '%{http_code}' "${@:2}" "http://127.0.0.1:$listener_port$1"; }

over_http() {
    local stranger
    title "6. Over HTTP: every payload above came through the listener, as the role of its client, and is archived"
    stranger=$(refused_with /restapi/services/run/k2extreq_by_dbz -d '{}' -H 'Content-Type: application/json')
    expect "without login nothing is answered" 401 "$stranger"
    expect "what the client may not do is refused" 405 "$(refused_with /restapi/services/run/k2extreq_by_dbz -H "@$work/eko.header")"
    expect "a service is the same function, by HTTP or by SELECT" \
        "$(value "SELECT k2.k2extreq_by_dbz('{\"contract_number\":\"KD0000000001\",\"dbz_dt\":\"2014-02-08\"}')" | jq -cS .)" \
        "$(service k2extreq_by_dbz '{"contract_number":"KD0000000001","dbz_dt":"2014-02-08"}' | jq -cS .)"
    expect "all requests came from the client ЕКО" eko "$(value "SELECT DISTINCT client FROM k2bridge.inbox")"
    expect "exclusions over HTTP have the system user as author" "system user" "$(value "SELECT DISTINCT author FROM k2.loan_exclude_hist")"
    expect "refused items know the request they came with" 0 "$(value "SELECT count(*) FROM k2bridge.rejected_item WHERE inbox_id IS NULL")"
    show "Requests by service (k2bridge.inbox):" \
        "SELECT service, client, http_status AS http, count(*), round(avg(extract(epoch FROM duration)) * 1000, 1) AS avg_ms
           FROM k2bridge.inbox GROUP BY service, client, http_status ORDER BY service, http_status"
}

# Where people on duty look, and how they log in; its picture where one is wanted.
status_page() {
    local token
    token=$(sed 's/.*Bearer //' "$work/duty.header")
    title "9. The status page for people on duty"
    expect "it is there for who may see it" 200 "$(refused_with / -H "@$work/duty.header")"
    expect "and not for who only posts payloads" 403 "$(refused_with / -H "@$work/eko.header")"
    if [ -n "$picture" ]; then
        K2BRIDGE_LOGIN=duty:$token screenshot "http://127.0.0.1:$listener_port/" "$picture" || broken "no picture of the status page"
        printf '  its picture: %s\n' "$picture"
    fi
    printf '\n  http://127.0.0.1:%s/\n\n' "$listener_port"
}
