"""The feature maps of networks that double or halve images, stage by stage."""

from collections.abc import Sequence

import jax


def doublings(what: str, resolution: int, bottom: int, least: int = 0) -> int:
    """How often the side `bottom` is doubled to become `resolution`.

    Args:
        what: the network, for the message.
        resolution: side of the images.
        bottom: side of the smallest feature map.
        least: smallest number that will do.

    Raises:
        ValueError: it does not become that; names a `bottom` that would.
    """
    count = max(resolution // max(bottom, 1), 1).bit_length() - 1
    if bottom >= 1 and bottom * 2**count == resolution and count >= least:
        return count
    fits = resolution
    while fits > 7 and fits % 2 == 0:
        fits //= 2
    while least and fits % 2 == 0 and fits * 2**least > resolution:
        fits //= 2
    remedy = f"take bottom={fits}"
    if resolution < 1 or fits * 2**least > resolution:
        remedy = "take an even resolution, such as 32"
    raise ValueError(
        f"a {what} of resolution {resolution} cannot have bottom={bottom}: the"
        f" resolution is bottom times a power of two; {remedy}."
    )


def widths(width: int | Sequence[int], count: int) -> tuple[int, ...]:
    """The channels of each of `count` stages, from one number or a tuple.

    Raises:
        ValueError: the tuple has another length, or a number is not positive.
    """
    found = (width,) * count if isinstance(width, int) else tuple(width)
    if len(found) != count or min(found, default=1) < 1:
        raise ValueError(
            f"width is {width}; this network has {count} stages: give one positive"
            " number for all, or one for each."
        )
    return found


def check_attention(attention: Sequence[int], sides: Sequence[int]) -> None:
    """Refuses attention at feature maps that there are not.

    Raises:
        ValueError: names the sides of those there are.
    """
    if missing := [side for side in attention if side not in sides]:
        known = ", ".join(map(str, dict.fromkeys(sides)))
        raise ValueError(
            f"there is no feature map of side {missing[0]} for self-attention: set"
            f" attention to a tuple of sides among {known}."
        )


def check_labels(labels: jax.Array | None, num_classes: int, what: str) -> None:
    """Refuses to go on without labels where there are classes.

    Raises:
        ValueError: says what is missing.
    """
    if num_classes and labels is None:
        raise ValueError(
            f"this {what} is conditional on {num_classes} classes: call it with labels,"
            " or make it with num_classes=0."
        )


def check_images(images: jax.Array, resolution: int, channels: int) -> None:
    """Refuses images of another shape than a discriminator was made for.

    Raises:
        ValueError: says which.
    """
    shape = (resolution, resolution, channels)
    if images.shape[1:] != shape:
        raise ValueError(
            f"this discriminator takes images of {resolution} x {resolution} x"
            f" {channels}, not {' x '.join(map(str, images.shape[1:]))}: set its"
            " resolution and channels to those of the images."
        )
