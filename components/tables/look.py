"""Reads a table once, to find out what its columns contain."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from tfx_kmeans.errors import TableError
from tfx_kmeans.tables.column import Cell, Column, Place
from tfx_kmeans.tables.csv_reader import line_of, text_batches
from tfx_kmeans.tables.dialect import Dialect, find_dialect
from tfx_kmeans.tables.encoding import Text, errors_of, read_text
from tfx_kmeans.tables.files import CSV, FoundFiles, TableFile
from tfx_kmeans.tables.number_search import find_numbers
from tfx_kmeans.tables.numbers import NumberFormat
from tfx_kmeans.tables.options import ReadOptions

_BATCH_CELLS = 1_000_000
_FEW_ROWS, _FEW_CELLS = 10_000, 500_000
_LONE_RETURN = re.compile(rb'\r(?!\n)')
_PATTERN = re.compile(r'[*?\[\]]')


_UNNAMED = 'unnamed_'
_OF_PANDAS = re.compile(r'Unnamed: \d+|__index_level_\d+__')


@dataclasses.dataclass(frozen=True)
class Part:
    """One file of a table.

    Attributes:
      file: The file.
      names: Names of its columns, in its order.
      text: Encoding of a CSV file.
      dialect: Dialect of a CSV file.
      notes: What was decided about the names of the columns.
      unnamed: Names of the columns that have no name of their own.
    """

    file: TableFile
    names: tuple[str, ...]
    text: Text | None = None
    dialect: Dialect | None = None
    notes: tuple[str, ...] = ()
    unnamed: tuple[str, ...] = ()

    @cached_property
    def positions(self) -> dict[str, int]:
        """Position of each column in the file, by name."""
        return {name: index for index, name in enumerate(self.names)}

    @property
    def numbers(self) -> NumberFormat:
        """How numbers are written."""
        return self.dialect.numbers if self.dialect else NumberFormat()

    @property
    def described(self) -> tuple[str, ...]:
        """What is unusual about the file, for people."""
        if self.text is None or self.dialect is None:
            return ('Parquet',)
        found = (self.file.compression, *self.dialect.described, self.text.described)
        return (*filter(None, found), *self.notes)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows of the file; strings if it is a CSV file."""
        if self.text is not None and self.dialect is not None:
            yield from text_batches(self.text, self.dialect)
            return
        try:
            with errors_of(self.file), parquet.ParquetFile(str(self.file.path)) as file:
                yield from file.iter_batches(max(_BATCH_CELLS // len(self.names), 1))
        except pa.ArrowException as error:
            raise TableError(f'{self.file.path} cannot be read as Parquet: {error}') from error

    def place_of(self, row: int) -> str:
        """File and line of a row, for people."""
        if self.text is None or self.dialect is None:
            return f'{self.file.path.name} row {row + 1}'
        return f'{self.file.path.name} line {line_of(self.text, self.dialect, row)}'


@dataclasses.dataclass(frozen=True)
class Table:
    """What is known of a table after reading it.

    Attributes:
      parts: The files.
      columns: What each column contains, by name, in the order of the first file.
      rows: Number of rows.
      distinct_rows: Number of different rows; None for a table that is not small.
      skipped: Hidden files beside the files of the table.
      indices: Columns like pandas' index: without a name of their own, and with a different value
        in every row of each file.
      repeated: Other paths of files of the table.
      conversions: Why CsvExampleGen cannot read the files as they are; empty if it can, provided
        that no column that is used `is_converted`.
    """

    parts: tuple[Part, ...]
    columns: dict[str, Column]
    rows: int
    distinct_rows: int | None = None
    skipped: tuple[Path, ...] = ()
    repeated: tuple[Path, ...] = ()
    indices: tuple[str, ...] = ()
    conversions: tuple[str, ...] = ()

    def place_of(self, cell: Cell) -> str:
        """File and line of a cell, for people."""
        return self.parts[cell.file].place_of(cell.row)


def look_at(found: FoundFiles, options: ReadOptions, scratch: Path) -> Table:
    """Reads all files of a table.

    Args:
      found: The files.
      options: How to read them.
      scratch: Folder for copies of files that are compressed or not in UTF-8; it is needed as long
        as the result is.

    Raises:
      TableError: If a file cannot be read, or its columns are not those of the others; names the
        file, and the line or the columns.
    """
    parts = tuple(_part(file, options, scratch) for file in found.files)
    _refuse_other_columns(parts)
    names = parts[0].names
    columns = {name: Column(options.missing_cells) for name in names}
    distinct, indices = _DistinctRows(), _Indices(parts, options)
    for number, part in enumerate(parts):
        order = [part.positions[name] for name in names]
        for place, batch in _placed_batches(number, part):
            distinct.add(batch, order)
            indices.add(part, batch, place)
            for name, cells in zip(part.names, batch.columns, strict=True):
                columns[name].add(cells, part.numbers, place)
    rows = next(iter(columns.values())).rows
    if not rows:
        raise TableError(f'{parts[0].file.path} has no rows.')
    return Table(
        parts=parts,
        columns=columns,
        rows=rows,
        distinct_rows=distinct.number,
        skipped=found.skipped,
        repeated=found.repeated,
        indices=indices.names,
        conversions=tuple(_conversions(parts, columns)),
    )


def _placed_batches(number: int, part: Part) -> Iterator[tuple[Place, pa.RecordBatch]]:
    row = 0
    for batch in part.batches():
        yield Place(number, row), batch
        row += batch.num_rows


def _part(file: TableFile, options: ReadOptions, scratch: Path) -> Part:
    if file.format == CSV:
        text = read_text(file, scratch, options.encoding)
        dialect = find_dialect(text, options)
        numbers = find_numbers(text, dialect, options)
        dialect = dataclasses.replace(dialect, numbers=numbers)
        names, notes = _unique_names(dialect.header)
        return Part(file, names, text, dialect, notes, _unnamed(dialect.header, names))
    try:
        with errors_of(file):
            header = parquet.read_schema(str(file.path)).names
    except pa.ArrowException as error:
        raise TableError(f'{file.path} cannot be read as Parquet: {error}') from error
    names, notes = _unique_names([name.strip() for name in header])
    if not names:
        raise TableError(f'{file.path} has no columns.')
    return Part(file, names, notes=notes, unnamed=_unnamed(header, names))


def _unnamed(header: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    """Names of the columns without a name in the header, or with one that pandas made up."""
    pairs = zip(header, names, strict=True)
    return tuple(name for given, name in pairs if not given.strip() or _OF_PANDAS.fullmatch(given))


def _unique_names(header: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Different names for all columns, and what was decided, for people."""
    names: list[str] = []
    notes = []
    taken, seen = set(header), set[str]()
    for index, name in enumerate(header):
        if name and name not in seen:
            seen.add(name)
            names.append(name)
            continue
        base = f'{name}_' if name else _UNNAMED
        start = header[:index].count(name) + 1 if name else index + 1
        given = next(
            f'{base}{number}'
            for number in range(start, start + len(header) + 1)
            if f'{base}{number}' not in taken
        )
        taken.add(given)
        names.append(given)
        what = f'the second {name!r}' if name else f'column {index + 1} without a name'
        notes.append(f'{what} is called {given!r}')
    return tuple(names), tuple(notes)


def _refuse_other_columns(parts: Sequence[Part]) -> None:
    first = parts[0]
    for part in parts[1:]:
        differing = sorted(set(first.names) ^ set(part.names))
        if differing:
            raise TableError(
                f'{part.file.path} has other columns than {first.file.path.name}: only one of them '
                f'has {_listed(differing)}.'
            )


def _conversions(parts: Sequence[Part], columns: Mapping[str, Column]) -> Iterator[str]:
    """Reasons for which CsvExampleGen cannot read the files as they are."""
    folders = {part.file.path.parent for part in parts}
    if len(folders) > 1 or _PATTERN.search(str(next(iter(folders)).resolve())):
        yield 'TFX reads files by one pattern'
    inside = sorted(path for path in parts[0].file.path.parent.iterdir() if path.suffix == '.csv')
    if inside != sorted(part.file.path for part in parts):
        yield 'other files are beside them'
    for part in parts:
        if part.described or _first_line(part) != ','.join(parts[0].names):
            yield f'{part.file.path.name} is not plain CSV'
        elif part.dialect is not None and part.dialect.has_spaced_quotes:
            yield f'{part.file.path.name} has quotes after spaces'
        elif part.text is not None and part.text.has_returns and part.text.contains(_LONE_RETURN):
            yield f'{part.file.path.name} has lines that end with a carriage return'
    for name, column in columns.items():
        if column.has_long_cells:
            yield f'column {name!r} has line breaks or long cells'


def _first_line(part: Part) -> str:
    if part.text is None or part.dialect is None or part.dialect.first_line != 1:
        return ''
    return part.text.sample.partition('\n')[0].rstrip('\r')


class _Indices:
    """The columns that are like pandas' index: their values are numbered anew in each file."""

    def __init__(self, parts: Sequence[Part], options: ReadOptions) -> None:
        candidates = [set(part.unnamed) for part in parts]
        self._columns = {
            (part.file.path, name): Column(options.missing_cells)
            for part in parts
            for name in sorted(set.intersection(*candidates))
        }

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns with a different value in every row of each file."""
        repeating = {
            name
            for (_, name), column in self._columns.items()
            if column.missing or (column.rows and not column.is_unique)
        }
        return tuple(dict.fromkeys(n for _, n in self._columns if n not in repeating))

    def add(self, part: Part, batch: pa.RecordBatch, place: Place) -> None:
        """Adds rows of a file."""
        for (path, name), column in self._columns.items():
            if path == part.file.path:
                column.add(batch.column(part.positions[name]), part.numbers, place)


class _DistinctRows:
    """The number of different rows of a small table."""

    def __init__(self) -> None:
        self._rows: Counter[tuple[str, ...]] | None = Counter()

    @property
    def number(self) -> int | None:
        """The number of different rows; None if the table is not small."""
        return None if self._rows is None else len(self._rows)

    def add(self, batch: pa.RecordBatch, order: Sequence[int]) -> None:
        """Adds rows, whose columns are put in an order."""
        if self._rows is None:
            return
        rows = self._rows.total() + batch.num_rows
        if rows > _FEW_ROWS or rows * batch.num_columns > _FEW_CELLS:
            self._rows = None
            return
        columns = [map(str, batch.column(index).to_pylist()) for index in order]
        self._rows.update(zip(*columns, strict=True))


def _listed(names: Sequence[str]) -> str:
    return ', '.join(map(repr, names))
