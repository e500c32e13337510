"""k-means for TFX: train, export and validate clusters in a pipeline.

The public names are loaded when they are first used, so that `import tfx_kmeans` is quick and
everything that needs no TFX works without importing it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tfx_kmeans.artifacts import KMeansCentroids, KMeansReport
    from tfx_kmeans.centroid_exporter.component import CentroidExporter
    from tfx_kmeans.clustering.graph_ops import assign, kmeans_step
    from tfx_kmeans.clustering.metric import COSINE_DISTANCE, SQUARED_EUCLIDEAN_DISTANCE
    from tfx_kmeans.clustering.seeding.registry import (
        KMEANS_PARALLEL_INIT,
        KMEANS_PLUS_PLUS_INIT,
        RANDOM_INIT,
    )
    from tfx_kmeans.errors import KMeansError
    from tfx_kmeans.export_validator.component import ExportValidator
    from tfx_kmeans.export_validator.options import Override, Thresholds
    from tfx_kmeans.kmeans_trainer.component import KMeansTrainer
    from tfx_kmeans.names import ALL_DISTANCES, CLUSTER_CENTERS_VAR_NAME, CLUSTER_INDEX, SCORE
    from tfx_kmeans.python_api.fit import fit
    from tfx_kmeans.python_api.model import KMeansModel
    from tfx_kmeans.version import __version__

_HOMES = {
    'ALL_DISTANCES': 'tfx_kmeans.names',
    'CLUSTER_CENTERS_VAR_NAME': 'tfx_kmeans.names',
    'CLUSTER_INDEX': 'tfx_kmeans.names',
    'COSINE_DISTANCE': 'tfx_kmeans.clustering.metric',
    'CentroidExporter': 'tfx_kmeans.centroid_exporter.component',
    'ExportValidator': 'tfx_kmeans.export_validator.component',
    'KMEANS_PARALLEL_INIT': 'tfx_kmeans.clustering.seeding.registry',
    'KMEANS_PLUS_PLUS_INIT': 'tfx_kmeans.clustering.seeding.registry',
    'KMeansCentroids': 'tfx_kmeans.artifacts',
    'KMeansError': 'tfx_kmeans.errors',
    'KMeansModel': 'tfx_kmeans.python_api.model',
    'KMeansReport': 'tfx_kmeans.artifacts',
    'KMeansTrainer': 'tfx_kmeans.kmeans_trainer.component',
    'Override': 'tfx_kmeans.export_validator.options',
    'RANDOM_INIT': 'tfx_kmeans.clustering.seeding.registry',
    'SCORE': 'tfx_kmeans.names',
    'SQUARED_EUCLIDEAN_DISTANCE': 'tfx_kmeans.clustering.metric',
    'Thresholds': 'tfx_kmeans.export_validator.options',
    '__version__': 'tfx_kmeans.version',
    'assign': 'tfx_kmeans.clustering.graph_ops',
    'fit': 'tfx_kmeans.python_api.fit',
    'kmeans_step': 'tfx_kmeans.clustering.graph_ops',
}

__all__ = [
    'ALL_DISTANCES',
    'CLUSTER_CENTERS_VAR_NAME',
    'CLUSTER_INDEX',
    'COSINE_DISTANCE',
    'KMEANS_PARALLEL_INIT',
    'KMEANS_PLUS_PLUS_INIT',
    'RANDOM_INIT',
    'SCORE',
    'SQUARED_EUCLIDEAN_DISTANCE',
    'CentroidExporter',
    'ExportValidator',
    'KMeansCentroids',
    'KMeansError',
    'KMeansModel',
    'KMeansReport',
    'KMeansTrainer',
    'Override',
    'Thresholds',
    '__version__',
    'assign',
    'fit',
    'kmeans_step',
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
