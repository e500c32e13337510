"""The distance metrics: everything that distinguishes one from another, in one place.

A metric can be added here if rows can be mapped to points such that the metric is a multiple of the
squared Euclidean distance of the points, and if the best centroid of a cluster follows from the
mean of its points. Then every pass over the rows (a matrix product, exact bounds, sums by cluster)
works on the points without any change. 'squared_euclidean' maps a row to the row minus the mean of
all rows; 'cosine' maps it to the row divided by its length. Correlation distance (each row minus
the mean of its values, divided by its length) could be added in the same way. Manhattan distance
cannot: it is not a function of squared Euclidean distances, and the centroid that minimises it is
the median, which cannot be computed from sums.
"""

from __future__ import annotations

import dataclasses
from typing import Any, TypeVar

from tfx_kmeans.argument_checks import check_choice

Squared = TypeVar('Squared')


@dataclasses.dataclass(frozen=True)
class Metric:
    """A distance metric.

    Attributes:
      name: Value of the parameter `distance_metric`.
      scale: Distance per squared Euclidean distance of two points.
      centred: Whether the rows' weighted mean is subtracted, so that data far from the origin does
        not lose its distances to cancellation in float32.
      normalised: Whether rows and centroids are divided by their Euclidean length.
      compares_roots: Whether silhouettes compare the square roots of distances. They do under
        squared_euclidean, where the roots are Euclidean distances.
    """

    name: str
    scale: float
    centred: bool
    normalised: bool
    compares_roots: bool

    def distance(self, squared: Squared) -> Squared:
        """Converts squared Euclidean distances of points (an array or a tensor) to distances."""
        values: Any = squared
        return squared if self.scale == 1 else values * self.scale


SQUARED_EUCLIDEAN_DISTANCE = 'squared_euclidean'
COSINE_DISTANCE = 'cosine'
METRICS = {
    metric.name: metric
    for metric in (
        Metric(
            SQUARED_EUCLIDEAN_DISTANCE,
            scale=1.0,
            centred=True,
            normalised=False,
            compares_roots=True,
        ),
        # Between points of length one, 1 - cos is half the squared distance.
        Metric(COSINE_DISTANCE, scale=0.5, centred=False, normalised=True, compares_roots=False),
    )
}


def metric_of(name: str) -> Metric:
    """The metric of this name.

    Raises:
      ParameterError: If there is no such metric; names `distance_metric` and the valid values.
    """
    check_choice('distance_metric', name, tuple(METRICS))
    return METRICS[name]
