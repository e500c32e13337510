"""The options that both runners have."""

from __future__ import annotations

import argparse


def add_clustering_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds which columns to cluster by, and into how many clusters."""
    parser.add_argument(
        '--features',
        type=_names,
        metavar='A,B,C',
        help='columns to cluster by (default: every numeric one)',
    )
    parser.add_argument(
        '--exclude', type=_names, default=(), metavar='A,B', help='columns to leave out'
    )
    parser.add_argument('--num-clusters', type=int, default=3, metavar='K', help='default: 3')


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(',') if name.strip())
