#!/usr/bin/env bash
# Everything that can be said of the code without running the product. Stops at the first fault.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$PWD/.venv/bin
step() { echo "check: $*"; }

step 'ruff'
"$bin/ruff" check .
"$bin/ruff" format --check .

# The package as it is installed: components/ and pipelines/ under one name.
rm -rf build/assembled
mkdir -p build/assembled
cp -r components build/assembled/tfx_kmeans
cp -r pipelines build/assembled/tfx_kmeans/pipelines

step 'types'
(cd build/assembled && "$bin/mypy" --config-file ../../pyproject.toml -p tfx_kmeans)
MYPYPATH=build/assembled "$bin/mypy" --config-file pyproject.toml local_runner.py kubeflow_runner.py

step 'import rules'
PYTHONPATH=build/assembled "$bin/lint-imports" --config .importlinter --no-cache

step 'no traces of a machine'
scripts/check_traces.sh

step 'packaging'
scripts/check_packaging.sh
echo 'check: all passed'
