"""Discriminators that judge every patch of an image for itself."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import flax.linen as nn
import jax

from resnet_jax.models.inputs import Inputs, image_inputs
from resnet_jax.models.limits import check_counts, check_images
from resnet_jax.nn.choice import choose
from resnet_jax.nn.convolution import Conv
from resnet_jax.nn.initialization import KERNEL_INITS, scale_002
from resnet_jax.nn.normalization import BatchNorm, normalization
from resnet_jax.nn.precision import at_least_float32, compute_dtype, widened
from resnet_jax.nn.resampling import blur_pool


class PatchGAN(nn.Module):
    """4x4 convolutions of stride 2, then two of stride 1: a logit for each patch.

    Isola et al. 2017, arXiv:1611.07004, appendix 6.1.2, as in the authors' PyTorch
    code: leaky ReLU of slope 0.2, no norm behind the first convolution, biases where no
    norm with one of its own follows, kernels N(0, 0.02), scales N(1, 0.02). Maps images
    [B, H, W, in_channels] in [-1, 1] to logits [B, h, w, 1], at least float32: 30 x 30
    of 256 x 256. A conditional one takes both images, joined along the channels.

    Args:
        layers: number of convolutions of stride 2; see `receptive_field`.
        width: channels of the first one, doubled from each to the next, up to eight
            times.
        in_channels: of the images.
        kernel_size: 4; 1 judges pixels, without strides.
        norm: config section, name or constructor.
        antialias: [1, 2, 1] behind convolutions of stride 1 in place of stride 2 (Park
            et al. 2020, arXiv:2007.15651, in CUT's code).
        kernel_init: a name in KERNEL_INITS; CUT has 'glorot_002'.
        axis_name: the mapped axis under pmap; only batch norm needs it.
        dtype: what all but the head compute in, or its name; params and statistics stay
            float32 (float64 for such a dtype).

    Raises:
        ValueError: a name is unknown, a number is not possible, or an image is too
            small.
    """

    layers: int = 3
    width: int = 64
    in_channels: int = 3
    kernel_size: int = 4
    norm: Mapping | str | Callable = "instance"
    antialias: bool = False
    kernel_init: str = "normal"
    axis_name: str | None = None
    dtype: Any = None

    def __post_init__(self) -> None:
        """Refuses wrong settings here, not when the network is first traced."""
        super().__post_init__()
        counts = ("layers", "width", "in_channels", "kernel_size")
        check_counts(self, counts, "a patch discriminator")
        choose(KERNEL_INITS, self.kernel_init, "kernel_init")
        normalization(self.norm, dtype=compute_dtype(self.dtype))

    @nn.compact
    def __call__(self, images: jax.Array, train: bool = False) -> jax.Array:
        """Images [B, H, W, in_channels] to logits [B, h, w, 1]."""
        what = "patch discriminator"
        check_images(images, self.in_channels, what, least=self.least)
        dtype = compute_dtype(self.dtype)
        norm = normalization(self.norm, axis_name=self.axis_name, dtype=dtype)
        norm = partial(norm, scale_init=scale_002)
        init, _ = KERNEL_INITS[self.kernel_init]
        size = self.kernel_size
        conv = partial(Conv, kernel_size=size, kernel_init=init, dtype=dtype)
        bias = not norm(parent=None).use_bias
        x = images
        for i, (features, strides) in enumerate(self.plan, 1):
            x = conv(
                features=features,
                strides=1 if self.antialias else strides,
                use_bias=bias or i == 1,
                name=f"conv{i}",
            )(x)
            x = x if i == 1 else norm(name=f"norm{i}")(x, train)
            x = nn.leaky_relu(x, 0.2)
            if self.antialias and strides > 1:
                x = blur_pool(x, strides)
        x = x.astype(at_least_float32(x.dtype))
        wide = widened(dtype)
        return conv(features=1, use_bias=True, dtype=wide, name="head")(x)

    @property
    def plan(self) -> list[tuple[int, int]]:
        """Channels and strides of the convolutions before the head."""
        strides = [1 if self.kernel_size == 1 else 2] * self.layers + [1]
        return [(self.width * min(2**i, 8), s) for i, s in enumerate(strides)]

    @property
    def receptive_field(self) -> int:
        """Side of the patch that a logit judges, without anti-aliasing."""
        side = 1
        for strides in (1, *(strides for _, strides in reversed(self.plan))):
            side = (side - 1) * strides + self.kernel_size
        return side

    @property
    def least(self) -> int:
        """The shortest side of images that leaves a logit."""
        side, margins = 1, (self.kernel_size - 1) // 2 * 2
        for strides in (1, *(strides for _, strides in reversed(self.plan))):
            side = (side - 1) * strides + self.kernel_size - margins
        return side

    @property
    def mixes_examples(self) -> bool:
        """Whether a logit depends on the other examples: with batch norm."""
        return type(normalization(self.norm)(parent=None)) is BatchNorm

    @property
    def inputs(self) -> Inputs:
        """A batch of one image of 256 x 256."""
        return image_inputs(256, 256, self.in_channels)


# The numbers are sides of patches.
PATCHGANS: dict[str, Callable] = {
    "pixelgan": partial(PatchGAN, layers=1, kernel_size=1),
    "patchgan16": partial(PatchGAN, layers=1),
    "patchgan34": partial(PatchGAN, layers=2),
    "patchgan70": PatchGAN,
    "patchgan142": partial(PatchGAN, layers=4),
    "patchgan286": partial(PatchGAN, layers=5),
}
