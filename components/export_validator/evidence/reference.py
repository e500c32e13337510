"""What a model must answer, by NumPy in float64 from the centroids artifact alone.

This module uses none of the code that trains and serves, so that it finds faults in both.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from tfx_kmeans.centroids.payload import CentroidsPayload
from tfx_kmeans.clustering.metric import COSINE_DISTANCE
from tfx_kmeans.names import NO_CLUSTER

_UNIT_ROUNDOFF = 2.0**-24
_LARGEST = float(np.finfo(np.float32).max)
_BLOCK_VALUES = 1 << 21


@dataclasses.dataclass(frozen=True)
class Mismatch:
    """Differences of a model's answers from the reference.

    Attributes:
      rows: Number of rows that were compared.
      wrong_clusters: Number of rows whose cluster is farther than the nearest by more than rounding
        explains.
      wrong_distances: Number of rows whose distance is wrong by more than rounding explains.
      largest_distance_error: Largest difference of a distance from the reference.
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
    """Compares answers with the reference.

    Args:
      payload: The centroids.
      rows: float32 [n, d], preprocessed. A row that is not finite, or zero under cosine, or so far
        away that its distance overflows float32, must have the cluster -1 and the distance NaN.
      cluster: int64 [n], answered by the model.
      distance: float32 [n], answered by the model.
      precision: Type of the stored centroids: 'float32', 'float16' or 'int8'.
    """
    wrong_clusters = wrong_distances = 0
    largest = 0.0
    displacement = _displacement(payload, precision)
    answerable, unanswerable = answerable_rows(payload, rows)
    wrong_clusters += int((cluster[unanswerable] != NO_CLUSTER).sum())
    wrong_distances += int((~np.isnan(distance[unanswerable])).sum())
    for block in _blocks(np.flatnonzero(answerable), len(payload.centroids)):
        wrong_clusters += int(
            (~_clusters_allowed(payload, rows[block], cluster[block], displacement)).sum()
        )
        chosen = np.where(_valid(payload, cluster[block]), cluster[block], 0)
        of_chosen, bound = _distance_to(payload, rows[block], chosen)
        bound = bound + _change(payload, of_chosen, displacement[chosen])
        difference = np.abs(distance[block] - of_chosen)
        wrong_distances += int((~(difference <= bound)).sum())
        largest = max(largest, float(difference.max(initial=0.0)))
    return Mismatch(len(rows), wrong_clusters, wrong_distances, largest)


def clusters_allowed(
    payload: CentroidsPayload, rows: np.ndarray, cluster: np.ndarray, precision: str
) -> np.ndarray:
    """Which of the clusters int64 [n] are right for the rows, as in `compare`: bool [n]."""
    displacement = _displacement(payload, precision)
    answerable, unanswerable = answerable_rows(payload, rows)
    found = ~(unanswerable & (cluster != NO_CLUSTER))
    for block in _blocks(np.flatnonzero(answerable), len(payload.centroids)):
        found[block] = _clusters_allowed(payload, rows[block], cluster[block], displacement)
    return found


def _clusters_allowed(
    payload: CentroidsPayload, rows: np.ndarray, cluster: np.ndarray, displacement: np.ndarray
) -> np.ndarray:
    exact, error = _distances(payload, rows)
    valid = _valid(payload, cluster)
    best, chosen = exact.argmin(axis=1), np.where(valid, cluster, 0)
    each = np.arange(len(rows))
    nearest = exact[each, best]
    allowed = error[each, best] + error[each, chosen]
    allowed += _change(payload, nearest, displacement[best] + displacement[chosen])
    found: np.ndarray = valid & (exact[each, chosen] - nearest <= allowed)
    return found


def _valid(payload: CentroidsPayload, cluster: np.ndarray) -> np.ndarray:
    return (cluster >= 0) & (cluster < len(payload.centroids))


