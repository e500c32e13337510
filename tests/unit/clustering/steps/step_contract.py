"""Tests that every `Step` must pass, wherever its rows are stored.

A test module subclasses `StepContract` and implements `make`. Numbers are compared with the
definition, computed in float64 NumPy, and never with another step.
"""

from abc import ABC, abstractmethod

import numpy as np
import pytest

from tfx_kmeans.clustering.frame import enter_in_place
from tfx_kmeans.clustering.kernels.choice import default_kernels
from tfx_kmeans.clustering.metric import METRICS, metric_of
from tfx_kmeans.clustering.segments import Workers, worker_threads
from tfx_kmeans.clustering.weighted_rows import WeightedRows

EXACT = {'rtol': 1e-9, 'atol': 1e-9}


def some_rows(n=3000, d=5, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.normal(scale=6, size=(6, d))[rng.integers(6, size=n)] + rng.normal(size=(n, d))
            ).astype('f')  # fmt: skip


def some_weights(n=3000, seed=1):
    return np.random.default_rng(seed).uniform(0, 2, n)


def placed(values, weights=None, metric='squared_euclidean'):
    """Rows mapped to the frame of a metric, and that frame."""
    rows = WeightedRows(values.copy(), weights)
    with worker_threads() as threads:
        return rows, enter_in_place(rows, metric_of(metric), Workers(threads, default_kernels()))


def by_definition(rows, centroids, scale):
    """Sums, weights and inertia by cluster, and each row's cluster and distance; float64."""
    points = rows.values.astype(np.float64)
    squared = np.square(points[:, None] - centroids[None].astype(np.float64)).sum(axis=2)
    labels = squared.argmin(axis=1)
    distance = scale * squared.min(axis=1)
    weights = np.ones(len(points)) if rows.weights is None else rows.weights
    member = np.eye(len(centroids))[labels] * weights[:, None]
    return member.T @ points, member.sum(axis=0), member.T @ distance, labels, distance


