"""Runs the checks and writes the blessings and the report, whether or not the model passes."""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping
from typing import Any

from tfx.dsl.components.base import base_executor
from tfx.utils import path_utils

from tfx_kmeans.export_validator.context import Sources
from tfx_kmeans.export_validator.judge import judge
from tfx_kmeans.export_validator.options import ValidatorOptions
from tfx_kmeans.export_validator.splits import choose_splits
from tfx_kmeans.export_validator.verdict import (
    Verdict,
    write_blessing,
    write_infra_blessing,
)
from tfx_kmeans.parameters import decode
from tfx_kmeans.tfx_io import Artifacts, emptied_on_failure, examples_of, only_uri

_log = logging.getLogger(__name__)


class Executor(base_executor.BaseExecutor):  # type: ignore[misc]
    """Runs ExportValidator."""

    def Do(  # noqa: N802
        self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: Mapping[str, Any]
    ) -> None:
        """Checks the model; a model that fails the checks is a result, not an error."""
        options = decode(ValidatorOptions, exec_properties)
        sources = _sources(input_dict, options)
        if sources.splits.note:
            _log.warning('%s', sources.splits.note)
        model = input_dict['model'][0]
        with emptied_on_failure(output_dict):
            verdict = judge(sources, options, model.uri, output_dict['report'][0].uri)
            _log_failures(verdict)
            write_infra_blessing(output_dict['infra_blessing'][0], verdict)
            baseline = next(iter(input_dict.get('baseline_model') or []), None)
            write_blessing(output_dict['blessing'][0], verdict, model, baseline)


def _sources(input_dict: Artifacts, options: ValidatorOptions) -> Sources:
    model = input_dict['model'][0]
    examples = input_dict['examples']
    in_all = [split for split in examples[0].splits if all(split in one.splits for one in examples)]
    chosen = choose_splits(options.splits, in_all, functools.partial(examples_of, examples))
    transformed = input_dict.get('transformed_examples') or []
    return Sources(
        model=path_utils.serving_model_path(model.uri, path_utils.is_old_model_artifact(model)),
        centroids=input_dict['centroids'][0].uri,
        examples=examples_of(examples, chosen.splits),
        transformed_examples=examples_of(transformed, chosen.splits) if transformed else None,
        baseline=only_uri(input_dict, 'baseline_model'),
        splits=chosen,
    )


def _log_failures(verdict: Verdict) -> None:
    for check in verdict.checks:
        if not check.passed:
            _log.warning(
                'check %s failed (%s): expected %s; found %s',
                check.name,
                check.mode,
                check.expected,
                check.found,
            )
