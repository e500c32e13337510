"""Inspects CSV files before a pipeline is built for them."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from tfx_kmeans.errors import CsvError

_TOLERATED = 1e-2  # rounding, as a share of the standard deviation
_CHUNK_ROWS = 100_000


@dataclasses.dataclass(frozen=True)
class CsvData:
    """Columns of the CSV files in a folder.

    Attributes:
      columns: Names of all columns, in the order of the header.
      numeric: Names of the columns that contain only numbers and empty cells, in the same order.
      rounded: Numeric columns whose numbers lie too close together for float32, and an example.
    """

    columns: tuple[str, ...]
    numeric: tuple[str, ...]
    rounded: Mapping[str, str] = dataclasses.field(default_factory=dict)


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
    rounding = {name: _Rounding() for name in headers[files[0]]}
    kinds = pd.concat([_kinds(file, rounding) for file in files])
    numeric = tuple(name for name in headers[files[0]] if _is_numeric(kinds[name]))
    rounded = {name: found for name in numeric if (found := rounding[name].loss())}
    return CsvData(headers[files[0]], numeric, rounded)


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
    for name in chosen:
        if name in data.rounded:
            raise CsvError(
                f'Column {name!r} has numbers that are too close together for float32, the type of '
                f'decimal numbers in tf.Examples: {data.rounded[name]}. Subtract a constant from '
                'the column, or write whole numbers.'
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


@dataclasses.dataclass
class _Rounding:
    """What becomes of a column's decimal numbers as float32, the type that tf.Examples have."""

    origin: float = 0.0
    count: int = 0
    total: float = 0.0
    squares: float = 0.0
    squared_errors: float = 0.0
    decimal: bool = False
    worst: tuple[float, float] = (0.0, 0.0)

    def add(self, column: pd.Series) -> None:
        values = column.dropna().to_numpy(np.float64)
        values = values[np.isfinite(values)]
        with np.errstate(over='ignore'):
            errors = np.abs(values - values.astype(np.float32).astype(np.float64))
        if not len(values) or not np.isfinite(errors).all():
            return  # the trainer counts infinite values
        if not self.count:
            self.origin = float(values[0])
        self.count += len(values)
        self.total += (values - self.origin).sum()
        self.squares += np.square(values - self.origin).sum()
        self.squared_errors += np.square(errors).sum()
        self.decimal |= bool((values != np.rint(values)).any())
        self.worst = max(self.worst, (errors.max(), values[errors.argmax()]))

    def loss(self) -> str:
        """What is lost, if rounding is not small against the standard deviation; else ''."""
        if not self.decimal:  # whole numbers become int64
            return ''
        variance = self.squares / self.count - (self.total / self.count) ** 2
        if self.squared_errors / self.count <= _TOLERATED**2 * variance or not variance > 0:
            return ''
        value = self.worst[1]
        return f'{value:.17g} becomes {float(np.float32(value)):.17g}'


def _kinds(file: Path, rounding: Mapping[str, _Rounding]) -> pd.DataFrame:
    """NumPy dtype kind of each column ('i', 'f', 'O', ...) per chunk; '' if all cells are empty."""
    try:
        chunks = pd.read_csv(
            file, chunksize=_CHUNK_ROWS, keep_default_na=False, na_values=[''], low_memory=False
        )
        kinds = []
        for part in chunks:
            for name in part:
                if part[name].dtype.kind == 'f':
                    rounding[name].add(part[name])
            kinds.append(
                {name: '' if part[name].isna().all() else part[name].dtype.kind for name in part}
            )
        return pd.DataFrame(kinds)
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
