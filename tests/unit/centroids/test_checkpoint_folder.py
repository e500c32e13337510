"""Fits that are killed and resumed, and checkpoints that are damaged or belong to another fit."""

import json
import logging
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tfx_kmeans
from tfx_kmeans.centroids import checkpoint_folder
from tfx_kmeans.centroids.checkpoint_folder import CheckpointFolder
from tfx_kmeans.clustering.checkpoint import Checkpoint
from tfx_kmeans.clustering.kernels.choice import KERNELS_VARIABLE
from tfx_kmeans.clustering.kernels.library import best_level
from tfx_kmeans.errors import CheckpointError


class StoppedError(Exception):
    pass


def stop_after(iterations):
    calls = []

    def callback(*_):
        calls.append(1)
        if len(calls) == iterations:
            raise StoppedError

    return callback


@pytest.fixture(autouse=True)
def _every_iteration(monkeypatch):
    monkeypatch.setattr(checkpoint_folder, '_SPARED', 0)


@pytest.fixture
def stopped(rows, tmp_path):
    """A folder with the checkpoints of a fit that was stopped in its seventh iteration."""
    folder = tmp_path / 'checkpoints'
    with pytest.raises(StoppedError):
        resume(rows, folder, callback=stop_after(7))
    return folder


def resume(rows, folder, **options):
    given = {'num_clusters': 6, 'relative_tolerance': 0.0, 'num_restarts': 2, **options}
    return tfx_kmeans.fit(rows, checkpoint_dir=str(folder), **given)


def test_a_fit_killed_at_any_time_resumes_with_bit_identical_results(tmp_path):
    program = Path(__file__).with_name('killed_fits.py')
    ran = subprocess.run(
        [sys.executable, '-W', 'ignore', str(program), str(tmp_path), '0'],
        check=True,
        capture_output=True,
        text=True,
        timeout=300,
    )
    cases = [json.loads(line) for line in ran.stdout.splitlines()]
    assert len(cases) == 26
    for case in cases:
        assert case['ended'], case
        assert case['same'], case
        assert case['tidy'], case
    assert all(case['killed'] for case in cases[20:]), 'fits are always killed inside a write'
    assert sum(case['killed'] for case in cases[:20]) >= 12
    assert sum(any('checkpoint-' in name for name in case['left']) for case in cases) >= 10


def test_a_fit_resumes_where_it_stopped_and_removes_its_checkpoints(rows, stopped, caplog):
    assert sorted(path.name for path in stopped.iterdir()) == [
        'checkpoint-5.npz',
        'checkpoint-6.npz',
    ]
    calls = []
    with caplog.at_level(logging.INFO):
        found = resume(rows, stopped, callback=lambda *call: calls.append(call[:2]))
    assert 'checkpoint-6.npz' in caplog.text
    assert calls[0] == (0, 6)
    assert list(stopped.iterdir()) == []
    whole = tfx_kmeans.fit(rows, 6, relative_tolerance=0.0, num_restarts=2)
    assert np.array_equal(found.cluster_centers(), whole.cluster_centers())
    assert found.inertia == whole.inertia
    assert len(found.metadata.restarts) == 2


