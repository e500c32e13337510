"""Checkpoints of a fit, so that a fit that was killed can be resumed."""

from __future__ import annotations

import dataclasses
import zlib
from typing import Any, Protocol

import numpy as np

from tfx_kmeans.clustering.fit_result import FinalAssignment, Restart
from tfx_kmeans.clustering.options import KMeansOptions
from tfx_kmeans.clustering.progress import Progress
from tfx_kmeans.clustering.weighted_rows import WeightedRows

_BLOCK = 1 << 16


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """State of a fit between two iterations.

    Attributes:
      fingerprint: Fingerprint of the data and the options, see `fingerprint_of`.
      seed: Random seed in use.
      restarts: Finished restarts.
      best: Result of the finished restart with the smallest inertia; None if none has finished.
      progress: Progress of the current restart; None if that restart has not begun.
    """

    fingerprint: dict[str, Any]
    seed: int
    restarts: tuple[Restart, ...] = ()
    best: FinalAssignment | None = None
    progress: Progress | None = None


class Checkpoints(Protocol):
    """Storage of checkpoints."""

    def load(self, fingerprint: dict[str, Any]) -> Checkpoint | None:
        """The newest complete checkpoint; None if there is none.

        Raises:
          CheckpointError: If the checkpoint belongs to a fit of other data or options.
        """

    def save(self, checkpoint: Checkpoint) -> None:
        """Stores a checkpoint, or skips it if one was stored only shortly before."""


def fingerprint_of(
    rows: WeightedRows, options: KMeansOptions, start: np.ndarray | None, engine: str
) -> dict[str, Any]:
    """Everything that must be unchanged for a fit to be resumed, as JSON-compatible values by name.

    Args:
      rows: Rows in feature space, as they were passed to the fit.
      options: Options of the fit.
      start: Centroids to start from, if any were given, float32 [k, d].
      engine: Name of the engine that computes the steps; another engine may round differently.
    """
    values = options.to_json()
    option_names = sorted(field.name for field in dataclasses.fields(KMeansOptions))
    return {
        'rows': len(rows),
        'columns': rows.width,
        'values of the rows': _checksum_of(rows),
        'weights of the rows': None if rows.weights is None else _checksum(rows.weights),
        'engine': engine,
        'start': None if start is None else _checksum(start),
        **{name: values[name] for name in option_names},
    }


def _checksum_of(rows: WeightedRows) -> int:
    values = _checksum(rows.values)
    return values if rows.offset is None else _checksum(rows.offset, values)


def _checksum(values: np.ndarray, checksum: int = 0) -> int:
    for start in range(0, len(values), _BLOCK):
        checksum = zlib.crc32(values[start : start + _BLOCK].data.cast('B'), checksum)
    return checksum
