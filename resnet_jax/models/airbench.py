"""The small network of the CIFAR-10 speed records."""

from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from resnet_jax.nn.activation import activation
from resnet_jax.nn.conv2d import conv2d
from resnet_jax.nn.convolution import Conv
from resnet_jax.nn.initialization import partial_identity, uniform_fan_in
from resnet_jax.nn.normalization import BatchNorm
from resnet_jax.nn.precision import at_least_float32, compute_dtype
from resnet_jax.nn.resampling import max_pool
from resnet_jax.nn.whitening import whitening_kernel

WINDOW = 2  # of the whitening convolution, in pixels


class Airbench(nn.Module):
    """Whitening convolution, groups of convolutions that halve the image, linear head.

    Jordan 2024 (arXiv:2404.00498 and github.com/KellerJordan/
    cifar10-airbench). A group is conv 3x3, max pool 2, batch norm, activation, then
    conv 3x3, batch norm, activation; with `depth` 3 a third convolution follows and the
    last two are a residual branch. Convolutions start as partial identities, norms
    have a bias and no scale. Maps images [B, H, W, C] to logits [B, num_classes] in at
    least float32.

    The whitening kernel is no parameter: it lies in the collection 'constants', drawn
    orthogonal until `whitened` measures it on images.

    Args:
        widths: channels of each group.
        depth: convolutions per group, 2 or 3.
        num_classes: outputs of the head.
        act: an activation's name, or a callable.
        norm_momentum: the part of the running statistics that a step keeps.
        norm_epsilon: of the batch norms.
        axis_name: the mapped axis under pmap.
        dtype: what convolutions compute in, or its name; params, statistics and logits
            stay float32 (float64 for such a dtype). None takes the promoted type.

    Raises:
        ValueError: a name is unknown or a value out of range.
    """

    widths: tuple[int, ...] = (64, 256, 256)
    depth: int = 2
    num_classes: int = 10
    act: Any = "gelu"
    norm_momentum: float = 0.6
    norm_epsilon: float = 1e-12
    axis_name: str | None = None
    dtype: Any = None

    input_shape = (32, 32, 3)

    def __post_init__(self) -> None:
        """Refuses wrong settings here, not when the network is first traced."""
        super().__post_init__()
        if self.depth not in (2, 3):
            raise ValueError(f"depth of an Airbench is {self.depth}; expected 2 or 3.")
        if not self.widths or min(self.widths) < 1:
            raise ValueError(
                f"widths of an Airbench are {self.widths}; expected one or more, each "
                "1 or more."
            )
        activation(self.act)
        compute_dtype(self.dtype)

    def setup(self) -> None:
        """Makes the layers."""
        dtype = compute_dtype(self.dtype)
        self.whiten = Whitening(dtype=dtype)
        self.layers = [
            Group(
                width,
                depth=self.depth,
                act=activation(self.act),
                norm_momentum=self.norm_momentum,
                norm_epsilon=self.norm_epsilon,
                axis_name=self.axis_name,
                dtype=dtype,
            )
            for width in self.widths
        ]
        self.fc = nn.Dense(
            self.num_classes,
            use_bias=False,
            dtype=dtype,
            param_dtype=at_least_float32(dtype or jnp.float32),
            kernel_init=uniform_fan_in,
        )

    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        """Images [B, H, W, C] to logits [B, num_classes]."""
        return self.head(self.features(x, train)[-1], train)

    def features(self, x: jax.Array, train: bool = False) -> list[jax.Array]:
        """The activated whitening convolution, then each group: see `feature_info`."""
        outputs = [activation(self.act)(self.whiten(x))]
        for group in self.layers:
            outputs.append(group(outputs[-1], train))
        return outputs

    def head(self, x: jax.Array, train: bool = False) -> jax.Array:
        """The last group's output [B, H, W, C] to logits: its maximum, then linear."""
        x = x.max((1, 2))
        logits = self.fc(x)
        return logits.astype(at_least_float32(logits.dtype)) / x.shape[-1]

    @nn.nowrap
    def whitened(self, constants: Mapping, images: jax.Array) -> dict[str, Any]:
        """The collection 'constants' with the kernel of these images.

        Args:
            constants: as init drew it.
            images: float [N, H, W, C] in model units; the recipe takes 5,000.
        """
        old = constants["whiten"]["kernel"]
        kernel = whitening_kernel(images, WINDOW).astype(old.dtype)
        return {**constants, "whiten": {"kernel": kernel}}

    @property
    def feature_info(self) -> tuple[dict[str, Any], ...]:
        """Channels, stride and name of each of the outputs of `features`."""
        channels = 2 * WINDOW**2 * self.input_shape[-1]
        info = [{"num_chs": channels, "reduction": 1, "module": "whiten"}]
        for i, width in enumerate(self.widths):
            module = f"layers_{i}"
            info.append({"num_chs": width, "reduction": 2 ** (i + 1), "module": module})
        return tuple(info)


class Whitening(nn.Module):
    """A 2x2 convolution with a fixed kernel, [B, H, W, C] -> [B, H-1, W-1, 8 C].

    Its bias is trained.
    """

    dtype: Any = None

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Convolves without padding."""
        wide = at_least_float32(self.dtype or jnp.float32)
        kernel = self.variable("constants", "kernel", self.draw, x.shape[-1], wide)
        features = kernel.value.shape[-1]
        bias = self.param("bias", nn.initializers.zeros, (features,), wide)
        x, weight, bias = nn.dtypes.promote_dtype(
            x, kernel.value, bias, dtype=self.dtype
        )
        return conv2d(x, weight) + bias

    def draw(self, channels: int, dtype: Any) -> jax.Array:
        """An orthogonal kernel and its negative."""
        size = WINDOW**2 * channels
        half = nn.initializers.orthogonal()(self.make_rng("params"), (size, size))
        both = jnp.concatenate([half, -half], -1).astype(dtype)
        return both.reshape(WINDOW, WINDOW, channels, -1)


class Group(nn.Module):
    """Convolutions of one width; the first halves the image, [B, H, W, C] -> H / 2."""

    features: int
    depth: int
    act: Any
    norm_momentum: float
    norm_epsilon: float
    axis_name: str | None
    dtype: Any

    def setup(self) -> None:
        """Makes the layers, numbered from one."""
        for i in range(1, self.depth + 1):
            conv = Conv(
                self.features, 3, kernel_init=partial_identity, dtype=self.dtype
            )
            norm = BatchNorm(
                momentum=self.norm_momentum,
                epsilon=self.norm_epsilon,
                use_scale=False,
                axis_name=self.axis_name,
                dtype=self.dtype,
            )
            setattr(self, f"conv{i}", conv)
            setattr(self, f"norm{i}", norm)

    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        """Pools between the first convolution and its norm."""
        x = self.act(self.norm1(max_pool(self.conv1(x), 2), train))
        y = self.norm2(self.conv2(x), train)
        if self.depth == 3:
            y = x + self.norm3(self.conv3(self.act(y)), train)
        return self.act(y)


AIRBENCH = {"airbench94": Airbench}
