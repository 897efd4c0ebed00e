import jax
import jax.numpy as jnp
import numpy as np
import pytest
from drawn import FAST, drawn

from resnet_jax.models import create_model


def map_of(model, side):
    image = jax.ShapeDtypeStruct((1, side, side, model.in_channels), jnp.float32)
    init = jax.eval_shape(
        lambda x: model.init_with_output(jax.random.key(0), x)[0], image
    )
    return init.shape[1:]


def test_one_logit_for_each_patch():
    assert map_of(create_model("patchgan70"), 256) == (30, 30, 1)
    assert map_of(create_model("patchgan70", antialias=True), 256) == (30, 30, 1)
    assert map_of(create_model("patchgan70"), 32) == (2, 2, 1)
    assert map_of(create_model("pixelgan"), 7) == (7, 7, 1)


@pytest.mark.parametrize(
    ("name", "side"),
    [(f"patchgan{n}", n) for n in (16, 34, 70, 142, 286)] + [("pixelgan", 1)],
)
def test_names_say_the_side_of_a_patch(name, side):
    model = create_model(name, norm="none")
    assert model.receptive_field == side
    assert map_of(model, model.least) == (1, 1, 1)
    if model.least > 1:
        with pytest.raises(ValueError, match=f"at least {model.least}"):
            map_of(model, model.least - 1)


@pytest.mark.parametrize("name", ["patchgan16", "patchgan34", "pixelgan"])
def test_a_logit_sees_its_patch(name):
    model = create_model(name, width=2, in_channels=1, norm="none")
    x = np.ones((1, 64, 64, 1), np.float32)
    variables = jax.tree.map(np.abs, drawn(model.init, x))
    logit = jax.grad(lambda x: model.apply(variables, x)[0, 6, 6, 0])
    rows = np.flatnonzero(np.any(jax.jit(logit, compiler_options=FAST)(x), (0, 2, 3)))
    assert rows.max() - rows.min() + 1 == model.receptive_field == len(rows)


def test_layers_and_biases():
    for norm, biases in (
        ("batch", {"conv1", "head"}),
        ("instance", {"conv1", "conv2", "conv3", "head"}),
    ):
        model = create_model("patchgan34", norm=norm)
        params = jax.eval_shape(model.init, jax.random.key(0), *model.inputs)["params"]
        assert {
            name for name in params if "norm" not in name and "bias" in params[name]
        } == biases
        assert ("norm2" in params) == (norm == "batch") and "norm1" not in params
        kernels = [params[f"conv{i}"]["kernel"].shape[2:] for i in (1, 2, 3)]
        assert kernels == [(3, 64), (64, 128), (128, 256)]
    assert create_model("patchgan286").plan[-1] == (512, 1)


def test_only_batch_norm_mixes_examples():
    assert create_model("patchgan70", norm="batch").mixes_examples
    assert not create_model("patchgan70").mixes_examples
