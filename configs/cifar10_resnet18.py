"""ResNet-18 with a CIFAR stem on CIFAR-10: the standard recipe.

    resnet-jax prepare --dataset=cifar10 --from=FOLDER
    resnet-jax train --config=cifar10_resnet18 --workdir=runs/cifar10_resnet18

FOLDER holds the binary archive of CIFAR-10; nothing is downloaded.
The network is that of github.com/kuangliu/pytorch-cifar, and the recipe the one that
most studies train it with: 200 epochs of one cosine from 0.1, weight decay 5e-4.
Result: published 96.0 % (github.com/KellerJordan/cifar10-airbench, its baseline
"standard ResNet-18 training");
ours: see results/cifar10_resnet18.json.
"""

from resnet_jax.config import new_config, smoke


def get_config(variant=""):
    config = new_config()
    config.batch_size = 128
    config.total_steps = 200 * (50_000 // 128)
    config.task = dict(name="classification")
    config.model = dict(name="cifar_resnet18")
    config.optim = dict(
        name="sgd",
        momentum=0.9,
        nesterov=True,
        weight_decay=5e-4,
        decay="all",
        schedule=dict(name="cosine", base=0.1),
    )
    config.data = dict(
        source=dict(name="tfds", dataset="cifar10", in_memory=True),
        train=dict(split="train", transforms=dict(pad_crop_flip=dict(pad=4))),
        evals=dict(test=dict(split="test", transforms=dict())),
        mean=(0.4914, 0.4822, 0.4465),
        std=(0.2470, 0.2435, 0.2616),
    )
    config.run.update(log_every=100, eval_every=1950, save_every=1950)
    return smoke(config) if variant == "smoke" else config
