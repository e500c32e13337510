"""The command `tfx-kmeans`: what the components do, outside of a pipeline."""

from __future__ import annotations

import argparse
import json
import os
import sys
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tfx_kmeans.data.source import Examples
    from tfx_kmeans.export_validator.context import Sources
    from tfx_kmeans.export_validator.options import ValidatorOptions
    from tfx_kmeans.export_validator.verdict import Verdict

BLESSED, NOT_BLESSED, UNUSABLE = 0, 1, 2
_LABELS = {True: 'passed', False: 'FAILED'}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; its exit code."""
    os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
    warnings.simplefilter('ignore', FutureWarning)  # of Google's packages, about Python 3.10
    arguments = _parser().parse_args(argv)
    try:
        return _validate(arguments)
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog='tfx-kmeans', description='k-means for TFX')
    commands = parser.add_subparsers(dest='command', required=True)
    validate = commands.add_parser(
        'validate',
        help='check a model as ExportValidator does in a pipeline',
        description='Checks an exported model: its files, how it serves, and the clustering in it.',
        epilog='Exit codes: 0, the model is blessed; 1, it is not; 2, the arguments or the data '
        'cannot be used.',
    )
    validate.add_argument(
        'model',
        metavar='MODEL',
        help='folder of a SavedModel, or of numbered versions, of which the newest is taken',
    )
    validate.add_argument(
        '--centroids',
        required=True,
        metavar='DIR',
        help='the centroids artifact that it was made of, or a model that holds them',
    )
    validate.add_argument(
        '--examples',
        required=True,
        metavar='DIR',
        help='raw tf.Examples: an Examples artifact (with Split-eval), or TFRecord files',
    )
    validate.add_argument(
        '--transformed-examples', metavar='DIR', help='the same after Transform: checks for skew'
    )
    validate.add_argument(
        '--baseline-model', metavar='DIR', help='folder of an earlier model to compare with'
    )
    validate.add_argument(
        '--split',
        action='append',
        metavar='NAME',
        help='of an Examples artifact (default: eval); repeatable',
    )
    validate.add_argument(
        '--max-examples', type=int, metavar='N', help='the most to try (default: 50000)'
    )
    validate.add_argument(
        '--thresholds',
        metavar='JSON',
        help='limits and modes, e.g. \'{"max_inertia_ratio": 1.5}\', or @FILE',
    )
    validate.add_argument(
        '--override',
        nargs=2,
        metavar=('NAME', 'REASON'),
        help='bless it though checks of the clustering or against the baseline fail',
    )
    validate.add_argument('--report', metavar='DIR', help='folder for report.html and report.json')
    validate.add_argument(
        '--no-report-rows', action='store_true', help='show no rows in report.html'
    )
    return parser


def _validate(arguments: argparse.Namespace) -> int:
    import tensorflow as tf

    from tfx_kmeans.export_validator.judge import judge

    try:
        options = _options(arguments)
        sources = _sources(arguments, options)
        if arguments.report is not None:
            tf.io.gfile.makedirs(arguments.report)
    except (ValueError, OSError) as error:
        print(f'error: {error}', file=sys.stderr)
        return UNUSABLE
    except tf.errors.OpError as error:
        print(f'error: {error.message}', file=sys.stderr)
        return UNUSABLE
    verdict = judge(sources, options, arguments.model, arguments.report)
    _tell(verdict)
    if arguments.report:
        print(f'Report: {os.path.join(arguments.report, "report.html")}')
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
    if arguments.max_examples is not None:
        given['max_examples'] = arguments.max_examples
    return ValidatorOptions(**given)


def _json_of(option: str, text: str | None) -> Any:
    """What an option holds, which may be the name of a file after an @."""
    if text is None:
        return None
    if text.startswith('@'):
        with open(text[1:]) as file:
            text = file.read()
    try:
        return json.loads(text)
    except ValueError as error:
        raise ValueError(f'{option} is no JSON: {error}') from error


def _sources(arguments: argparse.Namespace, options: ValidatorOptions) -> Sources:
    from tfx_kmeans.centroids.storage import find_payload
    from tfx_kmeans.export_validator.context import Sources

    baseline = arguments.baseline_model
    transformed = arguments.transformed_examples
    if arguments.split and not _splits_in(_folder('--examples', arguments.examples)):
        raise ValueError(f'--split is given, but {arguments.examples} has no Split-... folders.')
    return Sources(
        model=_model_in('MODEL', arguments.model),
        centroids=find_payload(arguments.centroids),
        examples=_examples_in('--examples', arguments.examples, options.splits),
        transformed_examples=transformed
        and _examples_in('--transformed-examples', transformed, options.splits),
        baseline=baseline and find_payload(_folder('--baseline-model', baseline)),
    )


def _folder(option: str, path: str) -> str:
    import tensorflow as tf

    if not tf.io.gfile.isdir(path):
        raise ValueError(f'{option} {path} is not a folder.')
    return path.rstrip('/')


def _model_in(option: str, path: str) -> str:
    """The SavedModel itself, where a Model artifact or a folder of versions is named."""
    import tensorflow as tf

    folder = _folder(option, path)
    inside = f'{folder}/Format-Serving'
    if tf.io.gfile.isdir(inside):
        return inside
    versions = [name.rstrip('/') for name in tf.io.gfile.listdir(folder)]
    versions = [name for name in versions if name.isdigit()]
    if versions and not tf.io.gfile.exists(f'{folder}/saved_model.pb'):
        return f'{folder}/{max(versions, key=int)}'
    return folder


def _splits_in(folder: str) -> list[str]:
    import tensorflow as tf

    found = [name.rstrip('/') for name in tf.io.gfile.listdir(folder)]
    return sorted(name[len('Split-') :] for name in found if name.startswith('Split-'))


def _examples_in(option: str, path: str, splits: Sequence[str]) -> Examples:
    """The splits of an Examples artifact, or a folder of files; raises where it cannot be read."""
    from tfx_kmeans.data.files import files_in
    from tfx_kmeans.data.source import Examples

    folder = _folder(option, path)
    there = _splits_in(folder)
    lost = sorted(set(splits) - set(there))
    if there and lost:
        raise ValueError(
            f'{option} {path} has no split {", ".join(map(repr, lost))}. It has: '
            f'{", ".join(map(repr, there))}; choose with --split.'
        )
    folders = [f'{folder}/Split-{split}' for split in splits] if there else [folder]
    for one in folders:
        files_in(one)
    examples = Examples(tuple(folders))
    examples.first(1)
    return examples


def _tell(verdict: Verdict) -> None:
    """A line for each check, then what is to be known of those that failed."""
    width = max((len(check.name) for check in verdict.checks), default=0)
    for check in verdict.checks:
        label = 'warned' if check.mode == 'warn' and not check.passed else _LABELS[check.passed]
        print(f'{label}  {check.group:<10}  {check.name:<{width}}  {_short(check.found)}')
    for check in verdict.checks:
        if not check.passed:
            print(f'\n{check.name}')
            print(f'  expected    {check.expected}')
            print(f'  found       {check.found}')
            print(f'  what to do  {check.advice}')
    print()
    if verdict.overridden:
        word = verdict.override
        assert word is not None
        print(f'{word.name} has overridden {", ".join(verdict.overridden)}: {word.reason}')
    failed = ', '.join(verdict.failed)
    print(f'Blessed: {"yes" if verdict.blessed else f"no ({failed} failed)"}')


def _short(text: str, most: int = 80) -> str:
    line = ' '.join(text.split())
    return line if len(line) <= most else f'{line[: most - 3]}...'
