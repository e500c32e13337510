"""Command-line arguments that both runners accept."""

from __future__ import annotations

import argparse

from tfx_kmeans.pipelines.config import PipelineConfig


def add_clustering_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments for the columns and the number of clusters.

    Names and defaults are those of the fields of `PipelineConfig`.
    """
    parser.add_argument(
        '--features',
        type=_names,
        default=PipelineConfig.features,
        metavar='A,B,C',
        help='columns to cluster by (default: every numeric column)',
    )
    parser.add_argument(
        '--exclude-features',
        '--exclude',
        type=_names,
        default=PipelineConfig.exclude_features,
        metavar='A,B',
        help='columns to leave out, such as ids and labels (default: none)',
    )
    parser.add_argument(
        '--num-clusters',
        type=int,
        default=PipelineConfig.num_clusters,
        metavar='K',
        help=f'number of clusters (default: {PipelineConfig.num_clusters})',
    )


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(',') if name.strip())
