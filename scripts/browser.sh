#!/usr/bin/env bash
# Runs the tests in tests/browser in Chromium. Installs Chromium by apt-get (as root) if it is missing.
set -euo pipefail
cd "$(dirname "$0")/.."
fail() { echo "browser: $*" >&2; exit 1; }

if ! command -v chromium > /dev/null || ! command -v chromedriver > /dev/null; then
    command -v apt-get > /dev/null || fail 'chromium and chromedriver are missing, and there is no apt-get to install them. Install them manually.'
    [ "$(id -u)" = 0 ] || fail 'chromium and chromedriver are missing. Install them: sudo apt-get install chromium chromium-driver'
    echo 'browser: installing Chromium'
    log=$(mktemp)
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium chromium-driver; } > "$log" 2>&1 || {
        tail -n 5 "$log" >&2
        fail 'apt-get could not install chromium and chromium-driver.'
    }
    rm -f "$log"
fi
exec .venv/bin/python -m pytest tests/browser "$@"
