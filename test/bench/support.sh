# Shared by ingest and dispatch, sourced: a throw-away cluster and sandbox bank, psql, figures of processes, tables.
#
# Sets: root (the tree), work (temporary directory, removed at the end), bank (address of the sandbox, after start_bank).

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/k2bridge-bench.XXXXXX")
chmod 755 "$work"
ticks=$(getconf CLK_TCK)
# shellcheck source=test/port.sh
. "$root/test/port.sh"

finish() {
    local status=$?
    trap - EXIT INT TERM HUP
    local job
    for job in $(jobs -p); do kill "$job" 2>/dev/null || true; done
    [ $status -eq 0 ] || tail -n 15 "$work/cluster/log/server.log" 2>/dev/null | sed 's/^/    server: /' >&2 || true
    [ ! -d "$work/cluster" ] || bash "$root/test/cluster.sh" stop "$work/cluster"
    rm -rf "$work"
    exit $status
}
trap finish EXIT
trap 'exit 130' INT TERM HUP

complain() { printf '%s\n' "$*" >&2; }

# start_cluster [GUC=VALUE …]: with settings a server of this size would have in earnest, durable as ever
start_cluster() {
    bash "$root/test/cluster.sh" start "$work/cluster" k2bridge.databases=bank shared_buffers=512MB max_wal_size=8GB \
        checkpoint_timeout=30min "$@" >"$work/environment"
    # shellcheck disable=SC1091
    . "$work/environment"
    psql -Xq -c 'CREATE DATABASE bank'
    export PGDATABASE=bank
    sql -c 'SET client_min_messages = warning' -c 'CREATE EXTENSION k2bridge' -c 'SELECT k2bridge.setup()' >"$work/setup.log"
}

start_bank() {
    "$root/test/sandbox/k2sandbox" --port 0 --port-file "$work/bank.port" --no-log >"$work/bank.log" 2>&1 &
    await 10 test -s "$work/bank.port"
    bank=http://127.0.0.1:$(cat "$work/bank.port")
}

# psql of the superuser; values are what a single query answers.
sql() { psql -X -q -v ON_ERROR_STOP=1 "$@"; }
value() { sql -At -c "$1"; }

# await SECONDS COMMAND …: polls until the command succeeds
await() {
    local deadline=$((SECONDS + $1)); shift
    until "$@"; do
        [ $SECONDS -lt $deadline ] || { complain "waited in vain: $*"; exit 1; }
        sleep 0.1
    done
}
holds() { [ "$(value "$1")" = t ]; }

dispatcher() { value "SELECT pid FROM pg_stat_activity WHERE backend_type = 'k2bridge dispatcher' AND datname = 'bank'"; }
has_dispatcher() { [ -n "$(dispatcher)" ]; }

# CPU time of a process so far, user and system, in microseconds; its own (not shared) memory in kB.
cpu_of() { awk -v ticks="$ticks" '{ sub(/.*\) /, ""); print ($12 + $13) * 1000000 / ticks }' "/proc/$1/stat"; }
memory_of() { awk '/^RssAnon/ { print $2 }' "/proc/$1/status"; }

now() { date +%s.%N; }
compute() { awk "BEGIN { printf \"%${2:-.2f}\", $1 }"; }
median() { printf '%s\n' "$@" | sort -g | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

# heading TITLE COLUMN …, row VALUE …: a table on standard output
heading() { printf '\n%s\n' "$1"; shift; row "$@"; row "${@//[![:space:]]/-}"; }
row() { printf '  %-34s' "$1"; shift; printf ' %16s' "$@"; printf '\n'; }

# verdict VALUE >=|<= TARGET: whether a target was met, in words
verdict() { awk "BEGIN { print ($1 $2 $3) ? \"met\" : \"missed\" }"; }
