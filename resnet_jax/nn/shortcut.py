"""What a residual block adds to its branch.

Each is called as shortcut(block, x, source, features, train):

x is the block's input, source what a pre-activated branch starts from (else x), and
features the channels that the sum has.
"""

from collections.abc import Callable

import jax.numpy as jnp

from resnet_jax.nn.resampling import avg_pool_squares


def projection(block, x, source, features, train):
    """x, or where its shape changes a strided convolution and norm (option B).

    With pre-activation the convolution takes the activated input and has no norm.
    """
    if not block.changes(x, features):
        return x
    first, dilation = block.dilations
    plain = block.strides == dilation == 1
    size = 1 if plain else block.shortcut_kernel
    given = {"strides": block.strides, "dilation": first if size > 1 else 1}
    y = block.conv(features, size, **given, name="downsample_0")(source)
    return y if block.preact else block.norm(name="downsample_1")(y, train)


def average(block, x, source, features, train):
    """x, or where its shape changes a mean of squares, 1x1 convolution and norm.

    ResNet-D: He et al. 2018, arXiv:1812.01187, figure 2 (c).
    """
    if not block.changes(x, features):
        return x
    source = avg_pool_squares(source, block.strides, block.dilations[1])
    y = block.conv(features, 1, name="downsample_1")(source)
    return y if block.preact else block.norm(name="downsample_2")(y, train)


def padded(block, x, source, features, train):
    """x, subsampled, with zero channels before and after: no parameters (option A)."""
    x = x[:, :: block.strides, :: block.strides]
    missing = features - x.shape[-1]
    if missing < 0:
        raise ValueError(
            f"a padded shortcut cannot take {x.shape[-1]} channels down to {features}:"
            " use shortcut='projection'."
        )
    before = missing // 2
    return jnp.pad(x, ((0, 0), (0, 0), (0, 0), (before, missing - before)))


def no_shortcut(block, x, source, features, train):
    """Nothing to add: the block is a plain stack of layers."""
    return 0.0


SHORTCUTS: dict[str, Callable] = {
    "projection": projection,
    "average": average,
    "padded": padded,
    "none": no_shortcut,
}
