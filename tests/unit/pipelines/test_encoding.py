import numpy as np
import pytest
import tensorflow as tf

from tfx_kmeans.pipelines.encoding import one_hot, vector_values, with_nan_for_missing

NAN = float('nan')


def sparse(rows, dtype):
    """Lists of values, one a row, as Transform passes a feature without a fixed shape."""
    return tf.RaggedTensor.from_row_lengths(
        tf.constant([value for row in rows for value in row], dtype), [len(row) for row in rows]
    ).to_sparse()


def test_missing_values_become_nan():
    gaps = tf.sparse.SparseTensor([[0, 0], [2, 0]], tf.constant([5, 7], tf.int64), [4, 1])
    found = with_nan_for_missing(gaps).numpy()
    assert str(found.tolist()) == '[5.0, nan, 7.0, nan]'
    nothing = tf.sparse.SparseTensor(
        tf.zeros([0, 2], tf.int64), tf.constant([], tf.float32), [2, 0]
    )
    assert str(with_nan_for_missing(nothing).numpy().tolist()) == '[nan, nan]'
    assert with_nan_for_missing(tf.constant([[1], [2]])).numpy().tolist() == [1.0, 2.0]


@pytest.mark.parametrize('make', [sparse, tf.constant])
def test_categories_are_compared_exactly(make):
    large = make([[2**62 + 1], [2**62], [0]], tf.int64)
    assert one_hot(large, [2**62 + 1, 0, None]).numpy().tolist() == [
        [1, 0, 0],
        [0, 0, 1],
        [0, 1, 0],
    ]
    texts = make([['Köln'], ['Ko\u0308ln'], ['Köln ']], tf.string)
    assert one_hot(texts, ['Köln']).numpy().tolist() == [[1], [0], [0]]


def test_a_missing_category_is_nan_in_every_column():
    texts = one_hot(sparse([['a'], [], ['']], tf.string), ['a', None]).numpy()
    assert str(texts.tolist()) == str([[1.0, 0.0], [NAN, NAN], [NAN, NAN]])
    whole = one_hot(sparse([[0], []], tf.int64), [1, None]).numpy()
    assert str(whole.tolist()) == str([[0.0, 1.0], [NAN, NAN]])
    nothing = one_hot(sparse([[], []], tf.string), ['a']).numpy()
    assert str(nothing.tolist()) == str([[NAN], [NAN]])


def test_a_vector_is_dense_with_nan_for_missing_values():
    found = vector_values('v', sparse([[1, NAN], [], [0, 4]], tf.float32), 2)
    assert found.dtype == tf.float64
    assert str(found.numpy().tolist()) == str([[1.0, NAN], [NAN, NAN], [0.0, 4.0]])
    assert np.isnan(vector_values('v', sparse([[], []], tf.float32), 2)).all()
    gaps = tf.sparse.SparseTensor([[0, 1], [2, 0]], tf.constant([5.0, 7.0]), [3, 2])  # from `raw`
    found = vector_values('v', gaps, 2).numpy().tolist()
    assert str(found) == str([[NAN, 5.0], [NAN, NAN], [7.0, NAN]])
    dense = tf.constant([[1.0, 2.0]])
    assert vector_values('v', dense, 2).numpy().tolist() == [[1, 2]]


@pytest.mark.parametrize('rows', [[[1, 2, 3]], [[1]], [[1], [3]], [[], [1, 2], [1, 2, 3, 4]]])
def test_a_vector_with_another_number_of_values_is_named(rows):
    with pytest.raises(tf.errors.InvalidArgumentError, match='vector_gr__e_1_must_have_2_values'):
        tf.function(lambda values: vector_values('größe 1', values, 2))(sparse(rows, tf.float32))
