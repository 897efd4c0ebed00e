"""CIFAR-10 in seconds: airbench94 with Muon (Jordan 2024, arXiv:2404.00498).

    resnet-jax prepare --dataset=cifar10 --from=FOLDER
    resnet-jax train --config=cifar10_speedrun --workdir=runs/cifar10_speedrun

FOLDER holds the binary archive of CIFAR-10; nothing is downloaded. The numbers are
those of airbench94_muon.py in github.com/KellerJordan/cifar10-airbench. The whole run,
from the whitening kernel to the evaluation, is one compiled program with the data on
the device; the statistics of 40 seeds, eight of them side by side in one program:

    --config.speedrun.seeds=40 --config.speedrun.together=8

cifar10_speedrun:small is for a CPU: a quarter of the width and of the batch, one epoch.

Timed is one dispatch of that program, from images and labels on the device to the
accuracies; compilation is told beside it. There is nothing to resume: an interrupted
run of seconds starts again. tests/benchmarks/speedrun_torch.py is the same recipe in
PyTorch, and prints the same table.
Departs from airbench: weights are float32 and convolutions bfloat16 (there float16).
Result: published 94.01 % test accuracy in 2.59 s on an A100 (its README);
ours: see results/cifar10_speedrun.json.
"""

from resnet_jax.config import new_config, smoke

EXAMPLES = 50_000


def get_config(variant=""):
    config = new_config()
    config.batch_size = {"small": 500, "smoke": 8}.get(variant, 2000)
    epoch = EXAMPLES // config.batch_size
    config.total_steps = epoch if variant == "small" else 8 * epoch
    config.task = dict(name="classification", label_smoothing=0.2)
    config.model = dict(name="airbench94", dtype="bfloat16")
    cpu = variant in ("small", "smoke")
    if cpu:
        config.model = dict(name="airbench94", widths=(16, 64, 64))
    # Published rates and decays are of a sum over the batch; the loss is a mean.
    kernel, bias, head = 0.24, 0.053 * config.batch_size, 0.67 * config.batch_size
    decay = 2e-6 * config.batch_size
    sgd = dict(optimizer="sgd", momentum=0.85)
    # The bias of the whitening convolution learns in the first three epochs of eight.
    first = dict(rate=bias, steps=config.total_steps * 3 // 8)
    config.optim = dict(
        name="muon",
        momentum=0.6,
        iterations=3,
        renormalize=True,
        dtype=None if cpu else "bfloat16",
        groups=(
            dict(match=("whiten/bias",), weight_decay=decay / bias, **first, **sgd),
            dict(match=("*/bias",), ratio=bias / kernel, weight_decay=decay / bias)
            | sgd,
            dict(match=("fc/*",), ratio=head / kernel, weight_decay=decay / head) | sgd,
        ),
        schedule=dict(name="linear", base=kernel),
    )
    config.speedrun = dict(pad=2, flip="alternating", whiten=5000, tta=2)
    config.data = dict(
        source=dict(name="tfds", dataset="cifar10", in_memory=True),
        train=dict(split="train", transforms=dict()),
        evals=dict(test=dict(split="test", transforms=dict())),
        mean=(0.4914, 0.4822, 0.4465),
        std=(0.2470, 0.2435, 0.2616),
    )
    return smoke(config) if variant == "smoke" else config
