#!/usr/bin/env bash
# Shows the main job on a fresh Debian machine, as root or through sudo: builds k2bridge, starts a throw-away database
# and a stand-in bank, posts the documented payloads over HTTP and checks every outcome in tables and at the bank.
#
#   bash test/demo.sh            shows it and cleans up
#   bash test/demo.sh --keep     leaves database and bank running and says how to connect
#   bash test/demo.sh --screenshot FILE   also takes a picture of the status page, in headless Chromium
#   bash test/demo.sh --stop DIR ends what --keep left
set -euo pipefail
# shellcheck source=test/support.sh
. "$(dirname "${BASH_SOURCE[0]}")/support.sh"
# shellcheck source=test/demo/helpers.sh
. "$root/test/demo/helpers.sh"
# shellcheck source=test/demo/steps.sh
. "$root/test/demo/steps.sh"
# shellcheck source=test/demo/listener.sh
. "$root/test/demo/listener.sh"
# shellcheck source=test/screenshot.sh
. "$root/test/screenshot.sh"
# shellcheck source=test/demo/autoclient.sh
. "$root/test/demo/autoclient.sh"

stop_kept() {
    [ -e "$1/log/demo" ] || { complain "$1 was not left by demo.sh --keep"; exit 1; }
    [ ! -e "$1/bank.pid" ] || kill "$(cat "$1/bank.pid")" 2>/dev/null || true
    groups=()
    end_processes "$1"
    rm -rf "$1"
}

keep=
picture=
while [ $# -gt 0 ]; do
    case $1 in
        --keep) keep=yes; shift ;;
        --screenshot) picture=$(realpath -m "${2:?file}"); shift 2 ;;
        --stop) stop_kept "$(realpath "${2:?directory}")"; exit ;;
        *) sed -n '5,8s/^# *//p' "$0" >&2; exit 2 ;;
    esac
done

finish() {
    local status=$?
    trap - EXIT INT TERM HUP
    if [ $status -eq 0 ] && [ -n "$keep" ]; then
        how_to_connect
        exit 0
    fi
    end_processes "$work"
    if [ $status -eq 0 ]; then
        rm -rf "$work"
        what_next
    else
        find "$work" -mindepth 1 -maxdepth 1 ! -name log ! -name cluster -exec rm -rf {} +
        find "$work/cluster" -mindepth 1 -maxdepth 1 ! -name log -exec rm -rf {} + 2>/dev/null || true
        complain "the demo did not come to its end; logs: $work/log and $work/cluster/log"
    fi
    exit $status
}

say "packages"
bash "$root/test/install-deps.sh" build run ${picture:+browser}
choose_user
make_work demo
trap finish EXIT
trap 'exit 130' INT TERM HUP
touch "$work/log/demo"

build
start_bank
start_database
start_listener
loans
outgoing
incoming
crash
exclusions
over_http
autoclient
story
status_page
say "all $checks promises were kept"
