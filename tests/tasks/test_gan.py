"""A generator and a discriminator under one task."""

import dataclasses
import re

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.augment import AdaptiveStrength, create_augment
from resnet_jax.averaging import Averaging
from resnet_jax.losses.adversarial import LOSSES
from resnet_jax.nn.normalization import BatchNorm
from resnet_jax.nn.spectral import SpectralDense
from resnet_jax.optim import create_optimizer
from resnet_jax.parallel import compile_step, make_mesh, place
from resnet_jax.tasks import Gan
from resnet_jax.tasks.game import Game
from resnet_jax.tasks.penalties import Penalties
from resnet_jax.tasks.strength import Strength

BATCH, SIDE, CLASSES = 8, 8, 3
KEY = jax.random.key(5)


class Generator(nn.Module):
    num_classes: int = CLASSES
    axis_name: str | None = None
    latent_size = 6

    @nn.compact
    def __call__(self, latents, labels=None, train=False):
        x = nn.Dense(SIDE * SIDE * 4)(latents).reshape(-1, SIDE, SIDE, 4)
        if self.num_classes:
            x += nn.Embed(self.num_classes, 4)(labels)[:, None, None]
        x = jax.nn.relu(BatchNorm(axis_name=self.axis_name)(x, train))
        return jnp.tanh(nn.Conv(1, (1, 1))(x))


class Discriminator(nn.Module):
    num_classes: int = CLASSES
    mixes_examples: bool = False
    spectral: bool = False
    axis_name: str | None = None

    @nn.compact
    def __call__(self, images, labels=None, train=False):
        x = nn.leaky_relu(nn.Conv(8, (3, 3))(images))
        if self.mixes_examples:
            x = BatchNorm(axis_name=self.axis_name)(x, train)
        x = x.sum((1, 2)) / 8
        if self.spectral:
            x = SpectralDense(8, update=train)(x)
        logits = nn.Dense(1)(x)[:, 0]
        if self.num_classes:
            logits += (nn.Embed(self.num_classes, 8)(labels) * x).sum(-1)
        return logits


def constant(value):
    return lambda seen: jnp.float32(value)


def make(
    loss="hinge", axis_name=None, classes=CLASSES, weights=(), critic=(), **fields
) -> Gan:
    schedule = {"name": "constant", "base": 1e-2}
    adam = {"name": "adam", "b1": 0.5, "b2": 0.9, "eps": 1e-3, "schedule": schedule}
    optimizer = create_optimizer(adam, 100)
    penalties = {
        name: constant(value) if isinstance(value, float) else value
        for name, value in dict(weights).items()
    }
    game = Game(
        Generator(classes, axis_name),
        Discriminator(classes, axis_name=axis_name, **dict(critic)),
        LOSSES[loss],
        Penalties(**penalties),
        fields.pop("augment", None),
        axis_name,
    )
    given = {"averaging": Averaging(0.9), **fields}
    return Gan(game, optimizer, optimizer, (0.5,), (0.5,), **given)


def batches(task, steps):
    rng = np.random.default_rng(0)
    count = task.draws * BATCH
    for _ in range(steps):
        image = rng.integers(0, 256, (count, SIDE, SIDE, 1), dtype=np.uint8)
        label = rng.integers(0, CLASSES, count).astype(np.int32)
        index = np.arange(count, dtype=np.int32)
        yield {"image": image, "label": label, "index": index}


def begin(task):
    return task.init(jax.random.key(0), next(batches(task, 1)))


def train(task, steps=2, mode="jit"):
    mesh, state = make_mesh(BATCH), begin(task)
    step = compiled(task, mesh, mode)
    for batch in batches(task, steps):
        state, scalars = step(state, place(batch, mesh, mode, task.draws), KEY)
    return jax.device_get((state, scalars))


def compiled(task, mesh, mode="jit"):
    def step(state, batch, key):
        return task.train_step(state, batch, jax.random.fold_in(key, state.step))

    return compile_step(step, mesh, mode)


def diff_augment():
    return create_augment({"name": "diff_augment", "policy": ("translation", "cutout")})


GAMES = {
    "hinge": dict(n_critic=2, generator_batches=2, dequantize=True),
    "average": dict(
        loss="relativistic_average", weights={"lecam": 0.3, "r1": 0.1, "r2": 0.1}
    ),
    "dcgan": dict(loss="non_saturating", classes=0, critic={"mixes_examples": True}),
    "adaptive": dict(
        augment=diff_augment(),
        strength=Strength(adaptive=AdaptiveStrength(every=2, images=100)),
        weights={"orthogonal": 1e-4, "dragan": 1.0, "gradient_penalty": 1.0},
        critic={"spectral": True},
    ),
}


