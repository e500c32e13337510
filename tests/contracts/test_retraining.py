"""A month later: the earlier model, as it was pushed, answers the raw examples of the new month.

Transform learns other scales and another vocabulary, or features and metric change. Cluster ids
must stay with the same rows, and a clustering that is really different must be seen.
"""

import itertools
import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from tfx.types import standard_artifacts

from tests.contracts.conftest import Workshop
from tests.contracts.months import (
    Months,
    all_three,
    answers_of,
    record_of,
    x_alone,
    x_and_segment,
)
from tfx_kmeans.centroids.storage import read_payload

OPTIONS = {'splits': ['eval'], 'weight_feature': 'w', 'num_clusters': 3}
FIRST = {'A': 60, 'B': 50, 'C': 40}
LATER = {'A': 20, 'B': 30, 'C': 300, 'seed': 1}  # C has most rows: another mean, scale and order
SHIFTED = {**FIRST, 'seed': 2, 'scale': 3.0, 'shift': 100.0}
SPLIT = {'B': 90, 'C': 60, 'D': 60, 'seed': 3}  # A has gone, and C has become two groups


@pytest.fixture(scope='module')
def months(tmp_path_factory):
    return Months(tmp_path_factory.mktemp('months'))


@pytest.fixture(scope='module')
def first(months, tmp_path_factory):
    """The first month, with the model that was trained and exported then."""
    month = months.made(x_and_segment, **FIRST)
    shop = Workshop(tmp_path_factory.mktemp('first'))
    trained = shop.train(month.transformed, transform_graph=month.graph, **OPTIONS)
    model = shop.export(trained.centroids, transform_graph=month.graph)
    answers = answers_of(model, month.records)
    ids = {group: np.unique(answers[month.groups == group]).tolist() for group in 'ABC'}
    assert sorted(ids.values()) == [[0], [1], [2]], 'the first month has three clear clusters'
    return SimpleNamespace(model=model, centroids=trained.centroids, ids=ids, month=month)


def retrained(workshop, first, month, **options):
    trained = workshop.train(
        month.transformed,
        base_model=[first.model],
        transform_graph=month.graph,
        raw_examples=month.raw,
        **{**OPTIONS, **options},
    )
    model = workshop.export(trained.centroids, transform_graph=month.graph)
    payload = read_payload(trained.centroids.uri)
    return SimpleNamespace(
        model=model,
        centroids=trained.centroids,
        payload=payload,
        succession=payload.metadata.ancestry.succession,
        answers=answers_of(model, month.records),
    )


def figures(workshop, new, month, baseline, **limits):
    """The baseline checks by name: whether they passed, and what they found."""
    found = workshop.validate(
        new.model, new.centroids, month.raw, baseline=[baseline], thresholds=limits
    )
    return found, {
        check['name']: check['found'] for check in found.checks if check['group'] == 'baseline'
    }


def centroids_alone(workshop, model):
    """A folder with the centroids of a model and without the model."""
    made = workshop.artifact(standard_artifacts.Model, 'centroids_alone')
    extra = 'assets.extra/tfx_kmeans'
    shutil.copytree(f'{model.uri}/Format-Serving/{extra}', f'{made.uri}/{extra}')
    return made


@pytest.mark.parametrize('align', [False, True])
@pytest.mark.parametrize(
    ('preprocessing_fn', 'rows', 'options'),
    [
        (x_and_segment, LATER, {}),
        (x_and_segment, SHIFTED, {}),
        (all_three, LATER, {}),
        (x_alone, LATER, {}),
        (all_three, LATER, {'distance_metric': 'cosine'}),
    ],
    ids=['scale_and_vocabulary', 'shifted_and_scaled', 'added', 'dropped', 'metric'],
)
def test_ids_stay_with_the_rows(workshop, months, first, preprocessing_fn, rows, options, align):
    month = months.made(preprocessing_fn, **rows)
    new = retrained(workshop, first, month, align_clusters=align, num_restarts=2, seed=5, **options)
    for group, ids in first.ids.items():
        assert np.unique(new.answers[month.groups == group]).tolist() == ids
    assert new.succession.matched_by == 'rows'
    assert new.succession.moved_share == 0
    assert new.payload.metadata.ancestry.aligned is align
    assert len(new.payload.metadata.restarts) == (2 if align else 1)


