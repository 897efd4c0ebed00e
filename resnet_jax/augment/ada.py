"""The augmentation of StyleGAN2-ADA: geometry, color and cutout."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from resnet_jax.augment.affine import compose, rotation, scaling, translation
from resnet_jax.augment.color import change_color
from resnet_jax.augment.cutout import cut_out
from resnet_jax.augment.draws import per_image
from resnet_jax.augment.warp import warp

GEOMETRY = ("xflip", "rotate90", "xint", "scale", "rotate", "aniso", "xfrac")
COLOR = ("brightness", "contrast", "lumaflip", "hue", "saturation")


@dataclasses.dataclass(frozen=True)
class Ada:
    """Changes images with probability strength times a transform's own factor.

    Karras et al. 2020, arXiv:2006.06676, appendix B, without its filters and noise. The
    geometric transforms are one affine map, sampled once (augment.warp).

    A grey image is treated as three equal channels: hue and saturation leave it, and
    lumaflip makes its negative.

    Attributes: the factors, from 0 (never) to 1. The defaults are R3GAN's (Huang et al.
        2025, arXiv:2501.05441, appendix D).
        xflip: mirrored, or not.
        rotate90: by a multiple of 90 degrees.
        xint: moved by whole pixels, up to an eighth of each side.
        scale: by 2^N(0, 0.2).
        rotate: by any angle, before and after aniso, each with probability
            1 - sqrt(1 - p), so that with probability p there is one.
        aniso: width by 2^N(0, 0.2), height by its inverse.
        xfrac: moved by N(0, 1/8) of each side.
        brightness: plus N(0, 0.2).
        contrast: times 2^N(0, 0.5).
        lumaflip: the luma (mean of the channels) negated, or not.
        hue: colors turned about the grey axis by any angle.
        saturation: distance from the grey axis times 2^N(0, 1).
        cutout: a rectangle of half the sides around any point is zero.

    Raises:
        ValueError: a factor is out of range.
    """

    xflip: float = 1.0
    rotate90: float = 1.0
    xint: float = 1.0
    scale: float = 1.0
    rotate: float = 1.0
    aniso: float = 1.0
    xfrac: float = 1.0
    brightness: float = 0.5
    contrast: float = 0.5
    lumaflip: float = 0.5
    hue: float = 0.5
    saturation: float = 0.5
    cutout: float = 1.0

    def __post_init__(self):
        for name, factor in dataclasses.asdict(self).items():
            if not 0 <= factor <= 1:
                raise ValueError(f"ada {name} is {factor}; expected from 0 to 1.")

    def __call__(
        self,
        images: Array,
        key: Array,
        strength: float | Array,
        axis_name: str | None = None,
    ) -> Array:
        """The images [B, H, W, C] changed; zero is grey, so in [-1, 1].

        Raises:
            ValueError: colors are to change and C is neither 1 nor 3, or geometry and
                a side is a single pixel.
        """
        self._check(images.shape)
        x = images.astype(jnp.promote_types(images.dtype, jnp.float32))
        uniform_key, normal_key = jax.random.split(key)
        u = per_image(jax.random.uniform, uniform_key, x, 24, axis_name)
        n = per_image(jax.random.normal, normal_key, x, 7, axis_name)
        coin, u = u[:14], u[14:]
        if self._any(GEOMETRY):
            x = self._move(x, coin[:8], u[:6], n[:4], strength)
        if self._any(COLOR):
            x = self._change_color(x, coin[8:13], u[6:8], n[4:], strength)
        if self.cutout:
            x = self._cut_out(x, coin[13], u[8:], strength)
        return x.astype(images.dtype)

    def _any(self, names: tuple[str, ...]) -> bool:
        return any(getattr(self, name) for name in names)

    def _check(self, shape: tuple[int, ...]) -> None:
        if self._any(COLOR) and shape[-1] not in (1, 3):
            raise ValueError(
                f"augmentation 'ada' changes colors of 1 or 3 channels, not {shape[-1]}"
                f"; set its {', '.join(COLOR)} to 0."
            )
        if self._any(GEOMETRY) and 1 in shape[1:3]:
            raise ValueError(
                "augmentation 'ada' reflects images of at least 2 x 2 pixels, not "
                f"{shape[1]} x {shape[2]}."
            )

    def _move(self, x: Array, coin: Array, u: Array, n: Array, p) -> Array:
        height, width = x.shape[1:3]
        coin, u, n = (drawn[..., 0, 0, 0] for drawn in (coin, u, n))

        def chosen(i, name, value):
            return jnp.where(coin[i] < getattr(self, name) * p, value, 0)

        def angle(i, turn):
            once = 1 - jnp.sqrt(1 - self.rotate * jnp.asarray(p))
            return jnp.where(coin[i] < once, np.pi * (2 * turn - 1), 0)

        flip = 1 - 2 * chosen(0, "xflip", jnp.floor(2 * u[0]))
        quarters = chosen(1, "rotate90", jnp.floor(4 * u[1]))
        right = chosen(2, "xint", jnp.round((2 * u[2] - 1) / 8 * width))
        down = chosen(2, "xint", jnp.round((2 * u[3] - 1) / 8 * height))
        size = 2 ** chosen(3, "scale", 0.2 * n[0])
        stretch = 2 ** chosen(4, "aniso", 0.2 * n[1])
        further_right = chosen(5, "xfrac", n[2] / 8 * width)
        further_down = chosen(5, "xfrac", n[3] / 8 * height)
        # The inverse of each, so that their order is that of the changes.
        inverse = compose(
            scaling(flip, jnp.ones_like(flip)),
            rotation(-np.pi / 2 * quarters),
            translation(-right, -down),
            scaling(1 / size, 1 / size),
            rotation(-angle(6, u[4])),
            scaling(1 / stretch, stretch),
            rotation(-angle(7, u[5])),
            translation(-further_right, -further_down),
        )
        return warp(x, inverse.astype(x.dtype))

    def _change_color(self, x: Array, coin: Array, u: Array, n: Array, p) -> Array:
        def chosen(i, name, value):
            return jnp.where(coin[i] < getattr(self, name) * p, value, 0)

        return change_color(
            x,
            chosen(0, "brightness", 0.2 * n[0]),
            2 ** chosen(1, "contrast", 0.5 * n[1]),
            chosen(2, "lumaflip", jnp.floor(2 * u[0])),
            chosen(3, "hue", np.pi * (2 * u[1] - 1)),
            2 ** chosen(4, "saturation", n[2]),
        )

    def _cut_out(self, x: Array, coin: Array, u: Array, p) -> Array:
        height, width = x.shape[1:3]
        # A pixel counts where its center, half a pixel from its index, lies inside.
        top, left = u[0] * height - height / 4 - 0.5, u[1] * width - width / 4 - 0.5
        cut = cut_out(x, top, left, height / 2, width / 2)
        return jnp.where(coin < self.cutout * p, cut, x)
