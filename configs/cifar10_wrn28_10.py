"""WRN-28-10 on CIFAR-10 (Zagoruyko and Komodakis 2016, arXiv:1605.07146, section 3).

    resnet-jax prepare --dataset=cifar10 --from=FOLDER
    resnet-jax train --config=cifar10_wrn28_10 --workdir=runs/cifar10_wrn28_10

FOLDER holds the binary archive of CIFAR-10; nothing is downloaded.
`cifar10_wrn28_10:dropout` drops 30 % between the convolutions of a block (section 3.4).
Result: published 96.00 %, with dropout 96.11 %, medians of 5 runs
(github.com/szagoruyko/wide-residual-networks);
ours: see results/cifar10_wrn28_10.json and results/cifar10_wrn28_10-dropout.json.
"""

from resnet_jax.config import new_config, smoke


def get_config(variant=""):
    config = new_config()
    config.batch_size = 128  # section 3
    epoch = 50_000 // 128
    config.total_steps = 200 * epoch  # section 3
    config.task = dict(name="classification")
    config.model = dict(name="wrn28_10")
    if variant == "dropout":
        config.model.block_dropout = 0.3  # section 3.4
    config.optim = dict(
        name="sgd",
        momentum=0.9,  # section 3
        nesterov=True,  # section 3
        weight_decay=5e-4,  # section 3
        decay="all",
        schedule=dict(
            name="step",
            base=0.1,  # section 3
            boundaries=(60 * epoch, 120 * epoch, 160 * epoch),  # section 3
            factor=0.2,  # section 3
        ),
    )
    crop = dict(pad=4, mode="reflect")
    config.data = dict(
        source=dict(name="tfds", dataset="cifar10", in_memory=True),
        # Section 3: pixels beyond the border are reflections.
        train=dict(split="train", transforms=dict(pad_crop_flip=crop)),
        evals=dict(test=dict(split="test", transforms=dict())),
        mean=(0.4914, 0.4822, 0.4465),
        std=(0.2470, 0.2435, 0.2616),
    )
    config.run.update(log_every=100, eval_every=1950, save_every=1950)
    return smoke(config) if variant == "smoke" else config
