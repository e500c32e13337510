"""Artifacts on disk, and executors that run on them as in TFX."""

import json
import shutil
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.types import standard_artifacts

from tests.contracts.examples import plain_example, raw_example
from tests.contracts.exec_properties import exec_properties
from tfx_kmeans.artifacts import KMeansCentroids, KMeansReport

pytest.register_assert_rewrite('tests.contracts.sabotage.catalogue')

SCHEMA = """
feature { name: "a" type: FLOAT presence { min_fraction: 1.0 } shape {} }
feature { name: "b" type: FLOAT presence { min_fraction: 1.0 } shape {} }
feature { name: "c" type: FLOAT presence { min_fraction: 1.0 } shape {} }
feature { name: "id" type: INT presence { min_fraction: 1.0 } shape {} }
feature { name: "label" type: BYTES presence { min_fraction: 1.0 } shape {} }
"""


def load_tfx():
    """Imports TFX's own components and everything they need, without warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        import tfx.components  # noqa: F401


class Workshop:
    """Makes artifacts below a folder and runs executors on them."""

    def __init__(self, folder):
        self.folder = folder

    def artifact(self, kind, name):
        """A new artifact in an empty folder, as TFX passes it to an executor."""
        made = kind()
        made.uri = str(self.folder / name)
        shutil.rmtree(made.uri, ignore_errors=True)
        tf.io.gfile.makedirs(made.uri)
        return made

    def examples(self, name='examples', **splits):
        made = self.artifact(standard_artifacts.Examples, name)
        made.split_names = json.dumps(sorted(splits))
        for split, rows in splits.items():
            self._write(made, split, [plain_example(row, index) for index, row in enumerate(rows)])
        return made

    def schema(self, text=None):
        text = SCHEMA if text is None else text
        made = self.artifact(standard_artifacts.Schema, 'schema')
        (self.folder / 'schema' / 'schema.pbtxt').write_text(text)
        return made

    def written(self, name, split, records):
        """Serialized tf.Examples as an Examples artifact."""
        made = self.artifact(standard_artifacts.Examples, name)
        made.split_names = json.dumps([split])
        self._write(made, split, records)
        return made

    def _write(self, artifact, split, records):
        path = Path(artifact.uri) / f'Split-{split}' / 'data_tfrecord-00000-of-00001.gz'
        path.parent.mkdir()
        with tf.io.TFRecordWriter(str(path), 'GZIP') as writer:
            for record in records:
                writer.write(record)

    def train(
        self,
        examples,
        base_model=None,
        transform_graph=None,
        raw_examples=None,
        schema=None,
        **options,
    ):
        from tfx_kmeans.kmeans_trainer.executor import Executor
        from tfx_kmeans.kmeans_trainer.options import TrainerOptions

        outputs = {
            'centroids': [self.artifact(KMeansCentroids, 'centroids')],
            'model_run': [self.artifact(standard_artifacts.ModelRun, 'model_run')],
        }
        given = {'num_clusters': 4, **options}
        inputs = {'examples': [examples]}
        if transform_graph is None:
            inputs['schema'] = [self.schema(schema)]
            given.setdefault('exclude_features', ['id'])
        else:
            inputs['transform_graph'] = [transform_graph]
        if base_model is not None:
            inputs['base_model'] = base_model
        if raw_examples is not None:
            inputs['raw_examples'] = [raw_examples]
        Executor().Do(inputs, outputs, exec_properties(TrainerOptions, **given))
        return SimpleNamespace(**{key: value[0] for key, value in outputs.items()})

    def export(self, centroids, examples=None, transform_graph=None, **options):
        from tfx_kmeans.centroid_exporter.executor import Executor
        from tfx_kmeans.centroid_exporter.options import ExporterOptions

        model = self.artifact(standard_artifacts.Model, 'model')
        # TFX sets this property; without it, an artifact is taken for one of an old TFX.
        model.set_string_custom_property('tfx_version', '1.16.0')
        inputs = {'centroids': [centroids]}
        if transform_graph is None:
            inputs['schema'] = [self.schema()]
        else:
            inputs['transform_graph'] = [transform_graph]
        if examples is not None:
            inputs['examples'] = [examples]
        Executor().Do(inputs, {'model': [model]}, exec_properties(ExporterOptions, **options))
        return model

    def validate(self, model, centroids, examples, baseline=None, transformed=None, **options):
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
        if transformed is not None:
            inputs['transformed_examples'] = [transformed]
        Executor().Do(inputs, outputs, exec_properties(ValidatorOptions, **options))
        found = SimpleNamespace(**{key: value[0] for key, value in outputs.items()})
        found.report = json.loads((self.folder / 'report' / 'report.json').read_text())
        found.checks = found.report['checks']
        found.failed = [check['name'] for check in found.checks if not check['passed']]
        return found

    def push(self, model, verdict):
        """Runs TFX's own Pusher; the names of the pushed versions."""
        load_tfx()
        from tfx.components.pusher.executor import Executor

        pushed = self.folder / 'pushed'
        destination = {'filesystem': {'base_directory': str(pushed)}}
        Executor().Do(
            {
                'model': [model],
                'model_blessing': [verdict.blessing],
                'infra_blessing': [verdict.infra_blessing],
            },
            {'pushed_model': [self.artifact(standard_artifacts.PushedModel, 'push_report')]},
            {'push_destination': json.dumps(destination)},
        )
        return [path.name for path in pushed.iterdir()] if pushed.exists() else []


