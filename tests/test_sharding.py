"""Split weights: the rule, and runs on eight devices that equal those on one.

The module is a program, too: a child process with eight devices makes the runs.
"""

import dataclasses
import math
import pathlib
import re
import sys

import jax
import numpy as np
import pytest
from command import finish, start
from jax.sharding import AbstractMesh
from jax.sharding import PartitionSpec as P

from resnet_jax import config as configs
from resnet_jax.checkpoint import Checkpoints
from resnet_jax.collectives import collectives, moved
from resnet_jax.parallel import compile_step, make_mesh, place
from resnet_jax.run import build_task
from resnet_jax.sharding import bytes_of, layout, leaf_spec
from resnet_jax.spec import DataSpec

DEVICES, BATCH, SIDE = 8, 16, 8
# float32 on two groups of four devices, float64 on one of eight.
STEPS = {"float32": 1, "float64": 10}
GROUP = {"float32": 4, "float64": 8}
TOLERANCES = {"float32": 1e-5, "float64": 1e-9}
# Of what every device would hold: an eighth, and four percent of that.
MOST = 0.13
# What these add, the batch norm after them takes away: their gradient is rounding.
ABSORBED = re.compile(r"generator.*\['block\d'\]\['(conv\d|shortcut)'\]\['bias'\]$")
# Such a program runs a few times: it need not be a fast one.
HURRIED = {"xla_backend_optimization_level": 0}


def spec(side, classes):
    return DataSpec(
        shapes={"image": (side, side, 3), "label": ()},
        dtypes={"image": "uint8", "label": "int32"},
        class_names=tuple(map(str, range(classes))),
        mean=(0.5,) * 3,
        std=(0.5,) * 3,
        sizes={},
        transforms={},
        source="noise",
    )


SPEC = spec(SIDE, 5)


@pytest.mark.parametrize(
    ("shape", "parts", "expected"),
    [
        ((3, 3, 64, 128), 8, P(None, None, None, "fsdp")),
        ((3, 3, 128, 64), 8, P(None, None, "fsdp")),
        ((3, 3, 64, 64), 8, P(None, None, None, "fsdp")),  # of equal axes the last
        ((7, 7, 3, 64), 8, P(None, None, None, "fsdp")),
        ((512, 1000), 16, P("fsdp")),  # 16 does not divide 1000
        ((64,), 8, P("fsdp")),
        ((63,), 9, P()),  # small
        ((3, 3, 7, 10), 8, P()),  # nothing divides
        ((1000,), 16, P()),
        ((), 8, P()),
        ((3, 3, 64, 128), 1, P()),
    ],
)
def test_an_array_is_split_along_its_largest_axis_that_divides(shape, parts, expected):
    assert leaf_spec(shape, parts) == expected


REAL = [("imagenet_resnet50", 224, 1000), ("cifar10_resnet20", 32, 10)]
REAL += [("cifar10_sngan_cond", 32, 10)]


@pytest.mark.parametrize(("name", "side", "classes"), REAL)
def test_a_device_keeps_an_eighth_of_a_real_network(name, side, classes):
    config = configs.read(name)
    config.task.ema_decay = 0.999
    data = spec(side, classes)
    task = build_task(configs.from_json(configs.to_json(config)), data)
    state = jax.eval_shape(task.init, jax.random.key(0), data.batch(1))
    mesh = AbstractMesh((1, DEVICES), ("data", "fsdp"))
    nets = {k: dataclasses.replace(v, stats={}) for k, v in state.nets.items()}
    owned = dataclasses.replace(state, nets=nets)
    assert bytes_of(owned, mesh) <= MOST * bytes_of(owned)
    # Statistics are whole: there is little of them.
    assert bytes_of(state, mesh) <= MOST * bytes_of(state)
    assert bytes_of(state) > 3 * bytes_of([net.params for net in state.nets.values()])


