"""Images to images, whatever the network was trained to do."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from resnet_jax.tiles import Tiling

# Pixels of the output that a tile has per side unless something else is asked for.
TILE = 512
# Pixels of the input over which networks with global statistics are blended, halved.
OVERLAP = 32
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as Pillow turns color to grey


@dataclasses.dataclass(frozen=True, eq=False)
class Translator:
    """A trained network from images to images, and the units it works in.

    Calling it maps images float [B, H, W, C] in [0, 1] to [B, scale H, scale W, C'] in
    the same units, not clipped; C is in_channels and C' out_channels.

    Attributes:
        apply: images [B, H, W, in_channels] in the network's units -> images. It is
            called as it is: compile it, with the weights as an argument.
        in_channels: of the images it takes, 1 or 3.
        out_channels: of the images it makes.
        mean, std: per channel or one for all, in [0, 1] units: the network sees
            (value - mean) / std.
        out_mean, out_std: the same for what it makes.
        scale: how many times larger what it makes is.
        halo: how many pixels around a place its output depends on; None where it
            depends on the whole image.
        multiple: what the sides of its input must be a multiple of.
        encode: where the network's input is not the image: images [B, H, W,
            in_channels] in [0, 1] -> what `apply` takes, in place of mean and std.
        decode: what `apply` made, and the images that were encoded -> images [B,
            scale H, scale W, out_channels] in [0, 1], in place of out_mean and out_std.
        name: of the network, and what it does otherwise than usual; for people.
    """

    apply: Callable[[Array], Array]
    in_channels: int
    out_channels: int
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    out_mean: tuple[float, ...] = (0.0,)
    out_std: tuple[float, ...] = (1.0,)
    scale: int = 1
    halo: int | None = None
    multiple: int = 1
    encode: Callable[[Array], Array] | None = None
    decode: Callable[[Array, Array], Array] | None = None
    name: str = ""

    @classmethod
    def of(
        cls, model: Any, variables: Any, statistics: str = "running", **fields: Any
    ) -> "Translator":
        """Of a bare model, such as a pretrained one, and its variables.

        Args:
            model: a Linen module with the fields `channels`, or `in_channels` and
                `out_channels`, and the properties `halo` and `multiple`; and `scale`,
                else 1.
            variables: its params and statistics.
            statistics: 'running', or 'batch': see as_trained. Dropout drops the same
                values every time.
            **fields: mean, std, out_mean, out_std, encode, decode and name.
        """
        tested = statistics == "running"

        def forward(variables, x):
            if tested:
                return model.apply(variables, x, train=False)
            keys = jax.random.split(jax.random.key(0), len(x))
            return as_trained(model, variables, x, keys)

        both = getattr(model, "channels", None)
        return cls(
            apply=functools.partial(jax.jit(forward), variables),
            in_channels=both or model.in_channels,
            out_channels=both or model.out_channels,
            scale=getattr(model, "scale", 1),
            # An image's own statistics depend on all of it.
            halo=model.halo if tested else None,
            multiple=model.multiple,
            **fields,
        )

    def __call__(self, images: Array) -> Array:
        """See the class."""
        if self.encode is not None:
            made = self.apply(self.encode(images))
        else:
            made = self.apply((images - jnp.array(self.mean)) / jnp.array(self.std))
        if self.decode is not None:
            return self.decode(made, images)
        return made * jnp.array(self.out_std) + jnp.array(self.out_mean)

    def over(self, channels: int) -> tuple[Callable[[Array], Array], int]:
        """The same for images of 1 or 3 channels, and how many channels it makes.

        Grey images are repeated for a network that takes color, and the colors it makes
        are averaged to grey again, unless making color is its task (`decode`). Of a
        network from grey to grey each color channel is an image of its own: KAIR reads
        color as grey there, and the color is lost; the luma alone would leave the noise
        of the chroma. A network from grey to color gets the luma.

        Raises:
            ValueError: the network's channels are none that image files have.
        """
        for name in ("in_channels", "out_channels"):
            if getattr(self, name) not in (1, 3):
                raise ValueError(
                    f"the network has {getattr(self, name)} {name}, and image files "
                    "hold 1 (grey) or 3 (color): use it from Python, with arrays."
                )
        if channels == self.in_channels:
            return self, self.out_channels
        if channels == 1:
            averaged = self.decode is None and self.out_channels == 3
            return (self._grey if averaged else self._repeated), (
                1 if averaged else self.out_channels
            )
        return (self._each if self.out_channels == 1 else self._luma), 3

    def _repeated(self, images: Array) -> Array:
        return self(jnp.repeat(images, 3, axis=-1))

    def _grey(self, images: Array) -> Array:
        return self._repeated(images).mean(-1, keepdims=True)

    def _luma(self, images: Array) -> Array:
        return self((images * jnp.array(LUMA)).sum(-1, keepdims=True))

    def _each(self, images: Array) -> Array:
        size, height, width, channels = images.shape
        apart = jnp.moveaxis(images, -1, 1).reshape(size * channels, height, width, 1)
        made = self(apart)
        made = made.reshape(size, channels, *made.shape[1:3])
        return jnp.moveaxis(made, 1, -1)

    def tiling(self, tile: int | None = None, overlap: int | None = None) -> Tiling:
        """How images of any size are cut up for it.

        Args:
            tile: side in pixels of the input; 0 for the whole image; None for 512
                pixels of the output, or the halo where that is more.
            overlap: pixels around a tile that the network sees too; None for its halo,
                with which tiles equal the whole image, or for 32 where it has none and
                tiles are blended.

        Raises:
            ValueError: one of them is negative, or the tile is smaller than the
                overlap, and most of the work would be thrown away.
        """
        for name, value in (("tile", tile), ("overlap", overlap)):
            if value is not None and value < 0:
                raise ValueError(f"--{name} is {value}; expected 0 or more.")
        margin = OVERLAP if self.halo is None else self.halo
        margin = margin if overlap is None else overlap
        if tile is None:
            tile = max(TILE // self.scale, margin, 1)
        if 0 < tile < margin:
            raise ValueError(
                f"--tile is {tile}, smaller than the overlap of {margin} pixels, and "
                f"most of the work would be thrown away; expected {margin} or more, 0 "
                "for the whole image, or a smaller --overlap."
            )
        return Tiling(
            tile=tile,
            margin=margin,
            scale=self.scale,
            multiple=self.multiple,
            blend=self.halo is None,
        )


def as_trained(model: Any, variables: Any, images: Array, keys: Array) -> Array:
    """What a network makes of images as in training, of each of them alone.

    Batch norm takes the image's own statistics and dropout stays on: so pix2pix tests,
    Isola et al. 2017, arXiv:1611.07004, section 3.3.

    Args:
        model: a Linen module.
        variables: its params and statistics, which stay as they are.
        images: [B, H, W, C] in the model's units.
        keys: of dropout, [B].
    """
    stats = [name for name in variables if name != "params"]

    def alone(image, key):
        given = {"train": True, "mutable": stats, "rngs": {"dropout": key}}
        made, _ = model.apply(variables, image[None], **given)
        return made[0]

    return jax.vmap(alone)(images, keys)
