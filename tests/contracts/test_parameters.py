"""One parameter, one name, one default: wherever a user can set it, and in the documentation.

The options dataclass is the source. A parameter that is forgotten in a component's `__init__`, in
the dict handed to `encode`, in `fit`, on a command line or in a table fails here.
"""

import argparse
import ast
import dataclasses
import inspect
import json
import re
from pathlib import Path

import numpy as np
import pytest
from tfx import types
from tfx.types import standard_artifacts

import kubeflow_runner
import local_runner
import tfx_kmeans
from tests.contracts.exec_properties import exec_properties
from tfx_kmeans import CentroidExporter, ExportValidator, KMeansCentroids, KMeansTrainer, cli
from tfx_kmeans.centroid_exporter.options import ExporterOptions
from tfx_kmeans.clustering.metric import METRICS
from tfx_kmeans.clustering.options import KMeansOptions
from tfx_kmeans.clustering.seeding.registry import SEEDINGS
from tfx_kmeans.export_validator.checks.run import all_checks
from tfx_kmeans.export_validator.options import Override, Thresholds, ValidatorOptions
from tfx_kmeans.kmeans_trainer.options import TrainerOptions
from tfx_kmeans.parameters import decode, encode
from tfx_kmeans.pipelines.config import PipelineConfig

DOCS = Path(__file__).parents[2] / 'docs'
COMPONENTS = [
    (KMeansTrainer, TrainerOptions, 'training.md'),
    (CentroidExporter, ExporterOptions, 'serving.md'),
    (ExportValidator, ValidatorOptions, 'validation.md'),
]


def defaults_of(options_type):
    """Field names and defaults; REQUIRED without one."""
    return {
        field.name: field.default_factory()
        if field.default_factory is not dataclasses.MISSING
        else field.default
        for field in dataclasses.fields(options_type)
    }


def keyword_defaults(function):
    parameters = inspect.signature(function).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}


def table_rows(page, prefix=''):
    """Name to default cell, of all rows whose first cell is one name in backticks."""
    rows = {}
    for line in (DOCS / page).read_text().splitlines():
        cells = [cell.strip() for cell in re.split(r'(?<!\\)\|', line)[1:-1]]
        name = re.fullmatch(rf'`({prefix}[a-zA-Z0-9_-]+)( [^`]*)?`.*', cells[0]) if cells else None
        if name and len(cells) >= 2:
            rows.setdefault(name.group(1), cells[1])
    return rows


def in_table(cell):
    """A default cell: a Python literal in backticks, or empty for a parameter without default."""
    literal = re.fullmatch(r'`([^`]+)`', cell)
    if literal is None:
        assert cell == '', f'not a literal in backticks: {cell!r}'
        return dataclasses.MISSING
    text = literal.group(1)
    return Thresholds() if text == 'Thresholds()' else ast.literal_eval(text)


@pytest.mark.parametrize(('component', 'options_type', 'page'), COMPONENTS)
def test_a_component_has_the_options_of_its_dataclass(component, options_type, page):
    found = keyword_defaults(component.__init__)
    expected = defaults_of(options_type)
    assert set(found) == set(expected)
    # None means a nested dataclass's own defaults in a component's signature.
    for name, default in expected.items():
        given = found[name]
        assert given == default or (given is None and dataclasses.is_dataclass(default)), name
    assert set(component.SPEC_CLASS.PARAMETERS) == {*expected, 'plugin_version'}


@pytest.mark.parametrize(('component', 'options_type', 'page'), COMPONENTS)
def test_a_component_documents_each_option(component, options_type, page):
    documented = inspect.getdoc(component.__init__)
    attributes = inspect.getdoc(options_type) + inspect.getdoc(options_type.__mro__[1])
    table = table_rows(page)
    for name, default in defaults_of(options_type).items():
        assert re.search(rf'^\s+{name}: \S', documented, re.MULTILINE), name
        assert re.search(rf'^\s+{name}: \S', attributes, re.MULTILINE), name
        assert in_table(table[name]) == default, name


