"""The user's own serving input as a signature."""

import numpy as np
import pytest

from tests.unit.serving import serving_inputs
from tests.unit.serving.conftest import reference
from tfx_kmeans.serving.python_calls import PythonCallError
from tfx_kmeans.serving.serving_input import ServingInput, ServingInputError


def named(name):
    return ServingInput(f'serving_inputs:{name}', getattr(serving_inputs, name))


def test_tensors_in_clusters_out(saved, points):
    lines = [';'.join(str(float(value)) for value in row) for row in points]
    ways = {
        'from_csv': {'lines': lines},
        'from_two': {'first': points[:, :3], 'last': points[:, 3].astype(np.int64)},
        'from_one': {'rows': points},
    }
    for name, inputs in ways.items():
        made = saved(serving_input=named(name))
        answer = made.ask('serving_input', **inputs)
        expected = reference(made.payload, points).argmin(axis=1)
        np.testing.assert_array_equal(answer['cluster_index'], expected)
        assert set(made.model.signatures['serving_input'].structured_input_signature[1]) == set(
            inputs
        )


@pytest.mark.parametrize(
    ('name', 'said'),
    [
        ('without_d', r"does not return 'b_c', which the model needs.*returns: 'a', 'b c/d', 'unu"),
        ('of_another_type', "returns 'b_c' as float32.*but the model needs int64"),
        ('of_another_shape', r"returns 'b c/d' as float32 \(None, 3\), but .* float32 \(None, 2\)"),
        ('no_dict', "must return a dict of raw features, but it returns 'SymbolicTensor'"),
        ('no_input', 'must take one or more tensors'),
    ],
)
def test_what_does_not_fit_is_refused(saved, name, said):
    with pytest.raises(ServingInputError, match=said):
        saved(serving_input=named(name))


def test_a_constant_in_it_counts_in_the_fingerprint(saved):
    found = [
        saved(serving_input=named(name)).result.fingerprint
        for name in ('from_csv_scaled', 'from_csv_scaled', 'from_csv_scaled_more')
    ]
    assert found[0] == found[1] != found[2]


def test_python_is_refused(saved):
    with pytest.raises(PythonCallError, match="signature 'serving_input' calls Python functions"):
        saved(serving_input=named('calls_python'))
