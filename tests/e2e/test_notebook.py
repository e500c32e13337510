"""The artifacts in a notebook, created with TFX's InteractiveContext in a Jupyter kernel."""

import html
import io
import re

import nbformat
import numpy as np
import pandas as pd
import pytest
from nbclient import NotebookClient

SCHEMA = """
feature { name: "a" type: FLOAT presence { min_fraction: 1.0 } shape {} }
feature { name: "<i>b</i>" type: FLOAT presence { min_fraction: 1.0 } shape {} }
"""

CELLS = [
    """
import warnings
warnings.simplefilter('ignore')
from tfx.components import CsvExampleGen
from tfx.components.schema_gen.import_schema_gen.component import ImportSchemaGen
from tfx.orchestration.experimental.interactive.interactive_context import InteractiveContext
from tfx_kmeans import CentroidExporter, ExportValidator, KMeansTrainer

context = InteractiveContext(pipeline_root='root', beam_pipeline_args=['--runner=FnApiRunner'])
example_gen = CsvExampleGen(input_base='data')
schema_gen = ImportSchemaGen(schema_file='schema.pbtxt')
context.run(example_gen)
context.run(schema_gen)
trainer = KMeansTrainer(
    example_gen.outputs['examples'], schema=schema_gen.outputs['schema'], num_clusters=3
)
context.run(trainer)
exporter = CentroidExporter(trainer.outputs['centroids'], schema=schema_gen.outputs['schema'])
context.run(exporter)
validator = ExportValidator(
    exporter.outputs['model'], trainer.outputs['centroids'], example_gen.outputs['examples']
)
context.run(validator)
print('ran')
""",
    "context.show(trainer.outputs['centroids'])",
    "context.show(validator.outputs['report'])",
    "trainer.outputs['centroids'].get()[0]",
    "validator.outputs['report'].get()[0]",
    """
import shutil
shutil.rmtree(validator.outputs['report'].get()[0].uri)
validator.outputs['report'].get()[0]
""",
]


@pytest.fixture(scope='module')
def outputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp('notebook')
    rng = np.random.default_rng(0)
    rows = rng.normal(rng.integers(3, size=(300, 1)) * 10.0, 1, (300, 2))
    (folder / 'data').mkdir()
    pd.DataFrame(rows, columns=['a', '<i>b</i>']).to_csv(folder / 'data' / 'a.csv', index=False)
    (folder / 'schema.pbtxt').write_text(SCHEMA)
    notebook = nbformat.v4.new_notebook(cells=list(map(nbformat.v4.new_code_cell, CELLS)))
    NotebookClient(notebook, timeout=300, resources={'metadata': {'path': folder}}).execute()
    return [cell.outputs for cell in notebook.cells]


def shown(cell):
    return ''.join(
        output.data['text/html'] for output in cell if 'text/html' in getattr(output, 'data', {})
    )


@pytest.mark.parametrize('cell', [1, 3])
def test_centroids_are_shown_as_a_table(outputs, cell):
    assert 'ran\n' in [output.get('text') for output in outputs[0]]
    table = re.search('(?s)<table>.*</table>', shown(outputs[cell])).group()
    assert '&lt;i&gt;b&lt;/i&gt;' in table
    (found,) = pd.read_html(io.StringIO(table), index_col=0)
    assert found.shape == (3, 3)
    values = found.to_numpy()[:, 1:].astype(float)
    assert np.allclose(sorted(values.mean(axis=1)), [0, 10, 20], atol=0.5)


@pytest.mark.parametrize('cell', [2, 4])
def test_the_report_is_shown_as_an_embedded_page(outputs, cell):
    frame = re.search('srcdoc="([^"]*)"', shown(outputs[cell])).group(1)
    page = html.unescape(frame)
    assert page.startswith('<!DOCTYPE html>')
    assert 'The model is blessed' in page


def test_a_deleted_artifact_is_shown_as_an_error(outputs):
    assert 'tfx_kmeans.KMeansReport' in shown(outputs[5])
    assert 'report.html' in shown(outputs[5])
