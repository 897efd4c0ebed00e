"""Steps of the smoke configs in this checkout and in another one, compared.

    python tests/benchmarks/drift.py OTHER_CHECKOUT [--configs=NAME,NAME] [--steps=20]

Weights after the steps in float64, and every gradient of the first step in float32: of
each the largest difference of any leaf, relative to the leaf's largest number. Between
versions that compute the same, these are roundings: about 1e-12 and 1e-6. Leaves whose
gradients are nothing but rounding, as those of biases before a norm, are left out.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

HERE = pathlib.Path(__file__).parents[2]
CONFIGS = (
    "cifar10_dcgan,cifar10_r3gan,cifar10_resnet20,cifar10_resnet18,cifar10_sngan_cond,digits_gan,"
    "facades_pix2pix,horse2zebra_cut,horse2zebra_cyclegan,imagenet_resnet50,"
    "imagenet_resnet50_a2,photos_srresnet_x4,train400_dncnn25"
)
NETWORKS = ("model", "generator", "discriminator")


def dump(name: str, steps: int, wide: bool, file: str) -> None:
    """Trains in this process, with the package that PYTHONPATH names."""
    import jax

    from resnet_jax import config as configs
    from resnet_jax import state as updates
    from resnet_jax.parallel import make_mesh, place
    from resnet_jax.plan import keys
    from resnet_jax.run import build_data, build_task
    from resnet_jax.tasks.base import compile_train_step

    try:
        from resnet_jax.compiler import compiler_options

        asked = compiler_options()
    except ImportError:  # versions before it asked for nothing
        asked = None

    config = configs.read(f"{name}:smoke")
    config.total_steps = 20
    config.data.evals = {}
    for network in NETWORKS:
        if config.get(network):
            config[network].dtype = "float64" if wide else "float32"
    plain = configs.from_json(configs.to_json(config))
    data = build_data(plain)
    task = build_task(plain, data.spec)
    gradients = []
    accumulate = updates.accumulate

    def recorded(*arguments):
        grads, *rest = accumulate(*arguments)
        jax.debug.callback(gradients.append, grads, ordered=True)
        return grads, *rest

    if not wide:
        updates.accumulate = recorded
    mesh, key = make_mesh(plain["batch_size"]), keys(0)
    state = jax.jit(task.init)(key["init"], data.spec.batch(1))
    step = None
    batches = data.train(0, draws=task.draws)
    for _ in range(steps):
        batch = place(next(batches), mesh, "jit", task.draws)
        arguments = state, batch, key["train"]
        if step is None:
            step = compile_train_step(task, mesh, "jit").lower(*arguments)
            step = step.compile(asked)
        state, _ = step(*arguments)
    jax.effects_barrier()
    found = {k: v.params for k, v in state.nets.items()} if wide else gradients
    leaves, _ = jax.tree_util.tree_flatten_with_path(found)
    np.savez(file, **{jax.tree_util.keystr(k): x for k, x in leaves})


def path(key: str) -> str:
    """Of a leaf in its network, without that network's name or number."""
    return key.partition("]")[2]


def compare(
    name: str, steps: int, wide: bool, other: str, folder: str, left_out: set[str]
) -> float:
    """The largest relative difference of any leaf; adds to those that are left out."""
    dumps = []
    for number, root in enumerate((HERE, other)):
        file = f"{folder}/{number}.npz"
        environment = {
            **os.environ,
            "PYTHONPATH": str(root),
            "JAX_ENABLE_X64": str(int(wide)),
            "JAX_PLATFORMS": "cpu",
        }
        arguments = ["--dump", file, "--configs", name, "--steps", str(steps)]
        subprocess.run(
            [sys.executable, __file__, *arguments, "--wide", str(int(wide))],
            env=environment,
            cwd=root,
            check=True,
        )
        dumps.append(dict(np.load(file)))
    mine, theirs = dumps
    assert mine.keys() == theirs.keys() and mine
    worst, most = 0.0, max(np.abs(x).max() for x in theirs.values())
    if not wide:
        left_out |= {
            path(k) for k, x in theirs.items() if np.abs(x).max() < 1e-6 * most
        }
    for key, x in mine.items():
        assert np.isfinite(x).all() and np.isfinite(theirs[key]).all(), key
        if (size := np.abs(theirs[key]).max()) and path(key) not in left_out:
            assert x.dtype == theirs[key].dtype == ("float64" if wide else "float32")
            worst = max(worst, np.abs(x - theirs[key]).max() / size)
    return worst


def main() -> None:
    """Prints a line for each config."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("other", nargs="?")
    parser.add_argument("--configs", default=CONFIGS)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--dump")
    parser.add_argument("--wide", type=int)
    options = parser.parse_args()
    if options.dump:
        dump(options.configs, options.steps, bool(options.wide), options.dump)
        return
    with tempfile.TemporaryDirectory() as folder:
        for name in options.configs.split(","):
            out: set[str] = set()
            gradients = compare(name, 1, False, options.other, folder, out)
            weights = compare(name, options.steps, True, options.other, folder, out)
            without = f", {len(out)} leaves left out" if out else ""
            print(f"{name:24} {weights:.1e} {gradients:.1e}{without}", flush=True)


if __name__ == "__main__":
    main()
