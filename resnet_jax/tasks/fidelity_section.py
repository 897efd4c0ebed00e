"""What is measured of restored images as a config describes it."""

from collections.abc import Mapping

from resnet_jax.tasks.distribution import distribution
from resnet_jax.tasks.fidelity import Fidelity
from resnet_jax.tasks.lpips import lpips_measure
from resnet_jax.tasks.pair import Pair


def make_fidelity(
    protocol: str,
    crop: int | None,
    pair: Pair,
    channels: int,
    lpips: Mapping | None = None,
    features: Mapping | None = None,
) -> Fidelity:
    """The measures of a task's answers.

    Args:
        protocol, crop: see Fidelity; crop is the scale by default.
        pair: what makes input and target.
        channels: of the target.
        lpips: see Lpips: `source`, `heads`, and `network` where loaded.
        features: see Distribution: `source`, `measures`, and `network` where loaded.

    Raises:
        ValueError: a name or value is unknown or out of range, or they do not fit.
    """
    enlarges = pair.scale > 1
    if crop is None:
        crop = pair.scale if enlarges else 0
    return Fidelity(
        protocol,
        crop,
        "bicubic" if enlarges else "input",
        lpips_measure(lpips, channels),
        distribution(features),
    )
