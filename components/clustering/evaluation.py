"""How well centroids describe rows, whether these are the ones they were found from or others."""

from __future__ import annotations

import dataclasses

import numpy as np

from tfx_kmeans.clustering.assignment import Assigner
from tfx_kmeans.clustering.options import COSINE_DISTANCE
from tfx_kmeans.clustering.silhouettes import relative_gap, silhouette_samples
from tfx_kmeans.clustering.sums import sums_by_label
from tfx_kmeans.clustering.weighted_rows import WeightedRows

MOST_SILHOUETTE_ROWS = 10_000
EXACT, SAMPLED = 'exact', 'sampled'


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """Measures of a clustering on some rows.

    Attributes:
      rows: how many.
      total_weight: the sum of their weights.
      inertia: the weighted sum of their distances.
      cluster_weight: of the rows in each cluster, k numbers.
      silhouette: the mean silhouette, of Euclidean distances under squared_euclidean, of 1 - cos
        under cosine; None where fewer than two clusters have rows.
      silhouette_kind: 'exact' where it is of all rows, 'sampled' where it is of a seeded sample.
      silhouette_rows: of how many rows it is.
      simplified_silhouette: of all rows, with distances to centroids in place of those to all rows
        of a cluster (Hruschka et al. 2004); None where there is one centroid.
      davies_bouldin: the index of Davies and Bouldin (1979), less is better, by Euclidean distance
        (under cosine, of rows of length one) to the means of these rows; None where fewer than
        two clusters have rows.
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

    A silhouette is of all rows up to 10,000 of them, of a sample of 10,000 beyond. Weights count in
    it as in all else, but a row is no company to itself, whatever its weight.

    Args:
      rows: finite.
      assigner: the clustering.
      seed: of the sample.

    Raises:
      ValueError: for rows that have no distance to the centroids, see `Assigner.assign`.
    """
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
        davies_bouldin=_davies_bouldin(rows, labels, assigner),
    )


def _sample(num_rows: int, seed: int) -> np.ndarray:
    """Indices of the rows that a silhouette is taken of, sorted."""
    if num_rows <= MOST_SILHOUETTE_ROWS:
        return np.arange(num_rows)
    rng = np.random.default_rng(seed)
    return np.sort(rng.choice(num_rows, MOST_SILHOUETTE_ROWS, replace=False))


def _silhouette(
    rows: np.ndarray, labels: np.ndarray, weights: np.ndarray, assigner: Assigner
) -> float | None:
    points, root = assigner.placed(rows).astype(np.float64), not _cosine(assigner)
    found = silhouette_samples(points, labels, weights, assigner.frame.scale, root)
    return None if found is None else float(np.average(found, weights=weights))


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
        if not _cosine(assigner):
            own, other = np.sqrt(own), np.sqrt(other)
        total += float(rows.weights_in(block) @ relative_gap(own, other))
    return total / rows.total_weight


def _davies_bouldin(rows: WeightedRows, labels: np.ndarray, assigner: Assigner) -> float | None:
    k, d = assigner.centroids.shape
    weights, sums, spread = np.zeros(k), np.zeros((k, d)), np.zeros(k)
    for block in assigner.blocks(len(rows)):
        of_block = rows.weights_in(block)
        placed = assigner.placed(rows.values[block])
        weights += np.bincount(labels[block], of_block, k)
        sums += sums_by_label(placed, labels[block], of_block, k)
    present = weights > 0
    if present.sum() < 2:
        return None
    means = sums / np.where(present, weights, 1.0)[:, np.newaxis]
    for block in assigner.blocks(len(rows)):
        difference = assigner.placed(rows.values[block]) - means[labels[block]]
        lengths = np.sqrt(np.einsum('ij,ij->i', difference, difference))
        spread += np.bincount(labels[block], rows.weights_in(block) * lengths, k)
    return _ratio_of_spreads(means[present], spread[present] / weights[present])


def _ratio_of_spreads(means: np.ndarray, spread: np.ndarray) -> float:
    """The mean, over clusters, of the worst (spread + other's spread) / distance of the means."""
    worst = np.zeros(len(means))
    for index, mean in enumerate(means):
        apart = np.sqrt(np.square(means - mean).sum(axis=1))
        apart[apart == 0] = np.inf
        worst[index] = ((spread + spread[index]) / apart).max()
    return float(worst.mean())


def _cosine(assigner: Assigner) -> bool:
    return assigner.frame.metric == COSINE_DISTANCE
