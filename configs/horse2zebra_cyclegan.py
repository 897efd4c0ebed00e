"""CycleGAN: horses to zebras and back (Zhu et al. 2017, arXiv:1703.10593, section 4).

    resnet-jax train --config=horse2zebra_cyclegan --workdir=runs/horse2zebra_cyclegan

Folders trainA, trainB, testA and testB are looked for in data/horse2zebra;
--config.data.source.root=FOLDER says otherwise, or
--config.data.source="{'name': 'domains', 'source': {'name': 'tfds', 'dataset':
'cycle_gan/horse2zebra'}}" for a prepared TFDS data set. 100 epochs, and 100 more in
which the rate falls to zero. Distances are of pixels; FID with the weights of
Inception:

    --config.features.source=inception --config.best="('zebra/fid','min')"

Result: published 62.111 (FID of horses made zebras, mmgeneration);
ours: see results/horse2zebra_cyclegan.json.
"""

from resnet_jax.config import new_config, smoke


def get_config(variant=""):
    config = new_config()
    config.batch_size = 1
    config.total_steps = 266_800
    config.task = dict(
        name="unpaired",
        loss="lsgan",
        cycle=10.0,
        identity=0.5,
        pool_size=50,
    )
    config.generator = dict(name="cyclegan_resnet9")
    config.discriminator = dict(name="patchgan70")
    adam = dict(name="adam", b1=0.5)
    adam["schedule"] = dict(name="linear", base=2e-4, hold=133_400)
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
    return smoke(config) if variant == "smoke" else config
