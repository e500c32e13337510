"""A model that is damaged between exporter and validator is reported and not pushed."""

import json
import subprocess
import sys
from pathlib import Path

from sklearn.datasets import load_wine

from tfx_kmeans.pipelines.run_summary import read_run_summary


def test_a_model_corrupted_on_disk_is_not_pushed(tmp_path):
    (tmp_path / 'data').mkdir()
    load_wine(as_frame=True).data.to_csv(tmp_path / 'data' / 'wine.csv', index=False)
    script = Path(__file__).with_name('run_with_damaged_model.py')
    subprocess.run([sys.executable, str(script), str(tmp_path)], check=True, timeout=300)

    summary = read_run_summary(tmp_path / 'metadata.sqlite')
    assert not summary.blessed
    assert summary.pushed_to is None
    assert not (tmp_path / 'serving_model').exists()
    failed = {check.name for check in summary.checks if not check.passed}
    assert {'loads_in_clean_process', 'examples_parity'} <= failed
    assert 'finite_centroids' not in failed
    (blessing,) = (tmp_path / 'pipeline' / 'ExportValidator' / 'blessing').iterdir()
    assert [path.name for path in blessing.iterdir()] == ['NOT_BLESSED']
    (report,) = (tmp_path / 'pipeline' / 'ExportValidator' / 'report').iterdir()
    assert json.loads((report / 'report.json').read_text())['infra_blessed'] is False
