"""Prepares the table of a user for the pipeline: looks at it, and converts it if necessary."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfx_kmeans.errors import TableError
from tfx_kmeans.pipelines.config import CSV, PARQUET
from tfx_kmeans.tables.choice import Choice, Selection, choose_columns, some
from tfx_kmeans.tables.column import BOOLEAN, DECIMAL
from tfx_kmeans.tables.convert import MAX_OTHER_COLUMNS, WIDE, Layout, layout_of, write_parquet
from tfx_kmeans.tables.files import find_files
from tfx_kmeans.tables.look import Table, look_at
from tfx_kmeans.tables.options import ReadOptions

_INT64 = 2.0**63
_MANY_FEATURES = 200
_MOST_FEATURES = 1000


@dataclasses.dataclass(frozen=True)
class PreparedTable:
    """A table that the pipeline can read.

    Attributes:
      data_root: Folder of its files.
      data_format: Their format, 'csv' or 'parquet'.
      choice: The columns to cluster by, and why others are left out.
      vectors: Names of the values of each vector, by the name of the vector.
      rows: Number of rows.
      distinct_rows: Number of different rows; None for a table that is not small.
      summary: How the files were read and which columns are used, for people: one line.
      notes: The same, with all columns that are left out, and the warnings.
    """

    data_root: Path
    data_format: str
    choice: Choice
    vectors: Mapping[str, Sequence[str]]
    rows: int
    distinct_rows: int | None
    summary: str
    notes: tuple[str, ...]


def prepare_table(
    paths: Sequence[Path],
    options: ReadOptions,
    selection: Selection,
    folder: Path,
    num_clusters: int = 1,
) -> PreparedTable:
    """Looks at a table, and writes it as Parquet if CsvExampleGen cannot read it as it is.

    Args:
      paths: Folders and files of the table.
      options: How to read them.
      selection: Which columns to cluster by.
      folder: Folder for the Parquet files; replaced if they are written.
      num_clusters: Number of clusters.

    Raises:
      TableError: If the table cannot be used; names the file and the line or the column.
    """
    with tempfile.TemporaryDirectory() as scratch:
        table = look_at(find_files(paths), options, Path(scratch))
        choice = choose_columns(table, selection)
        _refuse_few_rows(table, num_clusters)
        vectors: Mapping[str, Sequence[str]] = {}
        converted = _must_convert(table, choice)
        layout = layout_of(table, choice)
        choice = _refuse_many_features(choice, layout)
        if converted:
            _refuse_own_output(table, folder)
            write_parquet(table, choice, layout, options.missing_cells, folder)
            vectors = layout.vectors
        root = folder if converted else table.parts[0].file.path.parent
        summary, notes = _summary(table, choice), _notes(table, choice)
    return PreparedTable(
        data_root=root,
        data_format=PARQUET if converted else CSV,
        choice=choice,
        vectors=vectors,
        rows=table.rows,
        distinct_rows=table.distinct_rows,
        summary=summary,
        notes=notes,
    )


def _refuse_few_rows(table: Table, num_clusters: int) -> None:
    if table.rows < num_clusters:
        raise TableError(
            f'The table has only {_count(table.rows, "row")}, but num_clusters is {num_clusters}: '
            'choose fewer clusters, or add rows.'
        )


def _refuse_many_features(choice: Choice, layout: Layout) -> Choice:
    """The choice with a warning if there are many raw features, each of which takes time."""
    own = len(set(choice.features) & set(layout.columns))
    if own > _MOST_FEATURES:
        raise TableError(
            f'{own} columns would be raw features of their own (categories, and whole numbers that '
            f'float32 cannot hold), but at most {_MOST_FEATURES} are possible: choose fewer with '
            '--features or --exclude. There is no limit for other numbers.'
        )
    if own <= _MANY_FEATURES:
        return choice
    warning = (
        f'{own} columns are raw features of their own (categories, and whole numbers that float32 '
        'cannot hold): Transform, the export and the validation take minutes'
    )
    return dataclasses.replace(choice, warnings=(*choice.warnings, warning))


def _refuse_own_output(table: Table, folder: Path) -> None:
    for part in table.parts:
        if part.file.path.resolve().is_relative_to(folder.resolve()):
            raise TableError(
                f'{part.file.path} is in {folder}, which this run would replace: choose another '
                'folder with --output.'
            )


def _must_convert(table: Table, choice: Choice) -> bool:
    used = [table.columns[name] for name in choice.features]
    return bool(
        table.conversions
        or len(choice.numeric) > WIDE
        or len(choice.left_out) > MAX_OTHER_COLUMNS
        or any(column.is_converted or column.kind == BOOLEAN for column in used)
        or any(column.is_numeric_text for column in used)
        or any(column.kind == DECIMAL and column.largest >= _INT64 for column in used)
    )


def _summary(table: Table, choice: Choice) -> str:
    """How the table was read, and which columns are used: one line."""
    found = [_used(choice)]
    if choice.left_out:
        reasons = [f'{name!r} ({why})' for name, why in choice.left_out.items()]
        found.append(f'{len(reasons)} left out: {some(reasons)}')
    return f'{_how_read(table)}; {", ".join(found)}'


def _notes(table: Table, choice: Choice) -> tuple[str, ...]:
    left_out = [f'Column {name!r} is left out: {why}.' for name, why in choice.left_out.items()]
    warnings = [f'Warning: {warning}.' for warning in choice.warnings]
    return (f'{_how_read(table)}; {_used(choice)}.', *left_out, *warnings)


def _how_read(table: Table) -> str:
    described = dict.fromkeys(note for part in table.parts for note in part.described)
    size = f'{_count(table.rows, "row")} in {_count(len(table.parts), "file")}'
    hidden = [path.name for path in table.skipped]
    skipped = f'hidden files skipped: {some(hidden)}' if hidden else ''
    repeated = [path.name for path in table.repeated]
    once = f'read once, although found twice: {some(repeated)}' if repeated else ''
    return '; '.join(filter(None, (size, ', '.join(described), skipped, once)))


def _used(choice: Choice) -> str:
    numeric = _count(len(choice.numeric), 'numeric column')
    if not choice.categorical:
        return numeric
    return f'{numeric}, {len(choice.categorical)} categorical: {_named(choice.categorical)}'


def _named(categorical: Mapping[str, Sequence[Any]]) -> str:
    return some([f'{name!r} ({_count(len(v), "category")})' for name, v in categorical.items()])


def _count(number: int, what: str) -> str:
    plural = f'{what[:-1]}ies' if what.endswith('y') else f'{what}s'
    return f'{number:,} {what if number == 1 else plural}'
