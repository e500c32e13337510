"""The public names, the packages, and what importing them costs."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import tfx_kmeans

ROOT = Path(__file__).parents[2]
INITS = sorted((ROOT / 'components').rglob('__init__.py'))


def test_the_public_names():
    assert set(tfx_kmeans.__all__) == {
        'ALL_DISTANCES',
        'CLUSTER_CENTERS_VAR_NAME',
        'CLUSTER_INDEX',
        'COSINE_DISTANCE',
        'KMEANS_PARALLEL_INIT',
        'KMEANS_PLUS_PLUS_INIT',
        'RANDOM_INIT',
        'SCORE',
        'SQUARED_EUCLIDEAN_DISTANCE',
        'CentroidExporter',
        'ExportValidator',
        'KMeansCentroids',
        'KMeansError',
        'KMeansModel',
        'KMeansReport',
        'KMeansTrainer',
        'Override',
        'Thresholds',
        '__version__',
        'assign',
        'fit',
        'kmeans_step',
    }
    assert set(tfx_kmeans.__all__) <= set(dir(tfx_kmeans))
    assert tfx_kmeans.CLUSTER_CENTERS_VAR_NAME == 'clusters'


def test_an_unknown_name_is_an_attribute_error():
    assert not hasattr(tfx_kmeans, 'KMeansTainer')


def test_every_package_folder_is_in_pyproject():
    declared = re.findall(
        r'^    "(tfx_kmeans[\w.]*)",$', (ROOT / 'pyproject.toml').read_text(), re.M
    )
    rooms = (init.parent.relative_to(ROOT / 'components') for init in INITS)
    expected = {'.'.join(('tfx_kmeans', *room.parts)) for room in rooms}
    assert declared == sorted({*expected, 'tfx_kmeans.pipelines'})


def test_every_folder_of_modules_is_a_package():
    folders = {file.parent for file in (ROOT / 'components').rglob('*.py')}
    assert folders == {init.parent for init in INITS}


IMPORT_ALL = """
import importlib, pathlib, sys
import tfx_kmeans
assert 'tensorflow' not in sys.modules, 'import tfx_kmeans must be light'
root = pathlib.Path(tfx_kmeans.__file__).parent
for room in ('clustering', 'data', 'centroids', 'python_api', 'serving'):
    for file in sorted((root / room).rglob('*.py')):
        module = file.relative_to(root).with_suffix('')
        importlib.import_module('.'.join(('tfx_kmeans', *module.parts)))
loaded = sorted(name for name in sys.modules if name == 'tfx' or name.startswith('tfx.'))
assert not loaded, loaded
"""

FIT_ARRAYS = """
import sys
import numpy as np
import tfx_kmeans
rows = np.random.default_rng(0).normal(size=(1000, 3))
model = tfx_kmeans.fit(rows, 4, checkpoint_dir=sys.argv[1] + '/checkpoints')
model.predict_cluster_index(rows), model.transform(rows), model.score(rows), model.cluster_centers()
list(model.predict(rows)), model.evaluate(rows, log_dir=None)
model.save(sys.argv[1] + '/model')
loaded = tfx_kmeans.KMeansModel.load(sys.argv[1] + '/model')
tfx_kmeans.fit(rows, base_model=loaded, max_iterations=1)
tfx_kmeans.fit(rows, base_model=loaded, align_clusters=True, initial_clusters='kmeans_parallel')
tfx_kmeans.fit(rows, 4, distance_metric='cosine', use_mini_batch=True)
heavy = {'tensorflow', 'tensorflow_transform', 'tfx', 'apache_beam', 'pandas'}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""


PLAIN_FIT = """
import sys
import numpy as np
import tfx_kmeans
tfx_kmeans.fit(np.random.default_rng(0).normal(size=(1000, 3)), 4)
heavy = {'tensorflow', 'scipy', 'msgspec', 'pandas', 'pyarrow', 'importlib.metadata'}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""


@pytest.mark.parametrize(
    'program',
    [IMPORT_ALL, FIT_ARRAYS, PLAIN_FIT],
    ids=['no TFX below', 'light fit', 'lighter plain fit'],
)
def test_what_a_fresh_process_imports(program, tmp_path):
    subprocess.run(
        [sys.executable, '-W', 'ignore', '-c', program, str(tmp_path)], check=True, timeout=120
    )
