from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.nn.normalization import Identity
from resnet_jax.nn.preactivation import (
    POOLS,
    PROJECTIONS,
    Downsample,
    PreActivationBlock,
    PreActivationStem,
)
from resnet_jax.nn.resampling import avg_pool_squares

KEY = jax.random.key(0)
SIDES = {"imagenet": 4, "deep": 4, "deep_tiered": 4, "cifar": 16}


def images(channels=8, side=6):
    return jax.random.normal(KEY, (2, side, side, channels))


def shapes(module, *args):
    run = partial(module.init_with_output, train=False)
    return jax.eval_shape(run, KEY, *args)


@pytest.mark.parametrize("shortcut", PROJECTIONS)
@pytest.mark.parametrize("bottleneck", [False, True])
def test_shape_and_names(bottleneck, shortcut):
    block = PreActivationBlock(
        8, strides=2, bottleneck=bottleneck, project=True, shortcut=shortcut
    )
    y, variables = shapes(block, images(side=5))
    assert y.shape == (2, 3, 3, 8 * block.expansion)
    numbers = range(1, 4 if bottleneck else 3)
    names = {f"{kind}{i}" for kind in ("norm", "conv") for i in numbers}
    assert set(variables["params"]) == names | {"downsample"}


def test_the_projection_takes_the_activated_input():
    x = images()
    block = PreActivationBlock(8, bottleneck=False, project=True, zero_init=True)
    y, variables = block.init_with_output(KEY, x, False)
    kernel = variables["params"]["downsample"]["conv"]["kernel"][0, 0]
    np.testing.assert_allclose(
        y, jax.nn.relu(x / np.sqrt(1 + 1e-5)) @ kernel, atol=1e-5
    )


def test_without_projection_the_input_is_added_untouched():
    x = images()
    block = PreActivationBlock(8, bottleneck=False, zero_init=True, norm=Identity)
    np.testing.assert_array_equal(block.init_with_output(KEY, x, False)[0], x)


def test_dropped_branches_leave_the_input_or_count_twice():
    x = jnp.tile(images()[:1], (64, 1, 1, 1))
    block = PreActivationBlock(8, bottleneck=False, norm=Identity)
    variables = block.init(KEY, x, False)
    apply = partial(block.apply, variables, x, rngs={"dropout": KEY})
    whole, dropped = apply(False, 0.5) - x, apply(True, 0.5) - x
    kept = np.abs(dropped).max((1, 2, 3)) > 0
    assert 16 < kept.sum() < 48
    np.testing.assert_allclose(dropped[kept], 2 * whole[kept], atol=1e-5)


def test_the_mean_comes_before_the_convolution():
    x = images(3, 5)
    y, variables = Downsample(4, 2, reduce=avg_pool_squares).init_with_output(KEY, x)
    kernel = variables["params"]["conv"]["kernel"][0, 0]
    np.testing.assert_allclose(y, avg_pool_squares(x, 2) @ kernel, atol=1e-5)


@pytest.mark.parametrize(
    ("kind", "widths"),
    [
        ("imagenet", [64]),
        ("cifar", [64]),
        ("deep", [32, 32, 64]),
        ("deep_tiered", [24, 32, 64]),
    ],
)
def test_stems(kind, widths):
    (before, after), variables = shapes(PreActivationStem(kind), images(3, 16))
    assert after.shape == (2, SIDES[kind], SIDES[kind], 64)
    assert before.shape[1] == (16 if kind == "cifar" else 8)
    params = variables["params"]
    names = ["conv"] if len(widths) == 1 else ["conv1", "conv2", "conv3"]
    assert [params[name]["kernel"].shape[-1] for name in names] == widths
    assert sum("norm" in name for name in params) == len(widths) - 1


def test_zeros_around_the_image_count():
    x = jnp.full((1, 4, 4, 1), -1.0)
    assert (POOLS["max"](x) == -1).all()
    want = [[0, 0], [0, -1]]
    np.testing.assert_array_equal(POOLS["zero_max"](x)[0, ..., 0], want)
