"""Finds the character encoding of a text file, and reads it as UTF-8."""

from __future__ import annotations

import codecs
import dataclasses
import io
import mmap
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from tfx_kmeans.errors import TableError
from tfx_kmeans.tables.files import TableFile, open_bytes

UTF8 = 'utf-8'
_ASCII_BASED = (UTF8, 'cp1252')
_CHUNK = 1 << 22
_READ = mmap.ACCESS_READ
_SAMPLES = (1 << 20, 1 << 24, 1 << 28)
_FEW_LINES = 10
_STATISTICS = 1000
_MARKS = {
    codecs.BOM_UTF8: 'utf-8-sig',
    codecs.BOM_UTF32_LE: 'utf-32',
    codecs.BOM_UTF32_BE: 'utf-32',
    codecs.BOM_UTF16_LE: 'utf-16',
    codecs.BOM_UTF16_BE: 'utf-16',
}
_SHOWN_NAMES = {
    'utf-8-sig': 'UTF-8 with a byte order mark',
    'utf-16': 'UTF-16',
    'utf-16-le': 'UTF-16',
    'utf-16-be': 'UTF-16',
    'utf-32': 'UTF-32',
    'cp1252': 'Latin-1 (Windows-1252)',
}
_NEWLINE = re.compile(rb'\r\n|\r|\n')
# Western European text rarely has four different characters beyond ASCII in a row, others have.
_FOREIGN_WORD = re.compile(rb'(?=[\x80-\xff]{4})(.)(?!\1\1\1)', re.DOTALL)
_UTF8_LETTER = re.compile(rb'[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}')
_BEYOND_ASCII = re.compile(rb'[\x80-\xff]')


@dataclasses.dataclass(frozen=True)
class Text:
    """A text file.

    Attributes:
      file: The file.
      encoding: Name of its encoding, a Python codec.
      utf8: A file with the same text in UTF-8: itself, or a copy.
      sample: The start of the text, up to the end of a line.
      is_whole: Whether the sample is the whole text.
      has_quotes: Whether the text contains a double quote.
      has_returns: Whether the text contains a carriage return.
    """

    file: TableFile
    encoding: str
    utf8: Path
    sample: str
    is_whole: bool
    has_quotes: bool
    has_returns: bool

    @property
    def described(self) -> str:
        """Name of the encoding for people; '' for plain UTF-8."""
        return '' if self.encoding == UTF8 else _SHOWN_NAMES.get(self.encoding, self.encoding)

    def contains(self, part: bytes | re.Pattern[bytes]) -> bool:
        """Whether bytes occur anywhere in `utf8`."""
        with self.utf8.open('rb') as source, mmap.mmap(source.fileno(), 0, access=_READ) as text:
            return text.find(part) >= 0 if isinstance(part, bytes) else bool(part.search(text))

    def offset_of(self, line: int) -> int:
        """Position in `utf8` of a line of the sample, counted from 0."""
        lines = io.StringIO(self.sample, newline='')
        return sum(len(one.encode()) for one in islice(lines, line))


def read_text(file: TableFile, scratch: Path, encoding: str | None = None) -> Text:
    """Finds the encoding of a file, and reads its start.

    Without a given encoding, a byte order mark decides, then whether all bytes are valid UTF-8;
    what is neither is taken for Latin-1, unless it looks like another script.

    Args:
      file: The file.
      scratch: Folder for a copy in UTF-8 of a file that is compressed or in another encoding.
      encoding: Name of the encoding, a Python codec; None to find it.

    Raises:
      TableError: If the file is damaged, contains a NUL byte or bytes that are not valid in the
        given encoding, or if its encoding cannot be found; names the file, and the line.
    """
    with errors_of(file):
        found = _given_encoding(file, encoding) if encoding else _encoding_of(file)
        utf8 = file.path
        if file.compression or found != UTF8:
            utf8 = _copy(file, found, scratch)
    has_quotes, has_returns = _scanned(file, utf8)
    start, is_whole = _start(utf8)
    decoder = codecs.getincrementaldecoder(UTF8)()
    try:
        sample = decoder.decode(start)
    except UnicodeError:
        raise _not_valid(file, UTF8) from None
    sample = sample if is_whole else _complete_lines(file, sample)
    return Text(file, found, utf8, sample, is_whole, has_quotes, has_returns)


@contextmanager
def errors_of(file: TableFile) -> Iterator[None]:
    """Names the file in the errors of a damaged or unreadable file."""
    try:
        yield
    except (EOFError, zlib.error) as error:
        raise TableError(f'{file.path} is damaged, or its end is missing: {error}.') from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise TableError(f'{file.path} cannot be read: {reason}.') from error


def _copy(file: TableFile, encoding: str, scratch: Path) -> Path:
    """A copy of a text, decompressed and in UTF-8."""
    decoder = codecs.getincrementaldecoder(encoding)()
    copy = scratch / f'{len(list(scratch.iterdir()))}.csv'
    try:
        with open_bytes(file) as source, copy.open('wb') as target:
            while chunk := source.read(_CHUNK):
                target.write(decoder.decode(chunk).encode())
            target.write(decoder.decode(b'', final=True).encode())
    except UnicodeError:
        raise _not_valid(file, encoding) from None
    return copy


