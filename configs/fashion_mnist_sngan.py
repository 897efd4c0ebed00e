"""Clothes by class: a small SNGAN of Fashion-MNIST, within an hour on two CPU cores.

    resnet-jax prepare --dataset=fashion_mnist --from=FOLDER
    resnet-jax train --config=fashion_mnist_sngan --workdir=runs/fashion_mnist_sngan

FOLDER holds the four idx files of Fashion-MNIST; nothing is downloaded. Networks of
Miyato and Koyama 2018, arXiv:1802.05637, made small, that begin with 7 x 7 positions. A
step has one update of the discriminator, which learns faster instead (Heusel et al.
2017, arXiv:1706.08500); weights are averaged.

Distances are of pixels, or in the features of a classifier's run RUN, such as that of
fashion_mnist_resnet20:

    --config.features.source=RUN

Result: published none for this network;
ours: see results/fashion_mnist_sngan.json.
"""

from resnet_jax.config import new_config, smoke


def get_config(variant=""):
    config = new_config()
    config.batch_size = 64
    config.total_steps = 5000
    config.task = dict(
        name="gan",
        loss="hinge",
        conditional=True,
        ema_half_life=20_000,
        ema_ramp=0.2,
        dequantize=True,
    )
    config.generator = dict(
        name="sngan_generator", bottom=7, latent_size=64, width=(64, 32)
    )
    config.discriminator = dict(
        name="sngan_discriminator", bottom=7, width=(32, 64, 64), extra_blocks=1
    )
    adam = dict(name="adam", b1=0.0, b2=0.9)
    config.generator_optim = dict(schedule=dict(name="linear", base=2e-4), **adam)
    config.discriminator_optim = dict(schedule=dict(name="linear", base=4e-4), **adam)
    config.data = dict(
        source=dict(name="tfds", dataset="fashion_mnist", in_memory=True),
        train=dict(split="train", transforms=dict()),
        evals=dict(
            reference=dict(split="train[:10000]", transforms=dict()),
            test=dict(split="test", transforms=dict()),
        ),
        mean=(0.5,),
        std=(0.5,),
    )
    config.best = ("test/frechet_distance", "min")
    config.run.update(log_every=50, eval_every=1000, save_every=1000)
    return smoke(config, size=28) if variant == "smoke" else config
