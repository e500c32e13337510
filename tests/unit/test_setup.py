"""scripts/setup.sh chooses the generation, or says in one line what is missing."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ('version', 'libc', 'message'),
    [
        ('3.9', 'glibc 2.36', 'Python 3.9 is not supported. Tested versions: 3.10 3.11'),
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


TOOLS = (
    *('awk', 'basename', 'bash', 'cat', 'cut', 'dirname', 'echo', 'env', 'grep', 'head', 'ls'),
    *('mktemp', 'rm', 'sed', 'sh', 'sha256sum', 'sort', 'tail', 'uname', 'uniq', 'xargs'),
)


@pytest.fixture
def machine(tmp_path):
    """Runs a copy of the script on a machine that has only the given libc and interpreters."""

    def run(glibc, *pythons, **environment):
        programs = tmp_path / 'programs'
        programs.mkdir()
        for tool in TOOLS:
            (programs / tool).symlink_to(shutil.which(tool))
        contents = {'getconf': f'echo glibc {glibc}'}
        for version in pythons:
            contents[f'python{version}'] = (
                f'case "$2" in venv) echo "stopped in {version}"; exit 1;; '
                f'*libc_ver*) echo "glibc {glibc}";; *) echo {version};; esac'
            )
        for name, content in contents.items():
            (programs / name).write_text(f'#!/bin/sh\n{content}\n')
            (programs / name).chmod(0o755)
        copy = tmp_path / 'copy'
        for folder in ('scripts', 'constraints'):
            shutil.copytree(ROOT / folder, copy / folder)
        (copy / 'pyproject.toml').touch()
        ended = subprocess.run(
            [copy / 'scripts' / 'setup.sh'],
            env={'PATH': str(programs), 'HOME': str(tmp_path), **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode != 0
        assert len(ended.stderr.splitlines()) == 1
        return ended.stdout, ended.stderr

    return run


@pytest.mark.parametrize(
    ('glibc', 'pythons', 'chosen'),
    [
        ('2.39', ('3.10', '3.11', '3.12', '3.13'), 'python3.13-tfx1.21'),
        ('2.41', ('3.10', '3.11'), 'python3.11-tfx1.21'),
        ('2.41', ('3.10', '3.14'), 'python3.10-tfx1.16'),
        ('2.36', ('3.10', '3.13'), 'python3.10-tfx1.16'),
    ],
)
def test_the_newest_generation_that_the_machine_can_have(machine, glibc, pythons, chosen):
    out, errors = machine(glibc, *pythons)
    assert out == f'setup: installing {chosen} into .venv (a minute or two)\n'
    version = chosen[len('python') :].split('-')[0]
    assert f'python{version} cannot create virtual environments: stopped in {version}.' in errors


def test_a_generation_that_is_asked_for(machine):
    assert 'python3.10-tfx1.16' in machine('2.41', '3.10', '3.13', TFX='1.16')[0]


@pytest.mark.parametrize(
    ('glibc', 'pythons', 'environment', 'message'),
    [
        (
            '2.36',
            ('3.13',),
            {},
            'TFX 1.21 needs glibc 2.39 or newer, but this machine has 2.36; TFX 1.16 needs Python '
            '3.10, which was not found. Install one, for example with: uv python install 3.10; or '
            'set PYTHON=/path/to/python3.10.',
        ),
        (
            '2.41',
            ('3.9', '3.14'),
            {},
            'TFX 1.21 needs Python 3.13 or 3.12 or 3.11, which was not found; TFX 1.16 needs '
            'Python 3.10, which was not found. Install one, for example with: uv python install '
            '3.13; or set PYTHON=/path/to/python3.13.',
        ),
        ('2.36', ('3.10',), {'TFX': '1.21'}, 'TFX 1.21 needs glibc 2.39 or newer'),
        ('2.36', ('3.10',), {'TFX': '1.20'}, 'TFX=1.20 is not supported. Use one of: 1.21 1.16.'),
        ('2.41', ('3.13',), {'TFX': '1.16', 'PYTHON': 'python3.13'}, 'Python 3.13 is not'),
    ],
)
def test_a_machine_that_cannot_have_it(machine, glibc, pythons, environment, message):
    out, errors = machine(glibc, *pythons, **environment)
    assert out == ''
    assert message in errors


def assert_refused(message, **environment):
    outer = {name: value for name, value in os.environ.items() if name != 'TFX'}
    ended = subprocess.run(
        [str(ROOT / 'scripts' / 'setup.sh')],
        env={**outer, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode != 0
    assert message in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
