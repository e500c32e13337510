"""The signatures that clients of a model rely on."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from tfx_kmeans import names

_PREDICT = 'tensorflow/serving/predict'


@dataclasses.dataclass(frozen=True)
class ExpectedSignature:
    """Inputs and outputs that clients rely on.

    Attributes:
      inputs: Descriptions of the inputs; None for one input for each raw feature.
      outputs: Descriptions of the outputs.
      passes_through: Whether features that are passed through are outputs as well.
      required: Whether every model has the signature.
    """

    inputs: tuple[str, ...] | None
    outputs: tuple[str, ...]
    passes_through: bool = False
    required: bool = True

    def matches(self, definition: Any, passthrough: Sequence[str]) -> bool:
        """Whether a SignatureDef is as expected."""
        passed = set(passthrough) if self.passes_through else set()
        answers = {key: value for key, value in definition.outputs.items() if key not in passed}
        return (
            definition.method_name == _PREDICT
            and passed <= set(definition.outputs)
            and _tensors(answers) == self.outputs
            and all(map(_is_batch, definition.outputs.values()))
            and all(map(_is_batch, definition.inputs.values()))
            and self.inputs in (None, _tensors(definition.inputs))
        )

    def __str__(self) -> str:
        inputs = ', '.join(self.inputs or ('one for each raw feature',))
        passed = ', and the features passed through' if self.passes_through else ''
        return f'({inputs}) -> {", ".join(self.outputs)}{passed}'


def expected_signatures(
    width: int, num_clusters: int, row_type: str = 'float32'
) -> dict[str, ExpectedSignature]:
    """The signatures by name, except `serving_default`, a copy of one of them.

    Args:
      width: Number of columns.
      num_clusters: Number of clusters.
      row_type: Type of the rows, float32 or (of wide numbers) float64.
    """
    index, distance = f'{names.CLUSTER_INDEX}: int64 [None]', f'{names.DISTANCE}: float32 [None]'
    rows = (f'{names.FEATURES_SIGNATURE}: {row_type} [None, {width}]',)
    examples = (f'{names.EXAMPLES_SIGNATURE}: string [None]',)
    to_all = (f'{names.ALL_DISTANCES}: float32 [None, {num_clusters}]',)
    return {
        names.EXAMPLES_SIGNATURE: ExpectedSignature(examples, (index, distance), True),
        names.RAW_SIGNATURE: ExpectedSignature(None, (index, distance), True, required=False),
        names.FEATURES_SIGNATURE: ExpectedSignature(rows, (index, distance)),
        names.ALL_DISTANCES: ExpectedSignature(examples, to_all),
        names.CLUSTER_INDEX: ExpectedSignature(examples, (index,)),
        names.PREPROCESS_SIGNATURE: ExpectedSignature(examples, rows),
    }


def kind_of_default(definition: Any) -> str:
    """The signature whose inputs a SignatureDef of `serving_default` has."""
    inputs = set(definition.inputs)
    for kind in (names.EXAMPLES_SIGNATURE, names.FEATURES_SIGNATURE):
        if inputs == {kind}:
            return kind
    return names.RAW_SIGNATURE


def described(definition: Any) -> str:
    """Inputs, outputs and method of a SignatureDef, with their types and shapes."""
    inputs, outputs = _tensors(definition.inputs), _tensors(definition.outputs)
    return f'({", ".join(inputs)}) -> {", ".join(outputs)} [{definition.method_name}]'


def inputs_of(definition: Any) -> dict[str, str]:
    """Type and shape of each input of a SignatureDef, by name."""
    return {name: _tensor(info) for name, info in definition.inputs.items()}


def _tensors(infos: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(f'{name}: {_tensor(info)}' for name, info in sorted(infos.items()))


def _tensor(info: Any) -> str:
    shape = [None if dimension.size < 0 else dimension.size for dimension in info.tensor_shape.dim]
    return f'{tf.dtypes.as_dtype(info.dtype).name} {shape}'


def _is_batch(info: Any) -> bool:
    """Whether the size of the first dimension is open."""
    shape = info.tensor_shape
    return not shape.unknown_rank and len(shape.dim) > 0 and shape.dim[0].size == -1
