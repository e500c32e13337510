"""What an ExportValidator can be told."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from tfx_kmeans.checking import check_choice, check_flag, check_integer

T = TypeVar('T')


OFF, WARN, FAIL = MODES = ('off', 'warn', 'fail')
CHECK_NAMES = (
    'files', 'tags', 'signatures', 'forbidden_operations', 'known_operations', 'assets',
    'leftovers', 'centroids_in_model', 'size', 'loads_in_clean_process', 'examples_parity',
    'raw_parity', 'features_parity', 'all_distances_parity', 'cluster_index_agrees',
    'server_answers', 'batch_sizes', 'neighbours', 'malformed_examples', 'needless_inputs',
    'warmup', 'concurrent_calls', 'latency_batch_1', 'latency_batch_64', 'memory',
    'finite_centroids', 'number_and_width', 'distinct_centroids', 'empty_clusters',
    'smallest_share', 'largest_share', 'inertia_ratio', 'silhouette', 'davies_bouldin',
    'preprocess_matches_transform', 'baseline_fits', 'baseline_inertia', 'baseline_changed',
    'baseline_drift',
)  # fmt: skip
_COUNTS = ('max_model_bytes', 'max_model_files', 'probe_seconds', 'probe_memory_mb')


@dataclasses.dataclass(frozen=True)
class Thresholds:
    """Limits that a model must keep. A figure whose limit is None is told, and not judged.

    Attributes:
      max_model_bytes: of all files together; the default is what AI Platform takes.
      max_model_files: how many files.
      probe_seconds: how long loading and answering may take in the probe process.
      probe_memory_mb: how much memory it may take for that, in MiB, beyond TensorFlow's own.
      max_latency_ms_batch_1: median milliseconds of a call with one example.
      max_latency_ms_batch_64: median milliseconds of a call with 64 examples.
      max_memory_mb: the most memory that loading and answering all examples may take, in MiB,
        beyond TensorFlow's own.
      max_empty_clusters: how many clusters may have had no row in training.
      min_cluster_share: of the training weight in the smallest cluster.
      max_cluster_share: of the training weight in the largest cluster.
      max_inertia_ratio: inertia by row of the examples, of training's.
      min_silhouette: of the examples.
      max_davies_bouldin: of the examples.
      max_baseline_inertia_ratio: inertia of the examples, of that with the baseline's centroids.
      max_baseline_changed: share of the examples that change cluster.
      max_baseline_drift: Jensen-Shannon divergence of the cluster shares, in bits.
      checks: what a failure of a check means, by its name: 'off' (it is not run), 'warn' or 'fail'.
    """

    max_model_bytes: int = 262_144_000
    max_model_files: int = 1000
    probe_seconds: int = 300
    probe_memory_mb: int = 4096
    max_latency_ms_batch_1: float | None = None
    max_latency_ms_batch_64: float | None = None
    max_memory_mb: float | None = None
    max_empty_clusters: int = 0
    min_cluster_share: float | None = None
    max_cluster_share: float | None = None
    max_inertia_ratio: float | None = None
    min_silhouette: float | None = None
    max_davies_bouldin: float | None = None
    max_baseline_inertia_ratio: float | None = None
    max_baseline_changed: float | None = None
    max_baseline_drift: float | None = None
    checks: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in _COUNTS:
            check_integer(f'thresholds.{name}', getattr(self, name), minimum=1)
        check_integer('thresholds.max_empty_clusters', self.max_empty_clusters, minimum=0)
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.default is None and value is not None:
                _check_limit(f'thresholds.{field.name}', value)
        if not isinstance(self.checks, Mapping):
            raise ValueError(
                f'thresholds.checks must be a dict of check names to {", ".join(MODES)}, got '
                f'{self.checks!r}.'
            )
        for name, mode in self.checks.items():
            check_choice('thresholds.checks', name, CHECK_NAMES)
            check_choice(f'thresholds.checks[{name!r}]', mode, MODES)


@dataclasses.dataclass(frozen=True)
class Override:
    """Someone's word that a model is to be pushed despite its clustering.

    Attributes:
      reason: why.
      name: whose word it is.
    """

    reason: str
    name: str

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, str) or not value.strip():
                raise ValueError(f'override.{field.name} must be a text, got {value!r}.')


@dataclasses.dataclass(frozen=True)
class ValidatorOptions:
    """What to check, and against what.

    Attributes:
      splits: names of the splits whose examples the model must answer.
      max_examples: the most examples that are tried.
      thresholds: limits, and which checks count.
      override: blesses despite failures of clustering and baseline checks.
      report_rows: whether report.html may show sampled rows, as points.
    """

    splits: Sequence[str] = ('eval',)
    max_examples: int = 50_000
    thresholds: Thresholds = dataclasses.field(default_factory=Thresholds)
    override: Override | None = None
    report_rows: bool = True

    def __post_init__(self) -> None:
        check_flag('report_rows', self.report_rows)
        is_list = isinstance(self.splits, Sequence) and not isinstance(self.splits, str)
        if not is_list or not self.splits or not all(isinstance(name, str) for name in self.splits):
            raise ValueError(f'splits must be a list of at least one name, got {self.splits!r}.')
        check_integer('max_examples', self.max_examples, minimum=7)


def _check_limit(name: str, value: object) -> None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value):  # type: ignore[arg-type]
        raise ValueError(f'{name} must be a finite number or None, got {value!r}.')


def thresholds_of(given: Thresholds | Mapping[str, Any] | None) -> Thresholds:
    """Thresholds from what a pipeline's author wrote.

    Raises:
      ValueError: naming the thresholds that do not exist, and those that do.
    """
    return Thresholds() if given is None else _of('thresholds', Thresholds, given)


def override_of(given: Override | Mapping[str, Any] | None) -> Override | None:
    """An override from what a pipeline's author wrote; raises as `thresholds_of`."""
    return None if given is None else _of('override', Override, given)


def _of(parameter: str, kind: type[T], given: Any) -> T:
    if isinstance(given, kind):
        return given
    if not isinstance(given, Mapping):
        raise ValueError(
            f'{parameter} must be {kind.__name__} or a dict of its fields, got {given!r}.'
        )
    fields = dataclasses.fields(kind)  # type: ignore[arg-type]
    known = [field.name for field in fields]
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise ValueError(
            f'{parameter} has {", ".join(map(repr, unknown))}, which does not exist. There are: '
            f'{", ".join(known)}.'
        )
    missing = [
        field.name
        for field in fields
        if field.name not in given
        and field.default is dataclasses.MISSING
        and field.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise ValueError(f'{parameter} lacks {", ".join(map(repr, missing))}.')
    return kind(**given)
