"""Each table of the catalogue on its way through local_runner.py, up to where TFX is loaded."""

import importlib.util
import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import tfx_kmeans
from tests.unit.tables.catalogue import CLUSTERS, UNUSABLE, USABLE
from tfx_kmeans.errors import TableError
from tfx_kmeans.pipelines.table_data import prepare_table
from tfx_kmeans.tables.choice import Selection
from tfx_kmeans.tables.options import ReadOptions

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope='module')
def runner():
    spec = importlib.util.spec_from_file_location('local_runner', ROOT / 'local_runner.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def written(case, folder):
    folder.mkdir()
    for name, content in case.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return [str(folder / path) for path in case.paths]


def prepared_frame(config):
    """The columns that the pipeline reads, by a reader that is not ours."""
    files = sorted(Path(config.data_root).glob(f'*.{config.data_format}'))
    if config.data_format == 'parquet':
        return pd.concat(map(pd.read_parquet, files), ignore_index=True)
    return pd.concat(map(pd.read_csv, files), ignore_index=True)


def assert_equal(found, expected):
    if found.dtype == object:
        assert list(found) == list(expected)
        return
    assert list(found.isna()) == [value is None for value in expected]
    pairs = zip(found, expected, strict=True)
    wrong = [(one, other) for one, other in pairs if other is not None and one != other]
    assert wrong == []


@pytest.mark.parametrize('name', USABLE)
def test_a_usable_table(runner, tmp_path, monkeypatch, name):
    case, ran = USABLE[name], []
    monkeypatch.setattr(runner, '_run', lambda *given: ran.append(given) or 0)
    paths = written(case, tmp_path / 'data')
    output = tmp_path / 'output'
    assert runner.main(
        ['--data', *paths, '--output', str(output), '--num-clusters', '2', *case.arguments]
    ) == 0  # fmt: skip
    ((config, table, *_),) = ran
    assert list(config.features) == sorted(case.values)
    assert config.data_format == ('csv' if case.is_plain else 'parquet')
    frame = prepared_frame(config)
    for column, expected in case.values.items():
        assert_equal(frame[column], expected)
    assert case.said in table.summary
    for column, reason in case.left_out.items():
        assert reason in table.choice.left_out[column]
    assert set(table.choice.left_out) == set(case.left_out)
    warnings = '\n'.join(table.choice.warnings)
    assert case.warned in warnings
    assert bool(case.warned) == bool(warnings), warnings
    assert_clusters(frame[list(case.values)[:2]])


def assert_clusters(frame):
    numbers = frame.astype(float)
    numbers = numbers.fillna(numbers.mean())
    rows = (numbers - numbers.mean()) / numbers.std().replace(0, 1)
    model = tfx_kmeans.fit(rows.to_numpy(), num_clusters=2)
    index = model.predict_cluster_index(rows.to_numpy())
    assert np.array_equal(index == index[0], CLUSTERS[0] == CLUSTERS)


@pytest.mark.parametrize('name', UNUSABLE)
def test_an_unusable_table(runner, tmp_path, capsys, name):
    case = UNUSABLE[name]
    paths = written(case, tmp_path / 'data')
    output = tmp_path / 'output'
    code = runner.main(['--data', *paths, '--output', str(output), *case.arguments])
    shown = capsys.readouterr()
    assert code == runner.UNUSABLE == 2
    assert re.search(case.error, shown.err), shown.err
    assert len(shown.err.splitlines()) == 1
    assert shown.out == ''
    assert list(output.rglob('*.parquet')) == []
    assert 'tfx' not in sys.modules


def test_the_catalogue_is_large():
    assert len(USABLE) + len(UNUSABLE) >= 50


def prepare(tmp_path, frame, **selection):
    frame.to_csv(tmp_path / 'a.csv', index=False)
    return prepare_table(
        [tmp_path / 'a.csv'], ReadOptions(), Selection(**selection), tmp_path / 'table', 2
    )


def test_a_wide_table_becomes_one_vector_except_for_numbers_that_need_their_digits(tmp_path):
    random = np.random.default_rng(0)
    frame = pd.DataFrame(
        random.normal(size=(30, 120)).round(3), columns=map('n{}'.format, range(120))
    )
    frame['large'] = random.integers(0, 10**12, 30)
    frame['close'] = 10**12 + random.integers(0, 5, 30)
    frame['columns'] = random.integers(0, 5, 30)
    frame.iloc[3, 7] = np.nan
    table = prepare(tmp_path, frame)
    ((name, inside),) = table.vectors.items()
    assert name == 'columns_2'
    assert set(inside) == {*frame} - {'close'}
    found = pd.read_parquet(tmp_path / 'table')
    assert list(found) == ['close', 'columns_2']
    assert list(found.close) == list(frame.close)
    np.testing.assert_array_equal(
        np.stack(found.columns_2), frame[list(inside)].to_numpy().astype(np.float32)
    )


def test_many_raw_features_are_announced_or_refused_before_tfx_is_loaded(tmp_path):
    random = np.random.default_rng(0)
    values = random.choice(['a', 'b'], size=(20, 1001))
    frame = pd.DataFrame(values, columns=map('c{}'.format, range(1001)))
    with pytest.raises(TableError, match=r'1001 columns would be raw features.*at most 1000'):
        prepare(tmp_path, frame, categorical=['auto'])
    table = prepare(tmp_path, frame.iloc[:, :201], categorical=['auto'])
    assert '201 columns are raw features of their own' in table.choice.warnings[-1]


def test_many_columns_that_are_left_out_are_not_read_by_tfx(tmp_path):
    frame = pd.DataFrame('text', index=range(20), columns=map('c{}'.format, range(51)))
    table = prepare(tmp_path, frame.assign(x=[0, 1] * 10, y=[1.5, 2] * 10))
    assert table.data_format == 'parquet'
    assert list(pd.read_parquet(tmp_path / 'table')) == ['x', 'y']


def test_columns_with_the_same_fault_share_a_warning(tmp_path):
    frame = pd.DataFrame({f'id{i:02}': range(i, i + 50) for i in range(12)}).assign(x=[0, 1] * 25)
    (warning,) = prepare(tmp_path, frame).choice.warnings
    assert warning.startswith("columns 'id00', 'id01'")
    assert "'id09', and 2 more: each has a different value in every row" in warning
    nearly = pd.DataFrame({'x': [0] * 996 + [1] * 4, 'y': [0, 1] * 500})
    (warning,) = prepare(tmp_path, nearly).choice.warnings
    assert warning.startswith("column 'x' has the same value in more than 99.5% of the rows")
