#!/usr/bin/env bash
# Runs all static checks and the packaging check. Stops at the first failure.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$PWD/.venv/bin
step() { echo "check: $*"; }

step 'ruff'
"$bin/ruff" check .
"$bin/ruff" format --check .

# Assembles the package as it is installed: components/ and pipelines/ under one package name.
rm -rf build/assembled
mkdir -p build/assembled
cp -r components build/assembled/tfx_kmeans
cp -r pipelines build/assembled/tfx_kmeans/pipelines

step 'types'
(cd build/assembled && "$bin/mypy" --config-file ../../pyproject.toml -p tfx_kmeans)
MYPYPATH=build/assembled "$bin/mypy" --config-file pyproject.toml local_runner.py kubeflow_runner.py
# The probe program runs as a folder, whose modules import each other by their plain names.
rm -rf build/probe
mkdir -p build/probe
cp build/assembled/tfx_kmeans/export_validator/probe/program/{__main__,probe_*}.py build/probe
(cd build/probe && "$bin/mypy" --config-file ../../pyproject.toml ./*.py)

step 'import rules'
PYTHONPATH=build/assembled "$bin/lint-imports" --config .importlinter --no-cache

step 'no machine-specific paths or addresses'
scripts/check_traces.sh

step 'packaging'
scripts/check_packaging.sh
echo 'check: all passed'
