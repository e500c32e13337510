"""Decorated functions are the checks, and their names are those that Thresholds accepts."""

import pytest

from tfx_kmeans.errors import ParameterError
from tfx_kmeans.export_validator.checks import finding
from tfx_kmeans.export_validator.checks.finding import (
    GROUPS,
    SERVING,
    STRUCTURE,
    Finding,
    check,
    within,
)
from tfx_kmeans.export_validator.checks.run import all_checks
from tfx_kmeans.export_validator.options import Thresholds


@pytest.fixture
def registry(monkeypatch):
    """An empty registry."""
    monkeypatch.setattr(finding, 'REGISTRY', {})
    return finding.REGISTRY


def passes(_):
    return Finding(True, '', '')


def test_the_name_of_a_check_is_that_of_its_function(registry):
    decorated = check(SERVING, advice='none')(passes)
    assert decorated is passes
    assert list(registry) == ['passes']
    assert registry['passes'].applies(None)
    with pytest.raises(AssertionError, match='two checks are called passes'):
        check(STRUCTURE, advice='none')(passes)


def test_checks_are_ordered_by_group():
    groups = [check.group for check in all_checks()]
    assert groups == sorted(groups, key=GROUPS.index)
    assert set(groups) == set(GROUPS)
    assert all_checks()[0].name == 'files'


def test_the_modes_of_all_checks_can_be_set():
    names = [check.name for check in all_checks()]
    assert Thresholds(checks=dict.fromkeys(names, 'warn')).checks == dict.fromkeys(names, 'warn')


def test_the_mode_of_a_check_that_does_not_exist_is_an_error():
    with pytest.raises(ParameterError) as error:
        Thresholds(checks={'examples_party': 'off'})
    assert str(error.value).startswith("thresholds.checks must be one of 'files', 'tags', ")
    assert str(error.value).endswith("'baseline_drift', got 'examples_party'.")
    with pytest.raises(ParameterError, match=r"thresholds\.checks\['size'\] must be one of 'off'"):
        Thresholds(checks={'size': 'no'})


@pytest.mark.parametrize(
    ('limits', 'passed', 'expected'),
    [
        ({}, True, 'width: no limit is set'),
        ({'minimum': 2}, True, 'width: at least 2'),
        ({'maximum': 1.5}, False, 'width: at most 1.5'),
        ({'minimum': 3, 'maximum': 4}, False, 'width: at least 3 and at most 4'),
    ],
)
def test_a_number_is_judged_by_its_limits(limits, passed, expected):
    assert within('width', 2.0, **limits) == Finding(passed, expected, '2')
