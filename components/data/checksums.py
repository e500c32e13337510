"""Verifies the CRC-32C checksums of many records of equal length with a single CRC computation.

Checking the records one by one costs a Python call per record. CRCs, however, are linear over
GF(2): the CRC of A followed by B is the CRC of A, shifted by the length of B, xor the CRC of B
(see crc32_combine in zlib, by Mark Adler). The expected CRC of a whole run of framed records
therefore follows from the CRCs stored with the records. Comparing it with the actual CRC of the
run, which the processor's CRC instruction computes in one pass, checks all records together.

An error within one record is detected exactly when the CRC of that record would detect it. Errors
in several records cancel each other out with probability 2^-32, as with the CRC of gzip.
"""

from __future__ import annotations

from functools import cached_property, lru_cache

import google_crc32c
import numpy as np

_POLYNOMIAL = 0x82F63B78  # the Castagnoli polynomial, bits reversed
_MASK_DELTA = np.uint32(0xA282EAD8)


class _LinearMap:
    """A linear map of CRCs, defined by the image of each single bit (uint32 [32])."""

    def __init__(self, bit_images: np.ndarray) -> None:
        self._bit_images = bit_images

    def __call__(self, crcs: np.ndarray) -> np.ndarray:
        """The images of CRCs, uint32 [n], looked up in one table for each half of their bits."""
        low, high = self._tables
        result = low.take(crcs & np.uint32(0xFFFF))
        result ^= high.take(crcs >> np.uint32(16))
        return result

    @cached_property
    def _tables(self) -> tuple[np.ndarray, np.ndarray]:
        return _table(self._bit_images[:16]), _table(self._bit_images[16:])

    @cached_property
    def squared(self) -> _LinearMap:
        """The map applied twice."""
        return self.after(self)

    def after(self, first: _LinearMap) -> _LinearMap:
        """The composition that applies `first`, then this map."""
        return _LinearMap(self(first._bit_images))


def _table(bit_images: np.ndarray) -> np.ndarray:
    """The images of all 2**16 combinations of 16 bits; each bit doubles the table."""
    table = np.zeros(1, np.uint32)
    for bit_image in bit_images:
        table = np.concatenate([table, table ^ bit_image])
    return table


def crc_of(data: bytes) -> int:
    """The CRC-32C of some bytes."""
    return int(google_crc32c.value(data))


def masked(crcs: np.ndarray) -> np.ndarray:
    """CRCs (uint32) as TFRecord files store them: rotated right by 15 bits, plus a constant."""
    return (crcs >> 15 | crcs << 17) + _MASK_DELTA


def unmasked(stored: np.ndarray) -> np.ndarray:
    """The inverse of `masked`."""
    rotated = stored - _MASK_DELTA
    return rotated >> 17 | rotated << 15


def starts_a_record(data: bytes) -> bool:
    """Whether data starts with a TFRecord header: a length, followed by its masked checksum."""
    if len(data) < 12:
        return False
    return masked(np.array([crc_of(data[:8])], np.uint32)).astype('<u4').tobytes() == data[8:12]


def crc_of_frames(header: bytes, length: int, footers: np.ndarray) -> int:
    """The CRC of a run of framed records, if the stored CRC of every record is correct.

    Args:
      header: bytes before each record.
      length: Length of each record in bytes.
      footers: Masked CRCs stored after the records, uint32 [n].
    """
    crcs = _shift(4)(unmasked(footers)) ^ _word_crcs()(footers) ^ np.uint32(crc_of(bytes(4)))
    crcs ^= _shift(length + 4)(np.array([crc_of(header)], np.uint32))
    shift = _shift(len(header) + length + 4)
    while len(crcs) > 1:  # combines pairs, then pairs of pairs, and so on
        if len(crcs) % 2:
            crcs = np.concatenate([np.zeros(1, np.uint32), crcs])  # the CRC of an empty prefix
        crcs = shift(crcs[::2]) ^ crcs[1::2]
        shift = shift.squared
    return int(crcs[0])


@lru_cache(maxsize=1)
def _word_crcs() -> _LinearMap:
    """Maps little-endian uint32 words to the CRC of their bytes, xor the CRC of four zeros."""
    bits = [(1 << bit).to_bytes(4, 'little') for bit in range(32)]
    return _LinearMap(np.array([crc_of(word) ^ crc_of(bytes(4)) for word in bits], np.uint32))


@lru_cache(maxsize=64)
def _shift(size: int) -> _LinearMap:
    """Maps a CRC to its value after `size` more zero bytes."""
    result = _LinearMap(np.uint32(1) << np.arange(32, dtype=np.uint32))
    power = _LinearMap(np.array([_POLYNOMIAL, *(1 << bit for bit in range(31))], np.uint32))
    bits = 8 * size
    while bits:
        if bits & 1:
            result = power.after(result)
        power = power.squared
        bits >>= 1
    return result
