"""Initial centroids from the user: given as rows, or chosen by a function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tfx_kmeans.clustering.frame import Frame
from tfx_kmeans.clustering.weighted_rows import WeightedRows
from tfx_kmeans.errors import ParameterError

_BLOCK = 8192


def entered(start: np.ndarray, frame: Frame) -> np.ndarray:
    """Maps given centroids [k, d] from feature space to the rows' frame.

    Raises:
      ParameterError: If the centroids do not have the width of the data, or have no distances in
        the frame.
    """
    if start.shape[1] != len(frame.shift):
        raise ParameterError(
            f'initial_clusters has rows of {start.shape[1]} values, but the data has '
            f'{len(frame.shift)} columns. Give one value for each column.'
        )
    try:
        frame.refuse_unusable(start)
    except ValueError as error:
        raise ParameterError(f'initial_clusters: {error}') from error
    return frame.enter(start)


def chosen_rows(function: Callable[..., Any], rows: WeightedRows, num_clusters: int) -> np.ndarray:
    """Calls a function with one block of rows after another until all centroids are chosen.

    Args:
      function: Function f(block, left) that gets a read-only block of rows in feature space,
        float32 [b, d] (float64 if the rows were), and the number of centroids left to choose. It
        returns 0 to `left` rows of d numbers.
      rows: Rows, minus their offset if they have one.
      num_clusters: Number of centroids to choose, k.

    Returns:
      The centroids, float64 [k, d].

    Raises:
      ParameterError: If the function returns anything else, or has chosen fewer than k centroids
        when the rows end.
    """
    chosen = np.empty((0, rows.width))
    for start in range(0, len(rows), _BLOCK):
        left = num_clusters - len(chosen)
        if left == 0:
            break
        block = rows.values[start : start + _BLOCK].copy()
        if rows.offset is not None:
            block = block + rows.offset
        block.flags.writeable = False
        chosen = np.concatenate([chosen, _checked(function(block, left), left, rows.width)])
    if len(chosen) < num_clusters:
        raise ParameterError(
            f'initial_clusters: the function has chosen only {len(chosen)} of {num_clusters} '
            f'centroids from all {len(rows)} rows. It must choose {num_clusters} in total.'
        )
    return chosen


def _checked(returned: Any, left: int, width: int) -> np.ndarray:
    try:
        found = np.asarray(returned, np.float64)
    except (TypeError, ValueError):
        found = np.empty(0)
    if found.shape == (0,):
        found = found.reshape(0, width) if np.size(returned) == 0 else found
    if found.ndim != 2 or found.shape[1] != width or len(found) > left:
        raise ParameterError(
            f'initial_clusters: the function must return 0 to {left} rows of {width} numbers, '
            f'but it has returned {_described(returned)}.'
        )
    if not np.isfinite(found).all():
        raise ParameterError(
            'initial_clusters: the function has returned NaN or infinity. It must return finite '
            'numbers.'
        )
    return found


def _described(returned: Any) -> str:
    shape = getattr(returned, 'shape', None)
    return (
        f'an array of shape {list(shape)}'
        if shape is not None
        else f'a value of type {type(returned).__name__}'
    )
