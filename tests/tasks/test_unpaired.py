"""Two translators that undo each other, two discriminators and their pools."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from linear import Linear, changed, images, optimizer, weights

from resnet_jax.averaging import Averaging
from resnet_jax.losses.adversarial import LOSSES
from resnet_jax.models.cycle import Cycle, Judges
from resnet_jax.parallel import make_mesh, place
from resnet_jax.state import NetState
from resnet_jax.tasks import Unpaired
from resnet_jax.tasks.base import compile_train_step, loss_key
from resnet_jax.tasks.pool import query

KEY = jax.random.key(7)
BATCH = {"a": images(0, 4, 8), "b": 255 - images(1, 4, 8) // 3}
INDEX = np.arange(4, dtype=np.int32)
NETS = ("generator", "discriminator")


def make(rate=0.05, generator=None, norm=False, **fields):
    axis_name = fields.get("axis_name")
    generator = generator or Linear()
    judge = Linear(norm=norm, axis_name=axis_name)
    return Unpaired(
        Cycle(generator.clone(), generator.clone()),
        Judges(judge.clone(), judge.clone()),
        LOSSES["lsgan"],
        optimizer(rate),
        optimizer(rate),
        (0.5,),
        (0.5,),
        **{"pool_size": 6, **fields},
    )


def begin(task):
    return task.init(jax.random.key(0), BATCH)


def pixels(*values):
    return jnp.float32(values).reshape(1, 1, -1, 1)


# There 2 x + 0.1, back x / 2; the logits of a are x, those of b 1 - x.
PARAMS = {"ab": weights(2.0, 0.1), "ba": weights(0.5)}
JUDGE = {"a": weights(1.0), "b": weights(-1.0, 1.0)}
REAL = {"a": pixels(0.2, -0.4), "b": pixels(0.6, 0.0)}


def test_the_translators_loss_by_hand():
    """There 0.5 and -0.7, back to 0.25 and -0.35; from b 0.3 and 0, back 0.7 and 0.1.

    a stays 0.1 and -0.2 on the way to a, and b 1.3 and 0.1 on the way to b.
    """
    task = make(adversarial=2.0, cycle=10.0, identity=0.5)
    critic = NetState(JUDGE, {}, None)
    found, (stats, parts) = task.generator_loss(PARAMS, {}, REAL, KEY, critic)
    judged_a, judged_b = np.array([0.3, 0.0]), np.array([0.5, 1.7])
    game = ((judged_a - 1) ** 2).mean() + ((judged_b - 1) ** 2).mean()
    wanted = {
        "adversarial": 2 * game,
        "cycle": 10 * ((0.05 + 0.05) / 2 + (0.1 + 0.1) / 2),
        "identity": 5 * ((0.1 + 0.2) / 2 + (0.7 + 0.1) / 2),
    }
    assert parts.keys() == wanted.keys() and stats == {}
    for name, value in wanted.items():
        np.testing.assert_allclose(parts[name], value, rtol=1e-5, err_msg=name)
    np.testing.assert_allclose(found, sum(wanted.values()), rtol=1e-5)
    plain = make(identity=0.0)
    assert "identity" not in plain.generator_loss(PARAMS, {}, REAL, KEY, critic)[1][1]
    made, _ = plain.make(PARAMS, {}, REAL, KEY)
    assert {*made} == {"fake_a", "fake_b", "cycled_a", "cycled_b"}


def test_the_discriminators_loss_by_hand():
    fakes = {"fake_a": pixels(1.0, 0.0), "fake_b": pixels(1.0, -1.0)}
    found, (_, scalars) = make().discriminator_loss(JUDGE, {}, {**REAL, **fakes}, KEY)
    real = [[0.2, -0.4], [0.4, 1.0]]
    fake = [[1.0, 0.0], [0.0, 2.0]]
    wanted = sum(0.5 * ((np.array(x) - 1) ** 2).mean() for x in real)
    wanted += sum(0.5 * (np.array(x) ** 2).mean() for x in fake)
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
    np.testing.assert_allclose(scalars["real_logits"], np.mean(real), rtol=1e-5)
    np.testing.assert_allclose(scalars["fake_logits"], np.mean(fake), rtol=1e-5)


@pytest.fixture(scope="module")
def stepped():
    """A task with norms, dropout and averages; states and scalars of four steps."""
    task = make(
        generator=Linear(norm=True, dropout=0.3), norm=True, averaging=Averaging(0.5)
    )
    step, states, scalars = jax.jit(task.train_step), [begin(task)], []
    for i in range(4):
        state, found = step(states[-1], BATCH, jax.random.fold_in(KEY, i))
        states.append(state)
        scalars.append(found)
    return task, states, scalars


def test_a_step_updates_both_pairs_of_networks(stepped):
    _, (before, after, *_), scalars = stepped
    for name in NETS:
        assert before.nets[name].params.keys() == (
            {"ab", "ba"} if name == "generator" else {"a", "b"}
        )
        for part in before.nets[name].params:
            for a, b in (
                (x.nets[name].params[part] for x in (before, after)),
                (x.nets[name].stats["batch_stats"][part] for x in (before, after)),
            ):
                assert changed(a, b)
    parts = {"adversarial", "cycle", "identity", "real_logits", "fake_logits"}
    owned = ("loss", "gradient_norm", "learning_rate")
    assert scalars[0].keys() == parts | {f"{n}_{k}" for n in NETS for k in owned}
    assert int(after.step) == 1


def test_discriminators_see_what_was_made_before_the_update(stepped):
    """And of that what the pools say, which it is put into."""
    task, states, scalars = stepped
    for i in range(4):
        before, after = states[i], states[i + 1]
        pool_key, generator_key, _ = jax.random.split(jax.random.fold_in(KEY, i), 3)
        real = {name: task.units(BATCH[name]) for name in "ab"}
        net, judge = (before.nets[name] for name in NETS)
        made, _ = task.make(net.params, net.stats, real, loss_key(generator_key))
        batch = dict(real)
        for number, name in enumerate("ab"):
            pool, seen = query(
                before.memory[name],
                made[f"fake_{name}"],
                jax.random.fold_in(pool_key, number),
            )
            batch[f"fake_{name}"] = seen
            for key, value in pool.items():
                np.testing.assert_allclose(
                    after.memory[name][key], value, rtol=1e-4, atol=1e-5
                )
        loss, (stats, _) = task.discriminator_loss(
            judge.params, judge.stats, batch, KEY
        )
        np.testing.assert_allclose(scalars[i]["discriminator_loss"], loss, rtol=1e-4)
        for a, b in zip(
            *map(jax.tree.leaves, (stats, after.nets["discriminator"].stats)),
            strict=True,
        ):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
        # The translators met the discriminators before theirs.
        loss, _ = task.generator_loss(
            net.params, net.stats, real, loss_key(generator_key), judge
        )
        np.testing.assert_allclose(scalars[i]["generator_loss"], loss, rtol=1e-4)
    assert int(states[-1].memory["a"]["filled"]) == 6
    assert int(states[1].memory["b"]["filled"]) == 4


def test_translators_learn_to_come_back():
    task = make(rate=0.003, pool_size=0)
    state = begin(task)
    assert state.memory is None
    step, cycles = jax.jit(task.train_step), []
    for i in range(40):
        state, scalars = step(state, BATCH, jax.random.fold_in(KEY, i))
        cycles.append(float(scalars["cycle"]))
    assert np.mean(cycles[-5:]) < 0.5 * cycles[0] and state.memory is None


@pytest.mark.parametrize("direction", ["ab", "ba"])
def test_other_images_are_translated_as_in_evaluation(stepped, direction):
    task, states, _ = stepped
    state = task.prepare_eval(states[-1])
    trained = states[-1].nets["generator"]
    jax.tree.map(
        np.testing.assert_array_equal,
        (state.nets["generator"].params, state.nets["generator"].stats),
        (trained.ema["params"], trained.ema["stats"]),
    )
    image = images(3, 2, 8)
    made = task.predict(state, {"image": image}, direction=direction)["image"]
    assert made.dtype == jnp.uint8
    translated = task.translator(state, direction)(jnp.float32(image) / 255)
    np.testing.assert_allclose(np.clip(translated, 0, 1) * 255, made, atol=0.51)
    other = {"ab": "ba", "ba": "ab"}[direction]
    assert changed(
        made, task.predict(state, {"image": image}, direction=other)["image"]
    )


@pytest.mark.parametrize("name", ["a", "b"])
def test_an_evaluation_goes_there_and_back(stepped, name):
    task, states, _ = stepped
    state = task.prepare_eval(states[-1])
    batch = {name: BATCH[name], "index": INDEX}
    way = ("ab", "ba") if name == "a" else ("ba", "ab")
    rows = task.eval_step(state, batch, KEY)
    assert {*rows} == {
        *("index", "is_b", "cycle_error", "real_features", "fake_features")
    }
    assert (np.asarray(rows["is_b"]) == (name == "b")).all()
    there = task.predict(state, {"image": batch[name]}, direction=way[0])["image"]
    np.testing.assert_allclose(
        rows["fake_features"], there.reshape(4, -1) / 255, atol=1e-6
    )
    shown = task.show(state, batch, KEY)
    assert [*shown] == [name, "b" if name == "a" else "a", f"{name} again"]
    np.testing.assert_array_equal([*shown.values()][1], there)
    error = np.abs(shown[f"{name} again"].astype(float) - batch[name]).mean((1, 2, 3))
    np.testing.assert_allclose(rows["cycle_error"], error / 255, rtol=1e-4)
    # Every row is of its own image.
    backward = {k: v[::-1] for k, v in batch.items()}
    again = task.eval_step(state, backward, KEY)
    for key, row in rows.items():
        np.testing.assert_allclose(row, again[key][::-1], rtol=1e-4, atol=1e-6)


def test_domains_are_compared_across(stepped):
    """The distance of translations to the other evaluation's images."""
    task, states, _ = stepped
    state = task.prepare_eval(states[-1])
    evals = {}
    for split, name in (("horse", "a"), ("zebra", "b")):
        rows = task.eval_step(state, {name: BATCH[name], "index": INDEX}, KEY)
        evals[split] = {
            key: metric.add(metric.empty(), jax.device_get(rows))
            for key, metric in task.metrics.items()
        }
    found = task.summarize(evals)
    nothing = {key: metric.empty() for key, metric in task.metrics.items()}
    assert {*task.summarize(dict.fromkeys(evals, nothing))} == {*found}
    names = {"cycle_error", "examples", "frechet_distance"}
    names |= {"untranslated_frechet_distance"}
    assert {*found} == {f"{split}/{name}" for split in evals for name in names}
    fake = evals["horse"]["frechet"]["fake"].mean
    real = evals["zebra"]["frechet"]["real"].mean
    assert found["zebra/frechet_distance"] >= np.square(fake - real).sum() - 1e-6
    assert task.figures(evals)["protocol"].rows[1][:3] == ("zebra", "b", 4)
    assert task.alarm({}) == ""


def test_jit_shares_a_batch_and_pmap_does_so_without_a_pool():
    found = []
    for mode, axis_name in (("jit", None), ("pmap", "data")):
        generator = Linear(norm=True, axis_name=axis_name)
        task = make(generator=generator, axis_name=axis_name, norm=True, pool_size=0)
        mesh, state = make_mesh(4), begin(task)
        step = compile_train_step(task, mesh, mode)
        for _ in range(2):
            state, scalars = step(state, place(BATCH, mesh, mode), KEY)
        found.append((state.nets, scalars))
    for a, b in zip(*map(jax.tree.leaves, found), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=1e-5)


def test_pools_are_the_same_however_many_devices_share_the_batch():
    task = make()
    step = compile_train_step(task, make_mesh(4), "jit")
    alone = jax.jit(lambda s, b: task.train_step(s, b, jax.random.fold_in(KEY, s.step)))
    shared, one = begin(task), begin(task)
    for _ in range(3):
        shared, _ = step(shared, place(BATCH, make_mesh(4)), KEY)
        one, _ = alone(one, BATCH)
    found = (dataclasses.replace(x, frozen=None) for x in (shared, one))
    for a, b in zip(*map(jax.tree.leaves, found), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
