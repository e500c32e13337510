"""The local search that improves a k-means++ start."""

import numpy as np
import pytest

from tfx_kmeans.clustering.kernels.choice import kernels_named
from tfx_kmeans.clustering.kernels.library import best_level
from tfx_kmeans.clustering.seeding import local_search
from tfx_kmeans.clustering.segments import Workers, worker_threads
from tfx_kmeans.clustering.weighted_rows import WeightedRows


@pytest.fixture(params=['numpy', best_level()])
def workers(request):
    with worker_threads() as threads:
        yield Workers(threads, kernels_named(request.param))


@pytest.fixture
def searched(workers):
    def searched(rows, start, weights=None, seed=0):
        rng = np.random.default_rng(seed)
        return local_search.local_search(WeightedRows(rows, weights), start, rng, workers)

    return searched


def squared(rows, centroids):
    return np.square(rows[:, None].astype(float) - centroids[None]).sum(axis=2)


def inertia(rows, centroids, weights=None):
    weights = np.ones(len(rows)) if weights is None else weights
    return float(squared(rows, centroids).min(axis=1) @ weights)


def clusters(k=8, n=2000, seed=0):
    rng = np.random.default_rng(seed)
    centers = rng.normal(scale=30, size=(k, 4))
    return centers.astype('f'), (centers[np.arange(n) % k] + rng.normal(size=(n, 4))).astype('f')


def test_a_cluster_without_a_centroid_gets_one_from_a_cluster_with_two(searched):
    centers, rows = clusters()
    start = np.concatenate([centers[:7], centers[:1] + 1])
    found = searched(rows, start)
    assert inertia(rows, found) < 2 * inertia(rows, centers) < 0.1 * inertia(rows, start)
    assert len({int(label) for label in squared(centers, found).argmin(axis=1)}) == 8


@pytest.mark.parametrize('weighted', [False, True])
def test_the_inertia_never_rises_and_the_two_nearest_are_kept_up_to_date(workers, weighted):
    _, rows = clusters()
    rng = np.random.default_rng(1)
    weights = rng.uniform(0, 2, len(rows)) * (rng.random(len(rows)) < 0.8) if weighted else None
    search = local_search._Search(
        WeightedRows(rows, weights), rows[rng.choice(len(rows), 12)], workers
    )
    before = inertia(rows, search.centroids, weights)
    changes = 0
    for _ in range(25):
        assert search.step(rng)
        distances = squared(rows, search.centroids)
        two = np.sort(distances, axis=1)[:, :2]
        np.testing.assert_allclose(search.neighbours.closest, two[:, 0], rtol=1e-4, atol=1e-3)
        np.testing.assert_allclose(search.neighbours.next, two[:, 1], rtol=1e-4, atol=1e-3)
        own = distances[np.arange(len(rows)), search.neighbours.nearest]
        np.testing.assert_allclose(own, two[:, 0], rtol=1e-4, atol=1e-3)
        assert (search.neighbours.nearest != search.neighbours.second).all()
        after = inertia(rows, search.centroids, weights)
        changes += after < before
        assert after <= before * (1 + 1e-6)
        before = after
    assert changes >= 2


def test_many_rows_are_represented_by_a_sample(searched, monkeypatch):
    centers, rows = clusters(n=20_000)
    monkeypatch.setattr(local_search, '_MIN_ROWS', 500)
    start = np.concatenate([centers[:6], centers[:2] + 1])
    assert inertia(rows, searched(rows, start)) < 2 * inertia(rows, centers)


@pytest.mark.parametrize(
    ('rows', 'start'),
    [
        (np.ones((50, 3), 'f'), np.ones((4, 3), 'f')),
        (np.arange(5, dtype='f')[:, None], np.arange(5, dtype='f')[:, None]),
        (np.arange(50, dtype='f')[:, None], np.full((1, 1), 40, 'f')),
    ],
    ids=['all the same', 'k = n', 'k = 1'],
)
def test_degenerate_data(searched, rows, start):
    found = searched(rows, start)
    assert found.shape == start.shape
    assert inertia(rows, found) <= inertia(rows, start)


def test_rows_without_weight_are_never_taken(searched):
    _, rows = clusters(n=400)
    far = np.concatenate([rows, np.full((20, 4), 1e4, 'f')])
    weights = np.r_[np.ones(400), np.zeros(20)]
    assert np.abs(searched(far, rows[:5], weights)).max() < 1e3


def test_results_are_bit_identical_for_the_same_seed(searched):
    _, rows = clusters()
    assert np.array_equal(searched(rows, rows[:9]), searched(rows, rows[:9]))
