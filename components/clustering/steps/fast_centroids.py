"""Chooses the centroids that moved so far that it pays to compare every row with them."""

from __future__ import annotations

import numpy as np

_SHARES = (0, 1 / 32, 1 / 16, 1 / 8, 3 / 16, 1 / 4, 3 / 8, 1 / 2)
# Costs of a pass other than multiplications, in units of one multiplication.
_PER_SCORE = 16
_PER_FULL_ROW = 400
_PER_GATHERED_ROW, _PER_GATHERED_VALUE = 150, 4
_PER_FAST_ROW = 250
_PER_BOUND = 250


def fast_centroids(slack: np.ndarray, steps: np.ndarray, width: int) -> np.ndarray | None:
    """Chooses as many of the fastest centroids as make a pass over all rows cheapest.

    Args:
      slack: Lower bounds, for a sample of m rows, of the distance to the nearest other centroid
        minus the distance to the own one, before the last steps of the others; [m].
      steps: Lengths of the centroids' last steps, float64 [k].
      width: Number of columns, d.

    Returns:
      Indices of the chosen centroids, int64; None if a pass without bounds is cheapest.
    """
    k = len(steps)
    order = np.argsort(-steps, kind='stable')
    full_row = k * (width + _PER_SCORE) + _PER_FULL_ROW
    open_row = full_row + _PER_GATHERED_ROW + _PER_GATHERED_VALUE * width
    best, lowest_cost = None, float(full_row)
    for count in sorted({round(share * k) for share in _SHARES}):
        open_share = np.count_nonzero(slack <= steps[order[count]]) / len(slack)
        cost = open_share * open_row + _PER_BOUND
        if count:
            cost += count * (width + _PER_SCORE) + _PER_FAST_ROW
        if cost < lowest_cost:
            best, lowest_cost = order[:count], cost
    return best
