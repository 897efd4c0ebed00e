"""ResNet-20 that learns from a ResNet-56 on CIFAR-10 (Hinton et al., arXiv:1503.02531).

    resnet-jax prepare --dataset=cifar10 --from=FOLDER
    resnet-jax train --config=cifar10_resnet20_distill --workdir=runs/distill

FOLDER holds the binary archive of CIFAR-10; nothing is downloaded.
The teacher, resnet56-4bfd9763.th of github.com/akamaster/pytorch_resnet_cifar10
(93.39 %), lies in the current folder, or is named by --config.teacher.source=FILE; a
run folder of cifar10_resnet56 does as well.

The student's recipe is that of cifar10_resnet20, to be compared with it.
Temperature and weight are common choices (section 3 tries 1 to 20), not tuned ones.
Result: published none for this pair;
ours: see results/cifar10_resnet20_distill.json.
"""

from resnet_jax.config import new_config, smoke


def get_config(variant=""):
    config = new_config()
    config.batch_size = 128
    config.total_steps = 64_000
    config.task = dict(name="classification")
    config.model = dict(name="resnet20")
    config.teacher = dict(source="resnet56-4bfd9763.th", temperature=4.0, weight=0.9)
    config.optim = dict(
        name="sgd",
        momentum=0.9,
        weight_decay=1e-4,
        decay="all",
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
