"""What a column of a table contains, found batch by batch."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tfx_kmeans.tables.numbers import (
    NumberFormat,
    are_booleans,
    are_dates,
    missing_numbers,
    plain_floats,
    plain_integers,
    without_empty,
    without_missing,
    without_missing_numbers,
)
from tfx_kmeans.tables.rounding import Rounding, to_float32
from tfx_kmeans.tables.values import Values

INTEGER, DECIMAL, BOOLEAN, DATE, TEXT, EMPTY, OTHER = KINDS = (
    'integer', 'decimal', 'boolean', 'date', 'text', 'empty', 'other',
)  # fmt: skip
NUMERIC = (INTEGER, DECIMAL, BOOLEAN)
Parser = Callable[[pa.Array], pa.Array | None]
_EXACT_IN_FLOAT64 = 2.0**53
_LONG = 131_072
_NOT_DIGIT = re.compile(r'[^0-9-]')
_FLOAT32_MAX = float(np.finfo(np.float32).max)


@dataclasses.dataclass(frozen=True)
class Cell:
    """A cell of a table: number of the file, number of the row in it from 0, and content."""

    file: int
    row: int
    text: str


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a batch of rows begins: number of the file, and of the row in it from 0."""

    file: int
    row: int

    def cell(self, index: int, value: Any) -> Cell:
        """A cell of the batch."""
        return Cell(self.file, self.row + index, str(value))


