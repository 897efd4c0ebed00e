import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.nn.attention import (
    EfficientChannelAttention,
    SqueezeExcite,
    attention,
)
from resnet_jax.nn.convolution import Conv

KEY = jax.random.key(0)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize(
    ("channels", "ratio", "hidden"),
    [(64, 1 / 16, 8), (256, 1 / 16, 16), (64, 0.25, 16), (48, 0.25, 16), (40, 0.25, 8)],
)
def test_hidden_channels_are_multiples_of_eight(channels, ratio, hidden):
    layer, x = SqueezeExcite(channels, ratio), jnp.zeros((1, 1, 1, channels))
    params = jax.eval_shape(layer.init, KEY, x)["params"]
    assert params["fc1"]["kernel"].shape == (1, 1, channels, hidden)
    assert params["fc2"]["kernel"].shape == (1, 1, hidden, channels)
    assert params["fc2"]["bias"].shape == (channels,)


def test_squeeze_and_excitation_by_hand():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 3, 4, 5)).astype("f4")
    layer = SqueezeExcite(5)
    params = layer.init(KEY, x)["params"]
    one, two = (params[name] for name in ("fc1", "fc2"))
    hidden = np.maximum(x.mean((1, 2)) @ one["kernel"][0, 0] + one["bias"], 0)
    gate = sigmoid(hidden @ two["kernel"][0, 0] + two["bias"])
    want = x * gate[:, None, None]
    np.testing.assert_allclose(layer.apply({"params": params}, x), want, atol=1e-6)


@pytest.mark.parametrize(
    ("channels", "size"), [(8, 3), (64, 3), (128, 5), (256, 5), (1024, 5), (2048, 7)]
)
def test_the_kernel_grows_with_the_channels(channels, size):
    layer, x = EfficientChannelAttention(channels), jnp.zeros((1, 1, 1, channels))
    shapes = jax.eval_shape(layer.init, KEY, x)["params"]
    assert shapes["conv"]["kernel"].shape == (size, 1, 1)


def test_efficient_channel_attention_by_hand():
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 6)).astype("f4")
    layer = EfficientChannelAttention(64)
    kernel = np.array([0.5, -1, 2], "f4")
    variables = {"params": {"conv": {"kernel": kernel.reshape(3, 1, 1)}}}
    means = np.pad(x.mean((1, 2)), [(0, 0), (1, 1)])
    gate = sigmoid(sum(kernel[i] * means[:, i : i + 6] for i in range(3)))
    want = x * gate[:, None, None]
    np.testing.assert_allclose(layer.apply(variables, x), want, atol=1e-6)


def test_sections_names_constructors_and_none():
    assert attention(None, conv=Conv) is None
    assert attention(SqueezeExcite, conv=Conv) is SqueezeExcite
    assert attention({"name": "se", "ratio": 0.5}, conv=Conv)(64).ratio == 0.5
    assert attention("eca", conv=Conv, dtype="bfloat16")(64).dtype == "bfloat16"
    with pytest.raises(ValueError, match=r"unknown attention 'sse'\. Did you mean se"):
        attention("sse", conv=Conv)
    with pytest.raises(ValueError, match=r"takes no 'rate'\. Did you mean ratio"):
        attention({"name": "se", "rate": 0.5}, conv=Conv)
