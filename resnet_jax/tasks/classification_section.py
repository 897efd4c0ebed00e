"""A classification task as a config describes it."""

import dataclasses
from collections.abc import Callable, Mapping
from functools import partial

from resnet_jax.averaging import Averaging
from resnet_jax.lookup import suggest
from resnet_jax.losses.classification import LOSSES
from resnet_jax.models import create_classifier
from resnet_jax.optim import create_optimizer
from resnet_jax.spec import DataSpec
from resnet_jax.tasks.classification import Classification
from resnet_jax.tasks.distillation import distillation
from resnet_jax.tasks.mixing import Mixing


def classification(
    *,
    model: Mapping,
    optim: Mapping,
    spec: DataSpec,
    total_steps: int,
    batch_size: int = 0,
    axis_name: str | None = None,
    loss: str = "cross_entropy",
    bce_threshold: float | None = None,
    mixup: float = 0.0,
    cutmix: float = 0.0,
    mix_probability: float = 1.0,
    cutmix_probability: float = 0.5,
    mix_per: str = "batch",
    ema_decay: float = 0.0,
    ema_every: int = 1,
    ema_warmup: bool = False,
    label_smoothing: float = 0.0,
    l1: float = 0.0,
    flip_tta: bool = False,
    microbatches: int = 1,
    teacher: Mapping | None = None,
) -> Classification:
    """The task of a config's sections.

    Args:
        model: a name in MODELS with its arguments; num_classes comes from the data
            unless it is given.
        optim: as create_optimizer takes it.
        spec: of the data.
        total_steps: the length of the run.
        batch_size: of a step; 0 where it is not known yet.
        axis_name: the device axis under pmap.
        loss: a name in LOSSES.
        bce_threshold: of binary_cross_entropy_loss.
        mixup, cutmix, mix_probability, cutmix_probability, mix_per: see Mixing.
        ema_decay, ema_every, ema_warmup: see Averaging.
        label_smoothing, l1, flip_tta, microbatches: see Classification.
        teacher: see Distillation; None to learn from the labels alone.

    Raises:
        ValueError: a name or value is unknown or out of range.
    """
    if loss not in LOSSES:
        raise ValueError(f"unknown loss '{loss}'. {suggest(loss, LOSSES)}")
    loss_fn: Callable = LOSSES[loss]
    if bce_threshold is not None:
        if loss != "binary_cross_entropy":
            raise ValueError(
                f"task.bce_threshold is for the loss 'binary_cross_entropy', not for "
                f"'{loss}'; drop one of them."
            )
        loss_fn = partial(loss_fn, threshold=bce_threshold)
    if microbatches < 1 or batch_size % microbatches:
        raise ValueError(
            f"task.microbatches is {microbatches} and batch_size {batch_size}; choose "
            "a divisor of it."
        )
    if not spec.num_classes:
        raise ValueError(
            f"{spec.source} has no labels, which classification learns from; choose "
            "another data.source or task."
        )
    model = {"num_classes": spec.num_classes, **model}
    network = create_classifier(model.pop("name", None), axis_name=axis_name, **model)
    num_classes = model["num_classes"]
    if num_classes < spec.num_classes:
        raise ValueError(
            f"model.num_classes is {num_classes} and the data has {spec.num_classes} "
            "classes; remove it from the config, or give at least as many."
        )
    names = [*spec.class_names, *map(str, range(spec.num_classes, num_classes))]
    optimizer = create_optimizer(optim, total_steps)
    # Without a gradient, weight decay and momentum would still move them.
    frozen = (*optimizer.freeze, *getattr(network, "frozen_modules", ()))
    return Classification(
        model=network,
        optimizer=dataclasses.replace(optimizer, freeze=frozen),
        num_classes=num_classes,
        class_names=tuple(names),
        mean=spec.mean,
        std=spec.std,
        loss=loss_fn,
        label_smoothing=label_smoothing,
        mixing=Mixing(mixup, cutmix, mix_probability, cutmix_probability, mix_per),
        averaging=Averaging(ema_decay, ema_every, ema_warmup),
        l1=l1,
        distillation=distillation(teacher, num_classes, len(spec.mean)),
        flip_tta=flip_tta,
        microbatches=microbatches,
        axis_name=axis_name,
    )
