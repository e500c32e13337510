"""scripts/setup.sh reports missing requirements in one line, before it installs anything."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ('version', 'libc', 'message'),
    [
        ('3.9', 'glibc 2.36', 'Python 3.9 is not supported. Tested versions: 3.10'),
        ('3.15', 'glibc 2.41', 'Python 3.15 is not supported.'),
        ('3.10', ' ', 'TFX has wheels only for glibc'),
        ('3.10', 'glibc 2.12', 'python3.10-tfx1.16 needs glibc 2.17 or newer, but this machine'),
    ],
)
def test_a_system_that_tfx_does_not_support(tmp_path, version, libc, message):
    python = tmp_path / 'python'
    python.write_text(
        f'#!/bin/sh\ncase "$2" in *libc_ver*) echo "{libc}";; *) echo {version};; esac\n'
    )
    python.chmod(0o755)
    assert_refused(message, PYTHON=str(python))


def test_a_missing_interpreter():
    assert_refused('PYTHON=no-such-python was not found', PYTHON='no-such-python')


def assert_refused(message, **environment):
    ended = subprocess.run(
        [str(ROOT / 'scripts' / 'setup.sh')],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode != 0
    assert message in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
