"""Options of KMeansTrainer."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from tfx_kmeans.argument_checks import check_flag, check_integer, check_names
from tfx_kmeans.clustering.options import KMeansOptions
from tfx_kmeans.errors import ParameterError


@dataclasses.dataclass(frozen=True)
class TrainerOptions(KMeansOptions):
    """Options of KMeansTrainer: `KMeansOptions`, and options for the data and the environment.

    Attributes:
      features: Names of the features to cluster by; None for all dense numeric features.
      exclude_features: Names of features not to cluster by.
      column_names: Name of each column, in matrix order. None for a scalar feature's own name and
        `name[i]` for the values of a vector.
      weight_feature: Name of the numeric feature with the weight of each row; it is not clustered
        by. None for weights of 1.
      splits: Names of the splits to train on.
      memory_limit_mb: Memory limit for the rows in MiB. If the rows exceed it, they are held in a
        file on local disk while the component runs. None for half of the memory of the machine or
        container.
      checkpoint_dir: Folder for checkpoints of this clustering alone. A run that was killed resumes
        from them when it is started again, with bit-identical results. They are removed at the end.
        None for no checkpoints.
      align_clusters: Whether to start from `initial_clusters` even with a base model, and then give
        each cluster the id of the base model's cluster that it is matched with, one to one.

    Raises:
      ParameterError: If a value is invalid; names the parameter, the value and what is allowed.
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
                raise ParameterError(f'{name} must be a list of names, got None. Omit it instead.')
        if self.features is not None and not self.features:
            raise ParameterError(
                'features is an empty list. Name at least one feature, or omit it to cluster by '
                'all dense numeric features.'
            )
        if self.memory_limit_mb is not None:
            check_integer('memory_limit_mb', self.memory_limit_mb, minimum=1)
        if callable(self.initial_clusters):
            raise ParameterError(
                'initial_clusters is a function, which cannot be passed through a pipeline. Give '
                "it as 'module:function', importable where the component runs."
            )
        if self.checkpoint_dir is not None and not (
            isinstance(self.checkpoint_dir, str) and self.checkpoint_dir
        ):
            raise ParameterError(
                f'checkpoint_dir must be the path of a folder, got {self.checkpoint_dir!r}.'
            )
        check_flag('align_clusters', self.align_clusters)
        if not self.splits:
            raise ParameterError('splits is an empty list. Name at least one split.')
        if self.weight_feature in (self.features or ()):
            raise ParameterError(
                f'weight_feature {self.weight_feature!r} is also in features, but a weight cannot '
                'be clustered by. Remove it from features.'
            )
