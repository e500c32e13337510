"""Raw features: their parsing from tf.Examples, and their representation as dense tensors."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfx_kmeans.errors import UnservableFeatureError

Tensors = Mapping[str, Any]

# Markers for missing required values, used as parsing defaults. They must be distinguishable from
# every value in the data: hence a NaN with unusual bits, and a string that data does not contain.
_MISSING_BITS = 0x7FC5_0BAD
_MISSING_STRING = b'\x00 tfx_kmeans: missing'
_MIN_INT64 = int(np.iinfo(np.int64).min)


@dataclasses.dataclass(frozen=True)
class RawFeature:
    """A feature of the raw tf.Examples.

    Attributes:
      name: Name of the feature in the tf.Example.
      spec: Parsing spec: FixedLenFeature, VarLenFeature, ...
      single: Whether an example has at most one value of a variable-length feature.
    """

    name: str
    spec: Any
    single: bool = False

    @property
    def dtype(self) -> tf.DType:
        """Type of the values: tf.float32, tf.int64 or tf.string."""
        return tf.as_dtype(self.spec.dtype)

    @property
    def required(self) -> bool:
        """Whether parsing requires the feature: it has a fixed length and no default value."""
        return isinstance(self.spec, tf.io.FixedLenFeature) and self.spec.default_value is None

    @property
    def parsing_spec(self) -> Any:
        """The parsing spec; a required feature gets a marker of missing values as its default."""
        if not self.required:
            return self.spec
        shape = [int(size) for size in self.spec.shape]
        return tf.io.FixedLenFeature(shape, self.dtype, np.full(shape, _marker(self.dtype)))

    @property
    def scalar(self) -> bool:
        """Whether the feature is required and has one value without further dimensions."""
        return self.required and not self.spec.shape

    @property
    def dense_spec(self) -> tf.TensorSpec:
        """Spec of the feature as one dense tensor, whose first dimension is the batch.

        Raises:
          UnservableFeatureError: If the feature is sparse or a nested ragged feature.
        """
        if isinstance(self.spec, tf.io.FixedLenFeature):
            return tf.TensorSpec([None, *self.spec.shape], self.dtype)
        if isinstance(self.spec, tf.io.VarLenFeature) or _is_flat_ragged(self.spec):
            return tf.TensorSpec([None] if self.single else [None, None], self.dtype)
        raise UnservableFeatureError(
            f'The raw feature {self.name!r} is a {type(self.spec).__name__}, which cannot be '
            'represented as one dense tensor.'
        )

    def of_dense(self, values: tf.Tensor) -> Any:
        """Converts a dense tensor as described by `dense_spec` to the form that parsing returns.

        Blank values (see `blank_of`) at the end of a variable-length feature are padding and are
        left out. Those between values are kept, with their positions.
        """
        values = shaped(values, self.dense_spec, self.name)
        if isinstance(self.spec, tf.io.FixedLenFeature):
            return values
        values = values[:, tf.newaxis] if self.single else values
        lengths = _lengths_without_padding(values)
        if isinstance(self.spec, tf.io.VarLenFeature):
            present = tf.sequence_mask(lengths, tf.shape(values)[1])
            return tf.SparseTensor(
                tf.where(present),
                tf.boolean_mask(values, present),
                tf.shape(values, out_type=tf.int64),
            )
        ragged = tf.RaggedTensor.from_tensor(values, lengths=lengths)
        return ragged.with_row_splits_dtype(self.spec.row_splits_dtype)

    def to_dense(self, parsed: Any) -> tf.Tensor:
        """Converts the result of parsing to a dense tensor as described by `dense_spec`.

        Inverse of `of_dense`: rows of a variable-length feature are padded with blanks.
        """
        if isinstance(parsed, tf.SparseTensor):
            if self.single:  # if no row has a value, the dense form would have no column
                parsed = tf.sparse.reset_shape(parsed, [parsed.dense_shape[0], 1])
            parsed = tf.sparse.to_dense(parsed, default_value=blank_of(self.dtype))
        elif isinstance(parsed, tf.RaggedTensor):
            width = [None, 1] if self.single else None
            parsed = parsed.to_tensor(default_value=blank_of(self.dtype), shape=width)
        return parsed[:, 0] if self.single else parsed


def shaped(values: tf.Tensor, spec: tf.TensorSpec, name: str) -> tf.Tensor:
    """Ensures the shape of an input when a server receives it, with the input's name in the error.

    Args:
      values: Values of the input.
      spec: Spec with the required shape.
      name: Name of the input.
    """
    return tf.ensure_shape(values, spec.shape, name=f'shape_of_{_name_of_operation(name)}')


def _name_of_operation(name: str) -> str:
    """A name in ASCII letters: 'größe (cm)' becomes 'gru00f6u00dfe__cm_'."""
    swapped = re.sub(r'[^\w]', '_', name)
    return ''.join(one if one.isascii() else f'u{ord(one):04x}' for one in swapped)


def raw_features_of(specs: Mapping[str, Any], schema: Any) -> dict[str, RawFeature]:
    """Raw features of a schema, by name.

    Args:
      specs: Parsing specs, by feature name.
      schema: Schema, whose `value_count` determines which variable-length features have a single
        value.
    """
    single = {
        feature.name
        for feature in schema.feature
        if feature.HasField('value_count') and feature.value_count.max == 1
    }
    return {
        name: RawFeature(name, spec, name in single and not isinstance(spec, tf.io.FixedLenFeature))
        for name, spec in specs.items()
    }


def parse(
    serialized: tf.Tensor, features: Iterable[RawFeature], needed: Collection[str]
) -> tuple[Tensors, tf.Tensor]:
    """Parses serialized tf.Examples, and finds those that lack a required feature.

    Args:
      serialized: Serialized tf.Examples, string [n].
      features: Features to parse.
      needed: Names of the features without which an example is incomplete, if they are required.

    Returns:
      The features by name, with 0 or the empty string in place of missing values of required
      features; and whether each example is incomplete, bool [n].
    """
    wanted = {feature.name: feature for feature in features}
    parsed = tf.io.parse_example(serialized, _parsing_specs(wanted))
    return without_marks(parsed, wanted, needed, tf.size(serialized))


def _parsing_specs(features: Mapping[str, RawFeature]) -> dict[str, Any]:
    """Parsing specs, by name; scalars share one default, which saves an operation for each."""
    specs = {name: feature.parsing_spec for name, feature in features.items()}
    scalars = {name: feature.dtype for name, feature in features.items() if feature.scalar}
    defaults = {dtype: tf.constant(_marker(dtype), dtype) for dtype in {*scalars.values()}}
    shared = {
        name: tf.io.FixedLenFeature([], dtype, defaults[dtype]) for name, dtype in scalars.items()
    }
    return {**specs, **shared}


def without_marks(
    given: Tensors, features: Mapping[str, RawFeature], needed: Collection[str], count: tf.Tensor
) -> tuple[Tensors, tf.Tensor]:
    """Replaces the markers of missing required features, and finds the incomplete examples.

    Scalars of one type are dealt with together: models can have thousands of them.

    Args:
      given: Parsed features, by name.
      features: Definitions of the features, by name.
      needed: Names of the features without which an example is incomplete, as for `parse`.
      count: Number of examples.

    Returns:
      The same as `parse`.
    """
    incomplete = tf.zeros([count], tf.bool)
    found = dict(given)
    for dtype in (tf.float32, tf.int64, tf.string):
        alike = {
            name: feature
            for name, feature in features.items()
            if feature.required and feature.dtype == dtype
        }
        scalars = [name for name, feature in alike.items() if feature.scalar]
        if scalars:
            values = tf.stack([found[name] for name in scalars], axis=1)
            incomplete |= _any_missing(values, [name in needed for name in scalars])
            found.update(zip(scalars, tf.unstack(_without_marker(values), axis=1), strict=True))
        arrays = [
            name for name, one in alike.items() if one.spec.shape and math.prod(one.spec.shape)
        ]
        if arrays:
            firsts = tf.stack([_first_value(found[name], alike[name]) for name in arrays], axis=1)
            incomplete |= _any_missing(firsts, [name in needed for name in arrays])
            found.update({name: _without_marker(found[name]) for name in arrays})
    return found, incomplete


def _any_missing(values: tf.Tensor, needed: Sequence[bool]) -> tf.Tensor:
    """Whether any of the needed columns of values [n, m] is a marker: bool [n]."""
    return tf.reduce_any(_is_marker(values) & tf.constant(needed), axis=1)


def _first_value(values: tf.Tensor, feature: RawFeature) -> tf.Tensor:
    return tf.reshape(values, [-1, math.prod(feature.spec.shape)])[:, 0]


def _marker(dtype: tf.DType) -> Any:
    if dtype == tf.float32:
        return np.uint32(_MISSING_BITS).view(np.float32)
    return _MISSING_STRING if dtype == tf.string else np.int64(_MIN_INT64)


def _is_marker(values: tf.Tensor) -> tf.Tensor:
    if values.dtype == tf.float32:
        return tf.equal(tf.bitcast(values, tf.int32), _MISSING_BITS)
    return tf.equal(values, _marker(values.dtype))


def _without_marker(values: tf.Tensor) -> tf.Tensor:
    replacement = tf.constant(b'' if values.dtype == tf.string else 0, values.dtype)
    return tf.where(_is_marker(values), replacement, values)


def blank_of(dtype: tf.DType) -> Any:
    """The value that represents a missing value of a variable-length feature in a dense tensor.

    Args:
      dtype: Type of the feature: tf.float32, tf.int64 or tf.string.

    Returns:
      NaN for floats, the smallest int64 for integers, the empty string for strings.
    """
    if dtype == tf.float32:
        return np.float32(np.nan)
    return b'' if dtype == tf.string else _MIN_INT64


def _is_blank(values: tf.Tensor) -> tf.Tensor:
    if values.dtype == tf.float32:
        return tf.math.is_nan(values)
    return tf.equal(values, blank_of(values.dtype))


def _lengths_without_padding(values: tf.Tensor) -> tf.Tensor:
    """Number of values in each row of [n, m] up to the last one that is not blank: int64 [n]."""
    numbers = tf.range(1, tf.shape(values, out_type=tf.int64)[1] + 1)
    last = tf.where(_is_blank(values), tf.constant(0, tf.int64), numbers)
    return tf.maximum(tf.reduce_max(last, axis=1), 0)


def _is_flat_ragged(spec: Any) -> bool:
    return isinstance(spec, tf.io.RaggedFeature) and not spec.partitions
