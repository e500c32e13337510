"""The pipeline compiled for Kubeflow contains every node, including the three of this package."""

import importlib.util
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope='module')
def runner():
    spec = importlib.util.spec_from_file_location('kubeflow_runner', ROOT / 'kubeflow_runner.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.filterwarnings('default')  # kfp itself emits warnings
def test_every_node_is_compiled(runner, tmp_path, capsys):
    output = tmp_path / 'pipeline.json'
    arguments = ['--output', str(output), '--image', 'registry/image:1', '--root', 'gs://b/root']
    assert runner.main([*arguments, '--num-clusters', '7', '--exclude-features', 'class']) == 0
    assert 'Compiled tfx-kmeans to' in capsys.readouterr().out
    spec = json.loads(output.read_text())['pipelineSpec']
    assert set(spec['root']['dag']['tasks']) == {
        'CsvExampleGen',
        'StatisticsGen',
        'SchemaGen',
        'ExampleValidator',
        'Transform',
        'KMeansTrainer',
        'CentroidExporter',
        'ExportValidator',
        'Pusher',
    }
    executors = json.dumps(spec['deploymentSpec'])
    for name in ('kmeans_trainer', 'centroid_exporter', 'export_validator'):
        assert f'tfx_kmeans.{name}.executor.Executor' in executors
    assert 'registry/image:1' in executors
    trainer = spec['root']['dag']['tasks']['KMeansTrainer']['inputs']
    assert trainer['parameters']['num_clusters']['runtimeValue']['constantValue'] == {
        'intValue': '7'
    }
    assert set(trainer['artifacts']) == {'examples', 'transform_graph'}


@pytest.mark.filterwarnings('default')  # kfp itself emits warnings
def test_a_table_examined_elsewhere_is_clustered_the_same_way(runner, tmp_path):
    table = {
        'features': ['age', 'city'],
        'categorical': {'city': ['Köln', None]},
        'log': ['age'],
        'data_format': 'parquet',
    }
    (tmp_path / 'table.json').write_text(json.dumps(table))
    output = tmp_path / 'pipeline.json'
    arguments = ['--output', str(output), '--image', 'registry/image:1', '--root', 'gs://b/kmeans']
    assert runner.main([*arguments, '--table-config', str(tmp_path / 'table.json')]) == 0
    spec = json.loads(output.read_text())['pipelineSpec']
    tasks = spec['root']['dag']['tasks']
    assert 'CsvExampleGen' not in tasks
    example_gen = json.dumps(tasks['ParquetExampleGen'])
    assert '*.parquet' in example_gen
    assert 'gs://b/kmeans/data' in example_gen
    executors = json.dumps(spec['deploymentSpec'])
    assert 'tfx_kmeans.pipelines.parquet_examples.Executor' in executors
    config = parameter_of(tasks['Transform'], 'custom_config')
    assert config['categorical'] == {'city': ['Köln', None]}
    assert config['log'] == ['age']
    assert config['features'] == ['age', 'city']
    columns = parameter_of(tasks['KMeansTrainer'], 'column_names')
    assert columns == ['age', 'city=Köln', 'city=other']


def parameter_of(task, name):
    return json.loads(
        task['inputs']['parameters'][name]['runtimeValue']['constantValue']['stringValue']
    )


@pytest.mark.parametrize(
    ('text', 'extra', 'message'),
    [
        ('{"colour": []}', [], "has the unknown key 'colour'"),
        ('{"clip": {"a": [2, 1]}}', [], "clip['a'] must be a lower and an upper bound"),
        ('{}', ['--features', 'a'], '--features is given, but --table-config'),
        ('{}', ['--data-format', 'parquet'], '--data-format is given, but --table-config'),
        (None, [], 'cannot be read as JSON'),
    ],
)
def test_a_table_config_that_cannot_be_used_is_one_line(
    runner, tmp_path, capsys, text, extra, message
):
    path, output = tmp_path / 'table.json', tmp_path / 'pipeline.json'
    if text is not None:
        path.write_text(text)
    arguments = ['--output', str(output), '--image', 'i', '--root', 'gs://b/root']
    assert runner.main([*arguments, '--table-config', str(path), *extra]) == 2
    printed = capsys.readouterr().err
    assert message in printed
    assert printed.count('\n') == 1
    assert not output.exists()


def test_invalid_values_are_refused(runner, tmp_path, capsys):
    output = tmp_path / 'pipeline.json'
    arguments = ['--output', str(output), '--image', 'i', '--root', 'gs://b/root']
    assert runner.main([*arguments, '--num-clusters', '0']) == 2
    assert 'num_clusters must be an integer of at least 1, got 0' in capsys.readouterr().err
    assert runner.main([*arguments, '--name', 'No Name']) == 2
    assert not output.exists()
