"""The kernels in NumPy: the reference for the compiled ones, and their fallback."""

from __future__ import annotations

import numpy as np

from tfx_kmeans.clustering.distances import (
    nearest,
    paired_squared_distances,
    squared_distances_to,
    squared_norms,
)
from tfx_kmeans.clustering.kernels.interface import (
    Bounds,
    Movement,
    Neighbours,
    Points,
    Totals,
)
from tfx_kmeans.clustering.sums import sums_by_label

_SCORES_AT_ONCE = 1 << 19  # floats in the scores [block, k]: 2 MB, which fits a core's cache
_BLOCK = 4096


class NumpyKernels:
    """The `Kernels` in NumPy."""

    name = 'numpy'

    def column_sums(self, rows: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
        """See `Kernels`."""
        total = np.zeros(rows.shape[1])
        for block in _blocks(len(rows), _BLOCK):
            total += (rows[block] * _weights(weights, block)[:, np.newaxis]).sum(axis=0)
        return total

    def subtract(self, rows: np.ndarray, shift: np.ndarray) -> float:
        """See `Kernels`."""
        rows -= shift
        return float(max(rows.max(initial=0.0), -rows.min(initial=0.0)))

    def assign(
        self,
        rows: np.ndarray,
        weights: np.ndarray | None,
        points: Points,
        labels: np.ndarray,
        totals: Totals,
    ) -> int:
        """See `Kernels`."""
        count, moved = len(points.values), 0
        for block in _blocks(len(rows), _rows_at_once(count)):
            found, distances = self.nearest(rows[block], points)
            weight = _weights(weights, block)
            totals.sums[...] += sums_by_label(rows[block], found, weight, count)
            totals.weights[...] += np.bincount(found, weight, count)
            totals.inertia[...] += np.bincount(found, weight * distances, count)
            moved += int(np.count_nonzero(labels[block] != found))
            labels[block] = found
        return moved

    def assign_bounded(  # noqa: PLR0917
        self,
        rows: np.ndarray,
        weights: np.ndarray | None,
        points: Points,
        labels: np.ndarray,
        totals: Totals,
        movement: Movement,  # noqa: ARG002
        bounds: Bounds,
    ) -> int:
        """See `Kernels`. Skips no row, and leaves bounds that say nothing."""
        bounds.lower[...], bounds.upper[...] = 0, np.inf
        return self.assign(rows, weights, points, labels, totals)

    def nearest(self, rows: np.ndarray, points: Points) -> tuple[np.ndarray, np.ndarray]:
        """See `Kernels`."""
        labels, distances = np.empty(len(rows), np.int32), np.empty(len(rows))
        for block in _blocks(len(rows), _rows_at_once(len(points.values))):
            labels[block] = nearest(rows[block], points.values)
            distances[block] = paired_squared_distances(rows[block], points.values[labels[block]])
        return labels, distances

    def draw(
        self, values: np.ndarray, weights: np.ndarray | None, fractions: np.ndarray
    ) -> tuple[float, np.ndarray]:
        """See `Kernels`."""
        chances = values * _weights(weights, slice(0, len(values)))
        cumulative = np.cumsum(chances, dtype=np.float64)
        found = np.searchsorted(cumulative, fractions * cumulative[-1], side='right')
        last = np.flatnonzero(chances)[-1:]  # for fractions that are rounded up to the total
        return float(cumulative[-1]), np.minimum(found, last) if last.size else found

    def closest(
        self,
        rows: np.ndarray,
        weights: np.ndarray | None,
        points: np.ndarray,
        closest: np.ndarray,
        found: np.ndarray,
    ) -> np.ndarray:
        """See `Kernels`."""
        norms = squared_norms(rows)
        for block in _blocks(len(rows), _BLOCK):
            distances = squared_distances_to(rows[block], norms[block], points).T
            found[:, block] = np.minimum(distances, closest[block])
        totals: np.ndarray = (found * _weights(weights, slice(0, len(rows)))).sum(axis=1)
        return totals

    def fold(
        self, rows: np.ndarray, points: Points, number: int, closest: np.ndarray,
        nearest: np.ndarray,
    ) -> None:  # fmt: skip
        """See `Kernels`."""
        winner, distances = self.nearest(rows, points)
        closer = distances.astype(np.float32) < closest
        closest[closer] = distances[closer]
        nearest[closer] = number + winner[closer]

    def two_nearest(
        self, rows: np.ndarray, index: np.ndarray, points: Points, neighbours: Neighbours
    ) -> None:
        """See `Kernels`."""
        count = len(points.values)
        for block in _blocks(len(index), _rows_at_once(count)):
            at = index[block]
            scores = points.half_norms - rows[at] @ points.values.T
            for which, distance in (neighbours[::2], neighbours[1::2]):
                winner = scores.argmin(axis=1)
                scores[np.arange(len(at)), winner] = np.inf
                which[at] = winner
                distance[at] = paired_squared_distances(rows[at], points.values[winner])
        if count == 1:
            neighbours.second[index], neighbours.next[index] = -1, np.inf

    def replacement(  # noqa: PLR0917
        self,
        rows: np.ndarray,
        weights: np.ndarray | None,
        point: np.ndarray,
        neighbours: Neighbours,
        distances: np.ndarray,
        losses: np.ndarray,
    ) -> float:
        """See `Kernels`."""
        weight = _weights(weights, slice(0, len(rows)))
        distances[...] = paired_squared_distances(rows, point)
        kept = np.minimum(neighbours.closest, distances)
        without_nearest = np.minimum(neighbours.next, distances)
        losses += np.bincount(neighbours.nearest, weight * (without_nearest - kept), len(losses))
        return float((weight * kept).sum())

    def exchange(self, replaced: int, distances: np.ndarray, neighbours: Neighbours) -> np.ndarray:
        """See `Kernels`."""
        nearest, second, closest, following = neighbours
        affected = (nearest == replaced) | (second == replaced)
        closer = ~affected & (distances < closest)
        between = ~affected & ~closer & (distances < following)
        second[closer], following[closer] = nearest[closer], closest[closer]
        nearest[closer], closest[closer] = replaced, distances[closer]
        second[between], following[between] = replaced, distances[between]
        return np.flatnonzero(affected).astype(np.int32)


def _weights(weights: np.ndarray | None, block: slice) -> np.ndarray:
    return np.ones(block.stop - block.start) if weights is None else weights[block]


def _rows_at_once(num_points: int) -> int:
    return max(256, min(8192, _SCORES_AT_ONCE // num_points))


def _blocks(num_rows: int, size: int) -> list[slice]:
    return [slice(start, min(start + size, num_rows)) for start in range(0, num_rows, size)]
