"""A damaged checkpoint is noticed and passed over, never loaded and never deleted."""

import dataclasses
import json
import random
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from command import TINY, leaves, run, saved

from resnet_jax.checkpoint import Checkpoints, DamagedError
from resnet_jax.optim import create_optimizer
from resnet_jax.parallel import make_mesh, replicated
from resnet_jax.state import TrainState, init_net

OPTIMIZER = create_optimizer(
    {"name": "adamw", "schedule": {"name": "constant", "base": 0.1}}, 10
)
SHARDING = replicated(make_mesh(2))
METADATA = "_CHECKPOINT_METADATA"
FILES = (
    METADATA,
    "commit_success.txt",
    "orbax.checkpoint",
    "state/_METADATA",
    "state/_sharding",
    "state/array_metadatas/process_0",
    "state/d/*",
    "state/manifest.ocdbt",
    "state/ocdbt.process_0/d/*",
    "state/ocdbt.process_0/manifest.ocdbt",
)


def state_at(step):
    key = jax.random.key(step)
    variables = {
        "params": {"kernel": jax.random.normal(key, (40, 30)), "bias": jnp.ones(30)},
        "batch_stats": {"mean": jnp.arange(3.0) + step, "var": jnp.ones(3)},
    }
    net = init_net(variables, OPTIMIZER, ema=True)
    return TrainState(jnp.int32(step), {"model": net}, jnp.full(2, step))


def write(folder, *states):
    checkpoints = Checkpoints(folder)
    for state in states:
        checkpoints.save(state, {"note": "kept"})
    checkpoints.wait()
    checkpoints.close()
    return folder


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    return write(tmp_path_factory.mktemp("sound"), state_at(1), state_at(2))


def read(folder):
    """The step that is read and what was said; what was read must be what was saved."""
    said = []
    checkpoints = Checkpoints(folder, read_only=True)
    like = jax.eval_shape(lambda: state_at(0))
    try:
        state = checkpoints.newest_good(
            lambda step: checkpoints.restore(step, like, SHARDING), said.append
        )
    finally:
        checkpoints.close()
    step = int(state.step)
    wanted = jax.tree.leaves(state_at(step))
    for a, b in zip(jax.tree.leaves(state), wanted, strict=True):
        np.testing.assert_array_equal(a, b, strict=True)
    return step, said


@pytest.mark.slow
def test_the_list_of_files_is_complete(sound):
    newest = sound / "checkpoints" / "2"
    there = {path for path in newest.rglob("*") if path.is_file()}
    assert sorted(there) == sorted(path for f in FILES for path in newest.glob(f))
    assert len(there) == len(FILES)


def flipped(data, offset, bit):
    spoiled = bytearray(data)
    spoiled[offset] ^= 1 << bit
    return bytes(spoiled)


