"""Changes of a model's inputs that break clients of an earlier model."""

import pytest
import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_transform.tf_metadata import schema_utils

from tests.unit.serving.examples import clustering_of
from tfx_kmeans.export_validator.evidence.inputs import input_changes
from tfx_kmeans.serving.export import ModelToSave
from tfx_kmeans.serving.graph_file import read_graph_file
from tfx_kmeans.serving.preprocessing import SchemaPreprocessing

FLOAT, INT = tf.io.FixedLenFeature([], tf.float32), tf.io.FixedLenFeature([], tf.int64)
ONE = tf.io.FixedLenFeature([1], tf.float32)
PAIR, SOME = tf.io.FixedLenFeature([2], tf.float32), tf.io.VarLenFeature(tf.string)
TEXT = tf.io.FixedLenFeature([], tf.string)


@pytest.fixture(scope='module')
def graph_of(tmp_path_factory):
    """Function that saves a model with some features, and returns its graph."""
    import numpy as np

    def made(passthrough=(), **spec):
        folder = str(tmp_path_factory.mktemp('model'))
        numeric = [n for n, one in spec.items() if n not in passthrough]
        width = sum(spec[name].shape[0] if spec[name].shape else 1 for name in numeric)
        rows = np.random.default_rng(0).normal(size=(50, width)).astype('f')
        schema = schema_utils.schema_from_feature_spec(spec)
        payload = clustering_of(rows, spec, numeric)
        preprocessing = SchemaPreprocessing(spec, schema, sorted(numeric))
        ModelToSave(payload, preprocessing, passthrough=passthrough).save(folder)
        return read_graph_file(folder).meta_graphs[0]

    return made


@pytest.mark.parametrize(
    ('before', 'after', 'changes'),
    [
        ({'a': INT, 'b': FLOAT}, {'a': INT, 'b': FLOAT}, []),
        (
            {'a': INT, 'b': FLOAT},
            {'a': FLOAT, 'b': FLOAT},
            ["raw: 'a' was int64 [None] and is float32 [None]"],
        ),
        ({'a': FLOAT}, {'a': ONE}, ["raw: 'a' was float32 [None] and is float32 [None, 1]"]),
        ({'a': FLOAT}, {'a': PAIR}, ["raw: 'a' was float32 [None] and is float32 [None, 2]"]),
        (
            {'a': FLOAT},
            {'a': FLOAT, 'b': INT},
            ["raw: 'b' (int64 [None]) is a new input, which clients do not send"],
        ),
        (
            {'a': FLOAT, 'b': INT},
            {'a': FLOAT},
            ["raw: 'b' (int64 [None]) is not an input any more"],
        ),
        (
            {'a': FLOAT, 'id': SOME, 'passthrough': ['id']},
            {'a': FLOAT, 'id': TEXT, 'passthrough': ['id']},
            ["raw: 'id' was string [None, None] and is string [None]"],
        ),
    ],
    ids=['same', 'type', 'one_wide', 'pair', 'added', 'removed', 'passed_through'],
)
def test_changes(graph_of, before, after, changes):
    assert input_changes(graph_of(**before), graph_of(**after)) == changes


def without_raw(graph):
    copy = meta_graph_pb2.MetaGraphDef.FromString(graph.SerializeToString())
    del copy.signature_def['raw']
    return copy


def test_a_signature_that_is_gone_and_features_of_examples(graph_of):
    numbers, floats = graph_of(a=INT, b=FLOAT), graph_of(a=FLOAT, b=FLOAT, c=PAIR)
    assert input_changes(numbers, without_raw(numbers)) == [
        "raw: the signature is gone; its inputs were 'a' (int64 [None]), 'b' (float32 [None])"
    ]
    assert input_changes(without_raw(numbers), numbers) == []
    assert input_changes(without_raw(numbers), without_raw(floats)) == [
        "examples: 'a' was int64 of shape [] and is float32 of shape []",
        "examples: 'c' (float32 of shape [2]) is needed and was not before",
    ]
    one = without_raw(graph_of(a=ONE))
    assert input_changes(without_raw(graph_of(a=FLOAT)), one) == [], 'the same tf.Examples'
