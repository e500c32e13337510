"""The components while a pipeline is built: channels, execution properties and errors."""

import numpy as np
import pytest
from tfx import types
from tfx.orchestration.data_types import RuntimeParameter
from tfx.types import artifact_utils, standard_artifacts

import tfx_kmeans
from tfx_kmeans import CentroidExporter, ExportValidator, KMeansCentroids, KMeansTrainer
from tfx_kmeans.centroid_exporter.options import ExporterOptions
from tfx_kmeans.export_validator.options import Override, Thresholds, ValidatorOptions
from tfx_kmeans.kmeans_trainer.options import TrainerOptions
from tfx_kmeans.parameters import decode


def channel(kind):
    return types.Channel(type=kind)


def trainer(**options):
    given = {
        'examples': channel(standard_artifacts.Examples),
        'transform_graph': channel(standard_artifacts.TransformGraph),
        'num_clusters': 8,
        **options,
    }
    return KMeansTrainer(**given)


def exporter(**options):
    given = {
        'centroids': channel(KMeansCentroids),
        'transform_graph': channel(standard_artifacts.TransformGraph),
        **options,
    }
    return CentroidExporter(**given)


def validator(**options):
    return ExportValidator(
        model=channel(standard_artifacts.Model),
        centroids=channel(KMeansCentroids),
        examples=channel(standard_artifacts.Examples),
        **options,
    )


def test_the_components_compose_by_their_channels():
    train = trainer()
    export = CentroidExporter(
        centroids=train.outputs['centroids'],
        transform_graph=channel(standard_artifacts.TransformGraph),
    )
    validate = ExportValidator(
        model=export.outputs['model'],
        centroids=train.outputs['centroids'],
        examples=channel(standard_artifacts.Examples),
    )
    assert set(train.outputs) == {'centroids', 'model_run'}
    assert validate.outputs['blessing'].type is standard_artifacts.ModelBlessing
    assert validate.outputs['infra_blessing'].type is standard_artifacts.InfraBlessing


def test_execution_properties_are_plain_and_carry_the_version():
    properties = trainer(features=['b', 'a'], relative_tolerance=1).exec_properties
    assert properties['num_clusters'] == 8
    assert properties['features'] == '["b", "a"]'
    assert type(properties['relative_tolerance']) is float
    assert properties['plugin_version'] == tfx_kmeans.__version__
    assert 'seed' not in trainer(seed=None).exec_properties


@pytest.mark.parametrize(
    ('build', 'options', 'message'),
    [
        (trainer, {'num_clusters': 0}, 'num_clusters must be an integer of at least 1, got 0'),
        (trainer, {'num_clusters': None}, 'num_clusters is missing'),
        (trainer, {'num_clusters': '8'}, "num_clusters must be an integer of at least 1, got '8'"),
        (trainer, {'features': 'a'}, "features must be a list of names, got 'a'"),
        (trainer, {'features': ['a', 'a']}, 'features contains a name twice'),
        (trainer, {'features': []}, 'features is an empty list'),
        (trainer, {'features': ['w'], 'weight_feature': 'w'}, "'w' is also in features"),
        (trainer, {'exclude_features': None}, 'exclude_features must be a list of names, got None'),
        (trainer, {'splits': []}, 'splits is an empty list'),
        (trainer, {'distance_metric': 'l1'}, 'distance_metric must be one of'),
        (trainer, {'memory_limit_mb': 0}, 'memory_limit_mb must be an integer of at least 1'),
        (trainer, {'use_mini_batch': 'yes'}, "use_mini_batch must be True or False, got 'yes'"),
        (trainer, {'batch_size': 64}, 'batch_size is 64, but use_mini_batch is False'),
        (trainer, {'initial_clusters': 'nope:f'}, "names 'nope:f', which cannot be imported"),
        (trainer, {'initial_clusters': np.argsort}, "Give it as 'module:function'"),
        (trainer, {'checkpoint_dir': ''}, "checkpoint_dir must be the path of a folder, got ''"),
        (trainer, {'align_clusters': True}, 'align_clusters requires a base_model'),
        (
            trainer,
            {'raw_examples': channel(standard_artifacts.Examples)},
            'raw_examples has no effect without a base_model',
        ),
        (exporter, {'default_signature': 'raws'}, 'default_signature must be one of'),
        (exporter, {'transform_graph': None}, 'needs the transform_graph or the schema'),
        (exporter, {'precision': 'float64'}, "precision must be one of 'float32', 'float16', 'in"),
        (exporter, {'precision': 'int8'}, "precision='int8' needs examples: give the raw"),
        (exporter, {'warmup': 3}, 'warmup=3 needs examples'),
        (exporter, {'warmup': 1001}, 'warmup is 1001, but TensorFlow Serving accepts at most 1000'),
        (exporter, {'warmup': -1}, 'warmup must be an integer of at least 0, got -1'),
        (exporter, {'passthrough_features': 'id'}, "must be a list of names, got 'id'"),
        (
            exporter,
            {'passthrough_features': ['distance']},
            "names 'distance', but the answer",
        ),
        (exporter, {'serving_input_fn': 'nope:f'}, "names 'nope:f', which cannot be imported"),
        (exporter, {'serving_input_fn': np.argsort}, "must be given as 'module:function'"),
        (
            exporter,
            {'assets_extra': {'../saved_model.pb': 'x'}},
            "name '../saved_model.pb', which",
        ),
        (
            exporter,
            {'assets_extra': {'/etc/x': 'x'}},
            "the name '/etc/x', which is not a plain",
        ),
        (exporter, {'assets_extra': {'tfx_kmeans/x': 'x'}}, 'is reserved: this component writes'),
        (exporter, {'assets_extra': {'a': 3}}, 'must contain paths of files or folders, got 3'),
        (exporter, {'assets_extra': 3}, 'assets_extra must be a folder, a list of files and'),
        (exporter, {'as_text': 'yes'}, "as_text must be True or False, got 'yes'"),
        (validator, {'splits': 'eval'}, "splits must be a list of at least one name, got 'eval'"),
        (validator, {'max_examples': 0}, 'max_examples must be an integer of at least 7'),
        (validator, {'thresholds': {'max_size': 1}}, "thresholds has 'max_size'"),
        (validator, {'thresholds': {'max_model_bytes': 0}}, 'thresholds.max_model_bytes must be'),
        (validator, {'thresholds': 7}, 'thresholds must be'),
        (validator, {'thresholds': {'checks': {'nope': 'off'}}}, "checks must be one of 'files'"),
        (validator, {'thresholds': {'checks': {'size': 'no'}}}, "checks['size'] must be one of"),
        (validator, {'thresholds': {'checks': ['size']}}, 'thresholds.checks must be a dict of'),
        (validator, {'thresholds': {'min_silhouette': 'high'}}, 'min_silhouette must be a finite'),
        (validator, {'override': {'reason': 'x'}}, "override lacks 'name'"),
        (
            validator,
            {'override': {'reason': ' ', 'name': 'x'}},
            'override.reason must be a non-',
        ),
        (validator, {'override': 'x'}, 'override must be Override or a dict of its fields'),
    ],
)
def test_a_wrong_parameter_fails_when_the_pipeline_is_built(build, options, message):
    with pytest.raises(ValueError) as refused:
        build(**options)
    assert message in str(refused.value)


