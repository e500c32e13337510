"""Fits: compared with published results and scikit-learn, and properties of any k-means."""

import math
from itertools import pairwise

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs

from tfx_kmeans.clustering import segments
from tfx_kmeans.clustering.kernels import reference
from tfx_kmeans.clustering.kernels.choice import KERNELS_VARIABLE, default_kernels
from tfx_kmeans.clustering.kernels.library import best_level
from tfx_kmeans.clustering.options import KMeansOptions
from tfx_kmeans.clustering.restarts import fit_in_place
from tfx_kmeans.clustering.seeding.plus_plus import kmeans_plus_plus
from tfx_kmeans.clustering.segments import Workers, worker_threads
from tfx_kmeans.clustering.weighted_rows import WeightedRows

SQUARE = np.array([[0, 0], [0.5, 0], [0.5, 1], [1, 1]], np.float32)


@pytest.fixture(autouse=True, params=['numpy', best_level()])
def _step(request, monkeypatch):
    """Runs every test with the kernels in NumPy and in C."""
    monkeypatch.setenv(KERNELS_VARIABLE, request.param)


def fit(rows, weights=None, **options):
    return fit_in_place(WeightedRows(np.array(rows, np.float32), weights), KMeansOptions(**options))


def blobs(n=3000, d=6, centers=9, seed=0):
    return make_blobs(n, d, centers=centers, cluster_std=2.0, random_state=seed)[0].astype('f')


def inertia_of(rows, centroids, weights=None):
    distances = np.square(rows[:, None].astype(np.float64) - centroids[None]).sum(axis=2)
    return np.average(distances.min(axis=1), weights=weights) * (
        len(rows) if weights is None else weights.sum()
    )


def test_weighted_golden_of_scikit_learn():
    result = fit(SQUARE, np.array([3.0, 1, 1, 3]), initial_clusters=[[0, 0], [1, 1]])
    assert math.isclose(result.inertia, 0.375, rel_tol=1e-12)
    np.testing.assert_array_equal(result.centroids, [[0.125, 0], [0.875, 1]])
    assert len(result.best.history) == 2
    assert result.best.converged


def test_golden_with_an_empty_cluster():
    result = fit(SQUARE, initial_clusters=[[0.5, 0.5], [3, 3]], relative_tolerance=0.0)
    assert math.isclose(result.inertia, 0.25, rel_tol=1e-12)
    np.testing.assert_array_equal(result.centroids, [[0.25, 0], [0.75, 1]])


@pytest.mark.parametrize('seed', range(5))
def test_the_same_start_gives_the_result_of_scikit_learn(seed):
    rows = blobs(seed=seed)
    start = rows[np.random.default_rng(seed).choice(len(rows), 12, replace=False)]
    theirs = KMeans(12, init=start, n_init=1, tol=0, max_iter=300).fit(rows.astype(np.float64))
    ours = fit(rows, initial_clusters=start.tolist(), relative_tolerance=0.0)
    assert math.isclose(ours.inertia, theirs.inertia_, rel_tol=1e-5)
    np.testing.assert_allclose(ours.centroids, theirs.cluster_centers_, atol=1e-4)


def test_random_start_and_all_options_give_a_local_optimum():
    rows = blobs()
    result = fit(
        rows, num_clusters=7, initial_clusters='random', relative_tolerance=0.0, num_restarts=3
    )
    assert len(result.restarts) == 3
    assert result.best.inertia == min(restart.inertia for restart in result.restarts)
    again = fit(rows, initial_clusters=result.centroids.tolist(), max_iterations=1)
    assert math.isclose(again.inertia, result.inertia, rel_tol=1e-6)


def test_sizes_and_inertia_belong_to_the_centroids_that_are_returned():
    rows = blobs()
    for iterations in (1, 3, 300):
        result = fit(rows, num_clusters=9, max_iterations=iterations)
        assert math.isclose(result.inertia, inertia_of(rows, result.centroids), rel_tol=1e-6)
        assert result.cluster_weight.sum() == len(rows)
        np.testing.assert_allclose(result.cluster_inertia.sum(), result.inertia)


@pytest.mark.parametrize('metric', ['squared_euclidean', 'cosine'])
def test_inertia_never_rises(metric):
    rows = blobs(n=2000) + 1
    for seed in range(5):
        result = fit(
            rows, num_clusters=15, seed=seed, distance_metric=metric, relative_tolerance=0.0
        )
        inertias = [iteration.inertia for iteration in result.best.history] + [result.inertia]
        assert all(b <= a * (1 + 1e-9) for a, b in pairwise(inertias))


