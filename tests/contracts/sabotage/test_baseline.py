"""Models that differ too much from a baseline are refused by the baseline checks."""

import dataclasses

import pytest

from tests.contracts.sabotage.catalogue import Catalogue, assert_refused

FAULTS = Catalogue(infra_blessed=True)
fault = FAULTS.fault


@fault('baseline_fits')
def baseline_of_another_metric(bench):
    metadata = dataclasses.replace(bench.payload.metadata, distance_metric='cosine')
    bench.baseline(dataclasses.replace(bench.payload, metadata=metadata))


@fault('baseline_inertia')
def worse_than_the_baseline(bench):
    bench.baseline(bench.payload)
    far = bench.payload.centroids + 1
    bench.other_centroids(centroids=far)
    bench.save_with(centroids=far)
    bench.limit(max_baseline_inertia_ratio=1.05)


@fault('baseline_changed')
def rows_in_other_clusters(bench):
    bench.baseline(bench.payload)
    merged = bench.payload.centroids.copy()
    merged[0] = (merged[0] + 9 * merged[1]) / 10
    bench.other_centroids(centroids=merged)
    bench.save_with(centroids=merged)
    bench.limit(max_baseline_changed=0.01)


@fault('baseline_drift')
def clusters_of_other_sizes(bench):
    bench.baseline(bench.payload)
    far = bench.payload.centroids.copy()
    far[0] += 1000
    bench.other_centroids(centroids=far)
    bench.save_with(centroids=far)
    bench.limit(max_baseline_drift=0.01)


@pytest.mark.parametrize('name', FAULTS.by_name)
def test_a_sabotaged_model_is_refused_and_not_pushed(name, workshop, request):
    assert_refused(FAULTS.by_name[name], workshop, request)
