"""Loads and calls a model and prints the peak memory in addition to TensorFlow itself, in MiB.

python benchmarks/peak_of_serving.py MODEL BATCH

Must run in a fresh process.
"""

from __future__ import annotations

import json
import sys

import numpy as np
import tensorflow as tf
from peak_memory import peaks


def main(folder: str, batch: str) -> None:
    """Calls the signatures that take rows or tf.Examples with one batch each."""
    tf.matmul(tf.ones([64, 64]), tf.ones([64, 64]))
    with peaks() as found:
        model = tf.saved_model.load(folder)
        width = model.centroids.shape[1]
        rows = np.random.default_rng(0).normal(size=(int(batch), width)).astype(np.float32)
        model.signatures['features'](features=tf.constant(rows))
        examples = tf.constant([_example(row) for row in rows])
        for signature in ('examples', 'cluster_index', 'all_distances'):
            model.signatures[signature](examples=examples)
    print(json.dumps(found['resident']))


def _example(row: np.ndarray) -> bytes:
    values = tf.train.Feature(float_list=tf.train.FloatList(value=row))
    features = tf.train.Features(feature={'vector': values})
    return bytes(tf.train.Example(features=features).SerializeToString())


if __name__ == '__main__':
    main(*sys.argv[1:])
