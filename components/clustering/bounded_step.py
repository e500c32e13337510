"""Lloyd's step with exact bounds, compiled: the same clusters as `LocalStep`, sooner."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from tfx_kmeans.clustering.compiled import (
    Bounds,
    Centroids,
    Drift,
    Points,
    Totals,
    assign_segment,
    fill_distances,
    fill_norms,
)
from tfx_kmeans.clustering.distances import squared_norms
from tfx_kmeans.clustering.grouping import groups_of
from tfx_kmeans.clustering.rows_step import Assigned, RowsStep
from tfx_kmeans.clustering.segments import segments_of
from tfx_kmeans.clustering.statistics import SufficientStatistics
from tfx_kmeans.clustering.weighted_rows import WeightedRows

_BLOCK = 256
_SCORES_AT_ONCE = 1 << 18  # floats of [k, block]: 1 MB
_LEAST_SHARE = 1e-8  # of the rows' squared norms: less inertia than this is not taken from sums


class BoundedStep(RowsStep):
    """A `Step` that keeps sums and bounds, and works on the rows whose cluster may change.

    Beside the rows it holds 12 bytes a row, and 4 for each group of centroids (at most 32).
    """

    def __init__(
        self,
        rows: WeightedRows,
        scale: float,
        threads: ThreadPoolExecutor,
    ) -> None:
        """See `RowsStep`."""
        super().__init__(rows, scale, threads)
        norms = np.empty(len(rows), np.float32)
        fill = [
            threads.submit(fill_norms, rows.values[s], norms[s]) for s in segments_of(len(rows))
        ]
        for future in fill:
            future.result()
        self._points = Points(
            rows.values, norms, np.empty(0) if rows.weights is None else rows.weights
        )
        self._course: _Course | None = None

    def __call__(self, centroids: np.ndarray) -> SufficientStatistics:
        """See `Step`."""
        course = self._course = self._course or _Course.begun(centroids, len(self._rows))
        moved = self._assign_all(course, *course.moved_to(centroids))
        statistics = course.statistics(self._scale, moved)
        energy = self._scale * float(course.totals.energies.sum())
        if statistics.total_inertia < _LEAST_SHARE * energy:
            statistics.inertia = self._inertia(centroids)
        return statistics

    def final(self, centroids: np.ndarray) -> SufficientStatistics:
        """See `Step`."""
        statistics = self(centroids)
        statistics.inertia = self._inertia(centroids)
        return statistics

    def memory(self) -> dict[str, np.ndarray]:
        """See `Step`: the sums, since their last bits depend on which rows moved and when."""
        assert self._course is not None, 'a step comes first'
        return self._course.memory()

    def resume(self, centroids: np.ndarray, memory: Mapping[str, np.ndarray]) -> None:
        """See `Step`."""
        self(centroids)
        assert self._course is not None, 'it comes with a step'
        self._course.recall(memory)

    def _assign_all(self, course: _Course, centroids: Centroids, drift: Drift) -> int:
        k, d = centroids.values.shape
        block = min(_BLOCK, max(16, _SCORES_AT_ONCE // k))

        def assign(segment: slice) -> tuple[int, Totals]:
            change = _no_totals(k, d)
            span = (segment.start, segment.stop, block)
            moved = assign_segment(*span, self._points, centroids, course.bounds, drift, change)
            return moved, change

        total = 0
        for moved, change in self._threads.map(assign, segments_of(len(self._rows), k * d)):
            if moved:
                course.book(change)
            total += moved
        return total

    def _assign(self, centroids: np.ndarray, block: slice) -> Assigned:
        """What the last step, which was one to these centroids, has found."""
        assert self._course is not None, 'a step comes first'
        labels = self._course.labels(block)
        distances = np.empty(len(labels))
        fill_distances(self._rows.values[block], centroids, labels, distances)
        return Assigned(labels, self._scale * distances, self._rows.weights_in(block))


@dataclasses.dataclass
class _Course:
    """Where centroids and rows stand, and how far the centroids have come.

    Arrays [k] are in the order of groups, in which position p is the centroid order[p].
    """

    order: np.ndarray
    offsets: np.ndarray
    group_of: np.ndarray
    bounds: Bounds
    totals: Totals
    values: np.ndarray
    own: np.ndarray
    others: np.ndarray
    groups: np.ndarray

    @classmethod
    def begun(cls, centroids: np.ndarray, num_rows: int) -> _Course:
        k, d = centroids.shape
        group = groups_of(centroids)
        count = int(group.max()) + 1
        order = np.argsort(group, kind='stable').astype(np.int32)
        return cls(
            order=order,
            offsets=np.concatenate([[0], np.cumsum(np.bincount(group))]),
            group_of=group[order].astype(np.int32),
            bounds=Bounds(
                np.full(num_rows, -1, np.int32),
                np.empty(num_rows, np.float32),
                np.empty(num_rows, np.float32),
                np.empty((num_rows if count > 1 else 0, count), np.float32),
            ),
            totals=_no_totals(k, d),
            values=centroids[order].astype(np.float64),
            own=np.zeros(k),
            others=np.zeros(k),
            groups=np.zeros(count),
        )

    def moved_to(self, centroids: np.ndarray) -> tuple[Centroids, Drift]:
        """Adds up how far the centroids have moved, and gives all in the kernel's form."""
        placed = np.ascontiguousarray(centroids[self.order])
        values = placed.astype(np.float64)
        moved = np.sqrt(squared_norms(values - self.values)) * (1 + 1e-12)
        self.own += moved
        self.others += _most_of_others(moved)
        self.groups += np.maximum.reduceat(moved, self.offsets[:-1])
        self.values = values
        half_norms = squared_norms(values) / 2
        longest = _rounded_up(np.sqrt(2 * half_norms.max()))
        placed_by_column = np.ascontiguousarray(placed.T)
        return (
            Centroids(
                placed, placed_by_column, half_norms.astype(np.float32), longest[()],
                self.offsets, self.group_of, self.order,
            ),
            Drift(_rounded_up(self.own), _rounded_up(self.others), _rounded_up(self.groups)),
        )  # fmt: skip

    def book(self, change: Totals) -> None:
        """Adds what has moved; what is left of a cluster without rows is rounding, and goes."""
        for name, part in change._asdict().items():
            getattr(self.totals, name)[...] += part
        empty = self.totals.rows == 0
        for name in self.totals._fields:
            getattr(self.totals, name)[empty] = 0

    def memory(self) -> dict[str, np.ndarray]:
        """The totals by name, in the clusters' own order."""
        back = np.argsort(self.order)
        return {name: total[back] for name, total in self.totals._asdict().items()}

    def recall(self, memory: Mapping[str, np.ndarray]) -> None:
        """Takes totals back from what `memory` gave."""
        self.totals = Totals(**{name: total[self.order] for name, total in memory.items()})

    def statistics(self, scale: float, moved: int) -> SufficientStatistics:
        """Of the clusters in their own order; inertia by sum |x|^2 - 2 c.sum x + n |c|^2."""
        totals, values = self.totals, self.values
        squared = (
            totals.energies
            - 2 * np.einsum('ij,ij->i', values, totals.sums)
            + totals.weights * squared_norms(values)
        )
        back = np.argsort(self.order)
        inertia = scale * np.maximum(squared, 0.0)
        return SufficientStatistics(totals.sums[back], totals.weights[back], inertia[back], moved)

    def labels(self, block: slice) -> np.ndarray:
        """The clusters of some rows, int32."""
        labels: np.ndarray = self.order[self.bounds.labels[block]]
        return labels


def _no_totals(k: int, d: int) -> Totals:
    return Totals(np.zeros((k, d)), np.zeros(k), np.zeros(k), np.zeros(k, np.int64))


def _most_of_others(moved: np.ndarray) -> np.ndarray:
    """For each, the greatest of all the others; 0 where there are none."""
    if len(moved) == 1:
        return np.zeros(1)
    first, second = np.argsort(-moved, kind='stable')[:2]
    most = np.full(len(moved), moved[first])
    most[first] = moved[second]
    return most


def _rounded_up(values: np.ndarray) -> np.ndarray:
    """The next float32 above, so that it is never below."""
    return np.nextafter(np.asarray(values, np.float32), np.float32(np.inf))
