"""Runs the pipeline with an additional node that damages the exported model before validation."""

import sys
from pathlib import Path

from tfx import v1 as tfx
from tfx.orchestration.beam.beam_dag_runner import BeamDagRunner

from tfx_kmeans.pipelines.config import PipelineConfig
from tfx_kmeans.pipelines.kmeans_pipeline import create_pipeline


@tfx.dsl.components.component
def ModelDamage(model: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.Model]):  # noqa: N802
    (shard,) = Path(model.uri).glob('Format-Serving/variables/variables.data-*')
    data = bytearray(shard.read_bytes())
    data[7] ^= 0x40
    shard.write_bytes(data)


def main(folder):
    config = PipelineConfig(
        data_root=f'{folder}/data',
        pipeline_root=f'{folder}/pipeline',
        serving_dir=f'{folder}/serving_model',
        metadata_path=f'{folder}/metadata.sqlite',
        beam_pipeline_args=['--runner=FnApiRunner', '--sdk_container_image=unused'],
    )
    pipeline = create_pipeline(config)
    nodes = {component.id: component for component in pipeline.components}
    damage = ModelDamage(model=nodes['CentroidExporter'].outputs['model'])
    nodes['ExportValidator'].add_upstream_node(damage)
    pipeline.components = [*pipeline.components, damage]
    BeamDagRunner().run(pipeline)


if __name__ == '__main__':
    main(sys.argv[1])
