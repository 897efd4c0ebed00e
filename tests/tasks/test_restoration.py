"""One network that undoes what was done to images."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from linear import Linear, changed, images, optimizer, weights

from resnet_jax.averaging import Averaging
from resnet_jax.degrade import create_degradation
from resnet_jax.losses.reconstruction import LOSSES
from resnet_jax.parallel import compile_step, make_mesh, place
from resnet_jax.tasks import Restoration
from resnet_jax.tasks.base import compile_train_step
from resnet_jax.tasks.fidelity import Fidelity
from resnet_jax.tasks.pair import Pair, evaluation_keys

KEY = jax.random.key(7)
NOISE = create_degradation({"name": "noise", "sigma": 20.0})
SMALL = create_degradation({"name": "downscale", "factor": 2})
BATCH = {"image": images(0, 8, 16), "index": np.arange(8, dtype=np.int32)}


def make(model=None, pair=None, loss="l1", rate=0.1, **fields):
    model, pair = model or Linear(), pair or Pair(degradation=NOISE)
    return Restoration(model, optimizer(rate), pair, LOSSES[loss], **fields)


def begin(task, batch=BATCH):
    return task.init(jax.random.key(0), batch)


@pytest.mark.parametrize(
    ("loss", "wanted"), [("l1", 0.3), ("l2", 0.1), ("half_square", 0.2)]
)
def test_the_loss_by_hand(loss, wanted):
    """2 x + 0.1 of 0.1 and 0.2 where 0.2 and 0.0 are wanted: 0.1 and 0.5 too much."""
    batch = {
        "input": jnp.float32([0.1, 0.2]).reshape(1, 1, 2, 1),
        "target": jnp.float32([0.2, 0.0]).reshape(1, 1, 2, 1),
    }
    wanted = {"l1": 0.3, "l2": 0.13, "half_square": 0.13}[loss]
    found, (stats, scalars) = make(loss=loss).model_loss(
        weights(2.0, 0.1), {}, batch, KEY
    )
    np.testing.assert_allclose(found, wanted, rtol=1e-6)
    assert stats == scalars == {}


def test_a_step_by_hand():
    """No noise: x is x. The l2 slope of w x + b - x by w and b, at (0.5, 0)."""
    plain = Pair(degradation=create_degradation({"name": "noise", "sigma": 0.0}))
    task = make(pair=plain, loss="l2", averaging=Averaging(0.5))
    state = begin(task)
    net = state.nets["model"]
    params = weights(0.5)
    ema = {"params": params, "stats": net.stats}
    state = state.replace(nets={"model": net.replace(params=params, ema=ema)})
    after, scalars = jax.jit(task.train_step)(state, BATCH, KEY)
    x = BATCH["image"] / 255
    slopes = np.array([(2 * -0.5 * x * x).mean(), (2 * -0.5 * x).mean()])
    new = np.array([0.5, 0.0]) - 0.1 * slopes
    net = after.nets["model"]
    for values, wanted in (
        (net.params, new),
        (net.ema["params"], (new + np.array([0.5, 0])) / 2),
    ):
        layer = values["layer"]
        found = [float(layer["kernel"][0, 0]), float(layer["bias"][0])]
        np.testing.assert_allclose(found, wanted, rtol=1e-5)
    assert scalars.keys() == {"loss", "gradient_norm", "learning_rate"}
    np.testing.assert_allclose(scalars["loss"], (0.25 * x * x).mean(), rtol=1e-5)
    np.testing.assert_allclose(
        scalars["gradient_norm"], np.linalg.norm(slopes), rtol=1e-5
    )
    assert int(after.step) == 1


def test_norms_write_their_statistics():
    task = make(Linear(norm=True))
    state = begin(task)
    after, _ = jax.jit(task.train_step)(state, BATCH, KEY)
    assert changed(state.nets["model"].stats, after.nets["model"].stats)


def test_it_learns():
    """The best answer to much noise is between the pixel and the mean."""
    task = make(loss="l2", rate=0.5)
    step, state, losses = jax.jit(task.train_step), begin(task), []
    for i in range(40):
        state, scalars = step(state, BATCH, jax.random.fold_in(KEY, i))
        losses.append(float(scalars["loss"]))
    assert np.mean(losses[-5:]) < 0.7 * np.mean(losses[:3])


def test_noise_is_drawn_anew_in_every_step_and_not_in_evaluations():
    task = make()
    state = task.prepare_eval(begin(task))
    seen = [
        task.pair(BATCH, jax.random.split(jax.random.fold_in(KEY, i), 8))["input"]
        for i in range(2)
    ]
    assert (seen[0] != seen[1]).mean() > 0.9
    rows = jax.jit(task.eval_step)(state, BATCH, KEY)
    backward = {name: x[::-1] for name, x in BATCH.items()}
    again = jax.jit(task.eval_step)(state, backward, KEY)
    for name, row in rows.items():
        np.testing.assert_allclose(row, again[name][::-1], rtol=1e-5)


def test_what_is_measured_is_the_networks_answer():
    task = make(fidelity=Fidelity("rgb", 1))
    state = task.prepare_eval(begin(task))
    rows = task.eval_step(state, BATCH, KEY)
    assert [*rows] == ["index", "psnr", "ssim", "input_psnr", "input_ssim"]
    pair = task.pair(BATCH, evaluation_keys(KEY, BATCH["index"]))
    answer = task.predict(state, pair)["output"]
    levels = np.clip(np.rint(255 * np.asarray(answer)), 0, 255)
    error = (levels - BATCH["image"])[:, 1:-1, 1:-1]
    wanted = 20 * np.log10(255) - 10 * np.log10((error**2).mean((1, 2, 3)))
    np.testing.assert_allclose(rows["psnr"], wanted, rtol=1e-4)
    # Noise of 20 levels is 22.1 dB, a little less where it is cut off.
    np.testing.assert_allclose(rows["input_psnr"], 22.1, atol=1)
    shown = task.show(state, BATCH, KEY)
    assert [*shown][:4] == ["input", "output", "target", "error x 4"]
    np.testing.assert_allclose(shown["target"], BATCH["image"] / 255, atol=1e-6)
    nothing = {"test": {k: m.empty() for k, m in task.metrics.items()}}
    assert "test/psnr" in task.summarize(nothing)
    assert task.alarm({}) == "" and "protocol" in task.figures(nothing)


def test_averages_are_judged_and_used_on_other_images():
    task = make(Linear(scale=2), Pair(degradation=SMALL), averaging=Averaging(0.9))
    state = begin(task)
    state, _ = jax.jit(task.train_step)(state, BATCH, KEY)
    trained, net = state.nets["model"], task.prepare_eval(state).nets["model"]
    assert changed(trained.params, net.params) and net.opt_state is None
    jax.tree.map(np.testing.assert_array_equal, net.params, trained.ema["params"])
    translate = task.translator(task.prepare_eval(state))
    assert (translate.scale, translate.halo) == (2, 0)
    image = jnp.float32(images(1, 2, 5) / 255)
    answer = task.predict(task.prepare_eval(state), {"input": image})["output"]
    assert answer.shape == (2, 10, 10, 1)
    np.testing.assert_allclose(translate(image), answer, atol=1e-6)


def test_parts_of_a_batch_have_the_gradient_of_the_whole():
    states = []
    for parts in (1, 4):
        task = make(loss="half_square", microbatches=parts, rate=1e-3)
        states.append(jax.jit(task.train_step)(begin(task), BATCH, KEY))
    for a, b in zip(*map(jax.tree.leaves, states), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("microbatches", [1, 2])
def test_pmap_equals_jit(microbatches):
    """Each image meets the same noise on whichever device."""
    found = []
    for mode, axis_name in (("jit", None), ("pmap", "data")):
        model = Linear(norm=microbatches == 1, axis_name=axis_name)
        task = make(model, axis_name=axis_name, microbatches=microbatches)
        mesh, state = make_mesh(8), begin(task)
        step = compile_train_step(task, mesh, mode)
        for _ in range(2):
            state, scalars = step(state, place(BATCH, mesh, mode), KEY)
        found.append((state.nets, scalars))
    for a, b in zip(*map(jax.tree.leaves, found), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_no_batch_is_gathered():
    task, mesh = make(), make_mesh(8)
    step = compile_step(task.train_step, mesh)
    text = step.lower(begin(task), place(BATCH, mesh), KEY).compile().as_text()
    assert "all-reduce" in text and "all-gather" not in text
    assert "f32[4,16,16,1]" in text and "f32[8,16,16,1]" not in text
