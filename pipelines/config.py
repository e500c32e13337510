"""Configuration of the pipeline."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence

from tfx_kmeans.argument_checks import check_choice, check_integer, check_strings
from tfx_kmeans.errors import ParameterError
from tfx_kmeans.export_validator.options import Thresholds
from tfx_kmeans.kmeans_trainer.options import TrainerOptions
from tfx_kmeans.pipelines.column_options import ColumnOptions

_NAME = re.compile(r'[a-z0-9][a-z0-9-]{0,127}')
CSV, PARQUET = DATA_FORMATS = ('csv', 'parquet')


@dataclasses.dataclass(frozen=True)
class PipelineConfig:
    """Configuration of one pipeline, validated when it is created.

    Attributes:
      data_root: Folder of CSV files that all have the same header, or of Parquet files.
      pipeline_root: Folder for the artifacts.
      serving_dir: Folder that blessed models are pushed to.
      num_clusters: Number of clusters, k.
      features: Columns to cluster by; None for every numeric column that is not excluded, and the
        categorical ones.
      exclude_features: Columns to leave out, for example a label.
      distance_metric: 'squared_euclidean' or 'cosine'.
      num_restarts: Number of runs from different seeds; the one with the lowest inertia is kept.
      seed: Random seed; None draws one and records it.
      pipeline_name: 1 to 128 lower-case letters, digits and dashes, as Kubeflow requires.
      metadata_path: File of the SQLite metadata store; None if the orchestrator has its own store.
      beam_pipeline_args: Beam options for every component that runs on Beam.
      data_format: Format of the files in data_root, 'csv' (*.csv) or 'parquet' (*.parquet).
      categorical: Values of each categorical column, all strings or all integers. Each value gets a
        column of zeros and ones; None as the last value gets one for all values that are not
        listed. Without None, a row with such a value is zero in all of them.
      log: Numeric columns to replace by sign(x) log(1 + |x|) before they are standardised.
      clip: Lower and upper bound of numeric columns, either of which may be None. A number beyond a
        bound is replaced by the bound, before the logarithm.
      vectors: Names of the values of each raw feature that is a list of floats with one value for
        each name, NaN if it is missing. The other fields use these names like those of columns.
      notes: Sentences about the data that ExportValidator's reports show.
      probe_memory_mb: Memory limit of ExportValidator's probe process in MiB, beyond TensorFlow's
        own memory.

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
    data_format: str = CSV
    categorical: Mapping[str, Sequence[str | int | None]] = dataclasses.field(default_factory=dict)
    log: Sequence[str] = ()
    clip: Mapping[str, Sequence[float | None]] = dataclasses.field(default_factory=dict)
    vectors: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=dict)
    notes: Sequence[str] = ()
    probe_memory_mb: int = Thresholds.probe_memory_mb

    def __post_init__(self) -> None:
        for field in ('data_root', 'pipeline_root', 'serving_dir'):
            if not getattr(self, field):
                raise ParameterError(f'{field} is empty: give a folder.')
        if not _NAME.fullmatch(self.pipeline_name):
            raise ParameterError(
                'pipeline_name must consist of 1 to 128 lower-case letters, digits and dashes, and '
                f'must not start with a dash; got {self.pipeline_name!r}.'
            )
        check_choice('data_format', self.data_format, DATA_FORMATS)
        check_strings('notes', self.notes)
        check_integer('probe_memory_mb', self.probe_memory_mb, minimum=1)
        TrainerOptions(
            num_clusters=self.num_clusters,
            features=self.features,
            exclude_features=self.exclude_features,
            distance_metric=self.distance_metric,
            num_restarts=self.num_restarts,
            seed=self.seed,
        )
        for name in ('categorical', 'clip', 'vectors'):  # with tuples and Python's own numbers
            object.__setattr__(self, name, getattr(self.columns, name))

    @property
    def columns(self) -> ColumnOptions:
        """What the preprocessing does with which columns."""
        names = [field.name for field in dataclasses.fields(ColumnOptions)]
        return ColumnOptions(**{name: getattr(self, name) for name in names})
