"""An earlier clustering that a new one starts from or takes its cluster ids from."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from tfx_kmeans.centroids.payload import CentroidsPayload, Columns, PlacedFeature
from tfx_kmeans.centroids.storage import find_payload, read_payload
from tfx_kmeans.clustering.options import KMeansOptions
from tfx_kmeans.errors import ParameterError

_OTHER_WAY = dict.fromkeys(
    ('features', 'distance_metric'), ', connect raw_examples to KMeansTrainer'
)


@dataclasses.dataclass(frozen=True)
class BaseModel:
    """An earlier clustering and the folder that it was read from.

    Attributes:
      uri: Folder as it was given.
      payload: Centroids and metadata.
    """

    uri: str
    payload: CentroidsPayload

    @classmethod
    def read(cls, uri: str) -> BaseModel:
        """Reads a centroids artifact, or an exported or pushed model.

        Raises:
          CentroidsError: If the folder has no centroids that can be read; names the folder.
        """
        return cls(uri, read_payload(find_payload(uri)))

    def refuse_misfit(
        self, columns: Columns, options: KMeansOptions, answers: bool = False
    ) -> None:
        """Checks that features, metric and k are the same as those of the new clustering.

        Args:
          columns: Columns of the new clustering.
          options: Options of the new clustering.
          answers: Whether the earlier model itself clusters the rows. Then only k must be the same.

        Raises:
          ParameterError: If one of them differs; names it, both values and the folder.
        """
        metadata = self.payload.metadata
        pairs = {
            'features': (_feature_list(metadata.features), _feature_list(columns.features)),
            'distance_metric': (metadata.distance_metric, options.distance_metric),
            'num_clusters': (metadata.num_clusters, options.k),
        }
        if answers:
            pairs = {'num_clusters': pairs['num_clusters']}
        for name, (theirs, ours) in pairs.items():
            if theirs != ours:
                raise ParameterError(
                    f'base_model in {self.uri} does not match: its {name} is {theirs}, but here '
                    f'it is {ours}. Use the same {name}{_OTHER_WAY.get(name, "")}, or train '
                    'without base_model.'
                )


def _feature_list(features: Sequence[PlacedFeature]) -> str:
    return ', '.join(
        feature.name if feature.width == 1 else f'{feature.name} [{feature.width}]'
        for feature in features
    )
