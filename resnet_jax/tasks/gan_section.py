"""A task of adversaries as a config describes it."""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp

from resnet_jax.augment import AdaptiveStrength, create_augment
from resnet_jax.averaging import Averaging
from resnet_jax.lookup import check_arguments, suggest
from resnet_jax.models import GANS, MODELS
from resnet_jax.optim import Schedule, create_optimizer, create_schedule
from resnet_jax.spec import DataSpec
from resnet_jax.tasks.game import Game
from resnet_jax.tasks.gan import Gan
from resnet_jax.tasks.gan_evaluation import GanEvaluation
from resnet_jax.tasks.network_section import adversarial_loss, fitted
from resnet_jax.tasks.penalties import GRADIENT, Penalties
from resnet_jax.tasks.strength import Strength

Value = float | Mapping


def gan(
    *,
    generator: Mapping,
    discriminator: Mapping,
    generator_optim: Mapping,
    discriminator_optim: Mapping,
    spec: DataSpec,
    total_steps: int,
    batch_size: int,
    axis_name: str | None = None,
    loss: str = "non_saturating",
    conditional: bool = False,
    penalties: Mapping | None = None,
    augment: Mapping | None = None,
    features: Mapping | None = None,
    n_critic: int = 1,
    generator_batches: int = 1,
    ema_decay: float = 0.0,
    ema_half_life: Value | None = None,
    ema_ramp: float | None = None,
    standing: int = 0,
    dequantize: bool = False,
    microbatches: int = 1,
) -> Gan:
    """The task of a config's sections. Its schedules count images seen.

    Args:
        generator, discriminator: names in GANS with their arguments; resolution,
            channels and num_classes come from the data.
        generator_optim, discriminator_optim: as create_optimizer takes them.
        spec: of the data.
        total_steps: the length of the run.
        batch_size: real images in an update of the discriminator.
        axis_name: the device axis under pmap.
        loss: a name in adversarial.LOSSES.
        conditional: whether images are made of the data's classes.
        penalties: a weight by name, a number or a schedule's section; see Penalties.
            `change` is what consistency changes, a section of create_augment.
        augment: as create_augment takes it, with `strength`: a number, a schedule's
            section, or {'name': 'adaptive', ...} with AdaptiveStrength's fields.
        features: see GanEvaluation: `source`, `measures`, and `network` where loaded.
        n_critic, generator_batches, standing, dequantize, microbatches: see Gan.
        ema_decay, ema_half_life, ema_ramp: see Averaging.

    Raises:
        ValueError: a name or value is unknown or out of range, or they do not fit.
    """
    least = {"n_critic": 1, "microbatches": 1, "standing": 0}
    for name, value in zip(least, (n_critic, microbatches, standing), strict=True):
        if value < least[name]:
            raise ValueError(
                f"task.{name} is {value}; expected at least {least[name]}."
            )
    losses = adversarial_loss(loss)
    if set(spec.mean + spec.std) != {0.5}:
        raise ValueError(
            f"data.mean is {spec.mean} and data.std {spec.std}; generated images lie "
            "in [-1, 1], so set both to 0.5."
        )
    total_images = total_steps * n_critic * batch_size
    if conditional and not spec.num_classes:
        raise ValueError(
            f"task.conditional is true and {spec.source} has no labels; set it to "
            "false to make images of no class."
        )
    given: dict[str, Any] = {"axis_name": axis_name}
    given["num_classes"] = spec.num_classes if conditional else 0
    maker = _network(generator, "generator", spec, given)
    judge = _network(discriminator, "discriminator", spec, given)
    _check_batches(losses.relativistic, conditional, generator_batches, n_critic)
    augmentation, strength = _augmentation(augment, total_images)
    game = Game(
        generator=maker,
        discriminator=judge,
        loss=losses,
        penalties=_penalties(penalties or {}, judge, total_images),
        augment=augmentation,
        axis_name=axis_name,
    )
    return Gan(
        game=game,
        generator_optimizer=create_optimizer(generator_optim, total_images),
        discriminator_optimizer=create_optimizer(discriminator_optim, total_images),
        mean=spec.mean,
        std=spec.std,
        strength=strength,
        n_critic=n_critic,
        generator_batches=generator_batches,
        averaging=Averaging(
            ema_decay,
            half_life=None
            if ema_half_life is None
            else _schedule(ema_half_life, "task.ema_half_life", total_images),
            batch_size=n_critic * batch_size,
            ramp=ema_ramp,
        ),
        standing=standing,
        dequantize=dequantize,
        microbatches=microbatches,
        evaluation=_evaluation(features, maker.num_classes),
    )


