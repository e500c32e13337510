import pytest
import tensorflow as tf

from tfx_kmeans.data.source import Examples
from tfx_kmeans.export_validator.splits import ChosenSplits, choose_splits


@pytest.mark.parametrize(
    ('requested', 'empty', 'expected'),
    [
        (['eval'], [], ChosenSplits(('eval',))),
        (['eval'], ['eval'], ChosenSplits(('train',), ('eval',))),
        (['eval'], ['eval', 'train'], ChosenSplits(('a',), ('eval',))),
        (['eval', 'train'], ['eval'], ChosenSplits(('eval', 'train'))),
        (['eval', 'train'], ['eval', 'train'], ChosenSplits(('a',), ('eval', 'train'))),
        (['eval'], ['a', 'eval', 'train'], ChosenSplits(('eval',))),
    ],
)
def test_the_first_split_with_examples_is_chosen(tmp_path, requested, empty, expected):
    existing = ['a', 'eval', 'train']
    for name in existing:
        (tmp_path / name).mkdir()
        with tf.io.TFRecordWriter(str(tmp_path / name / 'data')) as writer:
            if name not in empty:
                writer.write(b'')
    found = choose_splits(
        requested, existing, lambda names: Examples(tuple(str(tmp_path / name) for name in names))
    )
    assert found == expected
    assert bool(found.note) == bool(found.empty)
