"""Chooses the columns to cluster by, and says why others are left out."""

from __future__ import annotations

import dataclasses
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tfx_kmeans.argument_checks import check_integer
from tfx_kmeans.errors import ParameterError, TableError
from tfx_kmeans.tables.column import (
    BOOLEAN,
    DATE,
    DECIMAL,
    EMPTY,
    INTEGER,
    OTHER,
    TEXT,
    Cell,
    Column,
)
from tfx_kmeans.tables.look import Table
from tfx_kmeans.tables.values import MOST_VALUES

AUTO = 'auto'
MAX_NAMED = 10
"""Number of columns that a message names."""

_DOMINANT = 0.995
_UNIQUE_ROWS = 20
_SMALL_RANGE = 20
_SHOWN_CHARACTERS = 40
Bounds = Sequence[float | None]


@dataclasses.dataclass(frozen=True)
class Selection:
    """Which columns to cluster by, and how.

    Attributes:
      features: Names of the columns; None for every numeric column.
      exclude_features: Names of columns to leave out.
      categorical: Names of columns whose values are categories; `('auto',)` for text and whole
        numbers with few values.
      max_categories: Maximum number of categories of a column that are told apart; the others
        count as one.
      log: Names of columns whose logarithm is used.
      clip: Lower and upper bound of columns, by name; None for no bound.
    """

    features: Sequence[str] | None = None
    exclude_features: Sequence[str] = ()
    categorical: Sequence[str] = ()
    max_categories: int = 20
    log: Sequence[str] = ()
    clip: Mapping[str, Bounds] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        check_integer('max_categories', self.max_categories, minimum=2)
        both = sorted({*(self.features or ()), *self._used_otherwise} & {*self.exclude_features})
        if both:
            raise ParameterError(
                f'exclude_features contains {_listed(both)}, which features, categorical, log or '
                'clip names as well: remove each name from one of them.'
            )

    @property
    def is_automatic(self) -> bool:
        """Whether categorical columns are found by rule."""
        return AUTO in self.categorical

    @property
    def _used_otherwise(self) -> set[str]:
        return {*self.categorical, *self.log, *self.clip}

    @property
    def names(self) -> set[str]:
        """All columns that are named."""
        return {*(self.features or ()), *self.exclude_features, *self._used_otherwise} - {AUTO}


@dataclasses.dataclass(frozen=True)
class Choice:
    """The columns to cluster by.

    Attributes:
      features: Names of the columns, sorted.
      categorical: Values of the categorical columns, by name; None at the end stands for all other
        values.
      left_out: Why each other column is left out, by name.
      warnings: What makes used columns look as if they should not be, for people.
    """

    features: tuple[str, ...]
    categorical: Mapping[str, tuple[Any, ...]]
    left_out: Mapping[str, str]
    warnings: tuple[str, ...]

    @property
    def numeric(self) -> tuple[str, ...]:
        """Names of the columns that are not categorical."""
        return tuple(name for name in self.features if name not in self.categorical)


def choose_columns(table: Table, options: Selection) -> Choice:
    """Chooses the columns to cluster by.

    Raises:
      TableError: If a named column does not exist or cannot be used as it is meant to be, if a
        number is infinite or would lose its digits in tf.Examples, or if no column is left.
    """
    return _Chooser(table, options).choice()


