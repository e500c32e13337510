"""The splits to validate on: others than those asked for, if these contain no examples."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import tensorflow as tf

from tfx_kmeans.data.source import Examples
from tfx_kmeans.errors import DataError, NoExamplesError

_PREFERRED = 'train'


@dataclasses.dataclass(frozen=True)
class ChosenSplits:
    """Splits whose examples are used.

    Attributes:
      splits: Names of the splits; none if the examples are files without splits.
      empty: Names of the splits that were asked for but contain no examples; none if they are used.
    """

    splits: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()

    @property
    def note(self) -> str:
        """A sentence that says which splits were used in place of others; '' if none were."""
        if not self.empty:
            return ''
        return (
            f'There are no examples in {_listed(self.empty)}, so the model was validated on '
            f'{_listed(self.splits)}. If it was trained on these examples, the checks do not show '
            'how well it fits new ones.'
        )


NO_SPLITS = ChosenSplits()
"""For examples that are files without splits."""


def choose_splits(
    requested: Sequence[str],
    existing: Sequence[str],
    examples_in: Callable[[Sequence[str]], Examples],
) -> ChosenSplits:
    """The requested splits, or if they contain no example, the first other one that contains some.

    A small table that is split by hashing may leave a split empty.

    Args:
      requested: Names of the splits to use.
      existing: Names of all splits, of which 'train' is tried first.
      examples_in: Opens the examples of splits.
    """
    if has_examples(examples_in(requested)):
        return ChosenSplits(tuple(requested))
    others = [name for name in existing if name not in requested]
    for name in sorted(others, key=lambda other: other != _PREFERRED):
        if has_examples(examples_in([name])):
            return ChosenSplits((name,), tuple(requested))
    return ChosenSplits(tuple(requested))


def has_examples(examples: Examples) -> bool:
    """Whether there is an example; also True if the first one cannot be read: checks say why."""
    try:
        return bool(examples.first(1))
    except NoExamplesError:
        return False
    except (DataError, tf.errors.OpError):
        return True


def _listed(names: Sequence[str]) -> str:
    kind = 'the split' if len(names) == 1 else 'the splits'
    return f'{kind} {", ".join(map(repr, names))}'
