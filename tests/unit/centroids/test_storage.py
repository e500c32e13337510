"""Payloads as files."""

import dataclasses
import json

import numpy as np
import pytest

from tfx_kmeans.centroids.storage import read_payload, write_payload
from tfx_kmeans.errors import CentroidsError


def test_a_written_payload_can_be_read(payload, tmp_path):
    write_payload(str(tmp_path), payload)
    found = read_payload(str(tmp_path))
    assert found.metadata == payload.metadata
    for name in ('centroids', 'shift', 'cluster_weight', 'cluster_inertia'):
        one, other = getattr(found, name), getattr(payload, name)
        assert np.array_equal(one, other)
        assert one.dtype == other.dtype


def test_numpy_and_the_metadata_are_enough_to_assign_rows(payload, rows, tmp_path):
    write_payload(str(tmp_path), payload)
    centroids = np.load(tmp_path / 'centroids.npz', allow_pickle=False)['centroids']
    metadata = json.loads((tmp_path / 'metadata.json').read_text())
    distances = np.square(rows[:, None] - centroids[None]).sum(axis=2)
    sizes = np.bincount(distances.argmin(axis=1), minlength=metadata['num_clusters'])
    assert np.array_equal(sizes, payload.cluster_weight)
    assert np.isclose(distances.min(axis=1).sum(), metadata['inertia'], rtol=1e-5)
    assert metadata['column_names'] == ['a', 'b', 'c']


def test_folders_without_readable_centroids_are_rejected(payload, tmp_path):
    folder = str(tmp_path)
    with pytest.raises(CentroidsError, match=r'no metadata\.json'):
        read_payload(folder)
    write_payload(folder, payload)
    whole = (tmp_path / 'centroids.npz').read_bytes()
    for damaged in (b'not a zip file', b'', whole[:-10], whole[:200]):
        (tmp_path / 'centroids.npz').write_bytes(damaged)
        with pytest.raises(CentroidsError, match=r'centroids\.npz cannot be read'):
            read_payload(folder)
    write_payload(folder, dataclasses.replace(payload, shift=np.zeros(7)))
    with pytest.raises(CentroidsError, match=r'shift has shape \(7,\)'):
        read_payload(folder)
    (tmp_path / 'metadata.json').write_text('{')
    with pytest.raises(CentroidsError, match='is damaged'):
        read_payload(folder)


def test_a_newer_major_format_is_rejected_by_name(payload, tmp_path):
    newer = dataclasses.replace(payload.metadata, format_version='2.0')
    write_payload(str(tmp_path), dataclasses.replace(payload, metadata=newer))
    with pytest.raises(CentroidsError, match=r'has format 2\.0; this version .* reads up to 1\.1'):
        read_payload(str(tmp_path))
    minor = dataclasses.replace(payload.metadata, format_version='1.9')
    write_payload(str(tmp_path), dataclasses.replace(payload, metadata=minor))
    assert read_payload(str(tmp_path)).metadata.format_version == '1.9'
