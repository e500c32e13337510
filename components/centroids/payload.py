"""Centroids with what is needed to use and to judge them: the content of an artifact."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

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
      converged: whether that one stopped before `max_iterations`.
      best_restart: its index.
      restarts: each of them, iteration by iteration.
      versions: of what wrote this.
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
    converged: bool
    best_restart: int
    restarts: tuple[Restart, ...]
    versions: dict[str, str]
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


def payload_of(
    result: FitResult, layout: FeatureLayout, options: KMeansOptions
) -> CentroidsPayload:
    """Joins a fit's result with the names of what was clustered."""
    placed = tuple(PlacedFeature(f.name, f.first_column, f.width) for f in layout.features)
    metadata = Metadata(
        distance_metric=options.distance_metric,
        features=placed,
        column_names=layout.column_names,
        num_clusters=len(result.centroids),
        width=layout.width,
        options={**dataclasses.asdict(options), 'weight_feature': layout.weight_feature},
        seed=result.seed,
        inertia=result.inertia,
        rows=result.rows,
        total_weight=result.total_weight,
        iterations=len(result.best.history),
        converged=result.best.converged,
        best_restart=result.best_restart,
        restarts=result.restarts,
        versions={'tfx_kmeans': __version__, 'numpy': np.__version__},
    )
    return CentroidsPayload(
        result.centroids, result.shift, result.cluster_weight, result.cluster_inertia, metadata
    )
