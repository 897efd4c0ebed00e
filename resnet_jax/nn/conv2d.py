"""Convolution whose gradients are written as each platform computes them fast.

GPUs and TPUs get XLA's own operations. On CPUs XLA brings a convolution into the one
form that its fast program knows, [B, H, W, C] with [height, width, C, features], but
not inside of loops; and it merges the transpositions which the gradient by the kernel
needs with all that computed its operands, again and again. Here both gradients have
that form from the start, and the one by the kernel is a function of its own, into which
nothing is merged. The numbers are the same but for rounding.

The image x, the kernel k and the output's cotangent g meet in one form linear in each,
<conv(x, k), g>. Its three gradients are the operations below, and the derivatives of
each are the other two: so all orders and directions of differentiation end here.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
from jax.custom_derivatives import SymbolicZero
from jax.experimental.xla_metadata import set_xla_metadata
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

Pair = tuple[int, int]
LAYOUT = ("NHWC", "HWIO", "NHWC")


class Window(NamedTuple):
    """How a kernel passes over images, by height and width."""

    strides: Pair
    padding: tuple[Pair, Pair]
    dilation: Pair
    groups: int


def conv2d(
    x: jax.Array,
    kernel: jax.Array,
    strides: Pair = (1, 1),
    padding: str | Sequence[Pair] = "VALID",
    dilation: Pair = (1, 1),
    groups: int = 1,
) -> jax.Array:
    """As jax.lax.conv_general_dilated, [B, H, W, C] -> [B, H', W', features].

    Args:
        x: [B, H, W, C].
        kernel: [height, width, C / groups, features], of the same type.
        strides, dilation: (height, width).
        padding: zeros (before, after) for height and width, or 'SAME' or 'VALID'.
        groups: of channels, each with its own share of the features.
    """
    if isinstance(padding, str):
        sizes = zip(kernel.shape[:2], dilation, strict=True)
        reach = [(k - 1) * d + 1 for k, d in sizes]
        padding = jax.lax.padtype_to_pads(x.shape[1:3], reach, strides, padding)
    top, left = (_pair(pads) for pads in padding)
    window = Window(_pair(strides), (top, left), _pair(dilation), groups)
    return _conv2d(x, kernel, window)


def _pair(values: Sequence[int]) -> Pair:
    first, second = values
    return int(first), int(second)


def plain_output(x: jax.Array, kernel: jax.Array, *, window: Window) -> jax.Array:
    """The convolution, by XLA."""
    return jax.lax.conv_general_dilated(
        x,
        kernel,
        window_strides=window.strides,
        padding=window.padding,
        rhs_dilation=window.dilation,
        feature_group_count=window.groups,
        dimension_numbers=LAYOUT,
    )


def plain_image(g: jax.Array, kernel: jax.Array, *, window: Window, size: Pair):
    """The gradient by images of this size, [B, H, W, C]."""
    shape = (g.shape[0], *size, kernel.shape[2] * window.groups)
    x = jax.ShapeDtypeStruct(shape, g.dtype)
    by_image = partial(plain_output, kernel=kernel, window=window)
    return jax.linear_transpose(by_image, x)(g)[0]


def plain_kernel(x: jax.Array, g: jax.Array, *, window: Window, size: Pair):
    """The gradient by kernels of this size, [height, width, C / groups, features]."""
    shape = (*size, x.shape[-1] // window.groups, g.shape[-1])
    kernel = jax.ShapeDtypeStruct(shape, x.dtype)
    by_kernel = partial(plain_output, x, window=window)
    return jax.linear_transpose(by_kernel, kernel)(g)[0]


def cpu_image(g: jax.Array, kernel: jax.Array, *, window: Window, size: Pair):
    """plain_image as a convolution in XLA's own layout."""
    if window.groups > 1 or not g.size:
        return plain_image(g, kernel, window=window, size=size)
    margins = []
    for axis in (0, 1):
        reach = (kernel.shape[axis] - 1) * window.dilation[axis]
        before = reach - window.padding[axis][0]
        stretched = (g.shape[1 + axis] - 1) * window.strides[axis] + 1
        margins.append((before, size[axis] + reach - stretched - before))
    return jax.lax.conv_general_dilated(
        g,
        kernel[::-1, ::-1].swapaxes(2, 3),
        window_strides=(1, 1),
        padding=margins,
        lhs_dilation=window.strides,
        rhs_dilation=window.dilation,
        dimension_numbers=LAYOUT,
    )


