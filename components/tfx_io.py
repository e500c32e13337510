"""Helpers of the executors for TFX artifacts: folders, examples, feature specs and cleanup."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import tensorflow as tf

from tfx_kmeans.data.feature_specs import schema_feature_spec, transformed_feature_spec
from tfx_kmeans.data.source import TF_EXAMPLE, Examples
from tfx_kmeans.errors import DataError, ParameterError

Artifacts = Mapping[str, Sequence[Any]]

EVAL_SPLIT = 'eval'


def only_uri(artifacts: Artifacts, key: str) -> str | None:
    """Folder of the only artifact of an input; None if the input is absent or empty.

    Raises:
      ParameterError: If the input has several artifacts.
    """
    found = artifacts.get(key) or []
    if len(found) > 1:
        raise ParameterError(f'{key} accepts only one artifact, got {len(found)}.')
    return str(found[0].uri) if found else None


def has_eval_split(artifacts: Sequence[Any]) -> bool:
    """Whether all Examples artifacts have an eval split."""
    return all(EVAL_SPLIT in artifact.splits for artifact in artifacts)


def examples_of(artifacts: Sequence[Any], splits: Sequence[str]) -> Examples:
    """The examples in the given splits of one or several artifacts, in the order of their spans.

    Raises:
      DataError: If a split does not exist, listing the existing ones; if the payload format is not
        supported; or if the artifacts have different payload formats.
    """
    in_order = sorted(artifacts, key=_span)
    formats = sorted({_payload_format(artifact) for artifact in in_order})
    if len(formats) > 1:
        raise DataError(
            f'The examples have several payload_formats: {", ".join(formats)}. All artifacts must '
            'have the same one.'
        )
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
            f'splits contains {split!r}, but the examples in {artifact.uri} have no such split. '
            f'Existing splits: {", ".join(map(repr, artifact.splits)) or "none"}.'
        )
    return str(artifact.path(split=split))


def feature_spec_of(artifacts: Artifacts) -> dict[str, Any] | None:
    """Parsing spec of a component's examples, from its transform_graph or else its schema.

    None if it has neither input.
    """
    transform_graph = only_uri(artifacts, 'transform_graph')
    if transform_graph is not None:
        return transformed_feature_spec(transform_graph)
    schema = only_uri(artifacts, 'schema')
    return None if schema is None else schema_feature_spec(schema)


@contextmanager
def emptied_on_failure(output_dict: Artifacts) -> Iterator[None]:
    """Empties the output folders if the block fails or is interrupted.

    The folders themselves are kept, because TFX expects them to exist when it removes them.
    """
    try:
        yield
    except BaseException:
        for artifact in (one for several in output_dict.values() for one in several):
            if tf.io.gfile.exists(artifact.uri):
                tf.io.gfile.rmtree(artifact.uri)
                tf.io.gfile.makedirs(artifact.uri)
        raise
