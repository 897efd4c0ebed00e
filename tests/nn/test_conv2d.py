"""All derivatives equal those of XLA's own convolution, and devices stay apart."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from drawn import FAST

from resnet_jax.nn import conv2d as module
from resnet_jax.nn.conv2d import conv2d
from resnet_jax.parallel import make_mesh, replicated, split


@pytest.fixture
def alone(monkeypatch):
    """As on a machine with one device, where gradients by kernels are functions."""
    monkeypatch.setattr(jax, "device_count", lambda: 1)


def by_xla(x, kernel, strides=(1, 1), padding="VALID", dilation=(1, 1), groups=1):
    return jax.lax.conv_general_dilated(
        x,
        kernel,
        strides,
        padding,
        rhs_dilation=dilation,
        feature_group_count=groups,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )


def derivatives(conv, x, kernel):
    """A convolution, and its derivatives in all ways that penalties ask for."""

    def loss(x, kernel):
        return jnp.square(jnp.tanh(conv(x, kernel))).sum()

    slopes = jax.grad(loss, (0, 1))

    def along(x, kernel):
        return jax.jvp(loss, (x, kernel), (x / 3, kernel / 2))[1]

    def steepness(x, kernel):
        return sum(jnp.square(slope).sum() for slope in slopes(x, kernel))

    def of_all(kernel):
        return jax.vmap(lambda x: loss(x[None], kernel))(x).sum()

    return {
        "reverse": slopes(x, kernel),
        "reverse over forward": jax.grad(along, (0, 1))(x, kernel),
        "reverse over reverse": jax.grad(steepness, (0, 1))(x, kernel),
        "forward over reverse": jax.jvp(slopes, (x, kernel), (x / 3, kernel / 2)),
        "forward over forward": jax.jvp(lambda x: along(x, kernel), (x,), (x,)),
        "of each": jax.vmap(slopes, (0, None))(x[:, None], kernel),
        "of several kernels": jax.vmap(slopes, (None, 0))(x, jnp.stack([kernel] * 2)),
        "through vmap": jax.grad(of_all)(kernel),
    }


@pytest.mark.parametrize(
    ("size", "options"),
    [
        # More pixels than the images below have.
        ((9, 8), {"padding": ((4, 4), (4, 3))}),
        ((9, 9), {"strides": (2, 3), "padding": ((4, 4), (3, 4))}),
        ((8, 8), {"padding": ((10, 9), (9, 9)), "dilation": (2, 2)}),
        ((3, 3), {"padding": ((1, 1), (1, 1))}),
        ((3, 4), {"strides": (2, 3), "padding": ((0, 1), (2, -1))}),
        ((1, 1), {"strides": (2, 2)}),
        ((3, 2), {"padding": "SAME", "dilation": (1, 2)}),
        ((3, 3), {"strides": (2, 2), "padding": "SAME", "groups": 2}),
    ],
)
def test_it_is_xlas_convolution_with_all_derivatives(alone, size, options):
    check(size, options)


def test_all_derivatives_by_winograd(alone, monkeypatch):
    taken = []

    def pays(kernel, y, gradient=False):
        taken.append(kernel)
        return kernel[:2] == (3, 3)

    monkeypatch.setattr(module, "winograd_pays", pays)
    check((3, 3), {"padding": ((1, 1), (1, 0))})
    assert (3, 3, 4, 6) in taken and (3, 3, 6, 4) in taken


def test_all_derivatives_by_lines(alone, monkeypatch):
    taken = []
    monkeypatch.setattr(
        module.products, "lines_pay", lambda x, g: taken.append((x, g)) or True
    )
    check((3, 2), {"padding": ((1, 1), (1, 0))})
    assert ((2, 8, 7, 4), (2, 8, 7, 6)) in taken


@pytest.mark.parametrize("strides", [(1, 1), (2, 1)])
def test_all_derivatives_by_groups(alone, monkeypatch, strides):
    taken = []

    def pays(x, kernel, spread):
        taken.append((kernel, spread))
        return True

    monkeypatch.setattr(module, "grouped_pays", pays)
    check((3, 2), {"strides": strides, "padding": ((1, 1), (1, 0)), "groups": 2})
    assert {((3, 2, 2, 6), (1, 1)), ((3, 2, 3, 4), strides)} <= set(taken)


@pytest.mark.parametrize("devices", [1, 2])
@pytest.mark.parametrize("channels", [4, 32])
def test_the_gradient_by_groups_is_none_of_batches(devices, channels, monkeypatch):
    """For which XLA has no fast program: ResNeXt-50's took 27 times as long."""
    monkeypatch.setattr(jax, "device_count", lambda: devices)
    x = jnp.ones((2, 8, 7, channels))

    def program(gradient):
        window = module.Window((1, 1), ((1, 1), (1, 1)), (1, 1), 2)
        compute = jax.jit(lambda x, g: gradient(x, g, window=window, size=(3, 3)))
        return compute.lower(x, jnp.ones((2, 8, 7, 6))).as_text()

    assert "batch_group_count = 2" in program(module.plain_kernel)
    assert "batch_group_count = 2" not in program(module.cpu_kernel)


