# Shared by check.sh and demo.sh, sourced: plain-word progress, a work directory of an unprivileged user, processes
# that are always ended, a private copy of the PostgreSQL server. Nothing here touches an existing cluster.
#
# Sets: root (the tree), work (temporary directory), user (who runs everything), PG_CONFIG after private_server.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=test/port.sh
. "$root/test/port.sh"
started=$SECONDS
groups=()

say() { printf '[%3d s] %s\n' "$((SECONDS - started))" "$*"; }
complain() { printf '%s\n' "$*" >&2; }

# PostgreSQL and the tests refuse root: as root everything runs as user postgres.
choose_user() {
    user=$(id -un)
    [ "$(id -u)" != 0 ] || user=postgres
}

make_work() {
    work=$(mktemp -d "${TMPDIR:-/tmp}/k2bridge-$1.XXXXXX")
    mkdir -p "$work/log" "$work/tmp"
    [ "$(id -u)" != 0 ] || chown "$user" "$work" "$work/log" "$work/tmp"
    chmod 755 "$work"
}

# Whether a process group has members other than the dead that init has not collected yet.
group_alive() { pgrep -g "$1" -r D,R,S,T >/dev/null; }

# Runs a command as the unprivileged user in a process group of its own, so that nothing it starts outlives us and a
# signal to this script is acted upon at once.
run_as_user() {
    local switch=() status=0
    [ "$(id -u)" != 0 ] || switch=(runuser -u "$user" --)
    setsid -w env HOME="$work" TMPDIR="$work/tmp" "${switch[@]}" "$@" &
    groups+=($!)
    wait $! || status=$?
    # Stays noted while something it started is still there.
    group_alive $! || unset 'groups[-1]'
    return $status
}

# The tree without build products and version control.
copy_tree() {
    mkdir -p "$1"
    tar -C "$root" --exclude-vcs --exclude='*.o' --exclude='*.d' --exclude='*.so' --exclude='*.bc' --exclude=./build \
        --exclude=./results --exclude=./tmp_check --exclude='./k2bridge--*.sql' --exclude='./test/*/build*' \
        --exclude=./test/sandbox/k2sandbox -cf - . | tar -C "$1" -xf -
    [ "$(id -u)" != 0 ] || chown -R "$user" "$1"
}

# A copy of the server that finds its own files relative to itself, into which the extension can be installed without
# touching the machine's own.
private_server() {
    local program original version copy=$work/server
    # Its full path, since the copy's own pg_config will come first in the path of some tests.
    program=$(command -v "${PG_CONFIG:-pg_config}")
    original=$("$program" --bindir)
    version=$(basename "$(dirname "$original")")
    mkdir -p "$copy/usr/lib/postgresql" "$copy/usr/share/postgresql" "$copy/bin"
    cp -a "$(dirname "$original")" "$copy/usr/lib/postgresql/"
    cp -a "/usr/share/postgresql/$version" "$copy/usr/share/postgresql/"
    cat >"$copy/bin/pg_config" <<END
#!/bin/sh
"$program" "\$@" | sed 's,/usr/lib/postgresql,$copy/usr/lib/postgresql,g; s,/usr/share/postgresql,$copy/usr/share/postgresql,g'
END
    chmod 755 "$copy/bin/pg_config"
    [ "$(id -u)" != 0 ] || chown -R "$user" "$copy"
    export PG_CONFIG=$copy/bin/pg_config
}

# Ends every server whose data directory lies under the given directory, and everything run_as_user started.
end_processes() {
    local group pidfile
    for group in "${groups[@]}"; do kill -TERM -- "-$group" 2>/dev/null || true; done
    while IFS= read -r pidfile; do
        kill -QUIT "$(head -n 1 "$pidfile")" 2>/dev/null || true
    done < <(find "$1" -name postmaster.pid 2>/dev/null)
    for group in "${groups[@]}"; do
        local deadline=$((SECONDS + 5))
        while group_alive "$group" && [ $SECONDS -lt $deadline ]; do sleep 0.1; done
        ! group_alive "$group" || kill -KILL -- "-$group" 2>/dev/null || true
    done
}
