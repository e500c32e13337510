import pyarrow as pa
import pytest

from tfx_kmeans.pipelines.parquet_columns import as_feature_lists

NAN = float('nan')


@pytest.mark.parametrize(
    'kind', [pa.list_(pa.float32()), pa.list_(pa.float64(), 2), pa.large_list(pa.int64())]
)
def test_part_of_a_batch_has_its_own_rows(kind):
    lists = [[1, 2], None, [3, None], [5, 6], [7, 8]]
    table = pa.table({'v': pa.array(lists, kind), 'x': pa.array([1, 0, None, 3, 0], pa.int8())})
    _, part = table.to_batches(max_chunksize=2)[:2]
    found = as_feature_lists(part)
    assert str(found.column('v').to_pylist()) == str([[3.0, NAN], [5.0, 6.0]])
    assert found.column('x').to_pylist() == [None, [3]]
    first = as_feature_lists(table.to_batches(max_chunksize=2)[0])
    assert first.column('v').to_pylist() == [[1.0, 2.0], None]


def test_no_rows():
    found = as_feature_lists(pa.RecordBatch.from_pydict({'x': pa.array([], pa.float64())}))
    assert len(found) == 0
    assert found.column('x').type == pa.large_list(pa.float32())
