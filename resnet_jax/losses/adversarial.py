"""Losses of a discriminator and a generator: logits of real and fake to a scalar.

Two of them compare an example with the mean over the batch. A device that holds a part
of the batch gathers the logits first (parallel.whole); that is right for all of them.
"""

from collections.abc import Callable
from typing import NamedTuple

from jax import Array
from jax.nn import relu, softplus


class AdversarialLoss(NamedTuple):
    """What the two players minimize.

    Attributes:
        discriminator, generator: (real_logits [B], fake_logits [B]) -> scalar, the mean
            over the batch.
        relativistic: whether the generator's loss reads the logits of real images;
            otherwise they may be None.
    """

    discriminator: Callable[[Array, Array], Array]
    generator: Callable[[Array, Array], Array]
    relativistic: bool = False


def classifying_loss(real: Array, fake: Array) -> Array:
    """The discriminator as a classifier: -E log s(real) - E log(1 - s(fake)), in nats.

    Goodfellow et al. 2014, arXiv:1406.2661, algorithm 1; s is the sigmoid.
    """
    return softplus(-real).mean() + softplus(fake).mean()


def minimax_loss(real: Array | None, fake: Array) -> Array:
    """The generator of the saturating game: E log(1 - s(fake)). Algorithm 1, as above.

    Its gradient vanishes where the discriminator is sure.
    """
    return -softplus(fake).mean()


def non_saturating_loss(real: Array | None, fake: Array) -> Array:
    """The generator that wants to be called real: -E log s(fake).

    Goodfellow et al. 2014, arXiv:1406.2661, section 3.
    """
    return softplus(-fake).mean()


def hinge_loss(real: Array, fake: Array) -> Array:
    """The discriminator: E max(0, 1 - real) + E max(0, 1 + fake).

    Lim and Ye 2017, arXiv:1705.02894; Miyato et al. 2018, arXiv:1802.05957, equation
    16. The generator's is critic_loss.
    """
    return relu(1 - real).mean() + relu(1 + fake).mean()


def critic_loss(real: Array | None, fake: Array) -> Array:
    """The generator of hinge and Wasserstein: -E fake."""
    return -fake.mean()


def wasserstein_loss(real: Array, fake: Array) -> Array:
    """The critic: E fake - E real. Arjovsky et al. 2017, arXiv:1701.07875, algorithm 1.

    The critic must be held Lipschitz: gradient penalty or spectral norm.
    """
    return fake.mean() - real.mean()


def least_squares_loss(real: Array, fake: Array) -> Array:
    """The discriminator: E (real - 1)^2 / 2 + E fake^2 / 2.

    Mao et al. 2016, arXiv:1611.04076, equation 9; on logits, with no sigmoid.
    """
    return 0.5 * ((real - 1) ** 2).mean() + 0.5 * (fake**2).mean()


def least_squares_generator_loss(real: Array | None, fake: Array) -> Array:
    """The generator: E (fake - 1)^2.

    Mao et al. 2016, equation 9, halve it; CycleGAN's and CUT's authors do not, and
    their weights of other losses are relative to this.
    """
    return ((fake - 1) ** 2).mean()


def relativistic_loss(real: Array, fake: Array) -> Array:
    """Each real is to look more real than its fake: E softplus(-(real_i - fake_i)).

    RpGAN: Jolicoeur-Martineau 2018, arXiv:1807.00734, section 4.2; Huang et al. 2025,
    arXiv:2501.05441, equation 2. Pairs of one class are what a conditional game needs.
    """
    return softplus(fake - real).mean()


def relativistic_average_loss(real: Array, fake: Array) -> Array:
    """Each is to look more real, or less, than the other side's mean.

    E softplus(-(real - E fake)) + E softplus(fake - E real): RaSGAN,
    Jolicoeur-Martineau 2018, arXiv:1807.00734, section 4.3.
    """
    return softplus(fake.mean() - real).mean() + softplus(fake - real.mean()).mean()


def relativistic_average_hinge_loss(real: Array, fake: Array) -> Array:
    """E max(0, 1 - (real - E fake)) / 2 + E max(0, 1 + (fake - E real)) / 2.

    RaHingeGAN of the same paper, halved as LeCam's recipes do (Tseng et al. 2021,
    arXiv:2104.03310).
    """
    above, below = real - fake.mean(), fake - real.mean()
    return 0.5 * relu(1 - above).mean() + 0.5 * relu(1 + below).mean()


def _symmetric(loss: Callable[[Array, Array], Array]) -> AdversarialLoss:
    """The generator plays the discriminator's game with the sides exchanged."""
    return AdversarialLoss(loss, lambda real, fake: loss(fake, real), relativistic=True)


LOSSES: dict[str, AdversarialLoss] = {
    "minimax": AdversarialLoss(classifying_loss, minimax_loss),
    "non_saturating": AdversarialLoss(classifying_loss, non_saturating_loss),
    "hinge": AdversarialLoss(hinge_loss, critic_loss),
    "lsgan": AdversarialLoss(least_squares_loss, least_squares_generator_loss),
    "wasserstein": AdversarialLoss(wasserstein_loss, critic_loss),
    "relativistic": _symmetric(relativistic_loss),
    "relativistic_average": _symmetric(relativistic_average_loss),
    "relativistic_average_hinge": _symmetric(relativistic_average_hinge_loss),
}
