"""Finds how a CSV file is written: its delimiter, header and numbers."""

from __future__ import annotations

import csv
import dataclasses
import io
import re
import sys
from collections import Counter
from collections.abc import Sequence
from itertools import islice, pairwise, takewhile

from tfx_kmeans.errors import TableError
from tfx_kmeans.tables.encoding import Text
from tfx_kmeans.tables.numbers import NumberFormat
from tfx_kmeans.tables.options import FIRST, NONE, ReadOptions

csv.field_size_limit(sys.maxsize)

SPACES = ' '
_DELIMITERS = (',', ';', '\t', '|')
_NAMES = {',': 'commas', ';': 'semicolons', '\t': 'tabs', '|': 'vertical bars', SPACES: 'spaces'}
_FLAGS = {'\t': 'tab'}
_EXAMINED = 1000  # rows
Row = Sequence[str]


@dataclasses.dataclass(frozen=True)
class Dialect:
    """How a CSV file is written.

    Attributes:
      delimiter: Character between cells; a space stands for any number of them.
      first_line: Number of the line at which the data starts, from 0.
      header: Names as they are in the file, '' for columns without a name; one for each cell of a
        row.
      has_header: Whether the names are from the file.
      numbers: How numbers are written; `find_numbers` finds it.
      has_spaced_quotes: Whether there are quotes after a delimiter and spaces.
      notes: What is unusual, for people.
    """

    delimiter: str
    first_line: int
    header: tuple[str, ...]
    has_header: bool = True
    numbers: NumberFormat = dataclasses.field(default_factory=NumberFormat)
    has_spaced_quotes: bool = False
    notes: tuple[str, ...] = ()

    @property
    def needs_python(self) -> bool:
        """Whether pyarrow does not read it, but Python's csv module does."""
        is_ascii = self.delimiter.isascii()
        return self.delimiter == SPACES or self.has_spaced_quotes or not is_ascii

    @property
    def described(self) -> tuple[str, ...]:
        """What differs from a file with commas and decimal points, for people."""
        found = []
        if self.delimiter != ',':
            found.append(_NAMES.get(self.delimiter, f'delimiter {self.delimiter!r}'))
        if self.numbers.decimal == ',':
            found.append('decimal comma')
        return (*found, *self.notes)


def find_dialect(text: Text, options: ReadOptions) -> Dialect:
    """Finds how a file is written, as far as the options do not say it.

    Raises:
      TableError: If the file has no rows, or can be read in more than one way; names the option
        that settles it.
    """
    return _Search(text, options).dialect()


def rows_of(lines: io.TextIOBase, delimiter: str, strict: bool = False) -> csv.Reader:  # type: ignore[name-defined]
    """Reads rows by Python's csv module; its `line_num` counts lines."""
    return csv.reader(
        lines, delimiter=delimiter, skipinitialspace=True, doublequote=True, strict=strict
    )


