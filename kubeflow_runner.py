"""Compiles the k-means pipeline for Kubeflow Pipelines v2 and Vertex AI, without a cluster."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tfx_kmeans.errors import KMeansError
from tfx_kmeans.pipelines.arguments import add_clustering_arguments
from tfx_kmeans.pipelines.config import PipelineConfig


def parser() -> argparse.ArgumentParser:
    """The command line."""
    found = argparse.ArgumentParser(description=__doc__)
    found.add_argument(
        '--output', type=Path, required=True, metavar='FILE', help='JSON file to write'
    )
    found.add_argument(
        '--image', required=True, help='container image with TFX and tfx-kmeans installed'
    )
    found.add_argument(
        '--root',
        required=True,
        metavar='URI',
        help='folder for the artifacts, for example gs://bucket/kmeans; models are pushed to '
        'ROOT/serving_model',
    )
    found.add_argument('--data', metavar='URI', help='folder of the CSV files (default: ROOT/data)')
    add_clustering_arguments(found)
    found.add_argument(
        '--name',
        default=PipelineConfig.pipeline_name,
        help=f'name of the pipeline (default: {PipelineConfig.pipeline_name})',
    )
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Writes the compiled pipeline and returns the exit code."""
    arguments = parser().parse_args(argv)
    root = arguments.root.rstrip('/')
    try:
        config = PipelineConfig(
            data_root=arguments.data or f'{root}/data',
            pipeline_root=root,
            serving_dir=f'{root}/serving_model',
            num_clusters=arguments.num_clusters,
            features=arguments.features,
            exclude_features=arguments.exclude_features,
            pipeline_name=arguments.name,
        )
    except KMeansError as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    compile_pipeline(config, arguments.image, arguments.output)
    print(f'Compiled {config.pipeline_name} to {arguments.output}')
    return 0


def compile_pipeline(config: PipelineConfig, image: str, output: Path) -> None:
    """Writes the pipeline in the JSON format of Kubeflow Pipelines v2 and Vertex AI."""
    from tfx import v1 as tfx

    from tfx_kmeans.pipelines.kmeans_pipeline import create_pipeline

    runner = tfx.orchestration.experimental.KubeflowV2DagRunner(
        config=tfx.orchestration.experimental.KubeflowV2DagRunnerConfig(default_image=image),
        output_dir=str(output.resolve().parent),
        output_filename=output.name,
    )
    runner.run(create_pipeline(config))


if __name__ == '__main__':
    sys.exit(main())
