"""User-defined files for the folder assets.extra of a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import tensorflow as tf

from tfx_kmeans.errors import ExtraAssetsError

AssetsExtra = Mapping[str, str] | Sequence[str] | str | None


def find_extra_assets(given: AssetsExtra, check_name: Callable[[str], None]) -> dict[str, str]:
    """Lists the files to copy: their paths, by name within assets.extra.

    Args:
      given: A folder, whose files keep their relative paths; a list of files and folders, which
        keep their names; or a dict of names to files and folders.
      check_name: Function that raises an error if a file must not have the given name.

    Raises:
      ExtraAssetsError: If a path does not exist, or two files would have the same name.
    """
    found: dict[str, str] = {}
    for name, path in _named(given):
        for below, file in _files(name, path):
            check_name(below)
            if below in found:
                raise ExtraAssetsError(
                    f'assets_extra has two files for {below!r}: {found[below]} and {file}. Rename '
                    'one of them.'
                )
            found[below] = file
    return found


def copy_extra_assets(files: Mapping[str, str], folder: str) -> None:
    """Copies files into a folder.

    Args:
      files: Paths of the files, by name within the folder.
      folder: Folder to copy to; created if necessary.
    """
    for name, path in files.items():
        target = f'{folder}/{name}'
        tf.io.gfile.makedirs(target.rpartition('/')[0])
        tf.io.gfile.copy(path, target)


def _named(given: AssetsExtra) -> list[tuple[str, str]]:
    if given is None:
        return []
    if isinstance(given, Mapping):
        return list(given.items())
    if isinstance(given, str):
        return [('' if tf.io.gfile.isdir(given) else _base_name(given), given)]
    return [(_base_name(path), path) for path in given]


def _files(name: str, path: str) -> list[tuple[str, str]]:
    """The file at a path, or all files within it, each with its name within assets.extra."""
    if not tf.io.gfile.exists(path):
        raise ExtraAssetsError(f'assets_extra names {path}, which does not exist.')
    if not tf.io.gfile.isdir(path):
        return [(name, path)]
    root = path.rstrip('/')
    return [
        (f'{name}/{file[len(root) + 1 :]}' if name else file[len(root) + 1 :], file)
        for folder, _, files in tf.io.gfile.walk(root)
        for file in (f'{folder.rstrip("/")}/{one}' for one in sorted(files))
    ]


def _base_name(path: str) -> str:
    return path.rstrip('/').rpartition('/')[2]
