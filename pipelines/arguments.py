"""Command-line arguments of the two runners."""

from __future__ import annotations

import argparse
import csv
from collections import Counter
from collections.abc import Sequence

from tfx_kmeans.errors import ParameterError
from tfx_kmeans.pipelines.config import PipelineConfig
from tfx_kmeans.tables.choice import Selection
from tfx_kmeans.tables.options import HEADERS, MISSING, ReadOptions


def add_clustering_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments for the columns and the number of clusters.

    Names and defaults are those of the fields of `PipelineConfig`.
    """
    parser.add_argument(
        '--features',
        type=_names,
        default=PipelineConfig.features,
        metavar='A,B,C',
        help='columns to cluster by (default: every numeric column)',
    )
    parser.add_argument(
        '--exclude-features',
        '--exclude',
        type=_names,
        default=PipelineConfig.exclude_features,
        metavar='A,B',
        help='columns to leave out, such as ids and labels (default: none)',
    )
    parser.add_argument(
        '--num-clusters',
        type=int,
        default=PipelineConfig.num_clusters,
        metavar='K',
        help=f'number of clusters (default: {PipelineConfig.num_clusters})',
    )


def add_table_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments that say how to read a table and how to use its columns."""
    columns = parser.add_argument_group('columns')
    columns.add_argument(
        '--categorical',
        dest='categorical_columns',
        type=_names,
        default=(),
        metavar='A,B',
        help='columns whose values are categories, or "auto" for text and whole numbers with few '
        'values (default: none)',
    )
    columns.add_argument(
        '--max-categories',
        type=int,
        default=Selection.max_categories,
        metavar='N',
        help='number of categories of a column that are told apart; the others count as one '
        f'(default: {Selection.max_categories})',
    )
    columns.add_argument(
        '--log',
        type=_names,
        default=(),
        metavar='A,B',
        help='columns to replace by the logarithm of 1 + value, for heavy tails (default: none)',
    )
    columns.add_argument(
        '--clip',
        dest='limits',
        action='append',
        default=[],
        metavar='A=LOW:HIGH',
        help='limits of a column, either of which may be left out: a value beyond a limit is '
        'replaced by the limit; may be repeated',
    )
    _add_reading_arguments(parser.add_argument_group('reading', 'found in each file by default'))


def _add_reading_arguments(reading: argparse._ArgumentGroup) -> None:
    known = ' '.join(cell for cell in MISSING if cell)
    reading.add_argument(
        '--missing',
        action='append',
        default=[],
        metavar='CELL',
        help=f'cell that is a missing value, besides empty cells and {known}; may be repeated',
    )
    reading.add_argument('--delimiter', metavar='C', help='character between cells')
    reading.add_argument('--encoding', metavar='NAME', help='encoding, for example cp1252')
    reading.add_argument('--decimal', metavar='C', help='decimal separator of numbers: . or ,')
    reading.add_argument(
        '--header',
        choices=HEADERS,
        help='whether the first line holds the names of the columns, or is data ("none")',
    )
    reading.add_argument(
        '--skip-lines',
        type=int,
        default=0,
        metavar='N',
        help='number of lines before the header (default: 0)',
    )


def read_options_of(arguments: argparse.Namespace) -> ReadOptions:
    """How to read a table.

    Raises:
      ParameterError: If an argument is invalid.
    """
    return ReadOptions(
        missing=tuple(arguments.missing),
        delimiter={'\\t': '\t', 'tab': '\t'}.get(arguments.delimiter, arguments.delimiter),
        encoding=arguments.encoding,
        decimal=arguments.decimal,
        header=arguments.header,
        skip_lines=arguments.skip_lines,
    )


def selection_of(arguments: argparse.Namespace) -> Selection:
    """Which columns of a table to cluster by, and how.

    Raises:
      ParameterError: If an argument is invalid.
    """
    return Selection(
        features=arguments.features,
        exclude_features=arguments.exclude_features,
        categorical=arguments.categorical_columns,
        max_categories=arguments.max_categories,
        log=arguments.log,
        clip=_clips(arguments.limits),
    )


def _clips(given: Sequence[str]) -> dict[str, tuple[float | None, float | None]]:
    clips = list(map(_clip, given))
    for name, count in Counter(name for name, _ in clips).items():
        if count > 1:
            raise ParameterError(f'clip is given {count} times for the column {name!r}.')
    return dict(clips)


def _clip(text: str) -> tuple[str, tuple[float | None, float | None]]:
    name, equals, bounds = text.rpartition('=')
    low, colon, high = bounds.partition(':')
    try:
        found = tuple(float(bound) if bound.strip() else None for bound in (low, high))
    except ValueError:
        equals = ''
    if not equals or not colon or not name.strip() or found == (None, None):
        raise ParameterError(
            f'clip must be a column and its limits, such as income=0:500000 or income=:500000, got '
            f'{text!r}.'
        )
    return name.strip(), (found[0], found[1])


def _names(text: str) -> tuple[str, ...]:
    """Names separated by commas; a name with a comma stands in double quotes."""
    try:
        row = next(csv.reader([text], skipinitialspace=True, strict=True), [])
    except csv.Error as error:
        raise argparse.ArgumentTypeError(
            f'{text!r} is not a list of names with commas between them; a name that contains a '
            'comma, a quote or a line break stands in double quotes'
        ) from error
    return tuple(name.strip() for name in row if name.strip())
