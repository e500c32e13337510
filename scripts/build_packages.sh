#!/usr/bin/env bash
# Builds the sdist, and from it a wheel for x86-64 and one for 64-bit Arm, into dist/. The wheels run
# with glibc 2.17 or newer and all supported versions of Python: ziglang compiles for this glibc, and
# auditwheel reads the symbol versions of the library before it names a wheel manylinux.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh packaging

work=build/packages
log=build/packages.log
zig="$PWD/.venv/bin/python -m ziglang cc"
rm -rf dist "$work"
mkdir -p "$work"
fail() { echo "packages: $*" >&2; exit 1; }
quiet() { "$@" > "$log" 2>&1 || { tail -n 20 "$log" >&2; fail "$* failed."; }; }
package() { quiet .venv/bin/python -m build --installer uv "$@"; }

package --sdist --outdir dist .
for processor in x86_64 aarch64; do
    mkdir "$work/$processor"
    tar -xzf dist/*.tar.gz --strip-components=1 -C "$work/$processor"
    # A function that this glibc lacks is an error of the linker.
    CC="$zig -target $processor-linux-gnu.2.17" LDFLAGS=-Wl,-z,defs \
        _PYTHON_HOST_PLATFORM=linux-$processor package --wheel --outdir "$work" "$work/$processor"
    wheel=$(ls "$work"/*-py3-none-linux_"$processor".whl 2> /dev/null) || {
        grep -B 10 '^tfx-kmeans: ' "$log" >&2
        fail "the kernels do not compile for $processor."
    }
    # auditwheel accepts the name of a platform for this machine's processor only; for another one,
    # it finds the oldest glibc.
    plat=()
    [ "$processor" != "$(uname -m)" ] || plat=(--plat "manylinux_2_17_$processor")
    quiet .venv/bin/auditwheel repair --patcher none --only-plat "${plat[@]}" --wheel-dir dist \
        "$wheel"
    ls dist/*-py3-none-*manylinux_2_17_"$processor".whl > /dev/null ||
        fail "the wheel for $processor needs a newer glibc than 2.17: $(ls dist)"
done
