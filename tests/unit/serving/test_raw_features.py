"""Dense forms of raw features."""

import numpy as np
import pytest
import tensorflow as tf

from tfx_kmeans.serving.raw_features import RawFeature, blank_of

KINDS = {
    'sparse': tf.io.VarLenFeature,
    'ragged': lambda dtype: tf.io.RaggedFeature(dtype, row_splits_dtype=tf.int64),
}
VALUES = {tf.float32: 1.5, tf.int64: 2**63 - 1, tf.string: b'x'}


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('dtype', VALUES)
def test_a_blank_between_values_keeps_its_position_and_those_at_the_end_are_padding(kind, dtype):
    feature = RawFeature('x', KINDS[kind](dtype))
    value, blank = VALUES[dtype], blank_of(dtype)
    rows = [
        [blank, value, blank, value, blank],
        [value, blank, blank, blank, blank],
        [blank] * 5,
        [value] * 5,
    ]
    found = feature.of_dense(tf.constant(rows, dtype))
    lengths = [4, 1, 0, 5]
    if kind == 'sparse':
        found = tf.RaggedTensor.from_sparse(found)
    expected = [row[:length] for row, length in zip(rows, lengths, strict=True)]
    assert found.row_lengths().numpy().tolist() == lengths
    np.testing.assert_array_equal(found.values.numpy(), np.concatenate(expected))


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('shape', [(0, 3), (2, 0), (0, 0)])
def test_no_values(kind, shape):
    feature = RawFeature('x', KINDS[kind](tf.float32))
    assert feature.of_dense(tf.zeros(shape)).values.shape == [0]
