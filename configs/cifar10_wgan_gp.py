"""WGAN-GP of CIFAR-10, a ResNet (Gulrajani et al. 2017, arXiv:1704.00028, appendix F).

    resnet-jax prepare --dataset=cifar10 --from=FOLDER
    resnet-jax train --config=cifar10_wgan_gp --workdir=runs/cifar10_wgan_gp

FOLDER holds the binary archive of CIFAR-10; nothing is downloaded. The numbers are
those of github.com/igul222/improved_wgan_training, gan_cifar_resnet.py.

Distances are of pixels. For those in the features of a classifier's run RUN, and for
FID with the weights of Inception:

    --config.features.source=RUN
    --config.features.source=inception --config.best="('reference/fid','min')"

Departs from it: images are of no class, and there is no auxiliary classifier.
Result: published inception score 7.86 +- 0.07 (the paper, without classes); FID 22.29
+- 0.06 and inception score 7.33 (50,000 real and generated images, mimicry's README);
ours: see results/cifar10_wgan_gp.json.
"""

from resnet_jax.config import new_config, smoke


def get_config(variant=""):
    config = new_config()
    config.batch_size = 64
    config.total_steps = 100_000
    config.task = dict(
        name="gan",
        loss="wasserstein",
        n_critic=5,  # algorithm 1
        generator_batches=2,
        dequantize=True,
    )
    config.generator = dict(name="wgan_gp_generator", latent_size=128, width=128)
    config.discriminator = dict(name="wgan_gp_discriminator", width=128)
    adam = dict(
        name="adam",
        b1=0.0,
        b2=0.9,
        schedule=dict(name="linear", base=2e-4),
    )
    config.generator_optim = config.discriminator_optim = adam
    config.penalties = dict(gradient_penalty=10.0)  # section 4
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
