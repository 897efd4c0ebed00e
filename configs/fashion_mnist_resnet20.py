"""ResNet-20 on Fashion-MNIST, after He et al. 2015 (arXiv:1512.03385, section 4.2).

    resnet-jax prepare --dataset=fashion_mnist --from=FOLDER
    resnet-jax train --config=fashion_mnist_resnet20 --workdir=runs/fashion

FOLDER holds the four idx files of Fashion-MNIST, gzipped or not; nothing is downloaded.
The recipe is the paper's for CIFAR-10, but 30 epochs of one cosine: no paper trains
this network on these images.
Result: published none (a WRN-40-4, 33 times as large, has 96.7 %, by
github.com/zalandoresearch/fashion-mnist);
ours: see results/fashion_mnist_resnet20.json.
"""

from resnet_jax.config import new_config, smoke


def get_config(variant=""):
    config = new_config()
    config.batch_size = 128  # section 4.2
    config.total_steps = 30 * (60_000 // 128)
    config.task = dict(name="classification")
    config.model = dict(name="resnet20")
    config.optim = dict(
        name="sgd",
        momentum=0.9,  # section 4.2
        weight_decay=1e-4,  # section 4.2
        decay="all",
        schedule=dict(name="cosine", base=0.1, warmup=400),
    )
    config.data = dict(
        source=dict(name="tfds", dataset="fashion_mnist", in_memory=True),
        train=dict(split="train", transforms=dict(pad_crop_flip=dict(pad=4))),
        evals=dict(test=dict(split="test", transforms=dict())),
        mean=(0.2860,),
        std=(0.3530,),
    )
    config.run.update(log_every=100, eval_every=2340, save_every=2340)
    return smoke(config) if variant == "smoke" else config
