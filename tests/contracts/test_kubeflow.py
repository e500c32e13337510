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


def test_invalid_values_are_refused(runner, tmp_path, capsys):
    output = tmp_path / 'pipeline.json'
    arguments = ['--output', str(output), '--image', 'i', '--root', 'gs://b/root']
    assert runner.main([*arguments, '--num-clusters', '0']) == 2
    assert 'num_clusters must be an integer of at least 1, got 0' in capsys.readouterr().err
    assert runner.main([*arguments, '--name', 'No Name']) == 2
    assert not output.exists()
