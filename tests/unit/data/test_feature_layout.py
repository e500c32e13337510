import pytest
import tensorflow as tf

from tfx_kmeans.data.feature_layout import choose_layout
from tfx_kmeans.errors import ParameterError

SPEC = {
    'tall': tf.io.FixedLenFeature([], tf.float32),
    'pair': tf.io.FixedLenFeature([2], tf.float32),
    'count': tf.io.FixedLenFeature([1], tf.int64),
    'name': tf.io.FixedLenFeature([], tf.string),
    'many': tf.io.VarLenFeature(tf.float32),
    'tags': tf.io.VarLenFeature(tf.string),
}


def test_every_dense_numeric_feature_in_sorted_order_by_default():
    layout = choose_layout(SPEC, exclude_features=['many'])
    assert [feature.name for feature in layout.features] == ['count', 'pair', 'tall']
    assert layout.column_names == ('count[0]', 'pair[0]', 'pair[1]', 'tall')
    assert [feature.first_column for feature in layout.features] == [0, 1, 3]
    assert layout.width == 4


def test_features_are_laid_out_in_sorted_order_in_any_case():
    layout = choose_layout(SPEC, features=['tall', 'count'])
    assert layout.column_names == ('count[0]', 'tall')


def test_the_weight_is_never_a_column():
    layout = choose_layout(SPEC, weight_feature='tall', exclude_features=['pair', 'many'])
    assert layout.column_names == ('count[0]',)
    assert set(layout.parsing_spec) == {'count', 'tall'}


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (
            {'features': ['nope']},
            "features names 'nope', but the data has no such feature. Available features: 'c",
        ),
        ({'exclude_features': ['nope']}, "exclude_features names 'nope'"),
        ({'weight_feature': 'nope'}, "weight_feature names 'nope'"),
        ({'features': ['name']}, "'name' is a dense feature of type string and shape []"),
        ({'features': ['many']}, "'many' is a variable-length feature of type float32"),
        ({'features': ['many']}, "can be used as they are: 'count', 'pair', 'tall'"),
        ({'weight_feature': 'pair'}, "weight_feature 'pair' must have one dense number"),
        ({'exclude_features': ['count', 'many', 'pair', 'tall']}, 'No features are left'),
        (
            {'exclude_features': ['many'], 'column_names': ['a', 'b']},
            'column_names has 2 names, but each row has 4 columns',
        ),
    ],
)
def test_features_that_cannot_be_used_are_named(options, message):
    with pytest.raises(ValueError) as refused:
        choose_layout(SPEC, **options)
    assert message in str(refused.value)


def test_what_is_left_out_has_a_reason():
    spec = {**SPEC, 'none': tf.io.FixedLenFeature([0], tf.string)}
    layout = choose_layout(spec, exclude_features=['many', 'pair'], weight_feature='tall')
    assert layout.left_out == {
        'many': 'named in exclude_features',
        'name': 'of type string',
        'none': 'without any value',
        'pair': 'named in exclude_features',
        'tall': 'the weight of the rows',
        'tags': 'of type string',
    }
    assert choose_layout(spec, features=['tall']).left_out == {}


@pytest.mark.parametrize(
    ('origin', 'messages'),
    [
        ('schema', ["'many' is a variable-length feature of type float32", 'infer_feature_shape']),
        ('transform_graph', ['is a variable-length feature', 'preprocessing_fn', 'to_dense']),
        ('examples', ["'many' is missing or empty in the first example", 'Connect a schema']),
    ],
)
def test_a_numeric_feature_without_a_shape_is_not_left_out_in_silence(origin, messages):
    with pytest.raises(ParameterError) as refused:
        choose_layout(SPEC, origin=origin)
    for message in [*messages, 'name it in exclude_features']:
        assert message in str(refused.value)
    choose_layout(SPEC, exclude_features=['many'], origin=origin)
    choose_layout(SPEC, features=['tall'], origin=origin)


def test_a_numeric_feature_with_an_empty_shape_is_not_left_out_in_silence():
    spec = {**SPEC, 'many': tf.io.FixedLenFeature([0], tf.int64)}
    with pytest.raises(ParameterError, match=r"'many' is a dense feature of type int64 and shape"):
        choose_layout(spec)
