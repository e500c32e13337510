import itertools

import pytest

from tfx_kmeans.data.interleave import OPEN_AT_ONCE, interleaved


def counted(name):
    return (f'{name}{index}' for index in range(int(name[1:])))


def test_one_item_of_each_open_source_in_turn_and_the_next_source_when_one_ends():
    assert OPEN_AT_ONCE == 4
    merged = list(interleaved(['a2', 'b1', 'c3', 'd2', 'e1', 'f2'], counted))
    assert merged == [
        *('a20', 'b10', 'c30', 'd20'),
        *('a21', 'c31', 'd21'),
        *('e10', 'c32'),
        *('f20', 'f21'),
    ]


def test_no_source_is_opened_before_its_turn():
    opened = []

    def read(name):
        opened.append(name)
        return iter([name] * 3)

    stream = interleaved(list('abcdefgh'), read)
    list(itertools.islice(stream, 2))
    assert opened == list('abcd')
    stream.close()


def test_an_error_in_a_source_ends_the_stream():
    def read(name):
        yield name
        if name == 'b':
            raise ValueError('b is damaged')
        yield name

    with pytest.raises(ValueError, match='b is damaged'):
        list(interleaved(list('abc'), read))


def test_without_sources_there_are_no_items():
    assert list(interleaved([], counted)) == []
