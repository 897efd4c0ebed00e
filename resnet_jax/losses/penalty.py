"""Penalties that keep a discriminator smooth, and other terms beside a GAN's loss.

None is multiplied by its weight yet. A `score` maps images [B, ...] to logits [B] and
must not use the statistics of the batch: the gradient of the sum of all logits is each
image's own only where the discriminator judges each image alone. Random arrays are
arguments.
"""

import fnmatch
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jax import Array

Score = Callable[[Array], Array]


def measure_gradient(
    score: Score, images: Array, measure: Callable[[Array], Array]
) -> Array:
    """A measure [B] of the gradient of each image's logit by that image.

    Its own derivative comes without differentiating twice by the image: that of f(g) is
    the one of <f'(g), g> with f'(g) held still, a derivative of the score along a
    direction. So all convolutions keep the shapes that compilers are made for, and a
    step takes a twentieth of the time on CPUs. It may be differentiated once.

    Args:
        score: images [B, ...] to logits [B].
        images: [B, ...].
        measure: gradients [B, ...] to numbers [B], each of its own image.
    """
    logits, pull = jax.vjp(score, images)
    gradient = jax.lax.stop_gradient(pull(jnp.ones_like(logits))[0])
    value, pull_measure = jax.vjp(measure, gradient)
    direction = pull_measure(jnp.ones_like(value))[0].astype(images.dtype)
    slope = jax.jvp(score, (images,), (direction,))[1].astype(value.dtype)
    return value + (slope - jax.lax.stop_gradient(slope))


def squared_norm(x: Array) -> Array:
    """Sum of squares over all axes but the first, [B, ...] -> [B], at least float32."""
    x = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    return jnp.square(x).sum(tuple(range(1, x.ndim)))


def half_square(x: Array) -> Array:
    """Half the squared norm, [B, ...] -> [B]."""
    return 0.5 * squared_norm(x)


def norm(x: Array) -> Array:
    """Euclidean norm over all axes but the first; its gradient at zero is zero."""
    squared = squared_norm(x)
    positive = squared > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, squared, 1.0)), 0.0)


def r1_penalty(score: Score, images: Array) -> Array:
    """0.5 * E |d score / d image|^2.

    On real images this is R1, on fake ones R2. Mescheder et al. 2018,
    arXiv:1801.04406, equation 9.

    Args:
        score: images to logits, through the augmentation where there is one.
        images: float [B, ...].

    Returns:
        Scalar, mean over images, not yet multiplied by gamma.
    """
    return measure_gradient(score, images, half_square).mean()


def interleave(real: Array, fake: Array) -> Array:
    """[B, ...] and [B, ...] -> [2 B, ...]: real_0, fake_0, real_1, fake_1, ...

    So each device joins the rows it holds; one after the other would move half a batch.
    """
    return jnp.stack([real, fake], 1).reshape(-1, *real.shape[1:])


def separate(joined: Array) -> tuple[Array, Array]:
    """What interleave joined: [2 B, ...] -> real and fake, [B, ...] each."""
    pairs = joined.reshape(-1, 2, *joined.shape[1:])
    return pairs[:, 0], pairs[:, 1]


def r1_r2_penalty(score: Score, real: Array, fake: Array) -> tuple[Array, Array]:
    """R1 and R2 from one pass over the joined batch, as r1_penalty gives them.

    Valid only where the discriminator does not mix examples (batch norm, minibatch
    standard deviation do): elsewhere the gradients would hold what an image does to the
    logits of others, and real and fake would share their statistics.

    Args:
        score: images [2 B, ...] in the order of interleave -> logits [2 B]. Labels come
            in that order, too; an augmentation takes what separate gives, each half
            with a key of its own.
        real, fake: float [B, ...].
    """
    halves = measure_gradient(score, interleave(real, fake), half_square)
    of_real, of_fake = separate(halves)
    return of_real.mean(), of_fake.mean()


def gradient_penalty(score: Score, real: Array, fake: Array, mix: Array) -> Array:
    """E (|d score / d x| - 1)^2 at x between a real and a fake image: WGAN-GP.

    Gulrajani et al. 2017, arXiv:1704.00028, algorithm 1, whose weight is 10. The norm
    is over all axes of an image.

    Args:
        score: images to logits.
        real, fake: float [B, ...].
        mix: the share of the real image, [B], uniform in [0, 1].
    """
    share = mix.reshape(-1, *(1,) * (real.ndim - 1)).astype(real.dtype)
    return _distance_from_one(score, share * real + (1 - share) * fake)


