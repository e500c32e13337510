"""Writes TensorBoard logs, without TensorBoard: TensorFlow 2.21 no longer installs it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import tensorflow as tf

from tfx_kmeans.clustering.measures.evaluation import Evaluation

_SCALARS = ('inertia', 'silhouette', 'simplified_silhouette', 'davies_bouldin')
_BUCKETS = 30  # as in tf.summary.histogram


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
            if measures[name] is not None:
                write_scalar(name, measures[name], step)
        write_histogram('cluster_weight', evaluation.cluster_weight, step)


@contextmanager
def logging_to(folder: str) -> Iterator[None]:
    """Writes the summaries of the `with` block to the TensorBoard run in a folder."""
    writer = tf.summary.create_file_writer(folder)
    try:
        with writer.as_default():
            yield
    finally:
        writer.close()


def write_scalar(name: str, value: float, step: int) -> None:
    """Writes what `tf.summary.scalar` does; a value that float32 cannot hold becomes infinite."""
    with np.errstate(over='ignore'):
        tf.summary.write(name, np.float32(value), step, _metadata('scalars', 'DATA_CLASS_SCALAR'))


def write_histogram(name: str, values: np.ndarray | tuple[float, ...], step: int) -> None:
    """Writes what `tf.summary.histogram` does: rows of left edge, right edge and count."""
    found = np.asarray(values, np.float64)
    edges = np.linspace(found.min(), found.max(), _BUCKETS + 1)
    counts = np.zeros(_BUCKETS)
    if edges[0] == edges[-1]:
        counts[-1] = found.size
    else:
        counts += np.bincount(np.digitize(found, edges[1:-1]), minlength=_BUCKETS)
    buckets = np.stack([edges[:-1], edges[1:], counts], axis=1)
    tf.summary.write(name, buckets, step, _metadata('histograms', 'DATA_CLASS_TENSOR'))


def _metadata(plugin: str, data_class: str) -> tf.compat.v1.SummaryMetadata:
    return tf.compat.v1.SummaryMetadata(plugin_data={'plugin_name': plugin}, data_class=data_class)
