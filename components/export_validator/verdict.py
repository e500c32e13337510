"""The verdict on a model, and the blessings that record it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from tfx_kmeans import filesystem
from tfx_kmeans.export_validator.checks.finding import BASELINE, CLUSTERING, SERVING, STRUCTURE
from tfx_kmeans.export_validator.checks.run import CheckResult
from tfx_kmeans.export_validator.options import FAIL, WARN, Override

_OVERRIDABLE = (CLUSTERING, BASELINE)


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What follows from the results of the checks.

    Attributes:
      checks: Results of the checks that were run.
      override: Who blesses the model despite failures, and why; does not apply to failures of
        structure and serving.
    """

    checks: Sequence[CheckResult]
    override: Override | None = None

    @property
    def failed(self) -> list[str]:
        """Names of the checks that failed, except those that only warn."""
        return [check.name for check in self._failures()]

    @property
    def warned(self) -> list[str]:
        """Names of the checks that failed but only warn."""
        return [check.name for check in self.checks if not check.passed and check.mode == WARN]

    @property
    def overridden(self) -> list[str]:
        """Names of the failed checks that are overridden."""
        if self.override is None:
            return []
        return [check.name for check in self._failures() if check.group in _OVERRIDABLE]

    @property
    def blessed(self) -> bool:
        """Whether no check failed, except those that are overridden."""
        return set(self.failed) == set(self.overridden)

    @property
    def infra_blessed(self) -> bool:
        """Whether no check of structure or serving failed."""
        return not any(check.group in (STRUCTURE, SERVING) for check in self._failures())

    def _failures(self) -> list[CheckResult]:
        return [check for check in self.checks if not check.passed and check.mode == FAIL]


def write_blessing(artifact: Any, verdict: Verdict, model: Any, baseline: Any | None) -> None:
    """Writes a ModelBlessing with the properties that TFX's Evaluator writes."""
    artifact.set_int_custom_property('blessed', int(verdict.blessed))
    artifact.set_string_custom_property('current_model', model.uri)
    artifact.set_int_custom_property('current_model_id', model.id)
    if baseline is not None:
        artifact.set_string_custom_property('baseline_model', baseline.uri)
        artifact.set_int_custom_property('baseline_model_id', baseline.id)
    _set_names(artifact, verdict)
    _touch(artifact.uri, 'BLESSED' if verdict.blessed else 'NOT_BLESSED')


def write_infra_blessing(artifact: Any, verdict: Verdict) -> None:
    """Writes an InfraBlessing with the properties that TFX's InfraValidator writes."""
    artifact.set_int_custom_property('blessed', int(verdict.infra_blessed))
    _set_names(artifact, verdict)
    _touch(artifact.uri, 'INFRA_BLESSED' if verdict.infra_blessed else 'INFRA_NOT_BLESSED')


def _set_names(artifact: Any, verdict: Verdict) -> None:
    artifact.set_string_custom_property('failed_checks', ','.join(verdict.failed))
    artifact.set_string_custom_property('warned_checks', ','.join(verdict.warned))
    if verdict.override is not None:
        artifact.set_string_custom_property('override_reason', verdict.override.reason)
        artifact.set_string_custom_property('override_name', verdict.override.name)
        artifact.set_string_custom_property('overridden_checks', ','.join(verdict.overridden))


def _touch(folder: str, name: str) -> None:
    filesystem.make_folder(folder)
    filesystem.write_bytes(f'{folder}/{name}', b'')
