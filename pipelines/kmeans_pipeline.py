"""The complete pipeline, from CSV or Parquet files to a validated and pushed model."""

from __future__ import annotations

import dataclasses
from typing import Any

from tfx import v1 as tfx
from tfx.components.example_gen.component import FileBasedExampleGen

from tfx_kmeans import CentroidExporter, ExportValidator, KMeansTrainer, Thresholds
from tfx_kmeans.pipelines.column_options import custom_config_of
from tfx_kmeans.pipelines.config import CSV, PARQUET, PipelineConfig
from tfx_kmeans.pipelines.parquet_examples import ParquetExampleGen

PREPROCESSING_FN = 'tfx_kmeans.pipelines.preprocessing.preprocessing_fn'
_EXAMPLE_GENS = {CSV: tfx.components.CsvExampleGen, PARQUET: ParquetExampleGen}


def create_pipeline(config: PipelineConfig) -> tfx.dsl.Pipeline:
    """Builds the pipeline without reading any data or command-line flags."""
    ingestion = Ingestion.of(config)
    transform = _transform(config, ingestion)
    trainer = _trainer(config, transform)
    exporter = CentroidExporter(
        centroids=trainer.outputs['centroids'],
        transform_graph=transform.outputs['transform_graph'],
    )
    validator = ExportValidator(
        model=exporter.outputs['model'],
        centroids=trainer.outputs['centroids'],
        examples=ingestion.example_gen.outputs['examples'],
        transformed_examples=transform.outputs['transformed_examples'],
        notes=config.notes,
        thresholds=Thresholds(probe_memory_mb=config.probe_memory_mb),
    )
    pusher = _pusher(config, exporter, validator)
    return tfx.dsl.Pipeline(
        pipeline_name=config.pipeline_name,
        pipeline_root=config.pipeline_root,
        components=[*ingestion.components(), transform, trainer, exporter, validator, pusher],
        metadata_connection_config=_metadata_connection(config),
        beam_pipeline_args=list(config.beam_pipeline_args),
    )


@dataclasses.dataclass(frozen=True)
class Ingestion:
    """The components that read, describe and validate the data."""

    example_gen: FileBasedExampleGen
    statistics_gen: tfx.components.StatisticsGen
    schema_gen: tfx.components.SchemaGen
    example_validator: tfx.components.ExampleValidator

    @classmethod
    def of(cls, config: PipelineConfig) -> Ingestion:
        """Builds the components for the *.csv or *.parquet files in the configured data_root."""
        files = tfx.proto.Input.Split(name='single_split', pattern=f'*.{config.data_format}')
        example_gen = _EXAMPLE_GENS[config.data_format](
            input_base=config.data_root, input_config=tfx.proto.Input(splits=[files])
        )
        statistics_gen = tfx.components.StatisticsGen(examples=example_gen.outputs['examples'])
        statistics = statistics_gen.outputs['statistics']
        # Without inferred shapes, any value may be missing, both in training and in serving. A
        # small table may have no rows in eval, which would leave the schema without features.
        schema_gen = tfx.components.SchemaGen(
            statistics=statistics, infer_feature_shape=False, exclude_splits=['eval']
        )
        example_validator = tfx.components.ExampleValidator(
            statistics=statistics, schema=schema_gen.outputs['schema']
        )
        return cls(example_gen, statistics_gen, schema_gen, example_validator)

    def components(self) -> list[Any]:
        """All four components, in the order in which data flows through them."""
        return [self.example_gen, self.statistics_gen, self.schema_gen, self.example_validator]


def _transform(config: PipelineConfig, ingestion: Ingestion) -> tfx.components.Transform:
    return tfx.components.Transform(
        examples=ingestion.example_gen.outputs['examples'],
        schema=ingestion.schema_gen.outputs['schema'],
        preprocessing_fn=PREPROCESSING_FN,
        custom_config=custom_config_of(config.columns),
    )


def _trainer(config: PipelineConfig, transform: tfx.components.Transform) -> KMeansTrainer:
    return KMeansTrainer(
        examples=transform.outputs['transformed_examples'],
        transform_graph=transform.outputs['transform_graph'],
        num_clusters=config.num_clusters,
        column_names=config.features and config.columns.names_of(config.features),
        distance_metric=config.distance_metric,
        num_restarts=config.num_restarts,
        seed=config.seed,
    )


def _pusher(
    config: PipelineConfig, exporter: CentroidExporter, validator: ExportValidator
) -> tfx.components.Pusher:
    folder = tfx.proto.PushDestination.Filesystem(base_directory=config.serving_dir)
    return tfx.components.Pusher(
        model=exporter.outputs['model'],
        model_blessing=validator.outputs['blessing'],
        infra_blessing=validator.outputs['infra_blessing'],
        push_destination=tfx.proto.PushDestination(filesystem=folder),
    )


def _metadata_connection(config: PipelineConfig) -> Any:
    if config.metadata_path is None:
        return None
    return tfx.orchestration.metadata.sqlite_metadata_connection_config(config.metadata_path)
