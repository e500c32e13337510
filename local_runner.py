"""Runs the k-means pipeline on this machine, from CSV files to a validated and pushed model.

Exit codes: 0, a model was blessed and pushed; 1, a component failed; 2, the arguments or the data
cannot be used; 3, the model was not blessed, so it was not pushed; 130, interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tfx_kmeans import names
from tfx_kmeans.errors import KMeansError, OutputError
from tfx_kmeans.pipelines.arguments import add_clustering_arguments
from tfx_kmeans.pipelines.config import PipelineConfig
from tfx_kmeans.pipelines.console import Console, components_shown_on, platform_output_in
from tfx_kmeans.pipelines.csv_data import choose_columns, inspect_folder

if TYPE_CHECKING:
    from tfx_kmeans.export_validator.checks.run import CheckResult
    from tfx_kmeans.pipelines.run_summary import RunSummary

DONE, FAILED, UNUSABLE, NOT_PUSHED, INTERRUPTED = 0, 1, 2, 3, 130
WINE_LABEL = 'class'
# Beam runs in this process. With a container image set, it does not build an sdist of TFX for
# remote workers.
BEAM_DEFAULTS = ('--runner=FnApiRunner', '--sdk_container_image=unused')


def parser() -> argparse.ArgumentParser:
    """The command line."""
    summary, exit_codes = (__doc__ or '').split('\n\n')
    found = argparse.ArgumentParser(description=summary, epilog=exit_codes)
    found.add_argument(
        '--data',
        type=Path,
        metavar='DIR',
        help="folder of CSV files that all have the same header (default: scikit-learn's wine "
        f'data, without its label {WINE_LABEL!r})',
    )
    add_clustering_arguments(found)
    found.add_argument(
        '--output',
        type=Path,
        default=Path('output'),
        metavar='DIR',
        help='folder for everything that is written (default: output)',
    )
    found.add_argument(
        '--orchestrator',
        choices=('beam', 'local'),
        default='beam',
        help='TFX runner: BeamDagRunner or LocalDagRunner (default: beam)',
    )
    found.add_argument(
        '--beam-arg',
        action='append',
        default=[],
        metavar='ARG',
        help='Beam option for the components that run on Beam, for example '
        '--beam-arg=--direct_num_workers=2; may be repeated',
    )
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the pipeline, reports the result and returns the exit code."""
    arguments = parser().parse_args(argv)
    try:
        _ensure_writable(arguments.output)
        folder, excluded = _data(arguments)
        columns = choose_columns(inspect_folder(folder), arguments.features, excluded)
        config = _config(arguments, folder, columns)
    except (KMeansError, ValueError, OSError) as error:
        print(f'error: {error}', file=sys.stderr)
        return UNUSABLE
    log = arguments.output / 'logs' / f'{time.strftime("%Y%m%d-%H%M%S")}.log'
    log.parent.mkdir(exist_ok=True)
    with platform_output_in(log) as console:
        try:
            code = _run(config, arguments.orchestrator, console)
        except KeyboardInterrupt:
            console.print_line(f'Interrupted. Log: {_shown(log)}')
            return INTERRUPTED
        console.print_line(f'Log: {_shown(log)}')
        return code


def _ensure_writable(output: Path) -> None:
    try:
        output.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=output):
            pass
    except OSError as error:
        raise OutputError(f'--output {output} cannot be written to: {error.strerror}.') from error


def _data(arguments: argparse.Namespace) -> tuple[Path, tuple[str, ...]]:
    """The folder of CSV files and the columns to leave out."""
    if arguments.data is not None:
        return arguments.data, arguments.exclude_features
    folder = arguments.output / 'data' / 'wine'
    folder.mkdir(parents=True, exist_ok=True)
    _write_wine(folder / 'wine.csv')
    return folder, (*arguments.exclude_features, WINE_LABEL)


def _write_wine(path: Path) -> None:
    from sklearn.datasets import load_wine

    wine = load_wine(as_frame=True)
    wine.data.assign(**{WINE_LABEL: wine.target}).to_csv(path, index=False)


def _config(arguments: argparse.Namespace, folder: Path, features: Sequence[str]) -> PipelineConfig:
    output = arguments.output.resolve()
    return PipelineConfig(
        data_root=str(folder.resolve()),
        pipeline_root=str(output / 'pipeline'),
        serving_dir=str(output / 'serving_model'),
        num_clusters=arguments.num_clusters,
        features=features,
        metadata_path=str(output / 'metadata.sqlite'),
        beam_pipeline_args=(*BEAM_DEFAULTS, *arguments.beam_arg),
    )


