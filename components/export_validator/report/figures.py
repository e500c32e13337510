"""What the report shows besides the checks: sizes, projection and profiles of the clusters."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np

from tfx_kmeans import names
from tfx_kmeans.errors import DataError
from tfx_kmeans.export_validator.context import Context
from tfx_kmeans.export_validator.probe.program.probe_arrays import is_blank

MAX_ROWS = 1000
MAX_CLUSTERS = 40
MAX_TRAITS = 5
MAX_WORDS = 40
MIN_ROWS = 10  # rows with a word: a rarer word could identify a person
MAX_VALUES = 5000


@dataclasses.dataclass(frozen=True)
class Sizes:
    """Shares of the clusters.

    Attributes:
      trained: float64 [k], shares of the training weight.
      served: float64 [k], shares of the examples; None if the model does not answer.
    """

    trained: np.ndarray
    served: np.ndarray | None


@dataclasses.dataclass(frozen=True)
class Projection:
    """Rows and centroids on the two axes along which the rows vary most (PCA).

    Attributes:
      rows: float64 [m, 2], a sample; empty if rows must not be shown.
      clusters: int64 [m], clusters of these rows.
      centroids: float64 [k, 2].
      explained: Share of the rows' variance along each axis; one number if there is one column.
    """

    rows: np.ndarray
    clusters: np.ndarray
    centroids: np.ndarray
    explained: tuple[float, ...]


@dataclasses.dataclass(frozen=True)
class Trait:
    """A feature in which a cluster differs from all rows.

    Attributes:
      name: Name of the feature, or of the feature and one of its values.
      here: Mean in the cluster, or share of the cluster's rows with that value.
      overall: The same for all rows.
      difference: Difference of the two, in standard deviations of all rows.
    """

    name: str
    here: float
    overall: float
    difference: float


@dataclasses.dataclass(frozen=True)
class Profile:
    """How a cluster differs from all rows.

    Attributes:
      cluster: Index of the cluster.
      rows: Number of examples in the cluster.
      traits: Features that differ most, the largest difference first.
    """

    cluster: int
    rows: int
    traits: tuple[Trait, ...]


@dataclasses.dataclass(frozen=True)
class Profiles:
    """Profiles of the largest clusters.

    Attributes:
      raw: Whether features are in raw units; otherwise they are columns after Transform.
      clusters: Profiles, the largest cluster first.
    """

    raw: bool
    clusters: tuple[Profile, ...]


def sizes(context: Context) -> Sizes:
    """The shares of the clusters, in training and among the examples."""
    weight = context.payload.cluster_weight
    try:
        clusters, _ = context.assignment
    except Exception:  # the model does not answer, which the checks report
        return Sizes(weight / weight.sum(), None)
    count = np.bincount(clusters, minlength=len(weight))
    return Sizes(weight / weight.sum(), count / max(count.sum(), 1))


def projection(context: Context) -> Projection:
    """PCA of the examples' rows, in the metric's coordinates: of length one under cosine."""
    rows = context.served_rows.astype(np.float64)
    if not len(rows):
        raise DataError('no example has a cluster')
    clusters, _ = context.assignment
    centroids = context.payload.centroids.astype(np.float64)
    if context.payload.metric.normalised:
        rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    shown = np.random.default_rng(0).permutation(len(rows))[:MAX_ROWS]
    middle = rows.mean(axis=0)
    _, scales, axes = np.linalg.svd(rows[shown] - middle, full_matrices=False)
    explained = np.square(scales) / max(np.square(scales).sum(), np.finfo(float).tiny)
    if not context.options.report_rows:
        shown = shown[:0]
    return Projection(
        rows=_on(axes, rows[shown] - middle),
        clusters=clusters[shown],
        centroids=_on(axes, centroids - middle),
        explained=tuple(map(float, explained[:2])),
    )


def _on(axes: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Coordinates on the first two axes; zeros on the second if there is only one."""
    found = points @ axes[:2].T
    return np.pad(found, ((0, 0), (0, 2 - found.shape[1])))


def profiles(context: Context) -> Profiles:
    """The features in which each of the largest clusters differs most from all rows."""
    raw = _shown_values(context)
    count = len(next(iter(raw.values())))
    clusters = context.probe.outputs(names.EXAMPLES_SIGNATURE)[names.CLUSTER_INDEX][:count]
    inside = (clusters >= 0) & (clusters < context.payload.metadata.num_clusters)
    columns = dict(_columns({name: values[inside] for name, values in raw.items()}))
    counts = np.bincount(clusters[inside], minlength=context.payload.metadata.num_clusters)
    largest = np.argsort(-counts, kind='stable')[:MAX_CLUSTERS]
    return Profiles(
        context.raw_values is not None,
        tuple(
            Profile(int(index), int(counts[index]), _traits(columns, clusters[inside] == index))
            for index in largest
            if counts[index]
        ),
    )


def _shown_values(context: Context) -> dict[str, np.ndarray]:
    """Features that may be shown.

    Features that are only passed through, such as an address, are not shown; with
    `report_rows=False`, strings are not shown either.
    """
    raw = context.raw_values
    if raw is None:
        rows = context.rows[:MAX_VALUES]
        return dict(zip(context.payload.metadata.column_names, rows.T, strict=True))
    clustered = {feature.name for feature in context.payload.metadata.features}
    hidden = set(context.description.passthrough_features) - clustered
    return {
        name: values[:MAX_VALUES]
        for name, values in raw.items()
        if name not in hidden and (context.options.report_rows or values.dtype != object)
    }


def _columns(raw: Mapping[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
    """Numbers by name, float64 [n]: values with NaN if missing, or whether a row has a word."""
    for name, values in raw.items():
        if values.dtype == object:
            yield from _words(name, values)
            continue
        numbers = values.astype(np.float64)
        numbers[is_blank(values)] = np.nan
        flat = numbers.reshape(len(numbers), -1)
        several = flat.shape[1] > 1
        for index in range(flat.shape[1]):
            yield (f'{name}[{index}]' if several else name), flat[:, index]


def _words(name: str, values: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """For each of the most frequent values, whether a row has it."""
    flat = values.reshape(len(values), -1)
    for word, count in Counter(flat[~is_blank(flat)].tolist()).most_common(MAX_WORDS):
        if count < MIN_ROWS:
            return
        has = (flat == word).any(axis=1)
        yield f'{name} = {word.decode(errors="replace")}', has.astype(np.float64)


def _traits(columns: Mapping[str, np.ndarray], inside: np.ndarray) -> tuple[Trait, ...]:
    found = [
        trait
        for name, values in columns.items()
        if (trait := _trait(name, values, inside & np.isfinite(values))) is not None
    ]
    return tuple(sorted(found, key=lambda trait: -abs(trait.difference))[:MAX_TRAITS])


def _trait(name: str, values: np.ndarray, inside: np.ndarray) -> Trait | None:
    """The trait; None if the feature is constant, or no row of the cluster has a value."""
    if not inside.any():
        return None
    known = values[np.isfinite(values)]
    spread, here, overall = known.std(), values[inside].mean(), known.mean()
    if not spread > 0:
        return None
    return Trait(name, float(here), float(overall), float((here - overall) / spread))
