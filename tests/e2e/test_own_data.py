"""CSV files of a user: large files with missing values, and files that cannot be used."""

import re
import subprocess

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tfx_kmeans.centroids.storage import read_payload

NUMBERS = ['height', 'income', 'size', 'visits']


@pytest.fixture(scope='module')
def large(tmp_path_factory, local_runner):
    """A run on 200,000 rows in four files, with empty cells, integers and a column of strings."""
    folder = tmp_path_factory.mktemp('large')
    rng = np.random.default_rng(0)
    centers = rng.normal([170, 1e5, 1, 200], [20, 3e4, 0.1, 40], size=(6, 4))
    labels = rng.integers(6, size=200_000)
    values = rng.normal(centers[labels], [2, 3e3, 0.01, 4])
    table = pd.DataFrame(values, columns=NUMBERS)
    table['visits'] = table['visits'].round().astype('Int64')
    table = table.mask(rng.random(table.shape) < 0.02)
    table.insert(1, 'city', rng.choice(['Ulm', 'Köln', 'a, "b"'], 200_000))
    (folder / 'data').mkdir()
    for index, part in enumerate(np.array_split(np.arange(200_000), 4)):
        table.iloc[part].to_csv(folder / 'data' / f'part{index}.csv', index=False)
    (folder / 'data' / 'notes.txt').write_text('not data')
    run = local_runner(folder / 'output', '--data', str(folder / 'data'), '--num-clusters', '6')
    return run, table


def test_200_000_rows_are_clustered_and_pushed(large):
    run, table = large
    assert run.code == 0, run.screen + run.errors
    (model,) = (run.output / 'serving_model').iterdir()
    payload = read_payload(str(model / 'assets.extra' / 'tfx_kmeans'))
    assert list(payload.metadata.column_names) == NUMBERS
    assert 0.6 < payload.metadata.rows / len(table) < 0.7
    rows = make_pipeline(SimpleImputer(), StandardScaler()).fit_transform(
        table[NUMBERS].astype(float)
    )
    theirs = KMeans(6, n_init=3, random_state=0).fit(rows)
    ours = payload.metadata.inertia / payload.metadata.rows
    assert ours == pytest.approx(theirs.inertia_ / len(rows), rel=0.02)


def test_the_printed_command_works_with_integer_columns(large):
    run, _ = large
    (command,) = (line for line in run.screen.splitlines() if 'saved_model_cli' in line)
    answered = subprocess.run(
        command, shell=True, capture_output=True, text=True, check=True, cwd=run.output.parent
    )
    assert re.search(r'cluster_index:\n\[\d\]', answered.stdout)


@pytest.mark.parametrize(
    ('content', 'arguments', 'message'),
    [
        ({}, [], 'has no CSV files'),
        ({'a.csv': ''}, [], 'a.csv is empty'),
        ({'a.csv': 'x,y\n'}, [], 'a.csv has a header but no rows'),
        ({'a.csv': 'x,x\n1,2\n'}, [], 'names a column twice'),
        ({'a.csv': 'x,y\n1,2\n', 'b.csv': 'x,z\n1,2\n'}, [], 'a different header from a.csv'),
        ({'a.csv': 'x,y\n1,b\n'}, ['--features', 'z'], "no column 'z'. Existing columns: 'x', 'y'"),
        ({'a.csv': 'x,y\n1,b\n'}, ['--exclude-features', 'z'], "no column 'z'"),
        ({'a.csv': 'x,y\n1,b\n'}, ['--features', 'x,y'], "Column 'y' is not numeric"),
        ({'a.csv': 'x,y\na,b\n'}, [], 'No column is left to cluster by'),
        ({'a.csv': 'x,y\n1,2\n'}, ['--num-clusters', '0'], 'num_clusters must be an integer'),
        ({'a.csv': 'x,y\n1,2\n3\n4,5,6\n'}, [], 'a.csv cannot be read as CSV'),
    ],
)
def test_data_and_arguments_that_cannot_be_used(
    local_runner, tmp_path, content, arguments, message
):
    data = tmp_path / 'data'
    data.mkdir()
    for name, text in content.items():
        (data / name).write_text(text)
    run = local_runner(tmp_path / 'output', '--data', str(data), *arguments)
    assert run.code == 2
    assert message in run.errors
    assert len(run.errors.splitlines()) == 1
    assert run.screen == ''
    assert not (run.output / 'serving_model').exists()


def test_an_output_folder_that_cannot_be_written_to(local_runner, tmp_path):
    (tmp_path / 'file').write_text('in the way')
    run = local_runner(tmp_path / 'file' / 'output')
    assert run.code == 2
    assert 'cannot be written to: Not a directory' in run.errors
    assert len(run.errors.splitlines()) == 1


@pytest.mark.parametrize(
    ('cells', 'clusters', 'message'),
    [
        (['1', '2', 'inf', '4'], 2, r"column 'x': 0 NaN, \d+ infinite"),
        (['1', '2', '3', '4'], 40, 'num_clusters is 40, but there are only'),
    ],
    ids=['an infinite value', 'fewer rows than clusters'],
)
def test_problems_that_only_the_trainer_detects(local_runner, tmp_path, cells, clusters, message):
    data = tmp_path / 'data'
    data.mkdir()
    rows = '\n'.join(f'{cell},{index}' for index, cell in enumerate(cells * 10))
    (data / 'a.csv').write_text(f'x,y\n{rows}\n')
    run = local_runner(tmp_path / 'output', '--data', str(data), '--num-clusters', str(clusters))
    assert run.code == 1
    (error,) = (line for line in run.screen.splitlines() if line.startswith('error:'))
    assert error.startswith('error: KMeansTrainer failed: ')
    assert re.search(message, error)
    assert 'Nothing was pushed.' in run.screen
    assert not (run.output / 'serving_model').exists()
