import struct

import google_crc32c
import numpy as np
import pytest

from tfx_kmeans.data.checksums import crc_of_frames, masked, unmasked


def frames(rng, count, length):
    header = struct.pack('<Q', length) + b'abcd'
    payloads = [rng.bytes(length) for _ in range(count)]
    crcs = np.array([google_crc32c.value(payload) for payload in payloads], np.uint32)
    return header, payloads, masked(crcs)


def content(header, payloads, footers):
    parts = zip(payloads, footers, strict=True)
    return b''.join(header + payload + struct.pack('<I', footer) for payload, footer in parts)


@pytest.mark.parametrize('count', [1, 2, 3, 7, 64, 1000, 1025])
@pytest.mark.parametrize('length', [0, 1, 5, 150, 70_001])
def test_the_crc_of_a_run_follows_from_those_of_its_records(count, length):
    count = min(count, 64) if length > 1000 else count
    header, payloads, footers = frames(np.random.default_rng(count), count, length)
    whole = content(header, payloads, footers)
    assert crc_of_frames(header, length, footers) == google_crc32c.value(whole)


def test_any_flipped_bit_changes_the_crc():
    rng = np.random.default_rng(0)
    header, payloads, footers = frames(rng, 20, 9)
    whole = bytearray(content(header, payloads, footers))
    stride = len(whole) // 20
    for place in range(len(whole)):
        if place % stride < len(header):
            continue  # headers are compared byte by byte
        whole[place] ^= 1 << int(rng.integers(8))
        stored = np.frombuffer(bytes(whole), np.uint8).reshape(20, stride)[:, -4:]
        now = crc_of_frames(header, 9, np.ascontiguousarray(stored).view('<u4')[:, 0])
        assert now != google_crc32c.value(bytes(whole)), place
        whole = bytearray(content(header, payloads, footers))


def test_masking_is_that_of_tfrecords_and_is_reversible():
    """The CRC of `123456789` is the check value of RFC 3720's CRC-32C, E3069283."""
    crc = np.array([google_crc32c.value(b'123456789')], np.uint32)
    assert crc[0] == 0xE3069283
    rotated = (0xE3069283 >> 15 | 0xE3069283 << 17) & 0xFFFFFFFF
    assert masked(crc)[0] == (rotated + 0xA282EAD8) & 0xFFFFFFFF
    assert unmasked(masked(crc))[0] == crc[0]
