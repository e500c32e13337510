"""Hands a model and its inputs to the probe process, and reads the answers."""

from __future__ import annotations

import base64
import dataclasses
import json
import re
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfx_kmeans.errors import ProbeError
from tfx_kmeans.export_validator.options import Thresholds
from tfx_kmeans.export_validator.probe.process import PROCESS
from tfx_kmeans.export_validator.probe.program import probe_protocol as protocol
from tfx_kmeans.export_validator.probe.program.probe_arrays import Arrays, load_arrays, to_json

start_probe = PROCESS.start

# Each thread needs memory for its stack, so that a thread that cannot start is a lack of memory.
_OUT_OF_MEMORY = re.compile(
    "MemoryError|ResourceExhausted|can't start new thread|pthread_create|bad_alloc"
    '|[Cc]annot allocate memory|mmap error: 12'
)
# What newer versions of TensorFlow print after the message of a failed check.
_STACK = re.compile(r'\*\*\* Check failure stack trace|\s+@ +0x')


@dataclasses.dataclass(frozen=True)
class ProbeAnswers:
    """What the probe process wrote.

    Attributes:
      folder: Folder of its files.
      tasks: Duration or error of each task that was run.
      ending: How the process failed; '' if it ended normally.
    """

    folder: Path
    tasks: dict[str, dict[str, object]]
    ending: str

    def seconds(self, task: str) -> float:
        """Duration of a task.

        Raises:
          ProbeError: If the task failed or was not reached.
        """
        outcome = self.tasks.get(task)
        if outcome is None:
            raise ProbeError(self.ending or f'{task} was not reached: an earlier step failed.')
        if 'error' in outcome:
            raise ProbeError(f'{task}: {outcome["error"]}')
        return float(str(outcome['seconds']))

    def outputs(self, task: str) -> Arrays:
        """The outputs of a task, by name.

        Raises:
          ProbeError: If the task failed or was not reached.
        """
        self.seconds(task)
        return load_arrays(str(self.folder / f'{task}.npz'))


@dataclasses.dataclass(frozen=True)
class ProbeInputs:
    """What the model is called with.

    Attributes:
      records: Serialized tf.Examples.
      raw: Values of the raw features in these, by name; None for a model without `raw`.
      warmup: Recorded requests, each a signature and its inputs as TensorProtos.
      examples_only: Whether only the signature `examples` is called.
    """

    records: Sequence[bytes]
    raw: Mapping[str, np.ndarray] | None
    warmup: Sequence[tuple[str, Mapping[str, Any]]]
    examples_only: bool = False


def probe_model(
    model: Path, inputs: ProbeInputs, scratch: Path, thresholds: Thresholds
) -> ProbeAnswers:
    """Calls a model in a process that has TensorFlow and none of our code.

    Args:
      model: Folder of the SavedModel.
      inputs: What the model is called with.
      scratch: An empty folder for requests and answers.
      thresholds: Limits of time and memory.
    """
    request = _request(model, inputs, scratch, thresholds)
    path = str(scratch / 'request.json')
    request.write(path)
    ending = _ending(PROCESS.send(path, request.seconds), thresholds, Path(request.log))
    tasks_file = Path(request.answers) / protocol.TASKS_FILE
    tasks = json.loads(tasks_file.read_text()) if tasks_file.exists() else {}
    for outcome in tasks.values():
        if 'error' in outcome:
            outcome['error'] = _with_memory_limit(outcome['error'], thresholds)
    if not ending and protocol.DONE not in tasks:
        ending = 'The probe process was ended by the model, with code 0, before the last task.'
    return ProbeAnswers(Path(request.answers), tasks, ending)


def _request(
    model: Path, inputs: ProbeInputs, scratch: Path, thresholds: Thresholds
) -> protocol.Request:
    answers = scratch / 'answers'
    answers.mkdir()
    raw = {name: to_json(values) for name, values in (inputs.raw or {}).items()}
    return protocol.Request(
        model=str(model),
        records=_write_records(scratch / 'records', inputs.records),
        answers=str(answers),
        log=str(scratch / 'log'),
        seconds=thresholds.probe_seconds,
        memory_mb=thresholds.probe_memory_mb,
        warmup=_write_json(scratch / 'warmup.json', _warmup_as_json(inputs)),
        raw=_write_json(scratch / 'raw.json', raw) if raw else None,
        stripped=_write_records(scratch / 'stripped', _stripped(inputs)) if raw else None,
        examples_only=inputs.examples_only,
    )


def _ending(code: int | None, thresholds: Thresholds, log: Path) -> str:
    """How the process failed, '' if it ended normally."""
    if code is None:
        seconds = thresholds.probe_seconds
        return f'The probe process was stopped after {seconds} s (thresholds.probe_seconds).'
    if code == 0:
        return ''
    how = f'was ended by {signal.Signals(-code).name}' if code < 0 else f'ended with code {code}'
    lines = log.read_text(errors='replace').splitlines() if log.exists() else []
    said = [line.strip() for line in lines if line.strip() and not _STACK.match(line)]
    ending = f'The probe process {how}: {said[-1] if said else "it printed nothing"}'
    return _with_memory_limit(ending, thresholds)


def _with_memory_limit(error: str, thresholds: Thresholds) -> str:
    """An error, with the parameter to raise if it is one of a lack of memory."""
    if not _OUT_OF_MEMORY.search(error):
        return error
    limit = thresholds.probe_memory_mb
    return f'{error} (the memory limit is {limit} MiB: raise thresholds.probe_memory_mb)'


def _warmup_as_json(inputs: ProbeInputs) -> list[dict[str, Any]]:
    return [
        {
            'signature': signature,
            'inputs': {
                name: base64.b64encode(proto.SerializeToString()).decode()
                for name, proto in tensors.items()
            },
        }
        for signature, tensors in inputs.warmup
    ]


def _stripped(inputs: ProbeInputs) -> list[bytes]:
    """The first examples with the features that `raw` takes, and no others."""
    found = []
    for record in inputs.records[: protocol.FEW]:
        example = tf.train.Example.FromString(record)
        for name in set(example.features.feature) - set(inputs.raw or ()):
            del example.features.feature[name]
        found.append(example.SerializeToString())
    return found


def _write_json(path: Path, content: Any) -> str:
    path.write_text(json.dumps(content))
    return str(path)


def _write_records(path: Path, records: Sequence[bytes]) -> str:
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record)
    return str(path)
