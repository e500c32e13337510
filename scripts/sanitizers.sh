#!/usr/bin/env bash
# Runs the tests of the kernels with a library that is compiled with the address and undefined
# behaviour sanitizers of gcc. The library and a copy of the package are in build/sanitizers, so the
# one in components/ stays as it is. Installs gcc by apt-get (as root) if it is missing. Arguments
# are passed to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."
fail() { echo "sanitizers: $*" >&2; exit 1; }

flags='-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer'
work=$PWD/build/sanitizers
rm -rf "$work"
mkdir -p "$work"

# Some systems have a gcc without the headers of C or the libraries of the sanitizers.
available() { echo '#include <math.h>' | gcc -shared -fPIC $flags -x c - -o "$work/trial.so" 2> "$work/log"; }
if ! available; then
    [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null ||
        fail 'gcc with libasan and libubsan is missing, and installing it needs root and apt-get. Install it: sudo apt-get install gcc libc6-dev'
    echo 'sanitizers: installing gcc'
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends gcc libc6-dev; } > "$work/log" 2>&1 || {
        tail -n 5 "$work/log" >&2
        fail 'apt-get could not install gcc and libc6-dev.'
    }
    available || { cat "$work/log" >&2; fail 'gcc cannot compile with the sanitizers.'; }
fi

cp -r components "$work/tfx_kmeans"
rm -f "$work/tfx_kmeans/clustering/kernels/kernels.so"
CC=gcc CFLAGS="-O1 -g $flags" .venv/bin/python -W ignore setup.py --quiet build_ext \
    --build-lib "$work" --build-temp "$work/objects" > "$work/log" 2>&1
library=$work/tfx_kmeans/clustering/kernels/kernels.so
[ -e "$library" ] || { cat "$work/log" >&2; fail 'the kernels do not compile with the sanitizers.'; }
grep -q __asan_report "$library" || fail 'the library does not contain calls of the address sanitizer.'
grep -q __ubsan_handle "$library" || fail 'the library does not contain calls of the undefined behaviour sanitizer.'

# The runtime of the address sanitizer has to be loaded first, and finds libstdc++ through it.
# Python's own allocator would hide the ends of small buffers.
sanitized() {
    env LD_PRELOAD="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libstdc++.so.6)" \
        ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 PYTHONMALLOC=malloc \
        PYTHONPATH="$work" .venv/bin/python "$@"
}
found=$(sanitized -c 'from tfx_kmeans.clustering.kernels import library; print(library.__file__)')
[ "$(dirname "$found")" = "$(dirname "$library")" ] || fail "the tests would import $found."
# Reports of the sanitizers end the process and must not be captured.
sanitized -m pytest --noconftest -p no:cacheprovider --capture=sys tests/unit/clustering/kernels "$@"
