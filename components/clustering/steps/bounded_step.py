"""Lloyd's step in compiled code with exact bounds: the same clusters as `NumpyStep`, but faster."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from tfx_kmeans.clustering.distances import squared_norms
from tfx_kmeans.clustering.kernels.compiled import (
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
from tfx_kmeans.clustering.segments import segments_of
from tfx_kmeans.clustering.steps.fast_centroids import fast_centroids
from tfx_kmeans.clustering.steps.rows_step import Assigned, RowsStep
from tfx_kmeans.clustering.steps.statistics import SufficientStatistics
from tfx_kmeans.clustering.weighted_rows import WeightedRows

_BLOCK = 256
_SCORES_AT_ONCE = 1 << 18  # floats in the scores [k, block]: 1 MB
_SAMPLE = 2048  # rows from which the fast centroids are chosen
_MIN_SHARE = 1e-8  # of the rows' squared norms: a smaller inertia is not derived from sums


class BoundedStep(RowsStep):
    """A `Step` that keeps sums and bounds, and only processes rows whose cluster may change.

    It needs 16 bytes per row in addition to the rows.
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
        self._state: _State | None = None

    def __call__(self, centroids: np.ndarray) -> SufficientStatistics:
        """See `Step`."""
        state = self._state = self._state or _State.initial(centroids, len(self._rows))
        moved = self._assign_all(state, state.move_to(centroids))
        statistics = state.statistics(self._scale, moved)
        energy = self._scale * float(state.totals.energies.sum())
        if statistics.total_inertia < _MIN_SHARE * energy:
            statistics.inertia = self._inertia(centroids)
        return statistics

    def final(self, centroids: np.ndarray) -> SufficientStatistics:
        """See `Step`."""
        statistics = self(centroids)
        statistics.inertia = self._inertia(centroids)
        return statistics

    def memory(self) -> dict[str, np.ndarray]:
        """See `Step`: the totals, because their last bits depend on which rows moved and when."""
        assert self._state is not None, 'a step must come first'
        return self._state.memory()

    def resume(self, centroids: np.ndarray, memory: Mapping[str, np.ndarray]) -> None:
        """See `Step`."""
        self(centroids)
        assert self._state is not None, 'the step has created it'
        self._state.restore(memory)

    def _assign_all(self, state: _State, plan: _Plan) -> int:
        k, d = plan.centroids.values.shape
        block = min(_BLOCK, max(16, _SCORES_AT_ONCE // k))

        def assign(segment: slice) -> tuple[int, Totals]:
            change = _zero_totals(k, d)
            span, rest = (segment.start, segment.stop, block), (state.bounds, plan.drift, change)
            if plan.fast is None:
                return assign_all(*span, self._points, plan.centroids, *rest), change
            return assign_segment(*span, self._points, plan.centroids, plan.fast, *rest), change

        total = 0
        for moved, change in self._threads.map(assign, segments_of(len(self._rows), k * d)):
            if moved:
                state.add(change)
            total += moved
        return total

    def _inertia_of_segment(self, centroids: np.ndarray, segment: slice) -> np.ndarray:
        assert self._state is not None, 'a step must come first'
        labels, inertia = self._state.bounds.labels[segment], np.zeros(len(centroids))
        weights = self._points.weights[segment]
        add_inertia(self._rows.values[segment], weights, centroids, labels, inertia)
        return self._scale * inertia

    def _assign(self, centroids: np.ndarray, block: slice) -> Assigned:
        """The result of the last step, which must have been called with these centroids."""
        assert self._state is not None, 'a step must come first'
        labels = self._state.bounds.labels[block]
        distances = np.empty(len(labels))
        fill_distances(self._rows.values[block], centroids, labels, distances)
        return Assigned(labels, self._scale * distances, self._rows.weights_in(block))


@dataclasses.dataclass(frozen=True)
class _Plan:
    """Decisions for one pass over the rows.

    Attributes:
      centroids: All centroids.
      fast: Centroids that moved so far that all rows are compared with them; None if the pass
        does not use bounds.
      drift: Drift of the centroids that bounds are read and stored with.
    """

    centroids: Centroids
    fast: Centroids | None
    drift: Drift


@dataclasses.dataclass
class _State:
    """State of the step after its last pass.

    Attributes:
      bounds: Bounds of the rows.
      totals: Totals of the clusters.
      values: Centroids of the last pass, float64 [k, d].
      own: Distance that each centroid has moved in total, float64 [k].
      others: Offset that `Bounds.other` is stored with, see `Drift.others`; float64 [k].
    """

    bounds: Bounds
    totals: Totals
    values: np.ndarray
    own: np.ndarray
    others: np.ndarray

    @classmethod
    def initial(cls, centroids: np.ndarray, num_rows: int) -> _State:
        k, d = centroids.shape
        return cls(
            bounds=Bounds(
                np.full(num_rows, -1, np.int32),
                np.empty(num_rows, np.float32),
                np.empty(num_rows, np.float32),
            ),
            totals=_zero_totals(k, d),
            values=centroids.astype(np.float64),
            own=np.zeros(k),
            others=np.zeros(k),
        )

    def move_to(self, centroids: np.ndarray) -> _Plan:
        """Adds the centroids' movements to the drift, and plans the pass that suits them."""
        values = centroids.astype(np.float64)
        steps = np.sqrt(squared_norms(values - self.values)) * (1 + 1e-12)
        self.own += steps
        self.values = values
        all_centroids = _kernel_centroids(centroids, np.arange(len(centroids)))
        fast = self._fast(steps, centroids.shape[1])
        if fast is None:
            return _Plan(all_centroids, None, self._drift(self.others))
        slow_steps = steps.copy()
        slow_steps[fast] = 0
        slow = self.others + _max_of_others(slow_steps)
        if not fast.size:  # the pass does not store the bounds again, so the offset accumulates
            self.others = slow
        return _Plan(all_centroids, _kernel_centroids(centroids, fast), self._drift(slow))

    def _fast(self, steps: np.ndarray, width: int) -> np.ndarray | None:
        """Indices of centroids to compare all rows with; None if using bounds would not pay."""
        bounds = self.bounds
        sample = slice(None, None, max(1, len(bounds.labels) // _SAMPLE))
        labels = bounds.labels[sample]
        if labels[0] < 0:
            return None
        upper = bounds.upper[sample] + self.own[labels]
        return fast_centroids(bounds.other[sample] - self.others[labels] - upper, steps, width)

    def _drift(self, slow: np.ndarray) -> Drift:
        return Drift(_rounded_up(self.own), _rounded_up(self.others), _rounded_up(slow))

    def add(self, change: Totals) -> None:
        """Adds changes to the totals; clears rounding errors in clusters without rows."""
        for name, part in change._asdict().items():
            getattr(self.totals, name)[...] += part
        empty = self.totals.rows == 0
        for name in self.totals._fields:
            getattr(self.totals, name)[empty] = 0

    def memory(self) -> dict[str, np.ndarray]:
        """Copies of the totals by name."""
        return {name: total.copy() for name, total in self.totals._asdict().items()}

    def restore(self, memory: Mapping[str, np.ndarray]) -> None:
        """Restores the totals from the result of `memory`."""
        self.totals = Totals(**{name: total.copy() for name, total in memory.items()})

    def statistics(self, scale: float, moved: int) -> SufficientStatistics:
        """Statistics of the pass, with the inertia as sum |x|^2 - 2 c.sum x + n |c|^2."""
        totals, values = self.totals, self.values
        squared = (
            totals.energies
            - 2 * np.einsum('ij,ij->i', values, totals.sums)
            + totals.weights * squared_norms(values)
        )
        inertia = scale * np.maximum(squared, 0.0)
        return SufficientStatistics(totals.sums.copy(), totals.weights.copy(), inertia, moved)


def _kernel_centroids(values: np.ndarray, indices: np.ndarray) -> Centroids:
    """The centroids float32 [k, d] with the given indices, in the form that kernels take."""
    chosen = np.ascontiguousarray(values[indices])
    half_norms = squared_norms(chosen) / 2
    longest = _rounded_up(np.sqrt(2 * half_norms.max(initial=0.0)))
    return Centroids(
        chosen,
        np.ascontiguousarray(chosen.T),
        half_norms.astype(np.float32),
        longest[()],
        indices.astype(np.int32),
    )


def _zero_totals(k: int, d: int) -> Totals:
    return Totals(np.zeros((k, d)), np.zeros(k), np.zeros(k), np.zeros(k, np.int64))


def _max_of_others(values: np.ndarray) -> np.ndarray:
    """The largest of all other values, for each of the values; 0 if there is only one."""
    if len(values) == 1:
        return np.zeros(1)
    first, second = np.argsort(-values, kind='stable')[:2]
    largest = np.full(len(values), values[first])
    largest[first] = values[second]
    return largest


def _rounded_up(values: np.ndarray) -> np.ndarray:
    """The next larger float32 number, so that the result is never less than the value."""
    return np.nextafter(np.asarray(values, np.float32), np.float32(np.inf))
