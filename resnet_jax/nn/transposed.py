"""Transposed convolution."""

import jax

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
        sizes = list(zip(kernel.shape[:2], pair(self.strides), strict=True))
        cut = [(k - s) // 2 if self.padding is None else self.padding for k, s in sizes]
        near = [k - 1 - p for (k, _), p in zip(sizes, cut, strict=True)]
        return jax.lax.conv_general_dilated(
            x,
            kernel,
            window_strides=(1, 1),
            padding=[(n, n + self.output_padding) for n in near],
            lhs_dilation=pair(self.strides),
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
        )
