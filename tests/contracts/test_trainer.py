"""KMeansTrainer on real TFRecords: evaluation, parameters, base models and checkpoints."""

import json
import logging
import math
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import davies_bouldin_score, silhouette_score
from tensorflow.python.summary.summary_iterator import summary_iterator

import tfx_kmeans
from tfx_kmeans.centroids import checkpoint_folder
from tfx_kmeans.centroids.storage import read_payload
from tfx_kmeans.data.feature_layout import choose_layout
from tfx_kmeans.data.matrix import open_matrix
from tfx_kmeans.tfx_io import examples_of

sys.path.insert(0, str(Path(__file__).parent))


def metadata_of(trained):
    return json.loads((Path(trained.centroids.uri) / 'metadata.json').read_text())


def arrays_of(trained):
    return np.load(Path(trained.centroids.uri) / 'centroids.npz', allow_pickle=False)


def test_it_is_evaluated_on_the_eval_split(workshop, many_rows):
    train, held_out = many_rows[:900], many_rows[900:]
    trained = workshop.train(workshop.examples(train=train, eval=held_out))
    found = metadata_of(trained)['evaluation']['eval']
    centers = arrays_of(trained)['centroids'].astype(float)
    distances = np.square(held_out[:, None].astype(float) - centers[None]).sum(axis=2)
    labels = distances.argmin(axis=1)
    assert math.isclose(found['inertia'], distances.min(axis=1).sum(), rel_tol=1e-5)
    assert math.isclose(found['silhouette'], silhouette_score(held_out, labels), rel_tol=1e-4)
    assert found['silhouette_kind'] == 'exact'
    score = davies_bouldin_score(held_out, labels)
    assert math.isclose(found['davies_bouldin'], score, rel_tol=1e-4)
    assert found['cluster_weight'] == np.bincount(labels, minlength=4).tolist()
    artifact = trained.centroids
    assert artifact.get_float_custom_property('silhouette') == found['silhouette']
    assert artifact.get_float_custom_property('davies_bouldin') == found['davies_bouldin']
    assert artifact.get_float_custom_property('eval_inertia') == found['inertia']
    assert artifact.get_int_custom_property('eval_rows') == 300
    sizes = artifact.get_json_value_custom_property('eval_cluster_weight')
    assert sizes == found['cluster_weight']
    (events,) = (Path(trained.model_run.uri) / 'eval').iterdir()
    tags = {v.tag for event in summary_iterator(str(events)) for v in event.summary.value}
    assert {'inertia', 'silhouette', 'davies_bouldin', 'cluster_weight'} <= tags


@pytest.mark.parametrize(
    ('splits', 'options'),
    [(['train'], {}), (['train', 'eval'], {'splits': ['train', 'eval']}), (['train', 'none'], {})],
)
def test_without_a_held_out_eval_split_there_is_no_evaluation(workshop, many_rows, splits, options):
    rows = dict.fromkeys(splits, many_rows[:100])
    if 'none' in rows:
        rows = {'train': many_rows[:100], 'eval': many_rows[:0]}
    trained = workshop.train(workshop.examples(**rows), **options)
    assert metadata_of(trained)['evaluation'] == {}
    assert not trained.centroids.has_custom_property('silhouette')


def test_an_eval_split_that_cannot_be_evaluated_is_named(workshop, many_rows):
    bad = many_rows[:50].copy()
    bad[3, 0] = np.nan
    with pytest.raises(ValueError, match="split 'eval' cannot be evaluated: 1 of 50 rows"):
        workshop.train(workshop.examples(train=many_rows, eval=bad))
    assert list((workshop.folder / 'centroids').iterdir()) == []


