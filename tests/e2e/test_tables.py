"""Tables as people have them, through local_runner.py to a pushed model; three shared runs."""

import hashlib
import itertools
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from sklearn.metrics import adjusted_rand_score

from tfx_kmeans.centroids.storage import read_payload

GUIDE = Path(__file__).parents[2] / 'docs' / 'mixed_tables.md'
ASK = """
import json, sys, tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
given = json.load(open(sys.argv[2]))
serialized = []
for row in given:
    example = tf.train.Example()
    for name, value in row.items():
        values = value if isinstance(value, list) else [value]
        feature = example.features.feature[name]
        if isinstance(values[0], str):
            feature.bytes_list.value.extend(one.encode() for one in values)
        elif isinstance(values[0], int):
            feature.int64_list.value.extend(values)
        else:
            feature.float_list.value.extend(values)
    serialized.append(example.SerializeToString())
serialized = tf.constant(serialized)
found = model.signatures['preprocess'](examples=serialized)['features'].numpy().tolist()
index = model.signatures['examples'](examples=serialized)['cluster_index'].numpy().tolist()
json.dump([found, index], open(sys.argv[3], 'w'))
"""


def asked(run, rows, folder):
    """The rows as the pushed model sees them, and their clusters, in a process of its own."""
    (model,) = (run.output / 'serving_model').iterdir()
    (folder / 'rows.json').write_text(json.dumps(rows))
    subprocess.run(
        [sys.executable, '-I', '-c', ASK, model, folder / 'rows.json', folder / 'answers.json'],
        check=True,
        capture_output=True,
    )
    found, index = json.loads((folder / 'answers.json').read_text())
    return np.array(found), np.array(index)


def metadata_of(run):
    (model,) = (run.output / 'serving_model').iterdir()
    return read_payload(str(model / 'assets.extra' / 'tfx_kmeans')).metadata


def report_of(run):
    (path,) = run.output.glob('pipeline/ExportValidator/report/*/report.json')
    return json.loads(path.read_text()), path.with_name('report.html').read_text()


def train_rows(run):
    """The raw training examples."""
    (folder,) = run.output.glob('pipeline/*ExampleGen/examples/*/Split-train')
    records = tf.data.TFRecordDataset(list(map(str, folder.iterdir())), 'GZIP')
    return [tf.train.Example.FromString(one) for one in records.as_numpy_iterator()]


@pytest.fixture(scope='module')
def customers(tmp_path_factory, local_runner):
    """The run that the guide shows, with the table that its code writes."""
    folder = tmp_path_factory.mktemp('customers')
    (program,) = re.findall(r'^```python\n(import csv.*?)^```$', GUIDE.read_text(), re.M | re.S)
    subprocess.run([sys.executable, '-c', program], cwd=folder, check=True)
    (arguments, _) = re.findall(
        r'^\$ make run ARGS="--data customers.csv (.*)"$', GUIDE.read_text(), re.M
    )
    run = local_runner(
        folder / 'output', '--data', str(folder / 'customers.csv'), *arguments.split()
    )
    table = pd.read_csv(
        folder / 'customers.csv', sep=';', decimal=',', encoding='cp1252', na_values=['-'],
    )  # fmt: skip
    return run, table


def test_the_run_of_the_guide(customers):
    run, _ = customers
    assert run.code == 0, run.screen + run.errors
    guide = GUIDE.read_text()
    said = next(line for line in run.screen.splitlines() if line.startswith('Read '))
    assert said in guide
    for start in ('Cluster sizes', 'Inertia '):
        assert next(line for line in run.screen.splitlines() if line.startswith(start)) in guide


def test_categories_logarithms_limits_and_missing_values_are_those_of_the_original_table(
    customers, tmp_path
):
    run, table = customers
    columns = list(metadata_of(run).column_names)
    trained = train_rows(run)
    by_customer = {one.features.feature['customer'].int64_list.value[0]: one for one in trained}
    chosen = table[table.customer.isin(by_customer)].sort_values('customer')
    assert len(chosen) == len(trained) == metadata_of(run).rows
    numbers = pd.DataFrame(
        {
            'age': chosen.age.clip(lower=18),
            'income': np.log1p(chosen.income),
            'newsletter': chosen.newsletter.astype(float),
        }
    )
    expected = ((numbers - numbers.mean()) / numbers.fillna(numbers.mean()).std(ddof=0)).fillna(0)
    for name in ('city', 'plan'):
        one_hot = pd.get_dummies(chosen[name]).astype(float).where(chosen[name].notna())
        centred = one_hot - one_hot.mean()
        scale = np.sqrt(centred.fillna(0).var(ddof=0).sum())
        for value in one_hot:
            expected[f'{name}={value}'] = (centred[value] / scale).fillna(0)
    assert sorted(expected) == sorted(columns)
    rows = [
        {
            k: v
            for k, v in row.items()
            if not (isinstance(v, float) and np.isnan(v)) and k != 'joined'
        }
        for row in chosen.assign(newsletter=chosen.newsletter.astype(float)).to_dict('records')
    ]
    for row in rows:
        for name in ('age', 'newsletter'):
            if name in row:
                row[name] = int(row[name])
    found, index = asked(run, rows, tmp_path)
    np.testing.assert_allclose(found, expected[columns], atol=2e-5)
    retired = chosen.age.fillna(chosen.age.mean()) > 55
    (cluster,) = [one for one in range(3) if retired[index == one].mean() > 0.5]
    assert adjusted_rand_score(index == cluster, retired) > 0.95


