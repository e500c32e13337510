"""Blessings and the report, as Pusher, TFX's resolvers and people read them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfx_kmeans.export_validator.checks import CLUSTERING, CheckResult
from tfx_kmeans.version import __version__

REPORT_FILE = 'report.json'
REPORT_FORMAT = '1.0'


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What follows from the checks."""

    checks: Sequence[CheckResult]

    @property
    def failed(self) -> list[str]:
        """Names of the checks that failed."""
        return [check.name for check in self.checks if not check.passed]

    @property
    def blessed(self) -> bool:
        """Whether every check passed."""
        return not self.failed

    @property
    def infra_blessed(self) -> bool:
        """Whether every check of structure and serving passed."""
        return all(check.passed for check in self.checks if check.group != CLUSTERING)


def write_blessing(artifact: Any, verdict: Verdict, model: Any) -> None:
    """Writes a ModelBlessing with the properties that TFX's Evaluator writes."""
    artifact.set_int_custom_property('blessed', int(verdict.blessed))
    artifact.set_string_custom_property('current_model', model.uri)
    artifact.set_int_custom_property('current_model_id', model.id)
    artifact.set_string_custom_property('failed_checks', ','.join(verdict.failed))
    _touch(artifact.uri, 'BLESSED' if verdict.blessed else 'NOT_BLESSED')


def write_infra_blessing(artifact: Any, verdict: Verdict) -> None:
    """Writes an InfraBlessing with the properties that TFX's InfraValidator writes."""
    artifact.set_int_custom_property('blessed', int(verdict.infra_blessed))
    artifact.set_string_custom_property('failed_checks', ','.join(verdict.failed))
    _touch(artifact.uri, 'INFRA_BLESSED' if verdict.infra_blessed else 'INFRA_NOT_BLESSED')


def write_report(folder: str, verdict: Verdict, model_uri: str) -> None:
    """Writes report.json: the verdict, and of every check what it expected and found."""
    report = {
        'format_version': REPORT_FORMAT,
        'tfx_kmeans': __version__,
        'model': model_uri,
        'blessed': verdict.blessed,
        'infra_blessed': verdict.infra_blessed,
        'checks': [dataclasses.asdict(check) for check in verdict.checks],
    }
    tf.io.gfile.makedirs(folder)
    with tf.io.gfile.GFile(f'{folder}/{REPORT_FILE}', 'w') as file:
        file.write(json.dumps(report, indent=2) + '\n')


def _touch(folder: str, name: str) -> None:
    tf.io.gfile.makedirs(folder)
    with tf.io.gfile.GFile(f'{folder}/{name}', 'w') as file:
        file.write('')
