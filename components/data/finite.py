"""Counts values that are not finite, by column."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock

import numpy as np

from tfx_kmeans.data.errors import DataError

_MOST_COLUMNS_NAMED = 10


class NonFiniteTally:
    """Looks at blocks of rows, on any thread, and remembers what was not finite."""

    def __init__(self, column_names: Sequence[str]) -> None:
        """Args:
        column_names: one for each column of the rows.
        """
        self._names = column_names
        self._lock = Lock()
        self._rows = 0
        self._nan = np.zeros(len(column_names), np.int64)
        self._infinite = np.zeros(len(column_names), np.int64)
        self._first: tuple[str, int] | None = None

    def look_at(self, path: str, first_record: int, rows: np.ndarray) -> None:
        """Counts in rows [n, d], decoded from the records of a file from `first_record` on."""
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

    def refuse_any(self, total_rows: int) -> None:
        """Raises DataError, with counts, columns and the first place, unless all was finite."""
        if self._first is None:
            return
        columns = np.flatnonzero(self._nan + self._infinite)
        found = '; '.join(
            f'column {self._names[column]!r}: {self._nan[column]} NaN, '
            f'{self._infinite[column]} infinite'
            for column in columns[:_MOST_COLUMNS_NAMED]
        )
        rest = len(columns) - _MOST_COLUMNS_NAMED
        more = f'; and {rest} more columns' if rest > 0 else ''
        path, record = self._first
        raise DataError(
            f'{self._rows} of {total_rows} rows hold values that are not finite ({found}{more}); '
            f'the first is record {record} of {path}. Remove these rows, or replace the values in '
            'Transform.'
        )
