"""Tables as people have them: small files, with the values that they hold or the error they cause.

Every usable table holds the same rows, which form two clusters; the others are damaged,
contradictory or ambiguous.
"""

from __future__ import annotations

import bz2
import dataclasses
import gzip
import io
import lzma
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

from tfx_kmeans.tables.numbers import plain_floats

ROWS = 24
CLUSTERS = np.arange(ROWS) % 2
_rng = np.random.default_rng(17)
PRICE = np.round(np.where(CLUSTERS, 1234.5, 12.25) + _rng.normal(0, 1, ROWS), 2)
COUNT = np.where(CLUSTERS, 3_000_000, 2_000) + np.arange(ROWS) // 4
CITY = np.where(CLUSTERS, 'Köln', 'Ulm')
VALUES = {'price': list(PRICE), 'count': [int(one) for one in COUNT]}


@dataclasses.dataclass(frozen=True)
class Usable:
    """A table that can be clustered.

    Attributes:
      files: Content of each file, by its path below the folder of the table.
      values: What the columns to cluster by must hold; None is a missing number.
      arguments: Options of local_runner.py.
      left_out: Columns that must be left out, with words of the reason.
      said: Words that the summary must contain.
      warned: Words that the warnings must contain; empty if there must be none.
      paths: Paths to give to --data, below the folder; the folder itself by default.
      is_plain: Whether CsvExampleGen must read the files as they are.
    """

    files: Mapping[str, bytes]
    values: Mapping[str, Sequence[object]] = dataclasses.field(default_factory=lambda: VALUES)
    arguments: Sequence[str] = ()
    left_out: Mapping[str, str] = dataclasses.field(default_factory=dict)
    said: str = ''
    warned: str = ''
    paths: Sequence[str] = ('',)
    is_plain: bool = False


@dataclasses.dataclass(frozen=True)
class Unusable:
    """A table that must be refused, with words of the error."""

    files: Mapping[str, bytes]
    error: str
    arguments: Sequence[str] = ()
    paths: Sequence[str] = ('',)


def lines(
    columns: Mapping[str, Sequence[object]],
    delimiter: str = ',',
    header: str | None = None,
    end: str = '\n',
) -> str:
    """A table as text; cells are written as they are."""
    first = delimiter.join(columns) if header is None else header
    rows = [delimiter.join(map(str, row)) for row in zip(*columns.values(), strict=True)]
    return end.join([*([first] if first else []), *rows, ''])


def with_comma(numbers: Sequence[object]) -> list[str]:
    return [str(number).replace('.', ',') for number in numbers]


def grouped(numbers: Sequence[float], thousands: str, decimal: str) -> list[str]:
    swap = str.maketrans({',': thousands, '.': decimal})
    return [f'{number:,}'.translate(swap) for number in numbers]


def with_missing(cell: str, column: str = 'price') -> tuple[dict, dict]:
    """Columns in whose third row a cell stands for a missing number, and their values."""
    written = {
        name: [cell if name == column and i == 2 else v for i, v in enumerate(values)]
        for name, values in VALUES.items()
    }
    known = {
        name: [None if name == column and i == 2 else v for i, v in enumerate(values)]
        for name, values in VALUES.items()
    }
    return written, known


def missing(cell: str, column: str = 'price', **options: object) -> Usable:
    written, known = with_missing(cell, column)
    return Usable({'a.csv': lines(written).encode()}, known, **options)


def extra(name: str, cells: Sequence[object], **options: object) -> Usable:
    """The usual table with one more column."""
    return Usable({'a.csv': lines({**VALUES, name: cells}).encode()}, **options)


