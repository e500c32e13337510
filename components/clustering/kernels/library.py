"""Calls the compiled kernels through ctypes, which releases the GIL."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tfx_kmeans.clustering.kernels.interface import (
    Bounds,
    Movement,
    Neighbours,
    Points,
    Totals,
)
from tfx_kmeans.errors import KernelsError

LEVELS = ('baseline', 'avx2', 'avx512')
"""Instruction sets, in the order of what `tfx_kmeans_level` returns. On 64-bit Arm there is only
'baseline', which is NEON."""

_FILE = Path(__file__).with_name('kernels.so')
_INTERFACE = 1  # raised whenever the arguments of a kernel change, as in source/processor.c
_BLOCK = 64  # rows that are transposed together; BLOCK in source/scores.h

_ARRAY, _COUNT = ctypes.c_void_p, ctypes.c_int64
_NUMBER, _SINGLE, _DOUBLE = ctypes.c_int32, ctypes.c_float, ctypes.c_double
_POINTS = (_ARRAY, _ARRAY, _SINGLE, _SINGLE, _SINGLE, _COUNT)
_SIGNATURES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    'column_sums': (None, (_ARRAY, _ARRAY, _COUNT, _COUNT, _ARRAY)),
    'subtract': (_SINGLE, (_ARRAY, _COUNT, _COUNT, _ARRAY)),
    'assign': (_COUNT, (_ARRAY, _ARRAY, _COUNT, _COUNT, *_POINTS, *5 * (_ARRAY,))),
    'assign_bounded': (
        _COUNT,
        (_ARRAY, _ARRAY, _COUNT, _COUNT, *_POINTS, *_POINTS, *9 * (_ARRAY,)),
    ),
    'nearest': (None, (_ARRAY, _COUNT, _COUNT, *_POINTS, *3 * (_ARRAY,))),
    'draw': (_DOUBLE, (_ARRAY, _ARRAY, _COUNT, _ARRAY, _COUNT, _ARRAY, _ARRAY)),
    'closest': (
        None,
        (_ARRAY, _ARRAY, _COUNT, _COUNT, _ARRAY, _COUNT, _ARRAY, _ARRAY, _COUNT, _ARRAY, _ARRAY),
    ),
    'fold': (None, (_ARRAY, _COUNT, _COUNT, *_POINTS, _NUMBER, *3 * (_ARRAY,))),
    'two_nearest': (
        None,
        (_ARRAY, _ARRAY, _COUNT, _COUNT, _ARRAY, _ARRAY, _COUNT, *5 * (_ARRAY,)),
    ),
    'replacement': (_DOUBLE, (_ARRAY, _ARRAY, _COUNT, _COUNT, *7 * (_ARRAY,))),
    'exchange': (_COUNT, (_COUNT, _NUMBER, *6 * (_ARRAY,))),
}


class CompiledKernels:
    """The `Kernels` of one instruction set."""

    def __init__(self, level: str) -> None:
        """Loads the library.

        Args:
          level: One of `LEVELS`, which the processor must support.

        Raises:
          KernelsError: If the library is missing or broken, or if the processor lacks the
            instruction set.
        """
        library = _library()
        if LEVELS.index(level) > library.tfx_kmeans_level():
            raise KernelsError(
                f'this processor does not support {level}, only '
                f'{", ".join(LEVELS[: library.tfx_kmeans_level() + 1])}'
            )
        self._level = level
        for name, (result, arguments) in _SIGNATURES.items():
            function = getattr(library, f'{level}_{name}')
            function.restype, function.argtypes = result, arguments
        self._function: Callable[[str], Any] = lambda name: getattr(library, f'{level}_{name}')

    @property
    def name(self) -> str:
        """See `Kernels`."""
        return self._level

    def column_sums(self, rows: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
        """See `Kernels`."""
        sums = np.zeros(rows.shape[1])
        self._function('column_sums')(*_rows(rows, weights), _float64(sums))
        return sums

    def subtract(self, rows: np.ndarray, shift: np.ndarray) -> float:
        """See `Kernels`."""
        return float(self._function('subtract')(_float32(rows), *rows.shape, _float32(shift)))

    def assign(
        self,
        rows: np.ndarray,
        weights: np.ndarray | None,
        points: Points,
        labels: np.ndarray,
        totals: Totals,
    ) -> int:
        """See `Kernels`."""
        room = _room(rows)
        return int(
            self._function('assign')(
                *_rows(rows, weights),
                *_points(points),
                _int32(labels),
                *map(_float64, totals),
                _float32(room),
            )
        )

    def assign_bounded(  # noqa: PLR0917
        self,
        rows: np.ndarray,
        weights: np.ndarray | None,
        points: Points,
        labels: np.ndarray,
        totals: Totals,
        movement: Movement,
        bounds: Bounds,
    ) -> int:
        """See `Kernels`."""
        room = _room(rows)
        fast = _NO_POINTS if movement.fast is None else _points(movement.fast)
        return int(
            self._function('assign_bounded')(
                *_rows(rows, weights),
                *_points(points),
                *fast,
                _int32(movement.numbers),
                None if movement.slow is None else _float32(movement.slow),
                *map(_float32, bounds),
                _int32(labels),
                *map(_float64, totals),
                _float32(room),
            )
        )

    def nearest(self, rows: np.ndarray, points: Points) -> tuple[np.ndarray, np.ndarray]:
        """See `Kernels`."""
        room = _room(rows)
        labels, distances = np.empty(len(rows), np.int32), np.empty(len(rows))
        self._function('nearest')(
            _float32(rows),
            *rows.shape,
            *_points(points),
            _int32(labels),
            _float64(distances),
            _float32(room),
        )
        return labels, distances

    def draw(
        self, values: np.ndarray, weights: np.ndarray | None, fractions: np.ndarray
    ) -> tuple[float, np.ndarray]:
        """See `Kernels`."""
        drawn, sums = np.zeros(len(fractions), np.int64), np.empty(len(values) // _BLOCK + 1)
        total = self._function('draw')(
            _float32(values),
            None if weights is None else _float64(weights),
            len(values),
            _float64(fractions),
            len(fractions),
            drawn.ctypes.data,
            _float64(sums),
        )
        return total, drawn

    def closest(
        self,
        rows: np.ndarray,
        weights: np.ndarray | None,
        points: np.ndarray,
        closest: np.ndarray,
        found: np.ndarray,
    ) -> np.ndarray:
        """See `Kernels`."""
        room = _room(rows)
        totals = np.zeros(len(points))
        assert found.dtype == np.float32, found.dtype
        self._function('closest')(
            *_rows(rows, weights),
            _float32(points),
            len(points),
            _float32(closest),
            found.ctypes.data,
            found.strides[0] // found.itemsize,
            _float64(totals),
            _float32(room),
        )
        return totals

    def fold(
        self, rows: np.ndarray, points: Points, number: int, closest: np.ndarray,
        nearest: np.ndarray,
    ) -> None:  # fmt: skip
        """See `Kernels`."""
        room = _room(rows)
        self._function('fold')(
            _float32(rows),
            *rows.shape,
            *_points(points),
            number,
            _float32(closest),
            _int32(nearest),
            _float32(room),
        )

    def two_nearest(
        self, rows: np.ndarray, index: np.ndarray, points: Points, neighbours: Neighbours
    ) -> None:
        """See `Kernels`."""
        room = _room(rows)
        self._function('two_nearest')(
            _float32(rows),
            _int32(index),
            len(index),
            rows.shape[1],
            _float32(points.values),
            _float32(points.half_norms),
            len(points.values),
            *_neighbours(neighbours),
            _float32(room),
        )

    def replacement(  # noqa: PLR0917
        self,
        rows: np.ndarray,
        weights: np.ndarray | None,
        point: np.ndarray,
        neighbours: Neighbours,
        distances: np.ndarray,
        losses: np.ndarray,
    ) -> float:
        """See `Kernels`."""
        room = _room(rows)
        nearest, _, closest, following = _neighbours(neighbours)
        return float(
            self._function('replacement')(
                *_rows(rows, weights),
                _float32(point),
                nearest,
                closest,
                following,
                _float32(distances),
                _float64(losses),
                _float32(room),
            )
        )

    def exchange(self, replaced: int, distances: np.ndarray, neighbours: Neighbours) -> np.ndarray:
        """See `Kernels`."""
        affected = np.empty(len(distances), np.int32)
        count = self._function('exchange')(
            len(distances),
            replaced,
            _float32(distances),
            *_neighbours(neighbours),
            _int32(affected),
        )
        return affected[:count]


def best_level() -> str:
    """The fastest of `LEVELS` that the processor supports.

    Raises:
      KernelsError: If the library is missing or broken.
    """
    return LEVELS[_library().tfx_kmeans_level()]


@cache
def _library() -> ctypes.CDLL:
    try:
        library = ctypes.CDLL(str(_FILE))
    except OSError as error:
        reason = 'it was not built' if not _FILE.exists() else str(error)
        raise KernelsError(f'{_FILE.name} cannot be loaded: {reason}') from None
    version = getattr(library, 'tfx_kmeans_interface', None)
    if version is None or version() != _INTERFACE:
        raise KernelsError(f'{_FILE.name} was built from other sources and must be built again')
    return library


def _rows(rows: np.ndarray, weights: np.ndarray | None) -> tuple[int, int | None, int, int]:
    size, width = rows.shape
    return _float32(rows), None if weights is None else _float64(weights), size, width


_NO_POINTS = (None, None, 0.0, 0.0, math.inf, 0)


def _points(points: Points) -> tuple[int, int, float, float, float, int]:
    values, half_norms, longest, usual, beyond = points
    return _float32(values), _float32(half_norms), longest, usual, beyond, len(values)


def _neighbours(neighbours: Neighbours) -> tuple[int, int, int, int]:
    nearest, second, closest, following = neighbours
    return _int32(nearest), _int32(second), _float32(closest), _float32(following)


def _room(rows: np.ndarray) -> np.ndarray:
    """A buffer for a transposed block of rows, with room to align it to 64 bytes."""
    return np.empty(_BLOCK * rows.shape[1] + 16, np.float32)


def _float32(array: np.ndarray) -> int:
    return _address(array, np.float32)


def _float64(array: np.ndarray) -> int:
    return _address(array, np.float64)


def _int32(array: np.ndarray) -> int:
    return _address(array, np.int32)


def _address(array: np.ndarray, dtype: type) -> int:
    """The address of a contiguous array, which the caller must keep alive during the call."""
    assert array.dtype == dtype, f'{array.dtype} instead of {dtype}'
    assert array.flags.c_contiguous, 'not contiguous'
    return array.ctypes.data
