"""Reads the rows of a CSV file as columns of strings, with pyarrow."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from tfx_kmeans.errors import TableError
from tfx_kmeans.tables.dialect import SPACES, Dialect, rows_of
from tfx_kmeans.tables.encoding import Text

_BLOCK_BYTES = (1 << 21, 1 << 26, 1 << 30)  # a row must fit; larger blocks miss the caches
_PYTHON_ROWS = 20_000
_SHOWN = 40


def text_batches(text: Text, dialect: Dialect) -> Iterator[pa.RecordBatch]:
    """The rows of a file after its header, without empty lines, in batches.

    The columns are strings, named by their position. An empty cell is an empty string.

    Raises:
      TableError: If a row has too few or too many cells, or a quote is not closed; names the file
        and the line.
    """
    if dialect.needs_python:
        yield from _by_python(text, dialect)
        return
    done, has_breaks, may_have = 0, False, text.has_quotes
    for size in _BLOCK_BYTES:
        try:
            for batch in _by_arrow(text, dialect, size, done):
                done += batch.num_rows
                has_breaks = has_breaks or (may_have and _has_breaks(batch))
                yield batch
            if has_breaks:
                _refuse_unclosed_quote(text, dialect)
            return
        except pa.ArrowInvalid as error:
            if 'straddling' not in str(error):
                raise _explained(text, dialect, error) from error
    raise _explained(text, dialect, ValueError(f'a row has more than {_BLOCK_BYTES[-1]} bytes'))


def line_of(text: Text, dialect: Dialect, row: int) -> int:
    """Number of the line, from 1, at which a row begins, counted from 0 without empty lines."""
    with _lines(text, dialect) as lines:
        reader = rows_of(lines, dialect.delimiter)
        before = 0
        for cells in reader:
            if not cells:
                before = reader.line_num
                continue
            if row == 0:
                break
            row -= 1
            before = reader.line_num
        return dialect.first_line + before + 1


def _by_arrow(text: Text, dialect: Dialect, block: int, skip: int) -> Iterator[pa.RecordBatch]:
    """The rows from one on; skips those that were read with smaller blocks."""
    positions = [str(index) for index in range(len(dialect.header))]
    with pa.OSFile(str(text.utf8)) as source:
        source.seek(text.offset_of(dialect.first_line))
        reader = _open(source, dialect.delimiter, positions, block)
        for batch in reader or ():
            if skip >= batch.num_rows:
                skip -= batch.num_rows
                continue
            yield batch.slice(skip)
            skip = 0


def _open(source: pa.NativeFile, delimiter: str, positions: list[str], block: int) -> Any:
    try:
        return arrow_csv.open_csv(
            source,
            read_options=arrow_csv.ReadOptions(block_size=block, column_names=positions),
            parse_options=arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(positions, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        if 'Empty CSV' in str(error):
            return None
        raise


def _by_python(text: Text, dialect: Dialect) -> Iterator[pa.RecordBatch]:
    """The same as `_by_arrow`, for dialects that pyarrow does not read; ten times as slow."""
    width = len(dialect.header)
    with _lines(text, dialect) as lines:
        reader = rows_of(lines, dialect.delimiter)
        rows = (_checked(row, width, text, dialect) for row in reader if row)
        while part := list(islice(rows, _PYTHON_ROWS)):
            columns = [pa.array(column, pa.string()) for column in zip(*part, strict=True)]
            yield pa.RecordBatch.from_arrays(columns, [str(index) for index in range(width)])


def _has_breaks(batch: pa.RecordBatch) -> bool:
    return any(
        pc.any(pc.match_substring(cells, one)).as_py() for cells in batch.columns for one in '\n\r'
    )


def _refuse_unclosed_quote(text: Text, dialect: Dialect) -> None:
    """Refuses a file in which a quote that is not closed made one cell of several lines."""
    if _wrong_line(text, dialect):
        raise _explained(text, dialect, ValueError('a quote is not closed'))


def _checked(row: list[str], width: int, text: Text, dialect: Dialect) -> list[str]:
    if len(row) != width:
        raise _explained(text, dialect, ValueError('a row has too few or too many cells'))
    return row


def _lines(text: Text, dialect: Dialect) -> io.TextIOWrapper:
    source = text.utf8.open('rb')
    source.seek(text.offset_of(dialect.first_line))
    kind = _Stripped if dialect.delimiter == SPACES else io.TextIOWrapper
    return kind(source, encoding='utf-8', newline='')


class _Stripped(io.TextIOWrapper):
    """Lines without spaces at their start and end."""

    def __next__(self) -> str:  # type: ignore[override]
        """The next line."""
        line = super().__next__()
        ending = line[len(line.rstrip('\r\n')) :]
        return line.strip(' \r\n') + ending


def _explained(text: Text, dialect: Dialect, error: Exception) -> TableError:
    """The error with the first line that does not fit; found by reading again, row by row."""
    reason = _wrong_line(text, dialect) or f'cannot be read as CSV: {error}.'
    return TableError(f'{text.file.path} {reason}')


def _wrong_line(text: Text, dialect: Dialect) -> str:
    """The first line that does not fit, and what to do; '' if all do."""
    width, before = len(dialect.header), 0
    with _lines(text, dialect) as lines:
        reader = rows_of(lines, dialect.delimiter, strict=True)
        try:
            for row in reader:
                if row and len(row) != width:
                    few = 'few' if len(row) < width else 'many'
                    shown = dialect.delimiter.join(row)[:_SHOWN]
                    return (
                        f'line {dialect.first_line + before + 1} has too {few} cells: {len(row)} '
                        f'instead of {width} ({shown!r}). Correct or remove the line; if this is '
                        'not how the file is to be read, give --delimiter.'
                    )
                before = reader.line_num
        except csv.Error as wrong:
            where = 'that is not closed' if 'end of data' in str(wrong) else 'inside of a cell'
            return (
                f'line {dialect.first_line + before + 1} starts a row with a quote {where}. Close '
                'the quote, or write quotes inside of quotes twice.'
            )
    return ''