class StepContract(ABC):
    """The tests. `tolerance` limits the relative error of sums, weights and inertia."""

    tolerance = 1e-9

    @abstractmethod
    def make(self, rows, scale, workers):
        """Makes the step. Rows are WeightedRows in a frame; scale is that of the frame."""

    @pytest.fixture(autouse=True)
    def _threads(self):
        with worker_threads() as threads:
            self.workers = Workers(threads, default_kernels())
            yield

    def step(self, rows, scale=1.0):
        return self.make(rows, scale, self.workers)

    def check(self, found, expected, tolerance=None):
        tolerance = tolerance or self.tolerance
        for ours, theirs in zip((found.sums, found.weights, found.inertia), expected, strict=True):
            assert ours.dtype == np.float64
            np.testing.assert_allclose(ours, theirs, rtol=tolerance,
                                       atol=tolerance * np.abs(theirs).max())  # fmt: skip

    @pytest.mark.parametrize('metric', METRICS)
    @pytest.mark.parametrize('weighted', [False, True])
    def test_a_step_sums_up_by_the_definition(self, metric, weighted):
        rows, frame = placed(some_rows(), some_weights() if weighted else None, metric)
        step = self.step(rows, frame.scale)
        for seed in range(3):
            picked = np.random.default_rng(seed).choice(3000, 7, replace=False)
            centroids = rows.values[picked].copy()
            expected = by_definition(rows, centroids, frame.scale)
            self.check(step(centroids), expected[:3])
            self.check(step.final(centroids), expected[:3])

    @pytest.mark.parametrize('parts', [2, 3, 7])
    def test_statistics_of_parts_add_up_in_any_order(self, parts):
        rows, _ = placed(some_rows(), some_weights())
        centroids = rows.values[:7].copy()
        whole = self.step(rows).final(centroids)
        rng = np.random.default_rng(parts)
        split = np.array_split(rng.permutation(3000), parts)
        found = [
            self.step(WeightedRows(rows.values[part], rows.weights[part])).final(centroids)
            for part in split
        ]
        for order in (range(parts), reversed(range(parts)), rng.permutation(parts)):
            merged = type(whole).zeros(*centroids.shape)
            for index in order:
                merged.add(found[index])
            self.check(merged, (whole.sums, whole.weights, whole.inertia), 1e-6)
            assert merged.moved == whole.moved == 3000

    def test_adding_the_statistics_of_no_rows_changes_nothing(self):
        rows, _ = placed(some_rows())
        whole = self.step(rows).final(rows.values[:7].copy())
        before = [array.copy() for array in (whole.sums, whole.weights, whole.inertia)]
        whole.add(type(whole).zeros(*whole.sums.shape))
        for ours, theirs in zip((whole.sums, whole.weights, whole.inertia), before, strict=True):
            assert np.array_equal(ours, theirs)

    def test_ties_go_to_the_lowest_index(self):
        rows = WeightedRows(np.array([[0, 0], [1, 1], [0, 2]] * 700, 'f'))
        centroids = np.array(
            [[0, 1], [0, 1], [2, 1], [1, 3]], 'f'
        )  # (1, 1) is equally near to 0, 1 and 2
        found = self.step(rows)(centroids)
        assert found.weights.tolist() == [2100, 0, 0, 0]

    def test_a_weight_counts_as_that_many_rows(self):
        values, counts = some_rows(), np.random.default_rng(2).integers(0, 4, 3000)
        centroids = values[:6].copy()
        weighted = self.step(WeightedRows(values, counts.astype(float))).final(centroids)
        repeated = self.step(WeightedRows(np.repeat(values, counts, axis=0))).final(centroids)
        self.check(
            weighted, (repeated.sums, repeated.weights, repeated.inertia), max(self.tolerance, 1e-9)
        )

    def test_an_empty_cluster_has_zero_sums(self):
        rows, _ = placed(some_rows(), some_weights())
        centroids = rows.values[:4].copy()
        step = self.step(rows)
        step(centroids)
        centroids[2] = 1e4
        found = step(centroids)
        assert found.weights[2] == 0
        assert found.inertia[2] == 0
        assert not found.sums[2].any()

    def test_rows_that_change_their_cluster_are_counted(self):
        rows, _ = placed(some_rows())
        step = self.step(rows)
        one, other = rows.values[:5].copy(), rows.values[5:10].copy()
        assert step(one).moved == 3000
        assert step(one).moved == 0
        labels = [by_definition(rows, centroids, 1.0)[3] for centroids in (one, other)]
        assert step(other).moved == np.count_nonzero(labels[0] != labels[1])

    @pytest.mark.parametrize('metric', METRICS)
    def test_the_farthest_rows_come_first(self, metric):
        rows, frame = placed(some_rows(), some_weights(), metric)
        centroids = rows.values[:5].copy()
        step = self.step(rows, frame.scale)
        step(centroids)
        found = step.farthest(centroids, 20)
        *_, labels, distance = by_definition(rows, centroids, frame.scale)
        expected = np.argsort(-distance, kind='stable')[:20]
        np.testing.assert_array_equal(found.rows, rows.values[expected])
        np.testing.assert_array_equal(found.clusters, labels[expected])
        np.testing.assert_array_equal(found.weights, rows.weights[expected])

    @pytest.mark.parametrize('metric', METRICS)
    def test_the_clusters_of_many_far_rows_are_those_of_the_definition(self, metric):
        rows, frame = placed(some_rows(), None, metric)
        centroids = rows.values[np.random.default_rng(4).choice(3000, 9, replace=False)].copy()
        step = self.step(rows, frame.scale)
        step(centroids)
        found = step.farthest(centroids, 500)
        *_, labels, _ = by_definition(rows, centroids, frame.scale)
        label_of = dict(zip(map(bytes, rows.values), labels, strict=True))
        assert len(found.rows) == 500
        assert [label_of[bytes(row)] for row in found.rows] == found.clusters.tolist()
        assert len(set(found.clusters.tolist())) > 1
        assert len(set(map(bytes, found.rows))) == 500

    def test_far_rows_are_distinct_weighted_and_independent_of_their_order(self):
        values = np.array([[9, 0], [0, 9], [9, 0], [0, -9], [5, 5], [0, 0]] * 400, 'f')
        weights = np.tile([1.0, 1, 1, 0, 1, 1], 400)
        centroids = np.zeros((2, 2), 'f')
        seen = []
        for order in (np.arange(2400), np.random.default_rng(0).permutation(2400)):
            step = self.step(WeightedRows(values[order], weights[order]))
            step(centroids)
            seen.append(step.farthest(centroids, 5))
        for found in seen:
            assert found.rows.tolist() == [[9, 0], [0, 9], [5, 5]]

    @pytest.mark.parametrize('metric', METRICS)
    @pytest.mark.parametrize('stopped', [1, 4])
    def test_resuming_gives_bit_identical_results(self, stopped, metric):
        rows, frame = placed(some_rows(8000, 7), some_weights(8000), metric)
        whole, centroids = self.step(rows, frame.scale), [rows.values[:150].copy()]
        memories, found = [], []
        for _ in range(8):
            found.append(whole(centroids[-1]))
            memories.append({name: array.copy() for name, array in whole.memory().items()})
            centroids.append(frame.means(found[-1].sums, found[-1].weights, centroids[-1]))
        resumed = self.step(rows, frame.scale)
        resumed.resume(centroids[stopped], memories[stopped])
        for index in range(stopped + 1, 8):
            statistics = resumed(centroids[index])
            assert np.array_equal(statistics.sums, found[index].sums)
            assert np.array_equal(statistics.weights, found[index].weights)
            assert np.array_equal(statistics.inertia, found[index].inertia)
            assert statistics.moved == found[index].moved