def test_left_out_columns_are_in_the_report_and_the_table_is_described_for_kubeflow(customers):
    run, _ = customers
    report, page = report_of(run)
    notes = '\n'.join(report['notes'])
    assert "Column 'customer' is left out: excluded." in notes
    assert re.search(
        r"Column 'joined' is left out: dates: '\d\d.\d\d.2023' in customers.csv", notes
    )
    assert 'semicolons, decimal comma, Latin-1' in page
    described = json.loads((run.output / 'table.json').read_text())
    assert described['data_format'] == 'parquet'
    assert described['log'] == ['income']
    assert described['clip'] == {'age': [18.0, None]}
    assert 'Köln' in described['categorical']['city']


@pytest.fixture(scope='module')
def wide(tmp_path_factory, local_runner):
    """200 rows of 2000 columns, with missing values."""
    folder = tmp_path_factory.mktemp('wide')
    random = np.random.default_rng(0)
    groups = np.arange(200) % 3
    values = random.normal(size=(3, 2000))[groups] * 2 + random.normal(size=(200, 2000))
    table = pd.DataFrame(values.round(4), columns=[f'g{index}' for index in range(2000)])
    table = table.mask(random.random(table.shape) < 0.01)
    table.insert(0, 'sample', [f'sample {index}' for index in range(200)])
    table.to_csv(folder / 'wide.csv', index=False, na_rep='NA')
    run = local_runner(
        folder / 'output', '--data', str(folder / 'wide.csv'), '--probe-memory-mb', '5000'
    )
    return run, table, groups


def test_a_wide_table_is_served_as_one_vector(wide, tmp_path):
    run, table, groups = wide
    assert run.code == 0, run.screen + run.errors
    assert '2,000 numeric columns, 1 left out' in run.screen
    names = [name for name in table if name != 'sample']
    assert list(metadata_of(run).column_names) == sorted(names)
    described = json.loads((run.output / 'table.json').read_text())
    (vector,) = described['vectors']
    rows = [{vector: list(row)} for row in table[described['vectors'][vector]].to_numpy().tolist()]
    _, index = asked(run, rows, tmp_path)
    assert adjusted_rand_score(index, groups) == 1


def test_the_printed_command_reads_a_long_example_from_a_file(wide):
    run, *_ = wide
    (command,) = (line for line in run.screen.splitlines() if 'saved_model_cli' in line)
    answered = subprocess.run(
        command, shell=True, capture_output=True, text=True, check=True, cwd=run.output.parent
    )
    assert re.search(r'cluster_index:\n\[\d\]', answered.stdout)


def in_train(x, upper, own, big):
    """Whether ExampleGen puts a row into the split train: two of three hash buckets."""
    example = tf.train.Example()
    for name, value in {'x': x, 'X': upper, 'self': own, 'größe': big}.items():
        example.features.feature[name].int64_list.value.append(value)
    key = example.SerializeToString(deterministic=True)
    return int(hashlib.sha256(key).hexdigest(), 16) % 3 < 2


@pytest.fixture(scope='module')
def few_distinct(tmp_path_factory, local_runner):
    """Two different rows, ten times each, both of which go to the split train."""
    folder = tmp_path_factory.mktemp('few')
    rows = ((i, 100 - i, i % 7, (-1) ** i * (8 * 10**18 + i)) for i in itertools.count())
    chosen = list(itertools.islice((row for row in rows if in_train(*row)), 2))
    assert chosen[0][3] * chosen[1][3] < 0
    lines = ['x,X,self,größe', *(','.join(map(str, row)) for row in chosen * 10)]
    (folder / 'few.csv').write_text('\n'.join(lines) + '\n')
    run = local_runner(folder / 'output', '--data', str(folder / 'few.csv'), '--num-clusters', '2')
    return run, chosen


def test_without_an_eval_split_the_model_is_validated_on_train_and_says_so(few_distinct):
    run, _ = few_distinct
    assert run.code == 0, run.screen + run.errors
    assert (
        "The split 'eval' has no rows, so the model was validated on 'train': 20 rows, 2 of them "
        'different, are split by a hash of their content.'
    ) in run.screen
    report, page = report_of(run)
    assert report['validated_splits'] == ['train']
    assert 'the model was validated on the split &#39;train&#39;' in page


def test_names_that_tensorflow_does_not_accept_and_integers_of_64_bits(few_distinct, tmp_path):
    run, chosen = few_distinct
    assert list(metadata_of(run).column_names) == ['X', 'größe', 'self', 'x']
    rows = [dict(zip(('x', 'X', 'self', 'größe'), row, strict=True)) for row in chosen]
    found, index = asked(run, rows, tmp_path)
    assert sorted(index) == [0, 1]
    np.testing.assert_allclose(np.abs(found), 1, rtol=1e-6)  # two values, equally frequent
    order = np.sign(found[0])
    signs = [np.sign(chosen[0][i] - chosen[1][i]) for i in (1, 3, 2, 0)]
    assert list(order) == signs
