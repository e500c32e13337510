#!/usr/bin/env bash
# Fails where a tracked file holds an absolute path of this machine or a package registry's
# address. Both are taken from the machine itself, so that none has to stand here.
set -euo pipefail
cd "$(dirname "$0")/.."

# A search that fails for another reason than finding nothing must not pass for "nothing found".
search() { git grep -nIF -e "$1" -- || { [ $? -eq 1 ] || exit 2; }; }

found=''
for path in "$PWD" "$HOME" "$(dirname "$PWD")"; do
    case "$path" in
        / | /home | /Users) continue ;;
    esac
    found+=$(search "$path/")
done

registries=$(
    {
        python3 -m pip config list 2>/dev/null || true
        # What pip uses where nothing is configured.
        python3 -c 'from pip._internal.models.index import PyPI; print(PyPI.url)' 2>/dev/null || true
        npm config get registry 2>/dev/null || true
        go env GOPROXY 2>/dev/null || true
        env | grep -iE '^(pip|uv|npm|goproxy|maven)' || true
    } | grep -oE 'https?://[^/@ ,'"'"'"|]+' | sed -E 's#https?://##' | sort -u
)
[ -n "$registries" ] || { echo 'No package client told its registry: nothing to look for.' >&2; exit 1; }
for registry in $registries; do
    found+=$(search "//$registry")
done

if [ -n "$found" ]; then
    echo 'These tracked lines hold a path of this machine or the address of a registry:' >&2
    echo "$found" >&2
    exit 1
fi
