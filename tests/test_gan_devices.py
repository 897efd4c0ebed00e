"""A conditional SNGAN plays one game on one device, on eight, and under pmap.

The module is a program, too: a child process with eight devices plays the games.
"""

import re
import sys

import jax
import numpy as np
import pytest
from command import finish, start
from jax.sharding import AxisType, Mesh

from resnet_jax import config as configs
from resnet_jax.parallel import AXIS, compile_step, place, replicated
from resnet_jax.run import build_task
from resnet_jax.spec import DataSpec

SIDE, BATCH, STEPS, DEVICES = 8, 16, 5, 8
GAMES = {"one": ("jit", 1), "jit": ("jit", DEVICES), "pmap": ("pmap", DEVICES)}
TOLERANCES = {"float32": 1e-5, "float64": 1e-9}
# The config's own in float64. In float32 they make much of a rounding: Adam divides a
# gradient by its size, and one that should be zero is no smaller than the usual epsilon
# and becomes a step like any other; a ReLU passes a gradient or not.
EPSILONS = {"float32": 1e-3, "float64": 1e-8}
ACTIVATIONS = {"float32": "silu", "float64": "relu"}
# What these add, the batch norm after them takes away: their gradient is rounding.
ABSORBED = re.compile(r"generator.*\['block\d'\]\['(conv\d|shortcut)'\]\['bias'\]$")
# Such a program runs five times: it need not be a fast one.
HURRIED = {"xla_backend_optimization_level": 0}

SPEC = DataSpec(
    shapes={"image": (SIDE, SIDE, 3), "label": ()},
    dtypes={"image": "uint8", "label": "int32"},
    class_names=tuple("abcde"),
    mean=(0.5,) * 3,
    std=(0.5,) * 3,
    sizes={},
    transforms={},
    source="noise",
)


def small(mode, dtype):
    """cifar10_sngan_cond with its losses and optimizers, and networks of two blocks."""
    config = configs.read("cifar10_sngan_cond")
    config.batch_size, config.task.n_critic, config.run.parallel = BATCH, 2, mode
    fields = dict(width=8, bottom=SIDE // 2, dtype=dtype, act=ACTIVATIONS[dtype])
    config.generator = dict(name="sngan_generator", latent_size=8, **fields)
    config.discriminator = dict(name="sngan_discriminator", extra_blocks=1, **fields)
    with config.ignore_type():
        for optimizer in (config.generator_optim, config.discriminator_optim):
            optimizer.eps = EPSILONS[dtype]
    return configs.from_json(configs.to_json(config))


def batches(draws):
    rng = np.random.default_rng(0)
    for _ in range(STEPS):
        image = rng.integers(0, 256, (draws * BATCH, SIDE, SIDE, 3), dtype=np.uint8)
        label = rng.integers(0, SPEC.num_classes, draws * BATCH).astype(np.int32)
        yield {"image": image, "label": label}


def play(mode, devices, dtype):
    """{path: array} of the scalars of all steps and the last state; the program."""
    task, key = build_task(small(mode, dtype), SPEC), jax.random.key(1)
    mesh = Mesh(jax.devices()[:devices], (AXIS,), axis_types=(AxisType.Auto,))
    state = jax.jit(task.init, out_shardings=replicated(mesh))(key, SPEC.batch(1))
    rows, step = [], None
    for i, batch in enumerate(batches(task.draws)):
        inputs = place(batch, mesh, mode, task.draws), jax.random.fold_in(key, i)
        if step is None:
            lowered = compile_step(task.train_step, mesh, mode).lower(state, *inputs)
            step = lowered.compile(HURRIED)
        state, scalars = step(state, *inputs)
        rows.append(jax.device_get(scalars))
    scalars = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    flat, _ = jax.tree_util.tree_flatten_with_path(jax.device_get(state.nets))
    return scalars | {jax.tree_util.keystr(k): x for k, x in flat}, step.as_text()


def main(dtype, file):
    found = {}
    with jax.enable_x64(dtype == "float64"):
        for game, (mode, devices) in GAMES.items():
            values, text = play(mode, devices, dtype)
            found |= {f"{game}:{name}": x for name, x in values.items()}
            found |= {f"{game}:program": text}
    np.savez(file, **found)


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """dtype -> {game: values by name}, played when it is first asked for."""
    known = {}

    def get(dtype):
        if dtype not in known:
            file = tmp_path_factory.mktemp("games") / "played.npz"
            child = start(dtype, file, program=(__file__,), devices=DEVICES)
            finish(child, seconds=400)
            known[dtype] = {game: {} for game in GAMES}
            for key, values in np.load(file).items():
                game, _, name = key.partition(":")
                known[dtype][game][name] = values
        return known[dtype]

    return get


@pytest.mark.slow
@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("pair", [("one", "jit"), ("jit", "pmap")], ids="-".join)
def test_games_are_the_same(played, pair, dtype):
    a, b = (dict(played(dtype)[game]) for game in pair)
    tolerance = TOLERANCES[dtype]
    assert a.keys() == b.keys() and len(a) > 100
    for values in (a, b):
        values.pop("program")
    absorbed = [name for name in a if ABSORBED.search(name)]
    assert len(absorbed) == 3 * 3  # weights, first and second moment of each
    for name in absorbed:
        assert max(np.abs(x.pop(name)).max() for x in (a, b)) < tolerance, name
    for name, wanted in a.items():
        assert wanted.dtype == b[name].dtype
        size = np.abs(wanted).max()
        np.testing.assert_allclose(b[name], wanted, 0, tolerance * size, err_msg=name)


@pytest.mark.slow
def test_no_batch_is_gathered(played):
    text = str(played("float32")["jit"]["program"])
    assert re.search(r" all-reduce\(", text)
    kinds = r"all-gather|all-to-all|collective-permute|reduce-scatter"
    moved = re.findall(rf"^ *%\S+ = (.*?) (?:{kinds})(?:-start)?\(", text, re.MULTILINE)
    # The generator's batches become one: their labels move, four bytes for an image.
    arrays = re.findall(r"(\w+)\[([\d,]*)\]", " ".join(moved))
    assert {kind for kind, _ in arrays} <= {"s32"}
    most = max(
        (np.prod([*map(int, shape.split(","))]) for _, shape in arrays), default=0
    )
    assert most <= 2 * BATCH / DEVICES
    # An eighth of what the discriminator judges, on each device.
    assert f"f32[{2 * BATCH // DEVICES},{SIDE},{SIDE},8]" in text
    assert f"f32[{2 * BATCH},{SIDE},{SIDE}," not in text


if __name__ == "__main__":
    main(*sys.argv[1:])
