"""Horses to deer and back: a small CycleGAN of CIFAR-10, half an hour on two CPU cores.

    resnet-jax prepare --dataset=cifar10 --from=FOLDER
    resnet-jax train --config=cifar_horse2deer_cyclegan --workdir=runs/horse2deer

The game of Zhu et al. 2017, arXiv:1703.10593, between two classes of 5,000 images of
32 x 32 pixels. FOLDER holds CIFAR-10's files; nothing is downloaded. Distances are of
pixels, or in the features of a classifier's run RUN, such as that of cifar10_resnet20,
which then also tells how many translated horses it takes for deer:

    --config.features.source=RUN --config.features.classes=(7,4)

Result: published none for this data;
ours: see results/cifar_horse2deer_cyclegan.json.
"""

from resnet_jax.config import new_config, smoke


def get_config(variant=""):
    config = new_config()
    config.batch_size = 8
    config.total_steps = 6000
    config.task = dict(
        name="unpaired",
        loss="lsgan",
        cycle=10.0,
        identity=0.0,
        pool_size=50,
        ema_decay=0.999,
        ema_warmup=True,
    )
    config.generator = dict(name="cyclegan_resnet6", width=16, blocks=4)
    config.discriminator = dict(name="patchgan34", width=32)
    adam = dict(name="adam", b1=0.5)
    adam["schedule"] = dict(name="linear", base=2e-4, hold=3000)
    config.generator_optim = config.discriminator_optim = adam
    config.data = dict(
        source=dict(
            name="domains",
            source=dict(name="tfds", dataset="cifar10", in_memory=True),
            a="horse",
            b="deer",
        ),
        train=dict(split="train", transforms=dict(flip=dict())),
        evals=dict(
            horse=dict(split="testA", transforms={}),
            deer=dict(split="testB", transforms={}),
        ),
        mean=0.5,
        std=0.5,
    )
    config.best = ("deer/frechet_distance", "min")
    config.run.update(log_every=50, eval_every=1000, save_every=1000)
    return smoke(config) if variant == "smoke" else config
