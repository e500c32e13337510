"""Console output of local_runner.py: progress on the terminal, everything else in a log file."""

from __future__ import annotations

import faulthandler
import logging
import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

_NODE_EVENT = re.compile(r'(?:node|Component) (\S+) is (running|finished)\.')


class Console:
    """Progress of a pipeline run on the terminal: one line per component, with its run time."""

    def __init__(self, screen: TextIO) -> None:
        """Args:
        screen: Stream to write to.
        """
        self._screen = screen
        self._began = 0.0
        self.component: str | None = None

    def print_line(self, text: str = '') -> None:
        """Prints one line."""
        self._end_line()
        self._screen.write(text + '\n')
        self._screen.flush()

    def started(self, component: str) -> None:
        """Prints the name of a component that has started, without ending the line."""
        self._end_line()
        self.component, self._began = component, time.perf_counter()
        self._screen.write(f'  {component:<20}')
        self._screen.flush()

    def finished(self) -> None:
        """Completes the line of the most recently started component with its run time."""
        if self.component is not None:
            self._screen.write(f'{time.perf_counter() - self._began:7.1f} s\n')
            self._screen.flush()
            self.component = None

    def _end_line(self) -> None:
        if self.component is not None:
            self._screen.write('\n')
            self.component = None


class _NodeEvents(logging.Handler):
    """Shows the start and end of each node on the console, as reported in the runners' log."""

    def __init__(self, console: Console) -> None:
        super().__init__(logging.INFO)
        self._console = console
        self.last_started: str | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Passes the start or the end of a node to the console; skips other records."""
        event = _NODE_EVENT.fullmatch(record.getMessage())
        if event is None:
            return
        name, what = event.groups()
        if what == 'running':
            self.last_started = name
            self._console.started(name)
        else:
            self._console.finished()


@contextmanager
def platform_output_in(log: Path) -> Iterator[Console]:
    """Redirects all output, including that of C++ code, to `log`; yields a terminal console."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = {stream: os.dup(stream) for stream in (1, 2)}
    with log.open('ab') as file, os.fdopen(os.dup(1), 'w') as screen:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        faulthandler.enable(file=kept[2])
        try:
            yield Console(screen)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            faulthandler.disable()
            for stream, descriptor in kept.items():
                os.dup2(descriptor, stream)
                os.close(descriptor)


@contextmanager
def components_shown_on(console: Console) -> Iterator[_NodeEvents]:
    """Prints a line for each component that a TFX runner executes in this process."""
    from absl import logging as absl_logging

    events = _NodeEvents(console)
    logging.getLogger().setLevel(logging.INFO)
    absl_logging.set_verbosity(absl_logging.INFO)
    logger = absl_logging.get_absl_logger()
    logger.addHandler(events)
    try:
        yield events
    finally:
        logger.removeHandler(events)
