"""Loads SavedModels with TensorFlow alone and writes down what they answer.

Run as a program in a process of its own, isolated (python -I), never imported: it must see no
code but TensorFlow's, as a server would. Its arguments are folders of packages beside those that
an isolated Python knows. It imports TensorFlow, and then reads lines from its standard input, each
the name of a JSON file. For each it makes a copy of itself (a fork, so that no model sees what
another has left and none can take the others down), and prints a line when that has ended: its
exit code, or null where its time was over. The JSON holds

  model: the model's folder.     records: a TFRecord file of serialized tf.Examples.
  answers: folder to write to.   batch_size: of the whole run.
  log: a file for what it prints.   seconds: how long all may take.
  raw: null, or a JSON file of the raw features' values by name, strings in base64.
  stripped: null, or a TFRecord file of the first records without what `raw` does not take.
  warmup: a JSON file of requests, [{signature, inputs: {name: TensorProto in base64}}].
  small_batches: sizes of batches to try as well, from the first records.
  few: how many records are tried where all would be too much.
  wide: more inputs of `raw` than these make a model wide: not all of its signatures are asked as
    servers ask.
  memory_mb: the most memory to take, beyond what TensorFlow's import takes.

The copy writes tasks.json, {task: {"seconds"} or {"error"}}, "done" the last, and one .npz of
outputs for each task that is a question: `<signature>` over all records (a few, for
`all_distances` and `cluster_index`), `<signature>@<size>`, `examples@reversed`, `examples@after`,
`examples@stripped`, `inputs` (the names of the inputs of `raw` that change nothing), `latency`,
`memory`, and `server@<signature>`, answers over a few by the names that servers go by.
"""

import base64
import collections
import functools
import gc
import importlib.abc
import json
import os
import resource
import select
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

