"""The four catalogues together cover every check."""

from tests.contracts.sabotage import test_baseline, test_clustering, test_serving, test_structure
from tfx_kmeans.export_validator.checks.finding import BASELINE, CLUSTERING, SERVING, STRUCTURE
from tfx_kmeans.export_validator.checks.run import all_checks

CATALOGUES = {
    STRUCTURE: test_structure.FAULTS,
    SERVING: test_serving.FAULTS,
    CLUSTERING: test_clustering.FAULTS,
    BASELINE: test_baseline.FAULTS,
}


def test_every_check_has_a_fault():
    found = {
        (group, fault.check) for group, one in CATALOGUES.items() for fault in one.by_name.values()
    }
    assert found == {(check.group, check.name) for check in all_checks()}
