"""Measures how many assignments a reduced precision changes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

import tensorflow as tf

from tfx_kmeans import names
from tfx_kmeans.clustering.assignment import Assigner
from tfx_kmeans.serving.module import KMeansModule


@dataclasses.dataclass(frozen=True)
class PrecisionLoss:
    """Differences between the assignments of a model and those of its exact centroids.

    Attributes:
      rows: Number of rows that were compared.
      changed: Number of rows that the model assigns to another cluster.
    """

    rows: int
    changed: int

    @property
    def share(self) -> float:
        """Fraction of rows whose cluster changed; 0 if there are no rows."""
        return self.changed / self.rows if self.rows else 0.0


def precision_loss(
    module: KMeansModule, exact: Assigner, batches: Iterable[Sequence[bytes]]
) -> PrecisionLoss:
    """Compares the assignments of raw tf.Examples by a model and by its exact centroids.

    Args:
      module: Model with reduced precision.
      exact: Assigner to the centroids as they were trained.
      batches: Batches of serialized tf.Examples. Examples that cannot be clustered are not counted.
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
