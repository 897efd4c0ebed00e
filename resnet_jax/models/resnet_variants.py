"""The residual networks of torchvision 0.28 and of timm 1.0.31's resnet.py.

Names, and what each sets of ResNet's fields. Image sizes are those of timm's weights.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from flax.core import FrozenDict

from resnet_jax.models.pruned_widths import ECARESNET50D, ECARESNET101D
from resnet_jax.models.resnet import ResNet

STAGE_SIZES = {
    10: (1, 1, 1, 1),
    14: (1, 1, 1, 1),
    18: (2, 2, 2, 2),
    26: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
    200: (3, 24, 36, 3),
    201: (3, 24, 36, 4),
    269: (3, 30, 48, 8),
    270: (4, 29, 53, 4),
    350: (4, 36, 72, 4),
    420: (4, 44, 87, 4),
}
OF_BASIC_BLOCKS = (10, 18, 34)


def resnet(depth: int, **settings: Any) -> partial:
    """A network for ImageNet with the usual stages of that depth."""
    block = "basic" if depth in OF_BASIC_BLOCKS else "bottleneck"
    return partial(ResNet, stage_sizes=STAGE_SIZES[depth], block=block, **settings)


def resnext(depth: int, cardinality: int, base_width: int, **settings: Any) -> partial:
    """Groups and channels of each: 32x4d are 32 of 4 (arXiv:1611.05431)."""
    return resnet(depth, cardinality=cardinality, base_width=base_width, **settings)


# The letters of He et al. 2018, arXiv:1812.01187, figure 2, GluonCV and timm.
C: dict[str, Any] = {"stem": "deep"}
D: dict[str, Any] = {"stem": "deep", "shortcut": "average"}
S: dict[str, Any] = {"stem": "deep", "stem_width": 64}
T: dict[str, Any] = {"stem": "deep_tiered", "shortcut": "average"}
SE: dict[str, Any] = {"attention": "se"}
ECA: dict[str, Any] = {"attention": "eca"}
AA: dict[str, Any] = {"blur": "avg"}
BLUR: dict[str, Any] = {"blur": "blur"}
# ResNet-RS: Bello et al. 2021, arXiv:2103.07579, section 4.1.
RS: dict[str, Any] = {
    **D,
    "stem_pool": "conv",
    "attention": FrozenDict({"name": "se", "ratio": 0.25}),
}

RESNETS: dict[str, Callable] = {
    "resnet10t": resnet(10, **T, image_size=176),
    "resnet14t": resnet(14, **T, image_size=176),
    "resnet18": resnet(18),
    "resnet18d": resnet(18, **D),
    "resnet26": resnet(26),
    "resnet26d": resnet(26, **D),
    "resnet26t": resnet(26, **T, image_size=256),
    "resnet34": resnet(34),
    "resnet34d": resnet(34, **D),
    "resnet50": resnet(50),
    "resnet50c": resnet(50, **C),
    "resnet50d": resnet(50, **D),
    "resnet50s": resnet(50, **S),
    "resnet50t": resnet(50, **T),
    "resnet50_gn": resnet(50, norm="group"),
    "resnet101": resnet(101),
    "resnet101c": resnet(101, **C),
    "resnet101d": resnet(101, **D, image_size=256),
    "resnet101s": resnet(101, **S),
    "resnet152": resnet(152),
    "resnet152c": resnet(152, **C),
    "resnet152d": resnet(152, **D, image_size=256),
    "resnet152s": resnet(152, **S),
    "resnet200": resnet(200),
    "resnet200d": resnet(200, **D, image_size=256),
    "wide_resnet50_2": resnet(50, base_width=128),
    "wide_resnet101_2": resnet(101, base_width=128),
    "resnext50_32x4d": resnext(50, 32, 4),
    "resnext50d_32x4d": resnext(50, 32, 4, **D),
    "resnext101_32x4d": resnext(101, 32, 4),
    "resnext101_32x8d": resnext(101, 32, 8),
    "resnext101_32x16d": resnext(101, 32, 16),
    "resnext101_32x32d": resnext(101, 32, 32),
    "resnext101_64x4d": resnext(101, 64, 4),
    "seresnet18": resnet(18, **SE),
    "seresnet34": resnet(34, **SE),
    "seresnet50": resnet(50, **SE),
    "seresnet50t": resnet(50, **T, **SE),
    "seresnet101": resnet(101, **SE),
    "seresnet152": resnet(152, **SE),
    "seresnet152d": resnet(152, **D, **SE, image_size=256),
    "seresnet200d": resnet(200, **D, **SE, image_size=256),
    "seresnet269d": resnet(269, **D, **SE, image_size=256),
    "seresnext26d_32x4d": resnext(26, 32, 4, **D, **SE),
    "seresnext26t_32x4d": resnext(26, 32, 4, **T, **SE),
    "seresnext50_32x4d": resnext(50, 32, 4, **SE),
    "seresnext101_32x4d": resnext(101, 32, 4, **SE),
    "seresnext101_32x8d": resnext(101, 32, 8, **SE),
    "seresnext101_64x4d": resnext(101, 64, 4, **SE),
    "seresnext101d_32x8d": resnext(101, 32, 8, **D, **SE),
    # Hu et al. 2017, arXiv:1709.01507, appendix.
    "senet154": resnext(152, 64, 4, **S, **SE, shortcut_kernel=3, reduce_first=2),
    "ecaresnet26t": resnet(26, **T, **ECA, image_size=256),
    "ecaresnet50d": resnet(50, **D, **ECA),
    "ecaresnet50d_pruned": resnet(50, **D, **ECA, widths=ECARESNET50D),
    "ecaresnet50t": resnet(50, **T, **ECA, image_size=256),
    "ecaresnet101d": resnet(101, **D, **ECA),
    "ecaresnet101d_pruned": resnet(101, **D, **ECA, widths=ECARESNET101D),
    "ecaresnet200d": resnet(200, **D, **ECA, image_size=256),
    "ecaresnet269d": resnet(269, **D, **ECA, image_size=320),
    "ecaresnetlight": partial(
        ResNet, stage_sizes=(1, 1, 11, 3), shortcut="average", **ECA
    ),
    "ecaresnext26t_32x4d": resnext(26, 32, 4, **T, **ECA),
    "ecaresnext50t_32x4d": resnext(50, 32, 4, **T, **ECA),
    "resnetblur18": resnet(18, **BLUR),
    "resnetblur50": resnet(50, **BLUR),
    "resnetblur50d": resnet(50, **D, **BLUR),
    "resnetblur101d": resnet(101, **D, **BLUR),
    "resnetaa34d": resnet(34, **D, **AA),
    "resnetaa50": resnet(50, **AA),
    "resnetaa50d": resnet(50, **D, **AA),
    "resnetaa101d": resnet(101, **D, **AA),
    "seresnetaa50d": resnet(50, **D, **SE, **AA),
    "seresnextaa101d_32x8d": resnext(101, 32, 8, **D, **SE, **AA, image_size=288),
    "seresnextaa201d_32x8d": resnext(
        201, 32, 8, **D, **SE, **AA, stem_width=64, image_size=384
    ),
    "resnetrs50": resnet(50, **RS, image_size=160),
    "resnetrs101": resnet(101, **RS, image_size=192),
    "resnetrs152": resnet(152, **RS, image_size=256),
    "resnetrs200": resnet(200, **RS, image_size=256),
    "resnetrs270": resnet(270, **RS, image_size=256),
    "resnetrs350": resnet(350, **RS, image_size=288),
    "resnetrs420": resnet(420, **RS, image_size=320),
    "test_resnet": partial(
        ResNet,
        stage_sizes=(1, 1, 1, 1),
        block=("basic", "basic", "bottleneck", "basic"),
        width=(32, 48, 48, 96),
        stem_width=16,
        image_size=160,
        **D,
    ),
}
