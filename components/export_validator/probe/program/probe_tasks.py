"""All tasks for one model, in order."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable, Mapping

import numpy as np
import probe_protocol as protocol
import tensorflow as tf
from probe_arrays import Arrays, first_rows, from_json, same_values
from probe_limits import limit_memory, peak_memory
from probe_model import LoadedModel
from probe_needless import find_needless
from probe_recorder import TaskRecorder
from probe_server import call_as_server
from tensorflow.core.framework import tensor_pb2

CALLERS = 4
TIMED_CALLS = 30  # for each batch size; the first third does not count


def answer(request: protocol.Request) -> None:
    """Loads the model and runs all tasks; those that need a result of a failed one are skipped."""
    held = limit_memory(request.memory_mb)
    recorder = TaskRecorder(request.answers)
    model = recorder.run(protocol.LOAD, lambda: LoadedModel(request.model))
    if model is not None:
        probe = _Probe(model, recorder, request, held)
        probe.call_examples() if request.examples_only else probe.run()
    recorder.run(protocol.DONE, lambda: None)


class _Probe:
    """The tasks for a loaded model."""

    def __init__(
        self, model: LoadedModel, recorder: TaskRecorder, request: protocol.Request, held: int
    ) -> None:
        self._model = model
        self._recorder = recorder
        self._request = request
        self._held = held
        self._examples = {protocol.EXAMPLES: _read_records(request.records)}

    def call_examples(self) -> None:
        self._call(protocol.EXAMPLES, protocol.EXAMPLES, self._examples)

    def run(self) -> None:
        calls, answers = self._call_signatures()
        for signature in sorted(answers):
            for size in protocol.SMALL_BATCHES:
                task = protocol.batch_task(signature, size)
                self._call(task, signature, first_rows(calls[signature], size))
        if protocol.EXAMPLES in answers:
            self._probe_examples()
        if protocol.RAW in answers:
            raw, answered = calls[protocol.RAW], answers[protocol.RAW]
            self._recorder.run(protocol.NEEDLESS, lambda: self._find_needless(raw, answered))
        self._recorder.run(protocol.MEMORY, self._measure_memory)
        self._model.release()
        self._recorder.run(
            protocol.SERVER, lambda: call_as_server(self._request.model, self._recorder, calls)
        )

    def _call_signatures(self) -> tuple[dict[str, Arrays], dict[str, Arrays]]:
        """Inputs and outputs, by signature, of the calls with all examples."""
        rows = self._call(protocol.PREPROCESS, protocol.PREPROCESS, self._examples)
        calls = {protocol.PREPROCESS: self._examples, protocol.EXAMPLES: self._examples}
        if rows is not None:
            calls[protocol.FEATURES] = {protocol.FEATURES: next(iter(rows.values()))}
        raw = self._recorder.run(protocol.READ_RAW, self._read_raw) if self._request.raw else None
        if raw is not None:
            calls[protocol.RAW] = raw
        answers = {protocol.PREPROCESS: rows}
        for signature, inputs in calls.items():
            if signature not in answers:
                answers[signature] = self._call(signature, signature, inputs)
        return calls, {name: found for name, found in answers.items() if found is not None}

    def _probe_examples(self) -> None:
        """The tasks for a model that answers examples."""
        few = first_rows(self._examples, protocol.FEW)
        for signature in (protocol.ALL_DISTANCES, protocol.CLUSTER_INDEX):
            self._call(signature, signature, few)
        backwards = {name: values[::-1] for name, values in self._examples.items()}
        self._call(protocol.REVERSED, protocol.EXAMPLES, backwards)
        self._recorder.run(protocol.MALFORMED, self._call_malformed)
        self._call(protocol.AFTER_MALFORMED, protocol.EXAMPLES, few)
        self._recorder.run(protocol.WARMUP, self._replay_warmup)
        if self._request.stripped is not None:
            stripped = {protocol.EXAMPLES: _read_records(self._request.stripped)}
            self._call(protocol.STRIPPED, protocol.EXAMPLES, stripped)
        self._recorder.run(protocol.CONCURRENT, lambda: self._call_concurrently(few))
        self._recorder.run(protocol.LATENCY, self._measure_latency)

    def _call(self, task: str, signature: str, inputs: Mapping[str, np.ndarray]) -> Arrays | None:
        """Calls a signature and saves the outputs; None if that failed."""

        def call() -> Arrays:
            outputs = self._model.call_in_batches(signature, inputs)
            self._recorder.save(task, outputs)
            return outputs

        return self._recorder.run(task, call)

    def _read_raw(self) -> Arrays:
        assert self._request.raw is not None
        with open(self._request.raw) as file:
            return {name: from_json(one) for name, one in json.load(file).items()}

    def _call_malformed(self) -> None:
        malformed = np.array([b'\xff\xffno example at all'], dtype=object)
        try:
            self._model.call(protocol.EXAMPLES, {protocol.EXAMPLES: malformed})
        except Exception:
            return
        raise AssertionError('bytes that are not a tf.Example were answered like one')

    def _replay_warmup(self) -> None:
        with open(self._request.warmup) as file:
            requests = json.load(file)
        for request in requests:
            inputs = {
                name: tf.make_ndarray(tensor_pb2.TensorProto.FromString(base64.b64decode(proto)))
                for name, proto in request['inputs'].items()
            }
            self._model.call(request['signature'], inputs)

    def _find_needless(self, raw: Arrays, answered: Arrays) -> None:
        found = find_needless(self._model, raw, answered)
        outputs = {protocol.NEEDLESS_OUTPUT: np.array(found, dtype=str)}
        self._recorder.save(protocol.NEEDLESS, outputs)

    def _call_concurrently(self, inputs: Arrays) -> None:
        expected = self._model.call(protocol.EXAMPLES, inputs)
        found, errors = _all_at_once(lambda: self._model.call(protocol.EXAMPLES, inputs))
        if errors:
            count = f'{len(errors)} of {CALLERS} concurrent calls failed'
            raise AssertionError(f'{count}: {type(errors[0]).__name__}: {errors[0]}')
        for answered in found:
            for name, values in expected.items():
                if not same_values(values, answered[name]):
                    raise AssertionError(f'{name} differs in {CALLERS} concurrent calls')

    def _measure_latency(self) -> None:
        found = {
            protocol.latency_output(size): np.array([self._median_milliseconds(size)])
            for size in protocol.LATENCY_BATCHES
        }
        self._recorder.save(protocol.LATENCY, found)

    def _median_milliseconds(self, size: int) -> float:
        batch = {
            name: np.resize(values, (size, *values.shape[1:]))
            for name, values in self._examples.items()
        }
        taken = []
        for _ in range(TIMED_CALLS):
            began = time.perf_counter()
            self._model.call(protocol.EXAMPLES, batch)
            taken.append(1000 * (time.perf_counter() - began))
        return float(np.median(taken[TIMED_CALLS // 3 :]))

    def _measure_memory(self) -> None:
        """Saves the peak of the process's memory, less what it held at the start, in MiB."""
        mebibytes = max(peak_memory() - self._held, 0) / 2**20
        outputs = {protocol.MEMORY_OUTPUT: np.array([mebibytes])}
        self._recorder.save(protocol.MEMORY, outputs)


def _all_at_once(call: Callable[[], Arrays]) -> tuple[list[Arrays], list[Exception]]:
    """What CALLERS threads got from a call, and the errors."""
    found: list[Arrays] = []
    errors: list[Exception] = []

    def run() -> None:
        try:
            found.append(call())
        except Exception as error:
            errors.append(error)

    callers = [threading.Thread(target=run) for _ in range(CALLERS)]
    started = []
    try:
        for caller in callers:
            caller.start()
            started.append(caller)
    finally:
        for caller in started:
            caller.join()
    return found, errors


def _read_records(path: str) -> np.ndarray:
    """The records of a TFRecord file as an array of bytes."""
    return np.array(list(tf.data.TFRecordDataset(path).as_numpy_iterator()), dtype=object)
