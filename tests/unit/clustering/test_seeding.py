"""What the seedings choose."""

import numpy as np
import pytest

from tfx_kmeans.clustering import compilation
from tfx_kmeans.clustering.options import KMeansOptions
from tfx_kmeans.clustering.seeding import kmeans_parallel, start_centroids
from tfx_kmeans.clustering.segments import worker_threads
from tfx_kmeans.clustering.weighted_rows import WeightedRows


@pytest.fixture(autouse=True, params=['plain', 'compiled'])
def _kernels(request, monkeypatch):
    monkeypatch.setattr(compilation, '_LEAST_WORK', 0 if request.param == 'compiled' else 1 << 60)


def start(rows, init, k, seed=0, weights=None):
    options = KMeansOptions(num_clusters=k, initial_clusters=init)
    with worker_threads() as threads:
        rng = np.random.default_rng(seed)
        return start_centroids(WeightedRows(rows, weights), options, rng, threads)


INITS = ('random', 'kmeans_plus_plus', 'kmeans_parallel')


@pytest.mark.parametrize('init', INITS)
@pytest.mark.parametrize('weighted', [False, True])
def test_a_start_is_k_distinct_rows_with_weight(init, weighted):
    rows = np.random.default_rng(0).normal(size=(3000, 4)).astype('f')
    weights = (np.arange(3000) % 3).astype(float) if weighted else None
    found = start(rows, init, 20, weights=weights)
    places = [int(np.flatnonzero((rows == row).all(axis=1))[0]) for row in found]
    assert len(set(places)) == 20
    if weighted:
        assert all(weights[places])


def test_candidates_of_kmeans_parallel_count_with_their_weights():
    """Outliers are most of the candidates, but each stands for itself alone."""
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


def test_kmeans_parallel_draws_about_2_k_candidates_in_each_of_5_rounds(monkeypatch):
    rows = np.random.default_rng(0).normal(size=(20_000, 8)).astype('f')
    seen = []

    def choose(weighed, *_):
        seen.append(weighed)
        return weighed.values[:1]

    monkeypatch.setattr('tfx_kmeans.clustering.seeding.searched_plus_plus', choose)
    with worker_threads() as threads:
        for seed in range(10):
            kmeans_parallel(WeightedRows(rows), 30, 3, np.random.default_rng(seed), threads)
    counts = [len(weighed) for weighed in seen]
    assert 1 + 5 * 60 * 0.9 < np.mean(counts) < 1 + 5 * 60 * 1.1
    for weighed in seen:
        assert weighed.weights.sum() == 20_000
    candidates = seen[0].values
    nearest = np.square(rows[:, None] - candidates[None]).sum(axis=2).argmin(axis=1)
    np.testing.assert_array_equal(seen[0].weights, np.bincount(nearest, minlength=counts[0]))


@pytest.mark.parametrize('init', INITS)
def test_fewer_distinct_rows_than_clusters(init):
    rows = np.repeat(np.eye(3, dtype='f'), 50, axis=0)
    assert start(rows, init, 7).shape == (7, 3)
