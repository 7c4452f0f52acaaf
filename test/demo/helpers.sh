# Helpers of demo.sh, sourced: showing tables, checking outcomes, waiting for conditions, asking the bank.

checks=0

title() { printf '\n=== %s\n' "$*"; }

# Ends the demo loudly.
broken() {
    complain "NOT AS PROMISED: $*"
    sql -x -c "SELECT id, endpoint, subject, args, state, parked, attempts, due_at, http_status, reply, last_error, verified, found
                 FROM k2bridge.outbox LIMIT 5" -c "TABLE k2bridge.problems" >&2 || true
    tail -n 15 "$work/cluster/log/server.log" 2>/dev/null | sed 's/^/    server: /' >&2 || true
    exit 1
}

# psql as the owner of the tables; as_admin: as the superuser.
sql() { run_psql k2_owner "$@"; }
as_admin() { run_psql postgres "$@"; }
run_psql() {
    local role=$1
    shift
    # The demo's tables are the point, a person's own psqlrc or PG… settings are not.
    env -u PGSERVICE -u PGOPTIONS PGHOST="$work/cluster/run" PGPORT="$(cat "$work/cluster/port")" PGCLIENTENCODING=UTF8 \
        "$bin/psql" -X -q -v ON_ERROR_STOP=1 -U "$role" -d "${database:-bank}" "$@"
}

# The value of one query. The statement stands on standard input, so that psql's variables work in it.
value() { sql -At "${@:2}" <<<"$1"; }

# show TITLE QUERY: a table, with its heading
show() {
    printf '\n%s\n' "$1"
    sql -P footer=off <<<"$2" | sed 's/^./  &/'
}

# expect WHAT EXPECTED ACTUAL
expect() {
    [ "$2" = "$3" ] || broken "$1: expected \"$2\", got \"$3\""
    checks=$((checks + 1))
    printf '  ok: %s\n' "$1"
}

# await WHAT SECONDS EXPECTED COMMAND …: polls until the command prints the expected text
await() {
    local what=$1 deadline=$((SECONDS + $2)) expected=$3 actual=
    shift 3
    while :; do
        actual=$("$@" 2>/dev/null) || actual=
        [ "$actual" != "$expected" ] || break
        [ $SECONDS -lt "$deadline" ] || broken "$what: still \"$actual\" and not \"$expected\""
        sleep 0.1
    done
    checks=$((checks + 1))
    printf '  ok: %s\n' "$what"
}

payload() { cat "$root/test/demo/$1.json"; }

# Two JSON texts are the same document, whatever the order of keys.
canonical() { jq -cS . <<<"$1"; }
expect_json() { expect "$1" "$(canonical "$2")" "$(canonical "$3")"; }

bank() { curl -sS -m 20 "http://127.0.0.1:$bank_port/_/$1"; }
bank_set() { curl -sS -m 20 -d "$2" "http://127.0.0.1:$bank_port/_/$1" >/dev/null; }

# What a query about the bank's state prints: at_bank PATH JQ-FILTER
at_bank() { bank "$1" | jq -rc "$2"; }
