"""Pre-activation ResNet-1001 on CIFAR-10 (He et al. 2016, arXiv:1603.05027, section 4).

    resnet-jax prepare --dataset=cifar10 --from=FOLDER
    resnet-jax train --config=cifar10_preact1001 --workdir=runs/cifar10_preact1001

FOLDER holds the binary archive of CIFAR-10; nothing is downloaded.
`cifar10_preact1001:64` is the recipe of github.com/KaimingHe/resnet-1k-layers, a batch
of 64 for 200 epochs, which its authors found slightly better.
Departs from the paper: mean and deviation per channel instead of the mean image.
Result: published 95.08 %, batch 64 95.38 % (github.com/KaimingHe/resnet-1k-layers; the
paper's table 4 has 95.11 +- 0.14 and 95.31 +- 0.20 %);
ours: see results/cifar10_preact1001.json and results/cifar10_preact1001-64.json.
"""

from resnet_jax.config import new_config, smoke


def get_config(variant=""):
    config = new_config()
    config.task = dict(name="classification")
    config.model = dict(name="preact_resnet1001")
    # The paper's appendix: 0.01 for the first 400 steps, then as for ResNet-20.
    config.batch_size, config.total_steps = 128, 64_000
    drops, warm = (32_000, 48_000), 400
    if variant == "64":
        epoch = 50_000 // 64
        config.batch_size, config.total_steps = 64, 200 * epoch
        # fb.resnet.torch, train.lua: from epochs 81 and 122 on; no slow start.
        drops, warm = (81 * epoch, 122 * epoch), 0
    schedule = dict(name="step", base=0.1, boundaries=drops)
    if warm:
        values = (0.01, 0.1, 0.01, 0.001)
        schedule = dict(name="piecewise", values=values, boundaries=(warm, *drops))
    config.optim = dict(
        name="sgd",
        momentum=0.9,  # the paper's appendix
        nesterov=variant == "64",  # fb.resnet.torch, train.lua
        weight_decay=1e-4,  # the paper's appendix
        decay="all",
        schedule=schedule,
    )
    config.data = dict(
        source=dict(name="tfds", dataset="cifar10", in_memory=True),
        train=dict(split="train", transforms=dict(pad_crop_flip=dict(pad=4))),
        evals=dict(test=dict(split="test", transforms=dict())),
        mean=(0.4914, 0.4822, 0.4465),
        std=(0.2470, 0.2435, 0.2616),
    )
    config.run.update(log_every=100, eval_every=2000, save_every=2000)
    return smoke(config) if variant == "smoke" else config
