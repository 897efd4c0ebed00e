"""Convolution: every model's convolutions go through this one class."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.linen.dtypes import promote_dtype

from resnet_jax.lookup import build, section_fields
from resnet_jax.nn.choice import choose
from resnet_jax.nn.conv2d import conv2d
from resnet_jax.nn.initialization import he_fan_out
from resnet_jax.nn.precision import at_least_float32
from resnet_jax.nn.resampled import RESAMPLED

Pair = tuple[int, int]


def pair(value: int | Pair) -> Pair:
    """(height, width) from one number or two."""
    return (value, value) if isinstance(value, int) else (value[0], value[1])


class Conv(nn.Module):
    """2-D convolution, [B, H, W, C] -> [B, H', W', features].

    Padding None is PyTorch's usual `(kernel - 1) // 2 * dilation` zeros on each side;
    otherwise a number of zeros on each side, or what `lax.conv_general_dilated` takes.
    The kernel is [kernel height, kernel width, C / groups, features], drawn as in
    torchvision's ResNets (He, fan out). Computes in `dtype`, or the promoted type of
    input and parameters where it is None; params are float32, or float64 for such a
    dtype.

    `space_to_depth` computes a convolution of stride 2 as one of stride 1 and half the
    kernel's size on squares of 2x2 pixels: the same numbers from the same kernel, but
    four times as many input channels, which suits matrix units fed with RGB images
    (Ying et al. 2018, arXiv:1811.06992, section 3.2).

    `resample` computes nearest upsampling by two before ('up'), or means of 2x2 behind
    the convolution ('down') together with it: see nn/resampled.py.

    Raises:
        ValueError: `groups` does not divide the channels, or `space_to_depth` or
            `resample` is asked for with another kernel, stride, dilation, padding or
            groups than it can do.
    """

    features: int
    kernel_size: int | Pair
    strides: int | Pair = 1
    padding: Any = None
    dilation: int | Pair = 1
    groups: int = 1
    use_bias: bool = False
    space_to_depth: bool = False
    resample: str | None = None
    kernel_init: Callable = he_fan_out
    bias_init: Callable = nn.initializers.zeros
    dtype: Any = None

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Convolves a batch of images."""
        channels, size = x.shape[-1], pair(self.kernel_size)
        if channels % self.groups or self.features % self.groups:
            raise ValueError(
                f"a convolution from {channels} to {self.features} channels cannot be"
                f" split into {self.groups} groups: both must be multiples of it."
            )
        shape = (*size, channels // self.groups, self.features)
        wide = at_least_float32(self.dtype or jnp.float32)
        kernel = self.prepare(self.param("kernel", self.kernel_init, shape, wide))
        bias = None
        if self.use_bias:
            width = (self.features,)
            bias = self.param("bias", self.bias_init, width, wide)
        x, kernel, bias = promote_dtype(x, kernel, bias, dtype=self.dtype)
        y = self.convolve(x, kernel)
        return y if bias is None else y + bias

    def convolve(self, x: jax.Array, kernel: jax.Array) -> jax.Array:
        """The images without bias."""
        if self.resample is not None:
            return self.together(self.resample, x, kernel)
        strides, margins = pair(self.strides), self.margins()
        if self.space_to_depth:
            x, kernel, margins = self.pack(x, kernel)
            strides = (1, 1)
        dilation = pair(self.dilation)
        return conv2d(x, kernel, strides, margins, dilation, self.groups)

    def prepare(self, kernel: jax.Array) -> jax.Array:
        """What the images are convolved with: the parameter itself."""
        return kernel

    def margins(self) -> Any:
        """Zeros (before, after) for height and width."""
        if isinstance(self.padding, int):
            return ((self.padding, self.padding),) * 2
        if self.padding is not None:
            return self.padding
        sizes = zip(pair(self.kernel_size), pair(self.dilation), strict=True)
        return tuple(((k - 1) // 2 * d, (k - 1) // 2 * d) for k, d in sizes)

    def together(self, way: str, x: jax.Array, kernel: jax.Array) -> jax.Array:
        """Convolution and resampling, 'up' or 'down'."""
        plain = (pair(self.strides), pair(self.dilation), self.groups, self.padding)
        if (kernel.shape[:2], *plain) != ((3, 3), (1, 1), (1, 1), 1, None):
            raise ValueError(
                "resample needs a 3x3 kernel without strides, dilation, groups or"
                f" padding of its own, not {self.kernel_size} of stride {self.strides}."
            )
        return choose(RESAMPLED, way, "resample")(x, kernel)

    def pack(self, x: jax.Array, kernel: jax.Array) -> tuple[jax.Array, jax.Array, Any]:
        """Image, kernel and zeros of the same convolution on squares of 2x2 pixels."""
        plain = (pair(self.strides), pair(self.dilation), self.groups, self.padding)
        if plain != ((2, 2), (1, 1), 1, None) or not all(
            k % 2 for k in kernel.shape[:2]
        ):
            raise ValueError(
                "space_to_depth needs an odd kernel and stride 2 without dilation,"
                f" groups or padding of its own, not {self.kernel_size} of stride"
                f" {self.strides}."
            )
        # Output i sees the rows 2 i - p ... 2 i + p: its own square and those around
        # it, which zeros in the kernel complete.
        halves = [k // 2 for k in kernel.shape[:2]]
        margins = tuple(((p + 1) // 2, p // 2) for p in halves)
        rows, columns = ((p % 2, 1 - p % 2) for p in halves)
        kernel = jnp.pad(kernel, (rows, columns, (0, 0), (0, 0)))
        kernel = jnp.moveaxis(_squares(jnp.moveaxis(kernel, 3, 0)), 0, 3)
        odd = [(0, n % 2) for n in x.shape[1:3]]
        return _squares(jnp.pad(x, ((0, 0), *odd, (0, 0)))), kernel, margins


def _squares(x: jax.Array) -> jax.Array:
    """[B, 2 H, 2 W, C] -> [B, H, W, 4 C]."""
    batch, height, width, channels = x.shape
    x = x.reshape(batch, height // 2, 2, width // 2, 2, channels)
    x = x.transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(batch, height // 2, width // 2, 4 * channels)


class StandardizedConv(Conv):
    """Convolution whose kernel has mean 0 and variance 1 for each output channel.

    Weight standardization: Qiao et al. 2019, arXiv:1903.10520, eq. 5 to 7. The variance
    is biased, and epsilon is added to it (timm; BiT takes 1e-8).
    """

    epsilon: float = 1e-6

    def prepare(self, kernel: jax.Array) -> jax.Array:
        """The standardized kernel."""
        mean, var = (f(kernel, (0, 1, 2)) for f in (jnp.mean, jnp.var))
        return (kernel - mean) * jax.lax.rsqrt(var + self.epsilon)


CONVOLUTIONS: dict[str, Callable] = {"conv": Conv, "std": StandardizedConv}


def convolution(section: Mapping | str | Callable, **given: Any) -> Callable:
    """A constructor `conv(features, kernel_size, ...)` from a config section.

    Args:
        section: {'name': ..., **fields}, a name in CONVOLUTIONS, or a constructor.
        **given: further fields (dtype, kernel_init).

    Raises:
        ValueError: the name or a field is unknown.
    """
    if callable(section):
        return partial(section, **given)
    fields = section_fields(section, "conv")
    build(CONVOLUTIONS, fields, "conv", features=1, kernel_size=1, parent=None)
    return partial(CONVOLUTIONS[fields.pop("name")], **fields, **given)
