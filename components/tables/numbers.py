"""Numbers as people write them: decimal commas, thousands separators, booleans and dates."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

from tfx_kmeans.errors import AmbiguousNumbersError

_TRUE, _FALSE = 'true', 'false'
_SPACES = (' ', '\u00a0', '\u202f', '\u2009', "'", '\u2019')
_DATE = (
    r'^(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}|'
    r'\d{1,2}[- ][A-Za-z]{3,9}\.?[- ,]+\d{2,4}|[A-Za-z]{3,9}\.? \d{1,2},? \d{4})'
    r'([T ]+\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?( ?[APap][Mm])?)?( ?(Z|UTC|[+-]\d{2}:?\d{2}))?$'
    r'|^\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?( ?[APap][Mm])?$'
)
_BYTE = r'(25[0-5]|2[0-4]\d|1?\d?\d)'
_ADDRESS = rf'^({_BYTE}\.){{3}}{_BYTE}$'  # IPv4, not thousands
_PLAIN = r'(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|[iI][nN][fF]([iI][nN][iI][tT][yY])?|[nN][aA][nN]'


@dataclasses.dataclass(frozen=True)
class NumberFormat:
    """How the numbers of a file are written.

    Attributes:
      decimal: Decimal separator.
      thousands: Separators between groups of three digits, each a character.
    """

    decimal: str = '.'
    thousands: str = ''.join(_SPACES)

    @property
    def pattern(self) -> str:
        """Regular expression of a number, without its sign."""
        comma = re.escape(self.decimal)
        plain = _PLAIN.replace(r'\.', comma)
        groups = '|'.join(
            rf'[1-9]\d{{0,2}}({re.escape(one)}\d{{3}})+({comma}\d*)?' for one in self.thousands
        )
        return f'{plain}|{groups}' if groups else plain

    def integers(self, cells: pa.Array) -> pa.Array | None:
        """Cells, strings or null, as int64; None unless all are whole numbers of 64 bits."""
        found = plain_integers(cells)
        return found if found is not None else plain_integers(self.normalised(cells))

    def floats(self, cells: pa.Array) -> pa.Array | None:
        """Cells, strings or null, as float64; None unless all are numbers."""
        found = self.simple_floats(cells)
        return found if found is not None else plain_floats(self.normalised(cells))

    def simple_floats(self, cells: pa.Array) -> pa.Array | None:
        """The same as `floats` if no number has a thousands separator or a plus sign; else None."""
        if self.decimal == '.':
            return plain_floats(cells)
        if pc.any(pc.match_substring(cells, '.')).as_py():
            return None
        return plain_floats(pc.replace_substring(cells, self.decimal, '.'))

    def normalised(self, cells: pa.Array) -> pa.Array:
        """Numbers with a decimal point and without separators; other cells as they are."""
        numbers = self.are_numbers(cells)
        plain = pc.replace_substring_regex(cells, r'^\+', '')
        for one in self.thousands:
            plain = pc.replace_substring(plain, one, '')
        if self.decimal != '.':
            plain = pc.replace_substring(plain, self.decimal, '.')
        return pc.if_else(numbers, plain, cells)

    def are_numbers(self, cells: pa.Array) -> pa.Array:
        """Whether each cell is a number; null where the cell is."""
        found = pc.match_substring_regex(cells, rf'^[+-]?({self.pattern})$')
        if '.' not in self.thousands:
            return found
        return pc.and_not(found, pc.match_substring_regex(cells, _ADDRESS))


def plain_integers(cells: pa.Array) -> pa.Array | None:
    """Strings or null as int64; None unless all are whole numbers of 64 bits as in Python."""
    found = _cast(cells, pa.int64())
    return None if found is None or _has(cells, 'x') or _has(cells, 'X') else found  # 0x1F


def plain_floats(cells: pa.Array) -> pa.Array | None:
    """Strings or null as float64; None unless all are numbers as in Python. NaN becomes null."""
    found = _cast(cells, pa.float64())
    if found is None or not pc.any(pc.is_nan(found)).as_py():
        return found
    if _has(cells, '('):  # pyarrow reads nan(1)
        return None
    return pc.if_else(pc.is_nan(found), pa.scalar(None, pa.float64()), found)


def are_booleans(cells: pa.Array) -> pa.Array:
    """Whether each cell is 'true' or 'false', in any case; null where the cell is."""
    return _known(pc.is_in(pc.utf8_lower(cells), pa.array([_TRUE, _FALSE])), cells)


def booleans(cells: pa.Array) -> pa.Array:
    """Cells that are 'true' or 'false', as int64 1 or 0."""
    return pc.cast(pc.equal(pc.utf8_lower(cells), _TRUE), pa.int64())


def are_dates(cells: pa.Array) -> pa.Array:
    """Whether each cell looks like a date or a time of day; null where the cell is."""
    return pc.match_substring_regex(cells, _DATE)


def without_missing(cells: pa.Array, missing: Iterable[str]) -> pa.Array:
    """Cells without spaces around them; null instead of those that are missing values."""
    trimmed = pc.utf8_trim_whitespace(cells)
    absent = pc.is_in(trimmed, pa.array(sorted(missing), pa.string()))
    return pc.if_else(absent, pa.scalar(None, pa.string()), trimmed)


def without_empty(cells: pa.Array) -> pa.Array:
    """Cells, with null instead of empty ones."""
    return pc.if_else(pc.equal(cells, ''), pa.scalar(None, pa.string()), cells)


def without_missing_numbers(values: pa.Array, missing: frozenset[str]) -> pa.Array:
    """Numbers, with null instead of those that are missing values."""
    numbers = missing_numbers(missing)
    if not numbers:
        return values
    absent = pc.is_in(pc.cast(values, pa.float64(), safe=False), pa.array(numbers, pa.float64()))
    return pc.if_else(absent, pa.scalar(None, values.type), values)


@lru_cache(maxsize=8)
def missing_numbers(missing: frozenset[str]) -> list[float]:
    """Those missing cells that are numbers, such as -999."""
    found = (plain_floats(pa.array([cell], pa.string())) for cell in missing if cell)
    numbers = (one[0].as_py() for one in found if one is not None)
    return sorted(number for number in numbers if number is not None)


class NumberEvidence:
    """What the cells of a file say about how its numbers are written.

    Only columns in which every cell could be a number are evidence. A cell decides if it is a
    number with one decimal separator alone ('1.234,5', '1,234,567', '1,25').
    """

    def __init__(self, width: int, missing: Iterable[str]) -> None:
        """Args:
        width: Number of columns.
        missing: Cells that are missing values.
        """
        self._missing = frozenset(missing)
        self._found: list[dict[str, str] | None] = [{} for _ in range(width)]
        self._with_point = 0  # a column with a cell that decides for the point, if any

    @property
    def found(self) -> dict[str, str]:
        """A cell of each reading.

        '.' and ',' are numbers with that decimal separator alone; '.?' and ',?' contain it, but
        could have the other one.
        """
        together: dict[str, str] = {}
        for column in self._found:
            for reading, cell in (column or {}).items():
                together.setdefault(reading, cell)
        return together

    @property
    def decides(self) -> bool:
        """Whether a cell decides."""
        return not {'.', ','}.isdisjoint(self.found)

    def add(self, index: int, cells: pa.Array) -> None:
        """Adds cells, strings, of a column."""
        readings = self._found[index]
        if readings is None:
            return
        clean = without_missing(cells, self._missing).drop_null()
        decided = self._found[self._with_point] or {}
        if '.' in decided and plain_floats(clean) is not None:
            return  # another cell has decided what these would
        possible = {one: format_of(one).are_numbers(clean) for one in '.,'}
        either, both = pc.or_(*possible.values()), pc.and_(*possible.values())
        if pc.all(either).as_py() is False:
            self._found[index] = None
            return
        only = {one: pc.and_not(answers, both) for one, answers in possible.items()}
        for one in possible:
            unclear = pc.and_(both, pc.match_substring(clean, one))
            _note_first(readings, one, clean, only[one])
            _note_first(readings, f'{one}?', clean, unclear)
        if '.' in readings:
            self._with_point = index

    def number_format(self, delimiter: str) -> NumberFormat:
        """How the numbers are written.

        If no cell decides, a point is the decimal separator, but ambiguous in a file with
        semicolons, as is a comma everywhere ('1,234').

        Args:
          delimiter: Delimiter of the file.

        Raises:
          AmbiguousNumbersError: If the separators could have either meaning, or some cells
            contradict others; its argument is one of the cells.
        """
        found = self.found
        if '.' in found and ',' in found:
            raise AmbiguousNumbersError(found[','])
        for decimal in '.,':
            if decimal in found:
                return format_of(decimal)
        if ',?' in found or ('.?' in found and delimiter == ';'):
            raise AmbiguousNumbersError(found.get(',?') or found['.?'])
        return NumberFormat()


def format_of(decimal: str) -> NumberFormat:
    """The format with a decimal separator, in which the other one separates thousands."""
    return NumberFormat(decimal, ''.join(_SPACES) + ('.' if decimal == ',' else ','))


def _note_first(readings: dict[str, str], reading: str, cells: pa.Array, have: pa.Array) -> None:
    index = -1 if reading in readings else pc.index(have, True).as_py()
    if index >= 0:
        readings[reading] = cells[index].as_py()


def _cast(cells: pa.Array, kind: pa.DataType) -> pa.Array | None:
    try:
        return pc.cast(cells, kind)
    except pa.ArrowInvalid:
        return None


def _has(cells: pa.Array, part: str) -> bool:
    return pc.any(pc.match_substring(cells, part)).as_py() is True


def _known(answers: pa.Array, cells: pa.Array) -> pa.Array:
    return pc.if_else(pc.is_valid(cells), answers, pa.scalar(None, pa.bool_()))
