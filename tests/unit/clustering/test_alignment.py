"""Renumbering clusters with the ids of an earlier clustering."""

import numpy as np

from tfx_kmeans.clustering.alignment import aligned, followed
from tfx_kmeans.clustering.answered_rows import AnsweredRows
from tfx_kmeans.clustering.assignment import Assigner
from tfx_kmeans.clustering.frame import Frame
from tfx_kmeans.clustering.metric import METRICS
from tfx_kmeans.clustering.options import KMeansOptions
from tfx_kmeans.clustering.restarts import fit_in_place
from tfx_kmeans.clustering.weighted_rows import WeightedRows

METRIC = METRICS['squared_euclidean']


def fitted(rows, **options):
    return fit_in_place(WeightedRows(rows.astype('f')), KMeansOptions(**options))


def test_a_shuffled_clustering_gets_its_ids_back():
    rng = np.random.default_rng(0)
    centers = rng.normal(scale=20, size=(7, 3))
    rows = np.repeat(centers, 50, axis=0) + rng.normal(size=(350, 3))
    one = fitted(rows, num_clusters=7, num_restarts=5)
    earlier = Assigner(one.centroids, Frame(METRIC, one.shift))
    order = np.array([3, 1, 0, 2, 6, 5, 4])
    other = fitted(rows + 0.25, initial_clusters=one.centroids[order].tolist())
    found, succession = aligned(other, earlier)
    np.testing.assert_allclose(found.centroids, one.centroids + 0.25, atol=1e-4)
    assert np.array_equal(found.cluster_weight, one.cluster_weight)
    np.testing.assert_allclose(found.cluster_inertia, one.cluster_inertia, rtol=1e-3)
    assert (succession.renumbered, succession.moved) == (5, 7)
    np.testing.assert_allclose(succession.distance, 3 * 0.25**2, rtol=1e-3)
    assert np.isclose(succession.mean_distance, np.mean(succession.distance))
    assert succession.max_distance == max(succession.distance)
    assert np.isclose(found.inertia, other.inertia, rtol=1e-12)  # summed in another order


def test_the_matching_is_one_to_one_if_two_are_nearest_to_the_same():
    earlier = Assigner(np.array([[0.0], [10.0]], 'f'), Frame(METRIC, np.zeros(1)))
    found, succession = aligned(
        fitted(np.array([[1.0], [3.0]]), initial_clusters=[[3], [1]]), earlier
    )
    assert found.centroids.tolist() == [[1], [3]]
    assert succession.distance == (1.0, 49.0)
    assert succession.renumbered == 2


def test_unchanged_centroids_are_not_counted_as_moved():
    rows = np.array([[0.0], [2.0], [10.0], [12.0]])
    earlier = Assigner(np.array([[1.0], [10.0]], 'f'), Frame(METRIC, np.zeros(1)))
    succession = followed(fitted(rows, initial_clusters=[[1], [10]]), earlier)
    assert (succession.renumbered, succession.moved) == (0, 1)
    assert succession.distance == (0.0, 1.0)


def test_ids_follow_shared_rows_in_another_scale_and_with_more_columns():
    """The nearest earlier centroid would be a wrong match: the new rows are mirrored and scaled."""
    rng = np.random.default_rng(1)
    groups = rng.integers(3, size=300)
    weights = rng.integers(1, 5, size=300).astype(float)
    old_rows = groups[:, np.newaxis] * 10.0 + rng.normal(size=(300, 1))
    rows = np.hstack([100 - 3 * old_rows, rng.normal(size=(300, 1))]).astype('f')
    earlier = np.array([2, 0, 1])[groups]  # the ids that the earlier model gave
    earlier[:9] = -1

    def answered():
        yield AnsweredRows(rows, weights, earlier)

    start = [rows[groups == group].mean(axis=0).tolist() for group in range(3)]
    options = KMeansOptions(initial_clusters=start)  # the ids are then a cycle of three
    result = fit_in_place(WeightedRows(rows.copy(), weights), options)
    means = np.array([rows[groups == g].mean(axis=0) for g in (1, 2, 0)])
    assigner = Assigner(means, Frame(METRIC, result.shift))
    found, succession = aligned(result, assigner, answered)
    labels = np.square(rows[:, np.newaxis] - found.centroids).sum(axis=2).argmin(axis=1)
    assert (labels == np.array([2, 0, 1])[groups]).all()
    assert (succession.matched_by, succession.renumbered) == ('rows', 3)
    np.testing.assert_allclose(succession.moved_share, weights[:9].sum() / weights.sum())
    np.testing.assert_allclose(
        succession.distance, np.square(found.centroids.astype(float) - means).sum(axis=1), rtol=1e-4
    )
    again = followed(found, assigner, answered)
    np.testing.assert_allclose(again.moved_share, succession.moved_share)
    assert again.renumbered == 0


def test_the_heavier_rows_decide_which_part_of_a_split_cluster_keeps_the_id():
    rows = np.repeat(np.array([[0.0], [10.0]], 'f'), [90, 10], axis=0)
    weights = np.repeat([1.0, 20.0], [90, 10])

    def answered():
        yield AnsweredRows(rows, weights, np.zeros(100, int))

    result = fitted(rows, initial_clusters=[[0], [10]])
    earlier = Assigner(np.array([[1.0], [99.0]], 'f'), Frame(METRIC, np.zeros(1)))
    found, succession = aligned(result, earlier, answered)
    assert found.centroids.tolist() == [[10], [0]]
    np.testing.assert_allclose(succession.moved_share, 90 / 290)


def test_without_answers_centroids_are_matched_and_no_share_is_known():
    rows = np.array([[0.0], [2.0], [10.0], [12.0]])
    earlier = Assigner(np.array([[1.0], [10.0]], 'f'), Frame(METRIC, np.zeros(1)))
    succession = followed(fitted(rows, initial_clusters=[[1], [10]]), earlier)
    assert (succession.matched_by, succession.moved_share) == ('centroids', None)
