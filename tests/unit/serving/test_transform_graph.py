"""The part of a Transform graph in a model: minimal, complete and without Python functions."""

import shutil

import numpy as np
import pytest
import tensorflow as tf

from tests.unit.serving.examples import clustering_of, example, reference
from tfx_kmeans.errors import PythonCallError
from tfx_kmeans.serving.transform_graph import TransformPreprocessing

OUTPUTS = {
    'color': tf.io.FixedLenFeature([3], tf.float32),
    'numbers': tf.io.FixedLenFeature([2], tf.float32),
}


def examples_of(rows, **more):
    return [
        example(n=[row['n']], color=[row['color'].encode()], price=row['price'], **more)
        for row in rows
    ]


@pytest.fixture
def served(saved, transform_graph, tmp_path):
    """A model of a copy of the graph, which is deleted before the model is loaded."""
    graph, rows, matrix = transform_graph
    copied = shutil.copytree(graph, tmp_path / 'copied')
    payload = clustering_of(matrix, OUTPUTS, list(OUTPUTS))
    preprocessing = TransformPreprocessing(str(copied), list(OUTPUTS))
    made = saved(payload, preprocessing=preprocessing)
    shutil.rmtree(copied)
    moved = tmp_path / 'moved'
    shutil.move(made.folder, moved)
    made.folder, made.model = moved, tf.saved_model.load(str(moved))
    return made, rows, matrix


def test_only_clustered_features_are_served(served):
    made, rows, matrix = served
    found = made.call('preprocess', examples=examples_of(rows))['features']
    np.testing.assert_allclose(found, matrix, rtol=1e-6, atol=1e-7)
    answer = made.call('examples', examples=examples_of(rows))
    distances = reference(made.payload, matrix)
    np.testing.assert_array_equal(answer['cluster_index'], distances.argmin(axis=1))
    assert [path.name for path in (made.folder / 'assets').iterdir()] == ['colors']
    inputs = made.model.signatures['raw'].structured_input_signature[1]
    assert set(inputs) == {'n', 'color', 'price'}
    saved_model = (made.folder / 'saved_model.pb').read_bytes()
    for unused in (b'labels', b'tags', b'label is wrong', b'PyFunc', b'NumpyFunction'):
        assert unused not in saved_model


def test_raw_takes_variable_length_features_as_padded_rows(served):
    made, rows, _ = served
    prices = np.array([row['price'] or [np.nan] for row in rows], np.float32)
    named = {'n': [row['n'] for row in rows], 'color': [row['color'] for row in rows]}
    answer = made.call('raw', price=prices, **named)
    expected = made.call('examples', examples=examples_of(rows))
    for name, values in expected.items():
        np.testing.assert_array_equal(answer[name], values)


def test_an_example_with_a_missing_feature_gets_no_cluster_and_does_not_affect_others(served):
    made, rows, _ = served
    whole = examples_of(rows[:3])
    without_n = example(color=[b'red'], price=[1.0])
    without_color = example(n=[1.0], price=[1.0])
    batch = [whole[0], without_n, whole[1], without_color, whole[2]]
    answer = made.call('examples', examples=batch)
    expected = made.call('examples', examples=whole)
    assert answer['cluster_index'][[1, 3]].tolist() == [-1, -1]
    assert np.isnan(answer['distance'][[1, 3]]).all()
    for name in expected:
        np.testing.assert_array_equal(answer[name][[0, 2, 4]], expected[name])
    assert np.isnan(made.call('preprocess', examples=batch)['features'][[1, 3]]).all()
    assert made.call('cluster_index', examples=batch)['cluster_index'][[1, 3]].tolist() == [-1, -1]
    all_distances = made.call('all_distances', examples=batch)['all_distances']
    assert np.isnan(all_distances).all(axis=1).tolist() == [False, True, False, True, False]


def test_an_assertion_of_the_preprocessing_is_kept(served):
    made, rows, _ = served
    with pytest.raises(tf.errors.InvalidArgumentError, match='n is too large'):
        made.call('examples', examples=examples_of([{**rows[0], 'n': 2000.0}]))


def test_a_python_function_is_rejected_and_named(transform_graph):
    with pytest.raises(PythonCallError, match=r"feature 'sneaky' calls Python functions.*PyFunc"):
        TransformPreprocessing(transform_graph[0], ['numbers', 'sneaky'])


def test_the_digest_depends_on_the_graph_and_its_vocabularies(transform_graph, tmp_path):
    graph, _, _ = transform_graph
    digest = TransformPreprocessing(graph, list(OUTPUTS)).digest()
    copied = shutil.copytree(graph, tmp_path / 'copied')
    assert TransformPreprocessing(str(copied), list(OUTPUTS)).digest() == digest
    (copied / 'transform_fn' / 'assets' / 'colors').write_text('green\nred\n')
    assert TransformPreprocessing(str(copied), list(OUTPUTS)).digest() != digest
    assert TransformPreprocessing(str(copied), ['numbers']).digest() != digest
