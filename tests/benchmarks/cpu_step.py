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
from steps import images, ours

from resnet_jax.compiler import compiler_options

CASES = ("resnet20", "resnet18", "resnet50", "resnext50", "sngan", "r3gan", "edsr")


def serve(who, name, options, compiled):
    """Answers each line of the standard input, 0 (step) or 1 (forward), by seconds."""
    if who == "ours":
        functions = ours(name, images(name), options)
    else:
        import torch
        import torch_steps

        torch.set_num_threads(os.cpu_count())
        functions = torch_steps.build(name, images(name), compiled)
    for line in sys.stdin:
        run = functions[int(line)]
        jax.block_until_ready(run())  # to be warm, as in the middle of a run
        begin = time.perf_counter()
        jax.block_until_ready(run())
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
