"""Settings that several networks have, and the values that they can take."""

from collections.abc import Iterable
from typing import Any


def check_shares(model: Any, names: Iterable[str]) -> None:
    """Refuses shares and probabilities outside of [0, 1).

    Raises:
        ValueError: says which.
    """
    for name in names:
        if not 0 <= (value := getattr(model, name)) < 1:
            raise ValueError(f"{name} of a ResNet is {value}; expected 0 up to 1.")


def frozen_modules(model: Any, stem: Iterable[str]) -> tuple[str, ...]:
    """The modules that `frozen_stages` holds still, as patterns of `optim.freeze`.

    Args:
        model: with `frozen_stages` and `feature_info`.
        stem: patterns of the modules of its stem.
    """
    if model.frozen_stages < 0:
        return ()
    stages = model.feature_info[1 : model.frozen_stages + 1]
    return (*stem, *(f"{stage['module']}*" for stage in stages))


def check_stages(model: Any, reduction: int) -> None:
    """Refuses numbers of frozen stages and output strides that there are not.

    Args:
        model: with `stage_sizes`, `frozen_stages` and `output_stride`.
        reduction: what its stem divides the image's sides by.

    Raises:
        ValueError: says which.
    """
    count = len(model.stage_sizes)
    if not -1 <= model.frozen_stages <= count:
        raise ValueError(
            f"frozen_stages of a ResNet is {model.frozen_stages}; expected -1 (none),"
            f" 0 (the stem) or the number of a stage up to {count}."
        )
    strides = [reduction * 2**i for i in range(count)]
    if model.output_stride not in (None, *strides):
        raise ValueError(
            f"output_stride of this ResNet is {model.output_stride}; expected one of"
            f" {', '.join(map(str, strides))}."
        )
