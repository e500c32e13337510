"""TensorFlow in Python, on the command line and in Java."""

import re
import shutil

import numpy as np

from tests.clients.running import PROGRAMS, THIS_PYTHON, run, run_program


def test_every_signature_in_an_environment_with_only_tensorflow(wine, clients, check):
    python = clients / 'tensorflow' / 'bin' / 'python'
    answers = run_program(python, 'with_tensorflow.py', wine.pushed, wine.requests_file)
    for signature in ('examples', 'raw', 'features', 'serving_default'):
        check(answers[signature])
    assert answers['cluster_index'] == {'cluster_index': wine.nearest.tolist()}
    (all_distances,) = answers['all_distances'].values()
    np.testing.assert_allclose(all_distances, wine.distances, rtol=1e-4)
    np.testing.assert_allclose(answers['preprocess']['features'], wine.rows, atol=2e-5)
    np.testing.assert_array_equal(np.float32(answers['model']['centroids']), wine.centroids)


def test_saved_model_cli_shows_and_runs(wine, tmp_path):
    cli = THIS_PYTHON.replace('python', 'saved_model_cli')
    cli = re.sub(r'saved_model_cli[\d.]*$', 'saved_model_cli', cli)
    shown = run(cli, 'show', '--dir', wine.pushed, '--all')
    signatures = set(re.findall(r"signature_def\['(\w+)'\]", shown)) - {'__saved_model_init_op'}
    assert signatures == {
        'examples', 'raw', 'features', 'all_distances', 'cluster_index', 'preprocess',
        'serving_default',
    }  # fmt: skip
    assert "inputs['od280/od315_of_diluted_wines'] tensor_info" in shown
    rows = tmp_path / 'rows.npy'
    np.save(rows, wine.rows.astype(np.float32))
    run(
        cli, 'run', '--dir', wine.pushed, '--tag_set', 'serve', '--signature_def', 'features',
        '--inputs', f'features={rows}', '--outdir', tmp_path,
    )  # fmt: skip
    np.testing.assert_array_equal(np.load(tmp_path / 'cluster_index.npy'), wine.nearest)


def test_java(wine, check, tmp_path):
    project = shutil.copytree(PROGRAMS.parent / 'java', tmp_path / 'java')
    maven = ('mvn', '-q', '-B', 'compile', 'dependency:build-classpath')
    run(*maven, '-Dmdep.outputFile=classpath', cwd=project)
    classpath = f'{project / "target" / "classes"}:{(project / "classpath").read_text()}'
    examples, rows = tmp_path / 'examples', tmp_path / 'rows'
    examples.write_text('\n'.join(wine.requests['examples']))
    rows.write_text('\n'.join(' '.join(map(str, row)) for row in wine.requests['rows']))
    printed = run('java', '-cp', classpath, 'Client', wine.pushed, examples, rows)
    for signature in ('serving_default', 'features'):
        lines = re.findall(rf'^{signature} (-?\d+) (\S+)$', printed, re.MULTILINE)
        check(
            {
                'cluster_index': [int(cluster) for cluster, _ in lines],
                'distance': [float(distance) for _, distance in lines],
            }
        )
