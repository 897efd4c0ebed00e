"""R3GAN of CIFAR-10 (Huang et al. 2025, arXiv:2501.05441).

    resnet-jax prepare --dataset=cifar10 --from=FOLDER
    resnet-jax train --config=cifar10_r3gan --workdir=runs/cifar10_r3gan

FOLDER holds the binary archive of CIFAR-10; nothing is downloaded. The numbers are
those of the paper, appendix D.

Distances are of pixels. For those in the features of a classifier's run RUN, and for
FID with the weights of Inception:

    --config.features.source=RUN
    --config.features.source=inception --config.best="('reference/fid','min')"

Result: published FID 1.96 (50,000 generated images beside the training images, table
6), on 8 L40 GPUs in 4 days;
ours: see results/cifar10_r3gan.json.
"""

from resnet_jax.config import new_config, smoke


def get_config(variant=""):
    config = new_config()
    config.batch_size = 512
    config.total_steps = 250_000_000 // config.batch_size

    def burn_in(base, end):
        """From one value to another over the first images, then constant."""
        return dict(name="cosine", base=base, end=end, over=20_000_000)

    config.task = dict(
        name="gan",
        loss="relativistic",
        conditional=True,
        ema_half_life=burn_in(0.0, 5e6),
    )
    config.generator = dict(name="r3gan_generator", preset="cifar10", dtype="bfloat16")
    config.discriminator = dict(
        name="r3gan_discriminator", preset="cifar10", dtype="bfloat16"
    )
    adam = dict(
        name="adam",
        b1=0.0,
        b2_schedule=burn_in(0.9, 0.99),
        schedule=burn_in(2e-4, 5e-5),
    )
    config.generator_optim = config.discriminator_optim = adam
    gamma = burn_in(0.05, 0.005)
    config.penalties = dict(r1=gamma, r2=gamma)
    config.augment = dict(name="ada", strength=burn_in(0.0, 0.55))
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
