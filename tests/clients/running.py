"""Runs commands and the programs in `programs/` without the settings of the test process."""

import json
import os
import subprocess
import sys
from pathlib import Path

PROGRAMS = Path(__file__).parent / 'programs'
THIS_PYTHON = sys.executable


def clean_environment():
    """The environment without variables that importing Transform sets, such as legacy Keras."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith('TF_')}
    return {**kept, 'CUDA_VISIBLE_DEVICES': '-1', 'TF_CPP_MIN_LOG_LEVEL': '2'}


def run(*command, **options):
    """Standard output of a command, which must succeed."""
    ended = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env=clean_environment(),
        **options,
    )
    assert ended.returncode == 0, ended.stdout[-4000:] + ended.stderr[-4000:]
    return ended.stdout


def run_program(python, name, *arguments):
    """Decoded JSON output of a program in `programs/`, run without access to this package."""
    return json.loads(run(python, '-I', PROGRAMS / name, *arguments).splitlines()[-1])
