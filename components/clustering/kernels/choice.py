"""Chooses the kernels: compiled for this processor, or in NumPy."""

from __future__ import annotations

import logging
import os
from functools import cache

from tfx_kmeans.argument_checks import check_choice
from tfx_kmeans.clustering.kernels.interface import Kernels
from tfx_kmeans.clustering.kernels.library import (
    LEVELS,
    CompiledKernels,
    best_level,
)
from tfx_kmeans.errors import KernelsError

KERNELS_VARIABLE = 'TFX_KMEANS_KERNELS'
"""Environment variable that names the kernels to use: one of `library.LEVELS`, or 'numpy'."""

_NUMPY = 'numpy'
_log = logging.getLogger(__name__)


def default_kernels() -> Kernels:
    """The compiled kernels for this processor; those in NumPy, with a warning, if there are none.

    The environment variable TFX_KMEANS_KERNELS overrides the choice.

    Raises:
      ParameterError: If the environment variable has an unknown value.
      KernelsError: If the environment variable names kernels that cannot be used here.
    """
    wanted = os.environ.get(KERNELS_VARIABLE)
    return _fastest() if not wanted else kernels_named(wanted)


def kernels_named(name: str) -> Kernels:
    """The kernels of this name, one of `library.LEVELS` or 'numpy'."""
    check_choice(KERNELS_VARIABLE, name, (*LEVELS, _NUMPY))
    return _numpy_kernels() if name == _NUMPY else CompiledKernels(name)


@cache
def _fastest() -> Kernels:
    try:
        return CompiledKernels(best_level())
    except KernelsError as error:
        _log.warning(
            'tfx-kmeans runs its slow NumPy code, because %s. Install the wheel for this platform, '
            'or a C compiler before installing from source.',
            error,
        )
        return _numpy_kernels()


def _numpy_kernels() -> Kernels:
    from tfx_kmeans.clustering.kernels.reference import NumpyKernels  # imports SciPy

    return NumpyKernels()
