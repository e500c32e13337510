"""Compiles the k-means pipeline for Kubeflow Pipelines v2 and Vertex AI, without a cluster.

The data must be plain files: CSV in UTF-8 with commas and the same header in each file, or Parquet.
local_runner.py converts other files, and writes the file for --table-config.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tfx_kmeans.errors import KMeansError, MissingPackageError, ParameterError
from tfx_kmeans.generations import quiet_imports
from tfx_kmeans.pipelines.arguments import add_clustering_arguments
from tfx_kmeans.pipelines.config import DATA_FORMATS, PipelineConfig
from tfx_kmeans.pipelines.table_config import read_table_config


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
    found.add_argument(
        '--data',
        metavar='URI',
        help='folder of the data, *.csv in UTF-8 with commas or *.parquet (default: ROOT/data)',
    )
    add_clustering_arguments(found)
    found.add_argument(
        '--data-format',
        choices=DATA_FORMATS,
        default=PipelineConfig.data_format,
        help=f'format of the files (default: {PipelineConfig.data_format})',
    )
    found.add_argument(
        '--table-config',
        type=Path,
        metavar='FILE',
        help='JSON file with the columns, what to do with them and the format of the data, as '
        'local_runner.py writes it to table.json in its output folder; in place of --features, '
        '--exclude-features and --data-format',
    )
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
            pipeline_name=arguments.name,
            **_table(arguments),
        )
        compile_pipeline(config, arguments.image, arguments.output)
    except KMeansError as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    print(f'Compiled {config.pipeline_name} to {arguments.output}')
    return 0


def _table(arguments: argparse.Namespace) -> dict[str, Any]:
    """The fields of PipelineConfig that say what the data are."""
    names = ('features', 'exclude_features', 'data_format')
    given = {name: getattr(arguments, name) for name in names}
    if arguments.table_config is None:
        return given
    twice = [name for name, value in given.items() if value != getattr(PipelineConfig, name)]
    if twice:
        raise ParameterError(
            f'--{twice[0].replace("_", "-")} is given, but --table-config {arguments.table_config} '
            'says this already: change the file, or give only one of the two.'
        )
    return read_table_config(arguments.table_config)


def compile_pipeline(config: PipelineConfig, image: str, output: Path) -> None:
    """Writes the pipeline in the JSON format of Kubeflow Pipelines v2 and Vertex AI.

    Raises:
      MissingPackageError: If kfp is not installed.
    """
    if importlib.util.find_spec('kfp') is None:
        raise MissingPackageError(
            'kfp, which compiles pipelines, is not installed: pip install tfx-kmeans[kubeflow]'
        )
    with quiet_imports('tfx.v1'):
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
