import numpy as np
import pytest

from tfx_kmeans.clustering.distinct import count_distinct, too_few_distinct_rows
from tfx_kmeans.clustering.weighted_rows import WeightedRows


@pytest.mark.parametrize('limit', [1, 5, 6, 7, 100])
def test_distinct_rows_are_counted_over_blocks_and_up_to_a_limit(limit):
    rows = np.tile(np.arange(12.0).reshape(6, 2), (5000, 1)).astype(np.float32)
    assert count_distinct(WeightedRows(rows), limit) == min(6, limit)


def test_rows_without_weight_do_not_count():
    rows = WeightedRows(np.eye(4, dtype=np.float32), np.array([1.0, 0, 2, 0]))
    assert count_distinct(rows, 10) == 2


def test_an_empty_cluster_is_only_explained_by_too_few_distinct_rows():
    rows = WeightedRows(np.float32([[0], [0], [1], [1]]))
    message = too_few_distinct_rows(rows, np.array([2.0, 0, 2, 0]))
    assert message.startswith('num_clusters is 4, but the data has only 2 distinct rows, so that 2')
    assert too_few_distinct_rows(rows, np.array([4.0, 0])) is None
    assert too_few_distinct_rows(rows, np.array([2.0, 2])) is None