def parquet(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue()


PLAIN = lines(VALUES)
SEMICOLONS = lines({'price': with_comma(PRICE), 'count': COUNT}, ';')
GERMAN = lines(
    {'größe': with_comma(PRICE), 'zahl': grouped(COUNT, '.', ','), 'ort': CITY}, ';', end='\r\n'
)
UMLAUTS = {'größe': list(PRICE), 'zahl': VALUES['count']}
ROW_NUMBERS = [f'"{index + 1}"' for index in range(ROWS)]
BIG = [
    9_000_000_000_000_000_000 * int(c) - 4_000_000_000_000_000_000 + i * 10**15
    for i, c in enumerate(CLUSTERS)
]
UNSIGNED = [18_000_000_000_000_000_000 * int(c) + i * 10**15 for i, c in enumerate(CLUSTERS)]
BOOLEANS = [['true', 'TRUE', 'False', 'FALSE'][i % 2 * 2 + i // 2 % 2] for i in range(ROWS)]
NAMES = [f'name {index}' for index in range(ROWS)]
LATE = 3000  # rows, more than those in which the dialect is searched
REPEATED = {name: values * (LATE // ROWS) for name, values in VALUES.items()}


def halves(delimiter: str = ',', **more: Sequence[object]) -> dict[str, bytes]:
    """The usual table as two files, with more columns that start anew in the second."""
    return {
        f'{name}.csv': lines(
            {**more, **{n: v[start : start + 12] for n, v in VALUES.items()}}, delimiter
        ).encode()
        for name, start in (('a', 0), ('b', 12))
    }


def late(cell: str, delimiter: str = ';') -> bytes:
    """A table of whole numbers, with a cell of another kind in the last row."""
    columns = {'x': [*(index % 7 for index in range(LATE)), cell], 'y': [1] * LATE + [2]}
    return lines(columns, delimiter).encode()


def indexed_parquet() -> bytes:
    buffer = io.BytesIO()
    frame = pd.DataFrame({name: [0, *values] for name, values in VALUES.items()})
    frame[frame['count'] > 0].to_parquet(buffer)
    return buffer.getvalue()


USABLE = {
    'plain': Usable({'a.csv': PLAIN.encode()}, is_plain=True, said='24 rows in 1 file; 2 numeric'),
    'two plain files': Usable(
        {
            'a.csv': lines({n: v[:10] for n, v in VALUES.items()}).encode(),
            'b.csv': lines({n: v[10:] for n, v in VALUES.items()}).encode(),
        },
        is_plain=True,
        said='24 rows in 2 files',
    ),
    'another order of columns': Usable(
        {
            'a.csv': lines({n: VALUES[n][:10] for n in ('price', 'count')}).encode(),
            'b.csv': lines({n: VALUES[n][10:] for n in ('count', 'price')}).encode(),
        }
    ),
    'empty cells': dataclasses.replace(missing(''), is_plain=True),
    **{
        f'missing {cell!r}': missing(cell)
        for cell in ('NA', 'N/A', 'nan', 'null', 'NULL', 'None', '?', '-', ' NA ', '"NA"')
    },
    'missing in integers': missing('?', 'count'),
    'a missing cell of the user': missing('n.d.', arguments=['--missing', 'n.d.']),
    'a number that stands for missing': missing('-999', arguments=['--missing=-999']),
    'a number that stands for missing in Parquet': Usable(
        {'a.parquet': parquet(pd.DataFrame(with_missing(-999)[0]))},
        with_missing(-999)[1],
        arguments=['--missing=-999'],
    ),
    'semicolons and decimal commas': Usable(
        {'a.csv': SEMICOLONS.encode()}, said='semicolons, decimal comma'
    ),
    'German export': Usable(
        {'a.csv': GERMAN.encode('cp1252')},
        UMLAUTS,
        left_out={'ort': "text: 'Ulm' in a.csv line 2"},
        said='semicolons, decimal comma, Latin-1 (Windows-1252); 2 numeric columns, 1 left out',
    ),
    'tabs': Usable({'a.tsv': lines(VALUES, '\t').encode()}, said='tabs'),
    'tabs and decimal commas': Usable(
        {'a.csv': lines({'price': with_comma(PRICE), 'count': COUNT}, '\t').encode()}
    ),
    'vertical bars': Usable({'a.csv': lines(VALUES, '|').encode()}, said='vertical bars'),
    'spaces of any number': Usable({'a.csv': lines(VALUES, '   ').encode()}, said='spaces'),
    'an unusual delimiter': Usable(
        {'a.csv': lines(VALUES, '~').encode()}, arguments=['--delimiter', '~']
    ),
    'sep=;': Usable({'a.csv': b'sep=;\n' + lines(VALUES, ';').encode()}),
    'quoted header (R)': Usable(
        {'a.csv': lines({'': ROW_NUMBERS, **VALUES}, header='"","price","count"').encode()},
        left_out={'unnamed_1': 'no name'},
    ),
    'a header without the row names (R)': Usable(
        {'a.csv': lines({'': ROW_NUMBERS, **VALUES}, ' ', header='"price" "count"').encode()},
        left_out={'unnamed_1': 'no name'},
    ),
    'an unnamed index (pandas)': Usable(
        {'a.csv': lines({'': range(ROWS), **VALUES}).encode()},
        left_out={'unnamed_1': 'no name'},
    ),
    'spaces after commas': Usable(
        {'a.csv': lines({**VALUES, 'id': range(ROWS)}, ', ').encode()},
        arguments=['--exclude', 'id'],
        left_out={'id': 'excluded'},
    ),
    'spaces before quotes': Usable(
        {'a.csv': lines({**VALUES, 's': ['"a, b"'] * ROWS}, ', ').encode()},
        left_out={'s': "'a, b' in a.csv line 2"},
    ),
    'byte order mark (Excel)': Usable({'a.csv': PLAIN.encode('utf-8-sig')}, said='byte order mark'),
    'UTF-16 with a mark': Usable(
        {'a.csv': lines(UMLAUTS, '\t').encode('utf-16')}, UMLAUTS, said='UTF-16'
    ),
    'UTF-16 without a mark': Usable({'a.csv': lines(UMLAUTS).encode('utf-16-le')}, UMLAUTS),
    'Cyrillic in Windows-1251': Usable(
        {'a.csv': lines({'Цена': PRICE, 'Число': COUNT}).encode('cp1251')},
        {'Цена': list(PRICE), 'Число': VALUES['count']},
        arguments=['--encoding', 'cp1251'],
    ),
    'gzip': Usable({'a.csv.gz': gzip.compress(PLAIN.encode())}, said='gzip'),
    'bzip2': Usable({'a.csv.bz2': bz2.compress(PLAIN.encode())}, said='bz2'),
    'xz': Usable({'a.csv.xz': lzma.compress(PLAIN.encode())}, said='xz'),
    'gzip with a wrong name': Usable({'a.csv': gzip.compress(SEMICOLONS.encode())}),
    'upper-case ending': Usable({'A.CSV': PLAIN.encode()}),
    'one file of a folder': Usable(
        {'a.txt': PLAIN.encode(), 'b.csv': b'other\n1\n'}, paths=['a.txt']
    ),
    'files of two folders': Usable(
        {
            'x/a.csv': lines({n: v[:10] for n, v in VALUES.items()}).encode(),
            'y/a.csv': lines({n: v[10:] for n, v in VALUES.items()}).encode(),
        },
        paths=['x', 'y'],
    ),
    'a trailing comma in every line': Usable(
        {'a.csv': lines({**VALUES, '': [''] * ROWS}).encode()},
        left_out={'unnamed_3': 'no values'},
    ),
    'a trailing comma in every row': Usable(
        {'a.csv': lines({**VALUES, '': [''] * ROWS}, header='price,count').encode()},
        left_out={'unnamed_3': 'no values'},
    ),
    'comments first': Usable(
        {'a.csv': b'# made by us, twice\n# in 2024\n' + PLAIN.encode()}, said='2 comment lines'
    ),
    'a header behind # (numpy.savetxt)': Usable({'a.csv': b'# ' + PLAIN.encode()}),
    'lines before the header': Usable(
        {'a.csv': b'Report\nof March, final\n' + PLAIN.encode()}, arguments=['--skip-lines', '2']
    ),
    'empty lines': Usable({'a.csv': b'\n' + PLAIN.replace('\n', '\n\n').encode()}),
    'no header': Usable(
        {'a.csv': lines(VALUES, header='').encode()},
        {'column_1': list(PRICE), 'column_2': VALUES['count']},
        arguments=['--header', 'none'],
        said='no header',
    ),
    'numbers as names': Usable(
        {'a.csv': lines(VALUES, header='0,1').encode()},
        {'0': list(PRICE), '1': VALUES['count']},
        is_plain=True,
    ),
    'carriage returns only': Usable({'a.csv': lines(VALUES, end='\r').encode()}),
    'Windows line ends': Usable({'a.csv': lines(VALUES, end='\r\n').encode()}, is_plain=True),
    'quoted line breaks': extra('note', ['"two\nlines"'] * ROWS, left_out={'note': 'text'}),
    'a header with a line break': Usable(
        {'a.csv': lines(VALUES, header='"price\nin EUR",count').encode()},
        {'price\nin EUR': list(PRICE), 'count': VALUES['count']},
    ),
    'a cell of 3 million characters': extra(
        'note', [f'"{"x" * 3_000_000}"', *['y'] * (ROWS - 1)], left_out={'note': 'xxx...'}
    ),
    'hidden files of macOS': Usable(
        {'a.csv': PLAIN.encode(), '._a.csv': b'\x00\x05\x16\x07Mac OS X'},
        said='hidden files skipped: ._a.csv',
    ),
    'a folder name with brackets': Usable(
        {'exports [2024]/a.csv': PLAIN.encode()}, paths=['exports [2024]']
    ),
    'booleans': extra(
        'member',
        BOOLEANS,
        values={**VALUES, 'member': [int(one.lower() == 'true') for one in BOOLEANS]},
    ),
    'dates': extra(
        'day',
        [f'{i + 1}.03.2024' for i in range(ROWS)],
        left_out={'day': "dates: '1.03.2024' in a.csv line 2"},
        is_plain=True,
    ),
    'times': extra(
        'at',
        [f'2024-03-01T12:{i:02}:00.5Z' for i in range(ROWS)],
        left_out={'at': 'dates: '},
        is_plain=True,
    ),
    'dates as numbers': extra(
        'day',
        [20240301 + i // 2 for i in range(ROWS)],
        values={**VALUES, 'day': [20240301 + i // 2 for i in range(ROWS)]},
        warned="'day' looks like dates",
        is_plain=True,
    ),
    'thousands separators': Usable(
        {
            'a.csv': lines(
                {
                    'price': [f'"{one}"' for one in grouped(PRICE, ',', '.')],
                    'count': [f'"{one}"' for one in grouped(COUNT, ',', '.')],
                }
            ).encode()
        }
    ),
    'Swiss and French thousands': Usable(
        {
            'a.csv': lines(
                {'price': grouped(PRICE, "'", '.'), 'count': grouped(COUNT, '\u202f', '.')}
            ).encode()
        }
    ),
    'ambiguous thousands, settled': Usable(
        {'a.csv': lines({'count': grouped(COUNT, '.', ','), 'n': CLUSTERS}, ';').encode()},
        {'count': VALUES['count'], 'n': list(CLUSTERS)},
        arguments=['--decimal', ','],
    ),
    'thousands points alone, settled': Usable(
        {'a.csv': lines({'n': grouped(COUNT // 300, '.', ','), 'c': CLUSTERS}, ';').encode()},
        {'n': [int(one) for one in COUNT // 300], 'c': list(CLUSTERS)},
        arguments=['--decimal', ','],
    ),
    'plus signs': Usable(
        {'a.csv': lines({n: [f'+{v}' for v in VALUES[n]] for n in VALUES}).encode()},
        is_plain=plain_floats(pa.array(['+1'])) is not None,  # newer versions of Arrow read them
    ),
    'duplicate names': Usable(
        {'a.csv': lines(VALUES, header='x,x').encode()},
        {'x': list(PRICE), 'x_2': VALUES['count']},
        said="the second 'x' is called 'x_2'",
    ),
    'names in another script': Usable(
        {'a.csv': lines({'身長': PRICE, 'Рост': COUNT}).encode()},
        {'身長': list(PRICE), 'Рост': VALUES['count']},
        is_plain=True,
    ),
    'x and X': Usable(
        {'a.csv': lines(VALUES, header='x,X').encode()},
        {'x': list(PRICE), 'X': VALUES['count']},
        is_plain=True,
    ),
    'a column named self': Usable(
        {'a.csv': lines(VALUES, header='self,class').encode()},
        {'self': list(PRICE), 'class': VALUES['count']},
        is_plain=True,
    ),
    'a name with a comma': Usable(
        {'a.csv': lines({**VALUES, 'c': range(ROWS)}, header='"price, net",count,c').encode()},
        {'price, net': list(PRICE), 'count': VALUES['count']},
        arguments=['--features', '"price, net",count'],
        left_out={'c': 'not in features'},
    ),
    'integers of 64 bits': extra(
        'big', BIG, values={**VALUES, 'big': BIG}, is_plain=True, warned="'big' has a different"
    ),
    'integers beyond 64 bits': extra(
        'big', UNSIGNED, values={**VALUES, 'big': [float(one) for one in UNSIGNED]}
    ),
    'unique integers': extra(
        'id',
        [7 * i for i in range(ROWS)],
        values={**VALUES, 'id': [7 * i for i in range(ROWS)]},
        warned="'id' has a different value in every row, like an id; --exclude id",
        is_plain=True,
    ),
    'a constant': extra(
        'c',
        [5] * ROWS,
        values={**VALUES, 'c': [5] * ROWS},
        warned='the same value in every row',
        is_plain=True,
    ),
    'a column without values': extra(
        'gone', ['NA'] * ROWS, left_out={'gone': 'no values'}, is_plain=True
    ),
    'text in one row': extra(
        'n',
        [*range(10), 'ten', *range(11, ROWS)],
        left_out={'n': "text: 'ten' in a.csv line 12"},
        is_plain=True,
    ),
    'categories': extra(
        'city',
        CITY,
        values={**VALUES, 'city': list(CITY)},
        arguments=['--categorical', 'city'],
        said="1 categorical: 'city' (2 categories)",
        is_plain=True,
    ),
    'categories by rule': Usable(
        {
            'a.csv': lines(
                {**VALUES, 'city': CITY, 'grade': [i % 4 for i in range(ROWS)], 'name': NAMES}
            ).encode()
        },
        {**VALUES, 'city': list(CITY), 'grade': [i % 4 for i in range(ROWS)]},
        arguments=['--categorical', 'auto'],
        left_out={'name': "text: 'name 0'"},
        said="2 categorical: 'city' (2 categories), 'grade' (4 categories)",
        is_plain=True,
    ),
    'Parquet': Usable(
        {'a.parquet': parquet(pd.DataFrame({**VALUES, 'city': CITY}))},
        left_out={'city': "text: 'Ulm' in a.parquet row 1"},
        said='Parquet',
    ),
    'Parquet of many types': Usable(
        {
            'a.parquet': parquet(
                pd.DataFrame(VALUES).assign(
                    zero=np.float32(0) * PRICE.astype('float32') + CLUSTERS.astype('float32'),
                    member=CLUSTERS == 1,
                    day=pd.Timestamp('2024-03-01'),
                    city=pd.Categorical(CITY),
                    holes=pd.array([None if i == 3 else i // 2 for i in range(ROWS)], 'Int64'),
                    pair=[[1, 2]] * ROWS,
                )
            )
        },
        {
            **VALUES,
            'zero': [float(c) for c in CLUSTERS],
            'member': [int(c) for c in CLUSTERS],
            'holes': [None if i == 3 else i // 2 for i in range(ROWS)],
        },
        left_out={'day': 'dates', 'city': 'text', 'pair': 'its type is list<'},
    ),
    'CSV and Parquet together': Usable(
        {
            'a.csv': lines({n: v[:10] for n, v in VALUES.items()}, ';').encode(),
            'b.parquet': parquet(pd.DataFrame({n: v[10:] for n, v in VALUES.items()})),
        }
    ),
    'hexadecimal cells': extra(
        'code',
        [f'0x{index:02X}' for index in range(ROWS)],
        left_out={'code': "text: '0x00' in a.csv line 2"},
        is_plain=True,
    ),
    'text that Python takes for numbers': extra(
        'code',
        ['1_000', '2_000'] * (ROWS // 2),
        values={**VALUES, 'code': ['1_000', '2_000'] * (ROWS // 2)},
        arguments=['--categorical', 'code'],
    ),
    'NaN in other spellings': missing('NAN'),
    'a number that stands for missing, written otherwise': missing(
        '-999.0', arguments=['--missing=-999']
    ),
    'a missing number among categories': Usable(
        {'a.csv': lines({**VALUES, 'g': [-999, 7, 8] * (ROWS // 3)}).encode()},
        {**VALUES, 'g': [None, 7, 8] * (ROWS // 3)},
        arguments=['--missing=-999', '--categorical', 'g'],
        said="'g' (2 categories)",
    ),
    'categories with thousands separators': Usable(
        {'a.csv': lines({**VALUES, 'g': ['"1,000"', '"1,001"', '1002'] * (ROWS // 3)}).encode()},
        {**VALUES, 'g': [1000, 1001, 1002] * (ROWS // 3)},
        arguments=['--categorical', 'auto'],
        said="'g' (3 categories)",
    ),
    'categories of Parquet and CSV together': Usable(
        {
            'a.parquet': parquet(pd.DataFrame(VALUES)[:12].assign(g=[1, 2] * 6)),
            'b.csv': lines(
                {**{n: v[12:] for n, v in VALUES.items()}, 'g': ['?', 'b'] * 6}
            ).encode(),
        },
        {**VALUES, 'g': [*['1', '2'] * 6, *[None, 'b'] * 6]},
        arguments=['--categorical', 'g'],
        said="'g' (3 categories)",
    ),
    'spaces before quotes in rows only': extra(
        's', [' "a, b"'] * ROWS, left_out={'s': "'a, b' in a.csv line 2"}
    ),
    'two spaces before quotes': extra(
        's', ['  "a, b"'] * ROWS, left_out={'s': "'a, b' in a.csv line 2"}
    ),
    'spaces before quotes at the start of a line': Usable(
        {'a.csv': lines({'s': [' "a, b"'] * ROWS, **VALUES}).encode()}, left_out={'s': "'a, b'"}
    ),
    'a line break at the end of a cell': extra('note', ['"a\n"'] * ROWS, left_out={'note': "'a'"}),
    'a line break in a number that is not used': extra(
        'n', ['"\n5"'] * ROWS, arguments=['--exclude', 'n'], left_out={'n': 'excluded'}
    ),
    'some lines that end with a carriage return': Usable(
        {'a.csv': PLAIN.replace('\n', '\r').replace('\r', '\n', 9).encode()}
    ),
    'two carriage returns (Windows)': Usable({'a.csv': lines(VALUES, end='\r\r\n').encode()}),
    'a delimiter beyond ASCII': Usable(
        {'a.csv': lines(VALUES, '¦').encode()}, arguments=['--delimiter', '¦']
    ),
    'a mark and its encoding': Usable(
        {'a.csv': PLAIN.encode('utf-8-sig')}, arguments=['--encoding', 'utf-8']
    ),
    'a mark of UTF-16 and its encoding': Usable(
        {'a.csv': PLAIN.encode('utf-16')}, arguments=['--encoding', 'utf-16-le']
    ),
    'decimal commas in the last row': Usable(
        {
            'a.csv': lines(
                {'x': [*REPEATED['count'], '1,5'], 'y': [*REPEATED['count'], 2001]}, ';'
            ).encode()
        },
        {'x': [*REPEATED['count'], 1.5], 'y': [*REPEATED['count'], 2001]},
        said='decimal comma',
    ),
    "pandas' index in two files": Usable(
        halves(**{'': range(12)}),
        left_out={'unnamed_1': 'no name and a different value in every row'},
    ),
    "pandas' index in Parquet": Usable(
        {'a.parquet': indexed_parquet()}, left_out={'__index_level_0__': 'like an index'}
    ),
    "pandas' index, saved once more": Usable(
        {'a.csv': lines({'Unnamed: 0': range(ROWS), **VALUES}).encode()},
        left_out={'Unnamed: 0': 'like an index'},
        is_plain=True,
    ),
    'a column that is named unnamed_1': Usable(
        {'a.csv': lines({**VALUES, 'unnamed_1': [2 * i for i in range(ROWS)]}).encode()},
        {**VALUES, 'unnamed_1': [2 * i for i in range(ROWS)]},
        warned='like an id',
        is_plain=True,
    ),
    'one file twice': Usable(
        {'a.csv': PLAIN.encode(), 'b/c.csv': b''},
        paths=['a.csv', 'b/../a.csv'],
        said='read once, although found twice: a.csv',
        is_plain=True,
    ),
    'a header behind # above text': Usable(
        {'a.csv': b'#' + lines({**VALUES, 's': NAMES}).encode()}, left_out={'s': "'name 0'"}
    ),
    'numbers counted from 0 as names (pandas)': Usable(
        {'a.csv': lines({'': range(ROWS), **VALUES}, header=',0,1').encode()},
        {'0': list(PRICE), '1': VALUES['count']},
        left_out={'unnamed_1': 'no name'},
    ),
    **{
        f'a name that starts with {name}': Usable(
            {'a.csv': lines(VALUES, header=f'{name},b').encode()},
            {name: list(PRICE), 'b': VALUES['count']},
            is_plain=True,
        )
        for name in ('ORCID', 'PAR1', 'ARROW1', 'BZh', '{a}')
    },
    'addresses of one network': extra(
        'ip',
        [f'192.168.100.{index + 100}' for index in range(ROWS)],
        left_out={'ip': "text: '192.168.100.100'"},
        is_plain=True,
    ),
    'names that differ in case': Usable(
        dict(zip(('a.csv', 'A.csv'), halves().values(), strict=True)),
        {n: [*v[12:], *v[:12]] for n, v in VALUES.items()},
        is_plain=True,
    ),
    'a boolean column with text': extra(
        'b', ['TRUE'] * 23 + ['maybe'], left_out={'b': "'maybe' in a.csv line 25"}, is_plain=True
    ),
}

UNUSABLE = {
    'an empty folder': Unusable({}, 'has no CSV files and no Parquet files.*It contains nothing'),
    'another file': Unusable({'notes.docx': b'x'}, "It contains 'notes.docx'"),
    'a path that does not exist': Unusable({}, 'nowhere does not exist', paths=['nowhere']),
    'an empty file': Unusable({'a.csv': b''}, 'a.csv is empty'),
    'only comments': Unusable({'a.csv': b'# nothing\n'}, 'a.csv .*(empty|no rows)'),
    'no rows': Unusable({'a.csv': b'x,y\n'}, 'a.csv has a header but no rows'),
    'an Excel workbook': Unusable({'a.csv': b'PK\x03\x04rest'}, 'Excel workbook: .*save the sheet'),
    'JSON': Unusable({'a.csv': b'[{"x": 1}]'}, 'a.csv is JSON'),
    'HTML': Unusable({'a.csv': b'<!DOCTYPE html><p>Sign in'}, 'a.csv is HTML'),
    'other columns': Unusable(
        {'a.csv': b'x,y\n1,2\n', 'b.csv': b'x,z\n1,2\n'},
        "b.csv has other columns than a.csv: only one of them has 'y', 'z'",
    ),
    'a short row': Unusable({'a.csv': b'x,y\n1,2\n3\n4,5\n'}, 'a.csv line 3 has too few cells: 1'),
    'a long row': Unusable(
        {'a.csv': b'x,y\n1,2\n4,5\n\n"a\nb",5,6\n'},
        'a.csv line 5 has too many cells: 3 instead of 2',
    ),
    'a quote that is not closed': Unusable(
        {'a.csv': b'x,y\n1,2\n3,"4\n5,6\n7,8\n'},
        'a.csv line 3 starts a row with a quote that is not',
    ),
    'a NUL byte': Unusable({'a.csv': b'x,y\n1,2\n3,\x00\n'}, 'a.csv line 3 contains a NUL byte'),
    'a damaged gzip file': Unusable(
        {'a.csv.gz': gzip.compress(PLAIN.encode())[:-20]}, 'a.csv.gz is damaged, or its end is miss'
    ),
    'a damaged Parquet file': Unusable({'a.parquet': b'PAR1 rest'}, 'cannot be read as Parquet'),
    'another script': Unusable(
        {'a.csv': lines({'Цена': PRICE}).encode('cp1251')},
        'not UTF-8.*give its encoding.*--encoding',
    ),
    'a wrong encoding': Unusable(
        {'a.csv': 'größe,y\n1,2\n'.encode('cp1252')}, 'not valid utf-8', ['--encoding', 'utf-8']
    ),
    'an unknown encoding': Unusable(
        {'a.csv': b'x\n1\n'}, "encoding 'klingon' is not a text encoding", ['--encoding', 'klingon']
    ),
    'two delimiters': Unusable(
        {'a.csv': b'a,b;c,d\n1,2;3,4\n'}, "with commas or with semicolons.*--delimiter ','"
    ),
    'ambiguous thousands': Unusable(
        {'a.csv': b'x;y\n1.234;1\n2.345;2\n'}, "numbers like '1.234'.*--decimal . or --decimal ,"
    ),
    'a quoted comma': Unusable(
        {'a.csv': b'x,y\n"1,234",1\n"2,345",2\n'}, "numbers like '1,234'.*--decimal"
    ),
    'no header, not settled': Unusable({'a.csv': b'1,2\n3,4\n'}, '--header first.*--header none'),
    'a title before the header': Unusable(
        {'a.csv': b'Report\nx,y\n1,2\n3,4\n'}, 'does not look like a table.*--skip-lines'
    ),
    'an unknown column': Unusable(
        {'a.csv': b'x,y\n1,b\n'}, "no column 'z'. Existing columns: 'x', 'y'", ['--features', 'z']
    ),
    'a text column': Unusable(
        {'a.csv': b'x,y\n1,2\n3,b\n'},
        r"Column 'y' is not numeric \(text: 'b' in a.csv line 3\).*--categorical y",
        ['--features', 'x,y'],
    ),
    'no numeric column': Unusable(
        {'a.csv': b'x,y\na,2024-01-01\n'},
        r"No column is left to cluster by: 'x' \(text: 'a' in a.csv line 2\); 'y' \(dates: ",
    ),
    'an infinite number': Unusable(
        {'a.csv': b'x,y\n1,2\n3,-inf\n5,6\n'}, "Column 'y' has a number that is infinite.*line 3"
    ),
    'a number too large for float32': Unusable(
        {'a.csv': b'x,y\n1,2\n3,1e39\n5,6\n'},
        "Column 'y' .*too large for float32: '1e\\+39' in a.csv",
    ),
    'decimals too close for float32': Unusable(
        {'a.csv': b'x,y\n1700000000.25,2\n1700000000.5,1\n1700000001.75,1\n'},
        "Column 'x' has numbers that are too close together for float32.*becomes 1",
    ),
    'integers too close for float64': Unusable(
        {'a.csv': b'x,y\n9007199254740993,2\n9007199254740994,1\n9007199254740995,1\n'},
        "Column 'x' has whole numbers beyond 2\\^53",
    ),
    'too many categories': Unusable(
        {'a.csv': lines({'n': range(10_100), 's': [f's{i}' for i in range(10_100)]}).encode()},
        "Column 's' has more than 10000 different values",
        ['--categorical', 's'],
    ),
    'decimal categories': Unusable(
        {'a.csv': b'x,y\n1,2.5\n3,1.5\n'},
        "'y' cannot be categorical: decimal",
        ['--categorical', 'y'],
    ),
    'the logarithm of text': Unusable(
        {'a.csv': b'x,y\n1,b\n3,c\n'}, "Column 'y' is not numeric", ['--log', 'y']
    ),
    'a limit without a number': Unusable(
        {'a.csv': b'x,y\n1,2\n'}, 'clip must be a column and its limits', ['--clip', 'x=a:b']
    ),
    'excluded and used': Unusable(
        {'a.csv': b'x,y\n1,2\n'}, "exclude_features contains 'x'", ['--exclude', 'x', '--log', 'x']
    ),
    'fewer rows than clusters': Unusable(
        {'a.csv': b'x,y\n1,2\n3,4\n'}, 'only 2 rows, but num_clusters is 3'
    ),
    'no clusters': Unusable(
        {'a.csv': PLAIN.encode()}, 'num_clusters must be an integer', ['--num-clusters', '0']
    ),
    'a late point in a file with semicolons': Unusable({'a.csv': late('1.234')}, "like '1.234'"),
    'a late quoted comma': Unusable({'a.csv': late('"1,234"', ',')}, "like '1,234'.*--decimal"),
    'data in the first line (iris.data)': Unusable(
        {'a.csv': b'5.1,3.5,0.2,Iris-setosa\n4.9,3.0,0.2,Iris-setosa\n4.7,3.2,0.2,Iris-setosa\n'},
        "contains numbers, like '5.1'.*--header first.*--header none",
    ),
    'data in the first line (adult.data)': Unusable(
        {'a.csv': b'39, State-gov, 77516\n50, Private, 83311\n38, Private, 215646\n'},
        "contains numbers, like '39'.*--header none",
    ),
    'a header one name short': Unusable(
        {'a.csv': b'a,b\n1,2,3\n1,5,6\n2,5,9\n'}, '2 names in its first line.*add the missing name'
    ),
    'quotes that swallow lines': Unusable(
        {'a.csv': b'x,y\n1,"abc\n2,def\n3,"xyz\n4,u\n'}, 'a.csv line 2 starts a row with a quote'
    ),
    'a mark of another encoding': Unusable(
        {'a.csv': PLAIN.encode('utf-8-sig')},
        'byte order mark of UTF-8, but --encoding is cp1252',
        ['--encoding', 'cp1252'],
    ),
    'UTF-8 with a damaged byte': Unusable(
        {'a.csv': lines({**VALUES, 's': CITY}).encode() + b'1,2,\xff\n'},
        'is UTF-8, except for some',
    ),
    'Shift-JIS': Unusable(
        {'a.csv': lines({'身長': PRICE, '体重': COUNT}).encode('shift_jis')}, 'give its encoding'
    ),
    'EUC-JP': Unusable(
        {'a.csv': lines({'年齢': PRICE, 'x': COUNT}).encode('euc_jp')}, 'give its encoding'
    ),
    'a file beside its compressed copy': Unusable(
        {'a.csv': PLAIN.encode(), 'a.csv.gz': gzip.compress(PLAIN.encode())},
        'a.csv and a.csv.gz seem to be the same file',
    ),
    'a delimiter that is not there': Unusable(
        {'a.csv': b'x,y\n1,2\n3,4\n'}, "has no ';'.*--delimiter ','", ['--delimiter', ';']
    ),
    'more lines to skip than there are': Unusable(
        {'a.csv': b'x,y\n1,2\n'},
        'no lines after the first 9: .*--skip-lines',
        ['--skip-lines', '9'],
    ),
    'a single column with decimal commas': Unusable(
        {'a.csv': b'x\n1,5\n2,5\n'}, '--delimiter ";" for a single column'
    ),
    'the logarithm of a column that is not a feature': Unusable(
        {'a.csv': b'x,y\n1,2\n3,4\n5,6\n'},
        "'y' is not in features",
        ['--features', 'x', '--log', 'y'],
    ),
    'two limits for a column': Unusable(
        {'a.csv': b'x,y\n1,2\n'},
        "clip is given 2 times for the column 'x'",
        ['--clip', 'x=0:1', '--clip', 'x=2:3'],
    ),
    'a name to quote in the advice': Unusable(
        {'a.csv': b'"a b, c",y\n1,2\nx,4\n'},
        """--categorical '"a b, c"'""",
        ['--features', '"a b, c"'],
    ),
}