def test_a_weight_counts_as_that_many_rows():
    rows, counts = blobs(n=400), np.random.default_rng(0).integers(0, 4, 400)
    start = rows[:5].tolist()
    weighted = fit(rows, counts.astype(float), initial_clusters=start, relative_tolerance=0.0)
    repeated = fit(np.repeat(rows, counts, axis=0), initial_clusters=start, relative_tolerance=0.0)
    assert math.isclose(weighted.inertia, repeated.inertia, rel_tol=1e-6)
    np.testing.assert_allclose(weighted.cluster_weight, repeated.cluster_weight)
    np.testing.assert_allclose(weighted.centroids, repeated.centroids, atol=1e-4)


def test_the_order_of_the_rows_does_not_matter():
    rows = blobs()
    start = rows[:9].tolist()
    shuffled = np.random.default_rng(0).permutation(rows)
    one, other = (fit(r, initial_clusters=start) for r in (rows, shuffled))
    assert math.isclose(one.inertia, other.inertia, rel_tol=1e-5)
    np.testing.assert_array_equal(one.cluster_weight, other.cluster_weight)


@pytest.mark.parametrize('offset', [1e3, -1e3])
def test_an_offset_changes_no_assignment(offset):
    rows = np.round(blobs() * 64) / 64  # exact in float32 with and without the offset
    start = rows[:9]
    here = fit(rows, initial_clusters=start.tolist())
    there = fit(rows + np.float32(offset), initial_clusters=(start + offset).tolist())
    np.testing.assert_array_equal(here.cluster_weight, there.cluster_weight)
    assert math.isclose(here.inertia, there.inertia, rel_tol=1e-5)
    np.testing.assert_allclose(there.centroids - offset, here.centroids, atol=1e-3)


def test_cosine_ignores_length_and_reports_one_minus_cos():
    rows = blobs() + 3
    lengths = np.random.default_rng(0).uniform(0.01, 100, size=(len(rows), 1)).astype('f')
    start = rows[:5].tolist()
    one = fit(rows, initial_clusters=start, distance_metric='cosine')
    scaled = fit(rows * lengths, initial_clusters=start, distance_metric='cosine')
    np.testing.assert_array_equal(one.cluster_weight, scaled.cluster_weight)
    np.testing.assert_allclose(np.linalg.norm(one.centroids, axis=1), 1, rtol=1e-6)
    unit = rows.astype(np.float64) / np.linalg.norm(rows, axis=1, keepdims=True)
    expected = (1 - (unit @ one.centroids.T.astype(np.float64)).max(axis=1)).sum()
    assert math.isclose(one.inertia, expected, rel_tol=1e-5)
    assert (one.shift == 0).all()


def test_zero_rows_under_cosine_are_counted():
    rows = blobs(n=100)
    rows[[3, 50]] = 0
    with pytest.raises(ValueError, match='2 of 100 rows are all zeros, the first is row 3'):
        fit(rows, num_clusters=2, distance_metric='cosine')


@pytest.mark.parametrize('threads', [1, 2, 5])
def test_results_are_bit_identical_for_any_number_of_threads(monkeypatch, threads):
    rows = blobs(n=20_000)
    weights = np.random.default_rng(0).uniform(size=len(rows))
    expected = fit(rows, weights, num_clusters=11, seed=3)
    monkeypatch.setattr(segments, 'available_cores', lambda: threads)
    found = fit(rows, weights, num_clusters=11, seed=3)
    assert np.array_equal(found.centroids, expected.centroids)
    assert np.array_equal(found.cluster_inertia, expected.cluster_inertia)


def test_another_block_size_gives_the_same_clusters(monkeypatch):
    rows = blobs(n=20_000)
    start = rows[:11].tolist()
    expected = fit(rows, initial_clusters=start)
    monkeypatch.setattr(reference, '_SCORES_AT_ONCE', 1)
    monkeypatch.setattr(segments, '_USUAL_SEGMENTS', 5)
    found = fit(rows, initial_clusters=start)
    np.testing.assert_array_equal(found.cluster_weight, expected.cluster_weight)
    assert math.isclose(found.inertia, expected.inertia, rel_tol=1e-5)


@pytest.mark.parametrize(
    ('rows', 'k'),
    [
        (np.ones((20, 3)), 4),
        (np.repeat([[0.0, 1], [2, 3]], 10, axis=0), 5),
        (np.arange(12.0).reshape(12, 1), 12),
        (np.arange(12.0).reshape(12, 1), 1),
        (np.c_[np.zeros(30), np.arange(30.0)], 3),
    ],
    ids=['all the same', 'fewer distinct rows than clusters', 'k = n', 'k = 1', 'constant column'],
)
@pytest.mark.parametrize('init', ['kmeans_plus_plus', 'random'])
def test_degenerate_data(rows, k, init):
    result = fit(rows, num_clusters=k, initial_clusters=init, relative_tolerance=0.0)
    assert np.isfinite(result.centroids).all()
    assert result.cluster_weight.sum() == len(rows)
    distinct = len(np.unique(rows, axis=0))
    if k >= distinct:
        assert result.inertia == 0
    if k == 1:
        np.testing.assert_allclose(result.centroids[0], rows.mean(axis=0), rtol=1e-6)