def _run(config: PipelineConfig, orchestrator: str, console: Console) -> int:
    console.print_line(
        f'Clustering {len(config.features or ())} columns of {_shown(config.data_root)}'
    )
    console.print_line('Loading TFX (half a minute on a small machine)')
    from tfx_kmeans.export_validator.probe.process import PROCESS
    from tfx_kmeans.pipelines.kmeans_pipeline import create_pipeline
    from tfx_kmeans.pipelines.run_summary import read_run_summary

    pipeline = create_pipeline(config)
    PROCESS.start()  # ExportValidator then does not wait for its import of TensorFlow
    with components_shown_on(console) as events:
        try:
            _runner(orchestrator).run(pipeline)
        except Exception as error:
            if _was_interrupted(error):
                raise KeyboardInterrupt from error
            _log_traceback()
            console.print_line(f'error: {events.last_started} failed: {_reason(error)}')
            console.print_line('Nothing was pushed.')
            return FAILED
    summary = read_run_summary(Path(str(config.metadata_path)))
    _print_summary(summary, console)
    if not summary.blessed or summary.pushed_to is None:
        console.print_line('The model was not blessed, so it was not pushed.')
        return NOT_PUSHED
    console.print_line(f'Pushed to {_shown(summary.pushed_to)}')
    console.print_line('To get the cluster of a row, run:')
    console.print_line(f'  {_query(summary.pushed_to, summary.example, config.features or ())}')
    return DONE


def _runner(orchestrator: str):  # type: ignore[no-untyped-def]
    if orchestrator == 'local':
        from tfx.v1.orchestration import LocalDagRunner

        return LocalDagRunner()
    from apache_beam.options.pipeline_options import StandardOptions
    from tfx.orchestration.beam.beam_dag_runner import BeamDagRunner

    # BeamDagRunner accepts no options for its own pipeline, and Beam's default runner would first
    # download another runner.
    StandardOptions.DEFAULT_RUNNER = 'FnApiRunner'
    return BeamDagRunner()


def _log_traceback() -> None:
    import traceback

    traceback.print_exc()


def _was_interrupted(error: BaseException | None) -> bool:
    """Whether an error was caused by Ctrl-C: Beam replaces KeyboardInterrupt by another error."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False


def _reason(error: Exception) -> str:
    """The message of an error without the step names that Beam appends to it."""
    message = re.sub(r" \[while running '.*", '', str(error), flags=re.DOTALL)
    return message.strip() or type(error).__name__


def _print_summary(summary: RunSummary, console: Console) -> None:
    sizes = ', '.join(f'{index}: {weight:g}' for index, weight in enumerate(summary.cluster_weight))
    console.print_line()
    console.print_line(f'Cluster sizes  {sizes}')
    console.print_line(f'Inertia        {summary.inertia:.6g}')
    console.print_line('Checks')
    for group, checks in _by_group(summary.checks).items():
        failures = [check for check in checks if not check.passed]
        console.print_line(
            f'  {group:<10} {len(checks) - len(failures):>2} of {len(checks)} passed'
        )
        for check in failures:
            console.print_line(f'    {check.label}  {check.name}')
            console.print_line(f'            expected {check.expected}')
            console.print_line(f'            found    {check.found}')
            console.print_line(f'            advice   {check.advice}')
    console.print_line(f'Report         {_shown(summary.report)}')
    console.print_line()


def _by_group(checks: Sequence[CheckResult]) -> dict[str, list[CheckResult]]:
    groups: dict[str, list[CheckResult]] = {}
    for check in checks:
        groups.setdefault(check.group, []).append(check)
    return groups


def _shown(path: Path | str) -> str:
    """A path, relative to the current folder if it is inside that folder."""
    path = Path(path).absolute()
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _query(model: Path, example: dict[str, list[float]], features: Sequence[str]) -> str:
    """A shell command that sends an example to the model."""
    row = {name: example[name] for name in features if name in example}
    command = [
        _shown(Path(sys.executable).with_name('saved_model_cli')),
        'run',
        '--dir',
        _shown(model),
        '--tag_set',
        names.SERVE_TAG,
        '--signature_def',
        names.DEFAULT_SIGNATURE,
        '--input_examples',
        f'{names.EXAMPLES_SIGNATURE}={json.dumps([row])}',
    ]
    return shlex.join(command)


if __name__ == '__main__':
    code = main()
    if code == INTERRUPTED:  # a regular shutdown of TensorFlow and Beam would take seconds
        sys.stdout.flush()
        os._exit(code)
    sys.exit(code)
