"""The published residual networks: names and what each sets of ResNet's fields."""

from collections.abc import Callable
from functools import partial
from typing import Any

from resnet_jax.models.resnet import ResNet


def cifar_resnet(depth: int, **settings: Any) -> partial:
    """He's CIFAR network of 6n + 2 layers (arXiv:1512.03385, section 4.2).

    Option A shortcuts; the initialization, He's with fan in, of
    github.com/akamaster/pytorch_resnet_cifar10.
    """
    assert depth % 6 == 2, depth
    sizes = ((depth - 2) // 6,) * 3
    fixed: dict[str, Any] = {
        "block": "basic",
        "width": 16,
        "stem": "cifar",
        "num_classes": 10,
    }
    given = {"shortcut": "padded", "kernel_init": "fan_in", **settings}
    return partial(ResNet, stage_sizes=sizes, **fixed, **given)


RESNETS: dict[str, Callable] = {
    "resnet18": partial(ResNet, stage_sizes=(2, 2, 2, 2), block="basic"),
    "resnet34": partial(ResNet, stage_sizes=(3, 4, 6, 3), block="basic"),
    "resnet50": partial(ResNet, stage_sizes=(3, 4, 6, 3)),
    "resnet101": partial(ResNet, stage_sizes=(3, 4, 23, 3)),
    "resnet152": partial(ResNet, stage_sizes=(3, 8, 36, 3)),
    "resnext50_32x4d": partial(
        ResNet, stage_sizes=(3, 4, 6, 3), cardinality=32, base_width=4
    ),
    "wide_resnet50_2": partial(ResNet, stage_sizes=(3, 4, 6, 3), base_width=128),
    # github.com/kuangliu/pytorch-cifar, but torchvision's initialization.
    "cifar_resnet18": partial(
        ResNet, stage_sizes=(2, 2, 2, 2), block="basic", stem="cifar", num_classes=10
    ),
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
}
