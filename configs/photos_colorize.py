"""Color for grey photographs: a small pix2pix, minutes on a CPU.

    resnet-jax train --config=photos_colorize --workdir=runs/photos_colorize

The conditional game of Isola et al. 2016, arXiv:1611.07004, with least squares, on
lightness and color of CIE 1976 and with the generator of Johnson et al. 2016,
arXiv:1603.08155, made small. The photographs
ship with scikit-image and scikit-learn; nothing is downloaded. Few photographs teach
few colors: what the test shows is how they carry over to other parts of them.
Result: published none for this data;
ours: see results/photos_colorize.json.
"""

from resnet_jax.config import new_config, smoke


def get_config(variant=""):
    config = new_config()
    config.batch_size = 8
    config.total_steps = 2000
    config.task = dict(name="paired", loss="lsgan", ema_decay=0.99, ema_warmup=True)
    config.degradation = dict(name="colorless")
    config.generator = dict(name="cyclegan_resnet6", width=16, blocks=4)
    config.discriminator = dict(name="patchgan34", width=32)
    adam = dict(name="adam", b1=0.5)
    adam["schedule"] = dict(name="linear", base=2e-4, hold=1000)
    config.generator_optim = config.discriminator_optim = adam
    config.data = dict(
        source=dict(name="photos", patch=64),
        train=dict(split="train", transforms=dict(flip=dict())),
        evals=dict(test=dict(split="test", transforms={})),
        mean=0.5,
        std=0.5,
    )
    config.data.evals.test.source = dict(
        name="photos", patch=64, samples_per_example=16
    )
    config.best = ("test/psnr", "max")
    config.run.update(log_every=50, eval_every=500, save_every=500)
    return smoke(config) if variant == "smoke" else config
