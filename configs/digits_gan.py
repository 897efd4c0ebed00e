"""Handwritten digits out of noise: a small residual GAN, minutes on a laptop.

    resnet-jax train --config=digits_gan --workdir=runs/digits_gan

R3GAN of Huang et al. 2025, arXiv:2501.05441, made small: blocks without norms, the
relativistic loss with R1 and R2, weights averaged. 1437 images of 8 x 8 pixels ship
with scikit-learn; nothing is downloaded. Distances are of pixels, or with
--config.features.source=runs/digits_resnet in the features of that config's run.
Result: see results/digits_gan.json.
"""

from resnet_jax.config import new_config, smoke


def get_config(variant=""):
    config = new_config()
    config.batch_size = 64
    config.total_steps = 2000
    config.task = dict(
        name="gan",
        loss="relativistic",
        conditional=True,
        ema_half_life=10_000,
        ema_ramp=0.2,
    )
    # Groups of channels would be slow on CPUs, and are few in networks so small.
    network = dict(width=32, blocks=1, group_size=64)
    config.generator = dict(name="r3gan_generator", latent_size=32, **network)
    config.discriminator = dict(name="r3gan_discriminator", **network)
    adam = dict(
        name="adam",
        b1=0.0,
        b2=0.99,
        schedule=dict(name="cosine", base=2e-3, end=2e-4),
    )
    config.generator_optim = config.discriminator_optim = adam
    config.penalties = dict(r1=0.5, r2=0.5)
    config.data = dict(
        source=dict(name="digits"),
        train=dict(split="train", transforms=dict()),
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
