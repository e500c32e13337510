"""The step on this machine, with the kernels in C and with those in NumPy."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.datasets import make_blobs

from tests.unit.clustering.steps.step_contract import StepContract
from tfx_kmeans.clustering.frame import enter_in_place
from tfx_kmeans.clustering.kernels.choice import default_kernels, kernels_named
from tfx_kmeans.clustering.lloyd import next_centroids
from tfx_kmeans.clustering.metric import metric_of
from tfx_kmeans.clustering.segments import Workers, worker_threads
from tfx_kmeans.clustering.steps import kernel_step
from tfx_kmeans.clustering.steps.centroid_movement import RowBounds, fast_centroids
from tfx_kmeans.clustering.steps.kernel_step import KernelStep
from tfx_kmeans.clustering.weighted_rows import WeightedRows


class TestCompiledStep(StepContract):
    def make(self, rows, scale, workers):
        assert workers.kernels.name != 'numpy'
        return KernelStep(rows, scale, workers)


class TestCompiledStepWithBounds(TestCompiledStep):
    @pytest.fixture(autouse=True)
    def _bounds(self, monkeypatch):
        monkeypatch.setattr(kernel_step, '_MANY_CLUSTERS', 1)


class TestNumpyStep(StepContract):
    def make(self, rows, scale, workers):
        return KernelStep(rows, scale, Workers(workers.threads, kernels_named('numpy')))


def overlapping(n, d, k, seed=0):
    return make_blobs(n, d, centers=k, cluster_std=3.0, random_state=seed)[0].astype('f')


def on_a_grid(n, d, k, seed=0):
    """Small integers: many rows are equally far from two centroids."""
    return np.random.default_rng(seed).integers(-2, 3, size=(n, d)).astype('f')


def repeated(n, d, k, seed=0):
    """Only a few more distinct rows than clusters."""
    distinct = np.random.default_rng(seed).normal(size=(k + 3, d)).astype('f')
    return distinct[np.random.default_rng(seed + 1).integers(len(distinct), size=n)]


def far_away(n, d, k, seed=0):
    return overlapping(n, d, k, seed) * np.float32(1e-3) + np.float32(50)


@pytest.fixture(scope='module')
def threads():
    with worker_threads() as found:
        yield found


CASES = [
    (data, n, d, k, metric, weighted)
    for data in (overlapping, on_a_grid, repeated, far_away)
    for n, d, k in [(6000, 5, 7), (4000, 16, 150), (9000, 3, 600), (3000, 1, 2), (2000, 4, 1)]
    for metric, weighted in [('squared_euclidean', False), ('squared_euclidean', True)]
] + [(overlapping, 5000, 8, 140, 'cosine', True), (overlapping, 5000, 8, 9, 'cosine', False)]


@pytest.mark.parametrize(('data', 'n', 'd', 'k', 'metric', 'weighted'), CASES)
def test_every_step_matches_the_step_in_numpy(
    threads, data, n, d, k, metric, weighted, monkeypatch
):
    values = data(n, d, k)
    rng = np.random.default_rng(1)
    weights = rng.integers(0, 3, size=n) * 0.7 if weighted else None
    rows = WeightedRows(values, weights)
    workers = Workers(threads, default_kernels())
    frame = enter_in_place(rows, metric_of(metric), workers)
    reference = KernelStep(rows, frame.scale, Workers(threads, kernels_named('numpy')))
    plain, bounded = (KernelStep(rows, frame.scale, workers) for _ in range(2))
    bounded._bounds = RowBounds(n)
    monkeypatch.setattr(kernel_step, '_MANY_CLUSTERS', 1 << 20)
    centroids = values[rng.choice(n, k, replace=False)]
    moves = []
    for _ in range(8):
        expected, found, same = reference(centroids), plain(centroids), bounded(centroids)
        np.testing.assert_array_equal(plain._labels, reference._labels)
        np.testing.assert_array_equal(bounded._labels, reference._labels)
        assert found.moved == same.moved == expected.moved
        np.testing.assert_allclose(found.weights, expected.weights, rtol=1e-12)
        np.testing.assert_allclose(found.sums, expected.sums, rtol=1e-9, atol=1e-7)
        np.testing.assert_allclose(found.inertia, expected.inertia, rtol=1e-12)
        assert np.array_equal(found.sums, same.sums)
        assert np.array_equal(found.inertia, same.inertia)
        moves.append(found.moved)
        centroids = next_centroids(reference, centroids, expected, frame)
    assert moves[0] == n
    assert moves[-1] < moves[1] or moves[1] == 0


def test_labels_match_scipy(threads):
    values = overlapping(5000, 6, 40)
    step = KernelStep(WeightedRows(values), 1.0, Workers(threads, default_kernels()))
    rng = np.random.default_rng(0)
    centroids = values[:40].copy()
    for _ in range(5):
        step(centroids)
        np.testing.assert_array_equal(step._labels, cdist(values, centroids).argmin(1))
        centroids += rng.normal(scale=0.3, size=centroids.shape).astype('f')


def test_no_bounds_are_used_if_all_centroids_have_moved_far():
    steps = np.linspace(1, 2, 64)
    assert fast_centroids(np.full(100, 0.5), steps, 32) is None


def test_no_centroid_is_fast_if_none_has_moved_far():
    assert fast_centroids(np.full(100, 0.5), np.full(64, 0.1), 32).size == 0


def test_a_few_centroids_that_moved_far_are_fast():
    steps = np.full(64, 0.01)
    steps[[7, 40]] = 5, 6
    found = fast_centroids(np.full(100, 0.5), steps, 32)
    assert {7, 40} <= set(found)
    assert len(found) <= 8


@pytest.mark.parametrize('k', [40, 150])
def test_no_change_is_missed_if_a_few_centroids_are_fast(threads, k, monkeypatch):
    """Two centroids take large steps while the others hardly move."""
    values = overlapping(20_000, 6, k)
    rows, workers = WeightedRows(values), Workers(threads, default_kernels())
    plain = KernelStep(rows, 1.0, workers)
    monkeypatch.setattr(kernel_step, '_MANY_CLUSTERS', 1)
    bounded, used = KernelStep(rows, 1.0, workers), []
    rng = np.random.default_rng(3)
    centroids = values[rng.choice(len(values), k, replace=False)].copy()
    for _ in range(15):
        monkeypatch.setattr(kernel_step, '_MANY_CLUSTERS', 1 << 20)
        expected = plain(centroids)
        monkeypatch.setattr(kernel_step, '_MANY_CLUSTERS', 1)
        found = bounded(centroids)
        np.testing.assert_array_equal(bounded._labels, plain._labels)
        assert np.array_equal(found.sums, expected.sums)
        assert np.array_equal(found.inertia, expected.inertia)
        assert found.moved == expected.moved
        centroids += rng.normal(scale=1e-3, size=centroids.shape).astype('f')
        centroids[[1, 4]] = values[rng.choice(len(values), 2)]
        steps = np.linalg.norm(centroids - bounded._bounds._before, axis=1)
        plan = bounded._bounds._fast(steps, bounded._labels, 6)
        used.append(0 if plan is None else len(plan))
    assert max(used) >= 2
