"""What kernels compute, and the arrays that they take."""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol

import numpy as np

from tfx_kmeans.clustering.distances import squared_norms

_FAR = 8
_ABOVE = 1 + 2.0**-22  # more than a rounding to float32


class Points(NamedTuple):
    """Points that rows are compared with.

    Attributes:
      values: The points, float32 [m, d], contiguous.
      half_norms: Half of their squared norms, float32 [m].
      longest: Upper bound of their norms.
      usual: Upper bound of the norms of all points but those far from the origin.
      beyond: Lower bound of the norms of these; inf if there are none.
    """

    values: np.ndarray
    half_norms: np.ndarray
    longest: float
    usual: float
    beyond: float

    @classmethod
    def of(cls, values: np.ndarray) -> Points:
        """Computes the norms of points float32 [m, d].

        Points are far from the origin if they are eight times as far as the median, and the
        farthest one is four times as far as the mean.
        """
        half_norms = squared_norms(values) / 2
        norms = np.sqrt(2 * half_norms)
        longest = usual = float(norms.max())
        beyond = math.inf
        if longest * len(norms) > _FAR / 2 * float(norms.sum()):  # a median takes longer
            far = norms > _FAR * np.median(norms)
            usual = float(norms[~far].max(initial=0.0))
            beyond = float(norms[far].min(initial=math.inf))
        return cls(
            np.ascontiguousarray(values),
            half_norms.astype(np.float32),
            longest * _ABOVE,
            usual * _ABOVE,
            beyond / _ABOVE,
        )


class Totals(NamedTuple):
    """Sums over rows by cluster, float64: of weight times row [k, d], weight [k], inertia [k].

    The inertia is the sum of weight times squared distance to the centroid.
    """

    sums: np.ndarray
    weights: np.ndarray
    inertia: np.ndarray


class Neighbours(NamedTuple):
    """The two nearest of several points for each row.

    Attributes:
      nearest: Index of the nearest point, int32 [n].
      second: Index of the second nearest point, int32 [n]; -1 if there is only one.
      closest: Squared distance to the nearest point, float32 [n].
      next: Squared distance to the second nearest point, float32 [n]; inf if there is only one.
    """

    nearest: np.ndarray
    second: np.ndarray
    closest: np.ndarray
    next: np.ndarray

    def part(self, segment: slice) -> Neighbours:
        """Views of the entries of some rows."""
        return Neighbours(*(array[segment] for array in self))


class Movement(NamedTuple):
    """How far centroids have moved since the pass before.

    Attributes:
      fast: Centroids that moved far, with which every row is compared; None if there are none.
      numbers: Their indices among all centroids, int32.
      slow: Largest step of any other centroid that is not fast, rounded up, for the rows of each
        cluster, float32 [k]; None to compare all rows with all centroids.
    """

    fast: Points | None
    numbers: np.ndarray
    slow: np.ndarray | None


class Bounds(NamedTuple):
    """Bounds of the distances of each row.

    Attributes:
      lower: Lower bound of the distance to all centroids but the row's own, float32 [n].
      upper: Upper bound of the distance to its own centroid, float32 [n].
    """

    lower: np.ndarray
    upper: np.ndarray

    def part(self, segment: slice) -> Bounds:
        """Views of the bounds of some rows."""
        return Bounds(self.lower[segment], self.upper[segment])


