"""CUT: horses to zebras (Park et al. 2020, arXiv:2007.15651, section 4).

    resnet-jax train --config=horse2zebra_cut --workdir=runs/horse2zebra_cut
    resnet-jax train --config=horse2zebra_cut:fast --workdir=runs/horse2zebra_fastcut

Data and distances as in horse2zebra_cyclegan. 200 epochs, and 200 more in which the
rate falls to zero. FastCUT (appendix C.2) has 150 and 50 of them, ten times the
patches' loss, no identity, and mirror images. Departs from the authors' program, which
neither enlarges nor crops while the rate falls.
Result: published 45.5 (FID; users find 61.7 and 68 at the end of training);
ours: see results/horse2zebra_cut.json.
"""

from resnet_jax.config import new_config, smoke


def get_config(variant=""):
    config = new_config()
    config.batch_size = 1
    config.total_steps = 533_600
    config.task = dict(name="contrastive", loss="lsgan", contrastive=1.0)
    config.generator = dict(
        name="cyclegan_resnet9", resample="antialias", kernel_init="glorot_002"
    )
    config.discriminator = dict(
        name="patchgan70", antialias=True, kernel_init="glorot_002"
    )
    config.sampler = dict(width=256, kernel_init="glorot_002")
    schedule = dict(name="linear", base=2e-4, hold=266_800)
    adam = dict(name="adam", b1=0.5, schedule=schedule)
    config.generator_optim = config.discriminator_optim = adam
    config.data = dict(
        source=dict(name="domains", root="data/horse2zebra"),
        train=dict(
            split="train",
            transforms=dict(
                resize=dict(size=(286, 286), filter="bicubic"),
                random_crop=dict(size=256),
                flip=dict(),
            ),
        ),
        evals=dict(
            horse=dict(split="testA", transforms={}),
            zebra=dict(split="testB", transforms={}),
        ),
        mean=0.5,
        std=0.5,
    )
    config.best = ("zebra/frechet_distance", "min")
    config.run.update(log_every=100, eval_every=13_340, save_every=13_340, workers=4)
    if variant == "fast":
        config.total_steps = 266_800
        schedule["hold"] = 200_100
        config.task.update(contrastive=10.0, identity=False, equivariance=True)
        config.generator_optim = config.discriminator_optim = adam
    return smoke(config) if variant == "smoke" else config
