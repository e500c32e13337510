"""Artifacts on disk and executors run on them, as TFX would."""

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from tfx.types import standard_artifacts

from tfx_kmeans.artifacts import KMeansCentroids, KMeansReport
from tfx_kmeans.parameters import encode

SCHEMA = """
feature { name: "a" type: FLOAT presence { min_fraction: 1.0 } shape {} }
feature { name: "b" type: FLOAT presence { min_fraction: 1.0 } shape {} }
feature { name: "c" type: FLOAT presence { min_fraction: 1.0 } shape {} }
feature { name: "id" type: INT presence { min_fraction: 1.0 } shape {} }
feature { name: "label" type: BYTES presence { min_fraction: 1.0 } shape {} }
"""


def serialized(row, index):
    def floats(value):
        return tf.train.Feature(float_list=tf.train.FloatList(value=[value]))

    feature = dict(zip('abc', map(floats, row), strict=True))
    feature['id'] = tf.train.Feature(int64_list=tf.train.Int64List(value=[index]))
    feature['label'] = tf.train.Feature(bytes_list=tf.train.BytesList(value=[b'x']))
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()


class Workshop:
    """Makes artifacts below a folder and runs executors on them."""

    def __init__(self, folder):
        self.folder = folder

    def artifact(self, kind, name):
        """A new one in an empty folder, as TFX hands it to an executor."""
        made = kind()
        made.uri = str(self.folder / name)
        shutil.rmtree(made.uri, ignore_errors=True)
        tf.io.gfile.makedirs(made.uri)
        return made

    def examples(self, name='examples', **splits):
        made = self.artifact(standard_artifacts.Examples, name)
        made.split_names = json.dumps(sorted(splits))
        for split, rows in splits.items():
            path = self.folder / name / f'Split-{split}' / 'data_tfrecord-00000-of-00001.gz'
            path.parent.mkdir()
            with tf.io.TFRecordWriter(str(path), 'GZIP') as writer:
                for index, row in enumerate(rows):
                    writer.write(serialized(row, index))
        return made

    def schema(self):
        made = self.artifact(standard_artifacts.Schema, 'schema')
        (self.folder / 'schema' / 'schema.pbtxt').write_text(SCHEMA)
        return made

    def train(self, examples, base_model=None, **options):
        from tfx_kmeans.kmeans_trainer.executor import Executor
        from tfx_kmeans.kmeans_trainer.options import TrainerOptions

        outputs = {
            'centroids': [self.artifact(KMeansCentroids, 'centroids')],
            'model_run': [self.artifact(standard_artifacts.ModelRun, 'model_run')],
        }
        given = {'num_clusters': 4, 'exclude_features': ['id'], **options}
        inputs = {'examples': [examples], 'schema': [self.schema()]}
        if base_model is not None:
            inputs['base_model'] = base_model
        Executor().Do(inputs, outputs, encode(TrainerOptions, given))
        return SimpleNamespace(**{key: value[0] for key, value in outputs.items()})

    def export(self, centroids, examples=None, **options):
        from tfx_kmeans.centroid_exporter.executor import Executor
        from tfx_kmeans.centroid_exporter.options import ExporterOptions

        model = self.artifact(standard_artifacts.Model, 'model')
        # TFX sets this on what it registers; without it, an artifact counts as of an old TFX.
        model.set_string_custom_property('tfx_version', '1.16.0')
        inputs = {'centroids': [centroids], 'schema': [self.schema()]}
        if examples is not None:
            inputs['examples'] = [examples]
        Executor().Do(inputs, {'model': [model]}, encode(ExporterOptions, options))
        return model

    def validate(self, model, centroids, examples, baseline=None, **options):
        from tfx_kmeans.export_validator.executor import Executor
        from tfx_kmeans.export_validator.options import ValidatorOptions

        outputs = {
            'blessing': [self.artifact(standard_artifacts.ModelBlessing, 'blessing')],
            'infra_blessing': [self.artifact(standard_artifacts.InfraBlessing, 'infra_blessing')],
            'report': [self.artifact(KMeansReport, 'report')],
        }
        inputs = {'model': [model], 'centroids': [centroids], 'examples': [examples]}
        if baseline is not None:
            inputs['baseline_model'] = baseline
        Executor().Do(inputs, outputs, encode(ValidatorOptions, options))
        found = SimpleNamespace(**{key: value[0] for key, value in outputs.items()})
        found.report = json.loads((self.folder / 'report' / 'report.json').read_text())
        found.checks = json.loads((self.folder / 'report' / 'report.json').read_text())['checks']
        found.failed = [check['name'] for check in found.checks if not check['passed']]
        return found


@pytest.fixture
def workshop(tmp_path):
    return Workshop(tmp_path)


@pytest.fixture(scope='session')
def many_rows():
    rng = np.random.default_rng(0)
    centers = rng.normal(scale=5, size=(4, 3)) + 100
    return (centers[rng.integers(4, size=1200)] + rng.normal(size=(1200, 3))).astype(np.float32)


@pytest.fixture(scope='session')
def exported(tmp_path_factory, many_rows):
    """Centroids, a model and the examples they come from, made once; not to be written to."""
    shop = Workshop(tmp_path_factory.mktemp('exported'))
    examples = shop.examples(train=many_rows[:900], eval=many_rows[900:])
    trained = shop.train(examples)
    model = shop.export(trained.centroids)
    return SimpleNamespace(
        folder=shop.folder, examples=examples, model=model, centroids=trained.centroids
    )
