"""Artifact types of the components."""

import builtins

from tfx.types.artifact import Artifact


class KMeansCentroids(Artifact):  # type: ignore[misc]
    """Centroids and their metadata: centroids.npz and metadata.json (see `centroids.storage`)."""

    TYPE_NAME = 'tfx_kmeans.KMeansCentroids'


class KMeansReport(Artifact):  # type: ignore[misc]
    """Results of ExportValidator's checks: report.json for programs, report.html for people."""

    TYPE_NAME = 'tfx_kmeans.KMeansReport'


if hasattr(builtins, '__IPYTHON__'):
    from tfx_kmeans.notebook import register, shown_centroids, shown_report

    register(KMeansCentroids, shown_centroids)
    register(KMeansReport, shown_report)
