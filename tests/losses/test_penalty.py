"""Against finite differences, and a discriminator whose gradient is known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import NamedSharding, PartitionSpec

from resnet_jax.losses.penalty import (
    consistency_penalty,
    dragan_penalty,
    gradient_penalty,
    interleave,
    lecam_follow,
    lecam_penalty,
    lecam_start,
    norm,
    orthogonal_penalty,
    r1_penalty,
    r1_r2_penalty,
    separate,
)
from resnet_jax.nn.dense import Embed
from resnet_jax.parallel import make_mesh

SHAPE = (4, 3, 2, 2)


def draws(seed, shape=SHAPE):
    return np.random.default_rng(seed).normal(size=shape)


REAL, FAKE, WEIGHTS = draws(0), draws(1), 0.3 * draws(2, (5, *SHAPE[1:]))
MIX = np.array([0.0, 1.0, 0.25, 0.6])


def score(images):
    """A discriminator with one hidden layer, smooth."""
    hidden = jnp.einsum("bhwc,khwc->bk", images, WEIGHTS)
    return jnp.tanh(hidden).sum(1) + (hidden**2).sum(1)


def linear(images):
    return (images * WEIGHTS[0]).sum((1, 2, 3)) + 3.0


def slopes(images, small=1e-6):
    """d score / d image by central differences in float64, [B, values of an image]."""
    columns = []
    for place in np.ndindex(images.shape[1:]):
        step = np.zeros(images.shape[1:])
        step[place] = small
        ahead, behind = score(images + step), score(images - step)
        columns.append((ahead - behind) / (2 * small))
    return np.stack(columns, 1)


BETWEEN = MIX[:, None, None, None] * REAL + (1 - MIX[:, None, None, None]) * FAKE


@pytest.mark.parametrize(
    ("penalty", "images", "of_norm"),
    [
        (lambda: r1_penalty(score, REAL), REAL, lambda n: n**2 / 2),
        (
            lambda: gradient_penalty(score, REAL, FAKE, jnp.array(MIX)),
            BETWEEN,
            lambda n: (n - 1) ** 2,
        ),
        (
            lambda: dragan_penalty(score, REAL, 0.1 * FAKE),
            REAL + 0.1 * FAKE,
            lambda n: (n - 1) ** 2,
        ),
    ],
    ids=["r1", "wgan_gp", "dragan"],
)
def test_finite_differences(penalty, images, of_norm):
    with jax.enable_x64(True):
        norms = np.linalg.norm(slopes(images), axis=1)
        np.testing.assert_allclose(penalty(), of_norm(norms).mean(), rtol=1e-7)


def test_a_linear_discriminator():
    square = (WEIGHTS[0] ** 2).sum()
    distance = (np.sqrt(square) - 1) ** 2
    real, fake = jnp.float32(REAL), jnp.float32(FAKE)
    found = [
        r1_penalty(linear, real),
        *r1_r2_penalty(linear, real, fake),
        gradient_penalty(linear, real, fake, jnp.float32(MIX)),
        dragan_penalty(linear, real, fake),
    ]
    expected = [square / 2] * 3 + [distance] * 2
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_the_norm_is_over_height_width_and_channels():
    """A norm over channels alone would be the well-known mistake."""
    gradient = jnp.ones((2, 3, 4, 5))
    np.testing.assert_allclose(norm(gradient), np.sqrt([60, 60]), rtol=1e-6)


def test_joint_equals_separate():
    with jax.enable_x64(True):
        r1, r2 = r1_r2_penalty(score, REAL, FAKE)
        np.testing.assert_allclose(r1, r1_penalty(score, REAL), rtol=1e-12)
        np.testing.assert_allclose(r2, r1_penalty(score, FAKE), rtol=1e-12)


def test_joint_scores_are_in_the_order_of_interleave():
    labels = interleave(jnp.arange(4), 10 + jnp.arange(4))
    np.testing.assert_array_equal(labels, [0, 10, 1, 11, 2, 12, 3, 13])
    np.testing.assert_array_equal(separate(labels)[1], [10, 11, 12, 13])

    def by_label(images):
        return labels * images.sum((1, 2, 3))

    r1, r2 = r1_r2_penalty(by_label, jnp.float32(REAL), jnp.float32(FAKE))
    np.testing.assert_allclose(r1, 0.5 * 12 * np.mean([0, 1, 4, 9]))
    np.testing.assert_allclose(r2, 0.5 * 12 * np.mean([100, 121, 144, 169]))


def test_joint_moves_no_images_between_devices():
    rows = NamedSharding(make_mesh(4), PartitionSpec("data"))
    step = jax.jit(lambda *x: r1_r2_penalty(score, *x), in_shardings=(rows, rows))
    text = step.lower(jnp.float32(REAL), jnp.float32(FAKE)).compile().as_text()
    assert "all-reduce" in text
    for moved in ("all-gather", "collective-permute", "all-to-all"):
        assert moved not in text


def test_joint_is_something_else_where_the_batch_is_mixed():
    """Why the task refuses it there."""

    def mixing(images):
        return score(images) * images.std()

    with jax.enable_x64(True):
        r1, r2 = r1_r2_penalty(mixing, REAL, FAKE)
        assert abs(r1 / r1_penalty(mixing, REAL) - 1) > 0.01
        assert abs(r2 / r1_penalty(mixing, FAKE) - 1) > 0.01


@pytest.mark.parametrize("penalty", ["r1", "wgan_gp", "dragan"])
def test_a_constant_discriminator_has_finite_gradients(penalty):
    """Each weight is zero at first in some networks, and sqrt has no slope at zero."""
    real, fake = jnp.float32(REAL), jnp.float32(FAKE)

    def loss(weight):
        def flat(images):
            return weight * images.sum((1, 2, 3))

        if penalty == "r1":
            return r1_penalty(flat, real)
        if penalty == "dragan":
            return dragan_penalty(flat, real, fake)
        return gradient_penalty(flat, real, fake, jnp.float32(MIX))

    value, slope = jax.value_and_grad(loss)(0.0)
    assert value == (0.0 if penalty == "r1" else 1.0) and slope == 0


def test_penalties_train_the_weights():
    """A penalty's own gradient: d/dw of 0.5 n w^2 is n w."""

    def loss(weight):
        return r1_penalty(lambda x: weight * x.sum((1, 2, 3)), jnp.float32(REAL))

    np.testing.assert_allclose(jax.grad(loss)(0.5), 12 * 0.5, rtol=1e-6)


