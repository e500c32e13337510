"""Whether rounding rows to float32 has changed a clustering.

Rows are rounded after a shift, so that values near the bulk of the rows keep their digits. Groups
of rows that are far from each other and tight at the same time can still lose what sets their rows
apart: 1000000000, 1000000001 and 1000000002 beside 0, 1 and 2 become the same number.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tfx_kmeans.errors import DataError

_UNIT_ROUNDOFF = 2.0**-24
_NEGLIGIBLE = 1e-6  # of the inertia, as a bound that is quick to compute
_TOLERATED = 1e-3  # of the inertia


class RoundingTally:
    """Sums of rounding errors by cluster and column, over blocks of rows in any order."""

    def __init__(self, shift: np.ndarray, num_clusters: int) -> None:
        """Starts with no rows.

        Args:
          shift: Vector that was subtracted before the rows were rounded, float64 [d].
          num_clusters: Number of clusters, k.
        """
        self._shift = shift
        self._weights = np.zeros(num_clusters)
        self._sums = np.zeros((num_clusters, len(shift)))
        self._squares = np.zeros((num_clusters, len(shift)))
        self._count = np.zeros(len(shift), np.int64)
        self._example: list[tuple[float, float] | None] = [None] * len(shift)

    def add(self, exact: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> None:
        """Adds rows minus the shift float64 [n, d], their clusters int [n], weights float64 [n]."""
        error: np.ndarray = exact - exact.astype(np.float32)
        np.add.at(self._weights, labels, weights)
        np.add.at(self._sums, labels, error * weights[:, np.newaxis])
        np.add.at(self._squares, labels, np.square(error) * weights[:, np.newaxis])
        self._count += np.count_nonzero(error, axis=0)
        for column in np.flatnonzero(error.any(axis=0)):
            if self._example[column] is None:
                value = exact[np.abs(error[:, column]).argmax(), column]
                self._example[column] = (float(value), float(value.astype(np.float32)))

    def refuse_loss(self, inertia: float, column_names: Sequence[str]) -> None:
        """Raises DataError if rounding differs within clusters by as much as their rows do.

        Args:
          inertia: Inertia of the rounded rows.
          column_names: Name of each column.
        """
        weights = np.where(self._weights > 0, self._weights, 1.0)[:, np.newaxis]
        within = (self._squares - np.square(self._sums) / weights).sum(axis=0)
        if within.sum() <= _TOLERATED * (inertia + within.sum()):
            return
        column = int(within.argmax())
        value, rounded = (one + self._shift[column] for one in self._example[column] or (0.0, 0.0))
        raise DataError(
            f'Column {column_names[column]!r} has values that are too far apart for float32: '
            f'{self._count[column]} of them are rounded, for example {value:.17g} to '
            f'{rounded:.17g}, by as much as rows differ within clusters. Cluster the distant '
            'groups separately, or replace values that stand for missing ones.'
        )


def largest_values(rows: np.ndarray) -> np.ndarray:
    """The largest magnitude in each column of rows [n, d]."""
    largest: np.ndarray = np.maximum(rows.max(axis=0), -rows.min(axis=0))
    return largest


def may_be_lost(largest: np.ndarray, total_weight: float, inertia: float) -> bool:
    """Whether rounding may matter for rows with such largest residuals of each column [d]."""
    bound = float(np.square(largest.astype(np.float64) * _UNIT_ROUNDOFF).sum())
    return total_weight * bound > _NEGLIGIBLE * inertia
