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
        ({'a.csv': 'x,y\n1,2\n3\n4,5,6\n'}, [], 'a.csv line 3 has too few cells: 1 instead of 2'),
        ({'a.csv': 'x,y\n1,2\ninf,3\n4,5\n'}, [], "Column 'x' has a number that is infinite"),
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


def test_a_table_that_is_too_small_to_split(local_runner, tmp_path):
    (tmp_path / 'a.csv').write_text('x,y\n1,2\n3,4\n5,6\n7,8\n9,10\n')
    run = local_runner(
        tmp_path / 'output', '--data', str(tmp_path / 'a.csv'), '--num-clusters', '5'
    )
    assert run.code == 1
    (error,) = (line for line in run.screen.splitlines() if line.startswith('error:'))
    assert re.match('error: KMeansTrainer failed: num_clusters is 5, but there are only', error)
    assert 'Nothing was pushed.' in run.screen
    (said,) = re.findall(r'The table has 5 rows, 5 of them different.*put (.*?):', run.screen)
    sizes = dict(re.findall(r"(\d) in '(\w+)'", said))
    assert sum(map(int, sizes)) == 5
    assert set(sizes.values()) == {'train', 'eval'}
    assert not (run.output / 'serving_model').exists()
