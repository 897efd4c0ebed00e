"""Training steps and inference on the CPU, ours beside PyTorch's, in turn.

    pip install -e . torch
    GLIBC_TUNABLES=glibc.malloc.hugetlb=1 python tests/benchmarks/cpu_step.py

prints a table: medians of milliseconds, and the median of the ratios of pairs that ran
one after the other, in both orders, in two processes, each after a call that is not
timed. Both have large pages, which `resnet-jax` takes by itself. PyTorch runs eagerly
in `channels_last`; --compile=1 times torch.compile, whose compilation takes minutes.

Ours are the steps that `resnet-jax train` runs for the shipped configs (with the
batches below), augmentation of the input left out on both sides. --fusion names what
XLA's library of kernels takes on (DOT, ELTWISE, REDUCE), '' nothing, by default what
`train` asks for.
"""

import argparse
import os
import statistics
import subprocess
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
from resnet_jax.compiler import compiler_options
from resnet_jax.config import from_json, to_json
from resnet_jax.parallel import make_mesh, place
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

# What networks take that are not fed with images from files.
OTHER_INPUTS = {
    "sngan": {"latents": np.ones((16, 128), np.float32)},
    "edsr": {"input": np.ones((16, 48, 48, 3), np.float32)},
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


def ours(name, batch, options):
    """(step, forward) of a shipped config."""
    module, batch_size, side, classes, changes = CASES[name]
    config = module.get_config()
    config.batch_size = batch_size
    config.task.update(changes)
    if "model" in config:
        config.model.dtype = "float32"  # as PyTorch's; imagenet_resnet50 asks for less
    config = from_json(to_json(config))
    spec = DataSpec(
        shapes={"image": (side, side, 3), "label": (), "index": ()},
        dtypes={"image": "uint8", "label": "int32", "index": "int32"},
        class_names=tuple(map(str, range(classes))),
        mean=per_channel(config["data"]["mean"]),
        std=per_channel(config["data"]["std"]),
        sizes={"train": 50_000},
        transforms={},
        source="random",
    )
    task = build_task(config, spec)
    mesh, key = make_mesh(batch_size), jax.random.key(0)
    state = jax.jit(lambda key: task.init(key, spec.batch(1)))(key)
    many = {k: np.repeat(v, task.draws, 0) for k, v in batch.items()}
    placed = place(many, mesh, "jit", task.draws)
    compiled = compile_train_step(task, mesh, "jit").lower(state, placed, key)
    compiled = compiled.compile(options)
    predict = jax.jit(task.predict, compiler_options=options)
    asked = {**batch, **OTHER_INPUTS.get(name, {})}
    prepared = task.prepare_eval(state, [placed], key)
    prepared = jax.tree.map(lambda x: x.copy(), prepared)  # a step donates its state

    def step():
        nonlocal state
        state, scalars = compiled(state, placed, key)
        jax.block_until_ready(scalars)

    return step, lambda: jax.block_until_ready(predict(prepared, asked, key))


def per_channel(value):
    """Three numbers of one or of three."""
    return (value,) * 3 if isinstance(value, float) else tuple(value)


def serve(who, name, options, compiled):
    """Answers each line of the standard input, 0 (step) or 1 (forward), by seconds."""
    if who == "ours":
        functions = ours(name, images(name), options)
    else:
        import torch
        import torch_steps

        torch.set_num_threads(os.cpu_count())
        functions = torch_steps.STEPS[name](images(name), compiled)
    for line in sys.stdin:
        functions[int(line)]()  # to be warm, as in the middle of a run
        begin = time.perf_counter()
        functions[int(line)]()
        print(time.perf_counter() - begin, flush=True)


class Contestant:
    """A process of its own: in one, each would wait for the other's threads."""

    def __init__(self, who, name, arguments):
        command = [sys.executable, __file__, "--serve", who, "--cases", name]
        command += [x for x in arguments if x.startswith(("--fusion", "--compile"))]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(command, **pipes)

    def seconds(self, number):
        """Of a step (0) or a forward pass (1), when the other one's threads sleep."""
        time.sleep(0.3)
        self.process.stdin.write(f"{number}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def compare(mine, theirs, number, rounds):
    """Medians in ms, and the median ratio theirs / mine of pairs in both orders."""
    for one in (mine, theirs, mine, theirs):
        one.seconds(number)
    pairs = []
    for turn in range(rounds):
        order = (mine, theirs) if turn % 2 else (theirs, mine)
        times = [one.seconds(number) for one in order]
        pairs.append(times if turn % 2 else times[::-1])
    own, other = (1e3 * statistics.median(x) for x in zip(*pairs, strict=True))
    return own, other, statistics.median(b / a for a, b in pairs)


def main():
    """Times what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", default=",".join(CASES))
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--compile", type=int, default=0)
    parser.add_argument("--fusion")
    parser.add_argument("--serve", choices=("ours", "torch"))
    arguments = parser.parse_args()
    options = compiler_options()
    if arguments.fusion is not None:
        kinds = [f"LIBRARY_FUSION_TYPE_{k}" for k in arguments.fusion.split(",") if k]
        options = {"xla_cpu_experimental_ynn_fusion_type": ",".join(kinds)}
        options = options if kinds else {}
    if arguments.serve:
        serve(arguments.serve, arguments.cases, options, arguments.compile)
        return
    print(f"JAX {jax.__version__}, {os.cpu_count()} cores, options {options}")
    for name in arguments.cases.split(","):
        both = [Contestant(who, name, sys.argv[1:]) for who in ("ours", "torch")]
        for number, what in enumerate(("train", "infer")):
            own, other, ratio = compare(*both, number, arguments.rounds)
            times = f"ours {own:8.1f} ms  torch {other:8.1f}"
            print(f"{name:9} {what}  {times}  {ratio:.2f}x", flush=True)
        for one in both:
            one.close()


if __name__ == "__main__":
    main()
