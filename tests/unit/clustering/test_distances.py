"""Squared distances and nearest centroids, compared with float64 NumPy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfx_kmeans.clustering.distances import nearest, squared_distances_to, squared_norms


def exactly_nearest(rows, centroids):
    distances = np.square(rows[:, None].astype(np.float64) - centroids[None]).sum(axis=2)
    return distances.argmin(axis=1)


@settings(deadline=None, max_examples=200)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 60),
    k=st.integers(1, 40),
    d=st.integers(1, 20),
    grid=st.sampled_from([1, 2, 1000]),
)
def test_nearest_is_exact_and_ties_go_to_the_lowest_index(seed, n, k, d, grid):
    rng = np.random.default_rng(seed)
    rows = (rng.integers(-3 * grid, 3 * grid, size=(n, d)) / grid).astype(np.float32)
    centroids = (rng.integers(-3 * grid, 3 * grid, size=(k, d)) / grid).astype(np.float32)
    assert np.array_equal(nearest(rows, centroids), exactly_nearest(rows, centroids))


def test_near_ties_are_decided_by_the_differences_not_by_rounded_norms():
    rng = np.random.default_rng(1)
    centroids = rng.normal(size=(64, 24)).astype(np.float32)
    adjacent = np.nextafter(centroids[7], np.float32(10))
    rows = np.repeat(((centroids[7] + centroids[9]) / 2)[None], 50, axis=0)
    rows = (rows + rng.normal(scale=1e-7, size=rows.shape)).astype(np.float32)
    centroids = np.concatenate([centroids, adjacent[None], centroids])
    assert np.array_equal(nearest(rows, centroids), exactly_nearest(rows, centroids))


@pytest.mark.parametrize('size', [1, 7, 100])
def test_an_assignment_does_not_depend_on_the_other_rows(size):
    rng = np.random.default_rng(2)
    rows = rng.normal(size=(500, 33)).astype(np.float32)
    centroids = rows[rng.integers(500, size=50)]
    parts = [nearest(rows[i : i + size], centroids) for i in range(0, 500, size)]
    assert np.array_equal(np.concatenate(parts), nearest(rows, centroids))


def test_the_squared_distance_of_a_row_to_itself_is_zero():
    rows = np.random.default_rng(3).normal(loc=3, size=(200, 15)).astype(np.float32)
    distances = squared_distances_to(rows, squared_norms(rows), rows)
    assert (np.diag(distances) == 0).all()
    assert (distances >= 0).all()
    expected = np.square(rows[:, None].astype(np.float64) - rows[None]).sum(axis=2)
    np.testing.assert_allclose(distances, expected, rtol=1e-3)
