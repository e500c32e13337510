"""Runs local_runner.py in a separate process, as `make run` does."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

ROOT = Path(__file__).parents[2]


def run_locally(output, *arguments):
    """A finished run of local_runner.py: `code`, `screen` (stdout), `errors` (stderr), `output`."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith('TF_CPP')}
    ended = subprocess.run(
        [sys.executable, str(ROOT / 'local_runner.py'), '--output', str(output), *arguments],
        capture_output=True,
        text=True,
        env=environment,
        cwd=output.parent if output.parent.is_dir() else None,
        timeout=400,
        check=False,
    )
    return SimpleNamespace(
        code=ended.returncode, screen=ended.stdout, errors=ended.stderr, output=output
    )
