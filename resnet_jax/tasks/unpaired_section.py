"""Tasks between two domains as a config describes them."""

from collections.abc import Mapping
from typing import Any

from resnet_jax.averaging import Averaging
from resnet_jax.lookup import check_arguments
from resnet_jax.models import TRANSLATORS
from resnet_jax.models.contrast import Contrast
from resnet_jax.models.cycle import Cycle, Judges
from resnet_jax.models.patch_sampler import PatchSampler
from resnet_jax.optim import create_optimizer
from resnet_jax.spec import DataSpec
from resnet_jax.tasks.contrastive import Contrastive
from resnet_jax.tasks.network_section import (
    adversarial_loss,
    check_name,
    check_weights,
)
from resnet_jax.tasks.pair import Pair
from resnet_jax.tasks.pair_section import judge_network, translator_network
from resnet_jax.tasks.translation import Translation
from resnet_jax.tasks.unpaired import Unpaired


def unpaired(
    *,
    generator: Mapping,
    discriminator: Mapping,
    generator_optim: Mapping,
    discriminator_optim: Mapping,
    spec: DataSpec,
    total_steps: int,
    batch_size: int = 1,
    axis_name: str | None = None,
    loss: str = "lsgan",
    adversarial: float = 1.0,
    cycle: float = 10.0,
    identity: float = 0.5,
    pool_size: int = 50,
    ema_decay: float = 0.0,
    ema_warmup: bool = False,
    features: Mapping | None = None,
) -> Unpaired:
    """The task of a CycleGAN's config.

    Args:
        generator: a name in TRANSLATORS with its arguments, of both directions;
            channels come from the data.
        discriminator: a name in PATCHGANS or VGG_DISCRIMINATORS, of both domains.
        generator_optim, discriminator_optim: as create_optimizer takes them.
        spec: of the data.
        total_steps: the length of the run.
        batch_size: of a step.
        axis_name: the device axis under pmap.
        loss: a name in adversarial.LOSSES, but no relativistic one.
        adversarial, cycle, identity, pool_size: see Unpaired.
        ema_decay, ema_warmup: see Averaging.
        features: see Translation: `source`, `measures`, `classes`, and `network` where
            loaded.

    Raises:
        ValueError: a name or value is unknown or out of range, or they do not fit.
    """
    check_weights(adversarial=adversarial, cycle=cycle, identity=identity)
    if pool_size and not batch_size <= pool_size:
        raise ValueError(
            f"task.pool_size is {pool_size}; expected at least batch_size, "
            f"{batch_size}, or 0 for no pool."
        )
    if pool_size and axis_name is not None:
        raise ValueError(
            "run.parallel='pmap' keeps no pool of images; use 'jit', or set "
            "task.pool_size to 0."
        )
    units, a, b = _domains(spec)
    if identity and a != b:
        raise ValueError(
            f"task.identity is {identity}, and the domains have {a} and {b} channels: "
            "an image of one cannot stay what it is in the other; set it to 0."
        )
    side = spec.shapes["b"][0]
    return Unpaired(
        translators=Cycle(
            ab=translator_network(generator, "generator", units, (a, b), axis_name),
            ba=translator_network(generator, "generator", units, (b, a), axis_name),
        ),
        judges=Judges(
            a=judge_network(discriminator, "discriminator", a, side, axis_name),
            b=judge_network(discriminator, "discriminator", b, side, axis_name),
        ),
        loss=adversarial_loss(loss, pairs=False),
        generator_optimizer=create_optimizer(generator_optim, total_steps),
        discriminator_optimizer=create_optimizer(discriminator_optim, total_steps),
        mean=spec.mean,
        std=spec.std,
        adversarial=adversarial,
        cycle=cycle,
        identity=identity,
        pool_size=pool_size,
        averaging=Averaging(ema_decay, warmup=ema_warmup),
        evaluation=_evaluation(features, True),
        axis_name=axis_name,
    )


