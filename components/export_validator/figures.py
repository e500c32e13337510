"""What the report shows beyond the checks: sizes, projection, profiles, the baseline."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np

from tfx_kmeans import names
from tfx_kmeans.export_validator.context import Context

MOST_ROWS = 1000
MOST_CLUSTERS = 40
MOST_TRAITS = 5
MOST_WORDS = 40
FEWEST_ROWS = 10  # with a word: a rarer one could tell who it is
MOST_VALUES = 5000


@dataclasses.dataclass(frozen=True)
class Sizes:
    """Shares of the clusters.

    Attributes:
      trained: float64 [k], of the training weight.
      served: float64 [k], of the examples; None where the model does not answer.
    """

    trained: np.ndarray
    served: np.ndarray | None


@dataclasses.dataclass(frozen=True)
class Projection:
    """Rows and centroids on the two axes along which the rows vary most (PCA).

    Attributes:
      rows: float64 [m, 2], a sample; empty where rows are to be left out.
      clusters: int64 [m], theirs.
      centroids: float64 [k, 2].
      explained: the share of the rows' variance along each axis; one number for a single column.
    """

    rows: np.ndarray
    clusters: np.ndarray
    centroids: np.ndarray
    explained: tuple[float, ...]


@dataclasses.dataclass(frozen=True)
class Trait:
    """A feature in which a cluster differs from the whole.

    Attributes:
      name: of the feature, or a feature and one of its values.
      here: its mean in the cluster, or the share of rows with that value.
      overall: the same of all rows.
      difference: between the two, in standard deviations of all rows.
    """

    name: str
    here: float
    overall: float
    difference: float


@dataclasses.dataclass(frozen=True)
class Profile:
    """What sets a cluster apart.

    Attributes:
      cluster: its index.
      rows: how many of the examples are in it.
      traits: where it differs most, the largest difference first.
    """

    cluster: int
    rows: int
    traits: tuple[Trait, ...]


@dataclasses.dataclass(frozen=True)
class Profiles:
    """Profiles of the largest clusters.

    Attributes:
      raw: whether features are in raw units; else they are columns after Transform.
      clusters: the largest first.
    """

    raw: bool
    clusters: tuple[Profile, ...]


def sizes(context: Context) -> Sizes:
    """Shares of the clusters, in training and among the examples."""
    weight = context.payload.cluster_weight
    try:
        clusters, _ = context.assignment
    except Exception:  # the model does not answer, which the checks tell
        return Sizes(weight / weight.sum(), None)
    count = np.bincount(clusters, minlength=len(weight))
    return Sizes(weight / weight.sum(), count / max(count.sum(), 1))


def projection(context: Context) -> Projection:
    """PCA of the examples' rows, as the metric sees them: of length one under cosine."""
    rows = context.served_rows.astype(np.float64)
    if not len(rows):
        raise ValueError('there is no example to show')
    clusters, _ = context.assignment
    centroids = context.payload.centroids.astype(np.float64)
    if context.payload.metadata.distance_metric == 'cosine':
        rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    shown = np.random.default_rng(0).permutation(len(rows))[:MOST_ROWS]
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
    """Coordinates on the first two axes, zeros on a second that is not there."""
    found = points @ axes[:2].T
    return np.pad(found, ((0, 0), (0, 2 - found.shape[1])))


def profiles(context: Context) -> Profiles:
    """Where each of the largest clusters differs most from the whole."""
    raw = _shown_values(context)
    count = len(next(iter(raw.values())))
    clusters = context.probe.outputs(names.EXAMPLES_SIGNATURE)[names.CLUSTER_INDEX][:count]
    inside = (clusters >= 0) & (clusters < context.payload.metadata.num_clusters)
    columns = dict(_columns({name: values[inside] for name, values in raw.items()}))
    counts = np.bincount(clusters[inside], minlength=context.payload.metadata.num_clusters)
    largest = np.argsort(-counts, kind='stable')[:MOST_CLUSTERS]
    return Profiles(
        context.raw_values is not None,
        tuple(
            Profile(int(index), int(counts[index]), _traits(columns, clusters[inside] == index))
            for index in largest
            if counts[index]
        ),
    )


def _shown_values(context: Context) -> dict[str, np.ndarray]:
    """Features that may be shown: nothing that is only passed through, such as an address.

    With `report_rows=False`, no texts either.
    """
    raw = context.raw_values
    if raw is None:
        rows = context.rows[:MOST_VALUES]
        return dict(zip(context.payload.metadata.column_names, rows.T, strict=True))
    clustered = {feature.name for feature in context.payload.metadata.features}
    hidden = set(context.description['passthrough_features']) - clustered
    return {
        name: values[:MOST_VALUES]
        for name, values in raw.items()
        if name not in hidden and (context.options.report_rows or values.dtype != object)
    }


def _columns(raw: Mapping[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
    """Numbers by name, float64 [n] with NaN for what is missing: values, or whether a word is."""
    for name, values in raw.items():
        if values.dtype == object:
            yield from _words(name, values)
            continue
        numbers = values.astype(np.float64)
        if values.dtype == np.int64:
            numbers[values == np.iinfo(np.int64).min] = np.nan
        flat = numbers.reshape(len(numbers), -1)
        several = flat.shape[1] > 1
        for index in range(flat.shape[1]):
            yield (f'{name}[{index}]' if several else name), flat[:, index]


def _words(name: str, values: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """For each of the commonest values, whether a row has it."""
    flat = values.reshape(len(values), -1)
    for word, count in Counter(flat[flat != b''].tolist()).most_common(MOST_WORDS):
        if count < FEWEST_ROWS:
            return
        has = (flat == word).any(axis=1)
        yield f'{name} = {word.decode(errors="replace")}', has.astype(np.float64)


def _traits(columns: Mapping[str, np.ndarray], inside: np.ndarray) -> tuple[Trait, ...]:
    found = [
        trait
        for name, values in columns.items()
        if (trait := _trait(name, values, inside & np.isfinite(values))) is not None
    ]
    return tuple(sorted(found, key=lambda trait: -abs(trait.difference))[:MOST_TRAITS])


def _trait(name: str, values: np.ndarray, inside: np.ndarray) -> Trait | None:
    """None where the feature is the same everywhere, or the cluster has no value of it."""
    if not inside.any():
        return None
    known = values[np.isfinite(values)]
    spread, here, overall = known.std(), values[inside].mean(), known.mean()
    if not spread > 0:
        return None
    return Trait(name, float(here), float(overall), float((here - overall) / spread))
