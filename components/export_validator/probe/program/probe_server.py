"""Calls of signatures by the tensor names that they list, as model servers make them."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import tensorflow as tf
from probe_arrays import Arrays, first_rows
from probe_protocol import FEW, RAW, SERVE_TAG, SERVED_WHEN_WIDE, WIDE, server_task
from probe_recorder import TaskRecorder


def call_as_server(folder: str, recorder: TaskRecorder, calls: Mapping[str, Arrays]) -> None:
    """Runs a task for each signature whose inputs are known.

    Args:
      folder: Folder of the SavedModel.
      recorder: Runs the tasks.
      calls: Inputs by the signature that takes them.
    """
    wide = len(calls.get(RAW, ())) > WIDE
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        graph = tf.compat.v1.saved_model.load(session, [SERVE_TAG], folder)
        for name, signature in graph.signature_def.items():
            inputs = _inputs_for(name, signature, calls)
            if inputs is not None and (not wide or name in SERVED_WHEN_WIDE):
                task = functools.partial(_run, session, recorder, name, signature, inputs)
                recorder.run(server_task(name), task)


def _inputs_for(name: str, signature: Any, calls: Mapping[str, Arrays]) -> Arrays | None:
    """The first rows for a signature, those of one with the same inputs if it has none."""
    fitting = [inputs for inputs in calls.values() if set(inputs) == set(signature.inputs)]
    return first_rows(calls.get(name, fitting[0]), FEW) if fitting else None


def _run(session: Any, recorder: TaskRecorder, name: str, signature: Any, inputs: Arrays) -> None:
    feed = {signature.inputs[key].name: values for key, values in inputs.items()}
    fetches = {key: info.name for key, info in signature.outputs.items()}
    recorder.save(server_task(name), session.run(fetches, feed))
