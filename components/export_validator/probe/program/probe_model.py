"""A loaded model whose signatures can be called."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from probe_arrays import Arrays, joined
from probe_protocol import BATCH_SIZE


class LoadedModel:
    """A SavedModel, loaded as Python clients do."""

    def __init__(self, folder: str) -> None:
        self._model: Any = tf.saved_model.load(folder)

    def call(self, signature: str, inputs: Mapping[str, np.ndarray]) -> Arrays:
        """The outputs of one call of a signature."""
        if signature not in self._model.signatures:
            raise LookupError(f'the model has no signature {signature!r}')
        function = self._model.signatures[signature]
        positional, by_name = function.structured_input_signature
        first = {spec.name or '': spec for spec in positional}  # names that are no Python keywords
        specs = {**by_name, **first}
        given = {name: tf.constant(values, specs[name].dtype) for name, values in inputs.items()}
        answer = function(*[given.pop(name) for name in first], **given)
        return {name: values.numpy() for name, values in answer.items()}

    def call_in_batches(self, signature: str, inputs: Mapping[str, np.ndarray]) -> Arrays:
        """The outputs of a signature for any number of rows."""
        length = len(next(iter(inputs.values())))
        batches = [
            self.call(signature, {name: v[at : at + BATCH_SIZE] for name, v in inputs.items()})
            for at in range(0, max(length, 1), BATCH_SIZE)
        ]
        return {name: joined([batch[name] for batch in batches]) for name in batches[0]}

    def release(self) -> None:
        """Frees the model's memory, which is gigabytes for wide models."""
        self._model = None
        gc.collect()
