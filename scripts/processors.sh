#!/usr/bin/env bash
# Checks that the kernels return the same bits for every instruction set and processor: compiles
# tests/processors/checksums.c with the kernels for x86-64 (each instruction set, by two compilers)
# and for 64-bit Arm, and compares the output. The programs for the other processor run in QEMU,
# which is installed by apt-get (as root) if it is missing.
set -euo pipefail
cd "$(dirname "$0")/.."
fail() { echo "processors: $*" >&2; exit 1; }

driver=tests/processors/checksums.c
source=components/clustering/kernels/source
work=build/processors
zig=("$PWD/.venv/bin/python" -m ziglang cc)
rm -rf "$work"
mkdir -p "$work"
scripts/setup.sh packaging

# The driver must call every kernel, and its prototypes must be those of the kernels.
names() { grep -ohE '\bkernel\([a-z_]+\)\(' "$@" | sort -u; }
diff <(names "$source"/*.c) <(names "$driver") || fail "$driver does not call exactly the kernels in $source."
included=()
for file in "$source"/*.c; do
    [ "$file" = "$source/processor.c" ] || included+=(-include "$file")
done
"${zig[@]}" -c -DLEVEL=baseline "${included[@]}" "$driver" -o "$work/prototypes.o" ||
    fail "the prototypes in $driver are not those of the kernels."

install_qemu() { # program
    command -v "$1" > /dev/null && return
    [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null ||
        fail "$1 is missing, and installing it needs root and apt-get. Install it: sudo apt-get install qemu-user"
    echo 'processors: installing QEMU'
    local log
    log=$(mktemp)
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends qemu-user; } > "$log" 2>&1 || {
        tail -n 5 "$log" >&2
        fail 'apt-get could not install qemu-user.'
    }
    rm -f "$log"
}

# Compiles the kernels as setup.py does, with warnings as errors, and one program for each level.
build() { # name, processor, compiler...
    local name=$1 processor=$2 level
    shift 2
    _PYTHON_HOST_PLATFORM=linux-$processor CC="$*" CFLAGS=-Werror \
        .venv/bin/python -W ignore setup.py --quiet build_ext \
        --build-lib "$work/$name" --build-temp "$work/$name" > "$work/log" 2>&1
    [ -e "$work/$name/tfx_kmeans/clustering/kernels/kernels.so" ] || {
        cat "$work/log" >&2
        fail "the kernels do not compile for $name."
    }
    for level in $(find "$work/$name" -name 'assign.*.o' -printf '%f\n' | cut -d. -f2); do
        "$@" -O2 -g0 -static -ffp-contract=off -DLEVEL="$level" -Wall -Wextra -Werror "$driver" \
            "$work/$name"/*.o -lm -o "$work/$name.$level"
    done
}

for processor in x86_64 aarch64; do
    build "ziglang-$processor" "$processor" "${zig[@]}" -target "$processor-linux-musl"
done
command -v gcc > /dev/null && build "gcc-$(uname -m)" "$(uname -m)" gcc

# The instruction sets that this processor supports.
supported=$(.venv/bin/python -c 'from tfx_kmeans.clustering.kernels.library import LEVELS, best_level
print(*LEVELS[: LEVELS.index(best_level()) + 1])')
reference=$work/ziglang-$(uname -m).baseline
"$reference" > "$work/expected"
[ "$(wc -l < "$work/expected")" = "$(names "$driver" | wc -l)" ] || fail 'the driver did not print a checksum for each kernel.'
same=()
for program in "$work"/*-*.*; do
    level=${program##*.} processor=${program##*-} run=()
    processor=${processor%.*}
    if [ "$processor" != "$(uname -m)" ]; then
        [ "$level" = baseline ] || continue # QEMU need not have the others
        run=("qemu-$processor")
        install_qemu "${run[0]}"
    elif [[ " $supported " != *" $level "* ]]; then
        echo "processors: this processor cannot run $level"
        continue
    fi
    "${run[@]}" "$program" > "$work/found"
    diff "$work/expected" "$work/found" > "$work/difference" || {
        cat "$work/difference" >&2
        fail "$(basename "$program") returns other bits than $(basename "$reference")."
    }
    same+=("$(basename "$program")")
done
echo "processors: the same bits from ${same[*]}"
