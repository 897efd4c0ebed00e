"""The discriminators of SRGAN and ESRGAN: plain convolutions as in VGG."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import flax.linen as nn
import jax

from resnet_jax.models.inputs import PATCH, Inputs, image_inputs
from resnet_jax.nn.default_conv import default_conv
from resnet_jax.nn.dense import Dense
from resnet_jax.nn.initialization import uniform_bias, uniform_fan_in
from resnet_jax.nn.normalization import BatchNorm, normalization
from resnet_jax.nn.precision import at_least_float32, compute_dtype, widened
from resnet_jax.nn.resampling import global_avg_pool


class VGGDiscriminator(nn.Module):
    """Pairs of convolutions, the second of stride 2; then two fully connected layers.

    Ledig et al. 2016, arXiv:1609.04802, figure 4 (3x3 convolutions); ESRGAN's, as
    BasicSR's VGGStyleDiscriminator, has 4x4 ones for strides, a stage more and fewer
    hidden units. Norm behind all convolutions but the first, which alone has a bias;
    leaky ReLU of slope 0.2; PyTorch's padding and initialization. Maps images
    [B, H, W, channels] to logits [B], at least float32.

    Args:
        channels: of the images.
        resolution: side of the images; 0 for any size, by the mean over positions.
        width: channels of the first stage, doubled by each up to eight times.
        stages: pairs of convolutions.
        strided_kernel: side of the kernels of stride 2.
        hidden: units of the layer before the last.
        norm: config section, name or constructor.
        axis_name: the mapped axis under pmap.
        dtype: what convolutions compute in, or its name; params and statistics stay
            float32 (float64 for such a dtype).

    Raises:
        ValueError: norm or dtype is unknown, or the images have another size.
    """

    channels: int = 3
    resolution: int = 96
    width: int = 64
    stages: int = 4
    strided_kernel: int = 3
    hidden: int = 1024
    norm: Mapping | str | Callable = "batch"
    axis_name: str | None = None
    dtype: Any = None

    def __post_init__(self) -> None:
        """Refuses wrong settings here, not when the network is first traced."""
        super().__post_init__()
        normalization(self.norm, dtype=compute_dtype(self.dtype))

    @nn.compact
    def __call__(self, images: jax.Array, train: bool = False) -> jax.Array:
        """train: normalize by the batch."""
        self.check(images)
        dtype = compute_dtype(self.dtype)
        conv = partial(default_conv, dtype=dtype)
        norm = normalization(self.norm, axis_name=self.axis_name, dtype=dtype)
        x = images
        for i in range(self.stages):
            features = self.width * min(2**i, 8)
            strided = {"kernel_size": self.strided_kernel, "strides": 2, "padding": 1}
            for j, given in ((0, {}), (1, strided)):
                layer = partial(conv, inputs=x.shape[-1], name=f"conv{i}_{j}")
                x = layer(features, use_bias=i + j == 0, **given)(x)
                x = norm(name=f"bn{i}_{j}")(x, train) if i + j else x
                x = nn.leaky_relu(x, 0.2)
        x = x.astype(at_least_float32(x.dtype))
        x = x.reshape(len(x), -1) if self.resolution else global_avg_pool(x)
        dense = partial(Dense, kernel_init=uniform_fan_in, dtype=widened(dtype))
        bias = uniform_bias(x.shape[-1])
        x = dense(self.hidden, bias_init=bias, name="linear1")(x)
        x = nn.leaky_relu(x, 0.2)
        return dense(1, bias_init=uniform_bias(self.hidden), name="linear2")(x)[:, 0]

    def check(self, images: jax.Array) -> None:
        """Refuses images of a size that it was not made for."""
        height, width = images.shape[1:3]
        side, least = self.resolution, 2**self.stages
        if side and (height, width) != (side, side):
            raise ValueError(
                f"this discriminator takes images of {side} x {side}, not {height} x"
                f" {width}: set its resolution to theirs, or to 0 for any size."
            )
        if min(height, width) < least:
            raise ValueError(
                f"images of {height} x {width} are too small for {self.stages} stages:"
                f" take at least {least} x {least}, or fewer stages."
            )

    @property
    def mixes_examples(self) -> bool:
        """Whether a logit depends on the other examples: with batch norm."""
        return getattr(normalization(self.norm), "func", self.norm) is BatchNorm

    @property
    def inputs(self) -> Inputs:
        """A batch of one image."""
        side = self.resolution or 4 * PATCH
        return image_inputs(side, side, self.channels)


VGG_DISCRIMINATORS: dict[str, Callable] = {
    "srgan_discriminator": VGGDiscriminator,
    # Wang et al. 2018, arXiv:1809.00219.
    "esrgan_discriminator": partial(
        VGGDiscriminator, resolution=128, stages=5, strided_kernel=4, hidden=100
    ),
}