class Column:
    """What a column contains, as far as it has been read.

    Attributes:
      rows: Number of rows.
      missing: Number of missing values.
      first: The first cell that is not missing.
      first_not_number: The first cell that is neither missing nor a number or a boolean.
      first_unusable: The first number that is infinite, or too large for float32.
      is_converted: Whether a cell is written in a way that CsvExampleGen does not read.
      has_long_cells: Whether a text contains a line break, or is too long for Python's csv module.
      type_name: Name of the column's type, if it is one that is not used.
    """

    def __init__(self, missing_cells: Iterable[str]) -> None:
        """Args:
        missing_cells: Cells that are missing values.
        """
        self._missing_cells = frozenset(missing_cells)
        self._missing_numbers = bool(missing_numbers(self._missing_cells))
        self.rows = self.missing = 0
        self.first: Cell | None = None
        self.first_not_number: Cell | None = None
        self.first_unusable: Cell | None = None
        self.is_converted = self.has_long_cells = False
        self.type_name = ''
        self._possible = {INTEGER, DECIMAL, BOOLEAN, DATE, TEXT}
        self._numbers_are_dates = True
        self._values = Values()
        self._decimals, self._integers = Rounding(), Rounding()

    @property
    def kind(self) -> str:
        """One of `KINDS`."""
        if self.type_name:
            return OTHER
        if self.rows == self.missing:
            return EMPTY
        return next(kind for kind in KINDS if kind in self._possible)

    @property
    def is_numeric(self) -> bool:
        """Whether all cells are numbers, booleans or missing, and not all are missing."""
        return self.kind in NUMERIC

    @property
    def counts(self) -> Counter[Any] | None:
        """Number of cells by value; None if there are more than `MOST_VALUES`.

        The values are integers in a column of integers or booleans, and strings otherwise.
        """
        if self._values.counts is None:
            return None
        kind, found = self.kind, Counter[Any]()
        numbers = set(missing_numbers(self._missing_cells)) if kind == INTEGER else set()
        for value, count in self._values.counts.items():
            text = value.strip() if isinstance(value, str) else value
            if text not in self._missing_cells and (key := _key(text, kind)) not in numbers:
                found[key] += count
        return found

    @property
    def is_numeric_text(self) -> bool:
        """Whether Python, and so CsvExampleGen, takes all cells of text for numbers ('1_000')."""
        return self.kind == TEXT and all(map(_is_python_number, self.counts or ['no number']))

    @property
    def largest_share(self) -> float:
        """Share of the most frequent value among the cells that are not missing; 0 if unknown."""
        present = self.rows - self.missing
        counts = self.counts
        if counts is not None:
            return max(counts.values(), default=0) / max(present, 1)
        return self._values.dominant_count / max(present, 1)

    @property
    def is_unique(self) -> bool:
        """Whether no value occurs twice, among the first million at least."""
        counts = self.counts
        if counts is not None:
            return max(counts.values(), default=0) == 1
        return self.kind in (INTEGER, TEXT) and self._values.are_unique()

    @property
    def rounding_loss(self) -> str:
        """What is lost if the numbers are stored in tf.Examples, if that matters; else ''."""
        if self.kind == DECIMAL:
            return self._decimals.loss()
        return self._integers.loss() if self.kind == INTEGER else ''

    @property
    def loss_in_float32(self) -> str:
        """What is lost if whole numbers are stored as float32, if that matters; else ''."""
        return self._decimals.loss()

    @property
    def largest(self) -> float:
        """The largest magnitude of the numbers."""
        return self._decimals.largest

    @property
    def has_dates(self) -> bool:
        """Whether all numbers look like dates: YYYYMMDD, from 1900 to 2100."""
        return self._numbers_are_dates and self._decimals.count > 0

    def add(self, cells: pa.Array, numbers: NumberFormat, place: Place) -> None:
        """Adds the cells of a batch of rows.

        Args:
          cells: Strings, or values of a Parquet file of any type.
          numbers: How strings hold numbers.
          place: Where the batch begins.
        """
        self.rows += len(cells)
        if pa.types.is_temporal(cells.type):
            self._note_present(cells, place)
            self._restrict({DATE}, cells)
            return
        values = typed(cells)
        if values is None:
            self.type_name = str(cells.type)
        elif pa.types.is_string(values.type):
            self._add_strings(values, numbers, place)
        else:
            values = without_missing_numbers(values, self._missing_cells)
            self._note_present(values, place)
            self._values.add(values)
            self._add_numbers(values, place)

    def _add_strings(self, cells: pa.Array, numbers: NumberFormat, place: Place) -> None:
        self._values.add(cells)
        plain, found = cells, self._simple_numbers(cells, numbers)
        if found is None:
            plain = without_empty(cells)
            found = self._simple_numbers(plain, numbers)
        if found is None:
            clean = without_missing(cells, self._missing_cells)
            self._note_present(clean, place)
            found = self._numbers(clean, numbers.integers, numbers.floats)
            self._note_long_cells(cells)
            self.is_converted |= not clean.equals(plain) or not self._is_plain(found, clean)
            if found is None:
                self._add_other_strings(clean, numbers, place)
                return
            found = without_missing_numbers(found, self._missing_cells)
            self.missing += found.null_count - clean.null_count
        else:
            self._note_present(found, place)
        self._add_numbers(found, place)

    def _add_numbers(self, numbers: pa.Array, place: Place) -> None:
        integers = pa.types.is_integer(numbers.type)
        self._restrict({INTEGER, DECIMAL} if integers else {DECIMAL}, numbers)
        self._measure(numbers, place)

    def _simple_numbers(self, cells: pa.Array, numbers: NumberFormat) -> pa.Array | None:
        """Numbers without separators, signs, spaces or missing cells other than empty ones."""
        if self._missing_numbers:
            return None
        found = self._numbers(cells, plain_integers, numbers.simple_floats)
        return None if found is None or found.null_count > cells.null_count else found

    def _is_plain(self, found: pa.Array | None, clean: pa.Array) -> bool:
        """Whether cells that are numbers would be read as such by CsvExampleGen."""
        if found is None:
            return True
        plain = plain_floats(clean) if self._missing_numbers else None
        known = without_missing_numbers(plain, self._missing_cells) if plain else None
        return known is not None and known.null_count == clean.null_count

    def _numbers(self, cells: pa.Array, integers: Parser, floats: Parser) -> pa.Array | None:
        """Cells as int64 or float64; None if they, or earlier cells, are not numbers."""
        if not self._possible & {INTEGER, DECIMAL}:
            return None
        found = integers(cells) if INTEGER in self._possible else None
        return found if found is not None else floats(cells)

    def _add_other_strings(self, cells: pa.Array, numbers: NumberFormat, place: Place) -> None:
        """Adds cells not all of which are numbers."""
        readable = pc.or_(numbers.are_numbers(cells), booleans := are_booleans(cells))
        if self.first_not_number is None and (index := pc.index(readable, False).as_py()) >= 0:
            self.first_not_number = place.cell(index, cells[index])
        possible = {TEXT}
        for kind, answers in ((BOOLEAN, booleans), (DATE, are_dates(cells))):
            if pc.all(answers).as_py() is not False:
                possible.add(kind)
        self._restrict(possible, cells)

    def _note_long_cells(self, cells: pa.Array) -> None:
        long = pc.max(pc.binary_length(cells)).as_py() or 0
        self.has_long_cells |= long > _LONG or bool(pc.any(_have_breaks(cells)).as_py())

    def _restrict(self, possible: set[str], cells: pa.Array) -> None:
        if cells.null_count < len(cells):
            self._possible &= possible
            self._possible.add(TEXT)

    def _note_present(self, cells: pa.Array, place: Place) -> None:
        self.missing += cells.null_count
        if self.first is None and cells.null_count < len(cells):
            index = pc.index(pc.is_valid(cells), True).as_py()
            self.first = place.cell(index, cells[index])

    def _measure(self, numbers: pa.Array, place: Place) -> None:
        """Finds numbers that are not finite, and what rounding does."""
        values = numbers.drop_null().to_numpy(zero_copy_only=False)
        if not len(values):
            return
        if values.dtype.kind == 'f':
            self._note_unusable(numbers, values, place)
            values = values[np.abs(values) <= _FLOAT32_MAX]
        elif np.abs(values.astype(np.float64)).max() > _EXACT_IN_FLOAT64:
            rounded = np.minimum(values.astype(np.float64), 2.0**63 - 1024)
            self._integers.add(values, rounded)
        else:
            self._integers.add(values, values)
        values = values.astype(np.float64)
        self._numbers_are_dates = self._numbers_are_dates and _look_like_dates(values)
        self._decimals.add(values, to_float32(values))

    def _note_unusable(self, numbers: pa.Array, values: np.ndarray, place: Place) -> None:
        if self.first_unusable is None and (np.abs(values) > _FLOAT32_MAX).any():
            wrong = pc.greater(pc.abs(numbers), _FLOAT32_MAX)
            index = pc.index(wrong, True).as_py()
            self.first_unusable = place.cell(index, numbers[index])


