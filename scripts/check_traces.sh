#!/usr/bin/env bash
# Fails if a tracked file contains an absolute path of this machine or the address of a package
# registry that this machine uses. Both are determined at run time, so that this script contains
# neither.
set -euo pipefail
cd "$(dirname "$0")/.."

# git grep exits with 1 if it finds nothing. Any other failure must not count as "nothing found".
search() { git grep -nIF -e "$1" -- || { [ $? -eq 1 ] || exit 2; }; }

found=''
for path in "$PWD" "$HOME" "$(dirname "$PWD")"; do
    case "$path" in
        / | /home | /Users) continue ;;
    esac
    found+=$(search "$path/")
done

# The system's Python may have no pip.
python=.venv/bin/python
[ -x "$python" ] || python=python3
registries=$(
    {
        "$python" -m pip config list 2>/dev/null || true
        # The registry that pip uses if none is configured.
        "$python" -c 'from pip._internal.models.index import PyPI; print(PyPI.url)' 2>/dev/null || true
        npm config get registry 2>/dev/null || true
        go env GOPROXY 2>/dev/null || true
        env | grep -iE '^(pip|uv|npm|goproxy|maven)' || true
    } | grep -oE 'https?://[^/@ ,'"'"'"|]+' | sed -E 's#https?://##' | sort -u
)
[ -n "$registries" ] || { echo 'No package client reported its registry, so there is nothing to search for.' >&2; exit 1; }
for registry in $registries; do
    found+=$(search "//$registry")
done

if [ -n "$found" ]; then
    echo 'These tracked lines contain a path of this machine or the address of a registry:' >&2
    echo "$found" >&2
    exit 1
fi
