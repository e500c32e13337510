#!/usr/bin/env bash
# Builds the sdist and the wheel, installs the wheel into a clean environment and imports every
# public name.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
constraints=$(ls "$root"/constraints/python3.10-*.txt)

rm -rf dist build/wheel_venv build/lib
.venv/bin/python -m build --installer uv --outdir dist . > build/packaging.log 2>&1 || {
    tail -n 20 build/packaging.log >&2
    exit 1
}
.venv/bin/python -m venv --without-pip build/wheel_venv
.venv/bin/uv pip install --quiet --python build/wheel_venv/bin/python \
    --constraint "$constraints" dist/*.whl
cd build
wheel_venv/bin/python -I - <<'PYTHON'
import pathlib

import tfx_kmeans

assert 'wheel_venv' in tfx_kmeans.__file__, tfx_kmeans.__file__
assert (pathlib.Path(tfx_kmeans.__file__).parent / 'py.typed').exists()
for name in tfx_kmeans.__all__:
    getattr(tfx_kmeans, name)
from tfx_kmeans.pipelines import config, preprocessing  # noqa: F401
folder = pathlib.Path(tfx_kmeans.__file__).parent
assert {path.name for path in folder.rglob('*.jinja')} == {'report.html.jinja', 'centroids.html.jinja'}
print(f'packaging: {len(tfx_kmeans.__all__)} public names imported from the wheel')
PYTHON
wheel_venv/bin/tfx-kmeans --help > packaging.log
rm -rf wheel_venv
