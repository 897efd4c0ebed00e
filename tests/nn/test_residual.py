from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.nn.attention import SqueezeExcite
from resnet_jax.nn.normalization import Identity
from resnet_jax.nn.resampling import blur_pool
from resnet_jax.nn.residual import BLOCKS, ResidualBlock
from resnet_jax.nn.stochastic import drop_block

KEY = jax.random.key(0)


def images(channels=8):
    return jax.random.normal(KEY, (2, 6, 6, channels))


def run(block, x, train=False):
    y, variables = block.init_with_output(KEY, x, train)
    return y, variables["params"]


@pytest.mark.parametrize("shortcut", ["projection", "padded", "none"])
@pytest.mark.parametrize("name", BLOCKS)
def test_shape_and_names(name, shortcut):
    block = BLOCKS[name](8, strides=2, shortcut=shortcut)
    y, params = run(block, images())
    assert y.shape == (2, 3, 3, 8 * block.expansion)
    assert ("downsample_0" in params) == (shortcut == "projection")
    normed = shortcut == "projection" and not block.preact
    assert ("downsample_1" in params) == normed
    count = 3 if block.bottleneck else 2
    assert {f"{k}{i + 1}" for k in ("conv", "bn") for i in range(count)} <= set(params)


@pytest.mark.parametrize("name", BLOCKS)
@pytest.mark.parametrize("shortcut", ["projection", "padded"])
def test_zero_init_leaves_the_shortcut_and_learns(name, shortcut):
    block = BLOCKS[name](8, shortcut=shortcut, zero_init=True)
    x = images(8 * block.expansion)
    y, params = run(block, x)
    np.testing.assert_array_equal(y, x if block.preact else jax.nn.relu(x))

    def loss(params):
        variables = {"params": params}
        y, _ = block.apply(variables, x, True, mutable="batch_stats")
        return jnp.sum(y * jnp.sin(jnp.arange(y.size)).reshape(y.shape))

    last = f"{'conv' if block.preact else 'bn'}{3 if block.bottleneck else 2}"
    grads = jax.tree.leaves(jax.grad(loss)(params)[last])
    assert all(np.abs(g).max() > 0 for g in grads)


def test_without_shortcut_nothing_is_added():
    x = images()
    with_it, params = run(BLOCKS["preact_basic"](8), x)
    plain = BLOCKS["preact_basic"](8, shortcut="none")
    without = plain.apply(plain.init(KEY, x, False) | {"params": params}, x, False)
    np.testing.assert_allclose(with_it - without, x, atol=1e-5)


def test_padded_shortcut_subsamples_and_centers():
    x = images(4)
    block = ResidualBlock(8, strides=2, shortcut="padded", zero_init=True)
    y, _ = run(block, x)
    want = np.zeros((2, 3, 3, 8), "f4")
    want[..., 2:6] = jax.nn.relu(x[:, ::2, ::2])
    np.testing.assert_array_equal(y, want)
    with pytest.raises(ValueError, match="8 channels down to 4"):
        run(ResidualBlock(4, shortcut="padded"), images())


@pytest.mark.parametrize(("stride_on", "strided"), [("3x3", 1), ("1x1", 0)])
def test_stride_cardinality_and_width_of_a_bottleneck(stride_on, strided):
    block = ResidualBlock(
        64, 2, bottleneck=True, cardinality=32, base_width=4, stride_on=stride_on
    )
    layers = block.layers()
    assert [layer["features"] for layer in layers] == [128, 128, 256]
    assert layers[1]["groups"] == 32
    strides = [layer.get("strides", 1) for layer in layers]
    assert strides == [2 if i == strided else 1 for i in range(3)]


def test_parts_are_injected():
    _, params = run(ResidualBlock(8, norm=Identity, act=jnp.tanh), images())
    assert set(params) == {"conv1", "conv2"}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"shortcut": "pad"}, "unknown shortcut 'pad'. Did you mean padded"),
        ({"bottleneck": True, "stride_on": "2x2"}, "unknown stride_on '2x2'"),
        ({"cardinality": 2}, "need a bottleneck"),
    ],
)
def test_wrong_fields_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        run(ResidualBlock(8, **fields), images())


