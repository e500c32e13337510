"""Writes evaluations as TensorBoard logs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import tensorflow as tf

from tfx_kmeans.clustering.measures.evaluation import Evaluation

_SCALARS = ('inertia', 'silhouette', 'simplified_silhouette', 'davies_bouldin')


def write_evaluation(folder: str, evaluation: Evaluation, step: int) -> None:
    """Writes a scalar for each measure that is not None, and a histogram of the cluster weights.

    Args:
      folder: Folder of the TensorBoard run.
      evaluation: Evaluation to write.
      step: Step to log at: the number of iterations that led to the centroids.
    """
    measures = dataclasses.asdict(evaluation)
    with logging_to(folder):
        for name in _SCALARS:
            # In float64, because TensorFlow refuses a Python float that float32 cannot hold.
            if measures[name] is not None:
                tf.summary.scalar(name, np.float64(measures[name]), step=step)
        tf.summary.histogram('cluster_weight', evaluation.cluster_weight, step=step)


@contextmanager
def logging_to(folder: str) -> Iterator[None]:
    """Writes the summaries of the `with` block to the TensorBoard run in a folder."""
    writer = tf.summary.create_file_writer(folder)
    try:
        with writer.as_default():
            yield
    finally:
        writer.close()
