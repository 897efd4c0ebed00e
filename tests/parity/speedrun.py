"""The speedrun recipe in JAX and in PyTorch, step by step from the same weights.

    python tests/parity/speedrun.py start.npz
    python tests/benchmarks/speedrun_torch.py --replay=start.npz --out=torch.npz
    python tests/parity/speedrun.py start.npz torch.npz

The first writes weights, images and draws of a narrow network in float32; the second,
which needs PyTorch, repeats its steps; the third compares losses, logits with test-time
augmentation, whitening kernel and Newton-Schulz, and prints the largest differences.
`--golden=FILE` keeps both for tests/test_speedrun_program.py.
"""

import argparse
import pathlib

import jax
import jax.numpy as jnp
import numpy as np

from resnet_jax import config as configs
from resnet_jax.muon import orthogonalize
from resnet_jax.nn.whitening import whitening_kernel
from resnet_jax.run import build_task
from resnet_jax.spec import DataSpec
from resnet_jax.speedrun_program import Program, Speedrun, reflect, views
from resnet_jax.tasks.base import pixels

EXAMPLES, BATCH, STEPS, WIDTHS = 96, 32, 6, (8, 16, 16)


def make_program() -> Program:
    config = configs.from_json(configs.to_json(configs.read("cifar10_speedrun:small")))
    config["model"]["widths"] = WIDTHS
    first, *rest = config["optim"]["groups"]
    first = {**first, "steps": STEPS // 2}
    config["optim"]["groups"] = (rescale(first), *map(rescale, rest))
    config.update(batch_size=BATCH, total_steps=STEPS)
    spec = DataSpec(
        shapes={"image": (32, 32, 3), "label": ()},
        dtypes={"image": "uint8", "label": "int32"},
        class_names=tuple("0123456789"),
        mean=config["data"]["mean"],
        std=config["data"]["std"],
        sizes={"train": EXAMPLES},
        transforms={},
        source="noise",
    )
    options = Speedrun(**config["speedrun"])
    return Program(build_task(config, spec), options, BATCH, STEPS)


def rescale(group: dict) -> dict:
    """Rates and decay of the config's batch size for the one here."""
    batch = configs.read("cifar10_speedrun:small").batch_size
    scale = {name: BATCH / batch for name in ("rate", "ratio") if name in group}
    return {**group, **{name: group[name] * by for name, by in scale.items()}}


def start() -> dict[str, np.ndarray]:
    """Images, labels, draws and weights."""
    rng = np.random.default_rng(0)
    # Neighbors alike, as in photographs, but not equal: a maximum must not be a tie.
    image = rng.integers(0, 200, (EXAMPLES, 8, 8, 3)).repeat(4, 1).repeat(4, 2)
    image = (image + rng.integers(0, 56, image.shape)).astype(np.uint8)
    label = rng.integers(0, 10, EXAMPLES).astype(np.int32)
    program = make_program()
    state, draws = jax.jit(program.begin)(0, {"image": image, "label": label})
    net = state.nets["model"]
    weights = {
        f"start/{'/'.join(p.key for p in path)}": np.asarray(x)
        for tree in (net.params, net.stats["constants"])
        for path, x in jax.tree_util.tree_leaves_with_path(tree)
    }
    return {
        "image": image,
        "label": label,
        "widths": np.asarray(WIDTHS),
        "whiten_steps": np.asarray(STEPS // 2),
        "matrix": rng.standard_normal((24, 60)).astype(np.float32),
        **{key: np.asarray(value) for key, value in draws.items()},
        **weights,
    }


def repeat(given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What speedrun_torch.py --replay writes, computed here."""
    program = make_program()
    task = program.task
    image, label = jnp.asarray(given["image"]), jnp.asarray(given["label"])
    state, _ = jax.jit(program.begin)(0, {"image": image, "label": label})

    def put(path, leaf):
        return jnp.asarray(given[f"start/{'/'.join(p.key for p in path)}"], leaf.dtype)

    net = state.nets["model"]
    constants = net.stats["constants"]
    net = net.replace(
        params=jax.tree_util.tree_map_with_path(put, net.params),
        stats={
            **net.stats,
            "constants": jax.tree_util.tree_map_with_path(put, constants),
        },
    )
    state = state.replace(nets={"model": net})
    step = jax.jit(program.step)
    images, losses = reflect(image, 2), []
    for i in range(STEPS):
        row = {key: given[key][i] for key in ("index", "shift", "flip")}
        state, scalars = step(state, row, 0, images, label)
        losses.append(scalars["loss"])
    predict = jax.jit(lambda x: task.predict(state, {"image": x})["logits"])
    kernel = whitening_kernel(pixels(image, task.mean, task.std))
    kernel = kernel.transpose(3, 2, 0, 1)
    return {
        "losses": np.stack(losses),
        "logits": np.asarray(sum(w * predict(x) for w, x in views(image, 2))),
        "plain_logits": np.asarray(predict(image)),
        "orthogonal": np.asarray(orthogonalize(jnp.asarray(given["matrix"]), 3)),
        "whitening": np.asarray(jnp.einsum("oijk,olmn->ijklmn", kernel, kernel)),
    }


def differences(here: dict, there: dict) -> dict[str, float]:
    """The largest difference of each array, relative to its largest value."""
    return {
        name: float(np.abs(here[name] - there[name]).max() / np.abs(there[name]).max())
        for name in here
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("start", type=pathlib.Path)
    parser.add_argument("torch", type=pathlib.Path, nargs="?")
    parser.add_argument("--golden", type=pathlib.Path)
    arguments = parser.parse_args()
    if arguments.torch is None:
        np.savez_compressed(arguments.start, **start())
    else:
        given = dict(np.load(arguments.start))
        there = dict(np.load(arguments.torch))
        here = repeat(given)
        print("losses here  ", *here["losses"], "\nlosses there ", *there["losses"])
        for name, difference in differences(here, there).items():
            print(f"{name:12}  {difference:.2e}")
        if arguments.golden:
            found = {f"torch/{name}": value for name, value in there.items()}
            np.savez_compressed(arguments.golden, **given, **found)
