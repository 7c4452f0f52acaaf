#!/usr/bin/env bash
# Runs check.sh and demo.sh in a bare Debian made by debootstrap, to prove that they install all they need and that
# nothing of this machine is leant on. Takes root, the machine's own Debian mirror and 10 to 30 minutes.
#
#   bash test/chroot.sh [--suite SUITE] [--dir DIR] [check|demo …]
#
#   --suite  bookworm (Debian 12, the default), trixie, forky, …      --dir  is kept and used again; default: a temporary one
#   What is run defaults to both. "shell COMMAND …" runs anything else in the tree there.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
[ "$(id -u)" = 0 ] || { echo "chroot.sh: run it as root" >&2; exit 1; }
command -v debootstrap >/dev/null || apt-get -q -y install debootstrap

dir=
suite=bookworm
while [ $# -gt 0 ]; do
    case $1 in
        --dir) dir=${2:?directory}; shift 2 ;;
        --suite) suite=${2:?suite}; shift 2 ;;
        -*) sed -n '5,8s/^# *//p' "$0" >&2; exit 2 ;;
        *) break ;;
    esac
done
[ $# -gt 0 ] || set -- check demo
kept=$dir
dir=${dir:-$(mktemp -d "${TMPDIR:-/tmp}/k2bridge-chroot.XXXXXX")}

# A tree with something still mounted in it must never be removed.
unmount() {
    local point
    for point in dev/pts dev sys proc; do
        ! mountpoint -q "$dir/$point" || umount "$dir/$point" || umount -l "$dir/$point"
    done
}
cleanup() {
    trap - EXIT
    unmount
    if [ -z "$kept" ] && ! grep -q " $dir/" /proc/mounts; then rm -rf --one-file-system "$dir"; fi
}
trap cleanup EXIT
trap 'exit 130' INT TERM HUP

# The first Debian address in either format of apt's sources.
mirror() {
    sed -n -e 's/^URIs: *\([^ ]*\).*/\1/p' -e 's/^deb \(\[[^]]*\] \)\?\([^ ]*\).*/\2/p' \
        $(find /etc/apt -name '*.sources' -o -name '*.list' | sort) | grep -m 1 '/debian/*$'
}

# debootstrap tells a suite it has not heard of yet by the rules of the newest.
bootstrap() {
    local script=
    [ ! -d /usr/share/debootstrap/scripts ] || [ -e "/usr/share/debootstrap/scripts/$suite" ] || script=sid
    echo "a bare Debian ($suite) in $dir"
    # shellcheck disable=SC2086
    debootstrap --variant=minbase "$suite" "$dir" "$(mirror)" $script >"$dir.log" 2>&1 || { tail "$dir.log" >&2; return 1; }
    rm -f "$dir.log"
}

# What a broken bootstrap left is begun again.
[ -e "$dir/etc/debian_version" ] && [ ! -e "$dir/debootstrap" ] || bootstrap
grep -q " $suite " "$dir/etc/apt/sources.list" || { echo "chroot.sh: $dir is not $suite" >&2; exit 1; }
# A mirror may be a snapshot, whose lists of a suite in the making expire.
echo 'Acquire::Check-Valid-Until "false";' >"$dir/etc/apt/apt.conf.d/50snapshot"
# How this machine reaches its mirror: proxies and certificates of apt, names.
[ ! -e /etc/apt/apt.conf ] || cp /etc/apt/apt.conf "$dir/etc/apt/"
cp -L /etc/resolv.conf /etc/hosts "$dir/etc/"
mount -t proc proc "$dir/proc"
mount -t sysfs sys "$dir/sys"
mount --bind /dev "$dir/dev"
mount --bind /dev/pts "$dir/dev/pts"

rm -rf "$dir/root/k2bridge"
mkdir -p "$dir/root/k2bridge"
tar -C "$root" --exclude-vcs --exclude='*.o' --exclude='*.d' --exclude='*.so' --exclude=./build \
    --exclude='./test/*/build*' -cf - . | tar -C "$dir/root/k2bridge" -xf -
in_chroot() {
    chroot "$dir" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 TERM="${TERM:-dumb}" \
        bash -c 'cd /root/k2bridge && exec "$@"' bash "$@"
}
status=0
if [ "$1" = shell ]; then
    shift
    in_chroot "$@" || status=$?
else
    for name in "$@"; do
        echo "--- test/$name.sh in the bare $suite"
        in_chroot bash "test/$name.sh" || status=$?
    done
fi
exit $status
