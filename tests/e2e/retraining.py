"""Runs a pipeline twice that starts from the latest blessed model; used by test_retraining.py."""

import sys
from pathlib import Path

import pandas as pd
from sklearn.datasets import make_blobs
from tfx import v1 as tfx

from tfx_kmeans import CentroidExporter, ExportValidator, KMeansTrainer

folder = Path(sys.argv[1])
(folder / 'data').mkdir()


def pipeline() -> tfx.dsl.Pipeline:
    example_gen = tfx.components.CsvExampleGen(input_base=str(folder / 'data'))
    statistics_gen = tfx.components.StatisticsGen(examples=example_gen.outputs['examples'])
    schema_gen = tfx.components.SchemaGen(statistics=statistics_gen.outputs['statistics'])
    latest = tfx.dsl.Resolver(
        strategy_class=tfx.dsl.experimental.LatestBlessedModelStrategy,
        model=tfx.dsl.Channel(type=tfx.types.standard_artifacts.Model),
        model_blessing=tfx.dsl.Channel(type=tfx.types.standard_artifacts.ModelBlessing),
    ).with_id('latest_blessed_model')
    trainer = KMeansTrainer(
        examples=example_gen.outputs['examples'],
        schema=schema_gen.outputs['schema'],
        base_model=latest.outputs['model'],
        num_clusters=5,
        num_restarts=4,
    )
    exporter = CentroidExporter(
        centroids=trainer.outputs['centroids'], schema=schema_gen.outputs['schema']
    )
    validator = ExportValidator(
        model=exporter.outputs['model'],
        centroids=trainer.outputs['centroids'],
        examples=example_gen.outputs['examples'],
    )
    return tfx.dsl.Pipeline(
        pipeline_name='retraining',
        pipeline_root=str(folder / 'root'),
        components=[
            example_gen,
            statistics_gen,
            schema_gen,
            latest,
            trainer,
            exporter,
            validator,
        ],
        metadata_connection_config=tfx.orchestration.metadata.sqlite_metadata_connection_config(
            str(folder / 'metadata.sqlite')
        ),
        beam_pipeline_args=['--runner=FnApiRunner', '--sdk_container_image=unused'],
    )


for day in range(2):
    rows = make_blobs(600, 3, centers=5, random_state=1)[0] + day
    pd.DataFrame(rows, columns=['x', 'y', 'z']).to_csv(folder / 'data' / 'day.csv', index=False)
    tfx.orchestration.LocalDagRunner().run(pipeline())
