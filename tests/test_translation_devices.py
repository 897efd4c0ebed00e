"""Restoration and translation do the same on one device and on eight.

The module is a program, too: a child process with eight devices trains both.
"""

import re
import sys

import jax
import numpy as np
import pytest
from command import finish, start
from jax.sharding import AxisType, Mesh

from resnet_jax import config as configs
from resnet_jax.parallel import AXIS, place, replicated
from resnet_jax.run import build_task
from resnet_jax.spec import DataSpec
from resnet_jax.tasks.base import compile_train_step

BATCH, STEPS, DEVICES = 8, 4, 8
SIDES = {"restoration": 24, "unpaired": 16}
TOLERANCES = {"float32": 1e-5, "float64": 1e-9}
# In float32 Adam with its usual epsilon makes steps of gradients that are rounding.
EPSILONS = {"float32": 1e-3, "float64": 1e-8}
# The instance norm behind these takes their bias away: its gradient is rounding.
ABSORBED = re.compile(
    r"(generator.*\['(stem|down\d|up\d|conv\d)'\]|discriminator.*\['conv2'\])\['bias'\]$"
)
# Such a program runs four times: it need not be a fast one.
HURRIED = {"xla_backend_optimization_level": 0}


def small(task, dtype):
    name = {"restoration": "photos_srresnet_x4", "unpaired": "horse2zebra_cyclegan"}
    config = configs.read(f"{name[task]}:smoke")
    config.batch_size = BATCH
    with config.ignore_type():
        if task == "restoration":
            config.model = dict(name="edsr_baseline_x2", blocks=1, width=8, dtype=dtype)
            # All that is drawn per image.
            config.degradation = dict(
                name="chain",
                parts=(
                    dict(name="blur", sigma=(0.2, 0.6)),
                    dict(name="downscale", factor=2),
                    dict(name="noise", sigma=(5.0, 20.0)),
                ),
            )
        else:
            config.generator.update(width=4, blocks=1, dtype=dtype)
            config.discriminator.update(name="patchgan16", layers=1, width=4)
            config.discriminator.dtype = dtype
            config.task.update(pool_size=12, ema_decay=0.9)
        for section in ("optim", "generator_optim", "discriminator_optim"):
            if section in config:
                config[section].eps = EPSILONS[dtype]
    return configs.from_json(configs.to_json(config))


def spec_of(task):
    side, names = SIDES[task], ("image",) if task == "restoration" else ("a", "b")
    unit = (0.0, 1.0) if task == "restoration" else (0.5, 0.5)
    return DataSpec(
        shapes={name: (side, side, 3) for name in names},
        dtypes=dict.fromkeys(names, "uint8"),
        class_names=(),
        mean=(unit[0],) * 3,
        std=(unit[1],) * 3,
        sizes={},
        transforms={},
        source="noise",
    )


def train(name, devices, dtype):
    """{path: array} of the scalars of all steps, the last networks and pools."""
    spec, key = spec_of(name), jax.random.key(1)
    task = build_task(small(name, dtype), spec)
    mesh = Mesh(jax.devices()[:devices], (AXIS,), axis_types=(AxisType.Auto,))
    state = jax.jit(task.init, out_shardings=replicated(mesh))(key, spec.batch(1))
    rng, rows, step = np.random.default_rng(0), [], None
    for _ in range(STEPS):
        batch = {
            name: rng.integers(0, 256, (BATCH, *shape), dtype=np.uint8)
            for name, shape in spec.shapes.items()
        }
        batch = place(batch, mesh)
        if step is None:
            lowered = compile_train_step(task, mesh, "jit").lower(state, batch, key)
            step = lowered.compile(HURRIED)
        state, scalars = step(state, batch, key)
        rows.append(jax.device_get(scalars))
    found = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    kept = jax.device_get((state.nets, state.memory))
    flat, _ = jax.tree_util.tree_flatten_with_path(kept)
    return found | {jax.tree_util.keystr(path): x for path, x in flat}


def main(dtype, file):
    found = {}
    with jax.enable_x64(dtype == "float64"):
        for name in SIDES:
            for devices in (1, DEVICES):
                values = train(name, devices, dtype)
                found |= {f"{name}:{devices}:{k}": x for k, x in values.items()}
    np.savez(file, **found)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """dtype -> {(task, devices): values by name}, when it is first asked for."""
    known = {}

    def get(dtype):
        if dtype not in known:
            file = tmp_path_factory.mktemp("runs") / "trained.npz"
            child = start(dtype, file, program=(__file__,), devices=DEVICES)
            finish(child, seconds=500)
            known[dtype] = {}
            for key, values in np.load(file).items():
                task, devices, name = key.split(":", 2)
                known[dtype].setdefault((task, int(devices)), {})[name] = values
        return known[dtype]

    return get


@pytest.mark.slow
@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("task", SIDES)
def test_one_device_and_eight_are_the_same(trained, task, dtype):
    one, eight = (trained(dtype)[task, n] for n in (1, DEVICES))
    assert one.keys() == eight.keys() and len(one) > 30
    tolerance = TOLERANCES[dtype]
    for name, wanted in one.items():
        found, size = eight[name], np.abs(wanted).max()
        assert found.dtype == wanted.dtype
        if ABSORBED.search(name):
            assert max(size, np.abs(found).max()) < tolerance, name
            continue
        # Adam's moments are of gradients: a ReLU may pass one, or not, by a rounding.
        rounded = dtype == "float32" and "opt_state" in name
        limit = tolerance * size * (10 if rounded else 1)
        np.testing.assert_allclose(found, wanted, 0, limit, err_msg=name)
    assert one["generator_loss" if task == "unpaired" else "loss"].dtype == dtype
    if task == "unpaired":
        assert one["[1]['a']['filled']"] == 12


if __name__ == "__main__":
    main(*sys.argv[1:])
