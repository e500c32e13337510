"""Files that earlier releases wrote: they load, serve, and are base model and baseline today."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import tfx_kmeans
from tests.golden import make
from tfx_kmeans import cli
from tfx_kmeans.centroids import checkpoint_folder
from tfx_kmeans.centroids.base_model import BaseModel
from tfx_kmeans.centroids.storage import find_payload, read_payload, write_payload
from tfx_kmeans.clustering.kernels.choice import KERNELS_VARIABLE
from tfx_kmeans.data.source import Examples
from tfx_kmeans.errors import CentroidsError, CheckpointError, ModelError
from tfx_kmeans.export_validator.report.document import read_report
from tfx_kmeans.names import EXPORT_FILE, PAYLOAD_IN_MODEL
from tfx_kmeans.serving.description import read_description
from tfx_kmeans.serving.earlier_model import EarlierModel

GOLDEN = Path(__file__).parents[1] / 'golden'
ROWS, WEIGHTS = make.data()


@pytest.fixture(params=sorted(path.name for path in GOLDEN.iterdir() if path.name[0].isdigit()))
def files(request):
    return GOLDEN / request.param


def nearest(centroids):
    return np.square(ROWS[:, None].astype(float) - centroids[None]).sum(axis=2).argmin(axis=1)


def test_a_centroids_artifact_is_read_with_everything_in_it(files):
    payload = read_payload(str(files / 'centroids'))
    metadata = payload.metadata
    assert payload.centroids.shape == (3, 2)
    assert sorted(np.round(payload.centroids).tolist()) == [[0, 0], [0, 10], [10, 0]]
    assert metadata.column_names == ('x', 'y')
    assert [(one.name, one.first_column, one.width) for one in metadata.features] == [
        ('x', 0, 1),
        ('y', 1, 1),
    ]
    assert metadata.ancestry.base_model == 'earlier'
    assert len(metadata.ancestry.succession.distance) == 3
    assert metadata.evaluation['eval'].rows == 100
    assert len(metadata.restarts) == 2
    last = metadata.restarts[metadata.best_restart].history[-1]
    np.testing.assert_allclose(last.inertia, metadata.inertia, rtol=1e-3)
    sizes = np.bincount(nearest(payload.centroids), WEIGHTS, 3)
    np.testing.assert_allclose(payload.cluster_weight, sizes)


def test_a_model_serves(files):
    records = Examples((str(files / 'examples'),)).first(300)
    served = tf.saved_model.load(str(files / 'model')).signatures['examples']
    answer = served(examples=tf.constant(records))
    centroids = read_payload(find_payload(str(files / 'model'))).centroids
    np.testing.assert_array_equal(answer['cluster_index'], nearest(centroids))
    assert answer['customer'].numpy().ravel()[7] == b'7'
    loaded = tfx_kmeans.KMeansModel.load(files / 'model')
    assert [one['cluster_index'] for one in loaded.predict(records)] == nearest(centroids).tolist()


@pytest.mark.parametrize('source', ['centroids', 'model'])
def test_it_is_a_base_model(files, source):
    base = BaseModel.read(str(files / source))
    warm = tfx_kmeans.fit(ROWS, base_model=str(files / source), max_iterations=1)
    assert warm.metadata.total_iterations == base.payload.metadata.total_iterations + 1
    aligned = tfx_kmeans.fit(ROWS, base_model=str(files / source), align_clusters=True)
    np.testing.assert_allclose(aligned.cluster_centers(), base.payload.centroids, atol=0.3)


def test_it_answers_raw_examples_for_a_retraining(files):
    records = Examples((str(files / 'examples'),)).first(300)
    centroids = read_payload(str(files / 'centroids')).centroids
    found = EarlierModel(str(files / 'model')).clusters_of(records)
    np.testing.assert_array_equal(found, nearest(centroids))


def test_it_is_a_baseline_and_passes_todays_checks(files, tmp_path):
    """The model of the same release serves as the new model, and must pass every check."""
    code = cli.main(
        [
            'validate',
            str(files / 'model'),
            '--centroids',
            str(files / 'centroids'),
            '--examples',
            str(files / 'examples'),
            '--baseline-model',
            str(files / 'model'),
            '--report',
            str(tmp_path),
        ]
    )
    report = read_report(str(tmp_path / 'report.json'))
    assert code == 0, [check for check in report.checks if not check.passed]
    found = {check.name: check.found for check in report.checks if check.group == 'baseline'}
    assert found['baseline_inputs'] == 'unchanged'
    assert float(found['baseline_inertia']) == 1
    assert float(found['baseline_changed']) == 0


def test_a_report_is_read(files):
    report = read_report(str(files / 'report' / 'report.json'))
    assert report.blessed
    assert report.infra_blessed
    assert report.model == 'model'
    assert {check.group for check in report.checks} >= {'structure', 'serving', 'clustering'}
    assert all(check.passed for check in report.checks)


def test_a_checkpoint_is_resumed(files, tmp_path, monkeypatch):
    """By the version that wrote it; another version refuses to promise the same bits."""
    folder = tmp_path / 'checkpoint'
    shutil.copytree(files / 'checkpoint', folder)
    written = json.loads(str(np.load(next(folder.iterdir()))['header']))
    monkeypatch.setenv(KERNELS_VARIABLE, written['fingerprint']['engine'])
    monkeypatch.setattr(checkpoint_folder, '__version__', written['fingerprint']['tfx_kmeans'])
    seen = []
    resumed = tfx_kmeans.fit(
        ROWS,
        sample_weight=WEIGHTS,
        checkpoint_dir=folder,
        callback=lambda *where: seen.append(where[:2]),
        **make.STOPPED_FIT,
    )
    assert seen[0] == (1, len(written['progress']['history']))
    first, second = resumed.metadata.restarts
    assert np.isclose(first.inertia, written['restarts'][0]['inertia'], rtol=1e-12)
    before = written['progress']['history']
    assert [seen.inertia for seen in second.history[: len(before)]] == [
        seen['inertia'] for seen in before
    ]
    assert second.inertia <= before[-1]['inertia']
    assert resumed.inertia == min(first.inertia, second.inertia)


def test_another_version_does_not_resume_a_checkpoint(files, tmp_path, monkeypatch):
    shutil.copytree(files / 'checkpoint', tmp_path / 'checkpoint')
    monkeypatch.setattr(checkpoint_folder, '__version__', '99.0')
    with pytest.raises(CheckpointError, match='tfx_kmeans was'):
        tfx_kmeans.fit(
            ROWS, sample_weight=WEIGHTS, checkpoint_dir=tmp_path / 'checkpoint', **make.STOPPED_FIT
        )


def changed(path, change):
    fields = json.loads(path.read_text())
    change(fields)
    path.write_text(json.dumps(fields))


def test_unknown_fields_are_skipped_and_missing_ones_take_their_defaults(files, tmp_path):
    """What a newer minor version adds, and what an older one lacks, at every depth."""
    shutil.copytree(files / 'centroids', tmp_path / 'centroids')
    before = read_payload(str(tmp_path / 'centroids')).metadata

    def change(fields):
        fields['format_version'] = '1.99'
        fields['new'] = {'a': [1]}
        fields['evaluation']['eval']['new_measure'] = 0.5
        fields['restarts'][0]['history'][0]['new'] = 1
        fields['restarts'][0]['new'] = None
        fields['features'][0]['new'] = 'x'
        fields['ancestry']['succession']['new'] = []

    changed(tmp_path / 'centroids' / 'metadata.json', change)
    found = read_payload(str(tmp_path / 'centroids')).metadata
    assert found.restarts == before.restarts
    assert found.evaluation == before.evaluation
    assert found.ancestry == before.ancestry

    changed(
        tmp_path / 'centroids' / 'metadata.json',
        lambda fields: [fields.pop(name) for name in ('ancestry', 'evaluation')],
    )
    found = read_payload(str(tmp_path / 'centroids'))
    assert found.metadata.ancestry is None
    assert found.metadata.evaluation == {}
    write_payload(tmp_path / 'again', found)
    tfx_kmeans.fit(ROWS, base_model=str(tmp_path / 'again'))


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda fields: fields.update(format_version='2.0'), r'has format 2\.0'),
        (lambda fields: fields.pop('seed'), 'is damaged.*`seed`'),
        (lambda fields: fields.update(rows='many'), r'is damaged.*\$\.rows'),
    ],
)
def test_a_newer_major_format_or_a_damaged_file_is_refused(files, tmp_path, change, message):
    shutil.copytree(files / 'centroids', tmp_path / 'centroids')
    changed(tmp_path / 'centroids' / 'metadata.json', change)
    with pytest.raises(CentroidsError, match=message):
        read_payload(str(tmp_path / 'centroids'))


def test_a_report_of_a_newer_major_format_is_refused(files, tmp_path):
    path = tmp_path / 'report.json'
    shutil.copy(files / 'report' / 'report.json', path)
    changed(path, lambda fields: fields.update(format_version='2.0'))
    with pytest.raises(ModelError, match=r'report\.json has format 2\.0'):
        read_report(str(path))


def test_a_model_of_a_newer_major_format_is_refused(files, tmp_path):
    shutil.copytree(files / 'model', tmp_path / 'model')
    assert read_description(str(tmp_path / 'model')).precision == 'float32'
    changed(
        tmp_path / 'model' / PAYLOAD_IN_MODEL / EXPORT_FILE,
        lambda fields: fields.update(format_version='2.0'),
    )
    with pytest.raises(ModelError, match=r'export\.json has format 2\.0'):
        read_description(str(tmp_path / 'model'))


def test_a_checkpoint_of_a_newer_major_format_is_refused(files, tmp_path):
    shutil.copytree(files / 'checkpoint', tmp_path / 'checkpoint')
    path = next((tmp_path / 'checkpoint').iterdir())
    arrays = dict(np.load(path))
    header = {**json.loads(str(arrays['header'])), 'format_version': '2.0'}
    np.savez(path, **{**arrays, 'header': np.array(json.dumps(header))})
    with pytest.raises(CheckpointError, match=r'has format 2\.0'):
        tfx_kmeans.fit(
            ROWS, sample_weight=WEIGHTS, checkpoint_dir=tmp_path / 'checkpoint', **make.STOPPED_FIT
        )
    assert path.exists()
