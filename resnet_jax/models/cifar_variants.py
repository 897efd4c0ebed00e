"""Residual networks for images of 32 x 32 pixels, and their plain twins."""

from collections.abc import Callable
from functools import partial
from typing import Any

from resnet_jax.models.resnet import ResNet

CIFAR: dict[str, Any] = {"stem": "cifar", "num_classes": 10}


def cifar_resnet(depth: int, **settings: Any) -> partial:
    """He's CIFAR network of 6n + 2 layers (arXiv:1512.03385, section 4.2).

    Option A shortcuts; the initialization, He's with fan in, of
    github.com/akamaster/pytorch_resnet_cifar10.
    """
    assert depth % 6 == 2, depth
    given = {"shortcut": "padded", "kernel_init": "fan_in", **settings}
    sizes = ((depth - 2) // 6,) * 3
    return partial(ResNet, stage_sizes=sizes, block="basic", width=16, **CIFAR, **given)


def preact_resnet(depth: int) -> partial:
    """He's pre-activation network of 9n + 2 layers (arXiv:1603.05027, section 5).

    Strides as in github.com/KaimingHe/resnet-1k-layers.
    """
    assert depth % 9 == 2, depth
    return partial(
        ResNet,
        stage_sizes=((depth - 2) // 9,) * 3,
        block="preact_bottleneck",
        width=16,
        stride_on="1x1",
        **CIFAR,
    )


def wide_resnet(depth: int, factor: int) -> partial:
    """Zagoruyko and Komodakis 2016, arXiv:1605.07146, table 1: 6n + 4 layers.

    Their dropout is `block_dropout=0.3`.
    """
    assert depth % 6 == 4, depth
    return partial(
        ResNet,
        stage_sizes=((depth - 4) // 6,) * 3,
        block="preact_basic",
        width=16 * factor,
        stem_width=16,
        **CIFAR,
    )


CIFAR_RESNETS: dict[str, Callable] = {
    # github.com/kuangliu/pytorch-cifar, but torchvision's initialization.
    "cifar_resnet18": partial(ResNet, stage_sizes=(2, 2, 2, 2), block="basic", **CIFAR),
    "resnet20": cifar_resnet(20),
    "resnet32": cifar_resnet(32),
    "resnet44": cifar_resnet(44),
    "resnet56": cifar_resnet(56),
    "resnet110": cifar_resnet(110),
    "resnet1202": cifar_resnet(1202),
    "plain20": cifar_resnet(20, shortcut="none"),
    "plain32": cifar_resnet(32, shortcut="none"),
    "plain44": cifar_resnet(44, shortcut="none"),
    "plain56": cifar_resnet(56, shortcut="none"),
    "plain110": cifar_resnet(110, shortcut="none"),
    "preact_resnet164": preact_resnet(164),
    "preact_resnet1001": preact_resnet(1001),
    "wrn16_8": wide_resnet(16, 8),
    "wrn28_10": wide_resnet(28, 10),
    "wrn40_4": wide_resnet(40, 4),
}
