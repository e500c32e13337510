"""What a check is, and what it gives."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

from tfx_kmeans.export_validator.context import Context

STRUCTURE, SERVING, CLUSTERING, BASELINE = GROUPS = (
    'structure',
    'serving',
    'clustering',
    'baseline',
)


@dataclasses.dataclass(frozen=True)
class Finding:
    """What a check has seen.

    Attributes:
      passed: its verdict.
      expected: in words.
      found: in words.
    """

    passed: bool
    expected: str
    found: str


@dataclasses.dataclass(frozen=True)
class Check:
    """A named check.

    Attributes:
      name: as in the report and in `thresholds.checks`.
      group: STRUCTURE, SERVING, CLUSTERING or BASELINE; decides what a failure blocks.
      run: looks and judges.
      advice: what to do where it fails.
      applies: whether there is something to look at.
    """

    name: str
    group: str
    run: Callable[[Context], Finding]
    advice: str
    applies: Callable[[Context], bool] = lambda _: True


def listed(items: Iterable[Any]) -> str:
    """Sorted, with commas; 'none' where there is nothing."""
    return ', '.join(sorted(map(str, items))) or 'none'


def ratio_of(found: float, other: float) -> float:
    """Of figures that are not negative: 1 where both are 0, infinity where only the other is."""
    if other:
        return found / other
    return float('inf') if found else 1.0


def within(
    what: str, found: float, least: float | None = None, most: float | None = None
) -> Finding:
    """Judges a figure by its limits; without any it passes, and is told."""
    limits = [
        f'{side} {limit:g}'
        for side, limit in (('at least', least), ('at most', most))
        if limit is not None
    ]
    passed = (least is None or found >= least) and (most is None or found <= most)
    expected = f'{what} {" and ".join(limits)}' if limits else f'{what}, without a limit'
    return Finding(bool(passed), expected, f'{found:.6g}')
