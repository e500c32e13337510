"""What a model must answer, by NumPy in float64 from the centroids artifact alone.

Written apart from the code that trains and serves, so that a fault in either shows here.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from tfx_kmeans.centroids.payload import CentroidsPayload

_UNIT_ROUNDOFF = 2.0**-24
_BLOCK = 4096


@dataclasses.dataclass(frozen=True)
class Mismatch:
    """How a model's answers differ from the reference.

    Attributes:
      rows: how many rows were compared.
      wrong_clusters: rows whose cluster is farther than the nearest by more than float32 explains.
      wrong_distances: rows whose distance is off by more than float32 explains.
      largest_distance_error: the largest difference of a distance to the reference's.
    """

    rows: int
    wrong_clusters: int
    wrong_distances: int
    largest_distance_error: float

    def __bool__(self) -> bool:
        return bool(self.wrong_clusters or self.wrong_distances)


def compare(
    payload: CentroidsPayload,
    rows: np.ndarray,
    cluster: np.ndarray,
    distance: np.ndarray,
    precision: str = 'float32',
) -> Mismatch:
    """Holds answers against the reference.

    Args:
      payload: the centroids.
      rows: float32 [n, d], preprocessed. One that is not finite, or zero under cosine, must have
        the cluster -1 and the distance NaN.
      cluster: int64 [n], the model's.
      distance: float32 [n], the model's.
      precision: in which the model holds its centroids: 'float32', 'float16' or 'int8'.
    """
    wrong_clusters = wrong_distances = 0
    largest = 0.0
    aside = _displacement(payload, precision)
    answerable = _answerable(payload, rows)
    wrong_clusters += int((cluster[~answerable] != -1).sum())
    wrong_distances += int((~np.isnan(distance[~answerable])).sum())
    for block in np.array_split(np.flatnonzero(answerable), max(1, len(rows) // _BLOCK)):
        exact, allowed = _distances(payload, rows[block])
        valid = (cluster[block] >= 0) & (cluster[block] < exact.shape[1])
        chosen = np.where(valid, cluster[block], 0)
        best = exact.argmin(axis=1)
        nearest = np.take_along_axis(exact, best[:, np.newaxis], axis=1)[:, 0]
        excess = np.take_along_axis(exact, chosen[:, np.newaxis], axis=1)[:, 0] - nearest
        allowed = allowed + _blur(payload, nearest, aside[best] + aside[chosen])
        of_chosen, bound = _distance_to(payload, rows[block], chosen)
        bound = bound + _blur(payload, of_chosen, aside[chosen])
        error = np.abs(distance[block] - of_chosen)
        wrong_clusters += int((~valid | ~(excess <= allowed)).sum())
        wrong_distances += int((~(error <= bound)).sum())
        largest = max(largest, float(error.max(initial=0.0)))
    return Mismatch(len(rows), wrong_clusters, wrong_distances, largest)


def compare_all(
    payload: CentroidsPayload, rows: np.ndarray, distances: np.ndarray, precision: str = 'float32'
) -> int:
    """How many of the distances [n, k] to all centroids are off by more than rounding explains."""
    answerable = _answerable(payload, rows)
    wrong = int((~np.isnan(distances[~answerable])).sum())
    aside = _displacement(payload, precision)
    for cluster in range(len(payload.centroids)):
        chosen = np.full(int(answerable.sum()), cluster)
        exact, bound = _distance_to(payload, rows[answerable], chosen)
        bound = bound + _blur(payload, exact, aside[chosen]) + _shifted(payload, rows[answerable])
        wrong += int((~(np.abs(distances[answerable, cluster] - exact) <= bound)).sum())
    return wrong


def _shifted(payload: CentroidsPayload, rows: np.ndarray) -> np.ndarray:
    """What taking off the shift in float32 first may add to a squared distance, float64 [n]."""
    points, _ = _points(payload, rows)
    reach = np.linalg.norm(points - payload.shift, axis=1)
    reach += np.linalg.norm(payload.centroids - payload.shift, axis=1).max()
    aside = 2 * _UNIT_ROUNDOFF * (reach + np.abs(payload.shift).max())
    found: np.ndarray = 2 * reach * aside + aside**2
    return found


def _answerable(payload: CentroidsPayload, rows: np.ndarray) -> np.ndarray:
    finite = np.isfinite(rows).all(axis=1)
    if payload.metadata.distance_metric != 'cosine':
        return finite
    return finite & (rows != 0).any(axis=1)


def _displacement(payload: CentroidsPayload, precision: str) -> np.ndarray:
    """How far the stored centroids may lie beside the exact ones, float64 [k].

    float16 rounds each coordinate of c - s to 11 bits, or to multiples of 2^-24 near zero; int8
    to multiples of 1/127 of the largest. Giving an int8 centroid the length one, under cosine,
    moves it once more as far at most.
    """
    framed = np.abs(payload.centroids.astype(np.float64) - payload.shift)
    if precision == 'float32':
        return np.zeros(len(framed))
    if precision == 'float16':
        return np.linalg.norm(np.maximum(framed * 2.0**-11, 2.0**-25), axis=1)
    step = framed.max(axis=1) / 127
    rounding = np.sqrt(framed.shape[1]) * step / 2
    return rounding * (2 if payload.metadata.distance_metric == 'cosine' else 1)


def _blur(payload: CentroidsPayload, distances: np.ndarray, aside: np.ndarray) -> np.ndarray:
    """How much a distance may change where its end moves by `aside`: (r + a)^2 - r^2."""
    half = 2 if payload.metadata.distance_metric == 'cosine' else 1
    return (2 * np.sqrt(half * distances) * aside + aside**2) / half


def _distances(payload: CentroidsPayload, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distances [n, k], and for each row how much float32 may blur their comparison [n].

    A served score |c|^2/2 - x.c of shifted x and c has an error of at most
    (d + 3) u (|x||c| + |c|^2/2): d + 1 for the dot product and the norm, 2 for the shifts
    (Higham 2002, section 3.1). Two scores are compared, and a squared distance is twice a score.
    """
    points, cosine = _points(payload, rows)
    centroids = payload.centroids.astype(np.float64)
    x, c = points - payload.shift, centroids - payload.shift
    x_norms, c_norms = np.square(x).sum(axis=1), np.square(c).sum(axis=1)
    squared = np.maximum(x_norms[:, np.newaxis] - 2 * x @ c.T + c_norms, 0)
    reach = np.sqrt(x_norms * c_norms.max()) + c_norms.max() / 2
    allowed = 4 * (rows.shape[1] + (8 if cosine else 3)) * _UNIT_ROUNDOFF * reach
    return (squared / 2, allowed / 2) if cosine else (squared, allowed)


def _distance_to(
    payload: CentroidsPayload, rows: np.ndarray, cluster: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Each row's distance to one cluster [n], and how far float32 may be off it [n].

    A float32 sum of d squared differences is off by at most (d + 4) u of itself; a row that is
    normalised in float32 first lies up to (d + 8) u beside its place.
    """
    points, cosine = _points(payload, rows)
    difference = points - payload.centroids.astype(np.float64)[cluster]
    squared = np.square(difference).sum(axis=1)
    width = rows.shape[1]
    bound = (width + 4) * _UNIT_ROUNDOFF * squared + float(np.finfo(np.float32).tiny)
    if not cosine:
        return squared, bound
    aside = (width + 8) * _UNIT_ROUNDOFF
    return squared / 2, bound / 2 + np.sqrt(squared) * aside + aside**2


def _points(payload: CentroidsPayload, rows: np.ndarray) -> tuple[np.ndarray, bool]:
    """The rows that distances are taken from, float64, and whether they were normalised."""
    points = rows.astype(np.float64)
    if payload.metadata.distance_metric != 'cosine':
        return points, False
    lengths = np.linalg.norm(points, axis=1, keepdims=True)
    return points / np.where(lengths > 0, lengths, 1.0), True
