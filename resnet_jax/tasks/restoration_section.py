"""A restoration task as a config describes it."""

from collections.abc import Mapping

from resnet_jax.averaging import Averaging
from resnet_jax.lookup import suggest
from resnet_jax.losses.reconstruction import LOSSES
from resnet_jax.optim import create_optimizer
from resnet_jax.spec import DataSpec
from resnet_jax.tasks.fidelity_section import make_fidelity
from resnet_jax.tasks.pair_section import make_pair, translator_network
from resnet_jax.tasks.restoration import Restoration


def restoration(
    *,
    model: Mapping,
    optim: Mapping,
    spec: DataSpec,
    total_steps: int,
    batch_size: int = 0,
    axis_name: str | None = None,
    degradation: Mapping | None = None,
    loss: str = "l1",
    protocol: str = "rgb",
    crop: int | None = None,
    ema_decay: float = 0.0,
    ema_every: int = 1,
    ema_warmup: bool = False,
    microbatches: int = 1,
    lpips: Mapping | None = None,
    features: Mapping | None = None,
) -> Restoration:
    """The task of a config's sections.

    Args:
        model: a name in RESTORERS or TRANSLATORS with its arguments; channels come from
            the data.
        optim: as create_optimizer takes it.
        spec: of the data.
        total_steps: the length of the run.
        batch_size: of a step.
        axis_name: the device axis under pmap.
        degradation: as create_degradation takes it; None for data that has pairs.
        loss: a name in reconstruction.LOSSES.
        protocol, crop: see Fidelity; crop is the scale by default.
        ema_decay, ema_every, ema_warmup: see Averaging.
        microbatches: see Restoration.
        lpips, features: see make_fidelity.

    Raises:
        ValueError: a name or value is unknown or out of range, or they do not fit.
    """
    if loss not in LOSSES:
        raise ValueError(f"unknown loss '{loss}'. {suggest(loss, LOSSES)}")
    if microbatches < 1 or batch_size % microbatches:
        raise ValueError(
            f"task.microbatches is {microbatches} and batch_size {batch_size}; choose "
            "a divisor of it."
        )
    pair, channels = make_pair(degradation, spec)
    return Restoration(
        model=translator_network(model, "model", pair, channels, axis_name),
        optimizer=create_optimizer(optim, total_steps),
        pair=pair,
        loss=LOSSES[loss],
        fidelity=make_fidelity(protocol, crop, pair, channels[1], lpips, features),
        averaging=Averaging(ema_decay, ema_every, ema_warmup),
        microbatches=microbatches,
        axis_name=axis_name,
    )
