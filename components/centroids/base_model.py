"""An earlier clustering that a new one starts from, or takes its ids from."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from tfx_kmeans.centroids.payload import CentroidsPayload, Columns, PlacedFeature
from tfx_kmeans.centroids.storage import find_payload, read_payload
from tfx_kmeans.clustering.options import KMeansOptions


@dataclasses.dataclass(frozen=True)
class BaseModel:
    """An earlier clustering and where it was found."""

    uri: str
    payload: CentroidsPayload

    @classmethod
    def read(cls, uri: str) -> BaseModel:
        """From a centroids artifact, or an exported or pushed model.

        Raises:
          CentroidsError: naming the folder, where there is none that can be read.
        """
        return cls(uri, read_payload(find_payload(uri)))

    def refuse_misfit(self, columns: Columns, options: KMeansOptions) -> None:
        """Raises ValueError unless features, metric and k are those of the new clustering."""
        metadata = self.payload.metadata
        pairs = {
            'features': (_shown(metadata.features), _shown(columns.features)),
            'distance_metric': (metadata.distance_metric, options.distance_metric),
            'num_clusters': (metadata.num_clusters, options.k),
        }
        for name, (theirs, ours) in pairs.items():
            if theirs != ours:
                raise ValueError(
                    f'base_model in {self.uri} does not fit: its {name} is {theirs}, here it is '
                    f'{ours}. Make them alike, or train without base_model.'
                )


def _shown(features: Sequence[PlacedFeature]) -> str:
    return ', '.join(
        feature.name if feature.width == 1 else f'{feature.name} [{feature.width}]'
        for feature in features
    )
