#!/usr/bin/env bash
# Creates or updates .venv for this checkout. Takes a moment if nothing has changed.
# "setup.sh bench" also installs the libraries that the benchmarks compare with, "setup.sh browser"
# the browser driver for tests/browser, "setup.sh packaging" what scripts/build_packages.sh uses.
# Nothing else needs them.
# The newest generation of TFX that this machine can have is installed; TFX=1.16 or TFX=1.21 selects
# one, and PYTHON=... the interpreter.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=.venv
fail() { echo "setup: $*" >&2; exit 1; }

version_of() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null; }
not_older() { [ "$(printf '%s\n' "$@" | sort -V | head -n 1)" = "$2" ]; } # version, than another
glibc_of() { sed -nE 's/^# glibc>=//p' "$1"; } # constraints

find_python() { # version
    local candidate
    for candidate in "python$1" python3 python "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$1"[.-]*/bin/python \
        "$(UV_PYTHON_DOWNLOADS=never uv python find --system --no-project "$1" 2>/dev/null || true)"; do
        if [ -n "$candidate" ] && [ "$(version_of "$candidate")" = "$1" ]; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

# Constraints as "TFX Python file", newest first.
tested=$(ls constraints | sed -nE 's#^python([0-9.]+)-tfx([0-9.]+)\.txt$#\2 \1 constraints/&#p' | sort -k 1,1Vr -k 2,2Vr)
known=$tested
[ -z "${TFX:-}" ] || tested=$(grep "^${TFX//./\\.} " <<< "$known") ||
    fail "TFX=$TFX is not supported. Use one of: $(cut -d ' ' -f 1 <<< "$known" | uniq | xargs)."

constraints='' lacking=''
if [ -n "${PYTHON:-}" ]; then
    python=$(command -v "$PYTHON") || fail "PYTHON=$PYTHON was not found."
    version=$(version_of "$python") || fail "PYTHON=$PYTHON does not run."
    constraints=$(awk -v version="$version" '$2 == version { print $3; exit }' <<< "$tested")
    [ -n "$constraints" ] || fail "Python $version is not supported${TFX:+ with TFX $TFX}. Tested versions: $(cut -d ' ' -f 2 <<< "$tested" | sort -V | xargs) (see constraints/). Select one with PYTHON=/path/to/python."
else
    machine=$(getconf GNU_LIBC_VERSION 2>/dev/null | sed 's/^glibc //') || true
    while read -r tfx version file; do
        if [ -n "$machine" ] && ! not_older "$machine" "$(glibc_of "$file")"; then
            reason="TFX $tfx needs glibc $(glibc_of "$file") or newer, but this machine has $machine"
        elif python=$(find_python "$version"); then
            constraints=$file
            break
        else
            wanted=$(awk -v tfx="$tfx" '$1 == tfx { print $2 }' <<< "$tested" | xargs)
            reason="TFX $tfx needs Python ${wanted// / or }, which was not found"
            install=${install:-$version}
        fi
        [[ $lacking == *"$reason"* ]] || lacking+="$reason; "
    done <<< "$tested"
    [ -n "$constraints" ] || fail "${lacking%; }.${install:+ Install one, for example with: uv python install $install; or set PYTHON=/path/to/python$install.}"
fi

libc=$("$python" -c 'import platform; print(*platform.libc_ver())')
case "$(uname -s)-$libc" in
    Linux-glibc\ *) ;;
    Linux-*) fail "TFX has wheels only for glibc, but this Python uses ${libc:-another C library} (for example musl on Alpine). Use a glibc system such as Debian 12 or Ubuntu." ;;
esac
if ! not_older "${libc#glibc }" "$(glibc_of "$constraints")"; then
    fail "$(basename "$constraints" .txt) needs glibc $(glibc_of "$constraints") or newer, but this machine has ${libc#glibc }."
fi

install() { "$venv/bin/uv" pip install --quiet --python "$venv/bin/python" --constraint "$constraints" --editable "$@"; }

# Says in one line what pyfarmhash, which has no wheels, lacks to be compiled; nothing otherwise.
explain_pyfarmhash() {
    local lacking=''
    command -v g++ > /dev/null || command -v c++ > /dev/null || lacking='a C++ compiler (g++)'
    [ -e "$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h" ] ||
        lacking+="${lacking:+ and }Python.h (python3-dev)"
    [ -z "$lacking" ] || fail "pyfarmhash, a dependency of TFX, has to be compiled, and $lacking is missing. Install it, for example with: sudo apt-get install g++ python3-dev"
}

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
    log=$(mktemp)
    trap 'rm -f "$log"' EXIT
    "$python" -m venv "$venv" > "$log" 2>&1 ||
        fail "$python cannot create virtual environments: $(tail -n 1 "$log"). On Debian and Ubuntu, install python3-venv."
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$(grep -E '^uv==' "$constraints")"
    install '.[dev]' || { explain_pyfarmhash; exit 1; }
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
