"""Writes TensorBoard logs of a clustering and its evaluations."""

from __future__ import annotations

from tfx_kmeans.centroids.evaluation_log import (
    logging_to,
    write_evaluation,
    write_histogram,
    write_scalar,
)
from tfx_kmeans.centroids.payload import CentroidsPayload
from tfx_kmeans.clustering.fit_result import Restart


def write_model_run(folder: str, payload: CentroidsPayload) -> None:
    """Writes a TensorBoard run for each restart, the final cluster weights, and each evaluation."""
    metadata = payload.metadata
    for index, restart in enumerate(metadata.restarts):
        with logging_to(f'{folder}/restart_{index}'):
            _write_history(restart, metadata.rows)
    with logging_to(f'{folder}/clusters'):
        write_histogram('cluster_weight', payload.cluster_weight, 0)
    for name, evaluation in metadata.evaluation.items():
        write_evaluation(f'{folder}/{name}', evaluation, metadata.total_iterations)


def _write_history(restart: Restart, rows: int) -> None:
    for step, iteration in enumerate(restart.history):
        write_scalar('inertia', iteration.inertia, step)
        if iteration.moved is not None:
            write_scalar('moved_share', iteration.moved / rows, step)
        write_scalar('seconds', iteration.seconds, step)
