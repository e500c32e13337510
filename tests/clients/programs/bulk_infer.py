"""Predicts with BulkInferrer in a pipeline: MODEL_ARTIFACT EXAMPLES_ARTIFACT OUTPUT."""

import json
import sys

from tfx import v1 as tfx

model_folder, examples_folder, output = sys.argv[1:]
examples = tfx.dsl.Importer(
    examples_folder,
    tfx.types.standard_artifacts.Examples,
    properties={'split_names': json.dumps(['train', 'eval'])},
).with_id('examples')
model = tfx.dsl.Importer(
    model_folder,
    tfx.types.standard_artifacts.Model,
    custom_properties={'tfx_version': tfx.__version__},
).with_id('model')
inferrer = tfx.components.BulkInferrer(
    examples=examples.outputs['result'],
    model=model.outputs['result'],
    data_spec=tfx.proto.DataSpec(example_splits=['eval']),
    model_spec=tfx.proto.ModelSpec(),
)
metadata = tfx.orchestration.metadata.sqlite_metadata_connection_config(f'{output}/metadata.sqlite')
tfx.orchestration.LocalDagRunner().run(
    tfx.dsl.Pipeline(
        pipeline_name='bulk',
        pipeline_root=f'{output}/root',
        components=[examples, model, inferrer],
        metadata_connection_config=metadata,
        beam_pipeline_args=['--runner=FnApiRunner', '--sdk_container_image=unused'],
    )
)
