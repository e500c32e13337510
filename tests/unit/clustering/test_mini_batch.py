"""Mini-batch k-means: compared with scikit-learn, and its properties."""

import math

import numpy as np
import pytest
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.datasets import make_blobs

from tfx_kmeans.clustering.options import KMeansOptions
from tfx_kmeans.clustering.restarts import fit_in_place
from tfx_kmeans.clustering.weighted_rows import WeightedRows


def blobs(n=20_000, d=6, centers=12, seed=0):
    return make_blobs(n, d, centers=centers, cluster_std=2.0, random_state=seed)[0].astype('f')


def fit(rows, weights=None, calls=None, **options):
    given = {'use_mini_batch': True, 'batch_size': 512, **options}
    record = None if calls is None else lambda *call: calls.append(call)
    return fit_in_place(
        WeightedRows(rows.copy(), weights), KMeansOptions(**given), on_iteration=record
    )


def inertia_of(rows, centroids):
    return np.square(rows[:, None].astype(float) - centroids[None]).sum(axis=2).min(axis=1).sum()


def test_the_inertia_is_close_to_that_of_scikit_learn():
    rows, seeds = blobs(), range(6)
    start = rows[np.random.default_rng(0).choice(len(rows), 12, replace=False)]
    theirs = np.mean(
        [
            MiniBatchKMeans(12, init=start, n_init=1, batch_size=512, random_state=s)
            .fit(rows)
            .inertia_
            for s in seeds
        ]
    )
    ours = np.mean([fit(rows, initial_clusters=start.tolist(), seed=s).inertia for s in seeds])
    assert ours <= 1.03 * theirs


def test_the_result_describes_all_rows():
    rows = blobs()
    result = fit(rows, num_clusters=12)
    assert math.isclose(result.inertia, inertia_of(rows, result.centroids), rel_tol=1e-5)
    assert result.cluster_weight.sum() == len(rows)
    assert result.best.converged
    assert 10 < len(result.best.history) < 300
    last = np.mean([seen.inertia for seen in result.best.history[-10:]])
    assert math.isclose(last, result.inertia, rel_tol=0.1)
    assert {seen.moved for seen in result.best.history} == {None}


def test_each_step_moves_a_centroid_by_its_share_of_the_weight_seen():
    """With one cluster, the centroid is the mean of all rows drawn so far."""
    rows = np.arange(8.0, dtype='f')[:, None]
    result = fit(rows, initial_clusters=[[100.0]], batch_size=4, max_iterations=500,
                 relative_tolerance=0.0)  # fmt: skip
    assert abs(result.centroids[0, 0] - 3.5) < 0.5
    once = fit(rows, initial_clusters=[[100.0]], batch_size=1, max_iterations=1)
    assert once.centroids[0, 0] in rows  # the centroid is the first row drawn


def test_rows_are_assigned_to_the_centroids_of_the_iterations_start():
    """Rows at 1.1 are nearer to the first centroid only while both are at their initial places."""
    rows = np.repeat(np.array([0, 1.1, 2], 'f'), [700, 100, 200])[:, None]
    options = {'initial_clusters': [[0.7], [1.6]], 'batch_size': 50, 'relative_tolerance': 0.0}
    one = fit(rows, mini_batch_steps_per_iteration=40, max_iterations=1, **options)
    assert abs(one.centroids[0, 0] - 110 / 800) < 0.04
    many = fit(rows, mini_batch_steps_per_iteration=1, max_iterations=40, **options)
    assert abs(many.centroids[0, 0]) < 0.03


@pytest.mark.parametrize('tails', ['lognormal', 'student'])
def test_heavy_tails_are_not_lost(tails):
    """Most of the inertia is that of a few far rows, which batches rarely have."""
    rng = np.random.default_rng(6)
    rows = rng.lognormal(sigma=1.5, size=(20_000, 6)) if tails == 'lognormal' else (
        rng.standard_t(2.0, size=(20_000, 5)))  # fmt: skip
    rows = rows.astype('f')
    best = min(KMeans(20, n_init=1, random_state=seed).fit(rows).inertia_ for seed in range(5))
    for seed in range(3):
        assert fit(rows, num_clusters=20, batch_size=1024, seed=seed).inertia < 1.3 * best


def test_centroids_of_a_given_start_without_rows_are_moved():
    rows = blobs()
    far = np.full((3, 6), 1e3)
    start = np.concatenate([rows[:9], far + np.arange(3)[:, None]])
    result = fit(rows, initial_clusters=start.tolist(), max_iterations=100)
    assert (result.cluster_weight > 0).all()
    assert np.abs(result.centroids).max() < 100


@pytest.mark.parametrize('metric', ['squared_euclidean', 'cosine'])
def test_rows_are_weighted(metric):
    rows = blobs(n=2000, d=3, centers=4) + 15
    weights = np.where(np.arange(2000) % 2, 1.0, 0.0)
    result = fit(rows, weights, num_clusters=3, distance_metric=metric)
    heavy = fit(rows[1::2], num_clusters=3, distance_metric=metric)
    assert math.isclose(result.inertia, heavy.inertia, rel_tol=0.05)
    assert result.total_weight == 1000
    if metric == 'cosine':
        np.testing.assert_allclose(np.linalg.norm(result.centroids, axis=1), 1, rtol=1e-6)


def test_results_are_bit_identical_for_the_same_seed_only():
    rows = blobs(n=3000)
    one, same, other = (fit(rows, num_clusters=5, seed=s).centroids for s in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_few_rows_and_large_batches():
    result = fit(blobs(n=30), num_clusters=4, batch_size=100_000, max_iterations=20)
    assert np.isfinite(result.centroids).all()
    assert result.cluster_weight.sum() == 30


def test_a_shorter_run_is_the_beginning_of_a_longer_one():
    rows, calls = blobs(), []
    short = fit(rows, num_clusters=5, max_iterations=3)
    fit(rows, calls=calls, num_clusters=5, max_iterations=6)
    assert [call[2].inertia for call in calls[:3]] == [i.inertia for i in short.best.history]


def test_batches_are_drawn_from_rows_with_weight():
    """Batches without weight would look as if they had no inertia."""
    rows, weights = blobs(), np.zeros(20_000)
    weights[np.random.default_rng(0).choice(20_000, 200, replace=False)] = 1
    result = fit(rows, weights, num_clusters=4)
    whole = fit(rows[weights > 0], num_clusters=4, use_mini_batch=False, batch_size=1024)
    assert all(seen.inertia > 0 for seen in result.best.history)
    assert result.inertia < 1.1 * whole.inertia
