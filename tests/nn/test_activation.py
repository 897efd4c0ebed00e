import numpy as np
import pytest

from resnet_jax.nn.activation import ACTIVATIONS, activation


@pytest.mark.parametrize(
    ("name", "below", "above"),
    [
        ("elu", np.expm1(-2), 2),
        ("gelu", -0.0455003, 1.9544997),
        ("identity", -2, 2),
        ("leaky_relu", -0.4, 2),
        ("relu", 0, 2),
        ("sigmoid", 0.1192029, 0.8807971),
        ("silu", -0.2384058, 1.7615942),
        ("tanh", -0.9640276, 0.9640276),
    ],
)
def test_values(name, below, above):
    values = activation(name)(np.array([-2.0, 2.0], np.float32))
    np.testing.assert_allclose(values, [below, above], atol=1e-6)


def test_the_table_is_tested_whole():
    assert len(ACTIVATIONS) == 8


def test_a_wrong_name_is_answered_and_functions_pass():
    with pytest.raises(ValueError, match="Did you mean relu"):
        activation("rellu")
    assert activation(np.abs) is np.abs
