"""What the tests share. TFX is imported nowhere here: unit tests run without it."""

import os

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '2')
os.environ.setdefault('CUDA_VISIBLE_DEVICES', '-1')

import numpy as np
import pytest
import tensorflow as tf

from tfx_kmeans.centroids.payload import CentroidsPayload, Columns, payload_of
from tfx_kmeans.clustering.fit import fit_in_place
from tfx_kmeans.clustering.options import KMeansOptions
from tfx_kmeans.clustering.weighted_rows import WeightedRows
from tfx_kmeans.data.features import choose_layout

SPEC = {
    'a': tf.io.FixedLenFeature([], tf.float32),
    'b': tf.io.FixedLenFeature([], tf.float32),
    'c': tf.io.FixedLenFeature([], tf.float32),
}


@pytest.fixture
def rows() -> np.ndarray:
    rng = np.random.default_rng(0)
    centers = rng.normal(scale=5, size=(4, 3)) + 7
    return (centers[rng.integers(4, size=500)] + rng.normal(size=(500, 3))).astype(np.float32)


@pytest.fixture
def make_payload(rows):
    def make(**options: object) -> CentroidsPayload:
        wanted = KMeansOptions(**{'num_clusters': 4, **options})
        result = fit_in_place(WeightedRows(rows.copy()), wanted)
        return payload_of(result, Columns.of_layout(choose_layout(SPEC)), wanted)

    return make


@pytest.fixture
def payload(make_payload) -> CentroidsPayload:
    return make_payload()
