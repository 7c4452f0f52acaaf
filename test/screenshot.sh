#!/usr/bin/env bash
# Takes a picture of a page in headless Chromium, which test/install-deps.sh browser installs.
#
#   test/screenshot.sh URL FILE [WIDTHxHEIGHT] [dark]      K2BRIDGE_LOGIN=login:token logs in
#
# Fails when no browser starts, when no picture comes, or when the browser complains about the page. May be sourced: the
# function screenshot takes the same arguments.

browser() { command -v chromium-headless-shell || command -v chromium; }

# screenshot URL FILE [WIDTHxHEIGHT] [dark]
screenshot() {
    local url=$1 file=$2 size=${3:-1280x1600} program profile log status=0
    local -a more=()
    program=$(browser) || { echo "no Chromium is installed: test/install-deps.sh browser" >&2; return 1; }
    [ "${4:-}" != dark ] || more+=(--blink-settings=preferredColorScheme=0)
    [ -z "${K2BRIDGE_LOGIN:-}" ] || url=${url/:\/\//://$K2BRIDGE_LOGIN@}
    profile=$(mktemp -d)
    log=$profile/log
    rm -f "$file"
    # The only page it opens is our own, and a test machine may lack what the browser's sandbox needs.
    HOME=$profile timeout -k 5 60 "$program" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --hide-scrollbars \
        --no-first-run --user-data-dir="$profile/data" --enable-logging=stderr --window-size="${size/x/,}" \
        --screenshot="$file" "${more[@]}" "$url" >"$log" 2>&1 || status=$?
    if [ $status -ne 0 ] || [ ! -s "$file" ]; then
        echo "the browser took no picture (status $status):" >&2
        sed "s|${K2BRIDGE_LOGIN:-no login}|***|g" "$log" | tail -n 15 >&2
        status=1
    elif grep CONSOLE "$log" >&2; then
        status=1
    fi
    rm -rf "$profile"
    return $status
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
    [ $# -ge 2 ] || { sed -n '4,7s/^# *//p' "$0" >&2; exit 2; }
    screenshot "$@"
fi
