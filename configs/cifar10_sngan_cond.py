"""SNGAN with projection on CIFAR-10 (Miyato and Koyama 2018, arXiv:1802.05637).

    resnet-jax prepare --dataset=cifar10 --from=FOLDER
    resnet-jax train --config=cifar10_sngan_cond --workdir=runs/cifar10_sngan_cond

FOLDER holds the binary archive of CIFAR-10; nothing is downloaded. The networks are
SNGAN's (arXiv:1802.05957, table 3) with a norm per class and the discriminator of
equation 3; the numbers are those of github.com/pfnet-research/sngan_projection,
configs/sn_cifar10_conditional.yml.

Distances are of pixels. For those in the features of a classifier's run RUN, and for
FID with the weights of Inception:

    --config.features.source=RUN
    --config.features.source=inception --config.best="('reference/fid','min')"

Departs from it: in a step all updates of the discriminator come before the generator's;
the authors' comes after the first.
Result: published FID 17.5 and inception score 8.62 (10,000 real and 5,000 generated
images, the authors', by mimicry's README); 10.84 +- 0.03 and 8.25 (50,000 of each,
mimicry), 9.01 and 8.83 (StudioGAN's benchmark), both 100,000 steps;
ours: see results/cifar10_sngan_cond.json.
"""

from resnet_jax.config import new_config, smoke


def get_config(variant=""):
    config = new_config()
    config.batch_size = 64
    config.total_steps = 50_000
    config.task = dict(
        name="gan",
        loss="hinge",
        conditional=True,
        n_critic=5,
        generator_batches=2,
        dequantize=True,
    )
    config.generator = dict(name="sngan_generator", latent_size=128, width=256)
    config.discriminator = dict(name="sngan_discriminator", width=128)
    adam = dict(
        name="adam",
        b1=0.0,
        b2=0.9,
        schedule=dict(name="linear", base=2e-4),
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
    config.run.update(log_every=100, eval_every=5000, save_every=5000)
    return smoke(config) if variant == "smoke" else config
