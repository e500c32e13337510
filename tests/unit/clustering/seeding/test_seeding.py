"""The initial centroids that the seedings choose."""

import numpy as np
import pytest

from tfx_kmeans.clustering.seeding.parallel import kmeans_parallel
from tfx_kmeans.clustering.seeding.registry import SEEDINGS
from tfx_kmeans.clustering.segments import Workers, worker_threads
from tfx_kmeans.clustering.weighted_rows import WeightedRows


@pytest.fixture(params=['plain', 'compiled'])
def workers(request):
    with worker_threads() as threads:
        yield Workers(threads, compiled=request.param == 'compiled')


@pytest.fixture
def start(workers):
    def start(rows, init, k, seed=0, weights=None):
        rng = np.random.default_rng(seed)
        return SEEDINGS[init].choose(WeightedRows(rows, weights), k, 3, rng, workers)

    return start


INITS = tuple(SEEDINGS)


@pytest.mark.parametrize('init', INITS)
@pytest.mark.parametrize('weighted', [False, True])
def test_a_start_is_k_distinct_rows_with_weight(start, init, weighted):
    rows = np.random.default_rng(0).normal(size=(3000, 4)).astype('f')
    weights = (np.arange(3000) % 3).astype(float) if weighted else None
    found = start(rows, init, 20, weights=weights)
    places = [int(np.flatnonzero((rows == row).all(axis=1))[0]) for row in found]
    assert len(set(places)) == 20
    if weighted:
        assert all(weights[places])


def test_candidates_of_kmeans_parallel_count_with_their_weights(start):
    """Most candidates are outliers, but each of them has the weight of a single row."""
    rng = np.random.default_rng(0)
    heavy = rng.normal(size=(10_000, 2)) + np.repeat([[0, 0], [14, 0]], 5000, axis=0)
    angle = rng.uniform(0, 2 * np.pi, 60)
    outliers = 40 * np.c_[np.cos(angle), np.sin(angle)]
    rows = np.concatenate([heavy, outliers]).astype('f')
    for seed in range(20):
        found = start(rows, 'kmeans_parallel', 2, seed)
        sides = sorted(found[:, 0] > 7)
        assert np.abs(found).max() < 30, 'no outlier'
        assert sides == [False, True]


def test_kmeans_parallel_draws_about_2_k_candidates_in_each_of_5_rounds(workers, monkeypatch):
    rows = np.random.default_rng(0).normal(size=(20_000, 8)).astype('f')
    seen = []

    def choose(candidates, *_):
        seen.append(candidates)
        return candidates.values[:1]

    monkeypatch.setattr('tfx_kmeans.clustering.seeding.parallel.searched_plus_plus', choose)
    for seed in range(10):
        kmeans_parallel(WeightedRows(rows), 30, 3, np.random.default_rng(seed), workers)
    counts = [len(candidates) for candidates in seen]
    assert 1 + 5 * 60 * 0.9 < np.mean(counts) < 1 + 5 * 60 * 1.1
    for candidates in seen:
        assert candidates.weights.sum() == 20_000
    nearest = np.square(rows[:, None] - seen[0].values[None]).sum(axis=2).argmin(axis=1)
    np.testing.assert_array_equal(seen[0].weights, np.bincount(nearest, minlength=counts[0]))


@pytest.mark.parametrize('init', INITS)
def test_fewer_distinct_rows_than_clusters(start, init):
    rows = np.repeat(np.eye(3, dtype='f'), 50, axis=0)
    assert start(rows, init, 7).shape == (7, 3)