def test_without_raw_examples_a_new_scale_and_vocabulary_move_the_ids(workshop, months, first):
    """What docs/retraining.md warns of, and the reason for raw_examples."""
    month = months.made(x_and_segment, **LATER)
    trained = workshop.train(month.transformed, [first.model], month.graph, **OPTIONS)
    model = workshop.export(trained.centroids, transform_graph=month.graph)
    answers = answers_of(model, month.records)
    ids = {group: np.unique(answers[month.groups == group]).tolist() for group in 'ABC'}
    assert ids != first.ids
    succession = read_payload(trained.centroids.uri).metadata.ancestry.succession
    assert (succession.moved_share, succession.matched_by) == (None, 'centroids')


def test_the_start_is_the_weighted_means_of_the_new_rows_by_earlier_cluster(
    workshop, months, first
):
    """The distances of the final centroids from the start, in float64 from the raw values."""
    month = months.made(x_alone, **SPLIT)
    new = retrained(workshop, first, month)
    x = np.array([row['x'] for row in month.rows])
    z = (x - x.mean()) / x.std()  # Transform does not weight
    earlier = answers_of(first.model, month.records)
    means = {
        i: np.average(z[earlier == i], weights=month.weights[earlier == i])
        for i in (0, 1, 2)
        if (earlier == i).any()
    }
    assert len(means) == 2, 'the rows of A have gone, and D is answered as C'
    for cluster, mean in means.items():
        distance = np.square(new.payload.centroids[cluster, 0].astype(float) - mean)
        np.testing.assert_allclose(new.succession.distance[cluster], distance, 1e-3, 1e-9)


@pytest.mark.parametrize('align', [False, True])
def test_a_cluster_that_splits_is_seen(workshop, months, first, align):
    month = months.made(x_alone, **SPLIT)
    new = retrained(workshop, first, month, align_clusters=align, num_restarts=3)
    earlier = answers_of(first.model, month.records)
    assert np.unique(earlier).size == 2
    kept = max(
        sum(month.weights[(new.answers == i) & (earlier == ids[i])].sum() for i in range(3))
        for ids in itertools.permutations(range(3))
    )
    expected = 1 - kept / month.weights.sum()
    assert 0.15 < expected < 0.25
    if align:
        assert new.succession.moved_share == pytest.approx(expected, abs=1e-12)
    moved = month.weights[new.answers != earlier].sum() / month.weights.sum()
    assert new.succession.moved_share == pytest.approx(moved, abs=1e-12)
    assert sorted(np.unique(new.answers[month.groups == group]).size for group in 'BCD') == [1] * 3
    found, text = figures(
        workshop, new, month, first.model, max_baseline_changed=0.1, max_baseline_drift=0.01
    )
    assert {'baseline_changed', 'baseline_drift'} <= set(found.failed)
    assert float(text['baseline_changed']) == pytest.approx(60 / 210, abs=1e-4)


@pytest.mark.parametrize('rows', [LATER, SHIFTED], ids=['scale_and_vocabulary', 'shifted'])
def test_the_baseline_answers_with_its_own_preprocessing(workshop, months, first, rows):
    month = months.made(x_and_segment, **rows)
    trained = workshop.train(month.transformed, transform_graph=month.graph, seed=3, **OPTIONS)
    new = SimpleNamespace(
        model=workshop.export(trained.centroids, transform_graph=month.graph),
        centroids=trained.centroids,
    )
    limits = {
        'max_baseline_changed': 0.0,
        'max_baseline_drift': 1e-9,
        'max_baseline_inertia_ratio': 1.0,
    }
    found, text = figures(workshop, new, month, first.model, **limits)
    assert found.failed == [], text
    assert float(text['baseline_inertia']) == 1
    assert text['baseline_inputs'] == 'unchanged'
    count = len(month.rows)
    assert text['baseline_fits'] == f'{count} of {count} examples have a cluster in it'


def test_centroids_without_a_model_are_compared_as_they_are(workshop, months, first):
    """Which is wrong after a change of scale and vocabulary: the reason for asking the model."""
    month = months.made(x_and_segment, **LATER)
    new = retrained(workshop, first, month)
    found, text = figures(workshop, new, month, centroids_alone(workshop, first.model))
    assert float(text['baseline_changed']) > 0.05
    assert 'contains no SavedModel, so that centroids are compared' in text['baseline_fits']
    assert 'baseline_inputs' not in text
    assert found.failed == []


