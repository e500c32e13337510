"""Arrays of features and answers: blanks, comparison, files and JSON.

The program imports this module as `probe_arrays`, the package by its full name.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]


def blank_of(dtype: Any) -> Any:
    """The value that marks a missing one in a dense array: NaN, the smallest integer, or b''."""
    if np.issubdtype(dtype, np.object_):
        return b''
    return np.nan if np.issubdtype(dtype, np.floating) else np.iinfo(dtype).min


def is_blank(values: np.ndarray) -> np.ndarray:
    """Which values are blank: bool, of the same shape."""
    if np.issubdtype(values.dtype, np.floating):
        return np.isnan(values)
    found: np.ndarray = values == blank_of(values.dtype)
    return found


def same_values(left: np.ndarray, right: np.ndarray) -> bool:
    """Whether arrays are equal; floats may differ in the last bits, as vectorised kernels do."""
    if np.issubdtype(left.dtype, np.floating):
        return np.allclose(left, right, rtol=1e-5, atol=1e-6, equal_nan=True)
    return np.array_equal(left, right)


def first_rows(inputs: Mapping[str, np.ndarray], count: int) -> Arrays:
    """The first rows of each input."""
    return {name: values[:count] for name, values in inputs.items()}


def joined(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Batches as one array; narrower batches are padded with blanks."""
    if parts[0].ndim != 2 or len({part.shape[1] for part in parts}) == 1:
        return np.concatenate(parts)
    width = max(part.shape[1] for part in parts)
    return np.concatenate([padded(part, width) for part in parts])


def padded(values: np.ndarray, width: int) -> np.ndarray:
    """Values [n, m] as [n, width], with blanks on the right."""
    missing = ((0, 0), (0, width - values.shape[1]))
    return np.pad(values, missing, constant_values=blank_of(values.dtype))


def save_arrays(path: str, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes arrays by name, which may be any text; strings are left out."""
    numbers = {name: values for name, values in arrays.items() if values.dtype != object}
    numbered: dict[str, Any] = {
        f'values_{index}': values for index, values in enumerate(numbers.values())
    }
    np.savez(path, names=np.array(list(numbers), dtype=str), **numbered)


def load_arrays(path: str) -> Arrays:
    """Reads what `save_arrays` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[f'values_{index}'] for index, name in enumerate(arrays['names'])}


def to_json(values: np.ndarray) -> dict[str, Any]:
    """An array as JSON clients send it: numbers as they are, strings in base64."""
    is_text = values.dtype == object
    flat = values.ravel().tolist()
    return {
        'values': [base64.b64encode(one).decode() for one in flat] if is_text else flat,
        'shape': list(values.shape),
        'dtype': 'object' if is_text else values.dtype.name,
    }


def from_json(given: Mapping[str, Any]) -> np.ndarray:
    """Reads what `to_json` made."""
    is_text = given['dtype'] == 'object'
    flat = [base64.b64decode(one) for one in given['values']] if is_text else given['values']
    return np.array(flat, given['dtype']).reshape(given['shape'])
