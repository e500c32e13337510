"""The probe program imports none of our code, and agrees with it."""

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tfx_kmeans import names
from tfx_kmeans.export_validator.probe import program
from tfx_kmeans.export_validator.probe.program import probe_protocol as protocol
from tfx_kmeans.export_validator.probe.program.probe_arrays import (
    blank_of,
    from_json,
    is_blank,
    load_arrays,
    save_arrays,
    to_json,
)
from tfx_kmeans.serving.raw_features import RawFeature

FOLDER = Path(program.__file__).parent
MODULES = sorted(path.stem for path in FOLDER.glob('*.py') if not path.stem.startswith('__'))


def imports_of(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition('.')[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f'{path} has a relative import'
            yield str(node.module).partition('.')[0]


def test_the_program_imports_the_standard_library_tensorflow_and_itself():
    found = {name for path in FOLDER.glob('*.py') for name in imports_of(path)}
    assert found <= {*sys.stdlib_module_names, *MODULES, 'numpy', 'tensorflow'}


def test_its_modules_have_a_prefix_so_that_they_hide_no_other_package():
    assert MODULES
    assert all(name.startswith('probe_') for name in MODULES)


def limited(line):
    """Runs a line of Python with the limits of the program."""
    folders = [path for path in sys.path if path.endswith('-packages')]
    program = (
        'import sys\n'
        f'sys.path += {[str(FOLDER), str(FOLDER.parents[3]), *folders]!r}\n'
        'import probe_limits\n'
        'probe_limits.refuse_imports()\n'
        f'{line}\n'
    )
    return subprocess.run(
        [sys.executable, '-I', '-c', program], capture_output=True, text=True, check=False
    )


def test_tensorflow_is_imported_without_packages_that_it_does_not_depend_on():
    needless = "sorted({'matplotlib', 'pandas', 'scipy', 'sklearn', 'IPython'} & set(sys.modules))"
    done = limited(f'import tensorflow; print(tensorflow.__version__, {needless})')
    assert done.stdout == f'{tf.__version__} []\n', done.stderr


@pytest.mark.parametrize('package', ['tfx_kmeans', 'tensorflow_transform'])
def test_our_packages_cannot_be_imported_in_it(package):
    done = limited(f'import {package}')
    assert done.returncode == 1
    assert f'ImportError: {package} is not available on a model server' in done.stderr


def test_signatures_have_the_names_that_the_exporter_gives_them():
    found = {
        protocol.EXAMPLES: names.EXAMPLES_SIGNATURE,
        protocol.RAW: names.RAW_SIGNATURE,
        protocol.FEATURES: names.FEATURES_SIGNATURE,
        protocol.PREPROCESS: names.PREPROCESS_SIGNATURE,
        protocol.ALL_DISTANCES: names.ALL_DISTANCES,
        protocol.CLUSTER_INDEX: names.CLUSTER_INDEX,
        protocol.DEFAULT: names.DEFAULT_SIGNATURE,
        protocol.SERVE_TAG: names.SERVE_TAG,
    }
    assert all(name == given for name, given in found.items())


@pytest.mark.parametrize('dtype', [tf.float32, tf.int64, tf.string])
def test_a_blank_is_what_a_model_takes_for_a_missing_value(dtype):
    feature = RawFeature('x', tf.io.VarLenFeature(dtype))
    value = b'x' if dtype == tf.string else 1
    sparse = tf.SparseTensor([[0, 0], [1, 0], [1, 1]], tf.constant([value] * 3, dtype), [3, 2])
    dense = feature.to_dense(sparse).numpy()
    assert is_blank(dense).tolist() == [[False, True], [False, False], [True, True]]
    np.testing.assert_array_equal(dense[2, 0], blank_of(dense.dtype))
    filled = np.full((1, 2), blank_of(dense.dtype), dense.dtype)
    assert feature.of_dense(tf.constant(filled, dtype)).values.shape == [0]


@pytest.mark.parametrize(
    'values',
    [
        np.array([[1.5, np.nan], [-np.inf, 0.1]], np.float32),
        np.array([np.iinfo(np.int64).min, 7]),
        np.array([[b'', b'\0x'], [b'\xff', b'7']], object),
        np.zeros((0, 3), np.float32),
    ],
)
def test_arrays_travel_as_json(values):
    found = from_json(to_json(values))
    assert found.dtype == values.dtype
    np.testing.assert_array_equal(found, values)


def test_arrays_of_any_name_are_kept_in_a_file(tmp_path):
    given = {'a/b (1)': np.arange(3), 'names': np.zeros((2, 0)), 'text': np.array([b'x'], object)}
    save_arrays(str(tmp_path / 'arrays.npz'), given)
    found = load_arrays(str(tmp_path / 'arrays.npz'))
    assert list(found) == ['a/b (1)', 'names']
    assert found['a/b (1)'].tolist() == [0, 1, 2]
    assert found['names'].shape == (2, 0)
