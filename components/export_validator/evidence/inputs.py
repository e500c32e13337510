"""Changes of a model's inputs that break the clients of an earlier model."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from tfx_kmeans import names
from tfx_kmeans.export_validator.evidence.signatures import inputs_of
from tfx_kmeans.serving.parsed_features import ParsedFeature, parsed_features


def input_changes(earlier: Any, now: Any) -> list[str]:
    """Descriptions of what clients of the earlier model can no longer send.

    Args:
      earlier: MetaGraphDef of the earlier model.
      now: MetaGraphDef of the model.
    """
    changes = _raw_changes(earlier, now)
    features = _feature_changes(earlier, now)
    text = [f'{names.RAW_SIGNATURE}: {change}' for _, change in sorted(changes.items())]
    text += [
        f'{names.EXAMPLES_SIGNATURE}: {change}'
        for name, change in sorted(features.items())
        if name not in changes
    ]
    return text


def _raw_changes(earlier: Any, now: Any) -> dict[str, str]:
    """Changes of the inputs of `raw` by name; under '' if the whole signature is missing."""
    signatures = [graph.signature_def.get(names.RAW_SIGNATURE) for graph in (earlier, now)]
    if signatures[0] is None:
        return {}
    before = inputs_of(signatures[0])
    if signatures[1] is None:
        return {'': f'the signature is gone; its inputs were {_listed(before)}'}
    after = inputs_of(signatures[1])
    return dict(_differences(before, after))


def _differences(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name in before.keys() | after.keys():
        if name not in after:
            yield name, f'{name!r} ({before[name]}) is not an input any more'
        elif name not in before:
            yield name, f'{name!r} ({after[name]}) is a new input, which clients do not send'
        elif before[name] != after[name]:
            yield name, f'{name!r} was {before[name]} and is {after[name]}'


def _feature_changes(earlier: Any, now: Any) -> dict[str, str]:
    """Changes of the features that are parsed from tf.Examples, by name."""
    before, after = (parsed_features(graph, names.EXAMPLES_SIGNATURE) for graph in (earlier, now))
    needed = parsed_features(now, names.PREPROCESS_SIGNATURE)
    changes = {
        name: f'{name!r} was {before[name]} and is {after[name]}'
        for name in before.keys() & after.keys()
        if not _accepts(after[name], before[name])
    }
    for name in needed.keys() - before.keys():
        if before and needed[name].shape is not None:
            changes[name] = f'{name!r} ({needed[name]}) is needed and was not before'
    return changes


def _accepts(after: ParsedFeature, before: ParsedFeature) -> bool:
    """Whether every tf.Example with the feature as it was can be parsed as it is now."""
    if after.dtype != before.dtype or after.shape is None:
        return after.dtype == before.dtype
    return before.shape is not None and math.prod(after.shape) == math.prod(before.shape)


def _listed(inputs: Mapping[str, str]) -> str:
    return ', '.join(f'{name!r} ({kind})' for name, kind in sorted(inputs.items()))
