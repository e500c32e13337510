"""Joins centroids with the preprocessing they were trained behind, and saves the model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfx.dsl.components.base import base_executor
from tfx.utils import path_utils

from tfx_kmeans.centroid_exporter.options import ExporterOptions
from tfx_kmeans.centroids.payload import CentroidsPayload
from tfx_kmeans.centroids.storage import read_payload
from tfx_kmeans.data.features import choose_layout
from tfx_kmeans.parameters import decode
from tfx_kmeans.serving.export import save_model
from tfx_kmeans.serving.preprocessing import (
    Preprocessing,
    SchemaPreprocessing,
    TransformPreprocessing,
)
from tfx_kmeans.tfx_io import Artifacts, emptied_on_failure, feature_spec_of, only_uri


class Executor(base_executor.BaseExecutor):  # type: ignore[misc]
    """Runs CentroidExporter."""

    def Do(  # noqa: N802
        self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: Mapping[str, Any]
    ) -> None:
        """Checks that centroids and features fit together, then writes the model or nothing."""
        options = decode(ExporterOptions, exec_properties)
        payload = read_payload(input_dict['centroids'][0].uri)
        feature_spec = feature_spec_of(input_dict) or {}
        _refuse_other_features(payload, feature_spec)
        with emptied_on_failure(output_dict):
            folder = path_utils.serving_model_dir(output_dict['model'][0].uri)
            preprocessing = _preprocessing(input_dict, payload, feature_spec)
            save_model(folder, payload, preprocessing, options.default_signature)


def _preprocessing(
    input_dict: Artifacts, payload: CentroidsPayload, feature_spec: Mapping[str, Any]
) -> Preprocessing:
    features = [feature.name for feature in payload.metadata.features]
    transform_graph = only_uri(input_dict, 'transform_graph')
    if transform_graph is None:
        return SchemaPreprocessing(feature_spec, features)
    return TransformPreprocessing(transform_graph, features)


def _refuse_other_features(payload: CentroidsPayload, feature_spec: Mapping[str, Any]) -> None:
    """Raises ValueError unless the spec gives just the columns that the centroids have."""
    trained = payload.metadata.features
    found = choose_layout(feature_spec, [feature.name for feature in trained]).features
    for feature, now in zip(trained, found, strict=True):
        if feature.width != now.width:
            raise ValueError(
                f'The centroids were trained on feature {feature.name!r} with {feature.width} '
                f'columns, but the transform_graph or schema gives it {now.width}. Export with '
                'the one that the trainer was given.'
            )
