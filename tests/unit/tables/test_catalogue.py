"""Each table of the catalogue on its way through local_runner.py, up to where TFX is loaded."""

import importlib.util
import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from pyarrow import parquet

import tfx_kmeans
from tests.unit.tables.catalogue import CLUSTERS, UNUSABLE, USABLE

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
        table = pa.concat_tables(map(parquet.read_table, files))
        floats = [one for one in table.columns if pa.types.is_floating(one.type)]
        assert not any(pc.any(pc.is_nan(one)).as_py() for one in floats)  # null is missing
        return table.to_pandas()
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
    clusters = np.resize(CLUSTERS, len(rows))
    assert np.array_equal(index == index[0], clusters == clusters[0])


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


def test_a_run_refuses_to_replace_its_own_table(runner, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(runner, '_run', lambda *given: 0)
    paths = written(USABLE['semicolons and decimal commas'], tmp_path / 'data')
    output = str(tmp_path / 'output')
    assert runner.main(['--data', *paths, '--output', output]) == 0
    table = tmp_path / 'output' / 'data' / 'table'
    assert runner.main(['--data', str(table), '--output', output]) == runner.UNUSABLE
    assert 'which this run would replace: choose another folder' in capsys.readouterr().err
    assert [path.name for path in table.iterdir()] == ['part-00000.parquet']
    assert runner.main(['--data', str(table), '--output', str(tmp_path / 'another')]) == 0


def test_many_columns_share_a_warning(runner, tmp_path, monkeypatch):
    ran = []
    monkeypatch.setattr(runner, '_run', lambda *given: ran.append(given) or 0)
    file = tmp_path / 'a.csv'
    file.write_text(','.join(f'c{index}' for index in range(12)) + '\n' + '5,' * 11 + '5\n')
    assert runner.main(
        ['--data', str(file), '--output', str(tmp_path / 'output'), '--num-clusters', '1']
    ) == 0  # fmt: skip
    (warning,) = ran[0][1].choice.warnings
    assert '12 columns: each has the same value in every row' in warning
    assert 'and 2 more' in warning


def test_a_name_in_the_list_with_a_line_break_needs_quotes(runner, capsys):
    with pytest.raises(SystemExit):
        runner.main(['--features', 'a\nb,c'])
    assert 'a line break stands in double quotes' in capsys.readouterr().err
