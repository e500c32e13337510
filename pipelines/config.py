"""Configuration of the pipeline."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

from tfx_kmeans.errors import ParameterError
from tfx_kmeans.kmeans_trainer.options import TrainerOptions

_NAME = re.compile(r'[a-z0-9][a-z0-9-]{0,127}')


@dataclasses.dataclass(frozen=True)
class PipelineConfig:
    """Configuration of one pipeline, validated when it is created.

    Attributes:
      data_root: Folder of CSV files that all have the same header.
      pipeline_root: Folder for the artifacts.
      serving_dir: Folder that blessed models are pushed to.
      num_clusters: Number of clusters, k.
      features: Columns to cluster by; None for every numeric column that is not excluded.
      exclude_features: Columns to leave out, for example a label.
      distance_metric: 'squared_euclidean' or 'cosine'.
      num_restarts: Number of runs from different seeds; the one with the lowest inertia is kept.
      seed: Random seed; None draws one and records it.
      pipeline_name: 1 to 128 lower-case letters, digits and dashes, as Kubeflow requires.
      metadata_path: File of the SQLite metadata store; None if the orchestrator has its own store.
      beam_pipeline_args: Beam options for every component that runs on Beam.

    Raises:
      ParameterError: If a field is invalid; names the field, its value and what is allowed.
    """

    data_root: str
    pipeline_root: str
    serving_dir: str
    num_clusters: int = 3
    features: Sequence[str] | None = TrainerOptions.features
    exclude_features: Sequence[str] = TrainerOptions.exclude_features
    distance_metric: str = TrainerOptions.distance_metric
    num_restarts: int = TrainerOptions.num_restarts
    seed: int | None = TrainerOptions.seed
    pipeline_name: str = 'tfx-kmeans'
    metadata_path: str | None = None
    beam_pipeline_args: Sequence[str] = ()

    def __post_init__(self) -> None:
        for field in ('data_root', 'pipeline_root', 'serving_dir'):
            if not getattr(self, field):
                raise ParameterError(f'{field} is empty: give a folder.')
        if not _NAME.fullmatch(self.pipeline_name):
            raise ParameterError(
                'pipeline_name must consist of 1 to 128 lower-case letters, digits and dashes, and '
                f'must not start with a dash; got {self.pipeline_name!r}.'
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
            raise ParameterError(
                f'features and exclude_features both contain {", ".join(map(repr, both))}: remove '
                'each name from one of them.'
            )
