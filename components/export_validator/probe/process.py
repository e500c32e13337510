"""The process that runs the probe program, kept between models."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import IO

from tfx_kmeans.errors import ProbeError

_PROGRAM = Path(__file__).with_name('program')
_START_SECONDS = 120
_KEEP_SECONDS = 60.0
# Stacks of threads count towards the memory limit, and large machines would have hundreds.
_FEW_THREADS = {'TF_NUM_INTEROP_THREADS': '4', 'TF_NUM_INTRAOP_THREADS': '4'}
_QUIET_ON_THE_CPU = {'CUDA_VISIBLE_DEVICES': '-1', 'TF_CPP_MIN_LOG_LEVEL': '2'}


class ProbeProcess:
    """A process with TensorFlow and none of our code, which answers for one model after another.

    Importing TensorFlow takes seconds, so the process is started early and kept for a minute after
    its last request.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._messages: IO[bytes] | None = None
        self._closing: threading.Timer | None = None

    def start(self) -> None:
        """Starts the process, unless it runs, without waiting for TensorFlow's import."""
        with self._lock:
            self._started()
            self._close_later()

    def send(self, request: str, seconds: int) -> int | None:
        """Sends a request and waits; the exit code of the fork that answered, None if stopped.

        Args:
          request: Path of a JSON file, written by `Request.write`.
          seconds: The request's time limit.

        Raises:
          ProbeError: If the probe process does not start or ends without an answer.
        """
        with self._lock:
            process = self._started()
            try:
                line = self._exchange(process, request, seconds)
            except BrokenPipeError:
                line = b''
            except BaseException:  # the answer would be taken for that of the next request
                self._close()
                raise
            if not line:
                raise self._failure()
            self._close_later()
            code: int | None = json.loads(line)
            return code

    def close(self) -> None:
        """Ends the process; the next request starts another."""
        with self._lock:
            self._close()

    @staticmethod
    def _exchange(process: subprocess.Popen[bytes], request: str, seconds: int) -> bytes:
        """The line that answers a request; empty if none came."""
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f'{request}\n'.encode())
        process.stdin.flush()
        ready, _, _ = select.select([process.stdout], [], [], seconds + _START_SECONDS)
        return process.stdout.readline() if ready else b''

    def _close(self) -> None:
        if self._closing is not None:
            self._closing.cancel()
        if self._process is not None:
            for stream in (self._process.stdin, self._process.stdout):
                assert stream is not None
                stream.close()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)  # with the fork that answers
            self._process.wait()
            self._process = None
        if self._messages is not None:
            self._messages.close()
            self._messages = None

    def _close_later(self) -> None:
        if self._closing is not None:
            self._closing.cancel()
        self._closing = threading.Timer(_KEEP_SECONDS, self.close)
        self._closing.daemon = True
        self._closing.start()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is not None:
            self._close()
        if self._process is None:
            environment = {**_FEW_THREADS, **os.environ, **_QUIET_ON_THE_CPU}
            self._messages = tempfile.TemporaryFile()  # noqa: SIM115  # closed with the process
            self._process = subprocess.Popen(
                [sys.executable, '-I', str(_PROGRAM), *_package_folders()],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._messages,
                env=environment,
                start_new_session=True,
            )
        return self._process

    def _failure(self) -> ProbeError:
        last = []
        if self._messages is not None:
            self._messages.seek(0)
            last = self._messages.read().decode(errors='replace').strip().splitlines()[-1:]
        self._close()
        return ProbeError(
            f'The probe process did not answer: {"".join(last) or "it printed nothing"}'
        )


def _package_folders() -> list[str]:
    """Folders of installed packages; an isolated Python does not know the user's own."""
    return [path for path in sys.path if path.endswith('-packages')]


PROCESS = ProbeProcess()
atexit.register(PROCESS.close)
