"""The search for inputs of `raw` that change no answer, such as a label."""

from __future__ import annotations

import collections
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from probe_arrays import Arrays, blank_of, same_values
from probe_model import LoadedModel
from probe_protocol import CLUSTER_INDEX, RAW

CHANGED_ROWS = 4096  # rows of one call, of which each input is changed in some
KINDS = 7


def find_needless(model: LoadedModel, raw: Arrays, answer: Mapping[str, np.ndarray]) -> list[str]:
    """Names of the inputs that change no answer, tried in rows spread evenly over the data.

    Args:
      model: A model with the signature `raw`.
      raw: Inputs of `raw` for all rows.
      answer: What the model answers to them.
    """
    rows = np.flatnonzero(answer[CLUSTER_INDEX] >= 0)
    if not len(rows):
        raise LookupError('no example has a cluster')
    count = min(max(CHANGED_ROWS // len(raw), 8), 64)
    chosen = rows[np.unique(np.linspace(0, len(rows) - 1, count).astype(int))]
    search = _Search(model, raw, chosen)
    at_once = max(CHANGED_ROWS // len(chosen), 1)
    names = list(raw)
    return [
        name
        for start in range(0, len(names), at_once)
        for name in search.needless_of(names[start : start + at_once])
    ]


class _Search:
    """Changes inputs in copies of a few rows, and compares the answers."""

    def __init__(self, model: LoadedModel, raw: Arrays, chosen: np.ndarray) -> None:
        self._model = model
        self._rows = {name: _at_least_one_wide(values[chosen]) for name, values in raw.items()}
        self._common = {name: _commonest(values) for name, values in raw.items()}
        self._count = len(chosen)

    def needless_of(self, names: Sequence[str]) -> list[str]:
        """Those of the inputs that change no answer."""
        try:
            return self._without_effect(names)
        except Exception:  # an input that rejects a value has an effect: try each input alone
            return [name for name in names if self._has_no_effect(name)]

    def _has_no_effect(self, name: str) -> bool:
        try:
            return bool(self._without_effect([name]))
        except Exception:
            return False

    def _without_effect(self, names: Sequence[str]) -> list[str]:
        rows = {name: np.concatenate([one] * len(names)) for name, one in self._rows.items()}
        before = self._model.call(RAW, rows)
        without = set(names)
        for kind in range(KINDS):
            after = self._model.call(RAW, self._changed(rows, names, kind))
            for name, part in self._parts(names):
                if any(not same_values(before[key][part], after[key][part]) for key in before):
                    without.discard(name)
        return sorted(without)

    def _changed(self, rows: Arrays, names: Sequence[str], kind: int) -> Arrays:
        changed = {name: values.copy() for name, values in rows.items()}
        for name, part in self._parts(names):
            changed[name][part] = _other_values(self._rows[name], self._common[name], kind)
        return changed

    def _parts(self, names: Sequence[str]) -> Iterator[tuple[str, slice]]:
        """The rows in which each input is changed."""
        for index, name in enumerate(names):
            yield name, slice(index * self._count, (index + 1) * self._count)


def _other_values(values: np.ndarray, common: Sequence[Any], kind: int) -> np.ndarray:
    """Other values of the same type and shape.

    Only strings may become blank: if all rows have an unusual category, other words are as unusual,
    and a missing one is not.
    """
    if kind < 2:
        return np.roll(values, 1 if kind == 0 else len(values) // 2, axis=0)
    if kind < 4:
        return np.full_like(values, common[kind - 2])
    if values.dtype == object:
        return np.full(values.shape, [b'no such word', b'7', b''][kind - 4], object)
    return 2 * values + 1 if kind == 4 else np.full_like(values, [1_000_000, 0][kind - 5])


def _commonest(values: np.ndarray) -> list[Any]:
    """The two most frequent values, with -1 (b'x' for strings) if there are fewer than two."""
    flat = values.ravel()
    if values.dtype == object:
        words = collections.Counter(flat[flat != b''].tolist()).most_common(2)
        return [word for word, _ in words] + [b'x'] * (2 - len(words))
    known, counts = np.unique(flat[np.isfinite(flat)], return_counts=True)
    return [*known[np.argsort(-counts, kind='stable')[:2]], -1, -1][:2]


def _at_least_one_wide(values: np.ndarray) -> np.ndarray:
    """The same values; one blank value for each row if no row has any value."""
    if values.ndim < 2 or values.shape[1]:
        return values
    return np.full((len(values), 1), blank_of(values.dtype), values.dtype)
