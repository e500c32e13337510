"""User-defined serving inputs: functions from tensors to raw features, as a signature."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from tfx_kmeans.errors import ServingInputError
from tfx_kmeans.serving.raw_features import RawFeature, Tensors

Answer = Callable[[Tensors], dict[str, tf.Tensor]]


class ServingInput:
    """A function from tensors to raw features.

    Corresponds to the serving_input_receiver_fn of an Estimator. The parameters of the function
    are the inputs of the signature, one tensor each. Type and shape of a parameter are given by a
    tf.TensorSpec as its annotation or default; a parameter without one is a batch of strings. The
    function returns the raw features by name, in the form in which parsing tf.Examples returns
    them. Variable-length features may also be dense tensors.

    Attributes:
      specs: Specs of the inputs, in the order of the parameters.
    """

    def __init__(self, name: str, function: Callable[..., Any]) -> None:
        """Inspects the parameters of the function.

        Args:
          name: Name of the function as given by the user, for error messages.
          function: Python function, or a tf.function with an input_signature.

        Raises:
          ServingInputError: If the parameters cannot be the inputs of a signature.
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
                'parameters, but its signature is '
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
        """Traces the function, followed by `answer`, as the concrete function of a signature.

        Args:
          features: Raw features that the model needs, by name.
          answer: Function from raw features, in the form in which parsing returns them, to the
            outputs of the model.

        Raises:
          ServingInputError: If features are missing, or have another type or shape.
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
