"""ResNet-32 on CIFAR-10 (He et al. 2015, arXiv:1512.03385, section 4.2).

    resnet-jax prepare --dataset=cifar10 --from=FOLDER
    resnet-jax train --config=cifar10_resnet32 --workdir=runs/cifar10_resnet32

FOLDER holds the binary archive of CIFAR-10; nothing is downloaded. An npz file with
x_train, y_train, x_test and y_test does as well, without preparing:

    --config.data.source=none --config.data.source.name=npz
    --config.data.source.path=cifar10.npz

Departs from the paper: mean and deviation per channel instead of the mean image.
Result: published 92.49 % test accuracy (table 6);
ours: see results/cifar10_resnet32.json.
"""

from resnet_jax.config import new_config, smoke


def get_config(variant=""):
    config = new_config()
    config.batch_size = 128  # section 4.2
    config.total_steps = 64_000  # section 4.2
    config.task = dict(name="classification")
    config.model = dict(name="resnet32")
    config.optim = dict(
        name="sgd",
        momentum=0.9,  # section 4.2
        weight_decay=1e-4,  # section 4.2
        decay="all",
        # Section 4.2: divided by 10 at 32k and 48k steps.
        schedule=dict(name="step", base=0.1, boundaries=(32_000, 48_000)),
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