def _not_valid(file: TableFile, encoding: str) -> TableError:
    return TableError(
        f'{file.path} is not valid {encoding}: give another --encoding, or leave it out to have it '
        'found.'
    )


def _start(path: Path) -> tuple[bytes, bool]:
    """The first megabyte of a file, or more if its lines are long, and whether that is all."""
    start = b''
    with path.open('rb') as source:
        for size in _SAMPLES:
            start += source.read(size - len(start))
            if len(start) < size:
                return start, True
            if start.count(b'\n') + start.count(b'\r') > _FEW_LINES:
                break
    return start, False


def _given_encoding(file: TableFile, encoding: str) -> str:
    """The given encoding; if the file has its byte order mark, that which skips the mark."""
    given = codecs.lookup(encoding).name
    with open_bytes(file) as source:
        start = source.read(4)
    mark = next(filter(start.startswith, _MARKS), b'')
    if not mark or given == _MARKS[mark]:
        return given
    if '\ufeff'.encode(given, 'replace') in (mark, _MARKS[mark]):
        return _MARKS[mark]
    raise TableError(
        f'{file.path} has the byte order mark of {_SHOWN_NAMES[_MARKS[mark]].split(" ")[0]}, but '
        f'--encoding is {encoding}: leave --encoding out.'
    )


def _encoding_of(file: TableFile) -> str:
    with open_bytes(file) as source:
        start = source.read(_STATISTICS)
    for mark, name in _MARKS.items():
        if start.startswith(mark):
            return name
    if b'\x00' in start:
        even, odd = start[::2].count(0), start[1::2].count(0)
        if min(even, odd) == 0 and max(even, odd) > len(start) / 5:
            return 'utf-16-be' if even else 'utf-16-le'
    with open_bytes(file) as source:
        wrong = _first_undecodable(source, UTF8)
    return UTF8 if wrong is None else _single_byte_encoding(file, wrong)


def _single_byte_encoding(file: TableFile, wrong: bytes) -> str:
    """Latin-1, as Windows writes it if possible, for a file that is not UTF-8."""
    _refuse_damaged_utf8(file)
    with open_bytes(file) as source:
        unknown = _first_undecodable(source, 'cp1252')
    if unknown or _FOREIGN_WORD.search(wrong):
        raise TableError(
            f'{file.path} is not UTF-8, and does not look like Latin-1: give its encoding, for '
            'example --encoding cp1251 or --encoding shift_jis.'
        )
    return 'cp1252'


def _refuse_damaged_utf8(file: TableFile) -> None:
    """Refuses a file that is UTF-8 but for a few bytes: as Latin-1, all words would be wrong."""
    valid = others = 0
    with open_bytes(file) as source:
        while chunk := source.read(_CHUNK):
            if not chunk.isascii():
                rest = _UTF8_LETTER.sub(b'', chunk)
                valid += len(chunk) - len(rest)
                others += len(_BEYOND_ASCII.findall(rest))
    if valid > others:
        raise TableError(
            f'{file.path} is UTF-8, except for some bytes that are not valid: correct them, or '
            'give the encoding, for example --encoding cp1252.'
        )


def _first_undecodable(source: BinaryIO, encoding: str) -> bytes | None:
    """The first part of a file that is not valid in an encoding."""
    decoder = codecs.getincrementaldecoder(encoding)()
    pending = False
    while chunk := source.read(_CHUNK):
        if chunk.isascii() and not pending and encoding in _ASCII_BASED:
            continue
        try:
            decoder.decode(chunk)
        except UnicodeError:
            return chunk
        pending = bool(decoder.getstate()[0])
    return b'?' if pending else None


def _scanned(file: TableFile, utf8: Path) -> tuple[bool, bool]:
    """Whether a text contains quotes and carriage returns; refuses NUL bytes."""
    line, has_quotes, has_returns = 1, False, False
    with utf8.open('rb') as source:
        while chunk := source.read(_CHUNK):
            place = chunk.find(b'\x00')
            if place >= 0:
                line += len(_NEWLINE.findall(chunk, 0, place))
                raise TableError(
                    f'{file.path} line {line} contains a NUL byte, so the file is damaged or not '
                    'a text file: write it again, or remove the byte.'
                )
            line += chunk.count(b'\n') or chunk.count(b'\r')
            has_quotes = has_quotes or b'"' in chunk
            has_returns = has_returns or b'\r' in chunk
    return has_quotes, has_returns


def _complete_lines(file: TableFile, sample: str) -> str:
    """A sample up to the end of its last complete line."""
    end = max(sample.rfind('\n'), sample.rfind('\r'))
    if end < 0:
        raise TableError(
            f'{file.path} has no end of line in its first {len(sample)} characters, so it is not a '
            'table.'
        )
    return sample[: end + 1]
