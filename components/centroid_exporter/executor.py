"""Executor of CentroidExporter: combines centroids and preprocessing in a saved model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfx.dsl.components.base import base_executor
from tfx.utils import path_utils

from tfx_kmeans.argument_checks import imported_function
from tfx_kmeans.centroid_exporter.options import ExporterOptions
from tfx_kmeans.centroids.payload import CentroidsPayload
from tfx_kmeans.centroids.storage import read_payload
from tfx_kmeans.data.feature_layout import FeatureLayout, choose_layout
from tfx_kmeans.data.feature_specs import feature_spec_of_schema, read_schema
from tfx_kmeans.data.source import Examples
from tfx_kmeans.errors import ParameterError
from tfx_kmeans.parameters import decode
from tfx_kmeans.serving.exact_integers import refuse_rounded_integers
from tfx_kmeans.serving.export import ModelToSave, SavedModel
from tfx_kmeans.serving.extra_assets import find_extra_assets
from tfx_kmeans.serving.precision import FLOAT32
from tfx_kmeans.serving.precision_loss import PrecisionLoss, precision_loss
from tfx_kmeans.serving.preprocessing import Preprocessing, SchemaPreprocessing
from tfx_kmeans.serving.serving_input import ServingInput
from tfx_kmeans.serving.transform_graph import TransformPreprocessing
from tfx_kmeans.tfx_io import (
    EVAL_SPLIT,
    Artifacts,
    emptied_on_failure,
    examples_of,
    feature_spec_of,
    has_eval_split,
    only_uri,
)


class Executor(base_executor.BaseExecutor):  # type: ignore[misc]
    """Executor of CentroidExporter."""

    def Do(  # noqa: N802
        self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: Mapping[str, Any]
    ) -> None:
        """Checks that the centroids and the features match, and writes the model.

        If an error occurs, the output folder is left empty.

        Raises:
          ParameterError: If an option is not valid, or the features are not those of the training.
          CentroidsError: If the centroids cannot be read.
          MissingSchemaError: If the schema artifact contains no schema file.
          DataError: If the examples cannot be read.
          ExportError: If the clustering cannot be exported with these options.
        """
        options = decode(ExporterOptions, exec_properties)
        payload = read_payload(input_dict['centroids'][0].uri)
        feature_spec = feature_spec_of(input_dict) or {}
        _check_features(payload, feature_spec)
        refuse_rounded_integers(payload, feature_spec)
        examples = _examples(input_dict)
        model = output_dict['model'][0]
        with emptied_on_failure(output_dict):
            to_save = _model_to_save(input_dict, payload, examples, options)
            saved = to_save.save(path_utils.serving_model_dir(model.uri))
            model.set_string_custom_property('precision', options.precision)
            model.set_string_custom_property('fingerprint', saved.fingerprint)
            if options.precision != FLOAT32:
                _set_loss(model, _measured(saved, payload, examples))


def _model_to_save(
    input_dict: Artifacts,
    payload: CentroidsPayload,
    examples: Examples | None,
    options: ExporterOptions,
) -> ModelToSave:
    return ModelToSave(
        payload=payload,
        preprocessing=_preprocessing(input_dict, payload),
        default_signature=options.default_signature,
        precision=options.precision,
        passthrough=options.passthrough_features,
        serving_input=_serving_input(options.serving_input_fn),
        extra_assets=find_extra_assets(options.assets_extra, options.check_asset_name),
        as_text=options.as_text,
        strip_default_attrs=options.strip_default_attrs,
        warmup=_needed(examples).first(options.warmup) if options.warmup else (),
    )


def _preprocessing(input_dict: Artifacts, payload: CentroidsPayload) -> Preprocessing:
    features = [feature.name for feature in payload.metadata.features]
    transform_graph = only_uri(input_dict, 'transform_graph')
    if transform_graph is not None:
        return TransformPreprocessing(transform_graph, features)
    schema = read_schema(str(only_uri(input_dict, 'schema')))
    return SchemaPreprocessing(feature_spec_of_schema(schema), schema, features)


def _serving_input(named: str | None) -> ServingInput | None:
    if named is None:
        return None
    return ServingInput(named, imported_function('serving_input_fn', named))


def _examples(input_dict: Artifacts) -> Examples | None:
    """The eval split, or all splits if an artifact has no eval split; None without examples."""
    artifacts = input_dict.get('examples') or []
    if not artifacts:
        return None
    splits = {split: None for artifact in artifacts for split in artifact.splits}
    return examples_of(artifacts, (EVAL_SPLIT,) if has_eval_split(artifacts) else tuple(splits))


def _needed(examples: Examples | None) -> Examples:
    if examples is None:
        raise ParameterError(
            'CentroidExporter needs raw examples for warmup and for a precision other than '
            f'{FLOAT32!r}, but its input examples is empty.'
        )
    return examples


def _measured(
    saved: SavedModel, payload: CentroidsPayload, examples: Examples | None
) -> PrecisionLoss:
    return precision_loss(saved.module, payload.assigner, _needed(examples).record_batches())


def _set_loss(model: Any, loss: PrecisionLoss) -> None:
    model.set_float_custom_property('changed_assignments', loss.share)
    model.set_int_custom_property('compared_rows', loss.rows)


def _check_features(payload: CentroidsPayload, feature_spec: Mapping[str, Any]) -> None:
    """Checks that the spec gives the features the columns that they have in the centroids.

    Raises:
      ParameterError: If a feature is missing, or the order or the widths differ.
    """
    trained = payload.metadata.features
    found = _found_layout(payload, feature_spec).features
    if [feature.name for feature in trained] != [feature.name for feature in found]:
        raise ParameterError(
            'The centroids have the features in the order '
            f'{", ".join(repr(feature.name) for feature in trained)}, but the order of the '
            f'transform_graph or schema is {", ".join(repr(feature.name) for feature in found)}. '
            'Export the centroids as the trainer wrote them.'
        )
    for feature, now in zip(trained, found, strict=True):
        if feature.width != now.width:
            raise ParameterError(
                f'The centroids were trained on feature {feature.name!r} with {feature.width} '
                f'columns, but it has {now.width} in the transform_graph or schema. Export with '
                'the transform_graph or schema that the trainer was given.'
            )


def _found_layout(payload: CentroidsPayload, feature_spec: Mapping[str, Any]) -> FeatureLayout:
    wanted = [feature.name for feature in payload.metadata.features]
    missing = [name for name in wanted if name not in feature_spec]
    if missing:
        raise ParameterError(
            f'The centroids were trained on feature {", ".join(map(repr, missing))}, which the '
            'transform_graph or schema does not contain. It contains '
            f'{", ".join(map(repr, sorted(feature_spec))) or "none"}. Export with the '
            'transform_graph or schema that the trainer was given.'
        )
    return choose_layout(feature_spec, wanted)
