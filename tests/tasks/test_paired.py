"""A generator that answers pairs, against a discriminator that sees them."""

import dataclasses
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from linear import Linear, changed, images, optimizer, weights

from resnet_jax.averaging import Averaging
from resnet_jax.degrade import create_degradation
from resnet_jax.losses import reconstruction
from resnet_jax.losses.adversarial import LOSSES
from resnet_jax.parallel import make_mesh, place
from resnet_jax.state import NetState
from resnet_jax.tasks import Paired
from resnet_jax.tasks.base import compile_train_step, loss_key
from resnet_jax.tasks.pair import Pair

KEY = jax.random.key(7)
BATCH = {"a": images(0, 8, 12), "index": np.arange(8, dtype=np.int32)}
BATCH["b"] = 255 - BATCH["a"] // 2


def make(loss="lsgan", generator=None, conditional=True, rate=0.05, **fields):
    axis_name = fields.get("axis_name")
    judge = Linear(1 + conditional, axis_name=axis_name, norm=fields.pop("norm", False))
    return Paired(
        generator or Linear(axis_name=axis_name),
        judge,
        fields.pop("pair", Pair(0.5, 0.5)),
        LOSSES[loss],
        reconstruction.LOSSES["l1"],
        optimizer(rate),
        optimizer(rate),
        conditional=conditional,
        **{"reconstruction_weight": 2.0, **fields},
    )


def begin(task, batch=BATCH):
    return task.init(jax.random.key(0), batch)


def pair(*values):
    """Two pixels each of input, target and fake."""
    names = ("input", "target", "fake")
    return {
        name: jnp.float32(x).reshape(1, 1, 2, 1)
        for name, x in zip(names, values, strict=False)
    }


# Logits of 0.5 * input - 1 * image + 0.25.
JUDGE = {"layer": {"kernel": jnp.float32([[0.5], [-1.0]]), "bias": jnp.float32([0.25])}}


def softplus(x):
    return np.log1p(np.exp(np.float64(x)))


def test_the_discriminators_loss_by_hand():
    """Targets have the logits 0.25 and 0.75, answers -0.25 and 1.25."""
    batch = pair([0.0, 1.0], [0.0, 0.0], [0.5, -0.5])
    found, (_, scalars) = make().discriminator_loss(JUDGE, {}, batch, KEY)
    wanted = 0.5 * (
        (0.75**2 + 0.25**2) / 4 + (0.25**2 + 1.25**2) / 4
    )  # halved in the least squares, and by discriminator_weight
    np.testing.assert_allclose(found, wanted, rtol=1e-6)
    np.testing.assert_allclose(scalars["real_logits"], 0.5)
    np.testing.assert_allclose(scalars["fake_logits"], 0.5)
    crossed = make("non_saturating", discriminator_weight=1.0)
    found, _ = crossed.discriminator_loss(JUDGE, {}, batch, KEY)
    wanted = softplus([-0.25, -0.75]).mean() + softplus([-0.25, 1.25]).mean()
    np.testing.assert_allclose(found, wanted, rtol=1e-6)


@pytest.mark.parametrize("loss", ["lsgan", "non_saturating", "relativistic"])
def test_the_generators_loss_by_hand(loss):
    """Answers 2 x + 0.1: 0.1 and -0.9, of logits 0.15 and 0.9; targets' -0.05, -0.1."""
    batch = pair([0.0, -0.5], [0.3, 0.1])
    game = {
        "lsgan": (0.85**2 + 0.1**2) / 2,
        "non_saturating": softplus([-0.15, -0.9]).mean(),
        "relativistic": softplus([-0.05 - 0.15, -0.1 - 0.9]).mean(),
    }[loss]
    critic, params = NetState(JUDGE, {}, None), weights(2.0, 0.1)
    task = make(loss, adversarial=3.0)
    found, (stats, parts) = task.generator_loss(params, {}, batch, KEY, critic)
    np.testing.assert_allclose(parts["adversarial"], 3 * game, rtol=1e-5)
    # |0.1 - 0.3| and |-0.9 - 0.1|, the mean twice.
    np.testing.assert_allclose(parts["reconstruction"], 1.2, rtol=1e-5)
    np.testing.assert_allclose(found, 3 * game + 1.2, rtol=1e-5)
    assert stats == {}


def test_features_are_a_part_of_the_generators_loss():
    """Of images in [0, 1]: 0.55 and 0.05, where 0.65 and 0.55 are wanted."""

    def loss(helper, image, target):
        return helper * (target - image).mean()

    batch = pair([0.0, -0.5], [0.3, 0.1])
    task = make(perceptual=types.SimpleNamespace(loss=loss))
    critic = NetState(JUDGE, {}, None)
    given = weights(2.0, 0.1), {}, batch, KEY, critic
    found, (_, parts) = task.generator_loss(*given, helper=2.0)
    np.testing.assert_allclose(parts["perceptual"], 0.6, rtol=1e-5)
    alone, _ = make().generator_loss(*given)
    np.testing.assert_allclose(found, alone + 0.6, rtol=1e-5)


def test_only_a_conditional_discriminator_sees_the_input():
    x, y = jnp.zeros((1, 2, 2, 1)), jnp.ones((1, 2, 2, 1))
    assert make().seen(x, y).shape[-1] == 2
    assert make(conditional=False).seen(x, y) is y


