"""The version of this package, as installed."""

from importlib import metadata

__version__ = metadata.version('tfx-kmeans')
