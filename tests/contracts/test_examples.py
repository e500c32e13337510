"""Examples that the trainer reads: splits, spans, payload formats, and use without a schema."""

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from tfx.types import standard_artifacts

from tests.contracts.exec_properties import exec_properties
from tfx_kmeans.artifacts import KMeansCentroids
from tfx_kmeans.centroids.storage import read_payload
from tfx_kmeans.kmeans_trainer.executor import Executor
from tfx_kmeans.kmeans_trainer.options import TrainerOptions
from tfx_kmeans.tfx_io import examples_of


@pytest.fixture
def train(workshop):
    """Function that trains on Examples artifacts without transform_graph or schema."""

    def run(*artifacts, **options):
        centroids = workshop.artifact(KMeansCentroids, 'centroids')
        model_run = workshop.artifact(standard_artifacts.ModelRun, 'model_run')
        Executor().Do(
            {'examples': list(artifacts)},
            {'centroids': [centroids], 'model_run': [model_run]},
            exec_properties(TrainerOptions, **{'num_clusters': 2, **options}),
        )
        return read_payload(centroids.uri).metadata

    return run


def test_without_a_schema_the_first_example_determines_the_features(workshop, many_rows, train):
    metadata = train(workshop.examples(train=many_rows))
    assert metadata.column_names == ('a', 'b', 'c', 'id')
    metadata = train(workshop.examples('again', train=many_rows), features=['b', 'a'])
    assert metadata.column_names == ('a', 'b')


def csv_example(**values):
    """A tf.Example as CsvExampleGen writes it: a feature without a kind for an empty cell."""
    example = tf.train.Example()
    for name, value in values.items():
        feature = example.features.feature[name]
        if value is not None:
            feature.float_list.value.append(value)
    return example.SerializeToString()


@pytest.mark.parametrize('first', [{'a': 1.0}, {'a': 1.0, 'price': None}])
def test_a_feature_that_the_first_example_lacks_is_not_left_out_in_silence(workshop, train, first):
    records = [csv_example(**first), *(csv_example(a=float(i), price=2.0 * i) for i in range(9))]
    examples = workshop.written('gaps', 'train', records)
    with pytest.raises(
        ValueError, match=r"'price' is missing or empty in the first example.*Connect a schema"
    ):
        train(examples)
    with pytest.raises(ValueError, match=r"'price' is missing or empty in the first example"):
        train(examples, features=['a', 'price'])
    metadata = train(examples, exclude_features=['price'])
    assert metadata.column_names == ('a',)
    assert metadata.left_out == {'price': 'named in exclude_features'}
    assert train(examples, features=['a']).left_out == {}


def test_several_splits_and_artifacts_are_all_read(workshop, many_rows, train):
    first = workshop.examples('first', train=many_rows[:500], eval=many_rows[500:600])
    second = workshop.examples('second', train=many_rows[600:900], eval=many_rows[900:])
    assert train(first, second).rows == 800
    assert train(first, second, splits=['train', 'eval']).rows == 1200
    third = workshop.examples('third', train=many_rows)
    with pytest.raises(
        ValueError, match=r"splits contains 'eval', .*third.* Existing splits: 'train'"
    ):
        train(first, third, splits=['eval'])


def test_spans_are_read_in_order(workshop, many_rows):
    artifacts = []
    for span in (10, 2, 1):
        artifact = workshop.examples(f'span{span}', train=many_rows[:5])
        artifact.set_int_custom_property('span', span)
        artifacts.append(artifact)
    folders = examples_of(artifacts, ['train']).folders
    assert [folder.split('/')[-2] for folder in folders] == ['span1', 'span2', 'span10']


@pytest.mark.parametrize('payload', ['FORMAT_PROTO', 'FORMAT_PARQUET'])
def test_unreadable_and_mixed_payload_formats(workshop, many_rows, train, payload):
    examples = workshop.examples('one', train=many_rows)
    other = workshop.examples('other', train=many_rows)
    other.set_string_custom_property('payload_format', payload)
    with pytest.raises(
        ValueError,
        match=f'several payload_formats: {payload}, FORMAT_TF_EXAMPLE|'
        f'several payload_formats: FORMAT_PARQUET, FORMAT_TF_EXAMPLE',
    ):
        train(examples, other)
    expected = 'supported formats are' if payload == 'FORMAT_PROTO' else 'cannot be read as Parquet'
    with pytest.raises(ValueError, match=expected):
        train(other)


@pytest.mark.filterwarnings('default')  # a TFX pipeline in this process
def test_parquet_as_import_example_gen_writes_it(tmp_path):
    from tfx import v1 as tfx

    from tfx_kmeans import KMeansTrainer

    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(600, 3)), columns=['x', 'y', 'z'])
    table['x'] += 50 * (np.arange(600) % 2)
    (tmp_path / 'data').mkdir()
    table.to_parquet(tmp_path / 'data' / 'rows.parquet')
    example_gen = tfx.components.ImportExampleGen(
        input_base=str(tmp_path / 'data'),
        payload_format=tfx.proto.PayloadFormat.FORMAT_PARQUET,
    )
    trainer = KMeansTrainer(examples=example_gen.outputs['examples'], num_clusters=2)
    tfx.orchestration.LocalDagRunner().run(
        tfx.dsl.Pipeline(
            pipeline_name='parquet',
            pipeline_root=str(tmp_path / 'root'),
            components=[example_gen, trainer],
            metadata_connection_config=tfx.orchestration.metadata.sqlite_metadata_connection_config(
                str(tmp_path / 'metadata.sqlite')
            ),
            beam_pipeline_args=['--runner=FnApiRunner', '--sdk_container_image=unused'],
        )
    )
    (found,) = (tmp_path / 'root' / 'KMeansTrainer' / 'centroids').iterdir()
    payload = read_payload(str(found))
    assert payload.metadata.column_names == ('x', 'y', 'z')
    np.testing.assert_allclose(sorted(payload.centroids[:, 0]), [0, 50], atol=0.5)
