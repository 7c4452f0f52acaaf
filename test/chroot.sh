#!/usr/bin/env bash
# Runs check.sh and demo.sh in a bare Debian 12 made by debootstrap, to prove that they install all they need and that
# nothing of this machine is leant on. Takes root, the machine's own Debian mirror and 10 to 30 minutes.
#
#   bash test/chroot.sh [--dir DIR] [check|demo …]     DIR is kept and used again; default: both, in a temporary one
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
[ "$(id -u)" = 0 ] || { echo "chroot.sh: run it as root" >&2; exit 1; }
command -v debootstrap >/dev/null || apt-get -q -y install debootstrap

dir=
[ "${1:-}" != --dir ] || { dir=$2; shift 2; }
commands=("$@")
[ $# -gt 0 ] || commands=(check demo)
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
mirror=$(sed -n -e 's/^URIs: *\([^ ]*\).*/\1/p' -e 's/^deb \(\[[^]]*\] \)\?\([^ ]*\).*/\2/p' \
    $(find /etc/apt -name '*.sources' -o -name '*.list' | sort) | grep -m 1 '/debian/*$')
if [ ! -e "$dir/etc/debian_version" ]; then
    echo "a bare Debian 12 in $dir"
    debootstrap --variant=minbase bookworm "$dir" "$mirror" >"$dir.log" 2>&1 || { tail "$dir.log" >&2; exit 1; }
    rm -f "$dir.log"
fi
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
status=0
for name in "${commands[@]}"; do
    echo "--- test/$name.sh in the bare system"
    chroot "$dir" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 TERM="${TERM:-dumb}" \
        bash "/root/k2bridge/test/$name.sh" || status=$?
done
exit $status
