"""User-defined serving inputs as a signature."""

import numpy as np
import pytest

from tests.unit.serving import serving_inputs
from tests.unit.serving.examples import reference
from tfx_kmeans.errors import PythonCallError, ServingInputError
from tfx_kmeans.serving.serving_input import ServingInput


def named(name):
    return ServingInput(f'serving_inputs:{name}', getattr(serving_inputs, name))


def test_a_serving_input_becomes_a_signature(saved, points):
    lines = [';'.join(str(float(value)) for value in row) for row in points]
    ways = {
        'from_csv': {'lines': lines},
        'from_two': {'first': points[:, :3], 'last': points[:, 3].astype(np.int64)},
        'from_one': {'rows': points},
    }
    for name, inputs in ways.items():
        made = saved(serving_input=named(name))
        answer = made.call('serving_input', **inputs)
        expected = reference(made.payload, points).argmin(axis=1)
        np.testing.assert_array_equal(answer['cluster_index'], expected)
        assert set(made.model.signatures['serving_input'].structured_input_signature[1]) == set(
            inputs
        )


@pytest.mark.parametrize(
    ('name', 'message'),
    [
        ('without_d', r"does not return 'b_c', which the model needs.*returns: 'a', 'b c/d', 'unu"),
        ('of_another_type', "returns 'b_c' as float32.*but the model needs int64"),
        ('of_another_shape', r"returns 'b c/d' as float32 \(None, 3\), but .* float32 \(None, 2\)"),
        ('no_dict', "must return a dict of raw features, but it returns 'SymbolicTensor'"),
        ('no_input', 'must take one or more tensors'),
    ],
)
def test_a_function_that_does_not_fit_the_model_is_rejected(saved, name, message):
    with pytest.raises(ServingInputError, match=message):
        saved(serving_input=named(name))


def test_the_fingerprint_depends_on_constants_of_the_function(saved):
    found = [
        saved(serving_input=named(name)).result.fingerprint
        for name in ('from_csv_scaled', 'from_csv_scaled', 'from_csv_scaled_more')
    ]
    assert found[0] == found[1] != found[2]


def test_a_function_that_calls_python_is_rejected(saved):
    with pytest.raises(PythonCallError, match="signature 'serving_input' calls Python functions"):
        saved(serving_input=named('calls_python'))
