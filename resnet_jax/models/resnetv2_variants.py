"""The published networks with pre-activation: what each sets of ResNetV2's fields."""

from collections.abc import Callable
from functools import partial
from typing import Any

from flax.core import FrozenDict

from resnet_jax.models.resnetv2 import ResNetV2

SIZES = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}


def resnetv2(depth: int, **settings: Any) -> partial:
    """A network of so many layers, bottlenecks from 50 on."""
    block = "preact_basic" if depth < 50 else "preact_bottleneck"
    return partial(ResNetV2, stage_sizes=SIZES[depth], block=block, **settings)


def deep(depth: int, **settings: Any) -> partial:
    """With ResNet-D's stem and shortcuts (arXiv:1812.01187, figure 2)."""
    given = {"stem": "deep", "shortcut": "average", **settings}
    return resnetv2(depth, **given)


def bit(depth: int, factor: int, image_size: int | None = None) -> partial:
    """Big Transfer: weight standardization and group norm, `factor` times as wide.

    Kolesnikov et al. 2019, arXiv:1912.11370, section 3.1.
    """
    return resnetv2(
        depth,
        width=64 * factor,
        stem_pool="zero_max",
        conv=FrozenDict({"name": "std", "epsilon": 1e-8}),
        norm="group",
        image_size=image_size,
    )


RESNETS_V2: dict[str, Callable] = {
    "resnetv2_18": resnetv2(18),
    "resnetv2_18d": deep(18),
    "resnetv2_34": resnetv2(34),
    "resnetv2_34d": deep(34),
    "resnetv2_50": resnetv2(50),
    "resnetv2_50d": deep(50),
    "resnetv2_50t": deep(50, stem="deep_tiered"),
    "resnetv2_101": resnetv2(101),
    "resnetv2_101d": deep(101),
    "resnetv2_152": resnetv2(152),
    "resnetv2_152d": deep(152),
    "resnetv2_50d_gn": deep(50, norm="group"),
    # These norms activate themselves.
    "resnetv2_50d_evos": deep(50, norm="evo", act="identity"),
    "resnetv2_50d_frn": deep(50, norm="frn", act="identity"),
    "resnetv2_50x1_bit": bit(50, 1),
    "resnetv2_50x3_bit": bit(50, 3, 448),
    "resnetv2_101x1_bit": bit(101, 1, 448),
    "resnetv2_101x3_bit": bit(101, 3, 448),
    "resnetv2_152x2_bit": bit(152, 2),
    "resnetv2_152x4_bit": bit(152, 4, 480),
}
