"""The pipeline: CSV files in, a validated and pushed model out."""

from __future__ import annotations

from typing import Any

from tfx import v1 as tfx

from tfx_kmeans import CentroidExporter, ExportValidator, KMeansTrainer
from tfx_kmeans.pipelines.config import PipelineConfig

PREPROCESSING_FN = 'tfx_kmeans.pipelines.preprocessing.preprocessing_fn'


def create_pipeline(config: PipelineConfig) -> tfx.dsl.Pipeline:
    """Builds the pipeline; reads no file and no flag."""
    csv_files = tfx.proto.Input.Split(name='single_split', pattern='*.csv')
    example_gen = tfx.components.CsvExampleGen(
        input_base=config.data_root, input_config=tfx.proto.Input(splits=[csv_files])
    )
    statistics_gen = tfx.components.StatisticsGen(examples=example_gen.outputs['examples'])
    schema_gen = tfx.components.SchemaGen(
        statistics=statistics_gen.outputs['statistics'],
        infer_feature_shape=False,  # any value may be missing when the model serves, too
    )
    example_validator = tfx.components.ExampleValidator(
        statistics=statistics_gen.outputs['statistics'], schema=schema_gen.outputs['schema']
    )
    transform = tfx.components.Transform(
        examples=example_gen.outputs['examples'],
        schema=schema_gen.outputs['schema'],
        preprocessing_fn=PREPROCESSING_FN,
        custom_config={
            'features': config.features and list(config.features),
            'exclude_features': list(config.exclude_features),
        },
    )
    trainer = KMeansTrainer(
        examples=transform.outputs['transformed_examples'],
        transform_graph=transform.outputs['transform_graph'],
        num_clusters=config.num_clusters,
        column_names=config.features,
        distance_metric=config.distance_metric,
        num_restarts=config.num_restarts,
        seed=config.seed,
    )
    exporter = CentroidExporter(
        centroids=trainer.outputs['centroids'],
        transform_graph=transform.outputs['transform_graph'],
    )
    validator = ExportValidator(
        model=exporter.outputs['model'],
        centroids=trainer.outputs['centroids'],
        examples=example_gen.outputs['examples'],
        transformed_examples=transform.outputs['transformed_examples'],
    )
    pusher = tfx.components.Pusher(
        model=exporter.outputs['model'],
        model_blessing=validator.outputs['blessing'],
        infra_blessing=validator.outputs['infra_blessing'],
        push_destination=tfx.proto.PushDestination(
            filesystem=tfx.proto.PushDestination.Filesystem(base_directory=config.serving_dir)
        ),
    )
    return tfx.dsl.Pipeline(
        pipeline_name=config.pipeline_name,
        pipeline_root=config.pipeline_root,
        components=[
            example_gen,
            statistics_gen,
            schema_gen,
            example_validator,
            transform,
            trainer,
            exporter,
            validator,
            pusher,
        ],
        metadata_connection_config=_metadata_connection(config),
        beam_pipeline_args=list(config.beam_pipeline_args),
    )


def _metadata_connection(config: PipelineConfig) -> Any:
    if config.metadata_path is None:
        return None
    return tfx.orchestration.metadata.sqlite_metadata_connection_config(config.metadata_path)
