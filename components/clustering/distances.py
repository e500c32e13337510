"""Squared distances, and nearest centroids that do not depend on how a matmul rounds.

Since |x - c|^2 = |x|^2 - 2 (x.c - |c|^2 / 2), the nearest centroid has the smallest score
|c|^2 / 2 - x.c. All scores are computed by one float32 matmul. Centroids whose score is closer to
the best one than the rounding error (the standard bound for a dot product of length d, Higham 2002,
section 3.1) are compared again in float64, by distances computed from the differences. Distances
that float64 cannot distinguish are a tie, and the lowest index wins. Hence the assignment of a row
depends on that row and the centroids alone, and not on block size, threads or the BLAS library.
"""

from __future__ import annotations

import numpy as np

_UNIT_ROUNDOFF = float(np.finfo(np.float32).eps) / 2
_PAIRS_AT_ONCE = 1 << 20


def squared_norms(rows: np.ndarray) -> np.ndarray:
    """|x|^2 of each row of [n, d], float64 [n]."""
    return np.einsum('ij,ij->i', rows, rows, dtype=np.float64)


def paired_squared_distances(rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    """|x - y|^2 row by row for two arrays [n, d], computed from the differences, float64 [n]."""
    difference = rows.astype(np.float64) - others
    return np.einsum('ij,ij->i', difference, difference)


def tie_factor(width: int) -> float:
    """Factor within which two squared distances of rows [d] may differ by rounding alone."""
    return 1 + (width + 2) * float(np.finfo(np.float64).eps)


def nearest(rows: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    """The index of the nearest centroid of each row, int64 [n]; ties go to the lowest index.

    Args:
      rows: Rows, float32 [n, d].
      centroids: Centroids, float32 [k, d].
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
    """Upper bound of the rounding error of scores, float32 [n]: (d + 3) u (|x| |c| + |c|^2 / 2)."""
    longest = float(np.sqrt(2 * half_norms.max()))
    error = np.sqrt(np.einsum('ij,ij->i', rows, rows)) * np.float32(1.01 * longest)
    error += np.float32(half_norms.max())
    error *= np.float32((rows.shape[1] + 3) * _UNIT_ROUNDOFF)
    error += np.float32((rows.shape[1] + 3) * np.finfo(np.float32).tiny)  # for underflow
    return error


def _exactly_nearest(rows: np.ndarray, centroids: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """The nearest of each row's candidate centroids (bool [n, k]), from differences in float64."""
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

    Computed from the rows' squared norms (float64 [n]) and a matmul. Distances that lose most of
    their digits to cancellation are computed again from the differences, so that the distance of a
    row to itself is 0.
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
