"""Plots of the report, as SVG elements that take their colours from the page."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from tfx_kmeans.export_validator.evidence.matching import Matching
from tfx_kmeans.export_validator.report.figures import MAX_CLUSTERS, Projection, Sizes

# Placeholders for the page's variables: colours of the text, of lines, and of two series.
_INK, _LINE, _FIRST, _SECOND = '#010203', '#010204', '#010205', '#010206'
_PAGE_COLOURS = {
    _INK: 'currentColor',
    _LINE: 'var(--line)',
    _FIRST: 'var(--first)',
    _SECOND: 'var(--second)',
}
# Okabe and Ito's colours, which can be told apart in most kinds of colour blindness.
_CLUSTERS = ('#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00', '#8c6bb1', '#999933')
_DARK = ('#0072b2', '#8c6bb1')
_STYLE = {
    'svg.fonttype': 'none',
    'font.size': 11,
    'text.color': _INK,
    'axes.labelcolor': _INK,
    'axes.edgecolor': _LINE,
    'axes.spines.top': False,
    'axes.spines.right': False,
    'axes.grid': True,
    'axes.axisbelow': True,
    'grid.color': _LINE,
    'grid.linewidth': 0.5,
    'xtick.color': _INK,
    'ytick.color': _INK,
    'legend.frameon': False,
}
_WIDTH, _HEIGHT = 5.6, 3.8


def plot_sizes(sizes: Sizes) -> str:
    """Bars of the shares of the largest clusters, in training and among the examples."""
    largest = _shown(sizes.trained)
    series = [('training', sizes.trained[largest], _FIRST)]
    if sizes.served is not None:
        series.append(('these examples', sizes.served[largest], _SECOND))
    return _bars(series, [str(index) for index in largest], 'Cluster sizes')


def _shown(shares: np.ndarray) -> np.ndarray:
    """Indices of all clusters in order, or of the largest if there are too many for a plot."""
    if len(shares) <= MAX_CLUSTERS:
        return np.arange(len(shares))
    return np.argsort(-shares, kind='stable')[:MAX_CLUSTERS]


def plot_matching(matching: Matching) -> str:
    """Bars of the shares of matched clusters, here and in the baseline."""
    shown = _shown(np.maximum(matching.our_share, matching.their_share))
    pairs = zip(matching.ours[shown], matching.theirs[shown], strict=True)
    labels = [f'{_or_dash(ours)} / {_or_dash(theirs)}' for ours, theirs in pairs]
    series = [
        ('this model', matching.our_share[shown], _FIRST),
        ('baseline', matching.their_share[shown], _SECOND),
    ]
    return _bars(series, labels, 'Cluster sizes compared with the baseline')


def plot_inertia(histories: Sequence[Sequence[float]], best: int) -> str:
    """Lines of the inertia by iteration of each restart, with the kept one in front."""
    with mpl.rc_context({**_STYLE, 'svg.hashsalt': 'inertia'}):
        figure, axes = _figure()
        for index, history in enumerate(histories):
            kept = index == best
            axes.plot(
                np.arange(1, len(history) + 1),
                history,
                color=_FIRST if kept else _SECOND,
                linewidth=2 if kept else 0.8,
                marker='o' if len(history) == 1 else None,
                zorder=3 if kept else 2,
            )
        axes.set_xlabel('iteration')
        axes.set_ylabel('inertia')
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        return _svg(figure, 'Inertia by iteration')


def plot_projection(projection: Projection) -> str:
    """Rows as points, in the colours of their clusters, and centroids as numbers on discs."""
    with mpl.rc_context({**_STYLE, 'svg.hashsalt': 'projection'}):
        figure, axes = _figure(_WIDTH)
        axes.scatter(
            *projection.rows.T,
            s=14,
            c=[_CLUSTERS[cluster % len(_CLUSTERS)] for cluster in projection.clusters],
            alpha=0.85,
            linewidths=0,
        )
        for index, (x, y) in enumerate(projection.centroids[:MAX_CLUSTERS]):
            colour = _CLUSTERS[index % len(_CLUSTERS)]
            axes.plot(x, y, 'o', markersize=15, color=colour, markeredgecolor='#ffffff')
            number = '#ffffff' if colour in _DARK else '#000000'
            axes.text(x, y, str(index), color=number, ha='center', va='center', weight='bold')
        for name, share in zip('xy', projection.explained, strict=False):
            label = f'component {"xy".index(name) + 1} ({share:.0%} of the variance)'
            getattr(axes, f'set_{name}label')(label)
        return _svg(figure, 'Rows and centroids, projected')


def _bars(series: Sequence[tuple[str, np.ndarray, str]], labels: list[str], title: str) -> str:
    with mpl.rc_context({**_STYLE, 'svg.hashsalt': title}):
        figure, axes = _figure()
        places, width = np.arange(len(labels)), 0.8 / len(series)
        for index, (name, shares, colour) in enumerate(series):
            offset = (index - (len(series) - 1) / 2) * width
            axes.bar(places + offset, shares, width, color=colour, label=name)
        crowded = len(labels) > 12
        size = 7 if crowded else None
        axes.set_xticks(places, labels, rotation=90 if crowded else 0, fontsize=size)
        axes.grid(axis='x', visible=False)
        axes.set_xlabel('cluster')
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=None))
        axes.legend(loc='upper right')
        axes.margins(y=0.25)
        return _svg(figure, title)


def _figure(height: float = _HEIGHT) -> tuple[Figure, Any]:
    figure = Figure((_WIDTH, height), layout='constrained')
    FigureCanvasSVG(figure)
    return figure, figure.add_subplot()


def _svg(figure: Figure, title: str) -> str:
    """The drawing as an element of a page, without header and without ids that could clash."""
    file = io.StringIO()
    nothing = dict.fromkeys(('Creator', 'Date', 'Format', 'Type'))
    figure.savefig(file, format='svg', transparent=True, metadata=nothing)
    text = file.getvalue()
    text = text[text.index('<svg') :]
    text = re.sub(r' id="[a-z]+[a-zA-Z0-9.]*_\d+"', '', text)
    text = re.sub(r' (xmlns(:xlink)?|width|height)="[^"]*"', '', text, count=4)
    for colour, variable in _PAGE_COLOURS.items():
        text = text.replace(colour, variable)
    return text.replace('<svg', f'<svg role="img" aria-label="{title}"', 1)


def _or_dash(index: int) -> str:
    return '-' if index < 0 else str(index)
