"""The exported model: rows per second compared with other ways of serving; size; memory use."""

from __future__ import annotations

import ctypes
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnxruntime
import openvino
import tensorflow as tf
from generate import clustered
from harness import Row, medians_of, rated, repeated
from sklearn.cluster import KMeans
from tensorflow_transform.tf_metadata import schema_utils

from tfx_kmeans import names
from tfx_kmeans.centroids.payload import CentroidsPayload, Columns, payload_of
from tfx_kmeans.clustering.options import KMeansOptions
from tfx_kmeans.clustering.restarts import fit_in_place
from tfx_kmeans.clustering.weighted_rows import WeightedRows
from tfx_kmeans.data.feature_layout import choose_layout
from tfx_kmeans.serving.export import ModelToSave
from tfx_kmeans.serving.precision import PRECISIONS
from tfx_kmeans.serving.preprocessing import SchemaPreprocessing

RUNS = 7
BATCHES = (1, 64, 4096)
SKLEARN_TIMES, NOTHING_TIMES = 1.3, 1.2
MEMORY_MB = 1024
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of malloc.h
NOTHING = 'a TensorFlow call that does nothing'

Call = Callable[[], object]


class _Size(NamedTuple):
    k: int
    d: int

    def __str__(self) -> str:
        return f'k={self.k:,} d={self.d}'


SIZES = (_Size(64, 32), _Size(1024, 64))
LARGE = _Size(10_000, 256)


def run(folder: Path) -> list[Row]:
    """Runs all cases."""
    _keep_freed_memory()
    rows = [row for size in SIZES for row in _speeds(size, folder)]
    return [*rows, *_bytes(SIZES[1], folder), _memory(LARGE, folder)]


def _keep_freed_memory() -> None:
    """Makes glibc allocate arrays of about a megabyte from freed memory instead of the system.

    By default, glibc decides this based on earlier deallocations, and the time of a batch of 4096
    rows varies randomly by a third.
    """
    libc = ctypes.CDLL(None)
    libc.mallopt(_M_MMAP_THRESHOLD, 1 << 30)
    libc.mallopt(_M_TRIM_THRESHOLD, 1 << 30)


def payload_of_size(size: _Size) -> CentroidsPayload:
    """A clustering of few rows, stopped after two iterations."""
    values = clustered(4 * size.k + 1000, size.d, size.k)
    options = KMeansOptions(num_clusters=size.k, max_iterations=2, initial_clusters='random')
    layout = choose_layout(_spec(size))
    result = fit_in_place(WeightedRows(values), options)
    return payload_of(result, Columns.of_layout(layout), options)


def save(payload: CentroidsPayload, folder: Path, **options: Any) -> Path:
    """Saves a model of the payload, with the vector as its only raw feature."""
    spec = _spec(_Size(*payload.centroids.shape))
    schema = schema_utils.schema_from_feature_spec(spec)
    preprocessing = SchemaPreprocessing(spec, schema, list(spec))
    ModelToSave(payload, preprocessing, **options).save(str(folder))
    return folder


def _spec(size: _Size) -> dict[str, Any]:
    return {'vector': tf.io.FixedLenFeature([size.d], tf.float32)}


def _speeds(size: _Size, folder: Path) -> list[Row]:
    payload = payload_of_size(size)
    model = save(payload, folder / f'{size}', default_signature=names.FEATURES_SIGNATURE)
    servers = _Servers(payload, model, folder)
    values = clustered(max(BATCHES), size.d, size.k)
    return [row for batch in BATCHES for row in _of_batch(size, servers, values[:batch])]


class _Servers:
    """The same clustering, loaded in several serving libraries."""

    def __init__(self, payload: CentroidsPayload, model: Path, folder: Path) -> None:
        self._payload = payload
        self._model = tf.saved_model.load(str(model))
        self._nothing = _saved_nothing(payload, folder / 'nothing')
        self._sklearn = _sklearn_of(payload.centroids)
        self._openvino = {
            name: openvino.Core().compile_model(str(model), 'CPU', options)
            for name, options in (
                ('OpenVINO', {'INFERENCE_PRECISION_HINT': 'f32'}),
                ('OpenVINO, its own precision', {}),
            )
        }
        self._onnx = _onnx_of(model, folder / 'model.onnx')

    def calls(self, rows: np.ndarray) -> dict[str, Call]:
        """For each library, a function that predicts the given rows and waits for the result."""
        features = tf.constant(rows)
        examples = tf.constant([_example(row) for row in rows])
        served = self._model.signatures
        parse = partial(_parsed, tf.io.FixedLenFeature([rows.shape[1]], tf.float32))
        return {
            'features': partial(served[names.FEATURES_SIGNATURE], features=features),
            'examples': partial(served[names.EXAMPLES_SIGNATURE], examples=examples),
            NOTHING: partial(self._nothing.signatures['nothing'], features=features),
            'parsing alone': partial(_function(parse, examples), examples),
            "scikit-learn's predict": partial(self._sklearn.predict, rows),
            **{name: partial(one, [rows]) for name, one in self._openvino.items()},
            'onnxruntime': partial(self._onnx.run, None, {'features': rows}),
            'the matmul alone, in NumPy': partial(
                np.matmul, rows, self._payload.centroids.T.copy()
            ),
        }


