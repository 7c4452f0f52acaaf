#!/usr/bin/env bash
# Throw-away PostgreSQL clusters for tests and demos, never touching an existing cluster or port.
#
#   test/cluster.sh start DIR [GUC=VALUE …]   installs the built extension under DIR/stage and starts a cluster
#                                             in DIR/data; prints the shell lines that point psql at it
#   test/cluster.sh restart DIR [-m MODE]     stops (fast by default) and starts it again
#   test/cluster.sh install DIR               installs the built extension again under DIR/stage
#   test/cluster.sh stop DIR                  stops it (immediate) and removes DIR
#
# PG_CONFIG names the pg_config of the server to use. PostgreSQL refuses to run as root: as root the server runs as
# user postgres, otherwise as the caller.
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
pg_config=${PG_CONFIG:-pg_config}
bin=$($pg_config --bindir)
# shellcheck source=test/port.sh
. "$here/test/port.sh"

as_server() { if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }

install_stage() {
    make -s -C "$here" install DESTDIR="$1/stage" PG_CONFIG="$pg_config" >"$1/install.log" 2>&1 ||
        { cat "$1/install.log" >&2; return 1; }
    chmod a+rx "$1"
    chmod -R a+rX "$1/stage"
}

# The setting that makes the server find the extension's files there: PostgreSQL 18's own, Debian's before.
staged_extensions() {
    if [ "$($pg_config --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')" -ge 18 ]; then
        echo "extension_control_path = '$1$($pg_config --sharedir):\$system'"
    else
        echo "extension_destdir = '$1'"
    fi
}

start() {
    local dir=$1 port; shift
    mkdir -p "$dir"; dir=$(cd "$dir" && pwd)
    install_stage "$dir"
    port=$(free_port)
    mkdir -p "$dir/run" "$dir/log"
    [ "$(id -u)" != 0 ] || chown postgres "$dir" "$dir/run" "$dir/log"
    as_server "$bin/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync >"$dir/log/initdb.log"
    {
        echo "listen_addresses = '127.0.0.1'"
        echo "port = $port"
        echo "unix_socket_directories = '$dir/run'"
        echo "shared_preload_libraries = 'k2bridge'"
        staged_extensions "$dir/stage"
        echo "dynamic_library_path = '$dir/stage$($pg_config --pkglibdir):\$libdir'"
        echo "max_worker_processes = 32"
        for setting in "$@"; do echo "${setting%%=*} = '${setting#*=}'"; done
    } | as_server tee -a "$dir/data/postgresql.conf" >/dev/null
    echo "$port" >"$dir/port"
    as_server "$bin/pg_ctl" -D "$dir/data" -l "$dir/log/server.log" -w -s start || { tail -20 "$dir/log/server.log" >&2; return 1; }
    echo "export PGHOST=$dir/run PGPORT=$port PGUSER=postgres PGDATABASE=postgres PATH=$bin:\$PATH"
}

command=$1; dir=$2; shift 2
case $command in
    start) start "$dir" "$@" ;;
    install) install_stage "$dir" ;;
    restart) as_server "$bin/pg_ctl" -D "$dir/data" -l "$dir/log/server.log" -w -s "$@" restart ;;
    stop)
        [ ! -d "$dir/data" ] || as_server "$bin/pg_ctl" -D "$dir/data" -s -m immediate stop || true
        rm -rf "$dir" ;;
    *) sed -n '2,12p' "$0" >&2; exit 2 ;;
esac
