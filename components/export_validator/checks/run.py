"""Runs all checks."""

from __future__ import annotations

import dataclasses

from tfx_kmeans.export_validator.checks import (  # noqa: F401  # fill the registry
    baseline,
    clustering,
    serving,
    structure,
)
from tfx_kmeans.export_validator.checks.finding import GROUPS, REGISTRY, Check, Finding
from tfx_kmeans.export_validator.context import Context
from tfx_kmeans.export_validator.options import FAIL, OFF
from tfx_kmeans.export_validator.probe.client import start_probe


@dataclasses.dataclass(frozen=True)
class CheckResult:
    """A check with its finding.

    Attributes:
      name: Name of the check.
      group: Group of the check.
      mode: What a failure means: 'fail' or 'warn'.
      passed: Whether the model passed.
      expected: What the check requires, in words.
      found: What the check saw, in words.
      advice: What to do if the check fails.
    """

    name: str
    group: str
    mode: str
    passed: bool
    expected: str
    found: str
    advice: str

    @property
    def label(self) -> str:
        """The verdict in a word: passed, FAILED, or warned if a failure only warns."""
        if self.passed:
            return 'passed'
        return 'FAILED' if self.mode == FAIL else 'warned'


def all_checks() -> list[Check]:
    """Every registered check, by group and then in order of definition."""
    return sorted(REGISTRY.values(), key=lambda check: GROUPS.index(check.group))


def run_checks(context: Context) -> list[CheckResult]:
    """Runs every check that is not off; a check that raises has failed."""
    start_probe()
    modes = context.options.thresholds.checks
    results = []
    for check in all_checks():
        mode = modes.get(check.name, check.mode)
        finding = None if mode == OFF else _run(check, context)
        if finding is not None:
            results.append(_result(check, mode, finding))
    return results


def _run(check: Check, context: Context) -> Finding | None:
    """The finding of a check; None if the check does not apply."""
    try:
        return check.run(context) if check.applies(context) else None
    except Exception as error:
        return Finding(False, 'the check runs without an error', f'{type(error).__name__}: {error}')


def _result(check: Check, mode: str, finding: Finding) -> CheckResult:
    return CheckResult(
        name=check.name,
        group=check.group,
        mode=mode,
        passed=finding.passed,
        expected=finding.expected,
        found=finding.found,
        advice=check.advice,
    )
