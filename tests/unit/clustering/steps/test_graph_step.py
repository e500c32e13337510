from tests.unit.clustering.steps.step_contract import StepContract
from tfx_kmeans.clustering.steps.graph_step import GraphStep


class TestGraphStep(StepContract):
    tolerance = 1e-5  # distances are float32

    def make(self, rows, scale, workers):
        return GraphStep(rows, scale, workers)