@pytest.fixture
def all_of_tfx():
    load_tfx()


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
    """Centroids, a model and the examples they come from, made once; must not be changed."""
    shop = Workshop(tmp_path_factory.mktemp('exported'))
    examples = shop.examples(train=many_rows[:900], eval=many_rows[900:])
    trained = shop.train(examples)
    model = shop.export(trained.centroids)
    return SimpleNamespace(examples=examples, model=model, centroids=trained.centroids)


RAW_SCHEMA = """
feature { name: "n" type: FLOAT presence { min_fraction: 1.0 } shape {} }
feature { name: "color" type: BYTES presence { min_fraction: 1.0 } shape {} }
feature { name: "price" type: FLOAT value_count { max: 1 } }
feature { name: "label" type: BYTES presence { min_fraction: 1.0 } shape {} }
"""


def scaled(inputs):
    """A preprocessing_fn: a vocabulary, a z-score, a feature that may be missing."""
    import tensorflow_transform as tft

    price = inputs['price']
    dense = tf.sparse.to_dense(
        tf.SparseTensor(price.indices, price.values, [price.dense_shape[0], 1]), -1.0
    )
    color = tft.compute_and_apply_vocabulary(inputs['color'], num_oov_buckets=1)
    return {
        'color': tf.one_hot(color, 4),
        'n': tft.scale_to_z_score(inputs['n']),
        'price': tf.squeeze(dense, axis=1),
        'label': tft.compute_and_apply_vocabulary(inputs['label'], vocab_filename='labels'),
    }


def not_scaled(inputs):
    return {**scaled(inputs), 'n': inputs['n']}


def transformed_by(preprocessing_fn, rows, folder, schema=RAW_SCHEMA):
    """The rows after Transform: a TransformGraph artifact, and serialized examples."""
    import tensorflow_transform.beam as tft_beam
    from tensorflow_transform.coders import example_proto_coder
    from tensorflow_transform.tf_metadata import dataset_metadata

    schema = text_format.Parse(schema, schema_pb2.Schema())
    metadata = dataset_metadata.DatasetMetadata(schema)
    graph = standard_artifacts.TransformGraph()
    graph.uri = str(folder / preprocessing_fn.__name__)
    with tft_beam.Context(temp_dir=str(folder / 'temp')):
        (found, made), transform_fn = (rows, metadata) | tft_beam.AnalyzeAndTransformDataset(
            preprocessing_fn
        )
        _ = transform_fn | tft_beam.WriteTransformFn(graph.uri)
    raw = Path(graph.uri) / 'metadata'
    raw.mkdir()
    (raw / 'schema.pbtxt').write_text(str(schema))
    coder = example_proto_coder.ExampleProtoCoder(made.schema)
    return graph, [coder.encode(row) for row in found]


@pytest.fixture
def transform(tmp_path):
    """Function that runs Transform on rows, as dicts: the graph, and serialized examples."""
    return lambda preprocessing_fn, rows: transformed_by(preprocessing_fn, rows, tmp_path)


@pytest.fixture(scope='session')
def behind_transform(tmp_path_factory):
    """A model with a Transform graph, and everything it comes from; must not be changed."""
    folder = tmp_path_factory.mktemp('behind_transform')
    shop = Workshop(folder)
    rng = np.random.default_rng(1)
    rows = [
        {
            'n': float(rng.normal(index % 3 * 8, 1)),
            'color': ['red', 'green', 'blue'][index % 3],
            'price': [] if index % 7 == 0 else [float(rng.normal(index % 2, 0.1))],
            'label': 'xy'[index % 2],
        }
        for index in range(120)
    ]
    graph, encoded = transformed_by(scaled, rows, folder)
    made = SimpleNamespace(
        rows=rows,
        graph=graph,
        examples=shop.written('examples', 'eval', map(raw_example, rows)),
        transformed=shop.written('transformed', 'eval', encoded),
    )
    made.centroids = shop.train(
        made.transformed,
        transform_graph=graph,
        features=['color', 'n', 'price'],
        splits=['eval'],
        num_clusters=3,
    ).centroids
    made.model = shop.export(made.centroids, transform_graph=graph)
    return made


@pytest.fixture(scope='session')
def other_graphs(tmp_path_factory, behind_transform):
    """Transform graphs of other data, and of another preprocessing_fn."""
    folder = tmp_path_factory.mktemp('other_graphs')
    fewer = [row for row in behind_transform.rows if row['n'] < 12]
    return SimpleNamespace(
        of_other_data=transformed_by(scaled, fewer, folder)[0],
        not_scaled=transformed_by(not_scaled, behind_transform.rows, folder)[0],
    )
