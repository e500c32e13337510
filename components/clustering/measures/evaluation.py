"""Measures how well centroids describe rows, which may be the training rows or others."""

from __future__ import annotations

import dataclasses

import numpy as np

from tfx_kmeans.clustering.assignment import Assigner
from tfx_kmeans.clustering.measures.davies_bouldin import davies_bouldin
from tfx_kmeans.clustering.measures.silhouettes import relative_gap, silhouette_samples
from tfx_kmeans.clustering.weighted_rows import WeightedRows

MAX_SILHOUETTE_ROWS = 10_000
EXACT, SAMPLED = 'exact', 'sampled'


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """Measures of a clustering on some rows.

    Attributes:
      rows: Number of rows.
      total_weight: Sum of their weights.
      inertia: Weighted sum of their distances to the nearest centroids.
      cluster_weight: Weight of the rows in each cluster, k numbers.
      silhouette: Mean silhouette, from Euclidean distances under squared_euclidean and from 1 - cos
        under cosine; None if fewer than two clusters have rows.
      silhouette_kind: 'exact' if the silhouette is computed from all rows, 'sampled' if from a
        seeded sample.
      silhouette_rows: Number of rows that the silhouette is computed from.
      simplified_silhouette: Silhouette of all rows with distances to centroids instead of distances
        to all rows of a cluster (Hruschka et al. 2004); None if there is only one centroid.
      davies_bouldin: Davies-Bouldin index (1979), lower is better, from Euclidean distances (under
        cosine, of rows of length one) to the means of these rows; None if fewer than two clusters
        have rows.
    """

    rows: int
    total_weight: float
    inertia: float
    cluster_weight: tuple[float, ...]
    silhouette: float | None
    silhouette_kind: str
    silhouette_rows: int
    simplified_silhouette: float | None
    davies_bouldin: float | None


def evaluate(rows: WeightedRows, assigner: Assigner, seed: int) -> Evaluation:
    """Measures a clustering on feature-space rows.

    The silhouette is computed from all rows if there are at most 10,000, and from a sample of
    10,000 otherwise. All measures are weighted. In the mean distance of a row to the other rows of
    its cluster, the row itself is left out with all of its weight.

    Args:
      rows: Rows with finite values.
      assigner: Clustering to measure.
      seed: Random seed of the sample.

    Raises:
      DataError: If rows have no distance to the centroids, see `Assigner.assign`.
    """
    if rows.offset is not None:
        assigner = assigner.less(rows.offset)
    labels, distances = assigner.assign(rows.values)
    weights = rows.weights_in(slice(0, len(rows)))
    k = len(assigner.centroids)
    sampled = _sample(len(rows), seed)
    silhouette = _silhouette(rows.values[sampled], labels[sampled], weights[sampled], assigner)
    return Evaluation(
        rows=len(rows),
        total_weight=rows.total_weight,
        inertia=float(weights @ distances),
        cluster_weight=tuple(np.bincount(labels, weights, k).tolist()),
        silhouette=silhouette,
        silhouette_kind=EXACT if len(sampled) == len(rows) else SAMPLED,
        silhouette_rows=len(sampled),
        simplified_silhouette=_simplified(rows, labels, distances, assigner),
        davies_bouldin=davies_bouldin(rows, labels, assigner),
    )


def _sample(num_rows: int, seed: int) -> np.ndarray:
    """Sorted indices of the rows that the silhouette is computed from."""
    if num_rows <= MAX_SILHOUETTE_ROWS:
        return np.arange(num_rows)
    rng = np.random.default_rng(seed)
    return np.sort(rng.choice(num_rows, MAX_SILHOUETTE_ROWS, replace=False))


def _silhouette(
    rows: np.ndarray, labels: np.ndarray, weights: np.ndarray, assigner: Assigner
) -> float | None:
    points = assigner.placed(rows).astype(np.float64)
    silhouettes = silhouette_samples(points, labels, weights, assigner.frame.metric)
    return None if silhouettes is None else float(np.average(silhouettes, weights=weights))


def _simplified(
    rows: WeightedRows, labels: np.ndarray, distances: np.ndarray, assigner: Assigner
) -> float | None:
    if len(assigner.centroids) == 1:
        return None
    total = 0.0
    for block in assigner.blocks(len(rows)):
        others = assigner.distances_of_placed(assigner.placed(rows.values[block]))
        others[np.arange(len(others)), labels[block]] = np.inf
        own, other = distances[block], others.min(axis=1)
        if assigner.frame.metric.compares_roots:
            own, other = np.sqrt(own), np.sqrt(other)
        total += float(rows.weights_in(block) @ relative_gap(own, other))
    return total / rows.total_weight
