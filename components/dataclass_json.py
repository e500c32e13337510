"""Dataclasses as JSON that older and newer versions can read.

Readers skip fields that they do not know, and use a dataclass's default for a field that is
missing. So a new field needs a default, and then old files and old readers keep working. A field
may not change its meaning or its type: that takes a new major format version.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

T = TypeVar('T')


def to_fields(value: Any) -> Any:
    """A dataclass, or anything that holds dataclasses, as dicts, lists, numbers and strings."""
    import msgspec  # takes as long as a small fit

    return msgspec.to_builtins(value)


def to_json(value: Any) -> str:
    """A dataclass as JSON text with sorted keys; NaN and infinity as Python writes them."""
    return json.dumps(to_fields(value), indent=2, sort_keys=True) + '\n'


def from_fields(kind: type[T], fields: Any) -> T:
    """A dataclass from what `to_fields` made of one.

    Raises:
      ValueError: Naming the field, if one without a default is missing or one has another type.
    """
    import msgspec

    try:
        return msgspec.convert(fields, kind)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error


def refuse_newer(
    fields: Mapping[str, Any],
    current: str,
    path: str,
    error: Callable[[str], Exception],
    remedy: str = 'Install a newer tfx-kmeans.',
) -> None:
    """Raises an error if the fields of a file have a newer major format than this version reads.

    Args:
      fields: Fields of the file; without `format_version` they have the current format.
      current: Format of this version, major.minor.
      path: Path of the file.
      error: Class of the error.
      remedy: What to do.
    """
    written = str(fields.get('format_version', current))
    if _major(written) > _major(current):
        raise error(
            f'{path} has format {written}; this version of tfx-kmeans reads up to {current}. '
            f'{remedy}'
        )


def _major(version: str) -> int:
    return int(version.split('.', maxsplit=1)[0])