class _Chooser:
    def __init__(self, table: Table, options: Selection) -> None:
        self._table = table
        self._options = options
        self._columns = table.columns

    def choice(self) -> Choice:
        self._refuse_unknown()
        categorical = self._categorical()
        features = self._features(categorical)
        used = set(features)
        left_out = {name: self._reason(name) for name in self._columns if name not in used}
        if not features:
            shown = '; '.join(f'{name!r} ({why})' for name, why in left_out.items())
            raise TableError(f'No column is left to cluster by: {shown}.')
        numeric = [name for name in features if name not in categorical]
        self._refuse_not_numeric([*self._options.log, *self._options.clip], numeric)
        for name in numeric:
            self._refuse_unusable(name)
        values = {name: self._categories(name) for name in features if name in categorical}
        return Choice(tuple(features), values, left_out, tuple(self._warnings(features)))

    def _refuse_unknown(self) -> None:
        unknown = sorted(self._options.names - set(self._columns))
        if unknown:
            raise TableError(
                f'The data has no column {_listed(unknown)}. Existing columns: '
                f'{_listed(self._columns)}.'
            )

    def _categorical(self) -> set[str]:
        named = set(self._options.categorical) - {AUTO}
        if not self._options.is_automatic:
            return named
        allowed = set(self._options.features or self._columns)
        allowed -= {*self._options.exclude_features, *self._options.log, *self._options.clip}
        return named | {name for name in allowed if self._has_few_values(self._columns[name])}

    def _has_few_values(self, column: Column) -> bool:
        counts = column.counts
        if counts is None or not 2 <= len(counts) <= self._options.max_categories:
            return False
        if counts.total() < 2 * len(counts):
            return False
        if column.kind == INTEGER:
            return len(counts) > 2 and max(counts) - min(counts) <= _SMALL_RANGE
        return column.kind == TEXT

    def _features(self, categorical: set[str]) -> list[str]:
        if self._options.features is not None:
            self._refuse_not_numeric(set(self._options.features) - categorical)
            return sorted({*self._options.features, *categorical})
        numeric = {
            name
            for name, column in self._columns.items()
            if column.is_numeric and not self._is_row_index(name)
        }
        used = {*self._options.log, *self._options.clip}
        return sorted((numeric | categorical | used) - {*self._options.exclude_features})

    def _is_row_index(self, name: str) -> bool:
        return name in self._table.indices

    def _reason(self, name: str) -> str:
        """Why a column is left out."""
        if name in self._options.exclude_features:
            return 'excluded'
        column = self._columns[name]
        if column.kind == EMPTY:
            return 'it has no values'
        if self._is_row_index(name):
            return 'it has no name and a different value in every row, like an index'
        if column.is_numeric:
            return 'not in features'
        return self._not_numeric(column)

    def _not_numeric(self, column: Column) -> str:
        if column.kind == OTHER:
            return f'its type is {column.type_name}'
        if column.kind == EMPTY:
            return 'it has no values'
        cell = column.first if column.kind == DATE else column.first_not_number or column.first
        return f'{"dates" if column.kind == DATE else "text"}: {self._shown(cell)}'

    def _shown(self, cell: Cell | None) -> str:
        if cell is None:
            return 'no values'
        text = cell.text
        text = f'{text[:_SHOWN_CHARACTERS]}...' if len(text) > _SHOWN_CHARACTERS else text
        return f'{text!r} in {self._table.place_of(cell)}'

    def _refuse_not_numeric(
        self, names: Iterable[str], numeric: Sequence[str] | None = None
    ) -> None:
        for name in sorted(names):
            column = self._columns[name]
            if column.is_numeric and (numeric is None or name in numeric):
                continue
            if column.is_numeric:
                why = (
                    'is categorical' if name in self._options.categorical else 'is not in features'
                )
                raise TableError(f'Column {name!r} {why}, so log and clip cannot apply.')
            advice = (
                'Convert dates to numbers, for example to days since the first one.'
                if column.kind == DATE
                else f'Text with few values can be used with --categorical {_quoted([name])}; '
                'cells that stand for a missing number can be named with --missing.'
            )
            raise TableError(
                f'Column {name!r} is not numeric ({self._not_numeric(column)}). {advice}'
            )

    def _refuse_unusable(self, name: str) -> None:
        column = self._columns[name]
        if column.first_unusable is not None:
            raise TableError(
                f'Column {name!r} has a number that is infinite or too large for float32: '
                f'{self._shown(column.first_unusable)}. Correct it, name it with --missing, or '
                f'leave the column out with --exclude {_quoted([name])}.'
            )
        loss = column.rounding_loss
        if loss and column.kind == INTEGER:
            raise TableError(
                f'Column {name!r} has whole numbers beyond 2^53 that are too close together for '
                f'float64: {loss}. Subtract a constant from the column, or leave it out with '
                f'--exclude {_quoted([name])}.'
            )
        if loss:
            raise TableError(
                f'Column {name!r} has numbers that are too close together for float32, the type of '
                f'decimal numbers in tf.Examples: {loss}. Subtract a constant from the column, or '
                'write whole numbers.'
            )

    def _categories(self, name: str) -> tuple[Any, ...]:
        column = self._columns[name]
        if column.kind not in (TEXT, INTEGER, BOOLEAN):
            what = 'decimal numbers' if column.kind == DECIMAL else self._not_numeric(column)
            advice = ' Write categories as whole numbers or text.' if column.kind == DECIMAL else ''
            raise TableError(f'Column {name!r} cannot be categorical: {what}.{advice}')
        counts = column.counts
        if counts is None:
            raise TableError(
                f'Column {name!r} has more than {MOST_VALUES} different values, so it cannot be '
                'categorical: group them, or leave the column out.'
            )
        ordered = sorted(counts, key=lambda value: (-counts[value], value))
        kept = sorted(ordered[: self._options.max_categories])
        return (*kept, None) if len(ordered) > len(kept) else tuple(kept)

    def _warnings(self, features: Sequence[str]) -> Iterator[str]:
        """One warning for all columns with the same reason."""
        found: dict[str, list[str]] = {}
        for name in features:
            if why := self._why_no_feature(self._columns[name]):
                found.setdefault(why, []).append(name)
        for why, names in found.items():
            shown, excluded = some([repr(name) for name in names]), _quoted(names[:MAX_NAMED])
            if len(names) == 1:
                yield f'column {shown} {why}; --exclude {excluded} leaves it out'
            else:
                rest = ',...' if len(names) > MAX_NAMED else ''
                yield f'columns {shown}: each {why}; --exclude {excluded}{rest} leaves them out'

    def _why_no_feature(self, column: Column) -> str:
        """Why a column looks like no feature; '' if it does not."""
        share, present = column.largest_share, column.rows - column.missing
        if share == 1:
            return 'has the same value in every row'
        if share > _DOMINANT:
            return 'has the same value in more than 99.5% of the rows'
        if column.kind in (INTEGER, TEXT) and present >= _UNIQUE_ROWS and column.is_unique:
            return 'has a different value in every row, like an id'
        if column.kind == INTEGER and column.has_dates:
            return 'looks like dates written as numbers (YYYYMMDD)'
        return ''


def some(named: Sequence[str]) -> str:
    """The first of some things, and the number of the others."""
    rest = len(named) - MAX_NAMED
    return ', '.join([*named[:MAX_NAMED], *([f'and {rest} more'] if rest > 0 else [])])


def _quoted(names: Sequence[str]) -> str:
    """Names as they are written in a shell command."""
    cells = (
        '"' + one.replace('"', '""') + '"' if re.search('[",\r\n]', one) else one for one in names
    )
    joined = ','.join(cells)
    return f'${joined!r}' if re.search('[\r\n\t]', joined) else shlex.quote(joined)


def _listed(names: Iterable[str]) -> str:
    return ', '.join(map(repr, names)) or 'none'
