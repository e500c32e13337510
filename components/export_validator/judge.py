"""From the sources to a verdict and its report."""

from __future__ import annotations

import html
import logging
import tempfile
from pathlib import Path

from tfx_kmeans.export_validator.checks import run_checks
from tfx_kmeans.export_validator.context import Context, Sources
from tfx_kmeans.export_validator.options import ValidatorOptions
from tfx_kmeans.export_validator.page import render_page
from tfx_kmeans.export_validator.verdict import Verdict, write_report

_log = logging.getLogger(__name__)


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
            write_report(report, verdict, model, _page(context, verdict, model))
    return verdict


def _page(context: Context, verdict: Verdict, model: str) -> str:
    """The page; a plain one where that fails, for no drawing may cost the verdict."""
    try:
        return render_page(context, verdict, model)
    except Exception as error:
        _log.exception('report.html cannot be drawn')
        word = 'The model is blessed' if verdict.blessed else 'The model is not blessed'
        failed = ', '.join(verdict.failed)
        why = html.escape(f'{failed}. This page cannot be drawn ({error}): see report.json.')
        return f'<!DOCTYPE html><meta charset="utf-8"><h1>{word}</h1><p>{why}</p>'
