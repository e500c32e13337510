"""The columns that form the vector, chosen from the raw features that there are."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from tfx_kmeans.errors import ParameterError
from tfx_kmeans.pipelines.column_options import ColumnOptions


def column_options(custom_config: Mapping[str, Any]) -> ColumnOptions:
    """The fields of `ColumnOptions` in a dict that may have other keys as well.

    Raises:
      ParameterError: If a field is invalid.
    """
    names = [field.name for field in dataclasses.fields(ColumnOptions)]
    return ColumnOptions(**{name: custom_config[name] for name in names if name in custom_config})


def column_kinds(
    inputs: Mapping[str, Any], vectors: Mapping[str, Sequence[str]]
) -> dict[str, tf.DType]:
    """Type of each column: of a scalar raw feature, or of a value in a vector.

    Raises:
      ParameterError: If a vector does not exist or is not of floats, or a name is not unique.
    """
    kinds = {name: value.dtype for name, value in inputs.items() if name not in vectors}
    for vector, names in vectors.items():
        found = inputs[vector].dtype if vector in inputs else None
        if found != tf.float32:
            what = 'does not exist' if found is None else f'has the type {found.name}'
            raise ParameterError(
                f'vectors names the feature {vector!r}, which {what}: it must be a list of floats.'
            )
        both = sorted(set(names) & set(kinds))
        if both:
            raise ParameterError(
                f'vectors[{vector!r}] contains {_listed(both)}, which is the name of another '
                'feature as well: rename one of them.'
            )
        kinds.update(dict.fromkeys(names, tf.float32))
    return kinds


def chosen_columns(kinds: Mapping[str, tf.DType], options: ColumnOptions) -> list[str]:
    """Names of the columns that form the vector, in order.

    Args:
      kinds: Type of each column by name.
      options: What to do with which columns.

    Raises:
      ParameterError: If columns do not exist or have a type that does not suit, naming them, or if
        none are left.
    """
    _check_kinds(kinds, options)
    numeric = [name for name, kind in kinds.items() if kind != tf.string]
    usable = sorted({*numeric, *options.categorical})
    unusable = [name for name in options.features or () if name not in usable]
    if unusable:
        raise ParameterError(
            f'Feature {_listed(unusable)} is not numeric, so it cannot be clustered by, unless '
            f'categorical lists its values. Numeric features: {_listed(sorted(numeric))}.'
        )
    chosen = [name for name in options.features or usable if name not in options.exclude_features]
    if not chosen:
        raise ParameterError(
            f'No numeric feature is left to cluster by. Numeric features: '
            f'{_listed(sorted(numeric))}; excluded: {_listed(options.exclude_features)}.'
        )
    return chosen


def _check_kinds(kinds: Mapping[str, tf.DType], options: ColumnOptions) -> None:
    named = {*(options.features or ()), *options.exclude_features, *options.categorical}
    unknown = sorted({*named, *options.log, *options.clip} - set(kinds))
    if unknown:
        raise ParameterError(
            f'The data has no feature {_listed(unknown)}. Existing features: '
            f'{_listed(sorted(kinds))}.'
        )
    for parameter, names in {'log': options.log, 'clip': options.clip}.items():
        texts = [name for name in names if kinds[name] == tf.string]
        if texts:
            raise ParameterError(f'{parameter} names {_listed(texts)}, which is not numeric.')
    for name, categories in options.categorical.items():
        wanted = tf.string if isinstance(categories[0], str) else tf.int64
        if kinds[name] != wanted:
            raise ParameterError(
                f'categorical[{name!r}] has values of the type {wanted.name}, but the feature has '
                f'the type {kinds[name].name}.'
            )


def _listed(names: Iterable[str]) -> str:
    return ', '.join(map(repr, names))
