"""Residual generators and discriminators by the papers that they come from."""

from collections.abc import Callable
from functools import partial
from typing import Any

from flax.core import FrozenDict

from resnet_jax.models.resnet_discriminator import ResNetDiscriminator
from resnet_jax.models.resnet_generator import ResNetGenerator

# Chainer's epsilon, and BigGAN's.
SNGAN_NORM: FrozenDict = FrozenDict({"name": "batch", "epsilon": 2e-5})
BIGGAN_NORM: FrozenDict = FrozenDict({"name": "batch", "epsilon": 1e-4})

BIGGAN: dict[str, Any] = {
    "num_classes": 10,
    "attention": (16,),
    "spectral": True,
    "epsilon": 1e-6,
    "kernel_init": "orthogonal",
}

RESNET_GANS: dict[str, Callable] = {
    # Miyato et al. 2018, arXiv:1802.05957 and 1802.05637 (num_classes=10).
    "sngan_generator": partial(ResNetGenerator, norm=SNGAN_NORM),
    "sngan_discriminator": ResNetDiscriminator,
    # Gulrajani et al. 2017, arXiv:1704.00028, appendix F; their auxiliary classifier is
    # not here: with num_classes it is conditional by projection.
    "wgan_gp_generator": partial(ResNetGenerator, width=128),
    "wgan_gp_discriminator": partial(
        ResNetDiscriminator, spectral=False, pool="mean", head_bias=True
    ),
    # Zhang et al. 2018, arXiv:1805.08318, at 32 x 32 as in StudioGAN.
    "sagan_generator": partial(
        ResNetGenerator, spectral=True, attention=(16,), norm=SNGAN_NORM
    ),
    "sagan_discriminator": partial(
        ResNetDiscriminator, attention=(16,), head_bias=True
    ),
    # Brock et al. 2018, arXiv:1809.11096, at 32 x 32 as in StudioGAN. The authors' own
    # for CIFAR: width=256, shared_size=0, hierarchical=False, latent_size=128,
    # attention=(), kernel_init='normal', and attention=(), width=256 below.
    "biggan_generator": partial(
        ResNetGenerator,
        latent_size=80,
        width=384,
        shared_size=128,
        hierarchical=True,
        norm=BIGGAN_NORM,
        **BIGGAN,
    ),
    "biggan_discriminator": partial(
        ResNetDiscriminator, width=192, wide=True, head_bias=True, **BIGGAN
    ),
}
