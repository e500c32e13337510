"""What a reduced precision changes, measured."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

import tensorflow as tf

from tfx_kmeans import names
from tfx_kmeans.clustering.assignment import Assigner
from tfx_kmeans.serving.module import KMeansModule


@dataclasses.dataclass(frozen=True)
class PrecisionLoss:
    """How a model's assignments differ from those of the centroids it was made of.

    Attributes:
      rows: how many rows were assigned by both.
      changed: how many of them to another cluster.
    """

    rows: int
    changed: int

    @property
    def share(self) -> float:
        """`changed` of `rows`, 0 where there is no row."""
        return self.changed / self.rows if self.rows else 0.0


def precision_loss(
    module: KMeansModule, exact: Assigner, batches: Iterable[Sequence[bytes]]
) -> PrecisionLoss:
    """Assigns raw tf.Examples by the model and by the exact centroids.

    Args:
      module: the model.
      exact: the centroids as they were trained.
      batches: serialized tf.Examples. Those that cannot be clustered do not count.
    """
    rows = changed = 0
    for batch in batches:
        points = module.preprocess(tf.constant(list(batch), tf.string))
        found = module.assign(points)[names.CLUSTER_INDEX].numpy()
        answered = found != names.NO_CLUSTER
        wanted, _ = exact.assign(points.numpy()[answered])
        rows += int(answered.sum())
        changed += int((found[answered] != wanted).sum())
    return PrecisionLoss(rows, changed)
