"""A table with numbers that float32 cannot hold, from a CSV file to the served model."""

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from sklearn.preprocessing import StandardScaler

from tfx_kmeans.centroids.storage import read_payload

GROUPS = np.repeat([0, 1, 2], 400)


@pytest.fixture(scope='module')
def table():
    """Timestamps, a sentinel, a constant, tiny numbers, ids, and a good column, all informative."""
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            'constant': np.full(1200, 14.62),
            'good': np.array([0.0, 10, 0])[GROUPS] + rng.normal(scale=0.5, size=1200),
            'sentinel': np.where(
                np.arange(1200) % 50 == 0, 999_999_999, GROUPS * 100 + rng.integers(9, size=1200)
            ),
            'time': 1_700_000_000 + np.array([0, 20, 40])[GROUPS] + rng.integers(3, size=1200),
            'tiny': (np.array([0.0, 0, 10])[GROUPS] + rng.normal(scale=0.5, size=1200)) * 1e-20,
        }
    )


@pytest.fixture(scope='module')
def run(tmp_path_factory, local_runner, table):
    folder = tmp_path_factory.mktemp('numbers')
    (folder / 'data').mkdir()
    table.to_csv(folder / 'data' / 'table.csv', index=False)
    run = local_runner(folder / 'output', '--data', str(folder / 'data'), '--num-clusters', '4')
    assert run.code == 0, run.screen + run.errors
    return run


def served(run, table):
    (folder,) = (run.output / 'serving_model').iterdir()
    model = tf.saved_model.load(str(folder))
    inputs = {
        name: tf.constant(table[name], tf.int64 if table[name].dtype.kind == 'i' else tf.float32)
        for name in table
    }
    return model.signatures['raw'](**inputs), str(folder)


def test_the_clusters_are_those_of_float64(run, table):
    answer, folder = served(run, table)
    index = answer['cluster_index'].numpy()
    ordinary = table['sentinel'] < 1e6
    assert len({*zip(index[ordinary], GROUPS[ordinary], strict=True)}) == 3
    assert set(index[~ordinary]).isdisjoint(index[ordinary])
    payload = read_payload(f'{folder}/assets.extra/tfx_kmeans')
    assert payload.metadata.column_names == tuple(table)
    scaled = StandardScaler().fit_transform(table.astype(float))
    means = np.array([scaled[index == k].mean(axis=0) for k in range(4)])
    expected = np.square(scaled - means[index]).sum()
    ours = payload.metadata.inertia / payload.metadata.rows
    assert ours == pytest.approx(expected / len(table), rel=0.1)  # of the train split alone


def test_a_value_beside_a_constant_is_not_a_million_deviations_out(run, table):
    rows = pd.concat([table.iloc[:1]] * 2, ignore_index=True)
    rows.loc[1, 'constant'] = 15.62
    answer, _ = served(run, rows)
    as_trained, other = answer['distance'].numpy()
    assert other - as_trained == pytest.approx(1, rel=1e-3)


def test_the_constant_column_is_reported(run):
    report = next(run.output.glob('pipeline/ExportValidator/report/*/report.json')).read_text()
    assert 'one value only: constant' in report
    assert 'warned  varying_inputs' in run.screen
