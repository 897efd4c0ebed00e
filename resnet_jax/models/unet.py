"""The U-Net of pix2pix: images to images of another kind."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from resnet_jax.models.inputs import Inputs, image_inputs
from resnet_jax.models.limits import check_counts, check_images, check_shares
from resnet_jax.nn.choice import choose
from resnet_jax.nn.convolution import Conv
from resnet_jax.nn.initialization import KERNEL_INITS, scale_002
from resnet_jax.nn.normalization import is_local, normalization
from resnet_jax.nn.precision import at_least_float32, compute_dtype, widened
from resnet_jax.nn.stochastic import dropout
from resnet_jax.nn.transposed import TransposedConv


class UNet(nn.Module):
    """4x4 convolutions that halve the image down to a point, and as many back up.

    Every map of the way up is joined with that of its size on the way down. Isola et
    al. 2017, arXiv:1611.07004, appendix 6.1, with biases and norms as in the authors'
    PyTorch code: leaky ReLU of slope 0.2 down, ReLU up; no norm behind the first and
    the last convolution down and the last one up; biases, but for that one, only where
    the norm has none of its own; kernels N(0, 0.02), scales N(1, 0.02). Maps images
    [B, H, W, in_channels] to
    [B, H, W, out_channels], both in [-1, 1], at least float32; H and W are multiples of
    2^depth.

    The paper translates as it trains, with dropout and the batch's statistics:
    `train=True` with what batch norm writes thrown away. `drop` sets dropout apart from
    it.

    Args:
        depth: how often the image is halved: 8 for 256 pixels, 7 for 128.
        width: channels of the largest map, doubled from map to map up to eight times.
        in_channels, out_channels: of the images.
        norm: config section, name or constructor.
        dropout: share of values dropped.
        dropping: the layers up that drop values, counted from the smallest map: the
            first three in the paper; in the authors' PyTorch code (2, 3, 4) of
            `unet256` and (2, 3) of `unet128`.
        kernel_init: a name in KERNEL_INITS.
        axis_name: the mapped axis under pmap; only batch norm needs it.
        dtype: what all compute in, or its name; params and statistics stay float32
            (float64 for such a dtype).

    Raises:
        ValueError: a name is unknown, a number is not possible, or images are of a size
            that is not.
    """

    depth: int = 8
    width: int = 64
    in_channels: int = 3
    out_channels: int = 3
    norm: Mapping | str | Callable = "batch"
    dropout: float = 0.5
    dropping: tuple[int, ...] = (1, 2, 3)
    kernel_init: str = "normal"
    axis_name: str | None = None
    dtype: Any = None

    # What the sides are multiplied by.
    scale = 1

    def __post_init__(self) -> None:
        """Refuses wrong settings here, not when the network is first traced."""
        super().__post_init__()
        names = ("depth", "width", "in_channels", "out_channels")
        check_counts(self, names, "a U-Net")
        check_shares(self, ("dropout",), "a U-Net")
        choose(KERNEL_INITS, self.kernel_init, "kernel_init")
        normalization(self.norm, dtype=compute_dtype(self.dtype))

    @nn.compact
    def __call__(
        self, images: jax.Array, train: bool = False, drop: bool | None = None
    ) -> jax.Array:
        """Images in [-1, 1] to images in [-1, 1].

        Args:
            images: [B, H, W, in_channels].
            train: whether batch norm takes the batch's statistics and writes averages.
            drop: whether values are dropped; None is `train`.
        """
        multiple, depth = self.multiple, self.depth
        check_images(images, self.in_channels, "U-Net", multiple, multiple)
        drop = (train if drop is None else drop) and self.dropout > 0
        dtype = compute_dtype(self.dtype)
        norm = normalization(self.norm, axis_name=self.axis_name, dtype=dtype)
        norm = partial(norm, scale_init=scale_002)
        given: dict[str, Any] = {"kernel_size": 4, "strides": 2, "padding": 1}
        given |= {"kernel_init": KERNEL_INITS[self.kernel_init][0], "dtype": dtype}
        given |= {"use_bias": not norm(parent=None).use_bias}
        down, up = partial(Conv, **given), partial(TransposedConv, **given)
        x, maps = images, []
        for i, features in enumerate(self.widths, 1):
            x = x if i == 1 else nn.leaky_relu(x, 0.2)
            x = down(features=features, name=f"down{i}")(x)
            if 1 < i < depth:
                x = norm(name=f"down{i}_norm")(x, train)
            maps.append(x)
        for i in range(depth, 1, -1):
            x = up(features=self.widths[i - 2], name=f"up{i}")(nn.relu(x))
            x = norm(name=f"up{i}_norm")(x, train)
            if drop and depth - i + 1 in self.dropping:
                x = dropout(self.make_rng("dropout"), x, self.dropout)
            x = jnp.concatenate([maps[i - 2], x], -1)
        x = nn.relu(x).astype(at_least_float32(x.dtype))
        last = partial(up, use_bias=True, dtype=widened(dtype), name="up1")
        return jnp.tanh(last(features=self.out_channels)(x))

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of each map of the way down, the largest map first."""
        return tuple(self.width * min(2**i, 8) for i in range(self.depth))

    @property
    def multiple(self) -> int:
        """What the images' sides must be multiples of."""
        return 2**self.depth

    @property
    def halo(self) -> int | None:
        """How many pixels around a place its output depends on, in evaluation.

        None where all of them count: instance norm measures the whole image.
        """
        return 3 * (self.multiple - 1) if is_local(self.norm) else None

    @property
    def inputs(self) -> Inputs:
        """A batch of one image, the smallest that the network takes."""
        return image_inputs(self.multiple, self.multiple, self.in_channels)


UNETS: dict[str, Callable] = {"unet256": UNet, "unet128": partial(UNet, depth=7)}
