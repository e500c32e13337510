"""The user's own way from tensors to raw features, as a signature of its own."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from tfx_kmeans.serving.raw_features import RawFeature, Tensors

Answer = Callable[[Tensors], dict[str, tf.Tensor]]


class ServingInputError(ValueError):
    """A serving_input_fn that does not give what the model needs."""


class ServingInput:
    """A function from tensors to raw features.

    What a serving_input_receiver_fn was to the Estimator. Its parameters are the inputs of the
    signature, one tensor each, described by a tf.TensorSpec as annotation or default; a parameter
    without is a batch of strings. It returns the raw features by name, as parsing tf.Examples would
    give them, or, for what is of varying length, as dense tensors.
    """

    def __init__(self, name: str, function: Callable[..., Any]) -> None:
        """Args:
          name: as the user gave it, for messages.
          function: the function, or a tf.function with an input_signature.

        Raises:
          ServingInputError: where its parameters cannot be the inputs of a signature.
        """
        self._name = name
        self._function = function
        self.specs = self._input_specs()

    def _input_specs(self) -> list[tf.TensorSpec]:
        signature = getattr(self._function, 'input_signature', None)
        parameters = list(
            inspect.signature(self._python_function(), eval_str=True).parameters.values()
        )
        plain = all(p.kind in (p.POSITIONAL_OR_KEYWORD, p.POSITIONAL_ONLY) for p in parameters)
        if not parameters or not plain:
            raise ServingInputError(
                f'serving_input_fn {self._name!r} must take one or more tensors as named '
                'parameters; its signature is '
                f'{inspect.signature(self._python_function())}.'
            )
        described = signature or [_described(parameter) for parameter in parameters]
        return [
            tf.TensorSpec(spec.shape, spec.dtype, parameter.name)
            for spec, parameter in zip(described, parameters, strict=True)
        ]

    def _python_function(self) -> Callable[..., Any]:
        return getattr(self._function, 'python_function', self._function)

    def signature(self, features: Mapping[str, RawFeature], answer: Answer) -> Any:
        """The concrete function.

        Args:
          features: the raw features that are needed.
          answer: raw features, as parsing gives them, to outputs.

        Raises:
          ServingInputError: where features are missing, or of another type or shape.
        """

        def on_inputs(*tensors: tf.Tensor) -> dict[str, tf.Tensor]:
            given = self._function(*tensors)
            if not isinstance(given, Mapping):
                raise ServingInputError(
                    f'serving_input_fn {self._name!r} must return a dict of raw features, but it '
                    f'returns {type(given).__name__!r}.'
                )
            missing = sorted(set(features) - set(given))
            if missing:
                raise ServingInputError(
                    f'serving_input_fn {self._name!r} does not return '
                    f'{", ".join(map(repr, missing))}, which the model needs. It returns: '
                    f'{", ".join(map(repr, sorted(given)))}.'
                )
            return answer({name: self._fitting(features[name], given[name]) for name in features})

        return tf.function(
            on_inputs, input_signature=self.specs, autograph=False
        ).get_concrete_function()

    def _fitting(self, feature: RawFeature, given: Any) -> Any:
        tensor = given if tf.is_tensor(given) else tf.convert_to_tensor(given)
        expected = feature.dense_spec
        if tensor.dtype != expected.dtype or not tensor.shape.is_compatible_with(expected.shape):
            composite = not isinstance(tensor, tf.Tensor) and tensor.dtype == expected.dtype
            if not composite:
                raise ServingInputError(
                    f'serving_input_fn {self._name!r} returns {feature.name!r} as '
                    f'{tensor.dtype.name} {tensor.shape}, but the model needs '
                    f'{expected.dtype.name} {expected.shape}.'
                )
        return feature.of_dense(tensor) if isinstance(tensor, tf.Tensor) else tensor


def _described(parameter: inspect.Parameter) -> tf.TensorSpec:
    for description in (parameter.annotation, parameter.default):
        if isinstance(description, tf.TensorSpec):
            return description
    return tf.TensorSpec([None], tf.string)
