from tests.unit.clustering.steps.step_contract import StepContract
from tfx_kmeans.clustering.steps.numpy_step import NumpyStep


class TestNumpyStep(StepContract):
    def make(self, rows, scale, threads):
        return NumpyStep(rows, scale, threads)
