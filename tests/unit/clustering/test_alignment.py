"""Renumbering clusters with the ids of an earlier clustering."""

import numpy as np

from tfx_kmeans.clustering.alignment import aligned, followed
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
    assert found.inertia == other.inertia


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