@pytest.mark.slow
@pytest.mark.parametrize("file", FILES)
def test_damage_to_any_file_is_noticed(sound, tmp_path, file):
    chance = random.Random(file)
    [path] = (sound / "checkpoints" / "2").glob(file)
    data = path.read_bytes()
    offsets = [chance.randrange(len(data)) for _ in range(3)] if data else []
    spoiled = [
        *(flipped(data, offset, chance.randrange(8)) for offset in offsets),
        data[: len(data) // 2],
        data[:-1],
        data + b"0",
        b"",
        None,
    ]
    for number, content in enumerate(spoiled):
        copy = tmp_path / str(number)
        shutil.copytree(sound, copy)
        target = copy / path.relative_to(sound)
        target.unlink() if content is None else target.write_bytes(content)
        step, said = read(copy)
        assert step == 2 or len(said) == 1
        for line in said:
            assert line.startswith(f"checkpoint 2 in {copy}/checkpoints is damaged: ")
            assert "\n" not in line
        assert saved(copy) == [1, 2]


def test_an_unknown_key_in_one_checkpoint_does_not_lock_the_others(sound, tmp_path):
    shutil.copytree(sound, tmp_path, dirs_exist_ok=True)
    path = tmp_path / "checkpoints" / "2" / METADATA
    path.write_text(path.read_text().replace("init_timestamp", "inIt_timestamp"))
    step, [said] = read(tmp_path)
    assert step == 1 and said.endswith("damaged: its description is unreadable.")
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(state_at(3), {})
    checkpoints.wait()
    assert checkpoints.steps() == [3, 2]


def with_net(state, **changes):
    net = dataclasses.replace(state.nets["model"], **changes)
    return dataclasses.replace(state, nets={"model": net})


def zeroed(state, name):
    zeros = jax.tree.map(jnp.zeros_like, getattr(state.nets["model"], name))
    return with_net(state, **{name: zeros})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: zeroed(s, "params"), "params/bias, nets/model/params/kernel were"),
        (lambda s: zeroed(s, "ema"), "the bytes of nets/model/ema/params/bias, "),
        (lambda s: with_net(s, opt_state=OPTIMIZER.tx.init({})), "do not match"),
        (lambda s: with_net(s, ema=None), "do not match"),
        (lambda s: dataclasses.replace(s, memory=None), "of memory were"),
        (lambda s: state_at(1), "and 3 more were changed"),
    ],
)
def test_a_state_that_is_not_the_described_one_is_refused(
    sound, tmp_path, change, said
):
    shutil.copytree(sound, tmp_path / "run")
    other = write(tmp_path / "other", change(state_at(2)))
    [step] = saved(other)
    state = tmp_path / "run" / "checkpoints" / "2" / "state"
    shutil.rmtree(state)
    shutil.copytree(other / "checkpoints" / str(step) / "state", state)
    step, warnings = read(tmp_path / "run")
    assert step == 1 and said in warnings[0]


def test_damaged_ones_are_set_aside_and_saved_anew(sound, tmp_path):
    shutil.copytree(sound, tmp_path, dirs_exist_ok=True)
    spoiled = tmp_path / "checkpoints" / "2" / "state" / "manifest.ocdbt"
    spoiled.write_bytes(b"")
    checkpoints = Checkpoints(tmp_path)
    checkpoints.set_aside(newer_than=1)
    assert checkpoints.steps() == [1]
    assert (tmp_path / "damaged" / "2" / "state" / "manifest.ocdbt").exists()
    checkpoints.save(state_at(2), {})
    checkpoints.wait()
    checkpoints.close()
    assert read(tmp_path) == (2, [])


def test_where_all_are_damaged_nothing_starts_over_silently(sound, tmp_path):
    shutil.copytree(sound, tmp_path, dirs_exist_ok=True)
    for step in (1, 2):
        (tmp_path / "checkpoints" / str(step) / METADATA).write_text("{}")
    sentence = f"every checkpoint in {tmp_path}/checkpoints is damaged; restore one"
    with pytest.raises(ValueError, match=sentence):
        read(tmp_path)
    checkpoints = Checkpoints(tmp_path, read_only=True)
    with pytest.raises(DamagedError, match="its description is unreadable"):
        checkpoints.describe(2)
    checkpoints.close()


@pytest.mark.slow
def test_verbs_pass_over_a_damaged_checkpoint_and_say_so(tmp_path):
    workdir = tmp_path / "run"
    train = ("train", TINY, "--config.total_steps=10", f"--workdir={workdir}")
    run(*train)
    wanted = leaves(workdir)
    [path] = (workdir / "checkpoints" / "10" / "state" / "d").iterdir()
    path.write_bytes(flipped(path.read_bytes(), path.stat().st_size // 2, 0))
    out, err = run("evaluate", workdir, "--json")
    assert json.loads(out)["step"] == 5
    assert err.count("\n") == 1
    assert f"checkpoint 10 in {workdir}/checkpoints is damaged: " in err
    out, err = run(*train)
    assert out.count("WARNING: checkpoint 10 in") == 1 and err == ""
    assert "resumed at step 5 of 10" in out
    assert leaves(workdir) == wanted
    assert (workdir / "damaged" / "10").exists()
