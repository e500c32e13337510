"""Assigns new feature-space rows to the centroids of a finished clustering, in NumPy."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from tfx_kmeans.clustering.distances import (
    nearest,
    paired_squared_distances,
    squared_distances_to,
    squared_norms,
)
from tfx_kmeans.clustering.frame import Frame
from tfx_kmeans.errors import DataError

_PAIRS_AT_ONCE = 1 << 20


@dataclasses.dataclass(frozen=True)
class Assigner:
    """Centroids and the frame in which distances to them are computed.

    Attributes:
      centroids: Centroids in feature space, float32 [k, d].
      frame: Frame in which the centroids were found.
      given_points: Centroids in the frame, float32 [k, d]; None to derive them from `centroids`.
    """

    centroids: np.ndarray
    frame: Frame
    given_points: np.ndarray | None = None

    @property
    def points(self) -> np.ndarray:
        """Centroids in the frame, float32 [k, d]."""
        return self.frame.enter(self.centroids) if self.given_points is None else self.given_points

    def less(self, offset: np.ndarray) -> Assigner:
        """The assigner of rows from which offset float64 [d] has been subtracted."""
        frame = Frame(self.frame.metric, self.frame.shift - offset)
        return Assigner(frame.leave(self.points), frame, self.points)

    def assign(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The nearest centroid of each row, and the distance to it.

        Args:
          rows: Rows in feature space [n, d]: float32, or float64 and int64, which are rounded only
            after the shift has been subtracted.

        Returns:
          The indices of the centroids, int64 [n]; ties go to the lowest index. The distances,
          float64 [n], computed from the differences between row and centroid.

        Raises:
          DataError: If the rows do not have the width of the centroids, if there are rows of zeros
            under cosine, or if values are so large that squared distances overflow.
        """
        self._refuse_unusable(rows)
        centroids = self.points
        labels = np.empty(len(rows), np.int64)
        distances = np.empty(len(rows))
        for block in self.blocks(len(rows)):
            placed = self.frame.enter(rows[block])
            labels[block] = nearest(placed, centroids)
            distances[block] = paired_squared_distances(placed, centroids[labels[block]])
        return labels, self.frame.scale * distances

    def all_distances(self, rows: np.ndarray) -> np.ndarray:
        """The distance of each row to every centroid, float64 [n, k].

        Raises the same errors as `assign`.
        """
        self._refuse_unusable(rows)
        distances = np.empty((len(rows), len(self.centroids)))
        for block in self.blocks(len(rows)):
            distances[block] = self.distances_of_placed(self.frame.enter(rows[block]))
        return distances

    def placed(self, rows: np.ndarray) -> np.ndarray:
        """Rows mapped to the frame, as a new array, float32 [n, d].

        Raises the same errors as `assign`.
        """
        self._refuse_unusable(rows)
        return self.frame.enter(rows)

    def _refuse_unusable(self, rows: np.ndarray) -> None:
        width = self.centroids.shape[1]
        if rows.ndim != 2 or rows.shape[1] != width:
            raise DataError(
                f'rows must have the shape [n, {width}], one value for each column of the '
                f'centroids; got {list(rows.shape)}.'
            )
        if len(rows):
            self.frame.refuse_unusable(rows)

    def distances_of_placed(self, placed: np.ndarray) -> np.ndarray:
        """Does what `all_distances` does, for rows that are in the frame already."""
        points = placed.astype(np.float64)
        centroids = self.points.astype(np.float64)
        return self.frame.scale * squared_distances_to(points, squared_norms(points), centroids)

    def blocks(self, num_rows: int) -> Iterator[slice]:
        """Slices of rows, so small that their distances to all centroids take a few megabytes."""
        size = max(16, _PAIRS_AT_ONCE // len(self.centroids))
        for start in range(0, num_rows, size):
            yield slice(start, min(start + size, num_rows))
