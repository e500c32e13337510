"""The different values of a column, as far as they can be counted."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

MOST_VALUES = 10_000
"""Number of different values up to which the values of a column are counted."""

_EXAMINED_FOR_UNIQUE = 1_000_000
_DOMINANT = 0.9


class Values:
    """The different values of a column.

    Attributes:
      counts: Number of cells by value, without nulls; None if there are more than `MOST_VALUES`.
      dominant_count: Number of cells with one value, if there are more than `MOST_VALUES` values
        but nearly all cells have that one; else 0.
    """

    def __init__(self) -> None:
        self.counts: Counter[Any] | None = Counter()
        self.dominant_count = 0
        self._dominant: Any = None
        self._kept: list[pa.Array] | None = []
        self._number = 0

    def add(self, cells: pa.Array) -> None:
        """Adds the cells of a batch."""
        if self.counts is not None:
            self._count(cells)
        elif self._dominant is not None:
            self.dominant_count += pc.sum(pc.equal(cells, self._dominant)).as_py() or 0
        if self._kept is not None and self._number < _EXAMINED_FOR_UNIQUE:
            present = cells.drop_null()
            self._number += len(present)
            if pc.count_distinct(present).as_py() < len(present):
                self._kept = None
            else:
                self._kept.append(present)

    def are_unique(self) -> bool:
        """Whether no value occurs twice among those that were examined."""
        if not self._kept:
            return False
        together = pa.chunked_array([pc.cast(cells, pa.string()) for cells in self._kept])
        return bool(pc.count_distinct(together).as_py() == len(together))

    def _count(self, cells: pa.Array) -> None:
        counts = self.counts or Counter()
        found = pc.value_counts(cells)
        values, numbers = found.field(0).to_pylist(), found.field(1).to_pylist()
        counts.update(dict(zip(values, numbers, strict=True)))
        del counts[None]
        self.counts = counts
        if len(counts) > MOST_VALUES:  # go on with one value, if nearly all cells have it
            value, count = counts.most_common(1)[0]
            if count >= _DOMINANT * counts.total():
                self._dominant, self.dominant_count = value, count
            self.counts = None