@pytest.mark.parametrize('damage', ['cut', 'flip', 'empty', 'not a zip file'])
def test_a_damaged_checkpoint_is_renamed_and_the_previous_one_used(rows, stopped, caplog, damage):
    path = stopped / 'checkpoint-6.npz'
    content = bytearray(path.read_bytes())
    if damage == 'flip':
        content[len(content) // 2] ^= 0xFF
    torn = {'cut': content[:-40], 'empty': b'', 'not a zip file': b'x' * 999}.get(damage, content)
    path.write_bytes(torn)
    calls = []
    found = resume(rows, stopped, callback=lambda *call: calls.append(call[:2]))
    assert calls[0] == (0, 5)
    assert 'checkpoint-6.npz is damaged' in caplog.text
    assert [path.name for path in stopped.iterdir()] == ['torn-6.npz']
    whole = tfx_kmeans.fit(rows, 6, relative_tolerance=0.0, num_restarts=2)
    assert np.array_equal(found.cluster_centers(), whole.cluster_centers())


@pytest.mark.parametrize('kernels', ['numpy', best_level()])
def test_a_fit_killed_after_its_last_iteration_resumes_with_bit_identical_results(
    rows, tmp_path, monkeypatch, kernels
):
    monkeypatch.setenv(KERNELS_VARIABLE, kernels)
    many = np.tile(rows, (10, 1)) + np.random.default_rng(0).normal(size=(5000, 3))
    options = {'sample_weight': np.random.default_rng(1).uniform(0, 2, 5000)}
    whole = tfx_kmeans.fit(many, 6, relative_tolerance=0.0, num_restarts=2, **options)
    save = CheckpointFolder.save

    def stop_when_converged(self, checkpoint):
        save(self, checkpoint)
        if checkpoint.progress is not None and checkpoint.progress.converged:
            raise StoppedError

    with monkeypatch.context() as patch:
        patch.setattr(CheckpointFolder, 'save', stop_when_converged)
        with pytest.raises(StoppedError):
            resume(many, tmp_path / 'new', **options)
    found = resume(many, tmp_path / 'new', **options)
    for name in ('centroids', 'cluster_weight', 'cluster_inertia'):
        assert np.array_equal(getattr(found.payload, name), getattr(whole.payload, name)), name


def test_a_fit_starts_again_if_all_checkpoints_are_damaged(rows, stopped):
    for path in stopped.iterdir():
        path.write_bytes(b'PK')
    calls = []
    resume(rows, stopped, callback=lambda *call: calls.append(call[:2]))
    assert calls[0] == (0, 0)


@pytest.mark.parametrize(
    ('other', 'message'),
    [
        ({'num_clusters': 7}, 'num_clusters was 6, is 7'),
        ({'relative_tolerance': 0.1}, 'relative_tolerance was 0.0, is 0.1'),
        ({'seed': 3}, 'seed was 0, is 3'),
        ({'initial_clusters': 'random'}, "initial_clusters was 'kmeans_plus_plus', is 'random'"),
        ({'sample_weight': np.ones(500)}, 'weights of the rows was None, is'),
    ],
)
def test_checkpoints_of_other_options_are_rejected_by_name(rows, stopped, other, message):
    with pytest.raises(CheckpointError) as refused:
        resume(rows, stopped, **other)
    assert message in str(refused.value)
    assert f'checkpoint_dir {stopped} contains a checkpoint of another fit' in str(refused.value)
    assert str(refused.value).count(' was ') == 1
    assert len(list(stopped.iterdir())) == 2


def test_checkpoints_of_other_data_or_another_version_are_rejected(rows, stopped, monkeypatch):
    moved = rows.copy()
    moved[17, 1] += 1e-3
    with pytest.raises(CheckpointError, match='values of the rows was'):
        resume(moved, stopped)
    with pytest.raises(CheckpointError, match='rows was 500, is 499'):
        resume(rows[1:], stopped)
    monkeypatch.setattr(checkpoint_folder, '__version__', '99')
    with pytest.raises(CheckpointError, match=r"tfx_kmeans was '.*', is '99'"):
        resume(rows, stopped)


def test_saving_takes_at_most_about_a_tenth_of_the_time(rows, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint_folder, '_SPARED', 10)
    clock = iter(np.arange(0.0, 1000.0, 1.0))  # the clock advances by a second whenever it is read
    monkeypatch.setattr(checkpoint_folder.time, 'monotonic', lambda: float(next(clock)))
    saved = []
    monkeypatch.setattr(checkpoint_folder, '_serialized', lambda _: saved.append(1) or b'')
    folder = CheckpointFolder(str(tmp_path / 'new'))
    assert folder.load({}) is None
    checkpoint = Checkpoint({}, 0)
    for _ in range(24):
        folder.save(checkpoint)
    assert len(saved) == 3  # each save takes one second and is followed by a pause of ten seconds
