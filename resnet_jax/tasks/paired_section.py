"""A task of pairs and a discriminator as a config describes it."""

from collections.abc import Mapping

from resnet_jax.averaging import Averaging
from resnet_jax.lookup import suggest
from resnet_jax.losses import reconstruction as reconstructions
from resnet_jax.optim import create_optimizer
from resnet_jax.spec import DataSpec
from resnet_jax.tasks.fidelity_section import make_fidelity
from resnet_jax.tasks.network_section import adversarial_loss, check_weights
from resnet_jax.tasks.pair_section import (
    judge_network,
    make_pair,
    translator_network,
)
from resnet_jax.tasks.paired import Paired
from resnet_jax.tasks.perceptual import perceptual_loss

STATISTICS = ("running", "batch")


def paired(
    *,
    generator: Mapping,
    discriminator: Mapping,
    generator_optim: Mapping,
    discriminator_optim: Mapping,
    spec: DataSpec,
    total_steps: int,
    batch_size: int = 0,
    axis_name: str | None = None,
    degradation: Mapping | None = None,
    loss: str = "non_saturating",
    adversarial: float = 1.0,
    reconstruction: str = "l1",
    reconstruction_weight: float = 100.0,
    discriminator_weight: float = 0.5,
    conditional: bool = True,
    test_statistics: str = "running",
    protocol: str = "rgb",
    crop: int | None = None,
    ema_decay: float = 0.0,
    ema_warmup: bool = False,
    perceptual: Mapping | None = None,
    lpips: Mapping | None = None,
    features: Mapping | None = None,
) -> Paired:
    """The task of a config's sections.

    Args:
        generator: a name in RESTORERS or TRANSLATORS with its arguments; channels come
            from the data.
        discriminator: a name in PATCHGANS or VGG_DISCRIMINATORS, likewise.
        generator_optim, discriminator_optim: as create_optimizer takes them.
        spec: of the data.
        total_steps: the length of the run.
        batch_size: of a step.
        axis_name: the device axis under pmap.
        degradation: as create_degradation takes it; None for data that has pairs.
        loss: a name in adversarial.LOSSES.
        reconstruction: a name in reconstruction.LOSSES.
        adversarial, reconstruction_weight, discriminator_weight, conditional,
            test_statistics: see Paired.
        protocol, crop: see Fidelity; crop is the scale by default.
        ema_decay, ema_warmup: see Averaging.
        perceptual: see Perceptual, `network` in it where it was loaded.
        lpips, features: see make_fidelity.

    Raises:
        ValueError: a name or value is unknown or out of range, or they do not fit.
    """
    known = reconstructions.LOSSES
    if reconstruction not in known:
        raise ValueError(
            f"unknown reconstruction '{reconstruction}'. "
            + suggest(reconstruction, known)
        )
    if test_statistics not in STATISTICS:
        raise ValueError(
            f"task.test_statistics is '{test_statistics}'; expected 'running' or "
            "'batch'."
        )
    check_weights(
        adversarial=adversarial,
        reconstruction_weight=reconstruction_weight,
        discriminator_weight=discriminator_weight,
    )
    pair, channels = make_pair(degradation, spec)
    if conditional and pair.scale > 1:
        raise ValueError(
            f"task.conditional is true and targets are {pair.scale} times larger than "
            "inputs, which cannot stand beside them; set it to false."
        )
    side = spec.shapes[pair.needs[-1]][0]
    if pair.degradation is not None:
        side -= 2 * pair.degradation.margin * pair.scale
    seen = sum(channels) if conditional else channels[1]
    return Paired(
        generator=translator_network(generator, "generator", pair, channels, axis_name),
        discriminator=judge_network(
            discriminator, "discriminator", seen, side, axis_name
        ),
        pair=pair,
        loss=adversarial_loss(loss),
        reconstruction=known[reconstruction],
        generator_optimizer=create_optimizer(generator_optim, total_steps),
        discriminator_optimizer=create_optimizer(discriminator_optim, total_steps),
        adversarial=adversarial,
        reconstruction_weight=reconstruction_weight,
        discriminator_weight=discriminator_weight,
        perceptual=perceptual_loss(perceptual, channels[1]),
        conditional=conditional,
        test_statistics=test_statistics,
        averaging=Averaging(ema_decay, warmup=ema_warmup),
        fidelity=make_fidelity(protocol, crop, pair, channels[1], lpips, features),
        axis_name=axis_name,
    )
