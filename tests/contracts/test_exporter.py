"""Executor of CentroidExporter: its options on real artifacts, and its errors."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tfx_kmeans.centroids.storage import read_payload

EVERYTHING = {
    'default_signature': 'raw',
    'passthrough_features': ['id'],
    'serving_input_fn': 'tests.unit.serving.serving_inputs:from_abc',
    'as_text': True,
    'strip_default_attrs': False,
    'warmup': 3,
}


@pytest.mark.parametrize('precision', ['float32', 'float16', 'int8'])
def test_a_model_with_every_option_is_blessed(workshop, exported, tmp_path, precision):
    notes = tmp_path / 'notes.txt'
    notes.write_text('mine')
    model = workshop.export(
        exported.centroids,
        exported.examples,
        precision=precision,
        assets_extra={'docs/notes.txt': str(notes)},
        **EVERYTHING,
    )
    found = workshop.validate(model, exported.centroids, exported.examples)
    assert found.failed == []
    folder = Path(model.uri) / 'Format-Serving'
    extra = {str(path.relative_to(folder)) for path in folder.glob('assets.extra/**/*.*')}
    assert extra == {
        'assets.extra/docs/notes.txt',
        'assets.extra/saved_model.pbtxt',
        'assets.extra/tfx_kmeans/centroids.npz',
        'assets.extra/tfx_kmeans/export.json',
        'assets.extra/tfx_kmeans/metadata.json',
    }
    assert (folder / 'assets.extra' / 'tf_serving_warmup_requests').exists()
    assert model.get_string_custom_property('precision') == precision
    assert len(model.get_string_custom_property('fingerprint')) == 64
    assert model.has_custom_property('changed_assignments') == (precision != 'float32')
    if precision != 'float32':
        assert model.get_int_custom_property('compared_rows') == 300
        assert 0 <= model.get_float_custom_property('changed_assignments') < 0.02


def test_all_splits_are_used_if_there_is_no_eval_split(workshop, exported, many_rows):
    examples = workshop.examples('other', train=many_rows[:40], test=many_rows[40:70])
    model = workshop.export(exported.centroids, examples, precision='int8')
    assert model.get_int_custom_property('compared_rows') == 70


@pytest.fixture
def edited(workshop, exported, tmp_path):
    """Function that copies the centroids with changed metadata or arrays."""

    def made(change=lambda metadata: None, **arrays):
        source = Path(exported.centroids.uri)
        metadata = json.loads((source / 'metadata.json').read_text())
        change(metadata)
        other = workshop.artifact(type(exported.centroids), 'other')
        found = dict(np.load(source / 'centroids.npz'))
        np.savez(Path(other.uri) / 'centroids.npz', **{**found, **arrays})
        (Path(other.uri) / 'metadata.json').write_text(json.dumps(metadata))
        return other

    return made


def renamed(metadata):
    metadata['features'][2]['name'] = 'gone'


def reordered(metadata):
    metadata['features'][0]['name'], metadata['features'][1]['name'] = 'b', 'a'


def widened(metadata):
    metadata['features'][2]['width'] = 2


def from_the_future(metadata):
    metadata['format_version'] = '2.0'


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (
            renamed,
            "trained on feature 'gone', which the transform_graph or schema does not contain",
        ),
        (reordered, "features in the order 'b', 'a', 'c', but .* schema is 'a', 'b', 'c'"),
        (widened, "trained on feature 'c' with 2 columns, but it has 1 in the"),
        (from_the_future, r'format.*2\.0'),
    ],
)
def test_mismatched_centroids_leave_no_model(workshop, edited, tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        workshop.export(edited(change))
    assert list((tmp_path / 'model').iterdir()) == []


def test_centroids_out_of_the_range_of_the_precision_leave_no_model(
    workshop, exported, edited, tmp_path
):
    large = read_payload(exported.centroids.uri).centroids.copy()
    large[2, 1] = 7e4
    with pytest.raises(ValueError, match=r"maximum is 65504, .*column 'b' of cluster 2"):
        workshop.export(edited(centroids=large), exported.examples, precision='float16')
    assert list((tmp_path / 'model').iterdir()) == []


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'warmup': 5}, 'needs raw examples for warmup'),
        ({'precision': 'int8'}, 'needs raw examples for warmup and for a precision'),
        ({'passthrough_features': ['nope']}, "passthrough_features names 'nope'"),
        ({'assets_extra': ['/no/such/file']}, 'assets_extra names /no/such/file, which does not'),
        ({'serving_input_fn': 'tests.unit.serving.serving_inputs:no_dict'}, 'must return a dict'),
    ],
)
def test_an_error_while_the_component_runs_leaves_no_model(
    workshop, exported, tmp_path, options, message
):
    with pytest.raises(ValueError, match=message):
        workshop.export(exported.centroids, **options)
    assert list((tmp_path / 'model').iterdir()) == []


def test_a_file_of_a_folder_must_not_replace_a_file_of_the_component(workshop, exported, tmp_path):
    folder = tmp_path / 'extra' / 'tfx_kmeans'
    folder.mkdir(parents=True)
    (folder / 'metadata.json').write_text('{}')
    with pytest.raises(ValueError, match='is reserved: this component writes'):
        workshop.export(exported.centroids, assets_extra=str(tmp_path / 'extra'))
    assert list((tmp_path / 'model').iterdir()) == []


def test_two_exports_give_the_same_answers(workshop, exported, many_rows, tmp_path):
    first = workshop.export(exported.centroids)
    fingerprint = first.get_string_custom_property('fingerprint')
    shutil.move(first.uri, tmp_path / 'first')
    second = workshop.export(exported.centroids)
    assert second.get_string_custom_property('fingerprint') == fingerprint
    one, two = (
        tf.saved_model.load(str(Path(folder) / 'Format-Serving'))
        for folder in (tmp_path / 'first', second.uri)
    )
    rows = tf.constant(many_rows)
    for name, values in one.signatures['features'](features=rows).items():
        again = two.signatures['features'](features=rows)[name]
        np.testing.assert_array_equal(values.numpy(), again.numpy())