CHANNELS = {
    KMeansTrainer: {
        'examples': standard_artifacts.Examples,
        'schema': standard_artifacts.Schema,
        'base_model': standard_artifacts.Model,
    },
    CentroidExporter: {
        'centroids': KMeansCentroids,
        'schema': standard_artifacts.Schema,
        'examples': standard_artifacts.Examples,
    },
    ExportValidator: {
        'model': standard_artifacts.Model,
        'centroids': KMeansCentroids,
        'examples': standard_artifacts.Examples,
    },
}
OTHER_VALUES = {  # for each build, values that are not the defaults
    KMeansTrainer: [
        {
            'num_clusters': 9,
            'initial_clusters': 'random',
            'distance_metric': 'cosine',
            'use_mini_batch': True,
            'mini_batch_steps_per_iteration': 4,
            'batch_size': 64,
            'relative_tolerance': 0.25,
            'max_iterations': 17,
            'num_restarts': 3,
            'seed': 11,
            'features': ['a', 'b'],
            'exclude_features': ['c'],
            'column_names': ['first', 'second'],
            'weight_feature': 'w',
            'splits': ['one', 'two'],
            'memory_limit_mb': 123,
            'checkpoint_dir': '/checkpoints',
            'align_clusters': True,
        },
        {
            'num_clusters': 5,
            'initial_clusters': 'kmeans_parallel',
            'kmeans_plus_plus_num_retries': 7,
            'sample_first': False,
        },
    ],
    CentroidExporter: [
        {
            'precision': 'int8',
            'default_signature': 'raw',
            'passthrough_features': ['id'],
            'serving_input_fn': 'numpy:argsort',
            'assets_extra': {'names/a.txt': '/somewhere/a.txt'},
            'as_text': True,
            'strip_default_attrs': False,
            'warmup': 7,
        }
    ],
    ExportValidator: [
        {
            'splits': ['one', 'two'],
            'max_examples': 321,
            'thresholds': Thresholds(min_silhouette=0.2, checks={'size': 'warn'}),
            'override': Override(reason='because', name='Ada'),
            'report_rows': False,
            'notes': ['2 columns left out'],
        }
    ],
}


@pytest.mark.parametrize(('component', 'options_type', 'page'), COMPONENTS)
def test_a_component_forwards_each_option(component, options_type, page):
    channels = {name: types.Channel(type=kind) for name, kind in CHANNELS[component].items()}
    defaults = defaults_of(options_type)
    forwarded = set()
    for given in OTHER_VALUES[component]:
        found = decode(options_type, component(**channels, **given).exec_properties)
        for name, default in defaults.items():
            assert getattr(found, name) == given.get(name, _as_decoded(default)), name
        forwarded |= {name for name, value in given.items() if value != defaults[name]}
    assert forwarded == set(defaults)


def _as_decoded(default):
    return list(default) if isinstance(default, tuple) else default


@pytest.mark.parametrize(('component', 'options_type', 'page'), COMPONENTS)
def test_an_option_that_is_not_handed_to_encode_is_an_error(component, options_type, page):
    given = dict(defaults_of(options_type))
    given.pop('splits', None) or given.pop('precision')
    with pytest.raises(TypeError, match=r'options to encode lack (splits|precision)'):
        encode(options_type, given)
    with pytest.raises(TypeError, match='lacks no_such_option'):
        encode(options_type, {**defaults_of(options_type), 'no_such_option': 1})


