"""Options of ExportValidator."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from tfx_kmeans.argument_checks import (
    check_choice,
    check_flag,
    check_integer,
    check_strings,
    use_python_scalars,
)
from tfx_kmeans.errors import ParameterError

T = TypeVar('T')


OFF, WARN, FAIL = MODES = ('off', 'warn', 'fail')
_COUNTS = ('max_model_bytes', 'max_model_files', 'probe_seconds', 'probe_memory_mb')


@dataclasses.dataclass(frozen=True)
class Thresholds:
    """Limits that a model must keep. A number whose limit is None is reported but not judged.

    Attributes:
      max_model_bytes: Maximum size of all files together; the default is the limit of AI Platform.
      max_model_files: Maximum number of files.
      probe_seconds: Maximum seconds to load the model and to answer in the probe process.
      probe_memory_mb: Memory limit of the probe process in MiB, beyond TensorFlow's own memory.
      max_latency_ms_batch_1: Maximum of the median milliseconds of a call with one example.
      max_latency_ms_batch_64: Maximum of the median milliseconds of a call with 64 examples.
      max_memory_mb: Maximum memory to load the model and to answer all examples, in MiB, beyond
        TensorFlow's own memory.
      max_empty_clusters: Maximum number of clusters without a row in training.
      min_cluster_share: Minimum share of the training weight in the smallest cluster.
      max_cluster_share: Maximum share of the training weight in the largest cluster.
      max_inertia_ratio: Maximum ratio of the inertia per example to the inertia per training row.
      min_silhouette: Minimum silhouette of the examples.
      max_davies_bouldin: Maximum Davies-Bouldin index of the examples.
      max_baseline_inertia_ratio: Maximum ratio of the examples' inertia in the model's clusters to
        their inertia in the baseline's clusters.
      max_baseline_changed: Maximum share of the examples that change cluster.
      max_baseline_drift: Maximum Jensen-Shannon divergence of the cluster shares, in bits.
      checks: Mode of each check by its name: 'off' (the check is not run), 'warn' or 'fail'.
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
        use_python_scalars(self)
        for name in _COUNTS:
            check_integer(f'thresholds.{name}', getattr(self, name), minimum=1)
        check_integer('thresholds.max_empty_clusters', self.max_empty_clusters, minimum=0)
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.default is None and value is not None:
                _check_limit(f'thresholds.{field.name}', value)
        if not isinstance(self.checks, Mapping):
            raise ParameterError(
                f'thresholds.checks must be a dict of check names to {", ".join(MODES)}, got '
                f'{self.checks!r}.'
            )
        for name, mode in self.checks.items():
            check_choice('thresholds.checks', name, _check_names())
            check_choice(f'thresholds.checks[{name!r}]', mode, MODES)


@dataclasses.dataclass(frozen=True)
class Override:
    """A person's decision to push a model despite its clustering.

    Attributes:
      reason: Why the model is to be pushed.
      name: Name of the person who decided.
    """

    reason: str
    name: str

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, str) or not value.strip():
                raise ParameterError(
                    f'override.{field.name} must be a non-empty string, got {value!r}.'
                )


@dataclasses.dataclass(frozen=True)
class ValidatorOptions:
    """What to check, and with which examples.

    Attributes:
      splits: Names of the splits with the examples that the model must answer.
      max_examples: Maximum number of examples.
      thresholds: Limits, and modes of checks.
      override: Blesses the model even if checks of clustering or baseline fail.
      report_rows: Whether report.html shows a sample of the rows, as points.
      notes: Sentences about the data for the reports, such as the columns that were left out.
    """

    splits: Sequence[str] = ('eval',)
    max_examples: int = 50_000
    thresholds: Thresholds = dataclasses.field(default_factory=Thresholds)
    override: Override | None = None
    report_rows: bool = True
    notes: Sequence[str] = ()

    def __post_init__(self) -> None:
        use_python_scalars(self)
        check_flag('report_rows', self.report_rows)
        check_strings('notes', self.notes)
        is_list = isinstance(self.splits, Sequence) and not isinstance(self.splits, str)
        if not is_list or not self.splits or not all(isinstance(name, str) for name in self.splits):
            raise ParameterError(
                f'splits must be a list of at least one name, got {self.splits!r}.'
            )
        check_integer('max_examples', self.max_examples, minimum=7)


def _check_names() -> tuple[str, ...]:
    from tfx_kmeans.export_validator.checks.run import all_checks  # which imports the options

    return tuple(check.name for check in all_checks())


def _check_limit(name: str, value: object) -> None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value):  # type: ignore[arg-type]
        raise ParameterError(f'{name} must be a finite number or None, got {value!r}.')


def thresholds_of(given: Thresholds | Mapping[str, Any] | None) -> Thresholds:
    """Thresholds from a dict of fields, if they are not Thresholds already.

    Raises:
      ParameterError: Naming the thresholds that do not exist, and those that do.
    """
    return Thresholds() if given is None else _of('thresholds', Thresholds, given)


def override_of(given: Override | Mapping[str, Any] | None) -> Override | None:
    """An override from a dict of fields, if it is not an Override already.

    Raises:
      ParameterError: Naming the fields that do not exist or are missing.
    """
    return None if given is None else _of('override', Override, given)


def _of(parameter: str, kind: type[T], given: Any) -> T:
    if isinstance(given, kind):
        return given
    if not isinstance(given, Mapping):
        raise ParameterError(
            f'{parameter} must be {kind.__name__} or a dict of its fields, got {given!r}.'
        )
    fields = dataclasses.fields(kind)  # type: ignore[arg-type]
    known = [field.name for field in fields]
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise ParameterError(
            f'{parameter} has {", ".join(map(repr, unknown))}, which does not exist. The fields '
            f'are: {", ".join(known)}.'
        )
    missing = [
        field.name
        for field in fields
        if field.name not in given
        and field.default is dataclasses.MISSING
        and field.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise ParameterError(f'{parameter} lacks {", ".join(map(repr, missing))}.')
    return kind(**given)