def small(kind, dtype):
    """cifar10_resnet20 and cifar10_sngan_cond with two blocks; averages of both."""
    if kind == "classification":
        config = configs.read("cifar10_resnet20")
        config.model.update(stage_sizes=(1, 1), width=32, dtype=dtype)
        config.optim.weight_decay = 0.0  # the momentum of step 1 is its gradient
    else:
        config = configs.read("cifar10_sngan_cond")
        config.task.update(n_critic=1, generator_batches=1)
        # In float32 a ReLU makes much of a rounding: it passes a gradient or not.
        act = "relu" if dtype == "float64" else "silu"
        fields = dict(width=16, bottom=SIDE // 2, dtype=dtype, act=act)
        config.generator = dict(name="sngan_generator", latent_size=16, **fields)
        config.discriminator = dict(
            name="sngan_discriminator", extra_blocks=1, **fields
        )
    config.batch_size, config.task.ema_decay = BATCH, 0.9
    return configs.from_json(configs.to_json(config))


def batches(draws, steps):
    rng = np.random.default_rng(0)
    for _ in range(steps):
        image = rng.integers(0, 256, (draws * BATCH, SIDE, SIDE, 3), dtype=np.uint8)
        label = rng.integers(0, SPEC.num_classes, draws * BATCH).astype(np.int32)
        yield {"image": image, "label": label}


def train(task, mode, mesh, steps):
    """The state after some steps, and the text of the program."""
    key, step = jax.random.key(1), None
    places = layout(jax.eval_shape(task.init, key, SPEC.batch(1)), mesh)
    state = jax.jit(task.init, out_shardings=places)(key, SPEC.batch(1))
    for i, batch in enumerate(batches(task.draws, steps)):
        inputs = place(batch, mesh, mode, task.draws), jax.random.fold_in(key, i)
        if step is None:
            lowered = compile_step(task.train_step, mesh, mode).lower(state, *inputs)
            step = lowered.compile(HURRIED)
        before = state
        state, _ = step(state, *inputs)
        weights = [(net.params, net.ema) for net in before.nets.values()]
        assert all(x.is_deleted() for x in jax.tree.leaves(weights))
    for x, expected in zip(*map(jax.tree.leaves, (state, places)), strict=True):
        assert x.sharding == expected
    return state, step.as_text()


def there_and_back(state, one, many, folder):
    """Saves split weights, reads them onto one device, saves, and reads them split."""
    descriptions = []
    for number, (_, target) in enumerate(((many, one), (one, many))):
        checkpoints = Checkpoints(folder / str(number))
        checkpoints.save(state, {})
        checkpoints.wait()
        like = jax.eval_shape(lambda x: x, state)
        step = int(state.step)
        read = checkpoints.restore(step, like, layout(like, target))
        descriptions.append(checkpoints.describe(step)["leaves"])
        for a, b in zip(*map(jax.tree.leaves, (state, read)), strict=True):
            np.testing.assert_array_equal(a, b, strict=True)
            assert len(b.sharding.device_set) == target.size
        state = read
    assert descriptions[0] == descriptions[1]


def main(kind, dtype, folder):
    folder = pathlib.Path(folder)
    task, found = build_task(small(kind, dtype), SPEC), {}
    one = make_mesh(1)
    many = make_mesh(BATCH, "fsdp", GROUP[dtype])
    assert (one.size, many.size) == (1, DEVICES)
    for name, mode, mesh in (("one", "jit", one), ("many", "fsdp", many)):
        state, program = train(task, mode, mesh, STEPS[dtype])
        flat, _ = jax.tree_util.tree_flatten_with_path(state.nets)
        found |= {f"{name}:{jax.tree_util.keystr(k)}": x for k, x in flat}
    if kind == "classification" and dtype == "float64":
        there_and_back(state, one, many, folder)
    found["program"] = program
    owned = [(n.params, n.opt_state, n.ema) for n in state.nets.values()]
    first = jax.devices()[0]
    found["kept"] = sum(
        shard.data.nbytes
        for x in jax.tree.leaves(owned)
        for shard in x.addressable_shards
        if shard.device == first
    )
    found["total"] = bytes_of(owned)
    np.savez(folder / "found.npz", **found)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """(kind, dtype) -> what main found, made when it is first asked for."""
    known = {}

    def get(*names):
        if names not in known:
            folder = tmp_path_factory.mktemp("-".join(names))
            # Not by jax.enable_x64: that is of one thread, and Orbax reads in others.
            wide = {"JAX_ENABLE_X64": str(int("float64" in names))}
            options = {"program": (__file__,), "devices": DEVICES, "environment": wide}
            child = start(*names, folder, **options)
            finish(child, seconds=400)
            known[names] = dict(np.load(folder / "found.npz"))
        return known[names]

    return get


KINDS = pytest.mark.parametrize("kind", ["classification", "gan"])


def pairs(found, part=""):
    """{name: (on one device, on eight)} of the leaves with a part in their name."""
    names = [key[4:] for key in found if key.startswith("one:") and part in key]
    return {name: (found[f"one:{name}"], found[f"many:{name}"]) for name in names}


def assert_same(found, tolerance):
    for name, (one, many) in found.items():
        assert one.dtype == many.dtype
        size = np.abs(one).max()
        if ABSORBED.search(name):
            assert max(size, np.abs(many).max()) < tolerance, name
        else:
            np.testing.assert_allclose(many, one, 0, tolerance * size, err_msg=name)


@pytest.mark.slow
@KINDS
def test_ten_steps_are_the_same(trained, kind):
    found = pairs(trained(kind, "float64"))
    assert len(found) > 40
    assert_same(found, TOLERANCES["float64"])


@pytest.mark.slow
@KINDS
def test_a_gradient_is_the_same(trained, kind):
    """The first moment after one step is the gradient."""
    part = ".trace" if kind == "classification" else ".mu"
    gradients = pairs(trained(kind, "float32"), part)
    assert len(gradients) > 15 and all(one.any() for one, _ in gradients.values())
    assert_same(gradients, TOLERANCES["float32"])


@pytest.mark.slow
def test_a_device_keeps_an_eighth(trained):
    found = trained("classification", "float64")
    assert found["total"] / DEVICES < found["kept"] <= MOST * found["total"]
    # Two groups of four: a quarter.
    found = trained("classification", "float32")
    assert 1 / 4 < found["kept"] / found["total"] <= 2 * MOST


@pytest.mark.slow
@pytest.mark.parametrize("dtype", STEPS)
@KINDS
def test_only_weights_are_gathered_and_gradients_reduced(trained, kind, dtype):
    """On CPUs a part of a sum is an all-reduce and a slice, not a reduce-scatter."""
    found = trained(kind, dtype)
    weights = {name: one for name, (one, _) in pairs(found, "].params").items()}
    # A discriminator judges twice: before its update, and for the generator.
    judge = sum(x.nbytes for name, x in weights.items() if "discriminator" in name)
    total = sum(x.nbytes for x in weights.values())
    program = str(found["program"])
    for each in collectives(program):
        if each.kind == "all-gather":
            sizes = {math.prod(shape) for _, shape in each.arrays}
            assert sizes <= {x.size for x in weights.values()}, each
    exchanged = moved(program)
    assert 0.95 * (total + judge) < exchanged.pop("all-gather") <= total + judge
    # Beside gradients there are statistics, and an upsampling's kernel is larger.
    reduced = exchanged.pop("all-reduce") / total
    assert 0.95 < reduced < {"classification": 1.1, "gan": 1.4}[kind]
    assert not any(exchanged.values())


if __name__ == "__main__":
    main(*sys.argv[1:])
