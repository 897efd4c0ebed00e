"""Training steps and inference on the CPU, ours beside PyTorch's, in turn.

    pip install -e . torch && python tests/benchmarks/cpu_step.py

prints a table: medians of milliseconds, and the median of the ratios of pairs that ran
one after the other, in both orders. PyTorch runs eagerly in `channels_last`;
--compile=1 times torch.compile instead, whose compilation takes minutes.

Ours are the steps that `resnet-jax train` runs for the shipped configs (with the
batches below), augmentation of the input left out on both sides. With --plain=1 XLA gets
no options from us, with --x64=1 nothing is timed and the losses of 3 steps are printed.
"""

import argparse
import os
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import jax
import numpy as np

from configs import (
    cifar10_resnet18,
    cifar10_resnet20,
    cifar10_sngan,
    div2k_edsr_baseline_x4,
    imagenet_resnet50,
)
from resnet_jax import parallel
from resnet_jax.config import from_json, to_json
from resnet_jax.run import build_task
from resnet_jax.spec import DataSpec
from resnet_jax.tasks.base import compile_train_step

# Name: config, batch size, side of the images, classes, what differs from the recipe.
CASES = {
    "resnet20": (cifar10_resnet20, 128, 32, 10, {}),
    "resnet18": (cifar10_resnet18, 64, 32, 10, {}),
    "resnet50": (imagenet_resnet50, 32, 64, 1000, {}),
    "sngan": (cifar10_sngan, 16, 32, 0, {"n_critic": 1, "generator_batches": 1}),
    "edsr": (div2k_edsr_baseline_x4, 16, 192, 0, {"ema_decay": 0.0}),
}


def images(name):
    """A batch of random images and labels."""
    _, batch_size, side, classes, _ = CASES[name]
    random = np.random.default_rng(0)
    batch = {
        "image": random.integers(0, 256, (batch_size, side, side, 3), np.uint8),
        "index": np.arange(batch_size, dtype=np.int32),
    }
    if classes:
        batch["label"] = random.integers(0, classes, batch_size, np.int32)
    return batch


def ours(name, batch):
    """(step, forward) of a shipped config."""
    module, batch_size, side, classes, changes = CASES[name]
    config = module.get_config()
    config.batch_size = batch_size
    config.task.update(changes)
    config = from_json(to_json(config))
    mean, std = (
        (x,) * 3 if isinstance(x, float) else tuple(x)
        for x in (config["data"]["mean"], config["data"]["std"])
    )
    spec = DataSpec(
        shapes={"image": (side, side, 3), "label": (), "index": ()},
        dtypes={"image": "uint8", "label": "int32", "index": "int32"},
        class_names=tuple(map(str, range(classes))),
        **{"mean": mean, "std": std, "sizes": {"train": 50_000}},
        **{"transforms": {}, "source": "random"},
    )
    task = build_task(config, spec)
    mesh, key = parallel.make_mesh(batch_size), jax.random.key(0)
    state = jax.jit(lambda key: task.init(key, spec.batch(1)))(key)
    placed = parallel.place(batch, mesh, "jit", task.draws)
    if task.draws > 1:
        many = {k: np.repeat(v, task.draws, 0) for k, v in batch.items()}
        placed = parallel.place(many, mesh, "jit", task.draws)
    options = OPTIONS
    compiled = compile_train_step(task, mesh, "jit").lower(state, placed, key)
    compiled = compiled.compile(options)
    asked = {**batch, "latent": np.zeros((batch_size, 128), np.float32)}
    predict = jax.jit(lambda state, batch, key: task.predict(state, batch, key))
    prepared = task.prepare_eval(state, [placed], key)
    del asked
    predict = predict.lower(prepared, batch, key).compile(options)
    prepared = jax.tree.map(lambda x: x.copy(), prepared)

    def step():
        nonlocal state
        state, scalars = compiled(state, placed, key)
        return {k: float(v) for k, v in scalars.items() if k.endswith("loss")}

    return step, lambda: jax.block_until_ready(predict(prepared, batch, key))


def seconds(function):
    """Of one call."""
    begin = time.perf_counter()
    function()
    return time.perf_counter() - begin


def compare(mine, theirs, rounds):
    """Medians in ms, and the median ratio theirs / mine of pairs in both orders."""
    for function in (mine, theirs, mine, theirs):
        function()
    pairs = []
    for number in range(rounds):
        order = (mine, theirs) if number % 2 else (theirs, mine)
        times = [seconds(function) for function in order]
        pairs.append(times if number % 2 else times[::-1])
    own, other = (1e3 * statistics.median(x) for x in zip(*pairs, strict=True))
    return own, other, statistics.median(b / a for a, b in pairs)


def main():
    """Times what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", default=",".join(CASES))
    parser.add_argument("--rounds", type=int, default=9)
    for flag in ("compile", "plain", "x64"):
        parser.add_argument(f"--{flag}", type=int, default=0)
    arguments = parser.parse_args()
    global OPTIONS
    OPTIONS = None if arguments.plain else OPTIONS
    jax.config.update("jax_enable_x64", bool(arguments.x64))
    print(f"JAX {jax.__version__}, {os.cpu_count()} cores, options {OPTIONS}")
    for name in arguments.cases.split(","):
        batch = images(name)
        step, infer = ours(name, batch)
        if arguments.x64:
            print(name, *(step() for _ in range(3)))
            continue
        import torch
        import torch_steps

        torch.set_num_threads(os.cpu_count())
        their_step, their_infer = torch_steps.STEPS[name](batch, arguments.compile)
        for what, mine, theirs in (
            ("train", step, their_step),
            ("infer", infer, their_infer),
        ):
            own, other, ratio = compare(mine, theirs, arguments.rounds)
            print(f"{name:9} {what}  ours {own:8.1f} ms  torch {other:8.1f}  "
                  f"{ratio:.2f}x", flush=True)


YNN = "LIBRARY_FUSION_TYPE_DOT,LIBRARY_FUSION_TYPE_ELTWISE,LIBRARY_FUSION_TYPE_REDUCE"
OPTIONS = {"xla_cpu_experimental_ynn_fusion_type": YNN}

if __name__ == "__main__":
    main()
