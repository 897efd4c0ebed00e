"""DCGAN of CIFAR-10 (Radford et al. 2015, arXiv:1511.06434).

    resnet-jax prepare --dataset=cifar10 --from=FOLDER
    resnet-jax train --config=cifar10_dcgan --workdir=runs/cifar10_dcgan

FOLDER holds the binary archive of CIFAR-10; nothing is downloaded. The numbers are
those of section 4, where images have 64 pixels; networks of 32 lack a stage. How long
to train is not said there.

Distances are of pixels. For those in the features of a classifier's run RUN, and for
FID with the weights of Inception:

    --config.features.source=RUN
    --config.features.source=inception --config.best="('reference/fid','min')"

Departs from the paper: latents are normal, not uniform.
Result: published FID 28.12 (as mimicry's README reports it; 28.95 +- 0.42 its own;
10,000 real and 10,000 generated images), 48.29 and inception score 6.11 (50,000 of
each, StudioGAN's benchmark);
ours: see results/cifar10_dcgan.json.
"""

from resnet_jax.config import new_config, smoke


def get_config(variant=""):
    config = new_config()
    config.batch_size = 128  # section 4
    config.total_steps = 100_000
    config.task = dict(name="gan", loss="non_saturating")
    config.generator = dict(name="dcgan_generator", latent_size=100, width=64)
    config.discriminator = dict(name="dcgan_discriminator", width=64)
    adam = dict(
        name="adam",
        b1=0.5,  # section 4
        b2=0.999,
        schedule=dict(name="constant", base=2e-4),  # section 4
    )
    config.generator_optim = config.discriminator_optim = adam
    config.data = dict(
        source=dict(name="tfds", dataset="cifar10", in_memory=True),
        train=dict(split="train", transforms=dict()),
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
