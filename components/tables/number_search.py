"""Finds how the numbers of a CSV file are written."""

from __future__ import annotations

import pyarrow as pa

from tfx_kmeans.errors import AmbiguousNumbersError, TableError
from tfx_kmeans.tables.csv_reader import text_batches
from tfx_kmeans.tables.dialect import Dialect
from tfx_kmeans.tables.encoding import Text
from tfx_kmeans.tables.numbers import NumberEvidence, NumberFormat, format_of
from tfx_kmeans.tables.options import ReadOptions

_FEW = 1000  # rows


def find_numbers(text: Text, dialect: Dialect, options: ReadOptions) -> NumberFormat:
    """How the numbers of a file are written, unless the options say it.

    The first rows usually decide. If they do not, but there may be separators later, all rows are
    read.

    Raises:
      TableError: If the separators could be those of decimals or of thousands.
    """
    if options.decimal is not None:
        return format_of(options.decimal)
    evidence = NumberEvidence(len(dialect.header), options.missing_cells)
    may_have_more = _may_have_separators(text, dialect.delimiter)
    for batch in text_batches(text, dialect):
        _add(evidence, batch.slice(0, _FEW))
        if evidence.decides or (not may_have_more and batch.num_rows >= _FEW):
            break
        _add(evidence, batch.slice(_FEW))
    try:
        return evidence.number_format(dialect.delimiter)
    except AmbiguousNumbersError as error:
        raise TableError(
            f'{text.file.path} has numbers like {str(error)!r}, whose separator could be that of '
            'decimals or of thousands: choose with --decimal . or --decimal ,'
        ) from None


def _add(evidence: NumberEvidence, batch: pa.RecordBatch) -> None:
    for index, cells in enumerate(batch.columns):
        evidence.add(index, cells)


def _may_have_separators(text: Text, delimiter: str) -> bool:
    """Whether there may be decimal commas or thousands separators, given the delimiter."""
    if delimiter == ',':
        return text.has_quotes
    return text.contains(b',') or (delimiter == ';' and text.contains(b'.'))