@pytest.mark.parametrize("name", ["hinge", "average", "adaptive"])
def test_pmap_equals_jit(name):
    one, seen = train(make(**GAMES[name]))
    other, also = train(make(axis_name="data", **GAMES[name]), mode="pmap")
    assert seen.keys() == also.keys()
    for a, b in zip(
        jax.tree.leaves((one.nets, one.memory, seen)),
        jax.tree.leaves((other.nets, other.memory, also)),
        strict=True,
    ):
        np.testing.assert_allclose(a, b, 0, 2e-5 * np.abs(a).max())


def test_real_and_fake_have_statistics_of_their_own():
    """Judged apart by a discriminator with batch norm: both move its averages."""
    task = make(**GAMES["dcgan"])
    net = begin(task).nets["discriminator"]
    real = jax.random.normal(KEY, (4, SIDE, SIDE, 1))
    logits, _, stats = task.game.judge(
        net.params, net.stats, real, 5 + 0 * real, None, list(net.stats)
    )
    alone, once = task.game.apply(net.params, net.stats, real, None, list(net.stats))
    np.testing.assert_allclose(logits, alone, rtol=1e-6)
    assert (stats["batch_stats"]["BatchNorm_0"]["mean"] != 0).all()
    a, b = (x["batch_stats"]["BatchNorm_0"]["mean"] for x in (stats, once))
    assert (a != b).all()


def test_no_batch_is_gathered():
    task = make(classes=0, n_critic=2, generator_batches=2)
    mesh = make_mesh(BATCH)
    batch = place(next(batches(task, 1)), mesh, draws=task.draws)
    text = compiled(task, mesh).lower(begin(task), batch, KEY).compile().as_text()
    assert "all-reduce" in text
    assert not re.findall(r"all-gather|all-to-all|collective-permute", text)
    # Half of the 2 * BATCH images that the generator learns from, on each device.
    assert f"f32[{BATCH},{SIDE},{SIDE},4]" in text
    assert f"f32[{2 * BATCH},{SIDE},{SIDE},4]" not in text


def test_an_update_writes_its_own_network_only():
    task = make(critic={"spectral": True})
    state = begin(task)
    parts = task.deal(next(batches(task, 1)), KEY)
    real = jax.tree.map(lambda x: x[0], parts)
    after, _ = task.discriminator_step(state, real, KEY, 0)
    jax.tree.map(np.testing.assert_array_equal, *generators(state, after))
    assert changed(state, after, "discriminator", "params")
    assert changed(state, after, "discriminator", "stats")
    then, _ = task.generator_step(after, parts, KEY)
    assert changed(after, then, "generator", "stats")
    for a, b in zip(*map(jax.tree.leaves, discriminators(after, then)), strict=True):
        np.testing.assert_array_equal(a, b)


def generators(*states):
    return [state.nets["generator"] for state in states]


def discriminators(*states):
    return [state.nets["discriminator"] for state in states]


def changed(before, after, net, field):
    pairs = zip(
        jax.tree.leaves(getattr(before.nets[net], field)),
        jax.tree.leaves(getattr(after.nets[net], field)),
        strict=True,
    )
    return any((a != b).any() for a, b in pairs)


def test_the_joint_penalty_equals_the_separate_ones():
    task = make("relativistic", weights={"r1": 0.3, "r2": 0.7})
    state = begin(task)
    parts = task.deal(next(batches(task, 1)), KEY)
    net = state.nets["discriminator"]
    fake = task.game.generate(
        state.nets["generator"].params,
        state.nets["generator"].stats,
        task.game.latents(KEY, BATCH),
        jax.tree.map(lambda x: x[0], parts),
    )[0]
    batch = {**jax.tree.map(lambda x: x[0], parts), "fake": fake}

    def loss(weights):
        game = dataclasses.replace(
            task.game,
            penalties=Penalties(**{k: constant(v) for k, v in weights.items()}),
        )
        return jax.grad(
            lambda params: game.discriminator_loss(
                params,
                net.stats,
                batch,
                KEY,
                strength=1.0,
                weights=game.penalties.weights(0),
                memory={},
            )[0]
        )(net.params)

    none, both = loss({}), loss({"r1": 0.3, "r2": 0.7})
    alone = loss({"r1": 0.3}), loss({"r2": 0.7})
    for a, b, c, d in zip(*map(jax.tree.leaves, (both, none, *alone)), strict=True):
        np.testing.assert_allclose(a - b, c + d - 2 * b, atol=2e-5)


def test_a_real_and_its_fake_have_one_label():
    """What the discriminator of a conditional game is asked, pair by pair."""
    asked = []

    class Spy(Discriminator):
        @nn.compact
        def __call__(self, images, labels=None, train=False):
            asked.append(np.asarray(labels))
            return images.mean((1, 2, 3)) * self.param("w", nn.initializers.ones, ())

    task = make("relativistic")
    game = dataclasses.replace(task.game, discriminator=Spy())
    real, fake = np.zeros((4, 2, 2, 1)), np.ones((4, 2, 2, 1))
    label = np.array([2, 0, 1, 1])
    params = {"w": jnp.ones(())}
    logits = game.judge(params, {}, real, fake, label, [])
    np.testing.assert_array_equal(asked[-1], [2, 2, 0, 0, 1, 1, 1, 1])
    np.testing.assert_array_equal(logits[0], np.zeros(4))
    np.testing.assert_array_equal(logits[1], np.ones(4))


