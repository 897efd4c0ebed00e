"""Noise taken away: a small DnCNN of ten photographs, minutes on a CPU.

    resnet-jax train --config=photos_dncnn25 --workdir=runs/photos_dncnn25

The network of Zhang et al. 2016, arXiv:1608.03981, with 8 of its 17 layers and half of
its channels, for color images and Gaussian noise of 25 grey levels. The photographs
ship with scikit-image and scikit-learn; nothing is downloaded.
Result: published none for this data;
ours: see results/photos_dncnn25.json.
"""

from resnet_jax.config import new_config, smoke


def get_config(variant=""):
    config = new_config()
    config.batch_size = 32
    config.total_steps = 2000
    config.task = dict(
        name="restoration", loss="half_square", ema_decay=0.99, ema_warmup=True
    )
    config.degradation = dict(name="noise", sigma=25.0)
    config.model = dict(name="dncnn17", depth=8, width=32)
    config.optim = dict(name="adam", schedule=dict(name="cosine", base=1e-3, warmup=50))
    config.data = dict(
        source=dict(name="photos", patch=40),
        train=dict(split="train", transforms=dict(dihedral=dict())),
        evals=dict(
            test=dict(
                split="test", source=dict(name="photos", patch=None), transforms={}
            ),
        ),
        mean=0.0,
        std=1.0,
    )
    config.best = ("test/psnr", "max")
    config.run.update(log_every=50, eval_every=500, save_every=500)
    return smoke(config) if variant == "smoke" else config
