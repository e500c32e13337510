"""Models that differ too much from a baseline are refused by the baseline checks."""

import dataclasses

import pytest
import tensorflow as tf

from tests.contracts.sabotage.catalogue import SPEC, Catalogue, assert_refused
from tfx_kmeans.errors import UnservableFeatureError
from tfx_kmeans.serving.module import KMeansModule

FAULTS = Catalogue(infra_blessed=True)
fault = FAULTS.fault


def renamed(payload, names):
    """The payload of a clustering whose scalar features have other names."""
    placed = zip(payload.metadata.features, names, strict=True)
    features = tuple(dataclasses.replace(one, name=name) for one, name in placed)
    metadata = dataclasses.replace(payload.metadata, features=features, column_names=tuple(names))
    return dataclasses.replace(payload, metadata=metadata)


@fault('baseline_fits', alone=False, reason='features that they lack: z')
def baseline_of_a_feature_that_is_gone(bench):
    spec = {**SPEC, 'z': tf.io.FixedLenFeature([], tf.float32)}
    bench.baseline(renamed(bench.payload, ['a', 'b', 'z']), spec)


@fault('baseline_fits', alone=False, reason="Data types don't match")
def baseline_of_another_type(bench):
    bench.baseline(spec={**SPEC, 'b': tf.io.FixedLenFeature([], tf.int64)})


@fault('baseline_fits')
def baseline_centroids_of_another_metric(bench):
    metadata = dataclasses.replace(bench.payload.metadata, distance_metric='cosine')
    bench.baseline_centroids(dataclasses.replace(bench.payload, metadata=metadata))


@fault('baseline_inputs', reason='raw: the signature is gone')
def raw_signature_gone(bench):
    class WithoutRaw(KMeansModule):
        def _on_raw(self):
            raise UnservableFeatureError('no dense tensor')

    bench.baseline()
    bench.save(WithoutRaw)


@fault('baseline_inputs', reason="raw: 'b' was float32 [None] and is float32 [None, 1]")
def raw_input_of_another_shape(bench):
    bench.baseline()
    bench.save(spec={**SPEC, 'b': tf.io.FixedLenFeature([1], tf.float32)})


@fault(
    'baseline_inputs',
    alone=False,
    infra_blessed=False,
    reason="raw: 'b' was float32 [None] and is int64 [None]",
)
def raw_input_of_another_type(bench):
    bench.baseline()
    bench.save(spec={**SPEC, 'b': tf.io.FixedLenFeature([], tf.int64)})


@fault('baseline_inertia')
def worse_than_the_baseline(bench):
    bench.baseline()
    merged = bench.payload.centroids.copy()
    merged[0] += 1000
    bench.other_centroids(centroids=merged)
    bench.save_with(centroids=merged)
    bench.limit(max_baseline_inertia_ratio=1.05)


@fault('baseline_inertia')
def worse_than_the_centroids_of_the_baseline(bench):
    bench.baseline_centroids(bench.payload)
    far = bench.payload.centroids + 1
    bench.other_centroids(centroids=far)
    bench.save_with(centroids=far)
    bench.limit(max_baseline_inertia_ratio=1.05)


@fault('baseline_changed')
def rows_in_other_clusters(bench):
    bench.baseline()
    merged = bench.payload.centroids.copy()
    merged[0] = (merged[0] + 9 * merged[1]) / 10
    bench.other_centroids(centroids=merged)
    bench.save_with(centroids=merged)
    bench.limit(max_baseline_changed=0.01)


@fault('baseline_drift')
def clusters_of_other_sizes(bench):
    bench.baseline()
    far = bench.payload.centroids.copy()
    far[0] += 1000
    bench.other_centroids(centroids=far)
    bench.save_with(centroids=far)
    bench.limit(max_baseline_drift=0.01)


@pytest.mark.parametrize('name', FAULTS.by_name)
def test_a_sabotaged_model_is_refused_and_not_pushed(name, workshop, request):
    assert_refused(FAULTS.by_name[name], workshop, request)