def cpu_kernel(x: jax.Array, g: jax.Array, *, window: Window, size: Pair):
    """plain_kernel as a convolution in XLA's own layout, apart from all else."""
    if window.groups > 1 or not g.size:
        return plain_kernel(x, g, window=window, size=size)
    margins = []
    for axis in (0, 1):
        before = window.padding[axis][0]
        stretched = (g.shape[1 + axis] - 1) * window.strides[axis] + 1
        reach = (size[axis] - 1) * window.dilation[axis]
        margins.append((before, stretched + reach - x.shape[1 + axis] - before))

    def gradient(x, g):
        y = jax.lax.conv_general_dilated(
            x.transpose(3, 1, 2, 0),
            g.transpose(1, 2, 0, 3),
            window_strides=window.dilation,
            padding=margins,
            rhs_dilation=window.strides,
            dimension_numbers=LAYOUT,
        )
        return y.transpose(1, 2, 0, 3)

    with set_xla_metadata(inlineable="false"):
        return jax.jit(gradient)(x, g)


def _operation(name: str, plain: Callable, cpu: Callable) -> Primitive:
    """A bilinear operation that computes what `plain` does."""
    operation = Primitive(name)

    def shape(a, b, **params):
        y = jax.eval_shape(partial(plain, **params), a, b)
        return a.update(shape=y.shape, dtype=y.dtype, weak_type=False)

    def batch(arguments, axes, **params):
        return jax.vmap(partial(plain, **params), axes)(*arguments), 0

    operation.def_impl(jax.jit(operation.bind, static_argnames=("window", "size")))
    operation.def_abstract_eval(shape)
    batching.primitive_batchers[operation] = batch
    mlir.register_lowering(operation, mlir.lower_fun(plain, multiple_results=False))
    mlir.register_lowering(
        operation, mlir.lower_fun(cpu, multiple_results=False), platform="cpu"
    )
    return operation


output_p = _operation("conv2d", plain_output, plain_output)
image_p = _operation("conv2d_image", plain_image, cpu_image)
kernel_p = _operation("conv2d_kernel", plain_kernel, cpu_kernel)


@partial(jax.custom_jvp, nondiff_argnums=(2,))
def _conv2d(x, kernel, window):
    return plain_output(x, kernel, window=window)


@partial(_conv2d.defjvp, symbolic_zeros=True)
def _tangent(window, primals, tangents):
    (x, kernel), (dx, dk) = primals, tangents
    y = _conv2d(x, kernel, window)
    terms = [
        output_p.bind(*pair, window=window)
        for pair, moves in (((dx, kernel), dx), ((x, dk), dk))
        if not isinstance(moves, SymbolicZero)
    ]
    return y, sum(terms[1:], terms[0])


def _size(image: Any) -> Pair:
    return image.aval.shape[1:3]


def _window(kernel: Any) -> Pair:
    return kernel.aval.shape[:2]


# Each takes the cotangent of its operation, and the two arguments, one of them unknown.
ad.defbilinear(
    output_p,
    lambda g, x, k, window: image_p.bind(g, k, window=window, size=_size(x)),
    lambda g, x, k, window: kernel_p.bind(x, g, window=window, size=_window(k)),
)
ad.defbilinear(
    image_p,
    lambda x, g, k, window, size: output_p.bind(x, k, window=window),
    lambda x, g, k, window, size: kernel_p.bind(x, g, window=window, size=_window(k)),
)
ad.defbilinear(
    kernel_p,
    lambda k, x, g, window, size: image_p.bind(g, k, window=window, size=_size(x)),
    lambda k, x, g, window, size: output_p.bind(x, k, window=window),
)
