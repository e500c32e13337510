"""Which centroids took such large steps that it pays to compare every row with them."""

from __future__ import annotations

import numpy as np

_SHARES = (0, 1 / 32, 1 / 16, 1 / 8, 3 / 16, 1 / 4, 3 / 8, 1 / 2)
# What a pass costs beyond its products, in products of one row and one column of a centroid.
_A_SCORE = 16
_A_FULL_ROW = 400
_A_GATHERED_ROW, _A_GATHERED_VALUE = 150, 4
_A_FAST_ROW = 250
_A_BOUND = 250


def fast_centroids(slack: np.ndarray, steps: np.ndarray, width: int) -> np.ndarray | None:
    """Chooses the fastest centroids, as many as make the pass over all rows the cheapest.

    Args:
      slack: [m], of some rows: how far the others are farther than the own centroid at least,
        before the others' last step.
      steps: float64 [k], the length of the centroids' last steps.
      width: d.

    Returns:
      int64, indices of centroids; None where it is cheapest to ask no bounds at all.
    """
    k = len(steps)
    order = np.argsort(-steps, kind='stable')
    full_row = k * (width + _A_SCORE) + _A_FULL_ROW
    open_row = full_row + _A_GATHERED_ROW + _A_GATHERED_VALUE * width
    best, least = None, float(full_row)
    for count in sorted({round(share * k) for share in _SHARES}):
        open_share = np.count_nonzero(slack <= steps[order[count]]) / len(slack)
        cost = open_share * open_row + _A_BOUND
        if count:
            cost += count * (width + _A_SCORE) + _A_FAST_ROW
        if cost < least:
            best, least = order[:count], cost
    return best
