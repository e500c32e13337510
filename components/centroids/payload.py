"""Centroids with what is needed to use and to judge them: the content of an artifact."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from tfx_kmeans.clustering.alignment import Succession
from tfx_kmeans.clustering.assignment import Assigner
from tfx_kmeans.clustering.evaluation import Evaluation
from tfx_kmeans.clustering.frame import Frame
from tfx_kmeans.clustering.options import KMeansOptions
from tfx_kmeans.clustering.outcome import FitResult, Restart
from tfx_kmeans.data.features import FeatureLayout
from tfx_kmeans.version import __version__

FORMAT_VERSION = '1.0'


@dataclasses.dataclass(frozen=True)
class PlacedFeature:
    """A feature's place in the columns of the centroids."""

    name: str
    first_column: int
    width: int


@dataclasses.dataclass(frozen=True)
class Columns:
    """What the columns of a matrix mean.

    Attributes:
      features: in matrix order.
      column_names: one for each column.
      weight_feature: name of the number that weighs a row; None where it has none by name.
    """

    features: tuple[PlacedFeature, ...]
    column_names: tuple[str, ...]
    weight_feature: str | None = None

    @classmethod
    def of_layout(cls, layout: FeatureLayout) -> Columns:
        """Those of decoded examples."""
        placed = tuple(PlacedFeature(f.name, f.first_column, f.width) for f in layout.features)
        return cls(placed, layout.column_names, layout.weight_feature)

    @property
    def width(self) -> int:
        """D, the number of columns."""
        return len(self.column_names)


@dataclasses.dataclass(frozen=True)
class Ancestry:
    """What a clustering owes to an earlier one.

    Attributes:
      base_model: the folder of the earlier one.
      aligned: True where a fit of its own was given the earlier one's ids, False where it started
        from the earlier centroids.
      succession: how far the centroids stand from the earlier ones.
    """

    base_model: str
    aligned: bool
    succession: Succession


@dataclasses.dataclass(frozen=True)
class Metadata:
    """What metadata.json holds.

    Attributes:
      distance_metric: 'squared_euclidean' or 'cosine'.
      features: in matrix order.
      column_names: one for each column of the centroids.
      num_clusters: k.
      width: d.
      options: what the clustering was asked to do.
      seed: the one that was used.
      inertia: the weighted sum of the training rows' distances.
      rows: how many rows were clustered.
      total_weight: the sum of their weights.
      iterations: of the restart that was kept.
      total_iterations: these, and those of the clusterings that it went on from.
      converged: whether that one stopped before `max_iterations`.
      best_restart: its index.
      restarts: each of them, iteration by iteration.
      versions: of what wrote this.
      ancestry: what it owes to an earlier clustering, None where there was none.
      evaluation: measures by split, or another name of the rows that were looked at.
      format_version: major.minor; a reader refuses a newer major one.
    """

    distance_metric: str
    features: tuple[PlacedFeature, ...]
    column_names: tuple[str, ...]
    num_clusters: int
    width: int
    options: dict[str, Any]
    seed: int
    inertia: float
    rows: int
    total_weight: float
    iterations: int
    total_iterations: int
    converged: bool
    best_restart: int
    restarts: tuple[Restart, ...]
    versions: dict[str, str]
    ancestry: Ancestry | None = None
    evaluation: dict[str, Evaluation] = dataclasses.field(default_factory=dict)
    format_version: str = FORMAT_VERSION


@dataclasses.dataclass(frozen=True)
class CentroidsPayload:
    """The arrays of centroids.npz and the metadata beside them.

    Attributes:
      centroids: float32 [k, d], in feature space.
      shift: float64 [d], to subtract from rows and centroids before distances are computed by
        norms; zeros under cosine.
      cluster_weight: float64 [k].
      cluster_inertia: float64 [k].
      metadata: all else.
    """

    centroids: np.ndarray
    shift: np.ndarray
    cluster_weight: np.ndarray
    cluster_inertia: np.ndarray
    metadata: Metadata

    @property
    def assigner(self) -> Assigner:
        """Assigns new rows to these centroids."""
        return Assigner(self.centroids, Frame(self.metadata.distance_metric, self.shift))

    def evaluated(self, name: str, evaluation: Evaluation) -> CentroidsPayload:
        """The same with measures beside it."""
        known = {**self.metadata.evaluation, name: evaluation}
        metadata = dataclasses.replace(self.metadata, evaluation=known)
        return dataclasses.replace(self, metadata=metadata)


def payload_of(
    result: FitResult,
    columns: Columns,
    options: KMeansOptions,
    ancestry: Ancestry | None = None,
    iterations_before: int = 0,
) -> CentroidsPayload:
    """Joins a fit's result with the names of what was clustered, and where it comes from."""
    iterations = len(result.best.history)
    metadata = Metadata(
        distance_metric=options.distance_metric,
        features=columns.features,
        column_names=columns.column_names,
        num_clusters=len(result.centroids),
        width=columns.width,
        options={**options.to_json(), 'weight_feature': columns.weight_feature},
        seed=result.seed,
        inertia=result.inertia,
        rows=result.rows,
        total_weight=result.total_weight,
        iterations=iterations,
        total_iterations=iterations_before + iterations,
        converged=result.best.converged,
        best_restart=result.best_restart,
        restarts=result.restarts,
        versions={'tfx_kmeans': __version__, 'numpy': np.__version__},
        ancestry=ancestry,
    )
    return CentroidsPayload(
        result.centroids, result.shift, result.cluster_weight, result.cluster_inertia, metadata
    )
