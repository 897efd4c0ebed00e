"""Bricks, grass and gravel out of noise: a small residual GAN, minutes on a laptop.

    resnet-jax train --config=textures_gan --workdir=runs/textures_gan

Residual blocks of SNGAN (Miyato et al. 2018, arXiv:1802.05957), made small: batch norm
in the generator, spectral norm in the discriminator, the hinge loss. Grey patches of 32
pixels, cut anew from three photographs that ship with scikit-image; nothing is
downloaded. Which of the three a patch is from is not told: images are made of no class.

Distances are of pixels, or in the features of a classifier's run RUN:

    --config.features.source=RUN

Result: published none;
ours: see results/textures_gan.json.
"""

from resnet_jax.config import new_config, smoke


def get_config(variant=""):
    config = new_config()
    config.batch_size = 32
    config.total_steps = 2000
    config.task = dict(
        name="gan", loss="hinge", ema_half_life=10_000, ema_ramp=0.2, dequantize=True
    )
    # As wide as the feature maps are small, so that each block costs about the same.
    config.generator = dict(name="sngan_generator", latent_size=64, width=(64, 48, 24))
    config.discriminator = dict(
        name="sngan_discriminator", bottom=4, width=(24, 48, 64), extra_blocks=0
    )
    adam = dict(name="adam", b1=0.0, b2=0.9)
    config.generator_optim = dict(schedule=dict(name="linear", base=4e-4), **adam)
    config.discriminator_optim = dict(schedule=dict(name="linear", base=8e-4), **adam)
    config.data = dict(
        source=dict(name="textures", samples_per_example=512),
        train=dict(split="train", transforms=dict(flip=dict())),
        evals=dict(
            reference=dict(split="train", transforms=dict()),
            test=dict(split="test", transforms=dict()),
        ),
        mean=(0.5,),
        std=(0.5,),
    )
    config.best = ("test/frechet_distance", "min")
    config.run.update(log_every=50, eval_every=500, save_every=500)
    return smoke(config) if variant == "smoke" else config