class Kernels(Protocol):
    """Passes over rows float32 [n, d], contiguous, with weights float64 [n] or None for 1 each.

    Distances are squared Euclidean distances. Every pass runs in the calling thread, and compiled
    ones without the GIL. The nearest point is that of `distances.nearest`.
    """

    @property
    def name(self) -> str:
        """The instruction set, or 'numpy'."""

    def column_sums(self, rows: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
        """The sum of weight times row, float64 [d]."""

    def subtract(self, rows: np.ndarray, shift: np.ndarray) -> float:
        """Subtracts shift float32 [d] from finite rows in place; returns the largest |value|."""

    def assign(
        self,
        rows: np.ndarray,
        weights: np.ndarray | None,
        points: Points,
        labels: np.ndarray,
        totals: Totals,
    ) -> int:
        """Assigns each row to its nearest point, and adds it to the totals, in row order.

        Args:
          rows: Rows.
          weights: Their weights.
          points: Centroids, k of them.
          labels: Indices of the nearest centroids, int32 [n], overwritten.
          totals: Totals that the rows are added to.

        Returns:
          The number of rows whose label has changed.
        """

    def assign_bounded(  # noqa: PLR0917
        self,
        rows: np.ndarray,
        weights: np.ndarray | None,
        points: Points,
        labels: np.ndarray,
        totals: Totals,
        movement: Movement,
        bounds: Bounds,
    ) -> int:
        """Does what `assign` does, with the same bits, and skips rows whose label cannot change.

        Args:
          rows: Rows.
          weights: Their weights.
          points: Centroids.
          labels: Labels of the pass before, overwritten; ignored if `movement.slow` is None.
          totals: Totals that the rows are added to.
          movement: How far the centroids have moved since the pass before.
          bounds: Bounds that the pass before has left, overwritten.

        Returns:
          The number of rows whose label has changed.
        """

    def nearest(self, rows: np.ndarray, points: Points) -> tuple[np.ndarray, np.ndarray]:
        """The nearest point of each row, int32 [n], and the distance to it, float64 [n]."""

    def draw(
        self, values: np.ndarray, weights: np.ndarray | None, fractions: np.ndarray
    ) -> tuple[float, np.ndarray]:
        """Draws rows with probability proportional to weight times value.

        Args:
          values: Values, not negative, float32 [n].
          weights: Weights of the rows.
          fractions: Random numbers in [0, 1), float64 [m].

        Returns:
          The sum of weight times value, and the indices of the drawn rows, int64 [m], which are
          meaningless if the sum is 0.
        """

    def closest(
        self,
        rows: np.ndarray,
        weights: np.ndarray | None,
        points: np.ndarray,
        closest: np.ndarray,
        found: np.ndarray,
    ) -> np.ndarray:
        """Writes min(closest, distance) of points [m, d] to found; returns its sums by weight.

        Args:
          rows: Rows.
          weights: Their weights.
          points: Points, float32 [m, d].
          closest: Distance to the points before these, float32 [n].
          found: Result, float32 [m, n], overwritten; each of its rows is contiguous.

        Returns:
          The sums of weight times result, float64 [m].
        """

    def fold(
        self, rows: np.ndarray, points: Points, number: int, closest: np.ndarray,
        nearest: np.ndarray,
    ) -> None:  # fmt: skip
        """Takes points into account in the nearest point of each row.

        If a point is nearer than closest float32 [n], its distance replaces closest, and number +
        its index replaces nearest int32 [n].
        """

    def two_nearest(
        self, rows: np.ndarray, index: np.ndarray, points: Points, neighbours: Neighbours
    ) -> None:
        """Finds the two nearest points of the rows that index int32 [m] lists.

        Near ties are decided by float32 scores. Overwrites the entries of these rows.
        """

    def replacement(  # noqa: PLR0917
        self,
        rows: np.ndarray,
        weights: np.ndarray | None,
        point: np.ndarray,
        neighbours: Neighbours,
        distances: np.ndarray,
        losses: np.ndarray,
    ) -> float:
        """What the inertia becomes if a point replaces one of the centroids.

        Args:
          rows: Rows.
          weights: Their weights.
          point: The new point, float32 [d].
          neighbours: The two nearest centroids of each row.
          distances: Distance of each row to the new point, float32 [n], overwritten.
          losses: By how much the inertia rises if a centroid is lost, float64 [k]; added to.

        Returns:
          The inertia if the point is added and no centroid is lost.
        """

    def exchange(self, replaced: int, distances: np.ndarray, neighbours: Neighbours) -> np.ndarray:
        """Updates neighbours after centroid `replaced` has become a point at these distances.

        Returns:
          Indices of the rows that lost one of their two nearest, int32; `two_nearest` must find
          them again.
        """
