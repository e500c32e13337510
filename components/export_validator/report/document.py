"""report.json, for programs, and the HTML page."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence

from tfx_kmeans import filesystem, names
from tfx_kmeans.dataclass_json import from_fields, refuse_newer, to_json
from tfx_kmeans.errors import ModelError
from tfx_kmeans.export_validator.checks.run import CheckResult
from tfx_kmeans.export_validator.options import Override
from tfx_kmeans.export_validator.splits import NO_SPLITS, ChosenSplits
from tfx_kmeans.export_validator.verdict import Verdict
from tfx_kmeans.version import __version__

REPORT_FORMAT = '1.1'
"""Format of report.json; a reader refuses a newer major one, see `dataclass_json`."""


@dataclasses.dataclass(frozen=True)
class ReportDocument:
    """Content of report.json.

    Attributes:
      model: Folder of the model.
      blessed: Whether the model was blessed.
      infra_blessed: Whether all checks of structure and serving passed.
      checks: Results of the checks.
      overridden: Names of the failed checks that were overridden.
      override: Who blessed the model despite these, and why; None if there is no override.
      validated_splits: Names of the splits whose examples were used; none if these are files
        without splits.
      empty_splits: Names of the splits that were asked for but contain no examples, so that
        others were used.
      notes: Sentences about the data, as given to the validator.
      tfx_kmeans: Version of this package.
      format_version: Format of the file, major.minor.
    """

    model: str
    blessed: bool
    infra_blessed: bool
    checks: tuple[CheckResult, ...]
    overridden: tuple[str, ...] = ()
    override: Override | None = None
    validated_splits: tuple[str, ...] = ()
    empty_splits: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    tfx_kmeans: str = __version__
    format_version: str = REPORT_FORMAT


def write_report(
    folder: str,
    verdict: Verdict,
    model: str,
    page: str,
    splits: ChosenSplits = NO_SPLITS,
    *,
    notes: Sequence[str] = (),
) -> None:
    """Writes report.json, with the verdict and all findings, and report.html, the page."""
    document = ReportDocument(
        model=model,
        blessed=verdict.blessed,
        infra_blessed=verdict.infra_blessed,
        checks=tuple(verdict.checks),
        overridden=tuple(verdict.overridden),
        override=verdict.override,
        validated_splits=splits.splits,
        empty_splits=splits.empty,
        notes=tuple(notes),
    )
    filesystem.make_folder(folder)
    filesystem.write_text(f'{folder}/{names.REPORT_FILE}', to_json(document))
    filesystem.write_text(f'{folder}/{names.PAGE_FILE}', page)


def read_report(path: str) -> ReportDocument:
    """Reads a report.json.

    Raises:
      ModelError: Naming the file, if it is damaged or has a newer major format.
      OSError: If it cannot be read.
    """
    try:
        fields = json.loads(filesystem.read_text(path))
        refuse_newer(fields, REPORT_FORMAT, path, ModelError)
        return from_fields(ReportDocument, fields)
    except (ValueError, AttributeError) as error:
        raise ModelError(f'{path} is damaged: {error}.') from error
