import pytest
import tensorflow as tf

from tfx_kmeans.pipelines.column_choice import chosen_columns, column_kinds, column_options
from tfx_kmeans.pipelines.column_options import ColumnOptions

INPUTS = {
    'b': tf.constant([1.0]),
    'a': tf.sparse.from_dense([[3], [0]]),
    's': tf.constant(['x']),
    'v': tf.constant([[1.0, 2.0]]),
}
KINDS = {'b': tf.float32, 'a': tf.int64, 's': tf.string}


def chosen(kinds=None, **options):
    return chosen_columns(kinds or KINDS, ColumnOptions(**options))


def test_every_numeric_column_by_default():
    assert chosen() == ['a', 'b']
    assert chosen(exclude_features=['a']) == ['b']
    assert chosen(features=['b', 'a']) == ['b', 'a']
    assert chosen(categorical={'s': ['x']}) == ['a', 'b', 's']
    assert chosen(categorical={'a': [1]}) == ['a', 'b']


def test_the_values_of_a_vector_are_columns():
    kinds = column_kinds(INPUTS, {'v': ['w', 'c']})
    assert kinds == {
        'b': tf.float32,
        'a': tf.int32,
        's': tf.string,
        'w': tf.float32,
        'c': tf.float32,
    }
    assert chosen(kinds) == ['a', 'b', 'c', 'w']
    assert chosen(kinds, features=['w', 'a']) == ['w', 'a']
    assert chosen(kinds, exclude_features=['c'], log=['w']) == ['a', 'b', 'w']


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'features': ['z']}, "The data has no feature 'z'. Existing features: 'a', 'b', 's'"),
        ({'exclude_features': ['z']}, "The data has no feature 'z'"),
        ({'categorical': {'z': ['x']}}, "The data has no feature 'z'"),
        ({'log': ['z']}, "The data has no feature 'z'"),
        ({'clip': {'z': [0, 1]}}, "The data has no feature 'z'"),
        ({'features': ['s']}, "Feature 's' is not numeric, so it cannot be clustered by, unless"),
        ({'exclude_features': ['a', 'b']}, 'No numeric feature is left'),
        ({'log': ['s']}, "log names 's', which is not numeric"),
        ({'clip': {'s': [0, 1]}}, "clip names 's', which is not numeric"),
        ({'categorical': {'s': [1]}}, "categorical['s'] has values of the type int64, but"),
        ({'categorical': {'a': ['1']}}, "categorical['a'] has values of the type string, but"),
        ({'categorical': {'b': [1]}}, 'but the feature has the type float32'),
    ],
)
def test_columns_that_cannot_be_used_are_named(options, message):
    with pytest.raises(ValueError) as refused:
        chosen(**options)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ('vectors', 'message'),
    [
        ({'z': ['c']}, "vectors names the feature 'z', which does not exist"),
        ({'s': ['c']}, "vectors names the feature 's', which has the type string"),
        ({'v': ['c', 'b']}, "vectors['v'] contains 'b', which is the name of another feature"),
    ],
)
def test_a_vector_that_cannot_be_used_is_named(vectors, message):
    with pytest.raises(ValueError) as refused:
        column_kinds(INPUTS, vectors)
    assert message in str(refused.value)


def test_other_keys_of_a_custom_config_are_ignored():
    found = column_options({'features': ['a'], 'mine': 1})
    assert found == ColumnOptions(features=['a'])
