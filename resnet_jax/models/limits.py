"""Settings that several networks have, and the values that they can take."""

from collections.abc import Iterable
from typing import Any

import jax


def check_shares(model: Any, names: Iterable[str], what: str = "a ResNet") -> None:
    """Refuses shares and probabilities outside of [0, 1).

    Args:
        model: with such fields.
        names: of them.
        what: the network, for the message.

    Raises:
        ValueError: says which.
    """
    for name in names:
        if not 0 <= (value := getattr(model, name)) < 1:
            raise ValueError(f"{name} of {what} is {value}; expected 0 up to 1.")


def check_counts(model: Any, names: Iterable[str], what: str) -> None:
    """Refuses numbers of blocks, channels and the like that are not positive.

    Raises:
        ValueError: says which.
    """
    for name in names:
        if (value := getattr(model, name)) < 1:
            raise ValueError(f"{name} of {what} is {value}; expected 1 or more.")


def check_images(
    x: jax.Array, channels: int, what: str, multiple: int = 1, least: int = 1
) -> None:
    """Refuses images that a network for any size cannot take.

    Args:
        x: [B, H, W, C].
        channels: that they must have.
        what: the network, for the message.
        multiple: what the sides must be a multiple of.
        least: shortest side that will do.

    Raises:
        ValueError: says which, and what to do.
    """
    height, width, found = x.shape[1:]
    if found != channels:
        raise ValueError(
            f"this {what} takes images of {channels} channels, not {found}: set its"
            " in_channels to those of the images."
        )
    if height % multiple or width % multiple or min(height, width) < least:
        sides = f"multiples of {multiple}, " if multiple > 1 else ""
        raise ValueError(
            f"this {what} takes images whose sides are {sides}at least {least}, not"
            f" {height} x {width}: resize, crop or pad them."
        )


def frozen_modules(model: Any, stem: Iterable[str]) -> tuple[str, ...]:
    """The modules that `frozen_stages` holds still, as patterns of `optim.freeze`.

    Args:
        model: with `frozen_stages` and `feature_info`.
        stem: patterns of the modules of its stem.
    """
    if model.frozen_stages < 0:
        return ()
    stages = model.feature_info[1 : model.frozen_stages + 1]
    return (*stem, *(f"{stage['module']}*" for stage in stages))


def check_stages(model: Any, reduction: int) -> None:
    """Refuses numbers of frozen stages and output strides that there are not.

    Args:
        model: with `stage_sizes`, `frozen_stages` and `output_stride`.
        reduction: what its stem divides the image's sides by.

    Raises:
        ValueError: says which.
    """
    count = len(model.stage_sizes)
    if not -1 <= model.frozen_stages <= count:
        raise ValueError(
            f"frozen_stages of a ResNet is {model.frozen_stages}; expected -1 (none),"
            f" 0 (the stem) or the number of a stage up to {count}."
        )
    strides = [reduction * 2**i for i in range(count)]
    if model.output_stride not in (None, *strides):
        raise ValueError(
            f"output_stride of this ResNet is {model.output_stride}; expected one of"
            f" {', '.join(map(str, strides))}."
        )
