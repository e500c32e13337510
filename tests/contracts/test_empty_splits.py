"""An eval split without examples, as ExampleGen writes it for a small table."""

import logging
import shutil
from pathlib import Path

import pytest

from tfx_kmeans import cli
from tfx_kmeans.errors import DataError

NOTE = "There are no examples in the split 'eval', so the model was validated on the split 'train'."


@pytest.fixture
def small(workshop, exported, many_rows):
    """Examples like those that the exported model was trained on, without any in eval."""
    return workshop.examples('small', train=many_rows[:900], eval=[], other=many_rows[:9])


def eval_file(examples):
    (file,) = Path(examples.path(split='eval')).iterdir()
    return file


@pytest.mark.parametrize('with_file', [True, False])
def test_the_train_split_is_used_and_everyone_is_told(workshop, exported, small, caplog, with_file):
    if not with_file:
        eval_file(small).unlink()
    with caplog.at_level(logging.WARNING):
        found = workshop.validate(exported.model, exported.centroids, small, transformed=small)
    assert NOTE in [record.getMessage().partition(' If ')[0] for record in caplog.records]
    assert found.blessing.get_int_custom_property('blessed') == 1, found.failed
    assert found.report['validated_splits'] == ['train']
    assert found.report['empty_splits'] == ['eval']
    page = (workshop.folder / 'report' / 'report.html').read_text()
    assert NOTE.replace("'", '&#39;') in page
    counts = [check['found'] for check in found.checks if check['name'] == 'examples_parity']
    assert '900' in counts[0], 'all train rows were used'


def test_a_split_with_examples_is_used_without_a_word(workshop, exported, caplog):
    found = workshop.validate(exported.model, exported.centroids, exported.examples)
    assert found.report['validated_splits'] == ['eval']
    assert found.report['empty_splits'] == []
    assert 'There are no examples' not in (workshop.folder / 'report' / 'report.html').read_text()
    assert not [one for one in caplog.records if 'no examples' in one.getMessage()]


def test_a_damaged_split_is_not_an_empty_one(workshop, exported, small):
    eval_file(small).write_bytes(b'not a record at all')
    found = workshop.validate(exported.model, exported.centroids, small)
    assert found.report['validated_splits'] == ['eval']
    assert 'examples_parity' in found.failed


def test_a_split_that_does_not_exist_is_an_error(workshop, exported, small):
    with pytest.raises(DataError, match=r"splits contains 'test', but .* have no such split"):
        workshop.validate(exported.model, exported.centroids, small, splits=['test'])


def test_the_command_says_so_too(exported, small, tmp_path, capsys):
    model, centroids = exported.model.uri, exported.centroids.uri
    arguments = ['validate', model, '--centroids', centroids, '--examples', small.uri]
    assert cli.main([*arguments, '--report', str(tmp_path / 'made')]) == cli.BLESSED
    assert NOTE in capsys.readouterr().out
    assert '"empty_splits": ["eval"]' in ' '.join(
        (tmp_path / 'made' / 'report.json').read_text().split()
    ).replace('[ ', '[').replace(' ]', ']')
    shutil.rmtree(Path(small.uri) / 'Split-eval')
    assert cli.main(arguments) == cli.UNUSABLE
    assert "has no split 'eval'. It has: " in capsys.readouterr().err
