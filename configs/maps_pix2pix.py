"""pix2pix: aerial photographs to maps (Isola et al. 2016, arXiv:1611.07004).

    resnet-jax train --config=maps_pix2pix --workdir=runs/maps_pix2pix

Pairs side by side are looked for in data/maps/train and data/maps/val, as the
authors publish them; --config.data.source.root=FOLDER says otherwise. Images are
enlarged to 286 pixels, cut to 256 and mirrored; the network is tested as it is trained,
with dropout and each image's own statistics (section 3.3). 100 epochs, and 100 more in
which the rate falls to zero, as in the authors' PyTorch program.
Result: published 149.731 (FID, measured by mmgeneration);
ours: see results/maps_pix2pix.json.
"""

from resnet_jax.config import new_config, smoke


def get_config(variant=""):
    config = new_config()
    config.batch_size = 1
    config.total_steps = 219_200
    config.task = dict(
        name="paired",
        loss="non_saturating",
        reconstruction_weight=100.0,
        discriminator_weight=0.5,
        test_statistics="batch",
    )
    config.generator = dict(name="unet256", norm="batch")
    config.discriminator = dict(name="patchgan70", norm="batch")
    adam = dict(name="adam", b1=0.5)
    adam["schedule"] = dict(name="linear", base=2e-4, hold=109_600)
    config.generator_optim = config.discriminator_optim = adam
    config.data = dict(
        source=dict(name="pairs", root="data/maps", direction="AtoB"),
        train=dict(
            split="train",
            transforms=dict(
                resize=dict(size=(286, 286), filter="bicubic"),
                random_crop=dict(size=256),
                flip=dict(),
            ),
        ),
        evals=dict(val=dict(split="val", transforms={})),
        mean=0.5,
        std=0.5,
    )
    config.best = ("val/psnr", "max")
    config.run.update(log_every=100, eval_every=10_960, save_every=10_960, workers=4)
    return smoke(config) if variant == "smoke" else config