def contrastive(
    *,
    generator: Mapping,
    discriminator: Mapping,
    generator_optim: Mapping,
    discriminator_optim: Mapping,
    spec: DataSpec,
    total_steps: int,
    batch_size: int = 1,
    axis_name: str | None = None,
    sampler: Mapping | None = None,
    loss: str = "lsgan",
    adversarial: float = 1.0,
    contrastive: float = 1.0,
    identity: bool = True,
    equivariance: bool = False,
    patches: int = 256,
    temperature: float = 0.07,
    discriminator_weight: float = 1.0,
    ema_decay: float = 0.0,
    ema_warmup: bool = False,
    features: Mapping | None = None,
) -> Contrastive:
    """The task of a CUT's or FastCUT's config.

    Args:
        generator: the name of a CycleGAN's generator with its arguments; channels come
            from the data.
        discriminator: a name in PATCHGANS or VGG_DISCRIMINATORS.
        generator_optim: also of the projections, as create_optimizer takes it.
        discriminator_optim: likewise.
        spec: of the data.
        total_steps: the length of the run.
        batch_size: of a step.
        axis_name: the device axis under pmap.
        sampler: PatchSampler's fields.
        loss: a name in adversarial.LOSSES, but no relativistic one.
        adversarial, contrastive, identity, equivariance, temperature,
            discriminator_weight: see Contrastive.
        patches: see Contrast.
        ema_decay, ema_warmup: see Averaging.
        features: see Translation: `source`, `measures`, `classes`, and `network` where
            loaded.

    Raises:
        ValueError: a name or value is unknown or out of range, or they do not fit.
    """
    check_weights(
        adversarial=adversarial,
        contrastive=contrastive,
        discriminator_weight=discriminator_weight,
    )
    if patches < 2 or temperature <= 0:
        raise ValueError(
            f"task.patches is {patches} and task.temperature {temperature}; expected "
            "at least 2 patches, and a temperature above 0."
        )
    name = generator.get("name")
    compared = {k: v for k, v in TRANSLATORS.items() if k.startswith("cyclegan")}
    check_name(name, "generator", compared, "has no features to compare")
    check_arguments(PatchSampler, sampler or {}, "sampler")
    units, a, b = _domains(spec)
    if a != b:
        raise ValueError(
            f"the domains have {a} and {b} channels, and patches of both go through "
            "one network; bring them to one number with data.source.channels."
        )
    return Contrastive(
        contrast=Contrast(
            translator_network(generator, "generator", units, (a, b), axis_name),
            PatchSampler(**(sampler or {})),
            patches,
        ),
        judge=judge_network(
            discriminator, "discriminator", b, spec.shapes["b"][0], axis_name
        ),
        loss=adversarial_loss(loss, pairs=False),
        generator_optimizer=create_optimizer(generator_optim, total_steps),
        discriminator_optimizer=create_optimizer(discriminator_optim, total_steps),
        mean=spec.mean,
        std=spec.std,
        adversarial=adversarial,
        contrastive=contrastive,
        identity=identity,
        equivariance=equivariance,
        temperature=temperature,
        discriminator_weight=discriminator_weight,
        averaging=Averaging(ema_decay, warmup=ema_warmup),
        evaluation=_evaluation(features, False),
        axis_name=axis_name,
    )


def _domains(spec: DataSpec) -> tuple[Pair, int, int]:
    """The units of images, and the channels of both domains."""
    if "a" not in spec.shapes or "b" not in spec.shapes:
        raise ValueError(
            f"{spec.source} has one set of images, and translation is between two; "
            "choose the source 'domains'."
        )
    if any(spec.dtypes[key] != "uint8" for key in ("a", "b")):
        raise ValueError(
            f"{spec.source} has images of 16 bits, and translations between domains "
            "are measured with 8; convert them."
        )
    if {*spec.mean, *spec.std} != {0.5}:
        raise ValueError(
            f"data.mean is {spec.mean} and data.std {spec.std}; translators work in "
            "[-1, 1], so set both to 0.5."
        )
    return Pair(0.5, 0.5), spec.shapes["a"][-1], spec.shapes["b"][-1]


def _evaluation(section: Mapping | None, returns: bool) -> Translation:
    fields: dict[str, Any] = dict(section or {})
    source = fields.pop("source", None)
    check_arguments(Translation, fields, "features", given=("returns",))
    if source and not fields.get("network"):
        # The run of such a task is looked at without what it was measured by.
        fields = {"measures": ()}
    return Translation(**fields, returns=returns)
