"""Options for reading tables."""

from __future__ import annotations

import codecs
import dataclasses
from collections.abc import Sequence

from tfx_kmeans.argument_checks import check_choice, check_integer
from tfx_kmeans.errors import ParameterError

MISSING = ('', 'NA', 'N/A', 'nan', 'NaN', 'null', 'NULL', 'None', '?', '-')
"""Cells that are missing values, in every column."""

FIRST, NONE = HEADERS = ('first', 'none')


@dataclasses.dataclass(frozen=True)
class ReadOptions:
    r"""How to read tables. None leaves a choice to what is found in each file.

    Attributes:
      missing: Cells that are missing values, in addition to `MISSING`.
      delimiter: One character between cells.
      encoding: Name of a Python codec, for example 'cp1251'.
      decimal: Decimal separator of numbers, '.' or ','.
      header: 'first' if the first line holds the names of the columns, 'none' if it is data.
      skip_lines: Number of lines before the header, or before the data without one.

    Raises:
      ParameterError: If an option is invalid; names it, its value and what is allowed.
    """

    missing: Sequence[str] = ()
    delimiter: str | None = None
    encoding: str | None = None
    decimal: str | None = None
    header: str | None = None
    skip_lines: int = 0

    def __post_init__(self) -> None:
        if self.delimiter is not None and (len(self.delimiter) != 1 or self.delimiter in '"\r\n'):
            raise ParameterError(
                f'delimiter must be one character other than a quote, got {self.delimiter!r}.'
            )
        if self.decimal is not None:
            check_choice('decimal', self.decimal, ('.', ','))
        if self.header is not None:
            check_choice('header', self.header, HEADERS)
        check_integer('skip_lines', self.skip_lines, minimum=0)
        if self.delimiter is not None and self.delimiter == self.decimal:
            raise ParameterError(
                f'delimiter and decimal are both {self.delimiter!r}: they must differ.'
            )
        _check_encoding(self.encoding)

    @property
    def missing_cells(self) -> frozenset[str]:
        """All cells that are missing values."""
        return frozenset({*MISSING, *(cell.strip() for cell in self.missing)})


def _check_encoding(encoding: str | None) -> None:
    if encoding is None:
        return
    try:
        codecs.lookup(encoding)
        ' '.encode(encoding)
    except (LookupError, AttributeError, TypeError, UnicodeError) as error:
        raise ParameterError(
            f'encoding {encoding!r} is not a text encoding that Python knows, such as utf-8, '
            'cp1252 or utf-16.'
        ) from error
