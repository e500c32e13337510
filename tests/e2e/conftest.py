"""Complete runs of the pipeline; each is executed once per session and shared between tests."""

import pytest

from tests.e2e.running import run_locally


@pytest.fixture(scope='session')
def local_runner():
    return run_locally


@pytest.fixture(scope='session', params=['beam', 'local'])
def wine_run(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(f'wine_{request.param}')
    return run_locally(folder / 'output', '--orchestrator', request.param)
