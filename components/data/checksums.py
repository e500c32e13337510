"""CRC-32C of many records of one length by one pass of the processor's own instruction.

Checking a record at a time costs a Python call for each. But CRCs are linear over GF(2): that of
A followed by B is that of A, shifted by the length of B, xor that of B (Mark Adler's crc32_combine
in zlib). So what the CRC of a whole run of framed records must be follows from the CRCs that are
stored beside the records, and one look at the run's real CRC checks them all. An error within one
record shows just when that record's own CRC shows it; errors in several cancel out with the chance
2^-32, as under gzip's CRC.
"""

from __future__ import annotations

from functools import cached_property, lru_cache

import google_crc32c
import numpy as np

_POLYNOMIAL = 0x82F63B78  # Castagnoli's, bits reversed
_MASK_DELTA = np.uint32(0xA282EAD8)


class _Operator:
    """A linear map of CRCs, told by what becomes of each single bit (uint32 [32])."""

    def __init__(self, of_bits: np.ndarray) -> None:
        self._of_bits = of_bits

    def __call__(self, crcs: np.ndarray) -> np.ndarray:
        """What becomes of CRCs, uint32 [n]: by a table for either half of their bits."""
        low, high = self._tables
        result = low.take(crcs & np.uint32(0xFFFF))
        result ^= high.take(crcs >> np.uint32(16))
        return result

    @cached_property
    def _tables(self) -> tuple[np.ndarray, np.ndarray]:
        return _table(self._of_bits[:16]), _table(self._of_bits[16:])

    @cached_property
    def twice(self) -> _Operator:
        """The operator after itself."""
        return self.after(self)

    def after(self, first: _Operator) -> _Operator:
        """What `first` and then this one do."""
        return _Operator(self(first._of_bits))


def _table(of_bits: np.ndarray) -> np.ndarray:
    """What becomes of each of the 2**16 combinations of 16 bits, each twice as long in turn."""
    table = np.zeros(1, np.uint32)
    for of_bit in of_bits:
        table = np.concatenate([table, table ^ of_bit])
    return table


def crc_of(data: bytes) -> int:
    """CRC-32C."""
    return int(google_crc32c.value(data))


def masked(crcs: np.ndarray) -> np.ndarray:
    """As TFRecord files store CRCs (uint32): rotated right by 15 bits, plus a constant."""
    return (crcs >> 15 | crcs << 17) + _MASK_DELTA


def unmasked(stored: np.ndarray) -> np.ndarray:
    """The CRCs (uint32) that `masked` has made these of."""
    rotated = stored - _MASK_DELTA
    return rotated >> 17 | rotated << 15


def starts_a_record(data: bytes) -> bool:
    """Whether data starts with a length and the checksum that TFRecord files store behind it."""
    if len(data) < 12:
        return False
    return masked(np.array([crc_of(data[:8])], np.uint32)).astype('<u4').tobytes() == data[8:12]


def crc_of_frames(header: bytes, length: int, footers: np.ndarray) -> int:
    """What the CRC of a run of framed records is, if each record has the CRC stored behind it.

    Args:
      header: the bytes before each record.
      length: of each record in bytes.
      footers: uint32 [n], the masked CRCs that are stored behind the records.
    """
    crcs = _shift(4)(unmasked(footers)) ^ _words()(footers) ^ np.uint32(crc_of(bytes(4)))
    crcs ^= _shift(length + 4)(np.array([crc_of(header)], np.uint32))
    shift = _shift(len(header) + length + 4)
    while len(crcs) > 1:  # of pairs, then of pairs of pairs
        if len(crcs) % 2:
            crcs = np.concatenate([np.zeros(1, np.uint32), crcs])  # nothing, before everything
        crcs = shift(crcs[::2]) ^ crcs[1::2]
        shift = shift.twice
    return int(crcs[0])


@lru_cache(maxsize=1)
def _words() -> _Operator:
    """Little-endian uint32 to the CRCs of their bytes, less that of four zeros."""
    bits = [(1 << bit).to_bytes(4, 'little') for bit in range(32)]
    return _Operator(np.array([crc_of(word) ^ crc_of(bytes(4)) for word in bits], np.uint32))


@lru_cache(maxsize=64)
def _shift(size: int) -> _Operator:
    """What becomes of a CRC when `size` bytes of zeros follow."""
    result = _Operator(np.uint32(1) << np.arange(32, dtype=np.uint32))
    power = _Operator(np.array([_POLYNOMIAL, *(1 << bit for bit in range(31))], np.uint32))
    bits = 8 * size
    while bits:
        if bits & 1:
            result = power.after(result)
        power = power.twice
        bits >>= 1
    return result
