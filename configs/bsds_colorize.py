"""Color for grey photographs, learned from 200 of them: half an hour on two CPU cores.

    resnet-jax train --config=bsds_colorize --workdir=runs/bsds_colorize

As photos_colorize, whose few photographs show few colors. The 200 training photographs
of BSDS500 are looked for in data/bsds500/train, Set5 and Set14 in data/set5 and
data/set14, or where --config.data.source.root and --config.data.evals.set5.source.root
say. Upsampling repeats pixels before it convolves: transposed convolutions leave a
checkerboard in the color of even surfaces.
Result: published none for this data;
ours: see results/bsds_colorize.json.
"""

from resnet_jax.config import new_config, smoke


def get_config(variant=""):
    config = new_config()
    config.batch_size = 8
    config.total_steps = 6000
    config.task = dict(name="paired", loss="lsgan", ema_decay=0.99, ema_warmup=True)
    config.degradation = dict(name="colorless")
    config.generator = dict(
        name="cyclegan_resnet6", width=16, blocks=4, resample="resize"
    )
    config.discriminator = dict(name="patchgan34", width=32)
    adam = dict(name="adam", b1=0.5)
    adam["schedule"] = dict(name="linear", base=2e-4, hold=3000)
    config.generator_optim = config.discriminator_optim = adam
    config.data = dict(
        source=dict(name="images", root="data/bsds500/train", patch=64),
        train=dict(split="all", transforms=dict(flip=dict())),
        evals={
            name: dict(
                split="all",
                source=dict(name="images", root=f"data/{name}"),
                transforms=dict(crop_multiple=dict(multiple=4)),
            )
            for name in ("set5", "set14")
        },
        mean=0.5,
        std=0.5,
    )
    config.data.source.samples_per_example = 8
    config.best = ("set14/psnr", "max")
    config.run.update(log_every=50, eval_every=2000, save_every=1000)
    return smoke(config) if variant == "smoke" else config
