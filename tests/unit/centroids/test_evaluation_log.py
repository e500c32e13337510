"""TensorBoard logs hold what TensorBoard's plugins for scalars and histograms read."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.summary.summary_iterator import summary_iterator

from tfx_kmeans.centroids.evaluation_log import logging_to, write_histogram, write_scalar


@pytest.fixture
def logged(tmp_path):
    def read(write, *given):
        with logging_to(str(tmp_path)):
            write('name', *given, 7)
        (events,) = tmp_path.iterdir()
        ((event, value),) = [(e, v) for e in summary_iterator(str(events)) for v in e.summary.value]
        assert (event.step, value.tag) == (7, 'name')
        return value.metadata, tf.make_ndarray(value.tensor)

    return read


@pytest.mark.parametrize(('given', 'found'), [(0.1, np.float32(0.1)), (1e300, np.inf)])
def test_a_scalar(logged, given, found):
    metadata, value = logged(write_scalar, given)
    assert metadata.plugin_data.plugin_name == 'scalars'
    assert metadata.data_class == 1  # DATA_CLASS_SCALAR
    assert (value, value.shape, value.dtype) == (found, (), np.float32)


def test_a_histogram_has_rows_of_left_edge_right_edge_and_count(logged):
    values = np.array([0, 0.5, 1, 29.5, 30])
    metadata, buckets = logged(write_histogram, values)
    assert metadata.plugin_data.plugin_name == 'histograms'
    assert metadata.data_class == 2  # DATA_CLASS_TENSOR
    assert (buckets.shape, buckets.dtype) == ((30, 3), np.float64)
    np.testing.assert_allclose(buckets[:, 0], np.arange(30))
    np.testing.assert_allclose(buckets[:, 1], np.arange(1, 31))
    assert buckets[:, 2].tolist() == np.histogram(values, 30)[0].tolist() == [2, 1, *[0] * 26, 0, 2]


@pytest.mark.parametrize('values', [[5.0], [1e16, 1e16, 1e16 + 2], [0.0] * 4, (3.0, 1e300)])
def test_a_histogram_of_few_different_values_counts_them_all(logged, values):
    _, buckets = logged(write_histogram, values)
    assert buckets[:, 2].sum() == len(values)
    assert (buckets[0, 0], buckets[-1, 1]) == (min(values), max(values))