def _blocks(indices: np.ndarray, clusters: int) -> list[np.ndarray]:
    """The indices in parts whose distances to all clusters fit in memory."""
    return np.array_split(indices, max(1, len(indices) * clusters // _BLOCK_VALUES))


def compare_all(
    payload: CentroidsPayload, rows: np.ndarray, distances: np.ndarray, precision: str = 'float32'
) -> int:
    """Number of distances [n, k] to all centroids that are wrong by more than rounding explains."""
    answerable, unanswerable = answerable_rows(payload, rows)
    wrong = int(np.isfinite(distances[unanswerable]).sum())  # NaN, or infinite if too far
    displacement = _displacement(payload, precision)
    given, rows = distances[answerable], rows[answerable]
    points, _ = _points(payload, rows)
    centroids = _centroids(payload)
    x = np.linalg.norm(points - _shift(payload), axis=1)
    c = np.linalg.norm(centroids - _shift(payload), axis=1)
    shift = np.abs(_shift(payload)).max()
    for cluster in range(len(centroids)):
        exact, bound = _from(payload, points, centroids[cluster])
        # By subtracting the shift in float32, or rounding what is left to float32.
        moved = 2 * _UNIT_ROUNDOFF * (x + c[cluster] + shift)
        bound = bound + _change(payload, exact, displacement[cluster])
        bound = bound + 2 * (x + c[cluster]) * moved + moved**2
        wrong += int((~(np.abs(given[:, cluster] - exact) <= bound)).sum())
    return wrong


def answerable_rows(payload: CentroidsPayload, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows that must have a cluster, and those that must have none: bool [n], bool [n].

    A row whose squared distances are near the largest float32 may or may not get a cluster.
    """
    finite = np.isfinite(rows).all(axis=1)
    if _is_cosine(payload):
        answerable = finite & (rows != 0).any(axis=1)
        return answerable, ~answerable
    centroids = _centroids(payload) - _shift(payload)
    far = np.nan_to_num(np.linalg.norm(centroids, axis=1)).max(initial=0)
    with np.errstate(invalid='ignore'):
        reach = np.linalg.norm(rows.astype(np.float64) - payload.shift, axis=1)
        answerable = finite & (np.square(reach + far) < _LARGEST / 4)
        lost = np.square(np.maximum(reach - far, 0)) > 4 * _LARGEST
    return answerable, ~finite | lost


def group_inertia(payload: CentroidsPayload, rows: np.ndarray, groups: np.ndarray) -> float:
    """Sum of the distances of rows to the best centroid of their group, by the payload's metric.

    Args:
      payload: The centroids, which define the metric.
      rows: float32 [n, d], preprocessed; finite, and not zero under cosine.
      groups: int64 [n], group of each row.
    """
    points, cosine = _points(payload, rows)
    order = np.argsort(groups, kind='stable')
    starts = np.flatnonzero(np.diff(groups[order])) + 1
    total = 0.0
    for members in np.split(order, starts):
        center = points[members].mean(axis=0)
        if cosine:
            center /= np.linalg.norm(center) or 1.0
        total += float(np.square(points[members] - center).sum())
    return total / 2 if cosine else total


def _displacement(payload: CentroidsPayload, precision: str) -> np.ndarray:
    """Maximum distance of the stored centroids from the exact ones, float64 [k].

    float16 rounds each coordinate of c - s to 11 bits, or to multiples of 2^-24 near zero; int8
    to multiples of 1/127 of the largest. Normalising an int8 centroid, under cosine, moves it at
    most as far again.
    """
    framed = np.abs(_centroids(payload) - _shift(payload))
    if precision == 'float32':
        return np.zeros(len(framed))
    if precision == 'float16':
        return np.linalg.norm(np.maximum(framed * 2.0**-11, 2.0**-25), axis=1)
    step = framed.max(axis=1) / 127
    rounding = np.sqrt(framed.shape[1]) * step / 2
    return rounding * (2 if _is_cosine(payload) else 1)


def _change(
    payload: CentroidsPayload, distances: np.ndarray, displacement: np.ndarray
) -> np.ndarray:
    """Maximum change of a distance if its end moves by `displacement`: (r + a)^2 - r^2."""
    half = 2 if _is_cosine(payload) else 1
    return (2 * np.sqrt(half * distances) * displacement + displacement**2) / half


def _distances(payload: CentroidsPayload, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distances [n, k], and the maximum error of each when float32 compares them [n, k].

    A served score |c|^2/2 - x.c of shifted x and c has an error of at most
    (d + 3) u (|x||c| + |c|^2/2): d + 1 for the dot product and the norm, 2 for the shifts
    (Higham 2002, section 3.1). A squared distance is twice a score.
    """
    points, cosine = _points(payload, rows)
    centroids = _centroids(payload)
    x, c = points - _shift(payload), centroids - _shift(payload)
    x_norms, c_norms = np.square(x).sum(axis=1)[:, np.newaxis], np.square(c).sum(axis=1)
    squared = np.maximum(x_norms - 2 * x @ c.T + c_norms, 0)
    reach = np.sqrt(x_norms) * np.sqrt(c_norms) + c_norms / 2
    error = 2 * (rows.shape[1] + (8 if cosine else 3)) * _UNIT_ROUNDOFF * reach
    return (squared / 2, error / 2) if cosine else (squared, error)


def _distance_to(
    payload: CentroidsPayload, rows: np.ndarray, cluster: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Distance of each row to one cluster [n], and its maximum error in float32 [n]."""
    points, _ = _points(payload, rows)
    return _from(payload, points, _centroids(payload)[cluster])


def _from(
    payload: CentroidsPayload, points: np.ndarray, centroids: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Distances [n] from points to one centroid or one each, and their maximum errors in float32.

    A float32 sum of d squared differences has a relative error of at most (d + 4) u; normalising a
    row in float32 first moves it by up to (d + 8) u.
    """
    squared = np.square(points - centroids).sum(axis=1)
    width = points.shape[1]
    bound = (width + 4) * _UNIT_ROUNDOFF * squared + float(np.finfo(np.float32).tiny)
    if payload.wide:  # what is left after the shift is rounded to float32
        reach = sum(np.linalg.norm(one - _shift(payload), axis=-1) for one in (points, centroids))
        displacement = _UNIT_ROUNDOFF * reach
        return squared, bound + 2 * np.sqrt(squared) * displacement + displacement**2
    if not _is_cosine(payload):
        return squared, bound
    displacement = (width + 8) * _UNIT_ROUNDOFF
    return squared / 2, bound / 2 + np.sqrt(squared) * displacement + displacement**2


def _points(payload: CentroidsPayload, rows: np.ndarray) -> tuple[np.ndarray, bool]:
    """The rows as points that distances are computed from, float64, and whether normalised."""
    points = rows.astype(np.float64)
    if payload.wide:
        return points - payload.shift, False
    if not _is_cosine(payload):
        return points, False
    lengths = np.linalg.norm(points, axis=1, keepdims=True)
    return points / np.where(lengths > 0, lengths, 1.0), True


def _centroids(payload: CentroidsPayload) -> np.ndarray:
    """The centroids, float64 [k, d]: less the shift if the payload is wide."""
    centroids = payload.centroids if payload.points is None else payload.points
    return centroids.astype(np.float64)


def _shift(payload: CentroidsPayload) -> np.ndarray:
    """What is still to be subtracted from points and centroids, float64 [d]."""
    return np.zeros_like(payload.shift) if payload.wide else payload.shift


def _is_cosine(payload: CentroidsPayload) -> bool:
    return payload.metadata.distance_metric == COSINE_DISTANCE
