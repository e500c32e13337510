"""Runs the checks, reaches a verdict and writes its report."""

from __future__ import annotations

import html
import logging
import tempfile
from pathlib import Path

from tfx_kmeans.export_validator.checks.run import run_checks
from tfx_kmeans.export_validator.context import Context, Sources
from tfx_kmeans.export_validator.options import ValidatorOptions
from tfx_kmeans.export_validator.report.document import write_report
from tfx_kmeans.export_validator.report.page import render_page
from tfx_kmeans.export_validator.verdict import Verdict

_log = logging.getLogger(__name__)


def judge(sources: Sources, options: ValidatorOptions, model: str, report: str | None) -> Verdict:
    """Checks a model.

    Args:
      sources: Locations of the model and of what it is compared with.
      options: Limits.
      model: Name of the model in the report.
      report: Folder for report.json and report.html; None for no report.
    """
    with tempfile.TemporaryDirectory(prefix='tfx_kmeans_') as scratch:
        context = Context(sources, options, Path(scratch))
        verdict = Verdict(run_checks(context), options.override)
        if report is not None:
            page = _page(context, verdict, model)
            write_report(report, verdict, model, page, sources.splits, notes=options.notes)
    return verdict


def _page(context: Context, verdict: Verdict, model: str) -> str:
    """The page; a plain one if it cannot be rendered, so that the verdict is not lost."""
    note = context.sources.splits.note
    try:
        return render_page(context, verdict, model)
    except Exception as error:
        _log.exception('report.html cannot be rendered')
        title = 'The model is blessed' if verdict.blessed else 'The model is not blessed'
        failed = ', '.join(verdict.failed) or 'none'
        why = html.escape(
            f'Failed checks: {failed}. This page cannot be rendered ({error}): see report.json. '
            f'{note}'
        )
        return f'<!DOCTYPE html><meta charset="utf-8"><h1>{title}</h1><p>{why}</p>'
