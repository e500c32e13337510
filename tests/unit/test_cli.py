"""`tfx-kmeans validate` on a model, centroids and examples on disk."""

import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tfx_kmeans import cli
from tfx_kmeans.centroids.storage import write_payload
from tfx_kmeans.export_validator.checks.finding import BASELINE
from tfx_kmeans.export_validator.checks.run import all_checks

NOT_APPLYING = {
    'warmup',
    'silhouette',
    'davies_bouldin',
    'preprocess_matches_transform',
    *(check.name for check in all_checks() if check.group == BASELINE),
}


@pytest.fixture
def validate(on_disk, capsys):
    made = on_disk()

    def run(*options, model=made.model, centroids=made.centroids, examples=made.examples):
        paths = ('--centroids', centroids, '--examples', examples)
        code = cli.main(['validate', str(model), *map(str, (*paths, *options))])
        return code, *capsys.readouterr()

    run.made = made
    return run


def test_the_probe_process_is_started_before_tensorflow_is_imported():
    program = (
        'import sys\n'
        'from tfx_kmeans import cli\n'
        'from tfx_kmeans.export_validator.probe.process import PROCESS\n'
        "PROCESS.start = lambda: sys.exit('tensorflow' in sys.modules)\n"
        "cli.main(['validate', 'm', '--centroids', 'c', '--examples', 'e'])\n"
        "sys.exit('not started')\n"
    )
    done = subprocess.run(
        [sys.executable, '-c', program], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, '')


def test_the_command_as_it_is_installed(on_disk):
    made = on_disk()
    command = Path(sys.executable).with_name('tfx-kmeans')
    given = ['--centroids', made.centroids, '--examples', made.examples]
    environment = {k: v for k, v in os.environ.items() if k != 'TF_CPP_MIN_LOG_LEVEL'}
    done = subprocess.run(
        [command, 'validate', made.model, *given],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ''
    *lines, empty, last = done.stdout.splitlines()
    assert (empty, last) == ('', 'Blessed: yes')
    assert all(line.startswith('passed  ') for line in lines)
    applying = [check.name for check in all_checks() if check.name not in NOT_APPLYING]
    assert [line.split()[2] for line in lines] == applying


def test_a_model_that_fails(validate, tmp_path):
    (validate.made.model / 'assets.extra' / 'checkpoint').write_text('')
    code, output, _ = validate('--report', tmp_path / 'report')
    assert code == 1
    assert 'FAILED  structure   leftovers' in output
    assert 'advice      Remove the file' in output
    assert 'Blessed: no (leftovers failed)\n' in output
    report = json.loads((tmp_path / 'report' / 'report.json').read_text())
    assert report['blessed'] is False
    assert 'leftovers' in (tmp_path / 'report' / 'report.html').read_text()


def test_thresholds_modes_and_an_override(validate, tmp_path):
    limits = {'max_cluster_share': 0.1, 'checks': {'warmup': 'off'}}
    file = tmp_path / 'limits.json'
    file.write_text(json.dumps(limits))
    code, output, _ = validate('--thresholds', f'@{file}')
    assert code == 1
    assert 'Blessed: no (largest_share failed)' in output
    code, output, _ = validate('--thresholds', json.dumps(limits), '--override', 'Ada', 'a sale')
    assert code == 0
    assert 'Ada has overridden largest_share: a sale\nBlessed: yes' in output
    limits['checks'] = {'largest_share': 'warn'}
    code, output, _ = validate('--thresholds', json.dumps(limits))
    assert code == 0
    assert 'warned  clustering  largest_share' in output


def test_splits_a_baseline_and_a_model_artifact(validate, tmp_path):
    made = validate.made
    split = tmp_path / 'artifact' / 'Split-test'
    shutil.copytree(made.examples, split)
    shutil.copytree(made.model, tmp_path / 'whole' / 'Format-Serving')
    shutil.copytree(made.model, tmp_path / 'versions' / '12')
    (tmp_path / 'versions' / '9').mkdir()
    code, _, _ = validate(model=tmp_path / 'versions')
    assert code == 0
    options = ('--split', 'test', '--transformed-examples', split, '--baseline-model', made.model)
    code, output, _ = validate(
        *options, model=tmp_path / 'whole', centroids=made.model, examples=tmp_path / 'artifact'
    )
    assert code == 0
    assert 'preprocess_matches_transform  500 equal rows' in output
    assert 'baseline_drift                0\n' in output
    code, _, error = validate(examples=tmp_path / 'artifact')
    assert code == 2
    assert error == (
        f"error: --examples {tmp_path / 'artifact'} has no split 'eval'. It has: 'test'; choose "
        'with --split.\n'
    )


def test_what_cannot_be_used(validate, tmp_path):
    (tmp_path / 'empty').mkdir()
    for given, message in [
        ({'model': tmp_path / 'nowhere'}, 'MODEL .*nowhere is not a folder'),
        ({'centroids': tmp_path / 'empty'}, 'empty'),
        ({'examples': tmp_path / 'nowhere'}, '--examples .*nowhere is not a folder'),
        ({'examples': tmp_path / 'empty'}, 'There are no files of examples in .*empty'),
        ({'examples': validate.made.model}, '.*model.* cannot be read'),
    ]:
        code, _, error = validate(**given)
        assert code == 2, given
        assert re.match(f'error: .*{message}', error), error
    for options, message in [
        (('--thresholds', '{'), '--thresholds is not JSON'),
        (('--thresholds', '{"max_size": 1}'), "thresholds has 'max_size', which does not exist"),
        (('--thresholds', '@nowhere.json'), 'nowhere.json'),
        (('--max-examples', '3'), 'max_examples must be an integer of at least 7'),
        (('--override', 'Ada', ' '), 'override.reason must be a non-empty string'),
        (('--split', 'eval'), '--split is given, but '),
        (('--report', '/proc/nowhere'), '/proc/nowhere'),
    ]:
        code, _, error = validate(*options)
        assert code == 2, options
        assert message in error


def test_a_model_that_another_program_exported(validate, tmp_path):
    """A model without the exporter's notes is judged by what it answers."""
    shutil.rmtree(validate.made.model / 'assets.extra')
    code, output, _ = validate()
    assert code == 0, output
    centroids = validate.made.payload.centroids + 1
    other = dataclasses.replace(validate.made.payload, centroids=centroids)
    write_payload(tmp_path / 'other', other)
    code, output, _ = validate(centroids=tmp_path / 'other')
    assert code == 1
    assert 'FAILED  serving     examples_parity' in output
