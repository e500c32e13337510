"""One pushed model, whose pipeline is gone, and questions that NumPy has answered."""

import base64
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from sklearn.preprocessing import StandardScaler
from tfx.types import standard_artifacts

from tests.e2e.conftest import run_locally
from tfx_kmeans.artifacts import KMeansCentroids
from tfx_kmeans.centroid_exporter.executor import Executor
from tfx_kmeans.centroid_exporter.options import ExporterOptions
from tfx_kmeans.centroids.storage import read_payload
from tfx_kmeans.parameters import encode

PROGRAMS = Path(__file__).parent / 'programs'


@pytest.fixture(scope='session')
def clients():
    """Where scripts/clients.sh has put the clients' environments."""
    return Path(os.environ['CLIENTS'])


def clean_environment():
    """The environment without what importing Transform here has set, such as the old Keras."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith('TF_')}
    return {**kept, 'CUDA_VISIBLE_DEVICES': '-1', 'TF_CPP_MIN_LOG_LEVEL': '2'}


def run(*command, **options):
    """Standard output of a command that must end well."""
    ended = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env=clean_environment(),
        **options,
    )
    assert ended.returncode == 0, ended.stdout[-4000:] + ended.stderr[-4000:]
    return ended.stdout


def run_program(python, name, *arguments):
    """What a program of `programs/` answers, in an interpreter that sees no code of ours."""
    return json.loads(run(python, '-I', PROGRAMS / name, *arguments).splitlines()[-1])


@pytest.fixture(scope='session')
def wine(tmp_path_factory):
    """A run on wine, its folders moved away, and copies of what is served.

    `pushed` and `dense` are models, the latter with features as serving_default; `questions` is a
    JSON file with the eval split as tf.Examples, as raw columns and as rows; `nearest`,
    `distances` (to all) and `rows` are NumPy's answers, from the centroids artifact.
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
    (folder / 'output').rename(folder / 'gone')
    return SimpleNamespace(
        folder=folder,
        pushed=pushed,
        dense=dense,
        examples=examples,
        **_questions(read_payload(str(centroids)), records, folder / 'questions.json'),
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
    Executor().Do(inputs, outputs, encode(ExporterOptions, {'default_signature': 'features'}))
    return folder / 'Format-Serving'


def _records(pipeline, split):
    files = (pipeline / 'CsvExampleGen').glob(f'examples/*/Split-{split}/*.gz')
    return list(tf.data.TFRecordDataset([str(f) for f in files], 'GZIP').as_numpy_iterator())


def _questions(payload, records, path):
    names = payload.metadata.column_names
    raw = {split: _raw(names, records[split]) for split in records}
    rows = StandardScaler().fit(raw['train']).transform(raw['eval'])
    distances = np.square(rows[:, None] - payload.centroids[None]).sum(axis=2)
    asked = {
        'examples': [base64.b64encode(one).decode() for one in records['eval']],
        'raw': dict(zip(names, raw['eval'].T.tolist(), strict=True)),
        'rows': rows.tolist(),
    }
    path.write_text(json.dumps(asked))
    return {
        'questions': path,
        'asked': asked,
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
    """Holds a client's answer against NumPy's."""

    def checked(answer):
        np.testing.assert_array_equal(answer['cluster_index'], wine.nearest)
        least = wine.distances.min(axis=1)
        np.testing.assert_allclose(answer['distance'], least, rtol=1e-4)

    return checked


THIS_PYTHON = sys.executable
