"""Convolution whose gradients are written as each platform computes them fast.

GPUs and TPUs get XLA's own operations. On CPUs XLA brings a convolution into the one
form that its fast program knows, [B, H, W, C] with [height, width, C, features], but
not inside of loops; and it merges the transpositions which the gradient by the kernel
needs with all that computed its operands, again and again. Here both gradients have
that form from the start, or are matrix products, see matmul_gradients.py. On one
device, moreover, the one by the kernel is a function of its own, into which nothing is
merged, wide convolutions of 3 x 3 take fewer products, see winograd.py, and narrow
groups are products, see grouped.py. The numbers are the same but for rounding.

The image x, the kernel k and the output's cotangent g meet in one form linear in each,
<conv(x, k), g>. Its three gradients are the operations below, and the derivatives of
each are the other two: so all orders and directions of differentiation end here.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.experimental.xla_metadata import set_xla_metadata
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from resnet_jax.nn import matmul_gradients as products
from resnet_jax.nn.columns import Pair, columns, padded
from resnet_jax.nn.grouped import TOGETHER, grouped_kernel, grouped_output, grouped_pays
from resnet_jax.nn.winograd import winograd, winograd_kernel, winograd_pays

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
    return output_p.bind(x, kernel, window=window)


def transposed_conv2d(
    x: jax.Array,
    kernel: jax.Array,
    strides: Pair,
    padding: Sequence[int],
    size: Sequence[int],
) -> jax.Array:
    """What conv2d's gradient by its images is: [B, H, W, C] -> [B, *size, features].

    Args:
        x: [B, H, W, C].
        kernel: [height, width, C, features]; not mirrored, other than that gradient's.
        strides: pixels of x are so far apart in the result.
        padding: what is cut off there at the top and at the left.
        size: height and width of the result, less than strides over what x reaches.
    """
    turned = kernel[::-1, ::-1].swapaxes(2, 3)
    top, left = ((cut, cut) for cut in _pair(padding))
    window = Window(_pair(strides), (top, left), (1, 1), 1)
    return image_p.bind(x, turned, window=window, size=_pair(size))


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


def cpu_output(x: jax.Array, kernel: jax.Array, *, window: Window) -> jax.Array:
    """plain_output, small images and groups by matrix products."""
    if not x.size:
        return plain_output(x, kernel, window=window)
    strides, padding, dilation, groups = window
    return _convolved(x, kernel, strides, padding, (1, 1), dilation, groups)


def cpu_image(g: jax.Array, kernel: jax.Array, *, window: Window, size: Pair):
    """plain_image as a convolution in XLA's own layout, or as a matrix product."""
    if not g.size:
        return plain_image(g, kernel, window=window, size=size)
    strides, padding, dilation, groups = window
    pay = groups == 1 and products.places_pay(kernel.shape, g.shape, strides)
    if pay and _exact(g.dtype):
        return products.image_by_places(g, kernel, strides, padding, dilation, size)
    margins = []
    for axis in (0, 1):
        reach = (kernel.shape[axis] - 1) * dilation[axis]
        before = reach - padding[axis][0]
        stretched = (g.shape[1 + axis] - 1) * strides[axis] + 1
        margins.append((before, size[axis] + reach - stretched - before))
    turned = kernel[::-1, ::-1].reshape(*kernel.shape[:3], groups, -1).swapaxes(2, 4)
    turned = turned.reshape(*kernel.shape[:2], kernel.shape[3] // groups, -1)
    return _convolved(g, turned, (1, 1), margins, strides, dilation, groups)


def cpu_kernel(x: jax.Array, g: jax.Array, *, window: Window, size: Pair):
    """plain_kernel in XLA's own layout or as matrix products, apart from all else."""
    if not g.size:
        return plain_kernel(x, g, window=window, size=size)
    if window.groups > 1:
        return _kernel_of_groups(x, g, window, size)
    margins = []
    for axis in (0, 1):
        before = window.padding[axis][0]
        stretched = (g.shape[1 + axis] - 1) * window.strides[axis] + 1
        reach = (size[axis] - 1) * window.dilation[axis]
        margins.append((before, stretched + reach - x.shape[1 + axis] - before))
    dense = _may_loop(window, x.dtype)
    if dense and winograd_pays(
        (*size, x.shape[-1], g.shape[-1]), g.shape, gradient=True
    ):
        return winograd_kernel(x, g, window.padding)

    def gradient(x, g):
        if size == (1, 1) and window.padding == ((0, 0), (0, 0)):
            return products.kernel_by_pixels(x, g, window.strides)
        if dense and products.lines_pay(x.shape, g.shape):
            return products.kernel_by_lines(x, g, window.padding, size)
        x, g = x.transpose(3, 1, 2, 0), g.transpose(1, 2, 0, 3)
        y = _convolved(x, g, window.dilation, margins, (1, 1), window.strides)
        return y.transpose(1, 2, 0, 3)

    # Functions run side by side, and with them the sums over devices that are in them:
    # devices would wait for each other at different ones, without an end.
    if not _alone():
        return gradient(x, g)
    with set_xla_metadata(inlineable="false"):
        return jax.jit(gradient)(x, g)


def _kernel_of_groups(x: jax.Array, g: jax.Array, window: Window, size: Pair):
    """plain_kernel of groups, in other forms: XLA's takes hundreds of times as long."""
    strides, padding, dilation, groups = window
    if _alone() and x.shape[-1] < TOGETHER * groups:
        return grouped_kernel(x, g, strides, padding, dilation, size, groups)
    x, g = (each.reshape(*each.shape[:3], groups, -1) for each in (x, g))
    of_one = partial(plain_kernel, window=window._replace(groups=1), size=size)
    y = jax.vmap(of_one, 3, 3)(x, g)
    return y.reshape(*y.shape[:3], -1)


def _may_loop(window: Window, dtype: Any) -> bool:
    """Whether it may be computed in a loop over images, pixel by pixel."""
    dense = window.strides == window.dilation == (1, 1)
    return dense and _alone() and _exact(dtype)


def _alone() -> bool:
    """Whether there is one device; several hold their own images, apart from loops."""
    return jax.device_count() == 1


def _exact(dtype: Any) -> bool:
    """Whether sums that are rounded to this type may be added up in it."""
    return dtype in (jnp.float32, jnp.float64)


def _convolved(
    x: jax.Array,
    kernel: jax.Array,
    strides: Pair,
    padding: Sequence[Pair],
    spread: Pair,
    dilation: Pair,
    groups: int = 1,
) -> jax.Array:
    """Convolution of pixels that are so far apart, as CPUs compute it fast."""
    padding = (padding[0], padding[1])
    window = Window(strides, padding, dilation, groups)
    if groups > 1 and _alone() and grouped_pays(x.shape, kernel.shape, spread):
        return grouped_output(x, kernel, strides, padding, spread, dilation, groups)
    if groups == 1 and spread == (1, 1):
        y = jax.eval_shape(partial(plain_output, window=window), x, kernel)
        if _may_loop(window, x.dtype) and winograd_pays(kernel.shape, y.shape):
            return winograd(x, kernel, padding)
    if groups > 1 or math.prod(kernel.shape[:2]) <= math.prod(x.shape[1:3]):
        return jax.lax.conv_general_dilated(
            x,
            kernel,
            window_strides=strides,
            padding=padding,
            lhs_dilation=spread,
            rhs_dilation=dilation,
            feature_group_count=groups,
            dimension_numbers=LAYOUT,
        )
    # Where the kernel has more pixels than the image XLA lets them change places, and
    # has no fast program for what that becomes: it took 70 times as long as this.
    size = _pair(kernel.shape[:2])
    x = columns(padded(x, padding, spread), size, strides, dilation)
    return x @ kernel.reshape(-1, kernel.shape[-1])


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


output_p = _operation("conv2d", plain_output, cpu_output)
image_p = _operation("conv2d_image", plain_image, cpu_image)
kernel_p = _operation("conv2d_kernel", plain_kernel, cpu_kernel)


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
