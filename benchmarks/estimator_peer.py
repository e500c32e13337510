"""k-means with the Estimator of TensorFlow 2.15, the last version with Estimators.

    python estimator_peer.py FOLDER START.npy ITERATIONS CENTERS.npz plain|interleaved|cached

Run by bench_end_to_end in a separate environment. Prints the seconds after imports and the inertia.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'  # takes effect only if set before the import
import tensorflow as tf

_MORE_THAN_ALL = 1 << 31


def main(folder: str, start_file: str, iterations: str, output: str, reading: str) -> None:
    """Runs the program described in the docstring of the module."""
    tf.compat.v1.logging.set_verbosity(tf.compat.v1.logging.ERROR)
    start = np.load(start_file)
    rows = _all_rows(folder, start.shape[1], reading)
    with tempfile.TemporaryDirectory() as model_folder:
        model = tf.compat.v1.estimator.experimental.KMeans(
            len(start), model_dir=model_folder, initial_clusters=start, use_mini_batch=False
        )
        began = time.perf_counter()
        model.train(rows, steps=int(iterations))
        np.savez(output, centroids=model.cluster_centers())
        seconds = time.perf_counter() - began
        inertia = float(model.score(lambda: rows().take(1)))
    print(json.dumps({'seconds': seconds, 'inertia': inertia}))


def _all_rows(folder: str, width: int, reading: str) -> Callable[[], tf.data.Dataset]:
    """An input_fn that returns all rows in one batch, again for each step."""
    paths = sorted(str(path) for path in Path(folder).iterdir())
    parallel = tf.data.AUTOTUNE if reading == 'interleaved' else None
    spec = {'features': tf.io.FixedLenFeature([width], tf.float32)}

    def input_fn() -> tf.data.Dataset:
        rows = (
            tf.data.TFRecordDataset(paths, 'GZIP', num_parallel_reads=parallel)
            .batch(_MORE_THAN_ALL)
            .map(lambda batch: tf.io.parse_example(batch, spec))
        )
        return (rows.cache() if reading == 'cached' else rows).repeat().prefetch(1)

    return input_fn


if __name__ == '__main__':
    main(*sys.argv[1:])
