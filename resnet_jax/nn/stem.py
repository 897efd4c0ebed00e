"""The first layers of a network, up to its stages."""

from collections.abc import Callable
from typing import NamedTuple

import flax.linen as nn
import jax

from resnet_jax.nn.choice import choose
from resnet_jax.nn.convolution import Conv
from resnet_jax.nn.normalization import BatchNorm
from resnet_jax.nn.resampling import avg_pool, avg_pool_exactly, max_pool


class Layout(NamedTuple):
    """What the name of a stem stands for.

    Kernel size and stride of its first convolution, what the stem with its pooling
    divides the sides of an image by, the usual side, and the channels of each
    convolution in units of the stem's width.
    """

    kernel: int
    strides: int
    reduction: int
    image: int
    factors: tuple[float, ...]


# One 7x7 convolution (He et al. 2015), three of 3x3 (ResNet-C of He et al. 2018,
# arXiv:1812.01187, figure 2 b), the same with a narrower first (timm), or one of 3x3.
STEMS: dict[str, Layout] = {
    "imagenet": Layout(7, 2, 4, 224, (1,)),
    "deep": Layout(3, 2, 4, 224, (1, 1, 2)),
    "deep_tiered": Layout(3, 2, 4, 224, (0.75, 1, 2)),
    "cifar": Layout(3, 1, 1, 32, (1,)),
}


class Stem(nn.Module):
    """Convolutions, each with norm and activation, then pooling: named as in timm.

    Args:
        kind: a name in STEMS.
        width: channels of the convolutions; the last of a deep stem has twice as many.
        pool: what halves the image after them: 'max', or 'conv' (3x3 convolution, norm
            and activation: Bello et al. 2021, arXiv:2103.07579, section 4.1).
        blur: None, or anti-aliasing in the pooling, a function in BLURS.
        preact: the blocks bring the norm and activation of the last convolution.
        space_to_depth: see Conv; the same numbers.
        conv, norm, act: constructors of layers, and a function.
    """

    kind: str = "imagenet"
    width: int = 64
    pool: str = "max"
    blur: Callable | None = None
    preact: bool = False
    space_to_depth: bool = False
    conv: Callable = Conv
    norm: Callable = BatchNorm
    act: Callable = nn.relu

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> tuple[jax.Array, jax.Array]:
        """Images [B, H, W, C] to the output before pooling, and after it."""
        kernel, strides, reduction, _, factors = choose(STEMS, self.kind, "stem")
        last = len(factors) - 1
        for i, factor in enumerate(factors):
            name = f"conv1_{3 * i}" if last else "conv1"
            first = {"strides": strides, **self.packing()} if i == 0 else {}
            x = self.conv(int(self.width * factor), kernel, **first, name=name)(x)
            if i < last or not self.preact:
                name = "bn1" if i == last else f"conv1_{3 * i + 1}"
                x = self.act(self.norm(name=name)(x, train))
        pool = choose(POOLS, self.pool, "stem_pool")
        return x, pool(self, x, train) if reduction > strides else x

    def packing(self) -> dict[str, bool]:
        """A constructor of convolutions needs to know only what is asked for."""
        return {"space_to_depth": True} if self.space_to_depth else {}


def max_pooled(stem: Stem, x: jax.Array, train: bool) -> jax.Array:
    """Largest of 3x3; blurred where that is asked for, or replaced by a mean of 2x2."""
    if stem.blur is None:
        return max_pool(x, 3, 2, padding=1)
    # As timm does: this blur is itself the pooling.
    if stem.blur is avg_pool_exactly:
        return avg_pool(x, 2)
    return stem.blur(max_pool(x, 3, 1, padding=1), 2)


def convolved(stem: Stem, x: jax.Array, train: bool) -> jax.Array:
    """A 3x3 convolution of stride 2, or of stride 1 and then the blur."""
    strides = 1 if stem.blur else 2
    x = stem.conv(x.shape[-1], 3, strides=strides, name="maxpool_0")(x)
    x = stem.blur(x, 2) if stem.blur else x
    norm = stem.norm(name="maxpool_2" if stem.blur else "maxpool_1")
    return stem.act(norm(x, train))


POOLS: dict[str, Callable] = {"max": max_pooled, "conv": convolved}
