"""Runs the k-means pipeline on this machine, from CSV or Parquet to a validated and pushed model.

Exit codes: 0, a model was blessed and pushed; 1, a component failed; 2, the arguments or the data
cannot be used; 3, the model was not blessed, so it was not pushed; 130, interrupted.
"""

from __future__ import annotations

import argparse
import dataclasses
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
from tfx_kmeans.pipelines.arguments import (
    add_clustering_arguments,
    add_table_arguments,
    read_options_of,
    selection_of,
)
from tfx_kmeans.pipelines.config import PipelineConfig
from tfx_kmeans.pipelines.console import Console, components_shown_on, platform_output_in
from tfx_kmeans.pipelines.table_config import write_table_config
from tfx_kmeans.pipelines.table_data import PreparedTable, prepare_table

if TYPE_CHECKING:
    from tfx_kmeans.export_validator.checks.run import CheckResult
    from tfx_kmeans.pipelines.run_summary import RunSummary

DONE, FAILED, UNUSABLE, NOT_PUSHED, INTERRUPTED = 0, 1, 2, 3, 130
WINE_LABEL = 'class'
TABLE_FILE = 'table.json'
EXAMPLE_FILE = 'example.txt'
_LONG = 4000  # characters of a command
# Beam runs in this process. With a container image set, it does not build an sdist of TFX for
# remote workers.
_PATTERN = re.compile(r'[*?\[\]]')
BEAM_DEFAULTS = ('--runner=FnApiRunner', '--sdk_container_image=unused')


