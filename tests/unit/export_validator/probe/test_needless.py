"""Inputs that change no answer, of models that are plain functions."""

import sys
from pathlib import Path

import numpy as np
import pytest

import tfx_kmeans.export_validator.probe.program as program


@pytest.fixture
def find_needless(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(program.__file__).parent))
    import probe_needless

    yield probe_needless.find_needless
    for name in [name for name in sys.modules if name.startswith('probe_')]:
        del sys.modules[name]


class CityModel:
    """Knows one city; all others are alike, and a missing one is between."""

    def call(self, _, rows):
        city = rows['city']
        place = np.where(city == b'Ulm', 1.0, np.where(city == b'', 0.5, 0.0))
        return {'cluster_index': np.zeros(len(city), np.int64), 'distance': place + rows['x']}


def needless_in(find_needless, cities):
    raw = {
        'city': np.array(cities, object),
        'label': np.array([b'good'] * len(cities), object),
        'x': np.arange(len(cities), dtype=np.float32),
    }
    return find_needless(CityModel(), raw, CityModel().call('raw', raw))


@pytest.mark.parametrize('cities', [[b'Bonn'], [b'Bonn', b'Kiel'], [b'Ulm'], [b'']])
def test_a_label_is_needless_and_a_category_is_not_even_in_few_rows(find_needless, cities):
    assert needless_in(find_needless, cities) == ['label']
