#!/usr/bin/env bash
# Builds the sdist and the wheels, installs the wheel into clean environments, imports every public
# name and runs the tests of the kernels there. Builds the sdist without a C compiler as well.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
tested=$(.venv/bin/python -c 'import sys; print("%d.%d" % sys.version_info[:2])')
constraints=$(ls "$root"/constraints/python"$tested"-*.txt)
uv=$root/.venv/bin/uv
tests=(tests/unit/clustering/kernels tests/unit/test_kernel_library_flags.py)
work=$root/build/packaging
rm -rf "$work"
mkdir -p "$work"
fail() { echo "packaging: $*" >&2; exit 1; }

scripts/build_packages.sh
sdist=$(ls "$root"/dist/*.tar.gz)
wheel=$(ls "$root"/dist/*_"$(uname -m)".whl)

# All sources are in the sdist, and only the library is in the wheel.
(cd components/clustering/kernels/source && ls) > "$work/sources"
tar -tzf "$sdist" | sed -n 's#.*/kernels/source/\(..*\)#\1#p' | sort | diff "$work/sources" - ||
    fail 'the sdist does not contain all sources of the kernels.'
! tar -tzf "$sdist" | grep '\.so$' || fail 'the sdist contains a compiled library.'
! .venv/bin/python -m zipfile -l "$wheel" | grep -E '\.[cho] ' || fail 'the wheel contains sources.'

# Builds a wheel from the sdist; prints its name, what setup.py says, and the library in it.
built() { # environment...
    rm -rf "$work/built"
    env "$@" "$root/.venv/bin/python" -m build --wheel --installer uv --outdir "$work/built" \
        "$work/unpacked" > "$work/log" 2>&1 || { tail -n 20 "$work/log" >&2; return 1; }
    (cd "$work/built" && ls)
    grep '^tfx-kmeans: ' "$work/log" || true
    .venv/bin/python -m zipfile -l "$work"/built/*.whl | grep -o 'kernels\.so' || true
    rm -rf "$work/unpacked/build"
}
expect() { # text, output
    [[ $2 == *$1* ]] || fail "expected $1 but found: $2"
}
mkdir "$work/unpacked" "$work/empty"
tar -xzf "$sdist" --strip-components=1 -C "$work/unpacked"
found=$(built CC=false)
expect 'py3-none-any.whl' "$found"
expect 'tfx-kmeans: built without compiled kernels, because false failed' "$found"
[[ $found != *kernels.so* ]] || fail 'a wheel for any platform contains a library.'
found=$(built -u CC PATH="$work/empty") # ziglang is then a requirement of the build
expect "py3-none-linux_$(uname -m).whl" "$found"
expect 'kernels.so' "$found"
grep -q ziglang "$work/log" || fail 'ziglang was not used, although there is no C compiler.'

# Runs the tests of the kernels with the wheel that is installed in an environment.
test_kernels() { # environment
    (cd "$work" && "$1/bin/python" -I -m pytest --quiet --noconftest -p no:cacheprovider \
        --config-file "$root/pyproject.toml" --rootdir "$root" "${tests[@]/#/$root/}")
}
environment() { # path, python
    UV_PYTHON_DOWNLOADS=never "$uv" venv --quiet --python "$2" "$1"
}
interpreter() { # version
    local candidate
    for candidate in "python$1" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$1".*/bin/python; do
        "$candidate" -c 'import sys; print(sys.executable)' 2> /dev/null && return
    done
    return 1
}

environment "$work/venv" "$root/.venv/bin/python"
"$uv" pip install --quiet --python "$work/venv/bin/python" --constraint "$constraints" "$wheel" pytest
cd "$work"
venv/bin/python -I - <<'PYTHON'
import pathlib

import tfx_kmeans

assert 'packaging/venv' in tfx_kmeans.__file__, tfx_kmeans.__file__
assert (pathlib.Path(tfx_kmeans.__file__).parent / 'py.typed').exists()
for name in tfx_kmeans.__all__:
    getattr(tfx_kmeans, name)
from tfx_kmeans.pipelines import config, preprocessing  # noqa: F401
folder = pathlib.Path(tfx_kmeans.__file__).parent
assert {path.name for path in folder.rglob('*.jinja')} == {'report.html.jinja', 'centroids.html.jinja'}
print(f'packaging: {len(tfx_kmeans.__all__)} public names imported from the wheel')
PYTHON
venv/bin/tfx-kmeans --help > log
test_kernels "$work/venv"

# TFX does not support all of these versions in each release, but the kernels need only NumPy; SciPy
# is for the code that they are compared with.
tried=()
for version in 3.10 3.11 3.12 3.13; do
    [ "$version" != "$tested" ] || continue
    python=$(interpreter "$version") || continue
    environment "$work/venv$version" "$python"
    "$uv" pip install --quiet --python "$work/venv$version/bin/python" numpy scipy pytest
    "$uv" pip install --quiet --python "$work/venv$version/bin/python" --no-deps "$wheel"
    test_kernels "$work/venv$version"
    tried+=("$version")
done
echo "packaging: the kernels of the same wheel work with Python $tested ${tried[*]:-(no other version is installed)}"
cd "$root"
rm -rf "$work"
