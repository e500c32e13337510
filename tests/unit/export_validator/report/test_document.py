"""report.json and the page next to it."""

import json

from tfx_kmeans.export_validator.checks.run import CheckResult
from tfx_kmeans.export_validator.options import Override
from tfx_kmeans.export_validator.report.document import read_report, write_report
from tfx_kmeans.export_validator.verdict import Verdict


def result(name, group, *, passed, mode='fail'):
    return CheckResult(
        name, group, mode, passed, 'at most 1', 'found 2, "quoted" \u00e9', 'Retrain.'
    )


def test_a_report_is_read_as_it_was_written(tmp_path):
    checks = [
        result('size', 'structure', passed=True),
        result('silhouette', 'clustering', passed=False),
        result('memory', 'serving', passed=False, mode='warn'),
    ]
    override = Override(reason='A new region.', name='Ada')
    write_report(str(tmp_path), Verdict(checks, override), 'the/model', '<p>the page</p>')
    found = read_report(str(tmp_path / 'report.json'))
    assert list(found.checks) == checks
    assert found.override == override
    assert found.overridden == ('silhouette',)
    assert found.model == 'the/model'
    assert found.blessed
    assert found.infra_blessed
    assert (tmp_path / 'report.html').read_text() == '<p>the page</p>'


def test_a_report_without_override_is_read_as_it_was_written(tmp_path):
    checks = [result('files', 'structure', passed=False)]
    write_report(str(tmp_path), Verdict(checks), 'm', '')
    found = read_report(str(tmp_path / 'report.json'))
    assert found.override is None
    assert found.overridden == ()
    assert not found.blessed
    assert not found.infra_blessed
    fields = json.loads((tmp_path / 'report.json').read_text())
    assert fields['checks'][0]['name'] == 'files'
