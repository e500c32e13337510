"""Decodes the examples, clusters the rows, writes the centroids."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from tfx.dsl.components.base import base_executor

from tfx_kmeans.centroids.payload import CentroidsPayload, payload_of
from tfx_kmeans.centroids.storage import write_payload
from tfx_kmeans.clustering.fit import fit_in_place
from tfx_kmeans.clustering.progress import Iteration
from tfx_kmeans.data.features import FeatureLayout, choose_layout
from tfx_kmeans.data.matrix import open_matrix
from tfx_kmeans.data.source import Examples
from tfx_kmeans.kmeans_trainer.model_run import write_model_run
from tfx_kmeans.kmeans_trainer.options import TrainerOptions
from tfx_kmeans.parameters import decode
from tfx_kmeans.tfx_io import Artifacts, emptied_on_failure, examples_of, feature_spec_of

_log = logging.getLogger(__name__)


class Executor(base_executor.BaseExecutor):  # type: ignore[misc]
    """Runs KMeansTrainer."""

    def Do(  # noqa: N802
        self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: Mapping[str, Any]
    ) -> None:
        """Reads the examples once, clusters, and writes both outputs or none."""
        options = decode(TrainerOptions, exec_properties)
        examples = examples_of(input_dict['examples'], options.splits)
        layout = _layout(input_dict, examples, options)
        with (
            emptied_on_failure(output_dict),
            open_matrix(examples, layout, options.memory_limit_mb) as matrix,
        ):
            result = fit_in_place(matrix, options, on_iteration=_log_iteration)
            payload = payload_of(result, layout, options)
            write_model_run(output_dict['model_run'][0].uri, result)
            write_payload(output_dict['centroids'][0].uri, payload)
            _set_properties(output_dict['centroids'][0], payload)


def _layout(input_dict: Artifacts, examples: Examples, options: TrainerOptions) -> FeatureLayout:
    return choose_layout(
        feature_spec_of(input_dict) or examples.feature_spec(),
        options.features,
        options.exclude_features,
        options.weight_feature,
        options.column_names,
    )


def _log_iteration(restart: int, index: int, iteration: Iteration) -> None:
    _log.info(
        'restart %d, iteration %d: inertia %.6g, %d rows moved, %.3f s',
        restart,
        index,
        iteration.inertia,
        iteration.moved,
        iteration.seconds,
    )


def _set_properties(artifact: Any, payload: CentroidsPayload) -> None:
    metadata = payload.metadata
    artifact.set_int_custom_property('k', metadata.num_clusters)
    artifact.set_float_custom_property('inertia', metadata.inertia)
    artifact.set_int_custom_property('iterations', metadata.iterations)
    artifact.set_int_custom_property('rows', metadata.rows)
