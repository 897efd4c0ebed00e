"""BigGAN of CIFAR-10 (Brock et al. 2018, arXiv:1809.11096).

    resnet-jax prepare --dataset=cifar10 --from=FOLDER
    resnet-jax train --config=cifar10_biggan --workdir=runs/cifar10_biggan

FOLDER holds the binary archive of CIFAR-10; nothing is downloaded. The networks and
the numbers are those of github.com/POSTECH-CVLab/PyTorch-StudioGAN,
configs/CIFAR10/BigGAN.yaml.

Distances are of pixels. For those in the features of a classifier's run RUN, and for
FID with the weights of Inception:

    --config.features.source=RUN
    --config.features.source=inception --config.best="('reference/fid','min')"

Result: published FID 4.16 and inception score 9.96 (50,000 generated images beside the
training images, StudioGAN's benchmark); 9.59 and 9.06 (10,000 of each, the test images,
mit-han-lab/data-efficient-gans, with networks of its own);
ours: see results/cifar10_biggan.json.
"""

from resnet_jax.config import new_config, smoke


def get_config(variant=""):
    config = new_config()
    config.batch_size = 64
    config.total_steps = 100_000
    config.task = dict(
        name="gan",
        loss="hinge",
        conditional=True,
        n_critic=5,
        # An average of decay 0.9999, from step 1000 on: 320 images are a step.
        ema_half_life=dict(
            name="piecewise", values=(0.0, 2_217_953.0), boundaries=(320_000,)
        ),
        standing=100,
    )
    config.generator = dict(name="biggan_generator", latent_size=80, width=384)
    config.discriminator = dict(name="biggan_discriminator", width=192)
    adam = dict(
        name="adam",
        b1=0.5,
        b2=0.999,
        eps=1e-6,
        schedule=dict(name="constant", base=2e-4),
    )
    config.generator_optim = config.discriminator_optim = adam
    config.data = dict(
        source=dict(name="tfds", dataset="cifar10", in_memory=True),
        train=dict(split="train", transforms=dict(flip=dict())),
        evals=dict(
            reference=dict(split="train", transforms=dict()),
            test=dict(split="test", transforms=dict()),
        ),
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
    )
    config.best = ("reference/frechet_distance", "min")
    config.run.update(log_every=100, eval_every=10000, save_every=10000)
    return smoke(config) if variant == "smoke" else config
