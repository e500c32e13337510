"""Inspects CSV files before a pipeline is built for them."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from tfx_kmeans.errors import CsvError

_CHUNK_ROWS = 100_000


@dataclasses.dataclass(frozen=True)
class CsvData:
    """Columns of the CSV files in a folder.

    Attributes:
      columns: Names of all columns, in the order of the header.
      numeric: Names of the columns that contain only numbers and empty cells, in the same order.
    """

    columns: tuple[str, ...]
    numeric: tuple[str, ...]


def inspect_folder(folder: Path) -> CsvData:
    """Reads the headers and column types of the *.csv files in a folder.

    Raises:
      CsvError: If there are no CSV files, or if a file is empty, has no rows, cannot be parsed or
        has a different header; names the file.
    """
    files = sorted(folder.glob('*.csv')) if folder.is_dir() else []
    if not files:
        raise CsvError(f'{folder} has no CSV files: no file name there matches *.csv.')
    headers = {file: _header(file) for file in files}
    for file, header in headers.items():
        if header != headers[files[0]]:
            raise CsvError(
                f'{file} has a different header from {files[0].name}: {_difference(headers, file)}.'
            )
    kinds = pd.concat([_kinds(file) for file in files])
    numeric = tuple(name for name in headers[files[0]] if _is_numeric(kinds[name]))
    return CsvData(headers[files[0]], numeric)


def choose_columns(
    data: CsvData, features: Sequence[str] | None, exclude: Sequence[str]
) -> tuple[str, ...]:
    """Names of the columns to cluster by, sorted.

    Raises:
      CsvError: If columns do not exist or are not numeric, naming them, or if none are left.
    """
    unknown = sorted({*(features or ()), *exclude} - set(data.columns))
    if unknown:
        raise CsvError(
            f'The data has no column {_listed(unknown)}. Existing columns: {_listed(data.columns)}.'
        )
    strings = sorted(set(features or ()) - set(data.numeric))
    if strings:
        raise CsvError(
            f'Column {_listed(strings)} is not numeric, so it cannot be clustered by. Numeric '
            f'columns: {_listed(data.numeric)}.'
        )
    chosen = sorted({*(data.numeric if features is None else features)} - set(exclude))
    if not chosen:
        raise CsvError(
            f'No column is left to cluster by. Numeric columns: {_listed(data.numeric)}; '
            f'excluded: {_listed(exclude)}.'
        )
    return tuple(chosen)


def _header(file: Path) -> tuple[str, ...]:
    with file.open(newline='', encoding='utf-8') as lines:
        rows = csv.reader(lines)
        header = tuple(next(rows, ()))
        if header and header[0].startswith('\ufeff'):
            raise CsvError(f'{file} starts with a byte order mark: save it as plain UTF-8.')
        if not header:
            raise CsvError(f'{file} is empty.')
        if next(rows, None) is None:
            raise CsvError(f'{file} has a header but no rows.')
    if len(set(header)) < len(header):
        raise CsvError(f'{file} names a column twice in its header: {_listed(header)}.')
    return header


def _kinds(file: Path) -> pd.DataFrame:
    """NumPy dtype kind of each column ('i', 'f', 'O', ...) per chunk; '' if all cells are empty."""
    try:
        chunks = pd.read_csv(
            file, chunksize=_CHUNK_ROWS, keep_default_na=False, na_values=[''], low_memory=False
        )
        return pd.DataFrame(
            [
                {name: '' if part[name].isna().all() else part[name].dtype.kind for name in part}
                for part in chunks
            ]
        )
    except (pd.errors.ParserError, UnicodeDecodeError) as error:
        raise CsvError(f'{file} cannot be read as CSV: {str(error).strip()}') from error


def _is_numeric(kinds: pd.Series) -> bool:
    found = set(kinds) - {''}
    return bool(found) and found <= {'i', 'f'}


def _difference(headers: dict[Path, tuple[str, ...]], file: Path) -> str:
    first = next(iter(headers.values()))
    other = headers[file]
    if sorted(first) == sorted(other):
        return 'the columns are in a different order'
    return f'only one of them contains {_listed(sorted(set(first) ^ set(other)))}'


def _listed(names: Sequence[str]) -> str:
    return ', '.join(map(repr, names)) or 'none'
