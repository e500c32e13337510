"""Every error that a user can meet derives from the one public base class."""

import ast
import builtins
import inspect
from pathlib import Path

import pytest

import tfx_kmeans
from tfx_kmeans import errors

ROOT = Path(__file__).parents[2]
SOURCES = [
    path
    for path in [
        *ROOT.glob('components/**/*.py'),
        *ROOT.glob('pipelines/*.py'),
        ROOT / 'local_runner.py',
        ROOT / 'kubeflow_runner.py',
    ]
    if 'program' not in path.parts  # runs in the clean process, where our package is refused
]
# Raised to Python itself or to a caller in the same module, or a programmer's mistake.
ALLOWED = {
    ('components/__init__.py', 'AttributeError'),
    ('components/dataclass_json.py', 'ValueError'),
    ('components/filesystem.py', 'OSError'),
    ('components/parameters.py', 'TypeError'),
    ('local_runner.py', 'KeyboardInterrupt'),
}


def raised_in(path):
    """Names of the exceptions that a module raises, wherever it does."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Raise) and node.exc is not None:
            called = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            if isinstance(called, ast.Name):
                yield called.id


def test_no_module_raises_a_builtin_exception_to_the_user():
    found = {
        (str(path.relative_to(ROOT)), name)
        for path in SOURCES
        for name in raised_in(path)
        if isinstance(getattr(builtins, name, None), type)
    }
    assert found <= ALLOWED, found - ALLOWED
    assert found >= ALLOWED, ALLOWED - found


CLASSES = [kind for _, kind in inspect.getmembers(errors, inspect.isclass)]


@pytest.mark.parametrize('kind', CLASSES)
def test_an_error_is_a_kmeans_error_and_stays_the_builtin_that_it_was(kind):
    assert issubclass(kind, tfx_kmeans.KMeansError)
    assert kind.__doc__
    if kind is not tfx_kmeans.KMeansError:
        assert issubclass(kind, (ValueError, OSError, LookupError, RuntimeError))
    assert str(kind('what is wrong')) == 'what is wrong'  # Beam recreates it from one string


def test_errors_are_defined_in_one_place():
    for path in SOURCES:
        if path.name == 'errors.py':
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef) and not node.name.startswith('_'):
                bases = {base.id for base in node.bases if isinstance(base, ast.Name)}
                internal = node.name == 'ContentError'  # becomes a DataError in data.tfrecords
                assert internal or not any(name.endswith('Error') for name in bases), node.name
