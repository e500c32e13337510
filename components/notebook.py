"""How the artifacts show themselves in a notebook."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

import jinja2
import tensorflow as tf

from tfx_kmeans import names
from tfx_kmeans.centroids.storage import read_payload

_TEMPLATE = 'centroids.html.jinja'
_MOST_CLUSTERS, _MOST_COLUMNS = 100, 30


def register(artifact_type: Any, shown: Callable[[str], str]) -> None:
    """Lets IPython, and TFX's `InteractiveContext.show`, show artifacts of a type.

    Args:
      artifact_type: a subclass of `Artifact`.
      shown: from an artifact's folder to HTML.
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
        """For `InteractiveContext.show`."""

        ARTIFACT_TYPE = artifact_type

        def display(self, artifact: Any) -> None:
            """Shows the artifact."""
            display(HTML(as_html(artifact)))

    visualizations.get_registry().register(Visualization)
    shell = get_ipython()
    if shell is not None:
        shell.display_formatter.formatters['text/html'].for_type(artifact_type, as_html)


def shown_report(folder: str) -> str:
    """A report as a frame of a notebook's page, from which it is kept apart."""
    with tf.io.gfile.GFile(f'{folder}/{names.PAGE_FILE}') as file:
        page = html.escape(file.read(), quote=True)
    style = 'width: 100%; height: 40rem; border: 0'
    return f'<iframe sandbox="" srcdoc="{page}" style="{style}"></iframe>'


def shown_centroids(folder: str) -> str:
    """Centroids as a table: a row for each, its weight, and its coordinates by column."""
    payload = read_payload(folder)
    weight = payload.cluster_weight
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader('tfx_kmeans', ''), autoescape=True, trim_blocks=True
    )
    return environment.get_template(_TEMPLATE).render(
        metadata=payload.metadata,
        column_names=payload.metadata.column_names[:_MOST_COLUMNS],
        clusters=[
            (index, f'{100 * share:.1f} %', [f'{value:.4g}' for value in centroid[:_MOST_COLUMNS]])
            for index, (share, centroid) in enumerate(
                zip(weight / weight.sum(), payload.centroids, strict=True)
            )
        ][:_MOST_CLUSTERS],
    )
