"""Checks of parameter values.

Their errors name the parameter, the value given and the values allowed.
"""

from __future__ import annotations

import dataclasses
import importlib
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tfx_kmeans.errors import ParameterError


def use_python_scalars(options: Any) -> None:
    """Replaces NumPy scalars in the fields of a frozen dataclass by Python's own, for JSON.

    Integers, floats and booleans keep their kind, so that the checks below apply to them: the
    integer 3 is accepted as an integer from NumPy as well, but not the float 3.0. Arrays and
    tensors with one number and without dimensions count as scalars.
    """
    for field in dataclasses.fields(options):
        value = getattr(options, field.name)
        if isinstance(value, np.floating):
            object.__setattr__(options, field.name, float(value))
        elif getattr(value, 'ndim', None) == 0 and hasattr(value, 'item'):
            object.__setattr__(options, field.name, value.item())


def check_integer(name: str, value: object, minimum: int | None = None) -> None:
    """Raises ParameterError unless `value` is an int of at least `minimum` that fits in 64 bits."""
    allowed = 'an integer' if minimum is None else f'an integer of at least {minimum}'
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    if is_integer and value >= 2**63:  # type: ignore[operator]
        raise ParameterError(f'{name} must fit in 64 bits, got {value!r}.')
    if not is_integer or (minimum is not None and value < minimum):  # type: ignore[operator]
        raise ParameterError(f'{name} must be {allowed}, got {value!r}.')


def check_choice(name: str, value: object, allowed: Sequence[str]) -> None:
    """Raises ParameterError unless `value` is one of the allowed values."""
    if value not in allowed:
        raise ParameterError(
            f'{name} must be one of {", ".join(map(repr, allowed))}, got {value!r}.'
        )


def check_non_negative(name: str, value: object) -> None:
    """Raises ParameterError unless `value` is a finite number of at least 0."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or value < 0:  # type: ignore[arg-type, operator]
        raise ParameterError(f'{name} must be a finite number of at least 0, got {value!r}.')


def check_strings(name: str, value: object) -> None:
    """Raises ParameterError unless `value` is a sequence of strings, but not a string itself."""
    is_sequence = isinstance(value, Sequence) and not isinstance(value, str)
    if not is_sequence or not all(isinstance(one, str) for one in value):  # type: ignore[attr-defined]
        raise ParameterError(f'{name} must be a list of strings, got {value!r}.')


def check_flag(name: str, value: object) -> None:
    """Raises ParameterError unless `value` is True or False."""
    if value not in (True, False):
        raise ParameterError(f'{name} must be True or False, got {value!r}.')


def check_names(parameter: str, names: object) -> None:
    """Raises ParameterError unless `names` is None or a list of distinct, non-empty strings."""
    if names is None:
        return
    is_list = isinstance(names, Sequence) and not isinstance(names, str)
    if not is_list or not all(isinstance(name, str) and name for name in names):  # type: ignore[attr-defined]
        raise ParameterError(f'{parameter} must be a list of names, got {names!r}.')
    if len(set(names)) < len(names):  # type: ignore[call-overload, arg-type]
        raise ParameterError(f'{parameter} contains a name twice: {names!r}.')


def imported_function(parameter: str, named: str) -> Callable[..., Any]:
    """Imports a function by its name, 'module:function'.

    Raises:
      ParameterError: If the function cannot be imported, or the object is not callable.
    """
    module, _, name = named.partition(':')
    try:
        function = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ParameterError(
            f'{parameter} names {named!r}, which cannot be imported: {error}.'
        ) from error
    if not callable(function):
        raise ParameterError(f'{parameter} names {named!r}, which is not a function.')
    return function
