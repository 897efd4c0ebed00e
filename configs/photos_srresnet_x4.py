"""Four times larger: a small SRResNet of ten photographs, minutes on a CPU.

    resnet-jax train --config=photos_srresnet_x4 --workdir=runs/photos_srresnet_x4

BasicSR's form of the network of Ledig et al. 2016, arXiv:1609.04802, which adds to the
enlarged image, with 4 of its 16 blocks and half of its channels. The photographs ship
with scikit-image and scikit-learn; nothing is downloaded. Training sees their left
three quarters, the test their right quarters.
Result: published none for this data;
ours: see results/photos_srresnet_x4.json.
"""

from resnet_jax.config import new_config, smoke


def get_config(variant=""):
    config = new_config()
    config.batch_size = 16
    config.total_steps = 2000
    config.task = dict(
        name="restoration", loss="l1", protocol="y", ema_decay=0.99, ema_warmup=True
    )
    config.degradation = dict(name="downscale", factor=4)
    config.model = dict(name="msrresnet_x4", blocks=4, width=32)
    config.optim = dict(name="adam", schedule=dict(name="cosine", base=1e-3, warmup=50))
    config.data = dict(
        # 24 x 24 inputs, after two pixels are cut off at each border.
        source=dict(name="photos", patch=112),
        train=dict(split="train", transforms=dict(dihedral=dict())),
        evals=dict(
            test=dict(
                split="test",
                source=dict(name="photos", patch=None),
                transforms=dict(crop_multiple=dict(multiple=4)),
            ),
        ),
        mean=0.0,
        std=1.0,
    )
    config.best = ("test/psnr", "max")
    config.run.update(log_every=50, eval_every=500, save_every=500)
    return smoke(config, size=48) if variant == "smoke" else config
