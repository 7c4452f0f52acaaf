#!/usr/bin/env bash
# Checks the sandbox bank with curl: every service, its strictness, the control API and every fault.
# Usage: selftest.sh [path of k2sandbox]. K2SANDBOX_WRAPPER may name a command to run it under (valgrind).
# Exits non-zero when anything failed and prints "N passed, N failed".
set -u
here=$(cd "$(dirname "$0")" && pwd)
program=${1:-$here/k2sandbox}
work=$(mktemp -d "${TMPDIR:-/tmp}/k2sandbox-selftest.XXXXXX")
passed=0
failed=0
bank_pid=
base=
json='Content-Type: application/json'

pass() { passed=$((passed + 1)); }
fail() { failed=$((failed + 1)); printf 'FAILED %s\n' "$*"; }

# is NAME EXPECTED ACTUAL
is() { if [ "$2" = "$3" ]; then pass; else fail "$1: expected '$2', got '$3'"; fi; }

# like NAME PATTERN ACTUAL (shell pattern)
like() { case $3 in $2) pass ;; *) fail "$1: expected like '$2', got '$3'" ;; esac; }

# until_is NAME EXPECTED COMMAND...: polls until the command prints the expected text, 30 s at most
until_is() {
    local name=$1 expected=$2 actual= deadline=$((SECONDS + 30))
    shift 2
    while [ $SECONDS -lt $deadline ]; do
        actual=$("$@")
        [ "$actual" = "$expected" ] && break
        sleep 0.05
    done
    is "$name" "$expected" "$actual"
}

start_bank() {
    rm -f "$work/port"
    # shellcheck disable=SC2086
    ${K2SANDBOX_WRAPPER:-} "$program" --port 0 --port-file "$work/port" --pid-file "$work/pid" "$@" \
        >"$work/out" 2>"$work/err" &
    bank_pid=$!
    local deadline=$((SECONDS + 60))
    until [ -s "$work/port" ]; do
        kill -0 $bank_pid 2>/dev/null && [ $SECONDS -lt $deadline ] || { cat "$work/err"; exit 1; }
        sleep 0.05
    done
    base=http://127.0.0.1:$(cat "$work/port")
}

stop_bank() {
    kill -TERM "$bank_pid"
    wait "$bank_pid"
    is "$1: stops cleanly on SIGTERM" 0 $?
    bank_pid=
    is "$1: says nothing on stderr" "" "$(cat "$work/err")"
}

cleanup() {
    [ -n "$bank_pid" ] && kill -KILL "$bank_pid"
    rm -rf "$work"
}
trap cleanup EXIT

get() { curl -s -m 20 "$base$1"; }
post() { curl -s -m 20 -H "$json" --data-binary "$2" "$base$1"; }
control() { curl -s -m 20 -d "$2" "$base/_/$1" >/dev/null; }
faults() { is "rule accepted: $1" '{"ok":true}' "$(curl -s -m 20 -d "{\"rules\":[$1]}" "$base/_/faults")"; }
query() { curl -s -m 20 "$base/_/$1" | jq -rc "$2"; }

# status CURL-ARGUMENTS...: the HTTP status alone; code ...: curl's exit code
status() { curl -s -m 20 -o /dev/null -w '%{http_code}' "$@"; }
code() { curl -s -m "${limit:-20}" -o "$work/body" "$@"; echo $?; }

# pt REFER AMOUNT: a payment request of O5
pt() {
    printf '{"refer":"%s","accept_dt":"2021-01-05","doc_num":"16","doc_at":"2021-01-04","iinbin":"000000000010",
"acc_fullname":"Тестовый Тест Тестович","ben_fullname":"АО \\"Пример\\"","ben_bin":"000040000019",
"ben_iban":"KZ12722R00000000000","ben_kbe":"14","amount":%s,"cur":"KZT","knp":"423","dbz_num":"R0000-001",
"dbz_dt":"2014-02-08","purpose":"Погашение","head":"Руководитель","account":"Бухгалтер"}' "$1" "$2"
}

for part in services strictness control faults wire tls journal autoclient autoclient_calls autoclient_days autoclient_payments; do
    # shellcheck source=/dev/null
    . "$here/selftest/$part.sh"
done

printf '%d passed, %d failed\n' $passed $failed
[ $failed -eq 0 ]