@pytest.mark.parametrize(
    ('preprocessing_fn', 'change'),
    [
        (all_three, "raw: 'y' (float32 [None]) is a new input, which clients do not send"),
        (x_alone, "raw: 'segment' (string [None]) is not an input any more"),
    ],
)
def test_another_feature_set_is_compared_and_reported(
    workshop, months, first, preprocessing_fn, change
):
    month = months.made(preprocessing_fn, **LATER)
    new = retrained(workshop, first, month)
    found, text = figures(workshop, new, month, first.model, max_baseline_changed=0.0)
    assert found.failed == ['baseline_inputs']
    assert text['baseline_inputs'] == change
    assert float(text['baseline_drift']) == 0


def test_raw_examples_that_lack_a_feature_are_refused_by_name(workshop, months, first):
    month = months.made(x_alone, **LATER)
    records = [record_of(row, without=['segment']) for row in month.rows]
    raw = workshop.written('lacking', 'eval', records)
    with pytest.raises(ValueError) as refused:
        workshop.train(month.transformed, [first.model], month.graph, raw, **OPTIONS)
    assert first.model.uri in str(refused.value)
    assert f"none of the {len(records)} raw_examples to a cluster: they lack 'segment'" in str(
        refused.value
    )
    trained = workshop.train(month.transformed, None, month.graph, **OPTIONS)
    model = workshop.export(trained.centroids, transform_graph=month.graph)
    found = workshop.validate(model, trained.centroids, raw, baseline=[first.model])
    assert 'baseline_fits' in found.failed
    (text,) = [check['found'] for check in found.checks if check['name'] == 'baseline_fits']
    assert (
        text
        == f'0 of {len(records)} examples have a cluster in it; features that they lack: segment'
    )


def test_raw_examples_of_another_type_are_refused_by_name(workshop, months, first):
    month = months.made(x_alone, **LATER)
    changed = []
    for row in month.rows:
        example = tf.train.Example.FromString(record_of(row, without=['segment']))
        example.features.feature['segment'].int64_list.value.append(1)
        changed.append(example.SerializeToString())
    raw = workshop.written('typed', 'eval', changed)
    with pytest.raises(ValueError, match=r'cannot read the raw_examples: .*segment.*int64') as seen:
        workshop.train(month.transformed, [first.model], month.graph, raw, **OPTIONS)
    assert first.model.uri in str(seen.value)


def test_another_number_of_clusters_or_no_model_is_refused(workshop, months, first):
    month = months.made(x_alone, **LATER)
    given = (month.transformed, [first.model], month.graph, month.raw)
    with pytest.raises(ValueError, match='its num_clusters is 3, but here it is 4'):
        workshop.train(*given, **{**OPTIONS, 'num_clusters': 4})
    bare = centroids_alone(workshop, first.model)
    with pytest.raises(ValueError, match=f'base_model in {bare.uri} has no SavedModel'):
        workshop.train(given[0], [bare], *given[2:], **OPTIONS)
    other = workshop.written('other', 'train', month.records)
    with pytest.raises(ValueError, match="splits contains 'eval'"):
        workshop.train(*given[:3], other, **OPTIONS)


def test_rows_that_the_earlier_model_cannot_answer_count_as_moved(workshop, months, first):
    month = months.made(x_alone, **LATER)
    unanswered = np.arange(len(month.rows)) % 10 == 0
    records = [
        record_of(row, without=['segment'] if lost else [])
        for row, lost in zip(month.rows, unanswered, strict=True)
    ]
    raw = workshop.written('partly', 'eval', records)
    trained = workshop.train(month.transformed, [first.model], month.graph, raw, **OPTIONS)
    metadata = json.loads((Path(trained.centroids.uri) / 'metadata.json').read_text())
    share = month.weights[unanswered].sum() / month.weights.sum()
    assert metadata['ancestry']['succession']['moved_share'] == pytest.approx(share, abs=1e-12)


def test_without_a_base_model_the_raw_examples_have_no_effect(workshop, months):
    month = months.made(x_alone, **LATER)
    trained = workshop.train(month.transformed, [], month.graph, month.raw, **OPTIONS)
    assert read_payload(trained.centroids.uri).metadata.ancestry is None


def test_without_transform_the_schema_or_the_first_example_describes_the_rows(
    workshop, many_rows, exported
):
    examples = workshop.examples('again', train=many_rows[:900])
    trained = workshop.train(examples, [exported.model], raw_examples=examples)
    succession = read_payload(trained.centroids.uri).metadata.ancestry.succession
    assert (succession.moved_share, succession.matched_by) == (0, 'rows')
