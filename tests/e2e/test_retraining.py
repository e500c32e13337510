"""Consecutive runs that start from the latest blessed model, found by TFX's Resolver."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tfx_kmeans

PROGRAM = Path(__file__).with_name('retraining.py')


@pytest.fixture(scope='module')
def runs(tmp_path_factory):
    """The centroids of both runs, in the order of the runs."""
    folder = tmp_path_factory.mktemp('retraining')
    ended = subprocess.run(
        [sys.executable, '-W', 'ignore', str(PROGRAM), str(folder)],
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    found = (folder / 'root' / 'KMeansTrainer' / 'centroids').iterdir()
    return [tfx_kmeans.KMeansModel.load(path) for path in sorted(found, key=lambda p: int(p.name))]


def test_the_first_run_starts_without_a_model_and_the_second_from_its_model(runs):
    first, second = runs
    assert first.metadata.ancestry is None
    assert len(first.metadata.restarts) == 4
    assert '/CentroidExporter/model/' in second.metadata.ancestry.base_model
    assert len(second.metadata.restarts) == 1
    moved = second.cluster_centers() - first.cluster_centers()
    np.testing.assert_allclose(moved, 1.0, atol=0.5)


def test_the_eval_split_is_evaluated_in_both_runs(runs):
    for model in runs:
        measures = model.metadata.evaluation['eval']
        assert 0.4 < measures.silhouette < 1
        assert json.dumps(measures.cluster_weight)
        assert sum(measures.cluster_weight) == measures.rows > 100
