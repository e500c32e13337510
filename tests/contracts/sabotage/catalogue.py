"""A catalogue of faults: each model is refused by the check that is meant for it, and not pushed.

Each fault is put into a folder on disk, which goes through the executor of ExportValidator and then
through TFX's own Pusher. A fault that no other check finds is marked as `alone`: without that check
the model would be pushed. scripts/always_passing.py shows it for each check.
"""

import dataclasses
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.types import standard_artifacts

from tfx_kmeans.artifacts import KMeansCentroids
from tfx_kmeans.centroids.storage import read_payload, write_payload
from tfx_kmeans.serving import export
from tfx_kmeans.serving.preprocessing import SchemaPreprocessing
from tfx_kmeans.serving.transform_graph import TransformPreprocessing

SCHEMA = 'feature { name: "a" } feature { name: "b" } feature { name: "c" }'
SPEC = {
    **{name: tf.io.FixedLenFeature([], tf.float32) for name in 'abc'},
    'label': tf.io.FixedLenFeature([], tf.string),
}


@dataclasses.dataclass(frozen=True)
class Fault:
    """How a model is damaged, and the check that is meant to find it."""

    check: str
    damage: object
    alone: bool
    base: str
    infra_blessed: bool
    reason: str


class Catalogue:
    """The faults for the checks of one group, by the ids of their tests."""

    def __init__(self, infra_blessed):
        self.by_name = {}
        self._infra_blessed = infra_blessed

    def fault(self, check, alone=True, base='exported', reason='', infra_blessed=None):
        """Adds a function that damages a `Bench`."""
        infra = self._infra_blessed if infra_blessed is None else infra_blessed

        def add(damage):
            name = f'{check}-{damage.__name__}'
            self.by_name[name] = Fault(check, damage, alone, base, infra, reason)
            return damage

        return add

    def module_fault(self, check, **options):
        """Adds a model saved by another module class."""

        def add(module_class):
            def damage(bench):
                bench.save(module_class)

            damage.__name__ = module_class.__name__
            self.fault(check, **options)(damage)
            return module_class

        return add


class Bench:
    """A copy of a good model and of its centroids, to damage."""

    def __init__(self, workshop, base):
        self.workshop = workshop
        self.base = base
        self.options = {}
        self.inputs = {}
        self.examples = base.examples
        self.model = workshop.artifact(standard_artifacts.Model, 'model')
        self.model.set_string_custom_property('tfx_version', '1.16.0')
        shutil.copytree(base.model.uri, self.model.uri, dirs_exist_ok=True)
        self.centroids = workshop.artifact(KMeansCentroids, 'centroids')
        shutil.copytree(base.centroids.uri, self.centroids.uri, dirs_exist_ok=True)
        self.payload = read_payload(base.centroids.uri)

    @property
    def folder(self):
        return Path(self.model.uri) / 'Format-Serving'

    @property
    def graph_file(self):
        return self.folder / 'saved_model.pb'

    def edit(self, change):
        """Lets a function change the graph in saved_model.pb."""
        proto = saved_model_pb2.SavedModel.FromString(self.graph_file.read_bytes())
        change(proto.meta_graphs[0])
        self.graph_file.write_bytes(proto.SerializeToString())

    def save(self, module_class=export.KMeansModule, payload=None, spec=SPEC, **options):
        """Replaces the model by one that another module class makes of the payload."""
        shutil.rmtree(self.folder)
        self._save(self.folder, module_class, payload, spec, **options)

    def _save(self, folder, module_class, payload, spec, **options):
        if hasattr(self.base, 'graph'):
            features = [placed.name for placed in self.payload.metadata.features]
            preprocessing = TransformPreprocessing(self.base.graph.uri, features)
        else:
            schema = text_format.Parse(SCHEMA, schema_pb2.Schema())
            features = [placed.name for placed in (payload or self.payload).metadata.features]
            preprocessing = SchemaPreprocessing(spec, schema, features)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(export, 'KMeansModule', module_class)
            patched.setattr(export, 'refuse_python_calls', lambda *_: None)
            made = export.ModelToSave(payload or self.payload, preprocessing, **options)
            made.save(str(folder))

    def save_with(self, **changes):
        """Saves a model of the payload with other arrays."""
        self.save(payload=dataclasses.replace(self.payload, **changes))

    def other_centroids(self, change=lambda metadata: None, **arrays):
        """Damages the centroids artifact."""
        folder = Path(self.centroids.uri)
        np.savez(folder / 'centroids.npz', **{**np.load(folder / 'centroids.npz'), **arrays})
        metadata = json.loads((folder / 'metadata.json').read_text())
        change(metadata)
        (folder / 'metadata.json').write_text(json.dumps(metadata))

    def baseline_centroids(self, payload):
        """Connects a folder that contains only centroids as the baseline."""
        made = self.workshop.artifact(standard_artifacts.Model, 'baseline')
        write_payload(f'{made.uri}/assets.extra/tfx_kmeans', payload)
        self.inputs['baseline'] = [made]

    def baseline(self, payload=None, spec=SPEC):
        """Connects a model of the payload, or of another one, as the baseline."""
        made = self.workshop.artifact(standard_artifacts.Model, 'baseline')
        self._save(f'{made.uri}/Format-Serving', export.KMeansModule, payload, spec)
        self.inputs['baseline'] = [made]

    def limit(self, **thresholds):
        self.options['thresholds'] = thresholds


def assert_refused(fault, workshop, request):
    """Damages a model, validates it, and tries to push it."""
    bench = Bench(workshop, request.getfixturevalue(fault.base))
    if fault.base == 'behind_transform':
        bench.other_graphs = request.getfixturevalue('other_graphs')
    fault.damage(bench)
    found = workshop.validate(
        bench.model, bench.centroids, bench.examples, **bench.inputs, **bench.options
    )
    pushed = workshop.push(bench.model, found)
    assert pushed == []
    assert fault.check in found.failed, found.checks
    assert fault.reason in next(one for one in found.checks if one['name'] == fault.check)['found']
    assert found.failed == [fault.check] or not fault.alone
    assert os.listdir(found.blessing.uri) == ['NOT_BLESSED']
    assert fault.check in found.blessing.get_string_custom_property('failed_checks').split(',')
    assert os.listdir(found.infra_blessing.uri) == [
        'INFRA_BLESSED' if fault.infra_blessed else 'INFRA_NOT_BLESSED'
    ]
