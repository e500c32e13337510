"""One clustering from rows to a payload: what the component and `tfx_kmeans.fit` share."""

from __future__ import annotations

import dataclasses

from tfx_kmeans.centroids.base_model import BaseModel
from tfx_kmeans.centroids.payload import Ancestry, CentroidsPayload, Columns, payload_of
from tfx_kmeans.clustering.alignment import aligned, followed
from tfx_kmeans.clustering.checkpoint import Checkpoints
from tfx_kmeans.clustering.fit import MakeStep, OnIteration, fit_in_place, local_step
from tfx_kmeans.clustering.options import KMeansOptions
from tfx_kmeans.clustering.weighted_rows import WeightedRows


@dataclasses.dataclass(frozen=True)
class Training:
    """How to cluster, and what from.

    Attributes:
      columns: of the rows.
      options: of the clustering.
      base_model: an earlier clustering to start from; None for `initial_clusters`.
      align_clusters: start from `initial_clusters` all the same, and take the base model's ids.
      checkpoints: where to go on from, and what to keep on the way.
      on_iteration: told of every iteration, as it ends.

    Raises:
      ValueError: where the base model is of other features, another metric or another k.
    """

    columns: Columns
    options: KMeansOptions
    base_model: BaseModel | None = None
    align_clusters: bool = False
    checkpoints: Checkpoints | None = None
    on_iteration: OnIteration | None = None

    def __post_init__(self) -> None:
        if self.base_model is not None:
            self.base_model.refuse_misfit(self.columns, self.options)

    def run(self, rows: WeightedRows) -> CentroidsPayload:
        """Clusters rows, which are of no use afterwards."""
        base = self.base_model
        warm = base is not None and not self.align_clusters
        result = fit_in_place(
            rows,
            self.options,
            start=base.payload.centroids if base is not None and warm else None,
            on_iteration=self.on_iteration,
            checkpoints=self.checkpoints,
            make_step=step_of_this_machine(),
        )
        if base is None:
            return payload_of(result, self.columns, self.options)
        earlier = base.payload.assigner
        if warm:
            ancestry = Ancestry(base.uri, False, followed(result, earlier))
            before = base.payload.metadata.total_iterations
            return payload_of(result, self.columns, self.options, ancestry, before)
        result, succession = aligned(result, earlier)
        return payload_of(result, self.columns, self.options, Ancestry(base.uri, True, succession))


def step_of_this_machine() -> MakeStep:
    """On the GPU where TensorFlow sees one, else on this machine's cores."""
    import tensorflow as tf

    if not tf.config.list_physical_devices('GPU'):
        return local_step
    from tfx_kmeans.clustering.graph_step import GraphStep

    return lambda rows, _, scale, threads: GraphStep(rows, scale, threads)
