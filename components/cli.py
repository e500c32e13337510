"""The command `tfx-kmeans`, which runs the components' work outside a pipeline."""

from __future__ import annotations

import argparse
import json
import os
import sys
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tfx_kmeans import filesystem, names
from tfx_kmeans.errors import KMeansError, ParameterError
from tfx_kmeans.generations import quiet_imports

if TYPE_CHECKING:
    from tfx_kmeans.data.source import Examples
    from tfx_kmeans.export_validator.context import Sources
    from tfx_kmeans.export_validator.options import ValidatorOptions
    from tfx_kmeans.export_validator.splits import ChosenSplits
    from tfx_kmeans.export_validator.verdict import Verdict

BLESSED, NOT_BLESSED, UNUSABLE = 0, 1, 2
_SPLIT = 'Split-'


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code."""
    os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
    warnings.simplefilter('ignore', FutureWarning)  # Google's packages warn of Python 3.10
    arguments = parser().parse_args(argv)
    try:
        return _validate(arguments)
    except KeyboardInterrupt:
        return 130


def parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    command = argparse.ArgumentParser(prog='tfx-kmeans', description='k-means for TFX')
    commands = command.add_subparsers(dest='command', required=True)
    validate = commands.add_parser(
        'validate',
        help='check a model as ExportValidator does in a pipeline',
        description='Checks an exported model: its files, its answers, and the clustering in it.',
        epilog='Exit codes: 0, the model is blessed; 1, it is not; 2, the arguments or the data '
        'cannot be used.',
    )
    _add_inputs(validate)
    _add_options(validate)
    return command


def _add_inputs(validate: argparse.ArgumentParser) -> None:
    validate.add_argument(
        'model',
        metavar='MODEL',
        help='folder of a SavedModel, or of numbered versions, of which the newest is used',
    )
    validate.add_argument(
        '--centroids',
        required=True,
        metavar='DIR',
        help='centroids artifact that the model was exported from, or a model with these centroids',
    )
    validate.add_argument(
        '--examples',
        required=True,
        metavar='DIR',
        help='raw tf.Examples: an Examples artifact (with Split-... folders), or TFRecord files',
    )
    validate.add_argument(
        '--transformed-examples',
        metavar='DIR',
        help='the same examples after Transform, to check for training-serving skew',
    )
    validate.add_argument(
        '--baseline-model',
        metavar='DIR',
        help='folder of an earlier model to compare the clustering with',
    )


def _add_options(validate: argparse.ArgumentParser) -> None:
    from tfx_kmeans.export_validator.options import ValidatorOptions

    validate.add_argument(
        '--split',
        action='append',
        metavar='NAME',
        help='split of the Examples artifacts; can be repeated '
        f'(default: {" ".join(ValidatorOptions.splits)})',
    )
    validate.add_argument(
        '--max-examples',
        type=int,
        metavar='N',
        help=f'maximum number of examples (default: {ValidatorOptions.max_examples})',
    )
    validate.add_argument(
        '--thresholds',
        metavar='JSON',
        help='limits and modes of checks, such as \'{"max_inertia_ratio": 1.5}\', or @FILE',
    )
    validate.add_argument(
        '--override',
        nargs=2,
        metavar=('NAME', 'REASON'),
        help='bless the model even if checks of the clustering or against the baseline fail',
    )
    validate.add_argument('--report', metavar='DIR', help='folder for report.html and report.json')
    validate.add_argument(
        '--no-report-rows', action='store_true', help='do not show rows in report.html'
    )
    validate.add_argument(
        '--note',
        action='append',
        metavar='TEXT',
        help='sentence about the data for the reports; may be repeated',
    )


def _validate(arguments: argparse.Namespace) -> int:
    from tfx_kmeans.export_validator.probe.process import PROCESS

    PROCESS.start()  # it imports TensorFlow while this process does
    with quiet_imports('tensorflow'):
        import tensorflow as tf

    from tfx_kmeans.export_validator.judge import judge

    try:
        options = _options(arguments)
        sources = _sources(arguments, options)
        if arguments.report is not None:
            tf.io.gfile.makedirs(arguments.report)
    except (KMeansError, ValueError, OSError) as error:
        print(f'error: {error}', file=sys.stderr)
        return UNUSABLE
    except tf.errors.OpError as error:
        print(f'error: {error.message}', file=sys.stderr)
        return UNUSABLE
    verdict = judge(sources, options, arguments.model, arguments.report)
    _print(verdict)
    if sources.splits.note:
        print(sources.splits.note)
    if arguments.report:
        print(f'Report: {os.path.join(arguments.report, names.PAGE_FILE)}')
    return BLESSED if verdict.blessed else NOT_BLESSED


def _options(arguments: argparse.Namespace) -> ValidatorOptions:
    from tfx_kmeans.export_validator.options import (
        ValidatorOptions,
        override_of,
        thresholds_of,
    )

    given: dict[str, Any] = {
        'thresholds': thresholds_of(_json_of('--thresholds', arguments.thresholds)),
        'report_rows': not arguments.no_report_rows,
    }
    if arguments.override is not None:
        name, reason = arguments.override
        given['override'] = override_of({'name': name, 'reason': reason})
    if arguments.split:
        given['splits'] = arguments.split
    if arguments.note:
        given['notes'] = arguments.note
    if arguments.max_examples is not None:
        given['max_examples'] = arguments.max_examples
    return ValidatorOptions(**given)


def _json_of(option: str, text: str | None) -> Any:
    """The value of an option, which may be the name of a JSON file after an @."""
    if text is None:
        return None
    if text.startswith('@'):
        with open(text[1:]) as file:
            text = file.read()
    try:
        return json.loads(text)
    except ValueError as error:
        raise ParameterError(f'{option} is not JSON: {error}') from error


def _sources(arguments: argparse.Namespace, options: ValidatorOptions) -> Sources:
    from tfx_kmeans.centroids.storage import find_payload
    from tfx_kmeans.export_validator.context import Sources
    from tfx_kmeans.export_validator.splits import NO_SPLITS

    baseline = arguments.baseline_model and _folder('--baseline-model', arguments.baseline_model)
    if baseline:
        find_payload(baseline)
    transformed = arguments.transformed_examples
    if arguments.split and not _splits_in(_folder('--examples', arguments.examples)):
        raise ParameterError(
            f'--split is given, but {arguments.examples} has no {_SPLIT}... folders.'
        )
    chosen = _chosen_splits(arguments.examples, options.splits)
    return Sources(
        model=_model_in('MODEL', arguments.model),
        centroids=find_payload(arguments.centroids),
        examples=_examples_in('--examples', arguments.examples, chosen.splits),
        transformed_examples=transformed
        and _examples_in('--transformed-examples', transformed, chosen.splits),
        baseline=baseline,
        splits=chosen if _splits_in(arguments.examples) else NO_SPLITS,
    )


def _folder(option: str, path: str) -> str:
    if not filesystem.is_folder(path):
        raise ParameterError(f'{option} {path} is not a folder.')
    return path.rstrip('/')


def _model_in(option: str, path: str) -> str:
    """The folder of the SavedModel in a Model artifact or in a folder of versions."""
    from tfx_kmeans.centroids.storage import newest_version
    from tfx_kmeans.serving.graph_file import GRAPH_FILE

    folder = _folder(option, path)
    inside = f'{folder}/{names.MODEL_FOLDER}'
    if filesystem.is_folder(inside):
        return inside
    is_model = filesystem.exists(f'{folder}/{GRAPH_FILE}')
    return folder if is_model else newest_version(folder)


def _splits_in(folder: str) -> list[str]:
    found = filesystem.names_in(folder)
    return [name[len(_SPLIT) :] for name in found if name.startswith(_SPLIT)]


def _chosen_splits(path: str, splits: Sequence[str]) -> ChosenSplits:
    """The splits to use; those that are asked for if one of them does not exist, an error later."""
    from tfx_kmeans.data.source import Examples
    from tfx_kmeans.export_validator.splits import ChosenSplits, choose_splits

    folder = _folder('--examples', path)
    existing = _splits_in(folder)
    if not set(splits) <= set(existing):
        return ChosenSplits(tuple(splits))
    return choose_splits(
        splits,
        existing,
        lambda names: Examples(tuple(f'{folder}/{_SPLIT}{name}' for name in names)),
    )


def _examples_in(option: str, path: str, splits: Sequence[str]) -> Examples:
    """The splits of an Examples artifact, or a folder of files; raises if it cannot be read."""
    from tfx_kmeans.data.files import files_in
    from tfx_kmeans.data.source import Examples

    folder = _folder(option, path)
    existing = _splits_in(folder)
    missing = sorted(set(splits) - set(existing))
    if existing and missing:
        raise ParameterError(
            f'{option} {path} has no split {", ".join(map(repr, missing))}. It has: '
            f'{", ".join(map(repr, existing))}; choose with --split.'
        )
    folders = [f'{folder}/{_SPLIT}{split}' for split in splits] if existing else [folder]
    for each in folders:
        files_in(each)
    examples = Examples(tuple(folders))
    examples.first(1)
    return examples


def _print(verdict: Verdict) -> None:
    """Prints a line for each check, then the details of those that failed."""
    width = max((len(check.name) for check in verdict.checks), default=0)
    for check in verdict.checks:
        print(f'{check.label}  {check.group:<10}  {check.name:<{width}}  {_short(check.found)}')
    for check in verdict.checks:
        if not check.passed:
            print(f'\n{check.name}')
            print(f'  expected    {check.expected}')
            print(f'  found       {check.found}')
            print(f'  advice      {check.advice}')
    print()
    if verdict.overridden:
        override = verdict.override
        assert override is not None
        print(f'{override.name} has overridden {", ".join(verdict.overridden)}: {override.reason}')
    failed = ', '.join(verdict.failed)
    print(f'Blessed: {"yes" if verdict.blessed else f"no ({failed} failed)"}')


def _short(text: str, limit: int = 80) -> str:
    line = ' '.join(text.split())
    return line if len(line) <= limit else f'{line[: limit - 3]}...'
