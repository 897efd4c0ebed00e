"""The game is played to its end where that can be seen: on points of the plane."""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from resnet_jax.losses.adversarial import LOSSES
from resnet_jax.losses.penalty import r1_r2_penalty
from resnet_jax.nn.dense import Dense
from resnet_jax.nn.inverted_bottleneck import InvertedBottleneck

STEPS, BATCH, LATENTS, DEVIATION = 800, 128, 8, 0.05
ANGLES = np.arange(8) * np.pi / 4
CIRCLE = np.stack([np.cos(ANGLES), np.sin(ANGLES)], 1).astype(np.float32)


def network(features):
    """A residual network without norms whose convolutions are of one pixel."""

    def conv(features, kernel_size, groups=1, **given):
        return Dense(features, **given)

    return nn.Sequential(
        [
            Dense(32),
            InvertedBottleneck(conv=conv),
            InvertedBottleneck(conv=conv),
            Dense(features, use_bias=False),
        ]
    )


GENERATOR, DISCRIMINATOR = network(2), network(1)
ADAM = optax.adam(optax.cosine_decay_schedule(3e-3, STEPS, 0.1), b1=0.0, b2=0.99)


def score(params, points):
    return DISCRIMINATOR.apply(params, points)[:, 0]


def draw(key):
    """Real points and latents."""
    place, around, latents = jax.random.split(key, 3)
    points = jnp.asarray(CIRCLE)[jax.random.randint(place, (BATCH,), 0, len(CIRCLE))]
    points += DEVIATION * jax.random.normal(around, points.shape)
    return points, jax.random.normal(latents, (BATCH, LATENTS))


def discriminator_loss(params, real, fake, gamma):
    loss = LOSSES["relativistic"].discriminator(
        score(params, real), score(params, fake)
    )
    return loss + gamma * sum(r1_r2_penalty(partial(score, params), real, fake))


def generator_loss(params, judge, real, latents):
    fake = GENERATOR.apply(params, latents)
    return LOSSES["relativistic"].generator(score(judge, real), score(judge, fake))


def descend(player, gradient):
    params, state = player
    updates, state = ADAM.update(gradient, state)
    return optax.apply_updates(params, updates), state


def step(players, key):
    maker, judge = players
    keys = jax.random.split(key)
    real, latents = draw(keys[0])
    fake = GENERATOR.apply(maker[0], latents)
    gradient = jax.grad(discriminator_loss)(judge[0], real, fake, 0.05)
    judge = descend(judge, gradient)
    gradient = jax.grad(generator_loss)(maker[0], judge[0], *draw(keys[1]))
    return (descend(maker, gradient), judge), None


@pytest.mark.slow
def test_relativistic_game_with_r1_and_r2_finds_all_of_eight_gaussians():
    """A place is found if a quarter of its fair share of points is within 3 sd."""
    keys = jax.random.split(jax.random.key(0), STEPS + 2)
    starts = (GENERATOR, jnp.zeros((1, LATENTS))), (DISCRIMINATOR, jnp.zeros((1, 2)))
    params = [net.init(key, x) for (net, x), key in zip(starts, keys, strict=False)]
    players = tuple((each, ADAM.init(each)) for each in params)
    (maker, _), _ = jax.jit(partial(jax.lax.scan, step))(players, keys[2:])
    latents = jax.random.normal(jax.random.key(1), (4000, LATENTS))
    fake = np.asarray(GENERATOR.apply(maker[0], latents))
    near = np.linalg.norm(fake[:, None] - CIRCLE, axis=-1) < 3 * DEVIATION
    assert (near.mean(0) >= 1 / 32).all(), near.mean(0)
    assert near.any(1).mean() > 0.4, near.any(1).mean()
