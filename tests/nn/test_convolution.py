import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.nn.convolution import Conv, StandardizedConv, convolution


def by_hand(x, kernel, strides, margin, dilation, groups):
    """Sums of shifted images, one kernel position at a time."""
    x = np.pad(x, ((0, 0), (margin, margin), (margin, margin), (0, 0)))
    size, per_group = kernel.shape[0], kernel.shape[3] // groups
    reach = (size - 1) * dilation
    height, width = ((n - reach - 1) // strides + 1 for n in x.shape[1:3])
    y = np.zeros((len(x), height, width, kernel.shape[3]))
    for i in range(size):
        for j in range(size):
            rows = slice(i * dilation, i * dilation + strides * height, strides)
            columns = slice(j * dilation, j * dilation + strides * width, strides)
            seen = x[:, rows, columns][:, :height, :width]
            for g, part in enumerate(np.split(seen, groups, -1)):
                out = slice(g * per_group, (g + 1) * per_group)
                y[..., out] += part @ kernel[i, j, :, out]
    return y


@pytest.mark.parametrize(
    ("size", "strides", "dilation", "groups"),
    [
        (1, 1, 1, 1),
        (3, 1, 1, 1),
        (3, 2, 1, 2),
        (7, 2, 1, 1),
        (3, 1, 2, 4),
        (2, 2, 1, 1),
    ],
)
def test_symmetric_padding_by_hand(size, strides, dilation, groups):
    rng = np.random.default_rng(0)
    x, kernel = (
        rng.normal(size=(2, 9, 8, 4)),
        rng.normal(size=(size, size, 4 // groups, 8)),
    )
    with jax.enable_x64(True):
        conv = Conv(8, size, strides=strides, dilation=dilation, groups=groups)
        y = conv.apply({"params": {"kernel": kernel}}, x)
    margin = (size - 1) // 2 * dilation
    want = by_hand(x, kernel, strides, margin, dilation, groups)
    np.testing.assert_allclose(y, want, atol=1e-9)


@pytest.mark.parametrize(
    ("padding", "side"), [(0, 6), (2, 10), ("VALID", 6), (((1, 0), (1, 0)), 7)]
)
def test_other_padding(padding, side):
    conv = Conv(2, (3, 3), padding=padding)
    x = jnp.zeros((1, 8, 8, 3))
    assert conv.init_with_output(jax.random.key(0), x)[0].shape == (1, side, side, 2)


def test_bias_and_precision():
    conv = Conv(
        2, 3, use_bias=True, bias_init=jax.nn.initializers.ones, dtype="bfloat16"
    )
    y, variables = conv.init_with_output(jax.random.key(0), jnp.zeros((1, 4, 4, 3)))
    assert y.dtype == jnp.bfloat16 and (y == 1).all()
    assert all(p.dtype == jnp.float32 for p in jax.tree.leaves(variables))


def test_kernels_are_drawn_as_in_torchvision():
    shape = jnp.zeros((1, 4, 4, 64))
    kernel = Conv(128, 3, groups=2).init(jax.random.key(0), shape)["params"]["kernel"]
    assert kernel.shape == (3, 3, 32, 128)
    np.testing.assert_allclose(kernel.std(), np.sqrt(2 / (9 * 128)), rtol=0.02)


@pytest.mark.parametrize("groups", [1, 2])
def test_standardized_kernels(groups):
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=(1, 5, 4, 4)), rng.normal(2, 3, (3, 3, 4 // groups, 6))
    with jax.enable_x64(True):
        conv = StandardizedConv(6, 3, groups=groups, epsilon=0.5)
        y = conv.apply({"params": {"kernel": kernel}}, x)
    centered = kernel - kernel.mean((0, 1, 2))
    standard = centered / np.sqrt(kernel.var((0, 1, 2)) + 0.5)
    np.testing.assert_allclose(y, by_hand(x, standard, 1, 1, 1, groups), atol=1e-9)


def test_standardization_ignores_the_kernels_scale_in_half_precision():
    x, conv = jnp.ones((1, 4, 4, 3)), convolution("std", dtype=jnp.bfloat16)(2, 3)
    kernel = 100 + jax.random.normal(jax.random.key(0), (3, 3, 3, 2))
    y, z = (conv.apply({"params": {"kernel": k}}, x) for k in (kernel, 8 * kernel))
    assert y.dtype == jnp.bfloat16
    np.testing.assert_allclose(np.float32(y), np.float32(z), atol=0.05)


def test_groups_must_divide_the_channels():
    with pytest.raises(ValueError, match=r"from 3 to 8 channels .* 2 groups"):
        Conv(8, 3, groups=2).init(jax.random.key(0), jnp.zeros((1, 4, 4, 3)))


def test_sections_fill_in_the_fields():
    conv = convolution({"name": "conv", "use_bias": True}, dtype="bfloat16")(8, 3)
    assert (conv.use_bias, conv.dtype, conv.features) == (True, "bfloat16", 8)
    with pytest.raises(ValueError, match="Did you mean use_bias"):
        convolution({"name": "conv", "bias": True})


@pytest.mark.parametrize("shape", [(8, 10), (9, 7)])
@pytest.mark.parametrize("size", [1, 3, 5, 7])
def test_packed_pixels_give_the_same_numbers_and_gradients(size, shape):
    x = jax.random.normal(jax.random.key(0), (2, *shape, 3))
    plain = Conv(4, size, strides=2, use_bias=True)
    packed = plain.clone(space_to_depth=True)
    variables = plain.init(jax.random.key(1), x)

    def loss(variables, layer):
        y = layer.apply(variables, x)
        return jnp.sum(jnp.sin(y)), y

    (_, want), gradient = jax.value_and_grad(loss, has_aux=True)(variables, plain)
    (_, got), other = jax.value_and_grad(loss, has_aux=True)(variables, packed)
    np.testing.assert_allclose(got, want, atol=1e-5)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, atol=1e-4), other, gradient
    )


@pytest.mark.parametrize(
    "fields", [{"strides": 1}, {"kernel_size": 4}, {"groups": 3}, {"padding": 0}]
)
def test_what_cannot_be_packed_is_refused(fields):
    given = {"kernel_size": 7, "strides": 2, "space_to_depth": True, **fields}
    with pytest.raises(ValueError, match="space_to_depth needs an odd kernel"):
        Conv(3, **given).init(jax.random.key(0), jnp.zeros((1, 8, 8, 3)))
