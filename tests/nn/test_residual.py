import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.nn.normalization import Identity
from resnet_jax.nn.residual import BLOCKS, ResidualBlock

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
