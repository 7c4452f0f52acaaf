#!/usr/bin/env bash
# Installs the Debian packages that building, testing and showing k2bridge need: only those that are missing, and
# nothing at all (no network either) when all are there.
#
#   test/install-deps.sh [--list] [SET …]     sets: build run check browser sanitize (default: all but sanitize)
#
# A PostgreSQL server installed by this script gets no default cluster: no port is opened, no data directory made.
set -euo pipefail

server_version() {
    local version
    version=$(ls -v /usr/lib/postgresql 2>/dev/null | grep -E '^[0-9]+$' | tail -n 1 || true)
    [ -n "$version" ] || version=$(apt-cache depends postgresql 2>/dev/null | sed -n 's/.*Depends: postgresql-\([0-9]*\)$/\1/p' | head -n 1)
    echo "${version:-15}"
}

# The version of the release's clang, whose run-time libraries have it in their package's name.
clang_version() {
    local version
    version=$(apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-\([0-9]*\)$/\1/p' | head -n 1)
    echo "${version:-14}"
}

packages_of() {
    case $1 in
        build) echo "make g++ pkg-config postgresql-server-dev-$2 libcurl4-openssl-dev libjansson-dev libmicrohttpd-dev libgnutls28-dev" ;;
        run) echo "postgresql-$2 postgresql-client-$2 curl jq openssl procps ca-certificates" ;;
        check) echo "clang clang-format perl libipc-run-perl libgtest-dev libssl-dev" ;;
        browser) echo "chromium-headless-shell fonts-dejavu-core" ;;
        sanitize) echo "gcc libclang-rt-$(clang_version)-dev libpq-dev" ;;
        *) echo "install-deps.sh: unknown set \"$1\"; sets: build run check browser sanitize" >&2; return 1 ;;
    esac
}

missing_of() {
    local package
    for package in "$@"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || echo "$package"
    done
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        echo "these packages are missing, and installing them takes root: ${missing[*]}" >&2
        return 1
    fi
}

# Quiet unless it fails.
apt() {
    local log status=0
    log=$(mktemp)
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends "$@" </dev/null >"$log" 2>&1 || status=$?
    [ $status -eq 0 ] || tail -n 30 "$log" >&2
    rm -f "$log"
    return $status
}

# The package would create and start a cluster on the next free port; a test machine did not ask for one.
install_without_cluster() {
    local conf=/etc/postgresql-common/createcluster.conf kept
    apt install postgresql-common
    kept=$(mktemp)
    as_root cp "$conf" "$kept"
    as_root sh -c "echo 'create_main_cluster = off' >>$conf"
    apt install "$@" || { as_root cp "$kept" "$conf"; return 1; }
    as_root cp "$kept" "$conf"
    rm -f "$kept"
}

list=
[ "${1:-}" != --list ] || { list=yes; shift; }
# Which server this Debian release has is asked of its package lists; a bare system has none yet.
[ -n "$(ls /usr/lib/postgresql 2>/dev/null)" ] || apt update
version=$(server_version)
wanted=()
for set in "${@:-build run check browser}"; do
    for name in $set; do
        packages=$(packages_of "$name" "$version")
        read -ra packages <<<"$packages"
        wanted+=("${packages[@]}")
    done
done
mapfile -t missing < <(missing_of "${wanted[@]}")
if [ -n "$list" ]; then
    printf '%s\n' "${wanted[@]}"
elif [ ${#missing[@]} -gt 0 ]; then
    echo "installing ${missing[*]}"
    apt update
    if [ -e "/usr/lib/postgresql/$version/bin/postgres" ]; then apt install "${missing[@]}"; else install_without_cluster "${missing[@]}"; fi
fi
