"""ESRGAN x4 on DIV2K and Flickr2K (Wang et al. 2018, arXiv:1809.00219, section 4.1).

    resnet-jax train --config=df2k_rrdb_x4 --workdir=runs/rrdb_x4
    resnet-jax train --config=df2k_esrgan_x4 --workdir=runs/esrgan_x4

The first line trains the generator by its error, the second goes on from there against
a discriminator that compares, --config.init_from=RUN from another run of it. Content is
compared in VGG-19 before its last ReLU, whose file vgg19-dcbb9e9d.pth of torchvision is
looked for in ~/.cache/resnet_jax/weights and in the cache of PyTorch's hub;
--config.perceptual.source=FILE says otherwise. Weights are averaged, as the authors'
program does now, github.com/XPixelGroup/BasicSR; the paper's second data set for the
game, OutdoorSceneTraining, is left out.

Photographs are looked for in data/df2k, the test sets in data/set5,
data/set14, data/bsd100 and data/urban100; --config.data.source.root=FOLDER and
--config.data.evals.set5.source.root=FOLDER say otherwise. PSNR falls in this game: take
the newest checkpoint, not the best, and measure LPIPS with
`evaluate RUN --lpips=alexnet`.
Result: published none by a measure that is here;
ours: see results/df2k_esrgan_x4.json.
"""

from resnet_jax.config import new_config, smoke


def get_config(variant=""):
    config = new_config()
    config.batch_size = 16
    config.total_steps = 400_000
    config.init_from = "runs/rrdb_x4"
    config.task = dict(
        name="paired",
        protocol="y",
        loss="relativistic_average",
        conditional=False,
        # 5e-3 of the mean of its two halves, as in the authors' program.
        adversarial=2.5e-3,
        reconstruction="l1",
        reconstruction_weight=1e-2,
        discriminator_weight=0.5,
        ema_decay=0.999,
        ema_warmup=True,
    )
    config.perceptual = dict(
        source="vgg19", layers=("conv5_4",), weights=(1.0,), distance="l1"
    )
    config.degradation = dict(name="downscale", factor=4)
    config.generator = dict(name="rrdb_x4")
    config.discriminator = dict(name="esrgan_discriminator")
    config.generator_optim = config.discriminator_optim = dict(
        name="adam",
        schedule=dict(
            name="step",
            base=1e-4,
            boundaries=(50_000, 100_000, 200_000, 300_000),
            factor=0.5,
        ),
    )
    config.data = dict(
        # 32 x 32 inputs, after two pixels are cut off at each border.
        source=dict(name="images", root="data/df2k", patch=144),
        train=dict(split="all", transforms=dict(dihedral=dict())),
        evals={
            name: dict(
                split="all",
                source=dict(name="images", root=f"data/{name}"),
                transforms=dict(crop_multiple=dict(multiple=4)),
            )
            for name in ("set5", "set14", "bsd100", "urban100")
        },
        mean=0.0,
        std=1.0,
    )
    config.best = ("set5/psnr", "max")
    config.run.update(log_every=100, eval_every=5000, save_every=5000, workers=8)
    return smoke(config, size=64) if variant == "smoke" else config
