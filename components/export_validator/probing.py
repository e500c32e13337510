"""Keeps the probe process and reads what it has written down."""

from __future__ import annotations

import atexit
import base64
import contextlib
import dataclasses
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import tensorflow as tf

from tfx_kmeans.export_validator.options import Thresholds

SMALL_BATCHES = (0, 1, 2, 7)
FEW = 256
WIDE = 200
_BATCH_SIZE = 4096
_PROBE = Path(__file__).with_name('probe.py')
_START_SECONDS = 120
_KEEP_SECONDS = 60.0
# Stacks of threads count for the limit of memory, and large machines would have hundreds.
_FEW_THREADS = {'TF_NUM_INTEROP_THREADS': '4', 'TF_NUM_INTRAOP_THREADS': '4'}
_QUIET_ON_THE_CPU = {'CUDA_VISIBLE_DEVICES': '-1', 'TF_CPP_MIN_LOG_LEVEL': '2'}

Outputs = dict[str, np.ndarray]


class ProbeError(RuntimeError):
    """The model could not be loaded or could not answer in a process of its own."""


@dataclasses.dataclass(frozen=True)
class ProbeAnswers:
    """What the probe process has left.

    Attributes:
      folder: where its files are.
      tasks: how each task ended.
      ending: how the process itself ended, '' if well.
    """

    folder: Path
    tasks: dict[str, dict[str, object]]
    ending: str

    def seconds(self, task: str) -> float:
        """How long a task took.

        Raises:
          ProbeError: where it failed or was not reached.
        """
        outcome = self.tasks.get(task)
        if outcome is None:
            raise ProbeError(self.ending or f'{task} was not reached: an earlier step failed.')
        if 'error' in outcome:
            raise ProbeError(f'{task}: {outcome["error"]}')
        return float(str(outcome['seconds']))

    def outputs(self, task: str) -> Outputs:
        """The outputs of a task, by name.

        Raises:
          ProbeError: where it failed or was not reached.
        """
        self.seconds(task)
        with np.load(self.folder / f'{task}.npz', allow_pickle=False) as arrays:
            return {name: arrays[f'values_{index}'] for index, name in enumerate(arrays['names'])}


@dataclasses.dataclass(frozen=True)
class Questions:
    """What the model is asked.

    Attributes:
      records: serialized tf.Examples.
      raw: the values of the raw features in these, by name; None where there is no `raw`.
      warmup: requests, each a signature and its inputs as TensorProtos.
    """

    records: Sequence[bytes]
    raw: Mapping[str, np.ndarray] | None
    warmup: Sequence[tuple[str, Mapping[str, Any]]]


def probe_model(
    model: Path, questions: Questions, scratch: Path, thresholds: Thresholds
) -> ProbeAnswers:
    """Asks the model, in a process that has TensorFlow and none of our code, for its answers."""
    answers = scratch / 'answers'
    answers.mkdir()
    raw = None if questions.raw is None else {k: _as_json(v) for k, v in questions.raw.items()}
    warmup = [
        {
            'signature': signature,
            'inputs': {name: _base64(proto.SerializeToString()) for name, proto in inputs.items()},
        }
        for signature, inputs in questions.warmup
    ]
    request = {
        'model': str(model),
        'records': _write_records(scratch / 'records', questions.records),
        'stripped': raw and _write_records(scratch / 'stripped', _stripped(questions)),
        'log': str(scratch / 'log'),
        'seconds': thresholds.probe_seconds,
        'raw': raw and _write_json(scratch / 'raw.json', raw),
        'warmup': _write_json(scratch / 'warmup.json', warmup),
        'answers': str(answers),
        'batch_size': _BATCH_SIZE,
        'small_batches': SMALL_BATCHES,
        'few': FEW,
        'wide': WIDE,
        'memory_mb': thresholds.probe_memory_mb,
    }
    path = _write_json(scratch / 'request.json', request)
    ending = _ending(_PROCESS.ask(path, thresholds.probe_seconds), thresholds, scratch / 'log')
    tasks_file = answers / 'tasks.json'
    tasks = json.loads(tasks_file.read_text()) if tasks_file.exists() else {}
    if not ending and 'done' not in tasks:
        ending = 'The probe process was ended from within, with code 0, before all was asked.'
    return ProbeAnswers(answers, tasks, ending)


def _ending(code: int | None, thresholds: Thresholds, log: Path) -> str:
    """How the process ended, '' if well."""
    if code is None:
        seconds = thresholds.probe_seconds
        return f'The probe process was stopped after {seconds} s (thresholds.probe_seconds).'
    if code == 0:
        return ''
    how = f'was ended by {signal.Signals(-code).name}' if code < 0 else f'ended with code {code}'
    last = log.read_text(errors='replace').strip().splitlines()[-1:] if log.exists() else []
    return f'The probe process {how}: {"".join(last) or "it printed nothing"}'


class ProbeProcess:
    """A process with TensorFlow and none of our code, which answers for one model after another.

    TensorFlow's import takes it seconds, so it is started early and kept for a minute after it
    was last asked.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._messages: IO[bytes] | None = None
        self._closing: threading.Timer | None = None

    def start(self) -> None:
        """Starts it, where it is not there; returns at once."""
        with self._lock:
            self._started()
            self._close_later()

    def ask(self, request: str, seconds: int) -> int | None:
        """The exit code of the process that answered; None where its time was over.

        Args:
          request: path of a file as probe.py describes it.
          seconds: how long that may take.

        Raises:
          ProbeError: where the probe process itself cannot be had.
        """
        with self._lock:
            process = self._started()
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                process.stdin.write(f'{request}\n'.encode())
                process.stdin.flush()
                ready, _, _ = select.select([process.stdout], [], [], seconds + _START_SECONDS)
                line = process.stdout.readline() if ready else b''
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
        """Ends it; the next request starts another."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._closing is not None:
            self._closing.cancel()
        if self._process is not None:
            for stream in (self._process.stdin, self._process.stdout):
                assert stream is not None
                stream.close()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)  # with the copy that answers
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
                [sys.executable, '-I', str(_PROBE), *_package_folders()],
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
    """Where packages are installed here; an isolated Python leaves out the user's own."""
    return [path for path in sys.path if path.endswith('-packages')]


_PROCESS = ProbeProcess()
atexit.register(_PROCESS.close)
start_probe = _PROCESS.start


def _as_json(values: np.ndarray) -> dict[str, Any]:
    """A tensor as JSON clients send it: numbers as they are, strings in base64."""
    is_text = values.dtype == object
    flat = [_base64(one) for one in values.ravel()] if is_text else values.ravel().tolist()
    dtype = 'object' if is_text else values.dtype.name
    return {'values': flat, 'shape': list(values.shape), 'dtype': dtype, 'base64': is_text}


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _write_json(path: Path, content: Any) -> str:
    path.write_text(json.dumps(content))
    return str(path)


def _stripped(questions: Questions) -> list[bytes]:
    """The first examples with the features that `raw` takes, and no others."""
    found = []
    for record in questions.records[:FEW]:
        example = tf.train.Example.FromString(record)
        for name in set(example.features.feature) - set(questions.raw or ()):
            del example.features.feature[name]
        found.append(example.SerializeToString())
    return found


def _write_records(path: Path, records: Sequence[bytes]) -> str:
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record)
    return str(path)
