"""Integers that training keeps exactly and that rows of a served model cannot hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tfx_kmeans.centroids.payload import CentroidsPayload
from tfx_kmeans.errors import PrecisionError

_TOLERATED = 1e-3  # of the inertia, as for rounding in training
_EXACT = 2.0**53  # float64 holds all integers up to here


def refuse_rounded_integers(payload: CentroidsPayload, feature_spec: Mapping[str, Any]) -> None:
    """Checks that float64 rows do not round integers by as much as rows differ within clusters.

    Training subtracts the shift from integers before it rounds them. A served row holds the
    integers themselves, as float64, which beyond 2^53 has multiples of 2, 4 and so on. Rounding to
    multiples of s adds s^2 / 12 to the variance of a column.

    Args:
      payload: Clustering to serve.
      feature_spec: Parsing specs of the clustered features, by name.

    Raises:
      PrecisionError: If rounding matters; names the column.
    """
    if not payload.wide:
        return
    largest = np.abs(payload.exact_centroids).max(axis=0)
    steps = np.where(largest > _EXACT, np.spacing(largest), 0.0) * _are_integers(
        payload, feature_spec
    )
    added = payload.metadata.total_weight * np.square(steps) / 12
    if added.sum() <= _TOLERATED * (payload.metadata.inertia + added.sum()):
        return
    column = int(added.argmax())
    raise PrecisionError(
        f'Column {payload.metadata.column_names[column]!r} has integers of about '
        f'{largest[column]:.3g}, which rows of a served model (float64) round to multiples of '
        f'{steps[column]:.0f}, by as much as rows differ within clusters. Subtract a constant from '
        'the integers in Transform, before they become floats, and train again.'
    )


def _are_integers(payload: CentroidsPayload, feature_spec: Mapping[str, Any]) -> np.ndarray:
    """Which columns come from integers: bool [d]."""
    features = payload.metadata.features
    kinds = [tf.as_dtype(feature_spec[feature.name].dtype).is_integer for feature in features]
    found: np.ndarray = np.repeat(kinds, [feature.width for feature in features])
    return found
