"""scripts/setup.sh says in one line what is missing, before a resolver starts."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ('version', 'libc', 'said'),
    [
        ('3.9', 'glibc 2.36', 'Python 3.9 is not supported here: the tested ones are 3.10'),
        ('3.15', 'glibc 2.41', 'Python 3.15 is not supported here'),
        ('3.10', ' ', 'TFX has wheels for glibc only'),
        ('3.10', 'glibc 2.12', 'python3.10-tfx1.16 needs glibc 2.17 or newer, and this machine'),
    ],
)
def test_a_system_that_tfx_does_not_install_on(tmp_path, version, libc, said):
    python = tmp_path / 'python'
    python.write_text(
        f'#!/bin/sh\ncase "$2" in *libc_ver*) echo "{libc}";; *) echo {version};; esac\n'
    )
    python.chmod(0o755)
    refused(said, PYTHON=str(python))


def test_an_interpreter_that_is_not_there():
    refused('PYTHON=no-such-python is not there', PYTHON='no-such-python')


def refused(said, **environment):
    ended = subprocess.run(
        [str(ROOT / 'scripts' / 'setup.sh')],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode != 0
    assert said in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
