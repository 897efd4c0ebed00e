"""Networks of one 1x1 convolution, whose losses can be worked out by hand."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from resnet_jax.nn.normalization import BatchNorm
from resnet_jax.nn.stochastic import dropout
from resnet_jax.optim import create_optimizer


class Linear(nn.Module):
    """Images to images `scale` times as large, or to a logit for each pixel."""

    in_channels: int = 1
    out_channels: int = 1
    scale: int = 1
    norm: bool = False
    dropout: float = 0.0
    axis_name: str | None = None

    halo, multiple = 0, 1

    def setup(self):
        self.layer = nn.Dense(self.out_channels)
        self.batch_norm = BatchNorm(axis_name=self.axis_name)

    def __call__(self, x, train=False):
        x = self.layer(x.repeat(self.scale, 1).repeat(self.scale, 2))
        x = self.batch_norm(x, train) if self.norm else x
        if self.dropout and train:
            x = dropout(self.make_rng("dropout"), x, self.dropout)
        return x

    def features(self, x, train=False):
        return [x, self(x, train)]


def weights(kernel, bias=0.0):
    """The params of a network from one channel to one, without norm."""
    kernel, bias = jnp.float32([[kernel]]), jnp.float32([bias])
    return {"layer": {"kernel": kernel, "bias": bias}}


def optimizer(rate=0.1, name="sgd"):
    return create_optimizer({"name": name, "schedule": rate}, 100)


def images(seed, count=4, side=4, channels=1, low=0):
    """uint8 [count, side, side, channels]."""
    rng = np.random.default_rng(seed)
    return rng.integers(low, 256, (count, side, side, channels), np.uint8)


def changed(before, after):
    """Whether two trees have different numbers somewhere."""
    pairs = zip(jax.tree.leaves(before), jax.tree.leaves(after), strict=True)
    return any((np.asarray(a) != np.asarray(b)).any() for a, b in pairs)
