"""Feature-space rows to centroids, in NumPy: what a fitted clustering says of new rows."""

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

_PAIRS_AT_ONCE = 1 << 20


@dataclasses.dataclass(frozen=True)
class Assigner:
    """Centroids and the frame in which distances to them are computed.

    Attributes:
      centroids: float32 [k, d], in feature space.
      frame: the one that they were found in.
    """

    centroids: np.ndarray
    frame: Frame

    def assign(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The nearest centroid of each row, and the distance to it.

        Args:
          rows: float32 [n, d], in feature space.

        Returns:
          int64 [n], ties to the lowest index; float64 [n], computed from row and centroid.

        Raises:
          ValueError: for rows of another width, zero rows under cosine, or values so large that
            squared distances overflow.
        """
        self._refuse_unusable(rows)
        centroids = self.frame.enter(self.centroids)
        labels = np.empty(len(rows), np.int64)
        distances = np.empty(len(rows))
        for block in self.blocks(len(rows)):
            placed = self.frame.enter(rows[block])
            labels[block] = nearest(placed, centroids)
            distances[block] = paired_squared_distances(placed, centroids[labels[block]])
        return labels, self.frame.scale * distances

    def all_distances(self, rows: np.ndarray) -> np.ndarray:
        """The distance of each row to every centroid, float64 [n, k]; raises as `assign` does."""
        self._refuse_unusable(rows)
        distances = np.empty((len(rows), len(self.centroids)))
        for block in self.blocks(len(rows)):
            distances[block] = self.distances_of_placed(self.frame.enter(rows[block]))
        return distances

    def placed(self, rows: np.ndarray) -> np.ndarray:
        """Rows in the frame, float32 [n, d], in a new array; raises as `assign` does."""
        self._refuse_unusable(rows)
        return self.frame.enter(rows)

    def _refuse_unusable(self, rows: np.ndarray) -> None:
        width = self.centroids.shape[1]
        if rows.ndim != 2 or rows.shape[1] != width:
            raise ValueError(
                f'rows must have the shape [n, {width}], one value for each column of the '
                f'centroids; got {list(rows.shape)}.'
            )
        if len(rows):
            self.frame.refuse_unusable(rows)

    def distances_of_placed(self, placed: np.ndarray) -> np.ndarray:
        """`all_distances` of rows that are in the frame already."""
        points = placed.astype(np.float64)
        centroids = self.frame.enter(self.centroids).astype(np.float64)
        return self.frame.scale * squared_distances_to(points, squared_norms(points), centroids)

    def blocks(self, num_rows: int) -> Iterator[slice]:
        """Slices of rows whose distances to all centroids take a few megabytes."""
        size = max(16, _PAIRS_AT_ONCE // len(self.centroids))
        for start in range(0, num_rows, size):
            yield slice(start, min(start + size, num_rows))