def parser() -> argparse.ArgumentParser:
    """The command line."""
    summary, exit_codes = (__doc__ or '').split('\n\n')
    found = argparse.ArgumentParser(description=summary, epilog=exit_codes)
    found.add_argument(
        '--data',
        type=Path,
        nargs='+',
        metavar='PATH',
        help='folder or files with the table: CSV, compressed CSV or Parquet, all with the same '
        f"columns (default: scikit-learn's wine data, without its label {WINE_LABEL!r})",
    )
    add_clustering_arguments(found)
    add_table_arguments(found)
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
    found.add_argument(
        '--probe-memory-mb',
        type=int,
        default=PipelineConfig.probe_memory_mb,
        metavar='MB',
        help='memory limit of the process in which the model is validated, beyond that of '
        f'TensorFlow (default: {PipelineConfig.probe_memory_mb})',
    )
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the pipeline, reports the result and returns the exit code."""
    arguments = parser().parse_args(argv)
    try:
        _ensure_writable(arguments.output)
        table = _table(arguments)
        config = _config(arguments, table)
        write_table_config(config, arguments.output / TABLE_FILE)
    except (KMeansError, ValueError, OSError) as error:
        print(f'error: {error}', file=sys.stderr)
        return UNUSABLE
    log = arguments.output / 'logs' / f'{time.strftime("%Y%m%d-%H%M%S")}.log'
    log.parent.mkdir(exist_ok=True)
    with platform_output_in(log) as console:
        try:
            code = _run(config, table, arguments.orchestrator, console)
        except KeyboardInterrupt:
            console.print_line(f'Interrupted. Log: {_shown(log)}')
            return INTERRUPTED
        console.print_line(f'Log: {_shown(log)}')
        return code


def _ensure_writable(output: Path) -> None:
    if _PATTERN.search(str(output.resolve())):
        raise OutputError(
            f'--output {output} is {output.resolve()}, which TFX would read as a pattern for '
            'several folders: choose a folder without * ? [ ] in its path.'
        )
    try:
        output.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=output):
            pass
    except OSError as error:
        raise OutputError(f'--output {output} cannot be written to: {error.strerror}.') from error


def _table(arguments: argparse.Namespace) -> PreparedTable:
    """The table, ready to be read by the pipeline."""
    selection = selection_of(arguments)
    paths = arguments.data
    if paths is None:
        folder = arguments.output / 'data' / 'wine'
        folder.mkdir(parents=True, exist_ok=True)
        _write_wine(folder / 'wine.csv')
        paths = [folder]
        excluded = (*selection.exclude_features, WINE_LABEL)
        selection = dataclasses.replace(selection, exclude_features=excluded)
    return prepare_table(
        paths,
        read_options_of(arguments),
        selection,
        arguments.output / 'data' / 'table',
        arguments.num_clusters,
    )


def _write_wine(path: Path) -> None:
    from sklearn.datasets import load_wine

    wine = load_wine(as_frame=True)
    wine.data.assign(**{WINE_LABEL: wine.target}).to_csv(path, index=False)


def _config(arguments: argparse.Namespace, table: PreparedTable) -> PipelineConfig:
    output = arguments.output.resolve()
    return PipelineConfig(
        data_root=str(table.data_root.resolve()),
        pipeline_root=str(output / 'pipeline'),
        serving_dir=str(output / 'serving_model'),
        num_clusters=arguments.num_clusters,
        features=table.choice.features,
        metadata_path=str(output / 'metadata.sqlite'),
        beam_pipeline_args=(*BEAM_DEFAULTS, *arguments.beam_arg),
        data_format=table.data_format,
        categorical=table.choice.categorical,
        log=arguments.log,
        clip=selection_of(arguments).clip,
        vectors=table.vectors,
        notes=table.notes,
        probe_memory_mb=arguments.probe_memory_mb,
    )


def _run(config: PipelineConfig, table: PreparedTable, orchestrator: str, console: Console) -> int:
    console.print_line(f'Read {table.summary}')
    for warning in table.choice.warnings:
        console.print_line(f'warning: {warning}')
    console.print_line(
        f'Clustering {len(table.choice.features)} columns of {_shown(table.data_root)}'
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
            _print_splits(config, table, console)
            return FAILED
    summary = read_run_summary(Path(str(config.metadata_path)))
    _print_summary(summary, console)
    if summary.empty_splits:
        used = ', '.join(map(repr, summary.validated_splits))
        empty = ', '.join(map(repr, summary.empty_splits))
        console.print_line(
            f'The split {empty} has no rows, so the model was validated on {used}: '
            f'{table.rows} rows, {table.distinct_rows or "many"} of them different, are split by a '
            'hash of their content.'
        )
    if not summary.blessed or summary.pushed_to is None:
        console.print_line('The model was not blessed, so it was not pushed.')
        return NOT_PUSHED
    console.print_line(f'Pushed to {_shown(summary.pushed_to)}')
    console.print_line('To get the cluster of a row, run:')
    console.print_line(f'  {_query(summary, config)}')
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


def _print_splits(config: PipelineConfig, table: PreparedTable, console: Console) -> None:
    """For a small table, says how its rows were split, which may be the cause of a failure."""
    metadata = Path(str(config.metadata_path))
    if table.distinct_rows is None or not metadata.exists():
        return
    from tfx_kmeans.pipelines.run_summary import read_split_sizes

    sizes = read_split_sizes(metadata)
    if min(sizes.values(), default=config.num_clusters) < config.num_clusters:
        found = ', '.join(f'{size} in {name!r}' for name, size in sorted(sizes.items()))
        console.print_line(
            f'The table has {table.rows} rows, {table.distinct_rows} of them different. ExampleGen '
            f'put {found}: it takes about two of three rows for training, by a hash of their '
            'content, so that equal rows are always in the same split. Add rows, or choose fewer '
            'clusters.'
        )


def _query(summary: RunSummary, config: PipelineConfig) -> str:
    """A shell command that sends an example to the model."""
    inside = {name for names in config.vectors.values() for name in names}
    wanted = {*(config.features or ()), *config.vectors} - inside
    row = {name: value for name, value in summary.example.items() if name in wanted}
    row_as_text = json.dumps([row], ensure_ascii=False)
    examples = f'{names.EXAMPLES_SIGNATURE}={row_as_text}'
    command = [
        _shown(Path(sys.executable).with_name('saved_model_cli')),
        'run',
        '--dir',
        _shown(str(summary.pushed_to)),
        '--tag_set',
        names.SERVE_TAG,
        '--signature_def',
        names.DEFAULT_SIGNATURE,
        '--input_examples',
    ]
    if len(examples) < _LONG:
        return shlex.join([*command, examples])
    file = Path(config.serving_dir).with_name(EXAMPLE_FILE)
    file.write_text(examples)
    return f'{shlex.join(command)} "$(cat {shlex.quote(_shown(file))})"'


if __name__ == '__main__':
    code = main()
    if code == INTERRUPTED:  # a regular shutdown of TensorFlow and Beam would take seconds
        sys.stdout.flush()
        os._exit(code)
    sys.exit(code)