def test_bfloat16_gradients_are_summed_in_float32():
    images = jnp.ones((2, 64, 64, 3), jnp.bfloat16)
    found = r1_penalty(lambda x: x.sum((1, 2, 3)), images)
    assert found.dtype == jnp.float32 and found == 0.5 * 64 * 64 * 3


def test_consistency_by_hand():
    found = consistency_penalty(jnp.array([1.0, 2.0]), jnp.array([0.0, 4.0]))
    np.testing.assert_allclose(found, (1 + 4) / 2)


def test_lecam_averages_are_unbiased_and_forget():
    means = lecam_start()
    for real, fake in [([1.0, 3.0], [-1.0, 0.0]), ([5.0, 7.0], [1.0, 2.0])]:
        means = lecam_follow(means, jnp.array(real), jnp.array(fake), decay=0.5)
    # Weights 1/4 and 1/2, which sum to 3/4.
    np.testing.assert_allclose(means["weight"], 0.75)
    real_mean, fake_mean = (2 + 2 * 6) / 3, (-0.5 + 2 * 1.5) / 3
    np.testing.assert_allclose(means["real"] / 0.75, real_mean, rtol=1e-6)
    found = lecam_penalty(jnp.array([0.0, 2.0]), jnp.array([1.0, 6.0]), means)
    expected = (2 - fake_mean) ** 2 / 2 + (real_mean - 1) ** 2 / 2
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_lecam_averages_pass_no_gradient():
    def loss(logits):
        means = lecam_follow(lecam_start(), logits, -logits)
        return means["real"] / means["weight"]

    np.testing.assert_array_equal(jax.grad(loss)(jnp.ones(2)), [0, 0])


def test_orthogonal_penalty_and_its_gradient():
    kernel = jnp.float32(draws(3, (3, 3, 2, 4)))
    params = {"conv": {"kernel": kernel, "bias": jnp.ones(4)}}
    matrix = np.asarray(kernel).reshape(-1, 4).T  # a row per filter, as BigGAN's W
    off = matrix @ matrix.T * (1 - np.eye(4))
    value, slopes = jax.value_and_grad(orthogonal_penalty)(params)
    np.testing.assert_allclose(value, 0.5 * (off**2).sum(), rtol=1e-5)
    found = np.asarray(slopes["conv"]["kernel"]).reshape(-1, 4).T
    np.testing.assert_allclose(found, 2 * off @ matrix, rtol=1e-4, atol=1e-4)
    assert not slopes["conv"]["bias"].any()


def test_orthogonal_filters_cost_nothing_and_the_shared_embedding_is_free():
    params = {
        "linear": {"kernel": 3 * jnp.eye(4)},
        "shared_embedding": {"embedding": jnp.ones((10, 4))},
    }
    assert orthogonal_penalty(params) == 0
    assert orthogonal_penalty(params, exclude=()) == 0.5 * 90 * 4**2
    assert orthogonal_penalty({}) == 0


def test_the_filters_of_an_embedding_are_its_classes():
    """In the package's own tables two classes with one vector cost, features not."""
    params = Embed(2, 3).init(jax.random.key(0), jnp.zeros(1, int))["params"]
    (name,) = params
    alone = jnp.array([[1.0, 1, 1], [0, 0, 0]])
    assert orthogonal_penalty({"embed": {name: alone}}) == 0
    assert orthogonal_penalty({"embed": {name: jnp.ones((2, 3))}}) == 9
