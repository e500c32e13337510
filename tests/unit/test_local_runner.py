"""Arguments, messages and helpers of local_runner.py; complete runs are tested in tests/e2e."""

import importlib.util
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tfx_kmeans.export_validator.probe.process import PROCESS
from tfx_kmeans.pipelines.arguments import selection_of
from tfx_kmeans.pipelines.config import PipelineConfig
from tfx_kmeans.pipelines.console import platform_output_in
from tfx_kmeans.pipelines.table_data import prepare_table
from tfx_kmeans.tables.choice import Selection
from tfx_kmeans.tables.options import ReadOptions

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope='module')
def runner():
    spec = importlib.util.spec_from_file_location('local_runner', ROOT / 'local_runner.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def config_of(runner, tmp_path, *arguments):
    given = runner.parser().parse_args(['--output', str(tmp_path / 'out'), *arguments])
    return runner._config(given, table_of(tmp_path))


def table_of(tmp_path):
    (tmp_path / 'data').mkdir(exist_ok=True)
    (tmp_path / 'data' / 'a.csv').write_text('a,b,c\n1,2,x\n3,4,y\n')
    return prepare_table([tmp_path / 'data'], ReadOptions(), Selection(), tmp_path / 'table')


def test_beam_args_follow_the_defaults_so_that_they_override_them(runner, tmp_path):
    config = config_of(
        runner, tmp_path, '--beam-arg=--runner=PrismRunner', '--beam-arg=--direct_num_workers=2'
    )
    assert config.beam_pipeline_args == (
        '--runner=FnApiRunner',
        '--sdk_container_image=unused',
        '--runner=PrismRunner',
        '--direct_num_workers=2',
    )


def test_folders_are_absolute_and_inside_the_output_folder(runner, tmp_path):
    config = config_of(runner, tmp_path, '--num-clusters', '7')
    out = str(tmp_path / 'out')
    assert config.serving_dir == f'{out}/serving_model'
    assert config.pipeline_root == f'{out}/pipeline'
    assert config.metadata_path == f'{out}/metadata.sqlite'
    assert config.data_root == str(tmp_path / 'data')
    assert config.num_clusters == 7
    assert config.features == ('a', 'b')
    assert "Column 'c' is left out: text: 'x' in a.csv line 2." in config.notes


def test_names_are_split_at_commas(runner):
    arguments = runner.parser().parse_args(['--features', 'a, b,c', '--exclude-features', 'd'])
    assert arguments.features == ('a', 'b', 'c')
    assert arguments.exclude_features == ('d',)


def test_a_name_with_a_comma_stands_in_quotes(runner):
    arguments = runner.parser().parse_args(['--log', '"a, b", c'])
    assert arguments.log == ('a, b', 'c')


@pytest.mark.parametrize(
    ('text', 'bounds'),
    [('x=1:2.5', (1.0, 2.5)), ('x=:2', (None, 2.0)), ('x=-1:', (-1.0, None))],
)
def test_limits_of_a_column(runner, text, bounds):
    arguments = runner.parser().parse_args(['--clip', text, '--clip', 'a=b=0:1'])
    assert selection_of(arguments).clip == {'x': bounds, 'a=b': (0.0, 1.0)}


def test_an_output_folder_whose_name_is_a_pattern_is_refused(runner, tmp_path, capsys):
    assert runner.main(['--output', str(tmp_path / 'exports [2024]')]) == runner.UNUSABLE
    shown = capsys.readouterr()
    assert 'which TFX would read as a pattern' in shown.err
    assert list(tmp_path.iterdir()) == []


def test_exclude_is_an_alias_of_exclude_features(runner):
    assert runner.parser().parse_args(['--exclude', 'd,e']).exclude_features == ('d', 'e')


def test_the_defaults_are_those_of_the_configuration(runner):
    arguments = runner.parser().parse_args([])
    for name in ('features', 'exclude_features', 'num_clusters'):
        assert getattr(arguments, name) == getattr(PipelineConfig, name), name


def test_help_names_every_option_and_exit_code(runner, capsys):
    with pytest.raises(SystemExit):
        runner.parser().parse_args(['--help'])
    shown = capsys.readouterr().out
    names = (
        'data', 'features', 'exclude-features', 'num-clusters', 'output', 'orchestrator',
        'beam-arg', 'categorical', 'max-categories', 'log', 'clip', 'missing', 'delimiter',
        'encoding', 'decimal', 'header', 'skip-lines', 'probe-memory-mb',
    )  # fmt: skip
    assert [name for name in names if f'--{name}' not in shown] == []
    assert 'Exit codes: 0, a model was blessed and pushed;' in shown


def test_errors_are_shown_without_the_step_names_that_beam_appends(runner):
    error = RuntimeError("num_clusters is 9 [while running 'Run[KMeansTrainer]']")
    assert runner._reason(error) == 'num_clusters is 9'
    assert runner._reason(KeyError()) == 'KeyError'


def beam_fails():
    try:
        raise KeyboardInterrupt
    except KeyboardInterrupt as interrupt:
        raise RuntimeError('KeyboardInterrupt [while running ...]') from interrupt


def test_an_interrupt_is_recognised_as_the_cause_of_an_error_from_beam(runner):
    with pytest.raises(RuntimeError) as error:
        beam_fails()
    assert runner._was_interrupted(error.value)
    assert not runner._was_interrupted(RuntimeError('another'))


def test_the_probe_process_is_started_before_the_pipeline_runs(runner, tmp_path, monkeypatch):
    events = []
    pipeline = SimpleNamespace(create_pipeline=lambda config: events.append('built'))
    monkeypatch.setitem(sys.modules, 'tfx_kmeans.pipelines.kmeans_pipeline', pipeline)
    monkeypatch.setattr(PROCESS, 'start', lambda: events.append('probe started'))

    def run(built):
        events.append('run')
        raise RuntimeError('the end of this test')

    monkeypatch.setattr(runner, '_runner', lambda name: SimpleNamespace(run=run))
    with platform_output_in(tmp_path / 'log') as console:
        assert (
            runner._run(config_of(runner, tmp_path), table_of(tmp_path), 'beam', console)
            == runner.FAILED
        )
    assert events == ['built', 'probe started', 'run']
