"""KMeansTrainer: examples in, centroids out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import component_spec, standard_artifacts

from tfx_kmeans.artifacts import KMeansCentroids
from tfx_kmeans.clustering.options import KMEANS_PLUS_PLUS_INIT, SQUARED_EUCLIDEAN_DISTANCE
from tfx_kmeans.kmeans_trainer.executor import Executor
from tfx_kmeans.kmeans_trainer.options import TrainerOptions
from tfx_kmeans.parameters import encode, execution_parameters


class KMeansTrainerSpec(types.ComponentSpec):  # type: ignore[misc]
    """Inputs, outputs and parameters of KMeansTrainer."""

    PARAMETERS = execution_parameters(TrainerOptions)
    INPUTS = {
        'examples': component_spec.ChannelParameter(type=standard_artifacts.Examples),
        'transform_graph': component_spec.ChannelParameter(
            type=standard_artifacts.TransformGraph, optional=True
        ),
        'schema': component_spec.ChannelParameter(type=standard_artifacts.Schema, optional=True),
        'base_model': component_spec.ChannelParameter(type=standard_artifacts.Model, optional=True),
    }
    OUTPUTS = {
        'centroids': component_spec.ChannelParameter(type=KMeansCentroids),
        'model_run': component_spec.ChannelParameter(type=standard_artifacts.ModelRun),
    }


class KMeansTrainer(base_component.BaseComponent):  # type: ignore[misc]
    """Clusters examples by k-means.

    Full-batch Lloyd iterations from a k-means++ start, exact to the rounding of float32 rows,
    unless the parameters say otherwise. Where the examples have a split `eval` that is not trained
    on, the clustering is evaluated on it.

    Outputs:
      centroids: `KMeansCentroids`, with k, inertia, iterations and rows as custom properties, and
        of the eval split silhouette, davies_bouldin, eval_inertia, eval_rows, eval_cluster_weight.
      model_run: `ModelRun`, TensorBoard logs of each restart and of the evaluation.
    """

    SPEC_CLASS = KMeansTrainerSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        transform_graph: types.BaseChannel | None = None,
        schema: types.BaseChannel | None = None,
        base_model: types.BaseChannel | None = None,
        *,
        num_clusters: int | Any | None = None,
        features: Sequence[str] | None = None,
        exclude_features: Sequence[str] = (),
        column_names: Sequence[str] | None = None,
        weight_feature: str | None = None,
        initial_clusters: str | Sequence[Sequence[float]] = KMEANS_PLUS_PLUS_INIT,
        distance_metric: str = SQUARED_EUCLIDEAN_DISTANCE,
        use_mini_batch: bool = False,
        mini_batch_steps_per_iteration: int = 1,
        batch_size: int = 1024,
        kmeans_plus_plus_num_retries: int = 2,
        relative_tolerance: float = 1e-4,
        max_iterations: int = 300,
        num_restarts: int = 1,
        seed: int | None = 0,
        splits: Sequence[str] = ('train',),
        memory_limit_mb: int | Any | None = None,
        checkpoint_dir: str | Any | None = None,
        align_clusters: bool = False,
    ) -> None:
        """Builds the node; numbers and strings may be RuntimeParameters too.

        Args:
          examples: tf.Examples, raw or (usually) as Transform puts them out.
          transform_graph: of the Transform that made the examples; tells their features.
          schema: of raw examples, where there is no Transform. Without either, the features are
            those of the first example.
          base_model: an earlier model that CentroidExporter has made, exported or pushed, to start
            from, in one run; through a Resolver or an Importer. Where the channel is empty (in the
            first run), initial_clusters says where to start. Features, metric and k must match.
          num_clusters: k, at least 1; may be left out where initial_clusters is a list of rows.
          features: names of the features to cluster by; default: every dense numeric one. They
            fill the columns in sorted order.
          exclude_features: names of features to leave out.
          column_names: a name for every column, in the order of the columns; default: a scalar
            feature's own name, `name[i]` for a vector's values.
          weight_feature: name of a number that weighs each row; never clustered by.
          initial_clusters: 'kmeans_plus_plus', 'kmeans_parallel', 'random', a list of k rows, or
            'module:function': f(rows, left) is given one block of rows (float32 [b, d]) after
            another and how many centroids are left to choose, and returns 0 to `left` rows.
          distance_metric: 'squared_euclidean' or 'cosine'.
          use_mini_batch: whether a step sees `batch_size` random rows (Sculley 2010); by default it
            sees all, unlike the Estimator's.
          mini_batch_steps_per_iteration: steps between two updates of the centroids that rows are
            assigned to.
          batch_size: rows of a mini-batch step.
          kmeans_plus_plus_num_retries: additional candidates of each k-means++ draw; negative:
            by the O(log k) rule.
          relative_tolerance: stop when the inertia falls by no more than this share of itself.
          max_iterations: the most iterations of one restart.
          num_restarts: runs from different seeds; the one of least inertia is kept.
          seed: of all that is random; None draws one and records it.
          splits: names of the splits to train on.
          memory_limit_mb: MiB that the rows may take in memory; beyond it they lie in a file on
            local disk while the component runs. Default: half of what the machine has.
          checkpoint_dir: a folder, of this node alone, where the clustering keeps checkpoints; a
            run that was killed goes on from there when it is started again, to the same bits.
            They are removed at the end.
          align_clusters: with a base_model, start from initial_clusters all the same, and give each
            cluster the id of the base model's nearest (a one-to-one matching), for consumers that
            key on the id.

        Raises:
          ValueError: naming the parameter, what was given and what is allowed.
        """
        options = {
            'num_clusters': num_clusters,
            'features': features,
            'exclude_features': exclude_features,
            'column_names': column_names,
            'weight_feature': weight_feature,
            'initial_clusters': initial_clusters,
            'distance_metric': distance_metric,
            'use_mini_batch': use_mini_batch,
            'mini_batch_steps_per_iteration': mini_batch_steps_per_iteration,
            'batch_size': batch_size,
            'kmeans_plus_plus_num_retries': kmeans_plus_plus_num_retries,
            'relative_tolerance': relative_tolerance,
            'max_iterations': max_iterations,
            'num_restarts': num_restarts,
            'seed': seed,
            'splits': splits,
            'memory_limit_mb': memory_limit_mb,
            'checkpoint_dir': checkpoint_dir,
            'align_clusters': align_clusters,
        }
        if align_clusters and base_model is None:
            raise ValueError(
                'align_clusters needs a base_model, whose ids the clusters are to take: connect '
                'one, or leave align_clusters out.'
            )
        super().__init__(
            spec=KMeansTrainerSpec(
                examples=examples,
                transform_graph=transform_graph,
                schema=schema,
                base_model=base_model,
                centroids=types.Channel(type=KMeansCentroids),
                model_run=types.Channel(type=standard_artifacts.ModelRun),
                **encode(TrainerOptions, options),
            )
        )