def test_numpy_numbers_are_passed_on_as_python_numbers():
    trainer = exec_properties(TrainerOptions, num_clusters=np.int64(3), memory_limit_mb=np.uint8(9))
    exporter = exec_properties(ExporterOptions, warmup=np.int32(5), as_text=np.True_)
    thresholds = Thresholds(probe_seconds=np.int64(7), min_silhouette=np.float64(0.5))
    validator = exec_properties(
        ValidatorOptions, max_examples=np.int64(99), thresholds=thresholds, report_rows=np.False_
    )
    found = {**trainer, **exporter, **validator}
    names = ('num_clusters', 'memory_limit_mb', 'warmup', 'as_text', 'max_examples', 'report_rows')
    assert [found[name] for name in names] == [3, 9, 5, 1, 99, 0]
    assert {type(value) for value in found.values()} == {int, float, str}
    assert json.loads(found['thresholds'])['probe_seconds'] == 7
    with pytest.raises(ValueError, match='num_clusters must be an integer of at least 1, got True'):
        exec_properties(TrainerOptions, num_clusters=np.True_)


def test_fit_has_the_options_of_the_clustering():
    found = {
        name: parameter.default
        for name, parameter in inspect.signature(tfx_kmeans.fit).parameters.items()
    }
    for name, default in defaults_of(KMeansOptions).items():
        assert found[name] == default, name
    documented, table = inspect.getdoc(tfx_kmeans.fit), table_rows('python.md')
    for name, default in found.items():
        assert re.search(rf'^\s+{name}: \S', documented, re.MULTILINE), name
        required = default is inspect.Parameter.empty
        assert in_table(table[name]) == (dataclasses.MISSING if required else default), name


def test_thresholds_are_documented():
    table = table_rows('validation.md')
    for name, default in defaults_of(Thresholds).items():
        assert in_table(table[name]) == default, name


def test_the_pipelines_config_has_the_trainers_defaults():
    trainer, config = defaults_of(TrainerOptions), defaults_of(PipelineConfig)
    shared = set(trainer) & set(config)
    assert shared >= {'num_clusters', 'features', 'exclude_features', 'distance_metric', 'seed'}
    for name in shared - {'num_clusters'}:  # required by the trainer; the wine data has 3 classes
        assert config[name] == trainer[name], name
    table = table_rows('running.md')
    for name, default in config.items():
        assert in_table(table[name]) == default, name


def options_of(parser):
    """Every option of a parser: its names, dest and default."""
    return [action for action in parser._actions if action.option_strings and action.dest != 'help']


RUNNERS = [(local_runner, 'running.md'), (kubeflow_runner, 'running.md')]


@pytest.mark.parametrize(('runner', 'page'), RUNNERS)
def test_a_runner_has_the_names_and_defaults_of_the_config(runner, page):
    table, config = table_rows(page, '--'), defaults_of(PipelineConfig)
    found = options_of(runner.parser())
    for action in found:
        assert any(name in table for name in action.option_strings), action.option_strings
        if action.dest in config and not action.required:
            assert action.default == config[action.dest], action.dest
    shared = {action.dest for action in found} & set(config)
    assert shared >= {'num_clusters', 'features', 'exclude_features'}
    for name in shared:
        assert f'--{name.replace("_", "-")}' in [n for one in found for n in one.option_strings]


SPELLED_OTHERWISE = {
    'split': 'splits',
    'no_report_rows': 'report_rows',
    'note': 'notes',
}  # repeatable; a switch


def test_the_command_has_the_options_of_the_validator():
    (commands,) = (
        action for action in cli.parser()._actions if isinstance(action, argparse._SubParsersAction)
    )
    found = options_of(commands.choices['validate'])
    table = table_rows('validation.md', '--')
    for action in found:
        assert any(name in table for name in action.option_strings), action.option_strings
        assert action.default in (None, False), 'left out unless given, so that one default holds'
    dests = {SPELLED_OTHERWISE.get(action.dest, action.dest) for action in found}
    assert dests >= set(defaults_of(ValidatorOptions))


def test_every_check_seeding_and_metric_is_documented():
    validation, training = ((DOCS / page).read_text() for page in ('validation.md', 'training.md'))
    rows = re.findall(r'^\| (`[^|]*`) \|', validation, re.MULTILINE)
    documented = {name for row in rows for name in re.findall(r'`(\w+)`', row)}
    assert {check.name for check in all_checks()} <= documented
    for name in (*SEEDINGS, *METRICS):
        assert f"`'{name}'`" in training, name
