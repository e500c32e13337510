"""What a CentroidExporter can be told."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from tfx_kmeans import names
from tfx_kmeans.checking import (
    check_choice,
    check_flag,
    check_integer,
    check_names,
    imported_function,
)
from tfx_kmeans.serving.export import TEXT_FILE
from tfx_kmeans.serving.precision import FLOAT32, PRECISIONS
from tfx_kmeans.serving.warmup import MAX_REQUESTS

_OWN_FOLDER = 'tfx_kmeans'
_ANSWERS = (names.CLUSTER_INDEX, names.DISTANCE)


@dataclasses.dataclass(frozen=True)
class ExporterOptions:
    """How to export.

    Attributes:
      precision: of the stored centroids: 'float32', 'float16' or 'int8'.
      default_signature: the signature that `serving_default` is: 'examples', 'raw' or 'features'.
      passthrough_features: names of raw features that come back beside the answer.
      serving_input_fn: 'module:function', from tensors to raw features.
      assets_extra: a folder, a list of files, or a dict of names in assets.extra to files.
      as_text: whether to write the graph as text, too.
      strip_default_attrs: whether attributes with default values are left out of the graph.
      warmup: how many examples to write as requests that warm a server up.
    """

    precision: str = FLOAT32
    default_signature: str = names.EXAMPLES_SIGNATURE
    passthrough_features: Sequence[str] = ()
    serving_input_fn: str | None = None
    assets_extra: Mapping[str, str] | Sequence[str] | str | None = None
    as_text: bool = False
    strip_default_attrs: bool = True
    warmup: int = 0

    def __post_init__(self) -> None:
        check_choice('precision', self.precision, PRECISIONS)
        allowed = (names.EXAMPLES_SIGNATURE, names.RAW_SIGNATURE, names.FEATURES_SIGNATURE)
        check_choice('default_signature', self.default_signature, allowed)
        self._check_passthrough_features()
        self._check_serving_input_fn()
        self._check_assets_extra()
        check_flag('as_text', self.as_text)
        check_flag('strip_default_attrs', self.strip_default_attrs)
        check_integer('warmup', self.warmup, minimum=0)
        if self.warmup > MAX_REQUESTS:
            raise ValueError(
                f'warmup is {self.warmup}, but TensorFlow Serving takes at most {MAX_REQUESTS} '
                'requests to warm up with.'
            )

    @property
    def needs_examples(self) -> str | None:
        """The parameter that needs the input `examples`, None where none does."""
        if self.precision != FLOAT32:
            return f'precision={self.precision!r}'
        return f'warmup={self.warmup}' if self.warmup else None

    def _check_passthrough_features(self) -> None:
        if self.passthrough_features is None:
            raise ValueError(
                'passthrough_features must be a list of names, got None: leave it out.'
            )
        check_names('passthrough_features', self.passthrough_features)
        taken = sorted(set(self.passthrough_features) & set(_ANSWERS))
        if taken:
            raise ValueError(
                f'passthrough_features names {", ".join(map(repr, taken))}, which is what the '
                'answer itself is called. Rename the feature.'
            )

    def _check_serving_input_fn(self) -> None:
        named = self.serving_input_fn
        if named is None:
            return
        if not isinstance(named, str) or ':' not in named:
            raise ValueError(
                "serving_input_fn must be named as 'module:function', importable where the "
                f'component runs; got {named!r}.'
            )
        imported_function('serving_input_fn', named)

    def _check_assets_extra(self) -> None:
        given = self.assets_extra
        if given is None:
            return
        if isinstance(given, Mapping):
            for name, path in given.items():
                self.check_asset_name(name)
                _check_path(path)
            return
        paths = [given] if isinstance(given, str) else given
        if not isinstance(paths, Sequence) or not paths:
            raise ValueError(
                'assets_extra must be a folder, a list of files, or a dict of names to files; got '
                f'{given!r}.'
            )
        for path in paths:
            _check_path(path)

    def check_asset_name(self, name: Any) -> None:
        """Raises ValueError unless a file may have this name below assets.extra."""
        reserved = [TEXT_FILE] * bool(self.as_text) + [names.WARMUP_FILE] * bool(self.warmup)
        is_text = isinstance(name, str) and bool(name) and '\\' not in name
        parts = name.split('/') if is_text else []
        if not parts or any(part in ('', '.', '..') for part in parts):
            raise ValueError(
                f'assets_extra has {name!r}, which would not stay below assets.extra in the model '
                'folder. Give plain relative names, such as "labels/names.txt".'
            )
        if parts[0] == _OWN_FOLDER or name in reserved:
            raise ValueError(
                f'assets_extra has {name!r}, which this component writes itself. Rename it.'
            )


def _check_path(path: object) -> None:
    if not isinstance(path, str) or not path:
        raise ValueError(f'assets_extra must name files or folders, got {path!r}.')
