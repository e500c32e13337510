"""Converts a dataclass of typed options to TFX execution properties and back.

Numbers and strings are passed unchanged, booleans as integers, and everything else as JSON with
sorted keys, because TFX's cache compares strings. Options that are None are left out.
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

from tfx_kmeans.errors import ParameterError
from tfx_kmeans.version import __version__

PLUGIN_VERSION = 'plugin_version'
"""Execution property of every component, so that TFX's cache does not reuse the results of another
version of this package."""

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
    """Validates options and converts them to execution properties.

    The values of RuntimeParameters and placeholders are validated only when the component runs.
    Until then, their defaults are used to validate the other options.

    Args:
      options_type: Dataclass of the options.
      given: Value of every option by name. Every field of the dataclass must be there, so
        that no component accepts a parameter and then ignores it.

    Raises:
      ParameterError: If an option is invalid, naming it.
      TypeError: If an option is missing from `given`, or unknown.
    """
    _check_complete(options_type, given)
    deferred = {name: value for name, value in given.items() if is_deferred(value)}
    hints = _hints(options_type)
    for name in deferred:
        if _wire_type(hints[name]) is str and _plain_type(hints[name]) is not str:
            raise ParameterError(
                f'{name} cannot be a RuntimeParameter or a placeholder, because it is passed as '
                'JSON. Give its value when the pipeline is built.'
            )
    defaults = {field.name: field.default for field in dataclasses.fields(options_type)}
    options = _checked(options_type, given, deferred, defaults)
    encoded = {
        name: _to_wire(getattr(options, name), hint)
        for name, hint in hints.items()
        if getattr(options, name) is not None
    }
    return {**encoded, **deferred, PLUGIN_VERSION: __version__}


def _check_complete(options_type: type, given: Mapping[str, Any]) -> None:
    name, fields = options_type.__name__, set(_hints(options_type))
    if missing := sorted(fields - set(given)):
        raise TypeError(f'The options to encode lack {", ".join(missing)} of {name}.')
    if unknown := sorted(set(given) - fields):
        raise TypeError(f'{name} lacks {", ".join(unknown)} of the options to encode.')


def decode(options_type: type[Options], exec_properties: Mapping[str, Any]) -> Options:
    """The options that `encode` converted to execution properties, validated again."""
    hints = _hints(options_type)
    decoded = {name: _from_wire(exec_properties.get(name), hint) for name, hint in hints.items()}
    return options_type(**decoded)


def _hints(options_type: type) -> dict[str, Any]:
    hints = typing.get_type_hints(options_type)
    return {field.name: hints[field.name] for field in dataclasses.fields(options_type)}


def _plain_type(hint: Any) -> Any:
    """The type X of a hint `X` or `X | None`; None for any other union."""
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
    """Whether a value is a RuntimeParameter or placeholder, resolved when the pipeline runs."""
    return isinstance(value, (RuntimeParameter, Placeholder))


def _checked(
    options_type: Callable[..., Options],
    given: Mapping[str, Any],
    deferred: Mapping[str, Any],
    defaults: Mapping[str, Any],
) -> Options:
    """The options, with placeholder values for the deferred ones.

    A deferred option without any default is left out at first. If the options are invalid without
    it, the value 1 is used.
    """

    def with_stand_ins(blank: Any) -> Options:
        known = {name: _stand_in(deferred[name], defaults[name], blank) for name in deferred}
        return options_type(**{**given, **known})

    try:
        return with_stand_ins(None)
    except ValueError:
        return with_stand_ins(1)


def _stand_in(value: Any, default: Any, blank: Any) -> Any:
    """Substitute for a deferred value, used to validate the other options."""
    known = [one for one in (getattr(value, 'default', None), default) if one is not None]
    return known[0] if known else blank
