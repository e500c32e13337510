#!/usr/bin/env bash
# Installs the clients that tests/clients runs the pushed model in, and runs these tests. The clients
# are installed outside the checkout, and only if they are missing or out of date. Arguments are
# passed to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."
fail() { echo "clients: $*" >&2; exit 1; }

cache=${XDG_CACHE_HOME:-$HOME/.cache}/tfx-kmeans/clients
base=$(.venv/bin/python -c 'import sys; print(sys._base_executable)')
mkdir -p "$cache"

install_python() { # name, packages...
    local name=$1 venv=$cache/$1 list=constraints/clients-$1.txt state
    shift
    state=$(cat "$list" <(echo "$base $*") | sha256sum)
    if [ "$(cat "$venv/.state" 2>/dev/null)" != "$state" ] || ! "$venv/bin/python" -c '' 2>/dev/null; then
        echo "clients: installing $*"
        rm -rf "$venv"
        "$base" -m venv "$venv"
        .venv/bin/uv pip install --quiet --python "$venv/bin/python" --constraint "$list" "$@"
        echo "$state" > "$venv/.state"
    fi
}

install_java() {
    if command -v mvn > /dev/null && command -v javac > /dev/null; then
        return
    fi
    [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null ||
        fail 'Maven and a JDK (17 or newer) are missing, and installing them needs root and apt-get. Install them manually.'
    echo 'clients: installing Maven and a JDK'
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends maven openjdk-17-jdk-headless > /dev/null
}

install_python tensorflow tensorflow tf2onnx onnx onnxruntime mlflow setuptools
install_python openvino openvino numpy
install_java

CLIENTS=$cache .venv/bin/python -m pytest tests/clients "$@"
