"""KMeansTrainer: clusters examples and outputs centroids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import component_spec, standard_artifacts

from tfx_kmeans.artifacts import KMeansCentroids
from tfx_kmeans.errors import ParameterError
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
        'raw_examples': component_spec.ChannelParameter(
            type=standard_artifacts.Examples, optional=True
        ),
    }
    OUTPUTS = {
        'centroids': component_spec.ChannelParameter(type=KMeansCentroids),
        'model_run': component_spec.ChannelParameter(type=standard_artifacts.ModelRun),
    }


class KMeansTrainer(base_component.BaseComponent):  # type: ignore[misc]
    """Clusters examples by k-means.

    By default it runs full-batch Lloyd iterations from a k-means++ start, which are exact except
    for the rounding of the rows to float32. If the examples have a split `eval` that is not trained
    on, the clustering is evaluated on it.

    Outputs:
      centroids: `KMeansCentroids` with the custom properties k, inertia, iterations and rows. If
        there is an evaluation, also silhouette, davies_bouldin, eval_inertia, eval_rows and
        eval_cluster_weight.
      model_run: `ModelRun` with TensorBoard logs of each restart and of the evaluation.
    """

    SPEC_CLASS = KMeansTrainerSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        transform_graph: types.BaseChannel | None = None,
        schema: types.BaseChannel | None = None,
        base_model: types.BaseChannel | None = None,
        raw_examples: types.BaseChannel | None = None,
        *,
        num_clusters: int | Any | None = None,
        features: Sequence[str] | None = None,
        exclude_features: Sequence[str] = TrainerOptions.exclude_features,
        column_names: Sequence[str] | None = None,
        weight_feature: str | None = None,
        initial_clusters: str | Sequence[Sequence[float]] = TrainerOptions.initial_clusters,  # type: ignore[assignment]
        distance_metric: str = TrainerOptions.distance_metric,
        use_mini_batch: bool = TrainerOptions.use_mini_batch,
        mini_batch_steps_per_iteration: int = TrainerOptions.mini_batch_steps_per_iteration,
        batch_size: int = TrainerOptions.batch_size,
        kmeans_plus_plus_num_retries: int = TrainerOptions.kmeans_plus_plus_num_retries,
        sample_first: bool = TrainerOptions.sample_first,
        relative_tolerance: float = TrainerOptions.relative_tolerance,
        max_iterations: int = TrainerOptions.max_iterations,
        num_restarts: int = TrainerOptions.num_restarts,
        seed: int | None = TrainerOptions.seed,
        splits: Sequence[str] = TrainerOptions.splits,
        memory_limit_mb: int | Any | None = None,
        checkpoint_dir: str | Any | None = None,
        align_clusters: bool = TrainerOptions.align_clusters,
    ) -> None:
        """Creates the pipeline node; numbers and strings may also be RuntimeParameters.

        Args:
          examples: tf.Examples, raw or (usually) transformed by Transform.
          transform_graph: Transform graph that the examples were transformed with; describes their
            features.
          schema: Schema of raw examples, if there is no Transform. If neither is given, the
            features are those of the first example.
          base_model: Earlier model that CentroidExporter exported, or its pushed copy, from a
            Resolver or an Importer. Training starts from its centroids, in a single run. If the
            channel is empty, as in a first run, training starts from initial_clusters. k must
            match; without raw_examples, features and metric must match, too.
          raw_examples: The examples before Transform, with the same splits. The base model clusters
            them with its own preprocessing, and training starts from the means of the new rows in
            its clusters, so that Transform may have learned other scales and vocabularies since,
            and features and metric may differ. If None, the centroids of the base model are used
            as they are.
          num_clusters: Number of clusters, k. May be omitted if initial_clusters is a list of rows.
          features: Names of the features to cluster by; None for all dense numeric features. They
            fill the columns in sorted order.
          exclude_features: Names of features not to cluster by.
          column_names: Name of each column, in matrix order. None for a scalar feature's own name
            and `name[i]` for the values of a vector.
          weight_feature: Name of the numeric feature with the weight of each row; it is not
            clustered by. None for weights of 1.
          initial_clusters: Initial centroids: 'kmeans_plus_plus', 'kmeans_parallel', 'random', a
            list of k rows, or a function, given as 'module:function'. The function is called as
            f(rows, left) with one block of rows after another (float32 [b, d]) and the number of
            centroids left to choose, until all are chosen. It returns 0 to `left` rows.
          distance_metric: Distance metric: 'squared_euclidean', or 'cosine' for 1 - cos (spherical
            k-means).
          use_mini_batch: Whether each step uses `batch_size` random rows (Sculley 2010) instead of
            all rows. Unlike in the Estimator, the default is False.
          mini_batch_steps_per_iteration: Number of mini-batch steps between two updates of the
            centroids that rows are assigned to.
          batch_size: Number of rows in a mini-batch step.
          kmeans_plus_plus_num_retries: Number of additional candidates in each k-means++ draw. If
            negative, the O(log k) rule applies: 2 + floor(ln k) candidates in total.
          sample_first: Whether seeding and the first iterations run on a sample, if there are at
            least three times as many rows as it has: 200 for each cluster, at least 32,768. One
            pass over all rows then looks for clusters that the sample has missed.
          relative_tolerance: Relative decrease of the inertia at or below which iterations stop.
            With mini-batches, it applies to the running mean of the inertia over ten iterations.
          max_iterations: Maximum number of iterations in each restart.
          num_restarts: Number of runs from different seeds; the one with the smallest inertia is
            kept.
          seed: Random seed; None draws one, and the result records it.
          splits: Names of the splits to train on.
          memory_limit_mb: Memory limit for the rows in MiB. If the rows exceed it, they are held in
            a file on local disk while the component runs. None for half of the memory of the
            machine or container.
          checkpoint_dir: Folder for checkpoints of this clustering alone. A run that was killed
            resumes from them when it is started again, with bit-identical results. They are removed
            at the end. None for no checkpoints.
          align_clusters: Whether to start from initial_clusters even with a base model, and then
            give each cluster the id of the base model's cluster that it is matched with, one to
            one. For consumers that key on the id.

        Raises:
          ParameterError: If a value is invalid; names the parameter, the value and what is allowed.
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
            'sample_first': sample_first,
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
            raise ParameterError(
                'align_clusters requires a base_model: the clusters take its ids. Connect a '
                'base_model, or omit align_clusters.'
            )
        if raw_examples is not None and base_model is None:
            raise ParameterError(
                'raw_examples has no effect without a base_model, which would cluster them. '
                'Connect a base_model, or omit raw_examples.'
            )
        super().__init__(
            spec=KMeansTrainerSpec(
                examples=examples,
                transform_graph=transform_graph,
                schema=schema,
                base_model=base_model,
                raw_examples=raw_examples,
                centroids=types.Channel(type=KMeansCentroids),
                model_run=types.Channel(type=standard_artifacts.ModelRun),
                **encode(TrainerOptions, options),
            )
        )
