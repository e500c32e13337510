"""CentroidExporter, the TFX component that exports centroids as a SavedModel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import component_spec, standard_artifacts

from tfx_kmeans.artifacts import KMeansCentroids
from tfx_kmeans.centroid_exporter.executor import Executor
from tfx_kmeans.centroid_exporter.options import ExporterOptions
from tfx_kmeans.errors import ParameterError
from tfx_kmeans.parameters import encode, execution_parameters, is_deferred


class CentroidExporterSpec(types.ComponentSpec):  # type: ignore[misc]
    """Inputs, outputs and parameters of CentroidExporter."""

    PARAMETERS = execution_parameters(ExporterOptions)
    INPUTS = {
        'centroids': component_spec.ChannelParameter(type=KMeansCentroids),
        'transform_graph': component_spec.ChannelParameter(
            type=standard_artifacts.TransformGraph, optional=True
        ),
        'schema': component_spec.ChannelParameter(type=standard_artifacts.Schema, optional=True),
        'examples': component_spec.ChannelParameter(
            type=standard_artifacts.Examples, optional=True
        ),
    }
    OUTPUTS = {'model': component_spec.ChannelParameter(type=standard_artifacts.Model)}


class CentroidExporter(base_component.BaseComponent):  # type: ignore[misc]
    """Writes centroids and preprocessing as one SavedModel, in the layout that Pusher expects.

    Outputs:
      model: `Model` with the signatures `examples`, `raw`, `features`, `all_distances`,
        `cluster_index`, `preprocess` and `serving_default`, and `serving_input` if
        `serving_input_fn` is given. Its custom properties are `fingerprint`, `precision` and, if
        the precision is not float32, `changed_assignments` and `compared_rows`.
    """

    SPEC_CLASS = CentroidExporterSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        centroids: types.BaseChannel,
        transform_graph: types.BaseChannel | None = None,
        schema: types.BaseChannel | None = None,
        examples: types.BaseChannel | None = None,
        *,
        precision: str = ExporterOptions.precision,
        default_signature: str = ExporterOptions.default_signature,
        passthrough_features: Sequence[str] = ExporterOptions.passthrough_features,
        serving_input_fn: str | None = ExporterOptions.serving_input_fn,
        assets_extra: Mapping[str, str] | Sequence[str] | str | None = ExporterOptions.assets_extra,
        as_text: bool = ExporterOptions.as_text,
        strip_default_attrs: bool = ExporterOptions.strip_default_attrs,
        warmup: int = ExporterOptions.warmup,
    ) -> None:
        """Creates the pipeline node.

        Args:
          centroids: Centroids written by a KMeansTrainer.
          transform_graph: TransformGraph that the trainer was given.
          schema: Schema of the raw examples, for pipelines without Transform.
          examples: Raw examples of an ExampleGen, needed for `warmup` and for a `precision` other
            than 'float32'. Their eval split is used, or all splits if they have no eval split.
          precision: Precision of the stored centroids: 'float32', 'float16' (half the size) or
            'int8' (a quarter of the size, with one scale per centroid). For a reduced precision,
            the share of changed assignments is measured.
          default_signature: Signature that `serving_default` is a copy of: 'examples' (serialized
            tf.Examples), 'raw' (one input per raw feature) or 'features' (transformed rows).
          passthrough_features: Names of raw features, such as an id, to return unchanged in
            addition to the answers of `examples`, `raw` and `serving_input`.
          serving_input_fn: Function from tensors to a dict of raw features, given as
            'module:function' and importable where the component runs. Adds the signature
            `serving_input` (see docs/serving.md).
          assets_extra: Files to copy to assets.extra in the model: a folder, a list of files and
            folders, or a dict from names in assets.extra to files or folders, as for an Estimator.
          as_text: Whether to write the graph as assets.extra/saved_model.pbtxt as well.
          strip_default_attrs: Whether to leave out attributes of operations with default values.
          warmup: Number of examples to write as warmup requests for TensorFlow Serving.

        Raises:
          ParameterError: If a parameter has an invalid value, or a required input is missing;
            names the parameter, the value and what is allowed.
        """
        if transform_graph is None and schema is None:
            raise ParameterError(
                'CentroidExporter needs the transform_graph or the schema that the trainer was '
                'given, in order to convert tf.Examples to rows.'
            )
        given = {
            'precision': precision,
            'default_signature': default_signature,
            'passthrough_features': passthrough_features,
            'serving_input_fn': serving_input_fn,
            'assets_extra': assets_extra,
            'as_text': as_text,
            'strip_default_attrs': strip_default_attrs,
            'warmup': warmup,
        }
        encoded = encode(ExporterOptions, given)
        _check_examples(given, examples)
        super().__init__(
            spec=CentroidExporterSpec(
                centroids=centroids,
                transform_graph=transform_graph,
                schema=schema,
                examples=examples,
                model=types.Channel(type=standard_artifacts.Model),
                **encoded,
            )
        )


def _check_examples(given: Mapping[str, Any], examples: types.BaseChannel | None) -> None:
    known = {name: value for name, value in given.items() if not is_deferred(value)}
    reason = ExporterOptions(**known).needs_examples
    if reason is not None and examples is None:
        raise ParameterError(
            f'{reason} needs examples: give the raw examples, for example '
            "examples=example_gen.outputs['examples']."
        )
