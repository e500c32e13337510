"""Files of the user's own, for assets.extra."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import tensorflow as tf

AssetsExtra = Mapping[str, str] | Sequence[str] | str | None


class ExtraAssetsError(ValueError):
    """Files for assets.extra that are not there, or collide."""


def find_extra_assets(given: AssetsExtra, check_name: Callable[[str], None]) -> dict[str, str]:
    """The files to copy, by their names below assets.extra.

    Args:
      given: a folder, whose files keep their places within it; a list of files and folders, which
        keep their own names; or a dict of names to files and folders.
      check_name: raises where a file may not have a name.

    Raises:
      ExtraAssetsError: where something does not exist, or two files would have one name.
    """
    found: dict[str, str] = {}
    for name, path in _named(given):
        for below, file in _files(name, path):
            check_name(below)
            if below in found:
                raise ExtraAssetsError(
                    f'assets_extra has two files for {below!r}: {found[below]} and {file}.'
                )
            found[below] = file
    return found


def copy_extra_assets(files: Mapping[str, str], folder: str) -> None:
    """Copies files to their names below a folder."""
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
        return [('' if tf.io.gfile.isdir(given) else _own_name(given), given)]
    return [(_own_name(path), path) for path in given]


def _files(name: str, path: str) -> list[tuple[str, str]]:
    """The file at a path, or all files below it, with their names below assets.extra."""
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


def _own_name(path: str) -> str:
    return path.rstrip('/').rpartition('/')[2]
