"""What the executors take from TFX's artifacts: folders, feature specs, tidy failure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import tensorflow as tf

from tfx_kmeans.data.errors import DataError
from tfx_kmeans.data.feature_specs import schema_feature_spec, transformed_feature_spec

_TF_EXAMPLE = 'FORMAT_TF_EXAMPLE'

Artifacts = Mapping[str, Sequence[Any]]


def only_uri(artifacts: Artifacts, key: str) -> str | None:
    """The folder of the one artifact of an input, None where the input is absent or empty.

    Raises:
      ValueError: where there are several.
    """
    found = artifacts.get(key) or []
    if len(found) > 1:
        raise ValueError(f'{key} takes one artifact, got {len(found)}.')
    return str(found[0].uri) if found else None


def split_folders(examples: Sequence[Any], splits: Sequence[str]) -> list[str]:
    """The folders of some splits of Examples artifacts.

    Raises:
      DataError: where a split is not there, listing those that are; or where the examples are
        not serialized tf.Examples.
    """
    return [_split_folder(artifact, split) for split in splits for artifact in examples]


def _split_folder(artifact: Any, split: str) -> str:
    payload_format = artifact.get_string_custom_property('payload_format') or _TF_EXAMPLE
    if payload_format != _TF_EXAMPLE:
        raise DataError(
            f'The examples in {artifact.uri} have payload_format {payload_format}; only '
            f'{_TF_EXAMPLE} can be read.'
        )
    if split not in artifact.splits:
        raise DataError(
            f'splits names {split!r}, which the examples in {artifact.uri} do not have. They '
            f'have: {", ".join(map(repr, artifact.splits)) or "none"}.'
        )
    return str(artifact.path(split=split))


def feature_spec_of(artifacts: Artifacts) -> dict[str, Any]:
    """The parsing spec of a component's examples, from its transform_graph or else its schema.

    Raises:
      ValueError: where it has neither.
    """
    transform_graph = only_uri(artifacts, 'transform_graph')
    if transform_graph is not None:
        return transformed_feature_spec(transform_graph)
    schema = only_uri(artifacts, 'schema')
    if schema is not None:
        return schema_feature_spec(schema)
    raise ValueError('Neither transform_graph nor schema is there to say what the features are.')


@contextmanager
def emptied_on_failure(output_dict: Artifacts) -> Iterator[None]:
    """Empties the outputs' folders when the block fails or is interrupted.

    The folders themselves stay: TFX, where it removes them, expects them to be there.
    """
    try:
        yield
    except BaseException:
        for artifact in (one for several in output_dict.values() for one in several):
            if tf.io.gfile.exists(artifact.uri):
                tf.io.gfile.rmtree(artifact.uri)
                tf.io.gfile.makedirs(artifact.uri)
        raise
