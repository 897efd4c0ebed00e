"""Normalization layers, all called as `norm(x, train)`."""

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from resnet_jax.lookup import build, section_fields
from resnet_jax.nn.precision import at_least_float32


class BatchNorm(nn.Module):
    """Batch normalization with an explicit number of examples that share statistics.

    Ioffe and Szegedy 2015, arXiv:1502.03167; small groups: Hoffer et al. 2017,
    arXiv:1705.08741. Example i belongs to group i mod (B / group_size), on any number
    of devices; `group_size` None is the whole batch, under jit the global one. Under
    pmap (`axis_name`) device d of D holds the rows d, d + D, d + 2 D ..., so a
    group is the global batch or the rows of one device.

    Follows PyTorch: epsilon 1e-5, and running averages (momentum = the part kept) of
    the mean and the unbiased variance, averaged over groups. Statistics are float32, or
    float64 for such inputs; the output is in `dtype`, or the input's own.

    Raises:
        ValueError: `group_size` does not divide the batch, is another size under pmap,
            or leaves one value per channel.
    """

    group_size: int | None = None
    momentum: float = 0.9
    epsilon: float = 1e-5
    axis_name: str | None = None
    use_scale: bool = True
    use_bias: bool = True
    scale_init: Callable = nn.initializers.ones
    bias_init: Callable = nn.initializers.zeros
    dtype: Any = None

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        """Normalizes [B, ..., C] by the batch (train) or the running averages."""
        wide, shape = at_least_float32(x.dtype), x.shape[-1:]
        running_mean = self.variable("batch_stats", "mean", jnp.zeros, shape, wide)
        running_var = self.variable("batch_stats", "var", jnp.ones, shape, wide)
        mean, var = running_mean.value, running_var.value
        if not train or self.is_initializing():
            return _standardize(self, x, mean, var)
        groups, shared = self.grouping(x.shape[0])
        size = self.axis_size() if shared else 1
        count = size * x.size // shape[0] // groups
        if count < 2:
            raise ValueError(
                f"batch norm got one value per channel to train on (shape {x.shape},"
                f" group_size {self.group_size}); use a larger batch or group_size."
            )
        mean, var = self.measure(x, mean, groups, shared)
        news = mean.mean(0), var.mean(0) * (count / (count - 1))
        if self.axis_name and not shared:
            news = jax.lax.pmean(news, self.axis_name)
        for running, new in zip((running_mean, running_var), news, strict=True):
            kept = self.momentum * running.value + (1 - self.momentum) * new
            running.value = kept.astype(running.value.dtype)
        rows = 1 if groups == 1 else x.shape[0]
        mean, var = (
            jnp.tile(m, (rows // groups, 1)).reshape(rows, *(1,) * (x.ndim - 2), -1)
            for m in (mean, var)
        )
        return _standardize(self, x, mean, var)

    def measure(
        self, x: jax.Array, shift: jax.Array, groups: int, shared: bool
    ) -> tuple[jax.Array, jax.Array]:
        """Mean and biased variance of each group, [groups, C].

        Only the [B, C] means of the examples are regrouped, so a batch that is
        sharded over devices stays where it is.
        """
        # E[x^2] - E[x]^2 reads x once; near the mean it does not cancel.
        x = x.astype(at_least_float32(x.dtype)) - shift
        places = tuple(range(1, x.ndim - 1))
        moments = jnp.stack([x.mean(places), jnp.square(x).mean(places)], 1)
        moments = moments.reshape(-1, groups, *moments.shape[1:]).mean(0)
        if shared:
            moments = jax.lax.pmean(moments, self.axis_name)
        mean, square = moments[:, 0], moments[:, 1]
        return shift + mean, jnp.maximum(square - jnp.square(mean), 0)

    def axis_size(self) -> int:
        """The number of devices under pmap, otherwise one."""
        return jax.lax.axis_size(self.axis_name) if self.axis_name else 1

    def grouping(self, rows: int) -> tuple[int, bool]:
        """The number of groups among these rows, and whether other devices share."""
        devices = self.axis_size()
        size = rows * devices if self.group_size is None else self.group_size
        if devices > 1 and size not in (rows, rows * devices):
            raise ValueError(
                f"group_size {size} of batch norm is not possible under pmap with"
                f" {devices} devices of {rows} examples: take {rows} (each device),"
                f" {rows * devices} or None (all), or run.parallel='jit'."
            )
        if size < 1 or rows * devices % size:
            raise ValueError(
                f"group_size {size} of batch norm does not divide the batch of"
                f" {rows}: take a divisor of it, or None for the whole batch."
            )
        return max(rows // size, 1), size > rows


class GroupNorm(nn.Module):
    """Normalizes each example over its positions and groups of channels.

    Wu and He 2018, arXiv:1803.08494; 32 groups and epsilon 1e-5 as there.

    Raises:
        ValueError: `num_groups` does not divide the channels.
    """

    num_groups: int = 32
    epsilon: float = 1e-5
    use_scale: bool = True
    use_bias: bool = True
    scale_init: Callable = nn.initializers.ones
    bias_init: Callable = nn.initializers.zeros
    dtype: Any = None

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        """Normalizes [B, ..., C]; the same in training and evaluation."""
        mean, var = _group_moments(x, self.num_groups)
        return _standardize(self, x, mean, var)


class InstanceNorm(nn.Module):
    """Normalizes each channel of each example over its positions.

    Ulyanov et al. 2016, arXiv:1607.08022, eq. 5; epsilon 1e-5, and neither scale nor
    bias, as is PyTorch's default.

    Raises:
        ValueError: there is a single position, of which nothing would be left.
    """

    epsilon: float = 1e-5
    use_scale: bool = False
    use_bias: bool = False
    scale_init: Callable = nn.initializers.ones
    bias_init: Callable = nn.initializers.zeros
    dtype: Any = None

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        """Normalizes [B, ..., C]; the same in training and evaluation."""
        places = tuple(range(1, x.ndim - 1))
        if math.prod(x.shape[1:-1]) < 2:
            raise ValueError(
                f"instance norm got one value per channel (shape {x.shape}), which it"
                " would turn into zero: take larger images, or another norm."
            )
        return _standardize(self, x, *_moments(x, places))


class LayerNorm(nn.Module):
    """Normalizes each position over its channels.

    Ba et al. 2016, arXiv:1607.06450; epsilon 1e-6 as in ConvNeXt.
    """

    epsilon: float = 1e-6
    use_scale: bool = True
    use_bias: bool = True
    scale_init: Callable = nn.initializers.ones
    bias_init: Callable = nn.initializers.zeros
    dtype: Any = None

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        """Normalizes [B, ..., C]; the same in training and evaluation."""
        return _standardize(self, x, *_moments(x, (x.ndim - 1,)))


class EvoNorm(nn.Module):
    """x sigmoid(v x) over the deviation of its group: norm and activation in one.

    EvoNorm-S0: Liu et al. 2020, arXiv:2004.02967, table 1; takes no other activation.
    32 groups and epsilon 1e-5 as in the paper's code.

    Raises:
        ValueError: `num_groups` does not divide the channels.
    """

    num_groups: int = 32
    epsilon: float = 1e-5
    use_scale: bool = True
    use_bias: bool = True
    scale_init: Callable = nn.initializers.ones
    bias_init: Callable = nn.initializers.zeros
    dtype: Any = None

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        """Normalizes [B, ..., C]; the same in training and evaluation."""
        wide = at_least_float32(x.dtype)
        v = self.param("v", nn.initializers.ones, x.shape[-1:], wide)
        _, var = _group_moments(x, self.num_groups)
        y = x * jax.nn.sigmoid(x * v.astype(x.dtype))
        return _standardize(self, y, jnp.zeros_like(var), var)


class FilterResponseNorm(nn.Module):
    """x over the root of its mean square, then max(y, tau): norm and activation in one.

    Singh and Krishnan 2019, arXiv:1911.09737, eq. 1 to 3; takes no other activation.
    epsilon 1e-5 as in timm (the paper: 1e-6).
    """

    epsilon: float = 1e-5
    use_scale: bool = True
    use_bias: bool = True
    scale_init: Callable = nn.initializers.ones
    bias_init: Callable = nn.initializers.zeros
    dtype: Any = None

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        """Normalizes [B, ..., C]; the same in training and evaluation."""
        wide, places = at_least_float32(x.dtype), tuple(range(1, x.ndim - 1))
        square = jnp.square(x.astype(wide)).mean(places, keepdims=True)
        y = _standardize(self, x, jnp.zeros_like(square), square)
        tau = self.param("tau", nn.initializers.zeros, x.shape[-1:], wide)
        return jnp.maximum(y, tau.astype(y.dtype))


class Identity(nn.Module):
    """No normalization; takes the arguments of the others."""

    use_scale: bool = False
    use_bias: bool = False
    scale_init: Callable | None = None
    dtype: Any = None

    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        """Returns x."""
        return x


def _moments(x: jax.Array, axes: tuple[int, ...]) -> tuple[jax.Array, jax.Array]:
    """Mean and biased variance over axes, which stay as ones."""
    x = x.astype(at_least_float32(x.dtype))
    return x.mean(axes, keepdims=True), x.var(axes, keepdims=True)


def _group_moments(x: jax.Array, num_groups: int) -> tuple[jax.Array, jax.Array]:
    """Mean and biased variance of each example's groups of channels, [B, 1 ..., C]."""
    channels = x.shape[-1]
    if channels % num_groups:
        raise ValueError(
            f"group norm cannot split {channels} channels into {num_groups} groups:"
            " take a divisor of every layer's channels as num_groups."
        )
    y = x.reshape(*x.shape[:-1], num_groups, -1)
    mean, var = _moments(y, (*range(1, x.ndim - 1), x.ndim))
    mean, var = (jnp.repeat(m, channels // num_groups, -2)[..., 0] for m in (mean, var))
    return mean, var


def _standardize(layer: Any, x: jax.Array, mean: jax.Array, var: jax.Array):
    """(x - mean) / sqrt(var + epsilon), scaled and shifted by the layer's params."""
    shape, wide = x.shape[-1:], at_least_float32(x.dtype)
    gain = jax.lax.rsqrt(var + layer.epsilon)
    if layer.use_scale:
        gain = gain * layer.param("scale", layer.scale_init, shape, wide)
    y = (x - mean) * gain
    if layer.use_bias:
        y = y + layer.param("bias", layer.bias_init, shape, wide)
    return y.astype(x.dtype if layer.dtype is None else layer.dtype)


NORMS: dict[str, Callable] = {
    "batch": BatchNorm,
    "group": GroupNorm,
    "instance": InstanceNorm,
    "layer": LayerNorm,
    "evo": EvoNorm,
    "frn": FilterResponseNorm,
    "none": Identity,
}


def normalization(
    section: Mapping | str | Callable,
    *,
    axis_name: str | None = None,
    dtype: Any = None,
) -> Callable:
    """A constructor `norm(scale_init=..., name=...)` from a config section.

    Args:
        section: {'name': ..., **fields}, a name in NORMS, or a constructor, which is
            returned unchanged.
        axis_name: the mapped axis under pmap; only batch norm needs it.
        dtype: type of the outputs.

    Raises:
        ValueError: the name or a field is unknown.
    """
    if callable(section):
        return section
    fields = section_fields(section, "norm")
    fields = {"dtype": dtype, **fields}
    if fields.get("name") == "batch":
        fields = {"axis_name": axis_name, **fields}
    build(NORMS, fields, "norm", parent=None)
    return partial(NORMS[fields.pop("name")], **fields)


def is_local(section: Mapping | str | Callable) -> bool:
    """Whether a norm, in evaluation, treats every position by itself.

    So do running averages, and norms over a position's channels; an image can then be
    computed in tiles.
    """
    kind = getattr(normalization(section), "func", section)
    return kind in (BatchNorm, LayerNorm, Identity)
