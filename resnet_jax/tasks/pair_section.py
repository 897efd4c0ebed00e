"""Pairs, and the networks of images to images, as a config describes them."""

from collections.abc import Mapping
from typing import Any

from resnet_jax.degrade import create_degradation
from resnet_jax.models import (
    PATCHGANS,
    RESTORERS,
    TRANSLATORS,
    VGG_DISCRIMINATORS,
)
from resnet_jax.spec import DataSpec
from resnet_jax.tasks.network_section import check_name, fitted
from resnet_jax.tasks.pair import Pair

JUDGES = {**PATCHGANS, **VGG_DISCRIMINATORS}
IMAGES_TO_IMAGES = {**RESTORERS, **TRANSLATORS}


def make_pair(
    degradation: Mapping | None, spec: DataSpec
) -> tuple[Pair, tuple[int, int]]:
    """Input and target of the data, and the channels of both.

    Args:
        degradation: as create_degradation takes it; None for data that has pairs.
        spec: of the data.

    Raises:
        ValueError: a name or value is unknown, or the data does not fit.
    """
    units = {*spec.mean}, {*spec.std}
    if any(len(values) > 1 for values in units):
        raise ValueError(
            f"data.mean is {spec.mean} and data.std {spec.std}; a network that makes "
            "images has one unit for all channels: 0 and 1, or 0.5 and 0.5."
        )
    mean, std = (values.pop() for values in units)
    if degradation is None:
        if "a" not in spec.shapes or "b" not in spec.shapes:
            raise ValueError(
                f"{spec.source} has no pairs; name what the input is made of images "
                "by, in config.degradation, or choose the source 'pairs'."
            )
        low, high = spec.shapes["a"], spec.shapes["b"]
        enlarged = max(high[0] // low[0], 1)
        if any(b != enlarged * a for a, b in zip(low[:2], high[:2], strict=True)):
            raise ValueError(
                f"targets have {high[0]} x {high[1]} pixels and inputs {low[0]} x "
                f"{low[1]}; expected sides that are a whole number of times larger."
            )
        return Pair(mean, std, enlarged=enlarged), (low[-1], high[-1])
    if "image" not in spec.shapes:
        raise ValueError(
            f"{spec.source} has pairs already; remove config.degradation, or choose a "
            "source of single images."
        )
    change = create_degradation(degradation)
    *sides, channels = spec.shapes["image"]
    least = change.scale * (2 * change.margin + 1)
    for side in sides:
        if side % change.scale or side < least:
            raise ValueError(
                f"training images have {sides[0]} x {sides[1]} pixels and the "
                f"degradation makes them {change.scale} times smaller, less "
                f"{change.margin} at each border; choose a multiple of {change.scale} "
                f"from {least} on, such as by data.source.patch."
            )
    return Pair(mean, std, change), change.channels(channels)


def translator_network(
    section: Mapping,
    what: str,
    pair: Pair,
    channels: tuple[int, int],
    axis_name: str | None,
) -> Any:
    """A network from inputs to targets.

    Args:
        section: a name in RESTORERS or TRANSLATORS with its arguments.
        what: the section's name, for messages.
        pair: what it learns of.
        channels: of input and target.
        axis_name: the device axis under pmap.

    Raises:
        ValueError: it is another network, or does not fit.
    """
    name = section.get("name")
    check_name(name, what, IMAGES_TO_IMAGES, "makes no images of images")
    restores = name in RESTORERS
    unit = (0.0, 1.0) if restores else (0.5, 0.5)
    if (pair.mean, pair.std) != unit:
        raise ValueError(
            f"{what} '{name}' works in [{'0' if restores else '-1'}, 1]; set data.mean "
            f"to {unit[0]:g} and data.std to {unit[1]:g}, not {pair.mean:g} and "
            f"{pair.std:g}."
        )
    if restores and channels[0] != channels[1]:
        raise ValueError(
            f"{what} '{name}' makes as many channels as it takes, and the input has "
            f"{channels[0]} and the target {channels[1]}; take a translator, such as "
            "cyclegan_resnet6."
        )
    both = {"in_channels": channels[0], "out_channels": channels[1]}
    known = {"channels": channels[0]} if restores else both
    network = fitted(section, what, known, axis_name)
    if network.scale != pair.scale:
        raise ValueError(
            f"{what} '{name}' makes images {network.scale} times larger, and targets "
            f"are {pair.scale} times larger; change {what}.scale or degradation.factor."
        )
    return network


def judge_network(
    section: Mapping,
    what: str,
    channels: int,
    side: int,
    axis_name: str | None,
) -> Any:
    """A discriminator of images of so many channels, and of this side.

    Raises:
        ValueError: it is another network, or does not fit.
    """
    name = section.get("name")
    check_name(name, what, JUDGES, "is no discriminator of images")
    known = {"in_channels": channels}
    if name in VGG_DISCRIMINATORS:
        known = {"channels": channels}
        section = {"resolution": side, **section}
    return fitted(section, what, known, axis_name)