def _network(section: Mapping, what: str, spec: DataSpec, given: Mapping) -> Any:
    """A generator or discriminator of the data's images."""
    spec.require(("image",))
    height, width, channels = spec.shapes["image"]
    if height != width:
        raise ValueError(
            f"the images of {spec.source} have {height}x{width} pixels and generators "
            "make squares; crop or resize them in data.train.transforms."
        )
    name = section.get("name")
    fitting = [model for model in GANS if model.endswith(f"_{what}")]
    if name in MODELS and name not in fitting:
        raise ValueError(f"'{name}' is no {what}. {suggest(name, fitting)}")
    known = {"resolution": height, "channels": channels, **given}
    return fitted(section, what, known)


def _check_batches(
    relativistic: bool, conditional: bool, generator_batches: int, n_critic: int
) -> None:
    most = 1 if relativistic else n_critic if conditional else None
    if generator_batches < 1 or (most and generator_batches > most):
        why = (
            "each of its images stands beside a real one"
            if relativistic
            else "its labels are those of the discriminator's batches"
        )
        upto = "1" if most == 1 else f"1 to {most}"
        raise ValueError(
            f"task.generator_batches is {generator_batches}; expected "
            + (f"{upto}, as {why}." if most else "1 or more.")
        )


def _penalties(section: Mapping, discriminator: Any, total_images: int) -> Penalties:
    check_arguments(Penalties, dict.fromkeys(section), "penalties")
    weights = {
        name: _schedule(value, f"penalties.{name}", total_images)
        for name, value in section.items()
        if name != "change" and value
    }
    change = section.get("change")
    if {"consistency", "balanced"} & weights.keys():
        if not change:
            raise ValueError(
                "penalties.consistency needs penalties.change, what it changes, such "
                "as {'name': 'diff_augment', 'policy': ('translation', 'cutout')}."
            )
        weights["change"] = create_augment(change)
    if discriminator.mixes_examples:
        for name in GRADIENT:
            if name in weights:
                raise ValueError(
                    f"penalties.{name} takes the gradient of each image's logit, and "
                    "the discriminator has batch norm, by which images change each "
                    "other's; set discriminator.norm to 'none' or 'layer'."
                )
    return Penalties(**weights)


def _augmentation(section: Mapping | None, total_images: int) -> tuple[Any, Strength]:
    if not section:
        return None, Strength()
    fields = dict(section)
    strength = fields.pop("strength", 1.0)
    augment = create_augment(fields)
    if hasattr(strength, "keys") and strength.get("name") == "adaptive":
        rest = {key: value for key, value in strength.items() if key != "name"}
        check_arguments(AdaptiveStrength, rest, "augment.strength")
        return augment, Strength(adaptive=AdaptiveStrength(**rest))
    schedule = _schedule(strength, "augment.strength", total_images)
    # As floats: images seen may be more than 32 bits count.
    values = [float(schedule(jnp.float32(seen))) for seen in (0, total_images)]
    if not 0 <= min(values) <= max(values) <= 1:
        raise ValueError(
            f"augment.strength goes from {values[0]:g} to {values[1]:g}; expected "
            "values from 0 to 1."
        )
    return augment, Strength(schedule)


def _schedule(section: Value, what: str, total_images: int) -> Schedule:
    try:
        return create_schedule(section, total_images)
    except ValueError as error:
        raise ValueError(f"{what}: {error}") from error


def _evaluation(section: Mapping | None, num_classes: int) -> GanEvaluation:
    fields = {key: value for key, value in (section or {}).items() if key != "source"}
    check_arguments(GanEvaluation, fields, "features", given=("num_classes",))
    if (section or {}).get("source") and not fields.get("network"):
        # The run of such a task is looked at without what it was measured by.
        return GanEvaluation(measures=())
    model = getattr(fields.get("network"), "model", None)
    same = model is not None and model.num_classes == num_classes
    return GanEvaluation(**fields, num_classes=num_classes if same else 0)