def test_the_options_of_the_trainer_are_restored_from_execution_properties():
    options = {
        'initial_clusters': 'numpy:argsort',
        'use_mini_batch': True,
        'mini_batch_steps_per_iteration': 4,
        'batch_size': 64,
        'checkpoint_dir': 'gs://bucket/checkpoints',
        'align_clusters': True,
    }
    made = trainer(
        base_model=channel(standard_artifacts.Model),
        raw_examples=channel(standard_artifacts.Examples),
        **options,
    )
    assert set(made.inputs) == {'examples', 'transform_graph', 'base_model', 'raw_examples'}
    assert made.exec_properties['use_mini_batch'] == 1
    decoded = decode(TrainerOptions, made.exec_properties)
    assert {name: getattr(decoded, name) for name in options} == options
    assert decoded.use_mini_batch is True


def test_the_options_of_the_exporter_are_restored_from_execution_properties():
    options = {
        'precision': 'int8',
        'default_signature': 'raw',
        'passthrough_features': ['id', 'key'],
        'serving_input_fn': 'numpy:argsort',
        'assets_extra': {'names/a.txt': '/somewhere/a.txt'},
        'as_text': True,
        'strip_default_attrs': False,
        'warmup': 7,
    }
    made = exporter(examples=channel(standard_artifacts.Examples), **options)
    assert set(made.inputs) == {'centroids', 'transform_graph', 'examples'}
    decoded = decode(ExporterOptions, made.exec_properties)
    assert {name: getattr(decoded, name) for name in options} == options
    for files in ('/folder', ['/a', '/b']):
        properties = exporter(assets_extra=files).exec_properties
        assert decode(ExporterOptions, properties).assets_extra == files


def test_the_options_of_the_validator_are_restored_from_execution_properties():
    thresholds = {'min_silhouette': 0.2, 'checks': {'size': 'warn'}}
    override = {'reason': 'because', 'name': 'Ada'}
    made = validator(
        baseline_model=channel(standard_artifacts.Model), thresholds=thresholds, override=override
    )
    decoded = decode(ValidatorOptions, made.exec_properties)
    assert decoded.thresholds == Thresholds(**thresholds)
    assert decoded.override == Override(**override)
    assert set(made.inputs) == {'model', 'centroids', 'examples', 'baseline_model'}


def test_initial_clusters_may_be_an_array():
    properties = trainer(num_clusters=None, initial_clusters=np.eye(2)).exec_properties
    assert properties['initial_clusters'] == '[[1.0, 0.0], [0.0, 1.0]]'


def test_num_clusters_may_be_a_runtime_parameter():
    parameter = RuntimeParameter('k', ptype=int, default=5)
    assert trainer(num_clusters=parameter).exec_properties['num_clusters'] is parameter
    with pytest.raises(ValueError, match='num_clusters must be an integer of at least 1, got 0'):
        trainer(num_clusters=RuntimeParameter('k', ptype=int, default=0))
    with pytest.raises(ValueError, match='features cannot be a RuntimeParameter'):
        trainer(features=RuntimeParameter('f', ptype=str))
    later = RuntimeParameter('k', ptype=int)
    assert trainer(num_clusters=later).exec_properties['num_clusters'] is later
    assert trainer(num_clusters=later, initial_clusters=[[1.0], [2.0]]).exec_properties


@pytest.mark.parametrize('kind', [tfx_kmeans.KMeansCentroids, tfx_kmeans.KMeansReport])
def test_artifact_types_are_found_by_their_name(kind):
    module, name = kind.TYPE_NAME.split('.')
    assert getattr(__import__(module), name) is kind
    restored = artifact_utils.deserialize_artifact(kind().artifact_type)
    assert type(restored) is kind