@pytest.mark.parametrize(
    'options',
    [
        {'initial_clusters': 'kmeans_parallel'},
        {'initial_clusters': 'starts:first_rows'},
        {'use_mini_batch': True, 'batch_size': 128, 'mini_batch_steps_per_iteration': 2},
        {'distance_metric': 'cosine', 'initial_clusters': 'random'},
    ],
    ids=lambda options: '-'.join(map(str, options.values())),
)
def test_training_gives_the_result_of_the_python_fit(workshop, many_rows, options):
    examples = workshop.examples(train=many_rows)
    trained = workshop.train(examples, **options)
    spec = {name: tf.io.FixedLenFeature([], tf.float32) for name in 'abc'}
    with open_matrix(examples_of([examples], ['train']), choose_layout(spec)) as matrix:
        same = tfx_kmeans.fit(matrix.values, 4, column_names=['a', 'b', 'c'], **options)
    assert np.array_equal(arrays_of(trained)['centroids'], same.cluster_centers())
    found = metadata_of(trained)
    assert {name: found['options'][name] for name in options} == options
    assert found['features'][2] == {'name': 'c', 'first_column': 2, 'width': 1}
    moved = {seen['moved'] is None for run in found['restarts'] for seen in run['history']}
    assert moved == {bool(options.get('use_mini_batch'))}


def test_the_order_of_rows_and_shards_does_not_matter(workshop, many_rows):
    start = many_rows[:4].tolist()
    one = workshop.train(workshop.examples(train=many_rows), initial_clusters=start)
    expected = dict(arrays_of(one))
    shuffled = np.random.default_rng(0).permutation(many_rows)
    examples = workshop.examples('sharded', train=shuffled[:300])
    folder = Path(examples.uri) / 'Split-train'
    for shard, rows in enumerate((shuffled[300:310], shuffled[310:])):
        other = workshop.examples(f'other{shard}', train=rows)
        (path,) = (Path(other.uri) / 'Split-train').iterdir()
        path.rename(folder / f'a{shard}-{path.name}')
    found = arrays_of(workshop.train(examples, initial_clusters=start))
    np.testing.assert_allclose(found['centroids'], expected['centroids'], rtol=1e-5)
    np.testing.assert_array_equal(found['cluster_weight'], expected['cluster_weight'])


def test_features_that_are_left_out_are_logged_and_recorded(workshop, many_rows, caplog):
    examples = workshop.examples(train=many_rows)
    with caplog.at_level(logging.INFO):
        trained = workshop.train(examples, weight_feature='c')
    assert metadata_of(trained)['column_names'] == ['a', 'b']
    assert metadata_of(trained)['left_out'] == {
        'c': 'the weight of the rows',
        'id': 'named in exclude_features',
        'label': 'of type string',
    }
    for name, reason in metadata_of(trained)['left_out'].items():
        assert f"The feature '{name}' is left out of the clustering: {reason}." in caplog.text
    caplog.clear()
    with caplog.at_level(logging.INFO):
        named = workshop.train(examples, features=['a', 'b'], exclude_features=[])
    assert metadata_of(named)['left_out'] == {}
    assert 'left out' not in caplog.text


VARYING = """
feature { name: "a" type: FLOAT presence { min_fraction: 1.0 } shape {} }
feature { name: "b" type: FLOAT value_count { min: 1 max: 1 } presence { min_fraction: 0.9 } }
feature { name: "label" type: BYTES value_count { min: 1 max: 1 } }
"""


def test_a_numeric_feature_of_varying_length_in_the_schema_is_refused(workshop, many_rows):
    examples = workshop.examples(train=many_rows)
    with pytest.raises(ValueError) as refused:
        workshop.train(examples, schema=VARYING, exclude_features=[])
    message = str(refused.value)
    assert "'b' is a variable-length feature of type float32. Give it a fixed shape" in message
    assert 'SchemaGen with infer_feature_shape=True' in message
    assert 'exclude_features' in message
    trained = workshop.train(examples, schema=VARYING, exclude_features=['b'])
    assert metadata_of(trained)['left_out'] == {
        'b': 'named in exclude_features',
        'label': 'of type string',
    }


def with_sparse_outputs(inputs):
    """A preprocessing_fn whose outputs are a dense feature and two sparse ones."""
    return {'n': inputs['n'], 'price': inputs['price'], 'label': inputs['label']}


