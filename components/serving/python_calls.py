"""Rejects graphs that call Python functions, which model servers do not have."""

from __future__ import annotations

import re
from typing import Any

from tfx_kmeans.errors import PythonCallError
from tfx_kmeans.serving.graph_file import nodes_of

PYTHON_CALLS = r'.*PyFunc(Stateless)?|NumpyFunction'
"""Regular expression of the operations that call a Python function."""


def refuse_python_calls(graph_def: Any, where: str) -> None:
    """Checks that a graph does not call Python functions.

    Args:
      graph_def: Graph to check.
      where: Description of the graph for the error message.

    Raises:
      PythonCallError: If the graph calls a Python function; names the operations.
    """
    found = sorted(
        {f'{node.name} ({node.op})' for node in nodes_of(graph_def) if calls_python(node)}
    )
    if found:
        raise PythonCallError(
            f'{where} calls Python functions, which are not available when a model is served: '
            f'{", ".join(found)}. Use TensorFlow operations instead.'
        )


def calls_python(node: Any) -> bool:
    """Whether a NodeDef calls a Python function."""
    return re.fullmatch(PYTHON_CALLS, node.op) is not None
