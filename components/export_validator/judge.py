"""From the sources to a verdict and its report."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tfx_kmeans.export_validator.checks import run_checks
from tfx_kmeans.export_validator.context import Context, Sources
from tfx_kmeans.export_validator.options import ValidatorOptions
from tfx_kmeans.export_validator.page import render_page
from tfx_kmeans.export_validator.verdict import Verdict, write_report


def judge(sources: Sources, options: ValidatorOptions, model: str, report: str | None) -> Verdict:
    """Checks a model.

    Args:
      sources: where it is, and what it is held against.
      options: limits.
      model: how it is called in the report.
      report: a folder for report.json and report.html; None for no report.
    """
    with tempfile.TemporaryDirectory(prefix='tfx_kmeans_') as scratch:
        context = Context(sources, options, Path(scratch))
        verdict = Verdict(run_checks(context), options.override)
        if report is not None:
            write_report(report, verdict, model, render_page(context, verdict, model))
    return verdict
