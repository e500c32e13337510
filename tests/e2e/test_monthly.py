"""Three months of a pipeline whose Transform learns another scale and vocabulary each time."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from tfx_kmeans.centroids.storage import read_payload

PROGRAM = Path(__file__).with_name('monthly.py')


@pytest.fixture(scope='module')
def months(tmp_path_factory):
    """For each month: its table, the centroids, the served model and the report."""
    folder = tmp_path_factory.mktemp('monthly')
    ended = subprocess.run(
        [sys.executable, '-W', 'ignore', str(PROGRAM), str(folder)],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]

    def outputs(component, name):
        found = (folder / 'root' / component / name).iterdir()
        return sorted(found, key=lambda path: int(path.name))

    return [
        SimpleNamespace(
            table=pd.read_csv(folder / f'month{index}' / 'rows.csv'),
            payload=read_payload(str(centroids)),
            served=tf.saved_model.load(str(model / 'Format-Serving')),
            checks=json.loads((report / 'report.json').read_text())['checks'],
        )
        for index, centroids, model, report in zip(
            range(3),
            outputs('KMeansTrainer', 'centroids'),
            outputs('CentroidExporter', 'model'),
            outputs('ExportValidator', 'report'),
            strict=True,
        )
    ]


def ids_of(served, table):
    """The clusters that a model answers for the rows of a table, by their raw values."""
    raw = {  # SchemaGen has inferred the shape [1] for both
        'segment': tf.constant(table[['segment']].values.tolist()),
        'x': tf.constant(table[['x']].values, tf.float32),
    }
    return served.signatures['raw'](**raw)['cluster_index'].numpy()


def baseline_of(month):
    return {one['name']: one for one in month.checks if one['group'] == 'baseline'}


def test_the_scale_and_the_vocabulary_have_changed(months):
    first, second, _ = (
        month.payload.centroids[ids_of(month.served, month.table)[month.table['segment'] == 'c'][0]]
        for month in months
    )
    assert np.abs(first - second).max() > 0.9


def test_ids_stay_in_the_second_month(months):
    first, second, _ = months
    for segment in 'abc':
        before, after = (
            np.unique(ids_of(month.served, month.table)[month.table['segment'] == segment])
            for month in (first, second)
        )
        assert before.tolist() == after.tolist()
        assert len(before) == 1
    succession = second.payload.metadata.ancestry.succession
    assert succession.matched_by == 'rows'
    assert succession.moved_share < 0.001
    checks = baseline_of(second)
    assert {name: one['passed'] for name, one in checks.items()} == dict.fromkeys(checks, True)
    assert len(checks) == 5
    assert float(checks['baseline_changed']['found']) == 0
    assert float(checks['baseline_drift']['found']) == 0
    assert all(one['passed'] for one in second.checks)


def test_a_real_change_is_seen_in_the_third_month(months):
    _, second, third = months
    table = third.table
    before, after = (ids_of(month.served, table) for month in (second, third))
    assert sorted(np.unique(before)) != sorted(np.unique(after))
    moved = third.payload.metadata.ancestry.succession.moved_share
    assert 0.15 < moved < 0.5
    failed = {name for name, one in baseline_of(third).items() if not one['passed']}
    assert failed == {'baseline_changed', 'baseline_drift'}
    assert float(baseline_of(third)['baseline_inertia']['found']) < 0.5
