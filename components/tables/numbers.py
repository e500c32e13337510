"""Numbers as people write them: decimal commas, thousands separators, booleans and dates."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable

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
        found = plain_floats(cells) if self.decimal == '.' else None
        return found if found is not None else plain_floats(self.normalised(cells))

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
        return pc.match_substring_regex(cells, rf'^[+-]?({self.pattern})$')


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


def without_missing_numbers(values: pa.Array, missing: Iterable[str]) -> pa.Array:
    """Numbers, with null instead of those that are missing values."""
    numbers = missing_numbers(missing)
    if not numbers:
        return values
    absent = pc.is_in(pc.cast(values, pa.float64(), safe=False), pa.array(numbers, pa.float64()))
    return pc.if_else(absent, pa.scalar(None, values.type), values)


def missing_numbers(missing: Iterable[str]) -> list[float]:
    """Those missing cells that are numbers, such as -999."""
    found = (plain_floats(pa.array([cell], pa.string())) for cell in missing if cell)
    numbers = (one[0].as_py() for one in found if one is not None)
    return sorted(number for number in numbers if number is not None)


def find_format(columns: Iterable[Iterable[str]], delimiter: str) -> NumberFormat:
    """How the numbers in a file are written.

    Only columns in which every cell could be a number are evidence. A cell decides if it is a
    number with one decimal separator alone ('1.234,5', '1,234,567', '1,25'). If no cell decides, a
    point is the decimal separator, but ambiguous in a file with semicolons, as is a comma
    everywhere ('1,234').

    Args:
      columns: The cells of each column, without missing ones.
      delimiter: Delimiter of the file.

    Raises:
      AmbiguousNumbersError: If the separators could have either meaning, or some cells contradict
        others; its argument is one of the cells.
    """
    found: dict[str, str] = {}
    for column in columns:
        cells = list(column)
        readings = [_readings(cell) for cell in cells]
        if all(readings):
            for cell, reading in zip(cells, readings, strict=True):
                found.setdefault(reading, cell)
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


def _readings(cell: str) -> str:
    """How a cell can be read: '.' or ',' if it is a number with that decimal separator alone.

    With both, '.?' or ',?' names the separator that it contains, and 'any' that it has none; '' if
    it is not a number.
    """
    possible = [decimal for decimal, pattern in _PATTERNS.items() if pattern.fullmatch(cell)]
    if len(possible) < 2:
        return ''.join(possible)
    return next((f'{one}?' for one in '.,' if one in cell), 'any')


def _cast(cells: pa.Array, kind: pa.DataType) -> pa.Array | None:
    try:
        return pc.cast(cells, kind)
    except pa.ArrowInvalid:
        return None


def _has(cells: pa.Array, part: str) -> bool:
    return pc.any(pc.match_substring(cells, part)).as_py() is True


def _known(answers: pa.Array, cells: pa.Array) -> pa.Array:
    return pc.if_else(pc.is_valid(cells), answers, pa.scalar(None, pa.bool_()))


_PATTERNS = {decimal: re.compile(rf'[+-]?({format_of(decimal).pattern})') for decimal in ('.', ',')}
