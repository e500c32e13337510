"""What the probe program and its client agree on: requests and the names of tasks.

The program imports this module as `probe_protocol`, the package by its full name.
"""

from __future__ import annotations

import dataclasses
import json

# Signatures, named as in tfx_kmeans.names, which the program cannot import.
EXAMPLES = 'examples'
RAW = 'raw'
FEATURES = 'features'
PREPROCESS = 'preprocess'
ALL_DISTANCES = 'all_distances'
CLUSTER_INDEX = 'cluster_index'
DEFAULT = 'serving_default'
SERVE_TAG = 'serve'

# Tasks other than calls of a signature with all examples, which are named by the signature.
LOAD = 'load'
READ_RAW = 'json'
MALFORMED = 'malformed'
WARMUP = 'warmup'
CONCURRENT = 'concurrent'
LATENCY = 'latency'
MEMORY = 'memory'
NEEDLESS = 'inputs'
SERVER = 'server'
DONE = 'done'
REVERSED = f'{EXAMPLES}@reversed'
AFTER_MALFORMED = f'{EXAMPLES}@after'
STRIPPED = f'{EXAMPLES}@stripped'

# Outputs of tasks that are not those of a signature.
NEEDLESS_OUTPUT = 'needless'
MEMORY_OUTPUT = 'mebibytes'

TASKS_FILE = 'tasks.json'

FEW = 256
"""Number of examples in calls that would take too long with all examples."""

WIDE = 200
"""Number of inputs of `raw` above which a model is wide.

A server takes seconds to prepare each signature of a wide model, so that `SERVED_WHEN_WIDE` are the
only ones called as servers do.
"""

SERVED_WHEN_WIDE = (DEFAULT, RAW)
BATCH_SIZE = 4096
SMALL_BATCHES = (0, 1, 2, 7)
LATENCY_BATCHES = (1, 64)


def batch_task(signature: str, size: int) -> str:
    """The task that calls a signature with the first `size` examples."""
    return f'{signature}@{size}'


def server_task(signature: str) -> str:
    """The task that calls a signature by its tensor names, as servers do."""
    return f'{SERVER}@{signature}'


def latency_output(size: int) -> str:
    """The output of LATENCY for batches of a size: median milliseconds of a call."""
    return f'batch_{size}'


@dataclasses.dataclass(frozen=True)
class Request:
    """A model and the inputs to call it with.

    Attributes:
      model: Folder of the SavedModel.
      records: TFRecord file of serialized tf.Examples.
      answers: Folder for TASKS_FILE and for one .npz file for each task with outputs.
      log: File for everything that the process prints.
      seconds: Time limit for all tasks together.
      memory_mb: Memory limit in MiB, beyond what TensorFlow's import takes.
      warmup: JSON file of requests, [{signature, inputs: {name: TensorProto in base64}}].
      raw: JSON file of the values of the raw features by name (see `probe_arrays.to_json`); None
        for a model without the signature `raw`.
      stripped: TFRecord file of the first records with only the features that `raw` takes; None for
        a model without the signature `raw`.
      examples_only: Whether the only task is to call the signature `examples` with all records.
    """

    model: str
    records: str
    answers: str
    log: str
    seconds: int
    memory_mb: int
    warmup: str
    raw: str | None = None
    stripped: str | None = None
    examples_only: bool = False

    @classmethod
    def read(cls, path: str) -> Request:
        """A request from its JSON file."""
        with open(path) as file:
            return cls(**json.load(file))

    def write(self, path: str) -> None:
        """Writes the request as a JSON file."""
        with open(path, 'w') as file:
            json.dump(dataclasses.asdict(self), file)
