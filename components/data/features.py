"""Which features make up a row, in which columns, and what the columns are called."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

_NUMERIC = (tf.float32, tf.int64)


@dataclasses.dataclass(frozen=True)
class Feature:
    """A dense numeric feature and its place in a row.

    Attributes:
      name: as in the tf.Example.
      first_column: where its values start.
      shape: of one example's value; () for a scalar.
      dtype: 'float32' or 'int64'.
    """

    name: str
    first_column: int
    shape: tuple[int, ...]
    dtype: str

    @property
    def width(self) -> int:
        """How many columns it fills."""
        return math.prod(self.shape)

    def column_names(self) -> list[str]:
        """The feature's own name for a scalar, `name[i]` for each value of a vector."""
        if not self.shape:
            return [self.name]
        return [f'{self.name}[{index}]' for index in range(self.width)]


@dataclasses.dataclass(frozen=True)
class FeatureLayout:
    """What a row is made of.

    Attributes:
      features: in matrix order.
      column_names: one for each column.
      parsing_spec: for `tf.io.parse_example`, of these features and the weight, no others.
      weight_feature: name of the number that weighs the row; None for weights of 1.
    """

    features: tuple[Feature, ...]
    column_names: tuple[str, ...]
    parsing_spec: Mapping[str, tf.io.FixedLenFeature]
    weight_feature: str | None = None

    @property
    def width(self) -> int:
        """d, the number of columns."""
        return sum(feature.width for feature in self.features)


def choose_layout(
    feature_spec: Mapping[str, Any],
    features: Sequence[str] | None = None,
    exclude_features: Sequence[str] = (),
    weight_feature: str | None = None,
    column_names: Sequence[str] | None = None,
) -> FeatureLayout:
    """Lays out the chosen features in sorted name order.

    Args:
      feature_spec: name to parsing spec, of a Transform graph's output or a schema.
      features: the ones to use; None for every dense numeric one.
      exclude_features: left out of that default, or of `features`.
      weight_feature: the scalar that weighs each row; never part of the row.
      column_names: a name for every column in matrix order, instead of those derived.

    Raises:
      ValueError: naming the features that are missing or cannot be used, and those that can.
    """
    excluded = {*exclude_features, *([weight_feature] if weight_feature else [])}
    usable = {name for name, spec in feature_spec.items() if _is_dense_numeric(spec)}
    _refuse_unknown('exclude_features', exclude_features, feature_spec)
    if features is None:
        chosen = usable - excluded
    else:
        _refuse_unknown('features', features, feature_spec)
        chosen = set(features) - excluded
        _refuse_unusable(chosen - usable, feature_spec, usable)
    if not chosen:
        raise ValueError(
            'No feature is left to cluster by. Dense numeric features: '
            f'{_listed(usable)}; left out: {_listed(excluded)}.'
        )
    laid_out = _in_columns(sorted(chosen), feature_spec)
    weight = _checked_weight(weight_feature, feature_spec)
    return FeatureLayout(
        features=laid_out,
        column_names=_column_names(laid_out, column_names),
        parsing_spec={name: feature_spec[name] for name in [*sorted(chosen), *weight]},
        weight_feature=weight_feature,
    )


def _is_dense_numeric(spec: Any) -> bool:
    return (
        isinstance(spec, tf.io.FixedLenFeature)
        and tf.as_dtype(spec.dtype) in _NUMERIC
        and all(isinstance(size, int) and size > 0 for size in spec.shape)
    )


def _in_columns(names: Sequence[str], feature_spec: Mapping[str, Any]) -> tuple[Feature, ...]:
    placed: list[Feature] = []
    for name in names:
        spec = feature_spec[name]
        first = placed[-1].first_column + placed[-1].width if placed else 0
        dtype = tf.as_dtype(spec.dtype).name
        placed.append(Feature(name, first, tuple(int(size) for size in spec.shape), dtype))
    return tuple(placed)


def _column_names(
    features: Sequence[Feature], column_names: Sequence[str] | None
) -> tuple[str, ...]:
    derived = tuple(name for feature in features for name in feature.column_names())
    if column_names is None:
        return derived
    if len(column_names) != len(derived):
        raise ValueError(
            f'column_names has {len(column_names)} names, but the rows have {len(derived)} '
            f'columns: {_listed(derived)}.'
        )
    return tuple(column_names)


def _checked_weight(weight_feature: str | None, feature_spec: Mapping[str, Any]) -> list[str]:
    if weight_feature is None:
        return []
    _refuse_unknown('weight_feature', [weight_feature], feature_spec)
    spec = feature_spec[weight_feature]
    if not _is_dense_numeric(spec) or math.prod(spec.shape) != 1:
        raise ValueError(
            f'weight_feature {weight_feature!r} must be one dense number for each row, but it is '
            f'{_described(spec)}.'
        )
    return [weight_feature]


def _refuse_unknown(parameter: str, names: Sequence[str], feature_spec: Mapping[str, Any]) -> None:
    unknown = [name for name in names if name not in feature_spec]
    if unknown:
        raise ValueError(
            f'{parameter} names {_listed(unknown)}, which the data does not have. It has: '
            f'{_listed(feature_spec)}.'
        )


def _refuse_unusable(names: set[str], feature_spec: Mapping[str, Any], usable: set[str]) -> None:
    if names:
        found = '; '.join(f'{name!r} is {_described(feature_spec[name])}' for name in sorted(names))
        raise ValueError(
            f'k-means needs dense numeric features, but {found}. Usable as they are: '
            f'{_listed(usable)}. Transform can make the others dense and numeric, for example '
            'with tft.compute_and_apply_vocabulary and tf.one_hot, or tf.sparse.to_dense.'
        )


def _described(spec: Any) -> str:
    kinds = {
        tf.io.FixedLenFeature: 'a dense feature',
        tf.io.VarLenFeature: 'a feature of varying length',
        tf.io.SparseFeature: 'a sparse feature',
        tf.io.RaggedFeature: 'a ragged feature',
    }
    kind = kinds.get(type(spec), f'a {type(spec).__name__}')
    shape = f' and shape {list(spec.shape)}' if hasattr(spec, 'shape') else ''
    return f'{kind} of type {tf.as_dtype(spec.dtype).name}{shape}'


def _listed(names: Any) -> str:
    return ', '.join(map(repr, sorted(names))) or 'none'
