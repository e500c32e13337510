"""CentroidExporter: centroids in, a SavedModel out."""

from __future__ import annotations

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import component_spec, standard_artifacts

from tfx_kmeans import names
from tfx_kmeans.artifacts import KMeansCentroids
from tfx_kmeans.centroid_exporter.executor import Executor
from tfx_kmeans.centroid_exporter.options import ExporterOptions
from tfx_kmeans.parameters import encode, execution_parameters


class CentroidExporterSpec(types.ComponentSpec):  # type: ignore[misc]
    """Inputs, outputs and parameters of CentroidExporter."""

    PARAMETERS = execution_parameters(ExporterOptions)
    INPUTS = {
        'centroids': component_spec.ChannelParameter(type=KMeansCentroids),
        'transform_graph': component_spec.ChannelParameter(
            type=standard_artifacts.TransformGraph, optional=True
        ),
        'schema': component_spec.ChannelParameter(type=standard_artifacts.Schema, optional=True),
    }
    OUTPUTS = {'model': component_spec.ChannelParameter(type=standard_artifacts.Model)}


class CentroidExporter(base_component.BaseComponent):  # type: ignore[misc]
    """Writes centroids and preprocessing as one SavedModel, in the layout that Pusher expects.

    Outputs:
      model: `Model`, with the signatures `examples`, `features`, `preprocess` and
        `serving_default`.
    """

    SPEC_CLASS = CentroidExporterSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        centroids: types.BaseChannel,
        transform_graph: types.BaseChannel | None = None,
        schema: types.BaseChannel | None = None,
        *,
        default_signature: str = names.EXAMPLES_SIGNATURE,
    ) -> None:
        """Builds the node.

        Args:
          centroids: of a KMeansTrainer.
          transform_graph: the one that the trainer was given.
          schema: of the raw examples, where there is no Transform.
          default_signature: what `serving_default` is: 'examples' (serialized tf.Examples) or
            'features' (rows that are transformed already).

        Raises:
          ValueError: naming the parameter, what was given and what is allowed.
        """
        if transform_graph is None and schema is None:
            raise ValueError(
                'CentroidExporter needs the transform_graph or the schema that the trainer was '
                'given, to turn tf.Examples into rows.'
            )
        super().__init__(
            spec=CentroidExporterSpec(
                centroids=centroids,
                transform_graph=transform_graph,
                schema=schema,
                model=types.Channel(type=standard_artifacts.Model),
                **encode(ExporterOptions, {'default_signature': default_signature}),
            )
        )