class _Search:
    """The search for the dialect of one file, in its sample."""

    def __init__(self, text: Text, options: ReadOptions) -> None:
        self._text = text
        self._options = options
        self._path = text.file.path
        self._notes: list[str] = []
        lines = list(io.StringIO(text.sample, newline=''))
        self._skipped = options.skip_lines
        self._stated = _stated_delimiter(lines[self._skipped : self._skipped + 1])
        self._skipped += bool(self._stated)
        self._lines = lines

    def dialect(self) -> Dialect:
        """The dialect of the file."""
        self._skip_comments()
        delimiter = self._delimiter()
        header, rows, lines = self._header(delimiter)
        if not rows:
            unclosed = any('\n' in name for name in header)
            reason = ', or a quote in it is not closed' if unclosed else ''
            raise TableError(f'{self._path} has a header but no rows{reason}.')
        return Dialect(
            delimiter=delimiter,
            first_line=self._skipped + lines,
            header=header,
            has_header=bool(lines),
            has_spaced_quotes=delimiter != SPACES and _has_spaced_quotes(self._text, delimiter),
            notes=tuple(self._notes),
        )

    def _skip_comments(self) -> None:
        """Skips the lines before the header that start with '#', or are empty.

        The last of several lines with '#' is the header if it has as many cells as the first row,
        which has a number.
        """
        left = self._lines[self._skipped :]
        empty = len(list(takewhile(lambda line: not line.strip(), left)))
        if self._lines and not left:
            raise TableError(
                f'{self._path} has no lines after the first {self._options.skip_lines}: give a '
                'smaller --skip-lines.'
            )
        comments = list(takewhile(lambda line: line.lstrip().startswith('#'), left[empty:]))
        if comments and self._is_header(comments[-1], left[empty + len(comments) :][:1]):
            comments = comments[:-1]
            place = self._skipped + empty + len(comments)
            self._lines[place] = self._lines[place].lstrip(' #')
        if comments:
            self._notes.append(f'{_count(len(comments), "comment line")} skipped')
        self._skipped += empty + len(comments)
        if not self._lines[self._skipped :]:
            raise TableError(f'{self._path} is empty, except for comments.')

    def _is_header(self, comment: str, following: list[str]) -> bool:
        if not following:
            return True
        given = self._stated or self._options.delimiter
        for delimiter in (given,) if given else (*_DELIMITERS, SPACES):
            names, cells = _cells(comment.lstrip(' #'), delimiter), _cells(following[0], delimiter)
            if len(names) == len(cells) > 1:
                return any(map(_is_number, cells)) and not any(map(_is_number, names))
        return False

    def _sample(self, delimiter: str) -> list[tuple[Row, int]]:
        """The first rows, without empty ones, and the number of lines read up to each."""
        lines = self._lines[self._skipped :]
        if delimiter == SPACES:
            lines = [line.strip(' ') for line in lines[:_EXAMINED]]
        reader = rows_of(io.StringIO(''.join(lines), newline=''), delimiter)
        found = ((row, reader.line_num) for row in reader if row)
        rows = list(islice(found, _EXAMINED + 1))
        return rows[:-1] if len(rows) > 2 and not self._text.is_whole else rows

    def _delimiter(self) -> str:
        if given := self._options.delimiter or self._stated:
            self._refuse_wrong(given)
            return given
        shares = {one: self._fit(one) for one in _DELIMITERS}
        whole = [one for one, share in shares.items() if share == 1]
        if len(whole) > 1:
            flags = ' or '.join(f'--delimiter {_flag(one)}' for one in whole)
            raise TableError(
                f'{self._path} can be read with {" or with ".join(_NAMES[one] for one in whole)} '
                f'between cells: choose with {flags}.'
            )
        if whole:
            return whole[0]
        if self._fit(SPACES) == 1:
            return SPACES
        best = max(shares, key=shares.__getitem__)
        if shares[best] > 0:
            return best  # some rows are too short or too long: reading them says which
        return self._only_column()

    def _refuse_wrong(self, given: str) -> None:
        """Refuses a delimiter that is not in the file, if another one fits all rows."""
        found = [one for one in _DELIMITERS if one != given and self._fit(one) == 1]
        if found and not any(given in line for line in self._lines[self._skipped :]):
            raise TableError(
                f'{self._path} has no {_flag(given)} in its first lines, but '
                f'{_NAMES[found[0]]} between its cells: leave --delimiter out, or give '
                f'--delimiter {_flag(found[0])}.'
            )

    def _only_column(self) -> str:
        """The delimiter of a file with a single column: a comma, which it does not contain."""
        cells = [len(row) for row, _ in self._sample(',')]
        if max(cells, default=1) > 1:
            raise TableError(
                f'{self._path} does not look like a table: separated by commas, its first line '
                f'has {_count(cells[0], "cell")}, others have up to {max(cells[1:])}. Give the '
                'separator with --delimiter (--delimiter ";" for a single column with decimal '
                'commas), or the number of lines before the header with --skip-lines.'
            )
        return ','

    def _fit(self, delimiter: str) -> float:
        """Share of the rows that have as many cells as the header, if these are several."""
        counts = [len(row) for row, _ in self._sample(delimiter)]
        if len(counts) < 2:
            return 1.0 if counts and counts[0] > 1 else 0.0
        common, times = Counter(counts[1:]).most_common(1)[0]
        if common < 2 or not self._is_named(counts[0], common):
            return 0.0
        return times / (len(counts) - 1)

    @staticmethod
    def _is_named(names: int, cells: int) -> bool:
        return names == cells or (names == cells - 1 and names > 1)

    def _header(self, delimiter: str) -> tuple[tuple[str, ...], list[Row], int]:
        """Names of the columns, the rows after them, and the number of lines of the header."""
        sample = self._sample(delimiter)
        first, lines = sample[0]
        rows = [row for row, _ in sample]
        if self._has_header(rows):
            names = [name.strip() for name in first]
            return self._completed(names, rows[1:]), rows[1:], lines
        self._notes.append('no header')
        return tuple(f'column_{index + 1}' for index in range(len(first))), rows, 0

    def _has_header(self, rows: list[Row]) -> bool:
        if self._options.header is not None:
            return self._options.header == FIRST
        first = [cell.strip() for cell in rows[0]]
        below = rows[1] if len(rows) > 1 else ()
        suspect = _numbers_like_data(first, below, self._options.missing_cells)
        if not suspect:
            return True
        raise TableError(
            f'{self._path} starts with a line that contains numbers, like {suspect[0]!r}: choose '
            f'with --header {FIRST} (they are names of columns) or --header {NONE} (they are data).'
        )

    def _completed(self, names: list[str], rows: list[Row]) -> tuple[str, ...]:
        """Adds a name for the cells that rows have beyond the header: one for row names (R)."""
        common = Counter(map(len, rows)).most_common(1)
        if not common or common[0][0] != len(names) + 1:
            return tuple(names)
        longer = [row for row in rows if len(row) == common[0][0]]
        if all(row[-1] == '' for row in longer):
            return (*names, '')
        if len({row[0] for row in longer}) < len(longer):
            raise TableError(
                f'{self._path} has {_count(len(names), "name")} in its first line, but rows of '
                f'{_count(len(names) + 1, "cell")}, the first of which are no row names, because '
                f'they occur twice, like {longer[0][0]!r}: add the missing name.'
            )
        return ('', *names)


