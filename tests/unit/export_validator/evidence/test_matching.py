"""Clusters are matched by the rows that they share."""

import numpy as np
import pytest

from tfx_kmeans.export_validator.evidence.matching import jensen_shannon, match_clusters


def test_renumbered_clusters_are_matched_completely():
    theirs = np.array([0, 0, 1, 2, 2, 2])
    found = match_clusters(np.array([2, 0, 1])[theirs], theirs, 3, 3)
    assert found.kept == 1
    assert dict(zip(found.ours, found.theirs, strict=True)) == {2: 0, 0: 1, 1: 2}
    assert found.our_share.tolist() == found.their_share.tolist()


def test_clusters_without_a_counterpart_are_compared_with_nothing():
    ours, theirs = np.array([0, 0, 1, 2]), np.array([0, 0, 0, 0])
    added = match_clusters(ours, theirs, 3, 1)
    assert added.kept == 0.5
    assert added.theirs.tolist() == [0, -1, -1]
    assert added.their_share.tolist() == [1, 0, 0]
    removed = match_clusters(theirs, ours, 1, 3)
    assert removed.ours.tolist() == [0, -1, -1]
    assert removed.our_share.tolist() == [1, 0, 0]
    assert removed.their_share.tolist() == [0.5, 0.25, 0.25]


def test_the_divergence_is_zero_for_equal_shares_and_one_for_disjoint_ones():
    assert jensen_shannon(np.array([0.5, 0.5]), np.array([0.5, 0.5])) == 0
    assert jensen_shannon(np.array([1.0, 0.0]), np.array([0.0, 1.0])) == pytest.approx(1)


def test_rows_without_a_cluster_in_one_of_the_clusterings_have_changed():
    ours = np.array([0, 0, 1, 1, -1, -1, 1, -1])
    theirs = np.array([1, 1, 0, -1, 0, -1, 0, -1])  # the rows with -1 in both do not count
    found = match_clusters(ours, theirs, 2, 2)
    assert found.kept == 4 / 6
    assert dict(zip(found.ours, found.theirs, strict=True)) == {0: 1, 1: 0}
    assert found.our_share.tolist() == [2 / 6, 3 / 6]
    assert found.their_share.tolist() == [2 / 6, 3 / 6]
    assert (found.our_rest, found.their_rest) == (1 / 6, 1 / 6)
