"""The artifact types that the components exchange."""

from tfx.types.artifact import Artifact


class KMeansCentroids(Artifact):  # type: ignore[misc]
    """Centroids and their metadata: centroids.npz and metadata.json (see `centroids.storage`)."""

    TYPE_NAME = 'tfx_kmeans.KMeansCentroids'


class KMeansReport(Artifact):  # type: ignore[misc]
    """What ExportValidator has checked and found: report.json."""

    TYPE_NAME = 'tfx_kmeans.KMeansReport'
