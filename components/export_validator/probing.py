"""Starts the probe process and reads what it has written down."""

from __future__ import annotations

import base64
import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfx_kmeans.export_validator.options import Thresholds

SMALL_BATCHES = (0, 1, 2, 7)
FEW = 256
_BATCH_SIZE = 4096
_PROBE = Path(__file__).with_name('probe.py')

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
            return dict(arrays)


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
        'records': str(_write_records(scratch / 'records', questions.records)),
        'raw': raw and _write_json(scratch / 'raw.json', raw),
        'warmup': _write_json(scratch / 'warmup.json', warmup),
        'answers': str(answers),
        'batch_size': _BATCH_SIZE,
        'small_batches': SMALL_BATCHES,
        'few': FEW,
        'memory_mb': thresholds.probe_memory_mb,
    }
    path = Path(_write_json(scratch / 'request.json', request))
    ending = _run(path, scratch / 'log', thresholds.probe_seconds)
    tasks = answers / 'tasks.json'
    return ProbeAnswers(answers, json.loads(tasks.read_text()) if tasks.exists() else {}, ending)


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


def _write_records(path: Path, records: Sequence[bytes]) -> Path:
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record)
    return path


def _run(request: Path, log: Path, seconds: int) -> str:
    command = [sys.executable, '-I', str(_PROBE), str(request)]
    environment = {**os.environ, 'CUDA_VISIBLE_DEVICES': '-1', 'TF_CPP_MIN_LOG_LEVEL': '2'}
    with log.open('wb') as output:
        try:
            code = subprocess.run(
                command,
                stdout=output,
                stderr=output,
                env=environment,
                timeout=seconds,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            return f'The probe process was stopped after {seconds} s (thresholds.probe_seconds).'
    if code == 0:
        return ''
    last = log.read_text(errors='replace').strip().splitlines()[-1:]
    return f'The probe process ended with code {code}: {"".join(last) or "it printed nothing"}'
