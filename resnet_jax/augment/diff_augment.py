"""DiffAugment: color, translation and cutout."""

import dataclasses

import jax
import jax.numpy as jnp
from jax import Array

from resnet_jax.augment.cutout import cut_out
from resnet_jax.augment.draws import per_image
from resnet_jax.lookup import suggest


@dataclasses.dataclass(frozen=True)
class DiffAugment:
    """Differentiable augmentation. Zhao et al. 2020, arXiv:2006.10738, section 3.

    At strength 1, the paper's, each image is changed by each transform of the policy:
    color: brightness plus U(-0.5, 0.5), then distance from the pixel's mean times
    U(0, 2) (saturation), then from the image's mean times U(0.5, 1.5) (contrast);
    translation: by up to an eighth of a side, whole pixels, zeros moving in;
    cutout: a square of half a side around a random pixel is zero.

    Any number of channels. A grey pixel is its own mean, so saturation leaves it.

    Attributes:
        policy: of 'color', 'translation', 'cutout'. The paper's on all of CIFAR is
            the last two for BigGAN, and color and cutout for StyleGAN2.

    Raises:
        ValueError: the policy is empty, or names something else.
    """

    policy: tuple[str, ...] = ("color", "translation", "cutout")

    def __post_init__(self):
        for name in self.policy:
            if name not in TRANSFORMS:
                raise ValueError(
                    f"diff_augment policy has '{name}'. {suggest(name, TRANSFORMS)}"
                )
        if not self.policy:
            raise ValueError(
                f"diff_augment policy is empty; expected some of {list(TRANSFORMS)}."
            )

    def __call__(
        self,
        images: Array,
        key: Array,
        strength: float | Array,
        axis_name: str | None = None,
    ) -> Array:
        """The images [B, H, W, C] changed; zero is grey, so in [-1, 1]."""
        u = per_image(jax.random.uniform, key, images, 4 * len(TRANSFORMS), axis_name)
        for i, (name, change) in enumerate(TRANSFORMS.items()):
            if name in self.policy:
                own, coin = u[4 * i : 4 * i + 3], u[4 * i + 3]
                images = jnp.where(coin < strength, change(images, own), images)
        return images


def _change_color(images: Array, u: Array) -> Array:
    u = u.astype(jnp.promote_types(images.dtype, jnp.float32))
    x = images + u[0] - 0.5
    mean = x.mean(3, keepdims=True)
    x = (x - mean) * (2 * u[1]) + mean
    mean = x.mean((1, 2, 3), keepdims=True)
    x = (x - mean) * (u[2] + 0.5) + mean
    return x.astype(images.dtype)


def _translate(images: Array, u: Array) -> Array:
    _, height, width, channels = images.shape
    down, right = int(height / 8 + 0.5), int(width / 8 + 0.5)
    padded = jnp.pad(images, ((0, 0), (down, down), (right, right), (0, 0)))
    top, left = (
        jnp.floor(v.ravel() * (2 * most + 1)).astype(jnp.int32)
        for v, most in ((u[0], down), (u[1], right))
    )

    def cut(image, y, x):
        return jax.lax.dynamic_slice(image, (y, x, 0), (height, width, channels))

    return jax.vmap(cut)(padded, top, left)


def _cut_out(images: Array, u: Array) -> Array:
    top, height = _span(images.shape[1], u[0])
    left, width = _span(images.shape[2], u[1])
    return cut_out(images, top, left, height, width)


def _span(size: int, u: Array) -> tuple[Array, int]:
    """First pixel and length of half a side around a random place."""
    length = int(size / 2 + 0.5)
    # An even length is centered between pixels, of which places there is one more.
    places = size + 1 - length % 2
    return jnp.floor(u * places) - length // 2, length


TRANSFORMS = {"color": _change_color, "translation": _translate, "cutout": _cut_out}
