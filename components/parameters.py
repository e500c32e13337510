"""How a dataclass of typed options travels as TFX execution properties, and back.

Numbers and strings travel as they are, booleans as integers, everything else as JSON with sorted
keys (TFX's cache compares strings). An option that is None is left out.
"""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from tfx.dsl.placeholder.placeholder import Placeholder
from tfx.orchestration.data_types import RuntimeParameter
from tfx.types.component_spec import ExecutionParameter

from tfx_kmeans.version import __version__

PLUGIN_VERSION = 'plugin_version'
"""An execution property of every component: another version is not served from the cache."""

_SCALARS = (int, float, str)

Options = TypeVar('Options')


def execution_parameters(options_type: type) -> dict[str, ExecutionParameter]:
    """The PARAMETERS of a ComponentSpec for the options of a dataclass."""
    parameters = {
        name: ExecutionParameter(type=_wire_type(hint), optional=True)
        for name, hint in _hints(options_type).items()
    }
    return {**parameters, PLUGIN_VERSION: ExecutionParameter(type=str)}


def encode(options_type: type, given: Mapping[str, Any]) -> dict[str, Any]:
    """Validates options and turns them into execution properties.

    RuntimeParameters and placeholders pass unseen, and are checked when the component runs; what
    the rest means together with them is checked with the RuntimeParameter's default.

    Raises:
      ValueError, TypeError: naming the option that is wrong.
    """
    deferred = {name: value for name, value in given.items() if is_deferred(value)}
    hints = _hints(options_type)
    for name in deferred:
        if _wire_type(hints[name]) is str and _plain_type(hints[name]) is not str:
            raise ValueError(
                f'{name} cannot be a RuntimeParameter or a placeholder: it travels as JSON. '
                'Give its value when the pipeline is built.'
            )
    defaults = {field.name: field.default for field in dataclasses.fields(options_type)}
    options = _checked(options_type, given, deferred, defaults)
    encoded = {
        name: _to_wire(getattr(options, name), hint)
        for name, hint in hints.items()
        if getattr(options, name) is not None
    }
    return {**encoded, **deferred, PLUGIN_VERSION: __version__}


def decode(options_type: type[Options], exec_properties: Mapping[str, Any]) -> Options:
    """The options that `encode` made execution properties of, validated again."""
    hints = _hints(options_type)
    decoded = {name: _from_wire(exec_properties.get(name), hint) for name, hint in hints.items()}
    return options_type(**decoded)


def _hints(options_type: type) -> dict[str, Any]:
    hints = typing.get_type_hints(options_type)
    return {field.name: hints[field.name] for field in dataclasses.fields(options_type)}


def _plain_type(hint: Any) -> Any:
    """The type itself, or that of an `X | None`; unions of more than that are no plain type."""
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        members = [member for member in typing.get_args(hint) if member is not type(None)]
        return members[0] if len(members) == 1 else None
    return hint


def _wire_type(hint: Any) -> type:
    plain = _plain_type(hint)
    if plain is bool:
        return int
    return plain if plain in _SCALARS else str


def _to_wire(value: Any, hint: Any) -> Any:
    plain = _plain_type(hint)
    if plain is bool:
        return int(value)
    if plain is float:
        return float(value)
    if plain in _SCALARS:
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = dataclasses.asdict(value)
    return json.dumps(value, sort_keys=True, default=lambda array: array.tolist())


def _from_wire(value: Any, hint: Any) -> Any:
    plain = _plain_type(hint)
    if value is None:
        return None
    if plain is bool:
        return bool(int(value))
    if plain in (int, float):
        return plain(value)
    if plain is str:
        return value
    decoded = json.loads(value)
    return plain(**decoded) if dataclasses.is_dataclass(plain) else decoded  # type: ignore[operator]


def is_deferred(value: Any) -> bool:
    """Whether a value is known only when the pipeline runs."""
    return isinstance(value, (RuntimeParameter, Placeholder))


def _checked(
    options_type: Callable[..., Options],
    given: Mapping[str, Any],
    deferred: Mapping[str, Any],
    defaults: Mapping[str, Any],
) -> Options:
    """The options, with stand-ins for those that are not known yet: left out, or if need be 1."""

    def with_stand_ins(blank: Any) -> Options:
        known = {name: _stand_in(deferred[name], defaults[name], blank) for name in deferred}
        return options_type(**{**given, **known})

    try:
        return with_stand_ins(None)
    except ValueError:
        return with_stand_ins(1)


def _stand_in(value: Any, default: Any, blank: Any) -> Any:
    """A value to check the other options with while this one is not known."""
    known = [one for one in (getattr(value, 'default', None), default) if one is not None]
    return known[0] if known else blank
