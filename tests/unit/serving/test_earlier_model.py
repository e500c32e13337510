"""What is read from an exported model's graph, and what the model answers for raw examples."""

import shutil

import numpy as np
import pytest
import tensorflow as tf

from tests.unit.serving.examples import example, example_of
from tfx_kmeans.serving.earlier_model import EarlierModel
from tfx_kmeans.serving.graph_file import find_saved_model, read_graph_file
from tfx_kmeans.serving.parsed_features import (
    missing_features,
    parsed_features,
    required_features,
)
from tfx_kmeans.serving.raw_rows import RawRows


def test_the_features_that_a_signature_parses(saved):
    served = saved(passthrough=['id', 'tags'])
    graph = read_graph_file(str(served.folder)).meta_graphs[0]
    found = {name: str(one) for name, one in parsed_features(graph, 'examples').items()}
    assert found == {
        'a': 'float32 of shape []',
        'b c/d': 'float32 of shape [2]',
        'b_c': 'int64 of shape []',
        'id': 'string of shape []',
        'tags': 'string of variable length',
    }
    assert set(parsed_features(graph, 'preprocess')) == {'a', 'b c/d', 'b_c'}
    assert parsed_features(graph, 'features') == parsed_features(graph, 'none') == {}
    assert required_features(graph) == ['a', 'b c/d', 'b_c']


def test_features_that_no_example_has():
    records = [example(a=[1.0]), example(b_c=[1], tags=[])]
    assert missing_features(['a', 'b c/d', 'b_c', 'tags'], records) == ['b c/d', 'tags']


def test_where_the_saved_model_is(saved, tmp_path):
    folder = str(saved().folder)
    shutil.copytree(folder, tmp_path / 'artifact' / 'Format-Serving')
    shutil.copytree(folder, tmp_path / 'pushed' / '10')
    (tmp_path / 'pushed' / '9').mkdir()
    assert find_saved_model(folder + '/') == folder
    assert find_saved_model(str(tmp_path / 'artifact')).endswith('artifact/Format-Serving')
    assert find_saved_model(str(tmp_path / 'pushed')).endswith('pushed/10')
    assert find_saved_model(folder + '/assets.extra/tfx_kmeans') is None
    assert find_saved_model(str(tmp_path / 'nowhere')) is None


def test_it_answers_as_it_is_served(saved, points):
    served = saved()
    records = [example_of(row) for row in points] + [example(a=[1.0])]
    found = EarlierModel(str(served.folder)).clusters_of(records)
    distances = np.square(points[:, None].astype(float) - served.payload.centroids).sum(axis=2)
    assert found.tolist() == [*distances.argmin(axis=1), -1]


def test_what_it_cannot_answer_is_refused_by_name(saved, tmp_path):
    served = saved()
    model = EarlierModel(str(served.folder))
    with pytest.raises(
        ValueError, match=r'cannot read the raw_examples: feature b_c.*float'
    ) as refused:
        model.clusters_of([example(a=[1.0], vector=[1.0, 2.0], b_c=[1.0])])
    assert str(served.folder) in str(refused.value)
    with pytest.raises(ValueError, match='cannot read the raw_examples'):
        model.clusters_of([b'\xff\xff'])
    with pytest.raises(ValueError, match=r"none of the 7 raw_examples.*they lack 'b c/d', 'b_c'"):
        model.refuse_unanswered([example(a=[1.0])], 7)
    tf.saved_model.save(tf.Module(), str(tmp_path / 'other'))
    for folder in (tmp_path / 'other', tmp_path / 'nowhere'):
        with pytest.raises(ValueError, match=f"base_model in {folder} has no .*'examples'"):
            EarlierModel(str(folder))


def test_rows_and_weights_of_raw_examples(from_schema, clustering, points):
    placed = clustering().metadata.features
    records = [example_of(row) for row in points[:9]] + [example(a=[1.0], b_c=[1])]
    rows, weights = RawRows(from_schema, placed, 'b_c')(records)
    np.testing.assert_array_equal(rows[:9], points[:9])
    assert np.isnan(rows[9]).all()
    assert weights[:9].tolist() == points[:9, 3].tolist()
    assert RawRows(from_schema, placed)(records)[1].tolist() == [1.0] * 10
