"""Executor of KMeansTrainer: decodes examples, clusters their rows and writes the centroids."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
from tfx.dsl.components.base import base_executor

from tfx_kmeans.centroids.base_model import BaseModel
from tfx_kmeans.centroids.checkpoint_folder import CheckpointFolder
from tfx_kmeans.centroids.payload import CentroidsPayload, Columns
from tfx_kmeans.centroids.storage import write_payload
from tfx_kmeans.centroids.training import Training
from tfx_kmeans.clustering.distinct import too_few_distinct_rows
from tfx_kmeans.clustering.measures.evaluation import evaluate
from tfx_kmeans.clustering.metric import metric_of
from tfx_kmeans.clustering.rounding import RoundingTally, largest_values, may_be_lost
from tfx_kmeans.clustering.weighted_rows import WeightedRows
from tfx_kmeans.data.feature_layout import (
    EXAMPLES,
    SCHEMA,
    TRANSFORM_GRAPH,
    FeatureLayout,
    choose_layout,
)
from tfx_kmeans.data.matrix import exact_blocks, open_matrix
from tfx_kmeans.data.source import TF_EXAMPLE, Examples
from tfx_kmeans.errors import DataError, NoExamplesError
from tfx_kmeans.kmeans_trainer.model_run import write_model_run
from tfx_kmeans.kmeans_trainer.options import TrainerOptions
from tfx_kmeans.kmeans_trainer.progress_log import ProgressLog
from tfx_kmeans.kmeans_trainer.raw_answers import raw_answers
from tfx_kmeans.parameters import decode
from tfx_kmeans.tfx_io import (
    EVAL_SPLIT,
    Artifacts,
    emptied_on_failure,
    examples_of,
    feature_spec_of,
    has_eval_split,
    only_uri,
)

_log = logging.getLogger(__name__)


class Executor(base_executor.BaseExecutor):  # type: ignore[misc]
    """Runs KMeansTrainer."""

    def Do(  # noqa: N802
        self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: Mapping[str, Any]
    ) -> None:
        """Clusters and evaluates the examples, which are read once, and writes the outputs.

        On failure, neither of the outputs is written.
        """
        options = decode(TrainerOptions, exec_properties)
        examples = examples_of(input_dict['examples'], options.splits)
        layout = _layout(input_dict, examples, options)
        training = _training(input_dict, layout, options)
        with emptied_on_failure(output_dict):
            with _opened(examples, layout, options) as rows:
                largest = largest_values(rows.values)
                payload = training.run(rows)
                _warn_of_too_few_distinct_rows(rows, payload)
            _refuse_rounding(examples, layout, payload, largest)
            payload = _evaluated(payload, input_dict, layout, options)
            write_model_run(output_dict['model_run'][0].uri, payload)
            write_payload(output_dict['centroids'][0].uri, payload)
            _set_properties(output_dict['centroids'][0], payload)
        if isinstance(training.checkpoints, CheckpointFolder):
            training.checkpoints.remove()


def _opened(
    examples: Examples, layout: FeatureLayout, options: TrainerOptions
) -> AbstractContextManager[WeightedRows]:
    centred = metric_of(options.distance_metric).centred
    return open_matrix(examples, layout, options.memory_limit_mb, with_offset=centred)


def _refuse_rounding(
    examples: Examples, layout: FeatureLayout, payload: CentroidsPayload, largest: np.ndarray
) -> None:
    """Raises DataError if the clustering has suffered from rounding numbers to float32."""
    metadata = payload.metadata
    rounded = layout.may_be_rounded(examples.payload_format == TF_EXAMPLE)
    if not rounded or not payload.metric.centred:
        return
    if not may_be_lost(largest, metadata.total_weight, metadata.inertia):
        return
    tally = RoundingTally(payload.shift, metadata.num_clusters)
    assigner = payload.assigner.less(payload.shift)
    for rows, weights in exact_blocks(examples, layout, payload.shift):
        tally.add(rows, assigner.assign(rows.astype(np.float32))[0], weights)
    tally.refuse_loss(metadata.inertia, metadata.column_names)


def _layout(input_dict: Artifacts, examples: Examples, options: TrainerOptions) -> FeatureLayout:
    described_by = [key for key in (TRANSFORM_GRAPH, SCHEMA) if input_dict.get(key)]
    layout = choose_layout(
        feature_spec_of(input_dict) or examples.feature_spec(),
        options.features,
        options.exclude_features,
        options.weight_feature,
        options.column_names,
        origin=[*described_by, EXAMPLES][0],
    )
    for name, reason in layout.left_out.items():
        _log.info('The feature %r is left out of the clustering: %s.', name, reason)
    return layout


def _warn_of_too_few_distinct_rows(rows: WeightedRows, payload: CentroidsPayload) -> None:
    warning = too_few_distinct_rows(rows, payload.cluster_weight)
    if warning is not None:
        _log.warning(warning)


def _training(input_dict: Artifacts, layout: FeatureLayout, options: TrainerOptions) -> Training:
    base_model, checkpoint_dir = only_uri(input_dict, 'base_model'), options.checkpoint_dir
    warm = base_model is not None and not options.align_clusters
    runs = 1 if warm else options.num_restarts
    return Training(
        columns=Columns.of_layout(layout),
        options=options,
        base_model=None if base_model is None else BaseModel.read(base_model),
        align_clusters=options.align_clusters,
        checkpoints=None if checkpoint_dir is None else CheckpointFolder(checkpoint_dir),
        on_iteration=ProgressLog(options, runs),
        answered=raw_answers(input_dict, layout, options),
    )


def _evaluated(
    payload: CentroidsPayload,
    input_dict: Artifacts,
    layout: FeatureLayout,
    options: TrainerOptions,
) -> CentroidsPayload:
    """Adds an evaluation on the eval split, if there is one and it was not trained on."""
    artifacts = input_dict['examples']
    if EVAL_SPLIT in options.splits or not has_eval_split(artifacts):
        return payload
    examples = examples_of(artifacts, (EVAL_SPLIT,))
    try:
        with _opened(examples, layout, options) as rows:
            evaluation = evaluate(rows, payload.assigner, payload.metadata.seed)
    except NoExamplesError as error:
        _log.info('The split %r is not evaluated: %s', EVAL_SPLIT, error)
        return payload
    except ValueError as error:
        raise DataError(f'The split {EVAL_SPLIT!r} cannot be evaluated: {error}') from error
    return payload.evaluated(EVAL_SPLIT, evaluation)


def _set_properties(artifact: Any, payload: CentroidsPayload) -> None:
    metadata = payload.metadata
    artifact.set_int_custom_property('k', metadata.num_clusters)
    artifact.set_float_custom_property('inertia', metadata.inertia)
    artifact.set_int_custom_property('iterations', metadata.iterations)
    artifact.set_int_custom_property('rows', metadata.rows)
    evaluation = metadata.evaluation.get(EVAL_SPLIT)
    if evaluation is None:
        return
    measures = {
        'silhouette': evaluation.silhouette,
        'davies_bouldin': evaluation.davies_bouldin,
        'eval_inertia': evaluation.inertia,
    }
    for name, value in measures.items():
        if value is not None:
            artifact.set_float_custom_property(name, value)
    artifact.set_int_custom_property('eval_rows', evaluation.rows)
    artifact.set_json_value_custom_property('eval_cluster_weight', list(evaluation.cluster_weight))
