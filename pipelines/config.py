"""All that a run of the pipeline can be told."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

from tfx_kmeans.clustering.options import SQUARED_EUCLIDEAN_DISTANCE
from tfx_kmeans.kmeans_trainer.options import TrainerOptions

_NAME = re.compile(r'[a-z0-9][a-z0-9-]{0,127}')


@dataclasses.dataclass(frozen=True)
class PipelineConfig:
    """A validated description of a run.

    Attributes:
      data_root: folder of CSV files with one header.
      pipeline_root: folder for the artifacts.
      serving_dir: folder that blessed models are pushed to.
      num_clusters: k.
      features: columns to cluster by; None for every numeric one that is not excluded.
      exclude_features: columns to leave out, a label for example.
      distance_metric: 'squared_euclidean' or 'cosine'.
      num_restarts: runs from different seeds, of which the best is kept.
      seed: of all that is random.
      pipeline_name: lower-case letters, digits and dashes, as Kubeflow wants it.
      metadata_path: file of the SQLite metadata store; None where the orchestrator brings one.
      beam_pipeline_args: for every component that runs on Beam.

    Raises:
      ValueError: naming the field, what was given and what is allowed.
    """

    data_root: str
    pipeline_root: str
    serving_dir: str
    num_clusters: int = 3
    features: Sequence[str] | None = None
    exclude_features: Sequence[str] = ()
    distance_metric: str = SQUARED_EUCLIDEAN_DISTANCE
    num_restarts: int = 3
    seed: int | None = 0
    pipeline_name: str = 'tfx-kmeans'
    metadata_path: str | None = None
    beam_pipeline_args: Sequence[str] = ()

    def __post_init__(self) -> None:
        for field in ('data_root', 'pipeline_root', 'serving_dir'):
            if not getattr(self, field):
                raise ValueError(f'{field} is empty: give a folder.')
        if not _NAME.fullmatch(self.pipeline_name):
            raise ValueError(
                'pipeline_name must be 1 to 128 lower-case letters, digits and dashes, and start '
                f'with no dash; got {self.pipeline_name!r}.'
            )
        TrainerOptions(
            num_clusters=self.num_clusters,
            features=self.features,
            exclude_features=self.exclude_features,
            distance_metric=self.distance_metric,
            num_restarts=self.num_restarts,
            seed=self.seed,
        )
        both = sorted(set(self.features or ()) & set(self.exclude_features))
        if both:
            raise ValueError(f'features and exclude_features both name {", ".join(both)}.')