def test_several_empty_clusters_are_filled_by_distinct_far_rows():
    rows = np.concatenate([blobs(n=200, centers=1), np.full((5, 6), 400.0), np.full((5, 6), -400)])
    far = (np.full((4, 6), 1e4) + np.arange(4)[:, None]).tolist()
    result = fit(rows, initial_clusters=[[0.0] * 6, *far], relative_tolerance=0.0)
    assert (result.cluster_weight > 0).all()
    assert sorted(result.cluster_weight)[-3:].count(5) == 2 or result.inertia < 2000 * 6


def test_rows_without_weight_never_become_centroids():
    rows = np.concatenate([blobs(n=100), np.full((10, 6), 1e4, 'f')])
    weights = np.r_[np.ones(100), np.zeros(10)]
    for seed in range(10):
        found = fit(rows, weights, num_clusters=8, seed=seed)
        assert np.abs(found.centroids).max() < 100


@pytest.mark.parametrize(
    ('weights', 'message'),
    [
        (None, 'num_clusters is 5, but there are only 4 rows'),
        (np.array([1.0, 0, 0, 1]), 'only 2 rows with a positive weight'),
    ],
)
def test_fewer_rows_than_clusters(weights, message):
    with pytest.raises(ValueError, match=message):
        fit(SQUARE, weights, num_clusters=5)


def test_initial_clusters_of_another_width():
    with pytest.raises(ValueError, match='rows of 3 values, but the data has 2 columns'):
        fit(SQUARE, initial_clusters=[[0, 0, 0]])


def test_values_that_would_overflow_are_rejected():
    with pytest.raises(ValueError, match='overflow float32'):
        fit([[-2e38, 0], [3e38, 1], [0, 1]], num_clusters=2)


def test_a_drawn_seed_is_recorded_and_repeats_the_run():
    rows = blobs()
    drawn = fit(rows, num_clusters=6, seed=None)
    assert np.array_equal(fit(rows, num_clusters=6, seed=drawn.seed).centroids, drawn.centroids)


def test_every_iteration_is_reported_when_it_ends():
    calls = []
    result = fit_in_place(
        WeightedRows(blobs()),
        KMeansOptions(num_clusters=5, num_restarts=2),
        on_iteration=lambda *call: calls.append(call),
    )
    expected = [
        (restart, index, iteration)
        for restart, run in enumerate(result.restarts)
        for index, iteration in enumerate(run.history)
    ]
    assert calls == expected
    assert calls[0][2].moved == 3000


def test_the_shift_is_the_weighted_mean_and_zero_under_cosine():
    rows = blobs(n=500) + 1e3
    weights = np.random.default_rng(0).uniform(size=500)
    result = fit(rows, weights, num_clusters=3)
    np.testing.assert_allclose(result.shift, np.average(rows, axis=0, weights=weights), rtol=1e-6)
    assert (result.shift.astype('f') == result.shift).all()
    assert (fit(rows, num_clusters=3, distance_metric='cosine').shift == 0).all()


def test_seeds_are_drawn_by_weight_times_squared_distance():
    """Two rows equally far from the first seed are drawn in proportion to their weights."""
    rows = np.array([[0.0, 0], [10, 0], [-10, 0]], np.float32)
    weights = np.array([1e6, 9.0, 1.0])
    right = 0
    with worker_threads() as threads:
        workers = Workers(threads, default_kernels())
        for seed in range(300):
            rng = np.random.default_rng(seed)
            start = kmeans_plus_plus(WeightedRows(rows, weights), 2, 1, rng, workers)
            right += (start[1] == [10, 0]).all()
    assert 0.84 < right / 300 < 0.95


def test_rows_that_move_are_counted():
    result = fit(blobs(), num_clusters=5, relative_tolerance=0.0)
    moved = [iteration.moved for iteration in result.best.history]
    assert moved[0] == 3000
    assert moved[-1] == 0
    assert all(0 < count < 3000 for count in moved[1:-1])


@pytest.mark.parametrize(
    ('start', 'metric', 'message'),
    [
        ([[3e38] * 2, [1, 0]], 'squared_euclidean', 'initial_clusters: .* overflow float32'),
        ([[0, 0], [1, 0]], 'cosine', 'initial_clusters: .* is undefined for rows of length zero'),
    ],
)
def test_initial_clusters_without_a_distance_are_rejected(start, metric, message):
    with pytest.raises(ValueError, match=message):
        fit(SQUARE + 1, initial_clusters=start, distance_metric=metric)
