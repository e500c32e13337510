"""The page report.html as a whole."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import jinja2
from markupsafe import Markup

from tfx_kmeans.errors import DataError
from tfx_kmeans.export_validator.checks.finding import GROUPS
from tfx_kmeans.export_validator.checks.run import CheckResult
from tfx_kmeans.export_validator.context import Context
from tfx_kmeans.export_validator.report import figures, plots
from tfx_kmeans.export_validator.verdict import Verdict
from tfx_kmeans.version import __version__

_TEMPLATE = 'report.html.jinja'


@dataclasses.dataclass(frozen=True)
class Section:
    """A part of the page other than the checks.

    Attributes:
      title: Heading of the section.
      note: Description of what is shown.
      drawing: Plot as SVG; '' without one.
      profiles: Profiles of clusters; None in other sections.
      missing: Why there is nothing to show; '' otherwise.
    """

    title: str
    note: str = ''
    drawing: str = ''
    profiles: figures.Profiles | None = None
    missing: str = ''


def render_page(context: Context, verdict: Verdict, model_uri: str) -> str:
    """The page, as one HTML document that loads no other file.

    Args:
      context: What the checks examined.
      verdict: What the checks found.
      model_uri: Folder of the model artifact.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader('tfx_kmeans.export_validator.report', ''),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters['figure'] = _figure
    return environment.get_template(_TEMPLATE).render(
        verdict=verdict,
        failures=[check for check in verdict.checks if not check.passed],
        groups=_by_group(verdict.checks),
        model_uri=model_uri,
        splits_note=context.sources.splits.note,
        notes=context.options.notes,
        facts=_facts(context),
        sections=list(_sections(context)),
        version=__version__,
    )


def _figure(value: float) -> str:
    """Three significant digits, or an integer if it has more: tables must fit on a phone."""
    return f'{value:.0f}' if 1000 <= abs(value) < 1e6 else f'{value:.3g}'


def _by_group(checks: Sequence[CheckResult]) -> dict[str, list[CheckResult]]:
    return {
        group: found
        for group in GROUPS
        if (found := [check for check in checks if check.group == group])
    }


def _facts(context: Context) -> dict[str, Any]:
    """Facts about training and export.

    Facts that cannot be read are omitted, because the checks report them.
    """
    facts: dict[str, Any] = {}
    with contextlib.suppress(Exception):
        metadata = context.payload.metadata
        ended = 'converged' if metadata.converged else 'max_iterations reached'
        facts |= {
            'clusters': metadata.num_clusters,
            'columns': metadata.width,
            'distance metric': metadata.distance_metric,
            'training rows': metadata.rows,
            'inertia': f'{metadata.inertia:.6g}',
            'iterations': f'{metadata.iterations} ({ended})',
            'seed': metadata.seed,
        }
    with contextlib.suppress(Exception):
        facts['precision'] = context.description.precision
        if context.description.fingerprint:
            facts['fingerprint'] = context.description.fingerprint
    return facts


def _sections(context: Context) -> list[Section]:
    makers: dict[str, Callable[[Context], Section]] = {
        'Cluster sizes': _sizes,
        'Inertia by iteration': _inertia,
        'Rows and centroids': _projection,
        'Distinguishing features': _profiles,
    }
    if context.sources.baseline is not None:
        makers['Comparison with the baseline'] = _baseline
    return [_made(title, make, context) for title, make in makers.items()]


def _made(title: str, make: Callable[[Context], Section], context: Context) -> Section:
    try:
        return dataclasses.replace(make(context), title=title)
    except Exception as error:  # a model may fail to load or to answer
        return Section(title, missing=f'Nothing to show: {error}')


def _sizes(context: Context) -> Section:
    found = figures.sizes(context)
    few = len(found.trained) <= figures.MAX_CLUSTERS
    note = '' if few else f'The {figures.MAX_CLUSTERS} largest of {len(found.trained)} clusters. '
    note += 'Shares of the training weight'
    note += '.' if found.served is None else ' and of the examples.'
    return Section('', note, Markup(plots.plot_sizes(found)))


def _projection(context: Context) -> Section:
    found = figures.projection(context)
    note = f'{len(found.rows)} sampled rows' if len(found.rows) else 'Centroids'
    note += ' on the axes along which the rows vary most (PCA). '
    if len(found.centroids) > figures.MAX_CLUSTERS:
        note += f'Numbers mark the first {figures.MAX_CLUSTERS} centroids. '
    if not context.options.report_rows:
        note += 'Rows are not shown (report_rows=False).'
    return Section('', note, Markup(plots.plot_projection(found)))


def _inertia(context: Context) -> Section:
    metadata = context.payload.metadata
    histories = [[step.inertia for step in one.history] for one in metadata.restarts]
    if not any(histories):
        raise DataError('no iteration was recorded')
    note = 'Inertia of the training rows.'
    if len(histories) > 1:
        note += f' {len(histories)} restarts; the thick line is the one that was kept.'
    return Section('', note, Markup(plots.plot_inertia(histories, metadata.best_restart)))


def _profiles(context: Context) -> Section:
    found = figures.profiles(context)
    units = 'raw units' if found.raw else 'the units after Transform'
    note = (
        f'The features in which each cluster differs most from all examples, in {units}; '
        'differences in standard deviations.'
    )
    if context.payload.metadata.num_clusters > len(found.clusters):
        note += f' Only the {len(found.clusters)} largest clusters with examples are shown.'
    return Section('', note, profiles=found)


def _baseline(context: Context) -> Section:
    found = context.matching
    note = (
        f'{1 - found.kept:.2%} of the examples change cluster. Clusters are matched by the rows '
        'that they share; labels are the clusters of this model / the baseline.'
    )
    return Section('', note, Markup(plots.plot_matching(found)))