def test_a_sparse_output_of_transform_is_refused_unless_it_is_excluded(
    workshop, transform, behind_transform
):
    graph, encoded = transform(with_sparse_outputs, behind_transform.rows)
    examples = workshop.written('sparse', 'train', encoded)
    with pytest.raises(
        ValueError, match=r"'price' is a variable-length .* Make it dense in the preprocessing_fn"
    ):
        workshop.train(examples, transform_graph=graph)
    trained = workshop.train(examples, transform_graph=graph, exclude_features=['price'])
    assert metadata_of(trained)['column_names'] == ['n']
    assert metadata_of(trained)['left_out'] == {
        'label': 'of type string',
        'price': 'named in exclude_features',
    }


def own_preprocessing(inputs):
    from tfx_kmeans.pipelines.preprocessing import preprocessing_fn

    return preprocessing_fn(inputs, {'features': ['n', 'price']})


def own_preprocessing_of_price(inputs):
    from tfx_kmeans.pipelines.preprocessing import preprocessing_fn

    return preprocessing_fn(inputs, {'features': ['price']})


# Transform's mean of no number is NaN beside another column, and 0 without one.
@pytest.mark.filterwarnings('ignore:invalid value encountered in divide:RuntimeWarning')
@pytest.mark.parametrize(
    ('preprocessing_fn', 'names'),
    [(own_preprocessing, ['n', 'price']), (own_preprocessing_of_price, ['price'])],
)
def test_a_column_that_is_empty_in_training_is_refused_by_name(
    workshop, transform, behind_transform, preprocessing_fn, names
):
    rows = [{**row, 'price': []} for row in behind_transform.rows]
    graph, encoded = transform(preprocessing_fn, rows)
    examples = workshop.written('empty', 'train', encoded)
    with pytest.raises(
        ValueError, match=r"no number in any of the 120 rows for column 'price': .*Leave this col"
    ):
        workshop.train(examples, transform_graph=graph, column_names=names)


def test_more_clusters_than_distinct_rows_are_logged(workshop, many_rows, caplog):
    few = np.repeat(many_rows[:3], 20, axis=0)
    workshop.train(workshop.examples(train=few), num_clusters=np.int64(5))
    assert 'num_clusters is 5, but the data has only 3 distinct rows, so that 2' in caplog.text


@pytest.fixture
def base(workshop, many_rows):
    """A model that was exported earlier, with its arrays and metadata."""
    trained = workshop.train(workshop.examples(train=many_rows), num_restarts=3)
    arrays = dict(arrays_of(trained))
    return workshop.export(trained.centroids), arrays, metadata_of(trained)


def test_training_starts_from_a_base_model(workshop, many_rows, base):
    model, before, earlier = base
    examples = workshop.examples('later', train=many_rows + 0.5)
    trained = workshop.train(examples, [model], num_restarts=3, initial_clusters='random')
    found = metadata_of(trained)
    assert len(found['restarts']) == 1
    np.testing.assert_allclose(arrays_of(trained)['centroids'], before['centroids'] + 0.5, atol=0.1)
    assert found['ancestry']['base_model'] == model.uri
    assert found['ancestry']['aligned'] is False
    succession = found['ancestry']['succession']
    assert (succession['renumbered'], succession['moved']) == (0, 4)
    np.testing.assert_allclose(succession['distance'], 0.75, rtol=0.3)
    assert found['total_iterations'] == earlier['iterations'] + found['iterations']


def test_aligned_clusters_take_the_ids_of_the_base_model(workshop, many_rows, base):
    model, before, _ = base
    examples = workshop.examples('later', train=many_rows + 0.5)
    trained = workshop.train(examples, [model], align_clusters=True, num_restarts=3, seed=9)
    fresh = workshop.train(examples, num_restarts=3, seed=9)
    ids = np.square(arrays_of(fresh)['centroids'] - before['centroids'][:, None]).sum(2).argmin(1)
    assert ids.tolist() != [0, 1, 2, 3], 'the test needs a fit with another order of clusters'
    trained = workshop.train(examples, [model], align_clusters=True, num_restarts=3, seed=9)
    found, succession = arrays_of(trained), metadata_of(trained)['ancestry']['succession']
    np.testing.assert_allclose(found['centroids'], before['centroids'] + 0.5, atol=0.1)
    assert succession['renumbered'] == np.count_nonzero(ids != np.arange(4))
    assert metadata_of(trained)['ancestry']['aligned'] is True
    assert len(metadata_of(trained)['restarts']) == 3
    rows = many_rows + np.float32(0.5)
    labels = np.square(rows[:, None] - found['centroids']).sum(2).argmin(1)
    np.testing.assert_array_equal(found['cluster_weight'], np.bincount(labels))


