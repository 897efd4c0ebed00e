import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.models import create_model
from resnet_jax.models.summary import summarize


def test_published_sizes():
    """1.97 M is the network of github.com/KellerJordan/cifar10-airbench."""
    assert summarize(create_model("airbench94"), (32, 32, 3))["parameters"] == 1_971_352


def test_stages_are_as_announced():
    model = create_model("airbench94", widths=(8, 16), depth=3)
    x = jnp.zeros((2, 32, 32, 3))
    variables = jax.eval_shape(model.init, jax.random.key(0), x)
    stages = jax.eval_shape(lambda v: model.apply(v, x, method="features"), variables)
    assert [s.shape for s in stages] == [
        (2, 31, 31, 24),
        (2, 15, 15, 8),
        (2, 7, 7, 16),
    ]
    assert [i["num_chs"] for i in model.feature_info] == [24, 8, 16]
    assert set(variables["params"]["layers_0"]) >= {"conv3", "norm3"}
    assert set(variables["params"]["layers_0"]["norm1"]) == {"bias"}
    assert set(variables["params"]["fc"]) == {"kernel"}
    assert set(variables["params"]["whiten"]) == {"bias"}


def test_logits_are_the_head_over_its_width():
    model = create_model("airbench94", widths=(4, 4, 4))
    x = jax.random.normal(jax.random.key(1), (2, 32, 32, 3))
    variables = jax.jit(model.init)(jax.random.key(0), x)
    last = model.apply(variables, x, method="features")[-1]
    wanted = last.max((1, 2)) @ variables["params"]["fc"]["kernel"] / 4
    np.testing.assert_allclose(model.apply(variables, x), wanted, atol=1e-6)


def test_whitened_replaces_the_kernel_that_is_no_parameter():
    model = create_model("airbench94", widths=(4,))
    x = jax.random.normal(jax.random.key(1), (8, 8, 8, 3))
    variables = model.init(jax.random.key(0), x)
    constants = model.whitened(variables["constants"], 3 * x)
    y = model.apply(
        {**variables, "constants": constants}, 3 * x, method=lambda m, x: m.whiten(x)
    )
    np.testing.assert_allclose(jnp.square(y).mean((0, 1, 2)), 1.0, atol=0.01)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"depth": 4}, "expected 2 or 3"),
        ({"widths": ()}, "expected one or more"),
        ({"act": "gelo"}, "Did you mean gelu"),
        ({"dtype": "bfloat"}, "Did you mean bfloat16"),
    ],
)
def test_wrong_settings_are_refused_at_once(fields, message):
    with pytest.raises(ValueError, match=message):
        create_model("airbench94", **fields)