def _of_batch(size: _Size, servers: _Servers, rows: np.ndarray) -> list[Row]:
    timed = {name: partial(repeated, call) for name, call in servers.calls(rows).items()}
    seconds = medians_of(timed, RUNS)
    ours = seconds['features']
    batch = len(rows)
    case = f'{size}, batch {batch:,}'

    def row(peer: str, factor: float = 1.0, target: float | None = None) -> Row:
        limit = factor * seconds[peer]
        name = peer if factor == 1 else f'{factor:g} times {peer}'
        return rated(case, 'rows/s', batch / ours, batch / limit, name, limit / ours, target)

    large, single = batch == max(BATCHES), batch == 1
    found = [
        row("scikit-learn's predict", SKLEARN_TIMES if large else 1.0, 1.0 if large else None),
        row('OpenVINO', target=1.0 if large else None),
        row('OpenVINO, its own precision'),
        row('onnxruntime'),
        row('the matmul alone, in NumPy'),
        row(NOTHING, NOTHING_TIMES if single else 1.0, 1.0 if single else None),
    ]
    examples, parsing = seconds['examples'], seconds['parsing alone']
    metric = f'rows/s from tf.Examples, parsing {min(parsing / examples, 1):.0%} of it'
    return [
        *found,
        rated(
            case,
            metric,
            batch / examples,
            batch / parsing,
            'parsing alone',
            parsing / examples,
            None,
        ),
    ]


def _sklearn_of(centroids: np.ndarray) -> KMeans:
    fitted = KMeans(len(centroids), init=centroids, n_init=1, max_iter=1).fit(centroids)
    fitted.cluster_centers_ = np.ascontiguousarray(centroids)
    return fitted


def _saved_nothing(payload: CentroidsPayload, folder: Path) -> Any:
    """A model with the same outputs as ours, which computes nothing."""

    def nothing(features: tf.Tensor) -> Mapping[str, tf.Tensor]:
        return {
            names.CLUSTER_INDEX: tf.zeros([tf.shape(features)[0]], tf.int64),
            names.DISTANCE: tf.zeros([tf.shape(features)[0]]),
        }

    spec = tf.TensorSpec([None, payload.metadata.width], tf.float32, 'features')
    function = tf.function(nothing, input_signature=[spec]).get_concrete_function()
    tf.saved_model.save(tf.Module(), str(folder), signatures={'nothing': function})
    return tf.saved_model.load(str(folder))


def _onnx_of(model: Path, path: Path) -> onnxruntime.InferenceSession:
    program = [sys.executable, '-W', 'ignore', '-m', 'tf2onnx.convert', '--saved-model', str(model)]
    signature = ['--signature_def', names.FEATURES_SIGNATURE, '--output', str(path)]
    subprocess.run([*program, *signature], capture_output=True, check=True)
    return onnxruntime.InferenceSession(str(path), providers=['CPUExecutionProvider'])


def _function(function: Callable[..., Any], example: tf.Tensor) -> Any:
    return tf.function(function, autograph=False).get_concrete_function(
        tf.TensorSpec([None], example.dtype)
    )


def _parsed(spec: Any, examples: tf.Tensor) -> tf.Tensor:
    return tf.io.parse_example(examples, {'vector': spec})['vector']


def _example(row: np.ndarray) -> bytes:
    values = tf.train.Feature(float_list=tf.train.FloatList(value=row))
    features = tf.train.Features(feature={'vector': values})
    return bytes(tf.train.Example(features=features).SerializeToString())


def _bytes(size: _Size, folder: Path) -> list[Row]:
    payload = payload_of_size(size)
    values = size.k * size.d
    exact = 4 * values
    allowed = {'float32': 2 * exact, 'float16': exact / 2, 'int8': exact / 4 + 12 * size.k}
    found = []
    for precision in PRECISIONS:
        model = save(payload, folder / precision, precision=precision)
        scales_and_norms = (8 if precision == 'int8' else 0) * size.k
        used = _bytes_of_centroids(model) + scales_and_norms
        ratio, case = allowed[precision] / used, f'{size}, {precision}'
        metric = 'bytes of centroids'
        found.append(rated(case, metric, used, allowed[precision], 'allowed', ratio, 1.0))
        files = (
            sum(path.stat().st_size for path in model.glob('variables/*') if path.is_file())
            + (model / 'saved_model.pb').stat().st_size
        )
        found.append(
            Row(f'{size}, {precision}', 'bytes of graph and variables', files, files, '', 1.0)
        )
    return found


def _bytes_of_centroids(model: Path) -> int:
    reader = tf.train.load_checkpoint(str(model / 'variables' / 'variables'))
    types = reader.get_variable_to_dtype_map()
    shapes = reader.get_variable_to_shape_map()
    return sum(
        int(np.prod(shapes[name])) * types[name].size for name in types if types[name] != tf.string
    )


def _memory(size: _Size, folder: Path) -> Row:
    model = save(payload_of_size(size), folder / 'large')
    program = Path(__file__).with_name('peak_of_serving.py')
    command = [sys.executable, '-W', 'ignore', str(program), str(model), str(max(BATCHES))]
    answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    peak = json.loads(answer.splitlines()[-1])
    case = f'{size}, batch {max(BATCHES):,}'
    return rated(case, 'MiB beyond TensorFlow', peak, MEMORY_MB, 'limit', MEMORY_MB / peak, 1.0)