def names(block, x):
    """The parameters of a block and their shapes."""
    params = jax.eval_shape(lambda x: block.init(KEY, x, False), x)["params"]
    return {
        key: jax.tree.map(lambda leaf: leaf.shape, sub) for key, sub in params.items()
    }


@pytest.mark.parametrize("name", BLOCKS)
def test_average_shortcuts_have_a_plain_convolution(name):
    block = BLOCKS[name](8, strides=2, shortcut="average", shortcut_kernel=3)
    found = names(block, images())
    assert found["downsample_1"]["kernel"] == (1, 1, 8, 8 * block.expansion)
    assert ("downsample_2" in found) == (not block.preact)
    assert "downsample_0" not in found


def test_a_projection_has_its_kernel_only_where_the_block_is_strided():
    for strides, size in ((1, 1), (2, 3)):
        block = ResidualBlock(4, strides, shortcut_kernel=3)
        assert names(block, images())["downsample_0"]["kernel"] == (size, size, 8, 4)


@pytest.mark.parametrize("bottleneck", [False, True])
def test_reduced_and_pruned_channels(bottleneck):
    block = ResidualBlock(16, bottleneck=bottleneck, reduce_first=2)
    widths = [layer["features"] for layer in block.layers()]
    assert widths == ([8, 16, 64] if bottleneck else [8, 16])
    pruned = (5, 3, 7) if bottleneck else (5, 7)
    block = block.clone(widths=pruned, attention=SqueezeExcite, shortcut="average")
    found = names(block, images())
    assert [found[f"conv{i + 1}"]["kernel"][-1] for i in range(len(pruned))] == [
        *pruned
    ]
    assert found["downsample_1"]["kernel"] == (1, 1, 8, 7)
    assert found["se"]["fc1"]["kernel"] == (1, 1, 7, 8)


@pytest.mark.parametrize("name", BLOCKS)
def test_blur_takes_the_place_of_the_stride(name):
    seen = []

    def blur(x, strides):
        seen.append((x.shape, strides))
        return blur_pool(x, strides)

    block = BLOCKS[name](4, strides=2, blur=blur)
    y, _ = run(block, images())
    assert y.shape[1:3] == (3, 3)
    assert seen == [((2, 6, 6, 4), 2)] * len(seen) and seen
    seen.clear()
    run(BLOCKS[name](4, blur=blur), images())
    assert not seen


def test_dilations_of_both_convolutions():
    layers = ResidualBlock(8, dilations=(1, 2)).layers()
    assert [layer["dilation"] for layer in layers] == [1, 2]
    layers = ResidualBlock(8, dilations=(1, 2), bottleneck=True).layers()
    assert [layer["dilation"] for layer in layers] == [1, 1, 1]


def test_attention_scales_the_branch_alone():
    x = images()
    block = ResidualBlock(8, preact=True, shortcut="none")
    plain, params = run(block, x)
    gated = block.clone(attention=lambda channels, name: lambda y: y / channels)
    y = gated.apply(block.init(KEY, x, False) | {"params": params}, x, False)
    np.testing.assert_allclose(y, plain / 8, rtol=1e-6)


@pytest.mark.parametrize("name", BLOCKS)
def test_only_training_drops(name):
    block = BLOCKS[name](
        8, dropout=0.5, drop_block=partial(drop_block, rate=0.3, size=3)
    )
    x = images(8 * block.expansion)
    variables = block.init(KEY, x, False)

    def apply(layer, train, rate=0.0, key=KEY):
        rngs = {"dropout": key}
        return layer.apply(variables, x, train, rate, rngs=rngs, mutable="batch_stats")[
            0
        ]

    np.testing.assert_array_equal(
        apply(block, False, 0.9), block.apply(variables, x, False)
    )
    once, again = (apply(block, True, key=jax.random.key(i)) for i in (1, 2))
    assert np.abs(once - again).max() > 0.1
    plain = BLOCKS[name](8)
    dropped = apply(plain, True, 1 - 1e-6)
    np.testing.assert_array_equal(dropped, x if block.preact else jax.nn.relu(x))
