"""Fits that are killed, and checkpoints that are torn or of something else."""

import json
import logging
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tfx_kmeans
from tfx_kmeans.centroids import checkpoints
from tfx_kmeans.centroids.checkpoints import CheckpointError, CheckpointFolder
from tfx_kmeans.clustering import compilation


class StoppedError(Exception):
    pass


def stop_after(iterations):
    seen = []

    def callback(*_):
        seen.append(1)
        if len(seen) == iterations:
            raise StoppedError

    return callback


@pytest.fixture(autouse=True)
def _every_iteration(monkeypatch):
    monkeypatch.setattr(checkpoints, '_SPARED', 0)


@pytest.fixture
def stopped(rows, tmp_path):
    """A folder with the checkpoints of a fit that was stopped in its seventh iteration."""
    folder = tmp_path / 'checkpoints'
    with pytest.raises(StoppedError):
        go_on(rows, folder, callback=stop_after(7))
    return folder


def go_on(rows, folder, **options):
    given = {'num_clusters': 6, 'relative_tolerance': 0.0, 'num_restarts': 2, **options}
    return tfx_kmeans.fit(rows, checkpoint_dir=str(folder), **given)


def test_killed_at_any_moment_a_fit_ends_with_the_same_bits(tmp_path):
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
    assert all(case['killed'] for case in cases[20:]), 'those inside a write always are'
    assert sum(case['killed'] for case in cases[:20]) >= 12
    assert sum(any('checkpoint-' in name for name in case['left']) for case in cases) >= 10


def test_a_fit_goes_on_where_it_was_and_removes_its_checkpoints(rows, stopped, caplog):
    assert sorted(path.name for path in stopped.iterdir()) == [
        'checkpoint-5.npz',
        'checkpoint-6.npz',
    ]
    told = []
    with caplog.at_level(logging.INFO):
        found = go_on(rows, stopped, callback=lambda *seen: told.append(seen[:2]))
    assert 'checkpoint-6.npz' in caplog.text
    assert told[0] == (0, 6)
    assert list(stopped.iterdir()) == []
    whole = tfx_kmeans.fit(rows, 6, relative_tolerance=0.0, num_restarts=2)
    assert np.array_equal(found.cluster_centers(), whole.cluster_centers())
    assert found.inertia == whole.inertia
    assert len(found.metadata.restarts) == 2


@pytest.mark.parametrize('damage', ['cut', 'flip', 'empty', 'no zip'])
def test_a_torn_checkpoint_is_set_aside_and_the_one_before_used(rows, stopped, caplog, damage):
    path = stopped / 'checkpoint-6.npz'
    content = bytearray(path.read_bytes())
    if damage == 'flip':
        content[len(content) // 2] ^= 0xFF
    torn = {'cut': content[:-40], 'empty': b'', 'no zip': b'x' * 999}.get(damage, content)
    path.write_bytes(torn)
    told = []
    found = go_on(rows, stopped, callback=lambda *seen: told.append(seen[:2]))
    assert told[0] == (0, 5)
    assert 'checkpoint-6.npz is damaged' in caplog.text
    assert [path.name for path in stopped.iterdir()] == ['torn-6.npz']
    whole = tfx_kmeans.fit(rows, 6, relative_tolerance=0.0, num_restarts=2)
    assert np.array_equal(found.cluster_centers(), whole.cluster_centers())


@pytest.mark.parametrize('work', [0, 1 << 60], ids=['compiled', 'plain'])
def test_killed_after_the_last_iteration_it_ends_with_the_same_bits(
    rows, tmp_path, monkeypatch, work
):
    monkeypatch.setattr(compilation, '_LEAST_WORK', work)
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
            go_on(many, tmp_path / 'new', **options)
    found = go_on(many, tmp_path / 'new', **options)
    for name in ('centroids', 'cluster_weight', 'cluster_inertia'):
        assert np.array_equal(getattr(found.payload, name), getattr(whole.payload, name)), name


def test_where_all_are_torn_it_begins_anew(rows, stopped):
    for path in stopped.iterdir():
        path.write_bytes(b'PK')
    told = []
    go_on(rows, stopped, callback=lambda *seen: told.append(seen[:2]))
    assert told[0] == (0, 0)


@pytest.mark.parametrize(
    ('other', 'said'),
    [
        ({'num_clusters': 7}, 'num_clusters was 6, is 7'),
        ({'relative_tolerance': 0.1}, 'relative_tolerance was 0.0, is 0.1'),
        ({'seed': 3}, 'seed was 0, is 3'),
        ({'initial_clusters': 'random'}, "initial_clusters was 'kmeans_plus_plus', is 'random'"),
        ({'sample_weight': np.ones(500)}, 'weights of the rows was None, is'),
    ],
)
def test_checkpoints_of_other_options_are_refused_by_name(rows, stopped, other, said):
    with pytest.raises(CheckpointError) as refused:
        go_on(rows, stopped, **other)
    assert said in str(refused.value)
    assert f'checkpoint_dir {stopped} holds a checkpoint of another fit' in str(refused.value)
    assert str(refused.value).count(' was ') == 1
    assert len(list(stopped.iterdir())) == 2


def test_checkpoints_of_other_data_or_another_version_are_refused(rows, stopped, monkeypatch):
    moved = rows.copy()
    moved[17, 1] += 1e-3
    with pytest.raises(CheckpointError, match='values of the rows was'):
        go_on(moved, stopped)
    with pytest.raises(CheckpointError, match='rows was 500, is 499'):
        go_on(rows[1:], stopped)
    monkeypatch.setattr(checkpoints, '__version__', '99')
    with pytest.raises(CheckpointError, match=r"tfx_kmeans was '.*', is '99'"):
        go_on(rows, stopped)


def test_saving_takes_at_most_about_a_tenth_of_the_time(rows, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, '_SPARED', 10)
    clock = iter(np.arange(0.0, 1000.0, 1.0))  # each look at the clock takes a second
    monkeypatch.setattr(checkpoints.time, 'monotonic', lambda: float(next(clock)))
    saved = []
    monkeypatch.setattr(checkpoints, '_serialized', lambda _: saved.append(1) or b'')
    folder = CheckpointFolder(str(tmp_path / 'new'))
    assert folder.load({}) is None
    checkpoint = checkpoints.Checkpoint({}, 0)
    for _ in range(24):
        folder.save(checkpoint)
    assert len(saved) == 3  # a save of one second, ten seconds of rest, and so on
