"""Runs tasks and records how each ended."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

import numpy as np
from probe_arrays import save_arrays
from probe_protocol import TASKS_FILE

T = TypeVar('T')


class TaskRecorder:
    """Runs named tasks one by one, and writes a file with the duration or the error of each."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._ended: dict[str, dict[str, object]] = {}

    def run(self, name: str, task: Callable[[], T]) -> T | None:
        """The task's result; None if it raised."""
        began = time.perf_counter()
        try:
            result = task()
        except BaseException as error:
            self._record(name, {'error': f'{type(error).__name__}: {error}'})
            return None
        self._record(name, {'seconds': time.perf_counter() - began})
        return result

    def save(self, name: str, outputs: Mapping[str, np.ndarray]) -> None:
        """Writes the outputs of a task."""
        save_arrays(os.path.join(self._folder, f'{name}.npz'), outputs)

    def _record(self, name: str, outcome: dict[str, object]) -> None:
        self._ended[name] = outcome
        with open(os.path.join(self._folder, TASKS_FILE), 'w') as file:
            json.dump(self._ended, file)