def test_the_first_run_has_no_base_model(workshop, many_rows):
    examples = workshop.examples(train=many_rows)
    trained = workshop.train(examples, [], align_clusters=True)
    assert metadata_of(trained)['ancestry'] is None


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'num_clusters': 5}, 'does not match: its num_clusters is 4, but here it is 5'),
        ({'distance_metric': 'cosine'}, 'its distance_metric is squared_euclidean, but here'),
        ({'exclude_features': ['id', 'b']}, 'its features is a, b, c, but here it is a, c'),
        ({'align_clusters': True, 'num_clusters': 3}, 'its num_clusters is 4, but here it is 3'),
    ],
)
def test_a_base_model_that_does_not_match_is_rejected(workshop, many_rows, base, options, message):
    with pytest.raises(ValueError) as refused:
        workshop.train(workshop.examples('later', train=many_rows), [base[0]], **options)
    assert message in str(refused.value)
    assert base[0].uri in str(refused.value)


def test_a_model_that_was_not_exported_by_this_package_is_rejected(workshop, many_rows):
    from tfx.types import standard_artifacts

    other = workshop.artifact(standard_artifacts.Model, 'other')
    tf.saved_model.save(tf.Module(), f'{other.uri}/Format-Serving')
    with pytest.raises(
        ValueError, match=r'other contains no centroids: .* CentroidExporter has exported'
    ):
        workshop.train(workshop.examples(train=many_rows), [other])


def test_a_trainer_that_died_resumes_from_its_checkpoints(
    workshop, many_rows, monkeypatch, caplog, tmp_path
):
    from tfx_kmeans.kmeans_trainer import progress_log

    class DiedError(Exception):
        pass

    monkeypatch.setattr(checkpoint_folder, '_SPARED', 0)
    examples, folder = workshop.examples(train=many_rows), tmp_path / 'checkpoints'
    options = {'num_restarts': 3, 'relative_tolerance': 0.0, 'checkpoint_dir': str(folder)}
    whole = arrays_of(workshop.train(examples, **{**options, 'checkpoint_dir': None}))
    with monkeypatch.context() as patch:
        calls = []

        def die(*arguments):
            calls.append(arguments)
            if len(calls) == 8:
                raise DiedError

        patch.setattr(
            progress_log.ProgressLog, '__call__', lambda self, *arguments: die(*arguments)
        )
        with pytest.raises(DiedError):
            workshop.train(examples, **options)
    assert list((workshop.folder / 'centroids').iterdir()) == []
    assert len(list(folder.iterdir())) == 2
    with caplog.at_level(logging.INFO):
        found = arrays_of(workshop.train(examples, **options))
    assert 'Resuming from' in caplog.text
    assert list(folder.iterdir()) == []
    for name in whole.files:
        assert np.array_equal(found[name], whole[name]), name


def test_kmeans_model_applies_the_preprocessing_to_raw_examples(exported, many_rows):
    model = tfx_kmeans.KMeansModel.load(exported.model)
    files = Path(exported.examples.uri).glob('Split-eval/*.gz')
    records = tf.data.TFRecordDataset([str(file) for file in files], 'GZIP').as_numpy_iterator()
    answers = list(model.predict(records))
    assert len(answers) == 300
    expected = model.predict_cluster_index(many_rows[900:])
    assert [answer['cluster_index'] for answer in answers] == expected.tolist()
    np.testing.assert_allclose(
        model.cluster_centers(), read_payload(exported.centroids.uri).centroids
    )
    with pytest.raises(ValueError, match=f'do not match the model {exported.model.uri}'):
        list(model.predict([b'\xff\xff']))
