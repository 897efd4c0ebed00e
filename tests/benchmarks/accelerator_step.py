"""Training steps on an accelerator, ours beside PyTorch's, in turn, by batch size.

    pip install -e '.[cuda]' torch
    python tests/benchmarks/accelerator_step.py
    python tests/benchmarks/accelerator_step.py --cases=imagenet:512 --rounds=15

prints a row for each batch size: images per second of a training step (of the
discriminator's images for GANs), medians of --rounds turns in both orders, each of
--steps steps after one that is not timed, and the best of each contestant at the end.
ResNet-50 on 224 x 224 is `imagenet`; --cases names what else is timed, and its batch
sizes.

Ours are the steps that `resnet-jax train` runs for the shipped configs, augmentation
left out; PyTorch's are compiled with torch.compile (--compile=0: eager), in
`channels_last`, with fused optimizers and autocast. Each contestant is a process of its
own, which takes memory as it needs it. Batches lie on the device.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

CASES = "imagenet:128,256,512,1024;sngan:64,256;r3gan:256,512;edsr:16,64"
# The best images per second that are published for ResNet-50 on one H200.
PUBLISHED = 7_990
# Multiplications and additions of ResNet-50 at 224 x 224, forward and backward.
GFLOP = 3 * 2 * 4.089


def our_step(name, batch_size, dtype):
    """(a step, what waits for it)."""
    import jax
    from steps import images, ours

    from resnet_jax.compiler import compiler_options

    step, _ = ours(name, images(name, batch_size), compiler_options(), dtype)
    return step, jax.block_until_ready


def torch_step(name, batch_size, dtype, compiled):
    """(a step, what waits for it)."""
    import torch
    import torch_steps
    from steps import images

    on_gpu = torch.cuda.is_available()
    torch.set_default_device("cuda" if on_gpu else "cpu")
    torch.set_float32_matmul_precision("high")  # as JAX does by default
    torch.backends.cudnn.allow_tf32 = torch.backends.cudnn.benchmark = True
    batch = images(name, batch_size)
    step, _ = torch_steps.build(name, batch, compiled, getattr(torch, dtype))
    return step, lambda _: on_gpu and torch.cuda.synchronize()


def serve(options):
    """Says that it is ready, then answers each line by the seconds of --steps steps."""
    name, batch_size = options.serve[1], int(options.serve[2])
    if options.serve[0] == "ours":
        step, wait = our_step(name, batch_size, options.dtype)
    else:
        step, wait = torch_step(name, batch_size, options.dtype, options.compile)
    for _ in range(3):
        wait(step())
    answers, sys.stdout = sys.stdout, sys.stderr
    print("ready", file=answers, flush=True)
    for _ in sys.stdin:
        wait(step())
        begin = time.perf_counter()
        for _ in range(options.steps):
            result = step()
        wait(result)
        print(time.perf_counter() - begin, file=answers, flush=True)


class Contestant:
    """A process that steps when it is asked to."""

    def __init__(self, who, name, batch_size, arguments):
        command = [sys.executable, __file__, "--serve", who, name, str(batch_size)]
        environment = {**os.environ, "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(command + arguments, env=environment, **pipes)

    def answer(self):
        """The next line, '' of a process that has ended."""
        return self.process.stdout.readline().strip()

    def seconds(self):
        """Of so many steps, NaN where it has failed."""
        try:
            print(file=self.process.stdin, flush=True)
        except BrokenPipeError:
            return float("nan")
        return float(self.answer() or "nan")

    def close(self):
        """Ends the process, and frees its memory."""
        self.process.kill()
        self.process.wait()


def compare(name, batch_size, options, arguments):
    """Images per second of both."""
    both = [Contestant(w, name, batch_size, arguments) for w in ("ours", "torch")]
    for one in both:
        one.answer()
    times = [[], []]
    for turn in range(options.rounds):
        for number in (0, 1) if turn % 2 else (1, 0):
            times[number].append(both[number].seconds())
    for one in both:
        one.close()
    return [batch_size * options.steps / statistics.median(each) for each in times]


def main():
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", default=CASES)
    parser.add_argument("--dtype", default="bfloat16", choices=("bfloat16", "float32"))
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--compile", type=int, default=1)
    parser.add_argument("--serve", nargs=3)
    options = parser.parse_args()
    if options.serve:
        serve(options)
        return
    for case in options.cases.split(";"):
        name, _, sizes = case.partition(":")
        rates = []
        for batch_size in map(int, sizes.split(",")):
            rates.append(compare(name, batch_size, options, sys.argv[1:]))
            row(f"{name} {batch_size}", *rates[-1])
        best = [np.nanmax(each) for each in zip(*rates, strict=True)]
        row(f"{name}, best", *best)
        if name == "imagenet":
            print(
                f"ours {best[0] / PUBLISHED:.2f} of the best published,"
                f" {best[0] * GFLOP / 1e3:.0f} TFLOP/s of forward and backward"
            )


def row(title, mine, theirs):
    """One line of the table."""
    print(
        f"{title:16} ours {mine:9.1f} images/s  torch {theirs:9.1f}"
        f"  {mine / theirs:.2f}x",
        flush=True,
    )


if __name__ == "__main__":
    main()
