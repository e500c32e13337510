"""Looking at CSV files before TFX is loaded, compared with pandas and with a limit in seconds."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from harness import Row, medians_of, rated, seconds
from pyarrow import csv

from tfx_kmeans.pipelines.table_data import prepare_table
from tfx_kmeans.tables.choice import Selection
from tfx_kmeans.tables.options import ReadOptions

ROWS, LIMIT_SECONDS, RUNS, GIGABYTE = 1_000_000, 5.0, 5, 10**9
PANDAS = 'pandas.read_csv in chunks'


def run(folder: Path) -> list[Row]:
    """Runs all cases."""
    plain = folder / 'plain' / 'table.csv'
    _write_table(plain)
    large = folder / 'large' / 'table.csv'
    _repeat(plain, large)
    german = folder / 'german' / 'table.csv'
    _write_german(plain, german)
    return [
        *_looks(plain, f'{ROWS:,} rows x 20 columns, plain', RUNS, limit=LIMIT_SECONDS),
        *_looks(large, f'{large.stat().st_size / 1e9:.1f} GB, plain', 3, target=1.0),
        *_looks(german, 'semicolons, decimal commas, Latin-1; as Parquet', 3, german=True),
    ]


def _looks(
    path: Path,
    case: str,
    runs: int,
    *,
    limit: float | None = None,
    target: float | None = None,
    german: bool = False,
) -> list[Row]:
    prepared = partial(prepare_table, [path], ReadOptions(), Selection(), path.with_name('parquet'))
    took = medians_of(
        {
            'ours': lambda: seconds(prepared)[0],
            'pandas': lambda: seconds(partial(_by_pandas, path, german))[0],
        },
        runs,
    )
    metric = 'seconds'
    ratio = took['pandas'] / took['ours']
    rows = [rated(case, metric, took['ours'], took['pandas'], PANDAS, ratio, target)]
    if limit is not None:
        rows.append(rated(case, metric, took['ours'], limit, 'limit', limit / took['ours'], 1.0))
    return rows


def _by_pandas(path: Path, german: bool) -> list[pd.DataFrame]:
    """The types of all columns, as local_runner.py found them before."""
    dialect = {'sep': ';', 'decimal': ',', 'encoding': 'cp1252'} if german else {}
    chunks = pd.read_csv(
        path, chunksize=100_000, keep_default_na=False, na_values=[''], low_memory=False, **dialect
    )
    return [chunk.dtypes for chunk in chunks]


def _write_table(path: Path) -> None:
    """12 columns of decimals, 5 of integers, an id, a column of cities and one of names."""
    rng = np.random.default_rng(0)
    columns: dict[str, object] = {
        f'd{index}': np.round(rng.normal(size=ROWS) * 100, 4) for index in range(12)
    }
    columns |= {f'i{index}': rng.integers(0, 100_000, ROWS) for index in range(5)}
    columns['id'] = np.arange(ROWS)
    columns['city'] = np.array(['Ulm', 'Bonn', 'Berlin', 'Kiel'])[rng.integers(4, size=ROWS)]
    columns['name'] = [f'customer {index}' for index in range(ROWS)]
    path.parent.mkdir()
    with path.open('wb') as file:
        file.write(f'{",".join(columns)}\n'.encode())
        options = csv.WriteOptions(include_header=False)
        csv.write_csv(pa.table(columns), file, options)


def _repeat(path: Path, target: Path) -> None:
    """A file with the rows of another one, repeated up to a gigabyte."""
    header, _, body = path.read_bytes().partition(b'\n')
    target.parent.mkdir()
    with target.open('wb') as file:
        file.write(header + b'\n')
        for _ in range(-(-GIGABYTE // len(body))):
            file.write(body)


def _write_german(path: Path, target: Path) -> None:
    """The table as a German spreadsheet writes it."""
    target.parent.mkdir()
    text = path.read_text().replace(',', ';').replace('.', ',').replace('Berlin', 'Köln')
    target.write_text(text, encoding='cp1252')
