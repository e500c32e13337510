"""Every Python block of README and the guides runs, one page after another in one namespace."""

import re
import warnings
from pathlib import Path

import pytest

import tfx_kmeans

with warnings.catch_warnings():
    warnings.simplefilter('ignore')  # of TFDV's source, until it has been compiled once
    from tfx import v1 as tfx

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / 'README.md', *sorted((ROOT / 'docs').glob('*.md'))]


def blocks_of(page):
    return re.findall(r'^```python\n(.*?)^```$', page.read_text(), re.MULTILINE | re.DOTALL)


def pipeline_around(folder):
    """What a page takes for granted: the nodes of the author's pipeline before ours."""
    example_gen = tfx.components.CsvExampleGen(input_base=str(folder))
    statistics_gen = tfx.components.StatisticsGen(examples=example_gen.outputs['examples'])
    schema_gen = tfx.components.SchemaGen(statistics=statistics_gen.outputs['statistics'])
    transform = tfx.components.Transform(
        examples=example_gen.outputs['examples'],
        schema=schema_gen.outputs['schema'],
        preprocessing_fn='tfx_kmeans.pipelines.preprocessing.preprocessing_fn',
    )
    return {
        'example_gen': example_gen,
        'statistics_gen': statistics_gen,
        'schema_gen': schema_gen,
        'transform': transform,
        'tfx': tfx,
        'serving_dir': str(folder / 'serving_model'),
    }


def components_of(nodes):
    """Our components, for pages that show one of them alone."""
    trainer = tfx_kmeans.KMeansTrainer(
        examples=nodes['transform'].outputs['transformed_examples'],
        transform_graph=nodes['transform'].outputs['transform_graph'],
        num_clusters=8,
    )
    exporter = tfx_kmeans.CentroidExporter(
        centroids=trainer.outputs['centroids'],
        transform_graph=nodes['transform'].outputs['transform_graph'],
    )
    latest_blessed = tfx.dsl.Resolver(
        strategy_class=tfx.dsl.experimental.LatestBlessedModelStrategy,
        model=tfx.dsl.Channel(type=tfx.types.standard_artifacts.Model),
        model_blessing=tfx.dsl.Channel(type=tfx.types.standard_artifacts.ModelBlessing),
    ).with_id('latest_blessed_model')
    ours = {name: getattr(tfx_kmeans, name) for name in tfx_kmeans.__all__ if name[0].isupper()}
    return {**ours, 'trainer': trainer, 'exporter': exporter, 'latest_blessed': latest_blessed}


@pytest.mark.parametrize(
    'page', [page for page in PAGES if blocks_of(page)], ids=lambda page: page.name
)
def test_documented_code_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    nodes = pipeline_around(tmp_path)
    namespace = {**nodes, **components_of(nodes)}
    for number, block in enumerate(blocks_of(page)):
        exec(compile(block, f'{page.name}, block {number}', 'exec'), namespace)


def test_there_are_pages_with_code():
    assert {page.name for page in PAGES if blocks_of(page)} >= {
        'README.md',
        'python.md',
        'retraining.md',
        'running.md',
        'serving.md',
        'validation.md',
    }
