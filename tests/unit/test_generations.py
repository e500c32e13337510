"""What the import of TensorFlow may write to the user's screen."""

import subprocess
import sys

import pytest

NOISE = (
    'WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n'
    'I0000 00:00:1795643432.111971       4 port.cc:153] oneDNN custom operations are on.\n'
    'To enable the following instructions: AVX2, rebuild TensorFlow.\n'
    'E0000 00:00:1795643432.111971      41 cuda_dnn.cc:8310] Unable to register cuDNN factory\n'
)
FATAL = 'F0000 00:00:1795643433.728224       4 port.cc:153] Check failed: cpu\n'


def stderr_of(block, code=0):
    program = (
        'import os, sys, warnings\n'
        'from tfx_kmeans.generations import quiet_imports\n'
        f"with quiet_imports('no_such_module'):\n    os.write(2, {NOISE.encode()!r})\n    {block}\n"
        "print('after', file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, '-c', program], capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stderr
    return done.stderr


@pytest.mark.parametrize(
    ('block', 'shown'),
    [
        ('pass', ''),
        ("warnings.warn('Python 3.10 is old', FutureWarning)", ''),
        ("print('something else', file=sys.stderr)", 'something else\n'),
        ("os.write(2, b'the end of a line is missing')", 'the end of a line is missing'),
    ],
)
def test_noise_is_hidden_and_everything_else_is_shown_in_order(block, shown):
    assert stderr_of(block) == f'{shown}after\n'


def test_an_error_of_the_import_is_shown():
    assert stderr_of("raise ImportError('broken')", code=1).endswith('ImportError: broken\n')


def test_the_message_of_an_abort_is_shown():
    assert stderr_of(f'os.write(2, {FATAL.encode()!r}); os.abort()', code=-6) == FATAL


def test_a_process_without_stderr_can_import():
    program = (
        'import os; os.close(2)\nfrom tfx_kmeans.generations import quiet_imports\n'
        "with quiet_imports('no_such_module'): print('imported')\n"
    )
    done = subprocess.run([sys.executable, '-c', program], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (0, b'imported\n')