def test_all_derivatives_by_groups_on_several_devices():
    assert jax.device_count() > 1
    check((3, 2), {"strides": (1, 2), "padding": ((1, 1), (1, 0)), "groups": 2})


def check(size, options):
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        x = rng.normal(size=(2, 8, 7, 4))
        kernel = rng.normal(size=(*size, 4 // options.get("groups", 1), 6))
        found, wanted = (
            jax.jit(
                lambda x, kernel, conv=conv: derivatives(
                    lambda x, kernel: conv(x, kernel, **options), x, kernel
                ),
                compiler_options=FAST,
            )(x, kernel)
            for conv in (conv2d, by_xla)
        )
    for name, value in wanted.items():
        jax.tree.map(
            lambda a, b, n=name: np.testing.assert_allclose(
                a, b, 1e-9, 1e-9, err_msg=n
            ),
            found[name],
            value,
        )


def test_types_and_nothing():
    x, kernel = jnp.ones((1, 5, 5, 2), "bfloat16"), jnp.ones((3, 3, 2, 3), "bfloat16")
    dx, dk = jax.grad(lambda *xs: conv2d(*xs).sum(), (0, 1))(x, kernel)
    assert dx.dtype == dk.dtype == jnp.bfloat16
    assert (dk == 9).all() and dx[0, 2, 2, 0] == 27 and dx[0, 0, 0, 0] == 3
    none = jax.grad(lambda k: conv2d(jnp.zeros((0, 5, 5, 2)), k).sum())(
        jnp.ones((3, 3, 2, 3))
    )
    assert not none.any()


def test_a_loop_of_recomputed_blocks(alone):
    def body(x, kernel):
        return jax.checkpoint(lambda x, k: jnp.tanh(conv2d(x, k, padding="SAME")))(
            x, kernel
        ), None

    def loss(kernels, scan):
        return scan(body, x, kernels)[0].sum()

    def unrolled(body, x, kernels):
        for kernel in kernels:
            x, _ = body(x, kernel)
        return x, None

    rng = np.random.default_rng(0)
    x, kernels = rng.normal(size=(2, 4, 4, 3)), rng.normal(size=(2, 3, 3, 3, 3)) / 3
    slope = jax.jit(jax.grad(loss), static_argnums=1, compiler_options=FAST)
    found, wanted = slope(kernels, jax.lax.scan), slope(kernels, unrolled)
    np.testing.assert_allclose(found, wanted, 1e-4, 1e-5)


def gradients_are_apart():
    """Whether gradients by kernels are functions of their own in a program."""

    def loss(kernel, x):
        return jnp.tanh(conv2d(jnp.tanh(conv2d(x, kernel)), kernel, (2, 2))).sum()

    slope = jax.jit(jax.grad(loss))
    text = slope.lower(jnp.ones((3, 3, 2, 2)), jnp.ones((4, 9, 9, 2))).as_text()
    return "inlineable" in text


def test_gradients_are_apart_on_one_device(alone):
    assert gradients_are_apart()


def test_devices_never_wait_for_each_other_in_different_functions():
    """They did where programs were large and processors few."""
    assert jax.device_count() == 2 and not gradients_are_apart()


@pytest.mark.parametrize("side", [1, 3])
def test_devices_keep_their_examples(side):
    """The gradient by the kernel is summed; images do not move."""
    mesh = make_mesh(4)
    assert mesh.size == 2

    def loss(kernel, x):
        return jnp.tanh(conv2d(jnp.tanh(conv2d(x, kernel)), kernel, (2, 2))).sum()

    shardings = (replicated(mesh), split(mesh))
    slope = jax.jit(jax.grad(loss), in_shardings=shardings, compiler_options=FAST)
    kernel = jnp.ones((side, side, 2, 2))
    program = slope.lower(kernel, jnp.ones((4, 9, 9, 2))).compile()
    text = program.as_text()
    moved = re.findall(r"(all-gather|all-to-all|collective-permute)[\w-]*\(", text)
    assert not moved
    assert re.findall(r"\[[\d,]*\]\S* all-reduce\(", text)
