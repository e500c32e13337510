"""Which kernels run, and what is said if the compiled ones cannot."""

import _ctypes
import functools
import logging
from pathlib import Path

import pytest

from tfx_kmeans.clustering.kernels import choice, library
from tfx_kmeans.clustering.kernels.choice import KERNELS_VARIABLE, default_kernels
from tfx_kmeans.clustering.kernels.library import best_level
from tfx_kmeans.errors import KernelsError, ParameterError


@pytest.fixture(autouse=True)
def _forget(monkeypatch):
    monkeypatch.delenv(KERNELS_VARIABLE, raising=False)
    choice._fastest.cache_clear()
    library._library.cache_clear()
    yield
    choice._fastest.cache_clear()
    library._library.cache_clear()


def test_the_fastest_that_the_processor_supports_is_the_default():
    assert default_kernels().name == best_level() != 'numpy'


@pytest.mark.parametrize('name', ['baseline', 'numpy'])
def test_the_environment_variable_chooses(monkeypatch, name):
    monkeypatch.setenv(KERNELS_VARIABLE, name)
    assert default_kernels().name == name


def test_an_unknown_name_is_refused(monkeypatch):
    monkeypatch.setenv(KERNELS_VARIABLE, 'sse9')
    with pytest.raises(ParameterError, match=r'TFX_KMEANS_KERNELS must be one of .*avx2.*sse9'):
        default_kernels()


@pytest.mark.parametrize('damage', ['missing', 'empty', 'another library'])
def test_numpy_takes_over_and_the_log_says_so_once(monkeypatch, tmp_path, caplog, damage):
    path = tmp_path / 'kernels.so'
    if damage == 'empty':
        path.write_bytes(b'')
    if damage == 'another library':
        path = Path(_ctypes.__file__)
    monkeypatch.setattr(library, '_FILE', path)
    with caplog.at_level(logging.WARNING):
        assert default_kernels().name == 'numpy'
        assert default_kernels().name == 'numpy'
    (message,) = caplog.messages
    assert 'runs its slow NumPy code' in message
    assert path.name in message


def test_an_instruction_set_that_the_processor_lacks_is_refused(monkeypatch):
    class Old:
        def tfx_kmeans_level(self):
            return 0

    monkeypatch.setattr(library, '_library', functools.cache(Old))
    with pytest.raises(KernelsError, match='this processor does not support avx2'):
        library.CompiledKernels('avx2')
