"""The Davies-Bouldin index (1979): the spread of clusters relative to their distances."""

from __future__ import annotations

import numpy as np

from tfx_kmeans.clustering.assignment import Assigner
from tfx_kmeans.clustering.sums import sums_by_label
from tfx_kmeans.clustering.weighted_rows import WeightedRows


def davies_bouldin(rows: WeightedRows, labels: np.ndarray, assigner: Assigner) -> float | None:
    """The Davies-Bouldin index of clustered rows; None if fewer than two clusters have weight.

    Args:
      rows: Rows in feature space.
      labels: Cluster of each row, int [n].
      assigner: Clustering. Its metric maps rows to points; the index uses Euclidean distances
        between these points and the means of their clusters.
    """
    k, d = assigner.centroids.shape
    weights, sums, spread = np.zeros(k), np.zeros((k, d)), np.zeros(k)
    for block in assigner.blocks(len(rows)):
        block_weights = rows.weights_in(block)
        placed = assigner.placed(rows.values[block])
        weights += np.bincount(labels[block], block_weights, k)
        sums += sums_by_label(placed, labels[block], block_weights, k)
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
    """Mean over clusters of the largest (spread + other's spread) / distance between the means."""
    worst = np.zeros(len(means))
    for index, mean in enumerate(means):
        apart = np.sqrt(np.square(means - mean).sum(axis=1))
        apart[apart == 0] = np.inf
        worst[index] = ((spread + spread[index]) / apart).max()
    return float(worst.mean())
