"""Displays the artifacts in notebooks."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

import jinja2
import tensorflow as tf

from tfx_kmeans import names
from tfx_kmeans.centroids.storage import read_payload

_TEMPLATE = 'centroids.html.jinja'
_MAX_CLUSTERS, _MAX_COLUMNS = 100, 30


def register(artifact_type: Any, shown: Callable[[str], str]) -> None:
    """Registers a display of an artifact type in IPython and in `InteractiveContext.show` of TFX.

    Args:
      artifact_type: A subclass of `Artifact`.
      shown: Function from the folder of an artifact to HTML.
    """
    from IPython import get_ipython
    from IPython.display import HTML, display
    from tfx.orchestration.experimental.interactive import visualizations

    def as_html(artifact: Any) -> str:
        try:
            return shown(artifact.uri)
        except (tf.errors.OpError, OSError, ValueError) as error:
            return f'<p>{html.escape(f"{artifact_type.TYPE_NAME}: {error}")}</p>'

    class Visualization(visualizations.ArtifactVisualization):  # type: ignore[misc]
        """Visualization for `InteractiveContext.show`."""

        ARTIFACT_TYPE = artifact_type

        def display(self, artifact: Any) -> None:
            """Displays the artifact."""
            display(HTML(as_html(artifact)))

    visualizations.get_registry().register(Visualization)
    shell = get_ipython()
    if shell is not None:
        shell.display_formatter.formatters['text/html'].for_type(artifact_type, as_html)


def shown_report(folder: str) -> str:
    """A report as an iframe, isolated from the page of the notebook."""
    with tf.io.gfile.GFile(f'{folder}/{names.PAGE_FILE}') as file:
        page = html.escape(file.read(), quote=True)
    style = 'width: 100%; height: 40rem; border: 0'
    return f'<iframe sandbox="" srcdoc="{page}" style="{style}"></iframe>'


def shown_centroids(folder: str) -> str:
    """Centroids as a table, with the share of the weight and the coordinates of each cluster."""
    payload = read_payload(folder)
    weight = payload.cluster_weight
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader('tfx_kmeans', ''), autoescape=True, trim_blocks=True
    )
    return environment.get_template(_TEMPLATE).render(
        metadata=payload.metadata,
        column_names=payload.metadata.column_names[:_MAX_COLUMNS],
        clusters=[
            (index, f'{100 * share:.1f} %', [f'{value:.4g}' for value in centroid[:_MAX_COLUMNS]])
            for index, (share, centroid) in enumerate(
                zip(weight / weight.sum(), payload.centroids, strict=True)
            )
        ][:_MAX_CLUSTERS],
    )