def test_schedules_count_the_images_that_the_discriminator_saw():
    task = make(n_critic=2, generator_batches=2)
    optimizer = dataclasses.replace(
        task.discriminator_optimizer, schedule=lambda seen: seen * 1e-6
    )
    task = dataclasses.replace(task, discriminator_optimizer=optimizer)
    _, scalars = train(task, steps=2)
    # The mean of the second step's updates, after 2 and 3 batches.
    expected = 2.5 * BATCH * 1e-6
    np.testing.assert_allclose(scalars["discriminator_learning_rate"], expected)


def test_images_by_number_are_the_same_in_any_batch():
    task = make()
    state = task.prepare_eval(begin(task))
    label = jnp.arange(6) % CLASSES

    def images(index):
        batch = {"index": jnp.asarray(index), "label": label[jnp.asarray(index)]}
        return np.asarray(task.predict(state, batch, KEY)["image"])

    every = images([0, 1, 2, 3, 4, 5])
    assert every.dtype == np.uint8 and every.std() > 0
    np.testing.assert_array_equal(every[[4, 1]], images([4, 1]))
    narrow = task.predict(
        state, {"index": jnp.arange(6), "label": label}, KEY, truncation=0.1
    )
    assert np.asarray(narrow["image"], float).std(0).mean() < every.std(0).mean()


def test_an_evaluation_pairs_each_image_with_a_fake():
    task = make()
    state, batch = begin(task), next(batches(task, 1))
    rows = jax.device_get(task.eval_step(task.prepare_eval(state), batch, KEY))
    assert {len(values) for values in rows.values()} == {BATCH}
    assert rows["real_features"].shape == rows["fake_features"].shape
    sums = {}
    for name, metric in task.metrics.items():
        sums[name] = metric.add(metric.empty(), rows)
    found = task.summarize({"reference": sums, "test": sums})
    assert found["test/overfitting"] == 0 and found["test/examples"] == BATCH
    assert found["test/frechet_distance"] > 0


def test_names_are_known_before_anything_is_measured():
    task = make()
    nothing = {name: metric.empty() for name, metric in task.metrics.items()}
    assert "test/frechet_distance" in task.summarize({"test": nothing})


def test_standing_statistics_are_those_of_the_averaged_weights():
    task = make(standing=40)
    state = begin(task)
    net = state.nets["generator"]
    # Activations three times as large as the statistics of a new network say.
    params = jax.tree.map(lambda x: 3 * x, net.params)
    net = dataclasses.replace(net, params=params, ema=None)
    state = dataclasses.replace(state, nets={**state.nets, "generator": net})
    stats = task.prepare_eval(state, batches(task, 40), KEY).nets["generator"].stats
    latents = task.game.latents(jax.random.key(9), 4096)
    label = jnp.zeros(4096, jnp.int32)
    fed = {"params": net.params, **net.stats}
    _, new = task.game.generator.apply(
        fed, latents, label, train=True, mutable=["batch_stats"]
    )
    # One update moves a tenth of the way from (0, 1).
    old = net.stats["batch_stats"]["BatchNorm_0"]["var"]
    var = old + 10 * (new["batch_stats"]["BatchNorm_0"]["var"] - old)
    found = stats["batch_stats"]["BatchNorm_0"]["var"]
    np.testing.assert_allclose(found, var, rtol=0.3)
    assert np.abs(old / var - 1).max() > 0.5, "nothing was to be learned here"


@pytest.mark.parametrize(
    ("scalars", "says"),
    [
        ({"spread": 0.9, "discriminator_gradient_norm": 1.0}, ""),
        ({"spread": 0.01, "discriminator_gradient_norm": 1.0}, "almost one image"),
        ({"spread": 0.9, "discriminator_gradient_norm": 1e-9}, "nothing to teach"),
    ],
)
def test_a_collapse_is_said_in_words(scalars, says):
    said = make().alarm(scalars)
    assert says in said and bool(said) == bool(says)


def test_the_spread_of_one_image_is_zero():
    task = make()
    state = begin(task)
    nets = dict(state.nets)
    params = jax.tree.map(jnp.zeros_like, nets["generator"].params)
    nets["generator"] = dataclasses.replace(nets["generator"], params=params)
    still = dataclasses.replace(state, nets=nets)
    real = jax.tree.map(lambda x: x[0], task.deal(next(batches(task, 1)), KEY))
    _, collapsed = task.discriminator_step(still, real, KEY, 0)
    _, scalars = task.discriminator_step(state, real, KEY, 0)
    assert collapsed["spread"] == 0 < scalars["spread"]
