"""The complete pipeline on the wine data, as started by `make run`, on both DAG runners."""

import json
import math
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from sklearn.cluster import KMeans
from sklearn.preprocessing import StandardScaler

from tfx_kmeans.centroids.storage import read_payload

README = (Path(__file__).parents[2] / 'README.md').read_text()
COMPONENTS = (
    'CsvExampleGen', 'StatisticsGen', 'SchemaGen', 'ExampleValidator', 'Transform',
    'KMeansTrainer', 'CentroidExporter', 'ExportValidator', 'Pusher',
)  # fmt: skip


def pushed_model(run):
    (model,) = (run.output / 'serving_model').iterdir()
    return model


def raw_rows(run, split):
    """Raw numbers of a split, in the order of the columns, read directly from the TFRecords."""
    payload = read_payload(str(pushed_model(run) / 'assets.extra' / 'tfx_kmeans'))
    files = (run.output / 'pipeline' / 'CsvExampleGen').glob(f'examples/*/Split-{split}/*.gz')
    records = tf.data.TFRecordDataset([str(f) for f in files], 'GZIP').as_numpy_iterator()
    rows = []
    for record in records:
        feature = tf.train.Example.FromString(record).features.feature
        rows.append(
            [
                (feature[name].float_list.value or feature[name].int64_list.value)[0]
                for name in payload.metadata.column_names
            ]
        )
    return np.array(rows)


def test_a_successful_run_is_reported(wine_run):
    assert wine_run.code == 0, wine_run.screen + wine_run.errors
    for component in COMPONENTS:
        assert re.search(rf'^  {component} +\d+\.\d s$', wine_run.screen, re.MULTILINE), component
    shown = re.findall(r'^(?:Cluster sizes|Inertia|  \w+ +\d+ of) .*$', README, re.MULTILINE)
    assert len(shown) == 5
    for line in shown:
        assert line in wine_run.screen.splitlines(), 'the sample in the README'
    assert 'FAILED' not in wine_run.screen
    report = re.search(r'^Report +(output/.+)$', wine_run.screen, re.MULTILINE).group(1)
    assert 'The model is blessed' in (wine_run.output.parent / report).read_text()
    pushed = pushed_model(wine_run).relative_to(wine_run.output.parent)
    assert f'Pushed to {pushed}\n' in wine_run.screen
    assert re.search(r'^Cluster sizes  0: \d+, 1: \d+, 2: \d+$', wine_run.screen, re.MULTILINE)


def test_messages_of_tfx_are_in_the_log_and_not_on_the_terminal(wine_run):
    assert wine_run.errors == ''
    assert 'Warning' not in wine_run.screen
    assert len(wine_run.screen.splitlines()) < 40
    log = re.search(r'^Log: (output/.+)$', wine_run.screen, re.MULTILINE).group(1)
    assert 'KMeansTrainer is running' in (wine_run.output.parent / log).read_text()


def test_the_clusters_are_the_same_as_those_of_scikit_learn(wine_run):
    raw = raw_rows(wine_run, 'train')
    rows = StandardScaler().fit_transform(raw)
    theirs = KMeans(3, n_init=10, random_state=0).fit(rows)
    payload = read_payload(str(pushed_model(wine_run) / 'assets.extra' / 'tfx_kmeans'))
    assert payload.metadata.rows == len(raw)
    assert payload.metadata.inertia <= 1.005 * theirs.inertia_
    labels = np.square(rows[:, None] - payload.centroids[None]).sum(axis=2).argmin(axis=1)
    assert np.array_equal(np.bincount(labels), payload.cluster_weight)
    assert math.isclose(payload.metadata.inertia, theirs.inertia_, rel_tol=0.005)


def test_the_label_is_not_used_for_clustering(wine_run):
    payload = read_payload(str(pushed_model(wine_run) / 'assets.extra' / 'tfx_kmeans'))
    assert len(payload.metadata.column_names) == 13
    assert 'class' not in payload.metadata.column_names


def test_the_printed_command_returns_the_nearest_cluster(wine_run):
    (command,) = (line for line in wine_run.screen.splitlines() if 'saved_model_cli' in line)
    answered = subprocess.run(
        command,
        shell=True,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        cwd=wine_run.output.parent,
    )
    found = int(re.search(r'cluster_index:\n\[(\d+)\]', answered.stdout).group(1))
    payload = read_payload(str(pushed_model(wine_run) / 'assets.extra' / 'tfx_kmeans'))
    (example,) = json.loads(shlex.split(command)[-1].removeprefix('examples='))
    raw = raw_rows(wine_run, 'train')
    row = np.array([example[name][0] for name in payload.metadata.column_names])
    scaled = (row - raw.mean(axis=0)) / raw.std(axis=0)
    assert found == np.square(scaled - payload.centroids).sum(axis=1).argmin()


TENSORFLOW_CLIENT = """
import json, sys
import tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
example = tf.train.Example(features=tf.train.Features(feature={
    name: tf.train.Feature(float_list=tf.train.FloatList(value=[value]))
    for name, value in json.loads(sys.argv[2]).items()
})).SerializeToString()
def predict(*examples):
    answer = model.signatures['serving_default'](examples=tf.constant(examples, tf.string))
    return {name: values.numpy().tolist() for name, values in answer.items()}
print(json.dumps([predict(example), predict(), predict(*[example] * 7), predict(b'')]))
"""


def test_the_model_can_be_served_without_the_pipeline(wine_run, tmp_path):
    model = tmp_path / 'moved'
    shutil.copytree(pushed_model(wine_run), model)
    payload = read_payload(str(model / 'assets.extra' / 'tfx_kmeans'))
    raw = raw_rows(wine_run, 'eval')
    row = dict(zip(payload.metadata.column_names, raw[0].tolist(), strict=True))
    hidden = wine_run.output.with_name('hidden')
    wine_run.output.rename(hidden)
    try:
        answered = subprocess.run(
            [sys.executable, '-I', '-c', TENSORFLOW_CLIENT, str(model), json.dumps(row)],
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
    finally:
        hidden.rename(wine_run.output)
    one, none, seven, empty = json.loads(answered.stdout)
    assert none == {'cluster_index': [], 'distance': []}
    assert seven['cluster_index'] == one['cluster_index'] * 7
    np.testing.assert_allclose(seven['distance'], one['distance'] * 7, rtol=1e-6)
    # In an empty example, every value is imputed by the mean, which is 0 after scaling.
    np.testing.assert_allclose(
        empty['distance'], np.square(payload.centroids).sum(axis=1).min(), rtol=1e-4
    )


def test_the_model_preprocesses_rows_as_scikit_learn_does(wine_run):
    model = tf.saved_model.load(str(pushed_model(wine_run)))
    raw = raw_rows(wine_run, 'train')
    records = tf.data.TFRecordDataset(
        [
            str(file)
            for file in (wine_run.output / 'pipeline' / 'CsvExampleGen').glob(
                'examples/*/Split-train/*.gz'
            )
        ],
        'GZIP',
    )
    served = model.signatures['preprocess'](examples=tf.constant(list(records.as_numpy_iterator())))
    expected = StandardScaler().fit_transform(raw)
    np.testing.assert_allclose(served['features'].numpy(), expected, atol=2e-5)


@pytest.mark.parametrize('output', ['blessing', 'report'])
def test_the_validator_writes_blessing_and_report(wine_run, output):
    (folder,) = (wine_run.output / 'pipeline' / 'ExportValidator' / output).iterdir()
    names = sorted(path.name for path in folder.iterdir())
    assert names == (['BLESSED'] if output == 'blessing' else ['report.html', 'report.json'])
