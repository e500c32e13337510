"""A clustering from rows to payload, shared by the component and `tfx_kmeans.fit`."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfx_kmeans.centroids.base_model import BaseModel
from tfx_kmeans.centroids.payload import Ancestry, CentroidsPayload, Columns, payload_of
from tfx_kmeans.clustering.alignment import Succession, aligned, followed
from tfx_kmeans.clustering.answered_rows import Answered, earlier_means
from tfx_kmeans.clustering.assignment import Assigner
from tfx_kmeans.clustering.checkpoint import Checkpoints
from tfx_kmeans.clustering.engine import Engine, gpu_engine, local_engine
from tfx_kmeans.clustering.fit_result import FitResult
from tfx_kmeans.clustering.frame import Frame, sample_of
from tfx_kmeans.clustering.metric import metric_of
from tfx_kmeans.clustering.options import KMeansOptions
from tfx_kmeans.clustering.restarts import OnIteration, fit_in_place
from tfx_kmeans.clustering.weighted_rows import WeightedRows

_log = logging.getLogger(__name__)

_DOMINATED = 1e-4  # of the largest standard deviation: 1e-8 of the distances
_GPU_DEVICES = (Path('/dev/nvidiactl'), Path('/dev/kfd'), Path('/dev/dxg'))  # CUDA, ROCm, WSL


@dataclasses.dataclass(frozen=True)
class Training:
    """A clustering that is ready to run.

    Attributes:
      columns: Columns of the rows.
      options: Options of the clustering.
      base_model: Earlier clustering to start from; None to start from `initial_clusters`.
      align_clusters: Whether to start from `initial_clusters` even with a base model, and then give
        the clusters the base model's ids.
      checkpoints: Storage of checkpoints to resume from and to write; None for no checkpoints.
      on_iteration: Function that is called after each iteration.
      answered: Rows that the base model has clustered with its own preprocessing; None to use its
        centroids as they are.

    Raises:
      ParameterError: If the base model has another k, or, without `answered`, other features or
        another metric.
    """

    columns: Columns
    options: KMeansOptions
    base_model: BaseModel | None = None
    align_clusters: bool = False
    checkpoints: Checkpoints | None = None
    on_iteration: OnIteration | None = None
    answered: Answered | None = None

    def __post_init__(self) -> None:
        if self.base_model is not None:
            answers = self.answered is not None
            self.base_model.refuse_misfit(self.columns, self.options, answers)

    def run(self, rows: WeightedRows) -> CentroidsPayload:
        """Clusters rows and overwrites them in the process; see `fit_in_place`."""
        _warn_of_dominated_columns(rows, self.columns.column_names)
        base = self.base_model
        earlier = None if base is None else self._earlier_centroids(base)
        warm = base is not None and not self.align_clusters
        result = fit_in_place(
            rows,
            self.options,
            start=earlier if warm else None,
            on_iteration=self.on_iteration,
            checkpoints=self.checkpoints,
            engine=engine_of_this_machine(),
        )
        if base is None or earlier is None:
            return payload_of(result, self.columns, self.options)
        result, succession = self._compared(result, base, earlier)
        ancestry = Ancestry(base.uri, self.align_clusters, succession)
        before = base.payload.metadata.total_iterations if warm else 0
        return payload_of(result, self.columns, self.options, ancestry, before)

    def _earlier_centroids(self, base: BaseModel) -> np.ndarray:
        """Centroids of the base model, or means of the rows that it has put in each cluster."""
        if self.answered is None:
            return base.payload.exact_centroids
        return earlier_means(self.answered, self.options.k, metric_of(self.options.distance_metric))

    def _compared(
        self, result: FitResult, base: BaseModel, earlier: np.ndarray
    ) -> tuple[FitResult, Succession]:
        """The result with its final ids, and its comparison with the base model."""
        assigner = base.payload.assigner
        if self.answered is not None:
            assigner = Assigner(earlier, Frame(metric_of(result.distance_metric), result.shift))
        if self.align_clusters:
            return aligned(result, assigner, self.answered)
        return result, followed(result, assigner, self.answered)


def _warn_of_dominated_columns(rows: WeightedRows, column_names: Sequence[str]) -> None:
    """Logs the columns whose values cannot affect the clusters beside those of another column."""
    deviation = sample_of(rows.values, 4096).std(axis=0)
    is_dominated = (deviation > 0) & (deviation < _DOMINATED * deviation.max())
    dominated = np.flatnonzero(is_dominated).tolist()
    if dominated:
        _log.warning(
            'The scale of column %r (standard deviation %.3g) leaves no influence on the clusters '
            'to %s. Scale the columns, for example to z-scores.',
            column_names[int(deviation.argmax())],
            deviation.max(),
            ', '.join(f'{column_names[index]!r} ({deviation[index]:.3g})' for index in dominated),
        )


def engine_of_this_machine() -> Engine:
    """The engine for a GPU if TensorFlow can use one, otherwise the one for this machine's cores.

    TensorFlow takes seconds to import, so it is only imported if the device file of a GPU exists.
    """
    if any(path.exists() for path in _GPU_DEVICES):
        import tensorflow as tf

        if tf.config.list_physical_devices('GPU'):
            return gpu_engine()
    return local_engine()
