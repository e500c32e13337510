"""Writes TensorBoard logs of a clustering and its evaluations."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfx_kmeans.centroids.evaluation_log import logging_to, write_evaluation
from tfx_kmeans.centroids.payload import CentroidsPayload
from tfx_kmeans.clustering.fit_result import Restart


def write_model_run(folder: str, payload: CentroidsPayload) -> None:
    """Writes a TensorBoard run for each restart, the final cluster weights, and each evaluation."""
    metadata = payload.metadata
    for index, restart in enumerate(metadata.restarts):
        with logging_to(f'{folder}/restart_{index}'):
            _write_history(restart, metadata.rows)
    with logging_to(f'{folder}/clusters'):
        tf.summary.histogram('cluster_weight', payload.cluster_weight, step=0)
    for name, evaluation in metadata.evaluation.items():
        write_evaluation(f'{folder}/{name}', evaluation, metadata.total_iterations)


def _write_history(restart: Restart, rows: int) -> None:
    for step, iteration in enumerate(restart.history):
        # In float64, because TensorFlow refuses a Python float that float32 cannot hold.
        tf.summary.scalar('inertia', np.float64(iteration.inertia), step=step)
        if iteration.moved is not None:
            tf.summary.scalar('moved_share', iteration.moved / rows, step=step)
        tf.summary.scalar('seconds', iteration.seconds, step=step)
