#!/usr/bin/env bash
# Runs the pipeline and the tests on TFX 1.21 and Python 3.13, in a clean clone of HEAD, as a user
# without root.
# If this machine's glibc is too old for it, that happens in a Debian 13 root, which is built once
# (as root, with debootstrap) below ~/.cache/tfx-kmeans and again if its recipe has changed.
# Arguments are passed to pytest; then only the tests run. COMMAND="make check" runs that instead.
set -euo pipefail
cd "$(dirname "$0")/.."
fail() { echo "tfx-next: $*" >&2; exit 1; }

constraints=constraints/python3.13-tfx1.21.txt
suite=trixie # Debian 13
packages=ca-certificates,g++,git,make,python3,python3-dev,python3-venv
cache=${XDG_CACHE_HOME:-$HOME/.cache}/tfx-kmeans/tfx-next
if [ $# -gt 0 ]; then
    command="make test ARGS=$(printf '%q' "$*")"
else
    command=${COMMAND:-make run && make test}
fi
head=$(git rev-parse HEAD)
git diff --quiet HEAD || echo 'tfx-next: the tests run on HEAD, without the changes that are not committed.' >&2
mkdir -p "$cache"

clone() { # folder
    git clone --quiet --no-local --depth 1 "file://$PWD" "$1"
    [ "$(git -C "$1" rev-parse HEAD)" = "$head" ] || fail "the clone does not have HEAD, $head."
}

needed=$(sed -nE 's/^# glibc>=//p' "$constraints")
glibc=$(getconf GNU_LIBC_VERSION 2> /dev/null || true)
if [ -n "$glibc" ] && [ "$(printf '%s\n' "$needed" "${glibc#glibc }" | sort -V | head -n 1)" = "$needed" ]; then
    work=$(mktemp -d "$cache/clone.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    clone "$work/tfx-kmeans"
    cd "$work/tfx-kmeans"
    TFX=1.21 bash -c "$command"
    exit
fi

if [ "$(id -u)" != 0 ]; then
    fail "TFX 1.21 needs glibc $needed, and this machine has ${glibc:-another C library}; building a Debian 13 root for the tests needs root."
fi
if ! command -v debootstrap > /dev/null; then
    command -v apt-get > /dev/null || fail 'debootstrap is missing. Install it.'
    echo 'tfx-next: installing debootstrap'
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq debootstrap; } > "$cache/apt.log" 2>&1 ||
        fail "apt-get could not install debootstrap; see $cache/apt.log."
fi

# What this machine needs to reach its package registries also holds inside.
settings=$(env | grep -iE '^(pip_|uv_|(http|https|no|all)_proxy=)' | grep -viE '^(pip_cert|pip_find_links|pip_require|uv_cache|uv_find_links|uv=)' || true)
authorities=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}
configure() { # root
    local file
    for file in /etc/resolv.conf /etc/hosts; do
        cp "$file" "$1$file"
    done
    for file in /etc/pip.conf "$HOME/.config/pip/pip.conf" "$HOME/.pip/pip.conf"; do
        [ ! -e "$file" ] || cp "$file" "$1/etc/pip.conf"
    done
    [ ! -e "$authorities" ] || cp "$authorities" "$1/opt/authorities.pem"
}

# Runs a command inside, as a user of the root. The mounts exist only for its processes: both end
# with this script, however it ends, so nothing stays mounted.
inside() { # root, user, command
    # shellcheck disable=SC2016
    unshare --mount --pid --fork --kill-child -- bash -c '
        set -euo pipefail
        mount -t proc proc "$1/proc"
        mount -t sysfs -o ro sysfs "$1/sys"
        mount -t tmpfs -o mode=1777 tmpfs "$1/dev/shm"
        mapfile -t settings <<< "$4"
        [ -n "$4" ] || settings=()
        chroot "$1" setpriv --reuid "$2" --regid "$2" --init-groups env -i \
            PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin LANG=C.UTF-8 HOME="/home/$2" USER="$2" \
            SSL_CERT_FILE=/opt/authorities.pem PIP_CERT=/opt/authorities.pem \
            REQUESTS_CA_BUNDLE=/opt/authorities.pem "${settings[@]}" bash -c "$3"
        exit # this shell, the first process of its namespace, collects the orphans of the tests
    ' - "$1" "$2" "$3" "$settings"
}

key=$(cat "$constraints" "$0" | sha256sum | cut -c 1-16)
root=$cache/$suite-$key
exec 9> "$cache/lock"
flock 9
# Roots of earlier recipes; nothing is ever mounted in them outside the processes of a run.
find "$cache" -mindepth 1 -maxdepth 1 -type d \( -name '*.part' -o -mtime +7 \) -exec rm -rf --one-file-system {} +
if [ ! -d "$root" ]; then
    echo "tfx-next: building a Debian 13 root in $root (a few minutes)"
    part=$root.part
    mirror=$(apt-get indextargets --format '$(ORIGIN) $(REPO_URI)' 'Created-By: Packages' 2> /dev/null |
        sed -nE 's/^Debian (.*\/debian\/?)$/\1/p' | head -n 1)
    # shellcheck disable=SC2086
    debootstrap --variant=minbase --include="$packages" "$suite" "$part" $mirror > "$cache/debootstrap.log" 2>&1 || {
        tail -n 5 "$cache/debootstrap.log" >&2
        fail "debootstrap failed; see $cache/debootstrap.log."
    }
    configure "$part"
    mkdir -p "$part/dev/shm"
    chroot "$part" useradd --create-home --shell /bin/bash tester
    mv "$part" "$root"
fi
touch "$root"
flock -u 9

configure "$root"
# What killed runs have left.
find "$root/home/tester" -mindepth 1 -maxdepth 1 -name 'run.*' -mtime +1 -exec rm -rf --one-file-system {} +
work=$(mktemp -d "$root/home/tester/run.XXXXXX")
trap 'rm -rf --one-file-system "$work"' EXIT
clone "$work/tfx-kmeans"
mkdir "$work/tmp"
chroot "$root" chown -R tester:tester "${work#"$root"}"
inside "$root" tester "export TFX=1.21 TMPDIR='${work#"$root"}/tmp'; cd '${work#"$root"}/tfx-kmeans' && $command"
