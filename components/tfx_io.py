"""What the executors take from TFX's artifacts: folders, feature specs, tidy failure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import tensorflow as tf

from tfx_kmeans.data.errors import DataError
from tfx_kmeans.data.feature_specs import schema_feature_spec, transformed_feature_spec
from tfx_kmeans.data.source import TF_EXAMPLE, Examples

Artifacts = Mapping[str, Sequence[Any]]

EVAL_SPLIT = 'eval'


def only_uri(artifacts: Artifacts, key: str) -> str | None:
    """The folder of the one artifact of an input, None where the input is absent or empty.

    Raises:
      ValueError: where there are several.
    """
    found = artifacts.get(key) or []
    if len(found) > 1:
        raise ValueError(f'{key} takes one artifact, got {len(found)}.')
    return str(found[0].uri) if found else None


def examples_of(artifacts: Sequence[Any], splits: Sequence[str]) -> Examples:
    """The examples of some splits, of one or several artifacts, in the order of their spans.

    Raises:
      DataError: where a split is not there, listing those that are; or where the payload is of a
        kind that cannot be read, or the artifacts' payloads differ.
    """
    in_order = sorted(artifacts, key=_span)
    formats = sorted({_payload_format(artifact) for artifact in in_order})
    if len(formats) > 1:
        raise DataError(f'The examples are of several payload_formats: {", ".join(formats)}.')
    folders = [_split_folder(artifact, split) for artifact in in_order for split in splits]
    return Examples(tuple(folders), *formats)


def _span(artifact: Any) -> tuple[int, int]:
    return (
        artifact.get_int_custom_property('span'),
        artifact.get_int_custom_property('version'),
    )


def _payload_format(artifact: Any) -> str:
    return artifact.get_string_custom_property('payload_format') or TF_EXAMPLE


def _split_folder(artifact: Any, split: str) -> str:
    if split not in artifact.splits:
        raise DataError(
            f'splits names {split!r}, which the examples in {artifact.uri} do not have. They '
            f'have: {", ".join(map(repr, artifact.splits)) or "none"}.'
        )
    return str(artifact.path(split=split))


def feature_spec_of(artifacts: Artifacts) -> dict[str, Any] | None:
    """The parsing spec of a component's examples, from its transform_graph or else its schema.

    None where it has neither.
    """
    transform_graph = only_uri(artifacts, 'transform_graph')
    if transform_graph is not None:
        return transformed_feature_spec(transform_graph)
    schema = only_uri(artifacts, 'schema')
    return None if schema is None else schema_feature_spec(schema)


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
