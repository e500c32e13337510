"""What a check is and what it returns; the registry of all checks."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

from tfx_kmeans.export_validator.context import Context
from tfx_kmeans.export_validator.options import FAIL

STRUCTURE, SERVING, CLUSTERING, BASELINE = GROUPS = (
    'structure',
    'serving',
    'clustering',
    'baseline',
)


@dataclasses.dataclass(frozen=True)
class Finding:
    """Result of a check.

    Attributes:
      passed: Whether the model passed.
      expected: What the check requires, in words.
      found: What the check saw, in words.
    """

    passed: bool
    expected: str
    found: str


CheckFunction = Callable[[Context], Finding]


@dataclasses.dataclass(frozen=True)
class Check:
    """A registered check.

    Attributes:
      name: Name in the report and in `thresholds.checks`.
      group: STRUCTURE, SERVING, CLUSTERING or BASELINE; decides what a failure blocks.
      run: Examines and judges the model.
      advice: What to do if the check fails.
      applies: Whether there is anything to examine.
      mode: What a failure means unless `thresholds.checks` says otherwise: FAIL or WARN.
    """

    name: str
    group: str
    run: CheckFunction
    advice: str
    applies: Callable[[Context], bool]
    mode: str


REGISTRY: dict[str, Check] = {}
"""All checks by name, filled by the modules that define them; see `run.all_checks`."""


def check(
    group: str,
    *,
    advice: str,
    applies: Callable[[Context], bool] = lambda _: True,
    mode: str = FAIL,
) -> Callable[[CheckFunction], CheckFunction]:
    """Registers a function as a check, under the function's name.

    Args:
      group: STRUCTURE, SERVING, CLUSTERING or BASELINE.
      advice: What to do if the check fails.
      applies: Whether there is anything to examine; the check is left out otherwise.
      mode: What a failure means unless a pipeline says otherwise: FAIL or WARN.
    """

    def register(function: CheckFunction) -> CheckFunction:
        name = function.__name__
        assert group in GROUPS, group
        assert name not in REGISTRY, f'two checks are called {name}'
        REGISTRY[name] = Check(name, group, function, advice, applies, mode)
        return function

    return register


def listed(items: Iterable[Any]) -> str:
    """The items sorted and separated by commas; 'none' if there are none."""
    return ', '.join(sorted(map(str, items))) or 'none'


def ratio_of(found: float, other: float) -> float:
    """Ratio of two non-negative numbers: 1 if both are 0, infinity if only the divisor is."""
    if other:
        return found / other
    return float('inf') if found else 1.0


def within(
    what: str, found: float, minimum: float | None = None, maximum: float | None = None
) -> Finding:
    """Judges a number by its limits; without limits it passes and is only reported."""
    limits = [
        f'{side} {limit:g}'
        for side, limit in (('at least', minimum), ('at most', maximum))
        if limit is not None
    ]
    passed = (minimum is None or found >= minimum) and (maximum is None or found <= maximum)
    expected = f'{what}: {" and ".join(limits) or "no limit is set"}'
    return Finding(bool(passed), expected, f'{found:.6g}')
