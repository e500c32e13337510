"""An evaluation as TensorBoard logs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager

import tensorflow as tf

from tfx_kmeans.clustering.evaluation import Evaluation

_SCALARS = ('inertia', 'silhouette', 'simplified_silhouette', 'davies_bouldin')


def write_evaluation(folder: str, evaluation: Evaluation, step: int) -> None:
    """One scalar for each measure that there is, and a histogram of the clusters' sizes.

    Args:
      folder: of the TensorBoard run.
      evaluation: what was measured.
      step: the iterations that led to the centroids.
    """
    measures = dataclasses.asdict(evaluation)
    with logging_to(folder):
        for name in _SCALARS:
            if measures[name] is not None:
                tf.summary.scalar(name, measures[name], step=step)
        tf.summary.histogram('cluster_weight', evaluation.cluster_weight, step=step)


@contextmanager
def logging_to(folder: str) -> Iterator[None]:
    """Sends summaries of the block to a TensorBoard run."""
    writer = tf.summary.create_file_writer(folder)
    try:
        with writer.as_default():
            yield
    finally:
        writer.close()
