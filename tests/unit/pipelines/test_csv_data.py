import pytest

from tfx_kmeans.errors import CsvError
from tfx_kmeans.pipelines.csv_data import choose_columns, inspect_folder


def folder(tmp_path, **files):
    for name, text in files.items():
        (tmp_path / f'{name}.csv').write_text(text)
    return tmp_path


def test_numeric_columns_are_found_despite_missing_values(tmp_path):
    data = inspect_folder(
        folder(
            tmp_path,
            a='i,f,gap,s,b,empty\n1,1.5,,x,True,\n2,2,3,NA,False,\n',
            b='i,f,gap,s,b,empty\n3,1e3,,4,True,\n',
        )
    )
    assert data.columns == ('i', 'f', 'gap', 's', 'b', 'empty')
    assert data.numeric == ('i', 'f', 'gap')


def test_a_column_with_strings_in_only_one_file_is_not_numeric(tmp_path):
    data = inspect_folder(folder(tmp_path, a='x,y\n1,2\n', b='x,y\n1,z\n'))
    assert data.numeric == ('x',)


def test_the_chosen_columns_are_sorted_and_not_excluded(tmp_path):
    data = inspect_folder(folder(tmp_path, a='b,a,c\n1,2,3\n'))
    assert choose_columns(data, None, ['c']) == ('a', 'b')
    assert choose_columns(data, ['c', 'a'], []) == ('a', 'c')
    with pytest.raises(CsvError, match=r'No column is left to cluster by\. Numeric columns:'):
        choose_columns(data, ['c'], ['c'])


def test_a_quoted_header(tmp_path):
    assert inspect_folder(folder(tmp_path, a='"x, y",z\n1,2\n')).numeric == ('x, y', 'z')


def test_a_byte_order_mark_is_refused_because_example_gen_keeps_it(tmp_path):
    (tmp_path / 'a.csv').write_bytes('\ufeffx,y\n1,2\n'.encode())
    with pytest.raises(CsvError, match='starts with a byte order mark: save it as plain UTF-8'):
        inspect_folder(tmp_path)


@pytest.mark.parametrize(
    ('cells', 'lost'),
    [
        (['1700000000.25', '1700000000.5', '1700000001.75'], True),
        (['1e9', '1000000000.1', '1000000000.2'], True),
        (['1700000000', '', '1700000020'], False),  # whole numbers become int64
        (['0.1', '0.2', '14.62'], False),
        (['1e-20', '2.5e-20', '-3e-20'], False),
        (['1e30', '2.5e29', '0.5'], False),
        (['14.62', '14.62', '14.62'], False),
        (['999999999.5', '1.5', '2.5', '3.5'], False),
    ],
)
def test_decimal_numbers_that_float32_cannot_tell_apart_are_refused(tmp_path, cells, lost):
    data = inspect_folder(folder(tmp_path, a='x,y\n' + ''.join(f'{c},1\n' for c in cells)))
    if not lost:
        assert choose_columns(data, None, []) == ('x', 'y')
        return
    with pytest.raises(CsvError, match=r"Column 'x' has numbers .* for float32.* becomes 1"):
        choose_columns(data, None, [])
    assert choose_columns(data, None, ['x']) == ('y',)
