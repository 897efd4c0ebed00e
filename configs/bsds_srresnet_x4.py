"""SRResNet x4 from 200 photographs (Ledig et al. 2016, arXiv:1609.04802).

    resnet-jax train --config=bsds_srresnet_x4 --workdir=runs/bsds_srresnet_x4

Learns from the training images of BSDS500, never from its validation images, in which
BSD68 and BSD100 lie. Photographs are looked for in data/bsds500/train, the test sets in
data/set5 and data/set14; --config.data.source.root=FOLDER and
--config.data.evals.set5.source.root=FOLDER say otherwise. Adam, 1e-4 and a tenth
of it after 200 of 400 epochs of 100 steps, patches of 96 pixels:
github.com/twtygqyy/pytorch-SRResNet, whose number from 291 images is the one to beat;
that network has instance norm and leaky ReLU, and its images three sizes.

    resnet-jax train --config=bsds_srresnet_x4:small --workdir=runs/small

is for an hour on a CPU: BasicSR's form of the network, which adds to the enlarged
image, with 4 blocks of 32 channels, 5,000 steps.
Result: published 31.80 dB (other training images);
ours: see results/bsds_srresnet_x4.json.
"""

from resnet_jax.config import new_config, smoke


def get_config(variant=""):
    config = new_config()
    config.batch_size = 16
    config.total_steps = 40_000
    config.task = dict(
        name="restoration", loss="l2", protocol="y", ema_decay=0.999, ema_warmup=True
    )
    config.degradation = dict(name="downscale", factor=4)
    config.model = dict(name="srresnet_x4")
    config.optim = dict(
        name="adam", schedule=dict(name="step", base=1e-4, boundaries=(20_000,))
    )
    config.data = dict(
        # 24 x 24 inputs, after two pixels are cut off at each border.
        source=dict(name="images", root="data/bsds500/train", patch=112),
        train=dict(split="all", transforms=dict(dihedral=dict())),
        evals={
            name: dict(
                split="all",
                source=dict(name="images", root=f"data/{name}"),
                transforms=dict(crop_multiple=dict(multiple=4)),
            )
            for name in ("set5", "set14")
        },
        mean=0.0,
        std=1.0,
    )
    config.data.source.samples_per_example = 8
    config.best = ("set5/psnr", "max")
    config.run.update(log_every=50, eval_every=1000, save_every=1000)
    if variant == "small":
        config.total_steps = 5000
        config.task.loss = "l1"
        config.model.update(name="msrresnet_x4", blocks=4, width=32)
        config.optim.schedule = dict(name="cosine", base=1e-3, warmup=100)
    return smoke(config, size=48) if variant == "smoke" else config
