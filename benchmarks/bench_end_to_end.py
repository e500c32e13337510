"""From gzip TFRecords to written centroids, compared with other libraries.

Ours performs the same steps as the trainer's executor, without TFX. The peers are tf.data with a
fast k-means, and the Estimator.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from bench_data import TUNED_BLOCK, tf_data
from fitters import intel_model
from generate import clustered, vector_records, write_tfrecords
from harness import Row, medians_of, rated, seconds
from sklearn.cluster import kmeans_plusplus

from tfx_kmeans.centroids.payload import Columns, payload_of
from tfx_kmeans.centroids.storage import read_payload, write_payload
from tfx_kmeans.clustering.options import KMeansOptions
from tfx_kmeans.clustering.restarts import fit_in_place
from tfx_kmeans.data.feature_layout import choose_layout
from tfx_kmeans.data.matrix import open_matrix
from tfx_kmeans.data.source import Examples

N, D, K, ITERATIONS = 200_000, 32, 64, 10
RUNS, ESTIMATOR_RUNS = 5, 3
SPEC = {'features': tf.io.FixedLenFeature([D], tf.float32)}
CASE = f'n={N:,} d={D} k={K}, {ITERATIONS} iterations'
METRIC = 'records to centroids, s'
ESTIMATOR = ('tensorflow-cpu==2.15.1', 'tensorflow-estimator==2.15.0')


class _Job(NamedTuple):
    """Folder of TFRecords, initial centroids, and folder for results."""

    examples: Path
    start: np.ndarray
    output: Path


def run(folder: Path) -> list[Row]:
    """Runs all cases."""
    job = _written(folder)
    default, tuned = 'tf.data, scikit-learn-intelex', f'the same, blocks of {TUNED_BLOCK}'
    medians = medians_of(
        {
            'ours': partial(_ours, job),
            default: partial(_tf_data_and_intelex, job, 1),
            tuned: partial(_tf_data_and_intelex, job, TUNED_BLOCK),
        },
        RUNS,
    )
    peers = [(default, medians[default], 10), (tuned, medians[tuned], None)]
    peers += _estimators(job)
    ours = medians['ours']
    return [rated(CASE, METRIC, ours, peer, name, peer / ours, to) for name, peer, to in peers]


def _written(folder: Path) -> _Job:
    data = clustered(N, D, K)
    job = _Job(folder / 'examples', kmeans_plusplus(data[:20_000], K, random_state=0)[0], folder)
    job.examples.mkdir()
    for index, part in enumerate(np.array_split(data, 2)):
        write_tfrecords(job.examples / f'part-{index}', vector_records(part), 'GZIP')
    np.save(folder / 'start.npy', job.start)
    return job


def _ours(job: _Job) -> float:
    options = KMeansOptions(
        initial_clusters=job.start.tolist(), max_iterations=ITERATIONS, relative_tolerance=0.0
    )

    def train() -> None:
        layout = choose_layout(SPEC)
        with open_matrix(Examples((str(job.examples),)), layout) as matrix:
            result = fit_in_place(matrix, options)
            write_payload(
                str(job.output / 'ours'), payload_of(result, Columns.of_layout(layout), options)
            )

    return seconds(train)[0]


def _tf_data_and_intelex(job: _Job, block_length: int) -> float:
    def train() -> float:
        batches = tf_data(job.examples, 'GZIP', SPEC, block_length)
        rows = np.concatenate([batch['features'].numpy() for batch in batches])
        model = intel_model(job.start, ITERATIONS).fit(rows)
        np.savez(job.output / 'peer.npz', centroids=model.cluster_centers_)
        return model.inertia_

    taken, inertia = seconds(train)
    _check(job, 'scikit-learn-intelex', inertia)
    return taken


def _estimators(job: _Job) -> list[tuple[str, float, float | None]]:
    """The Estimator, reading like the other peer, file by file (the default), or from memory."""
    python, name = _estimator_python(), "TensorFlow 2.15's Estimator"
    return [
        (f'{name}, files interleaved', _estimator(python, job, 'interleaved'), 50),
        (f'{name}, file by file', _estimator(python, job, 'plain'), None),
        (f'{name}, rows cached', _estimator(python, job, 'cached'), None),
    ]


def _estimator(python: Path, job: _Job, reading: str) -> float:
    program = Path(__file__).with_name('estimator_peer.py')
    places = job.examples, job.output / 'start.npy', ITERATIONS, job.output / 'estimator.npz'

    def train() -> float:
        result = json.loads(_output_of(python, program, *places, reading).splitlines()[-1])
        _check(job, 'the Estimator', result['inertia'])
        return result['seconds']

    return statistics.median(train() for _ in range(ESTIMATOR_RUNS))


def _check(job: _Job, name: str, inertia: float) -> None:
    """Asserts that an inertia agrees with that of ours."""
    wanted = read_payload(str(job.output / 'ours')).metadata.inertia
    apart = abs(inertia / wanted - 1)
    assert apart <= 1e-3, f'{name} ends at inertia {inertia}, ours at {wanted}'


def _estimator_python() -> Path:
    """Python of an environment with Estimators, which is created if it does not exist.

    TensorFlow 2.15 is the last version with Estimators, and 3.10 the newest Python that both it
    and TFX support.
    """
    cache = Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache')
    folder = cache / 'tfx-kmeans-bench' / 'tf2.15'
    python, uv = folder / 'bin' / 'python', Path(sys.executable).with_name('uv')
    if not python.exists():
        _output_of(uv, 'venv', '--quiet', '--python', '3.10', folder)
    _output_of(uv, 'pip', 'install', '--quiet', '--python', python, *ESTIMATOR)
    return python


def _output_of(*command: object) -> str:
    ended = subprocess.run(
        [str(word) for word in command], check=True, stdout=subprocess.PIPE, text=True
    )
    return ended.stdout
