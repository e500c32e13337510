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
    payload: CentroidsPayload, rows: np.ndarray, cluster: np.ndarray, distance: np.ndarray
) -> Mismatch:
    """Holds answers against the reference.

    Args:
      payload: the centroids.
      rows: float32 [n, d], preprocessed.
      cluster: int64 [n], the model's.
      distance: float32 [n], the model's.
    """
    wrong_clusters = wrong_distances = 0
    largest = 0.0
    for start in range(0, len(rows), _BLOCK):
        block = slice(start, start + _BLOCK)
        exact, allowed = _distances(payload, rows[block])
        valid = (cluster[block] >= 0) & (cluster[block] < exact.shape[1])
        chosen = np.where(valid, cluster[block], 0)
        excess = np.take_along_axis(exact, chosen[:, np.newaxis], axis=1)[:, 0] - exact.min(axis=1)
        of_chosen, bound = _distance_to(payload, rows[block], chosen)
        error = np.abs(distance[block] - of_chosen)
        wrong_clusters += int((~valid | ~(excess <= allowed)).sum())
        wrong_distances += int((~(error <= bound)).sum())
        largest = max(largest, float(error.max(initial=0.0)))
    return Mismatch(len(rows), wrong_clusters, wrong_distances, largest)


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
