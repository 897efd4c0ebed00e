"""R3GAN of faces, FFHQ at 64 pixels (Huang et al. 2025, arXiv:2501.05441).

    resnet-jax train --config=ffhq64_r3gan --workdir=runs/ffhq64_r3gan

The current folder holds thumbnails128x128, the folder of FFHQ with 70,000 images of 128
pixels in subfolders (github.com/NVlabs/ffhq-dataset); --config.data.source.root=FOLDER
where it lies elsewhere. The numbers are those of the paper, appendix D. With many cores
add --config.run.workers=16.

Distances are of pixels. For those in the features of a classifier's run RUN, and for
FID with the weights of Inception:

    --config.features.source=RUN
    --config.features.source=inception --config.best="('reference/fid','min')"

Departs from the paper: images are reduced to 64 pixels by our antialiased filter. All
are trained on, as there, so none are left to test on.
Result: published FID 1.95 (50,000 generated images beside all 70,000, the paper's
tables);
ours: see results/ffhq64_r3gan.json.
"""

from resnet_jax.config import new_config, smoke


def get_config(variant=""):
    config = new_config()
    config.batch_size = 256
    config.total_steps = 100_000_000 // config.batch_size

    def burn_in(base, end):
        """From one value to another over the first images, then constant."""
        return dict(name="cosine", base=base, end=end, over=20_000_000)

    config.task = dict(
        name="gan",
        loss="relativistic",
        ema_half_life=burn_in(0.0, 5e5),
    )
    config.generator = dict(name="r3gan_generator", preset="ffhq64", dtype="bfloat16")
    config.discriminator = dict(
        name="r3gan_discriminator", preset="ffhq64", dtype="bfloat16"
    )
    adam = dict(
        name="adam",
        b1=0.0,
        b2_schedule=burn_in(0.9, 0.99),
        schedule=burn_in(2e-4, 5e-5),
    )
    config.generator_optim = config.discriminator_optim = adam
    gamma = burn_in(2.0, 0.2)
    config.penalties = dict(r1=gamma, r2=gamma)
    config.augment = dict(name="ada", strength=burn_in(0.0, 0.3))
    config.data = dict(
        source=dict(name="folder", root="thumbnails128x128"),
        train=dict(split="all", transforms=dict(resize=dict(size=64), flip=dict())),
        evals=dict(
            reference=dict(split="all", transforms=dict(resize=dict(size=64))),
        ),
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
    )
    config.best = ("reference/frechet_distance", "min")
    config.run.update(log_every=100, eval_every=10000, save_every=10000)
    return smoke(config) if variant == "smoke" else config
