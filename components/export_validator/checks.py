"""All checks, and how they are run."""

from __future__ import annotations

import dataclasses

from tfx_kmeans.export_validator import (
    baseline_checks,
    clustering_checks,
    serving_checks,
    structure_checks,
)
from tfx_kmeans.export_validator.context import Context
from tfx_kmeans.export_validator.findings import Check, Finding
from tfx_kmeans.export_validator.options import FAIL, OFF
from tfx_kmeans.export_validator.probing import start_probe

CHECKS = (
    *structure_checks.CHECKS,
    *serving_checks.CHECKS,
    *clustering_checks.CHECKS,
    *baseline_checks.CHECKS,
)


@dataclasses.dataclass(frozen=True)
class CheckResult:
    """A check with what it has found.

    Attributes:
      name: of the check.
      group: of the check.
      mode: what its failure means: 'fail' or 'warn'.
      passed: its verdict.
      expected: in words.
      found: in words.
      advice: what to do where it fails.
    """

    name: str
    group: str
    mode: str
    passed: bool
    expected: str
    found: str
    advice: str


def run_checks(context: Context) -> list[CheckResult]:
    """Runs every check that is not off; one that raises has failed, its exception what it found."""
    start_probe()
    modes = context.options.thresholds.checks
    results = []
    for check in CHECKS:
        mode = modes.get(check.name, FAIL)
        finding = None if mode == OFF else _run(check, context)
        if finding is not None:
            results.append(_result(check, mode, finding))
    return results


def _run(check: Check, context: Context) -> Finding | None:
    """What it has found; None where there is nothing to look at."""
    try:
        return check.run(context) if check.applies(context) else None
    except Exception as error:
        return Finding(False, 'the check to run', f'{type(error).__name__}: {error}')


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