def typed(cells: pa.Array) -> pa.Array | None:
    """Values of any type as int64, float64 or strings; None for a type that cannot be used.

    Booleans become 'true' and 'false'. NaN becomes null.
    """
    kind = cells.type
    if pa.types.is_dictionary(kind):
        return typed(cells.dictionary_decode())
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_boolean(kind):
        return pc.cast(cells, pa.string())
    if pa.types.is_null(kind):
        return pc.cast(cells, pa.string())
    if pa.types.is_integer(kind) and kind != pa.uint64():
        return pc.cast(cells, pa.int64())
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        floats = pc.cast(cells, pa.float64(), safe=False)
        return pc.if_else(pc.is_nan(floats), pa.scalar(None, pa.float64()), floats)
    return None


def _have_breaks(cells: pa.Array) -> pa.Array:
    return pc.match_substring_regex(cells, '[\r\n]')


def _look_like_dates(numbers: np.ndarray) -> bool:
    month, day = numbers // 100 % 100, numbers % 100
    is_date = (numbers >= 19000101) & (numbers <= 21001231) & (month >= 1) & (month <= 12)
    return bool((is_date & (day >= 1) & (day <= 31)).all())


def _key(value: Any, kind: str) -> Any:
    """A cell that is not missing as a value of a kind of column."""
    if not isinstance(value, str):
        number = kind in (INTEGER, DECIMAL)
        return value if number else pc.cast(pa.scalar(value), pa.string()).as_py()
    if kind == INTEGER:
        return int(_NOT_DIGIT.sub('', value))
    return int(value.lower() == 'true') if kind == BOOLEAN else value


def _is_python_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
