"""CentroidExporter: centroids in, a SavedModel out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import component_spec, standard_artifacts

from tfx_kmeans import names
from tfx_kmeans.artifacts import KMeansCentroids
from tfx_kmeans.centroid_exporter.executor import Executor
from tfx_kmeans.centroid_exporter.options import ExporterOptions
from tfx_kmeans.parameters import encode, execution_parameters, is_deferred
from tfx_kmeans.serving.precision import FLOAT32


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
      model: `Model`, with the signatures `examples`, `raw`, `features`, `all_distances`,
        `cluster_index`, `preprocess` and `serving_default`; custom properties `fingerprint`,
        `precision` and, where that is not float32, `changed_assignments` and `compared_rows`.
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
        precision: str = FLOAT32,
        default_signature: str = names.EXAMPLES_SIGNATURE,
        passthrough_features: Sequence[str] = (),
        serving_input_fn: str | None = None,
        assets_extra: Mapping[str, str] | Sequence[str] | str | None = None,
        as_text: bool = False,
        strip_default_attrs: bool = True,
        warmup: int = 0,
    ) -> None:
        """Builds the node.

        Args:
          centroids: of a KMeansTrainer.
          transform_graph: the one that the trainer was given.
          schema: of the raw examples, where there is no Transform.
          examples: raw ones, of ExampleGen; for `warmup` and `precision`. Their eval split is
            used, or all of them where there is none.
          precision: of the stored centroids: 'float32'; 'float16', half as large; or 'int8', a
            quarter, with a scale for each centroid. How many assignments change is measured.
          default_signature: what `serving_default` is: 'examples' (serialized tf.Examples), 'raw'
            (one input for each raw feature) or 'features' (rows that are transformed already).
          passthrough_features: names of raw features, such as an id, that come back beside the
            answers of `examples`, `raw` and `serving_input`.
          serving_input_fn: 'module:function', importable where the component runs: tensors in, a
            dict of raw features out. Becomes the signature `serving_input` (see docs/serving.md).
          assets_extra: files to copy into the model's assets.extra: a folder, a list of files, or
            a dict of names there to files, as the Estimator took it.
          as_text: write the graph as assets.extra/saved_model.pbtxt, too.
          strip_default_attrs: leave out attributes of operations that have their default values.
          warmup: how many examples to write as requests that TensorFlow Serving warms up with.

        Raises:
          ValueError: naming the parameter, what was given and what is allowed.
        """
        if transform_graph is None and schema is None:
            raise ValueError(
                'CentroidExporter needs the transform_graph or the schema that the trainer was '
                'given, to turn tf.Examples into rows.'
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
        _refuse_missing_examples(given, examples)
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


def _refuse_missing_examples(given: Mapping[str, Any], examples: types.BaseChannel | None) -> None:
    known = {name: value for name, value in given.items() if not is_deferred(value)}
    needing = ExporterOptions(**known).needs_examples
    if needing is not None and examples is None:
        raise ValueError(
            f'{needing} needs examples: give the raw ones, for example '
            "examples=example_gen.outputs['examples']."
        )
