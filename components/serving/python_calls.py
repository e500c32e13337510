"""Refuses graphs that call Python, which no server has."""

from __future__ import annotations

import re
from typing import Any

from tfx_kmeans.serving.graph_file import nodes_of

_CALLS_PYTHON = re.compile(r'.*PyFunc(Stateless)?|NumpyFunction')


class PythonCallError(ValueError):
    """A graph with a Python function in it."""


def refuse_python_calls(graph_def: Any, where: str) -> None:
    """Raises PythonCallError, naming operations, where a graph calls Python.

    Args:
      graph_def: the graph.
      where: what it is, for the message.
    """
    found = sorted(
        {f'{node.name} ({node.op})' for node in nodes_of(graph_def) if calls_python(node)}
    )
    if found:
        raise PythonCallError(
            f'{where} calls Python functions, which are not there where a model is served: '
            f'{", ".join(found)}. Use TensorFlow operations instead.'
        )


def calls_python(node: Any) -> bool:
    """Whether a NodeDef is a call of a Python function."""
    return _CALLS_PYTHON.fullmatch(node.op) is not None
