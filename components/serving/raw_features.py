"""Raw features: how they are parsed from tf.Examples, and what they look like as dense tensors."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

Tensors = Mapping[str, Any]

# What stands for a value that is not there. As a parsing default it must be told from every value
# that data may hold, so it is a NaN with bits of its own, and a string that nobody writes.
_MISSING_BITS = 0x7FC5_0BAD
_MISSING_STRING = b'\x00 tfx_kmeans: missing'
_MISSING_INTEGER = int(np.iinfo(np.int64).min)


class UnservableFeatureError(ValueError):
    """A raw feature that has no form as one dense tensor."""


@dataclasses.dataclass(frozen=True)
class RawFeature:
    """A feature of the raw tf.Examples.

    Attributes:
      name: its name there.
      spec: how it is parsed: FixedLenFeature, VarLenFeature, ...
      single: whether an example has at most one value of it, where `spec` does not say.
    """

    name: str
    spec: Any
    single: bool = False

    @property
    def dtype(self) -> tf.DType:
        """tf.float32, tf.int64 or tf.string."""
        return tf.as_dtype(self.spec.dtype)

    @property
    def required(self) -> bool:
        """Whether an example without it cannot be clustered."""
        return isinstance(self.spec, tf.io.FixedLenFeature) and self.spec.default_value is None

    @property
    def parsing_spec(self) -> Any:
        """`spec`, with a default that marks what is missing where the feature is required."""
        if not self.required:
            return self.spec
        shape = [int(size) for size in self.spec.shape]
        return tf.io.FixedLenFeature(shape, self.dtype, np.full(shape, _marker(self.dtype)))

    @property
    def dense_spec(self) -> tf.TensorSpec:
        """As one dense tensor, the first dimension the batch.

        Raises:
          UnservableFeatureError: for sparse and nested ragged features.
        """
        if isinstance(self.spec, tf.io.FixedLenFeature):
            return tf.TensorSpec([None, *self.spec.shape], self.dtype)
        if isinstance(self.spec, tf.io.VarLenFeature) or _is_flat_ragged(self.spec):
            return tf.TensorSpec([None] if self.single else [None, None], self.dtype)
        raise UnservableFeatureError(
            f'The raw feature {self.name!r} is a {type(self.spec).__name__}, which has no form as '
            'one dense tensor.'
        )

    def of_dense(self, values: tf.Tensor) -> Any:
        """A tensor like `dense_spec` as parsing would have given it.

        Where the feature is of varying length, what is missing is left out: NaN, the empty string,
        the smallest int64.
        """
        values = shaped(values, self.dense_spec, self.name)
        if isinstance(self.spec, tf.io.FixedLenFeature):
            return values
        values = values[:, tf.newaxis] if self.single else values
        present = tf.logical_not(_is_blank(values))
        if isinstance(self.spec, tf.io.VarLenFeature):
            return tf.SparseTensor(
                tf.where(present),
                tf.boolean_mask(values, present),
                tf.shape(values, out_type=tf.int64),
            )
        ragged = tf.ragged.boolean_mask(values, present)
        return ragged.with_row_splits_dtype(self.spec.row_splits_dtype)

    def to_dense(self, parsed: Any) -> tf.Tensor:
        """What parsing gave as a tensor like `dense_spec`; the inverse of `of_dense`."""
        if isinstance(parsed, tf.SparseTensor):
            if self.single:  # rows without the value make the dense form narrower than one column
                parsed = tf.sparse.reset_shape(parsed, [parsed.dense_shape[0], 1])
            parsed = tf.sparse.to_dense(parsed, default_value=_blank(self.dtype))
        elif isinstance(parsed, tf.RaggedTensor):
            width = [None, 1] if self.single else None
            parsed = parsed.to_tensor(default_value=_blank(self.dtype), shape=width)
        return parsed[:, 0] if self.single else parsed


def shaped(values: tf.Tensor, spec: tf.TensorSpec, name: str) -> tf.Tensor:
    """The same; an error that names the input where a server is given another shape."""
    safe = re.sub(r'\W', '_', name)
    return tf.ensure_shape(values, spec.shape, name=f'shape_of_{safe}')


def raw_features_of(specs: Mapping[str, Any], schema: Any) -> dict[str, RawFeature]:
    """By name; whether a feature has a single value is looked up in the schema's value_count."""
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
    """Serialized tf.Examples to features by name, and which of them lack a required feature.

    Args:
      serialized: string [n].
      features: what to parse.
      needed: names of those without which an example is incomplete.

    Returns:
      The features, 0 or the empty string where a required one is missing; and bool [n].
    """
    wanted = {feature.name: feature for feature in features}
    parsed = tf.io.parse_example(serialized, {name: f.parsing_spec for name, f in wanted.items()})
    return without_marks(parsed, wanted, needed, tf.size(serialized))


def without_marks(
    given: Tensors, features: Mapping[str, RawFeature], needed: Collection[str], count: tf.Tensor
) -> tuple[Tensors, tf.Tensor]:
    """Replaces what stands for a required feature that is missing, and says where that was.

    Args:
      given: features by name, as parsed.
      features: what they are.
      needed: as in `parse`.
      count: of the rows.

    Returns:
      As `parse`.
    """
    incomplete = tf.zeros([count], tf.bool)
    found = dict(given)
    for dtype in (tf.float32, tf.int64, tf.string):
        alike = [
            name
            for name, feature in features.items()
            if feature.required and feature.dtype == dtype and math.prod(feature.spec.shape)
        ]
        if alike:
            firsts = [_first_value(found[name], features[name]) for name in alike]
            counts = tf.constant([name in needed for name in alike])
            missing = _is_marked(tf.stack(firsts, axis=1)) & counts
            incomplete |= tf.reduce_any(missing, axis=1)
            found.update({name: _unmarked(found[name]) for name in alike})
    return found, incomplete


def _first_value(values: tf.Tensor, feature: RawFeature) -> tf.Tensor:
    return tf.reshape(values, [-1, math.prod(feature.spec.shape)])[:, 0]


def _marker(dtype: tf.DType) -> Any:
    if dtype == tf.float32:
        return np.uint32(_MISSING_BITS).view(np.float32)
    return _MISSING_STRING if dtype == tf.string else np.int64(_MISSING_INTEGER)


def _is_marked(values: tf.Tensor) -> tf.Tensor:
    if values.dtype == tf.float32:
        return tf.equal(tf.bitcast(values, tf.int32), _MISSING_BITS)
    return tf.equal(values, _marker(values.dtype))


def _unmarked(values: tf.Tensor) -> tf.Tensor:
    blank = tf.constant(b'' if values.dtype == tf.string else 0, values.dtype)
    return tf.where(_is_marked(values), blank, values)


def _blank(dtype: tf.DType) -> Any:
    if dtype == tf.float32:
        return np.float32(np.nan)
    return b'' if dtype == tf.string else _MISSING_INTEGER


def _is_blank(values: tf.Tensor) -> tf.Tensor:
    if values.dtype == tf.float32:
        return tf.math.is_nan(values)
    return tf.equal(values, _blank(values.dtype))


def _is_flat_ragged(spec: Any) -> bool:
    return isinstance(spec, tf.io.RaggedFeature) and not spec.partitions
