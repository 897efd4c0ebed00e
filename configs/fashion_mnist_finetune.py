"""A ResNet-56 of CIFAR-10 taken over to Fashion-MNIST, in a few hundred steps.

    resnet-jax prepare --dataset=fashion_mnist --from=FOLDER
    resnet-jax train --config=fashion_mnist_finetune --workdir=runs/finetune

FOLDER holds the four idx files of Fashion-MNIST; nothing is downloaded. The network,
resnet56-4bfd9763.th of github.com/akamaster/pytorch_resnet_cifar10, lies in the current
folder, or is named by --config.init_from=FILE. Its first convolution is summed over the
colors.

All of it is trained; `fashion_mnist_finetune:frozen` trains the head alone, and
`fashion_mnist_finetune:scratch` begins with random weights, for as many steps.
Result: published none;
ours: see results/fashion_mnist_finetune.json, its -frozen.json and its -scratch.json.
"""

from resnet_jax.config import new_config, smoke


def get_config(variant=""):
    config = new_config()
    config.batch_size = 32
    config.total_steps = 250
    config.task = dict(name="classification")
    config.model = dict(name="resnet56")
    config.init_from = "resnet56-4bfd9763.th"
    rate = 0.02
    if variant == "frozen":
        config.model.frozen_stages = 3
        rate = 0.1
    if variant == "scratch":
        config.init_from, rate = "", 0.1
    config.optim = dict(
        name="sgd",
        momentum=0.9,
        nesterov=True,
        weight_decay=1e-4,
        schedule=dict(name="cosine", base=rate, warmup=25),
    )
    config.data = dict(
        source=dict(name="tfds", dataset="fashion_mnist", in_memory=True),
        train=dict(split="train", transforms=dict(pad_crop_flip=dict(pad=2))),
        evals=dict(test=dict(split="test", transforms=dict())),
        mean=(0.2860,),
        std=(0.3530,),
    )
    config.run.update(log_every=25, eval_every=0, save_every=0)
    return smoke(config) if variant == "smoke" else config