def test_a_step_updates_the_discriminator_then_the_generator():
    task = make(generator=Linear(norm=True, dropout=0.3), norm=True)
    state = begin(task)
    after, scalars = jax.jit(task.train_step)(state, BATCH, KEY)
    for net in ("generator", "discriminator"):
        assert changed(state.nets[net].params, after.nets[net].params)
        assert changed(state.nets[net].stats, after.nets[net].stats)
    parts = {"adversarial", "reconstruction", "real_logits", "fake_logits"}
    owned = ("loss", "gradient_norm", "learning_rate")
    nets = ("generator", "discriminator")
    assert scalars.keys() == parts | {f"{n}_{k}" for n in nets for k in owned}
    # The discriminator judged what the generator made before its update ...
    _, generator_key = jax.random.split(KEY)
    old, new = state.nets["generator"], after.nets["discriminator"]
    found = task.pair(BATCH)
    made, _ = task.make(old.params, old.stats, found["input"], loss_key(generator_key))
    judge = state.nets["discriminator"]
    loss, (stats, _) = task.discriminator_loss(
        judge.params, judge.stats, {**found, "fake": made}, KEY
    )
    np.testing.assert_allclose(scalars["discriminator_loss"], loss, rtol=1e-4)
    for a, b in zip(*map(jax.tree.leaves, (new.stats, stats)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    # ... and the generator met the discriminator after its own, of the same images.
    loss, _ = task.generator_loss(
        old.params, old.stats, found, loss_key(generator_key), new
    )
    np.testing.assert_allclose(scalars["generator_loss"], loss, rtol=1e-4)


def test_it_learns():
    task = make(rate=0.05)
    step, state, errors = jax.jit(task.train_step), begin(task), []
    for i in range(40):
        state, scalars = step(state, BATCH, jax.random.fold_in(KEY, i))
        errors.append(float(scalars["reconstruction"]))
    assert errors[-1] < 0.3 * errors[0]


@pytest.fixture(scope="module")
def trained():
    """A generator with batch norm and dropout, tested as it was trained."""
    task = make(
        generator=Linear(norm=True, dropout=0.5),
        test_statistics="batch",
        averaging=Averaging(0.5),
    )
    state, _ = jax.jit(task.train_step)(begin(task), BATCH, KEY)
    return task, task.prepare_eval(state)


def test_statistics_of_the_batch_are_those_of_each_image_alone(trained):
    task, state = trained
    found = task.pair(BATCH)
    keys = jax.random.split(KEY, 8)
    every = {"input": found["input"], "keys": keys}
    output = np.asarray(task.predict(state, every)["output"])
    for rows in (slice(2, 3), slice(6, 1, -2)):
        some = {name: x[rows] for name, x in every.items()}
        np.testing.assert_allclose(
            task.predict(state, some)["output"], output[rows], atol=1e-5
        )
    net = state.nets["generator"]
    alone, _ = task.make(net.params, net.stats, found["input"][2:3], keys[2])
    np.testing.assert_allclose(output[2:3], alone, atol=1e-5)
    # Dropout is on, and the running averages are of no concern.
    assert 0.3 < (output == 0).mean() < 0.7
    other = dataclasses.replace(net, stats=jax.tree.map(lambda x: 3 + x, net.stats))
    moved = state.replace(nets={"generator": other})
    np.testing.assert_allclose(task.predict(moved, every)["output"], output, atol=1e-3)
    running = dataclasses.replace(task, test_statistics="running")
    assert changed(running.predict(moved, every), running.predict(state, every))


def test_evaluation_does_not_depend_on_the_batch(trained):
    task, state = trained
    evaluate = jax.jit(task.eval_step)
    rows = evaluate(state, BATCH, KEY)
    backward = evaluate(state, {k: v[::-1] for k, v in BATCH.items()}, KEY)
    assert [*rows] and {*rows} == {"index", "psnr", "ssim", "input_psnr", "input_ssim"}
    for name, row in rows.items():
        np.testing.assert_allclose(row, backward[name][::-1], rtol=1e-4)
    shown = task.show(state, BATCH, KEY)
    assert [*shown] == [
        *("input", "output", "target", "error x 4", "input PSNR", "output PSNR")
    ]
    nothing = {"val": {k: m.empty() for k, m in task.metrics.items()}}
    assert "val/ssim" in task.summarize(nothing) and task.alarm({}) == ""


@pytest.mark.parametrize("statistics", ["running", "batch"])
def test_other_images_are_translated_as_tested(trained, statistics):
    task, state = trained
    task = dataclasses.replace(task, test_statistics=statistics)
    translate = task.translator(state)
    assert translate.halo == (0 if statistics == "running" else None)
    image = jnp.float32(BATCH["a"][:2] / 255)
    batch = {"input": 2 * image - 1}
    wanted = task.predict(state, batch, jax.random.key(0))["output"] / 2 + 0.5
    np.testing.assert_allclose(translate(image), wanted, atol=1e-5)
    np.testing.assert_array_equal(translate(image), translate(image))


def test_averages_are_of_the_generator_alone(trained):
    task, state = trained
    assert (
        begin(task).nets["generator"].ema and not begin(task).nets["discriminator"].ema
    )
    assert state.nets["generator"].opt_state is None


@pytest.mark.parametrize("loss", ["lsgan", "relativistic_average"])
def test_pmap_equals_jit(loss):
    noise = Pair(0.5, 0.5, create_degradation({"name": "noise", "sigma": 9.0}))
    batch, found = {"image": BATCH["a"]}, []
    for mode, axis_name in (("jit", None), ("pmap", "data")):
        generator = Linear(norm=True, axis_name=axis_name)
        task = make(loss, generator, axis_name=axis_name, pair=noise, norm=True)
        mesh, state = make_mesh(8), begin(task, batch)
        step = compile_train_step(task, mesh, mode)
        for _ in range(2):
            state, scalars = step(state, place(batch, mesh, mode), KEY)
        found.append((state.nets, scalars))
    for a, b in zip(*map(jax.tree.leaves, found), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=1e-5)
