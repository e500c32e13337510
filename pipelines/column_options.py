"""What a pipeline is told about the columns of a table, validated before it is built."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tfx_kmeans.argument_checks import check_names
from tfx_kmeans.errors import ParameterError

if TYPE_CHECKING:
    Category = str | int | None
    Bounds = tuple[float | None, float | None]


_INT64 = np.iinfo(np.int64)


@dataclasses.dataclass(frozen=True)
class ColumnOptions:
    """What to do with which columns; lists become tuples, and NumPy scalars Python's own numbers.

    Attributes:
      features: Columns to cluster by; None for every numeric column that is not excluded, and the
        categorical ones.
      exclude_features: Columns to leave out.
      categorical: Values of each categorical column, all strings or all integers. Each value gets a
        column of zeros and ones; None as the last value gets one for all values that are not
        listed. Without None, a row with such a value is zero in all of them.
      log: Numeric columns to replace by sign(x) log(1 + |x|).
      clip: Lower and upper bound of numeric columns, either of which may be None.
      vectors: Names of the values of each raw feature that is a list of floats.

    Raises:
      ParameterError: If a field is invalid, or two of them contradict each other; names the fields,
        the value or the columns, and what is allowed.
    """

    features: Sequence[str] | None = None
    exclude_features: Sequence[str] = ()
    categorical: Mapping[str, Sequence[Category]] = dataclasses.field(default_factory=dict)
    log: Sequence[str] = ()
    clip: Mapping[str, Sequence[float | None]] = dataclasses.field(default_factory=dict)
    vectors: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ('features', 'exclude_features', 'log'):
            names = getattr(self, name)
            check_names(name, names)
            may_be_none = name == 'features' and names is None
            object.__setattr__(self, name, None if may_be_none else tuple(names or ()))
        object.__setattr__(self, 'categorical', _checked_categorical(self.categorical))
        object.__setattr__(self, 'clip', _checked_clip(self.clip))
        object.__setattr__(self, 'vectors', _checked_vectors(self.vectors))
        self._check_agreement()

    def names_of(self, features: Sequence[str]) -> list[str]:
        """Names of the columns that features become, in order.

        A number keeps its name. A category is named 'column=category', and the column for all other
        values 'column=other' ('column=other values' if 'other' is a category).

        Args:
          features: Names of the features, in the order of the vector.
        """
        return [
            column
            for name in features
            for column in _category_names(name, self.categorical.get(name))
        ]

    def _check_agreement(self) -> None:
        """Checks that no column is told two things that exclude each other."""
        used = {'categorical': self.categorical, 'log': self.log, 'clip': self.clip}
        for parameter, columns in {'features': self.features or (), **used}.items():
            _refuse_shared(parameter, columns, 'exclude_features', self.exclude_features)
        values = [name for names in self.vectors.values() for name in names]
        for parameter, columns in {'log': self.log, 'clip': self.clip, 'vectors': values}.items():
            _refuse_shared('categorical', self.categorical, parameter, columns)
        for parameter, columns in used.items() if self.features is not None else ():
            missing = sorted(set(columns) - set(self.features or ()))
            if missing:
                raise ParameterError(
                    f'{parameter} names {_listed(missing)}, which features does not contain: add '
                    f'each name to features, or remove it from {parameter}.'
                )


def custom_config_of(options: ColumnOptions) -> dict[str, Any]:
    """The options as `preprocessing_fn` takes them: of types that JSON has, with sorted keys.

    The same options always give the same text, which TFX compares to use earlier results again.
    """
    found: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(options), sort_keys=True))
    return found


def _category_names(name: str, categories: Sequence[Category] | None) -> list[str]:
    if categories is None:
        return [name]
    rest = 'other values' if 'other' in categories else 'other'
    return [f'{name}={rest if value is None else value}' for value in categories]


def _checked_categorical(given: object) -> dict[str, tuple[Category, ...]]:
    """Categories by column.

    Raises:
      ParameterError: Unless each column has distinct categories, all of them non-empty strings or
        all of them integers of 64 bits, and None at most as the last one after others.
    """
    items = _by_name('categorical', given, 'the values that get a column of their own')
    return {name: _checked_categories(name, values) for name, values in items.items()}


def _checked_categories(column: str, values: object) -> tuple[Category, ...]:
    parameter = f'categorical[{column!r}]'
    if not isinstance(values, Sequence) or isinstance(values, str):
        raise ParameterError(f'{parameter} must be a list of values, got {values!r}.')
    found: tuple[Any, ...] = tuple(_plain(value) for value in values)
    listed = found[:-1] if found and found[-1] is None else found
    if not listed:
        raise ParameterError(f'{parameter} must have at least one value, got {values!r}.')
    is_text = all(isinstance(value, str) and value for value in listed)
    if not is_text and not all(_is_int64(value) for value in listed):
        raise ParameterError(
            f'{parameter} must be non-empty strings only, or integers of 64 bits only, with None '
            f'allowed as the last value; got {values!r}.'
        )
    if len(set(listed)) < len(listed):
        raise ParameterError(f'{parameter} contains a value twice: {values!r}.')
    return found


def _checked_clip(given: object) -> dict[str, Bounds]:
    """Lower and upper bound by column; None where there is no bound.

    Raises:
      ParameterError: Unless each column has two bounds, finite numbers or None, not both None, and
        the lower one is not above the upper one.
    """
    items = _by_name('clip', given, 'a lower and an upper bound')
    return {name: _checked_bounds(name, bounds) for name, bounds in items.items()}


def _checked_bounds(column: str, bounds: object) -> Bounds:
    is_pair = isinstance(bounds, Sequence) and not isinstance(bounds, str) and len(bounds) == 2
    pair = [_plain(bound) for bound in bounds] if is_pair else []  # type: ignore[attr-defined]
    numbers = [bound for bound in pair if bound is not None]
    if not numbers or not all(map(_is_finite, numbers)) or numbers != sorted(numbers):  # type: ignore[type-var]
        raise ParameterError(
            f'clip[{column!r}] must be a lower and an upper bound, finite numbers or None, the '
            f'first not above the second and not both None; got {bounds!r}.'
        )
    low, high = (None if bound is None else float(bound) for bound in pair)  # type: ignore[arg-type]
    return low, high


def _checked_vectors(given: object) -> dict[str, tuple[str, ...]]:
    """Names of the values of each vector feature.

    Raises:
      ParameterError: Unless each vector has names, and no name is used twice.
    """
    items = _by_name('vectors', given, 'the names of its values')
    for name, values in items.items():
        check_names(f'vectors[{name!r}]', values)
        if not values:
            raise ParameterError(f'vectors[{name!r}] must be a list of names, got {values!r}.')
    found: dict[str, tuple[str, ...]] = {name: tuple(values) for name, values in items.items()}  # type: ignore[arg-type]
    check_names('vectors', [column for names in found.values() for column in names])
    return found


def _refuse_shared(first: str, columns: Iterable[str], second: str, others: Iterable[str]) -> None:
    both = sorted(set(columns) & set(others))
    if both:
        raise ParameterError(
            f'{first} and {second} both contain {_listed(both)}: remove each name from one of them.'
        )


def _by_name(parameter: str, given: object, meaning: str) -> dict[str, object]:
    is_dict = isinstance(given, Mapping)
    if not is_dict or not all(isinstance(name, str) and name for name in given):  # type: ignore[attr-defined]
        raise ParameterError(
            f'{parameter} must be a dict of column names to {meaning}, got {given!r}.'
        )
    return dict(given)  # type: ignore[call-overload]


def _plain(value: object) -> object:
    """A NumPy scalar as the Python one that JSON can hold."""
    return value.item() if isinstance(value, np.generic) else value


def _is_int64(value: object) -> bool:
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    return is_integer and _INT64.min <= value <= _INT64.max  # type: ignore[operator]


def _is_finite(value: object) -> bool:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and math.isfinite(value)  # type: ignore[arg-type]


def _listed(names: Sequence[str]) -> str:
    return ', '.join(map(repr, names))
