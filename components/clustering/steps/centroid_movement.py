"""How far centroids move from pass to pass, and with which of them every row is compared."""

from __future__ import annotations

import numpy as np

from tfx_kmeans.clustering.distances import squared_norms
from tfx_kmeans.clustering.kernels.interface import Bounds, Movement, Points

_SHARES = (0, 1 / 32, 1 / 16, 1 / 8, 3 / 16, 1 / 4, 3 / 8, 1 / 2)
_SAMPLE = 2048  # rows from which the fast centroids are chosen
# Costs of a pass other than multiplications, in units of one multiplication.
_PER_SCORE, _PER_OPEN_ROW, _PER_FAST_ROW, _PER_BOUND = 8, 300, 150, 100


class RowBounds:
    """Bounds of all rows (Hamerly 2010), and the movements that they have to be read with.

    The lower bound of the distances to all other centroids has to be reduced by the largest step of
    any of them, and in most passes a few centroids take far larger steps than the rest. So all rows
    are compared with these fast centroids, and the bound is reduced by the largest step of the
    slow ones.
    """

    def __init__(self, num_rows: int) -> None:
        self.values = Bounds(np.zeros(num_rows, np.float32), np.zeros(num_rows, np.float32))
        self._before: np.ndarray | None = None

    def movement_to(self, centroids: np.ndarray, labels: np.ndarray) -> Movement:
        """The movement from the centroids of the last call to these, float32 [k, d].

        Args:
          centroids: Centroids of the next pass.
          labels: Labels of the pass before, int32 [n].
        """
        before, self._before = self._before, centroids.astype(np.float64)
        if before is None:
            return _everywhere()
        steps = np.sqrt(squared_norms(self._before - before)) * (1 + 1e-6)
        fast = self._fast(steps, labels, centroids.shape[1])
        if fast is None:
            return _everywhere()
        slow = steps.copy()
        slow[fast] = 0
        return Movement(
            Points.of(centroids[fast]) if fast.size else None,
            fast.astype(np.int32),
            np.nextafter(_largest_of_others(slow).astype(np.float32), np.float32(np.inf)),
        )

    def _fast(self, steps: np.ndarray, labels: np.ndarray, width: int) -> np.ndarray | None:
        sample = slice(None, None, max(1, len(labels) // _SAMPLE))
        slack = self.values.lower[sample] - self.values.upper[sample] - steps[labels[sample]]
        return fast_centroids(slack, steps, width)


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
    full_row = k * (width + _PER_SCORE)
    best, lowest_cost = None, float(full_row)
    for count in sorted({round(share * k) for share in _SHARES}):
        open_share = np.count_nonzero(slack <= steps[order[count]]) / len(slack)
        cost = open_share * (full_row + _PER_OPEN_ROW) + _PER_BOUND
        if count:
            cost += count * (width + _PER_SCORE) + _PER_FAST_ROW
        if cost < lowest_cost:
            best, lowest_cost = order[:count], cost
    return best


def _everywhere() -> Movement:
    return Movement(None, np.empty(0, np.int32), None)


def _largest_of_others(values: np.ndarray) -> np.ndarray:
    """The largest of all other values, for each of the values; 0 if there is only one."""
    if len(values) == 1:
        return np.zeros(1)
    first, second = np.argsort(-values, kind='stable')[:2]
    largest = np.full(len(values), values[first])
    largest[first] = values[second]
    return largest
