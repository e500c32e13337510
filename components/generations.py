"""What differs between the supported generations of TFX, TensorFlow and Python."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

# Lines that C++ code logs before its logging is configured, except those of severity F (fatal).
_FILTER = r"""
import re, sys
logged = rb'[IWE]\d{4} [\d:.]+ +\d+ [\w./]+:\d+\] '
rest = rb'To enable the following instructions:'  # the second line of a message
noise = re.compile(rb'WARNING: All log messages before absl::|' + rest + b'|' + logged)
while line := sys.stdin.buffer.readline():
    if not noise.match(line):
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()
"""


@contextmanager
def quiet_imports(module: str) -> Iterator[None]:
    """Hides what the import of TensorFlow or TFX writes to stderr and users can do nothing about.

    Those are FutureWarnings of Google's packages about Python 3.10, and lines of C++ that
    TensorFlow 2.21 writes whatever TF_CPP_MIN_LOG_LEVEL is. Another process hides the latter, so
    that the last words of an import that aborts this process are still seen.

    Args:
      module: The module that the `with` block imports; nothing is done if that has happened.
    """
    if module in sys.modules or not _has_stderr():
        yield
        return
    with warnings.catch_warnings(), _filtered_stderr():
        warnings.simplefilter('ignore', FutureWarning)
        yield


def _has_stderr() -> bool:
    try:
        os.fstat(2)
    except OSError:
        return False
    return True


@contextmanager
def _filtered_stderr() -> Iterator[None]:
    command = [sys.executable, '-I', '-S', '-c', _FILTER]
    # In a session of its own, the filter outlives an interrupt of this process.
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=2, start_new_session=True
    ) as child:
        assert child.stdin is not None
        sys.stderr.flush()
        kept = os.dup(2)
        try:
            os.dup2(child.stdin.fileno(), 2)
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