def _numbers_like_data(first: Row, below: Row, missing: frozenset[str]) -> list[str]:
    """The numbers in a first line that may be data, because the cells below are numbers as well.

    They are names if they count from 0, as in pandas; and beside names that are not numbers, if
    they have equal steps, like years, or if one of the other names is above a number.
    """
    pairs = [(name, cell.strip()) for name, cell in zip(first, below, strict=False)]
    found = [n for n, cell in pairs if _is_number(n) and (cell in missing or _is_number(cell))]
    if found == [str(index) for index in range(len(found))]:
        return []
    others = [cell for name, cell in pairs if name not in missing and not _is_number(name)]
    whole = all(name.isdecimal() for name in found) and len(set(found)) == len(found)
    is_header = others and (_are_counted(found) or (whole and any(map(_is_number, others))))
    return [] if is_header else found


def _are_counted(names: Sequence[str]) -> bool:
    numbers = [float(name.replace(',', '.')) for name in names]
    steps = {round(right - left, 6) for left, right in pairwise(numbers)}
    return len(steps) == 1 and steps != {0} and (len(names) > 3 or 1000 <= numbers[0] < 3000)


def _stated_delimiter(lines: list[str]) -> str:
    """The delimiter that the first line states for Excel ('sep=;'); '' if it is not such a line."""
    line = lines[0].strip('\ufeff\r\n') if lines else ''
    return line[4] if len(line) == 5 and line.lower().startswith('sep=') else ''


def _has_spaced_quotes(text: Text, delimiter: str) -> bool:
    """Whether a quote follows spaces at the start of a cell, anywhere in a file."""
    pattern = re.compile(rb'(^|[\r\n]|' + re.escape(delimiter.encode()) + rb') +"')
    return text.has_quotes and text.contains(pattern)


def _cells(line: str, delimiter: str) -> list[str]:
    return [cell.strip() for cell in next(rows_of(io.StringIO(line.strip()), delimiter), [])]


def _is_number(cell: str) -> bool:
    try:
        float(cell.replace(',', '.'))
    except ValueError:
        return False
    return True


def _flag(delimiter: str) -> str:
    return _FLAGS.get(delimiter, f"'{delimiter}'")


def _count(number: int, what: str) -> str:
    return f'{number} {what}' + 's' * (number != 1)
