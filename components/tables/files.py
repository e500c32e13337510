"""Finds the files of a table, and recognises their format by their first bytes."""

from __future__ import annotations

import bz2
import dataclasses
import gzip
import lzma
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, cast

import pyarrow as pa

from tfx_kmeans.errors import TableError

CSV, PARQUET = 'csv', 'parquet'
_TABLES = ('.csv', '.tsv', '.parquet', '.pq')
_COMPRESSED = ('.gz', '.bz2', '.xz', '.zst')
_SHOWN = 5
_BZIP2 = re.compile(rb'BZh[1-9](1AY&SY|\x17rE8P\x90)')
_JSON = re.compile(rb'\{\s*["}]|\[\s*[\[{"]')

# First bytes of files that are not tables, and what to do about them.
_OTHER_FORMATS = {
    b'PK\x03\x04': 'a zip archive or an Excel workbook: unpack it, or save the sheet as CSV',
    b'\xd0\xcf\x11\xe0': 'an Excel workbook: save the sheet as CSV',
    b'%PDF': 'a PDF: export the table as CSV',
    b'SQLite format 3': 'an SQLite database: export the table as CSV',
    b'ARROW1': 'a Feather file: save it as Parquet',
    b'ORC': 'an ORC file: save it as Parquet',
    b'Obj\x01': 'an Avro file: save it as Parquet',
    b'\x89HDF': 'an HDF5 file: save it as Parquet',
    b'\x93NUMPY': 'a NumPy array: save it as CSV or Parquet',
    b'7z\xbc\xaf': 'a 7z archive: unpack it',
}


@dataclasses.dataclass(frozen=True)
class TableFile:
    """A file of a table.

    Attributes:
      path: Location.
      format: 'csv' or 'parquet'.
      compression: 'gzip', 'bz2', 'xz' or 'zstd'; '' for a file that is not compressed.
    """

    path: Path
    format: str
    compression: str = ''


@dataclasses.dataclass(frozen=True)
class FoundFiles:
    """The files of a table, the hidden ones that are skipped, and other paths of the same files."""

    files: tuple[TableFile, ...]
    skipped: tuple[Path, ...] = ()
    repeated: tuple[Path, ...] = ()


def find_files(given: Sequence[Path]) -> FoundFiles:
    """Files of a table, in the given order, those of a folder sorted by name.

    A folder is searched for CSV, TSV and Parquet files, compressed or not, by their names; the case
    of the ending does not matter. A file that is given itself may have any name.

    Raises:
      TableError: If something does not exist, a folder has no such file, or a file is empty or has
        another format; names it.
    """
    paths: list[Path] = []
    skipped: list[Path] = []
    for one in given:
        if one.is_dir():
            inside, hidden = _tables_in(one)
            paths.extend(inside)
            skipped.extend(hidden)
        elif one.exists():
            paths.append(one)
        else:
            raise TableError(f'{one} does not exist.')
    files = {path.resolve(): path for path in reversed(paths)}
    kept = tuple(dict.fromkeys(path for path in paths if path in files.values()))
    repeated = tuple(path for path in paths if path not in kept)
    return FoundFiles(tuple(map(_recognised, kept)), tuple(skipped), repeated)


def open_bytes(file: TableFile) -> BinaryIO:
    """Opens a file for reading, decompressed."""
    openers: dict[str, Any] = {'gzip': gzip.open, 'bz2': bz2.open, 'xz': lzma.open}
    if file.compression in openers:
        return cast(BinaryIO, openers[file.compression](file.path, 'rb'))
    if file.compression == 'zstd':
        return cast(BinaryIO, pa.CompressedInputStream(pa.OSFile(str(file.path)), 'zstd'))
    return file.path.open('rb')


def _tables_in(folder: Path) -> tuple[list[Path], list[Path]]:
    inside = sorted(path for path in folder.iterdir() if path.is_file() or path.is_symlink())
    tables = [path for path in inside if _is_table(path.name) and not path.is_dir()]
    hidden = [path for path in tables if path.name.startswith(('.', '_'))]
    shown = [path for path in tables if path not in hidden]
    _refuse_twins(shown)
    if not shown:
        raise TableError(
            f'{folder} has no CSV files and no Parquet files: no file name there ends with '
            f'{", ".join(_TABLES)} (also with {" or ".join(_COMPRESSED)} after it). '
            f'It contains {_contents(folder)}.'
        )
    return shown, hidden


def _refuse_twins(paths: Sequence[Path]) -> None:
    """Refuses a file beside its compressed copy, whose rows would count twice."""
    names: dict[str, Path] = {}
    for path in paths:
        plain = path.name[: len(_decompressed(path.name))]
        other = names.setdefault(plain, path)
        if other is not path:
            raise TableError(
                f'{other} and {path.name} seem to be the same file, compressed and not: remove '
                'one, or give the files to be read with --data.'
            )


def _contents(folder: Path) -> str:
    names = sorted(path.name + '/' * path.is_dir() for path in folder.iterdir())
    more = f' and {len(names) - _SHOWN} more' if len(names) > _SHOWN else ''
    return ', '.join(map(repr, names[:_SHOWN])) + more if names else 'nothing'


def _is_table(name: str) -> bool:
    return _decompressed(name).endswith(_TABLES)


def _decompressed(name: str) -> str:
    name = name.lower()
    for ending in _COMPRESSED:
        name = name.removesuffix(ending)
    return name


def _recognised(path: Path) -> TableFile:
    try:
        with path.open('rb') as file:
            start = file.read(64)
    except OSError as error:
        raise TableError(f'{path} cannot be read: {error.strerror}.') from error
    if not start:
        raise TableError(f'{path} is empty.')
    if start.startswith(b'PAR1') and not _is_text(start):
        return TableFile(path, PARQUET)
    for magic, what in _other_formats(start):
        if start.startswith(magic) and not (magic.isalnum() and _is_text(start)):
            raise TableError(f'{path} is {what}.')
    return TableFile(path, CSV, _compression(start))


def _other_formats(start: bytes) -> Iterator[tuple[bytes, str]]:
    yield from _OTHER_FORMATS.items()
    text = start.lstrip()
    if _JSON.match(text):
        yield start[:1], 'JSON: save it as CSV or Parquet'
    if text[:5].lower() in (b'<html', b'<!doc', b'<?xml'):
        yield start[:1], 'HTML or XML: save the table as CSV'


def _is_text(start: bytes) -> bool:
    """Whether the first bytes are a line of a text, like a header that starts with 'ORCID,'."""
    line, end, _ = start.partition(b'\n')
    return bool(end) and line.rstrip(b'\r').decode('latin-1').isprintable()


def _compression(start: bytes) -> str:
    if _BZIP2.match(start):
        return 'bz2'
    found = {b'\x1f\x8b': 'gzip', b'\xfd7zXZ': 'xz', b'\x28\xb5\x2f\xfd': 'zstd'}
    return next((name for magic, name in found.items() if start.startswith(magic)), '')
