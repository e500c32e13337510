"""Counts NaN and infinite values by column."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock

import numpy as np

from tfx_kmeans.errors import DataError

_MAX_COLUMNS_NAMED = 10


class NonFiniteTally:
    """Counts the values that are not finite in blocks of rows. Safe to use from several threads."""

    def __init__(self, column_names: Sequence[str]) -> None:
        """Creates an empty tally.

        Args:
          column_names: Name of each column of the rows.
        """
        self._names = column_names
        self._lock = Lock()
        self._rows = 0
        self._nan = np.zeros(len(column_names), np.int64)
        self._infinite = np.zeros(len(column_names), np.int64)
        self._first: tuple[str, int] | None = None

    def look_at(self, path: str, first_record: int, rows: np.ndarray) -> None:
        """Adds the values of a block of rows to the tally.

        Args:
          path: Path of the file that the rows were read from.
          first_record: Number of the first row's record within the file.
          rows: Values of the rows, float32 [n, d].
        """
        finite = np.isfinite(rows)
        if finite.all():
            return
        bad_rows = ~finite.all(axis=1)
        place = (path, first_record + int(bad_rows.argmax()))
        with self._lock:
            self._rows += int(bad_rows.sum())
            self._nan += np.isnan(rows).sum(axis=0)
            self._infinite += np.isinf(rows).sum(axis=0)
            self._first = place if self._first is None else min(self._first, place)

    def refuse_any(
        self,
        total_rows: int,
        advice: str = 'Remove these rows, or replace the values in Transform.',
    ) -> None:
        """Checks that all values were finite.

        Args:
          total_rows: Number of rows in all blocks, for the error message.
          advice: What to do, for the error message.

        Raises:
          DataError: If a value was not finite; gives the counts, the columns and the first record.
        """
        if self._first is None:
            return
        self._refuse_empty_columns(total_rows)
        columns = np.flatnonzero(self._nan + self._infinite)
        found = '; '.join(
            f'column {self._names[column]!r}: {self._nan[column]} NaN, '
            f'{self._infinite[column]} infinite'
            for column in columns[:_MAX_COLUMNS_NAMED]
        )
        rest = len(columns) - _MAX_COLUMNS_NAMED
        more = f'; and {rest} more columns' if rest > 0 else ''
        path, record = self._first
        raise DataError(
            f'{self._rows} of {total_rows} rows have values that are not finite ({found}{more}); '
            f'the first is record {record} of {path}. {advice}'
        )

    def _refuse_empty_columns(self, total_rows: int) -> None:
        columns = np.flatnonzero(self._nan == total_rows).tolist()
        empty = [repr(self._names[column]) for column in columns]
        if empty:
            rest = len(empty) - _MAX_COLUMNS_NAMED
            more = f' and {rest} more columns' if rest > 0 else ''
            raise DataError(
                f'There is no number in any of the {total_rows} rows for column '
                f'{", ".join(empty[:_MAX_COLUMNS_NAMED])}{more}: all values are missing or NaN. '
                'Leave this column out, or use data in which it has values.'
            )
