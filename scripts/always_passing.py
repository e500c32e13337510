"""Shows for every check of ExportValidator that the tests notice where it always passes.

Runs the sabotaged models of one check after another with that check made to pass, and counts the
tests that fail, and the models that would have been pushed. Ends with 1 where a check could be
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

from tfx_kmeans.export_validator import checks
from tfx_kmeans.export_validator.findings import Finding

CATALOGUE = 'tests/contracts/test_sabotaged_models.py'
PUSHED = re.compile(r"AssertionError: assert \['\d+'\] == \[\]")


class AlwaysPassing:
    """A pytest plugin: one check passes whatever it sees, and only its own faults are tried."""

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


def with_passing(name):
    """All checks, one of which says yes to everything."""
    yes = Finding(True, 'anything', 'something')
    return tuple(
        dataclasses.replace(check, run=lambda _: yes) if check.name == name else check
        for check in checks.CHECKS
    )


def main(names):
    """Tries them, and prints a line for each."""
    every = checks.CHECKS
    unnoticed = []
    print(f'{"check":30} faults  tests that fail  models pushed', flush=True)
    for name in names or [check.name for check in every]:
        plugin = AlwaysPassing(name)
        checks.CHECKS = with_passing(name)
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            pytest.main(['-q', '-p', 'no:cacheprovider', CATALOGUE], plugins=[plugin])
        checks.CHECKS = every
        print(f'{name:30} {plugin.tried:6}  {plugin.failed:15}  {plugin.pushed:13}', flush=True)
        if not plugin.failed:
            unnoticed.append(name)
    if unnoticed:
        print(f'No test fails where these always pass: {", ".join(unnoticed)}')
    return bool(unnoticed)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
