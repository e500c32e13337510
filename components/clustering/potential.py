"""Each row's squared distance to the nearest of the points that seeding has chosen so far."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from tfx_kmeans.clustering.compilation import compiling_pays
from tfx_kmeans.clustering.distances import squared_distances_to, squared_norms
from tfx_kmeans.clustering.segments import segments_of
from tfx_kmeans.clustering.weighted_rows import WeightedRows

_BLOCK = 8192

_MOST_SEGMENTS = 16
_LEAST_VALUES = 1 << 18  # of a segment: a millisecond's work at the most

T = TypeVar('T')


class Potential:
    """Weighted squared distances of rows to the nearest chosen point, and draws by them.

    Attributes:
      closest: float32 [n], of squared distances; inf before the first point.
      nearest: int32 [n], which point that is, counted over all calls of `add`; -1 before.
    """

    def __init__(
        self,
        rows: WeightedRows,
        num_clusters: int,
        threads: ThreadPoolExecutor,
    ) -> None:
        """Args:
        rows: from which points are chosen.
        num_clusters: how many points are to be chosen in the end.
        threads: where segments of rows run.
        """
        self.closest = np.full(len(rows), np.inf, np.float32)
        self.nearest = np.full(len(rows), -1, np.int32)
        self._points = 0
        self._rows = rows
        self._threads = threads
        self._segments = segments_of(len(rows), most=_segments_worth(len(rows) * rows.width))
        self._compiled = compiling_pays(len(rows), num_clusters, rows.width)

    def total(self) -> float:
        """The sum of weight times squared distance."""
        return float(self._by_segment(self.chances_in).sum())

    def chances_in(self, segment: slice) -> np.ndarray:
        """Weight times squared distance of some rows, float64."""
        return self.closest[segment] * self._rows.weights_in(segment)

    def draw(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Indices of rows, each with a chance in proportion to weight times squared distance.

        By weight alone where no point is chosen yet, or no row is left at a distance.
        """
        chances_in = self.chances_in if self._points else self._rows.weights_in
        sums = self._by_segment(chances_in)
        if not sums.any():
            chances_in = self._rows.weights_in
            sums = self._by_segment(chances_in)
        return drawn_rows(count, chances_in, self._segments, sums, rng)

    def add(self, points: np.ndarray) -> None:
        """Chooses points [m, d]: updates `closest` and `nearest`."""
        fold = _fold_nearest if not self._compiled else _compiled_fold()

        def work(segment: slice) -> None:
            closest, nearest = self.closest[segment], self.nearest[segment]
            fold(self._rows.values[segment], points, self._points, closest, nearest)

        self._run(work)
        self._points += len(points)

    def add_best(self, points: np.ndarray) -> int:
        """Chooses the one of points [m, d] that leaves the least total; returns its index."""
        fill = closest_filler(self._compiled)
        found = np.empty((len(points), len(self._rows)), np.float32)

        def work(segment: slice) -> np.ndarray:
            part = np.empty((len(points), segment.stop - segment.start), np.float32)
            fill(self._rows.values[segment], points, self.closest[segment], part)
            found[:, segment] = part
            return part @ self._rows.weights_in(segment)

        best = int(np.argmin(np.sum(self._run(work), axis=0)))
        self.closest = found[best].copy()
        self._points += 1
        return best

    def _by_segment(self, values_in: Callable[[slice], np.ndarray]) -> np.ndarray:
        return np.array(self._run(lambda segment: values_in(segment).sum()))

    def _run(self, work: Callable[[slice], T]) -> list[T]:
        if len(self._segments) == 1:
            return [work(self._segments[0])]
        return list(self._threads.map(work, self._segments))


def _segments_worth(values: int) -> int:
    """Into how many segments so many values are cut, when each call of a thread does little."""
    return max(1, min(_MOST_SEGMENTS, values // _LEAST_VALUES))


def drawn_rows(
    count: int,
    chances_in: Callable[[slice], np.ndarray],
    segments: list[slice],
    sums: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Indices of rows, drawn with replacement: a segment by its sum of chances, and a row in it."""
    which = [segments[index] for index in _positions(sums, rng.random(count))]
    return np.array([s.start + int(_positions(chances_in(s), rng.random(1))[0]) for s in which])


def _positions(chances: np.ndarray, fractions: np.ndarray) -> np.ndarray:
    """Indices at which the cumulated chances pass fractions of their sum; never one of chance 0."""
    cumulated = np.cumsum(chances)
    found = np.searchsorted(cumulated, fractions * cumulated[-1], side='right')
    return np.minimum(found, np.flatnonzero(chances)[-1])


def _fill_closest(
    rows: np.ndarray, points: np.ndarray, closest: np.ndarray, found: np.ndarray
) -> None:
    """What `compiled_seeding.fill_closest` does."""
    norms = squared_norms(rows)
    for start in range(0, len(rows), _BLOCK):
        block = slice(start, start + _BLOCK)
        distances = squared_distances_to(rows[block], norms[block], points).T
        found[:, block] = np.minimum(distances, closest[block])


def _fold_nearest(
    rows: np.ndarray, points: np.ndarray, first: int, closest: np.ndarray, nearest: np.ndarray
) -> None:
    """What `compiled_seeding.fold_nearest` does."""
    norms = squared_norms(rows)
    for start in range(0, len(rows), _BLOCK):
        block = slice(start, start + _BLOCK)
        distances = squared_distances_to(rows[block], norms[block], points)
        arg = distances.argmin(axis=1)
        least = np.take_along_axis(distances, arg[:, np.newaxis], axis=1)[:, 0]
        closer = least < closest[block]
        closest[block][closer] = least[closer]
        nearest[block][closer] = first + arg[closer]


def closest_filler(compiled: bool) -> Callable[..., None]:
    """`compiled_seeding.fill_closest`, or what does the same without numba."""
    if not compiled:
        return _fill_closest
    from tfx_kmeans.clustering.compiled_seeding import fill_closest

    return fill_closest


def _compiled_fold() -> Callable[..., None]:
    from tfx_kmeans.clustering.compiled_seeding import fold_nearest

    return fold_nearest
