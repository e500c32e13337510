"""Writes a table as Parquet, with names, types and missing values settled."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from tfx_kmeans.tables.choice import Choice
from tfx_kmeans.tables.column import BOOLEAN, DECIMAL, INTEGER, OTHER, Column, typed
from tfx_kmeans.tables.look import Part, Table
from tfx_kmeans.tables.numbers import (
    NumberFormat,
    are_booleans,
    booleans,
    missing_numbers,
    plain_integers,
    without_empty,
    without_missing,
    without_missing_numbers,
)

WIDE = 100
"""Number of numeric columns beyond which they are written as one vector."""

_VECTOR = 'columns'
MAX_OTHER_COLUMNS = 50
"""Number of columns that are not clustered by beyond which they are not written."""


@dataclasses.dataclass(frozen=True)
class Layout:
    """The columns of the Parquet files.

    Attributes:
      vectors: Names of the values of each vector, by the name of the vector; NaN is missing.
      columns: Names of the other columns.
    """

    vectors: Mapping[str, tuple[str, ...]]
    columns: tuple[str, ...]


def layout_of(table: Table, choice: Choice) -> Layout:
    """The columns to write.

    Beyond `WIDE` numeric columns, those that float32 holds exactly enough become one vector.
    Columns that are not clustered by are kept, unless there are many.
    """
    joined = tuple(name for name in choice.numeric if _fits_vector(table.columns[name]))
    if len(joined) <= WIDE:
        joined = ()
    used, inside = set(choice.features), set(joined)
    others = [
        name for name, column in table.columns.items() if name not in used and column.kind != OTHER
    ]
    kept = {*choice.features, *(others if len(others) <= MAX_OTHER_COLUMNS else ())}
    columns = tuple(name for name in table.columns if name in kept and name not in inside)
    return Layout({_vector_name(table): joined} if joined else {}, columns)


def write_parquet(
    table: Table, choice: Choice, layout: Layout, missing: frozenset[str], folder: Path
) -> None:
    """Writes one Parquet file for each file of a table; replaces the folder when all is written.

    Args:
      table: The table.
      choice: The columns that are clustered by.
      layout: The columns to write.
      missing: Cells that are missing values.
      folder: Folder of the files.
    """
    unfinished = folder.with_name(f'{folder.name}.unfinished')
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    try:
        writer = _Writer(table, choice, layout, missing)
        for number, part in enumerate(table.parts):
            writer.write(part, unfinished / f'part-{number:05}.parquet')
        shutil.rmtree(folder, ignore_errors=True)
        unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


class _Writer:
    def __init__(
        self, table: Table, choice: Choice, layout: Layout, missing: frozenset[str]
    ) -> None:
        self._layout = layout
        self._missing = missing
        self._has_missing_numbers = bool(missing_numbers(missing))
        self._types = {
            name: _type_of(table.columns[name], name in choice.categorical)
            for name in (*layout.columns, *(n for names in layout.vectors.values() for n in names))
        }
        fields = [pa.field(name, self._types[name]) for name in layout.columns]
        vectors = [pa.field(name, pa.list_(pa.float32())) for name in layout.vectors]
        self._schema = pa.schema([*fields, *vectors])

    def write(self, part: Part, path: Path) -> None:
        with parquet.ParquetWriter(str(path), self._schema) as writer:
            for batch in part.batches():
                arrays = list(self._arrays(part, batch))
                writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))

    def _arrays(self, part: Part, batch: pa.RecordBatch) -> Iterator[pa.Array]:
        for name in self._layout.columns:
            yield self._values(part, batch, name)
        for names in self._layout.vectors.values():
            yield self._vector(part, batch, names)

    def _values(self, part: Part, batch: pa.RecordBatch, name: str) -> pa.Array:
        cells = batch.column(part.positions[name])
        kind = self._types[name]
        if pa.types.is_temporal(cells.type):
            return pa.array([str(cell) if cell else None for cell in cells.to_pylist()], kind)
        values = typed(cells)
        assert values is not None, 'columns of other types are not written'
        if not pa.types.is_string(values.type):
            return pc.cast(without_missing_numbers(values, self._missing), kind)
        found = self._simple(without_empty(values), kind, part.numbers)
        if found is not None:
            return found
        parsed = _parsed(without_missing(values, self._missing), kind, part.numbers)
        return parsed if kind == pa.string() else without_missing_numbers(parsed, self._missing)

    def _simple(self, cells: pa.Array, kind: pa.DataType, numbers: NumberFormat) -> pa.Array | None:
        """Numbers without anything that takes time to read; None if some are not like that."""
        if self._has_missing_numbers or kind == pa.string():
            return None
        return plain_integers(cells) if kind == pa.int64() else numbers.simple_floats(cells)

    def _vector(self, part: Part, batch: pa.RecordBatch, names: Sequence[str]) -> pa.Array:
        matrix = np.empty((batch.num_rows, len(names)), np.float32)
        for index, name in enumerate(names):
            values = pc.cast(self._values(part, batch, name), pa.float64())
            matrix[:, index] = values.to_numpy(zero_copy_only=False)
        offsets = np.arange(0, matrix.size + 1, len(names), dtype=np.int32)
        return pa.ListArray.from_arrays(pa.array(offsets), pa.array(matrix.ravel()))


def _parsed(cells: pa.Array, kind: pa.DataType, numbers: NumberFormat) -> pa.Array:
    """Strings without missing ones as values of a type, all of which are known to be possible."""
    if kind == pa.string():
        return cells
    if kind == pa.int64():
        found = numbers.integers(cells)
        if found is None and pc.any(are_booleans(cells)).as_py():
            return booleans(cells)
        return found if found is not None else pc.cast(numbers.floats(cells), kind)
    return numbers.floats(cells)


def _type_of(column: Column, is_categorical: bool) -> pa.DataType:
    if column.kind in (INTEGER, BOOLEAN):
        return pa.int64()
    if column.kind == DECIMAL and not is_categorical:
        return pa.float64()
    return pa.string()


def _fits_vector(column: Column) -> bool:
    return column.kind != INTEGER or not column.loss_in_float32


def _vector_name(table: Table) -> str:
    names = (_VECTOR, *(f'{_VECTOR}_{number}' for number in range(2, len(table.columns) + 3)))
    return next(name for name in names if name not in table.columns)
