#!/usr/bin/env bash
# Runs every check under each supported version of PostgreSQL, in a bare Debian of the suite that has it (chroot.sh), and
# ends with a line per version and the sum, "N passed, N failed" (exit status 0 only when nothing failed anywhere).
# Takes root, the machine's own Debian mirror and half an hour to an hour for each version.
#
#   bash test/matrix.sh [--dir DIR] [--only PARTS] [VERSION …]      default: every version of the list below
#
#   --dir   keeps the systems there, for the next time      --only  passes these parts on to check.sh
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# PostgreSQL's version and the Debian suite that has it.
suite_of() {
    case $1 in
        15) echo bookworm ;;
        17) echo trixie ;;
        18) echo forky ;;
        *) echo "matrix.sh: no Debian suite is known for PostgreSQL $1" >&2; return 2 ;;
    esac
}

usage() { sed -n '6,8s/^# *//p' "$0" >&2; exit 2; }

dir=
parts=()
while [ $# -gt 0 ]; do
    case $1 in
        --dir) dir=${2:?directory}; shift 2 ;;
        --only) parts=(--only "${2:?parts}"); shift 2 ;;
        -*) usage ;;
        *) break ;;
    esac
done
[ $# -gt 0 ] || set -- 15 17 18
for version in "$@"; do suite_of "$version" >/dev/null || usage; done
[ -z "$dir" ] || mkdir -p "$dir"
logs=$(mktemp -d "${TMPDIR:-/tmp}/k2bridge-matrix.XXXXXX")

passed=0
failed=0
figures=()

# Adds up what one version's check.sh said; one that ended without figures, or tested another server, failed.
count() {
    local version=$1 log=$2 line good bad
    line=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$log" | tail -n 1 || true)
    read -r good _ bad _ <<<"${line/,/}"
    if [ -z "$line" ] || [ $((good + bad)) -eq 0 ] || ! grep -q "a private copy of PostgreSQL $version\." "$log"; then
        good=${good:-0} bad=$((${bad:-0} + 1))
    fi
    passed=$((passed + good)) failed=$((failed + bad))
    figures+=("PostgreSQL $version ($(suite_of "$version")): $good passed, $bad failed")
}

for version in "$@"; do
    suite=$(suite_of "$version")
    echo "=== PostgreSQL $version, Debian $suite"
    bash "$here/chroot.sh" --suite "$suite" ${dir:+--dir "$dir/$suite"} shell bash test/check.sh "${parts[@]}" 2>&1 |
        tee "$logs/$version" || true
    count "$version" "$logs/$version"
done
[ $failed -gt 0 ] || rm -rf "$logs"
echo "==="
[ $failed -eq 0 ] || echo "what the versions said: $logs"
printf '%s\n' "${figures[@]}"
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
