"""The initial centroids that the seedings choose."""

import numpy as np
import pytest

from tfx_kmeans.clustering.kernels.choice import kernels_named
from tfx_kmeans.clustering.kernels.library import best_level
from tfx_kmeans.clustering.seeding.parallel import kmeans_parallel
from tfx_kmeans.clustering.seeding.potential import Potential
from tfx_kmeans.clustering.seeding.registry import SEEDINGS
from tfx_kmeans.clustering.segments import Workers, worker_threads
from tfx_kmeans.clustering.weighted_rows import WeightedRows


@pytest.fixture(params=['numpy', best_level()])
def workers(request):
    with worker_threads() as threads:
        yield Workers(threads, kernels_named(request.param))


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


def test_kmeans_parallel_draws_four_fifths_of_k_candidates_in_each_of_3_rounds(
    workers, monkeypatch
):
    rows = np.random.default_rng(0).normal(size=(20_000, 8)).astype('f')
    seen = []

    def choose(candidates, *_):
        seen.append(candidates)
        return candidates.values[:1]

    monkeypatch.setattr('tfx_kmeans.clustering.seeding.parallel.kmeans_plus_plus', choose)
    for seed in range(10):
        kmeans_parallel(WeightedRows(rows), 30, 3, np.random.default_rng(seed), workers)
    counts = [len(candidates) for candidates in seen]
    assert 1 + 3 * 24 * 0.9 < np.mean(counts) <= 1 + 3 * 24
    for candidates in seen:
        assert candidates.weights.sum() == 20_000
    nearest = np.square(rows[:, None] - seen[0].values[None]).sum(axis=2).argmin(axis=1)
    np.testing.assert_array_equal(seen[0].weights, np.bincount(nearest, minlength=counts[0]))


@pytest.mark.parametrize('init', INITS)
def test_fewer_distinct_rows_than_clusters(start, init):
    rows = np.repeat(np.eye(3, dtype='f'), 50, axis=0)
    assert start(rows, init, 7).shape == (7, 3)


@pytest.mark.parametrize('weighted', [False, True])
def test_a_coreset_has_the_inertia_of_all_rows_for_any_centroids(workers, weighted):
    """Also if it depends on one row, and for a group that is far away and small."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(30_000, 3)).astype('f')
    rows[7] = 900
    rows[100:120] += 60
    weights = rng.uniform(0, 2, len(rows)) if weighted else None
    potential = Potential(WeightedRows(rows, weights), workers)
    potential.add(rows[[0, 7, 105, 900]])
    coreset = potential.coreset(4096, potential.masses(), rng)

    def inertia(sample, centroids):
        squared = np.square(sample.values[:, None].astype(float) - centroids).sum(axis=2)
        return squared.min(axis=1) @ sample.weights_in(slice(0, len(sample)))

    whole = WeightedRows(rows, weights)
    for chosen in ([0, 1, 2], [0, 7, 105], [7, 8], [105, 900], [3]):
        expected = inertia(whole, rows[chosen])
        assert 0.85 * expected < inertia(coreset, rows[chosen]) < 1.15 * expected, chosen
    assert abs(coreset.weights.sum() / whole.total_weight - 1) < 0.2
