#!/usr/bin/env bash
# Creates or updates .venv for this checkout. Takes a moment if nothing has changed.
# "setup.sh bench" also installs the libraries that the benchmarks compare with, "setup.sh browser"
# the browser driver for tests/browser, "setup.sh packaging" what scripts/build_packages.sh uses.
# Nothing else needs them.
# PYTHON=... selects the interpreter; the default is the version in .python-version.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=.venv
wanted=$(cat .python-version)
fail() { echo "setup: $*" >&2; exit 1; }

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        command -v "$PYTHON" || fail "PYTHON=$PYTHON was not found."
        return
    fi
    local candidate
    for candidate in "python$wanted" python3 python "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$wanted"*/bin/python; do
        if [ "$("$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" = "$wanted" ]; then
            command -v "$candidate"
            return
        fi
    done
    fail "Python $wanted is required (TFX 1.16 does not support newer versions) but was not found. Install it, or set PYTHON=/path/to/python$wanted."
}

python=$(find_python)
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
libc=$("$python" -c 'import platform; print(*platform.libc_ver())')
constraints=$(ls constraints/python"$version"-*.txt 2>/dev/null | head -n 1 || true)
[ -n "$constraints" ] || fail "Python $version is not supported. Tested versions: $(ls constraints | sed -nE 's/^python([0-9.]+)-.*/\1/p' | sort -u | tr '\n' ' ')(see constraints/). Select one with PYTHON=/path/to/python."
case "$(uname -s)-$libc" in
    Linux-glibc\ *) ;;
    Linux-*) fail "TFX has wheels only for glibc, but this Python uses ${libc:-another C library} (for example musl on Alpine). Use a glibc system such as Debian 12 or Ubuntu." ;;
esac
oldest=$(sed -nE 's/^# glibc>=//p' "$constraints")
found=${libc#glibc }
if [ "$(printf '%s\n' "$oldest" "$found" | sort -V | head -n 1)" != "$oldest" ]; then
    fail "$(basename "$constraints" .txt) needs glibc $oldest or newer, but this machine has $found."
fi

install() { "$venv/bin/uv" pip install --quiet --python "$venv/bin/python" --constraint "$constraints" --editable "$@"; }

# What the compiled kernels depend on, and whether they are there.
kernels_state() {
    {
        cat setup.py components/version.py components/clustering/kernels/source/*
        command -v cc gcc clang || true
        echo "${CC:-} ${CFLAGS:-} ${LDFLAGS:-}"
        ls components/clustering/kernels/kernels.so 2>/dev/null || true
    } | sha256sum
}

# Says in one line if there are no compiled kernels: uv hides what setup.py prints.
remember_kernels() {
    kernels_state > "$venv/.kernels"
    "$venv/bin/python" - <<'PYTHON'
from tfx_kmeans.clustering.kernels.library import best_level
from tfx_kmeans.errors import KernelsError

try:
    best_level()
except KernelsError as error:
    print(
        f'setup: the kernels run their slow NumPy code, because {error}. To see why, run: '
        '.venv/bin/uv pip install --verbose --no-deps --reinstall --editable .'
    )
PYTHON
}

state=$(cat pyproject.toml "$constraints" "$0" <(pwd) <(echo "$python $version") | sha256sum)
if [ "$(cat "$venv/.state" 2>/dev/null)" != "$state" ] || ! "$venv/bin/python" -c '' 2>/dev/null; then
    echo "setup: installing $(basename "$constraints" .txt) into $venv (a minute or two)"
    rm -rf "$venv"
    "$python" -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$(grep -E '^uv==' "$constraints")"
    install '.[dev]'
    remember_kernels
    echo "$state" > "$venv/.state"
elif [ "$(cat "$venv/.kernels" 2>/dev/null)" != "$(kernels_state)" ]; then
    echo 'setup: compiling the kernels'
    install . --no-deps --reinstall
    remember_kernels
fi

if [ "${1:-}" = bench ] && ! "$venv/bin/python" -W ignore -c 'import faiss, onnxruntime, openvino, sklearnex' 2>/dev/null; then
    echo 'setup: installing the libraries that the benchmarks compare with'
    install '.[bench]'
fi

if [ "${1:-}" = browser ] && ! "$venv/bin/python" -c 'import selenium' 2>/dev/null; then
    echo 'setup: installing the browser driver'
    install '.[browser]'
fi

if [ "${1:-}" = packaging ] && ! "$venv/bin/python" -c 'import auditwheel, build, ziglang' 2>/dev/null; then
    echo 'setup: installing the tools that build packages'
    install '.[packaging]'
fi
