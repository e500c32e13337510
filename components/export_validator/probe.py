"""Loads a SavedModel with TensorFlow alone and writes down what it answers.

Run as a program in a process of its own, isolated (python -I), never imported: it must see no
code but TensorFlow's, as a server would. Its one argument names a JSON file:

  model: the model's folder.     records: a TFRecord file of serialized tf.Examples.
  answers: folder to write to.   batch_size: of the whole run.
  small_batches: sizes of batches to try as well, from the first records.
  memory_mb: the most memory to take, beyond what TensorFlow's import takes.

It writes tasks.json, {task: {"seconds"} or {"error"}}, and one .npz of outputs for each task
that ended well: `examples`, `features`, `preprocess` over all records, and `<name>@<size>`.
"""

import importlib.abc
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

REFUSED = ('tfx', 'tfx_kmeans', 'tensorflow_transform', 'tfx_bsl', 'apache_beam')


class Refusal(importlib.abc.MetaPathFinder):
    """Makes the import of what a server does not have an error."""

    def find_spec(self, fullname: str, *_: Any) -> None:
        """Raises ImportError for the refused packages, leaves others to the next finder."""
        if fullname.split('.', maxsplit=1)[0] in REFUSED:
            raise ImportError(f'{fullname} is not there where a model is served')


class Tasks:
    """Runs named tasks, each on its own, and writes down how they ended."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._ended: dict[str, dict[str, object]] = {}

    def run(self, name: str, task: Callable[[], Any]) -> Any:
        """The task's result, None where it raised."""
        began = time.perf_counter()
        try:
            result = task()
        except BaseException as error:
            self._end(name, {'error': f'{type(error).__name__}: {error}'})
            return None
        self._end(name, {'seconds': time.perf_counter() - began})
        return result

    def _end(self, name: str, how: dict[str, object]) -> None:
        self._ended[name] = how
        with open(os.path.join(self._folder, 'tasks.json'), 'w') as file:
            json.dump(self._ended, file)


class Probe:
    """A loaded model that is asked for answers."""

    def __init__(self, model: Any, tasks: Tasks, folder: str) -> None:
        self._model = model
        self._tasks = tasks
        self._folder = folder

    def ask(self, task: str, signature: str, inputs: Any, batch_size: int) -> Any:
        """Saves what the signature answers to the inputs, batch by batch; None on failure."""
        return self._tasks.run(task, lambda: self._answers(task, signature, inputs, batch_size))

    def _answers(self, task: str, signature: str, inputs: Any, batch_size: int) -> Any:
        import numpy as np
        import tensorflow as tf

        function = self._model.signatures[signature]
        ((name, spec),) = function.structured_input_signature[1].items()
        starts = range(0, max(len(inputs), 1), batch_size)
        batches = [
            function(**{name: tf.constant(inputs[start : start + batch_size], spec.dtype)})
            for start in starts
        ]
        outputs = {k: np.concatenate([batch[k].numpy() for batch in batches]) for k in batches[0]}
        np.savez(os.path.join(self._folder, f'{task}.npz'), **outputs)
        return outputs


def main(request_path: str) -> None:
    """Does what the request asks for."""
    with open(request_path) as file:
        request = json.load(file)
    sys.meta_path.insert(0, Refusal())

    import tensorflow as tf

    limit_memory(request['memory_mb'])
    tasks = Tasks(request['answers'])
    model = tasks.run('load', lambda: tf.saved_model.load(request['model']))
    if model is None:
        return
    probe = Probe(model, tasks, request['answers'])
    records = read_records(request['records'])
    inputs = {'preprocess': records, 'examples': records}
    rows = probe.ask('preprocess', 'preprocess', records, request['batch_size'])
    probe.ask('examples', 'examples', records, request['batch_size'])
    if rows is not None:
        inputs['features'] = next(iter(rows.values()))
        probe.ask('features', 'features', inputs['features'], request['batch_size'])
    for signature, values in inputs.items():
        for size in request['small_batches']:
            probe.ask(f'{signature}@{size}', signature, values[:size], max(size, 1))


def limit_memory(megabytes: int) -> None:
    """Bounds what the process may allocate from now on; TensorFlow's own start is not counted."""
    with open('/proc/self/statm') as file:
        data_pages = int(file.read().split()[5])
    limit = data_pages * resource.getpagesize() + (megabytes << 20)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def read_records(path: str) -> Any:
    """The records of a TFRecord file, as an array of bytes."""
    import numpy as np
    import tensorflow as tf

    return np.array(list(tf.data.TFRecordDataset(path).as_numpy_iterator()), dtype=object)


if __name__ == '__main__':
    main(sys.argv[1])
