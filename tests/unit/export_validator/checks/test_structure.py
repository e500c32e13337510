import pytest
import tensorflow as tf  # noqa: F401  (registers the operations)
from tensorflow.python.framework import op_def_registry

from tfx_kmeans.export_validator.checks.structure import FORBIDDEN_OPERATIONS

FORBIDDEN = [
    'PyFunc',
    'PyFuncStateless',
    'EagerPyFunc',
    'ReadFile',
    'WriteFile',
    'TFRecordReaderV2',
    'FixedLengthRecordReaderV2',
    'IdentityReaderV2',
    'ReaderReadV2',
    'FIFOQueueV2',
    'PaddingFIFOQueueV2',
    'PriorityQueueV2',
    'QueueDequeueV2',
    'RandomUniform',
    'RandomGamma',
    'RandomPoissonV2',
    'RandomShuffle',
    'Multinomial',
    'TruncatedNormal',
    'ParameterizedTruncatedNormal',
    'StatefulUniform',
    'StatefulTruncatedNormal',
    'StatefulStandardNormalV2',
    'ImageSummary',
    'WriteImageSummary',
    'TensorSummaryV2',
    'MergeSummary',
    'CreateSummaryFileWriter',
    'ResourceApplyAdam',
    'ApplyGradientDescent',
    'ResourceSparseApplyAdagrad',
    'RngReadAndSkip',
    'RngSkip',
    'UniformCandidateSampler',
    'LogUniformCandidateSampler',
    'TextLineDataset',
    'TFRecordDataset',
    'TFRecordDatasetV2',
    'FixedLengthRecordDatasetV2',
    'SqlDataset',
    'SaveDatasetV2',
    'LoadDataset',
    'MatchingFiles',
    'Stage',
    'OrderedMapUnstage',
    'Barrier',
    'BarrierInsertMany',
    'L2Loss',
    'SparseSoftmaxCrossEntropyWithLogits',
    'Abort',
]
ALLOWED = [
    'ParseExampleV2',
    'MatMul',
    'ArgMin',
    'ReadVariableOp',
    'SaveV2',
    'RestoreV2',
    'MergeV2Checkpoints',
    'LookupTableFindV2',
    'HashTableV2',
    'InitializeTableFromTextFileV2',
    'StatefulPartitionedCall',
    'StatelessRandomUniformV2',
    'UniformQuantize',
    'UniformDequantize',
    'SparseToDense',
    'StridedSlice',
    'VarHandleOp',
]


@pytest.mark.parametrize('operation', FORBIDDEN + ALLOWED)
def test_the_families_of_operations(operation):
    assert op_def_registry.get(operation) is not None, 'TensorFlow has no such operation'
    assert bool(FORBIDDEN_OPERATIONS.fullmatch(operation)) == (operation in FORBIDDEN)
