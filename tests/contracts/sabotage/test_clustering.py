"""Unusable clusterings are refused by the checks of the clustering."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tests.contracts.sabotage.catalogue import Catalogue, assert_refused

FAULTS = Catalogue(infra_blessed=True)
fault = FAULTS.fault


@fault('finite_centroids', alone=False, infra_blessed=False)
def artifact_not_a_number(bench):
    centroids = bench.payload.centroids.copy()
    centroids[2, 1] = np.nan
    bench.other_centroids(centroids=centroids)
    bench.save_with(centroids=centroids)


@fault('number_and_width')
def fewer_than_requested(bench):
    def change(metadata):
        metadata['options']['num_clusters'] = 5

    bench.other_centroids(change)


@fault('distinct_centroids')
def two_equal(bench):
    centroids = bench.payload.centroids.copy()
    centroids[3] = centroids[1]
    bench.other_centroids(centroids=centroids)
    bench.save_with(centroids=centroids)


@fault('empty_clusters')
def cluster_without_rows(bench):
    weight = bench.payload.cluster_weight.copy()
    weight[3] = 0
    bench.other_centroids(cluster_weight=weight)


@fault('nonzero_inertia')
def every_row_on_its_centroid(bench):
    bench.other_centroids(lambda metadata: metadata.update(inertia=0.0))
    bench.limit(checks={'nonzero_inertia': 'fail'})


@fault('varying_inputs')
def column_with_one_value(bench):
    rows = bench.payload.centroids[np.arange(300) % 4]
    rows = rows + np.random.default_rng(0).normal(size=rows.shape).astype(np.float32)
    rows[:, 1] = 100
    bench.examples = bench.workshop.examples('one_value', eval=rows)
    bench.limit(checks={'varying_inputs': 'fail'})


@fault('smallest_share')
def cluster_too_small(bench):
    bench.limit(min_cluster_share=0.249)


@fault('largest_share')
def cluster_too_large(bench):
    bench.limit(max_cluster_share=0.251)


@fault('inertia_ratio')
def trained_on_other_data(bench):
    def change(metadata):
        metadata['inertia'] /= 100

    bench.other_centroids(change)
    bench.limit(max_inertia_ratio=2)


@fault('silhouette')
def clusters_not_apart(bench):
    bench.limit(min_silhouette=0.999)


@fault('davies_bouldin')
def clusters_too_wide(bench):
    bench.limit(max_davies_bouldin=0.001)


def skewed(graph):
    """Exports with another Transform graph than the trainer was given."""

    def make(bench):
        bench.model = bench.workshop.export(
            bench.centroids, transform_graph=getattr(bench.other_graphs, graph)
        )
        bench.inputs['transformed'] = bench.base.transformed

    make.__name__ = f'graph_{graph}'
    return make


fault('preprocess_matches_transform', base='behind_transform')(skewed('of_other_data'))
fault('preprocess_matches_transform', base='behind_transform')(skewed('not_scaled'))


@fault('preprocess_matches_transform', base='behind_transform')
def an_example_lost(bench):
    (file,) = (Path(bench.base.transformed.uri) / 'Split-eval').iterdir()
    records = list(tf.data.TFRecordDataset(str(file), 'GZIP').as_numpy_iterator())
    bench.inputs['transformed'] = bench.workshop.written('fewer', 'eval', records[1:])


@pytest.mark.parametrize('name', FAULTS.by_name)
def test_a_sabotaged_model_is_refused_and_not_pushed(name, workshop, request):
    assert_refused(FAULTS.by_name[name], workshop, request)