REFUSED = ('tfx', 'tfx_kmeans', 'tensorflow_transform', 'tfx_bsl', 'apache_beam')
CALLERS = 4
CALLS = 30  # of each latency, the first ones not counted
CHANGED_ROWS = 4096  # of a call that tries other values of several inputs


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

    def __init__(self, model: Any, tasks: Tasks, request: dict[str, Any], held: int) -> None:
        self._held = held
        self._model = model
        self._tasks = tasks
        self._request = request
        self._records = read_records(request['records'])

    def run(self) -> None:
        """All tasks; those that follow from one that failed are not reached."""
        rows = self.ask('preprocess', 'preprocess', {'examples': self._records})
        questions = {'preprocess': {'examples': self._records}}
        questions['examples'] = questions['preprocess']
        if rows is not None:
            questions['features'] = {'features': next(iter(rows.values()))}
        if self._request['raw'] is not None:
            raw = self._tasks.run('json', self._raw)
            questions.update({} if raw is None else {'raw': raw})
        answers = {
            signature: rows if signature == 'preprocess' else self.ask(signature, signature, inputs)
            for signature, inputs in questions.items()
        }
        for signature in sorted(name for name, answer in answers.items() if answer is not None):
            for size in self._request['small_batches']:
                self.ask(f'{signature}@{size}', signature, first(questions[signature], size))
        if answers['examples'] is not None:
            self._look_closer(questions['examples'])
        if answers.get('raw') is not None:
            self._tasks.run('inputs', lambda: self._find_needless(questions['raw'], answers['raw']))
        self._tasks.run('memory', self._save_memory)
        self._tasks.run('server', lambda: self._ask_as_a_server(questions))

    def _look_closer(self, examples: dict[str, Any]) -> None:
        """All that is asked of a model which answers at all."""
        few = first(examples, self._request['few'])
        for signature in ('all_distances', 'cluster_index'):
            self.ask(signature, signature, few)
        self.ask('examples@reversed', 'examples', {'examples': self._records[::-1]})
        self._tasks.run('malformed', self._ask_what_is_no_example)
        self.ask('examples@after', 'examples', few)
        self._tasks.run('warmup', self._replay)
        if self._request['stripped'] is not None:
            stripped = {'examples': read_records(self._request['stripped'])}
            self.ask('examples@stripped', 'examples', stripped)
        self._tasks.run('concurrent', lambda: self._ask_at_once(few))
        self._tasks.run('latency', lambda: self._time(examples))

    def ask(self, task: str, signature: str, inputs: dict[str, Any]) -> Any:
        """Saves what the signature answers to the inputs, batch by batch; None on failure."""
        return self._tasks.run(task, lambda: self._saved(task, self._answers(signature, inputs)))

    def _answers(self, signature: str, inputs: dict[str, Any]) -> dict[str, Any]:
        length, size = len(next(iter(inputs.values()))), self._request['batch_size']
        batches = [
            self._call(signature, {name: v[start : start + size] for name, v in inputs.items()})
            for start in range(0, max(length, 1), size)
        ]
        return {name: joined([batch[name] for batch in batches]) for name in batches[0]}

    def _call(self, signature: str, inputs: dict[str, Any]) -> dict[str, Any]:
        import tensorflow as tf

        if signature not in self._model.signatures:
            raise LookupError(f'the model has no signature {signature!r}')
        function = self._model.signatures[signature]
        specs = function.structured_input_signature[1]
        given = {name: tf.constant(values, specs[name].dtype) for name, values in inputs.items()}
        return {name: values.numpy() for name, values in function(**given).items()}

    def _saved(self, task: str, outputs: dict[str, Any]) -> dict[str, Any]:
        import numpy as np

        numbers = {name: values for name, values in outputs.items() if values.dtype != object}
        arrays = {f'values_{index}': values for index, values in enumerate(numbers.values())}
        path = os.path.join(self._request['answers'], f'{task}.npz')
        np.savez(path, names=np.array(list(numbers), dtype=str), **arrays)
        return outputs

    def _ask_as_a_server(self, questions: dict[str, Any]) -> None:
        """Asks by the names of tensors that the signatures give, which servers go by."""
        import tensorflow as tf

        few = self._request['few']
        # Each signature of a wide model takes seconds to be made ready.
        narrow = len(questions.get('raw', ())) <= self._request['wide']
        self._model = None  # wide models take gigabytes
        gc.collect()
        with tf.Graph().as_default(), tf.compat.v1.Session() as session:
            graph = tf.compat.v1.saved_model.load(session, ['serve'], self._request['model'])
            for name, signature in graph.signature_def.items():
                alike_ones = [q for q in questions.values() if set(q) == set(signature.inputs)]
                if alike_ones and (narrow or name in ('serving_default', 'raw')):
                    inputs = first(questions.get(name, alike_ones[0]), few)
                    self._tasks.run(
                        f'server@{name}',
                        functools.partial(self._run_signature, session, name, signature, inputs),
                    )

    def _run_signature(self, session: Any, name: str, signature: Any, inputs: Any) -> None:
        feed = {signature.inputs[key].name: values for key, values in inputs.items()}
        fetches = {key: info.name for key, info in signature.outputs.items()}
        self._saved(f'server@{name}', session.run(fetches, feed))

    def _save_memory(self) -> None:
        """Saves how many MiB the process has held at most, beyond those it started with."""
        import numpy as np

        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        self._saved('memory', {'mebibytes': np.array([max(most - self._held, 0) / 2**20])})

    def _raw(self) -> dict[str, Any]:
        import numpy as np

        with open(self._request['raw']) as file:
            given = json.load(file)
        return {
            name: np.array(
                decoded(one['values']) if one['base64'] else one['values'],
                object if one['base64'] else one['dtype'],
            ).reshape(one['shape'])
            for name, one in given.items()
        }

    def _ask_what_is_no_example(self) -> None:
        try:
            self._call('examples', {'examples': [b'\xff\xffno example at all']})
        except Exception:
            return
        raise AssertionError('it was answered as if it were an example')

    def _replay(self) -> None:
        import tensorflow as tf
        from tensorflow.core.framework import tensor_pb2

        with open(self._request['warmup']) as file:
            requests = json.load(file)
        for request in requests:
            inputs = {
                name: tf.make_ndarray(tensor_pb2.TensorProto.FromString(base64.b64decode(proto)))
                for name, proto in request['inputs'].items()
            }
            self._call(request['signature'], inputs)

    def _find_needless(self, raw: dict[str, Any], answer: dict[str, Any]) -> None:
        """Saves the names of the inputs that change no answer, in rows from all over the data."""
        import numpy as np

        rows = np.flatnonzero(answer['cluster_index'] >= 0)
        if not len(rows):
            raise LookupError('no example has a cluster')
        count = min(max(CHANGED_ROWS // len(raw), 8), 64)
        chosen = rows[np.unique(np.linspace(0, len(rows) - 1, count).astype(int))]
        common = {name: commonest(values) for name, values in raw.items()}
        given = {name: at_least_one_wide(values[chosen]) for name, values in raw.items()}
        every, at_once = list(given), max(CHANGED_ROWS // len(chosen), 1)
        needless = []
        for start in range(0, len(every), at_once):
            some = every[start : start + at_once]
            try:
                needless += self._without_effect(given, common, some)
            except Exception:  # a value that is refused is a value that is looked at
                needless += [name for name in some if self._has_no_effect(given, common, name)]
        self._saved('inputs', {'needless': np.array(needless, dtype=str)})

    def _has_no_effect(self, given: dict[str, Any], common: Any, name: str) -> bool:
        try:
            return bool(self._without_effect(given, common, [name]))
        except Exception:
            return False

    def _without_effect(self, given: dict[str, Any], common: Any, some: list[str]) -> list[str]:
        """Those of some inputs that change no answer; each is changed in rows of its own."""
        import numpy as np

        count = len(next(iter(given.values())))
        rows = {name: np.concatenate([values] * len(some)) for name, values in given.items()}
        before = self._call('raw', rows)
        silent = set(some)
        for kind in range(6):
            changed = {name: values.copy() for name, values in rows.items()}
            for index, name in enumerate(some):
                part = slice(index * count, (index + 1) * count)
                changed[name][part] = others(given[name], common[name], kind)
            after = self._call('raw', changed)
            for index, name in enumerate(some):
                part = slice(index * count, (index + 1) * count)
                if any(not alike(before[key][part], after[key][part]) for key in before):
                    silent.discard(name)
        return sorted(silent)

    def _ask_at_once(self, inputs: dict[str, Any]) -> None:
        expected = self._call('examples', inputs)
        found: list[Any] = []
        callers = [
            threading.Thread(target=lambda: found.append(self._call('examples', inputs)))
            for _ in range(CALLERS)
        ]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        if len(found) < CALLERS:
            raise AssertionError(f'{CALLERS - len(found)} of {CALLERS} calls at once failed')
        for answer in found:
            for name, values in expected.items():
                if not alike(values, answer[name]):
                    raise AssertionError(f'{name} differs where {CALLERS} ask at once')

    def _time(self, inputs: dict[str, Any]) -> None:
        import numpy as np

        milliseconds = {}
        for size in (1, 64):
            few = {
                name: np.resize(values, (size, *values.shape[1:]))
                for name, values in inputs.items()
            }
            taken = []
            for _ in range(CALLS):
                began = time.perf_counter()
                self._call('examples', few)
                taken.append(1000 * (time.perf_counter() - began))
            milliseconds[f'batch_{size}'] = np.array([np.median(taken[CALLS // 3 :])])
        self._saved('latency', milliseconds)


def main() -> None:
    """Answers requests until there are no more, or nobody is left to send them."""
    sys.meta_path.insert(0, Refusal())
    sys.path += [folder for folder in sys.argv[1:] if folder not in sys.path]
    parent = os.getppid()

    import tensorflow  # noqa: F401  # what every copy starts with

    while path := next_line(parent):
        with open(path) as file:
            request = json.load(file)
        print(json.dumps(answer_apart(request, parent)), flush=True)


def next_line(parent: int) -> str:
    """The next line of standard input; '' at its end, or where the parent is gone."""
    while os.getppid() == parent:
        if select.select([sys.stdin], [], [], 1)[0]:
            return sys.stdin.readline().strip()
    return ''


def answer_apart(request: dict[str, Any], parent: int) -> int | None:
    """Answers in a copy of this process; its exit code, None where it had to be stopped."""
    deadline = time.monotonic() + request['seconds']
    copy = os.fork()
    if not copy:
        answer_and_exit(request)
    ended = 0
    try:
        while time.monotonic() < deadline and os.getppid() == parent:
            ended, status = os.waitpid(copy, os.WNOHANG)
            if ended:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.01)
    finally:
        if not ended:
            os.kill(copy, signal.SIGKILL)
            os.waitpid(copy, 0)
    return None


def answer_and_exit(request: dict[str, Any]) -> None:
    """Does what the request asks for, and ends the process."""
    code = 1
    try:
        log = os.open(request['log'], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for stream, target in ((0, os.open(os.devnull, os.O_RDONLY)), (1, log), (2, log)):
            os.dup2(target, stream)
        answer(request)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def answer(request: dict[str, Any]) -> None:
    """Loads the model and asks it."""
    import tensorflow as tf

    held = limit_memory(request['memory_mb'])
    tasks = Tasks(request['answers'])
    model = tasks.run('load', lambda: tf.saved_model.load(request['model']))
    if model is not None:
        Probe(model, tasks, request, held).run()
    tasks.run('done', lambda: None)


def first(inputs: dict[str, Any], count: int) -> dict[str, Any]:
    """The first rows of each input."""
    return {name: values[:count] for name, values in inputs.items()}


def alike(left: Any, right: Any) -> bool:
    """Equal; floats but for the last bits, which vectorised kernels may change."""
    import numpy as np

    if left.dtype == object:
        return bool(np.array_equal(left, right))
    return bool(np.allclose(left, right, rtol=1e-5, atol=1e-6, equal_nan=True))


def others(values: Any, common: Any, kind: int) -> Any:
    """Other values of the same type and shape, none of which stands for one that is missing."""
    import numpy as np

    if kind < 2:
        return np.roll(values, 1 if kind == 0 else len(values) // 2, axis=0)
    if kind < 4:
        return np.full_like(values, common[kind - 2])
    if values.dtype == object:
        return np.full(values.shape, [b'no such word', b'7'][kind - 4], object)
    return 2 * values + 1 if kind == 4 else np.full_like(values, 1_000_000)


def commonest(values: Any) -> Any:
    """The two values that occur most often, or -1 (as a text, x) in place of one that is not."""
    import numpy as np

    flat = values.ravel()
    if values.dtype == object:
        words = collections.Counter(flat[flat != b''].tolist()).most_common(2)
        return [word for word, _ in words] + [b'x'] * (2 - len(words))
    known, counts = np.unique(flat[np.isfinite(flat)], return_counts=True)
    return [*known[np.argsort(-counts, kind='stable')[:2]], -1, -1][:2]


def at_least_one_wide(values: Any) -> Any:
    """The same; with one blank value a row where no row has any."""
    import numpy as np

    if values.ndim < 2 or values.shape[1]:
        return values
    return np.full((len(values), 1), blank_of(values.dtype), values.dtype)


def blank_of(dtype: Any) -> Any:
    """What stands for a value that is not there."""
    import numpy as np

    if np.issubdtype(dtype, np.object_):
        return b''
    return np.nan if np.issubdtype(dtype, np.floating) else np.iinfo(dtype).min


def joined(parts: list[Any]) -> Any:
    """Batches as one; filled up with blanks where one is wider than another."""
    import numpy as np

    if parts[0].ndim != 2 or len({part.shape[1] for part in parts}) == 1:
        return np.concatenate(parts)
    width = max(part.shape[1] for part in parts)
    blank = blank_of(parts[0].dtype)
    return np.concatenate(
        [
            np.pad(part, ((0, 0), (0, width - part.shape[1])), constant_values=blank)
            for part in parts
        ]
    )


def decoded(values: Any) -> Any:
    """Strings in base64, in lists of any depth, to bytes."""
    if isinstance(values, list):
        return [decoded(one) for one in values]
    return base64.b64decode(values)


def limit_memory(megabytes: int) -> int:
    """Bounds what the process may allocate from now on; TensorFlow's own start is not counted.

    Where it crashes it leaves no core dump.

    Returns:
      How many bytes of memory it holds by now.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with open('/proc/self/statm') as file:
        sizes = [int(pages) * resource.getpagesize() for pages in file.read().split()]
    limit = sizes[5] + (megabytes << 20)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    return sizes[1]


def read_records(path: str) -> Any:
    """The records of a TFRecord file, as an array of bytes."""
    import numpy as np
    import tensorflow as tf

    return np.array(list(tf.data.TFRecordDataset(path).as_numpy_iterator()), dtype=object)


if __name__ == '__main__':
    main()
