"""Nearest centroids: by one float32 matmul, made exact where rounding could decide.

The squared distance |x - c|^2 = |x|^2 - 2 (x.c - |c|^2 / 2), so the nearest centroid has the least
|c|^2 / 2 - x.c. Centroids closer to the best than the rounding error of that expression (the
standard bound for a dot product of length d, Higham 2002, section 3.1) are compared again, in
float64, from the differences themselves; what float64 cannot tell apart is a tie, and goes to the
lowest index. Hence an assignment depends on its row and the centroids alone: not on block size,
threads or the BLAS that is used.
"""

from __future__ import annotations

import numpy as np

_UNIT_ROUNDOFF = float(np.finfo(np.float32).eps) / 2
_PAIRS_AT_ONCE = 1 << 20


def squared_norms(rows: np.ndarray) -> np.ndarray:
    """|x|^2 of each row of [n, d], float64 [n]."""
    return np.einsum('ij,ij->i', rows, rows, dtype=np.float64)


def paired_squared_distances(rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    """|x - y|^2 row by row for two arrays [n, d], float64 [n], from the differences themselves."""
    difference = rows.astype(np.float64) - others
    return np.einsum('ij,ij->i', difference, difference)


def tie_factor(width: int) -> float:
    """Squared distances that differ by less than this factor are equal but for rounding."""
    return 1 + (width + 2) * float(np.finfo(np.float64).eps)


def nearest(rows: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    """The index of the nearest centroid for each row; ties go to the lowest index.

    Args:
      rows: float32 [n, d].
      centroids: float32 [k, d].

    Returns:
      int64 [n].
    """
    half_norms = squared_norms(centroids) / 2
    scores = rows @ centroids.T
    np.subtract(half_norms.astype(np.float32), scores, out=scores)
    labels = scores.argmin(axis=1)
    best = np.take_along_axis(scores, labels[:, np.newaxis], axis=1)[:, 0]
    reach = best + 2 * _score_error(rows, half_norms)
    contested = np.flatnonzero(np.count_nonzero(scores <= reach[:, np.newaxis], axis=1) > 1)
    if contested.size:
        candidates = scores[contested] <= reach[contested, np.newaxis]
        labels[contested] = _exactly_nearest(rows[contested], centroids, candidates)
    return labels


def _score_error(rows: np.ndarray, half_norms: np.ndarray) -> np.ndarray:
    """An upper bound of a score's rounding error, float32 [n]: (d + 3) u (|x| |c| + |c|^2 / 2)."""
    longest = float(np.sqrt(2 * half_norms.max()))
    error = np.sqrt(np.einsum('ij,ij->i', rows, rows)) * np.float32(1.01 * longest)
    error += np.float32(half_norms.max())
    error *= np.float32((rows.shape[1] + 3) * _UNIT_ROUNDOFF)
    return error


def _exactly_nearest(rows: np.ndarray, centroids: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """The nearest among each row's candidate centroids (bool [n, k]), by float64 differences."""
    row_index, cluster = np.nonzero(candidates)
    distances = np.concatenate(
        [
            paired_squared_distances(rows[row_index[part]], centroids[cluster[part]])
            for part in _parts(len(row_index), max(1, _PAIRS_AT_ONCE // rows.shape[1]))
        ]
    )
    starts = np.searchsorted(row_index, np.arange(len(rows)))
    least = np.minimum.reduceat(distances, starts)
    winners = np.flatnonzero(distances <= tie_factor(rows.shape[1]) * least[row_index])
    first = np.searchsorted(row_index[winners], np.arange(len(rows)))
    return cluster[winners[first]]


def _parts(length: int, size: int) -> list[slice]:
    return [slice(start, start + size) for start in range(0, length, size)]


def squared_distances_to(rows: np.ndarray, row_norms: np.ndarray, points: np.ndarray) -> np.ndarray:
    """|x - p|^2 of rows [n, d] to a few points [m, d], float64 [n, m], never negative.

    By norms (float64 [n], of the rows) and a matmul; those that cancellation would leave with
    few digits are computed again from the differences, so that a row's distance to itself is 0.
    """
    point_norms = squared_norms(points)
    magnitude = row_norms[:, np.newaxis] + point_norms
    distances = magnitude - 2.0 * (rows @ points.T)
    row_index, point_index = np.nonzero(distances < 1e-4 * magnitude)
    if row_index.size:
        distances[row_index, point_index] = paired_squared_distances(
            rows[row_index], points[point_index]
        )
    return distances
