"""Layout of the features in the columns of a row, and the names of the columns."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfx_kmeans.errors import ParameterError

TRANSFORM_GRAPH, SCHEMA, EXAMPLES = ORIGINS = ('transform_graph', 'schema', 'examples')
"""Origins of parsing specs; without a Transform graph or schema, the first examples."""

_NUMERIC = (tf.float32, tf.int64)
_REMEDIES = {
    TRANSFORM_GRAPH: (
        'Make it dense in the preprocessing_fn, for example with tf.sparse.to_dense and a default '
        'value'
    ),
    SCHEMA: (
        'Give it a fixed shape in the schema (SchemaGen with infer_feature_shape=True infers one '
        'if no example lacks the feature; otherwise import an edited schema), or make it dense in '
        'Transform'
    ),
    EXAMPLES: 'Connect a schema in which it has a fixed shape, or make it dense in Transform',
}


@dataclasses.dataclass(frozen=True)
class Feature:
    """A dense numeric feature and its position in a row.

    Attributes:
      name: Name of the feature in the tf.Example.
      first_column: Index of the column with the first value of the feature.
      shape: Shape of the feature in one example; () for a scalar.
      dtype: Type of the feature, 'float32' or 'int64'.
    """

    name: str
    first_column: int
    shape: tuple[int, ...]
    dtype: str

    @property
    def width(self) -> int:
        """Number of columns that the feature takes up."""
        return math.prod(self.shape)

    @property
    def columns(self) -> slice:
        """Columns that the feature takes up."""
        return slice(self.first_column, self.first_column + self.width)

    def column_names(self) -> list[str]:
        """Column names: the feature name for a scalar, `name[i]` for each value otherwise."""
        if not self.shape:
            return [self.name]
        return [f'{self.name}[{index}]' for index in range(self.width)]


@dataclasses.dataclass(frozen=True)
class FeatureLayout:
    """The features that make up a row, and the feature that holds its weight.

    Attributes:
      features: Features of a row, in column order.
      column_names: Name of each column.
      parsing_spec: Parsing specs for `tf.io.parse_example`, of these features and the weight only.
      weight_feature: Name of the feature with the row's weight; None if every weight is 1.
      offset: Vector to subtract from the values before they are rounded, float64 [d], or None.
      dtype: Type of the rows: float32, or float64 to see what rounding would change.
      left_out: Features that are not used, with the reason for each; empty if the features to use
        were named.
    """

    features: tuple[Feature, ...]
    column_names: tuple[str, ...]
    parsing_spec: Mapping[str, tf.io.FixedLenFeature]
    weight_feature: str | None = None
    offset: np.ndarray | None = None
    dtype: type[np.floating] = np.float32
    left_out: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def width(self) -> int:
        """Number of columns, d."""
        return sum(feature.width for feature in self.features)

    def may_be_rounded(self, in_examples: bool = True) -> bool:
        """Whether values may not be float32: integers, and floats that are not in tf.Examples."""
        return not in_examples or any(feature.dtype != 'float32' for feature in self.features)


def choose_layout(
    feature_spec: Mapping[str, Any],
    features: Sequence[str] | None = None,
    exclude_features: Sequence[str] = (),
    weight_feature: str | None = None,
    column_names: Sequence[str] | None = None,
    *,
    origin: str = SCHEMA,
) -> FeatureLayout:
    """Lays out the chosen features in the sorted order of their names.

    Args:
      feature_spec: Parsing specs by feature name, of the output of a Transform graph or of a
        schema.
      features: Names of the features to use; None for every dense numeric feature.
      exclude_features: Names of features to leave out of `features` or of its default.
      weight_feature: Name of the scalar feature with the weight of each row, which is never a
        column itself.
      column_names: Name of every column, in column order, instead of the derived names.
      origin: Origin of the parsing specs, one of ORIGINS, for error messages.

    Raises:
      ParameterError: If a named feature is missing or cannot be used; names the feature and those
        that can be used. Also if `features` is None and a numeric feature that is not excluded has
        no fixed shape; names it and what to do. Also if no feature is left, if the weight feature
        is not a dense scalar, or if the number of column names is wrong.
    """
    excluded = {*exclude_features, *([weight_feature] if weight_feature else [])}
    usable = {name for name, spec in feature_spec.items() if _is_dense_numeric(spec)}
    _check_known('exclude_features', exclude_features, feature_spec)
    weight = _checked_weight(weight_feature, feature_spec)
    left_out: dict[str, str] = {}
    if features is None:
        chosen = usable - excluded
        _refuse_without_shape(feature_spec, usable | excluded, origin)
        left_out = {
            name: _reason_to_leave_out(name, feature_spec[name], weight_feature, exclude_features)
            for name in sorted(set(feature_spec) - chosen)
        }
    else:
        _check_known('features', features, feature_spec)
        chosen = set(features) - excluded
        _check_all_usable(chosen - usable, feature_spec, usable, origin)
    if not chosen:
        raise ParameterError(
            f'No features are left for clustering. Dense numeric features: {_listed(usable)}; '
            f'excluded: {_listed(excluded)}. Use at least one dense numeric feature.'
        )
    laid_out = _in_columns(sorted(chosen), feature_spec)
    return FeatureLayout(
        features=laid_out,
        column_names=_column_names(laid_out, column_names),
        parsing_spec={name: feature_spec[name] for name in [*sorted(chosen), *weight]},
        weight_feature=weight_feature,
        left_out=left_out,
    )


def _refuse_without_shape(
    feature_spec: Mapping[str, Any], others: Collection[str], origin: str
) -> None:
    """Refuses numeric features without a fixed shape, which would be left out unnoticed."""
    found = sorted(
        name for name, spec in feature_spec.items() if _is_numeric(spec) and name not in others
    )
    if found:
        described = '; '.join(
            f'{name!r} is {_described(feature_spec[name], origin)}' for name in found
        )
        raise ParameterError(
            f'k-means needs features of a fixed shape, but {described}. {_REMEDIES[origin]}, or '
            'name it in exclude_features to leave it out.'
        )


def _reason_to_leave_out(
    name: str, spec: Any, weight_feature: str | None, exclude_features: Sequence[str]
) -> str:
    if name == weight_feature:
        return 'the weight of the rows'
    if name in exclude_features:
        return 'named in exclude_features'
    is_empty = isinstance(spec, tf.io.FixedLenFeature) and 0 in spec.shape
    return 'without any value' if is_empty else f'of type {tf.as_dtype(spec.dtype).name}'


def _is_numeric(spec: Any) -> bool:
    return tf.as_dtype(spec.dtype) in _NUMERIC


def _is_dense_numeric(spec: Any) -> bool:
    return (
        isinstance(spec, tf.io.FixedLenFeature)
        and _is_numeric(spec)
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
        raise ParameterError(
            f'column_names has {len(column_names)} names, but each row has {len(derived)} columns: '
            f'{_listed(derived)}. Give one name for each column.'
        )
    return tuple(column_names)


def _checked_weight(weight_feature: str | None, feature_spec: Mapping[str, Any]) -> list[str]:
    if weight_feature is None:
        return []
    _check_known('weight_feature', [weight_feature], feature_spec)
    spec = feature_spec[weight_feature]
    if not _is_dense_numeric(spec) or math.prod(spec.shape) != 1:
        raise ParameterError(
            f'weight_feature {weight_feature!r} must have one dense number per row, but it is '
            f'{_described(spec)}.'
        )
    return [weight_feature]


def _check_known(parameter: str, names: Sequence[str], feature_spec: Mapping[str, Any]) -> None:
    unknown = [name for name in names if name not in feature_spec]
    if unknown:
        raise ParameterError(
            f'{parameter} names {_listed(unknown)}, but the data has no such feature. Available '
            f'features: {_listed(feature_spec)}.'
        )


def _check_all_usable(
    unusable: set[str], feature_spec: Mapping[str, Any], usable: set[str], origin: str
) -> None:
    if unusable:
        found = '; '.join(
            f'{name!r} is {_described(feature_spec[name], origin)}' for name in sorted(unusable)
        )
        raise ParameterError(
            f'k-means needs dense numeric features, but {found}. Features that can be used as they '
            f'are: {_listed(usable)}. Make the other features dense and numeric in Transform, for '
            'example with tft.compute_and_apply_vocabulary and tf.one_hot, or tf.sparse.to_dense.'
        )


def _described(spec: Any, origin: str = SCHEMA) -> str:
    if origin == EXAMPLES and not isinstance(spec, tf.io.FixedLenFeature):
        return f'missing or empty in the first example (others have {tf.as_dtype(spec.dtype).name})'
    kinds = {
        tf.io.FixedLenFeature: 'a dense feature',
        tf.io.VarLenFeature: 'a variable-length feature',
        tf.io.SparseFeature: 'a sparse feature',
        tf.io.RaggedFeature: 'a ragged feature',
    }
    kind = kinds.get(type(spec), f'a {type(spec).__name__}')
    shape = f' and shape {list(spec.shape)}' if hasattr(spec, 'shape') else ''
    return f'{kind} of type {tf.as_dtype(spec.dtype).name}{shape}'


def _listed(names: Any) -> str:
    return ', '.join(map(repr, sorted(names))) or 'none'
