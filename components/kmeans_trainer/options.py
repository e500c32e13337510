"""What a KMeansTrainer can be told."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from tfx_kmeans.checking import check_flag, check_integer, check_names
from tfx_kmeans.clustering.options import KMeansOptions


@dataclasses.dataclass(frozen=True)
class TrainerOptions(KMeansOptions):
    """`KMeansOptions`, and which data to cluster.

    Attributes:
      features: names of the features to cluster by; None for every dense numeric one.
      exclude_features: names to leave out.
      column_names: a name for every column, in matrix order, instead of the derived ones.
      weight_feature: name of the feature that weighs each row.
      splits: names of the splits to train on.
      memory_limit_mb: MiB that the rows may take in memory; beyond it they lie on local disk.
        None: half of what the machine or its container has.
      checkpoint_dir: folder for checkpoints of this clustering alone; None keeps none.
      align_clusters: with a base model, start from `initial_clusters` all the same, and give each
        cluster the id of the base model's nearest.
    """

    features: Sequence[str] | None = None
    exclude_features: Sequence[str] = ()
    column_names: Sequence[str] | None = None
    weight_feature: str | None = None
    splits: Sequence[str] = ('train',)
    memory_limit_mb: int | None = None
    checkpoint_dir: str | None = None
    align_clusters: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ('features', 'exclude_features', 'column_names', 'splits'):
            check_names(name, getattr(self, name))
        for name in ('exclude_features', 'splits'):
            if getattr(self, name) is None:
                raise ValueError(f'{name} must be a list of names, got None: leave it out.')
        if self.features is not None and not self.features:
            raise ValueError('features is an empty list: name some, or leave it out for all.')
        if self.memory_limit_mb is not None:
            check_integer('memory_limit_mb', self.memory_limit_mb, minimum=1)
        if callable(self.initial_clusters):
            raise ValueError(
                'initial_clusters is a function, which does not travel with a pipeline: name it as '
                "'module:function', importable where the component runs."
            )
        if self.checkpoint_dir is not None and not (
            isinstance(self.checkpoint_dir, str) and self.checkpoint_dir
        ):
            raise ValueError(f'checkpoint_dir must name a folder, got {self.checkpoint_dir!r}.')
        check_flag('align_clusters', self.align_clusters)
        if not self.splits:
            raise ValueError('splits is an empty list: name at least one split.')
        if self.weight_feature in (self.features or ()):
            raise ValueError(
                f'weight_feature {self.weight_feature!r} is among features too: a weight is not '
                'clustered by.'
            )
