import pytest

from tfx_kmeans.pipelines.config import PipelineConfig


@pytest.mark.parametrize(
    ('given', 'message'),
    [
        ({'num_clusters': 0}, 'num_clusters must be an integer of at least 1'),
        ({'data_root': ''}, 'data_root is empty'),
        ({'pipeline_name': 'My Pipeline'}, 'pipeline_name must consist of 1 to 128 lower-case'),
        ({'features': ['a'], 'exclude_features': ['a']}, "exclude_features both contain 'a'"),
        ({'features': []}, 'features is an empty list'),
        ({'distance_metric': 'l1'}, 'distance_metric must be one of'),
        ({'num_restarts': 0}, 'num_restarts must be an integer of at least 1'),
    ],
)
def test_an_invalid_field_is_refused_by_name(given, message):
    with pytest.raises(ValueError) as refused:
        PipelineConfig(**{'data_root': 'd', 'pipeline_root': 'p', 'serving_dir': 's', **given})
    assert message in str(refused.value)
