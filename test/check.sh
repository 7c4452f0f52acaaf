#!/usr/bin/env bash
# Every check of the project, on a fresh Debian machine as root or through sudo: installs what is missing, builds with
# two compilers, runs the sandbox bank's self-test, the unit, regression, isolation and TAP tests in a temporary copy
# with servers of its own, and ends with the line "N passed, N failed" (exit status 0 only when nothing failed).
#
#   bash test/check.sh [--only build|sandbox|unit|regress|isolation|tap|fuzz[,…]] [--sanitize] [--fuzz SECONDS]
#
#   --only      only these parts          --sanitize  under AddressSanitizer and UndefinedBehaviorSanitizer
#   --fuzz      the fuzz targets as well, so many seconds each; --only fuzz runs nothing else (60 seconds by default)
set -euo pipefail
# shellcheck source=test/support.sh
. "$(dirname "${BASH_SOURCE[0]}")/support.sh"
# shellcheck source=test/check_parts.sh
. "$root/test/check_parts.sh"

usage() { sed -n '6,9s/^# *//p' "$0" >&2; exit 2; }

parts="build sandbox unit regress isolation tap"
only=$parts
sanitize=
fuzz=0
instruments=
while [ $# -gt 0 ]; do
    case $1 in
        --only) only=${2//,/ }; shift 2 ;;
        --sanitize) sanitize=yes instruments=sanitize; shift ;;
        --fuzz) fuzz=$2; shift 2 ;;
        *) usage ;;
    esac
done
for part in $only; do [[ " $parts fuzz " == *" $part "* ]] || usage; done
[[ $fuzz =~ ^[0-9]+$ ]] || usage
if [[ " $only " == *" fuzz "* ]]; then
    [ "$fuzz" != 0 ] || fuzz=60
    only=$(echo " $only " | sed 's/ fuzz / /g')
    # The only build that fuzzing alone needs is the sanitized one.
    [ -n "${only// /}" ] || sanitize=yes
fi

passed=0
failed=0
failures=()
pass() { passed=$((passed + ${2:-1})); }
fail() { failed=$((failed + ${2:-1})); failures+=("$1"); say "FAILED: $1"; }

finish() {
    local status=$?
    trap - EXIT INT TERM HUP
    end_processes "$work"
    if [ $status -eq 0 ] && [ $failed -eq 0 ] && [ $passed -gt 0 ]; then
        rm -rf "$work"
    else
        status=1
        find "$work" -mindepth 1 -maxdepth 1 ! -name log -exec rm -rf {} +
        [ ${#failures[@]} -eq 0 ] || printf 'failed: %s\n' "${failures[@]}"
        echo "logs: $work/log"
    fi
    say "finished"
    echo "$passed passed, $failed failed"
    exit $status
}

interrupted() {
    trap - EXIT INT TERM HUP
    exec >&3 2>&3 # the signal may have come while a part's output went to its log
    say "interrupted, cleaning up"
    end_processes "$work"
    rm -rf "$work"
    exit 130
}

say "packages"
[ "$fuzz" = 0 ] || instruments=sanitize
[[ " $only " != *" tap "* ]] || instruments="$instruments browser"
bash "$root/test/install-deps.sh" build run check $instruments || { echo "0 passed, 1 failed"; exit 1; }
choose_user
make_work check
exec 3>&1
trap finish EXIT
trap interrupted INT TERM HUP
jobs=$(nproc)

say "a private copy of $(${PG_CONFIG:-pg_config} --version) and of the tree, in $work"
private_server
[ -z "$sanitize" ] || sanitized_server
for part in build $only; do
    # The build is needed by all others, but counted only where it was asked for.
    [ "$part" != build ] || [ -z "${built:-}" ] || continue
    before=$SECONDS
    if ! "part_$part"; then
        fail "$part came to no end"
        [ "$part" != build ] || break
    fi
    [ "$part" != build ] || built=yes
    say "$part took $((SECONDS - before)) s"
done
[ "$fuzz" = 0 ] || part_fuzz
[ -z "$sanitize" ] || [ -z "${built:-}" ] || sanitizer_reports
exit 0
