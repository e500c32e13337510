"""Centroids with all that is needed to use and to assess them: the content of an artifact."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tfx_kmeans.clustering.alignment import Succession
from tfx_kmeans.clustering.assignment import Assigner
from tfx_kmeans.clustering.fit_result import FitResult, Restart
from tfx_kmeans.clustering.frame import Frame
from tfx_kmeans.clustering.measures.evaluation import Evaluation
from tfx_kmeans.clustering.metric import Metric, metric_of
from tfx_kmeans.clustering.options import KMeansOptions
from tfx_kmeans.version import __version__

if TYPE_CHECKING:
    from tfx_kmeans.data.feature_layout import FeatureLayout

METADATA_FORMAT = '1.1'
"""Format of metadata.json, major.minor.

A new field gets a default, which readers use for older files. Readers ignore unknown fields. Only a
change of the meaning or type of a field requires a new major version, which older readers reject.
"""


@dataclasses.dataclass(frozen=True)
class PlacedFeature:
    """The columns that a feature occupies in the centroids."""

    name: str
    first_column: int
    width: int


@dataclasses.dataclass(frozen=True)
class Columns:
    """Meaning of the columns of a matrix.

    Attributes:
      features: Features, in matrix order.
      column_names: Name of each column.
      weight_feature: Name of the feature with the weight of a row; None if there is none.
      left_out: Features of the examples that are not columns, with the reason for each; empty if
        the features to use were named.
    """

    features: tuple[PlacedFeature, ...]
    column_names: tuple[str, ...]
    weight_feature: str | None = None
    left_out: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @classmethod
    def of_layout(cls, layout: FeatureLayout) -> Columns:
        """The columns of examples that are decoded with a layout."""
        placed = tuple(PlacedFeature(f.name, f.first_column, f.width) for f in layout.features)
        return cls(placed, layout.column_names, layout.weight_feature, layout.left_out)

    @property
    def width(self) -> int:
        """Number of columns, d."""
        return len(self.column_names)


@dataclasses.dataclass(frozen=True)
class Ancestry:
    """Relation of a clustering to the earlier one that it is based on.

    Attributes:
      base_model: Folder of the earlier clustering.
      aligned: True if the clustering was fitted independently and then given the ids of the earlier
        one, False if it started from the earlier centroids.
      succession: Comparison of the centroids with the earlier ones.
    """

    base_model: str
    aligned: bool
    succession: Succession


@dataclasses.dataclass(frozen=True)
class Metadata:
    """Content of metadata.json.

    Attributes:
      distance_metric: Distance metric: 'squared_euclidean' or 'cosine'.
      features: Features that were clustered, in matrix order.
      column_names: Name of each column of the centroids.
      num_clusters: Number of clusters, k.
      width: Number of columns, d.
      options: Options of the clustering by name.
      seed: Random seed that was used.
      inertia: Weighted sum of the training rows' distances.
      rows: Number of rows that were clustered.
      total_weight: Sum of their weights.
      iterations: Number of iterations of the best restart.
      total_iterations: Number of iterations including those of the earlier clusterings that this
        one continued.
      converged: Whether the best restart converged within `max_iterations`.
      best_restart: Index of the best restart, whose centroids these are.
      restarts: All restarts with their iterations.
      versions: Versions of the packages that wrote the file.
      ancestry: Relation to an earlier clustering; None if there is none.
      evaluation: Evaluations by the name of the split, or of the rows that were evaluated.
      left_out: Features of the examples that were not clustered, with the reason for each; empty if
        the features to use were named.
      format_version: Version of the format, major.minor; readers reject a newer major version.
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
    left_out: dict[str, str] = dataclasses.field(default_factory=dict)
    format_version: str = METADATA_FORMAT


@dataclasses.dataclass(frozen=True)
class CentroidsPayload:
    """The arrays of centroids.npz and the content of metadata.json.

    Attributes:
      centroids: Centroids in feature space, float32 [k, d].
      shift: Vector to subtract from rows and centroids before distances are computed from norms,
        float64 [d]; zeros under cosine.
      cluster_weight: Weight of the training rows in each cluster, float64 [k].
      cluster_inertia: Weighted sum of their distances in each cluster, float64 [k].
      metadata: Everything else.
      points: Centroids minus the shift, float32 [k, d], if they have digits that `centroids` lack,
        because the shift is large; else None.
    """

    centroids: np.ndarray
    shift: np.ndarray
    cluster_weight: np.ndarray
    cluster_inertia: np.ndarray
    metadata: Metadata
    points: np.ndarray | None = None

    @property
    def assigner(self) -> Assigner:
        """Assigner of new rows to these centroids."""
        return Assigner(self.centroids, self.frame, self.points)

    @property
    def frame(self) -> Frame:
        """The coordinates in which distances are computed."""
        return Frame(self.metric, self.shift)

    @property
    def wide(self) -> bool:
        """Whether float32 rounds values by more than distances allow, so that rows are float64."""
        return self.points is not None

    @property
    def row_type(self) -> str:
        """Type of preprocessed rows: 'float32', or 'float64' if the payload is `wide`."""
        return 'float64' if self.wide else 'float32'

    @property
    def framed(self) -> np.ndarray:
        """Centroids minus the shift, float32 [k, d]."""
        framed = self.centroids - self.shift if self.points is None else self.points
        return framed.astype(np.float32)

    @property
    def exact_centroids(self) -> np.ndarray:
        """Centroids in feature space [k, d]: float32, or float64 if float32 rounds them."""
        return self.centroids if self.points is None else self.points + self.shift

    @property
    def metric(self) -> Metric:
        """Distance metric."""
        return metric_of(self.metadata.distance_metric)

    def evaluated(self, name: str, evaluation: Evaluation) -> CentroidsPayload:
        """A copy with an evaluation added under a name."""
        evaluations = {**self.metadata.evaluation, name: evaluation}
        metadata = dataclasses.replace(self.metadata, evaluation=evaluations)
        return dataclasses.replace(self, metadata=metadata)


def payload_of(
    result: FitResult,
    columns: Columns,
    options: KMeansOptions,
    ancestry: Ancestry | None = None,
    iterations_before: int = 0,
) -> CentroidsPayload:
    """Combines the result of a fit with metadata.

    Args:
      result: Result of the fit.
      columns: Columns of the rows that were clustered.
      options: Options of the clustering.
      ancestry: Relation to an earlier clustering; None if there is none.
      iterations_before: Total number of iterations of the clustering that the fit continued.
    """
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
        left_out=dict(columns.left_out),
    )
    return CentroidsPayload(
        centroids=result.centroids,
        shift=result.shift,
        cluster_weight=result.cluster_weight,
        cluster_inertia=result.cluster_inertia,
        metadata=metadata,
        points=result.points,
    )
