"""Networks and the losses of their game, as a config describes them."""

from collections.abc import Mapping
from typing import Any

from resnet_jax.lookup import suggest
from resnet_jax.losses.adversarial import LOSSES, AdversarialLoss
from resnet_jax.models import MODELS, create_model


def fitted(
    section: Mapping, what: str, known: Mapping[str, Any], axis_name: str | None = None
) -> Any:
    """The network of a section, with what the data says of it.

    Raises:
        ValueError: the section says otherwise, or does not make a network.
    """
    for field, value in known.items():
        if section.get(field, value) != value:
            raise ValueError(
                f"{what}.{field} is {section[field]} and the data asks for {value}; "
                "remove it from the config."
            )
    network = create_model(**{"name": None, **section, **known})
    # Networks without batch norm need not know who else holds a part of the batch.
    knows = axis_name is not None and hasattr(network, "axis_name")
    return network.clone(axis_name=axis_name) if knows else network


def check_name(name: Any, what: str, table: Mapping, fault: str) -> None:
    """Raises ValueError where a name is none of a table, with why it cannot be."""
    if name is None:
        raise ValueError(f"the {what} section needs a name. {suggest('', table)}")
    if name not in table:
        why = fault if name in MODELS else "is unknown"
        raise ValueError(f"{what} '{name}' {why}. {suggest(str(name), table)}")


def adversarial_loss(name: str, pairs: bool = True) -> AdversarialLoss:
    """The loss of a game by name.

    Args:
        name: in adversarial.LOSSES.
        pairs: whether real images are at hand that belong to those made.

    Raises:
        ValueError: there is none, or it compares images of pairs.
    """
    known = {k: v for k, v in LOSSES.items() if pairs or not v.relativistic}
    if name in LOSSES and name not in known:
        raise ValueError(
            f"loss '{name}' compares images with real ones that belong to them, and "
            f"domains have no pairs. {suggest('', known)}"
        )
    if name not in known:
        raise ValueError(f"unknown loss '{name}'. {suggest(name, known)}")
    return known[name]


def check_weights(**weights: float) -> None:
    """Raises ValueError where the weight of a loss is negative."""
    for name, value in weights.items():
        if value < 0:
            raise ValueError(f"task.{name} is {value}; expected 0 (off) or more.")
