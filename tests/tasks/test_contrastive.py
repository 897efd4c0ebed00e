"""A translator that keeps what patches have in common with their image."""

import dataclasses

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from linear import Linear, changed, images, optimizer, weights

from resnet_jax.averaging import Averaging
from resnet_jax.losses.adversarial import LOSSES
from resnet_jax.losses.patch_contrastive import patch_contrastive_loss
from resnet_jax.models.contrast import Contrast
from resnet_jax.models.patch_sampler import PatchSampler
from resnet_jax.parallel import make_mesh, place
from resnet_jax.state import NetState
from resnet_jax.tasks import Contrastive
from resnet_jax.tasks.base import compile_train_step, loss_key

KEY = jax.random.key(7)
BATCH = {"a": images(0, 4, 8), "b": 255 - images(1, 4, 8) // 3}
INDEX = np.arange(4, dtype=np.int32)
NETS = ("generator", "discriminator")


def make(rate=0.05, translator=None, norm=False, **fields):
    axis_name = fields.get("axis_name")
    translator = translator or Linear(axis_name=axis_name)
    return Contrastive(
        Contrast(translator, PatchSampler(4), fields.pop("patches", 5)),
        Linear(norm=norm, axis_name=axis_name),
        LOSSES["lsgan"],
        optimizer(rate),
        optimizer(rate),
        (0.5,),
        (0.5,),
        **fields,
    )


def begin(task):
    return task.init(jax.random.key(0), BATCH)


def real(task):
    return {name: task.units(BATCH[name]) for name in "ab"}


def net_of(task, kernel=2.0, bias=0.1):
    """The generator's params with a known translator."""
    params = dict(begin(task).nets["generator"].params)
    return {**params, "translator": weights(kernel, bias)}


CRITIC = NetState(weights(-1.0, 0.5), {}, None)


@pytest.mark.parametrize("identity", [True, False])
def test_the_translators_loss_by_hand(identity):
    task = make(adversarial=2.0, contrastive=3.0, identity=identity)
    params, batch = net_of(task), real(task)
    found, (stats, parts) = task.generator_loss(params, {}, batch, KEY, CRITIC)
    made = 2 * batch["a"] + 0.1
    wanted = {"adversarial": 2 * ((0.5 - made - 1) ** 2).mean()}
    kinds = {"patches": ("a", KEY)}
    if identity:
        kinds["identity"] = ("b", jax.random.fold_in(KEY, 1))
    for part, (name, key) in kinds.items():
        (_, queries, keys), _ = task.make(params, {}, batch[name], key)
        losses = [
            patch_contrastive_loss(*pair, 0.07)
            for pair in zip(queries, keys, strict=True)
        ]
        wanted[part] = 3 / len(kinds) * np.mean(losses)
    assert parts.keys() == wanted.keys() and stats == {}
    for name, value in wanted.items():
        np.testing.assert_allclose(parts[name], value, rtol=1e-5, err_msg=name)
    np.testing.assert_allclose(found, sum(wanted.values()), rtol=1e-5)


def test_the_discriminators_loss_by_hand():
    batch = {"b": jnp.float32([0.0, 1.0]), "fake_b": jnp.float32([0.5, -1.5])}
    batch = {name: x.reshape(1, 1, 2, 1) for name, x in batch.items()}
    task = make(discriminator_weight=0.5)
    found, (_, scalars) = task.discriminator_loss(CRITIC.params, {}, batch, KEY)
    wanted = 0.5 * ((0.5**2 + 1.5**2) / 4 + (0.0 + 2.0**2) / 4)
    np.testing.assert_allclose(found, wanted, rtol=1e-6)
    np.testing.assert_allclose(scalars["real_logits"], 0.0, atol=1e-6)
    np.testing.assert_allclose(scalars["fake_logits"], 1.0)


def test_only_the_translation_learns_of_patches():
    """No gradient passes through the image's own features (the keys)."""
    task = make(adversarial=0.0, identity=False)
    params, batch = net_of(task), real(task)

    def loss(params):
        return task.generator_loss(params, {}, batch, KEY, CRITIC)[0]

    grads = jax.grad(loss)(params)

    def compared(params):
        (_, _, keys), _ = task.make(net_of(task), {}, batch["a"], KEY)
        (_, queries, _), _ = task.make(params, {}, batch["a"], KEY)
        return task.compared(queries, keys)

    wanted = jax.grad(compared)(params)
    for a, b in zip(*map(jax.tree.leaves, (grads, wanted)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


class Slanted(nn.Module):
    """A translator that is not the same from left to right."""

    in_channels: int = 1
    out_channels: int = 1

    def setup(self):
        self.layer = nn.Conv(1, (1, 3))

    def __call__(self, x, train=False):
        return self.layer(x)

    def features(self, x, train=False):
        return [x, self.layer(x)]


def test_half_of_the_steps_translate_mirror_images():
    task = make(translator=Slanted(), equivariance=True)
    params = begin(task).nets["generator"].params
    image = real(task)["a"]
    variables = {"params": params}
    straight, *_ = task.contrast.apply(variables, image, KEY)
    found = []
    for i in range(20):
        key = jax.random.fold_in(KEY, i)
        (made, queries, keys), _ = task.make(params, {}, image, key)
        mirrored = not np.allclose(made, straight, atol=1e-6)
        places = jax.random.split(key, 3)[1]
        if mirrored:
            flipped = Slanted().apply(
                {"params": params["translator"]}, image[:, :, ::-1]
            )
            np.testing.assert_allclose(made, flipped, atol=1e-6)
        # The same places of the image, and features that are mirrored back.
        _, wanted, same = task.contrast.apply(variables, image, places, mirrored)
        for a, b in zip(queries + keys, wanted + same, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-5)
        found.append(mirrored)
    assert 4 < sum(found) < 16
    assert not any(
        changed(make(translator=Slanted()).make(params, {}, image, key)[0][0], straight)
        for key in jax.random.split(KEY, 4)
    )


def test_an_equivariant_translator_has_no_loss_by_mirroring():
    """A pixel by itself: mirrored and back, its features are the same."""
    task = make()
    params, image = net_of(task), real(task)["a"]
    losses = []
    for mirrored in (False, True):
        made, queries, keys = task.contrast.apply(
            {"params": params}, image, KEY, mirrored
        )
        np.testing.assert_allclose(
            made, (2 * image + 0.1)[:, :, :: -1 if mirrored else 1], atol=1e-6
        )
        losses.append(float(task.compared(queries, keys)))
    np.testing.assert_allclose(*losses, rtol=1e-4)


@pytest.fixture(scope="module")
def stepped():
    task = make(
        translator=Linear(norm=True, dropout=0.3),
        norm=True,
        averaging=Averaging(0.5),
        equivariance=True,
    )
    before = begin(task)
    return task, before, *jax.jit(task.train_step)(before, BATCH, KEY)


def test_a_step_updates_the_discriminator_then_the_translator(stepped):
    task, before, after, scalars = stepped
    for name in NETS:
        assert changed(before.nets[name].params, after.nets[name].params)
        assert changed(before.nets[name].stats, after.nets[name].stats)
    params = [x.nets["generator"].params for x in (before, after)]
    assert params[0].keys() == {"translator", "sampler"}
    assert changed(*(x["sampler"] for x in params))
    parts = {"adversarial", "patches", "identity", "real_logits", "fake_logits"}
    owned = ("loss", "gradient_norm", "learning_rate")
    assert scalars.keys() == parts | {f"{n}_{k}" for n in NETS for k in owned}
    generator_key, _ = jax.random.split(KEY)
    old, judge = (before.nets[name] for name in NETS)
    key, batch = loss_key(generator_key), real(task)
    made, _ = task.make(old.params, old.stats, batch["a"], key)
    loss, (stats, _) = task.discriminator_loss(
        judge.params, judge.stats, {"b": batch["b"], "fake_b": made[0]}, KEY
    )
    np.testing.assert_allclose(scalars["discriminator_loss"], loss, rtol=1e-4)
    new = after.nets["discriminator"]
    for a, b in zip(*map(jax.tree.leaves, (stats, new.stats)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    loss, _ = task.generator_loss(old.params, old.stats, batch, key, new)
    np.testing.assert_allclose(scalars["generator_loss"], loss, rtol=1e-4)


def test_translations_come_closer_to_their_images():
    task = make(rate=0.02, adversarial=0.0, patches=16)
    step, state, losses = jax.jit(task.train_step), begin(task), []
    for i in range(40):
        state, scalars = step(state, BATCH, jax.random.fold_in(KEY, i))
        losses.append(float(scalars["patches"]))
    assert np.mean(losses[-5:]) < np.mean(losses[:5]) - 0.05


def test_what_is_measured_and_shown(stepped):
    task, _, state, _ = stepped
    state = task.prepare_eval(state)
    a = task.eval_step(state, {"a": BATCH["a"], "index": INDEX}, KEY)
    b = task.eval_step(state, {"b": BATCH["b"], "index": INDEX}, KEY)
    assert {*a} == {"index", "is_b", "real_features", "fake_features"}
    assert {*b} == {"index", "is_b", "real_features"}  # there is no way back
    made = task.predict(state, {"image": BATCH["a"]})["image"]
    np.testing.assert_allclose(a["fake_features"], made.reshape(4, -1) / 255, atol=1e-6)
    shown = task.show(state, {"a": BATCH["a"], "index": INDEX}, KEY)
    assert [*shown] == ["a", "b"] and not changed(shown["b"], made)
    assert task.show(state, {"b": BATCH["b"], "index": INDEX}, KEY) == {}
    evals = {
        name: {
            key: metric.add(metric.empty(), jax.device_get(rows))
            for key, metric in task.metrics.items()
        }
        for name, rows in (("horse", a), ("zebra", b))
    }
    found = task.summarize(evals)
    assert np.isfinite(found["zebra/frechet_distance"])
    assert "horse/frechet_distance" not in found
    assert "zebra/cycle_error" not in found
    nothing = {key: metric.empty() for key, metric in task.metrics.items()}
    assert {*found} <= {*task.summarize(dict.fromkeys(evals, nothing))}
    assert len(task.figures(evals)["protocol"].rows) == 2 and task.alarm({}) == ""


def test_other_images_are_translated_as_in_evaluation(stepped):
    task, _, state, _ = stepped
    ema = state.nets["generator"].ema
    state = task.prepare_eval(state)
    assert not changed(state.nets["generator"].params, ema["params"])
    image = images(3, 2, 8)
    made = task.predict(state, {"image": image})["image"]
    translated = task.translator(state)(jnp.float32(image) / 255)
    np.testing.assert_allclose(np.clip(translated, 0, 1) * 255, made, atol=0.51)


def test_pmap_equals_jit():
    found = []
    for mode, axis_name in (("jit", None), ("pmap", "data")):
        task = make(
            translator=Linear(norm=True, axis_name=axis_name),
            norm=True,
            axis_name=axis_name,
            equivariance=True,
        )
        mesh, state = make_mesh(4), begin(task)
        step = compile_train_step(task, mesh, mode)
        for _ in range(2):
            state, scalars = step(state, place(BATCH, mesh, mode), KEY)
        found.append((dataclasses.replace(state, memory=None).nets, scalars))
    for a, b in zip(*map(jax.tree.leaves, found), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)
