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
    add_inertia,
    assign_all,
    assign_segment,
    fill_distances,
)
from tfx_kmeans.clustering.distances import squared_norms
from tfx_kmeans.clustering.fast_centroids import fast_centroids
from tfx_kmeans.clustering.rows_step import Assigned, RowsStep
from tfx_kmeans.clustering.segments import segments_of
from tfx_kmeans.clustering.statistics import SufficientStatistics
from tfx_kmeans.clustering.weighted_rows import WeightedRows

_BLOCK = 256
_SCORES_AT_ONCE = 1 << 18  # floats of [k, block]: 1 MB
_SAMPLE = 2048  # rows by which a plan is chosen
_LEAST_SHARE = 1e-8  # of the rows' squared norms: less inertia than this is not taken from sums


class BoundedStep(RowsStep):
    """A `Step` that keeps sums and bounds, and works on the rows whose cluster may change.

    Beside the rows it holds 16 bytes a row.
    """

    def __init__(
        self,
        rows: WeightedRows,
        scale: float,
        threads: ThreadPoolExecutor,
    ) -> None:
        """See `RowsStep`."""
        super().__init__(rows, scale, threads)
        self._points = Points(
            rows.values,
            np.empty(len(rows), np.float32),
            np.empty(0) if rows.weights is None else rows.weights,
        )
        self._course: _Course | None = None

    def __call__(self, centroids: np.ndarray) -> SufficientStatistics:
        """See `Step`."""
        course = self._course = self._course or _Course.begun(centroids, len(self._rows))
        moved = self._assign_all(course, course.moved_to(centroids))
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

    def _assign_all(self, course: _Course, plan: _Plan) -> int:
        k, d = plan.centroids.values.shape
        block = min(_BLOCK, max(16, _SCORES_AT_ONCE // k))

        def assign(segment: slice) -> tuple[int, Totals]:
            change = _no_totals(k, d)
            span, rest = (segment.start, segment.stop, block), (course.bounds, plan.drift, change)
            if plan.fast is None:
                return assign_all(*span, self._points, plan.centroids, *rest), change
            return assign_segment(*span, self._points, plan.centroids, plan.fast, *rest), change

        total = 0
        for moved, change in self._threads.map(assign, segments_of(len(self._rows), k * d)):
            if moved:
                course.book(change)
            total += moved
        return total

    def _inertia_of_segment(self, centroids: np.ndarray, segment: slice) -> np.ndarray:
        assert self._course is not None, 'a step comes first'
        labels, inertia = self._course.bounds.labels[segment], np.zeros(len(centroids))
        weights = self._points.weights[segment]
        add_inertia(self._rows.values[segment], weights, centroids, labels, inertia)
        return self._scale * inertia

    def _assign(self, centroids: np.ndarray, block: slice) -> Assigned:
        """What the last step, which was one to these centroids, has found."""
        assert self._course is not None, 'a step comes first'
        labels = self._course.bounds.labels[block]
        distances = np.empty(len(labels))
        fill_distances(self._rows.values[block], centroids, labels, distances)
        return Assigned(labels, self._scale * distances, self._rows.weights_in(block))


@dataclasses.dataclass(frozen=True)
class _Plan:
    """How to pass over the rows.

    Attributes:
      centroids: all of them.
      fast: those that moved so far that rows are compared with them; None: ask no bounds at all.
      drift: of the centroids, as bounds are to be read and stored.
    """

    centroids: Centroids
    fast: Centroids | None
    drift: Drift


@dataclasses.dataclass
class _Course:
    """Where centroids and rows stand, and how far the centroids have come.

    Attributes:
      bounds: of the rows.
      totals: of the clusters.
      values: float64 [k, d], the centroids.
      own: [k], how far each centroid has come.
      others: [k], what `Bounds.other` is stored with.
    """

    bounds: Bounds
    totals: Totals
    values: np.ndarray
    own: np.ndarray
    others: np.ndarray

    @classmethod
    def begun(cls, centroids: np.ndarray, num_rows: int) -> _Course:
        k, d = centroids.shape
        return cls(
            bounds=Bounds(
                np.full(num_rows, -1, np.int32),
                np.empty(num_rows, np.float32),
                np.empty(num_rows, np.float32),
            ),
            totals=_no_totals(k, d),
            values=centroids.astype(np.float64),
            own=np.zeros(k),
            others=np.zeros(k),
        )

    def moved_to(self, centroids: np.ndarray) -> _Plan:
        """Adds up how far the centroids have moved, and makes a plan that suits their steps."""
        values = centroids.astype(np.float64)
        steps = np.sqrt(squared_norms(values - self.values)) * (1 + 1e-12)
        self.own += steps
        self.values = values
        everything = _centroids(centroids, np.arange(len(centroids)))
        fast = self._fast(steps, centroids.shape[1])
        if fast is None:
            return _Plan(everything, None, self._drift(self.others))
        left = steps.copy()
        left[fast] = 0
        slow = self.others + _most_of_others(left)
        if not fast.size:  # bounds are read only, and give way by what has been added up
            self.others = slow
        return _Plan(everything, _centroids(centroids, fast), self._drift(slow))

    def _fast(self, steps: np.ndarray, width: int) -> np.ndarray | None:
        """The centroids to compare all rows with; None where bounds would spare too few rows."""
        bounds = self.bounds
        sample = slice(None, None, max(1, len(bounds.labels) // _SAMPLE))
        labels = bounds.labels[sample]
        if labels[0] < 0:
            return None
        upper = bounds.upper[sample] + self.own[labels]
        return fast_centroids(bounds.other[sample] - self.others[labels] - upper, steps, width)

    def _drift(self, slow: np.ndarray) -> Drift:
        return Drift(_rounded_up(self.own), _rounded_up(self.others), _rounded_up(slow))

    def book(self, change: Totals) -> None:
        """Adds what has moved; what is left of a cluster without rows is rounding, and goes."""
        for name, part in change._asdict().items():
            getattr(self.totals, name)[...] += part
        empty = self.totals.rows == 0
        for name in self.totals._fields:
            getattr(self.totals, name)[empty] = 0

    def memory(self) -> dict[str, np.ndarray]:
        """The totals by name."""
        return {name: total.copy() for name, total in self.totals._asdict().items()}

    def recall(self, memory: Mapping[str, np.ndarray]) -> None:
        """Takes totals back from what `memory` gave."""
        self.totals = Totals(**{name: total.copy() for name, total in memory.items()})

    def statistics(self, scale: float, moved: int) -> SufficientStatistics:
        """Inertia by sum |x|^2 - 2 c.sum x + n |c|^2."""
        totals, values = self.totals, self.values
        squared = (
            totals.energies
            - 2 * np.einsum('ij,ij->i', values, totals.sums)
            + totals.weights * squared_norms(values)
        )
        inertia = scale * np.maximum(squared, 0.0)
        return SufficientStatistics(totals.sums.copy(), totals.weights.copy(), inertia, moved)


def _centroids(values: np.ndarray, which: np.ndarray) -> Centroids:
    """Some of the centroids float32 [k, d], in the kernel's form."""
    chosen = np.ascontiguousarray(values[which])
    half_norms = squared_norms(chosen) / 2
    longest = _rounded_up(np.sqrt(2 * half_norms.max(initial=0.0)))
    return Centroids(
        chosen,
        np.ascontiguousarray(chosen.T),
        half_norms.astype(np.float32),
        longest[()],
        which.astype(np.int32),
    )


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
