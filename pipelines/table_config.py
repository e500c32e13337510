"""A file that says which columns of a table to cluster by, and how.

It is written after a table has been examined on one machine, and read when a pipeline is built for
the same table on another one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tfx_kmeans.errors import ParameterError
from tfx_kmeans.pipelines.column_options import ColumnOptions, custom_config_of
from tfx_kmeans.pipelines.config import DATA_FORMATS, PipelineConfig

_DATA_FORMAT = 'data_format'


def write_table_config(config: PipelineConfig, path: Path) -> None:
    """Writes what a configuration says about columns, and its data_format, as JSON."""
    fields = {**custom_config_of(config.columns), _DATA_FORMAT: config.data_format}
    text = json.dumps(fields, indent=2, sort_keys=True, ensure_ascii=False)
    path.write_text(f'{text}\n', encoding='utf-8')


def read_table_config(path: Path) -> dict[str, Any]:
    """Reads a file of `write_table_config`; a field that it lacks has its default.

    Args:
      path: Path of the file.

    Returns:
      Keyword arguments of `PipelineConfig`: the fields of `ColumnOptions`, and data_format.

    Raises:
      ParameterError: Naming the file, if it cannot be read, is not a JSON object, has a key that
        does not exist or an invalid value.
    """
    fields = _json_object(path)
    data_format = fields.pop(_DATA_FORMAT, PipelineConfig.data_format)
    known = custom_config_of(ColumnOptions())
    unknown = sorted(set(fields) - set(known))
    if unknown:
        raise ParameterError(
            f'{path} has the unknown key {", ".join(map(repr, unknown))}. Existing keys: '
            f'{", ".join(map(repr, sorted([*known, _DATA_FORMAT])))}.'
        )
    if data_format not in DATA_FORMATS:
        raise ParameterError(
            f'{path}: data_format must be one of {", ".join(map(repr, DATA_FORMATS))}, got '
            f'{data_format!r}.'
        )
    try:
        columns = ColumnOptions(**fields)
    except ParameterError as error:
        raise ParameterError(f'{path}: {error}') from error
    return {_DATA_FORMAT: data_format, **{name: getattr(columns, name) for name in known}}


def _json_object(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding='utf-8'))
    except (OSError, ValueError) as error:
        raise ParameterError(f'{path} cannot be read as JSON: {error}.') from error
    if not isinstance(found, dict):
        raise ParameterError(f'{path} must hold a JSON object, got {type(found).__name__}.')
    return found
