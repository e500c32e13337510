"""What a fit puts down on its way, so that one that is killed can be taken up again."""

from __future__ import annotations

import dataclasses
import zlib
from typing import Any, Protocol

import numpy as np

from tfx_kmeans.clustering.options import KMeansOptions
from tfx_kmeans.clustering.outcome import Outcome, Restart
from tfx_kmeans.clustering.progress import Progress
from tfx_kmeans.clustering.weighted_rows import WeightedRows

_BLOCK = 1 << 16


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """A fit between two iterations.

    Attributes:
      fingerprint: of the data and options, see `fingerprint_of`.
      seed: the one that is used.
      restarts: those that are done.
      best: of these, the one with the least inertia.
      progress: of the one that is under way; None where it has not begun.
    """

    fingerprint: dict[str, Any]
    seed: int
    restarts: tuple[Restart, ...] = ()
    best: Outcome | None = None
    progress: Progress | None = None


class Checkpoints(Protocol):
    """Where checkpoints are kept."""

    def load(self, fingerprint: dict[str, Any]) -> Checkpoint | None:
        """The last whole one; raises where it is of other data or options."""

    def save(self, checkpoint: Checkpoint) -> None:
        """Keeps one, or passes over it where the last has only just been kept."""


def fingerprint_of(
    rows: WeightedRows, options: KMeansOptions, start: np.ndarray | None, engine: str
) -> dict[str, Any]:
    """What must be the same for a fit to go on: JSON-like, one entry for each thing to compare.

    Args:
      rows: as they were given, in feature space.
      options: of the fit.
      start: the centroids it begins with, where it is given some.
      engine: what computes the steps; another one may round otherwise.
    """
    given = options.to_json()
    asked = sorted(field.name for field in dataclasses.fields(KMeansOptions))
    return {
        'rows': len(rows),
        'columns': rows.width,
        'values of the rows': _checksum(rows.values),
        'weights of the rows': None if rows.weights is None else _checksum(rows.weights),
        'engine': engine,
        'start': None if start is None else _checksum(start),
        **{name: given[name] for name in asked},
    }


def _checksum(values: np.ndarray) -> int:
    checksum = 0
    for start in range(0, len(values), _BLOCK):
        checksum = zlib.crc32(values[start : start + _BLOCK].data.cast('B'), checksum)
    return checksum
