"""A pushed model without its pipeline, and requests with the answers computed by NumPy."""

import base64
import json
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from sklearn.preprocessing import StandardScaler
from tfx.types import standard_artifacts

from tests.contracts.exec_properties import exec_properties
from tests.e2e.running import run_locally
from tfx_kmeans.artifacts import KMeansCentroids
from tfx_kmeans.centroid_exporter.executor import Executor
from tfx_kmeans.centroid_exporter.options import ExporterOptions
from tfx_kmeans.centroids.storage import read_payload


@pytest.fixture(scope='session')
def clients():
    """Folder in which scripts/clients.sh has installed the clients' environments."""
    return Path(os.environ['CLIENTS'])


@pytest.fixture(scope='session')
def wine(tmp_path_factory):
    """Models of a run on the wine data, moved out of the pipeline's folders.

    `pushed` and `dense` are models; `dense` has `features` as its serving_default. `requests_file`
    is a JSON file with the eval split as tf.Examples, as raw columns and as rows; `requests` is its
    content. `nearest`, `distances` (to all centroids) and `rows` are computed by NumPy from the
    centroids artifact.
    """
    folder = tmp_path_factory.mktemp('wine')
    done = run_locally(folder / 'output')
    assert done.code == 0, done.screen + done.errors
    pipeline = folder / 'output' / 'pipeline'
    (pushed,) = (folder / 'output' / 'serving_model').iterdir()
    dense = _dense_model(pipeline, folder / 'dense')
    records = {split: _records(pipeline, split) for split in ('train', 'eval')}
    examples = shutil.copytree(_only(pipeline / 'CsvExampleGen' / 'examples'), folder / 'examples')
    centroids = shutil.copytree(_only(pipeline / 'KMeansTrainer' / 'centroids'), folder / 'kept')
    pushed = shutil.copytree(pushed, folder / 'elsewhere' / '7')
    (folder / 'output').rename(folder / 'renamed')
    return SimpleNamespace(
        folder=folder,
        pushed=pushed,
        dense=dense,
        examples=examples,
        **_requests(read_payload(str(centroids)), records, folder / 'requests.json'),
    )


def _only(folder):
    (found,) = folder.iterdir()
    return found


def _dense_model(pipeline, folder):
    def artifact(kind, uri):
        made = kind()
        made.uri = str(uri)
        return made

    inputs = {
        'centroids': [artifact(KMeansCentroids, _only(pipeline / 'KMeansTrainer' / 'centroids'))],
        'transform_graph': [
            artifact(
                standard_artifacts.TransformGraph,
                _only(pipeline / 'Transform' / 'transform_graph'),
            )
        ],
    }
    outputs = {'model': [artifact(standard_artifacts.Model, folder)]}
    Executor().Do(inputs, outputs, exec_properties(ExporterOptions, default_signature='features'))
    return folder / 'Format-Serving'


def _records(pipeline, split):
    files = (pipeline / 'CsvExampleGen').glob(f'examples/*/Split-{split}/*.gz')
    return list(tf.data.TFRecordDataset([str(f) for f in files], 'GZIP').as_numpy_iterator())


def _requests(payload, records, path):
    names = payload.metadata.column_names
    raw = {split: _raw(names, records[split]) for split in records}
    rows = StandardScaler().fit(raw['train']).transform(raw['eval'])
    distances = np.square(rows[:, None] - payload.centroids[None]).sum(axis=2)
    requests = {
        'examples': [base64.b64encode(one).decode() for one in records['eval']],
        'raw': dict(zip(names, raw['eval'].T.tolist(), strict=True)),
        'rows': rows.tolist(),
    }
    path.write_text(json.dumps(requests))
    return {
        'requests_file': path,
        'requests': requests,
        'serialized': records['eval'],
        'rows': rows,
        'distances': distances,
        'nearest': distances.argmin(axis=1),
        'centroids': payload.centroids,
    }


def _raw(names, records):
    parsed = [tf.train.Example.FromString(one).features.feature for one in records]
    return np.array(
        [
            [(f[name].float_list.value or f[name].int64_list.value)[0] for name in names]
            for f in parsed
        ]
    )


@pytest.fixture
def check(wine):
    """Asserts that a client's answer equals NumPy's."""

    def assert_equal(answer):
        np.testing.assert_array_equal(answer['cluster_index'], wine.nearest)
        nearest = wine.distances.min(axis=1)
        np.testing.assert_allclose(answer['distance'], nearest, rtol=1e-4)

    return assert_equal
