from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from drawn import FAST, drawn

from resnet_jax.models import create_model
from resnet_jax.models.summary import summarize

NAMES = ("srgan_discriminator", "esrgan_discriminator")


def tiny(name, **fields):
    given = {"channels": 2, "width": 4, "stages": 2, "hidden": 5, "resolution": 8}
    return create_model(name, **{**given, **fields})


def made(model, side=8):
    x = np.random.default_rng(1).normal(size=(4, side, side, 2)).astype(np.float32)
    return drawn(model.init, x), x


def test_published_sizes():
    """BasicSR's VGGStyleDiscriminator; SRGAN-PyTorch's Discriminator."""
    sizes = [summarize(create_model(name))["parameters"] for name in NAMES]
    assert sizes == [23_563_649, 14_499_401]
    # leftthomas/SRGAN pools; its convolutions before norms have 1856 biases.
    pooled = create_model(NAMES[0], resolution=0)
    assert summarize(pooled)["parameters"] == 5_215_425 - 1856


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("resolution", [8, 0])
def test_every_parameter_gets_a_gradient(name, resolution):
    model = tiny(name, resolution=resolution)
    variables, x = made(model)

    def loss(params):
        y = model.apply({**variables, "params": params}, x)
        return (y * jnp.arange(1.0, 5.0)).sum()

    grad = jax.jit(jax.grad(loss), compiler_options=FAST)(variables["params"])
    for leaf in jax.tree.leaves(grad):
        assert np.isfinite(leaf).all() and leaf.any()


def test_training_normalizes_by_the_batch():
    model = tiny(NAMES[0])
    variables, x = made(model)

    @partial(jax.jit, compiler_options=FAST)
    def run(x):
        train = partial(model.apply, train=True, mutable=["batch_stats"])
        return train(variables, x)[0], model.apply(variables, x)

    (trained, evaluated), (half, same) = run(x), run(x[:2])
    assert trained.shape == (4,) and trained.dtype == jnp.float32
    assert not np.allclose(trained[:2], half, rtol=1e-3)
    np.testing.assert_allclose(evaluated[:2], same, rtol=1e-5)
    assert model.mixes_examples and not tiny(NAMES[0], norm="none").mixes_examples


def test_pooling_takes_any_size():
    model = tiny(NAMES[1], resolution=0)
    variables, _ = made(model)
    for side in (8, 13):
        x = jax.ShapeDtypeStruct((3, side, side + 1, 2), jnp.float32)
        assert jax.eval_shape(model.apply, variables, x).shape == (3,)
    assert model.inputs[0].shape == (1, 192, 192, 2)


def test_half_precision_ends_in_float32():
    model = tiny(NAMES[0], dtype="bfloat16")
    y, variables = jax.eval_shape(
        model.init_with_output, jax.random.key(0), *model.inputs
    )
    assert {leaf.dtype for leaf in jax.tree.leaves((y, variables))} == {
        jnp.dtype("float32")
    }


@pytest.mark.parametrize(
    ("fields", "shape", "message"),
    [
        ({}, (8, 9), "takes images of 8 x 8, not 8 x 9: set its resolution"),
        ({"resolution": 0}, (3, 9), "3 x 9 are too small for 2 stages: .* 4 x 4"),
        ({"resolution": 2}, (2, 2), "2 x 2 are too small for 2 stages"),
    ],
)
def test_images_of_a_wrong_size(fields, shape, message):
    with pytest.raises(ValueError, match=message):
        tiny(NAMES[0], **fields).init(jax.random.key(0), np.zeros((1, *shape, 2)))


def test_wrong_settings_are_refused_at_once():
    with pytest.raises(ValueError, match="Did you mean batch"):
        tiny(NAMES[0], norm="bach")
