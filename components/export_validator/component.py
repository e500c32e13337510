"""ExportValidator: decides whether a model may be pushed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import component_spec, standard_artifacts

from tfx_kmeans.artifacts import KMeansCentroids, KMeansReport
from tfx_kmeans.export_validator.executor import Executor
from tfx_kmeans.export_validator.options import (
    Override,
    Thresholds,
    ValidatorOptions,
    override_of,
    thresholds_of,
)
from tfx_kmeans.parameters import encode, execution_parameters


class ExportValidatorSpec(types.ComponentSpec):  # type: ignore[misc]
    """Inputs, outputs and parameters of ExportValidator."""

    PARAMETERS = execution_parameters(ValidatorOptions)
    INPUTS = {
        'model': component_spec.ChannelParameter(type=standard_artifacts.Model),
        'centroids': component_spec.ChannelParameter(type=KMeansCentroids),
        'examples': component_spec.ChannelParameter(type=standard_artifacts.Examples),
        'transformed_examples': component_spec.ChannelParameter(
            type=standard_artifacts.Examples, optional=True
        ),
        'baseline_model': component_spec.ChannelParameter(
            type=standard_artifacts.Model, optional=True
        ),
    }
    OUTPUTS = {
        'blessing': component_spec.ChannelParameter(type=standard_artifacts.ModelBlessing),
        'infra_blessing': component_spec.ChannelParameter(type=standard_artifacts.InfraBlessing),
        'report': component_spec.ChannelParameter(type=KMeansReport),
    }


class ExportValidator(base_component.BaseComponent):  # type: ignore[misc]
    """Checks an exported model: its files, how it serves, and the clustering in it.

    Outputs, written whether the model passes or not:
      blessing: `ModelBlessing`, blessed if no check failed, except those that only warn or are
        overridden.
      infra_blessing: `InfraBlessing`, blessed if the checks of structure and serving passed.
      report: `KMeansReport`, with what each check expected and found.
    """

    SPEC_CLASS = ExportValidatorSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        model: types.BaseChannel,
        centroids: types.BaseChannel,
        examples: types.BaseChannel,
        transformed_examples: types.BaseChannel | None = None,
        baseline_model: types.BaseChannel | None = None,
        *,
        splits: Sequence[str] = ValidatorOptions.splits,
        max_examples: int = ValidatorOptions.max_examples,
        thresholds: Thresholds | Mapping[str, Any] | None = None,
        override: Override | Mapping[str, str] | None = ValidatorOptions.override,
        report_rows: bool = ValidatorOptions.report_rows,
        notes: Sequence[str] = ValidatorOptions.notes,
    ) -> None:
        """Builds the node.

        Args:
          model: Model of a CentroidExporter.
          centroids: Centroids that the model was exported from.
          examples: Raw tf.Examples, like those that will be sent to the model.
          transformed_examples: The same examples after Transform; checked for training-serving
            skew.
          baseline_model: An earlier model to compare with: from a Resolver for the latest blessed
            model (which finds none in a first run), or from an Importer of a pushed folder.
          splits: Names of the splits with the examples.
          max_examples: Maximum number of examples.
          thresholds: Limits and modes of checks, as `Thresholds` or a dict of its fields.
          override: A `reason` and a `name`, as `Override` or a dict: blesses the model even if
            checks of the clustering or against the baseline fail.
          report_rows: Whether report.html shows a sample of the rows, as points.
          notes: Sentences about the data for the reports, such as the columns that were left out.

        Raises:
          ParameterError: Naming the parameter, what was given and what is allowed.
        """
        options = {
            'splits': splits,
            'max_examples': max_examples,
            'thresholds': thresholds_of(thresholds),
            'override': override_of(override),
            'report_rows': report_rows,
            'notes': notes,
        }
        super().__init__(
            spec=ExportValidatorSpec(
                model=model,
                centroids=centroids,
                examples=examples,
                transformed_examples=transformed_examples,
                baseline_model=baseline_model,
                blessing=types.Channel(type=standard_artifacts.ModelBlessing),
                infra_blessing=types.Channel(type=standard_artifacts.InfraBlessing),
                report=types.Channel(type=KMeansReport),
                **encode(ValidatorOptions, options),
            )
        )
