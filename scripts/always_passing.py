"""Shows for every check of ExportValidator that the tests notice if it always passes.

Runs the sabotaged models of one check after another with that check made to pass, and counts the
tests that fail, and the models that would have been pushed. Exits with 1 if a check could be
switched off without any test failing.

    .venv/bin/python scripts/always_passing.py [check ...]
"""

import contextlib
import dataclasses
import io
import os
import re
import sys

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')

import pytest

from tfx_kmeans.export_validator.checks.finding import REGISTRY, Finding
from tfx_kmeans.export_validator.checks.run import all_checks

CATALOGUE = 'tests/contracts/sabotage'
PUSHED = re.compile(r"AssertionError: assert \['\d+'\] == \[\]")


class AlwaysPassing:
    """A pytest plugin that runs only the faults of one check, and counts what fails."""

    def __init__(self, check):
        self._check = check
        self.tried = self.failed = self.pushed = 0

    def pytest_collection_modifyitems(self, items):
        items[:] = [
            item
            for item in items
            if hasattr(item, 'callspec')
            and item.callspec.params['name'].startswith(f'{self._check}-')
        ]

    def pytest_runtest_logreport(self, report):
        if report.when == 'call':
            self.tried += 1
            self.failed += report.failed
            self.pushed += report.failed and bool(PUSHED.search(report.longreprtext))


@contextlib.contextmanager
def always_passing(name):
    """Makes a check pass unconditionally."""
    passed = Finding(True, 'anything', 'something')
    check = REGISTRY[name]
    REGISTRY[name] = dataclasses.replace(check, run=lambda _: passed)
    try:
        yield
    finally:
        REGISTRY[name] = check


def main(names):
    """Tries the checks, and prints a line for each."""
    unnoticed = []
    print(f'{"check":30} faults  tests that fail  models pushed', flush=True)
    for name in names or [check.name for check in all_checks()]:
        plugin = AlwaysPassing(name)
        silent = (
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        )
        with always_passing(name), silent[0], silent[1]:
            pytest.main(['-q', '-p', 'no:cacheprovider', CATALOGUE], plugins=[plugin])
        print(f'{name:30} {plugin.tried:6}  {plugin.failed:15}  {plugin.pushed:13}', flush=True)
        if not plugin.failed:
            unnoticed.append(name)
    if unnoticed:
        print(f'No test fails if these checks always pass: {", ".join(unnoticed)}')
    return bool(unnoticed)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
