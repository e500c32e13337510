"""Starts that are chosen on a sample of the rows."""

import numpy as np
import pytest

from tfx_kmeans.clustering import sample_first
from tfx_kmeans.clustering.options import KMeansOptions
from tfx_kmeans.clustering.restarts import fit_in_place
from tfx_kmeans.clustering.weighted_rows import WeightedRows
from tfx_kmeans.errors import ParameterError


@pytest.fixture(autouse=True)
def _small_samples(monkeypatch):
    monkeypatch.setattr(sample_first, '_MIN_ROWS', 2000)


def fit(rows, weights=None, **options):
    return fit_in_place(WeightedRows(rows.copy(), weights), KMeansOptions(**options))


def blobs(n=40_000, k=12, d=5, seed=0):
    rng = np.random.default_rng(seed)
    centers = rng.normal(scale=8, size=(k, d))
    return (centers[rng.integers(k, size=n)] + rng.normal(size=(n, d))).astype('f')


def inertia(rows, centroids, weights=None):
    squared = np.square(rows[:, None].astype(float) - centroids[None]).sum(axis=2).min(axis=1)
    return squared.sum() if weights is None else squared @ weights


@pytest.mark.parametrize('init', ['kmeans_plus_plus', 'kmeans_parallel', 'random'])
@pytest.mark.parametrize('weighted', [False, True])
def test_fewer_iterations_on_all_rows_lead_to_the_same_clusters(init, weighted):
    rows = blobs()
    weights = np.random.default_rng(1).uniform(0, 2, len(rows)) if weighted else None
    given = {'num_clusters': 12, 'initial_clusters': init}
    whole = fit(rows, weights, sample_first=False, **given)
    found = fit(rows, weights, **given)
    assert found.inertia <= 1.001 * whole.inertia
    assert len(found.best.history) <= min(4, len(whole.best.history))
    np.testing.assert_allclose(found.inertia, inertia(rows, found.centroids, weights), rtol=1e-6)


@pytest.mark.parametrize('seed', range(5))
def test_a_cluster_that_the_sample_misses_is_found(seed):
    """Five of 40,000 rows: the sample of 2400 rows holds none of them in three of four cases."""
    rows = blobs(k=11)
    rows[1000:1005] = 300 + np.arange(25).reshape(5, 5)
    found = fit(rows, num_clusters=12, seed=seed)
    assert np.abs(found.centroids - rows[1002]).sum(axis=1).min() < 5
    assert 5 in found.cluster_weight


def test_few_rows_are_not_sampled(monkeypatch):
    monkeypatch.setattr(sample_first, '_MIN_ROWS', 13_334)
    rows = blobs()
    whole = fit(rows, num_clusters=5, sample_first=False)
    assert np.array_equal(fit(rows, num_clusters=5).centroids, whole.centroids)


def test_results_are_bit_identical_for_the_same_seed():
    rows = blobs()
    one, other = (fit(rows, num_clusters=9, seed=4) for _ in range(2))
    assert np.array_equal(one.centroids, other.centroids)
    assert not np.array_equal(one.centroids, fit(rows, num_clusters=9, seed=5).centroids)


@pytest.mark.parametrize('start', [[[0.0], [1.0]], 'os:getcwd'])
def test_an_option_without_effect_is_refused(start):
    with pytest.raises(ParameterError, match='sample_first is False, but it only has an effect'):
        KMeansOptions(2, initial_clusters=start, sample_first=False)


@pytest.mark.parametrize('init', ['kmeans_plus_plus', 'kmeans_parallel', 'random'])
@pytest.mark.parametrize(('positive', 'k'), [(2, 2), (30, 20), (2500, 12), (9000, 12)])
def test_most_rows_may_have_no_weight(init, positive, k):
    rows, weights = blobs(), np.zeros(40_000)
    weights[np.random.default_rng(1).choice(40_000, positive, replace=False)] = 1
    found = fit(rows, weights, num_clusters=k, initial_clusters=init)
    alone = fit(rows[weights > 0], num_clusters=k, initial_clusters=init)
    assert found.total_weight == positive
    if init != 'random':
        assert found.inertia <= 1.05 * alone.inertia + 1e-9


@pytest.mark.parametrize('scale', [1e-40, 1e45])
@pytest.mark.parametrize('init', ['kmeans_plus_plus', 'kmeans_parallel'])
def test_the_scale_of_the_weights_does_not_matter(scale, init):
    rows, weights = blobs(), np.random.default_rng(1).uniform(0.5, 2, 40_000)
    given = {'num_clusters': 12, 'initial_clusters': init}
    one, other = fit(rows, weights, **given), fit(rows, scale * weights, **given)
    assert np.isclose(other.inertia, scale * one.inertia, rtol=1e-3)
