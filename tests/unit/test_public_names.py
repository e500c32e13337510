"""The public surface, and that all below the components comes without TFX."""

import subprocess
import sys
from pathlib import Path

import tfx_kmeans

ROOT = Path(__file__).parents[2]


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
        'KMeansModel',
        'KMeansReport',
        'KMeansTrainer',
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
    declared = (ROOT / 'pyproject.toml').read_text()
    for init in [*ROOT.glob('components/*/__init__.py'), ROOT / 'pipelines' / '__init__.py']:
        assert f'"tfx_kmeans.{init.parent.name}"' in declared, init


BELOW = """
import importlib, pathlib, sys
import tfx_kmeans
assert 'tensorflow' not in sys.modules, 'import tfx_kmeans is to be light'
root = pathlib.Path(tfx_kmeans.__file__).parent
for room in ('clustering', 'data', 'centroids', 'serving'):
    for file in sorted((root / room).glob('*.py')):
        importlib.import_module(f'tfx_kmeans.{room}.{file.stem}')
loaded = sorted(name for name in sys.modules if name == 'tfx' or name.startswith('tfx.'))
assert not loaded, loaded
"""


def test_nothing_below_the_components_imports_tfx():
    subprocess.run([sys.executable, '-W', 'ignore', '-c', BELOW], check=True, timeout=120)
