"""What an ExportValidator can be told."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from tfx_kmeans.checking import check_integer


@dataclasses.dataclass(frozen=True)
class Thresholds:
    """Limits that a model must keep.

    Attributes:
      max_model_bytes: of all files together; the default is what AI Platform takes.
      max_model_files: how many files.
      probe_seconds: how long loading and answering may take in the probe process.
      probe_memory_mb: how much memory it may take for that, in MiB, beyond TensorFlow's own.
    """

    max_model_bytes: int = 262_144_000
    max_model_files: int = 1000
    probe_seconds: int = 300
    probe_memory_mb: int = 4096

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            check_integer(f'thresholds.{field.name}', getattr(self, field.name), minimum=1)


@dataclasses.dataclass(frozen=True)
class ValidatorOptions:
    """What to check, and against what.

    Attributes:
      splits: names of the splits whose examples the model must answer.
      max_examples: the most examples that are tried.
      thresholds: limits.
    """

    splits: Sequence[str] = ('eval',)
    max_examples: int = 50_000
    thresholds: Thresholds = dataclasses.field(default_factory=Thresholds)

    def __post_init__(self) -> None:
        is_list = isinstance(self.splits, Sequence) and not isinstance(self.splits, str)
        if not is_list or not self.splits or not all(isinstance(name, str) for name in self.splits):
            raise ValueError(f'splits must be a list of at least one name, got {self.splits!r}.')
        check_integer('max_examples', self.max_examples, minimum=7)


def thresholds_of(given: Thresholds | Mapping[str, Any] | None) -> Thresholds:
    """Thresholds from what a pipeline's author wrote.

    Raises:
      ValueError: naming the thresholds that do not exist, and those that do.
    """
    if given is None:
        return Thresholds()
    if isinstance(given, Thresholds):
        return given
    if not isinstance(given, Mapping):
        raise ValueError(f'thresholds must be Thresholds or a dict of its fields, got {given!r}.')
    known = [field.name for field in dataclasses.fields(Thresholds)]
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise ValueError(
            f'thresholds has {", ".join(map(repr, unknown))}, which does not exist. There are: '
            f'{", ".join(known)}.'
        )
    return Thresholds(**given)