def dragan_penalty(score: Score, real: Array, noise: Array) -> Array:
    """E (|d score / d x| - 1)^2 at x = real + noise.

    Kodali et al. 2017, arXiv:1705.07215, algorithm 1, whose weight is 10.

    Args:
        score: images to logits.
        real: float [B, ...].
        noise: what is added, of the same shape; the authors' is half the standard
            deviation of the batch times uniform numbers in [0, 1].
    """
    return _distance_from_one(score, real + noise)


def _distance_from_one(score: Score, images: Array) -> Array:
    return measure_gradient(score, images, lambda g: jnp.square(norm(g) - 1)).mean()


def consistency_penalty(logits: Array, changed: Array) -> Array:
    """E (logits - changed)^2, [B] and [B]: the same images, and the same augmented.

    CR: of real images, Zhang et al. 2019, arXiv:1910.12027, weight 10. bCR:
    of real and of fake images, Zhao et al. 2020, arXiv:2002.04724, algorithm 1, weight
    10 each.
    """
    return jnp.square(logits - changed).mean()


def lecam_start() -> dict[str, Array]:
    """No logits seen yet: what lecam_follow and lecam_penalty keep between steps."""
    return {name: jnp.zeros(()) for name in ("real", "fake", "weight")}


def lecam_follow(
    means: dict[str, Array], real_logits: Array, fake_logits: Array, decay: float = 0.9
) -> dict[str, Array]:
    """The moving averages after one more batch of logits [B]; no gradient passes.

    `weight` is that of all batches seen: lecam_penalty divides by it, so the averages
    are unbiased from the first batch on.
    """
    one = jnp.ones(())
    new = {"real": real_logits.mean(), "fake": fake_logits.mean(), "weight": one}
    return {
        name: jax.lax.stop_gradient(decay * old + (1 - decay) * new[name])
        for name, old in means.items()
    }


def lecam_penalty(
    real_logits: Array, fake_logits: Array, means: dict[str, Array]
) -> Array:
    """E max(0, real - mean fake)^2 + E max(0, mean real - fake)^2.

    Tseng et al. 2021, arXiv:2104.03310, section 3, one-sided as in the authors'
    program; weight 0.3 for BigGAN on all of CIFAR.

    Args:
        real_logits, fake_logits: [B].
        means: of lecam_follow, which has seen a batch (this one) already.
    """
    real_mean = means["real"] / means["weight"]
    fake_mean = means["fake"] / means["weight"]
    above = jax.nn.relu(real_logits - fake_mean)
    below = jax.nn.relu(real_mean - fake_logits)
    return jnp.square(above).mean() + jnp.square(below).mean()


def orthogonal_penalty(params, exclude: Sequence[str] = ("shared*",)) -> Array:
    """0.5 * sum |K^T K * (1 - I)|^2 over kernels K: their filters shall be orthogonal.

    Brock et al. 2018, arXiv:1809.11096, equation 3, which lets the lengths of filters
    be. Half the equation's, so that the gradient is the authors' 2 K (K^T K * (1 - I))
    to which their weight of 1e-4 belongs.

    Args:
        params: a tree of arrays. Those with two axes or more count, as [..., filters];
            of an embedding [classes, features] the classes are the filters.
        exclude: fnmatch patterns of names on the way to an array that is left out:
            BigGAN leaves out the embedding that all blocks share.
    """

    def overlap(path, array) -> Array:
        names = [str(p.key) for p in path]
        if array.ndim < 2 or any(fnmatch.filter(names, pattern) for pattern in exclude):
            return jnp.zeros((), array.dtype)
        kernel = array.T if names[-1] == "embedding" else array
        kernel = kernel.reshape(-1, kernel.shape[-1])
        gram = kernel.T @ kernel
        return 0.5 * jnp.square(gram - jnp.diag(jnp.diag(gram))).sum()

    terms = jax.tree_util.tree_map_with_path(overlap, params)
    return sum(jax.tree.leaves(terms), jnp.float32(0))
