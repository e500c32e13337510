"""The executors on real TFRecords, and their models in a process that imports only TensorFlow."""

import json
import math
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.cluster import KMeans

from tfx_kmeans.centroids.storage import read_payload


def model_folder(model):
    return Path(model.uri) / 'Format-Serving'


def test_the_trainer_finds_the_same_clusters_as_scikit_learn(workshop, many_rows):
    trained = workshop.train(workshop.examples(train=many_rows), num_restarts=3)
    theirs = KMeans(4, n_init=3, random_state=0).fit(many_rows.astype(np.float64))
    payload = read_payload(trained.centroids.uri)
    assert math.isclose(payload.metadata.inertia, theirs.inertia_, rel_tol=1e-3)
    order = np.lexsort(payload.centroids.T)
    theirs_order = np.lexsort(theirs.cluster_centers_.T)
    np.testing.assert_allclose(
        payload.centroids[order], theirs.cluster_centers_[theirs_order], atol=0.05
    )
    assert payload.metadata.column_names == ('a', 'b', 'c')
    assert trained.centroids.get_int_custom_property('k') == 4
    assert trained.centroids.get_int_custom_property('rows') == 1200
    assert trained.centroids.get_float_custom_property('inertia') == payload.metadata.inertia
    runs = sorted(path.name for path in Path(trained.model_run.uri).iterdir())
    assert runs == ['clusters', 'restart_0', 'restart_1', 'restart_2']


def test_the_same_examples_options_and_seed_give_the_same_bits(workshop, many_rows):
    examples = workshop.examples(train=many_rows)
    one = read_payload(workshop.train(examples).centroids.uri)
    other = read_payload(workshop.train(examples).centroids.uri)
    assert np.array_equal(one.centroids, other.centroids)
    assert one.metadata.inertia == other.metadata.inertia


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'splits': ['test']}, "splits contains 'test', but the examples in"),
        ({'splits': ['test']}, "Existing splits: 'train'"),
        ({'num_clusters': 2000}, 'num_clusters is 2000, but there are only 1200 rows'),
        ({'features': ['label']}, "'label' is a dense feature of type string"),
        ({'features': ['nope']}, "features names 'nope'"),
        ({'column_names': ['x']}, 'column_names has 1 names'),
    ],
)
def test_a_refused_training_writes_nothing(workshop, many_rows, options, message):
    examples = workshop.examples(train=many_rows)
    with pytest.raises(ValueError) as refused:
        workshop.train(examples, **options)
    assert message in str(refused.value)
    for name in ('centroids', 'model_run'):
        assert list((workshop.folder / name).iterdir()) == []


def test_the_trainer_counts_rows_that_are_not_finite(workshop, many_rows):
    rows = many_rows.copy()
    rows[[5, 6], 1] = np.inf
    rows[7, 2] = np.nan
    with pytest.raises(ValueError, match='3 of 1200 rows') as refused:
        workshop.train(workshop.examples(train=rows))
    assert "column 'b': 0 NaN, 2 infinite; column 'c': 1 NaN, 0 infinite" in str(refused.value)


def test_an_interrupted_training_writes_nothing(workshop, many_rows, monkeypatch):
    from tfx_kmeans.kmeans_trainer import executor

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(executor, '_set_properties', interrupted)
    with pytest.raises(KeyboardInterrupt):
        workshop.train(workshop.examples(train=many_rows))
    assert list((workshop.folder / 'centroids').iterdir()) == []


CLIENT = """
import json, sys
import numpy as np, tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
rows = np.array(json.loads(sys.argv[2]), np.float32)
examples = [
    tf.train.Example(features=tf.train.Features(feature={
        name: tf.train.Feature(float_list=tf.train.FloatList(value=[value]))
        for name, value in zip('abc', row)
    })).SerializeToString() for row in rows
]
answers = {
    'serving_default': model.signatures['serving_default'](examples=tf.constant(examples)),
    'examples': model.signatures['examples'](examples=tf.constant(examples)),
    'features': model.signatures['features'](features=tf.constant(rows)),
    'preprocess': model.signatures['preprocess'](examples=tf.constant(examples)),
    'model': {'centroids': model.centroids, 'clusters': model.clusters},
}
assert not {'tfx', 'tfx_kmeans', 'tensorflow_transform', 'apache_beam'} & set(sys.modules)
print(json.dumps({s: {k: v.numpy().tolist() for k, v in a.items()} for s, a in answers.items()}))
"""


@pytest.mark.parametrize('metric', ['squared_euclidean', 'cosine'])
def test_a_moved_model_answers_in_a_fresh_process(workshop, many_rows, tmp_path, metric):
    trained = workshop.train(workshop.examples(train=many_rows), distance_metric=metric)
    model = workshop.export(trained.centroids)
    payload = read_payload(trained.centroids.uri)
    moved = tmp_path / 'elsewhere'
    shutil.move(model_folder(model), moved)
    some = many_rows[:20]
    answered = subprocess.run(
        [sys.executable, '-I', '-c', CLIENT, str(moved), json.dumps(some.tolist())],
        capture_output=True,
        check=True,
        text=True,
    )
    answers = json.loads(answered.stdout)
    points, centroids = some.astype(np.float64), payload.centroids.astype(np.float64)
    distances = np.square(points[:, None] - centroids[None]).sum(axis=2)
    if metric == 'cosine':
        unit = points / np.linalg.norm(points, axis=1, keepdims=True)
        distances = 1 - unit @ centroids.T
    for signature in ('serving_default', 'examples', 'features'):
        answer = answers[signature]
        assert answer['cluster_index'] == distances.argmin(axis=1).tolist()
        np.testing.assert_allclose(answer['distance'], distances.min(axis=1), rtol=1e-5, atol=1e-7)
    np.testing.assert_array_equal(np.float32(answers['preprocess']['features']), some)
    np.testing.assert_array_equal(np.float32(answers['model']['centroids']), payload.centroids)
    np.testing.assert_array_equal(np.float32(answers['model']['clusters']), payload.centroids)


def test_the_model_contains_the_payload(exported):
    inside = read_payload(str(model_folder(exported.model) / 'assets.extra' / 'tfx_kmeans'))
    assert inside.metadata == read_payload(exported.centroids.uri).metadata


def test_default_signature_features(workshop, exported):
    model = workshop.export(exported.centroids, default_signature='features')
    found = workshop.validate(model, exported.centroids, exported.examples)
    assert found.failed == []
    (described,) = (check['found'] for check in found.checks if check['name'] == 'signatures')
    assert 'serving_default(features: float32 [None, 3])' in described
