"""Transposed convolution."""

import jax

from resnet_jax.nn.conv2d import transposed_conv2d
from resnet_jax.nn.convolution import Conv, pair


class TransposedConv(Conv):
    """The gradient of a strided convolution: [B, H, W, C] -> [B, H', W', features].

    H' = (H - 1) strides + kernel - 2 padding + output_padding, as in PyTorch: a kernel
    of 4 with stride 2 and padding 1 doubles the image, and so does one of 3 with an
    output padding of 1, which adds rows and columns on the far sides. The kernel is
    [height, width, C, features], and not mirrored, in contrast to PyTorch's. `padding`
    is a number; None is (kernel - strides) // 2. No dilation, groups or
    space_to_depth.
    """

    output_padding: int = 0

    def convolve(self, x: jax.Array, kernel: jax.Array) -> jax.Array:
        """The images without bias."""
        strides = pair(self.strides)
        sizes = list(zip(x.shape[1:3], kernel.shape[:2], strides, strict=True))
        fitting = [(k - s) // 2 for _, k, s in sizes]
        cut = fitting if self.padding is None else [self.padding] * 2
        size = [
            (n - 1) * s + k - 2 * p + self.output_padding
            for (n, k, s), p in zip(sizes, cut, strict=True)
        ]
        return transposed_conv2d(x, kernel, strides, cut, size)
