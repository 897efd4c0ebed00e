"""What is kept, what is refused, and what a digest notices."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.checkpoint import Checkpoints, leaf_digest
from resnet_jax.optim import create_optimizer
from resnet_jax.parallel import make_mesh, replicated, split
from resnet_jax.state import TrainState, init_net

OPTIMIZER = create_optimizer(
    {"name": "adamw", "schedule": {"name": "constant", "base": 0.1}}, 10
)
SHARDING = replicated(make_mesh(2))


def state_at(step, width=3, frozen=None):
    variables = {
        "params": {
            "w": jnp.full((4, width), step + 0.5),
            "h": jnp.ones(2, jnp.bfloat16),
        },
        "batch_stats": {"mean": jnp.arange(width, dtype=jnp.float32)},
    }
    net = init_net(variables, OPTIMIZER, ema=True)
    return TrainState(jnp.int32(step), {"model": net}, jnp.zeros(2), frozen)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "run"


def save_all(folder, scores, **options):
    checkpoints = Checkpoints(folder, **options)
    for step, score in scores.items():
        checkpoints.save(state_at(step), {"note": f"at {step}"}, score)
    checkpoints.wait()
    return checkpoints


@pytest.mark.parametrize(
    ("best", "scores", "kept", "top"),
    [
        ("max", {1: 0.5, 2: 0.9, 3: 0.8, 4: 0.3}, [4, 3, 2], 2),
        ("min", {1: 0.5, 2: 0.9, 3: 0.8, 4: 0.7}, [4, 3, 1], 1),
        ("max", {1: 0.5, 2: None, 3: None, 4: None}, [4, 3, 1], 1),
        ("max", {1: None, 2: None, 3: np.nan}, [3, 2], None),
    ],
)
def test_the_newest_and_the_best_are_kept(folder, best, scores, kept, top):
    checkpoints = save_all(folder, scores, keep=2, best=best)
    assert checkpoints.steps() == kept
    assert checkpoints.best_step() == top
    again = Checkpoints(folder, best=best, read_only=True)
    assert (again.steps(), again.best_step()) == (kept, top)


def test_a_state_comes_back_bit_for_bit(folder):
    checkpoints = save_all(folder, {7: None})
    like = jax.eval_shape(lambda: state_at(0))
    restored = checkpoints.restore(7, like, SHARDING)
    assert jax.tree.structure(restored) == jax.tree.structure(state_at(7))
    for a, b in zip(
        jax.tree.leaves(restored), jax.tree.leaves(state_at(7)), strict=True
    ):
        assert a.dtype == b.dtype and a.sharding == SHARDING
        np.testing.assert_array_equal(a, b)
    assert checkpoints.describe(7)["note"] == "at 7"


def test_frozen_networks_are_not_saved_and_stay(folder):
    checkpoints = Checkpoints(folder)
    teacher = {"teacher": jnp.ones(5)}
    checkpoints.save(state_at(1, frozen=teacher), {})
    checkpoints.wait()
    like = state_at(0, frozen=teacher)
    assert checkpoints.restore(1, like, SHARDING).frozen is teacher
    assert not any("frozen" in name for name in checkpoints.describe(1)["leaves"])


def test_another_network_is_refused_and_its_leaves_named(folder):
    checkpoints = save_all(folder, {1: None})
    like = jax.eval_shape(lambda: state_at(0, width=5))
    with pytest.raises(ValueError, match="checkpoint 1 is of another network") as error:
        checkpoints.restore(1, like, SHARDING)
    assert r"params/w is float32[4, 3] there, float32[4, 5] here" in str(error.value)


def test_a_newer_format_is_refused(folder, monkeypatch):
    monkeypatch.setattr("resnet_jax.checkpoint.FORMAT", 99)
    save_all(folder, {1: None})
    monkeypatch.undo()
    with pytest.raises(ValueError, match="format 99, newer than 1; update"):
        Checkpoints(folder).describe(1)


def test_what_a_killed_save_left_is_no_checkpoint_and_in_nobodys_way(folder):
    save_all(folder, {1: None}).close()
    leftover = folder / "checkpoints" / "2.orbax-checkpoint-tmp"
    leftover.mkdir()
    assert Checkpoints(folder, read_only=True).steps() == [1]
    checkpoints = Checkpoints(folder)
    assert checkpoints.steps() == [1]
    checkpoints.save(state_at(2), {})
    checkpoints.wait()
    assert checkpoints.steps() == [2, 1]
    like = jax.eval_shape(lambda: state_at(0))
    assert checkpoints.restore(2, like, SHARDING).step == 2


DTYPES = ("float32", "bfloat16", "int32", "uint8", "bool", "int64", "float64")


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_flipped_bit_changes_the_digest(dtype):
    with jax.enable_x64(dtype.endswith("64")):
        x = np.arange(6).astype(jnp.dtype(dtype))
        clean = np.asarray(leaf_digest(jnp.asarray(x)))
        for byte in range(x.nbytes) if dtype != "bool" else ():
            for bit in range(8):
                spoiled = x.copy()
                spoiled.view(np.uint8)[byte] ^= 1 << bit
                found = np.asarray(leaf_digest(jnp.asarray(spoiled)))
                assert (found != clean).all()
        assert (
            np.asarray(leaf_digest(jnp.asarray(~x if dtype == "bool" else x + 1)))
            != clean
        ).any()


def test_words_that_trade_places_change_the_digest():
    rng = np.random.default_rng(0)
    x = rng.normal(size=64).astype(np.float32)
    clean = np.asarray(leaf_digest(jnp.asarray(x)))
    for i, j in rng.integers(0, 64, (200, 2)):
        spoiled = x.copy()
        spoiled[[i, j]] = spoiled[[j, i]]
        found = np.asarray(leaf_digest(jnp.asarray(spoiled)))
        assert (found != clean).any() == (x[i] != x[j])


def test_the_digest_is_the_same_however_the_array_lies():
    x = np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32)
    mesh = make_mesh(2)
    digests = [
        np.asarray(jax.jit(leaf_digest)(jax.device_put(x, sharding)))
        for sharding in (replicated(mesh), split(mesh), jax.devices()[0])
    ]
    np.testing.assert_array_equal(digests[0], digests[1])
    np.testing.assert_array_equal(digests[0], digests[2])
