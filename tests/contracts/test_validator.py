"""What ExportValidator writes: blessings, modes of checks, overrides and the report."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from tfx.types import standard_artifacts

from tests.contracts.exec_properties import exec_properties
from tfx_kmeans.artifacts import KMeansCentroids
from tfx_kmeans.centroids.storage import read_payload


@pytest.fixture
def copy(workshop, exported):
    """A copy of the model, to damage."""
    model = workshop.artifact(standard_artifacts.Model, 'copy')
    model.set_string_custom_property('tfx_version', '1.16.0')
    shutil.copytree(exported.model.uri, model.uri, dirs_exist_ok=True)
    return model


def test_a_good_model_is_blessed_as_pusher_and_resolvers_read_it(workshop, exported):
    found = workshop.validate(exported.model, exported.centroids, exported.examples)
    assert found.failed == []
    assert found.blessing.get_int_custom_property('blessed') == 1
    assert found.blessing.get_string_custom_property('current_model') == exported.model.uri
    assert found.blessing.has_custom_property('current_model_id')
    assert found.infra_blessing.get_int_custom_property('blessed') == 1
    assert os.listdir(found.blessing.uri) == ['BLESSED']
    assert os.listdir(found.infra_blessing.uri) == ['INFRA_BLESSED']
    (parity,) = (check for check in found.checks if check['name'] == 'examples_parity')
    assert parity['found'].startswith('300 rows: 0 in a wrong cluster, 0 with a wrong distance')


def not_blessed(found, check, infra=False):
    assert check in found.failed, found.checks
    assert found.blessing.get_int_custom_property('blessed') == 0
    assert os.listdir(found.blessing.uri) == ['NOT_BLESSED']
    assert found.infra_blessing.get_int_custom_property('blessed') == int(infra)
    assert os.listdir(found.infra_blessing.uri) == [
        'INFRA_BLESSED' if infra else 'INFRA_NOT_BLESSED'
    ]
    assert check in found.blessing.get_string_custom_property('failed_checks').split(',')


@pytest.fixture
def damaged(workshop, exported):
    """The centroids artifact with other arrays or metadata."""

    def made(change=lambda metadata: None, **arrays):
        centroids = workshop.artifact(KMeansCentroids, 'damaged')
        shutil.copytree(exported.centroids.uri, centroids.uri, dirs_exist_ok=True)
        folder = Path(centroids.uri)
        np.savez(folder / 'centroids.npz', **{**np.load(folder / 'centroids.npz'), **arrays})
        metadata = json.loads((folder / 'metadata.json').read_text())
        change(metadata)
        (folder / 'metadata.json').write_text(json.dumps(metadata))
        return centroids

    return made


def test_modes_and_an_override(workshop, exported, damaged):
    weight = read_payload(exported.centroids.uri).cluster_weight.copy()
    weight[3] = 0
    centroids = damaged(cluster_weight=weight)
    given = (exported.model, centroids, exported.examples)
    warned = workshop.validate(*given, thresholds={'checks': {'empty_clusters': 'warn'}})
    assert warned.failed == ['empty_clusters']
    assert warned.blessing.get_int_custom_property('blessed') == 1
    assert warned.blessing.get_string_custom_property('warned_checks') == 'empty_clusters'
    off = workshop.validate(
        *given, thresholds={'checks': {'empty_clusters': 'off', 'concurrent_calls': 'off'}}
    )
    assert off.failed == []
    assert {'empty_clusters', 'concurrent_calls'}.isdisjoint(one['name'] for one in off.checks)
    word = {'reason': 'the shop has closed', 'name': 'Ada'}
    overridden = workshop.validate(*given, override=word)
    assert overridden.blessing.get_int_custom_property('blessed') == 1
    assert overridden.blessing.get_string_custom_property('override_name') == 'Ada'
    assert overridden.blessing.get_string_custom_property('failed_checks') == 'empty_clusters'
    assert overridden.report['override'] == word
    assert overridden.report['overridden'] == ['empty_clusters']


def test_an_override_never_covers_structure_or_serving(workshop, exported, copy):
    folder = Path(copy.uri) / 'Format-Serving' / 'assets.extra'
    (folder / 'checkpoint').write_text('model_checkpoint_path: "model.ckpt-7"')
    word = {'reason': 'hurry', 'name': 'Bob'}
    found = workshop.validate(copy, exported.centroids, exported.examples, override=word)
    not_blessed(found, 'leftovers')
    assert found.report['overridden'] == []


def test_what_the_page_cannot_show_does_not_lose_the_verdict(workshop, exported, damaged):
    def no_history(metadata):
        metadata['restarts'] = [{'inertia': 1.0, 'converged': True, 'history': []}]
        metadata['total_weight'] = 0.0

    found = workshop.validate(exported.model, damaged(no_history), exported.examples)
    assert found.failed == ['inertia_ratio']
    page = (workshop.folder / 'report' / 'report.html').read_text()
    assert 'The model is not blessed' in page
    assert 'Nothing to show: no iteration was recorded' in page


def test_centroids_that_cannot_be_read_do_not_lose_the_verdict(workshop, exported, damaged):
    def no_inertia(metadata):
        metadata['inertia'] = None

    found = workshop.validate(exported.model, damaged(no_inertia), exported.examples)
    not_blessed(found, 'inertia_ratio')
    page = (workshop.folder / 'report' / 'report.html').read_text()
    assert 'The model is not blessed' in page
    assert page.count('Nothing to show: ') == 4


def test_a_page_that_cannot_be_rendered_is_replaced_by_a_plain_one(workshop, exported, monkeypatch):
    from tfx_kmeans.export_validator import judge

    def fail(*_):
        raise ValueError('<no> ink')

    monkeypatch.setattr(judge, 'render_page', fail)
    found = workshop.validate(exported.model, exported.centroids, exported.examples)
    assert found.blessing.get_int_custom_property('blessed') == 1
    page = (workshop.folder / 'report' / 'report.html').read_text()
    assert 'The model is blessed' in page
    assert '&lt;no&gt; ink' in page


def test_profiles_do_not_show_features_that_are_passed_through(workshop, many_rows):
    examples = workshop.examples(train=many_rows, eval=many_rows[:100])
    trained = workshop.train(examples)
    model = workshop.export(trained.centroids, passthrough_features=['id', 'label'])
    found = workshop.validate(model, trained.centroids, examples)
    assert found.failed == []
    page = (workshop.folder / 'report' / 'report.html').read_text()
    profiles = page[page.index('Distinguishing features') : page.index('id="checks"')]
    assert '<td>a</td>' in profiles
    assert '<td>id</td>' not in profiles
    assert 'label' not in profiles


def test_a_rejected_model_is_never_the_next_baseline(workshop, exported, copy, all_of_tfx):
    from tfx.dsl.input_resolution.strategies.latest_blessed_model_strategy import (
        LatestBlessedModelStrategy,
    )

    exported.model.id, copy.id = 7, 8
    models, blessings = [exported.model, copy], []
    (Path(copy.uri) / 'Format-Serving' / 'assets.extra' / 'checkpoint').write_text('')
    for model in models:
        found = workshop.validate(model, exported.centroids, exported.examples)
        blessings.append(found.blessing)
    given = {'model': models[::-1], 'model_blessing': blessings[::-1]}
    resolved = LatestBlessedModelStrategy().resolve_artifacts(None, given)
    assert resolved == {'model': [exported.model], 'model_blessing': [blessings[0]]}
    given = {'model': [copy], 'model_blessing': blessings[1:]}
    assert LatestBlessedModelStrategy().resolve_artifacts(None, given)['model'] == []


def test_a_baseline(workshop, exported, many_rows):
    moved = many_rows.copy()
    moved[:, 0] += 8 * (np.arange(1200) % 2)
    others = workshop.train(workshop.examples('moved', train=moved), seed=3)
    shutil.copytree(others.centroids.uri, workshop.folder / 'earlier')
    baseline = workshop.artifact(standard_artifacts.Model, 'baseline')
    shutil.copytree(workshop.folder / 'earlier', Path(baseline.uri) / 'assets.extra' / 'tfx_kmeans')
    given = (exported.model, exported.centroids, exported.examples)
    same = workshop.validate(*given, baseline=[exported.model])
    assert same.failed == []
    figures = {one['name']: one['found'] for one in same.checks if one['group'] == 'baseline'}
    assert float(figures['baseline_inertia']) == 1
    assert float(figures['baseline_changed']) == float(figures['baseline_drift']) == 0
    limits = {'max_baseline_changed': 0.01, 'max_baseline_drift': 0.001}
    other = workshop.validate(*given, baseline=[baseline], thresholds=limits)
    assert other.failed == ['baseline_changed', 'baseline_drift']
    assert other.infra_blessing.get_int_custom_property('blessed') == 1
    assert other.blessing.get_int_custom_property('blessed') == 0
    assert other.blessing.get_string_custom_property('baseline_model') == baseline.uri
    none = workshop.validate(*given, baseline=[])
    assert none.failed == []
    assert not [one for one in none.checks if one['group'] == 'baseline']


def test_an_integer_feature_is_not_reported_as_skew(workshop, many_rows):
    from tfx_kmeans.export_validator.executor import Executor
    from tfx_kmeans.export_validator.options import ValidatorOptions

    examples = workshop.examples(train=many_rows, eval=many_rows[:100])
    trained = workshop.train(examples, exclude_features=[])
    outputs = {
        'blessing': [workshop.artifact(standard_artifacts.ModelBlessing, 'blessing')],
        'infra_blessing': [workshop.artifact(standard_artifacts.InfraBlessing, 'infra')],
        'report': [workshop.artifact(standard_artifacts.Model, 'report')],
    }
    inputs = {
        'model': [workshop.export(trained.centroids)],
        'centroids': [trained.centroids],
        'examples': [examples],
        'transformed_examples': [examples],
    }
    Executor().Do(inputs, outputs, exec_properties(ValidatorOptions))
    assert read_payload(trained.centroids.uri).metadata.column_names == ('a', 'b', 'c', 'id')
    assert outputs['blessing'][0].get_string_custom_property('failed_checks') == ''
