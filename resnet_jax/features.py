"""Feature networks: what generated images are compared in."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from resnet_jax.metrics.resizing import RESIZES, Size

# Names that the field reserves for one network, one resize and its published weights.
PUBLISHED_NAMES = {
    "frechet_distance": "fid",
    "kernel_distance": "kid",
    "kernel_distance_deviation": "kid_deviation",
    "classifier_score": "inception_score",
    "classifier_score_deviation": "inception_score_deviation",
}


@dataclasses.dataclass(frozen=True)
class FeatureNetwork:
    """A classifier, of which the input of the head is wanted; weights come apart.

    Attributes:
        name: of the network, as a protocol gives it.
        model: images [B, H, W, channels] in its own units -> logits [B, K]; its head is
            called fc.
        channels: of its images.
        mean, std: of its units, per channel or one for all, in [0, 1].
        size: height and width of its images; None: as they come.
        resize: how they are brought to that size, a name in RESIZES.
        head_bias: whether the logits have the head's bias; the inception score is taken
            without.
        published: whether these are the network and weights that papers use.

    Raises:
        ValueError: there is no such resize.
    """

    name: str
    model: nn.Module
    channels: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    size: Size | None = None
    resize: str = "clean"
    head_bias: bool = True
    published: bool = False

    def __post_init__(self):
        if self.resize not in RESIZES:
            raise ValueError(
                f"resize of a feature network is '{self.resize}'; expected "
                f"{' or '.join(RESIZES)}."
            )

    def __call__(self, variables: Any, images: Array) -> dict[str, Array]:
        """Features and logits in float32; pure, may be compiled.

        Matrix products are exact float32 on every device: with less, features depend on
        the size of the batch.

        Args:
            variables: of the model.
            images: uint8 [B, H, W, C]. Grey images are repeated for a network that
                takes color; color is averaged for one that takes grey.

        Returns:
            `features` [B, D] and `logits` [B, K].

        Raises:
            ValueError: images of another type, or of channels that do not fit.
        """
        with jax.default_matmul_precision("float32"):
            return pooled(self.model, variables, self.units(images), self.head_bias)

    def units(self, images: Array) -> Array:
        """uint8 [B, H, W, C] -> float32 [B, *size, channels] in the model's units."""
        if images.dtype != jnp.uint8 or images.ndim != 4:
            raise ValueError(
                f"a feature network takes uint8 images [B, H, W, C], not "
                f"{images.dtype} {list(images.shape)}; see metrics.quantization."
            )
        x = images.astype(jnp.float32)
        if x.shape[-1] == 1:
            x = jnp.repeat(x, self.channels, -1)
        elif self.channels == 1:
            x = x.mean(-1, keepdims=True)
        if x.shape[-1] != self.channels:
            raise ValueError(
                f"the images have {images.shape[-1]} channels and the feature network "
                f"{self.name} takes {self.channels}; choose a network of such images."
            )
        if self.size and x.shape[1:3] != self.size:
            x = RESIZES[self.resize](x, self.size)
        mean, std = (255 * np.asarray(v, np.float64) for v in (self.mean, self.std))
        return (x - mean.astype(np.float32)) / std.astype(np.float32)

    def resize_of(self, size: Sequence[int]) -> str:
        """How images of a size come to the network's: 'none' where they have it."""
        return "none" if self.size in (None, tuple(size)) else self.resize

    def named(self, values: Mapping[str, float]) -> dict[str, float]:
        """The values under the names that papers use, where this network is theirs.

        A distance in any other features, or after another resize, is no FID.
        """
        reserved = self.published and self.resize == "legacy"
        names = PUBLISHED_NAMES if reserved else {}
        return {names.get(name, name): value for name, value in values.items()}


@dataclasses.dataclass(frozen=True)
class Pixels:
    """Pixels as features: what can be had without a network. No distance of papers.

    Attributes:
        side: larger images are reduced to squares of this side first.
    """

    side: int = 16
    name: ClassVar[str] = "pixels"
    resize: ClassVar[str] = "clean"

    def __call__(self, variables: Any, images: Array) -> dict[str, Array]:
        """uint8 [B, H, W, C] -> `features` float32 [B, D] in [0, 1], D up to side^2 C.

        Args:
            variables: none are needed.
            images: uint8.
        """
        x = images.astype(jnp.float32)
        if max(x.shape[1:3]) > self.side:
            x = RESIZES[self.resize](x, (self.side, self.side))
        return {"features": x.reshape(len(x), -1) / 255}

    def resize_of(self, size: Sequence[int]) -> str:
        """How images of a size are reduced: 'none' where they are small."""
        return self.resize if max(size) > self.side else "none"

    def named(self, values: Mapping[str, float]) -> dict[str, float]:
        """The values as they are: papers have no name for them."""
        return dict(values)


def check_loaded(network: FeatureNetwork | Pixels, variables: Any) -> None:
    """Raises ValueError where a network's variables are needed and not given."""
    if variables is None and not isinstance(network, Pixels):
        raise ValueError(
            f"the feature network {network.name} is not loaded; put its variables into "
            "state.frozen['features']."
        )


def inception(model: nn.Module, published: bool, resize: str = "") -> FeatureNetwork:
    """Inception-2015 as FID takes it: resized to 299 x 299, (pixel - 128) / 128.

    Args:
        model: models.inception.Inception.
        published: whether its weights are the known ones.
        resize: a name in RESIZES; '' for 'legacy', the only one whose distance is FID.
    """
    middle = (128 / 255,)
    return FeatureNetwork(
        name="inception_2015",
        model=model,
        channels=3,
        mean=middle,
        std=middle,
        size=(299, 299),
        resize=resize or "legacy",
        head_bias=False,
        published=published,
    )


def pooled(
    model: nn.Module, variables: Any, x: Array, head_bias: bool = True
) -> dict[str, Array]:
    """The input of a model's head and its logits.

    Args:
        model: whose head is a module called fc, as of every network here.
        variables: of the model.
        x: images [B, H, W, C] in the model's units.
        head_bias: whether the head's bias is in the logits.

    Returns:
        `features` [B, D] and `logits` [B, K], at least float32.
    """
    found: list[Array] = []

    def watch(call, args, kwargs, context):
        if context.module.name == "fc" and context.method_name == "__call__":
            found.append(args[0])
        return call(*args, **kwargs)

    with nn.intercept_methods(watch):
        logits: Any = model.apply(variables, x)
    if not head_bias:
        logits = logits - variables["params"]["fc"]["bias"]
    wide = jnp.promote_types(logits.dtype, jnp.float32)
    features = found[-1].reshape(len(x), -1)
    return {"features": features.astype(wide), "logits": logits.astype(wide)}
