"""Inputs and targets of a network that makes images of images."""

import dataclasses
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from resnet_jax.degrade import Degradation, Downscale
from resnet_jax.parallel import axis_size, rows
from resnet_jax.tasks.base import Batch
from resnet_jax.translator import Translator


@dataclasses.dataclass(frozen=True)
class Pair:
    """What is put in and what should come out, in model units: (x - mean) / std.

    Attributes:
        mean, std: of all channels, in [0, 1] units.
        degradation: what makes the input of a clean image; None where the data has
            both, as `a` and `b`.
        enlarged: how many times larger `b` is in such data.
    """

    mean: float = 0.0
    std: float = 1.0
    degradation: Degradation | None = None
    enlarged: int = 1

    @property
    def needs(self) -> tuple[str, ...]:
        """The batch keys that are read."""
        return ("a", "b") if self.degradation is None else ("image",)

    @property
    def scale(self) -> int:
        """How many times larger the target is than the input."""
        return self.change.scale

    @property
    def change(self) -> Degradation:
        """The degradation, or what stands for the one that the data had before."""
        small = Downscale(self.enlarged) if self.enlarged > 1 else Degradation()
        return self.degradation or small

    def __call__(
        self, batch: Batch, keys: Array | None = None, trim: bool = False
    ) -> dict[str, Array]:
        """'input' [B, h, w, c] and 'target' [B, scale h, scale w, c'], float32.

        Args:
            batch: uint8 or uint16 images under the keys of `needs`.
            keys: one per example, for what is random in a degradation.
            trim: take away the degradation's margin, which patches have wrong.

        Raises:
            ValueError: sides that the degradation does not divide evenly.
        """
        if self.degradation is None:
            pair = {"input": _unit(batch["a"]), "target": _unit(batch["b"])}
            return jax.tree.map(self.units, pair)
        assert keys is not None, "a degradation takes a key per example"
        clean, change = _unit(batch["image"]), self.degradation
        height, width = clean.shape[1:3]
        if height % change.scale or width % change.scale:
            raise ValueError(
                f"images of {height} x {width} pixels cannot be made {change.scale} "
                f"times smaller evenly; add crop_multiple=dict(multiple={change.scale})"
                " to their transforms."
            )
        low = jax.vmap(change.degrade)(keys, clean)
        pair = {"input": low, "target": jax.vmap(change.target)(clean)}
        if trim and change.margin:
            cut = change.margin
            pair["input"] = pair["input"][:, cut:-cut, cut:-cut]
            cut *= change.scale
            pair["target"] = pair["target"][:, cut:-cut, cut:-cut]
        return jax.tree.map(self.units, pair)

    def images(
        self, pair: dict[str, Array], answer: Array | None = None
    ) -> dict[str, Array]:
        """Images in [0, 1] of a pair in model units, and of a network's answer.

        Returns:
            'input', 'output' (where there is an answer) and 'target', of the target's
            size.
        """
        low, target = map(self.unit, pair.values())
        change = self.change
        shown = {"input": jax.vmap(change.seen)(low)}
        if answer is not None:
            shown["output"] = jax.vmap(change.image)(low, self.unit(answer))
        shown["target"] = jax.vmap(change.image)(low, target)
        return {name: jnp.clip(image, 0, 1) for name, image in shown.items()}

    def translator(
        self, model: nn.Module, variables: Any, statistics: str = "running"
    ) -> Translator:
        """A finished network as a function of images in [0, 1].

        Args:
            model, variables, statistics: see Translator.of.
        """
        units = {"mean": (self.mean,), "std": (self.std,)}
        units |= {"out_mean": (self.mean,), "out_std": (self.std,)}
        change = self.change
        if change.shows:
            return Translator.of(model, variables, statistics, **units)

        def encode(images):
            return self.units(jax.vmap(change.encode)(images))

        def decode(made, images):
            low = jax.vmap(change.encode)(images)
            return jax.vmap(change.image)(low, self.unit(made))

        coded = {"encode": encode, "decode": decode}
        found = Translator.of(model, variables, statistics, **coded)
        return dataclasses.replace(found, in_channels=3, out_channels=3)

    def units(self, image: Array) -> Array:
        """[0, 1] to model units."""
        return (image - self.mean) / self.std

    def unit(self, image: Array) -> Array:
        """Model units to [0, 1], not clipped."""
        return image * self.std + self.mean


def check_one_way(direction: str) -> None:
    """Raises ValueError where another way than from a to b is asked for."""
    if direction not in ("", "ab"):
        raise ValueError(
            f"--direction={direction}: this run makes targets of inputs, not inputs of "
            "targets; leave it out."
        )


def training_keys(key: Array, count: int, axis_name: str | None) -> Array:
    """A key for each of this device's rows, the same on any number of devices."""
    every = jax.random.split(key, count * axis_size(axis_name))
    return rows(every, axis_name)


def evaluation_keys(key: Array, index: Array) -> Array:
    """A key per example, that follows from its number."""
    return jax.vmap(jax.random.fold_in, (None, 0))(key, index)


def _unit(image: Array) -> Array:
    """Stored pixels in [0, 1]."""
    return image.astype(np.float32) / np.float32(np.iinfo(image.dtype).max)
