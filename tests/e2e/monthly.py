"""Runs a pipeline with Transform for three months, each starting from the latest blessed model.

Used by test_monthly.py. From the second month on all values are shifted and scaled, and the groups
have other sizes, so that Transform learns another scale and another order of the vocabulary. In the
third month one group has gone, and another one has become two.
"""

import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from tfx import v1 as tfx

from tfx_kmeans import CentroidExporter, ExportValidator, KMeansTrainer

folder = Path(sys.argv[1])
sys.path.insert(0, str(Path(__file__).parent))
os.environ['PYTHONPATH'] = str(Path(__file__).parent)


def month(number: int) -> pd.DataFrame:
    centers = {'a': -1000, 'b': 0, 'c': 1000}
    counts = [{'a': 300, 'b': 200, 'c': 100}, {'a': 60, 'b': 120, 'c': 600}, {'b': 300, 'c': 300}]
    rng = np.random.default_rng(number)
    segment = np.repeat(*zip(*counts[number].items(), strict=True))
    x = np.array([centers[name] for name in segment]) + rng.normal(0, 30, len(segment))
    if number == 2:
        x[segment == 'c'] += 900 * (np.arange(300) % 2)
    if number > 0:
        x = 3 * x + 100
    return pd.DataFrame({'segment': segment, 'x': x}).sample(frac=1, random_state=number)


def pipeline(number: int) -> tfx.dsl.Pipeline:
    example_gen = tfx.components.CsvExampleGen(input_base=str(folder / f'month{number}'))
    statistics_gen = tfx.components.StatisticsGen(examples=example_gen.outputs['examples'])
    schema_gen = tfx.components.SchemaGen(
        statistics=statistics_gen.outputs['statistics'], infer_feature_shape=True
    )
    transform = tfx.components.Transform(
        examples=example_gen.outputs['examples'],
        schema=schema_gen.outputs['schema'],
        preprocessing_fn='monthly_preprocessing.preprocessing_fn',
    )
    latest = tfx.dsl.Resolver(
        strategy_class=tfx.dsl.experimental.LatestBlessedModelStrategy,
        model=tfx.dsl.Channel(type=tfx.types.standard_artifacts.Model),
        model_blessing=tfx.dsl.Channel(type=tfx.types.standard_artifacts.ModelBlessing),
    ).with_id('latest_blessed_model')
    trainer = KMeansTrainer(
        examples=transform.outputs['transformed_examples'],
        transform_graph=transform.outputs['transform_graph'],
        base_model=latest.outputs['model'],
        raw_examples=example_gen.outputs['examples'],
        num_clusters=3,
    )
    exporter = CentroidExporter(
        centroids=trainer.outputs['centroids'],
        transform_graph=transform.outputs['transform_graph'],
    )
    validator = ExportValidator(
        model=exporter.outputs['model'],
        centroids=trainer.outputs['centroids'],
        examples=example_gen.outputs['examples'],
        baseline_model=latest.outputs['model'],
        thresholds={'max_baseline_changed': 0.05, 'max_baseline_drift': 0.01},
    )
    return tfx.dsl.Pipeline(
        pipeline_name='monthly',
        pipeline_root=str(folder / 'root'),
        components=[
            example_gen,
            statistics_gen,
            schema_gen,
            transform,
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


for index in range(3):
    (folder / f'month{index}').mkdir()
    month(index).to_csv(folder / f'month{index}' / 'rows.csv', index=False)
    tfx.orchestration.LocalDagRunner().run(pipeline(index))
