"""Bad light undone: gamma, contrast and noise, minutes on a CPU.

    resnet-jax train --config=photos_enhance --workdir=runs/photos_enhance

A small generator of Johnson et al. 2016, arXiv:1603.08155, without norms, which would
hide the light from it, learns by its error alone. The photographs ship with
scikit-image and scikit-learn; nothing is downloaded.
Result: published none for this data;
ours: see results/photos_enhance.json.
"""

from resnet_jax.config import new_config, smoke


def get_config(variant=""):
    config = new_config()
    config.batch_size = 16
    config.total_steps = 2000
    config.task = dict(
        name="restoration", loss="charbonnier", ema_decay=0.99, ema_warmup=True
    )
    config.degradation = dict(
        name="exposure", gamma=(1.0, 2.5), contrast=(0.4, 1.0), sigma=(0.0, 15.0)
    )
    config.model = dict(
        name="cyclegan_resnet6", width=16, blocks=4, norm="none", kernel_init="fan_in"
    )
    config.optim = dict(
        name="adam", schedule=dict(name="cosine", base=5e-4, warmup=100)
    )
    config.data = dict(
        source=dict(name="photos", patch=64),
        train=dict(split="train", transforms=dict(dihedral=dict())),
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
