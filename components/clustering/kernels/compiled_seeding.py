"""Compiled distances of rows to the points that a seeding considers."""

from __future__ import annotations

import numpy as np

from tfx_kmeans.clustering.kernels.compilation import compiled
from tfx_kmeans.clustering.kernels.compiled import dot, squared_distance, two_least

_CANCELLED = np.float32(1e-4)  # share of the squared norms; differences are used below it
_SCORES_AT_ONCE = 1 << 18
_SUBTRACT = np.float32(-1)


@compiled()
def fill_closest(
    rows: np.ndarray, points: np.ndarray, closest: np.ndarray, found: np.ndarray
) -> None:
    """Writes min(closest, |x - p|^2) for rows [b, d] and points [m, d] to found float32 [m, b]."""
    for i in range(rows.shape[0]):
        for c in range(points.shape[0]):
            found[c, i] = min(squared_distance(rows[i], points[c]), closest[i])


@compiled()
def fold_nearest(
    rows: np.ndarray, points: np.ndarray, first: int, closest: np.ndarray, nearest: np.ndarray
) -> None:
    """Takes points [m, d] into account in the nearest point of each row [b, d].

    Where a point is nearer than closest float32 [b], its squared distance replaces closest, and
    first + its index replaces nearest int32 [b].
    """
    count = points.shape[0]
    block = max(16, min(512, _SCORES_AT_ONCE // count))
    half_norms = np.empty(count, np.float32)
    for c in range(count):
        half_norms[c] = dot(points[c], points[c]) / 2
    scores = np.empty(count * block, np.float32)
    least, second = np.empty(block, np.float32), np.empty(block, np.float32)
    arg = np.empty(block, np.int32)
    for start in range(0, rows.shape[0], block):
        x = rows[start : start + block]
        b = x.shape[0]
        part = scores[: count * b].reshape((count, b))
        np.dot(points, x.T, part)
        two_least(part, half_norms, _SUBTRACT, 0, least[:b], second[:b], arg[:b])
        for i in range(b):
            norm = dot(x[i], x[i])
            distance = norm + 2 * least[i]
            if distance < _CANCELLED * (norm + 2 * half_norms[arg[i]]):
                distance = squared_distance(x[i], points[arg[i]])
            if distance < closest[start + i]:
                closest[start + i] = distance
                nearest[start + i] = first + arg[i]
