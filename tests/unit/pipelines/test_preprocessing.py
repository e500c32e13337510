import pytest
import tensorflow as tf

from tfx_kmeans.pipelines.preprocessing import chosen_features, with_nan_for_missing

INPUTS = {
    'b': tf.constant([1.0]),
    'a': tf.sparse.from_dense([[3], [0]]),
    's': tf.constant(['x']),
}


def test_every_numeric_column_by_default():
    assert chosen_features(INPUTS, None, []) == ['a', 'b']
    assert chosen_features(INPUTS, None, ['a']) == ['b']
    assert chosen_features(INPUTS, ['b', 'a'], []) == ['b', 'a']


@pytest.mark.parametrize(
    ('features', 'exclude', 'message'),
    [
        (['z'], [], "The data has no feature 'z'. Existing features: 'a', 'b', 's'"),
        (None, ['z'], "The data has no feature 'z'"),
        (['s'], [], "Feature 's' is not numeric, so it cannot be clustered by"),
        (None, ['a', 'b'], 'No numeric feature is left'),
    ],
)
def test_features_that_cannot_be_used_are_named(features, exclude, message):
    with pytest.raises(ValueError) as refused:
        chosen_features(INPUTS, features, exclude)
    assert message in str(refused.value)


def test_missing_values_become_nan():
    gaps = tf.sparse.SparseTensor([[0, 0], [2, 0]], tf.constant([5, 7], tf.int64), [4, 1])
    found = with_nan_for_missing(gaps).numpy()
    assert str(found.tolist()) == '[5.0, nan, 7.0, nan]'
    nothing = tf.sparse.SparseTensor(
        tf.zeros([0, 2], tf.int64), tf.constant([], tf.float32), [2, 0]
    )
    assert str(with_nan_for_missing(nothing).numpy().tolist()) == '[nan, nan]'
    assert with_nan_for_missing(tf.constant([[1], [2]])).numpy().tolist() == [1.0, 2.0]
