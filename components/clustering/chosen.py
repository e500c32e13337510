"""First centroids by a user's function, as the Estimator's callable `initial_clusters`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

_BLOCK = 8192


def chosen_rows(function: Callable[..., Any], rows: np.ndarray, num_clusters: int) -> np.ndarray:
    """Calls f(block, left) with one block of rows after another until all centroids are chosen.

    Args:
      function: is given float32 [b, d], which it must not write to, and how many centroids are
        left to choose; returns 0 to `left` rows of d numbers.
      rows: float32 [n, d], in feature space.
      num_clusters: k.

    Returns:
      float32 [k, d].

    Raises:
      ValueError: where it returns anything else, or has chosen too few at the last row.
    """
    chosen = np.empty((0, rows.shape[1]), np.float32)
    for start in range(0, len(rows), _BLOCK):
        left = num_clusters - len(chosen)
        if left == 0:
            break
        block = rows[start : start + _BLOCK].copy()
        block.flags.writeable = False
        chosen = np.concatenate([chosen, _checked(function(block, left), left, rows.shape[1])])
    if len(chosen) < num_clusters:
        raise ValueError(
            f'initial_clusters: the function has chosen {len(chosen)} of {num_clusters} centroids '
            f'by the end of the {len(rows)} rows.'
        )
    return chosen


def _checked(returned: Any, left: int, width: int) -> np.ndarray:
    try:
        found = np.asarray(returned, np.float32)
    except (TypeError, ValueError):
        found = np.empty(0, np.float32)
    if found.shape == (0,):
        found = found.reshape(0, width) if np.size(returned) == 0 else found
    if found.ndim != 2 or found.shape[1] != width or len(found) > left:
        raise ValueError(
            f'initial_clusters: the function must return 0 to {left} rows of {width} numbers, '
            f'but has returned {_shown(returned)}.'
        )
    if not np.isfinite(found).all():
        raise ValueError('initial_clusters: the function has returned NaN or infinity.')
    return found


def _shown(returned: Any) -> str:
    shape = getattr(returned, 'shape', None)
    return f'an array {list(shape)}' if shape is not None else f'{type(returned).__name__}'
