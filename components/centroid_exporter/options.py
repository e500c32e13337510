"""Options of CentroidExporter."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from tfx_kmeans import names
from tfx_kmeans.argument_checks import (
    check_choice,
    check_flag,
    check_integer,
    check_names,
    imported_function,
    use_python_scalars,
)
from tfx_kmeans.errors import ParameterError
from tfx_kmeans.serving.export import TEXT_FILE
from tfx_kmeans.serving.precision import FLOAT32, PRECISIONS
from tfx_kmeans.serving.warmup import MAX_REQUESTS

_ANSWERS = (names.CLUSTER_INDEX, names.DISTANCE)


@dataclasses.dataclass(frozen=True)
class ExporterOptions:
    """Options of CentroidExporter.

    Attributes:
      precision: Precision of the stored centroids: 'float32', 'float16' or 'int8'.
      default_signature: Signature that `serving_default` is a copy of: 'examples', 'raw' or
        'features'.
      passthrough_features: Names of raw features to return unchanged in addition to the answer.
      serving_input_fn: Function from tensors to raw features, given as 'module:function'.
      assets_extra: A folder, a list of files and folders, or a dict from names in assets.extra to
        files or folders.
      as_text: Whether the graph is also written as text.
      strip_default_attrs: Whether attributes of operations with default values are left out.
      warmup: Number of examples to write as warmup requests for a server.

    Raises:
      ParameterError: If an option has an invalid value; names the option, the value and what is
        allowed.
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
        use_python_scalars(self)
        check_choice('precision', self.precision, PRECISIONS)
        check_choice('default_signature', self.default_signature, names.DEFAULT_KINDS)
        self._check_passthrough_features()
        self._check_serving_input_fn()
        self._check_assets_extra()
        check_flag('as_text', self.as_text)
        check_flag('strip_default_attrs', self.strip_default_attrs)
        check_integer('warmup', self.warmup, minimum=0)
        if self.warmup > MAX_REQUESTS:
            raise ParameterError(
                f'warmup is {self.warmup}, but TensorFlow Serving accepts at most {MAX_REQUESTS} '
                'warmup requests. Choose a smaller number.'
            )

    @property
    def needs_examples(self) -> str | None:
        """The parameter that requires the input `examples`, with its value; None if none does."""
        if self.precision != FLOAT32:
            return f'precision={self.precision!r}'
        return f'warmup={self.warmup}' if self.warmup else None

    def _check_passthrough_features(self) -> None:
        if self.passthrough_features is None:
            raise ParameterError(
                'passthrough_features must be a list of names, got None. Leave it out to return no '
                'raw features.'
            )
        check_names('passthrough_features', self.passthrough_features)
        taken = sorted(set(self.passthrough_features) & set(_ANSWERS))
        if taken:
            raise ParameterError(
                f'passthrough_features names {", ".join(map(repr, taken))}, but the answer itself '
                'has an output of that name. Rename the feature.'
            )

    def _check_serving_input_fn(self) -> None:
        named = self.serving_input_fn
        if named is None:
            return
        if not isinstance(named, str) or ':' not in named:
            raise ParameterError(
                "serving_input_fn must be given as 'module:function', importable where the "
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
            raise ParameterError(
                'assets_extra must be a folder, a list of files and folders, or a dict of names to '
                f'files or folders; got {given!r}.'
            )
        for path in paths:
            _check_path(path)

    def check_asset_name(self, name: Any) -> None:
        """Checks that a file may have this name within assets.extra.

        Raises:
          ParameterError: If the name is not a plain relative path, or is reserved for a file that
            the component writes.
        """
        reserved = [TEXT_FILE] * bool(self.as_text) + [names.WARMUP_FILE] * bool(self.warmup)
        is_text = isinstance(name, str) and bool(name) and '\\' not in name
        parts = name.split('/') if is_text else []
        if not parts or any(part in ('', '.', '..') for part in parts):
            raise ParameterError(
                f'assets_extra has the name {name!r}, which is not a plain relative path within '
                'assets.extra. Use names such as "labels/names.txt".'
            )
        if parts[0] == names.OWN_FOLDER or name in reserved:
            raise ParameterError(
                f'assets_extra has the name {name!r}, which is reserved: this component writes '
                'that file or folder itself. Rename the file.'
            )


def _check_path(path: object) -> None:
    if not isinstance(path, str) or not path:
        raise ParameterError(f'assets_extra must contain paths of files or folders, got {path!r}.')
