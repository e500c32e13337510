"""Whole runs as a user starts them, each made once and shared."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[2]


def run_locally(output, *arguments):
    """Runs local_runner.py in a process of its own, as `make run` does."""
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


@pytest.fixture(scope='session')
def local_runner():
    return run_locally


@pytest.fixture(scope='session', params=['beam', 'local'])
def wine_run(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(f'wine_{request.param}')
    return run_locally(folder / 'output', '--orchestrator', request.param)
